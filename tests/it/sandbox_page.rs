//! The sandbox against the API's page: its samples, filters, error codes, paging and rules.

use std::collections::BTreeSet;

use numctl::sandbox::{
    AUTH_TOKEN, Delivery, Faults, HttpAnswer, HttpRequest, MAIN_SID, SUBACCOUNT_SID, Sandbox, SandboxStatus,
    World,
};
use serde_json::Value;

use crate::sandbox_request::request;

const LIST: &str = "/Numbers/ActiveNumbers";
const SEARCH: &str = "/Numbers/AvailableNumbers";
const SECOND_SUBACCOUNT: &str = "AC00000000000000000000000000000003";
const STRANGER: &str = "AC00000000000000000000000000000009";
const TOLL_FREE: &str = "+18559728742";

/// A sandbox, and who is asking it.
struct Client {
    sandbox: Sandbox,
    user: &'static str,
}

impl Client {
    fn new(numbers: usize, faults: &str) -> Self {
        let faults: Faults = faults.parse().expect("a fault specification");
        Self { sandbox: Sandbox::new(World::demo(numbers), faults), user: MAIN_SID }
    }

    fn send(&mut self, method: &str, path: &str, query: &str, form: &[(&str, &str)]) -> HttpAnswer {
        self.sandbox.handle(&HttpRequest {
            credentials: Some((self.user.into(), AUTH_TOKEN.into())),
            base: "https://preview.twilio.com".into(),
            ..request(method, path, query, form)
        })
    }

    fn get(&mut self, path: &str, query: &str) -> Value {
        let answer = self.send("GET", path, query, &[]);
        assert_eq!(answer.status, 200, "{path}?{query}: {}", String::from_utf8_lossy(&answer.body));
        json(&answer)
    }

    fn post(&mut self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.send("POST", path, "", form);
        (answer.status, json(&answer))
    }

    /// The code of an error, and its body's shape checked.
    fn refused(&mut self, method: &str, path: &str, query: &str, form: &[(&str, &str)]) -> (u16, u64) {
        let answer = self.send(method, path, query, form);
        let body = json(&answer);
        let code = body["code"].as_u64().unwrap_or_else(|| panic!("no code in {body}"));
        assert_eq!(body["status"], answer.status);
        assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()));
        assert_eq!(keys(&body), ["code", "message", "more_info", "status"]);
        (answer.status, code)
    }

    fn sid(&mut self, number: &str) -> String {
        let body = self.get(LIST, &format!("PhoneNumber={}", number.replace('+', "%2B")));
        body["items"][0]["sid"].as_str().expect("a sid").to_owned()
    }

    fn path(&mut self, number: &str) -> String {
        format!("{LIST}/{}", self.sid(number))
    }

    /// How many rows of the list, or of the search, a query leaves.
    fn count(&mut self, path: &str, query: &str) -> usize {
        self.get(path, query)["items"].as_array().map_or(0, Vec::len)
    }
}

fn json(answer: &HttpAnswer) -> Value {
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer.body)))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/it/page/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect("a fixture")).expect("JSON")
}

/// Asserts the same keys, and the same JSON types and values but for those that name this very
/// number, account or host.
fn same(at: &str, ours: &Value, page: &Value, free: &[&str]) {
    match (ours, page) {
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<BTreeSet<_>>(), b.keys().collect::<BTreeSet<_>>(), "{at}");
            for (key, value) in a {
                same(&format!("{at}.{key}"), value, &b[key], free);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{at}");
            for (a, b) in a.iter().zip(b) {
                same(at, a, b, free);
            }
        }
        _ if free.iter().any(|free| at.ends_with(free)) => {
            assert_eq!(ours.is_string(), page.is_string(), "{at}");
        }
        _ => assert_eq!(ours, page, "{at}"),
    }
}

/// Settings as empty as those of the page's samples: the demo URLs that a fresh number has.
const CLEARED: &[(&str, &str)] = &[("Configurations.Voice.Url", ""), ("Configurations.Sms.Url", "")];

#[test]
fn the_list_sample() {
    let mut client = Client::new(1, "");
    let path = client.path("+15552230000");
    assert_eq!(client.post(&path, CLEARED).0, 200);
    client.sandbox.faults = "list-bare".parse().expect("faults");
    let body = client.get(LIST, "PhoneNumber=%2B15552230000");
    let free = [".phone_number", ".first_page_url", ".meta.url"];
    same("list", &body, &fixture("list"), &free);
    let raw =
        "https://preview.twilio.com/Numbers/ActiveNumbers/US?PhoneNumber=+15552230000&PageSize=50&Page=0";
    assert_eq!(body["meta"]["first_page_url"], raw, "as malformed as on the page");
}

#[test]
fn the_list_in_its_other_dialects() {
    let item = |faults: &str| Client::new(1, faults).get(LIST, "")["items"][0].clone();
    let wild = item("");
    assert!(wild["sid"].as_str().is_some_and(|sid| sid.starts_with("PN") && sid.len() == 34));
    assert_eq!(wild["account_sid"], MAIN_SID);
    assert_eq!(wild["configurations"]["friendly_name"], "(555) 223-0000");
    let page = fixture("list")["items"][0].clone();
    let extra = |item: &Value| {
        keys(item)
            .into_iter()
            .filter(|key| page.get(key).is_none())
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(extra(&wild), ["account_sid", "sid", "url"].map(str::to_owned).into());
    assert_eq!(extra(&item("list-without-sid")), ["url".to_owned()].into());
    assert_eq!(extra(&item("list-bare")), BTreeSet::new());
}

#[test]
fn the_purchase_sample() {
    let mut client = Client::new(0, "list-bare");
    let mut form = vec![("PhoneNumber", "+15552230000")];
    form.extend(CLEARED);
    let (status, body) = client.post(LIST, &form);
    assert_eq!(status, 201);
    same("purchase", &body, &fixture("purchase"), &[".first_page_url", ".meta.url"]);
}

#[test]
fn the_fetch_and_configure_samples() {
    let mut client = Client::new(0, "");
    let (status, body) = client.post(LIST, &[("PhoneNumber", TOLL_FREE), ("Configurations.Sms.Url", "")]);
    assert_eq!(status, 201, "{body}");
    let path = client.path(TOLL_FREE);
    let free = [".url", ".sid"];
    // The page's own request, spaces and all: nothing of it takes, as its own answer shows.
    let asked = [
        ("Configurations.Voice.Url ", " https://my-voice-url.com"),
        ("Configurations.Sms.Url ", " https://my-sms-url.com"),
    ];
    let (status, body) = client.post(&path, &asked);
    assert_eq!(status, 200);
    assert_eq!(body["configuration"]["voice"]["url"], "https://demo.twilio.com/welcome/voice/");
    let host = fixture("configure");
    let free_here = [free[0], free[1], ".account_sid"];
    same("configure", &body, &host, &free_here);
    client.post(&path, CLEARED);
    let fetched = client.get(&path, "");
    same("fetch", &fetched, &fixture("fetch"), &free_here);
    assert_eq!(fetched["items"][0]["configuration"]["voice"]["url"], "");
    assert_eq!(fetched["meta"]["url"], fixture("fetch")["meta"]["url"], "no ? before PageSize");
    assert_eq!(fetched["items"][0]["url"], format!("https://preview.twilio.com{path}"));
}

#[test]
fn search_rows() {
    let mut client = Client::new(4, "");
    let body = client.get(SEARCH, "PhoneNumber=%2B14155551234");
    let mut page = fixture("list")["items"][0].clone();
    let row = page.as_object_mut().expect("an object");
    row.remove("configurations");
    row.insert("base_setup_price".into(), "0.0".into());
    row.insert("base_recurring_price".into(), "1.15".into());
    let free = [
        ".phone_number",
        ".base_recurring_price",
        ".lata",
        ".rate_center",
        ".latitude",
        ".longitude",
        ".region",
        ".locality",
        ".postal_code",
    ];
    same("search", &body["items"][0], &page, &free);
    assert!(body["items"][0]["geography"]["lata"].is_i64());
    assert!(body["items"][0]["geography"]["latitude"].is_f64());
    assert_eq!(client.count(SEARCH, "PhoneNumber=%2B15552230000"), 0, "owned numbers are not on offer");
    assert_eq!(client.count("/AvailableNumbers/", "PageSize=7"), 7);
    assert_eq!(Client::new(0, "empty-inventory").count(SEARCH, ""), 0);
}

#[test]
fn every_documented_filter() {
    let mut client = Client::new(2, "");
    for number in ["+14155551234", TOLL_FREE, "+18885550000", "+447700900001", "+442079460001"] {
        assert_eq!(client.post(LIST, &[("PhoneNumber", number)]).0, 201, "{number}");
    }
    let all = client.count(LIST, "");
    assert_eq!(all, 7);
    for (query, expected) in [
        ("PhoneNumber=%2B14155551234", 1),
        ("PhoneNumber=+14155551234", 1),
        ("PhoneNumber=%2B1555*", 2),
        ("PhoneNumber=%2B14155559999", 0),
        ("Type=local", 4),
        ("Type=TollFree", 2),
        ("Type=toll-free", 2),
        ("Type=shortcode", 0),
        ("Capabilities.Voice.InboundCallerIdPreservation=International", 5),
        ("Capabilities.Voice.InboundReachability=Domestic", 2),
        ("Capabilities.Sms.InboundSenderIdPreservation=Domestic", 1),
        ("Capabilities.Sms.InboundReachability=global", 5),
        ("Capabilities.Mms.InboundReachability=Global", 3),
        ("Geography.IsoCountry=gb", 2),
        ("Geography.Lata=722", 1),
        ("Geography.RateCenter=Huntington", 2),
        ("Geography.Latitude=37.7749", 1),
        ("Geography.Longitude=-73.4347", 2),
        ("Geography.Region=CA", 1),
        ("Geography.Locality=San+Francisco", 1),
        ("Geography.PostalCode=11743", 2),
        ("Type=local&Geography.IsoCountry=US&Geography.Region=NY", 2),
        // Names are case-sensitive, and what is not a filter filters nothing.
        ("type=mobile", all),
        ("Colour=red", all),
    ] {
        assert_eq!(client.count(LIST, query), expected, "{query}");
        let offered = client.count(SEARCH, &format!("{query}&PageSize=1"));
        assert!(offered <= 1, "{query}");
    }
    let body = client.get(SEARCH, "Geography.IsoCountry=GB&Type=mobile&PageSize=2");
    assert_eq!(body["items"][1]["phone_number"], "+447700900002", "the first is owned");
}

#[test]
fn pages_hold_every_number_once_and_links_lead_on() {
    let mut client = Client::new(120, "");
    for size in [1, 7, 50, 1000] {
        for filter in ["", "PhoneNumber=%2B1555*&", "Geography.RateCenter=HUNTINGTON&Type=local&"] {
            let mut seen = Vec::new();
            let mut query = format!("{filter}PageSize={size}");
            for page in 0.. {
                let body = client.get(LIST, &query);
                let meta = &body["meta"];
                assert_eq!((meta["page"].as_u64(), meta["page_size"].as_u64()), (Some(page), Some(size)));
                assert_eq!(meta["previous_page_url"].is_null(), page == 0);
                for item in body["items"].as_array().expect("items") {
                    seen.push(item["phone_number"].as_str().expect("a number").to_owned());
                }
                let Some(next) = meta["next_page_url"].as_str() else { break };
                let next = url::Url::parse(next).expect("a well-formed link");
                assert_eq!((next.host_str(), next.path()), (Some("preview.twilio.com"), LIST));
                query = next.query().expect("a query").to_owned();
                assert!(!query.contains('+') && query.starts_with(filter), "{query}");
            }
            assert_eq!(seen.len(), 120);
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 120);
        }
    }
    assert_eq!(client.count(LIST, ""), 50, "the default");
    assert_eq!(client.count(LIST, "Page=9"), 0, "beyond the end");
    assert_eq!(client.refused("GET", LIST, "PageSize=1001", &[]), (400, 20007));
    assert_eq!(client.refused("GET", LIST, "PageSize=0", &[]), (400, 20007));
    assert_eq!(client.refused("GET", LIST, "Page=x", &[]), (400, 20422));
    let capped = Client::new(30, "page-cap=10").get(LIST, "PageSize=1000");
    assert_eq!(
        (&capped["meta"]["page_size"], capped["items"].as_array().map(Vec::len)),
        (&10.into(), Some(10))
    );
}

#[test]
fn every_path_form() {
    let mut client = Client::new(1, "");
    let path = client.path("+15552230000");
    assert_eq!(client.count("/Numbers/ActiveNumbers/", "PageSize=1000"), 1);
    assert_eq!(client.count(&format!("{path}.json"), ""), 1);
    let odd =
        client.send("POST", &format!("{path}.json"), "Configurations.Voice.Url=https%3A%2F%2Fa.example", &[]);
    assert_eq!(json(&odd)["configuration"]["voice"]["url"], "https://a.example", "from the query");
    for (method, path) in [("PUT", LIST), ("DELETE", LIST), ("PUT", &*path), ("POST", SEARCH)] {
        assert_eq!(client.refused(method, path, "", &[]), (405, 20004), "{method} {path}");
    }
    for path in [
        "/",
        "/Numbers",
        "/Numbers/Activenumbers",
        "/Numbers/ActiveNumbers/PNx",
        "/Numbers/ActiveNumbers/a/b",
    ] {
        assert_eq!(client.refused("GET", path, "", &[]), (404, 20404), "{path}");
    }
    let mut off = Client::new(1, "not-enabled");
    assert_eq!(off.refused("GET", LIST, "", &[]), (404, 20404));
}

#[test]
fn who_may_ask() {
    let mut client = Client::new(2, "");
    let ask = |client: &mut Client, credentials: Option<(&str, &str)>| {
        let answer = client.sandbox.handle(&HttpRequest {
            method: "GET".into(),
            path: LIST.into(),
            credentials: credentials.map(|(user, secret)| (user.into(), secret.into())),
            ..HttpRequest::default()
        });
        (answer.status, json(&answer)["code"].as_u64())
    };
    for bad in [None, Some((MAIN_SID, "wrong")), Some(("AC9", AUTH_TOKEN)), Some(("", ""))] {
        assert_eq!(ask(&mut client, bad), (401, Some(20003)), "{bad:?}");
    }
    let main = |client: &mut Client, status| {
        client.sandbox.world.account_mut(MAIN_SID).expect("the main account").status = status;
    };
    client.sandbox.world.account_mut(MAIN_SID).expect("main").keys.insert("SK1".into(), "s".into());
    assert_eq!(ask(&mut client, Some(("SK1", "s"))), (200, None));
    assert_eq!(ask(&mut client, Some(("SK1", "t"))), (401, Some(20003)));
    main(&mut client, SandboxStatus::Suspended);
    assert_eq!(ask(&mut client, Some((MAIN_SID, AUTH_TOKEN))), (403, Some(20005)));
    assert_eq!(ask(&mut client, Some((SUBACCOUNT_SID, AUTH_TOKEN))), (403, Some(20005)));
    main(&mut client, SandboxStatus::Active);
    client.user = SUBACCOUNT_SID;
    assert_eq!(client.count(LIST, ""), 0, "each account lists its own");
    let answer = client.send("GET", LIST, "", &[]);
    let request_id = answer.header("twilio-request-id").expect("an id").to_owned();
    assert!(request_id.starts_with("RQ") && request_id.len() == 34);
    assert_eq!(answer.header("Twilio-Concurrent-Requests"), Some("1"));
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
}

#[test]
fn buying() {
    let mut client = Client::new(1, "");
    let (status, body) = client.post(
        LIST,
        &[
            ("PhoneNumber", "+14155551234"),
            ("FriendlyName", "Desk"),
            ("Configurations.Voice.Url", "https://a.example/answer"),
            ("Configurations.Nonsense", "1"),
        ],
    );
    assert_eq!(status, 201);
    let configurations = &body["items"][0]["configurations"];
    assert_eq!(configurations["friendly_name"], "Desk");
    assert_eq!(configurations["voice"]["url"], "https://a.example/answer");
    assert_eq!(configurations["sms"]["url"], "https://demo.twilio.com/welcome/sms/reply");
    // The page's curl sends its + unencoded.
    let answer = client.sandbox.handle(&HttpRequest {
        method: "POST".into(),
        path: LIST.into(),
        form: "PhoneNumber=+14155551235".into(),
        credentials: Some((MAIN_SID.into(), AUTH_TOKEN.into())),
        ..HttpRequest::default()
    });
    assert_eq!(answer.status, 201);
    client.sandbox.world.ensure_account(STRANGER, None);
    client.sandbox.world.give("+12125550000".parse().expect("a number"), STRANGER);
    for (form, code) in [
        (&[][..], 20422),
        (&[("PhoneNumber", "")], 20422),
        (&[("PhoneNumber", "4155551234")], 21421),
        (&[("PhoneNumber", "+1415abc")], 21421),
        (&[("PhoneNumber", "12345")], 21421),
        (&[("PhoneNumber", "+16312237469")], 21452),
        (&[("PhoneNumber", "+12125550000")], 21452),
        (&[("PhoneNumber", "+14155551234")], 21452),
        (&[("PhoneNumber", "+493023125000")], 21650),
        (&[("PhoneNumber", "+442079460000"), ("Configurations.Sms.Url", "https://a.example")], 21407),
        (&[("PhoneNumber", "+14155550000"), ("Configurations.Voice.Url", "nonsense")], 21402),
    ] {
        assert_eq!(client.refused("POST", LIST, "", form), (400, code), "{form:?}");
    }
    assert_eq!(client.count(LIST, ""), 3, "a refused purchase buys nothing");
    let one = [("PhoneNumber", "+14155550000")];
    assert_eq!(Client::new(0, "trial").refused("POST", LIST, "", &one), (400, 21404));
    assert_eq!(Client::new(0, "empty-inventory").refused("POST", LIST, "", &one), (400, 21452));
}

#[test]
fn buying_what_one_owns_in_its_three_dialects() {
    let form = [("PhoneNumber", "+15552230000"), ("Configurations.Voice.Url", "https://a.example")];
    let url = |body: &Value| body["items"][0]["configurations"]["voice"]["url"].clone();
    let (status, body) = Client::new(1, "owned=update").post(LIST, &form);
    assert_eq!((status, url(&body)), (201, "https://a.example".into()));
    let (status, body) = Client::new(1, "owned=ignore").post(LIST, &form);
    assert_eq!((status, url(&body)), (201, "https://demo.twilio.com/welcome/voice/".into()));
    assert_eq!(Client::new(1, "owned=refuse").refused("POST", LIST, "", &form), (400, 21452));
}

#[test]
fn configuring() {
    let mut client = Client::new(1, "");
    let path = client.path("+15552230000");
    let trunk = format!("TK{}", "a".repeat(32));
    let (_, body) = client.post(
        &path,
        &[
            ("FriendlyName", "Desk"),
            ("Configurations.StatusCallback", "https://a.example/status"),
            ("Configurations.StatusCallbackMethod", "GET"),
            ("Configurations.Voice.TrunkSid", &trunk),
            ("Configurations.Voice.CallerIdLookup", "true"),
            ("Configurations.Voice.ReceiveMode", "fax"),
            ("Configurations.Voice.EmergencyStatus", "Active"),
        ],
    );
    let now = &body["configuration"];
    assert_eq!((&now["friendly_name"], &now["status_callback_method"]), (&"Desk".into(), &"GET".into()));
    assert_eq!(now["status_callback_url"], "https://a.example/status");
    assert_eq!(
        (&now["voice"]["trunk_sid"], &now["voice"]["caller_id_lookup"]),
        (&trunk.into(), &true.into())
    );
    assert_eq!(now["voice"]["emergency_status"], "Inactive", "writes are ignored");
    assert_eq!(now["voice"]["receive_mode"], "fax", "so that the echo can be checked");
    assert_eq!(now["voice"]["url"], "https://demo.twilio.com/welcome/voice/", "not sent, not changed");
    let listed = client.get(LIST, "")["items"][0]["configurations"].clone();
    assert_eq!(
        (&listed["status_callback"], &listed["voice"]["receive_mode"]),
        (&"https://a.example/status".into(), &"fax".into())
    );
    let (_, body) = client.post(&path, &[("Configurations.FriendlyName", "")]);
    assert_eq!(body["configuration"]["friendly_name"], "(555) 223-0000");

    client.sandbox.faults = "documented-only,normalise-urls".parse().expect("faults");
    let (status, body) =
        client.post(&path, &[("FriendlyName", "New"), ("Configurations.Voice.Url", "https://A.example:443")]);
    assert_eq!((status, &body["configuration"]["friendly_name"]), (200, &"(555) 223-0000".into()));
    assert_eq!(body["configuration"]["voice"]["url"], "https://a.example/");
}

#[test]
fn moving() {
    let mut client = Client::new(2, "");
    client.sandbox.world.ensure_account(SECOND_SUBACCOUNT, Some(MAIN_SID));
    client.sandbox.world.ensure_account(STRANGER, None);
    let path = client.path("+15552230000");
    let application = format!("AP{}", "a".repeat(32));
    client.post(
        &path,
        &[
            ("Configurations.Voice.ApplicationSid", &application),
            ("Configurations.Voice.Url", "https://a.example"),
        ],
    );
    for (target, code) in
        [("AC1", 21470), ("", 21470), ("AC000000000000000000000000000000ff", 21471), (STRANGER, 21473)]
    {
        assert_eq!(client.refused("POST", &path, "", &[("AccountSid", target)]), (400, code), "{target}");
    }
    client.sandbox.world.account_mut(SECOND_SUBACCOUNT).expect("it").status = SandboxStatus::Suspended;
    assert_eq!(client.refused("POST", &path, "", &[("AccountSid", SECOND_SUBACCOUNT)]), (400, 21472));
    client.sandbox.world.account_mut(SECOND_SUBACCOUNT).expect("it").status = SandboxStatus::Active;

    let (status, body) = client.post(&format!("{path}.json"), &[("AccountSid", SUBACCOUNT_SID)]);
    assert_eq!((status, &body["account_sid"]), (200, &SUBACCOUNT_SID.into()));
    assert!(path.ends_with(body["sid"].as_str().expect("a sid")), "it keeps its SID");
    assert_eq!(body["configuration"]["voice"]["url"], "https://a.example");
    assert!(body["configuration"]["voice"]["application_sid"].is_null(), "it belongs to the old account");
    assert_eq!(client.count(LIST, ""), 1);

    // The parent still sees it and moves it on; it does not act in the subaccount.
    assert_eq!(client.get(&path, "")["items"][0]["account_sid"], SUBACCOUNT_SID);
    assert_eq!(client.refused("POST", &path, "", &[("FriendlyName", "x")]), (404, 20404));
    assert_eq!(client.refused("DELETE", &path, "", &[]), (404, 20404));
    client.user = SUBACCOUNT_SID;
    assert_eq!(client.count(LIST, ""), 1);
    assert_eq!(client.post(&path, &[("FriendlyName", "x")]).0, 200);
    assert_eq!(client.refused("POST", &path, "", &[("AccountSid", MAIN_SID)]), (400, 21474));
    client.user = SECOND_SUBACCOUNT;
    assert_eq!(client.refused("GET", &path, "", &[]), (404, 20404));
    assert_eq!(client.refused("POST", &path, "", &[("AccountSid", MAIN_SID)]), (404, 20404));
    client.user = MAIN_SID;
    assert_eq!(client.post(&path, &[("AccountSid", SECOND_SUBACCOUNT)]).0, 200);
    client.sandbox.faults = "transfer-clears".parse().expect("faults");
    let (_, body) = client.post(&path, &[("AccountSid", MAIN_SID)]);
    assert_eq!(body["configuration"]["voice"]["url"], "");
    assert_eq!(client.count(LIST, ""), 2);
}

#[test]
fn releasing() {
    let mut client = Client::new(1, "");
    let path = client.path("+15552230000");
    let address = format!("AD{}", "a".repeat(32));
    client.post(&path, &[("Configurations.Voice.EmergencyAddressSid", &address)]);
    let refused = client.send("DELETE", &path, "", &[]);
    assert_eq!((refused.status, json(&refused).get("code")), (400, None), "no code is made up");
    client.post(&path, &[("Configurations.Voice.EmergencyAddressSid", "")]);
    let answer = client.send("DELETE", &path, "", &[]);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(client.refused("DELETE", &path, "", &[]), (404, 20404));
    assert_eq!(client.count(SEARCH, "PhoneNumber=%2B15552230000"), 1, "on offer again");
    assert_eq!(client.post(LIST, &[("PhoneNumber", "+15552230000")]).0, 201);
    assert_ne!(client.path("+15552230000"), path, "a number bought again has a new SID");
}

#[test]
fn listings_that_must_not_be_trusted() {
    let mut client = Client::new(10, "null-numbers,link-loop");
    let body = client.get(LIST, "PageSize=5&Page=1");
    assert!(body["items"][4]["phone_number"].is_null() && body["items"][3]["phone_number"].is_string());
    let body = client.get(LIST, "PageSize=5");
    assert!(body["meta"]["next_page_url"].as_str().is_some_and(|link| link.ends_with("Page=0")));
    let body = Client::new(10, "link-foreign").get(LIST, "PageSize=5");
    let next = body["meta"]["next_page_url"].as_str().expect("a link");
    assert!(next.starts_with("https://preview.example.com/"), "{next}");
    let lost = Client::new(10, "list#1=truncate").send("GET", LIST, "", &[]);
    assert_eq!((lost.status, lost.delivery), (200, Delivery::Truncated));
}

#[test]
fn the_request_log_counts_and_names_no_secret() {
    let mut client = Client::new(1, "list#2=503,retry-after=3");
    client.get(LIST, "");
    let failed = client.send("GET", LIST, "", &[]);
    assert_eq!((failed.status, failed.header("Retry-After")), (503, Some("3")));
    client.post(LIST, &[("PhoneNumber", "+14155551234")]);
    let requests = client.sandbox.requests();
    assert_eq!((requests.total, requests.by_operation["list"], requests.by_operation["purchase"]), (3, 2, 1));
    assert_eq!(requests.log[1].fault.as_deref(), Some("503"));
    let log = serde_json::to_string(requests).expect("JSON");
    assert!(!log.contains(AUTH_TOKEN), "{log}");
}

/// `cargo test --release --test it million -- --ignored --nocapture`
#[test]
#[ignore = "a minute without optimisation; shows times"]
#[allow(clippy::print_stderr)]
fn a_million_numbers() {
    let clock = std::time::Instant::now();
    let mut client = Client::new(1_000_000, "");
    eprintln!("made {:?}", clock.elapsed());
    for page in 0..1000 {
        let answer = client.send("GET", LIST, &format!("PageSize=1000&Page={page}"), &[]);
        assert!(answer.status == 200 && answer.body.len() > 1_000_000);
    }
    eprintln!("listed {:?}", clock.elapsed());
    let state = serde_json::to_vec(&client.sandbox.world).expect("JSON");
    eprintln!("state of {} bytes {:?}", state.len(), clock.elapsed());
    for _ in 0..1000 {
        let path = client.path("+15552230000");
        assert_eq!(client.send("DELETE", &path, "", &[]).status, 204);
        assert_eq!(client.post(LIST, &[("PhoneNumber", "+15552230000")]).0, 201);
    }
    eprintln!("released and bought a thousand times {:?}", clock.elapsed());
}

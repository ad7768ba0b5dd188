//! The sandbox against the vendor's OpenAPI files: v2010, accounts, prices and regulations, and
//! that they show the same model as ActiveNumbers.

use numctl::model::number::PhoneNumber;
use numctl::sandbox::{
    AUTH_TOKEN, Faults, HttpAnswer, HttpRequest, MAIN_SID, SUBACCOUNT_SID, Sandbox, Status, World,
};
use serde_json::{Value, json};

use crate::sandbox_request::request;

const ACCOUNTS: &str = "/2010-04-01/Accounts.json";
const ACTIVE: &str = "/Numbers/ActiveNumbers";
const COUNTRIES: &str = "/v1/PhoneNumbers/Countries";
const REGULATIONS: &str = "/v2/RegulatoryCompliance/Regulations";
const SECOND_SUBACCOUNT: &str = "AC00000000000000000000000000000003";
const STRANGER: &str = "AC00000000000000000000000000000009";
const KEY: (&str, &str) = ("SK00000000000000000000000000000001", "secret");
const FIRST: &str = "+15552230000";
const UNOWNED: &str = "+14155551234";
const GB_MOBILE: &str = "+447700900123";
const DE_LOCAL: &str = "+493023125000";
const AU_MOBILE: &str = "+61491570000";

/// The parameters of a POST.
type Form<'a> = &'a [(&'a str, &'a str)];

/// The keys of `api.v2010.account.incoming_phone_number`, and the older `subresource_uris`; without
/// `voice_receive_mode`, which live answers lack.
const ROW: &[&str] = &[
    "account_sid",
    "address_requirements",
    "address_sid",
    "api_version",
    "beta",
    "bundle_sid",
    "capabilities",
    "date_created",
    "date_updated",
    "emergency_address_sid",
    "emergency_address_status",
    "emergency_status",
    "friendly_name",
    "identity_sid",
    "origin",
    "phone_number",
    "sid",
    "sms_application_sid",
    "sms_fallback_method",
    "sms_fallback_url",
    "sms_method",
    "sms_url",
    "status",
    "status_callback",
    "status_callback_method",
    "subresource_uris",
    "trunk_sid",
    "type",
    "uri",
    "voice_application_sid",
    "voice_caller_id_lookup",
    "voice_fallback_method",
    "voice_fallback_url",
    "voice_method",
    "voice_url",
];

/// A sandbox, and who is asking it.
struct Client {
    sandbox: Sandbox,
    user: (String, String),
}

impl Client {
    fn new(numbers: usize, faults: &str) -> Self {
        let mut client = Self {
            sandbox: Sandbox::new(World::demo(numbers), Faults::default()),
            user: (MAIN_SID.into(), AUTH_TOKEN.into()),
        };
        client.dialect(faults);
        client
    }

    fn dialect(&mut self, faults: &str) {
        self.sandbox.faults = faults.parse().expect("a fault specification");
    }

    fn be(&mut self, user: &str) {
        self.user = (user.into(), AUTH_TOKEN.into());
    }

    fn account(&mut self, sid: &str) -> &mut numctl::sandbox::Account {
        self.sandbox.world.account_mut(sid).expect("an account")
    }

    fn give(&mut self, number: &str, account: &str) {
        self.sandbox.world.give(number.parse().expect("a number"), account);
    }

    fn send(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> HttpAnswer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        self.sandbox.handle(&HttpRequest {
            credentials: Some(self.user.clone()),
            base: "http://127.0.0.1:4010".into(),
            ..request(method, path, query, form)
        })
    }

    fn get(&mut self, path: &str) -> Value {
        let answer = self.send("GET", path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }

    /// What a POST answers with this status.
    fn post(&mut self, status: u16, path: &str, form: &[(&str, &str)]) -> Value {
        let answer = self.send("POST", path, form);
        assert_eq!(answer.status, status, "{path} {form:?}: {}", String::from_utf8_lossy(&answer.body));
        body(&answer)
    }

    /// The status and the code of an error; 0 where it has none.
    fn refused(&mut self, method: &str, path: &str, form: &[(&str, &str)]) -> (u16, u64) {
        let answer = self.send(method, path, form);
        assert!(answer.status >= 400, "{method} {path} {form:?}: {}", answer.status);
        let body = body(&answer);
        assert_eq!(body["status"], answer.status);
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()));
        (answer.status, body["code"].as_u64().unwrap_or(0))
    }

    fn path(&self, number: &str) -> String {
        let number: PhoneNumber = number.parse().expect("a number");
        let (account, sid) = self.sandbox.world.owner(number).expect("owned");
        format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json")
    }

    /// The numbers that a list or a search gives, in its order.
    fn numbers(&mut self, path: &str) -> Vec<String> {
        let body = self.get(path);
        let rows = rows(&body);
        rows.iter().map(|row| row["phone_number"].as_str().unwrap_or("null").to_owned()).collect()
    }
}

fn body(answer: &HttpAnswer) -> Value {
    serde_json::from_slice(&answer.body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer.body)))
}

/// The rows of a list: the value of its only key that holds an array, as the vendor's CLI finds it.
fn rows(body: &Value) -> &Vec<Value> {
    let mut arrays = body.as_object().expect("an object").values().filter_map(Value::as_array);
    let rows = arrays.next().expect("rows");
    assert!(arrays.next().is_none(), "one collection: {body}");
    rows
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn list(account: &str) -> String {
    format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json")
}

fn typed(number_type: &str) -> String {
    format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers/{number_type}.json")
}

fn offers(rest: &str) -> String {
    format!("/2010-04-01/Accounts/{MAIN_SID}/AvailablePhoneNumbers/{rest}")
}

fn account(sid: &str) -> String {
    format!("/2010-04-01/Accounts/{sid}.json")
}

fn sid(prefix: &str) -> String {
    format!("{prefix}{}", "a".repeat(32))
}

#[test]
fn every_operation_has_its_status() {
    let mut client = Client::new(2, "");
    let (one, two) = (client.path(FIRST), client.path("+15552230001"));
    let table: &[(&str, &str, Form<'_>, u16, &str)] = &[
        ("GET", &list(MAIN_SID), &[], 200, "list"),
        ("GET", &typed("Local"), &[], 200, "list"),
        ("GET", &one, &[], 200, "fetch"),
        ("POST", &list(MAIN_SID), &[("PhoneNumber", UNOWNED)], 201, "purchase"),
        ("POST", &typed("Local"), &[("PhoneNumber", "+14155551235")], 201, "purchase"),
        ("POST", &one, &[("FriendlyName", "Desk")], 200, "configure"),
        ("POST", &two, &[("AccountSid", SUBACCOUNT_SID)], 200, "transfer"),
        ("DELETE", &one, &[], 204, "release"),
        ("GET", &offers("US/Local.json"), &[], 200, "search"),
        ("GET", &offers("US.json"), &[], 200, "search"),
        ("GET", &format!("/2010-04-01/Accounts/{MAIN_SID}/AvailablePhoneNumbers.json"), &[], 200, "search"),
        ("GET", ACCOUNTS, &[], 200, "account"),
        ("POST", ACCOUNTS, &[("FriendlyName", "New")], 201, "account"),
        ("GET", &account(SUBACCOUNT_SID), &[], 200, "account"),
        ("POST", &account(SUBACCOUNT_SID), &[("FriendlyName", "Sub")], 200, "account"),
        ("GET", COUNTRIES, &[], 200, "price"),
        ("GET", "/v1/PhoneNumbers/Countries/US", &[], 200, "price"),
        ("GET", REGULATIONS, &[], 200, "regulation"),
    ];
    for (method, path, form, status, operation) in table {
        let answer = client.send(method, path, form);
        assert_eq!(answer.status, *status, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.body.is_empty(), *status == 204, "{method} {path}");
        assert!(answer.header("Twilio-Request-Id").is_some_and(|id| id.starts_with("RQ")));
        let logged = client.sandbox.requests().log.back().expect("a log entry");
        assert_eq!(logged.operation, Some(*operation), "{method} {path}");
        assert_eq!(logged.account.as_deref(), Some(MAIN_SID));
    }
    // What there is not: XML, other types, other methods.
    for (method, path, code) in [
        ("GET", list(MAIN_SID).replace(".json", ""), (404, 20404)),
        ("GET", one.replace(".json", ""), (404, 20404)),
        ("GET", one.clone(), (404, 20404)),
        ("GET", typed("local"), (404, 20404)),
        ("GET", account(MAIN_SID).replace(".json", "/Conferences.json"), (404, 20404)),
        ("GET", "/2010-04-01/.json".into(), (404, 20404)),
        ("PUT", list(MAIN_SID), (405, 20004)),
        ("DELETE", list(MAIN_SID), (405, 20004)),
        ("POST", offers("US/Local.json"), (405, 20004)),
        ("DELETE", account(SUBACCOUNT_SID), (405, 20004)),
        ("POST", COUNTRIES.into(), (405, 20004)),
        ("GET", "/v1/PhoneNumbers/Countries/US/x".into(), (404, 20404)),
    ] {
        assert_eq!(client.refused(method, &path, &[]), code, "{method} {path}");
    }
    client.user.1 = "wrong".into();
    for path in [list(MAIN_SID), ACCOUNTS.into(), COUNTRIES.into(), REGULATIONS.into()] {
        assert_eq!(client.refused("GET", &path, &[]), (401, 20003), "{path}");
    }
}

#[test]
fn faults_strike_here_too() {
    let mut client =
        Client::new(1, "list#1=503,account#2=500,price#1=429/20429,purchase#1=drop-after,write#2=500");
    assert_eq!(client.refused("GET", &list(MAIN_SID), &[]), (503, 20503));
    assert_eq!(client.numbers(&list(MAIN_SID)), [FIRST]);
    assert_eq!(client.send("GET", ACCOUNTS, &[]).status, 200);
    assert_eq!(client.refused("GET", ACCOUNTS, &[]), (500, 20500));
    assert_eq!(client.refused("GET", COUNTRIES, &[]), (429, 20429));
    let lost = client.send("POST", &list(MAIN_SID), &[("PhoneNumber", UNOWNED)]);
    assert_eq!(lost.delivery, numctl::sandbox::Delivery::Dropped);
    assert_eq!(client.numbers(&list(MAIN_SID)), [UNOWNED, FIRST], "carried out first");
    assert_eq!(client.refused("POST", ACCOUNTS, &[]), (500, 20500), "opening an account is a write");
}

#[test]
fn a_row_has_every_key_of_the_schema() {
    let mut client = Client::new(1, "");
    let path = client.path(FIRST);
    let row = client.get(&path);
    assert_eq!(keys(&row), ROW);
    assert_eq!(client.get(&list(MAIN_SID))["incoming_phone_numbers"][0], row, "a list shows the same");
    let pn = row["sid"].as_str().expect("a sid").to_owned();
    let expected = json!({
        "account_sid": MAIN_SID, "address_requirements": "none", "address_sid": null,
        "api_version": "2010-04-01", "beta": false, "bundle_sid": null,
        "capabilities": {"voice": true, "sms": true, "mms": true, "fax": true},
        "date_created": "Wed, 01 Jan 2025 00:00:00 +0000", "date_updated": "Wed, 01 Jan 2025 00:00:00 +0000",
        "emergency_address_sid": null, "emergency_address_status": "unregistered",
        "emergency_status": "Inactive", "friendly_name": "(555) 223-0000", "identity_sid": null,
        "origin": "twilio", "phone_number": FIRST, "sid": pn, "sms_application_sid": "",
        "sms_fallback_method": "POST", "sms_fallback_url": "", "sms_method": "POST",
        "sms_url": "https://demo.twilio.com/welcome/sms/reply", "status": "in-use", "status_callback": "",
        "status_callback_method": "POST",
        "subresource_uris": {"assigned_add_ons": path.replace(".json", "/AssignedAddOns.json")},
        "trunk_sid": null, "type": "local", "uri": path, "voice_application_sid": "",
        "voice_caller_id_lookup": false, "voice_fallback_method": "POST", "voice_fallback_url": "",
        "voice_method": "POST", "voice_url": "https://demo.twilio.com/welcome/voice/",
    });
    assert_eq!(row, expected);
    client.give("+18885550000", MAIN_SID);
    let path = client.path("+18885550000");
    let row = client.get(&path);
    assert_eq!(row["capabilities"], json!({"voice": true, "sms": false, "mms": false, "fax": true}));
    assert_eq!(row["type"], "tollfree");
    client.dialect("receive-mode");
    assert_eq!(client.get(&path)["voice_receive_mode"], "voice");
}

#[test]
fn a_write_sets_what_it_names_and_an_empty_value_clears() {
    let mut client = Client::new(1, "");
    let path = client.path(FIRST);
    let before = client.get(&path);
    let [application, trunk, address, identity, bundle] = ["AP", "TK", "AD", "RI", "BU"].map(sid);
    // Parameter, value, key of the row; then what a clearing leaves.
    let table: &[(&str, &str, &str, Value)] = &[
        ("FriendlyName", "Désk", "friendly_name", json!("(555) 223-0000")),
        ("VoiceUrl", "https://a.example/voice", "voice_url", json!("")),
        ("VoiceMethod", "GET", "voice_method", Value::Null),
        ("VoiceFallbackUrl", "https://a.example/f", "voice_fallback_url", json!("")),
        ("VoiceFallbackMethod", "GET", "voice_fallback_method", Value::Null),
        ("VoiceCallerIdLookup", "true", "voice_caller_id_lookup", json!(false)),
        ("VoiceApplicationSid", &application, "voice_application_sid", json!("")),
        ("VoiceReceiveMode", "fax", "voice_receive_mode", Value::Null),
        ("SmsUrl", "https://a.example/sms", "sms_url", json!("")),
        ("SmsMethod", "GET", "sms_method", Value::Null),
        ("SmsFallbackUrl", "https://a.example/sf", "sms_fallback_url", json!("")),
        ("SmsFallbackMethod", "GET", "sms_fallback_method", Value::Null),
        ("SmsApplicationSid", &application, "sms_application_sid", json!("")),
        ("StatusCallback", "https://a.example/status", "status_callback", json!("")),
        ("StatusCallbackMethod", "GET", "status_callback_method", Value::Null),
        ("EmergencyAddressSid", &address, "emergency_address_sid", Value::Null),
        ("AddressSid", &address, "address_sid", Value::Null),
        ("IdentitySid", &identity, "identity_sid", Value::Null),
        ("BundleSid", &bundle, "bundle_sid", Value::Null),
    ];
    let all: Vec<(&str, &str)> = table.iter().map(|(name, value, ..)| (*name, *value)).collect();
    let row = client.post(200, &path, &all);
    for (name, value, key, _) in table {
        let shown = if *value == "true" { json!(true) } else { json!(value) };
        assert_eq!(row[*key], shown, "{name}");
    }
    assert_eq!(
        (&row["emergency_status"], &row["emergency_address_status"]),
        (&json!("Active"), &json!("registered"))
    );
    let ignored = [
        ("EmergencyStatus", "Inactive"),
        ("voiceUrl", "https://b.example"),
        ("Nonsense", "1"),
        ("Configurations.Voice.Url", "https://b.example"),
        ("Configurations.FriendlyName", "x"),
    ];
    assert_eq!(client.post(200, &path, &ignored), row, "unknown parameters are ignored");
    assert_eq!(client.get(&path), row, "an answer tells the truth");
    let trunked = client.post(200, &path, &[("TrunkSid", &trunk)]);
    assert_eq!((&trunked["trunk_sid"], &trunked["voice_application_sid"]), (&json!(trunk), &json!("")));
    let again = client.post(200, &path, &[("VoiceApplicationSid", &application)]);
    assert_eq!(again["trunk_sid"], Value::Null, "they delete each other");
    let mut clear: Vec<(&str, &str)> =
        table.iter().filter(|(name, ..)| !name.ends_with("Method")).map(|(name, ..)| (*name, "")).collect();
    clear.extend([("TrunkSid", "")]);
    let row = client.post(200, &path, &clear);
    for (name, _, key, cleared) in table.iter().filter(|(name, ..)| !name.ends_with("Method")) {
        assert_eq!(&row[*key], cleared, "{name}");
    }
    assert!(!keys(&row).contains(&"voice_receive_mode"));
    assert_ne!(row, before, "methods stay");
    client.dialect("normalise-urls,documented-only");
    let row = client.post(200, &path, &[("VoiceUrl", "https://A.example"), ("TrunkSid", &trunk)]);
    assert_eq!(row["voice_url"], "https://a.example/");
    assert_eq!(row["trunk_sid"], trunk.as_str(), "all of v2010's parameters are documented");
}

#[test]
fn every_refused_setting_has_its_code() {
    let mut client = Client::new(1, "");
    client.give("+18885550000", MAIN_SID);
    let (path, voice_only) = (client.path(FIRST), client.path("+18885550000"));
    let long = "x".repeat(65);
    let table: &[(&str, Form<'_>, u64)] = &[
        (&path, &[("VoiceUrl", "ftp://a.example")], 21402),
        (&path, &[("StatusCallback", "nonsense")], 21402),
        (&path, &[("SmsMethod", "PUT")], 21403),
        (&path, &[("VoiceMethod", "")], 21403),
        (&path, &[("VoiceUrl", ""), ("VoiceFallbackUrl", "https://a.example")], 21405),
        (&path, &[("SmsUrl", ""), ("SmsFallbackUrl", "https://a.example")], 21406),
        (&voice_only, &[("SmsUrl", "https://a.example")], 21407),
        (&path, &[("VoiceApplicationSid", "AP1")], 21420),
        (&path, &[("TrunkSid", "TK1")], 20422),
        (&path, &[("AddressSid", &sid("BU"))], 20422),
        (&path, &[("BundleSid", &sid("AD"))], 20422),
        (&path, &[("IdentitySid", &sid("AD"))], 20422),
        (&path, &[("VoiceReceiveMode", "smoke")], 20422),
        (&path, &[("FriendlyName", &long)], 20422),
    ];
    let before = client.get(&path);
    for (path, form, code) in table {
        assert_eq!(client.refused("POST", path, form), (400, *code), "{form:?}");
    }
    assert_eq!(client.get(&path), before, "a refused write changes nothing");
}

#[test]
fn pages_lead_through_all_numbers_both_ways() {
    let mut client = Client::new(103, "");
    let all = client.numbers(&format!("{}?PageSize=1000", list(MAIN_SID)));
    assert_eq!(all.len(), 103);
    let (mut path, mut seen, mut page) = (format!("{}?PageSize=10", list(MAIN_SID)), Vec::new(), 0);
    let last = loop {
        let body = client.get(&path);
        assert_eq!(
            keys(&body),
            [
                "end",
                "first_page_uri",
                "incoming_phone_numbers",
                "next_page_uri",
                "page",
                "page_size",
                "previous_page_uri",
                "start",
                "uri"
            ]
        );
        let rows = rows(&body);
        assert_eq!(
            (&body["page"], &body["page_size"], &body["start"]),
            (&json!(page), &json!(10), &json!(seen.len()))
        );
        seen.extend(rows.iter().map(|row| row["phone_number"].as_str().expect("a number").to_owned()));
        assert_eq!(body["end"], seen.len() - 1);
        assert_eq!(body["first_page_uri"], format!("{}?PageSize=10&Page=0", list(MAIN_SID)));
        let Some(next) = body["next_page_uri"].as_str() else { break body };
        page += 1;
        let start = format!("{}?PageSize=10&Page={page}&PageToken=PAID", list(MAIN_SID));
        assert!(next.strip_prefix(&start).is_some_and(|hex| hex.len() == 32), "{next}");
        assert_eq!(client.get(next)["uri"], next);
        path = next.to_owned();
    };
    assert_eq!(seen, all);
    let (mut seen, mut body) = (Vec::new(), last);
    loop {
        let mut numbers: Vec<String> = rows(&body)
            .iter()
            .map(|row| row["phone_number"].as_str().expect("a number").to_owned())
            .collect();
        numbers.extend(seen);
        seen = numbers;
        let Some(previous) = body["previous_page_uri"].as_str() else { break };
        assert!(previous.contains("&PageToken=PBID"), "{previous}");
        body = client.get(previous);
        assert!(body["next_page_uri"].is_string());
    }
    assert_eq!(seen, all);
    // Without a token, Page is a position.
    assert_eq!(client.numbers(&format!("{}?PageSize=10&Page=10", list(MAIN_SID))), all[100..]);
    assert_eq!(client.numbers(&list(MAIN_SID)).len(), 50, "the default");
    let mut full = Client::new(20, "");
    let first = full.get(&format!("{}?PageSize=10", list(MAIN_SID)));
    let second = full.get(first["next_page_uri"].as_str().expect("a link"));
    assert_eq!((rows(&second).len(), &second["next_page_uri"]), (10, &Value::Null), "a full last page");
    let beyond = client.get(&format!("{}?Page=9", list(MAIN_SID)));
    assert_eq!((rows(&beyond).len(), &beyond["next_page_uri"]), (0, &Value::Null));
    let empty = client.get(&list(SUBACCOUNT_SID));
    assert_eq!((&empty["start"], &empty["end"], &empty["page_size"]), (&json!(0), &json!(0), &json!(50)));
}

#[test]
fn a_page_token_keeps_its_meaning_when_the_fleet_moves() {
    let mut client = Client::new(9, "");
    let first = client.get(&format!("{}?PageSize=3", list(MAIN_SID)));
    let next = first["next_page_uri"].as_str().expect("a link").to_owned();
    for number in ["+15552230000", "+15552230002"] {
        let path = client.path(number);
        assert_eq!(client.send("DELETE", &path, &[]).status, 204);
    }
    let expected = ["+15552230003", "+15552230004", "+15552230005"];
    assert_eq!(client.numbers(&next), expected, "no number is passed over");
    let back = client.get(&next)["previous_page_uri"].as_str().expect("a link").to_owned();
    assert_eq!(client.numbers(&back), ["+15552230001"]);
    client.post(201, &list(MAIN_SID), &[("PhoneNumber", "+12125550000")]);
    assert_eq!(client.numbers(&next), expected, "and none comes twice");
}

#[test]
fn paging_that_is_refused_or_must_not_be_trusted() {
    let mut client = Client::new(12, "");
    let good = client.get(&format!("{}?PageSize=5", list(MAIN_SID)))["next_page_uri"]
        .as_str()
        .expect("a link")
        .to_owned();
    let token = good.rsplit('=').next().expect("a token").to_owned();
    for bad in [
        "",
        "PAID",
        "1",
        &token[4..],
        &token[..35],
        &token.replace("PA", "PX"),
        &format!("{}zz", &token[..34]),
        &format!("PAID{}", "0".repeat(32)),
    ] {
        let path = format!("{}?PageToken={bad}", list(MAIN_SID));
        assert_eq!(client.refused("GET", &path, &[]), (400, 21481), "{bad}");
    }
    for size in ["1001", "0", "-1", "x"] {
        let path = format!("{}?PageSize={size}", list(MAIN_SID));
        assert_eq!(client.refused("GET", &path, &[]), (400, 20007), "{size}");
    }
    assert_eq!(client.refused("GET", &format!("{}?Page=x", list(MAIN_SID)), &[]), (400, 20422));
    client.dialect("page-cap=5,null-numbers");
    let body = client.get(&format!("{}?PageSize=1000", list(MAIN_SID)));
    assert_eq!((rows(&body).len(), &body["page_size"]), (5, &json!(5)));
    let second = client.numbers(body["next_page_uri"].as_str().expect("a link"));
    assert_eq!(second[4], "null", "+15552230009");
    let path = client.path("+15552230009");
    assert_eq!(client.get(&path)["phone_number"], "+15552230009", "in lists only");
    client.dialect("link-loop");
    let body = client.get(&good);
    assert_eq!(body["next_page_uri"], good.as_str());
    client.dialect("link-foreign");
    let body = client.get(&good);
    assert!(
        body["next_page_uri"]
            .as_str()
            .is_some_and(|link| link.starts_with("https://api.example.com/2010-04-01/"))
    );
}

#[test]
fn filters_of_the_list() {
    let mut client = Client::new(12, "");
    for number in ["+18559728742", "+442079460000", "+15552231111"] {
        client.give(number, MAIN_SID);
    }
    let path = client.path("+15552230003");
    client.post(200, &path, &[("FriendlyName", "Desk")]);
    for (query, expected) in [
        ("PhoneNumber=%2B15552230003", 1),
        ("PhoneNumber=+15552230003", 1),
        ("PhoneNumber=%2B1555223000", 10),
        ("PhoneNumber=%2B1555223", 13),
        ("PhoneNumber=5552230003", 1),
        ("PhoneNumber=223*000", 1),
        ("PhoneNumber=223*00", 10),
        ("PhoneNumber=5223***0", 2),
        ("PhoneNumber=2231", 1),
        ("PhoneNumber=%2B223", 0),
        ("PhoneNumber=%2B4", 1),
        ("PhoneNumber=855WRAT", 1),
        ("FriendlyName=Desk", 1),
        ("FriendlyName=desk", 0),
        ("FriendlyName=(555)+223-0001", 1),
        ("FriendlyName=Des", 0),
        ("Origin=twilio", 15),
        ("Origin=hosted", 0),
        ("Beta=false", 15),
        ("Beta=true", 15),
        ("FriendlyName=Desk&PhoneNumber=%2B15552230004", 0),
        ("Nonsense=1", 15),
    ] {
        assert_eq!(client.numbers(&format!("{}?{query}", list(MAIN_SID))).len(), expected, "{query}");
    }
    assert_eq!(client.refused("GET", &format!("{}?PhoneNumber=(555)", list(MAIN_SID)), &[]), (400, 20422));
    let of = |client: &mut Client, number_type| client.numbers(&typed(number_type)).len();
    assert_eq!(["Local", "Mobile", "TollFree"].map(|number_type| of(&mut client, number_type)), [14, 0, 1]);
    let body = client.get(&format!("{}?PhoneNumber=%2B1555*&PageSize=2&FriendlyName=", list(MAIN_SID)));
    let next = body["next_page_uri"].as_str().expect("a link");
    assert!(next.contains("?PhoneNumber=%2B1555*&PageSize=2&Page=1&"), "{next}");
    assert_eq!(client.numbers(next).len(), 2, "filters are kept");
}

/// The status of a read, of a write to a number, and of a purchase, for each caller and account.
#[test]
fn who_may_do_what() {
    const ANOTHER_KEY: &str = "SK00000000000000000000000000000002";
    let mut client = Client::new(1, "");
    client.sandbox.world.ensure_account(SECOND_SUBACCOUNT, Some(MAIN_SID));
    client.give("+12125550001", SUBACCOUNT_SID);
    client.give("+12125550002", SECOND_SUBACCOUNT);
    client.give("+12125550003", STRANGER);
    client.account(MAIN_SID).keys.insert(KEY.0.into(), KEY.1.into());
    client.account(SUBACCOUNT_SID).keys.insert(ANOTHER_KEY.into(), KEY.1.into());
    let paths = [
        (MAIN_SID, FIRST),
        (SUBACCOUNT_SID, "+12125550001"),
        (SECOND_SUBACCOUNT, "+12125550002"),
        (STRANGER, "+12125550003"),
    ]
    .map(|(account, number)| (list(account), client.path(number)));
    let (yes, no) = ([200, 200, 200], [401, 401, 401]);
    for ((user, secret), expected) in [
        ((MAIN_SID, AUTH_TOKEN), [yes, yes, yes, no]),
        ((SUBACCOUNT_SID, AUTH_TOKEN), [no, yes, no, no]),
        ((STRANGER, AUTH_TOKEN), [no, no, no, yes]),
        (KEY, [yes, no, no, no]),
        ((ANOTHER_KEY, KEY.1), [no, yes, no, no]),
    ] {
        client.user = (user.into(), secret.into());
        for (at, (list, number)) in paths.iter().enumerate() {
            let search = list.replace("IncomingPhoneNumbers", "AvailablePhoneNumbers");
            let found = [
                client.send("GET", list, &[]).status,
                client.send("POST", number, &[("SmsUrl", "https://a.example")]).status,
                client.send("GET", &search, &[]).status,
            ];
            assert_eq!(found, expected[at], "{user} in {list}");
            let buys = client.send("POST", list, &[("PhoneNumber", "+12125550009")]).status;
            assert_eq!(buys == 201, found[0] == 200, "{user} in {list}");
            if buys == 201 {
                let path = client.path("+12125550009");
                assert_eq!(
                    path.split('/').nth(3),
                    list.split('/').nth(3),
                    "bought for the account of the path"
                );
                assert_eq!(client.send("DELETE", &path, &[]).status, 204);
            }
        }
    }
    client.be(MAIN_SID);
    let wrong = paths[0].1.replace(MAIN_SID, SUBACCOUNT_SID);
    for method in ["GET", "POST", "DELETE"] {
        assert_eq!(
            client.refused(method, &wrong, &[]),
            (404, 20404),
            "the wrong owner in the path: {method}"
        );
    }
    assert_eq!(client.refused("POST", &wrong, &[("AccountSid", SUBACCOUNT_SID)]), (404, 20404));
    assert_eq!(client.refused("GET", &list("AC7"), &[]), (401, 20003), "an account that is not there");
    assert_eq!(client.refused("GET", &account(STRANGER), &[]), (404, 20404));
    assert_eq!(client.refused("GET", &account("AC7"), &[]), (404, 20404));
    client.be(SUBACCOUNT_SID);
    assert_eq!(client.refused("GET", &account(MAIN_SID), &[]), (401, 20003));
    for user in [KEY.0, ANOTHER_KEY] {
        client.user = (user.into(), KEY.1.into());
        for (method, path) in [
            ("GET", ACCOUNTS.into()),
            ("POST", ACCOUNTS.into()),
            ("GET", account(MAIN_SID)),
            ("POST", account(MAIN_SID)),
        ] {
            assert_eq!(client.refused(method, &path, &[]), (401, 20003), "{user} {method} {path}");
        }
    }
    assert_eq!(client.get(COUNTRIES)["meta"]["key"], "countries", "prices are for everybody");
}

#[test]
fn accounts_that_are_not_in_use() {
    let mut client = Client::new(1, "");
    client.give("+12125550001", SUBACCOUNT_SID);
    let path = client.path("+12125550001");
    client.account(SUBACCOUNT_SID).status = Status::Suspended;
    let writes = |client: &mut Client| {
        [
            client.refused("POST", &path, &[("SmsUrl", "")]),
            client.refused("DELETE", &path, &[]),
            client.refused("POST", &list(SUBACCOUNT_SID), &[("PhoneNumber", UNOWNED)]),
            client.refused("POST", &path, &[("AccountSid", MAIN_SID)]),
        ]
    };
    assert_eq!(client.numbers(&list(SUBACCOUNT_SID)), ["+12125550001"], "a parent can read");
    assert_eq!(client.get(&path)["phone_number"], "+12125550001");
    assert_eq!(writes(&mut client), [(403, 20005); 4]);
    client.be(SUBACCOUNT_SID);
    for path in [&list(SUBACCOUNT_SID), &path, COUNTRIES, ACCOUNTS] {
        assert_eq!(client.refused("GET", path, &[]), (403, 20005), "its own credentials: {path}");
    }
    client.be(MAIN_SID);
    client.dialect("suspended-unreadable");
    assert_eq!(client.refused("GET", &path, &[]), (403, 20005));
    assert_eq!(client.refused("GET", &list(SUBACCOUNT_SID), &[]), (403, 20005));
    assert_eq!(client.get(&account(SUBACCOUNT_SID))["status"], "suspended", "the account itself is seen");
    client.post(200, &account(SUBACCOUNT_SID), &[("Status", "closed")]);
    assert!(client.numbers(&list(SUBACCOUNT_SID)).is_empty(), "closing releases all");
    assert_eq!(client.refused("GET", &path, &[]), (404, 20404));
    assert_eq!(client.refused("POST", &list(SUBACCOUNT_SID), &[("PhoneNumber", UNOWNED)]), (403, 20005));
    assert_eq!(
        client.post(201, &list(MAIN_SID), &[("PhoneNumber", "+12125550001")])["account_sid"],
        MAIN_SID
    );
    client.be(SUBACCOUNT_SID);
    assert_eq!(client.refused("GET", &list(SUBACCOUNT_SID), &[]), (401, 20003));
}

#[test]
fn transfers() {
    let mut client = Client::new(2, "");
    client.sandbox.world.ensure_account(SECOND_SUBACCOUNT, Some(MAIN_SID));
    client.sandbox.world.ensure_account("AC00000000000000000000000000000004", Some(MAIN_SID));
    client.account("AC00000000000000000000000000000004").status = Status::Suspended;
    client.sandbox.world.ensure_account(STRANGER, None);
    client.account(MAIN_SID).keys.insert(KEY.0.into(), KEY.1.into());
    let path = client.path(FIRST);
    for (target, code) in [
        ("", 21470),
        ("AC1", 21470),
        (&sid("AC")[..], 21471),
        ("AC00000000000000000000000000000004", 21472),
        (STRANGER, 21473),
    ] {
        assert_eq!(client.refused("POST", &path, &[("AccountSid", target)]), (400, code), "{target}");
    }
    client.user = (KEY.0.into(), KEY.1.into());
    assert_eq!(client.refused("POST", &path, &[("AccountSid", SUBACCOUNT_SID)]), (400, 21474), "by a key");
    client.be(MAIN_SID);
    let [application, trunk, address, bundle, identity] = ["AP", "TK", "AD", "BU", "RI"].map(sid);
    client.post(
        200,
        &path,
        &[
            ("TrunkSid", &trunk),
            ("SmsApplicationSid", &application),
            ("AddressSid", &address),
            ("BundleSid", &bundle),
            ("IdentitySid", &identity),
            ("EmergencyAddressSid", &address),
            ("VoiceUrl", "https://a.example"),
            ("VoiceMethod", "GET"),
            ("FriendlyName", "Desk"),
        ],
    );
    // Down, with other parameters, of which only the papers count.
    let new_address = format!("AD{}", "b".repeat(32));
    let row = client.post(
        200,
        &path,
        &[
            ("AccountSid", SUBACCOUNT_SID),
            ("AddressSid", &new_address),
            ("SmsUrl", "https://b.example"),
            ("FriendlyName", "x"),
        ],
    );
    let moved = client.path(FIRST);
    assert_eq!((&row["account_sid"], &row["uri"]), (&json!(SUBACCOUNT_SID), &json!(moved)));
    assert!(moved.ends_with(path.rsplit('/').next().expect("a sid")), "the number keeps its SID");
    let shown = [
        "voice_url",
        "voice_method",
        "sms_url",
        "friendly_name",
        "address_sid",
        "trunk_sid",
        "sms_application_sid",
        "bundle_sid",
        "identity_sid",
        "emergency_address_sid",
        "emergency_address_status",
    ]
    .map(|key| row[key].clone());
    assert_eq!(
        json!(shown),
        json!([
            "https://a.example",
            "GET",
            "https://demo.twilio.com/welcome/sms/reply",
            "Desk",
            new_address,
            null,
            "",
            null,
            null,
            null,
            "unregistered"
        ])
    );
    assert_eq!(client.refused("GET", &path, &[]), (404, 20404), "gone from the losing account");
    client.be(SUBACCOUNT_SID);
    assert_eq!(client.refused("POST", &moved, &[("AccountSid", MAIN_SID)]), (400, 21474), "by a subaccount");
    // Across, and up again.
    client.be(MAIN_SID);
    client.post(200, &moved, &[("AccountSid", SECOND_SUBACCOUNT)]);
    assert_eq!(client.numbers(&list(SECOND_SUBACCOUNT)), [FIRST]);
    client.dialect("transfer-clears");
    let path = client.path(FIRST);
    assert_eq!(
        client.refused("POST", &path, &[("AccountSid", MAIN_SID), ("BundleSid", "BU1")]),
        (400, 20422)
    );
    let row = client.post(200, &path, &[("AccountSid", MAIN_SID)]);
    assert_eq!(
        (&row["voice_url"], &row["sms_url"], &row["account_sid"]),
        (&json!(""), &json!(""), &json!(MAIN_SID))
    );
    assert_eq!(client.numbers(&list(MAIN_SID)).len(), 2);
}

#[test]
fn a_number_that_needs_papers_moves_with_new_ones_only() {
    let mut client = Client::new(0, "");
    for number in [GB_MOBILE, AU_MOBILE, DE_LOCAL] {
        client.give(number, MAIN_SID);
    }
    let [address, bundle] = ["AD", "BU"].map(sid);
    let target = ("AccountSid", SUBACCOUNT_SID);
    let (address, bundle) = (("AddressSid", address.as_str()), ("BundleSid", bundle.as_str()));
    for (number, refused, taken) in [
        (GB_MOBILE, &[&[target][..], &[target, ("AddressSid", "")]][..], &[target, address][..]),
        (AU_MOBILE, &[&[target], &[target, address], &[target, bundle]], &[target, address, bundle]),
        (DE_LOCAL, &[&[target], &[target, address], &[target, bundle]], &[target, address, bundle]),
    ] {
        let path = client.path(number);
        for form in refused {
            assert_eq!(client.refused("POST", &path, form), (400, 21613), "{number} {form:?}");
        }
        let row = client.post(200, &path, taken);
        assert_eq!((&row["account_sid"], &row["address_sid"]), (&json!(SUBACCOUNT_SID), &json!(address.1)));
    }
}

#[test]
fn buying() {
    let mut client = Client::new(1, "");
    client.give("+12125550000", STRANGER);
    let row = client.post(
        201,
        &list(MAIN_SID),
        &[
            ("PhoneNumber", UNOWNED),
            ("FriendlyName", "Desk"),
            ("VoiceUrl", "https://a.example/answer"),
            ("Nonsense", "1"),
        ],
    );
    assert_eq!(keys(&row), ROW);
    assert_eq!(
        (&row["friendly_name"], &row["voice_url"]),
        (&json!("Desk"), &json!("https://a.example/answer"))
    );
    assert_eq!(
        row["sms_url"], "https://demo.twilio.com/welcome/sms/reply",
        "what the purchase does not say is the demo"
    );
    // An area code gives its first number that nobody owns.
    for expected in ["+15105550000", "+15105550001"] {
        let row = client.post(201, &list(MAIN_SID), &[("AreaCode", "510"), ("SmsUrl", "https://a.example")]);
        assert_eq!((&row["phone_number"], &row["sms_url"]), (&json!(expected), &json!("https://a.example")));
    }
    let toll_free = client.post(201, &typed("TollFree"), &[("PhoneNumber", "+18005550000")]);
    assert_eq!(toll_free["type"], "tollfree");
    let base = list(MAIN_SID);
    let table: &[(&str, Form<'_>, u64)] = &[
        (&base, &[], 20422),
        (&base, &[("PhoneNumber", ""), ("AreaCode", "")], 20422),
        (&base, &[("PhoneNumber", "4155551234")], 21421),
        (&base, &[("PhoneNumber", "+1415abc")], 21421),
        (&base, &[("PhoneNumber", "12345")], 21421),
        (&base, &[("PhoneNumber", "+16312237469")], 21422),
        (&base, &[("PhoneNumber", "+12125550000")], 21422),
        (&base, &[("AreaCode", "999")], 21452),
        (&base, &[("AreaCode", "41")], 21451),
        (&base, &[("AreaCode", "4155")], 21451),
        (&base, &[("AreaCode", "x15")], 21451),
        (&base, &[("AreaCode", "155")], 21451),
        (&base, &[("PhoneNumber", "+442079460000"), ("SmsUrl", "https://a.example")], 21407),
        (&base, &[("PhoneNumber", "+14155550000"), ("VoiceUrl", "nonsense")], 21402),
        (&typed("Local"), &[("PhoneNumber", "+18005550001")], 21458),
        (&typed("Mobile"), &[("PhoneNumber", "+14155550000")], 21458),
        (&typed("TollFree"), &[("PhoneNumber", "+14155550000")], 21458),
        (&typed("Local"), &[], 20422),
        (&typed("Local"), &[("AreaCode", "415")], 21457),
    ];
    let before = client.numbers(&base);
    for (path, form, code) in table {
        assert_eq!(client.refused("POST", path, form), (400, *code), "{path} {form:?}");
    }
    assert_eq!(client.numbers(&base), before, "a refused purchase buys nothing");
    client.dialect("empty-inventory");
    assert_eq!(client.refused("POST", &base, &[("PhoneNumber", "+14155550000")]), (400, 21422));
    assert_eq!(client.refused("POST", &base, &[("AreaCode", "415")]), (400, 21452));
    client.dialect("trial");
    assert_eq!(client.refused("POST", &base, &[("PhoneNumber", "+14155550000")]), (400, 21404));
    client.dialect("");
    client.account(SUBACCOUNT_SID).trial = true;
    assert_eq!(
        client.refused("POST", &list(SUBACCOUNT_SID), &[("PhoneNumber", "+14155550000")]),
        (400, 21404)
    );
    client.dialect("not-enabled");
    client.post(201, &base, &[("PhoneNumber", "+14155550000")]);
    assert_eq!(client.refused("GET", ACTIVE, &[]), (404, 20404), "v2010 is generally available");
}

#[test]
fn papers_of_a_purchase() {
    let mut client = Client::new(0, "");
    let [address, bundle, identity] = ["AD", "BU", "RI"].map(sid);
    let (address, bundle, identity) =
        (("AddressSid", &address[..]), ("BundleSid", &bundle[..]), ("IdentitySid", &identity[..]));
    for (number, form, code) in [
        (GB_MOBILE, &[][..], 21631),
        (GB_MOBILE, &[("AddressSid", "")], 21631),
        (GB_MOBILE, &[("AddressSid", "AD1")], 20422),
        (AU_MOBILE, &[bundle], 21631),
        (AU_MOBILE, &[address], 21649),
        (DE_LOCAL, &[bundle, identity], 21615),
        (DE_LOCAL, &[address, identity], 21649),
        (GB_MOBILE, &[address], 201),
        (AU_MOBILE, &[address, bundle], 201),
        (DE_LOCAL, &[address, bundle], 201),
        ("+442079460000", &[], 201),
    ] {
        let form: Vec<_> = [("PhoneNumber", number)].iter().chain(form).copied().collect();
        if code == 201 {
            let row = client.post(201, &list(MAIN_SID), &form);
            for (parameter, key) in [(address, "address_sid"), (bundle, "bundle_sid")] {
                let given = form.contains(&parameter).then_some(parameter.1);
                assert_eq!(row[key].as_str(), given, "{form:?}");
            }
        } else {
            assert_eq!(client.refused("POST", &list(MAIN_SID), &form), (400, code), "{form:?}");
        }
    }
    // ActiveNumbers, which has no parameter for papers, asks for the document alone, as before.
    assert_eq!(client.refused("POST", ACTIVE, &[("PhoneNumber", "+493023125001")]), (400, 21650));
    client.post(201, ACTIVE, &[("PhoneNumber", "+447700900124")]);
}

#[test]
fn buying_what_the_account_owns() {
    let form = [("PhoneNumber", FIRST), ("FriendlyName", "Again"), ("SmsUrl", "")];
    for (faults, expected, active) in [
        ("", Ok("Again"), Err(21452)),
        ("owned=update", Ok("Again"), Ok("Again")),
        ("owned=ignore", Ok("(555) 223-0000"), Ok("(555) 223-0000")),
        ("owned=refuse", Err(21422), Err(21452)),
    ] {
        let mut client = Client::new(1, faults);
        let before = client.path(FIRST);
        match expected {
            Ok(name) => {
                let row = client.post(201, &list(MAIN_SID), &form);
                let sms = if name == "Again" { "" } else { "https://demo.twilio.com/welcome/sms/reply" };
                assert_eq!((&row["friendly_name"], &row["sms_url"]), (&json!(name), &json!(sms)), "{faults}");
            }
            Err(code) => assert_eq!(client.refused("POST", &list(MAIN_SID), &form), (400, code), "{faults}"),
        }
        assert_eq!(client.path(FIRST), before, "it stays one number");
        let mut client = Client::new(1, faults);
        match active {
            Ok(name) => {
                let row = client.post(201, ACTIVE, &form)["items"][0].clone();
                assert_eq!(row["configurations"]["friendly_name"], name, "{faults}");
            }
            Err(code) => assert_eq!(client.refused("POST", ACTIVE, &form), (400, code), "{faults}"),
        }
        // Another account of the same parent does not own it.
        assert_eq!(client.refused("POST", &list(SUBACCOUNT_SID), &form), (400, 21422));
    }
}

#[test]
fn an_emergency_address_comes_and_goes_in_its_time() {
    let status = |row: &Value| row["emergency_address_status"].as_str().expect("a status").to_owned();
    let address = sid("AD");
    let mut client = Client::new(1, "");
    let path = client.path(FIRST);
    let active = path
        .replace(&format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers"), ACTIVE)
        .replace(".json", "");
    let set = |client: &mut Client| status(&client.post(200, &path, &[("EmergencyAddressSid", &address)]));
    let clear = |client: &mut Client| status(&client.post(200, &path, &[("EmergencyAddressSid", "")]));
    let read = |client: &mut Client| status(&client.get(&path));
    let in_list = |client: &mut Client| status(&client.get(&list(MAIN_SID))["incoming_phone_numbers"][0]);

    assert_eq!(set(&mut client), "registered");
    assert_eq!(client.refused("DELETE", &path, &[]), (400, 0), "no code is made up");
    assert_eq!(clear(&mut client), "pending-unregistration");
    assert_eq!(client.refused("DELETE", &path, &[]), (400, 0));
    assert_eq!(client.refused("DELETE", &active, &[]), (400, 0), "one model");
    assert_eq!(clear(&mut client), "pending-unregistration", "clearing again changes nothing");
    assert_eq!(
        [in_list(&mut client), in_list(&mut client)],
        ["pending-unregistration"; 2],
        "lists do not count"
    );
    assert_eq!([read(&mut client), read(&mut client)], ["pending-unregistration", "unregistered"]);

    client.dialect("register-reads=2,unregister-reads=2");
    assert_eq!(set(&mut client), "pending-registration");
    assert_eq!(
        [0; 3].map(|_| read(&mut client)),
        ["pending-registration", "pending-registration", "registered"]
    );
    assert_eq!(set(&mut client), "registered", "the same address again");
    assert_eq!(clear(&mut client), "pending-unregistration");
    client.get(&active);
    assert_eq!(read(&mut client), "pending-unregistration", "a read over the other API counts");
    let state = serde_json::to_vec(&client.sandbox.world).expect("JSON");
    assert_eq!(read(&mut client), "unregistered");

    client.sandbox.world = World::from_json(&state).expect("a state");
    assert_eq!(read(&mut client), "unregistered", "both reads had been counted");
    assert_eq!(set(&mut client), "pending-registration");
    let state = serde_json::to_vec(&client.sandbox.world).expect("JSON");
    read(&mut client);
    client.sandbox.world = World::from_json(&state).expect("a state");
    assert_eq!(
        [0; 3].map(|_| read(&mut client)),
        ["pending-registration", "pending-registration", "registered"],
        "the state lasts"
    );
    assert!(
        !String::from_utf8_lossy(&serde_json::to_vec(&client.sandbox.world).expect("JSON"))
            .contains("emergency\"")
    );

    client.dialect("unregister-fails");
    assert_eq!(clear(&mut client), "pending-unregistration");
    assert_eq!(
        [0; 3].map(|_| read(&mut client)),
        ["pending-unregistration", "unregistration-failure", "unregistration-failure"]
    );
    assert_eq!(client.refused("DELETE", &path, &[]), (400, 0));
    assert_eq!(set(&mut client), "registered", "it may be set again");

    client.dialect("unregister-reads=0");
    assert_eq!(clear(&mut client), "unregistered");
    assert_eq!(client.send("DELETE", &path, &[]).status, 204);

    let bought =
        client.post(201, &list(MAIN_SID), &[("PhoneNumber", UNOWNED), ("EmergencyAddressSid", &address)]);
    assert_eq!(status(&bought), "registered", "a purchase may bring one");
}

#[test]
fn a_search_is_one_page_of_what_nobody_owns() {
    let mut client = Client::new(4, "");
    let local = offers("US/Local.json");
    let body = client.get(&format!("{local}?Contains=%2B15552230004"));
    assert_eq!(keys(&body), ["available_phone_numbers", "uri"]);
    assert_eq!(body["uri"], local);
    assert_eq!(
        body["available_phone_numbers"],
        json!([{
            "address_requirements": "none", "beta": false,
            "capabilities": {"voice": true, "SMS": true, "MMS": true, "fax": true},
            "friendly_name": "(555) 223-0004", "iso_country": "US", "lata": "132",
            "latitude": "40.871900", "locality": "HUNTINGTON", "longitude": "-73.434700",
            "phone_number": "+15552230004", "postal_code": "11743", "rate_center": "HUNTINGTON", "region": "NY",
        }])
    );
    let toll_free = client.get(&offers("US/TollFree.json?PageSize=1"))["available_phone_numbers"][0].clone();
    let nulls = ["lata", "latitude", "locality", "longitude", "postal_code", "rate_center", "region"];
    assert!(nulls.iter().all(|key| toll_free[*key].is_null()), "{toll_free}");
    assert!(client.numbers(&format!("{local}?Contains=%2B15552230003")).is_empty(), "owned");
    assert_eq!(client.numbers(&local).len(), 30, "the default");
    assert_eq!(client.numbers(&format!("{local}?PageSize=1000")).len(), 1000);
    assert_eq!(client.refused("GET", &format!("{local}?PageSize=1001"), &[]), (400, 20007));
    for rest in [
        "US/Mobile.json",
        "DE/Mobile.json",
        "DE/TollFree.json",
        "AQ/Local.json",
        "US/National.json",
        "US/Voip.json",
        "us/Local.json",
        "US/local.json",
        "AQ.json",
    ] {
        assert_eq!(client.refused("GET", &offers(rest), &[]), (404, 20404), "{rest}");
    }
    client.dialect("empty-inventory");
    assert!(client.numbers(&local).is_empty());
}

#[test]
fn filters_of_the_search() {
    let mut client = Client::new(4, "");
    // Places by their number of ranges: each of four digits has 10,000 numbers, so 1,000 is a page
    // from the first of them.
    for (rest, first) in [
        ("US/Local.json?Contains=%2B15552230***", Some("+15552230004")),
        ("US/Local.json?Contains=+15552230***", Some("+15552230004")),
        ("US/Local.json?Contains=415555", Some("+14155550000")),
        ("US/Local.json?Contains=%2B1%254321$", Some("+12025554321")),
        ("US/Local.json?Contains=4321$", Some("+12025554321")),
        ("US/Local.json?Contains=%2B415", None),
        ("US/Local.json?Contains=5559999999", Some("+15559999999")),
        ("US/Local.json?Contains=15559999999", Some("+15559999999")),
        ("US/Local.json?Contains=555HELP", Some("+12025554357")),
        ("US/Local.json?Contains=%2B16312237469", None),
        ("US/Local.json?AreaCode=510", Some("+15105550000")),
        ("US/Local.json?AreaCode=999", None),
        ("US/Local.json?InRegion=ca", Some("+14155550000")),
        ("US/Local.json?InRegion=TX", None),
        ("US/Local.json?InLocality=Oakland", Some("+15105550000")),
        ("US/Local.json?InPostalCode=60601", Some("+13125550000")),
        ("US/Local.json?InRateCenter=OKLD+MN-PD", Some("+15105550000")),
        ("US/Local.json?InLata=236", Some("+12025550000")),
        ("US/Local.json?NearLatLong=37.8,-122.3&Contains=%2B1510", Some("+15105550000")),
        ("US/Local.json?NearLatLong=37.8,-122.3&Contains=%2B1212", None),
        ("US/Local.json?NearLatLong=37.7749,-122.4194&Distance=5&Contains=%2B1510", None),
        ("US/Local.json?NearLatLong=37.7749,-122.4194&Distance=9&Contains=%2B1510", Some("+15105550000")),
        ("US/Local.json?NearNumber=%2B14155551234&Contains=555$", Some("+14155550555")),
        ("US/Local.json?NearNumber=%2B18005551234", None),
        (
            "US/Local.json?SmsEnabled=true&MmsEnabled=true&VoiceEnabled=true&FaxEnabled=true",
            Some("+12025550000"),
        ),
        ("US/Local.json?SmsEnabled=false", None),
        ("US/Local.json?VoiceEnabled=false", None),
        ("US/TollFree.json?SmsEnabled=true", Some("+18005550000")),
        ("US/TollFree.json?SmsEnabled=false", Some("+18885550000")),
        ("US/TollFree.json?MmsEnabled=true", None),
        ("GB/Mobile.json", Some("+447700900000")),
        ("GB/Mobile.json?ExcludeAllAddressRequired=true", None),
        ("GB/Mobile.json?ExcludeAllAddressRequired=false", Some("+447700900000")),
        ("GB/Mobile.json?ExcludeLocalAddressRequired=true", Some("+447700900000")),
        ("DE/Local.json?ExcludeForeignAddressRequired=true", Some("+493023125000")),
        ("DE/Local.json?ExcludeLocalAddressRequired=true", None),
        ("AU/Mobile.json?Beta=true", Some(AU_MOBILE)),
    ] {
        let found = client.numbers(&offers(rest));
        assert_eq!(found.first().map(String::as_str), first, "{rest}");
    }
    for rest in [
        "Contains=1",
        "Contains=12345678901234567",
        "Contains=1-2",
        "Distance=501",
        "Distance=x",
        "NearLatLong=1",
        "NearNumber=x",
    ] {
        assert_eq!(
            client.refused("GET", &offers(&format!("US/Local.json?{rest}")), &[]),
            (400, 20422),
            "{rest}"
        );
    }
    assert_eq!(client.refused("GET", &offers("US/Local.json?AreaCode=4155"), &[]), (400, 21451));
    for (pattern, count, first, last) in [
        ("%2B1415***77**", 100, "+14155557700", "+14155557799"),
        ("%2B1415*55*77*", 100, "+14155550770", "+14155559779"),
        ("%2B1415*55*77", 100, "+14155550770", "+14155559779"),
        ("%2B1415%2577$", 100, "+14155550077", "+14155559977"),
    ] {
        let all = client.numbers(&offers(&format!("US/Local.json?PageSize=1000&Contains={pattern}")));
        let ends = (all.len(), all.first().map(String::as_str), all.last().map(String::as_str));
        assert_eq!(ends, (count, Some(first), Some(last)), "{pattern}");
    }
    assert!(client.numbers(&offers("US/Local.json?Contains=%2B1415*55*77$")).is_empty(), "ten digits");
}

/// A walk over ten million numbers would take seconds where this takes microseconds.
#[test]
fn a_search_does_not_walk() {
    let mut client = Client::new(200_000, "");
    let clock = std::time::Instant::now();
    for _ in 0..100 {
        for (pattern, count) in [
            ("%2B15559999999", 1),
            ("15559999998", 1),
            ("9999999$", 1),
            ("%2B15559876543210", 0),
            ("1234*1234", 0),
        ] {
            assert_eq!(
                client.numbers(&offers(&format!("US/Local.json?Contains={pattern}"))).len(),
                count,
                "{pattern}"
            );
        }
    }
    assert!(clock.elapsed().as_secs() < 5, "{:?}", clock.elapsed());
}

#[test]
fn countries_of_the_search() {
    let mut client = Client::new(0, "");
    let path = format!("/2010-04-01/Accounts/{MAIN_SID}/AvailablePhoneNumbers.json");
    let body = client.get(&path);
    assert_eq!(keys(&body), ["countries", "uri"]);
    let codes: Vec<_> = rows(&body).iter().map(|row| row["country_code"].as_str().expect("a code")).collect();
    assert_eq!(codes, ["AU", "DE", "GB", "US"]);
    let us = client.get(&offers("US.json"));
    assert_eq!(us, rows(&body)[3]);
    assert_eq!(
        us,
        json!({
            "beta": false, "country": "United States", "country_code": "US",
            "subresource_uris": {"local": offers("US/Local.json"), "toll_free": offers("US/TollFree.json")},
            "uri": offers("US.json"),
        })
    );
    for row in rows(&body) {
        for link in row["subresource_uris"].as_object().expect("links").values() {
            assert!(!client.numbers(link.as_str().expect("a link")).is_empty(), "{link}");
        }
    }
}

#[test]
fn accounts() {
    let mut client = Client::new(1, "");
    let row = client.get(&account(MAIN_SID));
    assert_eq!(
        row,
        json!({
            "auth_token": AUTH_TOKEN, "date_created": "Wed, 01 Jan 2025 00:00:00 +0000",
            "date_updated": "Wed, 01 Jan 2025 00:00:00 +0000", "friendly_name": MAIN_SID,
            "owner_account_sid": MAIN_SID, "sid": MAIN_SID, "status": "active",
            "subresource_uris": {
                "available_phone_numbers": format!("/2010-04-01/Accounts/{MAIN_SID}/AvailablePhoneNumbers.json"),
                "incoming_phone_numbers": list(MAIN_SID),
            },
            "type": "Full", "uri": account(MAIN_SID),
        })
    );
    // A new one can be used at once, with its own token.
    let new = client.post(201, ACCOUNTS, &[("FriendlyName", "Branch")]);
    let (new_sid, token) = (
        new["sid"].as_str().expect("a sid").to_owned(),
        new["auth_token"].as_str().expect("a token").to_owned(),
    );
    assert_eq!(
        (&new["friendly_name"], &new["owner_account_sid"], &new["status"]),
        (&json!("Branch"), &json!(MAIN_SID), &json!("active"))
    );
    assert!(
        new_sid.len() == 34
            && token.len() == 32
            && token.bytes().all(|b| b.is_ascii_alphanumeric())
            && token != AUTH_TOKEN
    );
    assert_eq!(Client::new(1, "").post(201, ACCOUNTS, &[])["sid"], new_sid.as_str(), "the same in every run");
    client.post(201, &list(&new_sid), &[("PhoneNumber", UNOWNED)]);
    client.user = (new_sid.clone(), token.clone());
    assert_eq!(client.numbers(&list(&new_sid)), [UNOWNED]);
    let own = client.get(ACCOUNTS);
    assert_eq!(rows(&own).len(), 1, "a subaccount sees itself");
    assert_eq!(client.refused("POST", ACCOUNTS, &[]), (401, 20003), "one level only");
    client.be(new_sid.as_str());
    assert_eq!(client.refused("GET", ACCOUNTS, &[]), (401, 20003), "the parent's token is not its");
    client.be(MAIN_SID);
    // Lists, filters, and pages.
    let sids = |client: &mut Client, query: &str| -> Vec<String> {
        let body = client.get(&format!("{ACCOUNTS}?{query}"));
        rows(&body).iter().map(|row| row["sid"].as_str().expect("a sid").to_owned()).collect()
    };
    let mut all = vec![MAIN_SID.to_owned(), SUBACCOUNT_SID.to_owned(), new_sid.clone()];
    all.sort();
    client.sandbox.world.ensure_account(STRANGER, None);
    assert_eq!(sids(&mut client, ""), all);
    assert_eq!(sids(&mut client, "FriendlyName=Branch"), std::slice::from_ref(&new_sid));
    assert!(sids(&mut client, "Status=suspended").is_empty());
    assert_eq!(client.refused("GET", &format!("{ACCOUNTS}?Status=gone"), &[]), (400, 20422));
    let first = client.get(&format!("{ACCOUNTS}?PageSize=2&Status=active"));
    assert_eq!(keys(&first)[0], "accounts");
    let next = first["next_page_uri"].as_str().expect("a link").to_owned();
    let second = client.get(&next);
    assert_eq!(rows(&second)[0]["sid"], all[2].as_str());
    let back = client.get(second["previous_page_uri"].as_str().expect("a link"));
    assert_eq!(rows(&back), rows(&first));
    assert_eq!(
        client.refused("GET", &format!("{ACCOUNTS}?PageToken=PAID{}", "x".repeat(32)), &[]),
        (400, 21481)
    );
    // Changes.
    let path = account(&new_sid);
    assert_eq!(client.post(200, &path, &[("FriendlyName", "Renamed")])["friendly_name"], "Renamed");
    assert_eq!(client.post(200, &path, &[("Status", "suspended")])["status"], "suspended");
    assert_eq!(sids(&mut client, "Status=suspended"), std::slice::from_ref(&new_sid));
    assert_eq!(
        client.post(200, &path, &[("Status", "active")])["friendly_name"],
        "Renamed",
        "what is not named stays"
    );
    assert_eq!(client.refused("POST", &path, &[("Status", "gone")]), (400, 20422));
    assert_eq!(client.refused("POST", &path, &[("FriendlyName", &"x".repeat(65))]), (400, 20422));
    assert_eq!(client.refused("POST", &account(MAIN_SID), &[("Status", "closed")]), (400, 0), "not itself");
    let address = sid("AD");
    let number = client.path(UNOWNED);
    client.post(200, &number, &[("EmergencyAddressSid", &address)]);
    assert_eq!(client.post(200, &path, &[("Status", "closed")])["status"], "closed");
    assert!(client.numbers(&list(&new_sid)).is_empty());
    assert_eq!(
        client.numbers(&offers(&format!("US/Local.json?Contains=%2B{}", &UNOWNED[1..]))),
        [UNOWNED],
        "on offer again"
    );
    assert_eq!(client.refused("POST", &path, &[("Status", "active")]), (400, 21479), "closed for good");
    assert_eq!(sids(&mut client, "").len(), 3, "closed ones are still listed");
    // The state lasts.
    let state = serde_json::to_vec(&client.sandbox.world).expect("JSON");
    let before = client.get(ACCOUNTS);
    client.sandbox.world = World::from_json(&state).expect("a state");
    assert_eq!(client.get(ACCOUNTS), before);
    client.dialect("trial");
    assert_eq!(client.get(&account(MAIN_SID))["type"], "Trial");
}

#[test]
fn prices() {
    let mut client = Client::new(0, "");
    let body = client.get(COUNTRIES);
    assert_eq!(keys(&body), ["countries", "meta"]);
    let base = "http://127.0.0.1:4010/v1/PhoneNumbers/Countries";
    assert_eq!(
        body["countries"][3],
        json!({"country": "United States", "iso_country": "US", "url": format!("{base}/US")})
    );
    assert_eq!(
        body["meta"],
        json!({"page": 0, "page_size": 50, "first_page_url": format!("{base}?PageSize=50&Page=0"),
               "previous_page_url": null, "url": format!("{base}?PageSize=50&Page=0"), "next_page_url": null,
               "key": "countries"})
    );
    assert_eq!(
        client.get(&format!("{COUNTRIES}/US")),
        json!({"country": "United States", "iso_country": "US", "price_unit": "USD", "url": format!("{base}/US"),
        "phone_number_prices": [
            {"number_type": "local", "base_price": "1.15", "current_price": "1.15"},
            {"number_type": "toll free", "base_price": "2.15", "current_price": "2.15"},
        ]})
    );
    let types = |client: &mut Client, code| -> Vec<String> {
        let body = client.get(&format!("{COUNTRIES}/{code}"));
        let prices = body["phone_number_prices"].as_array().expect("prices").clone();
        prices
            .iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row["number_type"].as_str().unwrap_or(""),
                    row["base_price"].as_str().unwrap_or("")
                )
            })
            .collect()
    };
    assert_eq!(types(&mut client, "GB"), ["local 1.15", "mobile 1.15"]);
    assert_eq!(types(&mut client, "DE"), ["local 1.30"]);
    assert_eq!(types(&mut client, "AU"), ["mobile 1.25"]);
    assert_eq!(client.refused("GET", "/v1/PhoneNumbers/Countries/AQ", &[]), (404, 20404));
}

#[test]
fn regulations() {
    let mut client = Client::new(0, "");
    let found = |client: &mut Client, query: &str| -> Vec<String> {
        let body = client.get(&format!("{REGULATIONS}?{query}"));
        assert_eq!((keys(&body), &body["meta"]["key"]), (vec!["meta", "results"], &json!("results")));
        let rows = body["results"].as_array().expect("rows");
        rows.iter()
            .map(|row| {
                format!(
                    "{} {}",
                    row["iso_country"].as_str().unwrap_or(""),
                    row["number_type"].as_str().unwrap_or("")
                )
            })
            .collect()
    };
    assert_eq!(found(&mut client, ""), ["AU mobile", "DE local"]);
    assert_eq!(found(&mut client, "IsoCountry=DE&NumberType=local"), ["DE local"]);
    assert_eq!(found(&mut client, "IsoCountry=AU"), ["AU mobile"]);
    assert!(found(&mut client, "IsoCountry=DE&NumberType=mobile").is_empty());
    assert!(found(&mut client, "IsoCountry=GB&NumberType=mobile").is_empty(), "an address is no bundle");
    let row = client.get(&format!("{REGULATIONS}?IsoCountry=DE"))["results"][0].clone();
    let rn = row["sid"].as_str().expect("a sid").to_owned();
    assert!(rn.starts_with("RN") && rn.len() == 34, "{rn}");
    assert_eq!(
        row,
        json!({"sid": rn, "friendly_name": "Germany: local - business", "iso_country": "DE", "number_type": "local",
               "end_user_type": "business", "requirements": {},
               "url": format!("http://127.0.0.1:4010{REGULATIONS}/{rn}")})
    );
}

#[test]
fn both_apis_show_the_same_model() {
    let mut client = Client::new(1, "");
    let path = client.path(FIRST);
    let pn = path.rsplit('/').next().expect("a sid").trim_end_matches(".json").to_owned();
    let active = format!("{ACTIVE}/{pn}");
    let [trunk, address, application] = ["TK", "AD", "AP"].map(sid);
    // By one, read by the other.
    client.post(
        200,
        &active,
        &[
            ("Configurations.Voice.Url", "https://a.example/v"),
            ("Configurations.Voice.TrunkSid", &trunk),
            ("Configurations.StatusCallback", "https://a.example/s"),
            ("FriendlyName", "Desk"),
            ("Configurations.Voice.EmergencyAddressSid", &address),
            ("Configurations.Voice.ReceiveMode", "voice"),
        ],
    );
    let row = client.get(&path);
    let shown = [
        "voice_url",
        "trunk_sid",
        "status_callback",
        "friendly_name",
        "emergency_address_sid",
        "emergency_address_status",
        "voice_receive_mode",
    ]
    .map(|key| row[key].clone());
    assert_eq!(
        json!(shown),
        json!(["https://a.example/v", trunk, "https://a.example/s", "Desk", address, "registered", "voice"])
    );
    client.post(
        200,
        &path,
        &[
            ("SmsUrl", "https://b.example/s"),
            ("VoiceApplicationSid", &application),
            ("FriendlyName", ""),
            ("VoiceCallerIdLookup", "true"),
            ("AddressSid", &address),
            ("EmergencyAddressSid", ""),
        ],
    );
    let configuration = client.get(&active)["items"][0]["configuration"].clone();
    assert_eq!(configuration["friendly_name"], "(555) 223-0000");
    assert_eq!(configuration["sms"]["url"], "https://b.example/s");
    let voice = &configuration["voice"];
    assert_eq!((&voice["application_sid"], &voice["trunk_sid"]), (&json!(application), &Value::Null));
    assert_eq!((&voice["caller_id_lookup"], &voice["emergency_address_sid"]), (&json!(true), &Value::Null));
    assert!(!configuration.to_string().contains("\"address_sid\""), "the preview does not show papers");
    // Purchases, transfers and releases.
    client.post(201, ACTIVE, &[("PhoneNumber", UNOWNED)]);
    assert_eq!(client.numbers(&list(MAIN_SID)), [UNOWNED, FIRST]);
    client.post(200, &path, &[("AccountSid", SUBACCOUNT_SID)]);
    assert_eq!(client.get(ACTIVE)["items"].as_array().map(Vec::len), Some(1));
    client.be(SUBACCOUNT_SID);
    assert_eq!(client.get(ACTIVE)["items"][0]["sid"], pn.as_str());
    assert_eq!(client.send("DELETE", &active, &[]).status, 204);
    assert!(client.numbers(&list(SUBACCOUNT_SID)).is_empty());
}

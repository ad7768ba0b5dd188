//! The sandbox and what it is asked against Twilio's own descriptions, files beside the repository.

use std::collections::BTreeSet;

use numctl::model::number::PhoneNumber;
use numctl::sandbox::{AUTH_TOKEN, Faults, HttpRequest, MAIN_SID, SUBACCOUNT_SID, Sandbox, World};
use serde_json::Value;

mod schema;
mod spec;

pub(crate) use spec::Spec;

/// What the sandbox has no stock of, and therefore not as a resource either; and nobody calls from it.
const NOT_SERVED: &[&str] = &[
    "CreateCall",
    "CreateMessage",
    "ListAvailablePhoneNumberMachineToMachine",
    "ListAvailablePhoneNumberNational",
    "ListAvailablePhoneNumberSharedCost",
    "ListAvailablePhoneNumberVoip",
];

/// A sandbox, and the description that everything goes by.
struct Judged<'a> {
    spec: &'a Spec,
    sandbox: Sandbox,
    findings: Vec<String>,
}

impl Judged<'_> {
    /// A request as the main account; path and query in one, below the account's.
    fn ask(&mut self, method: &str, target: &str, form: &str) -> Value {
        self.ask_whole(method, &format!("/2010-04-01/Accounts{target}"), form)
    }

    fn ask_whole(&mut self, method: &str, target: &str, form: &str) -> Value {
        let target = target.replace("MAIN", MAIN_SID).replace("SUB", SUBACCOUNT_SID);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        self.findings.extend(self.spec.request(method, path, query, form));
        let answer = self.sandbox.handle(&HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            form: form.to_owned(),
            credentials: Some((MAIN_SID.to_owned(), AUTH_TOKEN.to_owned())),
            base: "https://api.twilio.com".to_owned(),
        });
        let found = self.spec.answer(method, path, answer.status, &answer.body);
        self.findings.extend(found.into_iter().map(|finding| format!("{method} {target}: {finding}")));
        serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
    }

    /// One after the other, to the last page.
    fn pages(&mut self, target: &str) -> usize {
        let (mut next, mut pages) = (Some(target.to_owned()), 0);
        while let Some(target) = next {
            let body = self.ask("GET", &target, "");
            next = body["next_page_uri"].as_str().map(|uri| uri.replacen("/2010-04-01/Accounts", "", 1));
            pages += 1;
        }
        pages
    }
}

fn judged(spec: &Spec) -> Judged<'_> {
    let sandbox = Sandbox::new(World::demo(103), Faults::default());
    Judged { spec, sandbox, findings: Vec::new() }
}

#[test]
fn every_operation_answers_as_the_vendor_describes_it() {
    let Some(spec) = Spec::load() else { return };
    let mut judged = judged(&spec);
    let sid = |row: &Value| row["sid"].as_str().expect("a SID").to_owned();

    // Accounts.
    judged.ask("GET", ".json?PageSize=1", "");
    judged.ask("GET", ".json?FriendlyName=nobody&Status=active", "");
    let account = sid(&judged.ask("POST", ".json", "FriendlyName=Judge"));
    judged.ask("POST", &format!("/{account}.json"), "Status=suspended&FriendlyName=Still");
    judged.ask("GET", &format!("/{account}.json"), "");
    judged.ask("POST", &format!("/{account}.json"), "Status=closed");
    assert!(judged.pages(".json?PageSize=2") > 1);

    // What is on offer.
    judged.ask("GET", "/MAIN/AvailablePhoneNumbers.json", "");
    for country in ["US", "GB", "AU", "DE"] {
        judged.ask("GET", &format!("/MAIN/AvailablePhoneNumbers/{country}.json"), "");
    }
    for offers in [
        "US/Local.json?AreaCode=415&Contains=%2B1415***00&SmsEnabled=true&PageSize=5",
        "US/Local.json?NearLatLong=37.8,-122.4&Distance=50&InRegion=CA&Beta=false&VoiceEnabled=true",
        "US/Local.json?NearNumber=%2B14155550000&InLocality=OAKLAND&ExcludeAllAddressRequired=true",
        "US/TollFree.json?MmsEnabled=false&FaxEnabled=true",
        "GB/Local.json?ExcludeForeignAddressRequired=true",
        "GB/Mobile.json?ExcludeLocalAddressRequired=true",
        "AU/Mobile.json",
        "DE/Local.json",
    ] {
        judged.ask("GET", &format!("/MAIN/AvailablePhoneNumbers/{offers}"), "");
    }

    // Numbers: by every way of buying, with and without everything.
    let numbers = "/MAIN/IncomingPhoneNumbers";
    let bought = sid(&judged.ask("POST", &format!("{numbers}.json"), "AreaCode=415"));
    let plain = sid(&judged.ask("POST", &format!("{numbers}/Local.json"), "PhoneNumber=%2B12125550001"));
    let free = sid(&judged.ask("POST", &format!("{numbers}/TollFree.json"), "PhoneNumber=%2B18005550001"));
    let papers = format!("AddressSid=AD{0}&BundleSid=BU{0}&IdentitySid=RI{0}", "0a".repeat(16));
    let mobile = format!("PhoneNumber=%2B447700900001&{papers}");
    let mobile = sid(&judged.ask("POST", &format!("{numbers}/Mobile.json"), &mobile));
    let all = format!(
        "FriendlyName=All+of+it&VoiceUrl=https%3A%2F%2Fexample.com%2Fv&VoiceMethod=GET\
         &VoiceFallbackUrl=https%3A%2F%2Fexample.com%2Ff&VoiceFallbackMethod=POST&VoiceCallerIdLookup=true\
         &VoiceReceiveMode=voice&SmsUrl=https%3A%2F%2Fexample.com%2Fs&SmsMethod=GET\
         &SmsFallbackUrl=https%3A%2F%2Fexample.com%2Fsf&SmsFallbackMethod=GET\
         &StatusCallback=https%3A%2F%2Fexample.com%2Fc&StatusCallbackMethod=GET&EmergencyStatus=Active&{papers}"
    );
    let one = format!("{numbers}/{bought}.json");
    judged.ask("POST", &one, &all);
    judged.ask("GET", &one, "");
    let hex = "0b".repeat(16);
    judged.ask("POST", &one, &format!("VoiceApplicationSid=AP{hex}&SmsApplicationSid=AP{hex}"));
    judged.ask("POST", &one, &format!("TrunkSid=TK{hex}"));
    judged.ask("POST", &one, &format!("EmergencyAddressSid=AD{hex}"));
    // Its registration continues from read to read.
    for _ in 0..3 {
        judged.ask("GET", &one, "");
    }
    judged.ask("POST", &one, "EmergencyAddressSid=&VoiceUrl=&VoiceFallbackUrl=&TrunkSid=&SmsApplicationSid=");
    for _ in 0..3 {
        judged.ask("GET", &one, "");
    }
    judged.ask("POST", &one, &format!("AccountSid={SUBACCOUNT_SID}"));
    judged.ask("GET", &one.replace("MAIN", "SUB"), "");
    judged.ask("POST", &one.replace("MAIN", "SUB"), &format!("AccountSid={MAIN_SID}"));
    for list in [".json?PageSize=20", "/Local.json?PageSize=50", "/Mobile.json", "/TollFree.json?Beta=true"] {
        assert!(judged.pages(&format!("{numbers}{list}")) > 0);
    }
    judged.ask("GET", &format!("{numbers}.json?PhoneNumber=%2B1555&FriendlyName=x&Origin=twilio"), "");
    judged.ask("GET", "/SUB/IncomingPhoneNumbers.json", "");

    // Calls and messages.
    let events: Vec<Value> = (0..7)
        .flat_map(|at| {
            let event = move |medium: &str, to: &str, from: &str| {
                let at = format!("2026-08-0{}T10:00:00Z", at + 1);
                serde_json::json!({"medium": medium, "to": to, "from": from, "at": at})
            };
            [
                event("call", "+15552230000", "+15550000001"),
                event("call", "+15550000001", "+15552230001"),
                event("message", "+15552230000", "+15550000001"),
                event("message", "+15550000001", "+15552230001"),
            ]
        })
        .collect();
    judged.sandbox.world.add_traffic(Value::from(events).to_string().as_bytes()).expect("put in");
    for (list, time, key) in [("Calls", "StartTime", "calls"), ("Messages", "DateSent", "messages")] {
        assert_eq!(judged.pages(&format!("/MAIN/{list}.json?PageSize=4")), 4, "{list}");
        let count = |judged: &mut Judged<'_>, query: &str| {
            let body = judged.ask("GET", &format!("/MAIN/{list}.json?{query}"), "");
            body[key].as_array().expect("rows").len()
        };
        assert_eq!(count(&mut judged, &format!("{time}%3E=2026-08-06&PageSize=50")), 4, "{list}");
        assert_eq!(count(&mut judged, &format!("{time}=2026-08-06")), 2, "{list}");
        assert_eq!(
            count(&mut judged, &format!("To=%2B15552230000&{time}%3C=2026-08-03")),
            if key == "calls" { 2 } else { 3 }
        );
        assert_eq!(count(&mut judged, "From=%2B15552230001"), 7, "{list}");
        assert_eq!(count(&mut judged, "From=%2B15552230009"), 0, "{list}");
    }
    for sid in [bought, plain, free, mobile] {
        judged.ask("DELETE", &format!("{numbers}/{sid}.json"), "");
    }

    // The rows of a list are wrong together: some are enough.
    let findings = &judged.findings;
    assert!(
        findings.is_empty(),
        "{} findings\n{}",
        findings.len(),
        findings[..findings.len().min(20)].join("\n")
    );
    assert_eq!(spec.idle(), Vec::<&str>::new(), "excuses that nothing needs");
    let served = spec.operations(|template| {
        let below = template.strip_prefix("/2010-04-01/Accounts").unwrap_or("/elsewhere/");
        let is_number = ["/{AccountSid}/IncomingPhoneNumbers", "/{AccountSid}/AvailablePhoneNumbers"]
            .iter()
            .any(|known| below.starts_with(known));
        // These two are listed, and neither made nor changed: see NOT_SERVED.
        let is_traffic = matches!(below, "/{AccountSid}/Calls.json" | "/{AccountSid}/Messages.json");
        is_traffic
            || matches!(below, ".json" | "/{Sid}.json")
            || (is_number && !below.contains("/AssignedAddOns"))
    });
    let left: BTreeSet<_> = served.difference(&spec.covered.borrow()).cloned().collect();
    assert_eq!(left.iter().map(String::as_str).collect::<Vec<_>>(), NOT_SERVED);
}

#[test]
fn prices_are_as_the_vendor_describes_them() {
    let Some(spec) = Spec::prices() else { return };
    let mut judged = judged(&spec);
    let countries = judged.ask_whole("GET", "/v1/PhoneNumbers/Countries", "");
    let countries = countries["countries"].as_array().expect("countries").clone();
    assert!(countries.len() > 1);
    for country in &countries {
        let code = country["iso_country"].as_str().expect("a code");
        let prices = judged.ask_whole("GET", &format!("/v1/PhoneNumbers/Countries/{code}"), "");
        assert!(prices["phone_number_prices"].as_array().is_some_and(|rows| !rows.is_empty()), "{prices}");
    }
    assert_eq!(judged.findings, Vec::<String>::new());
}

#[test]
fn events_are_as_the_vendor_describes_them() {
    let Some(spec) = Spec::events() else { return };
    let mut judged = judged(&spec);
    judged.sandbox.world.set_now(1_795_500_000);
    let number = PhoneNumber::observed("+15552230000").expect("a number");
    let sid = judged.sandbox.world.owner(number).expect("owned").1;
    let changed = HttpRequest {
        method: "POST".to_owned(),
        path: format!("/Numbers/ActiveNumbers/{sid}"),
        form: "Configurations.Voice.Url=https%3A%2F%2Fa.example%2F".to_owned(),
        credentials: Some((MAIN_SID.to_owned(), AUTH_TOKEN.to_owned())),
        ..HttpRequest::default()
    };
    assert_eq!(judged.sandbox.handle(&changed).status, 200);
    let console = format!(
        r#"{{"phone_number":"{number}","user":"US{}","set":{{"friendly_name":"A"}}}}"#,
        "a".repeat(32)
    );
    judged.sandbox.world.edit_in_console(console.as_bytes()).expect("edited");
    let listed = judged.ask_whole("GET", "/v1/Events?PageSize=1", "");
    assert!(listed["meta"]["next_page_url"].is_string(), "{listed}");
    let events =
        judged.ask_whole("GET", &format!("/v1/Events?ResourceSid={sid}&StartDate=2015-07-30T20:00:00Z"), "");
    let events = events["events"].as_array().expect("events").clone();
    assert_eq!(events.len(), 2);
    for event in &events {
        let sid = event["sid"].as_str().expect("a SID");
        assert_eq!(judged.ask_whole("GET", &format!("/v1/Events/{sid}"), ""), *event);
    }
    // Twilio's pattern of an actor has no place for the `AC…` that its text speaks of.
    judged.findings.retain(|finding| !finding.contains("actor_sid"));
    assert_eq!(judged.findings, Vec::<String>::new());
}

#[test]
fn refusals_have_the_vendors_shape() {
    let Some(spec) = Spec::load() else { return };
    let mut judged = judged(&spec);
    for (method, target, form) in [
        ("GET", "/MAIN/AvailablePhoneNumbers/US/Voip.json", ""),
        ("GET", "/MAIN/IncomingPhoneNumbers.json?PageToken=x", ""),
        ("GET", "/AC0/IncomingPhoneNumbers.json", ""),
        ("POST", "/MAIN/IncomingPhoneNumbers.json", ""),
        ("POST", "/MAIN/IncomingPhoneNumbers/Local.json", "AreaCode=415"),
        ("DELETE", "/MAIN/IncomingPhoneNumbers/PN0.json", ""),
    ] {
        let body = judged.ask(method, target, form);
        let mut keys: Vec<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["code", "message", "more_info", "status"], "{method} {target}");
        let link = format!("https://www.twilio.com/docs/errors/{}", body["code"]);
        assert_eq!(body["more_info"], link, "{method} {target}");
        // And the description does not know the status.
        assert!(judged.findings.iter().any(|finding| finding.contains("is not described")));
        judged.findings.clear();
    }
}

/// The check must be able to fail: each of these is wrong in one place.
#[test]
fn a_wrong_answer_is_found() {
    let Some(spec) = Spec::load() else { return };
    let mut judged = judged(&spec);
    let list = "/MAIN/IncomingPhoneNumbers.json?PageSize=2";
    let body = judged.ask("GET", list, "");
    assert_eq!(judged.findings, Vec::<String>::new());
    let path = format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers.json");
    let row = "/incoming_phone_numbers/1";
    for (pointer, wrong) in [
        ("/page", Value::from("0")),
        ("/uri", Value::Null),
        ("/next_page_uri", Value::from("2010-04-01")),
        ("/total", Value::from(103)),
        (&*format!("{row}/sid"), Value::from("PN1")),
        (&*format!("{row}/trunk_sid"), Value::from("")),
        (&*format!("{row}/date_created"), Value::from("2025-01-01T00:00:00Z")),
        (&*format!("{row}/voice_method"), Value::from("PUT")),
        (&*format!("{row}/voice_url"), Value::from("not a URL")),
        (&*format!("{row}/address_requirements"), Value::Null),
        (&*format!("{row}/emergency_status"), Value::from("active")),
        (&*format!("{row}/beta"), Value::from("false")),
        (&*format!("{row}/capabilities/sms"), Value::from(1)),
        (&*format!("{row}/region"), Value::from("NY")),
    ] {
        let mut body = body.clone();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("a place")[key] = wrong;
        let found = spec.answer("GET", &path, 200, body.to_string().as_bytes());
        assert!(found.len() == 1 && found[0].contains(key), "{pointer}: {found:?}");
    }
    let mut lacking = body.clone();
    lacking.pointer_mut(row).expect("a row").as_object_mut().expect("an object").remove("origin");
    let found = spec.answer("GET", &path, 200, lacking.to_string().as_bytes());
    assert!(found.len() == 1 && found[0].contains("origin"), "{found:?}");
    assert_eq!(spec.answer("GET", &path, 201, body.to_string().as_bytes()).len(), 1);
    assert_eq!(spec.answer("GET", &path, 200, b"").len(), 1);
}

#[test]
fn a_wrong_request_is_found() {
    let Some(spec) = Spec::load() else { return };
    let one = format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers/PN{}.json", "0".repeat(32));
    let all = format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers.json");
    let typed = format!("/2010-04-01/Accounts/{MAIN_SID}/IncomingPhoneNumbers/Local.json");
    for (method, path, query, form, word) in [
        ("GET", all.as_str(), "PageSize=1001", "", "out of bounds"),
        ("GET", &all, "PageSize=many", "", "not of type integer"),
        ("GET", &all, "Colour=red", "", "no such parameter"),
        ("GET", &all, "Beta=perhaps", "", "not of type boolean"),
        ("GET", &all.replace(MAIN_SID, "AC1"), "", "", "breaks its length"),
        ("GET", &all.replace(".json", ""), "", "", "no such operation"),
        ("PUT", &all, "", "", "no such operation"),
        ("POST", &one, "", "Voice.Url=https%3A%2F%2Fa.example%2F", "no such parameter"),
        ("POST", &one, "", "VoiceMethod=PUT", "not one of"),
        ("POST", &one, "", "VoiceUrl=a", "breaks its format"),
        ("POST", &one, "", "VoiceUrl=&VoiceUrl=", "there twice"),
        ("POST", &one, "", "PhoneNumber=%2B15552230000", "no such parameter"),
        ("POST", &all, "", "PhoneNumber=15552230000", "breaks its format"),
        ("POST", &typed, "", "FriendlyName=x", "required"),
    ] {
        let found = spec.request(method, path, query, form);
        assert!(found.len() == 1 && found[0].contains(word), "{method} {path} {query} {form}: {found:?}");
    }
    assert_eq!(spec.request("POST", &one, "", "VoiceUrl=&VoiceMethod=&TrunkSid="), Vec::<String>::new());
}

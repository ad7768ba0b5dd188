//! Rows, and what a write makes of them.

use numctl::sandbox::{MAIN_SID, SUBACCOUNT_SID, World};
use serde_json::{Value, json};

use super::{
    ACCOUNTS, ACTIVE, COUNTRIES, Client, FIRST, Form, REGULATIONS, ROW, UNOWNED, account, keys, list, offers,
    sid, typed,
};

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

//! Purchases.

use numctl::sandbox::{MAIN_SID, SUBACCOUNT_SID};
use serde_json::json;

use super::{
    ACTIVE, AU_MOBILE, Client, DE_LOCAL, FIRST, Form, GB_MOBILE, ROW, STRANGER, UNOWNED, keys, list, sid,
    typed,
};

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
    // ActiveNumbers, which has no parameter for documents, asks for the document alone, as before.
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

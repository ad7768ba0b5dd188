//! Numbers that move between accounts.

use numctl::sandbox::{MAIN_SID, SUBACCOUNT_SID, SandboxStatus};
use serde_json::json;

use super::{AU_MOBILE, Client, DE_LOCAL, FIRST, GB_MOBILE, KEY, SECOND_SUBACCOUNT, STRANGER, list, sid};

#[test]
fn transfers() {
    let mut client = Client::new(2, "");
    client.sandbox.world.ensure_account(SECOND_SUBACCOUNT, Some(MAIN_SID));
    client.sandbox.world.ensure_account("AC00000000000000000000000000000004", Some(MAIN_SID));
    client.account("AC00000000000000000000000000000004").status = SandboxStatus::Suspended;
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
    // Down, with other parameters, of which only the documents count.
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

//! Accounts, and who may do what in which.

use numctl::sandbox::{AUTH_TOKEN, MAIN_SID, SUBACCOUNT_SID, SandboxStatus, World};
use serde_json::json;

use super::{
    ACCOUNTS, COUNTRIES, Client, FIRST, KEY, SECOND_SUBACCOUNT, STRANGER, UNOWNED, account, keys, list,
    offers, rows, sid,
};

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
    client.account(SUBACCOUNT_SID).status = SandboxStatus::Suspended;
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

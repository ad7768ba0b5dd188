//! Pages and filters of the list.

use numctl::sandbox::{MAIN_SID, SUBACCOUNT_SID};
use serde_json::{Value, json};

use super::{Client, keys, list, rows, typed};

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

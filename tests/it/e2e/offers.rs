//! What is on offer is held against the need before it is bought, and a part of it is not the whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::harness::{Bench, Canned, answer};

/// An API without numbers that offers what `offers` makes of the head of a search, and sells everything.
fn shop(offers: impl Fn(&str) -> Vec<Value> + Send + 'static) -> (Canned, Bench) {
    let canned = Canned::by_head(move |head| {
        let line = head.lines().next().unwrap_or_default();
        let body = if line.contains("AvailablePhoneNumbers") {
            json!({"available_phone_numbers": offers(line), "uri": "/x"})
        } else if line.contains("IncomingPhoneNumbers") {
            json!({"incoming_phone_numbers": [], "next_page_uri": null, "page": 0, "uri": "/x"})
        } else {
            return answer(404, "application/json", r#"{"code":20404,"message":"not found","status":404}"#);
        };
        answer(200, "application/json", &body.to_string())
    });
    let bench = Bench::at(&canned.base_url).with("NUMCTL_API", "incoming-phone-numbers");
    (canned, bench)
}

fn offered(number: &str, country: &str, more: Value) -> Value {
    let mut row = json!({
        "phone_number": number, "iso_country": country, "address_requirements": "none",
        "capabilities": {"voice": true, "SMS": true, "MMS": true, "fax": false},
    });
    if let (Some(row), Some(more)) = (row.as_object_mut(), more.as_object()) {
        row.extend(more.clone());
    }
    row
}

fn claiming(count: u16, need: &str) -> String {
    format!(
        "version: 1\npolicy: {{max_purchases: 100}}\nclaims:\n  - {{name: c, count: {count}, match: {{{need}}}}}\n"
    )
}

/// Every number that a plan would buy or put in place of one that is sold.
fn named(plan: &Value) -> BTreeSet<String> {
    let actions = plan["actions"].as_array().expect("actions").iter();
    actions
        .flat_map(|action| {
            let instead = action["instead"].as_array().cloned().unwrap_or_default();
            std::iter::once(action["phone_number"].clone()).chain(instead)
        })
        .map(|number| number.as_str().expect("a number").to_owned())
        .collect()
}

#[test]
fn what_contradicts_the_need_is_never_bought() {
    let rows = vec![
        offered("+19005550100", "US", json!({})),
        offered("+88216555501", "US", json!({})),
        offered("+18005550100", "US", json!({})),
        offered("+12045550144", "CA", json!({})),
        offered("+12045550145", "US", json!({})),
        offered("+442055501440", "GB", json!({})),
        offered("+441615550144", "GB", json!({})),
        offered("+447700900123", "GB", json!({})),
        offered("+12125550100", "US", json!({"region": "NJ"})),
        offered("+12125550101", "US", json!({"capabilities": {"voice": true, "sms": false}})),
        offered("+12125550102", "US", json!({"address_requirements": "any"})),
        offered("+12125550103", "US", json!({"locality": "Newark", "region": "NY"})),
        offered("+12125550104", "US", json!({"locality": "NEW YORK", "region": "NY"})),
        offered("+16465550100", "US", json!({"locality": "New York", "region": "NY"})),
    ];
    for (need, fits) in [
        (
            "country: US, type: local, area_code: 212, region: NY, locality: New York, capabilities: [sms]",
            vec!["+12125550104"],
        ),
        ("country: US, type: tollfree", vec!["+18005550100"]),
        ("country: GB, type: local, contains: \"+44161\"", vec!["+441615550144"]),
        ("country: GB, type: mobile", vec!["+447700900123"]),
        ("country: CA, type: local", vec!["+12045550144"]),
        ("country: DE, type: local", vec![]),
    ] {
        let rows = rows.clone();
        let (_shop, bench) = shop(move |_| rows.clone());
        let ran = bench.plan(&claiming(9, need)).exits(1);
        let plan = ran.json();
        let fits: BTreeSet<String> = fits.into_iter().map(str::to_owned).collect();
        assert_eq!(named(&plan), fits, "{need}: {plan:#}");
        assert_eq!(plan["short"][0]["reason"], "offers_do_not_match", "{need}");
    }
}

/// A search shows thirty numbers of a hundred.
#[test]
fn a_search_that_is_cut_is_searched_in_parts() {
    let (shop, bench) = shop(|line| {
        let stock = (0..100).map(|at| format!("+1503{}55{at:04}", 2 + at % 8));
        let wanted = line
            .split("Contains=%2B")
            .nth(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        let fits = |number: &String| wanted.as_ref().is_none_or(|wanted| number[1..].starts_with(wanted));
        stock.filter(fits).take(30).map(|number| offered(&number, "US", json!({}))).collect()
    });
    let need = "country: US, type: local, area_code: 503";
    let plan = bench.plan(&claiming(45, need)).exits(0).json();
    assert_eq!((plan["summary"]["purchase"].clone(), plan["short"].clone()), (json!(45), json!([])));
    // One more than there are, after every part was seen whole.
    let plan = bench.plan(&claiming(99, need).replace("count: 99", "count: 101")).exits(1).json();
    assert_eq!(plan["short"][0]["reason"], "nothing_on_offer", "{plan:#}");
    assert_eq!(plan["summary"]["purchase"], 100);
    let searches = shop.heads().lines().filter(|line| line.contains("AvailablePhoneNumbers")).count();
    assert!(searches <= 20, "{searches} searches");
}

/// Where no part can be asked for, nobody says that there is no more.
#[test]
fn what_a_search_leaves_out_is_not_said_to_be_sold_out() {
    let thirty = |_: &str| (0..30).map(|at| offered(&format!("+1503555{at:04}"), "US", json!({}))).collect();
    for need in
        ["country: US, type: local, area_code: 503", "country: US, type: local, contains: \"5035550\""]
    {
        let (_shop, bench) = shop(thirty);
        let ran = bench.plan(&claiming(45, need)).exits(1);
        let plan = ran.json();
        assert_eq!(plan["summary"]["purchase"], 30);
        assert_eq!(plan["short"][0]["reason"], "more_unseen", "{need}");
        let message = plan["short"][0]["message"].as_str().expect("a message");
        assert!(
            message.contains("30 different numbers") && message.contains("there may be more"),
            "{message}"
        );
    }
}

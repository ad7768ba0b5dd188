//! Law 7: requests, counted on the other side.

use std::fmt::Write as _;

use super::harness::{Sandbox, two_accounts};

fn decoded(form: &serde_json::Value) -> Vec<(String, String)> {
    let form = form.as_str().expect("a form");
    let mut pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    pairs.sort();
    pairs
}

#[test]
fn a_plan_of_ten_thousand_numbers_is_ten_requests() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "10000"]);
    let mut file = "version: 1\ndefaults: {status_callback: \"https://a.example/s\"}\nnumbers:\n".to_owned();
    for at in 0..10_000 {
        writeln!(file, "  - phone_number: \"+{}\"", 15_552_230_000_u64 + at).expect("written");
    }
    let plan = bench.plan(&file).exits(0).json();
    assert_eq!(plan["summary"]["configure"], 10_000);
    sandbox.counts(&[("list", 10)]);
    assert!(
        sandbox
            .log("list")
            .iter()
            .all(|entry| entry["query"].as_str().is_some_and(|q| q.contains("PageSize=1000")))
    );
}

#[test]
fn an_apply_of_changes_lists_once_and_posts_only_what_changed() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = "version: 1\ndefaults: {voice: {url: \"https://a.example/v\"}}\nnumbers:\n  \
                - phone_number: \"+15552230000\"\n    friendly_name: One\n  - phone_number: \"+15552230001\"\n  - phone_number: \"+15552230002\"\n";
    bench.apply(file).exits(0);
    sandbox.counts(&[("list", 1), ("configure", 3)]);
    let mut forms: Vec<_> = sandbox.log("configure").iter().map(|entry| decoded(&entry["form"])).collect();
    forms.sort();
    let url = ("Configurations.Voice.Url".to_owned(), "https://a.example/v".to_owned());
    assert_eq!(forms[0], std::slice::from_ref(&url));
    assert_eq!(forms[1], std::slice::from_ref(&url));
    assert_eq!(forms[2], [url, ("FriendlyName".to_owned(), "One".to_owned())]);
    sandbox.forget_requests();
    bench.apply(file).exits(0);
    sandbox.counts(&[("list", 1)]);
    // Only the field that moved is sent again.
    sandbox.edit("+15552230000", "Configurations.Voice.Url=https%3A%2F%2Fb.example");
    sandbox.forget_requests();
    bench.apply(file).exits(0);
    // And, once, who changed it.
    sandbox.counts(&[("list", 1), ("configure", 1), ("events", 1)]);
    assert_eq!(decoded(&sandbox.log("configure")[0]["form"]).len(), 1);
}

#[test]
fn a_purchase_is_a_look_and_a_post_that_carries_its_configuration() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = "version: 1\nnumbers:\n  - phone_number: \"+15552230100\"\n    friendly_name: Bought\n    \
                voice: {url: \"https://a.example/v\"}\n";
    bench.apply(file).exits(0);
    // What it costs: the price list, and what the number is. The listing, the look-up by filter, the
    // purchase.
    sandbox.counts(&[("price", 1), ("list", 2), ("purchase", 1)]);
    assert!(
        sandbox.log("list")[1]["query"]
            .as_str()
            .is_some_and(|query| query.contains("PhoneNumber=%2B15552230100"))
    );
    assert_eq!(
        decoded(&sandbox.log("purchase")[0]["form"]),
        [
            ("Configurations.Voice.Url".to_owned(), "https://a.example/v".to_owned()),
            ("FriendlyName".to_owned(), "Bought".to_owned()),
            ("PhoneNumber".to_owned(), "+15552230100".to_owned()),
        ]
    );
    sandbox.forget_requests();
    bench.apply(file).exits(0);
    sandbox.counts(&[("list", 1)]);
}

#[test]
fn a_release_is_a_fetch_and_a_delete() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - phone_number: \"+15552230002\"\n    state: released\n";
    bench.apply(file).exits(0);
    sandbox.counts(&[("price", 1), ("list", 1), ("fetch", 1), ("release", 1)]);
    assert!(sandbox.number("+15552230002").is_none());
    sandbox.forget_requests();
    bench.apply(file).exits(0);
    sandbox.counts(&[("list", 1)]);
}

#[test]
fn a_transfer_is_one_post_and_then_one_configuration_where_needed() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = format!(
        "{}numbers:\n  - {{phone_number: \"+15552230000\", account: emea}}\n  - {{phone_number: \"+15552230001\", account: emea, friendly_name: There}}\n",
        two_accounts()
    );
    bench.apply(&file).exits(0);
    sandbox.counts(&[("list", 2), ("transfer", 2), ("configure", 1)]);
    sandbox.forget_requests();
    bench.apply(&file).exits(0);
    sandbox.counts(&[("list", 2)]);
}

#[test]
fn every_page_that_is_granted_is_read() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "7", "--faults", "page-cap=2"]);
    let live = bench.run(&["get", "--format", "json"]).exits(0).json();
    assert_eq!(live.as_array().map(Vec::len), Some(7));
    sandbox.counts(&[("list", 4)]);
    sandbox.forget_requests();
    let plan = bench.plan("version: 1\npolicy: {unlisted: report}\nnumbers: []\n").exits(0).json();
    assert_eq!(plan["summary"]["unlisted"], 7);
    sandbox.counts(&[("list", 4)]);
}

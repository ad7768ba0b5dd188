//! `get` and `search`: a filter that no number can meet is an error, and never "no numbers".

use super::harness::{Bench, Canned, Sandbox};

const V2010: &str = "incoming-phone-numbers";

/// Answers everything with this.
fn canned(status: &'static str, body: &'static str) -> Canned {
    Canned::serve(move |_, _| {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
    })
}

#[test]
fn nonsense_filters_are_errors_before_anything_is_asked() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.forget_requests();
    let get: [&[&str]; 9] = [
        &["--phone-number", "15552230000"],
        &["--phone-number", "foo"],
        &["--country", "USA"],
        &["--country", "ZZ"],
        &["--type", "foo"],
        &["--voice-reachability", "foo"],
        &["--sms-sender-id-preservation", "global"],
        &["--latitude", "91"],
        &["--region", ""],
    ];
    for filter in get {
        for command in ["get", "search"] {
            let ran = bench.run(&[&[command], filter].concat()).exits(1).never_says("No numbers");
            ran.says(&format!("{} {:?}", filter[0], filter[1]));
        }
    }
    let search: [&[&str]; 5] = [
        &["--area-code", "15"],
        &["--contains", "a b"],
        &["--near-number", "foo"],
        &["--near-lat-long", "40.7"],
        &["--distance", "0"],
    ];
    for filter in search {
        let ran = bench.run(&[&["search", "--api", V2010, "--country", "US"], filter].concat());
        ran.exits(1).says(&format!("{} {:?}", filter[0], filter[1]));
    }
    bench.run(&["get", "--api", V2010, "--origin", "foo"]).exits(1).says("twilio, hosted");
    bench.run(&["search", "--country", "UK"]).exits(1).says("did you mean GB?");
    assert_eq!(sandbox.requests()["total"], 0);
    // What is meant is understood however it is written.
    bench.run(&["search", "--country", "us", "--type", "toll-free"]).exits(0).says("tollfree");
}

#[test]
fn a_search_for_what_is_not_sold_says_so() {
    let canned = canned("404 Not Found", r#"{"code":20404,"message":"not found","status":404}"#);
    let bench = Bench::at(&canned.base_url).with("NUMCTL_API", V2010);
    let mobile = ["search", "--country", "US", "--type", "mobile"];
    bench
        .run(&mobile)
        .exits(0)
        .says("No numbers.")
        .says("Twilio sells no mobile numbers in US: North American mobile numbers are sold as local ones");
    let json = bench.run(&[&mobile[..], &["--format", "json"]].concat()).exits(0);
    assert_eq!((json.out.as_str(), json.err.contains("no mobile numbers in US")), ("[]\n", true));
    let all = bench.run(&["search", "--country", "MC"]).exits(0);
    for kind in ["local", "mobile", "tollfree"] {
        assert!(all.err.contains(&format!("Twilio sells no {kind} numbers in MC")), "{}", all.err);
    }
}

#[test]
fn a_claim_for_what_is_not_sold_says_so() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "0"]);
    let claim = "version: 1\nclaims:\n  - {name: m, count: 1, match: {country: US, type: mobile}, friendly_name: m}\n";
    bench.write("fleet.yaml", claim);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("Twilio sells no mobile numbers in US");
}

#[test]
fn an_area_code_of_no_such_country_gets_its_own_advice() {
    let canned = canned("400 Bad Request", r#"{"code":21470,"message":"Invalid area code","status":400}"#);
    let bench = Bench::at(&canned.base_url).with("NUMCTL_API", V2010);
    bench
        .run(&["search", "--country", "US", "--type", "local", "--area-code", "787"])
        .exits(1)
        .says("first digits")
        .never_says("transfers");
}

#[test]
fn short_codes_over_v2010_are_told_plainly() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "0"]);
    let bench = bench.with("NUMCTL_API", V2010);
    bench.run(&["get"]).exits(0).says("No numbers.").says("does not list short codes");
    bench.run(&["get", "--phone-number", "67898"]).exits(1).says("no short codes");
    bench.run(&["get", "--type", "shortcode"]).exits(1).says("no short codes");
    bench.run(&["export"]).exits(0).says("# Short codes are not included");
    let file = "version: 1\nnumbers: [{phone_number: \"67898\", sms: {url: \"https://s.example.com/b\"}}]\n";
    bench.write("fleet.yaml", file);
    bench
        .run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"])
        .exits(2)
        .says("Over incoming-phone-numbers numctl does not see them");
}

//! `numctl doctor`: what is wrong, each with its cure.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, TOKEN, accounts_only, world};

fn check(report: &Value, account: usize, about: &str) -> (String, String) {
    let checks = report[account]["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["about"] == about).unwrap_or_else(|| panic!("no {about}"));
    let text = |key: &str| check[key].as_str().expect(key).to_owned();
    assert_eq!(check["level"] == "good", check["fix"].is_null(), "{check}");
    (text("level"), text("message"))
}

fn level(report: &Value, about: &str) -> String {
    check(report, 0, about).0
}

#[test]
fn a_healthy_account_is_told_so() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let ran = bench.run(&["doctor"]).exits(0).says("No problems found").never_says(TOKEN);
    assert!(ran.out.contains("account default"), "{}", ran.out);
    assert_eq!(sandbox.writes(), 0);
    let report = bench.run(&["doctor", "--format", "json"]).exits(0).json();
    for about in ["credentials", "account", "ActiveNumbers", "IncomingPhoneNumbers", "prices"] {
        assert_eq!(level(&report, about), "good", "{about}");
    }
    assert_eq!(report[0]["api"], "active-numbers");
}

#[test]
fn every_ill_comes_with_its_cure() {
    let ill = |state: &Value, faults: &str, api: &str| {
        let (sandbox, bench) = Sandbox::with_state(state, &["--faults", faults]);
        let bench = bench.with("NUMCTL_API", api);
        let ran = bench.run(&["doctor", "--format", "json"]);
        assert_eq!(sandbox.writes(), 0);
        (ran.code, ran.json())
    };
    let with = |key: &str, value: Value| {
        let mut state = world(&[]);
        state["accounts"][MAIN][key] = value;
        state
    };
    let (code, report) = ill(&world(&[]), "not-enabled", "active-numbers");
    assert_eq!((code, level(&report, "ActiveNumbers").as_str()), (Some(1), "bad"));
    let (code, report) = ill(&world(&[]), "not-enabled", "incoming-phone-numbers");
    assert_eq!((code, level(&report, "ActiveNumbers").as_str()), (Some(0), "good"));
    let (code, report) = ill(&with("trial", json!(true)), "", "incoming-phone-numbers");
    assert_eq!((code, level(&report, "account").as_str()), (Some(0), "doubtful"));
    let (code, report) = ill(&with("status", json!("suspended")), "", "incoming-phone-numbers");
    assert_eq!((code, level(&report, "account").as_str()), (Some(1), "bad"));
    let (code, report) = ill(&with("auth_token", json!("another")), "", "incoming-phone-numbers");
    assert_eq!((code, level(&report, "account").as_str()), (Some(1), "bad"));
    let (code, report) = ill(&world(&[]), "price#1=500", "incoming-phone-numbers");
    assert_eq!((code, level(&report, "prices").as_str()), (Some(0), "doubtful"));
}

#[test]
fn a_key_is_told_what_it_cannot_do() {
    let mut state = world(&[]);
    state["accounts"][MAIN]["keys"] = json!({"SK00000000000000000000000000000001": "s3cr3t"});
    let (_sandbox, bench) = Sandbox::with_state(&state, &[]);
    let bench = bench
        .with("TWILIO_API_KEY", "SK00000000000000000000000000000001")
        .with("TWILIO_API_SECRET", "s3cr3t")
        .with("NUMCTL_API", "incoming-phone-numbers");
    bench.write("fleet.yaml", &format!("{}numbers: []\n", accounts_only()));
    let ran = bench.run(&["doctor", "-f", "fleet.yaml", "--format", "json"]).exits(0).never_says("s3cr3t");
    let report = ran.json();
    let at = |name: &str| {
        report.as_array().expect("accounts").iter().position(|one| one["account"] == name).expect(name)
    };
    assert_eq!(check(&report, at("main"), "account").0, "doubtful");
    assert!(check(&report, at("main"), "permissions").1.contains("cannot move numbers"));
    assert_eq!(check(&report, at("emea"), "account").0, "good");
    assert_eq!(report[at("emea")]["account_sid"], SUB);
}

#[test]
fn nothing_that_answers_is_an_ill_too() {
    let bench = Bench::at("http://127.0.0.1:9");
    let ran = bench.run(&["doctor"]).exits(1).says("fix:");
    assert!(ran.out.contains("no answer had a Date header"), "{}", ran.out);
}

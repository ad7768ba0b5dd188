//! The digest names exactly one plan, its secrets included, and helps nobody to guess them.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, Sandbox, owned, world};

fn fleet(url: &str) -> String {
    let one =
        "version: 1\npolicy: {max_changes: 0}\nnumbers:\n  - phone_number: \"+15552230000\"\n".to_owned();
    format!("{one}    voice: {{ url: \"{url}\" }}\n")
}

fn digest(bench: &Bench, url: &str) -> String {
    let plan = bench.plan(&fleet(url)).exits(0).json();
    plan["digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn a_digest_accepted_for_one_secret_lets_no_other_through() {
    let (sandbox, bench) = Sandbox::start(&[]);
    for [one, other] in [
        ["https://u:first@h.example/v", "https://u:other@h.example/v"],
        ["https://h.example/v?token=first", "https://h.example/v?token=other"],
        ["https://h.example/v?a=1&api_key=first#x", "https://h.example/v?a=1&api_key=other#x"],
    ] {
        let accepted = digest(&bench, one);
        assert_eq!(digest(&bench, one), accepted, "one plan keeps its digest from run to run");
        assert_ne!(digest(&bench, other), accepted, "{one} and {other}");
        bench.write("fleet.yaml", &fleet(other));
        bench
            .run(&["apply", "--yes", "--accept", &accepted, "-f", "fleet.yaml"])
            .exits(4)
            .never_says("other@");
        assert_eq!(sandbox.writes(), 0);
    }
    let url = "https://u:first@h.example/v";
    let accepted = digest(&bench, url);
    bench.write("fleet.yaml", &fleet(url));
    // The saved plan has the digest that was shown.
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0).never_says("first");
    let saved: Value = serde_json::from_str(&bench.read("plan.json")).expect("JSON");
    assert_eq!(saved["digest"], json!(accepted));
    bench.run(&["apply", "--yes", "--accept", &accepted, "plan.json"]).exits(0);
    assert_eq!(sandbox.writes(), 1);
}

/// Without the credentials nobody can tell a right guess from a wrong one.
#[test]
fn a_digest_of_secrets_is_keyed_with_the_credentials() {
    let mut state = world(&[owned("+15552230000", MAIN, None, json!({}))]);
    state["accounts"][MAIN]["keys"] = json!({"SK00000000000000000000000000000001": "s3cr3t"});
    let (_sandbox, bench) = Sandbox::with_state(&state, &[]);
    let (open, secret) = ("https://h.example/v", "https://u:first@h.example/v");
    let (plain, keyed) = (digest(&bench, open), digest(&bench, secret));
    let by_key = bench
        .with("TWILIO_API_KEY", "SK00000000000000000000000000000001")
        .with("TWILIO_API_SECRET", "s3cr3t");
    assert_eq!(digest(&by_key, open), plain, "a plan without secrets has one digest for everybody");
    assert_ne!(digest(&by_key, secret), keyed);
}

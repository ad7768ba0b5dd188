//! What is declared and cannot be set is held back, and never counts as declared: in every format, in
//! the daemon's status and in the exit code.

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, Sandbox, owned, world};
use super::outside::Outside;

const FALLBACK_ALONE: &str = "+15552230001";
const FALLBACK_IN_THE_WAY: &str = "+15552230002";
const NO_SMS: &str = "+442079460123";
const MIXED: &str = "+15552230003";

const FILE: &str = r#"version: 1
numbers:
  - {phone_number: "+15552230001", voice: {fallback_url: "https://b.example/f"}}
  - {phone_number: "+15552230002", voice: {url: null}}
  - {phone_number: "+15552230003", friendly_name: New, sms: {fallback_url: "https://b.example/f"}}
  - {phone_number: "+442079460123", sms: {url: "https://b.example/s"}}
"#;

fn start() -> (Sandbox, Bench) {
    let urls = json!({"voice.url": "https://a.example/v", "voice.fallback_url": "https://a.example/f"});
    let numbers = [
        owned(FALLBACK_ALONE, MAIN, None, json!({})),
        owned(FALLBACK_IN_THE_WAY, MAIN, None, urls),
        owned(MIXED, MAIN, Some("Old"), json!({})),
        owned(NO_SMS, MAIN, None, json!({})),
    ];
    Sandbox::with_state(&world(&numbers), &[])
}

fn held(plan: &Value) -> Vec<(&str, &str)> {
    let held = plan["held"].as_array().expect("held");
    held.iter()
        .map(|held| (held["phone_number"].as_str().unwrap_or(""), held["reason"].as_str().unwrap_or("")))
        .collect()
}

#[test]
fn a_setting_that_is_left_out_is_held_in_every_format() {
    let (_sandbox, bench) = start();
    let plan = bench.plan(FILE).exits(0).json();
    let expected = [
        (FALLBACK_ALONE, "fallback_without_primary"),
        (FALLBACK_IN_THE_WAY, "fallback_in_the_way"),
        (MIXED, "fallback_without_primary"),
        (NO_SMS, "no_sms"),
    ];
    assert_eq!(held(&plan), expected, "{plan:#}");
    assert_eq!(
        plan["summary"],
        json!({"purchase": 0, "configure": 1, "transfer": 0, "release": 0, "unchanged": 0, "no_effect": 0, "held": 4, "unlisted": 0})
    );
    // What can be set is set; what cannot is held from then on, and nothing flaps.
    bench.run(&["apply", "--yes", "-f", "fleet.yaml"]).exits(0).says("Apply complete: 1 succeeded");
    let again = ["plan", "-f", "fleet.yaml"];
    bench
        .run(&again)
        .exits(0)
        .says("not everything is as declared")
        .says("Plan: 0 unchanged, 4 held back, 0 unlisted.")
        .never_says("everything is as declared.");
    bench.run(&[&again[..], &["--detailed-exitcode"]].concat()).exits(2);
    let markdown = bench.run(&[&again[..], &["--format", "markdown"]].concat()).exits(0);
    markdown.says("### numctl plan: no changes, 4 held back").never_says("everything is as declared.");
    // A saved plan without actions says no more than the plan did.
    bench.run(&[&again[..], &["--out", "plan.json"]].concat()).exits(0);
    bench
        .run(&["apply", "--yes", "plan.json"])
        .exits(0)
        .says("4 held back")
        .never_says("everything is as declared.");
}

#[test]
fn a_setting_that_is_live_as_declared_is_not_held() {
    let (_sandbox, bench) = start();
    let file = r#"version: 1
numbers:
  - {phone_number: "+15552230002", voice: {fallback_url: "https://a.example/f"}}
  - {phone_number: "+442079460123", sms: {url: null, method: POST}}
"#;
    bench.write("fleet.yaml", file);
    bench
        .run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"])
        .exits(0)
        .says("No changes: everything is as declared.")
        .says("Plan: 2 unchanged");
}

#[test]
fn the_daemon_shows_it_as_held() {
    let (_sandbox, bench) = start();
    bench.write("fleet.yaml", FILE);
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "200ms", "--listen", "0"]);
    let outside = Outside::of(&daemon);
    // The rest of a number is done, and does not hide what is left.
    let status = outside.until("held", |status| status["counts"]["held"] == 4);
    assert_eq!((&status["counts"]["synced"], &status["counts"]["degraded"]), (&json!(0), &json!(0)));
    assert_eq!(status["held"]["fallback_without_primary"], 2, "{:#}", status["held"]);
    assert_eq!(status["state"], "held", "{status:#}");
    assert!(outside.get("/metrics").contains(r#"numctl_held{reason="no_sms"} 1"#));
}

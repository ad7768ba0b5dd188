//! What is told by webhook while a number is left as it is on purpose: failures, and that they are cured.

use std::time::Duration;

use serde_json::Value;

use super::daemon::Daemon;
use super::harness::{Bench, Sandbox};
use super::outside::{Outside, receiver};

const ARGS: [&str; 6] = ["-f", "fleet.yaml", "--interval", "200ms", "--listen", "0"];
const PATIENCE: Duration = Duration::from_secs(40);

/// A number on hold that is other than declared, and one that is called so.
fn held_and(name: &str) -> String {
    format!(
        "version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: Held, hold: {{until: 2099-01-01T00:00:00Z, why: later}}}}\n  \
         - {{phone_number: \"+15552230001\", friendly_name: {name}}}\n"
    )
}

fn told(bench: &Bench, more: &[&str]) -> (Daemon, Outside, impl Fn() -> Option<Value>) {
    let (url, bodies) = receiver();
    let daemon = Daemon::start(bench, &[&ARGS[..], &["--notify", &url], more].concat());
    let outside = Outside::of(&daemon);
    let next = move || {
        let body = bodies.recv_timeout(PATIENCE).ok()?;
        Some(serde_json::from_str(&body).expect("JSON"))
    };
    (daemon, outside, next)
}

#[test]
fn a_number_on_hold_is_no_drift_and_a_cured_failure_is_told() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &held_and("One"));
    let (daemon, outside, next) = told(&bench, &[]);
    let status = outside.until("held", |status| status["state"] == "held");
    assert_eq!((&status["counts"]["held"], &status["counts"]["drifts"]), (&1.into(), &0.into()));
    daemon.says(" cycle", 5);
    assert_eq!(outside.status()["state"], "held");
    // The first thing that is told is the failure, and the second that it is cured.
    sandbox.faults("configure#1+=400/21402");
    bench.write("fleet.yaml", &held_and("Two"));
    let failure = next().expect("told");
    assert_eq!(
        (&failure["event"], &failure["degraded"], &failure["held"]),
        (&"failure".into(), &1.into(), &1.into())
    );
    sandbox.faults("");
    let recovery = next().expect("told");
    assert_eq!((&recovery["event"], &recovery["state"]), (&"recovery".into(), &"in_sync".into()));
    let summary = recovery["summary"].as_str().expect("a text");
    assert!(summary.contains("1 held") && !summary.contains("All"), "{summary}");
    daemon.stop();
}

#[test]
fn a_failure_that_ends_in_drift_is_told_as_cured() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "list#1+=403"]);
    bench.write("fleet.yaml", &held_and("Two"));
    let (daemon, _outside, next) = told(&bench, &["--dry-run"]);
    assert_eq!(next().expect("told")["event"], "failure");
    sandbox.faults("");
    let recovery = next().expect("told");
    assert_eq!((&recovery["event"], &recovery["state"]), (&"recovery".into(), &"drifted".into()));
    daemon.stop();
}

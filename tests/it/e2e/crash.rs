//! Law 1 and law 5 over crashes; law 9 over Ctrl-C.

use std::fmt::Write as _;
use std::io::{BufRead as _, Read as _};

use serde_json::json;

use super::harness::{Sandbox, two_accounts};

fn fleet() -> String {
    format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+15552230100\", friendly_name: New}}\n  \
         - {{phone_number: \"+15552230000\", friendly_name: Other}}\n  - {{phone_number: \"+15552230001\", account: emea, friendly_name: There}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n",
        two_accounts()
    )
}

#[test]
fn killed_anywhere_and_run_again_it_converges_and_bought_once() {
    for (fault, operation) in [
        ("list#2=hang", "list"),
        ("list#3=hang", "list"),
        ("purchase#1=hang", "purchase"),
        ("purchase#1=hang-after", "purchase"),
        ("configure#1=hang", "configure"),
        ("configure#1=hang-after", "configure"),
        ("transfer#1=hang", "transfer"),
        ("transfer#1=hang-after", "transfer"),
        ("fetch#1=hang", "fetch"),
        ("release#1=hang", "release"),
        ("release#1=hang-after", "release"),
    ] {
        let (sandbox, bench) = Sandbox::start(&["--faults", fault]);
        bench.write("fleet.yaml", &fleet());
        let apply = bench.spawn(&["apply", "--yes", "--max-concurrency", "1", "-f", "fleet.yaml"]);
        let reached =
            fault.split_once('#').and_then(|(_, rest)| rest.get(..1)?.parse().ok()).expect("a count");
        sandbox.wait_for(operation, reached);
        apply.signal("KILL");
        assert_eq!(apply.end().code, None, "{fault}");
        sandbox.faults("");
        bench.apply(&fleet()).exits(0);
        assert_eq!(bench.plan(&fleet()).exits(0).json()["actions"], json!([]), "{fault}");
        let bought = sandbox.log("purchase").iter().filter(|entry| entry["status"] == 201).count();
        assert_eq!(bought, 1, "{fault}");
        assert!(sandbox.number("+15552230002").is_none(), "{fault}");
        assert_eq!(sandbox.number("+15552230100").expect("bought")["friendly_name"], "New");
    }
}

fn five() -> String {
    let mut file = "version: 1\nnumbers:\n".to_owned();
    for at in 0..5 {
        writeln!(file, "  - {{phone_number: \"+1555223000{at}\", friendly_name: New}}").expect("written");
    }
    file
}

const SLOWLY: [&str; 8] =
    ["apply", "--yes", "--format", "json", "--max-concurrency", "1", "-f", "fleet.yaml"];

#[test]
fn ctrl_c_once_finishes_what_is_in_flight() {
    // A supervisor's SIGTERM is the same.
    for signal in ["INT", "TERM"] {
        stopped_once(signal);
    }
}

fn stopped_once(signal: &str) {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "5", "--latency", "300ms"]);
    bench.write("fleet.yaml", &five());
    let apply = bench.spawn(&SLOWLY);
    sandbox.wait_for("configure", 1);
    apply.signal(signal);
    let ran = apply.end().exits(3);
    let report = ran.json();
    let actions = report["actions"].as_array().expect("actions");
    let succeeded = actions.iter().filter(|action| action["outcome"] == "succeeded").count();
    let skipped: Vec<_> = actions.iter().filter(|action| action["outcome"] == "skipped").collect();
    assert_eq!(succeeded + skipped.len(), 5, "{report:#}");
    assert!(succeeded >= 1 && !skipped.is_empty(), "{report:#}");
    for action in skipped {
        assert!(
            action["error"]["message"].as_str().is_some_and(|message| message.contains("stopped")),
            "{action}"
        );
        assert_eq!(action["attempts"], 0);
    }
    assert_eq!(sandbox.count("configure"), succeeded as u64, "what was in flight is finished, and reported");
}

#[test]
fn ctrl_c_twice_stops_at_once_and_lists_what_is_unknown() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "5", "--faults", "configure#2=hang"]);
    bench.write("fleet.yaml", &five());
    let mut apply = bench.spawn(&SLOWLY);
    let mut stderr = apply.stderr();
    sandbox.wait_for("configure", 2);
    apply.signal("INT");
    let mut line = String::new();
    while !line.starts_with("Stopping") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).expect("stderr"), 0, "it ended early");
    }
    apply.signal("INT");
    let ran = apply.end().exits(3);
    stderr.read_to_string(&mut line).expect("stderr");
    let report = ran.json();
    let ends: Vec<_> = report["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|a| a["outcome"].as_str().expect("one"))
        .collect();
    assert_eq!(ends, ["succeeded", "unknown", "skipped", "skipped", "skipped"], "{report:#}");
    assert_eq!(sandbox.count("configure"), 2);
    // A purchase dropped like that is not bought again.
    let buy = "version: 1\nnumbers:\n  - phone_number: \"+15552230100\"\n";
    sandbox.faults("purchase#1=hang-after");
    bench.write("fleet.yaml", buy);
    let mut apply = bench.spawn(&SLOWLY);
    let mut stderr = apply.stderr();
    sandbox.wait_for("purchase", 1);
    apply.signal("TERM");
    line.clear();
    while !line.starts_with("Stopping") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).expect("stderr"), 0, "it ended early");
    }
    apply.signal("INT");
    assert_eq!(apply.end().exits(3).outcome("+15552230100"), "unknown");
    bench.apply(buy).exits(0);
    assert_eq!(sandbox.count("purchase"), 1);
}

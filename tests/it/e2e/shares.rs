//! Law 11: a percentage is of what is live in the account that is touched; nothing in the file makes it larger.

use serde_json::json;

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, SUB, Sandbox, owned, two_accounts, world};

/// Twenty numbers in the main account, and five hundred in the other one.
fn fleet() -> (Sandbox, Bench) {
    let main = (0..20).map(|at| owned(&format!("+15552230{at:03}"), MAIN, None, json!({})));
    let sub = (0..500).map(|at| owned(&format!("+15552231{at:03}"), SUB, None, json!({})));
    Sandbox::with_state(&world(&main.chain(sub).collect::<Vec<_>>()), &[])
}

fn released(numbers: impl Iterator<Item = String>) -> String {
    numbers.map(|number| format!("  - {{phone_number: \"{number}\", state: released}}\n")).collect()
}

/// A file that releases all twenty and has four hundred more tombstones, of numbers that were never there.
fn grown(head: &str) -> String {
    let all = (0..20).map(|at| format!("+15552230{at:03}"));
    let dummies = (0..400).map(|at| format!("+15553330{at:03}"));
    format!("{head}policy: {{max_releases: 100%}}\nnumbers:\n{}", released(all.chain(dummies)))
}

#[test]
fn tombstones_of_numbers_that_were_never_there_raise_no_share() {
    let (sandbox, bench) = fleet();
    let bench = bench.with("NUMCTL_MAX_RELEASES", "5%");
    let refused = bench.apply(&grown("version: 1\n")).exits(4).json();
    let broken = &refused["refusal"]["broken"][0];
    assert_eq!(
        (&broken["limit"], &broken["allowed"], &broken["live"]),
        (&json!("max_releases"), &json!(1), &json!(20))
    );
    assert!(
        broken["message"].as_str().expect("text").contains("5% of the 20 live numbers in default"),
        "{broken:#}"
    );
    // Another account that the file names, and touches, is no help either.
    let other = "  - {phone_number: \"+15552231000\", account: emea, friendly_name: Touched}\n";
    bench.apply(&format!("{}{other}", grown(&two_accounts()))).exits(4);
    assert_eq!(sandbox.writes(), 0);
    // The saved plan counts what is live when it is applied, and believes no file.
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    bench.run(&["apply", "--yes", "plan.json"]).exits(4);
    assert_eq!(sandbox.writes(), 0);
    // What the share allows is done.
    bench
        .apply(&format!(
            "version: 1\npolicy: {{max_releases: 100%}}\nnumbers:\n{}",
            released(std::iter::once("+15552230000".to_owned()))
        ))
        .exits(0);
    assert_eq!(sandbox.count("release"), 1);
}

#[test]
fn a_share_of_purchases_and_of_changes_is_of_what_is_live() {
    let (sandbox, bench) = fleet();
    let bench = bench.with("NUMCTL_MAX_PURCHASES", "5%").with("NUMCTL_MAX_CHANGES", "10%");
    let dummies = released((0..400).map(|at| format!("+15553330{at:03}")));
    let bought: String = (100..110).map(|at| format!("  - phone_number: \"+15552232{at}\"\n")).collect();
    let head = "version: 1\npolicy: {max_purchases: 100}\nnumbers:\n";
    let refused = bench.apply(&format!("{head}{bought}{dummies}")).exits(4).json();
    assert_eq!(refused["refusal"]["broken"][0]["allowed"], 1, "{:#}", refused["refusal"]);
    let changed: String =
        (0..5).map(|at| format!("  - {{phone_number: \"+1555223000{at}\", friendly_name: New}}\n")).collect();
    let refused = bench.apply(&format!("{head}{changed}{dummies}")).exits(4).json();
    assert_eq!(refused["refusal"]["broken"][0]["allowed"], 2, "{:#}", refused["refusal"]);
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn the_daemon_counts_a_share_over_a_day_by_what_is_live() {
    let (sandbox, bench) = fleet();
    let bench = bench.with("NUMCTL_MAX_RELEASES", "5%");
    bench.write("fleet.yaml", &grown("version: 1\n"));
    bench.run(&["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"]).exits(4);
    // One edit after the other, each within the share by itself: the day holds them.
    let one = |at: usize| {
        let dummies = (0..400).map(|at| format!("+15553330{at:03}"));
        let list = released(std::iter::once(format!("+1555223000{at}")).chain(dummies));
        bench.write("fleet.yaml", &format!("version: 1\npolicy: {{max_releases: 100%}}\nnumbers:\n{list}"));
        bench.run(&["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"])
    };
    one(0).exits(0);
    one(1).exits(4);
    assert_eq!(sandbox.count("release"), 1);
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1s", "--state-dir", "state"]);
    daemon.says("refused by a limit", 1);
    drop(daemon);
    assert_eq!(sandbox.count("release"), 1);
}

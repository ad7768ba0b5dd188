//! One writer, without anybody asking for it: in one checkout, beside a daemon, in two checkouts of one user.

use std::time::Duration;

use super::daemon::Daemon;
use super::harness::{Bench, Sandbox};

fn file(host: &str) -> String {
    format!(
        "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    voice: {{ url: \"https://{host}.example/v\" }}\n"
    )
}

const APPLY: [&str; 4] = ["apply", "--yes", "-f", "fleet.yaml"];

fn with(more: &[&'static str]) -> Vec<&'static str> {
    [&APPLY[..], more].concat()
}

#[test]
fn two_applies_in_one_checkout_go_one_after_the_other() {
    let (sandbox, bench) = Sandbox::start(&["--latency", "1500ms"]);
    bench.write("fleet.yaml", &file("a"));
    let first = bench.spawn(&APPLY);
    sandbox.wait_for("list", 1);
    bench
        .run(&APPLY)
        .exits(1)
        .says("is locked by process")
        .says("--lock-timeout")
        .says("nothing was attempted");
    bench.run(&["undo", "--yes", "-f", "fleet.yaml"]).exits(1);
    // A plan writes nothing, and waits for nobody.
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0);
    bench.run(&with(&["--lock-timeout", "60s"])).exits(0);
    first.end().exits(0);
    assert_eq!(sandbox.count("configure"), 1, "the second one found nothing left to do");
}

#[test]
fn an_apply_beside_a_daemon_with_its_state_directory_waits() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1s", "--state-dir", "state"]);
    sandbox.wait_for("configure", 1);
    bench.write("other.yaml", &file("b"));
    let beside = ["apply", "--yes", "-f", "other.yaml", "--state-dir", "state"];
    bench.run(&beside).exits(1).says(&format!("process {}", daemon.pid()));
    let none = [&beside[..], &["--lock-dir", "none"]].concat();
    bench.run(&none).exits(0);
    daemon.stop().exits(0);
    bench.run(&beside).exits(0);
}

/// Each checkout has a state directory of its own; the user has one.
#[test]
fn two_checkouts_of_one_user_meet() {
    let (sandbox, one) = Sandbox::start(&["--latency", "1500ms"]);
    let home = tempfile::tempdir().expect("a home");
    let text = |path: &std::path::Path| path.to_str().expect("UTF-8").to_owned();
    let home_of = |bench: Bench| bench.with("HOME", &text(home.path()));
    let (one, two) = (home_of(one), home_of(Bench::at(&sandbox.base_url)));
    one.write("fleet.yaml", &file("a"));
    two.write("fleet.yaml", &file("b"));
    let first = one.spawn(&APPLY);
    sandbox.wait_for("list", 1);
    two.run(&APPLY).exits(1).says("is locked by process");
    first.end().exits(0);
    assert_eq!(sandbox.count("configure"), 1);
    // XDG_STATE_HOME is another place, and another sandbox's accounts of the same SIDs are others.
    let (_other, three) = Sandbox::start(&[]);
    let three = home_of(three);
    three.write("fleet.yaml", &file("c"));
    let first = one.spawn(&with(&["--lock-timeout", "0s"]));
    three.run(&APPLY).exits(0);
    drop(first);
    std::thread::sleep(Duration::from_millis(10));
    let xdg = tempfile::tempdir().expect("a directory");
    two.with("XDG_STATE_HOME", &text(xdg.path())).run(&APPLY).exits(0);
    assert!(xdg.path().join("numctl/locks").is_dir());
}

#[test]
fn a_saved_plan_applied_twice_at_once_is_applied_once() {
    let (sandbox, bench) = Sandbox::start(&["--latency", "1s"]);
    bench.write("fleet.yaml", &file("a"));
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    let apply = ["apply", "--yes", "plan.json", "--lock-dir", "none"];
    let both = [bench.spawn(&apply), bench.spawn(&apply)].map(|running| running.end().code);
    let mut both = both.map(|code| code.expect("a code"));
    both.sort_unstable();
    assert_eq!(both, [0, 4]);
    assert_eq!(sandbox.count("configure"), 1);
}

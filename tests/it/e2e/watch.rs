//! `run --watch-events`: what others change is read as soon as an event reports it, and found without one.

use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::harness::Sandbox;

const NUMBER: &str = "+15552230000";
const FILE: &str = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    friendly_name: Support\n  \
                    - phone_number: \"+15552230001\"\n    friendly_name: Sales\n";

fn until(what: &str, daemon: &Daemon, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{what}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn name_of(sandbox: &Sandbox, number: &str) -> String {
    sandbox.number(number).expect("there")["friendly_name"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_foreign_change_is_repaired_without_a_listing_and_our_own_echo_is_not() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "events-doubled,events-shuffled"]);
    bench.write("fleet.yaml", FILE);
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--watch-events", "1s", "--interval", "10m"]);
    until("configured", &daemon, || name_of(&sandbox, "+15552230001") == "Sales");
    // The echo of these writes is heard, and read.
    std::thread::sleep(Duration::from_secs(3));
    sandbox.forget_requests();
    for round in 0..3 {
        sandbox.edit(NUMBER, &format!("FriendlyName=Theirs{round}"));
        until("repaired", &daemon, || name_of(&sandbox, NUMBER) == "Support");
    }
    std::thread::sleep(Duration::from_secs(4));
    let looks = sandbox.count("fetch") + sandbox.count("list");
    assert!(looks <= 6, "one look for each foreign change, and one for each echo: {:#}", sandbox.requests());
    assert!(sandbox.count("list") <= 1, "{:#}", sandbox.requests());
    // Three of theirs, three of ours.
    assert_eq!(sandbox.count("configure"), 6);
    sandbox.forget_requests();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((sandbox.count("fetch"), sandbox.count("list"), sandbox.count("configure")), (0, 0, 0));
    assert!(sandbox.count("events") >= 2, "and it still listens");
    daemon.stop();
}

#[test]
fn without_events_the_full_listing_finds_what_changed() {
    for (faults, says) in [
        ("event-loss=1", None),
        ("event-delay=3600", None),
        ("events-forbidden", Some("events cannot be read")),
        ("events:404=1", Some("does not serve Monitor Events")),
        ("events:html=0.5,events:drop=0.3,event-loss=1", None),
    ] {
        let (sandbox, bench) = Sandbox::start(&["--faults", faults]);
        bench.write("fleet.yaml", FILE);
        let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--watch-events", "1s", "--interval", "2s"]);
        until("configured", &daemon, || name_of(&sandbox, "+15552230001") == "Sales");
        sandbox.edit(NUMBER, "FriendlyName=Theirs");
        until(faults, &daemon, || name_of(&sandbox, NUMBER) == "Support");
        if let Some(says) = says {
            daemon.says(says, 1);
        }
        daemon.stop();
    }
}

#[test]
fn the_interval_of_a_watching_daemon_is_ten_minutes_and_polls_have_bounds() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FILE);
    for refused in ["10ms", "2h", "0s", "x"] {
        bench.run(&["run", "-f", "fleet.yaml", "--watch-events", refused]).exits(1).says("--watch-events");
    }
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--watch-events", "5s"]);
    daemon.says("interval=600s", 1);
    until("configured", &daemon, || name_of(&sandbox, "+15552230001") == "Sales");
    daemon.stop();
}

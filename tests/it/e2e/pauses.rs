//! A process that is stopped for a while, as a container that is frozen: what it read
//! before is old when it goes on.

use std::time::Duration;

use super::harness::Sandbox;

const FLEET: &str = "version: 1\npolicy: {max_purchases: 2, max_releases: 1}\nnumbers:\n  \
                     - {phone_number: \"+15552230000\", friendly_name: New}\n  \
                     - {phone_number: \"+15552230100\", friendly_name: Bought}\n  \
                     - {phone_number: \"+15552230002\", state: released}\n";
const APPLY: [&str; 6] = ["apply", "--yes", "--format", "json", "-f", "fleet.yaml"];
const WRITES: [&str; 3] = ["purchase", "configure", "release"];

/// Whatever it is doing at that moment, it goes on where it was, and each write is done once.
#[test]
fn stopped_and_continued_around_every_write_each_is_done_once() {
    for operation in ["list", "fetch", WRITES[0], WRITES[1], WRITES[2]] {
        let (sandbox, bench) = Sandbox::start(&["--latency", "60ms"]);
        bench.write("fleet.yaml", FLEET);
        let apply = bench.spawn(&APPLY);
        sandbox.wait_for(operation, 1);
        apply.signal("STOP");
        std::thread::sleep(Duration::from_millis(300));
        apply.signal("CONT");
        apply.end().exits(0);
        assert_eq!(WRITES.map(|write| sandbox.count(write)), [1, 1, 1], "stopped at {operation}");
        assert!(sandbox.number("+15552230002").is_none() && sandbox.number("+15552230100").is_some());
    }
}

/// Law 2: the fresh read before a release is good for 5 s, and a stopped process does not see them pass.
#[test]
fn what_changed_while_it_was_stopped_is_not_released() {
    let file = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230002\", state: released}\n";
    let (sandbox, bench) = Sandbox::start(&["--latency", "400ms"]);
    bench.write("fleet.yaml", file);
    let apply = bench.spawn(&APPLY);
    // What it asks for before the read that a release goes by is answered, and that read is on its way.
    sandbox.wait_for("price", 1);
    std::thread::sleep(Duration::from_millis(150));
    apply.signal("STOP");
    sandbox.wait_for("fetch", 1);
    std::thread::sleep(Duration::from_millis(5_500));
    sandbox.edit("+15552230002", "FriendlyName=In+use");
    apply.signal("CONT");
    let ran = apply.end().exits(3);
    assert_eq!(ran.outcome("+15552230002"), "skipped");
    assert_eq!((sandbox.count("fetch"), sandbox.count("release")), (2, 0));
    assert!(sandbox.number("+15552230002").is_some());
}

/// A digest that two people accept at once lifts the limits of one plan, once.
#[test]
fn a_digest_accepted_twice_at_once_releases_once() {
    let file = "version: 1\nnumbers:\n  - {phone_number: \"+15552230002\", state: released}\n";
    let (sandbox, bench) = Sandbox::start(&["--latency", "200ms"]);
    let refused = bench.apply(file).exits(4).json();
    let digest = refused["digest"].as_str().expect("a digest").to_owned();
    let apply = ["apply", "--yes", "--accept", &digest, "-f", "fleet.yaml", "--lock-dir", "none"];
    let both = [bench.spawn(&apply), bench.spawn(&apply)].map(|running| running.end());
    let codes = both.map(|ran| ran.code.expect("a code"));
    // Whoever comes second finds the number changing or gone, or has nothing to do.
    assert!(codes.contains(&0) && codes.iter().all(|code| [0, 3, 4].contains(code)), "{codes:?}");
    let deleted = sandbox.log("release").iter().filter(|entry| entry["status"] == 204).count();
    assert_eq!(deleted, 1, "{:#}", sandbox.requests());
    // The digest was of that plan, and of no later one.
    let other = file.replace("0002", "0003");
    bench.write("fleet.yaml", &other);
    bench.run(&apply).exits(4);
    assert!(sandbox.number("+15552230003").is_some());
}

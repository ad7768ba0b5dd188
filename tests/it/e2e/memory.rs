//! What a daemon remembers from one look to the next: too many numbers gone at once, numbers that fail
//! for ever, numbers that somebody else keeps writing.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, Sandbox, owned, world};

fn number(nth: usize) -> String {
    format!("+1555223{nth:04}")
}

/// A sandbox with so many numbers in one account.
fn fleet(count: usize) -> (Sandbox, Bench) {
    let numbers: Vec<Value> = (0..count).map(|nth| owned(&number(nth), MAIN, None, json!({}))).collect();
    Sandbox::with_state(&world(&numbers), &[])
}

/// A file that names the first numbers, each with a name.
fn file(policy: &str, count: usize, name: &str) -> String {
    let mut text = format!("version: 1\npolicy: {{{policy}}}\nnumbers:\n");
    for nth in 0..count {
        writeln!(text, "  - {{phone_number: \"{}\", friendly_name: \"{name} {nth}\"}}", number(nth))
            .expect("text");
    }
    text.push_str("...\n");
    text
}

const RELEASING: &str = "unlisted: release, max_releases: 100";

/// A file that was cut off releases nothing at once: a second look has to say the same.
#[test]
fn files_that_name_far_fewer_numbers_are_believed_the_second_time() {
    let (sandbox, bench) = fleet(12);
    bench.write("fleet.yaml", &file(RELEASING, 12, "n"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "3s"]);
    sandbox.wait_for("configure", 12);
    daemon.says("result=\"in sync\"", 1);
    bench.write("fleet.yaml", &file(RELEASING, 8, "n"));
    daemon.says("the files no longer name 4 of its 12 numbers", 1);
    assert_eq!(sandbox.count("release"), 0);
    // It was a mistake, and is undone before anybody noticed.
    bench.write("fleet.yaml", &file(RELEASING, 12, "n"));
    daemon.says("result=\"in sync\"", 2);
    assert_eq!(sandbox.count("release"), 0);
    // It was meant.
    bench.write("fleet.yaml", &file(RELEASING, 8, "n"));
    sandbox.wait_for("release", 4);
    daemon.says("the files no longer name 4 of its 12 numbers", 2);
    daemon.stop().exits(0);
}

/// The operator's word takes it at once.
#[test]
fn an_operator_may_allow_the_shrinking() {
    let (sandbox, bench) = fleet(12);
    bench.write("fleet.yaml", &file(RELEASING, 12, "n"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1h", "--allow-shrink"]);
    daemon.says("cycle", 1);
    bench.write("fleet.yaml", &file(RELEASING, 2, "n"));
    sandbox.wait_for("release", 10);
    daemon.stop().exits(0).never_says("no longer name");
}

/// A listing without numbers that were there buys nothing at once.
#[test]
fn a_listing_that_lost_numbers_is_believed_the_second_time() {
    let (sandbox, bench) = fleet(12);
    bench.write("fleet.yaml", &file("max_purchases: 100", 12, "n"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "3s"]);
    sandbox.wait_for("configure", 12);
    daemon.says("result=\"in sync\"", 1);
    for nth in 0..5 {
        let sid = sandbox.number(&number(nth)).expect("there")["sid"].clone();
        let path = format!("/Numbers/ActiveNumbers/{}", sid.as_str().expect("a SID"));
        assert_eq!(sandbox.ask("DELETE", &path, "").0, 204);
    }
    // Some of them may go in one look and the rest in the next.
    daemon.says("numbers are gone from its listing", 1);
    let purchases = sandbox.count("purchase");
    assert_eq!(purchases, 0, "{}", daemon.log());
    sandbox.wait_for("purchase", 5);
    daemon.stop().exits(0);
}

/// A number that fails for ever waits by itself, and no other waits with it.
#[test]
fn a_number_that_fails_for_ever_delays_no_other() {
    let (sandbox, bench) = fleet(2);
    sandbox.faults("documented-only");
    let file = |url: &str| {
        let (one, other) = (number(0), number(1));
        format!(
            "version: 1\nnumbers:\n  - {{phone_number: \"{one}\", voice: {{caller_id_lookup: true}}}}\n  \
             - {{phone_number: \"{other}\", status_callback: {url}}}\n"
        )
    };
    bench.write("fleet.yaml", &file("https://a.example/"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "200ms"]);
    daemon.says("result=\"incomplete\"", 3);
    let before = sandbox.count("configure");
    // Another's drift is healed in the meantime.
    sandbox.edit(&number(1), "Configurations.StatusCallback=https://theirs.example/");
    let lists = sandbox.count("list");
    sandbox.wait_for("list", lists + 5);
    assert_eq!(sandbox.setting(&number(1), "status_callback"), "https://a.example/");
    // The edit, its healing, and at most one more try.
    let tries = sandbox.count("configure") - before;
    assert!((2..=3).contains(&tries), "{tries}\n{}", daemon.log());
    // Other files are a reason to try at once.
    sandbox.faults("");
    bench.write("fleet.yaml", &file("https://b.example/"));
    daemon.says("result=\"in sync\"", 1);
    assert_eq!(sandbox.setting(&number(0), "voice.caller_id_lookup"), "true");
    daemon.stop().exits(0);
}

/// A number that somebody else writes again and again is left to a person.
#[test]
fn a_number_that_flaps_is_left_alone_until_a_person_asks() {
    let (sandbox, bench) = fleet(2);
    bench.write("fleet.yaml", &file("", 2, "n"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "200ms"]);
    // Each edit is a request, too, and is undone by another.
    sandbox.wait_for("configure", 2);
    for times in 1..=10 {
        sandbox.edit(&number(0), "FriendlyName=Theirs");
        if times < 10 {
            sandbox.wait_for("configure", 2 + 2 * times);
        }
    }
    daemon.says("something else keeps changing it. friendly_name was set as declared", 1);
    let lists = sandbox.count("list");
    sandbox.wait_for("list", lists + 4);
    assert_eq!(sandbox.count("configure"), 21);
    assert_eq!(sandbox.number(&number(0)).expect("there")["friendly_name"], "Theirs");
    daemon.signal("HUP");
    sandbox.wait_for("configure", 22);
    daemon.stop().exits(0);
}

/// An edit of one number takes a look at that number, and not at every account; what the look shows
/// decides, and the next full look is not put off.
#[test]
fn an_edit_of_one_number_lists_nothing() {
    let (sandbox, bench) = fleet(3);
    bench.write("fleet.yaml", &file("", 3, "n"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1h"]);
    daemon.says("result=\"done\"", 1);
    // What was written since the last full look is suspect.
    daemon.signal("HUP");
    daemon.says("result=\"in sync\" look=\"full\"", 1);
    let edit = |from: &str, to: &str| {
        let text = bench.read("fleet.yaml");
        assert!(text.contains(from), "{text}");
        bench.write("fleet.yaml", &text.replace(from, to));
    };
    let (lists, fetches) = (sandbox.count("list"), sandbox.count("fetch"));
    sandbox.edit(&number(2), "FriendlyName=Theirs");
    edit("n 0", "m 0");
    daemon.says("result=\"done\" look=\"partial\"", 1);
    assert_eq!(sandbox.number(&number(0)).expect("there")["friendly_name"], "m 0");
    // What was just written is looked at once more; its row in the listing is too old by now.
    edit("m 0", "l 0");
    daemon.says("result=\"done\" look=\"partial\"", 2);
    // Somebody else was quicker.
    sandbox.edit(&number(0), "FriendlyName=k 0");
    let configures = sandbox.count("configure");
    edit("l 0", "k 0");
    daemon.says("result=\"in sync\" look=\"partial\"", 1);
    assert_eq!(sandbox.count("configure"), configures);
    assert_eq!((sandbox.count("list"), sandbox.count("fetch")), (lists, fetches + 3), "{}", daemon.log());
    // A full look is due when it was due, and when somebody asks.
    assert_eq!(sandbox.number(&number(2)).expect("there")["friendly_name"], "Theirs");
    daemon.signal("HUP");
    daemon.says("result=\"done\" look=\"full\"", 2);
    assert_eq!(sandbox.number(&number(2)).expect("there")["friendly_name"], "n 2");
    daemon.stop().exits(0);
}

/// Where more than a configuration is at stake, or the listing is the cheaper look, everything is listed.
#[test]
fn an_edit_that_buys_or_names_less_or_finds_a_number_gone_lists_everything() {
    let (sandbox, bench) = fleet(4);
    bench.write("fleet.yaml", &file("max_purchases: 10", 3, "n"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1h"]);
    daemon.says("result=\"done\"", 1);
    daemon.signal("HUP");
    daemon.says("result=\"in sync\" look=\"full\"", 1);
    // Two numbers, and one page.
    let text = bench.read("fleet.yaml");
    bench.write("fleet.yaml", &text.replace("n 0", "m 0").replace("n 1", "m 1"));
    daemon.says("result=\"done\" look=\"full\"", 2);
    daemon.signal("HUP");
    daemon.says("result=\"in sync\" look=\"full\"", 2);
    // A number more is adopted by one look at it; a number fewer is a full look's business.
    bench.write("fleet.yaml", &file("max_purchases: 10", 4, "m").replace("m 2", "n 2"));
    daemon.says("result=\"done\" look=\"partial\"", 1);
    bench.write("fleet.yaml", &file("max_purchases: 10", 3, "m").replace("m 2", "n 2"));
    daemon.says("result=\"in sync\" look=\"full\"", 3);
    // It is gone, and this file does not say that it is to be bought.
    let sid = sandbox.number(&number(2)).expect("there")["sid"].clone();
    let path = format!("/Numbers/ActiveNumbers/{}", sid.as_str().expect("a SID"));
    assert_eq!(sandbox.ask("DELETE", &path, "").0, 204);
    bench.write("fleet.yaml", &file("max_purchases: 0", 3, "m"));
    daemon.says("result=\"refused\" look=\"full\"", 1);
    assert_eq!(sandbox.count("purchase"), 0);
    daemon.stop().exits(0);
}

/// A number that failed is looked at by itself when it is due.
#[test]
fn a_number_that_is_due_again_lists_nothing() {
    let (sandbox, bench) = fleet(2);
    sandbox.faults("documented-only");
    let refused =
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", voice: {caller_id_lookup: true}}\n";
    bench.write("fleet.yaml", refused);
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1h"]);
    daemon.says("result=\"incomplete\" look=\"partial\"", 3);
    assert_eq!(sandbox.count("list"), 1, "{}", daemon.log());
    daemon.stop().exits(0);
}

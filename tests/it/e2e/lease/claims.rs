//! What was bought for claims, and what was spent, is remembered in the Lease itself: by compare-and-swap,
//! for the next holder.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::daemon::Daemon;
use super::super::harness::Sandbox;
use super::fake::Meddling;
use super::{Host, Kube, SHORT};

const NOTE: &str = "numctl/intents";
const SPENT: &str = "numctl/spent";
/// What a writer leaves that has bought nothing for claims.
const NOTHING: &str = r#"{"format_version":1,"intents":[]}"#;

fn claiming(host: &Host, count: u16) {
    host.bench.write(
        "fleet.yaml",
        &format!(
            "version: 1\nclaims:\n  - {{name: nyc, count: {count}, match: {{country: US, type: local, area_code: 212}}}}\n"
        ),
    );
}

/// A Lease that an earlier writer has left, with this note.
fn left(kube: &Kube, host: &Host, name: &str, note: Option<&str>) {
    // With nothing to do, and so nothing to note.
    host.bench.write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230000\"}]\n");
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    assert_eq!(kube.get(name)["metadata"].get("annotations"), None, "without claims nothing is noted");
    if let Some(note) = note {
        kube.edit(name, |object| object["metadata"]["annotations"] = json!({NOTE: note}));
    }
}

/// One host with so many numbers to claim, and a Lease whose last writer has bought nothing for claims.
fn claimed(kube: &Kube, lease: &str, count: u16) -> (Sandbox, Host) {
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(kube, &sandbox, "One", lease, SHORT);
    left(kube, &host, lease, Some(NOTHING));
    claiming(&host, count);
    (sandbox, host)
}

/// What is in the Lease.
fn noted(kube: &Kube, name: &str) -> Value {
    let object = kube.get(name);
    let text = object["metadata"]["annotations"][NOTE].as_str().unwrap_or("null");
    serde_json::from_str(text).expect("JSON")
}

fn open(kube: &Kube, name: &str) -> Vec<Value> {
    noted(kube, name)["intents"].as_array().cloned().unwrap_or_default()
}

/// Whatever was on its way has been so for long.
fn time_passes(kube: &Kube, name: &str) {
    kube.edit(name, |object| {
        let note = &mut object["metadata"]["annotations"][NOTE];
        let mut file: Value = serde_json::from_str(note.as_str().expect("a note")).expect("JSON");
        for intent in file["intents"].as_array_mut().expect("intents") {
            intent["over"] = 1000.into();
        }
        *note = file.to_string().into();
    });
}

fn bought(sandbox: &Sandbox) -> usize {
    let state: Value = serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
    let numbers = state["numbers"].as_array().expect("numbers");
    numbers.iter().filter(|n| n["friendly_name"].as_str().is_some_and(|name| name.contains("[nc1:"))).count()
}

#[track_caller]
fn wait_until(what: &str, daemon: &Daemon, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(40), "{what}:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// kill -9 before the answers come: the next one knows of every purchase, finds those that were carried
/// out, waits for those that it does not see, and waits for nothing else.
pub(super) fn purchases_of_a_killed_leader_are_known(kube: &Kube, lease: &str) {
    let (sandbox, _) = Sandbox::start(&[]);
    let [one, two] = ["One", "Two"].map(|name| Host::new(kube, &sandbox, name, lease, SHORT));
    left(kube, &one, lease, Some(NOTHING));
    claiming(&one, 3);
    // Of three purchases two are carried out, one is lost on its way, and no answer comes.
    sandbox.faults("purchase#1=hang-after,purchase#2=hang-after,purchase#3=hang");
    let first = one.run();
    wait_until("three purchases", &first, || sandbox.count("purchase") == 3 && bought(&sandbox) == 2);
    let slots = open(kube, lease);
    assert_eq!(slots.len(), 3, "all were noted before the first was sent: {slots:#?}");
    assert!(slots.iter().all(|slot| slot["over"].is_null()), "{slots:#?}");
    first.signal("KILL");
    sandbox.faults("");
    claiming(&two, 4);
    let second = two.run();
    // It buys for the slot of its own at once, and nothing for those that it knows of.
    wait_until("the new slot's number", &second, || bought(&sandbox) == 3);
    second.says(" cycle ", 5);
    assert_eq!((bought(&sandbox), sandbox.count("purchase")), (3, 4), "{}", second.log());
    second.says("nyc", 1);
    second.stop().never_says("there is no record of purchases made before this start");
    let slots = open(kube, lease);
    let unseen: Vec<_> = slots.iter().filter(|slot| slot["seen"] != true).collect();
    assert_eq!((slots.len(), unseen.len()), (4, 1), "giving the Lease back forgets nothing: {slots:#?}");
    // A quarter of an hour later it is certain that the lost one will not turn up.
    time_passes(kube, lease);
    let third = two.run();
    third.is_quiet(3);
    third.stop();
    assert_eq!((bought(&sandbox), sandbox.count("purchase")), (4, 5));
}

#[test]
fn purchases_of_a_leader_that_was_killed_are_known_to_the_next() {
    purchases_of_a_killed_leader_are_known(&Kube::fake(), "known");
}

#[test]
fn a_lease_without_a_note_is_waited_for_once() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "fresh", SHORT);
    left(&kube, &host, "fresh", None);
    claiming(&host, 1);
    let ran = host.bench.run(&host.args(&["run", "--once"])).exits(1);
    assert!(ran.err.contains("there is no record of purchases made before this start"), "{}", ran.err);
    let until = noted(&kube, "fresh")["not_before"].as_u64().expect("a time");
    // A restart does not begin the wait anew.
    host.bench.run(&host.args(&["run", "--once"])).exits(1);
    assert_eq!(noted(&kube, "fresh")["not_before"].as_u64(), Some(until));
    assert_eq!(bought(&sandbox), 0);
    let over = json!({"format_version": 1, "not_before": until - 1_000, "intents": []}).to_string();
    kube.edit("fresh", |object| object["metadata"]["annotations"][NOTE] = over.clone().into());
    host.bench.run(&host.args(&["run", "--once"])).exits(0);
    assert_eq!(bought(&sandbox), 1);
    // `apply` remembers in the same place.
    claiming(&host, 2);
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    assert_eq!(bought(&sandbox), 2);
    assert_eq!(open(&kube, "fresh").len(), 2);
    assert!(!host.bench.path().join(".numctl/intents.json").exists());
}

#[test]
fn a_note_that_cannot_be_read_buys_nothing() {
    let kube = Kube::fake();
    let (sandbox, host) = claimed(&kube, "torn", 1);
    let another = r#"{"format_version":1,"intents":[{"slot":"who knows","numbers":[],"over":null}]}"#;
    for note in ["{\"format_version\":1,", "", "null", r#"{"format_version":2,"intents":[]}"#, another] {
        kube.edit("torn", |object| object["metadata"]["annotations"][NOTE] = note.into());
        for args in [&["run", "--once"][..], &["apply", "--yes"]] {
            host.bench
                .run(&host.args(args))
                .exits(1)
                .says("the annotation numctl/intents of the lease default/torn");
        }
        assert_eq!(kube.get("torn")["metadata"]["annotations"][NOTE], note, "it is not thrown away");
    }
    assert_eq!((bought(&sandbox), sandbox.writes()), (0, 0));
}

/// The write of a note compares: somebody else's word in between is read, and never written over.
#[test]
fn a_conflict_in_between_buys_nothing() {
    let (kube, hand) = Kube::fake_with_hand();
    let (sandbox, host) = claimed(&kube, "between", 1);
    let theirs =
        r#"{"format_version":1,"intents":[{"slot":"nyc/1","numbers":["+12125550199"],"over":null}]}"#;
    hand.meddles(Meddling::Writes(json!({"annotations": {NOTE: theirs}})));
    host.bench.run(&host.args(&["run", "--once"])).exits(1).says("something else changed its annotations");
    assert!(hand.is_idle());
    assert_eq!(
        (sandbox.count("purchase"), kube.get("between")["metadata"]["annotations"][NOTE].as_str()),
        (0, Some(theirs))
    );
    // And so for `apply`, which waits for their purchase from then on.
    let again = theirs.replace("0199", "0198");
    kube.edit("between", |object| object["metadata"]["annotations"][NOTE] = NOTHING.into());
    hand.meddles(Meddling::Writes(json!({"annotations": {NOTE: again}})));
    host.bench.run(&host.args(&["apply", "--yes"])).exits(3).says("something else changed its annotations");
    // What ended in part keeps the lease until it is over.
    host.bench.run(&host.args(&["apply", "--yes", "--lock-timeout", "30s"])).exits(1).says("+12125550198");
    assert_eq!(sandbox.count("purchase"), 0);
    // The daemon reads it, and continues with what is left.
    kube.edit("between", |object| object["metadata"]["annotations"][NOTE] = NOTHING.into());
    hand.meddles(Meddling::Writes(json!({"annotations": {NOTE: theirs}})));
    claiming(&host, 2);
    let daemon = host.run();
    wait_until("the other slot's number", &daemon, || bought(&sandbox) == 1);
    daemon.says(" cycle ", 4);
    daemon.stop();
    assert_eq!((bought(&sandbox), sandbox.count("purchase")), (1, 1));
    let slots = open(&kube, "between");
    assert!(slots.iter().any(|slot| slot["numbers"] == json!(["+12125550199"])), "{slots:#?}");
}

#[test]
fn a_conflict_over_something_else_is_tried_again() {
    let (kube, hand) = Kube::fake_with_hand();
    let (sandbox, host) = claimed(&kube, "label", 2);
    hand.meddles(Meddling::Writes(json!({"labels": {"team": "voice"}})));
    host.bench.run(&host.args(&["run", "--once"])).exits(0);
    assert_eq!((bought(&sandbox), sandbox.count("purchase"), hand.is_idle()), (2, 2, true));
    assert_eq!(kube.get("label")["metadata"]["labels"]["team"], "voice");
    assert_eq!(open(&kube, "label").len(), 2);
}

/// A server that refuses notes and takes renewals: the leader continues leading.
#[test]
fn a_note_that_is_refused_buys_nothing_and_does_not_cost_the_lease() {
    let (kube, hand) = Kube::fake_with_hand();
    let (sandbox, host) = claimed(&kube, "hook", 1);
    for _ in 0..3 {
        hand.meddles(Meddling::Refuses);
    }
    let daemon = host.run();
    daemon.says("a hook denied the request", 1);
    assert_eq!(sandbox.count("purchase"), 0, "{}", daemon.log());
    wait_until("a number", &daemon, || bought(&sandbox) == 1);
    assert!(hand.is_idle() && !daemon.log().contains("no longer leading"), "{}", daemon.log());
    daemon.stop();
    assert_eq!(sandbox.count("purchase"), 1);
}

/// Others have noted a lot in the Lease.
pub(super) fn what_has_no_room_is_not_bought(kube: &Kube, lease: &str) {
    let (sandbox, host) = claimed(kube, lease, 1);
    let fill = |bytes: usize| {
        kube.edit(lease, |object| object["metadata"]["annotations"]["other"] = "x".repeat(bytes).into())
    };
    // The server counts as we do.
    let full = (256 << 10) - "other".len() - NOTE.len() - NOTHING.len();
    assert_eq!((fill(full + 1), fill(full)), (422, 200));
    let daemon = host.run();
    daemon.says("has no room for the record of claims", 1);
    daemon.says("use --state-dir", 2);
    assert!(!daemon.log().contains("no longer leading"), "{}", daemon.log());
    daemon.stop();
    assert_eq!(sandbox.count("purchase"), 0);
    assert_eq!(fill(10), 200);
    host.bench.run(&host.args(&["run", "--once"])).exits(0);
    assert_eq!((bought(&sandbox), sandbox.count("purchase")), (1, 1));
}

#[test]
fn a_note_without_room_buys_nothing() {
    what_has_no_room_is_not_bought(&Kube::fake(), "room");
}

/// What is not noted is not sent: the way to the API server is gone, the one to the API is not.
#[test]
fn what_cannot_be_noted_is_not_bought() {
    let kube = Kube::fake();
    let (sandbox, host) = claimed(&kube, "gone", 0);
    let daemon = host.run();
    daemon.is_quiet(1);
    host.door.shut();
    claiming(&host, 1);
    daemon.says("cannot be read or kept: nothing is attempted", 1);
    daemon.says("no longer leading", 1);
    assert_eq!(sandbox.count("purchase"), 0, "{}", daemon.log());
    host.door.open();
    daemon.says("term=2", 1);
    // The note may have got there without its answer: then it is waited for, as if it had been sent.
    let is_held = || daemon.log().contains("a purchase for nyc/1 may still be on its way");
    wait_until("a number, or a wait", &daemon, || bought(&sandbox) == 1 || is_held());
    if bought(&sandbox) == 0 {
        time_passes(&kube, "gone");
    }
    wait_until("one number", &daemon, || bought(&sandbox) == 1);
    daemon.stop();
    assert_eq!((bought(&sandbox), sandbox.count("purchase")), (1, 1));
}

/// Each host may have a directory of its own under the name that is given.
#[test]
fn a_directory_is_all_there_is_to_know_only_for_its_last_writer() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let [one, two] = ["One", "Two"].map(|name| Host::new(&kube, &sandbox, name, "disk", SHORT));
    let once = |host: &Host| host.bench.run(&host.args(&["run", "--once", "--state-dir", "state"]));
    let waits = "there is no record of purchases made before this start";
    let wait_is_over = |host: &Host| {
        let mut file: Value = serde_json::from_str(&host.bench.read("state/intents.json")).expect("JSON");
        assert!(file["not_before"].is_u64(), "{file:#}");
        file["not_before"] = 1000.into();
        host.bench.write("state/intents.json", &file.to_string());
    };
    left(&kube, &one, "disk", None);
    claiming(&one, 1);
    claiming(&two, 3);
    once(&one).exits(1).says(waits);
    wait_is_over(&one);
    once(&one).exits(0);
    claiming(&one, 2);
    one.bench.run(&one.args(&["apply", "--yes", "--state-dir", "state"])).exits(0);
    assert_eq!((bought(&sandbox), noted(&kube, "disk")["intents"].is_null()), (2, true));
    // The other one's is new and empty, and then the first one's is old.
    once(&two).exits(1).says(waits);
    wait_is_over(&two);
    claiming(&one, 3);
    once(&one).exits(1).says(waits);
    // Who has none waits for what is in those of others.
    two.bench.run(&two.args(&["run", "--once"])).exits(1).says(waits);
    assert_eq!(sandbox.count("purchase"), 2);
    // What the Lease knows is taken into the directory.
    let open = r#"{"format_version":1,"intents":[{"slot":"nyc/3","numbers":["+12125550199"],"over":null}]}"#;
    kube.edit("disk", |object| object["metadata"]["annotations"][NOTE] = open.into());
    once(&two).exits(1).says("nyc");
    assert!(two.bench.read("state/intents.json").contains("+12125550199"));
    kube.edit("disk", |object| object["metadata"]["annotations"][NOTE] = "{".into());
    once(&two).exits(1).says("the annotation numctl/intents of the lease default/disk");
    assert_eq!(sandbox.count("purchase"), 2);
}

/// Limits over time hold across a change of hands.
pub(super) fn limits_hold_for_whoever_leads_next(kube: &Kube, lease: &str) {
    let (sandbox, _) = Sandbox::start(&[]);
    let [one, two] = ["One", "Two"].map(|name| Host::new(kube, &sandbox, name, lease, SHORT));
    let buying = |host: &Host, numbers: &[&str]| {
        let lines: String = numbers.iter().map(|n| format!("  - phone_number: \"{n}\"\n")).collect();
        let text = format!("version: 1\npolicy: {{max_purchases: 1}}\nnumbers:\n{lines}");
        host.bench.write("fleet.yaml", &text);
    };
    buying(&one, &["+15552230100"]);
    buying(&two, &["+15552230100", "+15552230101"]);
    one.bench.run(&one.args(&["run", "--once"])).exits(0);
    let ran = two.bench.run(&two.args(&["run", "--once"])).exits(4);
    assert!(ran.out.contains("2 in total within 24 hours"), "{}", ran.out);
    assert_eq!(sandbox.count("purchase"), 1);
    // It is not thrown away where it cannot be read; a person's `apply` has a count of its own.
    kube.edit(lease, |object| object["metadata"]["annotations"][SPENT] = "{}".into());
    let ran = two.bench.run(&two.args(&["run", "--once"])).exits(1);
    ran.says(&format!("the annotation numctl/spent of the lease default/{lease}"));
    two.bench.run(&two.args(&["apply", "--yes"])).exits(0);
    assert_eq!(
        (sandbox.count("purchase"), kube.get(lease)["metadata"]["annotations"][SPENT].as_str()),
        (2, Some("{}"))
    );
}

#[test]
fn limits_hold_over_a_change_of_hands() {
    limits_hold_for_whoever_leads_next(&Kube::fake(), "spent");
}

#[test]
fn a_person_gives_up_what_a_lease_knows() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "word", SHORT);
    let open = json!({"format_version": 1, "intents": [
        {"slot": "nyc/1", "numbers": ["+12125550100"], "over": null, "unmarked": true},
    ]});
    left(&kube, &host, "word", Some(&open.to_string()));
    claiming(&host, 1);
    host.bench.run(&host.args(&["apply", "--yes"])).exits(1);
    let lease = &host.args(&[])[2..];
    let resolve = |more: &[&str]| host.bench.run(&[&["resolve"], more, lease].concat());
    resolve(&[]).exits(0).says("nyc/1");
    let daemon = host.run();
    daemon.says("leading", 1);
    resolve(&["nyc/1"]).exits(1).says("stop the daemon first");
    daemon.stop();
    resolve(&["nyc/1"]).exits(0).says("Cleared");
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    assert_eq!(bought(&sandbox), 1);
}

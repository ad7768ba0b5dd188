//! What was bought for claims is remembered in the Lease itself: by compare-and-swap, for whoever has it
//! next.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::daemon::Daemon;
use super::super::harness::Sandbox;
use super::{Host, Kube, SHORT, fake};

const NOTE: &str = "numctl/intents";

fn claiming(host: &Host, count: u16) {
    host.bench.write(
        "fleet.yaml",
        &format!(
            "version: 1\nclaims:\n  - {{name: nyc, count: {count}, match: {{country: US, type: local, area_code: 212}}}}\n"
        ),
    );
}

/// A Lease that an earlier writer has left, with this note.
fn left(kube: &Kube, host: &Host, name: &str, note: Option<Value>) {
    // With nothing to do, and so nothing to note.
    host.bench.write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230000\"}]\n");
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    let object = fake::get(kube.address, name);
    assert_eq!(object["metadata"].get("annotations"), None, "without claims nothing is noted");
    if let Some(note) = note {
        let text = note.as_str().map_or_else(|| note.to_string(), str::to_owned);
        fake::edit(kube.address, name, |object| object["metadata"]["annotations"] = json!({NOTE: text}));
    }
}

/// What stands in the Lease.
fn noted(kube: &Kube, name: &str) -> Value {
    let object = fake::get(kube.address, name);
    let text = object["metadata"]["annotations"][NOTE].as_str().unwrap_or("null");
    serde_json::from_str(text).expect("JSON")
}

fn bought(sandbox: &Sandbox) -> usize {
    let state: Value = serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
    let numbers = state["numbers"].as_array().expect("numbers");
    numbers.iter().filter(|n| n["friendly_name"].as_str().is_some_and(|name| name.contains("[nc1:"))).count()
}

fn wait_until(what: &str, daemon: &Daemon, is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(40), "{what}:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

const NOTHING: &str = r#"{"format_version":1,"intents":[]}"#;

/// kill -9 while the purchase may be on its way: the next one knows of it, and need not wait for the rest.
fn a_purchase_of_a_killed_leader_is_known(kube: &Kube, lease: &str) {
    let (sandbox, _) = Sandbox::start(&[]);
    let [one, two] = ["One", "Two"].map(|name| Host::new(kube, &sandbox, name, lease, SHORT));
    left(kube, &one, lease, Some(NOTHING.into()));
    claiming(&one, 2);
    claiming(&two, 2);
    // Its first purchase is done, and its answer does not come.
    sandbox.faults("purchase#1=hang-after");
    let first = one.run();
    sandbox.wait_for("purchase", 1);
    first.signal("KILL");
    let open = noted(kube, lease);
    assert_eq!(
        open["intents"].as_array().map(Vec::len),
        Some(2),
        "both were noted before the first was sent: {open:#}"
    );
    sandbox.faults("");
    let second = two.run();
    wait_until("two numbers", &second, || bought(&sandbox) >= 1 && second.log().contains("cycle"));
    second.says("cycle", 3);
    assert!(bought(&sandbox) <= 2, "{}", second.log());
    assert!(!second.log().contains("nobody knows what was sent before this start"), "{}", second.log());
    second.stop();
    // What was seen is noted as seen; nothing is forgotten when the Lease is given back.
    let seen = noted(kube, lease);
    let intents = seen["intents"].as_array().expect("intents");
    assert!(intents.iter().any(|intent| intent["seen"] == true), "{seen:#}");
    assert!(bought(&sandbox) <= 2);
}

#[test]
fn a_purchase_of_a_leader_that_was_killed_is_known_to_the_next() {
    a_purchase_of_a_killed_leader_is_known(&Kube::fake(), "known");
}

#[test]
fn a_lease_without_a_note_is_waited_for_once() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "fresh", SHORT);
    left(&kube, &host, "fresh", None);
    claiming(&host, 1);
    let ran = host.bench.run(&host.args(&["run", "--once"])).exits(1);
    assert!(ran.err.contains("nobody knows what was sent before this start"), "{}", ran.err);
    let until = noted(&kube, "fresh")["not_before"].as_u64().expect("a time");
    // A restart does not begin the wait anew.
    host.bench.run(&host.args(&["run", "--once"])).exits(1);
    assert_eq!(noted(&kube, "fresh")["not_before"].as_u64(), Some(until));
    assert_eq!(bought(&sandbox), 0);
    let over = json!({"format_version": 1, "not_before": until - 1_000, "intents": []}).to_string();
    fake::edit(kube.address, "fresh", |object| object["metadata"]["annotations"][NOTE] = over.clone().into());
    host.bench.run(&host.args(&["run", "--once"])).exits(0);
    assert_eq!(bought(&sandbox), 1);
    // `apply` remembers in the same place.
    claiming(&host, 2);
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    assert_eq!(bought(&sandbox), 2);
    assert_eq!(noted(&kube, "fresh")["intents"].as_array().map(Vec::len), Some(2));
    assert!(!host.bench.path().join(".numctl/intents.json").exists());
}

#[test]
fn a_note_that_cannot_be_read_buys_nothing() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "torn", SHORT);
    left(&kube, &host, "torn", Some("{\"format_version\":1,".into()));
    claiming(&host, 1);
    for args in [&["run", "--once"][..], &["apply", "--yes"]] {
        host.bench
            .run(&host.args(args))
            .exits(1)
            .says("the annotation numctl/intents of the lease default/torn");
    }
    assert_eq!((bought(&sandbox), sandbox.writes()), (0, 0));
    // With a directory the Lease is not asked.
    let args = host.args(&["run", "--once", "--state-dir", "state"]);
    host.bench.run(&args).exits(0);
    assert_eq!(bought(&sandbox), 1);
}

/// What is not noted is not sent: the way to the API server is gone, the one to the API is not.
#[test]
fn what_cannot_be_noted_is_not_bought() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "gone", SHORT);
    left(&kube, &host, "gone", Some(NOTHING.into()));
    claiming(&host, 0);
    let daemon = host.run();
    daemon.is_quiet(1);
    host.door.shut();
    claiming(&host, 1);
    daemon.says("not leading any more", 1);
    assert_eq!(bought(&sandbox), 0, "{}", daemon.log());
    host.door.open();
    wait_until("one number", &daemon, || bought(&sandbox) == 1);
    daemon.stop();
    assert_eq!(bought(&sandbox), 1);
}

#[test]
fn a_person_gives_up_what_a_lease_knows() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "word", SHORT);
    let open = json!({"format_version": 1, "intents": [
        {"slot": "nyc/1", "numbers": ["+12125550100"], "over": null, "unmarked": true},
    ]});
    left(&kube, &host, "word", Some(open));
    claiming(&host, 1);
    host.bench.run(&host.args(&["apply", "--yes"])).exits(1);
    let lease = &host.args(&[])[2..];
    let resolve = |more: &[&str]| host.bench.run(&[&["resolve"], more, lease].concat());
    resolve(&[]).exits(0).says("nyc/1");
    let daemon = host.run();
    daemon.says("leading", 1);
    resolve(&["nyc/1"]).exits(1).says("stop the daemon first");
    daemon.stop();
    resolve(&["nyc/1"]).exits(0).says("Given up");
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    assert_eq!(bought(&sandbox), 1);
}

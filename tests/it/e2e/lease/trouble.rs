//! A Lease that is not there, or that the role does not allow: told apart from one that another has.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::daemon::Daemon;
use super::super::harness::Sandbox;
use super::super::outside::Outside;
use super::{Host, Kube, SHORT, becomes};

fn shown(host: &Host) -> (Daemon, Outside) {
    let daemon = Daemon::start(&host.bench, &host.args(&["--interval", "100ms", "--listen", "0"]));
    let outside = Outside::of(&daemon);
    (daemon, outside)
}

/// It cannot do its job, and says why: to a probe, on the page, and in the log only once.
#[track_caller]
fn is_barred(daemon: &Daemon, outside: &Outside, code: &str, why: &str) {
    let status = outside.until(code, |status| status["barred"] == code);
    assert_eq!((&status["state"], &status["role"]), (&"degraded".into(), &"standing_by".into()));
    assert!(status["blocked"].as_str().is_some_and(|text| text.contains(why)), "{status:#}");
    assert_eq!(status["writer"], Value::Null);
    let (readyz, body) = outside.as_host("/readyz", "localhost");
    assert_eq!(readyz, 503);
    assert!(body.contains(why), "{body}");
    assert_eq!(outside.probe("/healthz"), 200);
    let log = daemon.log();
    // For several of its tries.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        assert_eq!(outside.status()["barred"], code);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(daemon.log(), log, "it speaks when something changes");
}

#[test]
fn a_lease_that_is_missing_or_forbidden_is_told_from_one_that_another_has() {
    let (kube, hand) = Kube::fake_with_hand();
    let (sandbox, _) = Sandbox::start(&[]);
    hand.forbids(&["POST"]);
    let host = Host::new(&kube, &sandbox, "One", "trouble", SHORT);
    let (first, outside) = shown(&host);
    is_barred(&first, &outside, "lease_missing", "does not exist and cannot be created");
    assert_eq!(sandbox.writes(), 0);
    // The role may create it: that is all it takes.
    hand.forbids(&[]);
    becomes(&sandbox, "One", &first);
    outside.until("the writer", |status| status["role"] == "writer" && status["barred"].is_null());
    assert_eq!(outside.probe("/readyz"), 200);
    first.says("can be read again", 1);
    // Another one has it: that is as it should be.
    let other = Host::new(&kube, &sandbox, "Two", "trouble", SHORT);
    let (second, beside) = shown(&other);
    let status = beside.until("standing by", |status| !status["writer"].is_null());
    assert_eq!((&status["state"], &status["barred"]), (&"standing_by".into(), &Value::Null));
    assert!(status["writer"].as_str().is_some_and(|text| text.contains("held by \"One_")), "{status:#}");
    assert_eq!(beside.probe("/readyz"), 200);
    // It is free, and may not be taken.
    hand.forbids(&["PUT"]);
    first.signal("KILL");
    is_barred(&second, &beside, "lease_forbidden", "update: 403");
    hand.forbids(&[]);
    becomes(&sandbox, "Two", &second);
    // It may not even be read.
    let third = Host::new(&kube, &sandbox, "Three", "trouble", SHORT);
    hand.forbids(&["GET"]);
    let (third, behind) = shown(&third);
    is_barred(&third, &behind, "lease_forbidden", "get: 403");
    hand.forbids(&[]);
    behind.until("standing by", |status| !status["writer"].is_null());
    second.stop();
    third.stop();
    assert_eq!(kube.get("trouble")["spec"]["holderIdentity"], json!(""));
}

/// What is in the Lease came from another process, or from a person with kubectl: no number there ends this
/// one.
#[test]
fn numbers_at_their_ends_in_a_lease_end_no_leader() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "ends", SHORT);
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0);
    let slot = json!({"slot": "nyc/1", "numbers": [], "over": u64::MAX});
    let notes = [
        json!({"format_version": 1, "intents": [slot]}),
        json!({"format_version": 1, "not_before": u64::MAX, "intents": []}),
    ];
    host.bench.write(
        "fleet.yaml",
        "version: 1\nclaims:\n  - {name: nyc, count: 1, match: {country: US, type: local, area_code: 212}}\n",
    );
    for note in notes {
        for (duration, transitions) in [(-5_i64, i64::from(i32::MAX)), (1, i64::MAX), (0, -1)] {
            kube.edit("ends", |object| {
                object["metadata"]["annotations"] = json!({"numctl/intents": note.to_string()});
                object["spec"]["leaseDurationSeconds"] = duration.into();
                object["spec"]["leaseTransitions"] = transitions.into();
            });
            let ran = host.bench.run(&host.args(&["run", "--once"]));
            ran.never_says("panicked");
            let spec = kube.get("ends")["spec"].clone();
            assert!(spec["leaseTransitions"].as_i64().is_some_and(|count| count <= i64::from(i32::MAX)));
        }
    }
    assert_eq!(sandbox.count("purchase"), 0, "what may be on its way is not bought again");
}

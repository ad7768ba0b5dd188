//! Kubernetes Events about the Deployment.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Host, Kube, SHORT, Sandbox};

const FLEET: &str = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230000\", state: released}\n  \
     - {phone_number: \"+15552230001\", friendly_name: One}\n...\n";

#[test]
fn the_deployment_tells_who_leads_what_was_released_and_which_files_are_refused() {
    let (kube, hand) = Kube::fake_with_hand();
    let (sandbox, _) = Sandbox::start(&[]);
    let mut host = Host::new(&kube, &sandbox, "One", "events", SHORT);
    host.args.extend(["--kube-events", "default/numctl"].map(str::to_owned));
    host.bench.write("fleet.yaml", FLEET);
    let daemon = host.run();
    let until = |reason: &str| -> Value {
        let begin = Instant::now();
        loop {
            let events = hand.events();
            if let Some(event) = events.iter().find(|event| event["reason"] == reason) {
                return event.clone();
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{reason}: {events:#?}\n{}", daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let leading = until("Leading");
    assert_eq!(
        (&leading["type"], &leading["involvedObject"]["uid"]),
        (&"Normal".into(), &"uid-of-numctl".into())
    );
    assert_eq!(leading["involvedObject"]["kind"], "Deployment");
    assert_eq!(until("Released")["message"], "+15552230000");
    host.bench.write("fleet.yaml", "version: 1\nnumbers: nonsense\n");
    let refused = until("FilesRefused");
    assert_eq!(refused["type"], "Warning");
    host.bench.write("fleet.yaml", FLEET);
    until("FilesTaken");
    assert_eq!(hand.events().len(), 4, "each is told once: {:#?}", hand.events());
    daemon.stop();
}

/// Nobody waits for it, and nothing but a line in the log comes of it.
#[test]
fn a_role_without_events_changes_nothing_else() {
    let (kube, hand) = Kube::fake_with_hand();
    let (sandbox, _) = Sandbox::start(&[]);
    let mut host = Host::new(&kube, &sandbox, "One", "no-events", SHORT);
    host.args.extend(["--kube-events", "elsewhere/numctl"].map(str::to_owned));
    let daemon = host.run();
    daemon.says("a Kubernetes Event was rejected", 1);
    super::becomes(&sandbox, "One", &daemon);
    assert!(hand.events().is_empty());
    daemon.stop();
}

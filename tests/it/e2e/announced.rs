//! What is told by webhook while a number is left as it is on purpose: failures, and that they are cured.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::daemon::Daemon;
use super::harness::{Bench, Sandbox};
use super::outside::{Outside, receiver};

const ARGS: [&str; 6] = ["-f", "fleet.yaml", "--interval", "200ms", "--listen", "0"];
const PATIENCE: Duration = Duration::from_secs(40);

/// A number on hold that is other than declared, and one that is called so.
fn held_and(name: &str) -> String {
    format!(
        "version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: Held, hold: {{until: 2099-01-01T00:00:00Z, why: later}}}}\n  \
         - {{phone_number: \"+15552230001\", friendly_name: {name}}}\n"
    )
}

fn told(bench: &Bench, more: &[&str]) -> (Daemon, Outside, impl Fn() -> Option<Value>) {
    let (url, bodies) = receiver();
    let daemon = Daemon::start(bench, &[&ARGS[..], &["--notify", &url], more].concat());
    let outside = Outside::of(&daemon);
    let next = move || {
        let body = bodies.recv_timeout(PATIENCE).ok()?;
        Some(serde_json::from_str(&body).expect("JSON"))
    };
    (daemon, outside, next)
}

#[test]
fn a_number_on_hold_is_no_drift_and_a_cured_failure_is_told() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &held_and("One"));
    let (daemon, outside, next) = told(&bench, &[]);
    let status = outside.until("held", |status| status["state"] == "held");
    assert_eq!((&status["counts"]["held"], &status["counts"]["drifts"]), (&1.into(), &0.into()));
    daemon.says(" cycle", 5);
    assert_eq!(outside.status()["state"], "held");
    // The first thing that is told is the failure, and the second that it is cured.
    sandbox.faults("configure#1+=400/21402");
    bench.write("fleet.yaml", &held_and("Two"));
    let failure = next().expect("told");
    assert_eq!(
        (&failure["event"], &failure["degraded"], &failure["held"]),
        (&"failure".into(), &1.into(), &1.into())
    );
    sandbox.faults("");
    let recovery = next().expect("told");
    assert_eq!((&recovery["event"], &recovery["state"]), (&"recovery".into(), &"in_sync".into()));
    let summary = recovery["summary"].as_str().expect("a text");
    assert!(summary.contains("1 held") && !summary.contains("All"), "{summary}");
    daemon.stop();
}

#[test]
fn a_failure_that_ends_in_drift_is_told_as_cured() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "list#1+=403"]);
    bench.write("fleet.yaml", &held_and("Two"));
    let (daemon, _outside, next) = told(&bench, &["--dry-run"]);
    assert_eq!(next().expect("told")["event"], "failure");
    sandbox.faults("");
    let recovery = next().expect("told");
    assert_eq!((&recovery["event"], &recovery["state"]), (&"recovery".into(), &"drifted".into()));
    daemon.stop();
}

/// A receiver that answers so to the first, and hands out the head and body of each, and when it came.
pub(super) fn strict_receiver(first: &'static str) -> (String, mpsc::Receiver<(String, Value, Instant)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, told) = mpsc::channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let mut stream = stream.expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).expect("a line") <= 2 {
                    break;
                }
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().expect("a length");
                }
                head += &line;
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            let status = if at == 0 { first } else { "200 OK" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            if sender.send((head, serde_json::from_slice(&body).expect("JSON"), Instant::now())).is_err() {
                return;
            }
        }
    });
    (url, told)
}

#[test]
fn a_message_says_which_fleet_which_numbers_why_and_what_is_next() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "20", "--faults", "configure#1+=400/21402"]);
    let mut text = "version: 1\nnumbers:\n".to_owned();
    for at in 0..8 {
        text += &format!("  - {{phone_number: \"+1555223000{at}\", friendly_name: Line {at}}}\n");
    }
    bench.write("fleet.yaml", &text);
    bench.write("hook.token", "hunter2\n");
    let (url, told) = strict_receiver("429 Slow\r\nRetry-After: 3");
    let more = ["--notify", &url, "--notify-auth-file", "hook.token", "--fleet-name", "EMEA support"];
    let link = ["--public-url", "https://numctl.example.com/emea/"];
    let daemon = Daemon::start(&bench, &[&ARGS[..], &more, &link].concat());
    let (head, body, at) = told.recv_timeout(PATIENCE).expect("told");
    assert!(head.to_ascii_lowercase().contains("authorization: bearer hunter2"), "{head}");
    assert_eq!((&body["event"], &body["fleet"]), (&"failure".into(), &"EMEA support".into()), "{body:#}");
    assert!(body["summary"].as_str().expect("a text").starts_with("numctl, EMEA support: degraded."));
    assert_eq!(body["url"], "https://numctl.example.com/emea/#standing=degraded");
    assert_eq!((body["numbers"].as_array().map(Vec::len), &body["more"]), (Some(5), &3.into()));
    let first = &body["numbers"][0];
    assert_eq!((&first["phone_number"], &first["standing"]), (&"+15552230000".into(), &"degraded".into()));
    assert!(first["message"].as_str().expect("why").contains("21402"), "{body:#}");
    assert!(body["error"].as_str().expect("why").contains("21402"), "{body:#}");
    assert!(body["next"].as_str().expect("a text").starts_with("Next: numctl tries again"), "{body:#}");
    // It was asked to wait for this long.
    let (_, _, again) = told.recv_timeout(PATIENCE).expect("told again");
    assert!(again - at >= Duration::from_secs(3), "{:?}", again - at);
    let outside = Outside::of(&daemon);
    let metrics = outside.get("/metrics");
    for line in [
        "numctl_notification_failures_total{fleet=\"EMEA support\"} 1",
        "numctl_request_duration_seconds_count{fleet=\"EMEA support\",operation=\"list\"}",
        "process_resident_memory_bytes{fleet=\"EMEA support\"}",
        "numctl_limit_left{fleet=\"EMEA support\",limit=\"max_releases\",account=\"\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert_eq!(outside.status()["fleet"], "EMEA support");
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
    daemon.stop();
}

#[test]
fn a_credential_for_notifications_goes_to_its_host_only_and_never_in_the_clear() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &held_and("One"));
    bench.write("hook.token", "hunter2\n");
    let refused = |more: &[&str]| {
        let ran = bench.run(&[&["run"], &ARGS[..], more].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.err
    };
    let plain = ["--notify", "http://chat.example.com/x", "--notify-auth-file", "hook.token"];
    assert!(refused(&plain).contains("unencrypted"));
    let two = ["--notify", "https://a.example/,https://b.example/", "--notify-auth-file", "hook.token"];
    assert!(refused(&two).contains("HOST=FILE"));
    let other = ["--notify", "https://a.example/", "--notify-auth-file", "c.example=hook.token"];
    assert!(refused(&other).contains("c.example"));
    let missing = ["--notify", "https://a.example/", "--notify-auth-file", "none.token"];
    assert!(refused(&missing).contains("none.token"));
}

//! Who changed what: Monitor Events through the real binary.

use serde_json::{Value, json};

use super::fake::{Asked, Fake, Reply};
use super::harness::{Bench, MAIN, Sandbox, TOKEN};

const NUMBER: &str = "+15552230000";
const FILE: &str = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    friendly_name: Support\n    \
                    voice: {url: \"https://voice.example.com/answer\"}\n";

fn console(sandbox: &Sandbox, set: &Value) {
    let edit = json!({
        "phone_number": NUMBER, "user": format!("US{}", "a".repeat(32)), "ip": "203.0.113.7", "set": set,
    });
    let (status, body) = sandbox.ask("POST", "/_sandbox/console", &edit.to_string());
    assert_eq!(status, 204, "{body}");
}

fn entries(bench: &Bench) -> Vec<Value> {
    let history = bench.run(&["history", "--number", NUMBER, "--format", "json"]).exits(0).json();
    history["entries"].as_array().expect("entries").clone()
}

#[test]
fn a_change_in_the_console_is_told_with_its_author() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(FILE).exits(0);
    assert_eq!(sandbox.count("events"), 0, "numbers that are configured for the first time have not drifted");
    bench.plan(FILE).exits(0);
    assert_eq!(sandbox.count("events"), 0, "nothing drifted");
    bench.plan(&FILE.replace("Support", "Sales")).exits(0);
    assert_eq!(sandbox.count("events"), 0, "the file changed, and nobody else");

    console(&sandbox, &json!({"voice.url": "https://user:hunter2@other.example/a"}));
    let plan = bench.plan(FILE).exits(0);
    assert_eq!(sandbox.count("events"), 1);
    let change = &plan.json()["actions"][0]["changes"][0];
    assert_eq!(change["changed_by"]["source"], "console", "{change:#}");
    assert_eq!(change["changed_by"]["ip"], "203.0.113.7");
    bench
        .run(&["plan", "-f", "fleet.yaml"])
        .exits(0)
        .says("voice.url changed 20")
        .says("in the Console by user USaaaa")
        .says("from 203.0.113.7");
    bench
        .run(&["plan", "-f", "fleet.yaml", "--format", "markdown"])
        .exits(0)
        .says("in the Console by user USaaaa");
    bench.apply(FILE).exits(0);

    let all = entries(&bench);
    let sources: Vec<&str> = all.iter().map(|entry| entry["source"].as_str().expect("a source")).collect();
    assert_eq!(sources, ["numctl", "console", "numctl"], "{all:#?}");
    assert_eq!(all[1]["fields"], json!(["voice.url"]));
    assert_eq!(all[1]["actor"], format!("US{}", "a".repeat(32)));
    assert!(all[0]["event"].is_string(), "our own write is one entry with its event: {all:#?}");
    let text = bench.run(&["history", "--number", NUMBER]).exits(0);
    text.says("in the Console by user USaaaa").says("apply at");
    let all = bench.run(&["history", "--number", NUMBER, "--format", "json"]).exits(0).all();
    assert!(!all.contains("hunter2"), "{all}");
}

#[test]
fn other_programs_and_the_vendors_staff_are_told_apart() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(FILE).exits(0);
    sandbox.edit(NUMBER, "FriendlyName=Theirs");
    let staff = json!({"phone_number": NUMBER, "set": {"voice.url": "https://twilio.example/"}});
    assert_eq!(sandbox.ask("POST", "/_sandbox/console", &staff.to_string()).0, 204);
    let all = entries(&bench);
    let mut sources: Vec<&str> =
        all.iter().map(|entry| entry["source"].as_str().expect("a source")).collect();
    sources.sort_unstable();
    assert_eq!(sources, ["api", "numctl", "vendor"], "{all:#?}");
}

#[test]
fn what_is_late_lost_or_forbidden_is_said_and_never_guessed() {
    for (faults, says) in [
        ("event-delay=3600", "no event in Twilio's audit log explains it"),
        ("event-loss=1", "no event in Twilio's audit log explains it"),
        ("events-forbidden", "are not allowed to read Monitor Events"),
        ("events:401=1", "are not allowed to read Monitor Events"),
        ("events:404=1", "does not serve Monitor Events"),
        ("events:500=1", "HTTP 500"),
        ("events:html=1", "HTTP 502"),
        ("events:drop=1", "could not be read"),
    ] {
        let (sandbox, bench) = Sandbox::start(&[]);
        bench.apply(FILE).exits(0);
        console(&sandbox, &json!({"voice.url": "https://other.example/"}));
        sandbox.faults(faults);
        sandbox.forget_requests();
        let plan = bench.run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"]).exits(2);
        plan.says(says).never_says("in the Console");
        assert_eq!(sandbox.count("events"), 1, "{faults}: once, and not again");
        let history = bench.run(&["history", "--number", NUMBER, "--format", "json"]).exits(0).json();
        assert_eq!(history["runs"].as_array().map(Vec::len), Some(1), "{faults}: {history:#}");
        bench.apply(FILE).exits(0);
    }
}

#[test]
fn events_that_are_doubled_or_shuffled_tell_the_same() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "events-doubled,events-shuffled,page-cap=2"]);
    bench.apply(FILE).exits(0);
    for name in ["One", "Two", "Three"] {
        console(&sandbox, &json!({"friendly_name": name}));
    }
    let all = entries(&bench);
    assert_eq!(all.len(), 4, "{all:#?}");
}

#[test]
fn history_without_credentials_tells_what_the_journal_knows() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.apply(FILE).exits(0);
    let bench = bench.with("TWILIO_AUTH_TOKEN", "");
    let history = bench.run(&["history", "--number", NUMBER, "--format", "json"]).exits(0).json();
    assert_eq!(history["entries"].as_array().map(Vec::len), Some(1), "{history:#}");
    assert_eq!(history["not_known"].as_array().map(Vec::len), Some(1), "{history:#}");
    assert_eq!(sandbox.count("events"), 0);
}

/// A server whose numbers and events a test makes up.
fn vendor(events: Reply) -> Fake {
    let sid = format!("PN{}", "b".repeat(32));
    let row = json!({
        "sid": sid, "account_sid": MAIN, "phone_number": NUMBER, "friendly_name": "Support",
        "capabilities": {"voice": true, "sms": true, "mms": true},
        "configurations": {"voice": {"url": "https://evil.example/", "method": "POST"}, "sms": {}},
    });
    let list = json!({"items": [row], "meta": {"page": 0, "page_size": 1000, "next_page_url": null, "key": "items"}});
    Fake::serve(move |asked: &Asked| match asked.path.split('?').next() {
        Some("/v1/Events") => events.clone(),
        Some("/Numbers/ActiveNumbers") => (200, list.to_string()),
        _ => (404, "{}".to_owned()),
    })
}

#[test]
fn foreign_text_in_events_never_acts() {
    let event = |actor: &str, at: &str| {
        json!({
            "sid": "AE1", "event_type": "phone-number.updated\u{1b}[31m", "event_date": at, "actor_type": "user",
            "actor_sid": actor, "source": "web", "source_ip_address": "203.0.113.7\u{202e}", "account_sid": MAIN,
            "resource_sid": format!("PN{}", "b".repeat(32)),
            "event_data": {"resource_properties": {"voice_url": {"previous": "https://voice.example.com/answer", "updated": "https://evil.example/"}}},
        })
    };
    let body = json!({"events": [event("US1\u{1b}]0;x\u{7}", "2026-11-28T10:42:00Z")], "meta": {"next_page_url": null}});
    let fake = vendor((200, body.to_string()));
    let bench = Bench::at(&fake.base_url).with("TWILIO_AUTH_TOKEN", TOKEN);
    bench.write("fleet.yaml", FILE);
    let plan = bench.run(&["plan", "-f", "fleet.yaml"]).exits(0);
    let plan = plan.says("voice.url changed 2026-11-28 10:42 UTC in the Console by user US1");
    assert!(!plan.all().contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", plan.all());
    // A junk page, and one that leads elsewhere.
    for reply in [
        (200, "[]".to_owned()),
        (200, "{\"events\":7}".to_owned()),
        (
            200,
            json!({"events": [], "meta": {"next_page_url": "https://evil.example/v1/Events?Page=1"}})
                .to_string(),
        ),
    ] {
        let fake = vendor(reply);
        let bench = Bench::at(&fake.base_url);
        bench.write("fleet.yaml", FILE);
        bench.run(&["plan", "-f", "fleet.yaml"]).exits(0).says("who changed it is not known");
    }
}

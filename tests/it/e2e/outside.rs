//! The daemon seen from outside, over HTTP: conditions, metrics, probes, the page, notifications.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::daemon::Daemon;
use super::harness::{Bench, Sandbox, TOKEN, accounts_only, two_accounts};
use crate::metrics::read;

const PATIENCE: Duration = Duration::from_secs(30);
const NUMBER: &str = "+15552230000";

struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// Where a daemon shows its state.
pub(super) struct Outside(String);

impl Outside {
    /// By the log, which is text or JSON.
    pub(super) fn of(daemon: &Daemon) -> Self {
        daemon.says("serving the status page", 1);
        let log = daemon.log();
        let (_, line) = log.split_once("serving the status page").expect("a line");
        let (_, after) = line.split_once("http://").expect("an address");
        Self(after.split([' ', '\n', '"']).next().expect("an address").to_owned())
    }

    /// What a probe of Kubernetes sees.
    pub(super) fn probe(&self, path: &str) -> u16 {
        self.ask("GET", path, &self.0).status
    }

    /// Where it is shown.
    pub(super) fn address(&self) -> &str {
        &self.0
    }

    /// What whoever calls this host so gets: status and body.
    pub(super) fn as_host(&self, path: &str, host: &str) -> (u16, String) {
        let answer = self.ask("GET", path, host);
        (answer.status, answer.body)
    }

    fn connect(&self, method: &str, path: &str, host: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.0).expect("the listener");
        // HTTP/1.0 has no chunks: the body is what comes until the end.
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").expect("sent");
        stream
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> Answer {
        let mut text = String::new();
        self.connect(method, path, host).read_to_string(&mut text).expect("answered");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    #[track_caller]
    pub(super) fn get(&self, path: &str) -> String {
        let answer = self.ask("GET", path, &self.0);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    #[track_caller]
    pub(super) fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status.json")).expect("JSON")
    }

    /// Waits until the state is like that.
    #[track_caller]
    pub(super) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "not {what}: {status:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A daemon that has nothing left to do, and where its state is seen.
fn in_sync() -> (Sandbox, Bench, Daemon, Outside) {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("New"));
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    outside.until("in sync", |status| status["state"] == "in_sync");
    (sandbox, bench, daemon, outside)
}

fn condition<'a>(status: &'a Value, number: &str, kind: &str) -> &'a Value {
    let numbers = status["numbers"].as_array().expect("numbers");
    let number = numbers.iter().find(|entry| entry["phone_number"] == number);
    let conditions = number.and_then(|number| number["conditions"].as_array());
    conditions.and_then(|all| all.iter().find(|condition| condition["type"] == kind)).unwrap_or(&Value::Null)
}

fn is(status: &Value, kind: &str, truth: &str) -> bool {
    condition(status, NUMBER, kind)["status"] == truth
}

const ARGS: [&str; 6] = ["-f", "fleet.yaml", "--interval", "200ms", "--listen", "0"];

fn named(name: &str) -> String {
    format!("version: 1\nnumbers:\n  - {{phone_number: \"{NUMBER}\", friendly_name: {name}}}\n")
}

#[test]
fn conditions_follow_drift_and_its_healing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("New"));
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    let synced = outside.until("in sync", |status| is(status, "Synced", "True"));
    let since = condition(&synced, NUMBER, "Synced").clone();
    assert_eq!(since["reason"], "AsDeclared");
    assert_eq!(since["observedGeneration"], synced["generation"]);
    daemon.is_quiet(2);
    // Nothing changed, and neither did the time since when it is so.
    assert_eq!(condition(&outside.status(), NUMBER, "Synced"), &since);

    // Somebody else's hand.
    sandbox.edit(NUMBER, "FriendlyName=Else");
    outside.until("healed", |status| status["mended"][0]["changes"][0]["before"] == "Else");

    sandbox.faults("configure#1+=400/21402");
    bench.write("fleet.yaml", &named("Newer"));
    // Between two tries it is among the drift that is held; while it is tried anew, nobody knows how that ends.
    let is_tried = |status: &Value| !status["drift"][0]["outcome"].is_null();
    let degraded = outside.until("degraded", |status| is(status, "Degraded", "True") && is_tried(status));
    let why = condition(&degraded, NUMBER, "Degraded");
    assert_eq!(why["reason"], "ActionFailed");
    assert!(why["message"].as_str().is_some_and(|text| text.contains("21402")), "{why:#}");
    assert_eq!(condition(&degraded, NUMBER, "Synced")["reason"], "Drifted");
    assert_eq!(degraded["state"], "degraded");
    let drift = &degraded["drift"][0];
    assert_eq!((&drift["phone_number"], &drift["outcome"]), (&NUMBER.into(), &"failed".into()));
    let change = serde_json::json!({
        "field": "friendly_name", "before": "New", "after": "Newer", "secret_changed": false
    });
    assert_eq!(drift["changes"][0], change);
    // It fails on and on, and says since when.
    let history = |status: &Value| {
        let all = status["history"].as_array().expect("a history");
        all.iter().filter(|past| past["result"] == "incomplete").count()
    };
    let later = outside.until("failing on", |status| history(status) >= 3 && !status["drift"].is_null());
    for kind in ["Synced", "Degraded"] {
        assert_eq!(
            condition(&later, NUMBER, kind)["lastTransitionTime"],
            condition(&degraded, NUMBER, kind)["lastTransitionTime"]
        );
    }
    sandbox.faults("");
    let healed =
        outside.until("in sync", |status| is(status, "Synced", "True") && is(status, "Degraded", "False"));
    assert_ne!(condition(&healed, NUMBER, "Synced")["lastTransitionTime"], since["lastTransitionTime"]);
    assert_eq!(condition(&healed, NUMBER, "Synced")["observedGeneration"], healed["generation"]);
    assert_eq!(healed["mended"][0]["changes"][0], change);
    let quiet = outside.until("quiet", |status| status["state"] == "in_sync");
    assert_eq!(quiet["drift"], serde_json::json!([]));
    assert!(!quiet["last_success"].is_null());

    bench.write("fleet.yaml", "version: 1\nnumbrs: []\n");
    let refused = outside.until("refused", |status| !status["files_refused"].is_null());
    assert!(refused["files_refused"]["message"].as_str().is_some_and(|text| text.contains("fleet.yaml")));
    assert_eq!(refused["state"], "degraded");
    assert!(outside.get("/metrics").contains("\nnumctl_files_refused 1\n"));
    bench.write("fleet.yaml", &named("Newer"));
    outside.until("taken", |status| status["files_refused"].is_null());
    daemon.stop();
}

#[test]
fn the_metrics_add_up_with_what_was_asked() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "429=0.2,500=0.2,seed=7"]);
    bench.write(
        "fleet.yaml",
        &format!(
            "{}numbers:\n  - phone_number: \"+15552230100\"\n  - {{phone_number: \"{NUMBER}\", friendly_name: New}}\n  \
             - {{phone_number: \"+15552230001\", account: emea}}\n",
            two_accounts()
        ),
    );
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    let begin = Instant::now();
    let mut same = false;
    while !same {
        assert!(begin.elapsed() < PATIENCE * 2, "{}\n{:#}", outside.get("/metrics"), sandbox.requests());
        std::thread::sleep(Duration::from_millis(50));
        let before = sandbox.requests()["total"].clone();
        let families = read(&outside.get("/metrics"));
        let requests = sandbox.requests();
        let value = |name: &str, labels: &[(&str, &str)]| -> f64 {
            let samples = families[name].samples.iter();
            let fits = samples.filter(|(_, found, _)| {
                labels.iter().all(|(label, value)| found.get(*label).is_some_and(|found| found == value))
            });
            fits.map(|(_, _, value)| value).sum()
        };
        let done = value("numctl_numbers", &[("condition", "synced")]) == 3.0;
        // Only a moment in which nothing is on its way can be compared.
        if !done || before != requests["total"] {
            continue;
        }
        same = ["list", "fetch", "purchase", "configure", "transfer"].iter().all(|operation| {
            value("numctl_requests_total", &[("operation", operation)])
                == requests["by_operation"][*operation].as_f64().expect("a count")
        });
        if same {
            let throttled = value("numctl_requests_total", &[("status", "429")]);
            assert_eq!(value("numctl_throttled_total", &[]), throttled);
            assert_eq!(value("numctl_actions_total", &[("kind", "purchase"), ("outcome", "succeeded")]), 1.0);
            assert_eq!(value("numctl_actions_total", &[("kind", "transfer"), ("outcome", "succeeded")]), 1.0);
            let failed = value("numctl_requests_total", &[("status", "500")]) + throttled;
            assert!(failed > 0.0 && value("numctl_retries_total", &[]) <= failed);
            assert_eq!(value("numctl_lease_held", &[]), 1.0);
        }
    }
    daemon.stop();
}

#[test]
fn nothing_is_changed_from_outside_and_nobody_else_is_let_in() {
    let (sandbox, _bench, daemon, outside) = in_sync();
    assert!(outside.0.starts_with("127.0.0.1:"), "{}", outside.0);
    let writes = sandbox.writes();
    for path in ["/", "/status.json", "/metrics", "/healthz", "/events", "/nothing"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = outside.ask(method, path, &outside.0);
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.head.contains("allow: get, head"), "{}", answer.head);
        }
    }
    assert_eq!(outside.ask("HEAD", "/status.json", &outside.0).body, "");
    assert_eq!(outside.ask("GET", "/nothing", &outside.0).status, 404);
    for path in ["/", "/page.css", "/page.js", "/icon.svg", "/status.json", "/numbers.json", "/metrics"] {
        let answer = outside.ask("GET", path, &outside.0);
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.head.contains("content-security-policy: default-src 'none'; script-src 'self'"));
        assert!(
            !answer.head.contains("unsafe") && !answer.head.contains("access-control"),
            "{}",
            answer.head
        );
        assert!(answer.head.contains("x-content-type-options: nosniff"));
        // DNS rebinding: a name on the web that leads here.
        assert_eq!(outside.ask("GET", path, "rebound.example").status, 421, "{path}");
        assert_eq!(outside.ask("GET", path, "localhost:9797").status, 200, "{path}");
    }
    assert_eq!(sandbox.writes(), writes);
    // An event comes at once, and one for each change.
    let mut events = BufReader::new(outside.connect("GET", "/events", &outside.0)).lines();
    let mut event = || {
        let line = events.by_ref().map_while(Result::ok).find(|line| line.starts_with("data: "));
        let data = line.expect("an event");
        serde_json::from_str::<Value>(data.trim_start_matches("data: ")).expect("JSON")["version"].as_u64()
    };
    let first = event();
    assert!(event() > first);
    // The listener ends with the daemon, whoever listens.
    let begin = Instant::now();
    daemon.stop();
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(TcpStream::connect(&outside.0).is_err());
}

#[test]
fn probes_tell_a_start_from_a_fleet_that_was_seen() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "list#1+=403"]);
    bench.write("fleet.yaml", &named("New"));
    let lock = ["--lock-dir", "locks"];
    let daemon = Daemon::start(&bench, &[&ARGS[..], &lock].concat());
    let outside = Outside::of(&daemon);
    daemon.says("not observed", 1);
    assert_eq!(outside.ask("GET", "/readyz", &outside.0).status, 503);
    assert_eq!(outside.ask("GET", "/healthz", &outside.0).status, 200);
    let unknown = outside.until("unknown", |status| is(status, "Synced", "Unknown"));
    assert_eq!(condition(&unknown, NUMBER, "Degraded")["reason"], "AccountInTrouble");
    assert!(unknown["accounts"][0]["trouble"].as_str().is_some_and(|text| text.contains("403")));
    assert_eq!(unknown["accounts"][0]["listed"], Value::Null);
    // One that stands by is warm.
    let second = Daemon::start(&bench, &[&ARGS[..], &lock].concat());
    let warm = Outside::of(&second);
    warm.until("standing by", |status| status["state"] == "standing_by");
    assert_eq!(warm.ask("GET", "/readyz", &warm.0).status, 200);
    assert!(warm.get("/metrics").contains("\nnumctl_lease_held 0\n"));
    sandbox.faults("");
    outside.until("in sync", |status| status["state"] == "in_sync");
    assert_eq!(outside.ask("GET", "/readyz", &outside.0).status, 200);
    daemon.stop();
    // It takes over, and says so.
    warm.until("the writer", |status| status["role"] == "writer" && status["state"] == "in_sync");
    second.stop();
}

#[test]
fn an_account_without_numbers_says_nothing_of_the_fleet() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let refused = "refused0000000000000000000000000";
    let bench = bench.with("EMEA_AUTH_TOKEN", refused);
    let fleet = |account: &str| {
        format!("{}numbers:\n  - {{phone_number: \"{NUMBER}\", account: {account}}}\n", accounts_only())
    };
    bench.write("fleet.yaml", &fleet("emea"));
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    let seen = outside.until("one of two listed", |status| {
        !status["accounts"][1]["listed"].is_null() && !status["accounts"][0]["trouble"].is_null()
    });
    assert_eq!(seen["accounts"][1]["numbers"], 0);
    let (readyz, body) = outside.as_host("/readyz", "localhost");
    assert_eq!((readyz, body.as_str()), (503, "no cycle has seen a declared number yet\n"));
    // The other way round it has seen what there is to see.
    bench.write("fleet.yaml", &fleet("main"));
    outside.until("seen", |status| is(status, "Synced", "True"));
    assert_eq!(outside.probe("/readyz"), 200);
    assert_eq!(sandbox.writes(), 0);
    daemon.stop();
}

#[test]
fn a_listener_that_cannot_bind_ends_it_before_anything_is_attempted() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("New"));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    bench.run(&["run", "-f", "fleet.yaml", "--listen", &address]).exits(1).says("nothing was attempted");
    bench.run(&["run", "-f", "fleet.yaml", "--listen", "here"]).exits(1).says("0.0.0.0:9797");
    let secret = "https://hooks.example.com/hunter2 x";
    for bad in ["ftp://hooks.example.com/hunter2", secret] {
        let url = if bad == secret { "slack+hunter2" } else { bad };
        bench.run(&["run", "-f", "fleet.yaml", "--notify", url]).exits(1).never_says("hunter2");
    }
    assert_eq!(sandbox.requests()["total"], 0);
}

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

fn hostile_fleet() -> String {
    format!(
        "{}numbers:\n  - {{phone_number: \"{NUMBER}\", account: main, friendly_name: \"{HOSTILE}\"}}\n  \
         - {{phone_number: \"+15552230001\", account: main, friendly_name: \"https://u:hunter2@h.example/\", voice: {{url: \"https://ops:hunter2@voice.example.com/answer?token=hunter2\"}}}}\n  \
         - {{phone_number: \"+15552230002\", account: main, friendly_name: \"\u{202e}evil\", sms: {{url: \"https://a.example/sms\"}}}}\n",
        accounts_only()
    )
}

#[test]
fn no_path_shows_a_secret_and_numbers_come_in_parts() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "configure#1+=400/21402"]);
    bench.write("fleet.yaml", &hostile_fleet());
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    outside.until("degraded", |status| status["counts"]["degraded"] == 3);
    let check = || {
        for path in ["/", "/page.js", "/status.json", "/numbers.json", "/numbers.json?since=1", "/metrics"] {
            let body = outside.get(path);
            assert!(!body.contains("hunter2") && !body.contains(TOKEN), "{path}: {body}");
        }
    };
    check();
    assert_eq!(outside.status()["numbers"][0]["friendly_name"], HOSTILE);
    // What is live has a secret too, and the one that is declared is another.
    sandbox.faults("");
    outside.until("in sync", |status| status["state"] == "in_sync");
    check();
    sandbox.faults("configure#1+=400/21402");
    bench.write("fleet.yaml", &hostile_fleet().replace("hunter2", "hunter22"));
    let is_tried = |status: &Value| !status["drift"][0].is_null();
    let drifted = outside.until("degraded", |status| status["counts"]["degraded"] == 1 && is_tried(status));
    assert!(drifted["drift"][0]["changes"].as_array().is_some_and(|all| all[0]["secret_changed"] == true));
    check();
    // A file that is refused is quoted without them.
    bench.write("fleet.yaml", &hostile_fleet().replace("voice.example.com", "voice example.com"));
    outside.until("refused", |status| !status["files_refused"].is_null());
    check();
    // Part by part it is the same as at once.
    let whole = outside.status()["numbers"].clone();
    let mut parts = Vec::new();
    let mut path = "/status.json?limit=2".to_owned();
    loop {
        let part: Value = serde_json::from_str(&outside.get(&path)).expect("JSON");
        parts.extend(part["numbers"].as_array().expect("numbers").iter().cloned());
        let Some(cursor) = part["cursor"].as_str() else { break };
        path = format!("/status.json?limit=2&cursor={cursor}");
    }
    assert_eq!(Value::from(parts).as_array().map(Vec::len), whole.as_array().map(Vec::len));
    for bad in ["limit=x", "cursor=x"] {
        assert_eq!(outside.ask("GET", &format!("/status.json?{bad}"), &outside.0).status, 400, "{bad}");
    }
    daemon.stop();
}

/// A receiver of notifications; hands out their bodies.
pub(super) fn receiver() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hooks/hunter2", listener.local_addr().expect("an address"));
    let (sender, bodies) = mpsc::channel();
    std::thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { continue };
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            let (mut line, mut length) = (String::new(), 0);
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = text.trim().parse().expect("a length");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("a body");
            // The first one is lost.
            let status = if at == 0 { "500 X" } else { "200 OK" };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            if at > 0 && sender.send(String::from_utf8(body).expect("UTF-8")).is_err() {
                return;
            }
        }
    });
    (url, bodies)
}

#[test]
fn a_failure_and_the_recovery_are_told_once_each() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "configure#1+=400/21402"]);
    bench.write("fleet.yaml", &hostile_fleet());
    let (url, bodies) = receiver();
    let (slack, texts) = receiver();
    let both = format!("{url},slack+{slack}");
    let daemon = Daemon::start(&bench, &[&ARGS[..], &["--notify", &both]].concat());
    let body: Value = serde_json::from_str(&bodies.recv_timeout(PATIENCE).expect("told")).expect("JSON");
    assert_eq!((&body["event"], &body["degraded"]), (&"failure".into(), &3.into()), "{body:#}");
    let text: Value = serde_json::from_str(&texts.recv_timeout(PATIENCE).expect("told")).expect("JSON");
    assert!(text["text"].as_str().is_some_and(|text| text.starts_with("numctl: degraded.")), "{text:#}");
    assert_eq!(text["blocks"][0]["text"]["type"], "plain_text", "{text:#}");
    sandbox.faults("");
    let body: Value = serde_json::from_str(&bodies.recv_timeout(PATIENCE).expect("told")).expect("JSON");
    assert_eq!((&body["event"], &body["before"]), (&"recovery".into(), &"degraded".into()));
    daemon.is_quiet(3);
    assert!(bodies.try_recv().is_err(), "once each");
    let ran = daemon.stop();
    assert_eq!(ran.err.matches("was not delivered").count(), 2, "said once for each: {}", ran.err);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

/// A pause by signal is seen from outside at once, while nothing differs.
#[cfg(unix)]
#[test]
fn a_pause_by_signal_is_seen() {
    let (_sandbox, _bench, daemon, outside) = in_sync();
    daemon.signal("USR1");
    outside.until("paused", |status| status["standstill"]["paused_by_signal"] == true);
    assert!(outside.get("/metrics").contains("\nnumctl_paused{by=\"signal\"} 1\n"));
    daemon.signal("USR2");
    outside.until("going on", |status| status["standstill"]["reason"].is_null());
    daemon.stop();
}

/// A program of this machine.
pub(super) fn program(names: &[&str]) -> Option<String> {
    let found =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|ran| ran.status.success());
    names.iter().find(found).map(|name| (*name).to_owned())
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_page_shows_it_in_a_browser() {
    let browser = program(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(browser), Some(node)) = (browser, program(&["node"])) else {
        eprintln!("skipped: there is no Chromium, or no node (apt-get install chromium nodejs)");
        return;
    };
    let (sandbox, bench) = Sandbox::start(&["--faults", "configure#1+=400/21402"]);
    bench.write("fleet.yaml", &hostile_fleet());
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    outside.until("degraded", |status| status["counts"]["degraded"] == 3);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/check.mjs");
    let mut command = Command::new(node);
    let file = bench.path().join("fleet.yaml");
    command.args([script, &browser, &format!("http://{}/", outside.0), &sandbox.base_url]).arg(file);
    let ran = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}\n{text}", String::from_utf8_lossy(&ran.stdout));
    daemon.stop();
}

/// What fails alike is said once; a view has an address; a process that hangs is noticed within 15 s.
#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn the_page_groups_links_and_notices_a_hang() {
    let browser = program(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(browser), Some(node)) = (browser, program(&["node"])) else {
        eprintln!("skipped: there is no Chromium, or no node (apt-get install chromium nodejs)");
        return;
    };
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "30", "--faults", "configure#1+=400/21650"]);
    let mut text =
        "version: 1\ndefaults: {voice: {url: https://voice.example.com/answer}}\nnumbers:\n".to_owned();
    for at in 0..20 {
        text += &format!("  - {{phone_number: \"+1555223{at:04}\"}}\n");
    }
    bench.write("fleet.yaml", &text);
    let args = ["-f", "fleet.yaml", "--interval", "5s", "--listen", "0", "--fleet-name", "EMEA"];
    let daemon = Daemon::start(&bench, &args);
    let outside = Outside::of(&daemon);
    outside.until("degraded", |status| status["counts"]["degraded"] == 20);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/view.mjs");
    let mut command = Command::new(node);
    command.args([script, &browser, &format!("http://{}/", outside.0), &daemon.pid().to_string()]);
    let ran = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}\n{text}", String::from_utf8_lossy(&ran.stdout));
    daemon.stop();
}

//! Webhooks are called before numbers point at them: `preflight`, `apply --preflight`, `run --preflight`.

use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::harness::{Bench, Canned, Sandbox, answer};
use super::outside::Outside;

const TWIML: &str = "<?xml version=\"1.0\"?><Response><Say>Hello</Say></Response>";
const ALLOW: [&str; 3] = ["--preflight", "--preflight-allow", "127.0.0.0/8"];

fn good() -> Canned {
    Canned::body(200, "text/xml", TWIML)
}

fn file(urls: &[&str]) -> String {
    let numbers = urls
        .iter()
        .enumerate()
        .map(|(at, url)| format!("  - {{phone_number: \"+1555223000{at}\", voice: {{url: \"{url}\"}}}}\n"));
    format!("version: 1\nnumbers:\n{}", numbers.collect::<String>())
}

fn apply(bench: &Bench, text: &str, more: &[&str]) -> super::harness::Ran {
    bench.write("fleet.yaml", text);
    bench.run(&[&["apply", "--yes", "--format", "json", "-f", "fleet.yaml"], more].concat())
}

#[test]
fn a_webhook_that_fails_holds_what_would_point_at_it_and_nothing_else() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let (works, fails) = (good(), Canned::body(500, "text/plain", "no"));
    let text = file(&[
        &format!("{}/a", works.base_url),
        &format!("{}/b", fails.base_url),
        &format!("{}/a", works.base_url),
    ]);
    let ran = apply(&bench, &text, &ALLOW).exits(3);
    let report = ran.json();
    assert_eq!(report["summary"]["configure"], 2, "{report:#}");
    let held = &report["held"][0];
    assert_eq!(
        (&held["reason"], &held["field"]),
        (&"webhook_fails".into(), &"voice.url".into()),
        "{report:#}"
    );
    assert!(
        held["message"].as_str().expect("text").contains("does not answer: HTTP 500 after 0."),
        "{held:#}"
    );
    assert_eq!(sandbox.setting("+15552230002", "voice.url"), format!("{}/a", works.base_url));
    assert_eq!((works.asked(), fails.asked()), (1, 1), "each once");
    let head = works.heads().to_ascii_lowercase();
    assert!(
        head.starts_with("post /a http/1.1\nx-numctl-preflight: 1\n")
            || head.contains("x-numctl-preflight: 1")
    );
    assert!(head.contains("x-twilio-signature: "), "{head}");
    // What is in force already is not called again, and what still fails still holds.
    apply(&bench, &text, &ALLOW).exits(1);
    assert_eq!((works.asked(), fails.asked()), (1, 2));
    // Without the operator's word, nothing is called.
    apply(&bench, &text, &[]).exits(0);
    assert_eq!(fails.asked(), 2);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0);
    bench.run(&["plan", "--preflight", "-f", "fleet.yaml"]).exits(1);
}

#[test]
fn what_is_not_public_is_never_called() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let inner = good();
    let port = inner.base_url.rsplit(':').next().expect("a port").to_owned();
    // By address, by other spellings of it, by name, and through a redirect from an allowed one.
    let there = inner.base_url.clone();
    let leads = Canned::by_head(move |_| {
        format!("HTTP/1.1 302 X\r\nLocation: {there}/x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    });
    for url in [
        inner.base_url.clone(),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://0.0.0.0:{port}/"),
    ] {
        bench.write("fleet.yaml", &file(&[&url]));
        let ran = bench.run(&["preflight", "-f", "fleet.yaml"]).exits(1).says("is not public");
        assert_eq!(inner.asked(), 0, "{url}: {}", ran.all());
    }
    bench.write("fleet.yaml", &file(&[&leads.base_url]));
    bench.run(&["preflight", "-f", "fleet.yaml", "--preflight-allow", "127.0.0.1"]).exits(0).says("ok");
    assert_eq!(inner.asked(), 1);
    let elsewhere = Canned::by_head(|_| {
        "HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
    });
    bench.write("fleet.yaml", &file(&[&elsewhere.base_url]));
    bench
        .run(&["preflight", "-f", "fleet.yaml", "--preflight-allow", "127.0.0.1"])
        .exits(1)
        .says("169.254.169.254 is not public");
}

#[test]
fn each_fault_is_told_and_no_secret_is() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let loops = Canned::by_head(|_| {
        "HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
    });
    let long = Canned::by_head(|_| answer(200, "text/xml", &"x".repeat(70 << 10)));
    let json = Canned::body(200, "application/json", "{}");
    let html = Canned::body(200, "text/html", "<html><body>secret</body></html>");
    let http = |canned: &Canned| canned.base_url.clone();
    for (url, says) in [
        (closed, "no connection"),
        (http(&loops), "too many redirects"),
        (http(&long), "more than Twilio accepts"),
        (http(&json), "content type that Twilio does not accept"),
        (http(&html), "not TwiML"),
        (http(&html).replace("http:", "https:"), "does not answer"),
        ("https://no-such-name.invalid/".to_owned(), "no address"),
    ] {
        let with_password = url.replace("://", "://user:hunter2@");
        bench.write("fleet.yaml", &file(&[&with_password]));
        let ran = bench.run(&[
            "preflight",
            "-f",
            "fleet.yaml",
            "--preflight-allow",
            "127.0.0.1",
            "--format",
            "json",
        ]);
        let ran = ran.exits(1).says(says);
        assert!(!ran.all().contains("hunter2") && !ran.all().contains("secret"), "{}", ran.all());
        assert_eq!(ran.json()["summary"]["failing"], 1);
    }
}

#[test]
fn a_preflight_needs_no_account_and_signs_with_an_auth_token_only() {
    let works = good();
    let text = file(&[&works.base_url]);
    let blind = Bench::alone();
    blind.write("fleet.yaml", &text);
    let args = ["preflight", "-f", "fleet.yaml", "--preflight-allow", "127.0.0.1"];
    blind.run(&args).exits(0).says("not signed");
    let (_sandbox, bench) = Sandbox::start(&[]);
    let key = bench.with("TWILIO_AUTH_TOKEN", "").with("TWILIO_API_KEY", &format!("SK{}", "1".repeat(32)));
    let key = key.with("TWILIO_API_SECRET", "secretsecret");
    key.write("fleet.yaml", &text);
    let ran = key.run(&args).exits(0).says("not signed");
    assert!(!ran.all().contains("secretsecret"));
    assert!(!works.heads().to_ascii_lowercase().contains("x-twilio-signature"));
    bench_of_networks(&key);
}

fn bench_of_networks(bench: &Bench) {
    bench
        .run(&["preflight", "-f", "fleet.yaml", "--preflight-allow", "localhost"])
        .exits(1)
        .says("a network is ADDRESS/BITS or an address");
    bench.run(&["apply", "-f", "fleet.yaml", "--preflight-allow", "127.0.0.1"]).exits(1).says("--preflight");
}

#[test]
fn a_daemon_calls_the_webhooks_in_force_and_says_which_fail() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let (works, fails) = (good(), Canned::body(503, "text/plain", "no"));
    bench.write("fleet.yaml", &file(&[&works.base_url, &fails.base_url.replace("://", "://user:hunter2@")]));
    let mut args = vec!["-f", "fleet.yaml", "--listen", "127.0.0.1:0"];
    args.extend(ALLOW);
    let daemon = Daemon::start(&bench, &args);
    let outside = Outside::of(&daemon);
    let begin = Instant::now();
    let metrics = loop {
        let metrics = outside.get("/metrics");
        if metrics.contains("numctl_webhooks{state=\"failing\"} 1") {
            break metrics;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{metrics}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(metrics.contains("numctl_webhooks{state=\"working\"} 1"), "{metrics}");
    let status = outside.get("/status.json");
    assert!(status.contains("\"type\":\"WebhookFailing\",\"status\":\"True\""), "{status}");
    assert!(!status.contains("hunter2") && !daemon.log().contains("hunter2"), "{}", daemon.log());
}

//! Webhooks that name their secrets: who may provide them, where they may go, and that nothing shows them.

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, Ran, Sandbox, owned, world};

const FLEET: &str = "version: 1\nprofiles:\n  support:\n    voice:\n      url: https://hook:${secret:webhook}@voice.example.com/answer\n\
                     numbers:\n  - {phone_number: \"+15552230000\", profile: support}\n  \
                     - {phone_number: \"+15552230001\", profile: support}\n";
const OLD: &str = "canary-one/1";
const NEW: &str = "canary-two/2";
const DIR: [&str; 4] = ["--secrets-dir", "secrets", "-f", "fleet.yaml"];

fn provide(bench: &Bench, value: &str, hosts: &str) {
    std::fs::create_dir_all(bench.path().join("secrets")).expect("a folder");
    bench.write("secrets/webhook", &format!("{value}\n"));
    bench.write("secrets/webhook.hosts", hosts);
}

fn with_secret() -> (Sandbox, Bench) {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    provide(&bench, OLD, "voice.example.com\n");
    (sandbox, bench)
}

#[track_caller]
fn run(bench: &Bench, args: &[&str], code: i32) -> Ran {
    let args = [args, &DIR, &["-vv"]].concat();
    bench.run(&args).exits(code).never_says("canary")
}

#[test]
fn a_secret_is_sent_and_shown_nowhere_and_its_change_is_a_change() {
    let (sandbox, bench) = with_secret();
    for format in ["text", "json", "markdown"] {
        run(&bench, &["plan", "--format", format], 0).says("https://hook:***@voice.example.com/answer");
    }
    run(&bench, &["apply", "--yes"], 0).says("2 succeeded");
    let url = |value: &str| Value::from(format!("https://hook:{value}@voice.example.com/answer"));
    assert_eq!(sandbox.setting("+15552230000", "voice.url"), url("canary-one%2F1"));
    for args in [&["plan", "--detailed-exitcode"][..], &["diff", "--detailed-exitcode"]] {
        run(&bench, args, 0);
    }
    // Rotation is one edit.
    provide(&bench, NEW, "voice.example.com\n");
    let plan = run(&bench, &["plan", "--detailed-exitcode"], 2).says("the password changed");
    assert!(plan.out.contains("2 to configure"), "{}", plan.out);
    run(&bench, &["apply", "--yes", "--format", "json"], 0);
    assert_eq!(sandbox.setting("+15552230001", "voice.url"), url("canary-two%2F2"));
    run(&bench, &["plan", "--detailed-exitcode"], 0);
    bench.run(&["history"]).exits(0).never_says("canary");
    bench.run(&["get", "-o", "json"]).exits(0).never_says("canary");
    assert!(!bench.read(".numctl/journal.jsonl").contains("canary"));
}

#[test]
fn a_file_is_checked_without_its_secrets_and_planned_only_with_them() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    for args in [
        &["validate", "-f", "fleet.yaml"][..],
        &["fmt", "--check", "-f", "fleet.yaml"],
        &["get", "-f", "fleet.yaml"],
    ] {
        bench.run(args).exits(0);
    }
    for args in [&["plan"][..], &["apply", "--yes"], &["diff"], &["run", "--once"]] {
        let args = [args, &["-f", "fleet.yaml"]].concat();
        bench
            .run(&args)
            .exits(1)
            .says("the secret `webhook` is not provided")
            .says("fleet.yaml:5:12")
            .says("NUMCTL_SECRET_WEBHOOK");
    }
    let errors = bench.plan(FLEET).exits(1).json();
    assert_eq!(errors["errors"][0]["line"], 5, "{errors:#}");
    // A value without hosts may go nowhere.
    let bench = bench.with("NUMCTL_SECRET_WEBHOOK", OLD);
    bench
        .run(&["plan", "-f", "fleet.yaml"])
        .exits(1)
        .says("NUMCTL_SECRET_WEBHOOK_HOSTS")
        .never_says("canary");
    let bench = bench.with("NUMCTL_SECRET_WEBHOOK_HOSTS", "a.example, *.example.com");
    bench.run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"]).exits(2).never_says("canary");
    assert_eq!(sandbox.writes(), 0);
    // What is not used need not be there.
    let unused = format!("{FLEET}  - {{phone_number: \"+15552230002\", friendly_name: x}}\n")
        .replace("profile: support", "protect: true");
    Bench::at(&sandbox.base_url).plan(&unused).exits(0);
}

#[test]
fn a_pull_request_cannot_send_a_secret_elsewhere() {
    let (sandbox, bench) = with_secret();
    for (url, problem) in [
        ("https://hook:${secret:webhook}@evil.example/", "may not be sent to evil.example"),
        ("https://hook:${secret:webhook}@voice.example.com.evil.example/", "may not be sent to"),
        ("https://hook:${secret:webhook}@voice.example.com:8443/", "voice.example.com:8443"),
        ("http://hook:${secret:webhook}@voice.example.com/", "http://voice.example.com"),
        ("https://evil.example/?token=${secret:webhook}", "may not be sent to evil.example"),
        ("https://evil.example/${secret:webhook}", "a secret may be the password of the URL"),
        ("https://${secret:webhook}@evil.example/", "a secret may be the password of the URL"),
        ("https://${secret:webhook}.evil.example/", "a secret may be the password of the URL"),
        ("https://voice.example.com/?q=${secret:webhook}", "a secret may be the password of the URL"),
        ("https://hook:${secret:../../etc/passwd}@voice.example.com/", "a secret's name"),
        ("https://hook:${secret:webhook.hosts}@voice.example.com/", "a secret's name"),
        ("https://hook:${env:TWILIO_AUTH_TOKEN}@voice.example.com/", "placeholder"),
        ("https://hook:${TWILIO_AUTH_TOKEN}@voice.example.com/", "placeholder"),
        ("https://hook:${file:secrets/webhook}@voice.example.com/", "placeholder"),
    ] {
        bench.write(
            "fleet.yaml",
            &FLEET.replace("https://hook:${secret:webhook}@voice.example.com/answer", &format!("\"{url}\"")),
        );
        run(&bench, &["plan"], 1).says(problem).says("fleet.yaml:5:");
        run(&bench, &["apply", "--yes"], 1);
    }
    // A name is no place for one.
    bench.write("fleet.yaml", &FLEET.replace("profile: support", "friendly_name: \"${secret:webhook}\""));
    run(&bench, &["plan"], 1).says("friendly_name").says("fleet.yaml:7:");
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn a_saved_plan_holds_no_secret_and_knows_another_one() {
    let (sandbox, bench) = with_secret();
    let out = |code| {
        // A saved plan is used once.
        let _ = std::fs::remove_file(bench.path().join("plan.json.used"));
        run(&bench, &["plan", "--out", "plan.json"], code)
    };
    let apply = |code| {
        bench
            .run(&["apply", "plan.json", "--yes", "--secrets-dir", "secrets"])
            .exits(code)
            .never_says("canary")
    };
    out(0);
    let text = bench.read("plan.json");
    assert!(!text.contains("canary") && text.contains("${secret:webhook}"), "{text}");
    assert!(text.contains("\"carries_webhook_passwords\": false"), "{text}");
    bench.run(&["apply", "plan.json", "--yes"]).exits(1).says("the secret `webhook` is not provided");
    provide(&bench, NEW, "voice.example.com");
    apply(4).says("`webhook`").says("plan again");
    provide(&bench, OLD, "a.example");
    apply(1).says("may not be sent to");
    provide(&bench, OLD, "voice.example.com");
    apply(0).says("2 succeeded");
    // What is live by now is a secret, too: it is not in the plan that replaces it.
    provide(&bench, NEW, "voice.example.com");
    out(0);
    let text = bench.read("plan.json");
    assert!(!text.contains("canary"), "{text}");
    // Another password is another number.
    let other = "Configurations.Voice.Url=https%3A%2F%2Fhook%3Acanary-three%40voice.example.com%2Fanswer";
    sandbox.edit("+15552230001", other);
    apply(4).says("+15552230001").says("voice.url");
    out(0);
    let text = bench.read("plan.json").replace("voice.example.com", "evil.example");
    bench.write("plan.json", &text);
    apply(1).says("edited");
    out(0);
    apply(0).says("2 succeeded");
    run(&bench, &["plan", "--detailed-exitcode"], 0);
    // Nothing that is live in other fields either, where a change has nothing to do with it.
    bench.write(
        "fleet.yaml",
        &format!("{FLEET}    friendly_name: x\n").replace(
            "  - {phone_number: \"+15552230001\", profile: support}\n",
            "  - phone_number: \"+15552230001\"\n    profile: support\n",
        ),
    );
    out(0);
    assert!(!bench.read("plan.json").contains("canary"), "{}", bench.read("plan.json"));
    apply(0).says("1 succeeded");
}

#[test]
fn the_daemon_follows_the_secret() {
    let (sandbox, bench) = with_secret();
    let daemon = Daemon::start(&bench, &[&DIR[..], &["--interval", "200ms", "-vv"]].concat());
    daemon.is_quiet(1);
    provide(&bench, NEW, "voice.example.com");
    let begin = std::time::Instant::now();
    while sandbox.setting("+15552230001", "voice.url")
        != "https://hook:canary-two%2F2@voice.example.com/answer"
    {
        assert!(begin.elapsed().as_secs() < 30, "{}", daemon.log());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // One that is gone for a moment changes nothing.
    std::fs::remove_file(bench.path().join("secrets/webhook")).expect("removed");
    daemon.says("the secrets cannot be read", 1);
    daemon.is_quiet(1);
    let ran = daemon.stop();
    assert!(!ran.all().contains("canary"), "{}", ran.all());
}

#[test]
fn an_export_names_the_passwords_that_it_finds() {
    let url = |user: &str, password: &str, host: &str| json!({"voice.url": format!("https://{user}:{password}@{host}/answer?token=canary-token")});
    let numbers = [
        owned("+15552230000", MAIN, None, url("hook", "canary%2Fone", "voice.example.com")),
        owned("+15552230001", MAIN, None, url("hook", "canary%2Fone", "voice.example.com")),
        owned("+15552230002", MAIN, None, url("hook", "canary-two", "sms.example.com")),
        owned("+15552230003", MAIN, None, json!({"voice.url": "https://u:${secret:hook}@evil.example/"})),
    ];
    let (sandbox, bench) = Sandbox::with_state(&world(&numbers), &[]);
    let ran = bench.run(&["export", "-o", "fleet.yaml"]).exits(0).never_says("canary");
    assert!(
        ran.err.contains("hook") && ran.err.contains("voice.example.com") && ran.err.contains("hook-2"),
        "{}",
        ran.err
    );
    let text = bench.read("fleet.yaml");
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("https://hook:${secret:hook}@voice.example.com/answer?token=${secret:"), "{text}");
    assert!(!text.contains("secret:hook}@evil.example"), "{text}");
    bench.run(&["validate", "-f", "fleet.yaml"]).exits(0);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("is not provided");
    // The values go to files that only their owner can read, with the hosts that have them.
    bench
        .run(&["export", "-o", "fleet.yaml", "--overwrite", "--write-secrets", "secrets"])
        .exits(0)
        .never_says("canary");
    assert_eq!(bench.read("secrets/hook").trim_end(), "canary/one");
    assert_eq!(bench.read("secrets/hook.hosts").trim_end(), "voice.example.com");
    run(&bench, &["plan", "--detailed-exitcode"], 0);
    assert_eq!(sandbox.writes(), 0);
}

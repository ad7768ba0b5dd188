//! Law 11 (quiet secrets) and law 12 (hostile text stays text), over every command.

use serde_json::json;

use super::harness::{Bench, Canned, MAIN, SUB, Sandbox, accounts_only, owned, two_accounts, world};

const TOKEN: &str = "canarytokenfeedfacefeedfacefeed1";
const PASSWORD: &str = "canarypassword2";
const LIVE_PASSWORD: &str = "canarylive3";

/// Base64 of `AC…1:TOKEN` holds this; the head of it is the SID's.
const ENCODED: &str = "Y2FuYXJ5dG9rZW";

fn quiet(ran: &super::harness::Ran, what: &str) {
    for canary in [TOKEN, PASSWORD, LIVE_PASSWORD, ENCODED, "canarytoken", "canary"] {
        assert!(!ran.all().contains(canary), "{canary} by {what}: {}", ran.all());
    }
}

fn canary_world() -> serde_json::Value {
    let live =
        json!({"voice.url": format!("https://user:{LIVE_PASSWORD}@old.example/?token={LIVE_PASSWORD}")});
    let mut state = world(&[
        owned("+15552230000", MAIN, None, live.clone()),
        owned("+15552230001", MAIN, None, live.clone()),
        owned("+15552230002", MAIN, None, live),
    ]);
    state["accounts"][MAIN]["auth_token"] = TOKEN.into();
    state["accounts"][SUB]["auth_token"] = TOKEN.into();
    state
}

fn canary_file() -> String {
    format!(
        "{}policy: {{max_releases: 1}}\ndefaults: {{account: main, voice: {{url: \"https://user:{PASSWORD}@new.example/?token={PASSWORD}\"}}}}\n\
         numbers:\n  - phone_number: \"+15552230000\"\n  - {{phone_number: \"+15552230001\", account: emea}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n  - phone_number: \"+15552230100\"\n",
        accounts_only()
    )
}

#[test]
fn no_command_shows_a_secret() {
    for format in ["text", "json"] {
        let (sandbox, bench) = Sandbox::with_state(&canary_world(), &[]);
        let bench =
            bench.with("TWILIO_AUTH_TOKEN", TOKEN).with("EMEA_AUTH_TOKEN", TOKEN).with("NUMCTL_LOG", "trace");
        bench.write("fleet.yaml", &canary_file());
        let run = |args: &[&str], code: i32| {
            let args = [args, &["-vvv", "--log-format", format]].concat();
            let ran = bench.run(&args).exits(code);
            quiet(&ran, &format!("{args:?}"));
        };
        run(&["validate", "-f", "fleet.yaml"], 0);
        run(&["get"], 0);
        run(&["get", "--format", "json"], 0);
        run(&["get", "--format", "yaml"], 0);
        run(&["search", "--limit", "3"], 0);
        run(&["plan", "-f", "fleet.yaml"], 0);
        run(&["plan", "-f", "fleet.yaml", "--format", "json"], 0);
        run(&["plan", "-f", "fleet.yaml", "--format", "markdown"], 0);
        run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"], 0);
        assert!(!bench.read("plan.json").contains("canarytoken"));
        run(&["export", "--out", "export.yaml"], 0);
        assert!(!bench.read("export.yaml").contains("canarytoken"));
        sandbox.faults("configure#1+=400/21402,purchase#1+=500,retry-after=0,transfer#1+=drop");
        run(&["apply", "-f", "fleet.yaml"], 1);
        run(&["apply", "plan.json", "--yes", "--format", "json", "--accept", "nonsense"], 1);
        sandbox.faults("configure#1=400/21402,transfer#1=400");
        run(&["apply", "plan.json", "--yes", "--format", "json"], 3);
        sandbox.faults("");
        run(&["apply", "-f", "fleet.yaml", "--yes"], 0);
        run(&["history"], 0);
        run(&["history", "--format", "json"], 0);
        assert!(!bench.read(".numctl/journal.jsonl").contains("canary"));
        run(&["undo", "-f", "fleet.yaml", "--yes"], 0);
        assert!(!bench.read(".numctl/journal.jsonl").contains("canary"));
        sandbox.faults("list#1+=401");
        run(&["get"], 1);
        run(&["plan", "-f", "fleet.yaml"], 1);
    }
}

#[test]
fn refused_inputs_show_no_secret() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    // A wrong token, and URLs in the wrong places.
    let bench = bench.with("TWILIO_AUTH_TOKEN", TOKEN);
    let url = format!("https://user:{PASSWORD}@new.example/");
    bench.write("fleet.yaml", "version: 1\nnumbers: []\n");
    bench.write("bad.yaml", &format!("version: 1\nnumbers:\n  - phone_number: \"{url}\"\n    voice: {{url: \"ftp://user:{PASSWORD}@x\", uri: \"{url}\"}}\n"));
    bench.write("bad.json", &format!("{{\"kind\": \"{url}\", \"format_version\": 1}}"));
    for args in [
        &["plan", "-vvv", "-f", "fleet.yaml"][..],
        &["get", "-vvv"],
        &["validate", "-f", "bad.yaml"],
        &["validate", "--format", "json", "-f", "bad.yaml"],
        &["apply", "bad.json"],
        &["get", "--base-url", &url],
        &["get", "--base-url", &format!("http://user:{PASSWORD}@127.0.0.1:1")],
        &["get", "--base-url", &format!("user:{PASSWORD}@x")],
        &["get", "--account", &url],
    ] {
        quiet(&bench.run(args).exits(1), &format!("{args:?}"));
    }
}

/// However a URL is written, and wherever the API shows one or the file has one.
#[test]
fn a_password_is_masked_in_every_field_and_every_spelling() {
    let user = format!("user:{LIVE_PASSWORD}");
    let row = |number: &str, voice: serde_json::Value| {
        json!({
            "sid": "PN0000000000000000000000000000abcd",
            "phone_number": number,
            "configurations": {
                "friendly_name": format!("see https://{user}@old.example, or HTTP:{user}@old.example"),
                "status_callback": format!("https:/\\{user}@old.example/x"),
                "status_callback_method": format!("https://{user}@old.example"),
                "voice": voice,
                "sms": {"url": format!("ftp://{user}@old.example"), "fallback_url": format!("{user}@old.example")},
            },
        })
    };
    let voice = json!({
        "url": format!("https://old.example/?to=https://{user}@old.example&Password={LIVE_PASSWORD}"),
        "fallback_url": format!("ht\ttps:{user}@old.example"),
        "receive_mode": format!("https://{user}@old.example"),
    });
    let mut second = row(&format!("https://{user}@old.example"), json!({}));
    second["sid"] = "PN0000000000000000000000000000abce".into();
    let body =
        json!({"items": [row("+15552230000", voice), second], "meta": {"page": 0, "next_page_url": null}});
    let server = Canned::body(200, "application/json", body.to_string());
    let bench = Bench::at(&server.base_url);
    let new = format!("https://user:{PASSWORD}@new.example");
    bench.write(
        "fleet.yaml",
        &format!(
            "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    friendly_name: \"now {new}\"\n    \
             status_callback: {new}\n    voice: {{url: \"{new}/?to={new}\", fallback_url: \"{new}\"}}\n    \
             sms: {{url: \"{new}\", fallback_url: \"{new}\", method: GET}}\n"
        ),
    );
    for format in ["text", "json"] {
        for args in [
            &["get"][..],
            &["get", "--format", "json"],
            &["get", "--format", "yaml"],
            &["search"],
            &["search", "--format", "json"],
            &["validate", "-f", "fleet.yaml"],
            &["plan", "-f", "fleet.yaml"],
            &["plan", "-f", "fleet.yaml", "--format", "json"],
            &["plan", "-f", "fleet.yaml", "--format", "markdown"],
            &["plan", "-f", "fleet.yaml", "--out", "plan.json"],
            &["run", "--once", "--dry-run", "-f", "fleet.yaml"],
        ] {
            let args = [args, &["-vvv", "--log-format", format]].concat();
            quiet(&bench.run(&args).exits(0), &format!("{args:?}"));
        }
        // Every write fails its echo, and says so.
        for args in [
            &["apply", "--yes", "-f", "fleet.yaml"][..],
            &["apply", "--yes", "--format", "json", "-f", "fleet.yaml"],
            &["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"],
        ] {
            let args = [args, &["-vvv", "--log-format", format]].concat();
            quiet(&bench.run(&args).exits(3), &format!("{args:?}"));
        }
        assert!(!bench.read("state/budget.json").contains("canary"));
    }
    // What has to be in a saved plan is in it, and said to be.
    assert!(bench.read("plan.json").contains("\"carries_webhook_passwords\": true"));
}

#[cfg(target_os = "linux")]
#[test]
fn the_command_line_of_the_process_holds_no_secret() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "list#1=hang"]);
    bench.write("fleet.yaml", &canary_file());
    let plan = bench.spawn(&["plan", "-f", "fleet.yaml"]);
    sandbox.wait_for("list", 1);
    let line = std::fs::read_to_string(format!("/proc/{}/cmdline", plan.child.id())).expect("procfs");
    assert!(
        line.contains("plan") && !line.contains(super::harness::TOKEN) && !line.contains("canary"),
        "{line}"
    );
}

const HOSTILE: &str =
    "\u{1b}[31mred\u{1b}]0;t\u{7}\n## Injected\n| a | b |\n```\n<b>x</b>\u{202e}\u{9b}31m\r";

fn inert(ran: &super::harness::Ran, what: &str) {
    for c in ran.all().chars() {
        assert!(!c.is_control() || c == '\n', "{c:?} by {what}: {:?}", ran.all());
        assert!(c != '\u{202e}', "bidi by {what}: {:?}", ran.all());
    }
    for line in ran.all().lines() {
        assert!(
            !line.starts_with("## Injected") && !line.starts_with("| a |"),
            "a line of its own by {what}: {:?}",
            ran.all()
        );
    }
}

#[test]
fn hostile_names_stay_text_everywhere() {
    let state = world(&[
        owned("+15552230000", MAIN, Some(HOSTILE), json!({"voice.url": "https://a.example/"})),
        owned("+15552230001", MAIN, Some(HOSTILE), json!({})),
        owned("+15552230002", MAIN, Some(HOSTILE), json!({})),
    ]);
    let (_sandbox, bench) = Sandbox::with_state(&state, &[]);
    let file = format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: Plain}}\n  \
         - {{phone_number: \"+15552230001\", account: emea, friendly_name: Plain}}\n  - {{phone_number: \"+15552230002\", state: released}}\n",
        two_accounts()
    );
    bench.write("fleet.yaml", &file);
    for args in [
        &["get"][..],
        &["get", "--format", "json"],
        &["get", "--format", "yaml"],
        &["export"],
        &["plan", "-vvv", "-f", "fleet.yaml"],
        &["plan", "-f", "fleet.yaml", "--format", "json", "-vvv", "--log-format", "json"],
        &["plan", "-f", "fleet.yaml", "--format", "markdown"],
        &["apply", "--yes", "-vvv", "-f", "fleet.yaml"],
    ] {
        inert(&bench.run(args).exits(0), &format!("{args:?}"));
    }
    let round = bench.run(&["get", "--format", "json"]).json();
    assert!(round.to_string().contains("Plain"));
}

#[test]
fn hostile_errors_stay_text_everywhere() {
    let body = json!({"code": 20500, "message": HOSTILE, "more_info": HOSTILE, "status": 500}).to_string();
    let server = Canned::serve(move |at, _| {
        let status = if at % 2 == 0 { 400 } else { 500 };
        let head = format!(
            "HTTP/1.1 {status} X\r\nTwilio-Request-Id: \u{9b}31m\r\nContent-Type: application/json\r\n"
        );
        format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    });
    let bench = Bench::at(&server.base_url);
    bench.write("fleet.yaml", "version: 1\nnumbers: []\n");
    for format in ["text", "json"] {
        for args in [&["get"][..], &["plan", "-f", "fleet.yaml"], &["search"], &["export"]] {
            let args = [args, &["-vvv", "--log-format", format]].concat();
            let ran = bench.run(&args).exits(1);
            inert(&ran, &format!("{args:?}"));
            assert!(ran.err.contains("trying again") && ran.err.contains("## Injected"), "{}", ran.err);
            if format == "json" {
                for line in ran.err.lines().filter(|line| line.starts_with('{')) {
                    assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
                }
            }
        }
    }
    // The same in the report of an apply.
    let body = json!({"code": 21421, "message": HOSTILE, "more_info": HOSTILE, "status": 400}).to_string();
    let row = r#"{"sid":"PN0000000000000000000000000000abcd","phone_number":"+15552230000"}"#;
    let server = Canned::serve(move |at, _| match at % 2 {
        1 => super::harness::answer(
            200,
            "application/json",
            &format!(r#"{{"items":[{row}],"meta":{{"page":0,"next_page_url":null}}}}"#),
        ),
        _ => super::harness::answer(400, "application/json", &body),
    });
    let bench = Bench::at(&server.base_url);
    bench.write(
        "fleet.yaml",
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: New}\n",
    );
    for args in [
        &["apply", "--yes", "-vvv", "-f", "fleet.yaml"][..],
        &["apply", "--yes", "-vvv", "--log-format", "json", "--format", "json", "-f", "fleet.yaml"],
    ] {
        inert(&bench.run(args).exits(3), &format!("{args:?}"));
    }
}

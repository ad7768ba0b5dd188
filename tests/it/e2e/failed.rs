//! Where there is no plan, CI still reads why: `{"errors": [...]}` or a Markdown block on stdout, with the
//! same exit code.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, Ran, SUB, Sandbox};

const GOOD: &str = "version: 1\nnumbers: [{phone_number: \"+15552230000\", friendly_name: New}]\n";

fn plan(bench: &Bench, format: &str) -> Ran {
    bench.run(&["plan", "-f", "fleet.yaml", "--format", format])
}

#[test]
fn a_bad_file_is_an_error_at_its_place_in_every_format() {
    let bench = Bench::alone();
    bench.write(
        "fleet.yaml",
        "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    freindly_name: x\n",
    );
    let errors = plan(&bench, "json").exits(1).json();
    let first = &errors["errors"][0];
    assert_eq!(
        (&first["file"], &first["line"], &first["column"]),
        (&json!("fleet.yaml"), &json!(4), &json!(5))
    );
    assert!(first["message"].as_str().is_some_and(|text| text.contains("freindly_name")), "{errors:#}");
    let markdown = plan(&bench, "markdown").exits(1);
    assert!(markdown.out.starts_with("<!-- numctl-plan -->\n### numctl plan: failed\n"), "{}", markdown.out);
    assert!(markdown.out.contains("fleet.yaml:4:5") && markdown.err.contains("fleet.yaml:4:5"));
    assert_eq!(plan(&bench, "text").exits(1).out, "");
    let apply = bench.run(&["apply", "--yes", "-f", "fleet.yaml", "--format", "json"]).exits(1).json();
    assert_eq!(apply["errors"], errors["errors"]);
}

#[test]
fn whatever_else_fails_is_an_error_in_every_format() {
    let unreachable = Bench::at("http://127.0.0.1:1");
    let no_credentials = Bench::alone();
    let no_file = Bench::at("http://127.0.0.1:1");
    for (bench, says) in [(&unreachable, "could not be listed"), (&no_credentials, "TWILIO_ACCOUNT_SID")] {
        bench.write("fleet.yaml", GOOD);
        let errors = plan(bench, "json").exits(1).json();
        assert!(
            errors["errors"][0]["message"].as_str().is_some_and(|text| text.contains(says)),
            "{errors:#}"
        );
        plan(bench, "markdown").exits(1).says("### numctl plan: failed");
    }
    assert!(plan(&no_file, "json").exits(1).json()["errors"][0]["message"].is_string());
}

#[test]
fn a_stale_or_used_plan_is_an_error_in_json_too() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", GOOD);
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    let apply = ["apply", "plan.json", "--yes", "--format", "json"];
    sandbox.edit("+15552230000", "FriendlyName=Theirs");
    let stale = bench.run(&apply).exits(4).json();
    let message = stale["errors"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("stale") && message.contains("+15552230000"), "{stale:#}");
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    bench.run(&apply).exits(0);
    let used = bench.run(&apply).exits(4).json();
    assert!(used["errors"][0]["message"].as_str().is_some_and(|text| text.contains("used")), "{used:#}");
}

#[test]
fn a_plan_beyond_its_limits_says_so_to_machines_and_names_the_command() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let within = bench.plan(GOOD).exits(0).json();
    assert_eq!((&within["within_limits"], &within["refusal"]), (&json!(true), &Value::Null));
    bench.write("fleet.yaml", &GOOD.replace("numbers:", "policy: {max_changes: 0}\nnumbers:"));
    let beyond = plan(&bench, "json").exits(0).json();
    assert_eq!(beyond["within_limits"], false);
    let accept = format!("numctl apply --accept {}", beyond["refusal"]["accept"].as_str().expect("a digest"));
    for format in ["text", "markdown"] {
        plan(&bench, format).exits(0).says(&accept);
    }
}

#[test]
fn doctor_looks_at_every_account_whatever_lacks_credentials() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let accounts = format!(
        "version: 1\naccounts:\n  first: {{sid: {SUB}, credentials: {{env: NOWHERE}}}}\n  \
         main: {{sid: {MAIN}, credentials: {{env: TWILIO}}}}\nnumbers: []\n"
    );
    bench.write("fleet.yaml", &accounts);
    let doctor = ["doctor", "-f", "fleet.yaml"];
    bench
        .run(&doctor)
        .exits(1)
        .says("NOWHERE_AUTH_TOKEN")
        .says(&format!("account main ({MAIN})"))
        .says("reached");
    let report = bench.run(&[&doctor[..], &["--format", "json"]].concat()).exits(1).json();
    let names: Vec<_> =
        report.as_array().expect("accounts").iter().map(|account| &account["account"]).collect();
    assert_eq!(names, [&json!("first"), &json!("main")]);
    assert_eq!(report[0]["checks"][0]["level"], "bad");
    bench.run(&[&doctor[..], &["--account", "main"]].concat()).exits(0);
    bench.run(&[&doctor[..], &["--account", "first"]].concat()).exits(1).says("NOWHERE_AUTH_TOKEN");
    bench.run(&[&doctor[..], &["--account", "none"]].concat()).exits(1).says("no account");
}

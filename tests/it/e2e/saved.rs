//! Saved plans: what was reviewed is what is done, once.

use super::harness::{MAIN, Sandbox, owned, world};

const FLEET: &str = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: New}\n  \
                     - phone_number: \"+15552230100\"\n  - {phone_number: \"+15552230002\", state: released}\n";
const OUT: [&str; 5] = ["plan", "--out", "plan.json", "-f", "fleet.yaml"];
const APPLY: [&str; 5] = ["apply", "plan.json", "--yes", "--format", "json"];

#[test]
fn a_saved_plan_is_carried_out_once() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    bench.run(&OUT).exits(0).says("numctl apply plan.json");
    let saved: serde_json::Value = serde_json::from_str(&bench.read("plan.json")).expect("JSON");
    let shown = bench.plan(FLEET).json();
    assert_eq!(saved["digest"], shown["digest"]);
    // What it does not touch may move on.
    sandbox.edit("+15552230003", "FriendlyName=Elsewhere");
    sandbox.forget_requests();
    let ran = bench.run(&APPLY).exits(0);
    assert_eq!(ran.json()["digest"], shown["digest"]);
    sandbox.counts(&[
        ("list", 2),
        ("price", 1),
        ("configure", 1),
        ("purchase", 1),
        ("fetch", 1),
        ("release", 1),
    ]);
    assert_eq!(bench.plan(FLEET).json()["actions"], serde_json::json!([]));
    sandbox.forget_requests();
    bench.run(&APPLY).exits(4).says("applied already");
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn a_touched_number_that_moved_makes_it_stale() {
    type Change = fn(&Sandbox);
    let changes: [(Change, &str); 4] = [
        (|sandbox| sandbox.edit("+15552230000", "FriendlyName=Theirs"), "+15552230000"),
        (
            |sandbox| sandbox.edit("+15552230002", "Configurations.Voice.Url=https%3A%2F%2Fbusy.example"),
            "+15552230002",
        ),
        (
            |sandbox| {
                assert_eq!(
                    sandbox.ask("POST", "/Numbers/ActiveNumbers", "PhoneNumber=%2B15552230100").0,
                    201
                );
            },
            "+15552230100",
        ),
        (
            |sandbox| {
                let entry = sandbox.number("+15552230002").expect("there");
                let path = format!("/Numbers/ActiveNumbers/{}", entry["sid"].as_str().expect("a SID"));
                assert_eq!(sandbox.ask("DELETE", &path, "").0, 204);
            },
            "+15552230002",
        ),
    ];
    for (change, number) in changes {
        let (sandbox, bench) = Sandbox::start(&[]);
        bench.write("fleet.yaml", FLEET);
        bench.run(&OUT).exits(0);
        change(&sandbox);
        sandbox.forget_requests();
        bench.run(&APPLY).exits(4).says("stale").says(number);
        sandbox.counts(&[("list", 1)]);
    }
}

#[test]
fn an_edited_or_cut_plan_is_not_a_plan() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    bench.run(&OUT).exits(0);
    let text = bench.read("plan.json");
    for edited in [
        text.replace("+15552230002", "+15552230003"),
        text.replace("\"max_releases\": \"1\"", "\"max_releases\": \"9\""),
        text.replace("\"New\"", "\"Newer\""),
        text[..text.len() / 2].to_owned(),
        text.replacen("\"format_version\": 2", "\"format_version\": 3", 1),
        String::new(),
        "{}".to_owned(),
    ] {
        assert_ne!(edited, text);
        bench.write("plan.json", &edited);
        let ran = bench.run(&APPLY).exits(1).json();
        assert!(ran["actions"].is_null() && ran["errors"][0]["message"].is_string(), "{ran:#}");
    }
    assert_eq!(sandbox.writes(), 0);
}

/// Law 8: a digest lifts the limits of exactly one plan, whoever set them.
#[test]
fn accept_lifts_a_limit_for_exactly_one_plan() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = "version: 1\nnumbers:\n  - {phone_number: \"+15552230002\", state: released}\n";
    let refused = bench.apply(file).exits(4).json();
    let digest = refused["digest"].as_str().expect("a digest").to_owned();
    assert_eq!(refused["refusal"]["accept"], *digest);
    let other = file.replace("0002", "0001");
    bench.write("other.yaml", &other);
    bench.run(&["apply", "--yes", "--accept", &digest, "-f", "other.yaml"]).exits(4);
    let wrong = "0".repeat(digest.len());
    bench.run(&["apply", "--yes", "--accept", &wrong, "-f", "fleet.yaml"]).exits(4);
    assert_eq!(sandbox.writes(), 0);
    bench.run(&["apply", "--yes", "--accept", &digest, "-f", "fleet.yaml"]).exits(0);
    assert!(sandbox.number("+15552230002").is_none() && sandbox.number("+15552230001").is_some());
}

/// Law 11: the file can only be stricter than the operator.
#[test]
fn the_operators_limits_cap_the_files() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let bench = bench
        .with("NUMCTL_MAX_RELEASES", "0")
        .with("NUMCTL_MAX_PURCHASES", "0")
        .with("NUMCTL_MAX_CHANGES", "1");
    let report = bench
        .apply(&FLEET.replace("max_releases: 1", "max_releases: 99, max_purchases: 99, max_changes: 100%"))
        .exits(4)
        .json();
    let broken = report["refusal"]["broken"].as_array().expect("limits");
    let names: Vec<_> = broken.iter().map(|limit| limit["limit"].as_str().expect("a name")).collect();
    assert_eq!(names, ["max_purchases", "max_releases", "max_changes"]);
    assert!(broken.iter().all(|limit| limit["set_by"] == "operator"), "{broken:?}");
    // A saved plan is under them as well.
    bench.run(&OUT).exits(0);
    bench.run(&APPLY).exits(4);
    // A looser operator does not loosen a strict file.
    let bench = bench
        .with("NUMCTL_MAX_RELEASES", "9")
        .with("NUMCTL_MAX_PURCHASES", "9")
        .with("NUMCTL_MAX_CHANGES", "9");
    bench.apply(&FLEET.replace("max_releases: 1", "max_releases: 0")).exits(4);
    assert_eq!(sandbox.writes(), 0);
    // A refused saved plan was not used.
    bench.run(&APPLY).exits(0);
    bench.write("fleet.yaml", FLEET);
    bench.with("NUMCTL_MAX_RELEASES", "many").run(&["plan", "-f", "fleet.yaml"]).exits(1);
}

#[test]
fn a_plan_file_is_private_and_says_what_it_carries() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    for (password, carries) in [("", false), ("user:hunter2canary@", true)] {
        bench.write(
            "fleet.yaml",
            &format!("version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    voice: {{url: \"https://{password}a.example/\"}}\n"),
        );
        let ran = bench.run(&OUT).exits(0).never_says("hunter2canary");
        assert_eq!(ran.err.contains("passwords"), carries, "{}", ran.err);
        let text = bench.read("plan.json");
        let saved: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(saved["carries_webhook_passwords"], carries);
        assert!(!text.contains(super::harness::TOKEN), "no credential");
        assert!(saved["files"].to_string().contains("fleet.yaml") && saved["tool_version"].is_string());
        assert_eq!(saved["accounts"][0]["sid"], super::harness::MAIN);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(bench.path().join("plan.json")).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

/// Somebody released the number and bought it again meanwhile: the same digits and settings, another number,
/// whose owner nobody asked.
#[test]
fn a_number_that_was_released_and_bought_again_is_another_one() {
    let number = "+15552230005";
    let world = world(&[owned(number, MAIN, None, serde_json::json!({}))]);
    let (sandbox, bench) = Sandbox::with_state(&world, &[]);
    bench.write(
        "fleet.yaml",
        &format!("version: 1\npolicy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"{number}\", state: released}}\n"),
    );
    bench.run(&OUT).exits(0);
    let before = sandbox.number(number).expect("there");
    let path = format!("/Numbers/ActiveNumbers/{}", before["sid"].as_str().expect("a SID"));
    assert_eq!(sandbox.ask("DELETE", &path, "").0, 204);
    let name =
        before["friendly_name"].as_str().map(|name| format!("&FriendlyName={name}")).unwrap_or_default();
    let form = format!("PhoneNumber=%2B15552230005{}", name.replace('+', "%2B").replace(' ', "+"));
    assert_eq!(sandbox.ask("POST", "/Numbers/ActiveNumbers", &form).0, 201);
    let after = sandbox.number(number).expect("there again");
    assert_ne!(before["sid"], after["sid"]);
    sandbox.forget_requests();
    bench.run(&APPLY).exits(4).says("stale").says(number);
    assert_eq!(sandbox.writes(), 0);
    assert!(sandbox.number(number).is_some());
}

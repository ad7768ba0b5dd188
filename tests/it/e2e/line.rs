//! Every kind of hold × every command that writes: all of them walk one line, so that what holds one
//! back holds back the others.

use std::time::{Duration, SystemTime};

use numctl::saved_plan::SavedPlan;
use serde_json::json;

use super::harness::{Bench, MAIN, Ran, Sandbox};

const NUMBER: &str = "+15552230000";

/// What stands in the file while it holds, at each place where something can.
#[derive(Clone, Copy, Default)]
struct Hold<'a> {
    policy: &'a str,
    account: &'a str,
    number: &'a str,
}

/// A file of one number, and a claim that a number can be adopted for.
fn file(name: &str, hold: Hold<'_>) -> String {
    format!(
        "version: 1\naccounts: {{main: {{sid: {MAIN}, credentials: {{env: TWILIO}}{}}}}}\n\
         policy: {{max_releases: 5{}}}\ndefaults: {{account: main}}\n\
         profiles: {{p: {{voice: {{url: \"https://voice.example.com/\"}}}}}}\n\
         claims: [{{name: desk, count: 1, match: {{country: US, type: local}}, profile: p}}]\n\
         numbers:\n  - {{phone_number: \"{NUMBER}\", friendly_name: {name}{}}}\n",
        hold.account, hold.policy, hold.number
    )
}

fn later() -> String {
    let at = SystemTime::now() + Duration::from_secs(3600);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A window that is open on another day of the week only.
fn shut_window() -> String {
    let days =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() / 86_400;
    // 1 January 1970 was a Thursday. Neither today nor tomorrow nor yesterday, by any clock.
    let day = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"][(days as usize + 3) % 7];
    format!(", windows: [{{days: [{day}], from: \"10:00\", to: \"11:00\", zone: UTC}}]")
}

/// A bench whose number was renamed once by numctl, and whose `plan.json` would rename it again.
fn prepared() -> (Sandbox, Bench) {
    let (sandbox, bench) = Sandbox::start(&[]);
    let without_claim = |name: &str| {
        let text = file(name, Hold::default());
        let lines = text.lines().filter(|line| !line.starts_with("claims:"));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    bench.apply(&without_claim("One")).exits(0);
    bench.write("fleet.yaml", &without_claim("Two"));
    bench.run(&["plan", "--out", "plan.json", "-f", "fleet.yaml"]).exits(0);
    (sandbox, bench)
}

fn command(bench: &Bench, name: &str) -> Ran {
    match name {
        "apply" => bench.run(&["apply", "--yes", "-f", "fleet.yaml"]),
        "apply plan.json" => bench.run(&["apply", "--yes", "plan.json"]),
        "adopt" => bench.run(&["adopt", "--yes", "-f", "fleet.yaml", "desk", "+15552230001"]),
        "undo" => bench.run(&["undo", "--yes", "-f", "fleet.yaml"]),
        "run --once" => bench.run(&["run", "--once", "-f", "fleet.yaml"]),
        other => panic!("no command {other}"),
    }
}

#[test]
fn what_holds_one_command_holds_them_all() {
    let hold = format!(", hold: {{until: {}}}", later());
    let shut = shut_window();
    let holds = [
        ("paused", Hold { policy: ", paused: true", ..Hold::default() }, true),
        ("windows", Hold { policy: &shut, ..Hold::default() }, true),
        ("the file's hold", Hold { policy: &hold, ..Hold::default() }, true),
        ("the account's hold", Hold { account: &hold, ..Hold::default() }, true),
        // A number of a claim has no hold of its own.
        ("the number's hold", Hold { number: &hold, ..Hold::default() }, false),
    ];
    for (kind, hold, holds_claims) in holds {
        for name in ["apply", "apply plan.json", "adopt", "undo", "run --once"] {
            if name == "adopt" && !holds_claims {
                continue;
            }
            let (sandbox, bench) = prepared();
            let mut text = file("Two", hold);
            if name != "adopt" {
                text = text
                    .lines()
                    .filter(|line| !line.starts_with("claims:"))
                    .map(|line| format!("{line}\n"))
                    .collect();
            }
            bench.write("fleet.yaml", &text);
            sandbox.forget_requests();
            let ran = command(&bench, name);
            assert_eq!(sandbox.writes(), 0, "{kind}, {name}: {ran:?}");
            let refused = name == "apply plan.json";
            ran.exits(if refused { 4 } else { 0 });
            // A saved plan that was refused is not used, and is applied once nothing holds it any more.
            if refused {
                bench.write(
                    "fleet.yaml",
                    &text.replace(hold.policy, "").replace(hold.account, "").replace(hold.number, ""),
                );
                command(&bench, name).exits(0);
                assert_eq!(sandbox.number(NUMBER).expect("there")["friendly_name"], "Two", "{kind}");
            }
        }
    }
}

/// Planned while a window was open, and applied where the files are not: the plan knows its windows.
#[test]
fn a_saved_plan_keeps_to_its_windows() {
    let (sandbox, bench) = prepared();
    let mut saved: serde_json::Value = serde_json::from_str(&bench.read("plan.json")).expect("JSON");
    let days =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs() / 86_400;
    // Monday is 1; 1 January 1970 was a Thursday.
    let other_day = (days + 3 + 3) % 7 + 1;
    saved["holds"]["windows"] =
        json!([{"days": [other_day], "from": "10:00:00", "to": "11:00:00", "zone": "UTC"}]);
    bench.write("plan.json", &SavedPlan::sealed(&saved.to_string()).expect("a saved plan"));
    std::fs::remove_file(bench.path().join("fleet.yaml")).expect("removed");
    sandbox.forget_requests();
    command(&bench, "apply plan.json").exits(4).says("no maintenance window is open");
    assert_eq!(sandbox.writes(), 0);
}

/// A number that the journal knows, and that is gone: no command buys it back by itself.
#[test]
fn a_vanished_number_is_bought_back_by_no_command() {
    let text = format!("version: 1\nnumbers: [{{phone_number: \"{NUMBER}\", friendly_name: Two}}]\n");
    for name in ["apply", "apply plan.json", "run --once"] {
        let (sandbox, bench) = Sandbox::start(&[]);
        bench.apply(&text).exits(0);
        let sid = sandbox.number(NUMBER).expect("there")["sid"].as_str().expect("a SID").to_owned();
        assert_eq!(sandbox.ask("DELETE", &format!("/Numbers/ActiveNumbers/{sid}"), "").0, 204);
        bench.run(&["plan", "--out", "plan.json", "--journal", "none", "-f", "fleet.yaml"]).exits(0);
        sandbox.forget_requests();
        let ran = match name {
            "run --once" => {
                bench.run(&["run", "--once", "-f", "fleet.yaml", "--journal", ".numctl/journal.jsonl"])
            }
            _ => command(&bench, name),
        };
        assert_eq!(sandbox.writes(), 0, "{name}: {ran:?}");
        ran.exits(if name == "apply plan.json" { 4 } else { 1 });
    }
}

/// `--accept` is somebody's word for one plan, also where the limits would allow another one.
#[test]
fn an_accepted_digest_is_of_exactly_this_plan() {
    let (sandbox, bench) = prepared();
    let digest =
        bench.plan(&bench.read("fleet.yaml")).json()["digest"].as_str().expect("a digest").to_owned();
    let other = "0".repeat(digest.len());
    sandbox.forget_requests();
    for args in [
        &["apply", "--yes", "--accept", &other, "-f", "fleet.yaml"][..],
        &["apply", "--yes", "--accept", &other, "plan.json"],
        &["undo", "--yes", "--accept", &other, "-f", "fleet.yaml"],
    ] {
        bench.run(args).exits(4).says(&digest[..0]).says("--accept");
    }
    assert_eq!(sandbox.writes(), 0);
    bench.run(&["apply", "--yes", "--accept", &digest, "-f", "fleet.yaml"]).exits(0);
    // Done already: there is nothing that would need anybody's word.
    bench.run(&["apply", "--yes", "--accept", &digest, "-f", "fleet.yaml"]).exits(0);
}

/// Of a copy of a plan that was used, nothing is bought again.
#[test]
fn a_copy_of_a_used_plan_does_nothing_twice() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230100\"}]\n");
    bench.run(&["plan", "--out", "plan.json", "-f", "fleet.yaml"]).exits(0);
    std::fs::copy(bench.path().join("plan.json"), bench.path().join("copy.json")).expect("copied");
    command(&bench, "apply plan.json").exits(0);
    let sid = sandbox.number("+15552230100").expect("bought")["sid"].as_str().expect("a SID").to_owned();
    assert_eq!(sandbox.ask("DELETE", &format!("/Numbers/ActiveNumbers/{sid}"), "").0, 204);
    sandbox.forget_requests();
    bench.run(&["apply", "--yes", "copy.json"]).exits(4).says("+15552230100");
    assert_eq!(sandbox.writes(), 0);
}

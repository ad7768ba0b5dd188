//! Every kind of hold × every command that writes: all of them walk one line, so that what holds one
//! back holds back the others.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use numctl::guard::saved_plan::SavedPlan;
use serde_json::json;

use super::harness::{Bench, MAIN, Ran, Sandbox};

const NUMBER: &str = "+15552230000";

/// What is in the file while it holds, at each place where something can.
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

/// A brake with a typing error is still meant as one.
#[test]
fn a_saved_plan_whose_files_are_not_valid_by_now_is_an_error() {
    let (sandbox, bench) = prepared();
    bench.write("fleet.yaml", &bench.read("fleet.yaml").replace("policy: {", "policy: {paused: treu, "));
    sandbox.forget_requests();
    command(&bench, "apply plan.json").exits(1).says("treu");
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
    // Done already: the plan is another one, an empty one.
    bench.run(&["apply", "--yes", "--accept", &digest, "-f", "fleet.yaml"]).exits(4).says("--accept");
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

/// Twenty tombstones that were set by mistake, each release taking a while.
fn releases(state: &str, policy: &str) -> String {
    let numbers = (0..20).map(|at| format!("  - {{phone_number: \"+1555223{at:04}\", state: {state}}}\n"));
    format!(
        "version: 1\npolicy: {{max_releases: 40{policy}}}\nnumbers:\n{}...\n",
        numbers.collect::<String>()
    )
}

/// Law 13: what was not sent when the files were put right, or a signal came, is not sent.
#[test]
fn a_brake_stops_what_was_not_sent() {
    for brake in ["the file is put right", "the file is gone", "paused by the file", "SIGUSR1"] {
        let (sandbox, bench) = Sandbox::start(&["--numbers", "40", "--latency", "150ms"]);
        bench.write("fleet.yaml", &releases("released", ""));
        let daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "60s", "--max-concurrency", "1"]);
        sandbox.wait_for("release", 3);
        match brake {
            "the file is put right" => drop(bench.write("fleet.yaml", &releases("present", ""))),
            "paused by the file" => drop(bench.write("fleet.yaml", &releases("released", ", paused: true"))),
            "the file is gone" => std::fs::remove_file(bench.path().join("fleet.yaml")).expect("removed"),
            _ => daemon.signal("USR1"),
        }
        // An event of the file system and a request that is under way: a moment.
        std::thread::sleep(Duration::from_millis(700));
        let then = sandbox.count("release");
        assert!(then < 12, "{brake}: {then}");
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(sandbox.count("release"), then, "{brake}");
        assert_eq!(sandbox.count("purchase"), 0, "{brake}");
        daemon.signal("TERM");
        drop(daemon.end());
    }
}

#[test]
fn an_apply_stops_where_its_file_changes() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "40", "--latency", "150ms"]);
    bench.write("fleet.yaml", &releases("released", ""));
    let apply =
        bench.spawn(&["apply", "--yes", "-f", "fleet.yaml", "--max-concurrency", "1", "--format", "json"]);
    sandbox.wait_for("release", 3);
    bench.write("fleet.yaml", &releases("present", ""));
    let ended = apply.end().exits(3);
    assert!(sandbox.count("release") < 6, "{}", sandbox.count("release"));
    let report = ended.json();
    let skipped = report["actions"].as_array().expect("actions").iter();
    let skipped: Vec<_> = skipped.filter(|action| action["outcome"] == "skipped").collect();
    assert!(skipped.len() > 13, "{report:#}");
    assert!(
        skipped.iter().all(|action| action["error"].to_string().contains("the files changed")),
        "{report:#}"
    );
}

/// A file that ends in `...` was not cut short, and where it only configures there is nothing to wait for; without
/// the end marker, two reads a quarter of a second apart must be equal.
#[test]
fn a_file_that_shows_its_end_and_only_configures_is_taken_at_once() {
    const SETTLE: Duration = Duration::from_millis(250);
    for (end, is_at_once) in [("...\n", true), ("", false)] {
        let (sandbox, bench) = Sandbox::start(&[]);
        let save = |edit: u64| {
            let number = format!("  - {{phone_number: \"+15552230000\", friendly_name: Edit {edit}}}\n");
            let beside = bench.write("beside", &format!("version: 1\nnumbers:\n{number}{end}"));
            std::fs::rename(beside, bench.path().join("fleet.yaml")).expect("saved");
            Instant::now()
        };
        save(0);
        let daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "1h"]);
        sandbox.wait_for("configure", 1);
        let took = (1..=6).map(|edit| {
            std::thread::sleep(Duration::from_millis(600));
            let saved = save(edit);
            sandbox.wait_for("configure", edit + 1);
            saved.elapsed()
        });
        let fastest = took.min().expect("some");
        assert_eq!(fastest < SETTLE, is_at_once, "{fastest:?} with {end:?}");
        daemon.signal("TERM");
        daemon.end().exits(0);
    }
}

/// A line that is moved from one file to another in two saves, and a file that is away for a second.
#[test]
fn a_line_that_moves_between_files_is_not_released() {
    let file = |head: &str, numbers: &[u32]| {
        let numbers = numbers.iter().map(|at| format!("  - phone_number: \"+1555223000{at}\"\n"));
        format!("version: 1\n{head}numbers:\n{}...\n", numbers.collect::<String>())
    };
    const HEAD: &str = "policy: {unlisted: release, max_releases: 2}\n";
    for way in ["moved", "gone"] {
        let (sandbox, bench) = Sandbox::start(&[]);
        std::fs::create_dir(bench.path().join("fleet")).expect("made");
        bench.write("fleet/a.yaml", &file(HEAD, &[0, 1]));
        bench.write("fleet/b.yaml", &file("", &[2, 3]));
        let daemon = bench.spawn(&["run", "-f", "fleet", "--interval", "1s"]);
        sandbox.wait_for("list", 2);
        if way == "moved" {
            bench.write("fleet/a.yaml", &file(HEAD, &[0]));
            std::thread::sleep(Duration::from_secs(2));
            bench.write("fleet/b.yaml", &file("", &[1, 2, 3]));
        } else {
            let (here, away) = (bench.path().join("fleet/b.yaml"), bench.path().join("away"));
            std::fs::rename(&here, &away).expect("moved");
            std::thread::sleep(Duration::from_secs(2));
            std::fs::rename(&away, &here).expect("moved");
        }
        std::thread::sleep(Duration::from_secs(6));
        assert_eq!(sandbox.writes(), 0, "{way}");
        // What is really taken out, and stays out, is released all the same.
        bench.write("fleet/b.yaml", &file("", if way == "moved" { &[1, 2] } else { &[2] }));
        sandbox.wait_for("release", 1);
        daemon.signal("TERM");
        daemon.end().exits(0).says("remove something");
        assert!(sandbox.number("+15552230003").is_none());
    }
}

/// While the file on disk is not good, nothing is bought, moved or released by the one before it.
#[test]
fn a_file_that_is_not_good_stops_what_cannot_be_taken_back() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "40", "--latency", "150ms"]);
    bench.write("fleet.yaml", &releases("released", ""));
    let daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "1s", "--max-concurrency", "1"]);
    sandbox.wait_for("release", 3);
    bench.write("fleet.yaml", &releases("relaesed", ""));
    std::thread::sleep(Duration::from_secs(1));
    let then = sandbox.count("release");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(sandbox.count("release"), then);
    bench.write("fleet.yaml", &releases("released", ""));
    sandbox.wait_for("release", 20);
    daemon.signal("TERM");
    drop(daemon.end());
}

/// A daemon whose files are older than those that were last in force only configures; what it lacks are
/// the same files.
#[test]
fn older_files_buy_and_release_nothing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = |name: &str, extra: &str| {
        format!(
            "version: 1\npolicy: {{max_releases: 2}}\nnumbers:\n  - {{phone_number: \"{NUMBER}\", friendly_name: {name}}}\n{extra}...\n"
        )
    };
    let old = file("Old", "  - phone_number: \"+15552230001\"\n");
    let new = file("New", "  - {phone_number: \"+15552230001\", state: released}\n");
    let run = ["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"];
    for text in [&old, &new] {
        bench.write("fleet.yaml", text);
        bench.run(&run).exits(0);
    }
    assert_eq!((sandbox.count("release"), sandbox.count("purchase")), (1, 0));
    // A replica, a restart or an apply with the copy of before.
    bench.write("fleet.yaml", &old);
    bench.run(&run).says("newer files were in force before");
    bench
        .run(&["apply", "--yes", "-f", "fleet.yaml", "--state-dir", "state", "--journal", "none"])
        .says("newer files were in force");
    assert_eq!(sandbox.count("purchase"), 0);
    assert_eq!(sandbox.number(NUMBER).expect("there")["friendly_name"], "Old", "what can be undone is done");
    // A content that was never in force is newer.
    bench.write("fleet.yaml", &file("Newer", "  - phone_number: \"+15552230100\"\n"));
    bench.run(&run).exits(0);
    assert!(sandbox.number("+15552230100").is_some());
}

/// The other way round: what an `apply` wrote by newer files is not undone by a daemon, a restart or a saved plan of
/// older ones that keep their state in the same place.
#[test]
fn what_an_apply_wrote_by_newer_files_is_not_undone_by_older_ones() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "purchase#1+=400/21422"]);
    let file = |numbers: &[&str]| {
        let numbers = numbers.iter().map(|number| format!("  - phone_number: \"{number}\"\n"));
        let policy = "policy: {unlisted: release, max_releases: 9}";
        format!("version: 1\n{policy}\nnumbers:\n{}...\n", numbers.collect::<String>())
    };
    let others = ["+15552230002", "+15552230003"];
    let old = file(&[&[NUMBER, "+15552230001", "+15552230101"], &others[..]].concat());
    let new = file(&[&[NUMBER, "+15552230100"], &others[..]].concat());
    let state = ["--state-dir", "state", "--journal", "none"];
    let run = [&["run", "--once", "-f", "fleet.yaml"][..], &state].concat();
    bench.write("fleet.yaml", &old);
    bench.run(&run).exits(3);
    sandbox.faults("");
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0).says("1 to purchase");
    bench.write("fleet.yaml", &new);
    sandbox.forget_requests();
    bench.run(&[&["apply", "--yes", "-f", "fleet.yaml"][..], &state].concat()).exits(0);
    let done = || (sandbox.count("purchase"), sandbox.count("release"));
    assert_eq!(done(), (1, 1));
    // The daemon's copy is still the old one, and so is the plan's.
    bench.write("fleet.yaml", &old);
    bench.run(&run).says("newer files were in force before");
    bench
        .run(&[&["apply", "--yes", "plan.json"][..], &state].concat())
        .exits(4)
        .says("newer files were in force");
    assert_eq!(done(), (1, 1));
    // With the same files as the apply it is at rest.
    bench.write("fleet.yaml", &new);
    bench.run(&run).exits(0);
    assert_eq!(done(), (1, 1));
}

/// `apply` at a terminal, which somebody answers only after `meanwhile`.
fn answered_after(bench: &Bench, meanwhile: impl FnOnce()) -> i32 {
    let line = format!("stty -echo; exec {} apply -f fleet.yaml", env!("CARGO_BIN_EXE_numctl"));
    let env: Vec<_> = bench
        .command(&[])
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).env_clear().current_dir(bench.path());
    script.envs(env.into_iter().filter_map(|(name, value)| Some((name, value?))));
    script.env("PATH", "/usr/bin:/bin").env("SHELL", "/bin/sh").env("TERM", "dumb");
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script`");
    let (mut shown, mut out) = (String::new(), script.stdout.take().expect("stdout"));
    let mut byte = [0];
    while !shown.ends_with("taken for it:") && out.read(&mut byte).is_ok_and(|read| read > 0) {
        shown.push(char::from(byte[0]));
    }
    meanwhile();
    script.stdin.take().expect("stdin").write_all(b"yes\n").expect("typed");
    out.read_to_string(&mut shown).expect("the rest");
    script.wait().expect("an end").code().expect("a code")
}

/// Law 13: a person may think for an hour.
#[test]
fn what_changes_while_the_question_stands_is_seen() {
    let file = |name: &str| {
        format!("version: 1\nnumbers: [{{phone_number: \"{NUMBER}\", friendly_name: {name}}}]\n")
    };
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("Ours"));
    let name = || sandbox.number(NUMBER).expect("there")["friendly_name"].clone();
    assert_eq!(answered_after(&bench, || sandbox.edit(NUMBER, "FriendlyName=Theirs")), 4);
    assert_eq!(name(), "Theirs");
    assert_eq!(answered_after(&bench, || drop(bench.write("fleet.yaml", &file("Other")))), 4);
    assert_eq!(name(), "Theirs");
    assert_eq!(answered_after(&bench, || ()), 0);
    assert_eq!(name(), "Other");
}

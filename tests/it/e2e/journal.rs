//! The journal through the real binary: `history`, `undo`, and numbers that vanished.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, Ran, SUB, Sandbox, owned, two_accounts, world};

const JOURNAL: &str = ".numctl/journal.jsonl";

fn everything() -> String {
    format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+15552230100\", friendly_name: New}}\n  \
         - {{phone_number: \"+15552230000\", friendly_name: Other}}\n  - {{phone_number: \"+15552230001\", account: emea, friendly_name: There}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n",
        two_accounts()
    )
}

fn history(bench: &Bench, args: &[&str]) -> Value {
    bench.run(&[&["history", "--format", "json"], args].concat()).exits(0).json()["runs"].clone()
}

fn undo(bench: &Bench, args: &[&str]) -> Ran {
    bench.run(&[&["undo", "-f", "fleet.yaml", "--yes", "--format", "json"], args].concat())
}

/// The codes of what a report holds back of a number.
fn held(report: &Value, number: &str) -> Vec<String> {
    let held = report["held"].as_array().expect("held").iter().filter(|held| held["phone_number"] == number);
    held.map(|held| held["reason"].as_str().expect("a code").to_owned()).collect()
}

fn warned(report: &Value, kind: &str) -> usize {
    report["warnings"].as_array().expect("warnings").iter().filter(|warning| warning["kind"] == kind).count()
}

/// Somebody else releases a number.
fn take_away(sandbox: &Sandbox, number: &str) {
    let sid = sandbox.number(number).expect("there")["sid"].as_str().expect("a SID").to_owned();
    assert_eq!(sandbox.ask("DELETE", &format!("/Numbers/ActiveNumbers/{sid}"), "").0, 204);
}

/// A run on a million numbers writes half a gigabyte.
#[test]
fn a_long_journal_is_never_in_memory_as_a_whole() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let lines = include_str!("../golden/history.jsonl");
    std::fs::create_dir(bench.path().join(".numctl")).expect("made");
    bench.write(JOURNAL, &lines.repeat((64 << 20) / lines.len()));
    bench.write("fleet.yaml", "version: 1\nnumbers: []\n");
    for args in [&["plan", "-f", "fleet.yaml"][..], &["apply", "--yes", "-f", "fleet.yaml"]] {
        let (ran, mib) = bench.weigh(bench.command(args));
        ran.exits(0);
        assert!(mib < 40, "{mib} MiB for {args:?}");
    }
}

#[test]
fn a_run_is_shown_taken_back_and_done_again() {
    let numbers = ["+15552230000", "+15552230001", "+15552230002"];
    let old = |number: &str| {
        owned(number, MAIN, Some(&format!("Old {number}")), json!({"voice.url": "https://old.example/"}))
    };
    let (sandbox, bench) = Sandbox::with_state(&world(&numbers.map(old)), &[]);
    let before = numbers.map(|number| sandbox.number(number).expect("there"));
    bench.apply(&everything()).exits(0);
    let runs = history(&bench, &[]);
    assert_eq!(runs.as_array().map(Vec::len), Some(1));
    assert_eq!(runs[0]["is_over"], true);
    assert_eq!(runs[0]["actions"].as_array().map(Vec::len), Some(5));
    let one = history(&bench, &["--number", "+15552230002"]);
    assert_eq!(one[0]["actions"].as_array().map(Vec::len), Some(1), "{one:#}");

    let undone = undo(&bench, &[]).exits(0).says("reverts run");
    let report = undone.json();
    assert_eq!(held(&report, "+15552230100"), ["bought"], "{report:#}");
    assert_eq!(warned(&report, "declared_otherwise"), 3, "{report:#}");
    assert_eq!(warned(&report, "bought_back"), 1, "{report:#}");
    for (number, before) in numbers.iter().zip(&before) {
        let now = sandbox.number(number).expect("back");
        for part in ["/account_sid", "/friendly_name", "/config/voice.url"] {
            assert!(now.pointer(part).is_some());
            assert_eq!(now.pointer(part), before.pointer(part), "{part} of {number}");
        }
    }
    assert!(sandbox.number("+15552230100").is_some(), "what was bought stays");
    assert_eq!(sandbox.count("release"), 1, "nothing is released by an undo");

    // The last run is the undo by now: taken back itself, the first one's word holds again.
    let again = undo(&bench, &[]).exits(0).json();
    assert_eq!(held(&again, "+15552230002"), ["bought"], "{again:#}");
    assert_eq!(sandbox.number("+15552230001").expect("there")["account_sid"], SUB);
    assert_eq!(sandbox.number("+15552230001").expect("there")["friendly_name"], "There");
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], "Other");
    let runs = history(&bench, &[]);
    let commands: Vec<_> = runs.as_array().expect("runs").iter().map(|run| run["command"].clone()).collect();
    assert_eq!(commands, ["undo", "undo", "apply"], "the newest first");
    assert_eq!(runs[0]["undoes"], runs[1]["run"]);

    // Any run by its name; what is as it was before that run needs nothing.
    let first = runs[2]["run"].as_str().expect("a name").to_owned();
    undo(&bench, &[&first]).exits(0);
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], before[0]["friendly_name"]);
    undo(&bench, &["nonsense"]).exits(1).says("numctl history");
    undo(&bench, &["2026"]).exits(1).says("write more of the name");
}

#[test]
fn an_undo_keeps_the_limits_of_an_apply_and_writes_nothing_unasked() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.run(&["undo", "-f", "fleet.yaml"]).exits(1).says("there is no journal");
    assert!(!bench.path().join(JOURNAL).exists(), "to look for a journal makes none");
    bench.apply(&everything()).exits(0);
    let writes = sandbox.writes();
    bench.run(&["undo", "-f", "fleet.yaml"]).exits(1).says("pass --yes");
    let refused = undo(&bench, &["--max-purchases", "0"]).exits(4).json();
    let digest = refused["refusal"]["accept"].as_str().expect("a digest").to_owned();
    // Other accounts than the run's: nothing is taken back from somebody else.
    bench.write(
        "other.yaml",
        &format!(
            "version: 1\naccounts: {{main: {{sid: {MAIN}, credentials: {{env: TWILIO}}}}}}\nnumbers: []\n"
        ),
    );
    bench.run(&["undo", "-f", "other.yaml", "--yes"]).exits(1).says(SUB);
    assert_eq!(sandbox.writes(), writes);
    undo(&bench, &["--max-purchases", "0", "--accept", &digest]).exits(0);
    assert!(sandbox.number("+15552230002").is_some());
}

#[test]
fn trunks_emergency_addresses_and_papers_are_taken_back() {
    let sid = |prefix: &str, of: &str| format!("{prefix}{}", of.repeat(32));
    let settings = |of: &str| {
        [
            ("+15552230000", "voice.trunk_sid", sid("TK", of)),
            ("+15552230001", "voice.emergency_address_sid", sid("AD", of)),
            ("+493023125000", "address_sid", sid("AD", of)),
            ("+493023125000", "bundle_sid", sid("BU", of)),
        ]
    };
    let numbers = ["+15552230000", "+15552230001", "+493023125000"].map(|number| {
        let of_number = settings("a").into_iter().filter(|(of, _, _)| *of == number);
        let config = of_number.map(|(_, key, value)| (key.to_owned(), Value::from(value))).collect();
        owned(number, MAIN, None, Value::Object(config))
    });
    let (sandbox, bench) = Sandbox::with_state(&world(&numbers), &[]);
    let bench = bench.with("NUMCTL_API", "incoming-phone-numbers");
    bench
        .apply(&format!(
            "version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", voice: {{trunk_sid: {}}}}}\n  - {{phone_number: \
             \"+15552230001\", voice: {{emergency_address_sid: {}}}}}\n  - {{phone_number: \"+493023125000\", address_sid: \
             {}, bundle_sid: {}}}\n",
            sid("TK", "b"), sid("AD", "b"), sid("AD", "b"), sid("BU", "b")
        ))
        .exits(0);
    let stand_as = |of: &str| {
        for (number, key, value) in settings(of) {
            assert_eq!(sandbox.setting(number, key), value, "{number} {key}");
        }
    };
    stand_as("b");
    undo(&bench, &[]).exits(0);
    stand_as("a");
}

#[test]
fn what_somebody_changed_since_and_what_held_a_password_stays() {
    let old = "https://user:canarypassword@old.example/";
    let live = || json!({"voice.url": old, "status_callback": "https://old.example/status"});
    let numbers = ["+15552230000", "+15552230001"];
    let (sandbox, bench) =
        Sandbox::with_state(&world(&numbers.map(|number| owned(number, MAIN, None, live()))), &[]);
    let file = "version: 1\ndefaults: {status_callback: https://new.example/status, voice: {url: https://new.example/}}\n\
                numbers:\n  - phone_number: \"+15552230000\"\n  - phone_number: \"+15552230001\"\n";
    bench.apply(file).exits(0);
    assert!(!bench.read(JOURNAL).contains("canary"), "{}", bench.read(JOURNAL));
    sandbox.edit("+15552230001", "Configurations.StatusCallback=https://other.example/");
    let report = undo(&bench, &[]).exits(0).says("held a password").says("changed again").json();
    assert_eq!(held(&report, "+15552230000"), ["secret_not_kept"], "{report:#}");
    assert_eq!(held(&report, "+15552230001"), ["changed_since", "secret_not_kept"], "{report:#}");
    let setting = |number: &str, key: &str| sandbox.setting(number, key);
    assert_eq!(setting("+15552230000", "status_callback"), "https://old.example/status");
    assert_eq!(setting("+15552230001", "status_callback"), "https://other.example/");
    assert_eq!(setting("+15552230000", "voice.url"), "https://new.example/", "left as it is");
}

#[test]
fn a_run_that_was_killed_says_what_is_not_known_and_a_torn_line_is_mended() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "configure#2=hang-after"]);
    let file = "version: 1\ndefaults: {status_callback: https://new.example/}\nnumbers:\n  \
                - phone_number: \"+15552230000\"\n  - phone_number: \"+15552230001\"\n  - phone_number: \"+15552230002\"\n";
    bench.write("fleet.yaml", file);
    let apply = bench.spawn(&["apply", "--yes", "--max-concurrency", "1", "-f", "fleet.yaml"]);
    sandbox.wait_for("configure", 2);
    apply.signal("KILL");
    assert_eq!(apply.end().code, None);
    let run = history(&bench, &[])[0].clone();
    assert_eq!(run["is_over"], false);
    let ends: Vec<_> =
        run["actions"].as_array().expect("actions").iter().map(|step| step["outcome"].clone()).collect();
    assert_eq!(ends, [json!("succeeded"), Value::Null, Value::Null], "{run:#}");
    bench.run(&["history"]).exits(0).says("1 succeeded, 2 not known");
    // A power cut in the middle of a line.
    let text = bench.read(JOURNAL);
    bench.write(JOURNAL, &text[..text.len() - 7]);
    sandbox.faults("");
    // What was sent and not seen to end is taken back, too; the live state says what there is of it.
    undo(&bench, &[]).exits(0);
    for number in ["+15552230000", "+15552230001", "+15552230002"] {
        assert_eq!(sandbox.setting(number, "status_callback"), Value::Null, "{number}");
    }
    assert!(bench.read(JOURNAL).contains("\n{\"kind\":\"mended\"}\n"));
    assert_eq!(history(&bench, &[]).as_array().map(Vec::len), Some(2));
    // Nonsense is no journal, and is not written over.
    bench.write(JOURNAL, "nonsense\n");
    for args in [&["history"][..], &["plan", "-f", "fleet.yaml"], &["apply", "--yes", "-f", "fleet.yaml"]] {
        bench.run(args).exits(1).says(".numctl/journal.jsonl:1: it is not a journal record");
    }
    assert_eq!(bench.read(JOURNAL), "nonsense\n");
}

#[test]
fn a_number_that_vanished_is_bought_back_only_on_the_files_word() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file =
        "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n  - phone_number: \"+15552230001\"\n";
    bench.apply(file).exits(0);
    take_away(&sandbox, "+15552230000");
    let plan = bench.plan(file).exits(1).json();
    assert_eq!(plan["actions"], json!([]));
    assert_eq!(held(&plan, "+15552230000"), ["vanished"], "{plan:#}");
    let said = plan["held"][0]["message"].as_str().expect("words").to_owned();
    assert!(
        said.contains("last seen in default at 20")
            && said.contains(" are left. To buy it back, set `on_vanished: rebuy`"),
        "{said}"
    );
    for _ in 0..2 {
        bench.run(&["apply", "--yes", "-f", "fleet.yaml"]).exits(1).says("on_vanished: rebuy");
    }
    assert_eq!(sandbox.count("purchase"), 0);
    assert!(
        bench.read(JOURNAL).contains("\"gone\":{\"AC00000000000000000000000000000001\":[\"+15552230000\"]}")
    );
    // Without the journal it is a number like any other, and the plan says that nobody can tell.
    let plan = bench.run(&["plan", "-f", "fleet.yaml", "--journal", "none"]).exits(0);
    plan.says("+ purchase +15552230000")
        .says("There is no journal, so numctl cannot tell whether you had any of them before.");
    // The file's word, on the number or for all.
    let own = file.replace("\"+15552230000\"", "\"+15552230000\"\n    on_vanished: rebuy");
    let plan = bench.plan(&own).exits(0).json();
    assert_eq!(plan["actions"][0]["reason"], "vanished", "{plan:#}");
    assert_eq!(warned(&plan, "bought_back"), 1, "{plan:#}");
    bench.apply(&format!("{file}policy: {{on_vanished: rebuy}}\n")).exits(0);
    assert!(sandbox.number("+15552230000").is_some());
    bench.plan(file).exits(0);
}

#[test]
fn what_was_never_ours_or_was_released_by_us_is_an_ordinary_purchase() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let present = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n";
    bench.apply(present).exits(0);
    bench.apply("version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230000\", state: released}\n").exits(0);
    assert!(sandbox.number("+15552230000").is_none());
    let plan = bench.plan(&format!("{present}  - phone_number: \"+15552230100\"\n")).exits(0).json();
    let reasons: Vec<_> =
        plan["actions"].as_array().expect("actions").iter().map(|step| step["reason"].clone()).collect();
    assert_eq!(reasons, ["missing", "missing"], "{plan:#}");
    assert_eq!(plan["warnings"], json!([]));
}

#[test]
fn a_journal_that_cannot_be_written_stops_what_names_it() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write(
        "fleet.yaml",
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: Other}\n",
    );
    // A file where a directory should be: nobody, not even root, can write below it.
    bench.write(".numctl", "");
    let apply = ["apply", "--yes", "-f", "fleet.yaml"];
    bench.run(&[&apply[..], &["--journal", ".numctl/j"]].concat()).exits(1).says("--journal none");
    bench.run(&["run", "--once", "-f", "fleet.yaml", "--journal", ".numctl/j"]).exits(1);
    assert_eq!(sandbox.requests()["total"], 0, "nothing was attempted");
    bench.run(&apply).exits(0).says("warning: this run will not be journaled");
    assert_eq!(sandbox.setting("+15552230001", "status_callback"), Value::Null);
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], "Other");
}

#[test]
fn the_daemon_keeps_a_journal_beside_its_state() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let run = ["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"];
    bench.write(
        "fleet.yaml",
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: Other}\n",
    );
    bench.run(&run).exits(0);
    take_away(&sandbox, "+15552230000");
    bench.run(&run).exits(1).says("not bought back");
    assert_eq!(sandbox.count("purchase"), 0);
    let runs = history(&bench, &["--journal", "state/journal.jsonl"]);
    assert_eq!(runs[0]["command"], "run");
    assert_eq!(runs[0]["generation"].as_str().map(str::len), Some(16));
    // Without one, as ever.
    bench.run(&["run", "--once", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(sandbox.count("purchase"), 1);
}

/// A person who asks who did it gets somebody to ask: the CI run and the commit, else the user and host.
#[test]
fn history_says_who_started_a_run() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let github = [
        ("USER", "runner"),
        ("GITHUB_ACTOR", "alice"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "acme/numbers"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567"),
    ];
    let in_ci = github.iter().fold(bench, |bench, (name, value)| bench.with(name, value));
    in_ci
        .write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230000\", friendly_name: One}]\n");
    assert_eq!(in_ci.run(&["apply", "-f", "fleet.yaml", "--yes"]).code, Some(0));
    let text = in_ci.run(&["history"]).out;
    assert!(text.contains("  by alice on "), "{text}");
    assert!(
        text.contains("https://github.com/acme/numbers/actions/runs/42, commit 0123456789ab\n"),
        "{text}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&in_ci.run(&["history", "--format", "json"]).out).expect("JSON");
    let by = &json["runs"][0]["by"];
    assert_eq!((&by["user"], &by["commit"]), (&"alice".into(), &github[5].1.into()), "{json:#}");
}

/// The numbers and fields of the warnings that numctl set what no file declares any more.
fn left_behind(plan: &Value) -> Vec<(String, Value)> {
    let all = plan["warnings"].as_array().expect("warnings").iter();
    let told = all.filter(|warning| warning["kind"] == "no_longer_declared");
    told.map(|one| (one["phone_number"].as_str().expect("a number").to_owned(), one["fields"].clone()))
        .collect()
}

#[test]
fn what_numctl_set_and_no_file_declares_any_more_is_told_and_left() {
    let numbers = ["+15552230000", "+15552230001", "+15552230002"];
    let old = |number: &str| owned(number, MAIN, Some("Old"), json!({"sms.url": "https://theirs.example/"}));
    let (sandbox, bench) = Sandbox::with_state(&world(&numbers.map(old)), &[]);
    let head = format!("{}numbers:\n", two_accounts());
    let one = |number: &str, settings: &str| format!("  - {{phone_number: \"{number}\"{settings}}}\n");
    let all = ", voice: {url: \"https://u:secret@a.example/v\"}, status_callback: \"https://a.example/s\"";
    let full: String = numbers.iter().map(|number| one(number, all)).collect();
    bench.apply(&format!("{head}{full}")).exits(0);
    let writes = sandbox.writes();

    // A field dropped from two numbers, and a number dropped as a whole.
    let kept = ", status_callback: \"https://a.example/s\"";
    let file = format!("{head}{}{}", one(numbers[0], kept), one(numbers[1], kept));
    let plan = bench.plan(&file).exits(0).json();
    assert_eq!(plan["actions"], json!([]));
    let voice = json!(["voice.url"]);
    let both = json!(["status_callback", "voice.url"]);
    let told = |number: usize, fields: &Value| (numbers[number].to_owned(), fields.clone());
    assert_eq!(left_behind(&plan), [told(0, &voice), told(1, &voice), told(2, &both)], "{plan:#}");
    let text = bench.run(&["plan", "--detailed-exitcode", "-f", "fleet.yaml"]).exits(0);
    let lines = text.out.lines().filter(|line| line.contains("numctl set")).collect::<Vec<_>>();
    assert_eq!(lines.len(), 2, "one line for each set of fields: {}", text.out);
    text.says("2 numbers: numctl set voice.url, which no file declares now").never_says("secret");
    bench.run(&["apply", "--yes", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(sandbox.writes(), writes, "it is never an action");

    // What somebody else has set since is theirs, and what another journal told is not known.
    sandbox.edit(numbers[0], "Configurations.Voice.Url=https://other.example/");
    let plan = bench.run(&["plan", "--format", "json", "-f", "fleet.yaml"]).exits(0).json();
    assert_eq!(left_behind(&plan), [told(1, &voice), told(2, &both)]);
    let plan =
        bench.run(&["plan", "--journal", "none", "--format", "json", "-f", "fleet.yaml"]).exits(0).json();
    assert_eq!(left_behind(&plan), []);
    // Declared again, or cleared, it is no news.
    let cleared = ", voice: {url: null}, status_callback: \"https://a.example/s\"";
    bench.apply(&format!("{head}{}", one(numbers[1], cleared))).exits(0);
    let plan = bench.plan(&format!("{head}{}", one(numbers[2], all))).exits(0).json();
    let status = json!(["status_callback"]);
    assert_eq!(left_behind(&plan), [told(0, &status), told(1, &status)], "{plan:#}");
    // The word on a number that is released is its release.
    let released = format!("{head}  - {{phone_number: \"{}\", state: released}}\n", numbers[2]);
    assert_eq!(left_behind(&bench.plan(&released).exits(0).json()), [told(0, &status), told(1, &status)]);
}

#[test]
fn what_an_undo_put_back_is_not_numctls() {
    let number = "+15552230000";
    let old = owned(number, MAIN, Some("Old"), json!({"voice.url": "https://theirs.example/"}));
    let (_sandbox, bench) = Sandbox::with_state(&world(&[old]), &[]);
    let file = |settings: &str| {
        format!("{}numbers:\n  - {{phone_number: \"{number}\"{settings}}}\n", two_accounts())
    };
    bench.apply(&file(", voice: {url: \"https://a.example/v\"}")).exits(0);
    undo(&bench, &[]).exits(0);
    assert_eq!(left_behind(&bench.plan(&file("")).exits(0).json()), []);
}

//! The commands that people reach for: what they type first leads somewhere.

use clap::CommandFactory as _;
use numctl::cli::Arguments;
use serde_json::Value;

use super::harness::{Bench, Sandbox};

const FLEET: &str = "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", voice: {url: \"https://voice.example.com/new\"}}\n";

#[test]
fn without_f_the_file_is_numctl_yaml_or_the_folder_or_the_variable() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.run(&["plan"]).exits(1).says("no desired-state file").says("numctl.yaml").says("NUMCTL_FILE");
    bench.write("numctl.yaml", FLEET);
    bench.run(&["validate"]).exits(0).says("1 number");
    bench.run(&["plan"]).exits(0).says("1 to configure");
    std::fs::create_dir(bench.path().join("numctl")).expect("a folder");
    bench.run(&["plan"]).exits(0);
    bench.write("numctl/team.yaml", FLEET);
    bench.run(&["plan"]).exits(1).says("both numctl.yaml and numctl/");
    std::fs::remove_file(bench.path().join("numctl.yaml")).expect("removed");
    bench.run(&["plan"]).exits(0).says("1 to configure");
    bench.write("other.yaml", FLEET);
    let named = bench.with("NUMCTL_FILE", "other.yaml");
    named.run(&["plan"]).exits(0).says("1 to configure");
    named.run(&["plan", "-f", "numctl/team.yaml"]).exits(0);
    let missing = named.with("NUMCTL_FILE", "gone.yaml");
    missing.run(&["plan"]).exits(1).says("gone.yaml");
    // An empty variable is not set.
    missing.with("NUMCTL_FILE", "").run(&["apply", "--yes"]).exits(0).says("1 succeeded");
}

#[test]
fn an_empty_file_that_the_shell_has_made_for_an_export_is_not_read() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("numctl.yaml", "");
    let exported = bench.run(&["export"]).exits(0).out;
    bench.write("numctl.yaml", &exported);
    bench.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn known_words_lead_to_the_right_command_in_one_line() {
    let bench = Bench::alone();
    for (word, leads) in [
        ("preview", "numctl plan"),
        ("destroy", "state: released"),
        ("rollback", "numctl undo"),
        ("log", "numctl history"),
        ("list", "numctl get"),
        ("show", "numctl get"),
        ("refresh", "numctl plan"),
    ] {
        let ran = bench.run(&[word]).exits(1).says(leads).says(&format!("`{word}`"));
        assert_eq!((ran.out.as_str(), ran.err.lines().count()), ("", 1), "{}", ran.err);
    }
    for (args, leads) in [
        (&["apply", "-auto-approve"][..], "--yes"),
        (&["apply", "--dry-run"], "numctl plan"),
        (&["plan", "--var=x"], "profiles"),
        (&["plan", "--target", "+15552230000"], "--only"),
    ] {
        let ran = bench.run(args).exits(1).says(leads);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    // What nobody knows is clap's.
    bench.run(&["appply"]).exits(1).says("apply");
    let json = bench.run(&["--log-format", "json", "destroy"]).exits(1).err;
    serde_json::from_str::<Value>(json.trim()).expect("JSON");
}

#[test]
fn numbers_can_be_named_without_an_option() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let two = bench.run(&["get", "+15552230000", "+15552230001", "-o", "json"]).exits(0).json();
    assert_eq!(two.as_array().map(Vec::len), Some(2));
    bench.run(&["get", "+15552239999"]).exits(1).says("1 of 1 number not found");
    bench.run(&["get", "pizza"]).exits(1).says("pizza");
    bench.apply(FLEET).exits(0);
    bench.run(&["history", "+15552230000"]).exits(0).says("voice.url");
    bench.run(&["history", "--number", "+15552230000"]).exits(0).says("voice.url");
}

#[test]
fn lists_are_written_in_every_form_and_sorted() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "12"]);
    let names = bench.run(&["get", "-o", "name"]).exits(0).out;
    assert_eq!(names.lines().count(), 12);
    assert!(names.lines().all(|line| line.starts_with('+')), "{names}");
    let csv = bench.run(&["get", "--output", "csv", "--sort-by", "number"]).exits(0).out;
    assert!(csv.starts_with("account,number,name,type,country,region,locality,"), "{csv}");
    let numbers: Vec<&str> = csv.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert!(numbers.len() == 12 && numbers.is_sorted(), "{csv}");
    bench.run(&["get", "-o", "wide"]).exits(0).says("LOCALITY").says("STATUS CALLBACK");
    bench.run(&["get", "-o", "yaml"]).exits(0).says("phone_number:");
    bench.run(&["get", "--sort-by", "colour"]).exits(1).says("account, number, name");
    bench.run(&["get", "--format", "json"]).exits(0).json();
    bench.run(&["search", "--country", "US", "--limit", "3", "-o", "csv"]).exits(0).says("account,number");
}

#[test]
fn diff_shows_what_differs_and_no_more() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    let text = bench.run(&["diff", "-f", "fleet.yaml"]).exits(0);
    let shown = "+15552230000 in default: configured otherwise\n";
    assert!(text.out.starts_with(shown), "{}", text.out);
    assert!(text.out.contains("  + voice.url: https://voice.example.com/new\n"), "{}", text.out);
    assert!(text.err.contains("1 number differs"), "{}", text.err);
    bench.run(&["diff", "-f", "fleet.yaml", "--detailed-exitcode"]).exits(2);
    let json = bench.run(&["diff", "-f", "fleet.yaml", "-o", "json"]).exits(0).json();
    assert_eq!((&json[0]["kind"], &json[0]["held"]), (&"configure".into(), &false.into()));
    // What is held back differs as well.
    bench.write("fleet.yaml", &FLEET.replace("numbers:", "policy: {paused: true}\nnumbers:"));
    bench.run(&["diff", "-f", "fleet.yaml", "--detailed-exitcode"]).exits(2).says("held back");
    assert_eq!(sandbox.writes(), 0);
    bench.apply(FLEET).exits(0);
    let none = bench.run(&["diff", "-f", "fleet.yaml", "-q", "--detailed-exitcode"]).exits(0);
    assert_eq!(none.all().trim(), "");
}

#[test]
fn explain_says_what_a_field_is() {
    let bench = Bench::alone();
    bench
        .run(&["explain", "voice.url"])
        .exits(0)
        .says("Asked when a call comes in.")
        .says("Configurations.Voice.Url")
        .says("VoiceUrl")
        .says("null");
    bench.run(&["explain", "policy.max_releases"]).exits(0).says("DEFAULT:     0");
    bench.run(&["explain", "numbers"]).exits(0).says("phone_number").says("protect");
    bench.run(&["explain"]).exits(0).says("version").says("claims");
    bench.run(&["explain", "profiles.support.voice.fallback_url"]).exits(0).says("url");
    bench.run(&["explain", "voice.ulr"]).exits(1).says("voice.url");
    let json = bench.run(&["explain", "policy.unlisted", "-o", "json"]).exits(0).json();
    assert_eq!(json["type"], "ignore | report | release");
}

#[test]
fn help_has_topics() {
    let bench = Bench::alone();
    bench.run(&["help", "exit-codes"]).exits(0).says("4  Refused");
    bench.run(&["help", "environment"]).exits(0).says("NUMCTL_FILE").says("TWILIO_AUTH_TOKEN");
    bench.run(&["help", "plan"]).exits(0).says("--detailed-exitcode").says("Usage: numctl plan");
    bench.run(&["help"]).exits(0).says("exit-codes").says("Commands:");
    bench.run(&["help", "pizza"]).exits(1).says("environment");
}

#[test]
fn the_variables_in_help_are_those_that_are_read() {
    let text = Bench::alone().run(&["help", "environment"]).exits(0).out;
    let mut names = Vec::new();
    for file in crate::tidy::walk("src") {
        crate::tidy::variables(&file.code, &mut names);
    }
    for name in names {
        assert!(text.contains(&name), "`numctl help environment` has nothing on {name}");
    }
}

#[test]
fn a_file_without_f_is_taken_or_leads_to_it_in_one_line() {
    let bench = Bench::alone();
    bench.write("fleet.yaml", FLEET);
    bench.run(&["validate", "fleet.yaml"]).exits(0).says("1 number");
    bench.run(&["fmt", "fleet.yaml"]).exits(0);
    bench.run(&["validate", "fleet.yaml", "-f", "fleet.yaml"]).exits(1).says("-f");
    for command in ["plan", "diff", "run", "preflight", "idle", "doctor", "apply"] {
        let ran =
            bench.run(&[command, "fleet.yaml"]).exits(1).says(&format!("numctl {command} -f fleet.yaml"));
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    }
    bench.run(&["export", "fleet.yaml"]).exits(1).says("numctl export -o fleet.yaml");
}

#[test]
fn explain_says_types_in_words() {
    let bench = Bench::alone();
    let mut open = vec![(String::new(), 0)];
    let mut seen = 0;
    while let Some((path, depth)) = open.pop() {
        let said = bench.run(&["explain", &path, "-o", "json"]).exits(0).json();
        let kind = said["type"].as_str().expect("a type");
        assert!(!kind.contains(['^', '$', '\\']) && !kind.contains("{32}"), "{path}: {kind}");
        seen += 1;
        for field in said["fields"].as_array().into_iter().flatten().filter(|_| depth < 2) {
            let dot = if path.is_empty() { "" } else { "." };
            let step = if ["accounts", "profiles"].contains(&path.as_str()) { "NAME." } else { "" };
            open.push((format!("{path}{dot}{step}{}", field["name"].as_str().expect("a name")), depth + 1));
        }
    }
    assert!(seen > 40, "{seen}");
    bench.run(&["explain", "accounts.sid"]).exits(0).says("accounts.NAME.sid").says("AC and 32");
}

/// Each example of `--help` is a command line that is taken.
#[test]
fn every_example_of_help_is_valid() {
    let mut command = Arguments::command();
    command.build();
    let mut seen = 0;
    for sub in command.get_subcommands() {
        let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  numctl ")).collect();
        assert!(!examples.is_empty(), "`numctl {} --help` has no example", sub.get_name());
        for example in examples {
            for part in example.split(" && ") {
                let part = part.split([' ']).take_while(|word| !matches!(*word, ">" | "|"));
                let words: Vec<&str> = part.filter(|word| *word != "numctl").collect();
                let words = words.iter().map(|word| word.trim_matches('\''));
                let taken = Arguments::command().try_get_matches_from(std::iter::once("numctl").chain(words));
                assert!(taken.is_ok(), "{example}: {}", taken.expect_err("refused"));
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn outputs_are_as_their_schemas_say() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let schema = |of: &str| bench.run(&["schema", of]).exits(0).json();
    let [plan, apply] = ["plan", "apply"].map(schema);
    let file = "version: 1\npolicy: {max_releases: 1}\nnumbers:\n  - {phone_number: \"+15552230000\", \
                voice: {url: \"https://voice.example.com/new\"}}\n  - {phone_number: \"+15552230100\"}\n  \
                - {phone_number: \"+15552230001\", state: released}\n";
    bench.write("fleet.yaml", file);
    check(&plan, &bench.plan(file).exits(0).json());
    check(&plan, &bench.plan(&file.replace("max_releases: 1", "max_releases: 0")).exits(0).json());
    check(&plan, &bench.plan("version: 2\n").exits(1).json());
    check(&apply, &bench.apply(&file.replace("max_releases: 1", "max_releases: 0")).exits(4).json());
    check(&apply, &bench.apply(file).exits(0).json());
    check(&apply, &bench.apply(file).exits(0).json());
    let broken = serde_json::json!({"format_version": 1, "digest": "x", "errors": "none"});
    let mut found = Vec::new();
    findings("", &plan, &broken, &mut found);
    assert!(!found.is_empty());
}

#[test]
fn status_asks_a_running_daemon() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("an address").port().to_string()
    };
    bench.run(&["status", "--listen", &port]).exits(1).says("--listen");
    let daemon =
        bench.spawn(&["run", "-f", "fleet.yaml", "--listen", &port, "--dry-run", "--interval", "1h"]);
    let begin = std::time::Instant::now();
    let ran = loop {
        let ran = bench.run(&["status", "--listen", &port, "-o", "json"]);
        if ran.code == Some(0) {
            break ran;
        }
        assert!(begin.elapsed().as_secs() < 60, "{}", ran.all());
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    check(&bench.run(&["schema", "status"]).exits(0).json(), &ran.json());
    bench.run(&["status", "--listen", &format!("127.0.0.1:{port}")]).exits(0).says("State:").says("dry run");
    drop(daemon);
}

#[test]
fn colour_and_quiet_are_what_is_asked() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    let plan = |args: &[&str]| bench.run(&[&["plan", "-f", "fleet.yaml"], args].concat()).exits(0);
    assert!(plan(&["--color", "always"]).out.contains('\u{1b}'));
    assert!(!plan(&["--color", "never"]).out.contains('\u{1b}'));
    assert!(!plan(&[]).out.contains('\u{1b}'));
    assert!(plan(&["--out", "p.json"]).err.contains("saved"));
    assert_eq!(plan(&["-q", "--out", "p2.json"]).err, "");
}

#[track_caller]
fn check(schema: &Value, value: &Value) {
    let mut found = Vec::new();
    findings("", schema, value, &mut found);
    assert!(found.is_empty(), "{found:#?}\n{value:#}");
}

/// The keywords that our schemas of outputs use.
fn findings(place: &str, schema: &Value, value: &Value, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$schema" | "title" | "description" | "examples" | "pattern" => {}
            "type" => {
                let is_a = |kind: &Value| match kind.as_str().expect("a type") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "null" => value.is_null(),
                    other => panic!("{other} is not checked"),
                };
                let fits = rule.as_array().map_or_else(|| is_a(rule), |kinds| kinds.iter().any(is_a));
                if !fits {
                    found.push(format!("{place}: {value} is not {rule}"));
                }
            }
            "minimum" => {
                if value.as_f64() < rule.as_f64() {
                    found.push(format!("{place}: {value} is below {rule}"));
                }
            }
            "const" => {
                if value != rule {
                    found.push(format!("{place}: {value} is not {rule}"));
                }
            }
            "enum" => {
                if !rule.as_array().expect("values").contains(value) {
                    found.push(format!("{place}: {value} is none of {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().expect("names").iter().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        found.push(format!("{place}: no {name}"));
                    }
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().expect("properties") {
                    if let Some(member) = value.get(name) {
                        findings(&format!("{place}.{name}"), rule, member, found);
                    }
                }
            }
            "items" => {
                for (at, item) in value.as_array().into_iter().flatten().enumerate() {
                    findings(&format!("{place}[{at}]"), rule, item, found);
                }
            }
            "anyOf" => {
                let ways: Vec<Vec<String>> = rule
                    .as_array()
                    .expect("ways")
                    .iter()
                    .map(|way| {
                        let mut found = Vec::new();
                        findings(place, way, value, &mut found);
                        found
                    })
                    .collect();
                if !ways.iter().any(Vec::is_empty) {
                    found.extend(ways.into_iter().min_by_key(Vec::len).unwrap_or_default());
                }
            }
            other => panic!("the keyword {other} is not checked"),
        }
    }
}

/// As the shell's script asks it.
#[test]
fn the_shell_offers_what_the_files_and_the_journal_have() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write(
        "numctl.yaml",
        "version: 1\nprofiles: {support: {voice: {url: \"https://voice.example.com/new\"}}}\nnumbers:\n  \
         - {phone_number: \"+15552230000\", profile: support, tags: {team: a}}\n",
    );
    bench.run(&["apply", "--yes"]).exits(0);
    let shell = bench.with("COMPLETE", "bash").with("_CLAP_IFS", "\n");
    let offers = |words: &[&str]| {
        let index = (words.len() - 1).to_string();
        let mut command = shell.command(&[&["--"], words].concat());
        command.env("_CLAP_COMPLETE_INDEX", index).env("_CLAP_COMPLETE_COMP_TYPE", "9");
        let output = command.output().expect("it runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(offers(&["numctl", "plan", "--only", ""]).contains("support"));
    assert!(offers(&["numctl", "plan", "--only", "te"]).contains("team=a"));
    assert!(offers(&["numctl", "plan", "--account", ""]).contains("default"));
    assert!(offers(&["numctl", "get", "+1"]).contains("+15552230000"));
    let run = bench_run(&shell);
    assert!(offers(&["numctl", "undo", ""]).contains(&run), "{run}");
}

fn bench_run(bench: &Bench) -> String {
    let text = bench.read(".numctl/journal.jsonl");
    let found = text.lines().find_map(|line| {
        let record: Value = serde_json::from_str(line).ok()?;
        record["run"].as_str().map(str::to_owned)
    });
    found.expect("a run")
}

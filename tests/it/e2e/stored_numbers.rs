//! A stored number that is near the largest integer, or a time that is far off: an error or a value like any
//! other, and never a panic.

use std::fs;

use super::harness::{Bench, Sandbox};

const FLEET: &str = "version: 1\nnumbers:\n  - phone_number: \"+15552230100\"\n    voice: { url: \"https://a.example/v\" }\n  \
    - phone_number: \"+15552230000\"\n    friendly_name: New\n";

const EXTREMES: [&str; 4] = ["18446744073709551615", "9223372036854775807", "-9223372036854775808", "1e400"];

/// The places of the numbers in a text: after a colon.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let starts = text.match_indices(':').map(|(at, _)| at + 1);
    starts
        .filter_map(|at| {
            let rest = text[at..].trim_start();
            let begin = text.len() - rest.len();
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let is_end = rest[digits..].starts_with([',', '}', ']', '\n', ' ']);
            (digits > 0 && is_end).then_some((begin, begin + digits))
        })
        .collect()
}

/// Every number of a file in turn, with each extreme, under these commands.
fn try_all(bench: &Bench, name: &str, commands: &[&[&str]]) -> usize {
    let whole = bench.read(name);
    let places = numbers(&whole);
    for (from, to) in &places {
        for extreme in EXTREMES {
            for command in commands {
                bench.write(name, &format!("{}{extreme}{}", &whole[..*from], &whole[*to..]));
                let ran = bench.run(command);
                let is_code = ran.code.is_some_and(|code| code < 5);
                assert!(is_code && !ran.all().contains("panicked"), "{name}: {extreme} at {from}: {ran:?}");
            }
        }
    }
    bench.write(name, &whole);
    places.len()
}

#[test]
fn no_stored_number_makes_a_command_panic() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    bench.run(&["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"]).exits(0);
    let daemon: &[&str] = &["run", "--once", "--dry-run", "-f", "fleet.yaml", "--state-dir", "state"];
    let plan: &[&str] = &["plan", "-f", "fleet.yaml", "--state-dir", "state"];
    let history: &[&str] = &["history", "--state-dir", "state"];
    let json: &[&str] = &["history", "--state-dir", "state", "--format", "json"];
    let undo: &[&str] = &["undo", "-f", "fleet.yaml", "--state-dir", "state"];
    assert!(try_all(&bench, "state/budget.json", &[daemon]) > 3);
    let journal = fs::read_to_string(bench.path().join("state/journal.jsonl")).expect("a journal");
    assert!(!journal.is_empty());
    assert!(try_all(&bench, "state/journal.jsonl", &[history, json, plan, undo]) > 3);
    bench.write("state/intents.json", "{\"format_version\":1,\"not_before\":1,\"intents\":[{\"slot\":\"nyc/1\",\"numbers\":[\"+12125550100\"],\"over\":1}]}");
    let resolve: &[&str] = &["resolve", "--state-dir", "state"];
    assert!(try_all(&bench, "state/intents.json", &[plan, resolve, daemon]) > 1);
}

/// The checksum of a saved plan keeps nobody from writing one that fits.
#[test]
fn no_number_of_a_saved_plan_makes_apply_panic() {
    use numctl::guard::saved_plan::SavedPlan;
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &format!("{FLEET}  - {{phone_number: \"+15552230001\", state: released}}\n"));
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    let whole = bench.read("plan.json");
    let places = numbers(&whole);
    assert!(places.len() > 3, "{whole}");
    for (from, to) in places {
        for extreme in EXTREMES {
            let text = format!("{}{extreme}{}", &whole[..from], &whole[to..]);
            bench.write("plan.json", &SavedPlan::sealed(&text).unwrap_or(text));
            let ran = bench.run(&["apply", "plan.json"]);
            assert!(!ran.all().contains("panicked"), "{extreme} at {from}: {ran:?}");
        }
    }
    for limit in ["4294967295", "4294967296", "101%", "18446744073709551616", "-1"] {
        let text = whole.replace("\"max_releases\": \"0\"", &format!("\"max_releases\": \"{limit}\""));
        bench.write("plan.json", &SavedPlan::sealed(&text).unwrap_or(text));
        bench.run(&["apply", "plan.json"]).never_says("panicked");
    }
}

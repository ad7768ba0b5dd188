//! The listing begins while large files are still read, and is worth nothing where these are wrong.

use std::fmt::Write as _;

use serde_json::json;

use super::harness::{Bench, MAIN, SUB, Sandbox, accounts_only, owned, world};

/// So many entries are more than the megabyte from which on the listing does not wait.
const MANY: usize = 40_000;

/// The accounts in one file, and numbers in another one.
fn large(bench: &Bench, rest: &str) {
    std::fs::create_dir_all(bench.path().join("fleet")).expect("a directory");
    bench.write("fleet/accounts.yaml", &accounts_only());
    let mut text = String::from("version: 1\nnumbers:\n");
    for at in 0..MANY {
        let _ = writeln!(text, "  - {{phone_number: \"+1555{at:07}\", account: main, state: released}}");
    }
    assert!(text.len() > 1 << 20, "{}", text.len());
    bench.write("fleet/numbers.yaml", &(text + rest));
}

fn a_world() -> (Sandbox, Bench) {
    let numbers = [
        owned("+15559990000", MAIN, Some("Old"), json!({})),
        owned("+15559990001", SUB, Some("There"), json!({})),
    ];
    Sandbox::with_state(&world(&numbers), &[])
}

#[test]
fn a_large_fleet_is_listed_once() {
    let (sandbox, bench) = a_world();
    large(
        &bench,
        "  - {phone_number: \"+15559990000\", account: main, friendly_name: New}\n  \
         - {phone_number: \"+15559990001\", account: emea}\n",
    );
    let plan = bench.run(&["plan", "--format", "json", "-f", "fleet"]).exits(0).json();
    assert_eq!((&plan["summary"]["configure"], &plan["summary"]["unchanged"]), (&json!(1), &json!(MANY + 1)));
    // Who gave it its old name is asked once.
    sandbox.counts(&[("list", 2), ("events", 1)]);
}

#[test]
fn a_large_file_that_is_wrong_is_the_error_all_the_same() {
    let (sandbox, bench) = a_world();
    large(&bench, "  - {phone_number: \"+15559990000\", account: mian}\n");
    let ran = bench.run(&["plan", "-f", "fleet"]).exits(1).says("there is no account \"mian\"");
    assert_eq!(ran.out, "");
    assert_eq!(sandbox.writes(), 0);
    // Nor does it matter that nobody could be asked.
    let blind = Bench::alone();
    large(&blind, "  - {phone_number: \"+15559990000\", account: mian}\n");
    blind
        .run(&["plan", "-f", "fleet"])
        .exits(1)
        .says("there is no account \"mian\"")
        .never_says("EMEA_AUTH_TOKEN");
    large(&blind, "");
    blind.run(&["plan", "-f", "fleet"]).exits(1).says("EMEA_AUTH_TOKEN");
}

#[test]
fn accounts_that_a_large_file_tells_are_the_ones_that_count() {
    let (sandbox, bench) = a_world();
    large(&bench, &accounts_only().replacen("version: 1\n", "", 1));
    std::fs::remove_file(bench.path().join("fleet/accounts.yaml")).expect("gone");
    bench.run(&["plan", "-f", "fleet"]).exits(0);
    sandbox.counts(&[("list", 2)]);
}

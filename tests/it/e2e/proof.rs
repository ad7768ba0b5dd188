//! Credentials and account agree, or nothing is written: an API key of another account lists and buys
//! there, and rows of ActiveNumbers need not name their account.

use serde_json::json;

use super::fake::{Fake, page};
use super::harness::{Bench, MAIN, SUB, Sandbox, owned, world};

const KEY: &str = "SK00000000000000000000000000000001";
const SECRET: &str = "keysecret00000000000000000000001";

fn keyed(bench: Bench) -> Bench {
    bench.with("TWILIO_API_KEY", KEY).with("TWILIO_API_SECRET", SECRET).with("TWILIO_AUTH_TOKEN", "")
}

/// A file that configures one number and buys another.
const FILE: &str = "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: New}\n  \
                    - phone_number: \"+15552230100\"\n";

fn sandbox(owner_of_key: &str, faults: &str) -> (Sandbox, Bench) {
    let mut state = world(&[
        owned("+15552230000", owner_of_key, Some("Old"), json!({})),
        owned("+15552230001", MAIN, Some("Old"), json!({})),
    ]);
    state["accounts"][owner_of_key]["keys"] = json!({ KEY: SECRET });
    let (sandbox, bench) = Sandbox::with_state(&state, &["--faults", faults]);
    (sandbox, keyed(bench))
}

#[test]
fn a_key_of_another_account_writes_nothing() {
    for command in [
        &["apply", "--yes", "-f", "fleet.yaml"][..],
        &["run", "--once", "-f", "fleet.yaml"],
        &["apply", "--yes", "plan.json"],
    ] {
        let (sandbox, bench) = sandbox(SUB, "list-without-sid");
        bench.write("fleet.yaml", FILE);
        bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
        bench
            .run(command)
            .exits(3)
            .says(&format!("numctl could not confirm that these credentials belong to account {MAIN}"))
            .never_says(SECRET);
        assert_eq!(sandbox.writes(), 0, "{command:?}");
    }
}

#[test]
fn a_key_of_the_account_is_asked_for_once() {
    let (sandbox, bench) = sandbox(MAIN, "list-without-sid");
    bench.write("fleet.yaml", FILE);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(sandbox.count("account"), 0, "a plan writes nothing");
    bench.apply(FILE).exits(0);
    assert_eq!((sandbox.count("account"), sandbox.writes()), (1, 2));
    // Rows that name the account are proof enough.
    let (sandbox, bench) = self::sandbox(MAIN, "");
    bench.apply(FILE).exits(0);
    assert_eq!((sandbox.count("account"), sandbox.writes()), (0, 2));
    // A Standard key may not read accounts; its numbers over v2010, it may.
    let (sandbox, bench) = self::sandbox(MAIN, "list-without-sid,account#1+=401");
    bench.apply(FILE).exits(0);
    assert_eq!((sandbox.count("account"), sandbox.writes()), (1, 2));
    // What is not known is not proved.
    let (sandbox, bench) = self::sandbox(MAIN, "list-without-sid,account#1+=500,retry-after=0");
    bench.apply(FILE).exits(3).says("the account could not be read");
    assert_eq!(sandbox.writes(), 0);
}

/// Over both APIs, whatever the rows look like.
#[test]
fn an_answer_that_names_another_account_is_no_proof() {
    for is_v2010 in [false, true] {
        for facts in [
            format!(r#"{{"sid":"{SUB}","status":"active"}}"#),
            r#"{"status":"active"}"#.to_owned(),
            "{}".to_owned(),
            "<html>".to_owned(),
        ] {
            let answer = facts.clone();
            let fake = Fake::serve(move |asked| {
                match asked.path.contains("/Accounts/") && !asked.path.contains("Numbers") {
                    true => (200, answer.clone()),
                    false => page(is_v2010, &[]),
                }
            });
            let api = if is_v2010 { "incoming-phone-numbers" } else { "active-numbers" };
            let bench = keyed(Bench::at(&fake.base_url)).with("NUMCTL_API", api);
            bench.apply("version: 1\nnumbers: [{phone_number: \"+15552230100\"}]\n").exits(3);
            assert_eq!(fake.writes(), 0, "{facts}");
        }
    }
}

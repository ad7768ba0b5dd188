//! `--only` and `--account`: a part of what is declared, and nothing beside it; tags.

use serde_json::{Value, json};

use super::harness::{Ran, Sandbox, two_accounts};

/// Four numbers that are live, and one to buy; two accounts, profiles and tags.
fn fleet(policy: &str) -> String {
    format!(
        "{}policy: {{{policy}}}\nprofiles:\n  support: {{tags: {{team: support}}, voice: {{url: \"https://e.example.com/support\"}}}}\n  \
         sales: {{tags: {{team: sales, cost-centre: 42}}, voice: {{url: \"https://e.example.com/sales\"}}}}\nnumbers:\n  \
         - {{phone_number: \"+15552230000\", profile: support}}\n  - {{phone_number: \"+15552230001\", profile: sales}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n  \
         - {{phone_number: \"+15552230100\", profile: support, tags: {{team: other}}}}\n  \
         - {{phone_number: \"+15552230101\", account: emea, profile: sales}}\n...\n",
        two_accounts()
    )
}

fn numbers(ran: &Ran) -> Vec<String> {
    let plan = ran.json();
    let actions = plan["actions"].as_array().expect("actions");
    actions.iter().map(|action| action["phone_number"].as_str().expect("a number").to_owned()).collect()
}

#[test]
fn only_narrows_by_number_pattern_profile_and_tag() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &fleet("max_releases: 1"));
    let plan = |args: &[&str]| bench.run(&[&["plan", "-f", "fleet.yaml", "-o", "json"], args].concat());
    assert_eq!(numbers(&plan(&[]).exits(0)).len(), 5);
    for (only, wanted) in [
        ("+15552230000", &["+15552230000"][..]),
        ("+1555223000*", &["+15552230000", "+15552230001", "+15552230002"]),
        ("support", &["+15552230100", "+15552230000"]),
        ("team=support", &["+15552230000"]),
        ("cost-centre=42", &["+15552230101", "+15552230001"]),
        ("team=other,+15552230002", &["+15552230100", "+15552230002"]),
    ] {
        let ran = plan(&["--only", only]).exits(0);
        let mut found = numbers(&ran);
        let mut wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{only}");
        assert_eq!(ran.json()["narrowed"]["left_out"], json!(5 - wanted.len()), "{only}");
        assert_eq!(ran.json()["summary"]["unlisted"], json!(0));
    }
    assert_eq!(plan(&["--only", "support"]).json()["actions"][0]["tags"], json!({"team": "other"}));
    plan(&["--only", "suport"]).exits(1).says("suport").says("support");
    plan(&["--only", "+15559999999"]).exits(1).says("nothing that is declared");
    let emea = plan(&["--account", "emea"]).exits(0);
    assert_eq!(
        (numbers(&emea), &emea.json()["narrowed"]["account"]),
        (vec!["+15552230101".to_owned()], &json!("emea"))
    );
    plan(&["--account", "emae"]).exits(1).says("emea");
    let text = bench.run(&["plan", "-f", "fleet.yaml", "--only", "team=support"]).exits(0);
    text.says("Only team=support: 4 declared numbers are left out").says("By tag: team=support 1.");
    let diff =
        bench.run(&["diff", "-f", "fleet.yaml", "--only", "+15552230000", "-o", "json"]).exits(0).json();
    assert_eq!(diff.as_array().map(Vec::len), Some(1));
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn what_is_left_out_is_left_alone_and_in_the_digest_and_the_saved_plan() {
    let (sandbox, bench) = Sandbox::start(&[]);
    // Under this policy, what is not declared is released: what is only left out is not.
    bench.write("fleet.yaml", &fleet("unlisted: release, max_releases: 100%"));
    let digest = |args: &[&str]| -> Value {
        bench.run(&[&["plan", "-f", "fleet.yaml", "-o", "json"], args].concat()).exits(0).json()["digest"]
            .clone()
    };
    let by_number = digest(&["--only", "+15552230000"]);
    let by_tag = digest(&["--only", "team=support"]);
    assert_ne!(by_number, by_tag, "what is said of it is in the digest");
    bench.run(&["plan", "-f", "fleet.yaml", "--only", "team=support", "--out", "plan.json"]).exits(0);
    let saved: Value = serde_json::from_str(&bench.read("plan.json")).expect("JSON");
    assert_eq!((&saved["narrowed"]["only"], &saved["digest"]), (&json!(["team=support"]), &by_tag));
    bench.run(&["apply", "plan.json", "--only", "+15552230000", "--yes"]).exits(1).says("as a whole");
    bench.run(&["apply", "plan.json", "--yes"]).exits(0).says("Only team=support").says("1 succeeded");
    assert_eq!((sandbox.count("release"), sandbox.count("purchase"), sandbox.writes()), (0, 0, 1));
    let ran = bench.run(&["apply", "-f", "fleet.yaml", "--only", "sales", "--yes", "-o", "json"]).exits(0);
    assert_eq!(numbers(&ran).len(), 2);
    assert_eq!(sandbox.count("release"), 0);
}

#[test]
fn limits_and_replacements_count_only_what_is_asked_about() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &fleet("max_releases: 1, max_purchases: 1"));
    // Two purchases are beyond the limit; one is not.
    bench.run(&["apply", "-f", "fleet.yaml", "--yes"]).exits(4);
    bench.run(&["apply", "-f", "fleet.yaml", "--yes", "--only", "+15552230100"]).exits(0);
    assert_eq!((sandbox.count("purchase"), sandbox.writes()), (1, 1));
    // The release waits for no replacement that no one asked for, and not for the other way round.
    bench.run(&["apply", "-f", "fleet.yaml", "--yes", "--only", "+15552230002"]).exits(0);
    assert_eq!(sandbox.count("release"), 1);
}

#[test]
fn an_account_that_cannot_be_read_stops_only_what_needs_it() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let bench = bench.with("EMEA_AUTH_TOKEN", "another-token-00000000000000000000");
    bench.write("fleet.yaml", &fleet("max_releases: 1"));
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(1);
    let ran = bench.run(&["plan", "-f", "fleet.yaml", "--only", "+15552230000", "-o", "json"]).exits(0);
    assert_eq!(numbers(&ran), ["+15552230000"]);
    bench.run(&["plan", "-f", "fleet.yaml", "--only", "+15552230100"]).exits(1).says("emea");
    // An account that no one asked about is not asked either, and needs no credentials.
    let alone = bench.with("EMEA_AUTH_TOKEN", "");
    alone.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("EMEA_AUTH_TOKEN");
    let main = alone.run(&["apply", "-f", "fleet.yaml", "--account", "main", "--yes", "-o", "json"]).exits(0);
    assert_eq!(numbers(&main).len(), 4);
    assert_eq!(main.json()["narrowed"], json!({"only": [], "account": "main", "left_out": 1}));
}

/// An account that a command leaves out is not listed; but what it has is not bought.
#[test]
fn a_number_of_an_account_that_is_left_out_is_not_bought() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = |account: &str| {
        format!(
            "{}numbers:\n  - {{phone_number: \"+15552230000\", account: {account}}}\n  - phone_number: \"+15552230101\"\n",
            two_accounts()
        )
    };
    bench.write("fleet.yaml", &file("emea"));
    bench
        .run(&["apply", "-f", "fleet.yaml", "--only", "+15552230000", "--yes"])
        .exits(0)
        .says("1 to transfer");
    bench.write("fleet.yaml", &file("main"));
    sandbox.forget_requests();
    let args = ["-f", "fleet.yaml", "--account", "main"];
    let ran = bench.run(&[&["plan"][..], &args].concat()).exits(1);
    let ran =
        ran.says("+15552230000: not bought for main").says("--account leaves out").says("1 to purchase");
    assert!(ran.out.contains("purchase +15552230101"), "{}", ran.out);
    // One listing of main, and a look-up in emea for each number that is missing.
    assert_eq!(sandbox.count("list"), 3, "{:#}", sandbox.requests());
    bench.run(&[&["apply", "--yes"][..], &args].concat());
    assert_eq!(sandbox.count("purchase"), 1);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0).says("1 to transfer");
}

#[test]
fn an_undo_takes_back_a_part_of_a_run() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let before = sandbox.setting("+15552230001", "voice.url");
    bench.write("fleet.yaml", &fleet("max_releases: 0").replace("state: released", "protect: true"));
    bench.run(&["apply", "-f", "fleet.yaml", "--yes"]).exits(0);
    let ran =
        bench.run(&["undo", "-f", "fleet.yaml", "--only", "+15552230001", "--yes", "-o", "json"]).exits(0);
    assert_eq!(numbers(&ran), ["+15552230001"]);
    assert_eq!(sandbox.setting("+15552230001", "voice.url"), before);
    assert_eq!(sandbox.setting("+15552230000", "voice.url"), json!("https://e.example.com/support"));
}

#[test]
fn tags_are_checked_and_never_sent() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let with =
        |tags: &str| format!("version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", tags: {tags}}}\n");
    for (tags, said) in [
        ("{Team: a}", "not a valid name for a tag"),
        ("{team: \"a,b\"}", "no valid value"),
        ("{team: }", "null"),
        ("[a]", "tags"),
        ("{team: a, team: b}", "given twice"),
    ] {
        bench.write("fleet.yaml", &with(tags));
        bench.run(&["validate", "-f", "fleet.yaml"]).exits(1).says(said).says("fleet.yaml:3");
    }
    bench.apply(&with("{team: support, cost-centre: 42}")).exits(0);
    assert_eq!(sandbox.writes(), 0);
    bench
        .run(&["get", "-f", "fleet.yaml", "--only", "team=support", "-o", "name"])
        .exits(0)
        .says("+15552230000");
    let none = bench.run(&["get", "-f", "fleet.yaml", "--only", "team=sales"]).exits(1);
    none.says("team=support");
    bench.run(&["explain", "tags"]).exits(0).says("team");
}

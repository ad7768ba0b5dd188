//! A parent and its subaccounts in one file: moves, credentials, accounts in trouble, numbers that
//! somebody else has.

use expect_test::expect_file;
use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, TOKEN, owned, world};

const THIRD: &str = "AC00000000000000000000000000000003";

/// Three accounts, of which the parent lends its token to the others.
fn head() -> String {
    format!(
        "version: 1\naccounts:\n  main: {{sid: {MAIN}, api: incoming-phone-numbers}}\n  \
         emea: {{sid: {SUB}, parent: main, api: incoming-phone-numbers}}\n  \
         apac: {{sid: {THIRD}, parent: main, api: incoming-phone-numbers}}\n\
         defaults: {{account: main}}\n"
    )
}

/// A world with three accounts, of which one has another status.
fn three(numbers: &[Value], status_of_third: &str) -> Value {
    let mut state = world(numbers);
    state["accounts"][THIRD] = json!({"parent": MAIN, "auth_token": TOKEN, "status": status_of_third});
    state
}

const HOOK: &str = "https://voice.example.com/answer";

/// A bench whose only credential is the parent's token.
fn parents(bench: Bench) -> Bench {
    bench.with("EMEA_AUTH_TOKEN", "")
}

/// To a subaccount, back to the parent, and from one subaccount to another: what the move clears is
/// configured again in the account that the number lives in by then.
#[test]
fn numbers_move_in_every_direction_and_arrive_configured() {
    let app = |letter: &str| format!("AP{}", letter.repeat(32));
    let config = |app: &str| json!({"voice.url": HOOK, "voice.application_sid": app});
    let numbers = [
        owned("+15552230000", MAIN, Some("down"), config(&app("a"))),
        owned("+15552230001", SUB, Some("up"), config(&app("b"))),
        owned("+15552230002", SUB, Some("across"), config(&app("b"))),
    ];
    let file = format!(
        "{}profiles:\n  hooked: {{voice: {{url: \"{HOOK}\", application_sid: {}}}}}\nnumbers:\n  \
         - {{phone_number: \"+15552230000\", account: emea, profile: hooked}}\n  \
         - {{phone_number: \"+15552230001\", profile: hooked}}\n  \
         - {{phone_number: \"+15552230002\", account: apac, profile: hooked}}\n",
        head(),
        app("c"),
    );
    for faults in ["", "transfer-clears"] {
        let (sandbox, bench) = Sandbox::with_state(&three(&numbers, "active"), &["--faults", faults]);
        let bench = parents(bench);
        bench.write("fleet.yaml", &file);
        let plan = bench.run(&["plan", "-f", "fleet.yaml"]).exits(0);
        expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/golden/three_accounts.txt")]
            .assert_eq(&plan.out);
        sandbox.forget_requests();
        bench.apply(&file).exits(0);
        for (number, account) in [("+15552230000", SUB), ("+15552230001", MAIN), ("+15552230002", THIRD)] {
            let there = sandbox.number(number).expect(number);
            assert_eq!(there["account_sid"], account, "{number}");
            assert_eq!(there["config"]["voice.url"], HOOK, "{number} {faults}");
            assert_eq!(there["config"]["voice.application_sid"], app("c"), "{number}");
        }
        assert_eq!(bench.plan(&file).exits(0).json()["actions"], json!([]));
        // Each move is asked in the path of the account that loses the number, by the parent.
        for entry in sandbox.log("transfer") {
            assert_eq!(entry["account"], MAIN, "{entry}");
        }
        let configures = sandbox.log("configure");
        assert_eq!(configures.len(), 3);
        for entry in configures {
            let path = entry["path"].as_str().expect("a path");
            assert!([SUB, MAIN, THIRD].iter().any(|sid| path.contains(sid)), "{path}");
        }
    }
}

#[test]
fn a_parent_lends_its_token_and_its_key_is_refused_early() {
    let (sandbox, bench) = Sandbox::with_state(&three(&[], "active"), &[]);
    let file = format!("{}numbers: []\n", head());
    parents(bench).plan(&file).exits(0);
    sandbox.counts(&[("list", 3)]);
    assert!(sandbox.log("list").iter().all(|entry| entry["account"] == MAIN));
    let key = Bench::at(&sandbox.base_url)
        .with("TWILIO_AUTH_TOKEN", "")
        .with("TWILIO_API_KEY", "SK00000000000000000000000000000001")
        .with("TWILIO_API_SECRET", "hunter2");
    key.plan(&file).exits(1).says("has only an API key").never_says("hunter2");
}

/// A mounted secret, named by the file within the operator's directory only.
#[test]
fn credentials_come_from_a_file_of_the_operators_directory() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = |name: &str| {
        format!(
            "version: 1\naccounts:\n  main: {{sid: {MAIN}, credentials: {{file: {name}}}}}\nnumbers: []\n"
        )
    };
    let bench = bench.with("TWILIO_AUTH_TOKEN", "");
    bench.plan(&file("main")).exits(1).says("--credentials-dir");
    let bench = bench.with("NUMCTL_CREDENTIALS_DIR", "secrets");
    bench.plan(&file("main")).exits(1).says("secrets/main");
    std::fs::create_dir(bench.path().join("secrets")).expect("a directory");
    bench.write("secrets/main", &format!("{TOKEN}\n"));
    bench.plan(&file("main")).exits(0);
    bench.write("secrets/main", &format!("# rotated\nAUTH_TOKEN={TOKEN}\n"));
    bench.plan(&file("main")).exits(0);
    bench.write("secrets/main", "PASSWORD=hunter2\n");
    bench.plan(&file("main")).exits(1).says("AUTH_TOKEN=").never_says("hunter2");
    bench.write("token", TOKEN);
    for outside in ["../token", "/etc/passwd", "a/../../token", ".token"] {
        bench.plan(&file(outside)).exits(1).says("is not the name of a file");
    }
    assert_eq!(sandbox.count("list"), 2);
}

/// The daemon looks before each cycle: a rotated secret needs no restart.
#[test]
fn a_renewed_secret_is_taken_by_the_daemon() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let bench = bench.with("TWILIO_AUTH_TOKEN", "").with("NUMCTL_CREDENTIALS_DIR", ".");
    bench.write("main", "an-old-token");
    bench.write(
        "fleet.yaml",
        &format!(
            "version: 1\naccounts:\n  main: {{sid: {MAIN}, credentials: {{file: main}}}}\n\
             numbers: [{{phone_number: \"+15552230000\", friendly_name: Renamed}}]\n"
        ),
    );
    let daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "200ms"]);
    sandbox.wait_for("list", 1);
    assert_eq!(sandbox.writes(), 0);
    bench.write("main", TOKEN);
    sandbox.wait_for("configure", 1);
    daemon.signal("TERM");
    daemon.end().exits(0).says("could not be listed").never_says(TOKEN);
    assert_eq!(sandbox.number("+15552230000").expect("it is there")["friendly_name"], "Renamed");
}

fn drifted() -> String {
    format!(
        "{}numbers:\n  - {{phone_number: \"+15552230000\", friendly_name: Renamed}}\n  \
         - {{phone_number: \"+15552230001\", account: apac, friendly_name: Renamed}}\n",
        head()
    )
}

/// An account that is shut is said, and does not stop the others.
#[test]
fn a_shut_account_is_a_clear_error_that_stops_no_other() {
    for (status, faults, word) in [
        ("suspended", "", "it is suspended"),
        ("suspended", "suspended-unreadable", "it is suspended"),
        ("closed", "", "it is closed"),
    ] {
        let numbers = [owned("+15552230000", MAIN, None, json!({}))];
        let (sandbox, bench) = Sandbox::with_state(&three(&numbers, status), &["--faults", faults]);
        let bench = parents(bench);
        let plan = bench.plan(&drifted()).exits(1).json();
        let error = &plan["errors"][0];
        assert_eq!(plan["errors"].as_array().map(Vec::len), Some(1), "{plan:#}");
        assert_eq!((&error["account"], &error["account_sid"]), (&json!("apac"), &json!(THIRD)));
        assert!(
            error["message"].as_str().is_some_and(|text| text.contains(word)),
            "{status} {faults}: {error}"
        );
        assert!(error["help"].as_str().is_some_and(|text| text.contains("from the file")), "{error}");
        assert_eq!(plan["summary"]["purchase"], 0, "{plan:#}");
        let ran = bench.apply(&drifted()).exits(3);
        assert_eq!(ran.outcome("+15552230000"), "succeeded");
        assert_eq!(sandbox.count("purchase"), 0);
        // As text and as Markdown too.
        bench.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("Errors (1)").says(word);
        bench.run(&["plan", "-f", "fleet.yaml", "--format", "markdown"]).exits(1).says(word);
        // A later apply has nothing left to do elsewhere, and is not done all the same.
        bench.apply(&drifted()).exits(1);
    }
}

/// Law 3: what is not seen may be in the account that cannot be listed. It is not bought, nothing is released
/// in its stead, and the rest continues.
#[test]
fn nothing_is_bought_while_an_account_is_in_the_dark() {
    let numbers = [
        owned("+15552230000", MAIN, None, json!({})),
        owned("+15552230009", MAIN, None, json!({})),
        owned("+15552230001", THIRD, None, json!({})),
    ];
    let file = format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: Renamed}}\n  \
         - {{phone_number: \"+15552230001\"}}\n  - {{phone_number: \"+15552230009\", state: released}}\n",
        head()
    );
    let (sandbox, bench) =
        Sandbox::with_state(&three(&numbers, "suspended"), &["--faults", "suspended-unreadable"]);
    let bench = parents(bench);
    let ran = bench.apply(&file).exits(3);
    let report = ran.json();
    let held: Vec<(&Value, &Value)> = report["held"]
        .as_array()
        .expect("held")
        .iter()
        .map(|held| (&held["phone_number"], &held["reason"]))
        .collect();
    assert_eq!(
        held,
        [
            (&json!("+15552230001"), &json!("perhaps_in_unread_account")),
            (&json!("+15552230009"), &json!("replacement_held"))
        ]
    );
    assert_eq!(ran.outcome("+15552230000"), "succeeded");
    assert_eq!((sandbox.count("purchase"), sandbox.count("release")), (0, 0));
    // Once it can be listed, the number is where it is, and moves.
    let (sandbox, bench) = Sandbox::with_state(&three(&numbers, "active"), &[]);
    parents(bench).apply(&file).exits(0);
    assert_eq!((sandbox.count("transfer"), sandbox.count("purchase"), sandbox.count("release")), (1, 0, 1));
}

/// A number in an account of the same parent that the file does not list is an error, and no purchase.
#[test]
fn a_number_of_an_unlisted_account_is_never_bought() {
    let numbers = [owned("+15552230001", THIRD, None, json!({}))];
    let (sandbox, bench) = Sandbox::with_state(&three(&numbers, "active"), &[]);
    let bench = bench.with("NUMCTL_API", "incoming-phone-numbers");
    let file = "version: 1\nnumbers: [{phone_number: \"+15552230001\"}]\n";
    let plan = bench.plan(file).exits(1).json();
    assert_eq!(plan["summary"]["purchase"], 0);
    assert_eq!(plan["held"][0]["reason"], "in_unlisted_account");
    assert!(plan["held"][0]["message"].as_str().is_some_and(|text| text.contains(THIRD)), "{plan:#}");
    bench.apply(file).exits(1);
    assert_eq!(sandbox.writes(), 0);
    // Named in the file, it is a transfer.
    let plan = parents(bench)
        .plan(&format!("{}numbers: [{{phone_number: \"+15552230001\"}}]\n", head()))
        .exits(0)
        .json();
    assert_eq!(plan["actions"][0]["kind"], "transfer");
}

/// Another provider's host is the operator's word, for one set of credentials; the file has none.
#[test]
fn a_base_url_is_bound_to_credentials() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let (other, _) = Sandbox::start(&["--numbers", "2"]);
    let file = format!(
        "version: 1\naccounts:\n  main: {{sid: {MAIN}, api: incoming-phone-numbers}}\n  \
         compatible: {{sid: {SUB}, api: incoming-phone-numbers, credentials: {{env: EMEA}}}}\n\
         numbers: [{{phone_number: \"+15552230000\", account: main}}]\n"
    );
    let both = format!("{},EMEA={}", sandbox.base_url, other.base_url);
    let bench = bench.with("NUMCTL_BASE_URL", &both);
    bench.plan(&file).exits(0);
    sandbox.counts(&[("list", 1)]);
    other.counts(&[("list", 1)]);
    let flags = ["plan", "-f", "fleet.yaml", "--base-url", &sandbox.base_url, "--base-url"];
    let by_sid = format!("{SUB}={}", other.base_url);
    bench.run(&[&flags[..], &[&by_sid]].concat()).exits(1).says("set EMEA_ACCOUNT_SID=");
    let bench = bench.with("EMEA_ACCOUNT_SID", SUB);
    bench.run(&[&flags[..], &[&by_sid]].concat()).exits(0);
    other.counts(&[("list", 2)]);
    let typo = format!("EMAE={}", other.base_url);
    bench.run(&[&flags[..], &[&typo]].concat()).exits(1).says("no account here uses credentials env:EMAE");
    let by_name = format!("compatible={}", other.base_url);
    bench.run(&[&flags[..], &[&by_name]].concat()).exits(1).says("the name of an account is not enough");
    bench
        .write("fleet.yaml", &file.replace("credentials", "base_url: \"https://evil.example\", credentials"));
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("unknown field `base_url`");
}

/// The embedded sandbox is reached past any proxy.
#[test]
fn a_proxy_does_not_come_between_us_and_the_embedded_sandbox() {
    let bench =
        Bench::alone().with("HTTP_PROXY", "http://127.0.0.1:9").with("ALL_PROXY", "http://127.0.0.1:9");
    bench.run(&["get", "--sandbox"]).exits(0).says("+15552230000");
}

/// One file over both APIs at once: each account is asked in its own way, and numbers move between them.
#[test]
fn accounts_may_be_on_different_apis() {
    for (main, emea) in
        [("active-numbers", "incoming-phone-numbers"), ("incoming-phone-numbers", "active-numbers")]
    {
        let numbers =
            [owned("+15552230000", MAIN, None, json!({})), owned("+15552230001", SUB, None, json!({}))];
        let (sandbox, bench) = Sandbox::with_state(&world(&numbers), &[]);
        let file = format!(
            "version: 1\naccounts:\n  main: {{sid: {MAIN}, api: {main}}}\n  \
             emea: {{sid: {SUB}, parent: main, api: {emea}, credentials: {{env: EMEA}}}}\n\
             defaults: {{voice: {{url: \"{HOOK}\"}}}}\n\
             numbers:\n  - {{phone_number: \"+15552230000\", account: emea}}\n  \
             - {{phone_number: \"+15552230001\", account: main}}\n"
        );
        bench.apply(&file).exits(0);
        for (number, account) in [("+15552230000", SUB), ("+15552230001", MAIN)] {
            assert_eq!(sandbox.number(number).expect(number)["account_sid"], account);
            assert_eq!(sandbox.setting(number, "voice.url"), HOOK);
        }
        assert_eq!(bench.plan(&file).exits(0).json()["actions"], json!([]));
        let is_v2010 =
            |entry: &Value| entry["path"].as_str().is_some_and(|path| path.starts_with("/2010-04-01/"));
        assert_eq!(
            sandbox.log("transfer").iter().filter(|entry| is_v2010(entry)).count(),
            if main == "active-numbers" { 0 } else { 2 }
        );
        assert_eq!(sandbox.log("configure").iter().filter(|entry| is_v2010(entry)).count(), 1);
    }
}

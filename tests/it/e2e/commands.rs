//! Every other command, and the shapes of their JSON.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, owned, two_accounts, world};

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[track_caller]
fn has_keys(value: &Value, wanted: &[&str]) {
    let keys = keys(value);
    for key in wanted {
        assert!(keys.contains(key), "no {key} in {value:#}");
    }
}

#[test]
fn plan_and_apply_have_the_contracts_shape() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let file = format!(
        "{}policy: {{max_releases: 1}}\nnumbers:\n  - {{phone_number: \"+15552230100\", friendly_name: New}}\n  \
         - {{phone_number: \"+15552230000\", friendly_name: Other}}\n  - {{phone_number: \"+15552230001\", account: emea}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n",
        two_accounts()
    );
    let plan = bench.plan(&file).exits(0).json();
    has_keys(&plan, &["format_version", "digest", "summary", "actions", "warnings"]);
    assert_eq!(
        plan["summary"],
        json!({"purchase": 1, "configure": 1, "transfer": 1, "release": 1, "unchanged": 0, "no_effect": 0, "held": 0, "unlisted": 1})
    );
    for action in plan["actions"].as_array().expect("actions") {
        has_keys(action, &["kind", "phone_number", "account", "sid", "changes"]);
        for change in action["changes"].as_array().expect("changes") {
            has_keys(change, &["field", "before", "after"]);
        }
    }
    let kinds: Vec<_> =
        plan["actions"].as_array().expect("actions").iter().map(|action| action["kind"].clone()).collect();
    assert_eq!(kinds, ["purchase", "transfer", "configure", "release"]);
    assert_eq!(
        plan["actions"][2]["changes"],
        json!([{"field": "friendly_name", "before": "(555) 223-0000", "after": "Other"}])
    );
    let report = bench.apply(&file).exits(0).json();
    assert_eq!((&report["summary"], &report["digest"]), (&plan["summary"], &plan["digest"]));
    for action in report["actions"].as_array().expect("actions") {
        has_keys(
            action,
            &["kind", "phone_number", "account", "sid", "changes", "outcome", "attempts", "error"],
        );
        assert_eq!(
            (&action["outcome"], &action["attempts"], &action["error"]),
            (&json!("succeeded"), &json!(1), &Value::Null)
        );
    }
    let idle = bench.apply(&file).exits(0).json();
    has_keys(&idle, &["format_version", "digest", "summary", "actions", "warnings"]);
    assert_eq!(idle["actions"], json!([]));
}

#[test]
fn get_filters_one_by_one() {
    let state = world(&[
        owned("+14155550001", MAIN, None, json!({})),
        owned("+18559720001", MAIN, None, json!({})),
        owned("+18885550001", MAIN, None, json!({})),
        owned("+447700900001", MAIN, None, json!({})),
        owned("+442079460001", MAIN, None, json!({})),
        owned("+493023125001", SUB, None, json!({})),
    ]);
    let (_sandbox, bench) = Sandbox::with_state(&state, &[]);
    let get = |args: &[&str]| -> Vec<String> {
        let rows = bench.run(&[&["get", "--format", "json"], args].concat()).exits(0).json();
        let number = |row: &Value| row["phone_number"].as_str().expect("a number").to_owned();
        rows.as_array().expect("an array").iter().map(number).collect()
    };
    assert_eq!(get(&[]).len(), 5);
    for (args, expected) in [
        (&["--phone-number", "+14155550001"][..], &["+14155550001"][..]),
        (&["--phone-number", "+4420*"], &["+442079460001"]),
        (&["--type", "mobile"], &["+447700900001"]),
        (&["--country", "GB"], &["+442079460001", "+447700900001"]),
        (&["--iso-country", "GB", "--type", "local"], &["+442079460001"]),
        (&["--region", "CA"], &["+14155550001"]),
        (&["--locality", "LONDON"], &["+442079460001"]),
        (&["--postal-code", "94102"], &["+14155550001"]),
        (&["--lata", "722"], &["+14155550001"]),
        (&["--rate-center", "SNFC CNTRL"], &["+14155550001"]),
        (&["--latitude", "37.7749"], &["+14155550001"]),
        (&["--longitude", "-122.4194"], &["+14155550001"]),
        (&["--voice-caller-id-preservation", "domestic"], &["+18885550001", "+447700900001"]),
        (&["--voice-reachability", "domestic"], &["+18885550001", "+442079460001"]),
        (&["--sms-sender-id-preservation", "domestic"], &["+447700900001"]),
        (&["--sms-reachability", "global"], &["+14155550001", "+18559720001", "+447700900001"]),
        (&["--mms-reachability", "global"], &["+14155550001"]),
        (&["--country", "JP"], &[]),
    ] {
        assert_eq!(get(args), expected, "{args:?}");
    }
}

#[test]
fn get_prints_one_shape_in_three_formats() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    let rows = bench.run(&["get", "--format", "json"]).exits(0).json();
    assert_eq!(rows.as_array().map(Vec::len), Some(4));
    has_keys(
        &rows[0],
        &[
            "phone_number",
            "sid",
            "account_sid",
            "url",
            "type",
            "lifecycle",
            "capabilities",
            "regulatory",
            "geography",
            "configurations",
        ],
    );
    has_keys(&rows[0]["configurations"], &["friendly_name", "status_callback", "voice", "sms"]);
    let yaml: Value =
        serde_yaml::from_str(&bench.run(&["get", "--format", "yaml"]).exits(0).out).expect("YAML");
    assert_eq!(yaml, rows);
    let table = bench.run(&["get"]).exits(0).out;
    assert!(
        table.contains("NUMBER") && table.contains("+15552230003") && !table.contains('\u{1b}'),
        "{table}"
    );
    // Over the accounts of a file, and over one of them.
    bench.write("fleet.yaml", &format!("{}numbers: []\n", two_accounts()));
    let both = ["get", "--format", "json", "-f", "fleet.yaml"];
    assert_eq!(bench.run(&both).exits(0).json().as_array().map(Vec::len), Some(4));
    assert_eq!(bench.run(&[&both[..], &["--account", "emea"]].concat()).exits(0).json(), json!([]));
    bench.run(&["get", "--account", "nobody"]).exits(1).says("no account");
}

#[test]
fn search_shows_what_is_on_offer() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let found = bench
        .run(&[
            "search",
            "--country",
            "US",
            "--type",
            "local",
            "--region",
            "CA",
            "--limit",
            "3",
            "--format",
            "json",
        ])
        .exits(0)
        .json();
    let found = found.as_array().expect("an array");
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|row| row["geography"]["region"] == "CA" && row["type"] == "local"));
    assert_eq!(sandbox.requests()["total"], 1);
    bench.run(&["search", "--country", "GB", "--type", "mobile"]).exits(0).says("+447700900");
    bench.run(&["search", "--country", "JP", "--format", "json"]).exits(0).says("[]");
}

#[test]
fn an_export_plans_to_nothing() {
    let secret = "https://user:s3cr3t@a.example/?token=abc";
    let sids = json!({"voice.application_sid": format!("AP{}", "a".repeat(32)), "sms.application_sid": format!("AP{}", "b".repeat(32))});
    let names = [
        "yes",
        "null",
        "# not a comment",
        ": - {a: b}",
        "\u{1b}[31m\nline two\t\u{202e}",
        "'\"\\",
        "  spaces  ",
        "1e3",
        "...",
        "*alias &x !tag",
        "<<",
        "é日本🎉",
    ];
    let mut numbers: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            owned(
                &format!("+155522300{at:02}"),
                MAIN,
                Some(name),
                json!({"voice.url": secret, "status_callback": "https://a.example/é b"}),
            )
        })
        .collect();
    numbers.push(owned("+15552230050", SUB, None, json!({"voice.trunk_sid": format!("TK{}", "c".repeat(32)), "sms.url": "HTTPS://A.Example:443/x/../y"})));
    numbers.push(owned("+15552230051", SUB, None, sids));
    numbers.push(owned(
        "+447700900001",
        SUB,
        None,
        json!({"voice.url": "https://a.example", "voice.method": "GET", "voice.caller_id_lookup": "true"}),
    ));
    numbers.push(owned(
        "+18885550001",
        SUB,
        None,
        json!({"voice.receive_mode": "fax", "voice.emergency_address_sid": format!("AD{}", "d".repeat(32))}),
    ));
    let (sandbox, bench) = Sandbox::with_state(&world(&numbers), &[]);
    bench.write("accounts.yaml", &format!("{}numbers: []\n", two_accounts()));
    let text = bench.run(&["export", "-f", "accounts.yaml"]).exits(0).says("passwords of webhook URLs").out;
    assert!(!text.contains("s3cr3t"), "{text}");
    bench.run(&["export", "-f", "accounts.yaml", "--write-secrets", "secrets"]).exits(0);
    let bench = bench.with("NUMCTL_SECRETS_DIR", "secrets");
    let plan = bench.plan(&text).exits(0).json();
    assert_eq!(plan["actions"], json!([]), "{text}");
    assert_eq!(plan["summary"]["unchanged"], numbers.len(), "{text}");
    bench.apply(&text).exits(0);
    assert_eq!(sandbox.writes(), 0);
    // Without a file: the account of the environment.
    let one = bench.run(&["export", "--out", "one.yaml"]).exits(0);
    assert_eq!(one.out, "");
    assert_eq!(bench.plan(&bench.read("one.yaml")).exits(0).json()["summary"]["unchanged"], names.len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(bench.path().join("one.yaml")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // One account of a file, too.
    let emea = bench.run(&["export", "-f", "accounts.yaml", "--account", "emea"]).exits(0).out;
    assert_eq!(bench.plan(&emea).exits(0).json()["actions"], json!([]));
    // An empty account as well.
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "0"]);
    let text = bench.run(&["export"]).exits(0).out;
    assert_eq!(bench.plan(&text).exits(0).json()["actions"], json!([]));
}

#[test]
fn the_offline_commands_need_nothing() {
    let bench = Bench::alone();
    bench.write("good.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n");
    bench.write(
        "bad.yaml",
        "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    freindly_name: x\n",
    );
    bench.run(&["validate", "-f", "good.yaml"]).exits(0).says("Valid: 1 number");
    bench.run(&["validate", "-f", "bad.yaml"]).exits(1).says("bad.yaml:4:5").says("friendly_name");
    let good = bench.run(&["validate", "-f", "good.yaml", "--format", "json"]).exits(0).json();
    assert_eq!(good["valid"], true);
    let bad = bench.run(&["validate", "-f", "bad.yaml", "--format", "json"]).exits(1).json();
    assert_eq!((&bad["valid"], bad["findings"].as_array().map(Vec::len)), (&json!(false), Some(1)));
    let schema = bench.run(&["schema"]).exits(0).json();
    assert!(schema["$schema"].is_string() && schema["properties"]["numbers"].is_object(), "{schema:#}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = bench.run(&["completions", shell]).exits(0);
        assert!(script.out.contains("numctl") && script.out.contains("detailed-exitcode"), "{shell}");
    }
    bench.run(&["completions", "tcsh"]).exits(1);
}

#[test]
fn markdown_is_fit_for_a_comment() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "2000"]);
    let mut file = "version: 1\nnumbers:\n".to_owned();
    for at in 0..2000 {
        file.push_str(&format!(
            "  - {{phone_number: \"+{}\", friendly_name: \"A name of its own {at}\"}}\n",
            15_552_230_000_u64 + at
        ));
    }
    bench.write("fleet.yaml", &file);
    let text = bench.run(&["plan", "-f", "fleet.yaml", "--format", "markdown"]).exits(0).out;
    assert!(text.len() < 65_536 && text.contains("2,000"), "{} bytes", text.len());
}

#[test]
fn several_files_and_directories_are_one_fleet() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    std::fs::create_dir(bench.path().join("fleet")).expect("a directory");
    bench.write("fleet/a.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n");
    bench.write("fleet/b.yml", "version: 1\nnumbers:\n  - phone_number: \"+15552230001\"\n");
    bench.write("c.json", "{\"version\": 1, \"numbers\": [{\"phone_number\": \"+15552230002\"}]}");
    let plan = bench.run(&["plan", "--format", "json", "-f", "fleet", "-f", "c.json"]).exits(0).json();
    assert_eq!(plan["summary"]["unchanged"], 3);
    bench.write("d.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230001\"\n");
    bench.run(&["plan", "-f", "fleet", "-f", "d.yaml"]).exits(1).says("b.yml").says("d.yaml");
}

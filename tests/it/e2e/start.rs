//! `init`, `import` and `fmt`: a file to start with, and in its usual form.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, owned, world};

#[test]
fn init_writes_a_file_that_validates_and_what_belongs_beside_it() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.run(&["init"]).exits(0).says("numctl plan").says("4 numbers over active-numbers");
    let file = bench.read("numctl.yaml");
    for part in [
        "# yaml-language-server: $schema=./numctl.schema.json",
        "api: active-numbers",
        &format!("sid: {MAIN}"),
        "max_releases: 0",
        "#   - phone_number:",
    ] {
        assert!(file.contains(part), "no {part:?} in {file}");
    }
    bench.run(&["validate"]).exits(0).says("0 warnings");
    bench.run(&["plan", "--detailed-exitcode"]).exits(0);
    // The example is one: with its signs taken off, it validates too.
    let example: String = file
        .lines()
        .filter(|line| *line != "numbers: []")
        .map(|line| {
            match line
                .strip_prefix("# ")
                .filter(|rest| rest.starts_with([' ', 'p', 'n']) && !rest.contains(" is "))
            {
                Some(rest)
                    if rest.starts_with("profiles:")
                        || rest.starts_with("numbers:")
                        || rest.starts_with(' ') =>
                {
                    rest.to_owned() + "\n"
                }
                _ => line.to_owned() + "\n",
            }
        })
        .collect::<String>()
        .replace("#   ", "  ");
    bench.write("example.yaml", &example);
    bench.run(&["validate", "-f", "example.yaml"]).exits(0).says("1 number");
    assert_eq!(bench.read(".gitignore"), ".numctl/\n");
    serde_json::from_str::<Value>(&bench.read("numctl.schema.json")).expect("JSON");
    bench.run(&["init"]).exits(1).says("exists");
}

#[test]
fn init_finds_out_which_api_the_account_has() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.faults("list#1-9=404");
    let ran = bench.run(&["init", "--api", "incoming-phone-numbers", "-o", "a.yaml"]);
    assert!(ran.code == Some(0), "{}", ran.all());
    assert!(bench.read("a.yaml").contains("api: incoming-phone-numbers"));
    // Nobody to ask: the file says the API that everyone has.
    let alone = Bench::alone();
    alone.run(&["init"]).exits(0).says("not asked");
    alone.run(&["validate"]).exits(0);
    assert!(alone.read("numctl.yaml").contains("incoming-phone-numbers"));
    alone.run(&["init", "-o", "b.yaml", "--account-sid", "nonsense"]).exits(1).says("AC and 32");
}

#[test]
fn init_from_live_declares_what_is_there() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "6"]);
    bench.write(".gitignore", "target");
    bench.run(&["init", "--from-live"]).exits(0);
    bench.run(&["plan", "--detailed-exitcode"]).exits(0);
    assert!(bench.read("numctl.yaml").starts_with("# yaml-language-server:"));
    assert_eq!(bench.read(".gitignore"), "target\n.numctl/\n");
}

/// The state of both providers, for what is live in the sandbox.
fn states() -> (Value, [Value; 3]) {
    let voice = json!({"voice.url": "https://e.example.com/answer", "voice.method": "POST"});
    let state = world(&[
        owned("+12125550001", MAIN, Some("Support"), voice.clone()),
        owned(
            "+12125550002",
            MAIN,
            Some("Sales"),
            json!({"sms.url": "https://hook:geheim@e.example.com/sms"}),
        ),
        owned("+12125550003", SUB, Some("EMEA"), voice),
    ]);
    let sid = |number: &str| {
        let numbers = state["numbers"].as_array().expect("numbers");
        numbers.iter().find(|one| one["phone_number"] == number).expect("there")["sid"].clone()
    };
    let blocks = |number: &str, account: &str, name: &str, voice: Value, sms: Value| {
        json!({"id": sid(number), "sid": sid(number), "account_sid": account, "phone_number": number,
               "friendly_name": name, "voice": voice, "messaging": sms, "status_callback_url": "",
               "area_code": null, "emergency_status": "Inactive", "bundle_sid": ""})
    };
    let answer = json!([{"url": "https://e.example.com/answer", "method": "POST", "application_sid": "",
                         "fallback_url": "", "fallback_method": "POST", "caller_id_lookup": false}]);
    let secret = json!([{"url": "https://hook:geheim@e.example.com/sms", "method": "POST"}]);
    let resources = json!([
        {"mode": "managed", "type": "twilio_phone_number", "name": "us",
         "provider": "provider[\"registry.terraform.io/rjpearson94/twilio\"]",
         "instances": [
            {"index_key": 0, "attributes": blocks("+12125550001", MAIN, "Support", answer.clone(), json!([]))},
            {"index_key": 1, "attributes": blocks("+12125550002", MAIN, "Sales", json!([]), secret)},
         ]},
        {"mode": "managed", "module": "module.emea", "type": "twilio_phone_number", "name": "one",
         "instances": [{"attributes": blocks("+12125550003", SUB, "EMEA", answer, json!([]))}]},
        {"mode": "managed", "type": "aws_s3_bucket", "name": "x", "instances": [{"attributes": {}}]},
    ]);
    let flat = |number: &str, account: &str, name: &str, more: Value| {
        let mut row = json!({"id": "x/y", "sid": sid(number), "path_account_sid": account, "account_sid": account,
                             "phone_number": number, "friendly_name": name, "status_callback": "", "sms_url": "",
                             "capabilities": {"voice": "true", "sms": "true"}});
        row.as_object_mut().expect("a row").extend(more.as_object().expect("more").clone());
        row
    };
    let rows = [
        flat(
            "+12125550001",
            MAIN,
            "Support",
            json!({"voice_url": "https://e.example.com/answer", "voice_method": "POST"}),
        ),
        flat("+12125550002", MAIN, "Sales", json!({"sms_url": "https://hook:geheim@e.example.com/sms"})),
        flat("+12125550003", SUB, "EMEA", json!({"voice_url": "https://e.example.com/answer"})),
    ];
    const FLAT: &str = "twilio_api_accounts_incoming_phone_numbers";
    let vendor: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| json!({"mode": "managed", "type": FLAT, "name": format!("n{at}"), "instances": [{"attributes": row}]}))
        .collect();
    let shown: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| json!({"address": format!("{FLAT}.all[{at}]"), "mode": "managed", "type": FLAT, "name": "all", "index": at, "values": row}))
        .collect();
    let v4 = |resources: Value| json!({"version": 4, "terraform_version": "1.9.8", "serial": 3, "resources": resources});
    let show = json!({"format_version": "1.0", "values": {"root_module": {
        "resources": [shown[0]], "child_modules": [{"resources": [shown[1], shown[2]]}]}}});
    (state.clone(), [v4(resources), v4(vendor.into()), show])
}

#[test]
fn an_import_from_terraform_plans_nothing() {
    let (world, states) = states();
    let (sandbox, bench) = Sandbox::with_state(&world, &[]);
    for (at, state) in states.iter().enumerate() {
        bench.write("terraform.tfstate", &state.to_string());
        let out = format!("fleet{at}.yaml");
        let ran = bench.run(&["import", "terraform.tfstate", "-o", &out]).exits(0);
        ran.says("3 numbers in 2 accounts").says("destroy = false").says("passwords").never_says("geheim");
        let plan = bench.run(&["plan", "-f", &out, "-o", "json", "--detailed-exitcode"]).exits(0).json();
        assert_eq!(
            (&plan["summary"]["unchanged"], &plan["summary"]["unlisted"]),
            (&json!(3), &json!(0)),
            "{at}"
        );
        bench.run(&["import", "terraform.tfstate", "-o", &out]).exits(1).says("--overwrite");
    }
    let text = bench.run(&["import", "terraform.tfstate", "--removed", "removed.tf"]).exits(0);
    assert!(text.out.contains("version: 1") && text.out.contains("parent: main"), "{}", text.out);
    assert_eq!(bench.read("removed.tf").matches("removed {").count(), 1, "{}", bench.read("removed.tf"));
    assert_eq!(sandbox.writes(), 0);
    bench.write("not.json", "resource \"twilio\" {}");
    bench.run(&["import", "not.json"]).exits(1).says("not JSON");
    bench.write("other.json", "{\"version\": 3}");
    bench.run(&["import", "other.json"]).exits(1).says("neither");
}

#[test]
fn fmt_keeps_comments_and_what_a_file_declares() {
    let bench = Bench::alone();
    let untidy = "# fleet\nnumbers:\n  # second\n\n  - phone_number: \"+15552230001\"   \n  - phone_number: \"+15552230000\" # first\n\n\n\nversion: 1\n";
    bench.write("numctl.yaml", untidy);
    assert_eq!(bench.run(&["fmt", "--check"]).exits(1).out, "numctl.yaml\n");
    assert_eq!(bench.read("numctl.yaml"), untidy);
    bench.run(&["fmt"]).exits(0).says("Formatted");
    let tidy = "version: 1\n# fleet\nnumbers:\n  # second\n\n  - phone_number: \"+15552230000\" # first\n  - phone_number: \"+15552230001\"\n";
    assert_eq!(bench.read("numctl.yaml"), tidy);
    bench.run(&["fmt", "--check"]).exits(0);
    // In a flow mapping, lines do not tell what belongs together.
    let flow = "{version: 1, numbers: [{phone_number: \"+15552230000\"}]}\n";
    bench.write("numctl.yaml", flow);
    bench.run(&["fmt"]).exits(1).says("left as it is");
    assert_eq!(bench.read("numctl.yaml"), flow);
    bench.write("numctl.yaml", "version: 1\nnumbrs: []\n");
    bench.run(&["fmt"]).exits(1).says("numbrs");
}

//! Numbers in use are not released, and numbers that nobody uses are found, in few requests.

use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, owned, two_accounts, world};

/// Two releases, looked up for 30 days.
fn releases(policy: &str) -> String {
    format!(
        "version: 1\npolicy: {{max_releases: 5{policy}}}\nnumbers:\n  \
         - {{phone_number: \"+15552230001\", state: released}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n"
    )
}

const GUARD: &str = ", release_guard: 30d";

fn held(plan: &Value) -> Vec<(&str, &str)> {
    let held = plan["held"].as_array().expect("held");
    held.iter()
        .map(|held| {
            (held["phone_number"].as_str().expect("a number"), held["reason"].as_str().expect("a reason"))
        })
        .collect()
}

#[test]
fn a_number_in_use_is_not_released() {
    for line in [
        "call to +15552230001 from sip:desk@example.com",
        "message to +15552230001 from +15550000001",
        "call to client:desk from +15552230001",
        "message to whatsapp:+15550000001 from +15552230001",
        "message to whatsapp:+15552230001 from whatsapp:+15550000001",
        "call to sip:+15552230001@pbx.example.com;region=us1 from +15550000001",
        "call to sips:15552230001@pbx.example.com from anonymous",
        "call to +15550000001 from sip:5552230001@pbx.example.com",
    ] {
        let (sandbox, bench) = Sandbox::start(&[]);
        sandbox.traffic(29, &[line]);
        sandbox.traffic(32, &["call to +15552230002 from +15550000001"]);
        let plan = bench.plan(&releases(GUARD)).exits(0).json();
        assert_eq!(held(&plan), [("+15552230001", "in_use")], "{line}");
        assert_eq!(plan["held"][0]["last_use"]["medium"], *line.split(' ').next().expect("a word"));
        assert_eq!(plan["actions"][0]["phone_number"], "+15552230002");
        assert_eq!(plan["actions"][0]["unused_for"], "30d");
        // A page of calls and one of messages.
        sandbox.counts(&[("list", 1), ("traffic", 2), ("price", 1)]);
        bench.apply(&releases(GUARD)).exits(0);
        assert!(sandbox.number("+15552230001").is_some() && sandbox.number("+15552230002").is_none());
    }
}

#[test]
fn without_a_guard_nothing_is_asked_and_the_operators_is_one() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.traffic(10, &["call to +15552230001 from +15550000001"]);
    let plan = bench.plan(&releases("")).exits(0).json();
    assert!(held(&plan).is_empty() && plan["actions"][0].get("unused_for").is_none());
    sandbox.counts(&[("list", 1), ("price", 1)]);
    let bench = bench.with("NUMCTL_RELEASE_GUARD", "14d");
    assert_eq!(held(&bench.plan(&releases("")).exits(0).json()), [("+15552230001", "in_use")]);
    // Neither can shorten the other's.
    assert_eq!(held(&bench.plan(&releases(", release_guard: 1d")).json()).len(), 1);
    let bench = bench.with("NUMCTL_RELEASE_GUARD", "1d");
    assert_eq!(held(&bench.plan(&releases(GUARD)).json()).len(), 1);
    assert!(held(&bench.plan(&releases(", release_guard: 2d")).json()).is_empty());
    bench.with("NUMCTL_RELEASE_GUARD", "30").plan(&releases("")).exits(1).says("such as 30d");
}

/// Unknown is not idle: whatever comes instead of the lists, nothing is released.
#[test]
fn a_number_whose_use_cannot_be_read_is_not_released() {
    let (sandbox, bench) = Sandbox::start(&[]);
    for fault in ["traffic:403=1", "traffic:html=1", "traffic:404=1", "traffic:truncate=1", "traffic#2+=403"]
    {
        sandbox.faults(fault);
        let plan = bench.plan(&releases(GUARD)).exits(1).json();
        assert!(held(&plan).contains(&("+15552230001", "use_unknown")), "{fault}: {plan:#}");
        assert_eq!(plan["warnings"][0]["kind"], "use_unread", "{fault}");
        sandbox.faults(fault);
        bench.apply(&releases(GUARD)).says("could not be read");
        assert_eq!(sandbox.writes(), 0, "{fault}");
    }
    sandbox.faults("");
    bench.apply(&releases(GUARD)).exits(0);
    assert_eq!(sandbox.count("release"), 2);
}

/// A proxy or an emulator that does not know the filters shows other people's calls.
#[test]
fn an_answer_to_another_question_releases_nothing() {
    use super::harness::{Canned, answer};
    let row = |number: &str, year: u32, account: &str| {
        format!(
            r#"{{"account_sid":"{account}","to":"{number}","from":"{number}","start_time":"Mon, 03 Aug {year} 10:00:00 +0000","date_sent":"Mon, 03 Aug {year} 10:00:00 +0000"}}"#
        )
    };
    let listed = r#"{"incoming_phone_numbers":[{"sid":"PN00000000000000000000000000000001","phone_number":"+15552230001"}],"next_page_uri":null,"page":0}"#;
    for (what, rows) in [
        ("other", row("+15550000009", 2099, MAIN)),
        ("old", row("+15552230001", 1999, MAIN)),
        ("of another account", row("+15550000009", 2099, SUB)),
        ("none", "7".to_owned()),
    ] {
        let canned = Canned::serve(move |at, _| {
            // Lists that never end, so that the number is looked up by itself.
            let next = format!(r#""/2010-04-01/Accounts/{MAIN}/%.json?Page={at}&PageToken=x""#);
            let page = |list: &str| next.replace('%', list);
            let traffic = |list: &str| {
                format!(r#"{{"calls":[{rows}],"messages":[{rows}],"next_page_uri":{}}}"#, page(list))
            };
            match at {
                1 => answer(200, "application/json", listed),
                at if at % 2 == 0 => answer(200, "application/json", &traffic("Calls")),
                _ => answer(200, "application/json", &traffic("Messages")),
            }
        });
        let bench = Bench::at(&canned.base_url).with("NUMCTL_API", "incoming-phone-numbers");
        let file = "version: 1\npolicy: {max_releases: 1, release_guard: 30d}\nnumbers:\n  \
                    - {phone_number: \"+15552230001\", state: released}\n";
        let plan = bench.plan(file).exits(1).json();
        assert_eq!(held(&plan), [("+15552230001", "use_unknown")], "{what}");
        assert!(!canned.heads().contains("DELETE"), "{what}");
    }
}

/// A number as Twilio's lists name it besides its digits: by its SID, or as the one that forwarded.
#[test]
fn a_number_is_in_use_however_a_row_names_it() {
    use super::harness::{Canned, answer};
    let sid = "PN00000000000000000000000000000001";
    let listed = format!(
        r#"{{"incoming_phone_numbers":[{{"sid":"{sid}","phone_number":"+15552230001","date_created":"Mon, 03 Feb 2020 10:00:00 +0000"}}],"next_page_uri":null,"page":0,"uri":"/x"}}"#
    );
    for (what, name) in [
        ("sid", format!(r#""phone_number_sid":"{sid}","to":"sip:pbx@pbx.example.com""#)),
        ("forwarded", r#""forwarded_from":"+15552230001","to":"client:desk""#.to_owned()),
        ("sip", r#""to":"sip:+15552230001@pbx.example.com;region=us1""#.to_owned()),
    ] {
        let listed = listed.clone();
        let canned = Canned::by_head(move |head| {
            let row =
                format!(r#"{{{name},"from":"+15550000001","start_time":"Mon, 03 Aug 2099 10:00:00 +0000"}}"#);
            let body = match head {
                head if head.contains("IncomingPhoneNumbers") => listed.clone(),
                // No filter finds it.
                head if head.contains("To=") || head.contains("From=") => {
                    r#"{"calls":[],"messages":[],"next_page_uri":null}"#.to_owned()
                }
                head if head.contains("Calls") => format!(r#"{{"calls":[{row}],"next_page_uri":null}}"#),
                _ => r#"{"messages":[],"next_page_uri":null}"#.to_owned(),
            };
            answer(200, "application/json", &body)
        });
        let bench = Bench::at(&canned.base_url).with("NUMCTL_API", "incoming-phone-numbers");
        let file = "version: 1\npolicy: {max_releases: 1, release_guard: 30d}\nnumbers:\n  \
                    - {phone_number: \"+15552230001\", state: released}\n";
        assert_eq!(held(&bench.plan(file).exits(0).json()), [("+15552230001", "in_use")], "{what}");
        let idle = bench.run(&["idle", "--format", "json"]).exits(0);
        assert_eq!(numbers(&idle.json()), Vec::<&str>::new(), "{what}");
        let unlisted = "version: 1\npolicy: {max_releases: 1, release_guard: 30d, unlisted: release}\n\
                        numbers:\n  - {phone_number: \"+15552230009\", state: released}\n...\n";
        let plan = bench.plan(unlisted).exits(0).json();
        assert_eq!(held(&plan), [("+15552230001", "in_use")], "{what}");
        assert!(!canned.heads().contains("DELETE"), "{what}");
    }
}

/// What a trunk carries may be in no list that numctl can read: unknown is not idle.
#[test]
fn a_number_on_a_trunk_is_neither_released_nor_idle() {
    let trunk = json!({"voice.trunk_sid": "TK0123456789abcdef0123456789abcdef"});
    let state = world(&[
        owned("+15552230001", MAIN, None, trunk.clone()),
        owned("+15552230002", MAIN, None, trunk),
        owned("+15552230003", MAIN, None, json!({})),
    ]);
    for api in ["active-numbers", "incoming-phone-numbers"] {
        let (sandbox, bench) = Sandbox::with_state(&state, &[]);
        let bench = bench.with("NUMCTL_API", api);
        sandbox.traffic(1, &["call to sip:+15552230001@pbx.example.com from +15550000001"]);
        let expected = [("+15552230001", "in_use"), ("+15552230002", "on_trunk")];
        let tombstones = releases(GUARD)
            .replace("+15552230002", "+15552230003")
            .replace("numbers:\n", "numbers:\n  - {phone_number: \"+15552230002\", state: released}\n");
        let unlisted = "version: 1\npolicy: {max_releases: 5, release_guard: 30d, unlisted: release}\n\
                        numbers:\n  - {phone_number: \"+15552230009\", state: released}\n...\n";
        let quarantine = format!(
            "{}policy: {{max_releases: 5, release_guard: 30d, quarantine: {{account: emea, for: 30d}}}}\n\
             numbers:\n  - {{phone_number: \"+15552230001\", state: released}}\n  \
             - {{phone_number: \"+15552230002\", state: released}}\n",
            two_accounts()
        );
        for file in [tombstones.as_str(), unlisted, &quarantine] {
            let plan = bench.plan(file).exits(1).json();
            assert_eq!(held(&plan), expected, "{api}: {file}");
        }
        let ran = bench.run(&["idle", "--format", "json"]).exits(0);
        assert_eq!(numbers(&ran.json()), ["+15552230003"]);
        ran.says("left out: 1 on a SIP trunk");
        bench.apply(&tombstones).exits(3).says("Take it off the trunk first");
        assert_eq!((sandbox.count("release"), sandbox.number("+15552230003")), (1, None));
    }
}

/// What was bought a minute ago is not idle, and what a claim holds is the claim's.
#[test]
fn what_is_new_or_held_by_a_claim_is_not_idle() {
    for api in ["active-numbers", "incoming-phone-numbers"] {
        let (sandbox, bench) = Sandbox::start(&["--numbers", "1"]);
        let bench = bench.with("NUMCTL_API", api);
        let file = "version: 1\npolicy: {max_purchases: 3}\nnumbers:\n  - phone_number: \"+15552230777\"\n\
                    claims:\n  - {name: nyc, count: 2, match: {country: US, type: local, area_code: 212}}\n";
        bench.apply(file).exits(0);
        for time in ["1h", "60d"] {
            let ran = bench.run(&["idle", "--for", time, "--format", "json"]).exits(0);
            assert_eq!(numbers(&ran.json()), ["+15552230000"], "{api}");
            ran.says("1 idle number of 4").says("left out: 1 bought since then, 2 held by a claim");
        }
        let tombstones = bench.run(&["idle", "-f", "fleet.yaml", "--format", "yaml"]).exits(0);
        assert_eq!(tombstones.out.matches("state: released").count(), 1, "{}", tombstones.out);
        drop(sandbox);
    }
}

/// What was approved a week ago is looked up again.
#[test]
fn a_saved_plan_looks_again_before_it_releases() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &releases(GUARD));
    bench
        .run(&["plan", "--out", "plan.json", "-f", "fleet.yaml"])
        .exits(0)
        .says("no calls or messages in 30d");
    sandbox.traffic(0, &["message to +15552230002 from +15550000001"]);
    let apply = ["apply", "plan.json", "--yes"];
    bench.run(&apply).exits(4).says("+15552230002: not released: a message to it on").says("plan again");
    assert_eq!(sandbox.writes(), 0);
    bench.run(&["plan", "--out", "plan.json", "-f", "fleet.yaml"]).exits(0);
    bench.run(&apply).exits(0);
    assert!(sandbox.number("+15552230001").is_none() && sandbox.number("+15552230002").is_some());
}

/// A number in use is looked up once, and not in every cycle.
#[test]
fn a_daemon_does_not_ask_again_what_it_knows() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.traffic(3, &["call to +15552230001 from +15550000001"]);
    // The second release is beyond the limit: the plan is refused in each cycle.
    let file = releases(GUARD).replace("max_releases: 5", "max_releases: 0");
    bench.write("fleet.yaml", &file);
    let daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "200ms"]);
    sandbox.wait_for("list", 5);
    let asked = sandbox.count("traffic");
    assert_eq!((asked, sandbox.writes()), (2, 0));
    // Now it may be released: by then it has been called.
    sandbox.traffic(0, &["call to +15552230002 from +15550000001"]);
    bench.write("fleet.yaml", &releases(GUARD));
    let listed = sandbox.count("list");
    sandbox.wait_for("list", listed + 8);
    assert_eq!((sandbox.count("traffic"), sandbox.writes()), (asked + 1, 0));
    daemon.signal("TERM");
    daemon.end().exits(0);
}

fn numbers(report: &Value) -> Vec<&str> {
    let idle = report.as_array().expect("a list");
    idle.iter().map(|idle| idle["phone_number"].as_str().expect("a number")).collect()
}

#[test]
fn idle_numbers_are_found_in_few_requests() {
    // ActiveNumbers does not say how old a number is: v2010's list does.
    for (api, lists, prices) in [("active-numbers", 6, 1), ("incoming-phone-numbers", 3, 2)] {
        let (sandbox, bench) = Sandbox::start(&["--numbers", "2500"]);
        let bench = bench.with("NUMCTL_API", api);
        let calls: Vec<String> =
            (0..2_400).map(|at| format!("call to +1555223{at:04} from +15550000001")).collect();
        sandbox.traffic(59, &calls.iter().map(String::as_str).collect::<Vec<_>>());
        sandbox.traffic(61, &["message to +15552232499 from +15550000001"]);
        sandbox.traffic(1, &["message to +15550000001 from +15552232400"]);
        let ran = bench.run(&["idle", "--for", "60d", "--format", "json"]).exits(0);
        let report = ran.json();
        assert_eq!(numbers(&report).len(), 99);
        assert_eq!(numbers(&report)[0], "+15552232401");
        assert_eq!((&report[0]["monthly_price"], &report[0]["price_unit"]), (&"1.15".into(), &"USD".into()));
        // Three pages of calls and one of messages.
        assert_eq!((sandbox.count("list"), sandbox.count("traffic")), (lists, 4), "{api}");
        // v2010 does not say whether a number is of the United States or of Canada.
        let total = lists + 4 + prices;
        assert_eq!(sandbox.requests()["total"], total, "{api}");
        ran.says("99 idle numbers of 2,500").says(&format!("{total} requests."));
    }
}

/// A busy account: its lists are given up for look-ups once these are cheaper, and never later than
/// twice the cost of the cheaper way.
#[test]
fn a_busy_account_does_not_cost_a_thousand_pages() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let calls = vec!["call to +15552230000 from +15552230001"; 20_000];
    for part in calls.chunks(5_000) {
        sandbox.traffic(10, part);
    }
    let ran = bench.run(&["idle", "--page-size", "50", "--format", "json"]).exits(0);
    assert_eq!(numbers(&ran.json()), ["+15552230002", "+15552230003"]);
    // 400 pages of calls; two numbers are left, which are eight look-ups.
    assert_eq!(sandbox.count("traffic"), 8 + 8);
}

#[test]
fn idle_numbers_come_as_tombstones_that_validate() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.edit("+15552230003", "FriendlyName=Old%0Aline%1B%5B2J%20%23%20x");
    sandbox.traffic(1, &["call to +15552230000 from +15550000001"]);
    let file = format!(
        "{}numbers:\n  - {{phone_number: \"+15552230001\", protect: true}}\n  \
         - {{phone_number: \"+15552230002\", friendly_name: Two}}\n",
        two_accounts()
    );
    bench.write("fleet.yaml", &file);
    let ran = bench.run(&["idle", "-f", "fleet.yaml", "--format", "yaml"]).exits(0);
    assert!(ran.out.contains("# +15552230001 is protected in the file"), "{}", ran.out);
    assert!(ran.out.contains("# +15552230002 is declared in the file"), "{}", ran.out);
    assert_eq!(ran.out.matches("state: released").count(), 1, "{}", ran.out);
    assert!(ran.out.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", ran.out);
    bench.write("idle.yaml", &ran.out);
    bench.run(&["validate", "-f", "fleet.yaml", "-f", "idle.yaml"]).exits(0);
    let plan = bench.run(&["plan", "--format", "json", "-f", "fleet.yaml", "-f", "idle.yaml"]).json();
    let is_release = |action: &&Value| action["kind"] == "release";
    let released: Vec<_> = plan["actions"].as_array().expect("actions").iter().filter(is_release).collect();
    assert_eq!(released.len(), 1);
    assert_eq!(released[0]["phone_number"], "+15552230003");
    // Without a file there is one account, which needs no name.
    let ran = bench.run(&["idle", "--format", "yaml"]).exits(0);
    bench.write("idle.yaml", &ran.out);
    bench.run(&["validate", "-f", "idle.yaml"]).exits(0);
    assert_eq!(ran.out.matches("state: released").count(), 3);
    let table = bench.run(&["idle", "-f", "fleet.yaml"]).exits(0);
    assert!(table.out.contains("protected") && table.out.contains("1.15 USD"), "{}", table.out);
    // One account of the two.
    let ran = bench.run(&["idle", "-f", "fleet.yaml", "--account", "emea", "--format", "yaml"]).exits(0);
    assert!(ran.out.contains("numbers: []"), "{}", ran.out);
    bench.run(&["idle", "--for", "60"]).exits(1).says("such as 30d");
}

/// What is not seen in use because it could not be read is not idle.
#[test]
fn a_report_is_whole_or_an_error() {
    let (sandbox, bench) = Sandbox::start(&[]);
    sandbox.traffic(1, &["call to +15550000001 from +15552230000"; 9]);
    // The numbers are on one page, and the calls are not.
    for fault in ["traffic#2=403", "traffic#1=404", "link-loop,page-cap=4", "link-foreign,page-cap=4"] {
        sandbox.faults(fault);
        let ran = bench.run(&["idle"]).exits(1);
        assert_eq!(ran.out, "", "{fault}");
    }
    let (_sandbox, bench) = Sandbox::start(&[]);
    let ran = bench.with("TWILIO_ACCOUNT_SID", SUB).run(&["idle", "--format", "json"]).exits(0);
    assert_eq!(ran.json(), Value::Array(Vec::new()));
}

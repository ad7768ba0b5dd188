//! Where calls and messages end: what is declared and has no effect, Messaging Services as declared state,
//! and friendly names. What may not be read is not known, and stops nothing.

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::fake::Fake;
use super::harness::{Bench, MAIN, SUB, Sandbox, owned, two_accounts, world};
use super::outside::Outside;

const NUMBER: &str = "+15552230000";
const OTHER: &str = "+15552230001";

fn mg(n: u8) -> String {
    format!("MG{n:032x}")
}

fn service(account: &str, fields: Value) -> Value {
    json!({"kind": "service", "account_sid": account, "fields": fields})
}

/// Two numbers; the service Alerts takes messages, Silent drops them, Deferring leaves them to the number.
fn state(members: Value) -> Value {
    let mut state = world(&[owned(NUMBER, MAIN, None, json!({})), owned(OTHER, MAIN, None, json!({}))]);
    state["resources"] = json!({
        "all": {
            (mg(1)): service(MAIN, json!({"friendly_name": "Alerts", "inbound_request_url": "https://alerts.example/in"})),
            (mg(2)): service(MAIN, json!({"friendly_name": "Silent"})),
            (mg(3)): service(MAIN, json!({"friendly_name": "Deferring", "use_inbound_webhook_on_number": "true"})),
            (mg(4)): service(MAIN, json!({"friendly_name": "Twice"})),
            (mg(5)): service(MAIN, json!({"friendly_name": "Twice"})),
            (mg(6)): service(SUB, json!({"friendly_name": "Alerts"})),
            "AP00000000000000000000000000000001": {"kind": "application", "account_sid": MAIN, "fields":
                {"friendly_name": "support-ivr", "voice_url": "https://ivr.example/voice", "voice_method": "GET"}},
            "TK00000000000000000000000000000001": {"kind": "trunk", "account_sid": MAIN, "fields": {"friendly_name": "pbx"}},
        },
        "services": members,
    });
    state
}

fn start(members: Value, args: &[&str]) -> (Sandbox, Bench) {
    Sandbox::with_state(&state(members), args)
}

fn file(settings: &str) -> String {
    format!("version: 1\nnumbers:\n  - {{phone_number: \"{NUMBER}\", {settings}}}\n")
}

/// The Messaging Service that a number is in, by the sandbox's own word.
fn service_of(sandbox: &Sandbox, number: &str) -> Option<String> {
    let (_, body) = sandbox.ask("GET", "/_sandbox/state", "");
    let state: Value = serde_json::from_str(&body).expect("JSON");
    state["resources"]["services"][number].as_str().map(str::to_owned)
}

#[test]
fn what_a_messaging_service_overrides_is_not_as_declared() {
    let (sandbox, bench) = start(json!({(NUMBER): mg(2)}), &[]);
    let text = file("sms: {url: \"https://own.example/sms\"}");
    bench.apply(&text).exits(0);
    let plan = bench.plan(&text).exits(0).json();
    assert_eq!(plan["summary"]["no_effect"], 1, "{plan:#}");
    assert_eq!(plan["summary"]["unchanged"], 0);
    let found = &plan["numbers"][0];
    assert_eq!(found["phone_number"], NUMBER);
    assert_eq!(found["no_effect"][0]["field"], "sms.url");
    assert_eq!(found["no_effect"][0]["effective_url"], Value::Null);
    assert!(found["no_effect"][0]["because"].as_str().is_some_and(|why| why.contains(&mg(2))), "{found:#}");
    bench
        .run(&["plan", "-f", "fleet.yaml", "--detailed-exitcode"])
        .exits(2)
        .says("messages are dropped")
        .never_says("everything is as declared");
    bench.run(&["plan", "-f", "fleet.yaml", "--format", "markdown"]).exits(0).says("No effect");
    // Another service calls its own URL instead.
    bench
        .apply(&file(&format!("sms: {{url: \"https://own.example/sms\", messaging_service_sid: {}}}", mg(1))))
        .exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(1)));
    let plan = bench.plan(&text).exits(0).json();
    assert_eq!(plan["numbers"][0]["no_effect"][0]["effective_url"], "https://alerts.example/in", "{plan:#}");
    // One that defers calls the number's.
    bench.apply(&file("sms: {url: \"https://own.example/sms\", messaging_service: Deferring}")).exits(0);
    let plan = bench.plan(&text).exits(0).json();
    assert_eq!(
        (&plan["summary"]["no_effect"], &plan["summary"]["unchanged"]),
        (&json!(0), &json!(1)),
        "{plan:#}"
    );
}

#[test]
fn the_file_may_make_it_an_error() {
    let (_sandbox, bench) = start(json!({(NUMBER): mg(2)}), &[]);
    let text = file("sms: {url: \"https://own.example/sms\"}") + "policy: {no_effect: error}\n";
    bench.apply(&text).exits(3);
    bench.plan(&text).exits(1);
    bench.write("bad.yaml", &text.replace("error}", "fatal}"));
    bench.run(&["validate", "-f", "bad.yaml"]).exits(1).says("no_effect").says("warn");
}

#[test]
fn route_shows_the_chain() {
    let (_sandbox, bench) = start(json!({(NUMBER): mg(1)}), &[]);
    bench
        .apply(&file(
            "voice: {url: \"https://own.example/v\", application: support-ivr}, sms: {url: \"https://own.example/sms\"}",
        ))
        .exits(0);
    let route = bench.run(&["route", NUMBER, "--format", "json"]).exits(0).json();
    assert_eq!(route["phone_number"], NUMBER);
    assert_eq!(route["account"], "default");
    assert_eq!(route["voice"]["url"], "https://ivr.example/voice", "{route:#}");
    assert_eq!(route["voice"]["method"], "GET");
    assert_eq!(route["voice"]["via"], json!(["number", "application:AP00000000000000000000000000000001"]));
    assert_eq!(route["voice"]["no_effect"][0]["field"], "voice.url");
    assert_eq!(route["sms"]["url"], "https://alerts.example/in");
    assert_eq!(route["sms"]["via"], json!([format!("messaging_service:{}", mg(1))]));
    assert_eq!(route["sms"]["no_effect"][0]["field"], "sms.url");
    bench
        .run(&["route", NUMBER])
        .exits(0)
        .says("\"Alerts\"")
        .says("voice.url (https://own.example/v) has no effect");
    bench.run(&["route", "+15552239999"]).exits(1).says("+15552239999 is not in account default");
    bench.run(&["route", "bell"]).exits(1);
    // The plan says what is called instead, too.
    let plan = bench.run(&["plan", "-f", "fleet.yaml", "--format", "json"]).exits(0).json();
    let found = plan["numbers"][0]["no_effect"].as_array().expect("a list").clone();
    let voice = found.iter().find(|one| one["field"] == "voice.url").expect("voice.url");
    assert_eq!(voice["effective_url"], "https://ivr.example/voice");
}

#[test]
fn a_region_takes_every_voice_setting() {
    let (sandbox, bench) = start(json!({}), &[]);
    sandbox.ask("POST", &format!("/v2/PhoneNumbers/{NUMBER}"), "VoiceRegion=ie1");
    bench.apply(&file("voice: {url: \"https://own.example/v\"}")).exits(0);
    let route = bench.run(&["route", NUMBER, "--format", "json"]).exits(0).json();
    assert_eq!(route["voice"]["url"], Value::Null, "{route:#}");
    assert_eq!(route["voice"]["via"], json!(["region:ie1"]));
    assert_eq!(route["voice"]["no_effect"][0]["field"], "voice.url");
}

#[test]
fn numbers_join_move_and_leave() {
    let (sandbox, bench) = start(json!({}), &[]);
    let with = |value: &str| file(&format!("sms: {{messaging_service_sid: {value}}}"));
    bench.apply(&with(&mg(1))).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(1)));
    assert_eq!((sandbox.count("join"), sandbox.count("leave"), sandbox.count("configure")), (1, 0, 0));
    let plan = bench.plan(&with(&mg(1))).exits(0).json();
    assert_eq!(
        (&plan["summary"]["unchanged"], plan["actions"].as_array().map(Vec::len)),
        (&json!(1), Some(0))
    );
    // A move is remove and add.
    let plan = bench.plan(&with(&mg(3))).exits(0).json();
    let change = &plan["actions"][0]["changes"][0];
    assert_eq!(*change, json!({"field": "sms.messaging_service_sid", "before": mg(1), "after": mg(3)}));
    bench.apply(&with(&mg(3))).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)));
    assert_eq!((sandbox.count("join"), sandbox.count("leave"), sandbox.count("configure")), (2, 1, 0));
    // What the file does not say is left as it is.
    bench.apply(&file("friendly_name: Support")).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)));
    bench.apply(&with("null")).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), None);
    bench.plan(&with("null")).exits(0).says("\"unchanged\":1");
}

#[test]
fn a_failure_between_the_two_writes_is_told_and_healed() {
    let (sandbox, bench) = start(json!({(NUMBER): mg(1)}), &[]);
    sandbox.faults("join#1=400/20001");
    let text = file(&format!("sms: {{messaging_service_sid: {}}}", mg(3)));
    bench.apply(&text).exits(3).says("is in none until the next run");
    assert_eq!(service_of(&sandbox, NUMBER), None);
    bench.apply(&text).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)));
    bench.plan(&text).exits(0).says("\"unchanged\":1");
}

#[test]
fn a_lost_answer_is_looked_up() {
    for fault in ["join#1=drop-after", "join#1=500-after", "join#1=drop", "leave#1=drop-after", "leave#1=500"]
    {
        let (sandbox, bench) = start(json!({(NUMBER): mg(1)}), &[]);
        sandbox.faults(fault);
        let text = file(&format!("sms: {{messaging_service_sid: {}}}", mg(3)));
        let ran = bench.apply(&text).exits(0);
        assert_eq!(ran.outcome(NUMBER), "succeeded", "{fault}");
        assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)), "{fault}");
    }
}

#[test]
fn a_full_service_is_told_of_before_and_typed_after() {
    let (_sandbox, bench) = start(json!({(OTHER): mg(1)}), &["--faults", "service-limit=1"]);
    bench
        .apply(&file(&format!("sms: {{messaging_service_sid: {}}}", mg(1))))
        .exits(3)
        .says("21714")
        .says("Number Pool size limit reached");
}

#[test]
fn a_purchase_and_a_transfer_come_before_their_service() {
    let (sandbox, bench) = start(json!({(NUMBER): mg(1)}), &[]);
    let text = two_accounts()
        + &format!(
            "numbers:\n  - {{phone_number: \"+14155550123\", account: main, sms: {{messaging_service_sid: {}}}}}\n  - \
             {{phone_number: \"{NUMBER}\", account: emea, sms: {{messaging_service: Alerts}}}}\n",
            mg(3)
        );
    bench.apply(&text).exits(0);
    assert_eq!(service_of(&sandbox, "+14155550123"), Some(mg(3)));
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(6)), "by the name in the account that it moved to");
    let plan = bench.plan(&text).exits(0).json();
    assert_eq!(
        (&plan["summary"]["unchanged"], plan["actions"].as_array().map(Vec::len)),
        (&json!(2), Some(0)),
        "{plan:#}"
    );
}

#[test]
fn names_are_looked_up_in_each_account() {
    let (sandbox, bench) = start(json!({}), &[]);
    let text = file("voice: {application: support-ivr}, sms: {messaging_service: Deferring}");
    bench.apply(&text).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)));
    assert_eq!(sandbox.setting(NUMBER, "voice.application_sid"), "AP00000000000000000000000000000001");
    bench.apply(&file("voice: {trunk: pbx}")).exits(0);
    assert_eq!(sandbox.setting(NUMBER, "voice.trunk_sid"), "TK00000000000000000000000000000001");
    sandbox.forget_requests();
    for (settings, part) in [
        ("voice: {application: suport-ivr}", "the account has \\\"support-ivr\\\""),
        ("sms: {messaging_service: Twice}", "more than one Messaging Service is named"),
        (
            "sms: {messaging_service: none}",
            "\\\"Alerts\\\", \\\"Deferring\\\", \\\"Silent\\\", \\\"Twice\\\"",
        ),
        ("voice: {trunk: none}", "the account has \\\"pbx\\\""),
        ("sms: {messaging_service_sid: MG000000000000000000000000000000ff}", "has no Messaging Service"),
        // Of another account.
        ("sms: {messaging_service_sid: MG00000000000000000000000000000006}", "has no Messaging Service"),
    ] {
        bench.plan(&file(settings)).exits(1).says(part);
        bench.apply(&file(settings)).exits(1).says(part);
    }
    for (settings, part) in [
        ("sms: {messaging_service_sid: AP00000000000000000000000000000001}", "messaging_service_sid"),
        (
            "sms: {messaging_service: Alerts, messaging_service_sid: MG00000000000000000000000000000001}",
            "twice",
        ),
        ("voice: {application: \"${APP}\"}", "placeholder"),
    ] {
        bench.write("bad.yaml", &file(settings));
        bench.run(&["validate", "-f", "bad.yaml"]).exits(1).says(part);
    }
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn export_writes_names_where_they_are_unique() {
    let (_sandbox, bench) = start(json!({(NUMBER): mg(3), (OTHER): mg(4)}), &[]);
    bench.apply(&file("voice: {application: support-ivr}")).exits(0);
    let exported = bench.run(&["export"]).exits(0);
    for part in [
        "messaging_service: Deferring",
        &format!("messaging_service_sid: {}", mg(4)),
        "application: support-ivr",
    ] {
        assert!(exported.out.contains(part), "{part}: {}", exported.out);
    }
    bench.write("exported.yaml", &exported.out);
    let plan = bench
        .run(&["plan", "-f", "exported.yaml", "--format", "json", "--detailed-exitcode"])
        .exits(0)
        .json();
    assert_eq!(plan["actions"], json!([]), "{plan:#}");
}

#[test]
fn a_saved_plan_knows_the_service() {
    let (sandbox, bench) = start(json!({(NUMBER): mg(1)}), &[]);
    bench.write("fleet.yaml", &file(&format!("sms: {{messaging_service_sid: {}}}", mg(3))));
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "a.json"]).exits(0);
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "b.json"]).exits(0);
    bench.run(&["apply", "--yes", "a.json"]).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)));
    bench.run(&["apply", "--yes", "b.json"]).exits(4).says("sms.messaging_service_sid");
    // Taken back like anything else.
    bench.run(&["undo", "--yes", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(1)));
}

#[test]
fn what_may_not_be_read_is_not_known_and_no_error() {
    for fault in
        ["routing#1+=403", "routing#1+=404", "routing#1+=401", "routing#1+=html", "routing#1+=truncate"]
    {
        let (sandbox, bench) = start(json!({(NUMBER): mg(2)}), &[]);
        sandbox.faults(fault);
        let text = file("friendly_name: New, sms: {url: \"https://own.example/sms\"}");
        let plan = bench.plan(&text).exits(0).json();
        let told: Vec<&Value> = plan["warnings"].as_array().expect("warnings").iter().collect();
        assert_eq!(told.len(), 1, "{fault}: {plan:#}");
        assert_eq!(told[0]["kind"], "routing_unknown", "{fault}");
        assert_eq!(plan["summary"]["no_effect"], 0);
        bench.apply(&text).exits(0);
        // What depends on it is held, and nothing is taken for none.
        let text = file("friendly_name: Newer, sms: {messaging_service_sid: null}");
        let plan = bench.plan(&text).exits(0).json();
        assert_eq!(plan["held"][0]["reason"], "messaging_service_unknown", "{fault}: {plan:#}");
        bench.apply(&text).exits(0);
        assert_eq!(service_of(&sandbox, NUMBER), Some(mg(2)));
        assert_eq!((sandbox.count("join"), sandbox.count("leave"), sandbox.count("configure")), (0, 0, 2));
        bench.run(&["route", NUMBER]).exits(0).says("Not known:");
    }
}

/// With a parent's credentials, Twilio shows the parent's Messaging Services: none of them says anything about
/// a subaccount's number, and none is asked for.
#[test]
fn a_parents_credentials_say_nothing_about_a_subaccounts_services() {
    let numbers = [owned(NUMBER, SUB, None, json!({})), owned(OTHER, MAIN, None, json!({}))];
    let mut state = world(&numbers);
    state["resources"] = json!({
        "all": {(mg(1)): service(MAIN, json!({"friendly_name": "Parent's"}))},
        "services": {(OTHER): mg(1)},
    });
    let (sandbox, bench) = Sandbox::with_state(&state, &[]);
    let bench = bench.with("NUMCTL_API", "incoming-phone-numbers").with("EMEA_AUTH_TOKEN", "");
    let accounts = format!("accounts:\n  main: {{sid: {MAIN}}}\n  emea: {{sid: {SUB}, parent: main}}\n");
    let file = |sms: &str| {
        let number = format!("{{phone_number: \"{NUMBER}\", account: emea, sms: {{{sms}}}}}");
        format!("version: 1\n{accounts}numbers:\n  - {number}\n")
    };
    let plan = bench.plan(&file("url: \"https://own.example/sms\"")).exits(0).json();
    assert_eq!(plan["warnings"][0]["kind"], "routing_unknown", "{plan:#}");
    assert_eq!(plan["summary"]["no_effect"], 0);
    assert_eq!(sandbox.count("routing"), 0);
    let plan = bench.plan(&file("messaging_service_sid: null")).exits(0).json();
    assert_eq!(plan["held"][0]["reason"], "messaging_service_unknown", "{plan:#}");
}

#[test]
fn a_server_without_these_paths_changes_nothing() {
    let row = format!(
        r#"{{"sid":"PN00000000000000000000000000000001","account_sid":"{MAIN}","phone_number":"{NUMBER}","sms_url":"https://own.example/sms"}}"#
    );
    for lost in [404, 401, 403, 500] {
        let row = row.clone();
        let fake = Fake::serve(move |asked| match asked.path.contains("IncomingPhoneNumbers") {
            true => (200, format!(r#"{{"incoming_phone_numbers":[{row}],"next_page_uri":null,"page":0}}"#)),
            false => (lost, "not here".to_owned()),
        });
        let bench = Bench::at(&fake.base_url).with("NUMCTL_API", "incoming-phone-numbers");
        let text = file("sms: {url: \"https://own.example/sms\"}");
        bench.plan(&text).exits(0);
        bench.run(&["run", "--once", "-f", "fleet.yaml"]).exits(0);
        bench.run(&["route", NUMBER]).exits(0);
        bench.run(&["export"]).exits(0);
    }
}

#[test]
fn files_that_cannot_depend_on_it_ask_for_nothing() {
    let (sandbox, bench) = start(json!({(NUMBER): mg(2)}), &[]);
    bench.plan(&file("friendly_name: x, voice: {url: \"https://a.example/\"}")).exits(0);
    bench.plan(&file("sms: {method: POST}")).exits(0);
    sandbox.counts(&[("list", 2), ("routing", 0), ("fetch", 0)]);
    sandbox.forget_requests();
    // The services of the account, and the numbers of each.
    bench.plan(&file("sms: {url: \"https://a.example/\"}")).exits(0);
    sandbox.counts(&[("list", 1), ("routing", 1 + 5), ("fetch", 0)]);
    sandbox.forget_requests();
    bench.plan(&file("voice: {application: support-ivr, trunk: null}")).exits(0);
    sandbox.counts(&[("list", 1), ("routing", 1)]);
}

#[test]
fn the_daemon_shows_it_and_heals_a_foreign_change() {
    let (sandbox, bench) = start(json!({(NUMBER): mg(2)}), &[]);
    bench.write("fleet.yaml", &file("sms: {url: \"https://own.example/sms\"}"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "200ms", "--listen", "0"]);
    let outside = Outside::of(&daemon);
    let status = outside.until("no effect", |status| status["counts"]["no_effect"] == 1);
    assert_eq!(status["state"], "no_effect", "{status:#}");
    let conditions = status["numbers"][0]["conditions"].as_array().expect("conditions").clone();
    let effective = conditions.iter().find(|one| one["type"] == "Effective").expect("Effective");
    assert_eq!(effective["status"], "False", "{effective:#}");
    assert!(outside.get("/metrics").contains(r#"numctl_numbers{condition="no_effect"} 1"#));
    bench.write("fleet.yaml", &file("sms: {url: \"https://own.example/sms\", messaging_service: Deferring}"));
    let status = outside.until("in sync", |status| status["counts"]["synced"] == 1);
    assert_eq!(status["state"], "in_sync");
    assert_eq!(service_of(&sandbox, NUMBER), Some(mg(3)));
    // Somebody else takes it out.
    let sid = sandbox.number(NUMBER).expect("owned")["sid"].as_str().expect("a SID").to_owned();
    sandbox.ask("DELETE", &format!("/v1/Services/{}/PhoneNumbers/{sid}", mg(3)), "");
    sandbox.wait_for("join", 2);
    drop(daemon);
}

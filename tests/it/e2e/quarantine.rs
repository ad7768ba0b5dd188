//! Quarantine through the real binary: a number that is to be released waits in another account first.

use jiff::civil::Date;
use numctl::model::number::PhoneNumber;
use numctl::model::quarantine::{Parked, marked};
use serde_json::{Value, json};

use super::harness::{Bench, MAIN, SUB, Sandbox, accounts_only, owned, two_accounts, world};

const NUMBER: &str = "+15552230000";

/// `emea` is where numbers wait.
fn policy(rest: &str) -> String {
    format!("policy: {{max_releases: 2, quarantine: {{account: emea, for: 30d}}{rest}}}\n")
}

fn with(policy: &str, numbers: &str) -> String {
    format!("{}{policy}numbers:\n{numbers}", two_accounts())
}

fn released() -> String {
    with(&policy(""), "  - {phone_number: \"+15552230000\", state: released}\n")
}

fn present() -> String {
    with(&policy(""), "  - {phone_number: \"+15552230000\"}\n")
}

fn a_world() -> (Sandbox, Bench) {
    let config = json!({"voice.url": "https://a.example/answer", "voice.method": "GET"});
    Sandbox::with_state(&world(&[owned(NUMBER, MAIN, Some("Main line"), config)]), &[])
}

fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn number() -> PhoneNumber {
    PhoneNumber::observed(NUMBER).expect("a number")
}

/// Where the number is, and what its name says.
fn stands(sandbox: &Sandbox) -> (String, String) {
    let entry = sandbox.number(NUMBER).expect("there");
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (text("account_sid"), text("friendly_name"))
}

/// Makes it a number that came so many days ago.
fn came(sandbox: &Sandbox, days: i32) {
    let since = today().saturating_sub(jiff::Span::new().days(days));
    rename(sandbox, &marked(Some("Main line"), number(), since));
}

/// Somebody else gives it a name, wherever it is.
fn rename(sandbox: &Sandbox, name: &str) {
    let entry = sandbox.number(NUMBER).expect("there");
    let (account, sid) = (entry["account_sid"].as_str().expect("one"), entry["sid"].as_str().expect("a SID"));
    let path = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json");
    let (status, body) = sandbox.ask("POST", &path, &format!("FriendlyName={name}"));
    assert_eq!(status, 200, "{body}");
}

fn actions(plan: &Value) -> Vec<(&str, &str)> {
    let actions = plan["actions"].as_array().expect("actions").iter();
    actions.map(|a| (a["kind"].as_str().expect("a kind"), a["reason"].as_str().expect("a reason"))).collect()
}

fn held(plan: &Value) -> Vec<&str> {
    plan["held"]
        .as_array()
        .expect("held")
        .iter()
        .map(|held| held["reason"].as_str().expect("a code"))
        .collect()
}

#[test]
fn it_waits_and_is_released_when_its_time_is_over() {
    let (sandbox, bench) = a_world();
    let plan = bench.plan(&released()).exits(0).json();
    assert_eq!(actions(&plan), [("transfer", "quarantined")]);
    bench.apply(&released()).exits(0);
    let (account, name) = stands(&sandbox);
    assert_eq!(account, SUB);
    assert_eq!(Parked::read(&name, number()), Some(Parked { name: "Main line", since: today() }), "{name}");
    assert_eq!(sandbox.setting(NUMBER, "voice.url"), "https://a.example/answer", "calls go where they went");
    sandbox.counts(&[("list", 4), ("transfer", 1), ("configure", 1)]);

    sandbox.forget_requests();
    let again = bench.apply(&released()).exits(0).json();
    assert_eq!(held(&again), ["in_quarantine"], "{again:#}");
    came(&sandbox, 30);
    sandbox.forget_requests();
    assert_eq!(held(&bench.plan(&released()).exits(0).json()), ["in_quarantine"], "the first day had begun");
    sandbox.counts(&[("list", 2)]);
    came(&sandbox, 31);
    let plan = bench.plan(&released()).exits(0).json();
    assert_eq!(actions(&plan), [("release", "tombstone")]);
    bench.apply(&released()).exits(0);
    assert!(sandbox.number(NUMBER).is_none());
    assert_eq!(sandbox.count("release"), 1);
    assert!(actions(&bench.plan(&released()).exits(0).json()).is_empty());
}

#[test]
fn an_old_mark_outside_counts_for_nothing() {
    let (sandbox, bench) = a_world();
    // It came back once, and kept the name. The move itself does not change that.
    came(&sandbox, 100);
    assert_eq!(actions(&bench.plan(&released()).exits(0).json()), [("configure", "quarantined")]);
    bench.apply(&released()).exits(0);
    let marked_today = marked(Some("Main line"), number(), today());
    assert_eq!(stands(&sandbox), (MAIN.to_owned(), marked_today.clone()));
    sandbox.forget_requests();
    bench.apply(&released()).exits(0);
    assert_eq!(stands(&sandbox), (SUB.to_owned(), marked_today));
    sandbox.counts(&[("list", 2), ("transfer", 1)]);
    assert_eq!(held(&bench.plan(&released()).exits(0).json()), ["in_quarantine"]);
}

#[test]
fn it_waits_with_its_configuration_even_where_a_move_clears_that() {
    let (sandbox, bench) = a_world();
    sandbox.faults("transfer-clears");
    bench.apply(&released()).exits(0);
    assert_eq!(sandbox.setting(NUMBER, "voice.url"), "https://a.example/answer");
    assert_eq!(sandbox.setting(NUMBER, "voice.method"), "GET");
    sandbox.counts(&[("list", 2), ("transfer", 1), ("configure", 1)]);
}

#[test]
fn a_saved_plan_moves_it_there_on_the_day_of_the_plan() {
    let (sandbox, bench) = a_world();
    bench.write("fleet.yaml", &released());
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    bench.run(&["apply", "plan.json", "--yes"]).exits(0);
    assert_eq!(stands(&sandbox), (SUB.to_owned(), marked(Some("Main line"), number(), today())));
}

#[test]
fn one_line_brings_it_back_with_its_name_and_its_configuration() {
    let (sandbox, bench) = a_world();
    let before = sandbox.number(NUMBER);
    bench.apply(&released()).exits(0);
    let back = bench.apply(&present()).exits(0).json();
    assert_eq!(actions(&back), [("transfer", "wrong_account"), ("configure", "drifted")]);
    assert_eq!(sandbox.number(NUMBER), before);
    bench.plan(&present()).exits(0);
    assert!(actions(&bench.plan(&present()).json()).is_empty());
}

#[test]
fn undo_brings_it_back_as_it_was() {
    let (sandbox, bench) = a_world();
    // Too long for the mark: the journal knows it all the same.
    let long = "A name that is as long as any name may be with this vendor: 64..";
    rename(&sandbox, long);
    let before = sandbox.number(NUMBER);
    bench.apply(&released()).exits(0);
    assert!(Parked::read(&stands(&sandbox).1, number()).is_some());
    bench.run(&["undo", "-f", "fleet.yaml", "--yes"]).exits(0);
    assert_eq!(sandbox.number(NUMBER), before);
}

#[test]
fn the_move_counts_as_a_release() {
    let (sandbox, bench) = a_world();
    let text = released().replace("max_releases: 2", "max_releases: 0");
    bench.apply(&text).exits(4).says("max_releases");
    assert_eq!(stands(&sandbox), (MAIN.to_owned(), "Main line".to_owned()));
}

#[test]
fn a_number_in_use_is_not_even_moved() {
    let (sandbox, bench) = a_world();
    sandbox.traffic(3, &["call to +15552230000 from +15550000001"]);
    let text = released().replace("for: 30d}", "for: 30d}, release_guard: 14d");
    assert_eq!(held(&bench.apply(&text).exits(0).json()), ["in_use"]);
    assert_eq!(stands(&sandbox).0, MAIN);
}

#[test]
fn nothing_is_moved_to_quarantine_before_its_replacement_is_there() {
    let (sandbox, bench) = a_world();
    let numbers =
        "  - {phone_number: \"+15552230000\", state: released}\n  - {phone_number: \"+15552230100\"}\n";
    sandbox.faults("purchase#1-9=400");
    bench.apply(&with(&policy(""), numbers)).exits(3);
    assert_eq!(stands(&sandbox).0, MAIN);
    assert_eq!(sandbox.count("transfer"), 0);
}

#[test]
fn a_number_that_somebody_put_there_is_marked_first() {
    let config = json!({"voice.url": "https://a.example/answer"});
    let (sandbox, bench) = Sandbox::with_state(&world(&[owned(NUMBER, SUB, Some("Main line"), config)]), &[]);
    let plan = bench.plan(&released()).exits(0).json();
    assert_eq!(actions(&plan), [("configure", "quarantined")]);
    bench.apply(&released()).exits(0);
    assert_eq!(stands(&sandbox).1, marked(Some("Main line"), number(), today()));
    // Somebody else's mark, an older one: the time begins anew.
    let other = PhoneNumber::observed("+15552230009").expect("a number");
    let copied = marked(Some("Main line"), other, today().saturating_sub(jiff::Span::new().days(90)));
    rename(&sandbox, &copied);
    bench.apply(&released()).exits(0);
    assert_eq!(stands(&sandbox).1, marked(Some("Main line"), number(), today()));
    assert_eq!(sandbox.count("release"), 0);
}

#[test]
fn a_move_whose_mark_was_lost_is_marked_by_the_next_run() {
    let (sandbox, bench) = a_world();
    sandbox.faults("configure#1=400");
    bench.apply(&released()).exits(3);
    assert_eq!(stands(&sandbox), (SUB.to_owned(), "Main line".to_owned()));
    bench.apply(&released()).exits(0);
    assert_eq!(stands(&sandbox).1, marked(Some("Main line"), number(), today()));
}

#[test]
fn what_the_file_does_not_name_waits_as_well_and_is_told_of_when_it_is_forgotten() {
    let (sandbox, bench) = a_world();
    let other = "  - {phone_number: \"+15552230100\"}\n...\n";
    let text = |unlisted: &str| with(&policy(&format!(", unlisted: {unlisted}")), other);
    bench.apply(&text("release")).exits(0);
    assert_eq!(stands(&sandbox).0, SUB);
    assert_eq!(held(&bench.plan(&text("release")).exits(0).json()), ["in_quarantine"]);
    for unlisted in ["ignore", "report"] {
        let plan = bench.plan(&text(unlisted)).exits(0).json();
        let left = plan["warnings"]
            .as_array()
            .expect("warnings")
            .iter()
            .filter(|w| w["kind"] == "left_in_quarantine");
        assert_eq!(left.count(), 1, "{plan:#}");
    }
    came(&sandbox, 31);
    bench.apply(&text("release")).exits(0);
    assert!(sandbox.number(NUMBER).is_none());
}

#[test]
fn a_claim_that_grows_again_gets_its_number_back() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let claiming = |count: u16| {
        format!(
            "{}policy: {{max_releases: 5, unlisted: release, quarantine: {{account: emea, for: 30d}}}}\nclaims:\n  \
             - {{name: nyc, count: {count}, account: main, match: {{country: US, type: local, area_code: 212}}}}\n...\n",
            accounts_only()
        )
    };
    bench.apply(&claiming(2).replace("unlisted: release", "unlisted: ignore")).exits(0);
    let held_by = |account: &str| -> Vec<String> {
        let state: Value = serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
        let numbers = state["numbers"].as_array().expect("numbers");
        let ours = numbers.iter().filter(|entry| {
            entry["account_sid"] == account
                && entry["friendly_name"].as_str().is_some_and(|name| name.contains("[nc1:nyc:"))
        });
        ours.map(|entry| entry["phone_number"].as_str().expect("a number").to_owned()).collect()
    };
    let before = held_by(MAIN);
    assert_eq!(before.len(), 2);
    // Of the numbers that the sandbox came with, nothing is asked here.
    let limit = |text: String| text.replace("max_releases: 5", "max_releases: 100%");
    bench.apply(&limit(claiming(1))).exits(0);
    assert_eq!((held_by(MAIN).len(), held_by(SUB).len()), (1, 1));
    sandbox.forget_requests();
    bench.apply(&limit(claiming(2))).exits(0);
    assert_eq!(held_by(MAIN), before);
    assert_eq!(sandbox.count("purchase"), 0);
}

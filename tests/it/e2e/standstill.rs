//! When nothing is to be changed: holds with an end, pauses, maintenance windows.

use std::time::{Duration, SystemTime};

use super::harness::{Bench, MAIN, SUB, Sandbox, two_accounts};

/// A time so many seconds from now, as a file writes it.
fn in_seconds(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let at = now.checked_add_signed(seconds).expect("a time");
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(at)).to_string()
}

fn held(bench: &Bench, file: &str) -> Vec<(String, String)> {
    let plan = bench.plan(file).exits(0).json();
    let text = |held: &serde_json::Value, key: &str| held[key].as_str().expect(key).to_owned();
    let held = plan["held"].as_array().expect("held");
    held.iter().map(|held| (text(held, "phone_number"), text(held, "reason"))).collect()
}

/// A number, an account and the whole file: drift is shown and not healed, until the hold is over.
#[test]
fn a_hold_has_an_end() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = |of_number: &str, of_account: &str, of_file: &str| {
        let head = two_accounts()
            .replace("credentials: {env: TWILIO}}", &format!("credentials: {{env: TWILIO}}{of_account}}}"));
        format!(
            "{head}policy: {{max_releases: 1{of_file}}}\nnumbers:\n  \
             - {{phone_number: \"+15552230000\", friendly_name: One{of_number}}}\n  \
             - {{phone_number: \"+15552230001\", friendly_name: Two}}\n"
        )
    };
    let hold = |at: &str| format!(", hold: {{until: {at}, why: audit}}");
    let (later, before) = (hold(&in_seconds(3600)), hold(&in_seconds(-1)));
    let one = vec![("+15552230000".to_owned(), "on_hold".to_owned())];
    assert_eq!(held(&bench, &file(&later, "", "")), one);
    assert_eq!(held(&bench, &file("", &later, "")).len(), 2);
    assert_eq!(held(&bench, &file("", "", &later)).len(), 2);
    assert!(held(&bench, &file(&before, &before, &before)).is_empty());
    bench.apply(&file(&later, "", "")).exits(0);
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], serde_json::Value::Null);
    assert_eq!(sandbox.number("+15552230001").expect("there")["friendly_name"], "Two");
    bench.apply(&file(&before, "", "")).exits(0);
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], "One");
    bench.plan(&file(", hold: {why: audit}", "", "")).exits(1).says("has no end");
    bench.plan(&file(", hold: {until: tomorrow}", "", "")).exits(1).says("is not a time");
    assert!(bench.read("fleet.yaml").contains(MAIN) && bench.read("fleet.yaml").contains(SUB));
}

/// Nothing is released while what may replace it is on hold.
#[test]
fn a_held_purchase_holds_the_releases() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = format!(
        "version: 1\npolicy: {{max_releases: 1}}\nnumbers:\n  \
         - {{phone_number: \"+15552230100\", hold: {{until: {}}}}}\n  \
         - {{phone_number: \"+15552230001\", state: released}}\n",
        in_seconds(3600)
    );
    assert_eq!(
        held(&bench, &file).into_iter().map(|(_, why)| why).collect::<Vec<_>>(),
        ["replacement_held", "on_hold"]
    );
    bench.apply(&file).exits(0);
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn nothing_is_changed_outside_the_windows_or_while_paused() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let file = |policy: &str| {
        format!(
            "version: 1\npolicy: {{{policy}}}\nnumbers: [{{phone_number: \"+15552230000\", friendly_name: One}}]\n"
        )
    };
    // Somewhere on earth it is another day of the week.
    let window = |from: &str, to: &str, days: &str| {
        format!("windows: [{{days: [{days}], from: \"{from}\", to: \"{to}\", zone: UTC}}]")
    };
    let all = "mon, tue, wed, thu, fri, sat, sun";
    assert!(held(&bench, &file(&window("00:00", "00:00", all))).is_empty());
    let shut = file("windows: [{days: [mon], from: \"00:00\", to: \"00:01\", zone: UTC}]");
    let monday_midnight = held(&bench, &shut).is_empty();
    if !monday_midnight {
        assert_eq!(held(&bench, &shut)[0].1, "outside_windows");
    }
    assert_eq!(held(&bench, &file("paused: true"))[0].1, "paused");
    bench.apply(&file("paused: true")).exits(0).says("is paused");
    assert_eq!(sandbox.writes(), 0);
    for (policy, says) in [
        ("windows: []", "nothing would ever be changed"),
        ("windows: [{from: \"9\", to: \"17:00\", zone: UTC}]", "is not a time of day"),
        ("windows: [{from: \"09:00\", to: \"17:00\", zone: Mars/Olympus}]", "there is no time zone"),
        ("windows: [{from: \"09:00\", to: \"17:00\"}]", "has no `zone`"),
        ("windows: [{days: [monday], from: \"09:00\", to: \"17:00\", zone: UTC}]", "is no day"),
    ] {
        bench.plan(&file(policy)).exits(1).says(says);
    }
}

/// SIGUSR1 pauses and SIGUSR2 resumes, without a restart.
#[test]
fn a_daemon_is_paused_and_goes_on_by_signal() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench
        .write("fleet.yaml", "version: 1\nnumbers: [{phone_number: \"+15552230000\", friendly_name: One}]\n");
    let daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "300ms"]);
    sandbox.wait_for("configure", 1);
    daemon.signal("USR1");
    let paused_at = sandbox.count("list");
    sandbox.wait_for("list", paused_at + 2);
    sandbox.edit("+15552230000", "FriendlyName=Theirs");
    let writes = sandbox.count("configure");
    let looked_at = sandbox.count("list");
    sandbox.wait_for("list", looked_at + 3);
    assert_eq!(sandbox.count("configure"), writes, "paused");
    daemon.signal("USR2");
    sandbox.wait_for("configure", writes + 1);
    daemon.signal("TERM");
    daemon.end().exits(0).says("by signal");
    assert_eq!(sandbox.number("+15552230000").expect("there")["friendly_name"], "One");
}

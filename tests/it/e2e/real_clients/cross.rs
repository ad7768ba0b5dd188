//! numctl and Twilio's SDK work on one fleet, and read each other's work.

use std::path::Path;

use serde_json::{Value, json};

use super::super::harness::{Bench, MAIN, Ran, SUB, Sandbox, two_accounts};
use super::install::Client;
use super::judges::{described, outside, place, python};

/// The SDK's hand: `tests/clients/python/hand.py`.
fn hand(installed: &Path, sandbox: &Sandbox, args: &[&str]) -> Value {
    let mut command = python(installed, "hand.py");
    command.args(args);
    let done = outside(command, &place(sandbox));
    assert_eq!(done.code, Some(0), "{args:?}\nstdout: {}\nstderr: {}", done.out, done.err);
    serde_json::from_str(&done.out).expect("JSON")
}

fn run(bench: &Bench, args: &[&str], file: &str) -> Ran {
    bench.write("fleet.yaml", file);
    bench.run(&[args, &["--format", "json", "-f", "fleet.yaml"]].concat())
}

/// `options` say which API numctl speaks.
fn each_reads_the_others_work(options: &[&str]) {
    let Some(installed) = Client::Python.installed() else { return };
    let (sandbox, bench) = Sandbox::start(&[]);
    let hand = |args: &[&str]| hand(&installed, &sandbox, args);
    let file = |numbers: &str| {
        format!("{}policy: {{max_releases: 1, on_vanished: rebuy}}\nnumbers:\n{numbers}", two_accounts())
    };
    let plan =
        |text: &str| run(&bench, &[&["plan"], options].concat(), text).exits(0).json()["summary"].clone();
    let counts = |purchase: u8, configure: u8, transfer: u8, release: u8, unchanged: u8, unlisted: u8| {
        json!({
            "purchase": purchase, "configure": configure, "transfer": transfer, "release": release,
            "unchanged": unchanged, "no_effect": 0, "held": 0, "unlisted": unlisted,
        })
    };

    // What the SDK has bought, configured, cleared and moved is what numctl finds.
    let bought = hand(&[
        "buy",
        "+14155550000",
        "friendly_name=Front desk & more",
        "voice_url=https://example.com/voice?a=1&b=two%20words",
        "voice_method=GET",
        "sms_url=https://example.com/sms",
        "status_callback=https://example.com/status",
    ]);
    assert_eq!(bought["account_sid"], MAIN);
    hand(&["set", "+15552230002", "voice_url=", "trunk_sid=TK00000000000000000000000000000001"]);
    hand(&["set", "+15552230003", &format!("account_sid={SUB}")]);
    let declared = file(concat!(
        "  - phone_number: \"+14155550000\"\n",
        "    friendly_name: Front desk & more\n",
        "    status_callback: https://example.com/status\n",
        "    voice: {url: \"https://example.com/voice?a=1&b=two%20words\", method: GET, fallback_url: null}\n",
        "    sms: {url: https://example.com/sms}\n",
        "  - phone_number: \"+15552230002\"\n",
        "    voice: {url: null, trunk_sid: TK00000000000000000000000000000001}\n",
        "  - {phone_number: \"+15552230003\", account: emea}\n",
    ));
    assert_eq!(plan(&declared), counts(0, 0, 0, 0, 3, 2));
    let get = [&["get", "--phone-number", "+14155550000"], options].concat();
    let row = run(&bench, &get, &declared).exits(0).json()[0].clone();
    assert_eq!((&row["phone_number"], &row["account_sid"]), (&json!("+14155550000"), &json!(MAIN)));

    // What numctl has bought, configured, cleared, moved and released is what the SDK finds.
    let wanted = file(concat!(
        "  - phone_number: \"+14155550000\"\n",
        "    friendly_name: Reception\n",
        "    status_callback: null\n",
        "    voice: {url: https://example.com/new, fallback_url: https://example.com/fallback}\n",
        "    sms: {url: null}\n",
        "  - phone_number: \"+12125550001\"\n",
        "    friendly_name: New York\n",
        "    voice: {url: https://example.com/ny, method: GET}\n",
        "  - phone_number: \"+15552230001\"\n",
        "    state: released\n",
        "  - phone_number: \"+15552230002\"\n",
        "    voice: {application_sid: AP00000000000000000000000000000001}\n",
        "  - {phone_number: \"+15552230003\", account: main}\n",
        "  - {phone_number: \"+15552230000\", account: emea}\n",
    ));
    assert_eq!(plan(&wanted), counts(1, 2, 2, 1, 0, 0));
    run(&bench, &[&["apply", "--yes"], options].concat(), &wanted).exits(0);
    let reception = hand(&["show", "+14155550000"]);
    assert_eq!(
        reception,
        json!({
            "account_sid": MAIN, "friendly_name": "Reception", "voice_url": "https://example.com/new",
            "voice_method": "GET", "voice_fallback_url": "https://example.com/fallback",
            "voice_application_sid": "", "trunk_sid": null, "sms_url": "", "sms_method": "POST",
            "sms_fallback_url": "", "status_callback": "",
        })
    );
    let new_york = hand(&["show", "+12125550001"]);
    assert_eq!(
        (&new_york["friendly_name"], &new_york["voice_url"], &new_york["voice_method"]),
        (&json!("New York"), &json!("https://example.com/ny"), &json!("GET"))
    );
    assert_eq!(hand(&["show", "+15552230001"]), Value::Null);
    let bound = hand(&["show", "+15552230002"]);
    let application = json!("AP00000000000000000000000000000001");
    assert_eq!((&bound["voice_application_sid"], &bound["trunk_sid"]), (&application, &Value::Null));
    assert_eq!(hand(&["show", "+15552230003"])["account_sid"], MAIN);
    assert_eq!(hand(&["show", "+15552230000"])["account_sid"], SUB);
    let settled = wanted.replace("  - phone_number: \"+15552230001\"\n    state: released\n", "");
    assert_eq!(plan(&settled), counts(0, 0, 0, 0, 5, 0));

    // What the SDK does behind numctl's back is seen, and put right.
    hand(&["set", "+14155550000", "voice_method=POST", "sms_url=https://example.com/mine"]);
    hand(&["release", "+12125550001"]);
    assert_eq!(plan(&settled), counts(1, 1, 0, 0, 3, 0));
    run(&bench, &[&["apply", "--yes"], options].concat(), &settled).exits(0);
    assert_eq!(hand(&["show", "+12125550001"])["friendly_name"], "New York");
    // The method was left out of the file: it stays as the SDK has made it.
    let reception = hand(&["show", "+14155550000"]);
    assert_eq!((&reception["voice_method"], &reception["sms_url"]), (&json!("POST"), &json!("")));
    // numctl's requests among them, where it speaks v2010.
    described(&sandbox);
}

#[test]
fn numctl_and_the_sdk_read_each_others_work_over_active_numbers() {
    each_reads_the_others_work(&[]);
}

#[test]
fn numctl_and_the_sdk_read_each_others_work_over_incoming_phone_numbers() {
    each_reads_the_others_work(&["--api", "incoming-phone-numbers"]);
}

//! An export read back: what is text stays text.

use std::collections::BTreeMap;
use std::sync::Arc;

use numctl::desired::Desired;
use numctl::model::number::PhoneNumber;
use numctl::model::settings::{Field, Managed, Settings, Value, Want};
use numctl::report::export::ExportedFleet;

use crate::fleets::{NUMBERS, Row, World, accounts, live};

/// Number, account, settings: what a file says, in its own words.
pub(super) type Said = Vec<(String, String, BTreeMap<String, String>)>;

pub(super) fn said(desired: &Desired) -> Said {
    let settings = |settings: &Managed| {
        let text = |field: Field, want: &Want| match want {
            // The file has the names of its secrets.
            Want::Set(Value::SecretUrl(url)) => url.written().to_string(),
            _ => want.wire(field),
        };
        settings.iter().map(|(field, want)| (field.json_name().to_owned(), text(field, want))).collect()
    };
    let numbers = desired.numbers.iter();
    numbers
        .map(|d| (d.number.to_string(), desired.account(d.account).name.to_string(), settings(&d.settings)))
        .collect()
}

/// Reads a file as YAML, and no more of its rules than the merge.
pub(super) fn read_back(yaml: &str) -> Said {
    let file: serde_yaml::Value = serde_yaml::from_str(yaml).expect("YAML");
    let of = |map: &serde_yaml::Value| {
        let mut settings = BTreeMap::new();
        for (key, value) in map.as_mapping().into_iter().flatten() {
            let key = key.as_str().expect("a key");
            match value {
                serde_yaml::Value::Mapping(inner) => settings.extend(inner.iter().map(|(inner, value)| {
                    (format!("{key}.{}", inner.as_str().expect("a key")), text(value))
                })),
                value => drop(settings.insert(key.to_owned(), text(value))),
            }
        }
        settings
    };
    let numbers = file["numbers"].as_sequence().expect("numbers");
    let number = |number: &serde_yaml::Value| {
        let mut settings = of(&file["defaults"]);
        if let Some(profile) = number["profile"].as_str() {
            settings.extend(of(&file["profiles"][profile]));
        }
        settings.extend(of(number));
        let mut take = |key| settings.remove(key);
        let (number, account) = (take("phone_number"), take("account"));
        take("profile");
        (number.expect("a number"), account.expect("an account"), settings)
    };
    numbers.iter().map(number).collect()
}

fn text(value: &serde_yaml::Value) -> String {
    match value {
        serde_yaml::Value::String(text) => text.clone(),
        serde_yaml::Value::Bool(flag) => flag.to_string(),
        other => panic!("{other:?} is neither a text nor a flag"),
    }
}

/// Text that YAML readers take for something else stays text.
#[test]
fn exported_text_stays_text() {
    for name in [
        "no",
        "NULL",
        "~",
        "1e3",
        "0x1f",
        "12:30:45",
        "2026-01-01",
        "- x",
        "# x",
        "a: b",
        "a #b",
        "'",
        "\"",
        "\\",
        "\\u0041",
        "&a",
        "*a",
        "!x",
        "%x",
        "@x",
        "`x",
        "{a}",
        "[a]",
        " x ",
        "=",
        "<<",
        "东京 ☎️",
        "\u{202e}x\u{200b}",
        "x\u{e0041}",
        "\u{feff}x",
        "\u{2028}",
        "...",
        "---",
        "|",
        ">",
        "?",
        "😀",
    ] {
        let row = Row {
            account: 0,
            number: Some(NUMBERS[0]),
            has_sid: true,
            may_repeat: false,
            settings: [(Field::FriendlyName, Value::Text(name.into()))].into(),
            sms: None,
        };
        let world = World { accounts: vec![vec![live(0, row)], vec![], vec![]], bought: 0 };
        let fleet = ExportedFleet::from_observed(&accounts(), &world.observed());
        assert_eq!(read_back(&fleet.to_yaml()), said(&fleet.to_desired()), "{name:?}");
    }
}

/// What a file may not say is left out and told.
#[test]
fn what_cannot_be_declared_is_left_out_with_a_comment() {
    let odd = |field: Field, text: &str| {
        let value = Value::observed(field.kind(), text).expect("not empty");
        let settings: Settings = [(field, value)].into_iter().collect();
        let mut live = live(
            field as u64,
            Row {
                account: 0,
                number: None,
                has_sid: true,
                may_repeat: false,
                settings: BTreeMap::new(),
                sms: Some(!field.is_sms()),
            },
        );
        live.number = PhoneNumber::observed(&format!("+1555223{:04}", field as u64));
        match settings.get(Field::FriendlyName) {
            Some(name) => live.friendly_name = Some(name.wire().into()),
            None => live.settings = Arc::new(settings),
        }
        live
    };
    let rows = vec![
        odd(Field::FriendlyName, &"x".repeat(65)),
        odd(Field::VoiceUrl, "/answer"),
        odd(Field::StatusCallback, "https://u:hunter2@h.example/\u{1b}"),
        odd(Field::VoiceFallbackUrl, "https://h.example/"),
        odd(Field::VoiceMethod, "PATCH\n- phone_number: \"+15550000000\""),
        odd(Field::SmsUrl, "https://h.example/sms"),
    ];
    let world = World { accounts: vec![rows, vec![], vec![]], bought: 0 };
    let fleet = ExportedFleet::from_observed(&accounts(), &world.observed());
    let yaml = fleet.to_yaml();
    assert_eq!(fleet.left_out.len(), 6, "{yaml}");
    assert!(fleet.numbers.iter().all(|entry| entry.settings.is_empty()), "{yaml}");
    assert_eq!(read_back(&yaml).len(), 6, "{yaml}");
    assert!(!yaml.contains("hunter2"), "{yaml}");
}

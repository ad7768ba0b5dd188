//! Tests of saved plans.

use super::*;
use crate::desired::{CredentialsAt, EnvPrefix, OnVanished, SecretName};
use crate::model::claim::Slot;
use crate::model::hold::Window;
use crate::model::provider::{HostLabel, Site};
use crate::plan::claims::Claimed;

fn sid(letter: &str) -> String {
    letter.repeat(32)
}

fn window() -> Window {
    Window {
        days: vec![jiff::civil::Weekday::Tuesday],
        from: jiff::civil::time(9, 0, 0, 0),
        to: jiff::civil::time(17, 0, 0, 0),
        zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone"),
    }
}

fn sample() -> SavedPlan {
    let number = |text: &str| PhoneNumber::declared(text).expect("a number");
    let target = |text: &str, account| Target {
        number: number(text),
        sid: NumberSid::observed(&format!("PN{}", sid("a"))),
        account: AccountIndex(account),
        before: [(Field::VoiceUrl, Value::Url("https://u:hunter2@a.example".into()))].into_iter().collect(),
    };
    let settings: Managed = [
        (Field::VoiceUrl, Want::Set(Value::Url("https://b.example".into()))),
        (Field::SmsUrl, Want::Clear),
        (Field::VoiceCallerIdLookup, Want::Set(Value::Flag(true))),
    ]
    .into_iter()
    .collect();
    let changes = vec![FieldChange {
        field: Field::VoiceUrl,
        before: Some(Value::Url("https://u:hunter2@a.example".into())),
        want: Want::Set(Value::Url("https://b.example".into())),
    }];
    let account = |name: &str, letter: &str, parent| AccountRef {
        name: name.into(),
        sid: AccountSid::declared(&format!("AC{}", sid(letter))).expect("a SID"),
        parent,
    };
    let steps = vec![
        Step {
            action: Action::Purchase {
                number: number("+15552230000"),
                account: AccountIndex(0),
                settings: settings.clone(),
                claim: Some(Box::new(Claimed {
                    slot: Slot::parse("nyc-support/2").expect("a slot"),
                    label: Some("Support".into()),
                    instead: vec![number("+15552230009")],
                })),
            },
            reason: Reason::Claimed,
        },
        Step {
            action: Action::Transfer { target: target("+15552230001", 0), to: AccountIndex(1), settings },
            reason: Reason::WrongAccount,
        },
        Step {
            action: Action::Configure {
                target: target("+15552230002", 0),
                account: AccountIndex(0),
                changes,
            },
            reason: Reason::Drifted,
        },
        Step { action: Action::Release { target: target("+15552230003", 1) }, reason: Reason::Tombstone },
    ];
    SavedPlan {
        plan: Plan {
            unchanged: 3,
            unlisted: 2,
            ..Plan::from_steps(
                vec![account("main", "a", None), account("emea", "b", Some(AccountIndex(0)))],
                steps,
            )
        },
        access: vec![
            Access {
                api: Some(Api::IncomingPhoneNumbers),
                site: Site { region: HostLabel::parse("ie1"), edge: HostLabel::parse("dublin") },
                credentials: EnvPrefix::parse("TWILIO").map(CredentialsAt::Env),
            },
            Access { credentials: SecretName::parse("emea").map(CredentialsAt::File), ..Access::default() },
        ],
        limits: crate::desired::Policy::default().limits,
        holds: Holds {
            standstill: Standstill { windows: vec![window()], ..Standstill::default() },
            on_vanished: Some(OnVanished::Report),
            own_on_vanished: [(number("+15552230000"), OnVanished::Rebuy)].into(),
            ..Holds::default()
        },
        files: vec!["fleet.yaml".into()],
        content: Generation::parse("00ff00ff00ff00ff"),
        tool_version: "0.1.0".to_owned(),
        seal: None,
        hidden: Vec::new(),
    }
}

#[test]
fn a_saved_plan_reads_back_as_it_was() {
    let saved = sample();
    let read = SavedPlan::from_json(&saved.to_json()).expect("reads back");
    assert_eq!(read, saved);
    assert_eq!(Digest::from_plan(&read.plan), Digest::from_plan(&saved.plan));
}

#[test]
fn any_edit_is_noticed() {
    let text = sample().to_json();
    for (from, to) in [
        ("b.example", "evil.example"),
        ("\"release\"", "\"configure\""),
        ("\"max_releases\": \"0\"", "\"max_releases\": \"9\""),
        ("09:00", "08:00"),
        ("+15552230000", "+15552230009"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(SavedPlan::from_json(&text.replacen(from, to, 1)).is_err(), "{from}");
    }
}

#[test]
fn other_files_are_no_plans() {
    for text in ["", "{}", "[]", "version: 1", r#"{"kind":"numctl-plan","format_version":9}"#] {
        assert!(SavedPlan::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn passwords_are_declared() {
    assert!(sample().carries_passwords());
    assert!(sample().to_json().contains("\"carries_webhook_passwords\": true"));
}

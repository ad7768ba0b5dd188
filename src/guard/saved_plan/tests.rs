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
        ("00ff00ff00ff00ff", "11ff00ff00ff00ff"),
        // Files of no known content would not be held to it.
        ("\"content\": \"00ff00ff00ff00ff\",", ""),
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

/// The file says so, and is written for its owner only, wherever in it a password is.
#[test]
fn a_password_anywhere_is_declared() {
    let secret = || Value::Url("https://u:hunter2@a.example".into());
    let none = SavedPlan { plan: Plan::from_steps(sample().plan.accounts, Vec::new()), ..sample() };
    assert!(!none.carries_passwords() && !none.has_claims() && sample().has_claims());
    let number = PhoneNumber::declared("+15552230009").expect("a number");
    let target = |before: Settings| Target { number, sid: None, account: AccountIndex(0), before };
    let set = |value: Value| -> Managed {
        [
            (Field::SmsUrl, Want::Set(Value::Url("https://b.example".into()))),
            (Field::VoiceUrl, Want::Set(value)),
        ]
        .into_iter()
        .collect()
    };
    let plain = || Value::Url("https://a.example".into());
    let with = |value: Value| {
        let before: Settings =
            [(Field::SmsUrl, plain()), (Field::VoiceUrl, value.clone())].into_iter().collect();
        let change = |want| FieldChange { field: Field::VoiceUrl, before: None, want };
        let changes = vec![change(Want::Clear), change(Want::Set(value.clone()))];
        [
            Action::Purchase { number, account: AccountIndex(0), settings: set(value.clone()), claim: None },
            Action::Transfer {
                target: target(Settings::default()),
                to: AccountIndex(1),
                settings: set(value),
            },
            Action::Configure { target: target(Settings::default()), account: AccountIndex(0), changes },
            Action::Release { target: target(before) },
        ]
    };
    for (value, carries) in [(secret(), true), (plain(), false)] {
        for action in with(value) {
            let kind = action.kind();
            let steps = vec![Step { action, reason: Reason::Drifted }];
            let saved = SavedPlan { plan: Plan::from_steps(sample().plan.accounts, steps), ..sample() };
            assert_eq!(saved.carries_passwords(), carries, "{kind:?}");
            assert!(!saved.has_claims());
            let read = SavedPlan::from_json(&saved.to_json()).expect("reads back");
            assert_eq!(read, saved);
        }
    }
}

/// Another program's file of the same shape, or another version's, is not taken; ours ends in a line's end.
#[test]
fn a_plan_says_that_it_is_one_and_of_which_format() {
    let text = sample().to_json();
    assert!(text.ends_with("}\n") && text.contains("\"format_version\": 2"));
    let read = |from: &str, to: &str| SavedPlan::from_json(&text.replacen(from, to, 1)).expect_err(to);
    assert!(matches!(read("numctl-plan", "other-plan"), SavedPlanError::NotAPlan(_)));
    assert_eq!(read("\"format_version\": 2", "\"format_version\": 1"), SavedPlanError::OtherFormat(1));
    assert_eq!(read("\"emea\"", "\"main\""), SavedPlanError::Changed);
    // What a reviewer reads is what is carried out: an edit that is sealed again has another digest.
    let plain = SavedPlan { plan: Plan::from_steps(sample().plan.accounts, Vec::new()), ..sample() };
    let digest = Digest::from_plan(&plain.plan).to_string();
    let forged = plain.to_json().replacen(&digest, &"0".repeat(digest.len()), 1);
    assert_eq!(SavedPlan::from_json(&forged), Err(SavedPlanError::Changed));
}

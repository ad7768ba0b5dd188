//! The plans that the golden files show.

use jiff::civil::date;
use numctl::client::listing::ListingNote;
use numctl::desired::{AccountIndex, AccountRef};
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Field, Managed, Settings, Value, Want};
use numctl::model::traffic::{Lookback, Medium, Side, Use};
use numctl::observed::{Papers, Trouble};
use numctl::plan::diff::FieldChange;
use numctl::plan::{Action, HeldNumber, HeldReason, LeftOut, Plan, Reason, Step, Target, Warning};

pub(super) const MAIN: AccountIndex = AccountIndex(0);
pub(super) const EMEA: AccountIndex = AccountIndex(1);

pub(super) fn number(last: u64) -> PhoneNumber {
    PhoneNumber::declared(&format!("+1555{:07}", 2_230_000 + last)).expect("a number")
}

pub(super) fn sid(last: u64) -> NumberSid {
    NumberSid::declared(&format!("PN{last:032x}")).expect("a SID")
}

pub(super) fn value(field: Field, text: &str) -> Value {
    Value::observed(field.kind(), text).expect("not empty")
}

pub(super) fn target(last: u64, account: AccountIndex, before: &[(Field, &str)]) -> Target {
    let before: Settings = before.iter().map(|(field, text)| (*field, value(*field, text))).collect();
    Target { number: number(last), sid: Some(sid(last)), account, before }
}

pub(super) fn change(field: Field, before: Option<&str>, after: Option<&str>) -> FieldChange {
    let want = after.map_or(Want::Clear, |text| Want::Set(value(field, text)));
    FieldChange { field, before: before.map(|text| value(field, text)), want }
}

pub(super) fn configure(last: u64, name: Option<&str>, changes: Vec<FieldChange>) -> Step {
    let before: Vec<_> = name.into_iter().map(|name| (Field::FriendlyName, name)).collect();
    let target = target(last, MAIN, &before);
    Step { action: Action::Configure { target, account: MAIN, changes }, reason: Reason::Drifted }
}

pub(super) fn release(last: u64, name: Option<&str>, reason: Reason) -> Step {
    let before: Vec<_> = name.into_iter().map(|name| (Field::FriendlyName, name)).collect();
    Step { action: Action::Release { target: target(last, MAIN, &before) }, reason }
}

pub(super) fn purchase(last: u64, settings: &[(Field, &str)]) -> Step {
    let settings: Managed =
        settings.iter().map(|(field, text)| (*field, Want::Set(value(*field, text)))).collect();
    Step {
        action: Action::Purchase { number: number(last), account: MAIN, settings, claim: None },
        reason: Reason::Missing,
    }
}

pub(super) fn transfer(last: u64) -> Step {
    let target = target(last, MAIN, &[(Field::FriendlyName, "Paris desk")]);
    Step {
        action: Action::Transfer { target, to: EMEA, settings: Managed::default() },
        reason: Reason::WrongAccount,
    }
}

pub(super) fn plan(steps: Vec<Step>) -> Plan {
    plan_of("main", "emea", steps)
}

pub(super) fn plan_of(main: &str, emea: &str, steps: Vec<Step>) -> Plan {
    let account = |name: &str, letter: &str, parent| AccountRef {
        name: name.into(),
        sid: AccountSid::declared(&format!("AC{}", letter.repeat(32))).expect("a SID"),
        parent,
    };
    Plan {
        unchanged: 37,
        unlisted: 2,
        live: vec![30, 10],
        ..Plan::from_steps(vec![account(main, "a", None), account(emea, "b", Some(MAIN))], steps)
    }
}

pub(super) fn four_kinds() -> Plan {
    plan(vec![
        purchase(
            0,
            &[
                (Field::FriendlyName, "Support line, New York"),
                (Field::VoiceUrl, "https://voice.example.com/answer"),
                (Field::VoiceMethod, "POST"),
            ],
        ),
        transfer(1),
        configure(
            2,
            Some("Billing"),
            vec![
                change(
                    Field::VoiceUrl,
                    Some("https://old.example.com/v1/answer?lang=en"),
                    Some("https://voice.example.com/v2/answer?lang=en"),
                ),
                change(Field::VoiceMethod, Some("GET"), Some("POST")),
                change(Field::VoiceCallerIdLookup, None, Some("true")),
                change(Field::SmsUrl, Some("https://voice.example.com/sms"), None),
            ],
        ),
        configure(3, None, vec![change(Field::FriendlyName, Some("Suport line"), Some("Support line"))]),
        release(4, Some("Trade fair 2019"), Reason::Tombstone),
    ])
}

pub(super) fn three() -> Plan {
    plan((0..3).map(|last| configure(last, Some("Support"), moved_url(None))).collect())
}

pub(super) fn moved_url(old: Option<u64>) -> Vec<FieldChange> {
    let old = old
        .map_or_else(|| "https://old.example.com/answer".into(), |n| format!("https://old.example.com/{n}"));
    vec![change(Field::VoiceUrl, Some(&old), Some("https://voice.example.com/answer"))]
}

pub(super) fn three_thousand() -> Plan {
    let mut steps: Vec<_> = (0..2_000).map(|last| configure(last, None, moved_url(None))).collect();
    // Every second one: no ranges.
    steps.extend((0..1_000).map(|at| configure(2_000 + 2 * at, None, moved_url(None))));
    steps.extend((0..500).map(|at| {
        configure(
            10_000 + at,
            None,
            vec![change(
                Field::SmsUrl,
                Some(&format!("https://old.example.com/{at}")),
                Some("https://voice.example.com/sms"),
            )],
        )
    }));
    steps.extend((0..100).map(|at| {
        configure(
            20_000 + at,
            None,
            vec![change(Field::FriendlyName, Some(&format!("line {at}")), Some(&format!("Line {at}")))],
        )
    }));
    let mut plan = plan(steps);
    plan.warnings = (0..3_000)
        .map(|last| Warning::Inert { number: number(last), overridden_by: Field::VoiceTrunkSid })
        .collect();
    plan
}

pub(super) const HOSTILE: &str =
    "\u{1b}[2J\u{202e}``` </details> @team #1 | <img src=x> [a](http://b)\r\n+ purchase \u{200b}\"x\"";

pub(super) fn hostile() -> Plan {
    let evil_url = "https://u:p@x.example/```</details>|@team\u{1b}[31m?a=\u{9b}1";
    let mut plan = plan_of(
        "ma`in|</summary>@team",
        "emea\n# heading\u{202e}",
        vec![
            purchase(0, &[(Field::FriendlyName, HOSTILE)]),
            transfer(1),
            configure(
                2,
                Some(HOSTILE),
                vec![
                    change(Field::FriendlyName, Some(HOSTILE), Some("fine")),
                    change(Field::VoiceUrl, Some(evil_url), Some("https://fine.example")),
                    change(Field::VoiceMethod, Some("PATCH\u{1b}c```"), Some("POST")),
                ],
            ),
            release(4, Some(HOSTILE), Reason::Unlisted),
        ],
    );
    plan.warnings = vec![Warning::Listing { account: EMEA, note: ListingNote::NotANumber(HOSTILE.into()) }];
    plan.held = vec![HeldNumber { number: number(7), account: EMEA, why: HeldReason::Ambiguous }];
    plan
}

pub(super) fn secrets() -> Plan {
    plan(vec![
        configure(
            0,
            None,
            vec![change(
                Field::VoiceUrl,
                Some("https://hook:hunter2@voice.example.com/answer"),
                Some("https://hook:correcthorse@voice.example.com/answer"),
            )],
        ),
        configure(
            1,
            None,
            vec![change(
                Field::SmsUrl,
                Some("https://voice.example.com/sms?token=hunter2"),
                Some("https://voice.example.com/sms?token=correcthorse&v=2"),
            )],
        ),
    ])
}

pub(super) fn held_and_warnings() -> Plan {
    let mut plan = plan(Vec::new());
    let held = |last, why| HeldNumber { number: number(last), account: EMEA, why };
    plan.held = vec![
        held(0, HeldReason::ProtectedFromTransfer { lives_in: MAIN }),
        HeldNumber {
            number: PhoneNumber::declared("88811").expect("a short code"),
            account: MAIN,
            why: HeldReason::ShortCodeNotBought,
        },
        held(1, HeldReason::ReleaseInOtherAccount { lives_in: MAIN }),
        held(4, HeldReason::ProtectedFromRelease),
        held(5, HeldReason::Paused),
        held(6, HeldReason::OutsideWindows),
        held(7, HeldReason::OnHold { until: 1_796_115_600 }),
        held(2, HeldReason::Ambiguous),
        held(3, HeldReason::Ambiguous),
        held(2, HeldReason::LeftOut(LeftOut::NoSms)),
        held(3, HeldReason::LeftOut(LeftOut::FallbackWithoutPrimary { field: Field::VoiceFallbackUrl })),
        held(4, HeldReason::LeftOut(LeftOut::FallbackWithoutPrimary { field: Field::SmsFallbackUrl })),
        held(4, HeldReason::LeftOut(LeftOut::FallbackInTheWay { field: Field::SmsUrl })),
    ];
    let listing = |note| Warning::Listing { account: MAIN, note };
    plan.warnings = vec![
        Warning::Inert { number: number(0), overridden_by: Field::VoiceTrunkSid },
        Warning::Inert { number: number(1), overridden_by: Field::SmsApplicationSid },
        Warning::ClearsUnmanaged {
            number: number(5),
            sets: Field::VoiceTrunkSid,
            clears: Field::VoiceApplicationSid,
        },
        Warning::Unlisted { number: number(6), account: EMEA },
        listing(ListingNote::Repeated(sid(7))),
        listing(ListingNote::NoNumber(Some(sid(8)))),
        listing(ListingNote::NoNumber(None)),
        listing(ListingNote::NotANumber("anonymous".into())),
        listing(ListingNote::NoSid(number(9))),
        Warning::UseUnread { account: EMEA, why: "403: the key\u{1b}[2J may not".into() },
    ];
    plan
}

/// What waits before it is released, and what is moved there.
pub(super) fn quarantine() -> Plan {
    let moved = |last| {
        let step = transfer(last);
        Step { reason: Reason::Quarantined, ..step }
    };
    let mut marking =
        configure(6, None, vec![change(Field::FriendlyName, Some("Fax"), Some("Fax [nq1:2026-11-26:0a56]"))]);
    marking.reason = Reason::Quarantined;
    let mut plan = plan(vec![
        marking,
        moved(1),
        moved(2),
        release(4, Some("Fair [nq1:2026-10-01:1f0c]"), Reason::Tombstone),
    ]);
    plan.unused = Some(guard_of_30_days());
    let why = HeldReason::InQuarantine { since: date(2026, 11, 1), until: date(2026, 12, 2) };
    let held = |last, why| HeldNumber { number: number(last), account: EMEA, why };
    plan.held = vec![held(7, why), held(8, HeldReason::DayUnknown)];
    plan.warnings =
        vec![Warning::LeftInQuarantine { number: number(9), account: EMEA, since: date(2026, 11, 1) }];
    plan
}

pub(super) fn guard_of_30_days() -> Lookback {
    Lookback::parse("30d").expect("a time")
}

pub(super) fn used(medium: Medium, side: Side) -> Use {
    Use { at: "2026-08-03T10:00:00Z".parse().expect("a time"), medium, side }
}

/// Accounts in which nothing is planned, and what follows from that.
pub(super) fn troubles() -> Plan {
    let mut plan = plan(vec![purchase(0, &[(Field::VoiceUrl, "https://voice.example.com/answer")])]);
    let trouble = |why: &str, help: Option<&str>, request_id: Option<&str>| Trouble {
        why: why.to_owned(),
        help: help.map(str::to_owned),
        request_id: request_id.map(str::to_owned),
    };
    plan.troubles = vec![
        (EMEA, trouble("it is suspended: nothing can be changed in it", Some("wake it"), None)),
        (MAIN, trouble("\u{1b}[2J``` </details> @team #1 | <img src=x>\nnext line", None, Some("RQ1"))),
    ];
    let held = |last, why| HeldNumber { number: number(last), account: MAIN, why };
    let papers = |address, bundle| HeldReason::PapersMissing { papers: Papers { address, bundle } };
    plan.held = vec![
        held(1, HeldReason::InUnlistedAccount { sid: plan.account(EMEA).sid }),
        held(2, papers(true, true)),
        held(3, papers(true, false)),
        held(4, papers(false, true)),
        held(5, HeldReason::PerhapsIn { account: EMEA }),
        held(6, HeldReason::AccountInTrouble { account: EMEA }),
        held(7, HeldReason::ReplacementHeld),
        held(8, HeldReason::BackingOff { until: 1_796_115_600, times: 1 }),
        held(8, HeldReason::BackingOff { until: 1_796_115_600, times: 4 }),
        held(9, HeldReason::Flapping { field: Field::VoiceUrl }),
        held(10, HeldReason::InUse { last: used(Medium::Call, Side::To), guard: guard_of_30_days() }),
        held(11, HeldReason::InUse { last: used(Medium::Message, Side::From), guard: guard_of_30_days() }),
        held(12, HeldReason::UseUnknown),
        held(13, HeldReason::OnTrunk { guard: guard_of_30_days() }),
    ];
    plan
}

/// Beyond the cap: releases without ranges, purchases that share nothing but their fields.
pub(super) fn large() -> Plan {
    let mut steps = Vec::new();
    for at in 0..30 {
        let url = format!("https://voice.example.com/{at}/{}", "x".repeat(900));
        steps.push(purchase(2 * at, &[(Field::VoiceUrl, &url), (Field::SmsUrl, &url)]));
    }
    for at in 0..30 {
        let (old, new) = ("a".repeat(700), format!("{}{at}", "b".repeat(700)));
        let change = change(
            Field::VoiceUrl,
            Some(&format!("https://old.example.com/{old}")),
            Some(&format!("https://voice.example.com/{new}")),
        );
        steps.push(configure(10_000 + at, None, vec![change]));
    }
    steps.extend((0..2_000).map(|at| release(20_000 + 2 * at, Some("Old line"), Reason::Unlisted)));
    plan(steps)
}

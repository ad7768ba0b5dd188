//! What people and machines read, kept in files. `UPDATE_EXPECT=1 cargo test --test it golden`
//! rewrites them; read every difference as a user would.

use std::sync::Arc;

use expect_test::expect_file;
use jiff::civil::date;
use numctl::client::listing::{ListingBuilder, Note, Page, Progress};
use numctl::desired::AccountRef;
use numctl::desired::{
    Access, Account, AccountIndex, CredentialsAt, EnvPrefix, Limit, Limits, MonthlyLimits, Policy,
};
use numctl::guard::budget::Outlook;
use numctl::guard::cost::{Bill, NotKnown, Unpriced};
use numctl::guard::{self, OperatorLimits, Refusal};
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::money::{Money, Sums};
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::tariff::{Class, Country, Kind, PossibleKind};
use numctl::observed::{Observed, Papers, Trouble};
use numctl::plan::diff::FieldChange;
use numctl::plan::{Action, Held, HeldReason, LeftOut, Plan, Reason, Step, Target, Warning};
use numctl::report::export;
use numctl::report::{json, markdown, text};
use proptest::prelude::*;

use numctl::model::settings::{Field, Managed, Settings, Value, Want};
use numctl::model::traffic::{Lookback, Medium, Side, Use};

const MAIN: AccountIndex = AccountIndex(0);
const EMEA: AccountIndex = AccountIndex(1);

fn number(last: u64) -> PhoneNumber {
    PhoneNumber::declared(&format!("+1555{:07}", 2_230_000 + last)).expect("a number")
}

fn sid(last: u64) -> NumberSid {
    NumberSid::declared(&format!("PN{last:032x}")).expect("a SID")
}

fn value(field: Field, text: &str) -> Value {
    Value::observed(field.kind(), text).expect("not empty")
}

fn target(last: u64, account: AccountIndex, before: &[(Field, &str)]) -> Target {
    let before: Settings = before.iter().map(|(field, text)| (*field, value(*field, text))).collect();
    Target { number: number(last), sid: Some(sid(last)), account, before }
}

fn change(field: Field, before: Option<&str>, after: Option<&str>) -> FieldChange {
    let want = after.map_or(Want::Clear, |text| Want::Set(value(field, text)));
    FieldChange { field, before: before.map(|text| value(field, text)), want }
}

fn configure(last: u64, name: Option<&str>, changes: Vec<FieldChange>) -> Step {
    let before: Vec<_> = name.into_iter().map(|name| (Field::FriendlyName, name)).collect();
    let target = target(last, MAIN, &before);
    Step { action: Action::Configure { target, account: MAIN, changes }, reason: Reason::Drifted }
}

fn release(last: u64, name: Option<&str>, reason: Reason) -> Step {
    let before: Vec<_> = name.into_iter().map(|name| (Field::FriendlyName, name)).collect();
    Step { action: Action::Release { target: target(last, MAIN, &before) }, reason }
}

fn purchase(last: u64, settings: &[(Field, &str)]) -> Step {
    let settings: Managed =
        settings.iter().map(|(field, text)| (*field, Want::Set(value(*field, text)))).collect();
    Step {
        action: Action::Purchase { number: number(last), account: MAIN, settings, claim: None },
        reason: Reason::Missing,
    }
}

fn transfer(last: u64) -> Step {
    let target = target(last, MAIN, &[(Field::FriendlyName, "Paris desk")]);
    Step {
        action: Action::Transfer { target, to: EMEA, settings: Managed::default() },
        reason: Reason::WrongAccount,
    }
}

fn plan(steps: Vec<Step>) -> Plan {
    plan_of("main", "emea", steps)
}

fn plan_of(main: &str, emea: &str, steps: Vec<Step>) -> Plan {
    let account = |name: &str, letter: &str, parent| AccountRef {
        name: name.into(),
        sid: AccountSid::declared(&format!("AC{}", letter.repeat(32))).expect("a SID"),
        parent,
    };
    Plan {
        accounts: vec![account(main, "a", None), account(emea, "b", Some(MAIN))],
        steps,
        held: Vec::new(),
        short: Vec::new(),
        waiting: Vec::new(),
        unused: None,
        warnings: Vec::new(),
        troubles: Vec::new(),
        held_earlier: 0,
        unchanged: 37,
        unlisted: 2,
        live: vec![30, 10],
        causes: numctl::plan::Causes::default(),
        key: numctl::plan::DigestKey::default(),
    }
}

fn four_kinds() -> Plan {
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

fn three() -> Plan {
    plan((0..3).map(|last| configure(last, Some("Support"), moved_url(None))).collect())
}

fn moved_url(old: Option<u64>) -> Vec<FieldChange> {
    let old = old
        .map_or_else(|| "https://old.example.com/answer".into(), |n| format!("https://old.example.com/{n}"));
    vec![change(Field::VoiceUrl, Some(&old), Some("https://voice.example.com/answer"))]
}

fn three_thousand() -> Plan {
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

const HOSTILE: &str =
    "\u{1b}[2J\u{202e}``` </details> @team #1 | <img src=x> [a](http://b)\r\n+ purchase \u{200b}\"x\"";

fn hostile() -> Plan {
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
    plan.warnings = vec![Warning::Listing { account: EMEA, note: Note::NotANumber(HOSTILE.into()) }];
    plan.held = vec![Held { number: number(7), account: EMEA, why: HeldReason::Ambiguous }];
    plan
}

fn secrets() -> Plan {
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

fn held_and_warnings() -> Plan {
    let mut plan = plan(Vec::new());
    let held = |last, why| Held { number: number(last), account: EMEA, why };
    plan.held = vec![
        held(0, HeldReason::ProtectedFromTransfer { lives_in: MAIN }),
        Held {
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
        listing(Note::Repeated(sid(7))),
        listing(Note::NoNumber(Some(sid(8)))),
        listing(Note::NoNumber(None)),
        listing(Note::NotANumber("anonymous".into())),
        listing(Note::NoSid(number(9))),
        Warning::UseUnread { account: EMEA, why: "403: the key\u{1b}[2J may not".into() },
    ];
    plan
}

/// What waits before it is released, and what is moved there.
fn quarantine() -> Plan {
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
    let held = |last, why| Held { number: number(last), account: EMEA, why };
    plan.held = vec![held(7, why), held(8, HeldReason::DayUnknown)];
    plan.warnings =
        vec![Warning::LeftInQuarantine { number: number(9), account: EMEA, since: date(2026, 11, 1) }];
    plan
}

fn guard_of_30_days() -> Lookback {
    Lookback::parse("30d").expect("a time")
}

fn used(medium: Medium, side: Side) -> Use {
    Use { at: "2026-08-03T10:00:00Z".parse().expect("a time"), medium, side }
}

/// Accounts in which nothing is planned, and what follows from that.
fn troubles() -> Plan {
    let mut plan = plan(vec![purchase(0, &[(Field::VoiceUrl, "https://voice.example.com/answer")])]);
    let trouble = |why: &str, help: Option<&str>, request_id: Option<&str>| Trouble {
        why: why.to_owned(),
        help: help.map(str::to_owned),
        request_id: request_id.map(str::to_owned),
    };
    plan.troubles = vec![
        (EMEA, trouble("it is suspended: nothing can be done in it", Some("wake it"), None)),
        (MAIN, trouble("\u{1b}[2J``` </details> @team #1 | <img src=x>\nnext line", None, Some("RQ1"))),
    ];
    let held = |last, why| Held { number: number(last), account: MAIN, why };
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
fn large() -> Plan {
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

fn refused(plan: &Plan, operator: &OperatorLimits) -> Refusal {
    let file: Limits = Policy::default().limits;
    guard::check(plan, &file, operator, None, &Outlook::default()).expect("refused")
}

fn written_text(plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>, colour: bool) -> String {
    let mut out = String::new();
    text::plan(&mut out, plan, refusal, bill, text::Style { colour }).expect("a String takes everything");
    out
}

fn written_json(plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>) -> String {
    let mut out = Vec::new();
    json::plan(&mut out, plan, refusal, bill).expect("a Vec takes everything");
    String::from_utf8(out).expect("UTF-8")
}

fn written_markdown(plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>) -> String {
    let mut out = String::new();
    markdown::plan(&mut out, plan, refusal, bill).expect("a String takes everything");
    assert!(out.len() <= markdown::BYTES_MAX, "{} bytes", out.len());
    out
}

fn check(name: &str, plan: &Plan, refusal: Option<&Refusal>) {
    check_priced(name, plan, refusal, None);
}

fn check_priced(name: &str, plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>) {
    let file = |extension: &str| expect_file![format!("golden/{name}.{extension}")];
    let plain = written_text(plan, refusal, bill, false);
    let coloured = written_text(plan, refusal, bill, true);
    let json = written_json(plan, refusal, bill);
    let markdown = written_markdown(plan, refusal, bill);
    for (format, text) in [("text", &plain), ("json", &json), ("markdown", &markdown)] {
        let acting = text.chars().find(|c| *c != '\n' && numctl::report::shown::must_be_spelt_out(*c));
        assert_eq!(acting, None, "{name} as {format}");
        assert!(!text.contains("hunter2") && !text.contains("correcthorse"), "{name} as {format}");
    }
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain, "colour adds nothing but colour");
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    file("txt").assert_eq(&plain);
    file("md").assert_eq(&markdown);
    // The escapes themselves are unreadable in a file; this is the one place to see them.
    file("ansi.txt").assert_eq(&coloured.replace('\u{1b}', "␛"));
    if plan.steps.len() + plan.warnings.len() < 100 {
        file("json").assert_eq(&json);
    }
}

#[test]
fn empty() {
    check("empty", &plan(Vec::new()), None);
}

#[test]
fn all_four_kinds() {
    check("four_kinds", &four_kinds(), None);
}

#[test]
fn accounts_in_trouble() {
    check("troubles", &troubles(), None);
    let mut nothing = troubles();
    nothing.steps.clear();
    check("troubles_only", &nothing, None);
}

#[test]
fn three_changes() {
    check("three", &three(), None);
}

#[test]
fn three_thousand_changes() {
    check("three_thousand", &three_thousand(), None);
}

#[test]
fn hostile_text() {
    let bill = Bill { unread: vec![MAIN, EMEA], ..bill() };
    check_priced("hostile", &hostile(), None, Some(&bill));
}

#[test]
fn secrets_in_urls() {
    check("secrets", &secrets(), None);
}

/// Releases that were looked up first.
#[test]
fn unused_releases() {
    let mut plan = plan((0..12).map(|last| release(last * 2, None, Reason::Tombstone)).collect());
    plan.steps.push(purchase(40, &[]));
    plan.steps.push(release(41, Some("Trade fair 2019"), Reason::Unlisted));
    plan.unused = Some(guard_of_30_days());
    check("unused", &plan, None);
}

#[test]
fn limits_refused() {
    let mut plan = four_kinds();
    plan.steps.extend((5..9).map(|last| release(last, None, Reason::Unlisted)));
    let operator = OperatorLimits {
        purchases: Some(Limit::Count(0)),
        changes: Some(Limit::Percent(10)),
        ..OperatorLimits::default()
    };
    let refusal = refused(&plan, &operator);
    check("refused", &plan, Some(&refusal));
}

/// Two bills in two currencies, and something of each sort that is not known.
fn bill() -> Bill {
    let money = |text: &str| Money::parse(text).expect(text);
    let sums = |amounts: &[&str]| {
        let mut sums = Sums::default();
        amounts.iter().for_each(|text| sums.add(money(text)));
        sums
    };
    let class = |country, kind| Class { country: Country::observed(country), kind };
    let not_known =
        |class, why, before, after, bought| NotKnown { payer: MAIN, class, why, before, after, bought };
    Bill {
        before: sums(&["43.70 USD", "9 EUR"]),
        after: sums(&["44.85 USD", "9 EUR"]),
        due_at_once: sums(&["1.15 USD"]),
        not_known: vec![
            not_known(class("", PossibleKind::NotTollFree), Unpriced::NoCountry, 1, 1, 0),
            not_known(class("GB", PossibleKind::Any), Unpriced::NoType, 2, 3, 1),
            not_known(class("DE", PossibleKind::Is(Kind::National)), Unpriced::NotListed, 1, 1, 0),
            not_known(class("", PossibleKind::ShortCode), Unpriced::ShortCode, 1, 1, 0),
            not_known(class("FR", PossibleKind::Is(Kind::Local)), Unpriced::NoAnswer, 1_000, 1_000, 0),
        ],
        unread: vec![EMEA],
        changes: [(number(0), money("1.15 USD"))].into(),
        raised_by_unknown: 1,
    }
}

#[test]
fn what_a_plan_costs_and_what_is_not_known_of_it() {
    let money = |text: &str| Money::parse(text).expect(text);
    let limits =
        |increase, total| MonthlyLimits { increase: Some(money(increase)), total: Some(money(total)) };
    let operator = OperatorLimits { monthly: limits("1 USD", "44 USD"), ..OperatorLimits::default() };
    let file = Limits {
        monthly: limits("25 EUR", "100 USD"),
        releases: Limit::Count(1),
        ..Policy::default().limits
    };
    let (plan, bill) = (four_kinds(), bill());
    let refusal = guard::check(&plan, &file, &operator, Some(&bill), &Outlook::default()).expect("refused");
    check_priced("cost", &plan, Some(&refusal), Some(&bill));
}

#[test]
fn what_waits_before_it_is_released() {
    check("quarantine", &quarantine(), None);
}

#[test]
fn every_held_entry_and_warning() {
    check("held_and_warnings", &held_and_warnings(), None);
}

#[test]
fn a_large_plan_keeps_its_releases_under_the_cap() {
    let plan = large();
    let refusal = refused(&plan, &OperatorLimits::default());
    let markdown = written_markdown(&plan, Some(&refusal), None);
    assert!(markdown.contains("| **30** | **30** | 0 | **2,000** | 37 | 0 | 2 |"));
    for step in plan.steps.iter().filter(|step| step.action.kind() == ActionKind::Release) {
        assert!(markdown.contains(&format!("\n- {}", step.action.number())), "{}", step.action.number());
    }
    let left_out = "more actions in 48 groups are not shown here: the comment would be too long.";
    assert!(markdown.contains(left_out), "{}", &markdown[markdown.len() - 1_000..]);
}

/// Whatever the plan, the comment stays under the cap, and the summary is in it.
#[test]
fn the_markdown_cap_holds_for_many_accounts_with_releases() {
    let mut plan = plan(Vec::new());
    let name: Arc<str> = "`".repeat(120).into();
    plan.accounts = (0..3_000)
        .map(|at| AccountRef {
            name: name.clone(),
            sid: AccountSid::declared(&format!("AC{at:032x}")).expect("a SID"),
            parent: None,
        })
        .collect();
    for at in 0..3_000 {
        let mut step = release(u64::from(at), Some(HOSTILE), Reason::Tombstone);
        if let Action::Release { target } = &mut step.action {
            target.account = AccountIndex(at);
        }
        plan.steps.push(step);
        plan.held.push(Held {
            number: number(u64::from(at)),
            account: AccountIndex(at),
            why: HeldReason::Ambiguous,
        });
        let note = Note::NotANumber("`".repeat(5_000 + usize::from(at)).into());
        plan.warnings.push(Warning::Listing { account: AccountIndex(at), note });
    }
    let markdown = written_markdown(&plan, None, None);
    assert!(markdown.contains("**3,000**"), "{markdown}");
    assert!(markdown.contains("releases among them"), "{markdown}");
}

/// Remembers how much was written, and the largest piece of it.
#[derive(Default)]
struct Meter {
    total: usize,
    largest: usize,
}

impl std::io::Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.total += bytes.len();
        self.largest = self.largest.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn ten_thousand_actions_are_written_piece_by_piece() {
    let plan =
        plan((0..10_000).map(|last| configure(last, Some("Support"), moved_url(Some(last)))).collect());
    let mut meter = Meter::default();
    json::plan(&mut meter, &plan, None, None).expect("a meter takes everything");
    assert!(meter.total > 2_000_000, "{}", meter.total);
    assert!(meter.largest < 1_000, "{}", meter.largest);
    let text = written_text(&plan, None, None, false);
    assert!(text.len() < 1_000, "{text}");
    written_markdown(&plan, None, None);
}

fn observed(accounts: Vec<Vec<Live>>) -> Observed {
    let listing = |(rows, letter): (Vec<Live>, &str)| {
        let sid = AccountSid::declared(&format!("AC{}", letter.repeat(32))).expect("a SID");
        match ListingBuilder::new(sid).push(Page { rows, ..Page::default() }).expect("a listing") {
            Progress::Complete(listing) => listing,
            Progress::More(..) => unreachable!("there is one page"),
        }
    };
    Observed::new(accounts.into_iter().zip(["a", "b"]).map(listing).collect())
}

fn live(last: u64, name: &str, settings: &[(Field, &str)]) -> Live {
    let settings: Settings = settings.iter().map(|(field, text)| (*field, value(*field, text))).collect();
    Live {
        number: Some(number(last)),
        raw_number: None,
        sid: Some(sid(last)),
        account_sid: None,
        friendly_name: Some(name.into()),
        settings: Arc::new(settings),
        sms: Some(true),
        emergency_address_status: None,
        tariff: numctl::model::tariff::Tariff::default(),
    }
}

fn account(name: &str, letter: &str, parent: Option<AccountIndex>, prefix: &str) -> Account {
    Account {
        name: name.into(),
        sid: AccountSid::declared(&format!("AC{}", letter.repeat(32))).ok(),
        parent,
        access: Access { credentials: EnvPrefix::parse(prefix).map(CredentialsAt::Env), ..Access::default() },
        hold: None,
    }
}

fn support() -> Vec<(Field, &'static str)> {
    vec![
        (Field::StatusCallback, "https://voice.example.com/status"),
        (Field::VoiceUrl, "https://voice.example.com/answer"),
        (Field::VoiceMethod, "POST"),
        (Field::SmsUrl, "https://voice.example.com/sms"),
        (Field::SmsMethod, "POST"),
    ]
}

#[test]
fn an_export_of_two_accounts() {
    let with_password = [
        (Field::VoiceUrl, "https://hook:hunter2@ivr.example.com/"),
        (Field::VoiceMethod, "POST"),
        (Field::VoiceCallerIdLookup, "true"),
        (Field::SmsMethod, "POST"),
    ];
    let mut rows: Vec<_> = (0..3).map(|last| live(last, &format!("Support {last}"), &support())).collect();
    rows.push(live(3, HOSTILE, &with_password));
    rows.push(Live { number: None, ..live(4, "lost", &[]) });
    rows.push(Live { number: None, raw_number: Some(HOSTILE.into()), ..live(5, "odd", &[]) });
    let emea = vec![live(6, "Paris", &with_password), live(7, "Lyon: \"sud\"", &with_password)];
    let accounts = [account("main", "a", None, "TWILIO"), account("emea", "b", Some(MAIN), "EMEA")];
    let export = export::export(&accounts, &observed(vec![rows, emea]));
    assert!(export.carries_passwords);
    expect_file!["golden/export_two_accounts.yaml"].assert_eq(&export.yaml);
}

#[test]
fn an_export_of_one_account() {
    let rows = vec![live(0, "Support", &support()), live(1, "Support", &support()), live(2, "Fax", &[])];
    let accounts = [account("main", "a", None, "TWILIO")];
    let export = export::export(&accounts, &observed(vec![rows]));
    assert!(!export.carries_passwords);
    expect_file!["golden/export_one_account.yaml"].assert_eq(&export.yaml);
}

#[test]
fn an_export_of_nothing() {
    let accounts =
        [Account { name: "default".into(), sid: None, parent: None, access: Access::default(), hold: None }];
    let export = export::export(&accounts, &observed(vec![Vec::new()]));
    expect_file!["golden/export_nothing.yaml"].assert_eq(&export.yaml);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever a name, a URL or an account is called, it stays a text in its place.
    #[test]
    fn foreign_text_never_acts(
        name in "(\\PC|[\u{0}-\u{1f}`@<>|\u{202a}-\u{202e}\u{2028}]|</details>|```+|\n){1,40}",
        account in "(\\PC|[`@<>|&\n]|</code>){1,40}",
    ) {
        let url = format!("https://u:secret-of-a-hook@h.example/{name}");
        let mut plan = plan_of(&account, &name, vec![
            purchase(0, &[(Field::FriendlyName, &name)]),
            transfer(1),
            configure(2, Some(&name), vec![change(Field::VoiceUrl, Some(&url), Some(&name))]),
            release(3, Some(&name), Reason::Tombstone),
        ]);
        plan.warnings.push(Warning::Listing { account: EMEA, note: Note::NotANumber(name.as_str().into()) });
        plan.held.push(Held { number: number(4), account: EMEA, why: HeldReason::Ambiguous });
        let (text, json, markdown) =
            (written_text(&plan, None, None, false), written_json(&plan, None, None), written_markdown(&plan, None, None));
        for text in [&text, &json, &markdown] {
            prop_assert!(text.chars().all(|c| c == '\n' || !numctl::report::shown::must_be_spelt_out(c)));
            if !name.contains("secret-of-a-hook") {
                prop_assert!(!text.contains("secret-of-a-hook"));
            }
        }
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        prop_assert_eq!(&read["actions"][0]["changes"][0]["after"], &serde_json::Value::from(name));
        prop_assert_eq!(&read["actions"][0]["account"], &serde_json::Value::from(account));
        // Outside the fences there is only what we wrote.
        let mut fence: Option<String> = None;
        for line in markdown.lines() {
            match &fence {
                Some(open) if line == open => fence = None,
                Some(_) => {}
                None if line.starts_with("```") => {
                    fence = Some(line.chars().take_while(|c| *c == '`').collect());
                }
                None => {
                    let tags = ["<details>", "<details open>", "</details>", "<summary>", "</summary>", "<b>", "</b>",
                        "<code>", "</code>"];
                    let rest = tags.iter().fold(line.to_owned(), |rest, tag| rest.replace(tag, ""));
                    let ours = rest.starts_with("Digest: `") || rest.starts_with("### ");
                    prop_assert!(ours || !rest.contains(['<', '>', '@', '`', '[']), "{}", line);
                }
            }
        }
        prop_assert_eq!(fence, None);
    }
}

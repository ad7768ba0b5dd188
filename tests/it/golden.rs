//! What people and machines read, kept in files. `UPDATE_EXPECT=1 cargo test --test it golden`
//! rewrites them; read every difference as a user would.

mod plans;

use std::sync::Arc;

use expect_test::expect_file;
use numctl::client::listing::{ListingBuilder, ListingNote, ListingPage, Progress};
use numctl::desired::{
    Access, Account, AccountIndex, AccountRef, CredentialsAt, EnvPrefix, Limit, Limits, MonthlyLimits, Policy,
};
use numctl::guard::budget::Outlook;
use numctl::guard::cost::{Bill, NotKnown, TagCost, Unpriced};
use numctl::guard::{self, OperatorLimits, Refusal};
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::money::{Money, Sums};
use numctl::model::number::AccountSid;
use numctl::model::settings::{Field, Settings};
use numctl::model::tariff::{Class, Country, KindOnBill, PossibleKind};
use numctl::observed::Observed;
use numctl::plan::{Action, HeldNumber, HeldReason, Plan, Reason, Warning};
use numctl::report::{export, json, markdown, text};
use proptest::prelude::*;

use plans::{
    EMEA, HOSTILE, MAIN, change, configure, four_kinds, guard_of_30_days, held_and_warnings, hostile, large,
    moved_url, number, plan, plan_of, purchase, quarantine, release, secrets, sid, three, three_thousand,
    transfer, troubles, value,
};

fn refused(plan: &Plan, operator: &OperatorLimits) -> Refusal {
    let file: Limits = Policy::default().limits;
    guard::check(plan, &file, operator, None, &Outlook::default()).expect("refused")
}

fn written_text(plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>, colour: bool) -> String {
    let mut out = String::new();
    text::plan(&mut out, plan, refusal, bill, text::Style { colour, ..text::Style::default() })
        .expect("a String takes everything");
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
            not_known(class("DE", PossibleKind::Is(KindOnBill::National)), Unpriced::NotListed, 1, 1, 0),
            not_known(class("", PossibleKind::ShortCode), Unpriced::ShortCode, 1, 1, 0),
            not_known(class("FR", PossibleKind::Is(KindOnBill::Local)), Unpriced::NoAnswer, 1_000, 1_000, 0),
        ],
        unread: vec![EMEA],
        changes: [(number(0), money("1.15 USD"))].into(),
        raised_by_unknown: 1,
        by_tag: vec![TagCost {
            name: "team".into(),
            value: "support".into(),
            before: sums(&["1.15 USD"]),
            after: sums(&["2.30 USD"]),
            not_known: 1,
        }],
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
        plan.held.push(HeldNumber {
            number: number(u64::from(at)),
            account: AccountIndex(at),
            why: HeldReason::Ambiguous,
        });
        let note = ListingNote::NotANumber("`".repeat(5_000 + usize::from(at)).into());
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
        match ListingBuilder::new(sid)
            .push(ListingPage { rows, ..ListingPage::default() })
            .expect("a listing")
        {
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
    assert!(!export.carries_passwords && export.secrets.len() == 1);
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
        plan.warnings.push(Warning::Listing { account: EMEA, note: ListingNote::NotANumber(name.as_str().into()) });
        plan.held.push(HeldNumber { number: number(4), account: EMEA, why: HeldReason::Ambiguous });
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
                    let ours = rest.starts_with("Digest: `") || rest.starts_with("### ") || rest == markdown::MARKER
                        || rest == "> [!CAUTION]" || rest.starts_with("> **This plan releases 1 number.** ");
                    prop_assert!(ours || !rest.contains(['<', '>', '@', '`', '[']), "{}", line);
                }
            }
        }
        prop_assert_eq!(fence, None);
    }
}

//! What holds of numbers in use and idle ones, whatever the traffic is, whoever asks and however
//! often; and what people read of idle numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect_file;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use numctl::client::api::endpoint::Endpoint;
use numctl::client::api::resource::{masked, normal_form};
use numctl::client::api::routes::Routes;
use numctl::client::pace::Pace;
use numctl::client::{Client, Dice, Manner};
use numctl::desired::AccountIndex;
use numctl::desired::AccountRef;
use numctl::guard::last_use::{LastUses, Trust};
use numctl::guard::usage::{guard_releases, uses};
use numctl::model::claim::Slot;
use numctl::model::credentials::Credentials;
use numctl::model::number::{AccountSid, PhoneNumber};
use numctl::model::provider::Api;
use numctl::model::quarantine::marked;
use numctl::model::settings::Settings;
use numctl::model::traffic::{Lookback, Medium, OwnedNumber, Side, Use};
use numctl::plan::{Action, HeldReason, Plan, Reason, Step, Target};
use numctl::report::idle::{Idle, IdleDeclared, IdleReport, IdleRow, Judged, Unjudged, judge};
use numctl::sandbox::{AUTH_TOKEN, InMemory, MAIN_SID, Sandbox, SharedSandbox, World};
use proptest::prelude::*;

const DAY: u64 = 86_400;
/// Noon of a day.
const NOW: Duration = Duration::from_secs(20_000 * DAY + DAY / 2);
const NUMBERS: usize = 16;

fn number(at: usize) -> PhoneNumber {
    PhoneNumber::observed(&format!("+1555223{at:04}")).expect("a number")
}

/// One call or message of one of ours.
#[derive(Debug, Clone)]
struct Event {
    number: usize,
    days_ago: u64,
    medium: &'static str,
    is_inbound: bool,
}

impl Event {
    fn day(&self) -> Date {
        let at = Timestamp::from_second((NOW.as_secs() - self.days_ago * DAY).cast_signed()).expect("a time");
        numctl::model::traffic::day(at)
    }

    fn json(&self) -> serde_json::Value {
        let seconds = (NOW.as_secs() - self.days_ago * DAY).cast_signed();
        let (ours, theirs) = (number(self.number).to_string(), "sip:desk@example.com");
        let (to, from) = if self.is_inbound { (&*ours, theirs) } else { (theirs, &*ours) };
        let at = Timestamp::from_second(seconds).expect("a time").to_string();
        serde_json::json!({"medium": self.medium, "to": to, "from": from, "at": at})
    }
}

/// Most of the traffic is of few numbers, as in real fleets.
fn event() -> impl Strategy<Value = Event> {
    let number = prop_oneof![3 => 0..3_usize, 1 => 0..NUMBERS];
    let medium = prop::sample::select(vec!["call", "message"]);
    (number, 0..60_u64, medium, any::<bool>()).prop_map(|(number, days_ago, medium, is_inbound)| Event {
        number,
        days_ago,
        medium,
        is_inbound,
    })
}

fn sandbox(events: &[Event], faults: &str) -> SharedSandbox {
    let mut world = World::demo(NUMBERS);
    let json: Vec<_> = events.iter().map(Event::json).collect();
    world.add_traffic(&serde_json::to_vec(&json).expect("JSON")).expect("put in");
    SharedSandbox::new(Sandbox::new(world, faults.parse().expect("faults")))
}

fn client(sandbox: &SharedSandbox, page_size: u16) -> Client<InMemory> {
    let sid = AccountSid::declared(MAIN_SID).expect("a SID");
    Client::new(
        Routes::new(Endpoint::at("http://127.0.0.1:1").expect("a URL"), Api::IncomingPhoneNumbers, sid),
        Arc::new(InMemory::new(sandbox.clone())),
        Credentials::new(MAIN_SID, AUTH_TOKEN),
        Manner { page_size, timeout: Duration::from_secs(15), dice: Arc::new(Dice::seeded(1)) },
        Pace::new(4, None),
    )
}

fn plan_of_releases(numbers: impl Iterator<Item = usize>) -> Plan {
    let account = AccountIndex(0);
    let sid = AccountSid::declared(MAIN_SID).expect("a SID");
    let release = |at| {
        let target = Target { number: number(at), sid: None, account, before: Settings::default() };
        Step { action: Action::Release { target }, reason: Reason::Tombstone }
    };
    Plan::from_steps(
        vec![AccountRef { name: "main".into(), sid, parent: None }],
        numbers.map(release).collect(),
    )
}

fn days(days: u64) -> Lookback {
    Lookback::parse(&format!("{days}d")).expect("a time")
}

fn in_use(events: &[Event], since: Date) -> BTreeSet<PhoneNumber> {
    events.iter().filter(|event| event.day() >= since).map(|event| number(event.number)).collect()
}

fn released(plan: &Plan) -> BTreeSet<PhoneNumber> {
    plan.steps.iter().map(|step| step.action.number()).collect()
}

fn requests(sandbox: &SharedSandbox) -> usize {
    usize::try_from(sandbox.lock().requests().by_operation["traffic"]).expect("a count")
}

/// Virtual time: what fails is tried again at once.
fn run<V>(work: impl Future<Output = V>) -> V {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Exactly the idle ones go ahead, however many are to be released: few are looked up one by one,
    /// many by the account's lists.
    #[test]
    fn no_number_in_use_is_released(
        events in prop::collection::vec(event(), 0..30),
        asked in prop::collection::btree_set(0..NUMBERS, 1..NUMBERS),
        guard in 1..60_u64,
        page_size in 1..8_u16,
    ) {
        let sandbox = sandbox(&events, "");
        let mut plan = plan_of_releases(asked.iter().copied());
        let all = released(&plan);
        let (clients, guard) = ([client(&sandbox, page_size)], days(guard));
        let mut known = LastUses::default();
        run(guard_releases(&mut plan, &clients, &mut known, Some(guard), NOW, Trust::ThisLook));
        let used = in_use(&events, guard.since(NOW));
        prop_assert_eq!(&released(&plan), &all.difference(&used).copied().collect());
        let held: BTreeSet<_> = plan.held.iter().map(|held| held.number).collect();
        prop_assert_eq!(&held, &all.intersection(&used).copied().collect());
        for held in &plan.held {
            let HeldReason::InUse { last, .. } = held.why else { panic!("{held:?}") };
            let is_it = |event: &&Event| {
                let (medium, side) = (last.medium.as_str(), if event.is_inbound { Side::To } else { Side::From });
                number(event.number) == held.number && event.medium == medium && side == last.side
            };
            // The last one of its kind.
            prop_assert_eq!(Some(last.day()), events.iter().filter(is_it).map(Event::day).max());
        }
        prop_assert!(requests(&sandbox) <= 8 * asked.len(), "at most twice the look-ups of each");
    }

    /// Whatever fails, unknown is not idle.
    #[test]
    fn unknown_is_not_idle(
        events in prop::collection::vec(event(), 0..30),
        asked in prop::collection::btree_set(0..NUMBERS, 1..NUMBERS),
        fault in prop::sample::select(vec!["403", "404", "500", "drop", "html", "truncate"]),
        chance in 0.05..1.0_f64,
        seed in any::<u32>(),
    ) {
        let sandbox = sandbox(&events, &format!("traffic:{fault}={chance},seed={seed}"));
        let mut plan = plan_of_releases(asked.iter().copied());
        let (clients, guard) = ([client(&sandbox, 3)], days(30));
        let mut known = LastUses::default();
        run(guard_releases(&mut plan, &clients, &mut known, Some(guard), NOW, Trust::ThisLook));
        prop_assert!(released(&plan).is_disjoint(&in_use(&events, guard.since(NOW))));
        prop_assert_eq!(plan.steps.len() + plan.held.len(), asked.len());
        let is_unknown = plan.held.iter().any(|held| held.why == HeldReason::UseUnknown);
        prop_assert_eq!(is_unknown, !plan.warnings.is_empty(), "what could not be read is told");
    }

    /// A daemon's memory never lets a number go that was called since: what lets a release go ahead is
    /// asked in that very cycle. And it does not ask again what it knows.
    #[test]
    fn what_is_remembered_lets_no_number_in_use_go(
        before in prop::collection::vec(event(), 0..6),
        meanwhile in prop::collection::vec(event(), 0..6),
        minutes in 1..200_u64,
        guards in [1..60_u64, 1..60],
    ) {
        let sandbox = sandbox(&before, "");
        let clients = [client(&sandbox, 3)];
        let mut known = LastUses::default();
        let first = plan_of_releases(0..4);
        run(guard_releases(&mut first.clone(), &clients, &mut known, Some(days(guards[0])), NOW, Trust::ThisHour));
        let asked = requests(&sandbox);
        let json: Vec<_> = meanwhile.iter().map(Event::json).collect();
        sandbox.lock().world.add_traffic(&serde_json::to_vec(&json).expect("JSON")).expect("put in");
        let later = NOW + Duration::from_secs(minutes * 60);
        let mut shown = first.clone();
        run(guard_releases(&mut shown, &clients, &mut known, Some(days(guards[1])), later, Trust::ThisHour));
        if guards[1] <= guards[0] && minutes < 60 {
            let expired = in_use(&before, days(guards[0]).since(NOW)).len();
            prop_assert!(requests(&sandbox) <= asked + 4 * expired, "only uses that count no more are asked anew");
        }
        let mut plan = shown;
        run(guard_releases(&mut plan, &clients, &mut known, Some(days(guards[1])), later, Trust::ThisLook));
        let all: Vec<_> = before.iter().chain(&meanwhile).cloned().collect();
        prop_assert!(released(&plan).is_disjoint(&in_use(&all, days(guards[1]).since(later))));
    }

    /// Every number is in one place, which is the right one; and finding that out takes at most twice
    /// the requests of the cheaper way: all of the lists, or four look-ups a number.
    #[test]
    fn every_number_is_used_or_new_or_idle_at_twice_the_cost_at_most(
        events in prop::collection::vec(event(), 0..200),
        new in prop::collection::btree_set(0..NUMBERS, 0..3),
        time in 1..60_u64,
        page_size in 1..40_u16,
    ) {
        let sandbox = sandbox(&events, "");
        let since = days(time).since(NOW);
        let numbers: Vec<OwnedNumber> = (0..NUMBERS).map(|at| OwnedNumber { number: number(at), sid: None }).collect();
        let looked = run(uses(&client(&sandbox, page_size), &numbers, since, |_| {}));
        prop_assert!(looked.unread.is_empty());
        let used = in_use(&events, since);
        prop_assert_eq!(&looked.used.keys().copied().collect::<BTreeSet<_>>(), &used);
        let pages: usize = ["call", "message"]
            .iter()
            .map(|medium| {
                let rows = events.iter().filter(|event| event.medium == *medium && event.day() >= since);
                rows.count().div_ceil(usize::from(page_size)).max(1)
            })
            .sum();
        prop_assert!(requests(&sandbox) <= 2 * pages.min(4 * NUMBERS), "{} of {pages}", requests(&sandbox));
        let began = days(time).began(NOW);
        let second = |late: bool| Some(began + SignedDuration::from_secs(late.into()));
        let row = |at| IdleRow { bought: second(new.contains(&at)), ..row(at) };
        let rows: BTreeMap<_, _> = (0..NUMBERS).map(|at| (number(at), row(at))).collect();
        let judged = judge(rows, &looked.used, began);
        prop_assert_eq!(judged.used, used.len());
        let unjudged: usize = judged.unjudged.values().sum();
        prop_assert_eq!(judged.used + unjudged + judged.idle.len(), NUMBERS);
        for idle in &judged.idle {
            let at = (0..NUMBERS).find(|at| number(*at) == idle.number).expect("one of them");
            prop_assert!(!used.contains(&idle.number) && !new.contains(&at));
        }
    }
}

fn row(at: usize) -> IdleRow {
    IdleRow {
        number: number(at),
        friendly_name: None,
        kind: None,
        iso_country: None,
        sid: None,
        bought: None,
        on_trunk: false,
    }
}

#[test]
fn only_what_had_the_whole_time_and_could_be_seen_is_idle() {
    let began: Timestamp = "2026-08-01T10:00:00Z".parse().expect("a time");
    let judged = |row: IdleRow| judge(BTreeMap::from([(number(0), row)]), &BTreeMap::new(), began);
    let old = IdleRow { bought: Some(began), ..row(0) };
    assert_eq!(judged(old.clone()).idle.len(), 1);
    let slot = Slot::parse("nyc/1").expect("a slot");
    let claimed = slot.name_of(number(0), Some("Support"));
    let parked = marked(Some(&claimed), number(0), "2026-08-20".parse().expect("a day"));
    let of_another = slot.name_of(number(1), None);
    for (row, why) in [
        (IdleRow { bought: Some(began + SignedDuration::from_secs(1)), ..old.clone() }, Some(Unjudged::New)),
        (IdleRow { bought: None, ..old.clone() }, Some(Unjudged::AgeUnknown)),
        (IdleRow { on_trunk: true, ..old.clone() }, Some(Unjudged::OnTrunk)),
        (IdleRow { friendly_name: Some(claimed), ..old.clone() }, Some(Unjudged::Claimed)),
        (IdleRow { friendly_name: Some(parked), ..old.clone() }, Some(Unjudged::Claimed)),
        (IdleRow { friendly_name: Some(of_another), ..old.clone() }, None),
    ] {
        let found = judged(row.clone());
        assert_eq!(found.unjudged.keys().next().copied(), why, "{row:?}");
        assert_eq!(found.idle.is_empty(), why.is_some(), "{row:?}");
    }
    let last = Use { at: Timestamp::UNIX_EPOCH, medium: Medium::Call, side: Side::To };
    let used = judge(BTreeMap::from([(number(0), row(0))]), &BTreeMap::from([(number(0), last)]), began);
    assert_eq!(used, Judged { used: 1, ..Judged::default() });
}

#[test]
fn a_row_is_told_by_what_the_api_says_of_it() {
    let item = serde_json::json!({
        "phone_number": "+14155550000", "friendly_name": "see https://u:hunter2@a.example", "type": "local",
        "date_created": "Mon, 03 Aug 2026 10:00:00 +0000",
    });
    let row = IdleRow::from_item(&masked(normal_form(Api::IncomingPhoneNumbers, item))).expect("a row");
    assert!(!format!("{row:?}").contains("hunter2"));
    assert_eq!(row.bought, "2026-08-03T10:00:00Z".parse().ok());
    assert!(!row.on_trunk && row.sid.is_none());
    assert_eq!(row.countries(), ["US", "CA"]);
    let of = |number: &str| {
        IdleRow { number: PhoneNumber::observed(number).expect(number), ..row.clone() }.countries()
    };
    assert_eq!(of("+493023125000"), ["DE"]);
    // Jamaica, a network without a country, a short code.
    assert!(of("+18765550000").is_empty() && of("+80012345678").is_empty() && of("12345").is_empty());
    assert_eq!(IdleRow::from_item(&serde_json::json!({"phone_number": null})), None);
}

#[test]
fn the_report_is_read_by_people_and_machines() {
    let account = |name: &str| AccountRef {
        name: name.into(),
        sid: AccountSid::declared(MAIN_SID).expect("a SID"),
        parent: None,
    };
    let hostile = "a\u{1b}[2J\n - phone_number: \"+1\" # \u{202e}`<b>";
    let named = |at, name: &str| IdleRow {
        friendly_name: Some(name.to_owned()),
        kind: Some("local".to_owned()),
        ..row(at)
    };
    let price = Some(("1.15".into(), "USD".into()));
    let german =
        IdleRow { number: PhoneNumber::observed("+493023125000").expect("a number"), ..named(0, "Berlin") };
    let numbers = [
        Idle::new(named(0, "Trade fair 2019"), &account("main"), price.clone(), None),
        Idle::new(named(1, hostile), &account("true"), price.clone(), None),
        Idle::new(
            german,
            &account("main"),
            Some(("1".into(), "\u{1b}[31mEUR".into())),
            Some(IdleDeclared::Protected),
        ),
        Idle::new(row(2), &account("main"), None, Some(IdleDeclared::Present)),
        Idle::new(row(3), &account("main"), price, Some(IdleDeclared::Released)),
    ];
    let report = |has_file| IdleReport {
        numbers: &numbers,
        time: days(60),
        since: "2026-06-09".parse().expect("a day"),
        has_file,
    };
    let mut json = String::new();
    for object in report(true).objects() {
        let mut line = Vec::new();
        numctl::report::json::value(&mut line, &object).expect("written");
        json += &(String::from_utf8(line).expect("UTF-8") + "\n");
    }
    for (name, text) in [
        ("idle.txt", report(true).table()),
        ("idle.yaml", report(true).tombstones()),
        ("idle_alone.yaml", report(false).tombstones()),
        ("idle.json", json),
    ] {
        let acting = text.chars().find(|c| *c != '\n' && numctl::report::shown::must_be_spelt_out(*c));
        assert_eq!(acting, None, "{name}");
        expect_file![format!("golden/{name}")].assert_eq(&text);
    }
    let none = IdleReport { numbers: &[], ..report(false) };
    assert_eq!(none.table(), "");
    assert!(none.tombstones().contains("numbers: []"));
}

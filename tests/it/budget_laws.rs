//! Law 8 over time: whatever a daemon's life brings (failures, writes in doubt, crashes, edits,
//! somebody who takes numbers away), no stretch of 24 hours and no generation of the files goes
//! beyond a limit, and no number is bought twice in one generation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use numctl::client::api::error::{ApiError, Operation};
use numctl::client::listing::{ListingBuilder, ListingPage, Progress};
use numctl::desired::AccountRef;
use numctl::desired::{AccountIndex, Format, Limit, Limits, MonthlyLimits, Source};
use numctl::guard::budget::{Budget, DAY, Generation};
use numctl::guard::{self, OperatorLimits, Over};
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Managed, Settings};
use numctl::observed::Observed;
use numctl::plan::outcome::{Failure, Outcome, Report, Skip, StepEnd};
use numctl::plan::{Action, HeldReason, Plan, Reason, Step, Target};
use proptest::prelude::*;

fn number(at: u8) -> PhoneNumber {
    PhoneNumber::declared(&format!("+155522300{at:02}")).expect("a number")
}

fn account() -> AccountSid {
    AccountSid::declared("AC00000000000000000000000000000001").expect("a SID")
}

fn sid(at: u8) -> NumberSid {
    NumberSid::declared(&format!("PN{at:032x}")).expect("a SID")
}

fn generation(at: u8) -> Generation {
    Generation::from_sources(&[Source { name: "f".into(), text: at.to_string(), format: Format::Yaml }])
}

fn observed(live: &BTreeSet<u8>) -> Observed {
    let row = |at: &u8| Live {
        number: Some(number(*at)),
        raw_number: None,
        sid: Some(sid(*at)),
        account_sid: None,
        friendly_name: None,
        settings: Arc::new(Settings::default()),
        sms: None,
        emergency_address_status: None,
        tariff: numctl::model::tariff::Tariff::default(),
    };
    let page = ListingPage { rows: live.iter().map(row).collect(), ..ListingPage::default() };
    match ListingBuilder::new(account()).push(page).expect("a page") {
        Progress::Complete(listing) => Observed::new(vec![listing]),
        Progress::More(..) => unreachable!("one page"),
    }
}

/// Buys what is wanted and absent, releases what is unwanted and there.
fn plan(live: &BTreeSet<u8>, wanted: &BTreeSet<u8>, unwanted: &BTreeSet<u8>) -> Plan {
    let purchases = wanted.difference(live).map(|at| Step {
        action: Action::Purchase {
            number: number(*at),
            account: AccountIndex(0),
            settings: Managed::default(),
            claim: None,
        },
        reason: Reason::Missing,
    });
    let target = |at: u8| Target {
        number: number(at),
        sid: Some(sid(at)),
        account: AccountIndex(0),
        before: Settings::default(),
    };
    let releases = unwanted
        .difference(wanted)
        .filter(|at| live.contains(at))
        .map(|at| Step { action: Action::Release { target: target(*at) }, reason: Reason::Tombstone });
    Plan {
        live: vec![100],
        ..Plan::from_steps(
            vec![AccountRef { name: "main".into(), sid: account(), parent: None }],
            purchases.chain(releases).collect(),
        )
    }
}

/// How one write goes.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Done,
    Refused,
    NotTried,
    /// Nobody sees whether it acted.
    Doubtful {
        acted: bool,
    },
}

#[derive(Debug, Clone)]
struct Turn {
    passes: u64,
    edit: bool,
    wanted: BTreeSet<u8>,
    unwanted: BTreeSet<u8>,
    fates: Vec<Fate>,
    /// The process dies after its writes, before it takes stock.
    crash: bool,
    taken_away: BTreeSet<u8>,
}

fn turn() -> impl Strategy<Value = Turn> {
    let fate = prop_oneof![
        4 => Just(Fate::Done),
        1 => Just(Fate::Refused),
        1 => Just(Fate::NotTried),
        2 => any::<bool>().prop_map(|acted| Fate::Doubtful { acted }),
    ];
    let some = |most| prop::collection::btree_set(0..12_u8, 0..most);
    (
        0..DAY.as_secs() * 2 / 3,
        prop::bool::weighted(0.3),
        some(4),
        some(3),
        prop::collection::vec(fate, 12),
        prop::bool::weighted(0.2),
        some(3),
    )
        .prop_map(|(passes, edit, wanted, unwanted, fates, crash, taken_away)| Turn {
            passes,
            edit,
            wanted,
            unwanted,
            fates,
            crash,
            taken_away,
        })
}

fn error(operation: Operation) -> ApiError {
    ApiError::unreachable(operation)
}

/// An effect on the account: what, which number, when, in which generation.
type Effect = (ActionKind, u8, Duration, u8);

fn live_through(turns: &[Turn], limits: &Limits) -> Result<Vec<Effect>, TestCaseError> {
    let mut live: BTreeSet<u8> = BTreeSet::new();
    let mut effects: Vec<Effect> = Vec::new();
    let mut budget = Budget::default();
    let (mut now, mut edits) = (Duration::from_secs(1_800_000_000), 0);
    for turn in turns {
        now += Duration::from_secs(turn.passes);
        edits += u8::from(turn.edit);
        budget.observe(&observed(&live), generation(edits), now);
        let mut plan = plan(&live, &turn.wanted, &turn.unwanted);
        budget.hold_back(&mut plan, generation(edits));
        let outlook = budget.outlook(&plan, None, generation(edits), now);
        let Ok(approved) = guard::approve(plan, limits, &OperatorLimits::default(), None, &outlook, None)
        else {
            continue;
        };
        let plan = approved.plan().clone();
        budget.spend(&plan, None, generation(edits), now);
        let saved = budget.to_json();
        let mut ends = Vec::new();
        for (step, fate) in plan.steps.iter().zip(&turn.fates) {
            let kind = step.action.kind();
            let at = (0..12).find(|at| number(*at) == step.action.number()).expect("one of ours");
            let acted = matches!(fate, Fate::Done | Fate::Doubtful { acted: true });
            if acted {
                effects.push((kind, at, now, edits));
                match kind {
                    ActionKind::Purchase => live.insert(at),
                    _ => live.remove(&at),
                };
            }
            let operation =
                if kind == ActionKind::Purchase { Operation::Purchase } else { Operation::Release };
            ends.push(match fate {
                Fate::Done => StepEnd { outcome: Outcome::Succeeded, attempts: 1, instead: None },
                Fate::Refused => StepEnd {
                    outcome: Outcome::Failed(Failure::Api(error(operation))),
                    attempts: 1,
                    instead: None,
                },
                Fate::NotTried => {
                    StepEnd { outcome: Outcome::Skipped(Skip::Interrupted), attempts: 0, instead: None }
                }
                Fate::Doubtful { .. } => StepEnd {
                    outcome: Outcome::Unknown(Failure::NotSeen(error(operation))),
                    attempts: 1,
                    instead: None,
                },
            });
        }
        if turn.crash {
            budget = Budget::from_json(&saved).expect("its own JSON");
        } else {
            budget.settle(&Report { plan, ends, interrupted: false });
            let again = Budget::from_json(&budget.to_json()).expect("its own JSON");
            prop_assert_eq!(&again, &budget);
        }
        // Somebody takes numbers away, between two looks. (One that is taken away before anybody
        // saw it bought looks as if it never had been.)
        budget.observe(&observed(&live), generation(edits), now);
        live.retain(|at| !turn.taken_away.contains(at));
    }
    Ok(effects)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_stretch_of_time_goes_beyond_a_limit(
        turns in prop::collection::vec(turn(), 1..40),
        purchases in 0..6_u32,
        releases in 0..4_u32,
        changes in 0..8_u32,
    ) {
        let limits = Limits {
            purchases: Limit::Count(purchases),
            releases: Limit::Count(releases),
            changes: Limit::Count(changes),
            release_guard: None,
            monthly: MonthlyLimits::default(),
        };
        let effects = live_through(&turns, &limits)?;
        let most = |kind| if kind == ActionKind::Purchase { purchases } else { releases } as usize;
        for (kind, _, end, edit) in &effects {
            let of_kind = effects.iter().filter(|effect| effect.0 == *kind);
            let day = of_kind.clone().filter(|effect| effect.2 <= *end && *end - effect.2 < DAY).count();
            prop_assert!(day <= most(*kind), "{kind:?}: {day} within 24 hours");
            let generation = of_kind.filter(|effect| effect.3 == *edit).count();
            prop_assert!(generation <= most(*kind), "{kind:?}: {generation} in one generation");
        }
        for (_, _, end, _) in &effects {
            let day: BTreeSet<u8> = effects
                .iter()
                .filter(|effect| effect.2 <= *end && *end - effect.2 < DAY)
                .map(|effect| effect.1)
                .collect();
            prop_assert!(day.len() <= changes as usize, "{} numbers touched within 24 hours", day.len());
        }
    }

    #[test]
    fn a_number_is_bought_once_a_generation(turns in prop::collection::vec(turn(), 1..40)) {
        let all = Limit::Percent(100);
        let limits = Limits { purchases: all, releases: all, changes: all, release_guard: None, monthly: MonthlyLimits::default() };
        let effects = live_through(&turns, &limits)?;
        let mut bought: BTreeMap<(u8, u8), usize> = BTreeMap::new();
        for (kind, at, _, edit) in effects {
            if kind == ActionKind::Purchase {
                *bought.entry((edit, at)).or_default() += 1;
            }
        }
        prop_assert!(bought.values().all(|times| *times == 1), "{bought:?}");
    }
}

fn limits(purchases: u32) -> Limits {
    let all = Limit::Percent(100);
    Limits {
        purchases: Limit::Count(purchases),
        releases: all,
        changes: all,
        release_guard: None,
        monthly: MonthlyLimits::default(),
    }
}

#[test]
fn what_was_spent_comes_back_after_a_day() {
    let none = BTreeSet::new();
    let (one, two) = (BTreeSet::from([1]), BTreeSet::from([1, 2]));
    let start = Duration::from_secs(1_800_000_000);
    let mut budget = Budget::default();
    let first = plan(&none, &one, &none);
    budget.spend(&first, None, generation(0), start);
    budget.observe(&observed(&one), generation(0), start);
    let second = plan(&one, &two, &none);
    let check = |budget: &Budget, edit, now| {
        let outlook = budget.outlook(&second, None, generation(edit), now);
        guard::check(&second, &limits(1), &OperatorLimits::default(), None, &outlook)
            .map(|refusal| (refusal.broken[0].over, refusal.broken[0].total))
    };
    assert_eq!(check(&budget, 0, start), Some((Over::Generation, 2)));
    assert_eq!(check(&budget, 1, start), Some((Over::Day, 2)));
    assert_eq!(check(&budget, 1, start + DAY - Duration::from_secs(1)), Some((Over::Day, 2)));
    assert_eq!(check(&budget, 1, start + DAY), None);
    assert_eq!(check(&budget, 0, start + DAY * 30), Some((Over::Generation, 2)));
    // A clock that was far ahead once makes nothing last for ever.
    let mut ahead = Budget::default();
    ahead.spend(&first, None, generation(0), start + DAY * 1000);
    ahead.observe(&observed(&one), generation(1), start);
    assert_eq!(check(&ahead, 1, start), Some((Over::Day, 2)));
    assert_eq!(check(&ahead, 1, start + DAY), None);
}

#[test]
fn a_number_that_was_bought_and_is_gone_is_held_and_so_are_the_releases() {
    let none = BTreeSet::new();
    let (one, three) = (BTreeSet::from([1]), BTreeSet::from([3]));
    let now = Duration::from_secs(1_800_000_000);
    let mut budget = Budget::default();
    budget.spend(&plan(&none, &one, &none), None, generation(0), now);
    // In doubt, and not seen: the same key may be tried again.
    budget.observe(&observed(&three), generation(0), now);
    let again = plan(&three, &one, &three);
    let mut free = again.clone();
    budget.hold_back(&mut free, generation(0));
    assert_eq!(free, again);
    // Seen once, and gone.
    budget.observe(&observed(&one), generation(0), now);
    let mut held = again.clone();
    budget.hold_back(&mut held, generation(0));
    assert!(held.is_empty());
    let why: Vec<_> = held.held.iter().map(|held| (held.number, held.why)).collect();
    assert_eq!(
        why,
        [(number(1), HeldReason::BoughtInThisGeneration), (number(3), HeldReason::ReplacementHeld)]
    );
    // An edit is a person's word.
    let mut edited = again.clone();
    budget.hold_back(&mut edited, generation(1));
    assert_eq!(edited, again);
}

#[test]
fn a_saved_budget_that_is_not_one_is_refused() {
    for text in [
        "",
        "{}",
        r#"{"version":2,"spends":[],"touched":[]}"#,
        r#"{"version":1,"spends":[],"touched":[{"number":"x","at":1,"generation":"0000000000000000"}]}"#,
        r#"{"version":1,"spends":[],"touched":[{"number":"+15552230000","at":1,"generation":"0"}]}"#,
    ] {
        assert!(Budget::from_json(text).is_err(), "{text}");
    }
}

/// One purchase that comes to `outcome`, and what a later pass of the same generation may buy once
/// the number is gone again.
fn bought_again(outcome: Outcome, forgets: impl Fn(Budget) -> Budget) -> bool {
    let (gone, wanted) = (BTreeSet::new(), BTreeSet::from([1]));
    let first = plan(&gone, &wanted, &BTreeSet::new());
    let mut budget = Budget::default();
    budget.spend(&first, None, generation(1), DAY);
    let ends = vec![StepEnd { outcome, attempts: 1, instead: None }];
    budget.settle(&Report { plan: first.clone(), ends, interrupted: false });
    let mut budget = forgets(budget);
    budget.observe(&observed(&gone), generation(1), DAY);
    let mut second = first;
    budget.hold_back(&mut second, generation(1));
    !second.is_empty()
}

#[test]
fn a_purchase_whose_configuration_failed_counts_as_bought() {
    let configure = || ApiError::unreachable(Operation::Configure);
    assert!(!bought_again(Outcome::Succeeded, |budget| budget));
    assert!(!bought_again(Outcome::Failed(Failure::Incomplete), |budget| budget));
    assert!(!bought_again(Outcome::Failed(Failure::NotTaken(Vec::new())), |budget| budget));
    assert!(!bought_again(Outcome::Failed(configure().into()), |budget| budget));
    assert!(bought_again(Outcome::Unknown(ApiError::unreachable(Operation::Purchase).into()), |budget| {
        budget
    }));
}

#[test]
fn what_a_full_disk_did_not_keep_is_recalled() {
    // What was saved before the purchase was sent, and loaded after the lock was lost.
    let saved = || {
        let mut budget = Budget::default();
        let wanted = BTreeSet::from([1]);
        budget.spend(&plan(&BTreeSet::new(), &wanted, &BTreeSet::new()), None, generation(1), DAY);
        Budget::from_json(&budget.to_json()).expect("its own JSON")
    };
    assert!(bought_again(Outcome::Succeeded, |_| saved()), "forgotten");
    let recalled = |earlier: Budget| {
        let mut loaded = saved();
        loaded.recall(&earlier);
        loaded
    };
    assert!(!bought_again(Outcome::Succeeded, recalled));
}

/// A plan of eight times the size takes about eight times as long: looked up for each step it would be 64
/// times, and 80,000 purchases took ten seconds.
#[test]
fn a_large_plan_is_counted_in_linear_time() {
    let account = AccountRef { name: "main".into(), sid: account(), parent: None };
    let buy = |at: u32| Step {
        action: Action::Purchase {
            number: PhoneNumber::observed(&format!("+1555{:07}", 2_000_000 + at)).expect("a number"),
            account: AccountIndex(0),
            settings: Managed::default(),
            claim: None,
        },
        reason: Reason::Missing,
    };
    let now = Duration::from_secs(1_800_000_000);
    let count = |steps: u32| {
        let plan = Plan::from_steps(vec![account.clone()], (0..steps).map(buy).collect());
        let began = std::time::Instant::now();
        let mut budget = Budget::default();
        budget.spend(&plan, None, generation(0), now);
        let outlook = budget.outlook(&plan, None, generation(0), now);
        assert_eq!(outlook, budget.outlook(&plan, None, generation(0), now));
        let done = StepEnd { outcome: Outcome::Succeeded, attempts: 1, instead: None };
        budget.settle(&Report { ends: vec![done; plan.steps.len()], plan, interrupted: false });
        budget.clone().recall(&budget);
        began.elapsed()
    };
    // The quickest of some: other tests run beside.
    let quickest = |steps| (0..4).map(|_| count(steps)).min().expect("some");
    let (small, large) = (quickest(1_000), quickest(8_000));
    assert!(large < small * 30, "{small:?} for 1,000 and {large:?} for 8,000");
}

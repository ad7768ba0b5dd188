//! What holds of a quarantine, whatever is declared, whatever is live, and however often it is planned.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use numctl::desired::{AccountIndex, DeclaredState, Desired, Quarantine, Unlisted};
use numctl::model::number::PhoneNumber;
use numctl::model::quarantine::{Parked, Term, marked, unmarked};
use numctl::observed::{Observed, Sight, Survey};
use numctl::plan::stale::{Stale, StaleReason, stale};
use numctl::plan::{Action, HeldReason, Plan, Reason, plan};
use proptest::prelude::*;

use super::fleets::{ACCOUNTS, World, account_refs, desired, listing, world};

const DAYS: u16 = 3;

fn quarantine() -> impl Strategy<Value = Quarantine> {
    let term = Term::parse(&format!("{DAYS}d")).expect("a term");
    (0..ACCOUNTS).prop_map(move |account| Quarantine { account: AccountIndex(account), term })
}

fn observed(world: &World, today: Option<Date>) -> Observed {
    let listings = world.accounts.iter().zip(0..).map(|(rows, at)| listing(at, vec![rows.clone()]));
    let survey = Survey { today, ..Survey::default() };
    Observed::from_accounts(listings.map(Sight::Complete).collect(), survey)
}

fn on(world: &World, desired: &Desired, today: Date) -> Plan {
    plan(desired, &account_refs(), &observed(world, Some(today)))
}

fn day(at: i64) -> Date {
    date(2026, 11, 26).saturating_add(jiff::Span::new().days(at))
}

fn with(desired: &Desired, quarantine: Quarantine) -> Desired {
    let mut desired = desired.clone();
    desired.policy.quarantine = Some(quarantine);
    desired
}

/// The numbers that a plan gives up, or has given up, and where they are.
fn given_up(plan: &Plan) -> Vec<PhoneNumber> {
    let steps = plan.steps.iter().filter(|step| step.gives_up() || step.reason == Reason::Quarantined);
    let waiting = plan.held.iter().filter(|held| matches!(held.why, HeldReason::InQuarantine { .. }));
    let mut numbers: Vec<_> =
        steps.map(|step| step.action.number()).chain(waiting.map(|held| held.number)).collect();
    numbers.sort();
    numbers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn it_gives_up_what_would_be_released_and_nothing_else(
        desired in desired(), world in world(), quarantine in quarantine(),
    ) {
        let without = on(&world, &desired, day(0));
        let with = on(&world, &with(&desired, quarantine), day(0));
        let mut expected = given_up(&without);
        // A tombstone that names another account finds its number in quarantine all the same.
        for held in &without.held {
            let is_there = matches!(held.why, HeldReason::ReleaseInOtherAccount { lives_in } if lives_in == quarantine.account);
            if is_there && !without.held.iter().any(|held| held.why == HeldReason::ReplacementHeld) {
                expected.push(held.number);
            }
        }
        expected.sort();
        let is_short = |plan: &Plan| plan.held.iter().any(|held| held.why == HeldReason::ReplacementHeld);
        if is_short(&with) || is_short(&without) {
            prop_assert!(with.steps.iter().all(|step| !step.gives_up()));
        } else {
            prop_assert_eq!(given_up(&with), expected);
        }
        let others = |plan: &Plan| -> Vec<_> {
            let is_other = |reason| !matches!(reason, Reason::Quarantined | Reason::Tombstone | Reason::Unlisted);
            plan.steps.iter().filter(|step| is_other(step.reason)).cloned().collect()
        };
        prop_assert_eq!(others(&with), others(&without));
    }

    #[test]
    fn nothing_is_released_before_its_time_and_all_of_it_after_that(
        desired in desired(), mut world in world(), quarantine in quarantine(), late in 0..3_i64,
    ) {
        let desired = with(&desired, quarantine);
        // By number: the day of the run that put it in quarantine, or that marked it there.
        let mut since: BTreeMap<PhoneNumber, i64> = BTreeMap::new();
        // Plans are made every day, and runs skip some.
        let every = late + 1;
        for at in 0..=i64::from(DAYS) + 1 + every {
            let plan = on(&world, &desired, day(at));
            for step in &plan.steps {
                if let Action::Release { target } = &step.action {
                    prop_assert_eq!(target.account, quarantine.account);
                    let waited = at - since.get(&target.number).copied().unwrap_or(at);
                    prop_assert!(waited > i64::from(DAYS), "{} after {} days", target.number, waited);
                }
            }
            if at % every != 0 {
                continue;
            }
            for step in plan.steps.iter().filter(|step| step.reason == Reason::Quarantined) {
                prop_assert_eq!(step.action.account(), quarantine.account);
                prop_assert_eq!(since.insert(step.action.number(), at), None, "its time begins once");
            }
            world.apply(&plan);
            let again = on(&world, &desired, day(at));
            prop_assert!(again.is_empty(), "{:?}\nthen {:?}", plan.steps, again.steps);
        }
        let end = on(&world, &desired, day(i64::from(DAYS) + 1 + every));
        prop_assert_eq!(given_up(&end), Vec::new());
    }

    #[test]
    fn a_move_that_broke_off_makes_no_old_mark_count(
        desired in desired(), mut world in world(), quarantine in quarantine(), old in 0..10_i64,
    ) {
        let desired = with(&desired, quarantine);
        // They were there before, came back, and kept the name.
        let mut outside = BTreeSet::new();
        for (rows, at) in world.accounts.iter_mut().zip(0..) {
            for live in rows.iter_mut().filter(|_| AccountIndex(at) != quarantine.account) {
                let Some(number) = live.number else { continue };
                outside.insert(number);
                live.friendly_name = Some(marked(live.friendly_name.as_deref(), number, day(-old)).into());
            }
        }
        for _ in 0..3 {
            let mut plan = on(&world, &desired, day(0));
            for step in &mut plan.steps {
                match &mut step.action {
                    // It moves, and its name is never written.
                    Action::Transfer { settings, .. } => *settings = [].into_iter().collect(),
                    Action::Release { target } => {
                        prop_assert!(!outside.contains(&target.number), "{} waited for nothing", target.number);
                    }
                    Action::Purchase { .. } | Action::Configure { .. } => {}
                }
            }
            world.apply(&plan);
        }
    }

    #[test]
    fn a_number_that_comes_back_is_as_it_was(
        desired in desired(), world in world(), quarantine in quarantine(),
    ) {
        let desired = with(&desired, quarantine);
        let first = on(&world, &desired, day(0));
        let mut away = world.clone();
        away.apply(&first);
        let parked: Vec<PhoneNumber> =
            first.steps.iter().filter(|step| step.reason == Reason::Quarantined).map(|s| s.action.number()).collect();
        // The file wants them as they were, and manages nothing of them.
        let mut back = desired.clone();
        back.policy.unlisted = Unlisted::Ignore;
        let before = observed(&world, None);
        for number in &parked {
            let Some(found) = before.find(*number).next() else { continue };
            let mut wanted = numctl::desired::Declared {
                number: *number, account: found.account, state: DeclaredState::Present, protect: false, on_vanished: None,
                hold: None, settings: [].into_iter().collect(), labels: None, place: numctl::desired::Place { file: 0, entry: 0 },
            };
            wanted.state = DeclaredState::Present;
            back.numbers.retain(|declared| declared.number != *number);
            back.numbers.push(wanted);
        }
        back.numbers.sort_by_key(|declared| declared.number);
        let again = on(&away, &back, day(1));
        away.apply(&again);
        let after = observed(&away, None);
        for number in &parked {
            let (Some(was), Some(is)) = (before.find(*number).next(), after.find(*number).next()) else {
                return Err(TestCaseError::fail(format!("{number} is gone")));
            };
            prop_assert_eq!(was.account, is.account);
            prop_assert_eq!(&was.live.settings, &is.live.settings);
            let name = was.live.friendly_name.as_deref().map(|name| unmarked(name, *number).to_owned());
            // A name cannot be taken away: a number without one is called by its digits.
            let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| number.to_string());
            prop_assert_eq!(is.live.friendly_name.as_deref(), Some(&*name));
            prop_assert_eq!(Parked::read(&name, *number), None);
        }
    }

    #[test]
    fn a_plan_is_good_for_its_day(desired in desired(), world in world(), quarantine in quarantine()) {
        let plan = on(&world, &with(&desired, quarantine), day(0));
        let is_another_day = |stale: &Stale| stale.why == StaleReason::AnotherDay;
        prop_assert!(!stale(&plan, &observed(&world, Some(day(0)))).iter().any(is_another_day));
        let waits = plan.steps.iter().filter(|step| step.reason == Reason::Quarantined).count();
        for later in [Some(day(1)), None] {
            let moved_on = stale(&plan, &observed(&world, later));
            prop_assert_eq!(moved_on.iter().filter(|stale| is_another_day(stale)).count(), waits);
        }
    }

    #[test]
    fn without_a_day_nothing_is_given_up(desired in desired(), world in world(), quarantine in quarantine()) {
        let plan = plan(&with(&desired, quarantine), &account_refs(), &observed(&world, None));
        prop_assert!(plan.steps.iter().all(|step| !step.gives_up() && step.reason != Reason::Quarantined));
    }
}

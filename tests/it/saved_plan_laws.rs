//! A saved plan against whatever happened to the fleet between `plan` and `apply`.

use std::collections::{BTreeMap, BTreeSet};

use numctl::desired::AccountIndex;
use numctl::model::live::Live;
use numctl::model::number::PhoneNumber;
use numctl::model::settings::{Field, Value};
use numctl::plan::stale::{StaleReason, stale};
use numctl::plan::{Action, Step};
use proptest::prelude::*;

use super::fleets::{
    ACCOUNTS, NUMBERS, Row, World, account_refs, darkened, desired, live, live_settings, number_sid, row,
    world,
};

/// What others do while a plan waits for its reviewer.
#[derive(Debug, Clone)]
enum Event {
    /// Released, and bought again by whoever it was: the same digits, another number.
    Rebought(usize),
    Released(usize),
    Moved(usize, u16),
    Set(usize, BTreeMap<Field, Value>),
    Appears(Row),
}

fn event() -> impl Strategy<Value = Event> {
    let at = 0..NUMBERS.len();
    prop_oneof![
        at.clone().prop_map(Event::Rebought),
        at.clone().prop_map(Event::Released),
        (at.clone(), 0..ACCOUNTS).prop_map(|(at, to)| Event::Moved(at, to)),
        (at, live_settings()).prop_map(|(at, settings)| Event::Set(at, settings)),
        row().prop_map(Event::Appears),
    ]
}

fn happen(world: &mut World, events: &[Event]) {
    for (nth, event) in events.iter().enumerate() {
        let fresh = 5_000 + nth as u64;
        // The row that an event is about, if there are any.
        let place = |world: &World, at: usize| {
            let rows = world.accounts.iter().enumerate();
            let all: Vec<_> =
                rows.flat_map(|(account, rows)| (0..rows.len()).map(move |row| (account, row))).collect();
            (!all.is_empty()).then(|| all[at % all.len()])
        };
        match event {
            Event::Rebought(at) => {
                if let Some((account, row)) = place(world, *at) {
                    world.accounts[account][row].sid = Some(number_sid(fresh));
                }
            }
            Event::Released(at) => {
                if let Some((account, row)) = place(world, *at) {
                    world.accounts[account].remove(row);
                }
            }
            Event::Moved(at, to) => {
                if let Some((account, row)) = place(world, *at) {
                    let live = world.accounts[account].remove(row);
                    world.accounts[usize::from(*to)].push(live);
                }
            }
            Event::Set(at, settings) => {
                if let Some((account, row)) = place(world, *at) {
                    let old = &mut world.accounts[account][row];
                    let mut settings = settings.clone();
                    old.friendly_name =
                        settings.remove(&Field::FriendlyName).map(|value| value.wire().into());
                    old.settings = std::sync::Arc::new(settings.into_iter().collect());
                }
            }
            Event::Appears(row) => {
                world.accounts[usize::from(row.account)].push(live(fresh, row.clone()));
            }
        }
    }
}

fn rows(world: &World, number: PhoneNumber) -> Vec<(AccountIndex, &Live)> {
    let accounts = world.accounts.iter().zip(0..);
    let rows = accounts.flat_map(|(rows, at)| rows.iter().map(move |live| (AccountIndex(at), live)));
    rows.filter(|(_, live)| live.number == Some(number)).collect()
}

/// The fields in which two rows are not the same to a caller.
fn differ(before: &Live, now: &Live) -> BTreeSet<Field> {
    let same = |field: Field| match (before.effective(field), now.effective(field)) {
        (Some(before), Some(now)) => before.means(&now),
        (before, now) => before.is_none() && now.is_none(),
    };
    Field::all().filter(|field| !same(*field)).collect()
}

/// What a reviewer would say of a number that a step is about.
fn expected(step: &Step, before: &World, now: &World) -> Option<StaleReason> {
    let number = step.action.number();
    let found = rows(now, number);
    let Some(target) = step.action.target() else {
        return (!found.is_empty()).then_some(StaleReason::AlreadyThere);
    };
    let [(account, now)] = found[..] else {
        return Some(if found.is_empty() { StaleReason::Gone } else { StaleReason::Elsewhere });
    };
    if account != target.account {
        return Some(StaleReason::Elsewhere);
    }
    let (_, before) = rows(before, number)[0];
    if before.sid != now.sid {
        return Some(StaleReason::OtherSid);
    }
    // A listing does not say which Messaging Service a number is in: only what changes that has asked.
    let asks = |field: &Field| match &step.action {
        _ if *field != Field::SmsServiceSid => true,
        Action::Configure { changes, .. } => changes.iter().any(|change| change.field == *field),
        Action::Purchase { .. } | Action::Transfer { .. } | Action::Release { .. } => false,
    };
    let fields: Vec<Field> = differ(before, now).into_iter().filter(asks).collect();
    (!fields.is_empty()).then_some(StaleReason::Changed(fields))
}

/// Whatever the order in which fields are named.
fn sorted(why: StaleReason) -> StaleReason {
    match why {
        StaleReason::Changed(mut fields) => {
            fields.sort();
            StaleReason::Changed(fields)
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Exactly the numbers that moved on are stale, each for its reason, and no other number matters.
    #[test]
    fn what_moved_on_is_stale_and_nothing_else_is(
        desired in desired(), world in world(), events in prop::collection::vec(event(), 0..5),
    ) {
        let plan = world.plan(&desired);
        let mut later = world.clone();
        happen(&mut later, &events);
        let found: Vec<_> =
            stale(&plan, &later.observed()).into_iter().map(|one| (one.number, sorted(one.why))).collect();
        let wanted: Vec<_> = plan.steps.iter()
            .filter_map(|step| Some((step.action.number(), expected(step, &world, &later)?)))
            .collect();
        prop_assert_eq!(found, wanted);
    }

    /// What is not stale ends as it would have without the wait.
    #[test]
    fn what_is_not_stale_does_what_was_approved(
        desired in desired(), world in world(), events in prop::collection::vec(event(), 0..4),
    ) {
        let plan = world.plan(&desired);
        let mut later = world.clone();
        happen(&mut later, &events);
        let stale: BTreeSet<_> = stale(&plan, &later.observed()).into_iter().map(|one| one.number).collect();
        let mut rest = plan.clone();
        rest.steps.retain(|step| !stale.contains(&step.action.number()));
        let (mut then, mut now) = (world, later);
        then.apply(&rest);
        now.apply(&rest);
        for step in &rest.steps {
            let number = step.action.number();
            let (then, now) = (rows(&then, number), rows(&now, number));
            prop_assert_eq!(then.len(), now.len());
            for ((account, then), (other, now)) in then.into_iter().zip(now) {
                prop_assert_eq!(account, other);
                let differ = differ(then, now).into_iter().find(|field| *field != Field::SmsServiceSid);
                prop_assert_eq!(differ, None, "{}", number);
            }
        }
    }

    /// Law 3: where an account cannot be read, what is in it or goes there is not known, and nothing is bought.
    #[test]
    fn what_cannot_be_seen_is_stale(desired in desired(), world in world(), at in 0..ACCOUNTS, shut in any::<bool>()) {
        let plan = world.plan(&desired);
        let found: BTreeMap<_, _> =
            stale(&plan, &darkened(&world, at, shut)).into_iter().map(|one| (one.number, one.why)).collect();
        for step in &plan.steps {
            let action = &step.action;
            let touches = action.account() == AccountIndex(at)
                || action.target().is_some_and(|target| target.account == AccountIndex(at));
            let buys_in_the_dark = !shut && matches!(action, Action::Purchase { .. });
            if touches || buys_in_the_dark {
                prop_assert_eq!(found.get(&action.number()), Some(&StaleReason::NotSeen), "{:?}", step);
            }
        }
        prop_assert!(account_refs().len() > usize::from(at));
    }
}

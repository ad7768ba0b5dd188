//! What holds for every plan, whatever is declared and whatever is live.

mod exported;

use std::collections::BTreeSet;

use numctl::desired::{AccountIndex, Declared, DeclaredState, Unlisted};
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::number::PhoneNumber;
use numctl::model::settings::Field;
use numctl::observed::Observed;
use numctl::plan::digest::Digest;
use numctl::plan::{Action, HeldReason, Plan, Reason, Warning, plan};
use numctl::report::export::ExportedFleet;
use proptest::prelude::*;

use super::fleets::{
    ACCOUNTS, Row, account_refs, accounts, darkened, desired, inert, kinds, listing, live, number_sid, row,
    world,
};
use exported::{read_back, said};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Law 3, account by account: nothing is done in one that is in trouble, nothing is bought while
    /// one is in the dark, and what is planned besides is what would be planned anyway.
    #[test]
    fn an_account_in_trouble_is_left_alone_and_stops_no_other(
        world in world(), desired in desired(), at in 0..ACCOUNTS, shut in any::<bool>(),
    ) {
        let whole = world.plan(&desired);
        let part = plan(&desired, &account_refs(), &darkened(&world, at, shut));
        prop_assert!(part.has_errors());
        prop_assert_eq!(part.troubles.len(), 1);
        for step in &part.steps {
            let action = &step.action;
            prop_assert!(action.account() != AccountIndex(at));
            prop_assert!(action.target().is_none_or(|target| target.account != AccountIndex(at)));
            prop_assert!(shut || action.kind() != ActionKind::Purchase);
            // What only the dark account knows cannot make a number ambiguous.
            let is_double = |live: &Live| live.number == Some(action.number());
            let is_known = shut || !world.accounts[usize::from(at)].iter().any(is_double);
            prop_assert!(!is_known || whole.steps.contains(step), "{:?}", step);
        }
        let elsewhere = |plan: &Plan| -> Vec<PhoneNumber> {
            let touches = |step: &&numctl::plan::Step| {
                step.action.account() != AccountIndex(at)
                    && step.action.target().is_none_or(|target| target.account != AccountIndex(at))
            };
            let stays = |step: &&numctl::plan::Step| {
                matches!(step.action.kind(), ActionKind::Configure | ActionKind::Transfer)
            };
            plan.steps.iter().filter(touches).filter(stays).map(|step| step.action.number()).collect()
        };
        // A number that the dark account has as well is not known to be ambiguous: nothing is lost.
        let lost: Vec<_> = elsewhere(&whole).into_iter().filter(|n| !elsewhere(&part).contains(n)).collect();
        prop_assert!(lost.is_empty(), "{:?}", lost);
    }

    #[test]
    fn a_plan_done_leaves_nothing_to_plan(desired in desired(), mut world in world()) {
        let first = world.plan(&desired);
        world.apply(&first);
        let second = world.plan(&desired);
        prop_assert!(second.is_empty(), "{:?}\nthen {:?}", first.steps, second.steps);
        prop_assert_eq!(&first.held, &second.held);
        prop_assert_eq!(inert(&first), inert(&second), "what will be inert is said beforehand");
    }

    #[test]
    fn the_order_of_the_listings_does_not_matter(
        desired in desired(), world in world(), seed in any::<u64>(), split in 0..4_usize,
    ) {
        let shuffled = Observed::new(world.accounts.iter().zip(0..).map(|(rows, account)| {
            let mut rows = rows.clone();
            // Any order that is not the first one will do.
            rows.sort_by_key(|live| {
                let text = format!("{seed}{:?}{:?}", live.sid, live.number);
                text.bytes().fold(seed, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
            });
            rows.reverse();
            let rest = rows.split_off(split.min(rows.len()));
            listing(account, vec![rows, rest])
        }).collect());
        let one = world.plan(&desired);
        let other = plan(&desired, &account_refs(), &shuffled);
        prop_assert_eq!(Digest::from_plan(&one), Digest::from_plan(&other));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn unmanaged_fields_never_change(desired in desired(), world in world()) {
        let plan = world.plan(&desired);
        let mut after = world.clone();
        after.apply(&plan);
        let after = after.observed();
        for (number, before) in world.observed().numbers() {
            let found: Vec<_> = after.find(number).collect();
            let [found] = found[..] else { continue };
            for field in Field::all() {
                let is_managed = desired
                    .declared(number)
                    .is_some_and(|d| d.state == DeclaredState::Present && d.settings.get(field).is_some());
                let is_announced = plan.warnings.iter().any(|warning| {
                    matches!(warning, Warning::ClearsUnmanaged { number: n, clears, .. } if *n == number && *clears == field)
                });
                if !is_managed && !is_announced {
                    prop_assert_eq!(before.live.get(field), found.live.get(field), "{} {}", number, field);
                }
            }
        }
    }

    #[test]
    fn nothing_is_released_without_the_files_word(desired in desired(), world in world()) {
        for step in &world.plan(&desired).steps {
            let declared = desired.declared(step.action.number());
            match (step.action.kind(), step.reason) {
                (ActionKind::Release, Reason::Tombstone) => {
                    // In the account that it names, too.
                    let asked = |d: &Declared| d.state == DeclaredState::Released && d.account == step.action.account();
                    prop_assert!(declared.is_some_and(asked));
                }
                (ActionKind::Release, reason) => {
                    prop_assert_eq!(reason, Reason::Unlisted);
                    prop_assert!(declared.is_none() && desired.policy.unlisted == Unlisted::Release);
                }
                _ => prop_assert!(declared.is_some_and(|d| d.state == DeclaredState::Present)),
            }
        }
    }

    #[test]
    fn what_is_protected_is_never_released_or_moved(desired in desired(), world in world()) {
        for step in &world.plan(&desired).steps {
            if desired.declared(step.action.number()).is_some_and(|declared| declared.protect) {
                let kind = step.action.kind();
                prop_assert!(matches!(kind, ActionKind::Purchase | ActionKind::Configure), "{:?}", step);
            }
        }
    }

    #[test]
    fn short_codes_are_never_bought_and_what_is_seen_twice_is_left_alone(
        desired in desired(), world in world(),
    ) {
        let observed = world.observed();
        let plan = world.plan(&desired);
        for (kind, number) in kinds(&plan) {
            prop_assert!(kind != ActionKind::Purchase || !number.is_short_code());
            prop_assert!(observed.find(number).count() <= 1);
        }
        for held in plan.held.iter().filter(|held| held.why == HeldReason::Ambiguous) {
            prop_assert!(observed.find(held.number).count() > 1);
        }
    }

    #[test]
    fn what_is_declared_is_live_planned_or_held(desired in desired(), world in world()) {
        let observed = world.observed();
        let plan = world.plan(&desired);
        let is_held = |number| plan.held.iter().any(|held| held.number == number);
        let mut unchanged = 0;
        for declared in desired.numbers.iter().filter(|declared| declared.state == DeclaredState::Present) {
            let mut found = observed.find(declared.number).filter(|_| !is_held(declared.number));
            let Some(found) = found.next() else { continue };
            let mut steps = plan.steps.iter().filter(|step| step.action.number() == declared.number);
            let is_planned = |field| steps.clone().any(|step| match &step.action {
                Action::Configure { changes, .. } => changes.iter().any(|change| change.field == field),
                Action::Purchase { .. } | Action::Transfer { .. } | Action::Release { .. } => false,
            });
            for (field, want) in declared.settings.iter() {
                let is_met = numctl::plan::diff::is_met(field, want, found.live);
                prop_assert!(is_met || is_planned(field), "{} {}", declared.number, field);
            }
            let has_effect = plan.no_effect.iter().all(|found| found.number != declared.number);
            unchanged += usize::from(steps.next().is_none() && has_effect);
        }
        let released = desired.numbers.iter().filter(|declared| declared.state == DeclaredState::Released);
        let gone = released.filter(|declared| observed.find(declared.number).next().is_none()).count();
        prop_assert_eq!(plan.unchanged, unchanged + gone);
    }

    #[test]
    fn unrelated_live_numbers_change_nothing(
        mut desired in desired(), mut world in world(), more in prop::collection::vec(row(), 0..6),
    ) {
        desired.policy.unlisted = Unlisted::Ignore;
        let before = world.plan(&desired);
        for (at, row) in more.into_iter().enumerate() {
            let mut live = live(500 + at as u64, Row { has_sid: true, ..row });
            live.number = PhoneNumber::observed(&format!("+1777{at:07}"));
            world.accounts[at % usize::from(ACCOUNTS)].push(live);
        }
        let after = world.plan(&desired);
        prop_assert_eq!(Digest::from_plan(&before), Digest::from_plan(&after));
        prop_assert_eq!((before.steps, before.held, before.warnings), (after.steps, after.held, after.warnings));
    }

    #[test]
    fn another_action_is_another_digest(desired in desired(), world in world(), account in 0..ACCOUNTS) {
        let plan = world.plan(&desired);
        let digest = Digest::from_plan(&plan);
        for at in 0..plan.steps.len() {
            let mut fewer = plan.clone();
            fewer.steps.remove(at);
            prop_assert_ne!(Digest::from_plan(&fewer), digest);
            let mut other = plan.clone();
            let changed = match &mut other.steps[at].action {
                Action::Purchase { account: to, .. } | Action::Transfer { to, .. }
                | Action::Configure { account: to, .. } => {
                    std::mem::replace(to, AccountIndex(account)) != AccountIndex(account)
                }
                Action::Release { target } => {
                    target.sid = Some(number_sid(77_777));
                    true
                }
            };
            prop_assert_eq!(Digest::from_plan(&other) != digest, changed);
            let mut other = plan.clone();
            if let Action::Configure { changes, .. } = &mut other.steps[at].action {
                changes.pop();
                prop_assert_ne!(Digest::from_plan(&other), digest);
            }
        }
    }

    #[test]
    fn numbers_are_replaced_before_they_are_removed(desired in desired(), world in world()) {
        let steps = kinds(&world.plan(&desired));
        let first_release = steps.iter().position(|step| step.0 == ActionKind::Release);
        if let Some(first) = first_release {
            prop_assert!(steps[first..].iter().all(|step| step.0 == ActionKind::Release));
        }
        for (at, (kind, number)) in steps.iter().enumerate() {
            let configured = steps.iter().position(|step| step == &(ActionKind::Configure, *number));
            if *kind == ActionKind::Transfer && configured.is_some() {
                prop_assert_eq!(configured, Some(at + 1), "configured right after its move");
            }
        }
        let distinct: BTreeSet<_> = steps.iter().collect();
        prop_assert_eq!(distinct.len(), steps.len(), "one action of a kind for a number");
    }

    #[test]
    fn an_export_plans_to_nothing(world in world()) {
        let observed = world.observed();
        let fleet = ExportedFleet::from_observed(&accounts(), &observed);
        let desired = fleet.to_desired();
        let plan = plan(&desired, &account_refs(), &observed);
        prop_assert!(plan.is_empty() && plan.held.is_empty(), "{:?}\n{}", plan.steps, fleet.to_yaml());
        for warning in &plan.warnings {
            let is_of_the_file = !matches!(warning, Warning::Listing { .. } | Warning::Inert { .. });
            prop_assert!(!is_of_the_file, "{:?}", warning);
        }
        prop_assert_eq!(read_back(&fleet.to_yaml()), said(&desired));
        prop_assert_eq!(fleet.carries_passwords(), fleet.to_yaml().contains("u:p@"));
    }
}

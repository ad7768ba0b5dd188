//! Limits: a plan is refused exactly when it goes beyond one, and a share is of what is live in each account.

use std::collections::BTreeMap;

use numctl::desired::{AccountIndex, Declared, DeclaredState, Desired, Limit, Limits, MonthlyLimits, Place};
use numctl::guard::budget::Outlook;
use numctl::guard::{self, Broken, OperatorLimits, Rejection};
use numctl::model::action_kind::ActionKind;
use numctl::model::number::PhoneNumber;
use numctl::model::settings::Managed;
use numctl::plan::Plan;
use numctl::plan::digest::Digest;
use proptest::prelude::*;

use super::fleets::{desired, world};

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![(0..8_u32).prop_map(Limit::Count), (0..=100_u8).prop_map(Limit::Percent)]
}

fn limits() -> impl Strategy<Value = Limits> {
    (limit(), limit(), limit()).prop_map(|(purchases, releases, changes)| Limits {
        purchases,
        releases,
        changes,
        release_guard: None,
        monthly: MonthlyLimits::default(),
    })
}

/// How much of each kind a plan does in each account.
fn by_account(plan: &Plan) -> BTreeMap<AccountIndex, [usize; 3]> {
    let mut sums: BTreeMap<AccountIndex, [usize; 3]> = BTreeMap::new();
    let mut last = None;
    for step in &plan.steps {
        let account = match (step.action.target(), step.action.kind()) {
            (Some(target), _) => target.account,
            (None, _) => step.action.account(),
        };
        let sums = sums.entry(account).or_default();
        sums[0] += usize::from(step.action.kind() == ActionKind::Purchase);
        sums[1] += usize::from(step.action.kind() == ActionKind::Release);
        sums[2] += usize::from(last != Some(step.action.number()));
        last = Some(step.action.number());
    }
    sums
}

fn never_there(at: usize) -> Declared {
    Declared {
        number: PhoneNumber::declared(&format!("+1555224{at:04}")).expect("a number"),
        account: AccountIndex(0),
        state: DeclaredState::Released,
        hold: None,
        on_vanished: None,
        protect: false,
        settings: Managed::default(),
        labels: None,
        place: Place { file: 0, entry: 0 },
    }
}

fn with_tombstones(desired: &Desired, many: usize) -> Desired {
    let mut desired = desired.clone();
    desired.numbers.extend((0..many).map(never_there));
    desired.numbers.sort_by_key(|declared| declared.number);
    desired
}

proptest! {
    #[test]
    fn a_plan_is_refused_exactly_when_it_goes_beyond_a_limit(
        desired in desired(), world in world(), file in limits(), operator in limits(), has_operator in any::<[bool; 3]>(),
    ) {
        let plan = world.plan(&desired);
        let operator = OperatorLimits {
            purchases: has_operator[0].then_some(operator.purchases),
            releases: has_operator[1].then_some(operator.releases),
            changes: has_operator[2].then_some(operator.changes),
            release_guard: None,
            monthly: MonthlyLimits::default(),
        };
        let live = world.observed().live_by_account();
        let in_each = by_account(&plan);
        let beyond = |at: usize, limit: Limit| match limit {
            Limit::Count(count) => in_each.values().map(|sums| sums[at]).sum::<usize>() > count as usize,
            Limit::Percent(_) => in_each
                .iter()
                .any(|(account, sums)| sums[at] > 0 && sums[at] > limit.count(live[usize::from(account.0)])),
        };
        let by_file = [file.purchases, file.releases, file.changes];
        let by_operator = [operator.purchases, operator.releases, operator.changes];
        let broken: Vec<bool> = (0..3)
            .map(|at| beyond(at, by_file[at]) || by_operator[at].is_some_and(|limit| beyond(at, limit)))
            .collect();
        match guard::approve(plan.clone(), &file, &operator, None, &Outlook::default(), None) {
            Ok(approved) => {
                prop_assert!(!broken.contains(&true));
                prop_assert_eq!(approved.plan(), &plan);
            }
            Err(refused) => {
                let (shown, rejection) = *refused;
                let Rejection::Limits(refusal) = rejection else { panic!("nobody accepted anything") };
                let named = [guard::LimitName::Purchases, guard::LimitName::Releases, guard::LimitName::Changes]
                    .map(|name| refusal.broken.iter().any(|broken| broken.limit == name));
                prop_assert_eq!(named.to_vec(), broken);
                prop_assert_eq!(&shown, &plan, "a refused plan is still shown");
                prop_assert!(guard::approve(shown, &file, &operator, None, &Outlook::default(), Some(refusal.digest)).is_ok());
                let mut other = plan.clone();
                other.steps.pop();
                let other_digest = Digest::from_plan(&other);
                let open = Limits { purchases: Limit::Percent(100), releases: Limit::Percent(100), changes: Limit::Percent(100), ..file };
                let is_open = guard::approve(plan.clone(), &open, &OperatorLimits::default(), None, &Outlook::default(), Some(other_digest));
                prop_assert!(is_open.is_err(), "an accepted digest approves no other plan, within the limits too");
                prop_assert!(guard::approve(plan, &file, &operator, None, &Outlook::default(), Some(other_digest)).is_err());
            }
        }
    }

    /// Law 11: a file that grows by entries that do nothing is allowed no more than before.
    #[test]
    fn nothing_that_a_file_adds_raises_a_share(
        desired in desired(), world in world(), file in limits(), operator in limits(), many in 1..400_usize,
    ) {
        let operator = OperatorLimits {
            purchases: Some(operator.purchases),
            releases: Some(operator.releases),
            changes: Some(operator.changes),
            release_guard: None,
            monthly: MonthlyLimits::default(),
        };
        let broken = |desired: &Desired| -> Vec<Broken> {
            guard::check(&world.plan(desired), &file, &operator, None, &Outlook::default()).map_or_else(Vec::new, |refusal| refusal.broken)
        };
        prop_assert_eq!(broken(&with_tombstones(&desired, many)), broken(&desired));
    }

    /// The default `max_changes`: a fleet that is replaced as a whole touches more numbers than are
    /// live, and more than are declared.
    #[test]
    fn a_hundred_percent_is_no_limit(desired in desired(), world in world()) {
        let all = Limit::Percent(100);
        let file = Limits { purchases: all, releases: all, changes: all, release_guard: None, monthly: MonthlyLimits::default() };
        let refusal = guard::check(&world.plan(&desired), &file, &OperatorLimits::default(), None, &Outlook::default());
        prop_assert_eq!(refusal, None);
    }
}

//! Takes out of a plan what is not to be changed now: drift is planned and shown all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::desired::{AccountIndex, Desired, OnVanished};
use crate::model::hold::{Hold, Standstill, Still};
use crate::model::number::PhoneNumber;
use crate::plan::{HeldReason, Plan, Step};

/// What the files say about when the numbers of a plan may be changed. A saved plan carries it, so
/// that it is held by the same rules as the files that it was made from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Holds {
    pub standstill: Standstill,
    /// Of accounts, by the plan's index.
    pub accounts: BTreeMap<AccountIndex, Hold>,
    /// Of numbers that the plan touches.
    pub numbers: BTreeMap<PhoneNumber, Hold>,
    /// What happens to numbers that have vanished, where they say nothing themselves.
    pub on_vanished: Option<OnVanished>,
    /// What numbers that the plan touches say themselves.
    pub own_on_vanished: BTreeMap<PhoneNumber, OnVanished>,
}

impl Holds {
    /// Those of the files that the plan was made from.
    #[must_use]
    pub fn from_plan(desired: &Desired, plan: &Plan) -> Self {
        let accounts = desired.accounts().filter_map(|(at, account)| Some((at, account.hold.clone()?)));
        Self { accounts: accounts.collect(), ..Self::without_accounts(desired, plan) }
    }

    /// Those of files that may declare other accounts than the plan has: accounts are matched by name.
    #[must_use]
    pub fn named(desired: &Desired, plan: &Plan) -> Self {
        let hold_of =
            |name: &str| desired.accounts.iter().find(|account| *account.name == *name)?.hold.clone();
        let accounts = plan.accounts.iter().zip(0..);
        let accounts = accounts.filter_map(|(account, at)| Some((AccountIndex(at), hold_of(&account.name)?)));
        Self { accounts: accounts.collect(), ..Self::without_accounts(desired, plan) }
    }

    fn without_accounts(desired: &Desired, plan: &Plan) -> Self {
        let mut holds = Self {
            standstill: desired.standstill.clone(),
            on_vanished: Some(desired.policy.on_vanished),
            ..Self::default()
        };
        for step in &plan.steps {
            let Some(declared) = desired.declared(step.action.number()) else { continue };
            if let Some(hold) = &declared.hold {
                holds.numbers.insert(declared.number, (**hold).clone());
            }
            if let Some(own) = declared.on_vanished {
                holds.own_on_vanished.insert(declared.number, own);
            }
        }
        holds
    }

    /// What happens to a number should it have vanished. What no one has said is the default's.
    #[must_use]
    pub fn on_vanished(&self, number: PhoneNumber) -> OnVanished {
        let own = self.own_on_vanished.get(&number).copied();
        own.or(self.on_vanished).unwrap_or(OnVanished::Report)
    }
}

/// Takes out of a plan what is not to be changed now.
pub fn hold_back(plan: &mut Plan, holds: &Holds, signal_paused: bool, now: Duration) {
    let whole = whole(&holds.standstill, signal_paused, now);
    let held_of = |step: &Step| {
        let action = &step.action;
        if let Some(why) = whole {
            return Some(why);
        }
        let number = holds.numbers.get(&action.number());
        let source = action.target().and_then(|target| holds.accounts.get(&target.account));
        let all = [number, holds.accounts.get(&action.account()), source];
        let until = all.into_iter().flatten().filter(|hold| hold.is_on(now)).map(|hold| hold.until).max()?;
        Some(HeldReason::OnHold { until: until.as_second() })
    };
    plan.hold(held_of);
}

/// Why nothing at all is changed now.
fn whole(standstill: &Standstill, signal_paused: bool, now: Duration) -> Option<HeldReason> {
    match (signal_paused, standstill.still(now)) {
        (true, _) | (_, Some(Still::Paused)) => Some(HeldReason::Paused),
        (false, Some(Still::OutsideWindows)) => Some(HeldReason::OutsideWindows),
        (false, Some(Still::OnHold(until))) => Some(HeldReason::OnHold { until }),
        (false, None) => None,
    }
}

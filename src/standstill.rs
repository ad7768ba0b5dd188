//! Takes out of a plan what is not to be changed now: drift is planned and shown all the same.

use std::time::Duration;

use crate::desired::{AccountIndex, Desired};
use crate::hold::Still;
use crate::plan::{HeldReason, Plan, Step};

/// Takes out of a plan what is not to be changed now.
pub fn hold_back(plan: &mut Plan, desired: &Desired, signal_paused: bool, now: Duration) {
    let whole = match (signal_paused, desired.standstill.still(now)) {
        (true, _) | (_, Some(Still::Paused)) => Some(HeldReason::Paused),
        (false, Some(Still::OutsideWindows)) => Some(HeldReason::OutsideWindows),
        (false, Some(Still::OnHold(until))) => Some(HeldReason::OnHold { until }),
        (false, None) => None,
    };
    let account = |index: AccountIndex| {
        desired.accounts.get(usize::from(index.0)).and_then(|account| account.hold.as_ref())
    };
    let held_of = |step: &Step| {
        let action = &step.action;
        if let Some(why) = whole {
            return Some(why);
        }
        let number = desired.declared(action.number()).and_then(|declared| declared.hold.as_deref());
        let source = action.target().and_then(|target| account(target.account));
        let holds = [number, account(action.account()), source];
        let until =
            holds.into_iter().flatten().filter(|hold| hold.is_on(now)).map(|hold| hold.until).max()?;
        Some(HeldReason::OnHold { until: until.as_second() })
    };
    plan.hold(held_of);
}

//! A plan for a part of what is declared: `--only` and `--account`.

use std::collections::BTreeSet;

use super::claims::{self, BoundClaims, ShortfallReason};
use super::planner::{of_numbers, plan};
use super::whole::Plan;
use super::{HeldReason, Warning};
use crate::desired::AccountRef;
use crate::desired::narrowing::Narrowing;
use crate::desired::{AccountIndex, Desired, Unlisted};
use crate::model::number::PhoneNumber;
use crate::observed::Observed;

/// [`plan`] for a part of what is declared: the rest counts as if it were not declared, but that nothing
/// is released for not being declared.
pub fn plan_part(
    desired: &Desired,
    accounts: &[AccountRef],
    observed: &Observed,
    narrowing: Option<&Narrowing>,
) -> Plan {
    match narrowing {
        Some(narrowing) => narrowed(desired, accounts, observed, narrowing),
        None => plan(desired, accounts, observed),
    }
}

fn narrowed(desired: &Desired, accounts: &[AccountRef], observed: &Observed, narrowing: &Narrowing) -> Plan {
    // Bound as a whole: which numbers a claim has does not depend on what is asked.
    let BoundClaims { desired: mut bound, mut purchases, mut short, broken } =
        claims::bind(desired, observed);
    let declared = bound.numbers.len();
    bound.numbers.retain(|declared| narrowing.takes(declared));
    bound.policy.unlisted = Unlisted::Ignore;
    let left_out = declared - bound.numbers.len();
    purchases.retain(|number, _| bound.declared(*number).is_some());
    let claimed: usize = short.len();
    short.retain(|short| narrowing.takes_claim(&short.claim, short.account, desired));
    let left_out = left_out + claimed - short.len();
    let mut touched: BTreeSet<AccountIndex> = bound.numbers.iter().map(|declared| declared.account).collect();
    touched.extend(short.iter().map(|short| short.account));
    for declared in &bound.numbers {
        touched.extend(observed.find(declared.number).map(|found| found.account));
    }
    let mut plan = of_numbers(&bound, accounts, observed, purchases, short);
    plan.warnings.retain(|warning| match warning {
        Warning::Listing { account, .. } => touched.contains(account),
        Warning::LeftInQuarantine { number, .. } => bound.declared(*number).is_some(),
        _ => true,
    });
    let broken = broken.into_iter().filter(|(number, _)| bound.declared(*number).is_some());
    plan.warnings.extend(broken.map(|(number, account)| Warning::BrokenMark { number, account }));
    // An account that keeps something of the part from being done is one of it.
    touched.extend(plan.held.iter().filter_map(|held| match held.why {
        HeldReason::PerhapsIn { account }
        | HeldReason::PerhapsSpeltOddly { account }
        | HeldReason::AccountInTrouble { account } => Some(account),
        _ => None,
    }));
    touched.extend(plan.short.iter().filter_map(|short| match short.why {
        ShortfallReason::PerhapsIn { account, .. } => Some(account),
        _ => None,
    }));
    plan.troubles.retain(|(account, _)| touched.contains(account));
    // Numbers outside the selection are not mentioned.
    plan.unlisted = 0;
    plan.narrowed = Some(narrowing.told(left_out));
    plan
}

impl Plan {
    /// Takes out what a narrowing leaves out of a plan that was made from something else than files.
    pub fn narrow(mut self, desired: &Desired, narrowing: Option<&Narrowing>) -> Self {
        let Some(narrowing) = narrowing else { return self };
        let takes = |number: PhoneNumber, account: AccountIndex| {
            let labels = desired.declared(number).and_then(|declared| declared.labels.as_deref());
            narrowing.takes_number(number, account, labels)
        };
        let before = self.touched();
        self.steps.retain(|step| takes(step.action.number(), step.action.account()));
        self.waiting.retain(|(step, _)| takes(step.action.number(), step.action.account()));
        self.held.retain(|held| takes(held.number, held.account));
        self.narrowed = Some(narrowing.told(before - self.touched()));
        self
    }
}

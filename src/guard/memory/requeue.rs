//! When a number that failed is tried again: each by itself, later and later.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::number::PhoneNumber;
use crate::plan::outcome::{Failure, Outcome, Report, Skip, StepEnd};
use crate::plan::{HeldReason, Plan};

/// The first wait of a number is at most this long; each one is at most twice as long as the last,
const BASE: Duration = Duration::from_secs(1);
/// up to this, or to the interval, if that is longer.
const CAP: Duration = Duration::from_secs(900);

/// The numbers that failed.
#[derive(Debug)]
pub(super) struct Requeue {
    cap: Duration,
    failing: BTreeMap<PhoneNumber, Failing>,
}

#[derive(Debug, Clone, Copy)]
struct Failing {
    times: u32,
    due: Duration,
}

impl Requeue {
    pub(super) fn new(interval: Duration) -> Self {
        Self { cap: CAP.max(interval), failing: BTreeMap::new() }
    }

    pub(super) fn hold_back(&mut self, plan: &mut Plan, now: Duration) {
        if self.failing.is_empty() {
            return;
        }
        let cap = self.cap;
        for failing in self.failing.values_mut() {
            // A clock that was set back must not make the wait last for ever.
            failing.due = failing.due.min(now.saturating_add(cap));
        }
        // What is as declared by now, or declared no more, has no action left that could fail.
        let planned: BTreeSet<PhoneNumber> = plan.steps.iter().map(|step| step.action.number()).collect();
        self.failing.retain(|number, failing| planned.contains(number) || failing.due > now);
        plan.hold(|step| {
            let failing = self.failing.get(&step.action.number()).filter(|failing| failing.due > now)?;
            Some(HeldReason::BackingOff { until: seconds(failing.due), times: failing.times })
        });
    }

    pub(super) fn settle(&mut self, report: &Report, now: Duration, mut dice: impl FnMut() -> u64) {
        // The steps of a number that moves stand one after the other: if one fails, it failed.
        let mut failed = BTreeSet::new();
        for (step, end) in report.plan.steps.iter().zip(&report.ends) {
            let number = step.action.number();
            if is_about_the_number(end) {
                failed.insert(number);
            } else if end.outcome.is_settled() && !failed.contains(&number) {
                self.failing.remove(&number);
            }
        }
        for number in failed {
            let times = self.failing.get(&number).map_or(0, |failing| failing.times).saturating_add(1);
            let ceiling = BASE.saturating_mul(1 << times.saturating_sub(1).min(16)).min(self.cap);
            let wait = ceiling.mul_f64(0.5 + 0.5 * (dice() as f64 / u64::MAX as f64));
            self.failing.insert(number, Failing { times, due: now.saturating_add(wait) });
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.failing.values().map(|failing| failing.due).min()
    }

    pub(super) fn forgive(&mut self) {
        self.failing.clear();
    }
}

/// In whole seconds, not before it is due.
fn seconds(due: Duration) -> i64 {
    i64::try_from(due.as_secs().saturating_add(u64::from(due.subsec_nanos() > 0))).unwrap_or(i64::MAX)
}

/// Whether an action's end is a failure of its number, and not of the account, the lock or an operator
/// who stopped the run: those are tried again with the next cycle.
#[must_use]
pub fn is_about_the_number(end: &StepEnd) -> bool {
    match &end.outcome {
        Outcome::Succeeded | Outcome::Failed(Failure::Braked(_)) | Outcome::Unknown(Failure::Braked(_)) => {
            false
        }
        Outcome::Failed(_) | Outcome::Unknown(_) => true,
        Outcome::Skipped(skip) => match skip {
            Skip::AlreadyOwned | Skip::PerhapsOwned | Skip::Changed | Skip::NoSid | Skip::NotFresh => true,
            Skip::AlreadyGone
            | Skip::Interrupted
            | Skip::EarlierFailed
            | Skip::ReplacementMissing
            | Skip::AccountRefused
            | Skip::LostLock
            | Skip::NotRecorded
            | Skip::Unreachable
            | Skip::Braked(_) => false,
        },
    }
}

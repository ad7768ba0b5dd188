//! One pass of the line: observed → plan → approve → execute → report, from files that are parsed.
//!
//! `apply` walks the same line and stops to ask; the daemon and the simulation walk it as it stands
//! here, on every wake-up.

use tokio::sync::watch;

use crate::client::{Client, ListError};
use crate::desired::{AccountIndex, Desired};
use crate::execute::{Event, Stop, execute};
use crate::guard::{self, OperatorLimits, Refusal};
use crate::observe::observe;
use crate::plan::{AccountRef, Plan, plan};
use crate::report::Report;
use crate::transport::Transport;

/// What a pass came to.
#[derive(Debug)]
#[must_use]
pub enum Pass {
    /// Some account could not be listed: nothing was planned (law 3).
    NotObserved(Vec<(AccountIndex, ListError)>),
    /// The plan goes beyond a limit: nothing was written (law 8).
    Refused(Plan, Refusal),
    /// The plan, empty or not, was carried out.
    Executed(Report),
}

/// Walks the line once. `clients` are those of `accounts`, which are those of `desired`.
pub async fn pass<T: Transport>(
    desired: &Desired,
    accounts: &[AccountRef],
    clients: &[Client<T>],
    operator: &OperatorLimits,
    numbers_at_once: usize,
    stop: watch::Receiver<Stop>,
    on_event: impl Fn(&Plan, Event<'_>),
) -> Pass {
    let observed = match observe(clients, |_, _| {}).await {
        Ok(observed) => observed,
        Err(failed) => return Pass::NotObserved(failed),
    };
    let plan = plan(desired, accounts, &observed);
    match guard::approve(plan, &desired.policy.limits, operator, None) {
        Err(refused) => Pass::Refused(refused.0, refused.1),
        Ok(approved) => {
            let shown = approved.plan().clone();
            let report = execute(approved, clients, numbers_at_once, stop, |event| on_event(&shown, event));
            Pass::Executed(report.await)
        }
    }
}

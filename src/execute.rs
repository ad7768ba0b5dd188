//! Carries out an approved plan. Every choice was made in the plan; what is decided here is only
//! whether and when to try again, by the total match in [`crate::client::backoff::next`].
//!
//! The actions of one number run one after the other; numbers run side by side; releases start only
//! once every purchase and every transfer of the run has ended well (law 4).
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `journal`: records of runs: what was there before, what was done, how to undo it
//!
//! I/O:
//!
//! - `journal_file`: the journal on disk
//! - `ledger`: the budget and the record of purchases, on disk or in the Lease
//! - `notebook`: asks for what is about to be sent to be written down first
//! - `run`: what the actions of one run share
//! - `trace`: what is known about one action while it runs
//! - `attempt`: the one loop that sends a write and handles failures
//! - `membership`: puts a number into the Messaging Service that it is to be in
//! - `configure`: sends changed fields and compares the answer
//! - `purchase`: buys a number, or a claim's next candidate
//! - `transfer`: moves a number
//! - `release`: releases a number that is still as planned
//! - `chain`: the steps for one number, in order

mod attempt;
mod chain;
mod configure;
pub mod journal;
pub mod journal_file;
pub mod ledger;
mod membership;
mod notebook;
mod purchase;
mod release;
mod run;
mod trace;
mod transfer;

use std::cell::Cell;
use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;

use crate::client::Client;
use crate::client::transport::Transport;
use crate::guard::Approved;
use crate::model::hold::Brake;
use crate::model::number::PhoneNumber;
use crate::plan::Plan;
use crate::plan::outcome::{Outcome, Report, Skip, StepEnd};

pub use notebook::{Asked, Notebook, ToNote};
use run::Run;
pub use run::{Event, Stop};

/// Carries out a plan. Never fails as a whole: what happened is in the report.
///
/// `clients` are those of the plan's accounts, in their order. `brake` is asked before each write whether
/// what the plan rests on still holds; what was not sent by then is skipped with its answer. `notebook` is
/// where a purchase for a claim is written down before it is sent.
pub async fn execute<T: Transport>(
    approved: Approved,
    clients: &[Client<T>],
    numbers_at_once: usize,
    stop: watch::Receiver<Stop>,
    brake: impl Fn() -> Option<Brake>,
    notebook: &Notebook,
    on_event: impl Fn(&Plan, Event<'_>),
) -> Report {
    let plan = approved.into_plan();
    let run = Run {
        plan: &plan,
        clients,
        stop,
        brake: &brake,
        notebook,
        refused: clients.iter().map(|_| Cell::new(false)).collect(),
        on_event: &|event| on_event(&plan, event),
    };
    let mut chains: BTreeMap<(bool, usize), Vec<usize>> = BTreeMap::new();
    let mut first_of: BTreeMap<PhoneNumber, usize> = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let first = *first_of.entry(step.action.number()).or_insert(at);
        chains.entry((step.gives_up(), first)).or_default().push(at);
    }
    let (releases, others): (Vec<_>, Vec<_>) = chains.into_iter().partition(|((gives_up, _), _)| *gives_up);
    let mut ends: Vec<Option<StepEnd>> = vec![None; plan.steps.len()];
    let carry_out = async |chains: Vec<((bool, usize), Vec<usize>)>, ends: &mut Vec<Option<StepEnd>>| {
        let mut done =
            stream::iter(chains).map(|(_, chain)| run.chain(chain)).buffer_unordered(numbers_at_once.max(1));
        while let Some(chain_ends) = done.next().await {
            for (step, end) in chain_ends {
                (run.on_event)(Event::Ended { step, end: &end });
                ends[step] = Some(end);
            }
        }
    };
    carry_out(others, &mut ends).await;
    let is_settled = |end: &Option<StepEnd>| end.as_ref().is_some_and(|end| end.outcome.is_settled());
    let replaced = plan.steps.iter().zip(&ends).all(|(step, end)| !step.replaces() || is_settled(end));
    if replaced {
        carry_out(releases, &mut ends).await;
    } else {
        let why = match (run.stopping(), (run.brake)()) {
            (true, _) => Skip::Interrupted,
            (false, Some(brake)) => Skip::Braked(brake),
            (false, None) => Skip::ReplacementMissing,
        };
        for step in releases.into_iter().flat_map(|(_, chain)| chain) {
            let end = StepEnd { outcome: Outcome::Skipped(why), attempts: 0, instead: None };
            (run.on_event)(Event::Ended { step, end: &end });
            ends[step] = Some(end);
        }
    }
    let interrupted = run.stopping();
    // Every chain gives an end to each of its steps; the default only keeps this total.
    let missing = || StepEnd { outcome: Outcome::Skipped(Skip::Interrupted), attempts: 0, instead: None };
    let ends = ends.into_iter().map(|end| end.unwrap_or_else(missing)).collect();
    Report { plan, ends, interrupted }
}

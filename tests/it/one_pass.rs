//! One pass by itself: with nothing spent before, and nothing remembered.

use numctl::client::Client;
use numctl::client::transport::Transport;
use numctl::desired::AccountRef;
use numctl::desired::Desired;
use numctl::execute::Stop;
use numctl::execute::journal::{RecordedCommand, RunHead};
use numctl::execute::ledger::{Kept, LedgerError};
use numctl::guard::budget::Generation;
use numctl::guard::cost::Bill;
use numctl::guard::intents::Intents;
use numctl::guard::memory::{Extent, Memory};
use numctl::guard::{Approved, OperatorLimits};
use numctl::plan::Plan;
use numctl::reconcile::{Authority, Decision, Hooks, Job, LineState, Pass, PlanSource, Pricing, pass};
use std::time::Duration;
use tokio::sync::watch;

/// Says yes to everything, and keeps nothing.
struct Yes;

impl Hooks for Yes {
    fn confirm(&self, _: &Approved, _: Option<&Bill>) -> Decision {
        Decision::Yes
    }

    async fn record(&self, _: &Plan, _: &Kept) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn note(&self, _: &Intents) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// What a pass goes by.
pub(crate) struct OnePass<'a, T> {
    pub(crate) desired: &'a Desired,
    pub(crate) generation: Generation,
    pub(crate) accounts: &'a [AccountRef],
    pub(crate) clients: &'a [Client<T>],
    pub(crate) numbers_at_once: usize,
}

pub(crate) async fn one_pass<T: Transport>(one: &OnePass<'_, T>, stop: watch::Receiver<Stop>) -> Pass {
    let job = Job {
        source: PlanSource::Files(one.desired),
        generation: one.generation,
        accounts: one.accounts,
        clients: one.clients,
        operator: &OperatorLimits::default(),
        accepted: None,
        pricing: Pricing::WhereLimited,
        asks_who: false,
        preflight: None,
        narrowing: None,
        left_out_clients: &[],
        numbers_at_once: one.numbers_at_once,
        extent: Extent::Full,
        authority: Authority {
            clock: &|| Duration::from_secs(1_800_000_000),
            paused: watch::channel(false).1,
            is_in_force: &|| true,
            doubt: None,
        },
        journal: None,
        head: &RunHead { command: RecordedCommand::Run, generation: None, undoes: None, by: None },
        dry_run: false,
        stop,
        now: Duration::from_secs(1_800_000_000),
    };
    let (mut memory, mut kept) = (Memory::of_one_look(), Kept::default());
    let state = LineState { memory: &mut memory, kept: &mut kept, listed: None };
    pass(&job, state, &Yes).await.pass
}

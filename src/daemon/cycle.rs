//! One cycle: a pass of the whole line, with the budget kept before and after it.

use tracing::warn;

use super::writing::DaemonWriting;
use super::{Daemon, InForce, News};
use crate::client::transport::Transport;
use crate::daemon::status::Finish;
use crate::desired::Desired;
use crate::execute::Event;
use crate::execute::journal::{RecordedCommand, RunHead};
use crate::execute::journal_file::JournalAccess;
use crate::execute::ledger::{Kept, LedgerError};
use crate::guard::cost::Bill;
use crate::guard::intents::Intents;
use crate::guard::memory::{Extent, Memory};
use crate::guard::{Approved, day_left};
use crate::plan::Plan;
use crate::reconcile::{Authority, Decision, Hooks, Job, LineState, Pass, Passed, PlanSource, Pricing, pass};

impl<T: Transport> Daemon<'_, T> {
    /// One pass, with the budget kept before and after it.
    pub(super) async fn cycle(
        &self,
        force: &InForce<T>,
        extent: Extent,
        is_in_force: &dyn Fn() -> bool,
        writing: &mut DaemonWriting,
        memory: &mut Memory,
    ) -> Result<(Pass, Extent), LedgerError> {
        // Whoever wrote meanwhile left a fleet that we have not seen.
        let extent = if writing.kept.is_some() { extent } else { Extent::Full };
        let other = self.hand_over(force, &mut writing.handover).await?;
        let now = (self.effects.clock)();
        let kept = match &mut writing.kept {
            Some(budget) => budget,
            none => {
                let mut loaded = self.write_access.ledger.load(now)?;
                if let Some(earlier) = writing.earlier.take() {
                    loaded.budget.recall(&earlier.budget);
                    loaded.intents.recall(&earlier.intents, now);
                }
                none.insert(loaded)
            }
        };
        let by = self.options.by.clone();
        let generation = Some(force.generation.to_string());
        let head = RunHead { command: RecordedCommand::Run, generation, undoes: None, by };
        let operator = &self.options.operator;
        let is_money_limited = force.desired.policy.limits.monthly.is_any() || operator.monthly.is_any();
        let job = Job {
            source: PlanSource::Files(&force.desired),
            generation: force.generation,
            accounts: &force.reached.accounts,
            clients: &force.reached.clients,
            operator: &self.options.operator,
            // No person is asked.
            accepted: None,
            // For the metric too: the price lists are kept for a day.
            pricing: if is_money_limited { Pricing::Always } else { Pricing::WhereLimited },
            asks_who: self.options.asks_who,
            preflight: self.options.preflight.as_ref(),
            narrowing: None,
            left_out_clients: &[],
            numbers_at_once: self.options.numbers_at_once * force.reached.clients.len().max(1),
            extent,
            authority: Authority {
                clock: self.effects.clock,
                paused: self.signals.paused.clone(),
                is_in_force,
                doubt: force.doubt.or(other),
            },
            journal: self.write_access.journal.as_ref().map(JournalAccess::Open),
            head: &head,
            dry_run: self.options.dry_run,
            stop: self.signals.stop.clone(),
            now,
        };
        let before = kept.clone();
        if !self.options.dry_run && !force.desired.claims.is_empty() {
            self.write_access.ledger.begin(&kept.intents).await?;
        }
        let state = LineState { memory: &mut *memory, kept: &mut *kept, listed: None };
        let hooks = Unattended { daemon: self, desired: &force.desired };
        let Passed { pass, extent, bill } = pass(&job, state, &hooks).await;
        if let Pass::Executed(report) = &pass {
            memory.settle(report, (self.effects.clock)(), || self.effects.dice.throw());
        }
        if let Some(plan) = Finish::from(&pass).plan() {
            let spent = kept.budget.day((self.effects.clock)());
            let left = day_left(plan, &force.desired.policy.limits, operator, &spent);
            let monthly = bill.map(|bill| match &pass {
                Pass::Executed(_) => bill.after,
                _ => bill.before,
            });
            (self.effects.tell)(&News::Allows(left, monthly));
        }
        if let (Extent::Full, Some(observed)) = (extent, memory.last_seen()) {
            (self.effects.tell)(&News::Seen(&force.desired, observed));
        }
        // What was given back, or seen to have happened. Without it the ledger says too much, never
        // too little.
        if !self.options.dry_run
            && *kept != before
            && !matches!(pass, Pass::NotRecorded(..))
            && let Err(error) = self.write_access.ledger.save(kept).await
        {
            warn!(%error, "the budget was not saved after the cycle");
        }
        Ok((pass, extent))
    }
}

/// A pass of which no one is asked anything.
struct Unattended<'a, T> {
    daemon: &'a Daemon<'a, T>,
    desired: &'a Desired,
}

impl<T: Transport> Hooks for Unattended<'_, T> {
    fn confirm(&self, _: &Approved, _: Option<&Bill>) -> Decision {
        Decision::Yes
    }

    async fn record(&self, _: &Plan, spent: &Kept) -> Result<(), LedgerError> {
        self.daemon.write_access.ledger.save(spent).await
    }

    async fn note(&self, intents: &Intents) -> Result<(), LedgerError> {
        self.daemon.write_access.ledger.save_record(intents).await
    }

    fn event(&self, plan: &Plan, extent: Extent, event: &Event<'_>) {
        (self.daemon.effects.tell)(&News::Step { desired: self.desired, plan, extent, event });
    }
}

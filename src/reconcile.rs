//! One pass of the line: observed → plan → approve → execute → report, from files that are parsed.
//!
//! `apply` walks the same line and stops to ask; the daemon and the simulation walk it as it stands
//! here, on every wake-up.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::budget::{Budget, Generation};
use crate::client::{Client, ListError};
use crate::clock;
use crate::cost::{Bill, Census, PriceBook};
use crate::desired::{AccountIndex, Desired};
use crate::execute::{Event, Stop, execute};
use crate::guard::{self, OperatorLimits, Refusal};
use crate::journal::{Command, Head};
use crate::journal_file::Journal;
use crate::last_use::Trust;
use crate::ledger::{Kept, LedgerError};
use crate::memory::{Extent, Memory};
use crate::plan::{AccountRef, Plan, plan};
use crate::prices::price_book;
use crate::refresh::refresh;
use crate::report::Report;
use crate::standstill;
use crate::status::Finish;
use crate::survey::observe_and_survey;
use crate::transport::Transport;
use crate::usage;

/// What a pass goes by. `clients` are those of `accounts`, which are those of `desired`.
#[derive(Debug)]
pub struct Cycle<'a, T> {
    /// What is declared.
    pub desired: &'a Desired,
    /// The content that it came from.
    pub generation: Generation,
    /// The accounts.
    pub accounts: &'a [AccountRef],
    /// Their clients; each asks its [`Writer`](crate::client::Writer) before it writes.
    pub clients: &'a [Client<T>],
    /// The operator's limits.
    pub operator: &'a OperatorLimits,
    /// How many numbers are in hand at once.
    pub numbers_at_once: usize,
    /// [`Extent::Partial`]: look only at what may be other than at the last full look, where that is
    /// safe.
    pub extent: Extent,
    /// A signal has paused the daemon.
    pub paused: bool,
    /// What is seen and done is written down here.
    pub journal: Option<&'a Journal>,
    /// Plan, and write nothing.
    pub dry_run: bool,
    /// Since the epoch.
    pub now: Duration,
}

/// What a pass came to.
#[derive(Debug)]
#[must_use]
pub enum Pass {
    /// It was stopped before anything was planned.
    Stopped,
    /// No account could be listed: nothing was planned (law 3).
    NotObserved(Vec<(AccountIndex, ListError)>),
    /// The plan goes beyond a limit: nothing was written (law 8).
    Refused(Plan, Refusal),
    /// A dry run: the plan would be carried out.
    Planned(Plan),
    /// What the plan spends could not be recorded: nothing was written.
    NotRecorded(Plan, LedgerError),
    /// The plan, empty or not, was carried out.
    Executed(Report),
}

impl Pass {
    /// The same, as it is shown to the outside.
    #[must_use]
    pub fn finish(&self) -> Finish<'_> {
        match self {
            Self::Stopped => Finish::Stopped,
            Self::NotObserved(failed) => Finish::NotObserved(failed),
            Self::Refused(plan, refusal) => Finish::Refused(plan, refusal),
            Self::Planned(plan) => Finish::Planned(plan),
            Self::NotRecorded(plan, error) => Finish::NotRecorded(plan, error),
            Self::Executed(report) => Finish::Executed(report),
        }
    }
}

/// Walks the line once, and says how much it looked at. `record` keeps what is spent, and is back before
/// the first write.
pub async fn pass<T: Transport>(
    cycle: &Cycle<'_, T>,
    memory: &mut Memory,
    kept: &mut Kept,
    record: impl AsyncFn(&Kept) -> Result<(), LedgerError>,
    stop: watch::Receiver<Stop>,
    on_event: impl Fn(&Plan, Extent, Event<'_>),
) -> (Pass, Extent) {
    let mut stopped = stop.clone();
    // Reading has nothing to finish.
    let (planned, extent) = tokio::select! {
        biased;
        planned = draft(cycle, memory, kept) => planned,
        Ok(_) = stopped.wait_for(|stop| *stop >= Stop::Drain) => return (Pass::Stopped, cycle.extent),
    };
    let pass = match planned {
        Err(failed) => Pass::NotObserved(failed),
        Ok(planned) => {
            let on_event = |plan: &Plan, event: Event<'_>| on_event(plan, extent, event);
            carry_out(planned, cycle, memory, kept, record, stop, on_event).await
        }
    };
    (pass, extent)
}

/// What the bill of a plan takes.
type Priced = Option<(Census, PriceBook)>;

/// Looks at the fleet, and plans; asks for the prices that a limit on money calls for.
async fn draft<T: Transport>(
    cycle: &Cycle<'_, T>,
    memory: &mut Memory,
    kept: &mut Kept,
) -> (Result<(Plan, Priced), Vec<(AccountIndex, ListError)>>, Extent) {
    let Cycle { desired, accounts, clients, generation, now, .. } = *cycle;
    if cycle.extent == Extent::Partial
        && let Some((observed, at)) = refresh(clients, accounts, desired, memory, now).await
    {
        let plan = plan(desired, accounts, &observed);
        if plan.only_configures() {
            memory.keep(observed, accounts, at);
            return (Ok((plan, None)), Extent::Partial);
        }
    }
    // One look at a time: it may be a million numbers.
    memory.forget_the_last_look();
    let observed = match observe_and_survey(clients, accounts, desired, (&mut kept.intents, now)).await {
        Ok(observed) => observed,
        Err(failed) => return (Err(failed), Extent::Full),
    };
    kept.budget.observe(&observed, generation, now);
    let observed = memory.doubt(observed, desired, accounts, now);
    if let Some(journal) = cycle.journal.filter(|_| !cycle.dry_run)
        && let Err(error) = journal.look(Some(desired), accounts, clients, &observed, now)
    {
        // Before a write it is tried again, and stops it.
        warn!(%error, "what was seen is not in {}", journal.path().display());
    }
    let plan = plan(desired, accounts, &observed);
    let (file, operator) = (desired.policy.limits.monthly, cycle.operator.monthly);
    let census = guard::calls_for_prices(&plan, file, operator).then(|| Census::take(&observed, &plan));
    memory.keep(observed, accounts, now);
    let priced = match census {
        Some(mut census) => {
            let book = price_book(clients, &plan, &mut census, memory.prices(), true, now).await;
            Some((census, book))
        }
        None => None,
    };
    (Ok((plan, priced)), Extent::Full)
}

/// Holds back what is not to be done now, approves the rest, and carries it out.
async fn carry_out<T: Transport>(
    (mut plan, priced): (Plan, Priced),
    cycle: &Cycle<'_, T>,
    memory: &mut Memory,
    kept: &mut Kept,
    record: impl AsyncFn(&Kept) -> Result<(), LedgerError>,
    stop: watch::Receiver<Stop>,
    on_event: impl Fn(&Plan, Event<'_>),
) -> Pass {
    let Cycle { desired, generation, now, .. } = *cycle;
    standstill::hold_back(&mut plan, desired, cycle.paused, now);
    if let Some(journal) = cycle.journal {
        journal.hold_back(&mut plan, desired, cycle.clients, now);
    }
    kept.budget.hold_back(&mut plan, generation);
    memory.hold_back(&mut plan, now);
    let mut stopped = stop.clone();
    tokio::select! {
        biased;
        () = guard_releases((&mut plan, &priced), cycle, memory, &kept.budget) => {}
        Ok(_) = stopped.wait_for(|stop| *stop >= Stop::Drain) => return Pass::Stopped,
    }
    let bill = bill_of(&plan, &priced);
    let bill = bill.as_ref();
    let outlook = kept.budget.outlook(&plan, bill, generation, now);
    let limits = &desired.policy.limits;
    let approved = match guard::approve_over_time(plan, limits, cycle.operator, bill, &outlook) {
        Err(refused) => return Pass::Refused(refused.0, refused.1),
        Ok(approved) => approved,
    };
    if cycle.dry_run {
        return Pass::Planned(approved.into_plan());
    }
    let mut writing = None;
    if !approved.plan().is_empty() {
        // On a copy: what was not recorded was not spent either.
        let mut spent = kept.clone();
        spent.budget.spend(approved.plan(), bill, generation, now);
        spent.intents.open_for(approved.plan());
        if let Err(error) = record(&spent).await {
            return Pass::NotRecorded(approved.into_plan(), error);
        }
        let before = std::mem::replace(kept, spent);
        if let Some(journal) = cycle.journal {
            let head = Head { command: Command::Run, generation: Some(generation.to_string()), undoes: None };
            match journal.begin(approved.plan(), &head, cycle.clients, now) {
                Ok(begun) => writing = Some(begun),
                Err(error) => {
                    // Nothing is on its way.
                    kept.intents = before.intents;
                    return Pass::NotRecorded(approved.into_plan(), error.into());
                }
            }
        }
    }
    let on_event = |plan: &Plan, event: Event<'_>| {
        if let (Some(writing), Event::Ended { step, end }) = (&writing, &event) {
            writing.ended(plan, *step, end, clock::since_the_epoch());
        }
        on_event(plan, event);
    };
    let began = Instant::now();
    let report = execute(approved, cycle.clients, cycle.numbers_at_once, stop, on_event).await;
    if let Some(writing) = writing {
        writing.done(&report, clock::since_the_epoch());
    }
    kept.budget.settle(&report);
    kept.intents.settle(&report, now + began.elapsed());
    Pass::Executed(report)
}

fn bill_of(plan: &Plan, priced: &Priced) -> Option<Bill> {
    priced.as_ref().map(|(census, book)| Bill::of(plan, census, book))
}

/// Holds the releases of numbers that are in use. A plan that is refused, or only shown, may be there
/// again in the next cycle, and is not looked up each time; one that is carried out right after is.
async fn guard_releases<T: Transport>(
    (plan, priced): (&mut Plan, &Priced),
    cycle: &Cycle<'_, T>,
    memory: &mut Memory,
    budget: &Budget,
) {
    let Cycle { desired, clients, operator, generation, now, .. } = *cycle;
    let limits = &desired.policy.limits;
    let guard = guard::release_guard(limits, operator);
    let known = memory.last_uses();
    usage::guard_releases(plan, clients, known, guard, now, Trust::ThisHour).await;
    let bill = bill_of(plan, priced);
    let outlook = budget.outlook(plan, bill.as_ref(), generation, now);
    let refusal = guard::check_over_time(plan, limits, operator, bill.as_ref(), &outlook);
    if !cycle.dry_run && refusal.is_none() {
        usage::guard_releases(plan, clients, known, guard, now, Trust::ThisLook).await;
    }
}

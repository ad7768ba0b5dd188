//! The line: desired → observed → plan → guard → execute → report.
//!
//! [`pass`] is the only way from files, a saved plan, an adoption or an undo to a report. Commands differ by
//! the values they give it ([`Job`], [`LineState`], [`Hooks`]), never by a copy of these steps: a copy is how a
//! saved plan once came to ignore maintenance windows.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `source`: where a plan comes from: files, a saved plan, an adoption, an undo
//!
//! I/O:
//!
//! - `explain`: finds out who changed what drifted
//! - `look`: looks after the listing: at missing numbers and available ones
//! - `notes`: writes down each purchase for a claim right before it is sent, and not sooner: what is written down and
//! - `preflight`: calls the webhooks that a plan points numbers at
//! - `steps`: the longer steps of the line

mod explain;
mod look;
mod notes;
mod preflight;
mod source;
mod steps;

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::watch;

use crate::client::transport::Transport;
use crate::client::webhook::WebhookCaller;
use crate::client::{Client, ListError};
use crate::desired::AccountIndex;
use crate::desired::AccountRef;
use crate::desired::narrowing::Narrowing;
use crate::execute::journal::RunHead;
use crate::execute::journal_file::JournalAccess;
use crate::execute::ledger::{Kept, LedgerError};
use crate::execute::{Event, Notebook, Stop, execute};
use crate::guard::budget::Generation;
use crate::guard::cost::Bill;
use crate::guard::intents::Intents;
use crate::guard::memory::{Extent, Memory};
use crate::guard::{Approved, OperatorLimits, Refusal, Rejection};
use crate::host::clock;
use crate::observed::Observed;
use crate::plan::digest::Digest;
use crate::plan::outcome::Report;
use crate::plan::stale::Stale;
use crate::plan::{ContentDoubt, Plan};

use notes::Notes;

pub use preflight::{call_all, called_for};
pub use source::{PlanSource, Rejected};

/// What a pass goes by.
#[derive(Debug)]
pub struct Job<'a, T> {
    /// Where the plan comes from.
    pub source: PlanSource<'a>,
    /// The content of the files, by which the budget counts.
    pub generation: Generation,
    /// The accounts of the source.
    pub accounts: &'a [AccountRef],
    /// Their clients; each asks its [`Writer`](crate::client::Writer) before it writes.
    pub clients: &'a [Client<T>],
    pub operator: &'a OperatorLimits,
    /// The digest of the one plan that may go beyond the limits.
    pub accepted: Option<Digest>,
    /// When prices are asked for.
    pub pricing: Pricing,
    /// Whether the audit log is asked who changed what is not as declared.
    pub asks_who: bool,
    /// What calls the webhooks that numbers are pointed at, where the operator wants that.
    pub preflight: Option<&'a WebhookCaller>,
    /// The part of the files that it is about; `None` is all of it.
    pub narrowing: Option<&'a Narrowing>,
    /// Accounts that it leaves out: they are asked only for a number that would be bought.
    pub left_out_clients: &'a [Client<T>],
    /// How many numbers are in progress at once.
    pub numbers_at_once: usize,
    /// [`Extent::Partial`]: look only at what may be other than at the last full look, where that is
    /// safe.
    pub extent: Extent,
    /// What is asked before each write.
    pub authority: Authority<'a>,
    /// What was seen and done before, and where it is written down; `None` where no one asks for it.
    pub journal: Option<JournalAccess<'a>>,
    /// How the run is introduced in the journal.
    pub head: &'a RunHead,
    /// Plan, and write nothing.
    pub dry_run: bool,
    /// How far the run is to stop.
    pub stop: watch::Receiver<Stop>,
    pub now: Duration,
}

/// What a run rests on, asked before each write and not once a run (law 13).
#[derive(Clone)]
pub struct Authority<'a> {
    /// The time since the epoch.
    pub clock: &'a dyn Fn() -> Duration,
    /// A signal has paused the daemon.
    pub paused: watch::Receiver<bool>,
    /// Whether the files are still as they were when the run began.
    pub is_in_force: &'a dyn Fn() -> bool,
    /// Why the files, as they were when the run began, are good for nothing but configuring what is
    /// there.
    pub doubt: Option<ContentDoubt>,
}

impl std::fmt::Debug for Authority<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("doubt", &self.doubt).finish_non_exhaustive()
    }
}

/// When prices are asked for: each list is a request (law 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pricing {
    /// Where a limit on money asks for the plan's cost.
    WhereLimited,
    /// Where the plan changes the cost: a person reads it.
    WhereTouched,
    Always,
}

/// What a pass finds and leaves behind.
#[derive(Debug)]
pub struct LineState<'a> {
    /// What the loop remembers; of one look for a command.
    pub memory: &'a mut Memory,
    /// What was spent, and what may be on its way for claims.
    pub kept: &'a mut Kept,
    /// What was listed already, before the files were read.
    pub listed: Option<Observed>,
}

/// Whether an approved plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is only shown.
    No,
    Yes,
    /// A person took time to say so: the fleet is looked at again first.
    YesAfterAWhile,
}

/// What a pass tells and asks the outside.
pub trait Hooks {
    /// The listing of an account has come so far.
    fn listed(&self, _account: AccountIndex, _numbers: usize) {}
    /// Asks whether an approved plan is carried out.
    fn confirm(&self, approved: &Approved, bill: Option<&Bill>) -> Decision;
    /// Keeps what the plan spends; once this is back, a crash does not lose it.
    fn record(&self, plan: &Plan, spent: &Kept) -> impl Future<Output = Result<(), LedgerError>>;
    /// Keeps what may be on its way for claims, while the plan is carried out: each purchase right before
    /// it is sent.
    fn note(&self, intents: &Intents) -> impl Future<Output = Result<(), LedgerError>>;
    /// The first write is next.
    fn begins(&self, _plan: &Plan) {}
    /// A step begins or has ended.
    fn event(&self, _plan: &Plan, _extent: Extent, _event: &Event<'_>) {}
}

/// The outcome of a pass.
#[derive(Debug)]
#[must_use]
pub enum Pass {
    /// It was stopped before anything was planned.
    Stopped,
    /// No account could be listed: nothing was planned (law 3).
    NotObserved(Vec<(AccountIndex, ListError)>),
    /// The source makes no plan for what is live: an adoption or an undo that cannot be.
    Impossible(Rejected),
    /// A plan that was approved earlier does not fit what is live any more.
    Stale(Plan, Vec<Stale>),
    /// A plan that was approved as a whole, and of which a part is held back by now.
    HeldSince(Plan),
    /// The plan goes beyond a limit: nothing was written (law 8).
    Refused(Plan, Refusal),
    /// Another plan was accepted than this one.
    OtherAccepted(Plan, Digest),
    /// A dry run, or a person's no: the plan would be carried out.
    Planned(Plan),
    /// What the plan spends could not be recorded: nothing was written.
    NotRecorded(Plan, LedgerError),
    /// The plan, empty or not, was carried out.
    Executed(Report),
}

impl From<Box<(Plan, Rejection)>> for Pass {
    fn from(refused: Box<(Plan, Rejection)>) -> Self {
        match *refused {
            (plan, Rejection::Limits(refusal)) => Self::Refused(plan, refusal),
            (plan, Rejection::OtherPlan(digest)) => Self::OtherAccepted(plan, digest),
        }
    }
}

/// The outcome of a pass, how much it looked at, and what its plan costs where that was asked.
#[derive(Debug)]
pub struct Passed {
    /// Its outcome.
    pub pass: Pass,
    /// How much it looked at.
    pub extent: Extent,
    /// What the plan costs.
    pub bill: Option<Bill>,
}

/// Walks the line once.
pub async fn pass<T: Transport>(job: &Job<'_, T>, mut state: LineState<'_>, hooks: &impl Hooks) -> Passed {
    let (mut extent, mut bill) = (job.extent, None);
    let walked = walk(job, &mut state, hooks, &mut extent, &mut bill).await;
    let pass = walked.map_or_else(|ended| *ended, Pass::Executed);
    Passed { pass, extent, bill }
}

/// The line itself. Each step says what it touches; whatever ends it early is the `Err`.
async fn walk<T: Transport>(
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
    hooks: &impl Hooks,
    extent: &mut Extent,
    bill: &mut Option<Bill>,
) -> Result<Report, Box<Pass>> {
    // Reads the API, then pure: what is live, and how to get from there to what is declared.
    let drafted = job.unless_stopped(steps::draft(job, state, hooks, extent)).await?;
    let steps::Draft { mut plan, observed, at } = drafted?;
    // Pure: holds, pauses, windows, vanished numbers, the budget, back-off.
    steps::hold_back(&mut plan, &observed, job, state);
    // Calls webhooks, where the operator wants that: what does not answer holds what would point there.
    job.unless_stopped(preflight::preflight(&mut plan, job, state)).await?;
    // Disk: what was seen.
    steps::note_seen(job, &observed, *extent);
    // Reads the API: whether numbers to be released are in use, and prices that a limit asks for.
    *bill = job.unless_stopped(steps::guard_and_quote(&mut plan, &observed, job, state)).await?;
    // Reads the API, where something differs: who changed it.
    job.unless_stopped(explain::explain(&mut plan, job, state)).await?;
    state.memory.keep(observed, job.accounts, at);
    // Pure: what was approved as a whole is done as a whole; limits.
    let plan = job.source.whole(plan)?;
    let approved = steps::approve(plan, bill.as_ref(), job, state)?;
    if job.dry_run {
        return Err(Pass::Planned(approved.into_plan()).into());
    }
    // A person, or a flag.
    let approved = match hooks.confirm(&approved, bill.as_ref()) {
        Decision::No => return Err(Pass::Planned(approved.into_plan()).into()),
        Decision::Yes => approved,
        // Reads the API: what changed while the question was open (law 13).
        Decision::YesAfterAWhile => steps::still_fits(approved, job, state).await?,
    };
    // Disk: what is not written down is not sent.
    let (approved, run) = steps::record(approved, bill.as_ref(), job, state, hooks).await?;
    // Writes the API.
    hooks.begins(approved.plan());
    let extent = *extent;
    let on_event = |plan: &Plan, event: Event<'_>| {
        if let (Some(run), Event::Ended { step, end }) = (&run, &event) {
            run.ended(plan, *step, end, clock::since_the_epoch());
        }
        hooks.event(plan, extent, &event);
    };
    let began = tokio::time::Instant::now();
    let holds = job.source.holds(approved.plan());
    let brake = || job.authority.brake(&holds);
    let (at_once, stop) = (job.numbers_at_once, job.stop.clone());
    let notes = Notes::new(hooks, &mut state.kept.intents, approved.plan());
    let (notebook, to_note) = Notebook::new();
    let report = {
        let executing = execute(approved, job.clients, at_once, stop, brake, &notebook, on_event);
        let (executing, noting) = (pin!(executing), pin!(notes.keep(to_note)));
        match select(executing, noting).await {
            Either::Left((report, _)) => report,
            // The notebook is ours, so that its keeper never ends first.
            Either::Right(((), executing)) => executing.await,
        }
    };
    // Disk: how it ended.
    steps::settle(&report, run, state, job.now.saturating_add(began.elapsed()));
    Ok(report)
}

impl<T> Job<'_, T> {
    /// Reading has nothing to finish: a stop ends it at once.
    async fn unless_stopped<V>(&self, work: impl Future<Output = V>) -> Result<V, Box<Pass>> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            done = work => Ok(done),
            Ok(_) = stop.wait_for(|stop| *stop >= Stop::Drain) => Err(Pass::Stopped.into()),
        }
    }
}

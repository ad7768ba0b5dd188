//! The loop: one pass after the other, on an interval, when a file changes, and on a signal.
//!
//! Level-triggered: a wake-up only means "look again". Nothing that fails in a cycle ends the loop;
//! what cannot be done now is tried again, later and later.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `status`: the daemon's state as the page and `/status.json` show it
//! - `announce`: decides when to notify
//! - `metrics`: the state as Prometheus metrics
//! - `occasions`: what becomes a Kubernetes Event
//! - `removal`: tells changes of the files that only configure from those that remove
//! - `schedule`: when the next cycle is due
//!
//! I/O:
//!
//! - `process_stats`: time, memory and open files of this process
//! - `board`: shares the loop's state with everything that shows it
//! - `recorder`: writes Kubernetes Events
//! - `event_watch`: polls the audit logs between two cycles
//! - `webhook_watch`: calls the webhooks in force again and again, beside the loop
//! - `file_watch`: wakes the daemon when a file may have changed
//! - `files`: follows the files and decides when a change counts
//! - `listener`: serves the state over HTTP
//! - `messenger`: sends notifications to webhooks
//! - `handover`: makes sure that a new leader has the content that was last in force
//! - `writing`: what the one writer has: locks, Lease, and what was read under them
//! - `cycle`: one cycle, with the budget saved before and after it
//! - `log`: what the log says about a cycle
//! - `looping`: the loop as a state machine

pub mod announce;
pub mod board;
mod cycle;
mod event_watch;
pub mod file_watch;
mod files;
mod handover;
pub mod listener;
mod log;
mod looping;
pub mod messenger;
pub mod metrics;
pub mod occasions;
mod process_stats;
pub mod recorder;
mod removal;
mod schedule;
pub mod status;
pub mod webhook_watch;
mod writing;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::client::fence::NotOurs;
use crate::client::leadership::{Leadership, NotLeading};
use crate::client::lock::{LockError, LockPlace};
use crate::client::transport::Transport;
use crate::client::webhook::WebhookCaller;
use crate::client::{Client, Dice};
use crate::desired::{AccountRef, Desired};
use crate::execute::journal::Author;
use crate::execute::journal_file::Journal;
use crate::execute::ledger::{Ledger, LedgerError};
use crate::execute::{Event, Stop};
use crate::guard::budget::Generation;
use crate::guard::memory::Extent;
use crate::guard::{DayLeft, OperatorLimits};
use crate::model::money::Sums;
use crate::model::provider::Api;
use crate::observed::Observed;
use crate::plan::{ContentDoubt, Plan};
use crate::reconcile::Pass;

use file_watch::Watch;
use looping::Loop;

/// What the loop goes by.
pub struct Daemon<'a, T> {
    /// What the operator chose.
    pub options: Options,
    /// What it writes under.
    pub write_access: WriteAccess,
    /// How it reaches the world.
    pub effects: Effects<'a, T>,
    pub signals: Signals,
}

/// What the operator chose.
pub struct Options {
    /// The files and directories of `-f`.
    pub files: Vec<PathBuf>,
    /// Between two cycles while all is well.
    pub interval: Duration,
    /// One cycle, and no more.
    pub once: bool,
    /// Plan, and write nothing: neither to the API nor to the ledger.
    pub dry_run: bool,
    /// The operator's word that numbers may vanish: see [`Memory`](crate::guard::memory::Memory).
    pub allow_shrink: bool,
    pub operator: OperatorLimits,
    /// How many numbers of each account are in progress at once.
    pub numbers_at_once: usize,
    /// Whether the audit log is asked who changed what is not as declared.
    pub asks_who: bool,
    /// Who started it, for the journal.
    pub by: Option<Author>,
    /// How often the audit logs are asked what others changed; `None` for never.
    pub watch_events: Option<Duration>,
    /// What calls webhooks before numbers point at them.
    pub preflight: Option<WebhookCaller>,
    /// The API of accounts whose file names none.
    pub api: Api,
}

/// What the loop writes under, and where it writes down what it does.
pub struct WriteAccess {
    /// Where the locks are; none where no one else writes.
    pub lock_places: Vec<LockPlace>,
    /// The lease among hosts; `None` for none.
    pub lease: Option<Leadership>,
    /// Where the budget lasts.
    pub ledger: Ledger,
    /// Where what is seen and done is written down; `None` for nowhere.
    pub journal: Option<Journal>,
}

/// How the loop reaches the world.
pub struct Effects<'a, T> {
    pub dice: Arc<Dice>,
    /// The time since the epoch.
    pub clock: &'a dyn Fn() -> Duration,
    /// Finds the accounts of a file, and makes their clients.
    pub reach: &'a dyn Fn(&Desired) -> Result<Reached<T>, String>,
    /// Looks before each cycle whether the credentials are still the same: a mounted secret may have
    /// been renewed.
    pub renew: &'a Renew<'a, T>,
    /// Fills in the secrets that webhooks name, as they are now.
    pub secrets: &'a (dyn Fn(&mut Desired) -> Result<(), String> + 'a),
    /// Hears of what the loop does.
    pub tell: &'a dyn Fn(&News<'_>),
}

/// What the loop obeys.
pub struct Signals {
    /// How far the loop is to stop.
    pub stop: watch::Receiver<Stop>,
    /// Whether a signal has paused the loop: it keeps looking, and changes nothing.
    pub paused: watch::Receiver<bool>,
    /// Rung by a signal: look again, now.
    pub bell: Arc<Notify>,
}

/// What the loop reports, for whatever shows it. It does not wait: a listener must be quick.
#[derive(Debug)]
pub enum News<'a> {
    /// Writing is not ours, for this reason: nothing is looked at meanwhile.
    StandingBy(&'a NotOurs),
    /// A cycle begins, under these files.
    Began(&'a Desired, Generation),
    /// A step of its plan begins or has ended.
    Step {
        /// The files that it goes by.
        desired: &'a Desired,
        plan: &'a Plan,
        /// How much the plan goes by.
        extent: Extent,
        event: &'a Event<'a>,
    },
    /// It could not begin, and is due again after this.
    NotBegun(&'a Desired, &'a LedgerError, Duration),
    /// What a full look showed, for what the files do not say of a number.
    Seen(&'a Desired, &'a Observed),
    /// What the limits leave after a cycle, and what the numbers cost a month where that was asked.
    Allows(Vec<DayLeft>, Option<Sums>),
    Ended {
        /// The files that it went by.
        desired: &'a Desired,
        /// Its outcome.
        pass: &'a Pass,
        /// How much it looked at.
        extent: Extent,
        /// How long it took.
        took: Duration,
        /// When the next one is due.
        next: Duration,
    },
    /// What is on disk is not taken; the last good content stays in force.
    FilesRefused(&'a str),
    /// What is on disk is in force.
    FilesTaken,
}

/// Looks where the credentials are.
pub type Renew<'a, T> = dyn Fn(&Desired, &mut Reached<T>) -> Result<(), String> + 'a;

/// The accounts of a file and their clients, in the file's order.
#[derive(Debug)]
pub struct Reached<T> {
    pub accounts: Vec<AccountRef>,
    pub clients: Vec<Client<T>>,
}

/// How the loop ended.
#[derive(Debug)]
pub enum LoopEnd {
    /// It was stopped; the pass that was interrupted, where one was.
    Stopped(Option<Box<Pass>>),
    /// It was to run once.
    Once(Box<Pass>),
}

/// Why the loop did not start. Nothing was attempted.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The first load must be good: there is no last good one yet.
    #[error("{0}")]
    Files(String),
    #[error("{0}")]
    Reach(String),
    /// The lock, where the loop does not wait for it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lease, in the same way.
    #[error(transparent)]
    Lease(#[from] NotLeading),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The last good content of the files.
struct InForce<T> {
    desired: Desired,
    generation: Generation,
    reached: Reached<T>,
    /// Why it is good for nothing but configuring what is there.
    doubt: Option<ContentDoubt>,
}

/// Runs until it is stopped, or once.
///
/// `watch` was started before this, so that no change falls between it and the first look.
///
/// # Errors
/// Only at the start.
pub async fn run<T: Transport>(daemon: &Daemon<'_, T>, watch: Watch) -> Result<LoopEnd, StartError> {
    match Loop::start(daemon, watch).await? {
        Some(looping) => looping.run().await,
        None => Ok(LoopEnd::Stopped(None)),
    }
}

impl<T: Transport> Daemon<'_, T> {
    fn is_stopping(&self) -> bool {
        *self.signals.stop.borrow() >= Stop::Drain
    }

    async fn unless_stopped<V>(&self, work: impl Future<Output = V>) -> Option<V> {
        let mut stop = self.signals.stop.clone();
        tokio::select! {
            biased;
            done = work => Some(done),
            Ok(_) = stop.wait_for(|stop| *stop >= Stop::Drain) => None,
        }
    }

    /// What the files declare, with the secrets that webhooks name.
    fn filled(&self, mut desired: Desired) -> Result<Desired, String> {
        (self.effects.secrets)(&mut desired).map(|()| desired)
    }

    fn take(&self, desired: Desired, generation: Generation) -> Result<InForce<T>, String> {
        let reached = (self.effects.reach)(&desired)?;
        Ok(InForce { desired, generation, reached, doubt: None })
    }
}

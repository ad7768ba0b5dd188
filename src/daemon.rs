//! The loop: one pass after the other, on an interval, when a file changes, and on a signal.
//!
//! Level-triggered: a wake-up only means "look again". Nothing that fails in a cycle ends the loop;
//! what cannot be done now is tried again, later and later.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `status`: the daemon's state as it is shown to the outside
//! - `announce`: when somebody is told of it
//! - `metrics`: that state as Prometheus reads it
//! - `removal`: what a change of the files may do: configure only, or remove something
//! - `schedule`: when the next cycle is due. Randomness comes in as a number
//!
//! I/O:
//!
//! - `board`: the state of the loop, for all who look at it
//! - `file_watch`: wakes the daemon when a file may have changed
//! - `files`: follows the files: a change is taken once it holds still, one that removes something only after it
//! - `handover`: authority is not handed over without the content that it rests on: a process whose files are older than
//! - `listener`: shows it over HTTP
//! - `log`: what the log says of a cycle
//! - `messenger`: tells of it by webhook
//! - `writing`: the one writer's things: the locks of this host, the lease among hosts, and what was read under

pub mod announce;
pub mod board;
pub mod file_watch;
mod files;
mod handover;
pub mod listener;
mod log;
pub mod messenger;
pub mod metrics;
mod removal;
mod schedule;
pub mod status;
mod writing;

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use crate::client::fence::NotOurs;
use crate::client::leadership::{Leadership, NotLeading};
use crate::client::lock::LockError;
use crate::client::lock::LockPlace;
use crate::client::transport::Transport;
use crate::client::{Client, Dice};
use crate::daemon::file_watch::Watch;
use crate::desired::AccountRef;
use crate::desired::Desired;
use crate::execute::journal::{Command, Head};
use crate::execute::journal_file::{Journal, JournalAccess};
use crate::execute::ledger::{Kept, Ledger, LedgerError};
use crate::execute::{Event, Stop};
use crate::guard::budget::Generation;
use crate::guard::cost::Bill;
use crate::guard::memory::{Extent, Memory, is_about_the_number};
use crate::guard::{Approved, OperatorLimits};
use crate::model::provider::Api;
use crate::plan::outcome;
use crate::plan::{Doubt, Plan};
use crate::reconcile::{Answer, Authority, Hooks, Job, Pass, Passed, Pricing, Source, State, pass};

use files::{Files, Look};
use log::log;
use schedule::Went;
use writing::Writing;

/// How often a daemon that waits for the lock asks for it.
const STAND_BY: Duration = Duration::from_secs(1);

/// Numbers that failed are not looked at more often than this, however many there are.
const REQUEUE_MIN: Duration = Duration::from_millis(500);

/// What the loop goes by.
pub struct Daemon<'a, T> {
    /// The files and directories of `-f`.
    pub files: Vec<PathBuf>,
    /// Between two cycles while all is well.
    pub interval: Duration,
    /// One cycle, and no more.
    pub once: bool,
    /// Plan, and write nothing: neither to the API nor to the ledger.
    pub dry_run: bool,
    /// The operator's word that numbers may vanish: see [`Memory`].
    pub allow_shrink: bool,
    /// The operator's limits.
    pub operator: OperatorLimits,
    /// How many numbers of each account are in hand at once.
    pub numbers_at_once: usize,
    /// Whether the audit log is asked who changed what is not as declared.
    pub asks_who: bool,
    /// Where the locks are; none where nobody else writes.
    pub lock_places: Vec<LockPlace>,
    /// The lease among hosts; `None` for none.
    pub lease: Option<Leadership>,
    /// Where the budget lasts.
    pub ledger: Ledger,
    /// Where what is seen and done is written down; `None` for nowhere.
    pub journal: Option<Journal>,
    /// Jitter.
    pub dice: Arc<Dice>,
    /// The time since the epoch.
    pub clock: &'a dyn Fn() -> Duration,
    /// Finds the accounts of a file, and makes their clients.
    pub reach: &'a dyn Fn(&Desired) -> Result<Reached<T>, String>,
    /// Looks before each cycle whether the credentials are still the same: a mounted secret may have
    /// been renewed.
    pub renew: &'a Renew<'a, T>,
    /// The API of accounts whose file names none.
    pub api: Api,
    /// Hears of what the loop does.
    pub tell: &'a dyn Fn(&News<'_>),
    /// How far the loop is to stop.
    pub stop: watch::Receiver<Stop>,
    /// Whether a signal has paused the loop: it goes on looking, and changes nothing.
    pub paused: watch::Receiver<bool>,
    /// Rung by a signal: look again, now.
    pub bell: Arc<Notify>,
}

/// What the loop tells of itself, for whoever shows it. It waits for nobody: a listener is quick.
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
        /// The plan.
        plan: &'a Plan,
        /// How much the plan goes by.
        extent: Extent,
        /// The step.
        event: &'a Event<'a>,
    },
    /// It could not begin, and is due again after this.
    NotBegun(&'a Desired, &'a LedgerError, Duration),
    /// It has ended.
    Ended {
        /// The files that it went by.
        desired: &'a Desired,
        /// What it came to.
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

/// Why the next cycle begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// It is due.
    Due,
    /// Other files are in force.
    Files,
    /// A signal asks for it.
    Signal,
}

/// Looks where the credentials are.
pub type Renew<'a, T> = dyn Fn(&Desired, &mut Reached<T>) -> Result<(), String> + 'a;

/// The accounts of a file and their clients, in the file's order.
#[derive(Debug)]
pub struct Reached<T> {
    /// The accounts.
    pub accounts: Vec<AccountRef>,
    /// Their clients.
    pub clients: Vec<Client<T>>,
}

/// How the loop ended.
#[derive(Debug)]
pub enum End {
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
    /// Accounts, credentials, hosts.
    #[error("{0}")]
    Reach(String),
    /// The lock, where the loop does not wait for it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lease, in the same way.
    #[error(transparent)]
    Lease(#[from] NotLeading),
    /// The budget.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The last good content of the files.
struct InForce<T> {
    desired: Desired,
    generation: Generation,
    reached: Reached<T>,
    /// Why it is good for nothing but configuring what is there.
    doubt: Option<Doubt>,
}

/// Runs until it is stopped, or once.
///
/// `watch` was started before this, so that no change falls between it and the first look.
///
/// # Errors
/// Only at the start.
pub async fn run<T: Transport>(daemon: &Daemon<'_, T>, mut watch: Watch) -> Result<End, StartError> {
    let mut files = Files::new(daemon.files.clone(), daemon.api, daemon.interval);
    let Some(look) = daemon.unless_stopped(files.look(None)).await else { return Ok(End::Stopped(None)) };
    let mut force = match look {
        Look::New(desired, generation) => daemon.take(*desired, generation).map_err(StartError::Reach)?,
        Look::Bad(text) => return Err(StartError::Files(text)),
        // There is nothing yet that it could be the same as.
        Look::Same | Look::Settling(_) => {
            return Err(StartError::Files("error: no file was read".to_owned()));
        }
    };
    let mut writing = Writing::default();
    let mut memory = Memory::new(daemon.interval, daemon.allow_shrink);
    let mut failures = 0;
    let mut is_first = true;
    let mut stood_by = false;
    // When everything is to be looked at again.
    let mut full = Instant::now();
    let mut extent = Extent::Full;
    loop {
        if daemon.stopping() {
            return Ok(End::Stopped(None));
        }
        let news = daemon.news();
        let Some(held) = daemon.unless_stopped(daemon.hold(&mut force, &mut writing)).await else {
            return Ok(End::Stopped(None));
        };
        match held {
            Ok(()) => {}
            Err(NotOurs::Lock(error)) if is_first && (daemon.once || matches!(error, LockError::Io(..))) => {
                return Err(error.into());
            }
            Err(NotOurs::Lease(error)) if daemon.once => return Err(error.into()),
            Err(error) => {
                is_first = false;
                writing.says_it_stands_by(&error);
                (daemon.tell)(&News::StandingBy(&error));
                stood_by = true;
                if daemon.stand_by(news, &mut watch).await
                    && daemon.follow(&mut files, &mut watch, &mut force).await
                {
                    memory.forgive();
                }
                continue;
            }
        }
        // Contents decide, also where the poll has seen nothing of a change yet.
        if std::mem::take(&mut stood_by) && daemon.follow(&mut files, &mut watch, &mut force).await {
            memory.forgive();
            // Other files may be of other accounts.
            continue;
        }
        let began = Instant::now();
        if let Err(error) = (daemon.renew)(&force.desired, &mut force.reached) {
            error!(%error, "the credentials cannot be read: those of before are used");
        }
        (daemon.tell)(&News::Began(&force.desired, force.generation));
        let (pass, heard) =
            daemon.cycle_beside_files(&force, extent, (&files, &mut watch), &mut writing, &mut memory).await;
        let pass = match pass {
            Err(error) if is_first => return Err(error.into()),
            pass => pass,
        };
        is_first = false;
        let went = pass.as_ref().map_or(Went::Badly, |(pass, _)| went(pass));
        failures = if went == Went::Well { 0 } else { failures + 1 };
        let wait = schedule::wait(daemon.interval, went, failures, daemon.dice.throw());
        let now = Instant::now();
        full = match pass {
            // A look at a few numbers does not put off the next one at everything.
            Ok((_, Extent::Partial)) => full.min(now + wait),
            Ok((_, Extent::Full)) | Err(_) => now + wait,
        };
        let requeue = memory.due().map(|due| due.saturating_sub((daemon.clock)()).max(REQUEUE_MIN));
        let next = full.saturating_duration_since(now);
        let next = requeue.map_or(next, |due| next.min(due));
        match pass {
            Ok((pass, extent)) => {
                let took = began.elapsed();
                (daemon.tell)(&News::Ended { desired: &force.desired, pass: &pass, extent, took, next });
                log(&force, (&pass, extent), took, next);
                if daemon.once {
                    return Ok(End::Once(Box::new(pass)));
                }
                if daemon.stopping() {
                    return Ok(End::Stopped(Some(Box::new(pass))));
                }
            }
            Err(error) => {
                error!(error = %error, "the budget cannot be read or kept: nothing is attempted");
                (daemon.tell)(&News::NotBegun(&force.desired, &error, next));
            }
        }
        let woken = daemon.wait(now + next, heard, &mut files, &mut watch, &mut force).await;
        if woken != Woken::Due {
            memory.forgive();
        }
        extent = match woken {
            Woken::Files => Extent::Partial,
            Woken::Due if Instant::now() < full => Extent::Partial,
            Woken::Due | Woken::Signal => Extent::Full,
        };
    }
}

impl<T: Transport> Daemon<'_, T> {
    fn stopping(&self) -> bool {
        *self.stop.borrow() >= Stop::Drain
    }

    async fn unless_stopped<V>(&self, work: impl Future<Output = V>) -> Option<V> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            done = work => Some(done),
            Ok(_) = stop.wait_for(|stop| *stop >= Stop::Drain) => None,
        }
    }

    fn take(&self, desired: Desired, generation: Generation) -> Result<InForce<T>, String> {
        let reached = (self.reach)(&desired)?;
        Ok(InForce { desired, generation, reached, doubt: None })
    }

    /// One pass, beside which the files are watched: where they change, nothing more is written. Says
    /// whether they may have changed.
    async fn cycle_beside_files(
        &self,
        force: &InForce<T>,
        extent: Extent,
        (files, watch): (&Files, &mut Watch),
        writing: &mut Writing,
        memory: &mut Memory,
    ) -> (Result<(Pass, Extent), LedgerError>, bool) {
        let (is_in_force, heard) = (Cell::new(true), Cell::new(false));
        let watching = async {
            loop {
                watch.changed().await;
                heard.set(true);
                is_in_force.set(files.are_as_seen());
            }
        };
        let still = || is_in_force.get();
        let passed = tokio::select! {
            biased;
            passed = self.cycle(force, extent, &still, writing, memory) => passed,
            never = watching => never,
        };
        (passed, heard.get())
    }

    /// One pass, with the budget kept before and after it.
    async fn cycle(
        &self,
        force: &InForce<T>,
        extent: Extent,
        is_in_force: &dyn Fn() -> bool,
        writing: &mut Writing,
        memory: &mut Memory,
    ) -> Result<(Pass, Extent), LedgerError> {
        // Whoever wrote meanwhile left a fleet that we have not seen.
        let extent = if writing.kept.is_some() { extent } else { Extent::Full };
        let other = self.hand_over(force, writing).await?;
        let now = (self.clock)();
        let kept = match &mut writing.kept {
            Some(budget) => budget,
            none => {
                let mut loaded = self.ledger.load(now)?;
                if let Some(earlier) = writing.earlier.take() {
                    loaded.budget.recall(&earlier.budget);
                    loaded.intents.recall(&earlier.intents, now);
                }
                none.insert(loaded)
            }
        };
        let head =
            Head { command: Command::Run, generation: Some(force.generation.to_string()), undoes: None };
        let job = Job {
            source: Source::Files(&force.desired),
            generation: force.generation,
            accounts: &force.reached.accounts,
            clients: &force.reached.clients,
            operator: &self.operator,
            // No person is asked.
            accepted: None,
            pricing: Pricing::WhereLimited,
            asks_who: self.asks_who,
            numbers_at_once: self.numbers_at_once * force.reached.clients.len().max(1),
            extent,
            authority: Authority {
                clock: self.clock,
                paused: self.paused.clone(),
                is_in_force,
                doubt: force.doubt.or(other),
            },
            journal: self.journal.as_ref().map(JournalAccess::Open),
            head: &head,
            dry_run: self.dry_run,
            stop: self.stop.clone(),
            now,
        };
        let before = kept.clone();
        if !self.dry_run && !force.desired.claims.is_empty() {
            self.ledger.begin(&kept.intents).await?;
        }
        let state = State { memory: &mut *memory, kept: &mut *kept, listed: None };
        let hooks = Unattended { daemon: self, desired: &force.desired };
        let Passed { pass, extent, .. } = pass(&job, state, &hooks).await;
        if let Pass::Executed(report) = &pass {
            memory.settle(report, (self.clock)(), || self.dice.throw());
        }
        // What was given back, or seen to have happened. Without it the ledger says too much, never
        // too little.
        if !self.dry_run
            && *kept != before
            && !matches!(pass, Pass::NotRecorded(..))
            && let Err(error) = self.ledger.save(kept).await
        {
            warn!(%error, "the budget was not saved after the cycle");
        }
        Ok((pass, extent))
    }

    /// Waits for the next cycle: until it is due, a good change of the files, or a signal.
    async fn wait(
        &self,
        due: Instant,
        heard: bool,
        files: &mut Files,
        watch: &mut Watch,
        force: &mut InForce<T>,
    ) -> Woken {
        let mut stop = self.stop.clone();
        if heard && self.follow(files, watch, force).await {
            return Woken::Files;
        }
        loop {
            let settled = files.due().unwrap_or(due);
            let woken = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop >= Stop::Drain) => return Woken::Due,
                () = sleep_until(due) => Some(Woken::Due),
                () = self.bell.notified() => Some(Woken::Signal),
                () = watch.changed() => None,
                // What removes something has been there for long enough.
                () = sleep_until(settled), if settled < due => None,
            };
            if self.follow(files, watch, force).await && woken != Some(Woken::Signal) {
                return Woken::Files;
            }
            if let Some(woken) = woken {
                return woken;
            }
        }
    }

    /// Looks at the files; says whether another content is in force now.
    async fn follow(&self, files: &mut Files, watch: &mut Watch, force: &mut InForce<T>) -> bool {
        let look = files.look(Some(&force.desired));
        let Some(look) = self.unless_stopped(look).await else { return false };
        let refused = match look {
            Look::Same => return false,
            Look::Settling(time) => {
                force.doubt = Some(Doubt::FilesSettling);
                info!(taken_in = ?time, in_force = %force.generation, "the files changed and remove something: they are taken once they have not changed for a while");
                return false;
            }
            Look::New(desired, generation) => match self.take(*desired, generation) {
                Ok(new) => {
                    let is_other = new.generation != force.generation;
                    info!(generation = %new.generation, numbers = new.desired.numbers.len(), "the files changed");
                    *force = new;
                    (self.tell)(&News::FilesTaken);
                    watch.aim();
                    return is_other;
                }
                Err(text) => text,
            },
            Look::Bad(text) => text,
        };
        force.doubt = Some(Doubt::FilesNotGood);
        (self.tell)(&News::FilesRefused(&refused));
        let named: Vec<_> = files.paths().iter().map(|path| path.display().to_string()).collect();
        error!(
            files = named.join(", "),
            in_force = %force.generation,
            "the files changed and are not taken; the last good ones stay in force:\n{}",
            refused.trim_end()
        );
        false
    }
}

/// A pass of which nobody is asked anything.
struct Unattended<'a, T> {
    daemon: &'a Daemon<'a, T>,
    desired: &'a Desired,
}

impl<T: Transport> Hooks for Unattended<'_, T> {
    fn confirm(&self, _: &Approved, _: Option<&Bill>) -> Answer {
        Answer::Yes
    }

    async fn record(&self, _: &Plan, spent: &Kept) -> Result<(), LedgerError> {
        self.daemon.ledger.save(spent).await
    }

    fn event(&self, plan: &Plan, extent: Extent, event: &Event<'_>) {
        (self.daemon.tell)(&News::Step { desired: self.desired, plan, extent, event });
    }
}

fn went(pass: &Pass) -> Went {
    match pass {
        Pass::Stopped
        | Pass::Planned(_)
        | Pass::Refused(..)
        | Pass::Impossible(_)
        | Pass::Stale(..)
        | Pass::HeldSince(_)
        | Pass::OtherAccepted(..) => Went::Well,
        Pass::NotObserved(_) | Pass::NotRecorded(..) => Went::Badly,
        Pass::Executed(report) => {
            // A number that failed has a queue of its own, and makes no other wait.
            let is_left = |end: &outcome::End| !end.outcome.is_settled() && !is_about_the_number(end);
            let is_short = report.ends.iter().any(is_left) || !report.plan.troubles.is_empty();
            if is_short { Went::InPart } else { Went::Well }
        }
    }
}

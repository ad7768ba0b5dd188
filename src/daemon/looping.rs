//! The loop as a machine of states: get the right to write, or stand by; a cycle; and the wait for the next
//! one.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info};

use super::event_watch::{self, Called, EventWatch};
use super::file_watch::Watch;
use super::files::{Files, FilesLook};
use super::log::log;
use super::schedule::{self, Went};
use super::writing::DaemonWriting;
use super::{Daemon, InForce, LoopEnd, News, StartError};
use crate::client::fence::NotOurs;
use crate::client::lock::LockError;
use crate::client::transport::Transport;
use crate::execute::Stop;
use crate::execute::ledger::LedgerError;
use crate::guard::memory::{Extent, Memory, is_about_the_number};
use crate::plan::ContentDoubt;
use crate::plan::outcome;
use crate::reconcile::Pass;

/// How often a daemon that waits for the lock asks for it.
const STAND_BY: Duration = Duration::from_secs(1);

/// Numbers that failed are not looked at more often than this, however many there are.
const REQUEUE_MIN: Duration = Duration::from_millis(500);

/// What the loop carries from one state to the next.
pub(super) struct Loop<'d, 'a, T> {
    daemon: &'d Daemon<'a, T>,
    files: Files,
    watch: Watch,
    force: InForce<T>,
    writing: DaemonWriting,
    memory: Memory,
    /// What others change, where that is watched.
    events: Option<EventWatch>,
    /// Cycles in a row that did not go well.
    failures: u32,
    /// When everything is to be looked at again.
    full: Instant,
    /// How much the next cycle looks at.
    extent: Extent,
}

/// What the loop does now.
enum LoopState {
    /// Asks for the lock and the lease.
    Claim(Before),
    /// Waits until they may be ours. The lease's news are heard from before it was asked for.
    StandBy(NotOurs, Option<watch::Receiver<u64>>),
    Cycle(Before),
    /// Waits for the next cycle.
    Wait {
        due: Instant,
        /// The files may have changed during the last one.
        heard: bool,
    },
    Over(LoopEnd),
}

/// What came before a claim.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing: what fails now keeps the daemon from starting.
    Start,
    /// A wait for the lock or the lease, during which the files may have changed.
    StandBy,
    /// A cycle, or a look at the files.
    Look,
}

/// Why the next cycle begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Woken {
    Due,
    /// Other files are in force.
    Files,
    /// A signal asks for it.
    Signal,
    /// Events say that a few numbers changed.
    Hint,
    /// Events say that many numbers changed.
    ManyHints,
}

impl<'d, 'a, T: Transport> Loop<'d, 'a, T> {
    /// Reads the files for the first time; `None` when it is stopped meanwhile.
    pub(super) async fn start(daemon: &'d Daemon<'a, T>, watch: Watch) -> Result<Option<Self>, StartError> {
        let options = &daemon.options;
        let mut files = Files::new(options.files.clone(), options.api, options.interval);
        let Some(look) = daemon.unless_stopped(files.look(None)).await else { return Ok(None) };
        let force = match look {
            FilesLook::New(desired, generation) => {
                let desired = daemon.filled(*desired).map_err(StartError::Files)?;
                daemon.take(desired, generation).map_err(StartError::Reach)?
            }
            FilesLook::Bad(text) => return Err(StartError::Files(text)),
            // There is nothing yet that it could be the same as.
            FilesLook::Same | FilesLook::Settling(_) => {
                return Err(StartError::Files("error: no file was read".to_owned()));
            }
        };
        Ok(Some(Self {
            daemon,
            files,
            watch,
            force,
            writing: DaemonWriting::default(),
            memory: Memory::new(options.interval, options.allow_shrink),
            events: options.watch_events.map(EventWatch::new),
            failures: 0,
            full: Instant::now(),
            extent: Extent::Full,
        }))
    }

    /// Until it is stopped, or once.
    pub(super) async fn run(mut self) -> Result<LoopEnd, StartError> {
        let mut state = LoopState::Claim(Before::Start);
        loop {
            state = match state {
                LoopState::Claim(before) => self.claim(before).await?,
                LoopState::StandBy(obstacle, news) => self.stand_by(&obstacle, news).await,
                LoopState::Cycle(before) => self.cycle(before).await?,
                LoopState::Wait { due, heard } => self.wait(due, heard).await,
                LoopState::Over(end) => return Ok(end),
            };
        }
    }

    async fn claim(&mut self, before: Before) -> Result<LoopState, StartError> {
        let daemon = self.daemon;
        if daemon.is_stopping() {
            return Ok(LoopState::Over(LoopEnd::Stopped(None)));
        }
        let news = daemon.news();
        let hold = daemon.hold(&mut self.force, &mut self.writing);
        let Some(held) = daemon.unless_stopped(hold).await else {
            return Ok(LoopState::Over(LoopEnd::Stopped(None)));
        };
        match held {
            Ok(()) => {}
            Err(NotOurs::Lock(error))
                if before == Before::Start && (daemon.options.once || matches!(error, LockError::Io(..))) =>
            {
                return Err(error.into());
            }
            Err(NotOurs::Lease(error)) if daemon.options.once => return Err(error.into()),
            Err(obstacle) => return Ok(LoopState::StandBy(obstacle, news)),
        }
        // Contents decide, also where the poll has seen nothing of a change yet.
        if before == Before::StandBy && self.follow().await {
            self.memory.forgive();
            // Other files may be of other accounts.
            return Ok(LoopState::Claim(Before::Look));
        }
        Ok(LoopState::Cycle(before))
    }

    /// The files are not read meanwhile unless they may have changed: a replica that waits for months
    /// costs next to nothing.
    async fn stand_by(&mut self, obstacle: &NotOurs, mut news: Option<watch::Receiver<u64>>) -> LoopState {
        self.writing.says_it_stands_by(obstacle);
        (self.daemon.effects.tell)(&News::StandingBy(obstacle));
        let mut stop = self.daemon.signals.stop.clone();
        let news = async {
            let heard = match &mut news {
                Some(news) => news.changed().await.is_ok(),
                None => false,
            };
            if !heard {
                std::future::pending::<()>().await;
            }
        };
        let may_have_changed = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => false,
            () = news => false,
            () = self.watch.changed() => true,
            () = sleep(STAND_BY) => false,
        };
        if may_have_changed && self.follow().await {
            self.memory.forgive();
        }
        LoopState::Claim(Before::StandBy)
    }

    async fn cycle(&mut self, before: Before) -> Result<LoopState, StartError> {
        let daemon = self.daemon;
        let began = Instant::now();
        if let Err(error) = (daemon.effects.secrets)(&mut self.force.desired) {
            error!("the secrets cannot be read: the previous ones are used\n{}", error.trim_end());
        }
        if let Err(error) = (daemon.effects.renew)(&self.force.desired, &mut self.force.reached) {
            error!(%error, "the credentials cannot be read: the previous ones are used");
        }
        (daemon.effects.tell)(&News::Began(&self.force.desired, self.force.generation));
        let (pass, heard) = self.pass().await;
        let pass = match pass {
            Err(error) if before == Before::Start => return Err(error.into()),
            pass => pass,
        };
        let now = Instant::now();
        let next = self.until_next(now, &pass);
        let desired = &self.force.desired;
        match pass {
            Ok((pass, extent)) => {
                let took = began.elapsed();
                (daemon.effects.tell)(&News::Ended { desired, pass: &pass, extent, took, next });
                log(&self.force, &pass, extent, took, next);
                if daemon.options.once {
                    return Ok(LoopState::Over(LoopEnd::Once(Box::new(pass))));
                }
                if daemon.is_stopping() {
                    return Ok(LoopState::Over(LoopEnd::Stopped(Some(Box::new(pass)))));
                }
            }
            Err(error) => {
                error!(error = %error, "the budget cannot be read or kept: nothing is attempted");
                (daemon.effects.tell)(&News::NotBegun(desired, &error, next));
            }
        }
        Ok(LoopState::Wait { due: now + next, heard })
    }

    /// One pass, beside which the files are watched: where they change, nothing more is written. Says
    /// whether they may have changed.
    async fn pass(&mut self) -> (Result<(Pass, Extent), LedgerError>, bool) {
        let Self { daemon, files, watch, force, writing, memory, extent, .. } = self;
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
            passed = daemon.cycle(force, *extent, &still, writing, memory) => passed,
            never = watching => never,
        };
        (passed, heard.get())
    }

    /// How long to wait after a pass that has just ended.
    fn until_next(&mut self, now: Instant, pass: &Result<(Pass, Extent), LedgerError>) -> Duration {
        let effects = &self.daemon.effects;
        let went = pass.as_ref().map_or(Went::Badly, |(pass, _)| went(pass));
        self.failures = if went == Went::Well { 0 } else { self.failures + 1 };
        let wait = schedule::wait(self.daemon.options.interval, went, self.failures, effects.dice.throw());
        self.full = match pass {
            // A look at a few numbers does not put off the next one at everything.
            Ok((_, Extent::Partial)) => self.full.min(now + wait),
            Ok((_, Extent::Full)) | Err(_) => now + wait,
        };
        let requeue = self.memory.due().map(|due| due.saturating_sub((effects.clock)()).max(REQUEUE_MIN));
        let next = self.full.saturating_duration_since(now);
        requeue.map_or(next, |due| next.min(due))
    }

    async fn wait(&mut self, due: Instant, heard: bool) -> LoopState {
        let woken = self.woken(due, heard).await;
        // What an event says is no person's word to try again.
        if matches!(woken, Woken::Files | Woken::Signal) {
            self.memory.forgive();
        }
        self.extent = match woken {
            Woken::Files | Woken::Hint => Extent::Partial,
            Woken::Due if Instant::now() < self.full => Extent::Partial,
            Woken::Due | Woken::Signal | Woken::ManyHints => Extent::Full,
        };
        LoopState::Claim(Before::Look)
    }

    /// Waits until the next cycle is due, for a good change of the files, for a signal, or for events.
    async fn woken(&mut self, due: Instant, heard: bool) -> Woken {
        let signals = &self.daemon.signals;
        let mut stop = signals.stop.clone();
        if heard && self.follow().await {
            return Woken::Files;
        }
        loop {
            let settled = self.files.due().unwrap_or(due);
            let (clock, clients) = (self.daemon.effects.clock, &self.force.reached.clients);
            let told = event_watch::next(&mut self.events, clients, &mut self.memory, clock);
            let woken = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop >= Stop::Drain) => return Woken::Due,
                () = sleep_until(due) => Some(Woken::Due),
                () = signals.bell.notified() => Some(Woken::Signal),
                () = self.watch.changed() => None,
                called = told => match called {
                    Called::Nothing => continue,
                    Called::Numbers => Some(Woken::Hint),
                    Called::Everything => Some(Woken::ManyHints),
                },
                // What removes something has been there for long enough.
                () = sleep_until(settled), if settled < due => None,
            };
            // An event about nothing: a file was touched, or its rights were changed.
            if woken.is_none() && self.files.due().is_none() && self.files.look_the_same() {
                continue;
            }
            if self.follow().await && woken != Some(Woken::Signal) {
                return Woken::Files;
            }
            if let Some(woken) = woken {
                return woken;
            }
        }
    }

    /// Looks at the files; says whether another content is in force now.
    async fn follow(&mut self) -> bool {
        let Self { daemon, files, watch, force, .. } = self;
        let look = files.look(Some(&force.desired));
        let Some(look) = daemon.unless_stopped(look).await else { return false };
        let refused = match look {
            FilesLook::Same => return false,
            FilesLook::Settling(time) => {
                force.doubt = Some(ContentDoubt::FilesSettling);
                info!(taken_in = ?time, in_force = %force.generation, "the files changed and remove something: they are used once they have not changed for a while");
                return false;
            }
            FilesLook::New(desired, generation) => {
                match daemon.filled(*desired).and_then(|desired| daemon.take(desired, generation)) {
                    Ok(new) => {
                        let is_other = new.generation != force.generation;
                        info!(generation = %new.generation, numbers = new.desired.numbers.len(), "the files changed");
                        *force = new;
                        (daemon.effects.tell)(&News::FilesTaken);
                        watch.aim();
                        return is_other;
                    }
                    Err(text) => text,
                }
            }
            FilesLook::Bad(text) => text,
        };
        force.doubt = Some(ContentDoubt::FilesNotGood);
        (daemon.effects.tell)(&News::FilesRefused(&refused));
        let named: Vec<_> = files.paths().iter().map(|path| path.display().to_string()).collect();
        error!(
            files = named.join(", "),
            in_force = %force.generation,
            "the files changed and are not valid; the last good ones stay in force:\n{}",
            refused.trim_end()
        );
        false
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
            let is_left = |end: &outcome::StepEnd| !end.outcome.is_settled() && !is_about_the_number(end);
            let is_short = report.ends.iter().any(is_left) || !report.plan.troubles.is_empty();
            if is_short { Went::InPart } else { Went::Well }
        }
    }
}

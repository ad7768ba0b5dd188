//! The state of the loop, for all who look at it: the loop writes, the listener reads, and neither
//! waits for the other.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::fence::NotOurs;
use crate::client::leadership::NotLeading;
use crate::client::lock::LockError;
use crate::client::tally::Tally;
use crate::daemon::News;
use crate::daemon::status::{CycleTiming, Finish, FleetFigures, Role, Status, Waiting, WebhookHealth};
use crate::execute::Event;
use crate::guard::memory::Extent;
use crate::host::pulse::Pulse;

/// The loop is given up as dead when nothing moved for this many intervals,
const INTERVALS_MAX: u32 = 10;
/// but never sooner than this.
const SILENCE_MIN: Duration = Duration::from_secs(600);

/// The daemon's state, which the loop writes and the listener reads.
#[derive(Debug)]
pub struct Board {
    status: RwLock<Arc<Status>>,
    version: watch::Sender<u32>,
    tally: Arc<Tally>,
    dry_run: bool,
    paused: watch::Receiver<bool>,
    silence_max: Duration,
    pulse: Pulse,
    signs: Mutex<Signs>,
}

/// When the loop last told about something, or had an answer.
#[derive(Debug)]
struct Signs {
    at: Instant,
    requests: u64,
}

/// A loop that has just started, as its board sees it.
#[derive(Debug)]
pub struct LoopStart<'a> {
    /// A name that no other process has.
    pub process: &'a str,
    pub started: Duration,
    pub interval: Duration,
    pub dry_run: bool,
    pub tally: Arc<Tally>,
    /// Whether a signal has paused it.
    pub paused: watch::Receiver<bool>,
    /// The loop moves while it has one.
    pub pulse: Pulse,
}

impl Board {
    /// A board for a loop that has just started.
    #[must_use]
    pub fn new(loop_start: LoopStart<'_>) -> Self {
        let LoopStart { process, started, interval, dry_run, tally, paused, pulse } = loop_start;
        let mut status = Status::new(started);
        status.process = process.into();
        Self {
            status: RwLock::new(Arc::new(status)),
            version: watch::Sender::new(0),
            tally,
            dry_run,
            paused,
            silence_max: (interval * INTERVALS_MAX).max(SILENCE_MIN),
            pulse,
            signs: Mutex::new(Signs { at: Instant::now(), requests: 0 }),
        }
    }

    /// The same of a fleet that the operator gave a name.
    #[must_use]
    pub fn of_fleet(self, fleet: FleetFigures) -> Self {
        Arc::make_mut(&mut self.status.write().unwrap_or_else(PoisonError::into_inner)).fleet = fleet;
        self
    }

    /// The state at this moment.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        self.status.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests to the API, counted by operation and result.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Hears of every new version of the state.
    #[must_use]
    pub fn versions(&self) -> watch::Receiver<u32> {
        self.version.subscribe()
    }

    /// Whether the loop moves: it is not stuck in something, and what it waits for comes, too: something
    /// happened in it, or a request was answered, lately.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let requests = self.tally.total();
        let mut signs = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
        if signs.requests != requests {
            *signs = Signs { at: Instant::now(), requests };
        }
        self.pulse.is_there() && signs.at.elapsed() < self.silence_max
    }

    /// Takes what the loop tells.
    pub fn hear(&self, news: &News<'_>, now: Duration) {
        self.signs.lock().unwrap_or_else(PoisonError::into_inner).at = Instant::now();
        let version = {
            let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
            // Whoever reads at this moment keeps what he has.
            let status = Arc::make_mut(&mut status);
            self.write(status, news, now);
            status.version
        };
        self.version.send_if_modified(|known| std::mem::replace(known, version) != version);
    }

    /// Takes how the declared webhooks answer.
    pub fn webhooks(&self, health: WebhookHealth, now: Duration) {
        let version = {
            let mut status = self.status.write().unwrap_or_else(PoisonError::into_inner);
            let status = Arc::make_mut(&mut status);
            status.webhooks_called(health, now);
            status.version
        };
        self.version.send_if_modified(|known| std::mem::replace(known, version) != version);
    }

    fn write(&self, status: &mut Status, news: &News<'_>, now: Duration) {
        match *news {
            News::StandingBy(why) => status.stands_by(waits(why)),
            News::Began(desired, generation) => {
                let role = if self.dry_run { Role::DryRun } else { Role::Writer };
                status.begins(desired, generation, role, now);
                status.paused_by_signal(*self.paused.borrow());
            }
            News::Step { desired, plan, extent, event: Event::Started { step } } => {
                status.step_began(desired, plan, extent, *step, now);
            }
            News::Step { plan, event: Event::Ended { step, end }, .. } => {
                status.step_ended(plan, *step, end, now);
            }
            News::NotBegun(desired, error, next) => {
                let why = format!("the budget cannot be read or kept: {error}");
                let finish = Finish::NotBegun(&why);
                status.ends(desired, finish, Extent::Full, CycleTiming { took: Duration::ZERO, next }, now);
            }
            News::Ended { desired, pass, extent, took, next } => {
                status.ends(desired, Finish::from(pass), extent, CycleTiming { took, next }, now);
            }
            News::FilesRefused(text) => status.files_refused(text, now),
            News::FilesTaken => status.files_taken(),
            News::Seen(desired, observed) => status.seen(desired, observed),
            News::Allows(ref left, ref monthly) => status.allows(left.clone(), monthly.clone()),
        }
    }
}

/// Why the loop does not write.
fn waits(why: &NotOurs) -> Waiting {
    match why {
        NotOurs::Lock(LockError::Busy { .. }) | NotOurs::Lease(NotLeading::Held { .. }) => {
            Waiting::for_another(&why.to_string())
        }
        NotOurs::Lock(LockError::Io(..)) => Waiting::barred("lock_failed", &why.to_string()),
        NotOurs::Lease(NotLeading::Trouble { trouble, .. }) => {
            Waiting::barred(trouble.kind.as_str(), &why.to_string())
        }
        NotOurs::Lease(NotLeading::NotYet { .. } | NotLeading::Over { .. }) => Waiting::NotKnown,
    }
}

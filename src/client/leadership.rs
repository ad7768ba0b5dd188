//! Keeps a Lease: asks what [`crate::client::lease`] says, in a task of its own, so that a long cycle never
//! keeps a renewal waiting.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{debug, info, warn};

use crate::client::lease::{
    Elector, ElectorNext, Leader, LeaseAnswer, LeaseNote, LeaseServer, LeaseTrouble, LeaseTroubleKind,
    Moment, Timing,
};
use crate::client::tally::Tally;
use crate::host::clock;
use crate::host::pulse::Pulse;

/// How often a loop that is stuck is looked at.
const STUCK: Duration = Duration::from_millis(250);

/// One candidate for a Lease, which runs for as long as the process.
#[derive(Debug, Clone)]
pub struct Leadership(Arc<SharedLeadership>);

#[derive(Debug)]
struct SharedLeadership {
    inner: Mutex<LeadershipState>,
    began: Instant,
    name: String,
    /// Counts what has happened.
    news: watch::Sender<u64>,
    /// Rung when there may be something to do before it is due.
    bell: Notify,
    /// Of whoever writes, where someone watches it.
    pulse: OnceLock<Pulse>,
    /// Where failures are counted, where someone reads them.
    tally: OnceLock<Arc<Tally>>,
}

#[derive(Debug)]
struct LeadershipState {
    elector: Elector,
    is_at_rest: bool,
    trouble: Option<LeaseTrouble>,
}

/// Why the lease is not ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotLeading {
    /// Another has it, and renews it.
    #[error("the lease {lease} is held by {holder:?}")]
    Held { lease: String, holder: String },
    /// It cannot be had.
    #[error("the lease {lease} {}: {}", said(trouble.kind), trouble.why)]
    Trouble {
        lease: String,
        /// What keeps us from it.
        trouble: LeaseTrouble,
    },
    /// It is about to be known.
    #[error("this process does not hold the lease {lease} yet")]
    NotYet { lease: String },
    /// It was ours in a term that has ended.
    #[error("this process no longer holds the lease {lease}, or something else changed its annotations")]
    Over { lease: String },
}

fn said(kind: LeaseTroubleKind) -> &'static str {
    match kind {
        LeaseTroubleKind::Missing => "does not exist and cannot be created",
        LeaseTroubleKind::Forbidden => "cannot be used: the role does not allow it",
        LeaseTroubleKind::Unanswered => "cannot be read",
    }
}

impl Leadership {
    /// Starts a candidate for the Lease of this name, `NAMESPACE/NAME`, that does not yet want it.
    #[must_use]
    pub fn start(name: String, server: impl LeaseServer, elector: Elector) -> Self {
        let inner = LeadershipState { elector, is_at_rest: true, trouble: None };
        let shared = Arc::new(SharedLeadership {
            inner: Mutex::new(inner),
            began: Instant::now(),
            name,
            news: watch::Sender::new(0),
            bell: Notify::new(),
            pulse: OnceLock::new(),
            tally: OnceLock::new(),
        });
        tokio::spawn(drive(shared.clone(), server));
        Self(shared)
    }

    /// Asks for the lease and renews it only while whoever writes under it moves: one that is stuck must
    /// lose it, so that another takes over.
    pub fn only_while(&self, pulse: Pulse) {
        // There is one loop, which says so once.
        let _ = self.0.pulse.set(pulse);
    }

    /// Counts the requests that fail.
    pub fn count_in(&self, tally: Arc<Tally>) {
        // There is one process, which says so once.
        let _ = self.0.tally.set(tally);
    }

    /// From now on tries to get the lease, and to keep it.
    pub fn campaign(&self) {
        let mut inner = self.0.lock();
        inner.elector.campaign();
        inner.is_at_rest = false;
        drop(inner);
        self.0.bell.notify_one();
    }

    /// Gives the lease back, where it is ours. No write may be in flight.
    pub fn stand_down(&self) {
        self.0.lock().elector.stand_down();
        self.0.bell.notify_one();
    }

    /// The same, and waits until that is done, or cannot be.
    pub async fn resign(&self) {
        self.stand_down();
        let mut news = self.news();
        let is_done = async { while !self.0.lock().is_at_rest && news.changed().await.is_ok() {} };
        if timeout(self.timing().request_timeout(), is_done).await.is_err() {
            warn!(lease = %self.0.name, "the lease was not released: it expires by itself");
        }
    }

    /// The term in which we lead.
    ///
    /// # Errors
    /// When we do not.
    pub fn term(&self) -> Result<u64, NotLeading> {
        let inner = self.0.lock();
        let lease = self.0.name.clone();
        match (inner.elector.leader(self.0.now()), &inner.trouble) {
            (Leader::Us(term), _) => Ok(term),
            (_, Some(trouble)) => Err(NotLeading::Trouble { lease, trouble: trouble.clone() }),
            (Leader::Other(Some(holder)), None) => Err(NotLeading::Held { lease, holder }),
            (Leader::Other(None) | Leader::Unknown, None) => Err(NotLeading::NotYet { lease }),
        }
    }

    /// Waits until we lead: so long for another to let go, and a lease's time for what is free.
    ///
    /// # Errors
    /// When we do not lead by then.
    pub async fn acquire(&self, patience: Duration) -> Result<u64, NotLeading> {
        let mut news = self.news();
        self.campaign();
        let began = Instant::now();
        loop {
            let refused = match self.term() {
                Ok(term) => return Ok(term),
                Err(refused) => refused,
            };
            let patience = match &refused {
                NotLeading::Held { .. } | NotLeading::Trouble { .. } => patience,
                NotLeading::NotYet { .. } | NotLeading::Over { .. } => patience.max(self.timing().lease()),
            };
            let left = patience.saturating_sub(began.elapsed());
            if timeout(left, news.changed()).await.is_err() {
                return Err(refused);
            }
        }
    }

    /// The note that the last holder left in the lease, or that we did in this term.
    ///
    /// # Errors
    /// When we do not lead in this term.
    pub fn kept(&self, term: u64) -> Result<LeaseNote, NotLeading> {
        let kept = self.0.lock().elector.kept(term, self.0.now());
        kept.ok_or_else(|| NotLeading::Over { lease: self.0.name.clone() })
    }

    /// At most this many bytes a note may have.
    ///
    /// # Errors
    /// When we do not lead in this term.
    pub fn room(&self, term: u64) -> Result<usize, NotLeading> {
        let room = self.0.lock().elector.room(term, self.0.now());
        room.ok_or_else(|| NotLeading::Over { lease: self.0.name.clone() })
    }

    /// Leaves a note in the lease, for the next holder: once this is back it is there, and no one else has
    /// had the lease, or changed what was noted in it, in between.
    ///
    /// # Errors
    /// When we do not lead in this term, or the server does not take it at once. It may have got there
    /// all the same.
    pub async fn keep(&self, term: u64, note: LeaseNote) -> Result<(), NotLeading> {
        let mut news = self.news();
        self.0.lock().elector.keep(term, note.clone());
        self.0.bell.notify_one();
        let deadline = Instant::now() + self.timing().renew_deadline();
        while self.kept(term)? != note {
            let is_late = timeout_at(deadline, news.changed()).await.is_err();
            let mut inner = self.0.lock();
            if is_late {
                inner.elector.give_up_note();
            }
            if inner.elector.has_given_up_note() {
                let trouble = inner.trouble.clone().unwrap_or_else(|| LeaseTrouble {
                    kind: LeaseTroubleKind::Unanswered,
                    is_of_a_write: true,
                    why: "it was not updated in time".to_owned(),
                });
                return Err(NotLeading::Trouble { lease: self.0.name.clone(), trouble });
            }
        }
        Ok(())
    }

    /// The Lease's name, as `NAMESPACE/NAME`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Counts what happens: an answer, or none.
    #[must_use]
    pub fn news(&self) -> watch::Receiver<u64> {
        self.0.news.subscribe()
    }

    /// Until when a write that starts now must be over; `None` when it is not ours to make. Waits for
    /// a renewal where that is too old.
    pub async fn admit(&self, term: u64, must_be_fresh: bool) -> Option<Instant> {
        let mut news = self.news();
        loop {
            {
                let mut inner = self.0.lock();
                let now = self.0.now();
                if inner.elector.term(now) != Some(term) {
                    return None;
                }
                let is_fresh = !must_be_fresh || inner.elector.is_fresh(now);
                if let Some(left) = inner.elector.grant(term, now).filter(|_| is_fresh) {
                    return Some(Instant::now() + left);
                }
                inner.elector.hurry();
            }
            self.0.bell.notify_one();
            // Without news it is lost by the clock alone.
            let _ = timeout(self.timing().retry(), news.changed()).await;
        }
    }

    /// The durations that it keeps.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.0.lock().elector.timing()
    }
}

impl SharedLeadership {
    fn lock(&self) -> MutexGuard<'_, LeadershipState> {
        // Nothing panics while it is locked; if it did, the elector's times would still be true.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Moment {
        Moment { steady: self.began.elapsed(), wall: clock::since_the_epoch() }
    }

    fn is_stuck(&self) -> bool {
        self.pulse.get().is_some_and(|pulse| !pulse.is_there())
    }

    fn tell(&self) {
        self.news.send_modify(|count| *count = count.wrapping_add(1));
    }
}

async fn drive(shared: Arc<SharedLeadership>, mut server: impl LeaseServer) {
    let mut led = None;
    loop {
        if shared.is_stuck() {
            warn!(lease = %shared.name, "the loop is stuck: the lease is not renewed");
            while shared.is_stuck() {
                sleep(STUCK).await;
            }
            info!(lease = %shared.name, "the loop is running again");
        }
        let (next, leads, is_wanted, deadline) = {
            let mut inner = shared.lock();
            let now = shared.now();
            let next = inner.elector.next(now);
            inner.is_at_rest = next == ElectorNext::Rest;
            let elector = &inner.elector;
            (next, elector.term(now), elector.is_wanted(), elector.timing().renew_deadline())
        };
        match (std::mem::replace(&mut led, leads), leads) {
            (before, Some(term)) if before != leads => info!(lease = %shared.name, term, "leading"),
            (Some(term), None) if !is_wanted => info!(lease = %shared.name, term, "releasing the lease"),
            (Some(term), None) => {
                warn!(lease = %shared.name, term, "no longer leading (renewals are due within {deadline:?}): nothing is written");
            }
            (_, _) => {}
        }
        match next {
            ElectorNext::Rest => {
                shared.tell();
                shared.bell.notified().await;
            }
            ElectorNext::Wait(until) => tokio::select! {
                () = sleep_until(shared.began + until) => {}
                () = shared.bell.notified() => {}
            },
            ElectorNext::Ask(ask) => {
                let asked = server.ask(&ask).await;
                let mut inner = shared.lock();
                let before = inner.trouble.take();
                inner.trouble = match asked {
                    Ok(answer) => {
                        inner.elector.answered(answer.clone(), shared.now());
                        let is_anothers = inner.elector.is_anothers(shared.now());
                        before.clone().and_then(|trouble| trouble.after(&answer, is_anothers))
                    }
                    Err(trouble) => {
                        if let Some(tally) = shared.tally.get() {
                            tally.lease_failed();
                        }
                        inner.elector.answered(LeaseAnswer::Lost, shared.now());
                        Some(trouble)
                    }
                };
                tell_apart(&shared.name, before.as_ref(), inner.trouble.as_ref());
                drop(inner);
                shared.tell();
            }
        }
    }
}

/// Says what is wrong once, and once that it is over.
fn tell_apart(lease: &str, before: Option<&LeaseTrouble>, now: Option<&LeaseTrouble>) {
    match (before, now) {
        (before, Some(trouble)) if !before.is_some_and(|before| before.is_like(trouble)) => {
            let (said, why) = (said(trouble.kind), &trouble.why);
            warn!(lease, why, "the lease {said}");
        }
        (Some(_), Some(trouble)) => debug!(lease, why = trouble.why, "the lease still cannot be acquired"),
        (Some(_), None) => info!(lease, "the lease can be read again"),
        (None, _) => {}
    }
}

//! Who may send next, and when: the queue of one account, in front of its
//! [`Throttle`], its [`Circuit`] and its [`RetryBudget`], which decide; here is only the waiting.
//!
//! The queue has lanes. A request of work already begun goes before one that begins work, so that a
//! fresh read and the write after it stay together however many numbers wait behind them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use crate::client::api::error::Operation;
use crate::client::circuit::{Circuit, CircuitWay};
use crate::client::retry_budget::RetryBudget;
use crate::client::throttle::{SendWhen, Sent, Throttle};

/// Which of the requests that wait goes first: in this order, and first come, first served in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A write whose read must still be fresh when it goes.
    Write,
    /// Anything else of work already begun: a look-up, another try, another page.
    Begun,
    New,
}

/// What became of a request, as far as the account's pace goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// An answer, whatever it says.
    Answered { concurrent: Option<u32> },
    Throttled {
        concurrent: Option<u32>,
        /// Whether it named a wait.
        asked: bool,
        /// For how long nothing is to be sent.
        hold: Duration,
    },
    /// No connection, no answer in time, or a 5xx.
    Unanswered,
}

/// The pace of one account, shared by all of its requests.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    inner: Mutex<PaceState>,
}

#[derive(Debug)]
struct PaceState {
    throttle: Throttle,
    circuit: Circuit,
    retries: RetryBudget,
    /// Who waits, in the order in which they go.
    queue: BTreeMap<PacePlace, Arc<Notify>>,
    tickets: u64,
}

type PacePlace = (Lane, u64);

/// The account does not answer, and no one waits for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreachable;

/// The right to send one request; dropping it gives its place to the next.
#[derive(Debug)]
pub struct Turn<'a> {
    pace: &'a Pace,
    sent: Sent,
    is_probe: bool,
    end_by: Option<Instant>,
}

impl Pace {
    /// At most `at_once` requests in flight and `per_second` a second, whatever the API allows.
    #[must_use]
    pub fn new(at_once: usize, per_second: Option<f64>) -> Self {
        let inner = PaceState {
            throttle: Throttle::new(at_once, per_second),
            circuit: Circuit::default(),
            retries: RetryBudget::default(),
            queue: BTreeMap::new(),
            tickets: 0,
        };
        Self { began: Instant::now(), inner: Mutex::new(inner) }
    }

    /// Waits for its turn. May be a [probe](Turn::is_probe) that comes first.
    ///
    /// # Errors
    /// When the account has not answered for so long that no one waits for it.
    pub async fn turn(&self, lane: Lane, operation: Operation) -> Result<Turn<'_>, Unreachable> {
        let ticket = self.join(lane);
        loop {
            match self.ask(&ticket, operation) {
                TurnOrWait::Go(turn) => return Ok(turn),
                TurnOrWait::Unreachable => return Err(Unreachable),
                TurnOrWait::Wait(None) => ticket.bell.notified().await,
                TurnOrWait::Wait(Some(then)) => tokio::select! {
                    () = sleep_until(self.began + then) => {}
                    () = ticket.bell.notified() => {}
                },
            }
        }
    }

    /// Takes one retry from the account's budget, if there is one.
    #[must_use]
    pub fn may_retry(&self, after_timeout: bool) -> bool {
        let now = self.now();
        self.lock().retries.take(now, after_timeout)
    }

    /// Whether no one waits for the account any more.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        let now = self.now();
        self.lock().circuit.is_given_up(now)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, PaceState> {
        // Nothing panics while it is locked; if it did, the numbers in it would still be numbers.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, lane: Lane) -> Ticket<'_> {
        let mut inner = self.lock();
        inner.tickets += 1;
        let place = (lane, inner.tickets);
        let bell = Arc::new(Notify::new());
        inner.queue.insert(place, bell.clone());
        Ticket { pace: self, place, bell }
    }

    fn ask(&self, ticket: &Ticket<'_>, operation: Operation) -> TurnOrWait<'_> {
        let now = self.now();
        let mut inner = self.lock();
        // Only the first watches the clock; whoever leaves wakes the one behind.
        if inner.queue.first_key_value().is_none_or(|(first, _)| *first != ticket.place) {
            return TurnOrWait::Wait(None);
        }
        let is_probe = match inner.circuit.way(now) {
            CircuitWay::Closed => return TurnOrWait::Unreachable,
            CircuitWay::WaitUntil(then) => return TurnOrWait::Wait(Some(then)),
            CircuitWay::Probe => true,
            CircuitWay::Free => false,
        };
        match inner.throttle.when(now) {
            SendWhen::Full => return TurnOrWait::Wait(None),
            SendWhen::At(then) => return TurnOrWait::Wait(Some(then)),
            SendWhen::Now => {}
        }
        if is_probe {
            inner.circuit.probing(now);
        }
        let operation = if is_probe { Operation::List } else { operation };
        let sent = inner.throttle.sent(operation, now);
        TurnOrWait::Go(Turn { pace: self, sent, is_probe, end_by: None })
    }
}

enum TurnOrWait<'a> {
    Go(Turn<'a>),
    /// Until then, or until the bell.
    Wait(Option<Duration>),
    Unreachable,
}

/// A place in the queue; given up when dropped.
struct Ticket<'a> {
    pace: &'a Pace,
    place: PacePlace,
    bell: Arc<Notify>,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut inner = self.pace.lock();
        inner.queue.remove(&self.place);
        inner.wake_first();
    }
}

impl PaceState {
    fn wake_first(&self) {
        if let Some((_, bell)) = self.queue.first_key_value() {
            bell.notify_one();
        }
    }
}

impl Turn<'_> {
    /// Send a harmless read in place of the request, and ask again: the account does not answer.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// When it was granted, which is when the request goes.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.pace.began + self.sent.at
    }

    /// The request must be over by then, answered or not.
    pub fn end_by(&mut self, then: Instant) {
        self.end_by = Some(then);
    }

    /// How long the request may take.
    #[must_use]
    pub fn at_most(&self, timeout: Duration) -> Duration {
        self.end_by.map_or(timeout, |then| timeout.min(then.saturating_duration_since(Instant::now())))
    }

    /// The request is over.
    pub fn over(self, signal: Signal) {
        let now = self.pace.now();
        let mut inner = self.pace.lock();
        let before = inner.circuit.way(now);
        match signal {
            Signal::Answered { concurrent } => {
                inner.circuit.answered();
                inner.retries.answered();
                inner.throttle.answered(self.sent, concurrent, now);
            }
            Signal::Throttled { concurrent, asked, hold } => {
                inner.circuit.answered();
                if inner.throttle.refused(self.sent, concurrent, asked, hold, now) {
                    let (per_second, at_once) = (inner.throttle.per_second(), inner.throttle.at_once());
                    debug!(per_second, at_once, ?hold, "the API answered 429: sending more slowly");
                }
            }
            Signal::Unanswered => inner.circuit.unanswered(now),
        }
        match (before, inner.circuit.way(now)) {
            (CircuitWay::Free, CircuitWay::Free) => {}
            (CircuitWay::Free, _) => {
                warn!("the API does not answer: numctl sends only a probe until it does")
            }
            (_, CircuitWay::Free) => info!("the API answers again"),
            (_, _) => {}
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut inner = self.pace.lock();
        inner.throttle.over();
        if self.is_probe {
            inner.circuit.probed();
        }
        inner.wake_first();
    }
}

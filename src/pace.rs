//! The pace of one account: how many requests at once, how many a second, and the pause that a 429
//! asks for.

use std::time::Duration;

use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

/// Shared by every request of one account.
#[derive(Debug)]
pub struct Pace {
    at_once: Semaphore,
    /// The time between two requests; none without `--rate-limit`.
    gap: Option<Duration>,
    next: Mutex<Instant>,
}

/// The right to send one request; given back when dropped.
#[derive(Debug)]
pub struct Turn<'a>(#[allow(dead_code, reason = "held for its drop")] Option<SemaphorePermit<'a>>);

impl Pace {
    /// At most `at_once` requests in flight, and `per_second` starts a second.
    #[must_use]
    pub fn new(at_once: usize, per_second: Option<f64>) -> Self {
        Self {
            at_once: Semaphore::new(at_once.max(1)),
            gap: per_second.filter(|rate| *rate > 0.0).map(|rate| Duration::from_secs_f64(1.0 / rate)),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for its turn.
    pub async fn turn(&self) -> Turn<'_> {
        // The semaphore is never closed; without it the request would still be sent, unbounded.
        let permit = self.at_once.acquire().await.ok();
        let start = {
            let mut next = self.next.lock().await;
            let start = (*next).max(Instant::now());
            if let Some(gap) = self.gap {
                *next = start + gap;
            }
            start
        };
        sleep_until(start).await;
        Turn(permit)
    }

    /// Holds every request of the account back for a while: the API said 429 to one of them, and
    /// would to the others.
    pub async fn pause(&self, wait: Duration) {
        let mut next = self.next.lock().await;
        *next = (*next).max(Instant::now() + wait);
    }
}

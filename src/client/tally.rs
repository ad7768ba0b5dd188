//! Counters of one process: requests and how long they took, and what else fails beside the loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::client::api::error::Operation;
use crate::client::transport::{Response, TransportError};

/// The words for how a request ended. There are only this many, whatever a server answers.
const ENDS: [&str; 21] = [
    "200",
    "201",
    "204",
    "400",
    "401",
    "403",
    "404",
    "409",
    "429",
    "500",
    "502",
    "503",
    "504",
    "2xx",
    "3xx",
    "4xx",
    "5xx",
    "other",
    "not_sent",
    "timed_out",
    "lost",
];

/// The upper bounds of the histogram of request times, in seconds. The default time-out is 30 s.
pub const REQUEST_BUCKETS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// The word of a request that was answered with 429.
const THROTTLED: &str = "429";

/// The counters of one process.
#[derive(Debug, Default)]
pub struct Tally {
    requests: [[AtomicU64; ENDS.len()]; Operation::ALL.len()],
    times: [Times; Operation::ALL.len()],
    retries: AtomicU64,
    lease_failures: AtomicU64,
    notification_failures: AtomicU64,
    /// Log lines that no one read in time: whoever writes them counts.
    dropped_lines: Arc<AtomicU64>,
}

/// How long the requests of one operation took.
#[derive(Debug, Default)]
struct Times {
    /// How many fell between a bound and the one before it; the last is above all bounds.
    between: [AtomicU64; REQUEST_BUCKETS.len() + 1],
    microseconds: AtomicU64,
}

/// How long the requests of one operation took, as Prometheus counts it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestTimes {
    pub operation: Operation,
    /// How many took at most as long as each of [`REQUEST_BUCKETS`].
    pub at_most: [u64; REQUEST_BUCKETS.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum: f64,
}

impl Tally {
    /// Counters beside one for log lines that were dropped, which someone else counts up.
    #[must_use]
    pub fn beside(dropped_lines: Arc<AtomicU64>) -> Self {
        Self { dropped_lines, ..Self::default() }
    }

    /// Log lines that were dropped.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.dropped_lines.load(Ordering::Relaxed)
    }

    /// Counts a request by how it ended, and how long it took.
    pub fn request(&self, operation: Operation, sent: &Result<Response, TransportError>, took: Duration) {
        let word = match sent {
            Ok(response) => status(response.status),
            Err(TransportError::NotSent(_)) => "not_sent",
            Err(TransportError::TimedOut(_)) => "timed_out",
            Err(TransportError::Broken(_)) => "lost",
        };
        let row = Operation::ALL.iter().position(|known| *known == operation);
        let column = ENDS.iter().position(|known| *known == word);
        if let (Some(row), Some(column)) = (row, column) {
            self.requests[row][column].fetch_add(1, Ordering::Relaxed);
            let seconds = took.as_secs_f64();
            let bucket = REQUEST_BUCKETS.iter().take_while(|bound| seconds > **bound).count();
            let times = &self.times[row];
            times.between[bucket].fetch_add(1, Ordering::Relaxed);
            let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            times.microseconds.fetch_add(microseconds, Ordering::Relaxed);
        }
    }

    /// How long requests took, for the operations that there were.
    #[expect(clippy::cast_precision_loss, reason = "microseconds are exact for 285 years")]
    pub fn request_times(&self) -> impl Iterator<Item = RequestTimes> {
        Operation::ALL.iter().zip(&self.times).filter_map(|(operation, times)| {
            let mut count = 0;
            let mut at_most = [0; REQUEST_BUCKETS.len()];
            for (at, between) in times.between.iter().enumerate() {
                count += between.load(Ordering::Relaxed);
                if let Some(bucket) = at_most.get_mut(at) {
                    *bucket = count;
                }
            }
            let sum = times.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
            (count > 0).then_some(RequestTimes { operation: *operation, at_most, count, sum })
        })
    }

    /// Counts a request to the Lease that did not get or renew it.
    pub fn lease_failed(&self) {
        self.lease_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests to the Lease that failed.
    #[must_use]
    pub fn lease_failures(&self) -> u64 {
        self.lease_failures.load(Ordering::Relaxed)
    }

    /// Counts a notification that did not arrive.
    pub fn notification_failed(&self) {
        self.notification_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Attempts to deliver a notification that failed.
    #[must_use]
    pub fn notification_failures(&self) -> u64 {
        self.notification_failures.load(Ordering::Relaxed)
    }

    /// Counts a request that is about to be sent again.
    pub fn retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// The requests by operation and end, where there were any.
    pub fn requests(&self) -> impl Iterator<Item = (Operation, &'static str, u64)> {
        Operation::ALL.iter().zip(&self.requests).flat_map(|(operation, row)| {
            let counts = row.iter().map(|count| count.load(Ordering::Relaxed));
            let ends = ENDS.iter().zip(counts).filter(|(_, count)| *count > 0);
            ends.map(|(word, count)| (*operation, *word, count))
        })
    }

    /// The requests of all operations together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests().map(|(_, _, count)| count).sum()
    }

    /// How many were answered with 429.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.requests().filter(|(_, word, _)| *word == THROTTLED).map(|(_, _, count)| count).sum()
    }

    /// How many were sent again.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }
}

/// The status, where it is a usual one, else its class.
fn status(status: u16) -> &'static str {
    let text = status.to_string();
    let class = match status {
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500..600 => "5xx",
        _ => "other",
    };
    ENDS.into_iter().find(|known| *known == text).unwrap_or(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_server_answers_has_one_of_few_words() {
        let tally = Tally::default();
        for status in 0..2_000 {
            tally.request(Operation::List, &Ok(Response { status, ..Response::default() }), Duration::ZERO);
        }
        tally.request(Operation::Release, &Err(TransportError::Broken(String::new())), Duration::ZERO);
        assert_eq!(tally.total(), 2_001);
        assert_eq!(tally.throttled(), 1);
        assert!(tally.requests().count() <= ENDS.len());
        assert!(tally.requests().any(|row| row == (Operation::Release, "lost", 1)));
    }

    #[test]
    fn times_are_counted_in_buckets_that_add_up() {
        let tally = Tally::default();
        let ok = Ok(Response { status: 200, ..Response::default() });
        for milliseconds in [10, 50, 60, 700, 90_000] {
            tally.request(Operation::List, &ok, Duration::from_millis(milliseconds));
        }
        let times: Vec<_> = tally.request_times().collect();
        assert_eq!(times.len(), 1);
        assert_eq!(times[0].at_most, [2, 3, 3, 3, 4, 4, 4, 4, 4, 4]);
        assert_eq!(times[0].count, 5);
        assert!((times[0].sum - 90.82).abs() < 1e-9);
    }
}

//! How many requests were sent, and how they were answered: counters that all clients share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::api::error::Operation;
use crate::client::transport::{Response, TransportError};

/// The words for how a request ended. There are only so many, whatever a server answers.
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

/// The word of a request that was answered with 429.
const THROTTLED: &str = "429";

/// The counters of one process.
#[derive(Debug, Default)]
pub struct Tally {
    requests: [[AtomicU64; ENDS.len()]; Operation::ALL.len()],
    retries: AtomicU64,
    /// Log lines that nobody read in time: whoever writes them counts.
    dropped_lines: Arc<AtomicU64>,
}

impl Tally {
    /// Counters beside one for log lines that were dropped, which somebody else counts up.
    #[must_use]
    pub fn beside(dropped_lines: Arc<AtomicU64>) -> Self {
        Self { dropped_lines, ..Self::default() }
    }

    /// Log lines that were dropped.
    #[must_use]
    pub fn dropped_lines(&self) -> u64 {
        self.dropped_lines.load(Ordering::Relaxed)
    }

    /// Counts a request by how it ended.
    pub fn request(&self, operation: Operation, sent: &Result<Response, TransportError>) {
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
        }
    }

    /// Counts a request that is about to be sent once more.
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

    /// All requests together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests().map(|(_, _, count)| count).sum()
    }

    /// How many were answered with 429.
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.requests().filter(|(_, word, _)| *word == THROTTLED).map(|(_, _, count)| count).sum()
    }

    /// How many were sent once more.
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
            tally.request(Operation::List, &Ok(Response { status, ..Response::default() }));
        }
        tally.request(Operation::Release, &Err(TransportError::Broken(String::new())));
        assert_eq!(tally.total(), 2_001);
        assert_eq!(tally.throttled(), 1);
        assert!(tally.requests().count() <= ENDS.len());
        assert!(tally.requests().any(|row| row == (Operation::Release, "lost", 1)));
    }
}

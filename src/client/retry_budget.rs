//! How many retries an account can afford: retries must never make an outage worse.
//!
//! A bucket that holds 20 retries, and gains one for every five answers and one a second. So a fault rate of
//! 10% is retried through (it takes one retry for nine answers), and when nothing answers any more the
//! retries amount to 20 and one a second, however many requests there are. A retry after 429 costs nothing:
//! it was not processed, and the pace answers for it. Pure.

use std::time::Duration;

/// A full bucket, in retries.
const FULL: f64 = 20.0;
/// What an answer adds. A tenth, the least that is talked of, would not carry a fault rate of 10%
/// (1/9 a success).
const PER_ANSWER: f64 = 0.2;
/// What a second adds.
const PER_SECOND: f64 = 1.0;
/// A time-out has held a place for its whole length, and says most about an outage.
const AFTER_TIMEOUT: f64 = 2.0;

/// The bucket of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryBudget {
    left: f64,
    at: Duration,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { left: FULL, at: Duration::ZERO }
    }
}

impl RetryBudget {
    /// Notes an answer, which earns a part of a retry.
    pub fn answered(&mut self) {
        self.left = (self.left + PER_ANSWER).min(FULL);
    }

    /// Takes one retry at `now`, if there is one.
    #[must_use]
    pub fn take(&mut self, now: Duration, after_timeout: bool) -> bool {
        let gained = now.saturating_sub(self.at).as_secs_f64() * PER_SECOND;
        self.left = (self.left + gained).min(FULL);
        self.at = self.at.max(now);
        let cost = if after_timeout { AFTER_TIMEOUT } else { 1.0 };
        let is_there = self.left >= cost;
        if is_there {
            self.left -= cost;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_fault_in_ten_is_retried_through() {
        let mut budget = RetryBudget::default();
        for request in 0..100_000 {
            match request % 10 {
                0 => assert!(budget.take(Duration::ZERO, false), "{request}"),
                _ => budget.answered(),
            }
        }
    }

    #[test]
    fn silence_leaves_a_retry_a_second() {
        let mut budget = RetryBudget::default();
        let taken = |budget: &mut RetryBudget, at| (0..1000).filter(|_| budget.take(at, false)).count();
        assert_eq!(taken(&mut budget, Duration::ZERO), 20);
        assert_eq!(taken(&mut budget, Duration::from_secs(7)), 7);
        assert_eq!(taken(&mut budget, Duration::from_secs(3600)), 20);
        assert_eq!((0..1000).filter(|_| budget.take(Duration::from_secs(3610), true)).count(), 5);
    }

    proptest! {
        /// Whatever happens when: never more than 20, a fifth of the answers, and one a second.
        #[test]
        fn retries_stay_within_their_share(events in prop::collection::vec((any::<bool>(), 0_u64..500), 0..600)) {
            let mut budget = RetryBudget::default();
            let (mut now, mut answers, mut retries) = (Duration::ZERO, 0_u32, 0_u32);
            for (is_answer, millis) in events {
                now += Duration::from_millis(millis);
                if is_answer {
                    answers += 1;
                    budget.answered();
                } else if budget.take(now, false) {
                    retries += 1;
                }
                prop_assert!(f64::from(retries) <= FULL + 0.2 * f64::from(answers) + now.as_secs_f64() + 1e-6);
            }
        }
    }
}

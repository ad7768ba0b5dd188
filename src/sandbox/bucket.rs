//! A rate limit as a token bucket that holds one second's worth. Pure: time comes in.

use std::time::Duration;

/// What one account may still send.
#[derive(Debug, Clone)]
pub struct Bucket {
    per_second: f64,
    left: f64,
    at: Duration,
}

impl Bucket {
    /// A full bucket, at time zero.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        Self { per_second, left: per_second.max(1.0), at: Duration::ZERO }
    }

    /// From now on at another rate.
    #[cfg(feature = "testing")]
    pub fn set_rate(&mut self, per_second: f64) {
        self.per_second = per_second;
    }

    /// Takes one request at `now`; `false` when it is over the limit.
    #[must_use]
    pub fn take(&mut self, now: Duration) -> bool {
        let gained = now.saturating_sub(self.at).as_secs_f64() * self.per_second;
        self.left = (self.left + gained).min(self.per_second.max(1.0));
        self.at = self.at.max(now);
        let is_there = self.left >= 1.0;
        if is_there {
            self.left -= 1.0;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_its_rate_and_no_more() {
        let mut bucket = Bucket::new(10.0);
        let mut taken = |millis| (0..100).filter(|_| bucket.take(Duration::from_millis(millis))).count();
        assert_eq!([taken(0), taken(0), taken(500), taken(9000)], [10, 0, 5, 10]);
    }
}

//! How fast, and how many at once: found out from the API's answers, one account at a time.
//!
//! Two bounds hold at the same time. The rate is how many requests a second; a 429 that names a wait speaks
//! about it. The window is how many requests at once; a 429 without one is Twilio's own kind (20429, "too
//! many concurrent requests") and speaks about that, as do growing latency and `Twilio-Concurrent-Requests`.
//! The operator's `--rate-limit` and `--max-concurrency` cap both. Pure: times are those since the account's
//! first request.

mod rate;
mod window;

use std::time::Duration;

use crate::client::api::error::Operation;

use rate::Rate;
use window::ConcurrencyWindow;

/// When the next request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendWhen {
    Now,
    At(Duration),
    /// Once one of those in flight is back.
    Full,
}

/// One request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    pub at: Duration,
    /// What for: each operation has its own latency.
    pub operation: Operation,
    /// How many of ours were in flight with it, itself included.
    pub in_flight: u32,
    /// No further one could have gone with it.
    pub fills_window: bool,
}

/// The two bounds of one account.
#[derive(Debug, Clone)]
pub struct Throttle {
    rate: Rate,
    window: ConcurrencyWindow,
    in_flight: u32,
    /// When the bounds were last lowered: a 429 to what was sent before that is old news.
    lowered_at: Option<Duration>,
}

impl Throttle {
    /// At most `at_once` requests in flight, and at most `per_second` a second.
    #[must_use]
    pub fn new(at_once: usize, per_second: Option<f64>) -> Self {
        let cap = per_second.filter(|rate| *rate > 0.0).unwrap_or(f64::INFINITY);
        Self { rate: Rate::new(cap), window: ConcurrencyWindow::new(at_once), in_flight: 0, lowered_at: None }
    }

    /// Requests a second that may be sent, as far as is known.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.rate.allowed()
    }

    /// Requests at once that may be in flight, as far as is known.
    #[must_use]
    pub fn at_once(&self) -> u32 {
        self.window.allowed()
    }

    /// When the next request may go.
    #[must_use]
    pub fn when(&self, now: Duration) -> SendWhen {
        let due = if self.in_flight == 0 { self.rate.due_alone(now) } else { self.rate.due(now) };
        if self.in_flight >= self.window.allowed() {
            SendWhen::Full
        } else if due > now {
            SendWhen::At(due)
        } else {
            SendWhen::Now
        }
    }

    /// Notes that a request goes, and takes its place in the rate.
    pub fn sent(&mut self, operation: Operation, now: Duration) -> Sent {
        self.rate.sent(now);
        self.in_flight += 1;
        let fills_window = self.in_flight >= self.window.allowed();
        Sent { at: now, operation, in_flight: self.in_flight, fills_window }
    }

    /// A request is over, however it ended.
    pub fn over(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// An answer that is not 429. `concurrent` is `Twilio-Concurrent-Requests`.
    pub fn answered(&mut self, sent: Sent, concurrent: Option<u32>, now: Duration) {
        let took = now.saturating_sub(sent.at);
        self.rate.accepted(took);
        self.window.answered(sent, took, concurrent);
    }

    /// A 429. `asked` says whether it named a wait; nothing is sent for `hold`. Says whether the
    /// bounds were lowered.
    pub fn refused(
        &mut self,
        sent: Sent,
        concurrent: Option<u32>,
        asked: bool,
        hold: Duration,
        now: Duration,
    ) -> bool {
        self.rate.hold(now + hold);
        // Those in flight together are refused together, for one and the same reason.
        if self.lowered_at.is_some_and(|lowered_at| sent.at <= lowered_at) {
            return false;
        }
        self.lowered_at = Some(now);
        self.rate.lower(asked, now);
        self.window.refused(sent, concurrent, asked);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// A server with a bucket of `burst` requests that refills at `limit` a second, and a client
    /// that always has more to send. Returns (second, was it taken) of every request.
    fn run(
        throttle: &mut Throttle,
        limit: impl Fn(f64) -> f64,
        burst: f64,
        round_trip: Duration,
        seconds: u64,
    ) -> Vec<(f64, bool)> {
        let (mut now, mut level, mut filled) = (Duration::ZERO, burst * limit(0.0), Duration::ZERO);
        let mut flying: VecDeque<(Sent, bool)> = VecDeque::new();
        let mut log = Vec::new();
        while now < Duration::from_secs(seconds) {
            match throttle.when(now) {
                SendWhen::Now => {
                    let rate = limit(now.as_secs_f64());
                    let most = (burst * rate).max(1.0);
                    level = (level + (now - filled).as_secs_f64() * rate).min(most);
                    filled = now;
                    let is_taken = level >= 1.0;
                    level -= f64::from(u8::from(is_taken));
                    log.push((now.as_secs_f64(), is_taken));
                    flying.push_back((throttle.sent(Operation::Configure, now), is_taken));
                    continue;
                }
                SendWhen::At(then) => {
                    let back = flying.front().map(|(sent, _)| sent.at + round_trip);
                    now = back.map_or(then, |back| back.min(then));
                }
                SendWhen::Full => now = flying[0].0.at + round_trip,
            }
            while let Some((sent, is_taken)) = flying.pop_front_if(|(sent, _)| sent.at + round_trip <= now) {
                throttle.over();
                if is_taken {
                    throttle.answered(sent, None, now);
                } else {
                    throttle.refused(sent, None, true, Duration::from_millis(1050), now);
                }
            }
        }
        log
    }

    /// (taken a second, share refused) between two instants.
    fn between(log: &[(f64, bool)], from: f64, to: f64) -> (f64, f64) {
        let part: Vec<_> = log.iter().filter(|(at, _)| (from..to).contains(at)).collect();
        let taken = part.iter().filter(|(_, taken)| *taken).count() as f64;
        (taken / (to - from), 1.0 - taken / part.len().max(1) as f64)
    }

    #[test]
    fn one_after_the_other_waits_for_nothing_until_it_is_refused() {
        let mut throttle = Throttle::new(16, None);
        let mut now = Duration::ZERO;
        for _ in 0..200 {
            assert_eq!(throttle.when(now), SendWhen::Now);
            let sent = throttle.sent(Operation::List, now);
            now += Duration::from_millis(2);
            throttle.over();
            throttle.answered(sent, None, now);
        }
        // What went alone is no debt of what goes together.
        let sent = throttle.sent(Operation::Configure, now);
        let soon = now + Duration::from_millis(100);
        assert!(
            matches!(throttle.when(now), SendWhen::Now)
                || matches!(throttle.when(now), SendWhen::At(then) if then < soon)
        );
        throttle.over();
        assert!(throttle.refused(sent, None, true, Duration::from_secs(1), now));
        assert!(matches!(throttle.when(now), SendWhen::At(then) if then >= now + Duration::from_secs(1)));
        // The operator's rate is kept by whoever is alone, too.
        let mut capped = Throttle::new(16, Some(10.0));
        capped.sent(Operation::List, Duration::ZERO);
        capped.over();
        assert!(matches!(capped.when(Duration::ZERO), SendWhen::At(_)));
    }

    #[test]
    fn the_limit_is_found_and_kept() {
        for limit in [3.0, 10.0, 37.0, 100.0, 1000.0, 2500.0] {
            for round_trip in [5, 50, 300] {
                let mut throttle = Throttle::new(1000, None);
                let log = run(&mut throttle, |_| limit, 1.0, Duration::from_millis(round_trip), 240);
                let (taken, refused) = between(&log, 20.0, 240.0);
                assert!(taken >= 0.95 * limit, "{limit}/s at {round_trip} ms: {taken}");
                // At 3 a second there are 60 requests between two probes, each of which is refused.
                let most = if limit < 10.0 { 0.03 } else { 0.01 };
                assert!(refused < most, "{limit}/s at {round_trip} ms: {refused}");
            }
        }
    }

    #[test]
    fn a_limit_with_little_burst_is_found_too() {
        for limit in [10.0, 100.0, 1000.0] {
            let mut throttle = Throttle::new(1000, None);
            let log = run(&mut throttle, |_| limit, 0.1, Duration::from_millis(50), 240);
            let (taken, refused) = between(&log, 20.0, 240.0);
            // Each probe costs the wait of a second that the refusal asks for.
            assert!(taken >= 0.8 * limit && refused < 0.01, "{limit}: {taken}, {refused}");
        }
    }

    #[test]
    fn a_limit_that_falls_and_rises_is_followed() {
        let limit = |at: f64| if (60.0..180.0).contains(&at) { 20.0 } else { 200.0 };
        let mut throttle = Throttle::new(1000, None);
        let log = run(&mut throttle, limit, 1.0, Duration::from_millis(50), 360);
        let fallen = between(&log, 70.0, 180.0);
        assert!(fallen.0 >= 0.95 * 20.0 && fallen.1 < 0.01, "{fallen:?}");
        let risen = between(&log, 240.0, 360.0);
        assert!(risen.0 >= 0.95 * 200.0 && risen.1 < 0.01, "{risen:?}");
    }

    #[test]
    fn the_operators_caps_hold() {
        let mut throttle = Throttle::new(3, Some(50.0));
        let log = run(&mut throttle, |_| 1e6, 1.0, Duration::from_millis(10), 60);
        let (taken, _) = between(&log, 0.0, 60.0);
        assert!((45.0..=50.5).contains(&taken), "{taken}");
        let mut throttle = Throttle::new(3, None);
        for _ in 0..3 {
            assert_eq!(throttle.when(Duration::ZERO), SendWhen::Now);
            throttle.sent(Operation::List, Duration::ZERO);
        }
        assert_eq!(throttle.when(Duration::ZERO), SendWhen::Full);
    }

    proptest! {
        /// Whatever the API answers, and when: the caps hold, and there is always a next request
        /// within the longest wait that was asked for and five seconds.
        #[test]
        fn no_answers_stop_it_or_lift_its_caps(
            at_once in 1_usize..50,
            cap in prop::option::of(0.5_f64..2000.0),
            answers in prop::collection::vec((0_u8..4, 0_u64..3000, prop::option::of(0_u32..200)), 1..400),
        ) {
            let mut throttle = Throttle::new(at_once, cap);
            let mut now = Duration::ZERO;
            for (answer, millis, concurrent) in answers {
                let longest = now + Duration::from_millis(1000 + 5000);
                while let SendWhen::At(then) = throttle.when(now) {
                    prop_assert!(then > now && then <= longest);
                    now = then;
                }
                prop_assert_eq!(throttle.when(now), SendWhen::Now);
                let sent = throttle.sent(Operation::Configure, now);
                now += Duration::from_millis(millis);
                throttle.over();
                let hold = Duration::from_millis(1000);
                match answer {
                    0 | 1 => throttle.answered(sent, concurrent, now),
                    2 => drop(throttle.refused(sent, concurrent, true, hold, now)),
                    _ => drop(throttle.refused(sent, concurrent, false, hold, now)),
                }
                prop_assert!(throttle.per_second() <= cap.unwrap_or(f64::INFINITY));
                prop_assert!(throttle.per_second() > 0.0 && (1..=at_once as u32).contains(&throttle.at_once()));
            }
        }
    }
}

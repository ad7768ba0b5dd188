//! How many requests at once: as many as give throughput, and no more.
//!
//! Grows while it is what bounds us and answers come as fast as ever. By Little's law more at once
//! at the same latency is more a second; once answers take twice their best, more at once only
//! waits in a queue on the other side, and the window shrinks.
//!
//! `Twilio-Concurrent-Requests` is how many requests of the whole account were running when ours
//! was answered, those of other programs included. Under a 429 it shows the account's ceiling; on
//! every other answer it shows what the others take of it.

use std::time::Duration;

use super::Sent;
use crate::client::api::error::Operation;

/// The first window, as TCP's.
const FIRST: f64 = 10.0;
/// What is left of it after a 429.
const AFTER_REFUSAL: f64 = 0.7;
/// What is left of it after a round of slow answers.
const AFTER_QUEUE: f64 = 0.8;
/// Slow answers alone do not bring it below this: the API may simply have become slower.
const QUEUE_MIN: f64 = 4.0;
/// An answer that takes twice the best of its operation has waited as long as it was worked on.
const SLOW: u32 = 2;
/// Differences below this are noise.
const NOISE: Duration = Duration::from_millis(50);
/// How fast the best latency is forgotten: after some 2,000 answers it is the usual one.
const FORGET: u32 = 2000;
/// The ceiling is probed by one in this many full rounds, and faster after that.
const PROBE: f64 = 50.0;
/// How fast the others' share is believed.
const OTHERS_WEIGHT: f64 = 0.1;

/// The window of one account.
#[derive(Debug, Clone)]
pub(super) struct ConcurrencyWindow {
    cap: f64,
    size: f64,
    is_start: bool,
    /// By operation: a purchase may well take ten times as long as a read.
    best: [Option<Duration>; Operation::ALL.len()],
    round: Round,
    /// The round before filled the window.
    was_full: bool,
    /// What the account can have at once, where a 429 has shown it.
    ceiling: Option<f64>,
    /// Full rounds since then.
    rounds: u32,
    /// What other programs have of it at the moment.
    others: f64,
}

/// As many answers as the window is wide.
#[derive(Debug, Clone, Default)]
struct Round {
    answers: u32,
    slow: u32,
    /// Some request filled the window. Answers come in clumps, so that not each of them does.
    is_full: bool,
}

impl ConcurrencyWindow {
    pub(super) fn new(cap: usize) -> Self {
        let cap = cap.max(1) as f64;
        Self {
            cap,
            size: FIRST.min(cap),
            is_start: true,
            best: [None; Operation::ALL.len()],
            round: Round::default(),
            was_full: false,
            ceiling: None,
            rounds: 0,
            others: 0.0,
        }
    }

    pub(super) fn allowed(&self) -> u32 {
        let ours = self.ceiling.map_or(f64::INFINITY, |ceiling| ceiling - self.others);
        self.size.min(ours).clamp(1.0, self.cap) as u32
    }

    pub(super) fn answered(&mut self, sent: Sent, took: Duration, concurrent: Option<u32>) {
        if let Some(concurrent) = concurrent {
            let others = f64::from(concurrent.saturating_sub(sent.in_flight));
            self.others += (others - self.others) * OTHERS_WEIGHT;
        }
        let best = &mut self.best[sent.operation as usize];
        let best = best.insert(best.map_or(took, |best| match took.checked_sub(best) {
            Some(longer) => best + longer / FORGET,
            None => took,
        }));
        let is_slow = took > (*best * SLOW).max(*best + NOISE);
        self.is_start &= !is_slow;
        self.round.answers += 1;
        self.round.slow += u32::from(is_slow);
        self.round.is_full |= sent.fills_window;
        if !is_slow && (self.round.is_full || self.was_full) {
            let step = if self.is_start { 1.0 } else { 1.0 / self.size };
            self.size = (self.size + step).min(self.cap);
            let lift = step / PROBE * (1.0 + f64::from(self.rounds) / PROBE);
            self.ceiling = self.ceiling.map(|ceiling| ceiling + lift);
        }
        if f64::from(self.round.answers) >= self.size {
            if self.round.slow * 2 > self.round.answers {
                self.size = (self.size * AFTER_QUEUE).max(QUEUE_MIN.min(self.size));
            }
            self.was_full = self.round.is_full;
            self.rounds = self.rounds.saturating_add(u32::from(self.was_full));
            self.round = Round::default();
        }
    }

    /// A refusal that names no wait is about how many at once.
    pub(super) fn refused(&mut self, sent: Sent, concurrent: Option<u32>, asked: bool) {
        if asked {
            return;
        }
        self.is_start = false;
        self.size = (self.size.min(f64::from(sent.in_flight)) * AFTER_REFUSAL).max(1.0);
        // Ours may be on their way, so that the count is below what we have out.
        let concurrent_max = concurrent.unwrap_or(sent.in_flight).saturating_sub(1);
        self.ceiling = Some(f64::from(concurrent_max).max(self.size));
        self.rounds = 0;
        if let Some(concurrent) = concurrent {
            self.others = f64::from(concurrent.saturating_sub(sent.in_flight));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(100);

    fn full(window: &ConcurrencyWindow, operation: Operation) -> Sent {
        Sent { at: Duration::ZERO, operation, in_flight: window.allowed(), fills_window: true }
    }

    fn rounds(window: &mut ConcurrencyWindow, rounds: usize, took: Duration, others: u32) {
        for _ in 0..rounds {
            for _ in 0..window.allowed() {
                let sent = full(window, Operation::Configure);
                window.answered(sent, took, Some(sent.in_flight + others));
            }
        }
    }

    #[test]
    fn it_grows_only_while_it_bounds_us() {
        let mut window = ConcurrencyWindow::new(100);
        for _ in 0..1000 {
            let sent = Sent { in_flight: 3, fills_window: false, ..full(&window, Operation::Configure) };
            window.answered(sent, FAST, None);
        }
        assert_eq!(window.allowed(), 10);
        rounds(&mut window, 10, FAST, 0);
        assert_eq!(window.allowed(), 100, "doubles each round, up to the cap");
    }

    #[test]
    fn a_queue_on_the_other_side_shrinks_it() {
        let mut window = ConcurrencyWindow::new(100);
        rounds(&mut window, 3, FAST, 0);
        let before = window.allowed();
        rounds(&mut window, 10, FAST * 4, 0);
        assert!(window.allowed() < before / 2, "{} of {before}", window.allowed());
        let after = window.allowed();
        rounds(&mut window, 10, FAST, 0);
        assert_eq!(window.allowed(), after + 10, "and grows again, by one a round");
    }

    #[test]
    fn operations_that_take_longer_are_no_queue() {
        let mut window = ConcurrencyWindow::new(100);
        for _ in 0..100 {
            for (operation, times) in [(Operation::Fetch, 1), (Operation::Purchase, 20)] {
                let sent = full(&window, operation);
                window.answered(sent, FAST * times, None);
            }
        }
        assert_eq!(window.allowed(), 100);
    }

    #[test]
    fn what_others_take_is_left_to_them() {
        let mut window = ConcurrencyWindow::new(100);
        rounds(&mut window, 10, FAST, 0);
        let sent = Sent { in_flight: 20, ..full(&window, Operation::Configure) };
        // 30 at once were too many for the account.
        window.refused(sent, Some(30), false);
        assert_eq!(window.allowed(), 14);
        rounds(&mut window, 5, FAST, 25);
        assert!(window.allowed() <= 8, "{}", window.allowed());
        rounds(&mut window, 30, FAST, 0);
        assert!(window.allowed() >= 20, "{}", window.allowed());
    }
}

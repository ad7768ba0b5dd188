//! Whether the loop moves: a beat in its own task, which stops while that task is stuck.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

const BEAT: Duration = Duration::from_millis(250);
/// A loop whose last beat is older does not move: nothing that it does without waiting takes so long.
const STILL: Duration = Duration::from_secs(10);

/// When the loop last moved.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Beats>);

#[derive(Debug)]
struct Beats {
    began: Instant,
    last: AtomicU64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self(Arc::new(Beats { began: Instant::now(), last: AtomicU64::new(0) }))
    }
}

impl Pulse {
    /// Does the work, with a beat beside it in the same task; `on_beat` is told about each.
    pub async fn during<V>(&self, work: impl Future<Output = V>, mut on_beat: impl FnMut()) -> V {
        let mut work = pin!(work);
        let mut ticks = interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = ticks.tick() => {
                    self.beat();
                    on_beat();
                }
            }
        }
    }

    /// Waits until the loop does not move.
    pub async fn stops(&self) {
        while self.is_there() {
            sleep(BEAT).await;
        }
    }

    fn beat(&self) {
        let now = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last.store(now, Ordering::Relaxed);
    }

    /// How long ago the loop moved.
    #[must_use]
    pub fn age(&self) -> Duration {
        let last = Duration::from_millis(self.0.last.load(Ordering::Relaxed));
        self.0.began.elapsed().saturating_sub(last)
    }

    /// Whether the loop moves.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.age() < STILL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_loop_that_waits_has_a_pulse_and_one_that_is_stuck_has_none() {
        let pulse = Pulse::default();
        let mut beats = 0;
        pulse.during(tokio::time::sleep(BEAT * 3), || beats += 1).await;
        assert!(beats >= 2 && pulse.age() < BEAT * 2);
        let stuck = async { std::thread::sleep(BEAT * 4) };
        pulse.during(stuck, || {}).await;
        assert!(pulse.age() >= BEAT * 3, "{:?}", pulse.age());
        assert!(pulse.is_there());
    }
}

//! What the loop remembers from one look to the next, and what it leaves alone because of it.
//!
//! Pure: the time and the dice come in. A restart forgets it, and then the first look is believed.

mod flaps;
mod requeue;
mod shrink;

use std::time::Duration;

use crate::desired::Desired;
use crate::observed::Observed;
use crate::plan::{AccountRef, Plan};
use crate::report::Report;

pub use requeue::is_about_the_number;

use flaps::Flaps;
use requeue::Requeue;
use shrink::Shrink;

/// The memory of one daemon.
#[derive(Debug)]
pub struct Memory {
    shrink: Shrink,
    requeue: Requeue,
    flaps: Flaps,
}

impl Memory {
    /// Of a loop that has just started: cycles are this far apart. `allow_shrink` is the operator's
    /// word that numbers may vanish.
    #[must_use]
    pub fn new(interval: Duration, allow_shrink: bool) -> Self {
        Self {
            shrink: Shrink::new(interval, allow_shrink),
            requeue: Requeue::new(interval),
            flaps: Flaps::new(interval),
        }
    }

    /// Takes a look at the fleet. An account of which too many numbers are suddenly gone, from its
    /// listing or from the files, is in trouble until another look says the same.
    #[must_use]
    pub fn doubt(
        &mut self,
        observed: Observed,
        desired: &Desired,
        accounts: &[AccountRef],
        now: Duration,
    ) -> Observed {
        self.shrink.doubt(observed, desired, accounts, now)
    }

    /// Takes out of a plan the numbers whose next try is not due yet, and those that somebody else
    /// keeps writing.
    pub fn hold_back(&mut self, plan: &mut Plan, now: Duration) {
        self.flaps.hold_back(plan, now);
        self.requeue.hold_back(plan, now);
    }

    /// Takes what became of a plan.
    pub fn settle(&mut self, report: &Report, now: Duration, dice: impl FnMut() -> u64) {
        self.shrink.settle(report);
        self.requeue.settle(report, now, dice);
        self.flaps.settle(report, now);
    }

    /// When the next number is due again that failed before.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        self.requeue.due()
    }

    /// Tries again at once what failed or flapped: the files have changed, or the operator asks for
    /// it.
    pub fn forgive(&mut self) {
        self.requeue.forgive();
        self.flaps.forgive();
    }
}

//! What the loop remembers from one look to the next, and what it leaves alone because of it.
//!
//! Pure: the time and the random numbers come in. A restart forgets it, and then the first look is believed.

mod causes;
mod flaps;
mod last_look;
mod requeue;
mod shrink;

use std::time::Duration;

use crate::desired::AccountRef;
use crate::desired::Desired;
use crate::guard::cost::KeptPrices;
use crate::guard::last_use::LastUses;
use crate::guard::preflight::Verdicts;
use crate::model::live::Live;
use crate::model::number::NumberSid;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::outcome::Report;

pub use causes::ToldCauses;
pub use last_look::Suspect;
pub use requeue::is_about_the_number;

use flaps::Flaps;
use last_look::LastLook;
use requeue::Requeue;
use shrink::Shrink;

/// The memory of one daemon.
#[derive(Debug)]
pub struct Memory {
    /// `None` for a command, which has no earlier look.
    shrink: Option<Shrink>,
    requeue: Requeue,
    flaps: Flaps,
    last_uses: LastUses,
    last_look: Option<LastLook>,
    interval: Duration,
    prices: KeptPrices,
    causes: ToldCauses,
    webhooks: Verdicts,
}

/// How much of the fleet a cycle looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Full,
    /// A few numbers; of the others it goes by the last full look.
    Partial,
}

impl Extent {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
        }
    }
}

impl Memory {
    /// Of a loop that has just started: cycles are this far apart. `allow_shrink` is the operator's
    /// word that numbers may vanish.
    #[must_use]
    pub fn new(interval: Duration, allow_shrink: bool) -> Self {
        Self {
            shrink: Some(Shrink::new(interval, allow_shrink)),
            requeue: Requeue::new(interval),
            flaps: Flaps::new(interval),
            last_uses: LastUses::default(),
            last_look: None,
            interval,
            prices: KeptPrices::default(),
            causes: ToldCauses::default(),
            webhooks: Verdicts::default(),
        }
    }

    /// Of a command: it looks once, and believes what it sees.
    #[must_use]
    pub fn of_one_look() -> Self {
        Self { shrink: None, ..Self::new(Duration::ZERO, true) }
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
        match &mut self.shrink {
            Some(shrink) => shrink.doubt(observed, desired, accounts, now),
            None => observed,
        }
    }

    /// The numbers whose fresh reading makes the last full look good enough for these files; `None`
    /// where only another full look will do: something is to be bought, moved or released, an
    /// account is in trouble, the files name a number no more, the last look is too old, or the
    /// listing takes fewer requests. `page_sizes` are those of the accounts.
    #[must_use]
    pub fn suspects(
        &self,
        desired: &Desired,
        accounts: &[AccountRef],
        page_sizes: &[u16],
        now: Duration,
    ) -> Option<Vec<Suspect>> {
        let last = self
            .last_look
            .as_ref()
            .filter(|_| self.shrink.as_ref().is_some_and(|shrink| shrink.names_all(desired)))?;
        last.suspects(desired, accounts, page_sizes, self.interval, now)
    }

    /// The last full look with the suspects as they were read just now, and when it was. `None`
    /// where one of them is not there any more. It is forgotten until it is [kept](Self::keep).
    pub fn refreshed(
        &mut self,
        desired: &Desired,
        accounts: &[AccountRef],
        fresh: Vec<(Suspect, Live)>,
    ) -> Option<(Observed, Duration)> {
        let last = self.last_look.take()?;
        let at = last.at();
        let observed = last.refreshed(fresh)?;
        if let Some(shrink) = &mut self.shrink {
            shrink.learn(desired, accounts);
        }
        Some((observed, at))
    }

    /// Takes that these numbers may have changed since they were looked at; says how many of them are known.
    pub fn hint(&mut self, sids: &[NumberSid]) -> usize {
        self.last_look.as_mut().map_or(0, |last| last.hint(sids))
    }

    /// Keeps what was observed, since the last full look was at that time.
    pub fn keep(&mut self, observed: Observed, accounts: &[AccountRef], at: Duration) {
        self.last_look = Some(LastLook::new(observed, accounts, at));
    }

    /// What the last look showed, where it is still known.
    #[must_use]
    pub fn last_seen(&self) -> Option<&Observed> {
        self.last_look.as_ref().map(LastLook::observed)
    }

    /// Forgets the last look: another one begins, and there is no need to have both.
    pub fn forget_the_last_look(&mut self) {
        self.last_look = None;
    }

    /// Takes out of a plan the numbers whose next try is not due yet, and those that someone else
    /// keeps writing.
    pub fn hold_back(&mut self, plan: &mut Plan, now: Duration) {
        self.flaps.hold_back(plan, now);
        self.requeue.hold_back(plan, now);
    }

    /// Takes what became of a plan.
    pub fn settle(&mut self, report: &Report, now: Duration, dice: impl FnMut() -> u64) {
        if let Some(shrink) = &mut self.shrink {
            shrink.settle(report);
        }
        self.requeue.settle(report, now, dice);
        self.flaps.settle(report, now);
        if let Some(last) = &mut self.last_look {
            last.settle(report);
        }
    }

    /// Whether it is of a command, which looks once.
    #[must_use]
    pub fn looks_once(&self) -> bool {
        self.shrink.is_none()
    }

    /// What is known of webhooks that were called.
    pub fn webhooks(&mut self) -> &mut Verdicts {
        &mut self.webhooks
    }

    /// Who changed what, as already reported.
    pub fn causes(&mut self) -> &mut ToldCauses {
        &mut self.causes
    }

    /// The price lists that were asked for lately.
    pub fn prices(&mut self) -> &mut KeptPrices {
        &mut self.prices
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
        self.last_uses.forgive();
    }

    /// What is known of the use of numbers that are to be released, so that a number in use is not
    /// looked up in every cycle.
    pub fn last_uses(&mut self) -> &mut LastUses {
        &mut self.last_uses
    }
}

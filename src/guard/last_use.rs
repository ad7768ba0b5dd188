//! What is known of the use of numbers that are to be released, and what that means for a plan: a
//! number in use is not released, and one whose use is not known is not either.
//!
//! Pure: what was asked and answered comes in, and so does the time. The daemon keeps it between its
//! cycles ([`crate::guard::memory`]).

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;

use crate::desired::AccountIndex;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::settings::Field;
use crate::model::traffic::{Lookback, OwnedNumber, Use};
use crate::plan::{HeldReason, Plan, Step, Target};

/// What someone who asks again and again need not ask for again.
const HOUR: Duration = Duration::from_secs(3_600);

/// What the lists say of a number's use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Used(Use),
    Idle,
    /// They could not be read.
    Unread,
}

/// How new an answer must be that lets a release go ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Of this hour: the plan may not be carried out yet.
    ThisHour,
    /// Of this very look: it is carried out right after.
    ThisLook,
}

/// What was found out about numbers so far.
#[derive(Debug, Default)]
pub struct LastUses(BTreeMap<PhoneNumber, KnownUse>);

#[derive(Debug, Clone, Copy)]
struct KnownUse {
    account: AccountSid,
    seen: Seen,
    /// The first day that was asked for.
    since: Date,
    /// When it was found out, since the epoch.
    at: Duration,
}

impl KnownUse {
    /// What it still says.
    fn still(&self, guard: Lookback, now: Duration, trust: Trust) -> Option<Seen> {
        let is_of = |time: Duration| self.at <= now && now.saturating_sub(self.at) <= time;
        let since = guard.since(now);
        match self.seen {
            // No later look can take a use back.
            Seen::Used(last) => (last.day() >= since).then_some(self.seen),
            Seen::Unread => is_of(HOUR).then_some(self.seen),
            Seen::Idle => {
                let time = match trust {
                    Trust::ThisHour => HOUR,
                    Trust::ThisLook => Duration::ZERO,
                };
                (is_of(time) && self.since <= since).then_some(self.seen)
            }
        }
    }
}

impl LastUses {
    /// The releases of a plan whose use has to be looked up, by account. What is known no more is
    /// forgotten.
    pub fn to_ask(
        &mut self,
        plan: &Plan,
        guard: Lookback,
        now: Duration,
        trust: Trust,
    ) -> BTreeMap<AccountIndex, Vec<OwnedNumber>> {
        self.0.retain(|_, known| known.still(guard, now, Trust::ThisHour).is_some());
        let sids = sids(plan);
        let mut asked: BTreeMap<AccountIndex, Vec<OwnedNumber>> = BTreeMap::new();
        for step in &plan.steps {
            if let Some(target) = given_up(step)
                && self.seen(&sids, target, guard, now, trust).is_none()
            {
                let owned = OwnedNumber { number: target.number, sid: target.sid };
                asked.entry(target.account).or_default().push(owned);
            }
        }
        asked
    }

    /// Takes what was found out just now about a number of an account, since that day.
    pub fn learn(
        &mut self,
        number: PhoneNumber,
        account: AccountSid,
        seen: Seen,
        since: Date,
        now: Duration,
    ) {
        self.0.insert(number, KnownUse { account, seen, since, at: now });
    }

    /// Takes out of a plan each release of a number that is in use, or of which nothing is known: that
    /// nothing was seen of a number on a SIP trunk is no proof, since its calls are the trunk's.
    pub fn hold_back(&self, plan: &mut Plan, guard: Lookback, now: Duration, trust: Trust) {
        let sids = sids(plan);
        plan.hold(|step| {
            let target = given_up(step)?;
            match self.seen(&sids, target, guard, now, trust) {
                Some(Seen::Used(last)) => Some(HeldReason::InUse { last, guard }),
                Some(Seen::Idle) if target.before.get(Field::VoiceTrunkSid).is_some() => {
                    Some(HeldReason::OnTrunk { guard })
                }
                Some(Seen::Idle) => None,
                Some(Seen::Unread) | None => Some(HeldReason::UseUnknown),
            }
        });
        plan.unused = Some(guard);
    }

    /// Asks again at once for what could not be read.
    pub fn forgive(&mut self) {
        self.0.retain(|_, known| known.seen != Seen::Unread);
    }

    /// What is known of a number, in the account that has it. Another account that had it since then has
    /// other lists.
    fn seen(
        &self,
        sids: &[AccountSid],
        target: &Target,
        guard: Lookback,
        now: Duration,
        trust: Trust,
    ) -> Option<Seen> {
        let sid = *sids.get(usize::from(target.account.0))?;
        let known = self.0.get(&target.number).filter(|known| known.account == sid)?;
        known.still(guard, now, trust)
    }
}

/// The number of a step that gives it up, where it is now.
fn given_up(step: &Step) -> Option<&Target> {
    step.action.target().filter(|_| step.gives_up())
}

fn sids(plan: &Plan) -> Vec<AccountSid> {
    plan.accounts.iter().map(|account| account.sid).collect()
}

//! Too many numbers that are suddenly gone: a listing that is broken, or files that were cut off.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::desired::AccountRef;
use crate::desired::{AccountIndex, DeclaredState, Desired};
use crate::model::number::{AccountSid, PhoneNumber};
use crate::observed::{Observed, Sight, Trouble};
use crate::plan::Action;
use crate::plan::outcome::Report;

/// More than this many numbers of a listing, and more than this share of it, do not vanish unnoticed.
const LIVE: ShrinkBound = ShrinkBound { count: 3, percent: 5 };
/// The files do not name this many numbers fewer, and this share of them, unnoticed.
const DECLARED: ShrinkBound = ShrinkBound { count: 3, percent: 10 };

const HELP: &str = "check that this is intended; --allow-shrink accepts it at once";

struct ShrinkBound {
    count: usize,
    percent: usize,
}

impl ShrinkBound {
    /// Whether `gone` of `known` is more than the bound.
    fn is_passed(&self, gone: usize, known: usize) -> bool {
        gone > self.count && gone.saturating_mul(100) > known.saturating_mul(self.percent)
    }

    /// Whether `gone` of `known` is at the bound or more.
    fn is_reached(&self, gone: usize, known: usize) -> bool {
        gone >= self.count && gone.saturating_mul(100) >= known.saturating_mul(self.percent)
    }
}

/// The numbers of each account, as they were last believed.
#[derive(Debug)]
pub(super) struct Shrink {
    allowed: bool,
    /// Another look counts as one only after this: an edit or a signal may bring it about at once.
    apart: Duration,
    live: BTreeMap<AccountSid, NumbersOfAccount>,
    declared: BTreeMap<AccountSid, NumbersOfAccount>,
}

/// Some numbers of one account, in order.
#[derive(Debug, Default)]
struct NumbersOfAccount {
    numbers: Vec<PhoneNumber>,
    doubt: Option<DoubtedLook>,
}

/// What is gone by a look that is not believed yet.
#[derive(Debug)]
struct DoubtedLook {
    gone: Vec<PhoneNumber>,
    since: Duration,
}

impl NumbersOfAccount {
    /// Takes a look. `Some(gone)` while it is not believed.
    fn look(
        &mut self,
        seen: Vec<PhoneNumber>,
        is_excused: impl Fn(PhoneNumber) -> bool,
        is_too_much: impl Fn(usize, usize) -> bool,
        apart: Duration,
        now: Duration,
    ) -> Option<usize> {
        let is_gone = |number: &PhoneNumber| seen.binary_search(number).is_err() && !is_excused(*number);
        let gone: Vec<PhoneNumber> = self.numbers.iter().copied().filter(is_gone).collect();
        if is_too_much(gone.len(), self.numbers.len()) {
            let since = match &self.doubt {
                // A clock that was set back must not make the doubt last for ever.
                Some(doubt) if doubt.gone == gone => doubt.since.min(now),
                Some(_) | None => now,
            };
            if since == now || now.saturating_sub(since) < apart {
                let count = gone.len();
                self.doubt = Some(DoubtedLook { gone, since });
                return Some(count);
            }
        }
        *self = Self { numbers: seen, doubt: None };
        None
    }
}

impl Shrink {
    pub(super) fn new(interval: Duration, allowed: bool) -> Self {
        Self { allowed, apart: interval.div_f64(2.0), live: BTreeMap::new(), declared: BTreeMap::new() }
    }

    pub(super) fn doubt(
        &mut self,
        observed: Observed,
        desired: &Desired,
        accounts: &[AccountRef],
        now: Duration,
    ) -> Observed {
        let mut troubles = Vec::new();
        let mut named = by_account(desired, accounts);
        for (at, account) in accounts.iter().enumerate() {
            let index = AccountIndex(at as u16);
            if let Some(trouble) = self.of_files(std::mem::take(&mut named[at]), desired, account.sid, now) {
                troubles.push((at, false, trouble));
            }
            if let Some(trouble) = self.of_listing(&observed, desired, index, account.sid, now) {
                troubles.push((at, true, trouble));
            }
        }
        let is_known = |sid: &AccountSid| accounts.iter().any(|account| account.sid == *sid);
        self.live.retain(|sid, _| is_known(sid));
        self.declared.retain(|sid, _| is_known(sid));
        if troubles.is_empty() {
            return observed;
        }
        let survey = observed.survey().clone();
        let mut sights = observed.into_sights();
        for (at, is_dark, trouble) in troubles {
            sights[at] = match std::mem::replace(&mut sights[at], Sight::Dark(trouble.clone())) {
                // What it has is known: only the files are in doubt.
                Sight::Complete(listing) if !is_dark => Sight::Shut(listing, trouble),
                // What is missing from a listing in doubt may be in there all the same (law 3).
                Sight::Complete(_) | Sight::Shut(..) => Sight::Dark(trouble),
                dark @ Sight::Dark(_) => dark,
            };
        }
        Observed::from_accounts(sights, survey)
    }

    /// Whether the files name every number that they named before.
    pub(super) fn names_all(&self, desired: &Desired) -> bool {
        let mut known = self.declared.values();
        known.all(|known| {
            known.doubt.is_none() && known.numbers.iter().all(|number| desired.declared(*number).is_some())
        })
    }

    /// Takes files that [name all](Self::names_all) of before.
    pub(super) fn learn(&mut self, desired: &Desired, accounts: &[AccountRef]) {
        let named = by_account(desired, accounts).into_iter().zip(accounts);
        let known = named.map(|(numbers, account)| (account.sid, NumbersOfAccount { numbers, doubt: None }));
        self.declared = known.collect();
    }

    /// `seen` are the account's numbers in the files, in order.
    fn of_files(
        &mut self,
        seen: Vec<PhoneNumber>,
        desired: &Desired,
        sid: AccountSid,
        now: Duration,
    ) -> Option<Trouble> {
        let known = self.declared.entry(sid).or_default();
        let before = known.numbers.len();
        let allowed = self.allowed;
        let gone = known.look(
            seen,
            |number| desired.declared(number).is_some(),
            |gone, known| !allowed && DECLARED.is_reached(gone, known),
            self.apart,
            now,
        )?;
        let why = format!(
            "the files no longer name {gone} of its {before} numbers: nothing is changed in it until the next cycle confirms that"
        );
        Some(Trouble { why, help: Some(HELP.to_owned()), request_id: None })
    }

    fn of_listing(
        &mut self,
        observed: &Observed,
        desired: &Desired,
        index: AccountIndex,
        sid: AccountSid,
        now: Duration,
    ) -> Option<Trouble> {
        // Nothing can be done in it as it is.
        if observed.trouble(index).is_some() {
            return None;
        }
        let (_, listing) = observed.listings().find(|(account, _)| *account == index)?;
        // In the listing's order, which is theirs.
        let seen: Vec<PhoneNumber> = listing.rows().iter().filter_map(|row| row.number).collect();
        let known = self.live.entry(sid).or_default();
        let before = known.numbers.len();
        let allowed = self.allowed;
        let is_excused = |number| {
            let is_elsewhere = observed.find(number).next().is_some();
            is_elsewhere
                || desired.declared(number).is_some_and(|declared| declared.state == DeclaredState::Released)
        };
        let is_too_much = |gone, known| !allowed && LIVE.is_passed(gone, known);
        let gone = known.look(seen, is_excused, is_too_much, self.apart, now)?;
        let why = format!(
            "{gone} of its {before} numbers are gone from its listing: nothing is changed in it until the next listing confirms that"
        );
        Some(Trouble { why, help: Some(HELP.to_owned()), request_id: None })
    }

    /// What this daemon releases or moves is not missed.
    pub(super) fn settle(&mut self, report: &Report) {
        for step in &report.plan.steps {
            let (Action::Release { target } | Action::Transfer { target, .. }) = &step.action else {
                continue;
            };
            let sid = report.plan.account(target.account).sid;
            if let Some(known) = self.live.get_mut(&sid)
                && let Ok(at) = known.numbers.binary_search(&target.number)
            {
                known.numbers.remove(at);
            }
        }
    }
}

/// The numbers that the files name, of each account, in order.
fn by_account(desired: &Desired, accounts: &[AccountRef]) -> Vec<Vec<PhoneNumber>> {
    let mut named = vec![Vec::new(); accounts.len()];
    for declared in &desired.numbers {
        named[usize::from(declared.account.0)].push(declared.number);
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_secs(30);

    fn numbers(range: std::ops::Range<u32>) -> Vec<PhoneNumber> {
        range.filter_map(|n| PhoneNumber::observed(&format!("+1555223{n:04}"))).collect()
    }

    fn look(known: &mut NumbersOfAccount, seen: Vec<PhoneNumber>, seconds: u64) -> Option<usize> {
        let now = Duration::from_secs(seconds.saturating_add(1_000));
        known.look(seen, |_| false, |gone, known| LIVE.is_passed(gone, known), APART, now)
    }

    #[test]
    fn a_listing_that_loses_too_much_is_believed_the_second_time() {
        let mut known = NumbersOfAccount::default();
        assert_eq!(look(&mut known, numbers(0..100), 0), None);
        // Five of a hundred are within the bound, and six of the rest are not.
        assert_eq!(look(&mut known, numbers(5..100), 60), None);
        assert_eq!(look(&mut known, numbers(11..100), 120), Some(6));
        // At once is not another look, and another loss is not the same.
        assert_eq!(look(&mut known, numbers(11..100), 121), Some(6));
        assert_eq!(look(&mut known, numbers(12..100), 180), Some(7));
        assert_eq!(look(&mut known, numbers(12..100), 240), None);
        // It was a mistake.
        assert_eq!(look(&mut known, numbers(90..100), 300), Some(78));
        assert_eq!(look(&mut known, numbers(12..100), 360), None);
        assert_eq!(look(&mut known, numbers(90..100), 420), Some(78));
        // A clock that is set back starts the wait again, and ends it.
        assert_eq!(look(&mut known, numbers(90..100), 0), Some(78));
        assert_eq!(look(&mut known, numbers(90..100), 60), None);
    }

    #[test]
    fn the_bounds_are_the_larger_of_a_count_and_a_share() {
        assert!(!LIVE.is_passed(3, 10) && LIVE.is_passed(4, 10));
        assert!(!LIVE.is_passed(50, 1_000) && LIVE.is_passed(51, 1_000));
        assert!(!DECLARED.is_reached(2, 10) && DECLARED.is_reached(3, 10));
        assert!(!DECLARED.is_reached(99, 1_000) && DECLARED.is_reached(100, 1_000));
    }
}

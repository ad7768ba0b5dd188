//! What says that nothing is to be changed: pauses, windows, and the holds of the file, the accounts
//! and the numbers. Whether they are on is a question of time, which comes in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::desired::{AccountIndex, Desired};
use crate::model::hold::{Hold, Standstill, Still};
use crate::model::inert;
use crate::model::number::PhoneNumber;

use super::{AccountState, MESSAGE_CHARACTERS_MAX};

/// All of them, but for those of the accounts, which stand with these.
#[derive(Debug, Clone, Default)]
pub struct HoldsShown {
    /// A signal says so.
    pub paused_by_signal: bool,
    /// What the files say of all numbers.
    pub policy: Arc<Standstill>,
    /// The numbers that have a hold of their own, in order; it may have ended.
    pub numbers: Arc<Vec<(PhoneNumber, AccountIndex, Hold)>>,
}

impl HoldsShown {
    pub(super) fn declare(&mut self, desired: &Desired) {
        let policy = &desired.standstill;
        self.policy = Arc::new(Standstill { hold: policy.hold.as_ref().map(shown), ..policy.clone() });
        // Many numbers tend to have one reason.
        let mut reasons: HashMap<&str, Arc<str>> = HashMap::new();
        let numbers = desired.numbers.iter().filter_map(|declared| {
            let hold = declared.hold.as_deref()?;
            let why = reasons.entry(&hold.why).or_insert_with(|| shown(hold).why).clone();
            Some((declared.number, declared.account, Hold { until: hold.until, why }))
        });
        self.numbers = Arc::new(numbers.collect());
    }

    /// Why nothing at all is changed now.
    #[must_use]
    pub fn still(&self, now: Duration) -> Option<Still> {
        if self.paused_by_signal { Some(Still::Paused) } else { self.policy.still(now) }
    }

    /// The hold of the whole file, while it is on.
    #[must_use]
    pub fn of_file(&self, now: Duration) -> Option<&Hold> {
        self.policy.hold.as_ref().filter(|hold| hold.is_on(now))
    }

    /// A number's own hold, while it is on.
    #[must_use]
    pub fn of_number(&self, number: PhoneNumber, now: Duration) -> Option<&Hold> {
        let at = self.numbers.binary_search_by_key(&number, |(number, ..)| *number).ok()?;
        Some(&self.numbers[at].2).filter(|hold| hold.is_on(now))
    }

    /// The numbers' own holds that are on.
    pub fn on(&self, now: Duration) -> impl Iterator<Item = (AccountIndex, &Hold)> {
        let all = self.numbers.iter().map(|(_, account, hold)| (*account, hold));
        all.filter(move |(_, hold)| hold.is_on(now))
    }

    /// How many declared numbers are on hold: by their own, their account's or the file's.
    #[must_use]
    pub fn count(&self, accounts: &[AccountState], now: Duration) -> usize {
        let is_on = |account: &AccountState| account.of_hold(now).is_some();
        let whole = self.of_file(now).is_some();
        let of_accounts: usize =
            accounts.iter().filter(|account| whole || is_on(account)).map(|account| account.numbers).sum();
        let account = |at: AccountIndex| accounts.get(usize::from(at.0));
        let own = self.on(now).filter(|(at, _)| !whole && !account(*at).is_some_and(is_on)).count();
        of_accounts + own
    }
}

impl AccountState {
    /// Its hold, while it is on.
    #[must_use]
    pub fn of_hold(&self, now: Duration) -> Option<&Hold> {
        self.hold.as_ref().filter(|hold| hold.is_on(now))
    }
}

/// A hold whose reason may be shown: without secrets, and nothing in it acts.
pub(super) fn shown(hold: &Hold) -> Hold {
    Hold { until: hold.until, why: inert::message(&hold.why, MESSAGE_CHARACTERS_MAX).into() }
}

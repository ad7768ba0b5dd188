//! What the last full look showed. Where a plan on it changes only a few numbers, those are looked at
//! again, and not every account.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeSet;
use std::time::Duration;

use crate::desired::AccountRef;
use crate::desired::{AccountIndex, Desired};
use crate::model::live::Live;
use crate::model::number::{NumberSid, PhoneNumber};
use crate::observed::Observed;
use crate::observed::wanted::WantedDetails;
use crate::plan::outcome::Report;
use crate::plan::plan;

/// A look that is older than this many intervals is no ground to plan on.
const INTERVALS_MAX: u32 = 2;

/// A number that may be other than when it was listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suspect {
    pub number: PhoneNumber,
    /// The account that it was listed in.
    pub account: AccountIndex,
    pub sid: NumberSid,
}

/// The last full look, with what was read since then.
#[derive(Debug)]
pub(super) struct LastLook {
    observed: Observed,
    accounts: Vec<AccountRef>,
    at: Duration,
    /// What was done to these since, or begun.
    acted_on: BTreeSet<PhoneNumber>,
    /// An event says that these changed since.
    hinted: BTreeSet<PhoneNumber>,
}

impl LastLook {
    pub(super) fn new(observed: Observed, accounts: &[AccountRef], at: Duration) -> Self {
        Self { observed, accounts: accounts.to_vec(), at, acted_on: BTreeSet::new(), hinted: BTreeSet::new() }
    }

    pub(super) fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The numbers to look at again so that it shows all that a plan depends on; `None` where it
    /// takes a full look, or where that is the cheaper one.
    pub(super) fn suspects(
        &self,
        desired: &Desired,
        accounts: &[AccountRef],
        page_sizes: &[u16],
        interval: Duration,
        now: Duration,
    ) -> Option<Vec<Suspect>> {
        let is_young =
            self.at <= now && now.saturating_sub(self.at) <= interval.saturating_mul(INTERVALS_MAX);
        if !is_young || self.accounts != accounts || self.observed.troubles().next().is_some() {
            return None;
        }
        // What the last look did not ask for, or cannot know from the numbers themselves, takes a full look.
        let wanted = WantedDetails::from_desired(desired);
        let has_it = |(at, wanted): (usize, &WantedDetails)| {
            wanted.is_in(self.observed.around(AccountIndex(at as u16)))
        };
        if !wanted.iter().enumerate().all(has_it) || WantedDetails::manages_services(desired) {
            return None;
        }
        let draft = plan(desired, accounts, &self.observed);
        if !draft.only_configures() {
            return None;
        }
        let mut numbers = self.acted_on.clone();
        numbers.extend(draft.steps.iter().map(|step| step.action.number()));
        numbers.extend(&self.hinted);
        if numbers.len() > self.pages(page_sizes) {
            return None;
        }
        numbers.into_iter().map(|number| self.suspect(number)).collect()
    }

    /// Takes that these may have changed; says how many of them are known.
    pub(super) fn hint(&mut self, sids: &[NumberSid]) -> usize {
        if sids.is_empty() {
            return 0;
        }
        let rows = self.observed.listings().flat_map(|(_, listing)| listing.rows());
        let hinted = rows.filter(|row| row.sid.is_some_and(|sid| sids.binary_search(&sid).is_ok()));
        let known: Vec<PhoneNumber> = hinted.filter_map(|row| row.number).collect();
        self.hinted.extend(&known);
        known.len()
    }

    /// The requests of a full look.
    fn pages(&self, page_sizes: &[u16]) -> usize {
        let listings = self.observed.listings();
        let pages = listings.map(|(account, listing)| {
            let size = page_sizes.get(usize::from(account.0)).map_or(1, |size| usize::from(*size).max(1));
            listing.rows().len().div_ceil(size).max(1)
        });
        pages.sum()
    }

    fn suspect(&self, number: PhoneNumber) -> Option<Suspect> {
        let mut found = self.observed.find(number);
        let only = found.next().filter(|_| found.next().is_none())?;
        Some(Suspect { number, account: only.account, sid: only.live.sid? })
    }

    /// Takes what the second look at the suspects showed. `None` where one of them is gone, or is
    /// another number by now.
    pub(super) fn refreshed(mut self, fresh: Vec<(Suspect, Live)>) -> Option<Observed> {
        for (suspect, live) in fresh {
            let sid = self.accounts.get(usize::from(suspect.account.0))?.sid;
            let is_there = live.number == Some(suspect.number)
                && live.sid.is_none_or(|sid| sid == suspect.sid)
                && live.account_sid.is_none_or(|found| found == sid);
            let live = Live { sid: Some(suspect.sid), ..live };
            if !is_there || !self.observed.refresh(suspect.account, live) {
                return None;
            }
        }
        Some(self.observed)
    }

    pub(super) fn at(&self) -> Duration {
        self.at
    }

    pub(super) fn settle(&mut self, report: &Report) {
        self.acted_on.extend(report.plan.steps.iter().map(|step| step.action.number()));
    }
}

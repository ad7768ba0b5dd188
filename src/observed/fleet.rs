//! The observed state: what is live in every account, from complete listings only.
//!
//! [`ListingBuilder`] is the only way to a [`Listing`], and gives one only after the last page, so a
//! lost page can never look like missing numbers (law 3).

use std::collections::BTreeMap;

use super::survey::Survey;
use crate::client::listing::Listing;
use crate::model::live::Live;

use crate::desired::AccountIndex;
use crate::model::number::{ApplicationSid, PhoneNumber};
use crate::model::routing::{Application, Known, Member, Surroundings};

/// Why nothing is planned in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong, for people.
    pub why: String,
    /// What to do about it.
    pub help: Option<String>,
    /// `Twilio-Request-Id` of the answer that said so.
    pub request_id: Option<String>,
}

/// What one account has.
#[derive(Debug, Clone)]
pub enum Sight {
    /// Everything that it has.
    Complete(Listing),
    /// It cannot be acted in, and what it has is known all the same: a suspended account that its
    /// parent could list, a closed one, which has nothing.
    Shut(Listing, Trouble),
    /// It could not be listed: anything may be in there (law 3).
    Dark(Trouble),
}

impl Sight {
    fn listing(&self) -> Option<&Listing> {
        match self {
            Self::Complete(listing) | Self::Shut(listing, _) => Some(listing),
            Self::Dark(_) => None,
        }
    }

    fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Complete(_) => None,
            Self::Shut(_, trouble) | Self::Dark(trouble) => Some(trouble),
        }
    }
}

/// What is live in the accounts that the file lists.
#[derive(Debug, Clone)]
pub struct Observed {
    accounts: Vec<Sight>,
    by_number: Vec<(PhoneNumber, AccountIndex, u32)>,
    /// The last digits of what is spelt oddly, and where it was seen.
    odd_tails: BTreeMap<u32, AccountIndex>,
    survey: Survey,
    around: Vec<Surroundings>,
}

/// Where a number was observed.
#[derive(Debug, Clone, Copy)]
pub struct ObservedNumber<'a> {
    /// The account that has it.
    pub account: AccountIndex,
    pub live: &'a Live,
}

impl Observed {
    /// Puts complete listings together, one for each account of the file, in the order of its
    /// accounts.
    #[must_use]
    pub fn new(listings: Vec<Listing>) -> Self {
        Self::from_accounts(listings.into_iter().map(Sight::Complete).collect(), Survey::default())
    }

    /// Puts together what is known of each account of the file, in the order of its accounts.
    #[must_use]
    pub fn from_accounts(accounts: Vec<Sight>, survey: Survey) -> Self {
        let mut by_number: Vec<_> = accounts
            .iter()
            .enumerate()
            .filter_map(|(account, sight)| Some((account, sight.listing()?)))
            .flat_map(|(account, listing)| {
                let rows = listing.rows().iter().enumerate();
                rows.filter_map(move |(at, row)| Some((row.number?, AccountIndex(account as u16), at as u32)))
            })
            .collect();
        by_number.sort_unstable();
        let odd_tails = accounts
            .iter()
            .enumerate()
            .filter_map(|(account, sight)| Some((AccountIndex(account as u16), sight.listing()?)))
            .flat_map(|(account, listing)| listing.rows().iter().map(move |row| (account, row)))
            .filter_map(|(account, row)| Some((PhoneNumber::tail_of(row.raw_number.as_deref()?)?, account)))
            .collect();
        let around = accounts.iter().map(|_| Surroundings::default()).collect();
        Self { accounts, by_number, odd_tails, survey, around }
    }

    /// What was known, for a second look.
    #[must_use]
    pub fn into_sights(self) -> Vec<Sight> {
        self.accounts
    }

    /// What an account has beside its numbers, as far as it was asked for.
    #[must_use]
    pub fn around(&self, account: AccountIndex) -> &Surroundings {
        &self.around[usize::from(account.0)]
    }

    /// Takes what every account has beside its numbers, and which numbers are in its Messaging Services.
    pub fn surround(&mut self, found: Vec<(Surroundings, Vec<Member>)>) {
        for ((account, sight), (around, members)) in self.accounts.iter_mut().enumerate().zip(found) {
            if let Sight::Complete(listing) = sight {
                listing.place_in_services(&members);
            }
            self.around[account] = around;
        }
    }

    /// Takes the applications of an account, which were asked for later.
    pub fn surround_with_applications(
        &mut self,
        account: AccountIndex,
        applications: Known<BTreeMap<ApplicationSid, Application>>,
    ) {
        self.around[usize::from(account.0)].applications = applications;
    }

    /// What the second look brought.
    #[must_use]
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// The same, for who knows more.
    pub fn survey_mut(&mut self) -> &mut Survey {
        &mut self.survey
    }

    /// Why nothing is to be done in an account; `None` where nothing is wrong with it.
    #[must_use]
    pub fn trouble(&self, account: AccountIndex) -> Option<&Trouble> {
        self.accounts[usize::from(account.0)].trouble()
    }

    /// Every account in which nothing is to be done.
    pub fn troubles(&self) -> impl Iterator<Item = (AccountIndex, &Trouble)> {
        let all = self.accounts.iter().enumerate();
        all.filter_map(|(at, sight)| Some((AccountIndex(at as u16), sight.trouble()?)))
    }

    /// An account of which no one knows what it has: a number that is not seen may be in there.
    #[must_use]
    pub fn dark(&self) -> Option<AccountIndex> {
        let at = self.accounts.iter().position(|sight| matches!(sight, Sight::Dark(_)))?;
        Some(AccountIndex(at as u16))
    }

    /// Puts a fresh reading of a number in the place of its row in an account's listing. `false`
    /// where there is no such row.
    #[must_use]
    pub fn refresh(&mut self, account: AccountIndex, fresh: Live) -> bool {
        let Some(Sight::Complete(listing)) = self.accounts.get_mut(usize::from(account.0)) else {
            return false;
        };
        listing.refresh(fresh)
    }

    /// The account that shows something which may be this number in another spelling.
    #[must_use]
    pub fn perhaps(&self, number: PhoneNumber) -> Option<AccountIndex> {
        self.odd_tails.get(&number.tail()).copied()
    }

    /// Everywhere that a number was seen: nowhere, once, or (while it moves, or where the API says
    /// so) more than once.
    pub fn find(&self, number: PhoneNumber) -> impl Iterator<Item = ObservedNumber<'_>> {
        self.find_at(self.place_from(0, number), number)
    }

    /// Where a number stands, or would, for [`Observed::find_at`]. It is looked for from the place of a
    /// smaller number on, so that a million of them in their order are one walk.
    #[must_use]
    pub fn place_from(&self, place: usize, number: PhoneNumber) -> usize {
        let rest = self.by_number.get(place..).unwrap_or_default();
        let mut reach = 1;
        while rest.get(reach).is_some_and(|entry| entry.0 < number) {
            reach *= 2;
        }
        let near = &rest[..rest.len().min(reach + 1)];
        place + near.partition_point(|entry| entry.0 < number)
    }

    /// [`Observed::find`] for a number whose place is known.
    pub fn find_at(&self, place: usize, number: PhoneNumber) -> impl Iterator<Item = ObservedNumber<'_>> {
        self.by_number[place..]
            .iter()
            .take_while(move |entry| entry.0 == number)
            .filter_map(|&(_, account, at)| self.found(account, at))
    }

    /// Every live number that has a number, in order.
    pub fn numbers(&self) -> impl Iterator<Item = (PhoneNumber, ObservedNumber<'_>)> {
        self.by_number.iter().filter_map(|&(number, account, at)| Some((number, self.found(account, at)?)))
    }

    fn found(&self, account: AccountIndex, at: u32) -> Option<ObservedNumber<'_>> {
        let listing = self.accounts[usize::from(account.0)].listing()?;
        Some(ObservedNumber { account, live: &listing.rows()[at as usize] })
    }

    /// Every listing with its account.
    pub fn listings(&self) -> impl Iterator<Item = (AccountIndex, &Listing)> {
        let all = self.accounts.iter().enumerate();
        all.filter_map(|(at, sight)| Some((AccountIndex(at as u16), sight.listing()?)))
    }

    /// How many numbers are live in all accounts together, those without a number included.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.listings().map(|(_, listing)| listing.rows().len()).sum()
    }

    /// How many numbers are live in each account, in the order of the accounts; an account that was not
    /// listed counts as empty.
    #[must_use]
    pub fn live_by_account(&self) -> Vec<usize> {
        self.accounts.iter().map(|sight| sight.listing().map_or(0, |listing| listing.rows().len())).collect()
    }

    /// Whether nothing is live.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

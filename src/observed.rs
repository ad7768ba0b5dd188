//! The observed state: what is live in every account, from complete listings only.
//!
//! [`ListingBuilder`] is the only way to a [`Listing`], and gives one only after the last page, so a
//! lost page can never look like missing numbers (law 3).

mod sid_hash;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use sid_hash::SidHash;
pub use survey::{Finds, InFlight, Offers, Papers, Record, Survey};

use crate::desired::AccountIndex;
use crate::number::{AccountSid, NumberSid, PhoneNumber};
use crate::settings::{Field, Settings, Value};
use crate::tariff::Tariff;

/// One live number, as much of it as a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// `None` where the API gave none ("may be null due to missing data"), or gave something that
    /// is no number: see [`Live::raw_number`].
    pub number: Option<PhoneNumber>,
    /// What stood in `phone_number` where it is neither E.164 nor a short code. Beside a number, it is
    /// another spelling of it.
    pub raw_number: Option<Box<str>>,
    /// `None` where neither `sid` nor `url` gave it; it is looked up before the number is acted on.
    pub sid: Option<NumberSid>,
    /// `None` where the listing does not say (the page's list sample does not).
    pub account_sid: Option<AccountSid>,
    /// `None` where unset. Kept apart from [`Live::settings`], which many numbers share.
    pub friendly_name: Option<Box<str>>,
    /// The rest of the configuration.
    pub settings: Arc<Settings>,
    /// Whether the number can do SMS; `None` where the listing does not say.
    pub sms: Option<bool>,
    /// Where the registration of the emergency address stands; `None` where the API does not say,
    /// as ActiveNumbers never does.
    pub emergency_address_status: Option<EmergencyAddressStatus>,
    /// What the API says that it is charged as.
    pub tariff: Tariff,
}

/// Where the registration of a number's emergency address stands (v2010).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmergencyAddressStatus {
    /// Emergency calls are located by it.
    Registered,
    /// There is none.
    Unregistered,
    /// Under way.
    PendingRegistration,
    /// It did not work.
    RegistrationFailure,
    /// Under way; until then the number cannot be released.
    PendingUnregistration,
    /// It did not work, and the number cannot be released.
    UnregistrationFailure,
}

impl EmergencyAddressStatus {
    /// Reads the API's word; one that is not known says nothing.
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        Some(match text {
            "registered" => Self::Registered,
            "unregistered" => Self::Unregistered,
            "pending-registration" => Self::PendingRegistration,
            "registration-failure" => Self::RegistrationFailure,
            "pending-unregistration" => Self::PendingUnregistration,
            "unregistration-failure" => Self::UnregistrationFailure,
            _ => return None,
        })
    }
}

impl Live {
    /// The value of a field, `None` where it is unset.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<Value> {
        match field {
            Field::FriendlyName => self.friendly_name.as_deref().map(|name| Value::Text(name.into())),
            _ => self.settings.get(field).cloned(),
        }
    }

    /// Whether a field is set.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        match field {
            Field::FriendlyName => self.friendly_name.is_some(),
            _ => self.settings.get(field).is_some(),
        }
    }

    /// The value that a field has in effect: the set one, else the API's default.
    #[must_use]
    pub fn effective(&self, field: Field) -> Option<Value> {
        self.get(field).or_else(|| field.default_value())
    }

    /// The whole configuration, the name included.
    #[must_use]
    pub fn all_settings(&self) -> Settings {
        Field::all().filter_map(|field| Some((field, self.get(field)?))).collect()
    }
}

/// One page of a listing, as the API client read it.
#[derive(Debug, Default)]
pub struct Page {
    /// The rows.
    pub rows: Vec<Live>,
    /// Where the next page is, `None` on the last one. Already checked to stay on the API's host.
    pub next: Option<Box<str>>,
    /// Which page the server says this is, counted from 0, where it says so.
    pub index: Option<usize>,
    /// The fields that had another shape than the API's, each with how many rows had it so.
    pub odd: BTreeMap<&'static str, usize>,
    /// How many bytes of text the rows hold that no page before held.
    pub text_bytes: usize,
}

/// Something about a listing that a person should know and that stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// A row came twice, since the fleet moved while it was listed.
    Repeated(NumberSid),
    /// A row whose `phone_number` is null or empty.
    NoNumber(Option<NumberSid>),
    /// A row whose `phone_number` is not a phone number.
    NotANumber(Box<str>),
    /// A row whose `phone_number` is a number in another spelling than E.164.
    OddSpelling(PhoneNumber, Box<str>),
    /// A row that has neither `sid` nor a `url` that ends in one.
    NoSid(PhoneNumber),
    /// A field has another shape than the API's, in so many rows: it is taken as unknown there.
    OddField(&'static str, usize),
}

/// Why a listing was given up. The account is not planned for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// A page links to a page that was read before.
    #[error("the listing loops: page {page} links to a page that was already read")]
    Loop {
        /// The page with the link, counted from 1.
        page: usize,
    },
    /// A page is not the one that comes next.
    #[error("the listing skips: page {expected} was asked for and page {found} came")]
    OutOfOrder {
        /// The page that comes next, counted from 1.
        expected: usize,
        /// The page that came.
        found: usize,
    },
    /// A row names another account than the one that was asked.
    #[error("the listing is of account {found}, not of {asked}: the credentials belong to another account")]
    WrongAccount {
        /// The account that was asked.
        asked: AccountSid,
        /// The account that the row names.
        found: AccountSid,
    },
    /// More pages than a listing may have.
    #[error("the listing goes on after {0} pages")]
    TooManyPages(usize),
    /// More numbers than a listing may have.
    #[error("the listing goes on after {0} numbers")]
    TooManyRows(usize),
    /// More text than a listing may have.
    #[error("the listing goes on after {} GiB", .0 >> 30)]
    TooMuch(usize),
    /// More in memory than a listing may take.
    #[error("the listing takes more than {} MiB of memory: it is far larger than {} numbers are", .bytes >> 20, .rows)]
    TooLarge {
        /// The bound.
        bytes: usize,
        /// How many numbers were read.
        rows: usize,
    },
}

/// A listing has at most so many pages: with the smallest page that an operator would ask for
/// (50), five million numbers. More is a server that never ends.
const PAGES_MAX: usize = 100_000;

/// So many numbers, whatever the pages are: what is held in memory has an end.
const ROWS_MAX: usize = 5_000_000;

/// A listing may take so much memory, after decompression and sharing: a million numbers take about
/// 200 MiB.
const LISTING_BYTES_MAX: usize = 1 << 30;

/// Collects the pages of one account's listing.
#[derive(Debug)]
pub struct ListingBuilder {
    account: AccountSid,
    rows: Vec<Live>,
    /// Where each SID stands in the rows.
    seen: HashTable<u32>,
    hashing: SidHash,
    without_sid: BTreeMap<PhoneNumber, Vec<usize>>,
    links: BTreeSet<Box<str>>,
    notes: Vec<Note>,
    odd: BTreeMap<&'static str, usize>,
    text_bytes: usize,
    rows_max: usize,
    bytes_max: usize,
}

/// What one more page made of a listing.
#[derive(Debug)]
pub enum Progress {
    /// There is more, at this link.
    More(ListingBuilder, Box<str>),
    /// That was the last page.
    Complete(Listing),
}

impl ListingBuilder {
    /// A listing of `account` of which nothing has been read yet.
    #[must_use]
    pub fn new(account: AccountSid) -> Self {
        Self {
            account,
            rows: Vec::new(),
            seen: HashTable::new(),
            hashing: SidHash::new(),
            without_sid: BTreeMap::new(),
            links: BTreeSet::new(),
            notes: Vec::new(),
            odd: BTreeMap::new(),
            text_bytes: 0,
            rows_max: ROWS_MAX,
            bytes_max: LISTING_BYTES_MAX,
        }
    }

    /// How many numbers have been read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the next page.
    ///
    /// # Errors
    /// When the pages loop, never end, or belong to another account.
    pub fn push(mut self, page: Page) -> Result<Progress, ListingError> {
        let expected = self.links.len();
        if let Some(found) = page.index
            && found != expected
        {
            return Err(ListingError::OutOfOrder { expected: expected + 1, found: found.saturating_add(1) });
        }
        for row in page.rows {
            self.take(row)?;
        }
        // Repetitions are notes.
        if self.rows.len().max(self.notes.len()) > self.rows_max {
            return Err(ListingError::TooManyRows(self.rows_max));
        }
        for (field, rows) in page.odd {
            *self.odd.entry(field).or_default() += rows;
        }
        self.text_bytes = self.text_bytes.saturating_add(page.text_bytes);
        let rows = self.rows.len();
        if self.text_bytes.saturating_add(rows.saturating_mul(size_of::<Live>())) > self.bytes_max {
            return Err(ListingError::TooLarge { bytes: self.bytes_max, rows });
        }
        let Some(next) = page.next else {
            return Ok(Progress::Complete(self.finish()));
        };
        let pages = expected + 1;
        if pages >= PAGES_MAX {
            return Err(ListingError::TooManyPages(pages));
        }
        if !self.links.insert(next.clone()) {
            return Err(ListingError::Loop { page: pages });
        }
        Ok(Progress::More(self, next))
    }

    fn take(&mut self, row: Live) -> Result<(), ListingError> {
        if let Some(found) = row.account_sid
            && found != self.account
        {
            return Err(ListingError::WrongAccount { asked: self.account, found });
        }
        if let Some(sid) = row.sid {
            let Self { rows, seen, hashing, .. } = self;
            let hash = |at: &u32| rows[*at as usize].sid.map_or(0, |sid| hashing.of(sid));
            match seen.entry(hashing.of(sid), |at| rows[*at as usize].sid == Some(sid), hash) {
                Entry::Occupied(at) => {
                    // The later row is the fresher one.
                    rows[*at.get() as usize] = row;
                    self.notes.push(Note::Repeated(sid));
                    return Ok(());
                }
                Entry::Vacant(place) => {
                    place.insert(rows.len() as u32);
                }
            }
        }
        if let (Some(number), Some(raw)) = (row.number, &row.raw_number) {
            self.notes.push(Note::OddSpelling(number, raw.clone()));
        }
        match (&row.number, &row.raw_number) {
            (None, Some(raw)) => self.notes.push(Note::NotANumber(raw.clone())),
            (None, None) => self.notes.push(Note::NoNumber(row.sid)),
            (Some(number), _) if row.sid.is_none() => {
                // Without a SID only the whole row tells a repetition; two that differ stay, and
                // make the number ambiguous, whichever came first.
                let same = self.without_sid.entry(*number).or_default();
                if same.iter().any(|&at| self.rows[at] == row) {
                    return Ok(());
                }
                same.push(self.rows.len());
                self.notes.push(Note::NoSid(*number));
            }
            (Some(_), _) => {}
        }
        self.rows.push(row);
        Ok(())
    }

    fn finish(mut self) -> Listing {
        // Before the rows are sorted: it points into them.
        drop(self.seen);
        // In place: there may be a million.
        self.rows.sort_unstable_by_key(|a| (a.number, a.sid));
        self.notes.extend(self.odd.iter().map(|(field, rows)| Note::OddField(field, *rows)));
        self.notes.sort();
        self.notes.dedup();
        Listing { account: self.account, rows: self.rows, notes: self.notes }
    }
}

/// The complete listing of one account.
#[derive(Debug, Clone)]
pub struct Listing {
    account: AccountSid,
    rows: Vec<Live>,
    notes: Vec<Note>,
}

impl Listing {
    /// Of an account that has nothing, as a closed one.
    #[must_use]
    pub fn empty(account: AccountSid) -> Self {
        Self { account, rows: Vec::new(), notes: Vec::new() }
    }

    /// The account's SID.
    #[must_use]
    pub fn account(&self) -> AccountSid {
        self.account
    }

    /// The rows, sorted by number and SID.
    #[must_use]
    pub fn rows(&self) -> &[Live] {
        &self.rows
    }

    /// What a person should know of it.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }
}

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
}

/// Where a number was observed.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// The account that has it.
    pub account: AccountIndex,
    /// The number.
    pub live: &'a Live,
}

impl Observed {
    /// Puts complete listings together, one for each account of the file, in the order of its
    /// accounts.
    #[must_use]
    pub fn new(listings: Vec<Listing>) -> Self {
        Self::of(listings.into_iter().map(Sight::Complete).collect(), Survey::default())
    }

    /// Puts together what is known of each account of the file, in the order of its accounts.
    #[must_use]
    pub fn of(accounts: Vec<Sight>, survey: Survey) -> Self {
        let mut by_number: Vec<_> = accounts
            .iter()
            .enumerate()
            .filter_map(|(account, sight)| Some((account, sight.listing()?)))
            .flat_map(|(account, listing)| {
                let rows = listing.rows.iter().enumerate();
                rows.filter_map(move |(at, row)| Some((row.number?, AccountIndex(account as u16), at as u32)))
            })
            .collect();
        by_number.sort_unstable();
        let odd_tails = accounts
            .iter()
            .enumerate()
            .filter_map(|(account, sight)| Some((AccountIndex(account as u16), sight.listing()?)))
            .flat_map(|(account, listing)| listing.rows.iter().map(move |row| (account, row)))
            .filter_map(|(account, row)| Some((PhoneNumber::tail_of(row.raw_number.as_deref()?)?, account)))
            .collect();
        Self { accounts, by_number, odd_tails, survey }
    }

    /// What was known, for a second look.
    #[must_use]
    pub fn into_sights(self) -> Vec<Sight> {
        self.accounts
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

    /// An account of which nobody knows what it has: a number that is not seen may be in there.
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
        let key = |row: &Live| (row.number, row.sid);
        let at = listing.rows.binary_search_by_key(&key(&fresh), key);
        // The key stays, and with it the order.
        at.map(|at| listing.rows[at] = fresh).is_ok()
    }

    /// The account that shows something which may be this number in another spelling.
    #[must_use]
    pub fn perhaps(&self, number: PhoneNumber) -> Option<AccountIndex> {
        self.odd_tails.get(&number.tail()).copied()
    }

    /// Everywhere that a number was seen: nowhere, once, or (while it moves, or where the API says
    /// so) more than once.
    pub fn find(&self, number: PhoneNumber) -> impl Iterator<Item = Found<'_>> {
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
    pub fn find_at(&self, place: usize, number: PhoneNumber) -> impl Iterator<Item = Found<'_>> {
        self.by_number[place..]
            .iter()
            .take_while(move |entry| entry.0 == number)
            .filter_map(|&(_, account, at)| self.found(account, at))
    }

    /// Every live number that has a number, in order.
    pub fn numbers(&self) -> impl Iterator<Item = (PhoneNumber, Found<'_>)> {
        self.by_number.iter().filter_map(|&(number, account, at)| Some((number, self.found(account, at)?)))
    }

    fn found(&self, account: AccountIndex, at: u32) -> Option<Found<'_>> {
        let listing = self.accounts[usize::from(account.0)].listing()?;
        Some(Found { account, live: &listing.rows[at as usize] })
    }

    /// Every listing with its account.
    pub fn listings(&self) -> impl Iterator<Item = (AccountIndex, &Listing)> {
        let all = self.accounts.iter().enumerate();
        all.filter_map(|(at, sight)| Some((AccountIndex(at as u16), sight.listing()?)))
    }

    /// How many numbers are live in all accounts together, those without a number included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listings().map(|(_, listing)| listing.rows.len()).sum()
    }

    /// How many numbers are live in each account, in the order of the accounts; an account that was not
    /// listed counts as empty.
    #[must_use]
    pub fn live_by_account(&self) -> Vec<usize> {
        self.accounts.iter().map(|sight| sight.listing().map_or(0, |listing| listing.rows.len())).collect()
    }

    /// Whether nothing is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Live {
        Live {
            number: PhoneNumber::observed("+15552230000"),
            raw_number: None,
            sid: None,
            account_sid: None,
            friendly_name: Some(name.into()),
            settings: Arc::default(),
            sms: None,
            emergency_address_status: None,
            tariff: Tariff::default(),
        }
    }

    #[test]
    fn a_live_number_is_no_larger_than_its_parts() {
        // A fleet has a million of them; the tariff fits into what alignment left over.
        assert_eq!(size_of::<Live>(), 120);
    }

    fn listed(rows: Vec<Live>) -> Listing {
        let account = AccountSid::observed(&format!("AC{:032}", 0)).expect("a SID");
        let page = Page { rows, ..Page::default() };
        match ListingBuilder::new(account).push(page).expect("a listing") {
            Progress::Complete(listing) => listing,
            Progress::More(..) => unreachable!("there is one page"),
        }
    }

    #[test]
    fn rows_without_a_sid_that_differ_are_both_kept() {
        assert_eq!(listed(vec![row("a"), row("a")]).rows().len(), 1);
        let observed = Observed::new(vec![listed(vec![row("a"), row("b"), row("a")])]);
        assert_eq!(observed.find(PhoneNumber::observed("+15552230000").expect("a number")).count(), 2);
    }

    fn endless(mut builder: ListingBuilder, rows: impl Fn(usize) -> Vec<Live>) -> ListingError {
        for at in 0.. {
            let next = Some(format!("page {at}").into());
            let page = Page { rows: rows(at), next, text_bytes: 100, ..Page::default() };
            match builder.push(page) {
                Ok(Progress::More(more, _)) => builder = more,
                Ok(Progress::Complete(_)) => unreachable!("there is always more"),
                Err(error) => return error,
            }
        }
        unreachable!("it ends")
    }

    #[test]
    fn a_listing_without_end_is_given_up() {
        let account = AccountSid::observed("AC00000000000000000000000000000001").expect("a SID");
        let new = || ListingBuilder::new(account);
        assert_eq!(endless(new(), |_| Vec::new()), ListingError::TooManyPages(PAGES_MAX));
        let few = || ListingBuilder { rows_max: 10, ..new() };
        assert_eq!(endless(few(), |at| vec![row(&at.to_string())]), ListingError::TooManyRows(10));
        let sid = NumberSid::observed("PN00000000000000000000000000000001");
        let same = |_| vec![Live { sid, ..row("same") }];
        assert_eq!(endless(few(), same), ListingError::TooManyRows(10));
        let small = || ListingBuilder { bytes_max: 1_000, ..new() };
        assert_eq!(endless(small(), |_| Vec::new()), ListingError::TooLarge { bytes: 1_000, rows: 0 });
    }
}

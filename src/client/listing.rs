//! A listing, page by page: complete, or none at all (law 3).

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::model::live::Live;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber, ServiceSid};
use crate::model::routing::Member;
use crate::model::settings::{Field, Settings, Value};

/// One page of a listing, as the API client read it.
#[derive(Debug, Default)]
pub struct ListingPage {
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
pub enum ListingNote {
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
    /// A field has another shape than the API's in this many rows: it is taken as unknown there.
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
    #[error("the listing skips a page: numctl asked for page {expected} and got page {found}")]
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
    #[error("the listing continues after {0} pages")]
    TooManyPages(usize),
    /// More numbers than a listing may have.
    #[error("the listing continues after {0} numbers")]
    TooManyRows(usize),
    /// More text than a listing may have.
    #[error("the listing continues after {} GiB", .0 >> 30)]
    TooMuch(usize),
    /// More in memory than a listing may take.
    #[error("the listing takes more than {} MiB of memory: it is far larger than {} numbers are", .bytes >> 20, .rows)]
    TooLarge {
        bytes: usize,
        /// How many numbers were read.
        rows: usize,
    },
}

/// Maximum number of pages of a listing: with the smallest page that an operator would ask for
/// (50), five million numbers. More is a server that never ends.
const PAGES_MAX: usize = 100_000;

/// At most this many numbers, whatever the pages are: what is held in memory has an end.
const ROWS_MAX: usize = 5_000_000;

/// A listing may take so much memory, after decompression and sharing: a million numbers take about
/// 200 MiB.
const LISTING_BYTES_MAX: usize = 1 << 30;

/// Collects the pages of one account's listing.
#[derive(Debug)]
pub struct ListingBuilder {
    account: AccountSid,
    rows: Vec<Live>,
    /// The place of each SID in the rows, behind half of its hash: a table that grows needs all of them, and
    /// the rows are far apart in memory.
    seen: HashTable<(u32, u32)>,
    hashing: RandomState,
    without_sid: BTreeMap<PhoneNumber, Vec<usize>>,
    links: BTreeSet<Box<str>>,
    notes: Vec<ListingNote>,
    odd: BTreeMap<&'static str, usize>,
    text_bytes: usize,
    rows_max: usize,
    bytes_max: usize,
}

/// What one more page made of a listing.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one value a page, which is taken apart at once")]
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
            hashing: RandomState::default(),
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
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes the next page.
    ///
    /// # Errors
    /// When the pages loop, never end, or belong to another account.
    pub fn push(mut self, page: ListingPage) -> Result<Progress, ListingError> {
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
            let hash = hashing.hash_one(sid) as u32;
            // The table looks at the lowest bits, and at the highest seven.
            let whole = |half: u32| u64::from(half) << 32 | u64::from(half);
            let is_it = |(half, at): &(u32, u32)| *half == hash && rows[*at as usize].sid == Some(sid);
            match seen.entry(whole(hash), is_it, |(half, _)| whole(*half)) {
                Entry::Occupied(at) => {
                    // The later row is the fresher one.
                    rows[at.get().1 as usize] = row;
                    self.notes.push(ListingNote::Repeated(sid));
                    return Ok(());
                }
                Entry::Vacant(place) => {
                    place.insert((hash, rows.len() as u32));
                }
            }
        }
        if let (Some(number), Some(raw)) = (row.number, &row.raw_number) {
            self.notes.push(ListingNote::OddSpelling(number, raw.clone()));
        }
        match (&row.number, &row.raw_number) {
            (None, Some(raw)) => self.notes.push(ListingNote::NotANumber(raw.clone())),
            (None, None) => self.notes.push(ListingNote::NoNumber(row.sid)),
            (Some(number), _) if row.sid.is_none() => {
                // Without a SID only the whole row tells a repetition; two that differ stay, and
                // make the number ambiguous, whichever came first.
                let same = self.without_sid.entry(*number).or_default();
                if same.iter().any(|&at| self.rows[at] == row) {
                    return Ok(());
                }
                same.push(self.rows.len());
                self.notes.push(ListingNote::NoSid(*number));
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
        self.notes.extend(self.odd.iter().map(|(field, rows)| ListingNote::OddField(field, *rows)));
        self.notes.sort();
        self.notes.dedup();
        Listing { rows: self.rows, notes: self.notes }
    }
}

/// The complete listing of one account.
#[derive(Debug, Clone)]
pub struct Listing {
    rows: Vec<Live>,
    notes: Vec<ListingNote>,
}

impl Listing {
    /// Of an account that has nothing, as a closed one.
    #[must_use]
    pub fn empty() -> Self {
        Self { rows: Vec::new(), notes: Vec::new() }
    }

    /// The rows, sorted by number and SID.
    #[must_use]
    pub fn rows(&self) -> &[Live] {
        &self.rows
    }

    /// Replaces the row of the same number and SID. `false` where there is none.
    pub(crate) fn refresh(&mut self, fresh: Live) -> bool {
        let key = |row: &Live| (row.number, row.sid);
        let Ok(at) = self.rows.binary_search_by_key(&key(&fresh), key) else { return false };
        let mut fresh = fresh;
        // A number does not say which Messaging Service it is in.
        if let Some(service) = self.rows[at].settings.get(Field::SmsServiceSid).cloned() {
            fresh.settings = Arc::new(with_service(&fresh.settings, service));
        }
        // The key stays, and with it the order.
        self.rows[at] = fresh;
        true
    }

    /// Notes which Messaging Service each number is in.
    pub fn place_in_services(&mut self, members: &[Member]) {
        let by_sid: BTreeMap<NumberSid, ServiceSid> =
            members.iter().map(|(sid, _, service)| (*sid, *service)).collect();
        let by_number: BTreeMap<PhoneNumber, ServiceSid> =
            members.iter().filter_map(|(_, number, service)| Some(((*number)?, *service))).collect();
        if by_sid.is_empty() {
            return;
        }
        // Many numbers share their settings, and keep doing so.
        let mut shared: BTreeMap<(usize, ServiceSid), (Arc<Settings>, Arc<Settings>)> = BTreeMap::new();
        for row in &mut self.rows {
            let service = match (row.sid, row.number) {
                (Some(sid), _) => by_sid.get(&sid),
                (None, Some(number)) => by_number.get(&number),
                (None, None) => None,
            };
            let Some(service) = service else { continue };
            let key = (Arc::as_ptr(&row.settings) as usize, *service);
            // The old ones are kept, so that no other settings get their address.
            let (_, placed) = shared.entry(key).or_insert_with(|| {
                let placed = with_service(&row.settings, Value::Service(*service));
                (row.settings.clone(), Arc::new(placed))
            });
            row.settings = placed.clone();
        }
    }

    /// What a person should know of it.
    #[must_use]
    pub fn notes(&self) -> &[ListingNote] {
        &self.notes
    }
}

fn with_service(settings: &Settings, service: Value) -> Settings {
    let others = settings.iter().filter(|(field, _)| *field != Field::SmsServiceSid);
    others.map(|(field, value)| (field, value.clone())).chain([(Field::SmsServiceSid, service)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tariff::Tariff;
    use crate::observed::Observed;

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
        let page = ListingPage { rows, ..ListingPage::default() };
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
            let page = ListingPage { rows: rows(at), next, text_bytes: 100, ..ListingPage::default() };
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

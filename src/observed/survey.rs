//! What a second look brings, beyond the listings.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::model::claim::{ClaimName, Slot};
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::offer::Misfit;
use crate::model::tariff::KindOnBill;

/// What the country of a number wants of its buyer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Papers {
    pub address: bool,
    pub bundle: bool,
}

/// What a second look brought about numbers that no account of the file has, and what is known of
/// claims: see
/// [`crate::observed::missing`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Numbers that another account of the same parent has.
    pub elsewhere: BTreeMap<PhoneNumber, AccountSid>,
    /// What buying them takes.
    pub papers: BTreeMap<PhoneNumber, Papers>,
    /// The types of those that are available.
    pub kinds: BTreeMap<PhoneNumber, KindOnBill>,
    /// What is available for claims that want numbers.
    pub offers: BTreeMap<ClaimName, Offers>,
    /// Purchases for claims that may still be on their way.
    pub in_flight: BTreeMap<Slot, InFlight>,
    /// The numbers that claims had at an earlier look.
    pub known: BTreeMap<Slot, Vec<PhoneNumber>>,
    /// Those of them that the listing misses, and that are, or may be, there all the same.
    pub missed: BTreeMap<Slot, PhoneNumber>,
    /// The day of the look, in UTC: where a quarantine counts days. `None` where no one said.
    pub today: Option<Date>,
    /// Nothing is bought for claims before this, in seconds since the epoch: no one knows what an
    /// earlier process has sent.
    pub claims_wait_until: Option<i64>,
    /// Whether purchases for claims were written down where this process looks.
    pub record: PurchaseRecord,
    /// Unmarked numbers that an earlier purchase for a claim may be: looked for where the record is new.
    pub perhaps_bought: BTreeMap<ClaimName, Vec<PhoneNumber>>,
}

/// How far the record of purchases for claims goes back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PurchaseRecord {
    /// What was bought for claims is in it.
    #[default]
    Kept,
    /// It begins now: what an earlier one held is lost, if there was one.
    New,
    /// The same, in a CI job whose next run begins again as well.
    NewInCi,
}

/// What the searches for a claim brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offers {
    /// What is available, as far as it was shown.
    Found(Finds),
    /// No one knows what is.
    Failed(String),
    /// The country has no numbers of the type.
    NotSold,
}

/// What is available for a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finds {
    /// The numbers that are what the claim needs, each once.
    pub numbers: Vec<PhoneNumber>,
    /// Those that came and are something else, each with what speaks against it.
    pub unfit: BTreeMap<PhoneNumber, Misfit>,
    /// How many searches that took.
    pub searches: usize,
    /// A search showed as many as a search shows, or one of several failed: there may be more.
    pub may_be_more: bool,
}

impl Finds {
    /// These numbers and no others.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn from_numbers(numbers: Vec<PhoneNumber>) -> Self {
        Self { numbers, searches: 1, ..Self::default() }
    }
}

/// A purchase for a claim that was sent, or was about to be, and was not seen to have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// It was one of these.
    pub numbers: Vec<PhoneNumber>,
    /// In seconds since the epoch: what was not seen by then will not be. `None` where something was
    /// bought that does not carry the mark: a person has to say what becomes of it.
    pub until: Option<i64>,
}

//! What is wanted for a claim and not bought: a value, so that it can be shown.

use crate::desired::AccountIndex;
use crate::model::claim::ClaimName;
use crate::model::number::PhoneNumber;
use crate::model::number_type::NumberType;
use crate::model::offer::Misfit;

/// Numbers that a claim is short of, and why none is bought for it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortfall {
    pub claim: ClaimName,
    pub account: AccountIndex,
    pub why: ShortfallReason,
}

/// Why nothing is bought for a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShortfallReason {
    /// Too few available numbers match its need.
    NothingOnOffer {
        /// How many are wanted and not there.
        missing: u16,
    },
    /// Numbers came that are not what it needs, and too few that are: a filter was ignored.
    OffersUnfit {
        /// How many are wanted and not there.
        missing: u16,
        /// How many did not fit.
        unfit: usize,
        number: PhoneNumber,
        /// What speaks against that one.
        misfit: Misfit,
    },
    /// Too few of those that were shown match its need, and not all that is available was shown.
    MoreUnseen {
        /// How many are wanted and were not shown.
        missing: u16,
        /// How many that match were shown.
        seen: usize,
        /// In how many searches.
        searches: usize,
    },
    /// The country has no numbers of the type.
    NotSold {
        /// How many are wanted and not there.
        missing: u16,
        country: Box<str>,
        kind: NumberType,
    },
    /// What is available could not be found out.
    SearchFailed {
        /// How many numbers are wanted.
        missing: u16,
        error: Box<str>,
    },
    /// A purchase for it may still be on its way.
    InFlight {
        slot: u16,
        /// It was one of these.
        numbers: Vec<PhoneNumber>,
        /// What was not seen by then will not be; in seconds since the epoch.
        until: i64,
    },
    /// Its number is there, or may be, and the listing misses it.
    Missed { slot: u16, number: PhoneNumber },
    /// Something was bought for it and does not carry the mark, or not all that it was to carry.
    Unmarked {
        slot: u16,
        /// It was one of these.
        numbers: Vec<PhoneNumber>,
    },
    /// No one knows what an earlier process has sent.
    TooEarly {
        /// How many numbers are wanted.
        missing: u16,
        /// Until then, in seconds since the epoch.
        until: i64,
    },
    /// The record of purchases is new, and these numbers, which no one has named, may have been bought for
    /// it already.
    PerhapsBought {
        /// How many numbers are wanted.
        missing: u16,
        /// The numbers, some of them.
        numbers: Vec<PhoneNumber>,
    },
    /// A CI job that keeps no record: it would buy again in every run.
    NoLastingRecord {
        /// How many numbers are wanted.
        missing: u16,
    },
    /// An account could not be listed, or nothing can be done in it, and its numbers may be in there.
    PerhapsIn {
        /// How many numbers are wanted.
        missing: u16,
        account: AccountIndex,
    },
    /// Two numbers carry the mark of one slot.
    SlotTwice { slot: u16, numbers: Vec<PhoneNumber> },
    /// The files name the number by its digits as well.
    NamedAsWell { slot: u16, number: PhoneNumber },
}

//! From claims to numbers: which numbers a claim has, by their marks, which it lacks, and which of
//! those available it would buy.
//!
//! A bound number is then an ordinary declared one, so that the planner knows no exceptions.

mod shortfall;

use std::collections::{BTreeMap, BTreeSet};

pub use shortfall::{Shortfall, ShortfallReason};

use crate::desired::{AccountIndex, Claim, Declared, DeclaredState, Desired, Unlisted};
use crate::model::claim::{ClaimName, Slot};
use crate::model::number::PhoneNumber;
use crate::model::settings::{Field, Managed, Value, Want};
use crate::observed::holding::{Holding, Marks, holding, slots_of};
use crate::observed::{Finds, Observed, Offers, PurchaseRecord};

/// At most this many numbers are named for each purchase in case the first one is sold meanwhile.
const INSTEAD_MAX: usize = 3;
/// At most this many numbers are named that an earlier purchase may be.
const PERHAPS_SHOWN: usize = 5;

/// What a number is bought for that the file does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The slot that it fills.
    pub slot: Slot,
    /// What is before the mark in its name.
    pub label: Option<Box<str>>,
    /// What is bought in its place, in this order, should it be sold to someone else meanwhile.
    pub instead: Vec<PhoneNumber>,
}

impl Claimed {
    /// The configuration of a number in this slot: the purchase's own, with the mark of that number.
    #[must_use]
    pub fn settings_of(&self, number: PhoneNumber, settings: &Managed) -> Managed {
        let name = Value::Text(self.slot.name_of(number, self.label.as_deref()).into());
        settings.overlaid(&[(Field::FriendlyName, Want::Set(name))].into_iter().collect())
    }
}

/// The result for all claims.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundClaims {
    /// The same with the claims' numbers among those that are declared.
    pub desired: Desired,
    /// The numbers among them that are to be bought for a claim.
    pub purchases: BTreeMap<PhoneNumber, Claimed>,
    /// What is wanted and not bought.
    pub short: Vec<Shortfall>,
    /// Numbers whose mark is not their own.
    pub broken: Vec<(PhoneNumber, AccountIndex)>,
}

/// Puts the claims' numbers among the declared ones.
#[must_use]
pub fn bind(desired: &Desired, observed: &Observed) -> BoundClaims {
    let marks = Marks::from_observed(observed);
    let mut binder = Binder {
        desired,
        observed,
        bound: Vec::new(),
        purchases: BTreeMap::new(),
        short: Vec::new(),
        taken: observed.survey().in_flight.values().flat_map(|in_flight| in_flight.numbers.clone()).collect(),
    };
    for claim in &desired.claims {
        binder.claim(claim, &holding(claim, &marks, observed));
    }
    let Binder { bound, purchases, short, .. } = binder;
    let mut desired = desired.clone();
    desired.numbers.extend(bound);
    desired.numbers.sort_by_key(|declared| declared.number);
    BoundClaims { desired, purchases, short, broken: marks.broken }
}

struct Binder<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    bound: Vec<Declared>,
    purchases: BTreeMap<PhoneNumber, Claimed>,
    short: Vec<Shortfall>,
    /// Numbers that are no candidates any more.
    taken: BTreeSet<PhoneNumber>,
}

impl Binder<'_> {
    fn claim(&mut self, claim: &Claim, holding: &Holding) {
        let mut is_clear = true;
        for (index, numbers) in &holding.kept {
            if numbers.len() > 1 {
                is_clear = false;
                self.short(claim, ShortfallReason::SlotTwice { slot: *index, numbers: numbers.clone() });
            }
            for number in numbers {
                if self.desired.declared(*number).is_some() {
                    is_clear = false;
                    self.short(claim, ShortfallReason::NamedAsWell { slot: *index, number: *number });
                } else {
                    self.bound.push(declared(claim, *index, *number));
                }
            }
        }
        for index in &holding.unseen {
            let slot = Slot { claim: claim.name.clone(), index: *index };
            if let Some(number) = self.observed.survey().missed.get(&slot) {
                self.short(claim, ShortfallReason::Missed { slot: *index, number: *number });
            } else if let Some(in_flight) = self.observed.survey().in_flight.get(&slot) {
                let (slot, numbers) = (*index, in_flight.numbers.clone());
                let why = match in_flight.until {
                    Some(until) => ShortfallReason::InFlight { slot, numbers, until },
                    None => ShortfallReason::Unmarked { slot, numbers },
                };
                self.short(claim, why);
            }
        }
        if is_clear && !holding.wanted.is_empty() {
            self.buy(claim, &holding.wanted);
        }
    }

    fn buy(&mut self, claim: &Claim, wanted: &[u16]) {
        let missing = wanted.len() as u16;
        let survey = self.observed.survey();
        // Its numbers may be where no one can look, or on their way to there.
        if let Some((account, _)) = self.observed.troubles().next() {
            return self.short(claim, ShortfallReason::PerhapsIn { missing, account });
        }
        if survey.record == PurchaseRecord::NewInCi {
            return self.short(claim, ShortfallReason::NoLastingRecord { missing });
        }
        if let Some(until) = survey.claims_wait_until {
            return self.short(claim, ShortfallReason::TooEarly { missing, until });
        }
        if let Some(numbers) = survey.perhaps_bought.get(&claim.name).filter(|numbers| !numbers.is_empty()) {
            let numbers = numbers.iter().copied().take(PERHAPS_SHOWN).collect();
            return self.short(claim, ShortfallReason::PerhapsBought { missing, numbers });
        }
        let finds = match survey.offers.get(&claim.name) {
            Some(Offers::Found(finds)) => finds,
            Some(Offers::NotSold) => {
                let (country, kind) = (claim.need.country.clone(), claim.need.kind);
                return self.short(claim, ShortfallReason::NotSold { missing, country, kind });
            }
            Some(Offers::Failed(error)) => {
                let error = error.as_str().into();
                return self.short(claim, ShortfallReason::SearchFailed { missing, error });
            }
            None => {
                let error = "not looked up".into();
                return self.short(claim, ShortfallReason::SearchFailed { missing, error });
            }
        };
        let mut candidates: Vec<PhoneNumber> = finds
            .numbers
            .iter()
            .copied()
            .filter(|number| !self.taken.contains(number) && self.desired.declared(*number).is_none())
            .filter(|number| self.observed.find(*number).next().is_none())
            .filter(|number| !survey.elsewhere.contains_key(number))
            .collect();
        candidates.sort_by_cached_key(|number| (Slot::preference(&claim.name, *number), *number));
        candidates.dedup();
        candidates.truncate(wanted.len() * (1 + INSTEAD_MAX));
        // What is named for one slot is named for no other: two of them must never come to one number.
        for (place, (index, number)) in wanted.iter().zip(&candidates).enumerate() {
            let later = candidates.iter().skip(wanted.len() + place).step_by(wanted.len());
            let slot = Slot { claim: claim.name.clone(), index: *index };
            let claimed = Claimed { slot, label: claim.label.clone(), instead: later.copied().collect() };
            self.bound.push(declared(claim, *index, *number));
            self.purchases.insert(*number, claimed);
        }
        let left = missing.saturating_sub(candidates.len() as u16);
        if left > 0 {
            self.short(claim, too_few(finds, left));
        }
        self.taken.extend(candidates);
    }

    fn short(&mut self, claim: &Claim, why: ShortfallReason) {
        self.short.push(Shortfall { claim: claim.name.clone(), account: claim.account, why });
    }
}

/// Why this many are missing, of what was found.
fn too_few(finds: &Finds, missing: u16) -> ShortfallReason {
    let Finds { numbers, unfit, searches, may_be_more } = finds;
    match unfit.first_key_value() {
        _ if *may_be_more => {
            ShortfallReason::MoreUnseen { missing, seen: numbers.len(), searches: *searches }
        }
        Some((number, misfit)) => ShortfallReason::OffersUnfit {
            missing,
            unfit: unfit.len(),
            number: *number,
            misfit: misfit.clone(),
        },
        None => ShortfallReason::NothingOnOffer { missing },
    }
}

/// A number of a claim, as if the file named it.
fn declared(claim: &Claim, index: u16, number: PhoneNumber) -> Declared {
    let slot = Slot { claim: claim.name.clone(), index };
    let claimed = Claimed { slot, label: claim.label.clone(), instead: Vec::new() };
    Declared {
        number,
        account: claim.account,
        state: DeclaredState::Present,
        protect: claim.protect,
        hold: None,
        settings: claimed.settings_of(number, &claim.settings),
        on_vanished: None,
        labels: Some(claim.labels.clone()),
        place: claim.place,
    }
}

/// Why a number cannot be bound to a claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    #[error("the files have no claim {0}")]
    NoClaim(String),
    /// The number is in none of the accounts.
    #[error("{0} is in none of the listed accounts")]
    NotOurs(PhoneNumber),
    #[error("{0} already belongs to {1}")]
    Bound(PhoneNumber, Slot),
    /// The files name it.
    #[error("the files also list {0} under `numbers`: remove it there first")]
    Named(PhoneNumber),
    /// No slot is free.
    #[error("{claim} already has its {count} numbers: raise `count` first")]
    Full {
        claim: ClaimName,
        /// How many it has.
        count: u16,
    },
}

/// A fleet that declares one number, in the first free slot of a claim, and nothing else.
///
/// # Errors
/// Says why that cannot be.
pub fn adopt(
    desired: &Desired,
    observed: &Observed,
    claim: &str,
    number: PhoneNumber,
) -> Result<Desired, AdoptError> {
    let found = desired.claims.iter().find(|known| known.name.to_string() == claim);
    let claim = found.ok_or_else(|| AdoptError::NoClaim(claim.to_owned()))?;
    let marks = Marks::from_observed(observed);
    if let Some((slot, _)) = marks.holders.iter().find(|(_, numbers)| numbers.contains(&number)) {
        return Err(AdoptError::Bound(number, slot.clone()));
    }
    if desired.declared(number).is_some() {
        return Err(AdoptError::Named(number));
    }
    if observed.find(number).next().is_none() {
        return Err(AdoptError::NotOurs(number));
    }
    // A number that was bought for a slot, and has not its mark, belongs into that one.
    let mut in_flight = slots_of(&observed.survey().in_flight, &claim.name);
    let bought = in_flight.find(|(_, in_flight)| in_flight.numbers.contains(&number));
    let free = bought
        .map(|(slot, _)| slot.index)
        .or_else(|| holding(claim, &marks, observed).wanted.first().copied());
    let index = free.ok_or_else(|| AdoptError::Full { claim: claim.name.clone(), count: claim.count })?;
    let mut only = desired.clone();
    only.claims.clear();
    only.numbers = vec![declared(claim, index, number)];
    only.policy.unlisted = Unlisted::Ignore;
    Ok(only)
}

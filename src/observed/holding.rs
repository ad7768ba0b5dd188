//! Which numbers a claim has, by their marks, and which it lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::Observed;
use crate::desired::{AccountIndex, Claim};
use crate::model::claim::{COUNT_MAX, ClaimName, Mark, Slot};
use crate::model::number::PhoneNumber;
use crate::model::quarantine::unmarked;

/// Which numbers carry the mark of which slot, from the listings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// The numbers of each slot: one, unless someone copied more than a name.
    pub holders: BTreeMap<Slot, BTreeSet<PhoneNumber>>,
    /// Numbers whose mark is not their own.
    pub broken: Vec<(PhoneNumber, AccountIndex)>,
}

impl Marks {
    /// Reads every number's mark.
    #[must_use]
    pub fn from_observed(observed: &Observed) -> Self {
        let mut marks = Self::default();
        for (number, found) in observed.numbers() {
            let Some(name) = found.live.friendly_name.as_deref() else { continue };
            // In quarantine it is the claim's still: should the claim want it again, it comes back.
            match Slot::read(unmarked(name, number), number) {
                Mark::None => {}
                Mark::Of(slot) => {
                    marks.holders.entry(slot).or_default().insert(number);
                }
                Mark::Broken => marks.broken.push((number, found.account)),
            }
        }
        marks
    }
}

/// What is told about the slots of a claim, in order.
pub fn slots_of<'a, V>(
    told: &'a BTreeMap<Slot, V>,
    claim: &ClaimName,
) -> impl Iterator<Item = (&'a Slot, &'a V)> {
    let first = Slot { claim: claim.clone(), index: 0 };
    told.range(first..).take_while(move |(slot, _)| slot.claim == *claim)
}

/// What a claim has and lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The slots that it keeps, each with its number or numbers.
    pub kept: Vec<(u16, Vec<PhoneNumber>)>,
    /// The slots for which a purchase may still be on its way, and those whose number is there though
    /// the listing misses it.
    pub unseen: Vec<u16>,
    /// The slots that are free and wanted.
    pub wanted: Vec<u16>,
}

/// What a claim has and lacks, by the marks and by what may still be on its way. Of more numbers than
/// it counts, those in the highest slots are not its any more.
#[must_use]
pub fn holding(claim: &Claim, marks: &Marks, observed: &Observed) -> Holding {
    let count = usize::from(claim.count);
    let survey = observed.survey();
    let mut holders: BTreeMap<u16, Vec<PhoneNumber>> = slots_of(&marks.holders, &claim.name)
        .map(|(slot, numbers)| (slot.index, numbers.iter().copied().collect()))
        .collect();
    // A number that is known to be the claim's and has lost its mark gets it back.
    for (slot, numbers) in slots_of(&survey.known, &claim.name) {
        let is_live = |number: &&PhoneNumber| observed.find(**number).next().is_some();
        let lost: Vec<PhoneNumber> = numbers.iter().filter(is_live).copied().collect();
        if !lost.is_empty() && !marks.holders.contains_key(slot) {
            holders.insert(slot.index, lost);
        }
    }
    let held: BTreeSet<u16> = holders.keys().copied().collect();
    let kept: Vec<(u16, Vec<PhoneNumber>)> = holders.into_iter().take(count).collect();
    let in_flight = slots_of(&survey.in_flight, &claim.name).map(|(slot, _)| slot.index);
    let missed = slots_of(&survey.missed, &claim.name).map(|(slot, _)| slot.index);
    let unseen: BTreeSet<u16> = in_flight.chain(missed).filter(|index| !held.contains(index)).collect();
    let missing = count.saturating_sub(kept.len() + unseen.len());
    let is_free = |index: &u16| !held.contains(index) && !unseen.contains(index);
    let wanted = (1..=COUNT_MAX).filter(is_free).take(missing).collect();
    Holding { kept, unseen: unseen.into_iter().collect(), wanted }
}

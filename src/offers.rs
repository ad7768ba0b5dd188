//! The look for claims: what they had and a listing misses, and what is on offer for those that want
//! numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::future::join_all;

use crate::api::error::{ApiError, ErrorKind, Operation};
use crate::api::{offers, page_link};
use crate::claim::{Need, Slot};
use crate::claims::{Marks, holding, slots_of};
use crate::client::{Client, Sighting};
use crate::desired::{Claim, Desired};
use crate::number::PhoneNumber;
use crate::observed::{Finds, Observed, Offers};
use crate::offer::{self, Offer, beginning_with};
use crate::pace::Lane;
use crate::settings::{Field, Want};
use crate::transport::Transport;

/// The smallest and the largest page of a search.
const PAGE_MIN: usize = 20;
const PAGE_MAX: usize = 1_000;
/// So many offers are asked for a number that is wanted: some are sold before they are bought.
const FOR_EACH: usize = 5;
/// So many numbers a search of the vendor's shows at most, whatever page it is asked for.
const SHOWN_MAX: usize = 30;
/// So many searches for one claim at one look, and pages of one search: what is still missing then, the
/// next look may find.
const SEARCHES_MAX: usize = 40;
const PAGES_MAX: usize = 40;

/// Makes sure of the numbers that claims had and the listing misses, and searches for every claim that
/// wants numbers, once each; no request where nothing is missing.
pub async fn look_for_claims<T: Transport>(
    clients: &[Client<T>],
    desired: &Desired,
    marks: &Marks,
    observed: &mut Observed,
) {
    if observed.survey().claims_wait_until.is_some() {
        return;
    }
    let missed = missed(clients, desired, marks, observed).await;
    observed.survey_mut().missed = missed;
    let wanting = desired.claims.iter().filter_map(|claim| {
        let wanted = holding(claim, marks, observed).wanted.len();
        (wanted > 0 && observed.trouble(claim.account).is_none()).then_some((claim, wanted))
    });
    let wanting: Vec<(&Claim, usize)> = wanting.collect();
    // What is on its way for a slot is nobody else's.
    let taken: BTreeSet<PhoneNumber> =
        observed.survey().in_flight.values().flat_map(|in_flight| in_flight.numbers.clone()).collect();
    let searches = wanting.iter().map(async |(claim, _)| {
        // Claims of one need draw from one stock.
        let wanted = wanting.iter().filter(|(other, _)| other.need == claim.need);
        let wanted = wanted.map(|(_, wanted)| wanted).sum();
        let client = &clients[usize::from(claim.account.0)];
        (*claim, Search { client, claim, wanted, taken: &taken }.run().await)
    });
    let found = join_all(searches.collect::<Vec<_>>()).await;
    let survey = observed.survey_mut();
    for (claim, found) in found {
        if let Offers::Found(finds) = &found {
            // What they cost goes by that.
            survey.kinds.extend(finds.numbers.iter().map(|number| (*number, claim.need.kind.into())));
        }
        survey.offers.insert(claim.name.clone(), found);
    }
}

/// Whether a search that showed so many may have left some out: as many as the page or the vendor's
/// thirty, or a round number, which another limit would be.
fn may_be_cut(shown: usize, page: u16) -> bool {
    shown >= SHOWN_MAX.min(usize::from(page)) || (shown > 0 && shown.is_multiple_of(10))
}

/// The searches for one claim.
struct Search<'a, T> {
    client: &'a Client<T>,
    claim: &'a Claim,
    /// How many different numbers will do.
    wanted: usize,
    /// Numbers that do not count.
    taken: &'a BTreeSet<PhoneNumber>,
}

impl<T: Transport> Search<'_, T> {
    /// Searches until enough numbers have turned up, or nothing more does.
    ///
    /// A search shows some thirty numbers, whatever page it is asked for, and says nothing of the rest. So
    /// where these are too few, parts of the stock are searched, each by the digits that its numbers begin
    /// with.
    async fn run(&self) -> Offers {
        let has_address = matches!(self.claim.settings.get(Field::AddressSid), Some(Want::Set(_)));
        let page = (self.wanted * FOR_EACH).clamp(PAGE_MIN, PAGE_MAX) as u16;
        let whole = &self.claim.need;
        let (mut finds, mut numbers) = (Finds::default(), BTreeSet::new());
        // The parts that were not searched yet; the first is all of it.
        let mut parts: VecDeque<Option<String>> = VecDeque::from([None]);
        while let Some(part) = parts.pop_front().filter(|_| numbers.len() < self.wanted) {
            if finds.searches >= SEARCHES_MAX {
                finds.may_be_more = true;
                break;
            }
            finds.searches += 1;
            let need = part.as_deref().map_or_else(|| whole.clone(), |part| beginning_with(whole, part));
            let found = match self.search(&need, has_address, page).await {
                Ok(found) => found,
                Err(error) if part.is_none() => return Offers::Failed(error.to_string()),
                // What the whole showed is still on offer.
                Err(_) => {
                    finds.may_be_more = true;
                    break;
                }
            };
            let is_of_part = |offer: &Offer| {
                let digits = offer.number.to_string();
                part.as_deref().is_none_or(|part| digits.trim_start_matches('+').starts_with(part))
            };
            let (is_heeded, may_be_cut) = (found.iter().all(is_of_part), may_be_cut(found.len(), page));
            for offer in found {
                match offer.misfit(whole, has_address) {
                    Some(misfit) => drop(finds.unfit.insert(offer.number, misfit)),
                    None if self.taken.contains(&offer.number) => {}
                    None => drop(numbers.insert(offer.number)),
                }
            }
            if !is_heeded {
                // Digits make no parts here: every search shows what it likes.
                finds.may_be_more = true;
                break;
            }
            if may_be_cut {
                let smaller = offer::parts(whole, part.as_deref());
                finds.may_be_more |= smaller.is_empty();
                parts.extend(smaller.into_iter().map(Some));
            }
        }
        finds.numbers = numbers.into_iter().collect();
        Offers::Found(finds)
    }

    /// One search, with all the pages that it has.
    async fn search(&self, need: &Need, has_address: bool, page: u16) -> Result<Vec<Offer>, ApiError> {
        let first = offers::search(&self.client.routes, need, has_address, page);
        let (mut url, mut read) = (first.clone(), BTreeSet::new());
        let mut all = Vec::new();
        while read.insert(url.clone()) && read.len() <= PAGES_MAX {
            let found = match self.client.look(Operation::Search, url, offers::read_offers).await {
                Ok(found) => found,
                // The vendor says so of a country that has no numbers of the type.
                Err(error) if error.kind == ErrorKind::NotFound => break,
                Err(error) => return Err(error),
            };
            all.extend(found.offers);
            let Some(link) = found.next.filter(|_| all.len() < usize::from(page)) else { break };
            url = page_link::resolve(&first, &link).map_err(|error| ApiError::page_link(&error))?;
        }
        Ok(all)
    }
}

/// The numbers that claims had, which the listing misses and the API has, or may have: asked only for
/// claims that want numbers.
async fn missed<T: Transport>(
    clients: &[Client<T>],
    desired: &Desired,
    marks: &Marks,
    observed: &Observed,
) -> BTreeMap<Slot, PhoneNumber> {
    let wanting = desired.claims.iter().filter(|claim| !holding(claim, marks, observed).wanted.is_empty());
    let known = wanting.flat_map(|claim| slots_of(&observed.survey().known, &claim.name));
    let unmarked = known.filter(|(slot, _)| !marks.holders.contains_key(slot));
    let numbers = unmarked.flat_map(|(slot, numbers)| numbers.iter().map(move |number| (slot, *number)));
    let unlisted = numbers.filter(|(_, number)| observed.find(*number).next().is_none());
    let looks = unlisted.map(async |(slot, number)| {
        let is_there = is_anywhere(clients, number).await;
        is_there.then(|| (slot.clone(), number))
    });
    join_all(looks.collect::<Vec<_>>()).await.into_iter().flatten().collect()
}

/// Whether any account has a number, or may have it.
async fn is_anywhere<T: Transport>(clients: &[Client<T>], number: PhoneNumber) -> bool {
    let looks = join_all(clients.iter().map(async |client| client.find(Lane::New, number).await)).await;
    looks.into_iter().any(|look| !matches!(look, Ok((Sighting::Absent, _))))
}

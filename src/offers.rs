//! The look for claims: what they had and a listing misses, and what is on offer for those that want
//! numbers.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::api::error::{ErrorKind, Operation};
use crate::api::offers;
use crate::claim::Slot;
use crate::claims::{Marks, holding, slots_of};
use crate::client::{Client, Sighting};
use crate::desired::Desired;
use crate::number::PhoneNumber;
use crate::observed::{Observed, Offers};
use crate::pace::Lane;
use crate::settings::{Field, Want};
use crate::transport::Transport;

/// The smallest and the largest page of a search.
const PAGE_MIN: usize = 20;
const PAGE_MAX: usize = 1_000;
/// So many offers are asked for a number that is wanted: some are sold before they are bought.
const FOR_EACH: usize = 5;

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
    let searches = wanting.map(async |(claim, wanted)| {
        let client = &clients[usize::from(claim.account.0)];
        let has_address = matches!(claim.settings.get(Field::AddressSid), Some(Want::Set(_)));
        let page = (wanted * FOR_EACH).clamp(PAGE_MIN, PAGE_MAX) as u16;
        let url = offers::search(&client.routes, &claim.need, has_address, page);
        let found = match client.look(Operation::Search, url, offers::read_offers).await {
            Ok(offers) => {
                let numbers = offers.into_iter().map(|(number, _)| number);
                Offers::Numbers(numbers.filter(|number| !number.is_short_code()).collect())
            }
            // The vendor says so of a country that has no numbers of the type.
            Err(error) if error.kind == ErrorKind::NotFound => Offers::Numbers(Vec::new()),
            Err(error) => Offers::Failed(error.to_string()),
        };
        (claim, found)
    });
    let found = join_all(searches.collect::<Vec<_>>()).await;
    let survey = observed.survey_mut();
    for (claim, found) in found {
        if let Offers::Numbers(numbers) = &found {
            // What they cost goes by that.
            survey.kinds.extend(numbers.iter().map(|number| (*number, claim.need.kind.into())));
        }
        survey.offers.insert(claim.name.clone(), found);
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

//! The look for claims: what they had and a listing misses, and what is available for those that want
//! numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::future::join_all;

use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::{offers, page_link};
use crate::client::listing::Listing;
use crate::client::pace::Lane;
use crate::client::transport::Transport;
use crate::client::{Client, ListError, Sighting};
use crate::desired::{Claim, Desired};
use crate::model::claim::{Mark, Need, Slot};
use crate::model::live::Live;
use crate::model::number::PhoneNumber;
use crate::model::offer::{self, Offer, beginning_with, own_prefix};
use crate::model::provider::Api;
use crate::model::quarantine::unmarked;
use crate::model::settings::{Field, Want};
use crate::observed::holding::{Marks, holding, slots_of};
use crate::observed::{Finds, Observed, Offers, PurchaseRecord};

/// The smallest and the largest page of a search.
const PAGE_MIN: usize = 20;
const PAGE_MAX: usize = 1_000;
/// At most this many offers are asked for a number that is wanted: some are sold before they are bought.
const FOR_EACH: usize = 5;
/// At most this many numbers a search of Twilio's shows at most, whatever page it is asked for.
const SHOWN_MAX: usize = 30;
/// At most this many searches for one claim at one look, and pages of one search: what is still missing then, the
/// next look may find.
const SEARCHES_MAX: usize = 40;
const PAGES_MAX: usize = 40;

/// Looks a second time for claims that want numbers where the record of purchases is new: what an earlier
/// one held is not known, and one listing alone may miss a row. True where marks were there and did not
/// cover the count: then more of them may turn up, and nothing is bought yet.
pub async fn look_behind_a_new_record<T: Transport>(
    clients: &[Client<T>],
    desired: &Desired,
    marks: &Marks,
    observed: &mut Observed,
) -> bool {
    if observed.survey().record == PurchaseRecord::Kept {
        return false;
    }
    let mut few = false;
    for claim in &desired.claims {
        if holding(claim, marks, observed).wanted.is_empty() || observed.trouble(claim.account).is_some() {
            continue;
        }
        let client = &clients[usize::from(claim.account.0)];
        let prefix = own_prefix(&claim.need).unwrap_or_default();
        let listed = match list_again(client, &prefix).await {
            Ok(listing) => listing,
            Err(error) => {
                let error = format!("the account could not be listed a second time: {error}");
                observed.survey_mut().offers.insert(claim.name.clone(), Offers::Failed(error));
                continue;
            }
        };
        let name_of = |live: &Live| Some((live.number?, live.friendly_name.clone()));
        let again: Vec<(PhoneNumber, Option<Box<str>>)> = listed.rows().iter().filter_map(name_of).collect();
        for (number, name) in &again {
            let mark = Slot::read(unmarked(name.as_deref().unwrap_or_default(), *number), *number);
            if let Mark::Of(slot) = mark
                && slot.claim == claim.name
                && !marks.holders.contains_key(&slot)
            {
                observed.survey_mut().missed.insert(slot, *number);
            }
        }
        let first = observed.numbers().filter(|(_, found)| found.account == claim.account);
        let first = first.map(|(number, found)| (number, found.live.friendly_name.clone()));
        let all: BTreeMap<PhoneNumber, Option<Box<str>>> = first.chain(again).collect();
        let unclaimed = all.into_iter().filter(|(number, name)| {
            has_default_name(*number, name.as_deref())
                && desired.declared(*number).is_none()
                && Offer::from_number(*number).misfit(&claim.need, true).is_none()
        });
        let unclaimed: Vec<PhoneNumber> = unclaimed.map(|(number, _)| number).collect();
        let has_some = slots_of(&marks.holders, &claim.name).next().is_some()
            || slots_of(&observed.survey().missed, &claim.name).next().is_some();
        few |= has_some && !holding(claim, marks, observed).wanted.is_empty();
        observed.survey_mut().perhaps_bought.insert(claim.name.clone(), unclaimed);
    }
    few
}

/// Lists again what a first listing may have missed: over v2010 only the numbers that begin with these
/// digits, and on pages of another size, so that a row that fell between two of them does not do so again.
async fn list_again<T: Transport>(client: &Client<T>, prefix: &str) -> Result<Listing, ListError> {
    let prefix = format!("+{prefix}");
    let filters = match client.routes.api {
        Api::IncomingPhoneNumbers => vec![("PhoneNumber", prefix.as_str())],
        Api::ActiveNumbers => Vec::new(),
    };
    let page_size = client.page_size().saturating_sub(1).max(1);
    let listed =
        client.list_at(Lane::New, client.routes.numbers(), client.account, page_size, &filters, |_| {}).await;
    listed.map(|(listing, _)| listing)
}

/// Whether no one has named a number: it has no name, or its own digits as Twilio writes them.
fn has_default_name(number: PhoneNumber, name: Option<&str>) -> bool {
    let Some(name) = name else { return true };
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    let is_plain = name.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '(' | ')' | ' ' | '-' | '.'));
    is_plain && (digits.is_empty() || digits.len() >= 7 && number.to_string().ends_with(&digits))
}

/// Makes sure of the numbers that claims had and the listing misses, and searches for every claim that
/// wants numbers, once each; no request where nothing is missing.
pub async fn look_for_claims<T: Transport>(
    clients: &[Client<T>],
    desired: &Desired,
    marks: &Marks,
    observed: &mut Observed,
) {
    let survey = observed.survey();
    if survey.claims_wait_until.is_some() || survey.record == PurchaseRecord::NewInCi {
        return;
    }
    let missed = missed(clients, desired, marks, observed).await;
    observed.survey_mut().missed.extend(missed);
    let wanting = desired.claims.iter().filter_map(|claim| {
        let wanted = holding(claim, marks, observed).wanted.len();
        let is_open = observed.trouble(claim.account).is_none()
            && !observed.survey().offers.contains_key(&claim.name)
            && observed.survey().perhaps_bought.get(&claim.name).is_none_or(Vec::is_empty);
        (wanted > 0 && is_open).then_some((claim, wanted))
    });
    let wanting: Vec<(&Claim, usize)> = wanting.collect();
    // What is on its way for a slot is no one else's.
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

/// Whether a search that showed this many may have left some out: as many as the page or Twilio's
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
                // Twilio says so of a country that has no numbers of the type.
                Err(error) if is_no_list(&error) => match part {
                    None => return Offers::NotSold,
                    Some(_) => Vec::new(),
                },
                Err(error) if part.is_none() => return Offers::Failed(error.to_string()),
                // What the whole showed is still available.
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
                Err(error) if is_no_list(&error) && !all.is_empty() => break,
                Err(error) => return Err(error),
            };
            all.extend(found.offers);
            let Some(link) = found.next.filter(|_| all.len() < usize::from(page)) else { break };
            url = page_link::resolve(&first, &link).map_err(|error| ApiError::page_link(&error))?;
        }
        Ok(all)
    }
}

/// Whether there is no such list. The search is v2010's for every account, whichever API it uses.
fn is_no_list(error: &ApiError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::NotEnabled)
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

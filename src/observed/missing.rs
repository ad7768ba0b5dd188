//! The second look: only where declared numbers are missing, and only over v2010, whose paths reach
//! the other accounts of a parent.
//!
//! Two questions are settled before any money is spent. Does another account of the same parent have the
//! number? And does its country require documents that the file does not give?

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use tracing::debug;

use crate::client::api::account::{self, AccountStatus, Facts};
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::filter;
use crate::client::api::page_link;
use crate::client::api::papers;
use crate::client::api::routes::NumberType;
use crate::client::listing::Listing;
use crate::client::pace::Lane;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::desired::AccountRef;
use crate::desired::narrowing::Narrowing;
use crate::desired::{AccountIndex, Declared, DeclaredState, Desired};
use crate::model::country::country_of;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::provider::Api;
use crate::model::settings::{Field, Want};
use crate::observed::list::shut;
use crate::observed::{Observed, Papers, Sight, Survey};

/// A parent has at most 1,000 subaccounts unless Twilio raises that; more pages than this of
/// them never end.
const ACCOUNT_PAGES_MAX: usize = 100;
const ACCOUNTS_A_PAGE: u16 = 1000;
/// At most this many numbers are looked for in accounts that are left out.
const LEFT_OUT_MAX: usize = 50;
/// Offers a page: there is one such number.
const OFFERS_A_PAGE: u16 = 20;

/// Looks for numbers that are missing. What cannot be found out is left open: Twilio sells no number that
/// someone has, and none without the documents that it requires.
pub async fn survey<T: Transport>(
    clients: &[Client<T>],
    accounts: &[AccountRef],
    desired: &Desired,
    observed: Observed,
) -> Observed {
    let reached = |account: AccountIndex| {
        clients[usize::from(account.0)].routes.api == Api::IncomingPhoneNumbers
            && observed.trouble(account).is_none()
    };
    // Both are in order: one walk.
    let mut place = 0;
    let mut is_live = |number| {
        place = observed.place_from(place, number);
        observed.find_at(place, number).next().is_some()
    };
    let missing: Vec<&Declared> = desired
        .numbers
        .iter()
        .filter(|declared| declared.state == DeclaredState::Present && !declared.number.is_short_code())
        .filter(|declared| reached(declared.account) && !is_live(declared.number))
        .collect();
    if missing.is_empty() {
        return observed;
    }
    let root = |account: AccountIndex| accounts[usize::from(account.0)].parent.unwrap_or(account);
    let roots: BTreeSet<AccountIndex> = missing.iter().map(|declared| root(declared.account)).collect();
    let roots = roots.into_iter().filter(|root| reached(*root)).map(|root| &clients[usize::from(root.0)]);
    let families = join_all(roots.map(async |root| (root, family(root).await))).await;
    let mut sights = observed.into_sights();
    let mut others: Vec<(&Client<T>, AccountSid)> = Vec::new();
    for (root, facts) in
        families.iter().flat_map(|(root, facts)| facts.iter().map(move |facts| (*root, facts)))
    {
        match clients.iter().position(|client| client.account == facts.sid) {
            Some(at) => close(&mut sights[at], facts),
            None if facts.status == Some(AccountStatus::Closed) => {}
            None => others.push((root, facts.sid)),
        }
    }
    let numbers: BTreeSet<PhoneNumber> = missing.iter().map(|declared| declared.number).collect();
    let listings = join_all(others.iter().map(async |(root, sid)| (*sid, root.list_in(*sid).await))).await;
    let mut survey = Survey::default();
    for (sid, listing) in listings {
        match listing {
            Ok(listing) => survey.elsewhere.extend(
                listing
                    .rows()
                    .iter()
                    .filter_map(|row| row.number)
                    .filter(|n| numbers.contains(n))
                    .map(|n| (n, sid)),
            ),
            Err(error) => debug!(account = %sid, %error, "an account that the file does not list"),
        }
    }
    let lacking = missing
        .into_iter()
        .filter(|declared| !survey.elsewhere.contains_key(&declared.number) && !has_all_papers(declared));
    for (number, kind, papers) in offers_of(clients, lacking).await {
        survey.papers.insert(number, papers);
        survey.kinds.insert(number, kind.into());
    }
    Observed::from_accounts(sights, survey)
}

/// Asks accounts that a command leaves out for the numbers that are missing, each by itself: what one of them
/// has is not bought.
pub async fn look_in_left_out_accounts<T: Transport>(
    left_out_clients: &[Client<T>],
    desired: &Desired,
    narrowing: Option<&Narrowing>,
    mut observed: Observed,
) -> Observed {
    if left_out_clients.is_empty() {
        return observed;
    }
    let is_missing = |declared: &&Declared| {
        declared.state == DeclaredState::Present
            && !declared.number.is_short_code()
            && observed.find(declared.number).next().is_none()
            && narrowing.is_none_or(|narrowing| narrowing.takes(declared))
    };
    let missing = desired.numbers.iter().filter(is_missing).take(LEFT_OUT_MAX);
    let missing: Vec<PhoneNumber> = missing.map(|declared| declared.number).collect();
    let asked =
        left_out_clients.iter().flat_map(|client| missing.iter().map(move |number| (client, *number)));
    let found = join_all(asked.map(async |(client, number)| match client.find(Lane::New, number).await {
        Ok((Sighting::There(_), _)) => Some((number, client.account)),
        Ok((Sighting::Absent | Sighting::Perhaps, _)) => None,
        Err(error) => {
            debug!(account = client.name(), %number, %error, "an account that is left out");
            None
        }
    }));
    observed.survey_mut().elsewhere.extend(found.await.into_iter().flatten());
    observed
}

/// An account that its parent could list, and that is shut all the same.
fn close(sight: &mut Sight, facts: &Facts) {
    let Some((status, trouble)) = facts.status.and_then(shut) else { return };
    if let Sight::Complete(listing) = sight {
        let listing = match status {
            AccountStatus::Closed => Listing::empty(),
            AccountStatus::Active | AccountStatus::Suspended => listing.clone(),
        };
        *sight = Sight::Shut(listing, trouble);
    }
}

/// A parent and its subaccounts; none where its credentials may not ask, as an API key's may not.
async fn family<T: Transport>(root: &Client<T>) -> Vec<Facts> {
    let listing = root.routes.accounts();
    let mut url = filter::first_page(listing.clone(), &[], ACCOUNTS_A_PAGE);
    let mut all = Vec::new();
    for _ in 0..ACCOUNT_PAGES_MAX {
        let page = root.look(Operation::Account, url, account::read_accounts).await;
        let next = page.and_then(|(facts, next)| {
            all.extend(facts);
            next.map(|link| page_link::resolve(&listing, &link).map_err(|error| ApiError::page_link(&error)))
                .transpose()
        });
        match next {
            Ok(Some(link)) => url = link,
            Ok(None) => break,
            Err(error) => {
                debug!(account = root.name(), %error, "its subaccounts");
                break;
            }
        }
    }
    all
}

fn has_all_papers(declared: &Declared) -> bool {
    let is_set = |field| matches!(declared.settings.get(field), Some(Want::Set(_)));
    is_set(Field::AddressSid) && is_set(Field::BundleSid)
}

/// What these numbers are and what buying them takes, where their country can be told.
async fn offers_of<T: Transport>(
    clients: &[Client<T>],
    numbers: impl Iterator<Item = &Declared>,
) -> Vec<(PhoneNumber, NumberType, Papers)> {
    let mut by_country: BTreeMap<&str, Vec<&Declared>> = BTreeMap::new();
    for declared in numbers {
        if let Some(country) = country_of(declared.number) {
            by_country.entry(country).or_default().push(declared);
        }
    }
    let countries = by_country.into_iter().map(async |(country, numbers)| {
        let client = |declared: &Declared| &clients[usize::from(declared.account.0)];
        let regulated = match numbers.first() {
            Some(first) => regulations(client(first), country).await,
            None => Vec::new(),
        };
        let offers = numbers.iter().map(async |declared| {
            let (kind, address) = offer(client(declared), country, declared.number).await?;
            Some((declared.number, kind, Papers { address, bundle: regulated.contains(&kind) }))
        });
        join_all(offers).await
    });
    join_all(countries).await.into_iter().flatten().flatten().collect()
}

/// The types of a country's numbers that need a bundle.
async fn regulations<T: Transport>(client: &Client<T>, country: &str) -> Vec<NumberType> {
    let url = filter::first_page(client.routes.regulations(), &[("IsoCountry", country)], ACCOUNTS_A_PAGE);
    client.look(Operation::Regulation, url, papers::read_regulations).await.unwrap_or_else(|error| {
        debug!(%error, country, "its regulations");
        Vec::new()
    })
}

/// The type of an available number, and whether its country wants an address.
pub async fn offer<T: Transport>(
    client: &Client<T>,
    country: &str,
    number: PhoneNumber,
) -> Option<(NumberType, bool)> {
    let text = number.to_string();
    for kind in NumberType::ALL {
        let listing = client.routes.available_phone_numbers(country, kind);
        let url = filter::first_page(listing, &[("Contains", &text)], OFFERS_A_PAGE);
        let found = client.look(Operation::Search, url, |body| papers::read_offer(body, number)).await;
        match found {
            Ok(Some(address)) => return Some((kind, address)),
            Ok(None) => {}
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => {
                debug!(%number, %error, "whether it is available");
                return None;
            }
        }
    }
    None
}

//! Asks what numbers cost, and what the numbers to be bought are. Nothing waits long for it, and
//! nothing fails with it: without an answer a price is not known.

use std::time::Duration;

use futures_util::future::join_all;
use tracing::debug;
use url::Url;

use crate::client::Client;
use crate::client::api::error::{ApiError, Operation};
use crate::client::api::{filter, price, wire};
use crate::client::transport::Transport;
use crate::desired::AccountIndex;
use crate::guard::cost::{Census, KeptPrices, PriceBook};
use crate::model::number::PhoneNumber;
use crate::model::provider::Api;
use crate::model::tariff::{Country, Tariff};
use crate::observed::missing::offer;
use crate::plan::Plan;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// So often one is asked for; the second time after whatever failed fast.
const TRIES: usize = 2;

const AT_ONCE: usize = 10;

/// At most this many numbers to be bought are looked up; beyond that, what they cost is not known.
const LOOK_UPS_MAX: usize = 100;

/// Offers a page: there is one such number.
const OFFERS_A_PAGE: u16 = 20;

/// The price lists that the plan's bill needs: those that are kept, and the others from the API, each
/// asked for once. Where `looks_up`, a number to be bought of which they do not tell the price is looked
/// up among the offers: a request for a number, which is for those who need the price (law 7).
pub async fn price_book<T: Transport>(
    clients: &[Client<T>],
    plan: &Plan,
    census: &mut Census,
    kept: &mut KeptPrices,
    looks_up: bool,
    now: Duration,
) -> PriceBook {
    let mut book = PriceBook::default();
    let asked = census.wanted(plan);
    ask(clients, asked.iter().copied(), &mut book, kept, now).await;
    let untold = if looks_up { census.untold(plan, &book) } else { Vec::new() };
    for few in untold[..untold.len().min(LOOK_UPS_MAX)].chunks(AT_ONCE) {
        let offers = few.iter().map(async |&(number, account)| {
            let client = &clients[usize::from(account.0)];
            let key = format!("{} {} {number}", client.account, client.routes.numbers());
            match kept.offer(&key, now) {
                Some(tariff) => Some((number, key, tariff)),
                None => Some((number, key, look_up(client, number).await?)),
            }
        });
        for (number, key, tariff) in join_all(offers).await.into_iter().flatten() {
            census.tell(number, tariff);
            if kept.offer(&key, now).is_none() {
                kept.keep_offer(key, tariff, now);
            }
        }
    }
    ask(clients, census.wanted(plan).difference(&asked).copied(), &mut book, kept, now).await;
    book
}

async fn ask<T: Transport>(
    clients: &[Client<T>],
    wanted: impl Iterator<Item = (AccountIndex, Country)>,
    book: &mut PriceBook,
    kept: &mut KeptPrices,
    now: Duration,
) {
    let mut missing = Vec::new();
    for (payer, country) in wanted {
        let client = &clients[usize::from(payer.0)];
        let url = client.routes.prices(&country.to_string());
        let key = format!("{} {url}", client.account);
        match kept.prices(&key, now) {
            Some(prices) => book.take(payer, country, prices),
            None => missing.push((payer, country, url, key)),
        }
    }
    for few in missing.chunks(AT_ONCE) {
        let answers = few.iter().map(async |(payer, country, url, key)| {
            let client = &clients[usize::from(payer.0)];
            let country_code = country.to_string();
            let read = |body: &[u8]| price::read_prices_of(body, &country_code);
            let prices = patiently(client, Operation::Price, url, read).await?;
            Some((*payer, *country, key.clone(), prices))
        });
        for (payer, country, key, prices) in join_all(answers).await.into_iter().flatten() {
            book.take(payer, country, &prices);
            kept.keep_prices(key, prices, now);
        }
    }
}

/// What an available number is charged as.
async fn look_up<T: Transport>(client: &Client<T>, number: PhoneNumber) -> Option<Tariff> {
    if client.routes.api == Api::IncomingPhoneNumbers {
        // Its offers are by country, so that the number has to tell that.
        let country = crate::model::country::country_of(number)?;
        let (kind, _) = offer(client, country, number).await?;
        return Some(Tariff { country: Country::observed(country), kind: Some(kind.into()) });
    }
    let text = number.to_string();
    let url = filter::first_page(client.routes.available_numbers(), &[("PhoneNumber", &text)], OFFERS_A_PAGE);
    patiently(client, Operation::Search, &url, |body| wire::read_offer(body, number)).await?
}

/// Asks beside the account's pace: a pricing API that does not answer must not look as if the account
/// did not.
async fn patiently<T: Transport, V>(
    client: &Client<T>,
    operation: Operation,
    url: &Url,
    make_sense: impl Fn(&[u8]) -> Result<V, String>,
) -> Option<V> {
    let tries = async {
        for _ in 0..TRIES {
            let answer = match client.ask(operation, url.clone()).await {
                Ok(response) if response.status == 200 => {
                    make_sense(&response.body).map_err(|why| ApiError::unreadable(operation, &response, &why))
                }
                Ok(response) if (200..300).contains(&response.status) => {
                    Err(ApiError::undocumented(operation, &response))
                }
                Ok(response) => Err(ApiError::from_response(client.routes.api, operation, &response)),
                Err(error) => Err(error),
            };
            match answer {
                Ok(value) => return Some(value),
                Err(error) => {
                    debug!(account = client.name(), path = url.path(), error = ?error.to_string(), "no price");
                    // What is refused for good is not asked for again.
                    if error.status.is_some_and(|status| (400..429).contains(&status)) {
                        return None;
                    }
                }
            }
        }
        None
    };
    tokio::time::timeout(PATIENCE, tries).await.ok().flatten()
}

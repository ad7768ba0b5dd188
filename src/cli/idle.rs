//! `numctl idle`: which numbers no one uses, and what they cost.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::client::Client;
use crate::client::api::ages::{self, Ages};
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::filter::{Filters, first_page};
use crate::client::api::page_link;
use crate::client::api::price::{self, Prices};
use crate::client::api::resource::{masked, normal_form};
use crate::client::http::Http;
use crate::client::tally::Tally;
use crate::desired::environment;
use crate::desired::narrowing::Narrowing;
use crate::desired::{AccountIndex, Desired};
use crate::guard::usage::uses;
use crate::host::clock;
use crate::model::number::PhoneNumber;
use crate::model::provider::Api;
use crate::model::traffic::OwnedNumber;
use crate::report::idle::{Idle, IdleDeclared, IdleReport, IdleRow, Judged, Unjudged, judge};
use crate::report::json::value as write_json;
use crate::report::names::plural;
use crate::report::shown::{Shown, count};

use super::arguments::{Global, IdleArgs, ListFormat};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, Fatal, output, progress};

pub(super) async fn run(global: &Global, args: &IdleArgs) -> Ended {
    let desired = match args.accounts.files.is_empty() {
        true => None,
        false => Some(fleet::read(global, &args.accounts.files)?.0),
    };
    let narrowing = match (&desired, args.only.is_empty()) {
        (_, true) => None,
        (None, false) => return Err(Fatal::new("--only is about what the files say: name them with -f")),
        (Some(desired), false) => Narrowing::parse(&args.only, None, desired, true).map_err(Fatal::new)?,
    };
    let declared = desired
        .as_ref()
        .map_or_else(|| vec![environment::default_account()], |desired| desired.accounts.clone());
    let mut fleet = Fleet::open(global, &declared).await?;
    let tally = Arc::new(Tally::default());
    for client in &mut fleet.clients {
        client.count_in(tally.clone());
    }
    let now = clock::since_the_epoch();
    let since = args.time.since(now);
    let found = match fleet.only(args.accounts.account.as_deref()) {
        Ok(accounts) => {
            let (desired, narrowing) = (desired.as_ref(), narrowing.as_ref());
            find(&fleet, &accounts, desired, narrowing, since, args.time.began(now)).await
        }
        Err(error) => Err(error),
    };
    fleet.close().await?;
    let (numbers, all) = found?;
    let report = IdleReport { numbers: &numbers, time: args.time, since, has_file: desired.is_some() };
    match args.format {
        ListFormat::Table => output::print(&report.table())?,
        ListFormat::Yaml => output::print(&report.tombstones())?,
        ListFormat::Json => output::print_with(|out| write_array(out, &report))?,
    }
    let unjudged = all.unjudged.iter().map(|(why, many)| format!("{} {}", count(*many), why.as_str()));
    let unjudged = match unjudged.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        some => format!("; left out: {some}"),
    };
    let without = match all.without_number {
        0 => String::new(),
        rows => format!("; {} without a number left out", plural(rows, "row")),
    };
    output::note(format_args!(
        "{} of {}: no calls and no messages since {since} ({}){unjudged}{without}. {}.",
        plural(numbers.len(), "idle number"),
        count(all.numbers),
        args.time,
        plural(usize::try_from(tally.total()).unwrap_or(usize::MAX), "request")
    ));
    Ok(Exit::Done)
}

/// How many numbers were looked at.
#[derive(Default)]
struct All {
    numbers: usize,
    unjudged: BTreeMap<Unjudged, usize>,
    without_number: usize,
}

/// The idle numbers of some accounts. What cannot be read is an error: a number that is not seen in
/// use would seem to be idle.
async fn find(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    desired: Option<&Desired>,
    narrowing: Option<&Narrowing>,
    since: Date,
    began: Timestamp,
) -> Result<(Vec<Idle>, All), Fatal> {
    let labels_of =
        |number: PhoneNumber| desired.and_then(|desired| desired.declared(number)?.labels.clone());
    let progress = progress::ListingProgress::start(fleet.clients.len());
    let (mut found, mut all) = (Vec::new(), All::default());
    for index in accounts {
        let at = usize::from(index.0);
        let (client, account) = (&fleet.clients[at], &fleet.accounts[at]);
        let mut rows = list(fleet, *index, &mut all, |numbers| progress.page(at, numbers)).await?;
        if let Some(narrowing) = narrowing {
            rows.retain(|number, _| narrowing.takes_number(*number, *index, labels_of(*number).as_deref()));
        }
        let numbers: Vec<OwnedNumber> = rows.values().map(IdleRow::owned).collect();
        all.numbers += numbers.len();
        let looked = uses(client, &numbers, since, |unseen| progress.unseen(unseen)).await;
        if let Some(error) = looked.unread.values().next() {
            return Err(Fatal::new(format!(
                "account {} ({}): its calls and messages could not be read: {}{}",
                Shown(&account.name),
                account.sid,
                Shown(&error.to_string()),
                error.advice().map_or_else(String::new, |advice| format!("\n  help: {advice}"))
            )));
        }
        if rows.values().any(|row| row.bought.is_none() && !looked.used.contains_key(&row.number)) {
            date(client, &mut rows).await;
        }
        let Judged { idle, unjudged, .. } = judge(rows, &looked.used, began);
        for (why, many) in unjudged {
            *all.unjudged.entry(why).or_default() += many;
        }
        let mut prices = BTreeMap::new();
        for row in idle {
            let monthly = monthly(client, &row, &mut prices).await;
            let declared = desired.and_then(|desired| IdleDeclared::find(desired, row.number));
            let labels = labels_of(row.number);
            found.push(Idle { labels, ..Idle::new(row, account, monthly, declared) });
        }
    }
    progress.done();
    Ok((found, all))
}

/// The numbers of an account.
async fn list(
    fleet: &Fleet,
    index: AccountIndex,
    all: &mut All,
    on_page: impl Fn(usize),
) -> Result<BTreeMap<PhoneNumber, IdleRow>, Fatal> {
    let client = &fleet.clients[usize::from(index.0)];
    let api = client.routes.api;
    let mut rows = BTreeMap::new();
    let starts = Filters::default().starts(&client.routes, Operation::List, client.page_size())?;
    for start in starts {
        let listed = client.browse(Operation::List, start, |items| {
            for item in items {
                match IdleRow::from_item(&masked(normal_form(api, item))) {
                    Some(row) => drop(rows.insert(row.number, row)),
                    None => all.without_number += 1,
                }
            }
            on_page(rows.len());
            true
        });
        listed.await.map_err(|error| Fatal::new(fleet.describe(index, &error)))?;
    }
    Ok(rows)
}

/// Asks v2010 since when the account has had its numbers, where the listing did not say. What cannot be
/// found out stays unknown, and is not judged.
async fn date(client: &Client<Http>, rows: &mut BTreeMap<PhoneNumber, IdleRow>) {
    let listing = client.routes.over(Api::IncomingPhoneNumbers).numbers();
    let mut url = first_page(listing.clone(), &[], client.page_size());
    let (mut known, mut read) = (BTreeMap::new(), BTreeSet::new());
    while read.insert(url.clone()) {
        let page = client.look(Operation::List, url, ages::read_ages).await;
        let next = page.and_then(|Ages { since, next }| {
            known.extend(since);
            next.map(|link| page_link::resolve(&listing, &link).map_err(|error| ApiError::page_link(&error)))
                .transpose()
        });
        match next {
            Ok(Some(link)) => url = link,
            Ok(None) => break,
            Err(error) => {
                output::note(format_args!(
                    "note: the age of some numbers could not be read: {}",
                    Shown(&error.to_string())
                ));
                break;
            }
        }
    }
    for row in rows.values_mut().filter(|row| row.bought.is_none()) {
        row.bought = row.sid.and_then(|sid| known.get(&sid).copied());
    }
}

/// What the pricing API says about a country.
enum Priced {
    Sold(Prices),
    /// Twilio has no numbers there, so no number is there.
    NotSold,
    Unread,
}

/// What a number costs a month, in which currency. Where its country is one of several, only what
/// holds for all of them is said.
async fn monthly(
    client: &Client<Http>,
    row: &IdleRow,
    known: &mut BTreeMap<String, Priced>,
) -> Option<(Box<str>, Box<str>)> {
    let kind = row.number_type()?;
    let mut agreed = None;
    for country in row.countries() {
        if !known.contains_key(&country) {
            let address = client.routes.prices(&country);
            let prices = match client.look(Operation::Price, address, price::read_prices).await {
                Ok(prices) => Priced::Sold(prices),
                Err(error) if error.kind == ErrorKind::NotFound => Priced::NotSold,
                Err(_) => Priced::Unread,
            };
            known.insert(country.clone(), prices);
        }
        let prices = match known.get(&country)? {
            Priced::Sold(prices) => prices,
            Priced::NotSold => continue,
            Priced::Unread => return None,
        };
        let monthly = (prices.price_for(kind.into())?.into(), prices.unit.clone());
        if agreed.get_or_insert_with(|| monthly.clone()) != &monthly {
            return None;
        }
    }
    agreed
}

fn write_array(out: &mut dyn Write, report: &IdleReport<'_>) -> io::Result<()> {
    let mut count = 0;
    for object in report.objects() {
        out.write_all(if count == 0 { b"[\n  " } else { b",\n  " })?;
        write_json(&mut *out, &object)?;
        count += 1;
    }
    out.write_all(if count == 0 { b"[]\n" } else { b"\n]\n" })
}

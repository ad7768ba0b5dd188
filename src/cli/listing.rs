//! `get`, `search` and `export`: what is live, what is available.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;
use crate::client::api::error::Operation;
use crate::client::api::filter::{Browsed, Filter, FilterError, Filters};
use crate::client::api::price::{self, Prices};
use crate::client::api::resource::{masked, normal_form, offered_form};
use crate::client::api::routes::NumberType;
use crate::client::http::Http;
use crate::desired::narrowing::Narrowing;
use crate::desired::{Account, AccountIndex, Desired};
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::provider::Api;
use crate::model::settings::Field;
use crate::observed::Observed;
use crate::observed::surroundings::look_around;
use crate::observed::wanted::WantedDetails;
use crate::report::export::export as export_file;
use crate::report::shown::Shown;
use crate::report::words;

use super::arguments::{ExportArgs, GetArgs, Global, RowFormat, SearchArgs};
use super::fleet::{self, Fleet};
use super::rows::{Column, ShownRows, SortBy};
use super::{Ended, Exit, Fatal, output, progress, secrets};

/// The columns of live numbers.
const LIVE: &[Column] = &[
    Column::new("NUMBER", "/phone_number"),
    Column::new("NAME", "/configurations/friendly_name"),
    Column::new("TYPE", "/type"),
    Column::new("COUNTRY", "/geography/iso_country"),
    Column::wide("REGION", "/geography/region"),
    Column::wide("LOCALITY", "/geography/locality"),
    Column::new("VOICE", "voice"),
    Column::new("SMS", "sms"),
    Column::wide("STATUS CALLBACK", "/configurations/status_callback"),
    Column::new("SID", "/sid"),
];

/// The columns of available numbers.
const OFFERED: &[Column] = &[
    Column::new("NUMBER", "/phone_number"),
    Column::new("TYPE", "/type"),
    Column::new("COUNTRY", "/geography/iso_country"),
    Column::new("REGION", "/geography/region"),
    Column::new("LOCALITY", "/geography/locality"),
    Column::wide("POSTAL CODE", "/geography/postal_code"),
    Column::wide("RATE CENTER", "/geography/rate_center"),
    Column::new("ADDRESS", "/regulatory/address_requirements"),
    Column::new("MONTHLY", "/base_recurring_price"),
    Column::new("SETUP", "/base_setup_price"),
];

/// What is listed, and how it is written.
struct ListingRequest<'a> {
    operation: Operation,
    /// One listing for each of these, in every account.
    filters: &'a [Filters],
    limit: usize,
    format: RowFormat,
    columns: &'a [Column],
    sort: Option<SortBy>,
    /// Which of the rows.
    part: Option<&'a Selection>,
}

impl ListingRequest<'_> {
    /// Progress, where rows are not written to the terminal as they come.
    fn progress(&self, accounts: usize) -> Option<progress::ListingProgress> {
        let is_late = matches!(self.format, RowFormat::Table | RowFormat::Wide) || self.sort.is_some();
        let what = match self.operation {
            Operation::Search => "searching available numbers",
            _ => "listing live numbers",
        };
        (is_late || !output::stdout_is_terminal())
            .then(|| progress::ListingProgress::named(what.to_owned(), accounts))
    }
}

/// What `--only` leaves of the live numbers, by what the files say of them.
struct Selection {
    desired: Desired,
    narrowing: Narrowing,
}

impl Selection {
    fn takes(&self, account: AccountIndex, item: &Value) -> bool {
        let number = item["phone_number"].as_str().and_then(PhoneNumber::observed);
        number.is_some_and(|number| {
            let labels = self.desired.declared(number).and_then(|declared| declared.labels.as_deref());
            self.narrowing.takes_number(number, account, labels)
        })
    }
}

pub(super) async fn get(global: &Global, args: &GetArgs) -> Ended {
    let sort = args.sort_by.as_deref().map(|by| SortBy::parse(by, LIVE)).transpose()?;
    let (declared, part) = match args.only.is_empty() {
        true => (fleet::accounts_of(global, &args.accounts)?, None),
        false => {
            let desired = fleet::read(global, &args.accounts.files)?.0;
            let narrowing = Narrowing::parse(&args.only, None, &desired, true).map_err(Fatal::new)?;
            (desired.accounts.clone(), narrowing.map(|narrowing| Selection { desired, narrowing }))
        }
    };
    let fleet = Fleet::open(global, &declared).await?;
    let ended = match fleet.only(args.accounts.account.as_deref()) {
        Ok(accounts) => get_from(&fleet, &accounts, args, sort, part.as_ref()).await,
        Err(error) => Err(error),
    };
    fleet.close().await?;
    ended
}

async fn get_from(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    args: &GetArgs,
    sort: Option<SortBy>,
    part: Option<&Selection>,
) -> Ended {
    let filters = args.filters.filters();
    let filters: Vec<Filters> = match args.numbers.as_slice() {
        [] => vec![filters],
        numbers => numbers
            .iter()
            .map(|number| {
                let Filters(mut all) = filters.clone();
                all.push((Filter::PhoneNumber, number.to_string()));
                Filters(all)
            })
            .collect(),
    };
    let listing = ListingRequest {
        operation: Operation::List,
        filters: &filters,
        limit: usize::MAX,
        format: args.format,
        columns: LIVE,
        sort,
        part,
    };
    if let Some(interval) = args.watch {
        return watch(fleet, accounts, &listing, interval).await;
    }
    let count = write_rows(fleet, accounts, &listing).await?;
    let missing = args.numbers.len().saturating_sub(count);
    if missing > 0 {
        let many = crate::report::names::plural(args.numbers.len(), "number");
        return Err(Fatal::new(format!("{missing} of {many} not found in these accounts")));
    }
    Ok(Exit::Done)
}

/// Shows the numbers, and from then on those that changed, came or went, until it is stopped.
async fn watch(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    listing: &ListingRequest<'_>,
    interval: Duration,
) -> Ended {
    let mut known: Option<BTreeMap<(String, String), Value>> = None;
    loop {
        let (mut now, mut changed) = (BTreeMap::new(), Vec::new());
        let mut keep = |account: &str, items: Vec<Value>| {
            for item in items {
                let key = (account.to_owned(), item["sid"].to_string());
                now.insert(key, item);
            }
            Ok(())
        };
        list(fleet, accounts, listing, &mut keep).await?;
        for (key, item) in &now {
            if known.as_ref().is_none_or(|known| known.get(key) != Some(item)) {
                changed.push((key.0.clone(), item.clone()));
            }
        }
        for (key, item) in known.iter().flatten().filter(|(key, _)| !now.contains_key(*key)) {
            output::note(format_args!(
                "{} is gone from {}",
                Shown(&plain(&item["phone_number"])),
                Shown(&key.0)
            ));
        }
        if known.is_none() || !changed.is_empty() {
            let mut rows = ShownRows::new(listing.format, listing.columns, listing.sort);
            for (account, item) in changed {
                output::finish(rows.page(&account, vec![item]))?;
            }
            output::finish(rows.end())?;
        }
        known = Some(now);
        tokio::time::sleep(interval).await;
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) async fn search(global: &Global, args: &SearchArgs) -> Ended {
    let fleet = Fleet::open(global, &fleet::accounts_of(global, &args.accounts)?).await?;
    let accounts = fleet.only(args.accounts.account.as_deref());
    let ended = match accounts {
        // What is available is the same for every account.
        Ok(accounts) => {
            let first = &accounts[..1];
            let filters = [args.filters.filters()];
            let listing = ListingRequest {
                operation: Operation::Search,
                filters: &filters,
                limit: args.limit,
                format: args.format,
                columns: OFFERED,
                sort: None,
                part: None,
            };
            write_rows(&fleet, first, &listing).await.map(|_| Exit::Done)
        }
        Err(error) => Err(error),
    };
    fleet.close().await?;
    ended
}

pub(super) async fn export(global: &Global, args: &ExportArgs) -> Ended {
    let out = args.out.as_deref().filter(|path| *path != Path::new("-"));
    if let Some(path) = out.filter(|_| !args.overwrite) {
        keep_what_is_there(path)?;
    }
    let mut declared = fleet::accounts_of(global, &args.accounts)?;
    let fleet = Fleet::open(global, &declared).await?;
    for ((account, opened), client) in declared.iter_mut().zip(&fleet.accounts).zip(&fleet.clients) {
        name_api(account, opened.sid, client.routes.api);
    }
    let exported = match fleet.only(args.accounts.account.as_deref()) {
        Ok(only) if only.len() == fleet.accounts.len() => match fleet.list().await {
            Ok(observed) => whole(&fleet, &declared, &look_around_all(&fleet.clients, observed).await),
            Err(error) => Err(error),
        },
        Ok(only) => export_one(&fleet, &declared, only[0]).await,
        Err(error) => Err(error),
    };
    fleet.close().await?;
    let exported = exported?;
    if let Some(directory) = &args.write_secrets {
        secrets::write(directory, &exported.secrets)?;
    }
    match out {
        Some(path) => {
            output::write_over(path, &exported.yaml, exported.carries_passwords)?;
            output::note(format_args!("Written to {}.", path.display()));
        }
        None => output::print(&exported.yaml)?,
    }
    if args.write_secrets.is_none() {
        secrets::tell(&exported.secrets);
    }
    if exported.carries_passwords {
        output::note(
            "note: the file contains passwords of webhook URLs: make sure that only its owner can read it (--out does)",
        );
    }
    if exported.left_out > 0 {
        output::note(format_args!(
            "note: {} left out; the comments in the file list them with the reasons",
            exported.left_out
        ));
    }
    Ok(Exit::Done)
}

/// The API is part of the file: it plans the same without the option that `export` was given.
fn name_api(account: &mut Account, sid: AccountSid, api: Api) {
    if api != Api::default() {
        account.access.api = Some(api);
        // A file that says something of an account says which one it is.
        account.sid = Some(sid);
    }
}

/// A file that someone may have edited is not replaced.
pub(super) fn keep_what_is_there(path: &Path) -> Result<(), Fatal> {
    let is_there = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0);
    match is_there {
        false => Ok(()),
        true => Err(Fatal::new(format!(
            "{}: the file exists, and its contents would be lost: pass --overwrite to replace it, or name another file",
            path.display()
        ))),
    }
}

/// The file of what is live, where all of it is known: what is not seen would seem to be gone.
fn whole(
    fleet: &Fleet,
    declared: &[Account],
    observed: &Observed,
) -> Result<crate::report::export::Export, Fatal> {
    let lines: Vec<String> = observed
        .troubles()
        .map(|(at, trouble)| words::trouble(&fleet.accounts[usize::from(at.0)], trouble))
        .collect();
    match lines.is_empty() {
        true => Ok(export_file(declared, observed)),
        false => Err(Fatal::new(format!(
            "{}\nnothing was written: use --account to export one account that can be read",
            lines.join("\n")
        ))),
    }
}

pub(super) async fn export_one(
    fleet: &Fleet,
    declared: &[Account],
    only: AccountIndex,
) -> Result<crate::report::export::Export, Fatal> {
    let at = usize::from(only.0);
    let progress = progress::ListingProgress::start(1);
    let listed = fleet.clients[at].list(|numbers| progress.page(0, numbers)).await;
    progress.done();
    let listing = listed.map_err(|error| Fatal::new(fleet.describe(only, &error)))?;
    let account = Account { parent: None, ..declared[at].clone() };
    let observed = Observed::new(vec![listing]);
    let observed = look_around_all(std::slice::from_ref(&fleet.clients[at]), observed).await;
    Ok(export_file(&[account], &observed))
}

/// Asks which Messaging Services the numbers are in, and for the names of what they refer to.
async fn look_around_all(clients: &[Client<Http>], mut observed: Observed) -> Observed {
    let mut wanted = vec![WantedDetails::default(); clients.len()];
    for (account, listing) in observed.listings() {
        let rows = || listing.rows().iter();
        let has = |field: Field| rows().any(|row| row.settings.get(field).is_some());
        wanted[usize::from(account.0)] = WantedDetails {
            services: rows().any(|row| row.sms != Some(false)),
            applications: has(Field::VoiceApplicationSid) || has(Field::SmsApplicationSid),
            trunks: has(Field::VoiceTrunkSid),
        };
    }
    let around = look_around(clients, &wanted).await;
    observed.surround(around);
    observed
}

/// Lists and writes; how many rows there were.
async fn write_rows(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    listing: &ListingRequest<'_>,
) -> Result<usize, Fatal> {
    let mut rows = ShownRows::new(listing.format, listing.columns, listing.sort);
    let (progress, mut read) = (listing.progress(accounts.len()), 0);
    let mut on_page = |name: &str, page: Vec<Value>| {
        read += page.len();
        progress.iter().for_each(|progress| progress.page(0, read));
        rows.page(name, page)
    };
    let listed = list(fleet, accounts, listing, &mut on_page).await;
    progress.into_iter().for_each(progress::ListingProgress::done);
    let listed = listed?;
    // A reader that has gone away has all that it wanted.
    let Some(not_sold) = listed else { return Ok(usize::MAX) };
    let count = rows.count;
    let of_v2010 =
        |at: &AccountIndex| fleet.clients[usize::from(at.0)].routes.api == Api::IncomingPhoneNumbers;
    if count == 0 && listing.operation == Operation::List && accounts.iter().any(of_v2010) {
        output::note(
            "note: incoming-phone-numbers does not list short codes; numctl manages them over active-numbers only",
        );
    }
    output::finish(rows.end())?;
    // Where nothing else was asked for, or there is nothing else.
    let filters = &listing.filters[0];
    if count == 0 || filters.get(Filter::Type).is_some() {
        let country = filters.get(Filter::IsoCountry).unwrap_or("this country").to_ascii_uppercase();
        not_sold.into_iter().for_each(|kind| output::note(words::not_sold(&country, kind)));
    }
    Ok(count)
}

/// Lists page by page, and tells which types are not sold; `None` where no one takes the pages any more.
async fn list(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    listing: &ListingRequest<'_>,
    on_page: &mut impl FnMut(&str, Vec<Value>) -> std::io::Result<()>,
) -> Result<Option<Vec<NumberType>>, Fatal> {
    let operation = listing.operation;
    let mut left = listing.limit;
    let mut not_sold = Vec::new();
    for (account, filters) in accounts.iter().flat_map(|at| listing.filters.iter().map(move |one| (at, one)))
    {
        let client = &fleet.clients[usize::from(account.0)];
        let api = client.routes.api;
        let name = &fleet.accounts[usize::from(account.0)].name;
        let starts = filters.starts(&client.routes, operation, client.page_size()).map_err(|error| {
            let help = match error {
                FilterError::NotHere { .. } => format!("; --api {} may", api.other()),
                FilterError::NoCountry | FilterError::Value { .. } | FilterError::NeedsPlaces { .. } => {
                    String::new()
                }
            };
            Fatal::new(format!("{}{help}", Shown(&error.to_string())))
        })?;
        let prices = match operation {
            Operation::Search => prices(client, filters).await,
            _ => None,
        };
        for start in starts {
            let kind = start.kind;
            let mut written = Ok(());
            let listed = client
                .browse(operation, start, |items| {
                    let page: Vec<Value> = items
                        .into_iter()
                        .take(left)
                        .map(|item| item_form(api, operation, kind, prices.as_ref(), item))
                        .filter(|item| listing.part.is_none_or(|part| part.takes(*account, item)))
                        .collect();
                    left -= page.len();
                    written = on_page(name, page);
                    left > 0 && written.is_ok()
                })
                .await;
            if written.is_err() {
                return output::finish(written).map(|()| None);
            }
            let browsed = listed.map_err(|error| Fatal::new(fleet.describe(*account, &error)))?;
            not_sold.extend(kind.filter(|_| browsed == Browsed::NotSold));
            if left == 0 {
                return Ok(Some(not_sold));
            }
        }
    }
    Ok(Some(not_sold))
}

/// What numbers of the country cost: v2010's rows do not say. Without an answer no price is shown.
async fn prices(client: &Client<Http>, filters: &Filters) -> Option<Prices> {
    let country =
        filters.get(Filter::IsoCountry).filter(|_| client.routes.api == Api::IncomingPhoneNumbers)?;
    let address = client.routes.prices(&country.to_ascii_uppercase());
    client.look(Operation::Price, address, price::read_prices).await.ok()
}

fn item_form(
    api: Api,
    operation: Operation,
    kind: Option<NumberType>,
    prices: Option<&Prices>,
    item: Value,
) -> Value {
    match operation {
        Operation::Search => {
            let monthly = kind.and_then(|kind| prices?.price_for(kind.into()));
            masked(offered_form(api, kind, item, monthly))
        }
        _ => masked(normal_form(api, item)),
    }
}

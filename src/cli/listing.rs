//! `get`, `search` and `export`: what is live, what is on offer.

use std::io::{self, Write};
use std::path::Path;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde_json::Value;

use crate::client::Client;
use crate::client::api::error::Operation;
use crate::client::api::filter::{Browsed, Filter, FilterError, Filters};
use crate::client::api::price::{self, Prices};
use crate::client::api::resource::{masked, normal_form, offered_form};
use crate::client::api::routes::NumberType;
use crate::client::http::Http;
use crate::desired::{Account, AccountIndex};
use crate::model::number::AccountSid;
use crate::model::provider::Api;
use crate::observed::Observed;
use crate::report::export::export as export_file;
use crate::report::json::value as write_json;
use crate::report::shown::Shown;
use crate::report::words;

use super::arguments::{ExportArgs, GetArgs, Global, ListFormat, SearchArgs};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, Fatal, output, yaml};

pub(super) async fn get(global: &Global, args: &GetArgs) -> Ended {
    let fleet = Fleet::open(global, &fleet::accounts_of(global, &args.accounts)?).await?;
    let accounts = fleet.only(args.accounts.account.as_deref());
    let columns = &[
        ("NUMBER", "/phone_number"),
        ("NAME", "/configurations/friendly_name"),
        ("TYPE", "/type"),
        ("COUNTRY", "/geography/iso_country"),
        ("VOICE", "voice"),
        ("SMS", "sms"),
        ("SID", "/sid"),
    ];
    let ended = match accounts {
        Ok(accounts) => {
            write_rows(
                &fleet,
                &accounts,
                Operation::List,
                &args.filters.filters(),
                usize::MAX,
                args.format,
                columns,
            )
            .await
        }
        Err(error) => Err(error),
    };
    fleet.close().await?;
    ended
}

pub(super) async fn search(global: &Global, args: &SearchArgs) -> Ended {
    let fleet = Fleet::open(global, &fleet::accounts_of(global, &args.accounts)?).await?;
    let accounts = fleet.only(args.accounts.account.as_deref());
    let columns = &[
        ("NUMBER", "/phone_number"),
        ("TYPE", "/type"),
        ("COUNTRY", "/geography/iso_country"),
        ("REGION", "/geography/region"),
        ("LOCALITY", "/geography/locality"),
        ("ADDRESS", "/regulatory/address_requirements"),
        ("MONTHLY", "/base_recurring_price"),
        ("SETUP", "/base_setup_price"),
    ];
    let ended = match accounts {
        // What is on offer is the same for every account.
        Ok(accounts) => {
            let first = &accounts[..1];
            let filters = args.filters.filters();
            write_rows(&fleet, first, Operation::Search, &filters, args.limit, args.format, columns).await
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
        Ok(only) if only.len() == fleet.accounts.len() => {
            fleet.list().await.and_then(|observed| whole(&fleet, &declared, &observed))
        }
        Ok(only) => export_one(&fleet, &declared, only[0]).await,
        Err(error) => Err(error),
    };
    fleet.close().await?;
    let exported = exported?;
    match out {
        Some(path) => {
            output::write_over(path, &exported.yaml, exported.carries_passwords)?;
            output::note(format_args!("Written to {}.", path.display()));
        }
        None => output::print(&exported.yaml)?,
    }
    if exported.carries_passwords {
        output::note(
            "note: the file holds passwords of webhook URLs: keep it readable by its owner only (--out does)",
        );
    }
    if exported.left_out > 0 {
        output::note(format_args!(
            "note: {} left out; the file's comments say what and why",
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

/// A file that somebody may have edited is not replaced.
fn keep_what_is_there(path: &Path) -> Result<(), Fatal> {
    let is_there = std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() > 0);
    match is_there {
        false => Ok(()),
        true => Err(Fatal::new(format!(
            "{}: the file exists, and edits in it would be lost: pass --overwrite to replace it, or name another file",
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
            "{}\nnothing was written: with --account, one account that can be read is",
            lines.join("\n")
        ))),
    }
}

async fn export_one(
    fleet: &Fleet,
    declared: &[Account],
    only: AccountIndex,
) -> Result<crate::report::export::Export, Fatal> {
    let at = usize::from(only.0);
    let listing =
        fleet.clients[at].list(|_| {}).await.map_err(|error| Fatal::new(fleet.describe(only, &error)))?;
    let account = Account { parent: None, ..declared[at].clone() };
    Ok(export_file(&[account], &Observed::new(vec![listing])))
}

async fn write_rows(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    operation: Operation,
    filters: &Filters,
    limit: usize,
    format: ListFormat,
    columns: &[(&str, &str)],
) -> Ended {
    let mut rows = Rows::new(format, columns);
    let mut left = limit;
    let mut not_sold = Vec::new();
    for account in accounts {
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
                        .collect();
                    left -= page.len();
                    written = rows.page(name, page);
                    left > 0 && written.is_ok()
                })
                .await;
            if written.is_err() {
                return output::finish(written).map(|()| Exit::Done);
            }
            let browsed = listed.map_err(|error| Fatal::new(fleet.describe(*account, &error)))?;
            not_sold.extend(kind.filter(|_| browsed == Browsed::NotSold));
            if left == 0 {
                break;
            }
        }
    }
    let is_empty = rows.count == 0;
    let of_v2010 =
        |at: &AccountIndex| fleet.clients[usize::from(at.0)].routes.api == Api::IncomingPhoneNumbers;
    if is_empty && operation == Operation::List && accounts.iter().any(of_v2010) {
        output::note(
            "note: incoming-phone-numbers lists no short codes; numctl manages them over active-numbers only",
        );
    }
    output::finish(rows.end())?;
    // Where nothing else was asked for, or there is nothing else.
    if is_empty || filters.get(Filter::Type).is_some() {
        let country = filters.get(Filter::IsoCountry).unwrap_or("this country").to_ascii_uppercase();
        not_sold.into_iter().for_each(|kind| output::note(words::not_sold(&country, kind)));
    }
    Ok(Exit::Done)
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
            let monthly = kind.and_then(|kind| prices?.of(kind.into()));
            masked(offered_form(api, kind, item, monthly))
        }
        _ => masked(normal_form(api, item)),
    }
}

/// Writes rows as they come: JSON and YAML need no more memory than a page.
struct Rows<'a> {
    out: Box<dyn Write>,
    format: ListFormat,
    columns: &'a [(&'a str, &'a str)],
    table: Table,
    count: usize,
}

impl<'a> Rows<'a> {
    fn new(format: ListFormat, columns: &'a [(&'a str, &'a str)]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(std::iter::once("ACCOUNT").chain(columns.iter().map(|(title, _)| *title)));
        Self { out: Box::new(output::stdout()), format, columns, table, count: 0 }
    }

    fn page(&mut self, account: &str, items: Vec<Value>) -> io::Result<()> {
        for item in items {
            match self.format {
                ListFormat::Json => {
                    self.out.write_all(if self.count == 0 { b"[\n  " } else { b",\n  " })?;
                    write_json(&mut self.out, &item)?;
                }
                ListFormat::Yaml => {
                    let mut text = String::new();
                    yaml::value(&mut text, &Value::Array(vec![item]), 0);
                    self.out.write_all(text.as_bytes())?;
                }
                ListFormat::Table => {
                    let cells = self.columns.iter().map(|(_, path)| Cell::new(cell(&item, path)));
                    self.table.add_row(std::iter::once(Cell::new(Shown(account))).chain(cells));
                }
            }
            self.count += 1;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        match self.format {
            ListFormat::Json if self.count == 0 => writeln!(self.out, "[]")?,
            ListFormat::Json => writeln!(self.out, "\n]")?,
            ListFormat::Yaml if self.count == 0 => writeln!(self.out, "[]")?,
            ListFormat::Yaml => {}
            ListFormat::Table if self.count == 0 => output::note("No numbers."),
            ListFormat::Table => {
                let text = self.table.to_string();
                for line in text.lines() {
                    writeln!(self.out, "{}", line.trim_end())?;
                }
            }
        }
        self.out.flush()
    }
}

/// One cell: a JSON pointer, or what voice and SMS are routed to.
fn cell(item: &Value, path: &str) -> String {
    let text = |pointer: &str| item.pointer(pointer).filter(|value| !value.is_null()).map(plain);
    let value = match path {
        "voice" => [
            "/configurations/voice/trunk_sid",
            "/configurations/voice/application_sid",
            "/configurations/voice/url",
        ]
        .into_iter()
        .find_map(text),
        "sms" => {
            ["/configurations/sms/application_sid", "/configurations/sms/url"].into_iter().find_map(text)
        }
        pointer => text(pointer),
    };
    value.map_or_else(|| "-".to_owned(), |value| Shown(&value).to_string())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

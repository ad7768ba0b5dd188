//! `numctl doctor`: what the accounts and their credentials can do, and how to repair what they cannot.

use std::fmt::Write as _;
use std::io;

use anstyle::{AnsiColor, Style as Ansi};
use futures_util::future::{join, join_all};
use serde::Serialize;

use crate::client::Client;
use crate::client::api::error::Operation;
use crate::client::api::filter;
use crate::client::http::Http;
use crate::desired::AccountRef;
use crate::host::clock;
use crate::model::inert::spelt_out;
use crate::model::provider::Api;
use crate::report::doctor::{AccountExam, Answers, Check, CheckLevel, examine, without_credentials};
use crate::report::json::value as write_json;
use crate::report::names::plural;
use crate::report::shown::Shown;

use super::arguments::{DoctorArgs, Global, TextOrJson};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, output, progress};

/// Whose prices are asked for, as good as any.
const COUNTRY: &str = "US";

/// The checks of one account.
#[derive(Serialize)]
struct Checkup {
    account: String,
    account_sid: String,
    api: &'static str,
    checks: Vec<Check>,
}

impl Checkup {
    fn new(account: &AccountRef, api: Api, checks: Vec<Check>) -> Self {
        let (name, sid) = (account.name.to_string(), account.sid.to_string());
        Self { account: name, account_sid: sid, api: api.as_str(), checks }
    }
}

pub(super) async fn run(global: &Global, args: &DoctorArgs) -> Ended {
    let declared = fleet::accounts_of(global, &args.accounts)?;
    let (fleet, shut) = Fleet::open_what_can_be(global, &declared).await?;
    let name = args.accounts.account.as_deref();
    let is_meant = |account: &AccountRef| {
        name.is_none_or(|name| *account.name == *name || account.sid.to_string() == name)
    };
    let shut: Vec<_> = shut.into_iter().filter(|(account, _)| is_meant(account)).collect();
    // An account without credentials is one that is there, too.
    let meant = if name.is_some() && !shut.is_empty() { Vec::new() } else { fleet.only(name)? };
    let what = format!("checking {}", plural(meant.len(), "account"));
    let progress = progress::ListingProgress::named(what, meant.len());
    let examined = meant.into_iter().map(async |at| {
        let (account, client) = (&fleet.accounts[usize::from(at.0)], &fleet.clients[usize::from(at.0)]);
        let patient = AccountExam {
            api: client.routes.api,
            user: client.user().to_owned(),
            sid: account.sid.to_string(),
            has_kin: declared.len() > 1,
            moves_numbers: account.parent.is_none(),
        };
        let answers = ask(client).await;
        let checks = examine(&patient, &answers, clock::since_the_epoch());
        Checkup::new(account, client.routes.api, checks)
    });
    let mut examined = join_all(examined).await;
    progress.done();
    examined.extend(shut.iter().map(|(account, why)| {
        let declared = declared.iter().find(|declared| declared.name == account.name);
        let api = declared.and_then(|declared| declared.access.api).unwrap_or(global.api());
        Checkup::new(account, api, vec![without_credentials(&why.text)])
    }));
    // In the order of the file.
    examined.sort_by_key(|checkup| declared.iter().position(|known| *known.name == *checkup.account));
    let all_checks = || examined.iter().flat_map(|checkup| &checkup.checks);
    let is_bad = all_checks().any(|check| check.level == CheckLevel::Bad);
    match args.format {
        TextOrJson::Json => {
            output::print_with(|out| json(out, &examined))?;
        }
        TextOrJson::Text => {
            let mut text = String::new();
            for Checkup { account, account_sid, api, checks } in &examined {
                writeln!(text, "account {} ({account_sid}), over {api}", Shown(account))?;
                for check in checks {
                    line(&mut text, check)?;
                }
                text.push('\n');
            }
            text.push_str(if is_bad {
                "numctl cannot do all of its work here: see the fixes above.\n"
            } else {
                "No problems found.\n"
            });
            output::print(&text)?;
        }
    }
    fleet.close().await?;
    Ok(if is_bad { Exit::Error } else { Exit::Done })
}

/// Both APIs are asked, whichever is used.
async fn ask(client: &Client<Http>) -> Answers {
    let own = &client.routes;
    let page = |api| filter::first_page(own.over(api).numbers(), &[], 1);
    let ask = |operation, address| client.ask(operation, address);
    let ((account, active_numbers), (incoming_phone_numbers, prices)) = join(
        join(
            ask(Operation::Account, own.account(own.account)),
            ask(Operation::List, page(Api::ActiveNumbers)),
        ),
        join(
            ask(Operation::List, page(Api::IncomingPhoneNumbers)),
            ask(Operation::Price, own.prices(COUNTRY)),
        ),
    )
    .await;
    Answers { account, active_numbers, incoming_phone_numbers, prices }
}

fn line(text: &mut String, check: &Check) -> std::fmt::Result {
    let (sign, ansi): (_, Ansi) = match check.level {
        CheckLevel::Good => ("ok", AnsiColor::Green.on_default()),
        CheckLevel::Doubtful => ("!", AnsiColor::Yellow.on_default().bold()),
        CheckLevel::Bad => ("bad", AnsiColor::Red.on_default().bold()),
    };
    let sign = output::style().paint(ansi, format_args!("{sign:<3}"));
    writeln!(text, "  {sign} {:<21} {}", check.about, Shown(&check.says))?;
    if let Some(fix) = &check.fix {
        // Advice is not cut: its end is what to do.
        writeln!(text, "        fix: {}", spelt_out(fix))?;
    }
    Ok(())
}

fn json(mut out: impl io::Write, checkups: &[Checkup]) -> io::Result<()> {
    write_json(&mut out, &checkups)?;
    out.write_all(b"\n")
}

//! `numctl doctor`: what the accounts and their credentials can do, and how to mend what they cannot.

use std::fmt::Write as _;
use std::io;

use anstyle::{AnsiColor, Style as Ansi};
use futures_util::future::{join, join_all};
use serde::Serialize;

use crate::api::error::Operation;
use crate::api::filter;
use crate::client::Client;
use crate::clock;
use crate::doctor::{Answers, Check, Level, Patient, examine};
use crate::http::Http;
use crate::inert::spelt_out;
use crate::provider::Api;
use crate::render::json::value as write_json;
use crate::render::shown::Shown;

use super::arguments::{DoctorArgs, Global, TextOrJson};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, output};

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

pub(super) async fn run(global: &Global, args: &DoctorArgs) -> Ended {
    let fleet = Fleet::open(global, &fleet::accounts_of(global, &args.accounts)?).await?;
    let examined = fleet.only(args.accounts.account.as_deref())?.into_iter().map(async |at| {
        let (account, client) = (&fleet.accounts[usize::from(at.0)], &fleet.clients[usize::from(at.0)]);
        let patient = Patient {
            api: client.routes.api,
            user: client.user().to_owned(),
            sid: account.sid.to_string(),
            has_kin: fleet.accounts.len() > 1,
            moves_numbers: account.parent.is_none(),
        };
        let answers = ask(client).await;
        (at, examine(&patient, &answers, clock::since_the_epoch()))
    });
    let examined = join_all(examined).await;
    let is_bad = examined.iter().any(|(_, checks)| checks.iter().any(|check| check.level == Level::Bad));
    match args.format {
        TextOrJson::Json => {
            let checkups: Vec<Checkup> = examined
                .into_iter()
                .map(|(at, checks)| Checkup {
                    account: fleet.accounts[usize::from(at.0)].name.to_string(),
                    account_sid: fleet.accounts[usize::from(at.0)].sid.to_string(),
                    api: fleet.clients[usize::from(at.0)].routes.api.word(),
                    checks,
                })
                .collect();
            output::print_with(|out| json(out, &checkups))?;
        }
        TextOrJson::Text => {
            let mut text = String::new();
            for (at, checks) in &examined {
                let account = &fleet.accounts[usize::from(at.0)];
                let api = fleet.clients[usize::from(at.0)].routes.api;
                writeln!(text, "account {} ({}), over {api}", Shown(&account.name), account.sid)?;
                for check in checks {
                    line(&mut text, check)?;
                }
                text.push('\n');
            }
            text.push_str(if is_bad {
                "Something keeps numctl from its work: see the fixes.\n"
            } else {
                "Nothing keeps numctl from its work.\n"
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
        Level::Good => ("ok", AnsiColor::Green.on_default()),
        Level::Doubtful => ("!", AnsiColor::Yellow.on_default().bold()),
        Level::Bad => ("bad", AnsiColor::Red.on_default().bold()),
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

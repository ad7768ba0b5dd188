//! `numctl route`: where the calls and messages of a number end, and what on the number has no effect.

use futures_util::future::join_all;

use crate::client::Sighting;
use crate::client::api::error::ErrorKind;
use crate::client::api::routing::read_region;
use crate::client::http::Http;
use crate::client::pace::Lane;
use crate::client::{Client, ListError};
use crate::desired::{AccountIndex, AccountRef};
use crate::model::live::Live;
use crate::model::number::PhoneNumber;
use crate::model::routing::{sms, voice};
use crate::model::settings::{Field, Value};
use crate::observed::surroundings::look_around;
use crate::observed::wanted::WantedDetails;
use crate::report::route::Route;
use crate::report::shown::Shown;

use super::arguments::{Global, RouteArgs, TextOrJson};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, Fatal, output};

pub(super) async fn run(global: &Global, args: &RouteArgs) -> Ended {
    let number = PhoneNumber::declared(&args.number).map_err(|error| Fatal::new(error.to_string()))?;
    let fleet = Fleet::open(global, &fleet::accounts_of(global, &args.accounts)?).await?;
    let ended = show(&fleet, args, number).await;
    fleet.close().await?;
    ended
}

async fn show(fleet: &Fleet, args: &RouteArgs, number: PhoneNumber) -> Ended {
    let accounts = fleet.only(args.accounts.account.as_deref())?;
    let (at, live) = find(fleet, &accounts, number).await?;
    let account = &fleet.accounts[usize::from(at.0)];
    let text = route(&fleet.clients[usize::from(at.0)], account, number, &live, args.format).await;
    output::print(&text)?;
    Ok(Exit::Done)
}

/// The account that has the number, and the number as it is there.
async fn find(
    fleet: &Fleet,
    accounts: &[AccountIndex],
    number: PhoneNumber,
) -> Result<(AccountIndex, Live), Fatal> {
    let looked = accounts.iter().map(async |at| {
        let client = &fleet.clients[usize::from(at.0)];
        (*at, client.find(Lane::New, number).await)
    });
    let mut unread: Vec<(AccountIndex, ListError)> = Vec::new();
    for (at, sighting) in join_all(looked).await {
        match sighting {
            Ok((Sighting::There(live), _)) => return Ok((at, *live)),
            Ok((Sighting::Absent | Sighting::Perhaps, _)) => {}
            Err(error) => unread.push((at, error)),
        }
    }
    let mut text = match accounts {
        [only] => format!("{number} is not in account {}", Shown(&fleet.accounts[usize::from(only.0)].name)),
        _ => format!("{number} is in none of the {} accounts", accounts.len()),
    };
    if let Some((at, error)) = unread.first() {
        text = fleet.describe(*at, error);
    }
    Err(Fatal::new(text))
}

async fn route(
    client: &Client<Http>,
    account: &AccountRef,
    number: PhoneNumber,
    live: &Live,
    format: TextOrJson,
) -> String {
    let has_application = live.has(Field::VoiceApplicationSid) || live.has(Field::SmsApplicationSid);
    let has_sms = live.sms != Some(false);
    let wanted = WantedDetails {
        services: has_sms,
        applications: has_application,
        trunks: live.has(Field::VoiceTrunkSid),
    };
    let wanted = [wanted];
    let (mut around, region) = futures_util::future::join(
        look_around(std::slice::from_ref(client), &wanted),
        client.read_aside(client.routes.region(number), read_region),
    )
    .await;
    let (around, members) = around.pop().unwrap_or_default();
    let mut not_known: Vec<String> =
        [around.services.refusal(), around.applications.refusal(), around.trunks.refusal()]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect();
    let region = match region {
        Ok(region) => Some(region).filter(|region| **region != *client.routes.home_region()),
        Err(error) => {
            not_known.push(match error.kind {
                ErrorKind::Unauthorized | ErrorKind::Forbidden => {
                    "these credentials are not allowed to read the number's voice region".to_owned()
                }
                _ => format!("the number's voice region could not be read: {error}"),
            });
            None
        }
    };
    let service = members
        .iter()
        .find(|(sid, text, _)| live.sid.map_or(*text == Some(number), |own| own == *sid))
        .map(|(_, _, service)| Value::Service(*service));
    let own = |field: Field| match field {
        Field::SmsServiceSid => service.clone(),
        _ => live.get(field),
    };
    let route = Route {
        number,
        friendly_name: live.friendly_name.as_deref(),
        account,
        live,
        voice: voice(own, &around, region.as_deref()),
        sms: has_sms.then(|| sms(own, &around)),
        around: &around,
        not_known,
    };
    let mut text = String::new();
    match format {
        TextOrJson::Json => {
            let mut bytes = Vec::new();
            // Memory takes everything, and JSON is UTF-8.
            let _ = route.json(&mut bytes);
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        TextOrJson::Text => {
            let _ = route.text(&mut text);
        }
    }
    text
}

//! Whether numbers are in use, by the lists of calls and messages, in few requests.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::civil::Date;
use tracing::warn;
use url::Url;

use crate::client::Client;
use crate::client::api::error::{ApiError, Operation};
use crate::client::api::page_link::{self, PageLinkError};
use crate::client::api::traffic::{self, Traffic};
use crate::client::transport::Transport;
use crate::guard::last_use::{LastUses, Seen, Trust};
use crate::model::inert::spelt_out;
use crate::model::number::{NumberSid, PhoneNumber};
use crate::model::traffic::{Lookback, Medium, OwnedNumber, Party, Side, Use};
use crate::plan::{Plan, Warning};

/// What it takes to find nothing about one number: calls and messages, to it and from it.
const REQUESTS_EACH: usize = 4;

/// What the lists say of some numbers. A number that is in neither was not used.
#[derive(Debug, Default)]
pub struct Looked {
    /// The last use that was seen.
    pub used: BTreeMap<PhoneNumber, Use>,
    /// Of these nothing is known.
    pub unread: BTreeMap<PhoneNumber, ApiError>,
}

/// Holds the releases of numbers that are in use, where there is a guard; without one, nothing is
/// asked (law 7). What `known` knows well enough is not asked for again. `now` is the time since the
/// epoch.
pub async fn guard_releases<T: Transport>(
    plan: &mut Plan,
    clients: &[Client<T>],
    known: &mut LastUses,
    guard: Option<Lookback>,
    now: Duration,
    trust: Trust,
) {
    let Some(guard) = guard else { return };
    let since = guard.since(now);
    let asked = known.to_ask(plan, guard, now, trust).into_iter().map(async |(account, numbers)| {
        let looked = uses(&clients[usize::from(account.0)], &numbers, since, |_| {}).await;
        (account, numbers, looked)
    });
    for (account, numbers, looked) in join_all(asked).await {
        let sid = plan.account(account).sid;
        for OwnedNumber { number, .. } in numbers {
            let seen = match (looked.used.get(&number), looked.unread.get(&number)) {
                (Some(last), _) => Seen::Used(*last),
                (None, Some(_)) => Seen::Unread,
                (None, None) => Seen::Idle,
            };
            known.learn(number, sid, seen, since, now);
        }
        if let Some(error) = looked.unread.values().next() {
            let why = error.to_string().into();
            warn!(account = %spelt_out(&plan.account(account).name), error = ?error.to_string(), "calls and messages could not be read");
            plan.warnings.push(Warning::UseUnread { account, why });
        }
    }
    known.hold_back(plan, guard, now, trust);
}

/// Whether each of some numbers of an account was used since a day. `on_request` hears how many of
/// them are still unseen.
///
/// The account's own lists come first, however few the numbers are: a row may name a number by its SID,
/// in a SIP address or as the one that a call was forwarded from, and no filter finds these.
///
/// Ski rental: whether the account's own lists are short cannot be known before they are read. So they
/// are read, newest first, until that has cost as much as it would to look up, one by one, the numbers
/// that have not turned up yet; then these are looked up. Whatever the traffic is, that is at most
/// twice the cheaper of the two, a look-up being four requests as it is for an idle number. (What no
/// look-up can show, the calls of a SIP trunk, is the caller's to judge.)
pub async fn uses<T: Transport>(
    client: &Client<T>,
    numbers: &[OwnedNumber],
    since: Date,
    on_request: impl Fn(usize),
) -> Looked {
    let mut unseen: BTreeSet<PhoneNumber> = numbers.iter().map(|owned| owned.number).collect();
    let sids: BTreeMap<NumberSid, PhoneNumber> =
        numbers.iter().filter_map(|owned| Some((owned.sid?, owned.number))).collect();
    let mut looked = Looked::default();
    match read_lists(client, &sids, &mut unseen, &mut looked.used, since, &on_request).await {
        // What is in no list was not used.
        Ok(true) => {}
        Ok(false) => {
            let rest = one_by_one(client, unseen.into_iter(), since).await;
            looked.used.extend(rest.used);
            looked.unread = rest.unread;
        }
        Err(error) => looked.unread.extend(unseen.into_iter().map(|number| (number, error.clone()))),
    }
    looked
}

/// Reads the account's own lists, a page of each in turn. Says whether that told all: they came to
/// their ends, or every number turned up.
async fn read_lists<T: Transport>(
    client: &Client<T>,
    sids: &BTreeMap<NumberSid, PhoneNumber>,
    unseen: &mut BTreeSet<PhoneNumber>,
    used: &mut BTreeMap<PhoneNumber, Use>,
    since: Date,
    on_request: impl Fn(usize),
) -> Result<bool, ApiError> {
    let first = |medium| (medium, traffic::page(&client.routes, medium, None, since, client.page_size()));
    let mut lists = Medium::ALL.map(first).to_vec();
    let mut read: BTreeSet<Url> = BTreeSet::new();
    while !lists.is_empty() {
        let mut further = Vec::new();
        for (medium, url) in lists {
            if unseen.is_empty() {
                return Ok(true);
            }
            if read.len() >= unseen.len() * REQUESTS_EACH {
                return Ok(false);
            }
            if !read.insert(url.clone()) {
                // It would never end.
                return Err(ApiError::page_link(&PageLinkError::Malformed(url.into())));
            }
            let Traffic { uses, next } = client
                .look(Operation::Traffic, url, |body| {
                    traffic::read_traffic(body, medium, client.account, since)
                })
                .await?;
            for (party, one) in uses {
                let number = match party {
                    Party::Number(number) => number,
                    Party::Sid(sid) => match sids.get(&sid) {
                        Some(number) => *number,
                        None => continue,
                    },
                };
                // In both lists the newest comes first, and the last of both counts.
                if unseen.remove(&number) {
                    used.insert(number, one);
                } else if let Some(last) = used.get_mut(&number) {
                    *last = one.max(*last);
                }
            }
            on_request(unseen.len());
            if let Some(link) = next {
                let list = client.routes.traffic(medium);
                let url = page_link::resolve(&list, &link).map_err(|error| ApiError::page_link(&error))?;
                further.push((medium, url));
            }
        }
        lists = further;
    }
    Ok(true)
}

/// Looks up each number by itself, many at once as the account allows.
async fn one_by_one<T: Transport>(
    client: &Client<T>,
    numbers: impl Iterator<Item = PhoneNumber>,
    since: Date,
) -> Looked {
    let seen = join_all(numbers.map(async |number| (number, one(client, number, since).await))).await;
    let mut looked = Looked::default();
    for (number, seen) in seen {
        match seen {
            Ok(last) => looked.used.extend(last.map(|last| (number, last))),
            Err(error) => drop(looked.unread.insert(number, error)),
        }
    }
    looked
}

/// Whether one number was used: at most [`REQUESTS_EACH`] requests, and none after the first use.
async fn one<T: Transport>(
    client: &Client<T>,
    number: PhoneNumber,
    since: Date,
) -> Result<Option<Use>, ApiError> {
    for side in Side::ALL {
        for medium in Medium::ALL {
            let url = traffic::page(&client.routes, medium, Some((side, number)), since, 1);
            let read = |body: &[u8]| traffic::read_use(body, medium, client.account, side, number, since);
            if let Some(last) = client.look(Operation::Traffic, url, read).await? {
                return Ok(Some(last));
            }
        }
    }
    Ok(None)
}

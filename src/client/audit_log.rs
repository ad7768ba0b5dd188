//! Reads an account's audit log: at most a few pages, once, and never as proof of anything.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use tracing::debug;

use crate::client::Client;
use crate::client::api::audit::{self, AuditPage};
use crate::client::api::error::{ApiError, Operation};
use crate::client::api::page_link;
use crate::client::transport::Transport;
use crate::model::audit::AuditEvent;
use crate::model::inert;
use crate::model::number::{AccountSid, NumberSid};

/// One listing is at most this many pages.
const PAGES_MAX: usize = 5;
/// What can do without is not waited for as long as what cannot.
const TIME_MAX: Duration = Duration::from_secs(15);
/// Of what an answer says.
const MESSAGE_MAX: usize = 200;

/// What an account's audit log told.
#[derive(Debug, Clone, Default)]
pub struct AuditTrail {
    /// Each event once, the newest first.
    pub events: Vec<AuditEvent>,
    /// Whether it was read to its end, or as far back as was asked.
    pub is_whole: bool,
}

/// Why an audit log tells nothing. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoTrail {
    /// The path names no account, so that the log is that of whoever asks.
    #[error(
        "the credentials are those of account {0}, and Monitor Events shows only their own account's events"
    )]
    OthersCredentials(AccountSid),
    /// There is no such thing there.
    #[error("this API does not serve Monitor Events (HTTP 404)")]
    NotServed,
    #[error("the credentials are not allowed to read Monitor Events (HTTP {0})")]
    NotAllowed(u16),
    #[error("Monitor Events answered with HTTP {0}")]
    Status(u16),
    /// No answer, or none that can be read.
    #[error("Monitor Events could not be read: {0}")]
    Unreadable(Box<str>),
}

/// Reads the events since a time, of the whole account or of one number. `is_enough` says whether older
/// ones are needed too.
///
/// # Errors
/// Says why nothing is known.
pub async fn read_audit_log<T: Transport>(
    client: &Client<T>,
    of: Option<NumberSid>,
    since: Option<Timestamp>,
    is_enough: impl Fn(&[AuditEvent]) -> bool,
) -> Result<AuditTrail, NoTrail> {
    if let Some(owner) = client.lender() {
        return Err(NoTrail::OthersCredentials(owner));
    }
    let read = read_pages(client, of, since, is_enough);
    match tokio::time::timeout(TIME_MAX, read).await {
        Ok(trail) => trail,
        Err(_) => Err(NoTrail::Unreadable(format!("no answer within {} s", TIME_MAX.as_secs()).into())),
    }
}

async fn read_pages<T: Transport>(
    client: &Client<T>,
    of: Option<NumberSid>,
    since: Option<Timestamp>,
    is_enough: impl Fn(&[AuditEvent]) -> bool,
) -> Result<AuditTrail, NoTrail> {
    let listing = client.routes.events();
    let mut url = audit::page(&client.routes, of, since, crate::client::PAGE_SIZE_MAX);
    let (mut trail, mut seen, mut asked) = (AuditTrail::default(), BTreeSet::new(), BTreeSet::new());
    while asked.len() < PAGES_MAX && asked.insert(url.clone()) {
        let response =
            client.ask_in_turn(Operation::Events, url).await.map_err(|error| unreadable(&error))?;
        match response.status {
            200 => {}
            404 => return Err(NoTrail::NotServed),
            status @ (401 | 403) => return Err(NoTrail::NotAllowed(status)),
            status => return Err(NoTrail::Status(status)),
        }
        let AuditPage { events, timeless, next } = audit::read_events(&response.body)
            .map_err(|why| NoTrail::Unreadable(inert::message(&why, MESSAGE_MAX).into()))?;
        debug!(account = %client.name(), events = events.len(), timeless, "events");
        // Another account's says nothing of this one's numbers, and one that comes twice says no more.
        let is_ours = |event: &AuditEvent| event.account.is_none_or(|account| account == client.account);
        let is_new =
            |event: &AuditEvent| event.cause.event.as_ref().is_none_or(|sid| seen.insert(sid.clone()));
        trail.events.extend(events.into_iter().filter(is_ours).filter(is_new));
        let Some(link) = next else {
            trail.is_whole = true;
            break;
        };
        if is_enough(&trail.events) {
            break;
        }
        url = page_link::resolve(&listing, &link)
            .map_err(|error| NoTrail::Unreadable(inert::message(&error.to_string(), MESSAGE_MAX).into()))?;
    }
    trail.events.sort_by_key(|event| std::cmp::Reverse(event.cause.at));
    Ok(trail)
}

fn unreadable(error: &ApiError) -> NoTrail {
    NoTrail::Unreadable(inert::message(&error.to_string(), MESSAGE_MAX).into())
}

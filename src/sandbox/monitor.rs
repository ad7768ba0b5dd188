//! Monitor Events: the audit log over HTTP, newest first.
//!
//! Of Twilio's newer sort: the account is in the credentials alone, links are absolute, and lists
//! have a `meta` block.

use jiff::Timestamp;
use url::form_urlencoded;

use super::answer::{HttpRequest, Operation, SandboxError};
use super::audit::LoggedChange;
use super::faults::mix;
use super::json::{Object, quoted};
use super::page::{SandboxPage, meta};
use super::service::{Done, Sandbox};
use super::writes::last;

const EVENTS: &str = "/v1/Events";

/// The filters, by Twilio's names.
const FILTERS: [&str; 6] =
    ["ActorSid", "EventType", "ResourceSid", "SourceIpAddress", "StartDate", "EndDate"];

/// Where a request goes.
pub(super) enum MonitorRoute {
    Events,
    Event(String),
}

impl MonitorRoute {
    /// `None` where the path is not one of these.
    pub(super) fn new(request: &HttpRequest) -> Option<Result<Self, SandboxError>> {
        let route = match request.path.strip_prefix(EVENTS)? {
            "" => Self::Events,
            rest => Self::Event(rest.strip_prefix('/').filter(|sid| !sid.contains('/'))?.to_owned()),
        };
        Some(match request.method.as_str() {
            "GET" => Ok(route),
            _ => Err(SandboxError::new(405, 20004, "Method not allowed")),
        })
    }

    pub(super) fn operation(&self) -> Operation {
        Operation::Events
    }
}

impl Sandbox {
    pub(super) fn monitor(&self, request: &HttpRequest, account: &str, route: &MonitorRoute) -> Done {
        if self.faults.dialect.events_forbidden {
            return Err(SandboxError::new(403, 20403, "Forbidden"));
        }
        match route {
            MonitorRoute::Events => self.list_events(request, account),
            MonitorRoute::Event(sid) => {
                let is_it = |change: &&LoggedChange| change.sid() == *sid && *change.account == *account;
                let found = self
                    .visible_changes()
                    .find(is_it)
                    .ok_or_else(|| SandboxError::not_found(&request.path))?;
                Ok((200, row(found, &request.base)))
            }
        }
    }

    /// What the log shows by now, in the order in which it happened: what is late is not there yet, and
    /// what was lost never is.
    fn visible_changes(&self) -> impl Iterator<Item = &LoggedChange> {
        let dialect = &self.faults.dialect;
        let now = self.world.now;
        let is_lost = move |change: &&LoggedChange| {
            // The same change is lost in every listing.
            let draw = (mix(change.place ^ 0x5eed) >> 11) as f64 / (1_u64 << 53) as f64;
            draw < dialect.event_loss
        };
        let is_late = move |change: &&LoggedChange| change.at.saturating_add(dialect.event_delay) > now;
        self.world.audit.changes().iter().filter(move |change| !is_lost(change) && !is_late(change))
    }

    fn list_events(&self, request: &HttpRequest, account: &str) -> Done {
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let page = SandboxPage::new(&query, dialect)?;
        let asked: Vec<(&str, &str)> = FILTERS
            .into_iter()
            .filter_map(|name| Some((name, last(&query, name).filter(|value| !value.is_empty())?)))
            .collect();
        let value = |wanted: &str| asked.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        let time = |name: &str| match value(name) {
            None => Ok(None),
            Some(text) => text.parse::<Timestamp>().map(Some).map_err(|_| {
                SandboxError::bad(20001, format!("Invalid date format {text} for {name}: ISO 8601 in GMT"))
            }),
        };
        let (start, end) = (time("StartDate")?, time("EndDate")?);
        let is = |name: &str, found: Option<&str>| value(name).is_none_or(|wanted| found == Some(wanted));
        let mut events: Vec<&LoggedChange> = self
            .visible_changes()
            .filter(|change| *change.account == *account)
            .filter(|change| {
                is("ActorSid", change.actor.as_deref())
                    && is("EventType", Some(&change.event_type))
                    && is("ResourceSid", Some(&change.resource))
                    && is("SourceIpAddress", change.ip.as_deref())
                    && start.is_none_or(|start| change.timestamp() >= start)
                    && end.is_none_or(|end| change.timestamp() <= end)
            })
            .collect();
        events.reverse();
        if dialect.events_doubled {
            events = events.into_iter().flat_map(|event| [event, event]).collect();
        }
        if dialect.events_shuffled {
            events.sort_by_key(|event| mix(event.place));
        }
        let rest = events.get(page.number.saturating_mul(page.size)..).unwrap_or_default();
        let rows: Vec<String> = rest.iter().take(page.size).map(|event| row(event, &request.base)).collect();
        let link = |number: usize| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&asked);
            query.append_pair("PageSize", &page.size.to_string()).append_pair("Page", &number.to_string());
            format!("{}{EVENTS}?{}", request.base, query.finish())
        };
        let meta = meta(page, rest.len() > page.size, "events", link);
        Ok((200, Object::new().raw("events", &format!("[{}]", rows.join(","))).raw("meta", &meta).end()))
    }
}

/// An event with every key of Twilio's schema.
fn row(change: &LoggedChange, base: &str) -> String {
    let value = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), quoted);
    let mut properties = Object::new();
    for (name, property) in &change.properties {
        let both = Object::new()
            .raw("previous", &value(property.previous.as_deref()))
            .raw("updated", &value(property.updated.as_deref()))
            .end();
        properties = properties.raw(name, &both);
    }
    let data = match change.properties.is_empty() {
        true => "null".to_owned(),
        false => Object::new().raw("resource_properties", &properties.end()).end(),
    };
    let (sid, accounts) = (change.sid(), format!("{base}/2010-04-01/Accounts/{}", change.account));
    let links = Object::new()
        .text("actor", &accounts)
        .text("resource", &format!("{accounts}/IncomingPhoneNumbers/{}", change.resource))
        .end();
    Object::new()
        .text("account_sid", &change.account)
        .text_or_null("actor_sid", change.actor.as_deref())
        .text("actor_type", change.door.actor_type())
        .raw("description", "null")
        .raw("event_data", &data)
        .text("event_date", &change.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .text("event_type", &change.event_type)
        .raw("links", &links)
        .text("resource_sid", &change.resource)
        .text("resource_type", change.resource_type())
        .text("sid", &sid)
        .text("source", change.door.source())
        .text_or_null("source_ip_address", change.ip.as_deref())
        .text("url", &format!("{base}{EVENTS}/{sid}"))
        .end()
}

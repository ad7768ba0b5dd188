//! Monitor Events, read leniently: types and properties that no one knows are kept, and an event without
//! what it is about is an event about nothing.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value as Json;
use url::Url;

use super::filter::first_page;
use super::routes::Routes;
use super::wire::{self, Rows};
use crate::model::audit::{AuditEvent, Cause, Origin, PropertyChange, text};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};

/// One page of events.
#[derive(Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// In the order of the page, which is not to be relied on.
    pub events: Vec<AuditEvent>,
    /// How many rows had no time, and are left out.
    pub timeless: usize,
    /// Where the next page is, not yet checked.
    pub next: Option<String>,
}

/// The first page of the events since a time, of the whole account or of one number.
#[must_use]
pub fn page(routes: &Routes, of: Option<NumberSid>, since: Option<Timestamp>, page_size: u16) -> Url {
    let since = since.map(|since| since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let sid = of.map(|sid| sid.to_string());
    let pairs = [("ResourceSid", sid.as_deref()), ("StartDate", since.as_deref())];
    let pairs: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    first_page(routes.events(), &pairs, page_size)
}

#[derive(Deserialize)]
struct AuditEvents {
    events: Rows<Json>,
    #[serde(default)]
    meta: Option<AuditMeta>,
}

#[derive(Deserialize)]
struct AuditMeta {
    #[serde(default)]
    next_page_url: Option<String>,
}

/// Reads a page of what [`page`] asked for.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_events(body: &[u8]) -> Result<AuditPage, String> {
    let page = wire::read(body, serde_json::from_str::<AuditEvents>)?;
    let Rows(rows) = page.events;
    let many = rows.len();
    let events: Vec<AuditEvent> = rows.iter().filter_map(event).collect();
    let next = page.meta.and_then(|meta| meta.next_page_url).filter(|link| !link.is_empty());
    Ok(AuditPage { timeless: many - events.len(), events, next })
}

/// One event; `None` where it has no time.
fn event(row: &Json) -> Option<AuditEvent> {
    let word = |name: &str| row.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    let at: Timestamp = word("event_date")?.parse().ok()?;
    let data = row.get("event_data");
    // Updates have their properties one level deeper than Twilio's own sample of an account.
    let properties = data.and_then(|data| data.get("resource_properties")).or(data).and_then(Json::as_object);
    let changes: Vec<PropertyChange> = properties
        .into_iter()
        .flatten()
        .filter_map(|(name, both)| {
            let both = both.as_object()?;
            if !both.contains_key("previous") && !both.contains_key("updated") {
                return None;
            }
            let value = |name: &str| both.get(name).and_then(scalar);
            Some(PropertyChange::new(name, value("previous").as_deref(), value("updated").as_deref()))
        })
        .collect();
    let named =
        properties.and_then(|properties| properties.get("phone_number")).and_then(|value| match value {
            Json::Object(both) => {
                ["updated", "previous"].into_iter().find_map(|name| both.get(name)?.as_str())
            }
            other => other.as_str(),
        });
    Some(AuditEvent {
        cause: Cause {
            at,
            origin: Origin::from_event(word("source"), word("actor_type")),
            actor: word("actor_sid").map(text),
            ip: word("source_ip_address").map(text),
            event: word("sid").map(text),
        },
        kind: word("event_type").map_or_else(|| "unknown".into(), text),
        account: word("account_sid").and_then(AccountSid::observed),
        resource: word("resource_sid").and_then(NumberSid::observed),
        number: named.and_then(PhoneNumber::observed),
        changes,
    })
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Field;

    #[test]
    fn an_update_names_who_and_what() {
        let sid = "PN".to_owned() + &"a".repeat(32);
        let body = format!(
            r#"{{"events":[{{"sid":"AE1","event_type":"phone-number.updated","event_date":"2026-11-28T10:42:31Z",
            "actor_type":"user","actor_sid":"US1","source":"web","source_ip_address":"203.0.113.7","account_sid":null,
            "resource_sid":"{sid}","event_data":{{"resource_properties":{{
            "voice_url":{{"previous":"https://a.example","updated":"https://b.example"}},
            "voice_caller_id_lookup":{{"previous":false,"updated":true}}}}}}}}],"meta":{{"next_page_url":null}}}}"#
        );
        let page = read_events(body.as_bytes()).expect("a page");
        let event = &page.events[0];
        assert_eq!(event.resource, NumberSid::observed(&sid));
        assert_eq!(event.cause.origin, Origin::Console);
        let change = event.change(Field::VoiceUrl).expect("the URL");
        assert_eq!(change.after.as_deref(), Some("https://b.example"));
        assert_eq!(event.change(Field::VoiceCallerIdLookup).and_then(|c| c.after.as_deref()), Some("true"));
    }

    #[test]
    fn odd_events_are_kept_and_junk_is_refused() {
        let body = r#"{"events":[
            {"event_type":"poem.written","event_date":"2026-11-28T10:42:31Z","resource_sid":7,"event_data":"x"},
            {"event_type":"phone-number.updated"}, null, [], {"event_date":"never"},
            {"event_date":"2026-11-28T10:42:31Z","event_data":{"friendly_name":{"previous":"A","updated":"B"},"n":{"x":1}}}]}"#;
        let page = read_events(body.as_bytes()).expect("a page");
        assert_eq!((page.events.len(), page.timeless), (2, 4));
        assert_eq!(&*page.events[0].kind, "poem.written");
        assert_eq!(page.events[1].changes.len(), 1);
        for junk in ["", "{}", "<html>", "[]", r#"{"events":{}}"#, r#"{"events":null}"#] {
            assert!(read_events(junk.as_bytes()).is_err(), "{junk}");
        }
    }
}

//! The lists of calls and messages, newest first.

use jiff::civil::Date;

use crate::model::number::PhoneNumber;
use crate::model::traffic::{Medium, day, numbers_in};

use super::super::answer::{HttpRequest, SandboxError};
use super::super::event::SandboxEvent;
use super::super::filters::plus;
use super::super::json::Object;
use super::super::service::{Done, Sandbox};
use super::super::writes::last;
use super::paging::{PageAsk, PageShown, filters};

impl Sandbox {
    pub(super) fn list_traffic(&self, request: &HttpRequest, account: &str, medium: Medium) -> Done {
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let ask = PageAsk::new(&query, dialect, |hex| u128::from_str_radix(hex, 16).ok())?;
        let (key, time) = match medium {
            Medium::Call => ("calls", "StartTime"),
            Medium::Message => ("messages", "DateSent"),
        };
        let (on, after, before) = (time.to_owned(), format!("{time}>"), format!("{time}<"));
        let asked: Vec<_> = filters(&query, &["To", "From", &on, &after, &before])
            .into_iter()
            .map(|(name, value)| if name.len() < 5 { (name, plus(&value)) } else { (name, value) })
            .collect();
        let date = |name: &str| match last(&asked, name) {
            None => Ok(None),
            Some(text) => text.parse::<Date>().map(Some).map_err(|_| {
                SandboxError::bad(20001, format!("Invalid date format {text} for {name}: YYYY-MM-DD"))
            }),
        };
        let (on, after, before) = (date(&on)?, date(&after)?, date(&before)?);
        let (to, from) = (last(&asked, "To"), last(&asked, "From"));
        let passes = |event: &SandboxEvent| {
            let day = day(event.at);
            to.is_none_or(|to| event.to == to)
                && from.is_none_or(|from| event.from == from)
                && on.is_none_or(|on| day == on)
                && after.is_none_or(|after| day >= after)
                // Of calls it is before that day, and of messages that day too.
                && before.is_none_or(|before| day < before || (medium == Medium::Message && day == before))
        };
        let mut events = self.world.traffic_of(account, medium);
        events.retain(|(_, event)| passes(event));
        let at = |key: &u128| events.iter().position(|(place, _)| *place as u128 == *key);
        let keys = || events.iter().map(|(place, _)| *place as u128);
        let forward = |key: Option<&u128>| keys().skip(key.and_then(at).map_or(0, |at| at + 1));
        let backward = |key: &u128| keys().take(at(key).unwrap_or(0)).rev();
        let (places, more) = ask.slice(forward, backward);
        let row = |key: &u128| {
            let event = self.world.traffic.get(usize::try_from(*key).ok()?)?;
            Some(self.traffic_row(account, *key, event))
        };
        let rows: Vec<String> = places.iter().filter_map(row).collect();
        let hex = |key: &u128| format!("{key:032x}");
        let ends = places.first().zip(places.last()).map(|(first, last)| (hex(first), hex(last)));
        let shown = PageShown { key, path: &request.path, filters: &asked, rows: &rows, ends, more };
        Ok((200, shown.body(&ask, dialect)))
    }

    /// A row with every key of Twilio's schema.
    fn traffic_row(&self, account: &str, place: u128, event: &SandboxEvent) -> String {
        let at = event.at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
        let ours = |text: &str| {
            let owned = |number: &PhoneNumber| self.world.owner(*number).is_some_and(|(of, _)| of == account);
            numbers_in(text).find(owned)
        };
        let called = ours(&event.to);
        let is_inbound = called.is_some();
        let sid = called.and_then(|number| self.world.owner(number)).map(|(_, sid)| sid);
        // A call to a SIP address of a number came in by its trunk.
        let trunk_call = called.filter(|number| event.to != number.to_string());
        let forwarded_from = trunk_call.map(|number| number.to_string());
        let direction = match (is_inbound, &forwarded_from) {
            (true, Some(_)) => "trunking-originating",
            (true, None) => "inbound",
            (false, _) => "outbound-api",
        };
        let row = Object::new()
            .text("account_sid", account)
            .text("api_version", "2010-04-01")
            .text("date_created", &at)
            .text("date_updated", &at)
            .text("from", &event.from)
            .text("to", &event.to)
            .text("price_unit", "USD")
            .raw("price", "null");
        let accounts = format!("/2010-04-01/Accounts/{account}");
        match event.medium {
            Medium::Call => {
                let call = format!("CA{place:032x}");
                row.text("direction", direction)
                    .text("start_time", &at)
                    .text("end_time", &at)
                    .text("duration", "0")
                    .text("status", "completed")
                    .text("from_formatted", &event.from)
                    .text("to_formatted", &event.to)
                    .text("queue_time", "0")
                    .text_or_null("phone_number_sid", sid.as_deref())
                    .raw("answered_by", "null")
                    .raw("caller_name", "null")
                    .text_or_null("forwarded_from", forwarded_from.as_deref())
                    .raw("group_sid", "null")
                    .raw("parent_call_sid", "null")
                    .raw("trunk_sid", "null")
                    .raw("subresource_uris", "{}")
                    .text("uri", &format!("{accounts}/Calls/{call}.json"))
                    .text("sid", &call)
                    .end()
            }
            Medium::Message => {
                let sid = format!("SM{place:032x}");
                row.text("direction", if is_inbound { "inbound" } else { "outbound-api" })
                    .text("date_sent", &at)
                    .text("status", if is_inbound { "received" } else { "delivered" })
                    .text("body", "")
                    .text("num_media", "0")
                    .text("num_segments", "1")
                    .raw("error_code", "null")
                    .raw("error_message", "null")
                    .raw("messaging_service_sid", "null")
                    .raw("subresource_uris", "{}")
                    .text("uri", &format!("{accounts}/Messages/{sid}.json"))
                    .text("sid", &sid)
                    .end()
            }
        }
    }
}

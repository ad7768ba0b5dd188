//! What decides where calls and messages end, as Twilio's other products list it: Messaging Services and
//! their numbers (messaging v1), applications (v2010), trunks (trunking v1), regions (routes v2).

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::wire;
use crate::model::number::{ApplicationSid, NumberSid, PhoneNumber, ServiceSid, TrunkSid};
use crate::model::routing::{Application, Hook, MessagingService, Trunk};

/// A page of a list: its rows, and where the next page is, not yet checked.
pub type Paged<R> = (Vec<R>, Option<String>);

#[derive(Deserialize)]
struct RoutingMeta {
    #[serde(default)]
    next_page_url: Option<String>,
}

#[derive(Deserialize)]
struct RoutingPage<R> {
    #[serde(alias = "services", alias = "phone_numbers", alias = "applications", alias = "trunks")]
    rows: Vec<R>,
    #[serde(default)]
    meta: Option<RoutingMeta>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

fn read<R: DeserializeOwned, V>(body: &[u8], make: impl Fn(R) -> Option<V>) -> Result<Paged<V>, String> {
    let page: RoutingPage<R> = wire::read(body, serde_json::from_str)?;
    let rows = page.rows.into_iter().map(|row| make(row).ok_or("a row has no SID of its kind"));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let next = page.meta.and_then(|meta| meta.next_page_url).or(page.next_page_uri);
    Ok((rows, next.filter(|next| !next.is_empty())))
}

/// `null` and `""` are the same.
fn some(text: Option<String>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(Into::into)
}

fn hook(url: Option<String>, method: Option<String>) -> Option<Hook> {
    let method = some(method).unwrap_or_else(|| "POST".into());
    some(url).map(|url| Hook { url, method })
}

#[derive(Deserialize)]
struct ServiceRow {
    sid: String,
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    inbound_request_url: Option<String>,
    #[serde(default)]
    inbound_method: Option<String>,
    #[serde(default)]
    use_inbound_webhook_on_number: Option<bool>,
}

/// A page of Messaging Services. How many numbers each has is not in it.
///
/// # Errors
/// When it is no such page.
pub fn read_services(body: &[u8]) -> Result<Paged<(ServiceSid, MessagingService)>, String> {
    read(body, |row: ServiceRow| {
        let service = MessagingService {
            friendly_name: some(row.friendly_name),
            inbound: hook(row.inbound_request_url, row.inbound_method),
            defers: row.use_inbound_webhook_on_number,
            members: 0,
        };
        Some((ServiceSid::observed(&row.sid)?, service))
    })
}

#[derive(Deserialize)]
struct MemberRow {
    sid: String,
    #[serde(default)]
    phone_number: Option<String>,
    #[serde(default)]
    service_sid: Option<String>,
}

/// A page of the numbers in a Messaging Service.
///
/// # Errors
/// When it is no such page.
pub fn read_members(body: &[u8]) -> Result<Paged<(NumberSid, Option<PhoneNumber>)>, String> {
    read(body, |row: MemberRow| {
        Some((NumberSid::observed(&row.sid)?, row.phone_number.as_deref().and_then(PhoneNumber::observed)))
    })
}

/// One number in a Messaging Service: which number in which.
///
/// # Errors
/// When it is not one.
pub fn read_member(body: &[u8]) -> Result<(NumberSid, Option<ServiceSid>), String> {
    let row: MemberRow = wire::read(body, serde_json::from_str)?;
    let sid = NumberSid::observed(&row.sid).ok_or("its sid is not a phone number's")?;
    Ok((sid, row.service_sid.as_deref().and_then(ServiceSid::observed)))
}

#[derive(Deserialize)]
struct ApplicationRow {
    sid: String,
    #[serde(default)]
    friendly_name: Option<String>,
    #[serde(default)]
    voice_url: Option<String>,
    #[serde(default)]
    voice_method: Option<String>,
    #[serde(default)]
    sms_url: Option<String>,
    #[serde(default)]
    sms_method: Option<String>,
}

/// A page of applications.
///
/// # Errors
/// When it is no such page.
pub fn read_applications(body: &[u8]) -> Result<Paged<(ApplicationSid, Application)>, String> {
    read(body, |row: ApplicationRow| {
        let application = Application {
            friendly_name: some(row.friendly_name),
            voice: hook(row.voice_url, row.voice_method),
            sms: hook(row.sms_url, row.sms_method),
        };
        Some((ApplicationSid::observed(&row.sid)?, application))
    })
}

#[derive(Deserialize)]
struct TrunkRow {
    sid: String,
    #[serde(default)]
    friendly_name: Option<String>,
}

/// A page of trunks.
///
/// # Errors
/// When it is no such page.
pub fn read_trunks(body: &[u8]) -> Result<Paged<(TrunkSid, Trunk)>, String> {
    read(body, |row: TrunkRow| {
        Some((TrunkSid::observed(&row.sid)?, Trunk { friendly_name: some(row.friendly_name) }))
    })
}

/// The region in which a number's calls are processed.
///
/// # Errors
/// When the answer does not say.
pub fn read_region(body: &[u8]) -> Result<Box<str>, String> {
    #[derive(Deserialize)]
    struct RoutingRow {
        #[serde(default)]
        voice_region: Option<String>,
    }
    let row: RoutingRow = wire::read(body, serde_json::from_str)?;
    some(row.voice_region).ok_or_else(|| "it has no voice_region".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_either_api_writes_them() {
        let sid = "a".repeat(32);
        let body = format!(
            r#"{{"meta":{{"key":"services","next_page_url":"https://h/v1/Services?RoutingPage=1"}},"services":[{{"sid":"MG{sid}",
               "friendly_name":"A","inbound_request_url":null,"use_inbound_webhook_on_number":false,"new":1}}]}}"#
        );
        let (rows, next) = read_services(body.as_bytes()).expect("a page");
        assert_eq!(next.as_deref(), Some("https://h/v1/Services?RoutingPage=1"));
        assert_eq!((rows[0].1.defers, &rows[0].1.inbound), (Some(false), &None));
        let body = format!(r#"{{"applications":[{{"sid":"AP{sid}","voice_url":""}}],"next_page_uri":null}}"#);
        assert_eq!(read_applications(body.as_bytes()).expect("a page").0[0].1.voice, None);
        // What is not the API's is no empty list.
        assert!(read_services(b"{\"meta\":{}}").is_err());
        assert!(read_services(b"<html>").is_err());
        assert!(read_services(br#"{"services":[{"sid":"XX"}]}"#).is_err());
        assert!(read_region(b"{}").is_err());
    }
}

//! The JSON that a plan needs of a number, read leniently: see the oddities in [`crate::api`].

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::number::{AccountSid, NumberSid, PhoneNumber};
use crate::observed::Live;
use crate::settings::{Field, Settings, Value};

/// A scalar of whatever JSON type, as text; null and `""` are nothing.
#[derive(Debug, Default)]
struct Scalar<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl<'de> Visitor<'de> for AnyScalar {
            type Value = Scalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, a boolean or null")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar((!text.is_empty()).then_some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar((!text.is_empty()).then(|| Cow::Owned(text.to_owned()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Scalar(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Scalar(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Scalar(Some(Cow::Borrowed(if flag { "true" } else { "false" }))))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Scalar(None))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

impl Scalar<'_> {
    fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

#[derive(Debug, Deserialize)]
struct Row<'a> {
    #[serde(borrow, default)]
    phone_number: Scalar<'a>,
    #[serde(borrow, default)]
    sid: Scalar<'a>,
    #[serde(borrow, default)]
    account_sid: Scalar<'a>,
    #[serde(borrow, default)]
    url: Scalar<'a>,
    #[serde(borrow, default)]
    configuration: Option<Configuration<'a>>,
    #[serde(borrow, default)]
    configurations: Option<Configuration<'a>>,
    #[serde(default)]
    capabilities: Option<Capabilities>,
}

#[derive(Debug, Deserialize)]
struct Configuration<'a> {
    #[serde(borrow, default)]
    friendly_name: Scalar<'a>,
    #[serde(borrow, default)]
    status_callback: Scalar<'a>,
    #[serde(borrow, default)]
    status_callback_url: Scalar<'a>,
    #[serde(borrow, default)]
    status_callback_method: Scalar<'a>,
    #[serde(borrow, default)]
    voice: Option<Voice<'a>>,
    #[serde(borrow, default)]
    sms: Option<Sms<'a>>,
}

#[derive(Debug, Deserialize)]
struct Voice<'a> {
    #[serde(borrow, default)]
    url: Scalar<'a>,
    #[serde(borrow, default)]
    method: Scalar<'a>,
    #[serde(borrow, default)]
    fallback_url: Scalar<'a>,
    #[serde(borrow, default)]
    fallback_method: Scalar<'a>,
    #[serde(borrow, default)]
    application_sid: Scalar<'a>,
    #[serde(borrow, default)]
    trunk_sid: Scalar<'a>,
    #[serde(borrow, default)]
    receive_mode: Scalar<'a>,
    #[serde(borrow, default)]
    caller_id_lookup: Scalar<'a>,
    #[serde(borrow, default)]
    emergency_address_sid: Scalar<'a>,
}

#[derive(Debug, Deserialize)]
struct Sms<'a> {
    #[serde(borrow, default)]
    url: Scalar<'a>,
    #[serde(borrow, default)]
    method: Scalar<'a>,
    #[serde(borrow, default)]
    fallback_url: Scalar<'a>,
    #[serde(borrow, default)]
    fallback_method: Scalar<'a>,
    #[serde(borrow, default)]
    application_sid: Scalar<'a>,
}

/// Whether the number can do SMS: absent says nothing, null says no.
#[derive(Debug, Default, Deserialize)]
struct Capabilities {
    #[serde(default, deserialize_with = "sms_capability")]
    sms: Option<bool>,
}

fn sms_capability<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Group {
        Flag(bool),
        Detail {
            #[serde(default)]
            inbound_connectivity: Option<bool>,
            #[serde(default)]
            outbound_connectivity: Option<bool>,
        },
        Other(de::IgnoredAny),
    }
    Ok(match Option::<Group>::deserialize(deserializer)? {
        None => Some(false),
        Some(Group::Flag(flag)) => Some(flag),
        Some(Group::Detail { inbound_connectivity: Some(false), outbound_connectivity: Some(false) }) => {
            Some(false)
        }
        Some(Group::Detail { .. }) => Some(true),
        Some(Group::Other(_)) => None,
    })
}

/// More rows than this on one page are no page of the API, whose largest has 1,000: as `{}`, a body
/// holds five million of them, and each takes hundreds of times as much memory as text.
const ROWS_MAX: usize = 10_000;

/// At most [`ROWS_MAX`] rows.
#[derive(Debug)]
struct Rows<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
            type Value = Rows<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = list.next_element()? {
                    if rows.len() == ROWS_MAX {
                        return Err(de::Error::custom(format_args!(
                            "a page has more than {ROWS_MAX} numbers"
                        )));
                    }
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_seq(Few(PhantomData))
    }
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    items: Rows<Row<'a>>,
    #[serde(borrow)]
    meta: Meta<'a>,
}

#[derive(Debug, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    next_page_url: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    #[serde(borrow, default)]
    page: Scalar<'a>,
}

/// A page of a listing as it came: its link is not yet checked.
#[derive(Debug)]
pub struct RawPage {
    /// The rows.
    pub rows: Vec<Live>,
    /// `meta.next_page_url`.
    pub next: Option<String>,
    /// `meta.page`, counted from 0, where the server says it.
    pub index: Option<usize>,
}

/// Shares what repeats over the rows of a fleet.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashSet<Arc<str>>,
    settings: HashSet<Arc<Settings>>,
}

impl Interner {
    fn value(&mut self, value: Value) -> Value {
        match value {
            Value::Url(text) => Value::Url(self.text(text)),
            other => other,
        }
    }

    fn text(&mut self, text: Arc<str>) -> Arc<str> {
        if let Some(known) = self.texts.get(&text) {
            return known.clone();
        }
        self.texts.insert(text.clone());
        text
    }

    fn settings(&mut self, settings: Settings) -> Arc<Settings> {
        if let Some(known) = self.settings.get(&settings) {
            return known.clone();
        }
        let shared = Arc::new(settings);
        self.settings.insert(shared.clone());
        shared
    }
}

/// Reads one page of a listing.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_page(body: &[u8], interner: &mut Interner) -> Result<RawPage, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| describe(text, &error))?;
    if envelope.meta.key.text().is_some_and(|key| key != "items") {
        return Err("its meta.key is not items".to_owned());
    }
    Ok(RawPage {
        rows: envelope.items.0.into_iter().map(|row| row.live(interner)).collect(),
        next: envelope.meta.next_page_url.text().map(str::to_owned),
        index: envelope.meta.page.text().and_then(|page| page.parse().ok()),
    })
}

/// The rows of one page as they came, and `meta.next_page_url`.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_items(body: &[u8]) -> Result<(Vec<serde_json::Value>, Option<String>), String> {
    #[derive(Deserialize)]
    struct Page<'a> {
        items: Rows<serde_json::Value>,
        #[serde(borrow)]
        meta: Meta<'a>,
    }
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let page: Page<'_> = serde_json::from_str(text).map_err(|error| describe(text, &error))?;
    Ok((page.items.0, page.meta.next_page_url.text().map(str::to_owned)))
}

/// Reads one number: a bare object, or an `items` wrapper with exactly one.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_number(body: &[u8]) -> Result<Live, String> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow, default)]
        items: Option<Rows<Row<'a>>>,
    }
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let wrapped: Wrapped<'_> = serde_json::from_str(text).map_err(|error| describe(text, &error))?;
    let row = match wrapped.items {
        Some(Rows(mut items)) if items.len() == 1 => items.remove(0),
        Some(Rows(items)) => return Err(format!("it holds {} numbers where one was asked for", items.len())),
        None => serde_json::from_str::<Row<'_>>(text).map_err(|error| describe(text, &error))?,
    };
    if row.phone_number.0.is_none() && row.sid.0.is_none() && row.url.0.is_none() {
        return Err("it describes no phone number".to_owned());
    }
    Ok(row.live(&mut Interner::default()))
}

fn describe(text: &str, error: &serde_json::Error) -> String {
    if text.trim_start().starts_with('<') {
        return "it is a web page, not JSON".to_owned();
    }
    match error.classify() {
        serde_json::error::Category::Eof => "the JSON is cut short".to_owned(),
        _ => error.to_string(),
    }
}

impl Row<'_> {
    fn live(&self, interner: &mut Interner) -> Live {
        let number = self.phone_number.text().and_then(PhoneNumber::observed);
        let raw_number = match number {
            Some(_) => None,
            None => self.phone_number.text().map(Box::from),
        };
        let sid =
            self.sid.text().and_then(NumberSid::observed).or_else(|| self.url.text().and_then(sid_in_url));
        let configuration = self.configuration.as_ref().or(self.configurations.as_ref());
        let settings: Settings = configuration
            .map(|configuration| {
                let values = configuration.fields();
                values
                    .into_iter()
                    .filter_map(|(field, scalar)| {
                        let value = Value::observed(field.kind(), scalar.text()?)?;
                        Some((field, interner.value(value)))
                    })
                    .collect()
            })
            .unwrap_or_default();
        Live {
            number,
            raw_number,
            sid,
            account_sid: self.account_sid.text().and_then(AccountSid::observed),
            friendly_name: configuration.and_then(|c| c.friendly_name.text()).map(Box::from),
            settings: interner.settings(settings),
            sms: self.capabilities.as_ref().and_then(|capabilities| capabilities.sms),
        }
    }
}

impl Configuration<'_> {
    fn fields(&self) -> Vec<(Field, &Scalar<'_>)> {
        let callback = match self.status_callback.0 {
            Some(_) => &self.status_callback,
            None => &self.status_callback_url,
        };
        let mut fields = vec![
            (Field::StatusCallback, callback),
            (Field::StatusCallbackMethod, &self.status_callback_method),
        ];
        if let Some(voice) = &self.voice {
            fields.extend([
                (Field::VoiceUrl, &voice.url),
                (Field::VoiceMethod, &voice.method),
                (Field::VoiceFallbackUrl, &voice.fallback_url),
                (Field::VoiceFallbackMethod, &voice.fallback_method),
                (Field::VoiceApplicationSid, &voice.application_sid),
                (Field::VoiceTrunkSid, &voice.trunk_sid),
                (Field::VoiceReceiveMode, &voice.receive_mode),
                (Field::VoiceCallerIdLookup, &voice.caller_id_lookup),
                (Field::VoiceEmergencyAddressSid, &voice.emergency_address_sid),
            ]);
        }
        if let Some(sms) = &self.sms {
            fields.extend([
                (Field::SmsUrl, &sms.url),
                (Field::SmsMethod, &sms.method),
                (Field::SmsFallbackUrl, &sms.fallback_url),
                (Field::SmsFallbackMethod, &sms.fallback_method),
                (Field::SmsApplicationSid, &sms.application_sid),
            ]);
        }
        fields
    }
}

/// The SID that an item's `url` ends in: an item without a `sid` is resolved through it.
fn sid_in_url(url: &str) -> Option<NumberSid> {
    let last = url.split(['?', '#']).next()?.rsplit('/').next()?;
    NumberSid::observed(last.strip_suffix(".json").unwrap_or(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Live {
        read_number(json.as_bytes()).expect(json)
    }

    #[test]
    fn both_spellings_of_the_configuration_are_read_alike() {
        let singular = number(
            r#"{"phone_number":"+18559728742","sid":"PNyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy","configuration":{"friendly_name":"a","status_callback_url":"https://s.example","voice":{"url":"","fallback_url":null,"method":"POST"}}}"#,
        );
        let plural = number(
            r#"{"items":[{"phone_number":"+18559728742","url":"https://p.example/Numbers/ActiveNumbers/PNyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy","configurations":{"friendly_name":"a","status_callback":"https://s.example","voice":{"url":null,"fallback_url":"","method":"POST"},"extra":1},"extra":{}}],"meta":{}}"#,
        );
        assert_eq!(singular, plural);
    }

    #[test]
    fn scalars_of_any_type_are_read() {
        let live = number(
            r#"{"phone_number":15552230000,"sid":null,"account_sid":"","configuration":{"voice":{"caller_id_lookup":"true","url":5},"sms":null}}"#,
        );
        assert_eq!(live.number.map(|n| n.to_string()).as_deref(), Some("15552230000"));
        assert_eq!(live.get(Field::VoiceCallerIdLookup), Some(Value::Flag(true)));
    }

    #[test]
    fn sms_is_yes_no_or_unknown() {
        let sms = |capabilities: &str| {
            number(&format!(r#"{{"phone_number":"+1555","capabilities":{capabilities}}}"#)).sms
        };
        assert_eq!(sms("null"), None);
        assert_eq!(sms("{}"), None);
        assert_eq!(sms(r#"{"sms":null}"#), Some(false));
        assert_eq!(sms(r#"{"sms":{"inbound_connectivity":true,"outbound_connectivity":false}}"#), Some(true));
        assert_eq!(
            sms(r#"{"sms":{"inbound_connectivity":false,"outbound_connectivity":false}}"#),
            Some(false)
        );
        assert_eq!(sms(r#"{"sms":true}"#), Some(true));
    }

    #[test]
    fn other_bodies_are_not_the_api() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "<html></html>",
            r#"{"items":[]}"#,
            r#"{"items":[{},{}]}"#,
            r#"{"items":"#,
        ] {
            assert!(read_number(body.as_bytes()).is_err(), "{body}");
        }
        for body in [
            "",
            "{}",
            r#"{"items":[]}"#,
            r#"{"meta":{}}"#,
            r#"{"items":null,"meta":{}}"#,
            r#"{"items":[],"meta":{"key":"calls"}}"#,
        ] {
            assert!(read_page(body.as_bytes(), &mut Interner::default()).is_err(), "{body}");
        }
        assert!(read_page(br#"{"items":[],"meta":{}}"#, &mut Interner::default()).is_ok());
        let page = |rows: usize| {
            let body = format!(r#"{{"items":[{}],"meta":{{}}}}"#, vec!["{}"; rows].join(","));
            read_page(body.as_bytes(), &mut Interner::default()).map(|page| page.rows.len())
        };
        assert_eq!(page(ROWS_MAX), Ok(ROWS_MAX));
        assert!(page(ROWS_MAX + 1).is_err_and(|why| why.contains("more than 10000 numbers")));
    }
}

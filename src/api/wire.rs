//! The JSON that a plan needs of a number, read leniently: see the oddities in [`crate::api`].

mod active;
pub(super) mod incoming;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;

use hashbrown::HashTable;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::number::{AccountSid, PhoneNumber};
use crate::observed::Live;
use crate::provider::Api;
use crate::settings::{Field, Settings, Value};
use crate::tariff::Tariff;

/// A scalar of whatever JSON type, as text; null and `""` are nothing.
#[derive(Debug, Default)]
pub(super) struct Scalar<'a>(Option<Cow<'a, str>>);

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
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// More rows than this on one page are no page of the API, whose largest has 1,000: as `{}`, a body
/// holds five million of them, and each takes hundreds of times as much memory as text.
const ROWS_MAX: usize = 10_000;

/// At most [`ROWS_MAX`] rows.
#[derive(Debug)]
pub(super) struct Rows<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Few<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
            type Value = Rows<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rows")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut rows = Vec::new();
                while let Some(row) = list.next_element()? {
                    if rows.len() == ROWS_MAX {
                        return Err(de::Error::custom(format_args!("a page has more than {ROWS_MAX} rows")));
                    }
                    rows.push(row);
                }
                Ok(Rows(rows))
            }
        }
        deserializer.deserialize_seq(Few(PhantomData))
    }
}

/// A page of a listing as it came: its link is not yet checked.
#[derive(Debug)]
pub struct RawPage {
    /// The rows.
    pub rows: Vec<Live>,
    /// `meta.next_page_url`, `next_page_uri`.
    pub next: Option<String>,
    /// `meta.page` or `page`, counted from 0, where the server says it.
    pub index: Option<usize>,
}

/// The rows of a page as they came.
#[derive(Debug)]
pub struct RawItems {
    /// The rows.
    pub items: Vec<serde_json::Value>,
    /// Where the next page is, not yet checked.
    pub next: Option<String>,
}

/// Shares what repeats over the rows of a fleet.
#[derive(Debug, Default)]
pub struct Interner {
    texts: HashSet<Arc<str>>,
    /// Each with the hash of the texts that it was read from.
    settings: HashTable<(u64, Arc<Settings>)>,
    hashing: RandomState,
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

    /// The settings that these texts are, each a field's; a field without one is left out. What is
    /// known already is found without being made.
    fn settings(&mut self, fields: &[(Field, &str)]) -> Arc<Settings> {
        let mut hasher = self.hashing.build_hasher();
        for (field, text) in fields {
            hasher.write_u8(*field as u8);
            hasher.write(text.as_bytes());
        }
        let hash = hasher.finish();
        if let Some((_, known)) = self.settings.find(hash, |(_, known)| known.were_read_from(fields)) {
            return known.clone();
        }
        let values = fields.iter().filter_map(|(field, text)| {
            let value = Value::observed(field.kind(), text)?;
            Some((*field, self.value(value)))
        });
        let settings: Arc<Settings> = Arc::new(values.collect());
        self.settings.insert_unique(hash, (hash, settings.clone()), |known| known.0);
        settings
    }
}

/// A number as far as both APIs tell it alike, each under keys of its own.
fn live<'a>(
    phone_number: &Scalar<'_>,
    account_sid: &Scalar<'_>,
    friendly_name: Option<&str>,
    fields: impl Iterator<Item = (Field, &'a Scalar<'a>)>,
    interner: &mut Interner,
) -> Live {
    let number = phone_number.text().and_then(PhoneNumber::observed);
    let mut texts = [(Field::FriendlyName, ""); Field::COUNT];
    let mut count = 0;
    for (place, (field, text)) in
        texts.iter_mut().zip(fields.filter_map(|(field, scalar)| Some((field, scalar.text()?))))
    {
        *place = (field, text);
        count += 1;
    }
    Live {
        number,
        raw_number: match number {
            Some(_) => None,
            None => phone_number.text().map(Box::from),
        },
        sid: None,
        account_sid: account_sid.text().and_then(AccountSid::observed),
        friendly_name: friendly_name.map(Box::from),
        settings: interner.settings(&texts[..count]),
        sms: None,
        emergency_address_status: None,
        tariff: Tariff::default(),
    }
}

/// Reads one page of a listing.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_page(api: Api, body: &[u8], interner: &mut Interner) -> Result<RawPage, String> {
    read(body, |text| match api {
        Api::ActiveNumbers => active::read_page(text, interner),
        Api::IncomingPhoneNumbers => incoming::read_page(text, interner),
    })
}

/// Reads one page of a listing or of a search, as it came.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_items(api: Api, body: &[u8]) -> Result<RawItems, String> {
    read(body, |text| match api {
        Api::ActiveNumbers => active::read_items(text),
        Api::IncomingPhoneNumbers => incoming::read_items(text),
    })
}

/// Reads one number.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_number(api: Api, body: &[u8]) -> Result<Live, String> {
    read(body, |text| match api {
        Api::ActiveNumbers => active::read_number(text),
        Api::IncomingPhoneNumbers => incoming::read_number(text),
    })
}

/// Reads an AvailableNumbers search for one number: what it is charged as; `None` where it is not on
/// offer.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_offer(body: &[u8], number: PhoneNumber) -> Result<Option<Tariff>, String> {
    read(body, |text| active::read_offer(text, number))
}

/// Reads a body that is JSON, and says in the API's terms what is wrong with it.
pub(super) fn read<'a, V>(
    body: &'a [u8],
    parse: impl FnOnce(&'a str) -> Result<V, serde_json::Error>,
) -> Result<V, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    parse(text).map_err(|error| describe(text, &error))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn number(json: &str) -> Live {
        read_number(Api::ActiveNumbers, json.as_bytes()).expect(json)
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
        assert_eq!(sms(r#"{"sms":{"inbound_connectivity":null}}"#), Some(true));
        for odd in [r#""yes""#, "1", "-1.5", "[{}]", r#"{"inbound_connectivity":"yes","x":[1]}"#] {
            assert_eq!(sms(&format!(r#"{{"sms":{odd}}}"#)), None, "{odd}");
        }
    }

    #[test]
    fn equal_settings_are_shared_and_others_are_not() {
        let mut interner = Interner::default();
        let mut row = |settings: &str| {
            let body = format!(
                r#"{{"items":[{{"phone_number":"+1555","configuration":{{{settings}}}}}],"meta":{{}}}}"#
            );
            let page = read_page(Api::ActiveNumbers, body.as_bytes(), &mut interner).expect("a page");
            page.rows[0].settings.clone()
        };
        let url = r#""voice":{"url":"https://a.example","method":"post","receive_mode":"telex"}"#;
        let first = row(url);
        assert_eq!(first.get(Field::VoiceMethod), Some(&Value::Method(crate::settings::HttpMethod::Post)));
        assert!(Arc::ptr_eq(&first, &row(url)));
        // The same text in another field, or after another field.
        for other in [r#""sms":{"url":"https://a.example"}"#, r#""voice":{"url":"https://a.example"}"#, ""] {
            assert!(!Arc::ptr_eq(&first, &row(other)) && first != row(other), "{other}");
        }
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
            assert!(read_number(Api::ActiveNumbers, body.as_bytes()).is_err(), "{body}");
        }
        for body in [
            "",
            "{}",
            r#"{"items":[]}"#,
            r#"{"meta":{}}"#,
            r#"{"items":null,"meta":{}}"#,
            r#"{"items":[],"meta":{"key":"calls"}}"#,
        ] {
            assert!(
                read_page(Api::ActiveNumbers, body.as_bytes(), &mut Interner::default()).is_err(),
                "{body}"
            );
        }
        assert!(
            read_page(Api::ActiveNumbers, br#"{"items":[],"meta":{}}"#, &mut Interner::default()).is_ok()
        );
        let page = |rows: usize| {
            let body = format!(r#"{{"items":[{}],"meta":{{}}}}"#, vec!["{}"; rows].join(","));
            read_page(Api::ActiveNumbers, body.as_bytes(), &mut Interner::default())
                .map(|page| page.rows.len())
        };
        assert_eq!(page(ROWS_MAX), Ok(ROWS_MAX));
        assert!(page(ROWS_MAX + 1).is_err_and(|why| why.contains("more than 10000 rows")));
    }
}

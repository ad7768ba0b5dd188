//! The JSON that a plan needs of a number, read leniently: see the oddities in [`crate::client::api`].

mod active;
pub(super) mod incoming;
mod lenient;
mod template;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, Hasher as _};
use std::marker::PhantomData;
use std::sync::Arc;
use std::{fmt, mem};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::model::live::{EmergencyAddressStatus, Live};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::provider::Api;
use crate::model::settings::{Field, Settings, Value};
use crate::model::tariff::Tariff;

pub(super) use lenient::LenientScalar;
use lenient::{LenientCapability, LenientGroup};

/// What a row says about a number besides its identity, as far as it could be read.
struct RowDetails<'a> {
    sid: Option<NumberSid>,
    sms: Option<bool>,
    tariff: Tariff,
    emergency_address_status: Option<EmergencyAddressStatus>,
    friendly_name: Option<&'a str>,
}

/// What a row holds in text may be at most this much: a number's own settings amount to about 1 kB, and a
/// webhook URL may be long.
const ROW_BYTES_MAX: usize = 64 << 10;

/// What settings that no other number shares take in memory beside their texts, and each of them.
const SETTINGS_BYTES: usize = 128;
const SETTING_BYTES: usize = 40;

/// What a text that no other number shares takes in memory beside itself.
const TEXT_BYTES: usize = 64;

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
#[derive(Debug, PartialEq, Eq)]
pub struct RawPage {
    pub rows: Vec<Live>,
    pub next: Option<String>,
    /// `meta.page` or `page`, counted from 0, where the server says it.
    pub index: Option<usize>,
    /// The fields that had another shape than the API's, each with how many rows had it so.
    pub odd: BTreeMap<&'static str, usize>,
    /// How many bytes of text the rows hold, those left out that earlier pages brought.
    pub text_bytes: usize,
}

/// The rows of a page as they came.
#[derive(Debug)]
pub struct RawItems {
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
    odd: BTreeMap<&'static str, usize>,
    text_bytes: usize,
}

impl Interner {
    /// Notes a field of another shape than the API's.
    fn note_odd(&mut self, field: &'static str) {
        *self.odd.entry(field).or_default() += 1;
    }

    /// A page of what was read since the last one.
    fn page(&mut self, rows: Vec<Live>, next: Option<String>, index: Option<usize>) -> RawPage {
        let (odd, text_bytes) = (mem::take(&mut self.odd), mem::take(&mut self.text_bytes));
        RawPage { rows, next, index, odd, text_bytes }
    }

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
        self.text_bytes = self.text_bytes.saturating_add(text.len() + TEXT_BYTES);
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
        self.text_bytes = self.text_bytes.saturating_add(SETTINGS_BYTES + fields.len() * SETTING_BYTES);
        self.settings.insert_unique(hash, (hash, settings.clone()), |known| known.0);
        settings
    }
}

/// The value of a field whose shape is not the API's, where it must not count as unset.
const UNKNOWN: &str = "unknown";

/// A number as either API describes it, each under keys of its own.
fn live<'a>(
    phone_number: &LenientScalar<'_>,
    account_sid: &LenientScalar<'_>,
    told: RowDetails<'_>,
    fields: impl Iterator<Item = (Field, &'a LenientScalar<'a>)>,
    interner: &mut Interner,
) -> Result<Live, serde_json::Error> {
    let given = phone_number.text();
    let (number, raw_number) = match given.and_then(PhoneNumber::observed) {
        Some(number) => (Some(number), None),
        // What it means is known to be there, and is not as clear as a release wants it.
        None => (given.and_then(PhoneNumber::meant), given.map(Box::from)),
    };
    let mut texts = [(Field::FriendlyName, ""); Field::COUNT];
    let (mut count, mut bytes) = (0, given.map_or(0, str::len));
    bytes += told.friendly_name.map_or(0, str::len);
    for (field, scalar) in fields {
        if scalar.is_odd {
            interner.note_odd(field.json_name());
        }
        // No one can tell that a number is on no trunk, and a trunk's traffic is not seen.
        let unknown = (scalar.is_odd && field == Field::VoiceTrunkSid).then_some(UNKNOWN);
        let (Some(text), Some(place)) = (scalar.text().or(unknown), texts.get_mut(count)) else { continue };
        *place = (field, text);
        (count, bytes) = (count + 1, bytes.saturating_add(text.len()));
    }
    if bytes > ROW_BYTES_MAX {
        return Err(de::Error::custom(format_args!(
            "a row has more than {} KiB of text",
            ROW_BYTES_MAX >> 10
        )));
    }
    let kept = [raw_number.as_deref(), told.friendly_name].into_iter().flatten().map(str::len).sum::<usize>();
    interner.text_bytes = interner.text_bytes.saturating_add(kept);
    Ok(Live {
        number,
        raw_number,
        sid: told.sid,
        account_sid: account_sid.text().and_then(AccountSid::observed),
        friendly_name: told.friendly_name.map(Box::from),
        settings: interner.settings(&texts[..count]),
        sms: told.sms,
        emergency_address_status: told.emergency_address_status,
        tariff: told.tariff,
    })
}

/// Reads of which account a page of v2010's listing is: by its rows, else by its own address.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_owner(body: &[u8]) -> Result<Option<AccountSid>, String> {
    read(body, incoming::read_owner)
}

/// Reads one page of a listing.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_page(api: Api, body: &[u8], interner: &mut Interner) -> Result<RawPage, String> {
    match by_template(api, body, interner) {
        Some((page, _)) => Ok(page),
        None => read(body, |text| in_full(api, text, interner)),
    }
}

/// How many rows of a page are not read by template; `None` where all of it is read in full.
#[cfg(feature = "testing")]
#[must_use]
pub fn rows_in_full(api: Api, body: &[u8]) -> Option<usize> {
    by_template(api, body, &mut Interner::default()).map(|(_, rows)| rows)
}

/// [`read_page`] without its quick way, which tests hold to this.
///
/// # Errors
/// The same.
#[cfg(feature = "testing")]
pub fn read_page_in_full(api: Api, body: &[u8], interner: &mut Interner) -> Result<RawPage, String> {
    read(body, |text| in_full(api, text, interner))
}

fn in_full(api: Api, text: &str, interner: &mut Interner) -> Result<RawPage, serde_json::Error> {
    match api {
        Api::ActiveNumbers => active::read_page(text, interner),
        Api::IncomingPhoneNumbers => incoming::read_page(text, interner),
    }
}

fn by_template(api: Api, body: &[u8], interner: &mut Interner) -> Option<(RawPage, usize)> {
    let around = |text: &str, interner: &mut Interner| in_full(api, text, interner).ok();
    match api {
        Api::ActiveNumbers => template::read_page::<active::ActiveRow<'_>>(body, interner, around),
        Api::IncomingPhoneNumbers => template::read_page::<incoming::IncomingRow<'_>>(body, interner, around),
    }
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
        assert_eq!(live.number.map(|n| n.to_string()).as_deref(), Some("+15552230000"));
        assert_eq!(live.raw_number.as_deref(), Some("15552230000"), "as it came");
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
    fn a_row_has_an_end_and_its_text_is_counted() {
        let mut interner = Interner::default();
        let mut page = |name: &str, url: &str| {
            let row = format!(
                r#"{{"phone_number":"+1555","configuration":{{"friendly_name":"{name}","voice":{{"url":"{url}"}}}}}}"#
            );
            let body = format!(r#"{{"items":[{row}],"meta":{{}}}}"#);
            read_page(Api::ActiveNumbers, body.as_bytes(), &mut interner).map(|page| page.text_bytes)
        };
        let first = page("12345", "https://a.example/").expect("a page");
        assert!(first > 5 + 18);
        assert_eq!(page("12345", "https://a.example/"), Ok(5), "the URL is shared");
        let long = "x".repeat(ROW_BYTES_MAX);
        assert!(page(&long, "").is_err_and(|why| why.contains("more than 64 KiB of text")));
        let fits = &long[.."+1555".len().abs_diff(ROW_BYTES_MAX)];
        assert!(page("", fits).is_ok() && page("1", fits).is_err());
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
        assert_eq!(
            first.get(Field::VoiceMethod),
            Some(&Value::Method(crate::model::settings::HttpMethod::Post))
        );
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

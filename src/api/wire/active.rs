//! ActiveNumbers on the wire: `items` and `meta`, and a number whose settings are in groups.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

use super::{Interner, RawItems, RawPage, Rows, Scalar, live};
use crate::number::{NumberSid, PhoneNumber};
use crate::observed::Live;
use crate::settings::Field;
use crate::tariff::{Country, Kind, Tariff};

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
    #[serde(rename = "type", borrow, default)]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    geography: Option<Geography<'a>>,
}

#[derive(Debug, Deserialize)]
struct Geography<'a> {
    #[serde(borrow, default)]
    iso_country: Scalar<'a>,
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
    /// Null, a flag, an object with details, or anything else. By hand: an untagged enum would keep the
    /// whole object before it looks at it.
    struct Group;
    impl<'de> Visitor<'de> for Group {
        type Value = Option<bool>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a capability")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Some(false))
        }
        fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
            Ok(Some(flag))
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(None)
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let (mut inbound, mut outbound) = (Json::Null, Json::Null);
            while let Some(key) = map.next_key::<Scalar<'_>>()? {
                match key.text() {
                    Some("inbound_connectivity") => inbound = map.next_value()?,
                    Some("outbound_connectivity") => outbound = map.next_value()?,
                    Some(_) | None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            }
            Ok(match (inbound, outbound) {
                (Json::Bool(false), Json::Bool(false)) => Some(false),
                (Json::Bool(_) | Json::Null, Json::Bool(_) | Json::Null) => Some(true),
                _ => None,
            })
        }
    }
    deserializer.deserialize_any(Group)
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

pub(super) fn read_page(text: &str, interner: &mut Interner) -> Result<RawPage, serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    if envelope.meta.key.text().is_some_and(|key| key != "items") {
        return Err(de::Error::custom("its meta.key is not items"));
    }
    Ok(RawPage {
        rows: envelope.items.0.into_iter().map(|row| row.live(interner)).collect(),
        next: envelope.meta.next_page_url.text().map(str::to_owned),
        index: envelope.meta.page.text().and_then(|page| page.parse().ok()),
    })
}

pub(super) fn read_items(text: &str) -> Result<RawItems, serde_json::Error> {
    #[derive(Deserialize)]
    struct Page<'a> {
        items: Rows<serde_json::Value>,
        #[serde(borrow)]
        meta: Meta<'a>,
    }
    let page: Page<'_> = serde_json::from_str(text)?;
    Ok(RawItems { items: page.items.0, next: page.meta.next_page_url.text().map(str::to_owned) })
}

/// A bare object, or an `items` wrapper with exactly one.
pub(super) fn read_number(text: &str) -> Result<Live, serde_json::Error> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow, default)]
        items: Option<Rows<Row<'a>>>,
    }
    let wrapped: Wrapped<'_> = serde_json::from_str(text)?;
    let row = match wrapped.items {
        Some(Rows(mut items)) if items.len() == 1 => items.remove(0),
        Some(Rows(items)) => {
            let many = items.len();
            return Err(de::Error::custom(format_args!("it holds {many} numbers where one was asked for")));
        }
        None => serde_json::from_str::<Row<'_>>(text)?,
    };
    if row.phone_number.0.is_none() && row.sid.0.is_none() && row.url.0.is_none() {
        return Err(de::Error::custom("it describes no phone number"));
    }
    Ok(row.live(&mut Interner::default()))
}

impl Row<'_> {
    fn live(&self, interner: &mut Interner) -> Live {
        let sid =
            self.sid.text().and_then(NumberSid::observed).or_else(|| self.url.text().and_then(sid_in_url));
        let configuration = self.configuration.as_ref().or(self.configurations.as_ref());
        Live {
            sid,
            sms: self.capabilities.as_ref().and_then(|capabilities| capabilities.sms),
            tariff: self.tariff(),
            ..live(
                &self.phone_number,
                &self.account_sid,
                configuration.and_then(|c| c.friendly_name.text()),
                configuration.into_iter().flat_map(Configuration::fields),
                interner,
            )
        }
    }
}

impl Row<'_> {
    fn tariff(&self) -> Tariff {
        let country = self.geography.as_ref().and_then(|geography| geography.iso_country.text());
        Tariff {
            country: country.and_then(Country::observed),
            kind: self.kind.text().and_then(Kind::observed),
        }
    }
}

/// What the number on offer that a search was for is charged as; `None` where it is not there.
pub(super) fn read_offer(text: &str, number: PhoneNumber) -> Result<Option<Tariff>, serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    let is_it = |row: &&Row<'_>| row.phone_number.text().and_then(PhoneNumber::observed) == Some(number);
    Ok(envelope.items.0.iter().find(is_it).map(Row::tariff))
}

impl Configuration<'_> {
    /// In the order of the fields.
    fn fields(&self) -> impl Iterator<Item = (Field, &Scalar<'_>)> {
        let callback = match self.status_callback.0 {
            Some(_) => &self.status_callback,
            None => &self.status_callback_url,
        };
        let own =
            [(Field::StatusCallback, callback), (Field::StatusCallbackMethod, &self.status_callback_method)];
        let voice = self.voice.iter().flat_map(|voice| {
            [
                (Field::VoiceUrl, &voice.url),
                (Field::VoiceMethod, &voice.method),
                (Field::VoiceFallbackUrl, &voice.fallback_url),
                (Field::VoiceFallbackMethod, &voice.fallback_method),
                (Field::VoiceApplicationSid, &voice.application_sid),
                (Field::VoiceTrunkSid, &voice.trunk_sid),
                (Field::VoiceReceiveMode, &voice.receive_mode),
                (Field::VoiceCallerIdLookup, &voice.caller_id_lookup),
                (Field::VoiceEmergencyAddressSid, &voice.emergency_address_sid),
            ]
        });
        let sms = self.sms.iter().flat_map(|sms| {
            [
                (Field::SmsUrl, &sms.url),
                (Field::SmsMethod, &sms.method),
                (Field::SmsFallbackUrl, &sms.fallback_url),
                (Field::SmsFallbackMethod, &sms.fallback_method),
                (Field::SmsApplicationSid, &sms.application_sid),
            ]
        });
        own.into_iter().chain(voice).chain(sms)
    }
}

/// The SID that an item's `url` ends in: an item without a `sid` is resolved through it.
fn sid_in_url(url: &str) -> Option<NumberSid> {
    let last = url.split(['?', '#']).next()?.rsplit('/').next()?;
    NumberSid::observed(last.strip_suffix(".json").unwrap_or(last))
}

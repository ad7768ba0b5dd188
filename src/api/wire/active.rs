//! ActiveNumbers on the wire: `items` and `meta`, and a number whose settings are in groups.

use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::{Interner, RawItems, RawPage, Rows, Scalar, live};
use crate::number::NumberSid;
use crate::observed::Live;
use crate::settings::Field;

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

//! ActiveNumbers on the wire: `items` and `meta`, and a number whose settings are in groups.

use serde::Deserialize;
use serde::de;

use super::template;
use super::{
    Interner, LenientCapability, LenientGroup, LenientScalar, RawItems, RawPage, RowDetails, Rows, live,
};
use crate::model::live::Live;
use crate::model::number::{NumberSid, PhoneNumber};
use crate::model::settings::Field;
use crate::model::tariff::{Country, KindOnBill, Tariff};

#[derive(Debug, Deserialize)]
pub(super) struct ActiveRow<'a> {
    #[serde(borrow, default)]
    phone_number: LenientScalar<'a>,
    #[serde(borrow, default)]
    sid: LenientScalar<'a>,
    #[serde(borrow, default)]
    account_sid: LenientScalar<'a>,
    #[serde(borrow, default)]
    url: LenientScalar<'a>,
    #[serde(borrow, default)]
    configuration: LenientGroup<Configuration<'a>>,
    #[serde(borrow, default)]
    configurations: LenientGroup<Configuration<'a>>,
    #[serde(default)]
    capabilities: LenientGroup<ActiveCapabilities>,
    #[serde(rename = "type", borrow, default)]
    kind: LenientScalar<'a>,
    #[serde(borrow, default)]
    geography: LenientGroup<ActiveGeography<'a>>,
}

#[derive(Debug, Deserialize)]
struct ActiveGeography<'a> {
    #[serde(borrow, default)]
    iso_country: LenientScalar<'a>,
}

#[derive(Debug, Deserialize)]
struct Configuration<'a> {
    #[serde(borrow, default)]
    friendly_name: LenientScalar<'a>,
    #[serde(borrow, default)]
    status_callback: LenientScalar<'a>,
    #[serde(borrow, default)]
    status_callback_url: LenientScalar<'a>,
    #[serde(borrow, default)]
    status_callback_method: LenientScalar<'a>,
    #[serde(borrow, default)]
    voice: LenientGroup<ActiveVoice<'a>>,
    #[serde(borrow, default)]
    sms: LenientGroup<ActiveSms<'a>>,
}

#[derive(Debug, Deserialize)]
struct ActiveVoice<'a> {
    #[serde(borrow, default)]
    url: LenientScalar<'a>,
    #[serde(borrow, default)]
    method: LenientScalar<'a>,
    #[serde(borrow, default)]
    fallback_url: LenientScalar<'a>,
    #[serde(borrow, default)]
    fallback_method: LenientScalar<'a>,
    #[serde(borrow, default)]
    application_sid: LenientScalar<'a>,
    #[serde(borrow, default)]
    trunk_sid: LenientScalar<'a>,
    #[serde(borrow, default)]
    receive_mode: LenientScalar<'a>,
    #[serde(borrow, default)]
    caller_id_lookup: LenientScalar<'a>,
    #[serde(borrow, default)]
    emergency_address_sid: LenientScalar<'a>,
}

#[derive(Debug, Deserialize)]
struct ActiveSms<'a> {
    #[serde(borrow, default)]
    url: LenientScalar<'a>,
    #[serde(borrow, default)]
    method: LenientScalar<'a>,
    #[serde(borrow, default)]
    fallback_url: LenientScalar<'a>,
    #[serde(borrow, default)]
    fallback_method: LenientScalar<'a>,
    #[serde(borrow, default)]
    application_sid: LenientScalar<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct ActiveCapabilities {
    #[serde(default)]
    sms: LenientCapability,
}

#[derive(Debug, Deserialize)]
struct ActiveEnvelope<'a> {
    #[serde(borrow)]
    items: Rows<ActiveRow<'a>>,
    #[serde(borrow)]
    meta: ActiveMeta<'a>,
}

#[derive(Debug, Deserialize)]
struct ActiveMeta<'a> {
    #[serde(borrow, default)]
    next_page_url: LenientScalar<'a>,
    #[serde(borrow, default)]
    key: LenientScalar<'a>,
    #[serde(borrow, default)]
    page: LenientScalar<'a>,
}

pub(super) fn read_page(text: &str, interner: &mut Interner) -> Result<RawPage, serde_json::Error> {
    let envelope: ActiveEnvelope<'_> = serde_json::from_str(text)?;
    if envelope.meta.key.text().is_some_and(|key| key != "items") {
        return Err(de::Error::custom("its meta.key is not items"));
    }
    let rows = envelope.items.0.iter().map(|row| row.live(interner)).collect::<Result<_, _>>()?;
    let next = envelope.meta.next_page_url.text().map(str::to_owned);
    Ok(interner.page(rows, next, envelope.meta.page.text().and_then(|page| page.parse().ok())))
}

pub(super) fn read_items(text: &str) -> Result<RawItems, serde_json::Error> {
    #[derive(Deserialize)]
    struct ActivePage<'a> {
        items: Rows<serde_json::Value>,
        #[serde(borrow)]
        meta: ActiveMeta<'a>,
    }
    let page: ActivePage<'_> = serde_json::from_str(text)?;
    Ok(RawItems { items: page.items.0, next: page.meta.next_page_url.text().map(str::to_owned) })
}

/// A bare object, or an `items` wrapper with exactly one.
pub(super) fn read_number(text: &str) -> Result<Live, serde_json::Error> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow, default)]
        items: Option<Rows<ActiveRow<'a>>>,
    }
    let wrapped: Wrapped<'_> = serde_json::from_str(text)?;
    let row = match wrapped.items {
        Some(Rows(mut items)) if items.len() == 1 => items.remove(0),
        Some(Rows(items)) => {
            let many = items.len();
            return Err(de::Error::custom(format_args!("it has {many} numbers where one was expected")));
        }
        None => serde_json::from_str::<ActiveRow<'_>>(text)?,
    };
    if [&row.phone_number, &row.sid, &row.url].iter().all(|key| key.text().is_none()) {
        return Err(de::Error::custom("it describes no phone number"));
    }
    row.live(&mut Interner::default())
}

impl ActiveRow<'_> {
    fn live(&self, interner: &mut Interner) -> Result<Live, serde_json::Error> {
        let sid =
            self.sid.text().and_then(NumberSid::observed).or_else(|| self.url.text().and_then(sid_in_url));
        let configuration = self.configuration.get().or(self.configurations.get());
        self.note_odd(configuration, interner);
        let told = RowDetails {
            sid,
            sms: match self.capabilities.get().map(|capabilities| &capabilities.sms) {
                Some(LenientCapability::Told(sms)) => Some(*sms),
                Some(LenientCapability::Null) => Some(false),
                Some(LenientCapability::Absent | LenientCapability::Odd) | None => None,
            },
            tariff: self.tariff(),
            emergency_address_status: None,
            friendly_name: configuration.and_then(|c| c.friendly_name.text()),
        };
        let fields = configuration.into_iter().flat_map(Configuration::fields);
        live(&self.phone_number, &self.account_sid, told, fields, interner)
    }

    fn tariff(&self) -> Tariff {
        let country = self.geography.get().and_then(|geography| geography.iso_country.text());
        Tariff {
            country: country.and_then(Country::observed),
            kind: self.kind.text().and_then(KindOnBill::observed),
        }
    }

    /// Notes what is odd beside the fields that can be set.
    fn note_odd(&self, configuration: Option<&Configuration<'_>>, interner: &mut Interner) {
        let capability = self.capabilities.get().map(|capabilities| &capabilities.sms);
        let geography = self.geography.get();
        for (field, is_odd) in [
            ("phone_number", self.phone_number.is_odd),
            ("sid", self.sid.is_odd),
            ("account_sid", self.account_sid.is_odd),
            ("url", self.url.is_odd),
            ("type", self.kind.is_odd),
            ("geography", self.geography.is_odd() || geography.is_some_and(|g| g.iso_country.is_odd)),
            (
                "capabilities",
                self.capabilities.is_odd() || matches!(capability, Some(LenientCapability::Odd)),
            ),
            ("configurations", self.configuration.is_odd() || self.configurations.is_odd()),
            ("friendly_name", configuration.is_some_and(|c| c.friendly_name.is_odd)),
            ("voice", configuration.is_some_and(|c| c.voice.is_odd())),
            ("sms", configuration.is_some_and(|c| c.sms.is_odd())),
        ] {
            if is_odd {
                interner.note_odd(field);
            }
        }
    }
}

impl<'a> template::WireRow<'a> for ActiveRow<'a> {
    const LIST: &'static str = "items";

    fn scalars(&mut self) -> Vec<&mut LenientScalar<'a>> {
        let Self {
            phone_number,
            sid,
            account_sid,
            url,
            configuration,
            configurations,
            capabilities: _,
            kind,
            geography,
        } = self;
        let mut all = Vec::with_capacity(32);
        all.extend([phone_number, sid, account_sid, url, kind]);
        all.extend(geography.get_mut().map(|geography| &mut geography.iso_country));
        for configuration in [configuration, configurations].into_iter().filter_map(LenientGroup::get_mut) {
            configuration.scalars(&mut all);
        }
        all
    }

    fn live(&self, interner: &mut Interner) -> Result<Live, serde_json::Error> {
        self.live(interner)
    }
}

/// What the number on offer that a search was for is charged as; `None` where it is not there.
pub(super) fn read_offer(text: &str, number: PhoneNumber) -> Result<Option<Tariff>, serde_json::Error> {
    let envelope: ActiveEnvelope<'_> = serde_json::from_str(text)?;
    let is_it =
        |row: &&ActiveRow<'_>| row.phone_number.text().and_then(PhoneNumber::observed) == Some(number);
    Ok(envelope.items.0.iter().find(is_it).map(ActiveRow::tariff))
}

impl<'a> Configuration<'a> {
    fn scalars<'b>(&'b mut self, all: &mut Vec<&'b mut LenientScalar<'a>>) {
        let Self { friendly_name, status_callback, status_callback_url, status_callback_method, voice, sms } =
            self;
        all.extend([friendly_name, status_callback, status_callback_url, status_callback_method]);
        if let Some(voice) = voice.get_mut() {
            let ActiveVoice {
                url,
                method,
                fallback_url,
                fallback_method,
                application_sid,
                trunk_sid,
                receive_mode,
                caller_id_lookup,
                emergency_address_sid,
            } = voice;
            all.extend([url, method, fallback_url, fallback_method, application_sid, trunk_sid]);
            all.extend([receive_mode, caller_id_lookup, emergency_address_sid]);
        }
        if let Some(sms) = sms.get_mut() {
            let ActiveSms { url, method, fallback_url, fallback_method, application_sid } = sms;
            all.extend([url, method, fallback_url, fallback_method, application_sid]);
        }
    }

    /// In the order of the fields.
    fn fields(&self) -> impl Iterator<Item = (Field, &LenientScalar<'_>)> {
        let callback = match self.status_callback.text() {
            Some(_) => &self.status_callback,
            None => &self.status_callback_url,
        };
        let own =
            [(Field::StatusCallback, callback), (Field::StatusCallbackMethod, &self.status_callback_method)];
        let voice = self.voice.get().into_iter().flat_map(|voice| {
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
        let sms = self.sms.get().into_iter().flat_map(|sms| {
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

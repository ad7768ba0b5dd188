//! IncomingPhoneNumbers on the wire: v2010's envelope with one collection key, and a number whose
//! settings are flat.

use serde::Deserialize;
use serde::de;

use super::template;
use super::{
    Interner, LenientCapability, LenientGroup, LenientScalar, RawItems, RawPage, RowDetails, Rows, live,
};
use crate::model::live::{EmergencyAddressStatus, Live};
use crate::model::number::{AccountSid, NumberSid};
use crate::model::settings::Field;
use crate::model::tariff::{KindOnBill, Tariff};

macro_rules! row {
    ($($key:ident $field:ident;)*) => {
        #[derive(Debug, Deserialize)]
        pub(super) struct IncomingRow<'a> {
            #[serde(borrow, default)]
            phone_number: LenientScalar<'a>,
            #[serde(borrow, default)]
            sid: LenientScalar<'a>,
            #[serde(borrow, default)]
            account_sid: LenientScalar<'a>,
            #[serde(borrow, default)]
            friendly_name: LenientScalar<'a>,
            #[serde(borrow, default)]
            emergency_address_status: LenientScalar<'a>,
            #[serde(rename = "type", borrow, default)]
            kind: LenientScalar<'a>,
            #[serde(default)]
            capabilities: LenientGroup<IncomingCapabilities>,
            $(#[serde(borrow, default)] $key: LenientScalar<'a>,)*
        }

        impl IncomingRow<'_> {
            fn fields(&self) -> impl Iterator<Item = (Field, &LenientScalar<'_>)> {
                [$((Field::$field, &self.$key)),*].into_iter()
            }
        }

        impl<'a> template::WireRow<'a> for IncomingRow<'a> {
            const LIST: &'static str = "incoming_phone_numbers";

            fn scalars(&mut self) -> Vec<&mut LenientScalar<'a>> {
                let Self {
                    phone_number,
                    sid,
                    account_sid,
                    friendly_name,
                    emergency_address_status,
                    kind,
                    capabilities: _,
                    $($key,)*
                } = self;
                vec![
                    phone_number,
                    sid,
                    account_sid,
                    friendly_name,
                    emergency_address_status,
                    kind,
                    $($key,)*
                ]
            }

            fn live(&self, interner: &mut Interner) -> Result<Live, serde_json::Error> {
                self.live(interner)
            }
        }

        /// The keys of what can be set, by their fields.
        pub(in crate::client::api) const KEYS: &[(&str, Field)] =
            &[("friendly_name", Field::FriendlyName), $((stringify!($key), Field::$field)),*];
    };
}

row! {
    status_callback StatusCallback;
    status_callback_method StatusCallbackMethod;
    address_sid AddressSid;
    identity_sid IdentitySid;
    bundle_sid BundleSid;
    voice_url VoiceUrl;
    voice_method VoiceMethod;
    voice_fallback_url VoiceFallbackUrl;
    voice_fallback_method VoiceFallbackMethod;
    voice_application_sid VoiceApplicationSid;
    trunk_sid VoiceTrunkSid;
    voice_receive_mode VoiceReceiveMode;
    voice_caller_id_lookup VoiceCallerIdLookup;
    emergency_address_sid VoiceEmergencyAddressSid;
    sms_url SmsUrl;
    sms_method SmsMethod;
    sms_fallback_url SmsFallbackUrl;
    sms_fallback_method SmsFallbackMethod;
    sms_application_sid SmsApplicationSid;
}

/// Seen in the wild with `SMS` and `MMS` in capitals, and without a key at all.
#[derive(Debug, Default, Deserialize)]
struct IncomingCapabilities {
    #[serde(default, alias = "SMS")]
    sms: LenientCapability,
}

#[derive(Debug, Deserialize)]
struct IncomingEnvelope<'a> {
    #[serde(borrow)]
    incoming_phone_numbers: Rows<IncomingRow<'a>>,
    #[serde(borrow, default)]
    next_page_uri: LenientScalar<'a>,
    #[serde(borrow, default)]
    uri: LenientScalar<'a>,
    #[serde(borrow, default)]
    page: LenientScalar<'a>,
}

pub(super) fn read_page(text: &str, interner: &mut Interner) -> Result<RawPage, serde_json::Error> {
    let envelope: IncomingEnvelope<'_> = serde_json::from_str(text)?;
    // Beside the collection there are always some of these; else it is no page of the API's.
    if [&envelope.page, &envelope.uri, &envelope.next_page_uri].iter().all(|key| key.text().is_none()) {
        return Err(de::Error::custom("it has neither page nor uri nor next_page_uri"));
    }
    let rows =
        envelope.incoming_phone_numbers.0.iter().map(|row| row.live(interner)).collect::<Result<_, _>>()?;
    let next = envelope.next_page_uri.text().map(str::to_owned);
    Ok(interner.page(rows, next, envelope.page.text().and_then(|page| page.parse().ok())))
}

/// The rows of live numbers, or of available numbers: those have no paging keys.
pub(super) fn read_items(text: &str) -> Result<RawItems, serde_json::Error> {
    #[derive(Deserialize)]
    struct IncomingPage<'a> {
        #[serde(alias = "available_phone_numbers")]
        incoming_phone_numbers: Rows<serde_json::Value>,
        #[serde(borrow, default)]
        next_page_uri: LenientScalar<'a>,
        #[serde(borrow, default)]
        uri: LenientScalar<'a>,
    }
    let page: IncomingPage<'_> = serde_json::from_str(text)?;
    if page.uri.text().is_none() && page.next_page_uri.text().is_none() {
        return Err(de::Error::custom("it has neither uri nor next_page_uri"));
    }
    Ok(RawItems { items: page.incoming_phone_numbers.0, next: page.next_page_uri.text().map(str::to_owned) })
}

pub(super) fn read_number(text: &str) -> Result<Live, serde_json::Error> {
    let row: IncomingRow<'_> = serde_json::from_str(text)?;
    if row.phone_number.text().is_none() && row.sid.text().is_none() {
        return Err(de::Error::custom("it describes no phone number"));
    }
    row.live(&mut Interner::default())
}

/// Of which account a page is: by its rows; where it has none, by the address that it gives as its own.
/// Rows that name no account prove nothing, whatever the address repeats of the question.
pub(super) fn read_owner(text: &str) -> Result<Option<AccountSid>, serde_json::Error> {
    let envelope: IncomingEnvelope<'_> = serde_json::from_str(text)?;
    let rows = envelope.incoming_phone_numbers.0;
    let by_row = rows.iter().find_map(|row| row.account_sid.text().and_then(AccountSid::observed));
    let by_uri = || {
        let (_, rest) = envelope.uri.text()?.split_once("/Accounts/")?;
        AccountSid::observed(rest.split('/').next()?)
    };
    Ok(by_row.or_else(|| rows.is_empty().then(by_uri).flatten()))
}

impl IncomingRow<'_> {
    fn live(&self, interner: &mut Interner) -> Result<Live, serde_json::Error> {
        let capability = self.capabilities.get().map(|capabilities| &capabilities.sms);
        for (field, is_odd) in [
            ("phone_number", self.phone_number.is_odd),
            ("sid", self.sid.is_odd),
            ("account_sid", self.account_sid.is_odd),
            ("friendly_name", self.friendly_name.is_odd),
            ("type", self.kind.is_odd),
            ("emergency_address_status", self.emergency_address_status.is_odd),
            (
                "capabilities",
                self.capabilities.is_odd() || matches!(capability, Some(LenientCapability::Odd)),
            ),
        ] {
            if is_odd {
                interner.note_odd(field);
            }
        }
        let status = self.emergency_address_status.text();
        let told = RowDetails {
            sid: self.sid.text().and_then(NumberSid::observed),
            sms: match capability {
                Some(LenientCapability::Told(sms)) => Some(*sms),
                Some(LenientCapability::Absent | LenientCapability::Null | LenientCapability::Odd) | None => {
                    None
                }
            },
            // Where a number is, v2010 does not say: its calling code does.
            tariff: Tariff { country: None, kind: self.kind.text().and_then(KindOnBill::observed) },
            emergency_address_status: status.and_then(EmergencyAddressStatus::observed),
            friendly_name: self.friendly_name.text(),
        };
        live(&self.phone_number, &self.account_sid, told, self.fields(), interner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Value;

    #[test]
    fn a_flat_row_is_the_same_number() {
        let flat = read_number(
            r#"{"phone_number":"+15552230000","sid":"PNyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy","voice_url":"https://a.example","voice_method":"POST",
                "trunk_sid":null,"voice_application_sid":"","sms_url":"","voice_caller_id_lookup":true,"status_callback":"https://s.example",
                "emergency_address_status":"pending-unregistration","capabilities":{"voice":true,"SMS":false},"subresource_uris":{"a":"b"}}"#,
        )
        .expect("a number");
        assert_eq!(flat.get(Field::VoiceUrl), Some(Value::Url("https://a.example".into())));
        assert_eq!(flat.get(Field::VoiceCallerIdLookup), Some(Value::Flag(true)));
        assert_eq!(flat.get(Field::VoiceApplicationSid), None);
        assert_eq!(flat.sms, Some(false));
        assert_eq!(flat.emergency_address_status, Some(EmergencyAddressStatus::PendingUnregistration));
    }

    #[test]
    fn the_type_is_what_it_is_charged_as() {
        let kind = |json: &str| {
            let body = format!(r#"{{"sid":"PNyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy","type":{json}}}"#);
            read_number(&body).expect("a number").tariff.kind
        };
        assert_eq!(kind("\"mobile\""), Some(KindOnBill::Mobile));
        assert_eq!(kind("null"), None);
        assert_eq!(kind("{}"), None);
    }

    #[test]
    fn a_page_says_whose_it_is() {
        let (a, b) = (format!("AC{:0>32}", 1), format!("AC{:0>32}", 2));
        let page = |rows: &str| {
            format!(
                r#"{{"incoming_phone_numbers":[{rows}],"uri":"/2010-04-01/Accounts/{a}/IncomingPhoneNumbers.json?IncomingPage=0"}}"#
            )
        };
        let owner = |body: &str| read_owner(body).expect("a page").map(|sid| sid.to_string());
        assert_eq!(owner(&page("")), Some(a.clone()));
        assert_eq!(owner(&page(&format!(r#"{{"account_sid":"{b}"}}"#))), Some(b));
        assert_eq!(owner(r#"{"incoming_phone_numbers":[],"uri":"/x"}"#), None);
    }

    #[test]
    fn a_page_is_known_by_its_keys() {
        let mut interner = Interner::default();
        let mut page = |text: &str| read_page(text, &mut interner);
        let good = page(
            r#"{"incoming_phone_numbers":[{"sid":"PNyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}],"next_page_uri":"/x?IncomingPage=1","page":0}"#,
        )
        .expect("a page");
        assert_eq!(
            (good.rows.len(), good.next.as_deref(), good.index),
            (1, Some("/x?IncomingPage=1"), Some(0))
        );
        for bad in [
            "{}",
            r#"{"incoming_phone_numbers":[]}"#,
            r#"{"incoming_phone_numbers":null,"page":0}"#,
            r#"{"items":[],"meta":{}}"#,
            r#"{"page":0,"uri":"/x"}"#,
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}

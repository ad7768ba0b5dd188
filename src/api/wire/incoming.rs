//! IncomingPhoneNumbers on the wire: v2010's envelope with one collection key, and a number whose
//! settings are flat.

use serde::Deserialize;
use serde::de;

use super::{Interner, RawItems, RawPage, Rows, Scalar, live};
use crate::number::NumberSid;
use crate::observed::{EmergencyAddressStatus, Live};
use crate::settings::Field;

macro_rules! row {
    ($($key:ident $field:ident;)*) => {
        #[derive(Debug, Deserialize)]
        struct Row<'a> {
            #[serde(borrow, default)]
            phone_number: Scalar<'a>,
            #[serde(borrow, default)]
            sid: Scalar<'a>,
            #[serde(borrow, default)]
            account_sid: Scalar<'a>,
            #[serde(borrow, default)]
            friendly_name: Scalar<'a>,
            #[serde(borrow, default)]
            emergency_address_status: Scalar<'a>,
            #[serde(default)]
            capabilities: Option<Capabilities>,
            $(#[serde(borrow, default)] $key: Scalar<'a>,)*
        }

        impl Row<'_> {
            fn fields(&self) -> impl Iterator<Item = (Field, &Scalar<'_>)> {
                [$((Field::$field, &self.$key)),*].into_iter()
            }
        }

        /// The keys of what can be set, by their fields.
        pub(in crate::api) const KEYS: &[(&str, Field)] =
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
struct Capabilities {
    #[serde(default, alias = "SMS")]
    sms: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    incoming_phone_numbers: Rows<Row<'a>>,
    #[serde(borrow, default)]
    next_page_uri: Scalar<'a>,
    #[serde(borrow, default)]
    uri: Scalar<'a>,
    #[serde(borrow, default)]
    page: Scalar<'a>,
}

pub(super) fn read_page(text: &str, interner: &mut Interner) -> Result<RawPage, serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    // Beside the collection there are always some of these; else it is no page of the API's.
    if [&envelope.page, &envelope.uri, &envelope.next_page_uri].iter().all(|key| key.0.is_none()) {
        return Err(de::Error::custom("it has neither page nor uri nor next_page_uri"));
    }
    Ok(RawPage {
        next: envelope.next_page_uri.text().map(str::to_owned),
        index: envelope.page.text().and_then(|page| page.parse().ok()),
        rows: envelope.incoming_phone_numbers.0.into_iter().map(|row| row.live(interner)).collect(),
    })
}

/// The rows of live numbers, or of numbers on offer: those have no paging keys.
pub(super) fn read_items(text: &str) -> Result<RawItems, serde_json::Error> {
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(alias = "available_phone_numbers")]
        incoming_phone_numbers: Rows<serde_json::Value>,
        #[serde(borrow, default)]
        next_page_uri: Scalar<'a>,
        #[serde(borrow, default)]
        uri: Scalar<'a>,
    }
    let page: Page<'_> = serde_json::from_str(text)?;
    if page.uri.0.is_none() && page.next_page_uri.0.is_none() {
        return Err(de::Error::custom("it has neither uri nor next_page_uri"));
    }
    Ok(RawItems { items: page.incoming_phone_numbers.0, next: page.next_page_uri.text().map(str::to_owned) })
}

pub(super) fn read_number(text: &str) -> Result<Live, serde_json::Error> {
    let row: Row<'_> = serde_json::from_str(text)?;
    if row.phone_number.0.is_none() && row.sid.0.is_none() {
        return Err(de::Error::custom("it describes no phone number"));
    }
    Ok(row.live(&mut Interner::default()))
}

impl Row<'_> {
    fn live(&self, interner: &mut Interner) -> Live {
        Live {
            sid: self.sid.text().and_then(NumberSid::observed),
            sms: self.capabilities.as_ref().and_then(|capabilities| capabilities.sms),
            emergency_address_status: self
                .emergency_address_status
                .text()
                .and_then(EmergencyAddressStatus::observed),
            ..live(&self.phone_number, &self.account_sid, self.friendly_name.text(), self.fields(), interner)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Value;

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
    fn a_page_is_known_by_its_keys() {
        let mut interner = Interner::default();
        let mut page = |text: &str| read_page(text, &mut interner);
        let good = page(
            r#"{"incoming_phone_numbers":[{"sid":"PNyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}],"next_page_uri":"/x?Page=1","page":0}"#,
        )
        .expect("a page");
        assert_eq!((good.rows.len(), good.next.as_deref(), good.index), (1, Some("/x?Page=1"), Some(0)));
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

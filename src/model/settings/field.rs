//! The fields: the only place that knows a field's JSON name, its POST parameters and its kind.

use std::fmt;

use super::{HttpMethod, ReceiveMode, Value};
use crate::model::provider::Api;

/// One field of a number's configuration, in the order in which people read them.
///
/// `emergency_status` is left out on purpose: writes to it are ignored at Twilio, so it is
/// read and shown, and never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// Up to 64 characters; the API's default is the number, nicely formatted.
    FriendlyName,
    /// Where call status events go.
    StatusCallback,
    StatusCallbackMethod,
    /// The address that the country wants a number's owner to have. IncomingPhoneNumbers only.
    AddressSid,
    /// The identity document that the country wants. IncomingPhoneNumbers only.
    IdentitySid,
    /// The regulatory bundle that the country wants. IncomingPhoneNumbers only.
    BundleSid,
    /// Asked when a call comes in.
    VoiceUrl,
    VoiceMethod,
    /// Asked when `voice.url` fails; needs a `voice.url` (error 21405).
    VoiceFallbackUrl,
    VoiceFallbackMethod,
    /// Takes precedence over the voice URLs; excludes the trunk.
    VoiceApplicationSid,
    /// Takes precedence over the application and the voice URLs; excludes the application.
    VoiceTrunkSid,
    VoiceReceiveMode,
    /// A CNAM look-up of the caller's name.
    VoiceCallerIdLookup,
    /// The address that emergency calls are located by.
    VoiceEmergencyAddressSid,
    /// Asked when a message comes in.
    SmsUrl,
    SmsMethod,
    /// Asked when `sms.url` fails; needs an `sms.url` (error 21406).
    SmsFallbackUrl,
    SmsFallbackMethod,
    /// Takes precedence over the SMS URLs.
    SmsApplicationSid,
    /// The Messaging Service that the number is in. Not a parameter of the number: see
    /// [`Parameter::Membership`].
    SmsServiceSid,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    /// An absolute http or https URL.
    Url,
    Method,
    Application,
    Trunk,
    Address,
    Identity,
    Bundle,
    Service,
    ReceiveMode,
    /// true or false.
    Flag,
}

impl FieldKind {
    /// Whether a value means something in one account only.
    #[must_use]
    pub fn belongs_to_account(self) -> bool {
        match self {
            Self::Application
            | Self::Trunk
            | Self::Address
            | Self::Identity
            | Self::Bundle
            | Self::Service => true,
            Self::Text | Self::Url | Self::Method | Self::ReceiveMode | Self::Flag => false,
        }
    }
}

/// How far an API goes with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// Its documentation lists this POST parameter.
    Documented(&'static str),
    /// Its page gives the field as readable only; the parameter is named by the page's scheme, and
    /// law 6, the echo, decides whether the API took it.
    ByScheme(&'static str),
    /// It is no parameter of the number but a list of another product that the number is put in.
    Membership,
    /// It cannot set the field.
    None,
}

impl Parameter {
    /// The name that is sent.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Documented(name) | Self::ByScheme(name) => Some(name),
            Self::Membership | Self::None => None,
        }
    }
}

struct FieldRow {
    field: Field,
    json: &'static str,
    kind: FieldKind,
    active_numbers: Parameter,
    incoming_phone_numbers: Parameter,
}

macro_rules! incoming {
    () => {
        Parameter::Membership
    };
    ($name:literal) => {
        Parameter::Documented($name)
    };
}

macro_rules! fields {
    ($($field:ident $json:literal $kind:ident $support:ident $($active:literal)? / $($incoming:literal)?;)*) => {
        const FIELDS: &[FieldRow] = &[$(FieldRow {
            field: Field::$field, json: $json, kind: FieldKind::$kind,
            active_numbers: Parameter::$support $(($active))?,
            incoming_phone_numbers: incoming!($($incoming)?),
        }),*];
    };
}

// The POST parameters of ActiveNumbers and of IncomingPhoneNumbers.
#[rustfmt::skip]
fields! {
    FriendlyName             "friendly_name"               Text        ByScheme   "FriendlyName"                             / "FriendlyName";
    StatusCallback           "status_callback"             Url         Documented "Configurations.StatusCallback"            / "StatusCallback";
    StatusCallbackMethod     "status_callback_method"      Method      Documented "Configurations.StatusCallbackMethod"      / "StatusCallbackMethod";
    AddressSid               "address_sid"                 Address     None                                                  / "AddressSid";
    IdentitySid              "identity_sid"                Identity    None                                                  / "IdentitySid";
    BundleSid                "bundle_sid"                  Bundle      None                                                  / "BundleSid";
    VoiceUrl                 "voice.url"                   Url         Documented "Configurations.Voice.Url"                 / "VoiceUrl";
    VoiceMethod              "voice.method"                Method      Documented "Configurations.Voice.Method"              / "VoiceMethod";
    VoiceFallbackUrl         "voice.fallback_url"          Url         Documented "Configurations.Voice.FallbackUrl"         / "VoiceFallbackUrl";
    VoiceFallbackMethod      "voice.fallback_method"       Method      Documented "Configurations.Voice.FallbackMethod"      / "VoiceFallbackMethod";
    VoiceApplicationSid      "voice.application_sid"       Application Documented "Configurations.Voice.ApplicationSid"      / "VoiceApplicationSid";
    VoiceTrunkSid            "voice.trunk_sid"             Trunk       ByScheme   "Configurations.Voice.TrunkSid"            / "TrunkSid";
    VoiceReceiveMode         "voice.receive_mode"          ReceiveMode ByScheme   "Configurations.Voice.ReceiveMode"         / "VoiceReceiveMode";
    VoiceCallerIdLookup      "voice.caller_id_lookup"      Flag        ByScheme   "Configurations.Voice.CallerIdLookup"      / "VoiceCallerIdLookup";
    VoiceEmergencyAddressSid "voice.emergency_address_sid" Address     ByScheme   "Configurations.Voice.EmergencyAddressSid" / "EmergencyAddressSid";
    SmsUrl                   "sms.url"                     Url         Documented "Configurations.Sms.Url"                   / "SmsUrl";
    SmsMethod                "sms.method"                  Method      Documented "Configurations.Sms.Method"                / "SmsMethod";
    SmsFallbackUrl           "sms.fallback_url"            Url         Documented "Configurations.Sms.FallbackUrl"           / "SmsFallbackUrl";
    SmsFallbackMethod        "sms.fallback_method"         Method      Documented "Configurations.Sms.FallbackMethod"        / "SmsFallbackMethod";
    SmsApplicationSid        "sms.application_sid"         Application Documented "Configurations.Sms.ApplicationSid"        / "SmsApplicationSid";
    SmsServiceSid            "sms.messaging_service_sid"   Service     Membership                                            / ;
}

impl Field {
    /// How many there are.
    pub const COUNT: usize = FIELDS.len();

    /// Every field, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        FIELDS.iter().map(|row| row.field)
    }

    fn row(self) -> &'static FieldRow {
        // FIELDS lists the variants in order; a test holds it to that.
        &FIELDS[self as usize]
    }

    /// The API's JSON name, dotted below `voice` and `sms`: `voice.url`. Also the file's.
    #[must_use]
    pub fn json_name(self) -> &'static str {
        self.row().json
    }

    /// The field of a JSON name.
    #[must_use]
    pub fn from_json_name(name: &str) -> Option<Self> {
        FIELDS.iter().find(|row| row.json == name).map(|row| row.field)
    }

    /// The POST parameter of an API: `Configurations.Voice.Url`, `VoiceUrl`.
    #[must_use]
    pub fn parameter(self, api: Api) -> Parameter {
        match api {
            Api::ActiveNumbers => self.row().active_numbers,
            Api::IncomingPhoneNumbers => self.row().incoming_phone_numbers,
        }
    }

    /// What the field holds.
    #[must_use]
    pub fn kind(self) -> FieldKind {
        self.row().kind
    }

    /// Whether the field is part of the SMS configuration, which only a number with SMS takes
    /// (error 21407).
    #[must_use]
    pub fn is_sms(self) -> bool {
        self >= Self::SmsUrl
    }

    /// What the API does when the field is not set: null, `""` and this value are the same, and
    /// never make a difference.
    #[must_use]
    pub fn default_value(self) -> Option<Value> {
        match self.kind() {
            FieldKind::Method => Some(Value::Method(HttpMethod::Post)),
            FieldKind::Flag => Some(Value::Flag(false)),
            FieldKind::ReceiveMode => Some(Value::ReceiveMode(ReceiveMode::Voice)),
            FieldKind::Text
            | FieldKind::Url
            | FieldKind::Application
            | FieldKind::Trunk
            | FieldKind::Address
            | FieldKind::Identity
            | FieldKind::Bundle
            | FieldKind::Service => None,
        }
    }

    /// Whether the field is one of the documents that a country may require: they belong to an account, and
    /// go along with the purchase or the transfer that brings the number there.
    #[must_use]
    pub fn is_paper(self) -> bool {
        matches!(self, Self::AddressSid | Self::IdentitySid | Self::BundleSid)
    }

    /// The field that setting this one clears at the API (page: "Setting a TrunkSid will
    /// automatically delete your VoiceApplicationSid and vice versa").
    #[must_use]
    pub fn clears_at_api(self) -> Option<Self> {
        match self {
            Self::VoiceApplicationSid => Some(Self::VoiceTrunkSid),
            Self::VoiceTrunkSid => Some(Self::VoiceApplicationSid),
            _ => None,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.json_name())
    }
}

impl serde::Serialize for Field {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.json_name())
    }
}

impl<'de> serde::Deserialize<'de> for Field {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::from_json_name(&name).ok_or_else(|| serde::de::Error::custom("not the name of a field"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_the_fields_in_order() {
        for (at, field) in Field::all().enumerate() {
            assert_eq!(field as usize, at);
            assert_eq!(Field::from_json_name(field.json_name()), Some(field));
        }
    }
}

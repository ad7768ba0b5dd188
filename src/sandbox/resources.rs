//! What decides where a number's calls and messages end, beside the number itself: Messaging Services and
//! the numbers in them, applications, trunks, and voice regions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::number::PhoneNumber;

use super::answer::SandboxError;
use super::json::{Object, quoted};

/// The kinds of resource that an account has beside its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResourceKind {
    Service,
    Application,
    Trunk,
}

/// What a value of a resource may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResourceForm {
    Text,
    /// Shown as `null` where it is unset; the other texts as `""`.
    NullableText,
    Url,
    Method,
    Flag,
    Whole,
}

/// One field: its JSON name, its parameter, its form, and what it is by default.
type ResourceField = (&'static str, &'static str, ResourceForm, &'static str);

#[rustfmt::skip]
const SERVICE: &[ResourceField] = &[
    ("friendly_name",                 "FriendlyName",              ResourceForm::Text,         ""),
    ("inbound_request_url",           "InboundRequestUrl",         ResourceForm::Url,          ""),
    ("inbound_method",                "InboundMethod",             ResourceForm::Method,       "POST"),
    ("fallback_url",                  "FallbackUrl",               ResourceForm::Url,          ""),
    ("fallback_method",               "FallbackMethod",            ResourceForm::Method,       "POST"),
    ("status_callback",               "StatusCallback",            ResourceForm::Url,          ""),
    ("sticky_sender",                 "StickySender",              ResourceForm::Flag,         "true"),
    ("smart_encoding",                "SmartEncoding",             ResourceForm::Flag,         "true"),
    ("mms_converter",                 "MmsConverter",              ResourceForm::Flag,         "true"),
    ("fallback_to_long_code",         "FallbackToLongCode",        ResourceForm::Flag,         "true"),
    ("scan_message_content",          "ScanMessageContent",        ResourceForm::Text,         "inherit"),
    ("area_code_geomatch",            "AreaCodeGeomatch",          ResourceForm::Flag,         "true"),
    ("synchronous_validation",        "SynchronousValidation",     ResourceForm::Flag,         "false"),
    ("validity_period",               "ValidityPeriod",            ResourceForm::Whole,        "36000"),
    ("usecase",                       "Usecase",                   ResourceForm::Text,         "undeclared"),
    ("use_inbound_webhook_on_number", "UseInboundWebhookOnNumber", ResourceForm::Flag,         "false"),
];

#[rustfmt::skip]
const APPLICATION: &[ResourceField] = &[
    ("friendly_name",           "FriendlyName",          ResourceForm::NullableText, ""),
    ("voice_url",               "VoiceUrl",              ResourceForm::Url,          ""),
    ("voice_method",            "VoiceMethod",           ResourceForm::Method,       "POST"),
    ("voice_fallback_url",      "VoiceFallbackUrl",      ResourceForm::Url,          ""),
    ("voice_fallback_method",   "VoiceFallbackMethod",   ResourceForm::Method,       "POST"),
    ("voice_caller_id_lookup",  "VoiceCallerIdLookup",   ResourceForm::Flag,         "false"),
    ("status_callback",         "StatusCallback",        ResourceForm::Url,          ""),
    ("status_callback_method",  "StatusCallbackMethod",  ResourceForm::Method,       "POST"),
    ("sms_url",                 "SmsUrl",                ResourceForm::Url,          ""),
    ("sms_method",              "SmsMethod",             ResourceForm::Method,       "POST"),
    ("sms_fallback_url",        "SmsFallbackUrl",        ResourceForm::Url,          ""),
    ("sms_fallback_method",     "SmsFallbackMethod",     ResourceForm::Method,       "POST"),
    ("sms_status_callback",     "SmsStatusCallback",     ResourceForm::Url,          ""),
    ("message_status_callback", "MessageStatusCallback", ResourceForm::Url,          ""),
];

#[rustfmt::skip]
const TRUNK: &[ResourceField] = &[
    ("friendly_name",            "FriendlyName",           ResourceForm::NullableText, ""),
    ("domain_name",              "DomainName",             ResourceForm::NullableText, ""),
    ("disaster_recovery_url",    "DisasterRecoveryUrl",    ResourceForm::Url,          ""),
    ("disaster_recovery_method", "DisasterRecoveryMethod", ResourceForm::Method,       "POST"),
    ("transfer_mode",            "TransferMode",           ResourceForm::Text,         "disable-all"),
    ("transfer_caller_id",       "TransferCallerId",       ResourceForm::Text,         "from-transferee"),
    ("secure",                   "Secure",                 ResourceForm::Flag,         "false"),
    ("cnam_lookup_enabled",      "CnamLookupEnabled",      ResourceForm::Flag,         "false"),
];

impl ResourceKind {
    /// How its SIDs begin.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Service => "MG",
            Self::Application => "AP",
            Self::Trunk => "TK",
        }
    }

    fn rows(self) -> &'static [ResourceField] {
        match self {
            Self::Service => SERVICE,
            Self::Application => APPLICATION,
            Self::Trunk => TRUNK,
        }
    }
}

/// One resource of an account: what was set of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resource {
    pub(crate) kind: ResourceKind,
    pub(crate) account_sid: String,
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

impl Resource {
    /// With what the parameters say.
    pub(crate) fn new(
        kind: ResourceKind,
        account: &str,
        parameters: &[(String, String)],
    ) -> Result<Self, SandboxError> {
        let empty = Self { kind, account_sid: account.to_owned(), fields: BTreeMap::new() };
        let made = empty.with(parameters)?;
        if kind == ResourceKind::Service && made.get("friendly_name").is_empty() {
            return Err(SandboxError::bad(20001, "Missing required parameter FriendlyName in the post body"));
        }
        Ok(made)
    }

    /// The same, with the parameters laid over it. Unknown ones are ignored.
    pub(crate) fn with(&self, parameters: &[(String, String)]) -> Result<Self, SandboxError> {
        let mut changed = self.clone();
        for (name, value) in parameters {
            let Some((key, _, form, _)) = self.kind.rows().iter().find(|row| row.1 == name) else { continue };
            let is_good = match form {
                ResourceForm::Text | ResourceForm::NullableText => true,
                ResourceForm::Url => {
                    value.is_empty() || value.starts_with("https://") || value.starts_with("http://")
                }
                ResourceForm::Method => matches!(value.as_str(), "GET" | "POST"),
                ResourceForm::Flag => matches!(value.as_str(), "true" | "false" | "True" | "False"),
                ResourceForm::Whole => value.parse::<u32>().is_ok(),
            };
            if !is_good {
                return Err(SandboxError::bad(20001, format!("Invalid value for {name}")));
            }
            let value = if *form == ResourceForm::Flag { value.to_ascii_lowercase() } else { value.clone() };
            changed.fields.insert((*key).to_owned(), value);
        }
        Ok(changed)
    }

    /// A field as it is in effect; `""` where it is unset.
    pub(crate) fn get(&self, key: &str) -> &str {
        let default = self.kind.rows().iter().find(|row| row.0 == key).map_or("", |row| row.3);
        self.fields.get(key).map_or(default, String::as_str)
    }

    /// Lays every field over a row.
    pub(crate) fn shown(&self, row: Object) -> Object {
        self.kind.rows().iter().fold(row, |row, (key, _, form, _)| {
            let value = self.get(key);
            match form {
                ResourceForm::Flag | ResourceForm::Whole => row.raw(key, value),
                ResourceForm::Url | ResourceForm::NullableText if value.is_empty() => row.raw(key, "null"),
                ResourceForm::Text
                | ResourceForm::NullableText
                | ResourceForm::Url
                | ResourceForm::Method => row.raw(key, &quoted(value)),
            }
        })
    }
}

/// Everything of every account, by SID.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Resources {
    all: BTreeMap<String, Resource>,
    /// The Messaging Service that a number is in.
    services: BTreeMap<PhoneNumber, String>,
    /// The voice region of a number, where it was set.
    regions: BTreeMap<PhoneNumber, String>,
}

impl Resources {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.services.is_empty() && self.regions.is_empty()
    }

    /// Those of an account and a kind, by SID.
    pub(crate) fn of_kind(
        &self,
        account: &str,
        kind: ResourceKind,
    ) -> impl Iterator<Item = (&str, &Resource)> {
        let all = self.all.iter().map(|(sid, resource)| (sid.as_str(), resource));
        all.filter(move |(_, resource)| resource.kind == kind && resource.account_sid == account)
    }

    /// One of an account.
    pub(crate) fn find(&self, account: &str, kind: ResourceKind, sid: &str) -> Option<&Resource> {
        self.all.get(sid).filter(|found| found.kind == kind && found.account_sid == account)
    }

    pub(crate) fn has(&self, sid: &str) -> bool {
        self.all.contains_key(sid)
    }

    pub(crate) fn put(&mut self, sid: &str, resource: Resource) {
        self.all.insert(sid.to_owned(), resource);
    }

    /// Takes one away, and every number out of it.
    pub(crate) fn remove(&mut self, sid: &str) {
        self.all.remove(sid);
        self.services.retain(|_, service| service != sid);
    }

    /// The numbers in a Messaging Service, in order.
    pub(crate) fn members(&self, service: &str) -> impl Iterator<Item = PhoneNumber> {
        self.services.iter().filter(move |(_, of)| *of == service).map(|(number, _)| *number)
    }

    pub(crate) fn service_of(&self, number: PhoneNumber) -> Option<&str> {
        self.services.get(&number).map(String::as_str)
    }

    pub(crate) fn join(&mut self, number: PhoneNumber, service: &str) {
        self.services.insert(number, service.to_owned());
    }

    pub(crate) fn leave(&mut self, number: PhoneNumber) {
        self.services.remove(&number);
    }

    pub(crate) fn region(&self, number: PhoneNumber) -> &str {
        self.regions.get(&number).map_or("us1", String::as_str)
    }

    pub(crate) fn set_region(&mut self, number: PhoneNumber, region: &str) {
        self.regions.insert(number, region.to_owned());
    }

    /// The number has another owner, or none.
    pub(crate) fn forget(&mut self, number: PhoneNumber) {
        self.services.remove(&number);
        self.regions.remove(&number);
    }
}

//! A live number, as either API shows it.

use std::sync::Arc;

use super::number::{AccountSid, NumberSid, PhoneNumber};
use super::settings::{Field, Settings, Value};
use super::tariff::Tariff;

/// One live number, as much of it as a plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// `None` where the API gave none ("may be null due to missing data"), or gave something that
    /// is no number: see [`Live::raw_number`].
    pub number: Option<PhoneNumber>,
    /// What stood in `phone_number` where it is neither E.164 nor a short code. Beside a number, it is
    /// another spelling of it.
    pub raw_number: Option<Box<str>>,
    /// `None` where neither `sid` nor `url` gave it; it is looked up before the number is acted on.
    pub sid: Option<NumberSid>,
    /// `None` where the listing does not say (the page's list sample does not).
    pub account_sid: Option<AccountSid>,
    /// `None` where unset. Kept apart from [`Live::settings`], which many numbers share.
    pub friendly_name: Option<Box<str>>,
    /// The rest of the configuration.
    pub settings: Arc<Settings>,
    /// Whether the number can do SMS; `None` where the listing does not say.
    pub sms: Option<bool>,
    /// Where the registration of the emergency address is; `None` where the API does not say, as
    /// ActiveNumbers never does.
    pub emergency_address_status: Option<EmergencyAddressStatus>,
    /// What the API says that it is charged as.
    pub tariff: Tariff,
}

/// Where the registration of a number's emergency address stands (v2010).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmergencyAddressStatus {
    /// Emergency calls are located by it.
    Registered,
    Unregistered,
    PendingRegistration,
    /// It did not work.
    RegistrationFailure,
    /// Under way; until then the number cannot be released.
    PendingUnregistration,
    /// It did not work, and the number cannot be released.
    UnregistrationFailure,
}

impl EmergencyAddressStatus {
    /// Reads the API's word; one that is not known says nothing.
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        Some(match text {
            "registered" => Self::Registered,
            "unregistered" => Self::Unregistered,
            "pending-registration" => Self::PendingRegistration,
            "registration-failure" => Self::RegistrationFailure,
            "pending-unregistration" => Self::PendingUnregistration,
            "unregistration-failure" => Self::UnregistrationFailure,
            _ => return None,
        })
    }
}

impl Live {
    /// The value of a field, `None` where it is unset.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<Value> {
        match field {
            Field::FriendlyName => self.friendly_name.as_deref().map(|name| Value::Text(name.into())),
            _ => self.settings.get(field).cloned(),
        }
    }

    /// Whether a field is set.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        match field {
            Field::FriendlyName => self.friendly_name.is_some(),
            _ => self.settings.get(field).is_some(),
        }
    }

    /// The value that a field has in effect: the set one, else the API's default.
    #[must_use]
    pub fn effective(&self, field: Field) -> Option<Value> {
        self.get(field).or_else(|| field.default_value())
    }

    /// The whole configuration, the name included.
    #[must_use]
    pub fn all_settings(&self) -> Settings {
        Field::all().filter_map(|field| Some((field, self.get(field)?))).collect()
    }
}

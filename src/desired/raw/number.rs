//! Numbers, and the layers of settings below them, as serde reads them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::hold::RawHold;
use super::patterns;
use super::scalar::{Count, Digits, Given, Map, Section, Setting, Switch, flag};

/// Settings for many numbers: `defaults:` or one of `profiles:`. What is left out is not managed;
/// null or "" clears.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of settings")]
pub(crate) struct RawLayer {
    /// The account of the numbers.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) account: Given,
    /// Whether the numbers are never released or moved by numctl.
    #[serde(default)]
    #[schemars(schema_with = "patterns::flag")]
    pub(crate) protect: Switch,
    /// What the numbers are filtered and grouped by, such as `{ team: support }`. Kept in the file only.
    #[serde(default)]
    #[schemars(schema_with = "patterns::tags")]
    pub(crate) tags: Section<Map<Count>>,
    /// A name for people, up to 64 characters.
    #[serde(default)]
    #[schemars(schema_with = "patterns::friendly_name")]
    pub(crate) friendly_name: Setting,
    /// Where call status events go.
    #[serde(default)]
    #[schemars(schema_with = "patterns::url")]
    pub(crate) status_callback: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "patterns::method")]
    pub(crate) status_callback_method: Setting,
    /// The address that the country wants a number's owner to have (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "patterns::address_sid")]
    pub(crate) address_sid: Setting,
    /// The identity document that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "patterns::identity_sid")]
    pub(crate) identity_sid: Setting,
    /// The regulatory bundle that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "patterns::bundle_sid")]
    pub(crate) bundle_sid: Setting,
    /// How calls are answered.
    #[serde(default)]
    pub(crate) voice: Section<Box<Voice>>,
    /// How messages are answered.
    #[serde(default)]
    pub(crate) sms: Section<Box<Sms>>,
}

/// One number. What is left out is not managed; null or "" clears.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `phone_number:`")]
#[schemars(extend("required" = ["phone_number"]))]
pub(crate) struct RawNumber {
    /// The number in E.164, or a short code.
    #[serde(default)]
    #[schemars(schema_with = "patterns::phone_number")]
    pub(crate) phone_number: Digits,
    /// Which of `profiles:` applies.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) profile: Given,
    /// Which of `accounts:` the number belongs in.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) account: Given,
    /// Whether the number is to be there: `present` (the default), or `released`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::state")]
    pub(crate) state: Given,
    /// What happens should the number vanish: report or rebuy. Default: the policy's.
    #[serde(default)]
    #[schemars(schema_with = "patterns::on_vanished")]
    pub(crate) on_vanished: Given,
    /// The number is left alone until a time.
    #[serde(default)]
    pub(crate) hold: Section<Box<RawHold>>,
    /// Whether the number is never released or moved by numctl.
    #[serde(default)]
    #[schemars(schema_with = "patterns::flag")]
    pub(crate) protect: Switch,
    /// What the numbers are filtered and grouped by, such as `{ team: support }`. Kept in the file only.
    #[serde(default)]
    #[schemars(schema_with = "patterns::tags")]
    pub(crate) tags: Section<Map<Count>>,
    /// A name for people, up to 64 characters.
    #[serde(default)]
    #[schemars(schema_with = "patterns::friendly_name")]
    pub(crate) friendly_name: Setting,
    /// Where call status events go.
    #[serde(default)]
    #[schemars(schema_with = "patterns::url")]
    pub(crate) status_callback: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "patterns::method")]
    pub(crate) status_callback_method: Setting,
    /// The address that the country wants a number's owner to have (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "patterns::address_sid")]
    pub(crate) address_sid: Setting,
    /// The identity document that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "patterns::identity_sid")]
    pub(crate) identity_sid: Setting,
    /// The regulatory bundle that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "patterns::bundle_sid")]
    pub(crate) bundle_sid: Setting,
    /// How calls are answered.
    #[serde(default)]
    pub(crate) voice: Section<Box<Voice>>,
    /// How messages are answered.
    #[serde(default)]
    pub(crate) sms: Section<Box<Sms>>,
}

impl RawNumber {
    /// Whether there is nothing but the number, its profile, its account and its name.
    pub(crate) fn says_no_more_than_its_name(&self) -> bool {
        // Without a rest, so that a field that is added is thought of here.
        let Self {
            phone_number: _,
            profile: _,
            account: _,
            friendly_name: _,
            tags,
            state,
            on_vanished,
            hold,
            protect,
            status_callback,
            status_callback_method,
            address_sid,
            identity_sid,
            bundle_sid,
            voice,
            sms,
        } = self;
        let settings = [status_callback, status_callback_method, address_sid, identity_sid, bundle_sid];
        state.0.is_none()
            && on_vanished.0.is_none()
            && matches!(hold, Section::Absent)
            && matches!(tags, Section::Absent)
            && protect.0.is_none()
            && settings.iter().all(|setting| setting.0.is_none())
            && matches!((voice, sms), (Section::Absent, Section::Absent))
    }
}

/// How calls are answered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of voice settings")]
pub(crate) struct Voice {
    /// Asked when a call comes in.
    #[serde(default)]
    #[schemars(schema_with = "patterns::url")]
    pub(crate) url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "patterns::method")]
    pub(crate) method: Setting,
    /// Asked when `url` fails; needs a `url`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::url")]
    pub(crate) fallback_url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "patterns::method")]
    pub(crate) fallback_method: Setting,
    /// The application that answers; excludes `trunk_sid`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::application_sid")]
    pub(crate) application_sid: Setting,
    /// The same, by its friendly name in the account.
    #[serde(default)]
    #[schemars(schema_with = "patterns::resource_name")]
    pub(crate) application: Setting,
    /// The SIP trunk that answers; excludes `application_sid`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::trunk_sid")]
    pub(crate) trunk_sid: Setting,
    /// The same, by its friendly name in the account.
    #[serde(default)]
    #[schemars(schema_with = "patterns::resource_name")]
    pub(crate) trunk: Setting,
    /// voice or fax.
    #[serde(default)]
    #[schemars(schema_with = "patterns::receive_mode")]
    pub(crate) receive_mode: Setting,
    /// Whether the caller's name is looked up.
    #[serde(default, deserialize_with = "flag")]
    #[schemars(schema_with = "patterns::clearable_flag")]
    pub(crate) caller_id_lookup: Setting,
    /// Read-only at Twilio: accepted, and without effect.
    #[serde(default)]
    #[schemars(schema_with = "patterns::emergency_status")]
    pub(crate) emergency_status: Setting,
    /// The address that emergency calls are located by.
    #[serde(default)]
    #[schemars(schema_with = "patterns::address_sid")]
    pub(crate) emergency_address_sid: Setting,
}

/// How messages are answered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of sms settings")]
pub(crate) struct Sms {
    /// Asked when a message comes in.
    #[serde(default)]
    #[schemars(schema_with = "patterns::url")]
    pub(crate) url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "patterns::method")]
    pub(crate) method: Setting,
    /// Asked when `url` fails; needs a `url`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::url")]
    pub(crate) fallback_url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "patterns::method")]
    pub(crate) fallback_method: Setting,
    /// The application that answers.
    #[serde(default)]
    #[schemars(schema_with = "patterns::application_sid")]
    pub(crate) application_sid: Setting,
    /// The same, by its friendly name in the account.
    #[serde(default)]
    #[schemars(schema_with = "patterns::resource_name")]
    pub(crate) application: Setting,
    /// The Messaging Service that the number is in; null is in none.
    #[serde(default)]
    #[schemars(schema_with = "patterns::messaging_service_sid")]
    pub(crate) messaging_service_sid: Setting,
    /// The same, by its friendly name in the account.
    #[serde(default)]
    #[schemars(schema_with = "patterns::resource_name")]
    pub(crate) messaging_service: Setting,
}

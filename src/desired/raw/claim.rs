//! `claims:` as serde reads them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::number::{Sms, Voice};
use super::patterns;
use super::scalar::{Count, Given, Map, Section, Setting, Switch};

/// Numbers declared by need: numctl finds them available, buys them once, and keeps them. Its settings go
/// before those of its profile.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `name:`, `count:` and `match:`")]
#[schemars(rename = "Claim", extend("required" = ["name", "count", "match"]))]
pub(crate) struct RawClaim {
    /// Its name, for good: 1 to 24 lower-case letters, digits and hyphens, a letter first.
    #[serde(default)]
    #[schemars(schema_with = "patterns::claim_name")]
    pub(crate) name: Given,
    /// How many numbers it has.
    #[serde(default)]
    #[schemars(schema_with = "patterns::claim_count")]
    pub(crate) count: Count,
    /// What numbers it takes, when it buys.
    #[serde(default, rename = "match")]
    pub(crate) need: Option<RawNeed>,
    /// Which of `profiles:` applies.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) profile: Given,
    /// Which of `accounts:` the numbers belong in.
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
    /// What is before the mark in the numbers' names.
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

/// What numbers a claim takes: the filters of Twilio's search.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `country:` and `type:`")]
#[schemars(rename = "Match", extend("required" = ["country", "type"]))]
pub(crate) struct RawNeed {
    /// The country, two letters.
    #[serde(default)]
    #[schemars(schema_with = "patterns::country")]
    pub(crate) country: Given,
    /// local, mobile or tollfree.
    #[serde(default, rename = "type")]
    #[schemars(schema_with = "patterns::number_type")]
    pub(crate) kind: Given,
    /// Three digits, in the US and Canada.
    #[serde(default)]
    #[schemars(schema_with = "patterns::text_or_integer")]
    pub(crate) area_code: Count,
    /// A state or province.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) region: Given,
    /// A city.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) locality: Given,
    /// A rate center, in North America.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) rate_center: Given,
    /// A LATA, in North America.
    #[serde(default)]
    #[schemars(schema_with = "patterns::text_or_integer")]
    pub(crate) lata: Count,
    /// A postal code.
    #[serde(default)]
    #[schemars(schema_with = "patterns::text_or_integer")]
    pub(crate) postal_code: Count,
    /// A pattern of digits, letters and `*`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::text_or_integer")]
    pub(crate) contains: Count,
    /// Near a number, or `latitude,longitude`.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) near: Given,
    /// What the numbers must be able to do: voice, sms, mms, fax.
    #[serde(default)]
    #[schemars(schema_with = "patterns::capabilities")]
    pub(crate) capabilities: Vec<Given>,
}

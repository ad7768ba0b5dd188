//! `hold:` and `policy.windows` as serde reads them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::patterns;
use super::scalar::{Given, Section};

/// Left alone until a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `until:`")]
#[schemars(extend("required" = ["until"]))]
pub(crate) struct RawHold {
    /// The time at which it ends, such as 2026-12-01T09:00:00Z.
    #[serde(default)]
    #[schemars(schema_with = "patterns::time")]
    pub(crate) until: Given,
    /// Why, for people.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) why: Given,
}

/// A stretch of the week in which changes are made.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `from:`, `to:` and `zone:`")]
#[schemars(extend("required" = ["from", "to", "zone"]))]
pub(crate) struct RawWindow {
    /// The days on which it begins: mon, tue, wed, thu, fri, sat, sun. Default: every day.
    #[serde(default)]
    #[schemars(schema_with = "patterns::days")]
    pub(crate) days: Section<Vec<Given>>,
    /// When it begins, such as "09:00".
    #[serde(default)]
    #[schemars(schema_with = "patterns::time_of_day")]
    pub(crate) from: Given,
    /// When it ends; not after `from` means on the next day.
    #[serde(default)]
    #[schemars(schema_with = "patterns::time_of_day")]
    pub(crate) to: Given,
    /// Whose clock that is, such as Europe/Berlin.
    #[serde(default)]
    #[schemars(schema_with = "patterns::name")]
    pub(crate) zone: Given,
}

//! One call or message of the model.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::traffic::Medium;

/// One call or message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SandboxEvent {
    #[serde(with = "MediumName")]
    pub(crate) medium: Medium,
    /// A number, or an address of another kind.
    pub(crate) to: String,
    pub(crate) from: String,
    /// When it began, or was sent.
    #[serde(with = "time")]
    pub(crate) at: Timestamp,
    /// In whose lists it is. By default of the accounts that have the numbers on either side now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account_sid: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Medium", rename_all = "lowercase")]
enum MediumName {
    Call,
    Message,
}

/// Times as texts: `2026-08-03T10:00:00Z`.
mod time {
    use jiff::Timestamp;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

//! Where intents are kept, as a Lease says it.

#![deny(clippy::arithmetic_side_effects)]

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Intents, IntentsError};

/// What a Lease says about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentPlace {
    Here(Intents),
    /// They are in the directory of this name, which is not its path: each host may have one of its own
    /// there.
    Directory(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    format_version: u32,
    directory: String,
}

impl IntentPlace {
    /// The text of the note in the Lease.
    #[must_use]
    pub fn to_json(&self) -> String {
        match self {
            Self::Here(intents) => intents.to_json(),
            Self::Directory(id) => {
                let elsewhere = Elsewhere { format_version: FORMAT_VERSION, directory: id.clone() };
                // A text and a number always serialise.
                serde_json::to_string(&elsewhere).unwrap_or_default()
            }
        }
    }

    /// Reads a note's text back.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_json(text: &str, now: Duration) -> Result<Self, IntentsError> {
        match serde_json::from_str::<Elsewhere>(text) {
            Ok(elsewhere) if elsewhere.format_version == FORMAT_VERSION => {
                Ok(Self::Directory(elsewhere.directory))
            }
            Ok(elsewhere) => Err(IntentsError::OtherFormat(elsewhere.format_version)),
            Err(_) => Intents::from_json(text, now).map(Self::Here),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_nothing_else_is_taken_for_one() {
        let now = Duration::from_secs(1_000_000);
        for place in [IntentPlace::Here(Intents::unkept(now)), IntentPlace::Directory("0123".to_owned())] {
            assert_eq!(IntentPlace::from_json(&place.to_json(), now).expect("a place"), place);
        }
        let other = r#"{"format_version":2,"directory":"0123"}"#;
        assert!(matches!(IntentPlace::from_json(other, now), Err(IntentsError::OtherFormat(2))));
        for text in [
            "",
            "null",
            "{}",
            r#"{"format_version":1}"#,
            r#"{"format_version":1,"directory":"0","intents":[]}"#,
        ] {
            assert!(matches!(IntentPlace::from_json(text, now), Err(IntentsError::Shape(_))), "{text}");
        }
    }
}

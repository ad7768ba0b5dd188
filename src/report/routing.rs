//! Why settings have no effect, and why names match nothing, in words.

use super::shown::Shown;
use crate::model::routing::Unresolved;
use crate::model::secret_url::masked;
use crate::model::settings::Field;
use crate::plan::NoEffect;

/// How many names are listed.
const NAMES_SHOWN: usize = 20;

/// Why a friendly name does not identify exactly one resource.
#[must_use]
pub fn unresolved(field: Field, name: &str, why: &Unresolved) -> String {
    let what = kind(field);
    let name = Shown(name);
    match why {
        Unresolved::NoSuchName(names) if names.is_empty() => {
            format!("no {what} is named \"{name}\": the account has no {what}")
        }
        Unresolved::NoSuchName(names) => {
            let mut shown: Vec<String> =
                names.iter().take(NAMES_SHOWN).map(|name| format!("\"{}\"", Shown(name))).collect();
            if names.len() > NAMES_SHOWN {
                shown.push(format!("and {} more", names.len() - NAMES_SHOWN));
            }
            format!("no {what} is named \"{name}\"; the account has {}", shown.join(", "))
        }
        Unresolved::Several(sids) => {
            let sids: Vec<String> = sids.iter().take(NAMES_SHOWN).map(|sid| Shown(sid).to_string()).collect();
            let several = sids.join(", ");
            format!("more than one {what} is named \"{name}\": {several}. Write the SID, as {field}, instead")
        }
        Unresolved::NotKnown(why) => {
            format!(
                "the {what} named \"{name}\" could not be looked up: {}. Write the SID, as {field}",
                Shown(why)
            )
        }
    }
}

fn kind(field: Field) -> &'static str {
    match field {
        Field::SmsServiceSid => "Messaging Service",
        Field::VoiceTrunkSid => "trunk",
        _ => "application",
    }
}

/// Why a setting has no effect, and what has instead.
#[must_use]
pub fn no_effect(found: &NoEffect) -> String {
    let url = found.effective_url.as_deref().map(masked);
    match url {
        Some(url) => {
            format!("{} has no effect: {}; {} is called instead", found.field, found.because, Shown(&url))
        }
        None => format!("{} has no effect: {}", found.field, found.because),
    }
}

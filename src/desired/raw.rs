//! What serde reads of a file, and what the JSON Schema is made from.

mod claim;
mod entries;
mod file;
mod hold;
mod number;
mod patterns;
mod said;
mod scalar;

pub(super) use claim::RawClaim;
pub(super) use entries::{Entries, Entry};
pub(super) use file::{Account, Credentials, File, Policy, Quarantine};
pub(super) use hold::{Hold, Window};
pub(super) use number::{Layer, Number, Sms, Voice};
pub(super) use said::Said;
pub(super) use scalar::{Count, Given, Map, OWN, Section, Setting, Switch};

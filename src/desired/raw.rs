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
pub(super) use entries::{RawEntries, RawEntry};
pub(super) use file::{RawAccount, RawCredentials, RawFile, RawPolicy, RawQuarantine};
pub(super) use hold::{RawHold, RawWindow};
pub(super) use number::{RawLayer, RawNumber, Sms, Voice};
pub(super) use said::RawSettings;
pub(super) use scalar::{Count, Given, Map, OWN, Section, Setting, Switch};

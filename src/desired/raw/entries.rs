//! The numbers of a file, as they are kept until all of the files are read: a million of them have
//! to fit, and most say little more than which profile is theirs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::number::RawNumber;
use super::scalar::{Given, Setting};
use crate::model::number::{NumberError, PhoneNumber};

/// One entry of `numbers:`.
#[derive(Debug)]
pub(crate) enum RawEntry {
    /// A well-formed number, and nothing but this with it.
    Plain {
        /// Written as it prints.
        number: PhoneNumber,
        /// Shared by all of the file that name it.
        profile: Option<Arc<str>>,
        /// Shared, too.
        account: Option<Arc<str>>,
        /// Its own.
        friendly_name: Option<Box<str>>,
    },
    /// Anything else.
    Full(Box<RawNumber>),
}

impl RawEntry {
    fn from_number(number: RawNumber, names: &mut HashSet<Arc<str>>) -> Self {
        let plain = number.phone_number.0.as_deref().and_then(|text| PhoneNumber::declared(text).ok());
        let Some(plain) = plain.filter(|_| number.says_no_more_than_its_name()) else {
            return Self::Full(Box::new(number));
        };
        let mut shared = |given: &Given| {
            let text = given.text()?;
            Some(names.get(text).cloned().unwrap_or_else(|| {
                let name: Arc<str> = text.into();
                names.insert(name.clone());
                name
            }))
        };
        let (profile, account) = (shared(&number.profile), shared(&number.account));
        Self::Plain { number: plain, profile, account, friendly_name: number.friendly_name.0 }
    }

    /// The digits as they are written; `None` where there are none.
    pub(crate) fn digits(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Full(number) => number.phone_number.0.as_deref().map(Cow::Borrowed),
            Self::Plain { number, .. } => Some(Cow::Owned(number.to_string())),
        }
    }

    /// Its number; `None` where it says none.
    pub(crate) fn phone_number(&self) -> Option<Result<PhoneNumber, NumberError>> {
        match self {
            Self::Full(number) => number.phone_number.0.as_deref().map(PhoneNumber::declared),
            Self::Plain { number, .. } => Some(Ok(*number)),
        }
    }

    /// Shows all of the entry but its number.
    pub(crate) fn with<V>(&self, show: impl FnOnce(&RawNumber) -> V) -> V {
        match self {
            Self::Full(number) => show(number),
            Self::Plain { number: _, profile, account, friendly_name } => show(&RawNumber {
                profile: Given(profile.as_deref().map(Box::from)),
                account: Given(account.as_deref().map(Box::from)),
                friendly_name: Setting(friendly_name.clone()),
                ..RawNumber::default()
            }),
        }
    }
}

/// All of them, in the order of the file.
#[derive(Debug)]
pub(crate) struct RawEntries(pub(crate) Vec<RawEntry>);

impl<'de> Deserialize<'de> for RawEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = RawEntries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let (mut entries, mut names) = (Vec::new(), HashSet::new());
                while let Some(number) = list.next_element()? {
                    entries.push(RawEntry::from_number(number, &mut names));
                }
                Ok(RawEntries(entries))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

impl JsonSchema for RawEntries {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        Vec::<RawNumber>::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<Vec<RawNumber>>()
    }
}

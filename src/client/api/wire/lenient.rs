//! Values in whatever shape they come. A row is kept where a field of it has another shape than the
//! API's: the field is unknown then, and said to be odd.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;

/// A scalar of whatever JSON type, as text; null and `""` are nothing. A list or an object in its place
/// is nothing either, and odd: the row is kept, and a note reports it.
#[derive(Debug, Default)]
pub(in crate::client::api) struct LenientScalar<'a> {
    text: Option<Cow<'a, str>>,
    pub(in crate::client::api) is_odd: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for LenientScalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl<'de> Visitor<'de> for AnyScalar {
            type Value = LenientScalar<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(LenientScalar::from_text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(LenientScalar::from_text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(LenientScalar::from_text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(LenientScalar::from_text(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(LenientScalar::from_text(Cow::Owned(number.to_string())))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(LenientScalar::from_text(Cow::Borrowed(if flag { "true" } else { "false" })))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(LenientScalar::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                skip_list(list)?;
                Ok(LenientScalar { text: None, is_odd: true })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                skip_map(map)?;
                Ok(LenientScalar { text: None, is_odd: true })
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'a> LenientScalar<'a> {
    fn from_text(text: Cow<'a, str>) -> Self {
        Self { text: (!text.is_empty()).then_some(text), is_odd: false }
    }

    /// A string without escapes.
    pub(super) fn plain(text: &'a str) -> Self {
        Self::from_text(Cow::Borrowed(text))
    }

    pub(in crate::client::api) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// A group of fields. Anything but an object in its place is odd: the row is kept without it.
#[derive(Debug, Default)]
pub(super) enum LenientGroup<T> {
    /// Not there, or null.
    #[default]
    Absent,
    Read(T),
    /// Something else than an object.
    Odd,
}

impl<T> LenientGroup<T> {
    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Read(group) => Some(group),
            Self::Absent | Self::Odd => None,
        }
    }

    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Read(group) => Some(group),
            Self::Absent | Self::Odd => None,
        }
    }

    pub(super) fn is_odd(&self) -> bool {
        matches!(self, Self::Odd)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for LenientGroup<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyGroup<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for AnyGroup<T> {
            type Value = LenientGroup<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(LenientGroup::Read)
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(LenientGroup::Absent)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                skip_list(list).map(|()| LenientGroup::Odd)
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(LenientGroup::Odd)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(LenientGroup::Odd)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(LenientGroup::Odd)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(LenientGroup::Odd)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(LenientGroup::Odd)
            }
        }
        deserializer.deserialize_any(AnyGroup(PhantomData))
    }
}

/// Whether a number has a capability, in whichever shape it comes.
#[derive(Debug, Default)]
pub(super) enum LenientCapability {
    #[default]
    Absent,
    /// Null: over ActiveNumbers that says no.
    Null,
    Told(bool),
    /// In a shape that says neither.
    Odd,
}

impl<'de> Deserialize<'de> for LenientCapability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// By hand: an untagged enum would keep the whole object before it looks at it.
        struct AnyCapability;
        impl<'de> Visitor<'de> for AnyCapability {
            type Value = LenientCapability;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a capability")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(LenientCapability::Null)
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(LenientCapability::Told(flag))
            }
            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(LenientCapability::Odd)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(LenientCapability::Odd)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(LenientCapability::Odd)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(LenientCapability::Odd)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                skip_list(list).map(|()| LenientCapability::Odd)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                // Each is a flag or null; anything else says nothing.
                let (mut inbound, mut outbound) = (None, None);
                let mut are_flags = true;
                while let Some(key) = map.next_key::<LenientScalar<'_>>()? {
                    let place = match key.text() {
                        Some("inbound_connectivity") => &mut inbound,
                        Some("outbound_connectivity") => &mut outbound,
                        Some(_) | None => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    match map.next_value::<Json>()? {
                        Json::Bool(flag) => *place = Some(flag),
                        Json::Null => {}
                        _ => are_flags = false,
                    }
                }
                Ok(match (inbound, outbound) {
                    _ if !are_flags => LenientCapability::Odd,
                    (Some(false), Some(false)) => LenientCapability::Told(false),
                    _ => LenientCapability::Told(true),
                })
            }
        }
        deserializer.deserialize_any(AnyCapability)
    }
}

//! The leaves of a file, and what holds them: text as it was written, checked later.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::desired::issue::{At, Issue, Issues};

/// Starts the messages of our own errors, to tell them from serde's.
pub(crate) const OWN: char = '\u{1}';

/// A part of the file that may be there and hold nothing (`numbers:`).
#[derive(Debug, Default)]
pub(crate) enum Section<T> {
    #[default]
    Absent,
    Null,
    Is(T),
}

impl<T> Section<T> {
    /// What it holds, where nothing is to be said about one that is empty.
    pub(crate) fn is(&self) -> Option<&T> {
        match self {
            Self::Is(part) => Some(part),
            Self::Absent | Self::Null => None,
        }
    }

    /// What it holds. A key whose value is gone, such as one whose lines were all made comments, is an
    /// error: a window, a hold or a protection that was meant would be none.
    pub(crate) fn filled(&self, issues: &mut Issues, key: &str, at: impl FnOnce() -> At) -> Option<&T> {
        if matches!(self, Self::Null) {
            issues.push(
                Issue::error(at(), format!("`{key}` is empty"))
                    .help("write what belongs under it, or remove the line"),
            );
        }
        self.is()
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Is))
    }
}

impl<T: JsonSchema> JsonSchema for Section<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<T>()
    }
}

/// A setting: absent (not managed), `""` or null (cleared), or the text of a value. Sixteen bytes,
/// since a fleet has millions of them.
#[derive(Debug, Default)]
pub(crate) struct Setting(pub(crate) Option<Box<str>>);

impl Setting {
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Clearable;
        impl<'de> Visitor<'de> for Clearable {
            type Value = Setting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or null to clear the field")
            }
            fn visit_none<E>(self) -> Result<Setting, E> {
                Ok(Setting(Some("".into())))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Setting, E> {
                self.visit_none()
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Setting, D::Error> {
                deserializer.deserialize_str(Text("text, or null to clear the field")).map(Some).map(Setting)
            }
        }
        deserializer.deserialize_option(Clearable)
    }
}

/// A setting that is true, false, or null to clear it.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Setting, D::Error> {
    struct Clearable;
    impl<'de> Visitor<'de> for Clearable {
        type Value = Setting;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false, or null to clear the field")
        }
        fn visit_none<E>(self) -> Result<Setting, E> {
            Ok(Setting(Some("".into())))
        }
        fn visit_unit<E: de::Error>(self) -> Result<Setting, E> {
            self.visit_none()
        }
        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Setting, D::Error> {
            deserializer.deserialize_any(self)
        }
        fn visit_bool<E>(self, flag: bool) -> Result<Setting, E> {
            Ok(Setting(Some(if flag { "true" } else { "false" }.into())))
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Setting, E> {
            if text.is_empty() { self.visit_none() } else { Err(not_a_flag(text)) }
        }
    }
    deserializer.deserialize_option(Clearable)
}

/// `true` or `false`, and nothing that YAML 1.1 took for them.
#[derive(Debug, Default)]
pub(crate) struct Switch(pub(crate) Option<bool>);

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flag;
        impl Visitor<'_> for Flag {
            type Value = bool;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }
            fn visit_bool<E>(self, flag: bool) -> Result<bool, E> {
                Ok(flag)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
                Err(not_a_flag(text))
            }
        }
        deserializer.deserialize_any(Flag).map(Some).map(Self)
    }
}

fn not_a_flag<E: de::Error>(text: &str) -> E {
    let meant = match text.to_ascii_lowercase().as_str() {
        "yes" | "y" | "on" | "true" => "\nwrite true, without quotes",
        "no" | "n" | "off" | "false" => "\nwrite false, without quotes",
        _ => "",
    };
    E::custom(format_args!("{OWN}{text:?} is not true or false{meant}"))
}

/// Text that is not a setting: there is nothing to clear, so null is an empty text, which none of its
/// fields takes for a value.
#[derive(Debug, Default)]
pub(crate) struct Given(pub(crate) Option<Box<str>>);

impl Given {
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Box<str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_none<E>(self) -> Result<Box<str>, E> {
                Ok("".into())
            }
            fn visit_unit<E: de::Error>(self) -> Result<Box<str>, E> {
                self.visit_none()
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Box<str>, D::Error> {
                deserializer.deserialize_str(Text("text"))
            }
        }
        deserializer.deserialize_option(Written).map(Some).map(Self)
    }
}

/// The text of a count or a share, whether it is written as text or as an integer.
#[derive(Debug, Default)]
pub(crate) struct Count(pub(crate) Option<Box<str>>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Box<str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a count such as 10, or a share such as 5%")
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(text.into())
            }
            fn visit_u64<E>(self, count: u64) -> Result<Self::Value, E> {
                Ok(count.to_string().into())
            }
            fn visit_i64<E>(self, count: i64) -> Result<Self::Value, E> {
                Ok(count.to_string().into())
            }
            fn visit_f64<E>(self, count: f64) -> Result<Self::Value, E> {
                // With its point, so that no fraction or exponent passes for a count.
                Ok(format!("{count:?}").into())
            }
        }
        deserializer.deserialize_any(Written).map(Some).map(Self)
    }
}

struct Text(&'static str);

impl Visitor<'_> for Text {
    type Value = Box<str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.into())
    }
}

/// The text of a phone number, exactly as written.
///
/// An integer is an error and never a number: where it came from, a plus, leading zeros or digits
/// may have been lost already.
#[derive(Debug, Default)]
pub(crate) struct Digits(pub(crate) Option<Box<str>>);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl Visitor<'_> for Written {
            type Value = Box<str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a phone number in quotes, such as \"+15552230000\"")
            }
            fn visit_str<E>(self, text: &str) -> Result<Box<str>, E> {
                Ok(text.into())
            }
        }
        deserializer.deserialize_str(Written).map(Some).map(Self)
    }
}

/// `version: 1`. Refused right here, since nothing below an unknown version means anything.
#[derive(Debug)]
pub(crate) struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Version;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the version of the format, which is 1")
            }
            fn visit_u64<E: de::Error>(self, version: u64) -> Result<Version, E> {
                match version {
                    1 => Ok(Version),
                    _ => Err(E::custom(format_args!(
                        "{OWN}this numctl does not support version {version} of the file format\nit supports version 1"
                    ))),
                }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Version, E> {
                Err(E::custom(format_args!(
                    "{OWN}{text:?} is not a version of the file format\nwrite version: 1"
                )))
            }
        }
        deserializer.deserialize_any(One)
    }
}

/// A mapping keyed by names that people chose, in the order of the file, each name once.
#[derive(Debug)]
pub(crate) struct Map<T>(pub(crate) Vec<(Box<str>, T)>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Map<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Map<T>, A::Error> {
                let mut names = std::collections::HashSet::new();
                let mut entries = Vec::new();
                while let Some(Given(name)) = map.next_key()? {
                    let name = name.unwrap_or_default();
                    if !names.insert(name.clone()) {
                        // The words of serde's own message, so that both are told in one way.
                        return Err(de::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Map(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Map<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("MapOf{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let value = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "object", "additionalProperties": value })
    }
}

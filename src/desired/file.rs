//! The shape of one file: what serde reads, and what the JSON Schema is made from.
//!
//! Every path is typed down to the text. A `flatten`, an untagged or internally tagged enum, or a
//! `serde_yaml::Value` anywhere above a number would turn an unquoted `+15552230000` into the
//! integer 15552230000; read as text, it keeps its plus. That is also why most leaves are text here
//! and are checked afterwards: all mistakes are then reported together, each at its place.

use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::claims::RawClaim;
use super::entries::Entries;
use super::issue::{At, Issue, Issues};
use super::schema;
use crate::model::settings::Field;

/// Starts the messages of this file's own errors, to tell them from serde's.
pub(super) const OWN: char = '\u{1}';

/// One desired-state file of numctl.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping that starts with `version: 1`")]
#[schemars(
    title = "numctl desired state",
    description = "What a fleet of phone numbers is to be.",
    extend("required" = ["version"])
)]
pub(super) struct File {
    /// The version of this format: 1.
    #[serde(default)]
    #[schemars(schema_with = "schema::version")]
    pub(super) version: Option<Version>,
    /// The accounts by name. Without it there is one, named "default", from the environment.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1))]
    pub(super) accounts: Section<Map<Account>>,
    /// What a plan may do.
    #[serde(default)]
    pub(super) policy: Section<Policy>,
    /// What applies to every number, below its profile and its own fields.
    #[serde(default)]
    pub(super) defaults: Section<Layer>,
    /// Named configurations.
    #[serde(default)]
    pub(super) profiles: Section<Map<Section<Layer>>>,
    /// The numbers.
    #[serde(default)]
    pub(super) numbers: Section<Entries>,
    /// Numbers declared by need.
    #[serde(default)]
    pub(super) claims: Section<Vec<RawClaim>>,
}

/// A part of the file that may be there and hold nothing (`numbers:`).
#[derive(Debug, Default)]
pub(super) enum Section<T> {
    #[default]
    Absent,
    Null,
    Is(T),
}

impl<T> Section<T> {
    /// What it holds, where nothing is to be said of one that is empty.
    pub(super) fn is(&self) -> Option<&T> {
        match self {
            Self::Is(part) => Some(part),
            Self::Absent | Self::Null => None,
        }
    }

    /// What it holds. A key whose value is gone, such as one whose lines were all made comments, is an
    /// error: a window, a hold or a protection that was meant would be none.
    pub(super) fn filled(&self, issues: &mut Issues, key: &str, at: impl FnOnce() -> At) -> Option<&T> {
        if matches!(self, Self::Null) {
            issues.push(
                Issue::error(at(), format!("`{key}` is empty"))
                    .help("write what belongs under it, or remove the line"),
            );
        }
        self.is()
    }

    fn is_null(&self) -> bool {
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

/// One account.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `sid:`")]
#[schemars(extend("required" = ["sid"]))]
pub(super) struct Account {
    /// The account's SID, AC and 32 hexadecimal digits.
    #[serde(default)]
    #[schemars(schema_with = "schema::account_sid")]
    pub(super) sid: Given,
    /// The account that this one is a subaccount of; it makes the transfers.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) parent: Given,
    /// The API that its numbers are reached through. Default: the operator's, `--api`.
    #[serde(default)]
    #[schemars(schema_with = "schema::api")]
    pub(super) api: Given,
    /// The region whose webhooks are meant. Default: the operator's, `TWILIO_REGION`.
    #[serde(default)]
    #[schemars(schema_with = "schema::region")]
    pub(super) region: Given,
    /// The edge where requests enter Twilio's network. Default: the region's own, such as dublin for ie1.
    #[serde(default)]
    #[schemars(schema_with = "schema::region")]
    pub(super) edge: Given,
    /// Where its credentials are. Default for a subaccount over incoming-phone-numbers: its parent's.
    #[serde(default)]
    pub(super) credentials: Section<Credentials>,
    /// Its numbers are left alone until a time.
    #[serde(default)]
    pub(super) hold: Section<Box<Hold>>,
}

/// Where an account's credentials are: one of the two.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping such as `{ env: TWILIO }`")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub(super) struct Credentials {
    /// The prefix of the environment variables: PREFIX_API_KEY and PREFIX_API_SECRET, or
    /// PREFIX_AUTH_TOKEN.
    #[serde(default)]
    #[schemars(schema_with = "schema::env_prefix")]
    pub(super) env: Given,
    /// The name of a file in the operator's `--credentials-dir`.
    #[serde(default)]
    #[schemars(schema_with = "schema::secret_name")]
    pub(super) file: Given,
}

/// What a plan may do.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping")]
pub(super) struct Policy {
    /// Live numbers of a listed account that the file does not name are left alone (ignore),
    /// listed (report) or released.
    #[serde(default)]
    #[schemars(schema_with = "schema::unlisted")]
    pub(super) unlisted: Given,
    /// Declared numbers that the journal knows to have been ours, and that are gone, are told of
    /// (report, the default) or bought back (rebuy).
    #[serde(default)]
    #[schemars(schema_with = "schema::on_vanished")]
    pub(super) on_vanished: Given,
    /// The most purchases of one plan: a count, or a share such as "5%". Default: 10.
    #[serde(default)]
    #[schemars(schema_with = "schema::limit")]
    pub(super) max_purchases: Count,
    /// The most releases of one plan. Default: 0, which means none.
    #[serde(default)]
    #[schemars(schema_with = "schema::limit")]
    pub(super) max_releases: Count,
    /// The most numbers that one plan touches. Default: 100%.
    #[serde(default)]
    #[schemars(schema_with = "schema::limit")]
    pub(super) max_changes: Count,
    /// A number that had calls or messages within this time, such as 30d, is not released. Default:
    /// its use is not looked up.
    #[serde(default)]
    #[schemars(schema_with = "schema::lookback")]
    pub(super) release_guard: Given,
    /// A number that is to be released waits in another account first. Default: it is released at once.
    #[serde(default)]
    pub(super) quarantine: Section<Quarantine>,
    /// The most by which one plan raises what the numbers cost a month, such as 25 USD.
    #[serde(default)]
    #[schemars(schema_with = "schema::money")]
    pub(super) max_monthly_increase: Count,
    /// The most to which a plan raises what the numbers of all accounts cost a month.
    #[serde(default)]
    #[schemars(schema_with = "schema::money")]
    pub(super) max_monthly_total: Count,
    /// Nothing is changed, and drift is shown.
    #[serde(default)]
    #[schemars(schema_with = "schema::flag")]
    pub(super) paused: Switch,
    /// Nothing is changed outside of these.
    #[serde(default)]
    pub(super) windows: Section<Vec<Window>>,
    /// Nothing is changed until a time.
    #[serde(default)]
    pub(super) hold: Section<Box<Hold>>,
}

/// Where a number waits before it is released.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `account:` and `for:`")]
#[schemars(extend("required" = ["account", "for"]))]
pub(super) struct Quarantine {
    /// The account that it waits in, by its name under `accounts:`.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) account: Given,
    /// For how long, in whole days, such as 30d.
    #[serde(default)]
    #[schemars(schema_with = "schema::lookback")]
    pub(super) r#for: Given,
}

/// Left alone until a time.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `until:`")]
#[schemars(extend("required" = ["until"]))]
pub(super) struct Hold {
    /// The time at which it ends, such as 2026-12-01T09:00:00Z.
    #[serde(default)]
    #[schemars(schema_with = "schema::time")]
    pub(super) until: Given,
    /// Why, for people.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) why: Given,
}

/// A stretch of the week in which changes are made.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `from:`, `to:` and `zone:`")]
#[schemars(extend("required" = ["from", "to", "zone"]))]
pub(super) struct Window {
    /// The days on which it begins: mon, tue, wed, thu, fri, sat, sun. Default: every day.
    #[serde(default)]
    #[schemars(schema_with = "schema::days")]
    pub(super) days: Section<Vec<Given>>,
    /// When it begins, such as "09:00".
    #[serde(default)]
    #[schemars(schema_with = "schema::time_of_day")]
    pub(super) from: Given,
    /// When it ends; not after `from` means on the next day.
    #[serde(default)]
    #[schemars(schema_with = "schema::time_of_day")]
    pub(super) to: Given,
    /// Whose clock that is, such as Europe/Berlin.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) zone: Given,
}

/// Settings for many numbers: `defaults:` or one of `profiles:`. What is left out is not managed;
/// null or "" clears.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of settings")]
pub(super) struct Layer {
    /// The account of the numbers.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) account: Given,
    /// Whether the numbers are never released or moved by numctl.
    #[serde(default)]
    #[schemars(schema_with = "schema::flag")]
    pub(super) protect: Switch,
    /// A name for people, up to 64 characters.
    #[serde(default)]
    #[schemars(schema_with = "schema::friendly_name")]
    pub(super) friendly_name: Setting,
    /// Where call status events go.
    #[serde(default)]
    #[schemars(schema_with = "schema::url")]
    pub(super) status_callback: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "schema::method")]
    pub(super) status_callback_method: Setting,
    /// The address that the country wants a number's owner to have (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "schema::address_sid")]
    pub(super) address_sid: Setting,
    /// The identity document that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "schema::identity_sid")]
    pub(super) identity_sid: Setting,
    /// The regulatory bundle that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "schema::bundle_sid")]
    pub(super) bundle_sid: Setting,
    /// How calls are answered.
    #[serde(default)]
    pub(super) voice: Section<Box<Voice>>,
    /// How messages are answered.
    #[serde(default)]
    pub(super) sms: Section<Box<Sms>>,
}

/// One number. What is left out is not managed; null or "" clears.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping with `phone_number:`")]
#[schemars(extend("required" = ["phone_number"]))]
pub(super) struct Number {
    /// The number in E.164, or a short code.
    #[serde(default)]
    #[schemars(schema_with = "schema::phone_number")]
    pub(super) phone_number: Digits,
    /// Which of `profiles:` applies.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) profile: Given,
    /// Which of `accounts:` the number belongs in.
    #[serde(default)]
    #[schemars(schema_with = "schema::name")]
    pub(super) account: Given,
    /// Whether the number is to be there: `present` (the default), or `released`.
    #[serde(default)]
    #[schemars(schema_with = "schema::state")]
    pub(super) state: Given,
    /// What happens should the number vanish: report or rebuy. Default: the policy's.
    #[serde(default)]
    #[schemars(schema_with = "schema::on_vanished")]
    pub(super) on_vanished: Given,
    /// The number is left alone until a time.
    #[serde(default)]
    pub(super) hold: Section<Box<Hold>>,
    /// Whether the number is never released or moved by numctl.
    #[serde(default)]
    #[schemars(schema_with = "schema::flag")]
    pub(super) protect: Switch,
    /// A name for people, up to 64 characters.
    #[serde(default)]
    #[schemars(schema_with = "schema::friendly_name")]
    pub(super) friendly_name: Setting,
    /// Where call status events go.
    #[serde(default)]
    #[schemars(schema_with = "schema::url")]
    pub(super) status_callback: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "schema::method")]
    pub(super) status_callback_method: Setting,
    /// The address that the country wants a number's owner to have (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "schema::address_sid")]
    pub(super) address_sid: Setting,
    /// The identity document that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "schema::identity_sid")]
    pub(super) identity_sid: Setting,
    /// The regulatory bundle that the country wants (IncomingPhoneNumbers only).
    #[serde(default)]
    #[schemars(schema_with = "schema::bundle_sid")]
    pub(super) bundle_sid: Setting,
    /// How calls are answered.
    #[serde(default)]
    pub(super) voice: Section<Box<Voice>>,
    /// How messages are answered.
    #[serde(default)]
    pub(super) sms: Section<Box<Sms>>,
}

impl Number {
    /// Whether there is nothing but the number, its profile, its account and its name.
    pub(super) fn says_no_more_than_its_name(&self) -> bool {
        // Without a rest, so that a field that is added is thought of here.
        let Self {
            phone_number: _,
            profile: _,
            account: _,
            friendly_name: _,
            state,
            on_vanished,
            hold,
            protect,
            status_callback,
            status_callback_method,
            address_sid,
            identity_sid,
            bundle_sid,
            voice,
            sms,
        } = self;
        let settings = [status_callback, status_callback_method, address_sid, identity_sid, bundle_sid];
        state.0.is_none()
            && on_vanished.0.is_none()
            && matches!(hold, Section::Absent)
            && protect.0.is_none()
            && settings.iter().all(|setting| setting.0.is_none())
            && matches!((voice, sms), (Section::Absent, Section::Absent))
    }
}

/// How calls are answered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of voice settings")]
pub(super) struct Voice {
    /// Asked when a call comes in.
    #[serde(default)]
    #[schemars(schema_with = "schema::url")]
    pub(super) url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "schema::method")]
    pub(super) method: Setting,
    /// Asked when `url` fails; needs a `url`.
    #[serde(default)]
    #[schemars(schema_with = "schema::url")]
    pub(super) fallback_url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "schema::method")]
    pub(super) fallback_method: Setting,
    /// The application that answers; excludes `trunk_sid`.
    #[serde(default)]
    #[schemars(schema_with = "schema::application_sid")]
    pub(super) application_sid: Setting,
    /// The SIP trunk that answers; excludes `application_sid`.
    #[serde(default)]
    #[schemars(schema_with = "schema::trunk_sid")]
    pub(super) trunk_sid: Setting,
    /// voice or fax.
    #[serde(default)]
    #[schemars(schema_with = "schema::receive_mode")]
    pub(super) receive_mode: Setting,
    /// Whether the caller's name is looked up.
    #[serde(default, deserialize_with = "flag")]
    #[schemars(schema_with = "schema::clearable_flag")]
    pub(super) caller_id_lookup: Setting,
    /// Read-only at the vendor: accepted, and without effect.
    #[serde(default)]
    #[schemars(schema_with = "schema::emergency_status")]
    pub(super) emergency_status: Setting,
    /// The address that emergency calls are located by.
    #[serde(default)]
    #[schemars(schema_with = "schema::address_sid")]
    pub(super) emergency_address_sid: Setting,
}

/// How messages are answered.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a mapping of sms settings")]
pub(super) struct Sms {
    /// Asked when a message comes in.
    #[serde(default)]
    #[schemars(schema_with = "schema::url")]
    pub(super) url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "schema::method")]
    pub(super) method: Setting,
    /// Asked when `url` fails; needs a `url`.
    #[serde(default)]
    #[schemars(schema_with = "schema::url")]
    pub(super) fallback_url: Setting,
    /// GET or POST.
    #[serde(default)]
    #[schemars(schema_with = "schema::method")]
    pub(super) fallback_method: Setting,
    /// The application that answers.
    #[serde(default)]
    #[schemars(schema_with = "schema::application_sid")]
    pub(super) application_sid: Setting,
}

/// What `defaults:`, a profile, a number and a claim have in common.
pub(super) struct Said<'a> {
    top: [(Field, &'a Setting); 6],
    voice: Option<&'a Voice>,
    sms: Option<&'a Sms>,
    voice_null: bool,
    sms_null: bool,
}

macro_rules! said {
    ($($shape:ident)*) => {$(
        impl $shape {
            pub(super) fn said(&self) -> Said<'_> {
                Said {
                    top: [
                        (Field::FriendlyName, &self.friendly_name),
                        (Field::StatusCallback, &self.status_callback),
                        (Field::StatusCallbackMethod, &self.status_callback_method),
                        (Field::AddressSid, &self.address_sid),
                        (Field::IdentitySid, &self.identity_sid),
                        (Field::BundleSid, &self.bundle_sid),
                    ],
                    voice: self.voice.is().map(|voice| &**voice),
                    sms_null: self.sms.is_null(),
                    voice_null: self.voice.is_null(),
                    sms: self.sms.is().map(|sms| &**sms),
                }
            }
        }
    )*};
}

// Flattening a shared part would cost serde's refusal of unknown keys.
said!(Layer Number RawClaim);

impl<'a> Said<'a> {
    /// Every field that is there, with its text; `""` clears.
    pub(super) fn settings(&self) -> impl Iterator<Item = (Field, &'a str)> + use<'a> {
        let voice = self.voice.into_iter().flat_map(|voice| {
            [
                (Field::VoiceUrl, &voice.url),
                (Field::VoiceMethod, &voice.method),
                (Field::VoiceFallbackUrl, &voice.fallback_url),
                (Field::VoiceFallbackMethod, &voice.fallback_method),
                (Field::VoiceApplicationSid, &voice.application_sid),
                (Field::VoiceTrunkSid, &voice.trunk_sid),
                (Field::VoiceReceiveMode, &voice.receive_mode),
                (Field::VoiceCallerIdLookup, &voice.caller_id_lookup),
                (Field::VoiceEmergencyAddressSid, &voice.emergency_address_sid),
            ]
        });
        let sms = self.sms.into_iter().flat_map(|sms| {
            [
                (Field::SmsUrl, &sms.url),
                (Field::SmsMethod, &sms.method),
                (Field::SmsFallbackUrl, &sms.fallback_url),
                (Field::SmsFallbackMethod, &sms.fallback_method),
                (Field::SmsApplicationSid, &sms.application_sid),
            ]
        });
        self.top
            .into_iter()
            .chain(voice)
            .chain(sms)
            .filter_map(|(field, setting)| Some((field, setting.text()?)))
    }

    /// The groups that are null, which could mean "clear all of it", or nothing.
    pub(super) fn null_groups(&self) -> impl Iterator<Item = &'static str> + use<> {
        [(self.voice_null, "voice"), (self.sms_null, "sms")].into_iter().filter(|g| g.0).map(|g| g.1)
    }

    /// `voice.emergency_status`, which is no [`Field`] since nothing is ever done with it.
    pub(super) fn emergency_status(&self) -> Option<&'a str> {
        self.voice.and_then(|voice| voice.emergency_status.text())
    }
}

/// A setting: absent (not managed), `""` or null (cleared), or the text of a value. Sixteen bytes,
/// since a fleet has millions of them.
#[derive(Debug, Default)]
pub(super) struct Setting(pub(super) Option<Box<str>>);

impl Setting {
    fn text(&self) -> Option<&str> {
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
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Setting, D::Error> {
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
pub(super) struct Switch(pub(super) Option<bool>);

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
pub(super) struct Given(pub(super) Option<Box<str>>);

impl Given {
    pub(super) fn text(&self) -> Option<&str> {
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
pub(super) struct Count(pub(super) Option<Box<str>>);

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
pub(super) struct Digits(pub(super) Option<Box<str>>);

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
pub(super) struct Version;

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
                        "{OWN}this numctl does not know version {version} of the file format\nit knows version 1"
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
pub(super) struct Map<T>(pub(super) Vec<(Box<str>, T)>);

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

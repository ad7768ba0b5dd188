//! Who changed what, as Twilio's audit log shows it: events of Monitor Events. Pure.
//!
//! An event is a hint and an explanation, never proof: it may be late, doubled, out of order, missing or
//! about something else. What is live is decided by reading it.

use std::fmt;

use jiff::Timestamp;

use crate::model::inert;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::settings::{Field, Value};

/// How many characters of foreign text are kept: an address or the name of a type has far less.
const TEXT_MAX: usize = 80;

/// Through which door a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Someone in the Console.
    Console,
    Api,
    Vendor,
    /// The event does not say.
    Unknown,
}

impl Origin {
    /// From an event's `source` and `actor_type`; the first counts where they differ.
    #[must_use]
    pub fn from_event(source: Option<&str>, actor_type: Option<&str>) -> Self {
        match (source.unwrap_or_default(), actor_type.unwrap_or_default()) {
            ("web", _) => Self::Console,
            ("api", _) => Self::Api,
            ("twilio", _) => Self::Vendor,
            (_, "user") => Self::Console,
            (_, "account") => Self::Api,
            (_, "twilio-admin") => Self::Vendor,
            _ => Self::Unknown,
        }
    }

    /// The word for it, in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Api => "api",
            Self::Vendor => "vendor",
            Self::Unknown => "unknown",
        }
    }
}

/// Who changed something, when, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// When it was recorded.
    pub at: Timestamp,
    pub origin: Origin,
    /// `US…`, `AC…`, or what else the event names.
    pub actor: Option<Box<str>>,
    pub ip: Option<Box<str>>,
    pub event: Option<Box<str>>,
}

impl Cause {
    /// `in the Console by user US… from 203.0.113.7`
    #[must_use]
    pub fn by_whom(&self) -> String {
        let actor = self.actor.as_deref();
        let mut text = match (self.origin, actor) {
            (Origin::Console, Some(actor)) => format!("in the Console by user {actor}"),
            (Origin::Console, None) => "in the Console".to_owned(),
            (Origin::Api, Some(actor)) => format!("over the API by {actor}"),
            (Origin::Api, None) => "over the API".to_owned(),
            (Origin::Vendor, _) => "by Twilio".to_owned(),
            (Origin::Unknown, Some(actor)) => format!("by {actor}"),
            (Origin::Unknown, None) => "by someone whom the event does not name".to_owned(),
        };
        if let Some(ip) = &self.ip {
            text.push_str(" from ");
            text.push_str(ip);
        }
        text
    }
}

impl fmt::Display for Cause {
    /// `2026-11-28 10:42 UTC in the Console by user US… from 203.0.113.7`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at.strftime("%Y-%m-%d %H:%M UTC"), self.by_whom())
    }
}

/// What an event says about one property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertyChange {
    /// The field, where it is one that numctl knows.
    pub field: Option<Field>,
    /// Its name: the field's, else as Twilio gives it.
    pub name: Box<str>,
    /// The value before, as it came. It may hold a password: [masked](crate::model::secret_url) where it is shown.
    pub before: Option<Box<str>>,
    pub after: Option<Box<str>>,
}

impl PropertyChange {
    /// Of a property by Twilio's name.
    #[must_use]
    pub fn new(name: &str, before: Option<&str>, after: Option<&str>) -> Self {
        let field = field_of(name);
        let shown = field.map_or_else(|| text(name), |field| field.json_name().into());
        let value = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(Into::into);
        Self { field, name: shown, before: value(before), after: value(after) }
    }

    /// Whether a live value is the one that this change set.
    #[must_use]
    pub fn led_to(&self, field: Field, live: Option<&Value>) -> bool {
        let default = field.default_value();
        let set =
            self.after.as_deref().and_then(|text| Value::observed(field.kind(), text)).or(default.clone());
        let live = live.cloned().or(default);
        match (set, live) {
            (None, None) => true,
            (Some(set), Some(live)) => set.means(&live),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

/// One change of a resource, as Monitor Events has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Who, when, from where.
    pub cause: Cause,
    /// `phone-number.updated`; types that no one knows are kept.
    pub kind: Box<str>,
    /// In which account, where the event says it.
    pub account: Option<AccountSid>,
    /// The number that it is about, by its SID.
    pub resource: Option<NumberSid>,
    /// The number itself, where the event names it.
    pub number: Option<PhoneNumber>,
    pub changes: Vec<PropertyChange>,
}

impl AuditEvent {
    /// What it says about a field, if anything.
    #[must_use]
    pub fn change(&self, field: Field) -> Option<&PropertyChange> {
        self.changes.iter().find(|change| change.field == Some(field))
    }
}

/// The field of a property: `voice_url`, `VoiceUrl`, `voice.url`.
fn field_of(name: &str) -> Option<Field> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(name);
    Field::all().find(|field| {
        let v2010 = field.parameter(crate::model::provider::Api::IncomingPhoneNumbers).name();
        plain(field.json_name()) == wanted || v2010.is_some_and(|name| plain(name) == wanted)
    })
}

/// Foreign text on one line, of a sensible length.
#[must_use]
pub fn text(foreign: &str) -> Box<str> {
    inert::message(foreign, TEXT_MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_fields_in_every_spelling() {
        for (name, field) in [
            ("voice_url", Some(Field::VoiceUrl)),
            ("VoiceUrl", Some(Field::VoiceUrl)),
            ("voice.url", Some(Field::VoiceUrl)),
            ("trunk_sid", Some(Field::VoiceTrunkSid)),
            ("status_callback", Some(Field::StatusCallback)),
            ("emergency_status", None),
        ] {
            assert_eq!(PropertyChange::new(name, None, None).field, field, "{name}");
        }
        let odd = PropertyChange::new("odd\u{1b}[31mname", None, None);
        assert!(!odd.name.contains('\u{1b}'), "{}", odd.name);
    }

    #[test]
    fn every_field_is_known_by_its_own_name() {
        for field in Field::all() {
            assert_eq!(PropertyChange::new(field.json_name(), None, None).field, Some(field));
        }
    }

    #[test]
    fn the_origin_is_the_source_and_else_the_kind_of_actor() {
        for (source, actor, origin) in [
            (Some("web"), Some("user"), Origin::Console),
            (None, Some("user"), Origin::Console),
            (Some("api"), None, Origin::Api),
            (Some("other"), Some("account"), Origin::Api),
            (Some("twilio"), Some("user"), Origin::Vendor),
            (None, Some("twilio-admin"), Origin::Vendor),
            (None, None, Origin::Unknown),
        ] {
            assert_eq!(Origin::from_event(source, actor), origin);
        }
    }

    #[test]
    fn a_cause_reads_as_a_sentence() {
        let cause = Cause {
            at: "2026-11-28T10:42:31Z".parse().expect("a time"),
            origin: Origin::Console,
            actor: Some("US1".into()),
            ip: Some("203.0.113.7".into()),
            event: None,
        };
        assert_eq!(cause.to_string(), "2026-11-28 10:42 UTC in the Console by user US1 from 203.0.113.7");
    }
}

//! The account's audit log: every change of the model, as Monitor Events shows it.
//!
//! Which types and properties Twilio records is known from its documentation and from public
//! programs; how late an event comes is not, hence the switches of [`super::faults`]. A move is an
//! update of `account_sid` in both accounts' logs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::Config;

/// How many changes are remembered: Twilio keeps 30 days.
const CHANGES_MAX: usize = 10_000;

/// Who changes the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Through which of Twilio's doors.
    pub door: Door,
    /// `US…` of someone in the Console, `AC…` of an API request.
    pub sid: Option<Arc<str>>,
    pub ip: Option<Arc<str>>,
}

/// How a change came in, in Twilio's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    Web,
    Api,
    Twilio,
}

impl Door {
    /// The `source` of an event.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Api => "api",
            Self::Twilio => "twilio",
        }
    }

    /// The `actor_type` of an event.
    pub(crate) fn actor_type(self) -> &'static str {
        match self {
            Self::Web => "user",
            Self::Api => "account",
            Self::Twilio => "twilio-admin",
        }
    }
}

/// One value before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Property {
    pub(crate) previous: Option<Arc<str>>,
    pub(crate) updated: Option<Arc<str>>,
}

/// One change, as it is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoggedChange {
    /// Its place in the log, from 1: the SID is made of it.
    pub(crate) place: u64,
    /// In whose log it is.
    pub(crate) account: Arc<str>,
    pub(crate) event_type: String,
    /// In seconds since the epoch.
    pub(crate) at: u32,
    pub(crate) door: Door,
    #[serde(default)]
    pub(crate) actor: Option<Arc<str>>,
    #[serde(default)]
    pub(crate) ip: Option<Arc<str>>,
    /// The SID of what was changed.
    pub(crate) resource: String,
    #[serde(default)]
    pub(crate) properties: BTreeMap<String, Property>,
}

impl LoggedChange {
    pub(crate) fn sid(&self) -> String {
        format!("AE{:032x}", self.place)
    }

    /// What was changed: the type of the event without the action.
    pub(crate) fn resource_type(&self) -> &str {
        self.event_type.split_once('.').map_or(&*self.event_type, |(resource, _)| resource)
    }

    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp::from_second(i64::from(self.at)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The log, and who acts now.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditLog {
    changes: VecDeque<LoggedChange>,
    /// How many there were ever.
    places: u64,
    /// Without anybody, nothing is logged: the world is being set up.
    pub(crate) actor: Option<Actor>,
}

impl AuditLog {
    /// The log of a state file.
    pub(crate) fn restored(changes: Vec<LoggedChange>) -> Self {
        let places = changes.iter().map(|change| change.place).max().unwrap_or(0);
        Self { changes: changes.into(), places, actor: None }
    }

    pub(crate) fn changes(&self) -> &VecDeque<LoggedChange> {
        &self.changes
    }

    /// Logs that someone did something to a resource.
    pub(crate) fn log(
        &mut self,
        now: u32,
        account: &Arc<str>,
        event_type: &str,
        resource: &str,
        properties: BTreeMap<String, Property>,
    ) {
        let Some(actor) = self.actor.clone() else { return };
        self.places += 1;
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(LoggedChange {
            place: self.places,
            account: account.clone(),
            event_type: event_type.to_owned(),
            at: now,
            door: actor.door,
            actor: actor.sid,
            ip: actor.ip,
            resource: resource.to_owned(),
            properties,
        });
    }
}

/// A number's settings before an update, or after it.
#[derive(Clone, Copy)]
pub(crate) struct AuditedSettings<'a> {
    pub(crate) name: Option<&'a Arc<str>>,
    pub(crate) config: &'a Config,
}

/// What an update changes: the name and the settings, by Twilio's names.
pub(crate) fn differences(old: AuditedSettings<'_>, new: AuditedSettings<'_>) -> BTreeMap<String, Property> {
    let mut properties = BTreeMap::new();
    let mut note = |name: &str, previous: Option<Arc<str>>, updated: Option<Arc<str>>| {
        if previous != updated {
            properties.insert(name.to_owned(), Property { previous, updated });
        }
    };
    note("friendly_name", old.name.cloned(), new.name.cloned());
    for slot in Config::slots() {
        let value = |config: &Config| config.get(slot).map(Arc::from);
        note(&slot.property(), value(old.config), value(new.config));
    }
    properties
}

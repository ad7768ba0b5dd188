//! The model as JSON: what `--state FILE` holds and `GET /_sandbox/state` shows.
//!
//! ```json
//! {"version":1,"minted":2,
//!  "accounts":{"AC…1":{"parent":null,"status":"active","trial":false,"auth_token":"…","keys":{}}},
//!  "numbers":[{"phone_number":"+15552230000","sid":"PN…","account_sid":"AC…1",
//!              "friendly_name":"Support","config":{"voice.url":"https://voice.example.com"}}]}
//! ```
//!
//! An account may have a `friendly_name` too. A number has `since`, in seconds since the epoch, where it
//! was bought from a server that has a clock; and `emergency` where its settings do not
//! say it all: `{"pending-unregistration":1}` for an address that one more read shows as leaving.
//! `traffic` is a list of calls and messages ([`Event`]), `changes` the audit log, and `resources` holds
//! Messaging Services, applications, trunks and regions; each is left out where there is none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::model::number::PhoneNumber;

use super::audit::{AuditLog, LoggedChange};
use super::config::{Config, ConfigSlot, is_sid, sid_value};
use super::emergency::Emergency;
use super::event::SandboxEvent;
use super::resources::Resources;
use super::world::{SandboxAccount, World};

const VERSION: u32 = 1;

/// Why a state file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Not the JSON of a state.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("it has version {0}; this numctl reads version {VERSION}")]
    Version(u32),
    /// A value that the model cannot hold.
    #[error("{0}")]
    Value(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedState {
    version: u32,
    #[serde(default)]
    minted: u64,
    accounts: BTreeMap<String, SandboxAccount>,
    #[serde(default)]
    numbers: Vec<NumberState>,
    #[serde(default)]
    traffic: Vec<SandboxEvent>,
    #[serde(default)]
    changes: Vec<LoggedChange>,
    #[serde(default)]
    resources: Resources,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberState {
    phone_number: String,
    sid: String,
    account_sid: Arc<str>,
    #[serde(default)]
    friendly_name: Option<Arc<str>>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    #[serde(default)]
    emergency: Option<Emergency>,
    #[serde(default)]
    since: u32,
}

#[derive(Serialize)]
struct StateView<'a> {
    version: u32,
    minted: u64,
    accounts: BTreeMap<&'a str, &'a SandboxAccount>,
    numbers: Numbers<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    traffic: &'a [SandboxEvent],
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    changes: &'a VecDeque<LoggedChange>,
    #[serde(skip_serializing_if = "Resources::is_empty")]
    resources: &'a Resources,
}

struct Numbers<'a>(&'a World);

#[derive(Serialize)]
struct NumberView<'a> {
    phone_number: PhoneNumber,
    sid: String,
    account_sid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    friendly_name: Option<&'a str>,
    config: BTreeMap<&'static str, &'a str>,
    /// Only where it is not what the settings alone say.
    #[serde(skip_serializing_if = "Option::is_none")]
    emergency: Option<Emergency>,
    #[serde(skip_serializing_if = "is_long_ago")]
    since: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_long_ago(since: &u32) -> bool {
    *since == 0
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (number, owned) in self.0.numbers() {
            let address = owned.config.get(ConfigSlot::VoiceEmergencyAddressSid);
            list.serialize_element(&NumberView {
                phone_number: number,
                sid: owned.sid(),
                account_sid: &owned.account,
                friendly_name: owned.friendly_name.as_deref(),
                config: owned.config.iter().map(|(slot, value)| (slot.key(), value)).collect(),
                emergency: (owned.emergency != Emergency::from_address(address)).then_some(owned.emergency),
                since: owned.since,
            })?;
        }
        list.end()
    }
}

impl Serialize for World {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StateView {
            version: VERSION,
            minted: self.minted,
            accounts: self.accounts().collect(),
            numbers: Numbers(self),
            traffic: &self.traffic,
            changes: self.audit.changes(),
            resources: &self.resources,
        }
        .serialize(serializer)
    }
}

impl World {
    /// Reads the JSON that serializing a world gives.
    ///
    /// # Errors
    /// Says what in it is wrong.
    pub fn from_json(json: &[u8]) -> Result<Self, StateError> {
        let state: SavedState = serde_json::from_slice(json)?;
        if state.version != VERSION {
            return Err(StateError::Version(state.version));
        }
        let mut world = Self::default();
        for (sid, account) in state.accounts {
            if !is_sid(&sid, "AC") {
                return Err(StateError::Value(format!("{sid:?} is not the SID of an account")));
            }
            world.insert_account(&sid, account);
        }
        for entry in state.numbers {
            world.restore(entry).map_err(StateError::Value)?;
        }
        world.minted = state.minted;
        world.traffic = state.traffic;
        world.audit = AuditLog::restored(state.changes);
        world.resources = state.resources;
        Ok(world)
    }

    fn restore(&mut self, entry: NumberState) -> Result<(), String> {
        let text = &entry.phone_number;
        let number = PhoneNumber::observed(text).ok_or_else(|| format!("{text:?} is not a phone number"))?;
        let sid = sid_value(&entry.sid)
            .ok_or_else(|| format!("the sid of {text} is not PN and 32 digits of 0-9, a-f"))?;
        if self.account(&entry.account_sid).is_none() {
            return Err(format!("the account_sid of {text} is not that of any account"));
        }
        if self.owned(number).is_some() || self.find(&entry.sid).is_some() {
            return Err(format!("{text} or its sid comes twice"));
        }
        let mut config = Config::default();
        for (key, value) in &entry.config {
            let slot =
                ConfigSlot::from_key(key).ok_or_else(|| format!("{text} has an unknown setting {key:?}"))?;
            config.set(slot, value);
        }
        self.now = entry.since;
        self.add(number, &entry.account_sid, entry.friendly_name, config, Some(sid));
        self.now = 0;
        if let Some(emergency) = entry.emergency {
            self.set_emergency(number, emergency);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::{MAIN_SID, SUBACCOUNT_SID};
    use super::*;

    #[test]
    fn a_world_survives_its_json() {
        let mut world = World::demo(3);
        let number = PhoneNumber::observed("+15552230001").expect("a number");
        let mut config = Config::default();
        config.set(ConfigSlot::SmsUrl, "https://a.example/\"quoted\"");
        world.configure(number, Some("Ünï".into()), config);
        world.transfer(number, SUBACCOUNT_SID, false);
        let event =
            r#"[{"medium":"message","to":"+15552230000","from":"+15550000001","at":"2026-08-03T10:00:00Z"}]"#;
        world.add_traffic(event.as_bytes()).expect("put in");
        let json = serde_json::to_string(&world).expect("JSON");
        let back = World::from_json(json.as_bytes()).expect("reads its own");
        assert_eq!(serde_json::to_string(&back).expect("JSON"), json);
    }

    #[test]
    fn a_spoilt_file_says_why() {
        let json = serde_json::to_string(&World::demo(1)).expect("JSON");
        for (from, to, part) in [
            ("\"version\":1", "\"version\":2", "version 2"),
            ("\"sid\":\"PN", "\"sid\":\"XN", "is not PN"),
            ("voice.url", "voice.uri", "unknown setting"),
            (
                &format!("\"account_sid\":\"{MAIN_SID}")[..],
                "\"account_sid\":\"AC9",
                "not that of any account",
            ),
            ("\"numbers\"", "\"nombers\"", "nombers"),
        ] {
            let message = World::from_json(json.replace(from, to).as_bytes()).expect_err(part).to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(World::from_json(&json.as_bytes()[..json.len() / 2]).is_err());
    }
}

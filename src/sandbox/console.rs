//! The Console, and Twilio's staff: changes of the model that no API request makes.
//!
//! ```json
//! {"phone_number":"+15552230000","user":"US…","ip":"203.0.113.7","set":{"voice.url":"https://a.example"}}
//! ```
//!
//! `set` has the keys of a state file, and `friendly_name`; an empty value clears. `"release": true` gives
//! the number up. Without a `user` it is Twilio's staff.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::model::number::PhoneNumber;

use super::audit::{Actor, Door};
use super::config::{Config, ConfigSlot};
use super::world::World;

/// What someone does in the Console.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    phone_number: String,
    #[serde(default)]
    user: Option<Arc<str>>,
    #[serde(default)]
    ip: Option<Arc<str>>,
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    release: bool,
}

impl World {
    /// Does what someone does in the Console, as a JSON object of it.
    ///
    /// # Errors
    /// Says what in it is wrong; then nothing was changed.
    pub fn edit_in_console(&mut self, json: &[u8]) -> Result<(), String> {
        let edit: Edit = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let number = PhoneNumber::observed(&edit.phone_number)
            .ok_or_else(|| format!("{:?} is not a phone number", edit.phone_number))?;
        let owned = self.owned(number).ok_or_else(|| format!("nobody owns {number}"))?;
        let (mut name, mut config) = (owned.friendly_name.clone(), Config::clone(&owned.config));
        for (key, value) in &edit.set {
            if key == "friendly_name" {
                name = Some(value.as_str().into()).filter(|name: &Arc<str>| !name.is_empty());
                continue;
            }
            let slot = ConfigSlot::from_key(key).ok_or_else(|| format!("there is no setting {key:?}"))?;
            match value.as_str() {
                "" => config.clear(slot),
                value => config.set(slot, value),
            }
        }
        let door = if edit.user.is_some() { Door::Web } else { Door::Twilio };
        self.audit.actor = Some(Actor { door, sid: edit.user, ip: edit.ip });
        match edit.release {
            true => self.release(number),
            false => self.configure(number, name, config),
        }
        self.audit.actor = None;
        Ok(())
    }
}

//! The calls and messages of the model: put in from outside, since no one calls a sandbox.
//!
//! ```json
//! {"medium":"call","to":"+15552230000","from":"sip:desk@example.com","at":"2026-08-03T10:00:00Z"}
//! ```

use crate::model::traffic::{Medium, numbers_in};

use super::event::SandboxEvent;
use super::world::World;

impl World {
    /// Puts in what came in or went out, as a JSON list of it.
    ///
    /// # Errors
    /// Says what in it is wrong; then nothing was put in.
    pub fn add_traffic(&mut self, json: &[u8]) -> Result<(), String> {
        let events: Vec<SandboxEvent> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut placed = Vec::new();
        for event in events {
            let owner = |text: &str| {
                numbers_in(text).find_map(|number| self.owner(number)).map(|(account, _)| account.to_owned())
            };
            let accounts: Vec<String> = match &event.account_sid {
                Some(sid) => vec![sid.clone()],
                None => [owner(&event.to), owner(&event.from)].into_iter().flatten().collect(),
            };
            if accounts.is_empty() {
                return Err(format!("neither {:?} nor {:?} is a number of an account", event.to, event.from));
            }
            for (at, account) in accounts.iter().enumerate() {
                if !accounts[..at].contains(account) {
                    placed.push(SandboxEvent { account_sid: Some(account.clone()), ..event.clone() });
                }
            }
        }
        self.traffic.extend(placed);
        Ok(())
    }

    /// An account's calls or messages with their places, the newest first.
    pub(crate) fn traffic_of(&self, account: &str, medium: Medium) -> Vec<(usize, &SandboxEvent)> {
        let is_of =
            |event: &SandboxEvent| event.medium == medium && event.account_sid.as_deref() == Some(account);
        let mut events: Vec<_> = self.traffic.iter().enumerate().filter(|(_, event)| is_of(event)).collect();
        events.sort_by_key(|(place, event)| std::cmp::Reverse((event.at, *place)));
        events
    }
}

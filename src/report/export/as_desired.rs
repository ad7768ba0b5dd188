//! What an exported file declares, for the tests that hold the file to it.

use std::sync::Arc;

use super::{ExportedEntry, ExportedFleet};
use crate::desired::{Declared, DeclaredState, Desired, Place, Policy};
use crate::model::hold::Standstill;

impl ExportedFleet {
    /// What the file declares, as reading it gives it.
    #[must_use]
    pub fn to_desired(&self) -> Desired {
        let settings = |entry: &ExportedEntry| {
            let profile = entry.profile.map(|at| &self.profiles[at].settings);
            let below = profile.map_or_else(|| self.defaults.clone(), |over| self.defaults.overlaid(over));
            below.overlaid(&entry.settings)
        };
        let numbers = self.numbers.iter().zip(0..).map(|(entry, at)| Declared {
            number: entry.number,
            account: entry.account,
            state: DeclaredState::Present,
            protect: false,
            on_vanished: None,
            hold: None,
            settings: settings(entry),
            labels: None,
            place: Place { file: 0, entry: at },
        });
        Desired {
            secrets: Vec::new(),
            accounts: self.accounts.clone(),
            policy: Policy::default(),
            standstill: Standstill::default(),
            numbers: numbers.collect(),
            claims: Vec::new(),
            files: vec![Arc::from("export.yaml")],
        }
    }
}

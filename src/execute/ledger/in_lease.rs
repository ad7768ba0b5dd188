//! The Lease as the place where what was bought and spent lasts: the next holder reads what its last holder
//! left, and no one writes there who has not got it.

#![deny(clippy::arithmetic_side_effects)]

use std::cell::Cell;
use std::time::Duration;

use tracing::warn;

use crate::client::leadership::{Leadership, NotLeading};
use crate::client::lease::LeaseNote;
use crate::guard::budget::Budget;
use crate::guard::contents::Contents;
use crate::guard::intents::{IntentPlace, Intents};

use super::{Kept, LedgerError};

/// Every renewal sends all of it: a longer account of what was spent lasts only in a directory.
const SPENT_BYTES_MAX: usize = 64 << 10;

/// The lease that keeps something for the next holder.
#[derive(Debug)]
pub struct InLease {
    lease: Leadership,
    /// In which it was read: in another one, someone else may have written meanwhile.
    term: Cell<Option<u64>>,
    /// Said already that there is too much to be kept.
    said: Cell<bool>,
}

impl InLease {
    /// Keeps it in the notes of this Lease.
    #[must_use]
    pub fn new(lease: Leadership) -> Self {
        Self { lease, term: Cell::new(None), said: Cell::new(false) }
    }

    /// Reads what is in the Lease. What is written from now on rests on it.
    fn read(&self) -> Result<LeaseNote, LedgerError> {
        let term = self.lease.term()?;
        let note = self.lease.kept(term)?;
        self.term.set(Some(term));
        Ok(note)
    }

    pub(super) fn load(&self, now: Duration) -> Result<Kept, LedgerError> {
        let note = self.read()?;
        let budget = match &note.spent {
            None => Budget::default(),
            Some(text) => Budget::from_json(text)
                .map_err(|error| LedgerError::NotedBudget { lease: self.lease.name().to_owned(), error })?,
        };
        Ok(Kept { budget, intents: self.intents_in(&note, now)? })
    }

    pub(super) fn intents(&self, now: Duration) -> Result<Intents, LedgerError> {
        self.intents_in(&self.read()?, now)
    }

    fn intents_in(&self, note: &LeaseNote, now: Duration) -> Result<Intents, LedgerError> {
        Ok(match self.place_in(note, now)? {
            Some(IntentPlace::Here(intents)) => intents,
            // No one knows what was sent by those who kept it elsewhere, or nowhere.
            Some(IntentPlace::Directory(_)) | None => Intents::unkept(now),
        })
    }

    /// Where the last holder kept what was bought for claims.
    pub(super) fn place(&self, now: Duration) -> Result<Option<IntentPlace>, LedgerError> {
        self.place_in(&self.read()?, now)
    }

    fn place_in(&self, note: &LeaseNote, now: Duration) -> Result<Option<IntentPlace>, LedgerError> {
        let place = note.intents.as_ref().map(|text| IntentPlace::from_json(text, now)).transpose();
        place.map_err(|error| LedgerError::NotedIntents { lease: self.lease.name().to_owned(), error })
    }

    /// From now on it is kept in the directory of this name.
    pub(super) async fn point_to(&self, id: String) -> Result<(), LedgerError> {
        let note = LeaseNote { intents: Some(IntentPlace::Directory(id).to_json()), ..self.standing()? };
        self.keep(note, &Intents::default()).await
    }

    pub(super) async fn save(&self, kept: &Kept) -> Result<(), LedgerError> {
        let mut note = self.standing()?;
        self.put_intents(&mut note, &kept.intents);
        if note.spent.is_some() || kept.budget != Budget::default() {
            let text = kept.budget.to_json();
            if text.len() <= SPENT_BYTES_MAX {
                note.spent = Some(text);
                self.said.set(false);
            } else if !self.said.replace(true) {
                // What is there was spent, too.
                warn!(
                    lease = %self.lease.name(), bytes = text.len(), room = SPENT_BYTES_MAX,
                    "the record of what was spent is too large for the lease: a restart forgets part of it (see --state-dir)"
                );
            }
        }
        self.keep(note, &kept.intents).await
    }

    /// Which contents of the files were in force.
    pub(super) fn contents(&self) -> Result<Contents, LedgerError> {
        Ok(self.read()?.content.as_deref().map(Contents::parse).unwrap_or_default())
    }

    pub(super) async fn note_contents(&self, contents: &Contents) -> Result<(), LedgerError> {
        let note = LeaseNote { content: Some(contents.to_string()), ..self.standing()? };
        self.keep(note, &Intents::default()).await
    }

    /// A fleet without claims never has the annotation.
    pub(super) async fn save_intents(&self, intents: &Intents) -> Result<(), LedgerError> {
        let mut note = self.standing()?;
        self.put_intents(&mut note, intents);
        self.keep(note, intents).await
    }

    pub(super) async fn begin(&self, intents: &Intents) -> Result<(), LedgerError> {
        let mut note = self.standing()?;
        if !matches!(self.place_in(&note, Duration::ZERO)?, Some(IntentPlace::Here(_))) {
            note.intents = Some(intents.to_json());
        }
        self.keep(note, intents).await
    }

    fn put_intents(&self, note: &mut LeaseNote, intents: &Intents) {
        if note.intents.is_some() || !intents.is_empty() {
            note.intents = Some(intents.to_json());
        }
    }

    async fn keep(&self, note: LeaseNote, intents: &Intents) -> Result<(), LedgerError> {
        let term = self.read_in()?;
        if self.standing()? == note {
            return Ok(());
        }
        let room = self.lease.room(term)?;
        // What is begun must be told the end of.
        let room = if intents.is_any_running() { (room / 4).saturating_mul(3) } else { room };
        let bytes = note.bytes();
        if bytes > room {
            return Err(LedgerError::NoRoom { lease: self.lease.name().to_owned(), bytes, room });
        }
        Ok(self.lease.keep(term, note).await?)
    }

    fn standing(&self) -> Result<LeaseNote, LedgerError> {
        Ok(self.lease.kept(self.read_in()?)?)
    }

    /// The term in which it was read.
    fn read_in(&self) -> Result<u64, LedgerError> {
        let not_read = || NotLeading::NotYet { lease: self.lease.name().to_owned() };
        Ok(self.term.get().ok_or_else(not_read)?)
    }
}

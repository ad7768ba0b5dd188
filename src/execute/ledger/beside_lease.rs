//! A directory as the place where what was bought and spent lasts, for those who have a Lease. Each host may
//! have a directory of its own under that name: the Lease says in which one its last holder wrote, so that
//! no one takes an old one, or a new and empty one, for all there is to know.

#![deny(clippy::arithmetic_side_effects)]

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::guard::contents::Contents;
use crate::guard::intents::{IntentPlace, Intents};

use super::{INTENTS, InLease, LedgerError, intents_in, read, write};

/// The file that has the directory's own name.
const ID: &str = "id";

/// A directory, and a lease.
#[derive(Debug)]
pub struct BesideLease {
    directory: PathBuf,
    lease: InLease,
}

impl BesideLease {
    pub(super) fn new(directory: PathBuf, lease: InLease) -> Self {
        Self { directory, lease }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the file says, where the Lease says that it is the last one; else what is known, and that
    /// there may be more.
    pub(super) fn intents(&self, now: Duration) -> Result<Intents, LedgerError> {
        let (noted, file) = (self.lease.place(now)?, intents_in(&self.directory, now)?);
        let mut known = match (noted, &file) {
            (Some(IntentPlace::Directory(id)), Some(file)) if self.id()?.as_ref() == Some(&id) => {
                return Ok(file.clone());
            }
            (Some(IntentPlace::Here(noted)), _) => noted,
            (Some(IntentPlace::Directory(_)) | None, _) => Intents::unkept(now),
        };
        if let Some(file) = &file {
            known.recall(file, now);
        }
        Ok(known)
    }

    pub(super) async fn save_intents(&self, intents: &Intents) -> Result<(), LedgerError> {
        if intents.is_empty() && !self.directory.join(INTENTS).exists() {
            return Ok(());
        }
        self.begin(intents).await
    }

    /// The file first: the Lease never names a directory that does not know yet.
    pub(super) async fn begin(&self, intents: &Intents) -> Result<(), LedgerError> {
        let id = match self.id()? {
            Some(id) => id,
            None => {
                let id = format!("{:016x}", RandomState::new().build_hasher().finish());
                write(&self.directory, ID, &id)?;
                id
            }
        };
        let text = intents.to_json();
        // The daemon begins each of its cycles with this.
        if read(&self.directory, INTENTS)?.is_none_or(|(_, known)| known != text) {
            write(&self.directory, INTENTS, &text)?;
        }
        self.lease.point_to(id).await
    }

    /// Which contents of the files were in force: the Lease says it for every host.
    pub(super) fn contents(&self) -> Result<Contents, LedgerError> {
        self.lease.contents()
    }

    pub(super) async fn note_contents(&self, contents: &Contents) -> Result<(), LedgerError> {
        self.lease.note_contents(contents).await
    }

    fn id(&self) -> Result<Option<String>, LedgerError> {
        Ok(read(&self.directory, ID)?.map(|(_, text)| text.trim().to_owned()))
    }
}

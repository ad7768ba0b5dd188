//! Where the daemon's budget lasts, and what was bought for claims and not seen yet: two small files,
//! each replaced as a whole before anything is spent; or, for the latter, the Lease that its writer has.

use std::cell::Cell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::atomic_file;
use crate::bounded_file::{self, BoundedFileError};
use crate::budget::{Budget, BudgetError};
use crate::intents::{Intents, IntentsError};
use crate::journal_file::JournalFileError;
use crate::leadership::{Leadership, NotLeading};
use crate::lease::wire;

/// The budget's name in the state directory.
const BUDGET: &str = "budget.json";
/// The name of the intents.
const INTENTS: &str = "intents.json";

/// Kubernetes takes 256 KiB for all annotations of an object.
const NOTE_BYTES_MAX: usize = 200 << 10;

/// A day's spending on a million numbers is less than this.
const BYTES_MAX: usize = 256 << 20;

/// Keeps them over restarts, or only while the process lives.
#[derive(Debug)]
pub enum Ledger {
    /// A restart forgets them.
    InMemory,
    /// They last in this directory.
    In(PathBuf),
    /// What was bought for claims lasts in the lease; a restart forgets the budget.
    InLease(InLease),
}

/// The lease that keeps something for whoever has it next.
#[derive(Debug)]
pub struct InLease {
    lease: Leadership,
    /// In which it was read: in another one, somebody else may have written meanwhile.
    term: Cell<Option<u64>>,
}

/// What lasts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// What was spent over time.
    pub budget: Budget,
    /// What was bought for claims and not seen yet.
    pub intents: Intents,
}

/// Why they cannot be kept. Nothing is bought or released then.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The file holds something else. It is not thrown away: what it counted would be forgotten.
    #[error("{0}: {1} (move it away to start counting anew)")]
    Content(PathBuf, #[source] BudgetError),
    /// The same of the intents.
    #[error(
        "{0}: {1} (a purchase that it knows of may be on its way: move it away no sooner than in 15 minutes)"
    )]
    Intents(PathBuf, #[source] IntentsError),
    /// The same, in a Lease.
    #[error(
        "the annotation {annotation} of the lease {lease}: {error} (without it, nothing is bought for claims for 15 \
         minutes)",
        annotation = wire::NOTE
    )]
    Note {
        /// `NAMESPACE/NAME`.
        lease: String,
        /// What is wrong with it.
        error: IntentsError,
    },
    /// A Lease does not take so much.
    #[error(
        "the lease {lease} has no room for what claims have: {bytes} bytes of {NOTE_BYTES_MAX}; use --state-dir"
    )]
    NoRoom {
        /// `NAMESPACE/NAME`.
        lease: String,
        /// How much it would be.
        bytes: usize,
    },
    /// The lease is not ours.
    #[error(transparent)]
    Lease(#[from] NotLeading),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
}

impl Ledger {
    /// A ledger in this directory, which is made and written to once, so that a directory that
    /// cannot be written is found before anything else is done.
    ///
    /// # Errors
    /// When it cannot be written, or holds something else.
    pub fn open(directory: &Path) -> Result<Self, LedgerError> {
        let ledger = Self::In(directory.to_owned());
        let budget = ledger.budget()?;
        ledger.write(BUDGET, &budget.to_json())?;
        Ok(ledger)
    }

    /// What was kept before `now`; nothing where nothing is kept.
    ///
    /// # Errors
    /// When a file cannot be read, or holds something else.
    pub fn load(&self, now: Duration) -> Result<Kept, LedgerError> {
        Ok(Kept { budget: self.budget()?, intents: self.intents(now)? })
    }

    /// Keeps it: once this is back, a crash or a power cut does not lose it.
    ///
    /// # Errors
    /// When the file system refuses; the last one that was kept is still there then.
    pub async fn save(&self, kept: &Kept) -> Result<(), LedgerError> {
        self.write(BUDGET, &kept.budget.to_json())?;
        self.save_intents(&kept.intents).await
    }

    /// What was bought for claims before `now`, and not seen yet.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn intents(&self, now: Duration) -> Result<Intents, LedgerError> {
        if let Self::InLease(lease) = self {
            return lease.intents(now);
        }
        match self.read(INTENTS)? {
            Some((path, text)) => {
                Intents::from_json(&text, now).map_err(|error| LedgerError::Intents(path, error))
            }
            None if matches!(self, Self::InMemory) => Ok(Intents::unkept(now)),
            None => Ok(Intents::default()),
        }
    }

    /// Keeps the intents; a fleet without claims never has the file, nor the note in the lease.
    ///
    /// # Errors
    /// When the file system refuses, or the lease does.
    pub async fn save_intents(&self, intents: &Intents) -> Result<(), LedgerError> {
        match self {
            Self::In(directory) if !intents.is_empty() || directory.join(INTENTS).exists() => {
                self.write(INTENTS, &intents.to_json())
            }
            Self::InLease(lease) if !intents.is_empty() || lease.has_note()? => lease.save(intents).await,
            Self::In(_) | Self::InLease(_) | Self::InMemory => Ok(()),
        }
    }

    /// Where a lease keeps them, keeps also that there are none: whoever has it next need not wait.
    ///
    /// # Errors
    /// When the lease refuses.
    pub async fn begin(&self, intents: &Intents) -> Result<(), LedgerError> {
        match self {
            Self::InLease(lease) if !lease.has_note()? => lease.save(intents).await,
            Self::In(_) | Self::InLease(_) | Self::InMemory => Ok(()),
        }
    }

    fn budget(&self) -> Result<Budget, LedgerError> {
        match self.read(BUDGET)? {
            Some((path, text)) => Budget::from_json(&text).map_err(|error| LedgerError::Content(path, error)),
            None => Ok(Budget::default()),
        }
    }

    fn read(&self, name: &str) -> Result<Option<(PathBuf, String)>, LedgerError> {
        let Self::In(directory) = self else { return Ok(None) };
        let path = directory.join(name);
        match bounded_file::text(&path, BYTES_MAX) {
            Ok(text) => Ok(Some((path, text))),
            Err(BoundedFileError::Missing) => Ok(None),
            // What is no directory holds nothing; who wants to keep something there hears of it.
            Err(BoundedFileError::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
            Err(error) => Err(LedgerError::Io(path, error.into_io())),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), LedgerError> {
        let Self::In(directory) = self else { return Ok(()) };
        fs::create_dir_all(directory).map_err(|error| LedgerError::Io(directory.to_owned(), error))?;
        let path = directory.join(name);
        atomic_file::replace(&path, text.as_bytes()).map_err(|error| LedgerError::Io(path, error))
    }
}

impl InLease {
    /// In this lease.
    #[must_use]
    pub fn new(lease: Leadership) -> Self {
        Self { lease, term: Cell::new(None) }
    }

    fn intents(&self, now: Duration) -> Result<Intents, LedgerError> {
        let term = self.lease.term()?;
        let note = self.lease.kept(term)?;
        let intents = match note {
            // Nobody knows what was sent by those who kept nothing here.
            None => Ok(Intents::unkept(now)),
            Some(text) => Intents::from_json(&text, now),
        };
        let intents =
            intents.map_err(|error| LedgerError::Note { lease: self.lease.name().to_owned(), error })?;
        self.term.set(Some(term));
        Ok(intents)
    }

    /// Whether something is kept there.
    fn has_note(&self) -> Result<bool, LedgerError> {
        Ok(self.lease.kept(self.read_in()?)?.is_some())
    }

    async fn save(&self, intents: &Intents) -> Result<(), LedgerError> {
        let (term, text) = (self.read_in()?, intents.to_json());
        if text.len() > NOTE_BYTES_MAX {
            return Err(LedgerError::NoRoom { lease: self.lease.name().to_owned(), bytes: text.len() });
        }
        Ok(self.lease.keep(term, &text).await?)
    }

    /// The term in which it was read.
    fn read_in(&self) -> Result<u64, LedgerError> {
        let not_read = || NotLeading::NotYet { lease: self.lease.name().to_owned() };
        Ok(self.term.get().ok_or_else(not_read)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_nonsense_is_kept() {
        let folder = std::env::temp_dir().join(format!("numctl-ledger-{}", std::process::id()));
        let ledger = Ledger::open(&folder).expect("a ledger");
        assert_eq!(ledger.load(Duration::ZERO).expect("nothing"), Kept::default());
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 1, "nothing is left beside it");
        fs::write(folder.join(BUDGET), "{").expect("nonsense");
        assert!(matches!(Ledger::open(&folder), Err(LedgerError::Content(..))));
        assert_eq!(fs::read_to_string(folder.join(BUDGET)).expect("kept"), "{");
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

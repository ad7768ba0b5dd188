//! Where the daemon's budget lasts: one small file, replaced as a whole before anything is spent.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic_file;
use crate::bounded_file::{self, BoundedFileError};
use crate::budget::{Budget, BudgetError};
use crate::journal_file::JournalFileError;

/// The file's name in the state directory.
const FILE: &str = "budget.json";

/// A day's spending on a million numbers is less than this.
const BYTES_MAX: usize = 256 << 20;

/// Keeps the budget over restarts, or only while the process lives.
#[derive(Debug)]
pub enum Ledger {
    /// A restart forgets it.
    InMemory,
    /// It lasts in this directory.
    In(PathBuf),
}

/// Why the budget cannot be kept. Nothing is bought or released then.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// The file holds something else. It is not thrown away: what it counted would be forgotten.
    #[error("{0}: {1} (move it away to start counting anew)")]
    Content(PathBuf, #[source] BudgetError),
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
        fs::create_dir_all(directory).map_err(|error| LedgerError::Io(directory.to_owned(), error))?;
        let ledger = Self::In(directory.to_owned());
        let budget = ledger.load()?;
        ledger.save(&budget)?;
        Ok(ledger)
    }

    /// What was spent before; nothing where nothing is kept.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn load(&self) -> Result<Budget, LedgerError> {
        let Self::In(directory) = self else { return Ok(Budget::default()) };
        let path = directory.join(FILE);
        match bounded_file::text(&path, BYTES_MAX) {
            Ok(text) => Budget::from_json(&text).map_err(|error| LedgerError::Content(path, error)),
            Err(BoundedFileError::Missing) => Ok(Budget::default()),
            Err(BoundedFileError::Io(error)) => Err(LedgerError::Io(path, error)),
            Err(error) => Err(LedgerError::Io(path, io::Error::other(error))),
        }
    }

    /// Keeps a budget: once this is back, a crash or a power cut does not lose it.
    ///
    /// # Errors
    /// When the file system refuses; the last one that was kept is still there then.
    pub fn save(&self, budget: &Budget) -> Result<(), LedgerError> {
        let Self::In(directory) = self else { return Ok(()) };
        let path = directory.join(FILE);
        atomic_file::replace(&path, budget.to_json().as_bytes()).map_err(|error| LedgerError::Io(path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_nonsense_is_kept() {
        let folder = std::env::temp_dir().join(format!("numctl-ledger-{}", std::process::id()));
        let ledger = Ledger::open(&folder).expect("a ledger");
        assert_eq!(ledger.load().expect("a budget"), Budget::default());
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 1, "nothing is left beside it");
        fs::write(folder.join(FILE), "{").expect("nonsense");
        assert!(matches!(Ledger::open(&folder), Err(LedgerError::Content(..))));
        assert_eq!(fs::read_to_string(folder.join(FILE)).expect("kept"), "{");
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

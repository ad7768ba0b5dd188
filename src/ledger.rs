//! Where the daemon's budget lasts: one small file, replaced as a whole before anything is spent.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::budget::{Budget, BudgetError};

/// The file's name in the state directory.
const FILE: &str = "budget.json";

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
        match fs::read_to_string(&path) {
            Ok(text) => Budget::from_json(&text).map_err(|error| LedgerError::Content(path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Budget::default()),
            Err(error) => Err(LedgerError::Io(path, error)),
        }
    }

    /// Keeps a budget: once this is back, a crash or a power cut does not lose it.
    ///
    /// # Errors
    /// When the file system refuses; the last one that was kept is still there then.
    pub fn save(&self, budget: &Budget) -> Result<(), LedgerError> {
        let Self::In(directory) = self else { return Ok(()) };
        let beside = directory.join(format!("{FILE}.new"));
        let written = write_synced(&beside, &budget.to_json())
            .and_then(|()| fs::rename(&beside, directory.join(FILE)))
            .and_then(|()| sync_directory(directory));
        written.map_err(|error| {
            // The rest of a failed write; there may be none.
            let _ = fs::remove_file(&beside);
            LedgerError::Io(directory.join(FILE), error)
        })
    }
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Makes a rename last; only Unix opens directories.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_nonsense_is_kept() {
        let folder = std::env::temp_dir().join(format!("numctl-ledger-{}", std::process::id()));
        let ledger = Ledger::open(&folder).expect("a ledger");
        assert_eq!(ledger.load().expect("a budget"), Budget::default());
        assert!(!folder.join("budget.json.new").exists());
        fs::write(folder.join(FILE), "{").expect("nonsense");
        assert!(matches!(Ledger::open(&folder), Err(LedgerError::Content(..))));
        assert_eq!(fs::read_to_string(folder.join(FILE)).expect("kept"), "{");
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

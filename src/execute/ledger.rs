//! Where the daemon's budget lasts, and what was bought for claims and not seen yet: two small files,
//! each replaced as a whole before anything is spent; or two annotations of the Lease that its writer has.

#![deny(clippy::arithmetic_side_effects)]

mod beside_lease;
mod in_lease;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::leadership::{Leadership, NotLeading};
use crate::client::lease::wire;
use crate::execute::journal_file::JournalFileError;
use crate::guard::budget::{Budget, BudgetError};
use crate::guard::contents::Contents;
use crate::guard::intents::{Intents, IntentsError};
use crate::host::atomic_file;
use crate::host::bounded_file::{self, BoundedFileError};
use crate::host::own_file;

pub use beside_lease::BesideLease;
pub use in_lease::InLease;

/// The budget's name in the state directory.
const BUDGET: &str = "budget.json";
/// The name of the intents.
const INTENTS: &str = "intents.json";
/// The name of the list of contents that were in force.
const CONTENTS: &str = "contents";

/// A day's spending on a million numbers is less than this.
const BYTES_MAX: usize = 256 << 20;

/// Keeps them over restarts, or only while the process lives.
#[derive(Debug)]
pub enum Ledger {
    /// A restart forgets them.
    InMemory,
    /// They last in this directory.
    In(PathBuf),
    /// They last in the lease, for the next holder.
    InLease(InLease),
    /// They last in a directory, of which the lease says whether it is its last holder's.
    BesideLease(BesideLease),
}

/// What must outlive the process: the budget and the open purchases.
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
    #[error("{0}: {1} (move it away to start counting again)")]
    Content(PathBuf, #[source] BudgetError),
    /// The same of the intents.
    #[error("{0}: {1} (it may list a purchase that is on its way: wait 15 minutes before you move it away)")]
    Intents(PathBuf, #[source] IntentsError),
    /// The same, in a Lease.
    #[error(
        "the annotation {annotation} of the lease {lease}: {error} (without it, nothing is bought for claims for 15 \
         minutes)",
        annotation = wire::INTENTS
    )]
    NotedIntents {
        lease: String,
        /// What is wrong with it.
        error: IntentsError,
    },
    /// The same of the budget.
    #[error(
        "the annotation {annotation} of the lease {lease}: {error} (remove it to start counting again)",
        annotation = wire::SPENT
    )]
    NotedBudget {
        lease: String,
        /// What is wrong with it.
        error: BudgetError,
    },
    /// A Lease does not take so much.
    #[error(
        "the lease {lease} has no room for the record of claims: {bytes} bytes, and {room} fit; use --state-dir"
    )]
    NoRoom {
        lease: String,
        /// How much it would be.
        bytes: usize,
        /// How much it may be.
        room: usize,
    },
    /// The lease is not ours.
    #[error(transparent)]
    Lease(#[from] NotLeading),
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
        write(directory, BUDGET, &budget_in(directory)?.to_json())?;
        Ok(Self::In(directory.to_owned()))
    }

    /// The same, for one who has this lease.
    #[must_use]
    pub fn beside(self, lease: Leadership) -> Self {
        match self {
            Self::In(directory) => Self::BesideLease(BesideLease::new(directory, InLease::new(lease))),
            Self::InMemory | Self::InLease(_) | Self::BesideLease(_) => Self::InLease(InLease::new(lease)),
        }
    }

    /// What was kept before `now`; nothing where nothing is kept.
    ///
    /// # Errors
    /// When a file cannot be read, or holds something else; when the lease is not ours.
    pub fn load(&self, now: Duration) -> Result<Kept, LedgerError> {
        let budget = match self {
            Self::InLease(lease) => return lease.load(now),
            Self::InMemory => Budget::default(),
            Self::In(directory) => budget_in(directory)?,
            Self::BesideLease(beside) => budget_in(beside.directory())?,
        };
        Ok(Kept { budget, intents: self.intents(now)? })
    }

    /// Keeps it: once this is back, a crash or a power cut does not lose it.
    ///
    /// # Errors
    /// When the file system refuses, or the lease does; the last one that was kept is still there then.
    pub async fn save(&self, kept: &Kept) -> Result<(), LedgerError> {
        match self {
            Self::InLease(lease) => return lease.save(kept).await,
            Self::InMemory => {}
            Self::In(directory) => write(directory, BUDGET, &kept.budget.to_json())?,
            Self::BesideLease(beside) => write(beside.directory(), BUDGET, &kept.budget.to_json())?,
        }
        self.save_intents(&kept.intents).await
    }

    /// Keeps a record even if there is nothing in it yet: a person vouches for it, or a run begins that
    /// buys for claims.
    ///
    /// # Errors
    /// When the file system refuses, or the lease does.
    pub async fn save_record(&self, intents: &Intents) -> Result<(), LedgerError> {
        match self {
            Self::In(directory) => write(directory, INTENTS, &intents.to_json()),
            Self::InMemory | Self::InLease(_) | Self::BesideLease(_) => self.save_intents(intents).await,
        }
    }

    /// What was bought for claims before `now`, and not seen yet.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub fn intents(&self, now: Duration) -> Result<Intents, LedgerError> {
        match self {
            Self::InMemory => Ok(Intents::unkept(now)),
            Self::In(directory) => Ok(intents_in(directory, now)?.unwrap_or_else(Intents::begun)),
            Self::InLease(lease) => lease.intents(now),
            Self::BesideLease(beside) => beside.intents(now),
        }
    }

    /// Keeps the intents; a fleet without claims never has the file, nor the note in the lease.
    ///
    /// # Errors
    /// When the file system refuses, or the lease does.
    pub async fn save_intents(&self, intents: &Intents) -> Result<(), LedgerError> {
        match self {
            Self::In(directory) if !intents.is_empty() || directory.join(INTENTS).exists() => {
                write(directory, INTENTS, &intents.to_json())
            }
            Self::InLease(lease) => lease.save_intents(intents).await,
            Self::BesideLease(beside) => beside.save_intents(intents).await,
            Self::In(_) | Self::InMemory => Ok(()),
        }
    }

    /// Which contents of the files were in force; none where nothing is kept.
    ///
    /// # Errors
    /// When the file cannot be read, or the lease is not ours.
    pub fn contents(&self) -> Result<Contents, LedgerError> {
        match self {
            Self::InMemory => Ok(Contents::default()),
            Self::In(directory) => {
                Ok(read(directory, CONTENTS)?.map(|(_, text)| Contents::parse(&text)).unwrap_or_default())
            }
            Self::InLease(lease) => lease.contents(),
            Self::BesideLease(beside) => beside.contents(),
        }
    }

    /// Keeps them, before anything is sent by the last one.
    ///
    /// # Errors
    /// When the file system refuses, or the lease does.
    pub async fn note_contents(&self, contents: &Contents) -> Result<(), LedgerError> {
        match self {
            Self::InMemory => Ok(()),
            Self::In(directory) => write(directory, CONTENTS, &contents.to_string()),
            Self::InLease(lease) => lease.note_contents(contents).await,
            Self::BesideLease(beside) => beside.note_contents(contents).await,
        }
    }

    /// Where a lease says what is kept, keeps also that there is none: the next holder need not wait.
    ///
    /// # Errors
    /// When the lease refuses.
    pub async fn begin(&self, intents: &Intents) -> Result<(), LedgerError> {
        match self {
            Self::InLease(lease) => lease.begin(intents).await,
            Self::BesideLease(beside) => beside.begin(intents).await,
            Self::In(_) | Self::InMemory => Ok(()),
        }
    }
}

fn budget_in(directory: &Path) -> Result<Budget, LedgerError> {
    match read(directory, BUDGET)? {
        Some((path, text)) => Budget::from_json(&text).map_err(|error| LedgerError::Content(path, error)),
        None => Ok(Budget::default()),
    }
}

fn intents_in(directory: &Path, now: Duration) -> Result<Option<Intents>, LedgerError> {
    let Some((path, text)) = read(directory, INTENTS)? else { return Ok(None) };
    Intents::from_json(&text, now).map(Some).map_err(|error| LedgerError::Intents(path, error))
}

fn read(directory: &Path, name: &str) -> Result<Option<(PathBuf, String)>, LedgerError> {
    let path = directory.join(name);
    match bounded_file::own_text(&path, BYTES_MAX) {
        Ok(text) => Ok(Some((path, text))),
        Err(BoundedFileError::Missing) => Ok(None),
        // What is no directory holds nothing; who wants to keep something there hears of it.
        Err(BoundedFileError::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(LedgerError::Io(path, error.into_io())),
    }
}

fn write(directory: &Path, name: &str, text: &str) -> Result<(), LedgerError> {
    own_file::directory(directory).map_err(|error| LedgerError::Io(directory.to_owned(), error))?;
    let path = directory.join(name);
    atomic_file::replace(&path, text.as_bytes()).map_err(|error| LedgerError::Io(path, error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_saved_is_loaded_and_nonsense_is_kept() {
        let folder = std::env::temp_dir().join(format!("numctl-ledger-{}", std::process::id()));
        let ledger = Ledger::open(&folder).expect("a ledger");
        let begun = Kept { intents: Intents::begun(), ..Kept::default() };
        assert_eq!(ledger.load(Duration::ZERO).expect("nothing"), begun);
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 1, "nothing is left beside it");
        fs::write(folder.join(BUDGET), "{").expect("nonsense");
        assert!(matches!(Ledger::open(&folder), Err(LedgerError::Content(..))));
        assert_eq!(fs::read_to_string(folder.join(BUDGET)).expect("kept"), "{");
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

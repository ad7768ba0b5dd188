//! One writer per account on one host (law 10): an OS lock on a file per account SID. Without anybody asking
//! for it, all that one user runs meets in one directory of that user's, and all that shares a state
//! directory meets in that.
//!
//! The kernel drops the lock with the process, however that ends, so that no lock is ever stale. The
//! file stays: removing it would let two processes hold "the" lock on two files of one name.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::debug;

use crate::client::Writer;
use crate::host::own_file;
use crate::model::number::AccountSid;

/// What follows the account's SID in the name of its file.
const SUFFIX: &str = ".lock";

/// The world of Twilio's own accounts, whose lock has the account's SID alone for a name.
const VENDOR: &str = "twilio.com";

/// A directory with locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPlace {
    directory: PathBuf,
    /// One that no one has asked for is done without where it cannot be written.
    is_required: bool,
    /// It has locks of more than one world: the SIDs of a sandbox are those of every other one.
    has_worlds: bool,
}

impl LockPlace {
    /// The directory that the operator names.
    #[must_use]
    pub fn named(directory: PathBuf) -> Self {
        Self { directory, is_required: true, has_worlds: false }
    }

    /// A directory in which state is kept: whoever uses it meets there, without being asked.
    #[must_use]
    pub fn of_state(directory: PathBuf) -> Self {
        Self { directory, is_required: false, has_worlds: false }
    }

    /// A directory of the user, for everything that runs on this machine.
    #[must_use]
    pub fn of_user(directory: PathBuf) -> Self {
        Self { directory, is_required: false, has_worlds: true }
    }

    /// The directory that the lock files are in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, account: AccountSid, world: &str) -> PathBuf {
        let name = format!("{account}{SUFFIX}");
        if !self.has_worlds || world == VENDOR {
            return self.directory.join(name);
        }
        let world: String =
            world.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
        self.directory.join(world).join(name)
    }
}

/// The locks of some accounts, until it is dropped.
#[derive(Debug, Default)]
pub struct Locks {
    held: Vec<LockHeld>,
    /// Accounts that were to be locked only where that can be, and for which it cannot.
    open: Vec<AccountSid>,
}

#[derive(Debug)]
struct LockHeld {
    account: AccountSid,
    path: PathBuf,
    file: Arc<File>,
}

/// Why an account is not locked. Nothing is attempted then.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("account {account} is locked by {}: it plans or writes there ({path})", holder(*.pid))]
    Busy {
        account: AccountSid,
        /// The process that has it, where it is known.
        pid: Option<u32>,
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl Locks {
    /// Locks all of the accounts in one directory: see [`Locks::hold_in`].
    ///
    /// # Errors
    /// When another process has one of them, or the directory cannot be written.
    pub fn hold(&mut self, directory: &Path, accounts: &[AccountSid]) -> Result<(), LockError> {
        let accounts: Vec<_> = accounts.iter().map(|account| (*account, VENDOR.to_owned())).collect();
        self.hold_in(&[LockPlace::named(directory.to_owned())], &accounts)
    }

    /// Locks all of the accounts, each with its world, in every place, or none of those that are not held
    /// already; what is no longer asked for is let go.
    ///
    /// # Errors
    /// When another process has one of them, or a place that is required cannot be written.
    pub fn hold_in(
        &mut self,
        places: &[LockPlace],
        accounts: &[(AccountSid, String)],
    ) -> Result<(), LockError> {
        let mut wanted: Vec<(AccountSid, PathBuf, bool)> = Vec::new();
        for place in places {
            let paths = accounts.iter().map(|(account, world)| (*account, place.path(*account, world)));
            wanted.extend(paths.map(|(account, path)| (account, path, place.is_required)));
        }
        // One order for everybody.
        wanted.sort();
        wanted.dedup_by(|later, first| later.1 == first.1);
        let mut new = Vec::new();
        for (account, path, is_required) in &wanted {
            if self.held.iter().any(|held| held.path == *path) {
                continue;
            }
            match LockHeld::take(*account, path) {
                Ok(held) => new.push(held),
                Err(LockError::Io(path, error)) if !is_required => {
                    debug!(%error, "{} cannot be locked", path.display());
                }
                Err(error) => return Err(error),
            }
        }
        self.held.extend(new);
        self.held.retain(|held| wanted.iter().any(|(_, path, _)| held.path == *path));
        let is_open = |account: &AccountSid| !self.held.iter().any(|held| held.account == *account);
        self.open = match wanted.iter().any(|(.., is_required)| *is_required) {
            true => Vec::new(),
            false => accounts.iter().map(|(account, _)| *account).filter(is_open).collect(),
        };
        Ok(())
    }

    /// Whether accounts go without a lock, since none of their places could be used.
    #[must_use]
    pub fn leaves_any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Locks every account that was ever locked in this directory, or none.
    ///
    /// # Errors
    /// When another process has one of them.
    pub fn hold_all(directory: &Path) -> Result<Self, LockError> {
        let names = match fs::read_dir(directory) {
            Ok(entries) => entries.flatten().map(|entry| entry.file_name()).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(LockError::Io(directory.to_owned(), error)),
        };
        let account = |name: &OsString| AccountSid::observed(name.to_str()?.strip_suffix(SUFFIX)?);
        let accounts: Vec<AccountSid> = names.iter().filter_map(account).collect();
        let mut locks = Self::default();
        if !accounts.is_empty() {
            locks.hold(directory, &accounts)?;
        }
        Ok(locks)
    }

    /// Whether every account is still ours.
    #[must_use]
    pub fn are_held(&self) -> bool {
        self.held.iter().all(|held| own_file::is_at(&held.file, &held.path))
    }

    /// The fence for one account's writes.
    #[must_use]
    pub fn writer(&self, account: AccountSid) -> Writer {
        let held = self.held.iter().filter(|held| held.account == account);
        let files: Vec<_> = held.map(|held| (held.file.clone(), held.path.clone())).collect();
        match files.is_empty() {
            false => Writer::new(move || files.iter().all(|(file, path)| own_file::is_at(file, path))),
            true if self.open.contains(&account) => Writer::default(),
            // An account that was not locked is not written to.
            true => Writer::new(|| false),
        }
    }
}

impl LockHeld {
    fn take(account: AccountSid, path: &Path) -> Result<Self, LockError> {
        let failed = |error| LockError::Io(path.to_owned(), error);
        if let Some(directory) = path.parent() {
            own_file::directory(directory).map_err(|error| LockError::Io(directory.to_owned(), error))?;
        }
        loop {
            let mut file = own_file::to_lock(path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) if own_file::is_at(&file, path) => {
                    // For the others' message only; on a full disk they do without.
                    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Self { account, path: path.to_owned(), file: Arc::new(file) });
                }
                // Someone removed it between the two calls.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let path = path.to_owned();
                    return Err(LockError::Busy { account, pid: written_pid(&mut file), path });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }
}

fn written_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn may_write(writer: &Writer) -> bool {
        writer.admit(true).await.is_some()
    }

    #[tokio::test]
    async fn one_holder_all_or_nothing_and_no_lock_outlives_its_file() {
        let folder = std::env::temp_dir().join(format!("numctl-lock-{}", std::process::id()));
        let sid = |end: u8| AccountSid::observed(&format!("AC{:032x}", end)).expect("a SID");
        let (one, two) = (sid(1), sid(2));
        let mut first = Locks::default();
        first.hold(&folder, &[two]).expect("free");
        let mut second = Locks::default();
        match second.hold(&folder, &[one, two]) {
            Err(LockError::Busy { account, pid, .. }) => {
                assert_eq!((account, pid), (two, Some(std::process::id())));
            }
            other => panic!("{other:?}"),
        }
        assert!(second.held.is_empty(), "the first of two is let go again");
        assert!(may_write(&first.writer(two)).await);
        assert!(!may_write(&first.writer(one)).await, "an account without its lock");
        let fence = first.writer(two);
        fs::remove_file(folder.join(format!("{two}.lock"))).expect("removed by somebody");
        assert!(!may_write(&fence).await);
        assert!(!first.are_held());
        drop((first, fence));
        second.hold(&folder, &[one, two]).expect("free again");
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

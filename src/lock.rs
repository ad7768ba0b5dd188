//! One writer per account on one host (law 10): an OS lock on a file per account SID.
//!
//! The kernel drops the lock with the process, however that ends, so that no lock is ever stale. The
//! file stays: removing it would let two processes hold "the" lock on two files of one name.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::client::Writer;
use crate::number::AccountSid;

/// What follows the account's SID in the name of its file.
const SUFFIX: &str = ".lock";

/// The locks of some accounts, until it is dropped.
#[derive(Debug, Default)]
pub struct Locks(Vec<Held>);

#[derive(Debug)]
struct Held {
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
        /// The account.
        account: AccountSid,
        /// The process that has it, where it is known.
        pid: Option<u32>,
        /// The lock's file.
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
    /// Locks all of the accounts, or none of those that are not held already; accounts that are no
    /// longer asked for are let go.
    ///
    /// # Errors
    /// When another process has one of them.
    pub fn hold(&mut self, directory: &Path, accounts: &[AccountSid]) -> Result<(), LockError> {
        fs::create_dir_all(directory).map_err(|error| LockError::Io(directory.to_owned(), error))?;
        let mut missing: Vec<AccountSid> =
            accounts.iter().copied().filter(|sid| !self.0.iter().any(|held| held.account == *sid)).collect();
        // One order for everybody.
        missing.sort();
        missing.dedup();
        let new: Vec<Held> =
            missing.into_iter().map(|account| Held::take(directory, account)).collect::<Result<_, _>>()?;
        self.0.extend(new);
        self.0.retain(|held| accounts.contains(&held.account));
        Ok(())
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
        self.0.iter().all(|held| is_at(&held.file, &held.path))
    }

    /// The fence for one account's writes.
    #[must_use]
    pub fn writer(&self, account: AccountSid) -> Writer {
        match self.0.iter().find(|held| held.account == account) {
            Some(held) => {
                let (file, path) = (held.file.clone(), held.path.clone());
                Writer::new(move || is_at(&file, &path))
            }
            // An account that was not locked is not written to.
            None => Writer::new(|| false),
        }
    }
}

impl Held {
    fn take(directory: &Path, account: AccountSid) -> Result<Self, LockError> {
        let path = directory.join(format!("{account}{SUFFIX}"));
        let failed = |error| LockError::Io(path.clone(), error);
        loop {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    // For the others' message only; on a full disk they do without.
                    let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                    return Ok(Self { account, path, file: Arc::new(file) });
                }
                // Somebody removed it between the two calls.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
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

/// Whether the locked file is still the one of that name: if it was removed, another process may
/// have made and locked a new one.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
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
        assert!(second.0.is_empty(), "the first of two is let go again");
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

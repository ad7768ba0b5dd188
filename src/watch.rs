//! Wakes the daemon when something may have changed near its files. What changed is not said: the
//! files are read again, and their content decides.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::load::folders;

/// How often the files are looked at where no event comes: network file systems, lost events.
const POLL: Duration = Duration::from_secs(2);

/// Watches the files of `-f`.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    seen: Vec<Stat>,
    /// When they are compared next: whoever waits in short pieces still gets there.
    poll: Instant,
    touched: Arc<Notify>,
    /// `None` where the system gives no events (a container out of inotify instances): the poll is
    /// then all there is.
    watcher: Option<RecommendedWatcher>,
}

/// What a poll compares: it costs no reading, however large the files are. Contents are compared
/// once one of these differs, and before every cycle.
#[derive(Debug, PartialEq, Eq)]
struct Stat(PathBuf, Option<(u64, SystemTime, u64)>);

/// Sizes, times and places of some files and directories, at one time.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp(Vec<Stat>);

impl Stamp {
    /// Those of now.
    #[must_use]
    pub fn of(paths: &[PathBuf]) -> Self {
        Self(stats(paths))
    }
}

impl Watch {
    /// Starts to watch these files and directories.
    #[must_use]
    pub fn start(paths: &[PathBuf]) -> Self {
        let touched = Arc::new(Notify::new());
        let wake = touched.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Our own reading makes Access events; an error means that events were lost.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                wake.notify_one();
            }
        });
        let watcher = match watcher {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, poll = ?POLL, "no file events: the files are polled");
                None
            }
        };
        let mut watch =
            Self { paths: paths.to_vec(), seen: stats(paths), poll: Instant::now() + POLL, touched, watcher };
        watch.aim();
        watch
    }

    /// A watch on nothing, which wakes the daemon whenever `bell` is rung: for whoever changes the
    /// files himself.
    #[must_use]
    pub fn rung(bell: Arc<Notify>) -> Self {
        Self {
            paths: Vec::new(),
            seen: Vec::new(),
            poll: Instant::now() + POLL,
            touched: bell,
            watcher: None,
        }
    }

    /// Watches the directories that the files are in now: links may lead elsewhere than before.
    ///
    /// Directories, since a watch on a file does not survive its replacement, and sees nothing of a
    /// link that is swapped (Kubernetes' `..data`).
    pub fn aim(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        for directory in directories(&self.paths) {
            // One that is not there yet, or is gone, is the poll's.
            if let Err(error) = watcher.watch(&directory, RecursiveMode::NonRecursive) {
                tracing::debug!(directory = %directory.display(), %error, "not watched");
            }
        }
    }

    /// Waits until something may have changed. Many events are one, and none is lost where the wait is
    /// given up.
    pub async fn changed(&mut self) {
        loop {
            tokio::select! {
                biased;
                () = self.touched.notified() => return,
                () = tokio::time::sleep_until(self.poll) => {
                    self.poll = Instant::now() + POLL;
                    let now = stats(&self.paths);
                    if now != self.seen {
                        self.seen = now;
                        return;
                    }
                }
            }
        }
    }
}

fn directories(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for path in paths {
        let real = fs::canonicalize(path).ok();
        for path in [Some(path), real.as_ref()].into_iter().flatten() {
            directories.push(match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                Some(_) | None => PathBuf::from("."),
            });
            directories.extend(folders(path));
        }
    }
    directories.sort();
    directories.dedup();
    directories
}

fn stats(paths: &[PathBuf]) -> Vec<Stat> {
    let mut stats = Vec::new();
    for path in paths {
        stats.push(stat(path));
        for folder in folders(path) {
            if let Ok(entries) = fs::read_dir(folder) {
                stats.extend(entries.flatten().map(|entry| stat(&entry.path())));
            }
        }
    }
    stats.sort_by(|a, b| a.0.cmp(&b.0));
    stats
}

fn stat(path: &Path) -> Stat {
    let meta = fs::metadata(path).ok();
    Stat(
        path.to_owned(),
        meta.map(|meta| (meta.len(), meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), inode(&meta))),
    )
}

#[cfg(unix)]
fn inode(meta: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

//! Wakes the daemon when something may have changed near its files. What changed is not said: the
//! files are read again, and their content decides.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::desired::load::folders;

/// How often the files are looked at where no event comes: network file systems, lost events.
const POLL: Duration = Duration::from_secs(2);

/// The coarsest times that a file system keeps (FAT's), and a little more.
const COARSEST_TIME: Duration = Duration::from_millis(2_500);

/// So many links lead from one to the next at most, as the kernel has it.
const LINKS_MAX: usize = 40;

/// Watches the files of `-f`.
#[derive(Debug)]
pub struct Watch {
    paths: Vec<PathBuf>,
    /// The names whose events matter.
    names: Arc<Mutex<WatchedNames>>,
    seen: Vec<Stat>,
    /// When they are compared next: whoever waits in short pieces still gets there.
    poll: Instant,
    touched: Arc<Notify>,
    /// `None` where the system gives no events (a container out of inotify instances): the poll is
    /// then all there is.
    watcher: Option<RecommendedWatcher>,
}

/// The names of files, links and folders that the paths of `-f` lead through. Others in the same folders may
/// change as often as they like: a log beside the fleet must not have it read for every line.
#[derive(Debug, Default)]
struct WatchedNames {
    on_the_way: HashSet<OsString>,
    /// The folders that are read: any file of the fleet's kinds in them counts, and folders and links.
    folders: HashSet<PathBuf>,
}

impl WatchedNames {
    fn from_paths(paths: &[PathBuf]) -> Self {
        let mut names = Self::default();
        for path in paths {
            names.follow(path, LINKS_MAX);
            let real = fs::canonicalize(path).ok();
            names
                .folders
                .extend([Some(path), real.as_ref()].into_iter().flatten().flat_map(|path| folders(path)));
        }
        names
    }

    /// Every link on a path, where it leads, and what is at the end.
    fn follow(&mut self, path: &Path, links_left: usize) {
        let mut so_far = PathBuf::new();
        for component in path.components() {
            so_far.push(component);
            if let (Ok(target), Some(left)) = (fs::read_link(&so_far), links_left.checked_sub(1)) {
                self.on_the_way.extend(so_far.file_name().map(OsString::from));
                let folder = so_far.parent().unwrap_or(Path::new("")).to_owned();
                self.follow(&folder.join(target), left);
            }
        }
        self.on_the_way.extend(path.file_name().map(OsString::from));
    }

    /// Whether an event may be about the files. One about nothing tells that others were lost.
    fn concern(&self, event: &notify::Event) -> bool {
        // Our own reading makes Access events.
        !matches!(event.kind, EventKind::Access(_))
            && (event.paths.is_empty()
                || event.need_rescan()
                || event.paths.iter().any(|path| self.has(path)))
    }

    fn has(&self, path: &Path) -> bool {
        let Some(name) = path.file_name() else { return true };
        if self.on_the_way.contains(name) {
            return true;
        }
        let is_read = path.parent().is_some_and(|folder| self.folders.contains(folder));
        // Of what is gone only its name is left: a file without the fleet's ending was none of it.
        is_read && is_of_the_fleet(path) && (has_fleet_ending(path) || path.exists())
            || self.folders.contains(path)
    }
}

/// Whether something in a folder may be a file of the fleet, or lead to one.
fn is_of_the_fleet(path: &Path) -> bool {
    has_fleet_ending(path) || !path.is_file()
}

fn has_fleet_ending(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["yaml", "yml", "json"].into_iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// What a poll compares: it costs no reading, however large the files are. Contents are compared
/// once one of these differs, and before every cycle.
#[derive(Debug, PartialEq, Eq)]
struct Stat(PathBuf, Option<(u64, SystemTime, FileNode)>);

/// Which file it is, and when anything of it was changed last: that time cannot be set back.
type FileNode = (u64, i64, i64);

/// Sizes, times and places of some files and directories, at one time.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamp(Vec<Stat>);

impl Stamp {
    /// Sizes, times and places of the files at this moment.
    #[must_use]
    pub fn from_paths(paths: &[PathBuf]) -> Self {
        Self(stats(paths))
    }

    /// Those of now, where a later stamp that is equal will tell that nothing was changed; `None` where
    /// something was changed so shortly before that a second change could leave the same time behind.
    #[must_use]
    pub fn settled(paths: &[PathBuf]) -> Option<Self> {
        let now = SystemTime::now();
        let is_old = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age > COARSEST_TIME);
        let changed = |seconds: i64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        let stats = stats(paths);
        let are_old = stats.iter().all(|Stat(_, seen)| {
            seen.is_none_or(|(_, written, (_, seconds, _))| is_old(written) && is_old(changed(seconds)))
        });
        are_old.then_some(Self(stats))
    }
}

impl Watch {
    /// Starts to watch these files and directories.
    #[must_use]
    pub fn start(paths: &[PathBuf]) -> Self {
        let touched = Arc::new(Notify::new());
        let (wake, names) = (touched.clone(), Arc::new(Mutex::new(WatchedNames::from_paths(paths))));
        let known = names.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error means that events were lost.
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            if event.is_ok_and(|event| !known.concern(&event)) {
                return;
            }
            wake.notify_one();
        });
        let watcher = match watcher {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, poll = ?POLL, "file events are not available: the files are polled");
                None
            }
        };
        let (paths, seen, poll) = (paths.to_vec(), stats(paths), Instant::now() + POLL);
        let mut watch = Self { paths, names, seen, poll, touched, watcher };
        watch.aim();
        watch
    }

    /// A watch on nothing, which wakes the daemon whenever `bell` is rung: for whoever changes the
    /// files himself.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn rung(bell: Arc<Notify>) -> Self {
        Self {
            paths: Vec::new(),
            names: Arc::default(),
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
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = WatchedNames::from_paths(&self.paths);
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
                let paths = entries.flatten().map(|entry| entry.path());
                stats.extend(paths.filter(|path| is_of_the_fleet(path)).map(|path| stat(&path)));
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
        meta.map(|meta| (meta.len(), meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), node(&meta))),
    )
}

#[cfg(unix)]
fn node(meta: &fs::Metadata) -> FileNode {
    use std::os::unix::fs::MetadataExt as _;
    (meta.ino(), meta.ctime(), meta.ctime_nsec())
}

#[cfg(not(unix))]
fn node(_: &fs::Metadata) -> FileNode {
    (0, 0, 0)
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind};

    use super::*;

    fn event(path: &Path) -> notify::Event {
        notify::Event::new(EventKind::Modify(ModifyKind::Any)).add_path(path.to_owned())
    }

    #[test]
    fn what_lies_beside_a_file_does_not_matter_and_every_link_to_it_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("..1")).expect("made");
        fs::write(at("..1/fleet.yaml"), "").expect("written");
        std::os::unix::fs::symlink("..1", at("..data")).expect("linked");
        std::os::unix::fs::symlink("..data/fleet.yaml", at("fleet.yaml")).expect("linked");
        let names = WatchedNames::from_paths(&[at("fleet.yaml")]);
        for name in ["fleet.yaml", "..data", "..1"] {
            assert!(names.concern(&event(&at(name))), "{name}: {names:?}");
        }
        for name in ["app.log", ".fleet.yaml.swp", "other.yaml"] {
            assert!(!names.concern(&event(&at(name))), "{name}");
        }
        assert!(names.concern(&notify::Event::new(EventKind::Other)), "events were lost");
        let access = EventKind::Access(notify::event::AccessKind::Any);
        assert!(!names.concern(&notify::Event::new(access).add_path(at("fleet.yaml"))));
    }

    #[test]
    fn in_a_folder_every_file_of_the_fleet_and_every_folder_matters() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("README"), "").expect("written");
        fs::write(at("app.log"), "").expect("written");
        fs::create_dir(at("team")).expect("made");
        fs::create_dir(at("..data")).expect("made");
        let names = WatchedNames::from_paths(&[folder.path().to_owned()]);
        for name in ["new.yaml", "gone.json", "team", "..data"] {
            let event = notify::Event::new(EventKind::Create(CreateKind::Any)).add_path(at(name));
            assert!(names.concern(&event), "{name}");
        }
        for name in ["README", "app.log", "gone.swp", "4913"] {
            assert!(!names.concern(&event(&at(name))), "{name}");
        }
        // A folder that was read and is gone took its files along.
        fs::remove_dir(at("team")).expect("removed");
        assert!(names.concern(&event(&at("team"))));
        // What lies beside the folder is in nobody's fleet.
        let beside = folder.path().with_file_name("other.yaml");
        assert!(!names.concern(&event(&beside)));
    }
}

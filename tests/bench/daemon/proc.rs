//! What Linux reports about a process.

use std::fs;
use std::time::Duration;

/// A tick of `/proc/PID/stat`: USER_HZ, 100 on every Linux that Rust's standard library runs on.
const TICK: Duration = Duration::from_millis(10);

/// A process at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// Resident memory, and the most that it ever was, in bytes.
    pub(crate) rss: u64,
    pub(crate) rss_most: u64,
    pub(crate) threads: u64,
    pub(crate) fds: u64,
    pub(crate) sockets: u64,
    /// Sockets whose other end has closed, and ours has not.
    pub(crate) close_wait: u64,
    pub(crate) inotify_watches: u64,
}

/// `None` where there is no such process any more.
pub(crate) fn sample(pid: u32) -> Option<Sample> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let mut sample = Sample {
        rss: value("VmRSS:")? << 10,
        rss_most: value("VmHWM:")? << 10,
        threads: value("Threads:")?,
        ..Sample::default()
    };
    let waiting = close_wait(pid);
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten() {
        // One that has been closed meanwhile is none.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        sample.fds += 1;
        if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
            sample.sockets += 1;
            sample.close_wait += u64::from(waiting.iter().any(|waiting| waiting == inode));
        }
        if target.contains("inotify") {
            let info = entry.path().to_string_lossy().replace("/fd/", "/fdinfo/");
            let info = fs::read_to_string(info).unwrap_or_default();
            sample.inotify_watches += info.lines().filter(|line| line.starts_with("inotify ")).count() as u64;
        }
    }
    Some(sample)
}

/// The inodes of the sockets of the process's network in the state CLOSE_WAIT (08).
fn close_wait(pid: u32) -> Vec<String> {
    let mut inodes = Vec::new();
    for table in ["tcp", "tcp6"] {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for line in text.lines().skip(1) {
            let mut words = line.split_whitespace();
            if words.nth(3) == Some("08")
                && let Some(inode) = words.nth(5)
            {
                inodes.push(inode.to_owned());
            }
        }
    }
    inodes
}

/// The CPU time that all of its threads have used, those that have ended included.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    // The name may have spaces: the fields are counted from its end, where the state is the third.
    let (_, rest) = stat.rsplit_once(") ").expect("a name");
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().expect("ticks")).sum();
    TICK * ticks
}

/// The same of the threads that are there now, to the nanosecond: for stretches of time in which
/// none ends.
pub(crate) fn cpu_of_threads(pid: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let nanos = threads.flatten().map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(nanos.sum())
}

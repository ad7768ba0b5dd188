//! What the system says about this process: time, memory, open files.

use super::metrics::ProcessStats;

/// The figures at this moment; `None` where the system does not tell.
#[cfg(target_os = "linux")]
#[must_use]
pub(super) fn read() -> Option<ProcessStats> {
    use procfs::WithCurrentSystemInfo as _;
    use procfs::process::{LimitValue, Process};

    let process = Process::myself().ok()?;
    let stat = process.stat().ok()?;
    let limits = process.limits().ok()?;
    let hundredths = (stat.utime + stat.stime) * 100 / procfs::ticks_per_second().max(1);
    Some(ProcessStats {
        cpu_seconds: std::time::Duration::from_millis(hundredths * 10).as_secs_f64(),
        resident_bytes: stat.rss_bytes().get(),
        virtual_bytes: stat.vsize,
        open_files: process.fd_count().ok()? as u64,
        files_max: match limits.max_open_files.soft_limit {
            LimitValue::Unlimited => None,
            LimitValue::Value(count) => Some(count),
        },
        threads: u64::try_from(stat.num_threads).unwrap_or_default(),
    })
}

/// Only Linux has these files.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub(super) fn read() -> Option<ProcessStats> {
    None
}

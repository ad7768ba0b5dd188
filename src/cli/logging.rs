//! Structured logs on stderr: errors by default, actions with `-v` and in the daemon, requests with
//! `-vv`;
//! `NUMCTL_LOG` takes a filter in tracing's own syntax.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::SystemTime;

use super::arguments::{Global, LogFormat};

/// Starts the process's logging.
pub(super) fn start(global: &Global, is_daemon: bool) {
    let level = match global.verbose + u8::from(is_daemon) {
        0 => "error",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = std::env::var("NUMCTL_LOG")
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(format!("off,numctl={level}")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_timer(SystemTime)
        // It would report a stderr that cannot be written (a closed terminal) on stderr, and panic.
        .log_internal_errors(false);
    // A second start in one process (tests) keeps the first.
    let _ = match global.log_format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

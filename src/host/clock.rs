//! What time it is.

use std::time::{Duration, SystemTime};

/// The time since the epoch.
#[must_use]
pub fn since_the_epoch() -> Duration {
    // A clock before 1970 has no better answer.
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

//! When the next cycle is due. Randomness comes in as a number.

use std::time::Duration;

/// The first wait after a failure is at most this long.
const BASE: Duration = Duration::from_secs(1);
/// No wait after a cycle that could do nothing is longer, unless the interval is.
const CAP: Duration = Duration::from_secs(300);

/// The outcome of a cycle, as far as the next one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Went {
    /// Nothing to try again.
    Well,
    /// Some actions did not succeed; the others did.
    InPart,
    /// Nothing could be done at all.
    Badly,
}

/// The interval, give or take a tenth, so that daemons that start together do not stay together;
/// after the nth failure in a row between half and all of `1 s · 2ⁿ⁻¹`. A number that fails for ever
/// never makes the others wait longer than the interval.
pub(super) fn wait(interval: Duration, went: Went, failures: u32, dice: u64) -> Duration {
    let share = dice as f64 / u64::MAX as f64;
    let cap = match went {
        Went::Well => return interval.mul_f64(0.9 + 0.2 * share),
        Went::InPart => interval,
        Went::Badly => interval.max(CAP),
    };
    let ceiling = BASE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(cap);
    ceiling.mul_f64(0.5 + 0.5 * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn waits_grow_from_a_second_to_their_cap() {
        assert_eq!(wait(MINUTE, Went::Badly, 1, u64::MAX), Duration::from_secs(1));
        assert_eq!(wait(MINUTE, Went::Badly, 4, u64::MAX), Duration::from_secs(8));
        assert_eq!(wait(MINUTE, Went::Badly, 90, u64::MAX), CAP);
        assert_eq!(wait(MINUTE, Went::InPart, 90, u64::MAX), MINUTE);
        assert_eq!(wait(MINUTE * 60, Went::Badly, 90, u64::MAX), MINUTE * 60);
        assert!(wait(MINUTE, Went::Badly, 1, 0) >= Duration::from_millis(500));
    }

    #[test]
    fn the_interval_is_kept_within_a_tenth() {
        assert_eq!(wait(MINUTE, Went::Well, 0, 0), Duration::from_secs(54));
        assert_eq!(wait(MINUTE, Went::Well, 0, u64::MAX).as_secs(), 66);
    }
}

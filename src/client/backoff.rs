//! How long to wait before another try, and whether there is to be one. Pure: randomness comes in
//! as a number.

use std::time::Duration;

use crate::client::api::error::ErrorKind;
use crate::model::action_kind::ActionKind;

/// A request is tried at most this many times.
pub const ATTEMPTS_MAX: u32 = 5;

/// The first wait is at most this long.
const BASE: Duration = Duration::from_millis(500);

/// No wait of our own choosing is longer.
const CAP: Duration = Duration::from_secs(30);

/// Full jitter: anywhere between nothing and `500 ms · 2ⁿ` (at most 30 s) after the nth failure, and
/// never less than what the server asked for.
///
/// `dice` is uniform over `u64`. `failures` counts from 1.
#[must_use]
pub fn delay(failures: u32, retry_after: Option<Duration>, dice: u64) -> Duration {
    let ceiling = BASE.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(CAP);
    // On nanoseconds as a whole, so that short waits do not round down to none.
    let nanos = (u128::from(dice) * ceiling.as_nanos()) >> 64;
    let jittered = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    // A server that gave a time gave it to everyone at once: spread them out behind it.
    retry_after.map_or(jittered, |wait| wait.saturating_add(jittered / 4))
}

/// What the executor does after a write failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It was certainly not processed: send the same again, after a wait.
    Resend,
    /// It may have been processed: look, after a wait, before anything else.
    Look,
    /// It was refused for good.
    Stop,
}

/// Decides, by one total match, what follows a failed write (laws 1 and 2).
#[must_use]
pub fn next(action: ActionKind, error: &ErrorKind) -> Next {
    match (action, error) {
        (_, ErrorKind::NotSent | ErrorKind::Throttled { .. }) => Next::Resend,
        (_, ErrorKind::TimedOut | ErrorKind::Lost | ErrorKind::Server { .. } | ErrorKind::NotTheApi) => {
            Next::Look
        }
        // Someone else is changing the number: what it is like afterwards has to be seen.
        (_, ErrorKind::Conflict) => Next::Look,
        // One 404 is not proof that a number is gone.
        (ActionKind::Release | ActionKind::Transfer, ErrorKind::NotFound) => Next::Look,
        (ActionKind::Purchase | ActionKind::Configure, ErrorKind::NotFound) => Next::Stop,
        (
            _,
            ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::NotEnabled
            | ErrorKind::NotAvailable
            | ErrorKind::PaperworkRequired
            | ErrorKind::TrialAccount
            | ErrorKind::AlreadyInService
            | ErrorKind::InAnotherService
            | ErrorKind::ServiceFull
            | ErrorKind::Rejected
            | ErrorKind::OtherNumber
            | ErrorKind::Unproven
            | ErrorKind::PageLink
            | ErrorKind::Unreachable,
        ) => Next::Stop,
    }
}

/// Whether a read that failed so is worth another try.
#[must_use]
pub fn read_again(error: &ErrorKind) -> bool {
    match error {
        ErrorKind::NotSent
        | ErrorKind::TimedOut
        | ErrorKind::Lost
        | ErrorKind::Server { .. }
        | ErrorKind::Throttled { .. } => true,
        ErrorKind::Unauthorized
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::NotEnabled
        | ErrorKind::Conflict
        | ErrorKind::NotAvailable
        | ErrorKind::PaperworkRequired
        | ErrorKind::TrialAccount
        | ErrorKind::AlreadyInService
        | ErrorKind::InAnotherService
        | ErrorKind::ServiceFull
        | ErrorKind::Rejected
        | ErrorKind::NotTheApi
        | ErrorKind::OtherNumber
        | ErrorKind::Unproven
        | ErrorKind::PageLink
        | ErrorKind::Unreachable => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_in_bounds() {
        for failures in 1..40 {
            let longest = delay(failures, None, u64::MAX);
            assert!(longest <= CAP);
            assert_eq!(delay(failures, None, 0), Duration::ZERO);
            assert!(longest > Duration::from_millis(499));
        }
        assert!(delay(1, None, u64::MAX / 2) > Duration::from_millis(200), "no rounding to whole seconds");
    }

    #[test]
    fn retry_after_is_a_floor() {
        let asked = Duration::from_secs(7);
        assert_eq!(delay(1, Some(asked), 0), asked);
        assert!(delay(3, Some(asked), u64::MAX) >= asked);
    }

    #[test]
    fn a_purchase_in_doubt_is_never_resent_blindly() {
        for kind in [
            ErrorKind::TimedOut,
            ErrorKind::Lost,
            ErrorKind::Server { retry_after: None },
            ErrorKind::NotTheApi,
        ] {
            assert_eq!(next(ActionKind::Purchase, &kind), Next::Look);
        }
        assert_eq!(next(ActionKind::Purchase, &ErrorKind::Throttled { retry_after: None }), Next::Resend);
        assert_eq!(next(ActionKind::Purchase, &ErrorKind::NotAvailable), Next::Stop);
    }

    #[test]
    fn the_longest_wait_doubles_from_half_a_second_to_half_a_minute() {
        let longest = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].map(Duration::from_millis);
        for (failures, longest) in (1..).zip(longest) {
            let below = longest - delay(failures, None, u64::MAX);
            assert!(below <= Duration::from_nanos(1), "after {failures} failures");
            assert_eq!(delay(failures, None, 1 << 63), longest / 2, "after {failures} failures");
        }
        // Nobody who asks for more gets less than that, and all of them spread over a quarter of our own wait.
        let asked = Duration::from_secs(7);
        assert_eq!(delay(3, Some(asked), 1 << 63), asked + Duration::from_millis(250));
    }

    const REFUSED: [ErrorKind; 14] = [
        ErrorKind::Unauthorized,
        ErrorKind::Forbidden,
        ErrorKind::NotEnabled,
        ErrorKind::NotAvailable,
        ErrorKind::PaperworkRequired,
        ErrorKind::TrialAccount,
        ErrorKind::AlreadyInService,
        ErrorKind::InAnotherService,
        ErrorKind::ServiceFull,
        ErrorKind::Rejected,
        ErrorKind::OtherNumber,
        ErrorKind::Unproven,
        ErrorKind::PageLink,
        ErrorKind::Unreachable,
    ];

    /// What was certainly not processed is sent again, what is in doubt is looked at, what was refused is over.
    #[test]
    fn what_is_known_after_a_failure_decides() {
        let in_doubt = [
            ErrorKind::TimedOut,
            ErrorKind::Lost,
            ErrorKind::Server { retry_after: None },
            ErrorKind::NotTheApi,
            ErrorKind::Conflict,
        ];
        let not_processed = [ErrorKind::NotSent, ErrorKind::Throttled { retry_after: None }];
        for action in ActionKind::ALL {
            assert!(not_processed.iter().all(|kind| next(action, kind) == Next::Resend), "{action:?}");
            assert!(in_doubt.iter().all(|kind| next(action, kind) == Next::Look), "{action:?}");
            assert!(REFUSED.iter().all(|kind| next(action, kind) == Next::Stop), "{action:?}");
            // A number that is not found may have gone elsewhere, where it was to go.
            let is_gone = matches!(action, ActionKind::Release | ActionKind::Transfer);
            let wanted = if is_gone { Next::Look } else { Next::Stop };
            assert_eq!(next(action, &ErrorKind::NotFound), wanted, "{action:?}");
        }
    }

    #[test]
    fn a_read_is_tried_again_where_another_try_can_help() {
        let helps = [
            ErrorKind::NotSent,
            ErrorKind::TimedOut,
            ErrorKind::Lost,
            ErrorKind::Server { retry_after: None },
            ErrorKind::Throttled { retry_after: None },
        ];
        assert!(helps.iter().all(read_again));
        let hopeless = [ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::NotTheApi];
        assert!(!REFUSED.iter().chain(&hopeless).any(read_again));
    }
}

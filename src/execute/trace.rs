//! What one action leaves behind while it runs, so that dropping it half-way can be reported; and
//! the one way to a turn for its writes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Done;
use crate::client::api::error::{ApiError, ListError, Operation};
use crate::client::api::subject::Owner;
use crate::client::pace::{Lane, Turn};
use crate::client::transport::Transport;
use crate::client::{Client, Sighting, Withheld, is_irreversible};
use crate::model::hold::Brake;
use crate::model::live::Live;
use crate::model::number::{NumberSid, PhoneNumber};
use crate::plan::outcome::{Failure, Outcome, Skip};

/// A read is the ground for a purchase or a release for so long, from when it was asked. Where the
/// turn of the write comes later, the number is read again.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(5);

/// After so many reads that were too old by the turn of the write, the action is given up.
pub(super) const READS_MAX: u32 = 10;

/// The trace of one action.
pub(super) struct Trace<'a> {
    /// Why nothing more is to be sent.
    brake: &'a dyn Fn() -> Option<Brake>,
    attempts: AtomicU32,
    /// It finishes what an earlier step of the same number began.
    follows: bool,
    /// Something was asked already.
    has_begun: AtomicBool,
    /// A write is on its way, or its outcome is not yet known.
    in_doubt: AtomicBool,
    /// A write was carried out.
    took_effect: AtomicBool,
    /// The same as `in_doubt` before the last send: that one's refusal says nothing about the ones before it.
    doubted_before: AtomicBool,
    /// The number that is bought instead of the plan's.
    instead: Mutex<Option<PhoneNumber>>,
}

impl<'a> Trace<'a> {
    /// Of an action, which may be the later part of something already begun.
    pub(super) fn new(has_begun: bool, brake: &'a dyn Fn() -> Option<Brake>) -> Self {
        Self {
            brake,
            follows: has_begun,
            attempts: AtomicU32::new(0),
            has_begun: AtomicBool::new(has_begun),
            in_doubt: AtomicBool::new(false),
            took_effect: AtomicBool::new(false),
            doubted_before: AtomicBool::new(false),
            instead: Mutex::new(None),
        }
    }

    /// Another number is tried from here on: what became of the one before is known.
    pub(super) fn turns_to(&self, number: PhoneNumber) {
        self.in_doubt.store(false, Ordering::Relaxed);
        if let Ok(mut instead) = self.instead.lock() {
            *instead = Some(number);
        }
    }

    /// The number that was tried last, where it is not the plan's.
    pub(super) fn number(&self) -> Option<PhoneNumber> {
        self.instead.lock().ok().and_then(|instead| *instead)
    }

    /// The lane of the action's next request.
    pub(super) fn lane(&self) -> Lane {
        if self.has_begun.swap(true, Ordering::Relaxed) { Lane::Begun } else { Lane::New }
    }

    pub(super) fn answered(&self, error: Option<&ApiError>) {
        match error {
            None => {
                self.in_doubt.store(false, Ordering::Relaxed);
                self.took_effect.store(true, Ordering::Relaxed);
            }
            Some(error) if !error.kind.leaves_doubt() => {
                self.in_doubt.store(self.doubted_before.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            Some(_) => {}
        }
    }

    /// Whatever the answer said, the write may have worked: it is to be looked at.
    pub(super) fn doubts(&self) {
        self.in_doubt.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Relaxed)
    }

    /// What an action comes to that is dropped half-way.
    pub(super) fn abandoned(&self) -> Outcome {
        match (self.is_in_doubt(), self.took_effect.load(Ordering::Relaxed)) {
            (true, _) => Outcome::Unknown(Failure::Abandoned),
            (false, true) => Outcome::Failed(Failure::Incomplete),
            (false, false) => Outcome::Skipped(Skip::Interrupted),
        }
    }

    /// Whether a write has left something behind: an answer to wait for, or an effect to check.
    pub(super) fn has_something_to_finish(&self) -> bool {
        self.is_in_doubt() || self.took_effect.load(Ordering::Relaxed)
    }

    /// How often the write was sent.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// What the account has under a number.
    pub(super) async fn find<T: Transport>(
        &self,
        client: &Client<T>,
        number: PhoneNumber,
    ) -> Result<Sighting, ListError> {
        client.find(self.lane(), number).await.map(|(sighting, _)| sighting)
    }

    /// What the API has under a SID.
    pub(super) async fn fetch<T: Transport>(
        &self,
        client: &Client<T>,
        number: (NumberSid, PhoneNumber),
        owner: Owner,
    ) -> Result<Option<Live>, ApiError> {
        client.fetch(self.lane(), number, owner).await.map(|(live, _)| live)
    }

    /// Waits for the turn of a write, which is then to be sent at once.
    pub(super) async fn turn<'c, T: Transport>(
        &self,
        client: &'c Client<T>,
        operation: Operation,
    ) -> Done<Turn<'c>> {
        let turn = client.turn_to_write(self.lane(), operation).await;
        self.sending(turn, operation)
    }

    /// The same for a write that rests on a read at `read_at`; `None` once that is too old.
    pub(super) async fn fresh_turn<'c, T: Transport>(
        &self,
        client: &'c Client<T>,
        operation: Operation,
        read_at: Instant,
    ) -> Done<Option<Turn<'c>>> {
        let waiting = client.turn_to_write(Lane::Write, operation);
        match timeout_at(read_at + FRESH_FOR, waiting).await {
            // Whoever was woken late has waited longer.
            Ok(Ok(_)) if read_at.elapsed() > FRESH_FOR => Ok(None),
            Ok(turn) => self.sending(turn, operation).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// What withholding the turn comes to depends on what was sent before.
    fn sending<'c>(&self, turn: Result<Turn<'c>, Withheld>, operation: Operation) -> Done<Turn<'c>> {
        // What has taken effect is finished; nothing is bought or released on the strength of that.
        let finishes =
            (self.follows || self.took_effect.load(Ordering::Relaxed)) && !is_irreversible(operation);
        if let (Ok(_), Some(brake), false) = (&turn, (self.brake)(), finishes) {
            return Err(self.withheld(Failure::Braked(brake), Skip::Braked(brake)));
        }
        match turn {
            Ok(turn) => {
                self.attempts.fetch_add(1, Ordering::Relaxed);
                let doubted = self.in_doubt.swap(true, Ordering::Relaxed);
                self.doubted_before.store(doubted, Ordering::Relaxed);
                Ok(turn)
            }
            Err(Withheld::Fenced) => Err(self.withheld(Failure::LostLock, Skip::LostLock)),
            Err(Withheld::Unproven(error)) => Err(match self.is_in_doubt() {
                true => Outcome::Unknown(error.into()),
                false => Outcome::Failed(error.into()),
            }),
            Err(Withheld::Unreachable(error)) => Err(self.withheld(error.into(), Skip::Unreachable)),
        }
    }

    /// How an action ends that may not go on.
    pub(super) fn withheld(&self, failure: Failure, skip: Skip) -> Outcome {
        match (self.is_in_doubt(), self.attempts()) {
            (true, _) => Outcome::Unknown(failure),
            (false, 0) => Outcome::Skipped(skip),
            (false, _) => Outcome::Failed(failure),
        }
    }
}

//! What one action leaves behind while it runs, so that dropping it half-way can be reported; and
//! the one way to a turn for its writes.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::notebook::StepNote;
use super::run::ActionDone;
use crate::client::api::error::{ApiError, ListError, Operation};
use crate::client::api::subject::Owner;
use crate::client::pace::{Lane, Turn};
use crate::client::transport::Transport;
use crate::client::{Client, Sighting, Withheld, is_irreversible};
use crate::model::hold::Brake;
use crate::model::live::Live;
use crate::model::number::{NumberRef, PhoneNumber};
use crate::plan::outcome::{Failure, Outcome, Skip};

/// A read is the ground for a purchase or a release for this long, from when it was asked. Where the turn of
/// the write comes later, the number is read again.
pub(super) const FRESH_FOR: Duration = Duration::from_secs(5);

/// After this many reads that were too old by the turn of the write, the action is given up.
pub(super) const READS_MAX: u32 = 10;

/// What is known of an action's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing that was sent was carried out.
    NotSent,
    /// A write is on its way, or was lost on it.
    InDoubt {
        /// The last one is not the only one: that it was refused says nothing about those before it.
        is_older: bool,
        /// A write before these was carried out.
        took_effect: bool,
    },
    /// A write was carried out, and none is in doubt.
    TookEffect,
}

impl Stage {
    fn took_effect(self) -> bool {
        match self {
            Self::NotSent => false,
            Self::InDoubt { took_effect, .. } => took_effect,
            Self::TookEffect => true,
        }
    }

    /// Once nothing is in doubt any more, and nothing was carried out since.
    fn settled(self) -> Self {
        if self.took_effect() { Self::TookEffect } else { Self::NotSent }
    }

    fn sent(self) -> Self {
        Self::InDoubt { is_older: matches!(self, Self::InDoubt { .. }), took_effect: self.took_effect() }
    }

    fn refused(self) -> Self {
        match self {
            Self::InDoubt { is_older: true, .. } => self,
            Self::NotSent | Self::InDoubt { is_older: false, .. } | Self::TookEffect => self.settled(),
        }
    }

    fn doubted(self) -> Self {
        match self {
            Self::InDoubt { .. } => self,
            Self::NotSent | Self::TookEffect => self.sent(),
        }
    }
}

/// The trace of one action.
pub(super) struct Trace<'a> {
    /// Why nothing more is to be sent.
    brake: &'a dyn Fn() -> Option<Brake>,
    /// To be made before each send, where the action marks a number.
    note: Option<StepNote<'a>>,
    stage: Cell<Stage>,
    attempts: Cell<u32>,
    /// It finishes what an earlier step of the same number began.
    follows: bool,
    /// Something was asked already.
    has_begun: Cell<bool>,
    /// The number that is bought instead of the plan's.
    instead: Cell<Option<PhoneNumber>>,
}

impl<'a> Trace<'a> {
    /// Of an action, which may be the later part of something already begun.
    pub(super) fn new(
        has_begun: bool,
        brake: &'a dyn Fn() -> Option<Brake>,
        note: Option<StepNote<'a>>,
    ) -> Self {
        Self {
            brake,
            note,
            stage: Cell::new(Stage::NotSent),
            attempts: Cell::new(0),
            follows: has_begun,
            has_begun: Cell::new(has_begun),
            instead: Cell::new(None),
        }
    }

    /// Another number is tried from here on: what became of the one before is known.
    pub(super) fn turns_to(&self, number: PhoneNumber) {
        self.stage.set(self.stage.get().settled());
        self.instead.set(Some(number));
    }

    /// The number that was tried last, where it is not the plan's.
    pub(super) fn number(&self) -> Option<PhoneNumber> {
        self.instead.get()
    }

    /// The lane of the action's next request.
    pub(super) fn lane(&self) -> Lane {
        if self.has_begun.replace(true) { Lane::Begun } else { Lane::New }
    }

    /// What was sent last was carried out.
    pub(super) fn carried_out(&self) {
        self.stage.set(Stage::TookEffect);
    }

    /// What was sent last was answered with this error.
    pub(super) fn refused(&self, error: &ApiError) {
        if !error.kind.leaves_doubt() {
            self.stage.set(self.stage.get().refused());
        }
    }

    /// Whatever the answer said, the write may have worked: it is to be looked at.
    pub(super) fn doubts(&self) {
        self.stage.set(self.stage.get().doubted());
    }

    fn is_in_doubt(&self) -> bool {
        matches!(self.stage.get(), Stage::InDoubt { .. })
    }

    /// The outcome of an action that is dropped half-way.
    pub(super) fn abandoned(&self) -> Outcome {
        match self.stage.get() {
            Stage::NotSent => Outcome::Skipped(Skip::Interrupted),
            Stage::InDoubt { .. } => Outcome::Unknown(Failure::Abandoned),
            Stage::TookEffect => Outcome::Failed(Failure::Incomplete),
        }
    }

    /// Whether a write has left something behind: an answer to wait for, or an effect to check.
    pub(super) fn has_something_to_finish(&self) -> bool {
        self.stage.get() != Stage::NotSent
    }

    /// How often the write was sent.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts.get()
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
        number: NumberRef,
        owner: Owner,
    ) -> Result<Option<Live>, ApiError> {
        client.fetch(self.lane(), number, owner).await.map(|(live, _)| live)
    }

    /// Waits for the turn of a write, which is then to be sent at once.
    pub(super) async fn turn<'c, T: Transport>(
        &self,
        client: &'c Client<T>,
        operation: Operation,
    ) -> ActionDone<Turn<'c>> {
        let turn = client.turn_to_write(self.lane(), operation, self.noted()).await;
        self.sending(turn, operation)
    }

    /// The same for a write that rests on a read at `read_at`; `None` once that is too old.
    pub(super) async fn fresh_turn<'c, T: Transport>(
        &self,
        client: &'c Client<T>,
        operation: Operation,
        read_at: Instant,
    ) -> ActionDone<Option<Turn<'c>>> {
        let waiting = client.turn_to_write(Lane::Write, operation, self.noted());
        match timeout_at(read_at + FRESH_FOR, waiting).await {
            // Whoever was woken late has waited longer.
            Ok(Ok(_)) if read_at.elapsed() > FRESH_FOR => Ok(None),
            Ok(turn) => self.sending(turn, operation).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Whether what is about to be sent is written down, where that is called for.
    async fn noted(&self) -> bool {
        match &self.note {
            Some(note) => note.made().await,
            None => true,
        }
    }

    /// The outcome of withholding the turn depends on what was sent before.
    fn sending<'c>(&self, turn: Result<Turn<'c>, Withheld>, operation: Operation) -> ActionDone<Turn<'c>> {
        // What has taken effect is finished; nothing is bought or released on the strength of that.
        let finishes = (self.follows || self.stage.get().took_effect()) && !is_irreversible(operation);
        if let (Ok(_), Some(brake), false) = (&turn, (self.brake)(), finishes) {
            return Err(self.withheld(Failure::Braked(brake), Skip::Braked(brake)));
        }
        match turn {
            Ok(turn) => {
                self.attempts.set(self.attempts.get() + 1);
                self.stage.set(self.stage.get().sent());
                Ok(turn)
            }
            Err(Withheld::NotRecorded) => Err(self.withheld(Failure::NotRecorded, Skip::NotRecorded)),
            Err(Withheld::Fenced) => Err(self.withheld(Failure::LostLock, Skip::LostLock)),
            Err(Withheld::Unproven(error)) => Err(match self.is_in_doubt() {
                true => Outcome::Unknown(error.into()),
                false => Outcome::Failed(error.into()),
            }),
            Err(Withheld::Unreachable(error)) => Err(self.withheld(error.into(), Skip::Unreachable)),
        }
    }

    /// How an action ends that must not continue.
    fn withheld(&self, failure: Failure, skip: Skip) -> Outcome {
        match (self.is_in_doubt(), self.attempts()) {
            (true, _) => Outcome::Unknown(failure),
            (false, 0) => Outcome::Skipped(skip),
            (false, _) => Outcome::Failed(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: Stage = Stage::InDoubt { is_older: false, took_effect: false };

    #[test]
    fn a_refusal_settles_only_what_was_sent_last() {
        assert_eq!(Stage::NotSent.sent(), LOST);
        assert_eq!(LOST.refused(), Stage::NotSent);
        assert_eq!(LOST.sent().refused(), LOST.sent(), "the one before may have been carried out");
        assert_eq!(Stage::TookEffect.sent().refused(), Stage::TookEffect);
        assert_eq!(Stage::NotSent.doubted(), LOST);
        assert_eq!(LOST.sent().settled(), Stage::NotSent, "of another number");
    }
}

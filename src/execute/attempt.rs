//! The one loop that sends a write: until it is carried out, refused for good, or in doubt for good.
//!
//! What the four kinds of write do differently is in [`Write`] (how to look, how to send) and in
//! [`Ground`] (what a send rests on).

use tokio::time::Instant;

use super::run::{ActionDone, Run};
use super::trace::{READS_MAX, Trace};
use crate::client::Client;
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::backoff::Next;
use crate::client::pace::Turn;
use crate::client::transport::Transport;
use crate::model::action_kind::ActionKind;
use crate::plan::outcome::{Outcome, Skip};

/// One write: how it is looked at, and how it is sent.
pub(super) trait Write {
    /// What there is once it is carried out.
    type Made;

    /// Which of the four it is.
    const KIND: ActionKind;

    /// The request that it is sent with.
    const OPERATION: Operation = operation(Self::KIND);

    /// Looks whether it is carried out already, and whether it still may be sent. Adds its reads to the
    /// course.
    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<Self::Made>>;

    /// Sends it once. `Ok(Err(_))` is an answer that ends the action, and that no further send changes.
    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<Self::Made>, ApiError>;
}

/// What a look shows.
pub(super) enum AttemptLook<V> {
    /// The write was carried out.
    Made(V),
    /// It was not, as of a read that was asked for then.
    NotYet(Instant),
}

/// How an attempt at a write ended.
pub(super) enum Attempt<V> {
    /// It was carried out.
    Made(V),
    /// It was refused for good, by this answer.
    Refused(ApiError),
    /// It was sent, and what became of it could not be found out.
    InDoubt {
        /// The last answer that left it open.
        doubt: ApiError,
        /// The last answer of all.
        last: ApiError,
    },
    /// It was not carried out, and is not sent any more for this reason.
    NotSent(Skip),
}

/// How far an attempt has come.
pub(super) struct Course {
    /// The last answer after which the write may have been carried out.
    pub(super) doubt: Option<ApiError>,
    /// Reads of the number, by all looks.
    pub(super) reads: u32,
    failures: u32,
    /// Whether it may be sent again.
    pub(super) again: bool,
}

/// What a send rests on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ground {
    /// Nothing: the same write a second time does no harm.
    Nothing,
    /// A read. After an answer that says for certain that nothing was done, the same read will do.
    Read,
    /// A read of its own, each time.
    ReadEachTime,
}

impl Ground {
    fn from_kind(kind: ActionKind) -> Self {
        match kind {
            ActionKind::Purchase => Self::Read,
            ActionKind::Transfer | ActionKind::Configure => Self::Nothing,
            ActionKind::Release => Self::ReadEachTime,
        }
    }
}

/// What comes next in an attempt.
enum AttemptStep {
    Look,
    /// On a read at this time, where it rests on one.
    Send(Instant),
}

impl Course {
    fn has_begun(&self) -> bool {
        self.failures > 0 || self.reads > 1
    }

    fn ended<V>(self, skip: Skip) -> Attempt<V> {
        match self.doubt {
            Some(doubt) => Attempt::InDoubt { last: doubt.clone(), doubt },
            None => Attempt::NotSent(skip),
        }
    }
}

impl<T: Transport> Run<'_, T> {
    /// Sends a write, and again where that is safe, until there is nothing more to do about it.
    pub(super) async fn attempt<W: Write>(
        &self,
        client: &Client<T>,
        trace: &Trace<'_>,
        mut write: W,
    ) -> ActionDone<Attempt<W::Made>> {
        let ground = Ground::from_kind(W::KIND);
        let operation = W::OPERATION;
        let mut course = Course { doubt: None, reads: 0, failures: 0, again: true };
        let mut step = match ground {
            Ground::Nothing => AttemptStep::Send(Instant::now()),
            Ground::Read | Ground::ReadEachTime => AttemptStep::Look,
        };
        loop {
            let read_at = match step {
                AttemptStep::Send(read_at) => read_at,
                AttemptStep::Look => match write.look(&mut course).await? {
                    AttemptLook::Made(made) => {
                        trace.carried_out();
                        return Ok(Attempt::Made(made));
                    }
                    AttemptLook::NotYet(read_at) => read_at,
                },
            };
            let is_stopped = ground != Ground::Nothing && course.has_begun() && self.stopping();
            if is_stopped || !course.again {
                return Ok(course.ended(Skip::Interrupted));
            }
            let turn = if ground == Ground::Nothing {
                // The look has settled it.
                course.doubt = None;
                trace.turn(client, operation).await?
            } else {
                match trace.fresh_turn(client, operation, read_at).await? {
                    Some(turn) => turn,
                    None if course.reads >= READS_MAX => return Ok(course.ended(Skip::NotFresh)),
                    None => {
                        step = AttemptStep::Look;
                        continue;
                    }
                }
            };
            let mut error = match write.send(turn).await {
                Ok(made) => {
                    let made = made?;
                    trace.carried_out();
                    return Ok(Attempt::Made(made));
                }
                Err(error) => error,
            };
            course.failures += 1;
            let (next, again) = client.after_failure(W::KIND, course.failures, &mut error);
            course.again = again && (ground != Ground::Nothing || !self.stopping());
            // After a send in doubt, "not available" may well mean that we have it by now.
            let is_ours_perhaps = W::KIND == ActionKind::Purchase
                && error.kind == ErrorKind::NotAvailable
                && course.doubt.is_some();
            match next {
                Next::Look => {
                    client.wait(course.failures, &error).await;
                    // A release's 404 too: the network may have delivered the request twice.
                    course.doubt = Some(error);
                    step = AttemptStep::Look;
                }
                Next::Resend if course.again => {
                    trace.refused(&error);
                    client.wait(course.failures, &error).await;
                    step = match ground {
                        Ground::Nothing => AttemptStep::Send(read_at),
                        // What was in doubt before still is.
                        Ground::Read if course.doubt.is_none() => AttemptStep::Send(read_at),
                        Ground::Read | Ground::ReadEachTime => AttemptStep::Look,
                    };
                }
                Next::Stop if is_ours_perhaps => {
                    trace.refused(&error);
                    client.wait(course.failures, &error).await;
                    step = AttemptStep::Look;
                }
                Next::Resend | Next::Stop => {
                    trace.refused(&error);
                    return Ok(match course.doubt {
                        Some(doubt) => Attempt::InDoubt { doubt, last: error },
                        None => Attempt::Refused(error),
                    });
                }
            }
        }
    }
}

const fn operation(kind: ActionKind) -> Operation {
    match kind {
        ActionKind::Purchase => Operation::Purchase,
        ActionKind::Transfer => Operation::Transfer,
        ActionKind::Configure => Operation::Configure,
        ActionKind::Release => Operation::Release,
    }
}

/// The outcome of an action whose write was answered, and is not sent again.
pub(super) fn refused(error: ApiError) -> Outcome {
    match error.kind.leaves_doubt() {
        true => Outcome::Unknown(error.into()),
        false => Outcome::Failed(error.into()),
    }
}

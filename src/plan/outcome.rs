//! What became of a plan: every action has one of four ends, and nothing is forgotten (law 9).

use serde::{Deserialize, Serialize};

use crate::client::api::error::{ApiError, ListError, Operation};
use crate::model::hold::Brake;
use crate::model::number::{PhoneNumber, ServiceSid};
use crate::model::settings::Field;
use crate::plan::Plan;

/// The ends of every step of a plan, in the plan's order.
#[derive(Debug, Clone)]
#[must_use]
pub struct Report {
    pub plan: Plan,
    /// One for each of the plan's steps.
    pub ends: Vec<StepEnd>,
    /// Whether a person stopped the run.
    pub interrupted: bool,
}

/// How one action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepEnd {
    /// Which of the four.
    pub outcome: Outcome,
    /// How often the write was sent.
    pub attempts: u32,
    /// The number that was bought for a claim, or tried last, where the plan's first was not to be had
    /// any more.
    pub instead: Option<PhoneNumber>,
}

/// How an action ended: each ends in exactly one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The API did it, and its answer shows it.
    Succeeded,
    /// The API did not do it, or not all of it.
    Failed(Failure),
    /// It was not tried.
    Skipped(Skip),
    /// It was sent, and whether the API did it could not be found out.
    Unknown(Failure),
}

/// Which of the four outcomes an action had, without why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    Succeeded,
    Failed,
    Skipped,
    Unknown,
}

impl OutcomeKind {
    /// The four kinds, in the order in which reports count them.
    pub const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Skipped, Self::Unknown];

    /// The contract's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }
}

/// Why an action failed, or is in doubt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The API refused, or failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A look-up did not give a listing.
    #[error(transparent)]
    Lookup(#[from] ListError),
    /// The API answered with success and did not take these fields (law 6).
    #[error("the API answered with success but did not change {}", names(.0))]
    NotTaken(Vec<Field>),
    /// The purchase was answered with success, and neither the answer nor a look-up names the number.
    #[error("the API answered with success, but neither its answer nor a look-up shows the number")]
    Unidentified,
    /// The transfer was answered with success and the number is still where it was.
    #[error("the API answered with success, but the number did not move")]
    DidNotMove,
    /// It left one Messaging Service and could not be put into the next.
    #[error(
        "it left the Messaging Service {left} and is in none until the next run: it could not be put into the new one: \
         {then}"
    )]
    LeftService {
        /// The one that it left.
        left: ServiceSid,
        /// What came of the rest.
        then: Box<ApiError>,
    },
    /// Sent, and not seen since.
    #[error(
        "the request was sent, and the number was not in the account afterwards; the last answer was: {0}"
    )]
    NotSeen(ApiError),
    /// Sent, in doubt, and not sent again, since the number has changed.
    #[error(
        "the request was sent once and not repeated, because the number has changed since the plan; the last answer was: {0}"
    )]
    ChangedMeanwhile(ApiError),
    /// The run was stopped while a write was on its way.
    #[error("the run was stopped while the request was in flight")]
    Abandoned,
    /// The run was stopped between two writes of the action.
    #[error("the run was stopped before the action was complete: run again to finish it")]
    Incomplete,
    /// The emergency address was taken off, and Twilio is still at it.
    #[error("the emergency address is still being unregistered: run again in a few minutes")]
    StillUnregistering,
    /// Twilio could not take the emergency address off.
    #[error(
        "Twilio could not unregister the emergency address: remove it in the Twilio Console, then run again"
    )]
    UnregistrationFailed,
    /// The lock was lost between two writes of the action.
    #[error("the lock on the account was lost before the action was complete")]
    LostLock,
    /// What was about to be sent could not be written down.
    #[error("{}", Skip::NotRecorded.words())]
    NotRecorded,
    /// The run may write no more, and the action was not complete.
    #[error("the action is not complete: {}", .0.words())]
    Braked(Brake),
}

impl StepEnd {
    /// Whether a purchase that ended so certainly bought nothing: nothing was sent, or its purchase was
    /// refused. Whatever else failed after it was sent, it may be ours.
    #[must_use]
    pub fn bought_nothing(&self) -> bool {
        match &self.outcome {
            Outcome::Succeeded | Outcome::Unknown(_) => false,
            Outcome::Failed(Failure::Api(error)) if self.attempts > 0 => {
                error.operation == Operation::Purchase && !error.kind.leaves_doubt()
            }
            Outcome::Failed(_) | Outcome::Skipped(_) => self.attempts == 0,
        }
    }
}

fn names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.json_name()).collect::<Vec<_>>().join(", ")
}

/// Why an action was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// A person stopped the run first.
    Interrupted,
    /// An earlier action on the same number did not succeed.
    EarlierFailed,
    /// A purchase or a transfer of this run did not succeed: nothing is released before its
    /// replacement is there (law 4).
    ReplacementMissing,
    /// The account refused the credentials of this run already.
    AccountRefused,
    /// The number turned up in the account right before its purchase.
    AlreadyOwned,
    /// Right before its purchase, the account showed something without a number, which may be it.
    PerhapsOwned,
    /// The number is no longer as the plan saw it, right before its release.
    Changed,
    /// The number is gone already.
    AlreadyGone,
    /// The API never gave the number's SID, without which nothing can be done to it.
    NoSid,
    /// The lock on the account is not ours any more (law 10).
    LostLock,
    /// What was about to be bought could not be written down, and is not sent then.
    NotRecorded,
    /// The API does not answer, and nothing was sent.
    Unreachable,
    /// Each time that the number was read, too long passed before it could be written.
    NotFresh,
    /// The run may write no more: a pause, a window that has closed, other files (law 13).
    Braked(Brake),
}

impl Skip {
    /// Whether what the action wanted is the case all the same.
    #[must_use]
    pub fn is_harmless(self) -> bool {
        match self {
            Self::AlreadyGone => true,
            Self::Interrupted
            | Self::EarlierFailed
            | Self::ReplacementMissing
            | Self::AccountRefused
            | Self::AlreadyOwned
            | Self::PerhapsOwned
            | Self::Changed
            | Self::NoSid
            | Self::LostLock
            | Self::NotRecorded
            | Self::Unreachable
            | Self::NotFresh
            | Self::Braked(_) => false,
        }
    }

    /// The reason as a person reads it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Interrupted => "the run was stopped first",
            Self::EarlierFailed => "an earlier step for this number did not succeed",
            Self::ReplacementMissing => {
                "a purchase or transfer of this run did not succeed, and nothing is released before its replacement exists"
            }
            Self::AccountRefused => "the account refused the credentials earlier in this run",
            Self::AlreadyOwned => "the account already has the number, and the listing missed it: run again",
            Self::PerhapsOwned => {
                "the API answered the look-up with a number without digits, so the account may already have it; nothing was bought"
            }
            Self::Changed => "the number has changed since the plan was made; plan again",
            Self::AlreadyGone => "the number is gone already",
            Self::NoSid => "the API shows no SID for the number, so it cannot be changed",
            Self::LostLock => "the lock on the account was lost: another process may be writing",
            Self::NotRecorded => {
                "what was about to be bought could not be written down (the log says why), so it was not sent"
            }
            Self::Unreachable => "the API does not answer; run again when it does",
            Self::NotFresh => {
                "more than 5 s passed each time between reading the number and writing it; run again"
            }
            Self::Braked(brake) => brake.words(),
        }
    }
}

impl Outcome {
    /// Which of the four it is.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Succeeded => OutcomeKind::Succeeded,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Skipped(_) => OutcomeKind::Skipped,
            Self::Unknown(_) => OutcomeKind::Unknown,
        }
    }

    /// The contract's word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// Whether there is nothing left to do for this action.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Succeeded => true,
            Self::Skipped(skip) => skip.is_harmless(),
            Self::Failed(_) | Self::Unknown(_) => false,
        }
    }

    /// What went wrong, with what to do about it.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Succeeded => None,
            Self::Skipped(skip) => Some(skip.words().to_owned()),
            Self::Failed(failure) | Self::Unknown(failure) => Some(failure.to_string()),
        }
    }

    /// The API's error behind it, if there is one.
    #[must_use]
    pub fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::Failed(failure) | Self::Unknown(failure) => match failure {
                Failure::Api(error)
                | Failure::Lookup(ListError::Api(error))
                | Failure::NotSeen(error)
                | Failure::ChangedMeanwhile(error) => Some(error),
                Failure::LeftService { then, .. } => Some(then),
                Failure::Lookup(ListError::Listing(_))
                | Failure::NotTaken(_)
                | Failure::Unidentified
                | Failure::DidNotMove
                | Failure::Abandoned
                | Failure::Incomplete
                | Failure::StillUnregistering
                | Failure::UnregistrationFailed
                | Failure::LostLock
                | Failure::NotRecorded
                | Failure::Braked(_) => None,
            },
            Self::Succeeded | Self::Skipped(_) => None,
        }
    }
}

impl Report {
    /// How many actions ended like this.
    pub fn count(&self, kind: OutcomeKind) -> usize {
        self.ends.iter().filter(|end| end.outcome.kind() == kind).count()
    }

    /// Whether every action did what it was to do.
    pub fn is_settled(&self) -> bool {
        self.ends.iter().all(|end| end.outcome.is_settled())
    }
}

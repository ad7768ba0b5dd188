//! Whether this process writes, whether it can do its job, and the fleet in one word.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::inert;

use super::{MESSAGE_CHARACTERS_MAX, NumberStanding, Status};

/// Whether this process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing is known yet.
    Starting,
    Writer,
    /// Someone else writes; it takes over when they are gone.
    StandingBy,
    /// It plans, and writes nothing.
    DryRun,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Writer => "writer",
            Self::StandingBy => "standing_by",
            Self::DryRun => "dry_run",
        }
    }
}

/// Why a process stands by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// It does not, or the reason is about to be known.
    NotKnown,
    /// Another one writes: who, for people.
    Another(Arc<str>),
    /// It could not write though no one else did: the reason in one word, and for people.
    Barred(&'static str, Arc<str>),
}

impl Waiting {
    /// Stands by while another process writes.
    #[must_use]
    pub fn for_another(who: &str) -> Self {
        Self::Another(inert::message(who, MESSAGE_CHARACTERS_MAX).into())
    }

    /// Something has to be put right first.
    #[must_use]
    pub fn barred(code: &'static str, why: &str) -> Self {
        Self::Barred(code, inert::message(why, MESSAGE_CHARACTERS_MAX).into())
    }
}

/// The fleet in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// Nothing was observed yet.
    Starting,
    StandingBy,
    /// Everything is as declared.
    InSync,
    /// Nothing drifts, and something declared is left as it is, with a reason.
    Held,
    /// Nothing drifts, and some declared settings have no effect.
    NoEffect,
    /// Something is not as declared, and nothing is wrong with that.
    Drifted,
    /// Something is wrong, and someone has to look.
    Degraded,
}

impl Overall {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::StandingBy => "standing_by",
            Self::InSync => "in_sync",
            Self::Held => "held",
            Self::NoEffect => "no_effect",
            Self::Drifted => "drifted",
            Self::Degraded => "degraded",
        }
    }
}

impl Status {
    /// Whether this process does its job, or would as soon as the one that does it is gone.
    ///
    /// # Errors
    /// Says what keeps it from that.
    pub fn readiness(&self) -> Result<(), Cow<'_, str>> {
        if self.role == Role::StandingBy {
            return match &self.waits {
                Waiting::Another(_) if self.generation.is_none() && self.refused_files.is_some() => {
                    Err("the files have been invalid since the start, so this process could not take over"
                        .into())
                }
                Waiting::Another(_) => Ok(()),
                Waiting::NotKnown => Err("it is not yet known which process writes".into()),
                Waiting::Barred(_, why) => Err((&**why).into()),
            };
        }
        // An account without anything in it says nothing of the fleet, unless there is nothing at all.
        let counts = |account: &&super::AccountState| account.numbers > 0 || account.has_claims;
        let is_empty = !self.accounts.iter().any(|account| counts(&account));
        let mut seen = self.accounts.iter().filter(|account| is_empty || counts(account));
        match seen.any(|account| account.listed.is_some()) {
            true => Ok(()),
            false => Err("no cycle has seen a declared number yet".into()),
        }
    }

    /// The fleet in one word. What is left as it is on purpose is not drift.
    #[must_use]
    pub fn overall(&self) -> Overall {
        let is_wrong = self.refused_files.is_some()
            || self.blocked.is_some()
            || self.accounts.iter().any(|account| account.trouble.is_some())
            || self.count(NumberStanding::Degraded) > 0;
        match (self.role, &self.waits) {
            (Role::StandingBy, Waiting::Barred(..)) => Overall::Degraded,
            (Role::StandingBy, Waiting::Another(_) | Waiting::NotKnown) => Overall::StandingBy,
            _ if is_wrong => Overall::Degraded,
            _ if self.readiness().is_err() => Overall::Starting,
            _ if self.drifts.total > 0
                || self.count(NumberStanding::Drifted) + self.count(NumberStanding::Unknown) > 0 =>
            {
                Overall::Drifted
            }
            _ if self.count(NumberStanding::NoEffect) > 0 => Overall::NoEffect,
            _ if self.count(NumberStanding::Held) > 0 => Overall::Held,
            _ => Overall::InSync,
        }
    }
}

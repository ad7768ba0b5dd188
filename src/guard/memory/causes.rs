//! Who changed what, as already reported: a difference that stays is not asked about in every look, nor is an
//! account whose audit log cannot be read.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::desired::AccountIndex;
use crate::guard::budget::Generation;
use crate::model::audit::Cause;
use crate::model::number::PhoneNumber;
use crate::model::settings::{Field, Value};
use crate::plan::Difference;

/// A log that could not be read is not asked for again in this time.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// At most this many causes are kept: those of a person's changes, not of a fleet's.
const KNOWN_MAX: usize = 10_000;

/// What was reported before.
#[derive(Debug, Default)]
pub struct ToldCauses {
    known: BTreeMap<(PhoneNumber, Field), (Option<Value>, Cause)>,
    refused: BTreeMap<AccountIndex, (Box<str>, Duration)>,
    /// The content of the files at the last look.
    generation: Option<Generation>,
    is_edit: bool,
    is_first: bool,
}

impl ToldCauses {
    /// A look by a content of the files begins.
    pub fn begin(&mut self, generation: Generation, now: Duration) {
        let before = self.generation.replace(generation);
        self.is_first = before.is_none();
        self.is_edit = before.is_some_and(|before| before != generation);
        self.refused.retain(|_, (_, at)| now.saturating_sub(*at) < AGAIN_AFTER);
    }

    /// Whether the files changed since the last look: what differs now differs because of that.
    #[must_use]
    pub fn is_edit(&self) -> bool {
        self.is_edit
    }

    /// Whether nothing was looked at before: a setting that is as it was bought need not be anybody's work.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.is_first
    }

    /// Who brought a difference about, where that was reported for this very value.
    #[must_use]
    pub fn known(&self, difference: &Difference) -> Option<Cause> {
        let (live, cause) = self.known.get(&(difference.number, difference.field))?;
        (*live == difference.live).then(|| cause.clone())
    }

    /// Keeps what was told.
    pub fn keep(&mut self, difference: &Difference, cause: Cause) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert((difference.number, difference.field), (difference.live.clone(), cause));
    }

    /// Why an account's log was not read, where that was a short while ago.
    #[must_use]
    pub fn refused(&self, account: AccountIndex, now: Duration) -> Option<Box<str>> {
        let (why, at) = self.refused.get(&account)?;
        (now.saturating_sub(*at) < AGAIN_AFTER).then(|| why.clone())
    }

    /// Keeps that an account's log could not be read.
    pub fn refuse(&mut self, account: AccountIndex, why: Box<str>, now: Duration) {
        self.refused.insert(account, (why, now));
    }
}

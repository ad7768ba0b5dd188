//! The plan as a whole: what is to be done, what is not, and what a reviewer should know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::action::{Action, Step};
use super::cause::{Causes, Difference};
use super::digest_key::DigestKey;
use super::effect::NoEffect;
use super::held::{HeldNumber, HeldReason, Warning};
use crate::desired::narrowing::Narrowed;
use crate::desired::{AccountIndex, AccountRef, Labels};
use crate::model::action_kind::ActionKind;
use crate::model::number::PhoneNumber;
use crate::model::settings::{Value, Want};
use crate::model::traffic::Lookback;
use crate::observed::Trouble;
use crate::plan::claims::Shortfall;

/// What is to be done, in the order in which it is shown.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Plan {
    /// The accounts that the steps' indices mean.
    pub accounts: Vec<AccountRef>,
    /// What is to be done: purchases, transfers (each with its configuration right after it),
    /// configurations, moves to quarantine and releases; within each by account and number.
    pub steps: Vec<Step>,
    /// What the file asks for, or would seem to, and is not done, with the reason.
    pub held: Vec<HeldNumber>,
    /// What claims want, and is not bought, with the reason.
    pub short: Vec<Shortfall>,
    /// The steps that a hold, a pause or a limit took out, each with why: to be shown, never done.
    pub waiting: Vec<(Step, HeldReason)>,
    /// That the numbers to be released had no calls and no messages in this time; `None` where nobody
    /// looked.
    pub unused: Option<Lookback>,
    /// Declared settings that have no effect once this is done (law 15).
    pub no_effect: Vec<NoEffect>,
    /// Whether that is an error, by the file's word.
    pub no_effect_is_error: bool,
    /// What a reviewer should know.
    pub warnings: Vec<Warning>,
    /// Accounts in which nothing is planned, and why.
    pub troubles: Vec<(AccountIndex, Trouble)>,
    /// How many numbers a saved plan held back when it was made; why is not saved.
    pub held_earlier: usize,
    /// Declared numbers that are as declared.
    pub unchanged: usize,
    /// Live numbers that the file does not name, under `unlisted: ignore` and `report`.
    pub unlisted: usize,
    /// How many numbers are live in each of the accounts: what a limit's percentage is of. Nothing that
    /// a file declares counts, or a file could raise the limits that are to hold it.
    pub live: Vec<usize>,
    /// Who changed what is not as declared, where that was asked.
    pub causes: Causes,
    /// What was left out of it on purpose; `None` where it is about all that is declared.
    pub narrowed: Option<Narrowed>,
    /// The tags of the numbers that it touches.
    pub tags: BTreeMap<PhoneNumber, Arc<Labels>>,
    /// Keys the digest of a plan that carries secrets. The line sets it; a plan that is only read has none.
    pub key: DigestKey,
}

impl Plan {
    /// A plan of steps alone.
    pub fn from_steps(accounts: Vec<AccountRef>, steps: Vec<Step>) -> Self {
        Self {
            accounts,
            steps,
            held: Vec::new(),
            short: Vec::new(),
            waiting: Vec::new(),
            unused: None,
            no_effect: Vec::new(),
            no_effect_is_error: false,
            warnings: Vec::new(),
            troubles: Vec::new(),
            held_earlier: 0,
            unchanged: 0,
            unlisted: 0,
            live: Vec::new(),
            causes: Causes::default(),
            narrowed: None,
            tags: BTreeMap::new(),
            key: DigestKey::default(),
        }
    }

    /// How many numbers are live in an account.
    #[must_use]
    pub fn live_in(&self, account: AccountIndex) -> usize {
        self.live.get(usize::from(account.0)).copied().unwrap_or_default()
    }

    /// Whether it would send a URL whose secrets are not filled in.
    #[must_use]
    pub fn names_missing_secrets(&self) -> bool {
        let is_missing =
            |want: &Want| matches!(want, Want::Set(Value::SecretUrl(url)) if url.expose().is_none());
        self.steps.iter().any(|step| match &step.action {
            Action::Purchase { settings, .. } | Action::Transfer { settings, .. } => {
                settings.iter().any(|(_, want)| is_missing(want))
            }
            Action::Configure { changes, .. } => changes.iter().any(|change| is_missing(&change.want)),
            Action::Release { .. } => false,
        })
    }

    /// Whether it does no more than to configure what is there, and wants no more either.
    #[must_use]
    pub fn only_configures(&self) -> bool {
        self.short.is_empty() && self.steps.iter().all(|step| step.action.kind() == ActionKind::Configure)
    }

    /// Takes out what is not to be done, with the reason, and keeps it as [`HeldNumber`]. Where a purchase
    /// or a move is held so, nothing is released (law 4).
    pub fn hold(&mut self, why: impl Fn(&Step) -> Option<HeldReason>) {
        let is_short = self.steps.iter().any(|step| step.replaces() && why(step).is_some());
        let (held, waiting) = (&mut self.held, &mut self.waiting);
        self.steps.retain(|step| {
            let action = &step.action;
            let is_stranded = is_short && step.gives_up();
            let why = why(step).or(is_stranded.then_some(HeldReason::ReplacementHeld));
            held.extend(why.map(|why| HeldNumber {
                number: action.number(),
                account: action.account(),
                why,
            }));
            waiting.extend(why.map(|why| (step.clone(), why)));
            why.is_none()
        });
        // A move and its configuration are one entry.
        self.held.sort_by_key(|held| (held.account, held.number));
        self.held.dedup();
    }
}

impl Plan {
    /// The live settings that are not as declared, also where that is to wait: of numbers that are where
    /// they belong.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let steps = self.steps.iter().chain(self.waiting.iter().map(|(step, _)| step));
        let mut all = Vec::new();
        for step in steps {
            let Action::Configure { target, account, changes } = &step.action else { continue };
            let Some(sid) = target.sid.filter(|_| target.account == *account) else { continue };
            all.extend(changes.iter().map(|change| Difference {
                account: *account,
                number: target.number,
                sid,
                field: change.field,
                live: change.before.clone(),
            }));
        }
        all
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the file asks for something that cannot be planned as things are.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.troubles.is_empty()
            || !self.short.is_empty()
            || (self.no_effect_is_error && !self.no_effect.is_empty())
            || self.held.iter().any(|held| held.why.is_error())
    }

    /// Whether all that is declared is live, as far as could be seen, or will be once this is done.
    #[must_use]
    pub fn leaves_nothing(&self) -> bool {
        self.troubles.is_empty() && self.short.is_empty() && self.numbers_held() == 0
    }

    /// How many numbers have a declared setting that has no effect.
    #[must_use]
    pub fn numbers_without_effect(&self) -> usize {
        self.no_effect.chunk_by(|a, b| a.number == b.number).count()
    }

    /// How many numbers have something held back.
    #[must_use]
    pub fn numbers_held(&self) -> usize {
        let numbers: BTreeSet<PhoneNumber> = self.held.iter().map(|held| held.number).collect();
        numbers.len() + self.held_earlier
    }

    /// How many actions of a kind there are.
    #[must_use]
    pub fn count(&self, kind: ActionKind) -> usize {
        self.steps.iter().filter(|step| step.action.kind() == kind).count()
    }

    /// How many numbers the plan touches: a move and its configuration are side by side.
    #[must_use]
    pub fn touched(&self) -> usize {
        self.steps.chunk_by(|a, b| a.action.number() == b.action.number()).count()
    }

    /// The account of an index of this plan.
    #[must_use]
    pub fn account(&self, index: AccountIndex) -> &AccountRef {
        &self.accounts[usize::from(index.0)]
    }
}

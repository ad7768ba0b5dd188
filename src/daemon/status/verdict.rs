//! From a plan and what became of it to each declared number's conditions.

use crate::report::names;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::desired::Declared;
use crate::model::number::PhoneNumber;
use crate::plan::outcome::{Outcome, StepEnd};
use crate::plan::{Action, HeldCode, HeldReason, NoEffect, Plan, Reason, Step};
use crate::report::{routing, words};

use super::AccountState;

/// The status of a condition, as Kubernetes has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    True,
    /// It is not so.
    False,
    Unknown,
}

impl Truth {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Why a condition is as it is; for machines in CamelCase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionReason {
    AsDeclared,
    /// No cycle has read it.
    NotObservedYet,
    /// Its account could not be listed.
    AccountInTrouble,
    /// No declared setting is without effect.
    AllInEffect,
    /// Some declared setting is.
    NoEffect,
    /// The plan leaves it as it is.
    Held(HeldCode),
    /// It differs from what is declared.
    Differs(Reason),
    /// An action failed,
    ActionFailed,
    /// or was not sent,
    ActionSkipped,
    /// or was sent and has no known outcome.
    OutcomeUnknown,
    /// The plan is being carried out.
    Reconciling,
    DryRun,
    /// The plan exceeds a limit.
    LimitExceeded,
    /// What the plan spends could not be recorded.
    BudgetNotRecorded,
}

impl fmt::Display for ConditionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsDeclared => "AsDeclared",
            Self::NotObservedYet => "NotObservedYet",
            Self::AccountInTrouble => "AccountInTrouble",
            Self::AllInEffect => "AllInEffect",
            Self::NoEffect => "NoEffect",
            Self::Held(code) => return f.write_str(&camel(code.as_str())),
            Self::Differs(reason) => return f.write_str(&camel(reason.as_str())),
            Self::ActionFailed => "ActionFailed",
            Self::ActionSkipped => "ActionSkipped",
            Self::OutcomeUnknown => "OutcomeUnknown",
            Self::Reconciling => "Reconciling",
            Self::DryRun => "DryRun",
            Self::LimitExceeded => "LimitExceeded",
            Self::BudgetNotRecorded => "BudgetNotRecorded",
        })
    }
}

impl Serialize for ConditionReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A condition, but for its time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// Whether it is so.
    pub status: Truth,
    pub reason: ConditionReason,
    /// Why, for people; empty where there is nothing to say.
    pub message: Arc<str>,
}

/// The conditions of a number. Numbers of which the same can be said share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// All in one word.
    pub standing: NumberStanding,
    /// Whether the number is as declared.
    pub synced: Condition,
    /// Whether something is wrong that the next cycle alone does not repair.
    pub degraded: Condition,
    /// Whether every declared setting has an effect on the caller (law 15).
    pub effective: Condition,
}

/// The state of a number: each is in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberStanding {
    Synced,
    /// Not as declared, and about to be, or would be without `--dry-run`.
    Drifted,
    /// Not as declared, and left so on purpose.
    Held,
    Degraded,
    /// It could not be looked at.
    Unknown,
    /// Its settings are as declared, and some of them have no effect.
    NoEffect,
}

impl NumberStanding {
    /// Every state, in the order of the metric's labels.
    pub const ALL: [Self; 6] =
        [Self::Synced, Self::Drifted, Self::Held, Self::Degraded, Self::Unknown, Self::NoEffect];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Drifted => "drifted",
            Self::Held => "held",
            Self::Degraded => "degraded",
            Self::Unknown => "unknown",
            Self::NoEffect => "no_effect",
        }
    }
}

fn condition(status: Truth, reason: ConditionReason, message: &str) -> Condition {
    Condition { status, reason, message: message.into() }
}

impl Verdict {
    /// Of a number that is as declared.
    pub(super) fn as_declared() -> Self {
        Self {
            standing: NumberStanding::Synced,
            synced: condition(Truth::True, ConditionReason::AsDeclared, ""),
            degraded: condition(Truth::False, ConditionReason::AsDeclared, ""),
            effective: condition(Truth::True, ConditionReason::AllInEffect, ""),
        }
    }

    /// Of a number that no cycle has seen yet.
    pub(super) fn not_observed_yet() -> Self {
        let (reason, message) = (ConditionReason::NotObservedYet, "no cycle has read it yet");
        Self {
            standing: NumberStanding::Unknown,
            synced: condition(Truth::Unknown, reason, message),
            degraded: condition(Truth::Unknown, reason, message),
            effective: condition(Truth::Unknown, reason, message),
        }
    }

    /// Whether it is of an action that failed.
    pub(super) fn says_what_failed(&self) -> bool {
        matches!(
            self.degraded.reason,
            ConditionReason::ActionFailed | ConditionReason::ActionSkipped | ConditionReason::OutcomeUnknown
        )
    }

    /// Whether it is of a number whose next try is not due yet.
    pub(super) fn is_backing_off(&self) -> bool {
        self.degraded.reason == ConditionReason::Held(HeldCode::BackingOff)
    }

    fn not_listed(why: &str) -> Self {
        Self {
            standing: NumberStanding::Unknown,
            synced: condition(Truth::Unknown, ConditionReason::AccountInTrouble, why),
            degraded: condition(Truth::True, ConditionReason::AccountInTrouble, why),
            effective: condition(Truth::Unknown, ConditionReason::AccountInTrouble, why),
        }
    }
}

/// What has become of a plan so far.
#[derive(Debug, Clone)]
pub(super) enum Aftermath {
    /// It is being carried out.
    Underway,
    /// It will not be carried out, which is as it should be.
    DryRun,
    /// It may not be carried out: the reason, and why.
    Blocked(ConditionReason, Arc<str>),
    /// It was carried out.
    Ended,
}

/// What can be said about every declared number.
#[derive(Debug)]
pub(super) struct Judge {
    of_number: HashMap<PhoneNumber, Arc<Verdict>>,
    /// By account: what is said about its numbers otherwise.
    of_account: Vec<Arc<Verdict>>,
    is_underway: bool,
}

impl Judge {
    /// From a plan; `ends` are those of its steps once it was carried out.
    pub(super) fn from_plan(
        plan: &Plan,
        as_declared: &Arc<Verdict>,
        aftermath: Aftermath,
        ends: Option<&[StepEnd]>,
    ) -> Self {
        let mut shared = HashMap::from([(Verdict::clone(as_declared), as_declared.clone())]);
        let mut of_number: HashMap<PhoneNumber, Arc<Verdict>> = HashMap::new();
        for held in &plan.held {
            let message = words::held(plan, held);
            let verdict = of_held(held.why, &message);
            of_number.insert(held.number, share(&mut shared, verdict));
        }
        for (at, step) in plan.steps.iter().enumerate() {
            let end = ends.and_then(|ends| ends.get(at));
            let verdict = of_step(plan, step, &aftermath, end);
            let verdict = share(&mut shared, verdict);
            // A move comes before the configuration after it: what failed first decides. What is done
            // leaves a number that has a setting left out as it is: held.
            let entry = of_number.entry(step.action.number()).or_insert_with(|| verdict.clone());
            let may_be_worse = matches!(entry.standing, NumberStanding::Synced | NumberStanding::Held);
            if may_be_worse && verdict.standing != NumberStanding::Synced {
                *entry = verdict;
            }
        }
        for found in plan.no_effect.chunk_by(|a, b| a.number == b.number) {
            let Some(first) = found.first() else { continue };
            let number = of_number.get(&first.number).unwrap_or(as_declared);
            let verdict = without_effect(number, found, plan.no_effect_is_error);
            let verdict = share(&mut shared, verdict);
            of_number.insert(first.number, verdict);
        }
        let mut of_account = vec![as_declared.clone(); plan.accounts.len()];
        for (account, trouble) in &plan.troubles {
            let why = crate::model::inert::message(&trouble.why, super::MESSAGE_CHARACTERS_MAX);
            of_account[usize::from(account.0)] = Arc::new(Verdict::not_listed(&why));
        }
        Self { of_number, of_account, is_underway: matches!(aftermath, Aftermath::Underway) }
    }

    /// Where nothing was seen.
    pub(super) fn unseen(accounts: &[AccountState]) -> Self {
        let of_account = accounts.iter().map(|account| {
            let why = account.trouble.as_ref().map_or("", |trouble| &trouble.why);
            Arc::new(Verdict::not_listed(why))
        });
        Self { of_number: HashMap::new(), of_account: of_account.collect(), is_underway: false }
    }

    /// Whether the plan is still being carried out.
    pub(super) fn is_underway(&self) -> bool {
        self.is_underway
    }

    /// What is said about a number.
    pub(super) fn verdict(&self, declared: &Declared) -> &Arc<Verdict> {
        self.of_number.get(&declared.number).unwrap_or(&self.of_account[usize::from(declared.account.0)])
    }
}

fn share(shared: &mut HashMap<Verdict, Arc<Verdict>>, verdict: Verdict) -> Arc<Verdict> {
    shared.entry(verdict).or_insert_with_key(|verdict| Arc::new(verdict.clone())).clone()
}

/// The same of a number that has settings without effect.
fn without_effect(verdict: &Verdict, found: &[NoEffect], is_error: bool) -> Verdict {
    let words: Vec<String> = found.iter().map(routing::no_effect).collect();
    let why = crate::model::inert::message(&words.join("; "), super::MESSAGE_CHARACTERS_MAX);
    let mut verdict = verdict.clone();
    verdict.effective = condition(Truth::False, ConditionReason::NoEffect, &why);
    if is_error && verdict.degraded.status != Truth::True {
        verdict.degraded = condition(Truth::True, ConditionReason::NoEffect, &why);
        verdict.standing = NumberStanding::Degraded;
    } else if verdict.standing == NumberStanding::Synced {
        verdict.standing = NumberStanding::NoEffect;
    }
    verdict
}

fn of_held(why: HeldReason, message: &str) -> Verdict {
    let reason = ConditionReason::Held(why.code());
    if matches!(why, HeldReason::AccountInTrouble { .. }) {
        return Verdict::not_listed(message);
    }
    let (standing, status) = match why.is_error() {
        true => (NumberStanding::Degraded, Truth::True),
        false => (NumberStanding::Held, Truth::False),
    };
    Verdict {
        standing,
        synced: condition(Truth::False, reason, message),
        degraded: condition(status, reason, if why.is_error() { message } else { "" }),
        effective: condition(Truth::True, ConditionReason::AllInEffect, ""),
    }
}

/// What is said about a number by one step of a plan.
pub(super) fn of_step(plan: &Plan, step: &Step, aftermath: &Aftermath, end: Option<&StepEnd>) -> Verdict {
    if matches!(aftermath, Aftermath::Ended) && end.is_some_and(|end| end.outcome.is_settled()) {
        return Verdict::as_declared();
    }
    let synced = condition(Truth::False, ConditionReason::Differs(step.reason), &difference(plan, step));
    let degraded = match (aftermath, end) {
        (Aftermath::Blocked(reason, why), _) => condition(Truth::True, *reason, why),
        (Aftermath::Ended, Some(end)) => {
            let reason = match end.outcome {
                Outcome::Succeeded | Outcome::Failed(_) => ConditionReason::ActionFailed,
                Outcome::Skipped(_) => ConditionReason::ActionSkipped,
                Outcome::Unknown(_) => ConditionReason::OutcomeUnknown,
            };
            let why = end.outcome.error().unwrap_or_default();
            let why = crate::model::inert::message(&why, super::MESSAGE_CHARACTERS_MAX);
            condition(Truth::True, reason, &format!("{}: {why}", step.action.kind().as_str()))
        }
        (Aftermath::Underway, _) => condition(Truth::False, ConditionReason::Reconciling, ""),
        (Aftermath::DryRun | Aftermath::Ended, _) => condition(Truth::False, ConditionReason::DryRun, ""),
    };
    let standing =
        if degraded.status == Truth::True { NumberStanding::Degraded } else { NumberStanding::Drifted };
    // What has no effect is said about the whole number.
    Verdict {
        standing,
        synced,
        degraded,
        effective: condition(Truth::True, ConditionReason::AllInEffect, ""),
    }
}

fn difference(plan: &Plan, step: &Step) -> String {
    match &step.action {
        Action::Configure { changes, .. } => {
            let fields: Vec<&str> = changes.iter().map(|change| change.field.json_name()).collect();
            format!("live settings differ: {}", fields.join(", "))
        }
        Action::Transfer { target, to, .. } => format!(
            "it lives in {} and is declared in {}",
            names::account(plan, target.account),
            names::account(plan, *to)
        ),
        Action::Purchase { .. } => words::reason(Reason::Missing).to_owned(),
        Action::Release { .. } => words::reason(step.reason).to_owned(),
    }
}

fn camel(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for part in word.split('_') {
        let mut letters = part.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

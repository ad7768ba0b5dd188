//! What differs between the files and what is live, and how: the present differences, and the last
//! ones that were repaired.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::model::action_kind::ActionKind;
use crate::model::inert;
use crate::model::number::PhoneNumber;
use crate::model::settings::Value;
use crate::plan::outcome::{Report, StepEnd};
use crate::plan::{Action, Plan, Step};
use crate::report::delta::deltas;

use super::{MESSAGE_CHARACTERS_MAX, StatusTime};

/// At most this many present differences are told in full; all of them are counted.
const TOLD_MAX: usize = 500;
/// At most this many that are repaired are remembered.
const MENDED_MAX: usize = 100;

/// One difference, with what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    pub number: PhoneNumber,
    /// The name of the account that it is to be in, or was in, for a release.
    pub account: Arc<str>,
    pub kind: ActionKind,
    /// Why, as in a plan.
    pub reason: &'static str,
    pub changes: Arc<[DriftChange]>,
    /// Who changed what, as far as the audit log tells it: `voice.url changed 2026-11-28 …`.
    pub changed_by: Arc<[Box<str>]>,
    /// When it was seen first.
    pub found: StatusTime,
    /// Why it is left as it is, by its code, where it is not to be repaired now.
    pub held: Option<&'static str>,
    /// When the action ended, how, and with which error.
    pub ended: Option<(StatusTime, &'static str, Option<Arc<str>>)>,
}

/// One field. Its values are without their secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftChange {
    /// The field; `account` for a move.
    pub field: &'static str,
    pub before: Option<Arc<str>>,
    /// What the files say.
    pub after: Option<Arc<str>>,
    /// Whether nothing but a secret differs, so that both look the same.
    pub secret_changed: bool,
}

/// The last differences that a cycle found, the newest last.
#[derive(Debug, Clone, Default)]
pub struct Drifts {
    /// How many there are now.
    pub total: usize,
    /// Those that are there, in the order of the plan; the first of many.
    pub now: Arc<Vec<Drift>>,
    /// Those that a hold, a pause or the like leaves as they are; the first of many.
    pub held: Arc<Vec<Drift>>,
    /// Those that were repaired, the latest first.
    pub mended: Arc<VecDeque<Drift>>,
    /// How many numbers the last plan found different, by field.
    pub by_field: BTreeMap<&'static str, usize>,
}

/// The fields that a step is about, as `numctl_drift` names them: `account` for a move,
/// `phone_number` for a number that is missing or is to go.
pub fn fields_of(step: &Step) -> impl Iterator<Item = &'static str> {
    let (changes, other) = match &step.action {
        Action::Configure { changes, .. } => (changes.as_slice(), None),
        Action::Transfer { .. } => (&[][..], Some("account")),
        Action::Purchase { .. } | Action::Release { .. } => (&[][..], Some("phone_number")),
    };
    changes.iter().map(|change| change.field.json_name()).chain(other)
}

/// The text of a value without its secrets; that of the value itself, where it has none.
pub(super) fn shared(value: &Value) -> Arc<str> {
    let masked = value.masked();
    match value {
        Value::Text(text) | Value::Url(text) | Value::Foreign(text) if **text == *masked => text.clone(),
        _ => masked.into(),
    }
}

impl Drifts {
    /// Takes a plan: these are the differences.
    pub(super) fn planned(&mut self, plan: &Plan, now: StatusTime) {
        self.by_field.clear();
        for field in plan.steps.iter().flat_map(fields_of) {
            *self.by_field.entry(field).or_default() += 1;
        }
        self.total = plan.steps.len();
        self.wait(plan, now);
        self.keep(plan.steps.iter().map(|step| told(plan, step, now)));
    }

    /// A step did what it was to do.
    pub(super) fn mended(&mut self, plan: &Plan, step: usize, end: &StepEnd, now: StatusTime) {
        let mut drift = ended(plan, &plan.steps[step], end, now);
        let present = Arc::make_mut(&mut self.now);
        since(&mut drift, present);
        present.retain(|known| (known.number, known.kind) != (drift.number, drift.kind));
        self.total = self.total.saturating_sub(1);
        let mended = Arc::make_mut(&mut self.mended);
        mended.push_front(drift);
        mended.truncate(MENDED_MAX);
    }

    /// A step did not do what it was to do.
    pub(super) fn failed(&mut self, plan: &Plan, step: usize, end: &StepEnd, now: StatusTime) {
        let mut drift = ended(plan, &plan.steps[step], end, now);
        since(&mut drift, &self.now);
        let is_it = |known: &&mut Drift| (known.number, known.kind) == (drift.number, drift.kind);
        if let Some(known) = Arc::make_mut(&mut self.now).iter_mut().find(is_it) {
            *known = drift;
        }
    }

    /// Takes what became of a plan; what was repaired has been [told](Self::mended).
    pub(super) fn ended(&mut self, report: &Report, now: StatusTime) {
        let plan = &report.plan;
        if plan.is_empty() {
            self.by_field.clear();
        }
        let left = || plan.steps.iter().zip(&report.ends).filter(|(_, end)| !end.outcome.is_settled());
        self.total = left().count();
        self.wait(plan, now);
        self.keep(left().map(|(step, end)| ended(plan, step, end, now)));
    }

    /// Takes what a plan leaves as it is.
    fn wait(&mut self, plan: &Plan, now: StatusTime) {
        let waiting = plan.waiting.iter().take(TOLD_MAX).map(|(step, why)| {
            let mut drift = Drift { held: Some(why.code().as_str()), ..told(plan, step, now) };
            since(&mut drift, &self.held);
            since(&mut drift, &self.now);
            drift
        });
        self.held = Arc::new(waiting.collect());
    }

    fn keep(&mut self, drifts: impl Iterator<Item = Drift>) {
        let mut drifts: Vec<Drift> = drifts.take(TOLD_MAX).collect();
        for drift in &mut drifts {
            since(drift, &self.held);
            since(drift, &self.now);
        }
        self.now = Arc::new(drifts);
    }
}

/// A difference that was there before was found then.
fn since(drift: &mut Drift, before: &[Drift]) {
    let is_same = |known: &&Drift| {
        (known.number, known.kind) == (drift.number, drift.kind) && known.changes == drift.changes
    };
    if let Some(known) = before.iter().find(is_same) {
        drift.found = known.found;
    }
}

fn ended(plan: &Plan, step: &Step, end: &StepEnd, now: StatusTime) -> Drift {
    let error = end.outcome.error().map(|text| inert::message(&text, MESSAGE_CHARACTERS_MAX).into());
    Drift { ended: Some((now, end.outcome.as_str(), error)), ..told(plan, step, now) }
}

/// Who changed what a step puts right.
fn changed_by(plan: &Plan, action: &Action) -> Arc<[Box<str>]> {
    let fields = deltas(action).map(|delta| delta.field);
    let causes = fields.filter_map(|field| Some((field, plan.causes.find(action.number(), field)?)));
    causes.map(|(field, cause)| format!("{} changed {cause}", field.json_name()).into()).collect()
}

fn told(plan: &Plan, step: &Step, now: StatusTime) -> Drift {
    let action = &step.action;
    let account = plan.account(action.account()).name.clone();
    let changes = match action {
        Action::Transfer { target, .. } => vec![DriftChange {
            field: "account",
            before: Some(plan.account(target.account).name.clone()),
            after: Some(account.clone()),
            secret_changed: false,
        }],
        Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => deltas(action)
            .map(|delta| DriftChange {
                field: delta.field.json_name(),
                before: delta.before.as_deref().map(shared),
                after: delta.after.as_deref().map(shared),
                secret_changed: delta.is_secret_only(),
            })
            .collect(),
    };
    Drift {
        number: action.number(),
        account,
        kind: action.kind(),
        reason: step.reason.as_str(),
        changes: changes.into(),
        changed_by: changed_by(plan, action),
        found: now,
        held: None,
        ended: None,
    }
}

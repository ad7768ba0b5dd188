//! How the last cycles went, and what was counted over all of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::guard::budget::Generation;
use crate::guard::memory::Extent;
use crate::model::action_kind::ActionKind;
use crate::model::inert;
use crate::plan::Plan;
use crate::plan::outcome::OutcomeKind;
use crate::reconcile::Pass;
use crate::report::{claim_words, words};

use super::{Finish, MESSAGE_CHARACTERS_MAX, StatusTime};

/// At most this many cycles are remembered.
const PAST_MAX: usize = 50;

/// The upper bounds of the histogram of cycle times, in seconds.
pub const DURATION_BUCKETS: [f64; 12] =
    [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 1_800.0];

/// The outcome of a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CycleResult {
    /// Everything is as declared.
    InSync,
    /// The same, and some declared settings have no effect.
    NoEffect,
    /// There is nothing to do now, and something is held back.
    Held,
    /// There is nothing to do, as far as the accounts could be listed.
    InTrouble,
    /// Every action did what it was to do.
    Done,
    /// A dry run found something to do.
    Drift,
    /// Some actions did not do what they were to do.
    Incomplete,
    /// A person stopped it between actions.
    Interrupted,
    /// The plan goes beyond a limit.
    Refused,
    /// No account could be listed.
    NotObserved,
    /// What the plan spends could not be written down.
    NotRecorded,
    /// The budget could not be read.
    NotBegun,
    /// A person stopped it before there was a plan.
    Stopped,
}

impl CycleResult {
    /// Every result, in the order of the metric's labels.
    pub const ALL: [Self; 13] = [
        Self::InSync,
        Self::NoEffect,
        Self::Held,
        Self::InTrouble,
        Self::Done,
        Self::Drift,
        Self::Incomplete,
        Self::Interrupted,
        Self::Refused,
        Self::NotObserved,
        Self::NotRecorded,
        Self::NotBegun,
        Self::Stopped,
    ];

    /// The word for it, in metrics and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in_sync",
            Self::NoEffect => "no_effect",
            Self::Held => "held",
            Self::InTrouble => "in_trouble",
            Self::Done => "done",
            Self::Drift => "drift",
            Self::Incomplete => "incomplete",
            Self::Interrupted => "interrupted",
            Self::Refused => "refused",
            Self::NotObserved => "not_observed",
            Self::NotRecorded => "not_recorded",
            Self::NotBegun => "not_begun",
            Self::Stopped => "stopped",
        }
    }

    fn is_success(self) -> bool {
        match self {
            Self::InSync | Self::NoEffect | Self::Held | Self::Done | Self::Drift => true,
            Self::InTrouble
            | Self::Incomplete
            | Self::Interrupted
            | Self::Refused
            | Self::NotObserved
            | Self::NotRecorded
            | Self::NotBegun
            | Self::Stopped => false,
        }
    }
}

/// How long a cycle took, and how long it is until the next one.
#[derive(Debug, Clone, Copy)]
pub struct CycleTiming {
    pub took: Duration,
    pub next: Duration,
}

/// What came of one cycle.
#[derive(Debug, Clone)]
pub struct Past {
    pub at: StatusTime,
    /// How long it took.
    pub took: Duration,
    /// Its outcome.
    pub result: CycleResult,
    /// How much it looked at.
    pub extent: Extent,
    pub generation: Option<Generation>,
    /// What its plan had, by [`ActionKind::ALL`].
    pub planned: [usize; ActionKind::ALL.len()],
    /// What became of its actions.
    pub outcomes: BTreeMap<OutcomeKind, usize>,
    /// What was held back.
    pub held: usize,
    /// Numbers that were as declared.
    pub unchanged: usize,
    pub error: Option<Arc<str>>,
}

impl<'a> From<&'a Pass> for Finish<'a> {
    fn from(pass: &'a Pass) -> Self {
        match pass {
            Pass::Stopped => Self::Stopped,
            Pass::NotObserved(failed) => Self::NotObserved(failed),
            // A daemon's sources never give these: they belong to one plan that was chosen earlier.
            Pass::Impossible(_) => Self::Stopped,
            Pass::Stale(plan, _)
            | Pass::HeldSince(plan)
            | Pass::OtherAccepted(plan, _)
            | Pass::Planned(plan) => Self::Planned(plan),
            Pass::Refused(plan, refusal) => Self::Refused(plan, refusal),
            Pass::NotRecorded(plan, error) => Self::NotRecorded(plan, error),
            Pass::Executed(report) => Self::Executed(report),
        }
    }
}

impl<'a> Finish<'a> {
    /// The plan, where there is one.
    #[must_use]
    pub fn plan(&self) -> Option<&'a Plan> {
        match self {
            Self::Stopped | Self::NotObserved(_) | Self::NotBegun(_) => None,
            Self::Refused(plan, _) | Self::Planned(plan) | Self::NotRecorded(plan, _) => Some(plan),
            Self::Executed(report) => Some(&report.plan),
        }
    }

    /// The outcome of the cycle.
    #[must_use]
    pub fn result(&self) -> CycleResult {
        match self {
            Self::Stopped => CycleResult::Stopped,
            Self::NotObserved(_) => CycleResult::NotObserved,
            Self::NotBegun(_) => CycleResult::NotBegun,
            Self::Refused(..) => CycleResult::Refused,
            Self::Planned(plan) if plan.is_empty() => quiet(plan),
            Self::Planned(_) => CycleResult::Drift,
            Self::NotRecorded(..) => CycleResult::NotRecorded,
            Self::Executed(report) if report.plan.is_empty() => quiet(&report.plan),
            Self::Executed(report) if report.is_settled() => CycleResult::Done,
            Self::Executed(report) if report.interrupted => CycleResult::Interrupted,
            Self::Executed(_) => CycleResult::Incomplete,
        }
    }

    /// What went wrong first.
    fn error(&self) -> Option<String> {
        match self {
            Self::Stopped | Self::Planned(_) => None,
            Self::NotObserved(failed) => failed.first().map(|(_, error)| error.to_string()),
            Self::NotBegun(why) => Some((*why).to_owned()),
            Self::Refused(..) => Some("refused by a limit".to_owned()),
            Self::NotRecorded(_, error) => Some(error.to_string()),
            // Whoever stopped it knows why.
            Self::Executed(report) if report.interrupted => None,
            Self::Executed(report) => {
                let first = report.ends.iter().find(|end| !end.outcome.is_settled());
                first.and_then(|end| end.outcome.error())
            }
        }
    }
}

/// What a plan without actions says about the fleet.
fn quiet(plan: &Plan) -> CycleResult {
    match (plan.troubles.is_empty(), plan.leaves_nothing()) {
        (true, true) if !plan.no_effect.is_empty() => CycleResult::NoEffect,
        (true, true) => CycleResult::InSync,
        (true, false) => CycleResult::Held,
        (false, _) => CycleResult::InTrouble,
    }
}

impl Past {
    pub(super) fn from_report(
        finish: &Finish<'_>,
        extent: Extent,
        at: StatusTime,
        took: Duration,
        generation: Option<Generation>,
    ) -> Self {
        let plan = finish.plan();
        let mut outcomes = BTreeMap::new();
        if let Finish::Executed(report) = finish {
            for end in &report.ends {
                *outcomes.entry(end.outcome.kind()).or_default() += 1;
            }
        }
        let trouble = plan.and_then(|plan| plan.troubles.first()).map(|(_, trouble)| trouble.why.clone());
        let held = plan.and_then(|plan| Some((plan, plan.held.iter().find(|held| held.why.is_error())?)));
        let short = plan.and_then(|plan| Some((plan, plan.short.first()?)));
        let error = finish
            .error()
            .or(trouble)
            .or_else(|| held.map(|(plan, held)| words::held(plan, held)))
            .or_else(|| short.map(|(plan, short)| claim_words::shortfall(plan, short)));
        Self {
            at,
            took,
            result: finish.result(),
            extent,
            generation,
            planned: plan.map_or([0; 4], |plan| ActionKind::ALL.map(|kind| plan.count(kind))),
            outcomes,
            held: plan.map_or(0, |plan| plan.held.len() + plan.short.len()),
            unchanged: plan.map_or(0, |plan| plan.unchanged),
            error: error.map(|text| inert::message(&text, MESSAGE_CHARACTERS_MAX).into()),
        }
    }

    /// Whether it left nothing to do, as far as it could see.
    pub(super) fn is_success(&self) -> bool {
        self.result.is_success() && self.error.is_none()
    }
}

pub(super) fn push(history: &mut Vec<Past>, past: Past) {
    if history.len() >= PAST_MAX {
        history.remove(0);
    }
    history.push(past);
}

/// A histogram of how long cycles took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Durations {
    /// How many took at most as long as each of [`DURATION_BUCKETS`].
    pub at_most: [u64; DURATION_BUCKETS.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
}

/// What was counted since the start.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// How long cycles took.
    pub durations: Durations,
    /// Cycles by their outcome.
    pub cycles: BTreeMap<CycleResult, u64>,
    /// Actions by kind and outcome.
    pub actions: BTreeMap<(ActionKind, OutcomeKind), u64>,
}

impl Totals {
    pub(super) fn add(&mut self, past: &Past, finish: &Finish<'_>) {
        self.durations.count += 1;
        self.durations.sum += past.took;
        let seconds = past.took.as_secs_f64();
        for (count, bound) in self.durations.at_most.iter_mut().zip(DURATION_BUCKETS) {
            *count += u64::from(seconds <= bound);
        }
        *self.cycles.entry(past.result).or_default() += 1;
        if let Finish::Executed(report) = finish {
            for (step, end) in report.plan.steps.iter().zip(&report.ends) {
                *self.actions.entry((step.action.kind(), end.outcome.kind())).or_default() += 1;
            }
        }
    }
}

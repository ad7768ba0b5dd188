//! Numbers that someone else keeps writing: what was set as declared is found changed, again and
//! again.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::number::PhoneNumber;
use crate::model::settings::{Field, Want};
use crate::plan::outcome::Report;
use crate::plan::{Action, HeldReason, Plan, Step};

/// So often within the window is no accident.
const TIMES: usize = 10;
/// The window is this long at least,
const WINDOW: Duration = Duration::from_secs(3_600);
/// and this many intervals.
const INTERVALS: u32 = 20;

/// What was written, and what became of it.
#[derive(Debug)]
pub(super) struct Flaps {
    window: Duration,
    written: BTreeMap<PhoneNumber, WrittenFlap>,
}

#[derive(Debug)]
struct WrittenFlap {
    /// What was set last.
    wants: Box<[(Field, Want)]>,
    at: Duration,
    /// Whether not looked up since.
    is_fresh: bool,
    /// When it was found changed, the latest last.
    undone: Vec<Duration>,
}

impl WrittenFlap {
    /// A planned change of what was set to just that.
    fn undone_field(&self, action: &Action) -> Option<Field> {
        let Action::Configure { changes, .. } = action else { return None };
        let again = changes.iter().find(|change| {
            self.wants.iter().any(|(field, want)| *field == change.field && *want == change.want)
        });
        again.map(|change| change.field)
    }
}

impl Flaps {
    pub(super) fn new(interval: Duration) -> Self {
        Self { window: WINDOW.max(interval.saturating_mul(INTERVALS)), written: BTreeMap::new() }
    }

    pub(super) fn hold_back(&mut self, plan: &mut Plan, now: Duration) {
        let window = self.window;
        self.written.retain(|_, written| {
            // A clock that was set back must not make an entry last for ever.
            written.at = written.at.min(now);
            written.undone.retain(|at| *at <= now && now.saturating_sub(*at) < window);
            now.saturating_sub(written.at) < window || !written.undone.is_empty()
        });
        for step in &plan.steps {
            if let Some(written) = self.written.get_mut(&step.action.number())
                && written.is_fresh
                && written.undone_field(&step.action).is_some()
            {
                written.is_fresh = false;
                written.undone.push(now);
            }
        }
        let flapping = |step: &Step| {
            let written = self.written.get(&step.action.number())?;
            let field = written.undone_field(&step.action)?;
            (written.undone.len() >= TIMES).then_some(HeldReason::Flapping { field })
        };
        if plan.steps.iter().any(|step| flapping(step).is_some()) {
            plan.hold(flapping);
        }
    }

    pub(super) fn settle(&mut self, report: &Report, now: Duration) {
        for (step, end) in report.plan.steps.iter().zip(&report.ends) {
            let Action::Configure { changes, .. } = &step.action else { continue };
            let number = step.action.number();
            if !end.outcome.is_settled() {
                continue;
            }
            let wants = changes.iter().map(|change| (change.field, change.want.clone())).collect();
            let undone = self.written.remove(&number).map(|written| written.undone).unwrap_or_default();
            self.written.insert(number, WrittenFlap { wants, at: now, is_fresh: true, undone });
        }
    }

    pub(super) fn forgive(&mut self) {
        self.written.values_mut().for_each(|written| written.undone.clear());
    }
}

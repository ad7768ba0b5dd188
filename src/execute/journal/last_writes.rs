//! What numctl itself left of each setting: where that is still live, no one else has changed it.

use std::collections::BTreeMap;

use super::{Record, Recorded, RunId, StepRecord};
use crate::model::number::PhoneNumber;
use crate::model::settings::Field;
use crate::plan::Difference;
use crate::plan::outcome::OutcomeKind;

/// The last value that numctl wrote of each setting; `None` cleared it.
#[derive(Debug, Default)]
pub struct LastWrites {
    left: BTreeMap<(PhoneNumber, Field), Option<Recorded>>,
    /// The steps of the run that is being read.
    open: BTreeMap<(RunId, usize), StepRecord>,
}

impl LastWrites {
    /// Takes the next record of the journal.
    pub fn take(&mut self, record: Record) {
        match record {
            Record::Run(_) => self.open.clear(),
            Record::Step(step) => {
                self.open.insert((step.run.clone(), step.step), step);
            }
            Record::Ended(end) => {
                if let Some(step) = self.open.remove(&(end.run, end.step))
                    && end.outcome == OutcomeKind::Succeeded
                {
                    let after = step.after.into_iter();
                    self.left.extend(after.map(|(field, value)| ((step.number, field), value)));
                }
            }
            Record::Done(_) | Record::Look(_) | Record::Known(_) | Record::Set(_) | Record::Mended => {}
        }
    }

    /// Whether what is live is what numctl left there: then the files changed, and no one else did. `None`
    /// where it never wrote the setting.
    #[must_use]
    pub fn left(&self, difference: &Difference) -> Option<bool> {
        let field = difference.field;
        let live = difference.live.clone().or_else(|| field.default_value());
        Some(match self.left.get(&(difference.number, field))? {
            None => live == field.default_value(),
            Some(left) => live.is_some_and(|live| left.is(field, &live)),
        })
    }
}

//! Writes down each purchase for a claim right before it is sent, and not sooner: what is written down and
//! never sent would be held back for 15 minutes after a crash.

use std::collections::BTreeMap;

use tracing::error;

use crate::execute::{Asked, ToNote};
use crate::guard::intents::{Intent, Intents};
use crate::model::claim::Slot;
use crate::plan::Plan;

use super::Hooks;

/// The notes of one run. Purchases whose turns come together share one write to the disk, or to the Lease.
pub(super) struct Notes<'a, H> {
    hooks: &'a H,
    intents: &'a mut Intents,
    /// The steps that mark a number, and have not been noted yet.
    steps: BTreeMap<usize, (Slot, Intent)>,
}

impl<'a, H: Hooks> Notes<'a, H> {
    pub(super) fn new(hooks: &'a H, intents: &'a mut Intents, plan: &Plan) -> Self {
        let steps = plan.steps.iter().enumerate();
        let steps = steps.filter_map(|(at, step)| Some((at, Intents::about_to(&step.action)?)));
        Self { hooks, intents, steps: steps.collect() }
    }

    /// Notes what is asked for, for as long as there may be more.
    pub(super) async fn keep(mut self, mut asked: ToNote) {
        while let Some(batch) = asked.next().await {
            self.note(batch).await;
        }
    }

    async fn note(&mut self, batch: Vec<Asked>) {
        let mut opened = Vec::new();
        for asked in &batch {
            // A second send of the same step is noted already.
            if let Some((slot, intent)) = self.steps.remove(&asked.step) {
                let before = self.intents.put(slot.clone(), intent.clone());
                opened.push((asked.step, slot, intent, before));
            }
        }
        let kept = if opened.is_empty() { Ok(()) } else { self.hooks.note(self.intents).await };
        if let Err(error) = &kept {
            error!(%error, "what is about to be bought cannot be written down: it is not sent");
            for (step, slot, intent, before) in opened {
                self.intents.restore(&slot, before);
                self.steps.insert(step, (slot, intent));
            }
        }
        for asked in batch {
            let is_noted = !self.steps.contains_key(&asked.step);
            asked.answer(is_noted);
        }
    }
}

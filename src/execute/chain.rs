//! The steps of one number, one after the other.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{Instrument, info_span, warn};

use super::notebook::StepNote;
use super::run::{ActionDone, Event, Run, Stop};
use super::trace::Trace;
use super::transfer::Arrived;
use crate::client::api::error::ErrorKind;
use crate::client::transport::Transport;
use crate::model::action_kind::ActionKind;
use crate::model::inert::spelt_out;
use crate::model::number::NumberRef;
use crate::model::settings::Managed;
use crate::plan::Action;
use crate::plan::outcome::{Outcome, Skip, StepEnd};

/// How often a run that is to end asks an action whether it has something to finish.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

impl<T: Transport> Run<'_, T> {
    /// Carries out the steps of one number, one after the other.
    pub(super) async fn chain(&self, steps: Vec<usize>) -> Vec<(usize, StepEnd)> {
        let mut ends: Vec<(usize, StepEnd)> = Vec::with_capacity(steps.len());
        let mut arrived = None;
        for step in steps {
            let action = &self.plan.steps[step].action;
            if let Some(skip) = self.reason_to_skip(action, &ends) {
                ends.push((step, StepEnd { outcome: Outcome::Skipped(skip), attempts: 0, instead: None }));
                continue;
            }
            (self.on_event)(Event::Started { step });
            let is_configured_next = self.plan.steps.get(step + 1).is_some_and(|next| {
                next.action.kind() == ActionKind::Configure && next.action.number() == action.number()
            });
            let note = action.marks().map(|_| StepNote { step, notebook: self.notebook });
            let trace = Trace::new(!ends.is_empty(), self.brake, note);
            let end = self.step(action, is_configured_next, &mut arrived, trace).await;
            ends.push((step, end));
        }
        ends
    }

    fn reason_to_skip(&self, action: &Action, before: &[(usize, StepEnd)]) -> Option<Skip> {
        let acting = self.acting(action);
        if before.iter().any(|(_, end)| !end.outcome.is_settled()) {
            Some(Skip::EarlierFailed)
        } else if self.stopping() {
            Some(Skip::Interrupted)
        } else if let (Some(brake), true) = ((self.brake)(), before.is_empty()) {
            // What follows on a step of the same number that was carried out finishes it.
            Some(Skip::Braked(brake))
        } else if self.refused(acting).get() {
            Some(Skip::AccountRefused)
        } else if self.client(acting).is_unreachable() {
            Some(Skip::Unreachable)
        } else if self.client(acting).has_lost_the_lease() {
            Some(Skip::LostLock)
        } else {
            None
        }
    }

    async fn step<'p>(
        &'p self,
        action: &'p Action,
        is_configured_next: bool,
        arrived: &mut Option<(Arrived, &'p Managed)>,
        trace: Trace<'_>,
    ) -> StepEnd {
        let span = info_span!(
            "action",
            kind = action.kind().as_str(),
            number = %action.number(),
            account = %spelt_out(&self.plan.account(action.account()).name),
        );
        let work = self.carry_out(action, is_configured_next, arrived, &trace);
        // Only reads so far, or a wait that may take minutes: nothing to finish.
        let drained = async {
            self.stopped(Stop::Drain).await;
            while trace.has_something_to_finish() {
                sleep(LOOK_AGAIN).await;
            }
        };
        let outcome = tokio::select! {
            biased;
            () = self.stopped(Stop::Now) => trace.abandoned(),
            () = drained => Outcome::Skipped(Skip::Interrupted),
            done = work.instrument(span.clone()) => match done {
                Ok(()) => Outcome::Succeeded,
                Err(outcome) => outcome,
            },
        };
        // What was never sent was not tried.
        let outcome = match &outcome {
            Outcome::Failed(_) if trace.attempts() == 0 && is_unreachable(&outcome) => {
                Outcome::Skipped(Skip::Unreachable)
            }
            _ => outcome,
        };
        let _entered = span.entered();
        if let Outcome::Failed(failure) | Outcome::Unknown(failure) = &outcome {
            let request_id = outcome.api_error().and_then(|error| error.request_id.as_deref());
            warn!(outcome = outcome.as_str(), error = ?failure.to_string(), ?request_id, "an action did not succeed");
            if outcome.api_error().is_some_and(|error| error.kind == ErrorKind::Unauthorized) {
                self.refused(self.acting(action)).set(true);
            }
        } else {
            tracing::info!(outcome = outcome.as_str(), "action ended");
        }
        StepEnd { outcome, attempts: trace.attempts(), instead: trace.number() }
    }

    /// Carries out one action. What a transfer brought stays in `arrived` for the configuration that
    /// follows it.
    async fn carry_out<'p>(
        &'p self,
        action: &'p Action,
        is_configured_next: bool,
        arrived: &mut Option<(Arrived, &'p Managed)>,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        // Before the first look, too: what is not to be written need not be read.
        if let Err(unproven) = self.client(self.acting(action)).prove().await {
            return Err(Outcome::Failed(unproven.into()));
        }
        match action {
            Action::Purchase { number, account, settings, claim } => {
                self.purchase(*number, *account, settings, claim.as_deref(), trace).await
            }
            Action::Transfer { target, to, settings } => {
                let there = self.transfer(target, *to, settings, trace).await?;
                if is_configured_next {
                    *arrived = Some((there, settings));
                    return Ok(());
                }
                // Nothing differed before the move; what the move cleared is put back at once.
                self.settle(
                    *to,
                    NumberRef { sid: there.sid, number: target.number },
                    settings,
                    &there.live,
                    trace,
                )
                .await
            }
            Action::Configure { target, account, changes } => match arrived.take() {
                Some((there, settings)) => {
                    let number = NumberRef { sid: there.sid, number: target.number };
                    self.settle(*account, number, settings, &there.live, trace).await
                }
                None => {
                    let wants = changes.iter().map(|change| (change.field, change.want.clone())).collect();
                    self.configure(target, *account, wants, trace).await
                }
            },
            Action::Release { target } => self.release(target, trace).await,
        }
    }
}

fn is_unreachable(outcome: &Outcome) -> bool {
    outcome.api_error().is_some_and(|error| error.kind == ErrorKind::Unreachable)
}

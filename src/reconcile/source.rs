//! Where a plan comes from: files, a saved plan, an adoption, an undo.

use std::time::Duration;

use crate::desired::AccountRef;
use crate::desired::narrowing::Narrowing;
use crate::desired::{Desired, Limits};
use crate::execute::journal::{self, AccountsAtStart, JournalRun, UndoError};
use crate::guard::saved_plan::SavedPlan;
use crate::guard::standstill::Holds;
use crate::model::number::PhoneNumber;
use crate::model::settings::Field;
use crate::observed::Observed;
use crate::observed::wanted::WantedDetails;
use crate::plan::claims::{self, AdoptError};
use crate::plan::stale::stale;
use crate::plan::{Action, Plan, plan, plan_part};

use super::Pass;

/// Where a plan comes from.
#[derive(Debug, Clone, Copy)]
pub enum PlanSource<'a> {
    /// What the files declare.
    Files(&'a Desired),
    /// A plan that was made and approved earlier.
    Saved {
        saved: &'a SavedPlan,
        /// What its files declare by now, where they can be read: their pauses and holds count too.
        files: Option<&'a Desired>,
    },
    /// A live number becomes one of a claim's.
    Adoption { desired: &'a Desired, claim: &'a str, number: PhoneNumber },
    /// What takes an earlier run back.
    Undo { desired: &'a Desired, run: &'a JournalRun },
}

/// Why a source makes no plan.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    #[error(transparent)]
    Adoption(#[from] AdoptError),
    #[error(transparent)]
    Undo(#[from] UndoError),
}

/// What has to be known to see whether a plan still fits: which Messaging Service the numbers are in that it
/// puts into one, or takes out.
pub(super) fn wanted_by(plan: &Plan) -> Vec<WantedDetails> {
    let mut all = vec![WantedDetails::default(); plan.accounts.len()];
    for step in &plan.steps {
        if let Action::Configure { target, changes, .. } = &step.action {
            let services = changes.iter().any(|change| change.field == Field::SmsServiceSid);
            let account = &mut all[usize::from(target.account.0)];
            *account = account.and(WantedDetails { services, ..WantedDetails::default() });
        }
    }
    all
}

impl<'a> PlanSource<'a> {
    /// The files, where there are any: a saved plan is applied without them.
    pub(super) fn desired(&self) -> Option<&'a Desired> {
        match *self {
            Self::Files(desired) | Self::Adoption { desired, .. } | Self::Undo { desired, .. } => {
                Some(desired)
            }
            Self::Saved { .. } => None,
        }
    }

    /// What has to be known beside the numbers, by account.
    pub(super) fn wanted(&self) -> Vec<WantedDetails> {
        match *self {
            Self::Files(desired) | Self::Adoption { desired, .. } => WantedDetails::from_desired(desired),
            Self::Undo { desired, run } => {
                let is_undone = run.steps.iter().any(|step| step.after.contains_key(&Field::SmsServiceSid));
                let services = WantedDetails { services: is_undone, ..WantedDetails::default() };
                WantedDetails::from_desired(desired).into_iter().map(|wanted| wanted.and(services)).collect()
            }
            Self::Saved { saved, .. } => wanted_by(&saved.plan),
        }
    }

    pub(super) fn limits(&self) -> &'a Limits {
        match *self {
            Self::Files(desired) | Self::Adoption { desired, .. } | Self::Undo { desired, .. } => {
                &desired.policy.limits
            }
            Self::Saved { saved, .. } => &saved.limits,
        }
    }

    /// Everything that the files say about when the plan's numbers may be changed.
    pub(super) fn holds(&self, plan: &Plan) -> Vec<Holds> {
        match *self {
            Self::Files(desired) | Self::Adoption { desired, .. } | Self::Undo { desired, .. } => {
                vec![Holds::from_plan(desired, plan)]
            }
            Self::Saved { saved, files } => {
                let now = files.map(|desired| Holds::named(desired, plan));
                [saved.holds.clone()].into_iter().chain(now).collect()
            }
        }
    }

    /// Whether it has numbers that are declared by need.
    pub(super) fn has_claims(&self) -> bool {
        match *self {
            Self::Files(desired) | Self::Adoption { desired, .. } | Self::Undo { desired, .. } => {
                !desired.claims.is_empty()
            }
            Self::Saved { saved, .. } => saved.has_claims(),
        }
    }

    /// The plan for what is live.
    pub(super) fn plan(
        &self,
        observed: &Observed,
        accounts: &[AccountRef],
        worlds: &[AccountsAtStart],
        now: Duration,
        narrowing: Option<&Narrowing>,
    ) -> Result<Plan, Box<Pass>> {
        let impossible = |error: Rejected| Box::new(Pass::Impossible(error));
        match *self {
            Self::Files(desired) => Ok(plan_part(desired, accounts, observed, narrowing)),
            Self::Saved { saved, .. } => {
                let plan = saved.revealed(observed);
                let moved_on = stale(&plan, observed);
                if moved_on.is_empty() {
                    // Limits are shares of what is live now, not of what a file says.
                    Ok(Plan { live: observed.live_by_account(), ..plan })
                } else {
                    Err(Pass::Stale(plan, moved_on).into())
                }
            }
            Self::Adoption { desired, claim, number } => {
                let only = claims::adopt(desired, observed, claim, number)
                    .map_err(|error| impossible(error.into()))?;
                Ok(plan(&only, accounts, observed))
            }
            Self::Undo { desired, run } => journal::undo(run, desired, accounts, worlds, observed, now)
                .map(|plan| plan.narrow(desired, narrowing))
                .map_err(|error| impossible(error.into())),
        }
    }

    /// A plan that was approved earlier is carried out as a whole or not at all.
    pub(super) fn whole(&self, plan: Plan) -> Result<Plan, Box<Pass>> {
        match *self {
            Self::Saved { saved, .. } if plan.steps.len() < saved.plan.steps.len() => {
                Err(Pass::HeldSince(plan).into())
            }
            _ => Ok(plan),
        }
    }
}

//! `numctl plan`: goes through the steps as far as the plan, and shows it.

use std::path::PathBuf;

use crate::desired::Desired;
use crate::desired::narrowing::Narrowing;
use crate::execute::Stop;
use crate::execute::journal::{RecordedCommand, RunHead};
use crate::execute::ledger::{Kept, LedgerError};
use crate::guard::budget::{Budget, Generation};
use crate::guard::cost::Bill;
use crate::guard::intents::Intents;
use crate::guard::memory::{Extent, Memory};
use crate::guard::saved_plan::SavedPlan;
use crate::guard::{Approved, OperatorLimits, Refusal};
use crate::host::clock;
use crate::model::named_secret::Provide;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::reconcile::{Authority, Decision, Hooks, Job, LineState, Pass, Passed, PlanSource, Pricing, pass};
use crate::report::text::{self, Style};

use super::arguments::{Global, JournalArgs, NarrowArgs, PlanArgs, PlanFormat, StateArgs};
use super::fleet::{self, Fleet};
use super::journal::ForPlan;
use super::{Ended, Exit, Fatal, output, prices, secrets, show};

/// What came of it: the plan, why it would be refused, and what it costs.
pub(super) type Made = (Plan, Option<Refusal>, Option<Bill>);

/// What a plan is made from, and how much is asked for it.
pub(super) struct Planning<'a> {
    pub(super) files: &'a [PathBuf],
    pub(super) narrow: &'a NarrowArgs,
    pub(super) state: &'a StateArgs,
    pub(super) journal: &'a JournalArgs,
    pub(super) pricing: Pricing,
    pub(super) operator: OperatorLimits,
}

/// What the files declare, and what is live in their accounts.
struct Listed<'a> {
    desired: &'a Desired,
    narrowing: Option<&'a Narrowing>,
    fleet: &'a Fleet,
    observed: Observed,
}

/// Reads, lists and plans; nothing is shown. Says which content of the files it was.
pub(super) async fn planned(
    global: &Global,
    planning: &Planning<'_>,
    provide: &Provide<'_>,
) -> Result<(Desired, Generation, Made), Fatal> {
    let journal = ForPlan::from_arguments(global, planning.journal, planning.state.state_dir.as_deref())?;
    let (desired, content) = fleet::read(global, planning.files)?;
    let (mut desired, narrowing) = planning.narrow.part_of(desired)?;
    // What is left out needs no secrets.
    secrets::fill(provide, &mut desired)?;
    let fleet = Fleet::open(global, &desired.accounts).await?;
    let made = match fleet.list().await {
        Ok(observed) => {
            let listed = Listed { desired: &desired, narrowing: narrowing.as_ref(), fleet: &fleet, observed };
            make(global, planning, listed, &journal).await
        }
        Err(error) => Err(error),
    };
    fleet.close().await?;
    Ok((desired, content.generation, made?))
}

pub(super) async fn run(global: &Global, args: &PlanArgs) -> Ended {
    let planning = Planning {
        files: &args.files.files,
        narrow: &args.narrow,
        state: &args.state,
        journal: &args.journal,
        pricing: if args.cost { Pricing::Always } else { Pricing::WhereTouched },
        operator: args.limits.limits(),
    };
    // Asked once: the plan and its fingerprints are of the same secrets.
    let provide = secrets::provider(global);
    let (desired, content, (plan, refusal, bill)) = planned(global, &planning, &provide).await?;
    // What is held back, or has no effect, is not as declared either.
    let pending = !plan.is_empty() || !plan.leaves_nothing() || !plan.no_effect.is_empty();
    let has_errors = plan.has_errors();
    let saved = match &args.out {
        Some(_) => {
            let seal = secrets::seal(&provide, &desired)?;
            Some(SavedPlan::new(plan.clone(), &desired, content, global.api()).sealed_with(seal))
        }
        None => None,
    };
    // Before it is shown: a script reads one document, the plan or the error; a person reads both.
    if let (Some(path), Some(saved)) = (&args.out, &saved)
        && let Err(error) = output::write_private(path, &saved.to_json())
    {
        if args.format == PlanFormat::Text {
            show::plan(&plan, refusal.as_ref(), bill.as_ref(), args.format)?;
        }
        return Err(error);
    }
    if args.full && args.format == PlanFormat::Text {
        let style = Style { full: true, ..output::style() };
        output::print_text(|out| text::plan(out, &plan, refusal.as_ref(), bill.as_ref(), style))?;
    } else {
        show::plan(&plan, refusal.as_ref(), bill.as_ref(), args.format)?;
    }
    if let (Some(path), Some(saved)) = (&args.out, &saved) {
        let path = path.display();
        if saved.carries_passwords() {
            output::note(format_args!(
                "note: {path} contains passwords of webhook URLs, and only its owner can read it"
            ));
        }
        output::note(format_args!("The plan is saved in {path}. To apply it: numctl apply {path}"));
    }
    Ok(match (has_errors, args.detailed_exitcode && pending) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Pending,
        (false, false) => Exit::Done,
    })
}

async fn make(
    global: &Global,
    planning: &Planning<'_>,
    listed: Listed<'_>,
    journal: &ForPlan,
) -> Result<Made, Fatal> {
    let Listed { desired, narrowing, fleet, observed } = listed;
    let now = clock::since_the_epoch();
    let ledger = fleet::ledger(global, planning.state);
    let intents = fleet::intents(global, planning.state, &ledger, now)?;
    let left_out_clients = fleet.left_out_clients(global, narrowing);
    let job = Job {
        source: PlanSource::Files(desired),
        // Nothing is spent that could be counted by it.
        generation: Generation::from_sources(&[]),
        accounts: &fleet.accounts,
        clients: &fleet.clients,
        operator: &planning.operator,
        accepted: None,
        pricing: planning.pricing,
        asks_who: true,
        preflight: None,
        narrowing,
        left_out_clients: &left_out_clients,
        numbers_at_once: 1,
        extent: Extent::Full,
        authority: Authority {
            clock: &clock::since_the_epoch,
            paused: tokio::sync::watch::channel(false).1,
            is_in_force: &|| true,
            doubt: None,
        },
        journal: Some(journal.access()),
        head: &RunHead { command: RecordedCommand::Apply, generation: None, undoes: None, by: None },
        dry_run: true,
        stop: tokio::sync::watch::channel(Stop::Run).1,
        now,
    };
    let mut kept = Kept { budget: Budget::default(), intents };
    let mut memory = Memory::of_one_look();
    let mut known_prices = prices::KnownPrices::from_arguments(global, &mut memory);
    let state = LineState { memory: &mut memory, kept: &mut kept, listed: Some(observed) };
    let Passed { pass, bill, .. } = pass(&job, state, &Reviewer).await;
    known_prices.keep(&mut memory);
    match pass {
        Pass::Planned(plan) => Ok((plan, None, bill)),
        Pass::Refused(plan, refusal) => Ok((plan, Some(refusal), bill)),
        Pass::NotObserved(failed) => Err(fleet.not_listed(&failed)),
        // Of writing, or of other sources than files.
        Pass::Stopped
        | Pass::Impossible(_)
        | Pass::Stale(..)
        | Pass::HeldSince(_)
        | Pass::OtherAccepted(..)
        | Pass::NotRecorded(..)
        | Pass::Executed(_) => Err(Fatal::new("the plan was not made; nothing was changed")),
    }
}

/// Someone who only reads the plan.
struct Reviewer;

impl Hooks for Reviewer {
    fn confirm(&self, _: &Approved, _: Option<&Bill>) -> Decision {
        Decision::No
    }

    async fn record(&self, _: &Plan, _: &Kept) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn note(&self, _: &Intents) -> Result<(), LedgerError> {
        Ok(())
    }
}

//! `numctl plan`: desired → observed → plan → render.

use std::time::Duration;

use crate::clock;
use crate::cost::Bill;
use crate::desired::{Desired, Limits};
use crate::guard::{self, OperatorLimits, Refusal};
use crate::last_use::{LastUses, Trust};
use crate::observed::Observed;
use crate::plan::{self, Plan};
use crate::render;
use crate::saved_plan::SavedPlan;
use crate::standstill;
use crate::usage;

use super::arguments::{Global, PlanArgs, PlanFormat};
use super::early::read_and_list;
use super::fleet::{self, Fleet};
use super::journal::ForPlan;
use super::{Ended, Exit, Fatal, output, prices};

pub(super) async fn run(global: &Global, args: &PlanArgs) -> Ended {
    let journal = ForPlan::of(global, &args.journal)?;
    let (desired, fleet, listed) = read_and_list(global, &args.files.files).await?;
    let operator = args.limits.limits();
    let made = match listed {
        Ok(observed) => make(global, args, (&desired, &operator), (&fleet, observed), journal).await,
        Err(error) => Err(error),
    };
    fleet.close().await?;
    let (plan, bill) = made?;
    let refusal = guard::check(&plan, &desired.policy.limits, &operator, bill.as_ref());
    show(&plan, refusal.as_ref(), bill.as_ref(), args.format)?;
    let (pending, has_errors) = (!plan.is_empty(), plan.has_errors());
    if let Some(path) = &args.out {
        let saved = SavedPlan::new(plan, &desired, global.api());
        output::write_private(path, &saved.to_json())?;
        if saved.carries_passwords() {
            output::note(format_args!(
                "note: {} holds passwords of webhook URLs, and is readable by its owner only",
                path.display()
            ));
        }
        let path = path.display();
        output::note(format_args!("The plan is saved in {path}. To carry it out: numctl apply {path}"));
    }
    Ok(match (has_errors, args.detailed_exitcode && pending) {
        (true, _) => Exit::Error,
        (false, true) => Exit::Pending,
        (false, false) => Exit::Done,
    })
}

/// Looks again, plans, and prices the plan where that is called for.
async fn make(
    global: &Global,
    args: &PlanArgs,
    (desired, operator): (&Desired, &OperatorLimits),
    (fleet, observed): (&Fleet, Observed),
    journal: ForPlan,
) -> Result<(Plan, Option<Bill>), Fatal> {
    let mut intents = fleet::ledger(global, &args.state).intents(clock::since_the_epoch())?;
    let observed = fleet.look_again(desired, &mut intents, observed).await;
    let now = clock::since_the_epoch();
    let limits = &desired.policy.limits;
    let mut plan = of(desired, fleet, &observed, now);
    guard_releases(&mut plan, fleet, limits, operator).await;
    journal.hold_back(&mut plan, desired, fleet, now);
    let bill = prices::bill(global, fleet, (&plan, &observed), (limits, operator), args.cost).await;
    Ok((plan, bill))
}

/// The plan, with what is not to be changed now held back.
pub(super) fn of(desired: &Desired, fleet: &Fleet, observed: &Observed, now: Duration) -> Plan {
    let mut plan = plan::plan(desired, &fleet.accounts, observed);
    standstill::hold_back(&mut plan, desired, false, now);
    plan
}

/// Holds the releases of numbers that are in use, where the file or the operator asks for that.
pub(super) async fn guard_releases(
    plan: &mut Plan,
    fleet: &Fleet,
    limits: &Limits,
    operator: &OperatorLimits,
) {
    let guard = guard::release_guard(limits, operator);
    let (mut known, now) = (LastUses::default(), clock::since_the_epoch());
    usage::guard_releases(plan, &fleet.clients, &mut known, guard, now, Trust::ThisLook).await;
}

fn show(
    plan: &Plan,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
    format: PlanFormat,
) -> Result<(), Fatal> {
    match format {
        PlanFormat::Text => show_text(plan, refusal, bill),
        PlanFormat::Json => output::print_with(|out| render::json::plan(out, plan, refusal, bill)),
        PlanFormat::Markdown => output::print_text(|out| render::markdown::plan(out, plan, refusal, bill)),
    }
}

/// Shows a plan to a person.
pub(super) fn show_text(plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>) -> Result<(), Fatal> {
    output::print_text(|out| render::text::plan(out, plan, refusal, bill, output::style()))
}

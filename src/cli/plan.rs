//! `numctl plan`: desired → observed → plan → render.

use crate::clock;
use crate::cost::Bill;
use crate::desired::Desired;
use crate::guard::{self, Refusal};
use crate::plan::{self, Plan};
use crate::render;
use crate::saved_plan::SavedPlan;
use crate::standstill;

use super::arguments::{Global, PlanArgs, PlanFormat};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, Fatal, output, prices};

pub(super) async fn run(global: &Global, args: &PlanArgs) -> Ended {
    let desired = fleet::read(global, &args.files.files)?;
    let fleet = Fleet::open(global, &desired.accounts).await?;
    let made = make(global, &desired, &fleet, args.cost).await;
    fleet.close().await?;
    let (plan, bill) = made?;
    let refusal = guard::check(&plan, &desired.policy.limits, &args.limits.limits(), bill.as_ref());
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

/// Lists what is live and plans; with what the plan costs, where it may cost something or that is asked
/// for.
pub(super) async fn make(
    global: &Global,
    desired: &Desired,
    fleet: &Fleet,
    cost: bool,
) -> Result<(Plan, Option<Bill>), Fatal> {
    let observed = fleet.observe(Some(desired)).await?;
    let mut plan = plan::plan(desired, &fleet.accounts, &observed);
    standstill::hold_back(&mut plan, desired, false, clock::since_the_epoch());
    let bill = prices::bill(global, fleet, &plan, &observed, cost).await;
    Ok((plan, bill))
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
        PlanFormat::Markdown => {
            let mut text = String::new();
            render::markdown::plan(&mut text, plan, refusal, bill).map_err(Fatal::from)?;
            output::print(&text)
        }
    }
}

/// Shows a plan to a person.
pub(super) fn show_text(plan: &Plan, refusal: Option<&Refusal>, bill: Option<&Bill>) -> Result<(), Fatal> {
    output::print_with(|out| {
        let mut text = String::new();
        render::text::plan(&mut text, plan, refusal, bill, output::style()).map_err(std::io::Error::other)?;
        out.write_all(text.as_bytes())
    })
}

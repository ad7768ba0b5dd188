//! `numctl apply`: desired → observed → plan → approve → execute → report; or, with a saved plan,
//! the same from a plan that was reviewed.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::atomic_file::create_private;
use crate::bounded_file;
use crate::cost::Bill;
use crate::desired::Limits;
use crate::digest::Digest;
use crate::execute::{Stop, execute};
use crate::guard::{self, Approved};
use crate::observed::Observed;
use crate::plan::Plan;
use crate::render;
use crate::render::shown::Shown;
use crate::report::Report;
use crate::saved_plan::SavedPlan;
use crate::stale::{Stale, StaleReason, stale};

use super::arguments::{ApplyArgs, Global, TextOrJson};
use super::fleet::{self, Fleet};
use super::plan::{make, show_text};
use super::signals::{Interrupts, stop_by_signal};
use super::{Ended, Exit, Fatal, output, prices, progress};

/// A plan of 100,000 actions with long URLs is a third of this.
const PLAN_BYTES_MAX: usize = 256 << 20;

/// A saved plan is used once: this is put behind its name.
const USED: &str = ".used";

pub(super) async fn run(global: &Global, args: &ApplyArgs) -> Ended {
    let accepted = match &args.accept {
        Some(text) => Some(Digest::parse(text).ok_or_else(|| {
            Fatal::new(format!(
                "--accept {:?}: a digest is the 32 hexadecimal digits under a plan",
                Shown(text).to_string()
            ))
        })?),
        None => None,
    };
    match &args.plan {
        Some(path) => saved(global, args, path, accepted).await,
        None => fresh(global, args, accepted).await,
    }
}

async fn fresh(global: &Global, args: &ApplyArgs, accepted: Option<Digest>) -> Ended {
    let desired = fleet::read(global, &args.files)?;
    let mut fleet = Fleet::open(global, &desired.accounts).await?;
    // From before the first look to after the last write.
    let held = fleet.lock(&args.lock, args.lock_timeout).await?;
    let ended = match make(global, &desired, &fleet, false).await {
        Ok(priced) => carry_out(global, args, &fleet, priced, &desired.policy.limits, accepted, None).await,
        Err(error) => Err(error),
    };
    held.release(&ended).await;
    fleet.close().await?;
    ended
}

async fn saved(global: &Global, args: &ApplyArgs, path: &Path, accepted: Option<Digest>) -> Ended {
    let shown = path.display();
    let text =
        bounded_file::text(path, PLAN_BYTES_MAX).map_err(|error| Fatal::new(format!("{shown}: {error}")))?;
    let saved = SavedPlan::from_json(&text).map_err(|error| {
        let hint = match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => "\nDid you mean -f? A desired-state file is given with -f FILE.",
            Some(_) | None => "",
        };
        Fatal::new(format!("{shown}: {error}{hint}"))
    })?;
    let marker = used_marker(path);
    if marker.exists() {
        output::error(&format!("{shown} was used already (see {}): plan again", marker.display()));
        return Ok(Exit::Refused);
    }
    let mut fleet = Fleet::of_plan(global, &saved.plan.accounts, &saved.access).await?;
    let held = fleet.lock(&args.lock, args.lock_timeout).await?;
    let ended = match fleet.observe(None).await {
        Ok(observed) => fresh_enough(global, args, &fleet, saved, &observed, accepted, &marker).await,
        Err(error) => Err(error),
    };
    held.release(&ended).await;
    fleet.close().await?;
    ended
}

async fn fresh_enough(
    global: &Global,
    args: &ApplyArgs,
    fleet: &Fleet,
    saved: SavedPlan,
    observed: &Observed,
    accepted: Option<Digest>,
    marker: &Path,
) -> Ended {
    let moved_on = stale(&saved.plan, observed);
    if !moved_on.is_empty() {
        if args.format == TextOrJson::Text {
            show_text(&saved.plan, None, None)?;
        }
        for stale in &moved_on {
            output::note(format_args!("  {}: {}", stale.number, describe(stale)));
        }
        output::error(&format!(
            "the saved plan is stale: {} moved on since it was made; nothing was changed: plan again",
            render::words::plural(moved_on.len(), "number")
        ));
        return Ok(Exit::Refused);
    }
    let limits = saved.limits;
    // At today's prices, whatever they were when it was saved.
    let bill = prices::bill(global, fleet, &saved.plan, observed, false).await;
    carry_out(global, args, fleet, (saved.plan, bill), &limits, accepted, Some(marker)).await
}

fn describe(stale: &Stale) -> String {
    match &stale.why {
        StaleReason::AlreadyThere => "it was to be bought, and is there already".to_owned(),
        StaleReason::Gone => "it is in none of the accounts any more".to_owned(),
        StaleReason::NotSeen => "its account, or one that it may be in, cannot be read now".to_owned(),
        StaleReason::Elsewhere => "it is in another account now".to_owned(),
        StaleReason::OtherSid => "it has another SID now".to_owned(),
        StaleReason::Changed(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.json_name()).collect();
            format!("{} changed", names.join(", "))
        }
    }
}

async fn carry_out(
    global: &Global,
    args: &ApplyArgs,
    fleet: &Fleet,
    (plan, bill): (Plan, Option<Bill>),
    limits: &Limits,
    accepted: Option<Digest>,
    marker: Option<&Path>,
) -> Ended {
    let as_json = args.format == TextOrJson::Json;
    let bill = bill.as_ref();
    let approved = match guard::approve(plan, limits, &args.limits.limits(), bill, accepted) {
        Ok(approved) => approved,
        Err(refused) => {
            let (plan, refusal) = *refused;
            match as_json {
                true => output::print_with(|out| render::json::plan(out, &plan, Some(&refusal), bill))?,
                false => show_text(&plan, Some(&refusal), bill)?,
            }
            output::error("refused by a limit; nothing was changed");
            return Ok(Exit::Refused);
        }
    };
    if !as_json {
        show_text(approved.plan(), None, bill)?;
    }
    if approved.plan().is_empty() {
        if as_json {
            output::print_with(|out| render::json::plan(out, approved.plan(), None, bill))?;
        }
        return Ok(if approved.plan().has_errors() { Exit::Error } else { Exit::Done });
    }
    if !args.yes && !confirmed(as_json, &approved, bill)? {
        output::note("Not applied.");
        return Ok(Exit::Error);
    }
    if let Some(marker) = marker {
        mark_used(marker)?;
    }
    let report = with_progress(global, fleet, approved).await;
    let is_done = report.is_settled() && !report.plan.has_errors();
    let exit = if is_done { Exit::Done } else { Exit::Incomplete };
    match show_report(as_json, &report, bill) {
        Ok(()) => Ok(exit),
        // 1 would say that nothing was attempted, and 0 that somebody was told.
        Err(Fatal(error)) => {
            let done = render::words::plural(report.count("succeeded"), "action");
            output::error(&format!("{error}: the report is lost; {done} of {} succeeded", report.ends.len()));
            Ok(Exit::Incomplete)
        }
    }
}

fn show_report(as_json: bool, report: &Report, bill: Option<&Bill>) -> Result<(), Fatal> {
    if as_json {
        return output::print_with(|out| render::report::json(out, report, bill));
    }
    let mut text = String::from("\n");
    render::report::text(&mut text, report, output::style())?;
    output::print(&text)
}

fn confirmed(as_json: bool, approved: &Approved, bill: Option<&Bill>) -> Result<bool, Fatal> {
    if !io::stdin().is_terminal() || !output::stderr_is_terminal() {
        return Err(Fatal::new(
            "this is not a terminal, so that nobody can be asked: add --yes to apply without asking",
        ));
    }
    if as_json {
        let mut text = String::new();
        render::text::plan(&mut text, approved.plan(), None, bill, output::style())?;
        output::note(text);
    }
    let mut stderr = io::stderr();
    write!(stderr, "\nApply this plan? Only `yes` is taken for it: ").and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

async fn with_progress(global: &Global, fleet: &Fleet, approved: Approved) -> Report {
    let (stop, stopped) = watch::channel(Stop::Run);
    // Heard from here on: before the first write, and also between two of them.
    let listener = tokio::spawn(stop_by_signal(Interrupts::listen_with_hangup(), stop, None));
    let progress = progress::Applying::start(approved.plan().steps.len());
    // Each account keeps its own pace; this only bounds how many numbers are in hand.
    let at_once = usize::from(global.max_concurrency) * fleet.clients.len().max(1);
    let report = execute(approved, &fleet.clients, at_once, stopped, |plan, event| {
        progress.event(plan, &event);
    })
    .await;
    progress.done();
    listener.abort();
    report
}

fn used_marker(path: &Path) -> PathBuf {
    let mut marker = path.to_owned();
    marker.as_mut_os_string().push(USED);
    marker
}

/// Marks a saved plan as used, before its first write: whoever comes second is refused.
fn mark_used(marker: &Path) -> Result<(), Fatal> {
    match create_private(marker) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fatal::new(format!(
            "{}: {error}: a saved plan is used once, and this cannot be noted; nothing was changed",
            marker.display()
        ))),
    }
}

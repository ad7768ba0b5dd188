//! `numctl apply`: desired → observed → plan → approve → execute → report; or, with a saved plan,
//! the same from a plan that was reviewed.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use tokio::sync::watch;

use crate::atomic_file::create_private;
use crate::bounded_file;
use crate::claims::Marks;
use crate::clock;
use crate::cost::Bill;
use crate::desired::{Account, Limits};
use crate::digest::Digest;
use crate::execute::{Event, Stop, execute};
use crate::guard::{self, Approved};
use crate::intents::Intents;
use crate::journal::{Command, Head, RunId};
use crate::journal_file::RunInJournal;
use crate::ledger::Ledger;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::render;
use crate::render::shown::Shown;
use crate::report::Report;
use crate::saved_plan::SavedPlan;
use crate::stale::{Stale, StaleReason, stale};
use crate::traffic::day_at;

use super::arguments::{ApplyArgs, Global, TextOrJson, WriteArgs};
use super::fleet::{self, Fleet};
use super::journal::ForWriting;
use super::plan::{self, guard_releases, show_text};
use super::signals::{Interrupts, stop_by_signal};
use super::{Ended, Exit, Fatal, output, prices, progress};

/// A plan of 100,000 actions with long URLs is a third of this.
const PLAN_BYTES_MAX: usize = 256 << 20;

/// A saved plan is used once: this is put behind its name.
const USED: &str = ".used";

pub(super) async fn run(global: &Global, args: &ApplyArgs) -> Ended {
    let writing = Writing::new(global, &args.write, Command::Apply)?;
    match &args.plan {
        Some(path) => saved(&writing, path).await,
        None => fresh(&writing, &args.files).await,
    }
}

async fn fresh(writing: &Writing<'_>, files: &[PathBuf]) -> Ended {
    let desired = fleet::read(writing.global, files)?;
    let work = async |fleet: &Fleet, mut intents: Intents| {
        let known = intents.clone();
        if !desired.claims.is_empty() {
            writing.ledger().begin(&intents).await?;
        }
        let observed = fleet.observe(&desired, &mut intents).await?;
        if intents != known {
            // What was seen is known from now on; kept too late, it does no harm.
            let _ = writing.ledger().save_intents(&intents).await;
        }
        let now = clock::since_the_epoch();
        let mut plan = plan::of(&desired, fleet, &observed, now);
        let limits = &desired.policy.limits;
        guard_releases(&mut plan, fleet, limits, &writing.args.limits.limits()).await;
        // Before the look is written down, which tells that what is gone is gone.
        writing.journal.hold_back(&mut plan, &desired, fleet, now);
        writing.journal.look(Some(&desired), fleet, &observed, now);
        writing.carry_out(fleet, (plan, &observed), limits, intents, None).await
    };
    writing.with_lock(&desired.accounts, !desired.claims.is_empty(), work).await
}

async fn saved(writing: &Writing<'_>, path: &Path) -> Ended {
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
    let accounts = fleet::accounts_of_plan(&saved.plan.accounts, &saved.access);
    let has_claims = saved.plan.steps.iter().any(|step| step.action.claimed().is_some());
    let work = async |fleet: &Fleet, mut intents: Intents| {
        let mut observed = fleet.list().await?;
        observed.survey_mut().today = Some(day_at(clock::since_the_epoch()));
        if has_claims {
            let now = clock::since_the_epoch();
            intents.observe(&Marks::of(&observed), now);
            intents.tell(observed.survey_mut(), now);
        }
        fresh_enough(writing, fleet, saved, &observed, intents, &marker).await
    };
    writing.with_lock(&accounts, has_claims, work).await
}

async fn fresh_enough(
    writing: &Writing<'_>,
    fleet: &Fleet,
    saved: SavedPlan,
    observed: &Observed,
    intents: Intents,
    marker: &Path,
) -> Ended {
    let moved_on = stale(&saved.plan, observed);
    if !moved_on.is_empty() {
        if writing.args.format == TextOrJson::Text {
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
    let mut plan = saved.plan;
    let steps = plan.steps.len();
    guard_releases(&mut plan, fleet, &limits, &writing.args.limits.limits()).await;
    // What was approved is done as a whole or not at all.
    if plan.steps.len() < steps {
        if writing.args.format == TextOrJson::Text {
            show_text(&plan, None, None)?;
        }
        for held in &plan.held {
            output::note(format_args!("  {}: {}", held.number, render::words::held(&plan, held)));
        }
        let error = "the saved plan releases numbers that are in use by now, or may be";
        output::error(&format!("{error}; nothing was changed: plan again"));
        return Ok(Exit::Refused);
    }
    writing.journal.look(None, fleet, observed, clock::since_the_epoch());
    writing.carry_out(fleet, (plan, observed), &limits, intents, Some(marker)).await
}

fn describe(stale: &Stale) -> String {
    match &stale.why {
        StaleReason::AlreadyThere => "it was to be bought, and is there already".to_owned(),
        StaleReason::SlotTaken(slot) => format!("{slot} has a number already, or one that may be on its way"),
        StaleReason::Gone => "it is in none of the accounts any more".to_owned(),
        StaleReason::NotSeen => "its account, or one that it may be in, cannot be read now".to_owned(),
        StaleReason::Elsewhere => "it is in another account now".to_owned(),
        StaleReason::OtherSid => "it has another SID now".to_owned(),
        StaleReason::AnotherDay => {
            "it would wait in quarantine as if since the day of the plan, which is over".to_owned()
        }
        StaleReason::Changed(fields) => {
            let names: Vec<_> = fields.iter().map(|field| field.json_name()).collect();
            format!("{} changed", names.join(", "))
        }
    }
}

/// What a command that carries out a plan goes by.
pub(super) struct Writing<'a> {
    pub(super) global: &'a Global,
    pub(super) args: &'a WriteArgs,
    pub(super) journal: ForWriting,
    /// Known once the lock is held.
    ledger: OnceCell<Ledger>,
    accepted: Option<Digest>,
    head: Head,
}

impl<'a> Writing<'a> {
    /// Opens the journal, too, so that one that cannot be written is known before anything is
    /// looked at.
    pub(super) fn new(global: &'a Global, args: &'a WriteArgs, command: Command) -> Result<Self, Fatal> {
        let accepted = match &args.accept {
            Some(text) => Some(Digest::parse(text).ok_or_else(|| {
                Fatal::new(format!(
                    "--accept {:?}: a digest is the 32 hexadecimal digits under a plan",
                    Shown(text).to_string()
                ))
            })?),
            None => None,
        };
        let journal = ForWriting::of(global, &args.journal)?;
        let (ledger, head) = (OnceCell::new(), Head { command, generation: None, undoes: None });
        Ok(Self { global, args, journal, ledger, accepted, head })
    }

    /// Opens the fleet and holds the lock, from before the first look to after the last write. With
    /// claims there is always one: of where it is remembered what was bought for them.
    pub(super) async fn with_lock(
        &self,
        accounts: &[Account],
        has_claims: bool,
        work: impl AsyncFnOnce(&Fleet, Intents) -> Ended,
    ) -> Ended {
        let mut fleet = Fleet::open(self.global, accounts).await?;
        let held = fleet.lock(&self.args.lock, self.args.lock_timeout).await?;
        if let Some(ledger) = held.ledger(&self.args.state) {
            // It is set nowhere else.
            let _ = self.ledger.set(ledger);
        }
        let _alone = match self.ledger() {
            Ledger::In(directory) if has_claims && self.args.lock.lock_dir.is_none() => {
                fleet.alone_in(directory, self.args.lock_timeout).await?
            }
            Ledger::In(_) | Ledger::InMemory | Ledger::InLease(_) | Ledger::BesideLease(_) => None,
        };
        let ended = match self.ledger().intents(clock::since_the_epoch()) {
            Ok(intents) => work(&fleet, intents).await,
            Err(error) => Err(error.into()),
        };
        held.release(&ended).await;
        fleet.close().await?;
        ended
    }

    /// Where it is remembered what was bought for claims.
    fn ledger(&self) -> &Ledger {
        self.ledger.get_or_init(|| fleet::ledger(self.global, &self.args.state))
    }

    /// From now on what is carried out takes back this run.
    pub(super) fn undoing(&mut self, run: RunId) {
        self.head.undoes = Some(run);
    }

    /// Prices a plan, shows it, asks, and carries it out.
    pub(super) async fn carry_out(
        &self,
        fleet: &Fleet,
        (plan, observed): (Plan, &Observed),
        limits: &Limits,
        mut intents: Intents,
        marker: Option<&Path>,
    ) -> Ended {
        let as_json = self.args.format == TextOrJson::Json;
        let operator = self.args.limits.limits();
        // At today's prices, also where the plan was saved earlier.
        let bill = prices::bill(self.global, fleet, (&plan, observed), (limits, &operator), false).await;
        let bill = bill.as_ref();
        let approved = match guard::approve(plan, limits, &operator, bill, self.accepted) {
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
        if !self.args.yes && !confirmed(as_json, &approved, bill)? {
            output::note("Not applied.");
            return Ok(Exit::Error);
        }
        // What cannot be written down is not sent.
        let marks_numbers = intents.open_for(approved.plan());
        if marks_numbers {
            self.ledger().save_intents(&intents).await.map_err(|error| {
                Fatal::new(format!(
                    "{error}: what is bought for claims must be remembered until it is seen, and cannot be; nothing \
                     was changed: name a directory with --state-dir"
                ))
            })?;
        }
        let run = self.journal.begin(approved.plan(), &self.head, fleet)?;
        if let Some(marker) = marker {
            mark_used(marker)?;
        }
        let report = with_progress(self.global, fleet, approved, run.as_ref()).await;
        if let Some(run) = run {
            run.done(&report, clock::since_the_epoch());
        }
        intents.settle(&report, clock::since_the_epoch());
        if marks_numbers && let Err(error) = self.ledger().save_intents(&intents).await {
            // What is kept says too much, never too little.
            output::note(format_args!(
                "note: {error}: nothing more is bought for these claims for 15 minutes"
            ));
        }
        let is_done = report.is_settled() && !report.plan.has_errors();
        let exit = if is_done { Exit::Done } else { Exit::Incomplete };
        match show_report(as_json, &report, bill) {
            Ok(()) => Ok(exit),
            // 1 would say that nothing was attempted, and 0 that somebody was told.
            Err(Fatal(error)) => {
                let done = render::words::plural(report.count("succeeded"), "action");
                let all = report.ends.len();
                output::error(&format!("{error}: the report is lost; {done} of {all} succeeded"));
                Ok(Exit::Incomplete)
            }
        }
    }
}

fn show_report(as_json: bool, report: &Report, bill: Option<&Bill>) -> Result<(), Fatal> {
    if as_json {
        return output::print_with(|out| render::report::json(out, report, bill));
    }
    output::print_text(|out| {
        writeln!(out)?;
        render::report::text(out, report, output::style())
    })
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

async fn with_progress(
    global: &Global,
    fleet: &Fleet,
    approved: Approved,
    run: Option<&RunInJournal<'_>>,
) -> Report {
    let (stop, stopped) = watch::channel(Stop::Run);
    // Heard from here on: before the first write, and also between two of them.
    let listener = tokio::spawn(stop_by_signal(Interrupts::listen_with_hangup(), stop, None));
    let progress = progress::Applying::start(approved.plan().steps.len());
    // Each account keeps its own pace; this only bounds how many numbers are in hand.
    let at_once = usize::from(global.max_concurrency) * fleet.clients.len().max(1);
    let report = execute(approved, &fleet.clients, at_once, stopped, |plan, event| {
        if let (Some(run), Event::Ended { step, end }) = (run, &event) {
            run.ended(plan, *step, end, clock::since_the_epoch());
        }
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

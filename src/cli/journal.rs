//! The journal of a command, and the two that are about it: `numctl history`, `numctl undo`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock;
use crate::desired::Desired;
use crate::intents::Intents;
use crate::journal::{self, Command, Head, Known, Run};
use crate::journal_file::{self, Journal, JournalFileError, RunInJournal};
use crate::observed::Observed;
use crate::plan::Plan;
use crate::render;
use crate::render::shown::Shown;
use crate::standstill;

use super::apply::Writing;
use super::arguments::{Global, HistoryArgs, JournalArgs, RunArgs, TextOrJson, UndoArgs};
use super::fleet::{self, Fleet};
use super::{Ended, Exit, Fatal, output};

/// Beside the sandbox's state.
const DEFAULT: &str = ".numctl/journal.jsonl";
/// A rehearsal is never mixed with the real thing.
const SANDBOX: &str = ".numctl/sandbox-journal.jsonl";
const SANDBOX_FILE: &str = "sandbox-journal.jsonl";
/// For `--journal`: no journal.
const NONE: &str = "none";

/// Where the operator wants it.
enum Place {
    /// Where nobody has said anything.
    Default(PathBuf),
    /// Where somebody has.
    Named(PathBuf),
    /// Nowhere.
    Nowhere,
}

impl Place {
    fn of(global: &Global, args: &JournalArgs) -> Self {
        match &args.journal {
            Some(path) if path.as_os_str() == NONE => Self::Nowhere,
            Some(path) => Self::Named(path.clone()),
            None => Self::Default(if global.sandbox { SANDBOX } else { DEFAULT }.into()),
        }
    }

    fn path(&self) -> Option<&Path> {
        match self {
            Self::Default(path) | Self::Named(path) => Some(path),
            Self::Nowhere => None,
        }
    }
}

fn unusable(error: JournalFileError) -> Fatal {
    let help = match &error {
        JournalFileError::Io(..) => "\nname another one with --journal FILE, or do without: --journal none",
        JournalFileError::Content(_) => "",
    };
    Fatal::new(format!("the journal: {error}{help}"))
}

/// What `plan` takes from a journal, which it only reads.
pub(super) struct ForPlan {
    known: Option<Known>,
    is_sandbox: bool,
}

impl ForPlan {
    pub(super) fn of(global: &Global, args: &JournalArgs) -> Result<Self, Fatal> {
        let place = Place::of(global, args);
        let known = match (place.path().map(journal_file::known).transpose(), &place) {
            (Ok(known), _) => known.flatten(),
            (Err(error @ JournalFileError::Io(..)), Place::Default(_)) => {
                output::note(format_args!("note: no journal is read: {error}"));
                None
            }
            (Err(error), _) => return Err(unusable(error)),
        };
        Ok(Self { known, is_sandbox: global.sandbox })
    }

    pub(super) fn hold_back(&self, plan: &mut Plan, desired: &Desired, fleet: &Fleet, now: Duration) {
        let worlds = journal_file::worlds(&fleet.clients, self.is_sandbox);
        journal::hold_back(plan, desired, self.known.as_ref(), &worlds, now);
    }
}

/// The journal of a command that writes.
pub(super) struct ForWriting {
    journal: Option<Journal>,
    /// It was there before this command.
    has_a_past: bool,
}

impl ForWriting {
    pub(super) fn of(global: &Global, args: &JournalArgs) -> Result<Self, Fatal> {
        let place = Place::of(global, args);
        let Some(path) = place.path() else { return Ok(Self { journal: None, has_a_past: false }) };
        let has_a_past = path.exists();
        let journal = match (Journal::open(path, global.sandbox), &place) {
            (Ok(journal), _) => Some(journal),
            (Err(error @ JournalFileError::Io(..)), Place::Default(_)) => {
                output::note(format_args!("warning: what is done is not written down: {error}"));
                None
            }
            (Err(error), _) => return Err(unusable(error)),
        };
        Ok(Self { journal, has_a_past })
    }

    pub(super) fn hold_back(&self, plan: &mut Plan, desired: &Desired, fleet: &Fleet, now: Duration) {
        match self.journal.as_ref().filter(|_| self.has_a_past) {
            Some(journal) => journal.hold_back(plan, desired, &fleet.clients, now),
            None => journal::hold_back(plan, desired, None, &[], now),
        }
    }

    /// Takes note of what was seen. A journal that cannot be written stops the command before its
    /// first write, and not here.
    pub(super) fn look(&self, desired: Option<&Desired>, fleet: &Fleet, observed: &Observed, now: Duration) {
        if let Some(journal) = &self.journal
            && let Err(error) = journal.look(desired, &fleet.accounts, &fleet.clients, observed, now)
        {
            output::note(format_args!("warning: {}: {error}", journal.path().display()));
        }
    }

    pub(super) fn begin(
        &self,
        plan: &Plan,
        head: &Head,
        fleet: &Fleet,
    ) -> Result<Option<RunInJournal<'_>>, Fatal> {
        let Some(journal) = &self.journal else { return Ok(None) };
        let begun = journal.begin(plan, head, &fleet.clients, clock::since_the_epoch());
        begun.map(Some).map_err(|error| {
            let Fatal(text) = unusable(error);
            Fatal(format!("{text}\nnothing was changed"))
        })
    }
}

/// The daemon's: in its state directory, or where it is told to.
pub(super) fn for_daemon(global: &Global, args: &RunArgs) -> Result<Option<Journal>, Fatal> {
    let file = if global.sandbox { SANDBOX_FILE } else { journal_file::FILE };
    let path = match (&args.journal, &args.state_dir) {
        (Some(path), _) if path.as_os_str() == NONE => return Ok(None),
        (Some(path), _) => path.clone(),
        (None, Some(directory)) => directory.join(file),
        (None, None) => return Ok(None),
    };
    // A dry run writes nothing, and so makes no file either.
    if args.dry_run && !path.exists() {
        return Ok(None);
    }
    Journal::open(&path, global.sandbox).map(Some).map_err(unusable)
}

fn recorded(global: &Global, args: &JournalArgs) -> Result<Vec<Run>, Fatal> {
    let place = Place::of(global, args);
    let path = place.path().ok_or_else(|| Fatal::new("--journal none: there is nothing to show"))?;
    let records = journal_file::records(path).map_err(unusable)?.ok_or_else(|| {
        Fatal::new(format!("there is no journal {}: `numctl apply` writes it", path.display()))
    })?;
    Ok(journal::runs(records))
}

/// `numctl history`
pub(super) fn history(global: &Global, args: &HistoryArgs) -> Ended {
    let runs = recorded(global, &args.journal)?;
    let is_about =
        |run: &&Run| args.number.is_none_or(|number| run.steps.iter().any(|step| step.number == number));
    let runs: Vec<&Run> = runs.iter().rev().filter(is_about).take(args.limit).collect();
    output::print_with(|out| match args.format {
        TextOrJson::Json => render::history::json(out, &runs, args.number),
        TextOrJson::Text => {
            let mut text = String::new();
            render::history::text(&mut text, &runs, args.number, output::style())
                .map_err(io::Error::other)?;
            out.write_all(text.as_bytes())
        }
    })?;
    Ok(Exit::Done)
}

/// `numctl undo`
pub(super) async fn undo(global: &Global, args: &UndoArgs) -> Ended {
    // Read before it is opened, which would make one.
    let run = chosen(recorded(global, &args.write.journal)?, args.run.as_deref())?;
    let mut writing = Writing::new(global, &args.write, Command::Undo)?;
    let desired = fleet::read(global, &args.files.files)?;
    writing.undoing(run.head.run.clone());
    let (writing, desired, run) = (&writing, &desired, &run);
    writing
        .with_lock(&desired.accounts, !desired.claims.is_empty(), async |fleet, mut intents| {
            let observed = fleet.observe(desired, &mut intents).await?;
            take_back(writing, run, desired, fleet, &observed, intents).await
        })
        .await
}

async fn take_back(
    writing: &Writing<'_>,
    run: &Run,
    desired: &Desired,
    fleet: &Fleet,
    observed: &Observed,
    intents: Intents,
) -> Ended {
    let now = clock::since_the_epoch();
    let worlds = journal_file::worlds(&fleet.clients, writing.global.sandbox);
    let mut plan = journal::undo(run, desired, &fleet.accounts, &worlds, observed, now)?;
    standstill::hold_back(&mut plan, desired, false, now);
    output::note(format_args!("This takes back {}.", render::history::title(run)));
    writing.journal.look(Some(desired), fleet, observed, now);
    writing.carry_out(fleet, (plan, observed), &desired.policy.limits, intents, None).await
}

/// The run that a person names, or the last one.
fn chosen(mut runs: Vec<Run>, name: Option<&str>) -> Result<Run, Fatal> {
    let Some(name) = name else {
        return runs.pop().ok_or_else(|| Fatal::new("the journal has no run: there is nothing to take back"));
    };
    runs.retain(|run| run.head.run.is_meant_by(name));
    let shown = Shown(name).to_string();
    match (runs.pop(), runs.len()) {
        (Some(run), 0) => Ok(run),
        (Some(_), more) => Err(Fatal::new(format!(
            "{} runs of the journal are called {shown:?}: write more of the name",
            more + 1
        ))),
        (None, _) => {
            Err(Fatal::new(format!("the journal has no run {shown:?}: `numctl history` shows their names")))
        }
    }
}

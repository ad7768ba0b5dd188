//! `numctl history` and `numctl undo`: what the journal tells, and what takes a run back.

use std::io;
use std::path::Path;

use crate::execute::journal::{self, Command, Run};
use crate::execute::journal_file;
use crate::guard::intents::Intents;
use crate::reconcile::Source;
use crate::report;
use crate::report::shown::Shown;

use super::arguments::{Global, HistoryArgs, JournalArgs, TextOrJson, UndoArgs};
use super::fleet::{self, Fleet};
use super::journal::{Place, unusable};
use super::writing::{Errand, Writing};
use super::{Ended, Exit, Fatal, output};

/// Where packages and examples let the daemon keep its journal.
const DAEMONS: &str = "/var/lib/numctl";

fn recorded(global: &Global, args: &JournalArgs, state_dir: Option<&Path>) -> Result<Vec<Run>, Fatal> {
    let place = Place::of(global, args, state_dir);
    let path = place.path().ok_or_else(|| Fatal::new("--journal none: there is nothing to show"))?;
    let records = journal_file::records(path).map_err(unusable)?.ok_or_else(|| {
        let daemons = Path::new(DAEMONS).join(journal_file::FILE);
        let hint = match daemons.exists() && path != daemons {
            true => format!("\nThe daemon's is there: --state-dir {DAEMONS}"),
            false => "\nFor a daemon's journal, name its state directory: --state-dir DIR".to_owned(),
        };
        Fatal::new(format!(
            "there is no journal {}: `numctl apply` and `numctl run` write one{hint}",
            path.display()
        ))
    })?;
    Ok(journal::runs(records))
}

/// `numctl history`
pub(super) fn history(global: &Global, args: &HistoryArgs) -> Ended {
    let runs = recorded(global, &args.journal, args.state_dir.as_deref())?;
    let is_about =
        |run: &&Run| args.number.is_none_or(|number| run.steps.iter().any(|step| step.number == number));
    let runs: Vec<&Run> = runs.iter().rev().filter(is_about).take(args.limit).collect();
    output::print_with(|out| match args.format {
        TextOrJson::Json => report::history::json(out, &runs, args.number),
        TextOrJson::Text => {
            let mut text = String::new();
            report::history::text(&mut text, &runs, args.number, output::style())
                .map_err(io::Error::other)?;
            out.write_all(text.as_bytes())
        }
    })?;
    Ok(Exit::Done)
}

/// `numctl undo`
pub(super) async fn undo(global: &Global, args: &UndoArgs) -> Ended {
    // Read before it is opened, which would make one.
    let run = chosen(
        recorded(global, &args.write.journal, args.write.state.state_dir.as_deref())?,
        args.run.as_deref(),
    )?;
    let mut writing = Writing::new(global, &args.write, Command::Undo)?;
    let (desired, content) = fleet::read(global, &args.files.files)?;
    writing.undoing(run.head.run.clone());
    let has_claims = !desired.claims.is_empty();
    let (writing, run) = (&writing, &run);
    let work = async |fleet: &Fleet, intents: Intents| {
        output::note(format_args!("This takes back {}.", report::history::title(run)));
        let source = Source::Undo { desired: &desired, run };
        writing.walk(fleet, Errand { source, content: &content, has_claims, marker: None }, intents).await
    };
    writing.with_lock(&desired.accounts, has_claims, work).await
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

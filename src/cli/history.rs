//! `numctl history` and `numctl undo`: what the journal shows, and what reverts a run.

use std::io;
use std::path::Path;

use crate::client::audit_log::{AuditTrail, read_audit_log};
use crate::client::pace::Lane;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::execute::journal::{self, JournalRun, RecordedCommand};
use crate::execute::journal_file;
use crate::guard::intents::Intents;
use crate::model::audit::AuditEvent;
use crate::model::number::PhoneNumber;
use crate::reconcile::PlanSource;
use crate::report;
use crate::report::history::Others;
use crate::report::shown::Shown;
use crate::report::timeline::timeline;

use super::arguments::{Global, HistoryArgs, JournalArgs, TextOrJson, UndoArgs};
use super::fleet::{self, Fleet};
use super::journal::{JournalPlace, unusable};
use super::writing::{Errand, Writing};
use super::{Ended, Exit, Fatal, output};

/// Where packages and examples let the daemon keep its journal.
const DAEMONS: &str = "/var/lib/numctl";

fn recorded(global: &Global, args: &JournalArgs, state_dir: Option<&Path>) -> Result<Vec<JournalRun>, Fatal> {
    let place = JournalPlace::from_arguments(global, args, state_dir);
    let path = place.path().ok_or_else(|| Fatal::new("--journal none: there is nothing to show"))?;
    let records = journal_file::records(path).map_err(unusable)?.ok_or_else(|| {
        let daemons = Path::new(DAEMONS).join(journal_file::FILE);
        let hint = match daemons.exists() && path != daemons {
            true => format!("\nThe daemon has one: --state-dir {DAEMONS}"),
            false => "\nFor a daemon's journal, name its state directory: --state-dir DIR".to_owned(),
        };
        Fatal::new(format!(
            "there is no journal {}: `numctl apply` and `numctl run` write one{hint}",
            path.display()
        ))
    })?;
    Ok(journal::runs(records))
}

pub(super) async fn history(global: &Global, args: &HistoryArgs) -> Ended {
    let recorded = recorded(global, &args.journal, args.state_dir.as_deref());
    let is_about = |run: &&JournalRun| {
        args.number().is_none_or(|number| run.steps.iter().any(|step| step.number == number))
    };
    let about =
        |runs: &[JournalRun]| -> Vec<JournalRun> { runs.iter().rev().filter(is_about).cloned().collect() };
    let (runs, others) = match (args.number(), recorded) {
        (None, runs) => (about(&runs?), Others::default()),
        (Some(number), runs) => {
            let known = runs.as_deref().map(about).unwrap_or_default();
            let others = others(global, args, number, &known).await?;
            // Without a journal, what others did is still something.
            if let Err(fatal) = runs {
                if others.entries.is_empty() {
                    return Err(fatal);
                }
                output::note(format_args!("note: {}", fatal.text));
            }
            (known, others)
        }
    };
    let runs: Vec<&JournalRun> = runs.iter().take(args.limit).collect();
    let number = args.number();
    output::print_with(|out| match args.format {
        TextOrJson::Json => report::history::json(out, &runs, number, &others),
        TextOrJson::Text => {
            let mut text = String::new();
            report::history::text(&mut text, &runs, number, &others, output::style())
                .map_err(io::Error::other)?;
            out.write_all(text.as_bytes())
        }
    })?;
    Ok(Exit::Done)
}

/// What others did to a number, as the audit logs of the accounts tell it: at most a look-up and one
/// listing for each account.
async fn others(
    global: &Global,
    args: &HistoryArgs,
    number: PhoneNumber,
    runs: &[JournalRun],
) -> Result<Others, Fatal> {
    let declared = fleet::accounts_of(global, &args.accounts)?;
    let mut not_known = Vec::new();
    // The accounts may be unknown without credentials, too.
    let (fleet, shut) = match Fleet::open_what_can_be(global, &declared).await {
        Ok(opened) => opened,
        Err(fatal) => {
            let all = declared.iter().map(|account| account.name.to_string()).collect::<Vec<_>>().join(", ");
            not_known.push((all, first_line(&fatal.text)));
            let runs: Vec<&JournalRun> = runs.iter().collect();
            return Ok(Others { entries: timeline(&runs, number, &[]), not_known });
        }
    };
    not_known.extend(shut.iter().map(|(account, fatal)| (account.name.to_string(), first_line(&fatal.text))));
    let mut events = Vec::new();
    for index in fleet.only(args.accounts.account.as_deref())? {
        let at = usize::from(index.0);
        let (client, name) = (&fleet.clients[at], fleet.accounts[at].name.to_string());
        match events_of(client, number, runs).await {
            Ok(Some(trail)) => {
                if !trail.is_whole {
                    not_known.push((name, "older events were not read".to_owned()));
                }
                events.extend(trail.events);
            }
            Ok(None) => {}
            Err(why) => not_known.push((name, why)),
        }
    }
    fleet.close().await?;
    let about: Vec<&JournalRun> = runs.iter().collect();
    let mut left = args.limit;
    let mut entries = timeline(&about, number, &events);
    entries.retain(|entry| {
        let is_ours = entry.run.is_some();
        left = if is_ours { left } else { left.saturating_sub(1) };
        is_ours || left > 0
    });
    Ok(Others { entries, not_known })
}

/// The events of a number in an account; `None` where the account never had it, as far as is known.
async fn events_of<T: Transport>(
    client: &Client<T>,
    number: PhoneNumber,
    runs: &[JournalRun],
) -> Result<Option<AuditTrail>, String> {
    let steps = runs.iter().rev().flat_map(|run| &run.steps);
    let recorded = steps
        .filter(|step| {
            step.number == number && (step.account == client.account || step.from == Some(client.account))
        })
        .filter_map(|step| step.sid)
        .next_back();
    let sid = match recorded {
        Some(sid) => Some(sid),
        None => match client.find(Lane::New, number).await {
            Ok((Sighting::There(live), _)) => live.sid,
            Ok((Sighting::Absent | Sighting::Perhaps, _)) => return Ok(None),
            Err(error) => return Err(error.to_string()),
        },
    };
    let trail = read_audit_log(client, sid, None, |_| false).await.map_err(|error| error.to_string())?;
    let is_about = |event: &AuditEvent| match (event.resource, sid) {
        (Some(found), Some(sid)) => found == sid,
        _ => event.number == Some(number),
    };
    let events = trail.events.into_iter().filter(is_about).collect();
    Ok(Some(AuditTrail { events, is_whole: trail.is_whole }))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

pub(super) async fn undo(global: &Global, args: &UndoArgs) -> Ended {
    // Read before it is opened, which would make one.
    let run = chosen(
        recorded(global, &args.write.journal, args.write.state.state_dir.as_deref())?,
        args.run.as_deref(),
    )?;
    let mut writing = Writing::new(global, &args.write, RecordedCommand::Undo)?;
    let (desired, content) = fleet::read_with_secrets(global, &args.files.files)?;
    writing.undoing(run.head.run.clone());
    let has_claims = !desired.claims.is_empty();
    let narrowing = args.narrow.narrowing_of_undo(&desired)?;
    let narrowing = narrowing.as_ref();
    let (writing, run) = (&writing, &run);
    let work = async |fleet: &Fleet, intents: Intents| {
        output::note(format_args!("This reverts {}.", report::history::title(run)));
        let source = PlanSource::Undo { desired: &desired, run };
        let errand = Errand { source, content: &content, narrowing, has_claims, marker: None };
        writing.walk(fleet, errand, intents).await
    };
    writing.with_lock(&desired.accounts, has_claims, work).await
}

/// The run that a person names, or the last one.
fn chosen(mut runs: Vec<JournalRun>, name: Option<&str>) -> Result<JournalRun, Fatal> {
    let Some(name) = name else {
        return runs.pop().ok_or_else(|| Fatal::new("the journal has no run, so there is nothing to undo"));
    };
    runs.retain(|run| run.head.run.is_meant_by(name));
    let shown = Shown(name).to_string();
    match (runs.pop(), runs.len()) {
        (Some(run), 0) => Ok(run),
        (Some(_), more) => Err(Fatal::new(format!(
            "{} runs in the journal match {shown:?}: write more of the name",
            more + 1
        ))),
        (None, _) => {
            Err(Fatal::new(format!("the journal has no run {shown:?}: `numctl history` shows their names")))
        }
    }
}

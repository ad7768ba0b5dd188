//! What the journal tells, run by run.

use std::fmt::{self, Write};
use std::io;

use anstyle::Style as Ansi;
use serde::Serialize;
use serde_json::Value;

use crate::execute::journal::{AccountRecord, Author, JournalRun, Recorded, RecordedAt, StepRecord};
use crate::model::action_kind::ActionKind;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::settings::Field;
use crate::plan::outcome::OutcomeKind;

use super::json;
use super::names::plural;
use super::shown::{Shown, VALUE_COLUMNS_MAX, count, quoted};
use super::text::{Style, colour, symbol};
use super::timeline::TimelineEntry;

/// The version of the format: raised when a reader of the last one would go wrong.
pub const FORMAT_VERSION: u32 = 1;

/// At most this many steps of a run are shown to a person.
const STEPS_MAX: usize = 50;

/// What a step whose end no one has written down came to.
const NOT_KNOWN: &str = "not known";

/// At most this many digits of a commit are shown to a person.
const COMMIT_SHOWN: usize = 12;

/// `run 20261126T013059Z-a5b61771 (apply at 2026-11-26T01:30:59Z)`
#[must_use]
pub fn title(run: &JournalRun) -> String {
    let (head, command) = (&run.head, run.head.command.as_str());
    format!("run {} ({command} at {})", head.run, head.at)
}

/// What is shown of one number, besides the runs.
#[derive(Debug, Default)]
pub struct Others {
    /// What was done to it, by numctl and by others, the newest first.
    pub entries: Vec<TimelineEntry>,
    /// What is not known of others, each with the account or the like.
    pub not_known: Vec<(String, String)>,
}

/// Writes runs for people, the newest first, and what others did among them; of one number only, where one
/// is named.
///
/// # Errors
/// Those of `out`.
pub fn text(
    out: &mut impl Write,
    runs: &[&JournalRun],
    number: Option<PhoneNumber>,
    others: &Others,
    style: Style,
) -> fmt::Result {
    let foreign: Vec<&TimelineEntry> = others.entries.iter().filter(|entry| entry.run.is_none()).collect();
    if runs.is_empty() && foreign.is_empty() {
        writeln!(out, "The journal has no such run.")?;
    }
    let (mut runs, mut foreign) = (runs.iter().peekable(), foreign.into_iter().peekable());
    let mut is_first = true;
    while runs.peek().is_some() || foreign.peek().is_some() {
        if !std::mem::take(&mut is_first) {
            writeln!(out)?;
        }
        let run_at = runs.peek().map(|run| run.head.at.0);
        match foreign.next_if(|entry| run_at.is_none_or(|at| entry.at.as_second() > at)) {
            Some(entry) => write_entry(out, entry, style)?,
            None => {
                if let Some(run) = runs.next() {
                    write_run(out, run, number, style)?;
                }
            }
        }
    }
    for (place, why) in &others.not_known {
        writeln!(out, "\nWhat others changed in {} is not known: {}.", Shown(place), Shown(why))?;
    }
    Ok(())
}

/// What someone else did.
fn write_entry(out: &mut impl Write, entry: &TimelineEntry, style: Style) -> fmt::Result {
    let at = entry.at.strftime("%Y-%m-%d %H:%M UTC");
    writeln!(out, "{}", style.paint(Ansi::new().bold(), format!("{at} {}", entry.by_whom)))?;
    writeln!(out, "  {}", Shown(&entry.kind))?;
    for change in &entry.changes {
        let value = |value: Option<&str>| {
            value.map_or_else(
                || "(not set)".to_owned(),
                |text| Shown(text).within(VALUE_COLUMNS_MAX).to_string(),
            )
        };
        let (before, after) = (value(change.before.as_deref()), value(change.after.as_deref()));
        writeln!(out, "      {}: {before} -> {after}", change.field)?;
    }
    Ok(())
}

fn write_run(
    out: &mut impl Write,
    run: &JournalRun,
    number: Option<PhoneNumber>,
    style: Style,
) -> fmt::Result {
    writeln!(out, "{}", style.paint(Ansi::new().bold(), title(run)))?;
    if let Some(by) = run.head.by.as_ref().filter(|by| !by.is_empty()) {
        writeln!(out, "  by {}", author(by))?;
    }
    if let Some(undoes) = &run.head.undoes {
        writeln!(out, "  reverts run {undoes}")?;
    }
    let about = |step: &StepRecord| number.is_none_or(|number| step.number == number);
    let steps: Vec<usize> = (0..run.steps.len()).filter(|at| about(&run.steps[*at])).collect();
    for at in steps.iter().take(STEPS_MAX) {
        write_step(out, run, *at, style)?;
    }
    if let Some(left) = steps.len().checked_sub(STEPS_MAX).filter(|left| *left > 0) {
        writeln!(out, "  and {} more (all in --format json)", plural(left, "step"))?;
    }
    writeln!(out, "  {}", verdict(run))
}

/// `alice on build-7, https://github.com/…/actions/runs/1, commit 1a2b3c4d5e6f`
fn author(by: &Author) -> String {
    let text = |part: &Option<String>| Some(Shown(part.as_deref()?).within(VALUE_COLUMNS_MAX).to_string());
    let who = match (text(&by.user), text(&by.host)) {
        (Some(user), Some(host)) => Some(format!("{user} on {host}")),
        (Some(user), None) => Some(user),
        (None, Some(host)) => Some(format!("someone on {host}")),
        (None, None) => None,
    };
    let commit = by
        .commit
        .as_deref()
        .map(|commit| format!("commit {}", Shown(&commit.chars().take(COMMIT_SHOWN).collect::<String>())));
    [who, text(&by.ci_run), commit].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn write_step(out: &mut impl Write, run: &JournalRun, at: usize, style: Style) -> fmt::Result {
    let (step, end) = (&run.steps[at], run.ends[at].as_ref());
    let place = match (step.action, step.from) {
        (ActionKind::Transfer, Some(from)) => {
            format!("from {} to {}", account(run, from), account(run, step.account))
        }
        (ActionKind::Release, _) => format!("from {}", account(run, step.account)),
        _ => format!("in {}", account(run, step.account)),
    };
    let word = end.map_or(NOT_KNOWN, |end| end.outcome.as_str());
    let sign = style.paint(colour(step.action), symbol(step.action));
    writeln!(out, "  {sign} {} {} {place}: {word}", step.action.as_str(), step.number)?;
    if let Some(instead) = end.and_then(|end| end.instead) {
        writeln!(out, "      {} was sold meanwhile; {instead} was bought instead", step.number)?;
    }
    for (field, before, after) in changes(step) {
        let shown =
            |value: Option<&Recorded>| value.map_or_else(|| "(not set)".to_owned(), |v| shown(field, v));
        match (step.action, after) {
            (ActionKind::Purchase, Some(after)) => writeln!(out, "      {field}: {}", shown(after.as_ref()))?,
            (_, Some(after)) => {
                writeln!(out, "      {field}: {} -> {}", shown(before), shown(after.as_ref()))?
            }
            // It moved along.
            (ActionKind::Transfer, None) => {}
            (_, None) if is_default(field, before) => {}
            (_, None) => writeln!(out, "      {field} was {}", shown(before))?,
        }
    }
    match end.and_then(|end| end.error.as_deref()) {
        Some(error) => writeln!(out, "      {}", Shown(error).within(VALUE_COLUMNS_MAX)),
        None => Ok(()),
    }
}

/// By its name then, as it is fit to be shown.
fn account(run: &JournalRun, sid: AccountSid) -> String {
    run.account(sid).map_or_else(|| sid.to_string(), |account| Shown(&account.name).to_string())
}

fn shown(field: Field, value: &Recorded) -> String {
    match field {
        Field::FriendlyName => quoted(value.text()),
        _ => Shown(value.text()).within(VALUE_COLUMNS_MAX).to_string(),
    }
}

fn is_default(field: Field, value: Option<&Recorded>) -> bool {
    let default = field.default_value();
    value.zip(default).is_some_and(|(value, default)| value.is(field, &default))
}

/// A field, what it was, and what was wanted of it, where something was.
type RecordedChange<'a> = (Field, Option<&'a Recorded>, Option<&'a Option<Recorded>>);

fn changes(step: &StepRecord) -> Vec<RecordedChange<'_>> {
    let set = step.after.iter().map(|(field, after)| (*field, step.before.get(field), Some(after)));
    let kept = step.before.iter().filter(|(field, _)| !step.after.contains_key(field));
    set.chain(kept.map(|(field, before)| (*field, Some(before), None))).collect()
}

fn verdict(run: &JournalRun) -> String {
    let many = |outcome| run.ends.iter().flatten().filter(|end| end.outcome == outcome).count();
    let ends = [OutcomeKind::Succeeded, OutcomeKind::Failed, OutcomeKind::Unknown, OutcomeKind::Skipped];
    let mut counts: Vec<String> = ends
        .into_iter()
        .map(|outcome| (many(outcome), outcome))
        .filter(|(many, outcome)| *many > 0 || *outcome == OutcomeKind::Succeeded)
        .map(|(many, outcome)| format!("{} {}", count(many), outcome.as_str()))
        .collect();
    match (run.open(), &run.done) {
        (0, Some(done)) if done.interrupted => format!("Stopped: {}.", counts.join(", ")),
        (0, Some(_)) => format!("{}.", counts.join(", ")),
        (open, _) => {
            counts.push(format!("{} {NOT_KNOWN}", count(open)));
            format!(
                "Interrupted, or still running: {}. `numctl plan` shows what took effect.",
                counts.join(", ")
            )
        }
    }
}

/// Writes runs for machines, in the order that they are given in; of one number only, where one is
/// named.
///
/// # Errors
/// Those of `out`.
pub fn json(
    mut out: impl io::Write,
    runs: &[&JournalRun],
    number: Option<PhoneNumber>,
    others: &Others,
) -> io::Result<()> {
    writeln!(out, "{{\n  \"format_version\": {FORMAT_VERSION},\n  \"runs\": [")?;
    for (at, run) in runs.iter().enumerate() {
        write!(out, "    ")?;
        json::value(&mut out, &RunJson::new(run, number))?;
        writeln!(out, "{}", if at + 1 < runs.len() { "," } else { "" })?;
    }
    if number.is_none() {
        return writeln!(out, "  ]\n}}");
    }
    writeln!(out, "  ],\n  \"entries\": [")?;
    for (at, entry) in others.entries.iter().enumerate() {
        write!(out, "    ")?;
        json::value(&mut out, entry)?;
        writeln!(out, "{}", if at + 1 < others.entries.len() { "," } else { "" })?;
    }
    write!(out, "  ],\n  \"not_known\": ")?;
    let not_known = others.not_known.iter();
    let not_known: Vec<Value> =
        not_known.map(|(place, why)| serde_json::json!({ "account": place, "message": why })).collect();
    json::value(&mut out, &not_known)?;
    writeln!(out, "\n}}")
}

#[derive(Serialize)]
struct RunJson<'a> {
    run: String,
    at: RecordedAt,
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a Author>,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<String>,
    /// Whether its end is written down.
    is_over: bool,
    was_stopped: bool,
    accounts: &'a [AccountRecord],
    actions: Vec<StepJson<'a>>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    kind: &'static str,
    phone_number: PhoneNumber,
    account_sid: AccountSid,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_account_sid: Option<AccountSid>,
    sid: Option<NumberSid>,
    /// Null where it is not known.
    outcome: Option<&'static str>,
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    changes: Vec<ChangeJson<'a>>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    field: Field,
    before: Option<&'a str>,
    /// Absent where nothing was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

impl<'a> RunJson<'a> {
    fn new(run: &'a JournalRun, number: Option<PhoneNumber>) -> Self {
        let steps = run.steps.iter().zip(&run.ends);
        let about = steps.filter(|(step, _)| number.is_none_or(|number| step.number == number));
        let actions = about.map(|(step, end)| StepJson {
            kind: step.action.as_str(),
            phone_number: step.number,
            account_sid: step.account,
            from_account_sid: step.from.filter(|from| *from != step.account),
            sid: step.sid,
            outcome: end.as_ref().map(|end| end.outcome.as_str()),
            attempts: end.as_ref().map(|end| end.attempts),
            error: end.as_ref().and_then(|end| end.error.as_deref()),
            changes: changes(step)
                .into_iter()
                .map(|(field, before, after)| ChangeJson {
                    field,
                    before: before.map(Recorded::text),
                    after: after.map(|after| after.as_ref().map(Recorded::text).into()),
                })
                .collect(),
        });
        Self {
            run: run.head.run.to_string(),
            at: run.head.at,
            command: run.head.command.as_str(),
            by: run.head.by.as_ref(),
            digest: &run.head.digest,
            generation: run.head.generation.as_deref(),
            undoes: run.head.undoes.as_ref().map(ToString::to_string),
            is_over: run.done.is_some(),
            was_stopped: run.done.as_ref().is_some_and(|done| done.interrupted),
            accounts: &run.head.accounts,
            actions: actions.collect(),
        }
    }
}

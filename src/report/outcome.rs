//! What became of a plan, for people and for machines.

use super::names;
use std::fmt::{self, Write};
use std::io;

use anstyle::AnsiColor;
use serde::Serialize;

use crate::guard::cost::Bill;
use crate::model::number::PhoneNumber;
use crate::plan::outcome::OutcomeKind;
use crate::plan::outcome::{Outcome, Report, StepEnd};

use super::json::{self, ActionJson};
use super::shown::{Shown, count};
use super::text::Style;

/// Writes the report: what did not succeed and what to do about it, the counts, and what to run
/// next. What succeeded was said while it happened.
///
/// # Errors
/// Those of `out`.
pub fn text(out: &mut impl Write, report: &Report, style: Style) -> fmt::Result {
    for (step, end) in report.plan.steps.iter().zip(&report.ends) {
        if let (Some(number), Some(claimed), Outcome::Succeeded) =
            (end.instead, step.action.claimed(), &end.outcome)
        {
            let first = step.action.number();
            writeln!(out, "{number} was bought for {}, because {first} was sold meanwhile\n", claimed.slot)?;
        }
        let ansi = match &end.outcome {
            Outcome::Succeeded => continue,
            Outcome::Failed(_) | Outcome::Unknown(_) => AnsiColor::Red.on_default().bold(),
            Outcome::Skipped(_) => AnsiColor::Yellow.on_default(),
        };
        let action = &step.action;
        writeln!(
            out,
            "{} {} {} in {}",
            style.paint(ansi, end.outcome.as_str()),
            action.kind().as_str(),
            action.number(),
            names::account(&report.plan, action.account()),
        )?;
        if let Some(error) = end.outcome.error() {
            writeln!(out, "    {}", Shown(&error))?;
        }
        if let Some(error) = end.outcome.api_error() {
            if let Some(advice) = error.advice() {
                writeln!(out, "    {advice}")?;
            }
            if let Some(request_id) = &error.request_id {
                writeln!(out, "    request id {}", Shown(request_id))?;
            }
        }
        if end.attempts > 1 {
            writeln!(out, "    sent {} times", end.attempts)?;
        }
    }
    if !report.is_settled() {
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(report))?;
    if let Some(next) = next(report) {
        writeln!(out, "{next}")?;
    }
    Ok(())
}

/// `Apply complete: 4 succeeded.`, or what else there is to say in one line.
#[must_use]
pub fn summary(report: &Report) -> String {
    let counts: Vec<String> =
        [OutcomeKind::Succeeded, OutcomeKind::Failed, OutcomeKind::Unknown, OutcomeKind::Skipped]
            .into_iter()
            .map(|ended| (report.count(ended), ended))
            .filter(|(many, ended)| *many > 0 || *ended == OutcomeKind::Succeeded)
            .map(|(many, ended)| format!("{} {}", count(many), ended.as_str()))
            .collect();
    let verdict = match (report.is_settled(), report.interrupted) {
        (true, _) => "Apply complete",
        (false, true) => "Apply stopped",
        (false, false) => "Apply incomplete",
    };
    format!("{verdict}: {}.", counts.join(", "))
}

fn next(report: &Report) -> Option<&'static str> {
    if report.is_settled() {
        return None;
    }
    Some(match report.count(OutcomeKind::Unknown) {
        0 => {
            "Next: fix what failed, then run `numctl plan` to see what is left. Completed actions are not repeated."
        }
        _ => {
            "Next: run `numctl plan`. It lists the numbers again and shows whether the unknown actions took effect; nothing is bought twice."
        }
    })
}

/// Writes the plan's JSON with `outcome`, `attempts` and `error` in each action; `bill` is what the plan
/// was to cost.
///
/// # Errors
/// Those of `out`.
pub fn json(out: impl io::Write, report: &Report, bill: Option<&Bill>) -> io::Result<()> {
    let steps = report.plan.steps.iter().zip(&report.ends);
    json::document(out, &report.plan, None, bill, steps.map(|(step, end)| EndedJson::new(report, step, end)))
}

#[derive(Serialize)]
struct EndedJson<'a> {
    #[serde(flatten)]
    action: ActionJson<'a>,
    outcome: &'static str,
    attempts: u32,
    /// The number that was bought, or tried last, instead of the plan's, which was sold meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    bought_instead: Option<PhoneNumber>,
    error: Option<OutcomeErrorJson>,
}

#[derive(Serialize)]
struct OutcomeErrorJson {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

impl<'a> EndedJson<'a> {
    fn new(report: &'a Report, step: &'a crate::plan::Step, end: &StepEnd) -> Self {
        let api = end.outcome.api_error();
        Self {
            action: ActionJson::new(&report.plan, step),
            outcome: end.outcome.as_str(),
            attempts: end.attempts,
            bought_instead: end.instead,
            error: end.outcome.error().map(|message| OutcomeErrorJson {
                message,
                status: api.and_then(|error| error.status),
                code: api.and_then(|error| error.code),
                request_id: api.and_then(|error| error.request_id.clone()),
                more_info: api.and_then(|error| error.more_info.clone()),
                advice: api.and_then(|error| error.advice()),
            }),
        }
    }
}

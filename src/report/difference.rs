//! What differs between the files and the live numbers, as `numctl diff` shows it: no more than that.

use std::fmt::{self, Write};
use std::io;

use anstyle::{AnsiColor, Style as Ansi};

use crate::model::action_kind::ActionKind;
use crate::plan::{Action, Plan, Step};

use super::delta::deltas;
use super::json::{ActionJson, value};
use super::names;
use super::shown::{Shown, shown_value};
use super::text::Style;

const RED: Ansi = AnsiColor::Red.on_default();
const GREEN: Ansi = AnsiColor::Green.on_default();
const BOLD: Ansi = Ansi::new().bold();

/// The steps of a plan, and those that are held back: what is not as declared in either case.
fn differences(plan: &Plan) -> Vec<(&Step, bool)> {
    let planned = plan.steps.iter().map(|step| (step, false));
    let mut all: Vec<(&Step, bool)> =
        planned.chain(plan.waiting.iter().map(|(step, _)| (step, true))).collect();
    all.sort_by_key(|(step, _)| (step.action.account(), step.action.number()));
    all
}

/// Writes the differences as lines of `-` (live) and `+` (declared).
///
/// # Errors
/// Those of `out`.
pub fn text(out: &mut impl Write, plan: &Plan, style: Style) -> fmt::Result {
    for (step, is_held) in differences(plan) {
        let action = &step.action;
        let account = names::account(plan, action.account());
        let what = match action {
            Action::Purchase { .. } => "declared, not live",
            Action::Release { .. } => "live, to be released",
            Action::Transfer { .. } => "in another account",
            Action::Configure { .. } => "configured otherwise",
        };
        let held = if is_held { " (held back: not changed now)" } else { "" };
        let head = format!("{} in {account}: {what}{held}", action.number());
        writeln!(out, "{}", style.paint(BOLD, head))?;
        if let Action::Transfer { target, to, .. } = action {
            let (from, to) = (&plan.account(target.account).name, &plan.account(*to).name);
            line(out, '-', "account", Shown(from), style)?;
            line(out, '+', "account", Shown(to), style)?;
        }
        for delta in deltas(action) {
            let field = delta.field.json_name();
            let (before, after) = (shown_value(delta.before.as_deref()), shown_value(delta.after.as_deref()));
            if delta.is_secret_only() {
                line(out, '-', field, format_args!("{before} (the password changed)"), style)?;
            } else if delta.before.is_some() {
                line(out, '-', field, before, style)?;
            }
            if delta.after.is_some() {
                line(out, '+', field, after, style)?;
            }
        }
    }
    Ok(())
}

fn line(
    out: &mut impl Write,
    sign: char,
    field: &str,
    shown: impl fmt::Display,
    style: Style,
) -> fmt::Result {
    let colour = if sign == '-' { RED } else { GREEN };
    writeln!(out, "{}", style.paint(colour, format_args!("  {sign} {field}: {shown}")))
}

/// Whether a plan has a difference to show.
#[must_use]
pub fn is_any(plan: &Plan) -> bool {
    !plan.steps.is_empty() || !plan.waiting.is_empty()
}

/// Writes the differences as a JSON array: the actions of a plan, with `held` where one is held back.
///
/// # Errors
/// Those of `out`.
pub fn json(out: &mut dyn io::Write, plan: &Plan) -> io::Result<()> {
    #[derive(serde::Serialize)]
    struct DifferenceJson<'a> {
        #[serde(flatten)]
        action: ActionJson<'a>,
        held: bool,
    }
    let mut separator = "[";
    for (step, held) in differences(plan) {
        write!(out, "{separator}\n  ")?;
        value(&mut *out, &DifferenceJson { action: ActionJson::new(plan, step), held })?;
        separator = ",";
    }
    writeln!(out, "{}", if separator == "[" { "[]" } else { "\n]" })
}

/// One line on what there is: `2 numbers differ; 40 are as declared.`
#[must_use]
pub fn summary(plan: &Plan) -> String {
    let mut numbers: Vec<_> = differences(plan).iter().map(|(step, _)| step.action.number()).collect();
    numbers.dedup();
    let releases = plan.count(ActionKind::Release);
    let release = if releases > 0 { format!(" ({releases} to be released)") } else { String::new() };
    match numbers.len() {
        0 => format!("No differences: {} as declared.", names::plural(plan.unchanged, "number")),
        1 => format!("1 number differs{release}, {} as declared.", plan.unchanged),
        many => format!("{many} numbers differ{release}, {} as declared.", plan.unchanged),
    }
}

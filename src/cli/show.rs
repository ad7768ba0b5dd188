//! Shows plans and reports.

use crate::guard::Refusal;
use crate::guard::cost::Bill;
use crate::plan::Plan;
use crate::plan::outcome::Report;
use crate::report;
use crate::report::fit::Wrapped;

use super::arguments::{PlanFormat, TextOrJson};
use super::{Fatal, output};

impl From<TextOrJson> for PlanFormat {
    fn from(format: TextOrJson) -> Self {
        match format {
            TextOrJson::Text => Self::Text,
            TextOrJson::Json => Self::Json,
        }
    }
}

pub(super) fn plan(
    plan: &Plan,
    refusal: Option<&Refusal>,
    bill: Option<&Bill>,
    format: PlanFormat,
) -> Result<(), Fatal> {
    match format {
        PlanFormat::Text => {
            output::print_text(|out| report::text::plan(out, plan, refusal, bill, output::style()))
        }
        PlanFormat::Json => output::print_with(|out| report::json::plan(out, plan, refusal, bill)),
        PlanFormat::Markdown => output::print_text(|out| report::markdown::plan(out, plan, refusal, bill)),
    }
}

/// Shows that there is no plan, and why, where a machine or a comment reads it; a person reads stderr.
pub(super) fn failed(fatal: &Fatal, format: PlanFormat) -> Result<(), Fatal> {
    match format {
        PlanFormat::Text => Ok(()),
        PlanFormat::Json => {
            let errors = match &fatal.places {
                Some(places) => places.clone(),
                None => serde_json::json!([{ "message": fatal.text }]),
            };
            output::print_with(|out| report::json::failed(out, &errors))
        }
        PlanFormat::Markdown => output::print_text(|out| {
            // Its colour is for stderr.
            report::markdown::failed(out, &anstream::adapter::strip_str(&fatal.text).to_string())
        }),
    }
}

/// Shows what became of a plan.
pub(super) fn report(report: &Report, bill: Option<&Bill>, format: TextOrJson) -> Result<(), Fatal> {
    if format == TextOrJson::Json {
        return output::print_with(|out| report::outcome::json(out, report, bill));
    }
    output::print_text(|out| {
        use std::fmt::Write as _;
        let style = output::style();
        let mut lines = Wrapped::new(out, style.columns);
        writeln!(lines)?;
        report::outcome::text(&mut lines, report, style)?;
        lines.finish()
    })
}

/// Asks a person at the terminal, who has seen the plan.
///
/// # Errors
/// Where there is no one to ask.
pub(super) fn ask() -> Result<bool, Fatal> {
    output::ask("Apply this plan? Only `yes` is taken for it:")?;
    let mut answer = String::new();
    std::io::BufRead::read_line(&mut std::io::stdin().lock(), &mut answer)?;
    Ok(answer.trim() == "yes")
}

//! `numctl explain`: a field of the file, for people and machines.

use std::fmt::Write as _;

use crate::desired::explain::{Explained, explain};
use crate::model::secret_url::{masked, without_tokens};
use crate::report::shown::Shown;

use super::arguments::{ExplainArgs, TextOrJson};
use super::{Ended, Exit, Fatal, output};

pub(super) fn run(args: &ExplainArgs) -> Ended {
    let explained = explain(&args.field).map_err(|nearest| {
        let shown = Shown(&without_tokens(&masked(&args.field))).to_string();
        let nearest = match nearest.is_empty() {
            true => "`numctl explain` lists the fields".to_owned(),
            false => format!("did you mean {}?", nearest.join(", ")),
        };
        Fatal::new(format!("there is no field {shown:?}: {nearest}"))
    })?;
    match args.format {
        TextOrJson::Json => output::print(&format!("{:#}\n", explained.to_json()))?,
        TextOrJson::Text => output::print(&text(&explained))?,
    }
    Ok(Exit::Done)
}

fn text(explained: &Explained) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "{:<13}{value}", format!("{name}:"));
        }
    };
    row("FIELD", &explained.path);
    row("TYPE", &explained.kind);
    row("DEFAULT", &explained.default);
    for (api, parameter) in &explained.apis {
        row("SENT AS", &format!("{parameter} ({api})"));
    }
    row("ALSO IN", &explained.also_in.join(", "));
    row("MEANING", &explained.meaning);
    row("TWILIO", explained.vendors);
    row("EXAMPLE", &explained.example);
    if !explained.fields.is_empty() {
        let _ = writeln!(out, "FIELDS:");
        let width = explained.fields.iter().map(|(name, ..)| name.len()).max().unwrap_or_default();
        for (name, kind, meaning) in &explained.fields {
            let _ = writeln!(out, "  {name:<width$}  {kind}");
            if !meaning.is_empty() {
                let _ = writeln!(out, "  {:<width$}    {meaning}", "");
            }
        }
    }
    out
}

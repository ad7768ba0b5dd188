//! The commands that need no API: `validate`, `schema`, `completions`, `man`.

use clap::CommandFactory as _;

use crate::desired::Parsed;
use crate::desired::finding::{Finding, Findings, findings_json};
use crate::desired::load::{load, parse};
use crate::desired::schema::schema as file_schema;
use crate::report::names::plural;
use crate::report::schemas;

use super::arguments::{
    Arguments, CompletionsArgs, Global, ManArgs, SchemaArgs, SchemaOf, TextOrJson, ValidateArgs,
};
use super::{Ended, Exit, Fatal, inert, output};

pub(super) fn validate(global: &Global, args: &ValidateArgs) -> Ended {
    let parsed = load(&args.files.files).and_then(|sources| parse(&sources, global.api()));
    match args.format {
        TextOrJson::Json => validate_json(&parsed, global.verbose > 0),
        TextOrJson::Text => {
            let parsed = parsed.map_err(|findings| Fatal::findings(&findings))?;
            for finding in shown(&parsed, global.verbose > 0) {
                output::finding(finding.severity, &inert(|styled| finding.render(styled)));
            }
            let desired = parsed.desired;
            output::print(&format!(
                "Valid: {} in {}, {}.\n",
                plural(desired.numbers.len(), "number"),
                plural(desired.accounts.len(), "account"),
                plural(parsed.warnings.len(), "warning"),
            ))?;
            Ok(Exit::Done)
        }
    }
}

/// The warnings, and the notes where all is to be said.
fn shown(parsed: &Parsed, is_verbose: bool) -> impl Iterator<Item = &Finding> {
    parsed.warnings.iter().chain(parsed.notes.iter().filter(move |_| is_verbose))
}

fn validate_json(parsed: &Result<Parsed, Findings>, is_verbose: bool) -> Ended {
    let (valid, numbers, findings): (bool, usize, Vec<Finding>) = match parsed {
        Ok(parsed) => (true, parsed.desired.numbers.len(), shown(parsed, is_verbose).cloned().collect()),
        Err(findings) => (false, 0, findings.iter().cloned().collect()),
    };
    let body =
        serde_json::json!({ "valid": valid, "numbers": numbers, "findings": findings_json(&findings) });
    print_json(&body)?;
    Ok(if valid { Exit::Done } else { Exit::Error })
}

pub(super) fn schema(args: &SchemaArgs) -> Ended {
    print_json(&match args.of {
        SchemaOf::File => file_schema(),
        SchemaOf::Plan => schemas::plan(),
        SchemaOf::Apply => schemas::apply(),
        SchemaOf::Status => schemas::status(),
    })?;
    Ok(Exit::Done)
}

pub(super) fn completions(args: &CompletionsArgs) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "numctl", &mut script);
    output::print_with(|out| out.write_all(&script))?;
    Ok(Exit::Done)
}

/// One page for each command, as `man` reads them.
pub(super) fn man(args: &ManArgs) -> Ended {
    let directory = &args.directory;
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), directory))
        .map_err(|error| Fatal::new(format!("{}: {error}", directory.display())))?;
    Ok(Exit::Done)
}

fn print_json(value: &serde_json::Value) -> Result<(), Fatal> {
    output::print(&format!("{value:#}\n"))
}

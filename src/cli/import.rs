//! `numctl import`: the numbers of a Terraform state, without any request.

use std::path::Path;

use crate::host::bounded_file;
use crate::model::number::AccountSid;
use crate::report::import::{import, removed_blocks};
use crate::report::names::plural;
use crate::report::shown::Shown;

use super::arguments::ImportArgs;
use super::listing::keep_what_is_there;
use super::process::variable;
use super::{Ended, Exit, Fatal, output};

/// A state of a hundred thousand numbers, 2 KiB each.
const STATE_BYTES_MAX: usize = 256 << 20;

pub(super) fn run(args: &ImportArgs) -> Ended {
    let shown = Shown(&args.state.display().to_string()).to_string();
    let failed = |error: String| Fatal::new(format!("{shown}: {error}"));
    let path = if args.state == Path::new("-") { Path::new("/dev/stdin") } else { &*args.state };
    let text = bounded_file::text(path, STATE_BYTES_MAX).map_err(|error| failed(error.to_string()))?;
    let main = variable("TWILIO_ACCOUNT_SID").and_then(|text| AccountSid::observed(&text));
    let imported = import(&text, main).map_err(|error| failed(error.to_string()))?;
    let export = &imported.export;
    let out = args.out.as_deref().filter(|path| *path != Path::new("-"));
    for path in [out.filter(|_| !args.overwrite), args.removed.as_deref()].into_iter().flatten() {
        keep_what_is_there(path)?;
    }
    match out {
        Some(path) => {
            output::write_over(path, &export.yaml, export.carries_passwords)?;
            output::note(format_args!("Written to {}.", path.display()));
        }
        None => output::print(&export.yaml)?,
    }
    let file = out.map_or_else(|| "FILE".to_owned(), |path| path.display().to_string());
    let accounts = plural(imported.accounts.len(), "account");
    output::note(format_args!("{} in {accounts}.", plural(imported.numbers, "number")));
    if export.carries_passwords {
        output::note("note: the file holds passwords of webhook URLs: keep it readable by its owner only");
    }
    if export.left_out > 0 {
        output::note(format_args!(
            "note: {} left out; the comments in the file list them with the reasons",
            export.left_out
        ));
    }
    let blocks = removed_blocks(&imported.resources);
    output::note(format_args!("\nNext:\n  1. numctl plan -f {file}   # it should show no changes"));
    match &args.removed {
        Some(path) => {
            output::write_over(path, &blocks, false)?;
            output::note(format_args!(
                "  2. Put {} in place of the resources, then run `terraform apply`: Terraform forgets the numbers \
                 and does not release them.",
                path.display()
            ));
        }
        None => output::note(format_args!(
            "  2. Put these blocks in place of the resources, then run `terraform apply`: Terraform forgets the \
             numbers and does not release them. (To remove the resources alone releases every number.)\n\n{}",
            crate::model::inert::spelt_out(&blocks)
        )),
    }
    Ok(Exit::Done)
}

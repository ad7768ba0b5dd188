//! `numctl fmt`: files in their usual form.

use std::path::Path;

use crate::desired::format::{Formatted, format_all};
use crate::desired::load::parse;
use crate::report::shown::Shown;

use super::arguments::{FmtArgs, Global};
use super::{Ended, Exit, Fatal, fleet, output};

pub(super) fn run(global: &Global, args: &FmtArgs) -> Ended {
    let sources = fleet::sources(&args.files.files)?;
    // Errors in the files are reported as `validate` reports them.
    parse(&sources, global.api()).map_err(|findings| Fatal::findings(&findings))?;
    let declared = |sources: &[_]| parse(sources, global.api()).ok().map(|parsed| parsed.desired);
    let (mut unformatted, mut left) = (0, 0);
    for (source, formatted) in sources.iter().zip(format_all(&sources, declared)) {
        let name = Shown(&source.name).to_string();
        match formatted {
            Formatted::Unchanged if is_stdin(&source.name) && !args.check => output::print(&source.text)?,
            Formatted::Unchanged => {}
            Formatted::Left => {
                left += 1;
                output::error(&format!(
                    "{name}: it cannot be formatted without changing what it declares, and is left as it is"
                ));
            }
            Formatted::Text(_) if args.check => {
                unformatted += 1;
                output::print(&format!("{name}\n"))?;
            }
            Formatted::Text(text) if is_stdin(&source.name) => output::print(&text)?,
            Formatted::Text(text) => {
                output::write_over(Path::new(&*source.name), &text, false)?;
                output::note(format_args!("Formatted {name}."));
            }
        }
    }
    Ok(if unformatted + left > 0 { Exit::Error } else { Exit::Done })
}

fn is_stdin(name: &str) -> bool {
    name == "<stdin>"
}

//! The only place that prints. Results go to stdout, everything else to stderr; a reader that has
//! gone away (`| head`) ends the program quietly.

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anstyle::AnsiColor;

use crate::render::text::Style;

use super::Fatal;

/// Stdout, colour stripped where it is not wanted (no terminal, `NO_COLOR`).
pub(super) fn stdout() -> impl Write {
    BufWriter::with_capacity(64 << 10, anstream::stdout().lock())
}

/// Whether stdout wants colour.
pub(super) fn style() -> Style {
    let choice = anstream::AutoStream::choice(&io::stdout());
    Style { colour: choice != anstream::ColorChoice::Never }
}

/// Whether stderr is a terminal, where progress may move.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Prints a text that is complete.
pub(super) fn print(text: &str) -> Result<(), Fatal> {
    let mut out = stdout();
    finish(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints what `write` writes.
pub(super) fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fatal> {
    let mut out = stdout();
    finish(write(&mut out).and_then(|()| out.flush()))
}

fn finish(written: io::Result<()>) -> Result<(), Fatal> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Fatal::new(format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// A line on stderr. Nothing is left to do when it cannot be written.
pub(super) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// An error on stderr.
pub(super) fn error(text: &str) {
    let red = AnsiColor::Red.on_default().bold();
    if text.starts_with("error") {
        note(text.trim_end());
    } else {
        note(format_args!("{red}error:{red:#} {text}"));
    }
}

/// Writes a file that only its owner may read, complete or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Fatal> {
    let failed = |error: io::Error| Fatal::new(format!("{}: {error}", path.display()));
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| Fatal::new(format!("{}: not a file name", path.display())))?;
    let mut temporary = folder.join(name);
    temporary.as_mut_os_string().push(format!(".{}.tmp", std::process::id()));
    let written = create_private(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The rest of a failed write; there may be none.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

/// Creates a new file for its owner only; an existing one, or a link to one, is an error.
pub(super) fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

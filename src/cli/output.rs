//! The only place that prints. Results go to stdout, everything else to stderr; a reader that has
//! gone away (`| head`) ends the program quietly.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;

use anstyle::AnsiColor;

use crate::atomic_file;
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

/// Prints the text that `write` writes, piece by piece.
pub(super) fn print_text(write: impl FnOnce(&mut Pieces<'_>) -> fmt::Result) -> Result<(), Fatal> {
    print_with(|out| {
        let mut pieces = Pieces { out, failed: Ok(()) };
        match write(&mut pieces) {
            Ok(()) => Ok(()),
            Err(error) => pieces.failed.and(Err(io::Error::other(error))),
        }
    })
}

/// Text on its way to a writer of bytes. Keeps that one's error, for which `fmt` has no place.
pub(super) struct Pieces<'a> {
    out: &'a mut dyn Write,
    failed: io::Result<()>,
}

impl fmt::Write for Pieces<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.failed = Err(error);
            fmt::Error
        })
    }
}

/// What writing to stdout came to: a reader that has gone away is no error.
pub(super) fn finish(written: io::Result<()>) -> Result<(), Fatal> {
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

/// Replaces a file, complete or not at all. Where there is one, it keeps its place, owner and mode, but
/// that only its owner may read what `is_secret`.
pub(super) fn write_over(path: &Path, text: &str, is_secret: bool) -> Result<(), Fatal> {
    atomic_file::replace_alike(path, text.as_bytes(), is_secret)
        .map_err(|error| Fatal::new(format!("{}: {error}", path.display())))
}

/// Writes a file that only its owner may read, complete or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Fatal> {
    atomic_file::replace(path, text.as_bytes())
        .map_err(|error| Fatal::new(format!("{}: {error}", path.display())))
}

//! The only place that prints. Results go to stdout, everything else to stderr; a reader that has
//! gone away (`| head`) ends the program quietly.
//!
//! What a command prints as its result, or as the reason of its end, waits for its reader. A log,
//! progress, and all that the daemon says never do: see [`Stream`].

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use anstyle::AnsiColor;
use terminal_size::{Height, Width};

use crate::desired::Severity;
use crate::host::atomic_file;
use crate::model::inert::spelt_out;
use crate::report::fit;
use crate::report::text::Style;

use super::stream::{PatientStream, Stream};
use super::{ErrorForm, Fatal};

/// How a line on stderr is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamForm {
    Text,
    /// One JSON object a line, every line.
    Json,
}

/// Whom what is printed may keep waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitingNote {
    /// The command: it is there to be read.
    Command,
    /// No one: the daemon has other things to do.
    Nobody,
}

/// A reader of stderr that takes nothing for this long has stopped, as far as the end of a command goes,
const PATIENCE: Duration = Duration::from_secs(10);
/// or of a daemon.
const PATIENCE_OF_DAEMON: Duration = Duration::from_secs(1);
/// The words of a process that is ended by force.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// So long what is about to be printed on stdout waits for what was said on stderr before.
const ORDER: Duration = Duration::from_millis(500);

static QUIET: AtomicBool = AtomicBool::new(false);
static MANNER: OnceLock<(StreamForm, WaitingNote)> = OnceLock::new();
static STDERR: OnceLock<Stream> = OnceLock::new();
static STDOUT: OnceLock<Stream> = OnceLock::new();

/// Says how this process prints, before it does. A second word in one process (tests) changes nothing.
pub(super) fn start(form: StreamForm, waiting: WaitingNote) {
    let _ = MANNER.set((form, waiting));
}

/// `--quiet`: notes and progress are left out.
pub(super) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

fn manner() -> (StreamForm, WaitingNote) {
    MANNER.get().copied().unwrap_or((StreamForm::Text, WaitingNote::Command))
}

fn stderr() -> &'static Stream {
    STDERR.get_or_init(|| {
        let write = |bytes: &[u8]| PatientStream(io::stderr().lock()).write_all(bytes);
        Stream::new(write, |lost| {
            line(
                LineLevel::Warn,
                &format!("{lost} log lines were dropped because stderr was not read in time"),
            )
        })
    })
}

/// Stdout of the daemon.
fn stdout_queue() -> &'static Stream {
    STDOUT.get_or_init(|| {
        let write = |bytes: &[u8]| {
            let mut out = PatientStream(anstream::stdout().lock());
            let written = out.write_all(bytes).and_then(|()| out.flush());
            if let Err(Fatal { text, .. }) = finish(written) {
                tracing::warn!(error = text, "a plan could not be shown on stdout");
            }
            Ok(())
        };
        Stream::new(write, |lost| {
            format!("({lost} plans were not shown because stdout was not read)\n").into_bytes()
        })
    })
}

/// Counts the log lines that were dropped.
pub(super) fn dropped_lines() -> Arc<AtomicU64> {
    stderr().dropped()
}

/// The end of the process: what was said on stderr is written first, where someone reads it.
pub(super) fn finish_up() {
    let patience = match manner().1 {
        WaitingNote::Command => PATIENCE,
        WaitingNote::Nobody => PATIENCE_OF_DAEMON,
    };
    if let Some(stderr) = STDERR.get() {
        stderr.flush(Some(patience));
    }
}

/// The end of a daemon: a plan that is the result of `--once` waits for its reader; no other does.
pub(super) fn finish_plans(once: bool) {
    if let Some(stdout) = STDOUT.get() {
        stdout.flush((!once).then_some(PATIENCE_OF_DAEMON));
    }
}

/// Stdout, colour stripped where it is not wanted (no terminal, `NO_COLOR`).
pub(super) fn stdout() -> impl Write {
    settle();
    BufWriter::with_capacity(64 << 10, PatientStream(anstream::stdout().lock()))
}

/// What was said on stderr stands above what is printed next.
pub(super) fn settle() {
    if let Some(stderr) = STDERR.get() {
        stderr.flush(Some(ORDER));
    }
}

/// Whether stdout wants colour.
pub(super) fn style() -> Style {
    let choice = anstream::AutoStream::choice(&io::stdout());
    let columns = columns(terminal_size::terminal_size_of(io::stdout()));
    Style { colour: choice != anstream::ColorChoice::Never, full: false, columns }
}

/// How wide a terminal is, where it is one.
fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    size.map(|(Width(columns), _)| usize::from(columns)).filter(|columns| *columns > 0)
}

/// A text for people, wrapped where stderr is a terminal. What shows a place in a file stays as it is.
fn wrapped(text: &str) -> String {
    let columns = match manner().0 {
        StreamForm::Text => columns(terminal_size::terminal_size_of(io::stderr())),
        StreamForm::Json => None,
    };
    columns.map_or_else(|| text.to_owned(), |columns| fit::wrapped_around_excerpts(text, columns))
}

/// Whether stderr wants colour: a terminal that has it, no `NO_COLOR`, and lines for people.
pub(super) fn stderr_wants_colour() -> bool {
    manner().0 == StreamForm::Text
        && anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Whether stdout is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether someone sits at stderr, and can be asked.
pub(super) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether progress may move on stderr.
pub(super) fn progress_may_move() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    stderr_is_terminal() && !is_dumb && !is_quiet() && manner().0 == StreamForm::Text
}

/// Prints a text that is complete.
pub(super) fn print(text: &str) -> Result<(), Fatal> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Prints what `write` writes.
pub(super) fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Fatal> {
    if manner().1 == WaitingNote::Nobody {
        let mut text = Vec::new();
        finish(write(&mut text))?;
        if !stdout_queue().offer(text) {
            tracing::warn!("a plan was not shown because stdout is not being read");
        }
        return Ok(());
    }
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

/// The result of writing to stdout: a reader that has gone away is no error.
pub(super) fn finish(written: io::Result<()>) -> Result<(), Fatal> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Fatal::new(format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// How grave a line is, for those who read JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineLevel {
    Error,
    Warn,
    Info,
}

/// A line on stderr that `--quiet` leaves out.
pub(super) fn note(text: impl fmt::Display) {
    if !is_quiet() {
        tell(text);
    }
}

/// A line on stderr that someone is asked about.
pub(super) fn tell(text: impl fmt::Display) {
    say(line(LineLevel::Info, &wrapped(&text.to_string())));
}

/// A line on stderr that nothing waits for: what happens while an apply is under way.
pub(super) fn progress(text: &str) {
    if !is_quiet() {
        stderr().offer(line(LineLevel::Info, text));
    }
}

/// An error on stderr.
pub(super) fn error(text: &str) {
    let red = AnsiColor::Red.on_default().bold();
    // In JSON the level says it.
    match manner().0 {
        StreamForm::Text => say(line(LineLevel::Error, &wrapped(&format!("{red}error:{red:#} {text}")))),
        StreamForm::Json => say(line(LineLevel::Error, text)),
    }
}

/// Replaces a file, complete or not at all. Where there is one, it keeps its place, owner and mode, but
/// that only its owner may read what `is_secret`.
pub(super) fn write_over(path: &Path, text: &str, is_secret: bool) -> Result<(), Fatal> {
    atomic_file::replace_alike(path, text.as_bytes(), is_secret)
        .map_err(|error| Fatal::new(format!("{}: {error}", path.display())))
}

/// What ends a command, on stderr.
pub(super) fn fatal(fatal: &Fatal) {
    match fatal.told {
        ErrorForm::Plainly => error(&fatal.text),
        ErrorForm::AsFindings => say(line(LineLevel::Error, &wrapped(fatal.text.trim_end()))),
    }
}

/// A finding on a file, on stderr.
pub(super) fn finding(severity: Severity, rendered: &str) {
    let level = match severity {
        Severity::Error => LineLevel::Error,
        Severity::Warning => LineLevel::Warn,
        Severity::Note => LineLevel::Info,
    };
    say(line(level, &wrapped(rendered)));
}

/// Asks on stderr; the answer is typed behind it.
pub(super) fn ask(question: &str) -> io::Result<()> {
    settle();
    match manner().0 {
        StreamForm::Text => {
            let mut stderr = io::stderr();
            write!(stderr, "\n{question} ").and_then(|()| stderr.flush())
        }
        StreamForm::Json => io::stderr().write_all(&line(LineLevel::Info, question)),
    }
}

/// A line of the log, as it is.
pub(super) fn log(bytes: &[u8]) {
    stderr().offer(bytes.to_vec());
}

fn say(line: Vec<u8>) {
    match manner().1 {
        WaitingNote::Command => stderr().put(line),
        WaitingNote::Nobody => drop(stderr().offer(line)),
    }
}

/// A line as bytes, with its end.
fn line(level: LineLevel, text: &str) -> Vec<u8> {
    match manner().0 {
        StreamForm::Text if stderr_wants_colour() => format!("{text}\n").into_bytes(),
        StreamForm::Text => format!("{}\n", anstream::adapter::strip_str(text)).into_bytes(),
        StreamForm::Json => json_line(level, text),
    }
}

/// In the form of the log's own lines.
fn json_line(level: LineLevel, text: &str) -> Vec<u8> {
    let text = anstream::adapter::strip_str(text).to_string();
    let line = serde_json::json!({
        "timestamp": humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
        "level": match level {
            LineLevel::Error => "ERROR",
            LineLevel::Warn => "WARN",
            LineLevel::Info => "INFO",
        },
        "fields": { "message": spelt_out(text.trim()) },
        "target": "numctl",
    });
    format!("{line}\n").into_bytes()
}

/// The last words of a process that is ended from outside of its work: they wait for no one.
pub(super) fn last_words(text: &str) {
    stderr().offer(line(LineLevel::Error, text));
    stderr().flush(Some(LAST_WORDS));
}

/// Writes a file that only its owner may read, complete or not at all.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Fatal> {
    atomic_file::replace(path, text.as_bytes())
        .map_err(|error| Fatal::new(format!("{}: {error}", path.display())))
}

//! What is wrong with a file, or doubtful in it: for people as rustc shows it, for machines as JSON.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

use super::SecretPlace;
use super::excerpt::{Excerpt, excerpt, floor};

/// Longer lines are not shown, not even in part.
const LONGEST_LINE: usize = 16_384;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is not used.
    Error,
    /// The file is used, and may not do what its author expects.
    Warning,
    /// The file does what it says, and there is nothing to change in it.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A place in a file. It carries the line that it is about, already masked and escaped, so that
/// whatever shows it shows no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as it was named.
    pub file: Arc<str>,
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The bytes of the file that are meant.
    pub span: Range<usize>,
    /// The way to it, such as `numbers[3].voice.url`; empty where it is no field.
    pub path: String,
    excerpt: Option<Excerpt>,
}

impl Location {
    /// The place of `span` in a file's text, whose lines start at `starts`. `whole` says that the
    /// span is a whole key or value.
    pub(super) fn new(
        file: Arc<str>,
        text: &str,
        starts: &[usize],
        span: Range<usize>,
        path: String,
        whole: bool,
    ) -> Self {
        let start = floor(text, span.start);
        let line = starts.partition_point(|line| *line <= start).max(1);
        let line_start = starts.get(line - 1).copied().unwrap_or(0);
        let line_end = starts.get(line).map_or(text.len(), |next| next - 1);
        let shown = text[line_start..line_end].trim_end_matches('\r');
        let marked = start - line_start..span.end.clamp(start, line_end) - line_start;
        Self {
            file,
            line,
            column: text[line_start..start].chars().count() + 1,
            span: start..span.end.max(start),
            // Keys are text from the file, too.
            path: super::excerpt::message(&path),
            // A file may be one line of 64 MiB; no one reads that.
            excerpt: (shown.len() <= LONGEST_LINE).then(|| excerpt(shown, marked, whole)),
        }
    }

    /// One byte of a text that is no key and no value.
    pub(crate) fn of_byte(file: Arc<str>, text: &str, byte: usize) -> Self {
        let starts: Vec<usize> =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self::new(file, text, &starts, byte..byte + 1, String::new(), false)
    }

    /// The same place, where nothing of the line is shown: what is there may be a secret.
    pub(super) fn without_its_text(self) -> Self {
        Self { excerpt: None, ..self }
    }

    /// A place that was found before, without its text.
    pub(super) fn at(place: &SecretPlace) -> Self {
        let SecretPlace { file, line, column, path, .. } = place;
        Self { line: *line, column: *column, path: path.to_string(), ..Self::of_file(file.clone()) }
    }

    /// A file as a whole.
    pub(crate) fn of_file(file: Arc<str>) -> Self {
        Self { file, line: 1, column: 1, span: 0..0, path: String::new(), excerpt: None }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong or doubtful. No text in it holds a secret or a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in one line.
    pub message: String,
    pub place: Option<Location>,
    /// Other places that it is about, each with what is there.
    pub also: Vec<(Location, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// How many more of its kind there are in its file, which are not shown.
    pub more: usize,
}

impl Finding {
    /// An error that is about no place in particular.
    pub(crate) fn error(message: impl AsRef<str>, help: Option<&str>) -> Self {
        let message = super::excerpt::message(message.as_ref());
        let help = help.map(super::excerpt::message);
        Self { severity: Severity::Error, message, place: None, also: Vec::new(), help, more: 0 }
    }

    pub(crate) fn at(mut self, place: Location) -> Self {
        self.place = Some(place);
        self
    }

    /// As rustc shows its own: the message, ` --> file:line:column`, the line with carets, the other
    /// places, `help: …`. `styled` colours it for a terminal. Ends with a line break.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        let places = self.place.iter().map(|place| (place, None));
        let also = self.also.iter().map(|(place, label)| (place, Some(label.as_str())));
        for (place, label) in places.chain(also) {
            let kind = if label.is_none() { AnnotationKind::Primary } else { AnnotationKind::Context };
            match &place.excerpt {
                Some(excerpt) => {
                    let annotation = kind.span(excerpt.marked.clone()).label(label);
                    let snippet =
                        Snippet::source(excerpt.text.as_str()).line_start(place.line).annotation(annotation);
                    group = group.element(origin(place)).element(snippet);
                }
                None => group = group.element(origin(place)),
            }
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let more = format!("{} more like this in this file", self.more);
        if self.more > 0 {
            group = group.element(Level::NOTE.message(more.as_str()));
        }
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let shown = renderer.decor_style(DecorStyle::Ascii).render(&[group]);
        // The origin is given apart from the excerpt, which may be cut or masked and so has other
        // columns; the renderer then takes the excerpt for another file and opens it with `:::`.
        shown.lines().filter(|line| !is_bare_separator(line)).flat_map(|line| [line, "\n"]).collect()
    }

    /// The finding as JSON: `severity`, `message`, `file`, `line`, `column`, `path`, `also`, `help`, and
    /// `more`: how many of its kind are not listed.
    #[must_use]
    pub fn json(&self) -> Value {
        let place = self.place.as_ref();
        let also: Vec<_> = self
            .also
            .iter()
            .map(|(place, message)| {
                json!({
                    "message": message,
                    "file": &*place.file,
                    "line": place.line,
                    "column": place.column,
                    "path": place.path,
                })
            })
            .collect();
        json!({
            "severity": self.severity.as_str(),
            "message": self.message,
            "file": place.map(|place| &*place.file),
            "line": place.map(|place| place.line),
            "column": place.map(|place| place.column),
            "path": place.map(|place| place.path.as_str()).filter(|path| !path.is_empty()),
            "also": also,
            "help": self.help,
            "more": self.more,
        })
    }
}

/// A line that is nothing but `:::`, coloured or not.
fn is_bare_separator(line: &str) -> bool {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, styled)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = styled.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.trim() == ":::"
}

fn origin(place: &Location) -> Origin<'_> {
    Origin::path(&*place.file).line(place.line).char_column(place.column)
}

/// Every finding as one JSON array.
#[must_use]
pub fn findings_json(findings: &[Finding]) -> Value {
    findings.iter().map(Finding::json).collect()
}

/// Every finding as text, with an empty line after each.
#[must_use]
pub fn render_findings(findings: &[Finding], styled: bool) -> String {
    findings.iter().map(|finding| finding.render(styled) + "\n").collect()
}

/// Why there is no `Desired`: at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    findings: Vec<Finding>,
    /// Errors beyond those that are listed.
    more: usize,
}

impl Findings {
    /// `None` where there is no error among them.
    pub(crate) fn new(mut findings: Vec<Finding>, more: usize) -> Option<Self> {
        // Warnings can wait until there is a file that is used; beside an error they are noise.
        findings.retain(|finding| finding.severity == Severity::Error);
        (!findings.is_empty()).then_some(Self { findings, more })
    }

    /// One error, which there is no way around.
    pub(crate) fn from_finding(error: Finding) -> Self {
        Self { findings: vec![error], more: 0 }
    }

    /// For what cannot happen, so that it is an error and no panic.
    pub(crate) fn unexplained() -> Self {
        Self { findings: vec![Finding::error("the files could not be merged", None)], more: 0 }
    }

    /// The errors in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// How many errors there are.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn errors(&self) -> usize {
        self.more + self.findings.iter().map(|finding| 1 + finding.more).sum::<usize>()
    }

    /// All of it as text, and how many more errors there are where not all are listed.
    #[must_use]
    pub fn render(&self, styled: bool) -> String {
        let mut out = render_findings(&self.findings, styled);
        if self.more > 0 {
            out.push_str(&format!("… and {} more errors\n", self.more));
        }
        out
    }

    /// All of it as a JSON array.
    #[must_use]
    pub fn json(&self) -> Value {
        findings_json(&self.findings)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Findings {}

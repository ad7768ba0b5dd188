//! Findings before their places are known: a check says the path, and one pass over each file turns
//! all of its paths into lines and columns.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::SecretPlace;
use super::excerpt;
use super::finding::{Finding, Location, Severity};
use super::place::{self, Path, PathStep, WantedPlace};
use super::source::Source;
use super::suggest;

/// More kinds of errors than this are only counted: no one reads them, and a million of them would cost
/// more than the fleet.
const KINDS_MAX: usize = 200;
/// At most this many of one kind in one file are shown; the last one says how many more there are.
const OF_ONE_KIND: usize = 5;
/// At most this many names are compared for "did you mean", in all: enough for every mistake of a person, and a
/// moment where a file has thousands of wrong names.
const COMPARISONS_MAX: usize = 20_000;

/// Where an issue is.
#[derive(Debug, Clone)]
pub(super) enum At {
    /// A path in a file (index into the sources).
    Path {
        file: usize,
        path: Path,
        key: bool,
    },
    /// Bytes of a file; `whole` where they are a whole key or value.
    Span {
        file: usize,
        span: Range<usize>,
        path: Path,
        whole: bool,
    },
    /// The file as a whole.
    File(usize),
    Nowhere,
}

impl At {
    /// The value at a path.
    pub(super) fn value<const N: usize>(file: usize, path: [PathStep; N]) -> Self {
        Self::Path { file, path: path.into(), key: false }
    }

    /// The key at a path.
    pub(super) fn key<const N: usize>(file: usize, path: [PathStep; N]) -> Self {
        Self::Path { file, path: path.into(), key: true }
    }

    fn file(&self) -> Option<usize> {
        match self {
            Self::Path { file, .. } | Self::Span { file, .. } | Self::File(file) => Some(*file),
            Self::Nowhere => None,
        }
    }
}

/// A finding whose place is still a path.
#[derive(Debug, Clone)]
pub(super) struct Issue {
    severity: Severity,
    message: String,
    at: At,
    also: Vec<(At, String)>,
    help: Option<String>,
    /// The value at its place may be a secret: it is not shown.
    is_secret: bool,
}

impl Issue {
    pub(super) fn error(at: At, message: impl AsRef<str>) -> Self {
        Self::new(Severity::Error, at, message.as_ref())
    }

    pub(super) fn warning(at: At, message: impl AsRef<str>) -> Self {
        Self::new(Severity::Warning, at, message.as_ref())
    }

    pub(super) fn note(at: At, message: impl AsRef<str>) -> Self {
        Self::new(Severity::Note, at, message.as_ref())
    }

    fn new(severity: Severity, at: At, message: &str) -> Self {
        let message = excerpt::message(message);
        Self { severity, message, at, also: Vec::new(), help: None, is_secret: false }
    }

    /// What is at its place may be a secret.
    pub(super) fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    pub(super) fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(excerpt::message(help.as_ref()));
        self
    }

    pub(super) fn also(mut self, at: At, what: impl AsRef<str>) -> Self {
        self.also.push((at, excerpt::message(what.as_ref())));
        self
    }
}

/// The issues of a run.
#[derive(Debug, Default)]
pub(super) struct Issues {
    list: Vec<Issue>,
    /// Errors that were pushed.
    errors: usize,
    /// Errors that are in no way shown.
    uncounted: usize,
    /// Issues of one severity, file and kind of message.
    kinds: HashMap<(Severity, Option<usize>, String), IssueKind>,
    /// Names that were compared for "did you mean".
    compared: usize,
    /// What is said once per file: how bad, what, the first place, how often.
    repeated: BTreeMap<(usize, Severity, String), (At, usize, String)>,
    /// URLs that name secrets, each with its first place.
    secrets: BTreeMap<Arc<str>, At>,
}

/// What the issues come to once their places are known.
pub(super) struct ResolvedIssues {
    /// The findings in the order of the files and their lines.
    pub(super) findings: Vec<Finding>,
    /// How many errors are left out.
    pub(super) more: usize,
    /// URLs that name secrets, each with its first place.
    pub(super) secrets: Vec<SecretPlace>,
}

/// Issues that differ in their names and numbers at most.
#[derive(Debug, Default)]
struct IssueKind {
    shown: usize,
    /// The last one that is shown.
    last: usize,
    more: usize,
}

impl Issues {
    pub(super) fn push(&mut self, issue: Issue) {
        self.push_with(issue, |_| None);
    }

    /// The same, with a help that costs something and is made where the issue is shown.
    pub(super) fn push_with(&mut self, issue: Issue, help: impl FnOnce(&mut Self) -> Option<String>) {
        let is_error = issue.severity == Severity::Error;
        self.errors += usize::from(is_error);
        let known = self.kinds.len();
        let kind = (issue.severity, issue.at.file(), kind_of(&issue.message));
        match self.kinds.get_mut(&kind) {
            Some(kind) if kind.shown >= OF_ONE_KIND => {
                kind.more += 1;
                return;
            }
            None if known >= KINDS_MAX => {
                self.uncounted += usize::from(is_error);
                return;
            }
            Some(_) | None => {}
        }
        let kind = self.kinds.entry(kind).or_default();
        kind.shown += 1;
        kind.last = self.list.len();
        let issue = match help(self) {
            Some(help) => issue.help(help),
            None => issue,
        };
        self.list.push(issue);
    }

    /// "did you mean …?", and the `total` names.
    pub(super) fn choices<'a>(
        &mut self,
        name: &str,
        names: impl Iterator<Item = &'a str> + Clone,
        total: usize,
    ) -> String {
        let list = suggest::list(names.clone(), total);
        self.compared = self.compared.saturating_add(total);
        let near = if self.compared <= COMPARISONS_MAX { suggest::nearest(name, names) } else { None };
        match near {
            Some(near) => format!("did you mean {near}? (there are: {list})"),
            None => format!("there are: {list}"),
        }
    }

    /// A warning that is given once per file, at its first place and with a count.
    pub(super) fn repeat(&mut self, file: usize, message: &str, help: &str, at: impl FnOnce() -> At) {
        self.once_a_file((file, Severity::Warning, message.to_owned()), help, at);
    }

    /// The same for a note.
    pub(super) fn repeat_note(&mut self, file: usize, message: &str, help: &str, at: impl FnOnce() -> At) {
        self.once_a_file((file, Severity::Note, message.to_owned()), help, at);
    }

    fn once_a_file(&mut self, what: (usize, Severity, String), help: &str, at: impl FnOnce() -> At) {
        let (_, count, _) = self.repeated.entry(what).or_insert_with(|| (at(), 0, help.to_owned()));
        *count += 1;
    }

    /// A URL names secrets: whether they can be filled in is found out later.
    pub(super) fn names_secrets(&mut self, url: &Arc<str>, at: impl FnOnce() -> At) {
        if !self.secrets.contains_key(url) {
            self.secrets.insert(url.clone(), at());
        }
    }

    /// No file names a number. An empty list that someone wrote is meant: an account may have none.
    pub(super) fn no_number(&mut self, is_meant: bool) {
        if self.any_errors() {
            return;
        }
        let issue = if is_meant { Issue::note } else { Issue::warning };
        self.push(
            issue(At::Nowhere, "the files name no number")
                .help("`numctl export` writes a file for the numbers that are live"),
        );
    }

    pub(super) fn any_errors(&self) -> bool {
        self.errors > 0
    }

    /// Finds the places.
    pub(super) fn resolve(mut self, sources: &[&Source]) -> ResolvedIssues {
        for ((_, severity, message), (at, count, help)) in std::mem::take(&mut self.repeated) {
            let message = if count == 1 { message } else { format!("{message} ({count} places)") };
            self.push(Issue::new(severity, at, &message).help(help));
        }
        let mut wanted: BTreeMap<usize, Vec<WantedPlace>> = BTreeMap::new();
        let of_list =
            self.list.iter().flat_map(|i| std::iter::once(&i.at).chain(i.also.iter().map(|a| &a.0)));
        for at in of_list.chain(self.secrets.values()) {
            if let At::Path { file, path, key } = at {
                wanted.entry(*file).or_default().push(WantedPlace { path: path.clone(), key: *key });
            }
        }
        let mut spans: BTreeMap<usize, _> = wanted
            .iter()
            .map(|(file, wanted)| (*file, place::locate(sources[*file].body(), wanted).into_iter()))
            .collect();
        let mut lines = LineStarts::default();
        let mut locate = |at: &At| -> Option<Location> {
            let source = sources[at.file()?];
            Some(match at {
                At::Path { file, path, .. } => {
                    // The spans come in the order in which the paths were gathered above.
                    let span = spans.get_mut(file)?.next()?;
                    lines.location(*file, source, span, place::display(path), true)
                }
                At::Span { file, span, path, whole } => {
                    lines.location(*file, source, span.clone(), place::display(path), *whole)
                }
                At::File(_) | At::Nowhere => Location::of_file(source.name.clone()),
            })
        };
        let more: HashMap<usize, usize> = self.kinds.values().map(|kind| (kind.last, kind.more)).collect();
        let mut findings: Vec<(Option<usize>, Finding)> = self
            .list
            .iter()
            .enumerate()
            .map(|(at, issue)| {
                let place = locate(&issue.at);
                let place = if issue.is_secret { place.map(Location::without_its_text) } else { place };
                let also =
                    issue.also.iter().filter_map(|(at, what)| Some((locate(at)?, what.clone()))).collect();
                let finding = Finding {
                    severity: issue.severity,
                    more: more.get(&at).copied().unwrap_or(0),
                    message: issue.message.clone(),
                    place,
                    also,
                    help: issue.help.clone(),
                };
                (issue.at.file(), finding)
            })
            .collect();
        let secrets = self.secrets.iter().filter_map(|(url, at)| {
            let Location { file, line, column, path, .. } = locate(at)?;
            Some(SecretPlace { url: url.clone(), file, line, column, path: path.into() })
        });
        let secrets = secrets.collect();
        findings.sort_by_key(|(file, finding)| {
            (finding.severity, *file, finding.place.as_ref().map_or(0, |place| place.span.start))
        });
        let findings = findings.into_iter().map(|(_, finding)| finding).collect();
        ResolvedIssues { findings, more: self.uncounted, secrets }
    }
}

/// A message without the names and numbers in it: what is in double quotes, and digits.
fn kind_of(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut is_quoted = false;
    for c in message.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => continue,
            '0'..='9' if out.ends_with('0') => continue,
            '0'..='9' => {
                out.push('0');
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Line starts, counted once per file that has findings.
#[derive(Default)]
struct LineStarts(BTreeMap<usize, Vec<usize>>);

impl LineStarts {
    fn location(
        &mut self,
        file: usize,
        source: &Source,
        span: Range<usize>,
        path: String,
        whole: bool,
    ) -> Location {
        let text = source.body();
        let starts = self.0.entry(file).or_insert_with(|| {
            std::iter::once(0)
                .chain(text.bytes().enumerate().filter(|b| b.1 == b'\n').map(|b| b.0 + 1))
                .collect()
        });
        Location::new(source.name.clone(), text, starts, span, path, whole)
    }
}

//! Where things are in a file: paths such as `numbers[3].voice.url`, and the spans they have.
//!
//! serde keeps no positions, and on a good file no one needs them. When there is something to
//! report, one more pass over the file's marked events finds the places of just those paths.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use saphyr_parser::{Event, Parser};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum PathStep {
    Key(Box<str>),
    Index(usize),
}

impl From<&str> for PathStep {
    fn from(key: &str) -> Self {
        Self::Key(key.into())
    }
}

impl From<usize> for PathStep {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A way through a file.
pub(super) type Path = Vec<PathStep>;

pub(super) fn display(path: &[PathStep]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            PathStep::Key(key) if out.is_empty() => out.push_str(key),
            PathStep::Key(key) => {
                out.push('.');
                out.push_str(key);
            }
            PathStep::Index(index) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "[{index}]");
            }
        }
    }
    out
}

/// A path, and whether its key or its value is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WantedPlace {
    pub(super) path: Path,
    pub(super) key: bool,
}

/// A node that the walk comes by.
struct PathNode<'a> {
    path: &'a [PathStep],
    /// A mapping's key, else a value.
    key: bool,
    /// Bytes. Of a list or mapping only the start is known when it is met, so there it is empty.
    span: Range<usize>,
    scalar: bool,
}

/// Whether to continue.
#[derive(PartialEq)]
enum Go {
    On,
    Stop,
}

enum Frame {
    List { next: usize },
    Mapping { value_is_next: bool },
}

/// Visits every key and value in the order of the text; stops early at what does not parse.
fn walk(text: &str, mut visit: impl FnMut(&PathNode<'_>) -> Go) {
    let mut cursor = Cursor { text, ascii: text.is_ascii(), chars: 0, bytes: 0 };
    let mut path: Path = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, marks)) = event else { return };
        let (scalar, opens) = match &event {
            Event::Scalar(scalar, ..) => (Some(scalar.as_ref()), None),
            Event::Alias(_) => (None, None),
            Event::SequenceStart(..) => (None, Some(Frame::List { next: 0 })),
            Event::MappingStart(..) => (None, Some(Frame::Mapping { value_is_next: false })),
            Event::SequenceEnd | Event::MappingEnd => {
                frames.pop();
                value_done(&mut frames, &mut path);
                continue;
            }
            // A second document is not ours.
            Event::DocumentEnd => return,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => continue,
        };
        let start = cursor.byte(marks.start.index());
        let end = cursor.byte(marks.end.index()).max(start);
        match frames.last() {
            Some(Frame::Mapping { value_is_next: false }) => {
                // A key that is a list or a mapping: no path leads there, and serde refuses it.
                let Some(key) = scalar else { return };
                path.push(PathStep::Key(key.into()));
                if visit(&PathNode { path: &path, key: true, span: start..end, scalar: true }) == Go::Stop {
                    return;
                }
                if let Some(Frame::Mapping { value_is_next }) = frames.last_mut() {
                    *value_is_next = true;
                }
                continue;
            }
            Some(Frame::List { next }) => path.push(PathStep::Index(*next)),
            Some(Frame::Mapping { value_is_next: true }) | None => {}
        }
        let span = if opens.is_some() { start..start } else { start..end };
        if visit(&PathNode { path: &path, key: false, span, scalar: opens.is_none() }) == Go::Stop {
            return;
        }
        match opens {
            Some(frame) => frames.push(frame),
            None => value_done(&mut frames, &mut path),
        }
    }
}

fn value_done(frames: &mut [Frame], path: &mut Path) {
    match frames.last_mut() {
        Some(Frame::List { next }) => *next += 1,
        Some(Frame::Mapping { value_is_next }) => *value_is_next = false,
        None => return,
    }
    path.pop();
}

/// From the parser's character indices to bytes. They come nearly in order, so that walking from
/// the last one is cheap.
struct Cursor<'a> {
    text: &'a str,
    ascii: bool,
    chars: usize,
    bytes: usize,
}

impl Cursor<'_> {
    fn byte(&mut self, chars: usize) -> usize {
        if self.ascii {
            return chars.min(self.text.len());
        }
        while self.chars < chars {
            let Some(next) = self.text[self.bytes..].chars().next() else { break };
            self.bytes += next.len_utf8();
            self.chars += 1;
        }
        while self.chars > chars {
            let Some(last) = self.text[..self.bytes].chars().next_back() else { break };
            self.bytes -= last.len_utf8();
            self.chars -= 1;
        }
        self.bytes
    }
}

#[derive(Default)]
struct Trie {
    children: HashMap<PathStep, usize>,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
}

/// The spans of the wanted paths. Where a path is not there (a missing field, or one that came
/// through an alias), the nearest thing above it that is.
pub(super) fn locate(text: &str, wanted: &[WantedPlace]) -> Vec<Range<usize>> {
    let mut tries = vec![Trie::default()];
    for want in wanted {
        let mut at = 0;
        for step in &want.path {
            at = match tries[at].children.get(step) {
                Some(child) => *child,
                None => {
                    tries.push(Trie::default());
                    let child = tries.len() - 1;
                    tries[at].children.insert(step.clone(), child);
                    child
                }
            };
        }
    }
    let mut missing = tries.len();
    walk(text, |node| {
        let mut at = 0;
        for step in node.path {
            match tries[at].children.get(step) {
                Some(child) => at = *child,
                None => return Go::On,
            }
        }
        let slot = if node.key { &mut tries[at].key } else { &mut tries[at].value };
        if slot.is_none() {
            *slot = Some(node.span.clone());
            if !node.key {
                missing -= 1;
            }
        }
        if missing == 0 { Go::Stop } else { Go::On }
    });
    wanted
        .iter()
        .map(|want| {
            let mut at = 0;
            let mut best = tries[0].value.clone().unwrap_or(0..0);
            for (depth, step) in want.path.iter().enumerate() {
                let Some(child) = tries[at].children.get(step) else { break };
                at = *child;
                let last = depth + 1 == want.path.len();
                let key = tries[at].key.clone();
                // A list's or mapping's own start is its first key, and an empty value is nothing
                // to point at: the key that leads there says more.
                let value = tries[at].value.clone().filter(|span| !last || !span.is_empty() || key.is_none());
                let found = if last && want.key { key.or(value) } else { value.or(key) };
                match found {
                    Some(span) => best = span,
                    None => break,
                }
            }
            best
        })
        .collect()
}

/// The scalar at a byte, or the last one before it.
pub(super) fn node_at(text: &str, byte: usize) -> Option<(Path, Range<usize>)> {
    let mut found = None;
    walk(text, |node| {
        if node.span.start > byte {
            return Go::Stop;
        }
        if node.scalar || found.is_none() {
            found = Some((node.path.to_vec(), node.span.clone()));
        }
        Go::On
    });
    found
}

/// The value that starts at a byte: also a list or a mapping, of which only the start is known.
pub(super) fn value_at(text: &str, byte: usize) -> Option<(Path, Range<usize>)> {
    let mut found = None;
    walk(text, |node| {
        if node.span.start > byte {
            return Go::Stop;
        }
        if !node.key && node.span.start == byte {
            found = Some((node.path.to_vec(), node.span.clone()));
            return Go::Stop;
        }
        Go::On
    });
    found
}

/// The first key of this name that starts at a byte or after it.
pub(super) fn key_from(text: &str, from: usize, name: &str) -> Option<(Path, Range<usize>)> {
    let mut found = None;
    walk(text, |node| {
        let here = node.key
            && node.span.start >= from
            && matches!(node.path.last(), Some(PathStep::Key(key)) if **key == *name);
        if here {
            found = Some((node.path.to_vec(), node.span.clone()));
            return Go::Stop;
        }
        Go::On
    });
    found
}

/// The first key of this name, from a byte on, that its mapping already has: its path, its span,
/// and the span of the key that came first.
pub(super) fn doubled_key(text: &str, from: usize, name: &str) -> Option<(Path, Range<usize>, Range<usize>)> {
    let mut seen: HashMap<Path, Range<usize>> = HashMap::new();
    let mut found = None;
    walk(text, |node| {
        let Some((PathStep::Key(last), parent)) = node.path.split_last() else { return Go::On };
        if !node.key || **last != *name || node.span.start < from {
            return Go::On;
        }
        match seen.get(parent) {
            Some(first) => {
                found = Some((node.path.to_vec(), node.span.clone(), first.clone()));
                Go::Stop
            }
            None => {
                seen.insert(parent.to_vec(), node.span.clone());
                Go::On
            }
        }
    });
    found
}

/// How deep a file is, told by the events of a parse.
#[derive(Debug, PartialEq)]
pub(super) enum Depth {
    /// Nowhere deeper than was asked.
    Within,
    /// Deeper from this byte on.
    Beyond(usize),
    /// It does not parse: nobody knows.
    Unknown,
}

/// Whether more than `max` lists and mappings are open at once, in any document of the text.
pub(super) fn depth(text: &str, max: usize) -> Depth {
    let mut open = 0_usize;
    for event in Parser::new_from_str(text) {
        let Ok((event, marks)) = event else { return Depth::Unknown };
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => open += 1,
            Event::SequenceEnd | Event::MappingEnd => open = open.saturating_sub(1),
            _ => {}
        }
        if open > max {
            let mut cursor = Cursor { text, ascii: text.is_ascii(), chars: 0, bytes: 0 };
            return Depth::Beyond(cursor.byte(marks.start.index()));
        }
    }
    Depth::Within
}

/// How much a file's aliases expand to.
pub(super) struct Aliases {
    pub(super) count: usize,
    /// Bytes, were every alias replaced by what it stands for.
    pub(super) expanded: usize,
}

/// Counts aliases and what they expand to, without expanding any.
pub(super) fn aliases(text: &str) -> Aliases {
    let mut total = Aliases { count: 0, expanded: 0 };
    // The size of each anchored node, its own aliases expanded.
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    // The nodes that are open: their anchor, and the size so far.
    let mut open: Vec<(usize, usize)> = vec![(0, 0)];
    for event in Parser::new_from_str(text) {
        let Ok((event, marks)) = event else { break };
        let grown = match event {
            Event::Alias(anchor) => {
                total.count += 1;
                let size = sizes.get(&anchor).copied().unwrap_or(0);
                total.expanded = total.expanded.saturating_add(size);
                size
            }
            Event::Scalar(_, _, anchor, _) => {
                let size = marks.end.index().saturating_sub(marks.start.index()) + 1;
                if anchor != 0 {
                    sizes.insert(anchor, size);
                }
                size
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                open.push((anchor, 1));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (anchor, size) = open.pop().unwrap_or_default();
                if anchor != 0 {
                    sizes.insert(anchor, size);
                }
                size
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => 0,
        };
        if let Some((_, size)) = open.last_mut() {
            *size = size.saturating_add(grown);
        }
    }
    total
}

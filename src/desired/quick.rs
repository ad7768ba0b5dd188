//! A quick way for plain files. Reading YAML was two fifths of what a plan costs, and nearly all files
//! list their numbers in a few plain shapes: those that people and `export` write. Entries of these
//! shapes are read here, a line at a time:
//!
//! ```yaml
//! numbers:
//!   - phone_number: "+15552230000"
//!     profile: support # what a person adds
//!     voice:
//!       url: https://voice.example.com/
//!   - { phone_number: "+15552230001", sms: { url: null } }
//! ```
//!
//! Everything else of the file, the entries cut out, goes through libyaml. At the first thing that is
//! not one of these shapes, the whole file does: anchors, tags, escapes, text of several lines, tabs,
//! unknown or doubled keys, a value of another type, any error at all. So an error is found by libyaml,
//! with its place, and what is read here is what libyaml would have read. Tests hold the two equal
//! (below, and for every input of the fuzz target `desired_file`).
//!
//! Why the entries may be cut out: the file starts with a key in the first column, so that its top is a
//! block mapping there, and the line `numbers:` in the first column is a key of it, whatever came
//! before; `numbers:` without a value stays in its place.
//!
//! To leave the quick way out, delete this file and the lines in `read.rs` that name it.

use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::raw::{
    Count, Given, Map, RawEntries, RawEntry, RawFile, RawNumber, Section, Setting, Sms, Switch, Voice,
};
use crate::model::number::PhoneNumber;

/// Reads a file of plain shapes. `read_rest` reads the file without its numbers, and has an opinion on
/// everything in it.
pub(super) fn read(text: &str, read_rest: impl Fn(&str) -> Option<RawFile>) -> Option<RawFile> {
    const SECTION: &str = "numbers:";
    let start = match text.strip_prefix(SECTION) {
        Some(_) => return None,
        None => text.find("\nnumbers:")? + 1,
    };
    let head = &text[..start];
    if !has_plain_top(head) {
        return None;
    }
    let mut lines = QuickLines { text, at: start };
    let (_, line) = lines.next()?;
    is_end_of_value(line.strip_prefix(SECTION)?).then_some(())?;
    let first = lines.at;
    let (entries, end) = entries(&mut lines)?;
    let (section, tail) = (&text[first..end], &text[end..]);
    if !section.is_ascii() && !section.chars().all(is_plain_character) || has_lone_return(section) {
        return None;
    }
    // A quote that the top leaves open would take the entries into its text, and end below them.
    let is_last = tail.lines().all(|line| is_blank_or_comment(line) || line.trim_end() == "...");
    if !is_last && !matches!(read_rest(head)?.numbers, Section::Absent) {
        return None;
    }
    let mut file = read_rest(&[&text[..first], tail].concat())?;
    matches!(file.numbers, Section::Null).then_some(())?;
    file.numbers = Section::Is(RawEntries(entries));
    Some(file)
}

/// Whether a line ends in a carriage return alone, which YAML takes for a line break.
fn has_lone_return(text: &str) -> bool {
    text.contains('\r') && text.split('\r').skip(1).any(|rest| !rest.starts_with('\n'))
}

/// Whether the top of the file is a block mapping in the first column, in the only document.
fn has_plain_top(head: &str) -> bool {
    let mut lines = head.lines();
    let first = lines.find(|line| !is_blank_or_comment(line));
    first.is_some_and(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))
        && !lines.any(|line| line.starts_with("---") || line.starts_with("..."))
}

/// What libyaml takes for a character and for no line break.
fn is_plain_character(c: char) -> bool {
    c.is_ascii()
        || (c >= '\u{a0}' && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
}

fn is_blank_or_comment(text: &str) -> bool {
    let rest = text.trim_start_matches(' ');
    rest.is_empty() || (rest.starts_with('#') && (rest.len() < text.len() || text.starts_with('#')))
}

struct QuickLines<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> QuickLines<'a> {
    /// The next line and where it starts; without its end.
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let start = self.at;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let (line, length) = match memchr::memchr(b'\n', rest.as_bytes()) {
            Some(end) => (&rest[..end], end + 1),
            None => (rest, rest.len()),
        };
        self.at += length;
        Some((start, line.strip_suffix('\r').unwrap_or(line)))
    }
}

/// Reads entries up to the next key of the top, or the end; says where that is.
fn entries(lines: &mut QuickLines<'_>) -> Option<(Vec<RawEntry>, usize)> {
    let mut list = QuickList { entries: Vec::new(), names: SharedNames::default() };
    let mut dash_column = None;
    let mut open: Option<OpenEntry<'_>> = None;
    let end = loop {
        let Some((start, line)) = lines.next() else { break lines.text.len() };
        let column = line.bytes().take_while(|byte| *byte == b' ').count();
        let body = &line[column..];
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        if let Some(body) = body.strip_prefix("- ") {
            if *dash_column.get_or_insert(column) != column {
                return None;
            }
            if let Some(done) = open.take() {
                list.push(done.entry()?)?;
            }
            if let Some(flow) = body.strip_prefix('{') {
                let mut entry = PendingEntry::default();
                let rest = flow_mapping(flow, KeyGroup::Top, &mut entry)?;
                is_end_of_value(rest).then_some(())?;
                list.push(entry)?;
            } else {
                let mut entry = OpenEntry { entry: PendingEntry::default(), group: None };
                entry.line(column + 2, column + 2, body)?;
                open = Some(entry);
            }
        } else if column == 0 {
            // The next key of the top, or the end of the document: not ours to judge.
            if !body.starts_with(|c: char| c.is_ascii_alphabetic()) && body.trim_end() != "..." {
                return None;
            }
            break start;
        } else {
            open.as_mut()?.line(dash_column? + 2, column, body)?;
        }
    };
    if let Some(done) = open {
        list.push(done.entry()?)?;
    }
    (!list.entries.is_empty()).then_some((list.entries, end))
}

/// An entry in block style that may continue in the next line.
struct OpenEntry<'a> {
    entry: PendingEntry<'a>,
    /// The group whose lines come, and their column once it is known.
    group: Option<(KeyGroup, Option<usize>)>,
}

impl<'a> OpenEntry<'a> {
    /// Takes a line. The entry's own keys are in the column `own`.
    fn line(&mut self, own: usize, column: usize, body: &'a str) -> Option<()> {
        let (key, value) = body.split_once(':')?;
        let group = if column == own {
            // A group that has nothing is null.
            if matches!(self.group.take(), Some((_, None))) {
                return None;
            }
            KeyGroup::Top
        } else {
            let (group, indent) = self.group.as_mut()?;
            if column < own || *indent.get_or_insert(column) != column {
                return None;
            }
            *group
        };
        if value.is_empty() && group == KeyGroup::Top {
            let group = KeyGroup::from_key(key)?;
            self.entry.open(group)?;
            self.group = Some((group, None));
            return Some(());
        }
        let value = value.strip_prefix(' ')?.trim_start_matches(' ');
        let rest = match value.strip_prefix('{') {
            Some(flow) if group == KeyGroup::Top => {
                let inner = KeyGroup::from_key(key)?;
                self.entry.open(inner)?;
                flow_mapping(flow, inner, &mut self.entry)?
            }
            _ => {
                let (text, rest) = scalar(value, false)?;
                self.entry.set(group, key, text)?;
                rest
            }
        };
        is_end_of_value(rest).then_some(())
    }

    fn entry(self) -> Option<PendingEntry<'a>> {
        (!matches!(self.group, Some((_, None)))).then_some(self.entry)
    }
}

/// Nothing more but a comment, which a space parts from the value.
fn is_end_of_value(rest: &str) -> bool {
    rest.trim_start_matches(' ').is_empty() || (rest.starts_with(' ') && is_blank_or_comment(rest))
}

/// What follows `{`, up to behind its `}`.
fn flow_mapping<'a>(text: &'a str, group: KeyGroup, entry: &mut PendingEntry<'a>) -> Option<&'a str> {
    let mut rest = text;
    loop {
        let (key, value) = rest.trim_start_matches(' ').split_once(": ")?;
        let value = value.trim_start_matches(' ');
        rest = match value.strip_prefix('{') {
            Some(flow) if group == KeyGroup::Top => {
                let inner = KeyGroup::from_key(key)?;
                entry.open(inner)?;
                flow_mapping(flow, inner, entry)?
            }
            _ => {
                let (text, rest) = scalar(value, true)?;
                entry.set(group, key, text)?;
                rest
            }
        };
        rest = rest.trim_start_matches(' ');
        if let Some(after) = rest.strip_prefix('}') {
            return Some(after);
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// A value as it is written, without escapes.
#[derive(Clone, Copy)]
struct QuickScalar<'a> {
    text: &'a str,
    is_quoted: bool,
}

/// Reads a value of one line; gives what follows it.
fn scalar(text: &str, in_flow: bool) -> Option<(QuickScalar<'_>, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    if let Some(quote) = quote {
        let inner = &text[1..];
        let end = inner.bytes().position(|byte| byte == quote as u8 || byte == b'\\')?;
        let rest = &inner[end + 1..];
        // An escape, or a quote within quotes. (In single quotes a backslash is only text.)
        if inner.as_bytes()[end] == b'\\' || rest.starts_with(quote) {
            return None;
        }
        return inner[..end]
            .bytes()
            .all(|byte| byte != b'\t')
            .then_some((QuickScalar { text: &inner[..end], is_quoted: true }, rest));
    }
    let bytes = text.as_bytes();
    let mut end = bytes.len();
    for (at, byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b'+' | 0x80.. => {}
            _ if at == 0 => return None,
            b'-' | b'.' | b'@' | b'=' | b'%' | b'~' | b'(' | b')' | b'$' | b'!' => {}
            b' ' if next == b'#' => {
                end = at;
                break;
            }
            b' ' => {}
            b',' | b'}' if in_flow => {
                end = at;
                break;
            }
            b'?' | b'&' | b'#' | b',' if !in_flow => {}
            b':' if next == b'/' || next.is_ascii_alphanumeric() => {}
            _ => return None,
        }
    }
    let value = text[..end].trim_end_matches(' ');
    Some((QuickScalar { text: value, is_quoted: false }, &text[value.len()..]))
}

impl<'a> QuickScalar<'a> {
    /// The text, where null is `""`.
    fn or_null(self) -> Option<&'a str> {
        match self.text {
            "null" if !self.is_quoted => Some(""),
            // What else YAML takes for null.
            "Null" | "NULL" | "~" | "" if !self.is_quoted => None,
            text => Some(text),
        }
    }

    fn flag(self) -> Option<bool> {
        match self.text {
            _ if self.is_quoted => None,
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Text, and nothing that YAML takes for null, true, false or a number.
    fn words(self) -> Option<&'a str> {
        const PLAIN_WORDS: [&str; 3] = ["null", "true", "false"];
        let is_word = self.text.starts_with(|c: char| c.is_ascii_alphabetic())
            && !PLAIN_WORDS.iter().any(|word| self.text.eq_ignore_ascii_case(word));
        (self.is_quoted || is_word).then_some(self.text)
    }
}

/// Where a key stands.
#[derive(Clone, Copy, PartialEq)]
enum KeyGroup {
    Top,
    Voice,
    Sms,
    Tags,
}

impl KeyGroup {
    fn from_key(key: &str) -> Option<Self> {
        match key {
            "voice" => Some(Self::Voice),
            "sms" => Some(Self::Sms),
            "tags" => Some(Self::Tags),
            _ => None,
        }
    }
}

/// What has been read of an entry: most have no more than these four.
#[derive(Default)]
struct PendingEntry<'a> {
    phone_number: Option<&'a str>,
    profile: Option<&'a str>,
    account: Option<&'a str>,
    friendly_name: Option<&'a str>,
    more: Option<Box<RawNumber>>,
}

impl<'a> PendingEntry<'a> {
    fn open(&mut self, group: KeyGroup) -> Option<()> {
        let more = self.more.get_or_insert_default();
        let is_new = match group {
            KeyGroup::Top => false,
            KeyGroup::Voice => matches!(more.voice, Section::Absent),
            KeyGroup::Sms => matches!(more.sms, Section::Absent),
            KeyGroup::Tags => matches!(more.tags, Section::Absent),
        };
        is_new.then_some(())?;
        match group {
            KeyGroup::Top => {}
            KeyGroup::Voice => more.voice = Section::Is(Box::new(Voice::default())),
            KeyGroup::Sms => more.sms = Section::Is(Box::new(Sms::default())),
            KeyGroup::Tags => more.tags = Section::Is(Map::default()),
        }
        Some(())
    }

    fn set(&mut self, group: KeyGroup, key: &str, value: QuickScalar<'a>) -> Option<()> {
        let plain = match (group, key) {
            (KeyGroup::Top, "phone_number") if value.is_quoted || value.or_null() == Some(value.text) => {
                &mut self.phone_number
            }
            (KeyGroup::Top, "profile") => &mut self.profile,
            (KeyGroup::Top, "account") => &mut self.account,
            (KeyGroup::Top, "friendly_name") => &mut self.friendly_name,
            _ => return set_more(self.more.get_or_insert_default(), group, key, value),
        };
        plain.is_none().then_some(())?;
        *plain = Some(value.or_null()?);
        Some(())
    }
}

fn set_more(number: &mut RawNumber, group: KeyGroup, key: &str, value: QuickScalar<'_>) -> Option<()> {
    let slot = match group {
        KeyGroup::Top => match key {
            "protect" => {
                number.protect.0.is_none().then_some(())?;
                number.protect = Switch(Some(value.flag()?));
                return Some(());
            }
            "state" => &mut number.state.0,
            "on_vanished" => &mut number.on_vanished.0,
            "status_callback" => &mut number.status_callback.0,
            "status_callback_method" => &mut number.status_callback_method.0,
            "address_sid" => &mut number.address_sid.0,
            "identity_sid" => &mut number.identity_sid.0,
            "bundle_sid" => &mut number.bundle_sid.0,
            _ => return None,
        },
        KeyGroup::Tags => {
            let Section::Is(Map(tags)) = &mut number.tags else { return None };
            let name = QuickScalar { text: key, is_quoted: false }.words()?;
            let is_plain = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            (is_plain && tags.iter().all(|(known, _)| **known != *name)).then_some(())?;
            tags.push((name.into(), Count(Some(value.words()?.into()))));
            return Some(());
        }
        KeyGroup::Voice => {
            let Section::Is(voice) = &mut number.voice else { return None };
            match key {
                "url" => &mut voice.url.0,
                "method" => &mut voice.method.0,
                "fallback_url" => &mut voice.fallback_url.0,
                "fallback_method" => &mut voice.fallback_method.0,
                "application_sid" => &mut voice.application_sid.0,
                "application" => &mut voice.application.0,
                "trunk_sid" => &mut voice.trunk_sid.0,
                "trunk" => &mut voice.trunk.0,
                "receive_mode" => &mut voice.receive_mode.0,
                // Plain true, false or null, and no text.
                "caller_id_lookup"
                    if value.flag().is_some() || (!value.is_quoted && value.text == "null") =>
                {
                    &mut voice.caller_id_lookup.0
                }
                "emergency_status" => &mut voice.emergency_status.0,
                "emergency_address_sid" => &mut voice.emergency_address_sid.0,
                _ => return None,
            }
        }
        KeyGroup::Sms => {
            let Section::Is(sms) = &mut number.sms else { return None };
            match key {
                "url" => &mut sms.url.0,
                "method" => &mut sms.method.0,
                "fallback_url" => &mut sms.fallback_url.0,
                "fallback_method" => &mut sms.fallback_method.0,
                "application_sid" => &mut sms.application_sid.0,
                "application" => &mut sms.application.0,
                "messaging_service_sid" => &mut sms.messaging_service_sid.0,
                "messaging_service" => &mut sms.messaging_service.0,
                _ => return None,
            }
        }
    };
    slot.is_none().then_some(())?;
    *slot = Some(value.or_null()?.into());
    Some(())
}

/// Names that many entries share.
#[derive(Default)]
struct SharedNames {
    known: HashSet<Arc<str>, RandomState>,
    last: Option<Arc<str>>,
}

impl SharedNames {
    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(last) = self.last.as_ref().filter(|last| ***last == *text) {
            return last.clone();
        }
        let name = self.known.get(text).cloned().unwrap_or_else(|| {
            let name: Arc<str> = text.into();
            self.known.insert(name.clone());
            name
        });
        self.last = Some(name.clone());
        name
    }
}

struct QuickList {
    entries: Vec<RawEntry>,
    names: SharedNames,
}

impl QuickList {
    fn push(&mut self, entry: PendingEntry<'_>) -> Option<()> {
        let PendingEntry { phone_number, profile, account, friendly_name, more } = entry;
        let text = phone_number?;
        let entry = match (more, PhoneNumber::declared(text)) {
            (None, Ok(number)) => RawEntry::Plain {
                number,
                profile: profile.map(|name| self.names.share(name)),
                account: account.map(|name| self.names.share(name)),
                friendly_name: friendly_name.map(Box::from),
            },
            (more, _) => {
                let mut number = more.unwrap_or_default();
                number.phone_number.0 = Some(text.into());
                number.profile = Given(profile.map(Box::from));
                number.account = Given(account.map(Box::from));
                number.friendly_name = Setting(friendly_name.map(Box::from));
                RawEntry::Full(number)
            }
        };
        self.entries.push(entry);
        Some(())
    }
}

#[cfg(test)]
mod tests;

//! `numctl fmt`: a file in its usual form. Line by line, so that comments stay where they are; what a file
//! declares must be the same before and after, or it is left as it is.

use super::declared::{Desired, Place};
use super::source::{Format, Source};

/// The sections in the order in which people read them.
const ORDER: [&str; 7] = ["version", "accounts", "policy", "defaults", "profiles", "claims", "numbers"];

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formatted {
    /// It is in its usual form.
    Unchanged,
    Text(String),
    /// It cannot be put in that form without a risk to what it says.
    Left,
}

/// Formats the files of a fleet, which `parse` reads, each in turn. A file whose meaning formatting would
/// change is left as it is.
#[must_use]
pub fn format_all(sources: &[Source], parse: impl Fn(&[Source]) -> Option<Desired>) -> Vec<Formatted> {
    let meaning = |sources: &[Source]| parse(sources).map(wherever);
    let Some(before) = meaning(sources) else { return vec![Formatted::Left; sources.len()] };
    let mut all = sources.to_vec();
    let mut results = Vec::new();
    for at in 0..all.len() {
        if all[at].format != Format::Yaml {
            results.push(Formatted::Unchanged);
            continue;
        }
        let Some(text) = format(&sources[at].text) else {
            results.push(Formatted::Left);
            continue;
        };
        if *text == *sources[at].text {
            results.push(Formatted::Unchanged);
            continue;
        }
        all[at].text = text.clone();
        if meaning(&all).as_ref() == Some(&before) {
            results.push(Formatted::Text(text));
        } else {
            all[at] = sources[at].clone();
            results.push(Formatted::Left);
        }
    }
    results
}

/// What the files declare, wherever in them.
fn wherever(mut desired: Desired) -> Desired {
    let nowhere = Place { file: 0, entry: 0 };
    desired.numbers.iter_mut().for_each(|number| number.place = nowhere);
    desired.claims.iter_mut().for_each(|claim| claim.place = nowhere);
    desired
}

/// One section with the comments above it.
struct FileSection {
    rank: usize,
    lines: Vec<String>,
}

/// The usual form of a text; `None` where it has something that lines alone do not tell.
fn format(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    let mut tail = Vec::new();
    if let Some(at) = lines.iter().rposition(|line| line == "...") {
        tail = lines.split_off(at);
    }
    let mut head = Vec::new();
    if let Some(at) = lines.iter().position(|line| line == "---") {
        if lines[..at].iter().any(|line| !line.is_empty() && !line.starts_with(['#', '%'])) {
            return None;
        }
        head = lines.drain(..=at).collect();
    }
    // A second document, a directive, or a file that is one flow mapping.
    if lines.iter().any(|line| line == "---" || line.starts_with('%') || line.starts_with('{')) {
        return None;
    }
    let (preamble, mut sections) = sections(lines)?;
    sections.sort_by_key(|section| section.rank);
    let mut out: Vec<String> = head;
    out.extend(preamble);
    for section in sections {
        if section.rank == ORDER.len() - 1 {
            out.extend(sorted_entries(section.lines));
        } else {
            out.extend(section.lines);
        }
    }
    out.extend(tail);
    Some(joined(out))
}

/// The lines before the first section, and the sections. The comments right above a key are its own.
fn sections(lines: Vec<String>) -> Option<(Vec<String>, Vec<FileSection>)> {
    let (mut preamble, mut sections): (Vec<String>, Vec<FileSection>) = (Vec::new(), Vec::new());
    let mut above: Vec<String> = Vec::new();
    for line in lines {
        let is_key = line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '"' || c == '\'');
        if is_key {
            let (key, _) = line.split_once(':')?;
            let key = key.trim_matches(['"', '\'', ' ']);
            let rank = ORDER.iter().position(|known| *known == key)?;
            let own = above.iter().rposition(String::is_empty).map_or(0, |at| at + 1);
            let own = above.split_off(own);
            match sections.last_mut() {
                Some(last) => last.lines.append(&mut above),
                None => preamble.append(&mut above),
            }
            let mut lines = own;
            lines.push(line);
            sections.push(FileSection { rank, lines });
        } else if line.is_empty() || line.starts_with('#') {
            above.push(line);
        } else {
            // It belongs to the section, and so do the blanks and comments before it.
            let last = sections.last_mut()?;
            last.lines.append(&mut above);
            last.lines.push(line);
        }
    }
    match sections.last_mut() {
        Some(last) => last.lines.append(&mut above),
        None => preamble.append(&mut above),
    }
    Some((preamble, sections))
}

/// The entries of `numbers:` in the order of their numbers, within what blank lines and headings set apart.
fn sorted_entries(lines: Vec<String>) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_entry = |line: &str| line.trim_start().starts_with("- ");
    let Some(first) = lines.iter().position(|line| is_entry(line)) else { return lines };
    let depth = indent(&lines[first]);
    let mut out: Vec<String> = Vec::new();
    let mut group: Vec<(Option<String>, Vec<String>)> = Vec::new();
    out.extend_from_slice(&lines[..first]);
    let flush = |group: &mut Vec<(Option<String>, Vec<String>)>, out: &mut Vec<String>| {
        // Where one of them does not say its number on a line, nothing is moved.
        if group.iter().all(|(number, _)| number.is_some()) {
            group.sort_by(|a, b| a.0.cmp(&b.0));
        }
        group.drain(..).for_each(|(_, lines)| out.extend(lines));
    };
    for line in &lines[first..] {
        let is_apart = line.is_empty() || (line.trim_start().starts_with('#') && indent(line) <= depth);
        if is_apart {
            flush(&mut group, &mut out);
            out.push(line.clone());
        } else if is_entry(line) && indent(line) == depth {
            group.push((number_in(line), vec![line.clone()]));
        } else if let Some((number, entry)) = group.last_mut() {
            if number.is_none() {
                *number = number_in(line);
            }
            entry.push(line.clone());
        } else {
            out.push(line.clone());
        }
    }
    flush(&mut group, &mut out);
    out
}

fn number_in(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("phone_number")?;
    let digits: String = rest
        .trim_start_matches(['"', '\'', ':', ' '])
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '+')
        .collect();
    (!digits.is_empty()).then_some(digits)
}

/// One blank line at most, none at either end, and a line break at the end.
fn joined(lines: Vec<String>) -> String {
    let mut out = String::new();
    let mut blank = false;
    for line in lines {
        if line.is_empty() {
            blank = !out.is_empty();
            continue;
        }
        if std::mem::take(&mut blank) && line != "..." {
            out.push('\n');
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_entries_are_put_in_order_and_comments_go_along() {
        let text = "# our fleet\n\n# the numbers\nnumbers:\n  - phone_number: \"+15552230001\"  \n    # why\n    \
                    friendly_name: B\n  - {phone_number: \"+15552230000\"} # a\n\n\n  # EMEA\n  \
                    - phone_number: \"+442079460002\"\n  - phone_number: \"+442079460001\"\n\n# the version\nversion: 1\n...";
        let wanted = "# our fleet\n\n# the version\nversion: 1\n# the numbers\nnumbers:\n  \
                      - {phone_number: \"+15552230000\"} # a\n  - phone_number: \"+15552230001\"\n    # why\n    \
                      friendly_name: B\n\n  # EMEA\n  - phone_number: \"+442079460001\"\n  \
                      - phone_number: \"+442079460002\"\n...\n";
        assert_eq!(format(text).as_deref(), Some(wanted));
        assert_eq!(format(wanted).as_deref(), Some(wanted));
    }

    #[test]
    fn what_lines_do_not_tell_is_left() {
        assert_eq!(format("{version: 1}\n"), None);
        assert_eq!(format("version: 1\n---\nversion: 1\n"), None);
        let source = |text: &str| Source { name: "a.yaml".into(), text: text.into(), format: Format::Yaml };
        // A value over several lines that would lose its blanks.
        let text = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    friendly_name: \"a\n\n\n      b\"\n";
        let parse = |sources: &[Source]| crate::desired::load::parse(sources, Default::default()).ok();
        let done = format_all(&[source(text)], |sources| parse(sources).map(|parsed| parsed.desired));
        assert_eq!(done, [Formatted::Left]);
    }
}

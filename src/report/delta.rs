//! What an action changes, field by field, in the one form that every format renders.

use std::borrow::Cow;

use similar::{Algorithm, DiffTag, capture_diff_slices};

use crate::model::settings::{Field, Managed, Value, Want};
use crate::plan::Action;

use super::shown::shown_value;

/// One field of one number, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delta<'a> {
    pub field: Field,
    /// What is live; `None` where it is unset.
    pub before: Option<Cow<'a, Value>>,
    /// What will be live; `None` where it will be unset.
    pub after: Option<Cow<'a, Value>>,
}

/// The fields that an action sets or changes, in order. A transfer changes the account and no field.
pub fn deltas(action: &Action) -> impl Iterator<Item = Delta<'_>> {
    let (set, changes, mut taken_off) = match action {
        Action::Purchase { settings, .. } => (Some(settings), &[][..], None),
        Action::Configure { changes, .. } => (None, changes.as_slice(), None),
        // Taken off first: without that, Twilio does not release.
        Action::Release { target } => (None, &[][..], target.before.get(Field::VoiceEmergencyAddressSid)),
        Action::Transfer { .. } => (None, &[][..], None),
    };
    let (mut set, mut changes) = (set.map(Managed::iter), changes.iter());
    // By hand: this is asked several times of each of 100,000 actions, and a chain of iterators is slow.
    std::iter::from_fn(move || {
        if let Some(change) = changes.next() {
            let after = match &change.want {
                Want::Clear => change.after().map(Cow::Owned),
                Want::Set(value) => Some(Cow::Borrowed(value)),
            };
            return Some(Delta {
                field: change.field,
                before: change.before.as_ref().map(Cow::Borrowed),
                after,
            });
        }
        if let Some(address) = taken_off.take() {
            let before = Some(Cow::Borrowed(address));
            return Some(Delta { field: Field::VoiceEmergencyAddressSid, before, after: None });
        }
        set.as_mut()?.find_map(|(field, want)| match want {
            // A new number has nothing to clear.
            Want::Clear => None,
            Want::Set(value) => Some(Delta { field, before: None, after: Some(Cow::Borrowed(value)) }),
        })
    })
}

impl Delta<'_> {
    /// Whether the values differ by nothing but secrets, which no output shows.
    #[must_use]
    pub fn is_secret_only(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                before != after
                    && (before.has_secret() || after.has_secret())
                    && before.masked() == after.masked()
            }
            (None, _) | (_, None) => false,
        }
    }

    /// How the change reads.
    #[must_use]
    pub fn view(&self) -> View {
        let (before, after) = (shown_value(self.before.as_deref()), shown_value(self.after.as_deref()));
        match (self.before.as_deref(), self.after.as_deref()) {
            _ if self.is_secret_only() => View::Note(format!("{after} (the password changed)")),
            (Some(_), Some(_)) if before == after => {
                View::Note(format!("{after} (changes past the end of what is shown)"))
            }
            (Some(Value::Url(_) | Value::Text(_) | Value::Foreign(_)), Some(_)) => {
                let (before, after) = emphasised(&before, &after);
                View::Lines { before, after }
            }
            (Some(_), Some(_)) | (None, None) => View::Arrow { before, after },
            (Some(_), None) => View::Arrow { before, after: "(cleared)".into() },
            (None, Some(_)) => View::Arrow { before, after },
        }
    }
}

/// How one change reads best. Every text is masked and escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// Two long values, one above the other.
    Lines { before: Vec<DeltaPiece>, after: Vec<DeltaPiece> },
    /// Short ones, on one line.
    Arrow { before: String, after: String },
    /// There is a change and nothing to see of it.
    Note(String),
}

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeltaPiece {
    pub text: String,
    /// Whether it differs from the other side.
    pub changed: bool,
}

/// Both texts in pieces, those that differ marked.
#[must_use]
pub fn emphasised(before: &str, after: &str) -> (Vec<DeltaPiece>, Vec<DeltaPiece>) {
    let (old, new) = (words(before), words(after));
    let (mut old_pieces, mut new_pieces) = (Vec::new(), Vec::new());
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let changed = op.tag() != DiffTag::Equal;
        push(&mut old_pieces, &old[op.old_range()], changed);
        push(&mut new_pieces, &new[op.new_range()], changed);
    }
    (old_pieces, new_pieces)
}

fn push(pieces: &mut Vec<DeltaPiece>, words: &[&str], changed: bool) {
    if words.is_empty() {
        return;
    }
    let text = words.concat();
    match pieces.last_mut() {
        Some(last) if last.changed == changed => last.text.push_str(&text),
        Some(_) | None => pieces.push(DeltaPiece { text, changed }),
    }
}

/// Runs of letters and digits, and everything between them character by character: the parts of a
/// URL that people tell apart.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if first.is_alphanumeric() {
            rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(before: &str, after: &str) -> Delta<'static> {
        let value = |text: &str| Some(Cow::Owned(Value::Url(text.into())));
        Delta { field: Field::VoiceUrl, before: value(before), after: value(after) }
    }

    #[test]
    fn the_changed_part_of_a_url_is_marked() {
        let View::Lines { before, after } =
            url("https://a.example/old?x=1", "https://a.example/new?x=1").view()
        else {
            panic!("two lines")
        };
        let marked = |pieces: Vec<DeltaPiece>| -> Vec<String> {
            pieces.into_iter().filter(|piece| piece.changed).map(|piece| piece.text).collect()
        };
        assert_eq!(marked(before), ["old"]);
        assert_eq!(marked(after), ["new"]);
    }

    #[test]
    fn a_change_that_cannot_be_seen_is_said() {
        let View::Note(note) = url("https://u:a@h.example", "https://u:b@h.example").view() else {
            panic!("a note")
        };
        assert_eq!(note, "https://u:***@h.example (the password changed)");
        let long = format!("https://h.example/{}", "x".repeat(2_000));
        assert!(matches!(url(&format!("{long}1"), &format!("{long}2")).view(), View::Note(_)));
    }
}

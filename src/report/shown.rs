//! Foreign text made fit to be shown: what could act on a terminal, or deceive an eye, is spelt out.

use std::fmt::{self, Write as _};

use unicode_width::UnicodeWidthChar as _;

pub use crate::model::inert::must_be_spelt_out;
use crate::model::known_secrets::scrubbed;
use crate::model::settings::Value;

/// Columns of a [`Shown`] text: a friendly name has at most 64 characters, some of them two wide.
pub const COLUMNS_MAX: usize = 128;

/// Columns of a shown value: as long as the webhook URLs that people have, so that the part that
/// changed is on the screen, and short enough that a hostile value does not fill it.
pub const VALUE_COLUMNS_MAX: usize = 1_000;

/// Marks on one character that are shown; every language gets along with fewer.
const MARKS_MAX: usize = 4;

/// A foreign string on its way to a terminal, a log or Markdown.
///
/// Control characters (line breaks, ESC, DEL and C1 included), bidirectional controls and invisible
/// characters appear as `\u{…}`, floods of combining marks are capped, and what is longer than
/// [`COLUMNS_MAX`] ends in `…`. Quotes, backslashes and Markdown are left as they are: their
/// meaning depends on where the text lands.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a str);

impl<'a> Shown<'a> {
    /// The same with another limit on the width.
    #[must_use]
    pub fn within(self, columns: usize) -> impl fmt::Display + 'a {
        Within { text: self.0, columns }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(self.0, COLUMNS_MAX))
    }
}

struct Within<'a> {
    text: &'a str,
    columns: usize,
}

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escaped(self.text, self.columns))
    }
}

/// A field's value for people: its secrets masked, then escaped; a text in quotes.
#[must_use]
pub fn shown_value(value: Option<&Value>) -> String {
    match value {
        None => "(not set)".into(),
        Some(text @ (Value::Text(_) | Value::Foreign(_))) => quoted(&text.masked()),
        Some(value) => escaped(&value.masked(), VALUE_COLUMNS_MAX),
    }
}

/// A text in double quotes which it cannot end by itself.
#[must_use]
pub fn quoted(text: &str) -> String {
    quoted_within(text, VALUE_COLUMNS_MAX)
}

/// The same with another limit on the width.
#[must_use]
pub fn quoted_within(text: &str, columns: usize) -> String {
    let inner = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped(&inner, columns))
}

/// A count as people read it: `2,990`.
#[must_use]
pub fn count(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn escaped(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut marks = 0;
    for c in scrubbed(text).chars() {
        let before = out.len();
        if must_be_spelt_out(c) {
            marks = 0;
            used += 4 + hex_digits(c);
            // A String takes everything.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            let width = c.width().unwrap_or(0);
            marks = if width == 0 { marks + 1 } else { 0 };
            match marks {
                0..=MARKS_MAX => out.push(c),
                _ if marks == MARKS_MAX + 1 => out.push('…'),
                _ => {}
            }
            used += width + usize::from(marks == MARKS_MAX + 1);
        }
        if used > columns {
            out.truncate(before);
            out.push('…');
            break;
        }
    }
    out
}

fn hex_digits(c: char) -> usize {
    u32::from(c).checked_ilog(16).map_or(1, |log| log as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_spelt_out_and_what_speaks_is_kept() {
        for (text, shown) in [
            ("Support line, New York", "Support line, New York"),
            ("Zürich 東京 ☎️", "Zürich 東京 ☎️"),
            ("\u{1b}[31mred\u{1b}]0;x\u{7}", "\\u{1b}[31mred\\u{1b}]0;x\\u{7}"),
            ("a\r\nb\u{7f}\u{9b}", "a\\u{d}\\u{a}b\\u{7f}\\u{9b}"),
            ("\u{202e}drow\u{2069}\u{200f}\u{61c}", "\\u{202e}drow\\u{2069}\\u{200f}\\u{61c}"),
            ("a\u{200b}b\u{feff}c\u{e0041}\u{2028}", "a\\u{200b}b\\u{feff}c\\u{e0041}\\u{2028}"),
        ] {
            assert_eq!(Shown(text).to_string(), shown);
        }
    }

    #[test]
    fn floods_are_capped_and_long_texts_cut() {
        let flood = format!("a{}b", "\u{301}".repeat(1_000));
        assert_eq!(Shown(&flood).to_string(), format!("a{}…b", "\u{301}".repeat(MARKS_MAX)));
        let long = "x".repeat(1_000);
        assert_eq!(Shown(&long).to_string(), format!("{}…", "x".repeat(COLUMNS_MAX)));
        assert_eq!(Shown("東京東京").within(5).to_string(), "東京…");
        assert_eq!(Shown("abcde").within(5).to_string(), "abcde");
    }

    #[test]
    fn values_hide_their_secrets_and_stay_in_their_quotes() {
        assert_eq!(shown_value(Some(&Value::Url("https://u:p@a.example".into()))), "https://u:***@a.example");
        assert_eq!(shown_value(Some(&Value::Text("a\" -> \"b".into()))), r#""a\" -> \"b""#);
        assert_eq!(shown_value(None), "(not set)");
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!([0, 999, 1_000, 2_990, 1_234_567].map(count), ["0", "999", "1,000", "2,990", "1,234,567"]);
    }
}

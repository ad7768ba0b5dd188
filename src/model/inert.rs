//! Foreign text with nothing in it that acts, on a terminal or on an eye (law 12): for messages,
//! whose words are ours and whose quotations are not. Values of a fleet go through
//! [`crate::report::shown`].

use crate::model::known_secrets::scrubbed;

/// Whether a character acts instead of being seen, or cannot be seen at all: controls, line and
/// paragraph separators, and Unicode's format characters and fillers.
#[must_use]
pub fn must_be_spelt_out(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The text with what acts spelt out as `\u{…}`, but for its line breaks.
#[must_use]
pub fn spelt_out(text: &str) -> String {
    let text = scrubbed(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && must_be_spelt_out(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// A message that may quote foreign text, on one line of at most this many characters: the secrets of
/// its URLs masked, what acts spelt out.
#[must_use]
pub fn message(text: &str, characters_max: usize) -> String {
    // What is cut off in the end need not be gone through; what is left may have grown.
    let text = cut(text, 16 * characters_max);
    let masked = crate::model::secret_url::masked_in_text(text);
    let shown = spelt_out(&masked).replace('\n', "\\u{a}");
    let kept = cut(&shown, characters_max);
    if kept.len() < shown.len() { format!("{kept}…") } else { shown }
}

fn cut(text: &str, characters_max: usize) -> &str {
    text.char_indices().nth(characters_max).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_spelt_out_and_lines_are_kept() {
        assert_eq!(spelt_out("a\u{1b}[31m\nb\u{202e}\r"), "a\\u{1b}[31m\nb\\u{202e}\\u{d}");
    }

    #[test]
    fn messages_are_one_short_line_without_secrets() {
        assert_eq!(message("a\n## b \u{1b} https://u:p@h/ é", 100), "a\\u{a}## b \\u{1b} https://u:***@h/ é");
        assert_eq!(message(&"é".repeat(50), 10), format!("{}…", "é".repeat(10)));
    }
}

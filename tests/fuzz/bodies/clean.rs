//! What no output may hold: characters that act, and passwords.

use url::Url;

/// What stands for a secret: a password that holds this is looked for in every output.
const CANARY: &str = "hunter2";

/// Nothing that a terminal could act on or an eye could be deceived by; line breaks are ours.
#[track_caller]
pub(crate) fn inert(text: &str) {
    if let Some(c) = text.chars().find(|c| *c != '\n' && acts(*c)) {
        panic!("{c:?} in {text:?}");
    }
}

/// The same for what stands on one line.
#[track_caller]
pub(crate) fn one_line(text: &str) {
    inert(text);
    assert!(!text.contains('\n'), "{text:?}");
}

/// By the Unicode property tables and independent of the list in `src`: controls, and
/// Bidi_Control.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{feff}')
}

/// Whether `input` says the canary once, and only as (a part of) the password of a URL: then no
/// output says it.
#[must_use]
pub(crate) fn is_secret(input: &str) -> bool {
    let mut found = input.match_indices(CANARY);
    let (Some((at, _)), None) = (found.next(), found.next()) else { return false };
    let is_end = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '`');
    let start = input[..at]
        .rfind(is_end)
        .map_or(0, |end| end + input[end..].chars().next().map_or(1, char::len_utf8));
    let end = input[at..].find(is_end).map_or(input.len(), |end| at + end);
    // The scheme's name is what stands right before the colon: all else is text around the URL.
    let word = &input[start..end];
    ["https:", "http:"].iter().filter_map(|scheme| word.to_ascii_lowercase().find(scheme)).min().is_some_and(
        |from| {
            word.is_char_boundary(from)
                && Url::parse(&word[from..])
                    .is_ok_and(|url| url.password().is_some_and(|password| password.contains(CANARY)))
        },
    )
}

/// No output says what is secret in its input.
#[track_caller]
pub(crate) fn quiet(secret: bool, output: &str) {
    assert!(!secret || !output.contains(CANARY), "the password is in {output:?}");
}

//! One line of a file, fit to be shown: secrets masked (law 11), control characters escaped
//! (law 12), long lines cut.

use std::ops::Range;

use super::EnvPrefix;
use crate::model::secret_url::{is_secret_name, masked, without_tokens};

/// At most this much of a long line is shown on either side of what it is about.
const CONTEXT: usize = 60;
/// At most this much of a text that a message quotes is shown.
const QUOTED: usize = 100;
/// At most this much of a message is shown.
const MESSAGE: usize = 1_000;

/// A line to show, and what in it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    pub(super) text: String,
    pub(super) marked: Range<usize>,
}

/// The excerpt of `line`, of which the bytes `marked` are meant. `whole` says that they are a whole
/// key or value, so that no URL reaches over their ends.
pub(super) fn excerpt(line: &str, marked: Range<usize>, whole: bool) -> Excerpt {
    let start = floor(line, marked.start);
    let end = floor(line, marked.end).max(start);
    let safe = mask_line(line);
    let (before, rest) = line.split_at(start);
    let (mid, after) = rest.split_at(end - start);
    let parts = [before, mid, after].map(|part| if safe == line { part.to_owned() } else { mask_line(part) });
    // Only what is safe for the line as a whole is shown: a part alone may not look like a secret.
    let [before, mid, after] = if safe == line || (whole && parts.concat() == safe) {
        parts
    } else {
        let indent = safe.len() - safe.trim_start().len();
        [safe[..indent].to_owned(), safe[indent..].to_owned(), String::new()]
    };
    let before = keep_end(&escaped(&before), CONTEXT);
    let mid = keep_start(&escaped(&mid), 2 * CONTEXT);
    let after = keep_start(&escaped(&after), CONTEXT);
    let marked = before.len()..before.len() + mid.len();
    Excerpt { text: before + &mid + after.trim_end(), marked }
}

/// A text from a file, in double quotes, for a message.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", keep_start(&escaped(&mask_line(shortened(text, QUOTED))), QUOTED))
}

/// A message that may quote a file's text: secrets masked, control characters escaped, cut.
pub(super) fn message(text: &str) -> String {
    keep_start(&escaped(&mask_line(shortened(text, MESSAGE))), MESSAGE)
}

/// Masks the secrets of every URL in a line. Where in doubt it hides more than it must.
fn mask_line(line: &str) -> String {
    let webby = line.contains("//") || line.contains(['@', '?', '/']);
    if line.contains('\\') && webby {
        // Escapes may hide the `://` and the `@` from what follows, so the value goes as a whole.
        let from = line.find(": ").or_else(|| line.find("\":")).map_or(0, |at| at + 2);
        // What is before it is a key, or more of the same.
        let key = if line[..from].contains(['@', '?', '/']) { "" } else { &line[..from] };
        return format!("{key}***");
    }
    let line = &without_tokens(&mask_named(line));
    // Twice: over the whole line, which hides every password up to the last `@`; then URL by URL,
    // for the query parameters of each.
    let line = match (line.rfind('@'), line.find(": ")) {
        (None, _) => line.to_owned(),
        // Without a URL, the key is no part of a password.
        (Some(at), Some(key)) if !line.contains("://") && key < at => {
            format!("{}{}{}", &line[..key + 2], masked(&line[key + 2..=at]), &line[at + 1..])
        }
        (Some(at), _) => masked(&line[..=at]) + &line[at + 1..],
    };
    let mut out = String::new();
    let mut rest = line.as_str();
    while let Some(next) = rest.get(1..).and_then(find_url) {
        let (chunk, tail) = rest.split_at(next + 1);
        out.push_str(&mask_url(chunk));
        rest = tail;
    }
    mask_parameters(&(out + &mask_url(rest)))
}

/// Hides the values of secret query parameters, also of what is no URL: a mistake in its middle ends
/// it before them.
fn mask_parameters(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['?', '&']) {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let Some(equals) = rest.find('=').filter(|equals| is_secret_name(&rest[..*equals])) else { continue };
        let value = &rest[equals + 1..];
        let end = value.find(|c: char| matches!(c, '&' | '#' | '"' | '\'' | ',' | '}') || c.is_whitespace());
        out.push_str(&rest[..=equals]);
        out.push_str(if end == Some(0) { "" } else { "***" });
        rest = end.map_or("", |end| &value[end..]);
    }
    out + rest
}

/// Hides what follows a key that names a secret, or the place of one: no one should write one there, and
/// some do.
fn mask_named(line: &str) -> String {
    let line = &mask_env(line);
    let lower = line.to_ascii_lowercase();
    for name in ["auth_token", "authtoken", "api_secret", "apisecret", "secret", "password", "token"] {
        if let Some(at) = lower.find(name) {
            let rest = &line[at + name.len()..];
            let key_ends = rest.trim_start_matches(['"', '\'', ' ']);
            if let Some(value) = key_ends.strip_prefix(": ").or_else(|| key_ends.strip_prefix(":\""))
                && !value.trim().is_empty()
            {
                return format!("{}: ***", &line[..at + name.len()]);
            }
        }
    }
    line.to_owned()
}

/// Hides what follows the key `env`, unless it is what belongs there: the prefix of variables' names.
fn mask_env(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("env") {
        let (before, after) = rest.split_at(at + "env".len());
        let is_whole = !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        out.push_str(before);
        rest = after;
        let key_ends = after.trim_start_matches(['"', '\'', ' ']);
        let Some(value) = key_ends.strip_prefix(':').filter(|_| is_whole) else { continue };
        let value = value.trim_start_matches(' ');
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = &value[quote.map_or(0, char::len_utf8)..];
        let ends = |c: char| match quote {
            Some(quote) => c == quote,
            None => matches!(c, ',' | '}') || c.is_whitespace(),
        };
        let end = value.find(ends).unwrap_or(value.len());
        out.push_str(&after[..after.len() - value.len()]);
        let is_prefix = end == 0 || EnvPrefix::parse(&value[..end]).is_some();
        out.push_str(if is_prefix { &value[..end] } else { "***" });
        rest = &value[end..];
    }
    out + rest
}

/// Where the next `https://` or `http://` starts.
fn find_url(text: &str) -> Option<usize> {
    text.match_indices("://").find_map(|(colon, _)| {
        ["https", "http"].into_iter().find_map(|scheme| {
            let start = colon.checked_sub(scheme.len())?;
            text.get(start..colon)?.eq_ignore_ascii_case(scheme).then_some(start)
        })
    })
}

/// The start of a text of which no more is shown: what is cut off need not be gone through. What is
/// left may have grown, or shrunk, by what is masked in it.
fn shortened(text: &str, characters_max: usize) -> &str {
    text.char_indices().nth(16 * characters_max).map_or(text, |(at, _)| &text[..at])
}

/// Masks one URL, and the start of a password whose `@` is on another line.
fn mask_url(text: &str) -> String {
    // What follows a URL in a line or a message is not part of its query.
    let closes = |rest: &str| rest.is_empty() || rest.starts_with([' ', ',', '}', ']', ')', ':']);
    let from = text.find("://").unwrap_or(0);
    let end = text
        .char_indices()
        .skip_while(|(at, _)| *at < from)
        .find(|(at, c)| c.is_whitespace() || (matches!(c, '"' | '\'') && *at > 0 && closes(&text[at + 1..])));
    match end {
        Some((at, _)) => mask_one(&text[..at]) + &text[at..],
        _ => mask_one(text),
    }
}

fn mask_one(text: &str) -> String {
    let text = if text.contains("://") { masked(text) } else { text.to_owned() };
    let Some(at) = text.find("://") else { return text };
    let authority = at + 3;
    let end = text[authority..]
        .find(|c: char| matches!(c, '/' | '?' | '#' | '@' | '"' | '\'' | ',' | '}') || c.is_whitespace())
        .map_or(text.len(), |end| authority + end);
    match text[authority..end].find(':') {
        Some(colon) if !text[authority + colon + 1..end].bytes().all(|b| b.is_ascii_digit() || b == b'*') => {
            format!("{}***{}", &text[..authority + colon + 1], &text[end..])
        }
        _ => text,
    }
}

/// What acts, as `\u{…}`; a tab as `\t`.
fn escaped(text: &str) -> String {
    crate::model::inert::spelt_out(&text.replace('\t', "\\t")).replace('\n', "\\u{a}")
}

/// The character boundary at a byte, or the last one before it.
pub(super) fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn keep_start(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn keep_end(text: &str, max: usize) -> String {
    match text.chars().count().checked_sub(max) {
        Some(cut) if cut > 0 => {
            let at = text.char_indices().nth(cut).map_or(0, |(at, _)| at);
            format!("…{}", &text[at..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_survives_in_a_line() {
        for line in [
            "  url: https://u:hunter2@a.example/x",
            "  voice: {url: https://u:hunter2@a.example/x, fallback_url: https://v:hunter2@b.example}",
            "  voice: {url: https://a.example/?token=hunter2&b=1, fallback_url: https://b.example/?a=b&token=hunter2}",
            r#"  - {a: "https://u:hunter2@h.example/", b: "https://v:hunter2@voice example.com/x?token=hunter2"}"#,
            r#"  "url": "https:\/\/u:hunter2@a.example\/x""#,
            r#"  "url": "https:\/\/a.example\/x?token=hunter2""#,
            r#"  url: "https://u:hunter2\"#,
            r#"  url: "https://u:hunter2\u0040a.example""#,
            "  url: https://u:hunter2",
            "  url: HTTPS://u:hunter2@a.example",
            "  url: https://u:x://hunter2@a.example",
            "  auth_token: hunter2",
            r#"  "auth_token": "hunter2","#,
            r#"{"auth_token":"hunter2"}"#,
            r#"  https://u:hunter2@a.example/\": https://b.example"#,
        ] {
            let shown = excerpt(line, 2..5, true);
            assert!(!shown.text.contains("hunter2"), "{}", shown.text);
            for at in 0..line.len() {
                let shown = excerpt(line, at..at + 1, false);
                assert!(!shown.text.contains("hunter2"), "{}", shown.text);
            }
            assert!(!quoted(line).contains("hunter2"));
        }
    }

    #[test]
    fn harmless_lines_stay_as_they_are() {
        for line in ["  url: https://a.example:8080/x?y=1", "numbers:", "  friendly_name: \"50 % off\""] {
            assert_eq!(excerpt(line, 0..3, false).text, line);
        }
    }

    #[test]
    fn odd_characters_are_escaped_and_long_lines_cut() {
        let shown = excerpt("a\u{1b}[31mb\tc\u{202e}", 1..2, true);
        assert_eq!(shown.text, "a\\u{1b}[31mb\\tc\\u{202e}");
        assert_eq!(&shown.text[shown.marked], "\\u{1b}");
        let long = format!("{}here{}", "é".repeat(500), "x".repeat(500));
        let shown = excerpt(&long, 1000..1004, true);
        assert!(shown.text.chars().count() < 140);
        assert_eq!(&shown.text[shown.marked], "here");
    }
}

//! The credentials that this process holds, cut out of every text that it shows.
//!
//! An answer may quote what it was sent, the `Authorization` header included, and a row may hold
//! someone's token. Whoever makes foreign text inert asks here, so that no output needs a list of its
//! own. Found are a secret as it is, as hexadecimal digits, and in base64 wherever in a longer text it
//! begins; each of them also behind percent signs and backslash escapes, three layers deep.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{PoisonError, RwLock};

/// What is shown instead.
const MASK: &str = "***";

/// A shorter secret is no credential of Twilio's, and may be any word.
const SECRET_BYTES_MIN: usize = 8;

/// At most this many layers of escapes are looked through.
const LAYERS_MAX: usize = 3;

static KNOWN: RwLock<Vec<KnownSecret>> = RwLock::new(Vec::new());

/// One secret, in the forms that are looked for.
struct KnownSecret {
    plain: Vec<u8>,
    /// What stands for it whatever comes before and after it in the encoded text.
    encoded: Vec<Vec<u8>>,
}

/// From now on this secret is shown nowhere.
pub fn keep(secret: &str) {
    let is_known = |known: &[KnownSecret]| known.iter().any(|known| known.plain == secret.as_bytes());
    if secret.len() < SECRET_BYTES_MIN || is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut encoded: Vec<Vec<u8>> = (0..3).map(|before| base64_core(secret.as_bytes(), before)).collect();
    let url_safe: Vec<Vec<u8>> = encoded.iter().map(|core| url_safe(core)).collect();
    encoded.extend(url_safe);
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        // A String takes everything.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    encoded.extend([hex.to_ascii_uppercase().into_bytes(), hex.into_bytes()]);
    encoded.sort();
    encoded.dedup();
    let known = KnownSecret { plain: secret.as_bytes().to_vec(), encoded };
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).push(known);
}

/// The text without any secret that is known.
#[must_use]
pub fn scrubbed(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if known.is_empty() || text.len() < SECRET_BYTES_MIN {
        return Cow::Borrowed(text);
    }
    let mut found = Vec::new();
    if !text.contains(['%', '\\']) {
        search(text.as_bytes(), &known, |from, to| found.push((from, to)));
    } else {
        let mut layer: Vec<Unit> =
            text.bytes().enumerate().map(|(at, byte)| Unit { byte, from: at, to: at + 1 }).collect();
        for _ in 0..=LAYERS_MAX {
            let bytes: Vec<u8> = layer.iter().map(|unit| unit.byte).collect();
            search(&bytes, &known, |from, to| found.push((layer[from].from, layer[to - 1].to)));
            let next = unescaped(&layer);
            if next.len() == layer.len() {
                break;
            }
            layer = next;
        }
    }
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    found.sort_unstable();
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (from, to) in found {
        if from >= done {
            out.push_str(text.get(done..from).unwrap_or_default());
            out.push_str(MASK);
        }
        done = done.max(to);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// A byte, and where in the text it comes from.
#[derive(Clone, Copy)]
struct Unit {
    byte: u8,
    from: usize,
    to: usize,
}

/// Where the secrets are, as half-open ranges.
fn search(bytes: &[u8], known: &[KnownSecret], mut hit: impl FnMut(usize, usize)) {
    for secret in known {
        for at in places(bytes, &secret.plain) {
            hit(at, at + secret.plain.len());
        }
        for encoded in &secret.encoded {
            for at in places(bytes, encoded) {
                // The rest of the encoded text is of the same header, most likely.
                let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
                let before = bytes[..at].iter().rev().take_while(is_part).count();
                let end = at + encoded.len();
                let after = bytes[end..].iter().take_while(is_part).count();
                hit(at - before, end + after);
            }
        }
    }
}

fn places<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = needle.first().copied();
    let ends = bytes.len().saturating_sub(needle.len().max(1) - 1);
    (0..ends).filter(move |at| Some(bytes[*at]) == first && bytes[*at..].starts_with(needle))
}

/// One layer of `%41`, `\u0041`, `\x41` and `\/` less.
fn unescaped(units: &[Unit]) -> Vec<Unit> {
    let hex = |at: usize, length: usize| {
        units
            .get(at..at + length)?
            .iter()
            .try_fold(0_u32, |value, unit| Some(value * 16 + char::from(unit.byte).to_digit(16)?))
    };
    let byte = |at: usize| units.get(at).map(|unit| unit.byte);
    let mut out = Vec::with_capacity(units.len());
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        let (character, length) = match (unit.byte, byte(at + 1)) {
            (b'%', _) => (hex(at + 1, 2), 3),
            (b'\\', Some(b'u')) => (hex(at + 2, 4), 6),
            (b'\\', Some(b'x')) => (hex(at + 2, 2), 4),
            (b'\\', Some(escaped)) if escaped.is_ascii_punctuation() => (Some(u32::from(escaped)), 2),
            _ => (None, 1),
        };
        match character.and_then(|character| u8::try_from(character).ok()) {
            Some(byte) => {
                out.push(Unit { byte, from: unit.from, to: units[at + length - 1].to });
                at += length;
            }
            None => {
                out.push(*unit);
                at += 1;
            }
        }
    }
    out
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The characters of base64 that stand for `secret` behind `before` other bytes (modulo three), whatever
/// those are and whatever follows.
fn base64_core(secret: &[u8], before: usize) -> Vec<u8> {
    let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.iter().copied()).collect();
    let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    let first = (before * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    (first..whole)
        .map(|at| (0..6).fold(0_usize, |value, offset| value << 1 | usize::from(bit(at * 6 + offset))))
        .map(|value| BASE64[value])
        .collect()
}

fn url_safe(base64: &[u8]) -> Vec<u8> {
    let swap = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => *other,
    };
    base64.iter().map(swap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No other test of this process knows it.
    const SECRET: &str = "kS7\"/x+?q9ZwLmP4~tR";

    #[test]
    fn a_known_secret_is_found_in_every_form() {
        keep(SECRET);
        keep(SECRET);
        for (text, shown) in [
            ("nothing", "nothing".to_owned()),
            (SECRET, "***".to_owned()),
            (&format!("é {SECRET}{SECRET} é"), "é ****** é".to_owned()),
            ("kS7%22%2Fx%2B%3fq9ZwLmP4~tR.", "***.".to_owned()),
            ("a=%6b%53%37%22%2F%78%2B%3F%71%39%5A%77%4C%6D%50%34%7E%74%52&b", "a=***&b".to_owned()),
            ("%256b%2553%2537%2522/x+?q9ZwLmP4~tR", "***".to_owned()),
            (r#"{"token":"kS7\"\/x+?q9ZwLmP4~tR"}"#, r#"{"token":"***"}"#.to_owned()),
            (r"\u006bS7\u0022/x\u002b?q9ZwLmP4~tR", "***".to_owned()),
            (r"\\u006bS7\\u0022/x\\u002b?q9ZwLmP4~tR", "***".to_owned()),
            // base64 of "AC1:", "AC12:" and "AC123:" before it.
            ("Basic QUMxOmtTNyIveCs/cTlad0xtUDR+dFI=", "Basic ***".to_owned()),
            ("Basic QUMxMjprUzciL3grP3E5WndMbVA0fnRS", "Basic ***".to_owned()),
            ("QUMxMjM6a1M3Ii94Kz9xOVp3TG1QNH50Ug==.", "***.".to_owned()),
            ("QUMxOmtTNyIveCs_cTlad0xtUDR-dFI", "***".to_owned()),
            (r"QUMxOmtTNyIveCs\/cTlad0xtUDR+dFI=", "***".to_owned()),
            ("6b5337222f782b3f71395a774c6d50347e7452", "***".to_owned()),
        ] {
            assert_eq!(scrubbed(text), shown, "{text}");
        }
    }

    #[test]
    fn short_secrets_are_words() {
        keep("token");
        assert_eq!(scrubbed("a token"), "a token");
    }
}

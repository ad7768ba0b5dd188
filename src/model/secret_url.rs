//! Webhook URLs without their secrets: `https://user:***@host/…?token=***`.
//!
//! Twilio documents `https://user:password@host/` webhooks, so a URL may carry a password, and
//! nothing that people, logs or machines read may show it (law 11).

use crate::model::known_secrets::scrubbed;

/// What stands where a secret was cut out.
const MASK: &str = "***";

/// Parts of the names of query parameters whose values are secrets, compared without case, `-`, `_`
/// and `.`: `X-Amz-Signature`, `client_secret`, `access.token`.
const SECRET_PARTS: &[&str] = &[
    "passw",
    "passphrase",
    "secret",
    "token",
    "signature",
    "apikey",
    "accesskey",
    "privatekey",
    "sharedkey",
    "authkey",
    "subscriptionkey",
    "functionskey",
    "credential",
];

/// Whole names, compared the same way: too short to be looked for within others. `sig` and `code` are
/// how Azure signs and keys its webhooks.
const SECRET_NAMES: &[&str] = &[
    "pass",
    "pwd",
    "pw",
    "key",
    "sig",
    "hmac",
    "auth",
    "authorization",
    "bearer",
    "jwt",
    "code",
    "sessionid",
    "sas",
];

/// A URL's text with its password and secret query values masked, the rest as it was written: also
/// the passwords of URLs inside of it.
///
/// A text that is no URL may hold a password all the same: there, everything up to the last `@`
/// is taken for one.
#[must_use]
pub fn masked(url: &str) -> String {
    masked_url(&scrubbed(url))
}

fn masked_url(url: &str) -> String {
    let start = authority_start(url);
    // A backslash ends it, too, for whatever reads a URL as browsers do; but in an error's quotation it may
    // stand for another character, behind which the password continues.
    let end_from = |from: usize| url[from..].find(['/', '?', '#']).map_or(url.len(), |at| from + at);
    // Most URLs have neither, and were not cut short before an `@`: nothing in them could be a secret.
    if !url.contains(['@', '?']) && (start == 0 || ends_in_port(&url[start..end_from(start)])) {
        return url.to_owned();
    }
    let is_url = || url::Url::parse(url).is_ok();
    let authority_end = match url[start..].rfind('@') {
        // A password may hold what ends an authority; a host with its port does not.
        Some(at) if !is_url() && !is_host(&url[start..end_from(start)]) => end_from(start + at),
        Some(_) | None => end_from(start),
    };
    let mut out = url[..start].to_owned();
    let authority = &url[start..authority_end];
    let rest = match authority.rsplit_once('@') {
        Some((userinfo, host)) => {
            push_masked_user(&mut out, userinfo, host);
            &url[authority_end..]
        }
        // Cut short before its `@`: what stands where the port would is none.
        None if start > 0 && !ends_in_port(authority) && !is_url() => {
            out.extend([authority.split(':').next().unwrap_or(""), ":", MASK]);
            &url[authority_end..]
        }
        // It may be the scheme of another one.
        None => &url[start..],
    };
    let Some((path, query)) = rest.split_once('?') else {
        push_nested(&mut out, rest);
        return out;
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, Some(fragment)),
        None => (query, None),
    };
    push_nested(&mut out, path);
    out.push('?');
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            out.push('&');
        }
        match pair.split_once('=') {
            Some((key, value)) if !value.is_empty() && is_secret_name(key) => {
                out.extend([key, "=", MASK]);
            }
            _ => push_nested(&mut out, pair),
        }
    }
    if let Some(fragment) = fragment {
        out.push('#');
        push_nested(&mut out, fragment);
    }
    out
}

/// Whether what is behind the first colon, if there is one, may be a port.
fn ends_in_port(authority: &str) -> bool {
    let port = authority.split_once(':').map_or("", |(_, port)| port);
    port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())
}

/// Whether it can only be a host, with or without its port: a name with a dot in it.
fn is_host(authority: &str) -> bool {
    let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    is_name && host.contains('.') && port.bytes().all(|b| b.is_ascii_digit())
}

/// Where the user, host and port of a URL start. The web's have any number of slashes after `https:`,
/// backslashes too, and tabs and line breaks are no part of them: so does whatever reads a URL as
/// browsers do.
fn authority_start(url: &str) -> usize {
    let Some((scheme, after)) = url.split_once(':') else { return 0 };
    let ignored = |c: char| matches!(c, '\t' | '\n' | '\r');
    let is_web = |name: &str| name.eq_ignore_ascii_case("https") || name.eq_ignore_ascii_case("http");
    if is_web(scheme) || is_web(&scheme.trim_start_matches(|c: char| c <= ' ').replace(ignored, "")) {
        let host = after.trim_start_matches(|c: char| matches!(c, '/' | '\\') || ignored(c));
        return url.len() - host.len();
    }
    // Another scheme, or a URL behind other text, unless a password may be before it.
    match url.find("://") {
        Some(at) if !url[..at].contains('@') => at + 3,
        Some(_) | None => 0,
    }
}

fn push_masked_user(out: &mut String, userinfo: &str, host: &str) {
    match userinfo.split_once(':') {
        Some((user, _)) => out.extend([user, ":", MASK]),
        None => out.push_str(userinfo),
    }
    out.push('@');
    out.push_str(host);
}

/// A part of a URL after its host, with the passwords of the URLs in it masked.
fn push_nested(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = nested_authority(rest) {
        let (before, after) = rest.split_at(at);
        let end = after.find(['/', '?', '#', '&']).unwrap_or(after.len());
        // What would be the host may be the scheme of the next one.
        let last = end.checked_sub(1).filter(|last| after.as_bytes()[*last] == b':');
        let end = last.and_then(|colon| web_scheme_start(after, colon)).unwrap_or(end);
        let (authority, more) = after.split_at(end);
        out.push_str(before);
        match authority.rsplit_once('@') {
            Some((userinfo, host)) => push_masked_user(out, userinfo, host),
            None => out.push_str(authority),
        }
        rest = more;
    }
    out.push_str(rest);
}

/// Where the next authority starts: behind `//`, or behind `https:` and any slashes.
fn nested_authority(text: &str) -> Option<usize> {
    let (at, _) = text.match_indices([':', '/']).find(|(at, found)| match *found {
        "/" => text[at + 1..].starts_with('/'),
        _ => web_scheme_start(text, *at).is_some(),
    })?;
    let authority = text[at + 1..].trim_start_matches(['/', '\\', '\t', '\n', '\r']);
    Some(text.len() - authority.len())
}

/// Where the `https` or `http` starts that ends at a colon.
fn web_scheme_start(text: &str, colon: usize) -> Option<usize> {
    ["https", "http"].iter().find_map(|scheme| {
        let start = colon.checked_sub(scheme.len())?;
        text.get(start..colon)?.eq_ignore_ascii_case(scheme).then_some(start)
    })
}

/// A free text, such as an API's error message, with the secrets of every URL in it masked.
#[must_use]
pub fn masked_in_text(text: &str) -> String {
    let text = scrubbed(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some((start, colon)) = find_scheme(rest) {
        let end = colon + 1 + url_length(&rest[colon + 1..]);
        out.push_str(&rest[..start]);
        out.push_str(&masked_url(&rest[start..end]));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Where the scheme of the first URL starts, and its colon: of one with `://`, or of the web's, which needs
/// no slashes, and may be right behind another word.
fn find_scheme(text: &str) -> Option<(usize, usize)> {
    text.match_indices(':').find_map(|(colon, _)| {
        let (before, after) = (&text[..colon], &text[colon + 1..]);
        let web = web_scheme_start(text, colon);
        let word = || {
            let before = before.char_indices().rev().find(|(_, c)| !c.is_ascii_alphanumeric());
            before.map_or(0, |(at, c)| at + c.len_utf8())
        };
        match web {
            Some(start) if after.starts_with(|c: char| !c.is_whitespace()) => Some((start, colon)),
            Some(_) | None if after.starts_with("//") => Some((word(), colon)),
            Some(_) | None => None,
        }
    })
}

/// How much of a text after a URL's scheme is its: up to white space, or up to what closes a quotation,
/// unless a password continues behind that.
fn url_length(text: &str) -> usize {
    let length = text.find(char::is_whitespace).unwrap_or(text.len());
    let closes = |c: char| matches!(c, '"' | '\'' | '<' | '>' | '`' | ')' | ']' | '}');
    let from = text[..length].rfind('@').unwrap_or(0);
    text[from..length].find(closes).map_or(length, |at| from + at)
}

/// Whether a word looks like an auth token or the secret of an API key: 32 to 64 letters and digits,
/// both of them, and no SID.
#[must_use]
pub fn looks_like_a_token(word: &str) -> bool {
    let is_sid = word.len() == 34
        && word.bytes().take(2).all(|b| b.is_ascii_uppercase())
        && word.bytes().skip(2).all(|b| b.is_ascii_hexdigit());
    (32..=64).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric())
        && word.bytes().any(|b| b.is_ascii_digit())
        && word.bytes().any(|b| b.is_ascii_alphabetic())
        && !is_sid
}

/// A text with `***` for each word in it that looks like a token.
#[must_use]
pub fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, run) = rest.split_at(start);
        let end = run.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(run.len());
        out.push_str(before);
        let (word, after) = run.split_at(end);
        out.push_str(if looks_like_a_token(word) { MASK } else { word });
        rest = after;
    }
    out + rest
}

/// Whether a query parameter of this name is a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let decoded = url::form_urlencoded::parse(name.as_bytes()).next();
    decoded.is_some_and(|(name, _)| {
        let plain = name.replace(['-', '_', '.', ' '], "").to_ascii_lowercase();
        SECRET_NAMES.contains(&plain.as_str()) || SECRET_PARTS.iter().any(|part| plain.contains(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_takes_no_more_than_its_length() {
        for part in ["http:", "a//", "u:p@", "https:/", "//https:", "?x=//", "&token=", "'@"] {
            let text = part.repeat(1 << 18);
            assert!(masked(&text).len() <= 4 * text.len() && masked_in_text(&text).len() <= 4 * text.len());
        }
    }

    #[test]
    fn tokens_are_told_from_sids_and_words() {
        for token in [
            "0123456789abcdef0123456789abcdef",
            "0123456789ABCDEF0123456789ABCDEF",
            "Jx9dQ2mVb7TzK4wNcR8yHs5fGpL3aEuZ",
            "sandboxtoken00000000000000000000",
        ] {
            assert_eq!(without_tokens(&format!("env: {token}, x")), "env: ***, x");
        }
        for other in [
            "AC0123456789abcdef0123456789abcdef",
            "SK0123456789abcdef0123456789abcdef",
            "thisisaverylongnamewithoutanydigitinit",
            "+15552230000",
            "2026-11-29T07:00:00Z",
        ] {
            assert_eq!(without_tokens(other), other);
        }
    }

    #[test]
    fn secrets_in_free_text_are_cut() {
        for (text, shown) in [
            ("no URL", "no URL"),
            ("Url 'https://u:p@a.example/x' is bad", "Url 'https://u:***@a.example/x' is bad"),
            ("(http://u:p@a) and https://b/?token=x, é", "(http://u:***@a) and https://b/?token=*** é"),
            ("é://u:p@x ://", "é://u:***@x ://"),
            ("(https://u:p)q'r@a/x)", "(https://u:***@a/x)"),
            ("at https:u:p@a and HTTP:\\/u:p@a", "at https:u:***@a and HTTP:\\/u:***@a"),
            ("seehttps:/u:p@a", "seehttps:/u:***@a"),
            ("note: http: no URL", "note: http: no URL"),
            ("cut https://u:hunt", "cut https://u:***"),
        ] {
            assert_eq!(masked_in_text(text), shown);
        }
    }

    #[test]
    fn secrets_are_cut_and_the_rest_is_kept() {
        for (url, shown) in [
            ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
            ("https://u:p@a.example/x", "https://u:***@a.example/x"),
            ("https://u:p@w@a.example/x", "https://u:***@a.example/x"),
            ("https://u:p?w@a.example/x", "https://u:***@a.example/x"),
            ("https://u:p/w@a.example:y", "https://u:***@a.example:y"),
            ("https://u@a.example", "https://u@a.example"),
            ("https://:p@a.example", "https://:***@a.example"),
            ("https://a.example/?a=1&Token=x&b#f", "https://a.example/?a=1&Token=***&b#f"),
            ("https://a.example/?%74oken=x", "https://a.example/?%74oken=***"),
            (
                "https://a/?sig=x&Signature=y&X-Amz-Signature=z",
                "https://a/?sig=***&Signature=***&X-Amz-Signature=***",
            ),
            ("https://a/?code=x&zip_code=y&design=z", "https://a/?code=***&zip_code=y&design=z"),
            ("nonsense u:p@x", "nonsense u:***@x"),
            ("https:/\\u:p@a.example/x", "https:/\\u:***@a.example/x"),
            ("https:u:p@a.example", "https:u:***@a.example"),
            ("ht\ttps:\n//u:p@a.example", "ht\ttps:\n//u:***@a.example"),
            ("https:/u:p@a/?x=http://b", "https:/u:***@a/?x=http://b"),
            ("u:p@x/?y=http://b", "u:***@x/?y=http://b"),
            ("https://a/?to=https://u:p@b/&token=x", "https://a/?to=https://u:***@b/&token=***"),
            ("https://a/https://u:p@b#https://u:p@c", "https://a/https://u:***@b#https://u:***@c"),
            ("https://a/?x=https:/u:p@b&y=http:u:p@c", "https://a/?x=https:/u:***@b&y=http:u:***@c"),
            (r"https://u:p@\u{202e}q@a", r"https://u:***@a"),
            ("https://a//é/x", "https://a//é/x"),
            ("https://a//https:/:p@b", "https://a//https:/:***@b"),
            ("https://a//u:p@https:/v:q@b", "https://a//u:***@https:/v:***@b"),
            ("https://u:hunt", "https://u:***"),
            ("https://u:1234567", "https://u:***"),
            ("https://a.example:99999/", "https://a.example:99999/"),
            ("https://[::1]:80/", "https://[::1]:80/"),
            (
                "https://a.example:99999/x?mail=b@c.example&token=x",
                "https://a.example:99999/x?mail=b@c.example&token=***",
            ),
            (
                "http://a.example/f?Url=http://b.example/v?Email=c@d.example&Message=100%we",
                "http://a.example/f?Url=http://b.example/v?Email=c@d.example&Message=100%we",
            ),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}

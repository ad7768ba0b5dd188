//! Webhook URLs without their secrets: `https://user:***@host/…?token=***`.
//!
//! The vendor documents `https://user:password@host/` webhooks, so a URL may carry a password, and
//! nothing that people, logs or machines read may show it (law 11).

/// What stands where a secret was cut out.
const MASK: &str = "***";

/// Query parameters whose values are secrets, by the name's whole, case-folded text.
const SECRET_PARAMETERS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "auth_token",
    "authtoken",
    "api_key",
    "apikey",
    "api-key",
    "key_secret",
];

/// A URL's text with its password and secret query values masked, the rest as it was written.
///
/// A text that is no URL may hold a password all the same: there, everything up to the last `@`
/// is taken for one.
#[must_use]
pub fn masked(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let authority_end = if url::Url::parse(url).is_ok() {
        url[start..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| start + at)
    } else {
        let from = url.rfind('@').map_or(start, |at| at.max(start));
        url[from..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| from + at)
    };
    let mut out = url[..start].to_owned();
    match url[start..authority_end].rfind('@') {
        Some(at) => {
            let userinfo = &url[start..start + at];
            match userinfo.split_once(':') {
                Some((user, _)) => {
                    out.push_str(user);
                    out.push(':');
                    out.push_str(MASK);
                }
                None => out.push_str(userinfo),
            }
            out.push_str(&url[start + at..authority_end]);
        }
        None => out.push_str(&url[start..authority_end]),
    }
    let rest = &url[authority_end..];
    let Some((path, query)) = rest.split_once('?') else {
        out.push_str(rest);
        return out;
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, Some(fragment)),
        None => (query, None),
    };
    out.push_str(path);
    out.push('?');
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            out.push('&');
        }
        match pair.split_once('=') {
            Some((key, value)) if !value.is_empty() && is_secret_name(key) => {
                out.push_str(key);
                out.push('=');
                out.push_str(MASK);
            }
            _ => out.push_str(pair),
        }
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

/// A free text, such as an API's error message, with the secrets of every URL in it masked.
#[must_use]
pub fn masked_in_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let before = rest[..at].char_indices().rev().find(|(_, c)| !c.is_ascii_alphanumeric());
        let start = before.map_or(0, |(at, c)| at + c.len_utf8());
        let is_end =
            |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`' | ')' | ']' | '}');
        let end = rest[at + 3..].find(is_end).map_or(rest.len(), |length| at + 3 + length);
        out.push_str(&rest[..start]);
        out.push_str(&masked(&rest[start..end]));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn is_secret_name(name: &str) -> bool {
    let decoded =
        url::form_urlencoded::parse(name.as_bytes()).next().map(|(name, _)| name.to_ascii_lowercase());
    decoded.is_some_and(|name| SECRET_PARAMETERS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_free_text_are_cut() {
        for (text, shown) in [
            ("no URL", "no URL"),
            ("Url 'https://u:p@a.example/x' is bad", "Url 'https://u:***@a.example/x' is bad"),
            ("(http://u:p@a) and https://b/?token=x, é", "(http://u:***@a) and https://b/?token=*** é"),
            ("é://u:p@x ://", "é://u:***@x ://"),
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
            ("nonsense u:p@x", "nonsense u:***@x"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }
}

//! The link to the next page: followed only where it stays on the API's own listing.

use url::Url;

use crate::model::provider::Api;

/// Why a page link is not followed. The listing is given up: it never looks complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageLinkError {
    /// It leads to another host; credentials never go there.
    #[error("the next page is on another host ({0}); it was not followed")]
    ForeignHost(String),
    /// It is not a link to the listing.
    #[error("the link to the next page is malformed: {0:?}")]
    Malformed(String),
}

/// Resolves `next_page_url` or `next_page_uri` against the listing's own URL.
///
/// A raw `+` in `PhoneNumber` (the page's samples have one) is read as a plus, not as a space.
///
/// # Errors
/// When the link leaves the host or the path of the listing.
pub fn resolve(listing: &Url, link: &str) -> Result<Url, PageLinkError> {
    let malformed = || PageLinkError::Malformed(crate::model::secret_url::masked(link));
    let mut url = listing.join(link).map_err(|_| malformed())?;
    if !url.username().is_empty() || url.password().is_some() || url.origin() != listing.origin() {
        let host = url.host_str().unwrap_or("none");
        return Err(PageLinkError::ForeignHost(host.to_owned()));
    }
    if url.path().trim_end_matches('/') != listing.path() || url.query().is_none_or(str::is_empty) {
        return Err(malformed());
    }
    url.set_fragment(None);
    if let Some(query) = url.query()
        && query.contains("PhoneNumber=+")
    {
        let query = query.replace("PhoneNumber=+", "PhoneNumber=%2B");
        url.set_query(Some(&query));
    }
    Ok(url)
}

/// How near to either end of a page its links are looked for.
const NEAR: usize = 2048;

/// What a page's link to the next one seems to be before the page is parsed, so that the next one can
/// be asked for meanwhile. It is a guess: the text of a number may look like it, so that nothing is
/// believed of what it leads to until the parsed page says the same.
#[must_use]
pub fn guess(api: Api, body: &[u8]) -> Option<String> {
    let key: &[u8] = match api {
        Api::ActiveNumbers => b"\"next_page_url\"",
        Api::IncomingPhoneNumbers => b"\"next_page_uri\"",
    };
    let tail = &body[body.len().saturating_sub(NEAR)..];
    let head = &body[..body.len().min(NEAR)];
    [tail, head].into_iter().find_map(|part| {
        let at = part.windows(key.len()).rposition(|window| window == key)?;
        let value = part[at + key.len()..].trim_ascii_start().strip_prefix(b":")?;
        serde_json::Deserializer::from_slice(value).into_iter::<Option<String>>().next()?.ok()?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_guessed_at_either_end() {
        let rows = "{},".repeat(3_000);
        let meta = r#""next_page_url" : "\/Numbers?Page=1","key":"items"}}"#;
        let active = |text: &str| guess(Api::ActiveNumbers, text.as_bytes());
        assert_eq!(
            active(&format!("{{\"items\":[{rows}],\"meta\":{{{meta}")).as_deref(),
            Some("/Numbers?Page=1")
        );
        assert_eq!(
            active(&format!("{{\"meta\":{{{meta},\"items\":[{rows}]}}")).as_deref(),
            Some("/Numbers?Page=1")
        );
        for none in [
            "",
            "{}",
            r#"{"next_page_url"#,
            r#"{"next_page_url":null"#,
            r#"{"next_page_url":5"#,
            r#"{"next_page_url":"/a"#,
        ] {
            assert_eq!(active(none), None, "{none}");
        }
        let incoming = guess(Api::IncomingPhoneNumbers, br#"{"next_page_uri":"/a?b","uri":"/c"}"#);
        assert_eq!(incoming.as_deref(), Some("/a?b"));
    }

    #[test]
    fn only_the_listing_itself_is_followed() {
        let listing = Url::parse("https://preview.example.com/Numbers/ActiveNumbers").expect("a URL");
        let go = |link: &str| resolve(&listing, link).map(String::from);
        let page = "https://preview.example.com/Numbers/ActiveNumbers?PageSize=50&Page=1";
        assert_eq!(go(page).as_deref(), Ok(page));
        assert_eq!(go("/Numbers/ActiveNumbers?PageSize=50&Page=1").as_deref(), Ok(page));
        assert_eq!(
            go("/Numbers/ActiveNumbers?PhoneNumber=+1555&Page=1").as_deref(),
            Ok("https://preview.example.com/Numbers/ActiveNumbers?PhoneNumber=%2B1555&Page=1")
        );
        for foreign in [
            "https://evil.example/Numbers/ActiveNumbers?Page=1",
            "http://preview.example.com/Numbers/ActiveNumbers?Page=1",
            "https://preview.example.com:8443/Numbers/ActiveNumbers?Page=1",
            "https://u:p@preview.example.com/Numbers/ActiveNumbers?Page=1",
            "https://preview.example.com@evil.example/Numbers/ActiveNumbers?Page=1",
            "//evil.example/Numbers/ActiveNumbers?Page=1",
            "\\\\evil.example/Numbers/ActiveNumbers?Page=1",
        ] {
            assert!(matches!(go(foreign), Err(PageLinkError::ForeignHost(_))), "{foreign}");
        }
        for malformed in [
            "https://preview.example.com/Numbers/ActiveNumbers&PageSize=50&Page=1",
            "https://preview.example.com/Numbers/ActiveNumbers/US?Page=1",
            "https://preview.example.com/Numbers/ActiveNumbers",
            "",
            "https://",
        ] {
            assert!(matches!(go(malformed), Err(PageLinkError::Malformed(_))), "{malformed}");
        }
    }

    #[test]
    fn what_a_link_has_besides_page_and_host_is_looked_at() {
        let listing = Url::parse("https://preview.example.com/Numbers/ActiveNumbers").expect("a URL");
        let go = |link: &str| resolve(&listing, link).map(String::from);
        let page = "https://preview.example.com/Numbers/ActiveNumbers?Page=1";
        // Nobody sends a fragment; a slash at the end is the same listing.
        assert_eq!(go("/Numbers/ActiveNumbers?Page=1#top").as_deref(), Ok(page));
        assert!(go("/Numbers/ActiveNumbers/?Page=1").is_ok());
        for foreign in [
            "https://u@preview.example.com/Numbers/ActiveNumbers?Page=1",
            "https://:p@preview.example.com/Numbers/ActiveNumbers?Page=1",
        ] {
            assert!(matches!(go(foreign), Err(PageLinkError::ForeignHost(_))), "{foreign}");
        }
        assert!(matches!(go("/Numbers/ActiveNumbers?"), Err(PageLinkError::Malformed(_))));
    }

    /// It is a guess: a page of megabytes is not searched for it.
    #[test]
    fn a_link_is_guessed_within_two_kibibytes_of_an_end() {
        let link = r#""next_page_url":"/a?b""#;
        let active = |text: &str| guess(Api::ActiveNumbers, text.as_bytes());
        let behind = |rest: usize| format!("{}{link}{}", " ".repeat(9_000), " ".repeat(rest - link.len()));
        assert_eq!(active(&behind(2_048)).as_deref(), Some("/a?b"));
        assert_eq!(active(&behind(2_049)), None);
        let before = |start: usize| format!("{}{link}{}", " ".repeat(start - link.len()), " ".repeat(9_000));
        assert_eq!(active(&before(2_048)).as_deref(), Some("/a?b"));
        assert_eq!(active(&before(2_048 + link.len())), None);
        // The last one counts, and of both ends the end.
        let two = format!(r#"{link}{}"next_page_url":"/c?d""#, " ".repeat(5_000));
        assert_eq!(active(&two).as_deref(), Some("/c?d"));
    }
}

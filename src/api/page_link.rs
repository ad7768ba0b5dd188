//! The link to the next page: followed only where it stays on the API's own listing.

use url::Url;

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
    let malformed = || PageLinkError::Malformed(crate::secret_url::masked(link));
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

//! Paging: which page was asked for, and the `meta` block with its links.
//!
//! `next_page_url` and `previous_page_url` are always good. `first_page_url` and `url` have the
//! malformations of the page's samples, and no one may follow them: no `?` before `PageSize` where
//! there is no filter, a raw `+`, a stray `/US`.

use url::form_urlencoded;

use super::answer::SandboxError;
use super::faults::Dialect;
use super::filters::SandboxFilters;
use super::json::{Object, quoted};

/// The page that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SandboxPage {
    pub(crate) number: usize,
    pub(crate) size: usize,
}

impl Default for SandboxPage {
    fn default() -> Self {
        Self { number: 0, size: 50 }
    }
}

impl SandboxPage {
    pub(crate) fn new(parameters: &[(String, String)], dialect: &Dialect) -> Result<Self, SandboxError> {
        let mut page = Self::default();
        for (name, value) in parameters {
            match name.as_str() {
                "PageSize" => match value.parse() {
                    Ok(size @ 1..=1000) => page.size = size,
                    _ => return Err(SandboxError::bad(20007, "PageSize must be between 1 and 1000")),
                },
                "Page" => {
                    page.number = value
                        .parse()
                        .map_err(|_| SandboxError::bad(20422, "Page must be a number from 0 on"))?;
                }
                _ => {}
            }
        }
        if let Some(cap) = dialect.page_cap {
            page.size = page.size.min(cap);
        }
        Ok(page)
    }
}

pub(crate) fn envelope(
    rows: &[String],
    more: bool,
    page: SandboxPage,
    filters: &SandboxFilters,
    address: &str,
    dialect: &Dialect,
) -> String {
    let SandboxPage { number, size } = page;
    let next = more.then(|| {
        let host =
            if dialect.link_foreign { "https://preview.example.com/Numbers/ActiveNumbers" } else { address };
        link(host, filters, SandboxPage { number: number + usize::from(!dialect.link_loop), size })
    });
    let previous = number.checked_sub(1).map(|number| link(address, filters, SandboxPage { number, size }));
    let or_null = |link: Option<String>| link.map_or_else(|| "null".into(), |link| quoted(&link));
    format!(
        "{{\"items\":[{}],\"meta\":{{\"page\":{number},\"page_size\":{size},\"first_page_url\":{},\"previous_page_url\":{},\
         \"url\":{},\"next_page_url\":{},\"key\":\"items\"}}}}",
        rows.join(","),
        quoted(&odd_link(address, filters, SandboxPage { number: 0, size }, true)),
        or_null(previous),
        quoted(&odd_link(address, filters, page, false)),
        or_null(next),
    )
}

/// The `meta` block of the newer products, whose links are all good. `link` makes the one of a page.
pub(crate) fn meta(page: SandboxPage, more: bool, key: &str, link: impl Fn(usize) -> String) -> String {
    let next = more.then(|| link(page.number + 1));
    let previous = page.number.checked_sub(1).map(&link);
    Object::new()
        .raw("page", &page.number.to_string())
        .raw("page_size", &page.size.to_string())
        .text("first_page_url", &link(0))
        .text_or_null("previous_page_url", previous.as_deref())
        .text("url", &link(page.number))
        .text_or_null("next_page_url", next.as_deref())
        .text("key", key)
        .end()
}

/// A link that can be followed.
fn link(address: &str, filters: &SandboxFilters, page: SandboxPage) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(filters.iter());
    query.append_pair("PageSize", &page.size.to_string()).append_pair("Page", &page.number.to_string());
    format!("{address}?{}", query.finish())
}

/// A link as malformed as those of the page's samples.
fn odd_link(address: &str, filters: &SandboxFilters, page: SandboxPage, is_first: bool) -> String {
    let tail = format!("&PageSize={}&Page={}", page.size, page.number);
    if filters.is_empty() {
        return format!("{address}{tail}");
    }
    let stray =
        if is_first && filters.phone_number().is_some_and(|n| n.starts_with("+1")) { "/US" } else { "" };
    let raw: Vec<_> = filters
        .iter()
        .map(|(name, value)| {
            let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{name}={}", value.replace("%2B", "+"))
        })
        .collect();
    format!("{address}{stray}?{}{tail}", raw.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_good_where_they_are_followed_and_odd_where_the_page_is_odd() {
        let filters = SandboxFilters::new(&[("PhoneNumber".into(), "+1555*".into())]);
        let page = SandboxPage { number: 1, size: 2 };
        let body = envelope(&[], true, page, &filters, "http://h/Numbers/ActiveNumbers", &Dialect::default());
        let meta = serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["meta"].clone();
        assert_eq!(
            meta["next_page_url"],
            "http://h/Numbers/ActiveNumbers?PhoneNumber=%2B1555*&PageSize=2&Page=2"
        );
        assert_eq!(
            meta["previous_page_url"],
            "http://h/Numbers/ActiveNumbers?PhoneNumber=%2B1555*&PageSize=2&Page=0"
        );
        assert_eq!(
            meta["first_page_url"],
            "http://h/Numbers/ActiveNumbers/US?PhoneNumber=+1555*&PageSize=2&Page=0"
        );
        assert_eq!(meta["url"], "http://h/Numbers/ActiveNumbers?PhoneNumber=+1555*&PageSize=2&Page=1");
        let body = envelope(
            &[],
            false,
            SandboxPage::default(),
            &SandboxFilters::default(),
            "http://h/x",
            &Dialect::default(),
        );
        let meta = serde_json::from_str::<serde_json::Value>(&body).expect("JSON")["meta"].clone();
        assert_eq!(meta["url"], "http://h/x&PageSize=50&Page=0");
        assert!(meta["next_page_url"].is_null() && meta["previous_page_url"].is_null());
    }
}

//! Paging of v2010: relative links, and a token that says after which row the page starts.
//!
//! The token holds the row itself and not a position, so that a page keeps its meaning when rows
//! come and go before it. `Page` beside it is what Twilio calls client state; without a token
//! it is a position.

use url::form_urlencoded;

use super::super::answer::SandboxError;
use super::super::faults::Dialect;
use super::super::json::{Object, quoted};
use super::super::page::SandboxPage;

/// Where a page starts, by a row that is in none or another page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PageStart<K> {
    /// At `Page * PageSize`.
    Offset,
    After(K),
    Before(K),
}

/// The page that a request asks for.
pub(super) struct PageAsk<K> {
    page: SandboxPage,
    start: PageStart<K>,
    /// As it came, for the link to this very page.
    token: Option<String>,
}

impl<K: Clone> PageAsk<K> {
    /// `key` reads the 32 hexadecimal digits of a token.
    pub(super) fn new(
        query: &[(String, String)],
        dialect: &Dialect,
        key: impl Fn(&str) -> Option<K>,
    ) -> Result<Self, SandboxError> {
        let page = SandboxPage::new(query, dialect)?;
        let token = query.iter().rfind(|(name, _)| name == "PageToken").map(|(_, token)| token.clone());
        let start = match &token {
            None => PageStart::Offset,
            Some(token) => {
                let read = |prefix| token.strip_prefix(prefix).filter(|hex| hex.len() == 32).and_then(&key);
                match (read("PAID"), read("PBID")) {
                    (Some(key), _) => PageStart::After(key),
                    (_, Some(key)) => PageStart::Before(key),
                    (None, None) => return Err(SandboxError::bad(21481, "Invalid PageToken")),
                }
            }
        };
        Ok(Self { page, start, token })
    }

    /// The rows of the page, and whether there are more. `forward` gives the rows after a key or
    /// all of them, `backward` those before one, the nearest first.
    pub(super) fn slice<I, J>(
        &self,
        forward: impl Fn(Option<&K>) -> I,
        backward: impl Fn(&K) -> J,
    ) -> (Vec<K>, bool)
    where
        I: Iterator<Item = K>,
        J: Iterator<Item = K>,
    {
        let SandboxPage { number, size } = self.page;
        let (mut rows, more): (Vec<K>, bool) = match &self.start {
            PageStart::Offset => {
                let rows: Vec<K> = forward(None).skip(number.saturating_mul(size)).take(size + 1).collect();
                let more = rows.len() > size;
                (rows, more)
            }
            PageStart::After(key) => {
                let rows: Vec<K> = forward(Some(key)).take(size + 1).collect();
                let more = rows.len() > size;
                (rows, more)
            }
            PageStart::Before(key) => {
                let mut rows: Vec<K> = backward(key).take(size).collect();
                rows.reverse();
                let more = forward(rows.last()).next().is_some();
                (rows, more)
            }
        };
        rows.truncate(size);
        (rows, more)
    }
}

/// A page to be shown.
pub(super) struct PageShown<'a> {
    /// The key of the rows: the body's only key that is not about the page.
    pub(super) key: &'static str,
    pub(super) path: &'a str,
    /// The filters, which every link keeps.
    pub(super) filters: &'a [(String, String)],
    pub(super) rows: &'a [String],
    /// The first and the last row as the 32 hexadecimal digits of a token.
    pub(super) ends: Option<(String, String)>,
    pub(super) more: bool,
}

impl PageShown<'_> {
    pub(super) fn body<K>(&self, ask: &PageAsk<K>, dialect: &Dialect) -> String {
        let SandboxPage { number, size } = ask.page;
        let here = self.link(size, number, ask.token.as_deref());
        let first = self.ends.as_ref().map(|(first, _)| format!("PBID{first}"));
        let last = self.ends.as_ref().map(|(_, last)| format!("PAID{last}"));
        let next = match (self.more, dialect.link_loop) {
            (false, _) => None,
            (true, true) => Some(here.clone()),
            (true, false) => Some(self.link(size, number + 1, last.as_deref())),
        };
        let next = match dialect.link_foreign {
            true => next.map(|link| format!("https://api.example.com{link}")),
            false => next,
        };
        let previous = number.checked_sub(1).map(|number| self.link(size, number, first.as_deref()));
        let start = number.saturating_mul(size);
        let end = start + self.rows.len().saturating_sub(1);
        Object::new()
            .raw(self.key, &format!("[{}]", self.rows.join(",")))
            .raw("first_page_uri", &quoted(&self.link(size, 0, None)))
            .text_or_null("next_page_uri", next.as_deref())
            .text_or_null("previous_page_uri", previous.as_deref())
            .raw("uri", &quoted(&here))
            .raw("page", &number.to_string())
            .raw("page_size", &size.to_string())
            .raw("start", &start.to_string())
            .raw("end", &end.to_string())
            .end()
    }

    fn link(&self, size: usize, number: usize, token: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.filters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        query.append_pair("PageSize", &size.to_string()).append_pair("Page", &number.to_string());
        if let Some(token) = token {
            query.append_pair("PageToken", token);
        }
        format!("{}?{}", self.path, query.finish())
    }
}

/// The parameters of a request that are among `names` and say something.
pub(super) fn filters(query: &[(String, String)], names: &[&str]) -> Vec<(String, String)> {
    query
        .iter()
        .filter(|(name, value)| names.contains(&name.as_str()) && !value.is_empty())
        .cloned()
        .collect()
}

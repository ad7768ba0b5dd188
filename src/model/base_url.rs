//! A base URL that an operator gives: scheme, host and port (and sometimes a path), over which a secret may be sent.

use url::{Host, ParseError, Url};

/// Why a text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Not a URL at all.
    NotAUrl(ParseError),
    /// Neither https nor http, or without a host.
    Scheme,
    /// Plain http to another machine.
    InTheClear,
    /// More than scheme, host and port.
    MoreThanAHost,
}

/// Whether a URL leads to this very machine: 127.0.0.0/8, `::1` or localhost. What goes there is never
/// to cross the network, a proxy included.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// Reads a base URL. http is for loopback only.
///
/// # Errors
/// When it is not one.
pub fn base_url(text: &str) -> Result<Url, Unfit> {
    let base = base_url_below(text)?;
    if matches!(base.path(), "" | "/") { Ok(base) } else { Err(Unfit::MoreThanAHost) }
}

/// The same, which may have a path.
///
/// # Errors
/// When it is not one.
pub fn base_url_below(text: &str) -> Result<Url, Unfit> {
    let base = Url::parse(text).map_err(Unfit::NotAUrl)?;
    if base.host().is_none() {
        return Err(Unfit::Scheme);
    }
    let is_loopback = is_loopback(&base);
    match base.scheme() {
        "https" => {}
        "http" if is_loopback => {}
        "http" => return Err(Unfit::InTheClear),
        _ => return Err(Unfit::Scheme),
    }
    let is_bare = base.query().is_none()
        && base.fragment().is_none()
        && base.username().is_empty()
        && base.password().is_none();
    if is_bare { Ok(base) } else { Err(Unfit::MoreThanAHost) }
}

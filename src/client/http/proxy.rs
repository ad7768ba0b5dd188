//! The proxies that the environment names. A value that names none is an error: without its proxy, a
//! request would take a way that no one wanted, with its credentials.

use std::ffi::OsString;
use std::fmt;

use hyper::Uri;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use url::Url;

/// Which variables are read for each use; the first that is set counts.
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NONE: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Through which proxies requests go, and what is asked without.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies {
    https: Option<Url>,
    http: Option<Url>,
    none: Option<String>,
}

/// A proxy's URL may hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").finish_non_exhaustive()
    }
}

impl Proxies {
    /// Those of this process.
    ///
    /// # Errors
    /// When a variable holds something else.
    pub(crate) fn of_environment() -> Result<Self, String> {
        Self::read(|name| std::env::var_os(name))
    }

    /// Every variable is looked at, also where another one goes before it.
    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let text = |name: &str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(Err(_)) => Err(format!("{name} is not UTF-8 text")),
        };
        let proxy = |names: [&str; 2]| -> Result<Option<Url>, String> {
            let read = |name: &str| text(name)?.map(|text| proxy_at(name, &text)).transpose();
            let [upper, lower] = names.map(read);
            Ok(upper?.or(lower?))
        };
        let (https, http, all) = (proxy(HTTPS)?, proxy(HTTP)?, proxy(ALL)?);
        let [upper, lower] = NONE.map(text);
        Ok(Self { https: https.or_else(|| all.clone()), http: http.or(all), none: upper?.or(lower?) })
    }

    /// Whether the proxy of plain http is itself reached over TLS.
    pub(super) fn http_takes_tls(&self) -> bool {
        self.http.as_ref().is_some_and(|proxy| proxy.scheme() == "https")
    }

    /// Has a client use them. Where the environment names none, those of the operating system remain.
    ///
    /// # Errors
    /// When reqwest does not take one.
    pub(super) fn apply(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        let none = || self.none.as_deref().and_then(NoProxy::from_string);
        if let Some(url) = &self.https {
            builder = builder.proxy(Proxy::https(url.clone())?.no_proxy(none()));
        }
        if let Some(url) = &self.http {
            builder = builder.proxy(Proxy::http(url.clone())?.no_proxy(none()));
        }
        Ok(builder)
    }
}

/// The proxy that a variable names: `http://HOST:PORT`, or without the scheme. The value is not quoted: it
/// may hold a password.
fn proxy_at(name: &str, text: &str) -> Result<Url, String> {
    let refused =
        |why: &str| Err(format!("{name} {why}: write http://HOST:PORT, or unset it; nothing was sent"));
    // The URL parser skips these without a word.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return refused("contains white space, a control character or a backslash");
    }
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let Ok(url) = Url::parse(&whole) else { return refused("is not the URL of a proxy") };
    match url.scheme() {
        "http" | "https" => {}
        "socks4" | "socks4a" | "socks5" | "socks5h" => {
            return refused("names a SOCKS proxy, and numctl uses HTTP proxies only");
        }
        _ => return refused("is not the URL of an HTTP proxy"),
    }
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    // What reqwest could not read, it would leave out.
    let is_read = url.as_str().parse::<Uri>().is_ok_and(|uri| uri.authority().is_some());
    if url.has_host() && is_bare && is_read { Ok(url) } else { refused("is not the URL of a proxy") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Proxies, String> {
        Proxies::read(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn a_value_that_is_no_proxy_is_an_error_that_names_its_variable() {
        let bad = [
            "htp://proxy:3128",
            "http//proxy:3128",
            "http:/proxy:3128",
            "http:proxy",
            "http://",
            "http://http://proxy:3128",
            "http://proxy:31a8",
            "proxy:99999",
            "proxy:3128/path",
            "http://proxy:3128?x",
            "http:\\\\proxy:3128",
            " http://proxy:3128",
            "http://proxy: 3128",
            "pro xy",
            "socks5://proxy:1080",
            "://proxy",
            ":3128",
        ];
        for name in [HTTPS, HTTP, ALL].as_flattened() {
            for value in bad {
                let error = read(&[(name, value), ("NO_PROXY", "*")]).expect_err(value);
                assert!(error.starts_with(&format!("{name} ")), "{value}: {error}");
            }
        }
        // Also where another variable goes before it.
        let error =
            read(&[("HTTPS_PROXY", "http://proxy:3128"), ("https_proxy", "htp://x")]).expect_err("one");
        assert!(error.starts_with("https_proxy"), "{error}");
        let secret = read(&[("ALL_PROXY", "ftp://user:hunter2@proxy")]).expect_err("one");
        assert!(!secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn the_first_variable_that_is_set_names_the_proxy() {
        let https = |set: &[(&str, &str)]| {
            read(set).expect("proxies").https.map(|url| url.to_string()).unwrap_or_default()
        };
        assert_eq!(https(&[]), "");
        assert_eq!(https(&[("HTTPS_PROXY", ""), ("https_proxy", "low:1")]), "http://low:1/");
        assert_eq!(https(&[("HTTPS_PROXY", "up:1"), ("https_proxy", "low:1")]), "http://up:1/");
        assert_eq!(https(&[("HTTP_PROXY", "http://a"), ("all_proxy", "https://b:2")]), "https://b:2/");
        assert_eq!(https(&[("ALL_PROXY", "http://u:p%40@[::1]:3/")]), "http://u:p%40@[::1]:3/");
        let shown = format!("{:?}", read(&[("ALL_PROXY", "http://u:hunter2@h")]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

//! Where the API is: host names by region and edge, paths, and what a base URL may be.

use url::{Host, Url};

use crate::number::NumberSid;

/// The vendor's own domain.
const VENDOR_DOMAIN: &str = "twilio.com";

/// The service that has ActiveNumbers and AvailableNumbers.
const PREVIEW: &str = "preview";

/// Why a base URL or a host part is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error("the base URL {0:?} is not a URL such as https://host:port")]
    NotAUrl(String),
    /// Plain http to another machine.
    #[error(
        "the base URL {0} is not https: credentials would cross the network in the clear (http is for loopback only)"
    )]
    InTheClear(String),
    /// More than scheme, host and port.
    #[error("the base URL {0} has more than scheme, host and port: paths are the vendor's")]
    MoreThanAHost(String),
    /// A region or edge that is no host label.
    #[error("{name} {value:?} is not a region or edge name such as us1 or ashburn")]
    NotALabel {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// The scheme, host and port that every request of a command goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
}

impl Endpoint {
    /// The operator's own base URL (`--base-url`): it replaces scheme, host and port of every
    /// service. http is for loopback only.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn at(base_url: &str) -> Result<Self, EndpointError> {
        let base =
            Url::parse(base_url).map_err(|_| EndpointError::NotAUrl(crate::secret_url::masked(base_url)))?;
        let shown = || crate::secret_url::masked(base_url);
        let loopback = match base.host() {
            Some(Host::Domain(domain)) => domain == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(EndpointError::NotAUrl(shown())),
        };
        match base.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => return Err(EndpointError::InTheClear(shown())),
            _ => return Err(EndpointError::NotAUrl(shown())),
        }
        let bare = matches!(base.path(), "" | "/") && base.query().is_none() && base.fragment().is_none();
        if !bare || !base.username().is_empty() || base.password().is_some() {
            return Err(EndpointError::MoreThanAHost(shown()));
        }
        Ok(Self { base })
    }

    /// The vendor's host for a region and an edge: `preview.{edge}.{region}.twilio.com`. An edge
    /// without a region means `us1`.
    ///
    /// # Errors
    /// When one of them could not be part of a host name of the vendor.
    pub fn vendor(region: Option<&str>, edge: Option<&str>) -> Result<Self, EndpointError> {
        let label = |name: &'static str, value: Option<&str>| match value {
            None | Some("") => Ok(None),
            Some(value) if value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Ok(Some(value.to_owned()))
            }
            Some(value) => Err(EndpointError::NotALabel { name, value: value.to_owned() }),
        };
        let edge = label("TWILIO_EDGE", edge)?;
        let region = label("TWILIO_REGION", region)?.or_else(|| edge.as_ref().map(|_| "us1".to_owned()));
        let parts: Vec<String> = [Some(PREVIEW.to_owned()), edge, region, Some(VENDOR_DOMAIN.to_owned())]
            .into_iter()
            .flatten()
            .collect();
        let text = format!("https://{}", parts.join("."));
        let base = Url::parse(&text).map_err(|_| EndpointError::NotAUrl(text))?;
        Ok(Self { base })
    }

    /// `/Numbers/ActiveNumbers`
    #[must_use]
    pub fn active_numbers(&self) -> Url {
        self.path("/Numbers/ActiveNumbers")
    }

    /// `/Numbers/ActiveNumbers/{Sid}`
    #[must_use]
    pub fn active_number(&self, sid: NumberSid) -> Url {
        self.path(&format!("/Numbers/ActiveNumbers/{sid}"))
    }

    /// `/Numbers/ActiveNumbers/{Sid}.json`: the page shows the suffix for transfers only.
    #[must_use]
    pub fn transfer(&self, sid: NumberSid) -> Url {
        self.path(&format!("/Numbers/ActiveNumbers/{sid}.json"))
    }

    /// `/Numbers/AvailableNumbers`
    #[must_use]
    pub fn available_numbers(&self) -> Url {
        self.path("/Numbers/AvailableNumbers")
    }

    /// Whether a URL has this endpoint's scheme, host and port.
    #[must_use]
    pub fn owns(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host() == self.base.host()
            && url.port_or_known_default() == self.base.port_or_known_default()
    }

    /// The base URL, without a trailing slash.
    #[must_use]
    pub fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    fn path(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_follow_region_and_edge() {
        let host = |region, edge| Endpoint::vendor(region, edge).map(|e| e.base().to_owned());
        assert_eq!(host(None, None).as_deref(), Ok("https://preview.twilio.com"));
        assert_eq!(host(Some("ie1"), None).as_deref(), Ok("https://preview.ie1.twilio.com"));
        assert_eq!(host(None, Some("dublin")).as_deref(), Ok("https://preview.dublin.us1.twilio.com"));
        assert_eq!(host(Some("ie1"), Some("dublin")).as_deref(), Ok("https://preview.dublin.ie1.twilio.com"));
        assert!(host(Some("evil.example/"), None).is_err());
    }

    #[test]
    fn base_urls_keep_credentials_off_the_open_network() {
        assert!(Endpoint::at("http://127.0.0.1:8080").is_ok());
        assert!(Endpoint::at("http://localhost:8080/").is_ok());
        assert!(Endpoint::at("http://[::1]:8080").is_ok());
        assert!(Endpoint::at("https://api.example.com").is_ok());
        for refused in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "https://a.example/path",
            "ftp://a",
            "x",
            "https://u:hunter2@a.example",
        ] {
            let error = Endpoint::at(refused).expect_err(refused).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}

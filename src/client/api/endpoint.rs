//! Where the services are: host names by region and edge, and what a base URL may be.

use url::Url;

use crate::model::base_url::{self, Unfit};
use crate::model::provider::Site;

const VENDOR_DOMAIN: &str = "twilio.com";

/// Why a base URL or a host part is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("the base URL {0:?} is not a URL such as https://host:port")]
    NotAUrl(String),
    /// Plain http to another machine.
    #[error(
        "the base URL {0} is not https: credentials would cross the network unencrypted (http is allowed for loopback only)"
    )]
    InTheClear(String),
    /// More than scheme, host and port.
    #[error("the base URL {0} has more than scheme, host and port: remove the rest")]
    MoreThanAHost(String),
    /// A region whose edge is not known.
    #[error(
        "numctl does not know the edge of region {0}, which is part of Twilio's host names: add `edge:` beside `region:`, or \
         set TWILIO_EDGE"
    )]
    NoEdge(String),
}

/// Twilio's services, each with a host of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    Preview,
    /// v2010: IncomingPhoneNumbers, AvailablePhoneNumbers, accounts.
    Api,
    Pricing,
    /// What a country wants of those who buy its numbers.
    Numbers,
    Monitor,
    Messaging,
    Trunking,
    Routes,
}

impl Product {
    const ALL: [Self; 8] = [
        Self::Preview,
        Self::Api,
        Self::Pricing,
        Self::Numbers,
        Self::Monitor,
        Self::Messaging,
        Self::Trunking,
        Self::Routes,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Preview => "preview",
            Self::Api => "api",
            Self::Pricing => "pricing",
            Self::Numbers => "numbers",
            Self::Monitor => "monitor",
            Self::Messaging => "messaging",
            Self::Trunking => "trunking",
            Self::Routes => "routes",
        }
    }

    /// Whether regions have hosts of their own for it. Twilio's list of products by region has none of
    /// the others.
    fn is_regional(self) -> bool {
        match self {
            Self::Api => true,
            Self::Preview
            | Self::Pricing
            | Self::Numbers
            | Self::Monitor
            | Self::Messaging
            | Self::Trunking
            | Self::Routes => false,
        }
    }
}

/// Where the requests of an account go: scheme, host and port of each service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint([Url; Product::ALL.len()]);

impl Endpoint {
    /// The operator's own base URL (`--base-url`): it replaces scheme, host and port of every
    /// service. http is for loopback only.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn at(base_url: &str) -> Result<Self, EndpointError> {
        let base = base_url::base_url(base_url).map_err(|unfit| {
            let shown = crate::model::secret_url::masked(base_url);
            match unfit {
                Unfit::NotAUrl(_) | Unfit::Scheme => EndpointError::NotAUrl(shown),
                Unfit::InTheClear => EndpointError::InTheClear(shown),
                Unfit::MoreThanAHost => EndpointError::MoreThanAHost(shown),
            }
        })?;
        Ok(Self(Product::ALL.map(|_| base.clone())))
    }

    /// Twilio's hosts for a region and an edge: `{service}.{edge}.{region}.twilio.com`, and
    /// `{service}.twilio.com` for services that no region has.
    ///
    /// # Errors
    /// When the region's edge is not known, or they make no host name together.
    pub fn vendor(site: &Site) -> Result<Self, EndpointError> {
        let place = site.labels().map_err(|region| EndpointError::NoEdge(region.to_string()))?;
        let host = |service: Product| {
            let text = match place.as_deref().filter(|_| service.is_regional()) {
                Some(place) => format!("https://{}.{place}.{VENDOR_DOMAIN}", service.label()),
                None => format!("https://{}.{VENDOR_DOMAIN}", service.label()),
            };
            Url::parse(&text).map_err(|_| EndpointError::NotAUrl(text))
        };
        let hosts: Vec<Url> = Product::ALL.into_iter().map(host).collect::<Result<_, _>>()?;
        // One for each of them.
        let hosts = hosts.try_into().map_err(|_| EndpointError::NotAUrl(VENDOR_DOMAIN.to_owned()))?;
        Ok(Self(hosts))
    }

    /// Which world of accounts this leads to, as the journal names it: Twilio's, through whatever
    /// region and edge, or what answers at an operator's own base URL.
    #[must_use]
    pub fn world(&self) -> String {
        let url = &self.0[Product::Api as usize];
        let is_vendors = url.host_str().is_some_and(|host| {
            host.strip_suffix(VENDOR_DOMAIN).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        if is_vendors { VENDOR_DOMAIN.to_owned() } else { url.origin().ascii_serialization() }
    }

    /// The region whose settings these hosts show and set.
    #[must_use]
    pub fn region(&self) -> &str {
        let labels: Vec<&str> =
            self.0[Product::Api as usize].host_str().unwrap_or_default().split('.').collect();
        match labels[..] {
            ["api", _, region, "twilio", "com"] => region,
            _ => "us1",
        }
    }

    /// A path of a service.
    #[must_use]
    pub fn url(&self, service: Product, path: &str) -> Url {
        let mut url = self.0[service as usize].clone();
        url.set_path(path);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::provider::HostLabel;

    #[test]
    fn hosts_follow_region_and_edge() {
        let host = |region: &str, edge: &str, service| {
            let site = Site { region: HostLabel::parse(region), edge: HostLabel::parse(edge) };
            Endpoint::vendor(&site).map(|endpoint| endpoint.url(service, "/x").to_string())
        };
        for (region, edge, service, url) in [
            ("", "", Product::Preview, "https://preview.twilio.com/x"),
            ("ie1", "", Product::Api, "https://api.dublin.ie1.twilio.com/x"),
            ("", "dublin", Product::Api, "https://api.dublin.us1.twilio.com/x"),
            ("au1", "sydney", Product::Api, "https://api.sydney.au1.twilio.com/x"),
            ("au1", "sydney", Product::Pricing, "https://pricing.twilio.com/x"),
            ("ie1", "", Product::Numbers, "https://numbers.twilio.com/x"),
            ("ie1", "", Product::Monitor, "https://monitor.twilio.com/x"),
            ("ie1", "", Product::Preview, "https://preview.twilio.com/x"),
        ] {
            assert_eq!(host(region, edge, service).as_deref(), Ok(url));
        }
        assert_eq!(host("xx9", "", Product::Api), Err(EndpointError::NoEdge("xx9".to_owned())));
    }

    #[test]
    fn one_base_url_stands_for_every_service() {
        let endpoint = Endpoint::at("http://127.0.0.1:8080").expect("a base URL");
        for service in Product::ALL {
            assert_eq!(endpoint.url(service, "/a/b").as_str(), "http://127.0.0.1:8080/a/b");
        }
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

//! The transport over the network: reqwest on rustls, HTTP Basic, gzip, keep-alive; never a
//! redirect and never a retry of its own, since only the engine knows what may be sent twice.

use std::error::Error as _;
use std::time::Duration;

use crate::transport::{Request, Response, Transport, TransportError, Verb};

/// A connection, TLS included, is given up after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The network.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
}

impl Http {
    /// A client with its connection pool. It goes through the proxy that the environment names
    /// (`HTTPS_PROXY`, `NO_PROXY` and their like), and trusts the machine's CA certificates.
    ///
    /// # Errors
    /// When TLS cannot be set up, most often because the machine has no CA certificates.
    pub fn new() -> Result<Self, String> {
        Self::build(reqwest::Client::builder())
    }

    /// The same, trusting the certificates of a PEM file as well: a private CA's.
    ///
    /// # Errors
    /// When it holds none, and as [`Http::new`].
    pub fn trusting(pem: &[u8]) -> Result<Self, String> {
        let more = reqwest::Certificate::from_pem_bundle(pem)
            .map_err(|error| format!("it is not PEM with certificates: {}", chain(&error)))?;
        if more.is_empty() {
            return Err("it holds no certificate".to_owned());
        }
        Self::build(reqwest::Client::builder().tls_certs_merge(more))
    }

    /// The same without any proxy: for the embedded sandbox, which no other host can reach.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn direct() -> Result<Self, String> {
        Self::build(reqwest::Client::builder().no_proxy())
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, String> {
        let client = builder
            .user_agent(concat!("numctl/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(60))
            .tcp_nodelay(true)
            // Basic credentials must not follow a redirect, and a resent POST may buy twice.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| {
                format!("TLS cannot be set up ({}): are CA certificates installed?", chain(&error))
            })?;
        Ok(Self { client })
    }
}

impl Transport for Http {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Delete => reqwest::Method::DELETE,
        };
        let (timeout, body_bytes_max) = (request.timeout, request.body_bytes_max);
        let mut call = self
            .client
            .request(method, request.url)
            .basic_auth(&request.credentials.user, Some(request.credentials.expose_secret()))
            .header(reqwest::header::ACCEPT, "application/json")
            .timeout(timeout);
        if let Some(form) = request.form {
            call = call.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        let lost = |error: reqwest::Error| classify(error, timeout);
        let mut answer = call.send().await.map_err(lost)?;
        let header =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut response = Response {
            status: answer.status().as_u16(),
            content_type: header("content-type"),
            retry_after: header("retry-after"),
            date: header("date"),
            request_id: header("twilio-request-id"),
            concurrent: header("twilio-concurrent-requests").and_then(|count| count.trim().parse().ok()),
            body: Vec::new(),
        };
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            // What is counted is what gzip makes of it: a few kilobytes may stand for gigabytes.
            if response.body.len() + chunk.len() > body_bytes_max {
                return Err(TransportError::Broken(format!(
                    "the answer is longer than {} MiB",
                    body_bytes_max >> 20
                )));
            }
            response.body.extend_from_slice(&chunk);
        }
        Ok(response)
    }
}

fn classify(error: reqwest::Error, timeout: Duration) -> TransportError {
    // reqwest prints the URL, whose query may be anything; ours is in the error's context already.
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(chain(&error))
    } else if error.is_timeout() {
        TransportError::TimedOut(timeout)
    } else {
        TransportError::Broken(chain(&error))
    }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

//! The transport over the network: reqwest on rustls, HTTP Basic, gzip, keep-alive; never a
//! redirect and never a retry of its own, since only the engine knows what may be sent twice.
//! What is on this machine is never asked through a proxy, whatever the environment says, and over plain
//! http needs no CA certificates.

mod proxy;

use std::error::Error as _;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder};
use tokio::task::JoinSet;
use url::Url;

use crate::host::bounded_file;
use crate::model::base_url::is_loopback;
pub(crate) use proxy::Proxies;

use crate::client::transport::{Request, Response, Transport, TransportError, Verb};

/// A connection, TLS included, is given up after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// At most this much room is made for a body that says how long it is: a full page of either API.
const ROOM_MAX: usize = 4 << 20;

/// At most this much of an error's body is read.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// The largest file of CA certificates: the machine's own is a quarter of a MiB.
pub(crate) const CA_BYTES_MAX: usize = 16 << 20;

/// Sends requests over the network.
#[derive(Debug, Clone)]
pub struct Http {
    recipe: Recipe,
    /// By [`RequestWay::place`]. Each is made when it is first needed: most processes need one.
    clients: Arc<[OnceLock<Client>; 8]>,
}

/// What every client of one [`Http`] has in common.
#[derive(Debug, Clone)]
struct Recipe {
    /// Certificates that are trusted beside the machine's own.
    trusted: Vec<Certificate>,
    proxies: Proxies,
}

/// How a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Road {
    /// Plain http on this machine: no proxy, and no TLS.
    Plain,
    /// https on this machine: no proxy.
    Direct,
    /// Plain http through the proxy that there may be.
    Clear,
    /// https through the proxy that there may be.
    Open,
}

impl Road {
    fn to(url: &Url) -> Self {
        match (is_loopback(url), url.scheme()) {
            (true, "http") => Self::Plain,
            (true, _) => Self::Direct,
            (false, "http") => Self::Clear,
            (false, _) => Self::Open,
        }
    }

    /// What every client of ours on this road has in common. `trusted`: beside the machine's own.
    fn builder(self, proxies: &Proxies, trusted: &[Certificate]) -> Result<ClientBuilder, reqwest::Error> {
        let builder = builder();
        let builder = match self {
            // Without the machine's CA certificates, which need not be there.
            Self::Plain => return Ok(builder.no_proxy().tls_certs_only([])),
            Self::Direct => builder.no_proxy(),
            Self::Clear if !proxies.http_takes_tls() => {
                return Ok(proxies.apply(builder)?.tls_certs_only([]));
            }
            Self::Clear | Self::Open => proxies.apply(builder)?,
        };
        Ok(match trusted {
            [] => builder,
            trusted => builder.tls_certs_merge(trusted.iter().cloned()),
        })
    }
}

/// Which client a request takes.
#[derive(Debug, Clone, Copy)]
struct RequestWay {
    road: Road,
    /// Over a connection that was never used before.
    is_fresh: bool,
}

impl RequestWay {
    fn place(self) -> usize {
        self.road as usize * 2 + usize::from(self.is_fresh)
    }
}

impl Http {
    /// Clients with their connection pools. They go through the proxy that the environment names
    /// (`HTTPS_PROXY`, `NO_PROXY` and their like), and trust the machine's CA certificates and these.
    ///
    /// # Errors
    /// When a proxy's variable names no proxy.
    pub fn new(trusted: Vec<Certificate>) -> Result<Self, String> {
        Ok(Self::with(Recipe { trusted, proxies: Proxies::of_environment()? }))
    }

    /// The same without any proxy: for the embedded sandbox, which no other host can reach.
    #[must_use]
    pub fn direct() -> Self {
        Self::with(Recipe { trusted: Vec::new(), proxies: Proxies::default() })
    }

    fn with(recipe: Recipe) -> Self {
        Self { recipe, clients: Arc::default() }
    }

    /// Finds what cannot be set up now, not at the first request to `url`.
    ///
    /// # Errors
    /// When TLS cannot be set up, most often because the machine has no CA certificates.
    pub fn prepare(&self, url: &Url) -> Result<(), String> {
        self.client_for(url, false).map(|_| ())
    }

    /// The client for a request to `url`.
    fn client_for(&self, url: &Url, is_fresh: bool) -> Result<&Client, String> {
        let way = RequestWay { road: Road::to(url), is_fresh };
        let place = &self.clients[way.place()];
        if let Some(client) = place.get() {
            return Ok(client);
        }
        let client = self.recipe.make(way)?;
        Ok(place.get_or_init(|| client))
    }
}

impl Recipe {
    fn make(&self, way: RequestWay) -> Result<Client, String> {
        let make = || {
            let builder = way.road.builder(&self.proxies, &self.trusted)?;
            let builder = builder.connect_timeout(CONNECT_TIMEOUT).pool_idle_timeout(Duration::from_secs(60));
            if way.is_fresh { builder.pool_max_idle_per_host(0) } else { builder }.build()
        };
        make().map_err(|error| no_tls(&error))
    }
}

/// Why there is no client.
pub(crate) fn no_tls(error: &reqwest::Error) -> String {
    format!("TLS cannot be set up ({}): are CA certificates installed?", causes(error))
}

/// A client for this URL's host that gives each request up after `timeout`.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client(url: &Url, proxies: &Proxies, timeout: Duration) -> Result<Client, String> {
    Road::to(url)
        .builder(proxies, &[])
        .and_then(|builder| builder.timeout(timeout).build())
        .map_err(|error| no_tls(&error))
}

/// A client for a host that no proxy stands before, with these CA certificates and no others, else the
/// machine's.
///
/// # Errors
/// When TLS cannot be set up.
pub(crate) fn client_within(
    url: &Url,
    trusted: Option<Vec<Certificate>>,
    timeout: Duration,
) -> Result<Client, String> {
    let builder = match trusted {
        Some(trusted) => builder().no_proxy().tls_certs_only(trusted),
        None if Road::to(url) == Road::Plain => builder().no_proxy().tls_certs_only([]),
        None => builder().no_proxy(),
    };
    builder.timeout(timeout).connect_timeout(timeout).build().map_err(|error| no_tls(&error))
}

/// What every client of ours has in common.
pub fn builder() -> ClientBuilder {
    // Once for the process: a second time is an error, which says that this is done.
    _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("numctl/", env!("CARGO_PKG_VERSION")))
        .tcp_nodelay(true)
        // Credentials must not follow a redirect, and a resent POST may buy twice.
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}

/// The CA certificates of a PEM file.
///
/// # Errors
/// When it cannot be read, or holds none. The file is not named.
pub(crate) fn certificates_in(path: &Path) -> Result<Vec<Certificate>, String> {
    let pem = bounded_file::text(path, CA_BYTES_MAX).map_err(|error| error.to_string())?;
    let found = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|error| format!("it is not PEM with certificates: {}", causes(&error)))?;
    if found.is_empty() { Err("it contains no certificate".to_owned()) } else { Ok(found) }
}

/// An answer's body; `None` where it is longer than `bytes_max`. What is counted is what gzip makes of
/// it: a few kilobytes may stand for gigabytes.
pub(crate) async fn body(
    answer: &mut reqwest::Response,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    // What is announced is made room for, up to what a page has.
    let announced = answer.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut body = Vec::with_capacity(announced.min(bytes_max).min(ROOM_MAX));
    while let Some(chunk) = answer.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The start of a body: what an error says may be long, and no one needs its end.
async fn start_of_body(answer: &mut reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let left = bytes_max.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(left)]);
        if chunk.len() >= left {
            break;
        }
    }
    Ok(body)
}

impl Transport for Http {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let method = match request.verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Delete => reqwest::Method::DELETE,
        };
        let (timeout, body_bytes_max) = (request.timeout, request.body_bytes_max);
        let client =
            self.client_for(&request.url, request.fresh_connection).map_err(TransportError::NotSent)?;
        let mut call = client
            .request(method, request.url)
            .basic_auth(&request.credentials.user, Some(request.credentials.expose_secret()))
            .header(reqwest::header::ACCEPT, "application/json")
            .timeout(timeout);
        if let Some(form) = request.form {
            call = call.header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        // On a task of its own, so that an answer comes in while whoever waits for it is busy with the
        // one before. It ends with this future.
        let mut task = JoinSet::new();
        task.spawn(receive(call, timeout, body_bytes_max));
        match task.join_next().await {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(TransportError::Broken("the request was abandoned".to_owned())),
        }
    }
}

/// Sends, and receives the whole answer.
async fn receive(
    call: RequestBuilder,
    timeout: Duration,
    body_bytes_max: usize,
) -> Result<Response, TransportError> {
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
    if !answer.status().is_success() {
        let bytes_max = body_bytes_max.min(ERROR_BYTES_MAX);
        response.body = start_of_body(&mut answer, bytes_max).await.map_err(lost)?;
        return Ok(response);
    }
    response.body = body(&mut answer, body_bytes_max).await.map_err(lost)?.ok_or_else(|| {
        TransportError::Broken(format!("the answer is longer than {} MiB", body_bytes_max >> 20))
    })?;
    Ok(response)
}

fn classify(error: reqwest::Error, timeout: Duration) -> TransportError {
    // reqwest prints the URL, whose query may be anything; ours is in the error's context already.
    let error = error.without_url();
    if error.is_connect() || error.is_builder() {
        TransportError::NotSent(causes(&error))
    } else if error.is_timeout() {
        TransportError::TimedOut(timeout)
    } else {
        TransportError::Broken(causes(&error))
    }
}

/// An error with what lies behind it.
pub(crate) fn causes(error: &reqwest::Error) -> String {
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

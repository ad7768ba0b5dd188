//! Shows the daemon's state over HTTP: probes, metrics, the state as JSON, and the page.
//!
//! Every path is read-only, and no other method than GET and HEAD is known. What is shown has had
//! its secrets cut out when the state was made.

mod answers;
mod connections;
mod events;
mod patience;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::daemon::board::Board;

/// Of all connections at most one in this many follows the events; the next one is sent away.
const FOLLOWERS_SHARE: usize = 2;
/// This many read the state at once,
const READERS_MAX: usize = 8;
/// and another one waits this long for its turn.
const READERS_WAIT: Duration = Duration::from_secs(10);
/// How long open connections get at the end.
const GOODBYE: Duration = Duration::from_secs(1);

/// What the page may do: load its own script, style and icon, and ask this listener.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What every answer says.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// Where to listen: an address with a port, or a port on the loopback interface.
///
/// # Errors
/// Says how it is written.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse().map(|port| (Ipv4Addr::LOCALHOST, port).into());
    port.or_else(|_| text.parse()).map_err(|_| {
        "write a port such as 9797, which listens on 127.0.0.1, or an address such as 0.0.0.0:9797".to_owned()
    })
}

/// A name by which this host may be called: `numctl.example.com`.
///
/// # Errors
/// Says how it is written.
pub fn parse_host(text: &str) -> Result<String, String> {
    let is_name = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b == b'-' || b == b'_' || b.is_ascii_alphanumeric())
    };
    match text.split('.').all(is_name) {
        true => Ok(text.to_owned()),
        false => Err("write a host name without scheme and port, such as numctl.example.com".to_owned()),
    }
}

/// A listener that runs; it ends when it is told to, or dropped.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Server {
    board: Arc<Board>,
    clock: fn() -> Duration,
    hosts: Arc<[String]>,
    followers: Arc<Semaphore>,
    readers: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

impl Listener {
    /// Binds, and serves from now on, also to who calls this host by one of these names.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(
        address: SocketAddr,
        hosts: &[String],
        board: Arc<Board>,
        clock: fn() -> Duration,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let followers = Arc::new(Semaphore::new((connections::limit() / FOLLOWERS_SHARE).max(1)));
        let readers = Arc::new(Semaphore::new(READERS_MAX));
        let server =
            Server { board, clock, hosts: hosts.into(), followers, readers, stopped: stopped.clone() };
        let router = router(server);
        let served = tokio::spawn(connections::serve(socket, router, stopped));
        Ok(Self { address, stop, served })
    }

    /// The address that it listens at, with the port that the system gave.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; answers that are on their way get a moment.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // Whatever is still open then is cut off.
        let _ = tokio::time::timeout(GOODBYE, &mut self.served).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.served.abort();
    }
}

async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    // No one can tell it any more where the sender is gone.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

fn router(server: Server) -> Router {
    let own_hosts = middleware::from_fn_with_state(server.clone(), own_hosts_only);
    let mut router = Router::new()
        .route("/healthz", get(answers::alive))
        .route("/readyz", get(answers::ready))
        .route("/metrics", get(answers::metrics))
        .route("/status.json", get(answers::whole))
        .route("/numbers.json", get(answers::changed))
        .route("/events", get(events::follow));
    for (path, media_type, text) in answers::PAGE {
        router = router.route(path, get(([(header::CONTENT_TYPE, media_type)], text)));
    }
    router = router
        .fallback(nowhere)
        .method_not_allowed_fallback(only_get)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(own_hosts);
    for (name, value) in HEADERS {
        router = router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)));
    }
    router.with_state(server)
}

async fn nowhere(method: Method) -> Response {
    match method {
        Method::GET | Method::HEAD => (StatusCode::NOT_FOUND, "not found\n").into_response(),
        _ => only_get().await.into_response(),
    }
}

async fn only_get() -> (StatusCode, [(HeaderName, &'static str); 1], &'static str) {
    let text = "only GET is allowed: nothing can be changed here\n";
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], text)
}

async fn own_hosts_only(State(server): State<Server>, request: Request, next: Next) -> Response {
    if is_own_host(&server, request.headers()) {
        return next.run(request).await;
    }
    let text = "the Host header names another host; allow the name with numctl run --listen-host NAME\n";
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

/// A page on the web may have its own name lead to this address, and then read what is there ("DNS
/// rebinding"): so the request has to call this host by an address, as `localhost`, or by a name that
/// the operator gave.
fn is_own_host(server: &Server, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return headers.get(header::HOST).is_none() };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_named = |own: &String| own.eq_ignore_ascii_case(name.trim_end_matches('.'));
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok()
        || server.hosts.iter().any(is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_port_is_on_the_loopback_interface() {
        for (text, address) in [
            ("9797", "127.0.0.1:9797"),
            (":9797", "127.0.0.1:9797"),
            ("0.0.0.0:9797", "0.0.0.0:9797"),
            ("[::1]:0", "[::1]:0"),
        ] {
            assert_eq!(parse_address(text).map(|address| address.to_string()).as_deref(), Ok(address));
        }
        for text in ["", "x", "localhost:9797", "99999", "1.2.3.4"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_a_name_alone() {
        for name in ["numctl", "numctl.numctl.svc", "a-b.example.com"] {
            assert_eq!(parse_host(name).as_deref(), Ok(name));
        }
        for bad in ["", "*", "a.example:80", "https://a.example", "a..b", "a/b", "é.example"] {
            assert!(parse_host(bad).is_err(), "{bad}");
        }
    }
}

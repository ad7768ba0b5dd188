//! The sandbox on a socket: HTTP/1.1 with keep-alive and gzip, the effects that need a connection,
//! and the control paths below `/_sandbox`.
//!
//! The control paths ask for no credentials: the sandbox is a tool for the loopback interface.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::SharedSandbox;
use super::answer::{Delivery, HttpAnswer, HttpRequest};
use super::bucket::Bucket;
use super::faults::Faults;
use crate::host::clock;

/// The largest body that is read.
const BODY_LIMIT: usize = 1 << 20;
/// How long a hanging request hangs if the client never gives up.
const HANG: Duration = Duration::from_secs(600);

/// How fast the server is.
#[derive(Debug, Clone, Default)]
pub(crate) struct SandboxLimits {
    /// How long every answer takes.
    pub(crate) latency: Duration,
    /// Requests per second and account.
    pub(crate) rate: Option<f64>,
}

#[derive(Clone)]
struct SandboxServer {
    sandbox: SharedSandbox,
    limits: SandboxLimits,
    accounts: Arc<Mutex<HashMap<String, Load>>>,
    began: Instant,
    dirty: watch::Sender<()>,
    stopped: watch::Receiver<bool>,
}

/// What one account does at the moment.
#[derive(Default)]
struct Load {
    /// What is left of its second, under a rate limit.
    bucket: Option<Bucket>,
    /// How many of its requests are running.
    running: u32,
}

/// Serves a sandbox until `shutdown` is done. Running requests end first.
#[cfg(feature = "testing")]
pub async fn serve(
    sandbox: SharedSandbox,
    listener: TcpListener,
    shutdown: impl std::future::Future<Output = ()> + Send + 'static,
) {
    let (stop, stopped) = watch::channel(false);
    let (dirty, _) = watch::channel(());
    tokio::spawn(async move {
        shutdown.await;
        // No one listens any more if the server has ended by itself.
        let _ = stop.send(true);
    });
    serve_with(sandbox, listener, SandboxLimits::default(), dirty, stopped).await;
}

pub(crate) async fn serve_with(
    sandbox: SharedSandbox,
    listener: TcpListener,
    limits: SandboxLimits,
    dirty: watch::Sender<()>,
    stopped: watch::Receiver<bool>,
) {
    let server = SandboxServer {
        sandbox,
        limits,
        accounts: Arc::default(),
        began: Instant::now(),
        dirty,
        stopped: stopped.clone(),
    };
    let router = Router::new()
        .fallback(answer)
        .with_state(server)
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    let served = axum::serve(listener, router).with_graceful_shutdown(until_stopped(stopped)).await;
    if let Err(error) = served {
        tracing::warn!(%error, "the sandbox's server ended");
    }
}

/// Done when the server is to stop, or no one can tell it to any more.
async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn answer(State(server): State<SandboxServer>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1 MiB");
    };
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    // A proxy in front that speaks TLS says so.
    let is_tls = parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let scheme = if is_tls { "https" } else { "http" };
    let request = HttpRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        form: String::from_utf8_lossy(&body).into_owned(),
        credentials: credentials(&parts.headers),
        base: format!("{scheme}://{host}"),
    };
    if request.path.starts_with("/_sandbox/") {
        return control(&server, &request);
    }
    let running = server.arrives(&request);
    if !server.limits.latency.is_zero() {
        tokio::time::sleep(server.limits.latency).await;
    }
    let mut answer = if running.is_over_limit() {
        server.sandbox.lock().throttle(&request)
    } else {
        let mut sandbox = server.sandbox.lock();
        sandbox.world.now = seconds_now();
        sandbox.handle(&request)
    };
    answer.set_concurrent(running.at_once);
    drop(running);
    if request.method != "GET" {
        server.dirty.send_replace(());
    }
    deliver(answer, server.stopped).await
}

impl SandboxServer {
    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Load>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn arrives(&self, request: &HttpRequest) -> RunningRequest<'_> {
        let user = request.credentials.as_ref().map(|(user, _)| user.clone()).unwrap_or_default();
        let mut accounts = self.accounts();
        let load = accounts.entry(user.clone()).or_default();
        load.running += 1;
        RunningRequest { server: self, user, at_once: load.running }
    }
}

/// A request that is being worked on; counted until it is dropped.
struct RunningRequest<'a> {
    server: &'a SandboxServer,
    user: String,
    /// How many of the account were running when it came, itself included.
    at_once: u32,
}

impl RunningRequest<'_> {
    fn is_over_limit(&self) -> bool {
        let Some(rate) = self.server.limits.rate else { return false };
        let now = self.server.began.elapsed();
        let mut accounts = self.server.accounts();
        let load = accounts.entry(self.user.clone()).or_default();
        !load.bucket.get_or_insert_with(|| Bucket::new(rate)).take(now)
    }
}

impl Drop for RunningRequest<'_> {
    fn drop(&mut self) {
        if let Some(load) = self.server.accounts().get_mut(&self.user) {
            load.running -= 1;
        }
    }
}

async fn deliver(answer: HttpAnswer, stopped: watch::Receiver<bool>) -> Response {
    let broken = || std::io::Error::other("the sandbox broke the connection, as its faults say");
    let body = match answer.delivery {
        Delivery::Whole => Body::from(answer.body),
        // A body that fails before its first byte: the head is never flushed, and the connection
        // closes.
        Delivery::Dropped => Body::from_stream(stream::iter([Err::<Bytes, _>(broken())])),
        Delivery::Truncated => {
            let mut half = answer.body;
            half.truncate(half.len() / 2);
            let half = Bytes::from(half);
            Body::from_stream(stream::unfold(Some(half), move |left| async move {
                match left {
                    Some(half) if !half.is_empty() => Some((Ok(half), Some(Bytes::new()))),
                    // By now the first half has been sent.
                    Some(_) => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        Some((Err(broken()), None))
                    }
                    None => None,
                }
            }))
        }
        Delivery::Hung => {
            tokio::select! {
                () = tokio::time::sleep(HANG) => {}
                () = until_stopped(stopped) => {}
            }
            Body::from_stream(stream::iter([Err::<Bytes, _>(broken())]))
        }
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    response.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "the sandbox failed"))
}

/// What the model takes for the time.
fn seconds_now() -> u32 {
    u32::try_from(clock::since_the_epoch().as_secs()).unwrap_or(u32::MAX)
}

/// `GET` and `DELETE /_sandbox/requests`, `PUT /_sandbox/faults`, `POST /_sandbox/traffic`,
/// `POST /_sandbox/console` (see [`super::console`]), `GET /_sandbox/state`.
fn control(server: &SandboxServer, request: &HttpRequest) -> Response {
    let mut sandbox = server.sandbox.lock();
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/_sandbox/requests") => json(serde_json::to_vec(sandbox.requests())),
        ("DELETE", "/_sandbox/requests") => {
            sandbox.reset_requests();
            plain(StatusCode::NO_CONTENT, "")
        }
        ("PUT", "/_sandbox/faults") => match request.form.trim().parse::<Faults>() {
            Ok(faults) => {
                sandbox.faults = faults;
                plain(StatusCode::NO_CONTENT, "")
            }
            Err(error) => plain(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        ("POST", "/_sandbox/traffic") => match sandbox.world.add_traffic(request.form.as_bytes()) {
            Ok(()) => {
                server.dirty.send_replace(());
                plain(StatusCode::NO_CONTENT, "")
            }
            Err(error) => plain(StatusCode::BAD_REQUEST, &error),
        },
        ("POST", "/_sandbox/console") => {
            sandbox.world.now = seconds_now();
            match sandbox.world.edit_in_console(request.form.as_bytes()) {
                Ok(()) => {
                    server.dirty.send_replace(());
                    plain(StatusCode::NO_CONTENT, "")
                }
                Err(error) => plain(StatusCode::BAD_REQUEST, &error),
            }
        }
        ("GET", "/_sandbox/state") => json(serde_json::to_vec(&sandbox.world)),
        _ => plain(
            StatusCode::NOT_FOUND,
            "known are GET and DELETE /_sandbox/requests, PUT /_sandbox/faults, POST /_sandbox/traffic, POST /_sandbox/console, GET /_sandbox/state",
        ),
    }
}

fn json(body: Result<Vec<u8>, serde_json::Error>) -> Response {
    match body {
        Ok(body) => {
            let mut response = Response::new(Body::from(body));
            let kind = header::HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn plain(status: StatusCode, text: &str) -> Response {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = String::from_utf8(base64(encoded.trim())?).ok()?;
    let (user, secret) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (user.to_owned(), secret.to_owned()))
}

/// Decodes base64, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for b in text.trim_end_matches('=').bytes() {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        assert_eq!(base64("QUM6dG9rZW4=").as_deref(), Some(&b"AC:token"[..]));
        assert_eq!(base64("QUM6dG9rZW4").as_deref(), Some(&b"AC:token"[..]));
        assert_eq!(base64("").as_deref(), Some(&b""[..]));
        assert_eq!(base64("a b"), None);
    }
}

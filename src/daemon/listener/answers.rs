//! What each path answers.

use std::io;
use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use futures_util::stream;
use tokio::time::timeout;

use crate::daemon::status::{Role, Status, Waiting, json};
use crate::daemon::{metrics, process_stats};
use crate::model::number::PhoneNumber;

use super::{READERS_WAIT, Server, events, plain, typed};

const JSON: &str = "application/json";

pub(super) async fn get(server: &Server, uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    match uri.path() {
        "/healthz" if !is_own(&server.board.status(), parameter(query, "process").as_deref()) => other(),
        "/healthz" if server.board.is_alive() => plain(StatusCode::OK, "ok\n"),
        "/healthz" => plain(StatusCode::SERVICE_UNAVAILABLE, "the loop is stuck\n"),
        "/readyz" => match server.board.status().readiness() {
            Ok(()) => match &server.board.status().waits {
                Waiting::Another(who) => plain(StatusCode::OK, format!("ok, standing by: {who}\n")),
                Waiting::NotKnown | Waiting::Barred(..) => plain(StatusCode::OK, "ok\n"),
            },
            Err(why) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/metrics" => {
            let text = metrics::exposition(
                &server.board.status(),
                server.board.tally(),
                process_stats::read(),
                (server.clock)(),
            );
            typed(metrics::CONTENT_TYPE, Body::from(text))
        }
        "/status.json" => whole(server, query).await,
        "/numbers.json" => changed(server, query).await,
        "/events" => followed(server, query),
        "/" => typed("text/html; charset=utf-8", Body::from(include_str!("../page/index.html"))),
        "/page.css" => typed("text/css; charset=utf-8", Body::from(include_str!("../page/page.css"))),
        "/groups.js" => {
            typed("text/javascript; charset=utf-8", Body::from(include_str!("../page/groups.js")))
        }
        "/links.js" => typed("text/javascript; charset=utf-8", Body::from(include_str!("../page/links.js"))),
        "/page.js" => typed("text/javascript; charset=utf-8", Body::from(PAGE_JS)),
        "/icon.svg" => typed("image/svg+xml", Body::from(include_str!("../page/icon.svg"))),
        _ => plain(StatusCode::NOT_FOUND, "not found\n"),
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// One script in four files: what is at the top of one is seen by those below it.
const PAGE_JS: &str = concat!(
    include_str!("../page/words.js"),
    "\n",
    include_str!("../page/page.js"),
    "\n",
    include_str!("../page/numbers.js"),
    "\n",
    include_str!("../page/follow.js"),
);

/// The numbers that are asked for: `?cursor=` of the last answer and `?limit=`; without them everything.
fn part(status: &Status, query: &str) -> Option<Range<usize>> {
    let from = match parameter(query, "cursor") {
        // A + is a space in a query.
        Some(cursor) => {
            let cursor = cursor.replace(' ', "+");
            json::after(status, PhoneNumber::observed(&cursor)?)
        }
        None => 0,
    };
    let count = match parameter(query, "limit") {
        Some(limit) => limit.parse().ok()?,
        None => usize::MAX,
    };
    Some(from..from + count.min(status.rows.len() - from))
}

async fn whole(server: &Server, query: &str) -> Response {
    parts(server, || {
        let status = server.board.status();
        let numbers = part(&status, query)?;
        Some(json::Whole::new(status, numbers, (server.clock)()))
    })
    .await
}

/// `?since=` a version, as `?process=` counts them. Who wants another process may find it with the next
/// connection, behind a Service that leads to many.
async fn changed(server: &Server, query: &str) -> Response {
    let since = parameter(query, "since").and_then(|since| since.parse().ok()).unwrap_or_default();
    let process = parameter(query, "process");
    let status = server.board.status();
    let is_other = !is_own(&status, process.as_deref()) || status.role == Role::StandingBy;
    drop(status);
    let mut response = parts(server, || {
        let status = server.board.status();
        Some(json::Changed::since(status, since, process.as_deref(), (server.clock)()))
    })
    .await;
    if is_other {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether this is the process that is asked for, where one is.
fn is_own(status: &Status, process: Option<&str>) -> bool {
    process.is_none_or(|process| *process == *status.process)
}

/// The events of `?process=`; of this one, where none is named.
fn followed(server: &Server, query: &str) -> Response {
    if is_own(&server.board.status(), parameter(query, "process").as_deref()) {
        return events::follow(server);
    }
    other()
}

/// The next connection may lead to the process that is asked for.
fn other() -> Response {
    let mut response = plain(StatusCode::CONFLICT, "this is another process\n");
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Sends a text part by part. Each reader keeps the state of when it began, so that there are few at
/// once; the others wait for their turn, and are sent away when that takes too long.
async fn parts<P>(server: &Server, begin: impl FnOnce() -> Option<P>) -> Response
where
    P: Iterator<Item = Vec<u8>> + Send + 'static,
{
    let Ok(Ok(place)) = timeout(READERS_WAIT, server.readers.clone().acquire_owned()).await else {
        let mut response =
            plain(StatusCode::SERVICE_UNAVAILABLE, "too many readers at once; try again in a moment\n");
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return response;
    };
    let Some(parts) = begin() else {
        return plain(StatusCode::BAD_REQUEST, "limit is a count; cursor comes from the previous answer\n");
    };
    let parts = parts.map(move |part| {
        // Given back when the last part is on its way, or the reader is gone.
        let _place = &place;
        Ok::<_, io::Error>(Bytes::from(part))
    });
    typed(JSON, Body::from_stream(stream::iter(parts)))
}

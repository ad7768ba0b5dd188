//! What each path answers.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use futures_util::stream::{self, StreamExt as _};

use crate::metrics;
use crate::number::PhoneNumber;
use crate::status::{Status, json};

use super::{Server, events, plain, typed};

/// So many numbers are written at once: the whole never lies in memory.
const CHUNK: usize = 1_000;

const JSON: &str = "application/json";

/// Which part of the numbers is asked for.
struct Part {
    from: usize,
    count: usize,
}

pub(super) fn get(server: &Server, uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    match uri.path() {
        "/healthz" if server.board.is_alive() => plain(StatusCode::OK, "ok\n"),
        "/healthz" => plain(StatusCode::SERVICE_UNAVAILABLE, "the loop does not move\n"),
        "/readyz" if server.board.status().is_ready() => plain(StatusCode::OK, "ok\n"),
        "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "no cycle has seen the fleet yet\n"),
        "/metrics" => {
            let text = metrics::exposition(&server.board.status(), server.board.tally(), (server.clock)());
            typed(metrics::CONTENT_TYPE, Body::from(text))
        }
        "/status.json" => whole(server, query),
        "/numbers.json" => changed(server, query),
        "/events" => events::follow(server),
        "/" => typed("text/html; charset=utf-8", Body::from(include_str!("../page/index.html"))),
        "/page.css" => typed("text/css; charset=utf-8", Body::from(include_str!("../page/page.css"))),
        "/page.js" => typed("text/javascript; charset=utf-8", Body::from(include_str!("../page/page.js"))),
        "/icon.svg" => typed("image/svg+xml", Body::from(include_str!("../page/icon.svg"))),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here\n"),
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// `?cursor=` of the last answer and `?limit=`; without them everything.
fn part(status: &Status, query: &str) -> Option<Part> {
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
    Some(Part { from, count: count.min(status.rows.len() - from) })
}

fn whole(server: &Server, query: &str) -> Response {
    let status = server.board.status();
    let Some(Part { from, count }) = part(&status, query) else {
        return plain(StatusCode::BAD_REQUEST, "limit is a count; cursor is that of the answer before\n");
    };
    let mut head = Vec::new();
    if let Err(error) = json::head(&mut head, &status, (server.clock)()) {
        return failed(&error);
    }
    let end = from + count;
    let first = stream::iter([Ok(Bytes::from(head))]);
    let starts = (from..end).step_by(CHUNK);
    let last = status.rows.get(end).and_then(|_| status.rows[..end].last()).map(|row| row.number);
    let (rows, now) = (status.clone(), (server.clock)());
    let numbers =
        stream::iter(starts.map(move |start| chunk(&rows, from, start..end.min(start + CHUNK), now)));
    let mut tail = Vec::new();
    if let Err(error) = json::tail(&mut tail, last) {
        return failed(&error);
    }
    let last = stream::iter([Ok(Bytes::from(tail))]);
    typed(JSON, Body::from_stream(first.chain(numbers).chain(last)))
}

fn chunk(
    status: &Arc<Status>,
    from: usize,
    part: std::ops::Range<usize>,
    now: Duration,
) -> std::io::Result<Bytes> {
    let mut out = Vec::new();
    if part.start > from {
        out.push(b',');
    }
    json::numbers(&mut out, status, part, now)?;
    Ok(out.into())
}

fn changed(server: &Server, query: &str) -> Response {
    let since = parameter(query, "since").and_then(|since| since.parse().ok()).unwrap_or_default();
    let mut out = Vec::new();
    match json::changed_since(&mut out, &server.board.status(), since) {
        Ok(()) => typed(JSON, Body::from(out)),
        Err(error) => failed(&error),
    }
}

/// Writing into memory does not fail; if it did, this would be said.
fn failed(error: &std::io::Error) -> Response {
    tracing::warn!(%error, "an answer of the listener could not be written");
    let mut response = plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written\n");
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

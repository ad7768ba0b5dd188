//! What each path answers.

use std::io;
use std::ops::Range;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::timeout;

use crate::daemon::status::{Role, Status, Waiting, json};
use crate::daemon::{metrics as exposition, process_stats};
use crate::model::number::PhoneNumber;

use super::{READERS_WAIT, Server};

/// The page's files: each path, its media type and its text.
pub(super) const PAGE: [(&str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("../page/page.css")),
    ("/groups.js", JAVASCRIPT, include_str!("../page/groups.js")),
    ("/links.js", JAVASCRIPT, include_str!("../page/links.js")),
    ("/page.js", JAVASCRIPT, PAGE_JS),
    ("/icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

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

/// The next connection may lead to another process, behind a Service that leads to many.
const CLOSE: [(HeaderName, &str); 1] = [(header::CONNECTION, "close")];

/// `?process=`: the process that is asked for; any, where none is named.
#[derive(Debug, Deserialize)]
pub(super) struct Process {
    process: Option<String>,
}

impl Process {
    /// Whether this is the process that is asked for.
    pub(super) fn is(&self, status: &Status) -> bool {
        self.process.as_deref().is_none_or(|process| *process == *status.process)
    }
}

/// `?cursor=` of the last answer and `?limit=`; everything, where they are not given.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    cursor: Option<String>,
    limit: Option<usize>,
}

impl Part {
    fn range(&self, status: &Status) -> Option<Range<usize>> {
        let from = match &self.cursor {
            // A + is a space in a query.
            Some(cursor) => json::after(status, PhoneNumber::observed(&cursor.replace(' ', "+"))?),
            None => 0,
        };
        Some(from..from + self.limit.unwrap_or(usize::MAX).min(status.rows.len() - from))
    }
}

/// `?since=`: the version that the reader has, as `?process=` counts them.
#[derive(Debug, Deserialize)]
pub(super) struct Since {
    since: Option<String>,
    #[serde(flatten)]
    process: Process,
}

pub(super) async fn alive(State(server): State<Server>, Query(asked): Query<Process>) -> Response {
    if !asked.is(&server.board.status()) {
        return other_process();
    }
    match server.board.is_alive() {
        true => "ok\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the loop is stuck\n").into_response(),
    }
}

pub(super) async fn ready(State(server): State<Server>) -> Response {
    let status = server.board.status();
    if let Err(why) = status.readiness() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response();
    }
    match &status.waits {
        Waiting::Another(who) => format!("ok, standing by: {who}\n").into_response(),
        Waiting::NotKnown | Waiting::Barred(..) => "ok\n".into_response(),
    }
}

pub(super) async fn metrics(State(server): State<Server>) -> Response {
    let (status, tally) = (server.board.status(), server.board.tally());
    let text = exposition::exposition(&status, tally, process_stats::read(), (server.clock)());
    ([(header::CONTENT_TYPE, exposition::CONTENT_TYPE)], text).into_response()
}

pub(super) async fn whole(State(server): State<Server>, Query(part): Query<Part>) -> Response {
    parts(&server, || {
        let status = server.board.status();
        let numbers = part.range(&status)?;
        Some(json::Whole::new(status, numbers, (server.clock)()))
    })
    .await
}

pub(super) async fn changed(State(server): State<Server>, Query(asked): Query<Since>) -> Response {
    let since = asked.since.and_then(|since| since.parse().ok()).unwrap_or_default();
    let status = server.board.status();
    let is_other = !asked.process.is(&status) || status.role == Role::StandingBy;
    drop(status);
    let response = parts(&server, || {
        let status = server.board.status();
        Some(json::Changed::since(status, since, asked.process.process.as_deref(), (server.clock)()))
    })
    .await;
    match is_other {
        true => (CLOSE, response).into_response(),
        false => response,
    }
}

pub(super) fn other_process() -> Response {
    (StatusCode::CONFLICT, CLOSE, "this is another process\n").into_response()
}

/// Sends a text part by part. Each reader keeps the state of when it began, so that there are few at
/// once; the others wait for their turn, and are sent away when that takes too long.
async fn parts<P>(server: &Server, begin: impl FnOnce() -> Option<P>) -> Response
where
    P: Iterator<Item = Vec<u8>> + Send + 'static,
{
    let Ok(Ok(place)) = timeout(READERS_WAIT, server.readers.clone().acquire_owned()).await else {
        let text = "too many readers at once; try again in a moment\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], text).into_response();
    };
    let Some(parts) = begin() else {
        let text = "limit is a count; cursor comes from the previous answer\n";
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let parts = parts.map(move |part| {
        // Given back when the last part is on its way, or the reader is gone.
        let _place = &place;
        Ok::<_, io::Error>(Bytes::from(part))
    });
    let body = Body::from_stream(stream::iter(parts));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

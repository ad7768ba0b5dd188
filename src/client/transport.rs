//! The seam to the outside: one HTTP request in, its answer or the way it was lost out.
//!
//! Everything on our side of it (queries, JSON, paging, retries, time-outs) is the same whether the
//! other side is Twilio, the sandbox over a socket, or the sandbox's model in memory, which is
//! what a simulation runs against. So this is the one trait for the API side.

use std::future::Future;
use std::time::Duration;

use url::Url;

use crate::model::credentials::Credentials;

/// What a request does. The API uses no other verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    Get,
    Post,
    Delete,
}

impl Verb {
    /// The method's name: `GET`, `POST` or `DELETE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// One request, complete but for its credentials.
#[derive(Debug, Clone)]
pub struct Request {
    pub verb: Verb,
    /// Where, the query included.
    pub url: Url,
    /// The `application/x-www-form-urlencoded` body of a POST.
    pub form: Option<String>,
    /// Who asks; sent as HTTP Basic.
    pub credentials: Credentials,
    /// After which the whole request is given up.
    pub timeout: Duration,
    /// An answer whose body is longer than this, decompressed, is not read to its end: it is
    /// [`TransportError::Broken`].
    pub body_bytes_max: usize,
    /// Whether it goes over a connection of its own: kept ones may have been closed by the other side.
    pub fresh_connection: bool,
}

/// One answer: the status, the body, and the headers that anyone reads.
#[derive(Debug, Clone, Default)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    /// `Retry-After`, as sent: seconds or an HTTP date.
    pub retry_after: Option<String>,
    /// `Date`, which `Retry-After` is measured from.
    pub date: Option<String>,
    pub request_id: Option<String>,
    /// `Twilio-Concurrent-Requests`: how many requests of the whole account were running.
    pub concurrent: Option<u32>,
    /// The body, decompressed and complete: a body cut short is [`TransportError::Broken`].
    pub body: Vec<u8>,
}

/// How a request was lost. The text is for people and names no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No byte of it was sent (no connection, no TLS): it was certainly not processed.
    #[error("{0}")]
    NotSent(String),
    /// It may have been sent, and no answer came in time.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// It may have been sent, and the answer was lost or cut short.
    #[error("{0}")]
    Broken(String),
}

/// Sends one request and reads its answer: over HTTP, or in a simulation.
pub trait Transport: Send + Sync {
    /// Sends one request, once: never retried, never redirected.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>> + Send;
}

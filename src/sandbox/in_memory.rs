//! The sandbox without sockets and without time, for simulations.

use std::future::Future;

use super::SharedSandbox;
use super::answer::{Delivery, HttpAnswer, HttpRequest};
use crate::client::transport::{Request, Response, Transport, TransportError};

/// The sandbox as a [`Transport`], without sockets and without time: what a simulation runs
/// against. Answers are ready at once; a request that hangs has timed out at once.
#[derive(Debug, Clone, Default)]
pub struct InMemory(SharedSandbox);

impl InMemory {
    /// A transport to a sandbox.
    #[must_use]
    pub fn new(sandbox: SharedSandbox) -> Self {
        Self(sandbox)
    }

    /// The sandbox behind it.
    #[must_use]
    pub fn sandbox(&self) -> &SharedSandbox {
        &self.0
    }

    fn answer(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.0.lock().handle(&HttpRequest::from(request));
        match answer.delivery {
            Delivery::Whole => Ok(answer.into()),
            Delivery::Dropped => Err(TransportError::Broken("the connection was closed unanswered".into())),
            Delivery::Truncated => {
                Err(TransportError::Broken("the connection broke during the answer".into()))
            }
            Delivery::Hung => Err(TransportError::TimedOut(request.timeout)),
        }
    }
}

impl From<&Request> for HttpRequest {
    fn from(request: &Request) -> Self {
        let credentials = &request.credentials;
        Self {
            method: request.verb.as_str().to_owned(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            form: request.form.clone().unwrap_or_default(),
            credentials: Some((credentials.user.to_string(), credentials.expose_secret().to_owned())),
            base: request.url.origin().ascii_serialization(),
        }
    }
}

impl From<HttpAnswer> for Response {
    /// The answer as it arrives whole.
    fn from(answer: HttpAnswer) -> Self {
        let header = |name| answer.header(name).map(str::to_owned);
        Self {
            status: answer.status,
            content_type: header("Content-Type"),
            retry_after: header("Retry-After"),
            date: header("Date"),
            request_id: header("Twilio-Request-Id"),
            concurrent: answer.header("Twilio-Concurrent-Requests").and_then(|count| count.parse().ok()),
            body: answer.body,
        }
    }
}

impl Transport for InMemory {
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>> + Send {
        std::future::ready(self.answer(&request))
    }
}

//! The sandbox: the vendor's APIs seen from the other side.
//!
//! One model, three ways in: [`Sandbox::handle`] answers a request, [`InMemory`] is a
//! [`Transport`] over it without sockets, and [`start`] serves it over HTTP. ActiveNumbers is
//! written from its page, oddities included, and v2010 (`IncomingPhoneNumbers`, the search,
//! accounts), pricing and regulations from the vendor's OpenAPI files, so that the vendor's own
//! SDKs work against it. What these leave open is a [`faults::Dialect`] switch.
//!
//! The default world is [`World::demo`].

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::transport::{Request, Response, Transport, TransportError};

mod active_numbers;
mod answer;
mod api;
mod bucket;
mod catalogue;
mod config;
mod countries;
mod emergency;
pub mod faults;
mod filters;
mod json;
mod options;
mod page;
mod pricing;
mod serve;
mod shapes;
mod state;
mod traffic;
mod v2010;
mod world;
mod writes;

pub use answer::{Delivery, HttpAnswer, HttpRequest, Operation};
pub use api::{LogEntry, Requests, Sandbox};
pub use bucket::Bucket;
pub use faults::{FaultError, Faults};
pub use options::{Options, Running, StartError, start};
pub use serve::serve;
pub use state::StateError;
pub use world::{AUTH_TOKEN, Account, MAIN_SID, MOST_NUMBERS, SUBACCOUNT_SID, Status, World};

/// A sandbox that several hands share.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Mutex<Sandbox>>);

impl Shared {
    /// Shares a sandbox.
    #[must_use]
    pub fn new(sandbox: Sandbox) -> Self {
        Self(Arc::new(Mutex::new(sandbox)))
    }

    /// The sandbox, for the moment.
    pub fn lock(&self) -> MutexGuard<'_, Sandbox> {
        // A panic while it was locked is a failed test's; the model is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sandbox as a [`Transport`], without sockets and without time: what a simulation runs
/// against. Answers are ready at once; a request that hangs has timed out at once.
#[derive(Debug, Clone, Default)]
pub struct InMemory(Shared);

impl InMemory {
    /// A transport to a sandbox.
    #[must_use]
    pub fn new(sandbox: Shared) -> Self {
        Self(sandbox)
    }

    /// The sandbox behind it.
    #[must_use]
    pub fn sandbox(&self) -> &Shared {
        &self.0
    }

    fn answer(&self, request: &Request) -> Result<Response, TransportError> {
        let answer = self.0.lock().handle(&HttpRequest::from(request));
        match answer.delivery {
            Delivery::Whole => Ok(answer.into()),
            Delivery::Dropped => Err(TransportError::Broken("the connection was closed unanswered".into())),
            Delivery::Truncated => Err(TransportError::Broken("the answer broke off".into())),
            Delivery::Hung => Err(TransportError::TimedOut(request.timeout)),
        }
    }
}

impl From<&Request> for HttpRequest {
    fn from(request: &Request) -> Self {
        let credentials = &request.credentials;
        Self {
            method: request.verb.word().to_owned(),
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

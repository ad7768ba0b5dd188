//! The API, seen from the other side: the model, how it answers, and what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use super::answer::{Delivery, HttpAnswer, HttpRequest, Operation, SandboxError};
use super::faults::{Effect, EffectKind, Faults};
use super::world::{SandboxStatus, World};

/// How many requests the log remembers.
const LOG_LENGTH: usize = 1000;

/// One request of the log. No credentials; `form` is what was posted.
#[derive(Debug, Clone, Serialize)]
pub struct LogEntry {
    pub method: String,
    pub path: String,
    pub query: String,
    pub form: String,
    /// The status that was answered, also where the answer was then lost.
    pub status: u16,
    /// The account that asked, where the credentials were good.
    pub account: Option<Arc<str>>,
    /// What was asked for, where the API knows it.
    pub operation: Option<&'static str>,
    /// The fault that struck.
    pub fault: Option<String>,
}

/// The requests so far.
#[derive(Debug, Clone, Serialize)]
pub struct Requests {
    pub total: u64,
    /// How many were over the rate limit.
    pub throttled: u64,
    /// How many of each operation.
    pub by_operation: BTreeMap<&'static str, u64>,
    pub log: VecDeque<LogEntry>,
}

impl Default for Requests {
    fn default() -> Self {
        let by_operation = Operation::ALL.into_iter().map(|operation| (operation.as_str(), 0)).collect();
        Self { total: 0, throttled: 0, by_operation, log: VecDeque::new() }
    }
}

/// The model and how it answers.
#[derive(Debug, Clone, Default)]
pub struct Sandbox {
    pub world: World,
    /// What goes wrong, and the dialect.
    pub faults: Faults,
    pub(super) requests: Requests,
    answered: u64,
}

pub(super) struct Caller {
    pub(super) account: Arc<str>,
    /// By an API key instead of the account's own SID and token.
    pub(super) by_key: bool,
}

/// What the API does with a request: a status with a body, or an error.
pub(super) type Done = Result<(u16, String), SandboxError>;

impl Sandbox {
    /// A sandbox over a world.
    #[must_use]
    pub fn new(world: World, faults: Faults) -> Self {
        Self { world, faults, ..Self::default() }
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Forgets the requests so far.
    pub fn reset_requests(&mut self) {
        self.requests = Requests::default();
    }

    pub(super) fn who(&self, request: &HttpRequest) -> Result<Caller, SandboxError> {
        let (user, secret) = request.credentials.as_ref().ok_or_else(SandboxError::unauthenticated)?;
        let (sid, account) =
            self.world.authenticate(user, secret).ok_or_else(SandboxError::unauthenticated)?;
        // A suspended parent suspends its subaccounts.
        let above = account.parent.as_deref().and_then(|parent| self.world.account(parent));
        for account in [Some(account), above].into_iter().flatten() {
            match account.status {
                SandboxStatus::Active => {}
                SandboxStatus::Suspended => return Err(SandboxError::not_active()),
                SandboxStatus::Closed => return Err(SandboxError::unauthenticated()),
            }
        }
        Ok(Caller { by_key: *sid != **user, account: sid })
    }

    pub(super) fn answer(&mut self, done: Done) -> HttpAnswer {
        self.answered += 1;
        let (status, body) = done.unwrap_or_else(|error| (error.status, error.body()));
        HttpAnswer {
            status,
            headers: vec![
                ("Content-Type", "application/json".to_owned()),
                ("Twilio-Request-Id", format!("RQ{:032x}", self.answered)),
                ("Twilio-Request-Duration", "0.001".to_owned()),
                ("Twilio-Concurrent-Requests", "1".to_owned()),
            ],
            body: body.into_bytes(),
            ..HttpAnswer::default()
        }
    }

    pub(super) fn suffer(&self, effect: Effect, answer: &mut HttpAnswer) {
        match effect.kind {
            EffectKind::Status(status, code) => {
                let (known, message) = failure(status);
                let error = SandboxError { status, code: code.or(known), message: message.to_owned() };
                answer.status = status;
                answer.body = error.body().into_bytes();
                if let (429 | 503, Some(seconds)) = (status, self.faults.retry_after) {
                    answer.headers.push(("Retry-After", seconds.to_string()));
                }
            }
            EffectKind::Html => {
                // What a balancer says when there is nothing behind it.
                answer.status = 502;
                answer.headers = vec![("Content-Type", "text/html".to_owned())];
                answer.body = b"<html><body><h1>502 Bad Gateway</h1></body></html>".to_vec();
            }
            EffectKind::Drop => answer.delivery = Delivery::Dropped,
            EffectKind::Hang => answer.delivery = Delivery::Hung,
            EffectKind::Truncate if answer.body.is_empty() => answer.delivery = Delivery::Dropped,
            EffectKind::Truncate => answer.delivery = Delivery::Truncated,
        }
    }

    pub(super) fn log(
        &mut self,
        request: &HttpRequest,
        operation: Option<Operation>,
        account: Option<Arc<str>>,
        effect: Option<Effect>,
        status: u16,
    ) {
        self.requests.total += 1;
        if let Some(operation) = operation {
            *self.requests.by_operation.entry(operation.as_str()).or_default() += 1;
        }
        if self.requests.log.len() == LOG_LENGTH {
            self.requests.log.pop_front();
        }
        self.requests.log.push_back(LogEntry {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            form: request.form.clone(),
            status,
            account,
            operation: operation.map(Operation::as_str),
            fault: effect.map(|effect| effect.to_string()),
        });
    }
}

/// The code and the text of a status that a fault asks for.
fn failure(status: u16) -> (Option<u32>, &'static str) {
    match status {
        401 => (Some(20003), "Authenticate"),
        403 => (Some(20403), "Forbidden"),
        404 => (Some(20404), "The requested resource was not found"),
        409 => (Some(20409), "Conflict"),
        429 => (Some(20429), "Too Many Requests"),
        500 => (Some(20500), "An internal server error has occurred"),
        503 => (Some(20503), "Service Unavailable"),
        _ => (None, "The sandbox was told to fail"),
    }
}

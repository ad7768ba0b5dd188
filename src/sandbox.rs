//! The sandbox: the vendor's APIs seen from the other side.
//!
//! One model, three ways in: [`Sandbox::handle`] answers a request, [`InMemory`] is a
//! [`Transport`](crate::client::transport::Transport) over it without sockets, and [`start`] serves it over HTTP. ActiveNumbers is
//! written from its page, oddities included, and v2010 (`IncomingPhoneNumbers`, the search,
//! accounts), pricing and regulations from the vendor's OpenAPI files, so that the vendor's own
//! SDKs work against it. What these leave open is a [`faults::Dialect`] switch.
//!
//! The default world is [`World::demo`].
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `answer`: one request and one answer as the sandbox sees them, on a socket or without one
//! - `catalogue`: the numbers that exist in the sandbox: ranges, and what the numbers of a range are like
//! - `filters`: the filters of the two list resources. Names are case-sensitive, values are not: the page
//! - `faults`: what can go wrong, and which of its undocumented ways the API shows: `--faults SPEC`
//! - `json`: JSON written by hand, key by key: a page has ten thousand rows, and each its order of keys
//! - `page`: paging: which page was asked for, and the `meta` block with its links
//! - `config`: what can be set on a number, from the other side: which parameters are known, what they take,
//! - `audit`: the account's audit log: every change of the model, as Monitor Events shows it
//! - `emergency`: how far a number's emergency address is. Registering it and taking it away both take time; the
//! - `event`: one call or message of the model
//! - `resources`: Messaging Services, applications, trunks and regions of the model
//! - `world`: the sandbox's model: accounts, and who owns which number. Pure: no clock, no chance, no I/O
//! - `service`: the API, seen from the other side: the model, how it answers, and what it was asked
//! - `shapes`: the rows, as the API's page shows them, oddities included
//! - `writes`: what both APIs do to the model, and what both refuse
//! - `active_numbers`: activeNumbers and AvailableNumbers: the routes of the preview API, and their answers
//! - `console`: the Console, and the vendor's staff: changes of the model that no API request makes
//! - `monitor`: Monitor Events: the audit log over HTTP, newest first
//! - `bucket`: A rate limit as a token bucket that holds one second's worth. Pure: time comes in
//! - `countries`: the countries of the catalogue, with their names
//! - `pricing`: pricing and regulations: what numbers cost in a country, and which papers it wants
//! - `products`: Messaging Services, trunks and voice regions
//! - `v2010`: the generally available API of 2010-04-01: where a request goes, and who may
//! - `router`: A request in, an answer out: which of the APIs it is for, and what of it
//! - `state`: the model as JSON: what `--state FILE` holds and `GET /_sandbox/state` shows
//! - `traffic`: the calls and messages of the model: put in from outside, since nobody calls a sandbox
//! - `in_memory`: the sandbox without sockets and without time, for simulations
//!
//! I/O:
//!
//! - `serve`: the sandbox on a socket: HTTP/1.1 with keep-alive and gzip, the effects that need a connection,
//! - `options`: starting and stopping the sandbox's server

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

mod active_numbers;
mod answer;
mod audit;
mod bucket;
mod catalogue;
mod config;
mod console;
mod countries;
mod emergency;
mod event;
pub mod faults;
mod filters;
#[cfg(feature = "testing")]
mod in_memory;
mod json;
mod monitor;
mod options;
mod page;
mod pricing;
mod products;
mod resources;
mod router;
mod serve;
mod service;
mod shapes;
mod state;
mod traffic;
mod v2010;
mod world;
mod writes;

#[cfg(feature = "testing")]
pub use self::{
    answer::{Delivery, HttpAnswer, HttpRequest, Operation},
    audit::{Actor, Door},
    bucket::Bucket,
    in_memory::InMemory,
    options::StartError,
    serve::serve,
    service::{LogEntry, Requests},
    state::StateError,
    world::{AUTH_TOKEN, Account, MAIN_SID, MOST_NUMBERS, SUBACCOUNT_SID, Status, World},
};
pub use faults::{FaultError, Faults};
pub use options::{Options, Running, start};
pub use service::Sandbox;

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

//! The sandbox: Twilio's APIs seen from the other side.
//!
//! One model, three ways in: [`Sandbox::handle`] answers a request, [`InMemory`] is a
//! [`Transport`](crate::client::transport::Transport) over it without sockets, and [`start`] serves it over HTTP. ActiveNumbers is
//! written from its page, oddities included, and v2010 (`IncomingPhoneNumbers`, the search,
//! accounts), pricing and regulations from Twilio's OpenAPI files, so that Twilio's own
//! SDKs work against it. What these leave open is a [`faults::Dialect`] switch.
//!
//! The default world is [`World::demo`].
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `answer`: one request and one answer, with or without a socket
//! - `catalogue`: the numbers that exist in the sandbox
//! - `filters`: the filters of the list resources
//! - `faults`: what can go wrong: `--faults SPEC`
//! - `json`: writes JSON key by key, in the API's order
//! - `page`: paging, and the `meta` block with its links
//! - `config`: what can be set on a number, and what the API accepts
//! - `audit`: the account's audit log
//! - `emergency`: the state of a number's emergency address
//! - `owned`: one number, with its owner and its settings
//! - `event`: one call or message
//! - `resources`: Messaging Services, applications, trunks and regions of the model
//! - `world`: the model: accounts, and who owns which number; no clock, no I/O
//! - `service`: the sandbox's API: the model and what it was asked
//! - `shapes`: the rows as the API shows them
//! - `writes`: what both APIs do to the model, and what both refuse
//! - `active_numbers`: ActiveNumbers and AvailableNumbers: routes and answers
//! - `console`: changes made in the Console or by Twilio's staff
//! - `monitor`: Monitor Events over HTTP
//! - `bucket`: a rate limit as a token bucket
//! - `countries`: the countries of the catalogue
//! - `pricing`: prices and regulations
//! - `products`: Messaging Services, trunks and voice regions
//! - `v2010`: the 2010-04-01 API: routes and permissions
//! - `router`: which API a request is for
//! - `state`: the model as JSON: `--state FILE` and `GET /_sandbox/state`
//! - `traffic`: calls and messages, added from outside
//! - `in_memory`: the sandbox without sockets and time, for simulations
//!
//! I/O:
//!
//! - `serve`: the sandbox over HTTP
//! - `options`: starts and stops the sandbox's server

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
mod owned;
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
    options::SandboxStartError,
    serve::serve,
    service::{LogEntry, Requests},
    state::StateError,
    world::{AUTH_TOKEN, MAIN_SID, MOST_NUMBERS, SUBACCOUNT_SID, SandboxAccount, SandboxStatus, World},
};
pub use faults::{FaultError, Faults};
pub use options::{Running, SandboxOptions, start};
pub use service::Sandbox;

/// A sandbox that several hands share.
#[derive(Debug, Clone, Default)]
pub struct SharedSandbox(Arc<Mutex<Sandbox>>);

impl SharedSandbox {
    /// Makes a sandbox that several threads may ask.
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

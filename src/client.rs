//! One account of Twilio's API, and what a write needs first.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `listing`: one account's listing, page by page: complete or an error (law 3)
//! - `transport`: the interface to the network: one request in, one answer or failure out
//! - `api`: both APIs as values: requests, answers, typed errors
//! - `backoff`: decides whether to try again, and when
//! - `circuit`: stops sending to an API that does not answer
//! - `lease`: leader election over a Kubernetes Lease, as client-go does it
//! - `retry_budget`: how many retries an account may use
//! - `tally`: counts requests by outcome
//! - `throttle`: adapts rate and concurrency to what the API allows
//!
//! I/O:
//!
//! - `pace`: decides who may send next, and when
//! - `http`: the transport over the network
//! - `webhook`: calls a webhook as Twilio would: signed, marked, bounded, and to public addresses only
//! - `kube`: reads and writes one Lease at a Kubernetes API server
//! - `leadership`: holds a Lease and renews it
//! - `writer`: says whether a write may start, and until when
//! - `account`: one account of the API: reads are retried, writes are sent exactly once
//! - `audit_log`: reads who changed what from Monitor Events
//! - `event_feed`: which numbers may have changed, by the audit log: hints, polled, and never proof
//! - `lock`: one writer per account on a host
//! - `fence`: puts the locks and the Lease around every account's writes

mod account;
pub mod api;
pub mod audit_log;
pub mod backoff;
pub mod circuit;
pub mod event_feed;
pub mod fence;
pub mod http;
pub mod kube;
pub mod leadership;
pub mod lease;
pub mod listing;
pub mod lock;
pub mod pace;
pub mod retry_budget;
pub mod tally;
pub mod throttle;
pub mod transport;
pub mod webhook;
pub mod writer;

pub use account::*;

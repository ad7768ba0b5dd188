//! One account of the vendor's API, and what a write needs first.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `listing`: A listing, page by page: complete, or none at all (law 3)
//! - `transport`: the seam: one request in, its answer or the way it was lost out
//! - `api`: both APIs as values: requests, answers, typed errors
//! - `backoff`: whether to try again, and when
//! - `circuit`: stops asking an API that does not answer
//! - `lease`: one writer across hosts: client-go's leader election
//! - `retry_budget`: how many retries an account can afford
//! - `tally`: requests, counted by how they ended
//! - `throttle`: how fast, and how many at once, by what the API answers
//!
//! I/O:
//!
//! - `pace`: who may send next, and when
//! - `http`: the transport over the network
//! - `webhook`: calls a webhook as the vendor would: signed, marked, bounded, and to public addresses only
//! - `kube`: one Lease at a Kubernetes API server
//! - `leadership`: keeps a Lease, and says for how long
//! - `writer`: whether a write may start, and until when
//! - `account`: one account's view of the API: reads that are retried, writes that are sent exactly once
//! - `audit_log`: reads who changed what
//! - `event_feed`: which numbers may have changed, by the audit log: hints, polled, and never proof
//! - `lock`: one writer per account on a host
//! - `fence`: puts the locks and the lease round every account's writes

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

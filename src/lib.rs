//! numctl keeps a fleet of Twilio phone numbers in a declared state.
//!
//! Data goes one way, and every command shares this one path:
//!
//! ```text
//! files -> Desired ─┐
//!                   ├─ plan -> Plan ─ approve -> Approved ─ execute -> Report ─ render
//! API -> Observed ──┘
//! ```
//!
//! Every choice is made in the plan. The executor decides only whether to try again. Only
//! [`guard::approve`] makes an `Approved`, and only [`execute::execute`] takes one.
//!
//! # The map, in reading order
//!
//! A wing uses only wings above it, and each wing's own file has the map of what is in it: there, too,
//! a file uses only files above it. `tests/it/wings.rs` reads these maps and holds the code to them.
//!
//! - [`host`]: the machine that numctl runs on: files, the clock, systemd
//! - [`model`]: the nouns: numbers, accounts, settings, money
//! - [`desired`]: the files, read and checked
//! - [`client`]: one account of Twilio's API, and what a write needs first
//! - [`sandbox`]: an emulator of the same API, in memory and over HTTP
//! - [`observed`]: what is live in every account
//! - [`plan`]: compares desired and observed, and makes actions with reasons
//! - [`guard`]: holds actions back, or refuses a plan
//! - [`execute`]: carries out an approved plan and records the outcome
//! - [`reconcile`]: the whole line from files and API to a report
//! - [`report`]: plans and outcomes for people and scripts
//! - [`daemon`]: runs that line in a loop, and shows its state
//! - [`cli`]: arguments in, exit code out

#![cfg_attr(not(feature = "testing"), allow(unreachable_pub))]

pub mod cli;

// Private to the binary, so that the compiler finds what no one uses; the tests see all of it.
#[cfg(not(feature = "testing"))]
mod client;
#[cfg(feature = "testing")]
pub mod client;
#[cfg(not(feature = "testing"))]
mod daemon;
#[cfg(feature = "testing")]
pub mod daemon;
#[cfg(not(feature = "testing"))]
mod desired;
#[cfg(feature = "testing")]
pub mod desired;
#[cfg(not(feature = "testing"))]
mod execute;
#[cfg(feature = "testing")]
pub mod execute;
#[cfg(not(feature = "testing"))]
mod guard;
#[cfg(feature = "testing")]
pub mod guard;
#[cfg(not(feature = "testing"))]
mod host;
#[cfg(feature = "testing")]
pub mod host;
#[cfg(not(feature = "testing"))]
mod model;
#[cfg(feature = "testing")]
pub mod model;
#[cfg(not(feature = "testing"))]
mod observed;
#[cfg(feature = "testing")]
pub mod observed;
#[cfg(not(feature = "testing"))]
mod plan;
#[cfg(feature = "testing")]
pub mod plan;
#[cfg(not(feature = "testing"))]
mod reconcile;
#[cfg(feature = "testing")]
pub mod reconcile;
#[cfg(not(feature = "testing"))]
mod report;
#[cfg(feature = "testing")]
pub mod report;
#[cfg(not(feature = "testing"))]
mod sandbox;
#[cfg(feature = "testing")]
pub mod sandbox;

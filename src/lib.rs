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
//! - [`host`]: the machine that numctl runs on: files, the clock, signs of life
//! - [`model`]: the nouns: numbers, accounts, settings, money
//! - [`desired`]: what the files declare, read and checked
//! - [`client`]: one account of the vendor's API, and what a write needs first
//! - [`sandbox`]: the same API seen from the other side, in memory and over HTTP
//! - [`observed`]: what is live in every account
//! - [`plan`]: desired and observed to actions, each with its reason
//! - [`guard`]: what takes steps out of a plan, or refuses it
//! - [`execute`]: carries out an approved plan, and records what became of it
//! - [`reconcile`]: one pass of the whole line
//! - [`report`]: plans and outcomes for people and machines
//! - [`daemon`]: the loop over that pass, and what it shows
//! - [`cli`]: arguments in, exit code out

pub mod cli;
pub mod client;
pub mod daemon;
pub mod desired;
pub mod execute;
pub mod guard;
pub mod host;
pub mod model;
pub mod observed;
pub mod plan;
pub mod reconcile;
pub mod report;
pub mod sandbox;

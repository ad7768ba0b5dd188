//! Twilio's own clients, unmodified, judge the sandbox.
//!
//! The scripts that they run and the pinned versions are in `tests/clients`.

mod cross;
mod install;
mod judges;
pub(super) mod proxy;

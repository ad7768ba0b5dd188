//! Deterministic simulation: the whole engine (the daemon's loop, `apply`, `apply` of a saved plan,
//! and in them list, plan, approve, execute, retry, lock and budget) on virtual time, over a
//! simulated wire to the sandbox's model, with what can go wrong going wrong by a seed.
//!
//! What it proves, what it does not, and its figures are in README.md beside this file.
//!
//! - `cargo test --test sim` is what CI runs.
//! - `SEED=123 cargo test --test sim one_seed -- --ignored --nocapture` replays one with its log.
//! - `NUMCTL_SEEDS=1000000 cargo test --test sim random_seeds -- --nocapture` is the long run
//!   (`SEED_FROM=` starts elsewhere).
//! - `SEED=123 cargo test --test sim one_claim_seed -- --ignored --nocapture` does so for claims, and
//!   `one_quarantine_seed` for what waits to be released, `one_authority_seed` for who may write when.
//! - `cargo test --test sim mutants -- --ignored --nocapture` puts every bug of `mutants.rs` back,
//!   one at a time, and demands that the simulation finds it (`MUTANT=name` for one of them).

#![allow(unreachable_pub, reason = "a test binary has no public interface")]
#![allow(clippy::print_stdout, reason = "its figures and event logs are its results")]

mod actors;
mod authority;
mod budgets;
mod claims;
mod crash;
mod events;
mod fates;
mod fleet;
mod lagging;
mod learn;
mod mutants;
mod mutations;
mod oracle;
mod process;
mod quarantine;
mod readers;
mod runs;
mod seed;
mod sending;
mod sometimes;
mod state;
mod tape;
mod wire;

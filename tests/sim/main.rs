//! Deterministic simulation, begun (issue 3) and not finished: list, plan, approve, execute and retry
//! on virtual time and over a simulated wire to the sandbox's model, with what can go wrong going
//! wrong by a seed. It has found real bugs; some seeds still break an oracle, and whether the engine
//! or the oracle is at fault is not settled. So its tests are ignored until they all pass:
//!
//! - `cargo test --test sim random_seeds -- --ignored --nocapture` (`SEEDS=`, `SEED_FROM=`)
//! - `SEED=123 cargo test --test sim one_seed -- --ignored --nocapture` replays one with its log
//! - `cargo test --test sim every_boundary -- --ignored --nocapture` crashes plans at every request

#![allow(unreachable_pub, reason = "a test binary has no public interface")]
#![allow(clippy::print_stdout, reason = "its figures and event logs are its results")]

mod crash;
mod engine;
mod fates;
mod fleet;
mod oracle;
mod seed;
mod sometimes;
mod state;
mod tape;
mod wire;

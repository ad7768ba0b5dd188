//! The integration tests: the real binary against the sandbox over real HTTP, golden files, and
//! the planner's laws.

mod bad_inputs;
mod e2e;
mod golden;

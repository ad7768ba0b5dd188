//! The planner: a pure function from desired and observed to actions, each with its reason.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `claims`: which numbers a claim has, which it lacks, and which it would buy
//! - `diff`: compares what a file manages of a number with what is live
//! - `reason`: why an action is in a plan
//! - `action`: the actions on one number
//! - `cause`: who changed what drifted
//! - `digest_key`: the key of a plan's digest if the plan contains secrets
//! - `held_code`: the codes of why something is left undone, for machines
//! - `held`: what a plan holds back, with the reason, and its warnings
//! - `left_out`: declared settings that the API is known to refuse on a number
//! - `names`: what a file names by its friendly name, as each account knows it
//! - `effect`: which declared settings have no effect on the caller
//! - `whole`: the plan as a whole
//! - `planner`: a pure function from desired and observed to a plan
//! - `part`: a plan for a part of what is declared
//! - `digest`: names exactly one plan
//! - `outcome`: what became of every action
//! - `stale`: whether a saved plan still fits what is live

mod action;
mod cause;
pub mod claims;
pub mod diff;
pub mod digest;
mod digest_key;
mod effect;
mod held;
mod held_code;
mod left_out;
mod names;
pub mod outcome;
mod part;
mod planner;
mod reason;
pub mod stale;
mod whole;

pub use action::{Action, Step, Target};
pub use cause::{Causes, Difference};
pub use digest_key::DigestKey;
pub use effect::NoEffect;
pub use held::{ContentDoubt, HeldNumber, HeldReason, LeftOut, NotUndone, Vanished, Warning};
pub use held_code::HeldCode;
pub use left_out::beside_fallbacks;
pub use part::plan_part;
pub use planner::*;
pub use reason::Reason;
pub use whole::Plan;

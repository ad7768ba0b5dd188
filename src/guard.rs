//! What takes steps out of a plan, or refuses it.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `cost`: what the numbers cost a month, and what a plan makes of that
//! - `budget`: what was spent over time, counted before it is sent
//! - `limit`: what a limit is held against, and who set it
//! - `monthly`: the limits on money: by how much a plan may raise what the numbers cost a month, and to what
//! - `approve`: the safety rules between a plan and its execution: limits, and who may lift them
//! - `day`: what the limits leave of the last 24 hours
//! - `contents`: which contents of the files were in force, and which is older
//! - `intents`: purchases for claims that may still be on their way
//! - `last_use`: takes out of a plan the releases of numbers that are still in use
//! - `preflight`: webhooks are called before numbers are pointed at them
//! - `memory`: what the loop remembers from look to look, and leaves alone because of it
//! - `standstill`: takes out of a plan what is not to be changed now
//! - `saved_plan`: a plan in a file
//!
//! I/O:
//!
//! - `prices`: asks what numbers cost
//! - `refresh`: a few numbers anew, instead of every account
//! - `usage`: whether numbers are in use, in few requests

mod approve;
pub mod budget;
pub mod contents;
pub mod cost;
mod day;
pub mod intents;
pub mod last_use;
mod limit;
pub mod memory;
mod monthly;
pub mod preflight;
pub mod prices;
pub mod refresh;
pub mod saved_plan;
pub mod standstill;
pub mod usage;

pub use approve::*;
pub use day::{DayLeft, day_left};
pub use limit::{Over, SetBy};
pub use monthly::{Beyond, BrokenMonthly, MonthlyName, calls_for_prices};

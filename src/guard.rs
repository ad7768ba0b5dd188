//! What takes steps out of a plan, or refuses it.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `cost`: what the numbers cost a month before and after a plan
//! - `budget`: what was spent over time, counted before it is sent
//! - `limit`: what a limit is compared with, and who set it
//! - `monthly`: the limits on money
//! - `approve`: checks a plan against the limits; the only way to an approved plan
//! - `day`: what the limits leave for the last 24 hours
//! - `contents`: which contents of the files were in force, and which is older
//! - `intents`: purchases for claims that may still be on their way
//! - `last_use`: holds releases of numbers that are in use
//! - `preflight`: webhooks are called before numbers are pointed at them
//! - `memory`: what the loop remembers between looks, and leaves alone because of it
//! - `standstill`: holds what a pause, hold or window forbids
//! - `saved_plan`: a plan in a file
//!
//! I/O:
//!
//! - `prices`: asks the pricing API
//! - `refresh`: reads a few numbers instead of every account
//! - `usage`: finds out with few requests whether numbers are in use

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

//! What is live in every account, from complete listings only.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `survey`: what a second look at missing numbers found
//! - `fleet`: what is live in every account, from complete listings only
//! - `wanted`: what has to be known beside the numbers
//! - `holding`: which numbers a claim has, and which it lacks
//!
//! I/O:
//!
//! - `list`: lists every account
//! - `surroundings`: what decides where calls and messages end beside the numbers
//! - `missing`: takes a second look at missing numbers
//! - `offers`: searches available numbers for claims

mod fleet;
pub mod holding;
pub mod list;
pub mod missing;
pub mod offers;
pub mod surroundings;
mod survey;
pub mod wanted;

pub use fleet::*;
pub use survey::{Finds, InFlight, Offers, Papers, PurchaseRecord, Survey};

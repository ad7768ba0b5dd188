//! What people and machines read of a plan: text, JSON, Markdown.
//!
//! Everything here writes into a writer that the caller gives, and nothing else. Text that came
//! from the API or from a file goes through [`shown`] on its way (laws 11 and 12).

pub mod claim_words;
pub mod cost;
pub mod delta;
pub mod group;
pub mod history;
mod journal;
pub mod json;
pub mod markdown;
pub mod report;
pub mod shown;
pub mod text;
pub mod words;

//! What people and machines read of a plan and of what became of it.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `shown`: foreign text made fit to be shown: what could act on a terminal, or deceive an eye, is spelt out
//! - `names`: names of accounts and counts of things, as every format writes them
//! - `cost`: what a plan costs, in words and for machines
//! - `journal`: the sentences about what the journal knows: numbers that vanished, and what is not taken back
//! - `routing`: why settings have no effect, and why names stand for nothing
//! - `words`: the sentences: why something is done, why something is not, and what a reviewer should know
//! - `claim_words`: the sentences about claims. Every format says the same words
//! - `delta`: what an action changes, field by field, in the one form that every format renders
//! - `doctor`: what the answers say about an account's health
//! - `export`: a desired-state file for what is live
//! - `group`: equal things told once: 3,000 numbers with one change are one change and a list of numbers
//! - `causes`: who changed what is not as declared, for people and machines
//! - `json`: the plan for machines: `plan --format json`
//! - `route`: where the calls and messages of one number end
//! - `text`: the plan for people at a terminal
//! - `difference`: what differs between the files and the live numbers, as `numctl diff` shows it
//! - `timeline`: what was done to one number, by numctl and by others, in one line of time
//! - `history`: what the journal tells, run by run
//! - `idle`: which numbers nobody uses, for people and machines, and as tombstones
//! - `markdown`: the plan as a pull-request comment
//! - `outcome`: what became of a plan, for people and for machines
//! - `schemas`: the JSON Schemas of what is written for machines

pub mod causes;
pub mod claim_words;
pub mod cost;
pub mod delta;
pub mod difference;
pub mod doctor;
pub mod export;
pub mod group;
pub mod history;
pub mod idle;
mod journal;
pub mod json;
pub mod markdown;
pub mod names;
pub mod outcome;
pub mod route;
pub mod routing;
pub mod schemas;
pub mod shown;
pub mod text;
pub mod timeline;
pub mod words;

//! What people and machines read of a plan and of what became of it.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `shown`: makes foreign text safe to show
//! - `names`: names of accounts and counts of things, the same in every format
//! - `cost`: what a plan costs, for people and scripts
//! - `journal`: sentences about vanished numbers and about undo
//! - `routing`: why settings have no effect, and why names match nothing
//! - `words`: sentences about actions, held numbers and warnings
//! - `claim_words`: sentences about claims
//! - `narrowed`: what a plan is about where that is not all, and its numbers by tag
//! - `delta`: what an action changes, field by field, for every format
//! - `fit`: fits text into the columns of a terminal
//! - `doctor`: what the answers say about an account's health
//! - `export`: writes a desired-state file for live numbers
//! - `import`: a desired-state file for the numbers of a Terraform state
//! - `group`: shows equal things once: 3,000 equal changes are one change and a list of numbers
//! - `causes`: who changed what drifted, for people and scripts
//! - `json`: the plan as JSON
//! - `route`: where the calls and messages of one number end
//! - `text`: the plan for a terminal
//! - `difference`: the differences that `numctl diff` shows
//! - `timeline`: what numctl and others did to one number, in order of time
//! - `history`: the journal, run by run
//! - `idle`: numbers without traffic, for people and scripts, and as tombstones
//! - `markdown`: the plan as a pull-request comment
//! - `outcome`: the report after an apply
//! - `schemas`: the JSON Schemas of numctl's output

pub mod causes;
pub mod claim_words;
pub mod cost;
pub mod delta;
pub mod difference;
pub mod doctor;
pub mod export;
pub mod fit;
pub mod group;
pub mod history;
pub mod idle;
pub mod import;
mod journal;
pub mod json;
pub mod markdown;
pub mod names;
mod narrowed;
pub mod outcome;
pub mod route;
pub mod routing;
pub mod schemas;
pub mod shown;
pub mod text;
pub mod timeline;
pub mod words;

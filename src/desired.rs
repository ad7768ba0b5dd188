//! What the files declare, read and checked, with findings at their places.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `labels`: what people know a number by: its profile, its claim, its tags
//! - `declared`: the desired state, parsed and checked
//! - `account_ref`: the accounts of a fleet, each with its SID
//! - `excerpt`: one line of a file, safe to show: secrets masked, control characters escaped
//! - `finding`: errors and warnings about a file, as rustc shows them and as JSON
//! - `place`: places in a file: paths such as `numbers[3].voice.url`, and their spans
//! - `source`: the text of a file and its format
//! - `suggest`: "did you mean": the nearest of some names
//! - `issue`: findings that know their path but not yet their line
//! - `raw`: the structs that serde reads, and the base of the JSON Schema
//! - `layers`: the settings of one layer (`defaults:`, a profile, a number)
//! - `tags`: `tags:` of a layer, a number or a claim
//! - `standstill`: `hold:`, `policy.paused` and `policy.windows`
//! - `accounts`: `accounts:` and `policy:`, from all files
//! - `claims`: `claims:`, from all files
//! - `narrowing`: `--only` and `--account`: the part that a command is about
//! - `environment`: which variables each account reads
//! - `hosts`: which host an account's credentials may go to
//! - `quarantine`: `policy.quarantine`
//! - `whole`: whether files are whole, where a missing line would release a number
//! - `merge`: merges the files: defaults < profile < number, and rules between fields
//! - `quick`: a quick way for files of plain shapes
//! - `read`: reads one file into structs, with the parsers' errors in the file's own terms
//! - `parse`: from the texts of the files to one checked `Desired`
//! - `secrets`: fills in the secrets that webhooks name
//! - `schema`: the JSON Schema of the file
//! - `format`: `numctl fmt`: a file in its usual form
//! - `explain`: explains a field of the file, from the JSON Schema
//!
//! I/O:
//!
//! - `load`: reads the files that `-f` names

mod account_ref;
mod accounts;
mod claims;
mod declared;
pub mod environment;
mod excerpt;
pub mod explain;
pub mod finding;
pub mod format;
pub mod hosts;
mod issue;
mod labels;
mod layers;
pub mod load;
mod merge;
pub mod narrowing;
mod parse;
mod place;
mod quarantine;
mod quick;
mod raw;
mod read;
pub mod schema;
mod secrets;
mod source;
mod standstill;
mod suggest;
mod tags;
mod whole;

pub use account_ref::AccountRef;
pub use declared::*;
#[cfg(feature = "testing")]
pub use finding::{Finding, Location};
pub use finding::{Findings, Severity};
pub use labels::{Labels, Tags};
pub use parse::{Parsed, ReadFile};
pub use read::MAX_FILE_BYTES;
pub use source::{Format, Source};

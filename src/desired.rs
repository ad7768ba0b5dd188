//! What the files declare, read and checked, with findings at their places.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `declared`: the desired state: what the files declare, parsed and checked
//! - `account_ref`: the accounts of a fleet, each with its SID
//! - `excerpt`: one line of a file, fit to be shown: secrets masked (law 11), control characters escaped
//! - `finding`: what is wrong with a file, or doubtful in it: for people as rustc shows it, for machines as JSON
//! - `place`: where things stand in a file: paths such as `numbers[3].voice.url`, and the spans they have
//! - `source`: the text of a file, and how it is written
//! - `suggest`: "Did you mean": the nearest of some names
//! - `issue`: findings before their places are known: a check says the path, and one pass over each file turns
//! - `raw`: what serde reads of a file, and what the JSON Schema is made from
//! - `layers`: the settings of one layer (`defaults:`, a profile, a number), each checked by itself
//! - `standstill`: `hold:`, `policy.paused` and `policy.windows`: when nothing is to be changed
//! - `accounts`: `accounts:` and `policy:`, from all files
//! - `claims`: `claims:`, from all files
//! - `environment`: which account reads which variables, which the caller looks up
//! - `hosts`: which host an account's credentials may go to
//! - `quarantine`: `policy.quarantine`: where a number waits before it is released, and for how long
//! - `merge`: the files together: defaults < profile < number, field by field, and the rules that only the
//! - `quick`: a quick way for files of plain shapes
//! - `read`: one file's text to its structs. What the parsers say is put into the file's terms here, and
//! - `parse`: from the files' texts to one checked `Desired`
//! - `schema`: the JSON Schema of the file, for editors and for checks in other tools
//! - `explain`: a field of the file, explained from the same table as the JSON Schema
//!
//! I/O:
//!
//! - `load`: reads what `-f` names

mod account_ref;
mod accounts;
mod claims;
mod declared;
pub mod environment;
mod excerpt;
pub mod explain;
pub mod finding;
pub mod hosts;
mod issue;
mod layers;
pub mod load;
mod merge;
mod parse;
mod place;
mod quarantine;
mod quick;
mod raw;
mod read;
pub mod schema;
mod source;
mod standstill;
mod suggest;

pub use account_ref::AccountRef;
pub use declared::*;
#[cfg(feature = "testing")]
pub use finding::{Finding, Location};
pub use finding::{Findings, Severity};
pub use parse::{Parsed, ReadFile};
pub use read::MAX_FILE_BYTES;
pub use source::{Format, Source};

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
//! - `entries`: the numbers of a file, as they are kept until all of the files are read: a million of them have
//! - `place`: where things stand in a file: paths such as `numbers[3].voice.url`, and the spans they have
//! - `layers`: the settings of one layer (`defaults:`, a profile, a number), each checked by itself
//! - `quarantine`: `policy.quarantine`: where a number waits before it is released, and for how long
//! - `standstill`: `hold:`, `policy.paused` and `policy.windows`: when nothing is to be changed
//! - `suggest`: "Did you mean": the nearest of some names
//! - `merge`: the files together: defaults < profile < number, field by field, and the rules that only the
//! - `read`: one file's text to its structs. What the parsers say is put into the file's terms here, and
//! - `parse`: from the files' texts to one checked `Desired`
//! - `issue`: findings before their places are known: a check says the path, and one pass over each file turns
//! - `schema`: the JSON Schema of the file, for editors and for checks in other tools
//! - `claims`: `claims:`, from all files
//! - `file`: the shape of one file: what serde reads, and what the JSON Schema is made from
//! - `accounts`: `accounts:` and `policy:`, from all files
//! - `environment`: which account reads which variables, which the caller looks up
//! - `hosts`: which host an account's credentials may go to
//!
//! I/O:
//!
//! - `load`: reads what `-f` names

mod account_ref;
mod accounts;
mod claims;
mod declared;
mod entries;
pub mod environment;
mod excerpt;
mod file;
pub mod finding;
pub mod hosts;
mod issue;
mod layers;
pub mod load;
mod merge;
mod parse;
mod place;
mod quarantine;
mod read;
pub mod schema;
mod standstill;
mod suggest;

pub use account_ref::AccountRef;
pub use declared::*;
pub use finding::{Finding, Findings, Location, Severity};
pub use parse::{Format, Parsed, ReadFile, Source};
pub use read::MAX_FILE_BYTES;

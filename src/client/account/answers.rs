//! Which answers are taken: of which status, and how long.

use crate::client::api::error::Operation;
use crate::client::transport::Verb;
use crate::model::live::Live;

/// Whether the API documents this success status for such a request. Any other 2xx is not believed.
pub(super) fn is_documented(verb: Verb, status: u16) -> bool {
    match verb {
        Verb::Get => status == 200,
        Verb::Post => matches!(status, 200 | 201),
        // Its own caller takes nothing but an empty 204, and says so.
        Verb::Delete => (200..300).contains(&status),
    }
}

/// What an answer may be at most. A number is about 3 kB, and webhook URLs may be long: 16 KiB are
/// allowed for each of the numbers that a page may have.
pub(super) fn body_bytes_max(operation: Operation) -> usize {
    match operation {
        Operation::List
        | Operation::Search
        | Operation::Account
        | Operation::Traffic
        | Operation::Events
        | Operation::Routing => 16 << 20,
        Operation::Price
        | Operation::Regulation
        | Operation::Fetch
        | Operation::Purchase
        | Operation::Configure
        | Operation::Transfer
        | Operation::Join
        | Operation::Leave
        | Operation::Release => 1 << 20,
    }
}

/// Whether a row of a look-up may be another number than its digits say, or has none.
pub(super) fn may_be_any(row: &Live) -> bool {
    row.number.is_none() || row.raw_number.is_some()
}

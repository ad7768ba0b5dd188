//! When an account got its numbers: v2010's list says so, and ActiveNumbers' does not.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::Deserialize;

use super::wire::{self, LenientScalar, Rows};
use crate::model::number::NumberSid;

/// One page of an account's numbers.
#[derive(Debug, PartialEq, Eq)]
pub struct Ages {
    /// When the account got each number; one whose date cannot be read is left out.
    pub since: Vec<(NumberSid, Timestamp)>,
    /// Where the next page is, not yet checked.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct AgesPage<'a> {
    #[serde(borrow)]
    incoming_phone_numbers: Rows<AgesRow<'a>>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct AgesRow<'a> {
    #[serde(default, borrow)]
    sid: LenientScalar<'a>,
    #[serde(default, borrow)]
    date_created: LenientScalar<'a>,
}

/// Reads a page of v2010's list of numbers.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_ages(body: &[u8]) -> Result<Ages, String> {
    let page = wire::read(body, serde_json::from_str::<AgesPage<'_>>)?;
    let Rows(rows) = page.incoming_phone_numbers;
    let since = rows
        .iter()
        .filter_map(|row| {
            let at = rfc2822::DateTimeParser::new().parse_timestamp(row.date_created.text()?).ok()?;
            Some((NumberSid::observed(row.sid.text()?)?, at))
        })
        .collect();
    Ok(Ages { since, next: page.next_page_uri.filter(|link| !link.is_empty()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_date_is_of_no_known_age() {
        let sid = |at: u8| format!("PN{at:032}");
        let body = format!(
            r#"{{"incoming_phone_numbers":[{{"sid":"{}","date_created":"Mon, 03 Aug 2026 10:00:00 +0000"}},
            {{"sid":"{}","date_created":"2026-08-03"}},{{"sid":"{}"}},{{}}],"next_page_uri":"/x?AgesPage=1"}}"#,
            sid(1),
            sid(2),
            sid(3)
        );
        let ages = read_ages(body.as_bytes()).expect("a page");
        let known: Vec<String> = ages.since.iter().map(|(sid, at)| format!("{sid} {at}")).collect();
        assert_eq!(known, [format!("{} 2026-08-03T10:00:00Z", sid(1))]);
        assert_eq!(ages.next.as_deref(), Some("/x?AgesPage=1"));
        for body in ["", "[]", "{}", r#"{"incoming_phone_numbers":{}}"#] {
            assert!(read_ages(body.as_bytes()).is_err(), "{body}");
        }
    }
}

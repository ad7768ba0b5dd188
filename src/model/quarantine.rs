//! Quarantine: a number that is to be released waits in another account first, where one line brings it
//! back.
//!
//! Since when it waits is at the end of its `friendly_name`, `Main line [nq1:2026-11-26:1f0c]`, so that no
//! state file has to last as long. The last part is a checksum over day and number: a mark that was copied to
//! another number, or edited, counts for nothing, and the time begins again.

#![deny(clippy::arithmetic_side_effects)]

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use sha2::{Digest as _, Sha256};

use crate::model::claim::{FRIENDLY_NAME_MAX, Mark, Slot};
use crate::model::number::PhoneNumber;

const OPEN: &str = "[nq1:";
/// `[nq1:`, the day, the checksum and what is between them.
const MARK_LENGTH: usize = OPEN.len() + 10 + 1 + 4 + 1;

/// For how long a number waits: whole days, from one to 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term(u16);

impl Term {
    const DAY: u64 = 24 * 3_600;
    const DAYS_MAX: u64 = 400;

    /// Parses `30d` or `4weeks`; `None` where it is no number of whole days from 1 to 400.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = humantime::parse_duration(text).ok()?;
        let days = time.as_secs() / Self::DAY;
        let is_whole = time == Duration::from_secs(days.saturating_mul(Self::DAY));
        (is_whole && (1..=Self::DAYS_MAX).contains(&days)).then_some(Self(days as u16))
    }

    /// The first day on which a number is released that waits since that day. A day later than the days
    /// alone come to, since the first of them had begun: the time is never shorter than it is written.
    #[must_use]
    pub fn ends(self, since: Date) -> Date {
        let days: Span = i64::from(self.0).saturating_add(1).days();
        since.saturating_add(days)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

/// What the name of a number in quarantine says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parked<'a> {
    /// Its name without the mark: what it was called before, as far as there was room for it.
    pub name: &'a str,
    /// The day, in UTC, on which it came.
    pub since: Date,
}

impl<'a> Parked<'a> {
    /// Reads the mark off a number's friendly name; `None` where there is none, or not this number's.
    #[must_use]
    pub fn read(friendly_name: &'a str, number: PhoneNumber) -> Option<Self> {
        let inner = friendly_name.strip_suffix(']')?;
        let at = inner.rfind(OPEN)?;
        let (day, check) = inner.get(at.saturating_add(OPEN.len())..)?.split_once(':')?;
        let since: Date = day.parse().ok()?;
        // A day is written in one way only.
        let is_ours = since.to_string() == day && check_of(number, since) == check;
        is_ours.then(|| Self { name: friendly_name[..at].trim_end_matches(' '), since })
    }
}

/// A number's friendly name without the mark, if it carries its own.
#[must_use]
pub fn unmarked(friendly_name: &str, number: PhoneNumber) -> &str {
    Parked::read(friendly_name, number).map_or(friendly_name, |parked| parked.name)
}

/// The friendly name of a number that waits since that day. A name that is too long for the mark is cut,
/// in front where it ends in the mark of a claim, which is worth more.
#[must_use]
pub fn marked(friendly_name: Option<&str>, number: PhoneNumber, since: Date) -> String {
    let mark = format!("{OPEN}{since}:{}]", check_of(number, since));
    let name = bare(friendly_name.unwrap_or_default(), number);
    let room = FRIENDLY_NAME_MAX - MARK_LENGTH - 1;
    let excess = name.chars().count().saturating_sub(room);
    let cut: String = match Slot::read(name, number) {
        Mark::Of(_) => name.chars().skip(excess).collect(),
        Mark::None | Mark::Broken => name.chars().take(room).collect(),
    };
    match cut.trim() {
        "" => mark,
        name => format!("{name} {mark}"),
    }
}

/// A name without anything that looks like a mark.
fn bare(name: &str, number: PhoneNumber) -> &str {
    let own = unmarked(name, number);
    match own.rfind(OPEN).filter(|_| own.ends_with(']')) {
        Some(at) => own[..at].trim_end_matches(' '),
        None => own,
    }
}

fn check_of(number: PhoneNumber, since: Date) -> String {
    let hash = Sha256::digest(format!("numctl quarantine 1\n{number}\n{since}").as_bytes());
    hash[..2].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::observed(text).expect("a number")
    }

    #[test]
    fn a_mark_is_read_back_by_its_number_alone() {
        let (ours, other) = (number("+15552230000"), number("+15552230001"));
        for name in [None, Some("Main line"), Some("Büro"), Some("[nq1:2026-01-01:0000]x"), Some("a ]")] {
            let marked = marked(name, ours, date(2026, 11, 26));
            let parked = Parked::read(&marked, ours).expect("a mark");
            assert_eq!((parked.name, parked.since), (name.unwrap_or(""), date(2026, 11, 26)), "{marked}");
            assert_eq!(Parked::read(&marked, other), None, "copied: {marked}");
            assert_eq!(unmarked(&marked, ours), name.unwrap_or(""));
        }
    }

    #[test]
    fn what_is_not_exactly_a_mark_counts_for_nothing() {
        let ours = number("+15552230000");
        let name = marked(Some("Main"), ours, date(2026, 11, 26));
        for broken in [
            format!("{name} "),
            format!("{name}."),
            name[..name.len() - 1].to_owned(),
            name.replace("2026-11-26", "2025-11-26"),
            name.replace("2026-11-26", "20261126"),
            name.replace("2026-11-26", "2026-11-26T00:00"),
            name.replace("nq1", "NQ1"),
            "[nq1:]".to_owned(),
            "[nq1:2026-11-26:]".to_owned(),
            "Main".to_owned(),
            String::new(),
        ] {
            assert_eq!(Parked::read(&broken, ours), None, "{broken}");
            assert_eq!(unmarked(&broken, ours), broken);
        }
    }

    #[test]
    fn a_mark_that_is_not_its_own_gives_way_to_one_that_is() {
        let (ours, other) = (number("+15552230000"), number("+15552230001"));
        let copied = marked(Some("Main"), other, date(2020, 1, 1));
        let anew = marked(Some(&copied), ours, date(2026, 11, 26));
        assert_eq!(Parked::read(&anew, ours), Some(Parked { name: "Main", since: date(2026, 11, 26) }));
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_and_a_claims_mark_is_not() {
        let ours = number("+15552230000");
        let long = marked(Some(&"ü".repeat(64)), ours, date(2026, 11, 26));
        assert_eq!(long.chars().count(), FRIENDLY_NAME_MAX);
        assert_eq!(unmarked(&long, ours), "ü".repeat(FRIENDLY_NAME_MAX - MARK_LENGTH - 1));
        let slot = Slot::parse("nyc-support/12").expect("a slot");
        let claimed = slot.name_of(ours, Some("Support in New York, first"));
        let parked = marked(Some(&claimed), ours, date(2026, 11, 26));
        assert!(parked.chars().count() <= FRIENDLY_NAME_MAX, "{parked}");
        assert_eq!(Slot::read(unmarked(&parked, ours), ours), Mark::Of(slot));
    }

    #[test]
    fn the_time_is_never_shorter_than_it_is_written() {
        let term = Term::parse("30d").expect("a term");
        assert_eq!(term.ends(date(2026, 11, 26)), date(2026, 12, 27));
        assert_eq!(Term::parse("4weeks").map(|term| term.to_string()).as_deref(), Some("28d"));
        for bad in ["", "0d", "36h", "401d", "30", "1d 1ms", "-1d", "month"] {
            assert_eq!(Term::parse(bad), None, "{bad}");
        }
        assert_eq!(term.ends(Date::MAX), Date::MAX);
    }
}

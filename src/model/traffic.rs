//! What a number was used for: one call or one message, and how far back it is looked for.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::number::{NumberSid, PhoneNumber};

/// What a number is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Medium {
    /// A call, whatever became of it.
    Call,
    /// A message, whatever became of it.
    Message,
}

impl Medium {
    /// Both media, in the order in which they are asked for.
    pub const ALL: [Self; 2] = [Self::Call, Self::Message];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Message => "message",
        }
    }
}

/// On which side of it the number was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// It was called, or got the message.
    To,
    /// It called, or sent the message.
    From,
}

impl Side {
    /// Both. What comes in comes first: that is what a released number loses.
    pub const ALL: [Self; 2] = [Self::To, Self::From];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::To => "to",
            Self::From => "from",
        }
    }
}

/// One use of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    pub at: Timestamp,
    pub medium: Medium,
    pub side: Side,
}

impl Use {
    /// The day of it, in UTC.
    #[must_use]
    pub fn day(&self) -> Date {
        day(self.at)
    }
}

/// A number whose use is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedNumber {
    pub number: PhoneNumber,
    /// Its SID, by which rows may name it; `None` where the listing gave none.
    pub sid: Option<NumberSid>,
}

/// Who a row of calls or messages is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    Number(PhoneNumber),
    /// The number with this SID, whatever the addresses of the row are.
    Sid(NumberSid),
}

/// Schemes of addresses whose user is a name, though it may look like a number.
const NAMED: [&str; 2] = ["client", "messenger"];

/// The numbers that an address of a call or message may stand for: `+15552230000`,
/// `sip:+15552230000@pbx.example.com;region=us1`, `whatsapp:+15552230000`, `tel:5552230000`. Digits
/// without a `+` may be meant with a country's code or without: each reading counts, since a number
/// that seems unused may be released.
pub fn numbers_in(address: &str) -> impl Iterator<Item = PhoneNumber> {
    let address = address.trim().trim_start_matches('<');
    let plain = PhoneNumber::observed(address);
    let user = match address.split_once(':') {
        _ if plain.is_some() => None,
        Some((scheme, _)) if NAMED.iter().any(|named| scheme.eq_ignore_ascii_case(named)) => None,
        Some((_, rest)) => Some(rest),
        None => Some(address),
    };
    let user = user.and_then(|rest| rest.split(['@', ';', '?', '>']).next()).map(|user| {
        let user = user.replace("%2B", "+").replace("%2b", "+");
        user.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect::<String>()
    });
    let user = user.unwrap_or_default();
    let readings = match user.strip_prefix('+') {
        Some(_) => [PhoneNumber::observed(&user), None],
        None if (7..=15).contains(&user.len()) => {
            // Ten digits may be a number of North America without its 1.
            let national = (user.len() == 10).then(|| PhoneNumber::observed(&format!("+1{user}"))).flatten();
            [PhoneNumber::observed(&format!("+{user}")), national]
        }
        None => [None, None],
    };
    plain.into_iter().chain(readings.into_iter().flatten())
}

/// How far back uses are looked for: `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookback(Duration);

impl Lookback {
    const DAY: u64 = 24 * 3_600;
    /// Twilio keeps no record for longer than this: a longer time would only seem to be looked at.
    const DAYS_MAX: u64 = 400;

    /// Parses `30d`, `36h`, `4weeks`: from an hour to 400 days.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // `M` is months to humantime, and minutes to people.
        let time = humantime::parse_duration(text).ok().filter(|_| !text.contains('M'))?;
        let allowed = 3_600..=Self::DAYS_MAX * Self::DAY;
        (allowed.contains(&time.as_secs()) && time.subsec_nanos() == 0).then_some(Self(time))
    }

    /// The first day, in UTC, of whose uses is asked. The API's lists know whole days only, so that
    /// the time is never shorter than it is written. `now` is the time since the epoch.
    #[must_use]
    pub fn since(self, now: Duration) -> Date {
        day_at(now.saturating_sub(self.0))
    }

    /// When it began, to the second.
    #[must_use]
    pub fn began(self, now: Duration) -> Timestamp {
        timestamp_of(now.saturating_sub(self.0))
    }
}

impl fmt::Display for Lookback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            // humantime would make months of days.
            seconds if seconds.is_multiple_of(Self::DAY) => write!(f, "{}d", seconds / Self::DAY),
            _ => humantime::format_duration(self.0).fmt(f),
        }
    }
}

/// The day of a time since the epoch, in UTC.
#[must_use]
pub fn day_at(time: Duration) -> Date {
    day(timestamp_of(time))
}

fn timestamp_of(time: Duration) -> Timestamp {
    let time = SignedDuration::try_from(time).unwrap_or_default();
    Timestamp::from_duration(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The day of a time, in UTC.
#[must_use]
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookback_is_written_as_it_was_read() {
        for text in ["30d", "1d", "400d", "1h", "36h"] {
            let parsed = Lookback::parse(text).expect(text);
            assert_eq!(Lookback::parse(&parsed.to_string()), Some(parsed), "{text}");
        }
        assert_eq!(Lookback::parse("2weeks").expect("weeks").to_string(), "14d");
        for text in ["", "30", "0d", "59m", "401d", "-1d", "1h 1ns", "a month", "99999999999999999y"] {
            assert_eq!(Lookback::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_address_stands_for_every_number_that_it_may_mean() {
        let numbers = |address: &str| {
            numbers_in(address).map(|number| number.to_string()).collect::<Vec<_>>().join(" ")
        };
        for (address, expected) in [
            ("+15035550144", "+15035550144"),
            ("12345", "12345"),
            ("sip:+15035550144@pbx.example.com;region=us1", "+15035550144"),
            ("sips:+15035550144@pbx.example.com", "+15035550144"),
            ("SIP:%2B15035550144@10.0.0.1:5060", "+15035550144"),
            ("<sip:+15035550144@pbx.example.com>", "+15035550144"),
            ("sip:15035550144@pbx.example.com", "+15035550144"),
            ("sip:5035550144@pbx.example.com", "+5035550144 +15035550144"),
            ("sip:+1-503-555-0144;phone-context=x@pbx.example.com", "+15035550144"),
            ("tel:+1(503)555.0144", "+15035550144"),
            ("whatsapp:+15035550144", "+15035550144"),
            ("client:+15035550144", ""),
            ("sip:desk@pbx.example.com", ""),
            ("sip:112@pbx.example.com", ""),
            ("anonymous", ""),
            ("sip:", ""),
            ("", ""),
        ] {
            assert_eq!(numbers(address), expected, "{address}");
        }
    }

    #[test]
    fn it_begins_with_a_whole_day() {
        let now = |text: &str| {
            Duration::try_from(text.parse::<Timestamp>().expect(text).as_duration()).expect("after 1970")
        };
        let since = |text: &str, at: &str| Lookback::parse(text).expect(text).since(now(at)).to_string();
        assert_eq!(since("30d", "2026-08-31T23:59:59Z"), "2026-08-01");
        assert_eq!(since("30d", "2026-08-31T00:00:00Z"), "2026-08-01");
        assert_eq!(since("1h", "2026-08-31T00:30:00Z"), "2026-08-30");
        assert_eq!(since("400d", "1970-01-02T00:00:00Z"), "1970-01-01");
    }
}

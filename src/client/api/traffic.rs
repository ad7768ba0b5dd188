//! The lists of calls and of messages (v2010), read for what they say of a number's use.
//!
//! Both are newest first, and both are the account's that had the number at that time. A row may name a
//! number in several ways: as an address of either side, in a SIP address (as the calls of a SIP trunk
//! do), as the number that a call was forwarded from, or by its SID alone.

use jiff::civil::Date;
use jiff::fmt::rfc2822;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use url::Url;

use super::filter::first_page;
use super::routes::Routes;
use super::wire::{self, LenientScalar, Rows};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::traffic::{Medium, Party, Side, Use, day, numbers_in};

/// One page of calls or messages.
#[derive(Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Which number was used, and when, in the order of the page. A row may be of several numbers of one
    /// account.
    pub uses: Vec<(Party, Use)>,
    /// Where the next page is, not yet checked.
    pub next: Option<String>,
}

/// The first page of the calls or messages since a day, of the whole account or on one side of one
/// number.
#[must_use]
pub fn page(
    routes: &Routes,
    medium: Medium,
    of: Option<(Side, PhoneNumber)>,
    since: Date,
    page_size: u16,
) -> Url {
    let since = since.to_string();
    let after = match medium {
        Medium::Call => "StartTime>",
        Medium::Message => "DateSent>",
    };
    let mut pairs = vec![(after, since.as_str())];
    let number = of.map(|(_, number)| number.to_string());
    if let (Some((side, _)), Some(number)) = (of, &number) {
        let name = match side {
            Side::To => "To",
            Side::From => "From",
        };
        pairs.push((name, number));
    }
    first_page(routes.traffic(medium), &pairs, page_size)
}

#[derive(Deserialize)]
struct TrafficPage<'a> {
    #[serde(default, borrow)]
    calls: Option<Rows<TrafficRow<'a>>>,
    #[serde(default, borrow)]
    messages: Option<Rows<TrafficRow<'a>>>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct TrafficRow<'a> {
    #[serde(default, borrow)]
    to: LenientScalar<'a>,
    #[serde(default, borrow)]
    from: LenientScalar<'a>,
    /// The number of the account that the row is about, whatever the addresses are.
    #[serde(default, borrow)]
    phone_number_sid: LenientScalar<'a>,
    /// The number that the call was forwarded from.
    #[serde(default, borrow)]
    forwarded_from: LenientScalar<'a>,
    #[serde(default, borrow)]
    account_sid: LenientScalar<'a>,
    #[serde(default, borrow)]
    direction: LenientScalar<'a>,
    #[serde(default, borrow)]
    start_time: LenientScalar<'a>,
    #[serde(default, borrow)]
    date_sent: LenientScalar<'a>,
    #[serde(default, borrow)]
    date_created: LenientScalar<'a>,
}

impl TrafficRow<'_> {
    /// Whether no one can tell whose use it is: what names someone has another shape than the API's, or
    /// is not there at all.
    fn names_nobody(&self) -> bool {
        let naming = [&self.to, &self.from, &self.forwarded_from, &self.phone_number_sid];
        naming.iter().any(|one| one.is_odd) || naming.iter().all(|one| one.text().is_none())
    }

    /// Everybody whose use the row may be, each on its side.
    fn parties(&self) -> impl Iterator<Item = (Party, Side)> {
        let addresses = [(Side::To, &self.to), (Side::From, &self.from), (Side::To, &self.forwarded_from)];
        let named = addresses.into_iter().flat_map(|(side, address)| {
            numbers_in(address.text().unwrap_or_default()).map(move |number| (Party::Number(number), side))
        });
        let sid = self.phone_number_sid.text().and_then(NumberSid::observed);
        // `outbound-api`, `outbound-dial`, `trunking-terminating` leave the account; whatever else came
        // in.
        let goes_out = self
            .direction
            .text()
            .is_some_and(|way| way.starts_with("outbound") || way == "trunking-terminating");
        let side = if goes_out { Side::From } else { Side::To };
        named.chain(sid.map(|sid| (Party::Sid(sid), side)))
    }
}

/// The rows, and where the next page is.
fn read(
    body: &[u8],
    medium: Medium,
    account: AccountSid,
) -> Result<(Vec<TrafficRow<'_>>, Option<String>), String> {
    let page = wire::read(body, serde_json::from_str::<TrafficPage<'_>>)?;
    let rows = match medium {
        Medium::Call => page.calls,
        Medium::Message => page.messages,
    };
    let Rows(rows) = rows.ok_or_else(|| format!("it has no list of {}s", medium.as_str()))?;
    // Another account's list says nothing of this one's numbers.
    let others = rows.iter().filter_map(|row| row.account_sid.text()).filter_map(AccountSid::observed);
    if let Some(other) = others.into_iter().find(|other| *other != account) {
        return Err(format!("it has a {} of account {other}, and {account} was asked", medium.as_str()));
    }
    Ok((rows, page.next_page_uri.filter(|link| !link.is_empty())))
}

/// Reads a page of what [`page`] asked for since a day.
///
/// # Errors
/// Says where the body stops being the API's, also where it is an answer to another question.
pub fn read_traffic(
    body: &[u8],
    medium: Medium,
    account: AccountSid,
    since: Date,
) -> Result<Traffic, String> {
    let (rows, next) = read(body, medium, account)?;
    let mut uses = Vec::new();
    for row in &rows {
        let at = when(row, medium, since)?;
        if row.names_nobody() {
            return Err(format!("it has a {} that names no number of the account", medium.as_str()));
        }
        uses.extend(row.parties().map(|(party, side)| (party, Use { at, medium, side })));
    }
    Ok(Traffic { uses, next })
}

/// Reads what [`page`] asked for of one side of one number: its first use there, which is the last
/// one in time.
///
/// # Errors
/// As [`read_traffic`], and where there are rows and none is of the number: then nothing is known of
/// it.
pub fn read_use(
    body: &[u8],
    medium: Medium,
    account: AccountSid,
    side: Side,
    number: PhoneNumber,
    since: Date,
) -> Result<Option<Use>, String> {
    let (rows, next) = read(body, medium, account)?;
    let Some(row) = rows.first() else {
        // Without rows and with more pages, it has not said that there are none.
        return match next {
            None => Ok(None),
            Some(_) => Err("an empty page links to another page".to_owned()),
        };
    };
    let text = match side {
        Side::To => &row.to,
        Side::From => &row.from,
    };
    if numbers_in(text.text().unwrap_or_default()).all(|named| named != number) {
        return Err(format!("it has a {} of a number that was not asked for", medium.as_str()));
    }
    Ok(Some(Use { at: when(row, medium, since)?, medium, side }))
}

/// When it was: what has not begun yet has only the time at which it was asked for, which may be
/// earlier.
fn when(row: &TrafficRow<'_>, medium: Medium, since: Date) -> Result<Timestamp, String> {
    let began = match medium {
        Medium::Call => &row.start_time,
        Medium::Message => &row.date_sent,
    };
    let word = medium.as_str();
    let Some(text) = began.text().or(row.date_created.text()) else {
        return Err(format!("it has a {word} without a time"));
    };
    let at = rfc2822::DateTimeParser::new()
        .parse_timestamp(text)
        .map_err(|_| format!("it has a {word} whose time is not in RFC 2822 format"))?;
    // A day is forgiven, since whose midnight it begins at is theirs to say. What is older shows that
    // the question was not heeded, and then nothing can be concluded from what is not there.
    let first = since.checked_sub(1.day()).unwrap_or(since);
    if began.text().is_some() && day(at) < first {
        return Err(format!("it has a {word} of {}, and only those since {since} were asked for", day(at)));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::api::wire::Interner;
    use crate::model::provider::Api;
    use crate::model::settings::Field;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::observed(text).expect(text)
    }

    fn account() -> AccountSid {
        AccountSid::observed(&format!("AC{}", "a".repeat(32))).expect("a SID")
    }

    fn named(uses: &[(Party, Use)]) -> Vec<String> {
        let name = |(party, one): &(Party, Use)| match party {
            Party::Number(number) => format!("{} {number}", one.side.as_str()),
            Party::Sid(sid) => format!("{} {sid}", one.side.as_str()),
        };
        uses.iter().map(name).collect()
    }

    fn since() -> Date {
        "2026-08-01".parse().expect("a day")
    }

    const CALL: &str = r#"{"to":"+15552230000","from":"sip:desk@example.com","start_time":"Mon, 03 Aug 2026 10:00:00 +0000","date_created":"Mon, 03 Aug 2026 09:59:00 +0000","direction":"inbound"}"#;

    fn calls(rows: &str) -> Result<Traffic, String> {
        let body = format!(r#"{{"calls":[{rows}],"next_page_uri":null,"page":0}}"#);
        read_traffic(body.as_bytes(), Medium::Call, account(), since())
    }

    /// Unknown is never no.
    #[test]
    fn what_is_not_understood_is_not_idle() {
        let named = |from: &str, to: &str| {
            CALL.replace("\"+15552230000\"", to).replace("\"sip:desk@example.com\"", from)
        };
        assert!(calls(&named("\"client:desk\"", "\"client:hall\"")).is_ok(), "of no number, as it says");
        for (from, to) in [
            ("null", "{\"uri\":\"sip:+15552230000@a.example\"}"),
            ("[\"+15552230000\"]", "\"client:hall\""),
            ("null", "null"),
            ("\"\"", "null"),
        ] {
            assert!(calls(&named(from, to)).is_err(), "{from} {to}");
        }
        for trunk in ["{\"sid\":\"TK1\"}", "[\"TK1\"]", "5", "true"] {
            let row = format!(
                r#"{{"sid":"PN{}","phone_number":"+15552230000","trunk_sid":{trunk}}}"#,
                "1".repeat(32)
            );
            let page = format!(r#"{{"incoming_phone_numbers":[{row}],"next_page_uri":null,"uri":"/"}}"#);
            let page = wire::read_page(Api::IncomingPhoneNumbers, page.as_bytes(), &mut Interner::default());
            let rows = page.expect("a page").rows;
            assert!(rows[0].has(Field::VoiceTrunkSid), "{trunk}");
        }
    }

    #[test]
    fn a_row_is_of_every_number_that_it_names() {
        let uses = calls(CALL).expect("a page").uses;
        assert_eq!(named(&uses), ["to +15552230000"]);
        assert_eq!(uses[0].1.day().to_string(), "2026-08-03");
        for (other, expected) in [
            ("+15552230001", vec!["to +15552230000", "from +15552230001"]),
            ("whatsapp:+15552230001", vec!["to +15552230000", "from +15552230001"]),
            ("sip:+15552230001@pbx.example.com;region=us1", vec!["to +15552230000", "from +15552230001"]),
            ("client:desk", vec!["to +15552230000"]),
            ("anonymous", vec!["to +15552230000"]),
            ("", vec!["to +15552230000"]),
        ] {
            let row = CALL.replace("sip:desk@example.com", other);
            assert_eq!(named(&calls(&row).expect(other).uses), expected, "{other}");
        }
        let sid = format!("PN{}", "0".repeat(32));
        let trunk = CALL.replace("+15552230000", "sip:pbx@pbx.example.com");
        for (field, direction, expected) in [
            (format!(r#""phone_number_sid":"{sid}""#), "inbound", format!("to {sid}")),
            (format!(r#""phone_number_sid":"{sid}""#), "trunking-originating", format!("to {sid}")),
            (format!(r#""phone_number_sid":"{sid}""#), "trunking-terminating", format!("from {sid}")),
            (r#""forwarded_from":"+15552230000""#.to_owned(), "inbound", "to +15552230000".to_owned()),
        ] {
            let row = trunk.replace("inbound", direction).replace("\"to\"", &format!("{field},\"to\""));
            assert_eq!(named(&calls(&row).expect("a page").uses), [expected], "{row}");
        }
    }

    #[test]
    fn what_is_not_sent_yet_has_the_time_of_its_making() {
        let body = r#"{"messages":[{"to":"+15552230000","from":"12345","date_sent":null,"date_created":"Thu, 30 Jul 2026 23:00:00 +0000"}]}"#;
        let uses = read_traffic(body.as_bytes(), Medium::Message, account(), since()).expect("a page").uses;
        assert_eq!(named(&uses), ["to +15552230000", "from 12345"]);
    }

    #[test]
    fn an_answer_to_another_question_is_no_answer() {
        for (from, to) in [
            ("03 Aug 2026 10", "03 Aug 2019 10"),
            ("Mon, 03 Aug 2026 10:00:00 +0000", "2026-08-03"),
            ("\"start_time\"", "\"begun\""),
            ("\"to\"", "\"account_sid\":\"ACbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"to\""),
        ] {
            let row = CALL.replace(from, to).replace("\"date_created\"", "\"made\"");
            assert!(calls(&row).is_err(), "{row}");
        }
        for body in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"calls":null}"#,
            r#"{"messages":[]}"#,
            r#"{"calls":{}}"#,
            r#"{"calls":[1]}"#,
        ] {
            assert!(read_traffic(body.as_bytes(), Medium::Call, account(), since()).is_err(), "{body}");
        }
        let one = |rows: &str, next: &str, (side, number): (Side, PhoneNumber)| {
            let body = format!(r#"{{"calls":[{rows}],"next_page_uri":{next}}}"#);
            read_use(body.as_bytes(), Medium::Call, account(), side, number, since())
        };
        let of = (Side::To, number("+15552230000"));
        assert_eq!(one("", "null", of), Ok(None));
        assert!(one(CALL, "null", of).is_ok_and(|used| used.is_some()));
        assert!(one(CALL, "null", (Side::To, number("+15552230001"))).is_err());
        assert!(one(CALL, "null", (Side::From, number("+15552230000"))).is_err());
        assert!(one("", r#""/2010-04-01/x?TrafficPage=1""#, of).is_err());
    }
}

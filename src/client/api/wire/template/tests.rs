//! By template or in full, a page is the same, whatever is in it.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::super::{read_page, read_page_in_full, rows_in_full};
use super::*;
use crate::model::provider::Api;

/// Both readers agree over a page, and over the same page again.
fn is_equal(api: Api, body: &str) {
    let (mut quick, mut slow) = (Interner::default(), Interner::default());
    for _ in 0..2 {
        let by_both =
            (read_page(api, body.as_bytes(), &mut quick), read_page_in_full(api, body.as_bytes(), &mut slow));
        assert_eq!(by_both.0, by_both.1, "{body}");
        if by_both.0.is_err() {
            // A refused page ends the listing.
            return;
        }
    }
}

fn active(nth: usize) -> String {
    format!(
        r#"{{"phone_number":"+1555{nth:07}","url":"https://n.example/Numbers/ActiveNumbers/PN{nth:032x}","capabilities":{{"voice":{{"fax":true,"codecs":["g711u"]}},"sms":{{"inbound_connectivity":true,"inbound_reachability":"global","inbound_mps":-1}},"mms":null}},"account_sid":"AC{0:032x}","sid":"PN{nth:032x}","configuration":{{"friendly_name":"Line {nth}","status_callback_url":"{2}","status_callback_method":"POST","voice":{{"caller_id_lookup":false,"trunk_sid":null,"url":"https://hooks.example/{1}","method":"POST"}},"sms":{{"application_sid":"","url":"{3}","method":"POST"}}}},"geography":{{"iso_country":"US","lata":"{nth}"}},"type":"local","date_created":"2025-02-27T08:13:{nth:02}Z"}}"#,
        1,
        nth % 3,
        sometimes(nth, 2, "https://status.example/"),
        sometimes(nth, 5, "https://hooks.example/sms"),
    )
}

/// A setting that only some numbers have.
fn sometimes(nth: usize, every: usize, text: &str) -> &str {
    if nth.is_multiple_of(every) { "" } else { text }
}

fn incoming(nth: usize) -> String {
    format!(
        r#"{{"account_sid":"AC{0:032x}","capabilities":{{"mms":true,"SMS":true}},"date_created":"Thu, {nth}","emergency_address_status":"unregistered","friendly_name":"Line {nth}","phone_number":"+1555{nth:07}","sid":"PN{nth:032x}","sms_url":"{2}","sms_application_sid":"{3}","trunk_sid":null,"uri":"/IncomingPhoneNumbers/PN{nth:032x}.json","voice_caller_id_lookup":false,"voice_url":"https://hooks.example/{1}","voice_method":"POST","type":"local","subresource_uris":{{"a":"/{nth}.json"}}}}"#,
        1,
        nth % 3,
        sometimes(nth, 2, "https://hooks.example/sms"),
        sometimes(nth, 5, "AP00000000000000000000000000000001"),
    )
}

fn page(api: Api, rows: &[String]) -> String {
    let rows = rows.join(",");
    match api {
        Api::ActiveNumbers => {
            format!(
                r#"{{"items":[{rows}],"meta":{{"page":0,"key":"items","next_page_url":"https://n.example/?Page=1"}}}}"#
            )
        }
        Api::IncomingPhoneNumbers => {
            format!(r#"{{"page":0,"uri":"/x","next_page_uri":null,"incoming_phone_numbers":[{rows}]}}"#)
        }
    }
}

fn row(api: Api, nth: usize) -> String {
    match api {
        Api::ActiveNumbers => active(nth),
        Api::IncomingPhoneNumbers => incoming(nth),
    }
}

#[test]
fn a_plain_page_is_read_by_template() {
    for api in Api::ALL {
        let mut rows: Vec<String> = (0..40).map(|nth| row(api, nth)).collect();
        rows.iter_mut().skip(5).step_by(3).for_each(|row| *row = row.replace("null", "\"TKx\""));
        let body = page(api, &rows);
        // A few rows of either form teach what may differ, what only some numbers have included.
        let in_full = rows_in_full(api, body.as_bytes()).expect("it is read by template");
        assert!(in_full <= 10, "{in_full} rows in full");
        is_equal(api, &body);
        // Cut short anywhere, it is refused as ever.
        let body = page(api, &rows[..3]);
        for end in 0..body.len() {
            let body = &body[..end];
            is_equal(api, body);
        }
    }
}

/// A row that is no number.
#[derive(Deserialize)]
struct Small<'a> {
    #[serde(borrow, default)]
    name: LenientScalar<'a>,
}

impl<'a> WireRow<'a> for Small<'a> {
    const LIST: &'static str = "rows";

    fn scalars(&mut self) -> Vec<&mut LenientScalar<'a>> {
        vec![&mut self.name]
    }

    fn live(&self, _: &mut Interner) -> Result<Live, serde_json::Error> {
        Err(serde::de::Error::custom("no number"))
    }
}

#[test]
fn a_template_learns_what_differs() {
    let text = r#"{"x":"1","name":""}{"x":"22","name":"second one"}"#;
    let bytes = text.as_bytes();
    let (first, end) = strings(bytes, 0).expect("a row");
    let read: Small<'_> = serde_json::from_str(&text[..end]).expect("a row");
    let mut template = Template::new(&bytes[..end], first, read);
    assert_eq!(template.matched(bytes, end), None);
    let (second, last) = strings(bytes, end).expect("a row");
    let mut read: Small<'_> = serde_json::from_str(&text[end..last]).expect("a row");
    assert!(template.learn(&bytes[end..last], &second, &mut read));
    assert_eq!(template.matched(bytes, end), Some(last));
    assert_eq!(template.row.name.text(), Some("second one"));
    assert_eq!(template.matched(bytes, 0), Some(end));
    assert_eq!(template.row.name.text(), None);
}

/// What may replace a value.
const VALUES: &[&str] = &[
    r#""""#,
    r#""x""#,
    r#""+15559999999""#,
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.5",
    "1e400",
    "15551234567",
    "[]",
    "{}",
    r#"["a"]"#,
    r#"{"a":"b"}"#,
    r#""a\"b""#,
    r#""\u00e4""#,
    r#""\ud800""#,
    r#""ä""#,
    r#""a\\""#,
    r#"[{"inbound_connectivity":false}]"#,
    r#"{"inbound_connectivity":false,"outbound_connectivity":false}"#,
    r#"{"url":"x","url":"y"}"#,
    r#"{"items":[{"sid":"x"}],"incoming_phone_numbers":[]}"#,
    r#"{"url":"https://odd.example/","trunk_sid":"TK"}"#,
    "tru",
    "\"a\u{1}b\"",
    "\"\u{7f}\"",
    "\"a\tb\"",
    "01",
    "\"",
    "",
    "[[[[[[]]]]]]",
    "\u{a0}1",
];

/// What may be put in anywhere.
const INSERTS: &[&str] = &[
    " ",
    "\n",
    "\t",
    "\"",
    "\\",
    "\\u0041",
    ",",
    ":",
    "}",
    "]",
    "{",
    "[",
    r#""url":"z","#,
    r#""sid":null,"#,
    r#""odd":1,"#,
    r#""configurations":{"friendly_name":"w","voice":{"url":"v"}},"#,
    "\u{0}",
    "\u{1f}",
    "ü",
    "\u{2028}",
    "null",
    "0",
];

#[derive(Debug, Clone)]
enum Odd {
    /// The value of the nth key.
    Value(Index, &'static str),
    Insert(Index, &'static str),
    Remove(Index),
    /// A value that is nested so deep.
    Deep(Index, usize),
    /// The row in a list.
    List,
    /// The row without this key's name.
    Rename(Index, &'static str),
    Swap,
}

/// Where the values of a row stand: behind `":`, up to the next comma or bracket outside of strings.
fn values(row: &str) -> Vec<(usize, usize)> {
    row.match_indices("\":")
        .map(|(at, _)| {
            let start = at + 2;
            let end = match row.as_bytes().get(start) {
                Some(b'"') => row[start + 1..].find('"').map_or(row.len(), |end| start + end + 2),
                _ => row[start..].find([',', '}']).map_or(row.len(), |end| start + end),
            };
            (start, end)
        })
        .collect()
}

fn with(mut row: String, odd: &Odd) -> String {
    let boundary = |row: &str, at: &Index| {
        let places: Vec<usize> = row.char_indices().map(|(at, _)| at).collect();
        places[at.index(places.len())]
    };
    match odd {
        Odd::Value(nth, value) => {
            let places = values(&row);
            let (start, end) = places[nth.index(places.len())];
            row.replace_range(start..end, value);
        }
        Odd::Deep(nth, depth) => {
            let places = values(&row);
            let (start, end) = places[nth.index(places.len())];
            row.replace_range(start..end, &format!("{}{}", "[".repeat(*depth), "]".repeat(*depth)));
        }
        Odd::List => row = format!("[{row}]"),
        Odd::Insert(at, text) => row.insert_str(boundary(&row, at), text),
        Odd::Remove(at) => {
            row.remove(boundary(&row, at));
        }
        Odd::Rename(nth, name) => {
            let places = values(&row);
            let end = places[nth.index(places.len())].0 - 2;
            let start = row[..end].rfind('"').map_or(0, |start| start + 1);
            row.replace_range(start..end, name);
        }
        Odd::Swap => {
            row = row.replace("\"sid\"", "\"s\"").replace("\"url\"", "\"sid\"").replace("\"s\"", "\"url\"")
        }
    }
    row
}

fn odd() -> impl Strategy<Value = Odd> {
    prop_oneof![
        6 => (any::<Index>(), select(VALUES)).prop_map(|(at, value)| Odd::Value(at, value)),
        2 => (any::<Index>(), select(INSERTS)).prop_map(|(at, text)| Odd::Insert(at, text)),
        1 => any::<Index>().prop_map(Odd::Remove),
        1 => (any::<Index>(), select(vec!["url", "sid", "x", "sms", "voice_url", "configuration", "geography", "capabilities"])).prop_map(|(at, name)| Odd::Rename(at, name)),
        1 => (any::<Index>(), 90_usize..130).prop_map(|(at, depth)| Odd::Deep(at, depth)),
        1 => Just(Odd::Swap),
        1 => Just(Odd::List),
    ]
}

fn any_page() -> impl Strategy<Value = (Api, String)> {
    (
        select(Api::ALL.to_vec()),
        prop::collection::vec(0usize..50, 0..7),
        // In every row at once, in some rows, in the page.
        prop::collection::vec(odd(), 0..3),
        prop::collection::vec((any::<Index>(), odd()), 0..3),
        prop::option::weighted(0.15, odd()),
        select(vec!["", "", " ", "\n  ", "\u{a0}"]),
    )
        .prop_map(|(api, nths, all, some, whole, space)| {
            let mut rows: Vec<String> = nths.iter().map(|nth| row(api, *nth)).collect();
            for row in &mut rows {
                *row = all.iter().fold(std::mem::take(row), |row, odd| {
                    if values(&row).is_empty() { row } else { with(row, odd) }
                });
                row.insert_str(0, space);
            }
            for (at, odd) in &some {
                if !rows.is_empty() {
                    let at = at.index(rows.len());
                    if !values(&rows[at]).is_empty() {
                        rows[at] = with(std::mem::take(&mut rows[at]), odd);
                    }
                }
            }
            let body = page(api, &rows);
            let body = whole.iter().fold(body, with);
            (api, body)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_page_reads_the_same((api, body) in any_page()) {
        is_equal(api, &body);
    }
}

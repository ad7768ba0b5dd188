//! A fleet of any size: its pages as either API sends them.

use std::fmt::Write as _;

use numctl::model::provider::Api;

/// The most numbers of a page.
pub(crate) const PAGE: usize = 1_000;

pub(crate) fn sid(account: usize) -> String {
    format!("AC{account:032x}")
}

pub(crate) fn number(account: usize, nth: usize) -> String {
    format!("+1{}{nth:07}", 555 + account)
}

/// The voice and the SMS URL of a number's profile.
pub(crate) fn settings(nth: usize) -> (String, &'static str) {
    (format!("https://hooks.example.com/voice/{}", nth % 10), "https://hooks.example.com/sms")
}

/// The path of an account's listing, and of its n-th page.
pub(crate) fn page_path(api: Api, account: usize, page: usize) -> String {
    let query = format!("PageSize={PAGE}");
    let path = match api {
        Api::ActiveNumbers => "/Numbers/ActiveNumbers".to_owned(),
        Api::IncomingPhoneNumbers => {
            format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json", sid(account))
        }
    };
    match page {
        0 => format!("{path}?{query}"),
        _ => format!("{path}?{query}&Page={page}&PageToken=PA{page:032x}"),
    }
}

/// Every page of an account of so many numbers; `base` is the server's own URL.
pub(crate) fn pages(api: Api, base: &str, account: usize, count: usize) -> Vec<Vec<u8>> {
    let last = count.div_ceil(PAGE).max(1);
    (0..last)
        .map(|page| {
            let numbers = page * PAGE..count.min((page + 1) * PAGE);
            let next = (page + 1 < last).then(|| page_path(api, account, page + 1));
            match api {
                Api::ActiveNumbers => active_page(base, account, page, numbers, next.as_deref()),
                Api::IncomingPhoneNumbers => incoming_page(account, page, numbers, next.as_deref()),
            }
            .into_bytes()
        })
        .collect()
}

/// What the items of both APIs have in common.
struct Row {
    nth: usize,
    /// Before every item but the first.
    comma: &'static str,
    number: String,
    sid: String,
    voice: String,
    sms: &'static str,
}

fn rows(account: usize, numbers: std::ops::Range<usize>) -> impl Iterator<Item = Row> {
    let first = numbers.start;
    numbers.map(move |nth| {
        let (number, (voice, sms)) = (number(account, nth), settings(nth));
        let sid = format!("PN{:032x}", account * 10_000_000 + nth);
        Row { nth, comma: if nth > first { "," } else { "" }, number, sid, voice, sms }
    })
}

/// The page's own sample of an item (API page: ActiveNumbers list), without its line breaks.
fn active_page(
    base: &str,
    account: usize,
    page: usize,
    numbers: std::ops::Range<usize>,
    next: Option<&str>,
) -> String {
    let mut text = String::with_capacity(1_900 * numbers.len() + 1_000);
    text.push_str("{\"items\":[");
    let owner = sid(account);
    for row in rows(account, numbers) {
        let Row { nth, comma, number, sid, voice, sms } = row;
        write!(
            text,
            r#"{comma}{{"phone_number":"{number}","url":"{base}/Numbers/ActiveNumbers/{sid}","capabilities":{{"voice":{{"inbound_connectivity":true,"outbound_connectivity":true,"e911":false,"fax":true,"calls_per_second":20,"concurrent_calls_limit":40,"long_record_length":30,"inbound_called_dtmf":true,"inbound_caller_dtmf":true,"sip_trunking":true,"inbound_caller_id_preservation":"international","inbound_reachability":"global","codecs":["g711u"]}},"sms":{{"inbound_connectivity":true,"outbound_connectivity":true,"gsm7":true,"ucs2":true,"inbound_sender_id_preservation":"international","inbound_reachability":"global","inbound_mps":-1}},"mms":null}},"account_sid":"{owner}","sid":"{sid}","regulatory":{{"address_requirements":"none"}},"configuration":{{"friendly_name":"({nth:07}) Main line","status_callback_url":"","status_callback_method":"POST","voice":{{"caller_id_lookup":false,"receive_mode":"voice","application_sid":null,"trunk_sid":null,"url":"{voice}","method":"POST","fallback_url":"","fallback_method":"POST","emergency_status":"Inactive","emergency_address_sid":null}},"sms":{{"application_sid":"","url":"{sms}","method":"POST","fallback_url":"","fallback_method":"POST"}}}},"geography":{{"iso_country":"US","lata":"132","rate_center":"NWYRCYZN01","latitude":"40.730610","longitude":"-73.935242","region":"NY","locality":"New York","postal_code":"10003"}},"type":"local","lifecycle":"generally-available","date_created":"2025-02-27T08:13:45Z","date_updated":"2025-09-30T11:31:09Z"}}"#
        )
        .expect("text");
    }
    let link = |path: &str| format!("\"{base}{path}\"");
    write!(
        text,
        r#"],"meta":{{"page":{page},"page_size":{PAGE},"first_page_url":{},"previous_page_url":null,"url":{},"next_page_url":{},"key":"items"}}}}"#,
        link(&page_path(Api::ActiveNumbers, account, 0)),
        link(&page_path(Api::ActiveNumbers, account, page)),
        next.map_or("null".to_owned(), link),
    )
    .expect("text");
    text
}

/// An item as Twilio's OpenAPI document has it.
fn incoming_page(account: usize, page: usize, numbers: std::ops::Range<usize>, next: Option<&str>) -> String {
    let mut text = String::with_capacity(1_600 * numbers.len() + 1_000);
    let (first, end, owner) = (numbers.start, numbers.end, sid(account));
    let path = |page| page_path(Api::IncomingPhoneNumbers, account, page);
    let next = next.map_or("null".to_owned(), |path| format!("\"{path}\""));
    write!(
        text,
        r#"{{"end":{},"first_page_uri":"{}","next_page_uri":{next},"page":{page},"page_size":{PAGE},"previous_page_uri":null,"start":{first},"uri":"{}","incoming_phone_numbers":["#,
        end.saturating_sub(1),
        path(0),
        path(page),
    )
    .expect("text");
    for row in rows(account, numbers) {
        let Row { nth, comma, number, sid, voice, sms } = row;
        write!(
            text,
            r#"{comma}{{"account_sid":"{owner}","address_requirements":"none","address_sid":null,"api_version":"2010-04-01","beta":false,"capabilities":{{"mms":true,"sms":true,"voice":true,"fax":false}},"date_created":"Thu, 30 Jul 2015 23:19:04 +0000","date_updated":"Thu, 30 Jul 2015 23:19:04 +0000","emergency_status":"Inactive","emergency_address_sid":null,"emergency_address_status":"unregistered","friendly_name":"({nth:07}) Main line","identity_sid":null,"origin":"twilio","phone_number":"{number}","sid":"{sid}","sms_application_sid":"","sms_fallback_method":"POST","sms_fallback_url":"","sms_method":"POST","sms_url":"{sms}","status_callback":"","status_callback_method":"POST","trunk_sid":null,"uri":"/2010-04-01/Accounts/{owner}/IncomingPhoneNumbers/{sid}.json","voice_application_sid":"","voice_caller_id_lookup":false,"voice_fallback_method":"POST","voice_fallback_url":null,"voice_method":"POST","voice_url":"{voice}","voice_receive_mode":"voice","bundle_sid":null,"status":"in-use","type":"local","subresource_uris":{{"assigned_add_ons":"/2010-04-01/Accounts/{owner}/IncomingPhoneNumbers/{sid}/AssignedAddOns.json"}}}}"#
        )
        .expect("text");
    }
    text.push_str("]}");
    text
}

//! What the API, or whatever stands in its place, answers.

use std::time::Duration;

use numctl::client::api::error::{ApiError, ErrorKind, Operation};
use numctl::client::api::wire::{self, Interner, RawPage};
use numctl::client::api::{account, ages, papers, price, resource, traffic};
use numctl::client::transport::Response;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::provider::Api;
use numctl::model::traffic::{Medium, Party};
use numctl::report::json;
use numctl::report::shown::Shown;

use super::clean::{inert, is_secret, one_line, quiet};

/// A page or a number that is taken is on our terms, reads the same again, and what is shown of it
/// or said about it is fit to be shown.
pub(crate) fn api_page(data: &[u8]) {
    Api::ALL.into_iter().for_each(|api| page_of(api, data));
    let secret = std::str::from_utf8(data).is_ok_and(is_secret);
    let number = PhoneNumber::observed("+15552230000").expect("a number");
    // What stands beside the numbers in v2010: any of it may be anything.
    let read = [
        account::read_account(data)
            .map(|facts| quiet(secret && facts.friendly_name.is_none(), &format!("{facts:?}"))),
        account::read_accounts(data).map(|_| ()),
        papers::read_offer(data, number).map(|_| ()),
        papers::read_regulations(data).map(|types| assert!(types.len() <= 3)),
        price::read_prices(data).map(|_| ()),
        ages::read_ages(data).map(|_| ()),
        traffic_page(data, Medium::Call),
        traffic_page(data, Medium::Message),
    ];
    read.into_iter().filter_map(Result::err).for_each(|why| refused(data, &why, secret));
}

/// What is taken of calls and messages is ours or nobody's, and no older than was asked for by more
/// than what is forgiven.
fn traffic_page(data: &[u8], medium: Medium) -> Result<(), String> {
    let since: jiff::civil::Date = "2026-08-01".parse().expect("a day");
    let account = AccountSid::observed(&format!("AC{}", "a".repeat(32))).expect("a SID");
    let page = traffic::read_traffic(data, medium, account, since)?;
    assert!(page.uses.iter().all(|(_, one)| one.medium == medium));
    for (party, one) in &page.uses {
        let Party::Number(number) = party else { continue };
        assert_eq!(PhoneNumber::observed(&number.to_string()), Some(*number));
        // The first row of the page, as if it had been asked for alone.
        if let Ok(Some(first)) = traffic::read_use(data, medium, account, one.side, *number, since) {
            assert_eq!((first.at, first.medium), (page.uses[0].1.at, medium));
        }
    }
    assert_ne!(page.next.as_deref(), Some(""));
    Ok(())
}

fn page_of(api: Api, data: &[u8]) {
    let secret = std::str::from_utf8(data).is_ok_and(is_secret);
    // By template or not: the same page, or the same refusal.
    let in_full = wire::read_page_in_full(api, data, &mut Interner::default());
    assert_eq!(wire::read_page(api, data, &mut Interner::default()), in_full);
    match wire::read_page(api, data, &mut Interner::default()) {
        Ok(RawPage { rows, next, .. }) => {
            let mut interner = Interner::default();
            let again = wire::read_page(api, data, &mut interner).expect("as before");
            assert_eq!((&rows, &next), (&again.rows, &again.next));
            // What is shared over rows and pages is the same as what is not.
            assert_eq!(wire::read_page(api, data, &mut interner).expect("as before").rows, rows);
            rows.iter().for_each(on_our_terms);
            assert_ne!(next.as_deref(), Some(""));
        }
        Err(why) => refused(data, &why, secret),
    }
    match wire::read_number(api, data) {
        Ok(live) => on_our_terms(&live),
        Err(why) => refused(data, &why, secret),
    }
    // What `get` shows of any JSON.
    if let Ok(item) = serde_json::from_slice::<serde_json::Value>(data) {
        let shown = resource::masked(resource::normal_form(api, item));
        let mut out = Vec::new();
        json::value(&mut out, &shown).expect("written");
        let out = String::from_utf8(out).expect("UTF-8");
        one_line(&out);
        let again: serde_json::Value = serde_json::from_str(&out).expect("JSON again");
        assert_eq!(without_fractions(again), without_fractions(shown));
    }
}

/// The last bit of a number that is not one of ours may come out another one.
fn without_fractions(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) if number.is_f64() => Value::Null,
        Value::Array(values) => values.into_iter().map(without_fractions).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, without_fractions(value))).collect(),
        other => other,
    }
}

fn on_our_terms(live: &Live) {
    if let Some(number) = live.number {
        assert_eq!(PhoneNumber::observed(&number.to_string()), Some(number));
    }
    if let Some(sid) = live.sid {
        assert_eq!(NumberSid::observed(&sid.to_string()), Some(sid));
    }
    // Beside a number, it is another spelling of that.
    let spelt = live.raw_number.as_deref().and_then(PhoneNumber::meant);
    assert!(live.number.is_none() || live.raw_number.is_none() || live.number == spelt);
    assert_ne!(live.raw_number.as_deref(), Some(""));
    for (field, value) in live.all_settings().iter() {
        assert!(!value.wire().is_empty(), "{field} is empty");
        assert_eq!(
            numctl::model::settings::Value::observed(field.kind(), &value.wire()).as_ref(),
            Some(value),
            "{field} does not read back"
        );
    }
}

fn refused(body: &[u8], why: &str, secret: bool) {
    let response = Response { status: 200, body: body.to_vec(), ..Response::default() };
    let error = ApiError::unreadable(Operation::List, &response, why);
    assert!(error.kind.leaves_doubt(), "a write that is answered like this may have been done");
    said(&error, secret);
}

/// An error, in a log, in a report for people and in one for machines.
fn said(error: &ApiError, secret: bool) {
    let text = error.to_string();
    quiet(secret, &text);
    assert!(text.len() <= 4_000, "{} bytes of error", text.len());
    one_line(&Shown(&text).to_string());
    for part in
        [error.more_info.as_deref(), error.request_id.as_deref(), error.advice()].into_iter().flatten()
    {
        quiet(secret, part);
        assert!(part.len() <= 4_000, "{} bytes of error", part.len());
        inert(&Shown(part).to_string());
    }
}

/// The input is an answer as it is on the wire: a status, headers, an empty line, the body. An
/// answer without these is a body alone.
pub(crate) fn error_body(data: &[u8]) {
    let head_end = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = head_end.map_or((&[][..], data), |at| (&data[..at], &data[at + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(400);
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| (*value).to_owned())
    };
    let response = Response {
        status,
        content_type: header("content-type"),
        retry_after: header("retry-after"),
        date: header("date"),
        request_id: header("twilio-request-id"),
        concurrent: header("twilio-concurrent-requests").and_then(|text| text.parse().ok()),
        body: body.to_vec(),
    };
    // Headers are not masked: nothing of ours is in them.
    let secret = std::str::from_utf8(body).is_ok_and(is_secret) && !head.contains("hunter2");
    for (api, operation) in Api::ALL.into_iter().flat_map(|api| Operation::ALL.map(|each| (api, each))) {
        let error = ApiError::from_response(api, operation, &response);
        said(&error, secret);
        assert_eq!(error.status, Some(status));
        assert!(error.kind.retry_after().is_none_or(|wait| wait <= Duration::from_secs(300)));
        let throttled = matches!(error.kind, ErrorKind::Throttled { .. });
        assert_eq!(throttled, status == 429 || error.code == Some(20429));
        // Nobody's 5xx is proof that nothing was done, whatever it says, but for "too many requests".
        assert!(throttled || status < 500 || error.kind.leaves_doubt(), "{error:?}");
        // Nor is the silence of something that is not the API.
        let certain = error.code.is_some()
            || matches!(error.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::Conflict)
            || matches!(error.kind, ErrorKind::NotEnabled | ErrorKind::NotFound | ErrorKind::Rejected)
            || throttled;
        assert!(certain || error.kind.leaves_doubt(), "{error:?}");
        assert_eq!(ApiError::from_response(api, operation, &response), error);
    }
}

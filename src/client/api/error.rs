//! What the API answers when it does not do what was asked: typed by what the caller does next.

use std::time::Duration;

use crate::client::listing::ListingError;
use crate::client::transport::{Response, TransportError};
use crate::model::inert;
use crate::model::number::AccountSid;
use crate::model::provider::Api;

pub use super::operation::Operation;
use super::page_link::PageLinkError;

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe())]
pub struct ApiError {
    /// What was being done.
    pub operation: Operation,
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The API's own error code.
    pub code: Option<u32>,
    /// The API's message, or ours where it gave none.
    pub message: String,
    /// The API's link to more.
    pub more_info: Option<String>,
    /// `Twilio-Request-Id`, which Twilio's support asks for.
    pub request_id: Option<String>,
}

/// The failures, told apart by what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// No byte was sent: certainly not processed.
    NotSent,
    /// Sent, and no answer in time: processed or not.
    TimedOut,
    /// Sent, and the answer was lost or cut short: processed or not.
    Lost,
    /// 5xx: processed or not.
    Server {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// 429, code 20429: Twilio says that it was not processed.
    Throttled {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// 401: the credentials are wrong, or of another account or region.
    Unauthorized,
    /// 403: the account or the key may not do this.
    Forbidden,
    /// 404 on one number.
    NotFound,
    /// 404 on a list: the preview is not enabled for the account. Never an empty fleet.
    NotEnabled,
    /// 409: someone else changes it at this moment.
    Conflict,
    /// 21452, 21422: the number is not available.
    NotAvailable,
    /// 21650 and its like: an identity document, address or bundle is wanted first.
    PaperworkRequired,
    /// 21404: a trial account cannot buy.
    TrialAccount,
    /// 21710: the number is in that Messaging Service already.
    AlreadyInService,
    /// 21712: the number is in another Messaging Service.
    InAnotherService,
    /// 21714: the Messaging Service has as many numbers as it may have.
    ServiceFull,
    /// Any other refusal by the API.
    Rejected,
    /// An answer that is not the API's: HTML, a cut body, JSON of another shape.
    NotTheApi,
    /// It is not shown that the credentials are the account's: nothing was sent.
    Unproven,
    /// An answer about another number than the one asked for: whatever was asked may have been done, or
    /// been done to that other one.
    OtherNumber,
    /// A page link that is not followed.
    PageLink,
    /// Not sent, since the API has not answered for a while: certainly not processed.
    Unreachable,
}

impl ErrorKind {
    /// Whether the request may have been processed all the same.
    #[must_use]
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::TimedOut | Self::Lost | Self::Server { .. } | Self::NotTheApi | Self::Conflict => true,
            Self::OtherNumber => true,
            Self::NotSent
            | Self::Throttled { .. }
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::NotEnabled
            | Self::NotAvailable
            | Self::PaperworkRequired
            | Self::TrialAccount
            | Self::AlreadyInService
            | Self::InAnotherService
            | Self::ServiceFull
            | Self::Rejected
            | Self::Unproven
            | Self::PageLink
            | Self::Unreachable => false,
        }
    }

    /// Whether the API did not answer at all, or only that it is broken: a sign of an outage.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        match self {
            Self::NotSent | Self::TimedOut | Self::Lost | Self::Server { .. } => true,
            Self::Throttled { .. }
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::NotEnabled
            | Self::Conflict
            | Self::NotAvailable
            | Self::PaperworkRequired
            | Self::TrialAccount
            | Self::AlreadyInService
            | Self::InAnotherService
            | Self::ServiceFull
            | Self::Rejected
            | Self::NotTheApi
            | Self::OtherNumber
            | Self::Unproven
            | Self::PageLink
            | Self::Unreachable => false,
        }
    }

    /// How long the server asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after } | Self::Throttled { retry_after } => *retry_after,
            _ => None,
        }
    }
}

/// A `Retry-After` beyond this is not waited out: the run would seem to hang.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Reads `Retry-After`: seconds or an HTTP date, clamped to five minutes. Nonsense is `None`.
///
/// A date is measured from the answer's own `Date`, so that a clock that is off, here or there,
/// does not matter.
#[must_use]
pub fn retry_after(header: Option<&str>, date: Option<&str>) -> Option<Duration> {
    let text = header?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            let answered = httpdate::parse_http_date(date?.trim()).ok()?;
            until.duration_since(answered).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// At most this many characters of what an answer says are kept.
const QUOTED_MAX: usize = 500;

#[derive(serde::Deserialize, Default)]
struct Body {
    #[serde(default)]
    code: Option<serde_json::Value>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    more_info: Option<String>,
}

impl ApiError {
    /// Types an answer whose status is not the expected one.
    #[must_use]
    pub fn from_response(api: Api, operation: Operation, response: &Response) -> Self {
        // A body that is not the API's JSON (a proxy's HTML) leaves the status to speak.
        let parsed: Option<Body> = serde_json::from_slice(&response.body).ok();
        let is_api = parsed.as_ref().is_some_and(|body| body.code.is_some() || body.message.is_some());
        let body = parsed.unwrap_or_default();
        let code = body.code.as_ref().and_then(|code| match code {
            serde_json::Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            serde_json::Value::String(text) => text.parse().ok(),
            _ => None,
        });
        let retry_after = retry_after(response.retry_after.as_deref(), response.date.as_deref());
        let kind = match (response.status, code) {
            (429, _) | (_, Some(20429)) => ErrorKind::Throttled { retry_after },
            // 408 and 425 come from a front that gave up on the request, or would not pass it on yet.
            (500.. | 408 | 425, _) => ErrorKind::Server { retry_after },
            (401, _) => ErrorKind::Unauthorized,
            (403, _) => ErrorKind::Forbidden,
            (404, _)
                if api == Api::ActiveNumbers && matches!(operation, Operation::List | Operation::Search) =>
            {
                ErrorKind::NotEnabled
            }
            (404, _) if is_api || response.body.is_empty() => ErrorKind::NotFound,
            (_, Some(21710)) => ErrorKind::AlreadyInService,
            (_, Some(21712)) => ErrorKind::InAnotherService,
            (_, Some(21714)) => ErrorKind::ServiceFull,
            (409, _) => ErrorKind::Conflict,
            (_, Some(21452 | 21422)) => ErrorKind::NotAvailable,
            (_, Some(21613 | 21615 | 21631 | 21649 | 21650 | 21651)) => ErrorKind::PaperworkRequired,
            (_, Some(21404)) => ErrorKind::TrialAccount,
            (400..500, _) if is_api => ErrorKind::Rejected,
            _ => ErrorKind::NotTheApi,
        };
        let message = body.message.or(body.detail).unwrap_or_else(|| match kind {
            ErrorKind::NotTheApi => format!("the answer is not the API's ({})", response.describe_type()),
            _ => "the API gave no message".to_owned(),
        });
        Self {
            operation,
            kind,
            status: Some(response.status),
            code,
            message: quoted(&message),
            more_info: body.more_info.as_deref().map(quoted),
            request_id: response.request_id.as_deref().map(quoted),
        }
    }

    /// Types the loss of a request.
    #[must_use]
    pub fn from_transport(operation: Operation, error: &TransportError) -> Self {
        let kind = match error {
            TransportError::NotSent(_) => ErrorKind::NotSent,
            TransportError::TimedOut(_) => ErrorKind::TimedOut,
            TransportError::Broken(_) => ErrorKind::Lost,
        };
        Self::new(operation, kind, quoted(&error.to_string()))
    }

    /// A success status whose body is not what the API sends.
    #[must_use]
    pub fn unreadable(operation: Operation, response: &Response, why: &str) -> Self {
        Self {
            status: Some(response.status),
            request_id: response.request_id.as_deref().map(quoted),
            ..Self::new(
                operation,
                ErrorKind::NotTheApi,
                format!("the answer is not the API's: {}", quoted(why)),
            )
        }
    }

    /// A success status of another kind than the one that the API documents: 206 is a part of the
    /// answer, and 203 is what someone on the way made of it.
    #[must_use]
    pub fn undocumented(operation: Operation, response: &Response) -> Self {
        let why = match response.status {
            206 => "206 means that it is only a part",
            203 => "203 means that a proxy has changed it",
            _ => "the API does not document this status here",
        };
        Self::unreadable(operation, response, why)
    }

    /// An answer about another number than the one that was asked for.
    #[must_use]
    pub fn other_number(operation: Operation, response: &Response, about: &str) -> Self {
        Self {
            status: Some(response.status),
            request_id: response.request_id.as_deref().map(quoted),
            ..Self::new(
                operation,
                ErrorKind::OtherNumber,
                quoted(&format!("the answer is about {about}: it does not count as success")),
            )
        }
    }

    /// A write that is not sent, since nothing shows that the credentials are the account's.
    #[must_use]
    pub fn unproven(account: AccountSid, why: &str) -> Self {
        let message = quoted(&format!(
            "not sent: numctl could not confirm that these credentials belong to account {account}: {why}"
        ));
        Self::new(Operation::Account, ErrorKind::Unproven, message)
    }

    /// A page link that is not followed.
    #[must_use]
    pub fn page_link(error: &PageLinkError) -> Self {
        Self::new(Operation::List, ErrorKind::PageLink, quoted(&error.to_string()))
    }

    /// A request that was not sent, since the API has not answered for a while.
    #[must_use]
    pub fn unreachable(operation: Operation) -> Self {
        let message = "not sent: the API has not answered for a minute or more".to_owned();
        Self::new(operation, ErrorKind::Unreachable, message)
    }

    /// Notes that the request is not tried again, since retries would make matters worse.
    pub fn note_no_retry(&mut self) {
        self.message.push_str("; not tried again, since too many requests are failing");
    }

    fn new(operation: Operation, kind: ErrorKind, message: String) -> Self {
        Self { operation, kind, status: None, code: None, message, more_info: None, request_id: None }
    }

    /// What to do about it, for a person.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match &self.kind {
            ErrorKind::NotSent => "the API could not be reached: check the network, the proxy and --base-url",
            ErrorKind::Unreachable => "wait until the API answers again, then run again",
            ErrorKind::TimedOut => "the API did not answer in time: raise --timeout, or try again",
            ErrorKind::Lost | ErrorKind::Server { .. } => "the API failed: try again later",
            ErrorKind::Throttled { .. } => {
                "the account has too many requests at once: lower --max-concurrency or set --rate-limit"
            }
            ErrorKind::Unauthorized => {
                "check the account SID and its token or key; a key of the parent does not reach a subaccount, and a key belongs to one region"
            }
            ErrorKind::Forbidden if self.code == Some(20005) => {
                "the account is suspended or closed: reactivate it in the Twilio Console, or remove it from the file"
            }
            ErrorKind::Forbidden if self.code == Some(20008) => {
                "these are test credentials, which cannot read or change live numbers: use the account's live SID with its \
                 live auth token, or an API key"
            }
            ErrorKind::InAnotherService => {
                "the number is in another Messaging Service by now: plan again, which moves it"
            }
            ErrorKind::AlreadyInService => "the number is in that Messaging Service already: plan again",
            ErrorKind::ServiceFull => {
                "a Messaging Service has at most 400 numbers unless Twilio raised the limit: use another one, or take numbers out of it"
            }
            ErrorKind::NotFound if self.operation.is_aside() => {
                "there is no such Messaging Service in this account: check its SID"
            }
            ErrorKind::Forbidden => {
                "these credentials are not allowed to do this: check the API key's permissions, and that the account is active"
            }
            ErrorKind::NotFound if self.operation == Operation::List => {
                "these credentials cannot see such an account: check its SID and, for a subaccount, its parent"
            }
            ErrorKind::NotFound => "the number is no longer in this account: plan again",
            ErrorKind::NotEnabled => {
                "ActiveNumbers is a closed preview, and this account is not in it. Every account has the other API: \
                 add the line `api: incoming-phone-numbers` to the account in the file (without `accounts:` in it, \
                 `accounts: { default: { sid: AC..., api: incoming-phone-numbers } }`), or pass --api incoming-phone-numbers"
            }
            ErrorKind::Conflict => "something else was changing the number: run again",
            ErrorKind::NotAvailable => {
                "the number is not available, or no longer: find another with `numctl search`"
            }
            ErrorKind::PaperworkRequired => {
                "the country requires an address, an identity document or a bundle: create it in the Twilio Console, and name it in the file (address_sid, identity_sid, bundle_sid; over incoming-phone-numbers)"
            }
            ErrorKind::TrialAccount => "a trial account cannot buy numbers by API: upgrade the account",
            ErrorKind::NotTheApi => {
                "another server answered in place of the API: check the proxy and --base-url"
            }
            ErrorKind::Unproven => {
                "check that the account SID and the API key belong to the same account; `numctl doctor` shows what the key can \
                 read"
            }
            ErrorKind::OtherNumber => {
                "look at both numbers in the Twilio Console before you run again, and report this to Twilio: nothing was sent again"
            }
            ErrorKind::PageLink => {
                "numctl stopped reading the listing, since it may be incomplete: check the proxy, or report this to Twilio"
            }
            ErrorKind::Rejected => match self.code? {
                21402 => "Twilio cannot call this URL: it needs http(s) and a public host",
                21403 => "the method must be GET or POST",
                21405 => "a voice.fallback_url needs a voice.url",
                21406 => "an sms.fallback_url needs an sms.url",
                21407 => "the number has no SMS: leave its sms settings out",
                21409 => "caller_id_lookup is not possible on this number",
                21420 => "the application does not belong to this account",
                21470 if self.operation == Operation::Search => {
                    "the country has no such area code: filter by the numbers' first digits instead (contains)"
                }
                21470..=21474 => {
                    "a transfer is possible between a parent and its active subaccounts only, with the parent's credentials"
                }
                _ => return None,
            },
        })
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        if let Some(status) = self.status {
            text.push_str(&format!("HTTP {status}"));
            if let Some(code) = self.code {
                text.push_str(&format!(", code {code}"));
            }
            text.push_str(": ");
        }
        text.push_str(&self.message);
        text
    }
}

/// Why a listing failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A request failed, or a page link is not followed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The pages do not add up to a listing.
    #[error(transparent)]
    Listing(#[from] ListingError),
}

impl ListError {
    /// What to do about it, for a person.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Api(error) => error.advice(),
            Self::Listing(_) => None,
        }
    }
}

/// What an answer says, fit to be kept and shown: the API quotes what it was sent, passwords in URLs
/// included, and an error may be as long as a body is.
fn quoted(text: &str) -> String {
    inert::message(text, QUOTED_MAX)
}

impl Response {
    fn describe_type(&self) -> String {
        match &self.content_type {
            Some(kind) => format!("content type {kind}"),
            None => "no content type".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: Operation, status: u16, body: &str) -> ApiError {
        let response = Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
        ApiError::from_response(Api::ActiveNumbers, operation, &response)
    }

    #[test]
    fn errors_are_typed_by_what_to_do_next() {
        let none_found = r#"{"code":21452,"message":"No phone numbers found","more_info":"https://www.twilio.com/docs/errors/21452","status":400}"#;
        let typed = error(Operation::Purchase, 400, none_found);
        assert_eq!(typed.kind, ErrorKind::NotAvailable);
        assert_eq!(typed.code, Some(21452));
        assert_eq!(typed.to_string(), "HTTP 400, code 21452: No phone numbers found");
        for (operation, status, body, kind) in [
            (Operation::Purchase, 400, r#"{"code":21650,"message":"m"}"#, ErrorKind::PaperworkRequired),
            (Operation::Purchase, 400, r#"{"code":"21404","message":"m"}"#, ErrorKind::TrialAccount),
            (Operation::List, 401, r#"{"code":20003,"message":"Authenticate"}"#, ErrorKind::Unauthorized),
            (Operation::List, 403, "", ErrorKind::Forbidden),
            (Operation::List, 404, r#"{"code":20404}"#, ErrorKind::NotEnabled),
            (Operation::List, 404, "<html>", ErrorKind::NotEnabled),
            (Operation::Fetch, 404, r#"{"code":20404,"message":"m"}"#, ErrorKind::NotFound),
            (Operation::Fetch, 404, "<html>proxy</html>", ErrorKind::NotTheApi),
            (Operation::Configure, 409, "{}", ErrorKind::Conflict),
            (Operation::Configure, 429, "slow", ErrorKind::Throttled { retry_after: None }),
            (Operation::Configure, 502, "<html>", ErrorKind::Server { retry_after: None }),
            (Operation::Configure, 400, r#"{"code":21402,"message":"m"}"#, ErrorKind::Rejected),
            (Operation::Configure, 400, "<html>", ErrorKind::NotTheApi),
            (Operation::List, 302, "", ErrorKind::NotTheApi),
            (Operation::List, 408, "", ErrorKind::Server { retry_after: None }),
            (Operation::Purchase, 425, "{}", ErrorKind::Server { retry_after: None }),
        ] {
            assert_eq!(error(operation, status, body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_refused() {
        let advice = |code: u32| {
            let body = format!(r#"{{"code":{code},"message":"m"}}"#);
            error(Operation::List, 403, &body).advice().unwrap_or_default()
        };
        assert!(advice(20008).contains("test credentials") && !advice(20008).contains("active"));
        assert!(advice(20005).contains("suspended or closed"));
        assert!(advice(20403).contains("permissions"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_within_reason() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let wait = |text| retry_after(Some(text), date).map(|wait| wait.as_secs());
        assert_eq!(wait("2"), Some(2));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:27 GMT"), Some(0));
        assert_eq!(wait("Thu, 01 Jan 2099 00:00:00 GMT"), Some(300));
        assert_eq!(wait("1000000000000"), Some(300));
        assert_eq!(wait("-1"), None);
        assert_eq!(wait("soon"), None);
        assert_eq!(retry_after(Some("Sun, 06 Nov 1994 08:49:47 GMT"), None), None);
    }
}

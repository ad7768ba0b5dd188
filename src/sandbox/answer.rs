//! One request and one answer as the sandbox sees them, on a socket or without one.

use url::form_urlencoded;

/// What a request asks for: the client's own word for it.
pub use crate::client::api::error::Operation;

/// A request, already taken off the wire.
#[derive(Debug, Clone, Default)]
pub struct HttpRequest {
    pub method: String,
    /// The path, percent-encoding left as it came.
    pub path: String,
    /// The raw query, without the `?`.
    pub query: String,
    /// The raw `application/x-www-form-urlencoded` body.
    pub form: String,
    /// The user name and the secret of HTTP Basic.
    pub credentials: Option<(String, String)>,
    /// Scheme, host and port that the client used, for the links: `http://127.0.0.1:4010`.
    pub base: String,
}

impl HttpRequest {
    /// The decoded parameters of the query.
    pub(crate) fn query_pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// The decoded parameters of a POST: the query's, then the body's. Callers in the wild send
    /// them in either place.
    pub(crate) fn post_pairs(&self) -> Vec<(String, String)> {
        let mut all = pairs(&self.query);
        all.extend(pairs(&self.form));
        all
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// What happens to an answer on its way, which only a socket (or its stand-in) can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    #[default]
    Whole,
    /// The connection closes without a byte of it.
    Dropped,
    /// The connection closes in the middle of the body.
    Truncated,
    /// Nothing arrives, and the connection stays open until the client gives up.
    Hung,
}

/// What the sandbox answers, before it is put on a connection.
#[derive(Debug, Clone, Default)]
pub struct HttpAnswer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub delivery: Delivery,
}

impl HttpAnswer {
    /// The value of a header.
    #[must_use]
    #[cfg(feature = "testing")]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Says how many requests of the account were running, as only the server knows.
    pub fn set_concurrent(&mut self, running: u32) {
        let header = self.headers.iter_mut().find(|(key, _)| *key == "Twilio-Concurrent-Requests");
        if let Some((_, value)) = header {
            *value = running.to_string();
        }
    }
}

/// An error that the API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SandboxError {
    pub(crate) status: u16,
    /// `None` where Twilio's catalogue has no code for the case: none is made up.
    pub(crate) code: Option<u32>,
    pub(crate) message: String,
}

impl SandboxError {
    pub(crate) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code: Some(code), message: message.into() }
    }

    /// 400, the status of every refused parameter.
    pub(crate) fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// Who asks is not known, or has no say here.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(401, 20003, "Authenticate")
    }

    pub(crate) fn not_active() -> Self {
        Self::new(403, 20005, "Account not active")
    }

    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {path} was not found"))
    }

    pub(crate) fn body(&self) -> String {
        let message = serde_json::Value::from(self.message.as_str());
        let status = self.status;
        match self.code {
            Some(code) => format!(
                "{{\"code\":{code},\"message\":{message},\"more_info\":\"https://www.twilio.com/docs/errors/{code}\",\"status\":{status}}}"
            ),
            None => format!("{{\"message\":{message},\"status\":{status}}}"),
        }
    }
}

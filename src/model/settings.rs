//! What can be configured on a number: the fields, their types, and the two kinds of set of them:
//! [`Settings`] as they are live, and [`Managed`] as a file declares them.
//!
//! [`Field`] is the only place that knows a field's JSON name, its POST parameters and its kind.

mod field;
pub mod webhook;

use std::borrow::Cow;
use std::sync::Arc;

pub use field::{Field, FieldKind, Parameter};

use crate::model::named_secret::{SecretUrl, names_a_secret};
use crate::model::number::{AddressSid, ApplicationSid, BundleSid, IdentitySid, ServiceSid, TrunkSid};

/// GET or POST: the methods that the API takes for a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpMethod {
    Get,
    /// POST, the API's default.
    Post,
}

/// What an incoming call is taken for: `voice` or `fax`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReceiveMode {
    Voice,
    /// Programmable Fax, which Twilio has shut down.
    Fax,
}

/// The value of one field. Never empty: an unset field has no value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Text(Arc<str>),
    /// A URL, kept as it was written.
    Url(Arc<str>),
    /// A declared URL that names secrets, which are filled in before anything is compared or sent.
    SecretUrl(SecretUrl),
    Method(HttpMethod),
    Application(ApplicationSid),
    Trunk(TrunkSid),
    Address(AddressSid),
    Identity(IdentitySid),
    Bundle(BundleSid),
    Service(ServiceSid),
    ReceiveMode(ReceiveMode),
    /// true or false.
    Flag(bool),
    /// What a file names by its friendly name in the account: replaced by its SID before anything is
    /// compared or sent.
    Named(Arc<str>),
    /// A text from the API that its field's type does not cover: shown, compared, never sent.
    Foreign(Arc<str>),
}

/// Why a text is not a value of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a SID of the wanted kind.
    #[error(transparent)]
    Sid(#[from] crate::model::number::SidError),
    /// Not an absolute http(s) URL.
    #[error("{0:?} is not a URL that the API can call: {1}")]
    Url(String, &'static str),
    /// Not GET or POST.
    #[error("{0:?} is not a method that the API uses for webhooks: GET or POST")]
    Method(String),
    /// Not `voice` or `fax`.
    #[error("{0:?} is not a receive mode: voice or fax")]
    ReceiveMode(String),
    #[error("{0:?} is not true or false")]
    Flag(String),
    /// A name over the API's limit.
    #[error("a friendly_name has at most 64 characters; this one has {0}")]
    NameTooLong(usize),
    #[error("{0:?} contains a control character")]
    Control(String),
}

impl ValueError {
    /// What is wrong, without the text that it is wrong with.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Url(_, why) => (*why).to_owned(),
            Self::Control(_) => "it contains a control character".to_owned(),
            Self::Method(_) => "it is not GET or POST".to_owned(),
            Self::ReceiveMode(_) => "it is not voice or fax".to_owned(),
            Self::Flag(_) => "it is not true or false".to_owned(),
            Self::Sid(_) | Self::NameTooLong(_) => self.to_string(),
        }
    }
}

/// The API's limit on `friendly_name`, in characters (page: Basic Capability Properties).
pub const FRIENDLY_NAME_MAX_CHARACTERS: usize = 64;

impl Value {
    /// Parses what a person wrote, strictly.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn declared(kind: FieldKind, text: &str) -> Result<Self, ValueError> {
        // A URL may be in any field by mistake, and its password in no message.
        let shown = || crate::model::secret_url::masked(text);
        if text.chars().any(char::is_control) {
            return Err(ValueError::Control(shown()));
        }
        Ok(match kind {
            FieldKind::Text => match text.chars().count() {
                0..=FRIENDLY_NAME_MAX_CHARACTERS => Self::Text(text.into()),
                count => return Err(ValueError::NameTooLong(count)),
            },
            FieldKind::Url => {
                check_url(text).map_err(|why| ValueError::Url(shown(), why))?;
                Self::Url(text.into())
            }
            FieldKind::Method => Self::Method(method(text).ok_or_else(|| ValueError::Method(shown()))?),
            FieldKind::Application => Self::Application(ApplicationSid::declared(text)?),
            FieldKind::Trunk => Self::Trunk(TrunkSid::declared(text)?),
            FieldKind::Address => Self::Address(AddressSid::declared(text)?),
            FieldKind::Identity => Self::Identity(IdentitySid::declared(text)?),
            FieldKind::Bundle => Self::Bundle(BundleSid::declared(text)?),
            FieldKind::Service => Self::Service(ServiceSid::declared(text)?),
            FieldKind::ReceiveMode => {
                Self::ReceiveMode(receive_mode(text).ok_or_else(|| ValueError::ReceiveMode(shown()))?)
            }
            FieldKind::Flag => Self::Flag(text.parse().map_err(|_| ValueError::Flag(shown()))?),
        })
    }

    /// The same for what a file declares: there, a webhook's URL may name secrets.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn written(kind: FieldKind, text: &str) -> Result<Self, ValueError> {
        if kind != FieldKind::Url || !names_a_secret(text) {
            return Self::declared(kind, text);
        }
        let shown = || crate::model::secret_url::masked(text);
        let plain = SecretUrl::without_secrets(text).map_err(|why| ValueError::Url(shown(), why))?;
        match Self::declared(kind, &plain) {
            Err(ValueError::Url(_, why)) => Err(ValueError::Url(shown(), why)),
            Err(ValueError::Control(_)) => Err(ValueError::Control(shown())),
            Ok(_) | Err(_) => {
                SecretUrl::parse(text).map(Self::SecretUrl).map_err(|why| ValueError::Url(shown(), why))
            }
        }
    }

    /// Reads what the API gave, whatever it looks like; `""` is no value.
    #[must_use]
    pub fn observed(kind: FieldKind, text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let typed = match kind {
            FieldKind::Text => Some(Self::Text(text.into())),
            FieldKind::Url => Some(Self::Url(text.into())),
            FieldKind::Method => method(text).map(Self::Method),
            FieldKind::Application => ApplicationSid::observed(text).map(Self::Application),
            FieldKind::Trunk => TrunkSid::observed(text).map(Self::Trunk),
            FieldKind::Address => AddressSid::observed(text).map(Self::Address),
            FieldKind::Identity => IdentitySid::observed(text).map(Self::Identity),
            FieldKind::Bundle => BundleSid::observed(text).map(Self::Bundle),
            FieldKind::Service => ServiceSid::observed(text).map(Self::Service),
            FieldKind::ReceiveMode => receive_mode(text).map(Self::ReceiveMode),
            FieldKind::Flag => text.parse().ok().map(Self::Flag),
        };
        Some(typed.unwrap_or_else(|| Self::Foreign(text.into())))
    }

    /// Whether [`Value::observed`], which made it for this kind, makes the same of the text.
    fn was_read_from(&self, kind: FieldKind, text: &str) -> bool {
        match self {
            // Without a copy of the text.
            Self::Text(own) | Self::Url(own) | Self::Foreign(own) => **own == *text,
            Self::Method(own) => method(text) == Some(*own),
            Self::ReceiveMode(own) => receive_mode(text) == Some(*own),
            Self::Flag(own) => text.parse() == Ok(*own),
            _ => Self::observed(kind, text).as_ref() == Some(self),
        }
    }

    /// The text that goes into a request or a saved plan. It may hold a webhook's password: for
    /// people, use [`Value::masked`].
    #[must_use]
    pub fn wire(&self) -> String {
        match self {
            Self::Text(text) | Self::Url(text) | Self::Foreign(text) | Self::Named(text) => text.to_string(),
            Self::SecretUrl(url) => url.expose().unwrap_or(url.written()).to_owned(),
            Self::Method(HttpMethod::Get) => "GET".into(),
            Self::Method(HttpMethod::Post) => "POST".into(),
            Self::Application(sid) => sid.to_string(),
            Self::Trunk(sid) => sid.to_string(),
            Self::Address(sid) => sid.to_string(),
            Self::Identity(sid) => sid.to_string(),
            Self::Bundle(sid) => sid.to_string(),
            Self::Service(sid) => sid.to_string(),
            Self::ReceiveMode(ReceiveMode::Voice) => "voice".into(),
            Self::ReceiveMode(ReceiveMode::Fax) => "fax".into(),
            Self::Flag(flag) => flag.to_string(),
        }
    }

    /// The text for people, logs and machines: the secrets of a URL are masked, in a name too.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Url(url) | Self::Foreign(url) => crate::model::secret_url::masked(url),
            Self::SecretUrl(url) => url.to_string(),
            Self::Text(text) | Self::Named(text) => crate::model::secret_url::masked_in_text(text),
            Self::Method(_)
            | Self::Application(_)
            | Self::Trunk(_)
            | Self::Address(_)
            | Self::Identity(_)
            | Self::Bundle(_)
            | Self::Service(_)
            | Self::ReceiveMode(_)
            | Self::Flag(_) => self.wire(),
        }
    }

    /// Whether the value carries a secret, which [`Value::masked`] hides.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        match self {
            Self::Url(text) | Self::Foreign(text) | Self::Text(text) | Self::Named(text) => {
                *self.masked() != **text
            }
            Self::SecretUrl(_) => true,
            Self::Method(_)
            | Self::Application(_)
            | Self::Trunk(_)
            | Self::Address(_)
            | Self::Identity(_)
            | Self::Bundle(_)
            | Self::Service(_)
            | Self::ReceiveMode(_)
            | Self::Flag(_) => false,
        }
    }

    /// Whether two values mean the same to the API. URLs are the same when they are written the
    /// same, or when they differ only by what a server may normalise (an empty path, a default
    /// port, the host's case, percent-encoding): such a difference could never settle.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Url(a), Self::Url(b)) => {
                let parsed = |text| url::Url::parse(&with_blanks_encoded(text));
                a == b || matches!((parsed(a), parsed(b)), (Ok(a), Ok(b)) if a == b)
            }
            (Self::SecretUrl(own), Self::Url(live)) | (Self::Url(live), Self::SecretUrl(own)) => {
                own.is_live_as(live)
            }
            _ => self == other,
        }
    }
}

fn method(text: &str) -> Option<HttpMethod> {
    if text.eq_ignore_ascii_case("GET") {
        Some(HttpMethod::Get)
    } else if text.eq_ignore_ascii_case("POST") {
        Some(HttpMethod::Post)
    } else {
        None
    }
}

fn receive_mode(text: &str) -> Option<ReceiveMode> {
    match text {
        "voice" => Some(ReceiveMode::Voice),
        "fax" => Some(ReceiveMode::Fax),
        _ => None,
    }
}

/// A URL with its blanks percent-encoded: the address that the API calls where someone stored it with
/// blanks, and the only spelling of it that a file may have.
#[must_use]
pub fn with_blanks_encoded(url: &str) -> Cow<'_, str> {
    if url.is_ascii() && !url.contains(' ') {
        return Cow::Borrowed(url);
    }
    let mut out = String::with_capacity(url.len() + 8);
    for c in url.chars() {
        if c.is_whitespace() && !c.is_control() {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn check_url(text: &str) -> Result<(), &'static str> {
    if webhook::has_placeholder(text) {
        return Err("it contains a placeholder, which numctl does not fill in");
    }
    if text.chars().any(char::is_whitespace) {
        return Err("it contains white space: write a space as %20");
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("it is not absolute: start it with https:// or http://");
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("its scheme is neither https nor http");
    }
    if rest.starts_with('/') || rest.is_empty() {
        return Err("it has no host");
    }
    match url::Url::parse(text) {
        Ok(url) if url.host_str().is_some_and(|host| !host.is_empty()) => Ok(()),
        Ok(_) => Err("it has no host"),
        Err(url::ParseError::InvalidPort) => Err("its port is not a number up to 65535"),
        Err(_) => Err("its host is malformed"),
    }
}

/// The configuration of a number as it is live: only what is set, by field, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Settings(Box<[(Field, Value)]>);

impl Settings {
    /// The value of a field, `None` where it is unset.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Value> {
        self.0.binary_search_by_key(&field, |entry| entry.0).ok().map(|at| &self.0[at].1)
    }

    /// Everything that is set, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Value)> {
        self.0.iter().map(|(field, value)| (*field, value))
    }

    /// Whether [`Value::observed`], which made these, makes the same of the texts, which are in the
    /// order of their fields and not empty.
    #[must_use]
    pub fn were_read_from(&self, texts: &[(Field, &str)]) -> bool {
        let is_same = |((field, value), (of, text)): (&(Field, Value), &(Field, &str))| {
            field == of && value.was_read_from(field.kind(), text)
        };
        self.0.len() == texts.len() && self.0.iter().zip(texts).all(is_same)
    }

    /// The value that a field has in effect: the set one, else the API's default.
    #[must_use]
    pub fn effective(&self, field: Field) -> Option<Value> {
        self.get(field).cloned().or_else(|| field.default_value())
    }
}

impl FromIterator<(Field, Value)> for Settings {
    fn from_iter<I: IntoIterator<Item = (Field, Value)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|entry| entry.0);
        entries.dedup_by_key(|entry| entry.0);
        Self(entries.into_boxed_slice())
    }
}

/// What a file says about one field. A field of which it says nothing is unmanaged, and left as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want {
    /// `null` or `""`: cleared.
    Clear,
    Set(Value),
}

impl Want {
    /// The value that the field has in effect once this is done: a cleared field has the API's
    /// default, if there is one.
    #[must_use]
    pub fn effective(&self, field: Field) -> Option<Value> {
        match self {
            Self::Clear => field.default_value(),
            Self::Set(value) => Some(value.clone()),
        }
    }

    /// Whether the field has a value in effect once this is done.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        matches!(self, Self::Set(_)) || field.default_value().is_some()
    }

    /// The text that goes into a request: clearing is an empty value, or the default where the
    /// API has one (it refuses an empty method, error 21403).
    #[must_use]
    pub fn wire(&self, field: Field) -> String {
        self.effective(field).map_or_else(String::new, |value| value.wire())
    }
}

/// The configuration that a file declares for a number: the managed fields, in order.
///
/// Numbers without settings of their own share one `Managed` through its `Arc`.
#[derive(Debug, Clone, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Managed(Arc<[(Field, Want)]>);

impl Managed {
    /// What the file says about a field; `None` leaves it unmanaged.
    #[must_use]
    pub fn get(&self, field: Field) -> Option<&Want> {
        self.0.binary_search_by_key(&field, |entry| entry.0).ok().map(|at| &self.0[at].1)
    }

    /// Every managed field, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Field, &Want)> {
        self.0.iter().map(|(field, want)| (*field, want))
    }

    /// Whether it is the very same, shared.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What tells it from all that are not the very same, while it lives.
    #[must_use]
    pub fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Whether nothing is managed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `self` with what `over` says laid over it, field by field.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        if over.is_empty() {
            return self.clone();
        }
        over.iter().chain(self.iter()).map(|(field, want)| (field, want.clone())).collect()
    }

    /// The managed fields that `keep` keeps.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(Field) -> bool) -> Self {
        self.iter().filter(|(field, _)| keep(*field)).map(|(field, want)| (field, want.clone())).collect()
    }
}

impl FromIterator<(Field, Want)> for Managed {
    /// Where a field comes twice, the first one stands.
    fn from_iter<I: IntoIterator<Item = (Field, Want)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|entry| entry.0);
        entries.dedup_by_key(|entry| entry.0);
        Self(entries.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_by_meaning_and_kept_as_written() {
        let url = |text: &str| Value::Url(text.into());
        assert!(url("https://a.example").means(&url("https://a.example/")));
        assert!(url("https://A.example:443/x y").means(&url("https://a.example/x%20y")));
        assert!(!url("https://a.example/x").means(&url("https://a.example/X")));
        assert!(url("not a url").means(&url("not a url")));
        assert_eq!(url("https://A.example").wire(), "https://A.example");
    }

    #[test]
    fn bad_urls_say_why_and_never_show_the_password() {
        for (text, why) in [
            ("/answer", "not absolute"),
            ("ftp://a.example", "scheme"),
            ("https://", "no host"),
            ("https:///x", "no host"),
            ("https://a.example:99999/", "port"),
            ("https://a b.example", "white space"),
        ] {
            let message = Value::declared(FieldKind::Url, text).expect_err(text).to_string();
            assert!(message.contains(why), "{message}");
        }
        let message =
            Value::declared(FieldKind::Url, "ftp://u:hunter2@a.example/x").expect_err("scheme").to_string();
        assert!(!message.contains("hunter2"), "{message}");
        for field in Field::all().filter(|field| field.kind() != FieldKind::Text) {
            let message =
                Value::declared(field.kind(), "https://u:hunter2@a.example/\u{1b}").expect_err("control");
            assert!(!message.to_string().contains("hunter2"), "{field}: {message}");
            if let Err(error) = Value::declared(field.kind(), "https://u:hunter2@a.example/x") {
                assert!(!error.to_string().contains("hunter2"), "{field}: {error}");
            }
        }
    }

    #[test]
    fn an_overlay_wins_field_by_field() {
        let base: Managed = [
            (Field::VoiceUrl, Want::Set(Value::Url("https://a.example".into()))),
            (Field::SmsUrl, Want::Clear),
        ]
        .into_iter()
        .collect();
        let over: Managed = [(Field::VoiceUrl, Want::Clear)].into_iter().collect();
        let merged = base.overlaid(&over);
        assert_eq!(merged.get(Field::VoiceUrl), Some(&Want::Clear));
        assert_eq!(merged.get(Field::SmsUrl), Some(&Want::Clear));
        assert_eq!(merged.get(Field::VoiceMethod), None);
    }

    #[test]
    fn names_over_64_characters_are_refused() {
        assert!(Value::declared(FieldKind::Text, &"é".repeat(64)).is_ok());
        assert!(Value::declared(FieldKind::Text, &"é".repeat(65)).is_err());
    }
}

//! The vendor's two APIs for phone numbers, and the regions that each keeps its own settings in.

use std::fmt;

/// Which of the vendor's APIs an account's numbers are reached through. The model of a number is
/// the same above both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Api {
    /// `/Numbers/ActiveNumbers`, a closed preview. It has no account in its paths: each account
    /// asks with credentials of its own.
    #[default]
    ActiveNumbers,
    /// `/2010-04-01/Accounts/{AccountSid}/IncomingPhoneNumbers`, generally available. A parent's
    /// auth token reaches its subaccounts.
    IncomingPhoneNumbers,
}

impl Api {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ActiveNumbers, Self::IncomingPhoneNumbers];

    /// The word for it, in the file, in `--api` and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ActiveNumbers => "active-numbers",
            Self::IncomingPhoneNumbers => "incoming-phone-numbers",
        }
    }

    /// The API of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.word() == word)
    }

    /// The vendor's own name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ActiveNumbers => "ActiveNumbers",
            Self::IncomingPhoneNumbers => "IncomingPhoneNumbers",
        }
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::ActiveNumbers => Self::IncomingPhoneNumbers,
            Self::IncomingPhoneNumbers => Self::ActiveNumbers,
        }
    }
}

impl fmt::Display for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A region (`us1`, `ie1`, `au1`) or an edge (`ashburn`, `dublin`): one label of a host name of the
/// vendor's. Each region keeps its own webhooks for a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostLabel(Box<str>);

impl HostLabel {
    /// Accepts lower-case letters, digits and hyphens: nothing that could leave the vendor's domain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_label = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        is_label.then(|| Self(text.into()))
    }
}

impl fmt::Display for HostLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_one_label() {
        assert!(["us1", "ie1", "sao-paulo"].into_iter().all(|text| HostLabel::parse(text).is_some()));
        for text in ["", "a.b", "evil.example/", "IE1", "-", "x-", "ie1 ", "@", &"x".repeat(33)] {
            assert_eq!(HostLabel::parse(text), None, "{text}");
        }
    }
}

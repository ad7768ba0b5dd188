//! Twilio's two APIs for phone numbers, and the regions that each keeps its own settings in.

use std::fmt;

/// Which of Twilio's APIs an account's numbers are reached through. The model of a number is
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
    /// Both APIs, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::ActiveNumbers, Self::IncomingPhoneNumbers];

    /// The word for it, in the file, in `--api` and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActiveNumbers => "active-numbers",
            Self::IncomingPhoneNumbers => "incoming-phone-numbers",
        }
    }

    /// The API of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.as_str() == word)
    }

    /// Twilio's own name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ActiveNumbers => "ActiveNumbers",
            Self::IncomingPhoneNumbers => "IncomingPhoneNumbers",
        }
    }

    /// The API that `self` is not: what an error suggests to try.
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
        f.write_str(self.as_str())
    }
}

/// A region (`us1`, `ie1`, `au1`) or an edge (`ashburn`, `dublin`): one label of a host name of Twilio's.
/// Each region keeps its own webhooks for a number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostLabel(Box<str>);

impl HostLabel {
    /// Accepts lower-case letters, digits and hyphens: nothing that could leave Twilio's domain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_label = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        is_label.then(|| Self(text.into()))
    }
}

/// The region of an edge without one.
const DEFAULT_REGION: &str = "us1";

/// The edge location of each region, by Twilio's own client libraries.
const EDGES: [(&str, &str); 9] = [
    ("us1", "ashburn"),
    ("ie1", "dublin"),
    ("au1", "sydney"),
    ("br1", "sao-paulo"),
    ("de1", "frankfurt"),
    ("jp1", "tokyo"),
    ("jp2", "osaka"),
    ("sg1", "singapore"),
    ("us2", "umatilla"),
];

/// The region that keeps an account's settings, and the edge where requests enter Twilio's network.
/// `{product}.{edge}.{region}.twilio.com` has both or none: `api.ie1.twilio.com` was shut down in 2026.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Site {
    pub region: Option<HostLabel>,
    pub edge: Option<HostLabel>,
}

impl Site {
    /// What the file says about an account, over what the operator says about all. The operator's edge goes
    /// with the operator's region: it is not taken into another one that has its own.
    #[must_use]
    pub fn over(&self, operators: &Self) -> Self {
        let region_of =
            |site: &Self| site.region.as_ref().map_or(DEFAULT_REGION, |region| &region.0).to_owned();
        let region = self.region.clone().or_else(|| operators.region.clone());
        let is_operators = self.region.is_none() || region_of(self) == region_of(operators);
        let inferred = self.region.as_ref().and_then(HostLabel::own_edge);
        let edge = match (&self.edge, is_operators) {
            (Some(edge), _) => Some(edge.clone()),
            (None, true) => operators.edge.clone(),
            (None, false) => inferred.or_else(|| operators.edge.clone()),
        };
        Self { region, edge }
    }

    /// `dublin.ie1`; nothing where neither is said.
    ///
    /// # Errors
    /// The region, where no edge of it is known.
    pub fn labels(&self) -> Result<Option<String>, &HostLabel> {
        let (region, edge) = match (&self.region, &self.edge) {
            (None, None) => return Ok(None),
            (region, Some(edge)) => {
                (region.as_ref().map_or(DEFAULT_REGION, |region| &region.0).to_owned(), edge.clone())
            }
            (Some(region), None) => (region.to_string(), region.own_edge().ok_or(region)?),
        };
        Ok(Some(format!("{edge}.{region}")))
    }
}

impl HostLabel {
    /// Whether this is the region of requests that name none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self.0 == *DEFAULT_REGION
    }

    /// The edge that stands in this region.
    #[must_use]
    pub fn own_edge(&self) -> Option<Self> {
        let (_, edge) = EDGES.iter().find(|(region, _)| **region == *self.0)?;
        Some(Self((*edge).into()))
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

    fn site(region: &str, edge: &str) -> Site {
        Site { region: HostLabel::parse(region), edge: HostLabel::parse(edge) }
    }

    #[test]
    fn a_region_comes_with_its_edge() {
        for (region, edge, labels) in [
            ("", "", None),
            ("ie1", "", Some("dublin.ie1")),
            ("au1", "", Some("sydney.au1")),
            ("us1", "", Some("ashburn.us1")),
            ("", "dublin", Some("dublin.us1")),
            ("ie1", "frankfurt", Some("frankfurt.ie1")),
            ("xx9", "dublin", Some("dublin.xx9")),
        ] {
            assert_eq!(
                site(region, edge).labels().map_err(ToString::to_string),
                Ok(labels.map(str::to_owned))
            );
        }
        assert_eq!(site("xx9", "").labels().map_err(ToString::to_string), Err("xx9".to_owned()));
    }

    #[test]
    fn an_account_goes_before_the_operator() {
        for (file, operators, both) in [
            (("", ""), ("au1", "sydney"), ("au1", "sydney")),
            (("ie1", ""), ("au1", "sydney"), ("ie1", "dublin")),
            (("ie1", ""), ("ie1", "frankfurt"), ("ie1", "frankfurt")),
            (("us1", ""), ("", "umatilla"), ("us1", "umatilla")),
            (("ie1", "london"), ("ie1", "frankfurt"), ("ie1", "london")),
            (("", "singapore"), ("au1", "sydney"), ("au1", "singapore")),
            (("xx9", ""), ("au1", "sydney"), ("xx9", "sydney")),
        ] {
            assert_eq!(site(file.0, file.1).over(&site(operators.0, operators.1)), site(both.0, both.1));
        }
    }

    #[test]
    fn a_region_is_one_label() {
        assert!(["us1", "ie1", "sao-paulo"].into_iter().all(|text| HostLabel::parse(text).is_some()));
        for text in ["", "a.b", "evil.example/", "IE1", "-", "x-", "ie1 ", "@", &"x".repeat(33)] {
            assert_eq!(HostLabel::parse(text), None, "{text}");
        }
    }
}

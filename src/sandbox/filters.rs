//! The filters of the two list resources. Names are case-sensitive, values are not: the page
//! writes `International` where the API answers `international`.

use crate::model::number::PhoneNumber;

use super::catalogue::{self, CatalogueKind};

/// The filters that the page documents.
pub(crate) const NAMES: [&str; 15] = [
    "PhoneNumber",
    "Type",
    "Capabilities.Voice.InboundCallerIdPreservation",
    "Capabilities.Voice.InboundReachability",
    "Capabilities.Sms.InboundSenderIdPreservation",
    "Capabilities.Sms.InboundReachability",
    "Capabilities.Mms.InboundReachability",
    "Geography.IsoCountry",
    "Geography.Lata",
    "Geography.RateCenter",
    "Geography.Latitude",
    "Geography.Longitude",
    "Geography.Region",
    "Geography.Locality",
    "Geography.PostalCode",
];

/// The filters of one request, as given; names that are not known are not filters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SandboxFilters(Vec<(String, String)>);

impl SandboxFilters {
    pub(crate) fn new(parameters: &[(String, String)]) -> Self {
        Self(
            parameters
                .iter()
                .filter(|(name, value)| NAMES.contains(&name.as_str()) && !value.is_empty())
                .map(|(name, value)| match name.as_str() {
                    "PhoneNumber" => (name.clone(), plus(value)),
                    _ => (name.clone(), value.clone()),
                })
                .collect(),
        )
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn phone_number(&self) -> Option<&str> {
        self.iter().find(|(name, _)| *name == "PhoneNumber").map(|(_, value)| value)
    }

    /// The one number that the filters name, where they name one.
    pub(crate) fn exact(&self) -> Option<&str> {
        self.phone_number().filter(|pattern| !pattern.contains('*'))
    }

    /// Whether a number passes.
    pub(crate) fn pass(&self, number: PhoneNumber) -> bool {
        self.pass_kind(catalogue::kind_of(number)) && self.pass_number(number)
    }

    pub(crate) fn pass_number(&self, number: PhoneNumber) -> bool {
        self.phone_number().is_none_or(|pattern| glob(pattern.as_bytes(), number.to_string().as_bytes()))
    }

    /// Whether numbers of a kind pass all filters but `PhoneNumber`.
    pub(crate) fn pass_kind(&self, kind: &CatalogueKind) -> bool {
        self.iter().all(|(name, wanted)| passes(kind, name, wanted))
    }
}

/// A `+` that was not percent-encoded arrives as a space. The page's own examples send it so.
pub(crate) fn plus(text: &str) -> String {
    match text.strip_prefix(' ') {
        Some(rest) => format!("+{rest}"),
        None => text.to_owned(),
    }
}

fn passes(kind: &CatalogueKind, name: &str, wanted: &str) -> bool {
    let place = &kind.geography;
    let is = |value: Option<&str>| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let close = |value: Option<f64>| matches!((value, wanted.parse::<f64>()), (Some(a), Ok(b)) if (a - b).abs() < 1e-9);
    let sms = |value| kind.has_sms.then_some(value);
    match name {
        "PhoneNumber" => true,
        // Later revisions of the page print `toll-free`.
        "Type" => wanted.replace(['-', '_', ' '], "").eq_ignore_ascii_case(kind.number_type),
        "Capabilities.Voice.InboundCallerIdPreservation" => is(Some(kind.preservation)),
        "Capabilities.Voice.InboundReachability" => is(Some(kind.reachability)),
        "Capabilities.Sms.InboundSenderIdPreservation" => is(sms(kind.preservation)),
        "Capabilities.Sms.InboundReachability" => is(sms(kind.reachability)),
        "Capabilities.Mms.InboundReachability" => is(kind.has_mms.then_some(kind.reachability)),
        "Geography.IsoCountry" => is(Some(place.iso_country)),
        "Geography.Lata" => place.lata.is_some_and(|lata| lata.to_string() == wanted),
        "Geography.RateCenter" => is(place.rate_center),
        "Geography.Latitude" => close(place.place.map(|at| at.0)),
        "Geography.Longitude" => close(place.place.map(|at| at.1)),
        "Geography.Region" => is(place.region),
        "Geography.Locality" => is(place.locality),
        "Geography.PostalCode" => is(place.postal_code),
        _ => true,
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut retry = None;
    while on < text.len() {
        if pattern.get(at) == Some(&b'*') {
            retry = Some((at + 1, on));
            at += 1;
        } else if pattern.get(at) == Some(&text[on]) {
            at += 1;
            on += 1;
        } else if let Some((after, from)) = retry {
            retry = Some((after, from + 1));
            at = after;
            on = from + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run() {
        for (pattern, fits) in [
            ("+1555*", true),
            ("*0000", true),
            ("+1*223*", true),
            ("*", true),
            ("+15552230000", true),
            ("+1555223000", false),
            ("+1*9", false),
            ("+15552230000*", true),
            ("", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), b"+15552230000"), fits, "{pattern}");
        }
    }

    #[test]
    fn only_known_names_are_filters() {
        let parameters = [("type", "local"), ("Type", "TollFree"), ("PhoneNumber", " 1855*"), ("Type", "")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()));
        let filters = SandboxFilters::new(&parameters);
        assert_eq!(filters.iter().collect::<Vec<_>>(), [("Type", "TollFree"), ("PhoneNumber", "+1855*")]);
        assert!(PhoneNumber::observed("+18559728742").is_some_and(|number| filters.pass(number)));
        assert!(PhoneNumber::observed("+15552230000").is_some_and(|number| !filters.pass(number)));
    }
}

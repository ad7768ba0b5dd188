//! `claims:`, from all files.

use super::excerpt::quoted;
use super::issue::{At, Issue, Issues};
use super::layers::below;
use super::place::{Path, PathStep};
use super::raw::RawClaim;
use super::suggest::choices;
use crate::model::claim::{
    COUNT_MAX, Capability, ClaimName, FRIENDLY_NAME_MAX, NAME_MAX, Need, Wish, has_places, label_max,
};
use crate::model::country::is_country;
use crate::model::number_type::NumberType;

/// Where a claim stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    pub(super) file: usize,
    pub(super) entry: usize,
}

impl Spot {
    pub(super) fn path(self) -> Path {
        vec!["claims".into(), PathStep::Index(self.entry)]
    }

    pub(super) fn at(self, field: &str) -> At {
        At::Path { file: self.file, path: below(&self.path(), field), key: false }
    }

    fn whole(self) -> At {
        At::Path { file: self.file, path: self.path(), key: false }
    }

    fn lacks(self, issues: &mut Issues, field: &str, help: &str) {
        issues.push(Issue::error(self.whole(), format!("this claim has no `{field}`")).help(help));
    }
}

pub(super) fn name(issues: &mut Issues, spot: Spot, raw: &RawClaim) -> Option<ClaimName> {
    let Some(text) = raw.name.text() else {
        spot.lacks(issues, "name", "add `name: nyc-support`: it becomes part of its numbers' names");
        return None;
    };
    let name = ClaimName::parse(text);
    if name.is_none() {
        issues.push(Issue::error(spot.at("name"), format!("{} is not a valid claim name", quoted(text))).help(format!(
            "write 1 to {NAME_MAX} lower-case letters, digits and hyphens, a letter first: it becomes part of its numbers' names"
        )));
    }
    name
}

pub(super) fn count(issues: &mut Issues, spot: Spot, raw: &RawClaim) -> Option<u16> {
    let Some(text) = raw.count.0.as_deref() else {
        spot.lacks(issues, "count", "add `count: 1`: how many numbers it wants");
        return None;
    };
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let count = text.parse().ok().filter(|count| plain && *count <= COUNT_MAX);
    if count.is_none() {
        let issue =
            Issue::error(spot.at("count"), format!("{} is not a valid count of phone numbers", quoted(text)));
        issues.push(issue.help(format!("write a count from 0 to {COUNT_MAX}")));
    }
    count
}

/// What numbers it takes.
pub(super) fn need(issues: &mut Issues, spot: Spot, raw: &RawClaim) -> Option<Need> {
    let Some(raw) = &raw.need else {
        spot.lacks(issues, "match", "add `match: {country: US, type: local}`: which numbers it wants");
        return None;
    };
    let at = |field: &str| spot.at(&format!("match.{field}"));
    let lacks = |issues: &mut Issues, field: &str, help: &str| {
        issues.push(Issue::error(spot.at("match"), format!("`match` has no `{field}`")).help(help));
    };
    let country = match raw.country.text() {
        None => {
            lacks(issues, "country", "add `country: US`: Twilio sells numbers by country");
            None
        }
        Some(text) if is_country(text) => Some(text.to_ascii_uppercase().into_boxed_str()),
        Some(text) => {
            issues.push(
                Issue::error(at("country"), format!("{} is not a country", quoted(text)))
                    .help("write its two letters, such as US or DE; in YAML, Norway is \"NO\", in quotes"),
            );
            None
        }
    };
    let kind = match raw.kind.text() {
        None => {
            lacks(issues, "type", "add `type: local`, or mobile, or tollfree");
            None
        }
        Some(text) => {
            let kind = NumberType::ALL.into_iter().find(|kind| kind.as_str() == text);
            if kind.is_none() {
                issues.push(
                    Issue::error(
                        at("type"),
                        format!("{} is not a type of number that Twilio sells", quoted(text)),
                    )
                    .help(choices(text, NumberType::ALL.map(NumberType::as_str).into_iter())),
                );
            }
            kind
        }
    };
    let written = [
        (Wish::AreaCode, raw.area_code.0.as_deref()),
        (Wish::Region, raw.region.text()),
        (Wish::Locality, raw.locality.text()),
        (Wish::RateCenter, raw.rate_center.text()),
        (Wish::Lata, raw.lata.0.as_deref()),
        (Wish::PostalCode, raw.postal_code.0.as_deref()),
        (Wish::Contains, raw.contains.0.as_deref()),
        (Wish::Near, raw.near.text()),
    ];
    let mut wishes = Vec::new();
    for (wish, text) in written.into_iter().filter_map(|(wish, text)| Some((wish, text?))) {
        match fault(wish, text) {
            None if wish.needs_places() && country.as_deref().is_some_and(|country| !has_places(country)) => {
                issues.push(
                    Issue::error(
                        at(wish.as_str()),
                        format!("`{}` works in the US and Canada only", wish.as_str()),
                    )
                    .also(at("country"), "this claim is for another country")
                    .help(elsewhere(wish, text)),
                );
            }
            None => wishes.push((wish, text.into())),
            Some(help) => issues.push(
                Issue::error(
                    at(wish.as_str()),
                    format!("`{}`: {} is not valid", wish.as_str(), quoted(text)),
                )
                .help(help),
            ),
        }
    }
    let has = |wish: Wish| wishes.iter().any(|(known, _)| *known == wish);
    if has(Wish::RateCenter) && !has(Wish::Lata) && raw.lata.0.is_none() {
        issues.push(
            Issue::error(at("rate_center"), "`rate_center` needs `lata`")
                .help("add `lata:` with its three digits, such as 132"),
        );
    }
    let mut capabilities = Vec::new();
    for (index, given) in raw.capabilities.iter().enumerate() {
        let text = given.text().unwrap_or_default();
        match Capability::ALL.into_iter().find(|capability| capability.as_str() == text) {
            Some(capability) => capabilities.push(capability),
            None => {
                let mut path = below(&spot.path(), "match.capabilities");
                path.push(PathStep::Index(index));
                let at = At::Path { file: spot.file, path, key: false };
                issues.push(
                    Issue::error(at, format!("{} is not a capability", quoted(text)))
                        .help(choices(text, Capability::ALL.map(Capability::as_str).into_iter())),
                );
            }
        }
    }
    capabilities.sort_unstable();
    capabilities.dedup();
    Some(Need { country: country?, kind: kind?, wishes, capabilities })
}

/// What to write instead of a filter that only the US and Canada have.
fn elsewhere(wish: Wish, text: &str) -> String {
    let digits = match wish {
        Wish::AreaCode => text,
        _ => "4420",
    };
    let locality = if wish == Wish::Region { ", or name the city with `locality`" } else { "" };
    format!("use `contains` with the first digits of the numbers, such as `contains: \"{digits}\"`{locality}")
}

/// What is wrong with the text of a wish: the help.
fn fault(wish: Wish, text: &str) -> Option<&'static str> {
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    match wish {
        Wish::AreaCode => (!digits(text, 3)).then_some("an area code has three digits, such as 212"),
        Wish::Lata => (!digits(text, 3)).then_some("a LATA has three digits, such as 132"),
        Wish::Contains => (!text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'+'))
            || text.len() < 2)
            .then_some("a pattern has two or more digits, letters and `*`, each `*` for one digit"),
        Wish::Near => {
            let is_number =
                text.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
            let is_place = text
                .split_once(',')
                .is_some_and(|(a, b)| a.trim().parse::<f64>().is_ok() && b.trim().parse::<f64>().is_ok());
            (!is_number && !is_place)
                .then_some("write a number such as \"+12125550100\", or \"40.71,-74.00\"")
        }
        Wish::Region | Wish::Locality | Wish::RateCenter | Wish::PostalCode => (text.trim().is_empty()
            || text.chars().any(char::is_control))
        .then_some("write its name, or remove it"),
    }
}

/// Refuses a label that leaves no room for the mark, or looks like one.
pub(super) fn check_label(issues: &mut Issues, at: impl FnOnce() -> At, name: &ClaimName, label: &str) {
    let (has, max) = (label.chars().count(), label_max(name));
    if label.contains("[nc1:") {
        issues.push(
            Issue::error(at(), "`friendly_name` contains `[nc1:`, which starts a claim's mark")
                .help("remove the mark: numctl writes it"),
        );
    } else if has > max {
        issues.push(
            Issue::error(at(), format!("`friendly_name` has {has} characters; with this claim's mark, {max} fit"))
                .help(format!(
                    "Twilio keeps {FRIENDLY_NAME_MAX} characters, and the mark takes some of them: shorten this name, or the claim's name"
                )),
        );
    }
}

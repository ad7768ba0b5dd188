//! Claims: numbers declared by need, and the mark by which a number belongs to one.
//!
//! The mark is at the end of the number's `friendly_name`, `Support [nc1:nyc-support:2:1f0c9a3e]`, and
//! travels in the purchase itself: whatever is lost, the number tells whose it is. Its last part is a
//! checksum over claim, slot and number, so that a mark that was copied to another number, or edited, counts
//! for nothing.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::model::number::PhoneNumber;
use crate::model::number_type::NumberType;

/// Twilio keeps this many characters of a `friendly_name`.
pub const FRIENDLY_NAME_MAX: usize = 64;
/// At most this many numbers of one claim.
pub const COUNT_MAX: u16 = 9_999;
/// At most this many characters of a claim's name: the mark has to fit into the friendly name.
pub const NAME_MAX: usize = 24;

const OPEN: &str = "[nc1:";

/// The name of a claim: 1 to 24 lower-case letters, digits and hyphens, a letter first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName(Arc<str>);

impl ClaimName {
    /// Parses a name; `None` where it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=NAME_MAX).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        well_formed.then(|| Self(text.into()))
    }
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One of the numbers that a claim has or wants: `nyc-support/2`. The index is the number's for good:
/// when a claim shrinks, those with the highest are given up, and the others keep theirs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub claim: ClaimName,
    /// Which of its numbers, from 1.
    pub index: u16,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.claim, self.index)
    }
}

/// What a `friendly_name` says about claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    None,
    /// The number belongs to this slot.
    Of(Slot),
    /// Something that looks like a mark, and is not this number's: copied, edited or cut.
    Broken,
}

impl Slot {
    /// Parses what [`fmt::Display`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (claim, index) = text.rsplit_once('/')?;
        Some(Self { claim: ClaimName::parse(claim)?, index: parse_index(index)? })
    }

    /// The friendly name of the number in this slot.
    #[must_use]
    pub fn name_of(&self, number: PhoneNumber, label: Option<&str>) -> String {
        let mark = format!("{OPEN}{}:{}:{}]", self.claim, self.index, self.check(number));
        match label {
            Some(label) => format!("{label} {mark}"),
            None => mark,
        }
    }

    /// Reads the mark off a number's friendly name.
    #[must_use]
    pub fn read(friendly_name: &str, number: PhoneNumber) -> Mark {
        let Some(at) = friendly_name.rfind(OPEN) else { return Mark::None };
        let parsed = || {
            let inner = friendly_name[at + OPEN.len()..].strip_suffix(']')?;
            let (slot, check) = inner.rsplit_once(':')?;
            let (claim, index) = slot.rsplit_once(':')?;
            let slot = Self { claim: ClaimName::parse(claim)?, index: parse_index(index)? };
            (slot.check(number) == check).then_some(slot)
        };
        parsed().map_or(Mark::Broken, Mark::Of)
    }

    fn check(&self, number: PhoneNumber) -> String {
        let hash = Sha256::digest(format!("numctl claim 1\n{self}\n{number}").as_bytes());
        hash[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// In which order a claim likes its candidates. A rerun that knows nothing of the first run comes
    /// to the same numbers.
    #[must_use]
    pub fn preference(claim: &ClaimName, number: PhoneNumber) -> [u8; 8] {
        let hash = Sha256::digest(format!("numctl candidate 1\n{claim}\n{number}").as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        first
    }
}

/// Digits without a leading zero, so that a slot is written in one way only.
fn parse_index(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|index| plain && (1..=COUNT_MAX).contains(index))
}

/// The longest label that leaves room for every mark of a claim, in characters.
#[must_use]
pub fn label_max(name: &ClaimName) -> usize {
    let mark = OPEN.len() + name.0.len() + 1 + COUNT_MAX.to_string().len() + 1 + 8 + 1;
    FRIENDLY_NAME_MAX.saturating_sub(mark + 1)
}

/// What kind of numbers a claim wants, by the names of Twilio's search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The country, in two capital letters.
    pub country: Box<str>,
    /// local, mobile or tollfree.
    pub kind: NumberType,
    /// What else narrows the search, each wish once.
    pub wishes: Vec<(Wish, Box<str>)>,
    /// What the numbers must be able to do.
    pub capabilities: Vec<Capability>,
}

/// What narrows a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    /// Three digits, in the US and Canada.
    AreaCode,
    /// A state or province.
    Region,
    Locality,
    RateCenter,
    Lata,
    PostalCode,
    /// A pattern of digits and letters.
    Contains,
    /// Near a number, or `latitude,longitude`, in the US and Canada.
    Near,
}

/// Whether Twilio documents a country as one where filters by place work: the US and Canada.
#[must_use]
pub fn has_places(country: &str) -> bool {
    matches!(country, "US" | "CA")
}

impl Wish {
    /// Whether Twilio documents it for the US and Canada only. Elsewhere a search may ignore it, and
    /// a number of another place would be bought.
    #[must_use]
    pub fn needs_places(self) -> bool {
        match self {
            Self::AreaCode | Self::Region | Self::RateCenter | Self::Lata | Self::PostalCode | Self::Near => {
                true
            }
            Self::Locality | Self::Contains => false,
        }
    }

    /// Its name in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AreaCode => "area_code",
            Self::Region => "region",
            Self::Locality => "locality",
            Self::RateCenter => "rate_center",
            Self::Lata => "lata",
            Self::PostalCode => "postal_code",
            Self::Contains => "contains",
            Self::Near => "near",
        }
    }
}

/// What a number can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    Voice,
    Sms,
    Mms,
    Fax,
}

impl Capability {
    /// Every capability, in the order of Twilio's search.
    pub const ALL: [Self; 4] = [Self::Voice, Self::Sms, Self::Mms, Self::Fax];

    /// Its word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Sms => "sms",
            Self::Mms => "mms",
            Self::Fax => "fax",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::observed(text).expect("a number")
    }

    fn slot(text: &str) -> Slot {
        Slot::parse(text).expect("a slot")
    }

    #[test]
    fn a_mark_is_read_back_by_its_number_alone() {
        let (ours, other) = (number("+12125550100"), number("+12125550101"));
        for label in [None, Some("Support"), Some("[nc1:a:1:00000000]"), Some("ünïcode ]")] {
            let slot = slot("nyc-support/12");
            let name = slot.name_of(ours, label);
            assert_eq!(Slot::read(&name, ours), Mark::Of(slot.clone()), "{name}");
            assert_eq!(Slot::read(&name, other), Mark::Broken, "copied: {name}");
        }
    }

    #[test]
    fn what_is_not_exactly_a_mark_counts_for_nothing() {
        let ours = number("+12125550100");
        let name = slot("a/1").name_of(ours, Some("Support"));
        let check = &name[name.len() - 9..name.len() - 1];
        for broken in [
            format!("{name} "),
            format!("{name}."),
            name[..name.len() - 1].to_owned(),
            name.replace("a:1", "a:2"),
            name.replace("a:1", "a:01"),
            name.replace("a:1", "A:1"),
            name.replace(check, &check.to_uppercase()).replace(check, "0000000g"),
            "[nc1:]".to_owned(),
            "[nc1:a:1:]".to_owned(),
        ] {
            assert_eq!(Slot::read(&broken, ours), Mark::Broken, "{broken}");
        }
        for none in ["", "Support", "nc1:a:1", "[NC1:a:1:00000000]"] {
            assert_eq!(Slot::read(none, ours), Mark::None, "{none}");
        }
    }

    #[test]
    fn names_and_slots_are_written_in_one_way() {
        for bad in ["", "A", "1a", "-a", "a_b", "a b", "a/b", "ä", &"a".repeat(25)] {
            assert_eq!(ClaimName::parse(bad), None, "{bad}");
        }
        for bad in ["a", "a/", "a/0", "a/01", "a/+1", "a/10000", "/1"] {
            assert_eq!(Slot::parse(bad), None, "{bad}");
        }
        assert_eq!(slot("nyc-support/3").to_string(), "nyc-support/3");
    }

    #[test]
    fn the_longest_label_fits() {
        let name = ClaimName::parse("nyc-support").expect("a name");
        let label = "x".repeat(label_max(&name));
        let slot = Slot { claim: name, index: COUNT_MAX };
        assert_eq!(slot.name_of(number("+12125550100"), Some(&label)).len(), FRIENDLY_NAME_MAX);
    }
}

//! An available number, and whether it is what a claim needs.
//!
//! Twilio's search filters, and some of its filters count in the US and Canada only: elsewhere they
//! are ignored, and whatever is in stock comes back. So each offer is held against the need before it
//! costs anything. What an offer does not say contradicts nothing.

use std::fmt;

use crate::model::claim::{Capability, Need, Wish};
use crate::model::coordinates::Coordinates;
use crate::model::country::{calling_code_in, calling_code_of};
use crate::model::number::PhoneNumber;
use crate::model::number_type::NumberType;
use crate::model::tariff::{Class, Country, KindOnBill, PossibleKind, Tariff, is_north_american_country};

/// How far from a place a search looks unless it says so, and some room for how places are rounded.
const NEAR_MILES: f64 = 30.0;
/// A part of the stock has at most this many digits: ten numbers, in North America.
const PART_DIGITS_MAX: usize = 10;

/// One available number, with what the search's row says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    pub number: PhoneNumber,
    pub iso_country: Option<Box<str>>,
    /// Its state or province.
    pub region: Option<Box<str>>,
    pub locality: Option<Box<str>>,
    pub rate_center: Option<Box<str>>,
    pub lata: Option<Box<str>>,
    pub postal_code: Option<Box<str>>,
    /// Where it is, in degrees.
    pub place: Option<Coordinates>,
    /// What it can do and cannot, as far as the row says.
    pub capabilities: Vec<(Capability, bool)>,
    /// Whether its country wants an address of the buyer.
    pub wants_address: bool,
}

impl Offer {
    /// A number of which nothing else is known.
    #[must_use]
    pub fn from_number(number: PhoneNumber) -> Self {
        Self {
            number,
            iso_country: None,
            region: None,
            locality: None,
            rate_center: None,
            lata: None,
            postal_code: None,
            place: None,
            capabilities: Vec::new(),
            wants_address: false,
        }
    }
}

/// What makes an offer something else than what is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// No number of a country: a short code, a satellite or network number, an impossible length.
    NotOfACountry,
    Country,
    /// Of another type, or one that costs the caller.
    Type,
    /// It does not meet a wish.
    Wish(Wish),
    /// It cannot do something.
    Lacks(Capability),
    /// Its country wants an address, and the claim gives none.
    Address,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOfACountry => f.write_str("it does not belong to a country"),
            Self::Country => f.write_str("it is in another country"),
            Self::Type => f.write_str("it has another type"),
            Self::Wish(wish) => write!(f, "it does not match `{}`", wish.as_str()),
            Self::Lacks(capability) => write!(f, "it has no {}", capability.as_str()),
            Self::Address => f.write_str("it needs an `address_sid`"),
        }
    }
}

impl Offer {
    /// What speaks against buying it for a need; `None` where nothing does. `has_address`: the claim
    /// gives an address.
    #[must_use]
    pub fn misfit(&self, need: &Need, has_address: bool) -> Option<Misfit> {
        let text = self.number.to_string();
        if self.number.is_short_code() || PhoneNumber::declared(&text).is_err() {
            return Some(Misfit::NotOfACountry);
        }
        self.country_misfit(need)
            .or_else(|| self.type_misfit(need))
            .or_else(|| {
                let fails = |(wish, wanted): &(Wish, Box<str>)| !self.meets(*wish, wanted);
                need.wishes.iter().find(|wish| fails(wish)).map(|(wish, _)| Misfit::Wish(*wish))
            })
            .or_else(|| {
                let cannot = |wanted: &Capability| self.capabilities.contains(&(*wanted, false));
                need.capabilities.iter().copied().find(cannot).map(Misfit::Lacks)
            })
            .or((self.wants_address && !has_address).then_some(Misfit::Address))
    }

    fn country_misfit(&self, need: &Need) -> Option<Misfit> {
        if self.iso_country.as_deref().is_some_and(|country| !country.eq_ignore_ascii_case(&need.country)) {
            return Some(Misfit::Country);
        }
        let told = Class::for_number(Some(self.number), Tariff::default());
        match told.country {
            // Toll-free numbers are one pool for the US and Canada.
            Some(_) if told.kind == PossibleKind::Is(KindOnBill::TollFree) => {
                (!matches!(&*need.country, "US" | "CA")).then_some(Misfit::Country)
            }
            Some(country) if Country::observed(&need.country) == Some(country) => None,
            Some(country) => (!shares(&need.country, country)).then_some(Misfit::Country),
            // An area code that numctl does not know may be new.
            None if self.digits().starts_with('1') => {
                (!is_north_american_country(&need.country)).then_some(Misfit::Country)
            }
            None => {
                let code = OTHER_CODES.iter().find(|(_, country)| **country == *need.country);
                let is_its = code.is_some_and(|(code, _)| self.digits().starts_with(code));
                (!is_its).then_some(Misfit::NotOfACountry)
            }
        }
    }

    fn type_misfit(&self, need: &Need) -> Option<Misfit> {
        let digits = self.digits();
        let sold = SOLD_AS.iter().find(|(prefix, _)| digits.starts_with(prefix)).map(|(_, sold)| *sold);
        let class = Class::for_number(Some(self.number), Tariff::default());
        let fits = match (sold, class.kind, need.kind) {
            (Some(SoldAs::Premium), _, _) => false,
            (Some(SoldAs::TollFree), _, kind) => kind == NumberType::TollFree,
            (Some(SoldAs::Mobile), _, kind) => kind == NumberType::Mobile,
            (None, PossibleKind::Is(KindOnBill::TollFree), kind) => kind == NumberType::TollFree,
            (None, PossibleKind::NotTollFree, kind) => kind != NumberType::TollFree,
            // Where the prefixes of a type are known, other numbers are not of it.
            (None, _, NumberType::Mobile) => !self.has_prefixes(SoldAs::Mobile),
            (None, _, NumberType::TollFree) => !self.has_prefixes(SoldAs::TollFree),
            (None, _, NumberType::Local) => true,
        };
        (!fits).then_some(Misfit::Type)
    }

    /// Whether it is known by which prefixes its country sells numbers so.
    fn has_prefixes(&self, sold: SoldAs) -> bool {
        let code = calling_code_of(self.number).map(|code| code.to_string()).unwrap_or_default();
        SOLD_AS.iter().any(|(prefix, known)| *known == sold && prefix.starts_with(&code))
    }

    /// Whether it meets a wish, as far as it says.
    fn meets(&self, wish: Wish, wanted: &str) -> bool {
        // "Given a phone number, search within the same region as that number": only Twilio knows.
        let is_number = wanted.starts_with('+') || (wanted.len() >= 10 && is_digits(wanted));
        let says = |said: &Option<Box<str>>, agree: fn(&str, &str) -> bool| {
            is_number || said.as_deref().is_none_or(|said| agree(&plain(said), &plain(wanted)))
        };
        match wish {
            Wish::AreaCode => self.national().starts_with(wanted.trim_start_matches('0')),
            Wish::Contains => matches(wanted, self.digits(), self.national()),
            Wish::Region => says(&self.region, |a, b| a == b),
            Wish::Locality => says(&self.locality, |a, b| a == b),
            Wish::RateCenter => says(&self.rate_center, |a, b| a == b),
            Wish::Lata => says(&self.lata, |a, b| a == b),
            // `10001-1234` is in `10001`.
            Wish::PostalCode => says(&self.postal_code, |a, b| a.starts_with(b) || b.starts_with(a)),
            Wish::Near => match (Coordinates::parse(wanted), self.place) {
                (Some(wanted), Some(place)) => wanted.miles_to(place) <= NEAR_MILES,
                (None, _) | (_, None) => true,
            },
        }
    }

    /// All digits, the calling code first.
    fn digits(&self) -> String {
        self.number.to_string().trim_start_matches('+').to_owned()
    }

    /// The digits after the calling code.
    fn national(&self) -> String {
        let digits = self.digits();
        let code = calling_code_of(self.number).map_or(0, |code| code.to_string().len());
        digits.get(code..).unwrap_or_default().to_owned()
    }
}

/// The same need, of numbers that begin with these digits, the calling code first.
#[must_use]
pub fn beginning_with(need: &Need, prefix: &str) -> Need {
    let mut wishes = need.wishes.clone();
    wishes.retain(|(wish, _)| *wish != Wish::Contains);
    wishes.push((Wish::Contains, format!("+{prefix}").into()));
    Need { wishes, ..need.clone() }
}

/// The parts that the numbers of a need fall into, each by the digits that its numbers begin with: one
/// digit more than `prefix`, or than what the need says itself. None where the need has a pattern that is
/// no beginning.
#[must_use]
pub fn parts(need: &Need, prefix: Option<&str>) -> Vec<String> {
    let Some(prefix) = prefix.map(str::to_owned).or_else(|| own_prefix(need)) else { return Vec::new() };
    if prefix.len() >= PART_DIGITS_MAX {
        return Vec::new();
    }
    // In North America neither an area code nor an exchange begins with 0 or 1.
    let is_first = prefix.starts_with('1') && matches!(prefix.len(), 1 | 4);
    let digits = if is_first { '2'..='9' } else { '0'..='9' };
    digits.map(|digit| format!("{prefix}{digit}")).collect()
}

/// The digits that all numbers of a need begin with, the calling code first, as far as it says.
#[must_use]
pub fn own_prefix(need: &Need) -> Option<String> {
    let wish = |wanted| need.wishes.iter().find(|(wish, _)| *wish == wanted).map(|(_, text)| &**text);
    match wish(Wish::Contains) {
        Some(pattern) => pattern.strip_prefix('+').filter(|digits| is_digits(digits)).map(str::to_owned),
        None if is_north_american_country(&need.country) => {
            Some(format!("1{}", wish(Wish::AreaCode).unwrap_or_default()))
        }
        None => calling_code_in(&need.country).map(|code| code.to_string()),
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Letters and digits in lower case: how places are compared.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a pattern of Twilio's search matches: digits, letters for their keys, `*` for one digit,
/// `%` for any run of them, `+` before it for the number's start and `$` after it for its end. Digits
/// may be meant with the calling code or, behind a 0, without it.
fn matches(pattern: &str, digits: String, national: String) -> bool {
    let (from_start, rest) = match pattern.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let (to_end, rest) = match rest.strip_suffix('$') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let parts: Vec<char> = rest.chars().map(key).collect();
    let in_text = |text: &str| {
        let text: Vec<char> = text.chars().collect();
        let last = if from_start { 0 } else { text.len() };
        (0..=last).any(|at| text.get(at..).is_some_and(|rest| begins(&parts, rest, to_end)))
    };
    in_text(&digits) || (!from_start && in_text(&format!("0{national}")))
}

/// Whether parts of a pattern match the beginning of a text, or all of it.
fn begins(parts: &[char], text: &[char], to_end: bool) -> bool {
    match (parts.split_first(), text.split_first()) {
        (None, rest) => !to_end || rest.is_none(),
        (Some(('%', parts)), _) => (0..=text.len())
            .any(|skipped| text.get(skipped..).is_some_and(|text| begins(parts, text, to_end))),
        (Some((part, parts)), Some((digit, text))) => {
            (*part == '*' || part == digit) && begins(parts, text, to_end)
        }
        (Some(_), None) => false,
    }
}

/// The digit on whose key a letter is.
fn key(letter: char) -> char {
    match letter.to_ascii_lowercase() {
        'a'..='c' => '2',
        'd'..='f' => '3',
        'g'..='i' => '4',
        'j'..='l' => '5',
        'm'..='o' => '6',
        'p'..='s' => '7',
        't'..='v' => '8',
        'w'..='z' => '9',
        other => other,
    }
}

/// Whether a territory's numbers look like those of the neighbour whose calling code it shares.
fn shares(territory: &str, neighbour: Country) -> bool {
    let neighbour = neighbour.to_string();
    SHARED.iter().any(|(one, other)| *one == territory && *other == neighbour)
}

/// Territories, each with the country whose calling code they share.
const SHARED: &[(&str, &str)] = &[
    ("GG", "GB"),
    ("JE", "GB"),
    ("IM", "GB"),
    ("VA", "IT"),
    ("SJ", "NO"),
    ("CX", "AU"),
    ("CC", "AU"),
    ("AX", "FI"),
    ("EH", "MA"),
    ("YT", "RE"),
    ("BL", "GP"),
    ("MF", "GP"),
    ("BQ", "CW"),
];

/// Calling codes of countries that the table of countries does not have.
const OTHER_CODES: &[(&str, &str)] = &[("383", "XK"), ("246", "IO"), ("247", "AC"), ("672", "NF")];

/// What numbers with some prefix are sold as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SoldAs {
    TollFree,
    Mobile,
    /// They cost the caller, or belong to a person or a service: no one's local number.
    Premium,
}

/// The prefixes by which a number shows its type, calling code first, of the countries in which most
/// numbers are bought. Of two that match, the first counts.
#[rustfmt::skip]
const SOLD_AS: &[(&str, SoldAs)] = {
    use SoldAs::{Mobile, Premium, TollFree};
    &[
        ("1900", Premium), ("1700", Premium), ("1710", Premium), ("1500", Premium), ("1600", Premium),
        ("1521", Premium), ("1522", Premium), ("1523", Premium), ("1524", Premium), ("1525", Premium),
        ("1526", Premium), ("1527", Premium), ("1528", Premium), ("1529", Premium), ("1533", Premium),
        ("1544", Premium), ("1566", Premium), ("1577", Premium), ("1588", Premium), ("1622", Premium),
        ("44800", TollFree), ("44808", TollFree), ("449", Premium), ("4487", Premium), ("4484", Premium),
        ("4470", Premium), ("4476", Premium), ("447", Mobile),
        ("49800", TollFree), ("49900", Premium), ("49137", Premium), ("49180", Premium), ("49700", Premium),
        ("4915", Mobile), ("4916", Mobile), ("4917", Mobile),
        ("3380", TollFree), ("3381", Premium), ("3382", Premium), ("3389", Premium), ("336", Mobile),
        ("337", Mobile),
        ("611800", TollFree), ("61190", Premium), ("614", Mobile),
        ("39800", TollFree), ("39803", TollFree), ("3989", Premium), ("3919", Premium), ("393", Mobile),
        ("34800", TollFree), ("34900", TollFree), ("3480", Premium), ("34905", Premium), ("3470", Premium),
        ("346", Mobile), ("347", Mobile),
        ("31800", TollFree), ("3190", Premium), ("316", Mobile),
        ("4620", TollFree), ("46900", Premium), ("46939", Premium), ("46944", Premium), ("467", Mobile),
        ("3531800", TollFree), ("35315", Premium), ("3538", Mobile),
        ("41800", TollFree), ("4190", Premium), ("4175", Mobile), ("4176", Mobile), ("4177", Mobile),
        ("4178", Mobile), ("4179", Mobile),
        ("43800", TollFree), ("439", Premium), ("4365", Mobile), ("4366", Mobile), ("4367", Mobile),
        ("4368", Mobile), ("4369", Mobile),
        ("32800", TollFree), ("3290", Premium), ("324", Mobile),
        ("48800", TollFree), ("4870", Premium),
        ("81120", TollFree), ("81800", TollFree), ("81990", Premium), ("8170", Mobile), ("8180", Mobile),
        ("8190", Mobile),
        ("64800", TollFree), ("64508", TollFree), ("64900", Premium), ("642", Mobile),
        ("55800", TollFree), ("55900", Premium),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    fn need(country: &str, kind: NumberType, wishes: &[(Wish, &str)]) -> Need {
        let wishes = wishes.iter().map(|(wish, text)| (*wish, (*text).into())).collect();
        Need { country: country.into(), kind, wishes, capabilities: vec![Capability::Voice] }
    }

    fn offer(text: &str) -> Offer {
        Offer::from_number(PhoneNumber::observed(text).expect(text))
    }

    #[test]
    fn the_digits_alone_tell_much() {
        use NumberType::{Local, Mobile, TollFree};
        for (number, country, kind, misfit) in [
            ("+12125550100", "US", Local, None),
            ("+15552230000", "US", Local, None),
            ("+12125550100", "CA", Local, Some(Misfit::Country)),
            ("+12045550144", "US", Local, Some(Misfit::Country)),
            ("+18765550100", "US", Local, Some(Misfit::Country)),
            ("+18765550100", "JM", Local, None),
            ("+12125550100", "JM", Local, Some(Misfit::Country)),
            ("+19005550100", "US", Local, Some(Misfit::Type)),
            ("+17005550100", "US", Local, Some(Misfit::Type)),
            ("+18005550100", "US", Local, Some(Misfit::Type)),
            ("+18335550100", "US", TollFree, None),
            ("+18335550100", "CA", TollFree, None),
            ("+12125550100", "US", TollFree, Some(Misfit::Type)),
            ("+12125550100", "GB", Local, Some(Misfit::Country)),
            ("+442055501440", "US", Local, Some(Misfit::Country)),
            ("+442055501440", "GB", Local, None),
            ("+441534555014", "JE", Local, None),
            ("+447700900123", "GB", Local, Some(Misfit::Type)),
            ("+447700900123", "GB", Mobile, None),
            ("+448005550100", "GB", Local, Some(Misfit::Type)),
            ("+448005550100", "GB", TollFree, None),
            ("+449055501000", "GB", Local, Some(Misfit::Type)),
            ("+442055501440", "GB", Mobile, Some(Misfit::Type)),
            ("+88216555501", "US", Local, Some(Misfit::NotOfACountry)),
            ("+8835110555501", "GB", Local, Some(Misfit::NotOfACountry)),
            ("+80055501000", "US", TollFree, Some(Misfit::NotOfACountry)),
            ("+442055501440", "GB", TollFree, Some(Misfit::Type)),
            ("+48505550144", "PL", Mobile, None),
            ("+38349555010", "XK", Mobile, None),
            ("+121255501", "US", Local, Some(Misfit::NotOfACountry)),
            ("12345", "US", Local, Some(Misfit::NotOfACountry)),
        ] {
            let found = offer(number).misfit(&need(country, kind, &[]), false);
            assert_eq!(found, misfit, "{number} for {country} {kind:?}");
        }
    }

    #[test]
    fn a_row_that_says_otherwise_does_not_match_a_wish() {
        let row = Offer {
            iso_country: Some("US".into()),
            region: Some("NY".into()),
            locality: Some("New York".into()),
            rate_center: Some("NWYRCYZN01".into()),
            lata: Some("132".into()),
            postal_code: Some("10001".into()),
            place: Some(Coordinates { latitude: 40.7128, longitude: -74.006 }),
            ..offer("+12125550100")
        };
        for (wish, fits, does_not) in [
            (Wish::AreaCode, "212", "646"),
            (Wish::Region, "ny", "NJ"),
            (Wish::Region, "+16465550100", "New Jersey"),
            (Wish::Locality, "NEW YORK", "Newark"),
            (Wish::RateCenter, "nwyrcyzn01", "NWYRCYZN02"),
            (Wish::Lata, "132", "224"),
            (Wish::PostalCode, "10001-1234", "10036"),
            (Wish::Near, "40.75,-73.98", "37.77,-122.41"),
            (Wish::Near, "+16465550100", "34.05,-118.24"),
            (Wish::Contains, "+1212", "+1646"),
            (Wish::Contains, "2125550", "2125551"),
            (Wish::Contains, "555****", "555*****"),
            (Wish::Contains, "0100$", "5550$"),
            (Wish::Contains, "+1%100$", "+2%100$"),
            (Wish::Contains, "jj5", "kk6"),
        ] {
            let of = |text: &str| row.misfit(&need("US", NumberType::Local, &[(wish, text)]), false);
            assert_eq!(of(fits), None, "{wish:?} {fits}");
            assert_eq!(of(does_not), Some(Misfit::Wish(wish)), "{wish:?} {does_not}");
            // What it does not say speaks for nothing and against nothing.
            if !matches!(wish, Wish::AreaCode | Wish::Contains) {
                let silent = offer("+12125550100");
                assert_eq!(silent.misfit(&need("US", NumberType::Local, &[(wish, does_not)]), false), None);
            }
        }
        let british = offer("+442055501440");
        for (wish, text, misfit) in [
            (Wish::AreaCode, "161", Some(Misfit::Wish(Wish::AreaCode))),
            (Wish::AreaCode, "020", None),
            (Wish::Contains, "020555", None),
            (Wish::Contains, "+4420", None),
            (Wish::Contains, "+44161", Some(Misfit::Wish(Wish::Contains))),
        ] {
            assert_eq!(
                british.misfit(&need("GB", NumberType::Local, &[(wish, text)]), false),
                misfit,
                "{text}"
            );
        }
    }

    #[test]
    fn a_stock_falls_into_parts_by_its_digits() {
        let local = |country, wishes: &[(Wish, &str)]| need(country, NumberType::Local, wishes);
        let first = |need: &Need, prefix| parts(need, prefix).first().cloned().unwrap_or_default();
        assert_eq!(parts(&local("US", &[(Wish::AreaCode, "503")]), None).len(), 8);
        assert_eq!(first(&local("US", &[(Wish::AreaCode, "503")]), None), "15032");
        assert_eq!(first(&local("US", &[(Wish::AreaCode, "503")]), Some("15032")), "150320");
        assert_eq!(first(&local("US", &[]), None), "12");
        assert_eq!(first(&local("GB", &[]), None), "440");
        assert_eq!(first(&local("GB", &[(Wish::Contains, "+44161")]), None), "441610");
        assert_eq!(parts(&local("GB", &[(Wish::Contains, "161")]), None), Vec::<String>::new());
        assert_eq!(parts(&local("US", &[]), Some("1503555014")), Vec::<String>::new());
        let narrowed = beginning_with(&local("US", &[(Wish::Contains, "+1503")]), "15032");
        assert_eq!(narrowed.wishes, [(Wish::Contains, "+15032".into())]);
    }

    #[test]
    fn what_it_cannot_do_and_what_it_takes_count() {
        let wanted = need("US", NumberType::Local, &[]);
        let mute = Offer { capabilities: vec![(Capability::Voice, false)], ..offer("+12125550100") };
        assert_eq!(mute.misfit(&wanted, false), Some(Misfit::Lacks(Capability::Voice)));
        let no_fax = Offer { capabilities: vec![(Capability::Fax, false)], ..offer("+12125550100") };
        assert_eq!(no_fax.misfit(&wanted, false), None);
        let regulated = Offer { wants_address: true, ..offer("+12125550100") };
        assert_eq!(regulated.misfit(&wanted, false), Some(Misfit::Address));
        assert_eq!(regulated.misfit(&wanted, true), None);
        let elsewhere = Offer { iso_country: Some("ca".into()), ..offer("+15552230000") };
        assert_eq!(elsewhere.misfit(&wanted, false), Some(Misfit::Country));
    }
}

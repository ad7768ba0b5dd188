//! The nouns: phone numbers and Twilio's identifiers, each parsed once and never re-checked.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// A phone number as numctl holds it: E.164, or a short code.
///
/// Eight bytes, so that a million of them cost eight megabytes. The digits round-trip exactly,
/// a short code's leading zeros included.
///
/// [`PhoneNumber::declared`] is strict and serves the desired-state file; [`PhoneNumber::observed`]
/// is lenient and serves what the API answers, whose own page shows `+1555223000`, a number with
/// nine national digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(NonZeroU64);

/// Set on short codes; E.164 values stay below 10^15 and never reach it.
const SHORT_CODE: u64 = 1 << 60;
/// Where a short code keeps its digit count.
const SHORT_CODE_LENGTH_SHIFT: u32 = 50;

/// Why a text is not a phone number that a file may declare. The message is for people and
/// carries the fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("a phone number is missing; write it in E.164, such as \"+15552230000\"")]
    Empty,
    /// Something other than digits after the `+`.
    #[error(
        "{0:?} is not a phone number: {1:?} is not a digit; write it in E.164, without spaces or punctuation, such as \"+15552230000\""
    )]
    NotDigits(String, char),
    /// All digits, but no `+`, and too long for a short code.
    #[error(
        "{0:?} has no leading +; did you mean \"+{0}\"? (E.164 starts with + and the country calling code)"
    )]
    NoPlus(String),
    /// `00`, the dialling prefix of many countries.
    #[error(
        "{0:?} starts with an international dialling prefix; E.164 starts with +: did you mean \"+{1}\"?"
    )]
    DialPrefix(String, String),
    /// All digits and too long for a short code, and a zero in front: a trunk prefix, most likely.
    #[error(
        "{0:?} starts with 0, a national prefix; write a +, the country calling code, and the number without that 0"
    )]
    NationalPrefix(String),
    /// A zero after the `+`.
    #[error("{0:?} has no country calling code: none starts with 0")]
    LeadingZero(String),
    /// More than the 15 digits of E.164.
    #[error("{0:?} has {1} digits; E.164 allows 15")]
    TooLong(String, usize),
    /// No country has this calling code.
    #[error("{0:?} does not start with a known country calling code")]
    UnknownCallingCode(String),
    /// The calling code is known, and no number under it has this many digits.
    #[error("{number:?} has {digits} digits after the calling code +{code}; numbers there have {}", lengths(.min, .max))]
    Length {
        number: String,
        /// The country calling code that it starts with.
        code: u16,
        digits: usize,
        /// The fewest that are possible.
        min: u8,
        /// The most that are possible.
        max: u8,
    },
    /// Digits without a `+`, but too few or zero-led for a short code.
    #[error(
        "{0:?} is neither E.164 (a + and up to 15 digits) nor a short code (3 to 8 digits, the first not 0)"
    )]
    NotAShortCode(String),
}

fn lengths(min: &u8, max: &u8) -> String {
    if min == max { format!("{min}") } else { format!("{min} to {max}") }
}

impl PhoneNumber {
    /// Parses a number that a file declares: E.164 with a known country calling code and a
    /// possible length, or a short code.
    ///
    /// "Possible", not "assigned today": test ranges and ranges opened tomorrow must pass.
    ///
    /// # Errors
    /// Says what is wrong and what was probably meant.
    pub fn declared(text: &str) -> Result<Self, NumberError> {
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        let (plus, digits) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(odd) = digits.chars().find(|c| !are_digits && !c.is_ascii_digit()) {
            return Err(NumberError::NotDigits(text.to_owned(), odd));
        }
        if digits.is_empty() {
            return Err(NumberError::Empty);
        }
        if !plus {
            if let Some(rest) = digits.strip_prefix("00")
                && rest.len() > 6
            {
                return Err(NumberError::DialPrefix(text.to_owned(), rest.to_owned()));
            }
            if digits.len() > 8 && digits.starts_with('0') {
                return Err(NumberError::NationalPrefix(text.to_owned()));
            }
            if digits.len() > 8 {
                return Err(NumberError::NoPlus(text.to_owned()));
            }
            if digits.len() < 3 || digits.starts_with('0') {
                return Err(NumberError::NotAShortCode(text.to_owned()));
            }
            return Ok(Self::pack_short_code(digits));
        }
        if digits.starts_with('0') {
            return Err(NumberError::LeadingZero(text.to_owned()));
        }
        if digits.len() > 15 {
            return Err(NumberError::TooLong(text.to_owned(), digits.len()));
        }
        let Some((code, min, max)) = calling_code(digits) else {
            return Err(NumberError::UnknownCallingCode(text.to_owned()));
        };
        let national = digits.len() - digit_count(u64::from(code));
        if national < usize::from(min) || national > usize::from(max) {
            return Err(NumberError::Length { number: text.to_owned(), code, digits: national, min, max });
        }
        Ok(Self::pack_e164(digits))
    }

    /// Reads a number as the API gives it: a `+` and up to 15 digits of any country and length, or a
    /// short code of up to 8 bare digits. Anything else is `None`: see [`PhoneNumber::meant`].
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        let (plus, digits) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        match plus {
            true if digits.len() <= 15 && !digits.starts_with('0') => Some(Self::pack_e164(digits)),
            false if digits.len() <= 8 => Some(Self::pack_short_code(digits)),
            _ => None,
        }
    }

    /// The E.164 number that a text means which is neither that nor a short code: bare digits without
    /// their `+`, or with blanks and punctuation. `None` where they are none.
    ///
    /// It serves to find a number that the API spells oddly. Ten bare digits may well be a national
    /// number, so that nothing that costs money or cannot be undone rests on it alone.
    #[must_use]
    pub fn meant(text: &str) -> Option<Self> {
        let is_filler =
            |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2010}'..='\u{2013}');
        let digits: String = text.chars().filter(|c| !is_filler(*c)).collect();
        let digits = digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")).unwrap_or(&digits);
        let is_e164 = (9..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let number = Self::declared(&format!("+{digits}")).ok();
        number.filter(|_| is_e164)
    }

    /// The last seven digits, by which a number and another spelling of it are known to be alike.
    #[must_use]
    pub fn tail(self) -> u32 {
        // A remainder of ten million fits.
        (self.0.get() % TAIL) as u32
    }

    /// The same of any text; `None` where it has fewer digits.
    #[must_use]
    pub fn tail_of(text: &str) -> Option<u32> {
        let digits: Vec<u32> = text.chars().filter_map(digit).collect();
        let tail = digits.len().checked_sub(7).map(|from| &digits[from..])?;
        Some(tail.iter().fold(0, |tail, digit| tail * 10 + digit))
    }

    fn pack_e164(digits: &str) -> Self {
        Self::pack(value_of(digits))
    }

    fn pack_short_code(digits: &str) -> Self {
        Self::pack(SHORT_CODE | ((digits.len() as u64) << SHORT_CODE_LENGTH_SHIFT) | value_of(digits))
    }

    fn pack(bits: u64) -> Self {
        // Both callers pass at least one non-zero bit: an E.164 number has a non-zero first digit.
        Self(NonZeroU64::new(bits).unwrap_or(NonZeroU64::MIN))
    }

    /// Whether this is a short code. Short codes may be configured; they are never bought.
    #[must_use]
    pub fn is_short_code(self) -> bool {
        self.0.get() & SHORT_CODE != 0
    }

    /// Whether `self` is the number right after `before`, so that a list may be shown as a range.
    #[must_use]
    pub fn follows(self, before: Self) -> bool {
        !self.is_short_code() && self.0.get() == before.0.get() + 1
    }
}

/// Seven digits: a subscriber's part of a number, whatever stands before it.
const TAIL: u64 = 10_000_000;

/// A decimal digit of the scripts that phone numbers are seen in.
fn digit(c: char) -> Option<u32> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{966}'..='\u{96f}' => '\u{966}',
        '\u{ff10}'..='\u{ff19}' => '\u{ff10}',
        _ => return None,
    };
    Some(u32::from(c) - u32::from(zero))
}

fn value_of(digits: &str) -> u64 {
    digits.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
}

fn digit_count(value: u64) -> usize {
    value.checked_ilog10().map_or(1, |log| log as usize + 1)
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0.get();
        if self.is_short_code() {
            let length = ((bits & !SHORT_CODE) >> SHORT_CODE_LENGTH_SHIFT) as usize;
            let value = bits & ((1 << SHORT_CODE_LENGTH_SHIFT) - 1);
            f.pad(&format!("{value:0length$}"))
        } else {
            f.pad(&format!("+{bits}"))
        }
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PhoneNumber {
    type Err = NumberError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::declared(text)
    }
}

impl serde::Serialize for PhoneNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for PhoneNumber {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::observed(&text).ok_or_else(|| serde::de::Error::custom("not a phone number"))
    }
}

/// The calling code that `digits` (without the `+`) start with, and how many national digits a
/// number under it may have.
pub(crate) fn calling_code(digits: &str) -> Option<(u16, u8, u8)> {
    (1..=3).find_map(|length| {
        let code: u16 = digits.get(..length)?.parse().ok()?;
        CALLING_CODES.binary_search_by_key(&code, |entry| entry.0).ok().map(|at| CALLING_CODES[at])
    })
}

/// ITU-T E.164 country calling codes with the fewest and the most national digits that are
/// possible. Generous on purpose: it is there to catch a lost or doubled digit, not to know
/// what is assigned.
#[rustfmt::skip]
const CALLING_CODES: &[(u16, u8, u8)] = &[
    (1,10,10),(7,10,10),
    (20,7,10),(27,5,10),(30,10,12),(31,5,11),(32,7,10),(33,9,9),(34,9,9),(36,7,9),(39,5,12),
    (40,6,9),(41,7,12),(43,4,13),(44,7,10),(45,8,8),(46,6,12),(47,5,8),(48,6,10),(49,3,13),
    (51,7,11),(52,8,11),(53,6,10),(54,8,11),(55,8,11),(56,8,11),(57,7,11),(58,7,10),
    (60,7,10),(61,5,12),(62,7,13),(63,6,13),(64,5,10),(65,8,11),(66,8,13),
    (81,8,13),(82,5,13),(84,7,11),(86,7,12),
    (90,7,13),(91,8,13),(92,8,12),(93,9,9),(94,7,9),(95,6,10),(98,4,11),
    (211,7,9),(212,9,9),(213,7,9),(216,8,8),(218,8,10),(220,7,9),(221,7,9),(222,7,8),(223,8,8),(224,8,9),
    (225,8,10),(226,8,8),(227,8,8),(228,7,8),(229,8,10),(230,7,10),(231,7,9),(232,8,8),(233,8,9),(234,6,12),
    (235,8,8),(236,8,8),(237,8,9),(238,7,7),(239,7,7),(240,9,9),(241,7,8),(242,9,9),(243,7,10),(244,9,9),
    (245,7,9),(246,7,7),(247,4,6),(248,7,7),(249,9,9),(250,8,9),(251,9,9),(252,6,9),(253,8,8),(254,7,10),
    (255,7,9),(256,9,9),(257,8,8),(258,8,9),(260,9,9),(261,7,10),(262,9,9),(263,5,10),(264,6,10),(265,7,9),
    (266,8,8),(267,7,10),(268,8,9),(269,7,7),(290,4,5),(291,7,7),(297,7,7),(298,6,6),(299,6,6),
    (350,8,8),(351,9,11),(352,4,11),(353,7,10),(354,7,9),(355,6,9),(356,8,8),(357,8,8),(358,5,12),(359,6,12),
    (370,8,8),(371,8,8),(372,7,10),(373,8,8),(374,8,8),(375,6,11),(376,6,9),(377,8,9),(378,6,10),(379,6,10),
    (380,9,10),(381,6,12),(382,4,12),(383,8,12),(385,6,12),(386,5,8),(387,8,9),(389,8,8),
    (420,9,12),(421,6,9),(423,7,9),
    (500,5,5),(501,7,11),(502,8,11),(503,7,11),(504,8,11),(505,8,8),(506,8,10),(507,7,11),(508,6,9),(509,8,8),
    (590,9,9),(591,8,9),(592,7,7),(593,8,11),(594,9,9),(595,6,11),(596,9,9),(597,6,7),(598,4,12),(599,7,8),
    (670,7,8),(672,5,6),(673,7,7),(674,7,7),(675,7,11),(676,5,7),(677,5,7),(678,5,7),(679,7,11),(680,7,7),
    (681,6,9),(682,5,5),(683,4,7),(685,5,10),(686,5,8),(687,6,6),(688,5,7),(689,6,9),(690,4,7),(691,7,7),(692,7,7),
    (800,8,8),(808,8,8),(850,8,12),(852,5,11),(853,8,8),(855,8,10),(856,8,10),(870,9,12),(878,10,12),
    (880,6,10),(881,9,10),(882,7,12),(883,9,12),(886,7,11),(888,8,12),
    (960,7,10),(961,7,8),(962,8,9),(963,8,10),(964,8,10),(965,7,8),(966,8,10),(967,7,9),(968,7,9),
    (970,8,10),(971,5,12),(972,7,12),(973,8,8),(974,7,11),(975,7,8),(976,6,10),(977,8,11),(979,9,9),
    (992,9,9),(993,8,8),(994,9,9),(995,9,9),(996,9,10),(998,9,9),
];

/// Why a text is not the SID that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {article} {what} SID: {problem}")]
pub struct SidError {
    text: String,
    article: &'static str,
    what: &'static str,
    problem: String,
}

fn sid_tail(text: &str, prefix: &str) -> Option<[u8; 32]> {
    let tail: [u8; 32] = text.strip_prefix(prefix)?.as_bytes().try_into().ok()?;
    tail.iter().all(u8::is_ascii_alphanumeric).then_some(tail)
}

fn check_sid(text: &str, prefix: &'static str, what: &'static str) -> Result<[u8; 32], SidError> {
    let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    let problem = |problem: String| SidError {
        // Someone may have put a webhook URL here.
        text: crate::model::secret_url::masked(text),
        article,
        what,
        problem,
    };
    let Some(rest) = text.strip_prefix(prefix) else {
        return Err(problem(match (text.get(..2), SID_KINDS.iter().find(|kind| text.starts_with(kind.0))) {
            (_, Some((other, name))) => {
                format!("{other} starts the SID of {name}; this one starts with {prefix}")
            }
            _ => format!("it starts with {prefix}"),
        }));
    };
    if rest.len() != 32 {
        return Err(problem(format!("it has {} characters, and a SID has 34", text.chars().count())));
    }
    if !rest.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(problem(format!("after {prefix} come 32 hexadecimal digits (0-9, a-f)")));
    }
    sid_tail(text, prefix)
        .ok_or_else(|| problem(format!("after {prefix} come 32 hexadecimal digits (0-9, a-f)")))
}

/// Prefixes that people mix up, for the message.
const SID_KINDS: &[(&str, &str)] = &[
    ("AC", "an account"),
    ("PN", "a phone number"),
    ("AP", "an application"),
    ("TK", "a trunk"),
    ("AD", "an address"),
    ("BU", "a regulatory bundle"),
    ("SK", "an API key"),
    ("RI", "an identity"),
];

macro_rules! sid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// Parses a SID that a person wrote: the prefix and 32 hexadecimal digits.
            ///
            /// # Errors
            /// Says which part is off.
            #[allow(dead_code, reason = "no file declares a number's SID")]
            pub fn declared(text: &str) -> Result<Self, SidError> {
                check_sid(text, $prefix, $what).map(Self)
            }

            /// Reads a SID as the API gives it: the prefix and any 32 letters or digits, since the
            /// API's own page shows placeholders.
            #[must_use]
            pub fn observed(text: &str) -> Option<Self> {
                sid_tail(text, $prefix).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                // Only ASCII letters and digits ever get in.
                f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::observed(&text)
                    .ok_or_else(|| serde::de::Error::custom(concat!("not the SID of a kind: ", $what)))
            }
        }
    };
}

sid!(
    /// An account or a subaccount, `AC…`.
    AccountSid, "AC", "account"
);
sid!(
    /// One ownership of a phone number by an account, `PN…`.
    NumberSid, "PN", "phone number"
);
sid!(
    /// A voice or messaging application, `AP…`.
    ApplicationSid, "AP", "application"
);
sid!(
    /// A SIP trunk, `TK…`.
    TrunkSid, "TK", "trunk"
);
sid!(
    /// A registered address, `AD…`.
    AddressSid, "AD", "address"
);
sid!(
    /// A verified identity document, `RI…`.
    IdentitySid, "RI", "identity"
);
sid!(
    /// A regulatory bundle, `BU…`.
    BundleSid, "BU", "regulatory bundle"
);
sid!(
    /// A Messaging Service, `MG…`.
    ServiceSid, "MG", "Messaging Service"
);

/// A live number by both its names: requests go by the SID, and answers must be about the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRef {
    pub sid: NumberSid,
    pub number: PhoneNumber,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_numbers_round_trip() {
        for text in ["+15552230000", "+442079460000", "+18559728742", "+4915112345678", "12345", "88811"] {
            assert_eq!(PhoneNumber::declared(text).map(|n| n.to_string()), Ok(text.to_string()), "{text}");
        }
    }

    #[test]
    fn observed_numbers_keep_every_digit() {
        for text in ["+1555223000", "+15552230000", "012345", "00", "911"] {
            assert_eq!(PhoneNumber::observed(text).map(|n| n.to_string()), Some(text.to_string()));
        }
        for text in ["", "+", "anonymous", "+1 555", "+1234567890123456", "+0123"] {
            assert_eq!(PhoneNumber::observed(text), None, "{text}");
        }
    }

    #[test]
    fn undeclarable_numbers_say_why() {
        let fails_with = |text: &str, part: &str| {
            let message = PhoneNumber::declared(text).expect_err(text).to_string();
            assert!(message.contains(part), "{text}: {message}");
        };
        fails_with("15552230000", "did you mean \"+15552230000\"");
        fails_with("015552230000", "national prefix");
        fails_with("0015552230000", "did you mean \"+15552230000\"");
        fails_with("+1555223000", "9 digits after the calling code +1");
        fails_with("+1 555 223 0000", "not a digit");
        fails_with("+2105552230000", "does not start with a known country calling code");
        fails_with("+0155522", "none starts with 0");
        fails_with("+1234567890123456", "E.164 allows 15");
        fails_with("12", "neither E.164");
        fails_with("", "missing");
        fails_with("+", "missing");
    }

    #[test]
    fn calling_codes_are_sorted_for_the_search() {
        assert!(CALLING_CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn sids_say_what_they_are_not() {
        let hex = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            AccountSid::declared(&format!("AC{hex}")).map(|sid| sid.to_string()),
            Ok(format!("AC{hex}"))
        );
        let message = ApplicationSid::declared(&format!("TK{hex}")).expect_err("wrong kind").to_string();
        assert!(message.contains("not an application SID") && message.contains("a trunk"), "{message}");
        assert!(AccountSid::declared("ACxx").is_err());
        assert!(NumberSid::declared(&format!("PN{}", "y".repeat(32))).is_err());
        assert!(NumberSid::observed(&format!("PN{}", "y".repeat(32))).is_some());
    }
}

//! Money as it is billed: decimal, exact, in a currency that is never mixed with another.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::fmt;

/// Digits after the point that are kept. A price with more of them is not read, rather than rounded.
const DECIMALS: usize = 6;

/// One whole unit of a currency, in the smallest part that is kept.
const UNIT: i128 = 1_000_000;

/// Digits before the point. Times as many numbers as fit into a `u64`, it stays below an `i128`'s end,
/// so that no sum of a fleet overflows.
const WHOLE_DIGITS_MAX: usize = 12;

/// A currency by its ISO 4217 code, such as `USD`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads a code as the API gives it, whose page says that it may be in small letters.
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        let code: [u8; 3] = text.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_alphabetic).then(|| Self(code.map(|letter| letter.to_ascii_uppercase())))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(f, "{}", char::from(*letter)))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An amount of one currency. Below zero where it is a difference.
///
/// There is no order between two of them and no sum: [`Sums`] adds, each currency by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    parts: i128,
    currency: Currency,
}

impl Money {
    /// An amount as the API writes it: digits, and up to six of them after a point. No sign, no
    /// exponent: `None` for what is not exactly an amount.
    #[must_use]
    pub fn observed(amount: &str, currency: Currency) -> Option<Self> {
        let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
        let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let part = if part.len() > 1 { part.trim_end_matches('0') } else { part };
        let is_amount = are_digits(whole)
            && (part.is_empty() || are_digits(part))
            && whole.len() <= WHOLE_DIGITS_MAX
            && part.len() <= DECIMALS;
        if !is_amount {
            return None;
        }
        let parts = whole.parse::<i128>().ok()?.checked_mul(UNIT)?;
        let parts = parts.checked_add(format!("{part:0<DECIMALS$}").parse::<i128>().ok()?)?;
        Some(Self { parts, currency })
    }

    /// An amount as people write it in a file or an option: `25 USD`, `9.50 EUR`. `None` for anything
    /// else, such as a bare number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (amount, code) = text.split_once(' ')?;
        let currency = Currency::observed(code).filter(|currency| currency.to_string() == code)?;
        let is_plain = amount == "0" || !amount.starts_with('0') || amount.starts_with("0.");
        Self::observed(amount, currency).filter(|_| is_plain && !amount.ends_with('.'))
    }

    /// The currency that the amount is in.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// At most this many times it.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self { parts: self.parts.saturating_mul(count as i128), ..self }
    }

    /// The same with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self { parts: self.parts.saturating_neg(), ..self }
    }

    /// The amount itself, of a difference.
    #[must_use]
    pub fn without_sign(self) -> Self {
        Self { parts: self.parts.saturating_abs(), ..self }
    }

    /// Whether it is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.parts > 0
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.parts == 0
    }

    /// Whether it is more than another of the same currency; `None` for two currencies, which nothing
    /// compares.
    #[must_use]
    pub fn exceeds(self, other: Self) -> Option<bool> {
        (self.currency == other.currency).then_some(self.parts > other.parts)
    }

    /// `1.15`: the amount without its currency.
    #[must_use]
    pub fn decimal(self) -> String {
        let mut text = self.to_string();
        text.truncate(text.find(' ').unwrap_or(text.len()));
        text
    }

    /// `+2.30 USD`, `-1.15 USD`, `+0.00 USD`.
    #[must_use]
    pub fn signed(self) -> String {
        if self.parts < 0 { self.to_string() } else { format!("+{self}") }
    }
}

/// `1.15 USD`: at least two digits after the point, and as many as there are.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.parts < 0 { "-" } else { "" };
        let (whole, part) = (
            self.parts.unsigned_abs().div_euclid(UNIT as u128),
            self.parts.unsigned_abs().rem_euclid(UNIT as u128),
        );
        let part = format!("{part:0DECIMALS$}");
        let end = part.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{whole}.{} {}", &part[..end], self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sums, each of one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<Currency, i128>);

impl Sums {
    /// Adds to the sum of the amount's currency.
    pub fn add(&mut self, money: Money) {
        let sum = self.0.entry(money.currency).or_default();
        *sum = sum.saturating_add(money.parts);
    }

    /// The sum of a currency: nothing where none was added.
    #[must_use]
    pub fn amount_in(&self, currency: Currency) -> Money {
        Money { parts: self.0.get(&currency).copied().unwrap_or_default(), currency }
    }

    /// The sums by currency, those that amounted to nothing included.
    pub fn iter(&self) -> impl Iterator<Item = Money> {
        self.0.iter().map(|(currency, parts)| Money { parts: *parts, currency: *currency })
    }

    /// What these have more than others, in the currencies of either.
    #[must_use]
    pub fn minus(&self, others: &Self) -> Self {
        let mut difference = self.clone();
        others.iter().for_each(|money| difference.add(money.negated()));
        difference
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let usd = Currency::observed("usd").expect("a currency");
        let read = |text: &str| Money::observed(text, usd).map(|money| money.to_string());
        for (text, shown) in [
            ("1.15", "1.15 USD"),
            ("1", "1.00 USD"),
            ("0.0", "0.00 USD"),
            ("0.005", "0.005 USD"),
            ("2.1500000000", "2.15 USD"),
            ("2.", "2.00 USD"),
            ("999999999999.999999", "999999999999.999999 USD"),
        ] {
            assert_eq!(read(text).as_deref(), Some(shown), "{text}");
        }
        for text in
            ["", ".", ".5", "-1", "+1", "1e3", "1,5", "1.1.1", "0.0000001", "1000000000000", " 1", "١"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn people_write_an_amount_and_its_currency() {
        let parse = |text: &str| Money::parse(text).map(|money| money.to_string());
        assert_eq!(parse("25 USD").as_deref(), Some("25.00 USD"));
        assert_eq!(parse("0 EUR").as_deref(), Some("0.00 EUR"));
        assert_eq!(parse("0.50 EUR").as_deref(), Some("0.50 EUR"));
        for text in
            ["25", "25USD", "USD 25", "25 usd", "25  USD", "25 US", "-1 USD", "1. USD", "007 USD", "25 USD "]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn differences_have_a_sign_and_currencies_stay_apart() {
        let money = |text: &str| Money::parse(text).expect(text);
        let (mut before, mut after) = (Sums::default(), Sums::default());
        before.add(money("3.45 USD"));
        after.add(money("1.15 USD").times(2));
        after.add(money("9 EUR"));
        let shown: Vec<String> = after.minus(&before).iter().map(Money::signed).collect();
        assert_eq!(shown, ["+9.00 EUR", "-1.15 USD"]);
        assert_eq!(money("9 EUR").exceeds(money("1 USD")), None);
        assert_eq!(money("9 EUR").exceeds(money("9 EUR")), Some(false));
    }
}

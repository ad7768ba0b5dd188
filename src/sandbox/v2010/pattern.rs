//! Patterns of phone numbers: `Contains` of a search, `PhoneNumber` of a list.
//!
//! Digits stand for themselves and letters for their keys; `*` is any one digit, `%` any run of
//! them. A pattern may match anywhere in the number, country code included, unless a `+` before it
//! ties it to the start or a `$` after it to the end.

use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternPart {
    Digit(u8),
    Any,
    Run,
}

/// A pattern as an automaton over digits. A set of its states is a bit mask: bit N says that the
/// first N parts may have been matched.
#[derive(Debug, Clone, Default)]
pub(super) struct Pattern {
    parts: Vec<PatternPart>,
    from_start: bool,
    to_end: bool,
    /// Whether a number can still match, from a set of states with this many digits to come.
    known: HashMap<(u32, usize), bool>,
}

/// Longer ones are not patterns: Twilio takes 16 characters.
const PARTS_MAX: usize = 16;

impl Pattern {
    /// Reads a pattern; `None` when it has a character that means nothing, or too many.
    pub(super) fn new(text: &str) -> Option<Self> {
        let (from_start, text) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (to_end, text) = match text.strip_suffix('$') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let parts: Vec<PatternPart> = text.chars().map(part).collect::<Option<_>>()?;
        let fits = (1..=PARTS_MAX).contains(&parts.len());
        fits.then(|| Self { parts, from_start, to_end, known: HashMap::new() })
    }

    /// The digits that every match starts with.
    pub(super) fn head(&self) -> String {
        if !self.from_start {
            return String::new();
        }
        self.parts
            .iter()
            .map_while(|part| match part {
                PatternPart::Digit(digit) => Some(char::from(b'0' + digit)),
                PatternPart::Any | PatternPart::Run => None,
            })
            .collect()
    }

    pub(super) fn matches(&self, digits: &str) -> bool {
        let end = digits.bytes().fold(self.begin(), |states, b| self.step(states, b.wrapping_sub(b'0')));
        self.accepts(end)
    }

    /// The first match from `from` on that has as many digits as it. Found digit by digit, without
    /// a walk over the numbers between.
    pub(super) fn next(&mut self, from: u64) -> Option<u64> {
        let digits: Vec<u8> = from.to_string().bytes().map(|b| b - b'0').collect();
        let mut states = vec![self.begin()];
        for digit in &digits {
            let now = states.last().copied().unwrap_or_default();
            states.push(self.step(now, *digit));
        }
        if states.last().is_some_and(|end| self.accepts(*end)) {
            return Some(from);
        }
        // The longest common beginning with `from` gives the smallest number above it.
        for at in (0..digits.len()).rev() {
            let (now, left) = (states[at], digits.len() - at - 1);
            for digit in digits[at] + 1..=9 {
                let states = self.step(now, digit);
                if self.can_match(states, left) {
                    let head = digits[..at].iter().fold(0, |value, digit| value * 10 + u64::from(*digit));
                    return Some(self.smallest(head * 10 + u64::from(digit), states, left));
                }
            }
        }
        None
    }

    fn smallest(&mut self, mut value: u64, mut states: u32, left: usize) -> u64 {
        for left in (0..left).rev() {
            let fits = (0..=9).find(|digit| self.can_match(self.step(states, *digit), left));
            // There is one: the caller has asked.
            let digit = fits.unwrap_or_default();
            states = self.step(states, digit);
            value = value * 10 + u64::from(digit);
        }
        value
    }

    fn can_match(&mut self, states: u32, left: usize) -> bool {
        if left == 0 || states == 0 {
            return self.accepts(states);
        }
        if let Some(known) = self.known.get(&(states, left)) {
            return *known;
        }
        let can = (0..=9).any(|digit| self.can_match(self.step(states, digit), left - 1));
        self.known.insert((states, left), can);
        can
    }

    fn begin(&self) -> u32 {
        self.with_empty_runs(1)
    }

    fn accepts(&self, states: u32) -> bool {
        states & (1 << self.parts.len()) != 0
    }

    fn step(&self, states: u32, digit: u8) -> u32 {
        let mut next = if self.from_start { 0 } else { states & 1 };
        for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| states & (1 << at) != 0) {
            next |= match part {
                PatternPart::Digit(wanted) if *wanted != digit => 0,
                PatternPart::Digit(_) | PatternPart::Any => 1 << (at + 1),
                PatternPart::Run => 1 << at,
            };
        }
        if !self.to_end {
            next |= states & (1 << self.parts.len());
        }
        self.with_empty_runs(next)
    }

    /// A run may be empty.
    fn with_empty_runs(&self, mut states: u32) -> u32 {
        for (at, part) in self.parts.iter().enumerate() {
            if *part == PatternPart::Run && states & (1 << at) != 0 {
                states |= 1 << (at + 1);
            }
        }
        states
    }
}

fn part(c: char) -> Option<PatternPart> {
    Some(match c.to_ascii_lowercase() {
        '*' => PatternPart::Any,
        '%' => PatternPart::Run,
        digit @ '0'..='9' => PatternPart::Digit(digit as u8 - b'0'),
        'a'..='c' => PatternPart::Digit(2),
        'd'..='f' => PatternPart::Digit(3),
        'g'..='i' => PatternPart::Digit(4),
        'j'..='l' => PatternPart::Digit(5),
        'm'..='o' => PatternPart::Digit(6),
        'p'..='s' => PatternPart::Digit(7),
        't'..='v' => PatternPart::Digit(8),
        'w'..='z' => PatternPart::Digit(9),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).expect(text)
    }

    #[test]
    fn patterns_are_read_and_tied_to_an_end_where_they_say_so() {
        for (text, number, fits) in [
            ("555", "14155550123", true),
            ("556", "14155550123", false),
            ("+1415", "14155550123", true),
            ("+415", "14155550123", false),
            ("0123$", "14155550123", true),
            ("012$", "14155550123", false),
            ("+1415*550123", "14155550123", true),
            ("4*5", "14155550123", true),
            ("4**5", "14155550123", true),
            ("4*3", "14155550123", false),
            ("4%23", "14155550123", true),
            ("1%1%1", "14155550123", true),
            ("1%1%1%1", "14155550123", false),
            ("5%$", "14155550123", true),
            ("%", "1", true),
            ("FLOWERS", "18003569377", true),
            ("+14155550123$", "14155550123", true),
            ("+14155550123$", "141555501230", false),
        ] {
            assert_eq!(pattern(text).matches(number), fits, "{text} {number}");
        }
        for text in ["", "+", "$", "4-5", "+4+5", &"1".repeat(17)] {
            assert!(Pattern::new(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_next_match_is_what_a_walk_finds() {
        for text in ["7", "77", "+123", "9$", "+12%4$", "3*5", "1%1%1", "****", "00", "5%5*$"] {
            let mut pattern = pattern(text);
            let walked: Vec<u64> =
                (10_000..=99_999).filter(|number| pattern.matches(&number.to_string())).collect();
            let (mut found, mut from) = (Vec::new(), 10_000);
            while let Some(number) = pattern.next(from) {
                found.push(number);
                if number == 99_999 {
                    break;
                }
                from = number + 1;
            }
            assert_eq!(found, walked, "{text}");
        }
    }

    #[test]
    fn every_match_starts_with_the_head() {
        assert_eq!(pattern("+1415").head(), "1415");
        assert_eq!(pattern("+14*5").head(), "14");
        assert_eq!(pattern("1415").head(), "");
    }
}

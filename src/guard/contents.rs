//! Which contents of the files were in force, in their order: what a leader, an apply or a restart asks
//! before it acts by its own (law 13).
//!
//! Two copies of the files do not arrive at the same time, and nothing in a text says which is the newer
//! one. What was in force before, and is not the last, is older. What was never in force is newer: files
//! are edited forward. A deliberate return to an earlier content looks like an old copy, and is told from
//! one only by the same process that saw the edit, by a person's word, or by time.

use std::fmt;

use crate::guard::budget::Generation;

/// How many are remembered: a month of an edit a day.
const KEPT: usize = 32;

/// The contents that were in force, the last one at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents(Vec<Generation>);

/// What a content is to those that were in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// It is the last one.
    Latest,
    /// It was in force before the last one.
    Older,
    /// It was never in force, as far as is remembered.
    New,
}

impl Contents {
    /// Reads what was written; what is no content in it is skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split_whitespace().filter_map(Generation::parse).collect())
    }

    /// What a content is to these.
    #[must_use]
    pub fn age(&self, content: Generation) -> Age {
        match self.0.last() {
            Some(last) if *last == content => Age::Latest,
            Some(_) if self.0.contains(&content) => Age::Older,
            Some(_) | None => Age::New,
        }
    }

    /// The content that was in force last.
    #[must_use]
    pub fn latest(&self) -> Option<Generation> {
        self.0.last().copied()
    }

    /// From now on this one is in force.
    #[must_use]
    pub fn followed_by(mut self, content: Generation) -> Self {
        self.0.retain(|known| *known != content);
        self.0.push(content);
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
        self
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, content) in self.0.iter().enumerate() {
            write!(f, "{}{content}", if at > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Format, Source};

    fn content(at: usize) -> Generation {
        Generation::from_sources(&[Source { name: "f".into(), text: at.to_string(), format: Format::Yaml }])
    }

    #[test]
    fn what_was_in_force_before_the_last_is_older() {
        let contents = Contents::default().followed_by(content(1)).followed_by(content(2));
        let read = Contents::parse(&contents.to_string());
        assert_eq!(read, contents);
        assert_eq!([1, 2, 3].map(|at| read.age(content(at))), [Age::Older, Age::Latest, Age::New]);
        let back = read.followed_by(content(1));
        assert_eq!([1, 2].map(|at| back.age(content(at))), [Age::Latest, Age::Older]);
        assert_eq!(Contents::default().age(content(1)), Age::New);
        let many = (0..100).fold(Contents::default(), |contents, at| contents.followed_by(content(at)));
        assert_eq!((many.0.len(), many.latest()), (KEPT, Some(content(99))));
        assert_eq!(Contents::parse("nonsense 12"), Contents::default());
    }

    /// A month of edits, and a content that comes back is in it once.
    #[test]
    fn thirty_two_contents_are_remembered_each_once() {
        let many = (0..100).fold(Contents::default(), |contents, at| contents.followed_by(content(at)));
        assert_eq!([67, 68].map(|at| many.age(content(at))), [Age::New, Age::Older]);
        let switching =
            (0..100).fold(Contents::default(), |contents, at| contents.followed_by(content(at % 2)));
        assert_eq!(switching.to_string().split(' ').count(), 2);
        let again = (0..9).fold(many, |contents, _| contents.followed_by(content(99)));
        assert_eq!(again.age(content(68)), Age::Older);
    }
}

//! Why the server did not do what it was asked, and for how long that is believed.

use super::Answer;

/// What went wrong with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it keeps us from.
    pub kind: Kind,
    /// Whether a write met it.
    pub is_of_a_write: bool,
    /// What the server said, for people.
    pub why: String,
}

/// What a trouble keeps us from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no Lease, and the server does not let us make it.
    Missing,
    /// We may not read it, or may not write it.
    Forbidden,
    /// No answer, or none that helps.
    Unanswered,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "lease_missing",
            Self::Forbidden => "lease_forbidden",
            Self::Unanswered => "lease_unanswered",
        }
    }
}

impl Trouble {
    /// Whether it is the same as another one, whatever the server's words were this time.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.is_of_a_write) == (other.kind, other.is_of_a_write)
    }

    /// What is still wrong after a good answer. That a Lease can be read says nothing of a write that
    /// was refused, unless another has it: then we would not write anyway.
    #[must_use]
    pub fn after(self, answer: &Answer, is_anothers: bool) -> Option<Self> {
        let stays = self.is_of_a_write
            && match answer {
                Answer::Missing => self.kind == Kind::Missing,
                Answer::Found(_) => self.kind != Kind::Missing && !is_anothers,
                Answer::Written(_) | Answer::Conflict => false,
                Answer::Lost => true,
            };
        stays.then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_write_is_not_over_because_a_read_went_well() {
        let trouble = |kind, is_of_a_write| Trouble { kind, is_of_a_write, why: String::new() };
        let seen = super::super::wire::read("n", br#"{"metadata":{"name":"n","resourceVersion":"1"}}"#);
        let seen = seen.expect("a Lease");
        let found = Answer::Found(seen.clone());
        let stays = |trouble: &Trouble, answer: &Answer, is_anothers| {
            trouble.clone().after(answer, is_anothers).is_some()
        };
        let missing = trouble(Kind::Missing, true);
        assert!(stays(&missing, &Answer::Missing, false));
        assert!(!stays(&missing, &found, false), "somebody made it");
        for kind in [Kind::Forbidden, Kind::Unanswered] {
            let write = trouble(kind, true);
            assert!(stays(&write, &found, false));
            assert!(!stays(&write, &found, true), "another writes");
            assert!(!stays(&write, &Answer::Missing, false), "to be made");
            for answer in [Answer::Written(seen.clone()), Answer::Conflict] {
                assert!(!stays(&write, &answer, false));
            }
            for answer in [&found, &Answer::Missing, &Answer::Conflict] {
                assert!(!stays(&trouble(kind, false), answer, false), "a read that went well ends it");
            }
        }
    }
}

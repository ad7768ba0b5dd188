//! Why the server did not do what it was asked, and for how long that is believed.

use super::LeaseAnswer;

/// What went wrong with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTrouble {
    /// What it keeps us from.
    pub kind: LeaseTroubleKind,
    /// Whether a write met it.
    pub is_of_a_write: bool,
    /// What the server said, for people.
    pub why: String,
}

/// What a trouble keeps us from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseTroubleKind {
    /// There is no Lease, and the server does not let us make it.
    Missing,
    /// We may not read it, or may not write it.
    Forbidden,
    /// No answer, or none that helps.
    Unanswered,
}

impl LeaseTroubleKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "lease_missing",
            Self::Forbidden => "lease_forbidden",
            Self::Unanswered => "lease_unanswered",
        }
    }
}

impl LeaseTrouble {
    /// Whether it is the same as another one, whatever the server's words were this time.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        (self.kind, self.is_of_a_write) == (other.kind, other.is_of_a_write)
    }

    /// What is still wrong after a good answer. That a Lease can be read says nothing of a write that
    /// was refused, unless another has it: then we would not write anyway.
    #[must_use]
    pub fn after(self, answer: &LeaseAnswer, is_anothers: bool) -> Option<Self> {
        let stays = self.is_of_a_write
            && match answer {
                LeaseAnswer::Missing => self.kind == LeaseTroubleKind::Missing,
                LeaseAnswer::Found(_) => self.kind != LeaseTroubleKind::Missing && !is_anothers,
                LeaseAnswer::Written(_) | LeaseAnswer::Conflict => false,
                LeaseAnswer::Lost => true,
            };
        stays.then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_write_is_not_over_because_a_read_went_well() {
        let trouble = |kind, is_of_a_write| LeaseTrouble { kind, is_of_a_write, why: String::new() };
        let seen = super::super::wire::read("n", br#"{"metadata":{"name":"n","resourceVersion":"1"}}"#);
        let seen = seen.expect("a Lease");
        let found = LeaseAnswer::Found(seen.clone());
        let stays = |trouble: &LeaseTrouble, answer: &LeaseAnswer, is_anothers| {
            trouble.clone().after(answer, is_anothers).is_some()
        };
        let missing = trouble(LeaseTroubleKind::Missing, true);
        assert!(stays(&missing, &LeaseAnswer::Missing, false));
        assert!(!stays(&missing, &found, false), "somebody made it");
        for kind in [LeaseTroubleKind::Forbidden, LeaseTroubleKind::Unanswered] {
            let write = trouble(kind, true);
            assert!(stays(&write, &found, false));
            assert!(!stays(&write, &found, true), "another writes");
            assert!(!stays(&write, &LeaseAnswer::Missing, false), "to be made");
            for answer in [LeaseAnswer::Written(seen.clone()), LeaseAnswer::Conflict] {
                assert!(!stays(&write, &answer, false));
            }
            for answer in [&found, &LeaseAnswer::Missing, &LeaseAnswer::Conflict] {
                assert!(!stays(&trouble(kind, false), answer, false), "a read that went well ends it");
            }
        }
    }
}

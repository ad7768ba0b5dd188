//! What a holder leaves in its Lease for the next holder, by the same compare-and-swap as a renewal.

use super::SeenLease;
use super::wire::{self, LeaseNote};

/// A note that is to be in the Lease.
#[derive(Debug)]
pub(super) struct WantedNote {
    term: u64,
    note: LeaseNote,
    /// It may have got there all the same.
    pub(super) is_given_up: bool,
}

impl WantedNote {
    pub(super) fn new(term: u64, note: LeaseNote) -> Self {
        Self { term, note, is_given_up: false }
    }

    /// Whether it is this one, of this term.
    pub(super) fn is(&self, term: u64, note: &LeaseNote) -> bool {
        self.term == term && self.note == *note
    }

    /// The Lease with it; `None` where there is nothing to be changed.
    pub(super) fn over(&self, seen: &SeenLease, term: Option<u64>) -> Option<SeenLease> {
        let is_due = !self.is_given_up && term == Some(self.term) && wire::note(seen) != self.note;
        is_due.then(|| wire::noting(seen, &self.note))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Ask, Elector, ElectorNext, LeaseAnswer, Moment, Timing};
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment { steady: Duration::from_secs(seconds), wall: Duration::from_secs(seconds) }
    }

    fn note(text: &str) -> LeaseNote {
        LeaseNote { intents: Some(text.to_owned()), ..LeaseNote::default() }
    }

    /// What the server makes of a question, if it takes it.
    fn written(next: ElectorNext) -> SeenLease {
        let body = match next {
            ElectorNext::Ask(Ask::Create(record)) => {
                wire::create("d", "n", &record).replace("\"name\"", "\"resourceVersion\":\"1\",\"name\"")
            }
            ElectorNext::Ask(Ask::Update(over, record)) => wire::update(&over, &record),
            other => panic!("{other:?}"),
        };
        wire::read("n", body.as_bytes()).expect("a Lease")
    }

    /// One that leads in term 1, and the Lease.
    fn leading() -> (Elector, SeenLease) {
        let mut elector =
            Elector::new("me".to_owned(), Timing::from_duration(Duration::from_secs(15)).expect("good"));
        elector.campaign();
        assert_eq!(elector.next(at(0)), ElectorNext::Ask(Ask::Read));
        elector.answered(LeaseAnswer::Missing, at(0));
        let seen = written(elector.next(at(0)));
        elector.answered(LeaseAnswer::Written(seen.clone()), at(0));
        assert_eq!(elector.kept(1, at(0)), Some(LeaseNote::default()));
        (elector, seen)
    }

    #[test]
    fn a_note_is_left_in_its_own_term_only() {
        let (mut elector, _) = leading();
        elector.keep(1, note("one"));
        assert_eq!(elector.kept(1, at(1)), Some(LeaseNote::default()), "it is not there yet");
        let first = written(elector.next(at(1)));
        elector.answered(LeaseAnswer::Written(first.clone()), at(1));
        assert_eq!((elector.kept(1, at(1)), elector.kept(2, at(1))), (Some(note("one")), None));
        // Long without an answer: the term is over, and another has left a note of its own.
        assert_eq!((elector.term(at(60)), elector.kept(1, at(60))), (None, None));
        let other = wire::noting(&first, &note("two"));
        assert!(matches!(elector.next(at(60)), ElectorNext::Ask(_)));
        elector.answered(LeaseAnswer::Conflict, at(60));
        assert_eq!(elector.next(at(70)), ElectorNext::Ask(Ask::Read));
        elector.answered(LeaseAnswer::Found(other), at(70));
        let seen = written(elector.next(at(70)));
        assert_eq!(wire::note(&seen), note("two"));
        elector.answered(LeaseAnswer::Written(seen), at(70));
        assert_eq!(elector.kept(2, at(70)), Some(note("two")));
        // What we left in a term of before is another's word now.
        assert!(matches!(elector.next(at(72)), ElectorNext::Ask(Ask::Update(..))));
        elector.answered(LeaseAnswer::Conflict, at(72));
        assert_eq!(elector.next(at(73)), ElectorNext::Ask(Ask::Read));
        elector.answered(LeaseAnswer::Found(first), at(73));
        assert_eq!(elector.kept(2, at(73)), None);
    }

    #[test]
    fn a_note_that_another_changed_ends_the_term_and_is_not_written_over() {
        let (mut elector, seen) = leading();
        elector.keep(1, note("ours"));
        assert!(matches!(elector.next(at(1)), ElectorNext::Ask(Ask::Update(..))));
        elector.answered(LeaseAnswer::Conflict, at(1));
        assert_eq!(elector.next(at(2)), ElectorNext::Ask(Ask::Read));
        elector.answered(LeaseAnswer::Found(wire::noting(&seen, &note("theirs"))), at(2));
        assert_eq!(
            (elector.term(at(2)), elector.kept(1, at(2)), elector.grant(1, at(2))),
            (None, None, None)
        );
        let seen = written(elector.next(at(2)));
        assert_eq!(wire::note(&seen), note("theirs"));
        elector.answered(LeaseAnswer::Written(seen), at(2));
        assert_eq!((elector.kept(1, at(2)), elector.kept(2, at(2))), (None, Some(note("theirs"))));
    }

    #[test]
    fn a_conflict_over_something_else_is_tried_again() {
        let (mut elector, mut seen) = leading();
        elector.keep(1, note("ours"));
        assert!(matches!(elector.next(at(1)), ElectorNext::Ask(Ask::Update(..))));
        elector.answered(LeaseAnswer::Conflict, at(1));
        assert_eq!(elector.next(at(2)), ElectorNext::Ask(Ask::Read));
        seen.object["metadata"]["labels"] = serde_json::json!({"a": "b"});
        elector.answered(LeaseAnswer::Found(seen), at(2));
        let seen = written(elector.next(at(2)));
        assert_eq!(seen.object["metadata"]["labels"]["a"], "b");
        elector.answered(LeaseAnswer::Written(seen), at(2));
        assert_eq!(elector.kept(1, at(2)), Some(note("ours")));
    }

    #[test]
    fn a_note_that_is_not_taken_does_not_cost_the_lease() {
        let (mut elector, seen) = leading();
        elector.keep(1, note("too long"));
        let refused = written(elector.next(at(1)));
        elector.answered(LeaseAnswer::Lost, at(1));
        assert!(elector.has_given_up_note());
        assert_eq!(elector.next(at(3)), ElectorNext::Ask(Ask::Read));
        elector.answered(LeaseAnswer::Found(seen), at(3));
        let renewed = written(elector.next(at(3)));
        assert_eq!(wire::note(&renewed), LeaseNote::default(), "the renewal goes without it");
        elector.answered(LeaseAnswer::Written(renewed), at(3));
        assert_eq!(elector.kept(1, at(3)), Some(LeaseNote::default()));
        // The answer alone was lost: what is there is ours, and the term continues.
        assert!(matches!(elector.next(at(5)), ElectorNext::Ask(Ask::Update(..))));
        elector.answered(LeaseAnswer::Conflict, at(5));
        assert_eq!(elector.next(at(6)), ElectorNext::Ask(Ask::Read));
        elector.answered(LeaseAnswer::Found(refused), at(6));
        assert_eq!(elector.kept(1, at(6)), Some(note("too long")));
        // The next one is tried as ever; a renewal without one gives up nothing.
        elector.keep(1, note("short"));
        assert!(!elector.has_given_up_note());
        let seen = written(elector.next(at(6)));
        elector.answered(LeaseAnswer::Written(seen), at(6));
        assert!(matches!(elector.next(at(8)), ElectorNext::Ask(Ask::Update(..))));
        elector.answered(LeaseAnswer::Lost, at(8));
        assert!(!elector.has_given_up_note());
    }
}

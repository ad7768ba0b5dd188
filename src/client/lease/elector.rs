//! The candidate itself: what was read and answered, to what to ask next and what may be written.

use std::time::{Duration, SystemTime};

use super::note::WantedNote;
use super::wire::{self, LeaseNote};
use super::{Ask, ElectorNext, LeaseAnswer, LeaseRecord, Moment, SeenLease, Timing};

/// Who has the lease, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leader {
    /// We, in this term. Each time that it is got is a term of its own.
    Us(u64),
    /// Another, or no one for long.
    Other(Option<String>),
    /// It is not known yet, or not any more.
    Unknown,
}

/// One candidate's view of a Lease; it decides, and sends nothing.
#[derive(Debug)]
pub struct Elector {
    me: String,
    timing: Timing,
    is_wanted: bool,
    known: KnownLease,
    standing: LeaseStanding,
    terms: u64,
    /// Not before then (steady).
    due: Duration,
    asked: Option<RequestSent>,
    /// The last time that was written, so that the next one differs.
    last_written: Duration,
    /// The note that the Lease is to carry.
    note: Option<WantedNote>,
}

/// What is known of the Lease.
#[derive(Debug)]
enum KnownLease {
    /// Nothing: it was never read.
    Unread,
    Missing,
    /// It was there, and the same since then (steady).
    There {
        seen: SeenLease,
        since: Duration,
    },
}

/// What may be done about the Lease.
#[derive(Debug, Clone, Copy)]
enum LeaseStanding {
    /// Nothing before it is read.
    Reading,
    /// The same, since a claim's answer was lost: it may be ours.
    Doubtful,
    /// A write may rest on what is known.
    Candidate,
    /// It is ours, and a write may rest on what is known.
    Leading(LeaseHeld),
    /// It is ours by the last good answer, and to be read before anything is written to it.
    Shaken(LeaseHeld),
}

#[derive(Debug, Clone, Copy)]
struct LeaseHeld {
    /// From before the renewal was sent.
    renewed: Moment,
    term: u64,
}

#[derive(Debug, Clone, Copy)]
struct RequestSent {
    at: Moment,
    what: Question,
}

/// What was asked, as far as its answer may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Read,
    GiveBack,
    Claim,
    /// A claim that would leave another note than the one that is there.
    ClaimWithNote,
}

impl Question {
    fn is_claim(self) -> bool {
        match self {
            Self::Claim | Self::ClaimWithNote => true,
            Self::Read | Self::GiveBack => false,
        }
    }
}

impl LeaseStanding {
    fn held(self) -> Option<LeaseHeld> {
        match self {
            Self::Leading(held) | Self::Shaken(held) => Some(held),
            Self::Reading | Self::Doubtful | Self::Candidate => None,
        }
    }

    /// We do not have it any more; what is known is as good as before.
    fn without_it(self) -> Self {
        match self {
            Self::Leading(_) => Self::Candidate,
            Self::Shaken(_) => Self::Reading,
            Self::Reading | Self::Doubtful | Self::Candidate => self,
        }
    }

    /// What is known may not be so any more, by a claim of ours or by another.
    fn shaken(self, by_a_claim: bool) -> Self {
        match self {
            Self::Leading(held) | Self::Shaken(held) => Self::Shaken(held),
            Self::Doubtful => Self::Doubtful,
            Self::Reading | Self::Candidate if by_a_claim => Self::Doubtful,
            Self::Reading | Self::Candidate => Self::Reading,
        }
    }
}

impl Elector {
    /// A candidate that does not yet want the lease. `me` is this process's alone.
    #[must_use]
    pub fn new(me: String, timing: Timing) -> Self {
        Self {
            me,
            timing,
            is_wanted: false,
            known: KnownLease::Unread,
            standing: LeaseStanding::Reading,
            terms: 0,
            due: Duration::ZERO,
            asked: None,
            last_written: Duration::ZERO,
            note: None,
        }
    }

    /// From now on tries to get the lease, and to keep it.
    pub fn campaign(&mut self) {
        if !std::mem::replace(&mut self.is_wanted, true) {
            self.due = Duration::ZERO;
        }
    }

    /// Writes nothing from now on, and gives the lease back where it has it, so that another gets it
    /// at once. No write may be in flight.
    pub fn stand_down(&mut self) {
        self.standing = self.standing.without_it();
        if std::mem::replace(&mut self.is_wanted, false) {
            self.due = Duration::ZERO;
        }
    }

    /// Whether it tries to get the lease, or to keep it.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Renews at once, unless that has just failed.
    pub fn hurry(&mut self) {
        if matches!(self.standing, LeaseStanding::Leading(_)) {
            self.due = Duration::ZERO;
        }
    }

    /// From now on every renewal of this term leaves this note in the Lease, for the next holder.
    pub fn keep(&mut self, term: u64, note: LeaseNote) {
        self.note = Some(WantedNote::new(term, note));
        self.hurry();
    }

    /// Tries no longer to leave the note that is not there yet.
    pub fn give_up_note(&mut self) {
        if let Some(wanted) = &mut self.note {
            wanted.is_given_up = true;
        }
    }

    /// Whether a note is given up: the server did not take it, and what refuses a note must not refuse
    /// the renewals.
    #[must_use]
    pub fn has_given_up_note(&self) -> bool {
        self.note.as_ref().is_some_and(|wanted| wanted.is_given_up)
    }

    /// The note in the Lease, as the server last had it, while we have it in this term: whoever changes
    /// it, or has the Lease in between, ends the term.
    #[must_use]
    pub fn kept(&self, term: u64, now: Moment) -> Option<LeaseNote> {
        Some(wire::note(self.seen_in(term, now)?))
    }

    /// At most this many bytes a note may have, beside what others noted in the Lease.
    #[must_use]
    pub fn room(&self, term: u64, now: Moment) -> Option<usize> {
        Some(wire::room(self.seen_in(term, now)?))
    }

    fn seen_in(&self, term: u64, now: Moment) -> Option<&SeenLease> {
        self.seen().filter(|_| self.term(now) == Some(term))
    }

    fn seen(&self) -> Option<&SeenLease> {
        match &self.known {
            KnownLease::There { seen, .. } => Some(seen),
            KnownLease::Unread | KnownLease::Missing => None,
        }
    }

    /// What to do now.
    pub fn next(&mut self, now: Moment) -> ElectorNext {
        self.lapse(now);
        // A question without its answer is one whose answer was lost.
        if let Some(asked) = self.asked.take() {
            self.standing = self.standing.shaken(asked.what.is_claim());
        }
        let is_ours = self.seen().is_some_and(|seen| self.is_ours(seen));
        if !self.is_wanted && !is_ours && !matches!(self.standing, LeaseStanding::Doubtful) {
            return ElectorNext::Rest;
        }
        if now.steady < self.due {
            return ElectorNext::Wait(self.due);
        }
        let (what, ask) = match self.standing {
            LeaseStanding::Reading | LeaseStanding::Doubtful | LeaseStanding::Shaken(_) => {
                (Question::Read, Ask::Read)
            }
            LeaseStanding::Candidate | LeaseStanding::Leading(_) => self.write(now),
        };
        if what != Question::Read {
            self.last_written = self.stamp(now);
        }
        self.asked = Some(RequestSent { at: now, what });
        ElectorNext::Ask(ask)
    }

    /// What is written on the strength of what is known.
    fn write(&self, now: Moment) -> (Question, Ask) {
        match &self.known {
            KnownLease::Unread | KnownLease::Missing => (Question::Claim, Ask::Create(self.claim(None, now))),
            KnownLease::There { seen, .. } if !self.is_wanted => {
                (Question::GiveBack, Ask::Update(Box::new(seen.clone()), self.freed(seen, now)))
            }
            KnownLease::There { seen, since } if self.may_take(seen, *since, now.steady) => {
                let claim = self.claim(Some(&seen.record), now);
                // Another term may have noted something else since.
                match self.note.as_ref().and_then(|wanted| wanted.over(seen, self.term(now))) {
                    Some(over) => (Question::ClaimWithNote, Ask::Update(Box::new(over), claim)),
                    None => (Question::Claim, Ask::Update(Box::new(seen.clone()), claim)),
                }
            }
            KnownLease::There { .. } => (Question::Read, Ask::Read),
        }
    }

    /// The answer to what [`Elector::next`] said to ask, as it arrives.
    pub fn answered(&mut self, answer: LeaseAnswer, now: Moment) {
        let Some(asked) = self.asked.take() else { return };
        match answer {
            LeaseAnswer::Found(seen) => self.found(seen, now),
            LeaseAnswer::Missing => {
                self.known = KnownLease::Missing;
                self.standing = LeaseStanding::Candidate;
                self.due = now.steady;
            }
            LeaseAnswer::Written(seen) => {
                if asked.what.is_claim() && self.is_wanted && self.is_ours(&seen) {
                    // Without a gap it is the same term: no one else can have written meanwhile.
                    let term = self.term(asked.at).unwrap_or(self.terms + 1);
                    self.terms = term;
                    self.standing = LeaseStanding::Leading(LeaseHeld { renewed: asked.at, term });
                    self.due = asked.at.steady + self.timing.retry();
                } else {
                    self.standing = LeaseStanding::Candidate;
                    self.due = now.steady;
                }
                self.known = KnownLease::There { seen, since: now.steady };
            }
            // Soon, but never in a tight loop.
            LeaseAnswer::Conflict => {
                self.standing = self.standing.shaken(false);
                self.due = now.steady + self.timing.retry() / 4;
            }
            LeaseAnswer::Lost => {
                if asked.what == Question::ClaimWithNote {
                    self.give_up_note();
                }
                self.standing = self.standing.shaken(asked.what.is_claim());
                self.due = now.steady + self.timing.retry();
            }
        }
    }

    fn found(&mut self, seen: SeenLease, now: Moment) {
        // What we noted may have arrived, though its answer did not. Anything else is another's word,
        // which we have not read yet: a term of its own.
        let is_foreign = self.standing.held().zip(self.seen()).is_some_and(|(held, before)| {
            let note = wire::note(&seen);
            let is_known = |wanted: &WantedNote| wanted.is(held.term, &note);
            wire::note(before) != note && !self.note.as_ref().is_some_and(is_known)
        });
        let since = match &self.known {
            KnownLease::There { seen: before, since } if before.record == seen.record => *since,
            KnownLease::There { .. } | KnownLease::Unread | KnownLease::Missing => now.steady,
        };
        let held = self.standing.held().filter(|_| self.is_ours(&seen) && !is_foreign);
        let may_take = self.may_take(&seen, since, now.steady);
        self.standing = match held {
            Some(held) => LeaseStanding::Leading(held),
            None if may_take => LeaseStanding::Candidate,
            None => LeaseStanding::Reading,
        };
        self.due = match may_take {
            true => now.steady,
            // The look at the very end makes the take-over prompt.
            false => (now.steady + self.timing.retry()).min(since + self.duration_of(&seen)),
        };
        self.known = KnownLease::There { seen, since };
    }

    /// How long a write that starts now may take at most; `None` when none may start. `term` is the
    /// one in which the write was planned: after another's term it may be out of date.
    #[must_use]
    pub fn grant(&self, term: u64, now: Moment) -> Option<Duration> {
        let held = self.standing.held().filter(|held| held.term == term)?;
        let elapsed = now.since(held.renewed);
        let left = self.timing.writes_end().checked_sub(elapsed)?;
        (elapsed <= self.timing.renew_deadline() && left >= self.timing.write_margin()).then_some(left)
    }

    /// Whether the last good renewal is so young that something irreversible may rest on it.
    #[must_use]
    pub fn is_fresh(&self, now: Moment) -> bool {
        self.standing.held().is_some_and(|held| now.since(held.renewed) <= self.timing.retry())
    }

    /// The term in which we lead, while we do.
    #[must_use]
    pub fn term(&self, now: Moment) -> Option<u64> {
        let held = self.standing.held();
        held.filter(|held| now.since(held.renewed) <= self.timing.renew_deadline()).map(|held| held.term)
    }

    /// Who has the lease.
    #[must_use]
    pub fn leader(&self, now: Moment) -> Leader {
        match (self.term(now), &self.known) {
            (Some(term), _) => Leader::Us(term),
            // We had it, and do not know what became of it.
            (None, KnownLease::There { seen, .. }) if self.is_ours(seen) => Leader::Unknown,
            (None, KnownLease::There { seen, .. }) => Leader::Other(seen.record.holder.clone()),
            (None, KnownLease::Missing) => Leader::Other(None),
            (None, KnownLease::Unread) => Leader::Unknown,
        }
    }

    /// Whether another has it, and has renewed it in time.
    #[must_use]
    pub fn is_anothers(&self, now: Moment) -> bool {
        match &self.known {
            KnownLease::There { seen, since } => !self.may_take(seen, *since, now.steady),
            KnownLease::Unread | KnownLease::Missing => false,
        }
    }

    /// The durations that it keeps.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }

    fn lapse(&mut self, now: Moment) {
        if self.standing.held().is_some() && self.term(now).is_none() {
            self.standing = self.standing.without_it();
            self.due = self.due.min(now.steady);
        }
    }

    fn is_ours(&self, seen: &SeenLease) -> bool {
        seen.record.holder.as_deref() == Some(&self.me)
    }

    fn may_take(&self, seen: &SeenLease, since: Duration, now: Duration) -> bool {
        self.is_ours(seen) || seen.record.holder.is_none() || now >= since + self.duration_of(seen)
    }

    /// What the holder claims for itself; ours, where it says nothing.
    fn duration_of(&self, seen: &SeenLease) -> Duration {
        seen.record.duration.unwrap_or(self.timing.lease())
    }

    /// Later than any time that this process wrote before, whatever its clock does: a renewal that
    /// changes nothing would look like none.
    fn stamp(&self, now: Moment) -> Duration {
        now.wall.max(self.last_written + Duration::from_micros(1))
    }

    /// The record by which we have it.
    fn claim(&self, before: Option<&LeaseRecord>, now: Moment) -> LeaseRecord {
        let renewed = rfc3339(self.stamp(now));
        let ours = before.filter(|record| record.holder.as_deref() == Some(&self.me));
        LeaseRecord {
            holder: Some(self.me.clone()),
            duration: Some(self.timing.lease()),
            acquired: ours.and_then(|record| record.acquired.clone()).or_else(|| Some(renewed.clone())),
            renewed: Some(renewed),
            transitions: match (before, ours) {
                (None, _) => 0,
                (Some(_), Some(ours)) => ours.transitions,
                (Some(before), None) => before.transitions.saturating_add(1),
            },
        }
    }

    /// The record by which no one has it, as client-go leaves it on release.
    fn freed(&self, seen: &SeenLease, now: Moment) -> LeaseRecord {
        let at = rfc3339(self.stamp(now));
        LeaseRecord {
            holder: None,
            duration: Some(Duration::from_secs(1)),
            acquired: Some(at.clone()),
            renewed: Some(at),
            transitions: seen.record.transitions,
        }
    }
}

/// `MicroTime`, as Kubernetes writes it.
fn rfc3339(since_the_epoch: Duration) -> String {
    humantime::format_rfc3339_micros(SystemTime::UNIX_EPOCH + since_the_epoch).to_string()
}

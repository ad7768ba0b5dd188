//! One writer across hosts: client-go's leader election over a Kubernetes Lease, as a state machine.
//!
//! Values in, values out: what was read, what an update answered, and the time by this process's own
//! clocks; out comes what to ask the server next. Three rules make it safe:
//!
//! - A record is only ever replaced at the resourceVersion that was read: of two who try, the server
//!   takes one.
//! - Whether another holder is gone is judged by how long *this* process has seen the same record.
//!   Times in the record are for people; nothing here reads them.
//! - A holder counts from before it *sent* its last good renewal, and stops a margin before anyone
//!   may take over, even with clocks that run apart by a tenth.
//!
//! As with client-go, nothing is fenced at the far side: the API cannot check who leads. So each
//! write is given up before the lease may be another's (see [`Elector::grant`]).

mod note;
mod trouble;
pub mod wire;

use std::time::{Duration, SystemTime};

use note::Wanted;
pub use trouble::{Kind, Trouble};
pub use wire::Note;

/// The time by a process's own two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The one that never jumps.
    pub steady: Duration,
    /// Since the epoch. Never compared with another process's.
    pub wall: Duration,
}

impl Moment {
    /// The larger by the two clocks: while a machine is suspended its steady clock may stand still.
    fn since(self, earlier: Self) -> Duration {
        self.steady.saturating_sub(earlier.steady).max(self.wall.saturating_sub(earlier.wall))
    }
}

/// How long things take, all in proportion to the lease's duration. client-go's are 15 s, a renew
/// deadline of 10 s, and 2 s between two tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing(Duration);

impl Timing {
    /// A duration in whole seconds, as the record has it, of at least two.
    #[must_use]
    pub fn of(lease: Duration) -> Option<Self> {
        (lease.subsec_nanos() == 0 && (2..=3600).contains(&lease.as_secs())).then_some(Self(lease))
    }

    /// How long the record must stay the same before another may take it.
    #[must_use]
    pub fn lease(self) -> Duration {
        self.0
    }

    /// A holder that has not renewed for so long has lost the lease.
    #[must_use]
    pub fn renew_deadline(self) -> Duration {
        self.0 * 2 / 3
    }

    /// Between two renewals, and between two looks of a candidate. What is irreversible rests on a
    /// renewal no older than this.
    #[must_use]
    pub fn retry(self) -> Duration {
        self.0 * 2 / 15
    }

    /// After which a request to the server is given up.
    #[must_use]
    pub fn request_timeout(self) -> Duration {
        self.renew_deadline() / 2
    }

    /// Every write is over by then, counted from the last good renewal: before the lease is, by a
    /// clock that is a tenth faster, less a fifteenth for what is on its way.
    #[must_use]
    pub fn writes_end(self) -> Duration {
        self.0 * 10 / 11 - self.0 / 15
    }

    /// No write starts that would have less time than this.
    #[must_use]
    pub fn write_margin(self) -> Duration {
        self.0 / 3
    }
}

/// A Lease's name, and its namespace where one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseName {
    /// `None` for the one that the process runs in.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl LeaseName {
    /// `NAME` or `NAMESPACE/NAME`, in the names that Kubernetes has for objects (DNS-1123).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let is_good = namespace.is_none_or(|label| is_dns_name(label, 63) && !label.contains('.'))
            && is_dns_name(name, 253);
        is_good.then(|| Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// It goes into a URL's path: letters, digits, `-` and `.` only, and no label is empty.
fn is_dns_name(text: &str, length_max: usize) -> bool {
    text.len() <= length_max
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// What a Lease says (`spec` of `coordination.k8s.io/v1`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Who has it; `None` when it is free.
    pub holder: Option<String>,
    /// For how long after each renewal, as its holder wrote.
    pub duration: Option<Duration>,
    /// When the holder got it, for people.
    pub acquired: Option<String>,
    /// When the holder renewed it, for people. Each renewal changes it, so that others see one.
    pub renewed: Option<String>,
    /// How often it has changed hands.
    pub transitions: i32,
}

/// A record as the server has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What it says.
    pub record: Record,
    /// Its resourceVersion.
    pub version: String,
    /// The whole object, so that an update keeps what others put there.
    pub object: serde_json::Value,
}

/// A request to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Read the Lease.
    Read,
    /// Make it: there is none.
    Create(Record),
    /// Replace it, at the version that was read and no other.
    Update(Box<Seen>, Record),
}

/// What the server said.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The Lease, to a read.
    Found(Seen),
    /// There is none, to a read.
    Missing,
    /// It is written: the Lease as it is now.
    Written(Seen),
    /// It is not written: the version was another's by then, or the Lease came or went.
    Conflict,
    /// No answer, or none that helps. A write may have been carried out all the same.
    Lost,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Ask this, and give the answer to [`Elector::answered`].
    Ask(Ask),
    /// Nothing until then, by the steady clock.
    Wait(Duration),
    /// Nothing at all: it is not wanted, and not held.
    Rest,
}

/// Who has the lease, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// We, in this term. Each time that it is got is a term of its own.
    Leading(u64),
    /// Another, or nobody for long.
    Following(Option<String>),
    /// It is not known yet, or not any more.
    Unknown,
}

/// One candidate.
#[derive(Debug)]
pub struct Elector {
    me: String,
    timing: Timing,
    is_wanted: bool,
    /// The record as last seen, and since when (steady) it has been the same.
    observed: Option<(Seen, Duration)>,
    /// Whether a write may rest on `observed`; else it is read first.
    is_current: bool,
    was_read: bool,
    /// A claim's answer was lost: it may have been carried out.
    is_in_doubt: bool,
    held: Option<Held>,
    terms: u64,
    /// Not before then (steady).
    due: Duration,
    asked: Option<Asked>,
    /// The last time that was written, so that the next one differs.
    last_written: Duration,
    /// What is to stand in the Lease.
    note: Option<Wanted>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    /// From before the renewal was sent.
    renewed: Moment,
    term: u64,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Moment,
    is_claim: bool,
    /// It would leave another note than the one that stands there.
    is_note: bool,
}

impl Elector {
    /// A candidate that does not yet want the lease. `me` is this process's alone.
    #[must_use]
    pub fn new(me: String, timing: Timing) -> Self {
        Self {
            me,
            timing,
            is_wanted: false,
            observed: None,
            is_current: false,
            was_read: false,
            is_in_doubt: false,
            held: None,
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
        self.held = None;
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
        if self.held.is_some() && self.is_current {
            self.due = Duration::ZERO;
        }
    }

    /// From now on every renewal of this term leaves this note in the Lease, for whoever has it next.
    pub fn keep(&mut self, term: u64, note: Note) {
        self.note = Some(Wanted::new(term, note));
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
    pub fn kept(&self, term: u64, now: Moment) -> Option<Note> {
        Some(wire::note(self.seen_in(term, now)?))
    }

    /// So many bytes a note may have, beside what others noted in the Lease.
    #[must_use]
    pub fn room(&self, term: u64, now: Moment) -> Option<usize> {
        Some(wire::room(self.seen_in(term, now)?))
    }

    fn seen_in(&self, term: u64, now: Moment) -> Option<&Seen> {
        self.observed.as_ref().filter(|_| self.term(now) == Some(term)).map(|(seen, _)| seen)
    }

    /// What to do now.
    pub fn next(&mut self, now: Moment) -> Next {
        self.lapse(now);
        // A question without its answer is one whose answer was lost.
        if let Some(asked) = self.asked.take() {
            (self.is_current, self.is_in_doubt) = (false, self.is_in_doubt || asked.is_claim);
        }
        let is_ours = self.observed.as_ref().is_some_and(|(seen, _)| self.is_ours(seen));
        if !self.is_wanted && !is_ours && !self.is_in_doubt {
            return Next::Rest;
        }
        if now.steady < self.due {
            return Next::Wait(self.due);
        }
        let mut is_note = false;
        let ask = match &self.observed {
            _ if !self.is_current => Ask::Read,
            None => Ask::Create(self.claim(None, now)),
            Some((seen, _)) if !self.is_wanted => Ask::Update(Box::new(seen.clone()), self.freed(seen, now)),
            Some((seen, since)) if self.may_take(seen, *since, now.steady) => {
                // Another term may have noted something else since.
                let over = match self.note.as_ref().and_then(|wanted| wanted.over(seen, self.term(now))) {
                    Some(over) => {
                        is_note = true;
                        over
                    }
                    None => seen.clone(),
                };
                Ask::Update(Box::new(over), self.claim(Some(&seen.record), now))
            }
            Some(_) => Ask::Read,
        };
        if ask != Ask::Read {
            self.last_written = self.stamp(now);
        }
        self.asked = Some(Asked { at: now, is_claim: self.is_wanted && ask != Ask::Read, is_note });
        Next::Ask(ask)
    }

    /// The answer to what [`Elector::next`] said to ask, as it arrives.
    pub fn answered(&mut self, answer: Answer, now: Moment) {
        let Some(asked) = self.asked.take() else { return };
        match answer {
            Answer::Found(seen) => {
                // What we noted may have arrived, though its answer did not. Anything else is another's
                // word, which we have not read yet: a term of its own.
                let is_foreign = self.held.zip(self.observed.as_ref()).is_some_and(|(held, (before, _))| {
                    let note = wire::note(&seen);
                    let is_known = |wanted: &Wanted| wanted.is(held.term, &note);
                    wire::note(before) != note && !self.note.as_ref().is_some_and(is_known)
                });
                let since = match self.observed.take() {
                    Some((before, since)) if before.record == seen.record => since,
                    Some(_) | None => now.steady,
                };
                if !self.is_ours(&seen) || is_foreign {
                    self.held = None;
                }
                (self.was_read, self.is_in_doubt) = (true, false);
                self.is_current = self.may_take(&seen, since, now.steady);
                self.due = match self.is_current {
                    true => now.steady,
                    // The look at the very end makes the take-over prompt.
                    false => (now.steady + self.timing.retry()).min(since + self.duration_of(&seen)),
                };
                self.observed = Some((seen, since));
            }
            Answer::Missing => {
                (self.observed, self.held, self.was_read) = (None, None, true);
                (self.is_current, self.is_in_doubt, self.due) = (true, false, now.steady);
            }
            Answer::Written(seen) => {
                let is_held = asked.is_claim && self.is_wanted && self.is_ours(&seen);
                let term = self.term(asked.at);
                self.held = is_held.then(|| {
                    // Without a gap it is the same term: nobody else can have written meanwhile.
                    let term = term.unwrap_or(self.terms + 1);
                    self.terms = term;
                    Held { renewed: asked.at, term }
                });
                self.observed = Some((seen, now.steady));
                (self.is_current, self.is_in_doubt) = (true, false);
                self.due = if is_held { asked.at.steady + self.timing.retry() } else { now.steady };
            }
            // Soon, but never in a tight loop.
            Answer::Conflict => {
                (self.is_current, self.due) = (false, now.steady + self.timing.retry() / 4);
            }
            Answer::Lost => {
                if asked.is_note {
                    self.give_up_note();
                }
                self.is_in_doubt |= asked.is_claim;
                (self.is_current, self.due) = (false, now.steady + self.timing.retry());
            }
        }
    }

    /// How long a write that starts now may take at most; `None` when none may start. `term` is the
    /// one in which the write was planned: after another's term it may be out of date.
    #[must_use]
    pub fn grant(&self, term: u64, now: Moment) -> Option<Duration> {
        let held = self.held.filter(|held| held.term == term)?;
        let elapsed = now.since(held.renewed);
        let left = self.timing.writes_end().checked_sub(elapsed)?;
        (elapsed <= self.timing.renew_deadline() && left >= self.timing.write_margin()).then_some(left)
    }

    /// Whether the last good renewal is so young that something irreversible may rest on it.
    #[must_use]
    pub fn is_fresh(&self, now: Moment) -> bool {
        self.held.is_some_and(|held| now.since(held.renewed) <= self.timing.retry())
    }

    /// The term in which we lead, while we do.
    #[must_use]
    pub fn term(&self, now: Moment) -> Option<u64> {
        let held = self.held.filter(|held| now.since(held.renewed) <= self.timing.renew_deadline());
        held.map(|held| held.term)
    }

    /// Who has the lease.
    #[must_use]
    pub fn standing(&self, now: Moment) -> Standing {
        match (self.term(now), &self.observed) {
            (Some(term), _) => Standing::Leading(term),
            // We had it, and do not know what became of it.
            (None, Some((seen, _))) if self.is_ours(seen) => Standing::Unknown,
            (None, Some((seen, _))) => Standing::Following(seen.record.holder.clone()),
            (None, None) if self.was_read => Standing::Following(None),
            (None, None) => Standing::Unknown,
        }
    }

    /// Whether another has it, and has renewed it in time.
    #[must_use]
    pub fn is_anothers(&self, now: Moment) -> bool {
        self.observed.as_ref().is_some_and(|(seen, since)| !self.may_take(seen, *since, now.steady))
    }

    /// The durations that it keeps.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }

    fn lapse(&mut self, now: Moment) {
        if self.held.is_some() && self.term(now).is_none() {
            self.held = None;
            self.due = self.due.min(now.steady);
        }
    }

    fn is_ours(&self, seen: &Seen) -> bool {
        seen.record.holder.as_deref() == Some(&self.me)
    }

    fn may_take(&self, seen: &Seen, since: Duration, now: Duration) -> bool {
        self.is_ours(seen) || seen.record.holder.is_none() || now >= since + self.duration_of(seen)
    }

    /// What the holder claims for itself; ours, where it says nothing.
    fn duration_of(&self, seen: &Seen) -> Duration {
        seen.record.duration.unwrap_or(self.timing.lease())
    }

    /// Later than any time that this process wrote before, whatever its clock does: a renewal that
    /// changes nothing would look like none.
    fn stamp(&self, now: Moment) -> Duration {
        now.wall.max(self.last_written + Duration::from_micros(1))
    }

    /// The record by which we have it.
    fn claim(&self, before: Option<&Record>, now: Moment) -> Record {
        let renewed = rfc3339(self.stamp(now));
        let ours = before.filter(|record| record.holder.as_deref() == Some(&self.me));
        Record {
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

    /// The record by which nobody has it, as client-go leaves it on release.
    fn freed(&self, seen: &Seen, now: Moment) -> Record {
        let at = rfc3339(self.stamp(now));
        Record {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_gos_durations_leave_a_margin_before_the_deadline() {
        let timing = Timing::of(Duration::from_secs(15)).expect("good");
        assert_eq!((timing.renew_deadline().as_secs(), timing.retry().as_secs()), (10, 2));
        let last_start = timing.writes_end() - timing.write_margin();
        assert!(last_start > timing.retry() * 3 && last_start < timing.renew_deadline());
        // A candidate whose clock is a tenth faster.
        assert!(timing.writes_end().mul_f64(1.1) < timing.lease());
        assert_eq!(Timing::of(Duration::from_millis(1500)), None);
        assert_eq!(Timing::of(Duration::from_secs(1)), None);
    }

    #[test]
    fn a_name_is_one_that_a_path_may_have() {
        let name = |text| LeaseName::parse(text).map(|name| (name.namespace, name.name));
        assert_eq!(name("numctl"), Some((None, "numctl".into())));
        assert_eq!(name("tele.v1"), Some((None, "tele.v1".into())));
        assert_eq!(name("tele/numctl"), Some((Some("tele".into()), "numctl".into())));
        for bad in ["", "/", "a/", "/a", "a/b/c", "A", "a b", "..", "a/..", "a.b/c", "-a", "a?x", "a%2f", "é"]
        {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}

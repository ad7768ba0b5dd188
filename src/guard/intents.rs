//! What was bought for claims, or was about to be, and the numbers that claims are known to have.
//!
//! An intent is kept before the purchase is sent. While it is open nothing else is bought for its
//! slot, and its numbers are bought for no other: looking is not enough, since a listing may lag and a
//! request may act late. It is closed by a refusal for certain, by time, or by a person
//! (`numctl resolve`). A number that is moved or marked again has one as well: while that is on its way, its
//! slot may look free.

#![deny(clippy::arithmetic_side_effects)]

mod place;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::claim::Slot;
use crate::model::number::PhoneNumber;
use crate::observed::holding::Marks;
use crate::observed::{InFlight, PurchaseRecord, Survey};
use crate::plan::outcome::{Outcome, Report};
use crate::plan::{Action, Plan};

pub use place::IntentPlace;

/// How long after its last attempt a purchase may still turn up: as long as the longest lag of a
/// listing and the latest that a request acts, with room to spare.
pub const BOUND: Duration = Duration::from_secs(15 * 60);

/// The version of the file's shape.
const FORMAT_VERSION: u32 = 1;

/// One purchase that may be on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// It is for one of these: the first, and those that take its place.
    pub numbers: Vec<PhoneNumber>,
    /// Whether it is over, as far as this process knows.
    pub phase: PurchasePhase,
    /// A look showed the mark: the number is the claim's, and is looked up should a listing miss it.
    pub seen: bool,
}

/// How far a purchase has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchasePhase {
    /// Its run is still going, or ended without a record.
    Running,
    /// Its last attempt was over by then, since the epoch: after [`BOUND`] it will not turn up any more.
    Over(Duration),
    /// Something was bought, and does not carry the mark, by which alone it could be found. Only a
    /// person can tell what it is: no time closes this, or the slot would be bought again for ever.
    Unmarked,
}

impl Intent {
    /// A clock that was set back makes it wait longer, never shorter.
    fn is_over(&self, now: Duration) -> bool {
        matches!(self.phase, PurchasePhase::Over(at) if now >= at.saturating_add(BOUND))
    }

    /// In seconds since the epoch; `None` where only a person closes it.
    #[must_use]
    pub fn until(&self, now: Duration) -> Option<i64> {
        match self.phase {
            PurchasePhase::Running => Some(seconds(now.saturating_add(BOUND))),
            PurchasePhase::Over(at) => Some(seconds(at.saturating_add(BOUND))),
            PurchasePhase::Unmarked => None,
        }
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

/// All of them, by slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intents {
    open: BTreeMap<Slot, Intent>,
    /// Before this nothing is bought for claims: no one knows what was sent before this process began.
    not_before: Option<Duration>,
    /// Whether it goes back to the first purchase.
    record: PurchaseRecord,
}

/// Why a file does not hold intents.
#[derive(Debug, thiserror::Error)]
pub enum IntentsError {
    /// Not JSON of this shape.
    #[error("it is not a record of purchases: {0}")]
    Shape(String),
    #[error("it is of format {0}; this numctl reads format {FORMAT_VERSION}")]
    OtherFormat(u32),
    /// Something in it is not what its place calls for.
    #[error("it contains {0:?}, which is neither a slot nor a number")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format_version: u32,
    /// Nothing is bought before then, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<u64>,
    /// Nothing was bought by it yet: an earlier record may be lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    new: bool,
    intents: Vec<FileIntent>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileIntent {
    slot: String,
    numbers: Vec<String>,
    /// When it was over, in seconds since the epoch.
    over: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unmarked: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    seen: bool,
}

impl Intents {
    /// Where nothing keeps them: whatever was sent before `now` may still turn up.
    #[must_use]
    pub fn unkept(now: Duration) -> Self {
        Self { not_before: Some(now.saturating_add(BOUND)), ..Self::default() }
    }

    /// A record that begins now: an earlier one may be lost.
    #[must_use]
    pub fn begun() -> Self {
        Self { record: PurchaseRecord::New, ..Self::default() }
    }

    /// The same record, in a CI job that keeps nothing: one that is new is new in every run.
    #[must_use]
    pub fn in_ci(self) -> Self {
        match self.record {
            PurchaseRecord::Kept => self,
            PurchaseRecord::New | PurchaseRecord::NewInCi => Self { record: PurchaseRecord::NewInCi, ..self },
        }
    }

    /// Whether it begins now.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.record != PurchaseRecord::Kept
    }

    /// Whether a person's word on what came before the record would let something be bought.
    #[must_use]
    pub fn asks_for_a_word(&self, now: Duration) -> bool {
        self.is_new() || self.not_before.is_some_and(|time| now < time)
    }

    /// A person says that nothing was bought before the record began.
    pub fn vouch(&mut self) {
        (self.record, self.not_before) = (PurchaseRecord::Kept, None);
    }

    /// Waits, from the first time that it is called on, as long as something may still turn up.
    pub fn wait(&mut self, now: Duration) {
        self.not_before.get_or_insert(now.saturating_add(BOUND));
    }

    /// What is open, by slot.
    #[cfg(feature = "testing")]
    pub fn open(&self) -> impl Iterator<Item = (&Slot, &Intent)> {
        self.open.iter()
    }

    /// What still holds its slot back at `now`: neither seen nor long over.
    pub fn waiting(&self, now: Duration) -> impl Iterator<Item = (&Slot, &Intent)> {
        self.open.iter().filter(move |(_, intent)| !intent.seen && !intent.is_over(now))
    }

    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && (self.record == PurchaseRecord::Kept || self.not_before.is_none())
    }

    /// Whether a run is still going. Its outcome takes more room than the fact that it is still going.
    #[must_use]
    pub fn is_any_running(&self) -> bool {
        self.open.values().any(|intent| intent.phase == PurchasePhase::Running)
    }

    /// Takes a look at the fleet: learns which numbers claims have, and forgets what is long over and was
    /// never seen.
    ///
    /// That a number is seen closes nothing: the next look may go to a replica that has not seen it yet,
    /// or skip its row between two pages. (The simulation found both.)
    pub fn observe(&mut self, marks: &Marks, now: Duration) {
        for (slot, intent) in &mut self.open {
            if marks.holders.contains_key(slot) {
                intent.seen = true;
                if intent.phase == PurchasePhase::Unmarked {
                    intent.phase = PurchasePhase::Over(now);
                }
            }
        }
        self.open.retain(|_, intent| intent.seen || !intent.is_over(now));
        for (slot, numbers) in &marks.holders {
            let numbers = numbers.iter().copied().collect();
            match self.open.get_mut(slot) {
                Some(intent) if intent.is_over(now) => intent.numbers = numbers,
                Some(_) => {}
                None => {
                    let phase = PurchasePhase::Over(Duration::ZERO);
                    self.open.insert(slot.clone(), Intent { numbers, phase, seen: true });
                }
            }
        }
    }

    /// Tells a plan's survey of them.
    pub fn tell(&self, survey: &mut Survey, now: Duration) {
        let (over, open): (Vec<_>, Vec<_>) = self.open.iter().partition(|(_, intent)| intent.is_over(now));
        survey.in_flight = open
            .into_iter()
            .map(|(slot, intent)| {
                let in_flight = InFlight { numbers: intent.numbers.clone(), until: intent.until(now) };
                (slot.clone(), in_flight)
            })
            .collect();
        survey.known =
            over.into_iter().map(|(slot, intent)| (slot.clone(), intent.numbers.clone())).collect();
        survey.claims_wait_until = self.not_before.filter(|time| now < *time).map(seconds);
        survey.record = self.record;
    }

    /// A plan that marks numbers is about to be carried out: from here on the record is one. True where
    /// the plan is such a one.
    pub fn begin(&mut self, plan: &Plan) -> bool {
        let any = plan.steps.iter().any(|step| step.action.marks().is_some());
        if any {
            self.record = PurchaseRecord::Kept;
        }
        any
    }

    /// What an action that marks a number is about to send, to be opened and kept right before.
    #[must_use]
    pub fn about_to(action: &Action) -> Option<(Slot, Intent)> {
        let slot = action.marks()?;
        let instead = action.claimed().map(|claimed| claimed.instead.as_slice()).unwrap_or_default();
        let numbers = std::iter::once(action.number()).chain(instead.iter().copied()).collect();
        Some((slot, Intent { numbers, phase: PurchasePhase::Running, seen: false }))
    }

    /// Opens one, and gives back what was known of its slot.
    pub fn put(&mut self, slot: Slot, intent: Intent) -> Option<Intent> {
        self.open.insert(slot, intent)
    }

    /// Takes one back that was not kept, and so was never sent.
    pub fn restore(&mut self, slot: &Slot, before: Option<Intent>) {
        match before {
            Some(before) => drop(self.open.insert(slot.clone(), before)),
            None => drop(self.open.remove(slot)),
        }
    }

    /// A run has ended at `now`: what certainly did not happen is closed, and the rest has so long.
    pub fn settle(&mut self, report: &Report, now: Duration) {
        for (step, end) in report.plan.steps.iter().zip(&report.ends) {
            let Some(slot) = step.action.marks() else { continue };
            let is_purchase = step.action.claimed().is_some();
            // What was never opened was never sent: what is known of the slot is from before.
            if self.open.get(&slot).is_none_or(|intent| intent.phase != PurchasePhase::Running) {
                continue;
            }
            if is_purchase && end.bought_nothing() {
                self.open.remove(&slot);
            } else if let Some(intent) = self.open.get_mut(&slot) {
                intent.phase = match &end.outcome {
                    Outcome::Failed(_) if is_purchase => PurchasePhase::Unmarked,
                    // A success too is waited for: a listing may lag.
                    _ => PurchasePhase::Over(now),
                };
            }
        }
    }

    /// Adds what an earlier life of this process knew: the disk may have been too full to keep it.
    pub fn recall(&mut self, earlier: &Self, now: Duration) {
        for (slot, intent) in &earlier.open {
            let phase = match intent.phase {
                PurchasePhase::Running => PurchasePhase::Over(now),
                phase => phase,
            };
            self.open.entry(slot.clone()).or_insert_with(|| Intent { phase, ..intent.clone() });
        }
        self.not_before = self.not_before.max(earlier.not_before);
    }

    /// A person gives one up.
    pub fn resolve(&mut self, slot: &Slot) -> Option<Intent> {
        self.open.remove(slot)
    }

    /// The text of the file that keeps them.
    #[must_use]
    pub fn to_json(&self) -> String {
        let intents = self.open.iter().map(|(slot, intent)| FileIntent {
            slot: slot.to_string(),
            numbers: intent.numbers.iter().map(PhoneNumber::to_string).collect(),
            over: match intent.phase {
                PurchasePhase::Over(at) => Some(at.as_secs()),
                PurchasePhase::Running | PurchasePhase::Unmarked => None,
            },
            unmarked: intent.phase == PurchasePhase::Unmarked,
            seen: intent.seen,
        });
        let not_before = self.not_before.map(|time| time.as_secs());
        let new = self.is_new();
        let file = File { format_version: FORMAT_VERSION, not_before, new, intents: intents.collect() };
        // Texts, numbers and lists of them always serialise.
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads a file's text back. A run that had not ended when it was written has ended by `now` at the
    /// latest, and no one knows when.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn from_json(text: &str, now: Duration) -> Result<Self, IntentsError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| IntentsError::Shape(error.to_string()))?;
        if file.format_version != FORMAT_VERSION {
            return Err(IntentsError::OtherFormat(file.format_version));
        }
        let mut open = BTreeMap::new();
        for intent in file.intents {
            let slot = Slot::parse(&intent.slot).ok_or(IntentsError::Malformed(intent.slot))?;
            let numbers = intent
                .numbers
                .into_iter()
                .map(|text| PhoneNumber::observed(&text).ok_or(IntentsError::Malformed(text)));
            let phase = match (intent.unmarked, intent.over) {
                (true, _) => PurchasePhase::Unmarked,
                (false, over) => PurchasePhase::Over(over.map_or(now, Duration::from_secs)),
            };
            open.insert(
                slot,
                Intent { numbers: numbers.collect::<Result<_, _>>()?, phase, seen: intent.seen },
            );
        }
        let record = if file.new { PurchaseRecord::New } else { PurchaseRecord::Kept };
        Ok(Self { open, not_before: file.not_before.map(Duration::from_secs), record })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "of times that are written here")]

    use std::collections::BTreeSet;

    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);
    /// Not the constant: a purchase that is given up earlier is bought twice.
    const QUARTER: Duration = Duration::from_secs(900);
    const SECOND: Duration = Duration::from_secs(1);

    fn number(at: u8) -> PhoneNumber {
        PhoneNumber::declared(&format!("+155522300{at:02}")).expect("a number")
    }

    fn slot(index: u16) -> Slot {
        Slot::parse(&format!("support/{}", index + 1)).expect("a slot")
    }

    fn intent(phase: PurchasePhase) -> Intent {
        Intent { numbers: vec![number(1), number(2)], phase, seen: false }
    }

    fn with(phase: PurchasePhase) -> Intents {
        let mut intents = Intents::default();
        assert_eq!(intents.put(slot(0), intent(phase)), None);
        intents
    }

    fn waits(intents: &Intents, now: Duration) -> bool {
        intents.waiting(now).next().is_some()
    }

    fn told(intents: &Intents, now: Duration) -> Survey {
        let mut survey = Survey::default();
        intents.tell(&mut survey, now);
        survey
    }

    fn seen(holder: u8) -> Marks {
        Marks { holders: [(slot(0), BTreeSet::from([number(holder)]))].into(), ..Marks::default() }
    }

    /// Whatever was sent may turn up for a quarter of an hour after its last attempt, and no longer.
    #[test]
    fn a_purchase_holds_its_slot_for_a_quarter_of_an_hour() {
        let over = with(PurchasePhase::Over(NOW));
        let last = NOW + QUARTER - SECOND;
        assert!(waits(&over, NOW) && waits(&over, last) && !waits(&over, NOW + QUARTER));
        // A clock that was set back makes it wait longer.
        assert!(waits(&over, NOW - QUARTER * 2));
        let until = i64::try_from((NOW + QUARTER).as_secs()).expect("a time");
        let survey = told(&over, last);
        assert_eq!(survey.in_flight[&slot(0)].until, Some(until));
        assert!(survey.known.is_empty());
        assert!(told(&over, NOW + QUARTER).in_flight.is_empty());
        assert_eq!(told(&over, NOW + QUARTER).known[&slot(0)], [number(1), number(2)]);
        // One that goes on may be sent until now.
        assert_eq!(intent(PurchasePhase::Running).until(NOW), Some(until));
        assert!(waits(&with(PurchasePhase::Running), NOW + QUARTER * 1_000));
        // Only a person closes what carries no mark.
        let unmarked = with(PurchasePhase::Unmarked);
        assert!(waits(&unmarked, NOW + QUARTER * 1_000));
        assert_eq!(told(&unmarked, NOW).in_flight[&slot(0)].until, None);
    }

    /// Without a record nobody knows what was sent before: nothing is bought until it would have turned up.
    #[test]
    fn where_nothing_is_kept_a_start_waits() {
        let until = i64::try_from((NOW + QUARTER).as_secs()).expect("a time");
        let mut unkept = Intents::unkept(NOW);
        assert_eq!(told(&unkept, NOW + QUARTER - SECOND).claims_wait_until, Some(until));
        assert_eq!(told(&unkept, NOW + QUARTER).claims_wait_until, None);
        assert!(unkept.asks_for_a_word(NOW + QUARTER - SECOND) && !unkept.asks_for_a_word(NOW + QUARTER));
        // It waits from the first time on, and not anew each time.
        unkept.wait(NOW + QUARTER);
        assert_eq!(told(&unkept, NOW + QUARTER).claims_wait_until, None);
        let mut later = Intents::default();
        later.wait(NOW);
        assert_eq!(told(&later, NOW).claims_wait_until, Some(until));
        // Nobody waits once a person has said that there was nothing.
        later.vouch();
        assert_eq!(told(&later, NOW).claims_wait_until, None);
    }

    #[test]
    fn a_record_is_new_until_something_is_bought_or_a_person_vouches() {
        let kinds = |intents: &Intents| (intents.is_new(), told(intents, NOW).record);
        assert_eq!(kinds(&Intents::default()), (false, PurchaseRecord::Kept));
        assert_eq!(kinds(&Intents::begun()), (true, PurchaseRecord::New));
        assert_eq!(kinds(&Intents::begun().in_ci()), (true, PurchaseRecord::NewInCi));
        assert_eq!(kinds(&Intents::begun().in_ci().in_ci()), (true, PurchaseRecord::NewInCi));
        assert_eq!(kinds(&Intents::default().in_ci()), (false, PurchaseRecord::Kept));
        assert!(Intents::begun().asks_for_a_word(NOW) && !Intents::default().asks_for_a_word(NOW));
        let mut vouched = Intents::begun();
        vouched.vouch();
        assert_eq!(kinds(&vouched), (false, PurchaseRecord::Kept));
        let read = Intents::from_json(&Intents::begun().to_json(), NOW).expect("our own text");
        assert_eq!(kinds(&read), (true, PurchaseRecord::New));
    }

    #[test]
    fn there_is_something_to_remember_where_a_slot_is_open_or_a_new_record_waits() {
        let mut waits = Intents::begun();
        assert!(Intents::default().is_empty() && waits.is_empty());
        waits.wait(NOW);
        assert!(!waits.is_empty() && !with(PurchasePhase::Over(NOW)).is_empty());
        assert!(Intents::unkept(NOW).is_empty(), "what nothing keeps needs no file");
        let (over, running) = (with(PurchasePhase::Over(NOW)), with(PurchasePhase::Running));
        assert!(!over.is_any_running() && running.is_any_running() && !Intents::default().is_any_running());
        let mut both = over;
        both.put(slot(1), intent(PurchasePhase::Running));
        assert!(both.is_any_running());
    }

    /// A number that one look shows may be missing in the next: it is remembered, and looked up then.
    #[test]
    fn a_number_that_was_seen_stays_known() {
        let mut intents = with(PurchasePhase::Over(NOW));
        intents.observe(&seen(2), NOW + SECOND);
        assert!(!waits(&intents, NOW + SECOND), "it is there");
        intents.observe(&Marks::default(), NOW + QUARTER * 9);
        assert_eq!(told(&intents, NOW + QUARTER * 9).known[&slot(0)], [number(1), number(2)]);
        // Later looks say which number it has become.
        intents.observe(&seen(2), NOW + QUARTER * 9);
        assert_eq!(told(&intents, NOW + QUARTER * 9).known[&slot(0)], [number(2)]);
        // One that was never seen is forgotten when its time is over, and not before.
        let mut never = with(PurchasePhase::Over(NOW));
        never.observe(&Marks::default(), NOW + QUARTER - SECOND);
        assert!(!never.is_empty());
        never.observe(&Marks::default(), NOW + QUARTER);
        assert!(never.is_empty());
        // A mark that turned up after all closes what only a person could have closed.
        let mut unmarked = with(PurchasePhase::Unmarked);
        unmarked.observe(&seen(1), NOW);
        assert_eq!(unmarked.open[&slot(0)].phase, PurchasePhase::Over(NOW));
        // What claims have without our doing is known as well.
        let mut found = Intents::default();
        found.observe(&seen(3), NOW);
        assert_eq!(told(&found, NOW).known[&slot(0)], [number(3)]);
    }

    /// What an earlier life knew and could not keep: what ran then is over by now, what is known now stays.
    #[test]
    fn an_earlier_life_adds_what_it_knew() {
        let mut now = with(PurchasePhase::Over(NOW));
        let mut earlier = Intents::unkept(NOW);
        earlier.put(slot(0), intent(PurchasePhase::Unmarked));
        earlier.put(slot(1), intent(PurchasePhase::Running));
        earlier.put(slot(2), intent(PurchasePhase::Unmarked));
        now.recall(&earlier, NOW + SECOND);
        let phases: Vec<_> = now.open.values().map(|intent| intent.phase).collect();
        let over = PurchasePhase::Over;
        assert_eq!(phases, [over(NOW), over(NOW + SECOND), PurchasePhase::Unmarked]);
        assert!(told(&now, NOW).claims_wait_until.is_some());
    }

    /// A run that never said how it ended has ended by the time that its record is read.
    #[test]
    fn a_record_reads_back_as_it_was() {
        let mut intents = with(PurchasePhase::Over(NOW));
        intents.put(slot(1), intent(PurchasePhase::Unmarked));
        intents.put(slot(2), Intent { seen: true, ..intent(PurchasePhase::Over(NOW)) });
        intents.wait(NOW);
        assert_eq!(Intents::from_json(&intents.to_json(), NOW + SECOND).expect("our own text"), intents);
        let running = Intents::from_json(&with(PurchasePhase::Running).to_json(), NOW + SECOND);
        assert_eq!(running.expect("our own text"), with(PurchasePhase::Over(NOW + SECOND)));
        for text in [
            "",
            r#"{"format_version":2,"intents":[]}"#,
            r#"{"format_version":1,"intents":[{"slot":"support","numbers":[],"over":1}]}"#,
            r#"{"format_version":1,"intents":[{"slot":"support/1","numbers":["x"],"over":1}]}"#,
        ] {
            assert!(Intents::from_json(text, NOW).is_err(), "{text}");
        }
        assert!(Intents::from_json(r#"{"format_version":1,"intents":[]}"#, NOW).is_ok());
    }

    #[test]
    fn what_was_not_kept_is_taken_back_and_a_person_gives_one_up() {
        let mut intents = with(PurchasePhase::Over(NOW));
        let before = intents.put(slot(0), intent(PurchasePhase::Running));
        intents.restore(&slot(0), before);
        assert_eq!(intents, with(PurchasePhase::Over(NOW)));
        let before = intents.put(slot(1), intent(PurchasePhase::Running));
        intents.restore(&slot(1), before);
        assert_eq!(intents, with(PurchasePhase::Over(NOW)));
        assert_eq!(intents.resolve(&slot(1)), None);
        assert_eq!(intents.resolve(&slot(0)), Some(intent(PurchasePhase::Over(NOW))));
        assert!(intents.is_empty());
    }
}

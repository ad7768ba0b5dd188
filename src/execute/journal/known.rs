//! The numbers that the journal knows to be ours: folded from its records, and held against a plan.

use std::collections::BTreeMap;
use std::time::Duration;

use super::left_behind::{Replaced, SetFields};
use super::record::KnownRecord;
use super::run::accounts;
use super::{
    AccountRecord, AccountsAtStart, EndedRecord, FORMAT, LookRecord, Record, RecordedAt, RunId, RunRecord,
    StepRecord,
};
use crate::desired::AccountRef;
use crate::desired::{AccountIndex, DeclaredState, Desired, OnVanished};
use crate::guard::standstill::Holds;
use crate::model::action_kind::ActionKind;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::observed::Observed;
use crate::plan::outcome::OutcomeKind;
use crate::plan::{Action, HeldReason, Plan, Reason, Vanished, Warning, claims};

/// For this many days a released number can be had back, says Twilio's support page, if no one
/// else has taken it.
pub const DAYS_TO_BUY_BACK: i64 = 10;

const DAY: i64 = 24 * 60 * 60;

/// Numbers in one line of the head of a new file: a line stays a line that a person can page through.
const NUMBERS_A_LINE: usize = 10_000;

/// The numbers that are ours, or were and are gone; those that a run of ours released are neither.
#[derive(Debug, Clone, Default)]
pub struct KnownNumbers {
    worlds: Vec<AccountsAtStart>,
    accounts: Vec<KnownAccount>,
    /// By the index of the world: a million numbers are to cost little.
    numbers: BTreeMap<(u16, PhoneNumber), KnownEntry>,
    /// The fields that our runs set.
    set: SetFields,
    /// Runs that are not over, by what their steps did.
    open: BTreeMap<RunId, OpenRun>,
}

/// An account, and when it was last looked at.
#[derive(Debug, Clone)]
struct KnownAccount {
    record: AccountRecord,
    looked: Option<RecordedAt>,
}

#[derive(Debug, Clone, Copy)]
struct KnownEntry {
    account: u32,
    /// It was there then.
    seen: RecordedAt,
    /// It was missed at a look since.
    gone: bool,
}

#[derive(Debug, Clone)]
struct OpenRun {
    accounts: Vec<AccountRecord>,
    at: RecordedAt,
    is_undo: bool,
    /// What the steps that set fields have replaced.
    replaced: BTreeMap<usize, Replaced>,
    /// The steps that change where a number is, and what was known of it before.
    steps: BTreeMap<usize, (StepRecord, Option<KnownEntry>)>,
}

impl KnownNumbers {
    /// What some records tell.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn from_records<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut known = Self::default();
        records.into_iter().for_each(|record| known.take(record));
        known
    }

    /// Takes note of one more record.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Run(run) => self.begin(run),
            Record::Step(step) => self.step(step),
            Record::Ended(end) => self.end(end),
            Record::Done(done) => drop(self.open.remove(&done.run)),
            Record::Look(look) => self.look_back(look),
            Record::Known(known) => {
                let (account, world) = (self.place(&known.account), self.world(&known.account.at));
                let looked = &mut self.accounts[account as usize].looked;
                *looked = (*looked).max(known.looked);
                for number in &known.numbers {
                    let entry = KnownEntry { account, seen: known.seen, gone: known.gone };
                    self.numbers.insert((world, *number), entry);
                }
            }
            Record::Set(set) => {
                let world = self.world(&set.at);
                self.set.take(world, set);
            }
            Record::Mended => {}
        }
    }

    fn world(&mut self, world: &AccountsAtStart) -> u16 {
        let at = self.worlds.iter().position(|known| known == world).unwrap_or_else(|| {
            self.worlds.push(world.clone());
            self.worlds.len() - 1
        });
        // A journal that reports more worlds than this tells nothing of the last ones.
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    fn known_world(&self, world: &AccountsAtStart) -> Option<u16> {
        let at = self.worlds.iter().position(|known| known == world)?;
        u16::try_from(at).ok()
    }

    fn place(&mut self, account: &AccountRecord) -> u32 {
        let is_it = |place: &KnownAccount| place.record.sid == account.sid && place.record.at == account.at;
        let at = self.accounts.iter().position(is_it).unwrap_or_else(|| {
            self.accounts.push(KnownAccount { record: account.clone(), looked: None });
            self.accounts.len() - 1
        });
        // There are no more accounts than a file can name.
        at as u32
    }

    fn see(&mut self, account: &AccountRecord, number: PhoneNumber, seen: RecordedAt) {
        let entry = KnownEntry { account: self.place(account), seen, gone: false };
        let world = self.world(&account.at);
        self.numbers.insert((world, number), entry);
    }

    fn begin(&mut self, run: &RunRecord) {
        let open = OpenRun {
            accounts: run.accounts.clone(),
            at: run.at,
            is_undo: run.undoes.is_some(),
            replaced: BTreeMap::new(),
            steps: BTreeMap::new(),
        };
        self.open.insert(run.run.clone(), open);
    }

    fn step(&mut self, step: &StepRecord) {
        let Some(open) = self.open.get(&step.run) else { return };
        let (at, is_undo) = (open.at, open.is_undo);
        let account = |sid: AccountSid| open.accounts.iter().find(|account| account.sid == sid).cloned();
        let (Some(of), from) = (account(step.account), step.from.and_then(account)) else { return };
        // What is to be changed was there to be seen.
        if let Some(from) = &from {
            self.see(from, step.number, at);
        }
        let world = self.world(&of.at);
        if !step.after.is_empty() {
            let replaced = self.set.step(world, step, is_undo);
            if let Some(open) = self.open.get_mut(&step.run) {
                open.replaced.insert(step.step, replaced);
            }
        }
        if step.action == ActionKind::Configure {
            return;
        }
        let key = (world, step.number);
        let before = self.numbers.get(&key).copied();
        if step.action == ActionKind::Release {
            // Should its end never be told, it may well be released.
            self.numbers.remove(&key);
        }
        if let Some(open) = self.open.get_mut(&step.run) {
            open.steps.insert(step.step, (step.clone(), before));
        }
    }

    fn end(&mut self, end: &EndedRecord) {
        let (at, outcome) = (end.at, end.outcome);
        let Some(open) = self.open.get_mut(&end.run) else { return };
        match (open.replaced.remove(&end.step), outcome, end.instead) {
            (Some(replaced), OutcomeKind::Skipped, _) => self.set.put_back(&replaced),
            (Some(replaced), _, Some(instead)) => self.set.turn_to(&replaced, instead),
            (Some(_), _, None) | (None, _, _) => {}
        }
        let Some((step, before)) = open.steps.get(&end.step) else { return };
        let Some(of) = open.accounts.iter().find(|account| account.sid == step.account).cloned() else {
            return;
        };
        let (number, before) = (end.instead.unwrap_or(step.number), *before);
        match (step.action, outcome) {
            (ActionKind::Purchase | ActionKind::Transfer, OutcomeKind::Succeeded) => {
                self.see(&of, number, at)
            }
            (ActionKind::Release, OutcomeKind::Succeeded) => {
                let world = self.world(&of.at);
                self.set.forget(world, number);
            }
            (ActionKind::Release, OutcomeKind::Failed | OutcomeKind::Skipped) => {
                if let Some(before) = before {
                    let world = self.world(&of.at);
                    self.numbers.insert((world, number), before);
                }
            }
            (
                ActionKind::Purchase | ActionKind::Transfer | ActionKind::Configure | ActionKind::Release,
                _,
            ) => {}
        }
    }

    fn look_back(&mut self, look: &LookRecord) {
        for account in &look.accounts {
            for number in look.gone.get(&account.sid).into_iter().flatten() {
                let (last, world) = (self.looked(account), self.world(&account.at));
                if let Some(entry) = self.numbers.get_mut(&(world, *number)) {
                    entry.seen = entry.seen.max(last.unwrap_or(entry.seen));
                    entry.gone = true;
                }
            }
        }
        for account in &look.accounts {
            for number in look.seen.get(&account.sid).into_iter().flatten() {
                self.see(account, *number, look.at);
            }
            let place = self.place(account) as usize;
            self.accounts[place].looked = self.accounts[place].looked.max(Some(look.at));
        }
    }

    fn looked(&self, account: &AccountRecord) -> Option<RecordedAt> {
        let mut places = self.accounts.iter();
        places.find(|place| place.record.sid == account.sid && place.record.at == account.at)?.looked
    }

    /// The account that had a number last, and when it was there; `None` for one that never was ours
    /// in that world, or that we released.
    #[must_use]
    pub fn last_seen(
        &self,
        world: &AccountsAtStart,
        number: PhoneNumber,
    ) -> Option<(AccountSid, RecordedAt)> {
        let entry = self.numbers.get(&(self.known_world(world)?, number))?;
        let place = &self.accounts[entry.account as usize];
        let seen = if entry.gone { entry.seen } else { entry.seen.max(place.looked.unwrap_or(entry.seen)) };
        Some((place.record.sid, seen))
    }

    /// What one look at these accounts tells that was not known; `worlds` are those of the accounts.
    ///
    /// Only what was seen as a whole counts: an account in trouble may have anything.
    #[must_use]
    pub fn look(
        &self,
        desired: Option<&Desired>,
        refs: &[AccountRef],
        worlds: &[AccountsAtStart],
        observed: &Observed,
        now: Duration,
    ) -> LookRecord {
        let all = accounts(refs, worlds);
        let is_whole = |at: usize| observed.trouble(AccountIndex(at as u16)).is_none();
        let whole: Vec<_> = (0..all.len()).filter(|at| is_whole(*at)).map(|at| all[at].clone()).collect();
        let known: Vec<_> = worlds.iter().map(|world| self.known_world(world)).collect();
        let mut seen: BTreeMap<AccountSid, Vec<PhoneNumber>> = BTreeMap::new();
        for (number, found) in observed.numbers() {
            let at = usize::from(found.account.0);
            let is_news = match known[at].and_then(|world| self.numbers.get(&(world, number))) {
                Some(entry) => entry.gone || self.accounts[entry.account as usize].record.sid != refs[at].sid,
                None => desired
                    .and_then(|desired| desired.declared(number))
                    .is_some_and(|declared| declared.state == DeclaredState::Present),
            };
            if is_news && is_whole(at) {
                seen.entry(refs[at].sid).or_default().push(number);
            }
        }
        let mut gone: BTreeMap<AccountSid, Vec<PhoneNumber>> = BTreeMap::new();
        // A number that is missed may be in the dark.
        if observed.dark().is_none() {
            for ((_, number), entry) in self.numbers.iter().filter(|(_, entry)| !entry.gone) {
                let place = &self.accounts[entry.account as usize].record;
                let was_looked_at =
                    whole.iter().any(|account| account.sid == place.sid && account.at == place.at);
                if was_looked_at && observed.find(*number).next().is_none() {
                    gone.entry(place.sid).or_default().push(*number);
                }
            }
        }
        LookRecord { format: FORMAT, at: RecordedAt::from_time(now), accounts: whole, seen, gone }
    }

    /// Whether a look is worth a line: it tells something, or the last one is so long ago that "last
    /// seen" would say little.
    #[must_use]
    pub fn is_news(&self, look: &LookRecord, every: Duration) -> bool {
        let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX);
        let is_old =
            |account| self.looked(account).is_none_or(|last| look.at.0.saturating_sub(last.0) >= every);
        !look.seen.is_empty() || !look.gone.is_empty() || look.accounts.iter().any(is_old)
    }

    /// All of it as records: the head of a new file, so that no older one has to be read for it.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let mut groups: BTreeMap<(u32, RecordedAt, bool), Vec<PhoneNumber>> = BTreeMap::new();
        for ((_, number), entry) in &self.numbers {
            groups.entry((entry.account, entry.seen, entry.gone)).or_default().push(*number);
        }
        let mut records = Vec::new();
        for ((account, seen, gone), numbers) in groups {
            let KnownAccount { record, looked } = &self.accounts[account as usize];
            records.extend(numbers.chunks(NUMBERS_A_LINE).map(|numbers| {
                let (account, looked, numbers) = (record.clone(), *looked, numbers.to_vec());
                Record::Known(KnownRecord { format: FORMAT, account, looked, seen, gone, numbers })
            }));
        }
        records.extend(self.set.records(&self.worlds, NUMBERS_A_LINE).into_iter().map(Record::Set));
        records.into_iter()
    }
}

/// Holds a plan's purchases against what is known: a number that was ours and is gone is bought back
/// only on the file's word, and with a word on how likely that is. `worlds` are those of the plan's
/// accounts. Without a journal, the plan says that no one can tell.
pub fn hold_back(
    plan: &mut Plan,
    holds: &Holds,
    known: Option<&KnownNumbers>,
    worlds: &[AccountsAtStart],
    now: Duration,
) {
    let Some(known) = known else {
        if plan.count(ActionKind::Purchase) > 0 {
            plan.warnings.push(Warning::NoJournal);
        }
        return;
    };
    let now = RecordedAt::from_time(now);
    let vanished = |action: &Action| {
        let Action::Purchase { number, account, .. } = action else { return None };
        let (last, seen) = known.last_seen(worlds.get(usize::from(account.0))?, *number)?;
        Some(Vanished { account: last, seen: seen.0, days_left: days_left(seen, now) })
    };
    let choice = |action: &Action| {
        // A claim takes what is available, and that is shown.
        if action.claimed().is_some() {
            return OnVanished::Rebuy;
        }
        holds.on_vanished(action.number())
    };
    for step in &mut plan.steps {
        if let Some(was) = vanished(&step.action)
            && choice(&step.action) == OnVanished::Rebuy
        {
            if step.action.claimed().is_none() {
                step.reason = Reason::Vanished;
            }
            plan.warnings.push(Warning::BoughtBack { number: step.action.number(), was });
        }
    }
    plan.hold(|step| {
        let was = vanished(&step.action)?;
        (choice(&step.action) == OnVanished::Report).then_some(HeldReason::Vanished(was))
    });
}

/// Adds to a plan which live fields our runs set and no file declares any more; nothing is ever done about
/// them. `worlds` are those of the plan's accounts.
pub fn tell_left_behind(
    plan: &mut Plan,
    known: &KnownNumbers,
    desired: &Desired,
    observed: &Observed,
    worlds: &[AccountsAtStart],
) {
    if known.set.is_empty() {
        return;
    }
    let known_worlds: Vec<_> = worlds.iter().map(|world| known.known_world(world)).collect();
    let world_of = |account: AccountIndex| known_worlds.get(usize::from(account.0)).copied().flatten();
    if desired.claims.is_empty() {
        known.set.tell(plan, world_of, desired, observed);
    } else {
        known.set.tell(plan, world_of, &claims::bind(desired, observed).desired, observed);
    }
}

/// How many whole days are left at least, of those in which a number can be had back.
pub(super) fn days_left(seen: RecordedAt, now: RecordedAt) -> u8 {
    let left = (seen.0.saturating_add(DAYS_TO_BUY_BACK * DAY)).saturating_sub(now.0).div_euclid(DAY);
    u8::try_from(left.clamp(0, DAYS_TO_BUY_BACK)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60;

    fn account(at: &str) -> AccountRecord {
        let sid = AccountSid::observed(&format!("AC{:032}", 1)).expect("a SID");
        AccountRecord { name: "main".to_owned(), sid, at: AccountsAtStart::named(at.to_owned()) }
    }

    fn number() -> PhoneNumber {
        PhoneNumber::declared("+15552230000").expect("a number")
    }

    fn look(at: i64, seen: bool, gone: bool) -> Record {
        let account = account("here");
        let named = |is: bool| is.then(|| (account.sid, vec![number()])).into_iter().collect();
        let (seen, gone) = (named(seen), named(gone));
        Record::Look(LookRecord {
            format: FORMAT,
            at: RecordedAt(at),
            accounts: vec![account.clone()],
            seen,
            gone,
        })
    }

    fn release(outcome: Option<OutcomeKind>) -> Vec<Record> {
        let (run, account) = (RunId::parse("run").expect("an id"), account("here"));
        let begins = RunRecord {
            format: FORMAT,
            run: run.clone(),
            at: RecordedAt(9 * HOUR),
            command: super::super::RecordedCommand::Apply,
            numctl: String::new(),
            by: None,
            digest: String::new(),
            generation: None,
            undoes: None,
            accounts: vec![account.clone()],
            steps: 1,
        };
        let step = StepRecord {
            run: run.clone(),
            step: 0,
            action: ActionKind::Release,
            number: number(),
            sid: None,
            account: account.sid,
            from: Some(account.sid),
            before: BTreeMap::new(),
            after: BTreeMap::new(),
        };
        let ended = outcome.map(|outcome| {
            let (at, error) = (RecordedAt(9 * HOUR), None);
            Record::Ended(super::super::EndedRecord {
                run,
                step: 0,
                at,
                outcome,
                attempts: 1,
                instead: None,
                error,
            })
        });
        [Record::Run(begins), Record::Step(step)].into_iter().chain(ended).collect()
    }

    #[test]
    fn last_seen_is_the_last_look_before_it_was_missed() {
        let here = AccountsAtStart::named("here".to_owned());
        let mut known = KnownNumbers::from_records(&[look(HOUR, true, false)]);
        let seen = |known: &KnownNumbers| known.last_seen(&here, number()).map(|(_, at)| at.0 / HOUR);
        assert_eq!(seen(&known), Some(1));
        known.take(&look(3 * HOUR, false, false));
        assert_eq!(seen(&known), Some(3), "a look that names nothing saw everything that was there");
        known.take(&look(5 * HOUR, false, true));
        known.take(&look(7 * HOUR, false, false));
        assert_eq!(seen(&known), Some(3));
        let again = KnownNumbers::from_records(&known.records().collect::<Vec<_>>());
        assert_eq!(seen(&again), Some(3), "a new file begins with what the old one knew");
        assert_eq!(
            known.last_seen(&AccountsAtStart::named("there".to_owned()), number()),
            None,
            "another world's"
        );
        known.take(&look(9 * HOUR, true, false));
        assert_eq!(seen(&known), Some(9));
    }

    #[test]
    fn what_a_run_of_ours_released_is_not_ours_any_more_and_did_not_vanish() {
        let here = AccountsAtStart::named("here".to_owned());
        for (outcome, is_known) in [
            (Some(OutcomeKind::Succeeded), false),
            (Some(OutcomeKind::Unknown), false),
            // Killed on the way: it may well be released.
            (None, false),
            (Some(OutcomeKind::Failed), true),
            (Some(OutcomeKind::Skipped), true),
        ] {
            let records: Vec<_> = [look(HOUR, true, false)].into_iter().chain(release(outcome)).collect();
            let known = KnownNumbers::from_records(&records);
            assert_eq!(known.last_seen(&here, number()).is_some(), is_known, "{outcome:?}");
        }
    }

    #[test]
    fn the_days_to_have_it_back_are_counted_down_and_never_too_many() {
        let left = |hours: i64| days_left(RecordedAt(0), RecordedAt(hours * HOUR));
        assert_eq!([0, 1, 24, 25, 239, 240, 9_999].map(left), [10, 9, 9, 8, 0, 0, 0]);
        assert_eq!(days_left(RecordedAt(HOUR), RecordedAt(0)), 10, "a clock that was set back");
    }
}

//! The daemon's state as it is shown to the outside: what each number's conditions are, what
//! drifted and how, what is in progress, and how the last cycles went.
//!
//! Pure: what happened and when comes in. A fleet of 100,000 numbers costs 64 bytes for each: what
//! is equal is shared.

mod cycles;
mod drift;
mod fleet;
mod holds;
pub mod json;
mod role;
mod tags;
mod verdict;
mod webhooks;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::client::api::error::ListError;
use crate::desired::{AccountIndex, Desired, Labels};
use crate::guard::Refusal;
use crate::guard::budget::Generation;
use crate::guard::memory::Extent;
use crate::model::action_kind::ActionKind;
use crate::model::hold::Hold;
use crate::model::inert;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::model::settings::{Field, Want};
use crate::observed::Trouble;
use crate::plan::HeldCode;
use crate::plan::Plan;
use crate::plan::outcome::{Report, StepEnd};
use crate::report::words;

#[cfg(feature = "testing")]
pub use cycles::Durations;
pub use cycles::{CycleResult, CycleTiming, DURATION_BUCKETS, Past, Totals};
#[cfg(feature = "testing")]
pub use drift::fields_of;
pub use drift::{Drift, DriftChange};
pub use fleet::{Allowance, FleetFigures};
pub use holds::HoldsShown;
pub use role::{Overall, Role, Waiting};
pub use verdict::{Condition, ConditionReason, NumberStanding, Truth, Verdict};
pub use webhooks::{FailingWebhook, WebhookHealth};

use drift::Drifts;
use verdict::{Aftermath, Judge};

/// At most this many numbers that are in progress are named.
const IN_HAND_MAX: usize = 20;
/// A message of another program is at most this long.
const MESSAGE_CHARACTERS_MAX: usize = 1_000;
/// The findings on files that are refused are at most this long.
const REFUSED_CHARACTERS_MAX: usize = 10_000;

/// When something was: milliseconds since the epoch. Shown as RFC 3339.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusTime(u64);

impl StatusTime {
    /// So long after the epoch.
    #[must_use]
    pub fn since_epoch(since_the_epoch: Duration) -> Self {
        Self(u64::try_from(since_the_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    /// The same as a length of time since the epoch.
    #[must_use]
    pub fn since_the_epoch(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl fmt::Display for StatusTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last moment that humantime writes is in the year 9999.
        let last = Duration::from_secs(253_402_300_799);
        let time = SystemTime::UNIX_EPOCH + self.since_the_epoch().min(last);
        humantime::format_rfc3339_millis(time).fmt(f)
    }
}

impl Serialize for StatusTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The outcome of a cycle, as [`crate::reconcile::Pass`] has it.
#[derive(Debug, Clone, Copy)]
pub enum Finish<'a> {
    /// It was stopped before anything was planned.
    Stopped,
    /// No account could be listed.
    NotObserved(&'a [(AccountIndex, ListError)]),
    /// It could not begin.
    NotBegun(&'a str),
    /// The plan goes beyond a limit.
    Refused(&'a Plan, &'a Refusal),
    Planned(&'a Plan),
    /// What the plan spends could not be recorded.
    NotRecorded(&'a Plan, &'a dyn Error),
    /// The plan was carried out.
    Executed(&'a Report),
}

/// What the state says about one declared number.
#[derive(Debug, Clone)]
pub struct NumberRow {
    pub number: PhoneNumber,
    /// The declared friendly name, its secrets masked.
    pub name: Option<Arc<str>>,
    pub verdict: Arc<Verdict>,
    /// Since when `Synced` has its status.
    pub synced_since: StatusTime,
    /// Since when `Degraded` has its status.
    pub degraded_since: StatusTime,
    /// Since when `Effective` has its status.
    pub effective_since: StatusTime,
    /// The version of the status in which it last changed.
    pub changed: u32,
    /// The account that it belongs in.
    pub account: AccountIndex,
    /// The files under which it was last looked at.
    pub observed: Option<Generation>,
}

/// What the state says about one account.
#[derive(Debug, Clone)]
pub struct AccountState {
    /// Its name in the files.
    pub name: Arc<str>,
    /// Its SID, where the files say it or a plan knows it.
    pub sid: Option<AccountSid>,
    /// When it was last listed completely.
    pub listed: Option<StatusTime>,
    /// How many numbers are declared in it.
    pub numbers: usize,
    /// Whether a claim is in it.
    pub has_claims: bool,
    /// Why nothing is planned in it.
    pub trouble: Option<Trouble>,
    /// Its hold, as the files have it; it may have ended.
    pub hold: Option<Hold>,
}

/// What the cycle that runs is doing.
#[derive(Debug, Clone)]
pub struct CycleProgress {
    pub began: StatusTime,
    /// The steps of its plan; `None` while it lists.
    pub steps: Option<usize>,
    /// How many have ended.
    pub done: usize,
    /// How many of these did not do what they were to do.
    pub failed: usize,
    /// What is in progress, some of it.
    pub in_hand: Vec<(PhoneNumber, ActionKind)>,
}

/// The daemon's state at one moment; a new one replaces it.
#[derive(Debug, Clone)]
pub struct Status {
    /// The process, by a name that no other one has; empty where it has none.
    pub process: Arc<str>,
    /// Which fleet this is.
    pub fleet: FleetFigures,
    /// When the process started.
    pub started: StatusTime,
    /// Raised by every change.
    pub version: u32,
    pub role: Role,
    /// The files in force.
    pub generation: Option<Generation>,
    /// The version in which the list of declared numbers last changed.
    pub declared: u32,
    /// The accounts, in the files' order.
    pub accounts: Arc<Vec<AccountState>>,
    /// The declared numbers, in order.
    pub rows: Arc<Vec<NumberRow>>,
    /// The SIDs of the declared numbers, in their order, where the API told them; empty until then.
    pub sids: Arc<Vec<Option<NumberSid>>>,
    /// The tags of those that have any.
    pub tags: Arc<BTreeMap<PhoneNumber, Arc<Labels>>>,
    /// How many declared numbers are in each state, by [`NumberStanding::ALL`].
    pub standings: [usize; NumberStanding::ALL.len()],
    /// Live numbers that the files do not name.
    pub unlisted: usize,
    /// What the last plan left undone on purpose, by the code of why.
    pub held: BTreeMap<HeldCode, usize>,
    /// What the limits leave for the next hours, and what the numbers cost.
    pub allowance: Allowance,
    /// What says that nothing is to be changed now.
    pub holds: HoldsShown,
    /// Why it stands by, where it does.
    pub waits: Waiting,
    /// What the files on disk have wrong, where they are not taken, and since when.
    pub refused_files: Option<(StatusTime, Arc<str>)>,
    /// Why the last cycle wrote nothing, where it could not.
    pub blocked: Option<Arc<str>>,
    /// How the declared webhooks answer, and since when; `None` where they are not checked.
    pub webhooks: Option<(StatusTime, Arc<WebhookHealth>)>,
    /// What runs at the moment.
    pub progress: Option<CycleProgress>,
    /// When the next cycle is due.
    pub next: Option<StatusTime>,
    /// When a cycle last left nothing to do.
    pub last_success: Option<StatusTime>,
    /// The last cycles, the oldest first.
    pub history: Arc<Vec<Past>>,
    /// What was counted since the start.
    pub totals: Totals,
    /// What differs, and what differed.
    pub drifts: Drifts,
    /// What is said about every number that is as declared.
    as_declared: Arc<Verdict>,
}

impl Status {
    /// Of a process that has just started.
    #[must_use]
    pub fn new(started: Duration) -> Self {
        Self {
            process: Arc::default(),
            fleet: FleetFigures::default(),
            started: StatusTime::since_epoch(started),
            version: 0,
            role: Role::Starting,
            generation: None,
            declared: 0,
            accounts: Arc::default(),
            rows: Arc::default(),
            sids: Arc::default(),
            tags: Arc::default(),
            standings: [0; NumberStanding::ALL.len()],
            unlisted: 0,
            held: BTreeMap::new(),
            allowance: Allowance::default(),
            holds: HoldsShown::default(),
            waits: Waiting::NotKnown,
            refused_files: None,
            blocked: None,
            webhooks: None,
            progress: None,
            next: None,
            last_success: None,
            history: Arc::default(),
            totals: Totals::default(),
            drifts: Drifts::default(),
            as_declared: Arc::new(Verdict::as_declared()),
        }
    }

    /// How many declared numbers are in this state.
    #[must_use]
    pub fn count(&self, standing: NumberStanding) -> usize {
        self.standings[standing as usize]
    }

    /// It does not write; `waits` says why.
    pub fn stands_by(&mut self, waits: Waiting) {
        if self.role != Role::StandingBy || self.waits != waits {
            self.role = Role::StandingBy;
            self.waits = waits;
            (self.progress, self.next) = (None, None);
            self.version += 1;
        }
    }

    /// The files on disk are not taken.
    pub fn files_refused(&mut self, text: &str, now: Duration) {
        let text: String = text.chars().take(REFUSED_CHARACTERS_MAX).collect();
        let since = self.refused_files.as_ref().map_or(StatusTime::since_epoch(now), |(since, _)| *since);
        self.refused_files = Some((since, inert::spelt_out(text.trim_end()).into()));
        self.version += 1;
    }

    /// The files on disk are in force.
    pub fn files_taken(&mut self) {
        if self.refused_files.take().is_some() {
            self.version += 1;
        }
    }

    /// The declared webhooks were called.
    pub fn webhooks_called(&mut self, health: WebhookHealth, now: Duration) {
        if self.webhooks.as_ref().is_none_or(|(_, known)| **known != health) {
            self.webhooks = Some((StatusTime::since_epoch(now), Arc::new(health)));
            self.version += 1;
        }
    }

    /// Whether a signal has paused the loop.
    pub fn paused_by_signal(&mut self, is_paused: bool) {
        if self.holds.paused_by_signal != is_paused {
            self.holds.paused_by_signal = is_paused;
            self.version += 1;
        }
    }

    /// Notes that a cycle begins, with the content that is in force.
    pub fn begins(&mut self, desired: &Desired, generation: Generation, role: Role, now: Duration) {
        self.version += 1;
        self.role = role;
        self.waits = Waiting::NotKnown;
        if self.generation != Some(generation) {
            self.declare(desired, now);
            self.generation = Some(generation);
        }
        let began = StatusTime::since_epoch(now);
        self.next = None;
        self.progress = Some(CycleProgress { began, steps: None, done: 0, failed: 0, in_hand: Vec::new() });
    }

    /// A step begins; the first one makes the plan known.
    pub fn step_began(&mut self, desired: &Desired, plan: &Plan, extent: Extent, step: usize, now: Duration) {
        self.version += 1;
        let began = self.progress.as_ref().filter(|progress| progress.steps.is_none());
        if let Some(began) = began.map(|progress| progress.began) {
            self.observed(plan, extent, began);
            self.judge(desired, plan, Aftermath::Underway, now);
        }
        if let Some(progress) = &mut self.progress {
            progress.steps = Some(plan.steps.len());
            if progress.in_hand.len() < IN_HAND_MAX {
                let action = &plan.steps[step].action;
                progress.in_hand.push((action.number(), action.kind()));
            }
        }
    }

    /// A step has ended.
    pub fn step_ended(&mut self, plan: &Plan, step: usize, end: &StepEnd, now: Duration) {
        self.version += 1;
        let action = &plan.steps[step].action;
        let (number, kind) = (action.number(), action.kind());
        let is_settled = end.outcome.is_settled();
        if let Some(progress) = &mut self.progress {
            progress.steps = Some(plan.steps.len());
            progress.in_hand.retain(|entry| *entry != (number, kind));
            progress.done += 1;
            progress.failed += usize::from(!is_settled);
        }
        // A move's configuration comes right after it, and decides.
        let is_last = plan.steps.get(step + 1).is_none_or(|next| next.action.number() != number);
        if is_settled {
            self.drifts.mended(plan, step, end, StatusTime::since_epoch(now));
        } else {
            self.drifts.failed(plan, step, end, StatusTime::since_epoch(now));
        }
        if is_settled && !is_last {
            return;
        }
        let Ok(at) = self.rows.binary_search_by_key(&number, |row| row.number) else { return };
        let verdict = match is_settled {
            true => self.as_declared.clone(),
            false => Arc::new(verdict::of_step(plan, &plan.steps[step], &Aftermath::Ended, Some(end))),
        };
        self.set(at, &verdict, StatusTime::since_epoch(now));
    }

    /// The cycle has ended, and the next one is due after `next`.
    pub fn ends(
        &mut self,
        desired: &Desired,
        finish: Finish<'_>,
        extent: Extent,
        timing: CycleTiming,
        now: Duration,
    ) {
        self.version += 1;
        let at = StatusTime::since_epoch(now.saturating_sub(timing.took));
        self.next = Some(StatusTime::since_epoch(now + timing.next));
        self.progress = None;
        let past = Past::from_report(&finish, extent, at, timing.took, self.generation);
        self.totals.add(&past, &finish);
        match finish {
            Finish::Stopped => {}
            Finish::NotObserved(failed) => {
                for (index, error) in failed {
                    let why = inert::message(&error.to_string(), MESSAGE_CHARACTERS_MAX);
                    let help = error.advice().map(str::to_owned);
                    let why = format!("it could not be listed: {why}");
                    if let Some(account) = Arc::make_mut(&mut self.accounts).get_mut(usize::from(index.0)) {
                        account.trouble = Some(Trouble { why, help, request_id: None });
                    }
                }
                self.blocked = None;
                let judge = Judge::unseen(&self.accounts);
                self.settle(desired, &judge, now);
            }
            Finish::NotBegun(why) => self.blocked = Some(inert::message(why, MESSAGE_CHARACTERS_MAX).into()),
            Finish::Refused(plan, refusal) => {
                self.observed(plan, extent, at);
                let lines = words::refused(refusal).join("; ");
                let why: Arc<str> = format!("refused by a limit: {lines}").into();
                self.blocked = Some(why.clone());
                self.judge(desired, plan, Aftermath::Blocked(ConditionReason::LimitExceeded, why), now);
            }
            Finish::Planned(plan) => {
                self.observed(plan, extent, at);
                self.blocked = None;
                self.judge(desired, plan, Aftermath::DryRun, now);
            }
            Finish::NotRecorded(plan, error) => {
                self.observed(plan, extent, at);
                let why = inert::message(&error.to_string(), MESSAGE_CHARACTERS_MAX);
                let why: Arc<str> = format!("what it would spend cannot be recorded: {why}").into();
                self.blocked = Some(why.clone());
                self.judge(desired, plan, Aftermath::Blocked(ConditionReason::BudgetNotRecorded, why), now);
            }
            Finish::Executed(report) => {
                self.observed(&report.plan, extent, at);
                self.blocked = None;
                self.judge_ends(desired, report, now);
            }
        }
        if past.is_success() && extent == Extent::Full && self.overall() != Overall::Degraded {
            self.last_success = Some(StatusTime::since_epoch(now));
        }
        cycles::push(Arc::make_mut(&mut self.history), past);
    }

    /// The numbers of new files. What is known of a number stays, with the files that it was known under.
    fn declare(&mut self, desired: &Desired, now: Duration) {
        let waiting = Arc::new(Verdict::not_observed_yet());
        let now = StatusTime::since_epoch(now);
        let mut old = self.rows.iter().peekable();
        let mut rows = Vec::with_capacity(desired.numbers.len());
        let mut counts = vec![0; desired.accounts.len()];
        for declared in &desired.numbers {
            while old.peek().is_some_and(|row| row.number < declared.number) {
                old.next();
            }
            counts[usize::from(declared.account.0)] += 1;
            let name = declared.settings.get(Field::FriendlyName).and_then(|want| match want {
                Want::Clear => None,
                Want::Set(value) => Some(drift::shared(value)),
            });
            let (number, account, changed) = (declared.number, declared.account, self.version);
            rows.push(match old.peek().filter(|row| row.number == number) {
                Some(row) => NumberRow { name, account, changed, ..(*row).clone() },
                None => {
                    let (verdict, since) = (waiting.clone(), now);
                    let (synced_since, degraded_since, effective_since) = (since, since, since);
                    NumberRow {
                        number,
                        name,
                        verdict,
                        synced_since,
                        degraded_since,
                        effective_since,
                        changed,
                        account,
                        observed: None,
                    }
                }
            });
        }
        let known = |name: &str| self.accounts.iter().find(|account| &*account.name == name);
        let accounts = desired.accounts.iter().zip(counts).enumerate().map(|(at, (account, numbers))| {
            let before = known(&account.name);
            AccountState {
                name: account.name.clone(),
                sid: account.sid.or(before.and_then(|before| before.sid)),
                listed: before.and_then(|before| before.listed),
                numbers,
                has_claims: desired.claims.iter().any(|claim| usize::from(claim.account.0) == at),
                trouble: before.and_then(|before| before.trouble.clone()),
                hold: account.hold.as_ref().map(holds::shown),
            }
        });
        self.accounts = Arc::new(accounts.collect());
        self.rows = Arc::new(rows);
        self.sids = Arc::default();
        self.tags = tags::declared(desired);
        self.holds.declare(desired);
        self.declared = self.version;
        self.recount();
    }

    /// The accounts as a plan saw them.
    fn observed(&mut self, plan: &Plan, extent: Extent, at: StatusTime) {
        self.unlisted = plan.unlisted;
        self.held.clear();
        for held in &plan.held {
            *self.held.entry(held.why.code()).or_default() += 1;
        }
        for (index, account) in Arc::make_mut(&mut self.accounts).iter_mut().enumerate() {
            let trouble = plan.troubles.iter().find(|(at, _)| usize::from(at.0) == index);
            account.trouble = trouble.map(|(_, trouble)| Trouble {
                why: inert::message(&trouble.why, MESSAGE_CHARACTERS_MAX),
                ..trouble.clone()
            });
            if account.trouble.is_none() && extent == Extent::Full {
                account.listed = Some(at);
            }
            if let Some(known) = plan.accounts.get(index) {
                account.sid = Some(known.sid);
            }
        }
    }

    fn judge(&mut self, desired: &Desired, plan: &Plan, aftermath: Aftermath, now: Duration) {
        self.drifts.planned(plan, StatusTime::since_epoch(now));
        let judge = Judge::from_plan(plan, &self.as_declared, aftermath, None);
        self.settle(desired, &judge, now);
    }

    fn judge_ends(&mut self, desired: &Desired, report: &Report, now: Duration) {
        self.drifts.ended(report, StatusTime::since_epoch(now));
        let judge = Judge::from_plan(&report.plan, &self.as_declared, Aftermath::Ended, Some(&report.ends));
        self.settle(desired, &judge, now);
    }

    fn settle(&mut self, desired: &Desired, judge: &Judge, now: Duration) {
        let (now, version, generation) = (StatusTime::since_epoch(now), self.version, self.generation);
        let rows = Arc::make_mut(&mut self.rows);
        for (row, declared) in rows.iter_mut().zip(&desired.numbers) {
            let verdict = judge.verdict(declared);
            // What failed is tried again: until that has ended, nothing is better, and its error says more
            // than that it waits.
            let is_waiting = row.verdict.says_what_failed() && verdict.is_backing_off();
            if !is_waiting && (!judge.is_underway() || row.verdict.standing != NumberStanding::Degraded) {
                row.set(verdict, now, version);
            }
            row.observed = generation;
        }
        self.recount();
    }

    fn set(&mut self, at: usize, verdict: &Arc<Verdict>, now: StatusTime) {
        let (version, generation) = (self.version, self.generation);
        let row = &mut Arc::make_mut(&mut self.rows)[at];
        self.standings[row.verdict.standing as usize] -= 1;
        row.set(verdict, now, version);
        row.observed = generation;
        self.standings[row.verdict.standing as usize] += 1;
    }

    fn recount(&mut self) {
        self.standings = [0; NumberStanding::ALL.len()];
        for row in self.rows.iter() {
            self.standings[row.verdict.standing as usize] += 1;
        }
    }
}

impl NumberRow {
    /// Takes a verdict; a condition's time stays while its status does.
    fn set(&mut self, verdict: &Arc<Verdict>, now: StatusTime, version: u32) {
        if self.verdict == *verdict {
            // The same, and from now on the very same: that is how it is shared.
            self.verdict = verdict.clone();
            return;
        }
        if self.verdict.synced.status != verdict.synced.status {
            self.synced_since = now;
        }
        if self.verdict.degraded.status != verdict.degraded.status {
            self.degraded_since = now;
        }
        if self.verdict.effective.status != verdict.effective.status {
            self.effective_since = now;
        }
        self.verdict = verdict.clone();
        self.changed = version;
    }
}

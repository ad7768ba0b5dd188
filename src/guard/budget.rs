//! What the daemon has spent: per generation of the files, and per rolling 24 hours. Pure: the time
//! comes in, as a duration since the epoch.
//!
//! The order keeps a crash on the safe side: [`Budget::spend`] counts a whole plan, and is saved,
//! before its first write; [`Budget::settle`] gives back what certainly did not happen. A write in
//! doubt stays counted, and a second try at the same number is not counted again, since at most one
//! of the two can have bought it.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::client::api::error::Operation;
use crate::desired::Source;
use crate::guard::cost::Bill;
use crate::model::action_kind::ActionKind;
use crate::model::inert;
use crate::model::money::{Money, Sums};
use crate::model::number::{AccountSid, PhoneNumber};
use crate::observed::Observed;
use crate::plan::outcome::{Failure, Outcome, Report, StepEnd};
use crate::plan::{HeldReason, Plan, Step};

/// How long what was spent counts.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The version of the file that a budget lasts in.
const VERSION: u32 = 1;

/// At most this many characters of a file are quoted in an error.
const QUOTED_MAX: usize = 200;

/// The content of the files in force: any edit makes another one, and undoing it the first again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation([u8; 8]);

impl Generation {
    /// The generation of these files' texts, in their order.
    #[must_use]
    pub fn from_sources(sources: &[Source]) -> Self {
        let mut hash = Sha256::new();
        for source in sources {
            // The length keeps text from moving between files unseen.
            hash.update((source.text.len() as u64).to_be_bytes());
            hash.update(source.text.as_bytes());
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        Self(first)
    }

    /// What stands for files that are not known.
    #[must_use]
    pub fn of_no_files() -> Self {
        Self::from_sources(&[])
    }

    /// Reads a generation as it is written in the budget's file.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value = u64::from_str_radix(text, 16).ok()?;
        (text.len() == 16).then(|| Self(value.to_be_bytes()))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How much: of a plan, or of a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Purchases, those in doubt included.
    pub purchases: usize,
    /// Numbers released or moved to quarantine, those in doubt included.
    pub releases: usize,
    /// Different numbers that were touched: one that flaps all day is one number.
    pub touched: usize,
}

/// What a stretch of time comes to, in all and in each account: a limit that is a share holds in each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    /// In all accounts together.
    pub all: Amounts,
    by_account: BTreeMap<AccountSid, Amounts>,
    /// What an older version noted, which did not say where. It counts in every account.
    anywhere: Amounts,
}

impl Spent {
    /// What of it counts in this account.
    #[must_use]
    pub fn in_account(&self, account: AccountSid) -> Amounts {
        self.by_account.get(&account).copied().unwrap_or_default().plus(self.anywhere)
    }

    fn add(&mut self, account: Option<AccountSid>, amounts: Amounts) {
        self.all = self.all.plus(amounts);
        let place = match account {
            Some(account) => self.by_account.entry(account).or_default(),
            None => &mut self.anywhere,
        };
        *place = place.plus(amounts);
    }
}

impl Amounts {
    const PURCHASE: Self = Self { purchases: 1, releases: 0, touched: 0 };
    const RELEASE: Self = Self { purchases: 0, releases: 1, touched: 0 };
    const TOUCH: Self = Self { purchases: 0, releases: 0, touched: 1 };

    fn plus(self, other: Self) -> Self {
        Self {
            purchases: self.purchases.saturating_add(other.purchases),
            releases: self.releases.saturating_add(other.releases),
            touched: self.touched.saturating_add(other.touched),
        }
    }

    /// What a plan comes to by itself.
    #[must_use]
    pub fn of_plan(plan: &Plan) -> Spent {
        let mut spent = Spent::default();
        let account = |step: &Step| Some(plan.account(step.action.lives_in()).sid);
        for step in &plan.steps {
            if step.action.kind() == ActionKind::Purchase {
                spent.add(account(step), Self::PURCHASE);
            }
            if step.gives_up() {
                spent.add(account(step), Self::RELEASE);
            }
        }
        // A move and its configuration are side by side.
        for steps in plan.steps.chunk_by(|a, b| a.action.number() == b.action.number()) {
            spent.add(account(&steps[0]), Self::TOUCH);
        }
        spent
    }
}

/// What each stretch of time would amount to, were a plan carried out on top of what was spent.
///
/// The default has no stretches: a single apply, which is held to its plan's own amounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The present generation of the files, the plan included.
    pub generation: Option<Spent>,
    /// The last 24 hours, the plan included.
    pub day: Option<Spent>,
    /// By how much the generation, the plan included, raised what the numbers cost a month: what was
    /// bought and released while the prices were known, as they are where a limit is on them.
    pub generation_increase: Sums,
    /// The same of the last 24 hours.
    pub day_increase: Sums,
}

/// Where a purchase or a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BudgetStage {
    /// About to be sent by the cycle that is running.
    Sending,
    /// Sent, perhaps: its outcome was not seen.
    InDoubt,
    /// Seen to have happened.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spend {
    kind: BudgetKind,
    number: PhoneNumber,
    /// Whose numbers it changes; `None` in what an older version noted.
    account: Option<AccountSid>,
    at: Duration,
    generation: Generation,
    stage: BudgetStage,
    /// What the number costs a month, where that was known.
    monthly: Option<Money>,
}

/// The kinds that are counted one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BudgetKind {
    Purchase,
    Release,
    /// The move that comes before a release: the two count as one.
    Quarantine,
}

impl BudgetKind {
    fn from_step(step: &Step) -> Option<Self> {
        match step.action.kind() {
            ActionKind::Purchase => Some(Self::Purchase),
            ActionKind::Release => Some(Self::Release),
            ActionKind::Transfer => step.gives_up().then_some(Self::Quarantine),
            ActionKind::Configure => None,
        }
    }

    fn operation(self) -> Operation {
        match self {
            Self::Purchase => Operation::Purchase,
            Self::Release => Operation::Release,
            Self::Quarantine => Operation::Transfer,
        }
    }
}

/// The last time that a number was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Touch {
    account: Option<AccountSid>,
    at: Duration,
    generation: Generation,
}

/// What was spent in the last 24 hours, by account and kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    spends: Vec<Spend>,
    touched: BTreeMap<PhoneNumber, Touch>,
}

impl Budget {
    /// Takes note of what is live: a purchase in doubt has happened if its number is there, a
    /// release in doubt if it is not. Forgets what counts no longer.
    pub fn observe(&mut self, observed: &Observed, generation: Generation, now: Duration) {
        for spend in &mut self.spends {
            let is_live = observed.find(spend.number).next().is_some();
            match (spend.stage, spend.kind, is_live) {
                (BudgetStage::Done, _, _) => {}
                (_, BudgetKind::Purchase, true) | (_, BudgetKind::Release, false) => {
                    spend.stage = BudgetStage::Done
                }
                // Not seen is no proof: it stays counted.
                (_, BudgetKind::Purchase, false)
                | (_, BudgetKind::Release, true)
                | (_, BudgetKind::Quarantine, _) => {
                    spend.stage = BudgetStage::InDoubt;
                }
            }
            // A clock that was set back must not make an entry last for ever.
            spend.at = spend.at.min(now);
        }
        self.spends.retain(|spend| spend.generation == generation || is_recent(spend.at, now));
        self.touched.retain(|_, touch| {
            touch.at = touch.at.min(now);
            touch.generation == generation || is_recent(touch.at, now)
        });
    }

    /// Takes out of a plan the purchase of each number that was bought in this generation already
    /// and is gone again: something else takes it away, and only a person can say whether it is to
    /// be paid for again. Its replacement being uncertain, nothing is released then (law 4).
    pub fn hold_back(&self, plan: &mut Plan, generation: Generation) {
        let bought: BTreeSet<PhoneNumber> = self
            .spends
            .iter()
            .filter(|spend| {
                spend.kind == BudgetKind::Purchase
                    && spend.stage == BudgetStage::Done
                    && spend.generation == generation
            })
            .map(|spend| spend.number)
            .collect();
        let again = |kind, number| kind == ActionKind::Purchase && bought.contains(&number);
        if !plan.steps.iter().any(|step| again(step.action.kind(), step.action.number())) {
            return;
        }
        plan.hold(|step| {
            again(step.action.kind(), step.action.number()).then_some(HeldReason::BoughtInThisGeneration)
        });
    }

    /// What generation and day come to with this plan. `bill` is the plan's, where there is one.
    #[must_use]
    pub fn outlook(
        &self,
        plan: &Plan,
        bill: Option<&Bill>,
        generation: Generation,
        now: Duration,
    ) -> Outlook {
        let mut after = self.clone();
        after.spend(plan, bill, generation, now);
        let in_generation = |spent_in, _| spent_in == generation;
        let in_day = |_, at| is_recent(at, now);
        Outlook {
            generation: Some(after.spent(in_generation)),
            day: Some(after.spent(in_day)),
            generation_increase: after.increase(in_generation),
            day_increase: after.increase(in_day),
        }
    }

    /// What was spent in the last 24 hours.
    #[must_use]
    pub fn day(&self, now: Duration) -> Spent {
        self.spent(|_, at| is_recent(at, now))
    }

    /// Purchases in doubt count, and releases in doubt do not: it errs on the side of the limit.
    fn increase(&self, counts: impl Fn(Generation, Duration) -> bool) -> Sums {
        let mut sums = Sums::default();
        for spend in self.spends.iter().filter(|spend| counts(spend.generation, spend.at)) {
            match (spend.kind, spend.monthly) {
                (BudgetKind::Purchase, Some(money)) => sums.add(money),
                (BudgetKind::Release, Some(money)) if spend.stage != BudgetStage::InDoubt => {
                    sums.add(money.negated())
                }
                (BudgetKind::Release, Some(_)) | (BudgetKind::Quarantine, Some(_)) | (_, None) => {}
            }
        }
        sums
    }

    fn spent(&self, counts: impl Fn(Generation, Duration) -> bool + Copy) -> Spent {
        let of = |kind| {
            self.spends.iter().filter(move |spend| spend.kind == kind && counts(spend.generation, spend.at))
        };
        let mut spent = Spent::default();
        of(BudgetKind::Purchase).for_each(|spend| spent.add(spend.account, Amounts::PURCHASE));
        // A number that was moved to quarantine and released from there is given up once, by the account
        // that it was moved from.
        let waiting: BTreeMap<PhoneNumber, Option<AccountSid>> =
            of(BudgetKind::Quarantine).map(|spend| (spend.number, spend.account)).collect();
        let mut released = BTreeSet::new();
        for spend in of(BudgetKind::Release) {
            released.insert(spend.number);
            let account = waiting.get(&spend.number).copied().unwrap_or(spend.account);
            spent.add(account, Amounts::RELEASE);
        }
        let waits = waiting.into_iter().filter(|(number, _)| !released.contains(number));
        waits.for_each(|(_, account)| spent.add(account, Amounts::RELEASE));
        for touch in self.touched.values().filter(|touch| counts(touch.generation, touch.at)) {
            spent.add(touch.account, Amounts::TOUCH);
        }
        spent
    }

    /// Counts all that a plan is about to spend. To be saved before the plan's first write. `bill` is
    /// the plan's, where there is one.
    pub fn spend(&mut self, plan: &Plan, bill: Option<&Bill>, generation: Generation, now: Duration) {
        let mut open = self.open();
        for step in &plan.steps {
            let number = step.action.number();
            let account = Some(plan.account(step.action.lives_in()).sid);
            self.touched.insert(number, Touch { account, at: now, generation });
            let Some(kind) = BudgetKind::from_step(step) else { continue };
            let monthly = bill.and_then(|bill| bill.changes.get(&number)).map(|money| money.without_sign());
            let at_now = open.get(&(kind, number)).and_then(|place| self.spends.get_mut(*place));
            match at_now {
                // The same key again: at most one of the two sends can have had an effect.
                Some(open) => {
                    let monthly = monthly.or(open.monthly);
                    *open = Spend { account, at: now, generation, monthly, ..*open };
                }
                None => {
                    let stage = BudgetStage::Sending;
                    open.insert((kind, number), self.spends.len());
                    self.spends.push(Spend { kind, number, account, at: now, generation, stage, monthly });
                }
            }
        }
    }

    /// Gives back what certainly did not happen.
    pub fn settle(&mut self, report: &Report) {
        let open = self.open();
        let mut undone = BTreeSet::new();
        for (step, end) in report.plan.steps.iter().zip(&report.ends) {
            let Some(kind) = BudgetKind::from_step(step) else { continue };
            let Some(place) = open.get(&(kind, step.action.number())) else { continue };
            let Some(spend) = self.spends.get_mut(*place) else { continue };
            if happened(kind, end) {
                spend.stage = BudgetStage::Done;
            } else if spend.stage == BudgetStage::Sending && did_not_happen(kind, end) {
                undone.insert(*place);
            } else {
                spend.stage = BudgetStage::InDoubt;
            }
        }
        let mut place = 0..;
        self.spends.retain(|_| place.next().is_none_or(|place| !undone.contains(&place)));
    }

    /// Where the unfinished ones are: of each number and kind at most one, and the first in any case. A
    /// search for each step of a plan would take seconds for a large one.
    fn open(&self) -> BTreeMap<(BudgetKind, PhoneNumber), usize> {
        let mut open = BTreeMap::new();
        for (place, spend) in
            self.spends.iter().enumerate().filter(|(_, spend)| spend.stage != BudgetStage::Done)
        {
            open.entry((spend.kind, spend.number)).or_insert(place);
        }
        open
    }

    /// Adds to a budget that was loaded what this process saw done and could not save.
    pub fn recall(&mut self, earlier: &Self) {
        // A saved budget counts in whole seconds.
        let key = |spend: &Spend| (spend.kind, spend.number, spend.generation, spend.at.as_secs());
        let done = earlier.spends.iter().filter(|known| known.stage == BudgetStage::Done);
        let done: BTreeSet<_> = done.map(key).collect();
        for spend in self.spends.iter_mut().filter(|spend| done.contains(&key(spend))) {
            spend.stage = BudgetStage::Done;
        }
    }

    /// The text that [`Budget::from_json`] reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        let spends = self.spends.iter().map(|spend| SpendJson {
            kind: spend.kind,
            number: spend.number.to_string(),
            account: spend.account.map(|sid| sid.to_string()),
            at: spend.at.as_secs(),
            generation: spend.generation.to_string(),
            stage: spend.stage,
            monthly: spend.monthly.map(|money| money.to_string()),
        });
        let touched = self.touched.iter().map(|(number, touch)| TouchJson {
            number: number.to_string(),
            account: touch.account.map(|sid| sid.to_string()),
            at: touch.at.as_secs(),
            generation: touch.generation.to_string(),
        });
        let json = BudgetJson { version: VERSION, spends: spends.collect(), touched: touched.collect() };
        // Strings and integers always have a JSON.
        serde_json::to_string(&json).unwrap_or_default()
    }

    /// Reads what [`Budget::to_json`] wrote. What was being sent then is in doubt now.
    ///
    /// # Errors
    /// Says what in it is wrong.
    pub fn from_json(text: &str) -> Result<Self, BudgetError> {
        let json: BudgetJson = serde_json::from_str(text)?;
        if json.version != VERSION {
            return Err(BudgetError::Version(json.version));
        }
        let quoted = |text: &str| inert::message(text, QUOTED_MAX);
        let number = |text: &str| {
            PhoneNumber::observed(text)
                .ok_or_else(|| BudgetError::Value(format!("\"{}\" is not a phone number", quoted(text))))
        };
        let generation = |text: &str| {
            Generation::parse(text)
                .ok_or_else(|| BudgetError::Value(format!("\"{}\" is not a generation", quoted(text))))
        };
        let account = |text: &String| {
            AccountSid::observed(text)
                .ok_or_else(|| BudgetError::Value(format!("\"{}\" is not an account SID", quoted(text))))
        };
        let money = |text: &str| {
            Money::parse(text)
                .ok_or_else(|| BudgetError::Value(format!("\"{}\" is not an amount of money", quoted(text))))
        };
        let mut budget = Self::default();
        for spend in json.spends {
            budget.spends.push(Spend {
                kind: spend.kind,
                number: number(&spend.number)?,
                account: spend.account.as_ref().map(account).transpose()?,
                at: Duration::from_secs(spend.at),
                generation: generation(&spend.generation)?,
                stage: match spend.stage {
                    BudgetStage::Done => BudgetStage::Done,
                    BudgetStage::Sending | BudgetStage::InDoubt => BudgetStage::InDoubt,
                },
                monthly: spend.monthly.as_deref().map(money).transpose()?,
            });
        }
        for touch in json.touched {
            let (at, generation) = (Duration::from_secs(touch.at), generation(&touch.generation)?);
            let account = touch.account.as_ref().map(account).transpose()?;
            budget.touched.insert(number(&touch.number)?, Touch { account, at, generation });
        }
        Ok(budget)
    }
}

fn is_recent(at: Duration, now: Duration) -> bool {
    now.saturating_sub(at) < DAY
}

/// Whether an action's own write was seen to have worked, whatever came after it.
fn happened(kind: BudgetKind, end: &StepEnd) -> bool {
    match &end.outcome {
        Outcome::Succeeded => true,
        // Only what was bought or moved is configured.
        Outcome::Failed(Failure::NotTaken(_) | Failure::Incomplete) => kind != BudgetKind::Release,
        Outcome::Failed(Failure::Api(error)) => {
            kind != BudgetKind::Release && error.operation == Operation::Configure
        }
        Outcome::Failed(_) | Outcome::Skipped(_) | Outcome::Unknown(_) => false,
    }
}

/// Whether an action's own write, of which the budget speaks, certainly had no effect.
fn did_not_happen(kind: BudgetKind, end: &StepEnd) -> bool {
    match &end.outcome {
        Outcome::Succeeded | Outcome::Unknown(_) => false,
        _ if end.attempts == 0 => true,
        // Refused for good; an error of another operation came after the write itself.
        Outcome::Failed(Failure::Api(error)) => {
            error.operation == kind.operation() && !error.kind.leaves_doubt()
        }
        Outcome::Failed(_) | Outcome::Skipped(_) => false,
    }
}

/// Why a saved budget was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// Not the JSON of a budget.
    #[error("it is not a budget: {}", inert::message(&.0.to_string(), QUOTED_MAX))]
    Json(#[from] serde_json::Error),
    #[error("it has version {0}; this numctl reads version {VERSION}")]
    Version(u32),
    /// A value that a budget cannot hold.
    #[error("{0}")]
    Value(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetJson {
    version: u32,
    spends: Vec<SpendJson>,
    touched: Vec<TouchJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpendJson {
    kind: BudgetKind,
    number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    at: u64,
    generation: String,
    stage: BudgetStage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    monthly: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TouchJson {
    number: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    at: u64,
    generation: String,
}

#[cfg(test)]
mod tests;

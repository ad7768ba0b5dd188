//! Equal things reported once: 3,000 numbers with one change are one change and a list of numbers.

use std::borrow::Cow;
use std::collections::hash_map::{Entry, RandomState};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher as _, Hash, Hasher};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as TableEntry;

use crate::desired::AccountIndex;
use crate::model::action_kind::ActionKind;
use crate::model::number::PhoneNumber;
use crate::model::settings::{Field, Value};
use crate::plan::{Action, NoEffect, Plan, Reason, Step, Warning};

use super::claim_words;
use super::delta::{Delta, deltas};
use super::names::plural;
use super::routing;
use super::shown::count;
use super::words::{self, WarningSubject};

/// At most this many different changes of the same fields are each shown; when there are more, values that
/// differ are counted instead. Enough to read every change of a day's work, few enough that a
/// fleet-wide one fits on a screen or two.
const VARIANTS_MAX: usize = 40;

/// Actions that read the same: which of a plan's they are, and no list of them, since there may be
/// 100,000.
#[derive(Debug)]
pub struct ActionGroup<'a> {
    pub kind: ActionKind,
    /// Where the numbers come from, for a transfer.
    pub from: Option<AccountIndex>,
    /// The account that the numbers are in afterwards, or were in, for a release.
    pub account: AccountIndex,
    pub reason: Reason,
    /// How many actions; never 0.
    pub count: usize,
    pub changes: Vec<GroupChange<'a>>,
    members: Members<'a>,
}

/// What a group changes in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange<'a> {
    /// The same for every number.
    Same(Delta<'a>),
    /// Different values before, one after.
    From {
        field: Field,
        /// How many different values there are.
        before: usize,
        /// What it will be everywhere.
        after: Option<Cow<'a, Value>>,
    },
    /// Different values after, too.
    Varied {
        field: Field,
        /// How many different changes there are.
        changes: usize,
        /// The first of them.
        example: (PhoneNumber, Delta<'a>),
    },
}

impl<'a> ActionGroup<'a> {
    /// The actions, by number.
    pub fn steps(&self) -> impl Iterator<Item = &'a Step> {
        self.members.iter()
    }

    /// Whether the numbers are given up: [`Step::gives_up`].
    #[must_use]
    pub fn gives_up(&self) -> bool {
        self.members.like.step.gives_up()
    }

    /// The action of a group of one.
    #[must_use]
    pub fn only(&self) -> Option<&'a Step> {
        self.steps().next().filter(|_| self.count == 1)
    }
}

/// How much actions of the same fields have in common, to be told as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    /// What they change, and to what.
    Changes,
    /// What they change it to.
    Values,
    Fields,
}

impl Grade {
    /// From what says most to what tells most at once.
    const ALL: [Self; 3] = [Self::Changes, Self::Values, Self::Fields];

    /// The one that tells more at once.
    fn next(self) -> Self {
        match self {
            Self::Changes => Self::Values,
            Self::Values | Self::Fields => Self::Fields,
        }
    }
}

/// An action as far as its grade looks at it: what is equal is told together.
#[derive(Debug, Clone, Copy)]
struct Likeness<'a> {
    step: &'a Step,
    grade: Grade,
}

impl<'a> Likeness<'a> {
    fn head(self) -> (ActionKind, AccountIndex, Option<AccountIndex>, &'static str) {
        let action = &self.step.action;
        (action.kind(), action.account(), from(action), self.step.reason.as_str())
    }

    /// Its changes, without what the grade does not look at.
    fn changes(self) -> impl Iterator<Item = Delta<'a>> {
        deltas(&self.step.action).map(move |delta| match self.grade {
            Grade::Changes => delta,
            Grade::Values => Delta { before: None, ..delta },
            Grade::Fields => Delta { before: None, after: None, ..delta },
        })
    }
}

impl PartialEq for Likeness<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.grade == other.grade && self.head() == other.head() && self.changes().eq(other.changes())
    }
}

impl Eq for Likeness<'_> {}

impl Hash for Likeness<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.head().hash(state);
        self.changes().for_each(|delta| delta.hash(state));
    }
}

/// Where a transfer takes its number from.
fn from(action: &Action) -> Option<AccountIndex> {
    match action {
        Action::Transfer { target, .. } => Some(target.account),
        Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => None,
    }
}

/// Steps of a plan that are alike.
#[derive(Debug)]
struct Members<'a> {
    like: Likeness<'a>,
    /// From the first of them to the last, others among them.
    among: &'a [Step],
    /// All of them, where their order in the plan is not that of their numbers.
    sorted: Vec<&'a Step>,
}

impl<'a> Members<'a> {
    fn iter(&self) -> impl Iterator<Item = &'a Step> {
        let (like, among) =
            if self.sorted.is_empty() { (self.like, self.among) } else { (self.like, &[][..]) };
        let found = among.iter().filter(move |step| Likeness { step, ..like } == like);
        self.sorted.iter().copied().chain(found)
    }

    /// How many different things `of` sees in the changes that stand `at` this place. Of each, the step
    /// that has it is kept, which is less than the thing itself.
    fn distinct<T: Eq + Hash>(&self, at: usize, of: impl Fn(Delta<'a>) -> T) -> usize {
        let seen_in = |step: &'a Step| deltas(&step.action).nth(at).map(&of);
        let hashing = RandomState::new();
        let mut seen: HashTable<&Step> = HashTable::new();
        for step in self.iter() {
            let sight = seen_in(step);
            let hash = hashing.hash_one(&sight);
            let rehash = |known: &&'a Step| hashing.hash_one(seen_in(known));
            if let TableEntry::Vacant(place) = seen.entry(hash, |known| seen_in(known) == sight, rehash) {
                place.insert(step);
            }
        }
        seen.len()
    }
}

/// Where the steps that are alike stand in a plan.
struct GroupPart {
    count: usize,
    first: usize,
    last: usize,
    is_in_order: bool,
}

/// What changes the same fields, and how far it is told apart.
struct StepCluster {
    grade: Grade,
    parts: usize,
}

/// The groups of a plan: by kind in the order of [`ActionKind::ALL`], account and first number.
///
/// What changes the same fields is parted into what changes them in the same way, or, where that is
/// too much to read, to the same values, or not at all.
#[must_use]
pub fn groups(plan: &Plan) -> Vec<ActionGroup<'_>> {
    let steps = plan.steps.as_slice();
    let mut clusters: HashMap<Likeness<'_>, StepCluster> = HashMap::new();
    let mut all = Vec::new();
    for grade in Grade::ALL {
        // Only what was too much for the grade before.
        if grade != Grade::Changes && clusters.values().all(|cluster| cluster.grade != grade) {
            continue;
        }
        let mut parts: HashMap<Likeness<'_>, GroupPart> = HashMap::new();
        for (at, step) in steps.iter().enumerate() {
            let fields = Likeness { step, grade: Grade::Fields };
            let cluster = clusters.entry(fields).or_insert(StepCluster { grade, parts: 0 });
            if cluster.grade != grade {
                continue;
            }
            match parts.entry(Likeness { step, grade }) {
                Entry::Occupied(part) => part.into_mut().take(steps, at),
                // Of the last grade there is one.
                Entry::Vacant(_) if cluster.parts == VARIANTS_MAX => {
                    *cluster = StepCluster { grade: grade.next(), parts: 0 };
                }
                Entry::Vacant(place) => {
                    cluster.parts += 1;
                    place.insert(GroupPart { count: 1, first: at, last: at, is_in_order: true });
                }
            }
        }
        parts.retain(|like, _| {
            clusters.get(&Likeness { grade: Grade::Fields, ..*like }).is_some_and(|of| of.grade == grade)
        });
        all.extend(parts.into_iter().map(|(like, part)| (part.first, group(steps, like, &part))));
    }
    all.sort_by_key(|(first, group)| {
        (group.kind, group.account, group.steps().next().map(|step| step.action.number()), *first)
    });
    all.into_iter().map(|(_, group)| group).collect()
}

impl GroupPart {
    fn take(&mut self, steps: &[Step], at: usize) {
        self.is_in_order &= steps[self.last].action.number() <= steps[at].action.number();
        self.last = at;
        self.count += 1;
    }
}

fn group<'a>(steps: &'a [Step], like: Likeness<'a>, part: &GroupPart) -> ActionGroup<'a> {
    let (kind, account, from, _) = like.head();
    let mut members = Members { like, among: &steps[part.first..=part.last], sorted: Vec::new() };
    if !part.is_in_order && like.grade != Grade::Changes {
        members.sorted = members.iter().collect();
        members.sorted.sort_by_key(|step| step.action.number());
    }
    let changes = match members.iter().next() {
        Some(first) => deltas(&first.action)
            .enumerate()
            .map(|(at, delta)| change(&members, part.count, first, at, delta))
            .collect(),
        None => Vec::new(),
    };
    ActionGroup { kind, from, account, reason: like.step.reason, count: part.count, changes, members }
}

fn change<'a>(
    members: &Members<'a>,
    count: usize,
    first: &'a Step,
    at: usize,
    delta: Delta<'a>,
) -> GroupChange<'a> {
    if members.like.grade == Grade::Changes {
        return GroupChange::Same(delta);
    }
    let before = members.distinct(at, |delta| delta.before);
    let after = members.distinct(at, |delta| delta.after);
    match (before, after) {
        (1, 1) => GroupChange::Same(delta),
        (_, 1) => GroupChange::From { field: delta.field, before, after: delta.after },
        _ => {
            // Where all of one side differ, all changes do.
            let changes = match before.max(after) {
                most if most == count => count,
                _ => members.distinct(at, |delta| (delta.before, delta.after)),
            };
            let example = (first.action.number(), delta);
            GroupChange::Varied { field: example.1.field, changes, example }
        }
    }
}

/// Numbers in order, those that follow each other as a range: `+1555…00 to +1555…99 (100)`.
pub fn ranges(numbers: impl IntoIterator<Item = PhoneNumber>) -> impl Iterator<Item = NumberRange> {
    let mut numbers = numbers.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = numbers.next()?;
        let mut range = NumberRange { first, last: first, count: 1 };
        while let Some(next) = numbers.next_if(|next| next.follows(range.last)) {
            range.last = next;
            range.count += 1;
        }
        Some(range)
    })
}

/// Numbers without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberRange {
    pub first: PhoneNumber,
    pub last: PhoneNumber,
    pub count: usize,
}

impl std::fmt::Display for NumberRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.first),
            2 => write!(f, "{}, {}", self.first, self.last),
            many => write!(f, "{} to {} ({})", self.first, self.last, count(many)),
        }
    }
}

/// What is said about several subjects.
#[derive(Debug)]
pub struct GroupText {
    pub message: String,
    /// Of which numbers, in order.
    pub numbers: Vec<PhoneNumber>,
    pub others: Vec<String>,
}

impl GroupText {
    /// How many numbers the group has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.len() + self.others.len()
    }

    /// `3,000 numbers`, or `rows` where some of them have no number.
    #[must_use]
    pub fn how_many(&self) -> String {
        plural(self.count(), if self.others.is_empty() { "number" } else { "row" })
    }

    /// The subjects, ranges drawn together, at most this many entries, and how many subjects are left.
    #[must_use]
    pub fn entries(&self, entries_max: usize) -> (Vec<String>, usize) {
        let ranges: Vec<NumberRange> = ranges(self.numbers.iter().copied()).take(entries_max).collect();
        let shown: usize = ranges.iter().map(|range| range.count).sum();
        let mut entries: Vec<String> = ranges.iter().map(NumberRange::to_string).collect();
        let others = entries_max.saturating_sub(entries.len()).min(self.others.len());
        entries.extend(self.others[..others].iter().cloned());
        (entries, self.count() - shown - others)
    }
}

/// The warnings of a plan, those with the same words together, in the order of the plan.
#[must_use]
pub fn warnings(plan: &Plan) -> Vec<GroupText> {
    // It stands beside the caution under the purchases, in no line of its own.
    let told = plan.warnings.iter().filter(|warning| !matches!(warning, Warning::NoJournal));
    together(told.map(|warning| {
        let parts = words::warning(plan, warning);
        (parts.subject, parts.message)
    }))
}

/// What a plan holds back, with the same reason together, in the order of the plan.
#[must_use]
pub fn held(plan: &Plan) -> Vec<GroupText> {
    let numbers = plan.held.iter().map(|held| (WarningSubject::Number(held.number), words::held(plan, held)));
    let claims = plan
        .short
        .iter()
        .map(|short| (WarningSubject::Other(short.claim.to_string()), claim_words::shortfall(plan, short)));
    together(numbers.chain(claims))
}

/// The declared settings without effect, with the same reason together.
#[must_use]
pub fn no_effect(plan: &Plan) -> Vec<GroupText> {
    let said = |found: &NoEffect| (WarningSubject::Number(found.number), routing::no_effect(found));
    together(plan.no_effect.iter().map(said))
}

/// What is said about the same subjects in the same words, in order.
pub(super) fn together(said: impl Iterator<Item = (WarningSubject, String)>) -> Vec<GroupText> {
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<GroupText> = Vec::new();
    for (subject, message) in said {
        let index = *at.entry(message.clone()).or_insert(all.len());
        if index == all.len() {
            all.push(GroupText { message, numbers: Vec::new(), others: Vec::new() });
        }
        match subject {
            WarningSubject::Number(number) => all[index].numbers.push(number),
            WarningSubject::Other(text) => all[index].others.push(text),
        }
    }
    for said in &mut all {
        said.numbers.sort_unstable();
    }
    all
}

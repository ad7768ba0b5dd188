//! Equal things told once: 3,000 numbers with one change are one change and a list of numbers.

use std::collections::BTreeMap;

use crate::desired::AccountIndex;
use crate::number::PhoneNumber;
use crate::plan::{Action, ActionKind, Plan, Reason, Step, Warning};
use crate::settings::{Field, Value};

use super::delta::{Delta, deltas};
use super::shown::count;
use super::words::{self, Subject, plural};

/// So many different changes of the same fields are each shown; when there are more, values that
/// differ are counted instead. Enough to read every change of a day's work, few enough that a
/// fleet-wide one fits on a screen or two.
const VARIANTS_MAX: usize = 40;

/// Actions that read the same.
#[derive(Debug)]
pub struct Group<'a> {
    /// What is done.
    pub kind: ActionKind,
    /// Where the numbers come from, for a transfer.
    pub from: Option<AccountIndex>,
    /// The account that the numbers are in afterwards, or were in, for a release.
    pub account: AccountIndex,
    /// Why.
    pub reason: Reason,
    /// The actions, by number. Never empty.
    pub steps: Vec<&'a Step>,
    /// What changes.
    pub changes: Vec<GroupChange>,
}

/// What a group changes in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// The same for every number.
    Same(Delta),
    /// Different values before, one after.
    From {
        /// The field.
        field: Field,
        /// How many different values there are.
        before: usize,
        /// What it will be everywhere.
        after: Option<Value>,
    },
    /// Different values after, too.
    Varied {
        /// The field.
        field: Field,
        /// How many different changes there are.
        changes: usize,
        /// The first of them.
        example: (PhoneNumber, Delta),
    },
}

type Key = (ActionKind, AccountIndex, Option<AccountIndex>, &'static str, Vec<Field>);
type Member<'a> = (&'a Step, Vec<Delta>);

/// The groups of a plan: by kind in the order of [`ActionKind::ALL`], account and first number.
#[must_use]
pub fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut clusters: BTreeMap<Key, Vec<Member<'_>>> = BTreeMap::new();
    for step in &plan.steps {
        let deltas = deltas(&step.action);
        let from = match &step.action {
            Action::Transfer { target, .. } => Some(target.account),
            Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => None,
        };
        let action = &step.action;
        let fields = deltas.iter().map(|delta| delta.field).collect();
        let key = (action.kind(), action.account(), from, step.reason.word(), fields);
        clusters.entry(key).or_default().push((step, deltas));
    }
    let mut groups: Vec<Group<'_>> = clusters.into_values().flat_map(split).filter_map(group).collect();
    groups.sort_by_key(|group| {
        (group.kind, group.account, group.steps.first().map(|step| step.action.number()))
    });
    groups
}

/// Splits what changes the same fields into what changes them in the same way, or, where that is
/// too much to read, to the same values, or not at all.
fn split(members: Vec<Member<'_>>) -> Vec<Vec<Member<'_>>> {
    let members = match partition(members, |delta| (delta.before.clone(), delta.after.clone())) {
        Ok(variants) => return variants,
        Err(members) => members,
    };
    partition(members, |delta| (None, delta.after.clone())).unwrap_or_else(|members| vec![members])
}

/// `members` by what `key` makes of their changes; as they were when that makes too many parts.
fn partition<'a>(
    members: Vec<Member<'a>>,
    key: impl Fn(&Delta) -> (Option<Value>, Option<Value>),
) -> Result<Vec<Vec<Member<'a>>>, Vec<Member<'a>>> {
    let mut parts: BTreeMap<Vec<_>, Vec<Member<'a>>> = BTreeMap::new();
    for member in members {
        parts.entry(member.1.iter().map(&key).collect()).or_default().push(member);
    }
    if parts.len() <= VARIANTS_MAX {
        Ok(parts.into_values().collect())
    } else {
        let mut members: Vec<_> = parts.into_values().flatten().collect();
        members.sort_by_key(|member| member.0.action.number());
        Err(members)
    }
}

fn group(members: Vec<Member<'_>>) -> Option<Group<'_>> {
    let (first, first_deltas) = members.first()?;
    let changes = (0..first_deltas.len()).map(|at| change(&members, at)).collect();
    let from = match &first.action {
        Action::Transfer { target, .. } => Some(target.account),
        Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => None,
    };
    let (kind, account, reason) = (first.action.kind(), first.action.account(), first.reason);
    let steps = members.into_iter().map(|member| member.0).collect();
    Some(Group { kind, from, account, reason, steps, changes })
}

fn change(members: &[Member<'_>], at: usize) -> GroupChange {
    let first = &members[0].1[at];
    let distinct = |key: fn(&Delta) -> &Option<Value>| {
        let mut values: Vec<_> = members.iter().map(|member| key(&member.1[at])).collect();
        values.sort_unstable();
        values.dedup();
        values.len()
    };
    let (before, after) = (distinct(|delta| &delta.before), distinct(|delta| &delta.after));
    match (before, after) {
        (1, 1) => GroupChange::Same(first.clone()),
        (_, 1) => GroupChange::From { field: first.field, before, after: first.after.clone() },
        _ => {
            let mut changes: Vec<_> = members.iter().map(|member| &member.1[at]).collect();
            changes.sort_unstable();
            changes.dedup();
            let example = (members[0].0.action.number(), first.clone());
            GroupChange::Varied { field: first.field, changes: changes.len(), example }
        }
    }
}

/// Numbers in order, those that follow each other as a range: `+1555…00 to +1555…99 (100)`.
#[must_use]
pub fn ranges(numbers: impl IntoIterator<Item = PhoneNumber>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if number.follows(last.last) => {
                last.last = number;
                last.count += 1;
            }
            Some(_) | None => ranges.push(Range { first: number, last: number, count: 1 }),
        }
    }
    ranges
}

/// Numbers without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: PhoneNumber,
    /// The last.
    pub last: PhoneNumber,
    /// How many.
    pub count: usize,
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.count {
            1 => write!(f, "{}", self.first),
            2 => write!(f, "{}, {}", self.first, self.last),
            many => write!(f, "{} to {} ({})", self.first, self.last, count(many)),
        }
    }
}

/// What is said of several subjects.
#[derive(Debug)]
pub struct Said {
    /// What is said.
    pub message: String,
    /// Of which numbers, in order.
    pub numbers: Vec<PhoneNumber>,
    /// Of what else.
    pub others: Vec<String>,
}

impl Said {
    /// Of how many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.len() + self.others.len()
    }

    /// `3,000 numbers`, or `rows` where some of them have no number.
    #[must_use]
    pub fn how_many(&self) -> String {
        plural(self.count(), if self.others.is_empty() { "number" } else { "row" })
    }

    /// The subjects, ranges drawn together, at most so many entries, and how many subjects are left.
    #[must_use]
    pub fn entries(&self, entries_max: usize) -> (Vec<String>, usize) {
        let ranges = ranges(self.numbers.iter().copied());
        let shown: usize = ranges.iter().take(entries_max).map(|range| range.count).sum();
        let mut entries: Vec<String> = ranges.iter().take(entries_max).map(Range::to_string).collect();
        let others = entries_max.saturating_sub(entries.len()).min(self.others.len());
        entries.extend(self.others[..others].iter().cloned());
        (entries, self.count() - shown - others)
    }
}

/// The warnings of a plan, those with the same words together, in the order of the plan.
#[must_use]
pub fn warnings(plan: &Plan) -> Vec<Said> {
    // It stands beside the caution under the purchases, in no line of its own.
    let told = plan.warnings.iter().filter(|warning| !matches!(warning, Warning::NoJournal));
    together(told.map(|warning| {
        let parts = words::warning(plan, warning);
        (parts.subject, parts.message)
    }))
}

/// What a plan holds back, with the same reason together, in the order of the plan.
#[must_use]
pub fn held(plan: &Plan) -> Vec<Said> {
    together(plan.held.iter().map(|held| (Subject::Number(held.number), words::held(plan, held))))
}

fn together(said: impl Iterator<Item = (Subject, String)>) -> Vec<Said> {
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<Said> = Vec::new();
    for (subject, message) in said {
        let index = *at.entry(message.clone()).or_insert(all.len());
        if index == all.len() {
            all.push(Said { message, numbers: Vec::new(), others: Vec::new() });
        }
        match subject {
            Subject::Number(number) => all[index].numbers.push(number),
            Subject::Other(text) => all[index].others.push(text),
        }
    }
    for said in &mut all {
        said.numbers.sort_unstable();
    }
    all
}

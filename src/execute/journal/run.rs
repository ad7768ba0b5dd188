//! A plan and its ends as records, and records as runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    AccountRecord, AccountsAtStart, Author, DoneRecord, EndedRecord, FORMAT, Record, Recorded, RecordedAt,
    RecordedCommand, RunId, RunRecord, StepRecord,
};
use crate::desired::AccountRef;
use crate::model::inert;
use crate::model::settings::{Managed, Settings};
use crate::plan::diff::FieldChange;
use crate::plan::digest::Digest;
use crate::plan::outcome::OutcomeKind;
use crate::plan::outcome::{Report, StepEnd};
use crate::plan::{Action, Plan, Target};

/// At most this many characters of an error are kept.
const ERROR_MAX: usize = 500;

impl RecordedAt {
    /// Of a time since the epoch.
    #[must_use]
    pub fn from_time(now: Duration) -> Self {
        Self(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    }
}

/// What is said about a run besides its plan.
#[derive(Debug, Clone)]
pub struct RunHead {
    pub command: RecordedCommand,
    /// The content of the files, where it is known.
    pub generation: Option<String>,
    /// The run that it takes back.
    pub undoes: Option<RunId>,
    pub by: Option<Author>,
}

/// The accounts of a plan, each with its world, in the plan's order.
pub(super) fn accounts(accounts: &[AccountRef], worlds: &[AccountsAtStart]) -> Vec<AccountRecord> {
    let one = |(account, at): (&AccountRef, &AccountsAtStart)| AccountRecord {
        name: account.name.to_string(),
        sid: account.sid,
        at: at.clone(),
    };
    accounts.iter().zip(worlds).map(one).collect()
}

/// All that a run has to record before its first write; `worlds` are those of the plan's accounts.
#[must_use]
pub fn records_of(
    plan: &Plan,
    digest: Digest,
    worlds: &[AccountsAtStart],
    head: &RunHead,
    run: &RunId,
    now: Duration,
) -> Vec<Record> {
    let begins = RunRecord {
        format: FORMAT,
        run: run.clone(),
        at: RecordedAt::from_time(now),
        command: head.command,
        numctl: env!("CARGO_PKG_VERSION").to_owned(),
        by: head.by.clone(),
        digest: digest.to_string(),
        generation: head.generation.clone(),
        undoes: head.undoes.clone(),
        accounts: accounts(&plan.accounts, worlds),
        steps: plan.steps.len(),
    };
    let steps = plan.steps.iter().enumerate().map(|(at, step)| step_of(plan, run, at, &step.action));
    std::iter::once(Record::Run(begins)).chain(steps.map(Record::Step)).collect()
}

fn step_of(plan: &Plan, run: &RunId, step: usize, action: &Action) -> StepRecord {
    let whole = |settings: &Settings| {
        settings.iter().map(|(field, value)| (field, Recorded::from_value(value))).collect::<BTreeMap<_, _>>()
    };
    let managed =
        |settings: &Managed| settings.iter().map(|(field, want)| (field, Recorded::of_want(want))).collect();
    let (before, after) = match action {
        Action::Purchase { settings, .. } => (BTreeMap::new(), managed(settings)),
        Action::Transfer { target, .. } | Action::Release { target } => {
            (whole(&target.before), BTreeMap::new())
        }
        Action::Configure { changes, .. } => {
            let before =
                |change: &FieldChange| Some((change.field, Recorded::from_value(change.before.as_ref()?)));
            let after = |change: &FieldChange| (change.field, Recorded::of_want(&change.want));
            (changes.iter().filter_map(before).collect(), changes.iter().map(after).collect())
        }
    };
    let from = |target: &Target| plan.account(target.account).sid;
    StepRecord {
        run: run.clone(),
        step,
        action: action.kind(),
        number: action.number(),
        sid: action.target().and_then(|target| target.sid),
        account: plan.account(action.account()).sid,
        from: action.target().map(from),
        before,
        after,
    }
}

/// The record of a step's end.
#[must_use]
pub fn end_of(run: &RunId, step: usize, end: &StepEnd, now: Duration) -> Record {
    let error = end.outcome.error().map(|error| inert::message(&error, ERROR_MAX));
    Record::Ended(EndedRecord {
        run: run.clone(),
        step,
        at: RecordedAt::from_time(now),
        outcome: end.outcome.kind(),
        attempts: end.attempts,
        instead: end.instead,
        error,
    })
}

impl DoneRecord {
    /// That a run is over.
    #[must_use]
    pub fn from_report(run: &RunId, report: &Report, now: Duration) -> Self {
        Self {
            run: run.clone(),
            at: RecordedAt::from_time(now),
            succeeded: report.count(OutcomeKind::Succeeded),
            failed: report.count(OutcomeKind::Failed),
            skipped: report.count(OutcomeKind::Skipped),
            unknown: report.count(OutcomeKind::Unknown),
            interrupted: report.interrupted,
        }
    }
}

/// A run, as far as the journal shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRun {
    pub head: RunRecord,
    /// Its steps, in the plan's order.
    pub steps: Vec<StepRecord>,
    /// How each of them ended; `None` where that is not known.
    pub ends: Vec<Option<EndedRecord>>,
    /// How it was over; `None` where it was interrupted, or continues.
    pub done: Option<DoneRecord>,
}

impl JournalRun {
    /// The name of an account that it knew.
    #[must_use]
    pub fn account(&self, sid: crate::model::number::AccountSid) -> Option<&AccountRecord> {
        self.head.accounts.iter().find(|account| account.sid == sid)
    }

    /// How many of its steps are not known to have ended.
    #[must_use]
    pub fn open(&self) -> usize {
        self.ends.iter().filter(|end| end.is_none()).count()
    }
}

/// The runs of a journal, in the order in which they began.
#[must_use]
pub fn runs(records: impl IntoIterator<Item = Record>) -> Vec<JournalRun> {
    let mut runs: Vec<JournalRun> = Vec::new();
    let mut places: BTreeMap<RunId, usize> = BTreeMap::new();
    for record in records {
        match record {
            Record::Run(head) => {
                places.insert(head.run.clone(), runs.len());
                runs.push(JournalRun { head, steps: Vec::new(), ends: Vec::new(), done: None });
            }
            Record::Step(step) => {
                // One that was cut off from its run, as every other record of it, tells nothing.
                if let Some(run) = places.get(&step.run).map(|at| &mut runs[*at])
                    && step.step == run.steps.len()
                {
                    run.steps.push(step);
                    run.ends.push(None);
                }
            }
            Record::Ended(end) => {
                let run = places.get(&end.run).map(|at| &mut runs[*at]);
                if let Some(place) = run.and_then(|run| run.ends.get_mut(end.step)) {
                    *place = Some(end);
                }
            }
            Record::Done(done) => {
                if let Some(run) = places.get(&done.run).map(|at| &mut runs[*at]) {
                    run.done = Some(done);
                }
            }
            Record::Look(_) | Record::Known(_) | Record::Set(_) | Record::Mended => {}
        }
    }
    runs
}

//! The short form that the page keeps itself up to date with: the state, and the numbers that changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::super::{Condition, ConditionReason, NumberRow, Status, Verdict};
use super::{PART_BYTES, StatusHead, write};

/// A verdict in the short form.
#[derive(Serialize)]
struct VerdictJson<'a> {
    standing: &'static str,
    synced: ChangedHead<'a>,
    degraded: ChangedHead<'a>,
    effective: ChangedHead<'a>,
}

#[derive(Serialize)]
struct ChangedHead<'a> {
    status: &'static str,
    reason: ConditionReason,
    message: &'a str,
}

impl<'a> ChangedHead<'a> {
    fn from_condition(condition: &'a Condition) -> Self {
        Self { status: condition.status.as_str(), reason: condition.reason, message: &condition.message }
    }
}

/// The state and the numbers that changed after a version of it, part by part: the verdicts once
/// each, and a row `[number, account, name, verdict, synced since, degraded since,
/// effective since]` for each number,
/// with times in seconds since the epoch. Every number where the list itself changed after that
/// version, or where it is a version of another process; then with the numbers' own holds,
/// `[number, until, why]`, and with their tags, `[number, tags]`.
#[derive(Debug)]
pub struct Changed {
    status: Arc<Status>,
    now: Duration,
    since: u32,
    is_whole: bool,
    next: NextChangedPart,
    /// What was said about the numbers so far, each once.
    verdicts: Vec<Arc<Verdict>>,
    /// Where each is in `verdicts`, by its address: what is equal is shared.
    places: HashMap<usize, usize>,
}

/// What comes next of the text.
#[derive(Debug, Clone, Copy)]
enum NextChangedPart {
    Head,
    /// A number at this place or after it.
    Number {
        at: usize,
        is_first: bool,
    },
    Tail,
    Nothing,
}

impl Changed {
    /// After this version, as that process counts them; where none is named, as this one does.
    #[must_use]
    pub fn since(status: Arc<Status>, since: u32, process: Option<&str>, now: Duration) -> Self {
        let is_foreign = process.is_some_and(|process| *process != *status.process);
        let is_whole = is_foreign || since < status.declared || since > status.version || since == 0;
        let (verdicts, places) = (Vec::new(), HashMap::new());
        Self { status, now, since, is_whole, next: NextChangedPart::Head, verdicts, places }
    }

    fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"state\":");
        write(out, &StatusHead::from_status(&self.status, self.now));
        out.extend_from_slice(b",\"version\":");
        write(out, &self.status.version);
        out.extend_from_slice(b",\"whole\":");
        write(out, &self.is_whole);
        out.extend_from_slice(b",\"accounts\":");
        let names: Vec<&str> = self.status.accounts.iter().map(|account| &*account.name).collect();
        write(out, &names);
        out.extend_from_slice(b",\"numbers\":[");
    }

    fn row(&mut self, out: &mut Vec<u8>, row: &NumberRow) {
        let verdicts = &mut self.verdicts;
        let place = *self.places.entry(Arc::as_ptr(&row.verdict).addr()).or_insert_with(|| {
            verdicts.push(row.verdict.clone());
            verdicts.len() - 1
        });
        let seconds = |moment: super::StatusTime| moment.since_the_epoch().as_secs();
        let (synced, degraded) = (seconds(row.synced_since), seconds(row.degraded_since));
        let effective = seconds(row.effective_since);
        write(out, &(row.number, row.account.0, row.name.as_deref(), place, synced, degraded, effective));
    }

    fn tail(&self, out: &mut Vec<u8>) {
        let verdicts: Vec<_> = self
            .verdicts
            .iter()
            .map(|verdict| VerdictJson {
                standing: verdict.standing.as_str(),
                synced: ChangedHead::from_condition(&verdict.synced),
                degraded: ChangedHead::from_condition(&verdict.degraded),
                effective: ChangedHead::from_condition(&verdict.effective),
            })
            .collect();
        out.extend_from_slice(b"],\"verdicts\":");
        write(out, &verdicts);
        let holds = self.status.holds.numbers.iter().filter(|_| self.is_whole);
        let holds: Vec<_> =
            holds.map(|(number, _, hold)| (number, hold.end().as_secs(), &*hold.why)).collect();
        out.extend_from_slice(b",\"holds\":");
        write(out, &holds);
        let tagged = self.status.tags.keys().filter(|_| self.is_whole);
        let tagged: Vec<_> = tagged.map(|number| (number, self.status.tags_of(*number))).collect();
        out.extend_from_slice(b",\"tags\":");
        write(out, &tagged);
        out.extend_from_slice(b"}\n");
    }
}

impl Iterator for Changed {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let status = self.status.clone();
        while out.len() < PART_BYTES {
            self.next = match self.next {
                NextChangedPart::Head => {
                    self.head(&mut out);
                    NextChangedPart::Number { at: 0, is_first: true }
                }
                NextChangedPart::Number { at, is_first } => match status.rows.get(at) {
                    Some(row) if self.is_whole || row.changed > self.since => {
                        out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
                        self.row(&mut out, row);
                        NextChangedPart::Number { at: at + 1, is_first: false }
                    }
                    Some(_) => NextChangedPart::Number { at: at + 1, is_first },
                    None => NextChangedPart::Tail,
                },
                NextChangedPart::Tail => {
                    self.tail(&mut out);
                    NextChangedPart::Nothing
                }
                NextChangedPart::Nothing => break,
            };
        }
        (!out.is_empty()).then_some(out)
    }
}

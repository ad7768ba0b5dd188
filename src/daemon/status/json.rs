//! The state as JSON: the whole with its numbers, page by page, and the short form that the page
//! keeps itself up to date with. Both come in parts, so that a large fleet never lies in memory as one
//! text. Secrets were cut out when the state was made.

mod changed;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::desired::{AccountIndex, Tags};
use crate::model::action_kind::ActionKind;
use crate::model::hold::{Hold, Still};
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
use crate::report::json::value;

use super::webhooks::WebhooksJson;
use super::{
    Condition, ConditionReason, Drift, DriftChange, NumberRow, NumberStanding, Past, Status, StatusTime,
    Waiting,
};

pub use changed::Changed;

/// The version of the format: raised when a reader of the last one would go wrong.
pub const FORMAT_VERSION: u32 = 1;

/// Everything but the numbers.
#[derive(Serialize)]
struct StatusHead<'a> {
    format_version: u32,
    numctl_version: &'static str,
    process: &'a str,
    fleet: Option<&'a str>,
    version: u32,
    now: StatusTime,
    started: StatusTime,
    state: &'static str,
    role: &'static str,
    generation: Option<String>,
    writer: Option<&'a str>,
    /// What keeps a process that stands by from its job, in one word.
    barred: Option<&'static str>,
    blocked: Option<&'a str>,
    standstill: StandstillJson<'a>,
    held: std::collections::BTreeMap<&'static str, usize>,
    files_refused: Option<RefusedFilesJson<'a>>,
    /// Null where nobody calls them.
    webhooks: Option<WebhooksJson<'a>>,
    counts: Counts,
    accounts: Vec<AccountJson<'a>>,
    in_progress: Option<InProgress>,
    next_cycle: Option<StatusTime>,
    last_success: Option<StatusTime>,
    drift: Vec<DriftJson<'a>>,
    drift_by_field: &'a std::collections::BTreeMap<&'static str, usize>,
    drift_held: Vec<DriftJson<'a>>,
    mended: Vec<DriftJson<'a>>,
    history: Vec<PastJson<'a>>,
}

#[derive(Serialize)]
struct RefusedFilesJson<'a> {
    since: StatusTime,
    message: &'a str,
}

/// What says that nothing is to be changed now, and until when.
#[derive(Serialize)]
struct StandstillJson<'a> {
    /// Why nothing at all is changed; `null` where changes are made.
    reason: Option<&'static str>,
    paused_by_file: bool,
    paused_by_signal: bool,
    /// Whether a window is open; `null` where there is none.
    window_open: Option<bool>,
    window_opens: Option<StatusTime>,
    hold: Option<HoldJson<'a>>,
    /// The numbers' own holds.
    numbers: OwnHolds,
}

#[derive(Serialize)]
struct OwnHolds {
    count: usize,
    last_end: Option<StatusTime>,
}

#[derive(Serialize)]
struct HoldJson<'a> {
    until: StatusTime,
    why: &'a str,
}

#[derive(Serialize)]
struct Counts {
    declared: usize,
    synced: usize,
    drifted: usize,
    held: usize,
    degraded: usize,
    unknown: usize,
    /// Numbers with settings that have no effect.
    no_effect: usize,
    unlisted: usize,
    on_hold: usize,
    drifts: usize,
}

#[derive(Serialize)]
struct AccountJson<'a> {
    name: &'a str,
    sid: Option<AccountSid>,
    numbers: usize,
    listed: Option<StatusTime>,
    listing_age_seconds: Option<f64>,
    hold: Option<HoldJson<'a>>,
    trouble: Option<&'a str>,
    help: Option<&'a str>,
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct InProgress {
    since: StatusTime,
    phase: &'static str,
    steps: Option<usize>,
    done: usize,
    failed: usize,
    in_hand: Vec<InHand>,
}

#[derive(Serialize)]
struct InHand {
    phone_number: PhoneNumber,
    kind: &'static str,
}

#[derive(Serialize)]
struct DriftJson<'a> {
    phone_number: PhoneNumber,
    account: &'a str,
    kind: &'static str,
    reason: &'a str,
    changes: Vec<DriftChangeJson<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changed_by: &'a [Box<str>],
    found: StatusTime,
    ended: Option<StatusTime>,
    held: Option<&'static str>,
    outcome: Option<&'static str>,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct DriftChangeJson<'a> {
    field: &'static str,
    before: Option<&'a str>,
    after: Option<&'a str>,
    secret_changed: bool,
}

#[derive(Serialize)]
struct PastJson<'a> {
    at: StatusTime,
    seconds: f64,
    result: &'static str,
    look: &'static str,
    generation: Option<String>,
    planned: Planned,
    outcomes: std::collections::BTreeMap<&'static str, usize>,
    held: usize,
    unchanged: usize,
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct Planned {
    purchase: usize,
    transfer: usize,
    configure: usize,
    release: usize,
}

#[derive(Serialize)]
struct NumberStatusJson<'a> {
    phone_number: PhoneNumber,
    sid: Option<NumberSid>,
    friendly_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
    account: &'a str,
    standing: &'static str,
    hold: Option<HoldJson<'a>>,
    conditions: [ConditionJson<'a>; 3],
}

/// As Kubernetes writes one, with the moment in its field names too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionJson<'a> {
    r#type: &'static str,
    status: &'static str,
    reason: ConditionReason,
    message: &'a str,
    last_transition_time: StatusTime,
    observed_generation: Option<String>,
}

impl<'a> StatusHead<'a> {
    fn from_status(status: &'a Status, now: Duration) -> Self {
        let count = |standing| status.count(standing);
        let (clock, now) = (now, StatusTime::since_epoch(now));
        Self {
            format_version: FORMAT_VERSION,
            numctl_version: env!("CARGO_PKG_VERSION"),
            process: &status.process,
            fleet: status.fleet.name.as_deref(),
            version: status.version,
            now,
            started: status.started,
            state: status.overall().as_str(),
            role: status.role.as_str(),
            generation: status.generation.map(|generation| generation.to_string()),
            writer: match &status.waits {
                Waiting::Another(who) => Some(who),
                Waiting::NotKnown | Waiting::Barred(..) => None,
            },
            barred: match &status.waits {
                Waiting::Barred(code, _) => Some(code),
                Waiting::NotKnown | Waiting::Another(_) => None,
            },
            blocked: match &status.waits {
                Waiting::Barred(_, why) => Some(why),
                Waiting::NotKnown | Waiting::Another(_) => status.blocked.as_deref(),
            },
            standstill: StandstillJson::from_status(status, clock),
            held: status.held.iter().map(|(code, many)| (code.as_str(), *many)).collect(),
            files_refused: status
                .refused_files
                .as_ref()
                .map(|(since, message)| RefusedFilesJson { since: *since, message }),
            webhooks: status.webhooks.as_ref().map(WebhooksJson::new),
            counts: Counts {
                declared: status.rows.len(),
                synced: count(NumberStanding::Synced),
                drifted: count(NumberStanding::Drifted),
                held: count(NumberStanding::Held),
                degraded: count(NumberStanding::Degraded),
                unknown: count(NumberStanding::Unknown),
                no_effect: count(NumberStanding::NoEffect),
                unlisted: status.unlisted,
                on_hold: status.holds.count(&status.accounts, clock),
                drifts: status.drifts.total,
            },
            accounts: status
                .accounts
                .iter()
                .map(|account| AccountJson {
                    name: &account.name,
                    sid: account.sid,
                    numbers: account.numbers,
                    listed: account.listed,
                    listing_age_seconds: account.listed.map(|listed| age(listed, now)),
                    hold: account.of_hold(clock).map(HoldJson::from_hold),
                    trouble: account.trouble.as_ref().map(|trouble| &*trouble.why),
                    help: account.trouble.as_ref().and_then(|trouble| trouble.help.as_deref()),
                    request_id: account.trouble.as_ref().and_then(|trouble| trouble.request_id.as_deref()),
                })
                .collect(),
            in_progress: status.progress.as_ref().map(|progress| InProgress {
                since: progress.began,
                phase: if progress.steps.is_some() { "reconciling" } else { "listing" },
                steps: progress.steps,
                done: progress.done,
                failed: progress.failed,
                in_hand: progress
                    .in_hand
                    .iter()
                    .map(|(number, kind)| InHand { phone_number: *number, kind: kind.as_str() })
                    .collect(),
            }),
            next_cycle: status.next,
            last_success: status.last_success,
            drift: status.drifts.now.iter().map(DriftJson::from_drift).collect(),
            drift_by_field: &status.drifts.by_field,
            drift_held: status.drifts.held.iter().map(DriftJson::from_drift).collect(),
            mended: status.drifts.mended.iter().map(DriftJson::from_drift).collect(),
            history: status.history.iter().map(PastJson::from_past).collect(),
        }
    }
}

impl<'a> StandstillJson<'a> {
    fn from_status(status: &'a Status, now: Duration) -> Self {
        let holds = &status.holds;
        let policy = &holds.policy;
        let last_end = holds.on(now).map(|(_, hold)| hold.end()).max();
        Self {
            reason: holds.still(now).map(|still| match still {
                Still::Paused => "paused",
                Still::OutsideWindows => "outside_windows",
                Still::OnHold(_) => "on_hold",
            }),
            paused_by_file: policy.paused,
            paused_by_signal: holds.paused_by_signal,
            window_open: (!policy.windows.is_empty()).then(|| !policy.is_shut(now)),
            window_opens: policy.opens(now).map(StatusTime::since_epoch),
            hold: holds.of_file(now).map(HoldJson::from_hold),
            numbers: OwnHolds {
                count: holds.on(now).count(),
                last_end: last_end.map(StatusTime::since_epoch),
            },
        }
    }
}

impl<'a> HoldJson<'a> {
    fn from_hold(hold: &'a Hold) -> Self {
        Self { until: StatusTime::since_epoch(hold.end()), why: &hold.why }
    }
}

/// How old something is, in seconds.
#[must_use]
pub fn age(then: StatusTime, now: StatusTime) -> f64 {
    now.since_the_epoch().saturating_sub(then.since_the_epoch()).as_secs_f64()
}

impl<'a> DriftJson<'a> {
    fn from_drift(drift: &'a Drift) -> Self {
        let change = |change: &'a DriftChange| DriftChangeJson {
            field: change.field,
            before: change.before.as_deref(),
            after: change.after.as_deref(),
            secret_changed: change.secret_changed,
        };
        Self {
            phone_number: drift.number,
            account: &drift.account,
            kind: drift.kind.as_str(),
            reason: drift.reason,
            changes: drift.changes.iter().map(change).collect(),
            changed_by: &drift.changed_by,
            found: drift.found,
            ended: drift.ended.as_ref().map(|ended| ended.0),
            held: drift.held,
            outcome: drift.ended.as_ref().map(|ended| ended.1),
            error: drift.ended.as_ref().and_then(|ended| ended.2.as_deref()),
        }
    }
}

impl<'a> PastJson<'a> {
    fn from_past(past: &'a Past) -> Self {
        let planned = |kind| {
            ActionKind::ALL.iter().zip(past.planned).find(|(known, _)| **known == kind).map_or(0, |p| p.1)
        };
        Self {
            at: past.at,
            seconds: past.took.as_secs_f64(),
            result: past.result.as_str(),
            look: past.extent.as_str(),
            generation: past.generation.map(|generation| generation.to_string()),
            planned: Planned {
                purchase: planned(ActionKind::Purchase),
                transfer: planned(ActionKind::Transfer),
                configure: planned(ActionKind::Configure),
                release: planned(ActionKind::Release),
            },
            outcomes: past.outcomes.iter().map(|(ended, many)| (ended.as_str(), *many)).collect(),
            held: past.held,
            unchanged: past.unchanged,
            error: past.error.as_deref(),
        }
    }
}

impl<'a> NumberStatusJson<'a> {
    fn from_row(status: &'a Status, (at, row): (usize, &'a NumberRow), now: Duration) -> Self {
        let observed = row.observed.map(|generation| generation.to_string());
        let condition = |r#type, condition: &'a Condition, since| ConditionJson {
            r#type,
            status: condition.status.as_str(),
            reason: condition.reason,
            message: &condition.message,
            last_transition_time: since,
            observed_generation: observed.clone(),
        };
        Self {
            phone_number: row.number,
            sid: status.sids.get(at).copied().flatten(),
            friendly_name: row.name.as_deref(),
            tags: status.tags.get(&row.number).map(|labels| &labels.tags),
            account: name(status, row.account),
            standing: row.verdict.standing.as_str(),
            hold: status.holds.of_number(row.number, now).map(HoldJson::from_hold),
            conditions: [
                condition("Synced", &row.verdict.synced, row.synced_since),
                condition("Degraded", &row.verdict.degraded, row.degraded_since),
                condition("Effective", &row.verdict.effective, row.effective_since),
            ],
        }
    }
}

fn name(status: &Status, account: AccountIndex) -> &str {
    status.accounts.get(usize::from(account.0)).map_or("", |account| &account.name)
}

/// A part of a JSON text ends soon after this many bytes: a long text never lies in memory as a whole.
const PART_BYTES: usize = 16 << 10;

/// Writes a value. Writing into memory does not fail, and nothing here has a key that is no text.
fn write(out: &mut Vec<u8>, content: &impl Serialize) {
    let written = value(&mut *out, content);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// The whole state with some of its numbers, in the order of their digits, part by part.
#[derive(Debug)]
pub struct Whole {
    status: Arc<Status>,
    now: Duration,
    numbers: Range<usize>,
    next: NextPart,
}

/// What comes next of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextPart {
    Head,
    /// The number at this place.
    Number(usize),
    Tail,
    Nothing,
}

impl Whole {
    /// With the numbers at these places.
    #[must_use]
    pub fn new(status: Arc<Status>, numbers: Range<usize>, now: Duration) -> Self {
        Self { status, now, numbers, next: NextPart::Head }
    }
}

impl Iterator for Whole {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while out.len() < PART_BYTES {
            self.next = match self.next {
                NextPart::Head => {
                    write(&mut out, &StatusHead::from_status(&self.status, self.now));
                    // Its closing brace gives way to the numbers.
                    out.pop();
                    out.extend_from_slice(b",\"numbers\":[");
                    NextPart::Number(self.numbers.start)
                }
                NextPart::Number(at) => match self.status.rows.get(at).filter(|_| at < self.numbers.end) {
                    Some(row) => {
                        out.extend_from_slice(if at == self.numbers.start { b"\n" } else { b",\n" });
                        write(&mut out, &NumberStatusJson::from_row(&self.status, (at, row), self.now));
                        NextPart::Number(at + 1)
                    }
                    None => NextPart::Tail,
                },
                NextPart::Tail => {
                    // The cursor, where something is left.
                    let rows = &self.status.rows;
                    let last = self.numbers.end.checked_sub(1).and_then(|last| rows.get(last));
                    let cursor = last.filter(|_| self.numbers.end < rows.len()).map(|row| row.number);
                    out.extend_from_slice(b"],\"cursor\":");
                    write(&mut out, &cursor);
                    out.extend_from_slice(b"}\n");
                    NextPart::Nothing
                }
                NextPart::Nothing => break,
            };
        }
        (!out.is_empty()).then_some(out)
    }
}

/// Where the numbers behind a cursor begin.
#[must_use]
pub fn after(status: &Status, cursor: PhoneNumber) -> usize {
    status.rows.partition_point(|row| row.number <= cursor)
}

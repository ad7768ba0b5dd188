//! What was done to one number, by numctl and by others, in one line of time.
//!
//! numctl's own writes are in Twilio's audit log too. An event is taken for one of them only where it
//! came over the API, in the time of the run, and changed the same settings to the same values; else it
//! stays an event of its own: who else writes over the API is not guessed.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::execute::journal::{JournalRun, Recorded, StepRecord};
use crate::model::action_kind::ActionKind;
use crate::model::audit::{AuditEvent, Cause, Origin, PropertyChange};
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::secret_url::masked_in_text;

/// Twilio's clock and ours, and how late an event may be recorded.
const BEFORE: i64 = 120;
const AFTER: i64 = 300;

/// One setting that was changed. Its values are without their secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineChange {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// `numctl`, `console`, `api`, `vendor` or `unknown`.
    pub source: &'static str,
    pub actor: Option<String>,
    pub ip: Option<String>,
    /// What: a kind of action, or the type of an event.
    pub kind: String,
    pub account_sid: Option<AccountSid>,
    /// What was changed, by name.
    pub fields: Vec<String>,
    /// The same with its values.
    pub changes: Vec<TimelineChange>,
    /// The run of numctl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How it ended; null where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    pub event: Option<String>,
    /// Who, in words; of what others did.
    #[serde(skip)]
    pub by_whom: String,
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// All that is known of one number, the newest first.
#[must_use]
pub fn timeline(runs: &[&JournalRun], number: PhoneNumber, events: &[AuditEvent]) -> Vec<TimelineEntry> {
    let mut events: Vec<Option<&AuditEvent>> = events.iter().map(Some).collect();
    // Times are whole seconds: within one, the order of the log decides.
    let mut entries: Vec<(Option<usize>, TimelineEntry)> = Vec::new();
    for run in runs {
        let steps = run.steps.iter().zip(&run.ends).filter(|(step, _)| step.number == number);
        for (step, end) in steps {
            let began = run.head.at.0;
            let ended = end.as_ref().map_or(began, |end| end.at.0);
            let window = began.saturating_sub(BEFORE)..=ended.saturating_add(AFTER);
            let is_own =
                |event: &AuditEvent| window.contains(&event.cause.at.as_second()) && is_of(step, event);
            let mut own: Option<(usize, &AuditEvent)> = None;
            // A move is in two accounts' logs.
            for (at, place) in events.iter_mut().enumerate() {
                if let Some(event) = place.filter(|event| is_own(event)) {
                    own = own.or(Some((at, event)));
                    *place = None;
                }
            }
            let outcome = end.as_ref().map(|end| end.outcome.as_str());
            let entry = by_numctl(run, step, ended, outcome, own.map(|(_, event)| event));
            entries.push((own.map(|(at, _)| at), entry));
        }
    }
    let others = events.into_iter().enumerate();
    entries.extend(others.filter_map(|(at, event)| Some((Some(at), by_others(event?)))));
    entries.sort_by(|(a_at, a), (b_at, b)| b.at.cmp(&a.at).then(a_at.cmp(b_at)));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// Whether an event may be the trace of a step.
fn is_of(step: &StepRecord, event: &AuditEvent) -> bool {
    if event.cause.origin != Origin::Api || event.resource.zip(step.sid).is_some_and(|(a, b)| a != b) {
        return false;
    }
    let action = event.kind.rsplit('.').next().unwrap_or_default();
    match (step.action, action) {
        (ActionKind::Purchase, "created") | (ActionKind::Release, "deleted") => true,
        (ActionKind::Transfer, _) => event.changes.iter().any(|change| &*change.name == "account_sid"),
        (ActionKind::Configure | ActionKind::Purchase, _) => {
            let mut known = event.changes.iter().filter(|change| change.field.is_some()).peekable();
            known.peek().is_some() && known.all(|change| was_set(step, change))
        }
        (ActionKind::Release, _) => false,
    }
}

fn was_set(step: &StepRecord, change: &PropertyChange) -> bool {
    let Some(field) = change.field else { return false };
    match step.after.get(&field) {
        None => false,
        Some(None) => change.after.is_none() || change.led_to(field, None),
        Some(Some(set)) => {
            let after = change.after.as_deref();
            after.is_some_and(|after| masked_in_text(after) == masked_in_text(set.text()))
                || change
                    .led_to(field, crate::model::settings::Value::observed(field.kind(), set.text()).as_ref())
        }
    }
}

fn by_numctl(
    run: &JournalRun,
    step: &StepRecord,
    at: i64,
    outcome: Option<&'static str>,
    event: Option<&AuditEvent>,
) -> TimelineEntry {
    let changes: Vec<TimelineChange> = step
        .after
        .iter()
        .map(|(field, after)| TimelineChange {
            field: field.json_name().to_owned(),
            before: step.before.get(field).map(|value| value.text().to_owned()),
            after: after.as_ref().map(Recorded::text).map(str::to_owned),
        })
        .collect();
    TimelineEntry {
        at: Timestamp::from_second(at).unwrap_or(Timestamp::MAX),
        source: "numctl",
        actor: Some(format!("numctl {}", run.head.command.as_str())),
        ip: event.and_then(|event| event.cause.ip.as_deref()).map(str::to_owned),
        kind: step.action.as_str().to_owned(),
        account_sid: Some(step.account),
        fields: changes.iter().map(|change| change.field.clone()).collect(),
        changes,
        run: Some(run.head.run.to_string()),
        outcome: Some(outcome.unwrap_or("not known")),
        event: event.and_then(|event| event.cause.event.as_deref()).map(str::to_owned),
        by_whom: String::new(),
    }
}

fn by_others(event: &AuditEvent) -> TimelineEntry {
    let Cause { at, origin, actor, ip, event: sid } = &event.cause;
    let value = |value: &Option<Box<str>>| value.as_deref().map(masked_in_text);
    let changes: Vec<TimelineChange> = event
        .changes
        .iter()
        .map(|change| TimelineChange {
            field: change.name.to_string(),
            before: value(&change.before),
            after: value(&change.after),
        })
        .collect();
    TimelineEntry {
        at: *at,
        source: origin.as_str(),
        actor: actor.as_deref().map(str::to_owned),
        ip: ip.as_deref().map(str::to_owned),
        kind: event.kind.to_string(),
        account_sid: event.account,
        fields: changes.iter().map(|change| change.field.clone()).collect(),
        changes,
        run: None,
        outcome: None,
        event: sid.as_deref().map(str::to_owned),
        by_whom: event.cause.by_whom(),
    }
}

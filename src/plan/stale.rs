//! Whether a saved plan still fits what is live: number by number, only those that it touches.

use jiff::civil::Date;

use crate::model::claim::Slot;
use crate::model::live::Live;
use crate::model::number::PhoneNumber;
use crate::model::quarantine::Parked;
use crate::model::settings::Field;
use crate::observed::Observed;
use crate::observed::holding::Marks;
use crate::plan::diff::FieldChange;
use crate::plan::{Action, Plan, Reason, Target};

/// One number that has moved on since the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    pub number: PhoneNumber,
    pub why: StaleReason,
}

/// What has changed since a plan was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StaleReason {
    /// It was to be bought, and is there.
    AlreadyThere,
    /// The slot of the claim that it was to be bought for is filled, or about to be.
    SlotTaken(Slot),
    /// It is in none of the plan's accounts.
    Gone,
    /// An account that it may be in cannot be read, or nothing can be done in its account.
    NotSeen,
    /// It is in another account, or in more than one.
    Elsewhere,
    /// It has another SID: it was released and bought again.
    OtherSid,
    /// It is to wait in quarantine since the day of the plan, and that is over: it would wait too short.
    AnotherDay,
    /// These fields have changed.
    Changed(Vec<Field>),
}

/// The numbers that a plan touches and that are no longer as it saw them.
#[must_use]
pub fn stale(plan: &Plan, observed: &Observed) -> Vec<Stale> {
    let for_claims = plan.steps.iter().any(|step| step.action.claimed().is_some());
    let marks = if for_claims { Marks::from_observed(observed) } else { Marks::default() };
    let is_taken =
        |slot: &Slot| marks.holders.contains_key(slot) || observed.survey().in_flight.contains_key(slot);
    plan.steps
        .iter()
        .filter_map(|step| {
            let number = step.action.number();
            // Nothing is done in an account that cannot be read, nor moved there.
            if observed.trouble(step.action.account()).is_some() {
                return Some(Stale { number, why: StaleReason::NotSeen });
            }
            if step.reason == Reason::Quarantined && begins(&step.action) != observed.survey().today {
                return Some(Stale { number, why: StaleReason::AnotherDay });
            }
            let why = match &step.action {
                Action::Purchase { claim: Some(claimed), .. } if is_taken(&claimed.slot) => {
                    Some(StaleReason::SlotTaken(claimed.slot.clone()))
                }
                Action::Purchase { number, .. } => match (observed.find(*number).next(), observed.dark()) {
                    (Some(_), _) => Some(StaleReason::AlreadyThere),
                    (None, None) if observed.perhaps(*number).is_some() => Some(StaleReason::NotSeen),
                    (None, Some(_)) => Some(StaleReason::NotSeen),
                    (None, None) => None,
                },
                Action::Configure { target, changes, .. } => moved_on(target, changes, observed),
                Action::Transfer { target, .. } | Action::Release { target } => {
                    moved_on(target, &[], observed)
                }
            }?;
            Some(Stale { number, why })
        })
        .collect()
}

/// The day since which a number would wait in quarantine.
fn begins(action: &Action) -> Option<Date> {
    Parked::read(action.names()?, action.number()).map(|parked| parked.since)
}

fn moved_on(target: &Target, changes: &[FieldChange], observed: &Observed) -> Option<StaleReason> {
    if observed.trouble(target.account).is_some() {
        return Some(StaleReason::NotSeen);
    }
    let mut found = observed.find(target.number);
    let Some(first) = found.next() else {
        return Some(StaleReason::Gone);
    };
    if found.next().is_some() || first.account != target.account {
        return Some(StaleReason::Elsewhere);
    }
    if first.live.sid != target.sid {
        return Some(StaleReason::OtherSid);
    }
    let mut changed = changed_fields(target, first.live);
    // Which Messaging Service a number is in matters to a step that changes that.
    let service = changes.iter().find(|change| change.field == Field::SmsServiceSid);
    if service.is_some_and(|change| change.before != first.live.get(Field::SmsServiceSid)) {
        changed.push(Field::SmsServiceSid);
    }
    (!changed.is_empty()).then_some(StaleReason::Changed(changed))
}

/// The fields whose live value is no longer the one that the plan saw. A number itself does not say which
/// Messaging Service it is in.
#[must_use]
pub fn changed_fields(target: &Target, live: &Live) -> Vec<Field> {
    Field::all()
        .filter(|field| *field != Field::SmsServiceSid)
        .filter(|field| match (target.before.effective(*field), live.effective(*field)) {
            (None, None) => false,
            (Some(before), Some(now)) => !before.means(&now),
            (None, Some(_)) | (Some(_), None) => true,
        })
        .collect()
}

//! Who changed what is not as declared, for people and machines.

use serde::Serialize;

use crate::model::audit::Cause;
use crate::model::number::PhoneNumber;
use crate::model::settings::Field;
use crate::plan::Plan;

use super::group::{GroupText, together};
use super::names::{account, plural};
use super::words::WarningSubject;

/// The heading over [`said`].
pub const TITLE: &str = "Changed by";

/// Who changed what, and what is not known of it, the same words together.
#[must_use]
pub fn said(plan: &Plan) -> Vec<GroupText> {
    let causes = &plan.causes;
    let known = causes.known().map(|(number, field, cause)| {
        (WarningSubject::Number(number), format!("{} changed {cause}", field.json_name()))
    });
    let unread = causes.unread.iter().map(|(at, why)| {
        (
            WarningSubject::Other(format!("account {}", account(plan, *at))),
            format!("who changed it is not known: {why}"),
        )
    });
    let late = (causes.without_event > 0).then(|| {
        let settings = plural(causes.without_event, "setting");
        (WarningSubject::Other(settings), format!("who changed it is not known: {NO_EVENT}"))
    });
    together(known.chain(unread).chain(late))
}

/// Why no event reports a difference, as far as is known.
const NO_EVENT: &str =
    "no event in Twilio's audit log explains it (an event may come late, and is kept for 30 days)";

/// Who changed a setting, for machines.
#[derive(Debug, Serialize)]
pub struct CauseJson<'a> {
    at: String,
    source: &'static str,
    actor: Option<&'a str>,
    ip: Option<&'a str>,
    event: Option<&'a str>,
}

impl<'a> CauseJson<'a> {
    /// Takes over what a cause says.
    #[must_use]
    pub fn new(cause: &'a Cause) -> Self {
        Self {
            at: cause.at.to_string(),
            source: cause.origin.as_str(),
            actor: cause.actor.as_deref(),
            ip: cause.ip.as_deref(),
            event: cause.event.as_deref(),
        }
    }

    /// Of a change in a plan, where it is known.
    #[must_use]
    pub fn find(plan: &'a Plan, number: PhoneNumber, field: Field) -> Option<Self> {
        plan.causes.find(number, field).map(Self::new)
    }
}

/// What is not known of who changed what.
#[derive(Debug, Serialize)]
pub struct NotKnownJson<'a> {
    not_known: Vec<UnreadJson<'a>>,
    without_event: usize,
}

#[derive(Debug, Serialize)]
struct UnreadJson<'a> {
    account: &'a str,
    message: &'a str,
}

impl<'a> NotKnownJson<'a> {
    /// Of a plan; `None` where no one asked.
    #[must_use]
    pub fn new(plan: &'a Plan) -> Option<Self> {
        let causes = &plan.causes;
        let unread = causes.unread.iter();
        let not_known =
            unread.map(|(at, why)| UnreadJson { account: &plan.account(*at).name, message: why }).collect();
        (!causes.is_empty()).then_some(Self { not_known, without_event: causes.without_event })
    }
}

//! Which declared settings have no effect on the caller (law 15): the live configuration sends calls or
//! messages past them.

use std::collections::BTreeMap;

use crate::desired::{AccountIndex, Declared};
use crate::model::live::Live;
use crate::model::number::{PhoneNumber, ServiceSid};
use crate::model::routing::{self, Because, SMS, Surroundings, VOICE, Way};
use crate::model::settings::{Field, Managed, Value, Want};
use crate::observed::Observed;
use crate::plan::diff::FieldChange;
use crate::plan::{Action, Step, Warning};

/// One declared setting that has no effect, once the plan is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEffect {
    pub number: PhoneNumber,
    /// The account that it lives in by then.
    pub account: AccountIndex,
    pub field: Field,
    pub because: Because,
    /// Where calls or messages end instead, where that is a URL and known.
    pub effective_url: Option<Box<str>>,
}

/// Whether settings can be without effect at all: they set something that says where calls or messages end.
#[must_use]
pub(super) fn is_concerned(settings: &Managed) -> bool {
    VOICE.into_iter().chain(SMS).any(|field| matches!(settings.get(field), Some(Want::Set(_))))
}

/// The declared settings of a number that have no effect once `changes` are made; `live` is the number as
/// it is now, if it is there, and `moves` whether it goes to another account.
pub(super) fn without_effect(
    declared: &Declared,
    managed: &Managed,
    live: Option<&Live>,
    moves: bool,
    changes: &[FieldChange],
    around: &Surroundings,
) -> Vec<NoEffect> {
    let own = |field: Field| -> Option<Value> {
        if let Some(want) = managed.get(field) {
            return want.effective(field);
        }
        let is_cleared = changes
            .iter()
            .any(|change| change.after().is_some() && change.field.clears_at_api() == Some(field));
        // A Messaging Service belongs to an account, and stays there.
        let is_left = moves && field == Field::SmsServiceSid;
        live.filter(|_| !is_cleared && !is_left).and_then(|live| live.get(field))
    };
    // Most numbers have nothing that could overrule anything.
    let may_be_set = |field: Field| {
        managed.get(field).is_some() || live.is_some_and(|live| live.settings.get(field).is_some())
    };
    if !routing::OVERRULING.into_iter().any(may_be_set) {
        return Vec::new();
    }
    let is_declared = |field: Field| matches!(declared.settings.get(field), Some(Want::Set(_)));
    let mut found = Vec::new();
    let mut take = |way: &Way| {
        for (field, because) in way.overruled.iter().filter(|(field, _)| is_declared(*field)) {
            found.push(NoEffect {
                number: declared.number,
                account: declared.account,
                field: *field,
                because: because.clone(),
                effective_url: way.end.url().map(Box::from),
            });
        }
    };
    if VOICE.into_iter().any(is_declared) {
        take(&routing::voice(own, around, None));
    }
    if SMS.into_iter().any(is_declared) {
        take(&routing::sms(own, around));
    }
    found
}

/// How many numbers a Messaging Service can have, unless Twilio raised that.
const SERVICE_NUMBERS: usize = 400;

/// Says, once an account, what could not be read, and which Messaging Services would be too full.
pub(super) fn warnings(steps: &[Step], observed: &Observed, accounts: usize) -> Vec<Warning> {
    let mut joins: BTreeMap<(AccountIndex, ServiceSid), isize> = BTreeMap::new();
    for step in steps {
        let account = step.action.account();
        let want = match &step.action {
            Action::Purchase { settings, .. } => settings.get(Field::SmsServiceSid),
            Action::Configure { changes, .. } => {
                changes.iter().find(|change| change.field == Field::SmsServiceSid).map(|change| &change.want)
            }
            Action::Transfer { .. } | Action::Release { .. } => None,
        };
        let left = step.action.target().and_then(|target| target.before.get(Field::SmsServiceSid));
        if let (Some(Value::Service(sid)), true) = (left, want.is_some()) {
            *joins.entry((account, *sid)).or_default() -= 1;
        }
        if let Some(Want::Set(Value::Service(sid))) = want {
            *joins.entry((account, *sid)).or_default() += 1;
        }
    }
    let mut warnings = Vec::new();
    for ((account, service), more) in joins {
        let services = observed.around(account).services.is();
        let members = services.and_then(|services| services.get(&service)).map_or(0, |found| found.members);
        let numbers = members.saturating_add_signed(more);
        if more > 0 && numbers > SERVICE_NUMBERS {
            warnings.push(Warning::ServiceOverfull { account, service, numbers });
        }
    }
    for at in 0..accounts {
        let account = AccountIndex(at as u16);
        let around = observed.around(account);
        let whys = [around.services.refusal(), around.applications.refusal(), around.trunks.refusal()];
        for why in whys.into_iter().flatten() {
            warnings.push(Warning::RoutingUnknown { account, why: why.into() });
        }
    }
    warnings
}

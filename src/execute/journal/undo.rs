//! What takes a run back: a plan like any other, made from the run's records and from what is live
//! now. A field that someone changed since stays as it is, and nothing is released.

use std::collections::BTreeMap;
use std::time::Duration;

use super::known::days_left;
use super::{AccountsAtStart, JournalRun, Recorded, RecordedAt, StepRecord};
use crate::desired::AccountRef;
use crate::desired::{AccountIndex, Declared, DeclaredState, Desired};
use crate::model::action_kind::ActionKind;
use crate::model::live::Live;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::quarantine::{Parked, unmarked};
use crate::model::settings::{Field, Managed, Value, Want};
use crate::observed::{Observed, ObservedNumber};
use crate::plan::diff::{self, FieldChange};
use crate::plan::{
    Action, HeldNumber, HeldReason, NotUndone, Plan, Reason, Step, Target, Vanished, Warning,
    beside_fallbacks, put_in_order,
};

use crate::plan::outcome::OutcomeKind;

/// Why a run cannot be taken back with these files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run acted on account {sid} ({world}), which is not in the files: add it to `accounts`")]
pub struct UndoError {
    pub sid: AccountSid,
    pub world: AccountsAtStart,
}

/// A plan of what reverts a run, as far as that can be done; what cannot is held back in it. `worlds` are
/// those of the accounts.
///
/// # Errors
/// When the run acted on an account that is not among these.
pub fn undo(
    run: &JournalRun,
    desired: &Desired,
    accounts: &[AccountRef],
    worlds: &[AccountsAtStart],
    observed: &Observed,
    now: Duration,
) -> Result<Plan, UndoError> {
    let place = |sid: AccountSid| {
        let world = run.account(sid).map(|account| &account.at);
        let mut known = accounts.iter().zip(worlds).zip(0_u16..);
        let found = known.find(|((account, at), _)| account.sid == sid && Some(*at) == world);
        found.map(|(_, at)| AccountIndex(at)).ok_or_else(|| UndoError {
            sid,
            world: world.cloned().unwrap_or_else(|| AccountsAtStart::named("unknown".to_owned())),
        })
    };
    let mut by_number: BTreeMap<PhoneNumber, Vec<&StepRecord>> = BTreeMap::new();
    for (step, end) in run.steps.iter().zip(&run.ends) {
        // What was not tried has nothing to take back; what is in doubt, the live state decides.
        if end.as_ref().is_none_or(|end| end.outcome != OutcomeKind::Skipped) {
            by_number.entry(step.number).or_default().push(step);
        }
    }
    let mut undoing = Undoing {
        desired,
        observed,
        now: RecordedAt::from_time(now),
        plan: Plan {
            troubles: observed.troubles().map(|(at, trouble)| (at, trouble.clone())).collect(),
            live: observed.live_by_account(),
            ..Plan::from_steps(accounts.to_vec(), Vec::new())
        },
    };
    for (number, steps) in by_number {
        let Some(last) = steps.last() else { continue };
        let to = place(last.account)?;
        let from = steps.first().and_then(|step| step.from).map(place).transpose()?;
        undoing.number(number, &steps, from.unwrap_or(to), to, run.head.at);
    }
    Ok(undoing.finish())
}

struct Undoing<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    now: RecordedAt,
    plan: Plan,
}

impl Undoing<'_> {
    /// Takes back what was done to a number that was `from` before and `to` afterwards.
    fn number(
        &mut self,
        number: PhoneNumber,
        steps: &[&StepRecord],
        from: AccountIndex,
        to: AccountIndex,
        at: RecordedAt,
    ) {
        let mut found = self.observed.find(number);
        let (first, second) = (found.next(), found.next());
        let in_trouble = [from, to].into_iter().find(|index| self.observed.trouble(*index).is_some());
        let of = |kind| steps.iter().copied().find(|step: &&StepRecord| step.action == kind);
        match (first, of(ActionKind::Purchase), of(ActionKind::Release)) {
            _ if second.is_some() => self.hold(number, to, HeldReason::Ambiguous),
            _ if in_trouble.is_some() => {
                if let Some(account) = in_trouble {
                    self.hold(number, to, HeldReason::AccountInTrouble { account });
                }
            }
            (Some(_), Some(_), _) => self.hold(number, to, HeldReason::NotUndone(NotUndone::Bought)),
            (None, Some(_), _) => {}
            // It was not released, or is back.
            (Some(_), None, Some(_)) => self.plan.unchanged += 1,
            (None, None, Some(release)) => self.buy_back(release, from, at),
            (None, None, None) => self.hold(number, to, HeldReason::NotUndone(NotUndone::Gone)),
            (Some(found), None, None) => {
                self.restore(number, found, of(ActionKind::Transfer), of(ActionKind::Configure), from, to);
            }
        }
    }

    fn buy_back(&mut self, release: &StepRecord, account: AccountIndex, at: RecordedAt) {
        let number = release.number;
        if let Some(&sid) = self.observed.survey().elsewhere.get(&number) {
            return self.hold(number, account, HeldReason::InUnlistedAccount { sid });
        }
        if let Some(dark) = self.observed.dark() {
            return self.hold(number, account, HeldReason::PerhapsIn { account: dark });
        }
        let settings = self.wants(number, account, release.before.iter());
        let settings = self.sendable(number, account, settings, None);
        let was = Vanished {
            account: self.plan.account(account).sid,
            seen: at.0,
            days_left: days_left(at, self.now),
        };
        self.plan.warnings.push(Warning::BoughtBack { number, was });
        let is_other = |declared: &Declared| declared.state == DeclaredState::Released;
        self.warn_if(number, is_other);
        self.step(Action::Purchase { number, account, settings, claim: None });
    }

    fn restore(
        &mut self,
        number: PhoneNumber,
        found: ObservedNumber<'_>,
        transfer: Option<&StepRecord>,
        configure: Option<&StepRecord>,
        from: AccountIndex,
        to: AccountIndex,
    ) {
        if found.account != to && found.account != from {
            let why = NotUndone::Elsewhere { lives_in: found.account };
            return self.hold(number, to, HeldReason::NotUndone(why));
        }
        let is_protected = self.desired.declared(number).is_some_and(|declared| declared.protect);
        let moves = transfer.is_some() && found.account != from;
        if moves && is_protected {
            let why = HeldReason::ProtectedFromTransfer { lives_in: found.account };
            return self.hold(number, from, why);
        }
        let fields = configure.map(|step| self.fields(number, found.live, step, to)).unwrap_or_default();
        let fields = self.sendable(number, to, fields, Some(found.live));
        let changes = diff::changes(&fields, found.live);
        let target =
            Target { number, sid: found.live.sid, account: found.account, before: found.live.all_settings() };
        if let Some(transfer) = transfer.filter(|_| moves) {
            self.warn_if(number, |declared| declared.account == found.account);
            // What belongs to an account is that one's, as is the name of a number in quarantine; all else
            // moves along as it is now.
            let is_in_quarantine =
                found.live.friendly_name.as_deref().is_some_and(|name| Parked::read(name, number).is_some());
            let is_own = |field: Field| {
                field.kind().belongs_to_account() || (is_in_quarantine && field == Field::FriendlyName)
            };
            let own = transfer.before.iter().filter(|(field, _)| is_own(**field));
            let own = self.wants(number, from, own);
            let settings = target.portable().overlaid(&own).overlaid(&fields);
            self.step(Action::Transfer { target: target.clone(), to: from, settings });
        }
        if changes.is_empty() {
            let is_held = self.plan.held.iter().any(|held| held.number == number);
            self.plan.unchanged += usize::from(!moves && !is_held);
            return;
        }
        let sets = |declared: &Declared, change: &FieldChange| {
            declared
                .settings
                .get(change.field)
                .is_some_and(|want| want.effective(change.field) != change.after())
        };
        self.warn_if(number, |declared| changes.iter().any(|change| sets(declared, change)));
        self.step(Action::Configure { target, account: from, changes });
    }

    /// What brings the fields of a step back, but for those that someone changed since.
    fn fields(&mut self, number: PhoneNumber, live: &Live, step: &StepRecord, at: AccountIndex) -> Managed {
        let mut wants = Vec::new();
        for (field, after) in &step.after {
            let is_as_set = match (after, live.effective(*field)) {
                (Some(after), Some(live)) => after.is(*field, &live),
                (None, Some(live)) => field.default_value().is_some_and(|default| default.means(&live)),
                (Some(_), None) => false,
                (None, None) => true,
            };
            let before = step.before.get(field);
            // Never set, or taken back already.
            let is_as_before = match (before, live.get(*field)) {
                (Some(before), Some(live)) => before.is(*field, &live),
                (None, None) => true,
                (None, Some(_)) | (Some(_), None) => false,
            };
            if is_as_before {
                continue;
            }
            if !is_as_set {
                let why = NotUndone::ChangedSince { field: *field };
                self.hold(number, at, HeldReason::NotUndone(why));
                continue;
            }
            match before {
                None if *field == Field::FriendlyName => {
                    let why = NotUndone::Unsendable { field: *field };
                    self.hold(number, at, HeldReason::NotUndone(why));
                }
                None => wants.push((*field, Want::Clear)),
                Some(before) => wants.extend(self.want(number, at, *field, before)),
            }
        }
        wants.into_iter().collect()
    }

    fn wants<'a>(
        &mut self,
        number: PhoneNumber,
        account: AccountIndex,
        before: impl Iterator<Item = (&'a Field, &'a Recorded)>,
    ) -> Managed {
        before.filter_map(|(field, before)| self.want(number, account, *field, before)).collect()
    }

    fn want(
        &mut self,
        number: PhoneNumber,
        account: AccountIndex,
        field: Field,
        before: &Recorded,
    ) -> Option<(Field, Want)> {
        let why = match before {
            Recorded::Masked(_) => NotUndone::Secret { field },
            // A number that waited to be released waits no more.
            Recorded::Whole(text) if field == Field::FriendlyName && *text != unmarked(text, number) => {
                let name = Some(unmarked(text, number)).filter(|name| !name.is_empty())?;
                return Some((field, Want::Set(Value::Text(name.into()))));
            }
            Recorded::Whole(text) => match Value::declared(field.kind(), text) {
                Ok(value) => return Some((field, Want::Set(value))),
                Err(_) => NotUndone::Unsendable { field },
            },
        };
        self.hold(number, account, HeldReason::NotUndone(why));
        None
    }

    /// Without what the API refuses beside the rest: it would take all of it down.
    fn sendable(
        &mut self,
        number: PhoneNumber,
        account: AccountIndex,
        settings: Managed,
        live: Option<&Live>,
    ) -> Managed {
        let refused: Vec<Field> =
            beside_fallbacks(&settings, live).into_iter().map(|(field, _)| field).collect();
        for field in &refused {
            self.hold(number, account, HeldReason::NotUndone(NotUndone::Unsendable { field: *field }));
        }
        settings.filtered(|field| !refused.contains(&field))
    }

    /// Says that the files stay as they are, where that is so.
    fn warn_if(&mut self, number: PhoneNumber, is_other: impl Fn(&Declared) -> bool) {
        let warning = Warning::DeclaredOtherwise { number };
        if self.desired.declared(number).is_some_and(is_other) && self.plan.warnings.last() != Some(&warning)
        {
            self.plan.warnings.push(warning);
        }
    }

    fn step(&mut self, action: Action) {
        self.plan.steps.push(Step { action, reason: Reason::Undone });
    }

    fn hold(&mut self, number: PhoneNumber, account: AccountIndex, why: HeldReason) {
        self.plan.held.push(HeldNumber { number, account, why });
    }

    fn finish(mut self) -> Plan {
        put_in_order(&mut self.plan.steps);
        self.plan
    }
}

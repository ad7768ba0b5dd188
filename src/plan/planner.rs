//! The planner: a pure function from what is declared and what is live to what is to be done.
//!
//! Every choice is made here. What is deliberately not done is in the plan too, as [`Held`] and
//! [`Warning`], so that inaction is explained by values and never by a log line alone.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Step, Target};
use super::effect::{self, NoEffect};
use super::held::{HeldNumber, HeldReason, LeftOut, Warning};
use super::left_out;
use super::names;
use super::reason::Reason;
use super::whole::Plan;
use crate::desired::AccountRef;
use crate::model::action_kind::ActionKind;

use crate::desired::{Declared, DeclaredState, Desired, OnNoEffect, Unlisted};
use crate::model::live::Live;
use crate::model::number::{PhoneNumber, ServiceSid};
use crate::model::quarantine::{self, Parked};
use crate::model::settings::{Field, Managed, Value, Want};
use crate::observed::{Observed, ObservedNumber, Papers};
use crate::plan::claims::{self, BoundClaims, Claimed, Shortfall};
use crate::plan::diff::{self, FieldChange};

/// Plans how to get from what is live to what is declared.
///
/// `accounts` are those of `desired`, with their SIDs known. The result is the same for the same
/// input, whatever the order of the file or of the listings.
pub fn plan(desired: &Desired, accounts: &[AccountRef], observed: &Observed) -> Plan {
    // Reading a million names for marks is for those who have claims.
    if desired.claims.is_empty() {
        return of_numbers(desired, accounts, observed, BTreeMap::new(), Vec::new());
    }
    let BoundClaims { desired, purchases, short, broken } = claims::bind(desired, observed);
    let mut plan = of_numbers(&desired, accounts, observed, purchases, short);
    let broken = broken.into_iter().map(|(number, account)| Warning::BrokenMark { number, account });
    plan.warnings.extend(broken);
    plan
}

pub(super) fn of_numbers(
    desired: &Desired,
    accounts: &[AccountRef],
    observed: &Observed,
    purchases: BTreeMap<PhoneNumber, Claimed>,
    short: Vec<Shortfall>,
) -> Plan {
    let resolved = names::resolved(desired, observed);
    let (desired, unresolved, warnings) = match &resolved {
        Some(resolved) => (&resolved.desired, Some(&resolved.held), resolved.warnings.clone()),
        None => (desired, None, Vec::new()),
    };
    let mut planner = Planner {
        desired,
        observed,
        unresolved,
        purchases,
        short,
        place: 0,
        concerned: None,
        steps: Vec::new(),
        held: Vec::new(),
        no_effect: Vec::new(),
        warnings,
        unchanged: 0,
        unlisted: 0,
    };
    for declared in &desired.numbers {
        planner.number(declared);
    }
    planner.unlisted_numbers();
    for (account, listing) in observed.listings() {
        let notes = listing.notes().iter().cloned();
        planner.warnings.extend(notes.map(|note| Warning::Listing { account, note }));
    }
    planner.finish(accounts)
}

struct Planner<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    /// The numbers of which a friendly name matches nothing, or several.
    unresolved: Option<&'a BTreeMap<PhoneNumber, HeldReason>>,
    /// The declared numbers that are bought for a claim.
    purchases: BTreeMap<PhoneNumber, Claimed>,
    short: Vec<Shortfall>,
    /// Where the last one was in the observed numbers: both are in order.
    place: usize,
    /// The settings that were looked at last, and whether they can be without effect.
    concerned: Option<(Managed, bool)>,
    steps: Vec<Step>,
    held: Vec<HeldNumber>,
    no_effect: Vec<NoEffect>,
    warnings: Vec<Warning>,
    unchanged: usize,
    unlisted: usize,
}

impl Planner<'_> {
    fn number(&mut self, declared: &Declared) {
        self.place = self.observed.place_from(self.place, declared.number);
        let mut found = self.observed.find_at(self.place, declared.number);
        if self.observed.trouble(declared.account).is_some() {
            // Its numbers are not planned; one that is seen elsewhere is worth a word.
            return match found.next() {
                Some(found) if found.account != declared.account => {
                    self.hold(declared, HeldReason::AccountInTrouble { account: declared.account });
                }
                Some(_) | None => {}
            };
        }
        if let Some(why) = self.unresolved.and_then(|held| held.get(&declared.number)) {
            return self.hold(declared, *why);
        }
        if let (DeclaredState::Present, Some(service)) = (declared.state, self.service_of_another(declared)) {
            return self.hold(declared, HeldReason::ServiceNotThere { service });
        }
        match (declared.state, found.next(), found.next()) {
            (_, Some(_), Some(_)) => self.hold(declared, HeldReason::Ambiguous),
            (DeclaredState::Present, None, _) => self.missing(declared),
            (_, Some(found), None) if self.observed.trouble(found.account).is_some() => {
                self.hold(declared, HeldReason::AccountInTrouble { account: found.account });
            }
            (DeclaredState::Present, Some(found), None) => self.present(declared, found),
            (DeclaredState::Released, None, _) => self.unchanged += 1,
            // The file's reader refuses that; a release is not left to one check.
            (DeclaredState::Released, Some(_), None) if declared.protect => {
                self.hold(declared, HeldReason::ProtectedFromRelease);
            }
            (DeclaredState::Released, Some(found), None)
                if found.account == declared.account || self.is_in_quarantine(found) =>
            {
                self.give_up(declared.number, found, Reason::Tombstone);
            }
            (DeclaredState::Released, Some(found), None) => {
                self.hold(declared, HeldReason::ReleaseInOtherAccount { lives_in: found.account });
            }
        }
    }

    fn missing(&mut self, declared: &Declared) {
        if declared.number.is_short_code() {
            return self.hold(declared, HeldReason::ShortCodeNotBought);
        }
        if let Some(&sid) = self.observed.survey().elsewhere.get(&declared.number) {
            return self.hold(declared, HeldReason::InUnlistedAccount { sid });
        }
        if let Some(account) = self.observed.dark() {
            return self.hold(declared, HeldReason::PerhapsIn { account });
        }
        if let Some(account) = self.observed.perhaps(declared.number) {
            return self.hold(declared, HeldReason::PerhapsSpeltOddly { account });
        }
        let papers = missing_papers(declared, self.observed);
        if papers != Papers::default() {
            return self.hold(declared, HeldReason::PapersMissing { papers });
        }
        self.warn_inert(declared, |field| declared.settings.get(field).is_some_and(|want| want.has(field)));
        // One refused fallback would take the whole purchase down, again in every cycle.
        let (settings, left_out) = left_out::part(declared, None, self.observed.around(declared.account));
        self.hold_left_out(declared, &left_out);
        self.note_effect(declared, &settings, None, false, &[]);
        let (number, account) = (declared.number, declared.account);
        let claim = self.purchases.remove(&number).map(Box::new);
        let reason = if claim.is_some() { Reason::Claimed } else { Reason::Missing };
        self.step(Action::Purchase { number, account, settings, claim }, reason);
    }

    fn present(&mut self, declared: &Declared, found: ObservedNumber<'_>) {
        let moves = found.account != declared.account;
        if moves && declared.protect {
            return self.hold(declared, HeldReason::ProtectedFromTransfer { lives_in: found.account });
        }
        let around = self.observed.around(declared.account);
        let (managed, left_out) = left_out::part(declared, Some(found.live), around);
        self.hold_left_out(declared, &left_out);
        let managed = self.brought_back(declared, found.live, managed);
        let changes = diff::changes(&managed, found.live);
        self.warn_inert(declared, |field| match declared.settings.get(field) {
            Some(want) => want.has(field),
            // What a change clears overrides nothing by then.
            None if changes.iter().any(|c| c.after().is_some() && c.field.clears_at_api() == Some(field)) => {
                false
            }
            None => found.live.has(field),
        });
        self.warn_cleared(declared, found.live, &changes);
        let has_effect = self.note_effect(declared, &managed, Some(found.live), moves, &changes);
        if moves {
            let target = target(declared.number, found);
            self.step(
                Action::Transfer { target, to: declared.account, settings: managed },
                Reason::WrongAccount,
            );
        }
        if !changes.is_empty() {
            let target = target(declared.number, found);
            self.step(Action::Configure { target, account: declared.account, changes }, Reason::Drifted);
        } else if !moves && left_out.is_empty() && has_effect {
            self.unchanged += 1;
        }
    }

    /// The Messaging Service that is declared, where the account has none of that SID.
    fn service_of_another(&self, declared: &Declared) -> Option<ServiceSid> {
        let Some(Want::Set(Value::Service(sid))) = declared.settings.get(Field::SmsServiceSid) else {
            return None;
        };
        let services = self.observed.around(declared.account).services.is()?;
        (!services.contains_key(sid)).then_some(*sid)
    }

    /// Notes the declared settings that have no effect, and says whether all have one.
    fn note_effect(
        &mut self,
        declared: &Declared,
        managed: &Managed,
        live: Option<&Live>,
        moves: bool,
        changes: &[FieldChange],
    ) -> bool {
        // A million numbers share a few settings.
        let is_concerned = match &self.concerned {
            Some((known, is_concerned)) if known.is_same(&declared.settings) => *is_concerned,
            Some(_) | None => effect::is_concerned(&declared.settings),
        };
        self.concerned = Some((declared.settings.clone(), is_concerned));
        if !is_concerned {
            return true;
        }
        let around = self.observed.around(declared.account);
        let found = effect::without_effect(declared, managed, live, moves, changes, around);
        let has_effect = found.is_empty();
        self.no_effect.extend(found);
        has_effect
    }

    /// What is not set is not as declared.
    fn hold_left_out(&mut self, declared: &Declared, left_out: &[LeftOut]) {
        left_out.iter().for_each(|why| self.hold(declared, HeldReason::LeftOut(*why)));
    }

    fn is_in_quarantine(&self, found: ObservedNumber<'_>) -> bool {
        self.desired.policy.quarantine.is_some_and(|quarantine| quarantine.account == found.account)
    }

    /// Releases a number, or brings it a step nearer to that where there is a quarantine.
    fn give_up(&mut self, number: PhoneNumber, found: ObservedNumber<'_>, why: Reason) {
        let target = target(number, found);
        if found.live.raw_number.is_some() {
            let account = found.account;
            return self.held.push(HeldNumber { number, account, why: HeldReason::SpeltOddly });
        }
        let Some(quarantine) = self.desired.policy.quarantine else {
            return self.step(Action::Release { target }, why);
        };
        let account = found.account;
        let mut hold = |why| self.held.push(HeldNumber { number, account, why });
        let Some(today) = self.observed.survey().today else { return hold(HeldReason::DayUnknown) };
        if self.observed.trouble(quarantine.account).is_some() {
            return hold(HeldReason::AccountInTrouble { account: quarantine.account });
        }
        let name = found.live.friendly_name.as_deref();
        let parked = name.and_then(|name| Parked::read(name, number));
        if let Some(parked) = parked.filter(|_| account == quarantine.account) {
            let until = quarantine.term.ends(parked.since);
            if today < until {
                return hold(HeldReason::InQuarantine { since: parked.since, until });
            }
            return self.step(Action::Release { target }, why);
        }
        let name = Value::Text(quarantine::marked(name, number, today).into());
        let settings: Managed = [(Field::FriendlyName, Want::Set(name))].into_iter().collect();
        // The name is written after the move: an old mark would count there until then.
        if account != quarantine.account && parked.is_none_or(|parked| parked.since == today) {
            // Calls go where they went, even where the move clears that.
            let settings = target.portable().overlaid(&settings);
            let action = Action::Transfer { target, to: quarantine.account, settings };
            return self.step(action, Reason::Quarantined);
        }
        // Whoever put it there, and whenever: the time that is known of begins now.
        let changes = diff::changes(&settings, found.live);
        self.step(Action::Configure { target, account, changes }, Reason::Quarantined);
    }

    /// Tells of a number that waits to be released, and that the file does not release any more.
    fn warn_left(&mut self, number: PhoneNumber, found: ObservedNumber<'_>) {
        let name = found.live.friendly_name.as_deref().filter(|_| self.is_in_quarantine(found));
        if let Some(parked) = name.and_then(|name| Parked::read(name, number)) {
            let (account, since) = (found.account, parked.since);
            self.warnings.push(Warning::LeftInQuarantine { number, account, since });
        }
    }

    /// The managed settings of a number that is to stay, without the mark of the quarantine that it
    /// comes back from.
    fn brought_back(&self, declared: &Declared, live: &Live, managed: Managed) -> Managed {
        let parked = live.friendly_name.as_deref().and_then(|name| Parked::read(name, declared.number));
        let Some(parked) = parked.filter(|_| declared.settings.get(Field::FriendlyName).is_none()) else {
            return managed;
        };
        // A name cannot be taken away.
        let name = if parked.name.is_empty() { declared.number.to_string() } else { parked.name.into() };
        let name = Want::Set(Value::Text(name.into()));
        managed.overlaid(&[(Field::FriendlyName, name)].into_iter().collect())
    }

    fn warn_inert(&mut self, declared: &Declared, is_set: impl Fn(Field) -> bool) {
        let declares_url = |fields: [Field; 2]| {
            fields.iter().any(|field| matches!(declared.settings.get(*field), Some(Want::Set(_))))
        };
        let mut warn =
            |overridden_by| self.warnings.push(Warning::Inert { number: declared.number, overridden_by });
        if declares_url([Field::VoiceUrl, Field::VoiceFallbackUrl]) {
            if is_set(Field::VoiceTrunkSid) {
                warn(Field::VoiceTrunkSid);
            } else if is_set(Field::VoiceApplicationSid) {
                warn(Field::VoiceApplicationSid);
            }
        }
        if declares_url([Field::SmsUrl, Field::SmsFallbackUrl]) && is_set(Field::SmsApplicationSid) {
            warn(Field::SmsApplicationSid);
        }
    }

    fn warn_cleared(&mut self, declared: &Declared, live: &Live, changes: &[FieldChange]) {
        for change in changes.iter().filter(|change| change.after().is_some()) {
            if let Some(clears) = change.field.clears_at_api()
                && declared.settings.get(clears).is_none()
                && live.has(clears)
            {
                self.warnings.push(Warning::ClearsUnmanaged {
                    number: declared.number,
                    sets: change.field,
                    clears,
                });
            }
        }
    }

    fn unlisted_numbers(&mut self) {
        let policy = self.desired.policy.unlisted;
        // The same walk over two sorted lists, so that a million numbers cost no million look-ups.
        let mut declared = self.desired.numbers.iter().map(|declared| declared.number).peekable();
        let mut previous = None;
        let mut numbers = self.observed.numbers().peekable();
        while let Some((number, found)) = numbers.next() {
            while declared.peek().is_some_and(|named| *named < number) {
                declared.next();
            }
            let ambiguous = previous == Some(number) || numbers.peek().is_some_and(|next| next.0 == number);
            let first = previous.replace(number) != Some(number);
            if declared.peek() == Some(&number) {
                continue;
            }
            if policy == Unlisted::Release && self.observed.trouble(found.account).is_some() {
                continue;
            }
            match policy {
                Unlisted::Release if ambiguous => {
                    if first {
                        self.held.push(HeldNumber {
                            number,
                            account: found.account,
                            why: HeldReason::Ambiguous,
                        });
                    }
                }
                Unlisted::Release => self.give_up(number, found, Reason::Unlisted),
                Unlisted::Report => {
                    self.unlisted += 1;
                    let account = found.account;
                    self.warnings.push(Warning::Unlisted { number, account });
                    self.warn_left(number, found);
                }
                Unlisted::Ignore => {
                    self.unlisted += 1;
                    self.warn_left(number, found);
                }
            }
        }
    }

    fn step(&mut self, action: Action, reason: Reason) {
        self.steps.push(Step { action, reason });
    }

    fn hold(&mut self, declared: &Declared, why: HeldReason) {
        self.held.push(HeldNumber { number: declared.number, account: declared.account, why });
    }

    fn finish(mut self, accounts: &[AccountRef]) -> Plan {
        let may_replace = |held: &HeldNumber| {
            matches!(
                held.why,
                HeldReason::InUnlistedAccount { .. }
                    | HeldReason::PapersMissing { .. }
                    | HeldReason::PerhapsIn { .. }
                    | HeldReason::PerhapsSpeltOddly { .. }
                    | HeldReason::AccountInTrouble { .. }
            )
        };
        let is_short = self.held.iter().any(may_replace) || !self.short.is_empty();
        put_in_order(&mut self.steps);
        self.warnings.extend(effect::warnings(&self.steps, self.observed, self.desired.accounts.len()));
        let tagged = |step: &Step| {
            let number = step.action.number();
            let labels = self.desired.declared(number)?.labels.clone()?;
            (!labels.tags.is_empty()).then_some((number, labels))
        };
        let tags = self.steps.iter().filter_map(tagged).collect();
        let mut plan = Plan {
            held: self.held,
            short: self.short,
            waiting: Vec::new(),
            no_effect: self.no_effect,
            no_effect_is_error: self.desired.policy.no_effect == OnNoEffect::Error,
            warnings: self.warnings,
            troubles: self.observed.troubles().map(|(at, trouble)| (at, trouble.clone())).collect(),
            unchanged: self.unchanged,
            unlisted: self.unlisted,
            live: self.observed.live_by_account(),
            tags,
            ..Plan::from_steps(accounts.to_vec(), self.steps)
        };
        // Nothing is released while something that may replace it is held back (law 4).
        plan.hold(|step| (is_short && step.gives_up()).then_some(HeldReason::ReplacementHeld));
        plan
    }
}

/// Purchases, transfers, configurations, what is given up; within each by account and number.
pub(crate) fn put_in_order(steps: &mut [Step]) {
    let transfers = steps.iter().filter(|step| step.action.kind() == ActionKind::Transfer && step.replaces());
    let moved: BTreeSet<PhoneNumber> = transfers.map(|step| step.action.number()).collect();
    steps.sort_by_key(|step| {
        let action = &step.action;
        let kind = action.kind();
        // A number that moves is configured right after its move, before any other number is
        // touched: in between its calls may go nowhere.
        let rung = if step.gives_up() {
            ActionKind::Release
        } else if moved.contains(&action.number()) {
            ActionKind::Transfer
        } else {
            kind
        };
        (rung, action.account(), action.number(), kind)
    });
}

/// What the country wants and the file does not give.
fn missing_papers(declared: &Declared, observed: &Observed) -> Papers {
    let wanted = observed.survey().papers.get(&declared.number).copied().unwrap_or_default();
    let is_set = |field| matches!(declared.settings.get(field), Some(Want::Set(_)));
    Papers {
        address: wanted.address && !is_set(Field::AddressSid),
        bundle: wanted.bundle && !is_set(Field::BundleSid),
    }
}

fn target(number: PhoneNumber, found: ObservedNumber<'_>) -> Target {
    Target { number, sid: found.live.sid, account: found.account, before: found.live.all_settings() }
}

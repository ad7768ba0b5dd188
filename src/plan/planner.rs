//! The planner: a pure function from what is declared and what is live to what is to be done.
//!
//! Every choice is made here. What is deliberately not done is in the plan too, as [`Held`] and
//! [`Warning`], so that inaction is explained by values and never by a log line alone.

use std::collections::{BTreeMap, BTreeSet};

use super::action::{Action, Step, Target};
use super::cause::{Causes, Difference};
use super::digest_key::DigestKey;
use super::held::{Held, HeldReason, LeftOut, Warning};
use super::left_out;
use super::reason::Reason;
use crate::desired::AccountRef;
use crate::model::action_kind::ActionKind;

use crate::desired::{AccountIndex, Declared, Desired, State, Unlisted};
use crate::model::live::Live;
use crate::model::number::PhoneNumber;
use crate::model::quarantine::{self, Parked};
use crate::model::settings::{Field, Managed, Value, Want};
use crate::model::traffic::Lookback;
use crate::observed::{Found, Observed, Papers, Trouble};
use crate::plan::claims::{self, Bound, Claimed, Shortfall};
use crate::plan::diff::{self, FieldChange};

/// What is to be done, in the order in which it is shown.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Plan {
    /// The accounts that the steps' indices mean.
    pub accounts: Vec<AccountRef>,
    /// What is to be done: purchases, transfers (each with its configuration right after it),
    /// configurations, moves to quarantine and releases; within each by account and number.
    pub steps: Vec<Step>,
    /// What the file asks for, or would seem to, and is not done, with the reason.
    pub held: Vec<Held>,
    /// What claims want, and is not bought, with the reason.
    pub short: Vec<Shortfall>,
    /// The steps that a hold, a pause or a limit took out, each with why: to be shown, never done.
    pub waiting: Vec<(Step, HeldReason)>,
    /// That the numbers to be released had no calls and no messages in this time; `None` where nobody
    /// looked.
    pub unused: Option<Lookback>,
    /// What a reviewer should know.
    pub warnings: Vec<Warning>,
    /// Accounts in which nothing is planned, and why.
    pub troubles: Vec<(AccountIndex, Trouble)>,
    /// How many numbers a saved plan held back when it was made; why is not saved.
    pub held_earlier: usize,
    /// Declared numbers that are as declared.
    pub unchanged: usize,
    /// Live numbers that the file does not name, under `unlisted: ignore` and `report`.
    pub unlisted: usize,
    /// How many numbers are live in each of the accounts: what a limit's percentage is of. Nothing that
    /// a file declares counts, or a file could raise the limits that are to hold it.
    pub live: Vec<usize>,
    /// Who changed what is not as declared, where that was asked.
    pub causes: Causes,
    /// Keys the digest of a plan that carries secrets. The line sets it; a plan that is only read has none.
    pub key: DigestKey,
}

impl Plan {
    /// A plan of steps alone.
    pub fn of(accounts: Vec<AccountRef>, steps: Vec<Step>) -> Self {
        let (held, short, waiting) = (Vec::new(), Vec::new(), Vec::new());
        let (warnings, troubles) = (Vec::new(), Vec::new());
        Self {
            accounts,
            steps,
            held,
            short,
            waiting,
            unused: None,
            warnings,
            troubles,
            held_earlier: 0,
            unchanged: 0,
            unlisted: 0,
            live: Vec::new(),
            causes: Causes::default(),
            key: DigestKey::default(),
        }
    }

    /// How many numbers are live in an account.
    #[must_use]
    pub fn live_in(&self, account: AccountIndex) -> usize {
        self.live.get(usize::from(account.0)).copied().unwrap_or_default()
    }

    /// Whether it does no more than to configure what is there, and wants no more either.
    #[must_use]
    pub fn only_configures(&self) -> bool {
        self.short.is_empty() && self.steps.iter().all(|step| step.action.kind() == ActionKind::Configure)
    }

    /// Takes out what is not to be done, with the reason, and keeps it as [`Held`]. Where a purchase
    /// or a move is held so, nothing is released (law 4).
    pub fn hold(&mut self, why: impl Fn(&Step) -> Option<HeldReason>) {
        let is_short = self.steps.iter().any(|step| step.replaces() && why(step).is_some());
        let (held, waiting) = (&mut self.held, &mut self.waiting);
        self.steps.retain(|step| {
            let action = &step.action;
            let is_stranded = is_short && step.gives_up();
            let why = why(step).or(is_stranded.then_some(HeldReason::ReplacementHeld));
            held.extend(why.map(|why| Held { number: action.number(), account: action.account(), why }));
            waiting.extend(why.map(|why| (step.clone(), why)));
            why.is_none()
        });
        // A move and its configuration are one entry.
        self.held.sort_by_key(|held| (held.account, held.number));
        self.held.dedup();
    }
}

/// Plans how to get from what is live to what is declared.
///
/// `accounts` are those of `desired`, with their SIDs known. The result is the same for the same
/// input, whatever the order of the file or of the listings.
pub fn plan(desired: &Desired, accounts: &[AccountRef], observed: &Observed) -> Plan {
    // Reading a million names for marks is for those who have claims.
    if desired.claims.is_empty() {
        return of_numbers(desired, accounts, observed, BTreeMap::new(), Vec::new());
    }
    let Bound { desired, purchases, short, broken } = claims::bind(desired, observed);
    let mut plan = of_numbers(&desired, accounts, observed, purchases, short);
    let broken = broken.into_iter().map(|(number, account)| Warning::BrokenMark { number, account });
    plan.warnings.extend(broken);
    plan
}

fn of_numbers(
    desired: &Desired,
    accounts: &[AccountRef],
    observed: &Observed,
    purchases: BTreeMap<PhoneNumber, Claimed>,
    short: Vec<Shortfall>,
) -> Plan {
    let mut planner = Planner {
        desired,
        observed,
        purchases,
        short,
        place: 0,
        steps: Vec::new(),
        held: Vec::new(),
        warnings: Vec::new(),
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
    /// The declared numbers that are bought for a claim.
    purchases: BTreeMap<PhoneNumber, Claimed>,
    short: Vec<Shortfall>,
    /// Where the last one stood in the observed numbers: both are in order.
    place: usize,
    steps: Vec<Step>,
    held: Vec<Held>,
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
        match (declared.state, found.next(), found.next()) {
            (_, Some(_), Some(_)) => self.hold(declared, HeldReason::Ambiguous),
            (State::Present, None, _) => self.missing(declared),
            (_, Some(found), None) if self.observed.trouble(found.account).is_some() => {
                self.hold(declared, HeldReason::AccountInTrouble { account: found.account });
            }
            (State::Present, Some(found), None) => self.present(declared, found),
            (State::Released, None, _) => self.unchanged += 1,
            // The file's reader refuses that; a release is not left to one check.
            (State::Released, Some(_), None) if declared.protect => {
                self.hold(declared, HeldReason::ProtectedFromRelease);
            }
            (State::Released, Some(found), None)
                if found.account == declared.account || self.is_in_quarantine(found) =>
            {
                self.give_up(declared.number, found, Reason::Tombstone);
            }
            (State::Released, Some(found), None) => {
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
        // One refused fallback would take the whole purchase down, in every cycle anew.
        let (settings, left_out) = left_out::part(declared, None);
        self.hold_left_out(declared, &left_out);
        let (number, account) = (declared.number, declared.account);
        let claim = self.purchases.remove(&number).map(Box::new);
        let reason = if claim.is_some() { Reason::Claimed } else { Reason::Missing };
        self.step(Action::Purchase { number, account, settings, claim }, reason);
    }

    fn present(&mut self, declared: &Declared, found: Found<'_>) {
        let moves = found.account != declared.account;
        if moves && declared.protect {
            return self.hold(declared, HeldReason::ProtectedFromTransfer { lives_in: found.account });
        }
        let (managed, left_out) = left_out::part(declared, Some(found.live));
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
        } else if !moves && left_out.is_empty() {
            self.unchanged += 1;
        }
    }

    /// What is not set is not as declared.
    fn hold_left_out(&mut self, declared: &Declared, left_out: &[LeftOut]) {
        left_out.iter().for_each(|why| self.hold(declared, HeldReason::LeftOut(*why)));
    }

    fn is_in_quarantine(&self, found: Found<'_>) -> bool {
        self.desired.policy.quarantine.is_some_and(|quarantine| quarantine.account == found.account)
    }

    /// Releases a number, or brings it a step nearer to that where there is a quarantine.
    fn give_up(&mut self, number: PhoneNumber, found: Found<'_>, why: Reason) {
        let target = target(number, found);
        if found.live.raw_number.is_some() {
            let account = found.account;
            return self.held.push(Held { number, account, why: HeldReason::SpeltOddly });
        }
        let Some(quarantine) = self.desired.policy.quarantine else {
            return self.step(Action::Release { target }, why);
        };
        let account = found.account;
        let mut hold = |why| self.held.push(Held { number, account, why });
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
    fn warn_left(&mut self, number: PhoneNumber, found: Found<'_>) {
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
                        self.held.push(Held { number, account: found.account, why: HeldReason::Ambiguous });
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
        self.held.push(Held { number: declared.number, account: declared.account, why });
    }

    fn finish(mut self, accounts: &[AccountRef]) -> Plan {
        let may_replace = |held: &Held| {
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
        let mut plan = Plan {
            held: self.held,
            short: self.short,
            waiting: Vec::new(),
            warnings: self.warnings,
            troubles: self.observed.troubles().map(|(at, trouble)| (at, trouble.clone())).collect(),
            unchanged: self.unchanged,
            unlisted: self.unlisted,
            live: self.observed.live_by_account(),
            ..Plan::of(accounts.to_vec(), self.steps)
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

fn target(number: PhoneNumber, found: Found<'_>) -> Target {
    Target { number, sid: found.live.sid, account: found.account, before: found.live.all_settings() }
}

impl Plan {
    /// The live settings that are not as declared, also where that is to wait: of numbers that are where
    /// they belong.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let steps = self.steps.iter().chain(self.waiting.iter().map(|(step, _)| step));
        let mut all = Vec::new();
        for step in steps {
            let Action::Configure { target, account, changes } = &step.action else { continue };
            let Some(sid) = target.sid.filter(|_| target.account == *account) else { continue };
            all.extend(changes.iter().map(|change| Difference {
                account: *account,
                number: target.number,
                sid,
                field: change.field,
                live: change.before.clone(),
            }));
        }
        all
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether the file asks for something that cannot be planned as things are.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        !self.troubles.is_empty()
            || !self.short.is_empty()
            || self.held.iter().any(|held| held.why.is_error())
    }

    /// Whether all that is declared is live, as far as could be seen, or will be once this is done.
    #[must_use]
    pub fn leaves_nothing(&self) -> bool {
        self.troubles.is_empty() && self.short.is_empty() && self.numbers_held() == 0
    }

    /// How many numbers have something held back.
    #[must_use]
    pub fn numbers_held(&self) -> usize {
        let numbers: BTreeSet<PhoneNumber> = self.held.iter().map(|held| held.number).collect();
        numbers.len() + self.held_earlier
    }

    /// How many actions of a kind there are.
    #[must_use]
    pub fn count(&self, kind: ActionKind) -> usize {
        self.steps.iter().filter(|step| step.action.kind() == kind).count()
    }

    /// How many numbers the plan touches: a move and its configuration stand side by side.
    #[must_use]
    pub fn touched(&self) -> usize {
        self.steps.chunk_by(|a, b| a.action.number() == b.action.number()).count()
    }

    /// The account of an index of this plan.
    #[must_use]
    pub fn account(&self, index: AccountIndex) -> &AccountRef {
        &self.accounts[usize::from(index.0)]
    }
}

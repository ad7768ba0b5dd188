//! The steps of the line that are more than one call.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::warn;

use crate::client::transport::Transport;
use crate::desired::AccountIndex;
use crate::execute::journal::{self, AccountsAtStart};
use crate::execute::journal_file::{JournalAccess, RunInJournal, worlds};
use crate::guard::cost::{self, Bill, Census, PriceBook};
use crate::guard::last_use::Trust;
use crate::guard::memory::Extent;
use crate::guard::prices::price_book;
use crate::guard::refresh::refresh;
use crate::guard::standstill::{self, Holds};
use crate::guard::usage;
use crate::guard::{self, Approved};
use crate::host::clock;
use crate::model::action_kind::ActionKind;
use crate::model::hold::{Brake, Still};
use crate::model::number::PhoneNumber;
use crate::model::routing::{Because, Known};
use crate::model::traffic::day_at;
use crate::observed::Observed;
use crate::observed::holding::Marks;
use crate::observed::list::observe;
use crate::observed::missing::look_in_left_out_accounts;
use crate::observed::surroundings::{applications, look_around};
use crate::plan::outcome::Report;
use crate::plan::stale::stale;
use crate::plan::{Action, ContentDoubt, DigestKey, HeldReason, NoEffect, Plan};

use super::look::look_again;
use super::source::wanted_by;
use super::{Authority, Hooks, Job, LineState, Pass, PlanSource, Pricing};

/// A plan, and the look that it was made from.
pub(super) struct Draft {
    pub(super) plan: Plan,
    pub(super) observed: Observed,
    /// When everything was last looked at.
    pub(super) at: Duration,
}

/// Looks at the fleet, and plans.
pub(super) async fn draft<T: Transport>(
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
    hooks: &impl Hooks,
    extent: &mut Extent,
) -> Result<Draft, Box<Pass>> {
    let Job { accounts, clients, now, .. } = *job;
    if let (Extent::Partial, PlanSource::Files(desired)) = (*extent, job.source)
        && let Some((observed, at)) = refresh(clients, accounts, desired, state.memory, now).await
    {
        let plan = job.plan(&observed)?;
        if plan.only_configures() {
            return Ok(Draft { plan, observed, at });
        }
    }
    *extent = Extent::Full;
    // One look at a time: it may be a million numbers.
    state.memory.forget_the_last_look();
    let wanted = job.source.wanted();
    let listed = async {
        match state.listed.take() {
            Some(listed) => Ok(listed),
            None => observe(clients, accounts, |account, numbers| hooks.listed(account, numbers)).await,
        }
    };
    let (listed, around) = futures_util::future::join(listed, look_around(clients, &wanted)).await;
    let observed = listed.map_err(Pass::NotObserved)?;
    let mut observed = match job.source.desired() {
        Some(desired) => {
            let observed =
                look_again(clients, accounts, desired, &mut state.kept.intents, now, observed).await;
            let observed =
                look_in_left_out_accounts(job.left_out_clients, desired, job.narrowing, observed).await;
            state.kept.budget.observe(&observed, job.generation, now);
            state.memory.doubt(observed, desired, accounts, now)
        }
        None => with_intents(observed, job, state, now),
    };
    observed.surround(around);
    let plan = job.plan(&observed)?;
    let plan = match look_at_applications(job, &mut observed, &plan).await {
        true => job.plan(&observed)?,
        false => plan,
    };
    Ok(Draft { plan, observed, at: now })
}

/// Asks for the applications of the accounts in which one overrides a declared URL: what is called instead
/// is in them. Says whether any was asked for.
async fn look_at_applications<T: Transport>(job: &Job<'_, T>, observed: &mut Observed, plan: &Plan) -> bool {
    let by_application = |found: &&NoEffect| matches!(found.because, Because::Application(_));
    let accounts: BTreeSet<AccountIndex> =
        plan.no_effect.iter().filter(by_application).map(|found| found.account).collect();
    let mut asked = false;
    for account in accounts {
        if observed.around(account).applications == Known::NotAsked {
            let found = applications(&job.clients[usize::from(account.0)]).await;
            observed.surround_with_applications(account, found);
            asked = true;
        }
    }
    asked
}

/// What a plan that is made already is held against: the day, and what is on its way for claims.
fn with_intents<T>(
    mut observed: Observed,
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
    now: Duration,
) -> Observed {
    observed.survey_mut().today = Some(day_at(now));
    if job.source.has_claims() {
        state.kept.intents.observe(&Marks::from_observed(&observed), now);
        state.kept.intents.tell(observed.survey_mut(), now);
    }
    observed
}

/// Takes out of a plan what is not to be done now.
pub(super) fn hold_back<T: Transport>(
    plan: &mut Plan,
    observed: &Observed,
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
) {
    let all = job.source.holds(plan);
    let worlds = job.worlds();
    for holds in &all {
        standstill::hold_back(plan, holds, *job.authority.paused.borrow(), job.now);
    }
    if let Some(doubt) = job.authority.doubt {
        // The configuration that follows a move waits with it.
        let other = plan.steps.iter().map(|step| &step.action).filter(|a| a.kind() != ActionKind::Configure);
        let waiting: BTreeSet<PhoneNumber> = other.map(Action::number).collect();
        plan.hold(|step| waiting.contains(&step.action.number()).then_some(HeldReason::Doubted(doubt)));
    }
    if let (Some(access), Some(holds)) = (&job.journal, all.first()) {
        access.with_known(|known| journal::hold_back(plan, holds, known, &worlds, job.now));
    }
    if let (Some(access), PlanSource::Files(desired)) = (&job.journal, job.source) {
        access.with_known(|known| {
            if let Some(known) = known {
                journal::tell_left_behind(plan, known, desired, observed, &worlds);
            }
        });
    }
    state.kept.budget.hold_back(plan, job.generation);
    state.memory.hold_back(plan, job.now);
}

/// Writes down what was seen. Where that fails, it is tried again before the first write, and stops it.
pub(super) fn note_seen<T: Transport>(job: &Job<'_, T>, observed: &Observed, extent: Extent) {
    let Some(JournalAccess::Open(journal)) = job.journal else { return };
    if job.dry_run || extent == Extent::Partial {
        return;
    }
    if let Err(error) = journal.look(job.source.desired(), job.accounts, job.clients, observed, job.now) {
        warn!(%error, "what was seen is not in {}", journal.path().display());
    }
}

/// Holds the releases of numbers that are in use, and asks for the prices that are called for.
///
/// A plan that is refused, or only shown, may be there again in the next cycle, and is not looked up
/// each time; one that is carried out right after is.
pub(super) async fn guard_and_quote<T: Transport>(
    plan: &mut Plan,
    observed: &Observed,
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
) -> Option<Bill> {
    let Job { clients, operator, now, .. } = *job;
    let limits = job.source.limits();
    let since = guard::release_guard(limits, operator);
    usage::guard_releases(plan, clients, state.memory.last_uses(), since, now, Trust::ThisHour).await;
    let priced = price(plan, observed, job, state).await;
    let bill_of = |plan: &Plan| priced.as_ref().map(|(census, book)| Bill::from_plan(plan, census, book));
    let bill = bill_of(plan);
    let outlook = state.kept.budget.outlook(plan, bill.as_ref(), job.generation, now);
    let is_refused = guard::check(plan, limits, operator, bill.as_ref(), &outlook).is_some();
    if job.dry_run || (is_refused && job.accepted.is_none()) {
        return bill;
    }
    let steps = plan.steps.len();
    usage::guard_releases(plan, clients, state.memory.last_uses(), since, now, Trust::ThisLook).await;
    if plan.steps.len() < steps { bill_of(plan) } else { bill }
}

async fn price<T: Transport>(
    plan: &Plan,
    observed: &Observed,
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
) -> Option<(Census, PriceBook)> {
    let (file, operator) = (job.source.limits().monthly, job.operator.monthly);
    let is_limited = file.is_any() || operator.is_any();
    let (is_wanted, looks_up) = match job.pricing {
        Pricing::WhereLimited => (guard::calls_for_prices(plan, file, operator), true),
        Pricing::WhereTouched => (cost::is_touched_by(plan), is_limited),
        Pricing::Always => (true, true),
    };
    if !is_wanted {
        return None;
    }
    let mut census = Census::take(observed, plan);
    if let (Pricing::Always, Some(desired)) = (job.pricing, job.source.desired()) {
        census = census.by_tag(observed, desired);
    }
    let book = price_book(job.clients, plan, &mut census, state.memory.prices(), looks_up, job.now).await;
    Some((census, book))
}

/// Approves a plan that keeps the limits, over time too.
pub(super) fn approve<T>(
    plan: Plan,
    bill: Option<&Bill>,
    job: &Job<'_, T>,
    state: &LineState<'_>,
) -> Result<Approved, Box<Pass>> {
    let outlook = state.kept.budget.outlook(&plan, bill, job.generation, job.now);
    let approved = guard::approve(plan, job.source.limits(), job.operator, bill, &outlook, job.accepted);
    Ok(approved.map_err(Pass::from)?)
}

/// Looks again at what a person has just approved: it may have been an hour since it was looked at.
pub(super) async fn still_fits<T: Transport>(
    approved: Approved,
    job: &Job<'_, T>,
    state: &mut LineState<'_>,
) -> Result<Approved, Box<Pass>> {
    let now = (job.authority.clock)();
    let listed = job.unless_stopped(observe(job.clients, job.accounts, |_, _| {})).await?;
    let mut observed = with_intents(listed.map_err(Pass::NotObserved)?, job, state, now);
    let wanted = wanted_by(approved.plan());
    observed.surround(job.unless_stopped(look_around(job.clients, &wanted)).await?);
    let moved_on = stale(approved.plan(), &observed);
    if !moved_on.is_empty() {
        return Err(Pass::Stale(approved.into_plan(), moved_on).into());
    }
    let mut plan = approved.plan().clone();
    if !(job.authority.is_in_force)() {
        plan.hold(|_| Some(HeldReason::Doubted(ContentDoubt::FilesChanged)));
    }
    for holds in job.source.holds(&plan) {
        standstill::hold_back(&mut plan, &holds, *job.authority.paused.borrow(), now);
    }
    if plan.steps.len() < approved.plan().steps.len() {
        return Err(Pass::HeldSince(plan).into());
    }
    Ok(approved)
}

/// Writes down what is about to be spent and done. Nothing is on its way before this is back.
pub(super) async fn record<'a, T: Transport>(
    approved: Approved,
    bill: Option<&Bill>,
    job: &Job<'a, T>,
    state: &mut LineState<'_>,
    hooks: &impl Hooks,
) -> Result<(Approved, Option<RunInJournal<'a>>), Box<Pass>> {
    if approved.plan().is_empty() {
        return Ok((approved, None));
    }
    // On a copy: what was not recorded was not spent either.
    let mut spent = state.kept.clone();
    spent.budget.spend(approved.plan(), bill, job.generation, job.now);
    let marks = spent.intents.begin(approved.plan());
    if let Err(error) = hooks.record(approved.plan(), &spent).await {
        return Err(Pass::NotRecorded(approved.into_plan(), error).into());
    }
    // Each slot is noted right before it is sent. A place that cannot be written is found here.
    if marks && let Err(error) = hooks.note(&spent.intents).await {
        return Err(Pass::NotRecorded(approved.into_plan(), error).into());
    }
    let before = std::mem::replace(state.kept, spent);
    let Some(JournalAccess::Open(journal)) = job.journal else { return Ok((approved, None)) };
    match journal.begin(approved.plan(), job.head, job.clients, clock::since_the_epoch()) {
        Ok(begun) => Ok((approved, Some(begun))),
        Err(error) => {
            // Nothing is on its way.
            state.kept.intents = before.intents;
            Err(Pass::NotRecorded(approved.into_plan(), error.into()).into())
        }
    }
}

/// Writes down how it ended.
pub(super) fn settle(
    report: &Report,
    run: Option<RunInJournal<'_>>,
    state: &mut LineState<'_>,
    now: Duration,
) {
    if let Some(run) = run {
        run.done(report, clock::since_the_epoch());
    }
    state.kept.budget.settle(report);
    state.kept.intents.settle(report, now);
}

impl Authority<'_> {
    /// Why nothing more is written; `None` while all that the run rests on still holds.
    pub(super) fn brake(&self, holds: &[Holds]) -> Option<Brake> {
        if *self.paused.borrow() {
            return Some(Brake::Still(Still::Paused));
        }
        if !(self.is_in_force)() {
            return Some(Brake::FilesChanged);
        }
        let now = (self.clock)();
        holds.iter().find_map(|holds| holds.standstill.still(now)).map(Brake::Still)
    }
}

impl<T: Transport> Job<'_, T> {
    /// The source's plan for what is live, with the key of its digest.
    fn plan(&self, observed: &Observed) -> Result<Plan, Box<Pass>> {
        let secrets = self.clients.iter().map(|client| client.credentials.expose_secret());
        let key = DigestKey::from_secrets(secrets);
        match self.source.plan(observed, self.accounts, &self.worlds(), self.now, self.narrowing) {
            Ok(plan) => Ok(Plan { key, ..plan }),
            Err(mut ended) => {
                if let Pass::Stale(plan, _) = &mut *ended {
                    plan.key = key;
                }
                Err(ended)
            }
        }
    }

    /// The worlds of its accounts, as a journal names them.
    fn worlds(&self) -> Vec<AccountsAtStart> {
        let is_sandbox = self.journal.as_ref().is_some_and(JournalAccess::is_sandbox);
        worlds(self.clients, is_sandbox)
    }
}

//! Carries out an approved plan. Every choice was made in the plan; what is decided here is only
//! whether and when to try again, by the total match in [`crate::client::backoff::next`].
//!
//! The actions of one number run one after the other; numbers run side by side; releases start only
//! once every purchase and every transfer of the run has ended well (law 4).
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `journal`: what was there before each run, what it did, and what takes it back
//!
//! I/O:
//!
//! - `journal_file`: where the journal lasts
//! - `ledger`: where the budget lasts
//! - `trace`: what one action leaves behind while it runs, so that dropping it half-way can be reported; and

pub mod journal;
pub mod journal_file;
pub mod ledger;
mod trace;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, info_span, warn};

use crate::client::api::error::{ApiError, ErrorKind, ListError, Operation};
use crate::client::api::subject::Owner;
use crate::client::backoff::Next;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::desired::AccountIndex;
use crate::guard::Approved;
use crate::model::action_kind::ActionKind;
use crate::model::hold::Brake;
use crate::model::inert::spelt_out;
use crate::model::live::{EmergencyAddressStatus, Live};
use crate::model::number::{NumberSid, PhoneNumber};
use crate::model::settings::{Field, Managed, Want};
use crate::plan::claims::Claimed;
use crate::plan::diff;
use crate::plan::outcome::{End, Failure, Outcome, Report, Skip};
use crate::plan::stale;
use crate::plan::{Action, Plan, Target};

use trace::{READS_MAX, Trace};

/// How far a person has asked the run to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Not at all.
    Run,
    /// Finish what is in flight, start nothing more.
    Drain,
    /// Drop everything at once.
    Now,
}

/// A number that has this set cannot be released.
const ADDRESS: Field = Field::VoiceEmergencyAddressSid;

/// How long each look waits for an emergency address to be gone, in seconds: two minutes in all.
/// The vendor names no time.
const UNREGISTERING: [u64; 8] = [1, 2, 4, 8, 15, 30, 30, 30];

/// How often a run that is to end asks an action whether it has something to finish.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What happens while a plan is carried out, for whoever shows it.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step begins.
    Started {
        /// Its place in the plan.
        step: usize,
    },
    /// A step has ended.
    Ended {
        /// Its place in the plan.
        step: usize,
        /// How.
        end: &'a End,
    },
}

/// Carries out a plan. Never fails as a whole: what happened is in the report.
///
/// `clients` are those of the plan's accounts, in their order. `brake` is asked before each write whether
/// what the plan rests on still holds; what was not sent by then is skipped with its answer.
pub async fn execute<T: Transport>(
    approved: Approved,
    clients: &[Client<T>],
    numbers_at_once: usize,
    stop: watch::Receiver<Stop>,
    brake: impl Fn() -> Option<Brake>,
    on_event: impl Fn(&Plan, Event<'_>),
) -> Report {
    let plan = approved.into_plan();
    let run = Run {
        plan: &plan,
        clients,
        stop,
        brake: &brake,
        refused: clients.iter().map(|_| AtomicBool::new(false)).collect(),
        on_event: &|event| on_event(&plan, event),
    };
    let mut chains: BTreeMap<(bool, usize), Vec<usize>> = BTreeMap::new();
    let mut first_of: BTreeMap<PhoneNumber, usize> = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate() {
        let first = *first_of.entry(step.action.number()).or_insert(at);
        chains.entry((step.gives_up(), first)).or_default().push(at);
    }
    let (releases, others): (Vec<_>, Vec<_>) = chains.into_iter().partition(|((gives_up, _), _)| *gives_up);
    let mut ends: Vec<Option<End>> = vec![None; plan.steps.len()];
    let carry_out = async |chains: Vec<((bool, usize), Vec<usize>)>, ends: &mut Vec<Option<End>>| {
        let mut done =
            stream::iter(chains).map(|(_, chain)| run.chain(chain)).buffer_unordered(numbers_at_once.max(1));
        while let Some(chain_ends) = done.next().await {
            for (step, end) in chain_ends {
                (run.on_event)(Event::Ended { step, end: &end });
                ends[step] = Some(end);
            }
        }
    };
    carry_out(others, &mut ends).await;
    let is_settled = |end: &Option<End>| end.as_ref().is_some_and(|end| end.outcome.is_settled());
    let replaced = plan.steps.iter().zip(&ends).all(|(step, end)| !step.replaces() || is_settled(end));
    if replaced {
        carry_out(releases, &mut ends).await;
    } else {
        let why = match (run.stopping(), (run.brake)()) {
            (true, _) => Skip::Interrupted,
            (false, Some(brake)) => Skip::Braked(brake),
            (false, None) => Skip::ReplacementMissing,
        };
        for step in releases.into_iter().flat_map(|(_, chain)| chain) {
            let end = End { outcome: Outcome::Skipped(why), attempts: 0, instead: None };
            (run.on_event)(Event::Ended { step, end: &end });
            ends[step] = Some(end);
        }
    }
    let interrupted = run.stopping();
    // Every chain gives an end to each of its steps; the default only keeps this total.
    let missing = || End { outcome: Outcome::Skipped(Skip::Interrupted), attempts: 0, instead: None };
    let ends = ends.into_iter().map(|end| end.unwrap_or_else(missing)).collect();
    Report { plan, ends, interrupted }
}

struct Run<'a, T> {
    plan: &'a Plan,
    clients: &'a [Client<T>],
    stop: watch::Receiver<Stop>,
    /// Asked before each write: why nothing more is sent.
    brake: &'a dyn Fn() -> Option<Brake>,
    /// By account: it has refused the credentials, and every further request would be refused too.
    refused: Vec<AtomicBool>,
    on_event: &'a dyn Fn(Event<'_>),
}

type Done<V> = Result<V, Outcome>;

impl<T: Transport> Run<'_, T> {
    fn stopping(&self) -> bool {
        *self.stop.borrow() >= Stop::Drain
    }

    async fn stopped(&self, how: Stop) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop >= how).await.is_err() {
            // Nobody can stop the run any more.
            std::future::pending::<()>().await;
        }
    }

    fn client(&self, account: AccountIndex) -> &Client<T> {
        &self.clients[usize::from(account.0)]
    }

    /// Who moves a number: the parent of the account that has it.
    fn mover(&self, target: &Target) -> AccountIndex {
        self.plan.account(target.account).parent.unwrap_or(target.account)
    }

    /// The account whose credentials an action's write uses.
    fn acting(&self, action: &Action) -> AccountIndex {
        match action {
            Action::Transfer { target, .. } => self.mover(target),
            Action::Purchase { .. } | Action::Configure { .. } | Action::Release { .. } => action.account(),
        }
    }

    fn refused(&self, account: AccountIndex) -> &AtomicBool {
        &self.refused[usize::from(account.0)]
    }

    /// Carries out the steps of one number, one after the other.
    async fn chain(&self, steps: Vec<usize>) -> Vec<(usize, End)> {
        let mut ends: Vec<(usize, End)> = Vec::with_capacity(steps.len());
        let mut arrived: Option<Arrived> = None;
        for step in steps {
            let action = &self.plan.steps[step].action;
            let skip = if ends.iter().any(|(_, end)| !end.outcome.is_settled()) {
                Some(Skip::EarlierFailed)
            } else if self.stopping() {
                Some(Skip::Interrupted)
            } else if let (Some(brake), true) = ((self.brake)(), ends.is_empty()) {
                // What follows on a step of the same number that was carried out finishes it.
                Some(Skip::Braked(brake))
            } else if self.refused(self.acting(action)).load(Ordering::Relaxed) {
                Some(Skip::AccountRefused)
            } else if self.client(self.acting(action)).is_unreachable() {
                Some(Skip::Unreachable)
            } else if self.client(self.acting(action)).has_lost_the_lease() {
                Some(Skip::LostLock)
            } else {
                None
            };
            if let Some(skip) = skip {
                ends.push((step, End { outcome: Outcome::Skipped(skip), attempts: 0, instead: None }));
                continue;
            }
            (self.on_event)(Event::Started { step });
            let configured_next = self.plan.steps.get(step + 1).is_some_and(|next| {
                next.action.kind() == ActionKind::Configure && next.action.number() == action.number()
            });
            let end = self
                .step(action, configured_next, &mut arrived, Trace::new(!ends.is_empty(), self.brake))
                .await;
            ends.push((step, end));
        }
        ends
    }

    async fn step(
        &self,
        action: &Action,
        configured_next: bool,
        arrived: &mut Option<Arrived>,
        trace: Trace<'_>,
    ) -> End {
        let span = info_span!(
            "action",
            kind = action.kind().word(),
            number = %action.number(),
            account = %spelt_out(&self.plan.account(action.account()).name),
        );
        let work = async {
            // Before the first look, too: what is not to be written need not be read.
            if let Err(unproven) = self.client(self.acting(action)).prove().await {
                return Err(Outcome::Failed(unproven.into()));
            }
            match action {
                Action::Purchase { number, account, settings, claim } => {
                    let bought = self.purchase(*number, *account, settings, &trace).await;
                    match claim {
                        Some(claim) => self.instead(bought, *account, settings, claim, &trace).await,
                        None => bought,
                    }
                }
                Action::Transfer { target, to, settings } => {
                    self.transfer(target, *to, settings, configured_next, arrived, &trace).await
                }
                Action::Configure { target, account, changes } => match arrived.take() {
                    Some(Arrived { sid, settings, live }) => {
                        let number = (sid, target.number);
                        self.settle(*account, number, &settings, live, &trace).await
                    }
                    None => {
                        let wants: Vec<_> =
                            changes.iter().map(|change| (change.field, change.want.clone())).collect();
                        self.configure(target, *account, wants, &trace).await
                    }
                },
                Action::Release { target } => self.release(target, &trace).await,
            }
        };
        // Only reads so far, or a wait that may take minutes: nothing to finish.
        let drained = async {
            self.stopped(Stop::Drain).await;
            while trace.has_something_to_finish() {
                sleep(LOOK_AGAIN).await;
            }
        };
        let outcome = tokio::select! {
            biased;
            () = self.stopped(Stop::Now) => trace.abandoned(),
            () = drained => Outcome::Skipped(Skip::Interrupted),
            done = work.instrument(span.clone()) => match done {
                Ok(()) => Outcome::Succeeded,
                Err(outcome) => outcome,
            },
        };
        // What was never sent was not tried.
        let outcome = match &outcome {
            Outcome::Failed(_) if trace.attempts() == 0 && is_unreachable(&outcome) => {
                Outcome::Skipped(Skip::Unreachable)
            }
            _ => outcome,
        };
        let _entered = span.entered();
        if let Outcome::Failed(failure) | Outcome::Unknown(failure) = &outcome {
            let request_id = outcome.api_error().and_then(|error| error.request_id.as_deref());
            warn!(outcome = outcome.word(), error = ?failure.to_string(), ?request_id, "action did not succeed");
            if outcome.api_error().is_some_and(|error| error.kind == ErrorKind::Unauthorized) {
                self.refused(self.acting(action)).store(true, Ordering::Relaxed);
            }
        } else {
            tracing::info!(outcome = outcome.word(), "action ended");
        }
        End { outcome, attempts: trace.attempts(), instead: trace.number() }
    }

    /// Buys a number: looks before it sends, and again whenever the outcome is in doubt; never
    /// another number in its place (law 1).
    async fn purchase(
        &self,
        number: PhoneNumber,
        account: AccountIndex,
        settings: &Managed,
        trace: &Trace<'_>,
    ) -> Done<()> {
        let client = self.client(account);
        let wants = wants(settings);
        // When the number was last seen to be absent, while that still counts.
        let mut absent_at: Option<Instant> = None;
        let mut in_doubt: Option<ApiError> = None;
        let (mut failures, mut reads) = (0, 0);
        loop {
            let read_at = if let Some(at) = absent_at {
                at
            } else {
                reads += 1;
                match (client.find(trace.lane(), number).await, &in_doubt) {
                    (Ok((Sighting::Absent, at)), _) => at,
                    (Ok((Sighting::There(live), _)), Some(_)) => {
                        trace.answered(None);
                        return self.bought(account, number, settings, *live, trace).await;
                    }
                    (Ok((Sighting::There(_), _)), None) => {
                        return Err(Outcome::Skipped(Skip::AlreadyOwned));
                    }
                    (Ok((Sighting::Perhaps, _)), None) => return Err(Outcome::Skipped(Skip::PerhapsOwned)),
                    (Ok((Sighting::Perhaps, _)), Some(doubt)) => return Err(not_seen(doubt.clone())),
                    (Err(error), None) => return Err(Outcome::Failed(error.into())),
                    (Err(error), Some(_)) => return Err(Outcome::Unknown(error.into())),
                }
            };
            if (failures > 0 || reads > 1) && self.stopping() {
                return Err(in_doubt.map_or(Outcome::Skipped(Skip::Interrupted), not_seen));
            }
            let Some(turn) = trace.fresh_turn(client, Operation::Purchase, read_at).await? else {
                if reads >= READS_MAX {
                    return Err(in_doubt.map_or(Outcome::Skipped(Skip::NotFresh), not_seen));
                }
                absent_at = None;
                continue;
            };
            let mut error = match client.purchase(turn, number, &wants).await {
                Ok(live) => {
                    trace.answered(None);
                    return self.bought(account, number, settings, live, trace).await;
                }
                Err(error) => error,
            };
            failures += 1;
            trace.answered(Some(&error));
            let (next, again) = client.after_failure(ActionKind::Purchase, failures, &mut error);
            match next {
                Next::Look => in_doubt = Some(error.clone()),
                Next::Resend if again => {}
                // After a send in doubt, "not available" may well mean that we have it by now.
                Next::Stop if in_doubt.is_some() && error.kind == ErrorKind::NotAvailable => {}
                // A network may deliver a request twice, and the second is refused for what the first
                // has bought: one look tells. (The simulation found this one.)
                Next::Stop if error.kind == ErrorKind::NotAvailable => {
                    trace.doubts();
                    return match trace.find(client, number).await {
                        Ok(Sighting::There(live)) => {
                            trace.answered(None);
                            self.bought(account, number, settings, *live, trace).await
                        }
                        Ok(Sighting::Absent) => Err(Outcome::Failed(error.into())),
                        Ok(Sighting::Perhaps) | Err(_) => Err(not_seen(error)),
                    };
                }
                Next::Resend | Next::Stop => {
                    return Err(in_doubt.map_or_else(|| refused(error), not_seen));
                }
            }
            client.wait(failures, &error).await;
            if !again {
                // One more look, and no more sends.
                return match (trace.find(client, number).await, in_doubt) {
                    (Ok(Sighting::There(live)), Some(_)) => {
                        trace.answered(None);
                        self.bought(account, number, settings, *live, trace).await
                    }
                    (_, Some(doubt)) => Err(not_seen(doubt)),
                    (_, None) => Err(Outcome::Failed(error.into())),
                };
            }
            // What was certainly not processed may be sent again at once; what was in doubt before
            // still is.
            absent_at = if in_doubt.is_some() { None } else { Some(read_at) };
        }
    }

    /// A claim takes the next candidate, where the one before was sold to somebody else for certain:
    /// its first purchase was refused, and it is not in the account.
    async fn instead(
        &self,
        mut bought: Done<()>,
        account: AccountIndex,
        settings: &Managed,
        claim: &Claimed,
        trace: &Trace<'_>,
    ) -> Done<()> {
        for &number in &claim.instead {
            let is_sold = matches!(&bought, Err(outcome @ Outcome::Failed(_))
                if outcome.api_error().is_some_and(|error| error.kind == ErrorKind::NotAvailable));
            if !is_sold || self.stopping() {
                break;
            }
            trace.turns_to(number);
            let settings = claim.settings_of(number, settings);
            bought = self.purchase(number, account, &settings, trace).await;
        }
        bought
    }

    /// A purchase was answered, or found: is it the number, and is it configured as asked?
    async fn bought(
        &self,
        account: AccountIndex,
        number: PhoneNumber,
        settings: &Managed,
        mut live: Live,
        trace: &Trace<'_>,
    ) -> Done<()> {
        // An answer about another number has not come this far; one that names none shows nothing.
        if live.number.is_none() {
            live = match trace.find(self.client(account), number).await {
                Ok(Sighting::There(live)) => *live,
                Ok(Sighting::Absent | Sighting::Perhaps) => {
                    return Err(Outcome::Unknown(Failure::Unidentified));
                }
                Err(error) => return Err(Outcome::Unknown(error.into())),
            };
        }
        if diff::changes(settings, &live).is_empty() {
            return Ok(());
        }
        // The page's own purchase sample has no `sid`.
        let sid = match live.sid {
            Some(sid) => sid,
            None => match self.look_up_sid(account, number, trace).await {
                Ok(sid) => sid,
                // Nothing more can be done to it, but bought it is: not skipped.
                Err(Outcome::Skipped(_)) => {
                    return Err(Outcome::Failed(Failure::NotTaken(missing(&wants(settings), &live))));
                }
                Err(other) => return Err(other),
            },
        };
        self.settle(account, (sid, number), settings, live, trace).await
    }

    async fn look_up_sid(
        &self,
        account: AccountIndex,
        number: PhoneNumber,
        trace: &Trace<'_>,
    ) -> Done<NumberSid> {
        match trace.find(self.client(account), number).await {
            Ok(Sighting::There(live)) => live.sid.ok_or(Outcome::Skipped(Skip::NoSid)),
            Ok(Sighting::Perhaps) => Err(Outcome::Skipped(Skip::NoSid)),
            Ok(Sighting::Absent) => Err(Outcome::Skipped(Skip::Changed)),
            Err(error) => Err(Outcome::Failed(error.into())),
        }
    }

    async fn sid(&self, target: &Target, trace: &Trace<'_>) -> Done<NumberSid> {
        match target.sid {
            Some(sid) => Ok(sid),
            None => self.look_up_sid(target.account, target.number, trace).await,
        }
    }

    async fn configure(
        &self,
        target: &Target,
        account: AccountIndex,
        wants: Vec<(Field, Want)>,
        trace: &Trace<'_>,
    ) -> Done<()> {
        let sid = self.sid(target, trace).await?;
        self.send_fields(account, (sid, target.number), wants, trace).await
    }

    /// Brings a number whose live state is known to what is managed of it.
    async fn settle(
        &self,
        account: AccountIndex,
        number: (NumberSid, PhoneNumber),
        settings: &Managed,
        live: Live,
        trace: &Trace<'_>,
    ) -> Done<()> {
        let changes = diff::changes(settings, &live);
        if changes.is_empty() {
            return Ok(());
        }
        let wants = changes.into_iter().map(|change| (change.field, change.want)).collect();
        self.send_fields(account, number, wants, trace).await
    }

    /// Sends fields, and believes the number rather than the status (law 6).
    async fn send_fields(
        &self,
        account: AccountIndex,
        number: (NumberSid, PhoneNumber),
        mut wants: Vec<(Field, Want)>,
        trace: &Trace<'_>,
    ) -> Done<()> {
        let client = self.client(account);
        let own = Owner::Only(client.account);
        let mut failures = 0;
        loop {
            let turn = trace.turn(client, Operation::Configure).await?;
            let mut error = match client.configure(turn, number, &wants).await {
                Ok(echo) => {
                    trace.answered(None);
                    if missing(&wants, &echo).is_empty() {
                        return Ok(());
                    }
                    // An answer may be older than what it answers: the number itself decides.
                    return match trace.fetch(client, number, own).await {
                        Ok(Some(live)) => match missing(&wants, &live) {
                            missing if missing.is_empty() => Ok(()),
                            missing => Err(Outcome::Failed(Failure::NotTaken(missing))),
                        },
                        Ok(None) => Err(Outcome::Failed(Failure::NotTaken(missing(&wants, &echo)))),
                        Err(error) => Err(Outcome::Unknown(error.into())),
                    };
                }
                Err(error) => error,
            };
            failures += 1;
            let (next, again) = client.after_failure(ActionKind::Configure, failures, &mut error);
            let last = !again || self.stopping();
            match next {
                Next::Resend if !last => {
                    trace.answered(Some(&error));
                    client.wait(failures, &error).await;
                }
                Next::Resend | Next::Stop => {
                    trace.answered(Some(&error));
                    return Err(refused(error));
                }
                Next::Look => {
                    client.wait(failures, &error).await;
                    match trace.fetch(client, number, own).await {
                        Ok(Some(live)) => {
                            wants.retain(|(field, want)| !diff::is_met(*field, want, &live));
                            if wants.is_empty() {
                                trace.answered(None);
                                return Ok(());
                            }
                            if last {
                                return Err(Outcome::Unknown(error.into()));
                            }
                        }
                        Ok(None) | Err(_) => return Err(Outcome::Unknown(error.into())),
                    }
                }
            }
        }
    }

    /// Moves a number, with the credentials of the parent of the account that has it.
    async fn transfer(
        &self,
        target: &Target,
        to: AccountIndex,
        settings: &Managed,
        configured_next: bool,
        arrived: &mut Option<Arrived>,
        trace: &Trace<'_>,
    ) -> Done<()> {
        let number = (self.sid(target, trace).await?, target.number);
        let mover = self.client(self.mover(target));
        let (losing, gaining) = (self.client(target.account).account, self.client(to));
        let between = (losing, gaining.account);
        let papers = wants(&settings.filtered(Field::is_paper));
        let mut failures = 0;
        let live = loop {
            let turn = trace.turn(mover, Operation::Transfer).await?;
            let mut error = match mover.transfer(turn, number, between, &papers).await {
                Ok(echo) if echo.account_sid == Some(gaining.account) => {
                    trace.answered(None);
                    break echo;
                }
                Ok(_) => match fetch_in(gaining, number, trace).await {
                    Ok(Some(live)) => {
                        trace.answered(None);
                        break live;
                    }
                    Ok(None) => return Err(Outcome::Failed(Failure::DidNotMove)),
                    Err(failure) => return Err(Outcome::Unknown(failure)),
                },
                Err(error) => error,
            };
            failures += 1;
            let (next, again) = mover.after_failure(ActionKind::Transfer, failures, &mut error);
            let last = !again || self.stopping();
            match next {
                Next::Resend if !last => {
                    trace.answered(Some(&error));
                    mover.wait(failures, &error).await;
                }
                Next::Resend | Next::Stop => {
                    trace.answered(Some(&error));
                    return Err(refused(error));
                }
                Next::Look => {
                    mover.wait(failures, &error).await;
                    match fetch_in(gaining, number, trace).await {
                        Ok(Some(live)) => {
                            trace.answered(None);
                            break live;
                        }
                        Ok(None) if last || error.kind == ErrorKind::NotFound => {
                            return Err(refused(error));
                        }
                        Ok(None) => {}
                        Err(_) => return Err(Outcome::Unknown(error.into())),
                    }
                }
            }
        };
        if configured_next {
            *arrived = Some(Arrived { sid: number.0, settings: settings.clone(), live });
            return Ok(());
        }
        // Nothing differed before the move; what the move cleared is put back at once.
        self.settle(to, number, settings, live, trace).await
    }

    /// Releases a number: reads that very number right before, and only if it is still as the plan
    /// saw it (law 2). An emergency address is taken off first, which the vendor does in its own
    /// time.
    async fn release(&self, target: &Target, trace: &Trace<'_>) -> Done<()> {
        let client = self.client(target.account);
        let sid = self.sid(target, trace).await?;
        let number = (sid, target.number);
        let (mut failures, mut reads) = (0, 0);
        let mut again = true;
        let mut in_doubt: Option<ApiError> = None;
        let (mut has_unregistered, mut waits) = (false, 0);
        loop {
            let doubtful = |failure: Failure, in_doubt: &Option<ApiError>| match in_doubt {
                Some(_) => Outcome::Unknown(failure),
                None => Outcome::Failed(failure),
            };
            reads += 1;
            let (fresh, read_at) = match client.fetch(trace.lane(), number, Owner::Any).await {
                Ok(fresh) => fresh,
                Err(error) => return Err(doubtful(error.into(), &in_doubt)),
            };
            let Some(fresh) = fresh else {
                return match self.is_gone(target, sid, trace).await {
                    Ok(true) if in_doubt.is_some() => {
                        trace.answered(None);
                        Ok(())
                    }
                    Ok(true) => Err(Outcome::Skipped(Skip::AlreadyGone)),
                    Ok(false) => Err(changed(in_doubt)),
                    Err(error) => Err(doubtful(error.into(), &in_doubt)),
                };
            };
            if !is_as_planned(target, sid, self.plan, &fresh, has_unregistered) {
                return Err(changed(in_doubt));
            }
            if fresh.get(ADDRESS).is_some() {
                if has_unregistered {
                    return Err(doubtful(Failure::NotTaken(vec![ADDRESS]), &in_doubt));
                }
                self.send_fields(target.account, number, vec![(ADDRESS, Want::Clear)], trace).await?;
                has_unregistered = true;
                continue;
            }
            match fresh.emergency_address_status {
                Some(EmergencyAddressStatus::PendingUnregistration) => {
                    let Some(wait) = UNREGISTERING.get(waits).filter(|_| !self.stopping()) else {
                        return Err(doubtful(Failure::StillUnregistering, &in_doubt));
                    };
                    waits += 1;
                    sleep(Duration::from_secs(*wait)).await;
                    continue;
                }
                Some(EmergencyAddressStatus::UnregistrationFailure) => {
                    return Err(doubtful(Failure::UnregistrationFailed, &in_doubt));
                }
                Some(_) | None => {}
            }
            let give_up = |skip: Skip| match &in_doubt {
                Some(error) => Outcome::Unknown(error.clone().into()),
                None => Outcome::Skipped(skip),
            };
            if !again || (reads > 1 && self.stopping()) {
                return Err(give_up(Skip::Interrupted));
            }
            let Some(turn) = trace.fresh_turn(client, Operation::Release, read_at).await? else {
                if reads >= READS_MAX {
                    return Err(give_up(Skip::NotFresh));
                }
                continue;
            };
            let Err(mut error) = client.release(turn, sid).await else {
                trace.answered(None);
                return Ok(());
            };
            failures += 1;
            let next;
            (next, again) = client.after_failure(ActionKind::Release, failures, &mut error);
            match next {
                Next::Resend if again => {
                    trace.answered(Some(&error));
                    client.wait(failures, &error).await;
                }
                Next::Look => {
                    client.wait(failures, &error).await;
                    // A 404 too: the network may have delivered the request twice.
                    in_doubt = Some(error);
                }
                Next::Resend | Next::Stop => {
                    trace.answered(Some(&error));
                    return Err(doubtful(error.into(), &in_doubt));
                }
            }
        }
    }

    /// Whether a number whose SID its account does not know any more is really gone. One 404 is no
    /// proof: it must be absent from that account's listing too; and, since somebody may have moved
    /// it, from every other one's, which must not know its SID either.
    async fn is_gone(&self, target: &Target, sid: NumberSid, trace: &Trace<'_>) -> Result<bool, ListError> {
        let own = self.client(target.account);
        let others = self.clients.iter().filter(|client| client.account != own.account);
        for client in std::iter::once(own).chain(others) {
            if trace.find(client, target.number).await? != Sighting::Absent {
                return Ok(false);
            }
            // A listing may lag behind a move.
            if client.account != own.account
                && trace.fetch(client, (sid, target.number), Owner::Any).await?.is_some()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The number is not what the plan saw: left alone, unless a release of it may have been under way.
fn changed(in_doubt: Option<ApiError>) -> Outcome {
    match in_doubt {
        Some(error) => Outcome::Unknown(Failure::ChangedMeanwhile(error)),
        None => Outcome::Skipped(Skip::Changed),
    }
}

fn is_unreachable(outcome: &Outcome) -> bool {
    outcome.api_error().is_some_and(|error| error.kind == ErrorKind::Unreachable)
}

fn not_seen(last_answer: ApiError) -> Outcome {
    Outcome::Unknown(Failure::NotSeen(last_answer))
}

/// What an action comes to whose write was answered, and is not sent again.
fn refused(error: ApiError) -> Outcome {
    match error.kind.leaves_doubt() {
        true => Outcome::Unknown(error.into()),
        false => Outcome::Failed(error.into()),
    }
}

/// The number, if it is in the client's own account. A parent can fetch its subaccounts' numbers
/// too, so that an answer alone does not show where the number is.
async fn fetch_in<T: Transport>(
    client: &Client<T>,
    number: (NumberSid, PhoneNumber),
    trace: &Trace<'_>,
) -> Result<Option<Live>, Failure> {
    match trace.fetch(client, number, Owner::Any).await? {
        None => Ok(None),
        Some(live) => match live.account_sid {
            Some(account) => Ok((account == client.account).then_some(live)),
            None => Ok(match trace.find(client, number.1).await? {
                Sighting::There(live) => Some(*live),
                Sighting::Absent | Sighting::Perhaps => None,
            }),
        },
    }
}

/// A number that a transfer has just brought, for the configuration that follows.
struct Arrived {
    sid: NumberSid,
    settings: Managed,
    live: Live,
}

fn wants(settings: &Managed) -> Vec<(Field, Want)> {
    settings.iter().map(|(field, want)| (field, want.clone())).collect()
}

fn missing(wants: &[(Field, Want)], live: &Live) -> Vec<Field> {
    wants.iter().filter(|(field, want)| !diff::is_met(*field, want, live)).map(|(field, _)| *field).collect()
}

/// Whether a fresh read shows the very number that the plan saw, configured as it was then, but for
/// an emergency address that was taken off since.
fn is_as_planned(target: &Target, sid: NumberSid, plan: &Plan, fresh: &Live, has_unregistered: bool) -> bool {
    fresh.number == Some(target.number)
        && fresh.raw_number.is_none()
        && fresh.sid.is_none_or(|fresh_sid| fresh_sid == sid)
        && fresh.account_sid.is_none_or(|account| account == plan.account(target.account).sid)
        && stale::changed_fields(target, fresh).iter().all(|field| has_unregistered && *field == ADDRESS)
}

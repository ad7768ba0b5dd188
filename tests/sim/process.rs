//! Our processes: the daemon, `apply`, and `apply` of a saved plan, each on its own simulated wire,
//! each able to die half-way.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use numctl::client::api::endpoint::Endpoint;
use numctl::client::api::routes::Routes;
use numctl::client::lock::{LockPlace, Locks};
use numctl::client::pace::Pace;
use numctl::client::transport::Transport;
use numctl::client::{Client, Dice, Manner};
use numctl::daemon::file_watch::Watch;
use numctl::daemon::{self, Daemon, Effects, News, Options, Reached, Signals, WriteAccess};
use numctl::desired::AccountRef;
use numctl::desired::load::load;
use numctl::desired::{Declared, DeclaredState, Desired, Format, Source};
use numctl::execute::Stop;
use numctl::execute::journal::{RecordedCommand, RunHead};
use numctl::execute::ledger::{Kept, Ledger, LedgerError};
use numctl::guard::budget::Generation;
use numctl::guard::cost::Bill;
use numctl::guard::intents::Intents;
use numctl::guard::memory::{Extent, Memory};
use numctl::guard::saved_plan::SavedPlan;
use numctl::guard::{self, Approved, OperatorLimits};
use numctl::model::credentials::Credentials;
use numctl::model::provider::Api;
use numctl::plan::outcome::Report;
use numctl::plan::{HeldReason, Plan};
use numctl::reconcile::{self, Authority, Decision, Hooks, Job, Pass, Passed, PlanSource, Pricing};
use numctl::sandbox::AUTH_TOKEN;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::oracle;
use crate::state::{BASE, InForce, Process, Shared, State, Whole};
use crate::wire::Wire;

/// Law 2: two equal reads this far apart, before a daemon takes another file.
const SETTLE: Duration = Duration::from_millis(250);

/// Law 13: a file that removes something has been there for at least this long.
const SETTLE_REMOVAL: Duration = Duration::from_secs(5);

/// What our processes run on: one host.
#[derive(Clone)]
pub struct Host {
    pub state: Shared,
    pub folder: PathBuf,
    pub page_size: u16,
    pub interval: Duration,
    /// How often daemons poll events.
    pub watch_events: Option<Duration>,
    pub locks: bool,
    pub keeps_budget: bool,
    /// The API that every account is reached through.
    pub api: Api,
    /// Whether the parent lends its credentials, which only v2010 allows.
    pub lends: bool,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Crashed,
    Ended,
    /// It did not start: its file was not good, or somebody else has the lock.
    Refused,
}

impl Host {
    pub fn file(&self) -> PathBuf {
        self.folder.join("fleet.yaml")
    }

    pub fn lock_dir(&self) -> PathBuf {
        self.folder.join("locks")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// A process of its own, known to the world.
    pub fn new_process(&self, is_daemon: bool, locks: bool) -> usize {
        let mut state = self.state.lock();
        state.processes.push(Process {
            is_daemon,
            lives: 0,
            lock_dir: locks.then(|| self.lock_dir()),
            file: None,
            saw_marked: false,
            not_before: Default::default(),
            pass: None,
            crashed: watch::channel(false).0,
            stop: watch::channel(Stop::Run).0,
            bell: Arc::default(),
        });
        state.processes.len() - 1
    }

    /// Runs a daemon until it dies, is stopped or cannot start.
    pub async fn daemon(&self, process: usize, seed: u64) -> Life {
        let (mut crashed, stop, bell) = {
            let mut state = self.state.lock();
            let process = &mut state.processes[process];
            process.lives += 1;
            process.crashed.send_replace(false);
            process.stop.send_replace(Stop::Run);
            process.file = None;
            process.saw_marked = false;
            process.bell = Arc::new(Notify::new());
            (process.crashed.subscribe(), process.stop.subscribe(), process.bell.clone())
        };
        let ledger = match self.keeps_budget {
            true => match Ledger::open(&self.state_dir()) {
                Ok(ledger) => ledger,
                Err(_) => return Life::Refused,
            },
            false => Ledger::InMemory,
        };
        let dice = Arc::new(Dice::seeded(seed));
        let daemon = Daemon {
            options: Options {
                files: vec![self.file()],
                interval: self.interval,
                once: false,
                dry_run: false,
                allow_shrink: false,
                operator: OperatorLimits::default(),
                numbers_at_once: 2,
                asks_who: self.watch_events.is_some(),
                watch_events: self.watch_events,
                preflight: None,
                by: None,
                api: self.api,
            },
            write_access: WriteAccess {
                lock_places: self.locks.then(|| LockPlace::named(self.lock_dir())).into_iter().collect(),
                lease: None,
                ledger,
                journal: None,
            },
            effects: Effects {
                dice: dice.clone(),
                clock: &|| self.state.lock().wall(),
                reach: &|desired| self.reach(process, desired, &dice),
                renew: &|_, _| Ok(()),
                secrets: &|_| Ok(()),
                tell: &|news| {
                    if let News::Ended { pass, extent, .. } = news {
                        told(&mut self.state.lock(), process, pass, *extent);
                    }
                },
            },
            signals: Signals { stop, paused: watch::channel(false).1, bell: Arc::new(Notify::new()) },
        };
        let ended = tokio::select! {
            biased;
            _ = crashed.wait_for(|crashed| *crashed) => Life::Crashed,
            ended = daemon::run(&daemon, Watch::rung(bell)) => match ended {
                Ok(_) => Life::Ended,
                Err(_) => Life::Refused,
            },
        };
        self.over(process);
        ended
    }

    /// Walks the line once, as `apply` does, after having waited for the lock; with `later`, plans
    /// now and applies the saved plan after that time.
    pub async fn apply(&self, process: usize, seed: u64, later: Option<Duration>) -> Life {
        let mut crashed = {
            let mut state = self.state.lock();
            let process = &mut state.processes[process];
            process.crashed.send_replace(false);
            process.stop.send_replace(Stop::Run);
            process.crashed.subscribe()
        };
        let ended = tokio::select! {
            biased;
            _ = crashed.wait_for(|crashed| *crashed) => Life::Crashed,
            ended = self.walk(process, seed, later) => ended.map_or(Life::Refused, |()| Life::Ended),
        };
        self.over(process);
        ended
    }

    async fn walk(&self, process: usize, seed: u64, later: Option<Duration>) -> Option<()> {
        let desired = Desired::parse(&load(&[self.file()]).ok()?).ok()?.desired;
        let dice = Arc::new(Dice::seeded(seed));
        let mut reached = self.reach(process, &desired, &dice).ok()?;
        let stop = self.state.lock().processes[process].stop.subscribe();
        let lock_dir = self.state.lock().processes[process].lock_dir.clone();
        let mut locks = Locks::default();
        if let (Some(directory), None) = (&lock_dir, later) {
            lock(&mut locks, directory, &mut reached.clients).await?;
        }
        let operator = OperatorLimits::default();
        let job = |source, clients, dry_run| Job {
            source,
            generation: Generation::from_sources(&[]),
            accounts: &reached.accounts,
            clients,
            operator: &operator,
            accepted: None,
            pricing: Pricing::WhereLimited,
            asks_who: false,
            preflight: None,
            narrowing: None,
            left_out_clients: &[],
            numbers_at_once: 4,
            extent: Extent::Full,
            authority: Authority {
                clock: &|| Duration::ZERO,
                paused: watch::channel(false).1,
                is_in_force: &|| true,
                doubt: None,
            },
            journal: None,
            head: &RunHead { command: RecordedCommand::Apply, generation: None, undoes: None, by: None },
            dry_run,
            stop: stop.clone(),
            now: Duration::ZERO,
        };
        let walk = async |job: &Job<'_, Wire>| {
            let (mut memory, mut kept) = (Memory::of_one_look(), Kept::default());
            let state = reconcile::LineState { memory: &mut memory, kept: &mut kept, listed: None };
            let Passed { pass, extent, .. } = reconcile::pass(job, state, &Yes(None)).await;
            told(&mut self.state.lock(), process, &pass, extent);
            pass
        };
        let source = PlanSource::Files(&desired);
        let pass = walk(&job(source, &reached.clients, later.is_some())).await;
        let (Some(later), Pass::Planned(plan)) = (later, pass) else { return Some(()) };
        sleep(later).await;
        let mut clients = self.reach(process, &desired, &dice).ok()?.clients;
        if let Some(directory) = &lock_dir {
            lock(&mut locks, directory, &mut clients).await?;
        }
        let saved = SavedPlan::new(plan, &desired, Generation::from_sources(&[]), self.api);
        let source = PlanSource::Saved { saved: &saved, files: None };
        let pass = walk(&job(source, &clients, false)).await;
        self.state.lock().sometimes.reached(match pass {
            Pass::Stale(..) => "saved plan refused: stale",
            Pass::Executed(_) => "saved plan applied",
            _ => return Some(()),
        });
        Some(())
    }

    /// The process has ended, however it did.
    fn over(&self, process: usize) {
        let mut state = self.state.lock();
        if let Some(id) = state.processes[process].pass.take()
            && let Some(pass) = state.passes.get_mut(&id)
        {
            pass.is_over = true;
        }
    }

    /// A file is taken: from now on it is in force.
    fn reach(&self, process: usize, desired: &Desired, dice: &Arc<Dice>) -> Result<Reached<Wire>, String> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        take(&mut self.state.lock(), process, desired, text);
        let wire = Arc::new(Wire { state: self.state.clone(), process });
        self.clients(desired, &wire, dice)
    }

    /// The clients of a file's accounts.
    pub fn clients<T: Transport>(
        &self,
        desired: &Desired,
        transport: &Arc<T>,
        dice: &Arc<Dice>,
    ) -> Result<Reached<T>, String> {
        let missing = || "a file of the simulation names its SIDs".to_owned();
        let accounts = desired
            .accounts()
            .map(|(_, account)| {
                let sid = account.sid.ok_or_else(missing)?;
                Ok(AccountRef { name: account.name.clone(), sid, parent: account.parent })
            })
            .collect::<Result<Vec<_>, String>>()?;
        let endpoint = Endpoint::at(BASE).map_err(|error| error.to_string())?;
        let manner =
            Manner { page_size: self.page_size, timeout: Duration::from_secs(15), dice: dice.clone() };
        let client = |account: &AccountRef| {
            let lender = account.parent.filter(|_| self.lends).map(|parent| &accounts[usize::from(parent.0)]);
            let user = lender.unwrap_or(account).sid.to_string();
            let credentials = Credentials::new(user, AUTH_TOKEN);
            let pace = Pace::new(4, None);
            let routes = Routes::new(endpoint.clone(), self.api, account.sid);
            Client::new(routes, transport.clone(), credentials, manner.clone(), pace)
        };
        let clients = accounts.iter().map(client).collect();
        Ok(Reached { accounts, clients })
    }
}

/// Nobody is asked anything; what is spent is kept in a ledger, where there is one.
pub struct Yes<'a>(pub Option<&'a Ledger>);

impl Hooks for Yes<'_> {
    fn confirm(&self, _: &Approved, _: Option<&Bill>) -> Decision {
        Decision::Yes
    }

    async fn record(&self, _: &Plan, spent: &Kept) -> Result<(), LedgerError> {
        match self.0 {
            Some(ledger) => ledger.save(spent).await,
            None => Ok(()),
        }
    }

    async fn note(&self, intents: &Intents) -> Result<(), LedgerError> {
        match self.0 {
            Some(ledger) => ledger.save_record(intents).await,
            None => Ok(()),
        }
    }
}

/// Waits for the locks as `--lock-timeout` does.
async fn lock(locks: &mut Locks, directory: &Path, clients: &mut [Client<Wire>]) -> Option<()> {
    let sids: Vec<_> = clients.iter().map(|client| client.account).collect();
    let until = Instant::now() + Duration::from_secs(30);
    while locks.hold(directory, &sids).is_err() {
        if Instant::now() > until {
            return None;
        }
        sleep(Duration::from_secs(1)).await;
    }
    for client in clients {
        client.fence(locks.writer(client.account));
    }
    Some(())
}

fn take(state: &mut State, process: usize, desired: &Desired, text: String) {
    let desired = Arc::new(desired.clone());
    let whole = state.files.iter().rev().find(|whole| whole.text == text).cloned();
    let is_whole = whole.is_some();
    // People save the same text again, and a daemon sees no difference.
    let taken_at = state.processes[process].file.as_ref().map_or(Duration::ZERO, |file| file.at);
    let saved = state.files.iter().filter(|whole| whole.text == text && whole.at >= taken_at);
    let since = saved.map(|whole| whole.at).min().unwrap_or(state.file_since);
    let latest = || Whole { text: text.clone(), desired: desired.clone(), at: since };
    let truth = whole.or_else(|| state.files.last().cloned()).unwrap_or_else(latest);
    let taker = &state.processes[process];
    if !is_whole && taker.saw_marked {
        state.violation(format!(
            "process {process} takes a file that was cut short, having seen a marked one"
        ));
    }
    let source = Source { name: "fleet.yaml".into(), text: text.clone(), format: Format::Yaml };
    let generation = Generation::from_sources(&[source]);
    state.note(|| format!("process {process} takes {generation} ({} bytes, whole: {is_whole})", text.len()));
    if !is_whole {
        state.sometimes.reached("cut file taken");
    }
    let held_still = state.now().saturating_sub(state.file_since);
    let before = state.processes[process].file.as_ref().map(|file| file.desired.clone());
    let there = state.now().saturating_sub(since);
    if let Some(before) = before
        && state.processes[process].is_daemon
        && removes(&before, &desired)
        && there < SETTLE_REMOVAL
    {
        state.violation(format!(
            "process {process} takes a file that removes something, and was there for {there:?}"
        ));
    }
    if !is_whole && state.processes[process].is_daemon && held_still < SETTLE {
        state.violation(format!("process {process} takes what has been on disk for {held_still:?}"));
    }
    let at = state.now();
    let taker = &mut state.processes[process];
    // With another file come new clients, which know nothing of earlier answers.
    taker.not_before.clear();
    taker.saw_marked = is_whole && text.trim_end().ends_with("\n...");
    taker.file = Some(InForce { desired, truth: truth.desired, generation, at });
}

/// A number is named no more, or its tombstone is new or gone.
fn removes(before: &Desired, after: &Desired) -> bool {
    let released = |desired: &Desired, number| {
        desired.declared(number).map(|declared| declared.state == DeclaredState::Released)
    };
    let is_dropped = |known: &Declared| after.declared(known.number).is_none();
    let is_turned = |now: &Declared| {
        let is_released = now.state == DeclaredState::Released;
        released(before, now.number).unwrap_or(false) != is_released
    };
    before.numbers.iter().any(is_dropped) || after.numbers.iter().any(is_turned)
}

/// A pass has ended.
fn told(state: &mut State, process: usize, pass: &Pass, extent: Extent) {
    let id = state.processes[process].pass.take();
    let sent = id.and_then(|id| state.passes.get(&id)).map_or(0, |pass| pass.writes);
    state.note(|| format!("process {process}: {}", word(pass)));
    let is_partial = extent == Extent::Partial;
    let is_quiet = !is_partial && matches!(pass, Pass::Executed(report) if report.plan.is_empty());
    if is_partial && sent > 0 {
        state.sometimes.reached("written after a look at a few numbers");
    }
    let is_unsaved = state.disk_is_full;
    let mut writes_nothing = true;
    match pass {
        Pass::NotObserved(_) => state.sometimes.reached("listing refused"),
        Pass::Refused(_, refusal) => {
            let over_time = refusal.broken.iter().any(|broken| broken.over != guard::Over::Plan);
            state.sometimes.reached(match over_time {
                true => "plan refused by a limit over time",
                false => "plan refused by a limit",
            });
        }
        Pass::NotRecorded(..) => {
            state.sometimes.reached("nothing written: the budget could not be kept");
            if !state.disk_was_full {
                state.violation(format!("process {process} could not record, and the disk is not full"));
            }
        }
        Pass::Stopped => {
            state.sometimes.reached("a signal stopped a listing");
            if *state.processes[process].stop.borrow() == Stop::Run {
                state.violation(format!("process {process} says that it was stopped"));
            }
        }
        Pass::Planned(_)
        | Pass::Impossible(_)
        | Pass::Stale(..)
        | Pass::HeldSince(_)
        | Pass::OtherAccepted(..) => {}
        Pass::Executed(report) => {
            writes_nothing = false;
            executed(state, id, report);
        }
    }
    if writes_nothing && sent > 0 {
        state.violation(format!("process {process}: {sent} writes in a pass that ended as {}", word(pass)));
    }
    if let Some(pass) = id.and_then(|id| state.passes.get_mut(&id)) {
        pass.is_over = true;
        pass.is_partial = is_partial;
        pass.is_quiet = is_quiet;
        pass.is_unsaved = is_unsaved;
    }
    state.told.notify_one();
}

fn word(pass: &Pass) -> String {
    match pass {
        Pass::Stopped => "stopped".to_owned(),
        Pass::NotObserved(failed) => {
            let errors: Vec<String> = failed.iter().map(|(_, error)| error.to_string()).collect();
            format!("not observed: {}", errors.join("; "))
        }
        Pass::Refused(_, refusal) => format!("refused: {:?}", refusal.broken),
        Pass::Impossible(_) => "impossible".to_owned(),
        Pass::Stale(..) => "stale".to_owned(),
        Pass::HeldSince(_) => "held since".to_owned(),
        Pass::OtherAccepted(..) => "other accepted".to_owned(),
        Pass::Planned(plan) => format!("planned {} steps", plan.steps.len()),
        // Its text names a folder that every run has another of.
        Pass::NotRecorded(..) => "not recorded".to_owned(),
        Pass::Executed(report) => format!("executed {} steps", report.ends.len()),
    }
}

fn executed(state: &mut State, id: Option<u64>, report: &Report) {
    for (step, end) in report.plan.steps.iter().zip(&report.ends) {
        let (kind, number) = (step.action.kind().as_str(), step.action.number());
        let error = end.outcome.error().unwrap_or_default();
        state.note(|| {
            format!("  {kind} {number}: {} after {} sends {error}", end.outcome.as_str(), end.attempts)
        });
    }
    for held in &report.plan.held {
        match held.why {
            HeldReason::Ambiguous => state.sometimes.reached("number held: ambiguous"),
            HeldReason::ProtectedFromTransfer { .. } | HeldReason::ProtectedFromRelease => {
                state.sometimes.reached("number held: protected");
            }
            HeldReason::BoughtInThisGeneration => {
                state.sometimes.reached("number held: bought in this generation and gone");
            }
            HeldReason::ReplacementHeld => state.sometimes.reached("release held: a replacement is held"),
            HeldReason::PerhapsIn { .. } => {
                state.sometimes.reached("purchase held: an account was not listed")
            }
            HeldReason::ShortCodeNotBought
            | HeldReason::PerhapsSpeltOddly { .. }
            | HeldReason::SpeltOddly
            | HeldReason::ReleaseInOtherAccount { .. }
            | HeldReason::Paused
            | HeldReason::Doubted(_)
            | HeldReason::OutsideWindows
            | HeldReason::OnHold { .. }
            | HeldReason::BackingOff { .. }
            | HeldReason::Flapping { .. }
            | HeldReason::Vanished(_)
            | HeldReason::NotUndone(_)
            | HeldReason::InUnlistedAccount { .. }
            | HeldReason::PapersMissing { .. }
            | HeldReason::InUse { .. }
            | HeldReason::UseUnknown
            | HeldReason::OnTrunk { .. }
            | HeldReason::WebhookFails { .. }
            | HeldReason::InQuarantine { .. }
            | HeldReason::DayUnknown
            | HeldReason::LeftOut(_)
            | HeldReason::NameUnresolved { .. }
            | HeldReason::ServiceNotThere { .. }
            | HeldReason::AccountInTrouble { .. } => {}
        }
    }
    match id {
        Some(id) => oracle::ended(state, id, report),
        None if report.ends.is_empty() => {}
        None => state.violation("a report of a pass that listed nothing".to_owned()),
    }
}

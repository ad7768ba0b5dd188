//! One seed: a fleet, a file and its edits, processes, faults for a while (safety), then none
//! (convergence).

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use numctl::client::Dice;
use numctl::desired::{AccountIndex, Declared, DeclaredState as Wanted, Desired, Format, Source};
use numctl::guard::budget::Generation;
use numctl::model::action_kind::ActionKind;
use numctl::model::provider::Api;
use numctl::model::routing::Because;
use numctl::model::settings::{Field, Value, Want};
use numctl::observed::list::observe;
use numctl::plan::{NoEffect, Plan, plan};
use numctl::sandbox::faults::{ListShape, OwnedPurchase};
use numctl::sandbox::{Faults, InMemory, Sandbox, World};
use tokio::time::sleep;

use crate::actors::{mishap, save};
use crate::events;
use crate::fates::Fates;
use crate::fleet::{self, FOREIGN, File, MAIN, SUB};
use crate::oracle::normal;
use crate::process::{Host, Life};
use crate::state::{By, PassView, Shared, State, delete, post};
use crate::tape::Tape;

/// Once faults stop, so many passes must be enough: one to act, one to finish what another actor's
/// last edit or a late request left, one to see that nothing is left.
pub const PASSES_TO_CONVERGE: usize = 4;
/// And so many requests, as a multiple of the fewest that a plan and its quiet successor take.
const REQUESTS_TO_CONVERGE: f64 = 1.3;

/// The outcome of a seed.
#[derive(Debug, Default)]
pub struct Verdict {
    pub violations: Vec<String>,
    pub hash: u64,
    pub log: Vec<String>,
    pub passes_to_converge: usize,
    pub requests: u64,
    pub simulated: Duration,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// A folder in memory where the machine has one, emptied first and removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let shm = PathBuf::from("/dev/shm");
        let base = if shm.is_dir() { shm } else { std::env::temp_dir() };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("numctl-sim-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the simulation");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a simulation on a clock and in a folder of its own.
pub fn in_a_folder<V>(simulate: impl AsyncFnOnce(PathBuf) -> V) -> V {
    let folder = Folder::new();
    runtime().block_on(simulate(folder.0.clone()))
}

/// Runs one seed from beginning to end.
pub fn run(seed: u64, traced: bool) -> Verdict {
    in_a_folder(async |folder| simulate(seed, traced, folder).await)
}

/// A world with numbers in both accounts, configured at random.
pub fn world(tape: &mut Tape, faults: Faults) -> Sandbox {
    let mut world = World::demo(0);
    world.ensure_account(FOREIGN, None);
    let mut sandbox = Sandbox::new(world, Faults::default());
    for number in fleet::pool() {
        if !tape.chance(600) {
            continue;
        }
        let owner = *tape.pick(&[MAIN, MAIN, SUB]);
        let text = number.to_string();
        let has_sms = text.starts_with("+1");
        let settings = if tape.chance(500) { fleet::settings(tape, has_sms) } else { Vec::new() };
        let mut form = vec![("PhoneNumber", text.as_str())];
        form.extend(settings.iter().filter_map(|(field, value)| {
            Some((field.parameter(Api::ActiveNumbers).name()?, value.as_deref()?))
        }));
        let answer = sandbox.handle(&post("/Numbers/ActiveNumbers", &form, owner));
        assert_eq!(answer.status, 201, "{form:?}: {}", String::from_utf8_lossy(&answer.body));
    }
    sandbox.faults = faults;
    sandbox
}

fn dialect(tape: &mut Tape) -> Faults {
    let mut faults = Faults::default();
    // The same for both APIs.
    faults.dialect.owned = *tape.pick(&[OwnedPurchase::Refuse, OwnedPurchase::Update, OwnedPurchase::Ignore]);
    faults.dialect.owned_v2010 = Some(faults.dialect.owned);
    faults.dialect.list =
        *tape.pick(&[ListShape::Wild, ListShape::Wild, ListShape::Wild, ListShape::WithoutSid]);
    faults.dialect.transfer_clears = tape.chance(300);
    faults.dialect.normalise_urls = tape.chance(300);
    faults.dialect.documented_only = tape.chance(80);
    faults
}

async fn simulate(seed: u64, traced: bool, folder: PathBuf) -> Verdict {
    let mut tape = Tape::new(seed);
    let (mut world_tape, mut file_tape, mut run_tape) = (tape.fork(), tape.fork(), tape.fork());
    let fates = Fates::draw(&mut tape);
    let faults = dialect(&mut tape);
    let sandbox = world(&mut world_tape, faults);
    let state = Shared::new(State::new(sandbox, tape.fork(), fates.clone(), traced));
    note_dialect(&state);
    let host = Host {
        state: state.clone(),
        folder,
        page_size: *tape.pick(&[2, 5, 1000, 1000]),
        interval: Duration::from_secs(*tape.pick(&[5, 20, 60])),
        watch_events: events::watching(seed),
        // A thief needs something to steal; without a lock there may be two writers.
        locks: fates.lock_thief || tape.chance(300),
        keeps_budget: tape.chance(700) || fates.full_disk,
        // By the seed alone, so that the rest of a story is the same over both.
        api: if seed % 3 == 2 { Api::IncomingPhoneNumbers } else { Api::ActiveNumbers },
        lends: seed % 6 == 5,
    };
    {
        let mut state = state.lock();
        state.budget_lasts = host.keeps_budget;
        if host.watch_events.is_some() {
            state.has_events = true;
            state.event_tape = Tape::new(!seed);
            events::spoil(&mut state.sandbox.faults, seed);
        }
    }
    let mut files = vec![File::draw(&mut file_tape, fates.tight)];
    save(&host, &files[0]);
    state.lock().faults_on = true;
    let daemons = if host.locks && tape.chance(80) { 2 } else { usize::from(tape.chance(850)) };
    let keepers = (0..daemons.max(1)).map(|_| keep(&host, tape.fork()));
    let story = async {
        let rounds = run_tape.between(2, 6);
        for _ in 0..rounds {
            mishap(&host, &mut files, &mut run_tape).await;
            if daemons == 0 || (fates.two_writers && run_tape.chance(500)) || run_tape.chance(50) {
                applies(&host, &fates, &mut run_tape).await;
            }
            let pause = run_tape.between(1, host.interval.as_secs() as usize * 2);
            sleep(Duration::from_secs(pause as u64)).await;
            if !state.lock().violations.is_empty() {
                return 0;
            }
        }
        let mut last = files.pop().unwrap_or_else(|| File::draw(&mut file_tape, false));
        converge(&host, &mut last, daemons, &mut run_tape).await
    };
    let passes_to_converge = tokio::select! {
        biased;
        passes = story => passes,
        _ = futures_util::future::join_all(keepers), if daemons > 0 => 0,
    };
    let mut state = state.lock();
    state.sometimes.hand_in();
    Verdict {
        violations: std::mem::take(&mut state.violations),
        hash: state.hash(),
        log: state.log.take().unwrap_or_default(),
        passes_to_converge,
        requests: state.requests,
        simulated: state.now(),
    }
}

/// Starts a daemon again whenever it ends, as an init system does.
async fn keep(host: &Host, mut tape: Tape) {
    let process = host.new_process(true, host.locks);
    loop {
        match host.daemon(process, tape.draw()).await {
            Life::Crashed => host.state.lock().sometimes.reached("daemon started again after a crash"),
            Life::Refused => host.state.lock().sometimes.reached("daemon did not start"),
            Life::Ended => host.state.lock().sometimes.reached("daemon drained and ended"),
        }
        sleep(Duration::from_secs(tape.between(1, 20) as u64)).await;
    }
}

/// One `apply`, or two at once, or one of a plan that was saved a while ago.
async fn applies(host: &Host, fates: &Fates, tape: &mut Tape) {
    let locks = host.locks && !(fates.two_writers && tape.chance(300) && !fates.lock_thief);
    let later =
        (fates.saved_plans && tape.chance(600)).then(|| Duration::from_secs(tape.between(0, 300) as u64));
    let (one, seed) = (host.new_process(false, locks), tape.draw());
    if fates.two_writers && tape.chance(600) {
        host.state.lock().sometimes.reached("two writers at once");
        let (other, other_seed) = (host.new_process(false, locks), tape.draw());
        tokio::join!(host.apply(one, seed, later), host.apply(other, other_seed, None));
    } else {
        host.apply(one, seed, later).await;
    }
}

fn note_dialect(state: &Shared) {
    let mut state = state.lock();
    let dialect = state.sandbox.faults.dialect.clone();
    if dialect.list == ListShape::WithoutSid {
        state.sometimes.reached("list without SIDs");
    }
    if dialect.normalise_urls {
        state.sometimes.reached("server normalised a URL");
    }
    let fates = format!("{:?}", state.fates);
    state.note(|| format!("{dialect:?} {fates}"));
}

/// Faults are over: the file must be reached within the bounds, and then nothing may be written.
async fn converge(host: &Host, file: &mut File, daemons: usize, tape: &mut Tape) -> usize {
    host.state.lock().calm();
    // What was on its way arrives.
    sleep(Duration::from_secs(120)).await;
    // A daemon that was just started, or one that has lived through it all.
    if tape.chance(500) {
        kill_all(&mut host.state.lock());
        sleep(Duration::from_secs(60)).await;
    }
    free_what_others_hold(&mut host.state.lock());
    file.make_satisfiable();
    save(host, file);
    let (truth, generation) = {
        let state = host.state.lock();
        let last = state.files.last().expect("just saved");
        let source = Source { name: "fleet.yaml".into(), text: last.text.clone(), format: Format::Yaml };
        (last.desired.clone(), Generation::from_sources(&[source]))
    };
    let fewest = fewest(host, &truth).await;
    let mut passes = 0;
    loop {
        passes += 1;
        let Some(pass) = next_pass(host, generation, passes, daemons, tape).await else {
            host.state.lock().violation("no pass within two hours without faults".to_owned());
            return passes;
        };
        if pass.is_quiet {
            break;
        }
        if passes >= PASSES_TO_CONVERGE {
            host.state.lock().violation(format!("not converged within {passes} passes"));
            return passes;
        }
    }
    let settled = clean_plan(host, &truth).await;
    let look = one_look(host, &truth, &settled);
    let asked: u64 = {
        let state = host.state.lock();
        let all = state.passes.values().filter(|pass| pass.file.generation == generation);
        all.map(|pass| pass.requests).sum()
    };
    let mut allowed = (fewest as f64 * REQUESTS_TO_CONVERGE).ceil() as u64;
    if host.watch_events.is_some() {
        // Each of our own writes may come back as an event, for which its number is read again.
        allowed += fewest + 4 * look.end();
    }
    if asked > allowed {
        host.state.lock().violation(format!("{asked} requests to converge, and {fewest} are the fewest"));
    }
    reached(host, &truth, &settled);
    silent(host, daemons).await;
    quiet(host, &look, generation, passes, daemons, tape).await;
    host.state.lock().sometimes.reached("converged");
    passes
}

fn kill_all(state: &mut State) {
    for process in 0..state.processes.len() {
        state.kill(process);
    }
}

/// The n-th pass (from 1) that looks at everything and goes by a generation of the file, once it is over.
async fn next_pass(
    host: &Host,
    generation: Generation,
    nth: usize,
    daemons: usize,
    tape: &mut Tape,
) -> Option<PassView> {
    if daemons == 0 {
        let process = host.new_process(false, host.locks);
        host.apply(process, tape.draw(), None).await;
    }
    let wait = async {
        loop {
            let told = host.state.lock().told.clone();
            let over = of_generation(&host.state.lock(), generation).get(nth - 1).cloned();
            if let Some(pass) = over.filter(|pass| pass.is_over) {
                return pass;
            }
            told.notified().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(7_200), wait).await.ok()
}

/// A look at a few numbers decides nothing about the fleet.
fn of_generation(state: &State, generation: Generation) -> Vec<PassView> {
    let all = state.passes.values().filter(|pass| pass.file.generation == generation);
    all.filter(|pass| !pass.is_partial).cloned().collect()
}

/// What others hold would never be on offer again.
fn free_what_others_hold(state: &mut State) {
    let theirs: Vec<_> =
        state.holdings.values().filter(|holding| holding.account.to_string() == FOREIGN).cloned().collect();
    for holding in theirs {
        state.act(&delete(&format!("/Numbers/ActiveNumbers/{}", holding.sid), FOREIGN), By::Other);
    }
}

/// A plan of what is live now, made without a fault and beside the simulated wire.
pub async fn clean_plan(host: &Host, truth: &Desired) -> Plan {
    let mut sandbox = host.state.lock().sandbox.clone();
    sandbox.faults.dialect.list = ListShape::Wild;
    let transport = Arc::new(InMemory::new(numctl::sandbox::SharedSandbox::new(sandbox)));
    let reached = host
        .clients(truth, &transport, &Arc::new(Dice::seeded(1)))
        .expect("a file of the simulation names its SIDs");
    let observed =
        observe(&reached.clients, &reached.accounts, |_, _| {}).await.expect("the model has no faults");
    plan(truth, &reached.accounts, &observed)
}

/// The fewest requests that reach a file and show that it is reached.
async fn fewest(host: &Host, truth: &Desired) -> u64 {
    let plan = clean_plan(host, truth).await;
    let cost = |step: &numctl::plan::Step| match step.action.kind() {
        // The look-up and the purchase; the fresh read and the release.
        ActionKind::Purchase | ActionKind::Release => 2,
        // And what the move cleared, configured again.
        ActionKind::Transfer => 2,
        ActionKind::Configure => 1,
    };
    plan.steps.iter().map(cost).sum::<u64>()
        + 2 * one_look(host, truth, &plan).end()
        + second_look(host, &plan)
}

/// Over v2010, missing numbers are looked for in the parent's other accounts; of each that is not North
/// American, and once of its country, the documents are asked for.
fn second_look(host: &Host, plan: &Plan) -> u64 {
    let bought = plan.steps.iter().filter(|step| step.action.kind() == ActionKind::Purchase);
    let numbers: Vec<_> = bought.map(|step| step.action.number().to_string()).collect();
    let foreign = numbers.iter().filter(|number| !number.starts_with("+1")).count() as u64;
    match (host.api, numbers.is_empty()) {
        (Api::ActiveNumbers, _) | (_, true) => 0,
        (Api::IncomingPhoneNumbers, false) => 1 + foreign + u64::from(foreign > 0),
    }
}

/// What one look takes: the pages of both accounts, the Messaging Services of each in which the file says
/// where messages go (a Service would overrule it), and the applications of each in which one overrules a
/// declared URL: those are asked for once a look that may be believed shows that one does.
fn one_look(host: &Host, truth: &Desired, plan: &Plan) -> RangeInclusive<u64> {
    let by_application = |found: &&NoEffect| matches!(found.because, Because::Application(_));
    let applications: BTreeSet<_> =
        plan.no_effect.iter().filter(by_application).map(|found| found.account).collect();
    let state = host.state.lock();
    let says_where = |declared: &&Declared| {
        let sets = |field| matches!(declared.settings.get(field), Some(Want::Set(_)));
        declared.state == Wanted::Present
            && [Field::SmsUrl, Field::SmsFallbackUrl, Field::SmsApplicationSid].into_iter().any(sets)
    };
    // A parent's credentials show the parent's Services, which say nothing about the other account.
    let is_readable = |account: &AccountIndex| !host.lends || truth.account(*account).parent.is_none();
    let accounts: BTreeSet<_> = truth.numbers.iter().filter(says_where).map(|d| d.account).collect();
    let accounts = accounts.iter().filter(|account| is_readable(account)).count();
    let of = |sid: &str| {
        let numbers = state.holdings.values().filter(|holding| holding.account.to_string() == sid).count();
        numbers.div_ceil(usize::from(host.page_size)).max(1) as u64
    };
    let fewest = of(MAIN) + of(SUB) + accounts as u64;
    fewest..=fewest + applications.len() as u64
}

/// Compares the world with the file, independently of the planner.
fn reached(host: &Host, truth: &Desired, plan: &Plan) {
    let mut state = host.state.lock();
    let excused = |number| plan.held.iter().any(|held| held.number == number);
    let mut wrong = Vec::new();
    for declared in &truth.numbers {
        let holding = state.holdings.get(&declared.number);
        match (declared.state, holding) {
            _ if excused(declared.number) => {}
            (Wanted::Released, Some(_)) => wrong.push(format!("{} is still there", declared.number)),
            (Wanted::Released, None) => {}
            (Wanted::Present, None) => wrong.push(format!("{} is not there", declared.number)),
            (Wanted::Present, Some(holding)) => {
                if Some(holding.account) != truth.account(declared.account).sid {
                    wrong.push(format!("{} is in {}", declared.number, holding.account));
                }
                for (field, want) in declared.settings.iter() {
                    let (want, is) = (want.effective(field), holding.settings.effective(field));
                    let text = |value: &Option<Value>| value.as_ref().map(|value| normal(&value.wire()));
                    if text(&want) != text(&is) {
                        wrong.push(format!("{} of {} is {is:?}, not {want:?}", field, declared.number));
                    }
                }
            }
        }
    }
    for what in wrong {
        state.violation(format!("converged, and {what}"));
    }
}

/// Our own writes come back as events, and are read again once; after that nothing is heard of them.
async fn silent(host: &Host, daemons: usize) {
    let Some(every) = host.watch_events.filter(|_| daemons > 0) else { return };
    // As late as an event of these may come.
    sleep(Duration::from_secs(210) + every * 3).await;
    let passes = || host.state.lock().passes.len();
    let before = passes();
    let time = host.interval * 4;
    sleep(time).await;
    let (begun, most) = (passes() - before, 6 * daemons);
    if begun > most {
        host.state
            .lock()
            .violation(format!("{begun} looks in {time:?} after convergence, and {most} are enough"));
    }
}

/// Nothing is written any more, and only the listings are read.
async fn quiet(
    host: &Host,
    look: &RangeInclusive<u64>,
    generation: Generation,
    passes: usize,
    daemons: usize,
    tape: &mut Tape,
) {
    for nth in 1..=2 {
        let writes = host.state.lock().writes;
        let Some(pass) = next_pass(host, generation, passes + nth, daemons, tape).await else {
            return host.state.lock().violation("no quiet pass within two hours".to_owned());
        };
        let mut state = host.state.lock();
        if state.writes != writes || !pass.is_quiet {
            state.violation("a write after convergence".to_owned());
        }
        if !look.contains(&pass.requests) {
            let asked = pass.requests;
            state.violation(format!("{asked} requests for a quiet pass, and it takes {look:?}"));
        }
    }
}

//! The other side of the simulations of one rule each: the sandbox's model behind a wire that loses, delays
//! and delivers late, and whose reads show what was true some time ago; and one process of ours before it,
//! the daemon's passes with a ledger, which may die at any request.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as RealInstant};

use numctl::client::api::endpoint::Endpoint;
use numctl::client::api::routes::Routes;
use numctl::client::pace::Pace;
use numctl::client::transport::{Request, Response, Transport, TransportError, Verb};
use numctl::client::{Client, Dice, Manner};
use numctl::desired::AccountRef;
use numctl::desired::{AccountIndex, Desired, Format, Source};
use numctl::execute::Stop;
use numctl::execute::journal::{RecordedCommand, RunHead};
use numctl::execute::ledger::Ledger;
use numctl::guard::OperatorLimits;
use numctl::guard::budget::Generation;
use numctl::guard::memory::{Extent, Memory};
use numctl::model::credentials::Credentials;
use numctl::model::number::AccountSid;
use numctl::model::provider::Api;
use numctl::reconcile::{Authority, Job, LineState, Pass, PlanSource, Pricing, pass};
use numctl::sandbox::{AUTH_TOKEN, HttpAnswer, HttpRequest, Sandbox, World};
use serde_json::Value as Json;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::process::Yes;
use crate::runs::{self, number_from, on_every_core, say};
use crate::seed::in_a_folder;
use crate::state::{BASE, get};
use crate::tape::Tape;

/// How far behind a read may be, in seconds.
const LAGS: &[u64] = &[0, 5, 20, 300];
/// How late a write acts at most, in milliseconds.
const LATEST: usize = 30_000;
/// The epoch's time when a seed begins.
const EPOCH: Duration = Duration::from_secs(1_000_000);

/// What must hold after every act of the server; gives what does not.
type Oracle = Box<dyn FnMut(&mut Sandbox, Duration) -> Vec<String> + Send>;
/// What other people do now and then; says what it was.
type Others = fn(&mut Sandbox, &mut Tape) -> Option<String>;

pub struct Host {
    pub sandbox: Sandbox,
    /// What it looked like before each act, by when that was.
    history: VecDeque<(Duration, World)>,
    tape: Tape,
    began: Instant,
    faults_on: bool,
    lag: Duration,
    others: Option<Others>,
    /// Requests until the process dies.
    fuse: Option<u64>,
    dead: watch::Sender<bool>,
    oracle: Oracle,
    requests: u64,
    violations: Vec<String>,
    log: Option<Vec<String>>,
}

/// A host that its processes, its requests and its seed share.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Host>>);

impl Shared {
    pub fn new(sandbox: Sandbox, tape: &mut Tape, traced: bool, oracle: Oracle) -> Self {
        Self(Arc::new(Mutex::new(Host {
            sandbox,
            history: VecDeque::new(),
            began: Instant::now(),
            faults_on: true,
            lag: Duration::from_secs(*tape.pick(LAGS)),
            others: None,
            fuse: None,
            dead: watch::channel(false).0,
            oracle,
            requests: 0,
            violations: Vec::new(),
            log: traced.then(Vec::new),
            tape: tape.fork(),
        })))
    }

    pub fn lock(&self) -> std::sync::MutexGuard<'_, Host> {
        self.0.lock().expect("unpoisoned")
    }
}

impl Host {
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(log) = &mut self.log {
            log.push(format!("{:>10.3} {}", now.as_secs_f64(), line()));
        }
    }

    pub fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Lets other people act beside us.
    pub fn beside(&mut self, others: Others) {
        self.others = Some(others);
    }

    /// The process dies at its request after so many, if at all.
    pub fn set_fuse(&mut self, requests: Option<u64>) {
        self.fuse = requests;
    }

    /// From now on all goes well.
    pub fn end_faults(&mut self) {
        (self.faults_on, self.others, self.fuse) = (false, None, None);
        self.note(|| "faults off".to_owned());
    }

    pub fn verdict(&mut self, came_to: u64) -> Verdict {
        Verdict {
            violations: std::mem::take(&mut self.violations),
            log: self.log.take().unwrap_or_default(),
            requests: self.requests,
            came_to,
            tried: Tried::new(),
        }
    }

    fn act(&mut self, asked: &HttpRequest) -> HttpAnswer {
        if asked.method == "GET" {
            return self.sandbox.handle(asked);
        }
        let (now, past) = (self.now(), self.sandbox.world.clone());
        self.history.push_back((now, past));
        let answer = self.sandbox.handle(asked);
        self.note(|| format!("  acted: {} {}", answer.status, asked.form));
        self.look(now);
        answer
    }

    fn look(&mut self, now: Duration) {
        let wrong = (self.oracle)(&mut self.sandbox, now);
        self.violations.extend(wrong);
    }

    /// A read as the API may have it: from some time within the lag.
    fn lagging(&mut self, asked: &HttpRequest) -> HttpAnswer {
        let lag = self.lag.as_millis() as usize;
        let at = self.now().saturating_sub(Duration::from_millis(self.tape.between(0, lag) as u64));
        let Some((_, past)) = self.history.iter().find(|(before, _)| *before >= at) else {
            return self.sandbox.handle(asked);
        };
        let (past, present) = (past.clone(), self.sandbox.world.clone());
        self.sandbox.world = past;
        let answer = self.sandbox.handle(asked);
        self.sandbox.world = present;
        answer
    }

    fn others_act(&mut self) {
        let Some(others) = self.others.filter(|_| self.tape.chance(100)) else { return };
        let (now, past) = (self.now(), self.sandbox.world.clone());
        if let Some(what) = others(&mut self.sandbox, &mut self.tape) {
            self.history.push_back((now, past));
            self.note(|| format!("  {what}"));
            self.look(now);
        }
    }
}

/// The rows of an account's numbers, as they are.
pub fn rows(sandbox: &mut Sandbox, account: &str) -> Vec<Json> {
    let path = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json");
    let answer = sandbox.handle(&get(&path, "PageSize=1000", account));
    let mut body: Json = serde_json::from_slice(&answer.body).expect("JSON");
    match body["incoming_phone_numbers"].take() {
        Json::Array(rows) => rows,
        other => panic!("no rows: {other}"),
    }
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    LostBefore,
    LostAfter,
    Late,
    ErrorBefore,
    ErrorAfter,
    Lag,
}

struct Wire(Shared);

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let asked = HttpRequest::from(&request);
        let is_read = request.verb == Verb::Get;
        let (fate, latency, late, dies) = {
            let mut host = self.0.lock();
            host.requests += 1;
            let dies = match &mut host.fuse {
                Some(0) => true,
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            };
            let fate = match (host.faults_on, is_read) {
                (false, _) => None,
                // A listing lags also while nothing else goes wrong.
                (true, true) => Some(*host.tape.pick(&[
                    Fate::Lag,
                    Fate::Lag,
                    Fate::Lag,
                    Fate::LostBefore,
                    Fate::ErrorBefore,
                ]))
                .filter(|fate| matches!(fate, Fate::Lag) || host.tape.chance(150)),
                (true, false) => Some(*host.tape.pick(&[
                    Fate::LostBefore,
                    Fate::LostAfter,
                    Fate::Late,
                    Fate::ErrorBefore,
                    Fate::ErrorAfter,
                ]))
                .filter(|_| host.tape.chance(500)),
            };
            let (latency, late) =
                (host.tape.between(10, 200) as u64, host.tape.between(1_000, LATEST) as u64);
            host.note(|| {
                format!(
                    "{} {}?{} {} {fate:?} dies: {dies}",
                    asked.method, asked.path, asked.query, asked.form
                )
            });
            (fate, Duration::from_millis(latency), Duration::from_millis(late), dies)
        };
        let (reply, replied) = oneshot::channel();
        let host = self.0.clone();
        // What was sent goes its way whatever becomes of the sender.
        tokio::spawn(async move {
            sleep(latency).await;
            host.lock().others_act();
            let act = || host.lock().act(&asked);
            let answer = match fate {
                None => Some(act()),
                Some(Fate::Lag) => Some(host.lock().lagging(&asked)),
                Some(Fate::LostBefore) => None,
                Some(Fate::LostAfter) => {
                    act();
                    None
                }
                Some(Fate::Late) => {
                    sleep(late).await;
                    act();
                    None
                }
                Some(Fate::ErrorBefore) => Some(broken()),
                Some(Fate::ErrorAfter) => {
                    act();
                    Some(broken())
                }
            };
            // Nobody may wait for it any more.
            let _ = reply.send(answer);
        });
        if dies {
            // With the request on its way, and its answer never read.
            self.0.lock().dead.send_replace(true);
            return std::future::pending().await;
        }
        let answer = tokio::select! {
            biased;
            answer = replied => answer.ok().flatten(),
            () = sleep(request.timeout) => return Err(TransportError::TimedOut(request.timeout)),
        };
        answer.map(Response::from).ok_or_else(|| TransportError::Broken("connection closed".into()))
    }
}

fn broken() -> HttpAnswer {
    HttpAnswer {
        status: 500,
        headers: vec![("Content-Type", "application/json".into())],
        body: br#"{"code":20500,"message":"Internal Server Error","status":500}"#.to_vec(),
        ..HttpAnswer::default()
    }
}

/// A file as a process reads it.
pub struct File {
    desired: Desired,
    generation: Generation,
}

impl File {
    pub fn of(text: String) -> Self {
        let sources = [Source { name: "fleet.yaml".into(), text, format: Format::Yaml }];
        let desired = Desired::parse(&sources).expect("a good file").desired;
        Self { desired, generation: Generation::from_sources(&sources) }
    }
}

/// One process of ours.
pub struct Process {
    pub ledger: Ledger,
    pub api: Api,
    /// Each by its name in the file and its SID; the first is the others' parent.
    pub accounts: &'static [(&'static str, &'static str)],
    pub interval: Duration,
}

/// Accounts by their names and SIDs, the first one the parent of the others, and their clients.
pub fn clients_of<T: Transport>(
    accounts: &[(&str, &str)],
    api: Api,
    transport: &Arc<T>,
    dice: &Arc<Dice>,
) -> (Vec<AccountRef>, Vec<Client<T>>) {
    let sid = |text: &str| AccountSid::observed(text).expect("a SID");
    let client = |account: &str| {
        let manner = Manner { page_size: 3, timeout: Duration::from_secs(15), dice: dice.clone() };
        let routes = Routes::new(Endpoint::at(BASE).expect("a base"), api, sid(account));
        let credentials = Credentials::new(account.to_owned(), AUTH_TOKEN);
        Client::new(routes, transport.clone(), credentials, manner, Pace::new(4, None))
    };
    let named = |((name, account), at): (&(&str, &str), u16)| AccountRef {
        name: (*name).into(),
        sid: sid(account),
        parent: (at > 0).then_some(AccountIndex(0)),
    };
    (
        accounts.iter().zip(0..).map(named).collect(),
        accounts.iter().map(|(_, account)| client(account)).collect(),
    )
}

/// Runs it for so many passes or until it dies; whether its last pass had nothing to do.
pub async fn live(host: &Shared, process: Process, file: &File, passes: usize, seed: u64) -> bool {
    let mut dead = {
        let host = host.lock();
        host.dead.send_replace(false);
        host.dead.subscribe()
    };
    tokio::select! {
        biased;
        _ = dead.wait_for(|dead| *dead) => false,
        is_quiet = cycles(host, process, file, passes, seed) => is_quiet,
    }
}

async fn cycles(host: &Shared, process: Process, file: &File, passes: usize, seed: u64) -> bool {
    let Process { ledger, api, accounts, interval } = process;
    let dice = Arc::new(Dice::seeded(seed));
    let wire = Arc::new(Wire(host.clone()));
    let (accounts, clients) = clients_of(accounts, api, &wire, &dice);
    let clock = || host.lock().now() + EPOCH;
    let mut kept = ledger.load(clock()).expect("what was kept");
    let operator = OperatorLimits::default();
    let mut memory = Memory::new(interval, true);
    let (_stop, stopped) = watch::channel(Stop::Run);
    let mut is_quiet = false;
    for _ in 0..passes {
        let job = Job {
            source: PlanSource::Files(&file.desired),
            generation: file.generation,
            accounts: &accounts,
            clients: &clients,
            operator: &operator,
            asks_who: false,
            preflight: None,
            narrowing: None,
            left_out_clients: &[],
            numbers_at_once: 2,
            extent: Extent::Full,
            accepted: None,
            pricing: Pricing::WhereLimited,
            authority: Authority {
                clock: &|| Duration::ZERO,
                paused: watch::channel(false).1,
                is_in_force: &|| true,
                doubt: None,
            },
            dry_run: false,
            journal: None,
            head: &RunHead { command: RecordedCommand::Run, generation: None, undoes: None, by: None },
            stop: stopped.clone(),
            now: clock(),
        };
        let state = LineState { memory: &mut memory, kept: &mut kept, listed: None };
        let came_to = pass(&job, state, &Yes(Some(&ledger))).await.pass;
        if let Pass::Executed(report) = &came_to {
            memory.settle(report, clock(), || seed);
        }
        ledger.save(&kept).await.expect("kept");
        is_quiet =
            matches!(&came_to, Pass::Executed(report) if report.plan.is_empty() && !report.plan.has_errors());
        host.lock().note(|| match &came_to {
            Pass::Executed(report) => {
                let ends: Vec<String> = report
                    .ends
                    .iter()
                    .map(|end| format!("{} {:?}", end.outcome.as_str(), end.outcome.error()))
                    .collect();
                format!("pass: {ends:?}; held {:?}; short {:?}", report.plan.held, report.plan.short)
            }
            other => format!("pass: {other:?}"),
        });
        sleep(interval).await;
    }
    is_quiet
}

/// The outcome of a seed.
pub struct Verdict {
    pub violations: Vec<String>,
    pub log: Vec<String>,
    pub requests: u64,
    /// What it counts as its work.
    pub came_to: u64,
    /// How often what it is about happened, by its name.
    pub tried: Tried,
}

/// How often something happened, by its name.
pub type Tried = BTreeMap<&'static str, u64>;

fn run(seed: u64, traced: bool, simulate: impl AsyncFn(Tape, bool, PathBuf) -> Verdict) -> Verdict {
    in_a_folder(async |folder| simulate(Tape::new(seed), traced, folder).await)
}

/// Runs a tenth of the seeds, says what they came to, and fails where one breaks a law. `replay` is the test
/// that replays one.
pub fn seeds([rule, work, replay]: [&str; 3], simulate: impl AsyncFn(Tape, bool, PathBuf) -> Verdict + Sync) {
    let (from, count) = (number_from("SEED_FROM", 0), (runs::seeds() / 10).max(1));
    let (requests, came_to) = (AtomicU64::new(0), AtomicU64::new(0));
    let tried = Mutex::new(Tried::new());
    let started = RealInstant::now();
    let failed = on_every_core((from, count), 3, replay, |seed| {
        let verdict = run(seed, false, &simulate);
        requests.fetch_add(verdict.requests, Ordering::Relaxed);
        came_to.fetch_add(verdict.came_to, Ordering::Relaxed);
        let mut tried = tried.lock().expect("unpoisoned");
        verdict.tried.into_iter().for_each(|(what, times)| *tried.entry(what).or_default() += times);
        verdict.violations
    });
    say(&format!(
        "{rule}: {count} seeds in {:.1} s; {} requests, {} {work}",
        started.elapsed().as_secs_f64(),
        requests.into_inner(),
        came_to.into_inner(),
    ));
    for (what, times) in tried.into_inner().expect("unpoisoned") {
        say(&format!("{rule}: {times:>6} {what}"));
    }
    assert!(failed.is_empty(), "seeds {failed:?} broke a law");
}

/// Replays one seed with its log.
pub fn replay(simulate: impl AsyncFn(Tape, bool, PathBuf) -> Verdict) {
    let verdict = run(number_from("SEED", 0), true, simulate);
    for line in &verdict.log {
        println!("{line}");
    }
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
}

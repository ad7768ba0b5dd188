//! The simulated world: the sandbox's model, what it looked like before, our processes, and
//! everything that was sent and done, by whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use numctl::client::api::wire::read_number;
use numctl::desired::Desired;
use numctl::execute::Stop;
use numctl::guard::budget::Generation;
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::provider::Api;
use numctl::model::settings::{Field, Settings};
use numctl::sandbox::{AUTH_TOKEN, HttpAnswer, HttpRequest, Sandbox, World};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::fates::Fates;
use crate::sometimes::Sometimes;
use crate::tape::Tape;

/// Where the simulated API is.
pub const BASE: &str = "http://127.0.0.1:1";

/// The wall clock's reading when a simulation starts: 2026-11-24.
pub const EPOCH: Duration = Duration::from_secs(1_795_500_000);

/// A number that somebody has.
#[derive(Debug, Clone, PartialEq)]
pub struct Holding {
    pub account: AccountSid,
    pub sid: NumberSid,
    pub settings: Settings,
}

pub type Holdings = BTreeMap<PhoneNumber, Holding>;

/// Whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A pass of one of our processes.
    Pass(u64),
    /// Somebody else.
    Other,
}

/// What the server did.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    pub by: By,
    pub number: PhoneNumber,
    pub deed: Deed,
    /// Done long after it was asked for, when its sender had given it up.
    pub is_late: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    Bought { account: AccountSid },
    Released { sid: NumberSid },
    Moved { to: AccountSid },
    Configured { account: AccountSid, fields: Vec<Field> },
}

/// A file that is in force in a process.
#[derive(Debug, Clone)]
pub struct InForce {
    /// As it was read.
    pub desired: Arc<Desired>,
    /// The whole file behind it: the same, unless what was read had been cut short.
    pub truth: Arc<Desired>,
    pub generation: Generation,
    /// When it was taken.
    pub at: Duration,
}

/// What one pass knows, seen from the wire.
#[derive(Debug, Clone)]
pub struct PassView {
    pub process: usize,
    /// Which of its process's lives it was in, and whether what it came to could not be kept.
    pub life: usize,
    pub is_unsaved: bool,
    pub is_daemon: bool,
    pub file: InForce,
    pub began: Duration,
    /// By account, how many pages of its listing came in order so far.
    pub pages: BTreeMap<AccountSid, usize>,
    /// The accounts whose listing came whole.
    pub whole: BTreeSet<AccountSid>,
    pub spoilt: BTreeSet<AccountSid>,
    /// Rows of listings that are not whole yet.
    pub unfinished: BTreeMap<AccountSid, Vec<Live>>,
    /// Rows of whole listings.
    pub listed: BTreeMap<NumberSid, Live>,
    /// The earlier of two rows with one SID: an answer for the wrong account repeats those of the other.
    pub listed_twice: Vec<Live>,
    pub listed_numbers: BTreeSet<PhoneNumber>,
    /// Numbers that a look-up showed to be absent, since the last send in doubt, and when.
    pub absent: BTreeMap<PhoneNumber, Duration>,
    /// The freshest read of each SID that arrived, and when.
    pub read: BTreeMap<NumberSid, (Duration, Option<Live>)>,
    /// Writes, in the order of their sends.
    pub sent: Vec<(ActionKind, PhoneNumber)>,
    /// Purchases and transfers that were sent and are not known to have worked.
    pub unsettled: BTreeSet<(ActionKind, PhoneNumber)>,
    /// Writes whose outcome the process never learnt.
    pub in_doubt: BTreeSet<(ActionKind, PhoneNumber)>,
    pub last_write: Option<Duration>,
    pub writes: u64,
    pub requests: u64,
    /// It looked at a few numbers only, as it says.
    pub is_partial: bool,
    /// It looked at everything and was carried out, and there was nothing to do.
    pub is_quiet: bool,
    pub is_over: bool,
}

/// One of our processes.
#[derive(Debug)]
pub struct Process {
    pub is_daemon: bool,
    pub lives: usize,
    /// Where its locks are, where it locks.
    pub lock_dir: Option<PathBuf>,
    pub file: Option<InForce>,
    /// It has had a whole file in force that ends with the document end marker.
    pub saw_marked: bool,
    /// By account: the API asked for nothing before then.
    pub not_before: BTreeMap<AccountSid, Duration>,
    pub pass: Option<u64>,
    /// Tells its keeper that it has just died.
    pub crashed: watch::Sender<bool>,
    pub stop: watch::Sender<Stop>,
    pub bell: Arc<Notify>,
}

/// Where a process is to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashPoint {
    pub request: u64,
    pub moment: Moment,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    BeforeSend,
    /// The request is lost with the process.
    AfterSend,
    AfterActing,
    AfterReceipt,
}

impl Moment {
    pub const ALL: [Self; 4] = [Self::BeforeSend, Self::AfterSend, Self::AfterActing, Self::AfterReceipt];
}

/// A file as people meant it.
#[derive(Debug, Clone)]
pub struct Whole {
    pub text: String,
    pub desired: Arc<Desired>,
    /// When people saved it.
    pub at: Duration,
}

pub struct State {
    pub sandbox: Sandbox,
    history: VecDeque<(Duration, World)>,
    pub holdings: Holdings,
    pub acts: Vec<Act>,
    pub tape: Tape,
    pub fates: Fates,
    /// The daemons poll events, and the server dates them.
    pub has_events: bool,
    pub event_tape: Tape,
    pub faults_on: bool,
    pub revoked_until: Duration,
    /// The files that people have saved so far; the last one is what they want.
    pub files: Vec<Whole>,
    pub processes: Vec<Process>,
    pub passes: BTreeMap<u64, PassView>,
    pub requests: u64,
    pub writes: u64,
    pub deaths: u64,
    pub crash: Option<CrashPoint>,
    /// How far the wall clock was set forward, and back.
    pub clock_ahead: Duration,
    pub clock_behind: Duration,
    pub told: Arc<Notify>,
    /// Our daemons share a state directory: a restart forgets nothing.
    pub budget_lasts: bool,
    /// The state directory could not be written at some time.
    pub disk_was_full: bool,
    pub disk_is_full: bool,
    /// What acts now was asked for long ago.
    pub is_late: bool,
    /// Since when the file is as it is.
    pub file_since: Duration,
    /// When the daemons last heard of the file, and what was in it then.
    pub rung: Option<(Duration, Generation)>,
    pub violations: Vec<String>,
    pub sometimes: Sometimes,
    started: Instant,
    hash: u64,
    pub log: Option<Vec<String>>,
}

#[derive(Clone)]
pub struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

pub fn account(sid: &str) -> AccountSid {
    AccountSid::observed(sid).expect("an account SID")
}

impl State {
    pub fn new(sandbox: Sandbox, tape: Tape, fates: Fates, traced: bool) -> Self {
        let mut state = Self {
            sandbox,
            history: VecDeque::new(),
            holdings: Holdings::new(),
            acts: Vec::new(),
            tape,
            fates,
            has_events: false,
            event_tape: Tape::new(0),
            faults_on: false,
            revoked_until: Duration::ZERO,
            files: Vec::new(),
            processes: Vec::new(),
            passes: BTreeMap::new(),
            requests: 0,
            writes: 0,
            deaths: 0,
            crash: None,
            clock_ahead: Duration::ZERO,
            clock_behind: Duration::ZERO,
            told: Arc::default(),
            budget_lasts: true,
            disk_was_full: false,
            disk_is_full: false,
            is_late: false,
            file_since: Duration::ZERO,
            rung: None,
            violations: Vec::new(),
            sometimes: Sometimes::default(),
            started: Instant::now(),
            hash: 0xcbf2_9ce4_8422_2325,
            log: traced.then(Vec::new),
        };
        for number in crate::fleet::pool() {
            if let Some(holding) = state.look(number) {
                state.holdings.insert(number, holding);
            }
        }
        state
    }

    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// What the machine's clock says.
    pub fn wall(&self) -> Duration {
        (EPOCH + self.now() + self.clock_ahead).saturating_sub(self.clock_behind)
    }

    /// One line of the event log; two runs of a seed must give the same lines.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let line = format!("{:>9.3}s {}", self.now().as_secs_f64(), line());
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if let Some(log) = &mut self.log {
            log.push(line);
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn violation(&mut self, what: String) {
        self.note(|| format!("VIOLATION {what}"));
        self.violations.push(what);
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&mut self) {
        self.faults_on = false;
        self.crash = None;
        self.revoked_until = Duration::ZERO;
        self.sandbox.faults.dialect.documented_only = false;
    }

    /// Kills a process: whoever keeps it drops it where it is.
    pub fn kill(&mut self, process: usize) {
        self.note(|| format!("process {process} dies"));
        self.deaths += 1;
        self.processes[process].crashed.send_replace(true);
    }

    /// Who has a number, read from the model without any fault.
    fn look(&mut self, number: PhoneNumber) -> Option<Holding> {
        let (owner, sid) = self.sandbox.world.owner(number).map(|(owner, sid)| (owner.to_owned(), sid))?;
        let asked = get(&format!("/Numbers/ActiveNumbers/{sid}"), "", &owner);
        let answer = self.sandbox.handle(&asked);
        let live = read_number(Api::ActiveNumbers, &answer.body).expect("the model's own number");
        let sid = NumberSid::observed(&sid).expect("the model's own SID");
        Some(Holding { account: account(&owner), sid, settings: live.all_settings() })
    }

    /// The number that a write is about.
    fn subject(&self, request: &HttpRequest) -> Option<PhoneNumber> {
        let last = request.path.rsplit('/').next().unwrap_or_default();
        match NumberSid::observed(last.strip_suffix(".json").unwrap_or(last)) {
            Some(sid) => self.holdings.iter().find(|(_, held)| held.sid == sid).map(|(number, _)| *number),
            None => url::form_urlencoded::parse(request.form.as_bytes())
                .find(|(key, _)| key == "PhoneNumber")
                .and_then(|(_, value)| PhoneNumber::observed(&value)),
        }
    }

    /// Lets the server act on a request, and sees what it did.
    pub fn act(&mut self, request: &HttpRequest, by: By) -> HttpAnswer {
        if request.method == "GET" {
            return self.sandbox.handle(request);
        }
        let number = self.subject(request);
        self.set_the_servers_clock();
        let past = self.sandbox.world.clone();
        let answer = self.sandbox.handle(request);
        let Some(number) = number.filter(|_| (200..300).contains(&answer.status)) else { return answer };
        self.history.push_back((self.now(), past));
        if self.history.len() > 6 {
            self.history.pop_front();
        }
        let before = self.holdings.remove(&number);
        let after = self.look(number);
        if let Some(after) = &after {
            self.holdings.insert(number, after.clone());
        }
        for deed in differences(before.as_ref(), after.as_ref()) {
            let act = Act { by, number, deed, is_late: self.is_late };
            self.note(|| format!("{:?} {} {:?}", act.by, act.number, act.deed));
            crate::oracle::acted(self, &act);
            self.acts.push(act);
        }
        answer
    }

    /// Answers a read from what the world looked like up to five minutes ago.
    pub fn stale(&mut self, request: &HttpRequest) -> HttpAnswer {
        let oldest = self.now().saturating_sub(Duration::from_secs(300));
        let past: Vec<usize> = (0..self.history.len()).filter(|at| self.history[*at].0 >= oldest).collect();
        if past.is_empty() {
            return self.sandbox.handle(request);
        }
        let at = past[self.tape.below(past.len())];
        let old = self.history[at].1.clone();
        let new = std::mem::replace(&mut self.sandbox.world, old);
        let answer = self.sandbox.handle(request);
        self.sandbox.world = new;
        answer
    }
}

pub fn get(path: &str, query: &str, user: &str) -> HttpRequest {
    HttpRequest {
        method: "GET".into(),
        path: path.into(),
        query: query.into(),
        form: String::new(),
        credentials: Some((user.into(), AUTH_TOKEN.into())),
        base: BASE.into(),
    }
}

pub fn post(path: &str, form: &[(&str, &str)], user: &str) -> HttpRequest {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    HttpRequest { method: "POST".into(), form, ..get(path, "", user) }
}

pub fn delete(path: &str, user: &str) -> HttpRequest {
    HttpRequest { method: "DELETE".into(), ..get(path, "", user) }
}

fn differences(before: Option<&Holding>, after: Option<&Holding>) -> Vec<Deed> {
    match (before, after) {
        (None, None) => Vec::new(),
        (None, Some(new)) => vec![Deed::Bought { account: new.account }],
        (Some(old), None) => vec![Deed::Released { sid: old.sid }],
        (Some(old), Some(new)) if new.sid != old.sid => {
            vec![Deed::Released { sid: old.sid }, Deed::Bought { account: new.account }]
        }
        (Some(_), Some(new)) if before.map(|old| old.account) != Some(new.account) => {
            vec![Deed::Moved { to: new.account }]
        }
        (Some(old), Some(new)) => {
            let fields: Vec<Field> = Field::all()
                .filter(|field| old.settings.effective(*field) != new.settings.effective(*field))
                .collect();
            match fields.is_empty() {
                true => Vec::new(),
                false => vec![Deed::Configured { account: new.account, fields }],
            }
        }
    }
}

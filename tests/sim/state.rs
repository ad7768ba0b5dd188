//! The simulated world: the sandbox's model, what it looked like before, and everything that was
//! sent and done, by whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use numctl::api::wire::{Interner, read_page};
use numctl::desired::Desired;
use numctl::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::observed::Live;
use numctl::plan::ActionKind;
use numctl::sandbox::{AUTH_TOKEN, Faults, HttpAnswer, HttpRequest, Sandbox, World};
use numctl::settings::{Field, Settings};
use tokio::time::Instant;

use crate::fates::Fates;
use crate::fleet::{FOREIGN, MAIN, SUB};
use crate::sometimes::Sometimes;
use crate::tape::Tape;

/// Where the simulated API is.
pub const BASE: &str = "http://127.0.0.1:1";

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
    /// A pass of one of our engines.
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
}

#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    Bought { account: AccountSid },
    Released { sid: NumberSid },
    Moved { to: AccountSid },
    Configured { account: AccountSid, fields: Vec<Field> },
}

/// What one pass knows, seen from the wire.
#[derive(Debug, Clone)]
pub struct PassView {
    /// The file that the engine acts on, and the whole one that it was read from.
    pub desired: Arc<Desired>,
    pub truth: Arc<Desired>,
    /// The accounts whose listing reached the engine to its end, unspoilt.
    pub whole: BTreeSet<AccountSid>,
    pub spoilt: BTreeSet<AccountSid>,
    /// What the engine was shown in its listing.
    pub listed: BTreeMap<NumberSid, Live>,
    pub listed_numbers: BTreeSet<PhoneNumber>,
    /// Numbers that a look-up showed to be absent, since the last send in doubt.
    pub absent: BTreeSet<PhoneNumber>,
    /// The freshest read of each SID that reached the engine.
    pub read: BTreeMap<NumberSid, Option<Live>>,
    pub sent: Vec<(ActionKind, PhoneNumber)>,
    /// Purchases and transfers that were sent and are not known to have worked.
    pub unsettled: BTreeSet<(ActionKind, PhoneNumber)>,
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
    AfterActing,
    AfterReceipt,
}

pub struct State {
    pub sandbox: Sandbox,
    history: VecDeque<(Duration, World)>,
    pub holdings: Holdings,
    pub acts: Vec<Act>,
    pub tape: Tape,
    pub fates: Fates,
    pub faults_on: bool,
    pub revoked_until: Duration,
    pub passes: BTreeMap<u64, PassView>,
    pub next_pass: u64,
    pub requests: u64,
    pub writes: u64,
    pub crash: Option<CrashPoint>,
    pub violations: Vec<String>,
    pub sometimes: Sometimes,
    pub started: Instant,
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
            faults_on: false,
            revoked_until: Duration::ZERO,
            passes: BTreeMap::new(),
            next_pass: 1,
            requests: 0,
            writes: 0,
            crash: None,
            violations: Vec::new(),
            sometimes: Sometimes::default(),
            started: Instant::now(),
            hash: 0xcbf2_9ce4_8422_2325,
            log: traced.then(Vec::new),
        };
        state.holdings = state.look();
        state
    }

    pub fn now(&self) -> Duration {
        self.started.elapsed()
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

    /// Everything that is owned, read from the model without any fault.
    fn look(&self) -> Holdings {
        let mut clean = Sandbox::new(self.sandbox.world.clone(), Faults::default());
        let mut holdings = Holdings::new();
        for sid in [MAIN, SUB, FOREIGN] {
            let answer = clean.handle(&get("/Numbers/ActiveNumbers", "PageSize=1000", sid));
            let page = read_page(&answer.body, &mut Interner::default()).expect("the model's own listing");
            for row in page.rows {
                let (Some(number), Some(number_sid)) = (row.number, row.sid) else { continue };
                let settings = row.all_settings();
                holdings.insert(number, Holding { account: account(sid), sid: number_sid, settings });
            }
        }
        holdings
    }

    /// Lets the server act on a request, and sees what it did.
    pub fn act(&mut self, request: &HttpRequest, by: By) -> HttpAnswer {
        let answer = self.sandbox.handle(request);
        if request.method == "GET" || !(200..300).contains(&answer.status) {
            return answer;
        }
        self.history.push_back((self.now(), self.sandbox.world.clone()));
        if self.history.len() > 6 {
            self.history.pop_front();
        }
        let after = self.look();
        let before = std::mem::replace(&mut self.holdings, after);
        for act in differences(&before, &self.holdings, by) {
            self.note(|| format!("{:?} {} {:?}", act.by, act.number, act.deed));
            crate::oracle::acted(self, &act);
            self.acts.push(act);
        }
        answer
    }

    /// Answers a read from what the world looked like up to five minutes ago.
    pub fn stale(&mut self, request: &HttpRequest) -> HttpAnswer {
        let past: Vec<usize> = (0..self.history.len())
            .filter(|at| self.now().saturating_sub(self.history[*at].0) <= Duration::from_secs(300))
            .collect();
        if past.is_empty() {
            return self.sandbox.handle(request);
        }
        let at = past[self.tape.below(past.len())];
        let mut old = self.sandbox.clone();
        old.world = self.history[at].1.clone();
        old.handle(request)
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

fn differences(before: &Holdings, after: &Holdings, by: By) -> Vec<Act> {
    let mut acts = Vec::new();
    for (number, old) in before {
        match after.get(number) {
            None => acts.push(Act { by, number: *number, deed: Deed::Released { sid: old.sid } }),
            Some(new) if new.sid != old.sid => {
                acts.push(Act { by, number: *number, deed: Deed::Released { sid: old.sid } });
                acts.push(Act { by, number: *number, deed: Deed::Bought { account: new.account } });
            }
            Some(new) => {
                if new.account != old.account {
                    acts.push(Act { by, number: *number, deed: Deed::Moved { to: new.account } });
                }
                let fields: Vec<Field> = Field::all()
                    .filter(|field| old.settings.effective(*field) != new.settings.effective(*field))
                    .collect();
                if !fields.is_empty() && new.account == old.account {
                    let deed = Deed::Configured { account: new.account, fields };
                    acts.push(Act { by, number: *number, deed });
                }
            }
        }
    }
    for (number, new) in after {
        if !before.contains_key(number) {
            acts.push(Act { by, number: *number, deed: Deed::Bought { account: new.account } });
        }
    }
    acts
}

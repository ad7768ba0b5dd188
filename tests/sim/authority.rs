//! Authority at the moment of the write (law 13): files that people save one after the other, two replicas whose
//! copies of them arrive at different times, a pause in the middle of a run, and a person at the prompt while
//! somebody else changes what the plan is about.
//!
//! The engine is the daemon's loop, with its files, locks and ledger, and `apply` with its question. The oracles
//! are written from what crosses the wire and from what people meant, never from what the engine thinks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use numctl::client::Dice;
use numctl::client::lock::LockPlace;
use numctl::client::transport::{Request, Response, Transport, TransportError};
use numctl::daemon::file_watch::Watch;
use numctl::daemon::{self, Daemon, Effects, News, Options, Reached, Signals, WriteAccess};
use numctl::execute::Stop;
use numctl::execute::ledger::Ledger;
use numctl::guard::OperatorLimits;
use numctl::guard::budget::Generation;
use numctl::model::provider::Api;
use numctl::sandbox::{Faults, HttpRequest, Sandbox, World};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::fleet::{FOREIGN, MAIN};
use crate::lagging::{self, Verdict, clients_of, rows};
use crate::tape::Tape;

mod person;

const EPOCH: Duration = Duration::from_secs(1_795_500_000);
const POOL: usize = 8;
/// Copies of the files arrive within this time of each other.
const COPY_MAX: usize = 150;
/// An older content that nothing else replaces is taken for a deliberate return after this time.
const OLDER_FOR: Duration = Duration::from_secs(180);
/// People save two files within this time.
const SAVES_MAX: usize = 4_000;

fn number(at: usize) -> String {
    format!("+1555223{at:04}")
}

/// What people want: the numbers, and in which of the two files each of them stands.
#[derive(Debug, Clone)]
struct Intention {
    edit: usize,
    /// By number: the file.
    wanted: BTreeMap<usize, usize>,
}

impl Intention {
    fn file(&self, at: usize) -> String {
        let policy =
            "policy: {unlisted: release, max_releases: 1000, max_purchases: 1000, max_changes: 1000}\n";
        let mut text = format!("version: 1\n{}numbers:\n", if at == 0 { policy } else { "" });
        for (wanted, _) in self.wanted.iter().filter(|(_, file)| **file == at) {
            text.push_str(&format!(
                "  - {{phone_number: \"{}\", friendly_name: Edit {}}}\n",
                number(*wanted),
                self.edit
            ));
        }
        text + "...\n"
    }
}

/// A folder of files, and who reads it.
#[derive(Debug)]
struct Replica {
    folder: PathBuf,
    /// The last two intentions that were saved there as a whole.
    meant: Vec<BTreeSet<usize>>,
    bell: Arc<Notify>,
    dead: watch::Sender<bool>,
    paused: watch::Sender<bool>,
    paused_since: Option<Duration>,
    life: usize,
    force: Option<Generation>,
    /// Since when it has an older content than the last one that was in force.
    older: Option<(Generation, Duration)>,
    began: BTreeSet<usize>,
}

struct Host {
    sandbox: Sandbox,
    tape: Tape,
    began: Instant,
    replicas: Vec<Replica>,
    /// The contents under which somebody began to act, in order; the last one with its writer's life.
    acted: Vec<Generation>,
    last_by: Option<(usize, usize)>,
    /// No process may write any more.
    silence: Option<&'static str>,
    writes: u64,
    requests: u64,
    violations: Vec<String>,
    log: Option<Vec<String>>,
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Host>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Host> {
        self.0.lock().expect("unpoisoned")
    }
}

impl Host {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now();
        if let Some(log) = &mut self.log {
            log.push(format!("{:>10.3} {}", now.as_secs_f64(), line()));
        }
    }

    /// The number that a SID is of, and everything that is live.
    fn number_of(&mut self, sid: &str) -> Option<usize> {
        let row = rows(&mut self.sandbox, MAIN).into_iter().find(|row| row["sid"] == sid)?;
        row["phone_number"].as_str()?.strip_prefix("+1555223")?.parse().ok()
    }

    fn live(&mut self) -> BTreeSet<usize> {
        let all = rows(&mut self.sandbox, MAIN).into_iter();
        all.filter_map(|row| row["phone_number"].as_str()?.strip_prefix("+1555223")?.parse().ok()).collect()
    }

    /// A replica begins to act by a content.
    fn begins(&mut self, replica: usize, content: Generation) {
        let (now, life) = (self.now(), self.replicas[replica].life);
        let is_last = self.acted.last() == Some(&content);
        let is_older = !is_last && self.acted.contains(&content) && self.last_by != Some((replica, life));
        let known = &mut self.replicas[replica];
        if is_older {
            if known.older.is_none_or(|(older, _)| older != content) {
                known.older = Some((content, now));
            }
            return;
        }
        known.older = None;
        self.acted.retain(|known| *known != content);
        self.acted.push(content);
        self.last_by = Some((replica, life));
    }

    /// Checks a write as it is sent.
    fn check(&mut self, replica: usize, asked: &HttpRequest) {
        let now = self.now();
        self.writes += 1;
        let sid = asked.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".json").to_owned();
        let (is_release, is_purchase) = (asked.method == "DELETE", asked.form.contains("PhoneNumber="));
        let about = match is_purchase {
            true => (0..POOL).find(|at| asked.form.contains(&number(*at)[1..])),
            false => self.number_of(&sid),
        };
        let mut wrong = Vec::new();
        if let Some(why) = self.silence {
            wrong.push(why.to_owned());
        }
        let Some(known) = self.replicas.get_mut(replica) else {
            self.violations.extend(wrong.into_iter().map(|why| format!("a write of apply: {why}")));
            return;
        };
        if is_purchase {
            known.began.extend(about);
        }
        let finishes = !is_purchase && !is_release && about.is_some_and(|at| known.began.contains(&at));
        if known.paused_since.is_some_and(|since| since < now) && !finishes {
            wrong.push("while it was paused".to_owned());
        }
        if (is_release || is_purchase)
            && let Some((older, since)) = known.older
            && known.force == Some(older)
            && now - since < OLDER_FOR
        {
            wrong.push("by a content that is older than what was last in force".to_owned());
        }
        if is_release
            && let Some(about) = about
            && known.meant.iter().rev().take(2).all(|wanted| wanted.contains(&about))
        {
            wrong.push(format!("releases {}, which people want", number(about)));
        }
        self.violations.extend(
            wrong
                .into_iter()
                .map(|why| format!("replica {replica} writes {why}: {} {}", asked.method, asked.form)),
        );
    }
}

struct Wire {
    host: Shared,
    /// The replica; beyond them, an apply.
    by: usize,
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let asked = HttpRequest::from(&request);
        let (there, back) = {
            let mut host = self.host.lock();
            host.requests += 1;
            let by = self.by;
            host.note(|| format!("{by}: {} {} {}", asked.method, asked.path, asked.form));
            if asked.method != "GET" {
                host.check(by, &asked);
            }
            let mut draw = || Duration::from_millis(host.tape.between(5, 300) as u64);
            (draw(), draw())
        };
        // What was sent acts whatever becomes of its sender.
        let host = self.host.clone();
        let acting = tokio::spawn(async move {
            sleep(there).await;
            host.lock().sandbox.handle(&asked)
        });
        let answer = acting.await.map_err(|error| TransportError::Broken(error.to_string()))?;
        sleep(back).await;
        Ok(Response::from(answer))
    }
}

fn save(host: &Shared, replica: usize, name: &str, text: &str) {
    let mut state = host.lock();
    fs::write(state.replicas[replica].folder.join(name), text).expect("a folder of our own");
    state.note(|| format!("{replica}: {name} is saved: {text:?}"));
}

fn ring(host: &Shared, replica: usize) {
    host.lock().replicas[replica].bell.notify_one();
}

/// People save the files that differ, one after the other, in either order.
async fn edit(host: &Shared, before: &Intention, after: &Intention, tape: &mut Tape) {
    let mut files = [0, 1];
    if tape.chance(500) {
        files.reverse();
    }
    for (nth, at) in files.into_iter().enumerate() {
        if before.file(at) == after.file(at) {
            continue;
        }
        if nth > 0 {
            sleep(Duration::from_millis(tape.between(0, SAVES_MAX) as u64)).await;
        }
        save(host, 0, ["a.yaml", "b.yaml"][at], &after.file(at));
        ring(host, 0);
    }
    meant(host, 0, after);
}

fn meant(host: &Shared, replica: usize, intention: &Intention) {
    host.lock().replicas[replica].meant.push(intention.wanted.keys().copied().collect());
}

/// The next thing that people want.
fn next(before: &Intention, tape: &mut Tape) -> Intention {
    let mut after = Intention { edit: before.edit + 1, wanted: before.wanted.clone() };
    for _ in 0..tape.between(1, 3) {
        let (at, before) = (tape.below(POOL), after.wanted.clone());
        match (after.wanted.get(&at).copied(), tape.below(3)) {
            // The line moves to the other file.
            (Some(file), 0 | 1) => drop(after.wanted.insert(at, 1 - file)),
            (Some(_), _) if after.wanted.len() > 2 => drop(after.wanted.remove(&at)),
            (Some(_), _) => {}
            (None, _) => drop(after.wanted.insert(at, tape.below(2))),
        }
        // A file that names no number any more is taken for one that was cut short.
        if (0..2).any(|file| !after.wanted.values().any(|at| *at == file)) {
            after.wanted = before;
        }
    }
    after
}

async fn replica(host: &Shared, at: usize, (state, interval): (PathBuf, Duration), seed: u64) {
    let (mut dead, bell, folder, paused) = {
        let mut host = host.lock();
        let known = &mut host.replicas[at];
        known.life += 1;
        (known.older, known.force) = (None, None);
        known.began.clear();
        known.dead.send_replace(false);
        known.bell = Arc::new(Notify::new());
        (known.dead.subscribe(), known.bell.clone(), known.folder.clone(), known.paused.subscribe())
    };
    let dice = Arc::new(Dice::seeded(seed));
    let (_stop, stop) = watch::channel(Stop::Run);
    let daemon = Daemon {
        options: Options {
            files: vec![folder],
            interval,
            once: false,
            dry_run: false,
            allow_shrink: true,
            operator: OperatorLimits::default(),
            numbers_at_once: 1,
            asks_who: false,
            preflight: None,
            watch_events: None,
            by: None,
            api: Api::ActiveNumbers,
        },
        write_access: WriteAccess {
            lock_places: vec![LockPlace::named(state.join("locks"))],
            lease: None,
            ledger: Ledger::open(&state).expect("a folder of our own"),
            journal: None,
        },
        effects: Effects {
            dice: dice.clone(),
            clock: &|| host.lock().now() + EPOCH,
            reach: &|_| {
                let wire = Arc::new(Wire { host: host.clone(), by: at });
                let (accounts, clients) = clients_of(&[("default", MAIN)], Api::ActiveNumbers, &wire, &dice);
                Ok(Reached { accounts, clients })
            },
            renew: &|_, _| Ok(()),
            secrets: &|_| Ok(()),
            tell: &|news| {
                if let News::Began(_, content) = news {
                    let mut host = host.lock();
                    host.note(|| format!("{at}: begins by {content}"));
                    host.replicas[at].force = Some(*content);
                    host.replicas[at].began.clear();
                    host.begins(at, *content);
                }
            },
        },
        signals: Signals { stop, paused, bell: Arc::new(Notify::new()) },
    };
    tokio::select! {
        biased;
        _ = dead.wait_for(|dead| *dead) => {}
        ended = daemon::run(&daemon, Watch::rung(bell)) => {
            let ended = ended.map(|_| ());
            host.lock().note(|| format!("{at}: ended: {ended:?}"));
        }
    }
}

/// Starts a replica again whenever it dies.
async fn keep(host: &Shared, at: usize, place: (PathBuf, Duration), mut tape: Tape) {
    loop {
        replica(host, at, place.clone(), tape.draw()).await;
        sleep(Duration::from_secs(tape.between(1, 60) as u64)).await;
    }
}

async fn replicas(host: &Shared, folder: &Path, mut tape: Tape) {
    let first = Intention { edit: 0, wanted: (0..POOL / 2).map(|at| (at, at % 2)).collect() };
    for at in 0..2 {
        for (name, file) in ["a.yaml", "b.yaml"].into_iter().zip(0..) {
            save(host, at, name, &first.file(file));
        }
        meant(host, at, &first);
    }
    let interval = Duration::from_secs(*tape.pick(&[5, 20, 60]));
    let keepers = (0..2).map(|at| keep(host, at, (folder.join("state"), interval), tape.fork()));
    let keepers: Vec<_> = keepers.collect();
    let story = async {
        let mut last = first;
        sleep(Duration::from_secs(30)).await;
        for _ in 0..tape.between(2, 5) {
            let after = next(&last, &mut tape);
            edit(host, &last, &after, &mut tape).await;
            let copied = Duration::from_secs(tape.between(0, COPY_MAX) as u64);
            let copy = async {
                sleep(copied).await;
                for (name, file) in ["a.yaml", "b.yaml"].into_iter().zip(0..) {
                    save(host, 1, name, &after.file(file));
                }
                meant(host, 1, &after);
                ring(host, 1);
            };
            let mishaps = async {
                sleep(Duration::from_millis(tape.between(0, 20_000) as u64)).await;
                match tape.below(4) {
                    0 => pause(host, &mut tape).await,
                    1 => lose_a_file(host, &mut tape).await,
                    2 => {
                        let at = tape.below(2);
                        host.lock().note(|| format!("{at}: dies"));
                        host.lock().replicas[at].dead.send_replace(true);
                    }
                    _ => {}
                }
            };
            tokio::join!(copy, mishaps);
            sleep(Duration::from_secs(tape.between(1, 90) as u64)).await;
            last = after;
        }
        // Longer than anything is waited for.
        sleep(OLDER_FOR + interval * 4 + Duration::from_secs(120)).await;
        let mut state = host.lock();
        let (live, wanted) = (state.live(), last.wanted.keys().copied().collect::<BTreeSet<_>>());
        if live != wanted {
            state.violations.push(format!("live in the end: {live:?}, wanted: {wanted:?}"));
        }
    };
    tokio::select! {
        biased;
        () = story => {}
        _ = futures_util::future::join_all(keepers) => {}
    }
}

/// SIGUSR1 to whoever writes, perhaps in the middle of it, and later SIGUSR2.
async fn pause(host: &Shared, tape: &mut Tape) {
    let say = |host: &Shared, is_paused: bool| {
        let mut state = host.lock();
        let now = state.now();
        state.note(|| format!("paused: {is_paused}"));
        for known in &mut state.replicas {
            known.paused_since = is_paused.then_some(now);
            known.paused.send_replace(is_paused);
            known.bell.notify_one();
        }
    };
    amid_writes(host).await;
    say(host, true);
    sleep(Duration::from_secs(tape.between(1, 60) as u64)).await;
    say(host, false);
}

/// A file is away for a while: an editor, `git checkout`, a copy.
async fn lose_a_file(host: &Shared, tape: &mut Tape) {
    let folder = host.lock().replicas[0].folder.clone();
    let (file, aside) = (folder.join("b.yaml"), folder.join("away"));
    fs::rename(&file, &aside).expect("a folder of our own");
    host.lock().note(|| "b.yaml is away".to_owned());
    ring(host, 0);
    sleep(Duration::from_millis(tape.between(100, 30_000) as u64)).await;
    fs::rename(&aside, &file).expect("a folder of our own");
    host.lock().note(|| "b.yaml is back".to_owned());
    ring(host, 0);
}

async fn amid_writes(host: &Shared) {
    let before = host.lock().writes;
    for _ in 0..200 {
        if host.lock().writes > before {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn simulate(mut tape: Tape, traced: bool, folder: PathBuf) -> Verdict {
    let mut sandbox = Sandbox::new(World::demo(POOL / 2), Faults::default());
    sandbox.world.ensure_account(MAIN, None);
    sandbox.world.ensure_account(FOREIGN, None);
    let is_person = tape.chance(300);
    let replica = |name: &str| {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder of our own");
        Replica {
            folder,
            meant: Vec::new(),
            bell: Arc::default(),
            dead: watch::channel(false).0,
            paused: watch::channel(false).0,
            paused_since: None,
            life: 0,
            force: None,
            older: None,
            began: BTreeSet::new(),
        }
    };
    let host = Shared(Arc::new(Mutex::new(Host {
        sandbox,
        tape: tape.fork(),
        began: Instant::now(),
        replicas: if is_person { Vec::new() } else { ["one", "two"].map(replica).into() },
        acted: Vec::new(),
        last_by: None,
        silence: None,
        writes: 0,
        requests: 0,
        violations: Vec::new(),
        log: traced.then(Vec::new),
    })));
    match is_person {
        true => person::apply(&host, &folder, tape).await,
        false => replicas(&host, &folder, tape).await,
    }
    let mut host = host.lock();
    Verdict {
        violations: std::mem::take(&mut host.violations),
        log: host.log.take().unwrap_or_default(),
        requests: host.requests,
        came_to: host.writes,
    }
}

#[test]
fn nothing_is_written_without_authority() {
    lagging::seeds(["authority", "writes", "one_authority_seed"], simulate);
}

#[test]
#[ignore = "replays the one that SEED= names"]
fn one_authority_seed() {
    lagging::replay(simulate);
}

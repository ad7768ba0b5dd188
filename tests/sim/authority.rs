//! Authority at the moment of the write (law 13): files that people save one after the other, two replicas with
//! one state directory or one Lease whose copies of them arrive at different times, files that are put right, a
//! pause and a window that ends in the middle of a run, and a person at the prompt while somebody else changes
//! what the plan is about.
//!
//! The engine is the daemon's loop, with its files, locks and ledger, and `apply` with its question. The oracles
//! are written from what crosses the wire and from what people meant, never from what the engine thinks.

use std::collections::BTreeSet;
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
use crate::lagging::{self, Tried, Verdict, clients_of, rows};
use crate::tape::Tape;

mod lease;
mod people;
mod person;

use people::{
    COPY_MAX, Intention, Shut, amid_writes, count_windows, cut_off, edit, lose_a_file, meant, next, pause,
    ring, save,
};

const EPOCH: Duration = Duration::from_secs(1_795_500_000);
const POOL: usize = 8;
/// An older content that nothing else replaces is taken for a deliberate return after this time.
const OLDER_FOR: Duration = Duration::from_secs(180);

fn number(at: usize) -> String {
    format!("+1555223{at:04}")
}

/// A folder of files, and who reads it.
#[derive(Debug)]
struct Replica {
    folder: PathBuf,
    /// The last two intentions that were saved there as a whole.
    meant: Vec<BTreeSet<usize>>,
    /// What is on disk, and since when it was told of it.
    on_disk: Option<(Duration, Generation)>,
    bell: Arc<Notify>,
    dead: watch::Sender<bool>,
    paused: watch::Sender<bool>,
    paused_since: Option<Duration>,
    life: usize,
    /// It cannot reach the Lease's server.
    is_cut_off: bool,
    force: Option<Generation>,
    /// A content by which it may act from now on; known to others once it does.
    taken: Option<Generation>,
    /// Since when it has an older content than the last one that was in force.
    older: Option<(Generation, Duration)>,
    began: BTreeSet<usize>,
}

struct Host {
    sandbox: Sandbox,
    tape: Tape,
    began: Instant,
    replicas: Vec<Replica>,
    /// The Lease, in every other seed.
    lease: Option<lease::KeptLease>,
    shut: Option<Shut>,
    tried: Tried,
    /// The contents under which somebody acted, in order; the last one with its writer's life.
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
        known.taken = None;
        if is_older {
            if known.older.is_none_or(|(older, _)| older != content) {
                known.older = Some((content, now));
                self.count("leaders with older files");
            }
            return;
        }
        known.older = None;
        known.taken = Some(content);
        if is_last {
            self.acts(replica);
        }
    }

    /// It wrote by its content, or could have: the next one is to know of it.
    fn acts(&mut self, replica: usize) {
        let known = &mut self.replicas[replica];
        let Some(content) = known.taken.take() else { return };
        self.last_by = Some((replica, known.life));
        self.acted.retain(|known| *known != content);
        self.acted.push(content);
    }

    fn count(&mut self, what: &'static str) {
        *self.tried.entry(what).or_default() += 1;
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
        if replica < self.replicas.len() {
            self.acts(replica);
        }
        let shut = self.shut;
        let holder =
            self.lease.as_ref().map(|lease| (lease.holder().map(str::to_owned), lease.is_overdue(now)));
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
        if shut.is_some_and(|shut| shut.holds(now)) && !finishes {
            wrong.push("while no window was open".to_owned());
        }
        let me = lease::identity(replica, known.life);
        if holder.is_some_and(|(holder, is_overdue)| holder != Some(me) || is_overdue) {
            wrong.push("without the Lease".to_owned());
        }
        if (is_release || is_purchase)
            && known.on_disk.is_some_and(|(told, content)| told < now && Some(content) != known.force)
        {
            wrong.push("by files that were replaced".to_owned());
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

async fn replica(host: &Shared, at: usize, (state, interval): (PathBuf, Duration), seed: u64) {
    let (mut dead, bell, folder, paused, life, has_lease) = {
        let mut host = host.lock();
        let has_lease = host.lease.is_some();
        let known = &mut host.replicas[at];
        known.life += 1;
        (known.older, known.force, known.taken, known.on_disk) = (None, None, None, None);
        known.began.clear();
        known.dead.send_replace(false);
        known.bell = Arc::new(Notify::new());
        let (dead, bell) = (known.dead.subscribe(), known.bell.clone());
        (dead, bell, known.folder.clone(), known.paused.subscribe(), known.life, has_lease)
    };
    let lease = has_lease.then(|| lease::candidate(host, at, life));
    let ledger = match &lease {
        Some(lease) => Ledger::InMemory.beside(lease.clone()),
        None => Ledger::open(&state).expect("a folder of our own"),
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
            lock_places: if has_lease { vec![] } else { vec![LockPlace::named(state.join("locks"))] },
            lease,
            ledger,
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
                if matches!(news, News::Ended { .. }) {
                    host.lock().acts(at);
                }
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
    let shut = host.lock().shut;
    let first = Intention { edit: 0, wanted: (0..POOL / 2).map(|at| (at, at % 2)).collect(), shut };
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
        match shut {
            None => sleep(Duration::from_secs(30)).await,
            // The window ends while an edit is written that only configures, or that has to settle first.
            Some(shut) => {
                let only_configures = tape.chance(500);
                let early =
                    if only_configures { tape.between(0, 2_500) } else { tape.between(5_000, 12_000) };
                sleep(shut.begins() - Duration::from_millis(early as u64)).await;
                if only_configures {
                    let renamed = Intention { edit: last.edit + 1, ..last.clone() };
                    edit(host, &last, &renamed, &mut tape).await;
                    last = renamed;
                }
            }
        }
        for _ in 0..tape.between(2, 5) {
            let mut after = next(&last, &mut tape);
            edit(host, &last, &after, &mut tape).await;
            if tape.chance(250) && amid_writes(host).await {
                host.lock().count("files put right in the middle of a run");
                let right = Intention { edit: after.edit + 1, ..last.clone() };
                edit(host, &after, &right, &mut tape).await;
                after = right;
            }
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
                match tape.below(5) {
                    0 => pause(host, &mut tape).await,
                    3 => cut_off(host, &mut tape).await,
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

async fn simulate(mut tape: Tape, traced: bool, folder: PathBuf) -> Verdict {
    let mut sandbox = Sandbox::new(World::demo(POOL / 2), Faults::default());
    sandbox.world.ensure_account(MAIN, None);
    sandbox.world.ensure_account(FOREIGN, None);
    let is_person = tape.chance(300);
    let lease = tape.chance(500).then(lease::KeptLease::default);
    let shut = tape.chance(300).then(|| {
        let from = tape.between(1, 3);
        Shut { from, to: from + 1 }
    });
    let replica = |name: &str| {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder of our own");
        Replica {
            folder,
            meant: Vec::new(),
            on_disk: None,
            bell: Arc::default(),
            dead: watch::channel(false).0,
            paused: watch::channel(false).0,
            paused_since: None,
            life: 0,
            is_cut_off: false,
            force: None,
            taken: None,
            older: None,
            began: BTreeSet::new(),
        }
    };
    let host = Shared(Arc::new(Mutex::new(Host {
        sandbox,
        tape: tape.fork(),
        began: Instant::now(),
        replicas: if is_person { Vec::new() } else { ["one", "two"].map(replica).into() },
        lease,
        shut,
        tried: Tried::new(),
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
        false => drop(tokio::join!(replicas(&host, &folder, tape), count_windows(&host))),
    }
    let mut host = host.lock();
    Verdict {
        violations: std::mem::take(&mut host.violations),
        log: host.log.take().unwrap_or_default(),
        requests: host.requests,
        came_to: host.writes,
        tried: std::mem::take(&mut host.tried),
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

//! Every crash there is: for many plans that together have every kind of action, the process dies
//! at every request boundary (before the send, with the request lost, after the server acted, after
//! the answer came), starts again, and must end where it was going.
//!
//! Half of the plans are an `apply`'s, the others a daemon's that keeps its budget and whose limits
//! allow exactly what is to be done: what is counted before a crash must not be in the way after it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use numctl::model::action_kind::ActionKind;
use numctl::model::provider::Api;
use numctl::sandbox::Faults;
use numctl::sandbox::faults::OwnedPurchase;
use tokio::time::sleep;

use crate::actors::save;
use crate::fates::Fates;
use crate::fleet::File;
use crate::process::Host;
use crate::runs::{say, threads};
use crate::seed::{clean_plan, in_a_folder, world};
use crate::state::{CrashPoint, Moment, Shared, State};
use crate::tape::Tape;

/// Plans to crash. Together they have at least [`PAIRS_MIN`] boundaries.
const PLANS: u64 = 400;
const PAIRS_MIN: usize = 25_000;

/// The outcome of a plan: its kinds of action, the requests that it takes, and what went wrong.
struct Outcome {
    kinds: BTreeSet<ActionKind>,
    requests: u64,
    wrong: Vec<String>,
}

async fn crashed(plan: u64, crash: Option<CrashPoint>, folder: PathBuf) -> Outcome {
    let mut tape = Tape::new(plan ^ 0xc4a5_0000);
    let mut faults = Faults::default();
    faults.dialect.owned = *tape.pick(&[OwnedPurchase::Refuse, OwnedPurchase::Update, OwnedPurchase::Ignore]);
    faults.dialect.owned_v2010 = Some(faults.dialect.owned);
    faults.dialect.transfer_clears = tape.chance(500);
    let sandbox = world(&mut tape, faults);
    let state = Shared::new(State::new(sandbox, tape.fork(), Fates::default(), false));
    let is_daemon = tape.chance(500);
    let mut file = File::draw(&mut tape, false);
    file.make_satisfiable();
    let interval = Duration::from_secs(20);
    let host = Host {
        state: state.clone(),
        folder,
        page_size: 5,
        interval,
        watch_events: None,
        locks: is_daemon,
        keeps_budget: is_daemon,
        api: if plan % 3 == 2 { Api::IncomingPhoneNumbers } else { Api::ActiveNumbers },
        lends: plan % 6 == 5,
    };
    save(&host, &file);
    let truth = state.lock().files[0].desired.clone();
    let planned = clean_plan(&host, &truth).await;
    if is_daemon {
        file.max_purchases = planned.count(ActionKind::Purchase);
        file.max_releases = planned.count(ActionKind::Release);
        file.is_share = false;
        save(&host, &file);
    }
    state.lock().crash = crash;
    let requests = match is_daemon {
        true => one_daemon(&host, plan).await,
        false => two_applies(&host, plan).await,
    };
    let mut state = state.lock();
    if let (Some(crash), 0) = (crash, state.deaths) {
        state.violation(format!("did not die at {crash:?}"));
    }
    if !state.passes.values().last().is_some_and(|pass| pass.is_quiet) {
        state.violation("not converged after the crash".to_owned());
    }
    state.sometimes.hand_in();
    let kinds = planned.steps.iter().map(|step| step.action.kind()).collect();
    Outcome { kinds, requests, wrong: std::mem::take(&mut state.violations) }
}

/// Runs `apply` until it has nothing to do; says how many requests the first one took.
async fn two_applies(host: &Host, seed: u64) -> u64 {
    let process = host.new_process(false, false);
    host.apply(process, seed, None).await;
    let requests = host.state.lock().requests;
    for again in 1..=3 {
        if quiet(host) {
            break;
        }
        let process = host.new_process(false, false);
        host.apply(process, seed + again, None).await;
    }
    requests
}

/// Runs a daemon, and again if it dies, until it has nothing to do.
async fn one_daemon(host: &Host, seed: u64) -> u64 {
    let process = host.new_process(true, true);
    let mut first = None;
    let done = async {
        loop {
            sleep(Duration::from_secs(1)).await;
            if first.is_none() && host.state.lock().passes.values().any(|pass| pass.is_over) {
                first = Some(host.state.lock().requests);
            }
            if quiet(host) {
                return;
            }
        }
    };
    let lives = async {
        for life in 0..4 {
            host.daemon(process, seed + life).await;
        }
    };
    tokio::select! {
        biased;
        () = done => {}
        () = lives => {}
        () = sleep(Duration::from_secs(600)) => {}
    }
    first.unwrap_or_default()
}

fn quiet(host: &Host) -> bool {
    host.state.lock().passes.values().last().is_some_and(|pass| pass.is_quiet)
}

fn run(plan: u64, crash: Option<CrashPoint>) -> Outcome {
    in_a_folder(async |folder| crashed(plan, crash, folder).await)
}

#[test]
fn every_boundary() {
    let started = Instant::now();
    let (next, pairs) = (AtomicU64::new(0), AtomicUsize::new(0));
    let kinds = Mutex::new(BTreeSet::new());
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let plan = next.fetch_add(1, Ordering::Relaxed);
                    if plan >= PLANS || !failed.lock().expect("a lock").is_empty() {
                        return;
                    }
                    let whole = run(plan, None);
                    kinds.lock().expect("a lock").extend(whole.kinds);
                    if !whole.wrong.is_empty() {
                        failed.lock().expect("a lock").push((plan, None, whole.wrong));
                    }
                    for request in 1..=whole.requests {
                        for moment in Moment::ALL {
                            let crash = CrashPoint { request, moment };
                            let wrong = run(plan, Some(crash)).wrong;
                            pairs.fetch_add(1, Ordering::Relaxed);
                            if !wrong.is_empty() {
                                failed.lock().expect("a lock").push((plan, Some(crash), wrong));
                            }
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("a lock");
    assert!(failed.is_empty(), "{:#?}", &failed[..failed.len().min(3)]);
    let pairs = pairs.into_inner();
    let took = started.elapsed().as_secs_f64();
    say(&format!("{PLANS} plans crashed at {pairs} boundaries in {took:.1} s"));
    assert!(pairs >= PAIRS_MIN, "{pairs} boundaries");
    assert_eq!(kinds.into_inner().expect("a lock").len(), ActionKind::ALL.len(), "every kind of action");
}

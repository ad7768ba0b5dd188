//! Every crash there is: for many plans that together have every kind of action, the process dies
//! at every request boundary (before the send, after the server acted, after the answer came),
//! starts again, and must end where it was going.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use numctl::plan::ActionKind;
use numctl::reconcile::Pass;
use numctl::sandbox::Faults;
use numctl::sandbox::faults::OwnedPurchase;

use crate::engine::{Ended, Engine, pass};
use crate::fates::Fates;
use crate::fleet::{self, File};
use crate::seed::{runtime, world};
use crate::state::{CrashPoint, Moment, Shared, State};
use crate::tape::Tape;

/// Plans to crash. Together they have at least [`PAIRS_MIN`] boundaries.
const PLANS: u64 = 420;
const PAIRS_MIN: usize = 25_000;
const MOMENTS: [Moment; 3] = [Moment::BeforeSend, Moment::AfterActing, Moment::AfterReceipt];

/// The kinds of action that a pass without a crash carries out, and how many requests it takes; or,
/// with a crash, what went wrong.
async fn crashed(plan: u64, crash: Option<CrashPoint>) -> (Vec<ActionKind>, u64, Vec<String>) {
    let mut tape = Tape::new(plan ^ 0xc4a5_0000);
    let mut faults = Faults::default();
    faults.dialect.owned = *tape.pick(&[OwnedPurchase::Refuse, OwnedPurchase::Update, OwnedPurchase::Ignore]);
    faults.dialect.transfer_clears = tape.chance(500);
    let sandbox = world(&mut tape, faults);
    let state = Shared::new(State::new(sandbox, tape.fork(), Fates::default(), false));
    let mut file = File::draw(&mut tape);
    file.make_satisfiable();
    let truth = Arc::new(fleet::parse(&file.text()).expect("the file of the generator"));
    let engine = Engine { desired: truth.clone(), truth, page_size: 5, seed: plan };
    state.lock().crash = crash;
    let mut kinds = Vec::new();
    let first = pass(&state, &engine).await;
    let requests = state.lock().requests;
    if let (None, Ended::Pass(Pass::Executed(report))) = (crash, &first) {
        kinds = report.plan.steps.iter().map(|step| step.action.kind()).collect();
        if !report.is_settled() {
            state.lock().violation(format!("without a crash: {:?}", report.ends));
        }
    }
    if let (Some(crash), Ended::Pass(_)) = (crash, &first) {
        state.lock().violation(format!("did not die at {crash:?}"));
    }
    // Whatever was done before, the second pass finishes, and the third finds nothing.
    let mut settled = false;
    for _ in 0..3 {
        if let Ended::Pass(Pass::Executed(report)) = pass(&state, &engine).await
            && report.plan.is_empty()
        {
            settled = true;
            break;
        }
    }
    let mut state = state.lock();
    if !settled {
        state.violation("not converged three passes after the crash".to_owned());
    }
    state.sometimes.hand_in();
    (kinds, requests, std::mem::take(&mut state.violations))
}

#[test]
#[ignore = "issue 3: not finished"]
fn every_boundary() {
    let started = Instant::now();
    let (next, pairs) = (AtomicU64::new(0), AtomicUsize::new(0));
    let kinds = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let failed = std::sync::Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, |many| many.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let plan = next.fetch_add(1, Ordering::Relaxed);
                    if plan >= PLANS || !failed.lock().expect("a lock").is_empty() {
                        return;
                    }
                    let (of_plan, requests, wrong) = runtime().block_on(crashed(plan, None));
                    kinds.lock().expect("a lock").extend(of_plan);
                    if !wrong.is_empty() {
                        failed.lock().expect("a lock").push((plan, None, wrong));
                    }
                    for request in 1..=requests {
                        for moment in MOMENTS {
                            let crash = CrashPoint { request, moment };
                            let (_, _, wrong) = runtime().block_on(crashed(plan, Some(crash)));
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
    println!("{PLANS} plans crashed at {pairs} boundaries in {:.1} s", started.elapsed().as_secs_f64());
    assert!(pairs >= PAIRS_MIN, "{pairs} boundaries");
    assert_eq!(kinds.into_inner().expect("a lock").len(), 4, "every kind of action");
}

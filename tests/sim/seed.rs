//! One seed: a fleet, a file and its edits, faults for a while (safety), then none (convergence).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use numctl::desired::{Desired, State as Wanted};
use numctl::plan::Warning;
use numctl::reconcile::Pass;
use numctl::report::Report;
use numctl::sandbox::faults::{ListShape, OwnedPurchase};
use numctl::sandbox::{AUTH_TOKEN, Faults, HttpRequest, Sandbox, World};
use numctl::settings::Value;

use crate::engine::{Ended, Engine, pass};
use crate::fates::Fates;
use crate::fleet::{self, FOREIGN, File, MAIN, SUB};
use crate::sometimes;
use crate::state::{By, CrashPoint, Moment, Shared, State, get, post};
use crate::tape::Tape;

/// Once faults stop, so many passes must be enough.
const PASSES_TO_CONVERGE: usize = 6;

/// What a seed came to.
pub struct Verdict {
    pub violations: Vec<String>,
    pub hash: u64,
    pub log: Vec<String>,
    pub passes_to_converge: usize,
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// Runs one seed from beginning to end.
pub fn run(seed: u64, traced: bool) -> Verdict {
    runtime().block_on(simulate(seed, traced))
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
        form.extend(
            settings.iter().filter_map(|(field, value)| Some((field.parameter(), value.as_deref()?))),
        );
        let answer = sandbox.handle(&post("/Numbers/ActiveNumbers", &form, owner));
        assert_eq!(answer.status, 201, "{form:?}: {}", String::from_utf8_lossy(&answer.body));
    }
    sandbox.faults = faults;
    sandbox
}

fn dialect(tape: &mut Tape) -> Faults {
    let mut faults = Faults::default();
    faults.dialect.owned = *tape.pick(&[OwnedPurchase::Refuse, OwnedPurchase::Update, OwnedPurchase::Ignore]);
    faults.dialect.list =
        *tape.pick(&[ListShape::Wild, ListShape::Wild, ListShape::Wild, ListShape::WithoutSid]);
    faults.dialect.transfer_clears = tape.chance(300);
    faults.dialect.normalise_urls = tape.chance(300);
    faults.dialect.documented_only = tape.chance(80);
    faults
}

async fn simulate(seed: u64, traced: bool) -> Verdict {
    let mut tape = Tape::new(seed);
    let (mut world_tape, mut file_tape, mut run_tape) = (tape.fork(), tape.fork(), tape.fork());
    let fates = Fates::draw(&mut tape);
    let faults = dialect(&mut tape);
    let sandbox = world(&mut world_tape, faults);
    let page_size = *tape.pick(&[2, 3, 5, 1000]);
    let state = Shared::new(State::new(sandbox, tape.fork(), fates.clone(), traced));
    note_dialect(&state);
    let mut file = File::draw(&mut file_tape);
    let mut good = Arc::new(fleet::parse(&file.text()).unwrap_or_else(|| panic!("{}", file.text())));
    state.lock().faults_on = true;
    for round in 0..run_tape.between(2, 5) {
        if round > 0 && fates.edits && run_tape.chance(500) {
            file.edit(&mut file_tape);
            good = Arc::new(fleet::parse(&file.text()).unwrap_or_else(|| panic!("{}", file.text())));
            state.lock().sometimes.reached("file edited");
        }
        let mut desired = good.clone();
        if fates.cuts && run_tape.chance(400) {
            desired = cut(&state, &file, &mut run_tape).map_or(desired, Arc::new);
        }
        if fates.clock_jumps && run_tape.chance(300) {
            state.lock().sometimes.reached("clock jumped");
            tokio::time::advance(Duration::from_secs(run_tape.between(60, 90_000) as u64)).await;
        }
        let engine = Engine { desired, truth: good.clone(), page_size, seed: run_tape.draw() };
        if fates.crashes && run_tape.chance(500) {
            let request = state.lock().requests + run_tape.between(1, 25) as u64;
            let moment = *run_tape.pick(&[Moment::BeforeSend, Moment::AfterActing, Moment::AfterReceipt]);
            state.lock().crash = Some(CrashPoint { request, moment });
        }
        if fates.two_writers && run_tape.chance(600) {
            state.lock().sometimes.reached("two writers at once");
            let other = Engine { seed: run_tape.draw(), ..engine.clone() };
            tokio::join!(pass(&state, &engine), pass(&state, &other));
        } else {
            pass(&state, &engine).await;
        }
        state.lock().crash = None;
        if !state.lock().violations.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(run_tape.between(1, 60) as u64)).await;
    }
    let passes_to_converge =
        if state.lock().violations.is_empty() { converge(&state, &mut file, page_size).await } else { 0 };
    let mut state = state.lock();
    state.sometimes.hand_in();
    Verdict {
        violations: std::mem::take(&mut state.violations),
        hash: state.hash(),
        log: state.log.take().unwrap_or_default(),
        passes_to_converge,
    }
}

/// The file, cut somewhere: what a reader sees of a write that is not finished.
fn cut(state: &Shared, file: &File, tape: &mut Tape) -> Option<Desired> {
    let mut text = file.text();
    let mut at = tape.below(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.truncate(at);
    // A file cut within `accounts:` asks for SIDs in the environment, which has none here.
    let parsed = fleet::parse(&text).filter(|cut| cut.accounts.iter().all(|account| account.sid.is_some()));
    state.lock().sometimes.reached(if parsed.is_some() { "cut file parsed" } else { "cut file refused" });
    parsed
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
    if dialect.transfer_clears {
        state.sometimes.reached("transfer cleared URLs");
    }
    let fates = format!("{:?}", state.fates);
    state.note(|| format!("{dialect:?} {fates}"));
}

/// Faults are over: the file must be reached within the bound, and then nothing may be written.
async fn converge(state: &Shared, file: &mut File, page_size: u16) -> usize {
    // What was on its way arrives.
    tokio::time::sleep(Duration::from_secs(120)).await;
    calm(&mut state.lock());
    file.make_satisfiable();
    let truth = Arc::new(fleet::parse(&file.text()).expect("the file of the generator"));
    for passes in 1..=PASSES_TO_CONVERGE {
        let engine = Engine { desired: truth.clone(), truth: truth.clone(), page_size, seed: passes as u64 };
        match pass(state, &engine).await {
            Ended::Pass(Pass::Executed(report)) if report.plan.is_empty() => {
                reached(&mut state.lock(), &truth, &report);
                quiet(state, &engine).await;
                state.lock().sometimes.reached("converged");
                return passes;
            }
            Ended::Pass(Pass::Executed(_)) => {}
            other => state.lock().violation(format!("without faults a pass came to {other:?}")),
        }
    }
    state.lock().violation(format!("not converged within {PASSES_TO_CONVERGE} passes"));
    PASSES_TO_CONVERGE
}

fn calm(state: &mut State) {
    state.faults_on = false;
    state.revoked_until = Duration::ZERO;
    state.sandbox.faults.dialect.documented_only = false;
    // What somebody else holds would never be on offer again.
    let theirs: Vec<_> =
        state.holdings.values().filter(|holding| holding.account.to_string() == FOREIGN).cloned().collect();
    for holding in theirs {
        let path = format!("/Numbers/ActiveNumbers/{}", holding.sid);
        let delete = HttpRequest {
            method: "DELETE".into(),
            credentials: Some((FOREIGN.into(), AUTH_TOKEN.into())),
            ..get(&path, "", FOREIGN)
        };
        state.act(&delete, By::Other);
    }
}

/// Compares the world with the file, independently of the planner.
fn reached(state: &mut State, truth: &Desired, report: &Report) {
    let excused = |number| {
        report.plan.held.iter().any(|held| held.number == number)
            || report.plan.warnings.iter().any(|warning| match warning {
                Warning::NoSms { number: n }
                | Warning::FallbackWithoutPrimary { number: n, .. }
                | Warning::FallbackInTheWay { number: n, .. } => *n == number,
                _ => false,
            })
    };
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

fn normal(text: &str) -> String {
    url::Url::parse(text).map_or_else(|_| text.to_owned(), String::from)
}

/// Nothing is written any more, and only the listings are read.
async fn quiet(state: &Shared, engine: &Engine) {
    let requests = state.lock().requests;
    let writes = state.lock().writes;
    pass(state, engine).await;
    let mut state = state.lock();
    let per_account = |sid: &str| {
        let numbers = state.holdings.values().filter(|holding| holding.account.to_string() == sid).count();
        numbers.div_ceil(usize::from(engine.page_size)).max(1) as u64
    };
    let fewest = per_account(MAIN) + per_account(SUB);
    let asked = state.requests - requests;
    if state.writes != writes {
        state.violation("a write after convergence".to_owned());
    }
    if asked != fewest {
        state.violation(format!("{asked} requests for a quiet pass, and {fewest} are enough"));
    }
}

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seeds of CI; `SEEDS` and `SEED_FROM` choose others.
#[test]
#[ignore = "issue 3: not finished"]
fn random_seeds() {
    let seeds = number_from("SEEDS", 20_000);
    let from = number_from("SEED_FROM", 0);
    let next = AtomicU64::new(from);
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, |many| many.get());
    let failed = std::sync::Mutex::new(Vec::new());
    let worst = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds || failed.lock().expect("a lock").len() >= 3 {
                        return;
                    }
                    let verdict = match std::panic::catch_unwind(|| run(seed, false)) {
                        Ok(verdict) => verdict,
                        Err(_) => {
                            failed.lock().expect("a lock").push((seed, vec!["a panic".to_owned()]));
                            continue;
                        }
                    };
                    worst.fetch_max(verdict.passes_to_converge as u64, Ordering::Relaxed);
                    let mut violations = verdict.violations;
                    if seed.is_multiple_of(100) && run(seed, false).hash != verdict.hash {
                        violations.push("another event log the second time".to_owned());
                    }
                    if !violations.is_empty() {
                        failed.lock().expect("a lock").push((seed, violations));
                    }
                }
            });
        }
    });
    let took = started.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds in {took:.1} s on {threads} threads: {:.0} seeds a second; at most {} passes to converge",
        seeds as f64 / took,
        worst.load(Ordering::Relaxed)
    );
    let failed = failed.into_inner().expect("a lock");
    for (seed, violations) in &failed {
        println!(
            "seed {seed}: {violations:#?}\n  SEED={seed} cargo test --test sim one_seed -- --ignored --nocapture"
        );
    }
    assert!(failed.is_empty(), "{} seeds broke a law", failed.len());
    let histogram = sometimes::histogram();
    for (event, count) in &histogram {
        println!("{count:>9}  {event}");
    }
    if seeds >= 20_000 {
        let never: Vec<_> =
            histogram.iter().filter(|(_, count)| *count == 0).map(|(event, _)| event).collect();
        assert!(never.is_empty(), "never reached: {never:?}");
    }
}

/// `SEED=123 cargo test --test sim one_seed -- --ignored --nocapture`
#[test]
#[ignore = "issue 3: not finished"]
fn one_seed() {
    let verdict = run(number_from("SEED", 0), true);
    for line in &verdict.log {
        println!("{line}");
    }
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
}

//! Many seeds, one seed.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::seed::run;
use crate::sometimes;

/// Every so many seeds, one runs twice and must give the same event log.
const TWICE: u64 = 100;
/// With this many seeds, every event of the list must have been reached. CI runs them.
const ENOUGH: u64 = 20_000;
/// What `cargo test` runs, without `NUMCTL_SEEDS`.
const DEFAULT_SEEDS: u64 = 1_000;

pub fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// How many seeds to run. The other simulations run a tenth of them.
pub fn seeds() -> u64 {
    number_from("NUMCTL_SEEDS", DEFAULT_SEEDS)
}

pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |many| many.get())
}

/// Says a figure that CI is to show: past the test runner, which keeps what a passing test prints.
pub fn say(figure: &str) {
    // Without a reader there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{figure}");
}

/// Does the work of so many seeds on every core, until `enough` of them have failed, and gives those that did:
/// the work says what law it broke. `replay` is the test that replays one.
pub fn on_every_core(
    (from, count): (u64, u64),
    enough: usize,
    replay: &str,
    work: impl Fn(u64) -> Vec<String> + Sync,
) -> Vec<u64> {
    let (next, failed) = (AtomicU64::new(from), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count || failed.lock().expect("no panic holds it").len() >= enough {
                        return;
                    }
                    let violations = catch_unwind(AssertUnwindSafe(|| work(seed)));
                    let violations = violations.unwrap_or_else(|_| vec!["a panic".to_owned()]);
                    if !violations.is_empty() {
                        // At once: the run may be stopped before its end.
                        println!(
                            "seed {seed}: {:#?}\n  SEED={seed} cargo test --test sim {replay} -- --ignored --nocapture",
                            &violations[..violations.len().min(8)]
                        );
                        failed.lock().expect("no panic holds it").push(seed);
                    }
                }
            });
        }
    });
    failed.into_inner().expect("no panic holds it")
}

/// `NUMCTL_SEEDS` says how many, `SEED_FROM` from which on.
#[test]
fn random_seeds() {
    let (from, count) = (number_from("SEED_FROM", 0), seeds());
    let started = Instant::now();
    let [ran, requests, simulated_seconds, most_passes] = [(); 4].map(|()| AtomicU64::new(0));
    let enough = number_from("ENOUGH", 3) as usize;
    let failed = on_every_core((from, count), enough, "one_seed", |seed| {
        ran.fetch_add(1, Ordering::Relaxed);
        let verdict = run(seed, false);
        requests.fetch_add(verdict.requests, Ordering::Relaxed);
        simulated_seconds.fetch_add(verdict.simulated.as_secs(), Ordering::Relaxed);
        most_passes.fetch_max(verdict.passes_to_converge as u64, Ordering::Relaxed);
        let mut violations = verdict.violations;
        if seed.is_multiple_of(TWICE) && run(seed, false).hash != verdict.hash {
            violations.push("another event log the second time".to_owned());
        }
        violations
    });
    let took = started.elapsed().as_secs_f64();
    let ran = ran.into_inner();
    say(&format!(
        "{ran} seeds in {took:.1} s on {} threads: {:.0} seeds a second; {} requests, {:.1} years simulated; at most {} passes to converge",
        threads(),
        ran as f64 / took,
        requests.into_inner(),
        Duration::from_secs(simulated_seconds.into_inner()).as_secs_f64() / (365.25 * 86_400.0),
        most_passes.into_inner(),
    ));
    let histogram = sometimes::histogram();
    for (event, count) in &histogram {
        println!("{count:>9}  {event}");
    }
    assert!(failed.is_empty(), "{} seeds broke a law", failed.len());
    if count >= ENOUGH {
        let never: Vec<_> =
            histogram.iter().filter(|(_, count)| *count == 0).map(|(event, _)| event).collect();
        assert!(never.is_empty(), "never reached: {never:?}");
    }
}

#[test]
#[ignore = "replays the one that SEED= names"]
fn one_seed() {
    let verdict = run(number_from("SEED", 0), true);
    for line in &verdict.log {
        println!("{line}");
    }
    assert!(verdict.violations.is_empty(), "{:#?}", verdict.violations);
}

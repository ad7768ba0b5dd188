//! Many seeds, one seed.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::seed::run;
use crate::sometimes;

/// Every so many seeds, one runs twice and must give the same event log.
const TWICE: u64 = 100;
/// With so many seeds, every event of the list must have been reached.
const ENOUGH: u64 = 20_000;

pub fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |many| many.get())
}

/// Says a figure that CI is to show: past the test runner, which keeps what a passing test prints.
pub fn say(figure: &str) {
    // Without a reader there is nobody to tell.
    let _ = writeln!(std::io::stdout(), "{figure}");
}

/// What so many seeds came to.
#[derive(Default)]
pub struct Tally {
    pub failed: Mutex<Vec<(u64, Vec<String>)>>,
    pub seeds: AtomicU64,
    requests: AtomicU64,
    simulated_seconds: AtomicU64,
    most_passes: AtomicUsize,
}

/// Runs seeds on every core, until `enough` of them have failed.
pub fn seeds(from: u64, count: u64, enough: usize) -> Tally {
    let tally = Tally::default();
    let next = AtomicU64::new(from);
    let fail = |seed: u64, violations: Vec<String>| {
        // At once: the run may be stopped before its end.
        println!(
            "seed {seed}: {:#?}\n  SEED={seed} cargo test --test sim one_seed -- --ignored --nocapture",
            &violations[..violations.len().min(8)]
        );
        tally.failed.lock().expect("no panic holds it").push((seed, violations));
    };
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count || tally.failed.lock().expect("no panic holds it").len() >= enough
                    {
                        return;
                    }
                    tally.seeds.fetch_add(1, Ordering::Relaxed);
                    let Ok(verdict) = std::panic::catch_unwind(|| run(seed, false)) else {
                        fail(seed, vec!["a panic".to_owned()]);
                        continue;
                    };
                    tally.requests.fetch_add(verdict.requests, Ordering::Relaxed);
                    tally.simulated_seconds.fetch_add(verdict.simulated.as_secs(), Ordering::Relaxed);
                    tally.most_passes.fetch_max(verdict.passes_to_converge, Ordering::Relaxed);
                    let mut violations = verdict.violations;
                    if seed.is_multiple_of(TWICE) && run(seed, false).hash != verdict.hash {
                        violations.push("another event log the second time".to_owned());
                    }
                    if !violations.is_empty() {
                        fail(seed, violations);
                    }
                }
            });
        }
    });
    tally
}

/// The seeds of CI; `SEEDS` and `SEED_FROM` choose others.
#[test]
fn random_seeds() {
    let (from, count) = (number_from("SEED_FROM", 0), number_from("SEEDS", ENOUGH));
    let started = Instant::now();
    let tally = seeds(from, count, number_from("ENOUGH", 3) as usize);
    let took = started.elapsed().as_secs_f64();
    let seeds = tally.seeds.into_inner();
    say(&format!(
        "{seeds} seeds in {took:.1} s on {} threads: {:.0} seeds a second; {} requests, {:.1} years simulated; at most {} passes to converge",
        threads(),
        seeds as f64 / took,
        tally.requests.into_inner(),
        Duration::from_secs(tally.simulated_seconds.into_inner()).as_secs_f64() / (365.25 * 86_400.0),
        tally.most_passes.into_inner(),
    ));
    let failed = tally.failed.into_inner().expect("no panic holds it");
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

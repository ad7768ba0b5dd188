//! What a daemon costs that has nothing to do.

use std::time::{Duration, Instant};

use super::figures::{median, mib};
use super::proc;
use super::process::{Daemon, Sandbox};

/// Long enough for no cycle of its own to fall into what is measured (it is kept within a tenth).
const INTERVAL: &str = "10m";
/// What follows a cycle, and is not waiting: threads of blocking work end 10 s after their last.
const SETTLED: Duration = Duration::from_secs(15);
const WINDOW: Duration = Duration::from_secs(150);
const STAND_BY: Duration = Duration::from_secs(60);
/// Cycles that are rung for, to see what one costs.
const CYCLES: usize = 10;

pub(crate) fn run(sizes: &[usize]) {
    println!(
        "\nidle: `numctl run --listen --interval {INTERVAL}`, all in sync, {WINDOW:?} between two cycles\n"
    );
    println!(
        "| numbers | CPU between cycles (ticks) | CPU (threads) | RSS after the first cycle | RSS after {CYCLES} more | most | \
         fds | threads | CPU of a cycle | wall of a cycle | log lines a cycle | standing by: CPU | RSS |"
    );
    println!("|{}", " --- |".repeat(13));
    for numbers in sizes {
        of(*numbers);
    }
}

fn of(numbers: usize) {
    let sandbox = Sandbox::start(&["--numbers", &numbers.to_string()]);
    sandbox.run(&["export", "-o", "fleet.yaml"]);
    let base_url = sandbox.base_url();
    let args = ["-f", "fleet.yaml", "--interval", INTERVAL, "--listen", "0", "--state-dir", "state"];
    let daemon = sandbox.daemon("log", &base_url, &args);
    daemon.says("result=\"in sync\"", 1);
    let first = proc::sample(daemon.id()).expect("it runs");
    std::thread::sleep(SETTLED);
    let (ticks, threads, lines) = (proc::cpu(daemon.id()), proc::cpu_of_threads(daemon.id()), lines(&daemon));
    let began = Instant::now();
    std::thread::sleep(WINDOW);
    let window = began.elapsed();
    let share = |cpu: Duration| cpu.as_secs_f64() / window.as_secs_f64() * 100.0;
    let ticks = share(proc::cpu(daemon.id()) - ticks);
    let threads = share(proc::cpu_of_threads(daemon.id()).saturating_sub(threads));
    assert_eq!(self::lines(&daemon), lines, "it says something while nothing happens:\n{}", daemon.log());
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for cycle in 0..CYCLES {
        let before = proc::cpu_of_threads(daemon.id());
        let began = Instant::now();
        daemon.process.signal("HUP");
        daemon.says("result=\"in sync\"", cycle + 2);
        wall.push(began.elapsed().as_secs_f64() * 1e3);
        // What the cycle leaves to be done after its line.
        std::thread::sleep(Duration::from_millis(500));
        cpu.push((proc::cpu_of_threads(daemon.id()).saturating_sub(before)).as_secs_f64() * 1e3);
    }
    let last = proc::sample(daemon.id()).expect("it runs");
    let lines = (self::lines(&daemon) - lines) as f64 / CYCLES as f64;
    let stand_by = stand_by(&sandbox);
    println!(
        "| {numbers} | {ticks:.4}% | {threads:.4}% | {:.1} MiB | {:.1} MiB | {:.1} MiB | {} | {} | {:.1} ms | {:.0} ms | {lines} | {stand_by} |",
        mib(first.rss),
        mib(last.rss),
        mib(last.rss_most),
        last.fds,
        last.threads,
        median(&cpu),
        median(&wall),
    );
    daemon.process.signal("TERM");
    assert_eq!(daemon.process.end(), Some(0));
}

/// What a replica costs that waits for the lock: the share of a core, and its memory.
fn stand_by(sandbox: &Sandbox) -> String {
    let args = ["-f", "fleet.yaml", "--interval", INTERVAL, "--lock-dir", "locks"];
    let base_url = sandbox.base_url();
    let writer = sandbox.daemon("log-of-writer", &base_url, &args);
    writer.says("result=\"in sync\"", 1);
    let daemon = sandbox.daemon("log-of-other", &base_url, &args);
    daemon.says("standing by", 1);
    std::thread::sleep(SETTLED);
    let (before, began) = (proc::cpu(daemon.id()), Instant::now());
    std::thread::sleep(STAND_BY);
    let share = (proc::cpu(daemon.id()) - before).as_secs_f64() / began.elapsed().as_secs_f64() * 100.0;
    format!("{share:.4}% | {:.1} MiB", mib(proc::sample(daemon.id()).expect("it runs").rss))
}

fn lines(daemon: &Daemon) -> usize {
    daemon.log().lines().count()
}

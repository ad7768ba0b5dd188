//! Hours in minutes: short cycles, faults, edits, drift and readers, and what the daemon holds
//! meanwhile. It fails where memory, handles or threads grow.

mod trouble;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::figures::{median, mib, quantile, slope};
use super::http::ask;
use super::proc::{self, Sample};
use super::process::{Daemon, Sandbox};

const NUMBERS: usize = 2_000;
const EVERY: Duration = Duration::from_secs(10);
/// All must be well again within this after the last fault.
const RECOVERY: Duration = Duration::from_secs(180);
/// The last quarter may be so much above the second, and a little more.
const GROWTH: f64 = 1.1;

/// What the others see while it runs.
#[derive(Default)]
struct Seen {
    stop: AtomicBool,
    answers: AtomicU64,
    /// Answers of the listener that are not 200, or are none.
    failures: AtomicU64,
    events: AtomicU64,
    followers: AtomicU64,
    edits: AtomicU64,
    saves: AtomicU64,
    notified: AtomicU64,
}

impl Seen {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Waits, but not beyond the end.
    fn sleep(&self, mut time: Duration) {
        while self.goes_on() && !time.is_zero() {
            let part = time.min(Duration::from_millis(100));
            std::thread::sleep(part);
            time -= part;
        }
    }
}

struct Row {
    at: f64,
    sample: Sample,
    cpu: Duration,
    state: u64,
    log: u64,
}

/// A column: its name, how much more is no growth, and its value.
struct Column(&'static str, Option<f64>, fn(&Row) -> f64);

const COLUMNS: [Column; 8] = [
    Column("RSS, MiB", Some(2.0), |row| mib(row.sample.rss)),
    Column("most RSS, MiB", None, |row| mib(row.sample.rss_most)),
    Column("fds", Some(2.0), |row| row.sample.fds as f64),
    Column("threads", Some(2.0), |row| row.sample.threads as f64),
    Column("sockets", None, |row| row.sample.sockets as f64),
    Column("sockets in CLOSE_WAIT", None, |row| row.sample.close_wait as f64),
    Column("inotify watches", Some(2.0), |row| row.sample.inotify_watches as f64),
    Column("state directory, KiB", None, |row| row.state as f64 / 1024.0),
];

pub(crate) fn run(length: Duration) -> ExitCode {
    let sandbox = Sandbox::start(&["--numbers", &NUMBERS.to_string(), "--latency", "10ms"]);
    let seen = Seen::default();
    let sink = trouble::sink();
    trouble::prepare(&sandbox);
    let base_url = sandbox.base_url();
    let notify = format!("http://{}", sink.local_addr().expect("an address"));
    let args = ["-f", "mount/fleet.yaml", "--interval", "1s", "--listen", "0", "--state-dir", "state"];
    let more =
        ["--lock-dir", "locks", "--credentials-dir", "secrets", "--timeout", "5s", "--notify", &notify];
    let mut daemon = sandbox.daemon("log", &base_url, &[&args[..], &more].concat());
    let shown = daemon.shown_at();
    daemon.says(" cycle ", 1);
    println!(
        "\nsoak: {length:?}, {NUMBERS} numbers, cycles of 1 s, daemon {} on http://{shown}",
        daemon.id()
    );
    let csv = std::env::temp_dir().join(format!("numctl-soak-{}.csv", daemon.id()));
    println!("samples: {}", csv.display());
    let (began, pid) = (Instant::now(), daemon.id());
    let rows = std::thread::scope(|scope| {
        scope.spawn(|| trouble::save_files(&seen, &sandbox, pid));
        scope.spawn(|| trouble::break_the_api(&seen, &sandbox));
        scope.spawn(|| trouble::plant_drift(&seen, &sandbox));
        scope.spawn(|| trouble::read(&seen, &shown));
        scope.spawn(|| trouble::read_badly(&seen, &shown));
        scope.spawn(|| trouble::follow(&seen, &shown, None));
        for at in 1..=3 {
            let (seen, shown) = (&seen, &shown);
            scope.spawn(move || trouble::follow(seen, shown, Some(at)));
        }
        scope.spawn(|| trouble::take_notifications(&seen, &sink));
        let rows = watch(&sandbox, &mut daemon, began, length, &csv);
        seen.stop.store(true, Ordering::Relaxed);
        rows
    });
    report(&seen, &shown, &daemon, &rows, began.elapsed());
    let grew = table(&rows);
    let ended = recover(&sandbox, daemon);
    if let Err(why) = &ended {
        println!("FAILED: {why}");
    }
    if grew || ended.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Samples until the time is up, or the daemon is gone.
fn watch(
    sandbox: &Sandbox,
    daemon: &mut Daemon,
    began: Instant,
    length: Duration,
    csv: &PathBuf,
) -> Vec<Row> {
    let mut text = "seconds,rss_bytes,rss_most_bytes,fds,threads,sockets,close_wait,inotify_watches,cpu_ms,state_bytes,log_bytes\n".to_owned();
    let mut rows: Vec<Row> = Vec::new();
    while began.elapsed() < length && !daemon.process.has_ended() {
        std::thread::sleep(EVERY.min(length.saturating_sub(began.elapsed())));
        let Some(sample) = proc::sample(daemon.id()).filter(|sample| sample.threads > 0) else { break };
        let size = |name: &str| fs::metadata(sandbox.path(name)).map_or(0, |meta| meta.len());
        let row = Row {
            at: began.elapsed().as_secs_f64(),
            cpu: proc::cpu(daemon.id()),
            state: size("state/budget.json"),
            log: size("log"),
            sample,
        };
        let Row { at, sample, cpu, state, log } = &row;
        let Sample { rss, rss_most, threads, fds, sockets, close_wait, inotify_watches } = sample;
        let cpu = cpu.as_millis();
        writeln!(text, "{at:.1},{rss},{rss_most},{fds},{threads},{sockets},{close_wait},{inotify_watches},{cpu},{state},{log}")
            .expect("a string");
        // As a whole each time: it is there even if this process is killed.
        fs::write(csv, &text).expect("the samples are written");
        rows.push(row);
    }
    rows
}

/// Prints what each column did; whether one grew that may not.
fn table(rows: &[Row]) -> bool {
    println!(
        "\n| | start | median | most | second quarter | last quarter | per hour, second half | |\n|{}",
        " --- |".repeat(8)
    );
    let mut grew = false;
    for Column(name, slack, value) in &COLUMNS {
        let values: Vec<f64> = rows.iter().map(value).collect();
        let (Some(first), count) = (values.first(), values.len()) else { continue };
        let second = median(&values[count / 4..(count / 2).max(count / 4 + 1)]);
        let last = median(&values[(count * 3 / 4).min(count - 1)..]);
        let half: Vec<(f64, f64)> =
            rows[count / 2..].iter().map(|row| (row.at / 3600.0, value(row))).collect();
        let verdict = match slack {
            Some(slack) if last > second * GROWTH + slack => {
                grew = true;
                "GREW"
            }
            Some(_) => "steady",
            None => "",
        };
        println!(
            "| {name} | {first:.1} | {:.1} | {:.1} | {second:.1} | {last:.1} | {:+.1} | {verdict} |",
            median(&values),
            quantile(&values, 1.0),
            slope(&half),
        );
    }
    grew || rows.is_empty()
}

fn report(seen: &Seen, shown: &str, daemon: &Daemon, rows: &[Row], took: Duration) {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    if let Some(last) = rows.last() {
        let share = last.cpu.as_secs_f64() / took.as_secs_f64() * 100.0;
        println!(
            "\nCPU: {share:.1}% of a core; log: {} KiB in {} lines",
            last.log >> 10,
            daemon.log().lines().count()
        );
    }
    println!(
        "listener: {} good answers, {} others; {} followers came and went, {} events; notifications: {}",
        of(&seen.answers),
        of(&seen.failures),
        of(&seen.followers),
        of(&seen.events),
        of(&seen.notified)
    );
    println!("files saved: {}; drift planted by others: {}", of(&seen.saves), of(&seen.edits));
    let log = daemon.log();
    let words = ["INFO", "WARN", "ERROR", "are not taken", "could not be listed", "panicked"];
    println!("log: {}", words.map(|word| format!("{} {word}", log.matches(word).count())).join(", "));
    let metrics = ask(shown, "GET", "/metrics", "").map_or_else(String::new, |(_, body)| body);
    let wanted = [
        "numctl_cycles_total",
        "numctl_actions_total",
        "numctl_requests_total",
        "numctl_throttled",
        "numctl_retries",
    ];
    let counts = metrics.lines().filter(|line| wanted.iter().any(|wanted| line.starts_with(wanted)));
    for line in counts.filter(|line| !line.ends_with(" 0")) {
        println!("    {line}");
    }
}

/// Cycles that found every number as declared, and all of them.
fn in_sync(log: &str) -> usize {
    let whole = format!("unchanged={NUMBERS} ");
    let with_the_traveller = format!("unchanged={} ", NUMBERS + 1);
    let is_whole = |line: &&str| line.contains(&whole) || line.contains(&with_the_traveller);
    log.lines().filter(|line| line.contains("result=\"in sync\"")).filter(is_whole).count()
}

/// The faults end: it is to be in sync again, and to stop.
fn recover(sandbox: &Sandbox, mut daemon: Daemon) -> Result<(), String> {
    let kept = std::env::temp_dir().join(format!("numctl-soak-{}.log", daemon.id()));
    let result = (|| {
        if daemon.process.has_ended() {
            return Err("the daemon ended by itself".to_owned());
        }
        sandbox.faults("");
        let (before, began) = (in_sync(&daemon.log()), Instant::now());
        while in_sync(&daemon.log()) == before {
            if began.elapsed() > RECOVERY {
                return Err(format!("not in sync {RECOVERY:?} after the last fault"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        println!("\nin sync {:.1} s after the last fault", began.elapsed().as_secs_f64());
        daemon.process.signal("TERM");
        let began = Instant::now();
        while !daemon.process.has_ended() {
            if began.elapsed() > RECOVERY {
                return Err(format!("not stopped {RECOVERY:?} after SIGTERM"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        println!("stopped {:.2} s after SIGTERM", began.elapsed().as_secs_f64());
        if daemon.log().contains("panicked") { Err("it panicked".to_owned()) } else { Ok(()) }
    })();
    fs::copy(daemon.log_path(), &kept).map_err(|error| error.to_string())?;
    println!("its log: {}", kept.display());
    result?;
    match daemon.process.end() {
        Some(0) => Ok(()),
        code => Err(format!("it exited with {code:?}")),
    }
}

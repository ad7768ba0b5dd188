//! What the binary makes of a rate limit, over real HTTP and real time: `cargo bench --bench load`.
//!
//! A sandbox allows R requests a second and takes 20 ms for each; `numctl apply` renames numbers
//! on it. Prints a table, and takes about seven minutes, three of them at R = 10.

#![allow(clippy::print_stdout, reason = "figures for people")]

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use numctl::sandbox::{AUTH_TOKEN, MAIN_SID, Running, SandboxOptions, start};

const WARM_UP: Duration = Duration::from_secs(5);
/// At the end too little is left to send.
const TAIL: Duration = Duration::from_secs(1);

/// How many requests had arrived, and how many of them were over the limit.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    total: u64,
    throttled: u64,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!(
        "| R | changes | seconds | requests | taken/s | of R | 429 | after 5 s: of R | after 5 s: 429 | CPU µs a change |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for (limit, changes) in [(10.0, 2000), (100.0, 2000), (1000.0, 2000), (1000.0, 60_000)] {
        let (samples, cpu) = runtime.block_on(apply(Some(limit), "", changes));
        let end = *samples.last().expect("samples");
        let (taken, refused) = between(&samples, Duration::ZERO, end.at);
        let steady = (end.at > WARM_UP * 2).then(|| between(&samples, WARM_UP, end.at - TAIL));
        let [steady_taken, steady_refused] = steady
            .map_or(["-".to_owned(), "-".to_owned()], |(taken, refused)| {
                [percent(taken / limit), percent(refused)]
            });
        println!(
            "| {limit} | {changes} | {:.1} | {} | {taken:.1} | {} | {} | {steady_taken} | {steady_refused} | {:.0} |",
            end.at.as_secs_f64(),
            end.total,
            percent(taken / limit),
            percent(refused),
            cpu.as_secs_f64() * 1e6 / changes as f64,
        );
    }
    println!("\n| faults | changes | seconds | requests | of the fewest |\n| --- | --- | --- | --- | --- |");
    let mut fewest = None;
    for faults in [
        "",
        "500=0.1,seed=3",
        "drop-after=0.1,seed=4",
        "429=0.1,seed=5",
        "429=0.02,500=0.02,503-after=0.02,drop=0.02,drop-after=0.02,seed=6",
    ] {
        let (samples, _) = runtime.block_on(apply(None, faults, 2000));
        let end = *samples.last().expect("samples");
        let fewest = *fewest.get_or_insert(end.total);
        println!(
            "| `{faults}` | 2000 | {:.1} | {} | {:.2} |",
            end.at.as_secs_f64(),
            end.total,
            end.total as f64 / fewest as f64
        );
    }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// Requests taken a second, and the share of 429, between two times.
fn between(samples: &[Sample], from: Duration, to: Duration) -> (f64, f64) {
    let at = |time| samples.iter().rfind(|sample| sample.at <= time).copied().unwrap_or(samples[0]);
    let (first, last) = (at(from), at(to));
    let (total, throttled) = (last.total - first.total, last.throttled - first.throttled);
    ((total - throttled) as f64 / (last.at - first.at).as_secs_f64(), throttled as f64 / total as f64)
}

/// Runs one apply, and watches what arrives from its first request on. Its processor time, the start, the
/// files and the plan included, is GNU time's.
async fn apply(rate_limit: Option<f64>, faults: &str, changes: usize) -> (Vec<Sample>, Duration) {
    let server = start(SandboxOptions {
        numbers: Some(changes),
        rate_limit,
        latency: Some(Duration::from_millis(20)),
        faults: faults.parse().expect("faults"),
        ..SandboxOptions::default()
    })
    .await
    .expect("a sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fleet.yaml");
    let mut file = "version: 1\nnumbers:\n".to_owned();
    for at in 0..changes {
        let number = 15_552_230_000_u64 + at as u64;
        writeln!(file, "  - {{phone_number: \"+{number}\", friendly_name: New}}").expect("a string");
    }
    std::fs::write(&path, file).expect("written");
    let report = folder.path().join("time");
    let mut apply = Command::new("/usr/bin/time")
        .args(["-f", "%U %S", "-o"])
        .arg(&report)
        .arg(env!("CARGO_BIN_EXE_numctl"))
        .args(["apply", "--yes", "--max-concurrency", "50", "--format", "json", "-f"])
        .arg(&path)
        .current_dir(folder.path())
        .env_clear()
        .env("NUMCTL_BASE_URL", server.base_url())
        .env("TWILIO_ACCOUNT_SID", MAIN_SID)
        .env("TWILIO_AUTH_TOKEN", AUTH_TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let (mut samples, mut began) = (Vec::new(), Instant::now());
    let status = loop {
        let (total, throttled) = counts(&server);
        if total == 0 {
            began = Instant::now();
        }
        // Only what changed, so that the last sample is the last request.
        if samples.last().is_none_or(|last: &Sample| last.total != total) {
            samples.push(Sample { at: began.elapsed(), total, throttled });
        }
        if let Some(status) = apply.try_wait().expect("a child") {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(status.success(), "{rate_limit:?} {faults:?}: {status}");
    server.stop().await.expect("a clean stop");
    let report = std::fs::read_to_string(report).expect("a report");
    let cpu: f64 = report.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum();
    (samples, Duration::from_secs_f64(cpu))
}

fn counts(server: &Running) -> (u64, u64) {
    let sandbox = server.sandbox().lock();
    (sandbox.requests().total, sandbox.requests().throttled)
}

//! The daemon as a process, over real HTTP and real time: `cargo bench --bench daemon -- JOB`.
//!
//! A job is `idle`, `latency`, `takeover` or `soak 30m`; without one the short ones run. What they
//! measure, and what was measured, is in `tests/bench/README.md`.

#![allow(clippy::print_stdout, reason = "figures for people")]

#[path = "../binary.rs"]
mod binary;
mod figures;
mod http;
mod idle;
mod latency;
mod proc;
mod process;
mod soak;
mod takeover;

use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "a job is: idle [NUMBERS…] | latency [NUMBERS…] | takeover | soak [DURATION]";

fn main() -> ExitCode {
    // cargo adds --bench.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (job, rest) = match arguments.split_first() {
        Some((job, rest)) => (job.as_str(), rest),
        None => ("", &[][..]),
    };
    println!("binary: {}", binary::binary().display());
    match job {
        "" => {
            idle::run(&[1_000, 100_000]);
            latency::run(&[1_000]);
            takeover::run();
            ExitCode::SUCCESS
        }
        "idle" => {
            idle::run(&sizes(rest, &[1_000, 100_000]));
            ExitCode::SUCCESS
        }
        "latency" => {
            latency::run(&sizes(rest, &[1_000]));
            ExitCode::SUCCESS
        }
        "takeover" => {
            takeover::run();
            ExitCode::SUCCESS
        }
        "soak" => {
            let length =
                rest.first().map_or(Ok(Duration::from_secs(300)), |text| humantime::parse_duration(text));
            soak::run(length.expect(USAGE))
        }
        _ => {
            println!("{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn sizes(arguments: &[String], otherwise: &[usize]) -> Vec<usize> {
    if arguments.is_empty() {
        return otherwise.to_vec();
    }
    arguments.iter().map(|text| text.parse().expect(USAGE)).collect()
}

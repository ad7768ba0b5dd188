//! `numctl plan` against the wire, over pages that are rendered beforehand:
//! `cargo bench --bench listing -- JOB`.
//!
//! A job is `plan [NUMBERS…]`, `link [NUMBERS…]`, `latency`, `start` or `files [NUMBERS…]`; without one all
//! of them run. `readme` prints the tables of `tests/bench/performance.md`.
//! `serve API NUMBERS [link]` shows the pages until it is stopped, for a profiler.
//! What they measure, and what was measured, is in `tests/bench/README.md`.

#![allow(clippy::print_stdout, reason = "figures for people")]

#[path = "../binary.rs"]
mod binary;
mod files;
mod fleet;
mod latency;
mod link;
mod measure;
#[path = "../pages.rs"]
mod pages;
mod plan;
mod readme;
mod server;
mod start;

const USAGE: &str = "a job is: plan [NUMBERS…] | link [NUMBERS…] | latency | start | files [NUMBERS…] | readme | \
                     serve API NUMBERS [link]";

fn main() {
    // cargo adds --bench.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (job, rest) = match arguments.split_first() {
        Some((job, rest)) => (job.as_str(), rest),
        None => ("", &[][..]),
    };
    let sizes = |default: &[usize]| -> Vec<usize> {
        let given: Vec<usize> = rest.iter().map(|text| text.parse().expect(USAGE)).collect();
        if given.is_empty() { default.to_vec() } else { given }
    };
    println!("binary: {}", binary::binary().display());
    match job {
        "" => {
            plan::run(&[1_000, 10_000, 100_000, 1_000_000]);
            link::run(&[100_000]);
            latency::run();
            start::run();
            files::run(&[1_000_000]);
        }
        "plan" => plan::run(&sizes(&[1_000, 10_000, 100_000, 1_000_000])),
        "link" => link::run(&sizes(&[100_000])),
        "latency" => latency::run(),
        "start" => start::run(),
        "files" => files::run(&sizes(&[1_000_000])),
        "readme" => readme::run(),
        "serve" => plan::serve(rest),
        _ => println!("{USAGE}"),
    }
}

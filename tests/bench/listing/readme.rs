//! The tables of `tests/bench/performance.md`, with the machine and the day.

use std::fs;
use std::process::Command;

use numctl::model::provider::Api;
use numctl::report::shown::count;

use super::files;
use super::fleet::Shape;
use super::plan::{Planned, sdk};
use super::server::Link;
use super::start;

/// What is stated of files.
const BIG: usize = 1_000_000;

pub(crate) fn run() {
    let sdk = sdk();
    println!("\n{}\n", machine());
    println!(
        "| `numctl plan`, all in sync | numbers | seconds | of curl | CPU µs a number | peak MiB | of the vendor's SDK |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    let row = |over: &str, planned: &Planned| {
        println!(
            "| {}, {over} | {} | {:.2} | {:.2} | {:.1} | {:.0} | {} |",
            planned.api.name(),
            count(planned.size),
            planned.ours.wall.as_secs_f64(),
            planned.of_curl(),
            planned.cpu_each(),
            planned.ours.peak_mib(),
            planned.of_sdk(),
        );
    };
    for api in [Api::ActiveNumbers, Api::IncomingPhoneNumbers] {
        for size in [1_000, 10_000, 100_000, 1_000_000] {
            row("loopback", &Planned::of(api, size, Link::default(), sdk.as_deref()));
        }
        row("1 Gbit/s and 20 ms", &Planned::of(api, 100_000, Link::GIGABIT, None));
    }
    println!("\n| start, 10 numbers | ms | of curl | peak MiB |\n| --- | --- | --- | --- |");
    start::rows();
    println!("\n| `numctl validate` | numbers | MB | seconds | peak MiB |\n| --- | --- | --- | --- | --- |");
    for shape in [Shape::Yaml { files: 8 }, Shape::Yaml { files: 1 }, Shape::Json] {
        let (bytes, cost) = files::of(shape, BIG);
        println!(
            "| {} | {} | {:.0} | {:.2} | {:.0} |",
            shape.name(),
            count(BIG),
            bytes as f64 / 1e6,
            cost.wall.as_secs_f64(),
            cost.peak_mib(),
        );
    }
}

/// When and on what.
fn machine() -> String {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.map_or_else(|_| "?".to_owned(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
    };
    let line = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.split_once(':'));
        line.map_or_else(|| "?".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let kb = line("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    format!(
        "Measured on {} by `cargo bench --bench listing -- readme` on {} processors ({}), {:.0} GB, Linux {}; {}.",
        said("date", "+%F"),
        std::thread::available_parallelism().map_or(0, usize::from),
        line("/proc/cpuinfo", "model name"),
        kb / 1e6,
        said("uname", "-r"),
        said("rustc", "-V"),
    )
}

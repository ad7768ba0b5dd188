//! A plan of many actions as text, JSON and Markdown, into a sink that counts and forgets:
//! `cargo bench --bench render`.
//!
//! Prints the time an action, beside that of `serde_json` for the same changes as plain strings, and how much
//! heap it takes at most beyond the plan itself.

#![allow(clippy::print_stdout, reason = "figures for people")]

mod pages;
mod values;

use std::fmt;
use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use numctl::model::settings::{Field, Managed};
use numctl::plan::{Action, Plan, plan};
use numctl::report::text::Style;
use numctl::report::{json, markdown, text};
use peak_alloc::PeakAlloc;
use serde::Serialize;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const RUNS: usize = 5;
/// The buffer that the program has before its stdout.
const BUFFER: usize = 64 << 10;

/// Counts what it is given, and forgets it.
#[derive(Default)]
struct Sink(usize);

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += std::hint::black_box(text).len();
        Ok(())
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += std::hint::black_box(bytes).len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A name and a URL that no other number has: nothing can be reported once for many.
fn own(nth: usize) -> Managed {
    let voice = format!("https://hooks.example.com/v2/voice/{nth}");
    [values::want(Field::FriendlyName, &format!("Desk {nth}")), values::want(Field::VoiceUrl, &voice)]
        .into_iter()
        .collect()
}

fn main() {
    println!(
        "| changes | actions | format | MB | CPU ms | µs an action | of plain JSON | peak heap KiB | bytes an action |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for name in ["two URLs, ten profiles", "each its own"] {
        for size in SIZES {
            let plan = match name {
                "each its own" => configures(size, own),
                _ => configures(size, values::profiles("v2/")),
            };
            let plain = plain(&plan);
            let floor = median(size, || {
                let mut out = BufWriter::with_capacity(BUFFER, Sink::default());
                serde_json::to_writer(&mut out, &plain)
                    .map_err(io::Error::from)
                    .and_then(|()| out.flush())
                    .expect("a sink");
                out.get_ref().0
            });
            drop(plain);
            let style = Style::default();
            let rows = [
                (
                    "text",
                    median(size, || {
                        let mut out = Sink::default();
                        text::plan(&mut out, &plan, None, None, style).expect("a sink");
                        out.0
                    }),
                ),
                (
                    "JSON",
                    median(size, || {
                        let mut out = BufWriter::with_capacity(BUFFER, Sink::default());
                        json::plan(&mut out, &plan, None, None).and_then(|()| out.flush()).expect("a sink");
                        out.get_ref().0
                    }),
                ),
                (
                    "Markdown",
                    median(size, || {
                        let mut out = Sink::default();
                        markdown::plan(&mut out, &plan, None, None).expect("a sink");
                        out.0
                    }),
                ),
            ];
            for (format, cost) in rows {
                println!(
                    "| {name} | {size} | {format} | {:.2} | {:.2} | {:.2} | {:.2} | {:.0} | {:.1} |",
                    cost.bytes as f64 / 1e6,
                    cost.cpu.as_secs_f64() * 1e3,
                    cost.cpu.as_secs_f64() * 1e6 / size as f64,
                    cost.cpu.as_secs_f64() / floor.cpu.as_secs_f64(),
                    cost.heap as f64 / 1024.0,
                    cost.heap as f64 / size as f64,
                );
            }
        }
    }
}

/// A plan that configures every number of a fleet.
fn configures(size: usize, settings: impl Fn(usize) -> Managed) -> Plan {
    let live = values::observed(values::rows(size));
    let plan = plan(&values::desired(size, settings), &values::accounts(), &live);
    assert_eq!(plan.steps.len(), size);
    plan
}

struct Cost {
    /// Of the processor: others use the machine, too.
    cpu: Duration,
    /// Written.
    bytes: usize,
    /// The most that was taken beyond what was there before.
    heap: usize,
}

/// What a plan of so many actions costs: the median of so many runs, each of as many renderings as
/// make the largest size, since the kernel counts in ticks.
fn median(size: usize, mut render: impl FnMut() -> usize) -> Cost {
    let repeats = SIZES[2] / size;
    let mut costs: Vec<Cost> = (0..RUNS)
        .map(|_| {
            let before = HEAP.current_usage();
            HEAP.reset_peak_usage();
            let began = cpu();
            let bytes = (0..repeats).fold(0, |_, _| render());
            let cpu = (cpu() - began) / repeats as u32;
            Cost { cpu, bytes, heap: HEAP.peak_usage() - before }
        })
        .collect();
    costs.sort_by_key(|cost| cost.cpu);
    costs.swap_remove(RUNS / 2)
}

/// The processor's time that this thread has had.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a figure"))
}

/// An action of the plan as strings.
#[derive(Serialize)]
struct Plain {
    kind: &'static str,
    phone_number: String,
    account: String,
    account_sid: String,
    sid: Option<String>,
    reason: &'static str,
    changes: Vec<PlainChange>,
}

#[derive(Serialize)]
struct PlainChange {
    field: &'static str,
    before: Option<String>,
    after: Option<String>,
}

fn plain(plan: &Plan) -> Vec<Plain> {
    let steps = plan.steps.iter().map(|step| {
        let account = plan.account(step.action.account());
        let Action::Configure { target, changes, .. } = &step.action else { unreachable!("configures only") };
        let changes = changes.iter().map(|change| PlainChange {
            field: change.field.json_name(),
            before: change.before.as_ref().map(|value| value.wire()),
            after: change.after().map(|value| value.wire()),
        });
        Plain {
            kind: step.action.kind().as_str(),
            phone_number: target.number.to_string(),
            account: account.name.to_string(),
            account_sid: account.sid.to_string(),
            sid: target.sid.map(|sid| sid.to_string()),
            reason: step.reason.as_str(),
            changes: changes.collect(),
        }
    });
    steps.collect()
}

//! How many instructions the planner, the page parser and the formats take for a number, counted by
//! callgrind, and compared with the counts that the repository keeps in `tests/bench/instructions.txt`:
//! `cargo bench --bench instructions`.
//!
//! A clock on a busy machine says little; this says the same on every run, but for the seeds of hash
//! tables. `UPDATE_REFERENCE=1` writes the reference anew. Exits with 1 where something takes more than
//! 3% over it and the compiler is the same.

#![allow(clippy::print_stdout, reason = "figures for people")]

mod pages;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use numctl::client::api::wire::{self, Interner, RawPage};
use numctl::desired::{Desired, Format, ReadFile, Source};
use numctl::model::provider::Api;
use numctl::plan::{Plan, plan};
use numctl::report::{json, markdown, text};

/// What is counted, and for how many numbers.
const CASES: [(&str, usize); 15] = [
    ("a page of IncomingPhoneNumbers", pages::PAGE),
    ("a page of IncomingPhoneNumbers, in full", pages::PAGE),
    ("a page of ActiveNumbers", pages::PAGE),
    ("a page of ActiveNumbers, in full", pages::PAGE),
    ("a file in flow style", 100_000),
    ("a file in flow style, through libyaml", 10_000),
    ("a file in block style", 100_000),
    ("a file in block style, through libyaml", 10_000),
    ("that file, merged", 100_000),
    ("observed from rows", 100_000),
    ("a plan, all unchanged", 100_000),
    ("a plan, all to configure", 10_000),
    ("that plan as text", 10_000),
    ("that plan as JSON", 10_000),
    ("that plan as Markdown", 10_000),
];

/// How far over the reference is a regression.
const MARGIN: f64 = 0.03;

fn main() -> ExitCode {
    if let Ok(name) = std::env::var("NUMCTL_BENCH_CASE") {
        run(&name);
        return ExitCode::SUCCESS;
    }
    let Some(valgrind) = said("valgrind", "--version") else {
        println!("there is no valgrind here: nothing is counted");
        return ExitCode::SUCCESS;
    };
    let rustc = said("rustc", "-vV").unwrap_or_default();
    let line = |start: &str| rustc.lines().find(|line| line.starts_with(start)).unwrap_or(start).to_owned();
    let compiler = format!("{}, {}", line("rustc "), line("host: "));
    let (reference_compiler, reference) = reference();
    println!(
        "{compiler}, {valgrind}\n\n\
         | what | numbers | ns a number | instructions a number | second run | reference | of it |\n\
         | --- | --- | --- | --- | --- | --- | --- |"
    );
    let mut counts = String::new();
    let mut is_over = false;
    for (name, numbers) in CASES {
        let [first, second] = [count(name), count(name)];
        let nanos = quickest(name) / numbers as u128;
        let each = first as f64 / numbers as f64;
        let drift = (second as f64 / first as f64 - 1.0) * 100.0;
        let (kept, ratio) = match reference.get(name) {
            Some(kept) => (format!("{kept:.1}"), format!("{:.3}", each / kept)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        is_over |= reference.get(name).is_some_and(|kept| each > kept * (1.0 + MARGIN));
        println!("| {name} | {numbers} | {nanos} | {each:.1} | {drift:+.3}% | {kept} | {ratio} |");
        writeln!(counts, "{each:.1} {name}").expect("a string");
    }
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        let head = "# Instructions a number: UPDATE_REFERENCE=1 cargo bench --bench instructions";
        fs::write(path(), format!("{head}\n{compiler}\n{counts}")).expect("the reference is written");
        println!("\nthe reference is written anew");
    } else if reference_compiler != compiler {
        println!("\nthe reference is of another compiler ({reference_compiler}): nothing is judged by it");
    } else if is_over {
        println!("\nmore than {:.0}% over the reference", MARGIN * 100.0);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What a program says, where there is one.
fn said(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/bench/instructions.txt")
}

/// The compiler of the reference, and its counts.
fn reference() -> (String, BTreeMap<String, f64>) {
    let text = fs::read_to_string(path()).unwrap_or_default();
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let compiler = lines.next().unwrap_or("none").to_owned();
    let counts = lines.filter_map(|line| line.split_once(' '));
    (compiler, counts.map(|(each, name)| (name.to_owned(), each.parse().expect("a count"))).collect())
}

/// Runs this program once more, for one case, with every instruction counted that `counted_here` takes.
fn count(name: &str) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*::counted_here*"])
        .arg(std::env::current_exe().expect("a path"))
        .env("NUMCTL_BENCH_CASE", name)
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok()).filter(|count| *count > 0);
    count.unwrap_or_else(|| panic!("{name}: nothing was counted: {said}"))
}

/// The quickest of some runs of a case without callgrind, in nanoseconds.
fn quickest(name: &str) -> u128 {
    let once = || {
        let mut program = Command::new(std::env::current_exe().expect("a path"));
        let output = program.env("NUMCTL_BENCH_CASE", name).output().expect("it runs");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u128>().expect("nanoseconds")
    };
    (0..9).map(|_| once()).min().unwrap_or_default()
}

/// What callgrind looks at, and the clock.
#[inline(never)]
fn counted_here<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let made = black_box(work());
    println!("{}", start.elapsed().as_nanos());
    made
}

/// Prepares a case, which is not counted, and goes through it once.
fn run(name: &str) {
    let (_, numbers) = *CASES.iter().find(|case| case.0 == name).expect("a case");
    type Read = fn(Api, &[u8], &mut Interner) -> Result<RawPage, String>;
    let page = |api, read: Read| {
        let body = values::body(api);
        let read = counted_here(|| read(api, &body, &mut Interner::default()));
        assert_eq!(read.expect("a page").rows.len(), numbers);
    };
    let file = |style, head| {
        let source = file(numbers, style, head);
        // An error shows in the file that is merged, of the same text.
        counted_here(|| ReadFile::read(0, &source));
        assert_eq!(Desired::parse(&[source]).expect("a fleet").desired.numbers.len(), numbers);
    };
    let (unchanged, moved) = (values::profiles(""), values::profiles("v2/"));
    let configures = || planned(numbers, &moved, false);
    let steps = match name {
        "a page of IncomingPhoneNumbers" => return page(Api::IncomingPhoneNumbers, wire::read_page),
        "a page of IncomingPhoneNumbers, in full" => {
            return page(Api::IncomingPhoneNumbers, wire::read_page_in_full);
        }
        "a page of ActiveNumbers" => return page(Api::ActiveNumbers, wire::read_page),
        "a page of ActiveNumbers, in full" => return page(Api::ActiveNumbers, wire::read_page_in_full),
        "a file in flow style" => return file(Style::Flow, ""),
        "a file in flow style, through libyaml" => return file(Style::Flow, DOCUMENT_START),
        "a file in block style" => return file(Style::Block, ""),
        "a file in block style, through libyaml" => return file(Style::Block, DOCUMENT_START),
        "that file, merged" => {
            let source = self::file(numbers, Style::Block, "");
            let read = vec![ReadFile::read(0, &source)];
            let parsed = counted_here(|| Desired::parse_by(&[source], Api::default(), |_| read));
            parsed.expect("a fleet").desired.numbers.len()
        }
        "observed from rows" => {
            let rows = values::rows(numbers);
            counted_here(|| values::observed(rows)).len()
        }
        "a plan, all unchanged" => planned(numbers, &unchanged, true).unchanged,
        "a plan, all to configure" => planned(numbers, &moved, true).steps.len(),
        "that plan as text" => {
            let plan = configures();
            let mut out = String::new();
            counted_here(|| text::plan(&mut out, &plan, None, None, text::Style::default()))
                .expect("a string");
            plan.steps.len()
        }
        "that plan as JSON" => {
            let plan = configures();
            counted_here(|| json::plan(io::BufWriter::new(io::sink()), &plan, None, None)).expect("a sink");
            plan.steps.len()
        }
        _ => {
            let plan = configures();
            let mut out = String::new();
            counted_here(|| markdown::plan(&mut out, &plan, None, None)).expect("a string");
            plan.steps.len()
        }
    };
    assert_eq!(steps, numbers);
}

/// How the entries of a file are written.
#[derive(Clone, Copy)]
enum Style {
    Flow,
    Block,
}

/// Keeps the quick way for plain files out.
const DOCUMENT_START: &str = "---\n";

/// A file of `numbers` numbers, as a person and as `export` write them.
fn file(numbers: usize, style: Style, head: &str) -> Source {
    let mut text = format!("{head}version: 1\nprofiles:\n");
    for profile in 0..10 {
        let (voice, sms) = pages::settings(profile);
        writeln!(text, "  p{profile}:\n    voice: {{ url: \"{voice}\" }}\n    sms: {{ url: \"{sms}\" }}")
            .expect("a string");
    }
    text.push_str("numbers:\n");
    for nth in 0..numbers {
        let (number, profile) = (pages::number(0, nth), nth % 10);
        match style {
            Style::Flow => writeln!(text, "  - {{ phone_number: \"{number}\", profile: p{profile} }}"),
            Style::Block => writeln!(text, "  - phone_number: \"{number}\"\n    profile: p{profile}"),
        }
        .expect("a string");
    }
    Source { name: "fleet.yaml".into(), text, format: Format::Yaml }
}

/// A plan for a fleet with these settings declared; its making is counted where that is what is asked.
fn planned(
    numbers: usize,
    settings: impl Fn(usize) -> numctl::model::settings::Managed,
    is_counted: bool,
) -> Plan {
    let live = values::observed(values::rows(numbers));
    let (desired, accounts) = (values::desired(numbers, settings), values::accounts());
    let make = || plan(&desired, &accounts, &live);
    if is_counted { counted_here(make) } else { make() }
}

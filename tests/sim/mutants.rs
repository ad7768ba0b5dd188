//! Does the simulation bite? Plausible bugs, put back one at a time.
//!
//! The bugs are edits of a copy of the sources, each behind a switch, so that one build serves them
//! all: `@name@` in a replacement asks whether the environment says `MUTANT=name`. The sources
//! themselves know nothing of it. A bug is found when some seed breaks a law.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::mutations::{self, Edit};
use crate::readers;
use crate::runs::number_from;

/// A bug that is not found within these seeds is not found.
const SEEDS: u64 = 20_000;

/// Found by one seed of 16,000: hunted only by name (`MUTANT=name`), since it costs CI five minutes.
const RARE: &[&str] = &["half-done-is-skipped"];

/// What the copy's library says about a name.
const SWITCH: &str = r#"
#[doc(hidden)]
pub fn mutant(name: &str) -> bool {
    static NAME: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    NAME.get_or_init(|| std::env::var("MUTANT").ok()).as_deref() == Some(name)
}
"#;

impl Edit {
    fn in_file(&self, text: &str) -> String {
        assert_eq!(text.matches(self.find).count(), 1, "{}: {:?} is not there once", self.file, self.find);
        let mut out = String::new();
        let mut rest = self.replace;
        while let Some((before, after)) = rest.split_once('@') {
            let (name, after) = after.split_once('@').expect("a name between two signs");
            out.push_str(&format!("{before}crate::mutant({name:?})"));
            rest = after;
        }
        text.replace(self.find, &(out + rest))
    }
}

/// Those of the engine and of the readers.
fn edits() -> impl Iterator<Item = &'static Edit> {
    mutations::EDITS.iter().chain(readers::EDITS)
}

/// The names in the replacements, each once.
fn names() -> Vec<&'static str> {
    edits().flat_map(|edit| edit.bugs.iter().map(|(name, _)| *name)).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every bug has its place in the sources as they are now, a name of its own, and is switched by it.
#[test]
fn every_bug_still_fits() {
    let mut seen = std::collections::BTreeSet::new();
    for edit in edits() {
        let text = fs::read_to_string(root().join(edit.file)).expect(edit.file);
        let _ = edit.in_file(&text);
        for (name, what) in edit.bugs {
            assert!(seen.insert(*name), "{name} is there twice");
            assert!(edit.replace.contains(&format!("@{name}@")), "{name} ({what}) is switched by nothing");
        }
    }
    assert!(seen.len() >= 30, "{} bugs", seen.len());
}

/// The tests that a bug is hunted with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hunter {
    Simulation,
    /// The library's own tests, which compare the two readers.
    Library,
}

impl Hunter {
    fn of_bug(name: &str) -> Self {
        if readers::test_of(name).is_some() { Self::Library } else { Self::Simulation }
    }
}

/// Builds a test binary over the copy with every bug in it, all switched off.
///
/// The crates that both builds need are shared; the copy has no program, which could be taken for
/// the real one.
fn build(target: &Path, hunter: Hunter) -> PathBuf {
    let tree = target.join("mutants");
    // What an earlier run left.
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(tree.join("tests")).expect("a folder of our own");
    copy(&root().join("src"), &tree.join("src"));
    copy(&root().join("tests/sim"), &tree.join("tests/sim"));
    fs::copy(root().join("Cargo.lock"), tree.join("Cargo.lock")).expect("Cargo.lock");
    fs::write(tree.join("Cargo.toml"), manifest()).expect("a folder of our own");
    let library = fs::read_to_string(tree.join("src/lib.rs")).expect("the library");
    fs::write(tree.join("src/lib.rs"), library + SWITCH).expect("a folder of our own");
    for edit in edits() {
        let path = tree.join(edit.file);
        let text = fs::read_to_string(&path).expect(edit.file);
        fs::write(&path, edit.in_file(&text)).expect("a folder of our own");
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let (tests, kind): (&[&str], _) = match hunter {
        Hunter::Simulation => (&["--test", "sim"], "test"),
        Hunter::Library => (&["--lib"], "lib"),
    };
    let built = Command::new(cargo)
        .arg("test")
        .args(tests)
        .args(["--no-run", "--offline", "--message-format=json"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let mut executables = messages.lines().rev().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["kind"][0] == *kind;
        Some(PathBuf::from(message["executable"].as_str().filter(|_| is_it)?))
    });
    executables.next().expect("a binary of tests")
}

/// The manifest without what the copy has not, and under another name: cargo would take the builds of
/// two packages of one name for each other.
fn manifest() -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let text = text.replacen("name = \"numctl\"", "name = \"numctl-mutants\"", 1);
    // The dependency on itself that opens the modules to the tests.
    let text = text.replacen("\nnumctl = {", "\nnumctl-mutants = {", 1);
    let mut out = String::new();
    for section in text.split_inclusive("\n\n").flat_map(sections) {
        let names = ["[[bin]]", "[[bench]]"];
        let is_it = section.contains("path = \"tests/it/main.rs\"");
        if !names.iter().any(|name| section.trim_start().starts_with(name)) && !is_it {
            out.push_str(section);
        }
    }
    out
}

/// A block of the manifest, cut before each of its headings.
fn sections(block: &str) -> Vec<&str> {
    let starts: Vec<usize> = block.match_indices("\n[").map(|(at, _)| at + 1).collect();
    let bounds: Vec<usize> = std::iter::once(0).chain(starts).chain([block.len()]).collect();
    bounds.windows(2).map(|pair| &block[pair[0]..pair[1]]).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of our own");
    for entry in fs::read_dir(from).expect("a folder of the sources").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file of the sources")),
        }
    }
}

/// Runs seeds with one bug switched on; gives the first one that finds it, and what it found.
fn hunt(built: &Path, name: &str, seeds: u64) -> Result<(u64, String), String> {
    if let Some(test) = readers::test_of(name) {
        return hunt_reader(built, test, name, seeds);
    }
    let (test, seeds) = match name.split_once('-') {
        Some(("claim", _)) => ("no_claim_ever_has_too_many", 10 * seeds),
        Some(("quarantine", _)) => ("nothing_is_released_before_its_time", 10 * seeds),
        Some(("authority", _)) => ("nothing_is_written_without_authority", seeds),
        _ => ("random_seeds", seeds),
    };
    let ran = Command::new(built)
        .args([test, "--nocapture"])
        .env("MUTANT", name)
        .env("NUMCTL_SEEDS", seeds.to_string())
        .env("ENOUGH", "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the simulation runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    let found = said.lines().skip_while(|line| !line.starts_with("seed ")).collect::<Vec<_>>();
    match found.first().and_then(|line| line.strip_prefix("seed ")?.split(':').next()?.parse().ok()) {
        Some(seed) => Ok((seed, found.get(1).unwrap_or(&"").trim().trim_matches(['"', ',']).to_owned())),
        None => Err(said),
    }
}

/// The same with random pages and files, whose seeds are the same in every run. What it gives for a seed is
/// how many of them held.
fn hunt_reader(library: &Path, test: &str, name: &str, seeds: u64) -> Result<(u64, String), String> {
    let ran = Command::new(library)
        .args([test, "--nocapture"])
        .env("MUTANT", name)
        .env("PROPTEST_CASES", seeds.to_string())
        .env("PROPTEST_RNG_SEED", "1")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1")
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("the tests run");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if ran.status.success() {
        return Err(said);
    }
    let held = said.lines().find_map(|line| line.trim().strip_prefix("successes: ")?.parse().ok());
    let what = said.lines().find(|line| line.contains("minimal failing input")).unwrap_or_default();
    Ok((held.unwrap_or(0), what.trim().to_owned()))
}

/// Puts every bug back, one at a time; `MUTANT=name` only that one, `NUMCTL_SEEDS` bounds the hunt.
#[test]
#[ignore = "builds the simulation a second time and runs for minutes; CI runs it by name"]
fn mutants() {
    hunt_all(
        Hunter::Simulation,
        &[("none", 200), ("claim-none", 100), ("quarantine-none", 100), ("authority-none", 100)],
    );
}

/// The same with the bugs of the readers.
#[test]
#[ignore = "builds the library's tests a second time and runs for minutes"]
fn reader_mutants() {
    hunt_all(Hunter::Library, &[("page-none", 1_000), ("file-none", 1_000)]);
}

fn hunt_all(hunter: Hunter, sound: &[(&str, u64)]) {
    let place = std::env::current_exe().expect("a test binary");
    let target = place.ancestors().nth(3).expect("target/debug/deps");
    let started = Instant::now();
    let built = build(target, hunter);
    println!("built in {:.0} s", started.elapsed().as_secs_f64());
    // With every bug switched off nothing is found.
    for (name, seeds) in sound {
        hunt(&built, name, *seeds).expect_err("the sources as they are break a law");
    }
    let only = std::env::var("MUTANT").ok();
    let is_meant = |name: &&str| {
        Hunter::of_bug(name) == hunter && only.as_deref().map_or(!RARE.contains(name), |only| only == *name)
    };
    let mut missed = Vec::new();
    for name in names().into_iter().filter(is_meant) {
        let started = Instant::now();
        match hunt(&built, name, number_from("NUMCTL_SEEDS", SEEDS)) {
            Ok((seed, what)) => {
                let what: String = what.chars().take(110).collect();
                println!("{name:<34} seed {seed:>6} {:>6.1} s  {what}", started.elapsed().as_secs_f64());
            }
            Err(_) => {
                println!("{name:<34} NOT FOUND {:>6.1} s", started.elapsed().as_secs_f64());
                missed.push(name);
            }
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

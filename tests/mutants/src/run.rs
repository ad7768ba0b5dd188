//! Runs tests with a mutant switched on: which tests get to it, and whether one of them fails.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::tree::Programs;

/// A test of one of the programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Test {
    /// `lib`, `it` or `sim`.
    pub program: String,
    pub name: String,
}

/// The kinds of tests, cheapest first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Unit,
    Laws,
    E2e,
    Seeds,
}

impl Test {
    pub fn kind(&self) -> Kind {
        match self.program.as_str() {
            "lib" => Kind::Unit,
            "sim" => Kind::Seeds,
            // Processes and sockets.
            _ if self.name.starts_with("e2e::") => Kind::E2e,
            _ => Kind::Laws,
        }
    }

    pub fn words(&self) -> String {
        format!("{} {}", self.program, self.name)
    }

    pub fn from_words(words: &str) -> Option<Self> {
        let (program, name) = words.split_once(' ')?;
        Some(Self { program: program.to_owned(), name: name.to_owned() })
    }
}

/// What the tests do without any mutant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Baseline {
    /// The mutants that a test gets to, and the time it takes. Tests that fail are not here.
    pub tests: Vec<(Test, BTreeSet<usize>, Duration)>,
    /// Tests that fail over the copy: those about the sources as text.
    pub failing: Vec<Test>,
}

/// What became of a mutant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Fate {
    Killed(Test),
    /// A test did not end.
    TimedOut(Test),
    Survived {
        reached: bool,
    },
}

/// How a test program ended.
enum End {
    Passed,
    Failed(Vec<String>),
    Hung,
}

/// How the tests are run.
pub struct Runner<'a> {
    pub programs: &'a Programs,
    /// Where outputs and marks go.
    pub scratch: PathBuf,
    pub jobs: usize,
    /// For the simulation.
    pub seeds: u64,
    /// No more than this of tests is tried for one mutant, by their measured times.
    pub budget: Duration,
}

impl Runner<'_> {
    fn command(&self, program: &str, tests: &[&str], threads: usize) -> Command {
        // A mutant may never stop asking for memory.
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v 12000000; exec \"$@\"", "sh"]);
        command.arg(&self.programs.by_name[program]).arg("--exact").args(tests);
        command.arg(format!("--test-threads={threads}"));
        command.current_dir(&self.programs.root).env("CARGO_MANIFEST_DIR", &self.programs.root);
        command.env("RUST_BACKTRACE", "0").env("ENOUGH", "1");
        command.env("NUMCTL_SEEDS", self.seeds.to_string()).env_remove("MUTANT").env_remove("MUTANT_REACHED");
        command.env("PROPTEST_RNG_SEED", "26");
        command
    }

    /// Runs it with a bound on its time, and nothing of it is left.
    fn end(&self, mut command: Command, out: &Path, bound: Duration) -> Result<End, String> {
        let file = fs::File::create(out).map_err(|error| format!("{}: {error}", out.display()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().map_err(|error| format!("a test program does not start: {error}"))?;
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break Some(status);
            }
            if started.elapsed() > bound {
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = child.wait();
        Ok(match status {
            None => End::Hung,
            Some(status) if status.success() => End::Passed,
            Some(_) => {
                let text = String::from_utf8_lossy(&fs::read(out).unwrap_or_default()).into_owned();
                let failed =
                    text.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
                End::Failed(failed.map(|name| name.trim_end_matches(" - should panic").to_owned()).collect())
            }
        })
    }

    /// The names of a program's tests, without those that are run by name only.
    fn list(&self, program: &str) -> Result<Vec<String>, String> {
        let ask = |more: &[&str]| {
            let ran = Command::new(&self.programs.by_name[program])
                .args(["--list", "--format", "terse"])
                .args(more)
                .current_dir(&self.programs.root)
                .output()
                .map_err(|error| format!("a test program does not start: {error}"))?;
            let text = String::from_utf8_lossy(&ran.stdout).into_owned();
            let names = text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned);
            Ok::<_, String>(names.collect::<Vec<_>>())
        };
        let ignored = ask(&["--ignored"])?;
        Ok(ask(&[])?.into_iter().filter(|name| !ignored.contains(name)).collect())
    }

    /// Runs each test alone and notes what it gets to; `wanted` leaves tests out.
    pub fn baseline(&self, wanted: &(dyn Fn(&Test) -> bool + Sync)) -> Result<Baseline, String> {
        let mut tests = Vec::new();
        for program in self.programs.by_name.keys() {
            let names = self.list(program)?;
            tests.extend(names.into_iter().map(|name| Test { program: (*program).to_owned(), name }));
        }
        tests.retain(wanted);
        let found = Mutex::new(Baseline::default());
        self.each(&tests, |worker, test| {
            let marks = self.scratch.join(format!("reached-{worker}"));
            let _ = fs::remove_file(&marks);
            let mut command = self.command(&test.program, &[&test.name], 1);
            command.env("MUTANT_REACHED", &marks);
            let started = Instant::now();
            let end = self.end(command, &self.out(worker), Duration::from_secs(300))?;
            let took = started.elapsed();
            let text = fs::read_to_string(&marks).unwrap_or_default();
            let reached = text.lines().filter_map(|line| line.parse().ok()).collect();
            let mut found = found.lock().map_err(|_| "a worker failed")?;
            match end {
                End::Passed => found.tests.push((test.clone(), reached, took)),
                End::Failed(_) | End::Hung => found.failing.push(test.clone()),
            }
            Ok(())
        })?;
        found.into_inner().map_err(|_| "a worker failed".to_owned())
    }

    fn out(&self, worker: usize) -> PathBuf {
        self.scratch.join(format!("out-{worker}"))
    }

    /// Does something with each of many, as many at once as there are jobs.
    pub fn each<T: Sync>(
        &self,
        of: &[T],
        work: impl Fn(usize, &T) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs)
                .map(|worker| {
                    let (next, work) = (&next, &work);
                    scope.spawn(move || {
                        while let Some(one) = of.get(next.fetch_add(1, Ordering::Relaxed)) {
                            work(worker, one)?;
                        }
                        Ok(())
                    })
                })
                .collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().map_err(|_| "a worker failed".to_owned())?)
        })
    }

    /// Runs the tests that get to a mutant, until one fails; those that have caught its neighbours first.
    pub fn judge(
        &self,
        worker: usize,
        id: usize,
        baseline: &Baseline,
        first: &[Test],
    ) -> Result<Fate, String> {
        let mut reaching: Vec<_> =
            baseline.tests.iter().filter(|(_, reached, _)| reached.contains(&id)).collect();
        reaching.sort_by_key(|(test, reached, took)| (test.kind(), *took, reached.len()));
        let times: HashMap<&Test, Duration> = reaching.iter().map(|(test, _, took)| (test, *took)).collect();
        for test in first {
            if let Some(took) = times.get(test)
                && let Some(fate) = self.try_some(worker, id, &[test], *took)?
            {
                return Ok(fate);
            }
        }
        let mut spent = Duration::ZERO;
        let mut rest = reaching.iter().filter(|(test, _, _)| !first.contains(test)).peekable();
        let mut portion = Duration::from_secs(1);
        while let Some((test, _, took)) = rest.next() {
            let (mut tests, mut sum) = (vec![test], *took);
            while let Some((other, _, took)) = rest.peek() {
                if other.program != test.program || other.kind() != test.kind() || sum + *took > portion {
                    break;
                }
                tests.push(other);
                sum += *took;
                rest.next();
            }
            if spent + sum > self.budget {
                continue;
            }
            spent += sum;
            portion = (portion * 2).min(Duration::from_secs(16));
            if let Some(fate) = self.try_some(worker, id, &tests, sum)? {
                return Ok(fate);
            }
        }
        Ok(Fate::Survived { reached: !reaching.is_empty() })
    }

    /// `None` when all of the tests pass.
    fn try_some(
        &self,
        worker: usize,
        id: usize,
        tests: &[&Test],
        sum: Duration,
    ) -> Result<Option<Fate>, String> {
        let Some(first) = tests.first() else { return Ok(None) };
        let bound = Duration::from_secs(10) + sum * 5;
        let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        let threads = if first.kind() == Kind::E2e { 4 } else { 2 };
        let mut command = self.command(&first.program, &names, threads);
        command.env("MUTANT", id.to_string());
        match self.end(command, &self.out(worker), bound)? {
            End::Passed => Ok(None),
            End::Hung => Ok(Some(Fate::TimedOut((*first).clone()))),
            End::Failed(failed) => {
                let by = tests.iter().find(|test| failed.contains(&test.name)).unwrap_or(first);
                // On a busy machine a test of processes may fail by itself.
                if first.kind() == Kind::E2e {
                    let mut again = self.command(&by.program, &[&by.name], 1);
                    again.env("MUTANT", id.to_string());
                    if matches!(self.end(again, &self.out(worker), bound)?, End::Passed) {
                        return Ok(None);
                    }
                }
                Ok(Some(Fate::Killed((*by).clone())))
            }
        }
    }
}

/// The tests that caught something, by function and by file, latest first.
#[derive(Debug, Default)]
pub struct Hunters(BTreeMap<String, Vec<Test>>);

impl Hunters {
    pub fn of(&self, function: &str, file: &str) -> Vec<Test> {
        let mut found: Vec<Test> = Vec::new();
        for (place, count) in [(function, 3), (file, 2)] {
            for test in self.0.get(place).into_iter().flatten().take(count) {
                if !found.contains(test) {
                    found.push(test.clone());
                }
            }
        }
        found
    }

    pub fn caught(&mut self, function: &str, file: &str, test: &Test) {
        for place in [function, file] {
            let known = self.0.entry(place.to_owned()).or_default();
            known.retain(|other| other != test);
            known.insert(0, test.clone());
        }
    }
}

//! Mutants by machine: see README.md beside this package.

mod find;
mod index;
mod run;
mod score;
mod swaps;
mod tree;
mod weave;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};

use crate::run::{Baseline, Fate, Hunters, Kind, Runner, Test};
use crate::score::{Equivalent, Files, Score, Scores};
use crate::tree::Tree;

/// Puts small bugs into a copy of the sources and sees whether a test fails.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Ask,
}

#[derive(Subcommand)]
enum Ask {
    /// Print the scores that the repository keeps.
    Scores,
    /// Print the survivors that nobody has explained.
    Survivors {
        /// Only files whose paths start so.
        files: Vec<String>,
    },
    /// Print the mutants of files, without building anything.
    List {
        /// Only files whose paths start so.
        files: Vec<String>,
    },
    /// Run all mutants of all files, and keep the scores.
    Night {
        /// Only files whose paths start so.
        files: Vec<String>,
        /// Mutants that are tried at once.
        #[arg(long, default_value_t = 2)]
        jobs: usize,
        /// The last kind of tests that is run.
        #[arg(long, default_value = "seeds")]
        until: Kind,
        /// Seeds of the simulation for a mutant that everything else lets pass.
        #[arg(long, default_value_t = 500)]
        seeds: u64,
        /// Seconds of tests, as measured without mutants, that one mutant is tried with.
        #[arg(long, default_value_t = 600)]
        budget: u64,
        /// Leave out the tests whose names start so.
        #[arg(long)]
        skip: Vec<String>,
        /// Go on where the last run was stopped, which had the same files, sources and tests.
        #[arg(long)]
        again: bool,
        /// Only those that survived the last time: after new tests were written.
        #[arg(long)]
        survivors: bool,
        /// Only mutants whose names contain this; no score is written.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Run a few mutants with the tests that killed their neighbours; fails on a new survivor.
    Sample {
        /// No new mutant is begun after so many seconds of trying.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// At most so many.
        #[arg(long, default_value_t = 60)]
        mutants: usize,
        /// Another number, other mutants.
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn own() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn repository() -> PathBuf {
    own().join("../..")
}

/// Where the copy and its builds are: below the target folder of the repository.
fn place() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => PathBuf::from(folder).join("mutants"),
        None => repository().join("target/mutants"),
    }
}

fn run(ask: Ask) -> Result<bool, String> {
    let files: Files = score::load(&own().join("files.toml"))?;
    let mut scores: Scores = score::load(&own().join("scores.toml")).unwrap_or_default();
    let equivalent: Equivalent = score::load(&own().join("equivalent.toml"))?;
    let chosen = |starts: &[String]| {
        let all = files.group.iter().flat_map(|group| &group.files);
        all.filter(|file| starts.is_empty() || starts.iter().any(|start| file.starts_with(start)))
            .cloned()
            .collect::<Vec<_>>()
    };
    match ask {
        Ask::Scores => {
            print!("{}", score::table(&files, &scores, &equivalent));
            Ok(true)
        }
        Ask::Survivors { files } => {
            for file in chosen(&files) {
                for key in scores.get(&file).into_iter().flat_map(Score::survivors) {
                    if score::reason(&equivalent, &file, key).is_none() {
                        println!("{file}: {key}");
                    }
                }
            }
            Ok(true)
        }
        Ask::List { files } => {
            for (file, _, edits) in tree::mutants(&repository(), &chosen(&files))? {
                for edit in edits {
                    edit.map(|mutant| println!("{file}:{}: {}", mutant.line, mutant.key()));
                }
            }
            Ok(true)
        }
        Ask::Night { files, jobs, until, seeds, budget, skip, again, survivors, only } => {
            let chosen = chosen(&files);
            let survived = |mutant: &find::Mutant| {
                let known = scores.get(&mutant.file);
                known.is_some_and(|score| score.survivors().any(|key| *key == mutant.key()))
            };
            let wanted =
                |mutant: &find::Mutant| mutant.key().contains(&only) && (!survivors || survived(mutant));
            let how = Night { jobs, until, seeds, budget: Duration::from_secs(budget), skip, again };
            let fates = how.run(&chosen, &wanted)?;
            for (mutant, fate) in &fates {
                if let Fate::Survived { reached } = fate
                    && score::reason(&equivalent, &mutant.file, &mutant.key()).is_none()
                {
                    let why = if *reached { "" } else { " (no test gets there)" };
                    println!("{}:{}: {}{why}", mutant.file, mutant.line, mutant.key());
                }
            }
            if only.is_empty() {
                for file in &chosen {
                    let score = scores.entry(file.clone()).or_default();
                    if !survivors {
                        *score = Score::default();
                    }
                    for (mutant, fate) in fates.iter().filter(|(mutant, _)| mutant.file == *file) {
                        score.forget(mutant);
                        score.add(mutant, fate);
                    }
                }
                let text = toml::to_string_pretty(&scores).map_err(|error| error.to_string())?;
                let head = "# Written by `night`: see README.md. Survivors with a reason: equivalent.toml.\n";
                fs::write(own().join("scores.toml"), head.to_owned() + &text)
                    .map_err(|error| error.to_string())?;
            }
            Ok(true)
        }
        Ask::Sample { seconds, mutants, seed } => sample(&scores, &equivalent, seconds, mutants, seed),
    }
}

struct Night {
    jobs: usize,
    until: Kind,
    seeds: u64,
    budget: Duration,
    skip: Vec<String>,
    again: bool,
}

impl Night {
    fn run(
        &self,
        files: &[String],
        wanted: &dyn Fn(&find::Mutant) -> bool,
    ) -> Result<Vec<(find::Mutant, Fate)>, String> {
        let started = Instant::now();
        let mut tree = Tree::plant(&repository(), &place(), files, wanted)?;
        tree.prune()?;
        let programs = tree.build(if self.until == Kind::Seeds { &["it", "sim"] } else { &["it"] })?;
        let scratch = place().join("scratch");
        fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
        let ids: Vec<usize> = (0..tree.mutants.len()).filter(|id| !tree.dropped.contains(id)).collect();
        eprintln!(
            "{} mutants, {} more that do not compile; built after {:.0} s",
            ids.len(),
            tree.dropped.len(),
            started.elapsed().as_secs_f64()
        );
        let (jobs, seeds, budget) = (self.jobs, self.seeds, self.budget);
        let runner =
            Runner { programs: &programs, scratch: scratch.clone(), jobs: jobs + 2, seeds: 30, budget };
        let kept = scratch.join("baseline.json");
        let baseline: Baseline = if self.again {
            serde_json::from_str(&tree::read(&kept)?).map_err(|error| error.to_string())?
        } else {
            let baseline = runner.baseline(&|test| {
                test.kind() <= self.until && !self.skip.iter().any(|start| test.name.starts_with(start))
            })?;
            let text = serde_json::to_string(&baseline).map_err(|error| error.to_string())?;
            fs::write(&kept, text).map_err(|error| error.to_string())?;
            baseline
        };
        eprintln!(
            "{} tests, {} that fail over the copy; ready after {:.0} s",
            baseline.tests.len(),
            baseline.failing.len(),
            started.elapsed().as_secs_f64()
        );
        for test in &baseline.failing {
            eprintln!("fails over the copy: {}", test.words());
        }
        let runner = Runner { programs: &programs, scratch, jobs, seeds, budget };
        let list = scratch_file(&runner.scratch, "fates.jsonl", self.again)?;
        let known: BTreeMap<String, Fate> =
            (tree::read(&list)?.lines()).filter_map(|line| serde_json::from_str(line).ok()).collect();
        let names = tree.names();
        let fates = Mutex::new(Vec::new());
        let hunters = Mutex::new(Hunters::default());
        runner.each(&ids, |worker, id| {
            let mutant = &tree.mutants[*id];
            if let Some(fate) = known.get(&names[id]) {
                fates.lock().map_err(|_| "a worker failed")?.push((mutant.clone(), fate.clone()));
                return Ok(());
            }
            let first = hunters.lock().map_err(|_| "a worker failed")?.of(&mutant.function, &mutant.file);
            let fate = runner.judge(worker, *id, &baseline, &first)?;
            if let Fate::Killed(test) = &fate {
                let mut hunters = hunters.lock().map_err(|_| "a worker failed")?;
                hunters.caught(&mutant.function, &mutant.file, test);
            }
            let mut fates = fates.lock().map_err(|_| "a worker failed")?;
            append(&list, &serde_json::to_string(&(&names[id], &fate)).map_err(|error| error.to_string())?)?;
            fates.push((mutant.clone(), fate));
            if fates.len() % 50 == 0 {
                let alive = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Survived { .. })).count();
                let seconds = started.elapsed().as_secs_f64();
                eprintln!("{} of {} done, {alive} alive, after {seconds:.0} s", fates.len(), ids.len());
            }
            Ok(())
        })?;
        let mut fates = fates.into_inner().map_err(|_| "a worker failed".to_owned())?;
        fates.sort_by(|(a, _), (b, _)| (&a.file, a.line, &a.what).cmp(&(&b.file, b.line, &b.what)));
        eprintln!("done after {:.0} s", started.elapsed().as_secs_f64());
        Ok(fates)
    }
}

/// A list that grows while a run goes on; empty unless the run goes on with an earlier one.
fn scratch_file(scratch: &Path, name: &str, keep: bool) -> Result<PathBuf, String> {
    let path = scratch.join(name);
    if !keep || !path.exists() {
        fs::write(&path, "").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(path)
}

fn append(path: &Path, line: &str) -> Result<(), String> {
    let file = fs::OpenOptions::new().append(true).open(path);
    let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether every mutant of a sample is caught or known.
fn sample(
    scores: &Scores,
    known: &Equivalent,
    seconds: u64,
    count: usize,
    seed: u64,
) -> Result<bool, String> {
    let files: Vec<String> =
        scores.keys().filter(|file| Path::new(&repository()).join(file).exists()).cloned().collect();
    let mut candidates = Vec::new();
    for (file, _, edits) in tree::mutants(&repository(), &files)? {
        let is_known = |key: &String| {
            scores[&file].survivors().any(|other| other == key) || score::reason(known, &file, key).is_some()
        };
        for edit in edits {
            edit.map(|mutant| {
                let key = mutant.key();
                if !is_known(&key) {
                    let mut hasher = DefaultHasher::new();
                    (seed, &file, &key).hash(&mut hasher);
                    candidates.push((hasher.finish(), file.clone(), key));
                }
            });
        }
    }
    candidates.sort();
    // Some do not compile.
    candidates.truncate(count + count / 2);
    let picked: BTreeSet<(String, String)> =
        candidates.into_iter().map(|(_, file, key)| (file, key)).collect();
    let files: Vec<String> =
        picked.iter().map(|(file, _)| file.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let wanted = |mutant: &find::Mutant| picked.contains(&(mutant.file.clone(), mutant.key()));
    let started = Instant::now();
    let mut tree = Tree::plant(&repository(), &place(), &files, &wanted)?;
    tree.prune()?;
    let programs = tree.build(&["it"])?;
    let built = started.elapsed();
    let scratch = place().join("scratch");
    fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let budget = Duration::from_secs(60);
    let runner = Runner { programs: &programs, scratch, jobs: 4, seeds: 0, budget };
    let killers: BTreeSet<Test> = (files.iter().flat_map(|file| &scores[file].killers))
        .filter_map(|words| Test::from_words(words))
        .filter(|test| test.kind() != Kind::Seeds)
        .collect();
    let baseline = runner.baseline(&|test| killers.contains(test))?;
    let mut ids: Vec<usize> = (0..tree.mutants.len()).filter(|id| !tree.dropped.contains(id)).collect();
    ids.truncate(count);
    let tried = Mutex::new((0, Vec::new()));
    runner.each(&ids, |worker, id| {
        if started.elapsed() > built + Duration::from_secs(seconds) {
            return Ok(());
        }
        let mutant = &tree.mutants[*id];
        let fate = runner.judge(worker, *id, &baseline, &[])?;
        let mut tried = tried.lock().map_err(|_| "a worker failed")?;
        tried.0 += 1;
        // Only a seed, or a test that fails here, could tell.
        let of_file = &scores[&mutant.file];
        let elsewhere = of_file.killers.iter().filter_map(|words| Test::from_words(words));
        let is_judged =
            !elsewhere.into_iter().any(|test| test.kind() == Kind::Seeds || baseline.failing.contains(&test));
        if matches!(fate, Fate::Survived { .. }) && is_judged {
            tried.1.push(format!("{}:{}: {}", mutant.file, mutant.line, mutant.key()));
        }
        Ok(())
    })?;
    let (count, survivors) = tried.into_inner().map_err(|_| "a worker failed".to_owned())?;
    println!(
        "{count} mutants tried in {:.0} s, {:.0} s of it to build them",
        started.elapsed().as_secs_f64(),
        built.as_secs_f64()
    );
    for survivor in &survivors {
        println!("new survivor: {survivor}");
    }
    if !survivors.is_empty() {
        println!(
            "Write a test that fails, or give the reason in tests/mutants/equivalent.toml: see tests/mutants/README.md"
        );
    }
    Ok(survivors.is_empty())
}

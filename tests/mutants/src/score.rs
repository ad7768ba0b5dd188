//! The files of results beside this package: `files.toml`, `scores.toml`, `equivalent.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::find::Mutant;
use crate::run::{Fate, Kind};
use crate::tree::read;

/// `files.toml`: the files that decide, in groups with a goal each.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    pub group: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    /// Per cent.
    pub goal: u32,
    pub files: Vec<String>,
}

/// What is known of one file.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Those that compile.
    pub mutants: usize,
    /// By the kind of the test that fails first.
    pub killed: BTreeMap<Kind, usize>,
    pub timed_out: usize,
    /// The tests that killed one or more: a sample tries these.
    pub killers: BTreeSet<String>,
    /// What no test noticed, and those among them that no test gets to.
    pub survived: BTreeSet<String>,
    pub unreached: BTreeSet<String>,
}

/// Of a file's survivors, those that change nothing, with the reason.
pub type Equivalent = BTreeMap<String, BTreeMap<String, String>>;
pub type Scores = BTreeMap<String, Score>;

pub fn load<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    toml::from_str(&read(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// The reason that stands for a mutant; a key that ends in `*` is for all that begin so.
pub fn reason<'a>(known: &'a Equivalent, file: &str, key: &str) -> Option<&'a str> {
    let of_file = known.get(file)?;
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => key.starts_with(start),
        None => key == pattern,
    };
    of_file.iter().find(|(pattern, _)| matches(pattern)).map(|(_, reason)| reason.as_str())
}

impl Score {
    /// Takes one that survived off the lists, because it was tried again.
    pub fn forget(&mut self, mutant: &Mutant) {
        let key = mutant.key();
        let was_there = self.survived.remove(&key) | self.unreached.remove(&key);
        self.mutants -= usize::from(was_there);
    }

    pub fn add(&mut self, mutant: &Mutant, fate: &Fate) {
        self.mutants += 1;
        match fate {
            Fate::Killed(test) => {
                *self.killed.entry(test.kind()).or_default() += 1;
                self.killers.insert(test.words());
            }
            Fate::TimedOut(test) => {
                self.timed_out += 1;
                self.killers.insert(test.words());
            }
            Fate::Survived { reached: true } => drop(self.survived.insert(mutant.key())),
            Fate::Survived { reached: false } => drop(self.unreached.insert(mutant.key())),
        }
    }

    pub fn survivors(&self) -> impl Iterator<Item = &String> {
        self.survived.iter().chain(&self.unreached)
    }
}

/// The table of all files of `files.toml`, those without a score included.
pub fn table(files: &Files, scores: &Scores, equivalent: &Equivalent) -> String {
    let mut out = String::new();
    for group in &files.group {
        let _ = writeln!(out, "\n## {} (goal {} %)\n", group.name, group.goal);
        let _ = writeln!(out, "| file | mutants | killed | timed out | equivalent | survived | score |");
        let _ = writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        let (mut caught, mut counted) = (0, 0);
        for file in &group.files {
            let Some(score) = scores.get(file) else {
                let _ = writeln!(out, "| {file} | not run | | | | | |");
                continue;
            };
            let same = score.survivors().filter(|key| reason(equivalent, file, key).is_some()).count();
            let survived = score.survivors().count() - same;
            let killed: usize = score.killed.values().sum();
            let all = score.mutants - same;
            caught += killed + score.timed_out;
            counted += all;
            let rate = rate(killed + score.timed_out, all);
            let late = score.timed_out;
            let _ = writeln!(
                out,
                "| {file} | {} | {killed} | {late} | {same} | {survived} | {rate} |",
                score.mutants
            );
        }
        let _ = writeln!(out, "\n{} of {} mutants caught: {}", caught, counted, rate(caught, counted));
    }
    out
}

fn rate(of: usize, all: usize) -> String {
    match (of * 1000).checked_div(all) {
        None => "none".to_owned(),
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Test;

    #[test]
    fn scores_are_kept_and_read_back() {
        let mutant = |what: &str| Mutant {
            file: "src/a.rs".to_owned(),
            function: "f".to_owned(),
            line: 1,
            what: what.to_owned(),
        };
        let test = |program: &str| Test { program: program.to_owned(), name: "e2e::a".to_owned() };
        let mut score = Score::default();
        score.add(&mutant("a"), &Fate::Killed(test("lib")));
        score.add(&mutant("b"), &Fate::Killed(test("it")));
        score.add(&mutant("c"), &Fate::TimedOut(test("it")));
        score.add(&mutant("`d` -> \"e\""), &Fate::Survived { reached: true });
        score.add(&mutant("f"), &Fate::Survived { reached: false });
        let scores: Scores = [("src/a.rs".to_owned(), score.clone())].into();
        let text = toml::to_string_pretty(&scores).expect("a text");
        let read: Scores = toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(toml::to_string_pretty(&read).expect("a text"), text);
        let files = Files {
            group: vec![Group {
                name: "All".to_owned(),
                goal: 95,
                files: vec!["src/a.rs".to_owned(), "src/b.rs".to_owned()],
            }],
        };
        let reasons = [("f: `d*".to_owned(), "nobody could tell".to_owned())].into();
        let equivalent: Equivalent = [("src/a.rs".to_owned(), reasons)].into();
        let table = table(&files, &read, &equivalent);
        assert!(table.contains("| src/a.rs | 5 | 2 | 1 | 1 | 1 | 75.0 % |"), "{table}");
        assert!(table.contains("| src/b.rs | not run |"), "{table}");
        // One that is caught now survives no longer.
        score.forget(&mutant("f"));
        score.add(&mutant("f"), &Fate::Killed(test("lib")));
        assert_eq!((score.mutants, score.survivors().count()), (5, 1));
    }
}

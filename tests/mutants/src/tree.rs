//! The copy of the repository that the mutants live in, and its builds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::find::{self, Edit, Mutant};
use crate::index::Index;
use crate::weave::{self, Place};

/// What the copy's library says of a number. `MUTANT_REACHED` names a file that gets the number of each
/// mutant the first time that somebody asks for it.
const SWITCH: &str = r#"
#[doc(hidden)]
pub fn mutant(id: u32) -> bool {
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    static ON: OnceLock<Option<u32>> = OnceLock::new();
    static LOG: OnceLock<Option<std::ffi::OsString>> = OnceLock::new();
    static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    if let Some(path) = LOG.get_or_init(|| std::env::var_os("MUTANT_REACHED"))
        && !REACHED[id as usize].swap(true, Ordering::Relaxed)
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = file.write_all(format!("{id}\n").as_bytes());
    }
    *ON.get_or_init(|| std::env::var("MUTANT").ok()?.parse().ok()) == Some(id)
}
"#;

/// The end-to-end tests give their processes an environment of their own; the switch goes with it.
const CLEARED: &str = ".env_clear().envs([\"MUTANT\", \"MUTANT_REACHED\"].iter()\
    .filter_map(|name| Some((*name, std::env::var_os(name)?))))";

/// The copy with its mutants.
pub struct Tree {
    root: PathBuf,
    target: PathBuf,
    library: String,
    /// The simulation is among the tests.
    has_seeds: bool,
    pub mutants: Vec<Mutant>,
    /// Those that do not compile.
    pub dropped: BTreeSet<usize>,
    files: BTreeMap<String, (String, Vec<Edit<usize>>)>,
}

/// The tests' programs.
pub struct Programs {
    pub root: PathBuf,
    /// By their short names: `lib`, `it`, `sim`.
    pub by_name: BTreeMap<&'static str, PathBuf>,
}

/// The mutants of these files, as the sources are.
pub fn mutants(
    repository: &Path,
    files: &[String],
) -> Result<Vec<(String, String, Vec<Edit<Mutant>>)>, String> {
    let mut index = Index::default();
    for path in tracked(repository)?.iter().filter(|path| path.starts_with("src/") && path.ends_with(".rs")) {
        index.read(&read(&repository.join(path))?).map_err(|error| format!("{path}: {error}"))?;
    }
    let one = |path: &String| {
        let text = read(&repository.join(path))?;
        let edits = find::edits(path, &text, &index).map_err(|error| format!("{path}: {error}"))?;
        Ok((path.clone(), text, edits))
    };
    files.iter().map(one).collect()
}

impl Tree {
    /// Copies what git tracks, and finds the mutants of the files; `wanted` picks among them.
    pub fn plant(
        repository: &Path,
        target: &Path,
        files: &[String],
        wanted: &dyn Fn(&Mutant) -> bool,
    ) -> Result<Self, String> {
        let root = target.join("tree");
        let tracked = tracked(repository)?;
        for folder in ["src", "tests"] {
            clear(&root, &root.join(folder), &tracked)?;
        }
        for path in tracked {
            // Written with their switches, later.
            if files.contains(&path) || path == "src/lib.rs" {
                continue;
            }
            let (from, to) = (repository.join(&path), root.join(&path));
            // Tracked and gone, or a link to somewhere.
            let Ok(mut bytes) = fs::read(&from) else { continue };
            if path.starts_with("tests/it/") && path.ends_with(".rs") {
                bytes = String::from_utf8_lossy(&bytes).replace(".env_clear()", CLEARED).into_bytes();
            }
            if path == "Cargo.toml" {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                bytes = text.replace("\"warn\"", "\"allow\"").into_bytes();
            }
            // Files that stay as they are keep their time: cargo builds what changed.
            if fs::read(&to).is_ok_and(|old| old == bytes) {
                continue;
            }
            let folder = to.parent().ok_or("no folder")?;
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            fs::write(&to, bytes).map_err(|error| format!("{}: {error}", to.display()))?;
            if let Ok(meta) = fs::metadata(&from) {
                let _ = fs::set_permissions(&to, meta.permissions());
            }
        }
        let mut tree = Self {
            root,
            target: target.join("build"),
            // Warnings about switches help nobody.
            library: read(&repository.join("src/lib.rs"))?.replacen(
                "\n#![cfg_attr",
                "\n#![allow(warnings, arithmetic_overflow, unconditional_panic)]\n#![cfg_attr",
                1,
            ),
            has_seeds: false,
            mutants: Vec::new(),
            dropped: BTreeSet::new(),
            files: BTreeMap::new(),
        };
        for (path, text, edits) in mutants(repository, files)? {
            // A constant is one mutant wherever it stands.
            let mut constants: BTreeMap<String, usize> = BTreeMap::new();
            let mut number = |mutant: Mutant| {
                if mutant.is_constant() {
                    let next = tree.mutants.len();
                    let id = *constants.entry(mutant.key()).or_insert(next);
                    if id != next {
                        return id;
                    }
                }
                if !wanted(&mutant) {
                    tree.dropped.insert(tree.mutants.len());
                }
                tree.mutants.push(mutant);
                tree.mutants.len() - 1
            };
            let edits = edits.into_iter().map(|edit| edit.map(&mut number)).collect();
            tree.files.insert(path, (text, edits));
        }
        Ok(tree)
    }

    /// Writes the sources with all mutants that are left.
    fn write(&self) -> Result<BTreeMap<&str, Vec<Place>>, String> {
        let mut places = BTreeMap::new();
        for (path, (text, edits)) in &self.files {
            let woven = weave::weave(text, edits, &|id| !self.dropped.contains(&id));
            let to = self.root.join(path);
            replace(&to, &woven.text)?;
            places.insert(path.as_str(), woven.places);
        }
        let switch = SWITCH.replace("COUNT", &self.mutants.len().max(1).to_string());
        replace(&self.root.join("src/lib.rs"), &(self.library.clone() + &switch))?;
        Ok(places)
    }

    fn cargo(&self, args: &[&str]) -> Result<(bool, Vec<Value>), String> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        // The simulation takes its time; everything else is built sooner than it is run.
        for name in ["CARGO_PROFILE_TEST_OPT_LEVEL", "CARGO_PROFILE_TEST_DEBUG"] {
            if !self.has_seeds && std::env::var_os(name).is_none() {
                command.env(name, "0");
            }
        }
        let ran = command
            .args(args)
            .args(["--locked", "--message-format=json"])
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|error| format!("cargo does not run: {error}"))?;
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        Ok((ran.status.success(), text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()))
    }

    /// The names of the mutants, each with what its file is like.
    pub fn names(&self) -> BTreeMap<usize, String> {
        let mut names = BTreeMap::new();
        for (id, mutant) in self.mutants.iter().enumerate() {
            let mut hasher = DefaultHasher::new();
            self.files[&mutant.file].0.hash(&mut hasher);
            names.insert(id, format!("{:016x} {}: {}", hasher.finish(), mutant.file, mutant.key()));
        }
        names
    }

    /// Checks the sources and drops the mutants that do not compile, until all is well.
    pub fn prune(&mut self) -> Result<(), String> {
        let list = self.target.with_file_name("dropped.txt");
        let mut known: BTreeSet<String> =
            read(&list).unwrap_or_default().lines().map(str::to_owned).collect();
        let names = self.names();
        self.dropped.extend(names.iter().filter(|(_, name)| known.contains(*name)).map(|(id, _)| *id));
        loop {
            let places = self.write()?;
            let (is_good, messages) = self.cargo(&["check", "--lib"])?;
            if is_good {
                return Ok(());
            }
            let bad = all_blamed(&messages, &places)?;
            eprintln!("{} mutants do not compile", bad.len());
            known.extend(bad.iter().map(|id| names[id].clone()));
            let text = known.iter().map(|name| format!("{name}\n")).collect::<String>();
            replace(&list, &text)?;
            self.dropped.extend(bad);
        }
    }

    /// Builds the tests. Here, too, a constant may turn out to be none that can be switched.
    pub fn build(&mut self, tests: &[&str]) -> Result<Programs, String> {
        self.has_seeds = tests.contains(&"sim");
        let mut args = vec!["test", "--no-run", "--lib"];
        for test in tests {
            args.extend(["--test", test]);
        }
        let messages = loop {
            let places = self.write()?;
            let (is_good, messages) = self.cargo(&args)?;
            if is_good {
                break messages;
            }
            let bad = all_blamed(&messages, &places)?;
            self.dropped.extend(bad);
        };
        let mut by_name = BTreeMap::new();
        for message in &messages {
            let Some(program) = message["executable"].as_str() else { continue };
            let name = match message["target"]["name"].as_str() {
                Some("it") => "it",
                Some("sim") => "sim",
                Some(_) if message["target"]["kind"][0] == "lib" => "lib",
                _ => continue,
            };
            by_name.insert(name, PathBuf::from(program));
        }
        Ok(Programs { root: self.root.clone(), by_name })
    }
}

/// The mutants that a failed build is about.
fn all_blamed(messages: &[Value], places: &BTreeMap<&str, Vec<Place>>) -> Result<BTreeSet<usize>, String> {
    let mut bad = BTreeSet::new();
    let mut unknown = String::new();
    for message in messages.iter().map(|message| &message["message"]).filter(|of| of["level"] == "error") {
        let found = blamed(message, places);
        if found.is_empty() {
            unknown.push_str(message["rendered"].as_str().unwrap_or_default());
        }
        bad.extend(found);
    }
    if bad.is_empty() {
        return Err(format!("the copy does not compile, and no mutant is known to be why:\n{unknown}"));
    }
    Ok(bad)
}

/// The mutants that a message of the compiler is about.
fn blamed(message: &Value, places: &BTreeMap<&str, Vec<Place>>) -> Vec<usize> {
    let mut spans: Vec<&Value> = message["spans"].as_array().into_iter().flatten().collect();
    spans.sort_by_key(|span| span["is_primary"] != true);
    let number = |span: &Value, name: &str| usize::try_from(span[name].as_u64().unwrap_or(0)).unwrap_or(0);
    // The smallest text that is there because of one mutant only.
    for span in &spans {
        let Some(places) = span["file_name"].as_str().and_then(|name| places.get(name)) else { continue };
        let (start, end) = (number(span, "byte_start"), number(span, "byte_end"));
        let own = places.iter().filter(|place| place.own.start <= start && end <= place.own.end);
        if let Some(place) = own.min_by_key(|place| place.own.len()) {
            return vec![place.id];
        }
    }
    // Otherwise all of the smallest switch around it.
    for span in &spans {
        let Some(places) = span["file_name"].as_str().and_then(|name| places.get(name)) else { continue };
        let (start, end) = (number(span, "byte_start"), number(span, "byte_end"));
        let around = places.iter().filter(|place| place.site.start < end && start < place.site.end);
        if let Some(site) = around.min_by_key(|place| place.site.len()).map(|place| place.site.clone()) {
            return places.iter().filter(|place| place.site == site).map(|place| place.id).collect();
        }
    }
    // A match of which too many arms may be left out: the guards that follow.
    for span in spans.iter().filter(|_| message["code"]["code"] == "E0004") {
        let Some(places) = span["file_name"].as_str().and_then(|name| places.get(name)) else { continue };
        let end = number(span, "byte_end");
        let guards = places
            .iter()
            .filter(|place| place.own == place.site && (end..end + 3000).contains(&place.own.start));
        return guards.map(|place| place.id).collect();
    }
    Vec::new()
}

/// Removes what an earlier copy had and git has no more.
fn clear(root: &Path, folder: &Path, tracked: &[String]) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.strip_prefix(root).map(|name| name.display().to_string()).unwrap_or_default();
        if path.is_dir() {
            clear(root, &path, tracked)?;
        } else if !tracked.contains(&name) {
            fs::remove_file(&path).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

fn tracked(repository: &Path) -> Result<Vec<String>, String> {
    let listed = Command::new("git").arg("ls-files").current_dir(repository).output();
    let listed = listed.map_err(|error| format!("git does not run: {error}"))?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect())
}

/// Files that stay as they are keep their time: cargo builds what changed.
fn replace(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let failed = |error| format!("{}: {error}", path.display());
    fs::create_dir_all(path.parent().ok_or("no folder")?).map_err(failed)?;
    fs::write(path, text).map_err(failed)
}

pub fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

//! The rules of the house, read off the sources: lengths and manners. The order of dependence is in
//! `wings.rs`; what the pages say is in `pages.rs`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// No file is longer, tests and scripts included.
const LINES_MAX: usize = 600;

/// What may lie at the top of the repository.
const TOP: &[&str] = &[
    ".ci",
    ".deny.toml",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "deploy",
    "examples",
    "src",
    "tests",
];

pub(crate) struct SourceFile {
    /// From the root: `src/client/api/error.rs`.
    pub(crate) path: String,
    /// All of it.
    text: String,
    /// Without whole-line comments and the tests at its end.
    pub(crate) code: String,
}

impl SourceFile {
    /// All of it.
    pub(crate) fn text(self) -> String {
        self.text
    }

    /// The wing that the file belongs to: `client`.
    pub(crate) fn wing(&self) -> &str {
        let path = self.path.trim_start_matches("src/");
        path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

pub(crate) fn walk(folder: &str) -> Vec<SourceFile> {
    walk_for(folder, &["rs"])
}

/// The files below a folder whose names end so; not what package managers put there.
fn walk_for(folder: &str, extensions: &[&str]) -> Vec<SourceFile> {
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("node_modules") && !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| extensions.iter().any(|known| found == *known)) {
                let name = path.strip_prefix(root()).expect("below the root").display().to_string();
                let text = read(&name);
                files.push(SourceFile { code: code(&text), path: name, text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// By this repository's habit the tests are the last part of a file.
fn code(text: &str) -> String {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    let lines = text[..end].lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whole words of capitals that start with a known prefix: the names of environment variables.
pub(crate) fn variables(code: &str, found: &mut Vec<String>) {
    for word in code.split(|c: char| c != '_' && !c.is_ascii_uppercase() && !c.is_ascii_digit()) {
        let known = word.starts_with("NUMCTL_") || word.starts_with("TWILIO_");
        if known && !word.ends_with('_') && !found.iter().any(|name| name == word) {
            found.push(word.to_owned());
        }
    }
}

pub(crate) fn none(findings: String) {
    assert!(findings.is_empty(), "\n{findings}");
}

#[test]
fn files_open_with_their_doc_and_keep_their_manners() {
    let mut findings = String::new();
    for file in walk("src") {
        if !file.text.starts_with("//! ") {
            let _ = writeln!(findings, "{}: the first line is a `//!` doc of the module", file.path);
        }
        for word in [".unwrap()", "todo!", "unimplemented!", "dbg!", "serde_yml"] {
            if file.code.contains(word) {
                let _ = writeln!(findings, "{}: {word} outside of tests", file.path);
            }
        }
        for word in ["TODO", "FIXME", "XXX"] {
            if file.text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word) {
                let _ = writeln!(findings, "{}: {word}: do it, or file an issue", file.path);
            }
        }
    }
    none(findings);
}

/// Fields and variants need none: their names say it, or the type's doc does.
#[test]
fn public_types_and_functions_have_a_doc_that_says_something() {
    let mut findings = String::new();
    for file in walk("src") {
        let lines: Vec<&str> = file.code.lines().collect();
        let all: Vec<&str> = file.text.lines().collect();
        for (at, line) in all.iter().enumerate().filter(|(_, line)| lines.contains(line)) {
            let item = line.trim_start().strip_prefix("pub ").unwrap_or_default();
            let item = item.trim_start_matches("const ").trim_start_matches("async ");
            if !["fn ", "struct ", "enum ", "trait ", "type "].iter().any(|start| item.starts_with(start)) {
                continue;
            }
            let above: Vec<&str> =
                all[..at].iter().rev().copied().take_while(|line| is_above(line)).collect();
            let docs = above.iter().filter_map(|line| line.trim_start().strip_prefix("///"));
            let words: usize = docs.map(|doc| doc.split_whitespace().count()).sum();
            if words < 4 && !item.contains("$name") && !above.iter().any(|line| line.contains("Parser")) {
                let _ = writeln!(findings, "{}:{}: say what it is for: {}", file.path, at + 1, line.trim());
            }
        }
    }
    none(findings);
}

/// Whether a line belongs to the item below it: a doc, an attribute, or a part of one.
fn is_above(line: &str) -> bool {
    let line = line.trim_start();
    !(line.is_empty() || line.ends_with(['}', ';', '{']) || line.starts_with("//!"))
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let mut findings = String::new();
    for file in ["src", "tests"].into_iter().flat_map(|folder| walk_for(folder, &["rs", "js", "mjs", "py"])) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            let _ = writeln!(findings, "{}: {lines} lines; split it by subject", file.path);
        }
    }
    none(findings);
}

#[test]
fn only_the_parser_knows_yaml_and_only_the_output_prints() {
    let mut findings = String::new();
    for file in walk("src") {
        if file.code.contains("serde_yaml::") && !matches!(file.wing(), "desired" | "cli") {
            let _ = writeln!(findings, "{}: serde_yaml outside of `desired` and `cli`", file.path);
        }
        if file.code.contains("println!") && file.path != "src/cli/output.rs" {
            let _ = writeln!(findings, "{}: prints; src/cli/output.rs does that", file.path);
        }
    }
    none(findings);
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    // Only what git tracks: what a person saves beside it is theirs. Without git there is nothing to ask.
    let listed = std::process::Command::new("git").arg("ls-files").current_dir(root()).output();
    let Ok(listed) = listed else { return };
    let mut findings = String::new();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut names: Vec<&str> = text.lines().filter_map(|path| path.split('/').next()).collect();
    names.dedup();
    for name in names.iter().filter(|name| !TOP.contains(name)) {
        let _ = writeln!(findings, "{name}: not among the entries of the top level (TOP)");
    }
    none(findings);
}

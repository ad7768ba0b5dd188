//! The order of dependence, read off the sources: `src/lib.rs` has the map of the wings, each wing's file the
//! map of what is in it. A file uses only what is above it, files of one folder do not use each other in a
//! circle, and files that the maps call pure touch nothing outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::tidy::{none, read, walk};

/// What a pure file may not name: runtimes, the network, files, the environment, clocks, logs.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "notify::",
    "tracing",
    "std::fs",
    "std::env",
    "std::net",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "println!",
];

/// `["client", "api", "error"]`.
type Module = Vec<String>;

/// The sources, as far as dependence goes.
struct House {
    /// Each module's code, without comments and tests.
    code: BTreeMap<Module, String>,
    /// The names that each module defines.
    items: BTreeMap<Module, BTreeSet<String>>,
    /// The names that each module hands on, with what they name.
    handed_on: BTreeMap<Module, Vec<Module>>,
}

impl House {
    fn read() -> Self {
        let mut code = BTreeMap::new();
        for file in walk("src") {
            let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
            if !matches!(path, "lib" | "main") {
                code.insert(path.split('/').map(str::to_owned).collect::<Module>(), file.code);
            }
        }
        let items = code.iter().map(|(module, code)| (module.clone(), items(code))).collect();
        let mut house = Self { code, items, handed_on: BTreeMap::new() };
        let names = |(module, code): (&Module, &String)| {
            let public = uses(code).into_iter().filter(|(is_public, _)| *is_public);
            (module.clone(), public.filter_map(|(_, path)| house.absolute(module, &path)).collect())
        };
        house.handed_on = house.code.iter().map(names).collect();
        house
    }

    /// A path as a module writes it, from the crate's root; `None` where it is another crate's.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let mut base = module.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (base, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                base.push(child.to_owned());
                let is_child = self.code.contains_key(&base);
                base.pop();
                if !is_child {
                    return None;
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that a path leads to, through the names that others hand on.
    fn module_of(&self, path: &[String], hops: usize) -> Option<Module> {
        let known = (1..=path.len()).rev().find(|length| self.code.contains_key(&path[..*length]))?;
        let module = path[..known].to_vec();
        let Some(name) = path.get(known).filter(|_| hops > 0) else { return Some(module) };
        if self.items[&module].contains(name) {
            return Some(module);
        }
        for target in &self.handed_on[&module] {
            let (last, holder) = target.split_last()?;
            if last == name && target[..] != path[..=known] {
                return self.module_of(target, hops - 1);
            }
            if last == "*" && self.items.get(holder).is_some_and(|items| items.contains(name)) {
                return Some(holder.to_vec());
            }
        }
        Some(module)
    }

    /// Every use of one module by another.
    fn arrows(&self) -> BTreeSet<(Module, Module)> {
        let mut arrows = BTreeSet::new();
        for (module, code) in &self.code {
            for (_, path) in uses(code) {
                let to = self.absolute(module, &path).and_then(|path| self.module_of(&path, 4));
                if let Some(to) = to.filter(|to| to != module) {
                    arrows.insert((module.clone(), to));
                }
            }
        }
        arrows
    }
}

/// The names of the items at a file's left margin.
fn items(code: &str) -> BTreeSet<String> {
    let starts = ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
    let mut names = BTreeSet::new();
    for line in code.lines().filter(|line| line.starts_with(char::is_alphabetic)) {
        let words: Vec<&str> = line.split(|c: char| c != '_' && !c.is_alphanumeric()).collect();
        let at = words.iter().rposition(|word| starts.contains(word));
        names.extend(at.and_then(|at| words.get(at + 1)).map(|name| (*name).to_owned()));
    }
    names
}

/// Every path that a file names, in `use` declarations and in place, and whether it is handed on.
fn uses(code: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    let mut rest = String::new();
    let mut statement: Option<(bool, String)> = None;
    for line in code.lines() {
        let start = line.trim_start();
        if statement.is_none() {
            let is_public = start.starts_with("pub");
            let bare = start.split_once("use ").filter(|(before, _)| {
                before.is_empty() || (is_public && !before.contains(|c: char| "=({;".contains(c) && c != '('))
            });
            match bare {
                Some((before, tree)) if before.is_empty() || before.trim_end().ends_with([')', 'b']) => {
                    statement = Some((is_public, tree.to_owned()));
                }
                _ => {
                    rest.push_str(line);
                    rest.push('\n');
                    continue;
                }
            }
        } else if let Some((_, tree)) = &mut statement {
            tree.push_str(start);
        }
        if let Some((is_public, tree)) = statement.take_if(|(_, tree)| tree.contains(';')) {
            let tree = tree.split(';').next().unwrap_or_default();
            found.extend(expand(tree).into_iter().map(|path| (is_public, path)));
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(root) {
            let before = &rest[..at];
            let inside = before.ends_with(|c: char| "$_:".contains(c) || c.is_alphanumeric());
            if !inside && !before.ends_with("in ") {
                let path = rest[at..].split(|c: char| !(c == '_' || c == ':' || c.is_alphanumeric())).next();
                let path = path.unwrap_or_default().trim_end_matches(':');
                found.push((false, path.split("::").map(str::to_owned).collect()));
            }
        }
    }
    found
}

/// `a::{b, c::{d, e}}` as the paths in it.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((prefix, body)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|name| name.trim().to_owned()).collect()];
    };
    let prefix: Vec<String> =
        prefix.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let body = body.rsplit_once('}').map_or(body, |(body, _)| body);
    let (mut parts, mut depth, mut part) = (Vec::new(), 0, String::new());
    for c in body.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(c);
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(part)).map(|path| [prefix.clone(), path].concat()).collect()
}

/// The names of a map in their order, each with whether it is pure.
fn map(path: &str) -> Vec<(String, bool)> {
    let mut pure = false;
    let mut names = Vec::new();
    for line in read(path).lines().take_while(|line| line.starts_with("//!")) {
        pure = (pure || line == "//! Pure:") && line != "//! I/O:";
        let name = line.strip_prefix("//! - ").and_then(|rest| rest.split_once(": "));
        if let Some((name, _)) = name {
            names.push((name.trim_matches(['`', '[', ']']).to_owned(), pure));
        }
    }
    names
}

fn place(map: &[(String, bool)], name: &str) -> Option<usize> {
    map.iter().position(|(known, _)| known == name)
}

#[test]
fn a_wing_uses_only_wings_above_it_and_a_file_only_files_above_it() {
    let house = House::read();
    let wings = map("src/lib.rs");
    let inside: BTreeMap<&str, _> =
        wings.iter().map(|(wing, _)| (wing.as_str(), map(&format!("src/{wing}.rs")))).collect();
    let mut findings = String::new();
    for module in house.code.keys() {
        let has_line = match module.as_slice() {
            [wing] => place(&wings, wing).is_some(),
            [wing, file, ..] => inside.get(wing.as_str()).is_some_and(|map| place(map, file).is_some()),
            [] => true,
        };
        if !has_line {
            let _ = writeln!(findings, "src/{}.rs: give it a line in the map above it", module.join("/"));
        }
    }
    for (wing, map) in &inside {
        for (name, _) in map {
            if !house.code.contains_key(&vec![(*wing).to_owned(), name.clone()]) {
                let _ = writeln!(findings, "src/{wing}.rs: the map has `{name}`, which is not there");
            }
        }
    }
    for (from, to) in house.arrows() {
        let (above, below) = (place(&wings, &to[0]), place(&wings, &from[0]));
        let mut is_upward = above > below;
        if let ([wing, file, ..], [other, used, ..]) = (from.as_slice(), to.as_slice())
            && wing == other
            && file != used
        {
            let map = &inside[wing.as_str()];
            is_upward |= place(map, used) > place(map, file);
        }
        if is_upward {
            let _ = writeln!(findings, "{} uses {}, which is not above it", from.join("::"), to.join("::"));
        }
    }
    none(findings);
}

#[test]
fn files_of_one_folder_do_not_use_each_other_in_a_circle() {
    let house = House::read();
    let mut folders: BTreeMap<Module, BTreeSet<(String, String)>> = BTreeMap::new();
    for (from, to) in house.arrows() {
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        if let (Some(a), Some(b)) = (from.get(shared), to.get(shared)) {
            folders.entry(from[..shared].to_vec()).or_default().insert((a.clone(), b.clone()));
        }
    }
    let mut findings = String::new();
    for (folder, mut arrows) in folders {
        // Whoever uses nobody that is left, or is used by nobody, is in no circle.
        loop {
            let uses: BTreeSet<String> = arrows.iter().map(|(from, _)| from.clone()).collect();
            let used: BTreeSet<String> = arrows.iter().map(|(_, to)| to.clone()).collect();
            let before = arrows.len();
            arrows.retain(|(from, to)| uses.contains(to) && used.contains(from));
            if arrows.len() == before {
                break;
            }
        }
        for (from, to) in arrows {
            let _ = writeln!(findings, "src/{}: in a circle: {from} uses {to}", folder.join("/"));
        }
    }
    none(findings);
}

/// The types at a file's left margin, private ones too.
fn types(code: &str) -> Vec<String> {
    let starts = ["struct", "enum", "trait", "type", "union"];
    let mut names = Vec::new();
    for line in code.lines().filter(|line| line.starts_with(char::is_alphabetic)) {
        let mut words = line.split(|c: char| c != '_' && !c.is_alphanumeric());
        let start = words.by_ref().find(|word| starts.contains(word) || ["fn", "use", "mod"].contains(word));
        if start.is_some_and(|start| starts.contains(&start)) {
            names.extend(words.next().map(str::to_owned));
        }
    }
    names
}

#[test]
fn a_name_belongs_to_one_type() {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut findings = String::new();
    for (module, code) in &House::read().code {
        for name in types(code) {
            owners.entry(name).or_default().push(module.join("::"));
        }
        for (name, better) in [("of", "from_… or what it returns"), ("word", "as_str")] {
            if code.contains(&format!("fn {name}(")) || code.contains(&format!("fn {name}<")) {
                let _ = writeln!(findings, "{}: call `fn {name}` {better}", module.join("::"));
            }
        }
    }
    assert!(owners.len() > 500, "{}", owners.len());
    for (name, owners) in owners.iter().filter(|(_, owners)| owners.len() > 1) {
        let _ = writeln!(findings, "{name} is the name of several types: in {}", owners.join(", "));
    }
    none(findings);
}

#[test]
fn pure_files_touch_nothing_outside() {
    let house = House::read();
    let mut pure = BTreeMap::new();
    for (wing, _) in map("src/lib.rs") {
        for (file, is_pure) in map(&format!("src/{wing}.rs")) {
            pure.insert(vec![wing.clone(), file], is_pure);
        }
    }
    let is_pure = |module: &Module| module.get(..2).and_then(|key| pure.get(key)).copied();
    let mut findings = String::new();
    for (module, code) in house.code.iter().filter(|(module, _)| is_pure(module) == Some(true)) {
        for word in IMPURE.iter().filter(|word| code.contains(**word)) {
            let _ =
                writeln!(findings, "{}: pure by the map of its wing, but names {word}", module.join("::"));
        }
    }
    for (from, to) in house.arrows() {
        if is_pure(&from) == Some(true) && is_pure(&to) == Some(false) {
            let _ = writeln!(
                findings,
                "{}: pure by the map of its wing, but uses {}",
                from.join("::"),
                to.join("::")
            );
        }
    }
    assert!(pure.values().any(|is_pure| *is_pure), "the maps have a pure part");
    none(findings);
}

//! Reads what `-f` names: the only part of parsing that touches the file system, and that has threads.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::desired::finding::{Finding, Findings, Location};
use crate::desired::{Desired, Format, MAX_FILE_BYTES, Parsed, ReadFile, Source};
use crate::host::bounded_file::{self, BoundedFileError};
use crate::model::inert::spelt_out;
use crate::model::provider::Api;

/// All files together: two million numbers, and what a directory of anything may cost.
const MAX_TOTAL_BYTES: usize = 4 * MAX_FILE_BYTES;

/// At most this many folders are gone through at most: `-f /` is a mistake.
const FOLDERS_MAX: usize = 10_000;

/// The files of the given paths: a file, a directory (every `*.yaml`, `*.yml` and `*.json` in it and in
/// the folders below it, sorted), or `-` for stdin. What starts with a dot is not read. A file that is
/// named twice is read once.
///
/// # Errors
/// Every file that is missing, unreadable, too large or no UTF-8 text, and every directory without
/// a file to read. Nothing is read in part.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Source>, Findings> {
    let mut findings = Vec::new();
    let mut seen = HashSet::new();
    let mut sources = Vec::new();
    let mut bytes = 0;
    for path in paths {
        match files_of(path) {
            Ok(files) => {
                for file in files {
                    // Two names of one file would be reported as every number declared twice.
                    if !seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                        continue;
                    }
                    match read(&file) {
                        Ok(source) => {
                            bytes += source.text.len();
                            sources.push(source);
                        }
                        Err(finding) => findings.push(*finding),
                    }
                    if bytes > MAX_TOTAL_BYTES {
                        let message =
                            format!("the files together are larger than {} MiB", MAX_TOTAL_BYTES >> 20);
                        return Err(Findings::from_finding(*refused(&file, &message, None)));
                    }
                }
            }
            Err(finding) => findings.push(*finding),
        }
    }
    if paths.is_empty() {
        findings.push(Finding::error("no file was given", Some("name one with -f")));
    }
    Findings::new(findings, 0).map_or(Ok(sources), Err)
}

/// At most this many files are parsed at once at most: the parser holds about 13 times a file meanwhile.
const AT_ONCE_MAX: usize = 4;
/// What a program's main thread has: files may be nested deeply.
const STACK_BYTES: usize = 8 << 20;

/// [`Desired::parse_for`], with the files read side by side.
///
/// # Errors
/// The same.
pub fn parse(sources: &[Source], operators_api: Api) -> Result<Parsed, Findings> {
    parse_with(at_once(), sources, operators_api)
}

fn at_once() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(AT_ONCE_MAX)
}

fn parse_with(at_once: usize, sources: &[Source], operators_api: Api) -> Result<Parsed, Findings> {
    Desired::parse_by(sources, operators_api, |sources| {
        let next = AtomicUsize::new(0);
        let read_some = || -> Vec<ReadFile> {
            std::iter::from_fn(|| {
                let place = next.fetch_add(1, Ordering::Relaxed);
                Some(ReadFile::read(place, sources.get(place)?))
            })
            .collect()
        };
        thread::scope(|scope| {
            let spawn =
                |_| thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, read_some).ok();
            // Where there can be no thread, this one reads them all.
            let others: Vec<_> = (1..at_once.min(sources.len())).map_while(spawn).collect();
            let mut read = read_some();
            for other in others {
                read.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            read
        })
    })
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, Box<Finding>> {
    if path == Path::new("-") || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = tree(path)?.files;
    files.sort();
    if files.is_empty() {
        return Err(refused(
            path,
            "the directory and its folders contain no *.yaml, *.yml or *.json file",
            Some("files and folders whose names start with a dot are not read"),
        ));
    }
    Ok(files)
}

/// The folders that are read for a path: the directory that it is, and those below it. None where it is a
/// file, or cannot be read.
#[must_use]
pub fn folders(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        tree(path).map_or_else(|_| vec![path.to_owned()], |tree| tree.folders)
    } else {
        Vec::new()
    }
}

/// A directory with all that is read in it.
#[derive(Default)]
struct Tree {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// Goes through a directory. Links to folders are followed, each folder once: links may lead in circles.
fn tree(root: &Path) -> Result<Tree, Box<Finding>> {
    let mut tree = Tree::default();
    let mut seen = HashSet::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let unreadable =
            |error: io::Error| refused(&folder, &format!("the directory cannot be read: {error}"), None);
        if !seen.insert(fs::canonicalize(&folder).map_err(unreadable)?) {
            continue;
        }
        if seen.len() > FOLDERS_MAX {
            let message = format!("there are more than {FOLDERS_MAX} folders in it");
            return Err(refused(root, &message, Some("name the folder with your files")));
        }
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        for path in entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()) {
            if is_hidden(&path) {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if is_ours(&path) {
                tree.files.push(path);
            }
        }
        tree.folders.push(folder);
    }
    Ok(tree)
}

/// What editors and mounts keep beside the real files starts with a dot (`.fleet.yaml.swp`,
/// Kubernetes' `..data`).
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn is_ours(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["yaml", "yml", "json"].into_iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn name_of(path: &Path) -> Arc<str> {
    if path == Path::new("-") {
        return "<stdin>".into();
    }
    // A file's name is text from outside, too (law 12).
    spelt_out(&path.display().to_string()).replace('\n', "\\u{a}").into()
}

fn refused(path: &Path, message: &str, help: Option<&str>) -> Box<Finding> {
    Box::new(Finding::error(message, help).at(Location::of_file(name_of(path))))
}

fn read(path: &Path) -> Result<Source, Box<Finding>> {
    let stdin = path == Path::new("-");
    let read = match stdin {
        true => bounded_file::all_of(io::stdin().lock(), MAX_FILE_BYTES),
        false => bounded_file::bytes(path, MAX_FILE_BYTES),
    };
    let bytes = read.map_err(|error| {
        let help = match error {
            BoundedFileError::NotAFile => Some("to read from a pipe, use -f -"),
            BoundedFileError::TooLarge(_) => Some("split it: -f takes a directory of files as one fleet"),
            BoundedFileError::Missing | BoundedFileError::NotUtf8 | BoundedFileError::Io(_) => None,
        };
        refused(path, &error.to_string(), help)
    })?;
    let name = name_of(path);
    let text = text_of(name.clone(), bytes)?;
    let json = match path.extension() {
        Some(extension) => extension.eq_ignore_ascii_case("json"),
        None => stdin && text.trim_start().starts_with('{'),
    };
    Ok(Source { name, text, format: if json { Format::Json } else { Format::Yaml } })
}

fn text_of(name: Arc<str>, bytes: Vec<u8>) -> Result<String, Box<Finding>> {
    let save = Some("save it as UTF-8");
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let finding = Finding::error("the file is UTF-16", save);
        return Err(Box::new(finding.at(Location::of_file(name))));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let text = String::from_utf8_lossy(&bytes);
        let finding = Finding::error(format!("the byte 0x{:02x} is not UTF-8", bytes[at]), save);
        Box::new(finding.at(Location::of_byte(name, &text, at)))
    })
}

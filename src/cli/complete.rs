//! What the shell offers behind an option: accounts, profiles, claims, tags and numbers of the default file,
//! and runs of the journal. It looks at files only, and says nothing where they are not good.

use std::ffi::OsStr;
use std::path::Path;

use clap_complete::engine::CompletionCandidate;

use crate::desired::load::{load, parse};
use crate::desired::{Desired, Labels};
use crate::execute::journal;
use crate::execute::journal_file;
use crate::model::provider::Api;

use super::default_path;

/// Where the journal of a command by hand is.
const JOURNAL: &str = ".numctl/journal.jsonl";
/// With more of them, a list does not help.
const OFFERED_MAX: usize = 500;
/// A shell waits for an answer: a larger fleet has none.
const BYTES_MAX: u64 = 4 << 20;

pub(super) fn accounts(typed: &OsStr) -> Vec<CompletionCandidate> {
    offered(
        typed,
        declared().map(|desired| desired.accounts.iter().map(|one| one.name.to_string()).collect()),
    )
}

pub(super) fn claims(typed: &OsStr) -> Vec<CompletionCandidate> {
    offered(typed, declared().map(|desired| desired.claims.iter().map(|one| one.name.to_string()).collect()))
}

pub(super) fn numbers(typed: &OsStr) -> Vec<CompletionCandidate> {
    offered(typed, declared().map(|desired| numbers_of(&desired)))
}

pub(super) fn parts(typed: &OsStr) -> Vec<CompletionCandidate> {
    let all = declared().map(|desired| {
        let labels = desired
            .numbers
            .iter()
            .filter_map(|one| one.labels.as_deref())
            .chain(desired.claims.iter().map(|one| &*one.labels));
        let mut all: Vec<String> = labels.flat_map(names_of).collect();
        all.sort();
        all.dedup();
        all.extend(numbers_of(&desired));
        all
    });
    offered(typed, all)
}

/// The runs of the journal, the newest first.
pub(super) fn runs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let records = journal_file::records(Path::new(JOURNAL)).ok().flatten();
    let names = records
        .map(|records| journal::runs(records).iter().rev().map(|run| run.head.run.to_string()).collect());
    offered(typed, names)
}

fn numbers_of(desired: &Desired) -> Vec<String> {
    desired.numbers.iter().map(|one| one.number.to_string()).collect()
}

fn names_of(labels: &Labels) -> Vec<String> {
    let tags = labels.tags.iter().map(|(name, value)| format!("{name}={value}"));
    let claim = labels.claim.as_ref().map(ToString::to_string);
    labels.profile.as_deref().map(str::to_owned).into_iter().chain(claim).chain(tags).collect()
}

/// What the default file declares.
fn declared() -> Option<Desired> {
    let path = default_path::found().ok()??;
    let is_small = std::fs::metadata(&path).is_ok_and(|meta| meta.is_dir() || meta.len() <= BYTES_MAX);
    if !is_small {
        return None;
    }
    Some(parse(&load(&[path]).ok()?, Api::default()).ok()?.desired)
}

/// Those that begin with what is typed, or hold it where none does. Nothing in them acts in a shell.
fn offered(typed: &OsStr, all: Option<Vec<String>>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    // Of a list, the last one.
    let (before, last) = typed.rsplit_once(',').map_or(("", &*typed), |(before, last)| (before, last));
    let is_inert = |text: &&String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-_.=".contains(&b));
    let all = all.unwrap_or_default();
    all.iter()
        .filter(is_inert)
        .filter(|text| text.starts_with(last))
        .take(OFFERED_MAX)
        .map(|text| match before {
            "" => CompletionCandidate::new(text),
            before => CompletionCandidate::new(format!("{before},{text}")),
        })
        .collect()
}

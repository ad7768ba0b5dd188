//! Where the journal of a command is, and what a command has of it.

use std::path::{Path, PathBuf};

use crate::execute::journal::KnownNumbers;
use crate::execute::journal_file::{self, Journal, JournalAccess, JournalFileError};

use super::arguments::{Global, JournalArgs, RunArgs};
use super::{Fatal, output};

/// Beside the sandbox's state.
const DEFAULT: &str = ".numctl/journal.jsonl";
/// A rehearsal is never mixed with the real thing.
const SANDBOX: &str = ".numctl/sandbox-journal.jsonl";
const SANDBOX_FILE: &str = "sandbox-journal.jsonl";
/// For `--journal`: no journal.
const NONE: &str = "none";

/// Where the operator wants it.
pub(super) enum JournalPlace {
    /// Where no one has said anything.
    Default(PathBuf),
    Named(PathBuf),
    Nowhere,
}

impl JournalPlace {
    /// In a state directory that someone names there is one journal, the daemon's and the commands'.
    pub(super) fn from_arguments(global: &Global, args: &JournalArgs, state_dir: Option<&Path>) -> Self {
        match (&args.journal, state_dir) {
            (Some(path), _) if path.as_os_str() == NONE => Self::Nowhere,
            (Some(path), _) => Self::Named(path.clone()),
            (None, Some(directory)) => Self::Named(directory.join(file(global))),
            (None, None) => Self::Default(if global.sandbox { SANDBOX } else { DEFAULT }.into()),
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Default(path) | Self::Named(path) => Some(path),
            Self::Nowhere => None,
        }
    }
}

fn file(global: &Global) -> &'static str {
    if global.sandbox { SANDBOX_FILE } else { journal_file::FILE }
}

pub(super) fn unusable(error: JournalFileError) -> Fatal {
    let help = match &error {
        JournalFileError::Io(..) => {
            "\nname another one with --journal FILE, or run without one: --journal none"
        }
        JournalFileError::Content(_) => "",
    };
    Fatal::new(format!("the journal: {error}{help}"))
}

/// What `plan` takes from a journal, which it only reads.
pub(super) struct ForPlan {
    known: Option<(KnownNumbers, PathBuf)>,
    is_sandbox: bool,
}

impl ForPlan {
    pub(super) fn from_arguments(
        global: &Global,
        args: &JournalArgs,
        state_dir: Option<&Path>,
    ) -> Result<Self, Fatal> {
        let place = JournalPlace::from_arguments(global, args, state_dir);
        let known = match (place.path().map(journal_file::known).transpose(), &place) {
            (Ok(known), _) => known.flatten().zip(place.path().map(Path::to_owned)),
            (Err(error @ JournalFileError::Io(..)), JournalPlace::Default(_)) => {
                output::note(format_args!("note: the journal cannot be read: {error}"));
                None
            }
            (Err(error), _) => return Err(unusable(error)),
        };
        Ok(Self { known, is_sandbox: global.sandbox })
    }

    pub(super) fn access(&self) -> JournalAccess<'_> {
        let is_sandbox = self.is_sandbox;
        match &self.known {
            Some((known, path)) => JournalAccess::Known { known, path, is_sandbox },
            None => JournalAccess::Missing { is_sandbox },
        }
    }
}

/// The journal of a command that writes.
pub(super) struct ForWriting {
    journal: Option<Journal>,
    is_sandbox: bool,
}

impl ForWriting {
    pub(super) fn from_arguments(
        global: &Global,
        args: &JournalArgs,
        state_dir: Option<&Path>,
    ) -> Result<Self, Fatal> {
        let (place, is_sandbox) = (JournalPlace::from_arguments(global, args, state_dir), global.sandbox);
        let Some(path) = place.path() else { return Ok(Self { journal: None, is_sandbox }) };
        let journal = match (Journal::open(path, is_sandbox), &place) {
            (Ok(journal), _) => Some(journal),
            (Err(error @ JournalFileError::Io(..)), JournalPlace::Default(_)) => {
                output::note(format_args!("warning: this run will not be journaled: {error}"));
                None
            }
            (Err(error), _) => return Err(unusable(error)),
        };
        Ok(Self { journal, is_sandbox })
    }

    pub(super) fn access(&self) -> JournalAccess<'_> {
        match &self.journal {
            Some(journal) => JournalAccess::Open(journal),
            None => JournalAccess::Missing { is_sandbox: self.is_sandbox },
        }
    }
}

/// The daemon's: in its state directory, or where it is told to.
pub(super) fn for_daemon(global: &Global, args: &RunArgs) -> Result<Option<Journal>, Fatal> {
    let path = match (&args.journal, &args.state_dir) {
        (Some(path), _) if path.as_os_str() == NONE => return Ok(None),
        (Some(path), _) => path.clone(),
        (None, Some(directory)) => directory.join(file(global)),
        (None, None) => return Ok(None),
    };
    // A dry run writes nothing, and so makes no file either.
    if args.dry_run && !path.exists() {
        return Ok(None);
    }
    Journal::open(&path, global.sandbox).map(Some).map_err(unusable)
}

//! Whether the files of a command are still what it read: asked before each write.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::daemon::file_watch::Stamp;
use crate::desired::load::load;
use crate::guard::budget::Generation;

/// The content of some files at one time.
pub(super) struct Content {
    paths: Vec<PathBuf>,
    pub(super) generation: Generation,
    /// What was compared last, and what came of it.
    seen: RefCell<(Stamp, bool)>,
}

impl Content {
    /// Stamps the files, which are to be read right after this; stdin is read once and for all.
    pub(super) fn stamp(files: &[PathBuf]) -> (Vec<PathBuf>, Stamp) {
        let has_stdin = files.iter().any(|path| path == Path::new("-"));
        let paths = if has_stdin { Vec::new() } else { files.to_vec() };
        let stamp = Stamp::from_paths(&paths);
        (paths, stamp)
    }

    /// What was read right after they were stamped.
    pub(super) fn new(paths: Vec<PathBuf>, stamp: Stamp, generation: Generation) -> Self {
        Self { paths, generation, seen: RefCell::new((stamp, true)) }
    }

    /// That of the files that a saved plan was made from: it never changes.
    pub(super) fn from_saved(generation: Option<Generation>) -> Self {
        let generation = generation.unwrap_or_else(Generation::of_no_files);
        Self::new(Vec::new(), Stamp::from_paths(&[]), generation)
    }

    /// Whether the files still have it. They are read again only where their sizes, times or places
    /// differ.
    pub(super) fn is_in_force(&self) -> bool {
        let now = Stamp::from_paths(&self.paths);
        let mut seen = self.seen.borrow_mut();
        if seen.0 != now {
            let same =
                load(&self.paths).is_ok_and(|sources| Generation::from_sources(&sources) == self.generation);
            *seen = (now, same);
        }
        seen.1
    }
}

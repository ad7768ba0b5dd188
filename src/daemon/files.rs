//! Follows the files: a change is taken once it holds still, and one that is not good leaves the
//! last good one in force (law 2).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::budget::Generation;
use crate::desired::finding::Findings;
use crate::desired::{Desired, Source};
use crate::load::{load, parse};
use crate::provider::Api;

/// Between two reads that must be equal: a file that is being written rarely stands still so long.
const SETTLE: Duration = Duration::from_millis(250);
/// So many reads, and a file that never holds still is reported.
const READS_MAX: u32 = 20;

/// What a look at the files shows.
#[derive(Debug)]
pub(super) enum Look {
    /// What the last look showed.
    Same,
    /// Another content, complete and good.
    New(Box<Desired>, Generation),
    /// Another content, or none, that is not taken.
    Bad(String),
}

/// The files of `-f`, and what was last seen of them.
#[derive(Debug)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    /// The API of accounts whose file names none.
    api: Api,
    last: Option<Result<Generation, String>>,
    /// The files whose last good content showed its end: without it they were cut short.
    marked: BTreeSet<Arc<str>>,
}

impl Files {
    pub(super) fn new(paths: Vec<PathBuf>, api: Api) -> Self {
        Self { paths, api, last: None, marked: BTreeSet::new() }
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Reads the files; where they differ from the last time, until two reads are equal.
    pub(super) async fn look(&mut self) -> Look {
        let mut read = load(&self.paths);
        let mut seen = seen(&read);
        if self.last.as_ref() == Some(&seen) {
            return Look::Same;
        }
        for _ in 0..READS_MAX {
            sleep(SETTLE).await;
            let again = load(&self.paths);
            let seen_again = self::seen(&again);
            let is_equal = seen == seen_again;
            (read, seen) = (again, seen_again);
            if is_equal {
                let look = match (&read, &seen) {
                    (Ok(sources), Ok(generation)) => self.judge(sources, *generation),
                    (Err(findings), _) => Look::Bad(findings.render(false)),
                    (Ok(_), Err(text)) => Look::Bad(text.clone()),
                };
                self.last = Some(seen);
                return look;
            }
        }
        // Not remembered: the next look starts anew.
        Look::Bad("error: the files change all the time, and are not taken until they hold still".to_owned())
    }

    /// Takes a content that holds still, where it is whole and good.
    fn judge(&mut self, sources: &[Source], generation: Generation) -> Look {
        let cut = sources.iter().find(|source| self.marked.contains(&source.name) && !source.shows_its_end());
        if let Some(cut) = cut {
            return Look::Bad(format!(
                "error: {} ended with `...` and does not any more: it may have been cut short\n  help: end it with `...`, or start the daemon again to take it as it is",
                cut.name
            ));
        }
        match parse(sources, self.api) {
            Ok(parsed) => {
                let whole = sources.iter().filter(|source| source.shows_its_end());
                self.marked = whole.map(|source| source.name.clone()).collect();
                Look::New(Box::new(parsed.desired), generation)
            }
            Err(findings) => Look::Bad(findings.render(false)),
        }
    }
}

fn seen(read: &Result<Vec<Source>, Findings>) -> Result<Generation, String> {
    match read {
        Ok(sources) => Ok(Generation::of(sources)),
        Err(findings) => Err(findings.render(false)),
    }
}

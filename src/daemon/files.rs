//! Follows the files: a change is taken once it holds still, one that removes something only after it
//! has held still for longer, and one that is not good leaves the last good one in force (laws 2, 13).

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::desired::finding::Findings;
use crate::desired::load::{load, parse};
use crate::desired::{Desired, Source};
use crate::guard::budget::Generation;
use crate::model::provider::Api;

use super::file_watch::Stamp;
use super::removal::{lost_file, only_configures, removes};

/// Between two reads that must be equal: a file that is being written rarely stands still so long.
const SETTLE: Duration = Duration::from_millis(250);
/// At most this many reads, and a file that never holds still is reported.
const READS_MAX: u32 = 20;
/// A content that removes something must have been there for an interval, but for no less and no more
/// than this: people save one file after the other.
const REMOVAL_MIN: Duration = Duration::from_secs(5);
const REMOVAL_MAX: Duration = Duration::from_secs(10);

/// What a look at the files shows.
#[derive(Debug)]
pub(super) enum FilesLook {
    /// What the last look showed.
    Same,
    /// Another content, complete and good.
    New(Box<Desired>, Generation),
    /// Another content, complete and good, that removes something. It is taken once it has been there
    /// for this long.
    Settling(Duration),
    /// Another content, or none, that is not taken.
    Bad(String),
}

/// The files of `-f`, and what was last seen of them.
#[derive(Debug)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    /// The API of accounts whose file names none.
    api: Api,
    /// For how long a content that removes something has to be there.
    removal: Duration,
    last: Option<Result<Generation, String>>,
    /// Sizes, times and places from right before that was read and found unchanged.
    stamp: Option<Stamp>,
    /// The files whose last good content showed its end: without it they were cut short.
    marked: BTreeSet<Arc<str>>,
    /// What was seen last, where it removes something.
    pending: Option<PendingContent>,
}

/// A content that is taken later.
#[derive(Debug)]
struct PendingContent {
    desired: Box<Desired>,
    generation: Generation,
    marked: BTreeSet<Arc<str>>,
    due: Instant,
}

/// A content that is whole and good.
type Good = (Box<Desired>, BTreeSet<Arc<str>>);

impl Files {
    pub(super) fn new(paths: Vec<PathBuf>, api: Api, interval: Duration) -> Self {
        let removal = interval.clamp(REMOVAL_MIN, REMOVAL_MAX);
        Self { paths, api, removal, last: None, stamp: None, marked: BTreeSet::new(), pending: None }
    }

    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// When a content that removes something may be taken.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.due)
    }

    /// Whether the files are on disk as they were last seen. They are read only where their sizes, times
    /// or places differ, or are too young to tell.
    pub(super) fn are_as_seen(&self) -> bool {
        self.look_the_same() || self.last.as_ref() == Some(&seen(&load(&self.paths)))
    }

    /// Whether the files have the sizes, times and places of the last look. Never where the time is too
    /// coarse to tell, nor before a look that found nothing new.
    pub(super) fn look_the_same(&self) -> bool {
        self.stamp.as_ref().is_some_and(|stamp| *stamp == Stamp::from_paths(&self.paths))
    }

    /// Reads the files; where they differ from the last time, until two reads are equal.
    pub(super) async fn look(&mut self, in_force: Option<&Desired>) -> FilesLook {
        let stamp = Stamp::settled(&self.paths);
        let mut read = load(&self.paths);
        let mut seen = seen(&read);
        if self.last.as_ref() == Some(&seen) {
            self.stamp = stamp;
            return self.settled();
        }
        self.stamp = None;
        self.pending = None;
        if let (Ok(sources), Ok(generation), Some(before)) = (&mut read, &seen, in_force)
            && sources.iter().all(Source::shows_its_end)
            && let Ok((desired, marked)) = self.judge(std::mem::take(sources)).await
            && only_configures(before, &desired)
        {
            // Nothing was cut off, and nothing is bought or removed: there is nothing to wait for.
            let generation = *generation;
            self.last = Some(Ok(generation));
            self.marked = marked;
            return FilesLook::New(desired, generation);
        }
        for _ in 0..READS_MAX {
            sleep(SETTLE).await;
            let again = load(&self.paths);
            let seen_again = self::seen(&again);
            let is_equal = seen == seen_again;
            (read, seen) = (again, seen_again);
            if is_equal {
                let look = match (&mut read, &seen) {
                    (Ok(sources), Ok(generation)) => match self.judge(std::mem::take(sources)).await {
                        Ok(good) => self.take(good, *generation, in_force),
                        Err(text) => FilesLook::Bad(text),
                    },
                    (Err(findings), _) => FilesLook::Bad(findings.render(false)),
                    (Ok(_), Err(text)) => FilesLook::Bad(text.clone()),
                };
                self.last = Some(seen);
                return look;
            }
        }
        // Not remembered: the next look starts again.
        FilesLook::Bad("error: the files keep changing, and are not used until they stop".to_owned())
    }

    /// What was seen last is still there: it may have been waited for.
    fn settled(&mut self) -> FilesLook {
        match self.pending.take_if(|pending| pending.due <= Instant::now()) {
            Some(pending) => {
                self.marked = pending.marked;
                FilesLook::New(pending.desired, pending.generation)
            }
            None => FilesLook::Same,
        }
    }

    /// Takes a good content, or waits for a second look at it.
    fn take(
        &mut self,
        (desired, marked): Good,
        generation: Generation,
        in_force: Option<&Desired>,
    ) -> FilesLook {
        if let Some(before) = in_force {
            if let Some(lost) = lost_file(before, &desired) {
                return FilesLook::Bad(format!(
                    "error: {lost} is gone, and with it numbers that would be released: it may be missing only for a moment\n  help: put it back, declare its numbers in another file, or restart numctl to use the files as they are"
                ));
            }
            if removes(before, &desired) {
                let due = Instant::now() + self.removal;
                self.pending = Some(PendingContent { desired, generation, marked, due });
                return FilesLook::Settling(self.removal);
            }
        }
        self.marked = marked;
        FilesLook::New(desired, generation)
    }

    /// Parses a content; says what is wrong with it where it is not whole and good.
    async fn judge(&self, sources: Vec<Source>) -> Result<Good, String> {
        let cut = sources.iter().find(|source| self.marked.contains(&source.name) && !source.shows_its_end());
        if let Some(cut) = cut {
            return Err(format!(
                "error: {} used to end with `...` and no longer does: it may have been cut short\n  help: end it with `...`, or restart the daemon to use it as it is",
                cut.name
            ));
        }
        let whole = sources.iter().filter(|source| source.shows_its_end());
        let whole = whole.map(|source| source.name.clone()).collect();
        let api = self.api;
        let parsed = apart(move || parse(&sources, api)).await.map_err(|findings| findings.render(false))?;
        Ok((Box::new(parsed.desired), whole))
    }
}

/// Does work that may take a while beside the loop, which hears signals meanwhile. On a runtime of one
/// thread, as the simulation has for its virtual time, there is no other place for it.
async fn apart<V: Send + 'static>(work: impl FnOnce() -> V + Send + 'static) -> V {
    if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

fn seen(read: &Result<Vec<Source>, Findings>) -> Result<Generation, String> {
    match read {
        Ok(sources) => Ok(Generation::from_sources(sources)),
        Err(findings) => Err(findings.render(false)),
    }
}

//! Follows the files: a change is taken once it holds still, and one that is not good leaves the
//! last good one in force (law 2).

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use crate::budget::Generation;
use crate::desired::Desired;
use crate::desired::finding::Findings;
use crate::load::load;

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
    last: Option<Result<Generation, String>>,
}

impl Files {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, last: None }
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
                    (Ok(sources), Ok(generation)) => match Desired::parse(sources) {
                        Ok(parsed) => Look::New(Box::new(parsed.desired), *generation),
                        Err(findings) => Look::Bad(findings.render(false)),
                    },
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
}

fn seen(read: &Result<Vec<crate::desired::Source>, Findings>) -> Result<Generation, String> {
    match read {
        Ok(sources) => Ok(Generation::of(sources)),
        Err(findings) => Err(findings.render(false)),
    }
}

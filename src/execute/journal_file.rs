//! Where the journal lasts: a file that is only added to, its owner's alone, and rotated between runs.
//!
//! A line goes out in one write to the end of the file, so that two processes do not write into each
//! other's lines. What a run is about to do is on the disk before its first write.

use std::cell::{Cell, RefCell};
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::{debug, error, warn};

use crate::client::Client;
use crate::desired::AccountRef;
use crate::desired::Desired;
use crate::execute::journal::{
    AccountsAtStart, DoneRecord, JournalError, JournalLines, KnownNumbers, LastWrites, Record, RecordedAt,
    RunHead, RunId, end_of, records_of,
};
use crate::host::bounded_file::{self, BoundedFileError};
use crate::host::own_file;
use crate::model::action_kind::ActionKind;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::digest::Digest;
use crate::plan::outcome::{Report, StepEnd};

/// The file's name in a state directory.
pub const FILE: &str = "journal.jsonl";

/// A file that has more than this, its head not counted, is put aside before the next run.
const ROTATE_AT: u64 = 16 << 20;

/// At most this many files that were put aside are kept: `.1` is the youngest.
const KEPT: u32 = 4;

/// A file with the head of a million numbers and one run on each of them is less than this.
const BYTES_MAX: usize = 1 << 30;

/// Lines go out together up to this many bytes.
const WRITE_MAX: usize = 1 << 20;

/// A look that tells nothing new is written this often: "last seen" is no older.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// The file system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, #[source] io::Error),
    /// It cannot be read as a journal.
    #[error(transparent)]
    Content(#[from] JournalError),
}

/// An open journal, and what it knows.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// The embedded sandbox's: one world, wherever it listens this time.
    is_sandbox: bool,
    rotate_at: u64,
    book: RefCell<Book>,
    runs: Cell<u64>,
    /// Something was written down before this pass: it can tell which numbers have vanished.
    has_a_past: Cell<bool>,
    /// Said already that it cannot be rotated.
    says_it_grows: Cell<bool>,
}

#[derive(Debug)]
struct Book {
    file: File,
    known: KnownNumbers,
    /// How long the head of the file is, with what is known from before.
    head: u64,
}

/// What a command has of a journal.
#[derive(Debug, Clone, Copy)]
pub enum JournalAccess<'a> {
    /// There is none: no one can tell which numbers have vanished.
    Missing {
        /// Of the embedded sandbox.
        is_sandbox: bool,
    },
    /// It was read, and is not written.
    Known {
        known: &'a KnownNumbers,
        path: &'a Path,
        /// Of the embedded sandbox.
        is_sandbox: bool,
    },
    Open(&'a Journal),
}

impl JournalAccess<'_> {
    /// Whether it is the embedded sandbox's.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        match self {
            Self::Missing { is_sandbox } | Self::Known { is_sandbox, .. } => *is_sandbox,
            Self::Open(journal) => journal.is_sandbox,
        }
    }

    /// What numctl itself left of each setting, as the youngest file of the journal tells it; nothing where
    /// that cannot be read.
    #[must_use]
    pub fn last_writes(&self) -> LastWrites {
        let path = match self {
            Self::Missing { .. } => return LastWrites::default(),
            Self::Known { path, .. } => *path,
            Self::Open(journal) => &journal.path,
        };
        let mut writes = LastWrites::default();
        match each(path, |record| writes.take(record)) {
            Ok(_) => writes,
            Err(error) => {
                debug!(%error, "the last entries of the journal could not be read");
                LastWrites::default()
            }
        }
    }

    /// Hands over what it knows; nothing where it has no past.
    pub fn with_known(&self, take: impl FnOnce(Option<&KnownNumbers>)) {
        match self {
            Self::Missing { .. } => take(None),
            Self::Known { known, .. } => take(Some(known)),
            Self::Open(journal) => {
                let book = journal.book.borrow();
                take(journal.has_a_past.get().then_some(&book.known));
            }
        }
    }
}

/// A run that is being written.
#[derive(Debug)]
pub struct RunInJournal<'a> {
    journal: &'a Journal,
    pub run: RunId,
    is_broken: Cell<bool>,
}

impl Journal {
    /// Opens a journal, and makes it where there is none.
    ///
    /// # Errors
    /// When it cannot be read and written, or is not one.
    pub fn open(path: &Path, is_sandbox: bool) -> Result<Self, JournalFileError> {
        Self::open_to_rotate_at(path, is_sandbox, ROTATE_AT)
    }

    fn open_to_rotate_at(path: &Path, is_sandbox: bool, rotate_at: u64) -> Result<Self, JournalFileError> {
        let failed = |error| JournalFileError::Io(path.to_owned(), error);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            own_file::directory(folder).map_err(failed)?;
        }
        let has_a_past = Cell::new(path.exists());
        let book = Book::open(path)?;
        Ok(Self {
            has_a_past,
            says_it_grows: Cell::new(false),
            path: path.to_owned(),
            is_sandbox,
            rotate_at,
            book: RefCell::new(book),
            runs: Cell::new(0),
        })
    }

    /// The path of the journal's current file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The worlds of some clients' accounts.
    #[must_use]
    pub fn worlds<T>(&self, clients: &[Client<T>]) -> Vec<AccountsAtStart> {
        worlds(clients, self.is_sandbox)
    }

    /// Takes note of a whole look, where that is news.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn look<T>(
        &self,
        desired: Option<&Desired>,
        accounts: &[AccountRef],
        clients: &[Client<T>],
        observed: &Observed,
        now: Duration,
    ) -> io::Result<()> {
        let look = {
            let known = &self.book.borrow().known;
            let look = known.look(desired, accounts, &self.worlds(clients), observed, now);
            known.is_news(&look, LOOK_EVERY).then_some(look)
        };
        self.has_a_past.set(true);
        match look {
            Some(look) => self.append([Record::Look(look)], true),
            None => Ok(()),
        }
    }

    /// Writes down what a plan is about to do and what is there before, and has it on the disk.
    ///
    /// # Errors
    /// When it cannot be written: nothing is to be sent then.
    pub fn begin<T>(
        &self,
        plan: &Plan,
        head: &RunHead,
        clients: &[Client<T>],
        now: Duration,
    ) -> Result<RunInJournal<'_>, JournalFileError> {
        self.rotate()?;
        self.runs.set(self.runs.get() + 1);
        let salt = now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(32) ^ self.runs.get();
        let digest = Digest::from_plan(plan);
        let run = RunId::new(RecordedAt::from_time(now), digest, salt);
        let records = records_of(plan, digest, &self.worlds(clients), head, &run, now);
        self.append(records, true).map_err(|error| JournalFileError::Io(self.path.clone(), error))?;
        Ok(RunInJournal { journal: self, run, is_broken: Cell::new(false) })
    }

    fn append(&self, records: impl IntoIterator<Item = Record>, last: bool) -> io::Result<()> {
        let mut book = self.book.borrow_mut();
        // What is written to a file without a name is lost.
        if !own_file::is_at(&book.file, &self.path) && book.go_on_in(&self.path)? {
            warn!("{} was deleted or renamed: the journal continues in a new file", self.path.display());
        }
        let mut lines = String::new();
        for record in records {
            lines.push_str(&record.to_line());
            book.known.take(&record);
            if lines.len() >= WRITE_MAX {
                book.file.write_all(lines.as_bytes())?;
                lines.clear();
            }
        }
        book.file.write_all(lines.as_bytes())?;
        if last { book.file.sync_data() } else { Ok(()) }
    }

    /// Begins a new file where this one is long enough. The runs of others that are not over continue in the
    /// old one, which they have open.
    fn rotate(&self) -> Result<(), JournalFileError> {
        let failed = |error| JournalFileError::Io(self.path.clone(), error);
        let mut book = self.book.borrow_mut();
        if book.file.metadata().map_err(failed)?.len() < self.rotate_at + book.head {
            return Ok(());
        }
        match book.file.try_lock() {
            Ok(()) => {}
            // Someone else is at it.
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Others may have added to it, or have put it aside.
        let fresh = Book::open(&self.path)?;
        let is_long = fresh.file.metadata().map_err(failed)?.len() >= self.rotate_at + fresh.head;
        if is_long {
            if let Err(error) = put_aside(&self.path) {
                if !own_file::is_at(&fresh.file, &self.path) {
                    return Err(failed(error));
                }
                // A directory in which nothing can be made, or a file that is mounted by itself. A journal
                // that is too long is better than a fleet that no one can change any more.
                if !self.says_it_grows.replace(true) {
                    let size = self.rotate_at >> 20;
                    error!(%error, "{} is larger than {size} MiB and cannot be rotated: it keeps growing", self.path.display());
                }
                *book = fresh;
                return Ok(());
            }
            let mut file = own_file::to_append(&self.path).map_err(failed)?;
            let head = write_head(&mut file, &fresh.known).map_err(failed)?;
            *book = Book { file, known: fresh.known, head };
        } else {
            *book = fresh;
        }
        Ok(())
    }
}

impl RunInJournal<'_> {
    /// Writes down how a step ended: what cannot be taken back at once, the rest with what follows.
    ///
    /// What the step was about to do is there already, so that a disk that is full by now loses no
    /// more than how it ended.
    pub fn ended(&self, plan: &Plan, step: usize, end: &StepEnd, now: Duration) {
        let is_final = plan.steps.get(step).is_some_and(|step| step.action.kind() != ActionKind::Configure);
        self.write(end_of(&self.run, step, end, now), is_final);
    }

    /// Writes down that the run is over.
    pub fn done(&self, report: &Report, now: Duration) {
        self.write(Record::Done(DoneRecord::from_report(&self.run, report, now)), true);
    }

    fn write(&self, record: Record, last: bool) {
        if let Err(error) = self.journal.append([record], last)
            && !self.is_broken.replace(true)
        {
            let path = self.journal.path.display();
            error!(%error, "{path} can no longer be written: the outcome of the rest of this run is not in it");
        }
    }
}

impl Book {
    fn open(path: &Path) -> Result<Self, JournalFileError> {
        let failed = |error| JournalFileError::Io(path.to_owned(), error);
        let mut file = own_file::to_append(path).map_err(failed)?;
        let (mut known, mut head, mut is_head) = (KnownNumbers::default(), 0, true);
        let read = each(path, |record| {
            is_head &= matches!(record, Record::Known(_) | Record::Set(_));
            if is_head {
                head += record.to_line().len() as u64;
            }
            known.take(&record);
        });
        if read? == Some(Tail::Torn) {
            let mended = format!("\n{}", Record::Mended.to_line());
            file.write_all(mended.as_bytes()).map_err(failed)?;
        }
        Ok(Self { file, known, head })
    }

    /// Goes on in the file that has the name now. True where that is a new one, which begins with what is
    /// known; another process may have made it.
    fn go_on_in(&mut self, path: &Path) -> io::Result<bool> {
        let mut file = own_file::to_append(path)?;
        let is_new = file.metadata()?.len() == 0;
        if is_new {
            self.head = write_head(&mut file, &self.known)?;
        } else {
            each(path, |record| self.known.take(&record)).map_err(io::Error::other)?;
        }
        self.file = file;
        Ok(is_new)
    }
}

/// Begins a file with what is known from before, and says how long that is.
fn write_head(file: &mut File, known: &KnownNumbers) -> io::Result<u64> {
    let mut head = 0;
    for record in known.records() {
        let line = record.to_line();
        file.write_all(line.as_bytes())?;
        head += line.len() as u64;
    }
    file.sync_data()?;
    Ok(head)
}

/// Puts the file aside, and those before it one place further.
fn put_aside(path: &Path) -> io::Result<()> {
    if aside(path, 0).exists() {
        // A process ended in the middle of this.
        make_room(path)?;
    }
    // First: where it cannot be renamed, the others stay where they are.
    fs::rename(path, aside(path, 0))?;
    make_room(path)
}

fn make_room(path: &Path) -> io::Result<()> {
    (0..KEPT).rev().try_for_each(|at| rename_if_there(&aside(path, at), &aside(path, at + 1)))
}

fn aside(path: &Path, at: u32) -> PathBuf {
    let mut aside = path.to_owned();
    aside.as_mut_os_string().push(format!(".{at}"));
    aside
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

/// How a file of the journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Whole,
    /// In the middle of a line.
    Torn,
}

/// Hands over each record of a file, and says how the file ends; `None` where there is none.
fn each(path: &Path, mut take: impl FnMut(Record)) -> Result<Option<Tail>, JournalFileError> {
    let failed = |error| JournalFileError::Io(path.to_owned(), error);
    let mut file = match bounded_file::open_own(path, BYTES_MAX) {
        Ok(file) => BufReader::new(file),
        Err(BoundedFileError::Missing) => return Ok(None),
        Err(error) => return Err(failed(error.into_io())),
    };
    let name = path.display().to_string();
    let (mut lines, mut line, mut tail) = (JournalLines::new(&name), Vec::new(), Tail::Whole);
    while file.read_until(b'\n', &mut line).map_err(failed)? > 0 {
        tail = if line.pop_if(|last| *last == b'\n').is_some() { Tail::Whole } else { Tail::Torn };
        lines.record(&line)?.into_iter().for_each(&mut take);
        line.clear();
    }
    lines.end(tail == Tail::Torn)?;
    Ok(Some(tail))
}

/// What a journal knows, without making one; `None` where there is none.
///
/// # Errors
/// When it is there and cannot be read.
pub fn known(path: &Path) -> Result<Option<KnownNumbers>, JournalFileError> {
    let mut known = KnownNumbers::default();
    let is_there = each(path, |record| known.take(&record))?.is_some();
    Ok(is_there.then_some(known))
}

/// All records that are kept, the oldest first; `None` where there is no journal.
///
/// # Errors
/// When a file of it cannot be read.
pub fn records(path: &Path) -> Result<Option<Vec<Record>>, JournalFileError> {
    let (mut all, mut is_any) = (Vec::new(), false);
    let files = (0..=KEPT).rev().map(|at| aside(path, at)).chain([path.to_owned()]);
    for file in files {
        is_any |= each(&file, |record| all.push(record))?.is_some();
    }
    Ok(is_any.then_some(all))
}

/// The worlds of some clients' accounts.
#[must_use]
pub fn worlds<T>(clients: &[Client<T>], is_sandbox: bool) -> Vec<AccountsAtStart> {
    let world = |client: &Client<T>| match is_sandbox {
        true => AccountsAtStart::sandbox(),
        false => AccountsAtStart::named(client.routes.world()),
    };
    clients.iter().map(world).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::journal::{RecordedCommand, runs};
    #[test]
    fn a_journal_is_private_rotated_between_runs_and_mended() {
        let folder = std::env::temp_dir().join(format!("numctl-journal-{}", std::process::id()));
        let path = folder.join("deeper").join("journal.jsonl");
        assert!(known(&path).expect("nothing").is_none() && !path.exists(), "reading makes no file");
        let plan = Plan::from_steps(Vec::new(), Vec::new());
        let nobody: [Client<crate::client::http::Http>; 0] = [];
        let head = RunHead { command: RecordedCommand::Apply, generation: None, undoes: None, by: None };
        let journal = Journal::open_to_rotate_at(&path, false, 1).expect("opened");
        let mut names = Vec::new();
        for at in 0..7 {
            let run = journal.begin(&plan, &head, &nobody, Duration::from_secs(at)).expect("written");
            names.push(run.run.clone());
            let report = Report { plan: plan.clone(), ends: Vec::new(), interrupted: false };
            run.done(&report, Duration::from_secs(at));
        }
        let kept = || runs(records(&path).expect("read").expect("there"));
        let kept_names: Vec<_> = kept().iter().map(|run| run.head.run.clone()).collect();
        assert_eq!(kept_names, names[2..], "the file and four before it, the oldest first");
        assert!(kept().iter().all(|run| run.done.is_some()), "no run is torn apart");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        let text = fs::read(&path).expect("read");
        fs::write(&path, &text[..text.len() - 9]).expect("torn");
        let journal = Journal::open_to_rotate_at(&path, false, 1 << 20).expect("mended");
        journal.begin(&plan, &head, &nobody, Duration::from_secs(9)).expect("written");
        assert_eq!(kept().len(), 6, "the torn run's head, too");
        fs::write(&path, "nonsense\n").expect("written");
        assert!(matches!(Journal::open(&path, false), Err(JournalFileError::Content(_))));
        assert!(matches!(Journal::open(&folder, false), Err(JournalFileError::Io(..))));
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

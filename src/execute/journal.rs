//! The journal: what each run saw before it wrote, and what became of it, as JSON lines. Pure: the
//! texts come in and go out, and so does the time.
//!
//! A run is one [`RunRecord`], one [`StepRecord`] for each step of its plan, all of them there before
//! the first write; then one [`EndedRecord`] as each step ends, and a [`DoneRecord`]. A run without
//! the last was interrupted. No password of a webhook URL is in any of them.

#[cfg(feature = "testing")]
mod contents;
mod known;
mod last_writes;
mod left_behind;
mod record;
mod run;
mod undo;

use serde::Deserialize;

use crate::model::inert;

#[cfg(feature = "testing")]
pub use self::{
    contents::{JournalContents, read},
    known::DAYS_TO_BUY_BACK,
};
pub use known::{KnownNumbers, hold_back, tell_left_behind};
pub use last_writes::LastWrites;
pub use record::{
    AccountRecord, AccountsAtStart, Author, DoneRecord, EndedRecord, KnownRecord, LookRecord, Recorded,
    RecordedAt, RecordedCommand, RunId, RunRecord, SetRecord, StepRecord,
};
pub use run::{JournalRun, RunHead, end_of, records_of, runs};
pub use undo::{UndoError, undo};

/// The version of the records: raised when a reader of the last one would go wrong.
pub const FORMAT: u32 = 1;

/// At most this many characters of a line are quoted in an error.
const QUOTED_MAX: usize = 200;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    Run(RunRecord),
    /// What it is about to do to one number, and what was there.
    Step(StepRecord),
    Ended(EndedRecord),
    /// The run is over.
    Done(DoneRecord),
    /// Accounts were looked at.
    Look(LookRecord),
    /// What earlier files of the journal recorded about numbers that are ours: the head of a new file.
    Known(KnownRecord),
    /// What earlier files of the journal recorded about fields that our runs set: in the head, too.
    Set(SetRecord),
    /// The line before this one was torn by a crash, and nothing is lost but it.
    Mended,
}

/// Why a journal is not taken. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {why} (move the journal away to start a new one)")]
pub struct JournalError {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl Record {
    /// The line, with its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Texts, numbers and maps with keys of text always serialise.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    fn from_line(line: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        #[derive(Deserialize)]
        struct RecordKind {
            kind: String,
        }
        let RecordKind { kind } = serde_json::from_slice(line)?;
        Ok(Some(match kind.as_str() {
            "run" => Self::Run(record::from_line(line)?),
            "step" => Self::Step(record::from_line(line)?),
            "ended" => Self::Ended(record::from_line(line)?),
            "done" => Self::Done(record::from_line(line)?),
            "look" => Self::Look(record::from_line(line)?),
            "known" => Self::Known(record::from_line(line)?),
            "set" => Self::Set(record::from_line(line)?),
            "mended" => Self::Mended,
            // A later version's, which says nothing to this one.
            _ => return Ok(None),
        }))
    }
}

/// Reads a file of the journal line by line: a run on a million numbers is not to be held as a whole.
#[derive(Debug)]
pub struct JournalLines<'a> {
    file: &'a str,
    read: usize,
    /// The last line, where it is no record: a crash may have cut it short.
    torn: Option<JournalError>,
}

impl<'a> JournalLines<'a> {
    /// Those of a file of this name.
    #[must_use]
    pub fn new(file: &'a str) -> Self {
        Self { file, read: 0, torn: None }
    }

    /// The record of the next line, which comes without its end; `None` where it says nothing to this
    /// version.
    ///
    /// # Errors
    /// When this line, or the one before, is not a journal record.
    pub fn record(&mut self, line: &[u8]) -> Result<Option<Record>, JournalError> {
        self.read += 1;
        if line.is_empty() {
            return Ok(None);
        }
        let error = |why: String| JournalError { file: self.file.to_owned(), line: self.read, why };
        let record = match Record::from_line(line) {
            Ok(Some(Record::Mended)) => {
                self.torn = None;
                return Ok(None);
            }
            Ok(record) => Ok(record),
            Err(why) => {
                let why = inert::message(&why.to_string(), QUOTED_MAX);
                Err(error(format!("it is not a journal record: {why}")))
            }
        };
        if let Some(torn) = self.torn.take() {
            return Err(torn);
        }
        match record {
            Ok(record) => match record.as_ref().and_then(Record::format).filter(|found| *found != FORMAT) {
                None => Ok(record),
                Some(found) => {
                    Err(error(format!("it is of format {found}; this numctl reads format {FORMAT}")))
                }
            },
            Err(error) => {
                self.torn = Some(error);
                Ok(None)
            }
        }
    }

    /// Says that there are no more lines, and whether the last one is without its end.
    ///
    /// # Errors
    /// When the last line has an end, and is not a journal record.
    pub fn end(self, is_torn: bool) -> Result<(), JournalError> {
        match self.torn {
            Some(error) if !is_torn => Err(error),
            Some(_) | None => Ok(()),
        }
    }
}

impl Record {
    fn format(&self) -> Option<u32> {
        match self {
            Self::Run(run) => Some(run.format),
            Self::Look(look) => Some(look.format),
            Self::Known(known) => Some(known.format),
            Self::Set(set) => Some(set.format),
            Self::Step(_) | Self::Ended(_) | Self::Done(_) | Self::Mended => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(run: &str) -> Record {
        let run = RunId::parse(run).expect("an id");
        let at = RecordedAt(1_800_000_000);
        Record::Done(DoneRecord {
            run,
            at,
            succeeded: 1,
            failed: 0,
            skipped: 0,
            unknown: 0,
            interrupted: false,
        })
    }

    #[test]
    fn a_journal_that_is_cut_anywhere_loses_no_more_than_its_last_line() {
        let text = [done("a"), done("b"), done("c")].map(|record| record.to_line()).concat();
        for end in 0..=text.len() {
            let cut = &text[..end];
            let contents = read("j", cut.as_bytes()).unwrap_or_else(|error| panic!("{end}: {error}"));
            let whole = cut.matches('\n').count();
            assert!((whole..=whole + 1).contains(&contents.records.len()), "{end}");
            assert_eq!(contents.is_torn, end > 0 && !cut.ends_with('\n'), "{end}");
        }
    }

    #[test]
    fn a_torn_line_is_passed_over_only_where_it_was_mended() {
        let (whole, torn) = (done("a").to_line(), "{\"kind\":\"do");
        let mended = Record::Mended.to_line();
        let read = |text: String| read("j", text.as_bytes()).map(|contents| contents.records.len());
        assert_eq!(read(format!("{whole}{torn}\n{mended}{whole}")), Ok(2));
        for (text, line) in [
            (format!("{whole}{torn}\n{whole}"), 2),
            (format!("{torn}\n"), 1),
            (format!("{torn}\n{torn}\n{mended}"), 1),
        ] {
            let error = read(text).expect_err("nonsense in the middle");
            assert_eq!(error.line, line, "{error}");
        }
    }

    #[test]
    fn unknown_kinds_are_passed_over_and_unknown_fields_of_known_kinds_are_not() {
        let newer = "{\"kind\":\"poem\",\"lines\":[1]}\n";
        assert_eq!(read("j", newer.as_bytes()).expect("passed over").records, []);
        let more = done("a").to_line().replace("\"interrupted\"", "\"more\":1,\"interrupted\"");
        let error = read("j", more.as_bytes()).expect_err("a field that nobody knows").to_string();
        assert!(error.starts_with("j:1: it is not a journal record") && error.contains("more"), "{error}");
        let later = "{\"kind\":\"look\",\"format\":2,\"at\":\"2027-01-15T08:00:00Z\",\"accounts\":[],\"seen\":{},\"gone\":{}}\n";
        let error = read("j", later.as_bytes()).expect_err("a later format").to_string();
        assert!(error.contains("format 2"), "{error}");
    }
}

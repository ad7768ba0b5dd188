//! A file of the journal as a whole, for tests and fuzzing.

use std::fmt;

use super::{JournalError, JournalLines, Record};

/// What one file of the journal holds.
#[derive(Debug, Default)]
pub struct JournalContents {
    /// Its records, in order.
    pub records: Vec<Record>,
    /// Whether its last line was cut short: whoever writes next ends it first.
    pub is_torn: bool,
}

/// Reads a file of the journal. A last line that a crash has cut short is no error, nor one that was
/// cut short and repaired; kinds of records that this version does not know are passed over.
///
/// # Errors
/// The first line that is not a journal record.
pub fn read(file: &str, text: &[u8]) -> Result<JournalContents, JournalError> {
    let (mut lines, mut records) = (JournalLines::new(file), Vec::new());
    for line in text.split(|byte| *byte == b'\n') {
        records.extend(lines.record(line)?);
    }
    let is_torn = !text.is_empty() && !text.ends_with(b"\n");
    lines.end(is_torn)?;
    Ok(JournalContents { records, is_torn })
}

impl fmt::Display for JournalContents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records.iter().try_for_each(|record| f.write_str(&record.to_line()))
    }
}

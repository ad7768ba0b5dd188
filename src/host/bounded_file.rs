//! A file read as a whole, where it is one and has an end: no pipe that no one writes to, no device
//! that never ends, nothing larger than what is asked for could be.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Take};
use std::path::Path;

use crate::host::own_file;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum BoundedFileError {
    /// Nothing has this name.
    #[error("there is no such file")]
    Missing,
    /// A directory, a pipe, a device.
    #[error("this is not a regular file")]
    NotAFile,
    /// Larger than this many bytes.
    #[error("the file is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    /// Not the text that was asked for.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// The file system refused.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl BoundedFileError {
    /// The same for those who report files by [`io::Error`].
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            Self::Missing | Self::NotAFile | Self::TooLarge(_) | Self::NotUtf8 => io::Error::other(self),
        }
    }
}

/// A regular file that has at most this many bytes. Should it grow, one more of them is read at most, by
/// which a reader can tell.
///
/// # Errors
/// When it is not there, is something else, is larger, or cannot be opened.
pub fn open(path: &Path, bytes_max: usize) -> Result<Take<File>, BoundedFileError> {
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BoundedFileError::Missing,
        _ => BoundedFileError::Io(error),
    })?;
    // Opening a FIFO would wait for a writer.
    if !meta.is_file() {
        return Err(BoundedFileError::NotAFile);
    }
    if meta.len() > bytes_max as u64 {
        return Err(BoundedFileError::TooLarge(bytes_max));
    }
    let mut options = OpenOptions::new();
    options.read(true);
    // Some that call themselves regular files wait for more at their end (`/proc/kmsg`), and a FIFO may
    // have taken the place of what was there a moment ago.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(BoundedFileError::NotAFile);
    }
    // It may grow, or be one of those that say 0 and never end.
    Ok(file.take(bytes_max as u64 + 1))
}

/// The same for a file that is numctl's own, to which no link leads.
///
/// # Errors
/// Those of [`open`], and a link.
pub fn open_own(path: &Path, bytes_max: usize) -> Result<Take<File>, BoundedFileError> {
    let file = own_file::to_read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => BoundedFileError::Missing,
        _ => BoundedFileError::Io(error),
    })?;
    if file.metadata()?.len() > bytes_max as u64 {
        return Err(BoundedFileError::TooLarge(bytes_max));
    }
    Ok(file.take(bytes_max as u64 + 1))
}

/// The text of a file that is numctl's own.
///
/// # Errors
/// Those of [`open_own`], and what is no UTF-8.
pub fn own_text(path: &Path, bytes_max: usize) -> Result<String, BoundedFileError> {
    let bytes = all_of(open_own(path, bytes_max)?, bytes_max)?;
    String::from_utf8(bytes).map_err(|_| BoundedFileError::NotUtf8)
}

/// The bytes of a regular file, of which there are at most this many.
///
/// # Errors
/// Those of [`open`], and when it cannot be read.
pub fn bytes(path: &Path, bytes_max: usize) -> Result<Vec<u8>, BoundedFileError> {
    all_of(open(path, bytes_max)?, bytes_max)
}

/// The same as text.
///
/// # Errors
/// Those of [`bytes`], and what is no UTF-8.
pub fn text(path: &Path, bytes_max: usize) -> Result<String, BoundedFileError> {
    String::from_utf8(bytes(path, bytes_max)?).map_err(|_| BoundedFileError::NotUtf8)
}

/// All that a reader gives, which is at most so much.
///
/// # Errors
/// When there is more, or the reader fails.
pub fn all_of(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, BoundedFileError> {
    let mut bytes = Vec::new();
    reader.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => BoundedFileError::NotAFile,
        _ => BoundedFileError::Io(error),
    })?;
    if bytes.len() > bytes_max { Err(BoundedFileError::TooLarge(bytes_max)) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_an_end_is_read() {
        let folder = std::env::temp_dir().join(format!("numctl-bounded-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        let path = folder.join("file");
        fs::write(&path, "1234").expect("written");
        assert_eq!(text(&path, 4).expect("read"), "1234");
        assert!(matches!(text(&path, 3), Err(BoundedFileError::TooLarge(3))));
        assert!(matches!(all_of(io::repeat(0), 3), Err(BoundedFileError::TooLarge(3))));
        assert!(matches!(text(&folder, 4), Err(BoundedFileError::NotAFile)));
        assert!(matches!(text(&folder.join("none"), 4), Err(BoundedFileError::Missing)));
        fs::write(&path, [0xff]).expect("written");
        assert!(matches!(text(&path, 4), Err(BoundedFileError::NotUtf8)));
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

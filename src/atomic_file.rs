//! Replaces a file as a whole: a reader, or a crash, sees the old one or the new one and never half
//! of one. New files are their owner's only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `contents` beside `path`, and puts that in its place; once this is back, a power cut does
/// not lose it.
///
/// # Errors
/// Those of the file system, and anything but a file under this name. The old file is still there
/// then, and nothing beside it.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    replace_with(path, contents, |_| Ok(()))
}

/// The same where the file, or the one that a link names, keeps its mode and its owner; only its owner
/// may read what `is_secret`.
///
/// # Errors
/// Those of [`replace`].
pub fn replace_alike(path: &Path, contents: &[u8], is_secret: bool) -> io::Result<()> {
    // A link stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let Ok(meta) = fs::metadata(&path) else { return replace(&path, contents) };
    replace_with(&path, contents, |file| take_after(file, &meta, is_secret))
}

/// Gives a file the owner and the mode of another one.
#[cfg(unix)]
fn take_after(file: &File, other: &fs::Metadata, is_secret: bool) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
        // Only root may give a file away; another process of the group may not keep the owner.
        let _ = std::os::unix::fs::fchown(file, Some(other.uid()), Some(other.gid()));
    }
    let mask = if is_secret { 0o700 } else { 0o777 };
    file.set_permissions(fs::Permissions::from_mode(other.permissions().mode() & mask))
}

/// Elsewhere there is no such thing.
#[cfg(not(unix))]
fn take_after(_: &File, _: &fs::Metadata, _: bool) -> io::Result<()> {
    Ok(())
}

fn replace_with(
    path: &Path,
    contents: &[u8],
    prepare: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    // A rename puts a file in the place of whatever is there: as root, of /dev/null.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let mut beside = path.to_owned();
    // Two processes that write the same file do not write the same one beside it.
    beside.as_mut_os_string().push(format!(".{}.new", std::process::id()));
    // The rest of a process of the same number that was killed; there rarely is one.
    let _ = fs::remove_file(&beside);
    let written = create_private(&beside)
        .and_then(|mut file| {
            prepare(&file)?;
            file.write_all(contents)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_directory(folder));
    if written.is_err() {
        // The rest of a failed write; there may be none.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Creates a new file for its owner only.
///
/// # Errors
/// Those of the file system; an existing file, or a link to one, is one.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes a rename last; only Unix opens directories.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = std::env::temp_dir().join(format!("numctl-replace-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("file");
        replace(&path, b"old").expect("written");
        replace(&path, b"new").expect("replaced");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert!(replace(&folder.join("none/file"), b"x").is_err());
        assert!(replace(&folder, b"x").is_err(), "a folder is not replaced");
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

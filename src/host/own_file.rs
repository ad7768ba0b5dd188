//! Opens the files and directories that are numctl's own: locks, journals, what was spent, saved plans.
//!
//! Whoever can write beside them, or hands over a checkout that has them, must not be able to point them at
//! someone else's files. So no link is followed at the end of a path, nor below the working directory; a
//! pipe or a device is never waited for; and what is made is its owner's alone, whatever the umask is.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a file is not opened.
#[derive(Debug, thiserror::Error)]
enum RefusedFile {
    #[error(
        "this is a symbolic link, and numctl does not follow links to its own files: name the file that it points to"
    )]
    Link,
    #[error(
        "{} is a symbolic link, and numctl does not follow links below the working directory: name the directory that it points to by its full path",
        .0.display()
    )]
    LinkOnTheWay(PathBuf),
    #[error("this is not a regular file")]
    NotAFile,
    #[cfg(unix)]
    #[error("this file has another name (a hard link): remove it, or use another directory")]
    SharedName,
    #[cfg(unix)]
    #[error("this file belongs to another user ({0}), who could keep it locked: use another directory")]
    Foreign(u32),
}

fn refused(why: RefusedFile) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// Makes a directory, and those above it that are missing, for its owner only.
///
/// # Errors
/// Those of the file system, and a link on the way where the path begins at the working directory.
pub fn directory(path: &Path) -> io::Result<()> {
    no_link_on_the_way(path)?;
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file to lock it, and makes it where there is none. No one else may have it open to read: a read
/// lock would keep its owner from it for as long as they like.
///
/// # Errors
/// Those of the file system, and what is a link, no file, or another user's.
pub fn to_lock(path: &Path) -> io::Result<File> {
    let file = open(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let meta = file.metadata()?;
        let me = rustix::process::geteuid().as_raw();
        if me != 0 && meta.uid() != me {
            return Err(refused(RefusedFile::Foreign(meta.uid())));
        }
        if meta.nlink() > 1 {
            return Err(refused(RefusedFile::SharedName));
        }
        if meta.mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(file)
}

/// Opens a file to add to its end, and makes it where there is none.
///
/// # Errors
/// Those of the file system, and what is a link or no file.
pub fn to_append(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().append(true).create(true))
}

/// Opens a file to read it.
///
/// # Errors
/// Those of the file system, and what is a link or no file.
pub fn to_read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true))
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        no_link_on_the_way(folder)?;
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // Opening a FIFO would wait for its other end.
        options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let is_link = || fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    #[cfg(not(unix))]
    if is_link() {
        return Err(refused(RefusedFile::Link));
    }
    let file =
        options.open(path).map_err(|error| if is_link() { refused(RefusedFile::Link) } else { error })?;
    if !file.metadata()?.is_file() {
        return Err(refused(RefusedFile::NotAFile));
    }
    Ok(file)
}

/// What lies in a checkout may be a link that its author has made. An absolute path is the operator's word.
fn no_link_on_the_way(folder: &Path) -> io::Result<()> {
    let is_from_here = matches!(folder.components().next(), Some(Component::Normal(_) | Component::CurDir));
    if !is_from_here {
        return Ok(());
    }
    let link = folder
        .ancestors()
        .filter(|part| !part.as_os_str().is_empty())
        .find(|part| fs::symlink_metadata(part).is_ok_and(|meta| meta.is_symlink()));
    link.map_or(Ok(()), |link| Err(refused(RefusedFile::LinkOnTheWay(link.to_owned()))))
}

/// Whether an open file is still the one of that name: if it was removed or renamed, another process may have
/// made a new one.
#[cfg(unix)]
#[must_use]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// The same, where files have no identity to compare.
#[cfg(not(unix))]
#[must_use]
pub fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn no_link_is_followed_and_what_is_made_is_its_owners() {
        let folder = std::env::temp_dir().join(format!("numctl-own-{}", std::process::id()));
        let deep = folder.join("a/b");
        directory(&deep).expect("made");
        assert_eq!((mode(&folder), mode(&deep)), (0o700, 0o700));
        let theirs = folder.join("theirs");
        fs::write(&theirs, "precious").expect("written");
        let link = deep.join("link");
        symlink(&theirs, &link).expect("linked");
        for open in [to_lock, to_append, to_read] {
            let error = open(&link).expect_err("a link");
            assert!(error.to_string().contains("symbolic link"), "{error}");
            assert!(open(&deep).is_err(), "a directory");
        }
        assert_eq!(fs::read_to_string(&theirs).expect("there"), "precious");
        let made = deep.join("made");
        to_append(&made).expect("made");
        assert_eq!(mode(&made), 0o600);
        fs::set_permissions(&made, fs::Permissions::from_mode(0o644)).expect("opened up");
        let file = to_lock(&made).expect("ours");
        assert_eq!(mode(&made), 0o600, "a file of an older version");
        assert!(is_at(&file, &made));
        fs::hard_link(&made, deep.join("other")).expect("linked");
        assert!(to_lock(&made).is_err(), "it has another name");
        fs::rename(&made, deep.join("moved")).expect("moved");
        assert!(!is_at(&file, &made));
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

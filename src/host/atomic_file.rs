//! Replaces a file as a whole: a reader, or a crash, sees the old one or the new one and never half
//! of one. New files are their owner's only.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What follows a file's name and the number of the process that writes it, until it is complete.
const NEW: &str = ".new";

/// So often is a file written again that someone removed before it was in its place.
const TRIES: usize = 3;

/// Writes `contents` beside `path`, and puts that in its place; once this is back, a power cut does
/// not lose it. A link gives way to the file; where it leads is left alone.
///
/// # Errors
/// Those of the file system, and anything but a file under this name. The old file is still there
/// then, and nothing beside it.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    write_whole(path, contents, &|_| Ok(()))
}

/// The same for a file that is its user's and not ours: it keeps its mode and its owner, and a link stays
/// and leads to the new content. With `is_secret`, no one but its owner may read it from then on.
///
/// # Errors
/// Those of [`replace`].
pub fn replace_alike(path: &Path, contents: &[u8], is_secret: bool) -> io::Result<()> {
    let Ok(target) = fs::canonicalize(path) else {
        // A link that leads nowhere gives way, too.
        return replace(path, contents);
    };
    let old = fs::metadata(&target)?;
    if !has_one_owner(&target, &old) {
        return rewrite(&target, contents, is_secret);
    }
    write_whole(&target, contents, &|new| keep_mode(new, &old, is_secret))
}

/// A file that another user has, and that we may write, would become ours: it is written in its place.
fn rewrite(path: &Path, contents: &[u8], is_secret: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    keep_mode(&file, &file.metadata()?, is_secret)?;
    file.set_len(0)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(unix)]
fn has_one_owner(path: &Path, old: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let me = rustix::process::geteuid().as_raw();
    // A file with other names (hard links) keeps them only when it is written in its place.
    path.is_file() && (me == 0 || old.uid() == me) && old.nlink() == 1
}

#[cfg(not(unix))]
fn has_one_owner(_: &Path, _: &fs::Metadata) -> bool {
    true
}

#[cfg(unix)]
fn keep_mode(new: &File, old: &fs::Metadata, is_secret: bool) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let own = new.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))?;
    }
    let mode = old.mode() & 0o777 & if is_secret { 0o700 } else { 0o777 };
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_mode(_: &File, _: &fs::Metadata, _: bool) -> io::Result<()> {
    Ok(())
}

fn write_whole(path: &Path, contents: &[u8], finish: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
    // A rename puts a file in the place of whatever is there: as root, of /dev/null.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    clear_rests(folder, path);
    let mut beside = path.to_owned();
    // Two processes that write the same file do not write the same one beside it.
    beside.as_mut_os_string().push(format!(".{}{NEW}", std::process::id()));
    let mut tries = 1;
    loop {
        let written = create_private(&beside)
            .and_then(|mut file| {
                // Says that it is being written, to those who clear rests.
                file.lock()?;
                file.write_all(contents)?;
                finish(&file)?;
                file.sync_all()?;
                fs::rename(&beside, path)
            })
            .and_then(|()| sync_directory(folder));
        match written {
            // Cleared as a rest, between its creation and its lock.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < TRIES && folder.exists() => {
                tries += 1;
            }
            Err(error) => {
                // The rest of a failed write; there may be none.
                let _ = fs::remove_file(&beside);
                return Err(error);
            }
            Ok(()) => return Ok(()),
        }
    }
}

/// Removes what processes that were killed left beside a file: no one has it locked.
fn clear_rests(folder: &Path, path: &Path) {
    let Some(name) = path.file_name() else { return };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| is_rest(&entry.file_name(), name)) {
        let rest: PathBuf = entry.path();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_free = is_file && File::open(&rest).is_ok_and(|file| file.try_lock().is_ok());
        if is_free {
            // Another process may have done so.
            let _ = fs::remove_file(&rest);
        }
    }
}

fn is_rest(entry: &OsStr, name: &OsStr) -> bool {
    let entry = entry.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
    let pid = entry.and_then(|rest| rest.strip_prefix(b".")?.strip_suffix(NEW.as_bytes()));
    pid.is_some_and(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit))
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
        // The rests of processes that were killed, one of them with our number.
        fs::write(folder.join("file.4194305.new"), "half").expect("written");
        fs::write(folder.join(format!("file.{}.new", std::process::id())), "half").expect("written");
        replace(&path, b"new").expect("replaced");
        assert_eq!(fs::read(&path).expect("there"), b"new");
        assert!(replace(&folder.join("none/file"), b"x").is_err());
        assert!(replace(&folder, b"x").is_err(), "a folder is not replaced");
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 1);
        // What is being written is left alone, and so are files with other names.
        let busy = create_private(&folder.join("file.4194305.new")).expect("made");
        busy.lock().expect("locked");
        fs::write(folder.join("file.x.new"), "theirs").expect("written");
        replace(&path, b"newer").expect("replaced");
        assert_eq!(fs::read_dir(&folder).expect("listed").count(), 3);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened up");
            let link = folder.join("link");
            std::os::unix::fs::symlink("file", &link).expect("linked");
            replace_alike(&link, b"through", false).expect("written");
            assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
            assert_eq!((fs::read(&path).expect("there"), mode(&path)), (b"through".to_vec(), 0o644));
            replace_alike(&link, b"secret", true).expect("written");
            assert_eq!(mode(&path), 0o600);
            fs::hard_link(&path, folder.join("second")).expect("linked");
            replace_alike(&path, b"both", false).expect("written");
            assert_eq!(fs::read(folder.join("second")).expect("there"), b"both");
        }
        fs::remove_dir_all(&folder).expect("tidied up");
    }
}

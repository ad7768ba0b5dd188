//! Where the default file is: `NUMCTL_FILE`, else `numctl.yaml` or `numctl/` in the current folder.

use std::path::{Path, PathBuf};

use super::Fatal;
use super::process::variable;

pub(super) const VARIABLE: &str = "NUMCTL_FILE";
pub(super) const FILE: &str = "numctl.yaml";
pub(super) const FOLDER: &str = "numctl";

/// The default file. Two of them are an error: a file that is left out by mistake is one whose numbers
/// are not declared.
///
/// # Errors
/// Where it is not clear which one is meant.
pub(super) fn found() -> Result<Option<PathBuf>, Fatal> {
    if let Some(path) = variable(VARIABLE) {
        return Ok(Some(path.into()));
    }
    // An empty one is what a shell makes of `numctl export > numctl.yaml` before numctl starts.
    let is_file = std::fs::metadata(FILE).is_ok_and(|meta| !meta.is_dir() && meta.len() > 0);
    match (is_file, has_files(Path::new(FOLDER))) {
        (true, true) => {
            Err(Fatal::new(format!("both {FILE} and {FOLDER}/ exist here: choose one with -f or {VARIABLE}")))
        }
        (true, false) => Ok(Some(FILE.into())),
        (false, true) => Ok(Some(FOLDER.into())),
        (false, false) => Ok(None),
    }
}

/// Whether it is a folder with files for `-f` in it: a clone of numctl has that name too.
fn has_files(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries
        .flatten()
        .any(|entry| matches!(entry.path().extension().and_then(|end| end.to_str()), Some("yaml" | "yml")))
}

//! The price lists, kept in a file from one command to the next.

use std::path::PathBuf;

use crate::guard::cost::KeptPrices;
use crate::guard::memory::Memory;
use crate::host::atomic_file;
use crate::host::bounded_file;

use super::arguments::Global;
use super::process::variable;

const FILE: &str = "prices.json";

/// Every country for a good many accounts.
const BYTES_MAX: usize = 16 << 20;

/// The prices that were known before a command.
pub(super) struct KnownPrices {
    file: Option<PathBuf>,
    before: KeptPrices,
}

impl KnownPrices {
    /// Hands over what is known. What cannot be read is asked for again.
    pub(super) fn from_arguments(global: &Global, memory: &mut Memory) -> Self {
        let file = file(global);
        let text = file.as_ref().and_then(|path| bounded_file::text(path, BYTES_MAX).ok());
        let before = text.as_deref().map(KeptPrices::from_json).unwrap_or_default();
        memory.prices().clone_from(&before);
        Self { file, before }
    }

    /// Keeps what was learnt since. Where it cannot be kept, it is asked for again.
    pub(super) fn keep(&mut self, memory: &mut Memory) {
        let kept = memory.prices();
        let Some(path) = self.file.as_ref().filter(|_| *kept != self.before) else { return };
        let folder = path.parent().map_or(Ok(()), crate::host::own_file::directory);
        let _ = folder.and_then(|()| atomic_file::replace(path, kept.to_json().as_bytes()));
    }
}

/// Beside the daemon's state where that has a place, else where caches go. The embedded sandbox has
/// another address each time, so that nothing of it is worth keeping.
fn file(global: &Global) -> Option<PathBuf> {
    if global.sandbox {
        return None;
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = || {
        let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(folder.join("numctl"))
    };
    let folder = variable("NUMCTL_STATE_DIR").map(PathBuf::from).or_else(caches)?;
    Some(folder.join(FILE))
}

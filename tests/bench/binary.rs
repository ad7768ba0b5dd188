//! The binary that is measured.

use std::path::PathBuf;

/// Cargo's, or the one of `NUMCTL_BENCH_BINARY` (a release build, say).
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("NUMCTL_BENCH_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_numctl").into(), PathBuf::from)
}

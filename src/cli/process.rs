//! Facts of this process: its environment, and a seed of its own.

/// An environment variable; one that is empty is not set.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

/// Salt must differ from plan to plan, and need not be secret.
pub(super) fn fresh_salt() -> [u8; 16] {
    (u128::from(fresh_seed()) << 64 | u128::from(fresh_seed())).to_be_bytes()
}

/// Jitter must differ between processes, and need not be secret.
pub(super) fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

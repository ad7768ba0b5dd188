//! The hash of the table that finds a SID's row: one look for each row of a listing.

use std::hash::{BuildHasher as _, RandomState};

use crate::model::number::NumberSid;

/// The golden ratio's bits: an odd number without a pattern.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hashes SIDs, by products that are folded, as foldhash does: the standard library's SipHash was two
/// thirds of what a row cost. Its keys are random, so that no one can choose SIDs that collide.
#[derive(Debug)]
pub(super) struct SidHash([u64; 4]);

impl SidHash {
    /// With keys of its own.
    pub(super) fn new() -> Self {
        let random = RandomState::new();
        Self(std::array::from_fn(|at| random.hash_one(at)))
    }

    /// The same for the same SID.
    pub(super) fn hash(&self, sid: NumberSid) -> u64 {
        let fold = |a: u64, b: u64| {
            let product = u128::from(a) * u128::from(b);
            product as u64 ^ (product >> 64) as u64
        };
        let ([a, b, c, d], [e, f, g, h]) = (sid.words(), self.0);
        // Without the last one, a key in four leaves SIDs that count up in few places.
        fold(fold(fold(a ^ e, b ^ f) ^ c ^ g, d ^ h), SPREAD)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn sids_that_differ_by_little_have_hashes_that_differ_everywhere() {
        let sids: Vec<NumberSid> =
            (0..10_000).filter_map(|at| NumberSid::observed(&format!("PN{at:032x}"))).collect();
        // Some keys are worse than others.
        for _ in 0..50 {
            let hashing = SidHash::new();
            let hashes: Vec<u64> = sids.iter().map(|sid| hashing.hash(*sid)).collect();
            // A table looks at the low bits, and at the highest seven. 16,384 places take about 7,480 of
            // them by chance.
            let low: HashSet<u64> = hashes.iter().map(|hash| hash & 0x3fff).collect();
            let high: HashSet<u64> = hashes.iter().map(|hash| hash >> 57).collect();
            assert!((7_000..8_000).contains(&low.len()), "{}", low.len());
            assert_eq!(high.len(), 128);
            assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
        }
    }
}

//! What keys a plan's digest where the plan carries secrets.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Made of the API credentials that the plan is made with. Whoever reads a digest does not have them, and so
/// cannot try passwords against it; see [`Digest`](crate::plan::digest::Digest) for why it is this key.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestKey(Option<[u8; 32]>);

impl DigestKey {
    /// The key that these secrets make, in their order.
    #[must_use]
    pub fn from_secrets<'a>(secrets: impl Iterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new_with_prefix("numctl digest key 1\n");
        for secret in secrets {
            // The length keeps text from moving from one secret to the next.
            hash.update((secret.len() as u64).to_be_bytes());
            hash.update(secret);
        }
        Self(Some(hash.finalize().into()))
    }

    /// A code over `message` that cannot be made without the key; `None` where no credentials are known.
    ///
    /// Both inputs of the outer hash have a fixed length, so that nothing can be appended to either.
    pub(crate) fn code(self, message: &[u8]) -> Option<[u8; 32]> {
        let key = self.0?;
        let inner = Sha256::new_with_prefix(key).chain_update(message).finalize();
        Some(Sha256::new_with_prefix(key).chain_update(inner).finalize().into())
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "DigestKey(***)" } else { "DigestKey(none)" })
    }
}

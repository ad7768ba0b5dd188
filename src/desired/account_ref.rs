//! The accounts of a fleet, each with its SID.

use std::sync::Arc;

use super::AccountIndex;
use crate::model::number::AccountSid;

/// An account of the files, its SID known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRef {
    /// Its name in the file.
    pub name: Arc<str>,
    pub sid: AccountSid,
    /// Its parent, whose credentials make the transfers.
    pub parent: Option<AccountIndex>,
}

//! One number of the sandbox, with its owner and its settings.

use std::sync::Arc;

use super::audit::AuditedSettings;
use super::config::Config;
use super::emergency::Emergency;

/// A number that someone owns.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) sid: u128,
    pub(crate) account: Arc<str>,
    /// `None` is the default name.
    pub(crate) friendly_name: Option<Arc<str>>,
    pub(crate) config: Arc<Config>,
    pub(crate) emergency: Emergency,
    /// When it was bought, in seconds since the epoch; 0 is a time long ago.
    pub(crate) since: u32,
}

impl Owned {
    pub(crate) fn sid(&self) -> String {
        format!("PN{:032x}", self.sid)
    }

    /// Its settings, as the audit log compares them.
    pub(crate) fn audited(&self) -> AuditedSettings<'_> {
        AuditedSettings { name: self.friendly_name.as_ref(), config: &self.config }
    }
}

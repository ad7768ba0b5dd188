//! How far a number's emergency address is. Registering it and taking it away both take time; the
//! model has no clock, so the time is counted in reads of the number.

use serde::{Deserialize, Serialize};

use crate::model::provider::Api;

use super::faults::Dialect;

/// What Twilio calls `emergency_address_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Emergency {
    #[default]
    Unregistered,
    /// For this many reads.
    PendingRegistration(u32),
    Registered,
    /// For this many reads.
    PendingUnregistration(u32),
    UnregistrationFailure,
}

impl Emergency {
    /// What follows from the settings alone: an address that is set is registered.
    pub(crate) fn from_address(address: Option<&str>) -> Self {
        if address.is_some() { Self::Registered } else { Self::Unregistered }
    }

    /// After a write that may have changed the address.
    pub(crate) fn written(
        self,
        api: Api,
        before: Option<&str>,
        after: Option<&str>,
        dialect: &Dialect,
    ) -> Self {
        if before == after {
            return self;
        }
        let reads = dialect.unregister_reads.unwrap_or(match api {
            // The preview's page knows nothing of an address on its way out.
            Api::ActiveNumbers => 0,
            Api::IncomingPhoneNumbers => 1,
        });
        let pending = match after {
            Some(_) => Self::PendingRegistration(dialect.register_reads),
            None => Self::PendingUnregistration(reads),
        };
        pending.settled(dialect)
    }

    /// After a read that has shown it.
    pub(crate) fn read(self, dialect: &Dialect) -> Self {
        match self {
            Self::PendingRegistration(reads) => Self::PendingRegistration(reads.saturating_sub(1)),
            Self::PendingUnregistration(reads) => Self::PendingUnregistration(reads.saturating_sub(1)),
            Self::Unregistered | Self::Registered | Self::UnregistrationFailure => return self,
        }
        .settled(dialect)
    }

    fn settled(self, dialect: &Dialect) -> Self {
        match self {
            Self::PendingRegistration(0) => Self::Registered,
            Self::PendingUnregistration(0) if dialect.unregister_fails => Self::UnregistrationFailure,
            Self::PendingUnregistration(0) => Self::Unregistered,
            other => other,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unregistered => "unregistered",
            Self::PendingRegistration(_) => "pending-registration",
            Self::Registered => "registered",
            Self::PendingUnregistration(_) => "pending-unregistration",
            Self::UnregistrationFailure => "unregistration-failure",
        }
    }

    /// Whether the number may be released.
    pub(crate) fn allows_release(self) -> bool {
        self == Self::Unregistered
    }
}

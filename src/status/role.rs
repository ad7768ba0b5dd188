//! Whether this process writes, and the fleet in one word.

/// Whether this process writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing is known yet.
    Starting,
    /// It writes.
    Writer,
    /// Somebody else writes; it takes over when they are gone.
    StandingBy,
    /// It plans, and writes nothing.
    DryRun,
}

impl Role {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Writer => "writer",
            Self::StandingBy => "standing_by",
            Self::DryRun => "dry_run",
        }
    }
}

/// The fleet in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// Nothing was observed yet.
    Starting,
    /// Somebody else writes.
    StandingBy,
    /// Everything is as declared.
    InSync,
    /// Something is not as declared, and nothing is wrong with that.
    Drifted,
    /// Something is wrong, and somebody has to look.
    Degraded,
}

impl Overall {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::StandingBy => "standing_by",
            Self::InSync => "in_sync",
            Self::Drifted => "drifted",
            Self::Degraded => "degraded",
        }
    }
}

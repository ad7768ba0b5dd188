//! Why an action is in a plan.

/// Why an action is in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Declared, and in none of the listed accounts.
    Missing,
    /// A claim of the file wants one more number.
    Claimed,
    /// Declared in a different account than the one that has it.
    WrongAccount,
    /// Live fields differ from the declared ones.
    Drifted,
    /// The file says `state: released`.
    Tombstone,
    /// The file does not name it, and says `unlisted: release`.
    Unlisted,
    /// It is to be released, and waits in quarantine first.
    Quarantined,
    /// It was ours and is gone, and the file says `on_vanished: rebuy`.
    Vanished,
    /// `undo` brings back what was before a run of the journal.
    Undone,
}

impl Reason {
    /// Every reason, in the order of the metric's labels.
    pub const ALL: [Self; 9] = [
        Self::Missing,
        Self::Claimed,
        Self::WrongAccount,
        Self::Drifted,
        Self::Tombstone,
        Self::Unlisted,
        Self::Quarantined,
        Self::Vanished,
        Self::Undone,
    ];

    /// The word for it, for machines: in JSON and in saved plans.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Claimed => "claimed",
            Self::WrongAccount => "wrong_account",
            Self::Drifted => "drifted",
            Self::Tombstone => "tombstone",
            Self::Unlisted => "unlisted",
            Self::Quarantined => "quarantined",
            Self::Vanished => "vanished",
            Self::Undone => "undone",
        }
    }
}

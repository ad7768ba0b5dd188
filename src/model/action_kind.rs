//! The four kinds of action.

/// Which of the four kinds an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionKind {
    Purchase,
    Transfer,
    Configure,
    /// Cannot be taken back.
    Release,
}

impl ActionKind {
    /// The kinds, in the order of a plan.
    pub const ALL: [Self; 4] = [Self::Purchase, Self::Transfer, Self::Configure, Self::Release];

    /// The word for it, in JSON and in text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::Transfer => "transfer",
            Self::Configure => "configure",
            Self::Release => "release",
        }
    }
}

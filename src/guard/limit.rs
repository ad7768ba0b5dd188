//! What a limit is held against, and who set it.

/// What a limit is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The plan by itself: one apply, one cycle.
    Plan,
    /// All that was done since the files were last changed.
    Generation,
    /// The last 24 hours.
    Day,
}

impl Over {
    /// The word for it, in JSON; none for the plan by itself.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Plan => None,
            Self::Generation => Some("generation"),
            Self::Day => Some("24h"),
        }
    }
}

/// Who set a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The file's `policy:`, or its default.
    File,
    /// A flag or the environment.
    Operator,
}

impl SetBy {
    /// The word for it, in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Operator => "operator",
        }
    }
}

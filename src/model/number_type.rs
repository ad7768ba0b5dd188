//! The types of numbers that Twilio sells.

/// The kinds of numbers that AvailablePhoneNumbers and IncomingPhoneNumbers keep apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NumberType {
    Local,
    /// Of a mobile network.
    Mobile,
    TollFree,
}

impl NumberType {
    /// Every type that can be searched for.
    pub const ALL: [Self; 3] = [Self::Local, Self::Mobile, Self::TollFree];

    /// The type of a word, however it is written: `tollfree`, `toll-free`, `TollFree`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.replace(['-', '_', ' '], "");
        Self::ALL.into_iter().find(|kind| kind.segment().eq_ignore_ascii_case(&plain))
    }

    /// The last part of a path.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Mobile => "Mobile",
            Self::TollFree => "TollFree",
        }
    }

    /// The word of both APIs' `type` field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Mobile => "mobile",
            Self::TollFree => "tollfree",
        }
    }
}

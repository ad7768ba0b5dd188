//! What is asked of the API: the word for each kind of request.

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    List,
    Fetch,
    Search,
    Purchase,
    Configure,
    /// `POST /ActiveNumbers/{Sid}.json` with `AccountSid`
    Transfer,
    Release,
    /// `GET /Accounts.json`, `GET /Accounts/{Sid}.json`
    Account,
    Price,
    Regulation,
    /// `GET /Calls.json`, `GET /Messages.json`
    Traffic,
    Events,
    /// What decides where calls and messages end: `GET /v1/Services`, `/v1/Trunks`, `/Applications.json`,
    /// `/v2/PhoneNumbers/{Number}`
    Routing,
    Join,
    Leave,
}

impl Operation {
    /// Every operation, in the order of the metric's labels.
    pub const ALL: [Self; 15] = [
        Self::List,
        Self::Fetch,
        Self::Search,
        Self::Purchase,
        Self::Configure,
        Self::Transfer,
        Self::Release,
        Self::Account,
        Self::Price,
        Self::Regulation,
        Self::Traffic,
        Self::Events,
        Self::Routing,
        Self::Join,
        Self::Leave,
    ];

    /// Whether it changes anything.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Self::List
            | Self::Fetch
            | Self::Search
            | Self::Account
            | Self::Price
            | Self::Regulation
            | Self::Traffic
            | Self::Events
            | Self::Routing => false,
            Self::Purchase | Self::Configure | Self::Transfer | Self::Release | Self::Join | Self::Leave => {
                true
            }
        }
    }

    /// Whether another product answers than the one that has the numbers.
    #[must_use]
    pub fn is_aside(self) -> bool {
        matches!(self, Self::Routing | Self::Join | Self::Leave)
    }

    /// The word for it, in logs, in the sandbox's request log and in its fault specifications.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Fetch => "fetch",
            Self::Search => "search",
            Self::Purchase => "purchase",
            Self::Configure => "configure",
            Self::Transfer => "transfer",
            Self::Release => "release",
            Self::Account => "account",
            Self::Price => "price",
            Self::Regulation => "regulation",
            Self::Traffic => "traffic",
            Self::Events => "events",
            Self::Routing => "routing",
            Self::Join => "join",
            Self::Leave => "leave",
        }
    }
}

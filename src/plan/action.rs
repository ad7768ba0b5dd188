//! The actions: what is done to one number, and why.

use super::Reason;
use crate::desired::AccountIndex;
use crate::model::action_kind::ActionKind;
use crate::model::claim::{Mark, Slot};
use crate::model::number::{NumberSid, PhoneNumber};
use crate::model::settings::{Field, Managed, Settings, Value, Want};
use crate::plan::claims::Claimed;
use crate::plan::diff::FieldChange;

/// One action and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub action: Action,
    pub reason: Reason,
}

impl Step {
    /// Whether what is given up may have to wait for this: a purchase, or a move to where the number belongs.
    #[must_use]
    pub fn replaces(&self) -> bool {
        matches!(self.action.kind(), ActionKind::Purchase | ActionKind::Transfer) && !self.gives_up()
    }

    /// Whether the account that has the number is to lose it for good: its release, or the move to
    /// quarantine that comes before that. What keeps numbers from being released keeps them from both.
    #[must_use]
    pub fn gives_up(&self) -> bool {
        match self.action.kind() {
            ActionKind::Release => true,
            ActionKind::Transfer => self.reason == Reason::Quarantined,
            ActionKind::Purchase | ActionKind::Configure => false,
        }
    }
}

/// What is to be done to one number. Each variant holds all that the call needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Buy exactly this number, with its configuration.
    Purchase {
        number: PhoneNumber,
        /// The account that buys it.
        account: AccountIndex,
        /// The configuration that goes along.
        settings: Managed,
        /// The claim that it is bought for, where the file does not name the number itself.
        claim: Option<Box<Claimed>>,
    },
    /// Move the number to another account.
    Transfer {
        /// The number as it was observed.
        target: Target,
        /// The account that it moves to.
        to: AccountIndex,
        /// What the move must not lose: the managed settings, configured again where the move
        /// cleared them.
        settings: Managed,
    },
    /// Change fields of the number, in the account that it lives in by then.
    Configure {
        /// The number as it was observed.
        target: Target,
        /// The account that it lives in when this runs.
        account: AccountIndex,
        /// The changed fields. Never empty.
        changes: Vec<FieldChange>,
    },
    /// Give the number back.
    Release {
        /// The number as it was observed.
        target: Target,
    },
}

/// The live number that an action is about, as it was when the plan was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub number: PhoneNumber,
    /// Its SID; `None` where the listing gave none: looked up before anything is done.
    pub sid: Option<NumberSid>,
    /// The account that it was observed in.
    pub account: AccountIndex,
    /// Its whole configuration then: what a fresh read is compared with.
    pub before: Settings,
}

impl Target {
    /// Its whole configuration, as far as another account can have it.
    #[must_use]
    pub fn portable(&self) -> Managed {
        let is_portable = |field: Field, value: &Value| {
            !field.kind().belongs_to_account() && !matches!(value, Value::Foreign(_))
        };
        let settings = self.before.iter().filter(|(field, value)| is_portable(*field, value));
        settings.map(|(field, value)| (field, Want::Set(value.clone()))).collect()
    }
}

impl Action {
    /// Which of the four kinds it is.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Purchase { .. } => ActionKind::Purchase,
            Self::Transfer { .. } => ActionKind::Transfer,
            Self::Configure { .. } => ActionKind::Configure,
            Self::Release { .. } => ActionKind::Release,
        }
    }

    /// The number that it is about.
    #[must_use]
    pub fn number(&self) -> PhoneNumber {
        match self {
            Self::Purchase { number, .. } => *number,
            Self::Transfer { target, .. } | Self::Configure { target, .. } | Self::Release { target } => {
                target.number
            }
        }
    }

    /// The account that the number is in once the action is done, or was in, for a release.
    #[must_use]
    pub fn account(&self) -> AccountIndex {
        match self {
            Self::Purchase { account, .. } | Self::Configure { account, .. } => *account,
            Self::Transfer { to, .. } => *to,
            Self::Release { target } => target.account,
        }
    }

    /// The account whose numbers it changes: the one that has the number now, or the one that buys it.
    #[must_use]
    pub fn lives_in(&self) -> AccountIndex {
        self.target().map_or_else(|| self.account(), |target| target.account)
    }

    /// What a purchase is for, where that is a claim.
    #[must_use]
    pub fn claimed(&self) -> Option<&Claimed> {
        match self {
            Self::Purchase { claim, .. } => claim.as_deref(),
            Self::Transfer { .. } | Self::Configure { .. } | Self::Release { .. } => None,
        }
    }

    /// The name that the number has once this is done, where this is what writes it.
    #[must_use]
    pub fn names(&self) -> Option<&str> {
        let want = match self {
            Self::Purchase { settings, .. } | Self::Transfer { settings, .. } => {
                settings.get(Field::FriendlyName)
            }
            Self::Configure { changes, .. } => {
                changes.iter().find(|change| change.field == Field::FriendlyName).map(|change| &change.want)
            }
            Self::Release { .. } => None,
        };
        match want? {
            Want::Set(Value::Text(name)) => Some(name),
            Want::Set(_) | Want::Clear => None,
        }
    }

    /// The slot whose mark the number carries once this is done, where this is what writes it: until the
    /// listings show that, the slot may look free.
    #[must_use]
    pub fn marks(&self) -> Option<Slot> {
        if let Self::Purchase { claim, .. } = self {
            return claim.as_ref().map(|claimed| claimed.slot.clone());
        }
        match Slot::read(self.names()?, self.number()) {
            Mark::Of(slot) => Some(slot),
            Mark::None | Mark::Broken => None,
        }
    }

    /// The live number that it is about; a purchase has none.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Purchase { .. } => None,
            Self::Transfer { target, .. } | Self::Configure { target, .. } | Self::Release { target } => {
                Some(target)
            }
        }
    }
}

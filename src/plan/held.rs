//! What a plan leaves undone on purpose, and what a reviewer should know: values, so that inaction is
//! never explained by a log line alone.

use std::sync::Arc;

use jiff::civil::Date;

use crate::client::listing::ListingNote;
use crate::desired::AccountIndex;
use crate::model::number::{AccountSid, PhoneNumber, ServiceSid};
use crate::model::routing::Unresolved;
use crate::model::settings::Field;
use crate::model::traffic::{Lookback, Use};
use crate::model::webhook::WebhookFault;
use crate::observed::Papers;

use super::held_code::HeldCode;

/// Something that the plan leaves undone on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldNumber {
    pub number: PhoneNumber,
    /// The account of the file.
    pub account: AccountIndex,
    pub why: HeldReason,
}

/// Why the content that is in force is good for nothing but configuring what is there: what was declared
/// may be declared no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentDoubt {
    /// The files on disk are another content, and not a good one.
    FilesNotGood,
    /// The files on disk remove something, and have not held still for long enough.
    FilesSettling,
    /// Another content was in force when another process wrote last.
    OtherContentInForce,
    /// The files changed since the plan was made.
    FilesChanged,
}

impl ContentDoubt {
    /// The reason as a person reads it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::FilesNotGood => {
                "the files on disk are not valid: until they are, nothing is bought, moved or released"
            }
            Self::FilesSettling => {
                "the files on disk changed and remove something: they are used once they have not changed for a while"
            }
            Self::FilesChanged => "the files changed since the plan was made",
            Self::OtherContentInForce => {
                "newer files were in force before: until these files are as new, or have not changed for 3 minutes, nothing is bought, moved or released"
            }
        }
    }
}

/// Why something is left undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldReason {
    /// It would have to move, and is protected.
    ProtectedFromTransfer { lives_in: AccountIndex },
    /// The file says `state: released`, and protects it.
    ProtectedFromRelease,
    /// Short codes are never bought.
    ShortCodeNotBought,
    /// The tombstone names another account than the one that has the number.
    ReleaseInOtherAccount { lives_in: AccountIndex },
    /// The API shows the number more than once, with different SIDs or in different accounts.
    Ambiguous,
    /// The daemon bought it under this very content of the files, and it is gone again.
    BoughtInThisGeneration,
    /// An account of the same parent has it that the file does not list.
    InUnlistedAccount { sid: AccountSid },
    /// Its country requires documents that the file does not give.
    PapersMissing {
        /// What is wanted and not given.
        papers: Papers,
    },
    /// An account could not be listed, and the number may be in there.
    PerhapsIn { account: AccountIndex },
    /// An account shows a number in a spelling that does not tell whether it is this one: it is not
    /// bought.
    PerhapsSpeltOddly { account: AccountIndex },
    /// The API spells it neither in E.164 nor as a short code: it is not released.
    SpeltOddly,
    /// It is in an account, or belongs in one, in which nothing can be done.
    AccountInTrouble { account: AccountIndex },
    /// A pause: the file or a signal says so.
    Paused,
    /// No maintenance window is open.
    OutsideWindows,
    /// The number, its account or the file is on hold.
    OnHold {
        /// Until then, in seconds since the epoch.
        until: i64,
    },
    /// The files are not good enough for more than configuring what is there.
    Doubted(ContentDoubt),
    /// A purchase is held back, and nothing is released before its replacement exists.
    ReplacementHeld,
    /// It failed, and its next try is not due yet.
    BackingOff {
        /// Until then, in seconds since the epoch.
        until: i64,
        /// How often it has failed in a row.
        times: u32,
    },
    /// Someone else keeps writing it: what was set as declared was changed again and again.
    Flapping {
        /// One of the fields.
        field: Field,
    },
    /// It was to be released, and is in use.
    InUse {
        /// A use of it, the last one of its kind.
        last: Use,
        /// Within this time of now it must not have been used.
        guard: Lookback,
    },
    /// It was to be released, and whether it is in use could not be found out. Unknown is not idle.
    UseUnknown,
    /// It was to be released, and is on a SIP trunk, whose calls the lists may not show.
    OnTrunk {
        /// Within this time of now it must not have been used.
        guard: Lookback,
    },
    /// It is to be released, and waits in quarantine until then.
    InQuarantine {
        since: Date,
        /// It is released on that day or later.
        until: Date,
    },
    /// It is to be released by way of quarantine, and which day it is was not told.
    DayUnknown,
    /// It was ours, and no listed account has it any more: bought back only on the file's word.
    Vanished(Vanished),
    /// `undo` does not take this back.
    NotUndone(NotUndone),
    /// It would point at a webhook that does not answer as it should.
    WebhookFails {
        field: Field,
        /// What is wrong with it.
        fault: WebhookFault,
    },
    /// A friendly name that the file gives matches nothing in the account, or several.
    NameUnresolved {
        /// The field that is named.
        field: Field,
    },
    /// The Messaging Service that the file gives is not one of the account's.
    ServiceNotThere { service: ServiceSid },
    /// A declared setting of it is left out; its other settings are planned.
    LeftOut(LeftOut),
}

/// Why a declared setting is left out: the API would refuse the whole request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// SMS settings of a number that has no SMS (21407).
    NoSms,
    /// A fallback URL without a primary one (21405, 21406).
    FallbackWithoutPrimary { field: Field },
    /// The Messaging Service, where which one the number is in is not known.
    ServiceUnknown,
    /// The clearing of a URL whose fallback is live and not in the file: the API refuses a fallback
    /// without a primary (21405, 21406).
    FallbackInTheWay {
        /// The URL that stays.
        field: Field,
    },
}

impl LeftOut {
    /// The field, where it is one.
    #[must_use]
    pub fn field(self) -> Option<Field> {
        match self {
            Self::NoSms => None,
            Self::ServiceUnknown => Some(Field::SmsServiceSid),
            Self::FallbackWithoutPrimary { field } | Self::FallbackInTheWay { field } => Some(field),
        }
    }
}

/// What the journal knows of a number that was ours and is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vanished {
    /// The account that had it last.
    pub account: AccountSid,
    /// When it was last seen there, in seconds since the epoch.
    pub seen: i64,
    /// How many whole days of Twilio's ten, in which a number can be had back, are left at least.
    pub days_left: u8,
}

/// Why `undo` leaves something as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotUndone {
    /// The field was changed since: someone else's word is not overwritten.
    ChangedSince { field: Field },
    /// The value before held a password, which no journal keeps.
    Secret { field: Field },
    /// The value before is none that can be sent.
    Unsendable { field: Field },
    /// The run bought it, and only a tombstone releases.
    Bought,
    /// No listed account has it any more.
    Gone,
    /// It is in a different account than the run left it in.
    Elsewhere { lives_in: AccountIndex },
}

impl HeldReason {
    /// The code for it, for machines.
    #[must_use]
    pub fn code(self) -> HeldCode {
        match self {
            Self::ProtectedFromTransfer { .. } => HeldCode::ProtectedFromTransfer,
            Self::ProtectedFromRelease => HeldCode::ProtectedFromRelease,
            Self::ShortCodeNotBought => HeldCode::ShortCodeNotBought,
            Self::ReleaseInOtherAccount { .. } => HeldCode::ReleaseInOtherAccount,
            Self::Ambiguous => HeldCode::Ambiguous,
            Self::BoughtInThisGeneration => HeldCode::BoughtInThisGeneration,
            Self::InUnlistedAccount { .. } => HeldCode::InUnlistedAccount,
            Self::PapersMissing { .. } => HeldCode::PapersMissing,
            Self::PerhapsIn { .. } => HeldCode::PerhapsInUnreadAccount,
            Self::PerhapsSpeltOddly { .. } => HeldCode::PerhapsSpeltOddly,
            Self::SpeltOddly => HeldCode::SpeltOddly,
            Self::AccountInTrouble { .. } => HeldCode::AccountInTrouble,
            Self::Paused => HeldCode::Paused,
            Self::OutsideWindows => HeldCode::OutsideWindows,
            Self::OnHold { .. } => HeldCode::OnHold,
            Self::ReplacementHeld => HeldCode::ReplacementHeld,
            Self::BackingOff { .. } => HeldCode::BackingOff,
            Self::Flapping { .. } => HeldCode::Flapping,
            Self::Vanished(_) => HeldCode::Vanished,
            Self::LeftOut(LeftOut::NoSms) => HeldCode::NoSms,
            Self::LeftOut(LeftOut::ServiceUnknown) => HeldCode::MessagingServiceUnknown,
            Self::NameUnresolved { .. } => HeldCode::NameUnresolved,
            Self::ServiceNotThere { .. } => HeldCode::MessagingServiceNotThere,
            Self::LeftOut(LeftOut::FallbackWithoutPrimary { .. }) => HeldCode::FallbackWithoutPrimary,
            Self::LeftOut(LeftOut::FallbackInTheWay { .. }) => HeldCode::FallbackInTheWay,
            Self::InUse { .. } => HeldCode::InUse,
            Self::UseUnknown => HeldCode::UseUnknown,
            Self::OnTrunk { .. } => HeldCode::OnTrunk,
            Self::WebhookFails { .. } => HeldCode::WebhookFails,
            Self::InQuarantine { .. } => HeldCode::InQuarantine,
            Self::DayUnknown => HeldCode::DayUnknown,
            Self::Doubted(ContentDoubt::FilesNotGood) => HeldCode::FilesNotGood,
            Self::Doubted(ContentDoubt::FilesSettling) => HeldCode::FilesSettling,
            Self::Doubted(ContentDoubt::OtherContentInForce) => HeldCode::OtherContentInForce,
            Self::Doubted(ContentDoubt::FilesChanged) => HeldCode::FilesChanged,
            Self::NotUndone(NotUndone::ChangedSince { .. }) => HeldCode::ChangedSince,
            Self::NotUndone(NotUndone::Secret { .. }) => HeldCode::SecretNotKept,
            Self::NotUndone(NotUndone::Unsendable { .. }) => HeldCode::Unsendable,
            Self::NotUndone(NotUndone::Bought) => HeldCode::Bought,
            Self::NotUndone(NotUndone::Gone) => HeldCode::Gone,
            Self::NotUndone(NotUndone::Elsewhere { .. }) => HeldCode::Elsewhere,
        }
    }

    /// Whether someone has to do something: the file asks for what cannot be done as things are.
    #[must_use]
    pub fn is_error(self) -> bool {
        match self {
            Self::InUnlistedAccount { .. }
            | Self::PerhapsSpeltOddly { .. }
            | Self::SpeltOddly
            | Self::PapersMissing { .. }
            | Self::BackingOff { .. }
            | Self::Vanished(_)
            | Self::Flapping { .. }
            | Self::OnTrunk { .. }
            | Self::WebhookFails { .. }
            | Self::NameUnresolved { .. }
            | Self::ServiceNotThere { .. }
            | Self::UseUnknown => true,
            Self::ProtectedFromTransfer { .. }
            | Self::ProtectedFromRelease
            | Self::ShortCodeNotBought
            | Self::ReleaseInOtherAccount { .. }
            | Self::Ambiguous
            | Self::BoughtInThisGeneration
            // The account's own trouble is the error.
            | Self::PerhapsIn { .. }
            | Self::AccountInTrouble { .. }
            | Self::Paused
            | Self::Doubted(_)
            | Self::OutsideWindows
            | Self::OnHold { .. }
            | Self::NotUndone(_)
            | Self::InUse { .. }
            | Self::InQuarantine { .. }
            | Self::DayUnknown
            | Self::LeftOut(_)
            | Self::ReplacementHeld => false,
        }
    }
}

/// Something that a reviewer should know, and that is not an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Declared URLs that an application or a trunk overrides.
    Inert {
        number: PhoneNumber,
        /// What overrides them: an application or the trunk.
        overridden_by: Field,
    },
    /// Setting a field clears another at the API that the file does not manage.
    ClearsUnmanaged {
        number: PhoneNumber,
        /// The field that the file sets.
        sets: Field,
        /// The field that is set now and will not be.
        clears: Field,
    },
    /// A live number that the file does not name, under `unlisted: report`.
    Unlisted { number: PhoneNumber, account: AccountIndex },
    /// It waits in quarantine, and the file does not say any more that it is to be released.
    LeftInQuarantine { number: PhoneNumber, account: AccountIndex, since: Date },
    /// Its name ends in the mark of a claim that is not its own: copied, edited or cut.
    BrokenMark { number: PhoneNumber, account: AccountIndex },
    /// No journal tells whether the numbers to buy were ours before.
    NoJournal,
    /// A number that is bought was ours: Twilio may have it no more.
    BoughtBack {
        number: PhoneNumber,
        /// What the journal knows of it.
        was: Vanished,
    },
    /// Fields that numctl set, that still are so, and that no file declares any more.
    LeftBehind {
        number: PhoneNumber,
        account: AccountIndex,
        /// The fields, in order.
        fields: Box<[Field]>,
    },
    /// The files declare what `undo` takes back.
    DeclaredOtherwise { number: PhoneNumber },
    /// The calls and messages of numbers that were to be released could not be read.
    UseUnread {
        account: AccountIndex,
        /// Why; for one of them.
        why: Box<str>,
    },
    /// A friendly name that the file gives matches nothing in the account, or several.
    NameUnresolved {
        account: AccountIndex,
        /// The field that is named.
        field: Field,
        name: Arc<str>,
        why: Unresolved,
    },
    /// What decides where an account's calls or messages end could not be read.
    RoutingUnknown { account: AccountIndex, why: Box<str> },
    /// A Messaging Service gets more numbers than Twilio allows by default.
    ServiceOverfull {
        account: AccountIndex,
        service: ServiceSid,
        /// How many it would have.
        numbers: usize,
    },
    /// Something about a listing.
    Listing { account: AccountIndex, note: ListingNote },
}

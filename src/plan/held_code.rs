//! The codes of why something is left undone, for machines: JSON, metrics, conditions.

/// Names the codes once, in the order of their words.
macro_rules! held_codes {
    ($($code:ident => $word:literal,)*) => {
        /// Why something is left undone, without what it is about: see
        /// [`HeldReason`](super::held::HeldReason).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum HeldCode {
            $($code,)*
        }

        impl HeldCode {
            /// Every code, in the order of the metric's labels.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// The word for it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $word,)*
                }
            }
        }
    };
}

held_codes! {
    AccountInTrouble => "account_in_trouble",
    Ambiguous => "ambiguous",
    BackingOff => "backing_off",
    Bought => "bought",
    BoughtInThisGeneration => "bought_in_this_generation",
    ChangedSince => "changed_since",
    DayUnknown => "day_unknown",
    Elsewhere => "elsewhere",
    FallbackInTheWay => "fallback_in_the_way",
    FallbackWithoutPrimary => "fallback_without_primary",
    FilesChanged => "files_changed",
    FilesNotGood => "files_not_good",
    FilesSettling => "files_settling",
    Flapping => "flapping",
    Gone => "gone",
    InQuarantine => "in_quarantine",
    InUnlistedAccount => "in_unlisted_account",
    InUse => "in_use",
    MessagingServiceNotThere => "messaging_service_not_there",
    MessagingServiceUnknown => "messaging_service_unknown",
    NameUnresolved => "name_unresolved",
    NoSms => "no_sms",
    OnHold => "on_hold",
    OnTrunk => "on_trunk",
    OtherContentInForce => "other_content_in_force",
    OutsideWindows => "outside_windows",
    PapersMissing => "papers_missing",
    Paused => "paused",
    PerhapsInUnreadAccount => "perhaps_in_unread_account",
    PerhapsSpeltOddly => "perhaps_spelt_oddly",
    ProtectedFromRelease => "protected_from_release",
    ProtectedFromTransfer => "protected_from_transfer",
    ReleaseInOtherAccount => "release_in_other_account",
    ReplacementHeld => "replacement_held",
    SecretNotKept => "secret_not_kept",
    ShortCodeNotBought => "short_code_not_bought",
    SpeltOddly => "spelt_oddly",
    Unsendable => "unsendable",
    UseUnknown => "use_unknown",
    Vanished => "vanished",
    WebhookFails => "webhook_fails",
}

//! The desired state: what the files declare, parsed and checked.
//!
//! [`Desired`] is built only by `Desired::parse`, so every later step may rely on it: numbers are
//! valid and unique, every account exists, settings are merged (defaults < profile < number) and do
//! not contradict each other.

use std::fmt;
use std::sync::Arc;

use super::labels::Labels;
use crate::model::claim::{ClaimName, Need};
use crate::model::hold::{Hold, Standstill};
use crate::model::money::Money;
use crate::model::number::{AccountSid, PhoneNumber};
use crate::model::provider::{Api, Site};
use crate::model::quarantine::Term;
use crate::model::secret_url::without_tokens;
use crate::model::settings::Managed;
use crate::model::traffic::Lookback;

/// The whole declared fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The accounts, sorted by name. Never empty.
    pub accounts: Vec<Account>,
    /// What a plan may do.
    pub policy: Policy,
    /// When nothing is to be changed.
    pub standstill: Standstill,
    /// The declared numbers, sorted by number, each once.
    pub numbers: Vec<Declared>,
    /// The numbers that are declared by need, sorted by name, each name once.
    pub claims: Vec<Claim>,
    /// The files that this came from, as they were named.
    pub files: Vec<Arc<str>>,
    /// The URLs that name secrets.
    pub secrets: Vec<SecretPlace>,
}

/// A URL that names secrets, as it is written, and its first place in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPlace {
    /// The URL.
    pub url: Arc<str>,
    /// The file, as it was named.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The way to it, such as `profiles.support.voice.url`.
    pub path: Arc<str>,
}

/// Which account of [`Desired::accounts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIndex(pub u16);

/// One account that the file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name in the file; `default` where the file declares none.
    pub name: Arc<str>,
    /// `None` only for the account `default`, whose SID comes from `TWILIO_ACCOUNT_SID`.
    pub sid: Option<AccountSid>,
    /// The parent of a subaccount: it makes the transfers.
    pub parent: Option<AccountIndex>,
    /// How it is reached.
    pub access: Access,
    /// Left alone until a time.
    pub hold: Option<Hold>,
}

/// How an account is reached, as far as the file says; the rest is the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// The API; `None` is the operator's.
    pub api: Option<Api>,
    /// The region and the edge; what is left out is the operator's.
    pub site: Site,
    /// Where its credentials are; `None` where the file names none.
    pub credentials: Option<CredentialsAt>,
}

/// Where an account's credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialsAt {
    Env(EnvPrefix),
    /// In a file of the operator's directory for them.
    File(SecretName),
}

impl Default for CredentialsAt {
    /// Where an account that names no credentials has them: `TWILIO_AUTH_TOKEN` and its like.
    fn default() -> Self {
        Self::Env(EnvPrefix("TWILIO".to_owned()))
    }
}

/// The name of a file in the operator's directory for credentials.
///
/// A bare name: a file from a pull request can name no other file of the machine (law 11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName(String);

impl SecretName {
    /// Accepts letters, digits, `.`, `_` and `-`, not starting with a dot, and nothing that looks like a
    /// token itself: names are shown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = !text.starts_with('.')
            && (1..=253).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        (well_formed && without_tokens(text) == text).then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a declared account without `accounts:`.
pub const DEFAULT_ACCOUNT: &str = "default";

/// The prefix of the environment variables that hold an account's credentials.
///
/// Only `PREFIX_API_KEY`, `PREFIX_API_SECRET`, `PREFIX_AUTH_TOKEN` and `PREFIX_ACCOUNT_SID` are ever
/// read, so that a file from a pull request cannot name another variable (law 11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvPrefix(String);

impl EnvPrefix {
    /// Accepts upper-case letters, digits and underscores, starting with a letter, and nothing that looks
    /// like a token itself: prefixes are shown.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && text.len() <= 64;
        (well_formed && without_tokens(text) == text).then(|| Self(text.to_owned()))
    }

    /// `PREFIX_API_KEY` and its like.
    #[must_use]
    pub fn variable(&self, suffix: &str) -> String {
        format!("{}_{suffix}", self.0)
    }
}

impl fmt::Display for EnvPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a plan may do, from `policy:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What happens to live numbers of a listed account that the file does not name.
    pub unlisted: Unlisted,
    /// What happens to declared numbers that were ours and are gone.
    pub on_vanished: OnVanished,
    /// What a declared setting is that has no effect.
    pub no_effect: OnNoEffect,
    /// Where a number waits before it is released; `None` where it does not.
    pub quarantine: Option<Quarantine>,
    /// The limits on one plan.
    pub limits: Limits,
}

/// A declared number that the journal knows to have been ours, and that no listed account has, is…
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnVanished {
    /// reported, and not bought.
    Report,
    /// bought back, like any number that is missing.
    Rebuy,
}

impl OnVanished {
    /// Its name in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Rebuy => "rebuy",
        }
    }

    /// Reads the word that a file has for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Report, Self::Rebuy].into_iter().find(|one| one.as_str() == text)
    }
}

/// A declared setting that has no effect on the caller is…
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnNoEffect {
    /// reported.
    Warn,
    /// an error of the plan.
    Error,
}

impl OnNoEffect {
    /// Its name in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// Reads the word that a file has for it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Warn, Self::Error].into_iter().find(|one| one.as_str() == text)
    }
}

/// Where a number that is to be released waits first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quarantine {
    /// In this account, to which the number is moved. Every account of the file has its parent in common
    /// with it.
    pub account: AccountIndex,
    pub term: Term,
}

/// How much one plan may do. The operator's limits cap the file's (law 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Purchases in one plan.
    pub purchases: Limit,
    /// Releases in one plan.
    pub releases: Limit,
    /// Numbers that one plan touches, in whatever way.
    pub changes: Limit,
    /// A number that was used within this time is not released. `None` asks nothing of its use.
    pub release_guard: Option<Lookback>,
    /// What the numbers may cost.
    pub monthly: MonthlyLimits,
}

/// What the numbers of all accounts may cost a month. Without one there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthlyLimits {
    /// By how much one plan may raise it.
    pub increase: Option<Money>,
    /// To what a plan may raise it.
    pub total: Option<Money>,
}

impl MonthlyLimits {
    /// Whether there is any.
    #[must_use]
    pub fn is_any(self) -> bool {
        self.increase.is_some() || self.total.is_some()
    }
}

impl Default for Policy {
    /// What a file without `policy:` gets.
    fn default() -> Self {
        Self {
            unlisted: Unlisted::Ignore,
            on_vanished: OnVanished::Report,
            no_effect: OnNoEffect::Warn,
            quarantine: None,
            limits: Limits {
                purchases: Limit::Count(10),
                releases: Limit::Count(0),
                changes: Limit::Percent(100),
                release_guard: None,
                monthly: MonthlyLimits::default(),
            },
        }
    }
}

/// Live numbers that the file does not name are…
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlisted {
    /// left alone, and counted.
    Ignore,
    /// left alone, and listed in the plan.
    Report,
    /// released, within the limits.
    Release,
}

/// A limit: a count, or a share of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At most this many. 0 means none.
    Count(u32),
    /// At most this percentage of the live numbers of each account, rounded down.
    Percent(u8),
}

impl Limit {
    /// Parses `10` or `5%`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse().ok().filter(|p| *p <= 100).map(Self::Percent),
            None => text.parse().ok().map(Self::Count),
        }
    }

    /// What the limit amounts to if this many numbers are live.
    ///
    /// 100% is everything: a plan that buys one number for each that it releases touches twice as
    /// many as are live, and the default limit must not refuse it.
    #[must_use]
    pub fn count(self, live: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Percent(100..) => usize::MAX,
            Self::Percent(percent) => live.saturating_mul(usize::from(percent)) / 100,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// A number of the file, with all layers merged.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    pub number: PhoneNumber,
    /// The account that it belongs in.
    pub account: AccountIndex,
    /// Whether it is to be there at all.
    pub state: DeclaredState,
    /// Never released and never moved.
    pub protect: bool,
    /// What happens should it vanish; `None` is the policy's.
    pub on_vanished: Option<OnVanished>,
    /// Left alone until a time.
    pub hold: Option<Box<Hold>>,
    /// The managed settings, merged.
    pub settings: Managed,
    /// What it is known by; `None` where that is nothing.
    pub labels: Option<Arc<Labels>>,
    /// Where it was declared.
    pub place: Place,
}

/// Numbers declared by need.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Its name, for good.
    pub name: ClaimName,
    /// How many numbers it has.
    pub count: u16,
    /// What it takes where it buys.
    pub need: Need,
    /// The account that its numbers belong in.
    pub account: AccountIndex,
    /// Its numbers are never released and never moved.
    pub protect: bool,
    /// What is before the mark in its numbers' names.
    pub label: Option<Box<str>>,
    /// The managed settings, merged, without the name.
    pub settings: Managed,
    /// What its numbers are known by.
    pub labels: Arc<Labels>,
    /// Where it was declared: the entry is one of `claims:`.
    pub place: Place,
}

/// Whether a declared number is to exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredState {
    /// The number is to be in its account.
    Present,
    /// The tombstone: the number is to be released.
    Released,
}

/// Where a number was declared: a file of [`Desired::files`], and the entry in its `numbers:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub file: u32,
    /// Index into the file's `numbers:`.
    pub entry: u32,
}

impl Place {
    /// The entry of a file, both counted from 0.
    pub(super) fn new(file: usize, entry: usize) -> Option<Self> {
        Some(Self { file: u32::try_from(file).ok()?, entry: u32::try_from(entry).ok()? })
    }
}

impl Desired {
    /// The account of an index that this `Desired` handed out.
    #[must_use]
    pub fn account(&self, index: AccountIndex) -> &Account {
        &self.accounts[usize::from(index.0)]
    }

    /// Every account with its index.
    pub fn accounts(&self) -> impl Iterator<Item = (AccountIndex, &Account)> {
        self.accounts.iter().enumerate().map(|(at, account)| (AccountIndex(at as u16), account))
    }

    /// What the file declares for a number.
    #[must_use]
    pub fn declared(&self, number: PhoneNumber) -> Option<&Declared> {
        self.numbers
            .binary_search_by_key(&number, |declared| declared.number)
            .ok()
            .map(|at| &self.numbers[at])
    }
}

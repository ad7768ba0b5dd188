//! `--only` and `--account`: the part of what is declared that a command is about. A value that is given to
//! the line, and pure: what is left out counts as if it were not declared, but that nothing is released
//! for it.

use std::fmt;

use super::declared::{AccountIndex, Declared, Desired};
use super::labels::Labels;
use super::suggest;
use crate::model::claim::ClaimName;
use crate::model::number::PhoneNumber;
use crate::model::secret_url::{masked, without_tokens};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Selector {
    Number(PhoneNumber),
    /// Of the digits, with `*` for any of them.
    Pattern(Box<str>),
    /// A profile or a claim.
    Named(Box<str>),
    Tag(Box<str>, Box<str>),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Pattern(text) | Self::Named(text) => f.write_str(text),
            Self::Tag(name, value) => write!(f, "{name}={value}"),
        }
    }
}

/// The part that a command is about. A number is in it where one of the selectors and the account fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowing {
    only: Vec<Selector>,
    account: Option<AccountIndex>,
    account_name: Option<Box<str>>,
    /// What is declared for other accounts than this one, and was dropped already.
    elsewhere: usize,
    /// The accounts of the files, where some of them were dropped.
    all: Vec<super::Account>,
}

/// What a plan says about its narrowing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowed {
    pub only: Vec<String>,
    pub account: Option<String>,
    /// How many declared numbers are not in the plan because of it.
    pub left_out: usize,
}

impl Narrowing {
    /// Of what is declared; `None` where nothing narrows it. `may_be_gone`: a number may be named that the
    /// files do not declare any more.
    ///
    /// # Errors
    /// Where something is named that nothing declared fits.
    pub fn parse(
        only: &[String],
        account: Option<&str>,
        desired: &Desired,
        may_be_gone: bool,
    ) -> Result<Option<Self>, String> {
        if only.is_empty() && account.is_none() {
            return Ok(None);
        }
        let mut narrowing = Self::default();
        if let Some(name) = account {
            let is_it = |account: &super::Account| {
                *account.name == *name || account.sid.is_some_and(|sid| sid.to_string() == name)
            };
            let at = desired.accounts().find(|(_, account)| is_it(account)).map(|(at, _)| at);
            let names = desired.accounts.iter().map(|account| &*account.name);
            narrowing.account = Some(at.ok_or_else(|| {
                format!(
                    "--account {}: {}",
                    shown(name),
                    suggest::choices(name, names.collect::<Vec<_>>().into_iter())
                )
            })?);
            let found = at.map(|at| desired.account(at).name.as_ref().into());
            narrowing.account_name = found;
        }
        for text in only {
            let selector = Selector::parse(text);
            let fits_number =
                |declared: &Declared| selector.fits(declared.number, declared.labels.as_deref());
            let fits_claim = |claim: &super::Claim| selector.fits_claim(&claim.labels);
            let is_known = desired.numbers.iter().any(fits_number)
                || desired.claims.iter().any(fits_claim)
                || (may_be_gone && matches!(selector, Selector::Number(_) | Selector::Pattern(_)));
            if !is_known {
                return Err(unknown(text, desired));
            }
            narrowing.only.push(selector);
        }
        Ok(Some(narrowing))
    }

    /// Whether a declared number is in it.
    #[must_use]
    pub fn takes(&self, declared: &Declared) -> bool {
        self.takes_number(declared.number, declared.account, declared.labels.as_deref())
    }

    /// Whether a number is in it that may not be declared.
    #[must_use]
    pub fn takes_number(&self, number: PhoneNumber, account: AccountIndex, labels: Option<&Labels>) -> bool {
        self.takes_account(account)
            && (self.only.is_empty() || self.only.iter().any(|selector| selector.fits(number, labels)))
    }

    /// Whether a claim is in it.
    #[must_use]
    pub fn takes_claim(&self, name: &ClaimName, account: AccountIndex, desired: &Desired) -> bool {
        let claim = desired.claims.iter().find(|claim| claim.name == *name);
        self.takes_account(account)
            && (self.only.is_empty()
                || claim
                    .is_some_and(|claim| self.only.iter().any(|selector| selector.fits_claim(&claim.labels))))
    }

    /// Drops what is declared for other accounts than `--account`, and these accounts: they are not asked, and
    /// need no credentials. The account's parent stays, which may lend its own, and the quarantine.
    #[must_use]
    pub fn restricted(mut self, mut desired: Desired) -> (Desired, Self) {
        let Some(only) = self.account else { return (desired, self) };
        let quarantine = desired.policy.quarantine;
        let is_kept = |at: AccountIndex| {
            at == only
                || desired.account(only).parent == Some(at)
                || quarantine.is_some_and(|quarantine| {
                    quarantine.account == at || desired.account(quarantine.account).parent == Some(at)
                })
        };
        let kept: Vec<AccountIndex> =
            desired.accounts().map(|(at, _)| at).filter(|at| is_kept(*at)).collect();
        let place = |old: AccountIndex| {
            kept.iter().zip(0..).find(|(at, _)| **at == old).map(|(_, new)| AccountIndex(new))
        };
        let accounts = kept.iter().map(|at| {
            let account = desired.account(*at).clone();
            super::Account { parent: account.parent.and_then(place), ..account }
        });
        let accounts: Vec<super::Account> = accounts.collect();
        let Some(here) = place(only) else { return (desired, self) };
        let before = desired.numbers.len();
        desired.numbers.retain(|declared| declared.account == only);
        self.elsewhere = before - desired.numbers.len();
        desired.numbers.iter_mut().for_each(|declared| declared.account = here);
        desired.claims.retain(|claim| {
            let is_here = claim.account == only;
            self.elsewhere += if is_here { 0 } else { usize::from(claim.count) };
            is_here
        });
        desired.claims.iter_mut().for_each(|claim| claim.account = here);
        desired.policy.quarantine = quarantine.and_then(|quarantine| {
            Some(super::Quarantine { account: place(quarantine.account)?, ..quarantine })
        });
        if accounts.len() < desired.accounts.len() {
            self.all = std::mem::take(&mut desired.accounts);
        }
        desired.accounts = accounts;
        self.account = Some(here);
        (desired, self)
    }

    /// The accounts of the files, where this leaves some of them out: none otherwise.
    #[must_use]
    pub fn all_accounts(&self) -> &[super::Account] {
        &self.all
    }

    fn takes_account(&self, account: AccountIndex) -> bool {
        self.account.is_none_or(|only| only == account)
    }

    /// What a plan says about it.
    #[must_use]
    pub fn told(&self, left_out: usize) -> Narrowed {
        Narrowed {
            only: self.only.iter().map(ToString::to_string).collect(),
            account: self.account_name.as_deref().map(str::to_owned),
            left_out: left_out + self.elsewhere,
        }
    }
}

impl Selector {
    fn parse(text: &str) -> Self {
        if text.contains('*') {
            return Self::Pattern(text.into());
        }
        if let Some((name, value)) = text.split_once('=') {
            return Self::Tag(name.trim().into(), value.trim().into());
        }
        match PhoneNumber::declared(text) {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Named(text.into()),
        }
    }

    fn fits(&self, number: PhoneNumber, labels: Option<&Labels>) -> bool {
        match self {
            Self::Number(only) => *only == number,
            Self::Pattern(pattern) => is_like(number.to_string().as_bytes(), pattern.as_bytes()),
            Self::Named(_) | Self::Tag(..) => labels.is_some_and(|labels| self.fits_labels(labels)),
        }
    }

    /// A claim is meant by its name, its profile and its tags; its numbers, by their digits, are not.
    fn fits_claim(&self, labels: &Labels) -> bool {
        match self {
            Self::Number(_) | Self::Pattern(_) => false,
            Self::Named(_) | Self::Tag(..) => self.fits_labels(labels),
        }
    }

    fn fits_labels(&self, labels: &Labels) -> bool {
        match self {
            Self::Number(_) | Self::Pattern(_) => false,
            Self::Named(name) => {
                labels.profile.as_deref() == Some(&**name)
                    || labels.claim.as_ref().is_some_and(|claim| claim.to_string() == **name)
            }
            Self::Tag(name, value) => labels.tags.get(&**name).is_some_and(|found| **found == **value),
        }
    }
}

/// Whether a text is like a pattern in which `*` is anything.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|at| is_like(&text[at..], rest)),
        (Some((wanted, rest)), Some((found, more))) if wanted == found => is_like(more, rest),
        _ => false,
    }
}

fn shown(text: &str) -> String {
    format!("{:?}", without_tokens(&masked(text)))
}

fn unknown(text: &str, desired: &Desired) -> String {
    let labels = desired
        .numbers
        .iter()
        .filter_map(|declared| declared.labels.as_deref())
        .chain(desired.claims.iter().map(|claim| &*claim.labels));
    let mut names = std::collections::BTreeSet::new();
    for labels in labels {
        names.extend(labels.profile.as_deref().map(str::to_owned));
        names.extend(labels.claim.as_ref().map(ToString::to_string));
        names.extend(labels.tags.iter().map(|(name, value)| format!("{name}={value}")));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let there = match names.is_empty() {
        true => "name a number, or a pattern such as +1212*".to_owned(),
        false => suggest::choices(text, names.into_iter()),
    };
    format!("--only {}: it matches nothing that is declared; {there}", shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_all_the_digits() {
        for (pattern, fits) in [
            ("+1212*", true),
            ("*0100", true),
            ("+1*55*0100", true),
            ("+1212", false),
            ("*", true),
            ("+44*", false),
        ] {
            assert_eq!(is_like(b"+12125550100", pattern.as_bytes()), fits, "{pattern}");
        }
    }
}

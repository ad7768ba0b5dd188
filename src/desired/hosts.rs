//! Which host an account's credentials may go to: the operator binds hosts, and the file cannot.
//!
//! A file chooses the names of its accounts, their SIDs and which credentials each of them uses. So a
//! host is bound to *credentials*, by the name that the operator gave them (law 11): wherever a file
//! uses them, they go to that host and to no other. A host may be bound to an account's SID as well,
//! where the operator says beside the credentials whose they are (`PREFIX_ACCOUNT_SID`): else a file
//! could put another account's credentials beside that SID.

use crate::desired::AccountRef;
use crate::desired::environment::Login;
use crate::desired::{CredentialsAt, EnvPrefix, SecretName};
use crate::model::number::AccountSid;
use crate::model::secret_url::{masked, without_tokens};

/// Why an operator's base URLs cannot be used, or not for these accounts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Bound to nothing that the operator has named.
    #[error(
        "--base-url: {0:?} is not an account SID or the name of credentials. Write AC…=URL, PREFIX=URL for \
         `credentials: {{ env: PREFIX }}`, or file:NAME=URL for `credentials: {{ file: NAME }}`; the name of an account \
         is not enough, because whoever writes the file chooses it"
    )]
    NotAName(String),
    /// Two hosts for one thing.
    #[error("--base-url: {bound} is bound to {first} and to {second}: keep one of them")]
    Twice { bound: String, first: String, second: String },
    /// Nothing here is called so: a typing error would send credentials elsewhere.
    #[error(
        "--base-url: no account here uses {bound} (in use: {known}). Correct or remove it: with a typo in it, the credentials would go to another host. Nothing was sent"
    )]
    Unused { bound: String, known: String },
    /// The account's host is not that of its credentials.
    #[error(
        "account {account}: --base-url binds {sid} to {host}, but its credentials ({credentials}) go to {other}. Nothing \
         was sent. {advice}"
    )]
    NotTheirs {
        account: Box<str>,
        sid: AccountSid,
        /// The host bound to that.
        host: Box<str>,
        /// Where its credentials are.
        credentials: Box<str>,
        /// The host bound to these.
        other: Box<str>,
        advice: Box<str>,
    },
}

/// What a host is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum HostBinding {
    /// Every account without a host of its own.
    Rest,
    /// An account that the operator's credentials say they are of.
    Account(AccountSid),
    Credentials(CredentialsAt),
}

impl HostBinding {
    /// Reads `AC…`, `PREFIX`, `env:PREFIX` and `file:NAME`.
    fn parse(text: &str) -> Option<Self> {
        if let Ok(sid) = AccountSid::declared(text) {
            return Some(Self::Account(sid));
        }
        let at = match text.split_once(':') {
            Some(("file", name)) => CredentialsAt::File(SecretName::parse(name)?),
            Some(("env", prefix)) => CredentialsAt::Env(EnvPrefix::parse(prefix)?),
            Some(_) => return None,
            None => CredentialsAt::Env(EnvPrefix::parse(text)?),
        };
        Some(Self::Credentials(at))
    }

    fn shown(&self) -> String {
        match self {
            Self::Rest => "every account".to_owned(),
            Self::Account(sid) => format!("account {sid}"),
            Self::Credentials(at) => format!("credentials {}", name(at)),
        }
    }
}

fn name(at: &CredentialsAt) -> String {
    match at {
        CredentialsAt::Env(prefix) => format!("env:{prefix}"),
        CredentialsAt::File(file) => format!("file:{file}"),
    }
}

/// The operator's base URLs (`--base-url`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts(Vec<(HostBinding, String)>);

impl Hosts {
    /// Reads `URL` and `WHOSE=URL`. The URLs themselves are not looked at.
    ///
    /// # Errors
    /// When one is bound to no known thing, or one thing to two hosts.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, HostError> {
        let mut hosts: Vec<(HostBinding, String)> = Vec::new();
        for text in texts {
            // The name ends at the last = before the scheme.
            let (bound, url) = match text.find("://").and_then(|scheme| text[..scheme].rfind('=')) {
                Some(at) => {
                    let whose = &text[..at];
                    let bound = HostBinding::parse(whose)
                        .ok_or_else(|| HostError::NotAName(without_tokens(&masked(whose))))?;
                    (bound, &text[at + 1..])
                }
                None => (HostBinding::Rest, text),
            };
            match hosts.iter().find(|(known, _)| *known == bound) {
                Some((_, first)) if !same(first, url) => {
                    let (first, second) = (masked(first), masked(url));
                    return Err(HostError::Twice { bound: bound.shown(), first, second });
                }
                Some(_) => {}
                None => hosts.push((bound, url.to_owned())),
            }
        }
        Ok(Self(hosts))
    }

    /// Every base URL, in the operator's words.
    pub fn urls(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, url)| url.as_str())
    }

    /// The base URL for each account and what it asks with; `None` is Twilio's own host.
    ///
    /// # Errors
    /// When the credentials of an account would go to a host that is not theirs, or a host is bound to
    /// something that none of the accounts uses.
    pub fn assign(&self, accounts: &[(&AccountRef, &Login)]) -> Result<Vec<Option<&str>>, HostError> {
        for (bound, _) in &self.0 {
            let is_used = match bound {
                HostBinding::Rest => true,
                HostBinding::Account(sid) => {
                    accounts.iter().any(|(account, login)| account.sid == *sid || login.owner == Some(*sid))
                }
                HostBinding::Credentials(at) => {
                    accounts.iter().any(|(_, login)| login.at.as_ref() == Some(at))
                }
            };
            if !is_used {
                let mut known: Vec<String> =
                    accounts.iter().filter_map(|(_, login)| login.at.as_ref()).map(name).collect();
                known.sort();
                known.dedup();
                return Err(HostError::Unused { bound: bound.shown(), known: known.join(", ") });
            }
        }
        accounts.iter().map(|(account, login)| self.host_for(account, login)).collect()
    }

    fn bound(&self, to: &HostBinding) -> Option<&str> {
        self.0.iter().find(|(bound, _)| bound == to).map(|(_, url)| url.as_str())
    }

    fn host_for(&self, account: &AccountRef, login: &Login) -> Result<Option<&str>, HostError> {
        let Some(at) = &login.at else { return Ok(None) };
        let by_name = self.bound(&HostBinding::Credentials(at.clone()));
        let by_owner = login.owner.and_then(|owner| self.bound(&HostBinding::Account(owner)));
        let host = by_name.or(by_owner).or_else(|| self.bound(&HostBinding::Rest));
        // What the account's SID or the credentials' owner is bound to must be that very host.
        for (sid, bound) in
            [(Some(account.sid), self.bound(&HostBinding::Account(account.sid))), (login.owner, by_owner)]
        {
            let (Some(sid), Some(bound)) = (sid, bound) else { continue };
            if host.is_some_and(|host| same(host, bound)) {
                continue;
            }
            let advice = match (by_name, at) {
                (Some(_), _) => "Bind both to one host, or remove one of the bindings".to_owned(),
                (None, CredentialsAt::Env(prefix)) => format!(
                    "If they are this account's, set {prefix}_ACCOUNT_SID={sid}, or bind the host to them: {prefix}=URL"
                ),
                (None, CredentialsAt::File(file)) => format!(
                    "If they are this account's, add the line ACCOUNT_SID={sid} to the file {file}, or bind the host to \
                     them: file:{file}=URL"
                ),
            };
            return Err(HostError::NotTheirs {
                account: (&*account.name).into(),
                sid,
                host: masked(bound).into(),
                credentials: name(at).into(),
                other: host.map_or_else(|| "Twilio".to_owned(), masked).into(),
                advice: advice.into(),
            });
        }
        Ok(host)
    }
}

/// Whether two texts are the same base URL.
fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::AccountRef;
    use crate::model::credentials::Credentials;

    const VENDORS: &str = "AC00000000000000000000000000000001";
    const OTHERS: &str = "AC00000000000000000000000000000002";

    fn sid(text: &str) -> AccountSid {
        AccountSid::declared(text).expect("a SID")
    }

    fn login(at: &str, owner: Option<&str>) -> Login {
        let Some(HostBinding::Credentials(at)) = HostBinding::parse(at) else { panic!("{at}") };
        Login { credentials: Credentials::new("user", "secret"), at: Some(at), owner: owner.map(sid) }
    }

    /// The hosts of accounts with a name, a SID, credentials and the word of whose these are.
    fn assigned(
        base_urls: &str,
        accounts: &[(&str, &str, &str, Option<&str>)],
    ) -> Result<Vec<String>, String> {
        let hosts = Hosts::parse(base_urls.split(',')).map_err(|error| error.to_string())?;
        let accounts: Vec<(AccountRef, Login)> = accounts
            .iter()
            .map(|(name, of, at, owner)| {
                (AccountRef { name: (*name).into(), sid: sid(of), parent: None }, login(at, *owner))
            })
            .collect();
        let accounts: Vec<_> = accounts.iter().map(|(account, login)| (account, login)).collect();
        let assigned = hosts.assign(&accounts).map_err(|error| error.to_string())?;
        Ok(assigned.into_iter().map(|host| host.unwrap_or("vendor").to_owned()).collect())
    }

    fn refused(base_urls: &str, accounts: &[(&str, &str, &str, Option<&str>)], says: &str) {
        let error = assigned(base_urls, accounts).expect_err(says);
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn credentials_go_to_their_own_host_under_whatever_name_and_sid() {
        let bound = "https://v,CORP=https://o,file:emea=https://e";
        let here = [
            ("main", VENDORS, "TWILIO", None),
            ("corp", OTHERS, "CORP", None),
            ("x", OTHERS, "file:emea", None),
        ];
        assert_eq!(
            assigned(bound, &here),
            Ok(vec!["https://v".into(), "https://o".into(), "https://e".into()])
        );
        // The attack of before: other credentials under the name that has the host.
        let swapped = [
            ("corp", OTHERS, "TWILIO", None),
            ("main", VENDORS, "CORP", None),
            ("x", VENDORS, "file:emea", None),
        ];
        assert_eq!(
            assigned(bound, &swapped),
            Ok(vec!["https://v".into(), "https://o".into(), "https://e".into()])
        );
    }

    #[test]
    fn a_sid_needs_the_operators_word_on_whose_the_credentials_are() {
        let bound = format!("https://v,{OTHERS}=https://o");
        let own = ("corp", OTHERS, "CORP", Some(OTHERS));
        assert_eq!(assigned(&bound, &[own]), Ok(vec!["https://o".into()]));
        refused(&bound, &[("corp", OTHERS, "CORP", None)], "set CORP_ACCOUNT_SID=");
        refused(&bound, &[("corp", OTHERS, "TWILIO", Some(VENDORS))], "go to https://v");
        refused(&bound, &[("corp", OTHERS, "file:main", None)], "to the file main");
        // Under another SID they go to their own host all the same.
        assert_eq!(
            assigned(&bound, &[own, ("main", VENDORS, "CORP", Some(OTHERS))]),
            Ok(vec!["https://o".into(), "https://o".into()])
        );
        // A parent's token, lent to an account that has a host.
        refused(&bound, &[("child", OTHERS, "TWILIO", Some(VENDORS))], "Nothing was sent");
        refused(&format!("{OTHERS}=https://o"), &[("corp", OTHERS, "TWILIO", None)], "go to Twilio");
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let corp = [("corp", OTHERS, "CORP", Some(OTHERS))];
        refused("corp=https://o", &corp, "\"corp\" is not an account SID or the name of credentials");
        refused("https://v,https://o", &corp, "every account is bound to https://v and to https://o");
        refused("CORP=https://v,env:CORP=https://o", &corp, "credentials env:CORP is bound");
        refused(&format!("CORP=https://v,{OTHERS}=https://o"), &corp, "remove one of the bindings");
        refused("CROP=https://o", &corp, "no account here uses credentials env:CROP (in use: env:CORP)");
        refused(&format!("{VENDORS}=https://o"), &corp, "no account here uses account AC");
        assert_eq!(assigned("CORP=https://o/,env:CORP=https://o", &corp), Ok(vec!["https://o/".into()]));
        assert_eq!(
            assigned(&format!("CORP=https://o,{OTHERS}=https://o"), &corp),
            Ok(vec!["https://o".into()])
        );
    }
}

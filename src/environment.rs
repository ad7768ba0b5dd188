//! Who each account is and where its credentials are, from the environment.
//!
//! Only variables with the documented suffixes are read: `_API_KEY` with `_API_SECRET`, else
//! `_AUTH_TOKEN` (law 11); a file of the operator's directory for credentials says the same.
//! ActiveNumbers has no account in its paths, so each account needs credentials of its own there;
//! over IncomingPhoneNumbers a parent's auth token reaches its subaccounts.

use crate::credentials::Credentials;
use crate::desired::{Access, Account, AccountIndex, CredentialsAt, SecretName};
use crate::number::{AccountSid, SidError};
use crate::plan::AccountRef;
use crate::provider::Api;

/// The prefix of the default account's variables.
const DEFAULT_PREFIX: &str = "TWILIO";

/// Why an account cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// `TWILIO_ACCOUNT_SID` is not set.
    #[error(
        "TWILIO_ACCOUNT_SID is not set: it names the account of a file without `accounts:` (or use --sandbox)"
    )]
    NoAccountSid,
    /// `TWILIO_ACCOUNT_SID` is no account SID.
    #[error("TWILIO_ACCOUNT_SID: {0}")]
    AccountSid(#[from] SidError),
    /// No credentials where they should be.
    #[error(
        "account {account}: no credentials: set {at}API_KEY and {at}API_SECRET, or {at}AUTH_TOKEN{within}"
    )]
    NoCredentials {
        /// The account's name.
        account: String,
        /// The variables' prefix; empty for a file.
        at: String,
        /// Which file, where it is one.
        within: String,
    },
    /// A key without its secret, or the other way round.
    #[error("account {account}: {set} is set and {unset} is not: an API key needs both")]
    HalfAKey {
        /// The account's name.
        account: String,
        /// What is set.
        set: String,
        /// What is not.
        unset: String,
    },
    /// A subaccount that names no credentials.
    #[error(
        "account {account}: ActiveNumbers has no account in its paths, so that a parent's credentials cannot reach a \
         subaccount there: give it its own, such as `credentials: {{ env: {suggestion} }}` with {suggestion}_AUTH_TOKEN, \
         or `api: incoming-phone-numbers`"
    )]
    SubaccountNeedsItsOwn {
        /// The account's name.
        account: String,
        /// A prefix made of the account's name.
        suggestion: String,
    },
    /// The parent lends an auth token, and has only an API key.
    #[error(
        "account {account}: it names no credentials, and its parent {parent} has only an API key, which reaches no \
         subaccount: give {parent} an auth token too ({token}), or {account} its own, such as `credentials: {{ env: \
         {suggestion} }}`"
    )]
    KeyIsNotLent {
        /// The account's name.
        account: String,
        /// Its parent's.
        parent: String,
        /// Where the parent's token would be.
        token: String,
        /// A prefix made of the account's name.
        suggestion: String,
    },
    /// A file with credentials cannot be read.
    #[error("account {account}: the credentials file {name}: {why}")]
    Secret {
        /// The account's name.
        account: String,
        /// The file's name.
        name: String,
        /// Why.
        why: String,
    },
}

/// Where credentials come from.
pub enum Source<'a> {
    /// From outside.
    Outside {
        /// The process's environment, or a test's stand-in for it.
        variables: &'a dyn Fn(&str) -> Option<String>,
        /// Reads a file of the operator's directory for credentials.
        secrets: &'a dyn Fn(&SecretName) -> Result<String, String>,
    },
    /// The embedded sandbox: one token for every account.
    Sandbox {
        /// The account that stands for `TWILIO_ACCOUNT_SID`.
        main: AccountSid,
        /// The token.
        token: &'a str,
    },
}

/// The account SIDs of a file's accounts, in order.
///
/// # Errors
/// When the default account has no SID in the environment.
pub fn accounts(declared: &[Account], source: &Source<'_>) -> Result<Vec<AccountRef>, EnvironmentError> {
    declared
        .iter()
        .map(|account| {
            let sid = match account.sid {
                Some(sid) => sid,
                None => default_sid(source)?,
            };
            Ok(AccountRef { name: account.name.clone(), sid, parent: account.parent })
        })
        .collect()
}

/// The credentials of one account, which is reached through `api`.
///
/// # Errors
/// When they are not where they should be.
pub fn credentials(
    accounts: &[AccountRef],
    access: &[Access],
    at: AccountIndex,
    api: Api,
    source: &Source<'_>,
) -> Result<Credentials, EnvironmentError> {
    let account = &accounts[usize::from(at.0)];
    if let Source::Sandbox { token, .. } = source {
        return Ok(Credentials::new(account.sid.to_string(), *token));
    }
    let place = |at: AccountIndex| match &access[usize::from(at.0)].credentials {
        Some(CredentialsAt::Env(prefix)) => Place::Env(prefix.to_string()),
        Some(CredentialsAt::File(name)) => Place::File(name.clone()),
        None => Place::Env(DEFAULT_PREFIX.to_owned()),
    };
    let Some(parent) = account.parent.filter(|_| access[usize::from(at.0)].credentials.is_none()) else {
        return own(account, &place(at), source);
    };
    let name = account.name.to_string();
    let suggestion = name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if api == Api::ActiveNumbers {
        return Err(EnvironmentError::SubaccountNeedsItsOwn { account: name, suggestion });
    }
    let (lender, place) = (&accounts[usize::from(parent.0)], place(parent));
    match read(lender, &place, source)?.token {
        Some(token) => Ok(Credentials::new(lender.sid.to_string(), token)),
        None => {
            // Where the parent has nothing at all, that is what is wrong.
            own(lender, &place, source)?;
            let parent = lender.name.to_string();
            Err(EnvironmentError::KeyIsNotLent {
                account: name,
                parent,
                token: place.name("AUTH_TOKEN"),
                suggestion,
            })
        }
    }
}

/// Where an account's credentials are looked for.
enum Place {
    Env(String),
    File(SecretName),
}

impl Place {
    fn name(&self, suffix: &str) -> String {
        match self {
            Self::Env(prefix) => format!("{prefix}_{suffix}"),
            Self::File(file) => format!("{suffix} in the credentials file {file}"),
        }
    }
}

/// What was found there.
#[derive(Default)]
struct Found {
    key: Option<String>,
    secret: Option<String>,
    token: Option<String>,
}

fn own(account: &AccountRef, place: &Place, source: &Source<'_>) -> Result<Credentials, EnvironmentError> {
    let name = || account.name.to_string();
    let half = |set: &str, unset: &str| {
        Err(EnvironmentError::HalfAKey { account: name(), set: place.name(set), unset: place.name(unset) })
    };
    let Found { key, secret, token } = read(account, place, source)?;
    match (key, secret, token) {
        (Some(key), Some(secret), _) => Ok(Credentials::new(key, secret)),
        (Some(_), None, _) => half("API_KEY", "API_SECRET"),
        (None, Some(_), _) => half("API_SECRET", "API_KEY"),
        (None, None, Some(token)) => Ok(Credentials::new(account.sid.to_string(), token)),
        (None, None, None) => Err(match place {
            Place::Env(prefix) => EnvironmentError::NoCredentials {
                account: name(),
                at: format!("{prefix}_"),
                within: String::new(),
            },
            Place::File(file) => EnvironmentError::NoCredentials {
                account: name(),
                at: String::new(),
                within: format!(", each on a line of the credentials file {file}"),
            },
        }),
    }
}

fn read(account: &AccountRef, place: &Place, source: &Source<'_>) -> Result<Found, EnvironmentError> {
    let Source::Outside { variables, secrets } = source else { return Ok(Found::default()) };
    match place {
        Place::Env(_) => {
            let read = |suffix: &str| {
                variables(&place.name(suffix))
                    .map(|value| value.trim().to_owned())
                    .filter(|value| !value.is_empty())
            };
            Ok(Found { key: read("API_KEY"), secret: read("API_SECRET"), token: read("AUTH_TOKEN") })
        }
        Place::File(file) => {
            let failed = |why| EnvironmentError::Secret {
                account: account.name.to_string(),
                name: file.to_string(),
                why,
            };
            parse_secret(&secrets(file).map_err(failed)?).map_err(failed)
        }
    }
}

/// A file with credentials: an auth token and nothing else, or lines such as `AUTH_TOKEN=…`,
/// `API_KEY=…` and `API_SECRET=…`. No error quotes it.
fn parse_secret(text: &str) -> Result<Found, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    let mut found = Found::default();
    if let [token] = lines[..]
        && !token.contains('=')
    {
        found.token = Some(token.to_owned());
        return Ok(found);
    }
    for line in lines {
        let known = line.split_once('=').and_then(|(name, value)| {
            let slot = match name.trim() {
                "API_KEY" => &mut found.key,
                "API_SECRET" => &mut found.secret,
                "AUTH_TOKEN" => &mut found.token,
                _ => return None,
            };
            *slot = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            Some(())
        });
        if known.is_none() {
            return Err(
                "each line is AUTH_TOKEN=…, API_KEY=… or API_SECRET=…, or the file is one auth token"
                    .to_owned(),
            );
        }
    }
    Ok(found)
}

fn default_sid(source: &Source<'_>) -> Result<AccountSid, EnvironmentError> {
    match source {
        Source::Sandbox { main, .. } => Ok(*main),
        Source::Outside { variables, .. } => match variables("TWILIO_ACCOUNT_SID") {
            Some(text) if !text.trim().is_empty() => Ok(AccountSid::declared(text.trim())?),
            Some(_) | None => Err(EnvironmentError::NoAccountSid),
        },
    }
}

/// The one account that commands without a file work on.
#[must_use]
pub fn default_account() -> Account {
    Account {
        name: crate::desired::DEFAULT_ACCOUNT.into(),
        sid: None,
        parent: None,
        access: Access::default(),
        hold: None,
    }
}

/// The account of a name, or of a SID, among a file's accounts.
#[must_use]
pub fn find(accounts: &[AccountRef], name: &str) -> Option<AccountIndex> {
    let at = accounts.iter().position(|account| *account.name == *name || account.sid.to_string() == name)?;
    u16::try_from(at).ok().map(AccountIndex)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::EnvPrefix;

    const SIDS: [&str; 2] = ["AC00000000000000000000000000000001", "AC0123456789abcdef0123456789abcdef"];

    /// The credentials of `north-america`, a subaccount of `main` where `is_child`.
    fn resolve_on(
        api: Api,
        is_child: bool,
        at: [Option<CredentialsAt>; 2],
        set: &[(&str, &str)],
        file: &str,
    ) -> Result<String, String> {
        let variables =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let secrets = |_: &SecretName| Ok(file.to_owned());
        let sid = |text: &str| AccountSid::declared(text).expect("a SID");
        let accounts = [
            AccountRef { name: "main".into(), sid: sid(SIDS[0]), parent: None },
            AccountRef {
                name: "north-america".into(),
                sid: sid(SIDS[1]),
                parent: is_child.then_some(AccountIndex(0)),
            },
        ];
        let access = at.map(|credentials| Access { credentials, ..Access::default() });
        let source = Source::Outside { variables: &variables, secrets: &secrets };
        credentials(&accounts, &access, AccountIndex(1), api, &source)
            .map(|credentials| format!("{}:{}", credentials.user, credentials.expose_secret()))
            .map_err(|error| error.to_string())
    }

    fn env(prefix: &str) -> Option<CredentialsAt> {
        EnvPrefix::parse(prefix).map(CredentialsAt::Env)
    }

    fn resolve(is_child: bool, prefix: Option<&str>, set: &[(&str, &str)]) -> Result<String, String> {
        resolve_on(Api::ActiveNumbers, is_child, [None, prefix.and_then(env)], set, "")
    }

    #[test]
    fn a_key_goes_before_a_token() {
        let both = [("EU_API_KEY", "SK1"), ("EU_API_SECRET", "s"), ("EU_AUTH_TOKEN", "t")];
        assert_eq!(resolve(false, Some("EU"), &both).as_deref(), Ok("SK1:s"));
        assert_eq!(
            resolve(false, Some("EU"), &[("EU_AUTH_TOKEN", "t")]).as_deref(),
            Ok("AC0123456789abcdef0123456789abcdef:t")
        );
        assert!(resolve(false, None, &[("TWILIO_AUTH_TOKEN", "t")]).is_ok());
    }

    fn says(result: Result<String, String>, part: &str) {
        let message = result.expect_err(part);
        assert!(message.contains(part), "{message}");
    }

    #[test]
    fn what_is_missing_is_named() {
        says(resolve(false, Some("EU"), &[]), "EU_AUTH_TOKEN");
        says(resolve(false, Some("EU"), &[("EU_API_KEY", "SK1")]), "EU_API_SECRET is not");
        says(resolve(true, None, &[("TWILIO_AUTH_TOKEN", "t")]), "env: NORTH_AMERICA");
    }

    #[test]
    fn a_parent_lends_its_token_and_never_its_key() {
        let lent = |at, set: &[(&str, &str)]| resolve_on(Api::IncomingPhoneNumbers, true, at, set, "");
        let token = ("TWILIO_AUTH_TOKEN", "t");
        let key = [("TWILIO_API_KEY", "SK1"), ("TWILIO_API_SECRET", "s")];
        let of_parent = format!("{}:t", SIDS[0]);
        assert_eq!(lent([None, None], &[token]), Ok(of_parent.clone()));
        assert_eq!(lent([None, None], &[key[0], key[1], token]), Ok(of_parent));
        assert_eq!(lent([None, env("EU")], &[token, ("EU_AUTH_TOKEN", "e")]), Ok(format!("{}:e", SIDS[1])));
        says(lent([None, None], &key), "has only an API key");
        says(lent([None, None], &[]), "account main: no credentials");
    }

    #[test]
    fn a_file_holds_what_the_environment_would() {
        let file = |text: &str| {
            let at = || SecretName::parse("emea").map(CredentialsAt::File);
            resolve_on(Api::ActiveNumbers, true, [None, at()], &[], text)
        };
        assert_eq!(file("t0ken\n"), Ok(format!("{}:t0ken", SIDS[1])));
        assert_eq!(file("# the key\nAPI_KEY=SK1\nAPI_SECRET = s=\n\n").as_deref(), Ok("SK1:s="));
        says(file("API_KEY=SK1"), "API_SECRET in the credentials file emea is not");
        says(file(""), "on a line of the credentials file emea");
        says(file("TOKEN=hunter2"), "each line is AUTH_TOKEN");
        says(file("hunter2\nhunter2"), "each line is AUTH_TOKEN");
        assert!(!file("TOKEN=hunter2").expect_err("refused").contains("hunter2"));
        assert!(["../x", ".x", "a/b", ""].into_iter().all(|name| SecretName::parse(name).is_none()));
    }

    #[test]
    fn no_credential_is_ever_printed() {
        let credentials = Credentials::new("SK1", "hunter2");
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}

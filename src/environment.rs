//! Who each account is and where its credentials are, from the environment.
//!
//! Only variables with the documented suffixes are read: `_API_KEY` with `_API_SECRET`, else
//! `_AUTH_TOKEN` (law 11). ActiveNumbers has no account in its paths, so each account needs
//! credentials of its own.

use crate::credentials::Credentials;
use crate::desired::{Account, AccountIndex, EnvPrefix};
use crate::number::{AccountSid, SidError};
use crate::plan::AccountRef;

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
    /// No credentials in the environment.
    #[error(
        "account {account}: no credentials: set {prefix}_API_KEY and {prefix}_API_SECRET, or {prefix}_AUTH_TOKEN"
    )]
    NoCredentials {
        /// The account's name.
        account: String,
        /// The variables' prefix.
        prefix: String,
    },
    /// A key without its secret, or the other way round.
    #[error("account {account}: {set} is set and {unset} is not: an API key needs both")]
    HalfAKey {
        /// The account's name.
        account: String,
        /// The variable that is set.
        set: String,
        /// The variable that is not.
        unset: String,
    },
    /// A subaccount that names no credentials.
    #[error(
        "account {account}: ActiveNumbers has no account in its paths, so that a parent's credentials cannot reach a \
         subaccount there: give it its own, such as `credentials: {{ env: {suggestion} }}` with {suggestion}_AUTH_TOKEN"
    )]
    SubaccountNeedsItsOwn {
        /// The account's name.
        account: String,
        /// A prefix made of the account's name.
        suggestion: String,
    },
}

/// Where credentials come from.
pub enum Source<'a> {
    /// The process's environment, or a test's stand-in for it.
    Variables(&'a dyn Fn(&str) -> Option<String>),
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

/// The credentials of one account.
///
/// # Errors
/// When the environment does not hold them.
pub fn credentials(
    account: &AccountRef,
    prefix: Option<&EnvPrefix>,
    source: &Source<'_>,
) -> Result<Credentials, EnvironmentError> {
    let variables = match source {
        Source::Sandbox { token, .. } => return Ok(Credentials::new(account.sid.to_string(), *token)),
        Source::Variables(variables) => variables,
    };
    let name = account.name.to_string();
    let prefix = match (prefix, account.parent) {
        (Some(prefix), _) => prefix.to_string(),
        (None, None) => DEFAULT_PREFIX.to_owned(),
        (None, Some(_)) => {
            let suggestion = name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
            return Err(EnvironmentError::SubaccountNeedsItsOwn { account: name, suggestion });
        }
    };
    let read = |suffix: &str| {
        let variable = format!("{prefix}_{suffix}");
        let value =
            variables(&variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        (variable, value)
    };
    match (read("API_KEY"), read("API_SECRET")) {
        ((_, Some(key)), (_, Some(secret))) => Ok(Credentials::new(key, secret)),
        ((set, Some(_)), (unset, None)) | ((unset, None), (set, Some(_))) => {
            Err(EnvironmentError::HalfAKey { account: name, set, unset })
        }
        ((_, None), (_, None)) => match read("AUTH_TOKEN").1 {
            Some(token) => Ok(Credentials::new(account.sid.to_string(), token)),
            None => Err(EnvironmentError::NoCredentials { account: name, prefix }),
        },
    }
}

fn default_sid(source: &Source<'_>) -> Result<AccountSid, EnvironmentError> {
    match source {
        Source::Sandbox { main, .. } => Ok(*main),
        Source::Variables(variables) => match variables("TWILIO_ACCOUNT_SID") {
            Some(text) if !text.trim().is_empty() => Ok(AccountSid::declared(text.trim())?),
            Some(_) | None => Err(EnvironmentError::NoAccountSid),
        },
    }
}

/// The one account that commands without a file work on.
#[must_use]
pub fn default_account() -> Account {
    Account { name: crate::desired::DEFAULT_ACCOUNT.into(), sid: None, parent: None, credentials: None }
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

    fn account(parent: Option<AccountIndex>) -> AccountRef {
        let sid = AccountSid::declared("AC0123456789abcdef0123456789abcdef").expect("a SID");
        AccountRef { name: "north-america".into(), sid, parent }
    }

    fn resolve(
        parent: Option<AccountIndex>,
        prefix: Option<&str>,
        set: &[(&str, &str)],
    ) -> Result<String, String> {
        let variables =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let prefix = prefix.and_then(EnvPrefix::parse);
        credentials(&account(parent), prefix.as_ref(), &Source::Variables(&variables))
            .map(|credentials| format!("{}:{}", credentials.user, credentials.expose_secret()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_goes_before_a_token() {
        let both = [("EU_API_KEY", "SK1"), ("EU_API_SECRET", "s"), ("EU_AUTH_TOKEN", "t")];
        assert_eq!(resolve(None, Some("EU"), &both).as_deref(), Ok("SK1:s"));
        assert_eq!(
            resolve(None, Some("EU"), &[("EU_AUTH_TOKEN", "t")]).as_deref(),
            Ok("AC0123456789abcdef0123456789abcdef:t")
        );
        assert!(resolve(None, None, &[("TWILIO_AUTH_TOKEN", "t")]).is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let says = |result: Result<String, String>, part: &str| {
            let message = result.expect_err(part);
            assert!(message.contains(part), "{message}");
        };
        says(resolve(None, Some("EU"), &[]), "EU_AUTH_TOKEN");
        says(resolve(None, Some("EU"), &[("EU_API_KEY", "SK1")]), "EU_API_SECRET is not");
        says(resolve(Some(AccountIndex(0)), None, &[("TWILIO_AUTH_TOKEN", "t")]), "env: NORTH_AMERICA");
    }

    #[test]
    fn no_credential_is_ever_printed() {
        let credentials = Credentials::new("SK1", "hunter2");
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}

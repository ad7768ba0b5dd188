//! Who each account is and where its credentials are, from the environment.
//!
//! Only variables with the documented suffixes are read: `_API_KEY` with `_API_SECRET`, else
//! `_AUTH_TOKEN`, and `_ACCOUNT_SID`, which says whose they are (law 11); a file of the operator's
//! directory for credentials says the same.
//! ActiveNumbers has no account in its paths, so each account needs credentials of its own there;
//! over IncomingPhoneNumbers a parent's auth token reaches its subaccounts.

use crate::desired::AccountRef;
use crate::desired::{Access, Account, AccountIndex, CredentialsAt, SecretName};
use crate::model::credentials::Credentials;
use crate::model::number::AccountSid;
use crate::model::provider::Api;

/// Why an account cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// `TWILIO_ACCOUNT_SID` is not set.
    #[error(
        "TWILIO_ACCOUNT_SID is not set: it names the account of a file without `accounts:` (or use --sandbox)"
    )]
    NoAccountSid,
    /// `TWILIO_ACCOUNT_SID` is no account SID. What it is may be a token, and is not shown.
    #[error(
        "TWILIO_ACCOUNT_SID is not an account SID: AC and 32 hexadecimal digits, which Twilio's console shows"
    )]
    AccountSid,
    /// No credentials where they should be.
    #[error(
        "account {account}: no credentials: set {at}API_KEY and {at}API_SECRET, or {at}AUTH_TOKEN{within}"
    )]
    NoCredentials {
        account: String,
        /// The variables' prefix; empty for a file.
        at: String,
        /// Which file, where it is one.
        within: String,
    },
    /// A key without its secret, or the other way round.
    #[error("account {account}: {set} is set and {unset} is not: an API key needs both")]
    HalfAKey { account: String, set: String, unset: String },
    /// A subaccount that names no credentials.
    #[error(
        "account {account}: over ActiveNumbers, a parent's credentials cannot reach a subaccount: give it its own, such as `credentials: {{ env: {suggestion} }}` with {suggestion}_AUTH_TOKEN, \
         or `api: incoming-phone-numbers`"
    )]
    SubaccountNeedsItsOwn {
        account: String,
        /// A prefix made of the account's name.
        suggestion: String,
    },
    /// The parent lends an auth token, and has only an API key.
    #[error(
        "account {account}: it names no credentials, and its parent {parent} has only an API key, which does not work for subaccounts: give {parent} an auth token too ({token}), or {account} its own, such as `credentials: {{ env: \
         {suggestion} }}`"
    )]
    KeyIsNotLent {
        account: String,
        parent: String,
        /// Where the parent's token would be.
        token: String,
        /// A prefix made of the account's name.
        suggestion: String,
    },
    /// A variable whose value cannot be a credential.
    #[error("{name}: {why}; set it to the bare value")]
    Variable { name: String, why: String },
    /// A file with credentials cannot be read.
    #[error("account {account}: the credentials file {name}: {why}")]
    Secret { account: String, name: String, why: String },
}

/// Where credentials come from.
pub enum VariableSource<'a> {
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
        token: &'a str,
    },
}

/// The account SIDs of a file's accounts, in order.
///
/// # Errors
/// When the default account has no SID in the environment.
pub fn accounts(
    declared: &[Account],
    source: &VariableSource<'_>,
) -> Result<Vec<AccountRef>, EnvironmentError> {
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

/// What an account asks with, and where that was found.
#[derive(Debug, Clone)]
pub struct Login {
    /// User name and secret.
    pub credentials: Credentials,
    /// Their place; `None` for the embedded sandbox's.
    pub at: Option<CredentialsAt>,
    /// Whose they are, where the operator says so beside them.
    pub owner: Option<AccountSid>,
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
    source: &VariableSource<'_>,
) -> Result<Login, EnvironmentError> {
    let account = &accounts[usize::from(at.0)];
    if let VariableSource::Sandbox { token, .. } = source {
        let credentials = Credentials::new(account.sid.to_string(), *token);
        return Ok(Login { credentials, at: None, owner: None });
    }
    let place = |at: AccountIndex| access[usize::from(at.0)].credentials.clone().unwrap_or_default();
    let Some(parent) = account.parent.filter(|_| access[usize::from(at.0)].credentials.is_none()) else {
        return own(account, place(at), source);
    };
    let name = account.name.to_string();
    let suggestion = name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if api == Api::ActiveNumbers {
        return Err(EnvironmentError::SubaccountNeedsItsOwn { account: name, suggestion });
    }
    let (lender, place) = (&accounts[usize::from(parent.0)], place(parent));
    let found = read(lender, &place, source)?;
    match found.token {
        Some(token) => Ok(Login {
            credentials: Credentials::new(lender.sid.to_string(), token),
            at: Some(place),
            owner: found.owner,
        }),
        None => {
            // Where the parent has nothing at all, that is what is wrong.
            own(lender, place.clone(), source)?;
            let parent = lender.name.to_string();
            Err(EnvironmentError::KeyIsNotLent {
                account: name,
                parent,
                token: name_in(&place, "AUTH_TOKEN"),
                suggestion,
            })
        }
    }
}

/// What a value is called in a place.
fn name_in(place: &CredentialsAt, suffix: &str) -> String {
    match place {
        CredentialsAt::Env(prefix) => prefix.variable(suffix),
        CredentialsAt::File(file) => format!("{suffix} in the credentials file {file}"),
    }
}

/// What was found there.
#[derive(Default)]
struct FoundVariables {
    key: Option<String>,
    secret: Option<String>,
    token: Option<String>,
    owner: Option<AccountSid>,
}

fn own(
    account: &AccountRef,
    place: CredentialsAt,
    source: &VariableSource<'_>,
) -> Result<Login, EnvironmentError> {
    let name = || account.name.to_string();
    let half = |set: &str, unset: &str| {
        let [set, unset] = [set, unset].map(|suffix| name_in(&place, suffix));
        Err(EnvironmentError::HalfAKey { account: name(), set, unset })
    };
    let FoundVariables { key, secret, token, owner } = read(account, &place, source)?;
    let credentials = match (key, secret, token) {
        (Some(key), Some(secret), _) => Credentials::new(key, secret),
        (Some(_), None, _) => return half("API_KEY", "API_SECRET"),
        (None, Some(_), _) => return half("API_SECRET", "API_KEY"),
        (None, None, Some(token)) => Credentials::new(account.sid.to_string(), token),
        (None, None, None) => {
            let (at, within) = match &place {
                CredentialsAt::Env(prefix) => (format!("{prefix}_"), String::new()),
                CredentialsAt::File(file) => {
                    (String::new(), format!(", each on a line of the credentials file {file}"))
                }
            };
            return Err(EnvironmentError::NoCredentials { account: name(), at, within });
        }
    };
    Ok(Login { credentials, at: Some(place), owner })
}

fn read(
    account: &AccountRef,
    place: &CredentialsAt,
    source: &VariableSource<'_>,
) -> Result<FoundVariables, EnvironmentError> {
    let VariableSource::Outside { variables, secrets } = source else { return Ok(FoundVariables::default()) };
    match place {
        CredentialsAt::Env(prefix) => {
            let read = |suffix: &str| {
                let name = prefix.variable(suffix);
                let value = variables(&name).map(|text| given(text.trim())).transpose();
                value.map(Option::flatten).map_err(|why| EnvironmentError::Variable { name, why })
            };
            let owner = variables(&prefix.variable("ACCOUNT_SID"));
            Ok(FoundVariables {
                key: read("API_KEY")?,
                secret: read("API_SECRET")?,
                token: read("AUTH_TOKEN")?,
                owner: owner.and_then(|text| AccountSid::declared(text.trim()).ok()),
            })
        }
        CredentialsAt::File(file) => {
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
/// `API_KEY=…`, `API_SECRET=…` and `ACCOUNT_SID=…`. No error quotes it.
///
/// Values may be in quotes and lines may begin with `export`, as shells and editors write them, and
/// the file may begin with a byte order mark.
fn parse_secret(text: &str) -> Result<FoundVariables, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim).zip(1..);
    let lines: Vec<(&str, usize)> =
        lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#')).collect();
    let mut found = FoundVariables::default();
    if let [(token, _)] = lines[..]
        && !token.contains('=')
    {
        found.token = given(token)?;
        return Ok(found);
    }
    for (line, at) in lines {
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let Some((name, value)) = line.split_once('=') else { return Err(unknown_line(at)) };
        let value = given(value.trim()).map_err(|why| format!("line {at}: {why}"))?;
        match name.trim() {
            "API_KEY" => found.key = value,
            "API_SECRET" => found.secret = value,
            "AUTH_TOKEN" => found.token = value,
            "ACCOUNT_SID" => {
                let sid = value.map(|text| AccountSid::declared(&text)).transpose();
                found.owner =
                    sid.map_err(|_| "ACCOUNT_SID is not AC and 32 hexadecimal digits".to_owned())?;
            }
            _ => return Err(unknown_line(at)),
        }
    }
    Ok(found)
}

fn unknown_line(at: usize) -> String {
    format!(
        "line {at} is not AUTH_TOKEN=…, API_KEY=…, API_SECRET=… or ACCOUNT_SID=…; write one of these on each line, \
         or one auth token and nothing else"
    )
}

/// A value without the quotes around it; `None` where it is empty.
fn given(text: &str) -> Result<Option<String>, String> {
    let inner = ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
        .trim();
    // Nothing that Twilio gives out has a quote or white space in it: sent as it is, it would
    // only fail as a wrong password.
    match inner.contains(|c: char| matches!(c, '"' | '\'') || c.is_whitespace() || c.is_control()) {
        true => Err("the value contains a quote, white space or a control character".to_owned()),
        false => Ok(Some(inner.to_owned()).filter(|value| !value.is_empty())),
    }
}

fn default_sid(source: &VariableSource<'_>) -> Result<AccountSid, EnvironmentError> {
    match source {
        VariableSource::Sandbox { main, .. } => Ok(*main),
        VariableSource::Outside { variables, .. } => match variables("TWILIO_ACCOUNT_SID") {
            Some(text) if !text.trim().is_empty() => {
                AccountSid::declared(text.trim()).map_err(|_| EnvironmentError::AccountSid)
            }
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
        let source = VariableSource::Outside { variables: &variables, secrets: &secrets };
        credentials(&accounts, &access, AccountIndex(1), api, &source)
            .map(|login| format!("{}:{}", login.credentials.user, login.credentials.expose_secret()))
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
        says(file("# ours\nTOKEN=hunter2"), "line 2 is not AUTH_TOKEN");
        says(file("hunter2\nhunter2"), "line 1 is not AUTH_TOKEN");
        assert!(!file("TOKEN=hunter2").expect_err("refused").contains("hunter2"));
        assert!(["../x", ".x", "a/b", ""].into_iter().all(|name| SecretName::parse(name).is_none()));
    }

    #[test]
    fn quotes_and_a_byte_order_mark_are_no_part_of_a_credential() {
        let file = |text: &str| {
            let at = || SecretName::parse("emea").map(CredentialsAt::File);
            resolve_on(Api::ActiveNumbers, true, [None, at()], &[], text)
        };
        for text in [
            "\u{feff}t0ken\r\n",
            "\"t0ken\"\n",
            "\u{feff}AUTH_TOKEN='t0ken'",
            "export AUTH_TOKEN=\"t0ken\"\n",
        ] {
            assert_eq!(file(text), Ok(format!("{}:t0ken", SIDS[1])), "{text:?}");
        }
        for text in ["AUTH_TOKEN=\"t0ken", "t0ken'", "t0 ken", "AUTH_TOKEN=t0\tken # mine"] {
            let error = file(text).expect_err(text);
            assert!(error.contains("a quote, white space") && !error.contains("ken #"), "{error}");
        }
        let variable = |value: &str| resolve(false, Some("EU"), &[("EU_AUTH_TOKEN", value)]);
        assert_eq!(variable("\"t0ken\"").as_deref(), Ok("AC0123456789abcdef0123456789abcdef:t0ken"));
        says(variable("t0 ken"), "EU_AUTH_TOKEN: the value contains");
    }

    #[test]
    fn no_credential_is_ever_printed() {
        let credentials = Credentials::new("SK1", "hunter2");
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}

//! Accounts and subaccounts over v2010. Their `auth_token` is in every answer, and is never read.

use serde::Deserialize;

use super::wire::{self, LenientScalar, Rows};
use crate::model::number::AccountSid;

/// Whether an account is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStatus {
    Active,
    /// Cannot do anything until its parent wakes it.
    Suspended,
    /// Gone for good, and its numbers with it.
    Closed,
}

impl AccountStatus {
    /// The status in the API's words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// What to do where nothing can be done in such an account; `None` where it is in use.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::Suspended => {
                Some("reactivate it in the Twilio Console, or remove it and its numbers from the file")
            }
            Self::Closed => {
                Some("closing it released its numbers for good: remove it and its numbers from the file")
            }
        }
    }
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub sid: AccountSid,
    /// Its name at Twilio.
    pub friendly_name: Option<Box<str>>,
    /// `None` where the API says something new.
    pub status: Option<AccountStatus>,
    /// Whether it is a trial account, which cannot buy; `None` where the API does not say.
    pub is_trial: Option<bool>,
    /// The account above it; its own SID where there is none.
    pub owner: Option<AccountSid>,
}

#[derive(Deserialize)]
struct AccountRow<'a> {
    #[serde(borrow, default)]
    sid: LenientScalar<'a>,
    #[serde(borrow, default)]
    friendly_name: LenientScalar<'a>,
    #[serde(borrow, default)]
    status: LenientScalar<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: LenientScalar<'a>,
    #[serde(borrow, default)]
    owner_account_sid: LenientScalar<'a>,
}

impl AccountRow<'_> {
    fn facts(self) -> Result<Facts, String> {
        let sid = self.sid.text().and_then(AccountSid::observed).ok_or("its sid is not an account's")?;
        let status = self.status.text().map(str::to_ascii_lowercase);
        Ok(Facts {
            sid,
            friendly_name: self.friendly_name.text().map(Box::from),
            status: match status.as_deref() {
                Some("active") => Some(AccountStatus::Active),
                Some("suspended") => Some(AccountStatus::Suspended),
                Some("closed") => Some(AccountStatus::Closed),
                Some(_) | None => None,
            },
            is_trial: self.kind.text().map(|kind| kind.eq_ignore_ascii_case("trial")),
            owner: self.owner_account_sid.text().and_then(AccountSid::observed),
        })
    }
}

/// Reads one account.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_account(body: &[u8]) -> Result<Facts, String> {
    wire::read(body, serde_json::from_str::<AccountRow<'_>>)?.facts()
}

/// Reads one page of accounts, and where the next one is.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_accounts(body: &[u8]) -> Result<(Vec<Facts>, Option<String>), String> {
    #[derive(Deserialize)]
    struct AccountsPage<'a> {
        #[serde(borrow)]
        accounts: Rows<AccountRow<'a>>,
        #[serde(borrow, default)]
        next_page_uri: LenientScalar<'a>,
    }
    let page = wire::read(body, serde_json::from_str::<AccountsPage<'_>>)?;
    let accounts = page.accounts.0.into_iter().map(AccountRow::facts).collect::<Result<_, _>>()?;
    Ok((accounts, page.next_page_uri.text().map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_kept() {
        let sid = format!("AC{}", "a".repeat(32));
        let body = format!(
            r#"{{"accounts":[{{"sid":"{sid}","auth_token":"hunter2","status":"Suspended","type":"Trial","friendly_name":{{"odd":1}},"owner_account_sid":"{sid}"}}],"next_page_uri":null}}"#
        );
        let (accounts, next) = read_accounts(body.as_bytes()).expect("a page");
        assert_eq!(
            (accounts[0].status, accounts[0].is_trial, next),
            (Some(AccountStatus::Suspended), Some(true), None)
        );
        assert!(!format!("{accounts:?}").contains("hunter2"));
        assert!(read_account(br#"{"sid":"PN1"}"#).is_err());
    }
}

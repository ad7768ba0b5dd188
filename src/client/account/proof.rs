//! That the credentials are the account's, known before the first write: an API key of another account
//! lists and buys there, and rows of ActiveNumbers need not name theirs.

use super::Client;
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::{account, filter, wire};
use crate::client::listing::Listing;
use crate::client::transport::Transport;
use crate::model::credentials::Credentials;
use crate::model::number::AccountSid;

/// Whether the credentials are known to be the account's own, or its parent's.
#[derive(Debug, Clone)]
pub(super) enum Proof {
    /// They are: an answer named the account, or its SID is the user name that the API checks.
    Given,
    /// Nothing has shown it yet.
    Open,
    /// It was looked for, and not found. Asked again after the next listing.
    Missing(ApiError),
}

impl Proof {
    /// What is known without asking.
    pub(super) fn by_name(account: AccountSid, credentials: &Credentials) -> Self {
        if account.to_string() == *credentials.user { Self::Given } else { Self::Open }
    }

    /// Takes what a listing of the account shows: it has no row that names another one.
    pub(super) fn learn(&mut self, listing: &Listing) {
        if listing.rows().iter().any(|row| row.account_sid.is_some()) {
            *self = Self::Given;
        } else if let Self::Missing(_) = self {
            *self = Self::Open;
        }
    }
}

impl<T: Transport> Client<T> {
    /// Makes sure, before the first write, that the credentials are the account's: an API key of
    /// another account lists and buys there, and rows of ActiveNumbers need not name theirs. Once the
    /// account is known, no request is made.
    ///
    /// # Errors
    /// When no answer names the account: unknown is not yes.
    pub async fn prove(&self) -> Result<(), ApiError> {
        // Held over the request: many writes wait for the one answer.
        let mut proof = self.proof.lock().await;
        match &*proof {
            Proof::Given => return Ok(()),
            Proof::Missing(error) => return Err(error.clone()),
            Proof::Open => {}
        }
        let found = self.owner().await;
        *proof = match found {
            Ok(owner) if owner == self.account => Proof::Given,
            Ok(owner) => {
                Proof::Missing(ApiError::unproven(self.account, &format!("they belong to account {owner}")))
            }
            Err(why) => Proof::Missing(ApiError::unproven(self.account, &why)),
        };
        match &*proof {
            Proof::Missing(error) => Err(error.clone()),
            Proof::Given | Proof::Open => Ok(()),
        }
    }

    /// The account that answers to these credentials under the account's address, by the answer's own
    /// word; else why there is none.
    async fn owner(&self) -> Result<AccountSid, String> {
        let address = self.routes.account(self.account);
        let refusal = match self.look(Operation::Account, address, account::read_account).await {
            Ok(facts) => return Ok(facts.sid),
            Err(error) => error,
        };
        // A Standard API key may not read accounts; their numbers, it may.
        let may_be_standard =
            matches!(refusal.kind, ErrorKind::Unauthorized | ErrorKind::Forbidden | ErrorKind::NotFound);
        if !may_be_standard {
            return Err(format!("the account could not be read: {refusal}"));
        }
        let numbers = filter::first_page(self.routes.numbers_in(self.account), &[], 1);
        match self.look(Operation::List, numbers, wire::read_owner).await {
            Ok(Some(owner)) => Ok(owner),
            Ok(None) => Err("neither the account nor its numbers could be read".to_owned()),
            Err(error) => Err(format!("neither the account nor its numbers could be read: {error}")),
        }
    }
}

//! Lists every account, side by side.

use futures_util::future::join_all;

use crate::client::api::account::{self, AccountStatus};
use crate::client::api::error::{ErrorKind, Operation};
use crate::client::listing::Listing;
use crate::client::transport::Transport;
use crate::client::{Client, ListError};
use crate::desired::AccountIndex;
use crate::desired::AccountRef;
use crate::observed::{Observed, Sight, Survey, Trouble};

/// Lists every account completely. `on_page` hears how many numbers of an account were read.
///
/// An account that could not be listed is in trouble, and does not stop the others: what may be in
/// it is known to be unknown (law 3).
///
/// # Errors
/// Every account's, where none could be listed.
pub async fn observe<T: Transport>(
    clients: &[Client<T>],
    accounts: &[AccountRef],
    on_page: impl Fn(AccountIndex, usize),
) -> Result<Observed, Vec<(AccountIndex, ListError)>> {
    let listings = clients.iter().enumerate().map(|(at, client)| {
        let account = AccountIndex(at as u16);
        let on_page = &on_page;
        async move { (account, client.list(|count| on_page(account, count)).await) }
    });
    let listings = join_all(listings).await;
    if listings.iter().all(|(_, listing)| listing.is_err()) {
        return Err(listings.into_iter().filter_map(|(at, listing)| Some((at, listing.err()?))).collect());
    }
    let sights = listings.into_iter().map(async |(at, listing)| match listing {
        Ok(listing) => Sight::Complete(listing),
        Err(error) => explain(clients, accounts, at, &error).await,
    });
    Ok(Observed::from_accounts(join_all(sights).await, Survey::default()))
}

/// Why an account could not be listed. Where it is refused, its parent may know more.
async fn explain<T: Transport>(
    clients: &[Client<T>],
    accounts: &[AccountRef],
    at: AccountIndex,
    error: &ListError,
) -> Sight {
    let (own, account) = (&clients[usize::from(at.0)], &accounts[usize::from(at.0)]);
    let refused = matches!(error, ListError::Api(error)
        if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Unauthorized | ErrorKind::NotFound));
    if let Some(parent) = account.parent.filter(|_| refused) {
        let parent = &clients[usize::from(parent.0)];
        let address = parent.routes.account(own.account);
        let facts = parent.look(Operation::Account, address, account::read_account).await;
        let facts = facts.ok().filter(|facts| facts.sid == own.account);
        if let Some(trouble) = facts.and_then(|facts| shut(facts.status?)) {
            return match trouble {
                (AccountStatus::Closed, trouble) => Sight::Shut(Listing::empty(), trouble),
                (_, trouble) => Sight::Dark(trouble),
            };
        }
    }
    let (help, request_id) = match error {
        ListError::Api(error) => (error.advice().map(str::to_owned), error.request_id.clone()),
        ListError::Listing(_) => (None, None),
    };
    Sight::Dark(Trouble { why: format!("it could not be listed: {error}"), help, request_id })
}

/// Why nothing can be done in an account of this status.
pub(crate) fn shut(status: AccountStatus) -> Option<(AccountStatus, Trouble)> {
    let help = status.advice()?;
    let why = format!("it is {}: nothing can be changed in it", status.as_str());
    Some((status, Trouble { why, help: Some(help.to_owned()), request_id: None }))
}

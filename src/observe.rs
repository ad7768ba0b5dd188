//! Lists every account, side by side.

use futures_util::future::join_all;

use crate::api::filter::Filters;
use crate::client::{Client, ListError};
use crate::desired::AccountIndex;
use crate::observed::Observed;
use crate::transport::Transport;

/// Lists every account completely. `on_page` hears how many numbers of an account were read.
///
/// # Errors
/// Every account that could not be listed. Nothing is planned then: a number that is missing here
/// may be in one of them (law 3).
pub async fn observe<T: Transport>(
    clients: &[Client<T>],
    on_page: impl Fn(AccountIndex, usize),
) -> Result<Observed, Vec<(AccountIndex, ListError)>> {
    let filters = Filters::default();
    let listings = clients.iter().enumerate().map(|(at, client)| {
        let account = AccountIndex(at as u16);
        let (filters, on_page) = (&filters, &on_page);
        async move { (account, client.list(filters, |count| on_page(account, count)).await) }
    });
    let mut complete = Vec::with_capacity(clients.len());
    let mut failed = Vec::new();
    for (account, listing) in join_all(listings).await {
        match listing {
            Ok(listing) => complete.push(listing),
            Err(error) => failed.push((account, error)),
        }
    }
    if failed.is_empty() { Ok(Observed::new(complete)) } else { Err(failed) }
}

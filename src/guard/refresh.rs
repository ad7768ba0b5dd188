//! Reads a few numbers again, where that is enough: a file was edited, or a number that failed is due.

use std::time::Duration;

use futures_util::future::join_all;

use crate::client::Client;
use crate::client::api::subject::Owner;
use crate::client::pace::Lane;
use crate::client::transport::Transport;
use crate::desired::AccountRef;
use crate::desired::Desired;
use crate::guard::memory::Memory;
use crate::model::number::NumberRef;
use crate::model::traffic::day_at;
use crate::observed::Observed;

/// The last full look with the numbers that matter as they are now, and when that look was. `None`
/// where every account has to be listed.
pub async fn refresh<T: Transport>(
    clients: &[Client<T>],
    accounts: &[AccountRef],
    desired: &Desired,
    memory: &mut Memory,
    now: Duration,
) -> Option<(Observed, Duration)> {
    let page_sizes: Vec<u16> = clients.iter().map(Client::page_size).collect();
    let suspects = memory.suspects(desired, accounts, &page_sizes, now)?;
    let fresh = suspects.into_iter().map(async |suspect| {
        let client = &clients[usize::from(suspect.account.0)];
        let number = NumberRef { sid: suspect.sid, number: suspect.number };
        let owner = Owner::Only(client.account);
        let (live, _) = client.fetch(Lane::New, number, owner).await.ok()?;
        Some((suspect, live?))
    });
    let fresh: Option<Vec<_>> = join_all(fresh).await.into_iter().collect();
    let (mut observed, at) = memory.refreshed(desired, accounts, fresh?)?;
    observed.survey_mut().today = Some(day_at(now));
    Some((observed, at))
}

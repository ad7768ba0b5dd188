//! Polls the audit logs between two cycles, and turns what they tell into numbers to read.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use crate::client::Client;
use crate::client::event_feed::{EventFeed, Hints};
use crate::client::transport::Transport;
use crate::guard::memory::Memory;
use crate::model::inert::spelt_out;
use crate::model::number::AccountSid;

/// What a round of polls calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    Nothing,
    /// Some numbers are to be read.
    Numbers,
    /// Everything is to be listed.
    Everything,
}

/// The feeds of all accounts.
#[derive(Debug)]
pub(super) struct EventWatch {
    every: Duration,
    feeds: Vec<(AccountSid, EventFeed)>,
}

impl EventWatch {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, feeds: Vec::new() }
    }

    /// When the next account is to be asked. The accounts may be others by now.
    fn due<T>(&mut self, clients: &[Client<T>]) -> Instant {
        let is_same = self.feeds.len() == clients.len()
            && self.feeds.iter().zip(clients).all(|((account, _), client)| *account == client.account);
        if !is_same {
            self.feeds = clients.iter().map(|client| (client.account, EventFeed::new())).collect();
        }
        let now = Instant::now();
        let due = self.feeds.iter().map(|(_, feed)| feed.due().unwrap_or(now));
        due.min().unwrap_or(now + self.every)
    }

    /// Asks every account that is due, once, and hands what it tells to the memory.
    async fn poll<T: Transport>(
        &mut self,
        clients: &[Client<T>],
        memory: &mut Memory,
        clock: Duration,
    ) -> Called {
        let (every, now) = (self.every, Instant::now());
        let due = self
            .feeds
            .iter_mut()
            .zip(clients)
            .filter(|((_, feed), _)| feed.due().is_none_or(|due| due <= now));
        let polls = due.map(async |((_, feed), client)| (client, feed.poll(client, every, clock).await));
        let mut called = Called::Nothing;
        for (client, told) in join_all(polls).await {
            match told {
                Ok(Hints::Numbers(sids)) => {
                    let known = memory.hint(&sids);
                    debug!(account = %client.name(), events = sids.len(), known, "hints");
                    if known > 0 && called == Called::Nothing {
                        called = Called::Numbers;
                    }
                }
                Ok(Hints::Any) => called = Called::Everything,
                Err(Some(why)) => warn!(
                    account = %spelt_out(client.name()),
                    error = %why,
                    "events cannot be read: what others change is found by the full listing"
                ),
                Err(None) => {}
            }
        }
        called
    }
}

/// Waits until an account's audit log is due, and asks it; for ever, where none is watched.
pub(super) async fn next<T: Transport>(
    events: &mut Option<EventWatch>,
    clients: &[Client<T>],
    memory: &mut Memory,
    clock: &dyn Fn() -> Duration,
) -> Called {
    let Some(events) = events else { return std::future::pending().await };
    sleep_until(events.due(clients)).await;
    events.poll(clients, memory, clock()).await
}

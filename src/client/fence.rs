//! Puts the fence round the writes of every account: the locks of this host, the lease among hosts.

use crate::client::leadership::{Leadership, NotLeading};
use crate::client::lock::{LockError, Locks};
use crate::client::transport::Transport;
use crate::client::{Client, Writer};

/// Why writing is another's.
#[derive(Debug, thiserror::Error)]
pub enum NotOurs {
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Lease(#[from] NotLeading),
}

/// From now on the clients write only while what is given here is held; nothing given, nothing asked.
pub fn fence<T: Transport>(
    clients: &mut [Client<T>],
    locks: Option<&Locks>,
    lease: Option<(&Leadership, u64)>,
) {
    for client in clients {
        let writer = locks.map_or_else(Writer::default, |locks| locks.writer(client.account));
        client.fence(match lease {
            Some((lease, term)) => writer.and_leading(lease.clone(), term),
            None => writer,
        });
    }
}

//! The one writer's things: the locks of this host, the lease among hosts, and what was read under
//! them.

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::client::fence::{NotOurs, fence};
use crate::client::leadership::{Leadership, NotLeading};
use crate::client::lease::LeaseTroubleKind;
use crate::client::lock::{LockError, Locks};
use crate::client::transport::Transport;
use crate::execute::ledger::Kept;

use super::handover::Handover;
use super::{Daemon, InForce};

/// There for as long as the lock and the lease are.
#[derive(Default)]
pub(super) struct DaemonWriting {
    locks: Locks,
    /// In which we have the lease.
    term: Option<u64>,
    /// Read once they are held: another daemon may have spent meanwhile.
    pub(super) kept: Option<Kept>,
    /// What this process knew when it lost them: the disk may have been too full to keep it.
    pub(super) earlier: Option<Kept>,
    /// Of the contents that were in force.
    pub(super) handover: Handover,
    /// The reason for standing by that the log gave last.
    said: Option<Obstacle>,
}

/// What keeps the loop from writing, as far as the log tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// Another one has the lock or the lease.
    Another,
    /// The lock's file cannot be used.
    Files,
    /// The lease cannot be had.
    Lease(LeaseTroubleKind),
}

impl Obstacle {
    /// `None` for a lease that no one has: it is ours in a moment.
    fn from_error(error: &NotOurs) -> Option<Self> {
        match error {
            NotOurs::Lock(LockError::Busy { .. }) | NotOurs::Lease(NotLeading::Held { .. }) => {
                Some(Self::Another)
            }
            NotOurs::Lock(LockError::Io(..)) => Some(Self::Files),
            NotOurs::Lease(NotLeading::Trouble { trouble, .. }) => Some(Self::Lease(trouble.kind)),
            NotOurs::Lease(NotLeading::NotYet { .. } | NotLeading::Over { .. }) => None,
        }
    }
}

impl DaemonWriting {
    /// What another may have changed by the time that writing is ours again.
    fn forget(&mut self) {
        self.earlier = self.kept.take().or_else(|| self.earlier.take());
    }

    /// Says why it does not write, when that has changed.
    pub(super) fn says_it_stands_by(&mut self, error: &NotOurs) {
        let Some(obstacle) = Obstacle::from_error(error) else { return };
        if self.said.replace(obstacle) == Some(obstacle) {
            return;
        }
        match obstacle {
            Obstacle::Another => info!(%error, "standing by: numctl starts to write when the lock is free"),
            Obstacle::Files | Obstacle::Lease(_) => {
                warn!(%error, "standing by: nothing can be written until this is fixed");
            }
        }
    }
}

impl<T: Transport> Daemon<'_, T> {
    /// Holds the lock of every account and the lease, and fences every client with them.
    pub(super) async fn hold(
        &self,
        force: &mut InForce<T>,
        writing: &mut DaemonWriting,
    ) -> Result<(), NotOurs> {
        // A dry run writes nothing, so that no one has to wait for it.
        if self.options.dry_run {
            return Ok(());
        }
        if !self.write_access.lock_places.is_empty() {
            if !writing.locks.are_held() {
                error!("a lock file was removed or replaced: locking again");
                writing.locks = Locks::default();
                writing.forget();
            }
            let clients = force.reached.clients.iter();
            let accounts: Vec<_> = clients.map(|client| (client.account, client.routes.world())).collect();
            if let Err(error) = writing.locks.hold_in(&self.write_access.lock_places, &accounts) {
                // Locks before the lease, for everybody: whoever has this host's lock must be able to
                // get the lease. Between two cycles no write is in flight.
                if let Some(lease) = &self.write_access.lease {
                    lease.stand_down();
                }
                return Err(error.into());
            }
        }
        let term = match &self.write_access.lease {
            None => None,
            // As long as it takes to see that its holder is gone.
            Some(lease) if self.options.once => {
                let timing = lease.timing();
                Some(lease.acquire(timing.lease() + timing.retry()).await?)
            }
            Some(lease) => {
                lease.campaign();
                Some(lease.term()?)
            }
        };
        if writing.term != term {
            writing.term = term;
            writing.forget();
        }
        let locks = (!self.write_access.lock_places.is_empty()).then_some(&writing.locks);
        fence(&mut force.reached.clients, locks, self.write_access.lease.as_ref().zip(term));
        writing.said = None;
        Ok(())
    }

    /// Hears of what happens to the lease from now on.
    pub(super) fn news(&self) -> Option<watch::Receiver<u64>> {
        self.write_access.lease.as_ref().map(Leadership::news)
    }
}

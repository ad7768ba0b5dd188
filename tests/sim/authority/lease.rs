//! One Lease at an API server in memory, which compares resourceVersions as a real one does. Questions and
//! answers take their time, some are lost, and a replica may be cut off for a while.

use std::time::Duration;

use numctl::client::leadership::Leadership;
use numctl::client::lease::{
    Ask, Elector, LeaseAnswer, LeaseRecord, LeaseServer, LeaseTrouble, LeaseTroubleKind, SeenLease, Timing,
};
use tokio::time::sleep;

use super::Shared;

/// client-go's duration.
const LEASE: Duration = Duration::from_secs(15);

/// The Lease, as the server has it.
#[derive(Default)]
pub(super) struct KeptLease {
    there: Option<(LeaseRecord, serde_json::Value)>,
    version: u64,
    /// When its holder wrote last.
    renewed: Duration,
}

impl KeptLease {
    /// Whether its holder has to have stopped.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        Timing::from_duration(LEASE)
            .is_some_and(|timing| now.saturating_sub(self.renewed) > timing.renew_deadline())
    }

    /// Who has it.
    pub(super) fn holder(&self) -> Option<&str> {
        self.there.as_ref()?.0.holder.as_deref()
    }

    fn seen(&self) -> Option<SeenLease> {
        let (record, object) = self.there.clone()?;
        Some(SeenLease { record, version: self.version.to_string(), object })
    }

    fn handle(&mut self, ask: &Ask, now: Duration) -> LeaseAnswer {
        let (record, object) = match (ask, self.seen()) {
            (Ask::Read, Some(seen)) => return LeaseAnswer::Found(seen),
            (Ask::Read, None) => return LeaseAnswer::Missing,
            (Ask::Create(record), None) => (record.clone(), serde_json::Value::Null),
            (Ask::Update(before, record), Some(seen)) if before.version == seen.version => {
                (record.clone(), before.object.clone())
            }
            (Ask::Create(_) | Ask::Update(..), _) => return LeaseAnswer::Conflict,
        };
        (self.version, self.renewed) = (self.version + 1, now);
        let seen = SeenLease { record, version: self.version.to_string(), object };
        self.there = Some((seen.record.clone(), seen.object.clone()));
        LeaseAnswer::Written(seen)
    }
}

/// What a life of a replica calls itself.
pub(super) fn identity(replica: usize, life: usize) -> String {
    format!("replica {replica}, life {life}")
}

/// The candidate of one life of a replica.
pub(super) fn candidate(host: &Shared, replica: usize, life: usize) -> Leadership {
    let timing = Timing::from_duration(LEASE).expect("a good duration");
    let way = WayToServer { host: host.clone(), replica, life, timeout: timing.request_timeout() };
    Leadership::start("ns/numctl".to_owned(), way, Elector::new(identity(replica, life), timing))
}

/// How one life of a replica reaches the server.
struct WayToServer {
    host: Shared,
    replica: usize,
    life: usize,
    timeout: Duration,
}

impl WayToServer {
    /// A process that died hears and asks nothing more.
    async fn while_alive(&self) {
        let is_alive = {
            let host = self.host.lock();
            let known = &host.replicas[self.replica];
            known.life == self.life && !*known.dead.borrow()
        };
        if !is_alive {
            std::future::pending::<()>().await;
        }
    }

    fn is_cut_off(&self) -> bool {
        self.host.lock().replicas[self.replica].is_cut_off
    }

    async fn lost(&self, is_of_a_write: bool) -> Result<LeaseAnswer, LeaseTrouble> {
        sleep(self.timeout).await;
        self.while_alive().await;
        Err(LeaseTrouble { kind: LeaseTroubleKind::Unanswered, is_of_a_write, why: "no answer".to_owned() })
    }
}

impl LeaseServer for WayToServer {
    async fn ask(&mut self, ask: &Ask) -> Result<LeaseAnswer, LeaseTrouble> {
        self.while_alive().await;
        let (there, back, fate) = {
            let mut host = self.host.lock();
            let mut draw = || Duration::from_millis(host.tape.between(1, 200) as u64);
            (draw(), draw(), host.tape.below(50))
        };
        let is_write = *ask != Ask::Read;
        sleep(there).await;
        if self.is_cut_off() || fate == 0 {
            return self.lost(is_write).await;
        }
        let answer = {
            let mut host = self.host.lock();
            let now = host.now();
            host.lease.as_mut().expect("a seed with a Lease").handle(ask, now)
        };
        sleep(back).await;
        if self.is_cut_off() || fate == 1 {
            return self.lost(is_write).await;
        }
        self.while_alive().await;
        Ok(answer)
    }
}

//! One writer across hosts: client-go's leader election over a Kubernetes Lease, as a state machine.
//!
//! Values in, values out: what was read, what an update answered, and the time by this process's own
//! clocks; out comes what to ask the server next. Three rules make it safe:
//!
//! - A record is only ever replaced at the resourceVersion that was read: of two who try, the server
//!   takes one.
//! - Whether another holder is gone is judged by how long *this* process has seen the same record.
//!   Times in the record are for people; nothing here reads them.
//! - A holder counts from before it *sent* its last good renewal, and stops a margin before anyone
//!   may take over, even with clocks that run apart by a tenth.
//!
//! As with client-go, nothing is fenced at the far side: the API cannot check who leads. So each
//! write is given up before the lease may be another's (see [`Elector::grant`]).

mod elector;
mod note;
mod trouble;
pub mod wire;

use std::future::Future;
use std::time::Duration;

pub use elector::{Elector, Leader};
pub use trouble::{LeaseTrouble, LeaseTroubleKind};
pub use wire::LeaseNote;

/// The time by a process's own two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The one that never jumps.
    pub steady: Duration,
    /// Since the epoch. Never compared with another process's.
    pub wall: Duration,
}

impl Moment {
    /// The larger by the two clocks: while a machine is suspended its steady clock may stand still.
    fn since(self, earlier: Self) -> Duration {
        self.steady.saturating_sub(earlier.steady).max(self.wall.saturating_sub(earlier.wall))
    }
}

/// How long things take, all in proportion to the lease's duration. client-go's are 15 s, a renew
/// deadline of 10 s, and 2 s between two tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing(Duration);

impl Timing {
    /// A duration in whole seconds, as the record has it, of at least two.
    #[must_use]
    pub fn from_duration(lease: Duration) -> Option<Self> {
        (lease.subsec_nanos() == 0 && (2..=3600).contains(&lease.as_secs())).then_some(Self(lease))
    }

    /// How long the record must stay the same before another may take it.
    #[must_use]
    pub fn lease(self) -> Duration {
        self.0
    }

    /// A holder that has not renewed for this long has lost the lease.
    #[must_use]
    pub fn renew_deadline(self) -> Duration {
        self.0 * 2 / 3
    }

    /// Between two renewals, and between two looks of a candidate. What is irreversible rests on a
    /// renewal no older than this.
    #[must_use]
    pub fn retry(self) -> Duration {
        self.0 * 2 / 15
    }

    /// After which a request to the server is given up.
    #[must_use]
    pub fn request_timeout(self) -> Duration {
        self.renew_deadline() / 2
    }

    /// Every write is over by then, counted from the last good renewal: before the lease is, by a
    /// clock that is a tenth faster, less a fifteenth for what is on its way.
    #[must_use]
    pub fn writes_end(self) -> Duration {
        self.0 * 10 / 11 - self.0 / 15
    }

    /// No write starts that would have less time than this.
    #[must_use]
    pub fn write_margin(self) -> Duration {
        self.0 / 3
    }
}

/// A Lease's name, and its namespace where one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseName {
    /// `None` for the one that the process runs in.
    pub namespace: Option<String>,
    pub name: String,
}

impl LeaseName {
    /// `NAME` or `NAMESPACE/NAME`, in the names that Kubernetes has for objects (DNS-1123).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let is_good = namespace.is_none_or(|label| is_dns_name(label, 63) && !label.contains('.'))
            && is_dns_name(name, 253);
        is_good.then(|| Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// It goes into a URL's path: letters, digits, `-` and `.` only, and no label is empty.
fn is_dns_name(text: &str, length_max: usize) -> bool {
    text.len() <= length_max
        && text.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|byte| byte == b'-' || byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

/// What a Lease says (`spec` of `coordination.k8s.io/v1`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaseRecord {
    /// Who has it; `None` when it is free.
    pub holder: Option<String>,
    /// For how long after each renewal, as its holder wrote.
    pub duration: Option<Duration>,
    /// When the holder got it, for people.
    pub acquired: Option<String>,
    /// When the holder renewed it, for people. Each renewal changes it, so that others see one.
    pub renewed: Option<String>,
    /// How often it has changed hands.
    pub transitions: i32,
}

/// A record as the server has it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenLease {
    pub record: LeaseRecord,
    pub version: String,
    /// The whole object, so that an update keeps what others put there.
    pub object: serde_json::Value,
}

/// A request to the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    Read,
    /// Make it: there is none.
    Create(LeaseRecord),
    /// Replace it, at the version that was read and no other.
    Update(Box<SeenLease>, LeaseRecord),
}

/// What the server said.
#[derive(Debug, Clone, PartialEq)]
pub enum LeaseAnswer {
    /// The Lease, to a read.
    Found(SeenLease),
    /// There is none, to a read.
    Missing,
    /// It is written: the Lease as it is now.
    Written(SeenLease),
    /// It is not written: the version was another's by then, or the Lease came or went.
    Conflict,
    /// No answer, or none that helps. A write may have been carried out all the same.
    Lost,
}

/// The server that has the Lease: Kubernetes' API, or the one of a simulation.
pub trait LeaseServer: Send + 'static {
    /// Asks once.
    ///
    /// # Errors
    /// When there is no answer, or none that helps: with what was said, for people.
    fn ask(&mut self, ask: &Ask) -> impl Future<Output = Result<LeaseAnswer, LeaseTrouble>> + Send;
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum ElectorNext {
    /// Ask this, and give the answer to [`Elector::answered`].
    Ask(Ask),
    /// Nothing until then, by the steady clock.
    Wait(Duration),
    /// Nothing at all: it is not wanted, and not held.
    Rest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_gos_durations_leave_a_margin_before_the_deadline() {
        let timing = Timing::from_duration(Duration::from_secs(15)).expect("good");
        assert_eq!((timing.renew_deadline().as_secs(), timing.retry().as_secs()), (10, 2));
        let last_start = timing.writes_end() - timing.write_margin();
        assert!(last_start > timing.retry() * 3 && last_start < timing.renew_deadline());
        // A candidate whose clock is a tenth faster.
        assert!(timing.writes_end().mul_f64(1.1) < timing.lease());
        assert_eq!(Timing::from_duration(Duration::from_millis(1500)), None);
        assert_eq!(Timing::from_duration(Duration::from_secs(1)), None);
    }

    #[test]
    fn a_name_is_one_that_a_path_may_have() {
        let name = |text| LeaseName::parse(text).map(|name| (name.namespace, name.name));
        assert_eq!(name("numctl"), Some((None, "numctl".into())));
        assert_eq!(name("tele.v1"), Some((None, "tele.v1".into())));
        assert_eq!(name("tele/numctl"), Some((Some("tele".into()), "numctl".into())));
        for bad in ["", "/", "a/", "/a", "a/b/c", "A", "a b", "..", "a/..", "a.b/c", "-a", "a?x", "a%2f", "é"]
        {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}

//! Whether a write may start, and until when: asked right before every write (law 10).

use std::sync::Arc;

use tokio::time::Instant;

use crate::client::leadership::Leadership;

/// Says whether writes are (still) ours: a lock and a lease are held, where they are asked for.
#[derive(Clone, Default)]
pub struct Writer {
    is_held: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// With the term in which the writes are planned.
    lease: Option<(Leadership, u64)>,
}

/// That a write may start now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may take as long as it likes.
    WithoutEnd,
    /// It must be over by then: the lease may be another's after that.
    EndBy(Instant),
}

impl Writer {
    /// A writer for as long as `is_held` says so. The default is one without a lock.
    pub fn new(is_held: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { is_held: Some(Arc::new(is_held)), lease: None }
    }

    /// The same, and only while we lead in this term.
    #[must_use]
    pub fn and_leading(self, leadership: Leadership, term: u64) -> Self {
        Self { lease: Some((leadership, term)), ..self }
    }

    /// Whether the term is over, for good.
    #[must_use]
    pub fn has_lost_the_lease(&self) -> bool {
        self.lease.as_ref().is_some_and(|(leadership, term)| leadership.term() != Ok(*term))
    }

    /// Whether a write may start now. With a lease, waits for a renewal where one is due, and before
    /// anything irreversible for a young one: it shows that no one took over while this process, or
    /// its whole machine, stood still.
    pub async fn admit(&self, is_irreversible: bool) -> Option<Admission> {
        let admission = match &self.lease {
            None => Admission::WithoutEnd,
            Some((leadership, term)) => Admission::EndBy(leadership.admit(*term, is_irreversible).await?),
        };
        self.is_held.as_ref().is_none_or(|is_held| is_held()).then_some(admission)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (&self.is_held, &self.lease) {
            (None, None) => "Writer(free)",
            (_, _) => "Writer(fenced)",
        })
    }
}

//! Writes what happens as Kubernetes Events, beside the loop, which never waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::client::kube::events::EventClient;
use crate::daemon::board::Board;
use crate::daemon::occasions::{Sieve, occasions};

/// What happens within this time is looked at together.
const TOGETHER: Duration = Duration::from_secs(1);

/// What writes; it ends when it is dropped.
#[derive(Debug)]
pub struct Recorder {
    _tasks: JoinSet<()>,
}

impl Recorder {
    /// Starts to watch the board.
    #[must_use]
    pub fn start(client: EventClient, board: Arc<Board>, clock: fn() -> Duration) -> Self {
        let mut tasks = JoinSet::new();
        tasks.spawn(record(client, board, clock));
        Self { _tasks: tasks }
    }
}

async fn record(mut client: EventClient, board: Arc<Board>, clock: fn() -> Duration) {
    let mut versions = board.versions();
    let (mut before, mut sieve, mut has_failed) = (board.status(), Sieve::default(), false);
    while versions.changed().await.is_ok() {
        tokio::time::sleep(TOGETHER).await;
        versions.mark_unchanged();
        let after = board.status();
        for occasion in occasions(&before, &after) {
            let now = clock();
            if !sieve.passes(&occasion, now) {
                debug!(
                    reason = occasion.reason,
                    "a Kubernetes Event was skipped: there were too many, or it was a repeat"
                );
                continue;
            }
            match client.record(occasion.severity.as_str(), occasion.reason, &occasion.message, now).await {
                Ok(()) => {
                    if std::mem::take(&mut has_failed) {
                        info!("Kubernetes accepts Events again");
                    }
                }
                // Said once; an Event is not worth a second try.
                Err(error) => {
                    if !std::mem::replace(&mut has_failed, true) {
                        warn!(error, reason = occasion.reason, "a Kubernetes Event was rejected");
                    }
                }
            }
        }
        before = after;
    }
}

//! Calls the webhooks in force again and again, beside the loop, so that a dead one is known before a
//! caller finds it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use crate::client::Client;
use crate::client::transport::Transport;
use crate::client::webhook::{CalledFor, WebhookCaller};
use crate::daemon::board::Board;
use crate::daemon::status::{FailingWebhook, WebhookHealth};
use crate::desired::{AccountRef, Desired};
use crate::guard::preflight::{DeclaredWebhook, Webhooks};
use crate::model::secret_url::masked;
use crate::reconcile::{call_all, called_for};

/// Between two rounds of calls.
const EVERY: Duration = Duration::from_secs(300);
/// The same while one fails: recovery is news, too.
const WHILE_FAILING: Duration = Duration::from_secs(60);

/// The webhooks of the files in force, each with whom it is called for.
type WatchedWebhooks = Arc<Vec<(DeclaredWebhook, CalledFor)>>;

/// The calls, for as long as this is there.
#[derive(Debug)]
pub struct WebhookWatch {
    wanted: watch::Sender<WatchedWebhooks>,
    task: JoinHandle<()>,
}

impl WebhookWatch {
    /// Begins; nothing is called before there is something to call.
    #[must_use]
    pub fn start(caller: WebhookCaller, board: Arc<Board>, clock: fn() -> Duration) -> Self {
        let (wanted, heard) = watch::channel(WatchedWebhooks::default());
        Self { wanted, task: tokio::spawn(rounds(caller, heard, board, clock)) }
    }

    /// Calls the webhooks of these files from now on.
    pub fn aim<T: Transport>(&self, desired: &Desired, accounts: &[AccountRef], clients: &[Client<T>]) {
        let webhooks = Webhooks::of_files(desired);
        let (called, _) = webhooks.parts();
        let new: Vec<_> =
            called.map(|declared| (declared.clone(), called_for(declared, accounts, clients))).collect();
        self.wanted.send_if_modified(|known| {
            let is_same = known.len() == new.len() && known.iter().zip(&new).all(|(a, b)| a.0 == b.0);
            // Renewed credentials sign from now on; that alone is no reason to call at once.
            *known = Arc::new(new);
            !is_same
        });
    }
}

impl Drop for WebhookWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn rounds(
    caller: WebhookCaller,
    mut wanted: watch::Receiver<WatchedWebhooks>,
    board: Arc<Board>,
    clock: fn() -> Duration,
) {
    let mut failed = 0;
    loop {
        let webhooks = wanted.borrow_and_update().clone();
        let calls = call_all(&caller, webhooks.to_vec()).await;
        let failing: Vec<FailingWebhook> = calls
            .iter()
            .filter_map(|(declared, call)| {
                let fault = call.outcome.err()?;
                Some(FailingWebhook {
                    url: masked(&declared.webhook.url),
                    method: declared.webhook.method,
                    message: fault.to_string(),
                })
            })
            .collect();
        for one in &failing {
            warn!(url = ?one.url, "a declared webhook {}", one.message);
        }
        if failed > 0 && failing.is_empty() {
            info!("all declared webhooks answer again");
        }
        failed = failing.len();
        let wait = if failing.is_empty() { EVERY } else { WHILE_FAILING };
        board.webhooks(WebhookHealth { called: calls.len(), failing }, clock());
        let due = Instant::now() + wait;
        tokio::select! {
            () = sleep_until(due) => {}
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

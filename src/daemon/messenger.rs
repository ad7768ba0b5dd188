//! Tells of the fleet's state by webhook, beside the loop, which never waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::client::http::{self, Proxies};
use crate::daemon::announce::{Announcer, Message, Target};
use crate::daemon::board::Board;

/// After which a delivery is given up, and tried again.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The first wait before another try; each one is twice as long,
const BASE: Duration = Duration::from_secs(1);
/// up to this.
const CAP: Duration = Duration::from_secs(300);

type Latest = watch::Receiver<Option<Arc<Message>>>;

/// What tells; it ends when it is dropped.
#[derive(Debug)]
pub struct Messenger {
    _tasks: JoinSet<()>,
}

impl Messenger {
    /// Starts to tell these targets.
    ///
    /// # Errors
    /// When TLS cannot be set up, or a proxy's variable names no proxy.
    pub fn start(targets: Vec<Target>, board: Arc<Board>, clock: fn() -> Duration) -> Result<Self, String> {
        let proxies = Proxies::of_environment()?;
        let clients: Vec<_> = targets
            .iter()
            .map(|target| http::client(&target.url, &proxies, TIMEOUT))
            .collect::<Result<_, _>>()?;
        let (sender, latest) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(announce(board, clock, sender));
        for (target, client) in targets.into_iter().zip(clients) {
            tasks.spawn(deliver(client, target, latest.clone()));
        }
        Ok(Self { _tasks: tasks })
    }
}

async fn announce(board: Arc<Board>, clock: fn() -> Duration, messages: watch::Sender<Option<Arc<Message>>>) {
    let mut announcer = Announcer::default();
    let mut versions = board.versions();
    loop {
        if let Some(message) = announcer.look(&board.status(), clock()) {
            messages.send_replace(Some(Arc::new(message)));
        }
        let due = announcer.due(clock());
        let pause = async {
            match due {
                Some(due) => tokio::time::sleep(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = versions.changed() => if changed.is_err() { return },
            () = pause => {}
        }
    }
}

/// Sends the latest message, again and again until it has arrived or a later one is there.
async fn deliver(client: reqwest::Client, target: Target, mut latest: Latest) {
    let mut has_failed = false;
    while latest.changed().await.is_ok() {
        let mut wait = BASE;
        loop {
            let Some(message) = latest.borrow_and_update().clone() else { break };
            match send(&client, &target, &message).await {
                Ok(()) => {
                    if std::mem::take(&mut has_failed) {
                        info!(host = target.host(), "notifications arrive again");
                    }
                    break;
                }
                Err(error) => {
                    // Said once; until it works again, the tries are quiet.
                    if !std::mem::replace(&mut has_failed, true) {
                        warn!(
                            host = target.host(),
                            error, "a notification did not arrive: it is tried again"
                        );
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(CAP),
                changed = latest.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    latest.mark_changed();
                    break;
                }
            }
        }
    }
}

async fn send(client: &reqwest::Client, target: &Target, message: &Message) -> Result<(), String> {
    let request = client
        .post(target.url.clone())
        .header(reqwest::header::CONTENT_TYPE, "application/json")
        .body(target.body(message));
    // An error would name the URL, which may be the secret.
    let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(format!("HTTP {}", status.as_u16())) }
}

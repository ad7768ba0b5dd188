//! Tells of the fleet's state by webhook, beside the loop, which never waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::client::http::{self, Proxies};
use crate::daemon::announce::{Announcer, Message, WebhookTarget};
use crate::daemon::board::Board;
use crate::host::bounded_file;

/// After which a delivery is given up, and tried again.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The first wait before another try; each one is twice as long,
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(300);
/// A target that asks for more is asked again after this.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(86_400);
/// A header is a kilobyte or two.
const AUTHORIZATION_BYTES_MAX: usize = 16 << 10;

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
    pub fn start(
        targets: Vec<(WebhookTarget, Option<PathBuf>)>,
        board: Arc<Board>,
        clock: fn() -> Duration,
    ) -> Result<Self, String> {
        let proxies = Proxies::of_environment()?;
        let clients: Vec<_> = targets
            .iter()
            .map(|(target, _)| http::client(&target.url, &proxies, TIMEOUT))
            .collect::<Result<_, _>>()?;
        let (sender, latest) = watch::channel(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(announce(board.clone(), clock, sender));
        for ((target, authorization), client) in targets.into_iter().zip(clients) {
            let post = Post { client, target, authorization };
            tasks.spawn(deliver(post, board.clone(), latest.clone()));
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

/// The text of a file that is sent as `Authorization` header. It is read again for each message, so that a
/// renewed credential needs no restart. A text without a scheme is a bearer token.
///
/// # Errors
/// When the file cannot be read, or has no such text; never shows it.
pub fn authorization(path: &Path) -> Result<HeaderValue, String> {
    let named = |error: String| format!("{}: {error}", path.display());
    let text: SecretString =
        bounded_file::text(path, AUTHORIZATION_BYTES_MAX).map_err(|error| named(error.to_string()))?.into();
    let text = text.expose_secret().trim();
    if text.is_empty() {
        return Err(named("the file is empty".to_owned()));
    }
    let scheme = if text.contains(' ') { "" } else { "Bearer " };
    let mut value = HeaderValue::from_str(&format!("{scheme}{text}"))
        .map_err(|_| named("its text cannot be a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// One target, and how it is reached.
struct Post {
    client: reqwest::Client,
    target: WebhookTarget,
    authorization: Option<PathBuf>,
}

/// Why a message did not arrive.
struct Undelivered {
    why: String,
    /// How long the target asks to be left alone.
    retry_after: Option<Duration>,
}

/// Sends the latest message, again and again until it has arrived or a later one is there. A target that
/// says when to come back is not asked before that, whatever happens meanwhile.
async fn deliver(post: Post, board: Arc<Board>, mut latest: Latest) {
    let host = post.target.host();
    let mut has_failed = false;
    while latest.changed().await.is_ok() {
        let mut wait = BASE;
        loop {
            let Some(message) = latest.borrow_and_update().clone() else { break };
            let asked = match post.send(&message).await {
                Ok(()) => {
                    if std::mem::take(&mut has_failed) {
                        info!(host, "notifications are delivered again");
                    }
                    break;
                }
                Err(Undelivered { why, retry_after }) => {
                    board.tally().notification_failed();
                    // Said once; until it works again, the tries are quiet.
                    if !std::mem::replace(&mut has_failed, true) {
                        warn!(host, error = why, "a notification was not delivered: trying again");
                    }
                    retry_after
                }
            };
            if let Some(asked) = asked {
                tokio::time::sleep(asked.clamp(wait, RETRY_AFTER_MAX)).await;
                wait = (wait * 2).min(CAP);
                continue;
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

impl Post {
    async fn send(&self, message: &Message) -> Result<(), Undelivered> {
        let lost = |why| Undelivered { why, retry_after: None };
        let mut request = self
            .client
            .post(self.target.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(self.target.body(message));
        if let Some(path) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization(path).map_err(lost)?);
        }
        // An error would name the URL, which may be the secret.
        let answer = request.send().await.map_err(|error| lost(error.without_url().to_string()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Err(Undelivered {
            why: format!("HTTP {}", status.as_u16()),
            retry_after: retry_after.and_then(|text| seconds_or_date(text, SystemTime::now())),
        })
    }
}

/// `Retry-After`: seconds, or a date.
fn seconds_or_date(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds.or_else(|| Some(httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_in_seconds_or_by_a_date_when_to_come_back() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |text| seconds_or_date(text, now);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
    }
}

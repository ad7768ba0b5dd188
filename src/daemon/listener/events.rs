//! Server-sent events: one small event for each change of the state, for as long as someone
//! listens.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{Server, plain, typed, until_stopped};

/// Changes that come closer together are one event.
const TOGETHER: Duration = Duration::from_millis(250);
/// So often a sign of life is sent where nothing changes: whatever lies in between keeps the
/// connection.
const ALIVE: Duration = Duration::from_secs(15);

struct Follower {
    server: Server,
    versions: watch::Receiver<u32>,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

/// Follows the state.
pub(super) fn follow(server: &Server) -> Response {
    let Ok(place) = server.followers.clone().try_acquire_owned() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "too many subscribers already\n");
    };
    let versions = server.board.versions();
    let follower = Follower { server: server.clone(), versions, is_first: true, _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let text = follower.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), follower))
    });
    typed("text/event-stream", Body::from_stream(events))
}

impl Follower {
    /// The next event; `None` once the listener ends.
    async fn next(&mut self) -> Option<String> {
        if !std::mem::take(&mut self.is_first) {
            tokio::select! {
                () = until_stopped(self.server.stopped.clone()) => return None,
                () = tokio::time::sleep(ALIVE) => return Some(": alive\n\n".to_owned()),
                changed = self.versions.changed() => changed.ok()?,
            }
            tokio::time::sleep(TOGETHER).await;
        }
        let version = *self.versions.borrow_and_update();
        let status = self.server.board.status();
        let data = serde_json::json!({
            "process": *status.process,
            "version": version,
            "state": status.overall().as_str(),
        });
        Some(format!("retry: 2000\nid: {version}\ndata: {data}\n\n"))
    }
}

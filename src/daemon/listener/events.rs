//! Server-sent events: one small event for each change of the state, for as long as someone
//! listens.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::answers::{Process, other_process};
use super::{Server, until_stopped};

/// Changes that come closer together are one event.
const TOGETHER: Duration = Duration::from_millis(250);
/// A comment is sent this often where nothing changes: proxies keep the connection.
const ALIVE: Duration = Duration::from_secs(15);
/// A reader whose connection broke comes back after this.
const RETRY: Duration = Duration::from_secs(2);

struct Follower {
    server: Server,
    versions: watch::Receiver<u32>,
    is_first: bool,
    _place: OwnedSemaphorePermit,
}

/// The events of `?process=`; of this one, where none is named.
pub(super) async fn follow(State(server): State<Server>, Query(asked): Query<Process>) -> Response {
    if !asked.is(&server.board.status()) {
        return other_process();
    }
    let Ok(place) = server.followers.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many subscribers already\n").into_response();
    };
    let versions = server.board.versions();
    let follower = Follower { server, versions, is_first: true, _place: place };
    let events = stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE).text("alive")).into_response()
}

impl Follower {
    /// The next event; `None` once the listener ends.
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::take(&mut self.is_first) {
            tokio::select! {
                () = until_stopped(self.server.stopped.clone()) => return None,
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
        Some(Event::default().retry(RETRY).id(version.to_string()).data(data.to_string()))
    }
}

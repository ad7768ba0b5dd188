//! The open connections: so few that they never take what the work needs, and none that only sits
//! there. A new one is always let in; where there are too many, it takes the place of the one that
//! was quiet for longest.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::patience::PatientBody;
use super::until_stopped;

/// At most this many connections are open at once, and
const OPEN_MAX: usize = 128;
/// no more than one in this many of the file descriptors that the process may have: the rest is for
/// the work.
const SHARE: usize = 4;
/// What a process may have open where the system does not say.
const DESCRIPTORS: usize = 256;
/// A request's head must be there by then; so long, too, a connection may wait for its next request.
const HEAD: Duration = Duration::from_secs(10);
/// Of a connection's memory for a head, and for what is still to be sent.
const BUFFER_BYTES: usize = 16 << 10;
/// After which it is tried again to accept, where that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections may be open at once.
pub(super) fn limit() -> usize {
    (descriptors().unwrap_or(DESCRIPTORS) / SHARE).clamp(1, OPEN_MAX)
}

/// How many descriptors the process may have, as Linux says.
fn descriptors() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        soft => soft.parse().ok(),
    }
}

/// One connection, among the others.
struct AcceptedConnection {
    id: u64,
    places: Arc<Mutex<Places>>,
}

impl AcceptedConnection {
    /// A whole request has come.
    fn has_asked(&self) {
        if let Some(place) = lock(&self.places).open.get_mut(&self.id) {
            place.asked = Some(Instant::now());
        }
    }
}

#[derive(Default)]
struct Places {
    open: BTreeMap<u64, ConnectionPlace>,
}

struct ConnectionPlace {
    /// When its last request came; `None` while none has.
    asked: Option<Instant>,
    task: AbortHandle,
}

fn lock(places: &Mutex<Places>) -> MutexGuard<'_, Places> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Places {
    /// Closes one: before all others one that has never asked anything, then the one that asked
    /// longest ago.
    fn close_quietest(&mut self) {
        let quietest = self.open.iter().min_by_key(|(id, place)| (place.asked, **id)).map(|(id, _)| *id);
        if let Some(place) = quietest.and_then(|id| self.open.remove(&id)) {
            place.task.abort();
        }
    }
}

/// Serves every connection until it is told to stop; then those that are open get to their end.
pub(super) async fn serve(socket: TcpListener, router: Router, stopped: watch::Receiver<bool>) {
    let free = Arc::new(Semaphore::new(limit()));
    let places = Arc::new(Mutex::new(Places::default()));
    let mut tasks = JoinSet::new();
    let mut is_failing = false;
    for id in 0_u64.. {
        let accepted = tokio::select! {
            biased;
            () = until_stopped(stopped.clone()) => break,
            accepted = socket.accept() => accepted,
        };
        while tasks.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // A caller that is gone already is its own affair.
                if !is_callers(&error) {
                    if !std::mem::replace(&mut is_failing, true) {
                        warn!(%error, "--listen cannot accept a connection; it keeps trying");
                    }
                    sleep(PAUSE).await;
                }
                continue;
            }
        };
        is_failing = false;
        if free.available_permits() == 0 {
            lock(&places).close_quietest();
        }
        // Whoever was closed gives its place back in a moment.
        let place = tokio::select! {
            biased;
            () = until_stopped(stopped.clone()) => break,
            place = free.clone().acquire_owned() => place,
        };
        let caller = AcceptedConnection { id, places: places.clone() };
        let served = connection(stream, router.clone(), caller, stopped.clone());
        // Until its place is written down it cannot have ended.
        let mut open = lock(&places);
        let known = places.clone();
        let task = tasks.spawn(async move {
            served.await;
            lock(&known).open.remove(&id);
            drop(place);
        });
        open.open.insert(id, ConnectionPlace { asked: None, task });
    }
    drop(socket);
    while tasks.join_next().await.is_some() {}
}

fn is_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    stream: TcpStream,
    router: Router,
    caller: AcceptedConnection,
    stopped: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        caller.has_asked();
        router.call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(BUFFER_BYTES);
    let mut served = pin!(builder.serve_connection(TokioIo::new(PatientBody::new(stream)), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = until_stopped(stopped) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection to --listen ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_keeps_most_of_the_descriptors() {
        let limit = limit();
        assert!((1..=OPEN_MAX).contains(&limit), "{limit}");
        if let Some(all) = descriptors() {
            assert!(limit <= (all / SHARE).max(1), "{limit} of {all}");
        }
    }
}

//! What a person or a supervisor says by signal: stop, stop at once, look again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::execute::Stop;

use super::output;

/// Once: finish what is in flight and report. Twice, or after `grace`: stop at once.
pub(super) async fn stop_by_signal(
    mut interrupts: Interrupts,
    stop: watch::Sender<Stop>,
    grace: Option<Duration>,
) {
    interrupts.next().await;
    // The run may be over; then there is nobody to tell.
    let _ = stop.send(Stop::Drain);
    output::note("Stopping: what is in flight is finished, nothing more is started. Once more to drop it.");
    match grace {
        Some(grace) => {
            // Either way it is over.
            let _ = tokio::time::timeout(grace, interrupts.next()).await;
        }
        None => interrupts.next().await,
    }
    let _ = stop.send(Stop::Now);
}

/// Signals that are heard from `listen` on; none is lost between two calls of `next`.
pub(super) struct Interrupts {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Interrupts {
    /// Ctrl-C and SIGTERM.
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::SignalKind;
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate()])
    }

    /// Those, and the terminal that is closed, except under `nohup`, which asks to go on without it.
    pub(super) fn listen_with_hangup() -> Self {
        use tokio::signal::unix::SignalKind;
        // Listening would end the ignoring.
        if hangup_is_ignored() {
            return Self::listen();
        }
        Self::of(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
    }

    fn of(kinds: &[tokio::signal::unix::SignalKind]) -> Self {
        // One that cannot be heard keeps its default: it ends the process.
        Self { signals: kinds.iter().filter_map(|kind| tokio::signal::unix::signal(*kind).ok()).collect() }
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        use std::future::poll_fn;
        use std::task::Poll;
        poll_fn(|context| match self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

/// SIGHUP is signal 1: the lowest bit of Linux's mask. Elsewhere nobody can tell.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Rings the bell at every SIGHUP, as daemons do: it never ends one.
#[cfg(unix)]
pub(super) async fn ring_on_hangup(bell: Arc<Notify>) {
    let mut hangups = Interrupts::of(&[tokio::signal::unix::SignalKind::hangup()]);
    loop {
        hangups.next().await;
        bell.notify_one();
    }
}

/// SIGUSR1 pauses, SIGUSR2 goes on; either way the loop looks at once.
#[cfg(unix)]
pub(super) async fn pause_by_signal(paused: watch::Sender<bool>, bell: Arc<Notify>) {
    use tokio::signal::unix::SignalKind;
    let mut pause = Interrupts::of(&[SignalKind::user_defined1()]);
    let mut resume = Interrupts::of(&[SignalKind::user_defined2()]);
    loop {
        let is_paused = tokio::select! {
            () = pause.next() => true,
            () = resume.next() => false,
        };
        paused.send_replace(is_paused);
        tracing::info!(is_paused, "by signal");
        bell.notify_one();
    }
}

#[cfg(not(unix))]
pub(super) async fn pause_by_signal(_: watch::Sender<bool>, _: Arc<Notify>) {}

#[cfg(not(unix))]
impl Interrupts {
    /// Listens from the first `next` on.
    pub(super) fn listen() -> Self {
        Self {}
    }

    /// The same: there is no hang-up here.
    pub(super) fn listen_with_hangup() -> Self {
        Self {}
    }

    /// The next one.
    pub(super) async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(not(unix))]
pub(super) async fn ring_on_hangup(_: Arc<Notify>) {}

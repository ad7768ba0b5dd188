//! What a person or a supervisor says by signal: stop, stop at once, look again.
//!
//! A thread of its own hears them, with a small runtime of its own: whatever the work is stuck in, two
//! signals to stop, or one and its grace, always end the process.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::sleep;
use tracing::info;

use crate::execute::Stop;
use crate::host::pulse::Pulse;

use super::{Exit, output};

/// How long a process may take to end after it was told to drop everything.
const LAST: Duration = Duration::from_secs(2);

/// The commands, by which the one that is started is told before its arguments are parsed.
const COMMANDS: [&str; 26] = [
    "init",
    "import",
    "fmt",
    "validate",
    "plan",
    "apply",
    "preflight",
    "adopt",
    "resolve",
    "history",
    "undo",
    "run",
    "get",
    "route",
    "idle",
    "export",
    "search",
    "doctor",
    "sandbox",
    "diff",
    "status",
    "explain",
    "schema",
    "completions",
    "man",
    "help",
];

/// That signals are obeyed. Dropped, the work is over: the next signal to stop ends the process, which
/// can only be stuck in telling of it.
#[derive(Debug)]
pub(super) struct Obeying {
    _over: oneshot::Sender<()>,
}

/// Obeys Ctrl-C, SIGTERM and (but under `nohup`, which asks to continue without a terminal) SIGHUP from now
/// on, for a command that writes. Once: finish what is in flight and report. Twice: stop at once.
///
/// # Errors
/// Where the system gives no thread for it.
pub(super) fn stop_by_signal(stop: watch::Sender<Stop>) -> io::Result<Obeying> {
    let runtime = runtime()?;
    let interrupts = within(&runtime, Interrupts::listen_with_hangup);
    on_a_thread(runtime, |over| obey(interrupts, stop, None, over))
}

/// What the daemon does about signals.
pub(super) struct Orders {
    /// How far it is to stop.
    pub(super) stop: watch::Sender<Stop>,
    /// A stop that takes longer drops what is in flight.
    pub(super) grace: Duration,
    /// That of the loop: one that does not move finishes nothing.
    pub(super) pulse: Pulse,
    /// Rung at every SIGHUP, SIGUSR1 and SIGUSR2: look again.
    pub(super) bell: Arc<Notify>,
    /// SIGUSR1 pauses, SIGUSR2 resumes.
    pub(super) paused: watch::Sender<bool>,
}

/// The daemon's signals, heard before it is known what is to be done about them.
#[derive(Debug)]
pub(super) struct Heard {
    runtime: Own,
    interrupts: Interrupts,
    hangups: Interrupts,
    pauses: Interrupts,
    resumes: Interrupts,
}

impl Heard {
    /// Hears them where these arguments start a daemon.
    pub(super) fn early(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        // Where the system gives nothing to hear with, the daemon says so when it starts.
        starts_a_daemon(arguments).then(Self::listen)?.ok()
    }

    /// Hears them from now on.
    ///
    /// # Errors
    /// Where the system gives nothing to hear with.
    pub(super) fn listen() -> io::Result<Self> {
        let runtime = runtime()?;
        let (interrupts, hangups) = within(&runtime, || (Interrupts::listen(), Interrupts::hangups()));
        let (pauses, resumes) = within(&runtime, || (Interrupts::pauses(), Interrupts::resumes()));
        Ok(Self { runtime, interrupts, hangups, pauses, resumes })
    }

    /// Obeys them, those that came before too.
    ///
    /// # Errors
    /// Where the system gives no thread for it.
    pub(super) fn obey(self, orders: Orders) -> io::Result<Obeying> {
        let Self { runtime, interrupts, hangups, pauses, resumes } = self;
        let Orders { stop, grace, pulse, bell, paused } = orders;
        on_a_thread(runtime, move |over| async move {
            tokio::join!(
                obey(interrupts, stop, Some((grace, pulse)), over),
                ring(hangups, bell.clone()),
                pause(pauses, resumes, paused, bell),
            );
        })
    }
}

/// A runtime that may be dropped anywhere, also within another one.
#[derive(Debug)]
struct Own(Option<Runtime>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> io::Result<Own> {
    Ok(Own(Some(tokio::runtime::Builder::new_current_thread().enable_all().build()?)))
}

fn within<V>(runtime: &Own, make: impl FnOnce() -> V) -> V {
    let _within = runtime.0.as_ref().map(Runtime::enter);
    make()
}

fn on_a_thread<F: Future<Output = ()>>(
    mut runtime: Own,
    work: impl FnOnce(oneshot::Receiver<()>) -> F + Send + 'static,
) -> io::Result<Obeying> {
    let (over, is_over) = oneshot::channel();
    let runtime = runtime.0.take();
    let body = move || {
        if let Some(runtime) = runtime {
            runtime.block_on(work(is_over));
        }
    };
    thread::Builder::new().name("numctl-signals".to_owned()).spawn(body)?;
    Ok(Obeying { _over: over })
}

/// Whether the command is `run`: nothing is parsed yet.
fn starts_a_daemon(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut is_value = false;
    for argument in arguments.skip(1) {
        let Some(argument) = argument.to_str() else { continue };
        if !is_value && COMMANDS.contains(&argument) {
            return argument == "run";
        }
        is_value = argument.starts_with("--") && !argument.contains('=') && argument != "--sandbox";
    }
    false
}

/// Once: finish what is in flight and report. Twice, or after `grace`: stop at once. And if that does not
/// happen, the process ends here.
async fn obey(
    mut interrupts: Interrupts,
    stop: watch::Sender<Stop>,
    grace: Option<(Duration, Pulse)>,
    over: oneshot::Receiver<()>,
) {
    tokio::select! {
        () = interrupts.next() => {}
        _ = over => {
            interrupts.next().await;
            end();
        }
    }
    // The run may be over; then there is no one to tell.
    let _ = stop.send(Stop::Drain);
    match grace {
        Some((grace, pulse)) => {
            info!(?grace, "Stopping: numctl finishes requests in flight and starts no new ones");
            tokio::select! {
                () = sleep(grace) => {}
                () = interrupts.next() => {}
                () = pulse.stops() => {}
            }
        }
        None => {
            output::progress(
                "Stopping: numctl finishes requests in flight and starts no new ones. Press Ctrl-C again to abort.",
            );
            interrupts.next().await;
        }
    }
    let _ = stop.send(Stop::Now);
    tokio::select! {
        () = sleep(LAST) => {}
        () = interrupts.next() => {}
    }
    end();
}

/// Ends the process from outside of its work, which does not end by itself.
fn end() {
    output::last_words(
        "numctl did not stop in time and was ended: what was in flight may have been carried out",
    );
    std::process::exit(i32::from(Exit::Incomplete as u8));
}

/// Rings the bell at every SIGHUP, as daemons do: it never ends one.
async fn ring(mut hangups: Interrupts, bell: Arc<Notify>) {
    loop {
        hangups.next().await;
        bell.notify_one();
    }
}

/// SIGUSR1 pauses, SIGUSR2 resumes; either way the loop looks at once.
async fn pause(
    mut pauses: Interrupts,
    mut resumes: Interrupts,
    paused: watch::Sender<bool>,
    bell: Arc<Notify>,
) {
    loop {
        let is_paused = tokio::select! {
            () = pauses.next() => true,
            () = resumes.next() => false,
        };
        paused.send_replace(is_paused);
        info!(is_paused, "by signal");
        bell.notify_one();
    }
}

/// Signals that are heard from `listen` on; none is lost between two calls of `next`.
#[derive(Debug)]
pub(super) struct Interrupts {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
    #[cfg(not(unix))]
    is_heard: bool,
}

#[cfg(unix)]
mod unix {
    use tokio::signal::unix::SignalKind;

    use super::Interrupts;

    impl Interrupts {
        pub(in crate::cli) fn listen() -> Self {
            Self::from_kinds(&[SignalKind::interrupt(), SignalKind::terminate()])
        }

        /// Those, and the terminal that is closed, except under `nohup`, which asks to continue without it.
        pub(super) fn listen_with_hangup() -> Self {
            // Listening would end the ignoring.
            if hangup_is_ignored() {
                return Self::listen();
            }
            Self::from_kinds(&[SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
        }

        pub(super) fn hangups() -> Self {
            Self::from_kinds(&[SignalKind::hangup()])
        }

        pub(super) fn pauses() -> Self {
            Self::from_kinds(&[SignalKind::user_defined1()])
        }

        pub(super) fn resumes() -> Self {
            Self::from_kinds(&[SignalKind::user_defined2()])
        }

        fn from_kinds(kinds: &[SignalKind]) -> Self {
            // One that cannot be heard keeps its default: it ends the process.
            let signals = kinds.iter().filter_map(|kind| tokio::signal::unix::signal(*kind).ok()).collect();
            Self { signals }
        }

        pub(in crate::cli) async fn next(&mut self) {
            use std::future::poll_fn;
            use std::task::Poll;
            poll_fn(|context| {
                match self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready()) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            })
            .await;
        }
    }

    /// SIGHUP is signal 1: the lowest bit of Linux's mask. Elsewhere no one can tell.
    fn hangup_is_ignored() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
    }
}

#[cfg(not(unix))]
impl Interrupts {
    /// Listens from the first `next` on.
    pub(super) fn listen() -> Self {
        Self { is_heard: true }
    }

    fn listen_with_hangup() -> Self {
        Self::listen()
    }

    fn hangups() -> Self {
        Self { is_heard: false }
    }

    fn pauses() -> Self {
        Self::hangups()
    }

    fn resumes() -> Self {
        Self::hangups()
    }

    pub(super) async fn next(&mut self) {
        if !self.is_heard {
            std::future::pending::<()>().await;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Arguments;

    #[test]
    fn a_daemon_is_known_before_its_arguments_are_parsed() {
        let of = |text: &str| starts_a_daemon(text.split(' ').map(OsString::from));
        assert!(of("numctl run -f f.yaml") && of("numctl --sandbox run -f plan") && of("numctl -v run"));
        assert!(of("numctl --log-format json run") && of("numctl --timeout=3s run"));
        assert!(!of("numctl plan -f run") && !of("numctl --ca-file run plan") && !of("run"));
        let names: Vec<_> =
            Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert_eq!(names, COMMANDS);
    }
}

//! Starting and stopping the sandbox's server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::host::atomic_file;
use crate::host::bounded_file::{self, BoundedFileError};

use super::SharedSandbox;
use super::faults::Faults;
use super::serve::{SandboxLimits, serve_with};
use super::service::Sandbox;
use super::state::StateError;
use super::world::{AUTH_TOKEN, MAIN_SID, MOST_NUMBERS, SUBACCOUNT_SID, World};

/// How long changes gather before the state is saved.
const SAVE_AFTER: Duration = Duration::from_millis(300);
/// How long running requests have to end when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// The largest state that is read: two million numbers.
const STATE_BYTES_MAX: usize = 2 << 30;
/// Live numbers of the default world.
const NUMBERS: usize = 4;

/// What to serve, and how.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The file that the state lasts in. If it exists, it says which numbers there are.
    pub state: Option<PathBuf>,
    /// Live numbers of a new world; 4 by default.
    pub numbers: Option<usize>,
    /// How long every answer takes.
    pub latency: Option<Duration>,
    /// Requests per second and account, over which the answer is 429.
    pub rate_limit: Option<f64>,
    /// What goes wrong, and the dialect.
    pub faults: Faults,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: None,
            numbers: None,
            latency: None,
            rate_limit: None,
            faults: Faults::default(),
        }
    }
}

/// Why the sandbox did not start, or did not stop cleanly.
#[derive(Debug, thiserror::Error)]
pub enum SandboxStartError {
    /// More numbers than the world's first range holds.
    #[error("--numbers takes at most {MOST_NUMBERS}, not {0}")]
    TooMany(usize),
    /// A rate that lets nothing through.
    #[error("--rate-limit takes requests per second above 0, not {0}")]
    RateLimit(f64),
    /// The address is not to be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// The state file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// The state file holds something else.
    #[error("{0} is not a state of the sandbox: {1}")]
    State(PathBuf, StateError),
}

/// A server that runs. Dropping it ends it too, without the last save.
#[derive(Debug)]
pub struct Running {
    sandbox: SharedSandbox,
    addr: SocketAddr,
    state: Option<PathBuf>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    saver: Option<JoinHandle<()>>,
}

/// Starts the server.
///
/// # Errors
/// When the address is taken, the state file is not one, or an option makes no sense.
pub async fn start(options: SandboxOptions) -> Result<Running, SandboxStartError> {
    let numbers = options.numbers.unwrap_or(NUMBERS);
    if numbers > MOST_NUMBERS {
        return Err(SandboxStartError::TooMany(numbers));
    }
    if let Some(rate) = options.rate_limit.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
        return Err(SandboxStartError::RateLimit(rate));
    }
    let world = match &options.state {
        Some(path) => load(path)?,
        None => None,
    };
    let mut world = world.unwrap_or_else(|| World::demo(numbers));
    // A state file may be written by hand; the accounts that are announced must be there.
    world.ensure_account(SUBACCOUNT_SID, Some(MAIN_SID));
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|error| SandboxStartError::Listen(options.listen, error))?;
    let addr = listener.local_addr().map_err(|error| SandboxStartError::Listen(options.listen, error))?;
    let sandbox = SharedSandbox::new(Sandbox::new(world, options.faults));
    let (stop, stopped) = watch::channel(false);
    let (dirty, changes) = watch::channel(());
    let limits = SandboxLimits { latency: options.latency.unwrap_or_default(), rate: options.rate_limit };
    let server = tokio::spawn(serve_with(sandbox.clone(), listener, limits, dirty, stopped));
    let saver = options.state.clone().map(|path| tokio::spawn(save_changes(sandbox.clone(), path, changes)));
    Ok(Running { sandbox, addr, state: options.state, stop, server, saver })
}

impl Running {
    /// The address that it listens at.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://127.0.0.1:4010`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The SID of the default world's main account.
    #[must_use]
    pub fn account_sid(&self) -> &'static str {
        MAIN_SID
    }

    /// The token of every account.
    #[must_use]
    pub fn auth_token(&self) -> &'static str {
        AUTH_TOKEN
    }

    /// The sandbox behind the server, for tests that change it.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn sandbox(&self) -> &SharedSandbox {
        &self.sandbox
    }

    /// Makes sure that an account exists, so that any file can be rehearsed.
    pub fn ensure_account(&self, sid: &str, parent: Option<&str>) {
        self.sandbox.lock().world.ensure_account(sid, parent);
    }

    /// The `NAME=value` lines with which a client finds the sandbox.
    #[must_use]
    pub fn env_lines(&self) -> String {
        format!(
            "NUMCTL_BASE_URL={}\nTWILIO_ACCOUNT_SID={MAIN_SID}\nTWILIO_AUTH_TOKEN={AUTH_TOKEN}\n\
             NUMCTL_SANDBOX_SUBACCOUNT_SID={SUBACCOUNT_SID}\n",
            self.base_url()
        )
    }

    /// Stops the server and saves the state.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub async fn stop(mut self) -> Result<(), SandboxStartError> {
        // No receiver left means that the server has ended by itself.
        let _ = self.stop.send(true);
        if tokio::time::timeout(STOP_WITHIN, &mut self.server).await.is_err() {
            self.server.abort();
        }
        // The saver ends with the server, whose side of the channel tells it of changes.
        if let Some(saver) = self.saver.take() {
            let _ = saver.await;
        }
        match &self.state {
            Some(path) => {
                save(&self.sandbox, path).map_err(|error| SandboxStartError::File(path.clone(), error))
            }
            None => Ok(()),
        }
    }
}

fn load(path: &Path) -> Result<Option<World>, SandboxStartError> {
    match bounded_file::bytes(path, STATE_BYTES_MAX) {
        Ok(json) => World::from_json(&json)
            .map(Some)
            .map_err(|error| SandboxStartError::State(path.to_owned(), error)),
        Err(BoundedFileError::Missing) => Ok(None),
        Err(error) => Err(SandboxStartError::File(path.to_owned(), error.into_io())),
    }
}

/// Saves the state shortly after it changes; the longer a save takes, the rarer it is.
async fn save_changes(sandbox: SharedSandbox, path: PathBuf, mut changes: watch::Receiver<()>) {
    let mut pause = SAVE_AFTER;
    while changes.changed().await.is_ok() {
        tokio::time::sleep(pause).await;
        changes.borrow_and_update();
        let (sandbox, path) = (sandbox.clone(), path.clone());
        let began = Instant::now();
        let saving =
            tokio::task::spawn_blocking(move || save(&sandbox, &path).map_err(|error| (path, error)));
        if let Ok(Err((path, error))) = saving.await {
            tracing::warn!(path = %path.display(), %error, "the sandbox's state was not saved");
        }
        pause = SAVE_AFTER.max(began.elapsed() * 10);
    }
}

/// Saves the state as a whole; its folder is made where there is none.
fn save(sandbox: &SharedSandbox, path: &Path) -> std::io::Result<()> {
    let json = serde_json::to_vec(&sandbox.lock().world)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        crate::host::own_file::directory(folder)?;
    }
    atomic_file::replace(path, &json)
}

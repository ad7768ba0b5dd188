//! What shows the daemon's state outside: the status page, notifications, Kubernetes Events.

use std::path::PathBuf;
use std::sync::Arc;

use tracing::info;

use super::super::arguments::RunArgs;
use super::super::{Fatal, lease};
use crate::daemon::announce::WebhookTarget;
use crate::daemon::board::Board;
use crate::daemon::listener::Listener;
use crate::daemon::messenger::{self, Messenger};
use crate::daemon::recorder::Recorder;
use crate::host::clock;

/// Those that the operator asked for; dropping it ends them.
pub(super) struct DaemonView {
    messenger: Option<Messenger>,
    recorder: Option<Recorder>,
    listener: Option<Listener>,
}

impl DaemonView {
    /// Starts them.
    pub(super) async fn start(args: &RunArgs, identity: &str, board: &Arc<Board>) -> Result<Self, Fatal> {
        let messenger = notify(args, board)?;
        let recorder = lease::events(args.kube_events.as_ref(), &args.lock.lease, identity)?
            .map(|client| Recorder::start(client, board.clone(), clock::since_the_epoch));
        let listener = listen(args, board).await?;
        Ok(Self { messenger, recorder, listener })
    }

    /// Whether the board has a reader.
    pub(super) fn is_watched(&self) -> bool {
        self.listener.is_some() || self.messenger.is_some() || self.recorder.is_some()
    }

    /// Ends the status page; the rest ends with the process, once the last news is out.
    pub(super) async fn stop(&mut self) {
        if let Some(listener) = self.listener.take() {
            listener.stop().await;
        }
    }
}

/// Tells of the state from now on, where that is asked for.
fn notify(args: &RunArgs, board: &Arc<Board>) -> Result<Option<Messenger>, Fatal> {
    let targets =
        args.notify.iter().filter(|url| !url.trim().is_empty()).map(|url| WebhookTarget::parse(url));
    let targets: Vec<WebhookTarget> =
        targets.collect::<Result<_, _>>().map_err(|why| Fatal::new(format!("--notify: {why}")))?;
    let targets = with_authorization(targets, &args.notify_auth_file)
        .map_err(|why| Fatal::new(format!("--notify-auth-file: {why}")))?;
    if targets.is_empty() {
        return Ok(None);
    }
    Messenger::start(targets, board.clone(), clock::since_the_epoch).map(Some).map_err(Fatal::new)
}

/// Gives each target the file of its `Authorization` header: `HOST=FILE`, or `FILE` for the only target.
fn with_authorization(
    targets: Vec<WebhookTarget>,
    files: &[String],
) -> Result<Vec<(WebhookTarget, Option<PathBuf>)>, String> {
    let mut targets: Vec<_> = targets.into_iter().map(|target| (target, None)).collect();
    for text in files.iter().filter(|text| !text.is_empty()) {
        let (host, file) = match text.split_once('=') {
            Some((host, file)) => (Some(host), PathBuf::from(file)),
            None => (None, PathBuf::from(text)),
        };
        let is_meant =
            |target: &WebhookTarget| host.is_none_or(|host| target.host().eq_ignore_ascii_case(host));
        if host.is_none() && targets.len() != 1 {
            let count = targets.len();
            return Err(format!(
                "there are {count} --notify targets: write HOST=FILE to say which one the file is for"
            ));
        }
        let mut found = targets.iter_mut().filter(|(target, _)| is_meant(target)).peekable();
        if found.peek().is_none() {
            return Err(format!("no --notify target is at the host {:?}", host.unwrap_or_default()));
        }
        for (target, own) in found {
            if !target.keeps_secrets() {
                let host = target.host();
                return Err(format!("http would send it unencrypted: use https for {host}"));
            }
            messenger::authorization(&file)?;
            *own = Some(file.clone());
        }
    }
    Ok(targets)
}

/// Shows the state from now on, where that is asked for.
async fn listen(args: &RunArgs, board: &Arc<Board>) -> Result<Option<Listener>, Fatal> {
    let Some(address) = args.listen else { return Ok(None) };
    let listener =
        Listener::start(address, &args.listen_host, board.clone(), clock::since_the_epoch)
            .await
            .map_err(|error| Fatal::new(format!("--listen {address}: {error}; nothing was attempted")))?;
    info!(address = %format!("http://{}", listener.address()), "serving the status page");
    Ok(Some(listener))
}

//! `numctl run`: the daemon, from arguments to the loop and back to an exit code.

use super::process;
use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::client::Dice;
use crate::client::tally::Tally;
use crate::daemon::announce::WebhookTarget;
use crate::daemon::board::{Board, LoopStart};
use crate::daemon::file_watch::Watch;
use crate::daemon::listener::Listener;
use crate::daemon::messenger::{self, Messenger};
use crate::daemon::recorder::Recorder;
use crate::daemon::status::FleetFigures as StatusFleet;
use crate::daemon::webhook_watch::WebhookWatch;
use crate::daemon::{
    Daemon, Effects, LoopEnd, News, Options, Signals, StartError, WriteAccess, run as run_daemon,
};
use crate::desired::Desired;
use crate::execute::Stop;
use crate::execute::ledger::Ledger;
use crate::guard::Refusal;
use crate::host::clock;
use crate::host::pulse::Pulse;
use crate::host::systemd::Systemd;
use crate::plan::Plan;
use crate::plan::digest::Digest;
use crate::plan::outcome::OutcomeKind;
use crate::reconcile::Pass;

use super::arguments::{Global, PlanFormat, RunArgs};
use super::author::author;
use super::signals::{Heard, Orders};
use super::{Ended, Exit, Fatal, fleet, journal, lease, locks, output, preflight, secrets, show};

pub(super) async fn run(global: &Global, args: &RunArgs, heard: Option<Heard>) -> Ended {
    if args.files.iter().any(|path| path == Path::new("-")) {
        return Err(Fatal::new(
            "-f -: the daemon reads its files repeatedly, so it cannot use stdin; name a file",
        ));
    }
    let (stop, stopped) = watch::channel(Stop::Run);
    let bell = Arc::new(Notify::new());
    let (pause, paused) = watch::channel(false);
    let pulse = Pulse::default();
    let orders = Orders { stop, grace: args.grace, pulse: pulse.clone(), bell: bell.clone(), paused: pause };
    let _obeying = heard.map_or_else(Heard::listen, Ok)?.obey(orders)?;
    let systemd = RefCell::new(systemd()?);
    let identity = lease::identity();
    let lease = if args.dry_run { None } else { lease::candidate(&args.lock.lease, &identity)? };
    let tally = Arc::new(Tally::beside(output::dropped_lines()));
    if let Some(lease) = &lease {
        lease.only_while(pulse.clone());
        lease.count_in(tally.clone());
    }
    let ledger = match &args.state_dir {
        Some(directory) if !args.dry_run => Ledger::open(directory)?,
        // It writes nothing, and knows what there is to know.
        Some(directory) => Ledger::In(directory.clone()),
        None => Ledger::InMemory,
    };
    let ledger = match &lease {
        Some(lease) => ledger.beside(lease.clone()),
        None => ledger,
    };
    let journal = journal::for_daemon(global, args)?;
    let lock_places = locks::places(global, &args.lock, args.state_dir.as_deref(), false);
    info!(
        interval = ?args.interval(),
        once = args.once,
        dry_run = args.dry_run,
        budget = %match (&args.state_dir, &lease) {
            (Some(directory), _) => format!("kept in {}", directory.display()),
            (None, Some(lease)) => format!("kept in the lease {}", lease.name()),
            (None, None) => "not kept: a restart forgets it (see --state-dir)".to_owned(),
        },
        lease = %args.lock.lease.lease.as_ref().map_or("none", |lease| lease.name.as_str()),
        lock = %match &lock_places[..] {
            [] => "none".to_owned(),
            places => places.iter().map(|place| place.directory().display().to_string()).collect::<Vec<_>>().join(", "),
        },
        "starting"
    );
    let page = args.public_url.clone().map(Arc::new);
    let board = Board::new(LoopStart {
        process: &identity,
        started: clock::since_the_epoch(),
        interval: args.interval(),
        dry_run: args.dry_run,
        tally: tally.clone(),
        paused: paused.clone(),
        pulse: pulse.clone(),
    });
    let board =
        Arc::new(board.of_fleet(StatusFleet { name: args.fleet_name.as_deref().map(Into::into), page }));
    let messenger = notify(args, &board)?;
    let recorder = lease::events(args.kube_events.as_ref(), &args.lock.lease, &identity)?
        .map(|client| Recorder::start(client, board.clone(), clock::since_the_epoch));
    let listener = listen(args, &board).await?;
    let is_watched = listener.is_some() || messenger.is_some() || recorder.is_some();
    let sandbox = fleet::sandbox_of(global).await?;
    let shown = Cell::new(None);
    let ca_file = fleet::CaFile::from_arguments(global);
    let caller = match args.webhooks.preflight && !args.dry_run {
        true => Some(preflight::caller(global, &args.webhooks.preflight_allow)?),
        false => None,
    };
    let webhooks = caller.clone().filter(|_| is_watched);
    let webhooks = webhooks.map(|caller| WebhookWatch::start(caller, board.clone(), clock::since_the_epoch));
    let daemon = Daemon {
        options: Options {
            files: args.files.clone(),
            interval: args.interval(),
            once: args.once,
            dry_run: args.dry_run,
            allow_shrink: args.allow_shrink,
            operator: args.limits.limits(),
            numbers_at_once: usize::from(global.max_concurrency),
            asks_who: true,
            by: author(),
            watch_events: args.watch_events,
            preflight: caller.clone(),
            api: global.api(),
        },
        write_access: WriteAccess { lock_places, lease: lease.clone(), ledger, journal },
        effects: Effects {
            dice: Arc::new(Dice::seeded(process::fresh_seed())),
            clock: &clock::since_the_epoch,
            reach: &|desired: &Desired| {
                let reached = fleet::reach(global, &desired.accounts, sandbox.as_ref());
                let mut reached = reached.map_err(|fatal| fatal.text)?;
                for client in &mut reached.clients {
                    client.count_in(tally.clone());
                }
                Ok(reached)
            },
            renew: &|desired: &Desired, reached| {
                fleet::renew(global, &desired.accounts, reached, sandbox.as_ref())
                    .and_then(|()| ca_file.follow(global, reached, caller.as_ref()))
                    .inspect(|()| {
                        if let Some(webhooks) = &webhooks {
                            webhooks.aim(desired, &reached.accounts, &reached.clients);
                        }
                    })
                    .map_err(|fatal| fatal.text)
            },
            secrets: &|desired| {
                desired.fill_secrets(&secrets::provider(global)).map_err(|findings| findings.render(false))
            },
            tell: &|news| {
                if is_watched {
                    board.hear(news, clock::since_the_epoch());
                }
                match news {
                    News::Ended { pass, .. } => tell(pass, &shown),
                    News::Began(..) | News::StandingBy(_) => {
                        if let Some(systemd) = &mut *systemd.borrow_mut() {
                            systemd.ready();
                        }
                    }
                    News::Step { .. }
                    | News::NotBegun(..)
                    | News::FilesRefused(_)
                    | News::FilesTaken
                    | News::Seen(..)
                    | News::Allows(..) => {}
                }
            },
        },
        signals: Signals { stop: stopped.clone(), paused, bell },
    };
    let on_beat = || {
        if let Some(systemd) = &mut *systemd.borrow_mut() {
            systemd.moves();
        }
    };
    let ended = pulse.during(run_daemon(&daemon, Watch::start(&daemon.options.files)), on_beat).await;
    if let Some(systemd) = &*systemd.borrow() {
        systemd.stopping();
    }
    if let Some(lease) = lease {
        match &ended {
            // What is still on its way may yet be carried out: the lease outlives it.
            Ok(LoopEnd::Stopped(Some(pass)) | LoopEnd::Once(pass)) if leaves_doubt(pass) => {}
            Ok(_) | Err(_) => lease.resign().await,
        }
    }
    if let Some(listener) = listener {
        listener.stop().await;
    }
    if let Some(running) = sandbox {
        running.stop().await?;
    }
    output::finish_plans(args.once);
    match ended {
        Ok(LoopEnd::Once(pass)) => Ok(exit_of_once(&pass)),
        Ok(LoopEnd::Stopped(pass)) => {
            let at_once = *stopped.borrow() == Stop::Now;
            info!("stopped");
            Ok(exit_of_stop(pass.as_deref(), at_once))
        }
        Err(StartError::Files(text)) => Err(Fatal::as_findings(&text)),
        Err(StartError::Reach(text)) => Err(Fatal::new(text)),
        Err(error @ (StartError::Lock(_) | StartError::Lease(_))) => {
            Err(Fatal::new(format!("{error}; nothing was attempted")))
        }
        Err(error @ StartError::Ledger(_)) => Err(error.into()),
    }
}

/// systemd, where it started this.
fn systemd() -> Result<Option<Systemd>, Fatal> {
    let socket = std::env::var_os("NOTIFY_SOCKET");
    let (every, pid) = (process::variable("WATCHDOG_USEC"), process::variable("WATCHDOG_PID"));
    Systemd::named(socket.as_deref(), every.as_deref(), pid.as_deref())
        .map_err(|error| Fatal::new(format!("NOTIFY_SOCKET: {error}; nothing was attempted")))
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

fn exit_of_once(pass: &Pass) -> Exit {
    match pass {
        Pass::Stopped | Pass::NotObserved(_) | Pass::NotRecorded(..) | Pass::Impossible(_) => Exit::Error,
        Pass::Refused(..) | Pass::Stale(..) | Pass::HeldSince(_) | Pass::OtherAccepted(..) => Exit::Refused,
        Pass::Planned(plan) if plan.has_errors() => Exit::Error,
        Pass::Planned(_) => Exit::Done,
        Pass::Executed(report) if report.plan.is_empty() && report.plan.has_errors() => Exit::Error,
        Pass::Executed(report) if report.is_settled() && !report.plan.has_errors() => Exit::Done,
        Pass::Executed(_) => Exit::Incomplete,
    }
}

/// A daemon that has drained is done, whatever is left to do; one that had to drop something whose
/// outcome is open says so.
fn exit_of_stop(pass: Option<&Pass>, at_once: bool) -> Exit {
    match pass {
        Some(pass) if at_once && leaves_doubt(pass) => Exit::Incomplete,
        Some(_) | None => Exit::Done,
    }
}

fn leaves_doubt(pass: &Pass) -> bool {
    matches!(pass, Pass::Executed(report) if report.count(OutcomeKind::Unknown) > 0)
}

/// Shows a plan that is not carried out, once for as long as it stays the same.
fn tell(pass: &Pass, shown: &Cell<Option<Digest>>) {
    let show = |plan: &Plan, refusal: Option<&Refusal>| {
        let digest = Digest::from_plan(plan);
        if shown.replace(Some(digest)) != Some(digest)
            && let Err(Fatal { text: error, .. }) = show::plan(plan, refusal, None, PlanFormat::Text)
        {
            warn!(error, "the plan could not be shown");
        }
    };
    match pass {
        Pass::Refused(plan, refusal) => show(plan, Some(refusal)),
        Pass::Planned(plan) => show(plan, None),
        Pass::Stopped
        | Pass::NotObserved(_)
        | Pass::NotRecorded(..)
        | Pass::Executed(_)
        | Pass::Impossible(_)
        | Pass::Stale(..)
        | Pass::HeldSince(_)
        | Pass::OtherAccepted(..) => shown.set(None),
    }
}

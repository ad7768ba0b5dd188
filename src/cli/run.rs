//! `numctl run`: the daemon, from arguments to the loop and back to an exit code.

mod view;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::client::Dice;
use crate::client::leadership::Leadership;
use crate::client::lock::LockPlace;
use crate::client::tally::Tally;
use crate::client::webhook::WebhookCaller;
use crate::daemon::board::{Board, LoopStart};
use crate::daemon::file_watch::Watch;
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
use super::{Ended, Exit, Fatal, fleet, journal, lease, locks, output, preflight, process, secrets, show};

use view::DaemonView;

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
    let ledger = ledger(args, lease.as_ref())?;
    let journal = journal::for_daemon(global, args)?;
    let lock_places = locks::places(global, &args.lock, args.state_dir.as_deref(), false);
    log_start(args, lease.as_ref(), &lock_places);
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
    let mut view = DaemonView::start(args, &identity, &board).await?;
    let is_watched = view.is_watched();
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
        options: options(global, args, caller.clone()),
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
                        systemd.borrow_mut().iter_mut().for_each(Systemd::ready);
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
    let on_beat = || systemd.borrow_mut().iter_mut().for_each(Systemd::moves);
    let ended = pulse.during(run_daemon(&daemon, Watch::start(&daemon.options.files)), on_beat).await;
    systemd.borrow().iter().for_each(Systemd::stopping);
    if let Some(lease) = lease {
        match &ended {
            // What is still on its way may yet be carried out: the lease outlives it.
            Ok(LoopEnd::Stopped(Some(pass)) | LoopEnd::Once(pass)) if leaves_doubt(pass) => {}
            Ok(_) | Err(_) => lease.resign().await,
        }
    }
    view.stop().await;
    if let Some(running) = sandbox {
        running.stop().await?;
    }
    output::finish_plans(args.once);
    exit_of(ended, *stopped.borrow() == Stop::Now)
}

/// Where the budget and the open purchases outlive the process.
fn ledger(args: &RunArgs, lease: Option<&Leadership>) -> Result<Ledger, Fatal> {
    let ledger = match &args.state_dir {
        Some(directory) if !args.dry_run => Ledger::open(directory)?,
        // It writes nothing, and knows what there is to know.
        Some(directory) => Ledger::In(directory.clone()),
        None => Ledger::InMemory,
    };
    Ok(match lease {
        Some(lease) => ledger.beside(lease.clone()),
        None => ledger,
    })
}

fn log_start(args: &RunArgs, lease: Option<&Leadership>, lock_places: &[LockPlace]) {
    info!(
        interval = ?args.interval(),
        once = args.once,
        dry_run = args.dry_run,
        budget = %match (&args.state_dir, lease) {
            (Some(directory), _) => format!("kept in {}", directory.display()),
            (None, Some(lease)) => format!("kept in the lease {}", lease.name()),
            (None, None) => "not kept: a restart forgets it (see --state-dir)".to_owned(),
        },
        lease = %args.lock.lease.lease.as_ref().map_or("none", |lease| lease.name.as_str()),
        lock = %match lock_places {
            [] => "none".to_owned(),
            places => places.iter().map(|place| place.directory().display().to_string()).collect::<Vec<_>>().join(", "),
        },
        "starting"
    );
}

fn options(global: &Global, args: &RunArgs, preflight: Option<WebhookCaller>) -> Options {
    Options {
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
        preflight,
        api: global.api(),
    }
}

/// How the process ends after the loop; `at_once` after a second signal.
fn exit_of(ended: Result<LoopEnd, StartError>, at_once: bool) -> Ended {
    match ended {
        Ok(LoopEnd::Once(pass)) => Ok(exit_of_once(&pass)),
        Ok(LoopEnd::Stopped(pass)) => {
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

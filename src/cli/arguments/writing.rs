//! The arguments of the commands that write, and of those that show what was written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use url::Url;

use crate::cli::complete;

use super::WebhookArgs;
use super::{AccountArgs, FileArgs, LimitArgs, NarrowArgs, TextOrJson, duration, duration_or_none};
use crate::client::lease::{LeaseName, Timing};
use crate::model::number::PhoneNumber;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  numctl apply -f fleet.yaml\n  numctl apply --only team=support --yes\n  numctl apply plan.json --yes"
)]
pub(in crate::cli) struct ApplyArgs {
    /// Plan saved by `numctl plan --out`
    #[arg(value_name = "PLAN.JSON", conflicts_with = "files")]
    pub(in crate::cli) plan: Option<PathBuf>,
    /// Desired-state file, or a directory of them; may repeat; - is stdin [default: numctl.yaml or numctl/]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) webhooks: WebhookArgs,
    #[command(flatten)]
    pub(in crate::cli) narrow: NarrowArgs,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

/// What a command takes that shows a plan, asks, and carries it out.
#[derive(Debug, Args)]
pub(in crate::cli) struct WriteArgs {
    /// Do not ask (required if stdin is not a terminal)
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Lift the limits for exactly the plan with this digest
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) accept: Option<String>,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
    #[command(flatten)]
    pub(in crate::cli) journal: JournalArgs,
    #[command(flatten)]
    pub(in crate::cli) lock: LockArgs,
    /// Wait this long for the lock [default: do not wait]
    #[arg(long, value_name = "DURATION", default_value = "0s", hide_default_value = true, value_parser = duration_or_none)]
    pub(in crate::cli) lock_timeout: Duration,
    #[command(flatten)]
    pub(in crate::cli) state: StateArgs,
    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,
}

/// Where what was bought for claims is remembered until it is seen.
#[derive(Debug, Args)]
pub(in crate::cli) struct StateArgs {
    /// Directory for the record of purchases for claims, the journal and a lock [default: .numctl]
    #[arg(long, value_name = "DIR", env = "NUMCTL_STATE_DIR", hide_env = true)]
    pub(in crate::cli) state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl adopt -f fleet.yaml nyc-support +12125550100\n\n\
                  The number gets the claim's mark and configuration. You see the plan and confirm it.")]
pub(in crate::cli) struct AdoptArgs {
    /// Name of the claim
    #[arg(add = ArgValueCompleter::new(complete::claims))]
    pub(in crate::cli) claim: String,
    /// Live number to bind
    #[arg(value_name = "E164")]
    pub(in crate::cli) number: String,
    /// Desired-state file, or a directory of them; may repeat; - is stdin [default: numctl.yaml or numctl/]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl resolve\n  numctl resolve nyc-support/2\n\n\
                  Clear a purchase only when the Twilio Console shows that it did not happen. Stop the daemon first: it keeps the list in memory.")]
pub(in crate::cli) struct ResolveArgs {
    /// Clear the purchase for this slot [default: list open purchases]
    #[arg(value_name = "CLAIM/SLOT")]
    pub(in crate::cli) slot: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) state: StateArgs,
    #[command(flatten)]
    pub(in crate::cli) lease: LeaseArgs,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
}

/// Where the journal is.
#[derive(Debug, Args)]
pub(in crate::cli) struct JournalArgs {
    /// Journal file; `none` writes no journal [default: journal.jsonl in --state-dir]
    #[arg(long, value_name = "FILE", env = "NUMCTL_JOURNAL", hide_env = true)]
    pub(in crate::cli) journal: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl history\n  numctl history +15552230000\n\n\
                  With a number, what others did is read from Twilio's audit log (Monitor Events).")]
pub(in crate::cli) struct HistoryArgs {
    #[command(flatten)]
    pub(in crate::cli) accounts: AccountArgs,
    #[command(flatten)]
    pub(in crate::cli) journal: JournalArgs,
    /// Directory of the journal, such as the daemon's --state-dir [default: .numctl]
    #[arg(long, value_name = "DIR", env = "NUMCTL_STATE_DIR", hide_env = true)]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// Show only this number, including changes by others
    #[arg(id = "NUMBER", value_name = "E164", add = ArgValueCompleter::new(complete::numbers))]
    positional: Option<PhoneNumber>,
    /// The same as an option
    #[arg(long, value_name = "E164", conflicts_with = "NUMBER")]
    number: Option<PhoneNumber>,
    /// Maximum number of runs, the newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(in crate::cli) limit: usize,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
}

impl HistoryArgs {
    /// The number that is asked about.
    pub(in crate::cli) fn number(&self) -> Option<PhoneNumber> {
        self.positional.or(self.number)
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl undo -f fleet.yaml\n  numctl undo -f fleet.yaml a5b61771")]
pub(in crate::cli) struct UndoArgs {
    #[command(flatten)]
    pub(in crate::cli) files: FileArgs,
    /// Run to revert, by its name in `numctl history` or the end of it [default: the last run]
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    pub(in crate::cli) run: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) narrow: NarrowArgs,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

/// One writer: per account on one host, and among hosts.
#[derive(Debug, Args)]
pub(in crate::cli) struct LockArgs {
    /// Directory for the account locks; `none` takes no lock [default: your state directory and --state-dir]
    #[arg(long, value_name = "DIR", env = "NUMCTL_LOCK_DIR", hide_env = true)]
    pub(in crate::cli) lock_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) lease: LeaseArgs,
}

/// One writer among hosts.
#[derive(Debug, Args)]
pub(in crate::cli) struct LeaseArgs {
    /// Kubernetes Lease for one writer across hosts
    #[arg(long, value_name = "LEASE", env = "NUMCTL_LEASE", hide_env = true, value_parser = lease_name)]
    pub(in crate::cli) lease: Option<LeaseName>,
    /// Time that a lease outlives its last renewal, the same for all replicas [default: 15s]
    #[arg(long, value_name = "DURATION", env = "NUMCTL_LEASE_DURATION", hide = true, default_value = "15s", hide_default_value = true, value_parser = lease_timing)]
    pub(in crate::cli) lease_duration: Timing,
    /// Kubernetes API server [default: that of the cluster numctl runs in]
    #[arg(long, value_name = "URL", env = "NUMCTL_KUBE_API", hide = true)]
    pub(in crate::cli) kube_api: Option<String>,
    /// File with the token for --kube-api, read for every request
    #[arg(long, value_name = "FILE", env = "NUMCTL_KUBE_TOKEN_FILE", hide = true)]
    pub(in crate::cli) kube_token_file: Option<PathBuf>,
    /// File with the only CA certificates to trust for --kube-api
    #[arg(long, value_name = "FILE", env = "NUMCTL_KUBE_CA_FILE", hide = true)]
    pub(in crate::cli) kube_ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  numctl run -f fleets/ --interval 60s --state-dir /var/lib/numctl --lock-dir /run/numctl\n\n\
                  SIGTERM or Ctrl-C finishes what is in flight and exits with 0; a second one aborts. SIGHUP starts a cycle.\n\
                  SIGUSR1 pauses: drift is shown and not repaired. SIGUSR2 resumes."
)]
pub(in crate::cli) struct RunArgs {
    /// Desired-state file, or a directory of them; may repeat [default: numctl.yaml or numctl/]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Between two listings, from 100ms to 30d [default: 60s, or 10m with --watch-events]
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,
    /// Poll the audit log and read what changed, such as 5s
    #[arg(long, value_name = "DURATION", value_parser = poll)]
    pub(in crate::cli) watch_events: Option<Duration>,
    /// Run one cycle, with the exit codes of apply
    #[arg(long)]
    pub(in crate::cli) once: bool,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Directory for what was spent, the journal and a lock [default: the Lease, or none]
    #[arg(long, value_name = "DIR", env = "NUMCTL_STATE_DIR", hide_env = true)]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// Journal file, or `none` [default: in --state-dir]
    #[arg(long, value_name = "FILE", env = "NUMCTL_JOURNAL", hide_env = true)]
    pub(in crate::cli) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) lock: LockArgs,
    /// Write Kubernetes Events about this Deployment
    #[arg(long, value_name = "DEPLOYMENT", env = "NUMCTL_KUBE_EVENTS", hide_env = true, value_parser = deployment_name)]
    pub(in crate::cli) kube_events: Option<LeaseName>,
    /// Accept at once that many numbers are gone
    #[arg(long)]
    pub(in crate::cli) allow_shrink: bool,
    /// Serve page and metrics here; a bare port is on 127.0.0.1
    #[arg(long, value_name = "ADDR", env = "NUMCTL_LISTEN", hide_env = true, value_parser = crate::daemon::listener::parse_address)]
    pub(in crate::cli) listen: Option<SocketAddr>,
    /// Also answer requests for this host name; may repeat
    #[arg(
        long,
        alias = "allow-host",
        value_name = "NAME",
        env = "NUMCTL_LISTEN_HOST",
        hide_env = true,
        value_delimiter = ',',
        value_parser = crate::daemon::listener::parse_host
    )]
    pub(in crate::cli) listen_host: Vec<String>,
    /// URL to notify of drift, failure and recovery; may repeat
    #[arg(
        long,
        value_name = "URL",
        env = "NUMCTL_NOTIFY",
        hide_env = true,
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(in crate::cli) notify: Vec<String>,
    /// File with the Authorization header of notifications; HOST=FILE if there are several targets
    #[arg(
        long,
        value_name = "[HOST=]FILE",
        env = "NUMCTL_NOTIFY_AUTH_FILE",
        hide_env = true,
        value_delimiter = ','
    )]
    pub(in crate::cli) notify_auth_file: Vec<String>,
    /// Name of this fleet on the page, in notifications and metrics
    #[arg(long, value_name = "NAME", env = "NUMCTL_FLEET_NAME", hide_env = true, value_parser = fleet_name)]
    pub(in crate::cli) fleet_name: Option<String>,
    /// Address of the page, for links in notifications
    #[arg(long, value_name = "URL", env = "NUMCTL_PUBLIC_URL", hide_env = true, value_parser = public_url)]
    pub(in crate::cli) public_url: Option<Url>,
    #[command(flatten)]
    pub(in crate::cli) webhooks: WebhookArgs,
    /// Time to finish what is in flight when stopped
    #[arg(long, value_name = "DURATION", default_value = "25s", value_parser = duration)]
    pub(in crate::cli) grace: Duration,
    #[command(flatten)]
    pub(in crate::cli) limits: LimitArgs,
}

/// Shown everywhere, so one short line.
fn fleet_name(text: &str) -> Result<String, String> {
    const MAX: usize = 80;
    let text = text.trim();
    let is_fit = !text.is_empty()
        && text.chars().count() <= MAX
        && !text.chars().any(crate::model::inert::must_be_spelt_out);
    is_fit
        .then(|| text.to_owned())
        .ok_or_else(|| format!("a fleet name is one line of up to {MAX} characters"))
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| "write https://… or http://…, without a user or a password".to_owned())
}

/// Between two full listings.
const INTERVAL: Duration = Duration::from_secs(60);
/// The same where events report changes in between.
const RESYNC: Duration = Duration::from_secs(600);

impl RunArgs {
    /// Between two full listings.
    pub(in crate::cli) fn interval(&self) -> Duration {
        self.interval.unwrap_or(if self.watch_events.is_some() { RESYNC } else { INTERVAL })
    }
}

/// Each poll is a request for each account.
fn poll(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        every if (Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&every) => Ok(every),
        _ => Err("events are polled every 1s to 1h, such as 5s".to_owned()),
    }
}

/// More often it would only keep asking; longer makes no sense of a daemon.
fn interval(text: &str) -> Result<Duration, String> {
    const INTERVALS: std::ops::RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(30 * 86_400);
    match duration(text)? {
        interval if INTERVALS.contains(&interval) => Ok(interval),
        _ => Err("an interval is from 100ms to 30d, such as 60s".to_owned()),
    }
}

fn lease_name(text: &str) -> Result<LeaseName, String> {
    LeaseName::parse(text)
        .ok_or_else(|| "a lease is NAME or NAMESPACE/NAME, as Kubernetes names objects".to_owned())
}

fn deployment_name(text: &str) -> Result<LeaseName, String> {
    LeaseName::parse(text)
        .ok_or_else(|| "a Deployment is NAME or NAMESPACE/NAME, as Kubernetes names objects".to_owned())
}

fn lease_timing(text: &str) -> Result<Timing, String> {
    Timing::from_duration(duration(text)?).ok_or_else(|| "write whole seconds, from 2s to 1h".to_owned())
}

//! The arguments of the commands that write, and of those that show what was written.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::WebhookArgs;
use super::{AccountArgs, FileArgs, LimitArgs, TextOrJson, duration, duration_or_none};
use crate::client::lease::{LeaseName, Timing};
use crate::model::number::PhoneNumber;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl apply -f fleet.yaml\n  numctl apply plan.json --yes")]
pub(in crate::cli) struct ApplyArgs {
    /// A plan saved by `numctl plan --out`
    #[arg(value_name = "PLAN.JSON", conflicts_with = "files")]
    pub(in crate::cli) plan: Option<PathBuf>,
    /// Desired-state file, or a directory of them; may repeat; - is stdin [default: numctl.yaml or numctl/]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) webhooks: WebhookArgs,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

/// What a command takes that shows a plan, asks, and carries it out.
#[derive(Debug, Args)]
pub(in crate::cli) struct WriteArgs {
    /// Do not ask (required when not at a terminal)
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Lift the limits for exactly the plan with this digest
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) accept: Option<String>,
    /// How the result is written
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
    #[command(flatten)]
    pub(in crate::cli) journal: JournalArgs,
    #[command(flatten)]
    pub(in crate::cli) lock: LockArgs,
    /// Wait so long for the lock [default: not at all]
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
    /// Keep here what was bought for claims, the journal, and a lock [default: .numctl]
    #[arg(long, value_name = "DIR", env = "NUMCTL_STATE_DIR", hide_env = true)]
    pub(in crate::cli) state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl adopt -f fleet.yaml nyc-support +12125550100\n\n\
                  The number gets the claim's mark and configuration, as a plan that is shown and confirmed.")]
pub(in crate::cli) struct AdoptArgs {
    /// The claim
    pub(in crate::cli) claim: String,
    /// The live number
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
                  Give a purchase up only when the vendor's console shows that it did not happen, and \
                  while no daemon runs: it knows by heart what is open.")]
pub(in crate::cli) struct ResolveArgs {
    /// Give up the purchase for this slot; without one, list what is open
    #[arg(value_name = "CLAIM/SLOT")]
    pub(in crate::cli) slot: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) state: StateArgs,
    #[command(flatten)]
    pub(in crate::cli) lease: LeaseArgs,
    /// How the list is written
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
}

/// Where the journal is.
#[derive(Debug, Args)]
pub(in crate::cli) struct JournalArgs {
    /// The journal; none for no journal [default: journal.jsonl in --state-dir]
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
    /// The directory of the journal, such as the daemon's --state-dir [default: .numctl]
    #[arg(long, value_name = "DIR", env = "NUMCTL_STATE_DIR", hide_env = true)]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// Only what was done to this number, by others too
    #[arg(id = "NUMBER", value_name = "E164")]
    positional: Option<PhoneNumber>,
    /// The same as an option
    #[arg(long, value_name = "E164", conflicts_with = "NUMBER")]
    number: Option<PhoneNumber>,
    /// At most so many runs, the newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(in crate::cli) limit: usize,
    /// How the runs are written
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
    /// Which run of `numctl history`: its name, or how that ends [default: the last one]
    #[arg(value_name = "RUN")]
    pub(in crate::cli) run: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) write: WriteArgs,
}

/// One writer: per account on one host, and among hosts.
#[derive(Debug, Args)]
pub(in crate::cli) struct LockArgs {
    /// Hold the account's lock here; none for no lock [default: the user's state directory and --state-dir]
    #[arg(long, value_name = "DIR", env = "NUMCTL_LOCK_DIR", hide_env = true)]
    pub(in crate::cli) lock_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) lease: LeaseArgs,
}

/// One writer among hosts.
#[derive(Debug, Args)]
pub(in crate::cli) struct LeaseArgs {
    /// One writer among hosts: hold this Kubernetes Lease, [NAMESPACE/]NAME (more in the README)
    #[arg(long, value_name = "LEASE", env = "NUMCTL_LEASE", hide_env = true, value_parser = lease_name)]
    pub(in crate::cli) lease: Option<LeaseName>,
    /// How long a lease outlives its holder's last renewal, the same for all [default: 15s]
    #[arg(long, value_name = "DURATION", env = "NUMCTL_LEASE_DURATION", hide = true, default_value = "15s", hide_default_value = true, value_parser = lease_timing)]
    pub(in crate::cli) lease_duration: Timing,
    /// The Kubernetes API server [default: that of the cluster around it]
    #[arg(long, value_name = "URL", env = "NUMCTL_KUBE_API", hide = true)]
    pub(in crate::cli) kube_api: Option<String>,
    /// The token to show to it, read anew for every request
    #[arg(long, value_name = "FILE", env = "NUMCTL_KUBE_TOKEN_FILE", hide = true)]
    pub(in crate::cli) kube_token_file: Option<PathBuf>,
    /// The CA certificates to trust for it, and no others
    #[arg(long, value_name = "FILE", env = "NUMCTL_KUBE_CA_FILE", hide = true)]
    pub(in crate::cli) kube_ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  numctl run -f fleets/ --interval 60s --state-dir /var/lib/numctl --lock-dir /run/numctl\n\n\
                  SIGTERM or ctrl-c finishes what is in flight and exits with 0; again drops it. SIGHUP looks again.\n\
                  SIGUSR1 pauses: drift is shown and not healed. SIGUSR2 goes on."
)]
pub(in crate::cli) struct RunArgs {
    /// Desired-state file, or a directory of them; may repeat [default: numctl.yaml or numctl/]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Between two listings [default: 60s, or 10m with --watch-events]
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    interval: Option<Duration>,
    /// Poll the audit log and read what changed, such as 5s
    #[arg(long, value_name = "DURATION", value_parser = poll)]
    pub(in crate::cli) watch_events: Option<Duration>,
    /// One cycle, with the exit codes of apply
    #[arg(long)]
    pub(in crate::cli) once: bool,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Keep here what was spent [default: in the Lease, else nowhere]
    #[arg(long, value_name = "DIR", env = "NUMCTL_STATE_DIR", hide_env = true)]
    pub(in crate::cli) state_dir: Option<PathBuf>,
    /// The journal; none for no journal [default: in --state-dir]
    #[arg(long, value_name = "FILE", env = "NUMCTL_JOURNAL", hide_env = true)]
    pub(in crate::cli) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) lock: LockArgs,
    /// Write Kubernetes Events about this Deployment, [NAMESPACE/]NAME
    #[arg(long, value_name = "DEPLOYMENT", env = "NUMCTL_KUBE_EVENTS", hide_env = true, value_parser = deployment_name)]
    pub(in crate::cli) kube_events: Option<LeaseName>,
    /// Believe at once that many numbers are gone
    #[arg(long)]
    pub(in crate::cli) allow_shrink: bool,
    /// Show page and metrics here; a bare port is on 127.0.0.1
    #[arg(long, value_name = "ADDR", env = "NUMCTL_LISTEN", hide_env = true, value_parser = crate::daemon::listener::parse_address)]
    pub(in crate::cli) listen: Option<SocketAddr>,
    /// Answer to this host name too; may repeat
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
    /// Tell of drift, failure and recovery; may repeat
    #[arg(
        long,
        value_name = "URL",
        env = "NUMCTL_NOTIFY",
        hide_env = true,
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(in crate::cli) notify: Vec<String>,
    /// Send the text of this file as Authorization header; HOST=FILE where there are several targets
    #[arg(
        long,
        value_name = "[HOST=]FILE",
        env = "NUMCTL_NOTIFY_AUTH_FILE",
        hide_env = true,
        value_delimiter = ','
    )]
    pub(in crate::cli) notify_auth_file: Vec<String>,
    /// Name this fleet on the page, in notifications and as the label `fleet` of every metric
    #[arg(long, value_name = "NAME", env = "NUMCTL_FLEET_NAME", hide_env = true, value_parser = fleet_name)]
    pub(in crate::cli) fleet_name: Option<String>,
    /// Link notifications to the page at this address
    #[arg(long, value_name = "URL", env = "NUMCTL_PUBLIC_URL", hide_env = true, value_parser = public_url)]
    pub(in crate::cli) public_url: Option<Url>,
    #[command(flatten)]
    pub(in crate::cli) webhooks: WebhookArgs,
    /// A stop that takes longer drops what is in flight
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
    is_fit.then(|| text.to_owned()).ok_or_else(|| format!("a name is one line of up to {MAX} characters"))
}

fn public_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.filter(|url| url.username().is_empty() && url.password().is_none())
        .ok_or_else(|| "it is https://… or http://…, without a user or a password".to_owned())
}

/// Between two full listings.
const INTERVAL: Duration = Duration::from_secs(60);
/// The same where events tell of changes in between.
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
    Timing::of(duration(text)?).ok_or_else(|| "it is whole seconds, from 2s to 1h".to_owned())
}

//! The arguments, declared once: parsing, `--help` and the shell completions come from here.

mod looking;
mod narrow;
mod preflight;
mod starting;
mod variables;
mod writing;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::desired::{Limit, MonthlyLimits};
use crate::guard::OperatorLimits;
use crate::model::money::Money;
use crate::model::number::PhoneNumber;
use crate::model::provider::Api;
use crate::model::traffic::Lookback;
use crate::sandbox::Faults;

pub(super) use looking::{
    ColourArg, DiffArgs, ExplainArgs, HelpArgs, RowFormat, SchemaArgs, SchemaOf, StatusArgs, Topic,
};
pub(super) use narrow::NarrowArgs;
pub(super) use preflight::{PreflightArgs, WebhookArgs};
pub(super) use starting::{FmtArgs, ImportArgs, InitArgs};
pub(super) use variables::{naming_its_variable, without_empty_variables};
pub(super) use writing::{
    AdoptArgs, ApplyArgs, HistoryArgs, JournalArgs, LeaseArgs, LockArgs, ResolveArgs, RunArgs, StateArgs,
    UndoArgs, WriteArgs,
};

use super::complete;
use super::filters::{LiveFilterArgs, OfferFilterArgs};

/// Keeps a fleet of Twilio phone numbers in a declared state.
#[derive(Debug, Parser)]
#[command(
    name = "numctl",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Example (needs no account):\n  numctl apply --sandbox --yes -f examples/quickstart.yaml\n\n\
                  Exit codes: 0 done, 1 error, 2 changes pending (plan --detailed-exitcode), 3 incomplete, 4 refused."
)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(super) struct Global {
    /// Run on an embedded sandbox, whose state lasts in .numctl/sandbox.json
    #[arg(long, global = true, help_heading = "Global options")]
    pub(super) sandbox: bool,
    /// API server to use instead of Twilio's; may repeat: PREFIX=URL, file:NAME=URL or AC…=URL for one account
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "NUMCTL_BASE_URL",
        hide_env = true,
        value_delimiter = ',',
        help_heading = "Global options"
    )]
    pub(super) base_url: Vec<String>,
    /// Also trust the CA certificates in this PEM file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "NUMCTL_CA_FILE",
        hide_env = true,
        help_heading = "Global options"
    )]
    pub(super) ca_file: Option<PathBuf>,
    /// Directory of the files that `credentials: { file: … }` names
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "NUMCTL_CREDENTIALS_DIR",
        hide_env = true,
        help_heading = "Global options"
    )]
    pub(super) credentials_dir: Option<PathBuf>,
    /// Directory of the secrets that webhooks name: NAME, and NAME.hosts with the hosts that may receive it
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "NUMCTL_SECRETS_DIR",
        hide_env = true,
        help_heading = "Global options"
    )]
    pub(super) secrets_dir: Option<PathBuf>,
    /// API of accounts without `api:` in the file: active-numbers (default) or incoming-phone-numbers
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "API",
        env = "NUMCTL_API",
        hide_env = true,
        default_value = "active-numbers",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    api: ApiArg,
    /// Numbers per page of a listing [default: 1000, the API's maximum]
    #[arg(long, global = true, value_name = "N", default_value_t = crate::client::PAGE_SIZE_MAX, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Global options")]
    pub(super) page_size: u16,
    /// Maximum number of requests at once, per account [default: 10]
    #[arg(long, global = true, value_name = "N", default_value_t = 10, hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "Global options")]
    pub(super) max_concurrency: u16,
    /// Maximum requests a second, per account [default: adaptive]
    #[arg(long, global = true, value_name = "R", value_parser = rate, help_heading = "Global options")]
    pub(super) rate_limit: Option<f64>,
    /// Give up on a request after this long [default: 30s]
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", hide_default_value = true, value_parser = duration, help_heading = "Global options")]
    pub(super) timeout: Duration,
    /// Write logs on stderr as text or json [default: text]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub(super) log_format: LogFormat,
    /// Colour: auto (default), always or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub(super) color: ColourArg,
    /// Only results and errors: no notes, no progress
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub(super) quiet: bool,
    /// Show more logs: -v actions, -vv requests
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(super) verbose: u8,
}

impl Global {
    /// The API of accounts whose file names none.
    pub(super) fn api(&self) -> Api {
        match self.api {
            ApiArg::ActiveNumbers => Api::ActiveNumbers,
            ApiArg::IncomingPhoneNumbers => Api::IncomingPhoneNumbers,
        }
    }
}

/// The APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ApiArg {
    /// The Active Numbers preview.
    ActiveNumbers,
    /// The generally available v2010 API.
    IncomingPhoneNumbers,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write a first desired-state file
    Init(InitArgs),
    /// Write a desired-state file for the numbers of a Terraform state
    Import(ImportArgs),
    /// Format a file and keep its comments
    Fmt(FmtArgs),
    /// Check a file offline
    Validate(ValidateArgs),
    /// Show what would change
    Plan(PlanArgs),
    /// Show what would change, ask, and apply it
    Apply(ApplyArgs),
    /// Call every declared webhook once, as Twilio would
    Preflight(PreflightArgs),
    /// Bind a live number to a claim
    Adopt(AdoptArgs),
    /// List purchases for claims whose outcome is not known yet, or clear one
    Resolve(ResolveArgs),
    /// Show what past runs did
    History(HistoryArgs),
    /// Show what reverts a past run, ask, and apply it
    Undo(UndoArgs),
    /// Keep numbers as declared: on an interval, and when a file changes
    Run(RunArgs),
    /// Show live numbers
    Get(GetArgs),
    /// Show where the calls and messages of a number end
    Route(RouteArgs),
    /// Show numbers without calls and messages, and what they cost
    Idle(IdleArgs),
    /// Write a desired-state file for the live numbers
    Export(ExportArgs),
    /// Show available numbers
    Search(SearchArgs),
    /// Check what accounts and credentials can do, and how to fix what they cannot
    Doctor(DoctorArgs),
    /// Serve the sandbox, an emulator of the API, over HTTP
    Sandbox(SandboxArgs),
    /// Show what differs between the files and the live numbers
    Diff(DiffArgs),
    /// Show the state of a running daemon
    Status(StatusArgs),
    /// Explain a field of the desired-state file
    Explain(ExplainArgs),
    /// Print the JSON Schema of the desired-state file, or of an output
    Schema(SchemaArgs),
    /// Print shell completions
    #[command(alias = "completion")]
    Completions(CompletionsArgs),
    /// Write man pages
    Man(ManArgs),
    /// Print help on a command or a topic: exit-codes, environment
    Help(HelpArgs),
}

/// `-f`, which may repeat and may name a directory.
#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// Desired-state file, or a directory of them; may repeat; - is stdin [default: numctl.yaml or numctl/]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

/// The operator's limits.
#[derive(Debug, Args)]
pub(super) struct LimitArgs {
    /// Maximum purchases, such as 10 or 5% (the file may be stricter)
    #[arg(long, value_name = "LIMIT", env = "NUMCTL_MAX_PURCHASES", hide_env = true, value_parser = limit)]
    max_purchases: Option<Limit>,
    /// Maximum number of releases
    #[arg(long, value_name = "LIMIT", env = "NUMCTL_MAX_RELEASES", hide_env = true, value_parser = limit)]
    max_releases: Option<Limit>,
    /// Maximum number of numbers to change
    #[arg(long, value_name = "LIMIT", env = "NUMCTL_MAX_CHANGES", hide_env = true, value_parser = limit)]
    max_changes: Option<Limit>,
    /// Hold releases of numbers used within this time, such as 30d
    #[arg(long, value_name = "DURATION", env = "NUMCTL_RELEASE_GUARD", hide_env = true, value_parser = lookback)]
    release_guard: Option<Lookback>,
    /// Maximum that a plan may add to the monthly cost, such as "25 USD"
    #[arg(long, value_name = "MONEY", env = "NUMCTL_MAX_MONTHLY_INCREASE", hide = true, value_parser = money)]
    max_monthly_increase: Option<Money>,
    /// Maximum monthly cost of all numbers
    #[arg(long, value_name = "MONEY", env = "NUMCTL_MAX_MONTHLY_TOTAL", hide = true, value_parser = money)]
    max_monthly_total: Option<Money>,
}

impl LimitArgs {
    pub(super) fn limits(&self) -> OperatorLimits {
        OperatorLimits {
            purchases: self.max_purchases,
            releases: self.max_releases,
            changes: self.max_changes,
            release_guard: self.release_guard,
            monthly: MonthlyLimits { increase: self.max_monthly_increase, total: self.max_monthly_total },
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl validate\n  numctl validate fleet.yaml")]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    pub(super) files: FileArgs,
    /// The same as -f
    #[arg(value_name = "FILE", conflicts_with = "files")]
    pub(super) named: Vec<PathBuf>,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(super) format: TextOrJson,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  numctl plan -f fleet.yaml\n  numctl plan --only +1212*,team=support\n  \
                  numctl plan -f fleets/ --out plan.json --format markdown > comment.md"
)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) files: FileArgs,
    #[command(flatten)]
    pub(super) narrow: NarrowArgs,
    /// Save the plan, for `numctl apply PLAN.JSON`
    #[arg(long, value_name = "PLAN.JSON")]
    pub(super) out: Option<PathBuf>,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(super) format: PlanFormat,
    /// List every number, however many there are
    #[arg(long)]
    pub(super) full: bool,
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Always show what the numbers cost, not only when that changes
    #[arg(long)]
    pub(super) cost: bool,
    #[command(flatten)]
    pub(super) state: StateArgs,
    #[command(flatten)]
    pub(super) journal: JournalArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
}

/// The accounts of commands that need no file.
#[derive(Debug, Args)]
pub(super) struct AccountArgs {
    /// Use the accounts in this file [default: the one in the environment]
    #[arg(short, long = "file", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Use only this account, by name or SID
    #[arg(long, value_name = "NAME", add = ArgValueCompleter::new(complete::accounts))]
    pub(super) account: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  numctl get\n  numctl get +15552230000 -o yaml\n  numctl get --type tollfree --sort-by name -o csv"
)]
pub(super) struct GetArgs {
    /// Show only these numbers
    #[arg(value_name = "E164", conflicts_with = "phone_number", add = ArgValueCompleter::new(complete::numbers))]
    pub(super) numbers: Vec<PhoneNumber>,
    #[command(flatten)]
    pub(super) accounts: AccountArgs,
    /// Only these of the files: a pattern such as +1212*, a profile, or a tag such as team=support
    #[arg(long, value_name = "WHAT", value_delimiter = ',', add = ArgValueCompleter::new(complete::parts))]
    pub(super) only: Vec<String>,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "table", value_name = "FORMAT")]
    pub(super) format: RowFormat,
    /// Sort by a column, such as name
    #[arg(long, value_name = "COLUMN")]
    pub(super) sort_by: Option<String>,
    /// Check again at this interval, and show what changed
    #[arg(short, long, value_name = "INTERVAL", num_args = 0..=1, require_equals = true, default_missing_value = "5s", value_parser = duration)]
    pub(super) watch: Option<Duration>,
    #[command(flatten)]
    pub(super) filters: LiveFilterArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl idle --for 60d -f fleet.yaml --format yaml > idle.yaml\n  \
                        numctl idle --only team=support -o json")]
pub(super) struct IdleArgs {
    #[command(flatten)]
    pub(super) accounts: AccountArgs,
    /// Show numbers without calls and messages for this long
    #[arg(long = "for", value_name = "DURATION", default_value = "60d", value_parser = lookback)]
    pub(super) time: Lookback,
    /// Only these of the files: a pattern such as +1212*, a profile, or a tag such as team=support
    #[arg(long, value_name = "WHAT", value_delimiter = ',', add = ArgValueCompleter::new(complete::parts))]
    pub(super) only: Vec<String>,
    /// Output format; yaml: as tombstones
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "table", value_name = "FORMAT")]
    pub(super) format: ListFormat,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl export > fleet.yaml && numctl plan -f fleet.yaml\n  \
                  numctl export -o fleet.yaml --write-secrets secrets/\n\n\
                  A password in a webhook's URL gets a name, which --secrets-dir or a variable resolves.")]
pub(super) struct ExportArgs {
    #[command(flatten)]
    pub(super) accounts: AccountArgs,
    /// Write to this new file, which only its owner can read; - is stdout
    #[arg(short, long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "out")]
    pub(super) overwrite: bool,
    /// Write the passwords of webhooks to files in this directory, for --secrets-dir
    #[arg(long, value_name = "DIR")]
    pub(super) write_secrets: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl route +15552230000")]
pub(super) struct RouteArgs {
    /// The number
    #[arg(value_name = "NUMBER")]
    pub(super) number: String,
    #[command(flatten)]
    pub(super) accounts: AccountArgs,
    /// How the route is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(super) format: TextOrJson,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl doctor -f fleet.yaml")]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) accounts: AccountArgs,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(super) format: TextOrJson,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl search --country US --type local --region NY")]
pub(super) struct SearchArgs {
    #[command(flatten)]
    pub(super) accounts: AccountArgs,
    /// Maximum number of results
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(super) limit: usize,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "table", value_name = "FORMAT")]
    pub(super) format: RowFormat,
    #[command(flatten)]
    pub(super) filters: OfferFilterArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  numctl sandbox --numbers 100 --latency 50ms --faults 500=0.05,429=0.05\n\n\
                        --rate-limit here is the rate that the sandbox allows each account."
)]
pub(super) struct SandboxArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
    /// Keep the state in this file
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Live numbers to start with [default: 4]
    #[arg(long, value_name = "N")]
    pub(super) numbers: Option<usize>,
    /// Wait this long before each answer
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(super) latency: Option<Duration>,
    /// Faults to inject, such as 429=0.1,500=0.05,drop-after=0.02; an unknown name lists all of them
    #[arg(long, value_name = "SPEC", value_parser = faults, default_value = "", hide_default_value = true)]
    pub(super) faults: Faults,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl completions bash > /etc/bash_completion.d/numctl\n\n\
                        Live values (accounts, profiles, claims, numbers, runs): source <(COMPLETE=bash numctl)")]
pub(super) struct CompletionsArgs {
    /// Shell to complete for
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  numctl man /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Directory for the pages
    #[arg(value_name = "DIR")]
    pub(super) directory: PathBuf,
}

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people.
    Text,
    /// For scripts.
    Json,
    /// For a pull-request comment.
    Markdown,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    /// For people.
    Text,
    /// For scripts.
    Json,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// For people.
    Table,
    /// For scripts.
    Json,
    /// For people and machines.
    Yaml,
}

/// The longest duration: more would meet the end of the clock somewhere.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fn duration(text: &str) -> Result<Duration, String> {
    match duration_or_none(text)? {
        Duration::ZERO => Err("it must be greater than zero".to_owned()),
        duration => Ok(duration),
    }
}

/// The same, which may be `0s`.
fn duration_or_none(text: &str) -> Result<Duration, String> {
    // humantime's `M` is a month of 30.44 days, and people write it for minutes.
    if text.contains('M') {
        return Err(
            "`M` means months: write minutes as `m`, and longer times in days, such as 30d".to_owned()
        );
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        Ok(_) => Err("it is longer than a year".to_owned()),
        Err(error) => Err(format!("{error}; write a duration such as 30s, 500ms or 2m")),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        Ok(_) | Err(_) => {
            Err("a rate is a number of requests a second from 0.001 to 1000000, such as 10".to_owned())
        }
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    Limit::parse(text).ok_or_else(|| "a limit is a count such as 10, or a share such as 5%".to_owned())
}

fn lookback(text: &str) -> Result<Lookback, String> {
    Lookback::parse(text).ok_or_else(|| "a time to look back is from 1h to 400d, such as 30d".to_owned())
}

fn money(text: &str) -> Result<Money, String> {
    Money::parse(text).ok_or_else(|| "money is an amount and its currency, such as \"25 USD\"".to_owned())
}

fn faults(text: &str) -> Result<Faults, String> {
    text.parse().map_err(|error: crate::sandbox::FaultError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_rates_have_bounds() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration_or_none("0s"), Ok(Duration::ZERO));
        for refused in ["0s", "100000000000y", "367d", "5M", "2M 3s", "", "x", "-1s"] {
            assert!(duration(refused).is_err(), "{refused}");
        }
        assert_eq!(rate("10"), Ok(10.0));
        for refused in ["0", "-1", "1e-300", "1e300", "inf", "NaN", ""] {
            assert!(rate(refused).is_err(), "{refused}");
        }
        assert!(lookback("5M").is_err() && lookback("30d").is_ok());
    }
}

//! `numctl help`: of a command, and on topics.

use clap::CommandFactory as _;

use crate::report::shown::Shown;

use super::arguments::{Arguments, HelpArgs, Topic};
use super::{Ended, Exit, Fatal, output};

/// What a command ends with, and when.
const EXIT_CODES: &str = "\
Exit codes

  0  Done, or nothing to change.
  1  Error: nothing was changed.
  2  Changes are pending: `plan --detailed-exitcode` and `diff --detailed-exitcode` only.
  3  Incomplete: an apply finished, and some action failed, was skipped, or has an unknown outcome.
  4  Refused by a limit, by policy, or because a saved plan is stale or used: nothing was changed.

A script that applies:

  numctl plan --out plan.json --detailed-exitcode
  case $? in
    0) echo \"nothing to do\" ;;
    2) numctl apply plan.json --yes ;;
    *) exit 1 ;;
  esac
";

/// The variables that are read, and what each is for.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    ("TWILIO_ACCOUNT_SID", "the account of a file without `accounts:`"),
    ("TWILIO_API_KEY", "its API key, with TWILIO_API_SECRET"),
    ("TWILIO_API_SECRET", "the secret of that key"),
    ("TWILIO_AUTH_TOKEN", "its auth token, if no API key is set"),
    ("TWILIO_REGION", "the region, such as ie1, of accounts without `region:` in the file"),
    ("TWILIO_EDGE", "the edge, such as dublin"),
    ("NUMCTL_FILE", "the desired-state file or directory, as -f"),
    ("NUMCTL_API", "active-numbers or incoming-phone-numbers, as --api"),
    ("NUMCTL_BASE_URL", "the API's host instead of Twilio's, as --base-url"),
    ("NUMCTL_CA_FILE", "CA certificates to trust in addition, as --ca-file"),
    ("NUMCTL_CREDENTIALS_DIR", "the directory of `credentials: { file: … }`, as --credentials-dir"),
    ("NUMCTL_MAX_PURCHASES", "the maximum number of purchases, as --max-purchases"),
    ("NUMCTL_MAX_RELEASES", "the maximum number of releases, as --max-releases"),
    ("NUMCTL_MAX_CHANGES", "the maximum number of numbers to change, as --max-changes"),
    ("NUMCTL_MAX_MONTHLY_INCREASE", "the maximum that a plan may add to the monthly cost, such as 25 USD"),
    ("NUMCTL_MAX_MONTHLY_TOTAL", "the maximum monthly cost of all numbers"),
    ("NUMCTL_RELEASE_GUARD", "the time in which a used number is not released, as --release-guard"),
    ("NUMCTL_STATE_DIR", "the directory for state, as --state-dir"),
    ("NUMCTL_JOURNAL", "the journal, as --journal"),
    ("NUMCTL_LOCK_DIR", "the locks, as --lock-dir"),
    ("NUMCTL_LEASE", "the Kubernetes Lease, as --lease"),
    ("NUMCTL_LEASE_DURATION", "how long a lease outlives its last renewal, as --lease-duration"),
    ("NUMCTL_LEASE_IDENTITY", "the name that this process writes into the Lease, such as the pod's"),
    ("NUMCTL_KUBE_API", "the Kubernetes API server, as --kube-api"),
    ("NUMCTL_KUBE_TOKEN_FILE", "the token for it, as --kube-token-file"),
    ("NUMCTL_KUBE_CA_FILE", "the CA certificates for it, as --kube-ca-file"),
    ("NUMCTL_LISTEN", "the daemon's page and metrics, as --listen; where `numctl status` asks"),
    ("NUMCTL_LISTEN_HOST", "a host name that it answers to, as --listen-host"),
    ("NUMCTL_NOTIFY", "the webhook of notifications, as --notify"),
    ("NUMCTL_NOTIFY_AUTH_FILE", "the Authorization header for it, as --notify-auth-file"),
    ("NUMCTL_FLEET_NAME", "the name of the fleet, as --fleet-name"),
    ("NUMCTL_PUBLIC_URL", "where people open the page, as --public-url"),
    ("NUMCTL_KUBE_EVENTS", "the Deployment that Kubernetes Events are about, as --kube-events"),
    ("NUMCTL_LOG", "a filter for logs in the syntax of Rust's tracing, such as numctl=debug"),
    ("NO_COLOR", "no colour, as --color never"),
];

pub(super) fn run(args: &HelpArgs) -> Ended {
    let mut command = Arguments::command();
    // Fills in what is propagated to the commands.
    command.build();
    let Some(subject) = args.subject.as_deref() else {
        let topics: Vec<&str> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
        let help = command.render_long_help();
        let text = format!("{}\nTopics: numctl help {}\n", help.ansi(), topics.join(", numctl help "));
        return print(&text);
    };
    if let Some(topic) = Topic::ALL.iter().find(|topic| topic.as_str() == subject) {
        return print(&match topic {
            Topic::ExitCodes => EXIT_CODES.to_owned(),
            Topic::Environment => environment(),
        });
    }
    match command.find_subcommand_mut(subject) {
        Some(sub) => {
            let help = sub.render_long_help();
            print(&help.ansi().to_string())
        }
        None => {
            let topics: Vec<&str> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
            Err(Fatal::new(format!(
                "no help on {:?}: `numctl help` lists the commands; topics are {}",
                Shown(subject).to_string(),
                topics.join(" and ")
            )))
        }
    }
}

fn environment() -> String {
    let width = VARIABLES.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let rows: String = VARIABLES.iter().map(|(name, what)| format!("  {name:<width$}  {what}\n")).collect();
    format!(
        "Environment variables. An option wins over its variable; an empty variable counts as unset.\n\n{rows}\n\
         A file's `credentials: {{ env: PREFIX }}` reads PREFIX_API_KEY and PREFIX_API_SECRET, else \
         PREFIX_AUTH_TOKEN.\n"
    )
}

fn print(text: &str) -> Ended {
    output::print(text)?;
    Ok(Exit::Done)
}

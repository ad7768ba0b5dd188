//! `numctl help`: of a command, and on topics.

use std::collections::BTreeMap;

use clap::{Command, CommandFactory as _};

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

/// The variables that no option stands for.
const OTHER_VARIABLES: &[(&str, &str)] = &[
    ("TWILIO_ACCOUNT_SID", "the account of a file without `accounts:`"),
    ("TWILIO_API_KEY", "its API key, with TWILIO_API_SECRET"),
    ("TWILIO_API_SECRET", "the secret of that key"),
    ("TWILIO_AUTH_TOKEN", "its auth token, if no API key is set"),
    ("TWILIO_REGION", "the region, such as ie1, of accounts without `region:` in the file"),
    ("TWILIO_EDGE", "the edge, such as dublin"),
    (
        "NUMCTL_SECRET_<NAME>",
        "the secret that webhooks name as ${secret:NAME}, where --secrets-dir has no file for it",
    ),
    ("NUMCTL_SECRET_<NAME>_HOSTS", "the hosts that may receive it, such as voice.example.com"),
    ("NUMCTL_FILE", "the desired-state file or directory, as -f"),
    ("NUMCTL_LEASE_IDENTITY", "the name that this process writes into the Lease, such as the pod's"),
    ("NUMCTL_SANDBOX_SUBACCOUNT_SID", "printed by `numctl sandbox`: its subaccount"),
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
            Topic::Environment => environment(&command),
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

fn environment(command: &Command) -> String {
    let mut all: BTreeMap<String, String> =
        OTHER_VARIABLES.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect();
    for arg in command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments)) {
        if let (Some(name), Some(long)) = (arg.get_env(), arg.get_long()) {
            let what = arg.get_help().map(ToString::to_string).unwrap_or_default();
            all.entry(name.to_string_lossy().into_owned())
                .or_insert_with(|| format!("--{long}: {}", what.lines().next().unwrap_or_default()));
        }
    }
    let width = all.keys().map(String::len).max().unwrap_or_default();
    let rows: String = all.iter().map(|(name, what)| format!("  {name:<width$}  {what}\n")).collect();
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

//! The arguments of the commands that look and explain, and write nothing.

use clap::{Args, ValueEnum};

use super::{FileArgs, JournalArgs, NarrowArgs, StateArgs, TextOrJson};

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ColourArg {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Also where it is piped.
    Always,
    /// Nowhere.
    Never,
}

impl ColourArg {
    /// Makes it the choice of this process, stdout and stderr alike.
    pub(in crate::cli) fn choose(self) {
        match self {
            Self::Auto => {}
            Self::Always => anstream::ColorChoice::Always.write_global(),
            Self::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}

/// How rows of numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum RowFormat {
    /// For a terminal.
    Table,
    /// The same with more columns.
    Wide,
    /// For machines.
    Json,
    /// For people and machines.
    Yaml,
    /// The numbers alone, one a line.
    Name,
    /// For spreadsheets.
    Csv,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  numctl diff -f fleet.yaml\n  numctl diff --detailed-exitcode -o json\n\n\
                  Differences that a pause, a hold or a limit keeps from being changed are shown, too."
)]
pub(in crate::cli) struct DiffArgs {
    #[command(flatten)]
    pub(in crate::cli) files: FileArgs,
    #[command(flatten)]
    pub(in crate::cli) narrow: NarrowArgs,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
    /// Exit with 2 if there are differences
    #[arg(long)]
    pub(in crate::cli) detailed_exitcode: bool,
    #[command(flatten)]
    pub(in crate::cli) state: StateArgs,
    #[command(flatten)]
    pub(in crate::cli) journal: JournalArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl status --listen 127.0.0.1:9797\n  \
                  numctl status --listen https://numctl.example.com -o json\n\n\
                  Exit codes: 0 the daemon is ready, 1 it is not, or does not answer.")]
pub(in crate::cli) struct StatusArgs {
    /// Address of the daemon: its --listen address, or the URL of a proxy
    #[arg(
        long,
        value_name = "ADDR",
        env = "NUMCTL_LISTEN",
        hide_env = true,
        default_value = "127.0.0.1:9797"
    )]
    pub(in crate::cli) listen: String,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl explain voice.url\n  numctl explain policy.max_releases\n  \
                  numctl explain claims.match -o json")]
pub(in crate::cli) struct ExplainArgs {
    /// Field to explain, such as voice.url or policy.unlisted [default: the whole file]
    #[arg(value_name = "FIELD", default_value = "", hide_default_value = true)]
    pub(in crate::cli) field: String,
    /// Output format
    #[arg(short = 'o', long, alias = "output", value_enum, default_value = "text", value_name = "FORMAT")]
    pub(in crate::cli) format: TextOrJson,
}

/// What a schema is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SchemaOf {
    /// The desired-state file.
    File,
    /// plan --format json.
    Plan,
    /// apply --format json.
    Apply,
    /// status -o json, and the daemon's /status.json.
    Status,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl schema > numctl.schema.json\n  numctl schema plan\n\n\
                  New fields may be added to plan and apply: ignore fields that you do not know.")]
pub(in crate::cli) struct SchemaArgs {
    /// What to print the schema of
    #[arg(value_enum, default_value = "file", value_name = "WHAT")]
    pub(in crate::cli) of: SchemaOf,
}

/// What is no command and has help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Topic {
    /// What a command ends with.
    ExitCodes,
    /// The variables that are read.
    Environment,
}

impl Topic {
    /// The topics, in the order in which they are listed.
    pub(in crate::cli) const ALL: [Self; 2] = [Self::ExitCodes, Self::Environment];

    /// As it is typed.
    pub(in crate::cli) fn as_str(self) -> &'static str {
        match self {
            Self::ExitCodes => "exit-codes",
            Self::Environment => "environment",
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl help plan\n  numctl help exit-codes\n  numctl help environment")]
pub(in crate::cli) struct HelpArgs {
    /// Command or topic
    #[arg(value_name = "COMMAND|TOPIC")]
    pub(in crate::cli) subject: Option<String>,
}

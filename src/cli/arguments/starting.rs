//! The arguments of the commands that write files for a start.

use std::path::PathBuf;

use clap::Args;

use super::FileArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl init\n  numctl init --from-live -o fleet.yaml\n\n\
                  With credentials in the environment it finds out which API the account has.")]
pub(in crate::cli) struct InitArgs {
    /// Write to this new file
    #[arg(short, long, value_name = "FILE", default_value = "numctl.yaml")]
    pub(in crate::cli) out: PathBuf,
    /// The account [default: TWILIO_ACCOUNT_SID, else asked for]
    #[arg(long, value_name = "SID")]
    pub(in crate::cli) account_sid: Option<String>,
    /// Declare the numbers that are live, what they share as profiles
    #[arg(long)]
    pub(in crate::cli) from_live: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  numctl import terraform.tfstate -o numctl.yaml\n  \
                  numctl import - -o numctl.yaml\n\n\
                  - reads `terraform show -json`. It imports the numbers of both Twilio \
                  providers (RJPearson94/twilio, twilio/twilio) and makes no requests.")]
pub(in crate::cli) struct ImportArgs {
    /// terraform.tfstate, or the output of `terraform show -json`; - is stdin
    #[arg(value_name = "STATE")]
    pub(in crate::cli) state: PathBuf,
    /// Write to this new file, readable by its owner only where it holds passwords; - is stdout
    #[arg(short, long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Replace the file if it exists, with the edits made to it
    #[arg(long, requires = "out")]
    pub(in crate::cli) overwrite: bool,
    /// Write the `removed` blocks for Terraform to this new file
    #[arg(long, value_name = "FILE.TF")]
    pub(in crate::cli) removed: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  numctl fmt\n  numctl fmt fleet.yaml\n  numctl fmt --check -f fleet.yaml\n\n\
                  Sections are put in order, and numbers within the groups that blank lines set apart. Comments \
                  stay. A file whose meaning would change is left as it is."
)]
pub(in crate::cli) struct FmtArgs {
    #[command(flatten)]
    pub(in crate::cli) files: FileArgs,
    /// The same as -f
    #[arg(value_name = "FILE", conflicts_with = "files")]
    pub(in crate::cli) named: Vec<PathBuf>,
    /// Write nothing; list the files that are not formatted, and exit with 1 if there are any
    #[arg(long)]
    pub(in crate::cli) check: bool,
}

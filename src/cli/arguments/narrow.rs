//! `--only` and `--account`.

use clap::Args;

use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Fatal, complete};
use crate::desired::Desired;
use crate::desired::narrowing::Narrowing;

/// The part of what is declared that a command is about.
#[derive(Debug, Args)]
pub(in crate::cli) struct NarrowArgs {
    /// Only these: a number, a pattern such as +1212*, a profile, a claim, or a tag such as team=support
    #[arg(long, value_name = "WHAT", value_delimiter = ',', help_heading = "Narrow", add = ArgValueCompleter::new(complete::parts))]
    pub(in crate::cli) only: Vec<String>,
    /// Only numbers of this account, by name or SID
    #[arg(long, value_name = "NAME", help_heading = "Narrow", add = ArgValueCompleter::new(complete::accounts))]
    pub(in crate::cli) account: Option<String>,
}

impl NarrowArgs {
    /// The part of these files, and what they declare for it.
    pub(in crate::cli) fn part_of(&self, desired: Desired) -> Result<(Desired, Option<Narrowing>), Fatal> {
        let narrowing =
            Narrowing::parse(&self.only, self.account.as_deref(), &desired, false).map_err(Fatal::new)?;
        Ok(match narrowing {
            Some(narrowing) => {
                let (desired, narrowing) = narrowing.restricted(desired);
                (desired, Some(narrowing))
            }
            None => (desired, None),
        })
    }

    /// The same for what is taken back: a number may not be declared any more.
    pub(in crate::cli) fn narrowing_of_undo(&self, desired: &Desired) -> Result<Option<Narrowing>, Fatal> {
        Narrowing::parse(&self.only, self.account.as_deref(), desired, true).map_err(Fatal::new)
    }

    /// Whether it leaves anything out.
    pub(in crate::cli) fn is_any(&self) -> bool {
        !self.only.is_empty() || self.account.is_some()
    }
}

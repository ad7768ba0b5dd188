//! The command line: arguments to the one path that every command shares, and back to an exit
//! code. Results go to stdout, everything else to stderr.

mod adopt;
mod apply;
mod arguments;
mod content;
mod doctor;
mod early;
mod filters;
mod fleet;
mod history;
mod idle;
mod journal;
mod lease;
mod listing;
mod logging;
mod output;
mod plan;
mod prices;
mod progress;
mod resolve;
mod run;
mod sandbox;
mod show;
mod signals;
mod simple;
mod writing;
mod yaml;

use std::process::ExitCode;

use clap::Parser;

pub use arguments::Arguments;
use arguments::Command;

use crate::inert::spelt_out;

/// The contract's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to change.
    Done = 0,
    /// An error; nothing was attempted.
    Error = 1,
    /// Changes are pending (`plan --detailed-exitcode` only).
    Pending = 2,
    /// An apply finished with some action failed or unresolved.
    Incomplete = 3,
    /// Refused by policy, a limit or a stale saved plan; nothing was changed.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends a command before anything was attempted: already worded for a person.
#[derive(Debug)]
pub(crate) struct Fatal(String);

impl Fatal {
    fn new(text: impl AsRef<str>) -> Self {
        // It may name a file, or quote what a file or the API says.
        Self(spelt_out(text.as_ref()))
    }
}

impl<E: std::error::Error> From<E> for Fatal {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        Self::new(text)
    }
}

/// What a command comes to.
pub(crate) type Ended = Result<Exit, Fatal>;

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap's own code for a usage error is 2, which here means pending changes.
            let exit = if error.use_stderr() { Exit::Error } else { Exit::Done };
            // Nothing is left to do when even the message cannot be printed.
            let _ = error.print();
            return exit.into();
        }
    };
    logging::start(&arguments.global, matches!(arguments.command, Command::Run(_)));
    match dispatch(arguments) {
        Ok(exit) => exit.into(),
        Err(Fatal(message)) => {
            output::error(&message);
            Exit::Error.into()
        }
    }
}

fn dispatch(arguments: Arguments) -> Ended {
    let Arguments { global, command } = arguments;
    match command {
        Command::Validate(args) => simple::validate(&global, &args),
        Command::Schema => simple::schema(),
        Command::Completions(args) => simple::completions(&args),
        Command::Plan(args) => block_on(plan::run(&global, &args)),
        Command::Apply(args) => block_on(apply::run(&global, &args)),
        Command::Adopt(args) => block_on(adopt::run(&global, &args)),
        Command::Resolve(args) => block_on(resolve::run(&global, &args)),
        Command::History(args) => history::history(&global, &args),
        Command::Undo(args) => block_on(history::undo(&global, &args)),
        Command::Run(args) => block_on(run::run(&global, &args)),
        Command::Get(args) => block_on(listing::get(&global, &args)),
        Command::Idle(args) => block_on(idle::run(&global, &args)),
        Command::Search(args) => block_on(listing::search(&global, &args)),
        Command::Export(args) => block_on(listing::export(&global, &args)),
        Command::Doctor(args) => block_on(doctor::run(&global, &args)),
        Command::Sandbox(args) => block_on(sandbox::run(&global, &args)),
    }
}

fn block_on(command: impl Future<Output = Ended>) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Fatal::new(format!("the runtime cannot be started: {error}")))?;
    runtime.block_on(command)
}

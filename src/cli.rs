//! The command line: arguments to the one path that every command shares, and back to an exit
//! code. Results go to stdout, everything else to stderr.
//!
//! In reading order: a file uses only those above it.
//!
//! Pure:
//!
//! - `known_words`: commands and options that people know from other tools, with a hint
//! - `filters`: the filters of `get` and `search`, as options
//! - `yaml`: JSON values as block YAML, with control characters escaped
//!
//! I/O:
//!
//! - `process`: facts about this process: its environment and a random seed
//! - `default_path`: where the default file is
//! - `complete`: what the shell offers behind an option
//! - `arguments`: the arguments: parsing, `--help` and shell completions come from here
//! - `content`: checks before each write that the files are still the ones that were read
//! - `author`: who runs this, according to the system and the CI system
//! - `default_file`: the files that a command reads without `-f`
//! - `lease`: makes a candidate for the Lease from arguments, variables and the pod's files
//! - `stream`: an output stream with its own thread, so that a slow reader does not block the work
//! - `output`: the only place that prints: results to stdout, everything else to stderr
//! - `rows`: numbers as a table, CSV, JSON, YAML or names
//! - `progress`: progress on stderr: a bar on a terminal, plain lines elsewhere
//! - `secrets`: the secrets that the operator provides for webhooks
//! - `fleet`: makes the clients from the arguments: files, accounts, credentials
//! - `journal`: finds and opens a command's journal
//! - `locks`: finds the directory for the locks
//! - `prices`: keeps price lists in a file between commands
//! - `show`: shows plans and reports
//! - `signals`: handles signals: stop, stop at once, reload, pause
//! - `preflight`: `numctl preflight`: calls every declared webhook once
//! - `writing`: what all commands that carry out a plan share: locks, state, questions
//! - `adopt`: `numctl adopt`
//! - `apply`: `numctl apply`, of files or of a saved plan
//! - `doctor`: `numctl doctor`
//! - `history`: `numctl history` and `numctl undo`
//! - `idle`: `numctl idle`
//! - `fmt`: `numctl fmt`
//! - `listing`: `numctl get`, `search` and `export`
//! - `import`: `numctl import`
//! - `init`: `numctl init`
//! - `logging`: structured logs on stderr
//! - `plan`: `numctl plan`
//! - `diff`: `numctl diff`
//! - `status`: `numctl status`
//! - `resolve`: `numctl resolve`
//! - `route`: where the calls and messages of a number end
//! - `run`: `numctl run`: from arguments to the daemon's loop and back to an exit code
//! - `sandbox`: `numctl sandbox`
//! - `simple`: commands that need no API: `validate`, `schema`, `completions`, `man`
//! - `explain`: `numctl explain`
//! - `help`: `numctl help`, for a command or a topic

mod adopt;
mod apply;
mod arguments;
mod author;
mod complete;
mod content;
mod default_file;
mod default_path;
mod diff;
mod doctor;
mod explain;
mod filters;
mod fleet;
mod fmt;
mod help;
mod history;
mod idle;
mod import;
mod init;
mod journal;
mod known_words;
mod lease;
mod listing;
mod locks;
mod logging;
mod output;
mod plan;
mod preflight;
mod prices;
mod process;
mod progress;
mod resolve;
mod route;
mod rows;
mod run;
mod sandbox;
mod secrets;
mod show;
mod signals;
mod simple;
mod status;
mod stream;
mod writing;
mod yaml;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

pub use arguments::Arguments;
use arguments::{Command, PlanFormat, naming_its_variable, without_empty_variables};

use crate::desired::Findings;
use crate::model::inert::spelt_out;

use signals::Heard;

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
pub(crate) struct Fatal {
    text: String,
    told: ErrorForm,
    /// The same for machines, each at its place, where files are wrong.
    places: Option<serde_json::Value>,
}

/// How an error is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorForm {
    Plainly,
    /// As findings on files, each with its own title, coloured where stderr wants that.
    AsFindings,
}

impl Fatal {
    fn new(text: impl AsRef<str>) -> Self {
        // It may name a file, or quote what a file or the API says.
        Self { text: spelt_out(text.as_ref()), told: ErrorForm::Plainly, places: None }
    }

    /// What is wrong with the files.
    fn findings(findings: &Findings) -> Self {
        Self {
            text: inert(|styled| findings.render(styled)),
            told: ErrorForm::AsFindings,
            places: Some(findings.json()),
        }
    }

    /// The same where it is rendered already, without colour.
    fn as_findings(text: &str) -> Self {
        Self { text: spelt_out(text), told: ErrorForm::AsFindings, places: None }
    }
}

/// What `render` makes for stderr. Colour acts, as what a file says must not: where the same without
/// colour is not inert, it is spelt out and stays without.
fn inert(render: impl Fn(bool) -> String) -> String {
    let plain = render(false);
    let spelt = spelt_out(&plain);
    if spelt == plain && output::stderr_wants_colour() { render(true) } else { spelt }
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

/// The outcome of a command.
pub(crate) type Ended = Result<Exit, Fatal>;

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    // A shell that asks what to offer has its answer here, and the process ends.
    clap_complete::CompleteEnv::with_factory(Arguments::command).complete();
    // Before anything else: a signal that comes earlier than its handler kills the process.
    let heard = Heard::early(std::env::args_os());
    let mut arguments = match read_arguments() {
        Ok(arguments) => arguments,
        Err(error) => return unfit(&error),
    };
    arguments.global.color.choose();
    output::be_quiet(arguments.global.quiet);
    let is_daemon = matches!(arguments.command, Command::Run(_));
    let format = format(&arguments.command);
    let ended = match logging::start(&arguments.global, is_daemon) {
        Ok(()) => default_file::fill(&mut arguments.command).and_then(|()| dispatch(arguments, heard)),
        Err(fatal) => Err(fatal),
    };
    let exit = match ended {
        Ok(exit) => exit,
        Err(fatal) => {
            // Where CI reads stdout, it must not be empty. An error of writing to it is reported on stderr.
            if let Some(Err(unwritten)) = format.map(|format| show::failed(&fatal, format)) {
                output::fatal(&unwritten);
            }
            output::fatal(&fatal);
            Exit::Error
        }
    };
    output::finish_up();
    exit.into()
}

/// The arguments, and the variables behind them.
fn read_arguments() -> Result<Arguments, clap::Error> {
    let mut command = without_empty_variables(Arguments::command());
    let read = command.try_get_matches_from_mut(std::env::args_os());
    read.and_then(|matches| Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command)))
        .map_err(|error| naming_its_variable(&command, error))
}

/// Arguments that make no command, or ask for help.
fn unfit(error: &clap::Error) -> ExitCode {
    // clap's own code for a usage error is 2, which here means pending changes.
    if !error.use_stderr() {
        // Nothing is left to do when even the message cannot be printed.
        let _ = error.print();
        return Exit::Done.into();
    }
    let hint = known_words::hint(error, std::env::args_os());
    let wants_json = logging::wants_json(std::env::args_os());
    if wants_json || hint.is_some() {
        let form = if wants_json { output::StreamForm::Json } else { output::StreamForm::Text };
        output::start(form, output::WaitingNote::Command);
        let text = hint.unwrap_or_else(|| error.to_string());
        output::error(text.strip_prefix("error: ").unwrap_or(&text));
        output::finish_up();
    } else {
        let _ = error.print();
    }
    Exit::Error.into()
}

/// How a command writes its plan, where it makes one.
fn format(command: &Command) -> Option<PlanFormat> {
    match command {
        Command::Plan(args) => Some(args.format),
        Command::Apply(args) => Some(args.write.format.into()),
        Command::Adopt(args) => Some(args.write.format.into()),
        Command::Undo(args) => Some(args.write.format.into()),
        Command::Validate(_)
        | Command::Init(_)
        | Command::Import(_)
        | Command::Fmt(_)
        | Command::Diff(_)
        | Command::Status(_)
        | Command::Explain(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Help(_)
        | Command::Resolve(_)
        | Command::Preflight(_)
        | Command::History(_)
        | Command::Route(_)
        | Command::Run(_)
        | Command::Get(_)
        | Command::Idle(_)
        | Command::Search(_)
        | Command::Export(_)
        | Command::Doctor(_)
        | Command::Sandbox(_) => None,
    }
}

fn dispatch(arguments: Arguments, heard: Option<Heard>) -> Ended {
    let Arguments { global, command } = arguments;
    match command {
        Command::Validate(args) => simple::validate(&global, &args),
        Command::Init(args) => block_on(init::run(&global, &args)),
        Command::Import(args) => import::run(&args),
        Command::Fmt(args) => fmt::run(&global, &args),
        Command::Diff(args) => block_on(diff::run(&global, &args)),
        Command::Status(args) => block_on(status::run(&global, &args)),
        Command::Explain(args) => explain::run(&args),
        Command::Schema(args) => simple::schema(&args),
        Command::Help(args) => help::run(&args),
        Command::Completions(args) => simple::completions(&args),
        Command::Man(args) => simple::man(&args),
        Command::Plan(args) => block_on(plan::run(&global, &args)),
        Command::Apply(args) => block_on(apply::run(&global, &args)),
        Command::Preflight(args) => block_on(preflight::run(&global, &args)),
        Command::Adopt(args) => block_on(adopt::run(&global, &args)),
        Command::Resolve(args) => block_on(resolve::run(&global, &args)),
        Command::Route(args) => block_on(route::run(&global, &args)),
        Command::History(args) => block_on(history::history(&global, &args)),
        Command::Undo(args) => block_on(history::undo(&global, &args)),
        Command::Run(args) => block_on(run::run(&global, &args, heard)),
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
    let ended = runtime.block_on(command);
    // Whatever a thread is stuck in (a disk, a file that never ends) keeps no process.
    runtime.shutdown_background();
    ended
}

//! Variables of the environment behind arguments: one that is empty is not set, and a value that does not fit
//! is reported with the variable's name.

use std::ffi::OsStr;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// The command without the variables that are set to nothing, as templates and CI systems leave them.
pub(in crate::cli) fn without_empty_variables(command: Command) -> Command {
    command.mut_args(unless_empty).mut_subcommands(without_empty_variables)
}

fn unless_empty(arg: Arg) -> Arg {
    let is_empty = arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    if is_empty { arg.env(None::<&'static str>) } else { arg }
}

/// The error, which names the variable where its value is what does not fit.
pub(in crate::cli) fn naming_its_variable(command: &Command, mut error: clap::Error) -> clap::Error {
    if let Some((variable, option)) = variable_behind(command, &error) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(format!("{variable} ({option})")));
    }
    error
}

/// The variable whose value the error is about, and its option, where it is about one.
fn variable_behind(command: &Command, error: &clap::Error) -> Option<(String, String)> {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let (Some(ContextValue::String(arg)), Some(ContextValue::String(value))) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
    else {
        return None;
    };
    let option = arg.split(' ').next()?.strip_prefix("--")?;
    every_arg(command)
        .filter(|known| known.get_long() == Some(option))
        .filter_map(Arg::get_env)
        .find(|name| std::env::var_os(name).is_some_and(|set| holds(&set, value)))
        .map(|name| (name.to_string_lossy().into_owned(), arg.clone()))
}

/// Whether a variable is this value, or a list with it.
fn holds(set: &OsStr, value: &str) -> bool {
    let set = set.to_string_lossy();
    set == value || set.split(',').any(|part| part == value)
}

fn every_arg(command: &Command) -> Box<dyn Iterator<Item = &Arg> + '_> {
    Box::new(command.get_arguments().chain(command.get_subcommands().flat_map(every_arg)))
}

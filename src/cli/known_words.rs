//! Words that people know from terraform, kubectl, octodns and git, and what does that here. clap would
//! guess by the letters, and lead from `destroy` to `history`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Commands, by the words that people type, and what is told then.
const COMMANDS: &[(&[&str], &str)] = &[
    (&["preview", "dry-run", "dryrun", "what-if", "simulate"], "`numctl plan` shows what would change"),
    (
        &["destroy", "delete", "remove", "rm", "release", "unset"],
        "to release a number, set `state: released` on it and raise `policy.max_releases`, then run `numctl apply`",
    ),
    (&["rollback", "revert", "restore", "reset"], "`numctl undo` reverts a run"),
    (&["log", "logs", "audit", "changelog", "blame", "runs"], "`numctl history` shows what was done"),
    (&["list", "ls", "numbers", "ps"], "`numctl get` shows the live numbers"),
    (
        &["show", "describe", "cat", "inspect", "view"],
        "`numctl get NUMBER -o yaml` shows a live number, `numctl plan` what would change",
    ),
    (
        &["refresh", "fetch", "reload"],
        "there is nothing to refresh: every command reads the live numbers first, and `numctl plan` shows what \
         differs",
    ),
    (
        &["sync", "deploy", "up", "push", "converge", "create", "update", "set", "edit", "patch", "change"],
        "edit the file, then run `numctl apply`",
    ),
    (
        &["daemon", "serve", "server", "start", "controller", "operator", "reconcile", "loop"],
        "`numctl run` keeps the fleet as declared",
    ),
    (
        &["watch"],
        "`numctl run` follows the files, `numctl get --watch` shows the live numbers as they change",
    ),
    (&["check", "lint", "test", "verify"], "`numctl validate` checks the file offline"),
    (&["drift", "compare"], "`numctl diff` shows what differs"),
    (
        &["state", "tfstate"],
        "numctl keeps no state of your numbers: `numctl get` shows what is live, `numctl history` what was done",
    ),
    (
        &["login", "auth", "configure", "credentials", "whoami"],
        "`numctl help environment` lists the variables with the credentials, `numctl doctor` checks them",
    ),
    (
        &["buy", "purchase", "order", "add"],
        "`numctl search` shows available numbers; declare one in the file, and `numctl apply` buys it",
    ),
    (&["find", "available", "query"], "`numctl search` shows available numbers"),
    (&["dump", "backup", "pull", "generate", "snapshot"], "`numctl export` writes a file for what is live"),
    (&["emulator", "mock", "fake", "local"], "`numctl sandbox` serves an emulator of the API"),
    (
        &["health", "ping", "diagnose"],
        "`numctl doctor` checks the accounts, `numctl status` a running daemon",
    ),
    (&["unused", "stale", "orphans"], "`numctl idle` shows numbers without calls and messages"),
    (
        &["move", "mv", "transfer"],
        "to move a number, change its `account:` in the file, then run `numctl apply`",
    ),
    (&["docs", "topics"], "`numctl help` lists the commands, `numctl explain` the fields of the file"),
    (
        &["unlock", "force-unlock"],
        "a lock ends with the process that holds it: --lock-timeout waits for that",
    ),
    (&["version"], "`numctl --version` shows the version"),
];

/// Options, without their dashes.
const OPTIONS: &[(&[&str], &str)] = &[
    (&["auto-approve", "assume-yes", "no-confirm", "confirm"], "--yes applies without asking"),
    (&["force"], "--yes applies without asking, --accept DIGEST lifts the limits for exactly one plan"),
    (&["dry-run", "check", "preview", "noop", "server-side"], "`numctl plan` shows what would change"),
    (
        &["target", "filter", "selector", "include", "match"],
        "--only acts on some of the numbers: a number, a pattern, a profile, a claim or a tag",
    ),
    (&["json"], "-o json writes JSON"),
    (&["yaml"], "-o yaml writes YAML"),
    (&["filename", "config", "input"], "-f FILE names the desired-state file"),
    (&["parallelism", "concurrency", "jobs"], "--max-concurrency N bounds the requests at once"),
    (
        &["var", "var-file", "set", "values"],
        "files have no variables: put what several numbers share under `profiles:`",
    ),
    (&["refresh", "refresh-only"], "there is nothing to refresh: every command reads the live numbers first"),
    (&["namespace", "context", "workspace", "subaccount"], "--account NAME chooses an account"),
    (&["no-color", "no-colour", "colour"], "--color never writes without colour"),
    (&["debug", "trace", "log-level"], "-v logs actions, -vv requests"),
    (&["silent"], "-q leaves out notes and progress"),
    (&["destroy", "prune"], "only `state: released` or `policy.unlisted: release` releases numbers"),
    (&["lock"], "--lock-dir DIR names the directory for locks; --lock-dir none takes no lock"),
    (&["follow"], "`numctl get --watch` shows the live numbers as they change"),
];

/// One line for a word that clap does not take, where it is a known one.
pub(super) fn hint(error: &clap::Error, arguments: impl Iterator<Item = OsString>) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand)?;
            let advice = known(COMMANDS, word)?;
            Some(format!("there is no command `{word}`: {advice}"))
        }
        ErrorKind::UnknownArgument => {
            let given = text(ContextKind::InvalidArg)?;
            if names_a_file(given) {
                let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
                return Some(file_behind_f(given, &usage));
            }
            // terraform's `-auto-approve` reaches clap as `-a`.
            let words = arguments.filter_map(|argument| argument.into_string().ok());
            let given = match given.starts_with("--") {
                true => given.to_owned(),
                false => words.into_iter().find(|word| word.len() > 2 && word.starts_with(given))?,
            };
            let name = given.trim_start_matches('-');
            let name = name.split_once('=').map_or(name, |(name, _)| name);
            let advice = known(OPTIONS, name)?;
            let dashes = given.len() - given.trim_start_matches('-').len();
            Some(format!("there is no option `{}{name}` here: {advice}", &given[..dashes]))
        }
        _ => None,
    }
}

/// Whether a word that is no option names a desired-state file, or a directory of them.
fn names_a_file(word: &str) -> bool {
    let is_ours = |end| word.to_ascii_lowercase().ends_with(end);
    !word.starts_with('-') && [".yaml", ".yml", ".json", "/"].into_iter().any(is_ours)
}

/// People write `plan fleet.yaml`.
fn file_behind_f(file: &str, usage: &str) -> String {
    let command = usage.split_once("numctl ").and_then(|(_, rest)| rest.split_whitespace().next());
    match command.unwrap_or("plan") {
        "export" => format!("a file to write to is named with -o: numctl export -o {file}"),
        command => format!("a desired-state file is named with -f: numctl {command} -f {file}"),
    }
}

fn known(table: &'static [(&[&str], &str)], word: &str) -> Option<&'static str> {
    let is_meant = |(words, _): &&(&[&str], &str)| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    table.iter().find(is_meant).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::arguments::Arguments;
    use super::*;

    #[test]
    fn no_known_word_is_a_command_or_stands_there_twice() {
        let command = Arguments::command();
        let mut seen = std::collections::BTreeSet::new();
        for word in COMMANDS.iter().flat_map(|(words, _)| *words) {
            assert!(command.find_subcommand(word).is_none(), "{word} is a command");
            assert!(seen.insert(word), "{word} stands there twice");
        }
    }

    #[test]
    fn every_command_and_option_that_is_named_exists() {
        let command = Arguments::command();
        let known: std::collections::BTreeSet<String> = command
            .get_subcommands()
            .flat_map(clap::Command::get_arguments)
            .chain(command.get_arguments())
            .filter_map(|arg| arg.get_long().map(|long| format!("--{long}")))
            .chain(["--version".to_owned()])
            .collect();
        for (_, advice) in COMMANDS.iter().chain(OPTIONS) {
            for part in advice.split('`').skip(1).step_by(2) {
                if let Some(rest) = part.strip_prefix("numctl ") {
                    let word = rest.split(' ').next().unwrap_or_default();
                    assert!(word.starts_with("--") || command.find_subcommand(word).is_some(), "{word}");
                }
            }
            for word in advice.split([' ', ';', ',', '`']).filter(|word| word.starts_with("--")) {
                assert!(known.contains(word), "{word} of {advice:?}");
            }
        }
    }
}

//! Which files a command reads where no `-f` names any: `NUMCTL_FILE`, else `numctl.yaml` or `numctl/` in
//! the current folder.

use std::path::PathBuf;

use super::Fatal;
use super::arguments::Command;
use super::default_path::{FILE, FOLDER, VARIABLE, found};

/// Whether a command can do without files.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileNeed {
    /// It is about what they declare.
    Files,
    /// It takes the accounts from them, else the one in the environment.
    Accounts,
}

/// Names the files of a command for which `-f` names none.
///
/// # Errors
/// Where it needs some and there are none, and where it is not clear which.
pub(super) fn fill(command: &mut Command) -> Result<(), Fatal> {
    let Some((files, need)) = files_of(command) else { return Ok(()) };
    if !files.is_empty() {
        return Ok(());
    }
    match (found()?, need) {
        (Some(path), _) => files.push(path),
        (None, FileNeed::Accounts) => {}
        (None, FileNeed::Files) => {
            return Err(Fatal::new(format!(
                "no desired-state file: pass -f FILE, set {VARIABLE}, or run this where {FILE} or {FOLDER}/ is \
                 (`numctl init` writes one, `numctl export` one of what is live)"
            )));
        }
    }
    Ok(())
}

/// Files that are named without an option.
fn with<'a>(files: &'a mut Vec<PathBuf>, named: &mut Vec<PathBuf>) -> &'a mut Vec<PathBuf> {
    files.append(named);
    files
}

fn files_of(command: &mut Command) -> Option<(&mut Vec<PathBuf>, FileNeed)> {
    Some(match command {
        Command::Validate(args) => (with(&mut args.files.files, &mut args.named), FileNeed::Files),
        Command::Plan(args) => (&mut args.files.files, FileNeed::Files),
        Command::Fmt(args) => (with(&mut args.files.files, &mut args.named), FileNeed::Files),
        Command::Diff(args) => (&mut args.files.files, FileNeed::Files),
        Command::Undo(args) => (&mut args.files.files, FileNeed::Files),
        Command::Preflight(args) => (&mut args.files.files, FileNeed::Files),
        Command::Apply(args) if args.plan.is_some() => return None,
        Command::Apply(args) => (&mut args.files, FileNeed::Files),
        Command::Adopt(args) => (&mut args.files, FileNeed::Files),
        Command::Run(args) => (&mut args.files, FileNeed::Files),
        Command::Get(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::Idle(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::Search(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::Export(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::Doctor(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::Route(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::History(args) => (&mut args.accounts.files, FileNeed::Accounts),
        Command::Init(_)
        | Command::Import(_)
        | Command::Resolve(_)
        | Command::Status(_)
        | Command::Explain(_)
        | Command::Sandbox(_)
        | Command::Schema(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Help(_) => return None,
    })
}

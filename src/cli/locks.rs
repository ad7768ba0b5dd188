//! Where the locks of a command or a daemon are: what the operator says, else where others meet it.

use std::path::{Path, PathBuf};

use crate::client::lock::LockPlace;

use super::arguments::{Global, LockArgs};
use super::process::variable;

/// For `--lock-dir`: no lock.
const NONE: &str = "none";

/// `--lock-dir`, and without it the directory of this user and the one in which state is kept, so that two
/// commands meet which share a machine or a state. `none` is the operator's word that no one else writes.
///
/// With a Lease it alone decides who writes: replicas of one host must not wait for each other twice.
pub(super) fn places(
    global: &Global,
    args: &LockArgs,
    state: Option<&Path>,
    has_claims: bool,
) -> Vec<LockPlace> {
    let state = || state.map(|directory| LockPlace::of_state(directory.to_owned()));
    match &args.lock_dir {
        Some(directory) if directory.as_os_str() != NONE => vec![LockPlace::named(directory.clone())],
        // What is bought for claims is remembered there: each would write over what the other one buys.
        Some(_) => state().filter(|_| has_claims).into_iter().collect(),
        None if args.lease.lease.is_some() => state().filter(|_| has_claims).into_iter().collect(),
        // The embedded sandbox is that of the working directory.
        None if global.sandbox => state().into_iter().collect(),
        None => of_user().into_iter().chain(state()).collect(),
    }
}

fn of_user() -> Option<LockPlace> {
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let states = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(LockPlace::of_user(states.join("numctl/locks")))
}

//! The bill of a plan, with the price lists kept in a file from one command to the next.

use std::path::PathBuf;

use crate::atomic_file;
use crate::bounded_file;
use crate::clock;
use crate::cost::{self, Bill, Census, Kept};
use crate::desired::Limits;
use crate::guard::OperatorLimits;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::prices::price_book;

use super::arguments::Global;
use super::fleet::{Fleet, variable};

/// The file's name.
const FILE: &str = "prices.json";

/// Every country for a good many accounts.
const BYTES_MAX: usize = 16 << 20;

/// What a plan costs. `None` where it changes nothing of that, unless it `is_asked_for` all the same: no
/// request is made for it then. A number that the price lists leave open is looked up only where it is
/// asked for, or a limit is on money.
pub(super) async fn bill(
    global: &Global,
    fleet: &Fleet,
    (plan, observed): (&Plan, &Observed),
    (limits, operator): (&Limits, &OperatorLimits),
    is_asked_for: bool,
) -> Option<Bill> {
    if !cost::is_touched_by(plan) && !is_asked_for {
        return None;
    }
    let file = file(global);
    // What cannot be read is asked for again.
    let text = file.as_ref().and_then(|path| bounded_file::text(path, BYTES_MAX).ok());
    let known = text.as_deref().map(Kept::from_json).unwrap_or_default();
    let mut kept = known.clone();
    let mut census = Census::take(observed, plan);
    let looks_up = is_asked_for || limits.monthly.is_any() || operator.monthly.is_any();
    let now = clock::since_the_epoch();
    let book = price_book(&fleet.clients, plan, &mut census, &mut kept, looks_up, now).await;
    if let Some(path) = file.filter(|_| kept != known) {
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        // Where it cannot be kept, it is asked for again.
        let _ = folder.and_then(|()| atomic_file::replace(&path, kept.to_json().as_bytes()));
    }
    Some(Bill::of(plan, &census, &book))
}

/// Beside the daemon's state where that has a place, else where caches go. The embedded sandbox has
/// another address each time, so that nothing of it is worth keeping.
fn file(global: &Global) -> Option<PathBuf> {
    if global.sandbox {
        return None;
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = || {
        let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(folder.join("numctl"))
    };
    let folder = variable("NUMCTL_STATE_DIR").map(PathBuf::from).or_else(caches)?;
    Some(folder.join(FILE))
}

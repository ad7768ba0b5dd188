//! What the log says about a cycle.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::daemon::status::Finish;
use crate::guard::memory::Extent;
use crate::model::action_kind::ActionKind;
use crate::plan::outcome::OutcomeKind;
use crate::plan::{ContentDoubt, HeldNumber, HeldReason, Plan};
use crate::reconcile::Pass;
use crate::report::{claim_words, words};

use super::InForce;

/// At most this many numbers of a cycle that someone has to do something about are named.
const HELD_MAX: usize = 10;

/// One line a cycle, and one for each thing that went wrong.
pub(super) fn log<T>(force: &InForce<T>, pass: &Pass, extent: Extent, took: Duration, next: Duration) {
    let generation = force.generation;
    if force.doubt == Some(ContentDoubt::FilesNotGood) {
        warn!(in_force = %generation, "the files on disk are not valid; the last good ones are in force");
    }
    match pass {
        Pass::NotObserved(failed) => {
            for (account, error) in failed {
                let name = &force.desired.account(*account).name;
                let help = error.advice();
                error!(account = %name, error = %error, help, "an account could not be listed: nothing is planned");
            }
        }
        Pass::Refused(_, refusal) => {
            error!(digest = %refusal.digest, broken = ?words::refused(refusal), "refused by a limit: nothing is changed");
        }
        Pass::NotRecorded(_, error) => {
            error!(%error, "what is about to be spent cannot be recorded: nothing is changed");
        }
        Pass::Stopped
        | Pass::Planned(_)
        | Pass::Executed(_)
        | Pass::Impossible(_)
        | Pass::Stale(..)
        | Pass::HeldSince(_)
        | Pass::OtherAccepted(..) => {}
    }
    let finish = Finish::from(pass);
    let plan = finish.plan();
    let count = |kind| plan.map_or(0, |plan: &Plan| plan.count(kind));
    let ended = |ended| if let Pass::Executed(report) = pass { report.count(ended) } else { 0 };
    let held = plan.into_iter().flat_map(|plan| plan.held.iter().map(move |held| (plan, held)));
    // What failed was said when it failed.
    let is_news =
        |held: &HeldNumber| held.why.is_error() && !matches!(held.why, HeldReason::BackingOff { .. });
    for (plan, held) in held.filter(|(_, held)| is_news(held)).take(HELD_MAX) {
        error!(number = %held.number, "{}", words::held(plan, held));
    }
    for (plan, short) in plan.into_iter().flat_map(|plan| plan.short.iter().map(move |short| (plan, short))) {
        error!(claim = %short.claim, "{}", claim_words::shortfall(plan, short));
    }
    for (number, field, cause) in plan.into_iter().flat_map(|plan| plan.causes.known()).take(HELD_MAX) {
        info!(%number, field = field.json_name(), "changed {cause}");
    }
    for (account, why) in plan.into_iter().flat_map(|plan| &plan.causes.unread) {
        let name = &force.desired.account(*account).name;
        debug!(account = %name, error = %why, "cannot tell who changed what");
    }
    for (account, trouble) in plan.map(|plan| plan.troubles.as_slice()).unwrap_or_default() {
        let name = &force.desired.account(*account).name;
        let help = trouble.help.as_deref();
        error!(account = %name, error = %trouble.why, help, "nothing is planned in an account");
    }
    info!(
        result = finish.result().as_str().replace('_', " "),
        look = extent.as_str(),
        %generation,
        purchases = count(ActionKind::Purchase),
        transfers = count(ActionKind::Transfer),
        configures = count(ActionKind::Configure),
        releases = count(ActionKind::Release),
        succeeded = ended(OutcomeKind::Succeeded),
        failed = ended(OutcomeKind::Failed),
        skipped = ended(OutcomeKind::Skipped),
        unknown = ended(OutcomeKind::Unknown),
        held = plan.map_or(0, |plan| plan.held.len() + plan.short.len()),
        unchanged = plan.map_or(0, |plan| plan.unchanged),
        ?took,
        ?next,
        "cycle"
    );
}

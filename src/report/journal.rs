//! The sentences about what the journal knows: numbers that vanished, and what is not taken back.

use crate::desired::AccountIndex;
use crate::model::hold;
use crate::model::number::AccountSid;
use crate::plan::{NotUndone, Plan, Vanished};

use super::names;
use super::shown::Shown;

/// Beside the caution under a plan with purchases.
pub(super) const NO_JOURNAL: &str =
    "There is no journal, so numctl cannot tell whether you had any of them before.";

/// What follows where the files stay as they are.
pub(super) const DECLARED_OTHERWISE: &str = "the files still declare what is reverted here: edit them too, or the next apply or the daemon will do it again";

/// Why a number that was ours is not bought.
pub(super) fn vanished(plan: &Plan, declared_in: AccountIndex, vanished: Vanished) -> String {
    format!(
        "not bought back for {}: {}. To buy it back, set `on_vanished: rebuy` on the number or in `policy`",
        names::account(plan, declared_in),
        whereabouts(plan, vanished)
    )
}

/// What to know of a number that is bought and was ours.
pub(super) fn bought_back(plan: &Plan, was: Vanished) -> String {
    format!("bought back, if no one else has taken it: {}", whereabouts(plan, was))
}

fn whereabouts(plan: &Plan, was: Vanished) -> String {
    let left = match was.days_left {
        0 => "which may be over".to_owned(),
        1 => "of which at least 1 is left".to_owned(),
        days => format!("of which at least {days} are left"),
    };
    format!(
        "you had it, last seen in {} at {}, and no listed account has it now; Twilio gives a number back for about 10 days, {left}",
        account(plan, was.account),
        hold::shown(was.seen)
    )
}

/// By its name, where the file still has it.
fn account(plan: &Plan, sid: AccountSid) -> String {
    let known = plan.accounts.iter().find(|account| account.sid == sid);
    known.map_or_else(|| sid.to_string(), |account| Shown(&account.name).to_string())
}

/// Where a number that `undo` leaves lives, if that is why.
pub(super) fn not_undone_lives_in(why: NotUndone) -> Option<AccountIndex> {
    match why {
        NotUndone::Elsewhere { lives_in } => Some(lives_in),
        NotUndone::ChangedSince { .. }
        | NotUndone::Secret { .. }
        | NotUndone::Unsendable { .. }
        | NotUndone::Bought
        | NotUndone::Gone => None,
    }
}

/// Why `undo` leaves something as it is.
pub(super) fn not_undone(plan: &Plan, why: NotUndone) -> String {
    match why {
        NotUndone::ChangedSince { field } => {
            format!("{field} is left as it is: it has changed again since that run")
        }
        NotUndone::Secret { field } => {
            format!("{field} is not restored: its value held a password, which the journal does not keep")
        }
        NotUndone::Unsendable { field } => {
            format!("{field} is not restored: the API does not accept its previous value")
        }
        NotUndone::Bought => {
            "not released: that run bought it, and undo never releases a number; to release it, write `state: released` in the file"
                .into()
        }
        NotUndone::Gone => "left alone: no listed account has it now".into(),
        NotUndone::Elsewhere { lives_in } => {
            format!(
                "left alone: it is now in {}, where that run did not leave it",
                names::account(plan, lives_in)
            )
        }
    }
}

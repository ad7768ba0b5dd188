//! Law 8 over time, counted from what was sent and done: per run, per generation of the file, and
//! per rolling day.

use std::collections::BTreeSet;
use std::time::Duration;

use numctl::desired::Limit;
use numctl::guard::budget::{DAY, Generation};
use numctl::model::action_kind::ActionKind;
use numctl::model::number::PhoneNumber;

use crate::state::{By, Deed, PassView, State};

/// What our daemons did, for as long as it counts.
#[derive(Debug, Clone, Copy)]
struct Spent {
    kind: ActionKind,
    number: PhoneNumber,
    generation: Generation,
    at: Duration,
    pass: u64,
}

/// The limits of one run, at a send.
pub fn of_run(pass: &PassView) -> Vec<String> {
    // What is live, and nothing that is only declared.
    let live = pass.listed.len().max(pass.listed_numbers.len());
    let limits = &pass.file.truth.policy.limits;
    let distinct = |wanted: Option<ActionKind>| {
        let sent = pass.sent.iter().filter(|(kind, _)| wanted.is_none_or(|wanted| wanted == *kind));
        sent.map(|(_, number)| *number).collect::<BTreeSet<_>>().len()
    };
    let counts = [
        ("max_purchases", distinct(Some(ActionKind::Purchase)), limits.purchases),
        ("max_releases", distinct(Some(ActionKind::Release)), limits.releases),
        ("max_changes", distinct(None), limits.changes),
    ];
    let broken = counts.into_iter().filter(|(_, count, limit)| *count > limit.count(live));
    broken.map(|(name, count, limit)| format!("{name} is {limit} and this is number {count}")).collect()
}

/// The limits over time, once the server has done what a daemon asked for.
pub fn over_time(state: &State) -> Vec<String> {
    let spent = spent(state);
    let Some(last) = spent.last() else { return Vec::new() };
    let Some(limits) = state.passes.get(&last.pass).map(|pass| pass.file.truth.policy.limits) else {
        return Vec::new();
    };
    let limit = match last.kind {
        ActionKind::Purchase => limits.purchases,
        ActionKind::Release => limits.releases,
        ActionKind::Transfer | ActionKind::Configure => return Vec::new(),
    };
    // A share is held against each run: what is live changes meanwhile.
    let allowed = match limit {
        Limit::Count(_) => limit.count(0),
        Limit::Percent(_) => usize::MAX,
    };
    let same = || spent.iter().filter(|spent| spent.kind == last.kind);
    let in_generation = same().filter(|spent| spent.generation == last.generation).count();
    let in_day = same().filter(|spent| last.at.saturating_sub(spent.at) < DAY).count();
    let mut wrong = Vec::new();
    if in_generation > allowed {
        wrong.push(format!("{in_generation} {}s in one generation, and {limit} allowed", last.kind.as_str()));
    }
    // A clock that jumps makes another day of it.
    if in_day > allowed && state.clock_ahead + state.clock_behind == Duration::ZERO {
        wrong.push(format!("{in_day} {}s in a day, and {limit} allowed", last.kind.as_str()));
    }
    let again = same().filter(|spent| spent.number == last.number && spent.generation == last.generation);
    if last.kind == ActionKind::Purchase && again.count() > 1 {
        wrong.push(format!("{} is bought twice in one generation", last.number));
    }
    wrong
}

/// What the server did for our daemons that counts, in order. Of two tries of which the first was
/// never seen to have worked, one counts.
fn spent(state: &State) -> Vec<Spent> {
    let mut all: Vec<Spent> = Vec::new();
    for act in &state.acts {
        // What acts late was counted when it was sent, with the tries that came after it.
        let (By::Pass(id), false) = (act.by, act.is_late) else { continue };
        let Some(pass) = state.passes.get(&id).filter(|pass| pass.is_daemon) else { continue };
        let kind = match act.deed {
            Deed::Bought { .. } => ActionKind::Purchase,
            Deed::Released { .. } => ActionKind::Release,
            Deed::Moved { .. } | Deed::Configured { .. } => continue,
        };
        let spent =
            Spent { kind, number: act.number, generation: pass.file.generation, at: pass.began, pass: id };
        let was_in_doubt = |old: &Spent| {
            old.kind == kind
                && old.number == act.number
                && state.passes.get(&old.pass).is_some_and(|old| {
                    // What a full disk did not keep is forgotten with the process.
                    let is_forgotten = old.is_unsaved && old.life != pass.life;
                    is_forgotten || old.in_doubt.contains(&(kind, act.number))
                })
        };
        match all.iter_mut().find(|old| was_in_doubt(old)) {
            Some(old) => *old = spent,
            None => all.push(spent),
        }
    }
    all
}

//! What a plan is about where that is not all, and its numbers by their tags.

use std::collections::BTreeMap;

use crate::plan::Plan;

use super::names::plural;
use super::shown::{Shown, count};

/// What a plan is about, and how much that leaves out, where it is not all.
#[must_use]
pub(super) fn narrowed(plan: &Plan) -> Option<String> {
    let narrowed = plan.narrowed.as_ref()?;
    let mut about = narrowed.only.iter().map(|only| Shown(only).to_string()).collect::<Vec<_>>().join(", ");
    if let Some(account) = &narrowed.account {
        let of = if about.is_empty() { "account" } else { " in account" };
        about.push_str(&format!("{of} {}", Shown(account)));
    }
    let left_out = plural(narrowed.left_out, "declared number");
    let is = if narrowed.left_out == 1 { "is" } else { "are" };
    Some(format!("Only {about}: {left_out} {is} left out, and nothing is released for not being declared."))
}

/// The numbers that a plan touches by their tags, the most first: `team=support 12, team=sales 3`.
#[must_use]
pub(super) fn by_tag(plan: &Plan) -> Option<String> {
    const SHOWN: usize = 12;
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for labels in plan.tags.values() {
        for (name, value) in &labels.tags {
            *counts.entry((name, value)).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|((name, _), count)| (*name, std::cmp::Reverse(*count)));
    let more = counts.len().saturating_sub(SHOWN);
    let shown = counts.iter().take(SHOWN);
    let shown: Vec<String> = shown
        .map(|((name, value), many)| format!("{}={} {}", Shown(name), Shown(value), count(*many)))
        .collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("By tag: {}{more}.", shown.join(", ")))
}

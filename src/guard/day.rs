//! What the limits leave of the last 24 hours.

use std::sync::Arc;

use super::approve::{LimitName, OperatorLimits};
use super::budget::Spent;
use crate::desired::{AccountIndex, AccountRef, Limit, Limits};
use crate::plan::Plan;

/// What one limit leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayLeft {
    pub limit: LimitName,
    /// The account, for a share, which holds in each; `None` for a count, which holds in all together.
    pub account: Option<Arc<str>>,
    /// How many are left; `None` where there is no limit.
    pub left: Option<usize>,
}

/// What each limit leaves of the last 24 hours, where `spent` is what these came to. Of the file's limit
/// and the operator's the one that leaves less counts.
#[must_use]
pub fn day_left(plan: &Plan, file: &Limits, operator: &OperatorLimits, spent: &Spent) -> Vec<DayLeft> {
    let rules = [
        (LimitName::Purchases, file.purchases, operator.purchases),
        (LimitName::Releases, file.releases, operator.releases),
        (LimitName::Changes, file.changes, operator.changes),
    ];
    let mut all: Vec<DayLeft> = Vec::new();
    for (limit, file, operator) in rules {
        for written in [Some(file), operator].into_iter().flatten() {
            for found in left_of(plan, limit, written, spent) {
                let is_it = |known: &&mut DayLeft| known.limit == limit && known.account == found.account;
                match all.iter_mut().find(is_it) {
                    Some(known) => {
                        known.left = match (known.left, found.left) {
                            (Some(one), Some(other)) => Some(one.min(other)),
                            (one, other) => one.or(other),
                        }
                    }
                    None => all.push(found),
                }
            }
        }
    }
    all
}

fn left_of(plan: &Plan, limit: LimitName, written: Limit, spent: &Spent) -> Vec<DayLeft> {
    let rest = |allowed: usize, spent: usize| match allowed {
        usize::MAX => None,
        allowed => Some(allowed.saturating_sub(spent)),
    };
    match written {
        Limit::Count(_) => {
            let left = rest(written.count(0), limit.amount_in(&spent.all));
            vec![DayLeft { limit, account: None, left }]
        }
        Limit::Percent(_) => {
            let accounts = plan.accounts.iter().zip((0..=u16::MAX).map(AccountIndex));
            let of = |(account, index): (&AccountRef, AccountIndex)| {
                let spent = spent.in_account(account.sid);
                let live = plan.live_in(index).saturating_sub(spent.purchases);
                let left = rest(written.count(live), limit.amount_in(&spent));
                DayLeft { limit, account: Some(account.name.clone()), left }
            };
            accounts.map(of).collect()
        }
    }
}

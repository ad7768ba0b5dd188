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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::budget::Amounts;
    use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
    use crate::model::settings::{Managed, Settings};
    use crate::plan::{Action, Reason, Step, Target};

    fn accounts() -> Vec<AccountRef> {
        let account = |name: &str, at: u8| AccountRef {
            name: name.into(),
            sid: AccountSid::declared(&format!("AC{at:032x}")).expect("a SID"),
            parent: None,
        };
        vec![account("main", 1), account("emea", 2)]
    }

    /// In the first account one number was bought and one released, in the second one two were released.
    fn spent() -> Spent {
        let number = |at: u8| PhoneNumber::declared(&format!("+155522300{at:02}")).expect("a number");
        let buy = Action::Purchase {
            number: number(0),
            account: AccountIndex(0),
            settings: Managed::default(),
            claim: None,
        };
        let release = |at: u8, account: u16| Action::Release {
            target: Target {
                number: number(at),
                sid: NumberSid::declared(&format!("PN{at:032x}")).ok(),
                account: AccountIndex(account),
                before: Settings::default(),
            },
        };
        let actions = [buy, release(1, 0), release(2, 1), release(3, 1)];
        let steps = actions.map(|action| Step { action, reason: Reason::Tombstone });
        Amounts::of_plan(&Plan::from_steps(accounts(), steps.into()))
    }

    fn left(
        file: [Limit; 3],
        operator: &OperatorLimits,
    ) -> Vec<(&'static str, Option<String>, Option<usize>)> {
        let mut plan = Plan::from_steps(accounts(), Vec::new());
        plan.live = vec![101, 50];
        let [purchases, releases, changes] = file;
        let limits = Limits { purchases, releases, changes, ..crate::desired::Policy::default().limits };
        let left = day_left(&plan, &limits, operator, &spent());
        left.into_iter()
            .map(|one| (one.limit.as_str(), one.account.map(|name| name.to_string()), one.left))
            .collect()
    }

    const NO_LIMIT: Limit = Limit::Count(u32::MAX);

    #[test]
    fn a_count_is_left_in_all_accounts_together() {
        let left = left([Limit::Count(9), Limit::Count(2), Limit::Count(5)], &OperatorLimits::default());
        assert_eq!(
            left,
            [
                ("max_purchases", None, Some(8)),
                ("max_releases", None, Some(0)),
                ("max_changes", None, Some(1))
            ]
        );
    }

    /// A share is of the numbers that were there before what the day bought.
    #[test]
    fn a_share_is_left_in_each_account() {
        let own = |name: &str| Some(name.to_owned());
        let left =
            left([Limit::Count(9), Limit::Percent(10), Limit::Percent(10)], &OperatorLimits::default());
        assert_eq!(
            left,
            [
                ("max_purchases", None, Some(8)),
                ("max_releases", own("main"), Some(9)),
                ("max_releases", own("emea"), Some(3)),
                ("max_changes", own("main"), Some(8)),
                ("max_changes", own("emea"), Some(3)),
            ]
        );
    }

    /// Of the file's limit and the operator's the one that leaves less counts, whichever it is.
    #[test]
    fn the_stricter_limit_counts() {
        let file = [Limit::Count(4), Limit::Count(9), Limit::Percent(10)];
        let operator = OperatorLimits {
            purchases: Some(Limit::Count(9)),
            releases: Some(Limit::Count(4)),
            changes: Some(Limit::Percent(50)),
            ..OperatorLimits::default()
        };
        let left = left(file, &operator);
        let counts: Vec<_> = left.iter().map(|(limit, _, left)| (*limit, *left)).collect();
        assert_eq!(
            counts,
            [
                ("max_purchases", Some(3)),
                ("max_releases", Some(1)),
                ("max_changes", Some(8)),
                ("max_changes", Some(3))
            ]
        );
    }

    #[test]
    fn a_share_of_everything_leaves_as_much_as_there_is() {
        let left = left([NO_LIMIT, Limit::Percent(0), NO_LIMIT], &OperatorLimits::default());
        assert_eq!(left[1].2, Some(0), "{left:?}");
    }
}

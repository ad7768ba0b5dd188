//! The safety rules between a plan and its execution: limits, and who may lift them.
//!
//! Only [`approve`] makes an [`Approved`], and only `execute` takes one.

use super::limit::{Over, SetBy};
use super::monthly::{self, BrokenMonthly};

use std::sync::Arc;

use crate::desired::{AccountIndex, Limit, Limits, MonthlyLimits};
use crate::guard::budget::{Amounts, Outlook, Spent};
use crate::guard::cost::Bill;
use crate::model::traffic::Lookback;
use crate::plan::Plan;
use crate::plan::digest::Digest;

/// A plan that may be executed.
#[derive(Debug)]
pub struct Approved(Plan);

impl Approved {
    /// The plan that was approved.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// The plan, for the executor.
    pub(crate) fn into_plan(self) -> Plan {
        self.0
    }
}

/// The limits that the operator sets by flag or environment. They cap the file's, which can only
/// be stricter: the repository cannot raise its own powers (law 11).
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatorLimits {
    pub purchases: Option<Limit>,
    pub releases: Option<Limit>,
    pub changes: Option<Limit>,
    pub release_guard: Option<Lookback>,
    /// `--max-monthly-increase`, `--max-monthly-total` and their variables.
    pub monthly: MonthlyLimits,
}

/// Why a plan may not be executed. The plan is still shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Every limit that the plan goes beyond.
    pub broken: Vec<Broken>,
    /// Every limit on money that it goes beyond, or that cannot be held against it.
    pub monthly: Vec<BrokenMonthly>,
    /// The plan's digest: `--accept` with it lifts the limits for exactly this plan.
    pub digest: Digest,
}

/// One limit that a plan goes beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub limit: LimitName,
    /// How many the plan has.
    pub wanted: usize,
    /// Over which stretch of time.
    pub over: Over,
    /// How many the plan and what was spent in that time come to.
    pub total: usize,
    /// How many are allowed.
    pub allowed: usize,
    /// The account in which, and the numbers of which the limit is a share; `None` for a count, which holds
    /// in all accounts together.
    pub share_of: Option<ShareOf>,
    /// The limit as it is written.
    pub written: Limit,
    pub set_by: SetBy,
}

/// What a limit's percentage is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareOf {
    pub account: Arc<str>,
    /// How many numbers are live in it, without those that were bought in the same stretch of time.
    pub live: usize,
}

/// The name of a limit, as `limits:` and the options have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    Purchases,
    Releases,
    Changes,
}

impl LimitName {
    /// Its name in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Purchases => "max_purchases",
            Self::Releases => "max_releases",
            Self::Changes => "max_changes",
        }
    }

    pub(super) fn amount_in(self, amounts: &Amounts) -> usize {
        match self {
            Self::Purchases => amounts.purchases,
            Self::Releases => amounts.releases,
            Self::Changes => amounts.touched,
        }
    }
}

/// Why a plan is not approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// It goes beyond a limit.
    Limits(Refusal),
    /// The digest that was accepted is another plan's; this one has the digest that is named here.
    OtherPlan(Digest),
}

/// Approves a plan that keeps every limit, for the plan, for the files' generation and for the last 24
/// hours (law 8), or whose digest has been accepted. `bill` is this very plan's; without one, a limit on
/// money keeps it from raising the cost.
///
/// An accepted digest is someone's word for exactly one plan: it approves no other one, whether the
/// limits would allow that or not.
///
/// # Errors
/// The limits that it goes beyond, with both figures; or that another plan was accepted.
pub fn approve(
    plan: Plan,
    file: &Limits,
    operator: &OperatorLimits,
    bill: Option<&Bill>,
    outlook: &Outlook,
    accepted: Option<Digest>,
) -> Result<Approved, Box<(Plan, Rejection)>> {
    // Every way here fills them in: a name that was sent in the place of a secret would go live.
    assert!(!plan.names_missing_secrets(), "a plan is carried out only with its secrets filled in");
    if let Some(accepted) = accepted {
        let digest = Digest::from_plan(&plan);
        return if accepted == digest {
            Ok(Approved(plan))
        } else {
            Err(Box::new((plan, Rejection::OtherPlan(digest))))
        };
    }
    match check(&plan, file, operator, bill, outlook) {
        Some(refusal) => Err(Box::new((plan, Rejection::Limits(refusal)))),
        None => Ok(Approved(plan)),
    }
}

/// For how long a number must not have been used to be released: the longer of the two, since that
/// is the stricter one. `None` where neither asks for it.
#[must_use]
pub fn release_guard(file: &Limits, operator: &OperatorLimits) -> Option<Lookback> {
    file.release_guard.max(operator.release_guard)
}

/// What [`approve`] would refuse a plan for where no one has accepted it.
#[must_use]
pub fn check(
    plan: &Plan,
    file: &Limits,
    operator: &OperatorLimits,
    bill: Option<&Bill>,
    outlook: &Outlook,
) -> Option<Refusal> {
    let own = Amounts::of_plan(plan);
    let stretches = [
        (Over::Plan, Some(&own)),
        (Over::Generation, outlook.generation.as_ref()),
        (Over::Day, outlook.day.as_ref()),
    ];
    let rules = [
        (LimitName::Purchases, file.purchases, operator.purchases),
        (LimitName::Releases, file.releases, operator.releases),
        (LimitName::Changes, file.changes, operator.changes),
    ];
    let broken: Vec<Broken> = rules
        .into_iter()
        .flat_map(|(limit, file, operator)| {
            let beyond = |written, set_by| match written {
                Limit::Count(_) => beyond_count(limit, written, set_by, &stretches),
                Limit::Percent(_) => beyond_share(plan, limit, written, set_by, &stretches),
            };
            let file = beyond(file, SetBy::File);
            let operator = operator.map_or_else(Vec::new, |limit| beyond(limit, SetBy::Operator));
            // Of two that are broken, the stricter one is named.
            let least = |broken: &[Broken]| broken.iter().map(|broken| broken.allowed).min();
            match (least(&file), least(&operator)) {
                (Some(by_file), Some(by_operator)) if by_operator < by_file => operator,
                (None, Some(_)) => operator,
                (Some(_) | None, _) => file,
            }
        })
        .collect();
    let monthly = monthly::broken(plan, file.monthly, operator.monthly, bill, outlook);
    if broken.is_empty() && monthly.is_empty() {
        return None;
    }
    Some(Refusal { broken, monthly, digest: Digest::from_plan(plan) })
}

/// A plan by itself, and what each stretch of time comes to with it.
type Stretches<'a> = [(Over, Option<&'a Spent>); 3];

/// How a plan goes beyond a count, which holds in all accounts together.
fn beyond_count(limit: LimitName, written: Limit, set_by: SetBy, stretches: &Stretches<'_>) -> Vec<Broken> {
    let allowed = written.count(0);
    let totals =
        stretches.iter().filter_map(|(over, spent)| Some((*over, limit.amount_in(&spent.as_ref()?.all))));
    let totals: Vec<_> = totals.collect();
    // What was spent before is no reason to refuse a plan that spends nothing of it.
    let wanted = totals.first().map_or(0, |(_, wanted)| *wanted);
    let beyond = totals.into_iter().find(|(_, total)| wanted > 0 && *total > allowed);
    let beyond = beyond.map(|(over, total)| Broken {
        limit,
        wanted,
        over,
        total,
        allowed,
        share_of: None,
        written,
        set_by,
    });
    beyond.into_iter().collect()
}

/// How a plan goes beyond a share, which is of the numbers that are live in an account and holds in each
/// account by itself. Nothing that a file declares makes it larger: not tombstones of numbers that were
/// never there, not another account that it names, not what was bought a moment ago.
fn beyond_share(
    plan: &Plan,
    limit: LimitName,
    written: Limit,
    set_by: SetBy,
    stretches: &Stretches<'_>,
) -> Vec<Broken> {
    let accounts = plan.accounts.iter().zip((0..=u16::MAX).map(AccountIndex));
    accounts
        .filter_map(|(account, index)| {
            let in_account = |spent: &Spent| spent.in_account(account.sid);
            let own = stretches.first().and_then(|(_, own)| *own).map(in_account)?;
            let wanted = limit.amount_in(&own);
            if wanted == 0 {
                return None;
            }
            stretches.iter().find_map(|(over, spent)| {
                let spent = spent.map(in_account)?;
                let bought_before = spent.purchases.saturating_sub(own.purchases);
                let live = plan.live_in(index).saturating_sub(bought_before);
                let (allowed, total) = (written.count(live), limit.amount_in(&spent));
                let share_of = Some(ShareOf { account: account.name.clone(), live });
                let broken = Broken { limit, wanted, over: *over, total, allowed, share_of, written, set_by };
                (total > allowed).then_some(broken)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{AccountRef, Policy};
    use crate::model::number::{AccountSid, NumberSid, PhoneNumber};
    use crate::model::settings::Settings;
    use crate::plan::{Action, Reason, Step, Target};

    /// Releases some of the hundred numbers that its account has.
    fn releases(count: u8) -> Plan {
        let account = AccountRef {
            name: "main".into(),
            sid: AccountSid::declared(&format!("AC{}", "a".repeat(32))).expect("a SID"),
            parent: None,
        };
        let release = |at: u8| Step {
            action: Action::Release {
                target: Target {
                    number: PhoneNumber::declared(&format!("+155522301{at:02}")).expect("a number"),
                    sid: NumberSid::declared(&format!("PN{at:032x}")).ok(),
                    account: AccountIndex(0),
                    before: Settings::default(),
                },
            },
            reason: Reason::Tombstone,
        };
        let mut plan = Plan::from_steps(vec![account], (0..count).map(release).collect());
        plan.live = vec![100];
        plan
    }

    fn limits(releases: Limit) -> Limits {
        Limits { releases, changes: Limit::Count(99), ..Policy::default().limits }
    }

    fn refused(
        plan: &Plan,
        file: Limit,
        operator: Option<Limit>,
        outlook: &Outlook,
    ) -> Vec<(SetBy, Over, usize)> {
        let operator = OperatorLimits { releases: operator, ..OperatorLimits::default() };
        let refusal = check(plan, &limits(file), &operator, None, outlook);
        let broken = refusal.into_iter().flat_map(|refusal| refusal.broken);
        broken.map(|broken| (broken.set_by, broken.over, broken.allowed)).collect()
    }

    #[test]
    fn of_two_limits_that_are_broken_the_stricter_one_is_named() {
        let plan = releases(6);
        let refused = |file, operator| refused(&plan, file, operator, &Outlook::default());
        let count = Limit::Count;
        assert_eq!(refused(count(6), None), []);
        assert_eq!(refused(count(5), None), [(SetBy::File, Over::Plan, 5)]);
        assert_eq!(refused(count(6), Some(count(5))), [(SetBy::Operator, Over::Plan, 5)]);
        assert_eq!(refused(count(5), Some(count(6))), [(SetBy::File, Over::Plan, 5)]);
        assert_eq!(refused(count(5), Some(count(4))), [(SetBy::Operator, Over::Plan, 4)]);
        assert_eq!(refused(count(4), Some(count(5))), [(SetBy::File, Over::Plan, 4)]);
        // Where both are as strict, the one that a reviewer can edit.
        assert_eq!(refused(count(4), Some(count(4))), [(SetBy::File, Over::Plan, 4)]);
        assert_eq!(refused(Limit::Percent(5), Some(count(4))), [(SetBy::Operator, Over::Plan, 4)]);
    }

    /// What was spent before is no reason to refuse a plan that spends nothing of it, and counts where it does.
    #[test]
    fn a_plan_is_held_to_what_its_day_comes_to() {
        let day = Outlook { day: Some(Amounts::of_plan(&releases(6))), ..Outlook::default() };
        for limit in [Limit::Count(5), Limit::Percent(5)] {
            assert_eq!(refused(&releases(0), limit, None, &day), []);
            assert_eq!(refused(&releases(1), limit, None, &day), [(SetBy::File, Over::Day, 5)]);
            assert_eq!(refused(&releases(6), limit, None, &day), [(SetBy::File, Over::Plan, 5)]);
        }
    }

    #[test]
    fn the_longer_look_back_guards_a_release() {
        let days = |text: &str| Lookback::parse(text);
        let guard = |file: Option<Lookback>, operator: Option<Lookback>| {
            let file = Limits { release_guard: file, ..limits(Limit::Count(1)) };
            release_guard(&file, &OperatorLimits { release_guard: operator, ..OperatorLimits::default() })
        };
        let (week, month) = (days("7d"), days("30d"));
        assert!(week.is_some() && month.is_some());
        assert_eq!([guard(week, month), guard(month, week)], [month, month]);
        assert_eq!([guard(week, None), guard(None, week), guard(None, None)], [week, week, None]);
    }
}

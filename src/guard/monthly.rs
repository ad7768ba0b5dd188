//! The limits on money: by how much a plan may raise what the numbers cost a month, and to what.
//!
//! They are kept, not guessed: where a price that matters is not known, the plan is refused.

use super::limit::{Over, SetBy};
use crate::desired::MonthlyLimits;
use crate::guard::budget::Outlook;
use crate::guard::cost::{self, Bill};
use crate::model::action_kind::ActionKind;
use crate::model::money::{Currency, Money};
use crate::plan::Plan;

/// A limit on money's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthlyName {
    Increase,
    Total,
}

impl MonthlyName {
    /// Its name in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Increase => "max_monthly_increase",
            Self::Total => "max_monthly_total",
        }
    }
}

/// One limit on money that a plan goes beyond, or that cannot be held against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenMonthly {
    pub limit: MonthlyName,
    pub allowed: Money,
    pub set_by: SetBy,
    /// How it is broken.
    pub how: Beyond,
}

/// How a limit on money is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// It amounts to more than that.
    Amount(Money, Over),
    /// Some of it is billed in another currency.
    OtherCurrency(Currency),
    /// At most this many numbers that count have no known price.
    NotKnown(usize),
    /// An account that counts could not be read.
    Unread,
}

/// Whether the limits call for prices: some are in force, and the plan may raise the cost.
#[must_use]
pub fn calls_for_prices(plan: &Plan, file: MonthlyLimits, operator: MonthlyLimits) -> bool {
    (file.is_any() || operator.is_any()) && cost::may_be_raised_by(plan)
}

/// The limits on money that a plan does not keep. A plan without a bill keeps none, unless it cannot
/// raise the cost.
pub(super) fn broken(
    plan: &Plan,
    file: MonthlyLimits,
    operator: MonthlyLimits,
    bill: Option<&Bill>,
    outlook: &Outlook,
) -> Vec<BrokenMonthly> {
    if !cost::may_be_raised_by(plan) {
        return Vec::new();
    }
    let limits = [
        (MonthlyName::Increase, file.increase, operator.increase),
        (MonthlyName::Total, file.total, operator.total),
    ];
    limits
        .into_iter()
        .flat_map(|(limit, file, operator)| {
            in_force(file, operator).into_iter().map(move |(set_by, allowed)| (limit, set_by, allowed))
        })
        .filter_map(|(limit, set_by, allowed)| {
            let how = match bill {
                Some(bill) => beyond(limit, allowed, bill, outlook)?,
                None => Beyond::NotKnown(plan.count(ActionKind::Purchase) + plan.count(ActionKind::Transfer)),
            };
            Some(BrokenMonthly { limit, allowed, set_by, how })
        })
        .collect()
}

/// The stricter of two in one currency; both, where nothing compares them.
fn in_force(file: Option<Money>, operator: Option<Money>) -> Vec<(SetBy, Money)> {
    let both = file.zip(operator).and_then(|(file, operator)| file.exceeds(operator));
    let file = file.filter(|_| both != Some(true)).map(|money| (SetBy::File, money));
    let operator = operator.filter(|_| both != Some(false)).map(|money| (SetBy::Operator, money));
    file.into_iter().chain(operator).collect()
}

fn beyond(limit: MonthlyName, allowed: Money, bill: &Bill, outlook: &Outlook) -> Option<Beyond> {
    let change = bill.change();
    let raised: Vec<Money> = change.iter().filter(|money| money.is_positive()).collect();
    // What was too much before is no reason to refuse a plan that raises nothing.
    if raised.is_empty() && bill.raised_by_unknown == 0 {
        return None;
    }
    let over = |money: Money, over| money.exceeds(allowed)?.then_some(Beyond::Amount(money, over));
    let currency = allowed.currency();
    let is_other = |money: &Money| money.currency() != currency && !money.is_zero();
    let other = |money: Money| Beyond::OtherCurrency(money.currency());
    let many = |numbers: usize| (numbers > 0).then_some(Beyond::NotKnown(numbers));
    match limit {
        MonthlyName::Increase => {
            let own = change.amount_in(currency);
            let spends = own.is_positive();
            let generation = outlook
                .generation
                .as_ref()
                .filter(|_| spends)
                .map(|_| outlook.generation_increase.amount_in(currency));
            let day =
                outlook.day.as_ref().filter(|_| spends).map(|_| outlook.day_increase.amount_in(currency));
            over(own, Over::Plan)
                .or_else(|| raised.iter().copied().find(is_other).map(other))
                .or_else(|| many(bill.raised_by_unknown))
                .or_else(|| over(generation?, Over::Generation))
                .or_else(|| over(day?, Over::Day))
        }
        MonthlyName::Total => over(bill.after.amount_in(currency), Over::Plan)
            .or_else(|| bill.after.iter().find(is_other).map(other))
            .or_else(|| many(bill.unknown_after()))
            .or_else(|| (!bill.unread.is_empty()).then_some(Beyond::Unread)),
    }
}

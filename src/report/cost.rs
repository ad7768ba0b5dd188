//! What a plan costs, in words and for machines.

use std::fmt::{self, Write};

use serde::Serialize;

use crate::guard::cost::{Bill, NotKnown, Unpriced};
use crate::guard::{Beyond, BrokenMonthly, Over, SetBy};
use crate::model::money::Money;
use crate::model::tariff::PossibleKind;
use crate::plan::Plan;

use super::names::{account, plural};
use super::shown::{Shown, count};

/// One line for each currency: `4.60 USD -> 5.75 USD (+1.15 USD); 1.15 USD due at once`.
#[must_use]
pub fn lines(bill: &Bill) -> Vec<String> {
    let lines: Vec<String> = amounts(bill)
        .map(|[before, after, change, at_once]| {
            let monthly = match change.is_zero() {
                true => format!("{after}, unchanged"),
                false => format!("{before} -> {after} ({})", change.signed()),
            };
            let at_once = if at_once.is_zero() { "nothing".to_owned() } else { at_once.to_string() };
            format!("{monthly}; {at_once} due now")
        })
        .collect();
    if lines.is_empty() { vec![nothing_known(bill).to_owned()] } else { lines }
}

fn nothing_known(bill: &Bill) -> &'static str {
    if bill.not_known.is_empty() && bill.unread.is_empty() { "no numbers, no cost" } else { "not known" }
}

/// Before, after, the change and what is due at once, by currency.
fn amounts(bill: &Bill) -> impl Iterator<Item = [Money; 4]> {
    let change = bill.change();
    bill.after.iter().map(move |after| {
        let currency = after.currency();
        [
            bill.before.amount_in(currency),
            after,
            change.amount_in(currency),
            bill.due_at_once.amount_in(currency),
        ]
    })
}

/// At most this many tags are shown in text.
const TAGS_MAX: usize = 12;

/// What the numbers with each tag cost, a line each: `team=support: 2.30 USD -> 3.45 USD`.
#[must_use]
pub fn by_tag(bill: &Bill) -> Vec<String> {
    let shown = bill.by_tag.iter().take(TAGS_MAX).map(|tag| {
        let currencies: Vec<Money> = tag.before.iter().chain(tag.after.iter()).collect();
        let mut currencies: Vec<_> = currencies.into_iter().map(Money::currency).collect();
        currencies.sort();
        currencies.dedup();
        let sums = currencies.into_iter().map(|currency| {
            match (tag.before.amount_in(currency), tag.after.amount_in(currency)) {
                (before, after) if before == after => after.to_string(),
                (before, after) => format!("{before} -> {after}"),
            }
        });
        let mut parts: Vec<String> = sums.collect();
        if tag.not_known > 0 {
            parts.push(format!("{} of unknown price", plural(tag.not_known, "number")));
        }
        let sums = if parts.is_empty() { "no numbers".to_owned() } else { parts.join(", ") };
        format!("{}={}: {sums}", Shown(&tag.name), Shown(&tag.value))
    });
    let more = bill.by_tag.len().saturating_sub(TAGS_MAX);
    let more = (more > 0).then(|| format!("{} more (all in --format json)", plural(more, "tag")));
    shown.chain(more).collect()
}

/// What is in none of the sums, a line each.
#[must_use]
pub fn left_out(plan: &Plan, bill: &Bill) -> Vec<String> {
    let unread = bill
        .unread
        .iter()
        .map(|index| format!("what account {} has: it could not be read", account(plan, *index)));
    bill.not_known.iter().map(|entry| not_known(plan, entry)).chain(unread).collect()
}

fn not_known(plan: &Plan, entry: &NotKnown) -> String {
    let bought = match entry.bought {
        0 => String::new(),
        bought => format!(" ({} to be bought)", count(bought)),
    };
    let country = entry.class.country.map_or_else(String::new, |country| format!("{country}, "));
    let kind = match entry.class.kind {
        PossibleKind::Is(kind) => format!("{}, ", kind.as_str()),
        PossibleKind::NotTollFree | PossibleKind::Any | PossibleKind::ShortCode => String::new(),
    };
    format!(
        "{}{bought}, {country}{kind}billed to {}: {}",
        plural(entry.before.max(entry.after), "number"),
        account(plan, entry.payer),
        why(entry.why)
    )
}

fn why(why: Unpriced) -> &'static str {
    match why {
        Unpriced::NoCountry => "country unknown",
        Unpriced::NoType => "type unknown, and the country has several prices",
        Unpriced::NotListed => "no such price in the country's price list",
        Unpriced::ShortCode => "price lists do not include short codes",
        Unpriced::NoAnswer => "the pricing API has no price list",
    }
}

/// At most this many lines of what is left out are shown in text.
const LEFT_OUT_MAX: usize = 5;

/// Writes the cost under a plan's summary; `title` is what it starts with.
///
/// # Errors
/// Those of `out`.
pub fn text(out: &mut impl Write, title: &str, plan: &Plan, bill: &Bill) -> fmt::Result {
    for line in lines(bill) {
        writeln!(out, "{title} {line}.")?;
    }
    for line in by_tag(bill) {
        writeln!(out, "  {line}")?;
    }
    let left_out = left_out(plan, bill);
    for line in left_out.iter().take(LEFT_OUT_MAX) {
        writeln!(out, "  not included: {line}")?;
    }
    match left_out.len().checked_sub(LEFT_OUT_MAX).filter(|more| *more > 0) {
        Some(more) => writeln!(out, "  not included: {} more (all in --format json)", count(more)),
        None => Ok(()),
    }
}

/// One limit on money, and how it is broken.
#[must_use]
pub fn broken(broken: &BrokenMonthly) -> String {
    let (word, allowed) = (broken.limit.as_str(), broken.allowed);
    let (name, by) = match broken.set_by {
        SetBy::File => (word.to_owned(), "set by the file's policy"),
        SetBy::Operator => (format!("--{}", word.replace('_', "-")), "set by the operator"),
    };
    let what = match broken.how {
        Beyond::Amount(money, over) => {
            let since = match over {
                Over::Plan => "",
                Over::Generation => ", with what was bought since the files last changed",
                Over::Day => ", with what was bought within 24 hours",
            };
            match broken.limit {
                crate::guard::MonthlyName::Increase => format!("{} a month{since}", money.signed()),
                crate::guard::MonthlyName::Total => format!("{money} a month in all"),
            }
        }
        Beyond::OtherCurrency(currency) => {
            format!("prices are in {currency}, and the limit is in {}", allowed.currency())
        }
        Beyond::NotKnown(numbers) => {
            format!("the price of {} is not known, so the limit cannot be checked", plural(numbers, "number"))
        }
        Beyond::Unread => "an account could not be read, so the limit cannot be checked".to_owned(),
    };
    format!("{what}; {name} allows {allowed} ({by})")
}

/// The cost for machines. Every amount is a text with its currency.
#[derive(Debug, Serialize)]
pub struct CostJson {
    currencies: Vec<CurrencyJson>,
    not_known: Vec<CostNotKnownJson>,
    unread_accounts: Vec<String>,
    /// With `plan --cost`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_tag: Vec<TagJson>,
}

#[derive(Debug, Serialize)]
struct TagJson {
    tag: String,
    value: String,
    monthly_before: Vec<String>,
    monthly_after: Vec<String>,
    not_known: usize,
}

#[derive(Debug, Serialize)]
struct CurrencyJson {
    currency: String,
    monthly_before: String,
    monthly_after: String,
    monthly_change: String,
    due_at_once: String,
}

#[derive(Debug, Serialize)]
struct CostNotKnownJson {
    /// The account that pays.
    account: String,
    country: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    reason: &'static str,
    before: usize,
    after: usize,
    to_be_bought: usize,
    message: String,
}

impl CostJson {
    /// The cost of a plan.
    #[must_use]
    pub fn new(plan: &Plan, bill: &Bill) -> Self {
        let name = |index| plan.account(index).name.to_string();
        Self {
            currencies: amounts(bill)
                .map(|[before, after, change, at_once]| CurrencyJson {
                    currency: after.currency().to_string(),
                    monthly_before: before.to_string(),
                    monthly_after: after.to_string(),
                    monthly_change: change.to_string(),
                    due_at_once: at_once.to_string(),
                })
                .collect(),
            not_known: bill
                .not_known
                .iter()
                .map(|entry| CostNotKnownJson {
                    account: name(entry.payer),
                    country: entry.class.country.map(|country| country.to_string()),
                    kind: match entry.class.kind {
                        PossibleKind::Is(kind) => Some(kind.as_str()),
                        PossibleKind::NotTollFree | PossibleKind::Any | PossibleKind::ShortCode => None,
                    },
                    reason: entry.why.as_str(),
                    before: entry.before,
                    after: entry.after,
                    to_be_bought: entry.bought,
                    message: not_known(plan, entry),
                })
                .collect(),
            unread_accounts: bill.unread.iter().map(|index| name(*index)).collect(),
            by_tag: bill
                .by_tag
                .iter()
                .map(|tag| TagJson {
                    tag: tag.name.to_string(),
                    value: tag.value.to_string(),
                    monthly_before: tag.before.iter().map(|money| money.to_string()).collect(),
                    monthly_after: tag.after.iter().map(|money| money.to_string()).collect(),
                    not_known: tag.not_known,
                })
                .collect(),
        }
    }
}

/// A broken limit on money for machines, among the others.
#[derive(Debug, Serialize)]
pub struct BrokenMonthlyJson {
    limit: &'static str,
    /// Why it is broken: `amount`, `other_currency`, `not_known`, `account_not_read`.
    reason: &'static str,
    /// Null where it is not known.
    wanted: Option<String>,
    /// Absent where the plan by itself goes beyond the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    over: Option<&'static str>,
    allowed: String,
    set_by: &'static str,
    message: String,
}

impl BrokenMonthlyJson {
    /// One broken limit of the monthly cost.
    #[must_use]
    pub fn new(limit: &BrokenMonthly) -> Self {
        let (reason, wanted, over) = match limit.how {
            Beyond::Amount(money, over) => ("amount", Some(money.to_string()), over.as_str()),
            Beyond::OtherCurrency(_) => ("other_currency", None, None),
            Beyond::NotKnown(_) => ("not_known", None, None),
            Beyond::Unread => ("account_not_read", None, None),
        };
        Self {
            limit: limit.limit.as_str(),
            reason,
            wanted,
            over,
            allowed: limit.allowed.to_string(),
            set_by: limit.set_by.as_str(),
            message: broken(limit),
        }
    }
}

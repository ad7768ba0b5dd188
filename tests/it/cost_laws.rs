//! What holds for every bill: no digit is lost, no order matters, currencies never mix, and what is
//! not known is in no sum; and limits on money are kept exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numctl::client::api::price::Prices;
use numctl::client::listing::{Listing, ListingBuilder, ListingPage, Progress};
use numctl::desired::AccountRef;
use numctl::desired::{AccountIndex, Limit, Limits, MonthlyLimits};
use numctl::guard::budget::Outlook;
use numctl::guard::cost::{Bill, Census, PriceBook};
use numctl::guard::{self, Beyond, OperatorLimits};
use numctl::model::live::Live;
use numctl::model::money::{Currency, Money, Sums};
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Managed, Settings};
use numctl::model::tariff::{Country, KindOnBill, Tariff};
use numctl::observed::Observed;
use numctl::plan::{Action, Plan, Reason, Step, Target};
use proptest::prelude::*;
use proptest::sample::subsequence;

/// main, a subaccount that is billed with it, and one with a bill of its own.
const ACCOUNTS: u16 = 3;

fn account_sid(at: u16) -> AccountSid {
    AccountSid::declared(&format!("AC{at:032x}")).expect("a SID")
}

fn accounts() -> Vec<AccountRef> {
    let account =
        |at: u16, parent| AccountRef { name: format!("a{at}").into(), sid: account_sid(at), parent };
    vec![account(0, None), account(1, Some(AccountIndex(0))), account(2, None)]
}

fn payer(account: u16) -> u16 {
    if account == 1 { 0 } else { account }
}

fn tariff(sort: u8) -> Tariff {
    let told = |country, kind| Tariff { country: Country::observed(country), kind: Some(kind) };
    match sort % 5 {
        0 => told("US", KindOnBill::Local),
        1 => told("US", KindOnBill::TollFree),
        2 => told("GB", KindOnBill::Mobile),
        3 => told("GB", KindOnBill::Other),
        _ => Tariff::default(),
    }
}

/// Numbers that tell nothing themselves.
fn number(at: usize) -> PhoneNumber {
    PhoneNumber::declared(&format!("+1555{:07}", 2_230_000 + at)).expect("a number")
}

/// A fleet, what becomes of each number, and the price lists.
#[derive(Debug, Clone)]
struct Case {
    /// Account and sort of each live number.
    live: Vec<(u16, u8)>,
    released: BTreeSet<usize>,
    moved: BTreeMap<usize, u16>,
    bought: Vec<(u16, u8)>,
    /// In thousandths, by payer and sort; none for what is not known.
    prices: BTreeMap<(u16, u8), u32>,
}

fn case() -> impl Strategy<Value = Case> {
    let owned = || (0..ACCOUNTS, 0..5_u8);
    let price = |payer: u16, sort: u8| (Just((payer, sort)), prop::option::weighted(0.8, 0..20_000_u32));
    let prices: Vec<_> =
        [0, 2].into_iter().flat_map(|payer| (0..3).map(move |sort| price(payer, sort))).collect();
    (prop::collection::vec(owned(), 1..20), prop::collection::vec(owned(), 0..5), prices).prop_flat_map(
        |(live, bought, prices)| {
            let all: Vec<usize> = (0..live.len()).collect();
            let acted = subsequence(all, 0..=live.len());
            let goes = prop::collection::vec(prop::option::of(0..ACCOUNTS), live.len());
            (Just(live), Just(bought), Just(prices), acted, goes).prop_map(
                |(live, bought, prices, acted, goes)| {
                    let goes = |at: usize| goes[at].filter(|to| *to != live[at].0);
                    let (moved, released): (Vec<usize>, Vec<usize>) =
                        acted.into_iter().partition(|at| goes(*at).is_some());
                    Case {
                        moved: moved.into_iter().filter_map(|at| Some((at, goes(at)?))).collect(),
                        released: released.into_iter().collect(),
                        live: live.clone(),
                        bought,
                        prices: prices.into_iter().filter_map(|(key, price)| Some((key, price?))).collect(),
                    }
                },
            )
        },
    )
}

fn currency(payer: u16) -> Currency {
    Currency::observed(if payer == 0 { "USD" } else { "EUR" }).expect("a currency")
}

impl Case {
    fn observed(&self, is_reversed: bool) -> Observed {
        let listing = |account: u16| -> Listing {
            let mine = self.live.iter().enumerate().filter(|(_, owned)| owned.0 == account);
            let mut rows: Vec<Live> = mine
                .map(|(at, (_, sort))| Live {
                    number: Some(number(at)),
                    raw_number: None,
                    sid: NumberSid::observed(&format!("PN{at:032x}")),
                    account_sid: None,
                    friendly_name: None,
                    settings: Arc::default(),
                    sms: None,
                    emergency_address_status: None,
                    tariff: tariff(*sort),
                })
                .collect();
            if is_reversed {
                rows.reverse();
            }
            match ListingBuilder::new(account_sid(account))
                .push(ListingPage { rows, ..ListingPage::default() })
            {
                Ok(Progress::Complete(listing)) => listing,
                other => unreachable!("one page: {other:?}"),
            }
        };
        Observed::new((0..ACCOUNTS).map(listing).collect())
    }

    fn plan(&self) -> Plan {
        let target = |at: usize| Target {
            number: number(at),
            sid: None,
            account: AccountIndex(self.live[at].0),
            before: Settings::default(),
        };
        let bought = self.bought.iter().enumerate().map(|(at, (account, _))| Step {
            action: Action::Purchase {
                number: number(100 + at),
                account: AccountIndex(*account),
                settings: Managed::default(),
                claim: None,
            },
            reason: Reason::Missing,
        });
        let moved = self.moved.iter().map(|(at, to)| Step {
            action: Action::Transfer {
                target: target(*at),
                to: AccountIndex(*to),
                settings: Managed::default(),
            },
            reason: Reason::WrongAccount,
        });
        let released = self
            .released
            .iter()
            .map(|at| Step { action: Action::Release { target: target(*at) }, reason: Reason::Tombstone });
        Plan::from_steps(accounts(), bought.chain(moved).chain(released).collect())
    }

    fn book(&self) -> PriceBook {
        let mut book = PriceBook::default();
        for payer in [0, 2] {
            let list = |sorts: &[(u8, KindOnBill)]| Prices {
                unit: currency(payer).to_string().into(),
                monthly: sorts
                    .iter()
                    .map(|(sort, kind)| {
                        let price = self.prices.get(&(payer, *sort));
                        let text = |price: &u32| format!("{}.{:03}", price / 1_000, price % 1_000).into();
                        (*kind, price.map(text))
                    })
                    .collect(),
            };
            let mut take = |code, sorts: &[(u8, KindOnBill)]| {
                book.take(AccountIndex(payer), Country::observed(code).expect("a country"), &list(sorts));
            };
            take("US", &[(0, KindOnBill::Local), (1, KindOnBill::TollFree)]);
            take("GB", &[(2, KindOnBill::Mobile)]);
        }
        book
    }

    fn bill_of(&self, plan: &Plan, is_reversed: bool) -> Bill {
        let mut census = Census::take(&self.observed(is_reversed), plan);
        for (at, (_, sort)) in self.bought.iter().enumerate() {
            census.tell(number(100 + at), tariff(*sort));
        }
        Bill::from_plan(plan, &census, &self.book())
    }

    fn bill(&self) -> Bill {
        self.bill_of(&self.plan(), false)
    }

    /// The price of one number, by the model.
    fn price(&self, account: u16, sort: u8) -> Option<(Currency, i64)> {
        let payer = payer(account);
        self.prices.get(&(payer, sort)).map(|price| (currency(payer), i64::from(*price)))
    }

    /// Account and sort of every number once the plan is carried out.
    fn afterwards(&self) -> Vec<(u16, u8)> {
        let live = self.live.iter().enumerate().filter(|(at, _)| !self.released.contains(at));
        let live =
            live.map(|(at, (account, sort))| (self.moved.get(&at).copied().unwrap_or(*account), *sort));
        live.chain(self.bought.iter().copied()).collect()
    }

    /// In thousandths, one number after the other.
    fn sum(&self, numbers: &[(u16, u8)], currency: Currency) -> i64 {
        let prices = numbers.iter().filter_map(|(account, sort)| self.price(*account, *sort));
        prices.filter(|price| price.0 == currency).map(|price| price.1).sum()
    }
}

fn thousandths(amount: i64, currency: Currency) -> Money {
    let text = format!("{}.{:03}", amount.abs() / 1_000, amount.abs() % 1_000);
    let money = Money::observed(&text, currency).expect("an amount");
    if amount < 0 { money.negated() } else { money }
}

proptest! {
    #[test]
    fn a_bill_is_the_sum_of_its_numbers_in_each_currency(case in case()) {
        let bill = case.bill();
        for currency in [currency(0), currency(2)] {
            let is = |sums: &Sums, numbers: &[(u16, u8)]| {
                (sums.amount_in(currency), thousandths(case.sum(numbers, currency), currency))
            };
            for (sums, numbers) in
                [(&bill.before, &case.live), (&bill.after, &case.afterwards()), (&bill.due_at_once, &case.bought)]
            {
                let (found, expected) = is(sums, numbers);
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn every_number_is_in_the_sums_or_counted_beside_them(case in case()) {
        let bill = case.bill();
        let unknown = |numbers: &[(u16, u8)]| {
            numbers.iter().filter(|(account, sort)| case.price(*account, *sort).is_none()).count()
        };
        prop_assert_eq!(bill.not_known.iter().map(|entry| entry.before).sum::<usize>(), unknown(&case.live));
        prop_assert_eq!(bill.unknown_after(), unknown(&case.afterwards()));
        prop_assert_eq!(bill.not_known.iter().map(|entry| entry.bought).sum::<usize>(), unknown(&case.bought));
    }

    #[test]
    fn the_change_is_the_sum_of_the_changes_where_nothing_moves(mut case in case()) {
        case.moved.clear();
        let bill = case.bill();
        let mut sums = Sums::default();
        bill.changes.values().for_each(|change| sums.add(*change));
        let change = bill.change();
        for currency in [currency(0), currency(2)] {
            prop_assert_eq!(change.amount_in(currency), sums.amount_in(currency));
        }
    }

    #[test]
    fn no_order_matters_and_what_is_held_costs_nothing(case in case()) {
        let mut plan = case.plan();
        let bill = case.bill_of(&plan, false);
        plan.steps.reverse();
        prop_assert_eq!(&case.bill_of(&plan, true), &bill);
        plan.steps.clear();
        let nothing = case.bill_of(&plan, false);
        for currency in [currency(0), currency(2)] {
            prop_assert_eq!(nothing.after.amount_in(currency), bill.before.amount_in(currency));
            prop_assert_eq!(nothing.before.amount_in(currency), bill.before.amount_in(currency));
        }
        prop_assert!(nothing.due_at_once.iter().all(Money::is_zero));
    }

    /// A price list that is missing takes its numbers out of the sums, and changes nothing else.
    #[test]
    fn an_unknown_price_changes_no_other_sum(case in case(), lost in (prop::bool::ANY, 0..3_u8)) {
        let payer = if lost.0 { 0 } else { 2 };
        let mut other = case.clone();
        let had = other.prices.remove(&(payer, lost.1));
        let (bill, less) = (case.bill(), other.bill());
        let counted = case.live.iter().filter(|(account, sort)| {
            self::payer(*account) == payer && *sort == lost.1
        });
        let missing = i64::from(had.unwrap_or_default()) * counted.count() as i64;
        let own = currency(payer);
        let mut expected = Sums::default();
        expected.add(less.before.amount_in(own));
        expected.add(thousandths(missing, own));
        prop_assert_eq!(bill.before.amount_in(own), expected.amount_in(own));
        let foreign = currency(2 - payer);
        prop_assert_eq!(bill.before.amount_in(foreign), less.before.amount_in(foreign));
        prop_assert_eq!(bill.after.amount_in(foreign), less.after.amount_in(foreign));
    }

    #[test]
    fn a_limit_on_money_refuses_exactly_what_it_must(
        case in case(), allowed in 0..60_000_i64, is_total in prop::bool::ANY, by_operator in prop::bool::ANY,
    ) {
        let (plan, bill, usd) = (case.plan(), case.bill(), currency(0));
        let limit = Some(thousandths(allowed, usd));
        let monthly = if is_total {
            MonthlyLimits { total: limit, increase: None }
        } else {
            MonthlyLimits { increase: limit, total: None }
        };
        let all = Limit::Percent(100);
        let none = MonthlyLimits::default();
        let (file, operator) = if by_operator { (none, monthly) } else { (monthly, none) };
        let file = Limits { purchases: all, releases: all, changes: all, release_guard: None, monthly: file };
        let operator = OperatorLimits { monthly: operator, ..OperatorLimits::default() };
        let refusal = guard::check(&plan, &file, &operator, Some(&bill), &Outlook::default());
        // By the model, number for number.
        let after = case.afterwards();
        let change = |currency| case.sum(&after, currency) - case.sum(&case.live, currency);
        let eur = currency(2);
        let gained: Vec<(u16, u8)> = case.moved.iter()
            .filter(|(at, to)| payer(case.live[**at].0) != payer(**to))
            .map(|(at, to)| (*to, case.live[*at].1))
            .chain(case.bought.iter().copied())
            .collect();
        let is_unknown = |numbers: &[(u16, u8)]| numbers.iter().any(|(a, sort)| case.price(*a, *sort).is_none());
        let raises = change(usd) > 0 || change(eur) > 0 || is_unknown(&gained);
        let must = raises && if is_total {
            case.sum(&after, usd) > allowed || case.sum(&after, eur) > 0 || is_unknown(&after)
        } else {
            change(usd) > allowed || change(eur) > 0 || is_unknown(&gained)
        };
        prop_assert_eq!(refusal.is_some(), must, "{:?}", refusal);
        if let Some(refusal) = refusal {
            prop_assert!(guard::approve(plan.clone(), &file, &operator, Some(&bill), &Outlook::default(), Some(refusal.digest)).is_ok());
        }
        // Without a bill nothing that may raise the cost gets through.
        let blind = guard::check(&plan, &file, &operator, None, &Outlook::default());
        let may_raise = !gained.is_empty();
        prop_assert_eq!(blind.is_some(), may_raise);
        if let Some(blind) = blind {
            prop_assert!(matches!(blind.monthly[..], [limit] if matches!(limit.how, Beyond::NotKnown(_))));
        }
    }
}

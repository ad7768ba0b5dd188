//! What the numbers cost a month before a plan and after it, and what is due at once: their rent, by
//! the price lists of the accounts that pay.
//!
//! What is not known stays out of the sums and is counted beside them: nothing is guessed. The time
//! comes in.

mod kept;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use kept::KeptPrices;

use crate::client::api::price::Prices;
use crate::desired::{AccountIndex, Desired};
use crate::model::action_kind::ActionKind;
use crate::model::money::{Currency, Money, Sums};
use crate::model::number::PhoneNumber;
use crate::model::tariff::{Class, Country, KindOnBill, PossibleKind, Tariff};
use crate::observed::Observed;
use crate::plan::{Action, Plan, claims};

/// Why a number's price is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unpriced {
    /// Nothing shows its country.
    NoCountry,
    /// Nothing shows its type, and the country's types have different prices.
    NoType,
    /// The country's price list has no price for its type.
    NotListed,
    /// A short code: in no price list.
    ShortCode,
    /// The price list could not be had.
    NoAnswer,
}

impl Unpriced {
    /// The word for it, in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCountry => "country_not_told",
            Self::NoType => "type_not_told",
            Self::NotListed => "not_in_price_list",
            Self::ShortCode => "short_code",
            Self::NoAnswer => "no_price_list",
        }
    }
}

/// A country's price list, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PriceList(Vec<(KindOnBill, Option<Money>)>);

impl PriceList {
    /// `None` where its unit is no currency. An amount that is not exactly one is not known.
    fn from_prices(prices: &Prices) -> Option<Self> {
        let currency = Currency::observed(&prices.unit)?;
        let price = |text: &Option<Box<str>>| Money::observed(text.as_deref()?, currency);
        Some(Self(prices.monthly.iter().map(|(kind, text)| (*kind, price(text))).collect()))
    }

    /// The price of what may be one of several types, where it is the same for all of them.
    fn price(&self, kind: PossibleKind) -> Result<Money, Unpriced> {
        let may_be = |listed: KindOnBill| match kind {
            PossibleKind::Is(KindOnBill::Other) | PossibleKind::ShortCode => false,
            PossibleKind::Is(kind) => listed == kind,
            PossibleKind::NotTollFree => listed != KindOnBill::TollFree,
            PossibleKind::Any => true,
        };
        let mut prices = self.0.iter().filter(|(listed, _)| may_be(*listed)).map(|(_, price)| *price);
        let first = prices.next().flatten().ok_or(Unpriced::NotListed)?;
        if prices.all(|price| price == Some(first)) { Ok(first) } else { Err(Unpriced::NoType) }
    }
}

/// The price lists that were to be had, by the account that pays and the country.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceBook(BTreeMap<(AccountIndex, Country), PriceList>);

impl PriceBook {
    /// Takes a country's prices for an account. Those in no currency are as none.
    pub fn take(&mut self, payer: AccountIndex, country: Country, prices: &Prices) {
        self.0.extend(PriceList::from_prices(prices).map(|list| ((payer, country), list)));
    }

    fn price(&self, payer: AccountIndex, class: Class) -> Result<Money, Unpriced> {
        if class.kind == PossibleKind::ShortCode {
            return Err(Unpriced::ShortCode);
        }
        let country = class.country.ok_or(Unpriced::NoCountry)?;
        self.0.get(&(payer, country)).ok_or(Unpriced::NoAnswer)?.price(class.kind)
    }
}

/// Who pays for an account's numbers: a subaccount is billed with its parent, where the file names that.
fn payer(plan: &Plan, account: AccountIndex) -> AccountIndex {
    plan.account(account).parent.unwrap_or(account)
}

fn is_moved_across_bills(plan: &Plan, action: &Action) -> bool {
    matches!(action, Action::Transfer { target, to, .. } if payer(plan, target.account) != payer(plan, *to))
}

/// Whether a plan changes what anybody pays: it buys, releases, or moves numbers from bill to bill.
#[must_use]
pub fn is_touched_by(plan: &Plan) -> bool {
    may_be_raised_by(plan) || plan.count(ActionKind::Release) > 0
}

/// Whether a plan may make anybody pay more.
#[must_use]
pub fn may_be_raised_by(plan: &Plan) -> bool {
    plan.steps
        .iter()
        .map(|step| &step.action)
        .any(|action| action.kind() == ActionKind::Purchase || is_moved_across_bills(plan, action))
}

/// Which numbers are there and which a plan acts on, as far as their price depends on it: what is kept
/// of a look at the fleet until the price lists are there.
#[derive(Debug, Clone)]
pub struct Census {
    /// Who pays for each account's numbers.
    payers: Vec<AccountIndex>,
    live: BTreeMap<(AccountIndex, Class), usize>,
    acted: BTreeMap<PhoneNumber, Class>,
    unread: Vec<AccountIndex>,
    /// The live numbers with each tag, where that is asked for.
    tagged: Option<BTreeMap<Tag, ClassCounts>>,
}

/// A tag's name and value.
type Tag = (Arc<str>, Arc<str>);

/// How many numbers there are of each sort, by the account that pays.
type ClassCounts = BTreeMap<(AccountIndex, Class), usize>;

impl Census {
    /// Counts all that is live in the plan's accounts.
    #[must_use]
    pub fn take(observed: &Observed, plan: &Plan) -> Self {
        let indices = (0..plan.accounts.len()).filter_map(|at| u16::try_from(at).ok()).map(AccountIndex);
        let payers: Vec<AccountIndex> = indices.clone().map(|at| payer(plan, at)).collect();
        let mut live = BTreeMap::new();
        let mut read = BTreeSet::new();
        for (account, listing) in observed.listings() {
            read.insert(account);
            for row in listing.rows() {
                let class = Class::for_number(row.number, row.tariff);
                *live.entry((payers[usize::from(account.0)], class)).or_default() += 1;
            }
        }
        let class = |action: &Action| {
            let number = action.number();
            let told = match action.target() {
                Some(target) => {
                    let mut found = observed.find(number);
                    found.find(|found| found.account == target.account).map(|found| found.live.tariff)
                }
                None => Some(Tariff { country: None, kind: observed.survey().kinds.get(&number).copied() }),
            };
            (number, Class::for_number(Some(number), told.unwrap_or_default()))
        };
        // A configuration costs nothing.
        let steps = plan.steps.iter().filter(|step| step.action.kind() != ActionKind::Configure);
        Self {
            acted: steps.map(|step| class(&step.action)).collect(),
            unread: indices.filter(|at| !read.contains(at)).collect(),
            payers,
            live,
            tagged: None,
        }
    }

    /// Counts the numbers with each tag, too.
    #[must_use]
    pub fn by_tag(mut self, observed: &Observed, desired: &Desired) -> Self {
        let mut tagged: BTreeMap<Tag, ClassCounts> = BTreeMap::new();
        // The numbers of a claim have its tags.
        for declared in &claims::bind(desired, observed).desired.numbers {
            let tags = declared.labels.iter().flat_map(|labels| &labels.tags);
            for (found, (name, value)) in
                tags.flat_map(|tag| observed.find(declared.number).map(move |found| (found, tag)))
            {
                let class = Class::for_number(Some(declared.number), found.live.tariff);
                let counts = tagged.entry((name.clone(), value.clone())).or_default();
                *counts.entry((self.payer(found.account), class)).or_default() += 1;
            }
        }
        self.tagged = Some(tagged);
        self
    }

    /// The numbers to buy of which `book` does not tell the price, and the accounts that buy them.
    #[must_use]
    pub fn untold(&self, plan: &Plan, book: &PriceBook) -> Vec<(PhoneNumber, AccountIndex)> {
        let bought = plan.steps.iter().filter_map(|step| match &step.action {
            Action::Purchase { number, account, .. } => Some((*number, *account)),
            Action::Transfer { .. } | Action::Configure { .. } | Action::Release { .. } => None,
        });
        bought
            .filter(|(number, account)| {
                let price = self.acted.get(number).map(|class| book.price(self.payer(*account), *class));
                matches!(price, Some(Err(Unpriced::NoCountry | Unpriced::NoType)))
            })
            .collect()
    }

    /// Takes what a number to buy is charged as, from the offer.
    pub fn tell(&mut self, number: PhoneNumber, offer: Tariff) {
        self.acted.insert(number, Class::for_number(Some(number), offer));
    }

    /// The price lists that a bill needs: for each account that pays, those of the countries in which
    /// it has numbers or will.
    #[must_use]
    pub fn wanted(&self, plan: &Plan) -> BTreeSet<(AccountIndex, Country)> {
        let live = self.live.keys().filter_map(|(payer, class)| Some((*payer, class.country?)));
        let gained = plan.steps.iter().filter_map(|step| {
            let class = self.acted.get(&step.action.number())?;
            Some((self.payer(step.action.account()), class.country?))
        });
        live.chain(gained).collect()
    }

    fn payer(&self, account: AccountIndex) -> AccountIndex {
        self.payers.get(usize::from(account.0)).copied().unwrap_or(account)
    }
}

/// Numbers of one sort whose price is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotKnown {
    /// The account that pays.
    pub payer: AccountIndex,
    pub class: Class,
    pub why: Unpriced,
    /// How many there are before the plan.
    pub before: usize,
    pub after: usize,
    /// How many of them it buys.
    pub bought: usize,
}

impl TagCost {
    fn for_tag(tag: &Tag, census: &Census, after: &ClassCounts, book: &PriceBook) -> Self {
        let before = census.tagged.as_ref().and_then(|tagged| tagged.get(tag));
        let sums = |counts: &ClassCounts| {
            let (mut sums, mut not_known) = (Sums::default(), 0);
            for ((payer, class), count) in counts {
                match book.price(*payer, *class) {
                    Ok(price) => sums.add(price.times(*count)),
                    Err(_) => not_known += count,
                }
            }
            (sums, not_known)
        };
        let (after, not_known) = sums(after);
        let before = before.map(|counts| sums(counts).0).unwrap_or_default();
        let (name, value) = tag.clone();
        Self { name, value, before, after, not_known }
    }
}

/// The rent of the numbers of all accounts of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bill {
    /// A month, as it is.
    pub before: Sums,
    /// A month, once the plan is carried out.
    pub after: Sums,
    /// Due as it is carried out: the first month of what it buys. A release refunds nothing.
    pub due_at_once: Sums,
    /// What is in none of the sums.
    pub not_known: Vec<NotKnown>,
    /// Accounts that could not be read: what they have is in none of the sums either.
    pub unread: Vec<AccountIndex>,
    /// By what each purchase and release changes a month, where that is known.
    pub changes: BTreeMap<PhoneNumber, Money>,
    /// How many steps raise the cost by what is not known.
    pub raised_by_unknown: usize,
    /// The numbers with each tag, where that was asked for. A number with two tags is under both.
    pub by_tag: Vec<TagCost>,
}

/// What the numbers with a tag cost a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagCost {
    /// The tag's name.
    pub name: Arc<str>,
    /// Its value.
    pub value: Arc<str>,
    /// As it is.
    pub before: Sums,
    /// Once the plan is carried out.
    pub after: Sums,
    /// How many numbers are in neither afterwards: their price is not known.
    pub not_known: usize,
}

impl Bill {
    /// The bill of a plan. Only its steps count: what is held or waits changes nothing. A transfer
    /// changes who pays.
    #[must_use]
    pub fn from_plan(plan: &Plan, census: &Census, book: &PriceBook) -> Self {
        let mut bill = Self { unread: census.unread.clone(), ..Self::default() };
        let mut after = census.live.clone();
        let mut tagged = census.tagged.clone().unwrap_or_default();
        let mut bought: BTreeMap<(AccountIndex, Class), usize> = BTreeMap::new();
        for step in &plan.steps {
            let Some(&class) = census.acted.get(&step.action.number()) else { continue };
            let (loses, gains) = match &step.action {
                Action::Purchase { account, .. } => (None, Some(census.payer(*account))),
                Action::Release { target } => (Some(census.payer(target.account)), None),
                Action::Transfer { target, to, .. } => {
                    (Some(census.payer(target.account)), Some(census.payer(*to)))
                }
                Action::Configure { .. } => continue,
            };
            if loses == gains {
                continue;
            }
            let tags = plan.tags.get(&step.action.number()).filter(|_| census.tagged.is_some());
            for (name, value) in tags.iter().flat_map(|labels| &labels.tags) {
                let counts = tagged.entry((name.clone(), value.clone())).or_default();
                if let Some(payer) = loses {
                    counts.entry((payer, class)).and_modify(|count| *count = count.saturating_sub(1));
                }
                if let Some(payer) = gains {
                    *counts.entry((payer, class)).or_default() += 1;
                }
            }
            if let Some(payer) = loses {
                after.entry((payer, class)).and_modify(|count| *count = count.saturating_sub(1));
            }
            if let Some(payer) = gains {
                *after.entry((payer, class)).or_default() += 1;
                bill.raised_by_unknown += usize::from(book.price(payer, class).is_err());
            }
            match (loses, gains) {
                (None, Some(payer)) => {
                    *bought.entry((payer, class)).or_default() += 1;
                    bill.changes.extend(book.price(payer, class).map(|price| (step.action.number(), price)));
                }
                (Some(payer), None) => {
                    let price = book.price(payer, class).map(Money::negated);
                    bill.changes.extend(price.map(|price| (step.action.number(), price)));
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        // What was there before may be gone, and what is there afterwards new.
        let keys: BTreeSet<_> = census.live.keys().chain(after.keys()).copied().collect();
        for key in keys {
            let of = |counts: &BTreeMap<_, usize>| counts.get(&key).copied().unwrap_or_default();
            let (before, after, bought) = (of(&census.live), of(&after), of(&bought));
            let (payer, class) = key;
            match book.price(payer, class) {
                Ok(price) => {
                    bill.before.add(price.times(before));
                    bill.after.add(price.times(after));
                    bill.due_at_once.add(price.times(bought));
                }
                Err(why) => bill.not_known.push(NotKnown { payer, class, why, before, after, bought }),
            }
        }
        bill.by_tag = tagged.iter().map(|(tag, after)| TagCost::for_tag(tag, census, after, book)).collect();
        bill
    }

    /// By what the plan changes a month, as far as that is known.
    #[must_use]
    pub fn change(&self) -> Sums {
        self.after.minus(&self.before)
    }

    /// How many numbers are in none of the sums afterwards.
    #[must_use]
    pub fn unknown_after(&self) -> usize {
        self.not_known.iter().map(|entry| entry.after).sum()
    }
}

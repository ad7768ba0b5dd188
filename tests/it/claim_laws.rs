//! What holds of claims, whatever is live, on offer, and on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numctl::client::listing::{Listing, ListingBuilder, ListingPage, Progress};
use numctl::desired::AccountRef;
use numctl::desired::{AccountIndex, Desired, Format, Source};
use numctl::model::action_kind::ActionKind;
use numctl::model::claim::{ClaimName, Mark, Slot};
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, PhoneNumber};
use numctl::model::settings::{Field, Want};
use numctl::model::tariff::Tariff;
use numctl::observed::{Finds, InFlight, Observed, Offers, Sight, Survey};
use numctl::plan::claims::{AdoptError, adopt};
use numctl::plan::{Action, plan};
use proptest::prelude::*;

const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn number(at: u8) -> PhoneNumber {
    PhoneNumber::declared(&format!("+121255501{at:02}")).expect("a number")
}

fn slot(claim: usize, index: u16) -> Slot {
    Slot { claim: ClaimName::parse(["a", "ab"][claim]).expect("a name"), index }
}

fn declared(counts: [u16; 2], named: &BTreeSet<u8>) -> Desired {
    let mut text = format!(
        "version: 1\naccounts: {{main: {{sid: {ACCOUNT}, credentials: {{env: MAIN}}}}}}\npolicy: {{unlisted: \
         release}}\nclaims:\n"
    );
    for (name, count) in ["a", "ab"].iter().zip(counts) {
        text.push_str(&format!(
            "  - {{name: {name}, count: {count}, match: {{country: US, type: local}}}}\n"
        ));
    }
    if !named.is_empty() {
        text.push_str("numbers:\n");
    }
    for at in named {
        text.push_str(&format!("  - phone_number: \"{}\"\n", number(*at)));
    }
    text.push_str("...\n");
    let source = Source { name: "fleet.yaml".into(), text, format: Format::Yaml };
    Desired::parse(&[source]).expect("a good file").desired
}

/// What a live number's name says.
#[derive(Debug, Clone)]
enum Name {
    Plain,
    Marked(usize, u16),
    Copied(usize, u16),
}

fn listing(live: &BTreeMap<u8, Name>) -> Listing {
    let rows = live
        .iter()
        .map(|(at, name)| {
            let name = match name {
                Name::Plain => "Support".to_owned(),
                Name::Marked(claim, index) => slot(*claim, *index).name_of(number(*at), None),
                Name::Copied(claim, index) => slot(*claim, *index).name_of(number(99), Some("x")),
            };
            Live {
                number: Some(number(*at)),
                raw_number: None,
                sid: None,
                account_sid: None,
                friendly_name: Some(name.into()),
                settings: Arc::default(),
                sms: None,
                tariff: Tariff::default(),
                emergency_address_status: None,
            }
        })
        .collect();
    let account = AccountSid::observed(ACCOUNT).expect("a SID");
    match ListingBuilder::new(account)
        .push(ListingPage { rows, ..ListingPage::default() })
        .expect("a listing")
    {
        Progress::Complete(listing) => listing,
        Progress::More(..) => unreachable!("one page"),
    }
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        Just(Name::Plain),
        (0..2_usize, 1..5_u16).prop_map(|(claim, index)| Name::Marked(claim, index)),
        (0..2_usize, 1..5_u16).prop_map(|(claim, index)| Name::Copied(claim, index)),
    ]
}

/// Purchases whose outcome is open, by slot.
fn in_flight(flying: &BTreeMap<(usize, u16), Vec<u8>>) -> BTreeMap<Slot, InFlight> {
    let one = |((claim, index), numbers): (&(usize, u16), &Vec<u8>)| {
        let numbers = numbers.iter().copied().map(number).collect();
        (slot(*claim, *index), InFlight { numbers, until: Some(1) })
    };
    flying.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_plan_has_a_claim_own_more_than_it_counts(
        counts in [0..5_u16, 0..5_u16],
        live in prop::collection::btree_map(0..30_u8, name(), 0..8),
        named in prop::collection::btree_set(0..30_u8, 0..3),
        offered in prop::collection::vec(0..30_u8, 0..25),
        flying in prop::collection::btree_map((0..2_usize, 1..5_u16), prop::collection::vec(0..30_u8, 1..3), 0..3),
    ) {
        let desired = declared(counts, &named);
        let in_flight = in_flight(&flying);
        let offers = Offers::Found(Finds::from_numbers(offered.iter().copied().map(number).collect()));
        let offers = [0, 1].map(|claim| (slot(claim, 1).claim, offers.clone())).into();
        let survey = Survey { offers, in_flight: in_flight.clone(), ..Survey::default() };
        let observed = Observed::from_accounts(vec![Sight::Complete(listing(&live))], survey);
        let account = AccountRef { name: "main".into(), sid: AccountSid::observed(ACCOUNT).expect("a SID"), parent: None };
        let plan = plan(&desired, &[account], &observed);

        let mut holders: BTreeMap<Slot, usize> = BTreeMap::new();
        for (at, name) in &live {
            if let Name::Marked(claim, index) = name {
                *holders.entry(slot(*claim, *index)).or_default() += usize::from(number(*at) != number(99));
            }
        }
        let mut candidates = BTreeSet::new();
        for step in &plan.steps {
            let Action::Purchase { number: bought, claim: Some(claimed), .. } = &step.action else { continue };
            // Its slot is nobody's, and nothing is on its way to it.
            prop_assert!(!holders.contains_key(&claimed.slot) && !in_flight.contains_key(&claimed.slot));
            for candidate in std::iter::once(bought).chain(&claimed.instead) {
                prop_assert!(candidates.insert(*candidate), "{candidate} is named twice");
                prop_assert!(offered.iter().any(|at| number(*at) == *candidate));
                prop_assert!(!live.keys().any(|at| number(*at) == *candidate), "{candidate} is ours already");
                prop_assert!(!named.iter().any(|at| number(*at) == *candidate), "{candidate} is named by its digits");
                let flies = in_flight.values().any(|flight| flight.numbers.contains(candidate));
                prop_assert!(!flies, "{candidate} may be on its way for another slot");
            }
        }
        for (claim, count) in counts.iter().enumerate() {
            let name = slot(claim, 1).claim;
            let bought = plan
                .steps
                .iter()
                .filter(|step| step.action.claimed().is_some_and(|claimed| claimed.slot.claim == name))
                .count();
            let has = holders.iter().filter(|(slot, _)| slot.claim == name).map(|(_, many)| many).sum::<usize>();
            let flies = in_flight.keys().filter(|slot| slot.claim == name && !holders.contains_key(slot)).count();
            prop_assert!(bought == 0 || has + flies + bought <= usize::from(*count), "{name}: {plan:?}");
        }
        // What a claim has is never released while it counts it.
        for step in plan.steps.iter().filter(|step| step.action.kind() == ActionKind::Release) {
            let kept = live.iter().any(|(at, name)| {
                number(*at) == step.action.number()
                    && matches!(name, Name::Marked(claim, index) if {
                        let lower = holders.keys().filter(|other| other.claim == slot(*claim, 1).claim && other.index < *index);
                        lower.count() < usize::from(counts[*claim])
                    })
            });
            prop_assert!(!kept, "{} is released: {plan:?}", step.action.number());
        }
        prop_assert!(plan.steps.iter().all(|step| step.action.account() == AccountIndex(0)));
    }

    /// A number that is adopted fills one slot that nobody has, and nothing else is done.
    #[test]
    fn an_adopted_number_fills_one_free_slot_and_nothing_else_happens(
        counts in [0..5_u16, 0..5_u16],
        live in prop::collection::btree_map(0..8_u8, name(), 0..8),
        named in prop::collection::btree_set(0..8_u8, 0..3),
        flying in prop::collection::btree_map((0..2_usize, 1..5_u16), prop::collection::vec(0..8_u8, 1..3), 0..3),
        at in 0..8_u8, claim in 0..3_usize,
    ) {
        let desired = declared(counts, &named);
        let in_flight = in_flight(&flying);
        let survey = Survey { in_flight: in_flight.clone(), ..Survey::default() };
        let observed = Observed::from_accounts(vec![Sight::Complete(listing(&live))], survey);
        let mark = |name: &Name| match name {
            Name::Marked(claim, index) => Some(slot(*claim, *index)),
            Name::Plain | Name::Copied(..) => None,
        };
        let holders: BTreeSet<Slot> = live.values().filter_map(mark).collect();
        let own = live.get(&at).and_then(mark);
        let of_claim = |slot: &&Slot| claim < 2 && slot.claim == self::slot(claim, 1).claim;
        let used = holders.iter().chain(in_flight.keys()).filter(of_claim).collect::<BTreeSet<_>>().len();
        let count = usize::from(counts.get(claim).copied().unwrap_or(0));
        let bought = in_flight.iter().find(|(slot, flight)| of_claim(slot) && flight.numbers.contains(&number(at)));
        let is_known = claim < 2;
        match adopt(&desired, &observed, ["a", "ab", "none"][claim], number(at)) {
            Ok(only) => {
                prop_assert!(is_known && live.contains_key(&at) && own.is_none() && !named.contains(&at));
                prop_assert!(only.claims.is_empty());
                let [declared] = &only.numbers[..] else { panic!("{:?}", only.numbers) };
                let Some(Want::Set(name)) = declared.settings.get(Field::FriendlyName) else { panic!("no name") };
                let Mark::Of(filled) = Slot::read(&name.wire(), number(at)) else { panic!("{name:?}") };
                prop_assert!(of_claim(&&filled));
                match bought {
                    Some((slot, _)) => prop_assert_eq!(&filled, slot, "it was bought for that one"),
                    None => prop_assert!(!holders.contains(&filled) && !in_flight.contains_key(&filled) && used < count),
                }
                let account = AccountRef { name: "main".into(), sid: AccountSid::observed(ACCOUNT).expect("a SID"), parent: None };
                let plan = plan(&only, &[account], &observed);
                let kinds: Vec<_> = plan.steps.iter().map(|step| (step.action.number(), step.action.kind())).collect();
                prop_assert_eq!(kinds, [(number(at), ActionKind::Configure)]);
            }
            Err(AdoptError::NoClaim(name)) => prop_assert!(!is_known && name == "none"),
            Err(AdoptError::Bound(_, slot)) => prop_assert_eq!(Some(slot), own),
            Err(AdoptError::Named(_)) => prop_assert!(named.contains(&at) && own.is_none()),
            Err(AdoptError::NotOurs(_)) => prop_assert!(!live.contains_key(&at) && !named.contains(&at)),
            Err(AdoptError::Full { .. }) => prop_assert!(used >= count && bought.is_none()),
        }
    }
}

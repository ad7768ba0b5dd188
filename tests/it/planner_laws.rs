//! What holds for every plan, whatever is declared and whatever is live.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numctl::client::listing::{Listing, ListingBuilder, Page, Progress};
use numctl::desired::AccountRef;
use numctl::desired::{
    Access, Account, AccountIndex, CredentialsAt, Declared, Desired, EnvPrefix, Place, Policy, State,
    Unlisted,
};
use numctl::model::action_kind::ActionKind;
use numctl::model::hold::Standstill;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Field, Kind, Managed, Settings, Value, Want};
use numctl::observed::{Observed, Sight, Survey, Trouble};
use numctl::plan::digest::Digest;
use numctl::plan::{Action, HeldReason, Plan, Reason, Warning, plan};
use numctl::report::export::Fleet;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub(super) const ACCOUNTS: u16 = 3;

/// So few numbers that what is declared and what is live meet often.
const NUMBERS: &[&str] = &[
    "+15552230000",
    "+15552230001",
    "+15552230002",
    "+15552230003",
    "+15552230010",
    "+442079460000",
    "+442079460001",
    "+4915112345678",
    "88811",
    "12345",
];

fn texts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Text => &["Support", "Sales"],
        Kind::Url => {
            &["https://a.example", "https://a.example/", "https://b.example/x", "https://u:p@b.example/x"]
        }
        Kind::Method => &["GET", "POST"],
        Kind::Application => &["AP00000000000000000000000000000001", "AP00000000000000000000000000000002"],
        Kind::Trunk => &["TK00000000000000000000000000000001", "TK00000000000000000000000000000002"],
        Kind::Address => &["AD00000000000000000000000000000001"],
        Kind::Identity => &["RI00000000000000000000000000000001"],
        Kind::Bundle => &["BU00000000000000000000000000000001"],
        Kind::ReceiveMode => &["voice", "fax"],
        Kind::Flag => &["true", "false"],
    }
}

fn a_value(field: Field) -> impl Strategy<Value = Value> {
    select(texts(field.kind())).prop_map(move |text| Value::observed(field.kind(), text).expect("not empty"))
}

fn some_fields() -> impl Strategy<Value = Vec<Field>> {
    subsequence(Field::all().collect::<Vec<_>>(), 0..8)
}

fn live_settings() -> impl Strategy<Value = BTreeMap<Field, Value>> {
    some_fields()
        .prop_flat_map(|fields| {
            fields.into_iter().map(|field| (Just(field), a_value(field))).collect::<Vec<_>>()
        })
        .prop_map(|entries| {
            let mut settings: BTreeMap<_, _> = entries.into_iter().collect();
            if settings.contains_key(&Field::VoiceApplicationSid) {
                settings.remove(&Field::VoiceTrunkSid);
            }
            settings
        })
}

/// What a file may say: no contradictions.
fn managed() -> impl Strategy<Value = Managed> {
    some_fields()
        .prop_flat_map(|fields| {
            let want = |field| {
                let want = prop_oneof![1 => Just(Want::Clear), 3 => a_value(field).prop_map(Want::Set)];
                (Just(field), want)
            };
            fields.into_iter().map(want).collect::<Vec<_>>()
        })
        .prop_map(|entries| {
            let mut wants: BTreeMap<Field, Want> = entries.into_iter().collect();
            if matches!(wants.get(&Field::VoiceApplicationSid), Some(Want::Set(_))) {
                wants.remove(&Field::VoiceTrunkSid);
            }
            for (fallback, primary) in
                [(Field::VoiceFallbackUrl, Field::VoiceUrl), (Field::SmsFallbackUrl, Field::SmsUrl)]
            {
                if wants.get(&primary) == Some(&Want::Clear) {
                    wants.remove(&fallback);
                }
            }
            wants.into_iter().collect()
        })
}

/// One live row before it is a [`Live`].
#[derive(Debug, Clone)]
struct Row {
    account: u16,
    number: Option<&'static str>,
    has_sid: bool,
    /// Stays beside another row of the same number.
    may_repeat: bool,
    settings: BTreeMap<Field, Value>,
    sms: Option<bool>,
}

fn row() -> impl Strategy<Value = Row> {
    let number = prop_oneof![9 => select(NUMBERS).prop_map(Some), 1 => Just(None)];
    let weighted = |weight| prop::bool::weighted(weight);
    (0..ACCOUNTS, number, weighted(0.9), weighted(0.1), live_settings(), any::<Option<bool>>()).prop_map(
        |(account, number, has_sid, may_repeat, settings, sms)| Row {
            account,
            number,
            has_sid,
            may_repeat,
            settings,
            sms,
        },
    )
}

/// The live numbers by account: what a model of the API holds.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) accounts: Vec<Vec<Live>>,
    bought: u64,
}

pub(super) fn world() -> impl Strategy<Value = World> {
    prop::collection::vec(row(), 0..12).prop_map(|rows| {
        let mut accounts = vec![Vec::new(); usize::from(ACCOUNTS)];
        let mut seen = BTreeSet::new();
        for (at, row) in rows.into_iter().enumerate() {
            if row.number.is_some_and(|number| !seen.insert(number)) && !row.may_repeat {
                continue;
            }
            accounts[usize::from(row.account)].push(live(at as u64, row));
        }
        World { accounts, bought: 1_000 }
    })
}

fn live(at: u64, row: Row) -> Live {
    let mut settings = row.settings;
    let friendly_name = settings.remove(&Field::FriendlyName).map(|value| value.wire().into());
    Live {
        number: row.number.map(|text| PhoneNumber::observed(text).expect("a number")),
        raw_number: None,
        sid: row.has_sid.then(|| number_sid(at)),
        account_sid: None,
        friendly_name,
        settings: Arc::new(settings.into_iter().collect()),
        sms: row.sms,
        emergency_address_status: None,
        tariff: numctl::model::tariff::Tariff::default(),
    }
}

fn number_sid(at: u64) -> NumberSid {
    NumberSid::declared(&format!("PN{at:032x}")).expect("a SID")
}

fn account_sid(at: u16) -> AccountSid {
    AccountSid::declared(&format!("AC{at:032x}")).expect("a SID")
}

fn declared(number: &'static str) -> impl Strategy<Value = Declared> {
    let state = prop_oneof![4 => Just(State::Present), 1 => Just(State::Released)];
    (0..ACCOUNTS, state, prop::bool::weighted(0.2), managed()).prop_map(
        move |(account, state, protect, settings)| Declared {
            number: PhoneNumber::declared(number).expect("a number"),
            account: AccountIndex(account),
            state,
            hold: None,
            on_vanished: None,
            protect,
            settings,
            place: Place { file: 0, entry: 0 },
        },
    )
}

pub(super) fn desired() -> impl Strategy<Value = Desired> {
    let numbers = subsequence(NUMBERS, 0..NUMBERS.len())
        .prop_flat_map(|numbers| numbers.into_iter().map(declared).collect::<Vec<_>>());
    let unlisted = select(&[Unlisted::Ignore, Unlisted::Report, Unlisted::Release]);
    (numbers, unlisted).prop_map(|(mut numbers, unlisted)| {
        numbers.sort_by_key(|declared| declared.number);
        Desired {
            accounts: accounts(),
            policy: Policy { unlisted, ..Policy::default() },
            standstill: Standstill::default(),
            numbers,
            claims: Vec::new(),
            files: vec!["numctl.yaml".into()],
        }
    })
}

fn accounts() -> Vec<Account> {
    let account = |at: u16| Account {
        name: format!("account-{at}").into(),
        sid: Some(account_sid(at)),
        parent: (at > 0).then_some(AccountIndex(0)),
        access: Access {
            credentials: EnvPrefix::parse(&format!("TWILIO_{at}")).map(CredentialsAt::Env),
            ..Access::default()
        },
        hold: None,
    };
    (0..ACCOUNTS).map(account).collect()
}

pub(super) fn account_refs() -> Vec<AccountRef> {
    let refs = accounts().into_iter();
    refs.map(|a| AccountRef { name: a.name, sid: a.sid.expect("declared"), parent: a.parent }).collect()
}

impl World {
    pub(super) fn observed(&self) -> Observed {
        Observed::new(
            self.accounts.iter().zip(0..).map(|(rows, at)| listing(at, vec![rows.clone()])).collect(),
        )
    }

    pub(super) fn plan(&self, desired: &Desired) -> Plan {
        plan(desired, &account_refs(), &self.observed())
    }

    fn find(&mut self, account: AccountIndex, number: PhoneNumber) -> &mut Live {
        let rows = &mut self.accounts[usize::from(account.0)];
        let mut found = rows.iter_mut().filter(|live| live.number == Some(number));
        let row = found.next().expect("an action finds its number in the account that it names");
        assert!(found.next().is_none(), "an action on an ambiguous number");
        row
    }

    fn take(&mut self, account: AccountIndex, number: PhoneNumber) -> Live {
        self.find(account, number);
        let rows = &mut self.accounts[usize::from(account.0)];
        let at = rows.iter().position(|live| live.number == Some(number)).expect("found above");
        rows.remove(at)
    }

    /// Does what the plan says, as the API does it: what the API refuses fails the test.
    pub(super) fn apply(&mut self, plan: &Plan) {
        for step in &plan.steps {
            match &step.action {
                Action::Purchase { number, account, settings, claim: _ } => {
                    self.bought += 1;
                    let mut live = Live {
                        number: Some(*number),
                        raw_number: None,
                        sid: Some(number_sid(self.bought)),
                        account_sid: None,
                        friendly_name: None,
                        settings: Arc::default(),
                        sms: Some(true),
                        emergency_address_status: None,
                        tariff: numctl::model::tariff::Tariff::default(),
                    };
                    write(&mut live, settings.iter());
                    self.accounts[usize::from(account.0)].push(live);
                }
                Action::Transfer { target, to, settings } => {
                    let mut live = self.take(target.account, target.number);
                    let changes = numctl::plan::diff::changes(settings, &live);
                    write(&mut live, changes.iter().map(|change| (change.field, &change.want)));
                    self.accounts[usize::from(to.0)].push(live);
                }
                Action::Configure { target, account, changes } => {
                    let live = self.find(*account, target.number);
                    write(live, changes.iter().map(|change| (change.field, &change.want)));
                }
                Action::Release { target } => {
                    self.take(target.account, target.number);
                }
            }
        }
    }
}

fn write<'a>(live: &mut Live, wants: impl Iterator<Item = (Field, &'a Want)>) {
    let mut settings: BTreeMap<Field, Value> =
        live.all_settings().iter().map(|(field, value)| (field, value.clone())).collect();
    let mut written = BTreeSet::new();
    for (field, want) in wants {
        assert!(!(field.is_sms() && live.sms == Some(false)), "21407: {field} on a number without SMS");
        match Value::observed(field.kind(), &want.wire(field)) {
            Some(value) => {
                if let Some(cleared) = field.clears_at_api() {
                    settings.remove(&cleared);
                }
                settings.insert(field, value);
                written.insert(field);
            }
            None => {
                settings.remove(&field);
            }
        }
    }
    for (fallback, primary) in
        [(Field::VoiceFallbackUrl, Field::VoiceUrl), (Field::SmsFallbackUrl, Field::SmsUrl)]
    {
        let refused = written.contains(&fallback) && !settings.contains_key(&primary);
        assert!(!refused, "21405, 21406: {fallback} without {primary}");
    }
    live.friendly_name = settings.remove(&Field::FriendlyName).map(|value| value.wire().into());
    live.settings = Arc::new(settings.into_iter().collect());
}

pub(super) fn listing(account: u16, pages: Vec<Vec<Live>>) -> Listing {
    let mut builder = ListingBuilder::new(account_sid(account));
    let last = pages.len() - 1;
    for (at, rows) in pages.into_iter().enumerate() {
        let next = (at < last).then(|| format!("/page/{}", at + 1).into());
        match builder.push(Page { rows, next, ..Page::default() }).expect("a listing") {
            Progress::More(more, _) => builder = more,
            Progress::Complete(listing) => return listing,
        }
    }
    unreachable!("the last page completes the listing")
}

fn kinds(plan: &Plan) -> Vec<(ActionKind, PhoneNumber)> {
    plan.steps.iter().map(|step| (step.action.kind(), step.action.number())).collect()
}

fn inert(plan: &Plan) -> Vec<Warning> {
    plan.warnings.iter().filter(|warning| matches!(warning, Warning::Inert { .. })).cloned().collect()
}

/// A world of which one account is dark, or shut.
fn darkened(world: &World, at: u16, shut: bool) -> Observed {
    let trouble = Trouble { why: "it is shut".into(), help: None, request_id: None };
    let sight = |(rows, account): (&Vec<Live>, u16)| match (account == at, shut) {
        (false, _) => Sight::Complete(listing(account, vec![rows.clone()])),
        (true, true) => Sight::Shut(listing(account, vec![rows.clone()]), trouble.clone()),
        (true, false) => Sight::Dark(trouble.clone()),
    };
    Observed::of(world.accounts.iter().zip(0..).map(sight).collect(), Survey::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Law 3, account by account: nothing is done in one that is in trouble, nothing is bought while
    /// one is in the dark, and what is planned besides is what would be planned anyway.
    #[test]
    fn an_account_in_trouble_is_left_alone_and_stops_no_other(
        world in world(), desired in desired(), at in 0..ACCOUNTS, shut in any::<bool>(),
    ) {
        let whole = world.plan(&desired);
        let part = plan(&desired, &account_refs(), &darkened(&world, at, shut));
        prop_assert!(part.has_errors());
        prop_assert_eq!(part.troubles.len(), 1);
        for step in &part.steps {
            let action = &step.action;
            prop_assert!(action.account() != AccountIndex(at));
            prop_assert!(action.target().is_none_or(|target| target.account != AccountIndex(at)));
            prop_assert!(shut || action.kind() != ActionKind::Purchase);
            // What only the dark account knows cannot make a number ambiguous.
            let is_double = |live: &Live| live.number == Some(action.number());
            let is_known = shut || !world.accounts[usize::from(at)].iter().any(is_double);
            prop_assert!(!is_known || whole.steps.contains(step), "{:?}", step);
        }
        let elsewhere = |plan: &Plan| -> Vec<PhoneNumber> {
            let touches = |step: &&numctl::plan::Step| {
                step.action.account() != AccountIndex(at)
                    && step.action.target().is_none_or(|target| target.account != AccountIndex(at))
            };
            let stays = |step: &&numctl::plan::Step| {
                matches!(step.action.kind(), ActionKind::Configure | ActionKind::Transfer)
            };
            plan.steps.iter().filter(touches).filter(stays).map(|step| step.action.number()).collect()
        };
        // A number that the dark account has as well is not known to be ambiguous: nothing is lost.
        let lost: Vec<_> = elsewhere(&whole).into_iter().filter(|n| !elsewhere(&part).contains(n)).collect();
        prop_assert!(lost.is_empty(), "{:?}", lost);
    }

    #[test]
    fn a_plan_done_leaves_nothing_to_plan(desired in desired(), mut world in world()) {
        let first = world.plan(&desired);
        world.apply(&first);
        let second = world.plan(&desired);
        prop_assert!(second.is_empty(), "{:?}\nthen {:?}", first.steps, second.steps);
        prop_assert_eq!(&first.held, &second.held);
        prop_assert_eq!(inert(&first), inert(&second), "what will be inert is said beforehand");
    }

    #[test]
    fn the_order_of_the_listings_does_not_matter(
        desired in desired(), world in world(), seed in any::<u64>(), split in 0..4_usize,
    ) {
        let shuffled = Observed::new(world.accounts.iter().zip(0..).map(|(rows, account)| {
            let mut rows = rows.clone();
            // Any order that is not the first one will do.
            rows.sort_by_key(|live| {
                let text = format!("{seed}{:?}{:?}", live.sid, live.number);
                text.bytes().fold(seed, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
            });
            rows.reverse();
            let rest = rows.split_off(split.min(rows.len()));
            listing(account, vec![rows, rest])
        }).collect());
        let one = world.plan(&desired);
        let other = plan(&desired, &account_refs(), &shuffled);
        prop_assert_eq!(Digest::of(&one), Digest::of(&other));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn unmanaged_fields_never_change(desired in desired(), world in world()) {
        let plan = world.plan(&desired);
        let mut after = world.clone();
        after.apply(&plan);
        let after = after.observed();
        for (number, before) in world.observed().numbers() {
            let found: Vec<_> = after.find(number).collect();
            let [found] = found[..] else { continue };
            for field in Field::all() {
                let is_managed = desired
                    .declared(number)
                    .is_some_and(|d| d.state == State::Present && d.settings.get(field).is_some());
                let is_announced = plan.warnings.iter().any(|warning| {
                    matches!(warning, Warning::ClearsUnmanaged { number: n, clears, .. } if *n == number && *clears == field)
                });
                if !is_managed && !is_announced {
                    prop_assert_eq!(before.live.get(field), found.live.get(field), "{} {}", number, field);
                }
            }
        }
    }

    #[test]
    fn nothing_is_released_without_the_files_word(desired in desired(), world in world()) {
        for step in &world.plan(&desired).steps {
            let declared = desired.declared(step.action.number());
            match (step.action.kind(), step.reason) {
                (ActionKind::Release, Reason::Tombstone) => {
                    // In the account that it names, too.
                    let asked = |d: &Declared| d.state == State::Released && d.account == step.action.account();
                    prop_assert!(declared.is_some_and(asked));
                }
                (ActionKind::Release, reason) => {
                    prop_assert_eq!(reason, Reason::Unlisted);
                    prop_assert!(declared.is_none() && desired.policy.unlisted == Unlisted::Release);
                }
                _ => prop_assert!(declared.is_some_and(|d| d.state == State::Present)),
            }
        }
    }

    #[test]
    fn what_is_protected_is_never_released_or_moved(desired in desired(), world in world()) {
        for step in &world.plan(&desired).steps {
            if desired.declared(step.action.number()).is_some_and(|declared| declared.protect) {
                let kind = step.action.kind();
                prop_assert!(matches!(kind, ActionKind::Purchase | ActionKind::Configure), "{:?}", step);
            }
        }
    }

    #[test]
    fn short_codes_are_never_bought_and_what_is_seen_twice_is_left_alone(
        desired in desired(), world in world(),
    ) {
        let observed = world.observed();
        let plan = world.plan(&desired);
        for (kind, number) in kinds(&plan) {
            prop_assert!(kind != ActionKind::Purchase || !number.is_short_code());
            prop_assert!(observed.find(number).count() <= 1);
        }
        for held in plan.held.iter().filter(|held| held.why == HeldReason::Ambiguous) {
            prop_assert!(observed.find(held.number).count() > 1);
        }
    }

    #[test]
    fn what_is_declared_is_live_planned_or_held(desired in desired(), world in world()) {
        let observed = world.observed();
        let plan = world.plan(&desired);
        let is_held = |number| plan.held.iter().any(|held| held.number == number);
        let mut unchanged = 0;
        for declared in desired.numbers.iter().filter(|declared| declared.state == State::Present) {
            let mut found = observed.find(declared.number).filter(|_| !is_held(declared.number));
            let Some(found) = found.next() else { continue };
            let mut steps = plan.steps.iter().filter(|step| step.action.number() == declared.number);
            let is_planned = |field| steps.clone().any(|step| match &step.action {
                Action::Configure { changes, .. } => changes.iter().any(|change| change.field == field),
                Action::Purchase { .. } | Action::Transfer { .. } | Action::Release { .. } => false,
            });
            for (field, want) in declared.settings.iter() {
                let is_met = numctl::plan::diff::is_met(field, want, found.live);
                prop_assert!(is_met || is_planned(field), "{} {}", declared.number, field);
            }
            unchanged += usize::from(steps.next().is_none());
        }
        let released = desired.numbers.iter().filter(|declared| declared.state == State::Released);
        let gone = released.filter(|declared| observed.find(declared.number).next().is_none()).count();
        prop_assert_eq!(plan.unchanged, unchanged + gone);
    }

    #[test]
    fn unrelated_live_numbers_change_nothing(
        mut desired in desired(), mut world in world(), more in prop::collection::vec(row(), 0..6),
    ) {
        desired.policy.unlisted = Unlisted::Ignore;
        let before = world.plan(&desired);
        for (at, row) in more.into_iter().enumerate() {
            let mut live = live(500 + at as u64, Row { has_sid: true, ..row });
            live.number = PhoneNumber::observed(&format!("+1777{at:07}"));
            world.accounts[at % usize::from(ACCOUNTS)].push(live);
        }
        let after = world.plan(&desired);
        prop_assert_eq!(Digest::of(&before), Digest::of(&after));
        prop_assert_eq!((before.steps, before.held, before.warnings), (after.steps, after.held, after.warnings));
    }

    #[test]
    fn another_action_is_another_digest(desired in desired(), world in world(), account in 0..ACCOUNTS) {
        let plan = world.plan(&desired);
        let digest = Digest::of(&plan);
        for at in 0..plan.steps.len() {
            let mut fewer = plan.clone();
            fewer.steps.remove(at);
            prop_assert_ne!(Digest::of(&fewer), digest);
            let mut other = plan.clone();
            let changed = match &mut other.steps[at].action {
                Action::Purchase { account: to, .. } | Action::Transfer { to, .. }
                | Action::Configure { account: to, .. } => {
                    std::mem::replace(to, AccountIndex(account)) != AccountIndex(account)
                }
                Action::Release { target } => {
                    target.sid = Some(number_sid(77_777));
                    true
                }
            };
            prop_assert_eq!(Digest::of(&other) != digest, changed);
            let mut other = plan.clone();
            if let Action::Configure { changes, .. } = &mut other.steps[at].action {
                changes.pop();
                prop_assert_ne!(Digest::of(&other), digest);
            }
        }
    }

    #[test]
    fn numbers_are_replaced_before_they_are_removed(desired in desired(), world in world()) {
        let steps = kinds(&world.plan(&desired));
        let first_release = steps.iter().position(|step| step.0 == ActionKind::Release);
        if let Some(first) = first_release {
            prop_assert!(steps[first..].iter().all(|step| step.0 == ActionKind::Release));
        }
        for (at, (kind, number)) in steps.iter().enumerate() {
            let configured = steps.iter().position(|step| step == &(ActionKind::Configure, *number));
            if *kind == ActionKind::Transfer && configured.is_some() {
                prop_assert_eq!(configured, Some(at + 1), "configured right after its move");
            }
        }
        let distinct: BTreeSet<_> = steps.iter().collect();
        prop_assert_eq!(distinct.len(), steps.len(), "one action of a kind for a number");
    }

    #[test]
    fn an_export_plans_to_nothing(world in world()) {
        let observed = world.observed();
        let fleet = Fleet::of(&accounts(), &observed);
        let desired = fleet.to_desired();
        let plan = plan(&desired, &account_refs(), &observed);
        prop_assert!(plan.is_empty() && plan.held.is_empty(), "{:?}\n{}", plan.steps, fleet.to_yaml());
        for warning in &plan.warnings {
            let is_of_the_file = !matches!(warning, Warning::Listing { .. } | Warning::Inert { .. });
            prop_assert!(!is_of_the_file, "{:?}", warning);
        }
        prop_assert_eq!(read_back(&fleet.to_yaml()), said(&desired));
        prop_assert_eq!(fleet.carries_passwords(), fleet.to_yaml().contains("u:p@"));
    }
}

/// Number, account, settings: what a file says, in its own words.
type Said = Vec<(String, String, BTreeMap<String, String>)>;

fn said(desired: &Desired) -> Said {
    let settings = |settings: &Managed| {
        settings.iter().map(|(field, want)| (field.json_name().to_owned(), want.wire(field))).collect()
    };
    let numbers = desired.numbers.iter();
    numbers
        .map(|d| (d.number.to_string(), desired.account(d.account).name.to_string(), settings(&d.settings)))
        .collect()
}

/// Reads a file as YAML, and no more of its rules than the merge.
fn read_back(yaml: &str) -> Said {
    let file: serde_yaml::Value = serde_yaml::from_str(yaml).expect("YAML");
    let of = |map: &serde_yaml::Value| {
        let mut settings = BTreeMap::new();
        for (key, value) in map.as_mapping().into_iter().flatten() {
            let key = key.as_str().expect("a key");
            match value {
                serde_yaml::Value::Mapping(inner) => settings.extend(inner.iter().map(|(inner, value)| {
                    (format!("{key}.{}", inner.as_str().expect("a key")), text(value))
                })),
                value => drop(settings.insert(key.to_owned(), text(value))),
            }
        }
        settings
    };
    let numbers = file["numbers"].as_sequence().expect("numbers");
    let number = |number: &serde_yaml::Value| {
        let mut settings = of(&file["defaults"]);
        if let Some(profile) = number["profile"].as_str() {
            settings.extend(of(&file["profiles"][profile]));
        }
        settings.extend(of(number));
        let mut take = |key| settings.remove(key);
        let (number, account) = (take("phone_number"), take("account"));
        take("profile");
        (number.expect("a number"), account.expect("an account"), settings)
    };
    numbers.iter().map(number).collect()
}

fn text(value: &serde_yaml::Value) -> String {
    match value {
        serde_yaml::Value::String(text) => text.clone(),
        serde_yaml::Value::Bool(flag) => flag.to_string(),
        other => panic!("{other:?} is neither a text nor a flag"),
    }
}

/// Text that YAML readers take for something else stays text.
#[test]
fn exported_text_stays_text() {
    for name in [
        "no",
        "NULL",
        "~",
        "1e3",
        "0x1f",
        "12:30:45",
        "2026-01-01",
        "- x",
        "# x",
        "a: b",
        "a #b",
        "'",
        "\"",
        "\\",
        "\\u0041",
        "&a",
        "*a",
        "!x",
        "%x",
        "@x",
        "`x",
        "{a}",
        "[a]",
        " x ",
        "=",
        "<<",
        "东京 ☎️",
        "\u{202e}x\u{200b}",
        "x\u{e0041}",
        "\u{feff}x",
        "\u{2028}",
        "...",
        "---",
        "|",
        ">",
        "?",
        "😀",
    ] {
        let row = Row {
            account: 0,
            number: Some(NUMBERS[0]),
            has_sid: true,
            may_repeat: false,
            settings: [(Field::FriendlyName, Value::Text(name.into()))].into(),
            sms: None,
        };
        let world = World { accounts: vec![vec![live(0, row)], vec![], vec![]], bought: 0 };
        let fleet = Fleet::of(&accounts(), &world.observed());
        assert_eq!(read_back(&fleet.to_yaml()), said(&fleet.to_desired()), "{name:?}");
    }
}

/// What a file may not say is left out and told.
#[test]
fn what_cannot_be_declared_is_left_out_with_a_comment() {
    let odd = |field: Field, text: &str| {
        let value = Value::observed(field.kind(), text).expect("not empty");
        let settings: Settings = [(field, value)].into_iter().collect();
        let mut live = live(
            field as u64,
            Row {
                account: 0,
                number: None,
                has_sid: true,
                may_repeat: false,
                settings: BTreeMap::new(),
                sms: Some(!field.is_sms()),
            },
        );
        live.number = PhoneNumber::observed(&format!("+1555223{:04}", field as u64));
        match settings.get(Field::FriendlyName) {
            Some(name) => live.friendly_name = Some(name.wire().into()),
            None => live.settings = Arc::new(settings),
        }
        live
    };
    let rows = vec![
        odd(Field::FriendlyName, &"x".repeat(65)),
        odd(Field::VoiceUrl, "/answer"),
        odd(Field::StatusCallback, "https://u:hunter2@h.example/\u{1b}"),
        odd(Field::VoiceFallbackUrl, "https://h.example/"),
        odd(Field::VoiceMethod, "PATCH\n- phone_number: \"+15550000000\""),
        odd(Field::SmsUrl, "https://h.example/sms"),
    ];
    let world = World { accounts: vec![rows, vec![], vec![]], bought: 0 };
    let fleet = Fleet::of(&accounts(), &world.observed());
    let yaml = fleet.to_yaml();
    assert_eq!(fleet.left_out.len(), 6, "{yaml}");
    assert!(fleet.numbers.iter().all(|entry| entry.settings.is_empty()), "{yaml}");
    assert_eq!(read_back(&yaml).len(), 6, "{yaml}");
    assert!(!yaml.contains("hunter2"), "{yaml}");
}

//! Fleets and files of any kind, and what the API makes of a plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use numctl::client::listing::{Listing, ListingBuilder, ListingPage, Progress};
use numctl::desired::{
    Access, Account, AccountIndex, AccountRef, CredentialsAt, Declared, DeclaredState, Desired, EnvPrefix,
    Place, Policy, Unlisted,
};
use numctl::model::action_kind::ActionKind;
use numctl::model::hold::Standstill;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::settings::{Field, FieldKind, Managed, Value, Want};
use numctl::observed::{Observed, Sight, Survey, Trouble};
use numctl::plan::{Action, Plan, Warning, plan};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub(super) const ACCOUNTS: u16 = 3;

/// So few numbers that what is declared and what is live meet often.
pub(super) const NUMBERS: &[&str] = &[
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

pub(super) fn texts(kind: FieldKind) -> &'static [&'static str] {
    match kind {
        FieldKind::Text => &["Support", "Sales"],
        FieldKind::Url => {
            &["https://a.example", "https://a.example/", "https://b.example/x", "https://u:p@b.example/x"]
        }
        FieldKind::Method => &["GET", "POST"],
        FieldKind::Application => {
            &["AP00000000000000000000000000000001", "AP00000000000000000000000000000002"]
        }
        FieldKind::Trunk => &["TK00000000000000000000000000000001", "TK00000000000000000000000000000002"],
        FieldKind::Address => &["AD00000000000000000000000000000001"],
        FieldKind::Identity => &["RI00000000000000000000000000000001"],
        FieldKind::Bundle => &["BU00000000000000000000000000000001"],
        FieldKind::Service => &["MG00000000000000000000000000000001", "MG00000000000000000000000000000002"],
        FieldKind::ReceiveMode => &["voice", "fax"],
        FieldKind::Flag => &["true", "false"],
    }
}

pub(super) fn a_value(field: Field) -> impl Strategy<Value = Value> {
    select(texts(field.kind())).prop_map(move |text| Value::observed(field.kind(), text).expect("not empty"))
}

pub(super) fn some_fields() -> impl Strategy<Value = Vec<Field>> {
    subsequence(Field::all().collect::<Vec<_>>(), 0..8)
}

pub(super) fn live_settings() -> impl Strategy<Value = BTreeMap<Field, Value>> {
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
pub(super) fn managed() -> impl Strategy<Value = Managed> {
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
pub(super) struct Row {
    pub(super) account: u16,
    pub(super) number: Option<&'static str>,
    pub(super) has_sid: bool,
    /// Stays beside another row of the same number.
    pub(super) may_repeat: bool,
    pub(super) settings: BTreeMap<Field, Value>,
    pub(super) sms: Option<bool>,
}

pub(super) fn row() -> impl Strategy<Value = Row> {
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
    pub(super) bought: u64,
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

pub(super) fn live(at: u64, row: Row) -> Live {
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

pub(super) fn number_sid(at: u64) -> NumberSid {
    NumberSid::declared(&format!("PN{at:032x}")).expect("a SID")
}

pub(super) fn account_sid(at: u16) -> AccountSid {
    AccountSid::declared(&format!("AC{at:032x}")).expect("a SID")
}

pub(super) fn declared(number: &'static str) -> impl Strategy<Value = Declared> {
    let state = prop_oneof![4 => Just(DeclaredState::Present), 1 => Just(DeclaredState::Released)];
    (0..ACCOUNTS, state, prop::bool::weighted(0.2), managed()).prop_map(
        move |(account, state, protect, settings)| Declared {
            number: PhoneNumber::declared(number).expect("a number"),
            account: AccountIndex(account),
            state,
            hold: None,
            on_vanished: None,
            protect,
            settings,
            labels: None,
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
            secrets: Vec::new(),
            accounts: accounts(),
            policy: Policy { unlisted, ..Policy::default() },
            standstill: Standstill::default(),
            numbers,
            claims: Vec::new(),
            files: vec!["numctl.yaml".into()],
        }
    })
}

pub(super) fn accounts() -> Vec<Account> {
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

    pub(super) fn find(&mut self, account: AccountIndex, number: PhoneNumber) -> &mut Live {
        let rows = &mut self.accounts[usize::from(account.0)];
        let mut found = rows.iter_mut().filter(|live| live.number == Some(number));
        let row = found.next().expect("an action finds its number in the account that it names");
        assert!(found.next().is_none(), "an action on an ambiguous number");
        row
    }

    pub(super) fn take(&mut self, account: AccountIndex, number: PhoneNumber) -> Live {
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

pub(super) fn write<'a>(live: &mut Live, wants: impl Iterator<Item = (Field, &'a Want)>) {
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
        match builder.push(ListingPage { rows, next, ..ListingPage::default() }).expect("a listing") {
            Progress::More(more, _) => builder = more,
            Progress::Complete(listing) => return listing,
        }
    }
    unreachable!("the last page completes the listing")
}

pub(super) fn kinds(plan: &Plan) -> Vec<(ActionKind, PhoneNumber)> {
    plan.steps.iter().map(|step| (step.action.kind(), step.action.number())).collect()
}

pub(super) fn inert(plan: &Plan) -> Vec<Warning> {
    plan.warnings.iter().filter(|warning| matches!(warning, Warning::Inert { .. })).cloned().collect()
}

/// A world of which one account is dark, or shut.
pub(super) fn darkened(world: &World, at: u16, shut: bool) -> Observed {
    let trouble = Trouble { why: "it is shut".into(), help: None, request_id: None };
    let sight = |(rows, account): (&Vec<Live>, u16)| match (account == at, shut) {
        (false, _) => Sight::Complete(listing(account, vec![rows.clone()])),
        (true, true) => Sight::Shut(listing(account, vec![rows.clone()]), trouble.clone()),
        (true, false) => Sight::Dark(trouble.clone()),
    };
    Observed::from_accounts(world.accounts.iter().zip(0..).map(sight).collect(), Survey::default())
}

//! A fleet as the planner takes it: what is live, as the API's pages have it, and what is declared.

use std::sync::Arc;

use numctl::client::api::wire::{self, Interner};
use numctl::client::listing::{ListingBuilder, ListingPage, Progress};
use numctl::desired::AccountRef;
use numctl::desired::{Access, Account, AccountIndex, Declared, DeclaredState, Desired, Place, Policy};
use numctl::model::hold::Standstill;
use numctl::model::live::Live;
use numctl::model::number::{AccountSid, NumberSid, PhoneNumber};
use numctl::model::provider::Api;
use numctl::model::settings::{Field, Managed, Value, Want};
use numctl::observed::Observed;

use super::pages;

const NAME: &str = "a0";

fn sid() -> AccountSid {
    AccountSid::declared(&pages::sid(0)).expect("a SID")
}

fn number(nth: usize) -> PhoneNumber {
    PhoneNumber::declared(&pages::number(0, nth)).expect("a number")
}

/// The account that has them all.
pub(crate) fn accounts() -> Vec<AccountRef> {
    vec![AccountRef { name: NAME.into(), sid: sid(), parent: None }]
}

/// The body of a page that is full, and the only one.
pub(crate) fn body(api: Api) -> Vec<u8> {
    pages::pages(api, "http://127.0.0.1", 0, pages::PAGE).swap_remove(0)
}

/// The rows of so many numbers: those of one page over and over, each with a number and a SID of its own.
pub(crate) fn rows(count: usize) -> Vec<Live> {
    let api = Api::IncomingPhoneNumbers;
    let page = wire::read_page(api, &body(api), &mut Interner::default()).expect("a page");
    let row = |nth| Live {
        number: Some(number(nth)),
        sid: NumberSid::observed(&format!("PN{nth:032x}")),
        ..page.rows[nth % page.rows.len()].clone()
    };
    (0..count).map(row).collect()
}

/// What is live, in one account.
pub(crate) fn observed(rows: Vec<Live>) -> Observed {
    let page = ListingPage { rows, next: None, index: None, odd: Default::default(), text_bytes: 0 };
    match ListingBuilder::new(sid()).push(page).expect("a page") {
        Progress::Complete(listing) => Observed::new(vec![listing]),
        Progress::More(..) => unreachable!("it has no link"),
    }
}

/// A text that a file declares for a field.
pub(crate) fn want(field: Field, text: &str) -> (Field, Want) {
    (field, Want::Set(Value::declared(field.kind(), text).expect("a value")))
}

/// A file that declares so many numbers.
pub(crate) fn desired(count: usize, settings: impl Fn(usize) -> Managed) -> Desired {
    let numbers = (0..count).map(|nth| Declared {
        number: number(nth),
        account: AccountIndex(0),
        state: DeclaredState::Present,
        protect: false,
        hold: None,
        on_vanished: None,
        settings: settings(nth),
        labels: None,
        place: Place { file: 0, entry: nth as u32 },
    });
    let account = Account {
        name: Arc::from(NAME),
        sid: Some(sid()),
        parent: None,
        access: Access::default(),
        hold: None,
    };
    Desired {
        secrets: Vec::new(),
        accounts: vec![account],
        policy: Policy::default(),
        standstill: Standstill::default(),
        numbers: numbers.collect(),
        claims: Vec::new(),
        files: vec!["fleet.yaml".into()],
    }
}

/// Settings of ten profiles; the n-th number has one of them. `path` stands before the URLs' own.
pub(crate) fn profiles(path: &str) -> impl Fn(usize) -> Managed {
    let profile = |nth| -> Managed {
        let (voice, sms) = pages::settings(nth);
        let moved = |url: &str| url.replace("example.com/", &format!("example.com/{path}"));
        [want(Field::VoiceUrl, &moved(&voice)), want(Field::SmsUrl, &moved(sms))].into_iter().collect()
    };
    let profiles: Vec<Managed> = (0..10).map(profile).collect();
    move |nth| profiles[nth % 10].clone()
}

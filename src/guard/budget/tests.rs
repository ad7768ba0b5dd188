//! What is spent, what is seen of it, and what is given back.

use super::*;
use crate::client::api::error::{ApiError, ErrorKind};
use crate::client::listing::{ListingBuilder, ListingPage, Progress};
use crate::desired::{AccountIndex, AccountRef};
use crate::model::live::Live;
use crate::model::settings::{Managed, Settings};
use crate::model::tariff::Tariff;
use crate::plan::{Action, Reason, Target};

const NOW: Duration = Duration::from_secs(1_800_000_000);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const FIRST: Generation = Generation([1; 8]);
const SECOND_EDIT: Generation = Generation([2; 8]);

fn after(time: Duration) -> Duration {
    NOW.saturating_add(time)
}

/// Not the constant: what was spent counts for this long.
fn day() -> Duration {
    HOUR.saturating_mul(24)
}

fn number(at: u8) -> PhoneNumber {
    PhoneNumber::declared(&format!("+155522300{at:02}")).expect("a number")
}

fn account(letter: &str) -> AccountSid {
    AccountSid::declared(&format!("AC{}", letter.repeat(32))).expect("a SID")
}

fn buy(at: u8) -> Action {
    Action::Purchase {
        number: number(at),
        account: AccountIndex(0),
        settings: Managed::default(),
        claim: None,
    }
}

fn target(at: u8, account: u16) -> Target {
    Target { number: number(at), sid: None, account: AccountIndex(account), before: Settings::default() }
}

fn release(at: u8, account: u16) -> Action {
    Action::Release { target: target(at, account) }
}

fn moves(at: u8) -> Action {
    Action::Transfer { target: target(at, 0), to: AccountIndex(1), settings: Managed::default() }
}

fn configure(at: u8) -> Action {
    Action::Configure { target: target(at, 0), account: AccountIndex(0), changes: Vec::new() }
}

fn plan(actions: Vec<Action>, reason: Reason) -> Plan {
    let one = |name: &str, letter: &str| AccountRef { name: name.into(), sid: account(letter), parent: None };
    let steps = actions.into_iter().map(|action| Step { action, reason }).collect();
    Plan::from_steps(vec![one("main", "a"), one("quarantine", "b")], steps)
}

fn spent(actions: Vec<Action>) -> Budget {
    let mut budget = Budget::default();
    budget.spend(&plan(actions, Reason::Tombstone), None, FIRST, NOW);
    budget
}

fn amounts(purchases: usize, releases: usize, touched: usize) -> Amounts {
    Amounts { purchases, releases, touched }
}

/// What is live: numbers without anything else to say.
fn live(numbers: &[u8]) -> Observed {
    let row = |at: &u8| Live {
        number: Some(number(*at)),
        raw_number: None,
        sid: None,
        account_sid: None,
        friendly_name: None,
        settings: std::sync::Arc::default(),
        sms: None,
        emergency_address_status: None,
        tariff: Tariff::default(),
    };
    let page = ListingPage { rows: numbers.iter().map(row).collect(), ..ListingPage::default() };
    match ListingBuilder::new(account("a")).push(page).expect("a listing") {
        Progress::Complete(listing) => Observed::new(vec![listing]),
        Progress::More(..) => unreachable!("one page"),
    }
}

fn settled(action: Action, reason: Reason, outcome: Outcome, attempts: u32) -> Budget {
    let plan = plan(vec![action], reason);
    let mut budget = Budget::default();
    budget.spend(&plan, None, FIRST, NOW);
    let ends = vec![StepEnd { outcome, attempts, instead: None }];
    budget.settle(&Report { plan, ends, interrupted: false });
    budget
}

fn failed(operation: Operation, kind: ErrorKind) -> Outcome {
    let message = String::new();
    let error =
        ApiError { operation, kind, status: None, code: None, message, more_info: None, request_id: None };
    Outcome::Failed(Failure::Api(error))
}

#[test]
fn what_was_spent_counts_for_a_day_and_in_its_account() {
    let budget = spent(vec![buy(0), configure(1), release(2, 0), release(3, 1)]);
    assert_eq!(budget.day(after(day() - SECOND)).all, amounts(1, 2, 4));
    assert_eq!(budget.day(after(day())), Spent::default());
    let now = budget.day(NOW);
    assert_eq!(now.in_account(account("a")), amounts(1, 1, 3));
    assert_eq!(now.in_account(account("b")), amounts(0, 1, 1));
    assert_eq!(now.in_account(account("c")), Amounts::default());
}

/// A generation counts until it is edited, a day whatever is edited; a clock that was set back makes nothing
/// last longer.
#[test]
fn a_generation_and_a_day_are_counted_apart() {
    let nothing = plan(Vec::new(), Reason::Tombstone);
    let totals = |budget: &Budget, generation, now| {
        let outlook = budget.outlook(&nothing, None, generation, now);
        [outlook.generation, outlook.day].map(|spent| spent.expect("both are counted").all)
    };
    let one = amounts(1, 1, 2);
    let mut budget = spent(vec![buy(0), release(1, 0)]);
    assert_eq!(totals(&budget, FIRST, NOW), [one, one]);
    assert_eq!(totals(&budget, SECOND_EDIT, NOW), [Amounts::default(), one]);
    budget.observe(&live(&[0]), FIRST, after(day()));
    assert_eq!(totals(&budget, FIRST, after(day())), [one, Amounts::default()]);
    budget.observe(&live(&[0]), SECOND_EDIT, after(day()));
    assert_eq!(budget, Budget::default(), "nothing of it counts any more");
    let mut budget = spent(vec![buy(0), release(1, 0)]);
    budget.observe(&live(&[0]), SECOND_EDIT, NOW - HOUR);
    assert_eq!(totals(&budget, SECOND_EDIT, after(day() - HOUR) - SECOND), [Amounts::default(), one]);
    assert_eq!(totals(&budget, SECOND_EDIT, after(day() - HOUR)), [Amounts::default(); 2]);
    budget.observe(&live(&[0]), SECOND_EDIT, after(day() - HOUR) - SECOND);
    assert_ne!(budget, Budget::default());
    budget.observe(&live(&[0]), SECOND_EDIT, after(day() - HOUR));
    assert_eq!(budget, Budget::default());
}

/// A number that is moved to quarantine and released from there later is given up once, by its first account.
#[test]
fn a_move_to_quarantine_and_the_release_from_there_are_one() {
    let mut budget = Budget::default();
    budget.spend(&plan(vec![moves(0)], Reason::Quarantined), None, FIRST, NOW);
    let all = budget.day(NOW);
    assert_eq!(
        (all.in_account(account("a")), all.in_account(account("b"))),
        (amounts(0, 1, 1), amounts(0, 0, 0))
    );
    budget.spend(&plan(vec![release(0, 1), release(1, 1)], Reason::Tombstone), None, FIRST, NOW);
    let all = budget.day(NOW);
    assert_eq!(all.all, amounts(0, 2, 2));
    assert_eq!((all.in_account(account("a")).releases, all.in_account(account("b")).releases), (1, 1));
    // Any other move gives nothing up.
    let mut budget = Budget::default();
    budget.spend(&plan(vec![moves(0)], Reason::WrongAccount), None, FIRST, NOW);
    assert_eq!(budget.day(NOW).all, amounts(0, 0, 1));
}

/// Only what was seen bought in this generation, and is to be bought again, is held.
#[test]
fn what_was_bought_and_is_gone_again_is_not_bought_again() {
    let again = |budget: &Budget, generation| {
        let mut plan = plan(vec![buy(0), buy(1), configure(2), release(0, 0)], Reason::Missing);
        plan.steps
            .retain(|step| step.action.number() != number(0) || step.action.kind() == ActionKind::Purchase);
        budget.hold_back(&mut plan, generation);
        plan.held.into_iter().map(|held| (held.number, held.why)).collect::<Vec<_>>()
    };
    let mut budget = spent(vec![buy(0), release(1, 0)]);
    assert_eq!(again(&budget, FIRST), [], "whether it was bought is not known");
    budget.observe(&live(&[]), FIRST, NOW);
    assert_eq!(again(&budget, FIRST), [], "not seen is no proof");
    budget.observe(&live(&[0]), FIRST, NOW);
    assert_eq!(again(&budget, FIRST), [(number(0), HeldReason::BoughtInThisGeneration)]);
    assert_eq!(again(&budget, SECOND_EDIT), [], "an edit is a person's word");
    // What was bought stays bought, whatever a later look misses; and it reads back so.
    budget.observe(&live(&[]), FIRST, NOW);
    let read = Budget::from_json(&budget.to_json()).expect("our own text");
    assert_eq!(again(&read, FIRST), [(number(0), HeldReason::BoughtInThisGeneration)]);
}

/// The same purchase tried again counts once; one that is known to have worked counts again.
#[test]
fn a_second_try_is_not_counted_again() {
    let mut budget = spent(vec![buy(0)]);
    budget.spend(&plan(vec![buy(0)], Reason::Missing), None, SECOND_EDIT, after(HOUR));
    assert_eq!(budget.day(after(HOUR)).all, amounts(1, 0, 1));
    assert_eq!(budget.day(after(day())).all, amounts(1, 0, 1), "from its last try on");
    budget.observe(&live(&[0]), SECOND_EDIT, after(HOUR));
    budget.spend(&plan(vec![buy(0)], Reason::Missing), None, SECOND_EDIT, after(HOUR));
    assert_eq!(budget.day(after(HOUR)).all, amounts(2, 0, 1));
    let twice = spent(vec![buy(0), buy(0)]);
    assert_eq!(twice.day(NOW).all, amounts(1, 0, 1));
}

/// What certainly did not happen is given back, and nothing else.
#[test]
fn only_what_certainly_did_not_happen_is_given_back() {
    let kinds = [
        (buy(0), Reason::Missing, Operation::Purchase),
        (release(0, 0), Reason::Tombstone, Operation::Release),
        (moves(0), Reason::Quarantined, Operation::Transfer),
    ];
    for (action, reason, own) in kinds {
        let counted = |outcome, attempts| {
            let all = settled(action.clone(), reason, outcome, attempts).day(NOW).all;
            all.purchases + all.releases == 1
        };
        assert!(!counted(failed(own, ErrorKind::Rejected), 1), "{own:?}: refused");
        assert!(!counted(failed(Operation::Fetch, ErrorKind::Rejected), 0), "{own:?}: never sent");
        assert!(counted(failed(own, ErrorKind::Lost), 1), "{own:?}: in doubt");
        assert!(
            counted(failed(Operation::Configure, ErrorKind::Rejected), 1),
            "{own:?}: what came later failed"
        );
        assert!(counted(Outcome::Unknown(Failure::Unidentified), 1), "{own:?}");
        assert!(counted(Outcome::Succeeded, 1), "{own:?}");
        assert!(counted(Outcome::Succeeded, 0), "{own:?}: seen to be so");
    }
    // One that was in doubt before is not given back because its next try was refused: the first may have worked.
    let plan = plan(vec![buy(0)], Reason::Missing);
    let mut budget = Budget::default();
    budget.spend(&plan, None, FIRST, NOW);
    budget.observe(&live(&[]), FIRST, NOW);
    let ends = vec![StepEnd {
        outcome: failed(Operation::Purchase, ErrorKind::Rejected),
        attempts: 1,
        instead: None,
    }];
    budget.settle(&Report { plan, ends, interrupted: false });
    assert_eq!(budget.day(NOW).all.purchases, 1);
}

/// A purchase whose configuration failed is one; a release is only what was seen to work.
#[test]
fn what_was_bought_and_not_configured_is_bought() {
    let is_done = |budget: &Budget| budget.spends.iter().all(|spend| spend.stage == BudgetStage::Done);
    let ends = || {
        [failed(Operation::Configure, ErrorKind::Rejected), Outcome::Failed(Failure::NotTaken(Vec::new()))]
    };
    for outcome in ends() {
        assert!(is_done(&settled(buy(0), Reason::Missing, outcome, 1)));
    }
    for outcome in ends() {
        assert!(!is_done(&settled(release(0, 0), Reason::Tombstone, outcome, 1)));
    }
    assert!(is_done(&settled(release(0, 0), Reason::Tombstone, Outcome::Succeeded, 1)));
    assert!(!is_done(&settled(buy(0), Reason::Missing, failed(Operation::Purchase, ErrorKind::Lost), 1)));
}

#[test]
fn what_was_being_sent_is_in_doubt_when_it_is_read() {
    let budget = spent(vec![buy(0), release(1, 0), configure(2)]);
    let read = Budget::from_json(&budget.to_json()).expect("our own text");
    assert!(read.spends.iter().all(|spend| spend.stage == BudgetStage::InDoubt));
    assert_eq!(read.day(NOW), budget.day(NOW));
    // What this process saw done, and could not save, it still knows.
    let mut done = budget;
    done.observe(&live(&[0]), FIRST, NOW);
    let mut loaded = read;
    loaded.recall(&done);
    assert!(loaded.spends.iter().all(|spend| spend.stage == BudgetStage::Done));
    assert!(Budget::from_json("{\"version\":2,\"spends\":[],\"touched\":[]}").is_err());
    assert!(Budget::from_json("{\"version\":1,\"spends\":[],\"touched\":[]}").is_ok());
}

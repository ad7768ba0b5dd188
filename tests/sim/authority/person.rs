//! A person at the prompt of `apply`, while somebody else changes what the plan is about.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use numctl::client::Dice;
use numctl::desired::Desired;
use numctl::desired::load::load;
use numctl::execute::Stop;
use numctl::execute::journal::{RecordedCommand, RunHead};
use numctl::execute::ledger::{Kept, LedgerError};
use numctl::guard::budget::Generation;
use numctl::guard::cost::Bill;
use numctl::guard::intents::Intents;
use numctl::guard::memory::{Extent, Memory};
use numctl::guard::{Approved, OperatorLimits};
use numctl::model::provider::Api;
use numctl::plan::Plan;
use numctl::reconcile::{self, Authority, Decision, Hooks, Job, Pass, PlanSource, Pricing};
use tokio::sync::watch;

use super::{EPOCH, Intention, POOL, Shared, Wire};
use crate::fleet::{FOREIGN, MAIN};
use crate::lagging::{clients_of, rows};
use crate::state::{delete, post};
use crate::tape::Tape;

/// A person who is asked, while something happens.
struct Person<'a> {
    host: &'a Shared,
    still: &'a Cell<bool>,
}

impl Hooks for Person<'_> {
    fn confirm(&self, approved: &Approved, _: Option<&Bill>) -> Decision {
        let mut host = self.host.lock();
        let Some(step) = approved.plan().steps.first() else { return Decision::YesAfterAWhile };
        let about = step.action.number().to_string();
        let sid = rows(&mut host.sandbox, MAIN).into_iter().find(|row| row["phone_number"] == *about);
        let path =
            sid.map(|row| format!("/Numbers/ActiveNumbers/{}", row["sid"].as_str().unwrap_or_default()));
        let what = match (host.tape.below(4), path) {
            (0, Some(path)) => {
                host.sandbox.handle(&post(&path, &[("FriendlyName", "theirs")], MAIN));
                "the name was changed while the question stood"
            }
            (1, Some(path)) => {
                host.sandbox.handle(&delete(&path, MAIN));
                "the number was released while the question stood"
            }
            (0 | 1, None) => {
                host.sandbox.handle(&post("/Numbers/ActiveNumbers", &[("PhoneNumber", &about)], FOREIGN));
                // Whether it can be had is found out by asking for it.
                return Decision::YesAfterAWhile;
            }
            (2, _) => {
                self.still.set(false);
                "the files changed while the question stood"
            }
            _ => return Decision::YesAfterAWhile,
        };
        host.note(|| what.to_owned());
        host.count("questions during which something changed");
        host.silence = Some(what);
        Decision::YesAfterAWhile
    }

    async fn record(&self, _: &Plan, _: &Kept) -> Result<(), LedgerError> {
        Ok(())
    }

    async fn note(&self, _: &Intents) -> Result<(), LedgerError> {
        Ok(())
    }
}

/// `apply`, with its question.
pub(super) async fn apply(host: &Shared, folder: &Path, mut tape: Tape) {
    let wanted = (0..tape.between(1, POOL)).map(|at| (at, 0)).collect();
    let meant = Intention { edit: 1, wanted, shut: None };
    let file = folder.join("fleet.yaml");
    fs::write(&file, meant.file(0)).expect("a folder of our own");
    let sources = load(std::slice::from_ref(&file)).expect("a good file");
    let desired = Desired::parse(&sources).expect("a good file").desired;
    let dice = Arc::new(Dice::seeded(tape.draw()));
    let wire = Arc::new(Wire { host: host.clone(), by: usize::MAX });
    let (accounts, clients) = clients_of(&[("default", MAIN)], Api::ActiveNumbers, &wire, &dice);
    let still = Cell::new(true);
    let (_stop, stop) = watch::channel(Stop::Run);
    let job = Job {
        source: PlanSource::Files(&desired),
        generation: Generation::from_sources(&sources),
        accounts: &accounts,
        clients: &clients,
        operator: &OperatorLimits::default(),
        accepted: None,
        pricing: Pricing::WhereLimited,
        narrowing: None,
        left_out_clients: &[],
        numbers_at_once: 2,
        extent: Extent::Full,
        authority: Authority {
            clock: &|| host.lock().now() + EPOCH,
            paused: watch::channel(false).1,
            is_in_force: &|| still.get(),
            doubt: None,
        },
        journal: None,
        head: &RunHead { command: RecordedCommand::Apply, generation: None, undoes: None, by: None },
        dry_run: false,
        asks_who: false,
        preflight: None,
        stop,
        now: EPOCH,
    };
    let (mut memory, mut kept) = (Memory::of_one_look(), Kept::default());
    let state = reconcile::LineState { memory: &mut memory, kept: &mut kept, listed: None };
    let passed = reconcile::pass(&job, state, &Person { host, still: &still }).await.pass;
    let mut state = host.lock();
    state.note(|| format!("{passed:?}"));
    let is_disturbed = state.silence.is_some();
    match passed {
        Pass::Executed(report) if is_disturbed && !report.plan.is_empty() => {
            state.violations.push("carried out, though something changed".to_owned());
        }
        Pass::Executed(_) => {}
        Pass::Stale(..) | Pass::HeldSince(_) if is_disturbed => {}
        other => state.violations.push(format!("nothing changed, and it came to {other:?}")),
    }
}

//! One of our processes: reads the file, makes clients on the simulated wire, walks the line once,
//! and may die half-way.

use std::sync::Arc;
use std::time::Duration;

use numctl::api::endpoint::Endpoint;
use numctl::client::{Client, Dice, Manner};
use numctl::credentials::Credentials;
use numctl::desired::Desired;
use numctl::execute::Stop;
use numctl::guard::OperatorLimits;
use numctl::pace::Pace;
use numctl::plan::{AccountRef, HeldReason};
use numctl::reconcile::{self, Pass};
use numctl::sandbox::AUTH_TOKEN;
use tokio::sync::watch;

use crate::oracle;
use crate::state::{BASE, PassView, Shared};
use crate::wire::Wire;

/// What a process runs on.
#[derive(Clone)]
pub struct Engine {
    /// The file as it was read.
    pub desired: Arc<Desired>,
    /// The whole file behind it.
    pub truth: Arc<Desired>,
    pub page_size: u16,
    pub seed: u64,
}

/// What became of a pass.
#[derive(Debug)]
pub enum Ended {
    Crashed,
    Pass(Pass),
}

/// Walks the line once.
pub async fn pass(state: &Shared, engine: &Engine) -> Ended {
    let id = {
        let mut state = state.lock();
        let id = state.next_pass;
        state.next_pass += 1;
        let view = PassView {
            desired: engine.desired.clone(),
            truth: engine.truth.clone(),
            whole: Default::default(),
            spoilt: Default::default(),
            listed: Default::default(),
            listed_numbers: Default::default(),
            absent: Default::default(),
            read: Default::default(),
            sent: Vec::new(),
            unsettled: Default::default(),
        };
        state.passes.insert(id, view);
        state.note(|| format!("pass {id} starts"));
        id
    };
    let (crashed, mut crash) = watch::channel(false);
    let wire = Arc::new(Wire { state: state.clone(), pass: id, crashed });
    let dice = Arc::new(Dice::seeded(engine.seed));
    let manner = Manner { page_size: engine.page_size, timeout: Duration::from_secs(15), dice };
    let endpoint = Endpoint::at(BASE).expect("a loopback URL");
    let accounts: Vec<AccountRef> = engine
        .desired
        .accounts()
        .map(|(_, account)| AccountRef {
            name: account.name.clone(),
            sid: account.sid.expect("files of the simulation name their SIDs"),
            parent: account.parent,
        })
        .collect();
    let clients: Vec<Client<Wire>> = accounts
        .iter()
        .map(|account| {
            let credentials = Credentials::new(account.sid.to_string(), AUTH_TOKEN);
            let pace = Pace::new(4, None);
            Client::new(account.sid, wire.clone(), endpoint.clone(), credentials, manner.clone(), pace)
        })
        .collect();
    let (_running, stop) = watch::channel(Stop::Run);
    let operator = OperatorLimits::default();
    let walk = reconcile::pass(&engine.desired, &accounts, &clients, &operator, 3, stop, |_, _| {});
    let ended = tokio::select! {
        biased;
        _ = crash.wait_for(|crashed| *crashed) => Ended::Crashed,
        pass = walk => Ended::Pass(pass),
    };
    let mut state = state.lock();
    let sent = state.passes.get(&id).map_or(0, |pass| pass.sent.len() as u64);
    match &ended {
        Ended::Crashed => state.note(|| format!("pass {id} crashed")),
        Ended::Pass(Pass::NotObserved(failed)) => {
            state.sometimes.reached("listing refused");
            let errors: Vec<String> = failed.iter().map(|(_, error)| error.to_string()).collect();
            state.note(|| format!("pass {id} listed nothing: {}", errors.join("; ")));
            if sent > 0 {
                state.violation(format!("pass {id}: {sent} writes without a listing"));
            }
        }
        Ended::Pass(Pass::Refused(_, refusal)) => {
            state.sometimes.reached("plan refused by a limit");
            state.note(|| format!("pass {id} refused: {:?}", refusal.broken));
            if sent > 0 {
                state.violation(format!("pass {id}: {sent} writes of a refused plan"));
            }
        }
        Ended::Pass(Pass::Executed(report)) => {
            for (step, end) in report.plan.steps.iter().zip(&report.ends) {
                let action = &step.action;
                let line = format!(
                    "pass {id} {} {}: {} after {} sends {}",
                    action.kind().word(),
                    action.number(),
                    end.outcome.word(),
                    end.attempts,
                    end.outcome.error().unwrap_or_default()
                );
                state.note(|| line);
            }
            for held in &report.plan.held {
                match held.why {
                    HeldReason::Ambiguous => state.sometimes.reached("number held: ambiguous"),
                    HeldReason::ProtectedFromTransfer { .. } | HeldReason::ProtectedFromRelease => {
                        state.sometimes.reached("number held: protected");
                    }
                    HeldReason::ShortCodeNotBought | HeldReason::ReleaseInOtherAccount { .. } => {}
                }
            }
            oracle::ended(&mut state, id, report, sent);
            state.note(|| format!("pass {id} ends: {} steps", report.ends.len()));
        }
    }
    // What acts late belongs to no pass any more, but its oracles still need the file.
    ended
}

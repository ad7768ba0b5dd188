//! Who changed what is not as declared: one listing of events for each account that has differences.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::client::Client;
use crate::client::audit_log::{AuditTrail, NoTrail, read_audit_log};
use crate::client::transport::Transport;
use crate::desired::AccountIndex;
use crate::execute::journal::LastWrites;
use crate::model::audit::AuditEvent;
use crate::plan::{Causes, Difference, Plan};

use super::{Job, LineState, PlanSource};

/// Asks who brought the differences of a plan about. What numctl itself left so is an edit of the files,
/// and no one is asked about it; nor is anybody where nothing differs (law 7).
pub(super) async fn explain<T: Transport>(plan: &mut Plan, job: &Job<'_, T>, state: &mut LineState<'_>) {
    if !job.asks_who || !matches!(job.source, PlanSource::Files(_)) {
        return;
    }
    state.memory.causes().begin(job.generation, job.now);
    let mut differences = plan.differences();
    if differences.is_empty() {
        return;
    }
    // A command reads the journal; a loop knows itself whether the files were edited since its last look.
    let own = match &job.journal {
        Some(journal) if state.memory.looks_once() => journal.last_writes(),
        Some(_) | None => LastWrites::default(),
    };
    let asked = state.memory.causes();
    differences.retain(|difference| match own.left(difference) {
        Some(left) => !left,
        // Numbers that are configured for the first time have not drifted.
        None => !(asked.is_first() && difference.is_as_bought()),
    });
    let mut by_account: BTreeMap<AccountIndex, Vec<Difference>> = BTreeMap::new();
    for difference in differences {
        match asked.known(&difference) {
            Some(cause) => plan.causes.tell(&difference, cause),
            None if asked.is_edit() => {}
            None => by_account.entry(difference.account).or_default().push(difference),
        }
    }
    for account in by_account.keys() {
        if let Some(why) = asked.refused(*account, job.now) {
            plan.causes.unread.push((*account, why));
        }
    }
    by_account.retain(|account, _| asked.refused(*account, job.now).is_none());
    let reading = by_account.iter().map(async |(account, differences)| {
        let client = &job.clients[usize::from(account.0)];
        (*account, differences, events_about(client, differences).await)
    });
    for (account, differences, read) in join_all(reading).await {
        match read {
            Ok(AuditTrail { events, .. }) => {
                plan.causes.learn(differences, &events);
                let causes: &Causes = &plan.causes;
                for difference in differences {
                    if let Some(cause) = causes.find(difference.number, difference.field) {
                        asked.keep(difference, cause.clone());
                    }
                }
            }
            Err(error) => {
                let why: Box<str> = error.to_string().into();
                asked.refuse(account, why.clone(), job.now);
                plan.causes.unread.push((account, why));
            }
        }
    }
}

async fn events_about<T: Transport>(
    client: &Client<T>,
    differences: &[Difference],
) -> Result<AuditTrail, NoTrail> {
    let first = differences.first().map(|difference| difference.sid);
    let only = first.filter(|sid| differences.iter().all(|difference| difference.sid == *sid));
    let is_enough =
        |events: &[AuditEvent]| differences.iter().all(|difference| difference.cause(events).is_some());
    read_audit_log(client, only, None, is_enough).await
}

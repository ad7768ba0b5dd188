//! Releases a number: reads that very number right before, and only if it is still as the plan saw it
//! (law 2). An emergency address is taken off first, which Twilio does in its own time.

use std::time::Duration;

use tokio::time::sleep;

use super::attempt::{Attempt, AttemptLook, Course, Write, refused};
use super::run::{ActionDone, Run};
use super::trace::Trace;
use crate::client::api::error::{ApiError, ListError};
use crate::client::api::subject::Owner;
use crate::client::pace::Turn;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::model::action_kind::ActionKind;
use crate::model::live::{EmergencyAddressStatus, Live};
use crate::model::number::{NumberRef, NumberSid};
use crate::model::settings::{Field, Want};
use crate::plan::outcome::{Failure, Outcome, Skip};
use crate::plan::stale;
use crate::plan::{Plan, Target};

/// A number that has this set cannot be released.
const ADDRESS: Field = Field::VoiceEmergencyAddressSid;

/// How long each look waits for an emergency address to be gone, in seconds: two minutes in all.
/// Twilio names no time.
const UNREGISTERING: [u64; 8] = [1, 2, 4, 8, 15, 30, 30, 30];

/// A release of one number.
struct Release<'a, T> {
    run: &'a Run<'a, T>,
    client: &'a Client<T>,
    trace: &'a Trace<'a>,
    target: &'a Target,
    sid: NumberSid,
    has_unregistered: bool,
    waits: usize,
}

impl<T: Transport> Write for Release<'_, T> {
    type Made = ();

    const KIND: ActionKind = ActionKind::Release;

    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<()>> {
        let (run, client, trace, target, sid) = (self.run, self.client, self.trace, self.target, self.sid);
        let number = NumberRef { sid, number: target.number };
        let in_doubt = course.doubt.clone();
        let doubtful = |failure: Failure| match in_doubt {
            Some(_) => Outcome::Unknown(failure),
            None => Outcome::Failed(failure),
        };
        loop {
            course.reads += 1;
            let (fresh, read_at) = match client.fetch(trace.lane(), number, Owner::Any).await {
                Ok(fresh) => fresh,
                Err(error) => return Err(doubtful(error.into())),
            };
            let Some(fresh) = fresh else {
                return match run.is_gone(target, sid, trace).await {
                    Ok(true) if in_doubt.is_some() => Ok(AttemptLook::Made(())),
                    Ok(true) => Err(Outcome::Skipped(Skip::AlreadyGone)),
                    Ok(false) => Err(changed(in_doubt)),
                    Err(error) => Err(doubtful(error.into())),
                };
            };
            if !is_as_planned(target, sid, run.plan, &fresh, self.has_unregistered) {
                return Err(changed(in_doubt));
            }
            if fresh.get(ADDRESS).is_some() {
                if self.has_unregistered {
                    return Err(doubtful(Failure::NotTaken(vec![ADDRESS])));
                }
                run.send_fields(target.account, number, vec![(ADDRESS, Want::Clear)], trace).await?;
                self.has_unregistered = true;
                continue;
            }
            match fresh.emergency_address_status {
                Some(EmergencyAddressStatus::PendingUnregistration) => {
                    let Some(wait) = UNREGISTERING.get(self.waits).filter(|_| !run.stopping()) else {
                        return Err(doubtful(Failure::StillUnregistering));
                    };
                    self.waits += 1;
                    sleep(Duration::from_secs(*wait)).await;
                }
                Some(EmergencyAddressStatus::UnregistrationFailure) => {
                    return Err(doubtful(Failure::UnregistrationFailed));
                }
                Some(_) | None => return Ok(AttemptLook::NotYet(read_at)),
            }
        }
    }

    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<()>, ApiError> {
        self.client.release(turn, self.sid).await.map(Ok)
    }
}

impl<T: Transport> Run<'_, T> {
    pub(super) async fn release(&self, target: &Target, trace: &Trace<'_>) -> ActionDone<()> {
        let client = self.client(target.account);
        let sid = self.sid(target, trace).await?;
        let write = Release { run: self, client, trace, target, sid, has_unregistered: false, waits: 0 };
        match self.attempt(client, trace, write).await? {
            Attempt::Made(()) => Ok(()),
            Attempt::Refused(error) => Err(refused(error)),
            Attempt::InDoubt { last, .. } => Err(Outcome::Unknown(last.into())),
            Attempt::NotSent(skip) => Err(Outcome::Skipped(skip)),
        }
    }

    /// Whether a number whose SID its account does not know any more is really gone. One 404 is no
    /// proof: it must be absent from that account's listing too; and, since someone may have moved
    /// it, from every other one's, which must not know its SID either.
    async fn is_gone(&self, target: &Target, sid: NumberSid, trace: &Trace<'_>) -> Result<bool, ListError> {
        let own = self.client(target.account);
        let others = self.clients.iter().filter(|client| client.account != own.account);
        for client in std::iter::once(own).chain(others) {
            if trace.find(client, target.number).await? != Sighting::Absent {
                return Ok(false);
            }
            // A listing may lag behind a move.
            if client.account != own.account
                && trace.fetch(client, NumberRef { sid, number: target.number }, Owner::Any).await?.is_some()
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The number is not what the plan saw: left alone, unless a release of it may have been under way.
fn changed(in_doubt: Option<ApiError>) -> Outcome {
    match in_doubt {
        Some(error) => Outcome::Unknown(Failure::ChangedMeanwhile(error)),
        None => Outcome::Skipped(Skip::Changed),
    }
}

/// Whether a fresh read shows the very number that the plan saw, configured as it was then, but for
/// an emergency address that was taken off since.
fn is_as_planned(target: &Target, sid: NumberSid, plan: &Plan, fresh: &Live, has_unregistered: bool) -> bool {
    fresh.number == Some(target.number)
        && fresh.raw_number.is_none()
        && fresh.sid.is_none_or(|fresh_sid| fresh_sid == sid)
        && fresh.account_sid.is_none_or(|account| account == plan.account(target.account).sid)
        && stale::changed_fields(target, fresh).iter().all(|field| has_unregistered && *field == ADDRESS)
}

//! Buys a number: looks before it sends, and again whenever the outcome is in doubt; never another
//! number in its place (law 1), but for a claim whose candidate was certainly sold to someone else.

use super::attempt::{Attempt, AttemptLook, Course, Write, refused};
use super::configure::{missing, wants};
use super::run::{ActionDone, Run};
use super::trace::Trace;
use crate::client::api::error::{ApiError, ErrorKind};
use crate::client::pace::Turn;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::desired::AccountIndex;
use crate::model::action_kind::ActionKind;
use crate::model::live::Live;
use crate::model::number::{NumberRef, PhoneNumber};
use crate::model::settings::{Field, Managed, Want};
use crate::plan::claims::Claimed;
use crate::plan::diff;
use crate::plan::outcome::{Failure, Outcome, Skip};

/// A purchase of one number.
struct Purchase<'a, T> {
    client: &'a Client<T>,
    trace: &'a Trace<'a>,
    number: PhoneNumber,
    wants: Vec<(Field, Want)>,
}

impl<T: Transport> Write for Purchase<'_, T> {
    type Made = Live;

    const KIND: ActionKind = ActionKind::Purchase;

    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<Live>> {
        course.reads += 1;
        match (self.client.find(self.trace.lane(), self.number).await, &course.doubt) {
            (Ok((Sighting::Absent, at)), _) => Ok(AttemptLook::NotYet(at)),
            (Ok((Sighting::There(live), _)), Some(_)) => Ok(AttemptLook::Made(*live)),
            (Ok((Sighting::There(_), _)), None) => Err(Outcome::Skipped(Skip::AlreadyOwned)),
            (Ok((Sighting::Perhaps, _)), None) => Err(Outcome::Skipped(Skip::PerhapsOwned)),
            (Ok((Sighting::Perhaps, _)), Some(doubt)) => Err(not_seen(doubt.clone())),
            (Err(error), None) => Err(Outcome::Failed(error.into())),
            (Err(error), Some(_)) if course.again => Err(Outcome::Unknown(error.into())),
            (Err(_), Some(doubt)) => Err(not_seen(doubt.clone())),
        }
    }

    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<Live>, ApiError> {
        self.client.purchase(turn, self.number, &self.wants).await.map(Ok)
    }
}

impl<T: Transport> Run<'_, T> {
    /// Buys a number and brings it to its settings; for a claim the next candidate, where that one is sold.
    pub(super) async fn purchase(
        &self,
        number: PhoneNumber,
        account: AccountIndex,
        settings: &Managed,
        claim: Option<&Claimed>,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let bought = self.buy(number, account, settings, trace).await;
        match claim {
            Some(claim) => self.instead(bought, account, settings, claim, trace).await,
            None => bought,
        }
    }

    async fn buy(
        &self,
        number: PhoneNumber,
        account: AccountIndex,
        settings: &Managed,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let client = self.client(account);
        let write = Purchase { client, trace, number, wants: wants(settings) };
        let live = match self.attempt(client, trace, write).await? {
            Attempt::Made(live) => live,
            // A network may deliver a request twice, and the second is refused for what the first
            // has bought: one look tells. (The simulation found this one.)
            Attempt::Refused(error) if error.kind == ErrorKind::NotAvailable => {
                trace.doubts();
                match trace.find(client, number).await {
                    Ok(Sighting::There(live)) => {
                        trace.carried_out();
                        *live
                    }
                    Ok(Sighting::Absent) => return Err(Outcome::Failed(error.into())),
                    Ok(Sighting::Perhaps) | Err(_) => return Err(not_seen(error)),
                }
            }
            Attempt::Refused(error) => return Err(refused(error)),
            Attempt::InDoubt { doubt, .. } => return Err(not_seen(doubt)),
            Attempt::NotSent(skip) => return Err(Outcome::Skipped(skip)),
        };
        self.bought(account, number, settings, live, trace).await
    }

    /// A claim takes the next candidate, where the one before was sold to someone else for certain:
    /// its first purchase was refused, and it is not in the account.
    async fn instead(
        &self,
        mut bought: ActionDone<()>,
        account: AccountIndex,
        settings: &Managed,
        claim: &Claimed,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        for &number in &claim.instead {
            let is_sold = matches!(&bought, Err(outcome @ Outcome::Failed(_))
                if outcome.api_error().is_some_and(|error| error.kind == ErrorKind::NotAvailable));
            if !is_sold || self.stopping() {
                break;
            }
            trace.turns_to(number);
            let settings = claim.settings_of(number, settings);
            bought = self.buy(number, account, &settings, trace).await;
        }
        bought
    }

    /// A purchase was answered, or found: is it the number, and is it configured as asked?
    async fn bought(
        &self,
        account: AccountIndex,
        number: PhoneNumber,
        settings: &Managed,
        mut live: Live,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        // An answer about another number has not come this far; one that names none shows nothing.
        if live.number.is_none() {
            live = match trace.find(self.client(account), number).await {
                Ok(Sighting::There(live)) => *live,
                Ok(Sighting::Absent | Sighting::Perhaps) => {
                    return Err(Outcome::Unknown(Failure::Unidentified));
                }
                Err(error) => return Err(Outcome::Unknown(error.into())),
            };
        }
        if diff::changes(settings, &live).is_empty() {
            return Ok(());
        }
        // The page's own purchase sample has no `sid`.
        let sid = match live.sid {
            Some(sid) => sid,
            None => match self.look_up_sid(account, number, trace).await {
                Ok(sid) => sid,
                // Nothing more can be done to it, but bought it is: not skipped.
                Err(Outcome::Skipped(_)) => {
                    return Err(Outcome::Failed(Failure::NotTaken(missing(&wants(settings), &live))));
                }
                Err(other) => return Err(other),
            },
        };
        self.settle(account, NumberRef { sid, number }, settings, &live, trace).await
    }
}

fn not_seen(last_answer: ApiError) -> Outcome {
    Outcome::Unknown(Failure::NotSeen(last_answer))
}

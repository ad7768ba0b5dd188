//! Moves a number, with the credentials of the parent of the account that has it.

use tokio::time::Instant;

use super::attempt::{Attempt, AttemptLook, Course, Write, refused};
use super::configure::wants;
use super::run::{ActionDone, Run};
use super::trace::Trace;
use crate::client::api::error::{ApiError, ErrorKind};
use crate::client::api::subject::Owner;
use crate::client::pace::Turn;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::desired::AccountIndex;
use crate::model::action_kind::ActionKind;
use crate::model::live::Live;
use crate::model::number::{NumberRef, NumberSid};
use crate::model::settings::{Field, Managed, Want};
use crate::plan::Target;
use crate::plan::outcome::{Failure, Outcome};

/// A number that a transfer has just brought.
pub(super) struct Arrived {
    pub(super) sid: NumberSid,
    pub(super) live: Live,
}

/// A transfer of one number.
struct Transfer<'a, T> {
    mover: &'a Client<T>,
    /// The account that has it.
    from: &'a Client<T>,
    /// The account that gets it.
    to: &'a Client<T>,
    trace: &'a Trace<'a>,
    number: NumberRef,
    papers: Vec<(Field, Want)>,
}

impl<T: Transport> Write for Transfer<'_, T> {
    type Made = Live;

    const KIND: ActionKind = ActionKind::Transfer;

    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<Live>> {
        course.reads += 1;
        let is_there = self.in_its_new_account().await;
        match (is_there, course.doubt.clone()) {
            (Ok(Some(live)), _) => Ok(AttemptLook::Made(live)),
            (Ok(None), Some(doubt)) if doubt.kind == ErrorKind::NotFound => Err(refused(doubt)),
            (Ok(None), _) => Ok(AttemptLook::NotYet(Instant::now())),
            (Err(_), Some(doubt)) => Err(Outcome::Unknown(doubt.into())),
            (Err(failure), None) => Err(Outcome::Failed(failure)),
        }
    }

    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<Live>, ApiError> {
        let (from, to) = (self.from.account, self.to.account);
        let echo = self.mover.transfer(turn, self.number, from, to, &self.papers).await?;
        if echo.account_sid == Some(self.to.account) {
            return Ok(Ok(echo));
        }
        Ok(match self.in_its_new_account().await {
            Ok(Some(live)) => Ok(live),
            Ok(None) => Err(Outcome::Failed(Failure::DidNotMove)),
            Err(failure) => Err(Outcome::Unknown(failure)),
        })
    }
}

impl<T: Transport> Transfer<'_, T> {
    /// The number, if it is in the account that is to get it. A parent can fetch its subaccounts'
    /// numbers too, so that an answer alone does not show where the number is.
    async fn in_its_new_account(&self) -> Result<Option<Live>, Failure> {
        let client = self.to;
        match self.trace.fetch(client, self.number, Owner::Any).await? {
            None => Ok(None),
            Some(live) => match live.account_sid {
                Some(account) => Ok((account == client.account).then_some(live)),
                None => Ok(match self.trace.find(client, self.number.number).await? {
                    Sighting::There(live) => Some(*live),
                    Sighting::Absent | Sighting::Perhaps => None,
                }),
            },
        }
    }
}

impl<T: Transport> Run<'_, T> {
    /// Moves a number. The move may have cleared settings: to put them back is the caller's.
    pub(super) async fn transfer(
        &self,
        target: &Target,
        to: AccountIndex,
        settings: &Managed,
        trace: &Trace<'_>,
    ) -> ActionDone<Arrived> {
        let sid = self.sid(target, trace).await?;
        let mover = self.client(self.mover(target));
        let write = Transfer {
            mover,
            from: self.client(target.account),
            to: self.client(to),
            trace,
            number: NumberRef { sid, number: target.number },
            papers: wants(&settings.filtered(Field::is_paper)),
        };
        match self.attempt(mover, trace, write).await? {
            Attempt::Made(live) => Ok(Arrived { sid, live }),
            Attempt::Refused(error) => Err(refused(error)),
            Attempt::InDoubt { last, .. } => Err(Outcome::Unknown(last.into())),
            Attempt::NotSent(skip) => Err(Outcome::Skipped(skip)),
        }
    }
}

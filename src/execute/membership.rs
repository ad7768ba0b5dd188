//! Puts a number into the Messaging Service that it is to be in. A move is two writes: Twilio refuses a
//! number that is still in another one (21712).

use tokio::time::Instant;

use super::attempt::{Attempt, AttemptLook, Course, Write, refused};
use super::run::{ActionDone, Run};
use super::trace::Trace;
use crate::client::Client;
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::pace::Turn;
use crate::client::transport::Transport;
use crate::desired::AccountIndex;
use crate::model::action_kind::ActionKind;
use crate::model::number::{NumberSid, ServiceSid};
use crate::model::settings::{Field, Value, Want};
use crate::plan::outcome::{Failure, Outcome};

/// Parts what the number itself is told from the Messaging Service that it is put into.
pub(super) fn parted(mut wants: Vec<(Field, Want)>) -> (Vec<(Field, Want)>, Option<Want>) {
    let at = wants.iter().position(|(field, _)| *field == Field::SmsServiceSid);
    let service = at.map(|at| wants.remove(at).1);
    (wants, service)
}

/// A number that is put into a Messaging Service.
struct Join<'a, T>(Membership<'a, T>);

/// A number that is taken out of one.
struct Leave<'a, T>(Membership<'a, T>);

struct Membership<'a, T> {
    client: &'a Client<T>,
    service: ServiceSid,
    number: NumberSid,
}

impl<T> Clone for Membership<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Membership<'_, T> {}

impl<T: Transport> Membership<'_, T> {
    /// Whether it is as wanted by now, after an answer that left it open.
    async fn look<V>(&self, wanted: bool, made: V, course: &mut Course) -> ActionDone<AttemptLook<V>> {
        course.reads += 1;
        match (self.client.is_member(self.service, self.number).await, &course.doubt) {
            (Ok(is_member), _) if is_member == wanted => Ok(AttemptLook::Made(made)),
            (Ok(_), _) => Ok(AttemptLook::NotYet(Instant::now())),
            (Err(_), Some(doubt)) => Err(Outcome::Unknown(doubt.clone().into())),
            (Err(error), None) => Err(Outcome::Failed(error.into())),
        }
    }

    /// Believes the Messaging Service itself rather than a status (law 6).
    async fn verify(&self, wanted: bool) -> ActionDone<()> {
        match self.client.is_member(self.service, self.number).await {
            Ok(is_member) if is_member == wanted => Ok(()),
            Ok(_) => Err(Outcome::Failed(Failure::NotTaken(vec![Field::SmsServiceSid]))),
            Err(error) => Err(Outcome::Unknown(error.into())),
        }
    }
}

impl<T: Transport> Write for Join<'_, T> {
    /// Whether the Messaging Service itself has shown it.
    type Made = bool;

    const KIND: ActionKind = ActionKind::Configure;
    const OPERATION: Operation = Operation::Join;

    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<bool>> {
        self.0.look(true, true, course).await
    }

    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<bool>, ApiError> {
        self.0.client.join(turn, self.0.service, self.0.number).await.map(Ok)
    }
}

impl<T: Transport> Write for Leave<'_, T> {
    type Made = bool;

    const KIND: ActionKind = ActionKind::Configure;
    const OPERATION: Operation = Operation::Leave;

    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<bool>> {
        self.0.look(false, true, course).await
    }

    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<bool>, ApiError> {
        self.0.client.leave(turn, self.0.service, self.0.number).await.map(|()| Ok(false))
    }
}

impl<T: Transport> Run<'_, T> {
    /// Takes a number out of the Messaging Service that it was seen in, and puts it into another one.
    pub(super) async fn place(
        &self,
        account: AccountIndex,
        number: NumberSid,
        want: &Want,
        seen_in: Option<ServiceSid>,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let client = self.client(account);
        let wanted = match want {
            Want::Set(Value::Service(service)) => Some(*service),
            Want::Set(_) | Want::Clear => None,
        };
        let leaves = seen_in.filter(|seen_in| Some(*seen_in) != wanted);
        if let Some(service) = leaves {
            let membership = Membership { client, service, number };
            let left = self.attempt(client, trace, Leave(membership)).await?;
            // 404: another client removed it first, or the service is gone.
            settled(left, membership, false, ErrorKind::NotFound).await?;
        }
        let Some(service) = wanted else { return Ok(()) };
        let membership = Membership { client, service, number };
        let joined = async {
            let joined = self.attempt(client, trace, Join(membership)).await?;
            // 21710: a request that was lost may have done it.
            settled(joined, membership, true, ErrorKind::AlreadyInService).await
        };
        joined.await.map_err(|outcome| match (outcome, leaves) {
            (Outcome::Failed(Failure::Api(then)), Some(left)) => {
                Outcome::Failed(Failure::LeftService { left, then: Box::new(then) })
            }
            (Outcome::Unknown(Failure::Api(then)), Some(left)) => {
                Outcome::Unknown(Failure::LeftService { left, then: Box::new(then) })
            }
            (other, _) => other,
        })
    }
}

/// What became of a write; a refusal of kind `done` says that it is as wanted already.
async fn settled<T: Transport>(
    attempt: Attempt<bool>,
    membership: Membership<'_, T>,
    wanted: bool,
    done: ErrorKind,
) -> ActionDone<()> {
    match attempt {
        Attempt::Made(true) => Ok(()),
        Attempt::Made(false) => membership.verify(wanted).await,
        Attempt::Refused(error) if error.kind == done => membership.verify(wanted).await,
        Attempt::Refused(error) => Err(refused(error)),
        Attempt::InDoubt { last, .. } => Err(Outcome::Unknown(last.into())),
        Attempt::NotSent(skip) => Err(Outcome::Skipped(skip)),
    }
}

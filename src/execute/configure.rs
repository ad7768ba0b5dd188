//! Configures a number, and believes the number rather than the status (law 6).

use super::attempt::{Attempt, AttemptLook, Course, Write, refused};
use super::membership;
use super::run::{ActionDone, Run};
use super::trace::Trace;
use crate::client::api::error::ApiError;
use crate::client::api::subject::Owner;
use crate::client::pace::Turn;
use crate::client::transport::Transport;
use crate::client::{Client, Sighting};
use crate::desired::AccountIndex;
use crate::model::action_kind::ActionKind;
use crate::model::live::Live;
use crate::model::number::{NumberRef, NumberSid, PhoneNumber, ServiceSid};
use crate::model::settings::{Field, Managed, Value, Want};
use crate::plan::Target;
use crate::plan::diff;
use crate::plan::outcome::{Failure, Outcome, Skip};

/// Fields to be sent to one number.
struct Configure<'a, T> {
    client: &'a Client<T>,
    trace: &'a Trace<'a>,
    number: NumberRef,
    /// Less those that a look shows to be met.
    wants: &'a mut Vec<(Field, Want)>,
}

/// What there is once fields are sent.
enum Configured {
    /// The answer's word for it.
    Echo(Live),
    /// A read shows it.
    Seen,
}

impl<T: Transport> Write for Configure<'_, T> {
    type Made = Configured;

    const KIND: ActionKind = ActionKind::Configure;

    async fn look(&mut self, course: &mut Course) -> ActionDone<AttemptLook<Configured>> {
        course.reads += 1;
        let own = Owner::Only(self.client.account);
        match (self.client.fetch(self.trace.lane(), self.number, own).await, &course.doubt) {
            (Ok((Some(live), at)), _) => {
                self.wants.retain(|(field, want)| !diff::is_met(*field, want, &live));
                Ok(if self.wants.is_empty() {
                    AttemptLook::Made(Configured::Seen)
                } else {
                    AttemptLook::NotYet(at)
                })
            }
            (Ok((None, _)) | Err(_), Some(doubt)) => Err(Outcome::Unknown(doubt.clone().into())),
            (Ok((None, at)), None) => Ok(AttemptLook::NotYet(at)),
            (Err(error), None) => Err(Outcome::Failed(error.into())),
        }
    }

    async fn send(&mut self, turn: Turn<'_>) -> Result<ActionDone<Configured>, ApiError> {
        let echo = self.client.configure(turn, self.number, self.wants).await?;
        Ok(Ok(Configured::Echo(echo)))
    }
}

impl<T: Transport> Run<'_, T> {
    /// Sends what differs by the plan.
    pub(super) async fn configure(
        &self,
        target: &Target,
        account: AccountIndex,
        wants: Vec<(Field, Want)>,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let sid = self.sid(target, trace).await?;
        let seen_in = match target.before.get(Field::SmsServiceSid) {
            Some(Value::Service(service)) => Some(*service),
            Some(_) | None => None,
        };
        self.send(account, NumberRef { sid, number: target.number }, wants, seen_in, trace).await
    }

    /// Brings a number whose live state is known to what is managed of it.
    pub(super) async fn settle(
        &self,
        account: AccountIndex,
        number: NumberRef,
        settings: &Managed,
        live: &Live,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let changes = diff::changes(settings, live);
        if changes.is_empty() {
            return Ok(());
        }
        let wants = changes.into_iter().map(|change| (change.field, change.want)).collect();
        // It has just arrived, and is in no Messaging Service.
        self.send(account, number, wants, None, trace).await
    }

    /// Sends what the number itself is told, then puts it where it is to be: it has its URLs by then.
    async fn send(
        &self,
        account: AccountIndex,
        number: NumberRef,
        wants: Vec<(Field, Want)>,
        seen_in: Option<ServiceSid>,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let (wants, service) = membership::parted(wants);
        if !wants.is_empty() {
            self.send_fields(account, number, wants, trace).await?;
        }
        match service {
            Some(want) => self.place(account, number.sid, &want, seen_in, trace).await,
            None => Ok(()),
        }
    }

    /// Sends fields until the number shows them.
    pub(super) async fn send_fields(
        &self,
        account: AccountIndex,
        number: NumberRef,
        mut wants: Vec<(Field, Want)>,
        trace: &Trace<'_>,
    ) -> ActionDone<()> {
        let client = self.client(account);
        let write = Configure { client, trace, number, wants: &mut wants };
        let echo = match self.attempt(client, trace, write).await? {
            Attempt::Made(Configured::Seen) => return Ok(()),
            Attempt::Made(Configured::Echo(echo)) => echo,
            Attempt::Refused(error) => return Err(refused(error)),
            Attempt::InDoubt { last, .. } => return Err(Outcome::Unknown(last.into())),
            Attempt::NotSent(skip) => return Err(Outcome::Skipped(skip)),
        };
        if missing(&wants, &echo).is_empty() {
            return Ok(());
        }
        // An answer may be older than what it answers: the number itself decides.
        match trace.fetch(client, number, Owner::Only(client.account)).await {
            Ok(Some(live)) => match missing(&wants, &live) {
                missing if missing.is_empty() => Ok(()),
                missing => Err(Outcome::Failed(Failure::NotTaken(missing))),
            },
            Ok(None) => Err(Outcome::Failed(Failure::NotTaken(missing(&wants, &echo)))),
            Err(error) => Err(Outcome::Unknown(error.into())),
        }
    }

    /// The SID of a number, looked up where the plan has none.
    pub(super) async fn sid(&self, target: &Target, trace: &Trace<'_>) -> ActionDone<NumberSid> {
        match target.sid {
            Some(sid) => Ok(sid),
            None => self.look_up_sid(target.account, target.number, trace).await,
        }
    }

    pub(super) async fn look_up_sid(
        &self,
        account: AccountIndex,
        number: PhoneNumber,
        trace: &Trace<'_>,
    ) -> ActionDone<NumberSid> {
        match trace.find(self.client(account), number).await {
            Ok(Sighting::There(live)) => live.sid.ok_or(Outcome::Skipped(Skip::NoSid)),
            Ok(Sighting::Perhaps) => Err(Outcome::Skipped(Skip::NoSid)),
            Ok(Sighting::Absent) => Err(Outcome::Skipped(Skip::Changed)),
            Err(error) => Err(Outcome::Failed(error.into())),
        }
    }
}

/// What is managed, as fields to be sent.
pub(super) fn wants(settings: &Managed) -> Vec<(Field, Want)> {
    settings.iter().map(|(field, want)| (field, want.clone())).collect()
}

/// Which of the fields a number does not show.
pub(super) fn missing(wants: &[(Field, Want)], live: &Live) -> Vec<Field> {
    wants.iter().filter(|(field, want)| !diff::is_met(*field, want, live)).map(|(field, _)| *field).collect()
}

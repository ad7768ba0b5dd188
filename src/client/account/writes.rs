//! The four writes, each sent exactly once and answered about the very number that was asked for.

use url::Url;

use super::{Client, Withheld, is_irreversible};
use crate::client::api::error::{ApiError, Operation};
use crate::client::api::subject::{Owner, Subject};
use crate::client::pace::{Lane, Turn};
use crate::client::transport::{Transport, Verb};
use crate::client::writer::Admission;
use crate::model::live::Live;
use crate::model::number::{AccountSid, NumberRef, NumberSid, PhoneNumber};
use crate::model::settings::{Field, Want};

impl<T: Transport> Client<T> {
    /// Waits for the turn of a write, to be sent at once. While the API does not answer, a harmless
    /// read tries it in between. `recorded` writes down what is about to be sent, and says whether that
    /// worked; nothing is written down before the turn has come, since it may never be sent then.
    ///
    /// # Errors
    /// When it is not to be sent.
    pub async fn turn_to_write(
        &self,
        lane: Lane,
        operation: Operation,
        recorded: impl Future<Output = bool>,
    ) -> Result<Turn<'_>, Withheld> {
        self.prove().await.map_err(Withheld::Unproven)?;
        let mut turn = self.turn(lane, operation).await.map_err(Withheld::Unreachable)?;
        if !recorded.await {
            return Err(Withheld::NotRecorded);
        }
        // Asked once the turn has come, which may have been long: nothing lies between this and the
        // send.
        match self.writer.admit(is_irreversible(operation)).await {
            Some(Admission::WithoutEnd) => Ok(turn),
            Some(Admission::EndBy(then)) => {
                turn.end_by(then);
                Ok(turn)
            }
            None => Err(Withheld::Fenced),
        }
    }

    /// Sends one purchase of this very number, once.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer with the number in it.
    pub async fn purchase(
        &self,
        turn: Turn<'_>,
        number: PhoneNumber,
        settings: &[(Field, Want)],
    ) -> Result<Live, ApiError> {
        let mut pairs = vec![("PhoneNumber".to_owned(), number.to_string())];
        pairs.extend(self.parameters(settings));
        let subject = Subject::bought(number, self.account);
        self.write(turn, Operation::Purchase, self.routes.numbers(), &pairs, subject).await
    }

    /// Sends one change of these fields, once.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer with this very number in it.
    pub async fn configure(
        &self,
        turn: Turn<'_>,
        NumberRef { sid, number }: NumberRef,
        settings: &[(Field, Want)],
    ) -> Result<Live, ApiError> {
        let pairs: Vec<_> = self.parameters(settings).collect();
        let subject = Subject::live(sid, number, Owner::Only(self.account));
        self.write(turn, Operation::Configure, self.routes.number(sid), &pairs, subject).await
    }

    /// Sends one transfer from one account to another, once. Asked by the parent's client. `papers`
    /// are those of the account that gets the number, which its country wants at once.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer with the number in it.
    pub async fn transfer(
        &self,
        turn: Turn<'_>,
        NumberRef { sid, number }: NumberRef,
        from: AccountSid,
        to: AccountSid,
        papers: &[(Field, Want)],
    ) -> Result<Live, ApiError> {
        let mut pairs = vec![("AccountSid".to_owned(), to.to_string())];
        pairs.extend(self.parameters(papers));
        let subject = Subject::live(sid, number, Owner::Either(from, to));
        self.write(turn, Operation::Transfer, self.routes.transfer(from, sid), &pairs, subject).await
    }

    /// Sends one release, once.
    ///
    /// # Errors
    /// Anything but the API's own 204: a proxy's sign-in page comes with a 200 too, and then nothing
    /// was released.
    pub async fn release(&self, turn: Turn<'_>, sid: NumberSid) -> Result<(), ApiError> {
        let url = self.routes.number(sid);
        let response = self.send(turn, Operation::Release, Verb::Delete, url, None).await?;
        if response.status != 204 || !response.body.is_empty() {
            return Err(ApiError::unreadable(
                Operation::Release,
                &response,
                "a release is answered with an empty 204",
            ));
        }
        Ok(())
    }

    async fn write(
        &self,
        turn: Turn<'_>,
        operation: Operation,
        url: Url,
        pairs: &[(String, String)],
        subject: Subject,
    ) -> Result<Live, ApiError> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let response = self.send(turn, operation, Verb::Post, url, Some(form)).await?;
        self.number_in(operation, &response, subject)
    }
}

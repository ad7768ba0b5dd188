//! Which Messaging Service a number is in: read, and changed, each write sent exactly once.

use super::Client;
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::routing;
use crate::client::pace::Turn;
use crate::client::transport::{Transport, Verb};
use crate::model::number::{NumberSid, ServiceSid};

impl<T: Transport> Client<T> {
    /// Whether a number is in a Messaging Service, by that service's own word.
    ///
    /// # Errors
    /// When there is no answer of the API's, or one about another number.
    pub async fn is_member(&self, service: ServiceSid, number: NumberSid) -> Result<bool, ApiError> {
        let url = self.routes.member(service, number);
        let names_it = |body: &[u8]| match routing::read_member(body)? {
            (sid, of) if sid == number && of.is_none_or(|of| of == service) => Ok(true),
            (sid, _) => Err(format!("it is about {sid}")),
        };
        match self.read_aside(url, names_it).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            answered => answered,
        }
    }

    /// Puts a number into a Messaging Service, once. `true` where the answer shows that.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer.
    pub async fn join(
        &self,
        turn: Turn<'_>,
        service: ServiceSid,
        number: NumberSid,
    ) -> Result<bool, ApiError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("PhoneNumberSid", &number.to_string())
            .finish();
        let url = self.routes.members(service);
        let response = self.send(turn, Operation::Join, Verb::Post, url, Some(form)).await?;
        let echo = routing::read_member(&response.body);
        Ok(echo.is_ok_and(|(sid, of)| sid == number && of == Some(service)))
    }

    /// Takes a number out of a Messaging Service, once.
    ///
    /// # Errors
    /// Anything but the API's own 204.
    pub async fn leave(
        &self,
        turn: Turn<'_>,
        service: ServiceSid,
        number: NumberSid,
    ) -> Result<(), ApiError> {
        let url = self.routes.member(service, number);
        let response = self.send(turn, Operation::Leave, Verb::Delete, url, None).await?;
        if response.status != 204 || !response.body.is_empty() {
            let why = "taking a number out of a Messaging Service is answered with an empty 204";
            return Err(ApiError::unreadable(Operation::Leave, &response, why));
        }
        Ok(())
    }
}

//! Requests that can do without an answer, and what else is asked beside the numbers.

use tokio::time::Instant;
use url::Url;

use super::Client;
use crate::client::api::error::{ApiError, Operation};
use crate::client::pace::Lane;
use crate::client::transport::{Response, Transport, Verb};
use crate::model::credentials::Credentials;

impl<T: Transport> Client<T> {
    /// The account's own auth token, where it asks with that and not with an API key or its parent's.
    #[must_use]
    pub fn own_token(&self) -> Option<Credentials> {
        (*self.credentials.user == *self.account.to_string()).then(|| self.credentials.clone())
    }

    /// Asks once, beside the pace, and hands out the answer, whatever it is: for what can do without.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, operation: Operation, url: Url) -> Result<Response, ApiError> {
        let began = Instant::now();
        let sent = self.transport.send(self.request(operation, Verb::Get, url, None)).await;
        self.tally.request(operation, &sent, began.elapsed());
        sent.map_err(|error| ApiError::from_transport(operation, &error))
    }

    /// The same once the account's turn has come: whoever was told to wait keeps to it. What becomes of it
    /// says nothing about the API, since it may be another host's.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask_in_turn(&self, operation: Operation, url: Url) -> Result<Response, ApiError> {
        drop(self.turn(Lane::New, operation).await?);
        self.ask(operation, url).await
    }
}

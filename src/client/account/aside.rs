//! Reads of Twilio's other products, which a plan can do without.

use std::collections::BTreeSet;

use url::Url;

use super::{Client, PAGE_SIZE_MAX};
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::routing::Paged;
use crate::client::api::{filter, page_link};
use crate::client::pace::Lane;
use crate::client::transport::{Transport, Verb};

/// How often something is asked for that a plan can do without.
const ASIDE_ATTEMPTS_MAX: u32 = 3;

/// How many pages such a list can have: with the largest pages, 100,000 rows.
const ASIDE_PAGES_MAX: usize = 100;

impl<T: Transport> Client<T> {
    /// Reads what a plan can do without, again where that may help, though not for long. Another product
    /// answers here, and its failures say nothing about the health of the numbers' API.
    ///
    /// # Errors
    /// When there is no answer of the API's.
    pub async fn read_aside<V>(
        &self,
        url: Url,
        make_sense: impl FnOnce(&[u8]) -> Result<V, String>,
    ) -> Result<V, ApiError> {
        let operation = Operation::Routing;
        let mut failures = 0;
        loop {
            let turn = self.turn(Lane::New, operation).await?;
            let error = match self.send(turn, operation, Verb::Get, url.clone(), None).await {
                Ok(response) => {
                    return make_sense(&response.body)
                        .map_err(|why| ApiError::unreadable(operation, &response, &why));
                }
                Err(error) => error,
            };
            failures += 1;
            let attempts = match error.kind {
                ErrorKind::Throttled { .. } => ASIDE_ATTEMPTS_MAX,
                ErrorKind::NotSent | ErrorKind::Lost | ErrorKind::Server { .. } => ASIDE_ATTEMPTS_MAX - 1,
                _ => 1,
            };
            if failures >= attempts {
                return Err(error);
            }
            self.wait(failures, &error).await;
        }
    }

    /// A whole list of another product, page by page; [`Client::read_aside`] says how.
    ///
    /// # Errors
    /// When a page fails, loops or leaves the list: it is whole or it is none.
    pub async fn list_aside<V>(
        &self,
        list: Url,
        read: impl Fn(&[u8]) -> Result<Paged<V>, String>,
    ) -> Result<Vec<V>, ApiError> {
        let mut all = Vec::new();
        let mut next = filter::first_page(list.clone(), &[], PAGE_SIZE_MAX);
        let mut seen = BTreeSet::new();
        loop {
            let (rows, link) = self.read_aside(next.clone(), &read).await?;
            all.extend(rows);
            seen.insert(next);
            let Some(link) = link else { return Ok(all) };
            let url = page_link::resolve(&list, &link).map_err(|error| ApiError::page_link(&error))?;
            if seen.contains(&url) || seen.len() >= ASIDE_PAGES_MAX {
                return Err(ApiError::page_link(&page_link::PageLinkError::Malformed(link)));
            }
            next = url;
        }
    }
}

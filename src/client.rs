//! One account's view of the API: reads that are retried, writes that are sent exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Instrument, debug, debug_span, warn};
use url::Url;

use crate::api::endpoint::Endpoint;
pub use crate::api::error::ListError;
use crate::api::error::{ApiError, ErrorKind, Operation};
use crate::api::filter::Filters;
use crate::api::page_link;
use crate::api::wire::{self, Interner};
use crate::backoff;
use crate::credentials::Credentials;
use crate::number::{AccountSid, NumberSid, PhoneNumber};
use crate::observed::{Listing, ListingBuilder, Live, Page, Progress};
use crate::pace::Pace;
use crate::settings::{Field, Want};
use crate::transport::{Request, Response, Transport, Verb};

/// The API's largest page.
pub const PAGE_SIZE_MAX: u16 = 1000;

/// A source of jitter: SplitMix64 over a seed, so that a simulation can fix it.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// The same throws for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Uniform over `u64`.
    pub fn throw(&self) -> u64 {
        let mut z =
            self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// How requests are made, the same for every account of a command.
#[derive(Debug, Clone)]
pub struct Manner {
    /// The largest page that is asked for.
    pub page_size: u16,
    /// After which a request is given up.
    pub timeout: Duration,
    /// Jitter.
    pub dice: Arc<Dice>,
}

/// Says whether writes are (still) ours: a lock or a lease is held. Asked right before every write
/// (law 10).
#[derive(Clone, Default)]
pub struct Writer(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Writer {
    /// A writer for as long as `is_held` says so. The default is one without a lock.
    pub fn new(is_held: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(is_held)))
    }

    /// Whether a write may start now.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.0.as_ref().is_none_or(|is_held| is_held())
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Writer(fenced)" } else { "Writer(free)" })
    }
}

/// What a look-up of one number shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Sighting {
    /// The account does not have it.
    Absent,
    /// The account has it.
    There(Box<Live>),
    /// Something came without its number, and may be it.
    Perhaps,
}

/// One account's client.
#[derive(Debug)]
pub struct Client<T> {
    /// The account.
    pub account: AccountSid,
    transport: Arc<T>,
    endpoint: Endpoint,
    credentials: Credentials,
    manner: Manner,
    pace: Pace,
    writer: Writer,
}

impl<T: Transport> Client<T> {
    /// A client for one account.
    pub fn new(
        account: AccountSid,
        transport: Arc<T>,
        endpoint: Endpoint,
        credentials: Credentials,
        manner: Manner,
        pace: Pace,
    ) -> Self {
        Self { account, transport, endpoint, credentials, manner, pace, writer: Writer::default() }
    }

    /// From now on writes only while `writer` says so.
    pub fn fence(&mut self, writer: Writer) {
        self.writer = writer;
    }

    /// Whether a write may start now.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.writer.may_write()
    }

    /// Lists every live number of the account, page by page; `on_page` hears how many there are so
    /// far.
    ///
    /// # Errors
    /// When any page fails for good: a listing is complete or it is not one (law 3).
    pub async fn list(
        &self,
        filters: &Filters,
        mut on_page: impl FnMut(usize),
    ) -> Result<Listing, ListError> {
        let listing = self.endpoint.active_numbers();
        let mut interner = Interner::default();
        let mut builder = ListingBuilder::new(self.account);
        let mut url = filters.first_page(listing.clone(), self.manner.page_size);
        loop {
            let response = self.read(Operation::List, url).await?;
            let raw = wire::read_page(&response.body, &mut interner)
                .map_err(|why| ApiError::unreadable(Operation::List, &response, &why))?;
            drop(response);
            let next = self.next_page(&listing, raw.next.as_deref())?;
            let page = Page { rows: raw.rows, next, index: raw.index };
            match builder.push(page)? {
                Progress::Complete(listing) => {
                    on_page(listing.rows().len());
                    return Ok(listing);
                }
                Progress::More(more, link) => {
                    on_page(more.len());
                    builder = more;
                    url = parse_checked(&link)?;
                }
            }
        }
    }

    /// The rows of a listing or a search as they came, page by page, for people: `on_items` gets
    /// each page, and says whether to go on.
    ///
    /// # Errors
    /// When a page fails for good.
    pub async fn browse(
        &self,
        operation: Operation,
        filters: &Filters,
        mut on_items: impl FnMut(Vec<serde_json::Value>) -> bool,
    ) -> Result<(), ListError> {
        let listing = match operation {
            Operation::Search => self.endpoint.available_numbers(),
            _ => self.endpoint.active_numbers(),
        };
        let mut url = filters.first_page(listing.clone(), self.manner.page_size);
        let mut pages = ListingBuilder::new(self.account);
        loop {
            let response = self.read(operation, url).await?;
            let (items, link) = wire::read_items(&response.body)
                .map_err(|why| ApiError::unreadable(operation, &response, &why))?;
            let go_on = on_items(items);
            let link = link.as_deref().filter(|_| go_on);
            let page = Page { rows: Vec::new(), next: self.next_page(&listing, link)?, index: None };
            match pages.push(page)? {
                Progress::Complete(_) => return Ok(()),
                Progress::More(more, link) => {
                    pages = more;
                    url = parse_checked(&link)?;
                }
            }
        }
    }

    /// Where a page's link leads, checked to stay on the listing.
    fn next_page(&self, listing: &Url, link: Option<&str>) -> Result<Option<Box<str>>, ApiError> {
        link.map(|link| page_link::resolve(&self.endpoint, listing, link).map(|url| url.as_str().into()))
            .transpose()
            .map_err(|error| ApiError::page_link(&error))
    }

    /// What the account has under this very number (law 1's look-up).
    ///
    /// # Errors
    /// When the look-up fails for good.
    pub async fn find(&self, number: PhoneNumber) -> Result<Sighting, ListError> {
        let listing = self.list(&Filters::number(number), |_| {}).await?;
        // A server may read the filter as a pattern; only the very number counts.
        Ok(match listing.rows().iter().find(|row| row.number == Some(number)) {
            Some(live) => Sighting::There(Box::new(live.clone())),
            None if listing.rows().iter().any(|row| row.number.is_none()) => Sighting::Perhaps,
            None => Sighting::Absent,
        })
    }

    /// The number of a SID; `None` when the API knows none.
    ///
    /// # Errors
    /// When the request fails for good for another reason.
    pub async fn fetch(&self, sid: NumberSid) -> Result<Option<Live>, ApiError> {
        match self.read(Operation::Fetch, self.endpoint.active_number(sid)).await {
            Ok(response) => wire::read_number(&response.body)
                .map(Some)
                .map_err(|why| ApiError::unreadable(Operation::Fetch, &response, &why)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends one purchase of this very number, once.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer with the number in it.
    pub async fn purchase(&self, number: PhoneNumber, settings: &[(Field, Want)]) -> Result<Live, ApiError> {
        let mut pairs = vec![("PhoneNumber".to_owned(), number.to_string())];
        pairs.extend(parameters(settings));
        self.write(Operation::Purchase, self.endpoint.active_numbers(), &pairs).await
    }

    /// Sends one change of these fields, once.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer with the number in it.
    pub async fn configure(&self, sid: NumberSid, settings: &[(Field, Want)]) -> Result<Live, ApiError> {
        let pairs: Vec<_> = parameters(settings).collect();
        self.write(Operation::Configure, self.endpoint.active_number(sid), &pairs).await
    }

    /// Sends one transfer to another account, once. Asked by the parent's client.
    ///
    /// # Errors
    /// Anything but the API's own 2xx answer with the number in it.
    pub async fn transfer(&self, sid: NumberSid, to: AccountSid) -> Result<Live, ApiError> {
        let pairs = [("AccountSid".to_owned(), to.to_string())];
        self.write(Operation::Transfer, self.endpoint.transfer(sid), &pairs).await
    }

    /// Sends one release, once.
    ///
    /// # Errors
    /// Anything but the API's own 204: a proxy's sign-in page comes with a 200 too, and then nothing
    /// was released.
    pub async fn release(&self, sid: NumberSid) -> Result<(), ApiError> {
        let url = self.endpoint.active_number(sid);
        let response = self.once(Operation::Release, Verb::Delete, url, None).await?;
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
        operation: Operation,
        url: Url,
        pairs: &[(String, String)],
    ) -> Result<Live, ApiError> {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let response = self.once(operation, Verb::Post, url, Some(form)).await?;
        wire::read_number(&response.body).map_err(|why| ApiError::unreadable(operation, &response, &why))
    }

    /// Reads are harmless: sent again after a wait, a few times.
    async fn read(&self, operation: Operation, url: Url) -> Result<Response, ApiError> {
        let mut failures = 0;
        loop {
            let error = match self.once(operation, Verb::Get, url.clone(), None).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            failures += 1;
            if failures >= backoff::ATTEMPTS_MAX || !backoff::read_again(&error.kind) {
                return Err(error);
            }
            self.wait(failures, &error).await;
        }
    }

    /// Waits before another try, as [`backoff::delay`] says.
    pub async fn wait(&self, failures: u32, error: &ApiError) {
        let wait = backoff::delay(failures, error.kind.retry_after(), self.manner.dice.throw());
        warn!(account = %self.account, operation = error.operation.word(), error = ?error.to_string(), ?wait, failures, "trying again");
        if matches!(error.kind, ErrorKind::Throttled { .. }) {
            self.pace.pause(wait).await;
        }
        tokio::time::sleep(wait).await;
    }

    async fn once(
        &self,
        operation: Operation,
        verb: Verb,
        url: Url,
        form: Option<String>,
    ) -> Result<Response, ApiError> {
        let span = debug_span!("request", account = %self.account, operation = operation.word());
        async {
            let _turn = self.pace.turn().await;
            // The turn may have been a long time coming: the executor has asked before it.
            if verb != Verb::Get && !self.may_write() {
                return Err(ApiError::fenced(operation));
            }
            let request = Request {
                verb,
                url,
                form,
                credentials: self.credentials.clone(),
                timeout: self.manner.timeout,
                body_bytes_max: body_bytes_max(operation),
            };
            debug!(verb = verb.word(), path = request.url.path(), "sending");
            let response = self
                .transport
                .send(request)
                .await
                .map_err(|error| ApiError::from_transport(operation, &error))?;
            debug!(
                status = response.status,
                request_id = ?response.request_id,
                bytes = response.body.len(),
                "answered"
            );
            if (200..300).contains(&response.status) {
                return Ok(response);
            }
            Err(ApiError::from_response(operation, &response))
        }
        .instrument(span)
        .await
    }
}

/// What an answer may be at most. A number is about 3 kB, and webhook URLs may be long: 16 KiB are
/// allowed for each of the numbers that a page may have.
fn body_bytes_max(operation: Operation) -> usize {
    match operation {
        Operation::List | Operation::Search => 16 << 20,
        Operation::Fetch
        | Operation::Purchase
        | Operation::Configure
        | Operation::Transfer
        | Operation::Release => 1 << 20,
    }
}

fn parameters(settings: &[(Field, Want)]) -> impl Iterator<Item = (String, String)> + '_ {
    settings.iter().map(|(field, want)| (field.parameter().to_owned(), want.wire(*field)))
}

/// A link that [`page_link::resolve`] has already made a URL of.
fn parse_checked(link: &str) -> Result<Url, ListError> {
    Url::parse(link)
        .map_err(|_| ApiError::page_link(&page_link::PageLinkError::Malformed(link.to_owned())).into())
}

//! One account's view of the API: reads that are retried, writes that are sent exactly once.

mod answers;
mod aside;
mod asking;
mod members;
mod proof;
mod writes;

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{OptionFuture, maybe_done};
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span, warn};
use url::Url;

use crate::client::api::endpoint::Endpoint;
pub use crate::client::api::error::ListError;
use crate::client::api::error::{ApiError, ErrorKind, Operation};
use crate::client::api::filter::{self, Browsed, Start};
use crate::client::api::page_link;
use crate::client::api::routes::Routes;
use crate::client::api::subject::{Owner, Subject};
use crate::client::api::wire::{self, Interner, RawItems};
use crate::client::backoff::{self, Next};
use crate::client::listing::{Listing, ListingBuilder, ListingError, ListingPage, Progress};
use crate::client::pace::{Lane, Pace, Signal, Turn, Unreachable};
use crate::client::tally::Tally;
use crate::client::transport::{Request, Response, Transport, TransportError, Verb};
pub use crate::client::writer::Writer;
use crate::model::action_kind::ActionKind;
use crate::model::credentials::Credentials;
use crate::model::inert::spelt_out;
use crate::model::live::Live;
use crate::model::number::{AccountSid, NumberRef, PhoneNumber};
use crate::model::settings::{Field, Want};

use answers::{body_bytes_max, is_documented, may_be_any};
use proof::Proof;

/// What `get` and `search` read at most, decompressed: over five million numbers of 3 kB.
const BROWSED_BYTES_MAX: usize = 16 << 30;

/// After a lost answer, requests take new connections for this long.
const DISTRUST: Duration = Duration::from_secs(60);

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

    /// A random number, uniform over `u64`.
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
    pub dice: Arc<Dice>,
}

/// Why a write did not get its turn. It was not sent.
#[derive(Debug, Clone)]
pub enum Withheld {
    /// The lock or the lease is not held (law 10).
    Fenced,
    /// What is about to be sent could not be written down.
    NotRecorded,
    /// The API has not answered for a while.
    Unreachable(ApiError),
    /// Nothing shows that the credentials are the account's.
    Unproven(ApiError),
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

/// Asks the API on behalf of one account.
#[derive(Debug)]
pub struct Client<T> {
    pub account: AccountSid,
    /// What is where for the account.
    pub routes: Routes,
    /// What people call the account, for logs.
    name: String,
    transport: Arc<T>,
    pub(crate) credentials: Credentials,
    manner: Manner,
    pace: Pace,
    writer: Writer,
    tally: Arc<Tally>,
    proof: tokio::sync::Mutex<Proof>,
    /// When an answer was last lost on the way.
    lost_at: Mutex<Option<Instant>>,
}

impl<T: Transport> Client<T> {
    /// A client for the account of the routes.
    pub fn new(
        routes: Routes,
        transport: Arc<T>,
        credentials: Credentials,
        manner: Manner,
        pace: Pace,
    ) -> Self {
        let account = routes.account;
        let (writer, tally) = (Writer::default(), Arc::default());
        let proof = tokio::sync::Mutex::new(Proof::by_name(account, &credentials));
        let lost_at = Mutex::default();
        let name = account.to_string();
        Self { account, routes, transport, credentials, manner, pace, writer, tally, proof, lost_at, name }
    }

    /// The same, with the account's name from the file for the log.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = spelt_out(name);
        self
    }

    /// What people call the account.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From now on asks with these, there: a mounted secret was renewed.
    pub fn renew(&mut self, credentials: Credentials, endpoint: Endpoint) {
        self.proof = tokio::sync::Mutex::new(Proof::by_name(self.account, &credentials));
        self.credentials = credentials;
        self.routes.move_to(endpoint);
    }

    /// Sends over this transport from now on.
    pub fn carry_by(&mut self, transport: Arc<T>) {
        self.transport = transport;
    }

    /// From now on writes only while `writer` says so.
    pub fn fence(&mut self, writer: Writer) {
        self.writer = writer;
    }

    /// From now on counts its requests there.
    pub fn count_in(&mut self, tally: Arc<Tally>) {
        self.tally = tally;
    }

    /// Who asks: the account's SID, its parent's, or an API key's.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.credentials.user
    }

    /// The other account, mostly the parent, whose credentials these are. Products that have no account in
    /// their paths show what is that account's, which says nothing about this one. Whose an API key is
    /// cannot be seen.
    #[must_use]
    pub fn lender(&self) -> Option<AccountSid> {
        AccountSid::observed(self.user()).filter(|owner| *owner != self.account)
    }

    /// The largest page that is asked for.
    #[must_use]
    pub fn page_size(&self) -> u16 {
        self.manner.page_size
    }

    /// Whether the API has not answered for so long that nothing waits for it.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        self.pace.is_unreachable()
    }

    /// Whether no write will get its turn any more: another may lead by now.
    #[must_use]
    pub fn has_lost_the_lease(&self) -> bool {
        self.writer.has_lost_the_lease()
    }

    /// Lists every live number of the account, page by page; `on_page` hears how many there are so
    /// far.
    ///
    /// # Errors
    /// When any page fails for good: a listing is complete or it is not one (law 3).
    pub async fn list(&self, on_page: impl FnMut(usize)) -> Result<Listing, ListError> {
        let numbers = self.routes.numbers();
        let page_size = self.manner.page_size;
        let (listing, _) = self.list_at(Lane::New, numbers, self.account, page_size, &[], on_page).await?;
        self.proof.lock().await.learn(&listing);
        Ok(listing)
    }

    /// Lists every live number of another account of the same parent, over v2010.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub async fn list_in(&self, account: AccountSid) -> Result<Listing, ListError> {
        let numbers = self.routes.numbers_in(account);
        let page_size = self.manner.page_size;
        self.list_at(Lane::New, numbers, account, page_size, &[], |_| {}).await.map(|(listing, _)| listing)
    }

    /// The listing, on pages of some size, and when its first page was asked for.
    pub(crate) async fn list_at(
        &self,
        lane: Lane,
        listing: Url,
        account: AccountSid,
        page_size: u16,
        filters: &[(&str, &str)],
        mut on_page: impl FnMut(usize),
    ) -> Result<(Listing, Instant), ListError> {
        let mut interner = Interner::default();
        let mut builder = ListingBuilder::new(account);
        let first = filter::first_page(listing.clone(), filters, page_size);
        let (mut response, began) = self.read(lane, Operation::List, first).await?;
        loop {
            // The next page is on its way while this one is parsed, which says whether it is the next.
            let guess = page_link::guess(self.routes.api, &response.body);
            let guess = guess.and_then(|link| page_link::resolve(&listing, &link).ok());
            let asked = OptionFuture::from(guess.clone().map(|url| self.read_list(url)));
            let mut ahead = pin!(maybe_done(asked));
            poll_fn(|context| Poll::Ready(ahead.as_mut().poll(context).is_ready())).await;
            // The thread that sends it may wait for this very processor, which is busy from here on.
            std::thread::yield_now();
            let raw = wire::read_page(self.routes.api, &response.body, &mut interner)
                .map_err(|why| ApiError::unreadable(Operation::List, &response, &why))?;
            drop(response);
            let next = next_page(&listing, raw.next.as_deref())?;
            let page = ListingPage {
                rows: raw.rows,
                next,
                index: raw.index,
                odd: raw.odd,
                text_bytes: raw.text_bytes,
            };
            match builder.push(page)? {
                Progress::Complete(listing) => {
                    on_page(listing.rows().len());
                    return Ok((listing, began));
                }
                Progress::More(more, link) => {
                    on_page(more.len());
                    builder = more;
                    let url = parse_checked(&link)?;
                    let mut answer = None;
                    if guess.as_ref() == Some(&url) {
                        ahead.as_mut().await;
                        answer = ahead.take_output().flatten();
                    }
                    response = match answer {
                        Some(answer) => answer?,
                        None => self.read_list(url).await?,
                    };
                }
            }
        }
    }

    /// A further page of a listing.
    async fn read_list(&self, url: Url) -> Result<Response, ApiError> {
        self.read(Lane::Begun, Operation::List, url).await.map(|(response, _)| response)
    }

    /// The rows of a listing or a search as they came, page by page, for people: `on_items` gets each page,
    /// and says whether to continue.
    ///
    /// # Errors
    /// When a page fails for good.
    pub async fn browse(
        &self,
        operation: Operation,
        start: Start,
        mut on_items: impl FnMut(Vec<serde_json::Value>) -> bool,
    ) -> Result<Browsed, ListError> {
        let Start { listing, first_page: mut url, .. } = start;
        let mut pages = ListingBuilder::new(self.account);
        let mut bytes = 0_usize;
        loop {
            let response = match self.read(Lane::New, operation, url).await {
                Ok((response, _)) => response,
                // v2010 says so of a country that has no numbers of the type.
                Err(error) if operation == Operation::Search && error.kind == ErrorKind::NotFound => {
                    return Ok(Browsed::NotSold);
                }
                Err(error) => return Err(error.into()),
            };
            bytes = bytes.saturating_add(response.body.len());
            if bytes > BROWSED_BYTES_MAX {
                return Err(ListingError::TooMuch(BROWSED_BYTES_MAX).into());
            }
            let RawItems { items, next } = wire::read_items(self.routes.api, &response.body)
                .map_err(|why| ApiError::unreadable(operation, &response, &why))?;
            let go_on = on_items(items);
            let link = next.as_deref().filter(|_| go_on);
            let page = ListingPage { next: next_page(&listing, link)?, ..ListingPage::default() };
            match pages.push(page)? {
                Progress::Complete(_) => return Ok(Browsed::Whole),
                Progress::More(more, link) => {
                    pages = more;
                    url = parse_checked(&link)?;
                }
            }
        }
    }

    /// Reads whatever is at an address, again where that may help, and makes sense of it.
    ///
    /// # Errors
    /// When the request fails for good, or the answer is not the API's.
    pub async fn look<V>(
        &self,
        operation: Operation,
        url: Url,
        make_sense: impl FnOnce(&[u8]) -> Result<V, String>,
    ) -> Result<V, ApiError> {
        let (response, _) = self.read(Lane::New, operation, url).await?;
        make_sense(&response.body).map_err(|why| ApiError::unreadable(operation, &response, &why))
    }

    /// What the account has under this very number (law 1's look-up), and when that was asked.
    ///
    /// # Errors
    /// When the look-up fails for good.
    pub async fn find(&self, lane: Lane, number: PhoneNumber) -> Result<(Sighting, Instant), ListError> {
        let (numbers, text) = (self.routes.numbers(), number.to_string());
        let (page_size, filter) = (self.manner.page_size, [("PhoneNumber", &*text)]);
        let (listing, at) = self.list_at(lane, numbers, self.account, page_size, &filter, |_| {}).await?;
        // A server may read the filter as a pattern; only the very number counts.
        let sighting = match listing.rows().iter().find(|row| row.number == Some(number)) {
            Some(live) => Sighting::There(Box::new(live.clone())),
            None if listing.rows().iter().any(may_be_any) => Sighting::Perhaps,
            None => Sighting::Absent,
        };
        Ok((sighting, at))
    }

    /// The number of a SID, `None` when the API knows none, and when that was asked. `owner` says in
    /// which account it may be.
    ///
    /// # Errors
    /// When the request fails for good for another reason, or is answered about another number.
    pub async fn fetch(
        &self,
        lane: Lane,
        NumberRef { sid, number }: NumberRef,
        owner: Owner,
    ) -> Result<(Option<Live>, Instant), ApiError> {
        match self.read(lane, Operation::Fetch, self.routes.number(sid)).await {
            Ok((response, at)) => self
                .number_in(Operation::Fetch, &response, Subject::live(sid, number, owner))
                .map(|live| (Some(live), at)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok((None, Instant::now())),
            Err(error) => Err(error),
        }
    }

    /// The number of an answer that is to be about `subject`.
    fn number_in(
        &self,
        operation: Operation,
        response: &Response,
        subject: Subject,
    ) -> Result<Live, ApiError> {
        let live = wire::read_number(self.routes.api, &response.body)
            .map_err(|why| ApiError::unreadable(operation, response, &why))?;
        match subject.contradiction(&live) {
            None => Ok(live),
            Some(about) => Err(ApiError::other_number(operation, response, &about)),
        }
    }

    /// Reads are harmless: sent again after a wait, a few times. Says when the answered one was sent.
    async fn read(
        &self,
        mut lane: Lane,
        operation: Operation,
        url: Url,
    ) -> Result<(Response, Instant), ApiError> {
        let mut failures = 0;
        loop {
            let turn = self.turn(lane, operation).await?;
            let at = turn.at();
            let mut error = match self.send(turn, operation, Verb::Get, url.clone(), None).await {
                Ok(response) => return Ok((response, at)),
                Err(error) => error,
            };
            failures += 1;
            if !backoff::read_again(&error.kind) || !self.may_retry(failures, &mut error) {
                return Err(error);
            }
            self.wait(failures, &error).await;
            lane = Lane::Begun;
        }
    }

    /// What follows the nth failure of a write, and whether it may be sent again after that.
    pub fn after_failure(&self, action: ActionKind, failures: u32, error: &mut ApiError) -> (Next, bool) {
        let next = backoff::next(action, &error.kind);
        let again = next != Next::Stop && self.may_retry(failures, error);
        (next, again)
    }

    /// Whether there may be another try: there were not too many, and the account can afford it. A
    /// 429 costs nothing: it was not processed, and it slows the account down.
    fn may_retry(&self, failures: u32, error: &mut ApiError) -> bool {
        if failures >= backoff::ATTEMPTS_MAX {
            return false;
        }
        if matches!(error.kind, ErrorKind::Throttled { .. }) {
            return true;
        }
        let may = self.pace.may_retry(error.kind == ErrorKind::TimedOut);
        if !may {
            error.note_no_retry();
        }
        may
    }

    /// Waits before another try, as [`backoff::delay`] says.
    pub async fn wait(&self, failures: u32, error: &ApiError) {
        self.tally.retry();
        let wait = backoff::delay(failures, error.kind.retry_after(), self.manner.dice.throw());
        warn!(account = %self.name, operation = error.operation.as_str(), error = ?error.to_string(), ?wait, failures, "trying again");
        tokio::time::sleep(wait).await;
    }

    async fn turn(&self, lane: Lane, operation: Operation) -> Result<Turn<'_>, ApiError> {
        loop {
            let turn = match self.pace.turn(lane, operation).await {
                Ok(turn) => turn,
                Err(Unreachable) => return Err(ApiError::unreachable(operation)),
            };
            if !turn.is_probe() {
                return Ok(turn);
            }
            let url = filter::first_page(self.routes.numbers(), &[], 1);
            // Any answer will do; the turn hears of it.
            if let Err(error) = self.send(turn, Operation::List, Verb::Get, url, None).await {
                debug!(account = %self.name, error = ?error.to_string(), "the probe");
            }
        }
    }

    fn request(&self, operation: Operation, verb: Verb, url: Url, form: Option<String>) -> Request {
        Request {
            verb,
            url,
            form,
            credentials: self.credentials.clone(),
            timeout: self.manner.timeout,
            body_bytes_max: body_bytes_max(operation),
            fresh_connection: self.distrusts_the_pool(),
        }
    }

    /// Whether kept connections are not used for now: an answer was lost on one a short while ago, and
    /// a front that closes them without a word loses the next request the same way.
    fn distrusts_the_pool(&self) -> bool {
        let lost_at = self.lost_at.lock().unwrap_or_else(PoisonError::into_inner);
        lost_at.is_some_and(|at| at.elapsed() < DISTRUST)
    }

    /// The form of some settings. What the API cannot set has no parameter; the file's reader has
    /// refused it.
    fn parameters(&self, settings: &[(Field, Want)]) -> impl Iterator<Item = (String, String)> {
        let api = self.routes.api;
        settings.iter().filter_map(move |(field, want)| {
            Some((field.parameter(api).name()?.to_owned(), want.wire(*field)))
        })
    }

    /// Sends one request, once, and tells the pace how it went.
    async fn send(
        &self,
        turn: Turn<'_>,
        operation: Operation,
        verb: Verb,
        url: Url,
        form: Option<String>,
    ) -> Result<Response, ApiError> {
        let span = debug_span!("request", account = %self.name, operation = operation.as_str());
        async {
            let mut request = self.request(operation, verb, url, form);
            request.timeout = turn.at_most(request.timeout);
            debug!(verb = verb.as_str(), path = request.url.path(), "sending");
            let began = Instant::now();
            let sent = self.transport.send(request).await;
            self.tally.request(operation, &sent, began.elapsed());
            let concurrent = sent.as_ref().ok().and_then(|response| response.concurrent);
            let done = match sent {
                Err(error) => {
                    if matches!(error, TransportError::Broken(_)) {
                        *self.lost_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    }
                    Err(ApiError::from_transport(operation, &error))
                }
                Ok(response) => {
                    debug!(
                        status = response.status,
                        request_id = ?response.request_id.as_deref().map(spelt_out),
                        bytes = response.body.len(),
                        "answered"
                    );
                    match response.status {
                        status if is_documented(verb, status) => Ok(response),
                        200..300 => Err(ApiError::undocumented(operation, &response)),
                        _ => Err(ApiError::from_response(self.routes.api, operation, &response)),
                    }
                }
            };
            turn.over(match done.as_ref().map_err(|error| &error.kind) {
                Err(ErrorKind::Throttled { retry_after }) => Signal::Throttled {
                    concurrent,
                    asked: retry_after.is_some(),
                    // A wait that was asked for is kept as it is: the pace itself spreads what waits.
                    hold: retry_after.unwrap_or_else(|| backoff::delay(1, None, self.manner.dice.throw())),
                },
                // Another product's silence says nothing about this API.
                Err(kind) if kind.is_silence() && !operation.is_aside() => Signal::Unanswered,
                Ok(_) | Err(_) => Signal::Answered { concurrent },
            });
            done
        }
        .instrument(span)
        .await
    }
}

/// What costs money, or cannot be had back.
#[must_use]
pub fn is_irreversible(operation: Operation) -> bool {
    operation.is_write() && !matches!(operation, Operation::Configure | Operation::Join | Operation::Leave)
}

/// Where a page's link leads, checked to stay on the listing.
fn next_page(listing: &Url, link: Option<&str>) -> Result<Option<Box<str>>, ApiError> {
    link.map(|link| page_link::resolve(listing, link).map(|url| url.as_str().into()))
        .transpose()
        .map_err(|error| ApiError::page_link(&error))
}

/// A link that [`page_link::resolve`] has already made a URL of.
fn parse_checked(link: &str) -> Result<Url, ListError> {
    Url::parse(link)
        .map_err(|_| ApiError::page_link(&page_link::PageLinkError::Malformed(link.to_owned())).into())
}

//! The API, seen from the other side: a request in, an answer out, and the model in between.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use crate::number::PhoneNumber;

use super::answer::{ApiError, Delivery, HttpAnswer, HttpRequest, Operation};
use super::catalogue;
use super::config::{Config, Outcome, Slot, apply, is_sid};
use super::faults::{Effect, EffectKind, Faults, OwnedPurchase};
use super::filters::{Filters, plus};
use super::page::{Page, envelope};
use super::shapes;
use super::world::{Status, World};

/// How many requests the log remembers.
const LOG_LENGTH: usize = 1000;
const ACTIVE: &str = "/Numbers/ActiveNumbers";
const AVAILABLE: &str = "/Numbers/AvailableNumbers";

/// One request of the log. No credentials; `form` is what was posted.
#[derive(Debug, Clone, Serialize)]
pub struct LogEntry {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path.
    pub path: String,
    /// The raw query.
    pub query: String,
    /// The raw body.
    pub form: String,
    /// The status that was answered, also where the answer was then lost.
    pub status: u16,
    /// The account that asked, where the credentials were good.
    pub account: Option<Arc<str>>,
    /// What was asked for, where the API knows it.
    pub operation: Option<&'static str>,
    /// The fault that struck.
    pub fault: Option<String>,
}

/// The requests so far.
#[derive(Debug, Clone, Serialize)]
pub struct Requests {
    /// How many.
    pub total: u64,
    /// How many were over the rate limit.
    pub throttled: u64,
    /// How many of each operation.
    pub by_operation: BTreeMap<&'static str, u64>,
    /// The last thousand.
    pub log: VecDeque<LogEntry>,
}

impl Default for Requests {
    fn default() -> Self {
        let by_operation = Operation::ALL.into_iter().map(|operation| (operation.word(), 0)).collect();
        Self { total: 0, throttled: 0, by_operation, log: VecDeque::new() }
    }
}

/// The model and how it answers.
#[derive(Debug, Clone, Default)]
pub struct Sandbox {
    /// What it knows.
    pub world: World,
    /// What goes wrong, and the dialect.
    pub faults: Faults,
    requests: Requests,
    answered: u64,
}

/// Where a request goes.
enum Route {
    Numbers(Operation),
    Number(Operation, String),
}

/// What the API does with a request: a status with a body, or an error.
type Done = Result<(u16, String), ApiError>;

impl Sandbox {
    /// A sandbox over a world.
    #[must_use]
    pub fn new(world: World, faults: Faults) -> Self {
        Self { world, faults, ..Self::default() }
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Forgets the requests so far.
    pub fn reset_requests(&mut self) {
        self.requests = Requests::default();
    }

    /// Answers one request.
    pub fn handle(&mut self, request: &HttpRequest) -> HttpAnswer {
        let route = route(request);
        let operation = match &route {
            Ok(Route::Numbers(operation) | Route::Number(operation, _)) => Some(*operation),
            Err(_) => None,
        };
        let effect = operation.and_then(|operation| self.faults.strike(operation, &request.method));
        let account = self.who(request);
        let acts = effect.is_none_or(|effect| effect.after);
        let done = match (&account, route) {
            _ if !acts => Ok((200, String::new())),
            (Err(error), _) => Err(error.clone()),
            (_, Err(error)) => Err(error),
            (Ok(account), Ok(route)) => self.act(request, account, route),
        };
        let mut answer = self.answer(done);
        if let Some(effect) = effect {
            self.suffer(effect, &mut answer);
        }
        self.log(request, operation, account.ok(), effect, answer.status);
        answer
    }

    /// Answers a request that is over the rate limit: 429, and nothing is done.
    pub fn throttle(&mut self, request: &HttpRequest) -> HttpAnswer {
        let operation = match route(request) {
            Ok(Route::Numbers(operation) | Route::Number(operation, _)) => Some(operation),
            Err(_) => None,
        };
        let mut answer = self.answer(Err(ApiError::new(429, 20429, "Too Many Requests")));
        let seconds = self.faults.retry_after.unwrap_or(1);
        answer.headers.push(("Retry-After", seconds.to_string()));
        self.requests.throttled += 1;
        self.log(request, operation, self.who(request).ok(), None, 429);
        answer
    }

    fn who(&self, request: &HttpRequest) -> Result<Arc<str>, ApiError> {
        let denied = || ApiError::new(401, 20003, "Authenticate");
        let (user, secret) = request.credentials.as_ref().ok_or_else(denied)?;
        let (sid, account) = self.world.authenticate(user, secret).ok_or_else(denied)?;
        // A suspended parent suspends its subaccounts.
        let above = account.parent.as_deref().and_then(|parent| self.world.account(parent));
        for account in [Some(account), above].into_iter().flatten() {
            match account.status {
                Status::Active => {}
                Status::Suspended => return Err(ApiError::new(403, 20005, "Account not active")),
                Status::Closed => return Err(denied()),
            }
        }
        Ok(sid)
    }

    fn act(&mut self, request: &HttpRequest, account: &Arc<str>, route: Route) -> Done {
        if self.faults.dialect.not_enabled && !matches!(route, Route::Numbers(Operation::Search)) {
            return Err(ApiError::not_found(&request.path));
        }
        match route {
            Route::Numbers(Operation::Search) => self.search(request),
            Route::Numbers(Operation::Purchase) => self.purchase(request, account),
            Route::Numbers(_) => self.list(request, account),
            Route::Number(operation, sid) => {
                let missing = || ApiError::not_found(&request.path);
                let (number, owned) = self.world.find(&sid).ok_or_else(missing)?;
                let parent = self.world.account(&owned.account).and_then(|owner| owner.parent.as_deref());
                let is_own = owned.account == *account;
                let is_childs = parent == Some(account);
                match operation {
                    Operation::Transfer if is_own || is_childs => self.transfer(request, account, number),
                    Operation::Fetch if is_own || is_childs => Ok((200, self.fetch(request, number))),
                    Operation::Configure if is_own => self.configure(request, number),
                    Operation::Release if is_own => self.release(number),
                    _ => Err(missing()),
                }
            }
        }
    }

    fn list(&self, request: &HttpRequest, account: &str) -> Done {
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let (page, filters) = (Page::new(&query, dialect)?, Filters::new(&query));
        let (numbers, more) = self.world.list(account, &filters, page.number, page.size);
        let mut memo = shapes::Memo::default();
        let rows: Vec<_> = numbers
            .into_iter()
            .filter_map(|number| Some((number, self.world.owned(number)?)))
            .map(|(number, owned)| shapes::listed(number, owned, &request.base, dialect, &mut memo))
            .collect();
        Ok((200, envelope(&rows, more, page, &filters, &format!("{}{ACTIVE}", request.base), dialect)))
    }

    fn search(&self, request: &HttpRequest) -> Done {
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let (page, filters) = (Page::new(&query, dialect)?, Filters::new(&query));
        let (numbers, more) = match dialect.empty_inventory {
            true => (Vec::new(), false),
            false => self.world.search(&filters, page.number, page.size),
        };
        let rows: Vec<_> = numbers.into_iter().map(shapes::offered).collect();
        Ok((200, envelope(&rows, more, page, &filters, &format!("{}{AVAILABLE}", request.base), dialect)))
    }

    fn fetch(&self, request: &HttpRequest, number: PhoneNumber) -> String {
        let row = self.one(request, number);
        let address = format!("{}{ACTIVE}", request.base);
        envelope(&[row], false, Page::default(), &Filters::default(), &address, &self.faults.dialect)
    }

    fn one(&self, request: &HttpRequest, number: PhoneNumber) -> String {
        self.world
            .owned(number)
            .map_or_else(String::new, |owned| shapes::fetched(number, owned, &request.base))
    }

    fn purchase(&mut self, request: &HttpRequest, account: &Arc<str>) -> Done {
        let parameters = request.post_pairs();
        let is_trial =
            self.faults.dialect.trial || self.world.account(account).is_some_and(|account| account.trial);
        if is_trial {
            return Err(ApiError::bad(21404, "A trial account cannot buy phone numbers through the API"));
        }
        let wanted = parameters.iter().rfind(|(name, _)| name == "PhoneNumber").map(|(_, value)| plus(value));
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
            return Err(ApiError::bad(20422, "PhoneNumber is missing"));
        };
        let number = PhoneNumber::observed(&wanted)
            .filter(|number| !number.is_short_code())
            .ok_or_else(|| ApiError::bad(21421, format!("PhoneNumber {wanted} is not in E.164")))?;
        let none = || ApiError::bad(21452, format!("No phone numbers found for {wanted}"));
        let kind = catalogue::kind_of(number);
        if let Some(owned) = self.world.owned(number) {
            match self.faults.dialect.owned {
                _ if owned.account != *account => return Err(none()),
                OwnedPurchase::Refuse => return Err(none()),
                OwnedPurchase::Update => {
                    self.set(&parameters, number)?;
                }
                OwnedPurchase::Ignore => {}
            }
        } else {
            if self.faults.dialect.empty_inventory || catalogue::range_of(number).is_none() {
                return Err(none());
            }
            if kind.needs_document {
                let message = "A verified identity document is required to buy this phone number";
                return Err(ApiError::bad(21650, message));
            }
            let fresh = Outcome { friendly_name: None, config: Config::fresh(kind.has_sms) };
            let outcome = apply(&parameters, kind.has_sms, &self.faults.dialect, fresh)?;
            self.world.add(number, account, outcome.friendly_name, outcome.config, None);
        }
        let filters = Filters::new(&[("PhoneNumber".to_owned(), wanted)]);
        let address = format!("{}{ACTIVE}", request.base);
        let row = self.world.owned(number).map_or_else(String::new, |owned| {
            shapes::listed(number, owned, &request.base, &self.faults.dialect, &mut shapes::Memo::default())
        });
        Ok((201, envelope(&[row], false, Page::default(), &filters, &address, &self.faults.dialect)))
    }

    fn set(&mut self, parameters: &[(String, String)], number: PhoneNumber) -> Result<(), ApiError> {
        let has_sms = catalogue::kind_of(number).has_sms;
        if let Some(owned) = self.world.owned(number) {
            let now =
                Outcome { friendly_name: owned.friendly_name.clone(), config: Config::clone(&owned.config) };
            let outcome = apply(parameters, has_sms, &self.faults.dialect, now)?;
            self.world.configure(number, outcome.friendly_name, outcome.config);
        }
        Ok(())
    }

    fn configure(&mut self, request: &HttpRequest, number: PhoneNumber) -> Done {
        self.set(&request.post_pairs(), number)?;
        Ok((200, self.one(request, number)))
    }

    /// Moves a number. Other parameters of the same request are ignored.
    fn transfer(&mut self, request: &HttpRequest, caller: &str, number: PhoneNumber) -> Done {
        let parameters = request.post_pairs();
        let target = parameters.iter().rfind(|(name, _)| name == "AccountSid").map_or("", |(_, sid)| sid);
        if !is_sid(target, "AC") {
            return Err(ApiError::bad(21470, "AccountSid is malformed"));
        }
        if self.world.account(caller).is_some_and(|account| account.parent.is_some()) {
            return Err(ApiError::bad(21474, "Only the parent account can transfer phone numbers"));
        }
        let account = self
            .world
            .account(target)
            .ok_or_else(|| ApiError::bad(21471, format!("Account {target} does not exist")))?;
        if account.status != Status::Active {
            return Err(ApiError::bad(21472, format!("Account {target} is not active")));
        }
        if target != caller && account.parent.as_deref() != Some(caller) {
            return Err(ApiError::bad(21473, format!("Account {target} is not related to this account")));
        }
        self.world.transfer(number, target, self.faults.dialect.transfer_clears);
        Ok((200, self.one(request, number)))
    }

    fn release(&mut self, number: PhoneNumber) -> Done {
        let has_address = self
            .world
            .owned(number)
            .is_some_and(|owned| owned.config.get(Slot::VoiceEmergencyAddressSid).is_some());
        if has_address {
            // The vendor refuses this too; its code is not documented, and none is made up.
            let message = "This phone number has an emergency address; remove that before you release it";
            return Err(ApiError { status: 400, code: None, message: message.to_owned() });
        }
        self.world.release(number);
        Ok((204, String::new()))
    }

    fn answer(&mut self, done: Done) -> HttpAnswer {
        self.answered += 1;
        let (status, body) = done.unwrap_or_else(|error| (error.status, error.body()));
        HttpAnswer {
            status,
            headers: vec![
                ("Content-Type", "application/json".to_owned()),
                ("Twilio-Request-Id", format!("RQ{:032x}", self.answered)),
                ("Twilio-Request-Duration", "0.001".to_owned()),
                ("Twilio-Concurrent-Requests", "1".to_owned()),
            ],
            body: body.into_bytes(),
            ..HttpAnswer::default()
        }
    }

    fn suffer(&self, effect: Effect, answer: &mut HttpAnswer) {
        match effect.kind {
            EffectKind::Status(status, code) => {
                let (known, message) = failure(status);
                let error = ApiError { status, code: code.or(known), message: message.to_owned() };
                answer.status = status;
                answer.body = error.body().into_bytes();
                if let (429 | 503, Some(seconds)) = (status, self.faults.retry_after) {
                    answer.headers.push(("Retry-After", seconds.to_string()));
                }
            }
            EffectKind::Html => {
                // What a balancer says when there is nothing behind it.
                answer.status = 502;
                answer.headers = vec![("Content-Type", "text/html".to_owned())];
                answer.body = b"<html><body><h1>502 Bad Gateway</h1></body></html>".to_vec();
            }
            EffectKind::Drop => answer.delivery = Delivery::Dropped,
            EffectKind::Hang => answer.delivery = Delivery::Hung,
            EffectKind::Truncate if answer.body.is_empty() => answer.delivery = Delivery::Dropped,
            EffectKind::Truncate => answer.delivery = Delivery::Truncated,
        }
    }

    fn log(
        &mut self,
        request: &HttpRequest,
        operation: Option<Operation>,
        account: Option<Arc<str>>,
        effect: Option<Effect>,
        status: u16,
    ) {
        self.requests.total += 1;
        if let Some(operation) = operation {
            *self.requests.by_operation.entry(operation.word()).or_default() += 1;
        }
        if self.requests.log.len() == LOG_LENGTH {
            self.requests.log.pop_front();
        }
        self.requests.log.push_back(LogEntry {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            form: request.form.clone(),
            status,
            account,
            operation: operation.map(Operation::word),
            fault: effect.map(|effect| effect.to_string()),
        });
    }
}

/// The code and the text of a status that a fault asks for.
fn failure(status: u16) -> (Option<u32>, &'static str) {
    match status {
        401 => (Some(20003), "Authenticate"),
        403 => (Some(20403), "Forbidden"),
        404 => (Some(20404), "The requested resource was not found"),
        409 => (Some(20409), "Conflict"),
        429 => (Some(20429), "Too Many Requests"),
        500 => (Some(20500), "An internal server error has occurred"),
        503 => (Some(20503), "Service Unavailable"),
        _ => (None, "The sandbox was told to fail"),
    }
}

fn route(request: &HttpRequest) -> Result<Route, ApiError> {
    let method = request.method.as_str();
    let path = request.path.trim_end_matches('/');
    let path = path.strip_suffix(".json").unwrap_or(path);
    let refused = || ApiError::new(405, 20004, "Method not allowed");
    if path == AVAILABLE || path == "/AvailableNumbers" {
        return if method == "GET" { Ok(Route::Numbers(Operation::Search)) } else { Err(refused()) };
    }
    let rest = path.strip_prefix(ACTIVE).ok_or_else(|| ApiError::not_found(&request.path))?;
    if rest.is_empty() {
        return match method {
            "GET" => Ok(Route::Numbers(Operation::List)),
            "POST" => Ok(Route::Numbers(Operation::Purchase)),
            _ => Err(refused()),
        };
    }
    let Some(sid) = rest.strip_prefix('/').filter(|sid| !sid.contains('/')) else {
        return Err(ApiError::not_found(&request.path));
    };
    let operation = match method {
        "GET" => Operation::Fetch,
        "DELETE" => Operation::Release,
        "POST" if request.post_pairs().iter().any(|(name, _)| name == "AccountSid") => Operation::Transfer,
        "POST" => Operation::Configure,
        _ => return Err(refused()),
    };
    Ok(Route::Number(operation, sid.to_owned()))
}

//! A request in, an answer out: which of the APIs it is for, and what of it.

use super::active_numbers;
use super::answer::{HttpAnswer, HttpRequest, Operation, SandboxError};
use super::audit::{Actor, Door};
use super::monitor;
use super::pricing;
use super::products;
use super::service::{Caller, Done, Sandbox};
use super::v2010;
use super::world::World;
use super::writes::last;

/// From where requests come: the sandbox is for the loopback interface.
const CLIENT_IP: &str = "127.0.0.1";

/// Which of the APIs a request is for, and what of it.
enum ApiRoute {
    ActiveNumbers(active_numbers::ActiveNumbersRoute),
    V2010(v2010::V2010Route),
    Pricing(pricing::PricingRoute),
    Monitor(monitor::MonitorRoute),
    Products(products::ProductRoute, Operation),
}

impl ApiRoute {
    fn new(request: &HttpRequest) -> Result<Self, SandboxError> {
        if request.path.starts_with(v2010::ROOT) {
            return v2010::V2010Route::new(request).map(Self::V2010);
        }
        if let Some(route) = pricing::PricingRoute::new(request) {
            return route.map(Self::Pricing);
        }
        if let Some(route) = monitor::MonitorRoute::new(request) {
            return route.map(Self::Monitor);
        }
        if let Some(route) = products::ProductRoute::new(request) {
            return route.map(|(route, operation)| Self::Products(route, operation));
        }
        active_numbers::route(request).map(Self::ActiveNumbers)
    }

    fn operation(&self) -> Operation {
        match self {
            Self::ActiveNumbers(route) => route.operation(),
            Self::V2010(route) => route.operation(),
            Self::Pricing(route) => route.operation(),
            Self::Monitor(route) => route.operation(),
            Self::Products(_, operation) => *operation,
        }
    }

    /// A transfer to the account that has the number is an update of it: Twilio's own Terraform
    /// provider sends `AccountSid` with every one.
    fn settled(self, request: &HttpRequest, world: &World) -> Self {
        let stays = |sid: Option<&str>| {
            let owner = sid.and_then(|sid| world.find(sid)).map(|(_, owned)| owned.account.clone());
            owner.is_some() && last(&request.post_pairs(), "AccountSid") == owner.as_deref()
        };
        match self {
            Self::ActiveNumbers(route) if stays(route.moves()) => Self::ActiveNumbers(route.stays()),
            Self::V2010(route) if stays(route.moves()) => Self::V2010(route.stays()),
            other => other,
        }
    }
}

impl Sandbox {
    /// Answers one request, whichever API it is for.
    pub fn handle(&mut self, request: &HttpRequest) -> HttpAnswer {
        let route = ApiRoute::new(request).map(|route| route.settled(request, &self.world));
        let operation = route.as_ref().ok().map(ApiRoute::operation);
        let effect = operation.and_then(|operation| self.faults.strike(operation, &request.method));
        let caller = self.who(request);
        let acts = effect.is_none_or(|effect| effect.after);
        let done = match (&caller, route) {
            _ if !acts => Ok((200, String::new())),
            (Err(error), _) => Err(error.clone()),
            (_, Err(error)) => Err(error),
            (Ok(caller), Ok(route)) => {
                let (sid, ip) = (Some(caller.account.clone()), Some(CLIENT_IP.into()));
                self.world.audit.actor = Some(Actor { door: Door::Api, sid, ip });
                let done = self.act(request, caller, route);
                self.world.audit.actor = None;
                done
            }
        };
        let mut answer = self.answer(done);
        if let Some(effect) = effect {
            self.suffer(effect, &mut answer);
        }
        self.log(request, operation, caller.ok().map(|caller| caller.account), effect, answer.status);
        answer
    }

    /// Answers a request that is over the rate limit: 429, and nothing is done.
    pub fn throttle(&mut self, request: &HttpRequest) -> HttpAnswer {
        let operation = ApiRoute::new(request).ok().map(|route| route.operation());
        let mut answer = self.answer(Err(SandboxError::new(429, 20429, "Too Many Requests")));
        let seconds = self.faults.retry_after.unwrap_or(1);
        answer.headers.push(("Retry-After", seconds.to_string()));
        self.requests.throttled += 1;
        let caller = self.who(request).ok().map(|caller| caller.account);
        self.log(request, operation, caller, None, 429);
        answer
    }

    fn act(&mut self, request: &HttpRequest, caller: &Caller, route: ApiRoute) -> Done {
        match route {
            ApiRoute::ActiveNumbers(route) => self.active_numbers(request, &caller.account, route),
            ApiRoute::V2010(route) => self.v2010(request, caller, &route),
            ApiRoute::Pricing(route) => self.pricing(request, &route),
            ApiRoute::Monitor(route) => self.monitor(request, &caller.account, &route),
            ApiRoute::Products(route, _) => self.products(request, caller, &route),
        }
    }
}

//! ActiveNumbers and AvailableNumbers: the routes of the preview API, and their answers.

use std::sync::Arc;

use crate::model::number::PhoneNumber;
use crate::model::provider::Api;

use super::answer::{HttpRequest, Operation, SandboxError};
use super::catalogue;
use super::filters::SandboxFilters;
use super::page::{SandboxPage, envelope};
use super::service::{Done, Sandbox};
use super::shapes;
use super::writes::{e164, last};

const ACTIVE: &str = "/Numbers/ActiveNumbers";
const AVAILABLE: &str = "/Numbers/AvailableNumbers";

/// Where a request goes.
pub(super) enum ActiveNumbersRoute {
    Numbers(Operation),
    Number(Operation, String),
}

impl ActiveNumbersRoute {
    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Numbers(operation) | Self::Number(operation, _) => *operation,
        }
    }

    /// The SID of the number that it would move.
    pub(super) fn moves(&self) -> Option<&str> {
        match self {
            Self::Number(Operation::Transfer, sid) => Some(sid),
            Self::Number(..) | Self::Numbers(_) => None,
        }
    }

    /// The same, where the number is in that account already.
    pub(super) fn stays(self) -> Self {
        match self {
            Self::Number(_, sid) => Self::Number(Operation::Configure, sid),
            numbers @ Self::Numbers(_) => numbers,
        }
    }
}

impl Sandbox {
    pub(super) fn active_numbers(
        &mut self,
        request: &HttpRequest,
        account: &Arc<str>,
        route: ActiveNumbersRoute,
    ) -> Done {
        if self.faults.dialect.not_enabled && !matches!(route, ActiveNumbersRoute::Numbers(Operation::Search))
        {
            return Err(SandboxError::not_found(&request.path));
        }
        match route {
            ActiveNumbersRoute::Numbers(Operation::Search) => self.search(request),
            ActiveNumbersRoute::Numbers(Operation::Purchase) => self.purchase(request, account),
            ActiveNumbersRoute::Numbers(_) => self.list(request, account),
            ActiveNumbersRoute::Number(operation, sid) => {
                let missing = || SandboxError::not_found(&request.path);
                let (number, owned) = self.world.find(&sid).ok_or_else(missing)?;
                let parent = self.world.account(&owned.account).and_then(|owner| owner.parent.as_deref());
                let is_own = owned.account == *account;
                let is_childs = parent == Some(account);
                match operation {
                    Operation::Transfer if is_own || is_childs => self.transfer(request, account, number),
                    Operation::Fetch if is_own || is_childs => {
                        let body = self.fetch(request, number);
                        self.was_read(number);
                        Ok((200, body))
                    }
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
        let (page, filters) = (SandboxPage::new(&query, dialect)?, SandboxFilters::new(&query));
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
        let (page, filters) = (SandboxPage::new(&query, dialect)?, SandboxFilters::new(&query));
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
        envelope(
            &[row],
            false,
            SandboxPage::default(),
            &SandboxFilters::default(),
            &address,
            &self.faults.dialect,
        )
    }

    fn one(&self, request: &HttpRequest, number: PhoneNumber) -> String {
        self.world
            .owned(number)
            .map_or_else(String::new, |owned| shapes::fetched(number, owned, &request.base))
    }

    fn purchase(&mut self, request: &HttpRequest, account: &Arc<str>) -> Done {
        let parameters = request.post_pairs();
        self.may_buy(account)?;
        let Some(wanted) = last(&parameters, "PhoneNumber").filter(|wanted| !wanted.is_empty()) else {
            return Err(SandboxError::bad(20422, "PhoneNumber is missing"));
        };
        let (number, wanted) = e164(wanted)?;
        let none = SandboxError::bad(21452, format!("No phone numbers found for {wanted}"));
        let papers = match catalogue::kind_of(number).needs_document {
            true => Err(SandboxError::bad(
                21650,
                "A verified identity document is required to buy this phone number",
            )),
            false => Ok(()),
        };
        self.buy(Api::ActiveNumbers, &parameters, number, account, none, papers)?;
        let filters = SandboxFilters::new(&[("PhoneNumber".to_owned(), wanted)]);
        let address = format!("{}{ACTIVE}", request.base);
        let row = self.world.owned(number).map_or_else(String::new, |owned| {
            shapes::listed(number, owned, &request.base, &self.faults.dialect, &mut shapes::Memo::default())
        });
        Ok((201, envelope(&[row], false, SandboxPage::default(), &filters, &address, &self.faults.dialect)))
    }

    fn configure(&mut self, request: &HttpRequest, number: PhoneNumber) -> Done {
        self.set(Api::ActiveNumbers, &request.post_pairs(), number)?;
        Ok((200, self.one(request, number)))
    }

    /// Moves a number. Other parameters of the same request are ignored.
    fn transfer(&mut self, request: &HttpRequest, caller: &str, number: PhoneNumber) -> Done {
        let target = self.gaining(&request.post_pairs(), caller, true)?;
        self.world.transfer(number, &target, self.faults.dialect.transfer_clears);
        Ok((200, self.one(request, number)))
    }
}

pub(super) fn route(request: &HttpRequest) -> Result<ActiveNumbersRoute, SandboxError> {
    let method = request.method.as_str();
    let path = request.path.trim_end_matches('/');
    let path = path.strip_suffix(".json").unwrap_or(path);
    let refused = || SandboxError::new(405, 20004, "Method not allowed");
    if path == AVAILABLE || path == "/AvailableNumbers" {
        return if method == "GET" {
            Ok(ActiveNumbersRoute::Numbers(Operation::Search))
        } else {
            Err(refused())
        };
    }
    let rest = path.strip_prefix(ACTIVE).ok_or_else(|| SandboxError::not_found(&request.path))?;
    if rest.is_empty() {
        return match method {
            "GET" => Ok(ActiveNumbersRoute::Numbers(Operation::List)),
            "POST" => Ok(ActiveNumbersRoute::Numbers(Operation::Purchase)),
            _ => Err(refused()),
        };
    }
    let Some(sid) = rest.strip_prefix('/').filter(|sid| !sid.contains('/')) else {
        return Err(SandboxError::not_found(&request.path));
    };
    let operation = match method {
        "GET" => Operation::Fetch,
        "DELETE" => Operation::Release,
        "POST" if request.post_pairs().iter().any(|(name, _)| name == "AccountSid") => Operation::Transfer,
        "POST" => Operation::Configure,
        _ => return Err(refused()),
    };
    Ok(ActiveNumbersRoute::Number(operation, sid.to_owned()))
}

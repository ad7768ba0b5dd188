//! The generally available API of 2010-04-01: where a request goes, and who may.
//!
//! Written from Twilio's OpenAPI files and its pages on subaccounts. Unlike ActiveNumbers it
//! names the account in the path, so that a parent's SID and token reach every subaccount.

use std::sync::Arc;

use crate::model::traffic::Medium;

use super::answer::{ApiError, HttpRequest, Operation};
use super::service::{Caller, Done, Sandbox};
use super::world::Status;

mod accounts;
mod applications;
mod numbers;
mod paging;
mod pattern;
mod rows;
mod search;
mod traffic;

/// Where every path starts.
pub(super) const ROOT: &str = "/2010-04-01/";
const ACCOUNTS: &str = "/2010-04-01/Accounts";

/// A type of number, as the paths name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Local,
    Mobile,
    TollFree,
}

impl Type {
    const ALL: [Self; 3] = [Self::Local, Self::Mobile, Self::TollFree];

    /// In paths.
    fn segment(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Mobile => "Mobile",
            Self::TollFree => "TollFree",
        }
    }

    /// In the catalogue, and in a row's `type`.
    fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Mobile => "mobile",
            Self::TollFree => "tollfree",
        }
    }

    /// Paths are case-sensitive.
    fn from_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.segment() == segment)
    }
}

/// What a path names.
enum Resource {
    Accounts,
    Account,
    Numbers(Option<Type>),
    Number(String),
    Countries,
    Country(String),
    Offers(String, Type),
    Traffic(Medium),
    Applications,
    Application(String),
}

/// Where a request goes.
pub(super) struct Route {
    /// The account that the path names.
    account: String,
    resource: Resource,
    operation: Operation,
    is_write: bool,
}

impl Route {
    pub(super) fn new(request: &HttpRequest) -> Result<Self, ApiError> {
        let missing = || ApiError::not_found(&request.path);
        // Without `.json` Twilio answers in XML, which the sandbox does not have.
        let path = request.path.strip_suffix(".json").ok_or_else(missing)?;
        let path = path.strip_prefix(ACCOUNTS).ok_or_else(missing)?;
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (account, resource) = match segments[..] {
            [] if path.is_empty() => ("", Resource::Accounts),
            [account] => (account, Resource::Account),
            [account, "IncomingPhoneNumbers"] => (account, Resource::Numbers(None)),
            [account, "IncomingPhoneNumbers", last] => match Type::from_segment(last) {
                Some(number_type) => (account, Resource::Numbers(Some(number_type))),
                None => (account, Resource::Number(last.to_owned())),
            },
            [account, "Calls"] => (account, Resource::Traffic(Medium::Call)),
            [account, "Messages"] => (account, Resource::Traffic(Medium::Message)),
            [account, "Applications"] => (account, Resource::Applications),
            [account, "Applications", sid] => (account, Resource::Application(sid.to_owned())),
            [account, "AvailablePhoneNumbers"] => (account, Resource::Countries),
            [account, "AvailablePhoneNumbers", country] => (account, Resource::Country(country.to_owned())),
            [account, "AvailablePhoneNumbers", country, last] => {
                let number_type = Type::from_segment(last).ok_or_else(missing)?;
                (account, Resource::Offers(country.to_owned(), number_type))
            }
            _ => return Err(missing()),
        };
        let operation = match (&resource, request.method.as_str()) {
            (Resource::Accounts | Resource::Account, "GET" | "POST") => Operation::Account,
            (Resource::Numbers(_), "GET") => Operation::List,
            (Resource::Numbers(_), "POST") => Operation::Purchase,
            (Resource::Number(_), "GET") => Operation::Fetch,
            (Resource::Countries | Resource::Country(_) | Resource::Offers(..), "GET") => Operation::Search,
            (Resource::Traffic(_), "GET") => Operation::Traffic,
            (Resource::Applications, "GET" | "POST") => Operation::Routing,
            (Resource::Application(_), "GET" | "POST" | "DELETE") => Operation::Routing,
            (Resource::Number(_), "DELETE") => Operation::Release,
            (Resource::Number(_), "POST") => {
                match request.post_pairs().iter().any(|(name, _)| name == "AccountSid") {
                    true => Operation::Transfer,
                    false => Operation::Configure,
                }
            }
            _ => return Err(ApiError::new(405, 20004, "Method not allowed")),
        };
        let is_write = request.method != "GET";
        Ok(Self { account: account.to_owned(), resource, operation, is_write })
    }

    pub(super) fn operation(&self) -> Operation {
        self.operation
    }

    /// The SID of the number that it would move.
    pub(super) fn moves(&self) -> Option<&str> {
        match &self.resource {
            Resource::Number(sid) if self.operation == Operation::Transfer => Some(sid),
            _ => None,
        }
    }

    /// The same, where the number is in that account already.
    pub(super) fn stays(self) -> Self {
        Self { operation: Operation::Configure, ..self }
    }
}

impl Sandbox {
    pub(super) fn v2010(&mut self, request: &HttpRequest, caller: &Caller, route: &Route) -> Done {
        match &route.resource {
            Resource::Accounts if route.is_write => self.create_account(request, caller),
            Resource::Accounts => self.list_accounts(request, caller),
            Resource::Account if route.is_write => self.update_account(request, caller, &route.account),
            Resource::Account => self.fetch_account(request, caller, &route.account),
            Resource::Numbers(number_type) => {
                let account = self.admit(caller, route)?;
                match route.is_write {
                    true => self.create_number(request, &account, *number_type),
                    false => self.list_numbers(request, &account, *number_type),
                }
            }
            Resource::Countries => self.list_countries(request, &self.admit(caller, route)?),
            Resource::Country(code) => self.fetch_country(request, &self.admit(caller, route)?, code),
            Resource::Offers(country, number_type) => {
                self.admit(caller, route)?;
                self.search_offers(request, country, *number_type)
            }
            Resource::Applications => {
                let account = self.admit(caller, route)?;
                match route.is_write {
                    true => self.create_application(request, &account),
                    false => self.list_applications(request, &account),
                }
            }
            Resource::Application(sid) => {
                let account = self.admit(caller, route)?;
                self.application(request, &account, sid)
            }
            Resource::Traffic(medium) => self.list_traffic(request, &self.admit(caller, route)?, *medium),
            Resource::Number(sid) => {
                let account = self.admit(caller, route)?;
                self.one_number(request, caller, &account, sid, route.operation)
            }
        }
    }

    /// Whether the caller may do this in the account of the path; that account.
    fn admit(&self, caller: &Caller, route: &Route) -> Result<Arc<str>, ApiError> {
        let (sid, account) =
            self.world.account_entry(&route.account).ok_or_else(ApiError::unauthenticated)?;
        if sid == caller.account {
            return Ok(sid);
        }
        // An API key opens its own account only, also where that has subaccounts.
        if caller.by_key || account.parent.as_deref() != Some(&*caller.account) {
            return Err(ApiError::unauthenticated());
        }
        match account.status {
            Status::Active => Ok(sid),
            // Whether a parent can still read is not documented, hence the switch.
            Status::Suspended if !route.is_write && !self.faults.dialect.suspended_unreadable => Ok(sid),
            Status::Closed if !route.is_write => Ok(sid),
            Status::Suspended | Status::Closed => Err(ApiError::not_active()),
        }
    }
}

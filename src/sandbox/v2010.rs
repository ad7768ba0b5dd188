//! The generally available API of 2010-04-01: where a request goes, and who may.
//!
//! Written from Twilio's OpenAPI files and its pages on subaccounts. Unlike ActiveNumbers it
//! names the account in the path, so that a parent's SID and token reach every subaccount.

use std::sync::Arc;

use crate::model::traffic::Medium;

use super::answer::{HttpRequest, Operation, SandboxError};
use super::service::{Caller, Done, Sandbox};
use super::world::SandboxStatus;

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

    fn segment(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Mobile => "Mobile",
            Self::TollFree => "TollFree",
        }
    }

    /// In the catalogue, and in a row's `type`.
    fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Mobile => "mobile",
            Self::TollFree => "tollfree",
        }
    }

    fn from_segment(segment: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.segment() == segment)
    }
}

/// What a path names.
enum V2010Resource {
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
pub(super) struct V2010Route {
    /// The account that the path names.
    account: String,
    resource: V2010Resource,
    operation: Operation,
    is_write: bool,
}

impl V2010Route {
    pub(super) fn new(request: &HttpRequest) -> Result<Self, SandboxError> {
        let missing = || SandboxError::not_found(&request.path);
        // Without `.json` Twilio answers in XML, which the sandbox does not have.
        let path = request.path.strip_suffix(".json").ok_or_else(missing)?;
        let path = path.strip_prefix(ACCOUNTS).ok_or_else(missing)?;
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let (account, resource) = match segments[..] {
            [] if path.is_empty() => ("", V2010Resource::Accounts),
            [account] => (account, V2010Resource::Account),
            [account, "IncomingPhoneNumbers"] => (account, V2010Resource::Numbers(None)),
            [account, "IncomingPhoneNumbers", last] => match Type::from_segment(last) {
                Some(number_type) => (account, V2010Resource::Numbers(Some(number_type))),
                None => (account, V2010Resource::Number(last.to_owned())),
            },
            [account, "Calls"] => (account, V2010Resource::Traffic(Medium::Call)),
            [account, "Messages"] => (account, V2010Resource::Traffic(Medium::Message)),
            [account, "Applications"] => (account, V2010Resource::Applications),
            [account, "Applications", sid] => (account, V2010Resource::Application(sid.to_owned())),
            [account, "AvailablePhoneNumbers"] => (account, V2010Resource::Countries),
            [account, "AvailablePhoneNumbers", country] => {
                (account, V2010Resource::Country(country.to_owned()))
            }
            [account, "AvailablePhoneNumbers", country, last] => {
                let number_type = Type::from_segment(last).ok_or_else(missing)?;
                (account, V2010Resource::Offers(country.to_owned(), number_type))
            }
            _ => return Err(missing()),
        };
        let operation = match (&resource, request.method.as_str()) {
            (V2010Resource::Accounts | V2010Resource::Account, "GET" | "POST") => Operation::Account,
            (V2010Resource::Numbers(_), "GET") => Operation::List,
            (V2010Resource::Numbers(_), "POST") => Operation::Purchase,
            (V2010Resource::Number(_), "GET") => Operation::Fetch,
            (V2010Resource::Countries | V2010Resource::Country(_) | V2010Resource::Offers(..), "GET") => {
                Operation::Search
            }
            (V2010Resource::Traffic(_), "GET") => Operation::Traffic,
            (V2010Resource::Applications, "GET" | "POST") => Operation::Routing,
            (V2010Resource::Application(_), "GET" | "POST" | "DELETE") => Operation::Routing,
            (V2010Resource::Number(_), "DELETE") => Operation::Release,
            (V2010Resource::Number(_), "POST") => {
                match request.post_pairs().iter().any(|(name, _)| name == "AccountSid") {
                    true => Operation::Transfer,
                    false => Operation::Configure,
                }
            }
            _ => return Err(SandboxError::new(405, 20004, "Method not allowed")),
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
            V2010Resource::Number(sid) if self.operation == Operation::Transfer => Some(sid),
            _ => None,
        }
    }

    /// The same, where the number is in that account already.
    pub(super) fn stays(self) -> Self {
        Self { operation: Operation::Configure, ..self }
    }
}

impl Sandbox {
    pub(super) fn v2010(&mut self, request: &HttpRequest, caller: &Caller, route: &V2010Route) -> Done {
        match &route.resource {
            V2010Resource::Accounts if route.is_write => self.create_account(request, caller),
            V2010Resource::Accounts => self.list_accounts(request, caller),
            V2010Resource::Account if route.is_write => self.update_account(request, caller, &route.account),
            V2010Resource::Account => self.fetch_account(request, caller, &route.account),
            V2010Resource::Numbers(number_type) => {
                let account = self.admit(caller, route)?;
                match route.is_write {
                    true => self.create_number(request, &account, *number_type),
                    false => self.list_numbers(request, &account, *number_type),
                }
            }
            V2010Resource::Countries => self.list_countries(request, &self.admit(caller, route)?),
            V2010Resource::Country(code) => self.fetch_country(request, &self.admit(caller, route)?, code),
            V2010Resource::Offers(country, number_type) => {
                self.admit(caller, route)?;
                self.search_offers(request, country, *number_type)
            }
            V2010Resource::Applications => {
                let account = self.admit(caller, route)?;
                match route.is_write {
                    true => self.create_application(request, &account),
                    false => self.list_applications(request, &account),
                }
            }
            V2010Resource::Application(sid) => {
                let account = self.admit(caller, route)?;
                self.application(request, &account, sid)
            }
            V2010Resource::Traffic(medium) => {
                self.list_traffic(request, &self.admit(caller, route)?, *medium)
            }
            V2010Resource::Number(sid) => {
                let account = self.admit(caller, route)?;
                self.one_number(request, caller, &account, sid, route.operation)
            }
        }
    }

    /// Whether the caller may do this in the account of the path; that account.
    fn admit(&self, caller: &Caller, route: &V2010Route) -> Result<Arc<str>, SandboxError> {
        let (sid, account) =
            self.world.account_entry(&route.account).ok_or_else(SandboxError::unauthenticated)?;
        if sid == caller.account {
            return Ok(sid);
        }
        // An API key opens its own account only, also where that has subaccounts.
        if caller.by_key || account.parent.as_deref() != Some(&*caller.account) {
            return Err(SandboxError::unauthenticated());
        }
        match account.status {
            SandboxStatus::Active => Ok(sid),
            // Whether a parent can still read is not documented, hence the switch.
            SandboxStatus::Suspended if !route.is_write && !self.faults.dialect.suspended_unreadable => {
                Ok(sid)
            }
            SandboxStatus::Closed if !route.is_write => Ok(sid),
            SandboxStatus::Suspended | SandboxStatus::Closed => Err(SandboxError::not_active()),
        }
    }
}

//! Twilio's newer products that say where calls and messages end: Messaging Services (v1), trunks (v1) and
//! voice regions (v2). The account is in the credentials alone, links are absolute, and lists have a `meta`
//! block.

use std::sync::Arc;

use crate::model::number::PhoneNumber;

use super::answer::{HttpRequest, Operation, SandboxError};
use super::catalogue;
use super::filters::plus;
use super::json::Object;
use super::page::{SandboxPage, meta};
use super::resources::{Resource, ResourceKind};
use super::service::{Caller, Done, Sandbox};
use super::world::{World, spread};
use super::writes::last;

const SERVICES: &str = "/v1/Services";
const TRUNKS: &str = "/v1/Trunks";
const NUMBERS: &str = "/v2/PhoneNumbers/";

/// The date of everything.
const DATE: &str = "2025-01-01T00:00:00Z";

/// The regions that a number can have.
const REGIONS: [&str; 3] = ["us1", "ie1", "au1"];

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProductRoute {
    All(ResourceKind),
    One(ResourceKind, String),
    Members(String),
    Member(String, String),
    Region(String),
}

impl ProductRoute {
    /// `None` where the path is not one of these.
    pub(super) fn new(request: &HttpRequest) -> Option<Result<(Self, Operation), SandboxError>> {
        let below = |root: &str| {
            let rest = request.path.strip_prefix(root)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.split('/').skip(1).collect::<Vec<_>>())
        };
        let route = if let Some(segments) = below(SERVICES) {
            match segments[..] {
                [] => Self::All(ResourceKind::Service),
                [sid] => Self::One(ResourceKind::Service, sid.to_owned()),
                [sid, "PhoneNumbers"] => Self::Members(sid.to_owned()),
                [sid, "PhoneNumbers", number] => Self::Member(sid.to_owned(), number.to_owned()),
                _ => return Some(Err(SandboxError::not_found(&request.path))),
            }
        } else if let Some(segments) = below(TRUNKS) {
            match segments[..] {
                [] => Self::All(ResourceKind::Trunk),
                [sid] => Self::One(ResourceKind::Trunk, sid.to_owned()),
                _ => return Some(Err(SandboxError::not_found(&request.path))),
            }
        } else {
            Self::Region(request.path.strip_prefix(NUMBERS)?.to_owned())
        };
        let operation = match (&route, request.method.as_str()) {
            (Self::Members(_), "POST") => Operation::Join,
            (Self::Member(..), "DELETE") => Operation::Leave,
            (Self::Member(..), "POST") | (Self::All(_) | Self::Members(_) | Self::Region(_), "DELETE") => {
                return Some(Err(SandboxError::new(405, 20004, "Method not allowed")));
            }
            (_, "GET" | "POST" | "DELETE") => Operation::Routing,
            _ => return Some(Err(SandboxError::new(405, 20004, "Method not allowed"))),
        };
        Some(Ok((route, operation)))
    }
}

impl World {
    /// Puts in a new resource, and says what its SID is.
    pub(crate) fn put_resource(&mut self, resource: Resource) -> String {
        let sid = loop {
            self.minted += 1;
            let sid = format!("{}{:032x}", resource.kind.prefix(), spread(self.minted));
            if !self.resources.has(&sid) {
                break sid;
            }
        };
        self.resources.put(&sid, resource);
        sid
    }
}

impl Sandbox {
    pub(super) fn products(&mut self, request: &HttpRequest, caller: &Caller, route: &ProductRoute) -> Done {
        let account = &caller.account;
        match (route, request.method.as_str()) {
            (ProductRoute::All(kind), "GET") => {
                let rows: Vec<_> = self
                    .world
                    .resources
                    .of_kind(account, *kind)
                    .map(|(sid, resource)| shown(request, sid, resource))
                    .collect();
                let key = if *kind == ResourceKind::Service { "services" } else { "trunks" };
                self.page(request, key, &rows)
            }
            (ProductRoute::All(kind), _) => {
                let made = Resource::new(*kind, account, &request.post_pairs())?;
                let sid = self.world.put_resource(made);
                Ok((201, self.resource_row(request, account, *kind, &sid)?))
            }
            (ProductRoute::One(kind, sid), "GET") => {
                Ok((200, self.resource_row(request, account, *kind, sid)?))
            }
            (ProductRoute::One(kind, sid), "DELETE") => {
                self.resource_row(request, account, *kind, sid)?;
                self.world.resources.remove(sid);
                Ok((204, String::new()))
            }
            (ProductRoute::One(kind, sid), _) => {
                let now = self.world.resources.find(account, *kind, sid);
                let now = now.ok_or_else(|| SandboxError::not_found(&request.path))?;
                let changed = now.with(&request.post_pairs())?;
                self.world.resources.put(sid, changed);
                Ok((200, self.resource_row(request, account, *kind, sid)?))
            }
            (ProductRoute::Members(sid), method) => {
                self.resource_row(request, account, ResourceKind::Service, sid)?;
                match method {
                    "GET" => {
                        let members = self.world.resources.members(sid);
                        let rows: Vec<_> =
                            members.filter_map(|number| self.member_row(request, sid, number)).collect();
                        self.page(request, "phone_numbers", &rows)
                    }
                    _ => self.join(request, account, sid),
                }
            }
            (ProductRoute::Member(sid, number), method) => {
                self.resource_row(request, account, ResourceKind::Service, sid)?;
                let missing = || SandboxError::not_found(&request.path);
                let (number, _) = self.world.find(number).ok_or_else(missing)?;
                if self.world.resources.service_of(number) != Some(sid) {
                    return Err(missing());
                }
                if method == "DELETE" {
                    self.world.resources.leave(number);
                    return Ok((204, String::new()));
                }
                Ok((200, self.member_row(request, sid, number).ok_or_else(missing)?))
            }
            (ProductRoute::Region(text), method) => self.region(request, account, text, method == "POST"),
        }
    }

    /// Puts a number into a Messaging Service.
    fn join(&mut self, request: &HttpRequest, account: &Arc<str>, service: &str) -> Done {
        let parameters = request.post_pairs();
        let sid = last(&parameters, "PhoneNumberSid").unwrap_or_default();
        let owned = self.world.find(sid).filter(|(_, owned)| owned.account == *account);
        let Some((number, _)) = owned else {
            return Err(SandboxError::bad(
                21421,
                format!("PhoneNumberSid {sid} is not a number of this account"),
            ));
        };
        match self.world.resources.service_of(number) {
            Some(now) if now == service => {
                let message = "Phone Number or Short Code is already in the Messaging Service.";
                return Err(SandboxError::new(409, 21710, message));
            }
            Some(_) => {
                let message = "Phone Number or Short Code is associated with another Messaging Service.";
                return Err(SandboxError::new(409, 21712, message));
            }
            None => {}
        }
        let kind = catalogue::kind_of(number);
        if !kind.has_sms && !kind.has_mms {
            return Err(SandboxError::bad(
                21715,
                "Phone Number does not have correct Messaging capabilities",
            ));
        }
        let limit = self.faults.dialect.service_limit.unwrap_or(400);
        if self.world.resources.members(service).count() >= limit {
            return Err(SandboxError::bad(21714, "Messaging Service Number Pool size limit reached"));
        }
        self.world.resources.join(number, service);
        let row = self.member_row(request, service, number);
        Ok((201, row.ok_or_else(|| SandboxError::not_found(&request.path))?))
    }

    fn region(&mut self, request: &HttpRequest, account: &Arc<str>, text: &str, sets: bool) -> Done {
        let missing = || SandboxError::not_found(&request.path);
        // In the path a plus is a plus; some clients escape it.
        let text = text.replace("%2B", "+").replace("%2b", "+");
        let number = match self.world.find(&text) {
            Some((number, _)) => number,
            None => PhoneNumber::observed(&plus(&text)).ok_or_else(missing)?,
        };
        let owned = self.world.owned(number).filter(|owned| owned.account == *account);
        let sid = owned.ok_or_else(missing)?.sid();
        if sets && let Some(region) = last(&request.post_pairs(), "VoiceRegion") {
            if !REGIONS.contains(&region) {
                return Err(SandboxError::bad(
                    20001,
                    format!("VoiceRegion is one of {}", REGIONS.join(", ")),
                ));
            }
            self.world.resources.set_region(number, region);
        }
        let row = Object::new()
            .text("phone_number", &number.to_string())
            .text("url", &format!("{}{NUMBERS}{number}", request.base))
            .text("sid", &sid.replacen("PN", "QQ", 1))
            .text("account_sid", account)
            .text("friendly_name", &number.to_string())
            .text("voice_region", self.world.resources.region(number))
            .text("date_created", DATE)
            .text("date_updated", DATE);
        Ok((200, row.end()))
    }

    fn resource_row(
        &self,
        request: &HttpRequest,
        account: &str,
        kind: ResourceKind,
        sid: &str,
    ) -> Result<String, SandboxError> {
        let found = self.world.resources.find(account, kind, sid);
        found
            .map(|resource| shown(request, sid, resource))
            .ok_or_else(|| SandboxError::not_found(&request.path))
    }

    fn member_row(&self, request: &HttpRequest, service: &str, number: PhoneNumber) -> Option<String> {
        let owned = self.world.owned(number)?;
        let kind = catalogue::kind_of(number);
        let able = [("MMS", kind.has_mms), ("SMS", kind.has_sms), ("Voice", true)];
        let able: Vec<_> =
            able.iter().filter(|(_, has)| *has).map(|(word, _)| format!("\"{word}\"")).collect();
        let sid = owned.sid();
        let row = Object::new()
            .text("sid", &sid)
            .text("account_sid", &owned.account)
            .text("service_sid", service)
            .text("date_created", DATE)
            .text("date_updated", DATE)
            .text("phone_number", &number.to_string())
            .text("country_code", kind.geography.iso_country)
            .raw("capabilities", &format!("[{}]", able.join(",")))
            .text("url", &format!("{}{SERVICES}/{service}/PhoneNumbers/{sid}", request.base));
        Some(row.end())
    }

    /// One page of a list.
    fn page(&self, request: &HttpRequest, key: &str, rows: &[String]) -> Done {
        let page = SandboxPage::new(&request.query_pairs(), &self.faults.dialect)?;
        let from = page.number.saturating_mul(page.size).min(rows.len());
        let to = from.saturating_add(page.size).min(rows.len());
        let link = |number: usize| {
            let token = if number == 0 { String::new() } else { format!("&PageToken=PT{number}") };
            format!("{}{}?PageSize={}&Page={number}{token}", request.base, request.path, page.size)
        };
        let meta = meta(page, to < rows.len(), key, link);
        let rows = format!("[{}]", rows[from..to].join(","));
        Ok((200, Object::new().raw("meta", &meta).raw(key, &rows).end()))
    }
}

/// A service or a trunk.
fn shown(request: &HttpRequest, sid: &str, resource: &Resource) -> String {
    let root = match resource.kind {
        ResourceKind::Trunk => TRUNKS,
        ResourceKind::Service | ResourceKind::Application => SERVICES,
    };
    let url = format!("{}{root}/{sid}", request.base);
    let links = Object::new().text("phone_numbers", &format!("{url}/PhoneNumbers")).end();
    let row = Object::new()
        .text("sid", sid)
        .text("account_sid", &resource.account_sid)
        .text("date_created", DATE)
        .text("date_updated", DATE)
        .text("url", &url)
        .raw("links", &links);
    let row = match resource.kind {
        ResourceKind::Service | ResourceKind::Application => row.raw("us_app_to_person_registered", "false"),
        ResourceKind::Trunk => row
            .text("auth_type", "")
            .raw("auth_type_set", "[]")
            .raw("recording", r#"{"mode":"do-not-record","trim":"do-not-trim"}"#)
            .raw("symmetric_rtp_enabled", "false"),
    };
    resource.shown(row).end()
}

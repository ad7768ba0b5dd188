//! Pricing and regulations: what numbers cost in a country, and which documents it requires.
//!
//! Both are of Twilio's newer sort: the account is in the credentials alone, links are
//! absolute, and lists have a `meta` block.

use super::answer::{HttpRequest, Operation, SandboxError};
use super::catalogue::CatalogueKind;
use super::countries;
use super::json::Object;
use super::page::{SandboxPage, meta};
use super::service::{Done, Sandbox};
use super::writes::last;

const PRICES: &str = "/v1/PhoneNumbers/Countries";
const REGULATIONS: &str = "/v2/RegulatoryCompliance/Regulations";

/// Where a request goes.
pub(super) enum PricingRoute {
    Countries,
    Country(String),
    Regulations,
}

impl PricingRoute {
    /// `None` where the path is not one of these.
    pub(super) fn new(request: &HttpRequest) -> Option<Result<Self, SandboxError>> {
        let route = if request.path == REGULATIONS {
            Self::Regulations
        } else {
            match request.path.strip_prefix(PRICES)? {
                "" => Self::Countries,
                rest => Self::Country(rest.strip_prefix('/').filter(|code| !code.contains('/'))?.to_owned()),
            }
        };
        Some(match request.method.as_str() {
            "GET" => Ok(route),
            _ => Err(SandboxError::new(405, 20004, "Method not allowed")),
        })
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Countries | Self::Country(_) => Operation::Price,
            Self::Regulations => Operation::Regulation,
        }
    }
}

impl Sandbox {
    pub(super) fn pricing(&self, request: &HttpRequest, route: &PricingRoute) -> Done {
        match route {
            PricingRoute::Countries => {
                let rows: Vec<_> = countries::all().map(|code| country(&request.base, code).end()).collect();
                Ok((200, list(&format!("{}{PRICES}", request.base), "countries", &rows)))
            }
            PricingRoute::Country(code) => match countries::all().find(|known| known == code) {
                Some(code) => Ok((200, prices(&request.base, code))),
                None => Err(SandboxError::not_found(&request.path)),
            },
            PricingRoute::Regulations => Ok((200, regulations(request))),
        }
    }
}

/// A list that is one page.
fn list(address: &str, key: &str, rows: &[String]) -> String {
    let meta = meta(SandboxPage::default(), false, key, |_| format!("{address}?PageSize=50&Page=0"));
    Object::new().raw(key, &format!("[{}]", rows.join(","))).raw("meta", &meta).end()
}

fn country(base: &str, code: &str) -> Object {
    Object::new()
        .text("country", countries::name(code))
        .text("iso_country", code)
        .text("url", &format!("{base}{PRICES}/{code}"))
}

fn prices(base: &str, code: &str) -> String {
    let rows: Vec<_> = countries::types(code)
        .into_iter()
        .map(|kind| {
            // Pricing alone writes it with a space.
            let number_type = if kind.number_type == "tollfree" { "toll free" } else { kind.number_type };
            Object::new()
                .text("number_type", number_type)
                .text("base_price", kind.price)
                .text("current_price", kind.price)
                .end()
        })
        .collect();
    country(base, code)
        .raw("phone_number_prices", &format!("[{}]", rows.join(",")))
        .text("price_unit", "USD")
        .end()
}

/// The rules of the kinds that need a bundle, by country and type where the request names them.
fn regulations(request: &HttpRequest) -> String {
    let query = request.query_pairs();
    let is = |name, value: &str| {
        last(&query, name).is_none_or(|wanted| wanted.is_empty() || wanted.eq_ignore_ascii_case(value))
    };
    let address = format!("{}{REGULATIONS}", request.base);
    let rows: Vec<_> = countries::all()
        .flat_map(countries::types)
        .enumerate()
        .filter(|(_, kind)| kind.needs_bundle)
        .filter(|(_, kind)| {
            is("IsoCountry", kind.geography.iso_country) && is("NumberType", kind.number_type)
        })
        .map(|(at, kind)| regulation(&address, at, kind))
        .collect();
    list(&address, "results", &rows)
}

fn regulation(address: &str, at: usize, kind: &CatalogueKind) -> String {
    let sid = format!("RN{at:032x}");
    let code = kind.geography.iso_country;
    Object::new()
        .text("sid", &sid)
        .text("friendly_name", &format!("{}: {} - business", countries::name(code), kind.number_type))
        .text("iso_country", code)
        .text("number_type", kind.number_type)
        .text("end_user_type", "business")
        .raw("requirements", "{}")
        .text("url", &format!("{address}/{sid}"))
        .end()
}

//! `AvailablePhoneNumbers`: what is available, by country and type.
//!
//! One page and no links: Twilio's stock is never the same twice, and its answers show none.
//! The sandbox's is in order.

use crate::model::coordinates::Coordinates;
use crate::model::number::PhoneNumber;

use super::super::answer::{HttpRequest, SandboxError};
use super::super::catalogue::{self, CatalogueKind, Range};
use super::super::countries;
use super::super::filters::plus;
use super::super::json::Object;
use super::super::page::SandboxPage;
use super::super::service::{Done, Sandbox};
use super::super::writes::last;
use super::Type;
use super::pattern::Pattern;
use super::rows;

/// How many rows there are unless `PageSize` says so.
const PAGE_SIZE: &str = "30";
/// Miles, unless `Distance` says so, and at most.
const DISTANCE: f64 = 25.0;
const DISTANCE_MAX: f64 = 500.0;

impl Sandbox {
    pub(super) fn list_countries(&self, request: &HttpRequest, account: &str) -> Done {
        let rows: Vec<_> = countries::all().map(|code| country_row(account, code)).collect();
        let body =
            Object::new().raw("countries", &format!("[{}]", rows.join(","))).text("uri", &request.path);
        Ok((200, body.end()))
    }

    pub(super) fn fetch_country(&self, request: &HttpRequest, account: &str, code: &str) -> Done {
        match countries::all().find(|known| *known == code) {
            Some(code) => Ok((200, country_row(account, code))),
            None => Err(SandboxError::not_found(&request.path)),
        }
    }

    pub(super) fn search_offers(&self, request: &HttpRequest, country: &str, number_type: Type) -> Done {
        let is_kind = |range: &&Range| {
            range.kind.geography.iso_country == country && range.kind.number_type == number_type.as_str()
        };
        // Without stock of a kind there is no such resource.
        if !catalogue::ranges().iter().any(|range| is_kind(&range)) {
            return Err(SandboxError::not_found(&request.path));
        }
        let mut query = vec![("PageSize".to_owned(), PAGE_SIZE.to_owned())];
        query.extend(request.query_pairs());
        let mut wanted = SearchWanted::new(&query)?;
        let dialect = &self.faults.dialect;
        let size = SandboxPage::new(&query, dialect)?.size;
        let mut found = Vec::new();
        for range in catalogue::ranges().iter().filter(is_kind) {
            if !dialect.empty_inventory && wanted.allows(range) {
                self.offers(range, &mut wanted.pattern, size, &mut found);
            }
        }
        let rows: Vec<_> = found.into_iter().map(row).collect();
        let body = Object::new()
            .raw("available_phone_numbers", &format!("[{}]", rows.join(",")))
            .text("uri", &request.path);
        Ok((200, body.end()))
    }

    /// Adds the numbers of a range that no one owns and that match, until there are `size`.
    fn offers(
        &self,
        range: &Range,
        pattern: &mut Option<Pattern>,
        size: usize,
        found: &mut Vec<PhoneNumber>,
    ) {
        let mut from = |at: u64| {
            let next = match pattern {
                Some(pattern) => pattern.next(at),
                None => Some(at),
            };
            next.filter(|next| *next <= range.last)
        };
        let mut next = from(range.first);
        while let Some(at) = next.filter(|_| found.len() < size) {
            let free = self.world.free_from(at);
            if free == at {
                found.extend(catalogue::number(at));
            }
            next = from(free.max(at + 1));
        }
    }
}

fn country_row(account: &str, code: &str) -> String {
    let path = format!("/2010-04-01/Accounts/{account}/AvailablePhoneNumbers/{code}");
    let has = |number_type: &Type| {
        catalogue::ranges().iter().any(|range| {
            range.kind.geography.iso_country == code && range.kind.number_type == number_type.as_str()
        })
    };
    let below = Type::ALL.iter().filter(|number_type| has(number_type)).fold(Object::new(), |row, found| {
        let key = match found {
            Type::Local => "local",
            Type::Mobile => "mobile",
            Type::TollFree => "toll_free",
        };
        row.text(key, &format!("{path}/{}.json", found.segment()))
    });
    Object::new()
        .raw("beta", "false")
        .text("country", countries::name(code))
        .text("country_code", code)
        .raw("subresource_uris", &below.end())
        .text("uri", &format!("{path}.json"))
        .end()
}

fn row(number: PhoneNumber) -> String {
    let kind = catalogue::kind_of(number);
    let place = &kind.geography;
    let degrees = |value: Option<f64>| value.map(|value| format!("{value:.6}"));
    let lata = place.lata.map(|lata| lata.to_string());
    // The captured rows mix the case of the capabilities, and have numbers as strings.
    Object::new()
        .text("address_requirements", kind.address)
        .raw("beta", "false")
        .raw("capabilities", &rows::capabilities(kind, ["voice", "SMS", "MMS", "fax"]))
        .text("friendly_name", &catalogue::default_name(number))
        .text("iso_country", place.iso_country)
        .text_or_null("lata", lata.as_deref())
        .text_or_null("latitude", degrees(place.place.map(|at| at.0)).as_deref())
        .text_or_null("locality", place.locality)
        .text_or_null("longitude", degrees(place.place.map(|at| at.1)).as_deref())
        .text("phone_number", &number.to_string())
        .text_or_null("postal_code", place.postal_code)
        .text_or_null("rate_center", place.rate_center)
        .text_or_null("region", place.region)
        .end()
}

/// What a search asks for.
struct SearchWanted<'a> {
    query: &'a [(String, String)],
    pattern: Option<Pattern>,
    /// A place and the miles round it.
    near: Option<(Coordinates, f64)>,
}

impl<'a> SearchWanted<'a> {
    fn new(query: &'a [(String, String)]) -> Result<Self, SandboxError> {
        let bad = |message: String| SandboxError::bad(20422, message);
        let given = |name| last(query, name).filter(|value| !value.is_empty());
        let pattern = match given("Contains").map(plus) {
            None => None,
            Some(text) => Some(
                Pattern::new(&text)
                    .filter(|_| (2..=16).contains(&text.chars().count()))
                    .ok_or_else(|| bad(format!("Contains {text} is not a pattern of 2 to 16 characters")))?,
            ),
        };
        if let Some(area) = given("AreaCode")
            && (area.len() != 3 || !area.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(SandboxError::bad(21451, format!("AreaCode {area} is not valid")));
        }
        let distance = match given("Distance").map(str::parse::<f64>) {
            None => DISTANCE,
            Some(Ok(miles)) if (0.0..=DISTANCE_MAX).contains(&miles) => miles,
            Some(_) => return Err(bad(format!("Distance is at most {DISTANCE_MAX} miles"))),
        };
        let place = match (given("NearLatLong"), given("NearNumber").map(plus)) {
            (Some(text), _) => Some(
                Coordinates::parse(text)
                    .ok_or_else(|| bad(format!("NearLatLong {text} is not two numbers")))?,
            ),
            (None, Some(text)) => {
                let number = PhoneNumber::observed(&text)
                    .ok_or_else(|| bad(format!("NearNumber {text} is not in E.164")))?;
                // Near a number of no known place there is nothing.
                let place = catalogue::kind_of(number).geography.place;
                let (latitude, longitude) = place.unwrap_or((f64::NAN, f64::NAN));
                Some(Coordinates { latitude, longitude })
            }
            (None, None) => None,
        };
        Ok(Self { query, pattern, near: place.map(|place| (place, distance)) })
    }

    /// Whether the numbers of a range pass all but the pattern.
    fn allows(&self, range: &Range) -> bool {
        let kind = &range.kind;
        let place = &kind.geography;
        let given = |name| last(self.query, name).filter(|value| !value.is_empty());
        let is = |name, value: Option<&str>| {
            given(name).is_none_or(|wanted| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
        };
        let flag = |name| given(name).and_then(|text| text.to_ascii_lowercase().parse::<bool>().ok());
        let can = |name, value: bool| flag(name).is_none_or(|wanted| wanted == value);
        let excludes = |name, is_out: bool| flag(name) != Some(true) || !is_out;
        given("AreaCode").is_none_or(|area| range.first.to_string().starts_with(&format!("1{area}")))
            && is("InRegion", place.region)
            && is("InLocality", place.locality)
            && is("InPostalCode", place.postal_code)
            && is("InRateCenter", place.rate_center)
            && is("InLata", place.lata.map(|lata| lata.to_string()).as_deref())
            && can("VoiceEnabled", true)
            && can("FaxEnabled", true)
            && can("SmsEnabled", kind.has_sms)
            && can("MmsEnabled", kind.has_mms)
            && needs_allowed(kind, excludes)
            && self.near.is_none_or(|(near, miles)| {
                place.place.is_some_and(|(latitude, longitude)| {
                    near.miles_to(Coordinates { latitude, longitude }) <= miles
                })
            })
    }
}

fn needs_allowed(kind: &CatalogueKind, excludes: impl Fn(&'static str, bool) -> bool) -> bool {
    excludes("ExcludeAllAddressRequired", kind.address != "none")
        && excludes("ExcludeLocalAddressRequired", kind.address == "local")
        && excludes("ExcludeForeignAddressRequired", kind.address == "foreign")
}

//! What is available for a claim: v2010's AvailablePhoneNumbers, which every account may search,
//! whichever API its numbers are reached through.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::filter::first_page;
use super::routes::Routes;
use super::wire::{self, Rows};
use crate::model::claim::{Capability, Need, Wish};
use crate::model::coordinates::Coordinates;
use crate::model::number::PhoneNumber;
use crate::model::offer::Offer;

/// The search for a need: one page. `has_address`: the purchases give an address, so that countries
/// that want one will do.
#[must_use]
pub fn search(routes: &Routes, need: &Need, has_address: bool, page_size: u16) -> Url {
    let mut pairs: Vec<(&str, &str)> =
        need.wishes.iter().map(|(wish, text)| (parameter(*wish, text), &**text)).collect();
    pairs.extend(need.capabilities.iter().map(|capability| {
        let name = match capability {
            Capability::Voice => "VoiceEnabled",
            Capability::Sms => "SmsEnabled",
            Capability::Mms => "MmsEnabled",
            Capability::Fax => "FaxEnabled",
        };
        (name, "true")
    }));
    if !has_address {
        pairs.push(("ExcludeAllAddressRequired", "true"));
    }
    first_page(routes.available_phone_numbers(&need.country, need.kind), &pairs, page_size)
}

fn parameter(wish: Wish, text: &str) -> &'static str {
    match wish {
        Wish::AreaCode => "AreaCode",
        Wish::Region => "InRegion",
        Wish::Locality => "InLocality",
        Wish::RateCenter => "InRateCenter",
        Wish::Lata => "InLata",
        Wish::PostalCode => "InPostalCode",
        Wish::Contains => "Contains",
        Wish::Near if text.starts_with('+') => "NearNumber",
        Wish::Near => "NearLatLong",
    }
}

/// A page of offers.
#[derive(Debug, PartialEq)]
pub struct FoundOffers {
    /// The numbers; rows whose number cannot be read are none.
    pub offers: Vec<Offer>,
    /// How many rows there were.
    pub rows: usize,
    /// Where the next page is, not yet checked: Twilio's answers have none so far.
    pub next: Option<String>,
}

/// Reads a page of a search. A field of another shape than Twilio's says nothing.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_offers(body: &[u8]) -> Result<FoundOffers, String> {
    #[derive(Deserialize)]
    struct OffersPage {
        available_phone_numbers: Rows<Value>,
        #[serde(default)]
        next_page_uri: Option<String>,
    }
    let page = wire::read(body, serde_json::from_str::<OffersPage>)?;
    let Rows(rows) = page.available_phone_numbers;
    let offers = rows.iter().filter_map(offer).collect();
    Ok(FoundOffers { offers, rows: rows.len(), next: page.next_page_uri.filter(|link| !link.is_empty()) })
}

fn offer(row: &Value) -> Option<Offer> {
    let text = |key: &str| -> Option<Box<str>> {
        match row.get(key)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.as_str().into()),
            Value::Number(number) => Some(number.to_string().into()),
            _ => None,
        }
    };
    let degrees = |key: &str| text(key)?.trim().parse::<f64>().ok();
    let capabilities = row.get("capabilities").and_then(Value::as_object);
    // Twilio mixes the case of the names.
    let can = |capability: Capability| {
        let (_, value) =
            capabilities?.iter().find(|(key, _)| key.eq_ignore_ascii_case(capability.as_str()))?;
        Some((capability, value.as_bool()?))
    };
    Some(Offer {
        number: PhoneNumber::observed(&text("phone_number")?)?,
        iso_country: text("iso_country"),
        region: text("region"),
        locality: text("locality"),
        rate_center: text("rate_center"),
        lata: text("lata"),
        postal_code: text("postal_code"),
        place: degrees("latitude")
            .zip(degrees("longitude"))
            .map(|(latitude, longitude)| Coordinates { latitude, longitude }),
        capabilities: Capability::ALL.into_iter().filter_map(can).collect(),
        wants_address: text("address_requirements").is_some_and(|wants| &*wants != "none"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::api::endpoint::Endpoint;
    use crate::model::number::AccountSid;
    use crate::model::number_type::NumberType;
    use crate::model::provider::{Api, Site};

    #[test]
    fn a_need_is_the_search_of_the_ga_api() {
        let account = AccountSid::observed(&format!("AC{}", "a".repeat(32))).expect("a SID");
        let routes =
            Routes::new(Endpoint::vendor(&Site::default()).expect("hosts"), Api::ActiveNumbers, account);
        let need = |wishes: &[(Wish, &str)]| Need {
            country: "US".into(),
            kind: NumberType::Local,
            wishes: wishes.iter().map(|(wish, text)| (*wish, (*text).into())).collect(),
            capabilities: vec![Capability::Voice, Capability::Sms],
        };
        let query = |wishes: &[(Wish, &str)], has_address| {
            search(&routes, &need(wishes), has_address, 20).query().unwrap_or_default().to_owned()
        };
        assert!(
            search(&routes, &need(&[]), true, 20).path().ends_with("/AvailablePhoneNumbers/US/Local.json")
        );
        assert_eq!(
            query(&[(Wish::AreaCode, "212"), (Wish::Near, "+12125550100")], false),
            "AreaCode=212&NearNumber=%2B12125550100&VoiceEnabled=true&SmsEnabled=true\
             &ExcludeAllAddressRequired=true&PageSize=20"
        );
        assert_eq!(
            query(&[(Wish::Near, "40.7,-74.0")], true),
            "NearLatLong=40.7%2C-74.0&VoiceEnabled=true&SmsEnabled=true&PageSize=20"
        );
    }

    #[test]
    fn only_numbers_are_offers() {
        let body = br#"{"available_phone_numbers":[{"phone_number":"+12125550100"},{"phone_number":null},{},
            {"phone_number":"+12125550101","address_requirements":"any"}],"uri":"/x"}"#;
        let FoundOffers { offers, rows, next } = read_offers(body).expect("a page");
        let number = |text: &str| PhoneNumber::observed(text).expect("a number");
        let told: Vec<_> = offers.iter().map(|offer| (offer.number, offer.wants_address)).collect();
        assert_eq!(told, [(number("+12125550100"), false), (number("+12125550101"), true)]);
        assert_eq!((rows, next), (4, None));
        assert!(read_offers(b"{}").is_err());
        let odd = br#"{"available_phone_numbers":[{"phone_number":"+12125550100","region":["NY"],"lata":132,
            "capabilities":{"voice":true,"SMS":false,"MMS":"yes"},"latitude":"40.7","longitude":-74,
            "address_requirements":{}},7,null]}"#;
        let FoundOffers { offers, .. } = read_offers(odd).expect("a page");
        assert_eq!((offers.len(), &offers[0].region, offers[0].lata.as_deref()), (1, &None, Some("132")));
        assert_eq!(offers[0].capabilities, [(Capability::Voice, true), (Capability::Sms, false)]);
        assert_eq!(
            (offers[0].place, offers[0].wants_address),
            (Some(Coordinates { latitude: 40.7, longitude: -74.0 }), false)
        );
    }
}

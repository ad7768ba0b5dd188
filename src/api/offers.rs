//! What is on offer for a claim: v2010's AvailablePhoneNumbers, which every account may search,
//! whichever API its numbers are reached through.

use serde::Deserialize;
use url::Url;

use super::filter::first_page;
use super::routes::Routes;
use super::wire;
use crate::claim::{Capability, Need, Wish};
use crate::number::PhoneNumber;

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

/// One number on offer.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    phone_number: Option<String>,
    #[serde(default)]
    address_requirements: Option<String>,
}

/// Reads the numbers of a page, each with whether its country wants an address of the buyer
/// (`address_requirements`); rows whose number cannot be read are none.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_offers(body: &[u8]) -> Result<Vec<(PhoneNumber, bool)>, String> {
    #[derive(Deserialize)]
    struct Page {
        available_phone_numbers: Vec<Row>,
    }
    let page = wire::read(body, serde_json::from_str::<Page>)?;
    let offer = |row: Row| {
        let wants_address = row.address_requirements.is_some_and(|wants| wants != "none");
        Some((PhoneNumber::observed(&row.phone_number?)?, wants_address))
    };
    Ok(page.available_phone_numbers.into_iter().filter_map(offer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::endpoint::Endpoint;
    use crate::number::AccountSid;
    use crate::number_type::NumberType;
    use crate::provider::{Api, Site};

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
        let offers = read_offers(body).expect("a page");
        let number = |text: &str| PhoneNumber::observed(text).expect("a number");
        assert_eq!(offers, [(number("+12125550100"), false), (number("+12125550101"), true)]);
        assert!(read_offers(b"{}").is_err());
    }
}

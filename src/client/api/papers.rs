//! What a country wants of those who buy its numbers: an address, by the search row of a number;
//! a bundle, by the regulations.

use serde::Deserialize;

use super::offers::read_offers;
use super::routes::NumberType;
use super::wire;
use crate::model::number::PhoneNumber;

/// Reads a v2010 search for one number: whether it is available there, and if so, whether its
/// country wants an address (`address_requirements`).
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_offer(body: &[u8], number: PhoneNumber) -> Result<Option<bool>, String> {
    let offer = read_offers(body)?.offers.into_iter().find(|offer| offer.number == number);
    Ok(offer.map(|offer| offer.wants_address))
}

/// Reads the regulations of a country: the types of numbers that need a bundle.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_regulations(body: &[u8]) -> Result<Vec<NumberType>, String> {
    #[derive(Deserialize)]
    struct PapersPage {
        results: Vec<PapersRow>,
    }
    #[derive(Deserialize)]
    struct PapersRow {
        #[serde(default)]
        number_type: Option<String>,
    }
    let page = wire::read(body, serde_json::from_str::<PapersPage>)?;
    let mut types: Vec<_> =
        page.results.iter().filter_map(|row| NumberType::parse(row.number_type.as_deref()?)).collect();
    types.sort_unstable();
    types.dedup();
    Ok(types)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_number_counts() {
        let number = PhoneNumber::observed("+4930231250").expect("a number");
        let offer = |body: &str| read_offer(body.as_bytes(), number);
        let row = |wants: &str| {
            format!(
                r#"{{"available_phone_numbers":[{{"phone_number":"+49302312501","address_requirements":"none"}},
                    {{"phone_number":"+4930231250","address_requirements":{wants}}}],"uri":"/x"}}"#
            )
        };
        assert_eq!(offer(&row("\"local\"")), Ok(Some(true)));
        assert_eq!(offer(&row("\"none\"")), Ok(Some(false)));
        assert_eq!(offer(&row("null")), Ok(Some(false)));
        assert_eq!(offer(r#"{"available_phone_numbers":[],"uri":"/x"}"#), Ok(None));
        assert!(offer("{}").is_err());
    }

    #[test]
    fn regulations_are_by_type() {
        let body = br#"{"results":[{"number_type":"local"},{"number_type":"toll-free"},{"number_type":"local"},{}],"meta":{}}"#;
        assert_eq!(read_regulations(body), Ok(vec![NumberType::Local, NumberType::TollFree]));
    }
}

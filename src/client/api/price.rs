//! What a number costs a month, by country and type (pricing v1).

use serde::{Deserialize, Serialize};

use super::wire;
use crate::model::tariff::KindOnBill;

/// The prices of a country's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// The currency, such as `USD`.
    pub unit: Box<str>,
    /// By type: the account's own price a month, as the API writes it; `None` where it gives none.
    pub monthly: Vec<(KindOnBill, Option<Box<str>>)>,
}

impl Prices {
    /// The price of a type; `None` where the API gives none.
    #[must_use]
    pub fn price_for(&self, kind: KindOnBill) -> Option<&str> {
        self.monthly.iter().find(|(known, _)| *known == kind)?.1.as_deref()
    }

    /// The part of the API's JSON that [`read_prices`] reads.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let price = |(kind, price): &(KindOnBill, Option<Box<str>>)| Price {
            number_type: Some(kind.as_str().into()),
            current_price: price.as_deref().map(Into::into),
        };
        let country = CountryPrices {
            price_unit: self.unit.clone(),
            phone_number_prices: self.monthly.iter().map(price).collect(),
        };
        // Texts always have a JSON.
        serde_json::to_value(country).unwrap_or_default()
    }
}

#[derive(Serialize, Deserialize)]
struct CountryPrices {
    price_unit: Box<str>,
    phone_number_prices: Vec<Price>,
}

#[derive(Serialize, Deserialize)]
struct Price {
    #[serde(default)]
    number_type: Option<String>,
    #[serde(default)]
    current_price: Option<serde_json::Value>,
}

/// The same, of one country: an answer about another one is refused.
///
/// # Errors
/// As [`read_prices`].
pub fn read_prices_of(body: &[u8], iso_country: &str) -> Result<Prices, String> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(default)]
        iso_country: Option<String>,
    }
    let named = wire::read(body, serde_json::from_str::<Named>)?.iso_country;
    match named.filter(|found| !found.eq_ignore_ascii_case(iso_country)) {
        Some(found) => Err(format!("it has the prices of {found}, not of {iso_country}")),
        None => read_prices(body),
    }
}

/// Reads `/v1/PhoneNumbers/Countries/{Country}`.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_prices(body: &[u8]) -> Result<Prices, String> {
    let country = wire::read(body, serde_json::from_str::<CountryPrices>)?;
    let monthly = country
        .phone_number_prices
        .into_iter()
        .map(|price| {
            // A text on the wire, a number in the description.
            let text = match price.current_price {
                Some(serde_json::Value::String(text)) => Some(text.into()),
                Some(serde_json::Value::Number(number)) => Some(number.to_string().into()),
                Some(_) | None => None,
            };
            // A type that is not named may be any.
            (price.number_type.as_deref().and_then(KindOnBill::observed).unwrap_or(KindOnBill::Other), text)
        })
        .collect();
    Ok(Prices { unit: country.price_unit, monthly })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_texts_or_numbers() {
        let body = br#"{"country":"United States","price_unit":"USD","phone_number_prices":
            [{"number_type":"local","base_price":"1.15","current_price":"1.00"},{"number_type":"toll free","current_price":2.15},
             {"number_type":"national","current_price":"3"},{"number_type":"mobile","current_price":null},{"current_price":"9"}]}"#;
        let prices = read_prices(body).expect("prices");
        assert_eq!(prices.price_for(KindOnBill::Local), Some("1.00"));
        assert_eq!(prices.price_for(KindOnBill::TollFree), Some("2.15"));
        assert_eq!(prices.price_for(KindOnBill::National), Some("3"));
        assert_eq!(prices.price_for(KindOnBill::Mobile), None);
        assert_eq!(prices.price_for(KindOnBill::Other), Some("9"));
        assert_eq!(read_prices(prices.to_json().to_string().as_bytes()), Ok(prices));
    }
}

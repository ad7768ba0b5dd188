//! What a number costs a month, by country and type (pricing v1).

use serde::Deserialize;

use super::routes::NumberType;
use super::wire;

/// The prices of a country's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices {
    /// The currency, such as `USD`.
    pub unit: Box<str>,
    /// By type: the account's own price a month, as the API writes it.
    pub monthly: Vec<(NumberType, Box<str>)>,
}

impl Prices {
    /// The price of a type; `None` where the API gives none.
    #[must_use]
    pub fn of(&self, kind: NumberType) -> Option<&str> {
        self.monthly.iter().find(|(known, _)| *known == kind).map(|(_, price)| &**price)
    }
}

/// Reads `/v1/PhoneNumbers/Countries/{Country}`.
///
/// # Errors
/// Says where the body stops being the API's.
pub fn read_prices(body: &[u8]) -> Result<Prices, String> {
    #[derive(Deserialize)]
    struct Country {
        price_unit: Box<str>,
        phone_number_prices: Vec<Price>,
    }
    #[derive(Deserialize)]
    struct Price {
        #[serde(default)]
        number_type: Option<String>,
        #[serde(default)]
        current_price: Option<serde_json::Value>,
    }
    let country = wire::read(body, serde_json::from_str::<Country>)?;
    let monthly = country
        .phone_number_prices
        .into_iter()
        .filter_map(|price| {
            // A text on the wire, a number in the description.
            let text = match price.current_price? {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((NumberType::parse(&price.number_type?)?, text.into()))
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
            [{"number_type":"local","base_price":"1.15","current_price":"1.00"},{"number_type":"toll free","current_price":2.15},{"number_type":"national","current_price":"3"}]}"#;
        let prices = read_prices(body).expect("prices");
        assert_eq!(prices.of(NumberType::Local), Some("1.00"));
        assert_eq!(prices.of(NumberType::TollFree), Some("2.15"));
        assert_eq!(prices.of(NumberType::Mobile), None);
    }
}

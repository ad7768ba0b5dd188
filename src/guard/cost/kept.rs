//! Answers of the pricing API that are good for a day.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::api::price::{Prices, read_prices};
use crate::model::tariff::{Country, KindOnBill, Tariff};

/// A price list is asked for again after this long.
const LASTS: Duration = Duration::from_secs(24 * 60 * 60);

/// The version of the text.
const VERSION: u32 = 1;

/// At most this many answers are kept: every country for a good many accounts.
const ENTRIES_MAX: usize = 10_000;

/// What the API answered within the last 24 hours, by the account and the address that was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeptPrices(BTreeMap<String, KeptEntry>);

#[derive(Debug, Clone, PartialEq)]
struct KeptEntry {
    /// When that was, since the epoch.
    at: Duration,
    what: KeptAnswer,
}

#[derive(Debug, Clone, PartialEq)]
enum KeptAnswer {
    Prices(Prices),
    Offer(Tariff),
}

impl KeptPrices {
    /// The price list that was answered under this key.
    #[must_use]
    pub fn prices(&self, key: &str, now: Duration) -> Option<&Prices> {
        match &self.young(key, now)?.what {
            KeptAnswer::Prices(prices) => Some(prices),
            KeptAnswer::Offer(_) => None,
        }
    }

    /// What the number that is available under this key is charged as.
    #[must_use]
    pub fn offer(&self, key: &str, now: Duration) -> Option<Tariff> {
        match self.young(key, now)?.what {
            KeptAnswer::Offer(tariff) => Some(tariff),
            KeptAnswer::Prices(_) => None,
        }
    }

    fn young(&self, key: &str, now: Duration) -> Option<&KeptEntry> {
        self.0.get(key).filter(|entry| is_young(entry.at, now))
    }

    /// Keeps a price list.
    pub fn keep_prices(&mut self, key: String, prices: Prices, now: Duration) {
        self.keep(key, KeptAnswer::Prices(prices), now);
    }

    /// Keeps what an offer said.
    pub fn keep_offer(&mut self, key: String, offer: Tariff, now: Duration) {
        self.keep(key, KeptAnswer::Offer(offer), now);
    }

    fn keep(&mut self, key: String, what: KeptAnswer, now: Duration) {
        self.0.retain(|_, entry| is_young(entry.at, now));
        if self.0.len() < ENTRIES_MAX {
            self.0.insert(key, KeptEntry { at: now, what });
        }
    }

    /// The text that [`KeptPrices::from_json`] reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut file = KeptJson { version: VERSION, answers: BTreeMap::new() };
        for (key, entry) in &self.0 {
            let mut json = EntryJson { at: entry.at.as_secs(), ..EntryJson::default() };
            match &entry.what {
                KeptAnswer::Prices(prices) => json.prices = Some(prices.to_json()),
                KeptAnswer::Offer(tariff) => {
                    json.country = tariff.country.map(|country| country.to_string());
                    json.kind = tariff.kind.map(|kind| kind.as_str().to_owned());
                }
            }
            file.answers.insert(key.clone(), json);
        }
        // Texts and integers always have a JSON.
        serde_json::to_string(&file).unwrap_or_default()
    }

    /// Reads what [`KeptPrices::to_json`] wrote. Whatever is broken in it is not there: it is asked for again.
    #[must_use]
    pub fn from_json(text: &str) -> Self {
        let Some(file) = serde_json::from_str::<KeptJson>(text).ok().filter(|file| file.version == VERSION)
        else {
            return Self::default();
        };
        let entry = |json: EntryJson| {
            let what = match json.prices {
                Some(prices) => KeptAnswer::Prices(read_prices(prices.to_string().as_bytes()).ok()?),
                None => KeptAnswer::Offer(Tariff {
                    country: json.country.as_deref().and_then(Country::observed),
                    kind: json.kind.as_deref().and_then(KindOnBill::observed),
                }),
            };
            Some(KeptEntry { at: Duration::from_secs(json.at), what })
        };
        let entries = file.answers.into_iter().filter_map(|(key, json)| Some((key, entry(json)?)));
        Self(entries.collect())
    }
}

/// Not from a clock that has been set back since, either: it would be young for ever.
fn is_young(at: Duration, now: Duration) -> bool {
    now.checked_sub(at).is_some_and(|age| age < LASTS)
}

#[derive(Serialize, Deserialize)]
struct KeptJson {
    version: u32,
    answers: BTreeMap<String, EntryJson>,
}

#[derive(Default, Serialize, Deserialize)]
struct EntryJson {
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prices: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prices() -> Prices {
        read_prices(
            br#"{"price_unit":"USD","phone_number_prices":[{"number_type":"local","current_price":"1.15"}]}"#,
        )
        .expect("prices")
    }

    #[test]
    fn an_answer_lasts_a_day_and_over_a_restart() {
        let day = LASTS;
        let mut kept = KeptPrices::default();
        kept.keep_prices("a".into(), prices(), day);
        let tariff = Tariff { country: Country::observed("GB"), kind: Some(KindOnBill::Mobile) };
        kept.keep_offer("b".into(), tariff, day);
        let kept = KeptPrices::from_json(&kept.to_json());
        let last = day * 2 - Duration::from_secs(1);
        assert_eq!(kept.prices("a", last), Some(&prices()));
        assert_eq!(kept.offer("b", last), Some(tariff));
        assert_eq!(kept.prices("b", last), None);
        for other in [day * 2, day - Duration::from_secs(1)] {
            assert_eq!((kept.prices("a", other), kept.offer("b", other)), (None, None), "{other:?}");
        }
    }

    #[test]
    fn what_is_broken_is_as_none() {
        for text in ["", "{", "[]", "null", r#"{"version":2,"answers":{"a":{"at":1}}}"#] {
            assert_eq!(KeptPrices::from_json(text), KeptPrices::default(), "{text}");
        }
        let half =
            r#"{"version":1,"answers":{"a":{"at":1,"prices":{"price_unit":5}},"b":{"at":1,"country":"DE"}}}"#;
        let kept = KeptPrices::from_json(half);
        assert_eq!(kept.prices("a", Duration::from_secs(1)), None);
        assert!(kept.offer("b", Duration::from_secs(1)).is_some());
    }
}

//! A number as `get` shows it: every field of the API's page and any other that came, in one
//! shape whichever form the API used.

use serde_json::{Map, Value};

use crate::secret_url;

/// Brings an item into the one shape: `configurations` with `friendly_name`, `status_callback` and
/// no `""`, since null and `""` are the same value.
#[must_use]
pub fn normal_form(item: Value) -> Value {
    let Value::Object(mut item) = item else {
        return item;
    };
    let singular = item.remove("configuration");
    let plural = item.remove("configurations");
    let mut configurations = match plural.or(singular) {
        Some(Value::Object(configurations)) => configurations,
        Some(_) | None => Map::new(),
    };
    if let Some(callback) = configurations.remove("status_callback_url") {
        configurations.entry("status_callback").or_insert(callback);
    }
    item.insert("configurations".into(), nulled(Value::Object(configurations)));
    Value::Object(item)
}

fn nulled(value: Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, nulled(value))).collect())
        }
        other => other,
    }
}

/// Masks the secrets of every URL in a value: passwords in webhook URLs are never shown (law 11).
#[must_use]
pub fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(secret_url::masked_in_text(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| match value {
                    // What is to be a URL may hold a password even where it is none.
                    Value::String(text) if is_url(&key) => (key, secret_url::masked(&text).into()),
                    other => (key, masked(other)),
                })
                .collect(),
        ),
        other => other,
    }
}

fn is_url(key: &str) -> bool {
    key.ends_with("url") || key == "status_callback"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_are_left_alone_and_passwords_are_not() {
        let item = json!({"friendly_name": "Sales: 24@7", "voice": {"url": "u:p@host", "fallback_url": "https://u:p@b.example/"}});
        let shown = json!({"friendly_name": "Sales: 24@7", "voice": {"url": "u:***@host", "fallback_url": "https://u:***@b.example/"}});
        assert_eq!(masked(item), shown);
        assert_eq!(
            masked(json!({"friendly_name": "see https://u:p@b"})),
            json!({"friendly_name": "see https://u:***@b"})
        );
    }

    #[test]
    fn both_forms_come_out_alike() {
        let singular =
            json!({"sid": "PN1", "configuration": {"status_callback_url": "", "voice": {"url": ""}}});
        let plural =
            json!({"sid": "PN1", "configurations": {"status_callback": null, "voice": {"url": null}}});
        assert_eq!(normal_form(singular), normal_form(plural));
    }
}

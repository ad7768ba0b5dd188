//! A number as `get` shows it: every field of the API's page and any other that came, in one
//! shape whichever form the API used.

use serde_json::{Map, Value};

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
        Value::String(text) => Value::String(crate::secret_url::masked(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, masked(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_come_out_alike() {
        let singular =
            json!({"sid": "PN1", "configuration": {"status_callback_url": "", "voice": {"url": ""}}});
        let plural =
            json!({"sid": "PN1", "configurations": {"status_callback": null, "voice": {"url": null}}});
        assert_eq!(normal_form(singular), normal_form(plural));
    }
}

//! A number as `get` shows it: every field of the API's page and any other that came, in one
//! shape whichever API served it, and in whichever form.

use serde_json::{Map, Value, json};

use super::routes::NumberType;
use super::wire::incoming::KEYS;
use crate::model::known_secrets::scrubbed;
use crate::model::provider::Api;
use crate::model::secret_url;

/// Brings a live number into the one shape, which is ActiveNumbers' own: `configurations` with
/// `friendly_name`, `status_callback` and no `""`, since null and `""` are the same value.
#[must_use]
pub fn normal_form(api: Api, item: Value) -> Value {
    let Value::Object(item) = item else {
        return item;
    };
    match api {
        Api::ActiveNumbers => of_active_numbers(item),
        Api::IncomingPhoneNumbers => of_incoming_phone_numbers(item),
    }
}

fn of_active_numbers(mut item: Map<String, Value>) -> Value {
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

/// What v2010 says about a number, in the shape of ActiveNumbers. What it does not say is null; what
/// ActiveNumbers has no place for stays where it was.
fn of_incoming_phone_numbers(mut item: Map<String, Value>) -> Value {
    let mut configurations = Map::new();
    let (mut voice, mut sms) = (Map::new(), Map::new());
    for &(key, field) in KEYS {
        let Some(value) = item.remove(key) else { continue };
        match field.json_name().split_once('.') {
            Some(("voice", name)) => voice.insert(name.to_owned(), value),
            Some((_, name)) => sms.insert(name.to_owned(), value),
            None => configurations.insert(key.to_owned(), value),
        };
    }
    for key in ["emergency_status", "emergency_address_status"] {
        if let Some(value) = item.remove(key) {
            voice.insert(key.to_owned(), value);
        }
    }
    configurations.insert("voice".into(), Value::Object(voice));
    configurations.insert("sms".into(), Value::Object(sms));
    let capabilities = capabilities(item.remove("capabilities"));
    let address = item.remove("address_requirements").unwrap_or(Value::Null);
    let lifecycle = lifecycle(item.remove("beta"));
    let uri = item.remove("uri").unwrap_or(Value::Null);
    item.insert("url".into(), uri);
    item.insert("capabilities".into(), capabilities);
    item.insert("regulatory".into(), json!({ "address_requirements": address }));
    item.insert("lifecycle".into(), lifecycle);
    item.insert("configurations".into(), nulled(Value::Object(configurations)));
    // v2010 does not say where a number is.
    item.insert("geography".into(), json!({ "iso_country": null }));
    Value::Object(item)
}

/// Brings an available number into the one shape, AvailableNumbers' own. `monthly` is its price.
#[must_use]
pub fn offered_form(api: Api, kind: Option<NumberType>, item: Value, monthly: Option<&str>) -> Value {
    let mut item = match (api, item) {
        (Api::IncomingPhoneNumbers, Value::Object(item)) => item,
        (_, item) => return item,
    };
    let mut geography = Map::new();
    for key in
        ["iso_country", "lata", "rate_center", "latitude", "longitude", "region", "locality", "postal_code"]
    {
        geography.insert(key.to_owned(), item.remove(key).unwrap_or(Value::Null));
    }
    let capabilities = capabilities(item.remove("capabilities"));
    let address = item.remove("address_requirements").unwrap_or(Value::Null);
    let lifecycle = lifecycle(item.remove("beta"));
    item.insert("capabilities".into(), capabilities);
    item.insert("regulatory".into(), json!({ "address_requirements": address }));
    item.insert("lifecycle".into(), lifecycle);
    item.insert("geography".into(), nulled(Value::Object(geography)));
    if let Some(kind) = kind {
        item.insert("type".into(), kind.as_str().into());
    }
    if let Some(monthly) = monthly {
        item.insert("base_recurring_price".into(), monthly.into());
    }
    Value::Object(item)
}

/// `{"voice":true,"SMS":true}` as groups; a capability that is not there is null.
fn capabilities(value: Option<Value>) -> Value {
    let Some(Value::Object(flags)) = value else { return Value::Null };
    let flag = |name: &str| {
        flags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_bool())
    };
    let group = |name: &str| match flag(name) {
        Some(true) => json!({ "inbound_connectivity": true, "outbound_connectivity": true }),
        Some(false) | None => Value::Null,
    };
    let mut voice = group("voice");
    if let (Value::Object(voice), Some(fax)) = (&mut voice, flag("fax")) {
        voice.insert("fax".into(), fax.into());
    }
    json!({ "voice": voice, "sms": group("sms"), "mms": group("mms") })
}

fn lifecycle(beta: Option<Value>) -> Value {
    match beta {
        Some(Value::Bool(true)) => "beta".into(),
        Some(Value::Bool(false)) => "generally-available".into(),
        Some(_) | None => Value::Null,
    }
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
                .map(|(key, value)| (scrubbed(&key).into_owned(), value))
                .map(|(key, value)| match value {
                    // What is to be a URL may hold a password even where it is not one.
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
    use crate::model::settings::Field;
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
        let normal = |item| normal_form(Api::ActiveNumbers, item);
        assert_eq!(normal(singular), normal(plural));
    }

    #[test]
    fn both_apis_come_out_alike() {
        let flat = json!({"sid": "PN1", "phone_number": "+1555", "voice_url": "https://a.example", "sms_url": "", "trunk_sid": null,
            "friendly_name": "a", "capabilities": {"voice": true, "SMS": true, "mms": false}, "beta": false, "address_requirements": "none", "type": "local"});
        let flat = normal_form(Api::IncomingPhoneNumbers, flat);
        for (pointer, value) in [
            ("/configurations/voice/url", json!("https://a.example")),
            ("/configurations/sms/url", Value::Null),
            ("/configurations/friendly_name", json!("a")),
            ("/capabilities/sms/inbound_connectivity", json!(true)),
            ("/capabilities/mms", Value::Null),
            ("/lifecycle", json!("generally-available")),
            ("/regulatory/address_requirements", json!("none")),
        ] {
            assert_eq!(flat.pointer(pointer), Some(&value), "{pointer}");
        }
        assert_eq!(flat.get("voice_url"), None);
    }

    #[test]
    fn the_flat_keys_are_those_of_every_field_of_a_number() {
        // Its Messaging Service is not on the number.
        let on_the_number = Field::all().filter(|field| *field != Field::SmsServiceSid);
        assert!(KEYS.iter().map(|(_, field)| *field).eq(on_the_number));
    }
}

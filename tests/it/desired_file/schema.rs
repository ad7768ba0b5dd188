//! The JSON Schema against the parser.

use numctl::desired::Limit;
use numctl::desired::schema::schema;

use super::{SAMPLE, parsed};

/// The keywords of JSON Schema that ours uses; panics on any other, so that none goes unchecked.
fn accepts(root: &serde_json::Value, schema: &serde_json::Value, value: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    let Json::Object(keywords) = schema else { return schema != &Json::Bool(false) };
    keywords.iter().all(|(keyword, argument)| match keyword.as_str() {
        "$schema" | "title" | "description" | "$defs" | "default" => true,
        "$ref" => {
            let name =
                argument.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a local $ref");
            accepts(root, &root["$defs"][name], value)
        }
        "type" => {
            let is = |kind: &Json| match kind.as_str().expect("a type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("type {other}"),
            };
            argument.as_array().map_or_else(|| is(argument), |kinds| kinds.iter().any(is))
        }
        "const" => argument == value,
        "enum" => argument.as_array().expect("an enum").contains(value),
        "anyOf" => argument.as_array().expect("anyOf").iter().any(|one| accepts(root, one, value)),
        "required" => argument
            .as_array()
            .expect("required")
            .iter()
            .all(|key| value.as_object().is_none_or(|map| map.contains_key(key.as_str().expect("a key")))),
        "properties" => value.as_object().is_none_or(|map| {
            map.iter().all(|(key, value)| argument.get(key).is_none_or(|schema| accepts(root, schema, value)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known =
                |key: &String| keywords.get("properties").is_some_and(|known| known.get(key).is_some());
            map.iter().filter(|(key, _)| !known(key)).all(|(_, value)| accepts(root, argument, value))
        }),
        "items" => {
            value.as_array().is_none_or(|list| list.iter().all(|value| accepts(root, argument, value)))
        }
        "minProperties" => {
            value.as_object().is_none_or(|map| map.len() as u64 >= argument.as_u64().expect("a count"))
        }
        "maxProperties" => {
            value.as_object().is_none_or(|map| map.len() as u64 <= argument.as_u64().expect("a count"))
        }
        // An annotation: what a time is, the parser says.
        "format" => true,
        "minItems" => {
            value.as_array().is_none_or(|list| list.len() as u64 >= argument.as_u64().expect("a count"))
        }
        "minLength" => {
            value.as_str().is_none_or(|s| s.chars().count() as u64 >= argument.as_u64().expect("a count"))
        }
        "maxLength" => {
            value.as_str().is_none_or(|s| s.chars().count() as u64 <= argument.as_u64().expect("a count"))
        }
        "minimum" => value.as_f64().is_none_or(|n| n >= argument.as_f64().expect("a bound")),
        "maximum" => value.as_f64().is_none_or(|n| n <= argument.as_f64().expect("a bound")),
        "pattern" => {
            value.as_str().is_none_or(|text| matches_pattern(argument.as_str().expect("a pattern"), text))
        }
        other => panic!("the test does not know the keyword {other}"),
    })
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if let Some((before, rest)) = pattern.split_once("[0-9a-fA-F]{32}") {
        let clearable = rest == ")?$";
        let prefix = before.trim_start_matches(['^', '(']);
        let hex = |rest: &str| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit());
        return (clearable && text.is_empty()) || text.strip_prefix(prefix).is_some_and(hex);
    }
    match pattern {
        r"^(\+[1-9][0-9]{5,14}|[1-9][0-9]{2,7})$" => {
            let rest = text.strip_prefix('+');
            let long = rest.is_some_and(|r| (6..=15).contains(&r.len()) && !r.starts_with('0') && digits(r));
            long || ((3..=8).contains(&text.len()) && !text.starts_with('0') && digits(text))
        }
        "^[A-Z][A-Z0-9_]{0,63}$" => numctl::desired::EnvPrefix::parse(text).is_some(),
        "^([01][0-9]|2[0-3]):[0-5][0-9]$" => {
            matches!(text.as_bytes(), [a, b, b':', c, d] if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
                && text < "24:00"
                && text.as_bytes()[3] < b'6'
        }
        "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$" => numctl::desired::SecretName::parse(text).is_some(),
        "^[0-9][0-9a-zA-Z ]*[a-zA-Z]$" => {
            text.starts_with(|c: char| c.is_ascii_digit())
                && text.ends_with(|c: char| c.is_ascii_alphabetic())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ')
        }
        "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$" => numctl::model::provider::HostLabel::parse(text).is_some(),
        "^(100|[1-9]?[0-9])%$" => {
            text.ends_with('%') && matches!(Limit::parse(text), Some(Limit::Percent(_)))
        }
        "^[a-z][a-z0-9-]{0,23}$" => numctl::model::claim::ClaimName::parse(text).is_some(),
        "^[A-Za-z]{2}$" => text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic()),
        r"^([hH][tT][tT][pP][sS]?://[^/\s{}<>]([^\s{}<>]|\$\{secret:[A-Za-z0-9_][A-Za-z0-9_-]*\})*)?$" => {
            let named = text.replace("${secret:webhook}", "named");
            let (text, lower) = (named.as_str(), named.to_lowercase());
            let rest = lower.strip_prefix("https://").or(lower.strip_prefix("http://"));
            text.is_empty()
                || rest
                    .is_some_and(|r| !r.is_empty() && !r.starts_with('/') && !r.contains(char::is_whitespace))
                    && !text.contains(['{', '}', '<', '>'])
        }
        "^([gG][eE][tT]|[pP][oO][sS][tT])?$" => {
            text.is_empty() || ["get", "post"].contains(&text.to_lowercase().as_str())
        }
        r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})? [A-Z]{3}$" => {
            numctl::model::money::Money::parse(text).is_some()
        }
        other => panic!("the test does not know the pattern {other}"),
    }
}

#[test]
fn the_schema_accepts_what_the_parser_accepts_and_refuses_what_it_can() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let takes = |text: &str| {
        let value: serde_json::Value = serde_yaml::from_str(text).expect("YAML");
        accepts(&schema, &schema, &value)
    };
    assert!(takes(SAMPLE));
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("examples")).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let text = std::fs::read_to_string(entry.path()).expect("an example");
            parsed(&text);
            assert!(takes(&text), "{}", entry.path().display());
        }
    }
    assert!(takes(
        "version: 1\nnumbers: [{ phone_number: '88811', voice: { url: null, caller_id_lookup: '' } }]"
    ));
    assert!(takes(
        "version: 1\nnumbers: [{ phone_number: '88811', voice: { url: 'https://u:${secret:webhook}@a.example' } }]"
    ));
    // What a schema cannot see: references, doubled numbers, merged settings, syntax, the end marker.
    let beyond = [
        "account_not_said",
        "account_sid_twice",
        "account_undeclared",
        "account_unknown",
        "account_unknown_in_defaults",
        "application_and_trunk",
        "application_and_trunk_from_layers",
        "claim_elsewhere",
        "claim_rate_center",
        "control_escaped",
        "doubled_account",
        "doubled_key",
        "doubled_profile",
        "doubled_section",
        "fallback_without_url",
        "merge_key_in_profiles",
        "number_unknown_code",
        "parent_cycle",
        "parent_itself",
        "parent_two_levels",
        "parent_unknown",
        "profile_none",
        "profile_unknown",
        "quarantine_account_unknown",
        "quarantine_half_days",
        "quarantine_strangers",
        "quarantine_undeclared",
        "release_guard_long",
        "release_numbers_empty",
        "release_numbers_missing",
        "release_without_end",
        "released_and_protected",
        "released_and_protected_by_profile",
        "secret_as_account",
        "sms_fallback_without_url",
        "url_port",
    ];
    let mut refused = 0;
    let mut accepted = Vec::new();
    for entry in std::fs::read_dir(root.join("tests/it/bad")).expect("bad inputs").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".yaml") else { continue };
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        let Ok(value) = serde_yaml::from_str::<serde_json::Value>(&text) else { continue };
        if accepts(&schema, &schema, &value) {
            accepted.push(stem.to_owned());
        } else {
            refused += 1;
        }
    }
    accepted.sort();
    assert_eq!(accepted, beyond, "the schema accepts these");
    assert!(refused >= 50, "{refused}");
}

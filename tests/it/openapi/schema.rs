//! The part of JSON Schema that Twilio's description uses, and its formats. What it does not know it refuses
//! to check at all: a keyword that is passed over would pass everything.

use serde_json::{Map, Value};

/// Keywords that say nothing about a value.
const SILENT: &[&str] = &["description", "title", "example", "examples", "default", "deprecated"];
const KNOWN: &[&str] = &[
    "$ref",
    "enum",
    "format",
    "items",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "required",
    "type",
];

/// What is wrong, and where: `accounts[0].sid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) place: String,
    pub(super) kind: Kind,
    pub(super) said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value is not as described.
    Value,
    /// The value is the empty string, and the description does not allow that.
    Empty,
    /// A key that the description does not have.
    Unknown,
    /// A key of the description that is not there.
    Absent,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({:?})", self.place, self.said, self.kind)
    }
}

/// A document with schemas in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checker<'a> {
    pub(super) document: &'a Value,
    /// Whether objects must have every described key and no other. Twilio's description of answers requires
    /// none.
    pub(super) whole: bool,
}

impl<'a> Checker<'a> {
    /// Follows `$ref`.
    fn resolve<'s>(&self, schema: &'s Value) -> &'s Map<String, Value>
    where
        'a: 's,
    {
        let object = schema.as_object().expect("a schema is an object");
        for keyword in object.keys() {
            let known = KNOWN.contains(&keyword.as_str()) || SILENT.contains(&keyword.as_str());
            assert!(known || keyword.starts_with("x-"), "a keyword that is not checked: {keyword}");
        }
        match object.get("$ref").and_then(Value::as_str) {
            None => object,
            Some(target) => {
                let pointer = target.strip_prefix('#').expect("a reference in the same document");
                self.resolve(self.document.pointer(pointer).unwrap_or_else(|| panic!("no {target}")))
            }
        }
    }

    /// Whether the schema wants a number or a truth value: parameters come as text.
    pub(super) fn parsed(&self, schema: &Value, text: &str) -> Value {
        let parsed = match self.resolve(schema).get("type").and_then(Value::as_str) {
            Some("integer" | "number") => {
                serde_json::from_str(text).ok().filter(|value: &Value| value.is_number())
            }
            Some("boolean") => text.parse().ok().map(Value::Bool),
            _ => None,
        };
        parsed.unwrap_or_else(|| text.into())
    }

    pub(super) fn check(&self, place: &str, schema: &Value, value: &Value, found: &mut Vec<Finding>) {
        let mut say = |kind, said: String| found.push(Finding { place: place.to_owned(), kind, said });
        let is_nullable = |schema: &Value| schema["nullable"] == true;
        let resolved = self.resolve(schema);
        if value.is_null() {
            // The flag may stand beside a reference.
            if !is_nullable(schema) && resolved.get("nullable") != Some(&Value::Bool(true)) {
                say(Kind::Value, "null".to_owned());
            }
            return;
        }
        let word = |name: &str| resolved.get(name).and_then(Value::as_str);
        let count = |name: &str| resolved.get(name).and_then(Value::as_u64);
        // The description's own word for what it describes otherwise.
        let other = resolved.get("x-twilio").and_then(|more| more["overrideType"].as_str());
        let wanted = other.or(word("type"));
        let is_type = match wanted {
            None => true,
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some(other) => panic!("a type that is not checked: {other}"),
        };
        if !is_type {
            say(Kind::Value, format!("{value} is not of type {}", wanted.unwrap_or_default()));
            return;
        }
        let allowed = resolved.get("enum").and_then(Value::as_array);
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            say(Kind::Value, format!("{value} is not one of {}", resolved["enum"]));
        }
        let limit = |name: &str| resolved.get(name).and_then(Value::as_f64).zip(value.as_f64());
        if limit("minimum").is_some_and(|(least, value)| value < least)
            || limit("maximum").is_some_and(|(most, value)| value > most)
        {
            say(Kind::Value, format!("{value} is out of bounds"));
        }
        if let Some(text) = value.as_str() {
            let length = text.chars().count() as u64;
            let wrong = [
                ("length", count("minLength").is_some_and(|least| length < least)),
                ("length", count("maxLength").is_some_and(|most| length > most)),
                ("pattern", word("pattern").is_some_and(|pattern| !matches(pattern, text))),
                ("format", word("format").is_some_and(|format| !is_in_format(format, text))),
            ];
            if let Some((what, _)) = wrong.iter().find(|(_, wrong)| *wrong) {
                let kind = if text.is_empty() { Kind::Empty } else { Kind::Value };
                let rule = word("pattern").or(word("format")).unwrap_or_default();
                say(kind, format!("{value} breaks its {what} ({rule})"));
            }
        }
        if let (Some(rows), Some(schema)) = (value.as_array(), resolved.get("items")) {
            for (at, row) in rows.iter().enumerate() {
                self.check(&format!("{place}[{at}]"), schema, row, found);
            }
        }
        if let Some(object) = value.as_object() {
            self.check_object(place, resolved, object, found);
        }
    }

    fn check_object(
        &self,
        place: &str,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        found: &mut Vec<Finding>,
    ) {
        let under = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
        if let Some("uri-map") = schema.get("format").and_then(Value::as_str) {
            for (key, value) in object {
                if !value.as_str().is_some_and(|uri| is_in_format("uri", uri)) {
                    let said = format!("{value} is not a URI");
                    found.push(Finding { place: under(key), kind: Kind::Value, said });
                }
            }
            return;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (key, value) in object {
            match properties.get(key) {
                Some(schema) => self.check(&under(key), schema, value, found),
                None => {
                    let said = "the description does not have it".to_owned();
                    found.push(Finding { place: under(key), kind: Kind::Unknown, said });
                }
            }
        }
        let required: Vec<&str> = match schema.get("required").and_then(Value::as_array) {
            _ if self.whole => properties.keys().map(String::as_str).collect(),
            Some(required) => required.iter().filter_map(Value::as_str).collect(),
            None => Vec::new(),
        };
        for key in required.into_iter().filter(|key| !object.contains_key(*key)) {
            found.push(Finding { place: under(key), kind: Kind::Absent, said: "it is not there".to_owned() });
        }
    }
}

/// The sorts of pattern in use: `^PN[0-9a-fA-F]{32}$`, `^(SM|MM)[0-9a-fA-F]{32}$`, or any two letters first.
fn matches(pattern: &str, text: &str) -> bool {
    let is_hex = |hex: &str| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    if pattern == "^[a-zA-Z]{2}[0-9a-fA-F]{32}$" {
        let (letters, hex) = text.split_at_checked(2).unwrap_or_default();
        return letters.bytes().all(|b| b.is_ascii_alphabetic()) && is_hex(hex);
    }
    let prefixes = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix("[0-9a-fA-F]{32}$"));
    let prefixes = prefixes.map(|all| all.trim_start_matches('(').trim_end_matches(')'));
    let is_plain = |all: &&str| all.bytes().all(|b| b.is_ascii_uppercase() || b == b'|');
    let prefixes =
        prefixes.filter(is_plain).unwrap_or_else(|| panic!("a pattern that is not checked: {pattern}"));
    prefixes.split('|').any(|prefix| text.strip_prefix(prefix).is_some_and(is_hex))
}

fn is_in_format(format: &str, text: &str) -> bool {
    match format {
        // Enumerated as well.
        "http-method" => true,
        "int64" | "phone-number-capabilities" | "phone-number-price" => true,
        "currency" => text.len() == 3 && text.bytes().all(|b| b.is_ascii_alphabetic()),
        "uri" => is_uri(text),
        "phone-number" => {
            let digits = text.strip_prefix('+').unwrap_or_default();
            (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        }
        "iso-country-code" => text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase()),
        "date-time-rfc-2822" => is_date(text),
        // Twilio's own words on these parameters ask for `YYYY-MM-DD`.
        "date-time" => {
            let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
            let parts: Vec<&str> = date.split('-').collect();
            let is_digits = |part: &&str| part.bytes().all(|b| b.is_ascii_digit());
            date.len() == 10 && parts.len() == 3 && parts.iter().all(is_digits) && time.ends_with('Z')
        }
        other => panic!("a format that is not checked: {other}"),
    }
}

/// Absolute, or relative to the host, as Twilio's own examples are.
fn is_uri(text: &str) -> bool {
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    let is_absolute = || url::Url::parse(text).is_ok_and(|url| url.has_host());
    is_plain && ((text.starts_with('/') && !text.starts_with("//")) || is_absolute())
}

/// `Thu, 30 Jul 2015 23:19:04 +0000`, with the weekday that the date has.
fn is_date(text: &str) -> bool {
    // The strict form of HTTP, but for the zone.
    let Some(rest) = text.strip_suffix(" +0000") else { return false };
    let strict = format!("{rest} GMT");
    httpdate::parse_http_date(&strict).is_ok_and(|date| httpdate::fmt_http_date(date) == strict)
}

mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "row": {
                "type": "object",
                "properties": {
                    "sid": {"type": "string", "pattern": "^PN[0-9a-fA-F]{32}$", "minLength": 34, "maxLength": 34},
                    "name": {"type": "string", "nullable": true},
                    "kind": {"$ref": "#/kind"},
                    "born": {"type": "string", "format": "date-time-rfc-2822"},
                    "link": {"type": "string", "format": "uri", "nullable": true},
                    "links": {"type": "object", "format": "uri-map"},
                    "count": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "price": {"type": "number"},
                    "paid": {"type": "number", "x-twilio": {"overrideType": "string"}},
                    "on": {"type": "boolean"},
                    "number": {"type": "string", "format": "phone-number"},
                    "country": {"type": "string", "format": "iso-country-code"},
                },
            },
            "kind": {"type": "string", "enum": ["local", "mobile"]},
            "rows": {"type": "array", "items": {"$ref": "#/row"}},
            "form": {"type": "object", "required": ["A"], "properties": {"A": {"type": "string"}, "B": {}}},
        })
    }

    fn good() -> Value {
        json!({
            "sid": format!("PN{}", "0a".repeat(16)), "name": null, "kind": "local",
            "born": "Thu, 30 Jul 2015 23:19:04 +0000", "link": "/2010?a=%2B", "links": {"a": "https://a.example/b"},
            "count": 1000, "price": 1.5, "paid": "1.50", "on": false, "number": "+15552230000", "country": "GB",
        })
    }

    fn findings(schema: &str, whole: bool, value: &Value) -> Vec<(String, Kind)> {
        let document = document();
        let mut found = Vec::new();
        Checker { document: &document, whole }.check("", &document[schema], value, &mut found);
        found.into_iter().map(|finding| (finding.place, finding.kind)).collect()
    }

    #[test]
    fn passes_what_is_as_described() {
        assert_eq!(findings("row", true, &good()), []);
        assert_eq!(findings("rows", true, &json!([good(), good()])), []);
        assert_eq!(findings("form", false, &json!({"A": "", "B": 1})), []);
        assert_eq!(findings("row", false, &json!({})), []);
    }

    #[test]
    fn refuses_each_value_that_is_not() {
        let wrong = [
            ("sid", json!("PN1"), Kind::Value),
            ("sid", json!(format!("AC{}", "0".repeat(32))), Kind::Value),
            ("sid", json!(format!("PN{}", "g".repeat(32))), Kind::Value),
            ("sid", json!(""), Kind::Empty),
            ("sid", json!(null), Kind::Value),
            ("name", json!(1), Kind::Value),
            ("kind", json!("Local"), Kind::Value),
            ("kind", json!(null), Kind::Value),
            ("born", json!("2015-07-30T23:19:04Z"), Kind::Value),
            ("born", json!("Fri, 30 Jul 2015 23:19:04 +0000"), Kind::Value),
            ("born", json!("Thu, 30 Jul 2015 23:19:04 GMT"), Kind::Value),
            ("link", json!("example"), Kind::Value),
            ("link", json!("//example.com/"), Kind::Value),
            ("link", json!("/a b"), Kind::Value),
            ("link", json!(""), Kind::Empty),
            ("count", json!(0), Kind::Value),
            ("count", json!(1001), Kind::Value),
            ("count", json!("7"), Kind::Value),
            ("count", json!(1.5), Kind::Value),
            ("price", json!("1.50"), Kind::Value),
            ("paid", json!(1.5), Kind::Value),
            ("on", json!("false"), Kind::Value),
            ("number", json!("15552230000"), Kind::Value),
            ("number", json!("+1555223000000000"), Kind::Value),
            ("country", json!("gb"), Kind::Value),
            ("colour", json!("red"), Kind::Unknown),
        ];
        for (key, value, kind) in wrong {
            let mut row = good();
            row[key] = value.clone();
            assert_eq!(findings("row", true, &row), [(key.to_owned(), kind)], "{key}: {value}");
            let nested = format!("[1].{key}");
            assert_eq!(findings("rows", true, &json!([good(), row])), [(nested, kind)], "{key}: {value}");
        }
        let mut row = good();
        row["links"] = json!({"a": "b"});
        assert_eq!(findings("row", true, &row), [("links.a".to_owned(), Kind::Value)]);
        assert_eq!(findings("rows", true, &good()), [(String::new(), Kind::Value)]);
    }

    #[test]
    fn refuses_what_lacks_a_key() {
        let mut row = good();
        row.as_object_mut().expect("an object").remove("on");
        assert_eq!(findings("row", true, &row), [("on".to_owned(), Kind::Absent)]);
        assert_eq!(findings("form", false, &json!({"B": 1})), [("A".to_owned(), Kind::Absent)]);
    }

    #[test]
    #[should_panic(expected = "a keyword that is not checked: oneOf")]
    fn will_not_pass_over_a_keyword() {
        let document = json!({"oneOf": []});
        Checker { document: &document, whole: true }.check("", &document, &json!(1), &mut Vec::new());
    }

    #[test]
    #[should_panic(expected = "a pattern that is not checked")]
    fn will_not_pass_over_a_pattern() {
        let document = json!({"type": "string", "pattern": "^a+$"});
        Checker { document: &document, whole: true }.check("", &document, &json!("a"), &mut Vec::new());
    }
}

//! A field of the file, explained from the same table as the JSON Schema, and from the table of settings.

use serde_json::{Value, json};

use crate::model::provider::Api;
use crate::model::settings::{Field, Parameter};

use super::schema::schema;
use super::suggest::nearest;

/// What there is to say of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The whole path: `numbers[].voice.url`.
    pub path: String,
    /// What it holds, in a few words.
    pub kind: String,
    /// What counts where it is left out.
    pub default: String,
    /// The parameter that each API is sent, where it is a setting.
    pub apis: Vec<(&'static str, String)>,
    /// Where it can stand too.
    pub also_in: Vec<&'static str>,
    pub meaning: String,
    /// What Twilio does with it.
    pub vendors: &'static str,
    /// A line of a file.
    pub example: String,
    /// The fields of a mapping: name, type, meaning.
    pub fields: Vec<(String, String, String)>,
}

impl Explained {
    /// The same for machines.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let apis: serde_json::Map<String, Value> =
            self.apis.iter().map(|(api, name)| ((*api).to_owned(), json!(name))).collect();
        let fields: Vec<Value> = self
            .fields
            .iter()
            .map(|(name, kind, meaning)| json!({ "name": name, "type": kind, "description": meaning }))
            .collect();
        json!({
            "field": self.path,
            "type": self.kind,
            "default": self.default,
            "api_parameters": apis,
            "also_in": self.also_in,
            "description": self.meaning,
            "vendor": self.vendors,
            "example": self.example,
            "fields": fields,
        })
    }
}

/// Explains the field at a path: from the top (`policy.unlisted`), or as a number has it
/// (`voice.url`). The empty path is the file.
///
/// # Errors
/// The nearest paths, where there is none like it.
pub fn explain(path: &str) -> Result<Explained, Vec<String>> {
    let root = schema();
    let steps: Vec<&str> =
        path.split('.').map(|step| step.trim_end_matches("[]")).filter(|step| !step.is_empty()).collect();
    let at_top = find(&root, &root, &steps, String::new());
    // A setting is looked for where people write it, and `name` and the like where they are.
    let found = at_top.or_else(|| {
        ["numbers", "claims", "accounts.NAME", "policy"].into_iter().find_map(|base| {
            let mut whole: Vec<&str> = base.split('.').collect();
            whole.extend(&steps);
            find(&root, &root, &whole, String::new())
        })
    });
    match found {
        Some((schema, path)) => Ok(explained(&root, schema, path)),
        None => Err(nearest_paths(&root, &steps)),
    }
}

fn explained(root: &Value, node: &Value, path: String) -> Explained {
    let target = resolved(root, node);
    let said = description(node, target);
    let (meaning, default) = parted(&said);
    let setting = Field::all().find(|field| path.strip_prefix("numbers[].") == Some(field.json_name()));
    let apis = setting.map(parameters).unwrap_or_default();
    let default = match (setting, default) {
        (Some(_), _) => "left as it is; null or \"\" clears it".to_owned(),
        (None, default) => default,
    };
    let leaf = path.rsplit('.').next().unwrap_or_default().trim_end_matches("[]").to_owned();
    Explained {
        kind: kind(root, node),
        default,
        apis,
        also_in: match setting {
            Some(Field::FriendlyName) => vec!["profiles.NAME", "claims[]"],
            Some(_) => vec!["defaults", "profiles.NAME", "claims[]"],
            None => Vec::new(),
        },
        meaning,
        vendors: setting.map_or("", vendors),
        example: example(&leaf, target),
        fields: fields(root, target),
        path: if path.is_empty() { "the file".to_owned() } else { path },
    }
}

fn parameters(field: Field) -> Vec<(&'static str, String)> {
    let apis =
        [("active-numbers", Api::ActiveNumbers), ("incoming-phone-numbers", Api::IncomingPhoneNumbers)];
    apis.into_iter()
        .map(|(name, api)| {
            let said = match field.parameter(api) {
                Parameter::Documented(parameter) => parameter.to_owned(),
                Parameter::ByScheme(parameter) => format!("{parameter}, which the reference does not list"),
                Parameter::Membership => "set at the Messaging Service".to_owned(),
                Parameter::None => "not possible".to_owned(),
            };
            (name, said)
        })
        .collect()
}

/// Follows `$ref`, and the one schema of an `anyOf` that is not null.
fn resolved<'a>(root: &'a Value, mut node: &'a Value) -> &'a Value {
    loop {
        if let Some(target) =
            node["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#')))
        {
            node = target;
            continue;
        }
        let choices = node["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut real = choices.iter().filter(|choice| choice["type"] != "null");
        match (real.next(), real.next()) {
            (Some(one), None) => node = one,
            _ => return node,
        }
    }
}

fn find<'a>(root: &'a Value, node: &'a Value, steps: &[&str], path: String) -> Option<(&'a Value, String)> {
    let target = resolved(root, node);
    let Some((step, rest)) = steps.split_first() else { return Some((node, path)) };
    if let Some(items) = target.get("items") {
        return find(root, items, steps, format!("{path}[]"));
    }
    let dot = if path.is_empty() { "" } else { "." };
    if let Some(child) = target["properties"].get(*step) {
        return find(root, child, rest, format!("{path}{dot}{step}"));
    }
    // Any name, such as a profile's.
    let named = target.get("additionalProperties").filter(|named| named.is_object())?;
    // `accounts.sid` is meant as `accounts.NAME.sid`.
    let is_field = resolved(root, named)["properties"].get(*step).is_some();
    let (first, second) = if is_field { (steps, rest) } else { (rest, steps) };
    find(root, named, first, format!("{path}{dot}NAME"))
        .or_else(|| find(root, named, second, format!("{path}{dot}NAME")))
}

fn description(node: &Value, target: &Value) -> String {
    let said = node["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The default is a part of what a field's documentation says.
fn parted(said: &str) -> (String, String) {
    match said.split_once("Default: ") {
        Some((meaning, default)) => (meaning.trim_end().to_owned(), default.trim_end_matches('.').to_owned()),
        None => (said.to_owned(), String::new()),
    }
}

fn kind(root: &Value, node: &Value) -> String {
    let choices = node["anyOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_nullable = choices.iter().any(|choice| choice["type"] == "null")
        || node["type"].as_array().is_some_and(|types| types.iter().any(|one| one == "null"));
    let target = resolved(root, node);
    let null = if is_nullable { ", or null" } else { "" };
    let word = |word: &Value| match word.as_str() {
        Some("string") => Some("text"),
        Some("integer" | "number") => Some("number"),
        Some("boolean") => Some("true or false"),
        Some("object") => Some("mapping"),
        Some("array") => Some("list"),
        Some(_) | None => None,
    };
    if let Some(only) = target.get("const") {
        return only.to_string();
    }
    if let Some(values) = target["enum"].as_array() {
        let values: Vec<String> =
            values.iter().filter(|one| !one.is_null()).map(|one| one.to_string().replace('"', "")).collect();
        return format!("{}{null}", values.join(" | "));
    }
    if let Some(choices) = target["anyOf"].as_array() {
        let mut kinds: Vec<String> =
            choices.iter().filter(|one| one["type"] != "null").map(|one| self::kind(root, one)).collect();
        kinds.dedup();
        return format!("{}{null}", kinds.join(" or "));
    }
    let base = match &target["type"] {
        Value::Array(types) => types.iter().filter_map(word).collect::<Vec<_>>().join(" or "),
        one => word(one).unwrap_or("text").to_owned(),
    };
    let said = match (target["format"].as_str(), target["pattern"].as_str()) {
        (Some("date-time"), _) => "a time such as 2026-12-01T09:00:00Z",
        (_, Some(pattern)) => words_of(pattern),
        (Some(_) | None, None) => "",
    };
    if said.is_empty() { format!("{base}{null}") } else { format!("{said}{null}") }
}

/// What a pattern of the schema asks for, in words; empty where it says no more than the field's name.
fn words_of(pattern: &str) -> &'static str {
    let sids = [
        ("AC[", "AC and 32 hexadecimal digits"),
        ("(AD[", "AD and 32 hexadecimal digits"),
        ("(AP[", "AP and 32 hexadecimal digits"),
        ("(BU[", "BU and 32 hexadecimal digits"),
        ("(MG[", "MG and 32 hexadecimal digits"),
        ("(RI[", "RI and 32 hexadecimal digits"),
        ("(TK[", "TK and 32 hexadecimal digits"),
        ("([hH][tT][tT][pP]", "a URL: https:// or http://"),
        ("([gG][eE][tT]", "GET or POST"),
        ("(\\+[1-9]", "a number such as +15552230000, or a short code"),
        ("(100|[1-9]?[0-9])%", "a share such as 5%"),
        ("(0|[1-9][0-9]{0,11})", "an amount such as 25 USD"),
        ("([01][0-9]|2[0-3])", "a time such as 09:00"),
        ("[0-9][0-9a-zA-Z ]*", "a duration such as 30d"),
        ("[A-Za-z]{2}$", "two letters"),
        ("[A-Z][A-Z0-9_]", "capitals, digits and _"),
        ("[A-Za-z0-9_-]", "the name of a file"),
        ("[a-z0-9](", "lower-case letters, digits and hyphens"),
        ("[a-z][a-z0-9-]", "lower-case letters, digits and hyphens"),
    ];
    let start = pattern.trim_start_matches('^');
    sids.iter().find(|(begins, _)| start.starts_with(begins)).map_or("", |(_, words)| words)
}

fn fields(root: &Value, target: &Value) -> Vec<(String, String, String)> {
    let target = match (target.get("items"), target.get("additionalProperties").filter(|one| one.is_object()))
    {
        (Some(items), _) => resolved(root, items),
        (None, Some(named)) => resolved(root, named),
        (None, None) => target,
    };
    let Some(properties) = target["properties"].as_object() else { return Vec::new() };
    properties
        .iter()
        .map(|(name, node)| {
            let said = description(node, resolved(root, node));
            (name.clone(), kind(root, node), said)
        })
        .collect()
}

/// The paths with the same last step, else those with the nearest name.
fn nearest_paths(root: &Value, steps: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    collect(root, root, String::new(), 0, &mut all);
    let Some(last) = steps.last() else { return Vec::new() };
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let same: Vec<String> = all.iter().filter(|path| leaf(path) == *last).take(4).cloned().collect();
    if !same.is_empty() {
        return same;
    }
    let leaves: Vec<String> = all.iter().map(|path| leaf(path)).collect();
    let Some(near) = nearest(last, leaves.iter().map(String::as_str)) else { return Vec::new() };
    let near = near.to_owned();
    all.into_iter().filter(|path| leaf(path) == near).take(4).collect()
}

fn collect(root: &Value, node: &Value, path: String, depth: usize, all: &mut Vec<String>) {
    if depth > 6 {
        return;
    }
    let target = resolved(root, node);
    if let Some(items) = target.get("items") {
        return collect(root, items, path, depth + 1, all);
    }
    let dot = if path.is_empty() { "" } else { "." };
    for (name, child) in target["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}{dot}{name}");
        all.push(path.clone());
        collect(root, child, path, depth + 1, all);
    }
    if let Some(named) = target.get("additionalProperties").filter(|one| one.is_object()) {
        collect(root, named, format!("{path}{dot}NAME"), depth + 1, all);
    }
}

/// A line of a file with this field.
fn example(leaf: &str, target: &Value) -> String {
    let value = match leaf {
        "version" => "1",
        "sid" => "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "parent" => "main",
        "env" => "TWILIO",
        "file" => "emea-token",
        "credentials" => "{ env: TWILIO }",
        "region" => "ie1",
        "edge" => "dublin",
        "max_purchases" => "10",
        "max_releases" => "2",
        "max_changes" => "25%",
        "release_guard" => "30d",
        "for" => "30d",
        "max_monthly_increase" => "25 USD",
        "max_monthly_total" => "500 USD",
        "until" => "2027-01-31T08:00:00Z",
        "why" | "reason" => "carrier migration",
        "days" => "[mon, tue, wed]",
        "from" | "start" | "open" => "\"08:00\"",
        "to" | "end" | "shut" => "\"18:00\"",
        "time_zone" | "zone" | "tz" => "Europe/Berlin",
        "phone_number" => "\"+15552230000\"",
        "friendly_name" => "Support line, New York",
        "profile" => "support",
        "account" => "main",
        "url" => "https://voice.example.com/answer",
        "fallback_url" => "https://backup.example.com/answer",
        "status_callback" => "https://voice.example.com/status",
        "method" | "fallback_method" | "status_callback_method" => "POST",
        "application_sid" => "APaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "messaging_service_sid" => "MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "trunk_sid" => "TKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "address_sid" | "emergency_address_sid" => "ADaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "identity_sid" => "RIaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "bundle_sid" => "BUaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "voice" | "sms" => "{ url: https://voice.example.com/answer }",
        "name" => "nyc-support",
        "count" => "3",
        "country" => "US",
        "area_code" => "212",
        "locality" => "New York",
        "rate_center" => "NWYRCYZN01",
        "lata" => "132",
        "postal_code" => "10001",
        "contains" => "\"510555****\"",
        "near" => "\"+12125550100\"",
        "capabilities" => "[voice, sms]",
        "match" => "{ country: US, type: local, area_code: 212 }",
        "tags" => "{ team: support, cost-centre: 42 }",
        _ => "",
    };
    if !value.is_empty() {
        return format!("{leaf}: {value}");
    }
    match target["enum"].as_array().and_then(|values| values.first()) {
        Some(first) => format!("{leaf}: {}", first.to_string().replace('"', "")),
        None if target["type"] == "boolean" => format!("{leaf}: true"),
        None => String::new(),
    }
}

/// What Twilio does with a setting, in the words of its reference.
fn vendors(field: Field) -> &'static str {
    match field {
        Field::FriendlyName => {
            "A label of up to 64 characters; a formatted version of the number by default."
        }
        Field::StatusCallback => "The URL that is called with the status of calls.",
        Field::StatusCallbackMethod => "The HTTP method for the status callback.",
        Field::AddressSid => "The Address resource that is associated with the number.",
        Field::IdentitySid => "The Identity resource that is associated with the number.",
        Field::BundleSid => "The Bundle resource that meets the country's regulation.",
        Field::VoiceUrl => {
            "The URL that is called when the number receives a call. Not used if an application or a trunk is set."
        }
        Field::VoiceMethod => "The HTTP method for the voice URL.",
        Field::VoiceFallbackUrl => {
            "The URL that is called when the TwiML of the voice URL cannot be read or executed."
        }
        Field::VoiceFallbackMethod => "The HTTP method for the voice fallback URL.",
        Field::VoiceApplicationSid => {
            "The application that handles calls; if set, all voice URLs of the number are ignored. Cleared by a trunk."
        }
        Field::VoiceTrunkSid => {
            "The trunk that handles calls; if set, voice URLs and application are ignored. Cleared by an application."
        }
        Field::VoiceReceiveMode => "Whether the number receives voice calls or faxes.",
        Field::VoiceCallerIdLookup => "Whether the caller's name is looked up (CNAM). Each look-up costs.",
        Field::VoiceEmergencyAddressSid => {
            "The address that is registered for emergency calls from the number."
        }
        Field::SmsUrl => {
            "The URL that is called when the number receives a message. Not used if an application is set."
        }
        Field::SmsMethod => "The HTTP method for the SMS URL.",
        Field::SmsFallbackUrl => {
            "The URL that is called when the TwiML of the SMS URL cannot be read or executed."
        }
        Field::SmsFallbackMethod => "The HTTP method for the SMS fallback URL.",
        Field::SmsApplicationSid => {
            "The application that handles messages; if set, all SMS URLs of the number are ignored."
        }
        Field::SmsServiceSid => {
            "The Messaging Service that sends and receives for the number; what it receives, it handles itself unless it \
             defers to the number."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_schema_is_explained() {
        let root = schema();
        let mut all = Vec::new();
        collect(&root, &root, String::new(), 0, &mut all);
        assert!(all.len() > 60, "{all:?}");
        for path in all {
            let explained = explain(&path).unwrap_or_else(|near| panic!("{path}: {near:?}"));
            assert!(!explained.meaning.is_empty(), "{path} has no meaning");
            assert!(!explained.kind.is_empty(), "{path} has no type");
        }
    }

    #[test]
    fn every_setting_says_what_it_is_sent_as() {
        for field in Field::all() {
            let explained = explain(field.json_name()).expect("a setting");
            assert_eq!(explained.apis.len(), 2, "{field}");
            assert!(!explained.vendors.is_empty() && !explained.example.is_empty(), "{field}");
        }
    }

    #[test]
    fn a_typing_error_finds_its_field() {
        assert!(!explain("voice.ulr").expect_err("none").is_empty());
        assert!(explain("policy.max_relases").expect_err("none").contains(&"policy.max_releases".to_owned()));
    }
}

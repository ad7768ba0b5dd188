//! The JSON Schemas of what is written for machines: plans, reports, and the daemon's state.
//!
//! Members may be added in a later version, so that no schema forbids those it does not name; what
//! it requires stays.

use serde_json::{Map, Value, json};

use crate::model::settings::Field;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn text_or_null() -> Value {
    json!({ "type": ["string", "null"] })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn number() -> Value {
    json!({ "type": "string", "pattern": "^(\\+[0-9]{6,15}|[0-9]{3,8})$" })
}

fn titled(title: &str, mut schema: Value) -> Value {
    schema["$schema"] = json!(DRAFT);
    schema["title"] = json!(title);
    schema
}

fn field() -> Value {
    let names: Vec<&str> = Field::all().map(Field::json_name).chain(["account"]).collect();
    json!({ "type": "string", "examples": names })
}

fn change() -> Value {
    object(
        &["field", "before", "after"],
        json!({
            "field": field(),
            "before": { "type": ["string", "boolean", "null"], "description": "Live; null where unset." },
            "after": { "type": ["string", "boolean", "null"], "description": "Declared; null where cleared." },
            "secret_changed": { "type": "boolean", "description": "True if only a password, which is not shown, differs." },
            "changed_by": { "type": "object", "description": "Who changed it, from Twilio's audit log." },
        }),
    )
}

fn action() -> Value {
    object(
        &["kind", "phone_number", "account", "account_sid", "sid", "reason", "changes"],
        json!({
            "kind": { "enum": ["purchase", "transfer", "configure", "release"] },
            "phone_number": number(),
            "account": { "type": "string", "description": "Where the number is afterwards, or was, for a release." },
            "account_sid": text(),
            "sid": text_or_null(),
            "from_account": text(),
            "from_account_sid": text(),
            "reason": text(),
            "unused_for": text(),
            "changes": list(change()),
            "claim": text(),
            "instead": list(number()),
        }),
    )
}

fn document(action: Value) -> Value {
    let summary = object(
        &["purchase", "configure", "transfer", "release", "unchanged", "held", "unlisted"],
        json!({
            "purchase": count(), "configure": count(), "transfer": count(), "release": count(),
            "unchanged": count(), "held": count(), "unlisted": count(),
        }),
    );
    let refusal = json!({
        "type": ["object", "null"],
        "required": ["broken", "accept"],
        "properties": {
            "broken": list(object(&["limit", "message"], json!({ "limit": text(), "message": text() }))),
            "accept": { "type": "string", "description": "For --accept." },
        },
    });
    let message = |required: &[&str], more: Value| {
        let mut properties = Map::new();
        properties.insert("message".to_owned(), text());
        if let Value::Object(more) = more {
            properties.extend(more);
        }
        let required: Vec<&str> = required.iter().copied().chain(["message"]).collect();
        list(object(&required, Value::Object(properties)))
    };
    let plan = object(
        &["format_version", "digest", "within_limits", "summary", "actions", "errors", "held", "warnings"],
        json!({
            "format_version": { "const": 1 },
            "digest": { "type": "string", "pattern": "^[0-9a-f]{32}$" },
            "within_limits": { "type": "boolean" },
            "summary": summary,
            "cost": { "type": ["object", "null"], "description": "Null unless prices were asked for." },
            "actions": list(action),
            "errors": message(&["account", "account_sid"], json!({ "account": text(), "account_sid": text() })),
            "held": message(&["phone_number", "account", "reason"], json!({
                "phone_number": number(), "account": text(), "reason": text(),
            })),
            "short": message(&["claim", "account", "reason"], json!({
                "claim": text(), "account": text(), "reason": text(),
            })),
            "warnings": message(&["kind", "phone_number"], json!({
                "kind": text(), "phone_number": { "type": ["string", "null"] },
            })),
            "refusal": refusal,
        }),
    );
    let failed = object(
        &["format_version", "errors"],
        json!({ "format_version": { "const": 1 }, "errors": message(&[], json!({})) }),
    );
    json!({ "anyOf": [plan, failed] })
}

/// Of `plan --format json`. The second form is that of a plan that could not be made.
#[must_use]
pub fn plan() -> Value {
    titled("numctl plan", document(action()))
}

/// Of `apply --format json`: a plan, each action with what became of it.
#[must_use]
pub fn apply() -> Value {
    let mut ended = action();
    let more = json!({
        "outcome": { "enum": ["succeeded", "failed", "skipped", "unknown"] },
        "attempts": count(),
        "bought_instead": number(),
        "error": {
            "type": ["object", "null"],
            "required": ["message"],
            "properties": {
                "message": text(), "status": count(), "code": count(), "request_id": text(),
                "more_info": text(), "advice": text(),
            },
        },
    });
    if let (Some(properties), Value::Object(more)) = (ended["properties"].as_object_mut(), more) {
        properties.extend(more);
    }
    // A plan that was refused or is empty comes without outcomes.
    titled("numctl apply", document(ended))
}

/// Of the daemon's `/status.json`, and of `numctl status -o json`.
#[must_use]
pub fn status() -> Value {
    let moment = || json!({ "type": ["string", "null"], "description": "RFC 3339." });
    let drift = list(object(
        &["phone_number", "account", "kind", "reason", "changes"],
        json!({
            "phone_number": number(), "account": text(), "reason": text(), "kind": text(),
            "changes": list(object(&["field"], json!({ "field": text() }))),
        }),
    ));
    let counts =
        ["declared", "synced", "drifted", "held", "degraded", "unknown", "unlisted", "on_hold", "drifts"];
    let members: Map<String, Value> = counts.iter().map(|name| ((*name).to_owned(), count())).collect();
    let account = object(
        &["name", "numbers"],
        json!({
            "name": text(), "sid": text_or_null(), "numbers": count(), "listed": moment(),
            "trouble": text_or_null(), "help": text_or_null(),
        }),
    );
    let schema = object(
        &["format_version", "numctl_version", "state", "role", "counts", "accounts", "drift"],
        json!({
            "format_version": { "const": 1 },
            "numctl_version": text(),
            "process": text(),
            "version": count(),
            "now": moment(),
            "started": moment(),
            "state": { "enum": ["starting", "standing_by", "in_sync", "held", "drifted", "degraded"] },
            "role": { "enum": ["starting", "writer", "standing_by", "dry_run"] },
            "generation": text_or_null(),
            "blocked": text_or_null(),
            "counts": object(&counts, Value::Object(members)),
            "accounts": list(account),
            "next_cycle": moment(),
            "last_success": moment(),
            "drift": drift.clone(),
            "drift_held": drift,
            "numbers": list(object(
                &["phone_number", "account", "standing"],
                json!({ "phone_number": number(), "account": text(), "standing": text() }),
            )),
        }),
    );
    titled("numctl status", schema)
}

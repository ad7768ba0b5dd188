//! What the leaves of a file look like, for the JSON Schema.

use schemars::{Schema, SchemaGenerator, json_schema};

pub(crate) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": 1 })
}

pub(crate) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

pub(crate) fn account_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^AC[0-9a-fA-F]{32}$" })
}

pub(crate) fn env_prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$" })
}

pub(crate) fn secret_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$" })
}

pub(crate) fn api(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["active-numbers", "incoming-phone-numbers"] })
}

pub(crate) fn region(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$" })
}

pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(crate) fn time_of_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" })
}

pub(crate) fn days(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1,
        "items": { "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] },
    })
}

pub(crate) fn unlisted(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["ignore", "report", "release"] })
}

pub(crate) fn on_vanished(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["report", "rebuy"] })
}

pub(crate) fn no_effect(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["warn", "error"] })
}

pub(crate) fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 },
        { "type": "string", "pattern": "^(100|[1-9]?[0-9])%$" },
    ] })
}

pub(crate) fn lookback(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9][0-9a-zA-Z ]*[a-zA-Z]$" })
}

pub(crate) fn money(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})? [A-Z]{3}$" })
}

pub(crate) fn flag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean" })
}

pub(crate) fn state(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["present", "released"] })
}

pub(crate) fn phone_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(\\+[1-9][0-9]{5,14}|[1-9][0-9]{2,7})$" })
}

pub(crate) fn friendly_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 64 })
}

pub(crate) fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": { "type": ["string", "integer"] },
    })
}

pub(crate) fn claim_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,23}$" })
}

pub(crate) fn claim_count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": 9999 })
}

pub(crate) fn country(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z]{2}$" })
}

pub(crate) fn number_type(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["local", "mobile", "tollfree"] })
}

pub(crate) fn text_or_integer(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer"], "minLength": 1 })
}

pub(crate) fn capabilities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "enum": ["voice", "sms", "mms", "fax"] } })
}

pub(crate) fn url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^([hH][tT][tT][pP][sS]?://[^/\\s{}<>]([^\\s{}<>]|\\$\\{secret:[A-Za-z0-9_][A-Za-z0-9_-]*\\})*)?$" })
}

pub(crate) fn method(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^([gG][eE][tT]|[pP][oO][sS][tT])?$" })
}

pub(crate) fn application_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(AP[0-9a-fA-F]{32})?$" })
}

pub(crate) fn trunk_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(TK[0-9a-fA-F]{32})?$" })
}

pub(crate) fn messaging_service_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(MG[0-9a-fA-F]{32})?$" })
}

pub(crate) fn resource_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "maxLength": 255 })
}

pub(crate) fn address_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(AD[0-9a-fA-F]{32})?$" })
}

pub(crate) fn identity_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(RI[0-9a-fA-F]{32})?$" })
}

pub(crate) fn bundle_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(BU[0-9a-fA-F]{32})?$" })
}

pub(crate) fn receive_mode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["voice", "fax", "", null] })
}

pub(crate) fn clearable_flag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [true, false, "", null] })
}

pub(crate) fn emergency_status(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["Active", "Inactive", "", null] })
}

//! The JSON Schema of the file, for editors and for checks in other tools.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::file::File;

/// The schema, draft 2020-12, made from the structs that parse the file.
///
/// It refuses what a schema can refuse. References between entries, doubled numbers and the rules
/// that hold after the merge are left to `numctl validate`.
#[must_use]
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<File>()
        .to_value()
}

pub(super) fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": 1 })
}

pub(super) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1 })
}

pub(super) fn account_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^AC[0-9a-fA-F]{32}$" })
}

pub(super) fn env_prefix(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,63}$" })
}

pub(super) fn secret_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$" })
}

pub(super) fn api(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["active-numbers", "incoming-phone-numbers"] })
}

pub(super) fn region(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$" })
}

pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

pub(super) fn time_of_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$" })
}

pub(super) fn days(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array", "minItems": 1,
        "items": { "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] },
    })
}

pub(super) fn unlisted(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["ignore", "report", "release"] })
}

pub(super) fn on_vanished(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["report", "rebuy"] })
}

pub(super) fn limit(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 },
        { "type": "string", "pattern": "^(100|[1-9]?[0-9])%$" },
    ] })
}

pub(super) fn lookback(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-9][0-9a-zA-Z ]*[a-zA-Z]$" })
}

pub(super) fn money(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(0|[1-9][0-9]{0,11})(\\.[0-9]{1,6})? [A-Z]{3}$" })
}

pub(super) fn flag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "boolean" })
}

pub(super) fn state(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["present", "released"] })
}

pub(super) fn phone_number(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(\\+[1-9][0-9]{5,14}|[1-9][0-9]{2,7})$" })
}

pub(super) fn friendly_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": 64 })
}

pub(super) fn claim_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,23}$" })
}

pub(super) fn claim_count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": 9999 })
}

pub(super) fn country(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z]{2}$" })
}

pub(super) fn number_type(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["local", "mobile", "tollfree"] })
}

pub(super) fn text_or_integer(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "integer"], "minLength": 1 })
}

pub(super) fn capabilities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "enum": ["voice", "sms", "mms", "fax"] } })
}

pub(super) fn url(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^([hH][tT][tT][pP][sS]?://[^/\\s{}<>][^\\s{}<>]*)?$" })
}

pub(super) fn method(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^([gG][eE][tT]|[pP][oO][sS][tT])?$" })
}

pub(super) fn application_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(AP[0-9a-fA-F]{32})?$" })
}

pub(super) fn trunk_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(TK[0-9a-fA-F]{32})?$" })
}

pub(super) fn address_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(AD[0-9a-fA-F]{32})?$" })
}

pub(super) fn identity_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(RI[0-9a-fA-F]{32})?$" })
}

pub(super) fn bundle_sid(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^(BU[0-9a-fA-F]{32})?$" })
}

pub(super) fn receive_mode(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["voice", "fax", "", null] })
}

pub(super) fn clearable_flag(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": [true, false, "", null] })
}

pub(super) fn emergency_status(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "enum": ["Active", "Inactive", "", null] })
}

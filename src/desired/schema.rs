//! The JSON Schema of the file, for editors and for checks in other tools.

use serde_json::Value;

use super::raw::RawFile;

/// The schema, draft 2020-12, made from the structs that parse the file.
///
/// It refuses what a schema can refuse. References between entries, doubled numbers and the rules
/// that hold after the merge are left to `numctl validate`.
#[must_use]
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<RawFile>()
        .to_value()
}

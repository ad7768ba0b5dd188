//! JSON values as block YAML, with characters that could act on a terminal spelt out: a serializer
//! that knows only YAML passes bidirectional controls on as they are (law 12).

use serde_json::Value;

use crate::report::export::scalar;

/// Writes a value, indented by `depth` steps.
pub(super) fn value(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                self::value(&mut inner, item, depth + 1);
                // The first line of the item is behind the dash.
                out.push_str(&indent);
                out.push_str("- ");
                out.push_str(inner.trim_start_matches(' '));
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                out.push_str(&indent);
                out.push_str(&scalar(name));
                out.push(':');
                if is_nested(member) {
                    out.push('\n');
                    self::value(out, member, depth + 1);
                } else {
                    out.push(' ');
                    self::value(out, member, 0);
                }
            }
        }
        Value::String(text) => push_line(out, &indent, &scalar(text)),
        // null, true, 7, [] and {} are the same in YAML.
        plain => push_line(out, &indent, &plain.to_string()),
    }
}

fn push_line(out: &mut String, indent: &str, text: &str) {
    out.push_str(indent);
    out.push_str(text);
    out.push('\n');
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_reads_back_as_what_it_was() {
        let whole = json!([
            {"a": null, "b": {"c": [1, -2.5, "3", true, "true", [], {}], "d: #": "x: # y"}},
            [["deep", ["er"]], {"k": ["v"]}],
            "",
            "\u{1b}[31m\n\u{202e}\u{9b}\u{e0041} é日本🎉 \\ \" '",
        ]);
        let mut text = String::new();
        value(&mut text, &whole, 0);
        assert!(text.chars().all(|c| c == '\n' || !crate::report::shown::must_be_spelt_out(c)), "{text:?}");
        assert_eq!(serde_yaml::from_str::<Value>(&text).expect("YAML"), whole, "{text}");
    }
}

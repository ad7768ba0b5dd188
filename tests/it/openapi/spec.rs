//! Twilio's descriptions: their operations, and what is known to be other than described.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use url::form_urlencoded;

use super::schema::{Checker, Finding, Kind};

/// Where answers and requests are known to be other than described, by the end of the place, and
/// how that is known.
const EXCUSES: &[(&str, Kind, &str)] = &[
    ("_url", Kind::Empty, "unset URLs are \"\": the description's own examples, and captured pages"),
    ("status_callback", Kind::Empty, "as the URLs"),
    ("_application_sid", Kind::Empty, "unset application SIDs are \"\": the same sources"),
    ("voice_receive_mode", Kind::Absent, "captured pages lack it since the vendor gave up fax"),
    (
        "type",
        Kind::Unknown,
        "rows of numbers have had it since 2026; the description of the lists by type is not so far",
    ),
    ("subresource_uris", Kind::Unknown, "captured rows of numbers have had it since the add-ons"),
    ("capabilities.SMS", Kind::Unknown, "captured offers mix the case, and so do the description's texts"),
    ("capabilities.MMS", Kind::Unknown, "as SMS"),
    ("capabilities.sms", Kind::Absent, "as SMS"),
    ("capabilities.mms", Kind::Absent, "as SMS"),
    ("latitude", Kind::Value, "captured offers have a string: \"19.720000\""),
    ("longitude", Kind::Value, "as latitude"),
    ("available_phone_numbers[].friendly_name", Kind::Value, "a name for people, not E.164: its examples"),
];
/// The answer to a search has no page: so do all of the description's examples.
const PAGE: &[&str] =
    &["end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start"];

/// The description.
#[derive(Debug)]
pub(crate) struct Spec {
    document: Value,
    excused: RefCell<BTreeSet<usize>>,
    /// The operations that have been checked, by their id.
    pub(super) covered: RefCell<BTreeSet<String>>,
}

/// An operation of the description.
#[derive(Debug, Clone, Copy)]
struct Operation<'a> {
    node: &'a Value,
    template: &'a str,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.node["operationId"].as_str().expect("an id")
    }
}

impl Spec {
    /// The description of v2010 beside the repository, or where `NUMCTL_OPENAPI` says; none, and a
    /// word about it, where it is not.
    pub(crate) fn load() -> Option<Self> {
        Self::read(&v2010())
    }

    /// The description of the prices, beside that of v2010.
    pub(super) fn prices() -> Option<Self> {
        Self::read(&v2010().with_file_name("twilio_pricing_v1.json"))
    }

    /// The description of Monitor Events, beside that of v2010.
    pub(super) fn events() -> Option<Self> {
        Self::read(&v2010().with_file_name("twilio_monitor_v1.json"))
    }

    fn read(path: &Path) -> Option<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let document = serde_json::from_str(&text).expect("JSON");
                Some(Self { document, excused: RefCell::default(), covered: RefCell::default() })
            }
            Err(error) => {
                let why = format!("{}: {error}; NUMCTL_OPENAPI says where it is", path.display());
                let _ = writeln!(std::io::stderr(), "SKIPPED: the vendor's OpenAPI file: {why}");
                None
            }
        }
    }

    /// The operation of a request; one whose path is more literal goes first.
    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let paths = self.document["paths"].as_object().expect("paths");
        let found = paths.iter().filter(|(template, _)| names(template, path).is_some());
        let (template, node) = found.min_by_key(|(template, _)| template.matches('{').count())?;
        let node = node.get(method.to_ascii_lowercase())?;
        Some(Operation { node, template })
    }

    /// What is wrong with a request: its path, its parameters.
    pub(crate) fn request(&self, method: &str, path: &str, query: &str, form: &str) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("{method} {path}: no such operation")];
        };
        let known = operation.node["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let schema = |place: &str, name: &str| {
            let found = known.iter().find(|known| known["in"] == place && known["name"] == name);
            found.map(|known| &known["schema"])
        };
        let mut found = Vec::new();
        for (name, text) in names(operation.template, path).unwrap_or_default() {
            self.parameter(name, schema("path", name), text, &mut found);
        }
        for (name, text) in form_urlencoded::parse(query.as_bytes()) {
            // What asks for a part of a number is described as a number.
            if name != "PhoneNumber" {
                self.parameter(&name, schema("query", &name), &text, &mut found);
            }
        }
        let body = operation.node.pointer("/requestBody/content/application~1x-www-form-urlencoded/schema");
        let mut names = BTreeSet::new();
        for (name, text) in form_urlencoded::parse(form.as_bytes()) {
            let schema = body.and_then(|body| body["properties"].get(&*name));
            // An empty value takes a setting away, whatever it is: not in the description, but all of
            // Twilio's clients send it.
            if schema.is_none() || !text.is_empty() {
                self.parameter(&name, schema, &text, &mut found);
            }
            if !names.insert(name.to_string()) {
                found.push(Finding { place: name.into(), kind: Kind::Value, said: "there twice".into() });
            }
        }
        let required = body.and_then(|body| body["required"].as_array()).into_iter().flatten();
        for name in required.filter_map(Value::as_str).filter(|name| !names.contains(*name)) {
            found.push(Finding { place: name.into(), kind: Kind::Absent, said: "required".into() });
        }
        found.iter().map(|finding| format!("{}: {finding}", operation.id())).collect()
    }

    /// Parameters come as text.
    fn parameter(&self, name: &str, schema: Option<&Value>, text: &str, found: &mut Vec<Finding>) {
        let Some(schema) = schema else {
            let said = "the operation has no such parameter".to_owned();
            return found.push(Finding { place: name.to_owned(), kind: Kind::Unknown, said });
        };
        let checker = Checker { document: &self.document, whole: false };
        checker.check(name, schema, &checker.parsed(schema, text), found);
    }

    /// What is wrong with an answer that is not a refusal.
    pub(crate) fn answer(&self, method: &str, path: &str, status: u16, body: &[u8]) -> Vec<String> {
        let Some(operation) = self.operation(method, path) else {
            return vec![format!("{method} {path}: no such operation")];
        };
        self.covered.borrow_mut().insert(operation.id().to_owned());
        let Some(described) = operation.node["responses"].get(status.to_string()) else {
            return vec![format!("{}: the status {status} is not described", operation.id())];
        };
        let mut found = Vec::new();
        match (described.pointer("/content/application~1json/schema"), body) {
            (None, []) => {}
            (None, _) => return vec![format!("{}: a body, where none is described", operation.id())],
            (Some(schema), body) => match serde_json::from_slice::<Value>(body) {
                Ok(value) => {
                    let checker = Checker { document: &self.document, whole: true };
                    checker.check("", schema, &value, &mut found);
                }
                Err(error) => return vec![format!("{}: {error}", operation.id())],
            },
        }
        let is_search = operation.template.contains("AvailablePhoneNumbers");
        found.retain(|finding| {
            let is_page = is_search && finding.kind == Kind::Absent && PAGE.contains(&finding.place.as_str());
            !is_page && !self.excuses(finding)
        });
        found.iter().map(|finding| format!("{}: {finding}", operation.id())).collect()
    }

    fn excuses(&self, finding: &Finding) -> bool {
        // Which row it is does not matter.
        let place: String = finding.place.chars().filter(|c| !c.is_ascii_digit()).collect();
        let found = EXCUSES.iter().position(|(end, kind, _)| *kind == finding.kind && place.ends_with(end));
        self.excused.borrow_mut().extend(found);
        found.is_some()
    }

    /// The excuses that nothing has needed.
    pub(super) fn idle(&self) -> Vec<&'static str> {
        let excused = self.excused.borrow();
        EXCUSES
            .iter()
            .enumerate()
            .filter(|(at, _)| !excused.contains(at))
            .map(|(_, excuse)| excuse.0)
            .collect()
    }

    /// The ids of the operations on these resources.
    pub(super) fn operations(&self, is_asked: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().expect("paths");
        let asked = paths.iter().filter(|(template, _)| is_asked(template));
        let nodes = asked.flat_map(|(_, node)| ["get", "post", "delete"].map(|method| &node[method]));
        nodes.filter_map(|node| node["operationId"].as_str()).map(str::to_owned).collect()
    }
}

fn v2010() -> PathBuf {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/api/twilio_api_v2010.json");
    std::env::var_os("NUMCTL_OPENAPI").map_or(beside, PathBuf::from)
}

/// What a path gives the names of a template; none where it is of another.
fn names<'a>(template: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut found = Vec::new();
    if template.split('/').count() != path.split('/').count() {
        return None;
    }
    for (known, given) in template.split('/').zip(path.split('/')) {
        match known.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            None if known == given => {}
            None => return None,
            Some((name, suffix)) => {
                found.push((name, given.strip_suffix(suffix).filter(|given| !given.is_empty())?));
            }
        }
    }
    Some(found)
}

mod tests {
    use super::*;

    #[test]
    fn a_template_gives_names() {
        assert_eq!(names("/A/{B}/C.json", "/A/b/C.json"), Some(vec![("B", "b")]));
        assert_eq!(names("/A/{B}.json", "/A/b.json"), Some(vec![("B", "b")]));
        for path in ["/A/b", "/A/.json", "/A/b/c.json", "/X/b.json"] {
            assert_eq!(names("/A/{B}.json", path), None, "{path}");
        }
    }
}

//! `tags:` of a layer, a number or a claim, each checked by itself.

use super::excerpt::quoted;
use super::issue::{At, Issue, Issues};
use super::labels::Tags;
use super::layers::below;
use super::place::Path;
use super::raw::{Count, Map, Section};
use crate::model::secret_url::without_tokens;

/// More would be a database.
const TAGS_MAX: usize = 16;
const NAME_MAX: usize = 40;
const VALUE_MAX: usize = 64;

/// The tags of one layer. What does not check is left out, and an issue says so.
pub(super) fn tags(
    issues: &mut Issues,
    file: usize,
    layer: impl Fn() -> Path,
    raw: &Section<Map<Count>>,
) -> Tags {
    let at = || At::Path { file, path: below(&layer(), "tags"), key: true };
    let Some(Map(entries)) = raw.filled(issues, "tags", at) else { return Tags::new() };
    if entries.len() > TAGS_MAX {
        issues.push(Issue::error(at(), format!("there are {} tags; at most {TAGS_MAX}", entries.len())));
    }
    let mut tags = Tags::new();
    for (name, value) in entries {
        let is_name = (1..=NAME_MAX).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
        let place = At::Path { file, path: below(&layer(), "tags"), key: true };
        if !is_name {
            issues.push(Issue::error(place, format!("{} is not a valid name for a tag", quoted(name))).help(
                format!("write 1 to {NAME_MAX} lower-case letters, digits, `-`, `_` and `.`, a letter first"),
            ));
            continue;
        }
        let value = value.0.as_deref().unwrap_or_default();
        let is_value = (1..=VALUE_MAX).contains(&value.chars().count())
            && value.chars().all(|c| !c.is_control() && !c.is_whitespace() || c == ' ')
            && !value.contains([',', '='])
            && without_tokens(value) == value;
        if !is_value {
            issues.push(
                Issue::error(place, format!("the tag {} has no valid value", quoted(name)))
                    .help(format!("write 1 to {VALUE_MAX} characters without `,` and `=`, and no secret")),
            );
            continue;
        }
        tags.insert((&**name).into(), value.into());
    }
    tags
}

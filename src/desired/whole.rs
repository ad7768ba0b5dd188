//! Whether the files are whole, where a missing line would release a number.

use super::issue::{At, Issue, Issues};
use super::place::Path;
use super::raw::{RawClaim, RawEntry, RawFile, Section};
use super::source::Source;

/// Law 2: a file cut short mostly still parses, so where a missing line releases a number, each file
/// must show that it is whole.
pub(super) fn check_complete(
    sources: &[&Source],
    files: &[(usize, RawFile)],
    policy_file: Option<usize>,
    issues: &mut Issues,
) {
    let mut any = false;
    for (file, raw) in files {
        match &raw.numbers {
            Section::Is(numbers) if !numbers.0.is_empty() => any = true,
            Section::Absent => {}
            Section::Null | Section::Is(_) => {
                any = true;
                issues.push(
                    Issue::error(
                        At::key(*file, ["numbers".into()]),
                        "`numbers:` is empty, and `unlisted: release` would release every number",
                    )
                    .help("remove `numbers:`, or set `unlisted: ignore`"),
                );
            }
        }
        any |= !claims_of(raw).is_empty();
        if !sources[*file].shows_its_end() {
            let end = sources[*file].body().trim_end().len();
            let at = At::Span { file: *file, span: end..end, path: Path::new(), whole: false };
            issues.push(
                Issue::error(at, "under `unlisted: release`, the last line of a file must be `...`").help(
                    "otherwise a file that was cut short would release the numbers it lost: add `...`, YAML's end marker, as the last line",
                ),
            );
        }
    }
    if !any {
        issues.push(
            Issue::error(
                policy_file.map_or(At::Nowhere, |file| At::value(file, ["policy".into(), "unlisted".into()])),
                "the files name no number, and `unlisted: release` would release every number",
            )
            .help("set `unlisted: ignore`"),
        );
    }
}

pub(super) fn claims_of(file: &RawFile) -> &[RawClaim] {
    match &file.claims {
        Section::Is(claims) => claims,
        Section::Absent | Section::Null => &[],
    }
}

pub(super) fn numbers_of(file: &RawFile) -> &[RawEntry] {
    match &file.numbers {
        Section::Is(numbers) => &numbers.0,
        Section::Absent | Section::Null => &[],
    }
}

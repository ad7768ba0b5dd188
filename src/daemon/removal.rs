//! What a change of the files may do: configure only, or remove something.
//!
//! People save one file after the other, and machines copy them one by one. What removes something
//! needs the same content seen twice, a stated time apart (law 13); what only configures does not.

use crate::desired::{DeclaredState, Desired, Unlisted};

/// Whether files that were edited may remove something that was declared: a number that is named no
/// more, a tombstone set or taken away, a claim that shrinks, a guard that is gone.
pub(super) fn removes(before: &Desired, after: &Desired) -> bool {
    let dropped = before.numbers.iter().any(|known| after.declared(known.number).is_none());
    let turned = after.numbers.iter().any(|declared| match before.declared(declared.number) {
        Some(known) => known.state != declared.state || (known.protect && !declared.protect),
        None => declared.state == DeclaredState::Released,
    });
    let claims = before.claims.iter().any(|known| {
        let now = after.claims.iter().find(|claim| claim.name == known.name);
        now.is_none_or(|claim| claim.count < known.count || (known.protect && !claim.protect))
    });
    let accounts = before.accounts.iter().any(|known| {
        !after.accounts.iter().any(|account| account.name == known.name && account.sid == known.sid)
    });
    let (old, new) = (&before.policy, &after.policy);
    let unlisted = new.unlisted == Unlisted::Release && old.unlisted != Unlisted::Release;
    let quarantine = old.quarantine.is_some() && new.quarantine.is_none();
    dropped || turned || claims || accounts || unlisted || quarantine
}

/// Whether files that were edited only change how the same numbers are configured.
pub(super) fn only_configures(before: &Desired, after: &Desired) -> bool {
    let is_same_fleet = before.numbers.len() == after.numbers.len()
        && before.numbers.iter().zip(&after.numbers).all(|(old, new)| {
            old.number == new.number
                && old.account == new.account
                && old.state == new.state
                && old.protect == new.protect
                && old.hold == new.hold
        });
    is_same_fleet
        && before.accounts == after.accounts
        && before.policy == after.policy
        && before.standstill == after.standstill
        && before.claims == after.claims
        && before.files == after.files
}

/// A file that the content in force came from, that is gone, and whose numbers would be released with
/// it: it counts as cut short.
pub(super) fn lost_file<'a>(before: &'a Desired, after: &Desired) -> Option<&'a str> {
    if after.policy.unlisted != Unlisted::Release {
        return None;
    }
    let is_gone = |file: u32| before.files.get(file as usize).is_some_and(|name| !after.files.contains(name));
    let lost = before
        .numbers
        .iter()
        .find(|known| is_gone(known.place.file) && after.declared(known.number).is_none())?;
    before.files.get(lost.place.file as usize).map(|name| &**name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::{Format, Source};

    fn desired(files: &[(&str, &str)]) -> Desired {
        let source = |(name, text): &(&str, &str)| Source {
            name: (*name).into(),
            text: (*text).to_owned(),
            format: Format::Yaml,
        };
        Desired::parse(&files.iter().map(source).collect::<Vec<_>>()).expect("good files").desired
    }

    const HEAD: &str = "version: 1\npolicy: {unlisted: release, max_releases: 2}\nnumbers:\n  ";

    fn file(numbers: &str) -> String {
        format!("{HEAD}{numbers}\n...\n")
    }

    #[test]
    fn what_is_dropped_or_turned_removes_and_the_rest_does_not() {
        let one = "- {phone_number: \"+15552230000\", friendly_name: A}";
        let two = "- {phone_number: \"+15552230001\"}";
        let before = desired(&[("f", &file(&format!("{one}\n  {two}")))]);
        for (numbers, is_removal) in [
            (format!("{one}\n  {two}"), false),
            (format!("{}\n  {two}", one.replace("name: A", "name: B")), false),
            (format!("{one}\n  {two}\n  - {{phone_number: \"+15552230009\"}}"), false),
            (one.to_owned(), true),
            (format!("{one}\n  {}", two.replace('}', ", state: released}")), true),
            (format!("{one}\n  {two}\n  - {{phone_number: \"+15552230009\", state: released}}"), true),
        ] {
            let after = desired(&[("f", &file(&numbers))]);
            assert_eq!(removes(&before, &after), is_removal, "{numbers}");
            assert_eq!(
                only_configures(&before, &after),
                !is_removal && !numbers.contains("0009"),
                "{numbers}"
            );
        }
    }

    #[test]
    fn a_file_that_is_gone_with_its_numbers_is_cut_short() {
        let (a, b) = (
            file("- {phone_number: \"+15552230000\"}"),
            "version: 1\nnumbers:\n  - {phone_number: \"+15552230001\"}\n...\n",
        );
        let before = desired(&[("a", &a), ("b", b)]);
        assert_eq!(lost_file(&before, &desired(&[("a", &a)])), Some("b"));
        let merged = file("- {phone_number: \"+15552230000\"}\n  - {phone_number: \"+15552230001\"}");
        assert_eq!(lost_file(&before, &desired(&[("a", &merged)])), None, "its numbers are in another one");
        assert_eq!(lost_file(&before, &before.clone()), None);
    }
}

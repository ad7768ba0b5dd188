//! "Did you mean": the nearest of some names.

/// The candidate that was probably meant.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain(name);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&plain, &self::plain(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(name.len()) / 3))
        .map(|(_, candidate)| candidate)
}

/// Case and separators are what people vary most.
fn plain(name: &str) -> String {
    name.chars().take(64).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The `total` names, for a message: `a, b, c`, cut after some.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>, total: usize) -> String {
    const SHOWN: usize = 12;
    let mut out = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if total > SHOWN {
        out.push_str(&format!(" and {} more", total - SHOWN));
    }
    out
}

/// "did you mean …?", and the list of the few words that there are.
pub(super) fn choices<'a>(name: &str, names: impl ExactSizeIterator<Item = &'a str> + Clone) -> String {
    let list = list(names.clone(), names.len());
    match nearest(name, names) {
        Some(near) => format!("did you mean {near}? (there are: {list})"),
        None => format!("there are: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["friendly_name", "voice", "sms", "status_callback"];
        assert_eq!(nearest("voic", names), Some("voice"));
        assert_eq!(nearest("friendlyName", names), Some("friendly_name"));
        assert_eq!(nearest("StatusCallback", names), Some("status_callback"));
        assert_eq!(nearest("colour", names), None);
    }
}

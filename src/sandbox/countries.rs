//! The countries of the catalogue, with their names.

use super::catalogue;

const NAMES: [(&str, &str); 4] =
    [("AU", "Australia"), ("DE", "Germany"), ("GB", "United Kingdom"), ("US", "United States")];

/// The codes of the countries in which there are numbers, in order.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().map(|(code, _)| code)
}

/// The name of a country.
pub(super) fn name(code: &str) -> &'static str {
    NAMES.into_iter().find(|(known, _)| *known == code).map_or("", |(_, name)| name)
}

/// The types of number in a country, as the catalogue calls them, each with one of its kinds.
pub(super) fn types(code: &str) -> Vec<&'static catalogue::CatalogueKind> {
    let mut kinds: Vec<&'static catalogue::CatalogueKind> = Vec::new();
    for range in catalogue::ranges().iter().filter(|range| range.kind.geography.iso_country == code) {
        if kinds.iter().all(|known| known.number_type != range.kind.number_type) {
            kinds.push(&range.kind);
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_of_the_catalogue_has_a_name_and_one_price_for_each_type() {
        for range in catalogue::ranges() {
            let code = range.kind.geography.iso_country;
            assert!(!name(code).is_empty(), "{code}");
            let same = types(code).into_iter().find(|kind| kind.number_type == range.kind.number_type);
            assert_eq!(
                same.map(|kind| (kind.price, kind.needs_bundle)),
                Some((range.kind.price, range.kind.needs_bundle))
            );
        }
        assert!(all().all(|code| !types(code).is_empty()));
    }
}

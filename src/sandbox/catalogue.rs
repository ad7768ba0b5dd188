//! The numbers that exist in the sandbox: ranges, and what the numbers of a range are like.
//!
//! All of them are fictional or reserved for drama where such ranges exist.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::model::number::PhoneNumber;

/// Where the numbers of a range are. Only the country is always known.
#[derive(Clone, Copy, Default)]
pub(crate) struct Geography {
    pub(crate) iso_country: &'static str,
    pub(crate) lata: Option<u32>,
    pub(crate) rate_center: Option<&'static str>,
    pub(crate) place: Option<(f64, f64)>,
    pub(crate) region: Option<&'static str>,
    pub(crate) locality: Option<&'static str>,
    pub(crate) postal_code: Option<&'static str>,
}

/// What the numbers of a range have in common.
pub(crate) struct CatalogueKind {
    pub(crate) number_type: &'static str,
    /// Inbound caller ID preservation of voice, and sender ID preservation of SMS.
    pub(crate) preservation: &'static str,
    pub(crate) reachability: &'static str,
    pub(crate) has_sms: bool,
    pub(crate) has_mms: bool,
    pub(crate) geography: Geography,
    /// The price per month, a decimal string.
    pub(crate) price: &'static str,
    /// Whose address the country wants: `none`, `any`, `local` or `foreign`. ActiveNumbers, which
    /// has no parameter for it, does not insist.
    pub(crate) address: &'static str,
    /// Whether buying one over ActiveNumbers needs a verified identity document (error 21650).
    pub(crate) needs_document: bool,
    /// Whether buying one over v2010 needs a regulatory bundle, which is also the document.
    pub(crate) needs_bundle: bool,
    /// The three blocks of a row that never change, as JSON.
    pub(crate) capabilities_json: String,
    pub(crate) regulatory_json: String,
    pub(crate) geography_json: String,
}

/// A run of numbers of one kind, all available unless someone owns them.
pub(crate) struct Range {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) kind: CatalogueKind,
}

#[derive(Clone, Copy, PartialEq)]
enum Model {
    /// The page's list and purchase samples.
    UsLocal,
    /// The page's fetch sample.
    TollFree,
    TollFreeVoiceOnly,
    GbMobile,
    GbLocal,
    DeLocal,
    AuMobile,
}

struct CatalogueEntry(&'static str, u32, Model, Geography);

const fn us(
    lata: u32,
    rate_center: &'static str,
    place: (f64, f64),
    region: &'static str,
    locality: &'static str,
    postal_code: &'static str,
) -> Geography {
    Geography {
        iso_country: "US",
        lata: Some(lata),
        rate_center: Some(rate_center),
        place: Some(place),
        region: Some(region),
        locality: Some(locality),
        postal_code: Some(postal_code),
    }
}

const fn country(iso_country: &'static str, locality: Option<&'static str>) -> Geography {
    Geography {
        iso_country,
        lata: None,
        rate_center: None,
        place: None,
        region: None,
        locality,
        postal_code: None,
    }
}

/// Prefix, how many digits follow it, and what the numbers are. No two overlap.
#[rustfmt::skip]
const ENTRIES: &[CatalogueEntry] = &[
    CatalogueEntry("1555", 7, Model::UsLocal, us(132, "HUNTINGTON", (40.8719, -73.4347), "NY", "HUNTINGTON", "11743")),
    CatalogueEntry("1415555", 4, Model::UsLocal, us(722, "SNFC CNTRL", (37.7749, -122.4194), "CA", "SAN FRANCISCO", "94102")),
    CatalogueEntry("1510555", 4, Model::UsLocal, us(722, "OKLD MN-PD", (37.8044, -122.2712), "CA", "OAKLAND", "94607")),
    CatalogueEntry("1212555", 4, Model::UsLocal, us(132, "NWYRCYZN01", (40.7128, -74.006), "NY", "NEW YORK", "10001")),
    CatalogueEntry("1202555", 4, Model::UsLocal, us(236, "WSHNGTNZN1", (38.9072, -77.0369), "DC", "WASHINGTON", "20001")),
    CatalogueEntry("1312555", 4, Model::UsLocal, us(358, "CHICGOZN01", (41.8781, -87.6298), "IL", "CHICAGO", "60601")),
    CatalogueEntry("1646555", 4, Model::UsLocal, us(132, "NWYRCYZN01", (40.7549, -73.984), "NY", "NEW YORK", "10036")),
    CatalogueEntry("1855972", 4, Model::TollFree, country("US", None)),
    CatalogueEntry("1800555", 4, Model::TollFree, country("US", None)),
    CatalogueEntry("1888555", 4, Model::TollFreeVoiceOnly, country("US", None)),
    CatalogueEntry("447700900", 3, Model::GbMobile, country("GB", None)),
    CatalogueEntry("442079460", 3, Model::GbLocal, country("GB", Some("LONDON"))),
    CatalogueEntry("493023125", 3, Model::DeLocal, country("DE", Some("BERLIN"))),
    CatalogueEntry("61491570", 3, Model::AuMobile, country("AU", None)),
];

static RANGES: LazyLock<Vec<Range>> = LazyLock::new(|| {
    let mut ranges: Vec<Range> = ENTRIES
        .iter()
        .map(|CatalogueEntry(prefix, digits, model, geography)| {
            let size = 10_u64.pow(*digits);
            let first = prefix.bytes().fold(0, |value, b| value * 10 + u64::from(b - b'0')) * size;
            Range { first, last: first + size - 1, kind: kind(*model, *geography) }
        })
        .collect();
    ranges.sort_by_key(|range| range.first);
    ranges
});

/// What a number outside every range is like: it can be owned (a state file says so), not bought.
static ELSEWHERE: LazyLock<CatalogueKind> = LazyLock::new(|| kind(Model::UsLocal, country("US", None)));

/// Every range, in the order of the numbers.
pub(crate) fn ranges() -> &'static [Range] {
    &RANGES
}

/// The range of a number.
pub(crate) fn range_of(number: PhoneNumber) -> Option<&'static Range> {
    let value = digits(number)?;
    let at = RANGES.partition_point(|range| range.last < value);
    RANGES.get(at).filter(|range| range.first <= value)
}

/// What a number is like.
pub(crate) fn kind_of(number: PhoneNumber) -> &'static CatalogueKind {
    range_of(number).map_or(&*ELSEWHERE, |range| &range.kind)
}

/// An E.164 number as an integer; `None` for short codes.
pub(crate) fn digits(number: PhoneNumber) -> Option<u64> {
    (!number.is_short_code()).then(|| number.to_string().get(1..).and_then(|text| text.parse().ok()))?
}

/// The number of an integer.
pub(crate) fn number(digits: u64) -> Option<PhoneNumber> {
    PhoneNumber::observed(&format!("+{digits}"))
}

fn kind(model: Model, geography: Geography) -> CatalogueKind {
    let (number_type, preservation, reachability, price) = match model {
        Model::UsLocal => ("local", "international", "global", "1.15"),
        Model::TollFree => ("tollfree", "international", "global", "2.15"),
        Model::TollFreeVoiceOnly => ("tollfree", "domestic", "domestic", "2.15"),
        Model::GbMobile => ("mobile", "domestic", "global", "1.15"),
        Model::GbLocal => ("local", "international", "domestic", "1.15"),
        Model::DeLocal => ("local", "none", "foreign", "1.30"),
        Model::AuMobile => ("mobile", "domestic", "global", "1.25"),
    };
    let has_sms = matches!(model, Model::UsLocal | Model::TollFree | Model::GbMobile | Model::AuMobile);
    let has_mms = model == Model::UsLocal;
    let address = match model {
        Model::GbMobile | Model::AuMobile => "any",
        Model::DeLocal => "local",
        Model::UsLocal | Model::TollFree | Model::TollFreeVoiceOnly | Model::GbLocal => "none",
    };
    CatalogueKind {
        number_type,
        preservation,
        reachability,
        has_sms,
        has_mms,
        geography,
        price,
        address,
        needs_document: model == Model::DeLocal,
        needs_bundle: matches!(model, Model::DeLocal | Model::AuMobile),
        capabilities_json: capabilities(model, preservation, reachability, has_sms, has_mms),
        regulatory_json: format!("{{\"address_requirements\":\"{address}\"}}"),
        geography_json: geography_json(&geography),
    }
}

fn capabilities(
    model: Model,
    preservation: &str,
    reachability: &str,
    has_sms: bool,
    has_mms: bool,
) -> String {
    let local = model == Model::UsLocal;
    // The page's two samples differ: the local number has codecs and the concatenation flags, the
    // toll-free one has neither.
    let (calls, concurrent) = if local { (30, 30) } else { (20, 40) };
    let mut json = format!(
        "{{\"voice\":{{\"inbound_connectivity\":true,\"outbound_connectivity\":true,\"e911\":{local},\"fax\":true,\
         \"sip_trunking\":true,\"calls_per_second\":{calls},\"concurrent_calls_limit\":{concurrent},\"long_record_length\":30,\
         \"inbound_called_dtmf\":true,\"inbound_caller_dtmf\":true,\"inbound_caller_id_preservation\":\"{preservation}\",\
         \"inbound_reachability\":\"{reachability}\"{}}},\"sms\":",
        if local { ",\"codecs\":[\"g711u\"]" } else { "" },
    );
    if has_sms {
        let concatenation =
            if local { "\"gsm7_concatenation\":true,\"ucs2_concatenation\":true," } else { "" };
        // Writing into a String cannot fail.
        let _ = write!(
            json,
            "{{\"inbound_connectivity\":true,\"outbound_connectivity\":true,\"gsm7\":true,\"ucs2\":true,{concatenation}\
             \"inbound_sender_id_preservation\":\"{preservation}\",\"inbound_reachability\":\"{reachability}\",\"inbound_mps\":-1}}"
        );
    } else {
        json.push_str("null");
    }
    json.push_str(",\"mms\":");
    if has_mms {
        let _ = write!(
            json,
            "{{\"inbound_connectivity\":true,\"outbound_connectivity\":true,\"inbound_reachability\":\"{reachability}\",\"inbound_mps\":-1}}"
        );
    } else {
        json.push_str("null");
    }
    json.push('}');
    json
}

fn geography_json(geography: &Geography) -> String {
    serde_json::json!({
        "iso_country": geography.iso_country,
        "lata": geography.lata,
        "rate_center": geography.rate_center,
        "latitude": geography.place.map(|place| place.0),
        "longitude": geography.place.map(|place| place.1),
        "region": geography.region,
        "locality": geography.locality,
        "postal_code": geography.postal_code,
    })
    .to_string()
}

/// The name that a number has until it is given one: `(555) 223-0000` for +1, else the number.
pub(crate) fn default_name(number: PhoneNumber) -> String {
    let text = number.to_string();
    match text.strip_prefix("+1") {
        Some(national) if national.len() == 10 => {
            format!("({}) {}-{}", &national[..3], &national[3..6], &national[6..])
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_overlap_and_are_found() {
        assert!(ranges().windows(2).all(|pair| pair[0].last < pair[1].first));
        for range in ranges() {
            for value in [range.first, range.last] {
                let found = number(value).and_then(range_of).expect("in a range");
                assert_eq!(found.first, range.first);
            }
        }
        assert!(PhoneNumber::observed("+16312237469").and_then(range_of).is_none());
        assert!(PhoneNumber::observed("12345").and_then(range_of).is_none());
    }

    #[test]
    fn every_block_is_json() {
        for kind in ranges().iter().map(|range| &range.kind).chain([&*ELSEWHERE]) {
            for block in [&kind.capabilities_json, &kind.regulatory_json, &kind.geography_json] {
                assert!(serde_json::from_str::<serde_json::Value>(block).is_ok(), "{block}");
            }
        }
    }

    #[test]
    fn default_names_are_the_nice_format() {
        let name = |text| PhoneNumber::observed(text).map(default_name);
        assert_eq!(name("+15552230000").as_deref(), Some("(555) 223-0000"));
        assert_eq!(name("+447700900123").as_deref(), Some("+447700900123"));
        assert_eq!(name("+1555223000").as_deref(), Some("+1555223000"));
    }
}

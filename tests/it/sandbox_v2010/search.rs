//! The search for numbers on offer.

use numctl::sandbox::MAIN_SID;
use serde_json::json;

use super::{AU_MOBILE, Client, keys, offers, rows};

#[test]
fn a_search_is_one_page_of_what_nobody_owns() {
    let mut client = Client::new(4, "");
    let local = offers("US/Local.json");
    let body = client.get(&format!("{local}?Contains=%2B15552230004"));
    assert_eq!(keys(&body), ["available_phone_numbers", "uri"]);
    assert_eq!(body["uri"], local);
    assert_eq!(
        body["available_phone_numbers"],
        json!([{
            "address_requirements": "none", "beta": false,
            "capabilities": {"voice": true, "SMS": true, "MMS": true, "fax": true},
            "friendly_name": "(555) 223-0004", "iso_country": "US", "lata": "132",
            "latitude": "40.871900", "locality": "HUNTINGTON", "longitude": "-73.434700",
            "phone_number": "+15552230004", "postal_code": "11743", "rate_center": "HUNTINGTON", "region": "NY",
        }])
    );
    let toll_free = client.get(&offers("US/TollFree.json?PageSize=1"))["available_phone_numbers"][0].clone();
    let nulls = ["lata", "latitude", "locality", "longitude", "postal_code", "rate_center", "region"];
    assert!(nulls.iter().all(|key| toll_free[*key].is_null()), "{toll_free}");
    assert!(client.numbers(&format!("{local}?Contains=%2B15552230003")).is_empty(), "owned");
    assert_eq!(client.numbers(&local).len(), 30, "the default");
    assert_eq!(client.numbers(&format!("{local}?PageSize=1000")).len(), 1000);
    assert_eq!(client.refused("GET", &format!("{local}?PageSize=1001"), &[]), (400, 20007));
    for rest in [
        "US/Mobile.json",
        "DE/Mobile.json",
        "DE/TollFree.json",
        "AQ/Local.json",
        "US/National.json",
        "US/Voip.json",
        "us/Local.json",
        "US/local.json",
        "AQ.json",
    ] {
        assert_eq!(client.refused("GET", &offers(rest), &[]), (404, 20404), "{rest}");
    }
    client.dialect("empty-inventory");
    assert!(client.numbers(&local).is_empty());
}

#[test]
fn filters_of_the_search() {
    let mut client = Client::new(4, "");
    // Places by their number of ranges: each of four digits has 10,000 numbers, so 1,000 is a page
    // from the first of them.
    for (rest, first) in [
        ("US/Local.json?Contains=%2B15552230***", Some("+15552230004")),
        ("US/Local.json?Contains=+15552230***", Some("+15552230004")),
        ("US/Local.json?Contains=415555", Some("+14155550000")),
        ("US/Local.json?Contains=%2B1%254321$", Some("+12025554321")),
        ("US/Local.json?Contains=4321$", Some("+12025554321")),
        ("US/Local.json?Contains=%2B415", None),
        ("US/Local.json?Contains=5559999999", Some("+15559999999")),
        ("US/Local.json?Contains=15559999999", Some("+15559999999")),
        ("US/Local.json?Contains=555HELP", Some("+12025554357")),
        ("US/Local.json?Contains=%2B16312237469", None),
        ("US/Local.json?AreaCode=510", Some("+15105550000")),
        ("US/Local.json?AreaCode=999", None),
        ("US/Local.json?InRegion=ca", Some("+14155550000")),
        ("US/Local.json?InRegion=TX", None),
        ("US/Local.json?InLocality=Oakland", Some("+15105550000")),
        ("US/Local.json?InPostalCode=60601", Some("+13125550000")),
        ("US/Local.json?InRateCenter=OKLD+MN-PD", Some("+15105550000")),
        ("US/Local.json?InLata=236", Some("+12025550000")),
        ("US/Local.json?NearLatLong=37.8,-122.3&Contains=%2B1510", Some("+15105550000")),
        ("US/Local.json?NearLatLong=37.8,-122.3&Contains=%2B1212", None),
        ("US/Local.json?NearLatLong=37.7749,-122.4194&Distance=5&Contains=%2B1510", None),
        ("US/Local.json?NearLatLong=37.7749,-122.4194&Distance=9&Contains=%2B1510", Some("+15105550000")),
        ("US/Local.json?NearNumber=%2B14155551234&Contains=555$", Some("+14155550555")),
        ("US/Local.json?NearNumber=%2B18005551234", None),
        (
            "US/Local.json?SmsEnabled=true&MmsEnabled=true&VoiceEnabled=true&FaxEnabled=true",
            Some("+12025550000"),
        ),
        ("US/Local.json?SmsEnabled=false", None),
        ("US/Local.json?VoiceEnabled=false", None),
        ("US/TollFree.json?SmsEnabled=true", Some("+18005550000")),
        ("US/TollFree.json?SmsEnabled=false", Some("+18885550000")),
        ("US/TollFree.json?MmsEnabled=true", None),
        ("GB/Mobile.json", Some("+447700900000")),
        ("GB/Mobile.json?ExcludeAllAddressRequired=true", None),
        ("GB/Mobile.json?ExcludeAllAddressRequired=false", Some("+447700900000")),
        ("GB/Mobile.json?ExcludeLocalAddressRequired=true", Some("+447700900000")),
        ("DE/Local.json?ExcludeForeignAddressRequired=true", Some("+493023125000")),
        ("DE/Local.json?ExcludeLocalAddressRequired=true", None),
        ("AU/Mobile.json?Beta=true", Some(AU_MOBILE)),
    ] {
        let found = client.numbers(&offers(rest));
        assert_eq!(found.first().map(String::as_str), first, "{rest}");
    }
    for rest in [
        "Contains=1",
        "Contains=12345678901234567",
        "Contains=1-2",
        "Distance=501",
        "Distance=x",
        "NearLatLong=1",
        "NearNumber=x",
    ] {
        assert_eq!(
            client.refused("GET", &offers(&format!("US/Local.json?{rest}")), &[]),
            (400, 20422),
            "{rest}"
        );
    }
    assert_eq!(client.refused("GET", &offers("US/Local.json?AreaCode=4155"), &[]), (400, 21451));
    for (pattern, count, first, last) in [
        ("%2B1415***77**", 100, "+14155557700", "+14155557799"),
        ("%2B1415*55*77*", 100, "+14155550770", "+14155559779"),
        ("%2B1415*55*77", 100, "+14155550770", "+14155559779"),
        ("%2B1415%2577$", 100, "+14155550077", "+14155559977"),
    ] {
        let all = client.numbers(&offers(&format!("US/Local.json?PageSize=1000&Contains={pattern}")));
        let ends = (all.len(), all.first().map(String::as_str), all.last().map(String::as_str));
        assert_eq!(ends, (count, Some(first), Some(last)), "{pattern}");
    }
    assert!(client.numbers(&offers("US/Local.json?Contains=%2B1415*55*77$")).is_empty(), "ten digits");
}

/// A walk over ten million numbers would take seconds where this takes microseconds.
#[test]
fn a_search_does_not_walk() {
    let mut client = Client::new(200_000, "");
    let clock = std::time::Instant::now();
    for _ in 0..100 {
        for (pattern, count) in [
            ("%2B15559999999", 1),
            ("15559999998", 1),
            ("9999999$", 1),
            ("%2B15559876543210", 0),
            ("1234*1234", 0),
        ] {
            assert_eq!(
                client.numbers(&offers(&format!("US/Local.json?Contains={pattern}"))).len(),
                count,
                "{pattern}"
            );
        }
    }
    assert!(clock.elapsed().as_secs() < 5, "{:?}", clock.elapsed());
}

#[test]
fn countries_of_the_search() {
    let mut client = Client::new(0, "");
    let path = format!("/2010-04-01/Accounts/{MAIN_SID}/AvailablePhoneNumbers.json");
    let body = client.get(&path);
    assert_eq!(keys(&body), ["countries", "uri"]);
    let codes: Vec<_> = rows(&body).iter().map(|row| row["country_code"].as_str().expect("a code")).collect();
    assert_eq!(codes, ["AU", "DE", "GB", "US"]);
    let us = client.get(&offers("US.json"));
    assert_eq!(us, rows(&body)[3]);
    assert_eq!(
        us,
        json!({
            "beta": false, "country": "United States", "country_code": "US",
            "subresource_uris": {"local": offers("US/Local.json"), "toll_free": offers("US/TollFree.json")},
            "uri": offers("US.json"),
        })
    );
    for row in rows(&body) {
        for link in row["subresource_uris"].as_object().expect("links").values() {
            assert!(!client.numbers(link.as_str().expect("a link")).is_empty(), "{link}");
        }
    }
}

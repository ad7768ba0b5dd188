//! What a filter may ask for: a value that no number can have is an error, and never "no numbers".

use super::Filter;
use crate::client::api::error::Operation;
use crate::model::country::is_country;
use crate::model::number::PhoneNumber;
use crate::model::number_type::NumberType;
use crate::model::provider::Api;

/// Twilio's largest distance, in miles.
const MILES_MAX: u32 = 500;
/// The shortest pattern of digits and letters that Twilio takes.
const PATTERN_MIN: usize = 2;

/// A filter's value as it is sent.
///
/// # Errors
/// Says why no number can have it.
pub(super) fn read(filter: Filter, text: &str, api: Api, operation: Operation) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.chars().any(char::is_control) {
        return Err("it contains a control character".into());
    }
    match filter {
        Filter::PhoneNumber | Filter::NearNumber => phone_number(filter, text, api),
        Filter::Type => number_type(text, api, operation),
        Filter::IsoCountry => country(text),
        Filter::VoiceInboundCallerIdPreservation | Filter::SmsInboundSenderIdPreservation => {
            one_of(text, &["international", "domestic", "none"])
        }
        Filter::VoiceInboundReachability | Filter::SmsInboundReachability | Filter::MmsInboundReachability => {
            one_of(text, &["domestic", "foreign", "global"])
        }
        Filter::Origin => one_of(text, &["twilio", "hosted"]),
        Filter::Lata => digits(text, 3, "a LATA is 3 digits, such as 132"),
        Filter::AreaCode if text.starts_with(['0', '1']) => Err("no area code starts with 0 or 1".into()),
        Filter::AreaCode => digits(text, 3, "an area code is 3 digits, such as 212"),
        Filter::Latitude => degrees(text, 90.0).map(|()| text.to_owned()),
        Filter::Longitude => degrees(text, 180.0).map(|()| text.to_owned()),
        Filter::NearLatLong => {
            let (latitude, longitude) =
                text.split_once(',').ok_or("it is LATITUDE,LONGITUDE, such as 40.7,-74.0")?;
            let (latitude, longitude) = (latitude.trim(), longitude.trim());
            degrees(latitude, 90.0)?;
            degrees(longitude, 180.0)?;
            Ok(format!("{latitude},{longitude}"))
        }
        Filter::Distance => match text.parse() {
            Ok(1..=MILES_MAX) => Ok(text.to_owned()),
            Ok(_) | Err(_) => Err(format!("a distance is 1 to {MILES_MAX} miles")),
        },
        Filter::Contains => pattern(text),
        Filter::RateCenter
        | Filter::Region
        | Filter::Locality
        | Filter::PostalCode
        | Filter::FriendlyName
        // The command line reads these.
        | Filter::Beta
        | Filter::VoiceEnabled
        | Filter::SmsEnabled
        | Filter::MmsEnabled
        | Filter::FaxEnabled
        | Filter::ExcludeAllAddressRequired
        | Filter::ExcludeLocalAddressRequired
        | Filter::ExcludeForeignAddressRequired => Ok(text.to_owned()),
    }
}

fn phone_number(filter: Filter, text: &str, api: Api) -> Result<String, String> {
    // The lists take a pattern, too.
    let is_pattern =
        |digits: &str| digits.contains('*') && digits.bytes().all(|b| b.is_ascii_digit() || b == b'*');
    if filter == Filter::PhoneNumber && is_pattern(text.strip_prefix('+').unwrap_or(text)) {
        return Ok(text.to_owned());
    }
    let number = PhoneNumber::declared(text).map_err(|error| error.to_string())?;
    match (number.is_short_code(), filter, api) {
        (true, Filter::PhoneNumber, Api::ActiveNumbers) | (false, ..) => Ok(number.to_string()),
        (true, ..) => Err(SHORT_CODE.into()),
    }
}

/// What v2010's lists of numbers do not have.
const SHORT_CODE: &str =
    "incoming-phone-numbers lists no short codes; numctl manages short codes over active-numbers only";

fn number_type(text: &str, api: Api, operation: Operation) -> Result<String, String> {
    let plain = text.replace(['-', '_', ' '], "").to_ascii_lowercase();
    if let Some(kind) = NumberType::parse(&plain) {
        return Ok(kind.as_str().to_owned());
    }
    match (plain.as_str(), api, operation) {
        ("shortcode", Api::ActiveNumbers, _) => Ok(plain),
        ("shortcode", Api::IncomingPhoneNumbers, Operation::Search) => {
            Err("short codes are leased from Twilio, and no search offers them".into())
        }
        ("shortcode", Api::IncomingPhoneNumbers, _) => Err(SHORT_CODE.into()),
        (_, Api::ActiveNumbers, _) => Err("it is local, mobile, tollfree or shortcode".into()),
        (_, Api::IncomingPhoneNumbers, _) => Err("it is local, mobile or tollfree".into()),
    }
}

fn country(text: &str) -> Result<String, String> {
    if is_country(text) {
        return Ok(text.to_ascii_uppercase());
    }
    let meant = match text.to_ascii_uppercase().as_str() {
        "USA" => " (did you mean US?)",
        "UK" => " (did you mean GB?)",
        _ => "",
    };
    Err(format!("a country is two letters of ISO 3166, such as US{meant}"))
}

fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    let known = words.iter().find(|word| word.eq_ignore_ascii_case(text));
    known.map(|word| (*word).to_owned()).ok_or_else(|| format!("it is one of {}", words.join(", ")))
}

fn digits(text: &str, count: usize, why: &str) -> Result<String, String> {
    let is_good = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if is_good { Ok(text.to_owned()) } else { Err(why.to_owned()) }
}

fn degrees(text: &str, max: f64) -> Result<(), String> {
    match text.parse::<f64>() {
        Ok(degrees) if degrees.abs() <= max => Ok(()),
        Ok(_) | Err(_) => Err(format!("a coordinate is degrees from -{max} to {max}, such as 40.7")),
    }
}

fn pattern(text: &str) -> Result<String, String> {
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '%' | '+' | '$' | '^' | '#');
    if !text.chars().all(is_good) {
        return Err("a pattern is digits, letters and *, such as 510555****".into());
    }
    if text.len() < PATTERN_MIN {
        return Err(format!("a pattern has at least {PATTERN_MIN} characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_number_can_have_is_an_error() {
        let (list, search) = (Operation::List, Operation::Search);
        let (active, v2010) = (Api::ActiveNumbers, Api::IncomingPhoneNumbers);
        for (filter, text, api, operation) in [
            (Filter::PhoneNumber, "15552230000", active, list),
            (Filter::PhoneNumber, "foo", v2010, list),
            (Filter::PhoneNumber, "67898", v2010, list),
            (Filter::Type, "foo", active, list),
            (Filter::Type, "shortcode", v2010, list),
            (Filter::IsoCountry, "USA", active, list),
            (Filter::IsoCountry, "UK", v2010, search),
            (Filter::IsoCountry, "../x", v2010, search),
            (Filter::IsoCountry, "ZZ", active, search),
            (Filter::VoiceInboundReachability, "foo", active, list),
            (Filter::SmsInboundSenderIdPreservation, "global", active, list),
            (Filter::Origin, "foo", v2010, list),
            (Filter::Lata, "foo", active, list),
            (Filter::AreaCode, "15", v2010, search),
            (Filter::AreaCode, "123", v2010, search),
            (Filter::Latitude, "91", active, list),
            (Filter::Longitude, "NaN", active, list),
            (Filter::NearLatLong, "40.7", v2010, search),
            (Filter::NearNumber, "foo", v2010, search),
            (Filter::Distance, "0", v2010, search),
            (Filter::Contains, "a b", v2010, search),
            (Filter::Contains, "1", v2010, search),
            (Filter::FriendlyName, " ", v2010, list),
            (Filter::Locality, "a\u{1b}b", active, list),
        ] {
            assert!(read(filter, text, api, operation).is_err(), "{filter:?} {text:?}");
        }
    }

    #[test]
    fn what_is_sent_is_how_the_api_writes_it() {
        let good = |filter, text| read(filter, text, Api::ActiveNumbers, Operation::List);
        assert_eq!(good(Filter::IsoCountry, "us"), Ok("US".to_owned()));
        assert_eq!(good(Filter::Type, "Toll-Free"), Ok("tollfree".to_owned()));
        assert_eq!(good(Filter::Type, "shortcode"), Ok("shortcode".to_owned()));
        assert_eq!(good(Filter::PhoneNumber, "67898"), Ok("67898".to_owned()));
        assert_eq!(good(Filter::VoiceInboundReachability, "Global"), Ok("global".to_owned()));
        assert_eq!(good(Filter::NearLatLong, "40.7, -74.0"), Ok("40.7,-74.0".to_owned()));
    }
}

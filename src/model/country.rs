//! The country of a phone number, as far as its calling code shows it.

use crate::model::number::{PhoneNumber, calling_code};

/// The ISO 3166 country of a number, in two capital letters. `None` for North America, whose one
/// calling code is shared by twenty countries, for networks without a country, and for short codes.
///
/// Where a small territory shares its neighbour's calling code, the neighbour is meant.
#[must_use]
pub fn country_of(number: PhoneNumber) -> Option<&'static str> {
    if number.is_short_code() {
        return None;
    }
    let text = number.to_string();
    let digits = text.strip_prefix('+')?;
    (1..=3).find_map(|length| {
        let code: u16 = digits.get(..length)?.parse().ok()?;
        COUNTRIES.binary_search_by_key(&code, |entry| entry.0).ok().map(|at| COUNTRIES[at].1)
    })
}

/// The calling code of a number; `None` for a short code, and for a code that no country and no network
/// has.
#[must_use]
pub fn calling_code_of(number: PhoneNumber) -> Option<u16> {
    let text = number.to_string();
    calling_code(text.strip_prefix('+')?).map(|(code, _, _)| code)
}

/// The calling code of a country, two capital letters; `None` for North America, and for a territory that
/// shares its neighbour's.
#[must_use]
pub fn calling_code_in(country: &str) -> Option<u16> {
    COUNTRIES.iter().find(|(_, known)| *known == country).map(|(code, _)| *code)
}

/// Whether a text is an ISO 3166 country: two letters, in either case.
#[must_use]
pub fn is_country(code: &str) -> bool {
    CODES.split(' ').any(|known| known.eq_ignore_ascii_case(code))
}

/// The countries of ISO 3166, and Kosovo.
const CODES: &str = "\
     AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
     BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
     ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
     HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
     LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
     NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
     SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
     UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// ITU-T E.164 calling codes with their ISO 3166 countries.
#[rustfmt::skip]
const COUNTRIES: &[(u16, &str)] = &[
    (7,"RU"),
    (20,"EG"),(27,"ZA"),(30,"GR"),(31,"NL"),(32,"BE"),(33,"FR"),(34,"ES"),(36,"HU"),(39,"IT"),
    (40,"RO"),(41,"CH"),(43,"AT"),(44,"GB"),(45,"DK"),(46,"SE"),(47,"NO"),(48,"PL"),(49,"DE"),
    (51,"PE"),(52,"MX"),(53,"CU"),(54,"AR"),(55,"BR"),(56,"CL"),(57,"CO"),(58,"VE"),
    (60,"MY"),(61,"AU"),(62,"ID"),(63,"PH"),(64,"NZ"),(65,"SG"),(66,"TH"),
    (81,"JP"),(82,"KR"),(84,"VN"),(86,"CN"),
    (90,"TR"),(91,"IN"),(92,"PK"),(93,"AF"),(94,"LK"),(95,"MM"),(98,"IR"),
    (211,"SS"),(212,"MA"),(213,"DZ"),(216,"TN"),(218,"LY"),(220,"GM"),(221,"SN"),(222,"MR"),(223,"ML"),(224,"GN"),
    (225,"CI"),(226,"BF"),(227,"NE"),(228,"TG"),(229,"BJ"),(230,"MU"),(231,"LR"),(232,"SL"),(233,"GH"),(234,"NG"),
    (235,"TD"),(236,"CF"),(237,"CM"),(238,"CV"),(239,"ST"),(240,"GQ"),(241,"GA"),(242,"CG"),(243,"CD"),(244,"AO"),
    (245,"GW"),(248,"SC"),(249,"SD"),(250,"RW"),(251,"ET"),(252,"SO"),(253,"DJ"),(254,"KE"),
    (255,"TZ"),(256,"UG"),(257,"BI"),(258,"MZ"),(260,"ZM"),(261,"MG"),(262,"RE"),(263,"ZW"),(264,"NA"),(265,"MW"),
    (266,"LS"),(267,"BW"),(268,"SZ"),(269,"KM"),(290,"SH"),(291,"ER"),(297,"AW"),(298,"FO"),(299,"GL"),
    (350,"GI"),(351,"PT"),(352,"LU"),(353,"IE"),(354,"IS"),(355,"AL"),(356,"MT"),(357,"CY"),(358,"FI"),(359,"BG"),
    (370,"LT"),(371,"LV"),(372,"EE"),(373,"MD"),(374,"AM"),(375,"BY"),(376,"AD"),(377,"MC"),(378,"SM"),
    (380,"UA"),(381,"RS"),(382,"ME"),(385,"HR"),(386,"SI"),(387,"BA"),(389,"MK"),
    (420,"CZ"),(421,"SK"),(423,"LI"),
    (500,"FK"),(501,"BZ"),(502,"GT"),(503,"SV"),(504,"HN"),(505,"NI"),(506,"CR"),(507,"PA"),(508,"PM"),(509,"HT"),
    (590,"GP"),(591,"BO"),(592,"GY"),(593,"EC"),(594,"GF"),(595,"PY"),(596,"MQ"),(597,"SR"),(598,"UY"),(599,"CW"),
    (670,"TL"),(673,"BN"),(674,"NR"),(675,"PG"),(676,"TO"),(677,"SB"),(678,"VU"),(679,"FJ"),(680,"PW"),
    (681,"WF"),(682,"CK"),(683,"NU"),(685,"WS"),(686,"KI"),(687,"NC"),(688,"TV"),(689,"PF"),(690,"TK"),(691,"FM"),(692,"MH"),
    (850,"KP"),(852,"HK"),(853,"MO"),(855,"KH"),(856,"LA"),
    (880,"BD"),(886,"TW"),
    (960,"MV"),(961,"LB"),(962,"JO"),(963,"SY"),(964,"IQ"),(965,"KW"),(966,"SA"),(967,"YE"),(968,"OM"),
    (970,"PS"),(971,"AE"),(972,"IL"),(973,"BH"),(974,"QA"),(975,"BT"),(976,"MN"),(977,"NP"),
    (992,"TJ"),(993,"TM"),(994,"AZ"),(995,"GE"),(996,"KG"),(998,"UZ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_no_code_hides_another() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let codes: Vec<String> = COUNTRIES.iter().map(|(code, _)| code.to_string()).collect();
        for code in &codes {
            assert!(codes.iter().all(|other| other == code || !other.starts_with(code.as_str())), "{code}");
        }
    }

    #[test]
    fn every_country_of_a_calling_code_is_a_country() {
        assert!(COUNTRIES.iter().all(|(_, country)| is_country(country)));
        assert_eq!(CODES.split(' ').count(), 250);
        assert!(is_country("us") && is_country("PR") && is_country("ZW"));
        for wrong in ["", "U", "UK", "USA", "AD AE", "ZZ", "12"] {
            assert!(!is_country(wrong), "{wrong}");
        }
    }

    #[test]
    fn countries_are_told_by_their_calling_code() {
        let country = |text: &str| PhoneNumber::observed(text).and_then(country_of);
        assert_eq!(country("+493023125000"), Some("DE"));
        assert_eq!(country("+353861234567"), Some("IE"));
        assert_eq!(country("+15552230000"), None);
        assert_eq!(country("+80012345678"), None);
        assert_eq!(country("49302"), None);
    }
}

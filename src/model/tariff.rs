//! What a number is charged as: its country and its type, as Twilio's price lists have them.

use std::fmt;
use std::num::NonZeroU8;

use crate::model::country::country_of;
use crate::model::number::PhoneNumber;
use crate::model::number_type::NumberType;

/// A country by its ISO 3166 code, two capital letters. Two bytes, also where there is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(NonZeroU8, u8);

impl Country {
    /// Reads the code of an answer; `None` where it is not two letters.
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        let [first, second]: [u8; 2] = text.as_bytes().try_into().ok()?;
        let are_letters = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
        let first = NonZeroU8::new(first.to_ascii_uppercase()).filter(|_| are_letters)?;
        Some(Self(first, second.to_ascii_uppercase()))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0.get()), char::from(self.1))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A type of number that is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KindOnBill {
    Local,
    /// Of a mobile network.
    Mobile,
    /// Of the whole country.
    National,
    TollFree,
    /// One that this numctl does not know: it has no price, and may be any in a price list.
    Other,
}

impl From<NumberType> for KindOnBill {
    fn from(kind: NumberType) -> Self {
        match kind {
            NumberType::Local => Self::Local,
            NumberType::Mobile => Self::Mobile,
            NumberType::TollFree => Self::TollFree,
        }
    }
}

impl KindOnBill {
    /// The type of a word, however it is written: `tollfree`, `toll-free`, `toll free`. `None` for
    /// Reads the code of an answer; `None` where it is not two letters.
    #[must_use]
    pub fn observed(text: &str) -> Option<Self> {
        let of = |plain: &str| {
            Some(match plain {
                "local" => Self::Local,
                "mobile" => Self::Mobile,
                "national" => Self::National,
                "tollfree" => Self::TollFree,
                _ => return None,
            })
        };
        of(text).or_else(|| {
            let plain = text.replace(['-', '_', ' '], "").to_ascii_lowercase();
            (!plain.is_empty()).then(|| of(&plain).unwrap_or(Self::Other))
        })
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Mobile => "mobile",
            Self::National => "national",
            Self::TollFree => "tollfree",
            Self::Other => "other",
        }
    }
}

/// What the API reports about a number's price. Three bytes: a fleet has a million numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Tariff {
    /// `None` where it does not say, as v2010 never does.
    pub country: Option<Country>,
    pub kind: Option<KindOnBill>,
}

/// All that is known of what a number is charged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    /// `None` where nothing shows it.
    pub country: Option<Country>,
    /// Its type, as far as that is known.
    pub kind: PossibleKind,
}

/// What is known of a number's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PossibleKind {
    Is(KindOnBill),
    /// Any but toll-free, as a North American number tells by its area code.
    NotTollFree,
    Any,
    /// A short code: leased, and in no price list.
    ShortCode,
}

impl Class {
    /// What the API reports about a number, and where it does not, what the number itself does.
    #[must_use]
    pub fn for_number(number: Option<PhoneNumber>, told: Tariff) -> Self {
        if number.is_some_and(PhoneNumber::is_short_code) {
            return Self { country: told.country, kind: PossibleKind::ShortCode };
        }
        if let Tariff { country: Some(country), kind: Some(kind) } = told {
            return Self { country: Some(country), kind: PossibleKind::Is(kind) };
        }
        let area = number.and_then(north_american);
        let is_toll_free = area.is_some_and(|area| TOLL_FREE.contains(&area));
        let kind = match (told.kind, area) {
            (Some(kind), _) => PossibleKind::Is(kind),
            (None, Some(_)) if is_toll_free => PossibleKind::Is(KindOnBill::TollFree),
            (None, Some(_)) => PossibleKind::NotTollFree,
            (None, None) => PossibleKind::Any,
        };
        Self { country: told.country.or_else(|| country(number?)), kind }
    }

    /// Whether nothing more need be asked to find its price in a list.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn is_told(self) -> bool {
        self.country.is_some() && !matches!(self.kind, PossibleKind::Any)
    }
}

/// The country that a number tells, where it tells exactly one.
fn country(number: PhoneNumber) -> Option<Country> {
    if let Some(area) = north_american(number) {
        let is_in = |areas: &[u16]| areas.binary_search(&area).is_ok();
        // Twilio lists the toll-free numbers that North America shares under US, as its page's
        // own sample does.
        let code = if is_in(UNITED_STATES) || is_in(TOLL_FREE) {
            Some("US")
        } else if is_in(CANADA) {
            Some("CA")
        } else {
            other_country(area)
        };
        return Country::observed(code?);
    }
    let digits = number.to_string();
    match digits.as_bytes() {
        [b'+', b'7', b'6' | b'7', ..] => Country::observed("KZ"),
        _ => Country::observed(country_of(number)?),
    }
}

/// Whether numbers of a country are of the North American plan.
#[must_use]
pub fn is_north_american_country(country: &str) -> bool {
    matches!(country, "US" | "CA") || OTHERS.iter().any(|(_, other)| *other == country)
}

/// Whether this North American area code, three digits, is of another country than the US and Canada.
#[must_use]
pub fn is_other_area(area: &str) -> bool {
    area.parse().ok().and_then(other_country).is_some()
}

fn other_country(area: u16) -> Option<&'static str> {
    OTHERS.binary_search_by_key(&area, |entry| entry.0).ok().map(|at| OTHERS[at].1)
}

/// The area code of a number of the North American plan, of full length.
fn north_american(number: PhoneNumber) -> Option<u16> {
    let text = number.to_string();
    let national = text.strip_prefix("+1").filter(|national| national.len() == 10)?;
    national[..3].parse().ok()
}

/// The area codes of toll-free numbers.
const TOLL_FREE: &[u16] = &[800, 833, 844, 855, 866, 877, 888];

/// The area codes of the United States, without its territories.
#[rustfmt::skip]
const UNITED_STATES: &[u16] = &[
    201,202,203,205,206,207,208,209,210,212,213,214,215,216,217,218,219,220,223,224,225,227,228,229,231,234,
    235,239,240,248,251,252,253,254,256,260,262,267,269,270,272,274,276,279,281,283,301,302,303,304,305,307,
    308,309,310,312,313,314,315,316,317,318,319,320,321,323,324,325,326,327,329,330,331,332,334,336,337,339,
    341,346,347,350,351,352,353,360,361,363,364,369,380,385,386,401,402,404,405,406,407,408,409,410,412,413,
    414,415,417,419,423,424,425,430,432,434,435,440,442,443,445,447,448,458,463,464,469,470,472,475,478,479,
    480,484,501,502,503,504,505,507,508,509,510,512,513,515,516,517,518,520,530,531,534,539,540,541,551,557,
    559,561,562,563,564,567,570,571,572,573,574,575,580,582,585,586,601,602,603,605,606,607,608,609,610,612,
    614,615,616,617,618,619,620,623,626,628,629,630,631,636,640,641,645,646,650,651,656,657,659,660,661,662,
    667,669,678,680,681,682,686,689,701,702,703,704,706,707,708,712,713,714,715,716,717,718,719,720,724,725,
    726,727,728,730,731,732,734,737,738,740,743,747,748,754,757,760,762,763,765,769,770,771,772,773,774,775,
    779,781,785,786,801,802,803,804,805,806,808,810,812,813,814,815,816,817,818,820,821,826,828,830,831,832,
    835,838,839,840,843,845,847,848,850,854,856,857,858,859,860,862,863,864,865,870,872,878,901,903,904,906,
    907,908,909,910,912,913,914,915,916,917,918,919,920,925,928,929,930,931,934,936,937,938,940,941,943,945,
    947,948,949,951,952,954,956,959,970,971,972,973,975,978,979,980,983,984,985,986,989,
];

#[rustfmt::skip]
const CANADA: &[u16] = &[
    204,226,236,249,250,257,263,273,289,306,343,354,365,367,368,382,403,416,418,428,431,437,438,450,468,474,
    506,514,519,548,579,581,584,587,604,613,639,647,672,683,705,709,742,753,778,780,782,807,819,825,867,873,
    879,902,905,942,
];

/// Those of everybody else in North America.
#[rustfmt::skip]
const OTHERS: &[(u16, &str)] = &[
    (242,"BS"),(246,"BB"),(264,"AI"),(268,"AG"),(284,"VG"),(340,"VI"),(345,"KY"),(441,"BM"),(473,"GD"),
    (649,"TC"),(658,"JM"),(664,"MS"),(670,"MP"),(671,"GU"),(684,"AS"),(721,"SX"),(758,"LC"),(767,"DM"),
    (784,"VC"),(787,"PR"),(809,"DO"),(829,"DO"),(849,"DO"),(868,"TT"),(869,"KN"),(876,"JM"),(939,"PR"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn class(number: &str, told: Tariff) -> (String, PossibleKind) {
        let class = Class::for_number(PhoneNumber::observed(number), told);
        (class.country.map_or_else(|| "-".to_owned(), |country| country.to_string()), class.kind)
    }

    #[test]
    fn a_number_tells_its_country_and_type_where_there_is_only_one() {
        for (number, country, kind) in [
            ("+12125550100", "US", PossibleKind::NotTollFree),
            ("+14165550100", "CA", PossibleKind::NotTollFree),
            ("+17875550100", "PR", PossibleKind::NotTollFree),
            ("+18005550100", "US", PossibleKind::Is(KindOnBill::TollFree)),
            // No one's area code, and too short for any.
            ("+15552230000", "-", PossibleKind::NotTollFree),
            ("+1555223000", "-", PossibleKind::Any),
            ("+447700900123", "GB", PossibleKind::Any),
            ("+77012345678", "KZ", PossibleKind::Any),
            ("+79012345678", "RU", PossibleKind::Any),
            ("+80012345678", "-", PossibleKind::Any),
            ("12345", "-", PossibleKind::ShortCode),
        ] {
            assert_eq!(class(number, Tariff::default()), (country.to_owned(), kind), "{number}");
        }
    }

    #[test]
    fn what_the_api_tells_goes_first() {
        let told = Tariff { country: Country::observed("us"), kind: KindOnBill::observed("toll free") };
        assert_eq!(class("+447700900123", told), ("US".to_owned(), PossibleKind::Is(KindOnBill::TollFree)));
        let odd = Tariff { country: None, kind: KindOnBill::observed("satellite") };
        assert_eq!(class("+12125550100", odd), ("US".to_owned(), PossibleKind::Is(KindOnBill::Other)));
        assert_eq!(Country::observed("U1"), None);
        assert_eq!(KindOnBill::observed(""), None);
    }

    #[test]
    fn the_area_codes_are_sorted_and_nobody_shares_one() {
        let others: Vec<u16> = OTHERS.iter().map(|entry| entry.0).collect();
        let lists = [UNITED_STATES, CANADA, &others, TOLL_FREE];
        let mut all: Vec<u16> = lists.concat();
        assert!(lists.iter().all(|list| list.windows(2).all(|pair| pair[0] < pair[1])));
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_tariff_is_three_bytes() {
        assert_eq!(size_of::<Tariff>(), 3);
    }
}

//! The filters of listings and searches, by each API's case-sensitive names.

mod value;

use url::Url;

use super::error::Operation;
use super::routes::{NumberType, Routes};
use crate::model::claim::has_places;
use crate::model::provider::Api;

/// One filter of a listing or a search, by Twilio's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    /// This number; a search over v2010 takes it as a pattern.
    PhoneNumber,
    /// local, mobile, tollfree, shortcode…
    Type,
    /// international, domestic or none.
    VoiceInboundCallerIdPreservation,
    /// domestic, foreign or global.
    VoiceInboundReachability,
    /// international, domestic or none.
    SmsInboundSenderIdPreservation,
    /// domestic, foreign or global.
    SmsInboundReachability,
    /// domestic, foreign or global.
    MmsInboundReachability,
    IsoCountry,
    Lata,
    RateCenter,
    Latitude,
    Longitude,
    /// A state or province.
    Region,
    Locality,
    PostalCode,
    /// The name of a live number.
    FriendlyName,
    /// Whether numbers that are new to Twilio count: true or false.
    Beta,
    /// twilio or hosted.
    Origin,
    /// Three digits, in the US and Canada.
    AreaCode,
    /// A pattern of digits and letters.
    Contains,
    /// Near this number, in the US and Canada.
    NearNumber,
    /// Near this place: `latitude,longitude`.
    NearLatLong,
    /// How near, in miles.
    Distance,
    /// true or false.
    VoiceEnabled,
    /// true or false.
    SmsEnabled,
    /// true or false.
    MmsEnabled,
    /// true or false.
    FaxEnabled,
    /// No number whose country wants an address: true or false.
    ExcludeAllAddressRequired,
    /// No number whose country wants an address there.
    ExcludeLocalAddressRequired,
    /// No number whose country wants an address elsewhere.
    ExcludeForeignAddressRequired,
}

/// Why a filter cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The API has no such filter here.
    #[error("{api} has no filter for {filter} on {what}", api = .api.name(), filter = .filter.as_str())]
    NotHere {
        filter: Filter,
        api: Api,
        /// Live numbers, or available numbers.
        what: &'static str,
    },
    /// A search over v2010 is within one country.
    #[error("IncomingPhoneNumbers searches in one country: name it, such as --country US")]
    NoCountry,
    /// No number can have this value.
    #[error("--{filter} {text:?}: {why}", filter = .filter.as_str())]
    Value { filter: Filter, text: String, why: String },
    /// A filter that v2010 has for the US and Canada, in another country.
    #[error(
        "--{filter} works in the US and Canada only, and the country is {country}: elsewhere it may be ignored. Use \
         --contains with the numbers' first digits",
        filter = .filter.as_str()
    )]
    NeedsPlaces { filter: Filter, country: String },
}

impl Filter {
    /// The filter in a message, as its option is called.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// Its option, and its parameters: of both lists of ActiveNumbers, of v2010's live numbers, of
    /// v2010's available numbers. Country and type are in v2010's paths.
    fn row(self) -> (&'static str, Option<&'static str>, Option<&'static str>, Option<&'static str>) {
        match self {
            Self::PhoneNumber => ("phone-number", Some("PhoneNumber"), Some("PhoneNumber"), Some("Contains")),
            Self::Type => ("type", Some("Type"), None, None),
            Self::VoiceInboundCallerIdPreservation => (
                "voice-caller-id-preservation",
                Some("Capabilities.Voice.InboundCallerIdPreservation"),
                None,
                None,
            ),
            Self::VoiceInboundReachability => {
                ("voice-reachability", Some("Capabilities.Voice.InboundReachability"), None, None)
            }
            Self::SmsInboundSenderIdPreservation => (
                "sms-sender-id-preservation",
                Some("Capabilities.Sms.InboundSenderIdPreservation"),
                None,
                None,
            ),
            Self::SmsInboundReachability => {
                ("sms-reachability", Some("Capabilities.Sms.InboundReachability"), None, None)
            }
            Self::MmsInboundReachability => {
                ("mms-reachability", Some("Capabilities.Mms.InboundReachability"), None, None)
            }
            Self::IsoCountry => ("country", Some("Geography.IsoCountry"), None, None),
            Self::Lata => ("lata", Some("Geography.Lata"), None, Some("InLata")),
            Self::RateCenter => ("rate-center", Some("Geography.RateCenter"), None, Some("InRateCenter")),
            Self::Latitude => ("latitude", Some("Geography.Latitude"), None, None),
            Self::Longitude => ("longitude", Some("Geography.Longitude"), None, None),
            Self::Region => ("region", Some("Geography.Region"), None, Some("InRegion")),
            Self::Locality => ("locality", Some("Geography.Locality"), None, Some("InLocality")),
            Self::PostalCode => ("postal-code", Some("Geography.PostalCode"), None, Some("InPostalCode")),
            Self::FriendlyName => ("friendly-name", None, Some("FriendlyName"), None),
            Self::Beta => ("beta", None, Some("Beta"), Some("Beta")),
            Self::Origin => ("origin", None, Some("Origin"), None),
            Self::AreaCode => ("area-code", None, None, Some("AreaCode")),
            Self::Contains => ("contains", None, None, Some("Contains")),
            Self::NearNumber => ("near-number", None, None, Some("NearNumber")),
            Self::NearLatLong => ("near-lat-long", None, None, Some("NearLatLong")),
            Self::Distance => ("distance", None, None, Some("Distance")),
            Self::VoiceEnabled => ("voice-enabled", None, None, Some("VoiceEnabled")),
            Self::SmsEnabled => ("sms-enabled", None, None, Some("SmsEnabled")),
            Self::MmsEnabled => ("mms-enabled", None, None, Some("MmsEnabled")),
            Self::FaxEnabled => ("fax-enabled", None, None, Some("FaxEnabled")),
            Self::ExcludeAllAddressRequired => {
                ("exclude-all-address-required", None, None, Some("ExcludeAllAddressRequired"))
            }
            Self::ExcludeLocalAddressRequired => {
                ("exclude-local-address-required", None, None, Some("ExcludeLocalAddressRequired"))
            }
            Self::ExcludeForeignAddressRequired => {
                ("exclude-foreign-address-required", None, None, Some("ExcludeForeignAddressRequired"))
            }
        }
    }

    /// Whether v2010 documents it on available numbers for the US and Canada only.
    fn needs_places(self) -> bool {
        matches!(
            self,
            Self::AreaCode
                | Self::Lata
                | Self::RateCenter
                | Self::Region
                | Self::PostalCode
                | Self::NearNumber
                | Self::NearLatLong
                | Self::Distance
        )
    }

    /// The query parameter, where the API has one there.
    #[must_use]
    pub fn parameter(self, api: Api, operation: Operation) -> Option<&'static str> {
        let (_, active, live, offered) = self.row();
        match (api, operation) {
            (Api::ActiveNumbers, _) => active,
            (Api::IncomingPhoneNumbers, Operation::Search) => offered,
            (Api::IncomingPhoneNumbers, _) => live,
        }
    }
}

/// The filters of one listing, in the order in which they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(pub Vec<(Filter, String)>);

/// Where a listing or a search begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The list's own address, which every link to a further page stays on.
    pub listing: Url,
    pub first_page: Url,
    /// The type of all its numbers, where the address says it.
    pub kind: Option<NumberType>,
}

/// The result of browsing a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browsed {
    /// It was read, as far as it was wanted.
    Whole,
    /// A search for a type of numbers that the country does not have: there is no such list.
    NotSold,
}

impl Filters {
    /// What a filter asks for.
    #[must_use]
    pub fn get(&self, filter: Filter) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == filter).map(|(_, value)| value.as_str())
    }

    /// Where the live numbers, or those available, begin. Over v2010, types have lists of their own:
    /// a search without a type goes through them.
    ///
    /// # Errors
    /// When the API has no such filter there, or no number can have its value.
    pub fn starts(
        &self,
        routes: &Routes,
        operation: Operation,
        page_size: u16,
    ) -> Result<Vec<Start>, FilterError> {
        self.checked(routes.api, operation)?.starts_as_read(routes, operation, page_size)
    }

    /// The filters with their values as they are sent.
    fn checked(&self, api: Api, operation: Operation) -> Result<Self, FilterError> {
        let read = |(filter, text): &(Filter, String)| match value::read(*filter, text, api, operation) {
            Ok(value) => Ok((*filter, value)),
            Err(why) => Err(FilterError::Value { filter: *filter, text: text.clone(), why }),
        };
        self.0.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    fn starts_as_read(
        &self,
        routes: &Routes,
        operation: Operation,
        page_size: u16,
    ) -> Result<Vec<Start>, FilterError> {
        let kind = match routes.api {
            Api::IncomingPhoneNumbers => self.get(Filter::Type).and_then(NumberType::parse),
            Api::ActiveNumbers => None,
        };
        let listings: Vec<(Url, Option<NumberType>)> = match (routes.api, operation) {
            (Api::ActiveNumbers, Operation::Search) => vec![(routes.available_numbers(), None)],
            (Api::ActiveNumbers, _) => vec![(routes.numbers(), None)],
            (Api::IncomingPhoneNumbers, Operation::Search) => {
                let country = self.get(Filter::IsoCountry).ok_or(FilterError::NoCountry)?.to_owned();
                let mut filters = self.0.iter().map(|(filter, _)| *filter);
                if let Some(filter) = filters.find(|filter| filter.needs_places() && !has_places(&country)) {
                    return Err(FilterError::NeedsPlaces { filter, country });
                }
                let kinds = kind.map_or_else(|| NumberType::ALL.to_vec(), |kind| vec![kind]);
                kinds
                    .into_iter()
                    .map(|kind| (routes.available_phone_numbers(&country, kind), Some(kind)))
                    .collect()
            }
            (Api::IncomingPhoneNumbers, _) => {
                vec![(kind.map_or_else(|| routes.numbers(), |kind| routes.numbers_of(kind)), kind)]
            }
        };
        let mut pairs = Vec::with_capacity(self.0.len());
        for (filter, value) in &self.0 {
            match (filter.parameter(routes.api, operation), filter) {
                (Some(parameter), _) => pairs.push((parameter, value.as_str())),
                // In the path.
                (None, Filter::Type) => {}
                (None, Filter::IsoCountry) if operation == Operation::Search => {}
                (None, filter) => {
                    let what = match operation {
                        Operation::Search => "numbers on offer",
                        _ => "live numbers",
                    };
                    return Err(FilterError::NotHere { filter: *filter, api: routes.api, what });
                }
            }
        }
        Ok(listings
            .into_iter()
            .map(|(listing, kind)| {
                let first_page = first_page(listing.clone(), &pairs, page_size);
                Start { listing, first_page, kind }
            })
            .collect())
    }
}

/// The URL of the first page. A `+` is sent as `%2B`: raw, it would mean a space.
#[must_use]
pub fn first_page(mut listing: Url, pairs: &[(&str, &str)], page_size: u16) -> Url {
    listing.query_pairs_mut().extend_pairs(pairs).append_pair("PageSize", &page_size.to_string());
    listing
}

#[cfg(test)]
mod tests {
    use super::super::endpoint::Endpoint;
    use super::*;
    use crate::model::number::AccountSid;
    use crate::model::provider::Site;

    fn routes(api: Api) -> Routes {
        let account = AccountSid::observed(&format!("AC{}", "a".repeat(32))).expect("a SID");
        Routes::new(Endpoint::vendor(&Site::default()).expect("the vendor's hosts"), api, account)
    }

    fn urls(api: Api, operation: Operation, filters: &[(Filter, &str)]) -> Result<Vec<String>, FilterError> {
        let filters = Filters(filters.iter().map(|(filter, value)| (*filter, (*value).to_owned())).collect());
        let starts = filters.starts(&routes(api), operation, 1000)?;
        Ok(starts
            .iter()
            .map(|start| {
                let url = start.first_page.as_str();
                url.rsplit_once("/Accounts/").map_or(url, |(_, rest)| &rest[35..]).to_owned()
            })
            .collect())
    }

    #[test]
    fn a_plus_is_encoded() {
        let one = [(Filter::PhoneNumber, "+15552230000")];
        assert_eq!(
            urls(Api::ActiveNumbers, Operation::List, &one),
            Ok(vec![
                "https://preview.twilio.com/Numbers/ActiveNumbers?PhoneNumber=%2B15552230000&PageSize=1000"
                    .to_owned()
            ])
        );
        assert_eq!(
            urls(Api::IncomingPhoneNumbers, Operation::List, &one),
            Ok(vec!["IncomingPhoneNumbers.json?PhoneNumber=%2B15552230000&PageSize=1000".to_owned()])
        );
    }

    #[test]
    fn over_v2010_country_and_type_are_in_the_path() {
        let api = Api::IncomingPhoneNumbers;
        let place = [(Filter::IsoCountry, "us"), (Filter::Type, "toll-free"), (Filter::Region, "NY")];
        assert_eq!(
            urls(api, Operation::Search, &place),
            Ok(vec!["AvailablePhoneNumbers/US/TollFree.json?InRegion=NY&PageSize=1000".to_owned()])
        );
        assert_eq!(urls(api, Operation::Search, &place[..1]).map(|urls| urls.len()), Ok(3));
        assert_eq!(
            urls(api, Operation::List, &[(Filter::Type, "mobile")]),
            Ok(vec!["IncomingPhoneNumbers/Mobile.json?PageSize=1000".to_owned()])
        );
        assert_eq!(urls(api, Operation::Search, &[]), Err(FilterError::NoCountry));
        assert!(urls(api, Operation::Search, &[(Filter::IsoCountry, "../x")]).is_err());
        assert!(urls(api, Operation::List, &[(Filter::Type, "shortcode")]).is_err());
    }

    #[test]
    fn what_an_api_cannot_filter_is_said() {
        let says = |api, operation, filter| {
            urls(api, operation, &[(filter, "212")]).expect_err("no such filter").to_string()
        };
        assert_eq!(
            says(Api::IncomingPhoneNumbers, Operation::List, Filter::Region),
            "IncomingPhoneNumbers has no filter for region on live numbers"
        );
        assert_eq!(
            says(Api::ActiveNumbers, Operation::Search, Filter::AreaCode),
            "ActiveNumbers has no filter for area-code on numbers on offer"
        );
    }
}

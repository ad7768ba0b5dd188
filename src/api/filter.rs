//! The list filters of ActiveNumbers and AvailableNumbers, by the API's case-sensitive names.

use url::Url;

use crate::number::PhoneNumber;

/// One list filter (page: ActiveNumbers List Resource; AvailableNumbers takes the same).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    /// Exactly this number.
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
    /// Two letters.
    IsoCountry,
    /// North America only.
    Lata,
    /// North America only.
    RateCenter,
    /// A coordinate.
    Latitude,
    /// A coordinate.
    Longitude,
    /// A state or province.
    Region,
    /// A city.
    Locality,
    /// A postal code.
    PostalCode,
}

impl Filter {
    /// The query parameter.
    #[must_use]
    pub fn parameter(self) -> &'static str {
        match self {
            Self::PhoneNumber => "PhoneNumber",
            Self::Type => "Type",
            Self::VoiceInboundCallerIdPreservation => "Capabilities.Voice.InboundCallerIdPreservation",
            Self::VoiceInboundReachability => "Capabilities.Voice.InboundReachability",
            Self::SmsInboundSenderIdPreservation => "Capabilities.Sms.InboundSenderIdPreservation",
            Self::SmsInboundReachability => "Capabilities.Sms.InboundReachability",
            Self::MmsInboundReachability => "Capabilities.Mms.InboundReachability",
            Self::IsoCountry => "Geography.IsoCountry",
            Self::Lata => "Geography.Lata",
            Self::RateCenter => "Geography.RateCenter",
            Self::Latitude => "Geography.Latitude",
            Self::Longitude => "Geography.Longitude",
            Self::Region => "Geography.Region",
            Self::Locality => "Geography.Locality",
            Self::PostalCode => "Geography.PostalCode",
        }
    }
}

/// The filters of one listing, in the order in which they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(pub Vec<(Filter, String)>);

impl Filters {
    /// Only this number.
    #[must_use]
    pub fn number(number: PhoneNumber) -> Self {
        Self(vec![(Filter::PhoneNumber, number.to_string())])
    }

    /// The URL of the first page. A `+` is sent as `%2B`: raw, it would mean a space.
    #[must_use]
    pub fn first_page(&self, mut listing: Url, page_size: u16) -> Url {
        {
            let mut query = listing.query_pairs_mut();
            query.extend_pairs(self.0.iter().map(|(filter, value)| (filter.parameter(), value)));
            query.append_pair("PageSize", &page_size.to_string());
        }
        listing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_encoded() {
        let listing = Url::parse("https://preview.example.com/Numbers/ActiveNumbers").expect("a URL");
        let number = PhoneNumber::declared("+15552230000").expect("a number");
        let url = Filters::number(number).first_page(listing, 1000);
        assert_eq!(url.query(), Some("PhoneNumber=%2B15552230000&PageSize=1000"));
    }
}

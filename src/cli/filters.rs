//! The filters of `get` and `search`, as options.

use clap::Args;

use crate::client::api::filter::{Filter, Filters};

/// The list filters of both APIs.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// This number
    #[arg(long, value_name = "E164", help_heading = "Filters")]
    phone_number: Option<String>,
    /// local, mobile, tollfree, shortcode
    #[arg(long = "type", value_name = "TYPE", help_heading = "Filters")]
    number_type: Option<String>,
    /// Two letters, such as US
    #[arg(long, value_name = "ISO", help_heading = "Filters", visible_alias = "iso-country")]
    country: Option<String>,
    /// State or province
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    region: Option<String>,
    /// City
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    locality: Option<String>,
    /// Postal code
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    postal_code: Option<String>,
    /// LATA (North America)
    #[arg(long, value_name = "N", help_heading = "Filters")]
    lata: Option<String>,
    /// Rate center (North America)
    #[arg(long, value_name = "TEXT", help_heading = "Filters")]
    rate_center: Option<String>,
    /// Latitude
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true, help_heading = "Filters")]
    latitude: Option<String>,
    /// Longitude
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true, help_heading = "Filters")]
    longitude: Option<String>,
    /// international, domestic or none
    #[arg(long, value_name = "WORD", help_heading = "Filters")]
    voice_caller_id_preservation: Option<String>,
    /// domestic, foreign or global
    #[arg(long, value_name = "WORD", help_heading = "Filters")]
    voice_reachability: Option<String>,
    /// international, domestic or none
    #[arg(long, value_name = "WORD", help_heading = "Filters")]
    sms_sender_id_preservation: Option<String>,
    /// domestic, foreign or global
    #[arg(long, value_name = "WORD", help_heading = "Filters")]
    sms_reachability: Option<String>,
    /// domestic, foreign or global
    #[arg(long, value_name = "WORD", help_heading = "Filters")]
    mms_reachability: Option<String>,
}

/// The filters of v2010 on live numbers.
#[derive(Debug, Args)]
pub(super) struct LiveFilterArgs {
    #[command(flatten)]
    shared: FilterArgs,
    /// Friendly name, matched exactly
    #[arg(long, value_name = "TEXT", help_heading = "Filters of incoming-phone-numbers")]
    friendly_name: Option<String>,
    /// Numbers that are new to Twilio's platform: true or false
    #[arg(long, value_name = "BOOL", help_heading = "Filters of incoming-phone-numbers")]
    beta: Option<bool>,
    /// Origin of the number: twilio or hosted
    #[arg(long, value_name = "WORD", help_heading = "Filters of incoming-phone-numbers")]
    origin: Option<String>,
}

impl LiveFilterArgs {
    pub(super) fn filters(&self) -> Filters {
        let Filters(mut filters) = self.shared.filters();
        let beta = self.beta.map(|beta| beta.to_string());
        filters.extend(given([
            (Filter::FriendlyName, self.friendly_name.as_ref()),
            (Filter::Beta, beta.as_ref()),
            (Filter::Origin, self.origin.as_ref()),
        ]));
        Filters(filters)
    }
}

/// The filters of v2010 on available numbers.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters of incoming-phone-numbers")]
pub(super) struct OfferFilterArgs {
    #[command(flatten)]
    shared: FilterArgs,
    /// Area code of three digits, in the US and Canada
    #[arg(long, value_name = "N")]
    area_code: Option<String>,
    /// Pattern of digits, letters and *, such as 510555**** or STORM$
    #[arg(long, value_name = "PATTERN")]
    contains: Option<String>,
    /// Numbers near this number, in the US and Canada
    #[arg(long, value_name = "E164")]
    near_number: Option<String>,
    /// Numbers near this place
    #[arg(long, value_name = "LAT,LONG", allow_hyphen_values = true)]
    near_lat_long: Option<String>,
    /// Distance for the two above, in miles
    #[arg(long, value_name = "MILES")]
    distance: Option<u16>,
    /// Numbers that are new to Twilio's platform: true or false
    #[arg(long, value_name = "BOOL")]
    beta: Option<bool>,
    #[arg(
        long,
        value_name = "BOOL",
        help = "Numbers with this capability: true or false; also for SMS, MMS and fax"
    )]
    voice_enabled: Option<bool>,
    #[arg(long, value_name = "BOOL", hide_short_help = true)]
    sms_enabled: Option<bool>,
    #[arg(long, value_name = "BOOL", hide_short_help = true)]
    mms_enabled: Option<bool>,
    #[arg(long, value_name = "BOOL", hide_short_help = true)]
    fax_enabled: Option<bool>,
    /// Leave out numbers that require an address; also for a local or a foreign address
    #[arg(long)]
    exclude_all_address_required: bool,
    #[arg(long, hide_short_help = true)]
    exclude_local_address_required: bool,
    #[arg(long, hide_short_help = true)]
    exclude_foreign_address_required: bool,
}

impl OfferFilterArgs {
    pub(super) fn filters(&self) -> Filters {
        let Filters(mut filters) = self.shared.filters();
        filters.extend(given([
            (Filter::AreaCode, self.area_code.as_ref()),
            (Filter::Contains, self.contains.as_ref()),
            (Filter::NearNumber, self.near_number.as_ref()),
            (Filter::NearLatLong, self.near_lat_long.as_ref()),
        ]));
        let flag = |flag: bool| flag.then_some(true);
        let flags = [
            (Filter::Beta, self.beta),
            (Filter::VoiceEnabled, self.voice_enabled),
            (Filter::SmsEnabled, self.sms_enabled),
            (Filter::MmsEnabled, self.mms_enabled),
            (Filter::FaxEnabled, self.fax_enabled),
            (Filter::ExcludeAllAddressRequired, flag(self.exclude_all_address_required)),
            (Filter::ExcludeLocalAddressRequired, flag(self.exclude_local_address_required)),
            (Filter::ExcludeForeignAddressRequired, flag(self.exclude_foreign_address_required)),
        ];
        filters.extend(flags.into_iter().filter_map(|(filter, flag)| Some((filter, flag?.to_string()))));
        filters.extend(self.distance.map(|miles| (Filter::Distance, miles.to_string())));
        Filters(filters)
    }
}

fn given<'a>(
    filters: impl IntoIterator<Item = (Filter, Option<&'a String>)>,
) -> impl Iterator<Item = (Filter, String)> {
    filters.into_iter().filter_map(|(filter, value)| Some((filter, value?.clone())))
}

impl FilterArgs {
    fn filters(&self) -> Filters {
        let all = [
            (Filter::PhoneNumber, &self.phone_number),
            (Filter::Type, &self.number_type),
            (Filter::IsoCountry, &self.country),
            (Filter::Region, &self.region),
            (Filter::Locality, &self.locality),
            (Filter::PostalCode, &self.postal_code),
            (Filter::Lata, &self.lata),
            (Filter::RateCenter, &self.rate_center),
            (Filter::Latitude, &self.latitude),
            (Filter::Longitude, &self.longitude),
            (Filter::VoiceInboundCallerIdPreservation, &self.voice_caller_id_preservation),
            (Filter::VoiceInboundReachability, &self.voice_reachability),
            (Filter::SmsInboundSenderIdPreservation, &self.sms_sender_id_preservation),
            (Filter::SmsInboundReachability, &self.sms_reachability),
            (Filter::MmsInboundReachability, &self.mms_reachability),
        ];
        Filters(given(all.map(|(filter, value)| (filter, value.as_ref()))).collect())
    }
}

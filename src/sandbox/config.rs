//! What can be set on a number, from the other side: which parameters are known, what they take,
//! and which combinations the API refuses.
//!
//! This table is written from the API's page a second time, on purpose, and shares nothing with
//! `crate::model::settings`: a parameter misspelt there is then unknown here, and is ignored, as Twilio
//! ignores it.

use std::collections::BTreeMap;
use std::sync::Arc;

use url::Url;

use crate::model::provider::Api;

use super::answer::SandboxError;
use super::faults::Dialect;

/// One setting of a number, except its friendly name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConfigSlot {
    StatusCallback,
    StatusCallbackMethod,
    VoiceUrl,
    VoiceMethod,
    VoiceFallbackUrl,
    VoiceFallbackMethod,
    VoiceApplicationSid,
    VoiceTrunkSid,
    VoiceReceiveMode,
    VoiceCallerIdLookup,
    VoiceEmergencyAddressSid,
    AddressSid,
    IdentitySid,
    BundleSid,
    SmsUrl,
    SmsMethod,
    SmsFallbackUrl,
    SmsFallbackMethod,
    SmsApplicationSid,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Url,
    Method,
    Application,
    Sid(&'static str),
    OneOf(&'static [&'static str]),
}

struct ConfigField {
    slot: ConfigSlot,
    /// The POST parameter of ActiveNumbers, where it has one.
    parameter: Option<&'static str>,
    /// The POST parameter of `IncomingPhoneNumbers`.
    v2010: &'static str,
    /// The key in a state file.
    key: &'static str,
    takes: Takes,
    /// Whether the page of ActiveNumbers lists it among the POST parameters.
    documented: bool,
}

#[rustfmt::skip]
const ROWS: &[ConfigField] = &[
    ConfigField { slot: ConfigSlot::StatusCallback, parameter: Some("Configurations.StatusCallback"), v2010: "StatusCallback", key: "status_callback", takes: Takes::Url, documented: true },
    ConfigField { slot: ConfigSlot::StatusCallbackMethod, parameter: Some("Configurations.StatusCallbackMethod"), v2010: "StatusCallbackMethod", key: "status_callback_method", takes: Takes::Method, documented: true },
    ConfigField { slot: ConfigSlot::VoiceUrl, parameter: Some("Configurations.Voice.Url"), v2010: "VoiceUrl", key: "voice.url", takes: Takes::Url, documented: true },
    ConfigField { slot: ConfigSlot::VoiceMethod, parameter: Some("Configurations.Voice.Method"), v2010: "VoiceMethod", key: "voice.method", takes: Takes::Method, documented: true },
    ConfigField { slot: ConfigSlot::VoiceFallbackUrl, parameter: Some("Configurations.Voice.FallbackUrl"), v2010: "VoiceFallbackUrl", key: "voice.fallback_url", takes: Takes::Url, documented: true },
    ConfigField { slot: ConfigSlot::VoiceFallbackMethod, parameter: Some("Configurations.Voice.FallbackMethod"), v2010: "VoiceFallbackMethod", key: "voice.fallback_method", takes: Takes::Method, documented: true },
    ConfigField { slot: ConfigSlot::VoiceApplicationSid, parameter: Some("Configurations.Voice.ApplicationSid"), v2010: "VoiceApplicationSid", key: "voice.application_sid", takes: Takes::Application, documented: true },
    ConfigField { slot: ConfigSlot::VoiceTrunkSid, parameter: Some("Configurations.Voice.TrunkSid"), v2010: "TrunkSid", key: "voice.trunk_sid", takes: Takes::Sid("TK"), documented: false },
    ConfigField { slot: ConfigSlot::VoiceReceiveMode, parameter: Some("Configurations.Voice.ReceiveMode"), v2010: "VoiceReceiveMode", key: "voice.receive_mode", takes: Takes::OneOf(&["voice", "fax"]), documented: false },
    ConfigField { slot: ConfigSlot::VoiceCallerIdLookup, parameter: Some("Configurations.Voice.CallerIdLookup"), v2010: "VoiceCallerIdLookup", key: "voice.caller_id_lookup", takes: Takes::OneOf(&["true", "false"]), documented: false },
    ConfigField { slot: ConfigSlot::VoiceEmergencyAddressSid, parameter: Some("Configurations.Voice.EmergencyAddressSid"), v2010: "EmergencyAddressSid", key: "voice.emergency_address_sid", takes: Takes::Sid("AD"), documented: false },
    ConfigField { slot: ConfigSlot::AddressSid, parameter: None, v2010: "AddressSid", key: "address_sid", takes: Takes::Sid("AD"), documented: false },
    ConfigField { slot: ConfigSlot::IdentitySid, parameter: None, v2010: "IdentitySid", key: "identity_sid", takes: Takes::Sid("RI"), documented: false },
    ConfigField { slot: ConfigSlot::BundleSid, parameter: None, v2010: "BundleSid", key: "bundle_sid", takes: Takes::Sid("BU"), documented: false },
    ConfigField { slot: ConfigSlot::SmsUrl, parameter: Some("Configurations.Sms.Url"), v2010: "SmsUrl", key: "sms.url", takes: Takes::Url, documented: true },
    ConfigField { slot: ConfigSlot::SmsMethod, parameter: Some("Configurations.Sms.Method"), v2010: "SmsMethod", key: "sms.method", takes: Takes::Method, documented: true },
    ConfigField { slot: ConfigSlot::SmsFallbackUrl, parameter: Some("Configurations.Sms.FallbackUrl"), v2010: "SmsFallbackUrl", key: "sms.fallback_url", takes: Takes::Url, documented: true },
    ConfigField { slot: ConfigSlot::SmsFallbackMethod, parameter: Some("Configurations.Sms.FallbackMethod"), v2010: "SmsFallbackMethod", key: "sms.fallback_method", takes: Takes::Method, documented: true },
    ConfigField { slot: ConfigSlot::SmsApplicationSid, parameter: Some("Configurations.Sms.ApplicationSid"), v2010: "SmsApplicationSid", key: "sms.application_sid", takes: Takes::Application, documented: true },
];

impl ConfigField {
    /// The POST parameter of an API.
    fn parameter(&self, api: Api) -> Option<&'static str> {
        match api {
            Api::ActiveNumbers => self.parameter,
            Api::IncomingPhoneNumbers => Some(self.v2010),
        }
    }
}

impl ConfigSlot {
    fn row(self) -> &'static ConfigField {
        // ROWS lists the variants in order; a test holds it to that.
        &ROWS[self as usize]
    }

    /// The key in a state file.
    pub(crate) fn key(self) -> &'static str {
        self.row().key
    }

    /// The slot of a state file's key.
    pub(crate) fn from_key(key: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.key == key).map(|row| row.slot)
    }

    /// The property of an event, as v2010 names it: `voice_url`.
    pub(crate) fn property(self) -> String {
        let mut name = String::new();
        for c in self.row().v2010.chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    fn is_sms(self) -> bool {
        self >= Self::SmsUrl
    }

    fn is_url(self) -> bool {
        self.row().takes == Takes::Url
    }
}

/// The settings of one number: only those that are set. Equal ones are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Config(BTreeMap<ConfigSlot, Arc<str>>);

impl Config {
    pub(crate) fn get(&self, slot: ConfigSlot) -> Option<&str> {
        self.0.get(&slot).map(AsRef::as_ref)
    }

    pub(crate) fn set(&mut self, slot: ConfigSlot, value: &str) {
        self.0.insert(slot, value.into());
    }

    pub(crate) fn clear(&mut self, slot: ConfigSlot) {
        self.0.remove(&slot);
    }

    /// Every slot, in order.
    pub(crate) fn slots() -> impl Iterator<Item = ConfigSlot> {
        ROWS.iter().map(|row| row.slot)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConfigSlot, &str)> {
        self.0.iter().map(|(slot, value)| (*slot, value.as_ref()))
    }

    /// What a number carries right after its purchase, unless the purchase says otherwise.
    pub(crate) fn fresh(has_sms: bool) -> Self {
        let mut config = Self::default();
        config.set(ConfigSlot::VoiceUrl, "https://demo.twilio.com/welcome/voice/");
        if has_sms {
            config.set(ConfigSlot::SmsUrl, "https://demo.twilio.com/welcome/sms/reply");
        }
        config
    }

    /// What is left after a transfer: applications, trunks and addresses belong to the losing
    /// account. Whether URLs survive is not documented, hence the switch.
    pub(crate) fn transferred(&self, clear_urls: bool) -> Self {
        let keeps = |slot: ConfigSlot| match slot.row().takes {
            Takes::Application | Takes::Sid(_) => false,
            Takes::Url => !clear_urls,
            Takes::Method | Takes::OneOf(_) => true,
        };
        Self(
            self.0
                .iter()
                .filter(|(slot, _)| keeps(**slot))
                .map(|(slot, value)| (*slot, value.clone()))
                .collect(),
        )
    }
}

/// The friendly name and the settings after a write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConfigOutcome {
    /// `None` is the default name.
    pub(crate) friendly_name: Option<Arc<str>>,
    pub(crate) config: Config,
}

/// Lays the parameters of a POST over what is set. Names that are not known are ignored; of a name
/// that comes twice, the last one counts.
pub(crate) fn apply(
    api: Api,
    parameters: &[(String, String)],
    has_sms: bool,
    dialect: &Dialect,
    mut now: ConfigOutcome,
) -> Result<ConfigOutcome, SandboxError> {
    // `IncomingPhoneNumbers` documents every parameter that it has.
    let documented_only = dialect.documented_only && api == Api::ActiveNumbers;
    let mut touched_urls = false;
    for (name, value) in parameters {
        if name == "FriendlyName" || (api == Api::ActiveNumbers && name == "Configurations.FriendlyName") {
            if !documented_only {
                now.friendly_name = friendly_name(value)?;
            }
            continue;
        }
        let Some(row) = ROWS.iter().find(|row| row.parameter(api) == Some(name)) else { continue };
        if documented_only && !row.documented {
            continue;
        }
        touched_urls |= row.slot.is_url();
        set(&mut now.config, row, name, value, has_sms, dialect)?;
    }
    if touched_urls {
        check_fallbacks(&now.config)?;
    }
    Ok(now)
}

fn friendly_name(value: &str) -> Result<Option<Arc<str>>, SandboxError> {
    if value.chars().count() > 64 {
        return Err(SandboxError::bad(20422, "FriendlyName has more than 64 characters"));
    }
    Ok((!value.is_empty()).then(|| value.into()))
}

fn set(
    config: &mut Config,
    row: &ConfigField,
    name: &str,
    value: &str,
    has_sms: bool,
    dialect: &Dialect,
) -> Result<(), SandboxError> {
    // A method has no "unset": the catalogue's 21403 wants GET or POST.
    if value.is_empty() && row.takes != Takes::Method {
        config.0.remove(&row.slot);
        return Ok(());
    }
    if row.slot.is_sms() && !has_sms {
        return Err(SandboxError::bad(21407, "This Phone Number type does not support SMS or MMS"));
    }
    let kept = match row.takes {
        Takes::Url => {
            let parsed = web_url(value)
                .ok_or_else(|| SandboxError::bad(21402, format!("{name} is not a valid URL")))?;
            if dialect.normalise_urls { parsed.to_string() } else { value.to_owned() }
        }
        Takes::Method => {
            let upper = value.to_ascii_uppercase();
            if upper != "GET" && upper != "POST" {
                return Err(SandboxError::bad(21403, format!("{name} is not a valid method: GET or POST")));
            }
            upper
        }
        Takes::Application => {
            if !is_sid(value, "AP") {
                return Err(SandboxError::bad(21420, format!("{name} is not accessible or does not exist")));
            }
            value.to_owned()
        }
        Takes::Sid(prefix) => {
            if !is_sid(value, prefix) {
                return Err(SandboxError::bad(
                    20422,
                    format!("{name} is not a SID that starts with {prefix}"),
                ));
            }
            value.to_owned()
        }
        Takes::OneOf(words) => {
            let lower = value.to_ascii_lowercase();
            if !words.contains(&lower.as_str()) {
                return Err(SandboxError::bad(20422, format!("{name} is one of {}", words.join(", "))));
            }
            lower
        }
    };
    config.set(row.slot, &kept);
    match row.slot {
        ConfigSlot::VoiceApplicationSid => config.0.remove(&ConfigSlot::VoiceTrunkSid),
        ConfigSlot::VoiceTrunkSid => config.0.remove(&ConfigSlot::VoiceApplicationSid),
        _ => None,
    };
    Ok(())
}

fn check_fallbacks(config: &Config) -> Result<(), SandboxError> {
    let lacks = |url, fallback| config.get(fallback).is_some() && config.get(url).is_none();
    if lacks(ConfigSlot::VoiceUrl, ConfigSlot::VoiceFallbackUrl) {
        return Err(SandboxError::bad(21405, "A Voice FallbackUrl needs a Voice Url"));
    }
    if lacks(ConfigSlot::SmsUrl, ConfigSlot::SmsFallbackUrl) {
        return Err(SandboxError::bad(21406, "An Sms FallbackUrl needs an Sms Url"));
    }
    Ok(())
}

fn web_url(text: &str) -> Option<Url> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (_, rest) = text.split_once("://")?;
    let url = Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "http" | "https");
    (web && !rest.starts_with('/') && url.host_str().is_some_and(|host| !host.is_empty())).then_some(url)
}

/// A prefix and 32 hexadecimal digits.
pub(crate) fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|tail| tail.len() == 32 && tail.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The value of a `PN` SID.
pub(crate) fn sid_value(sid: &str) -> Option<u128> {
    let tail = sid.strip_prefix("PN").filter(|tail| tail.len() == 32)?;
    tail.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        .then(|| u128::from_str_radix(tail, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(now: Config, parameters: &[(&str, &str)]) -> Result<Config, u32> {
        let parameters: Vec<_> = parameters.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        apply(
            Api::ActiveNumbers,
            &parameters,
            true,
            &Dialect::default(),
            ConfigOutcome { friendly_name: None, config: now },
        )
        .map(|outcome| outcome.config)
        .map_err(|error| error.code.unwrap_or(0))
    }

    #[test]
    fn the_table_lists_the_slots_in_order() {
        for (at, row) in ROWS.iter().enumerate() {
            assert_eq!(row.slot as usize, at);
            assert_eq!(ConfigSlot::from_key(row.key), Some(row.slot));
        }
    }

    #[test]
    fn the_table_knows_every_parameter_that_numctl_sends() {
        for field in crate::model::settings::Field::all() {
            use crate::model::settings::Parameter;
            let (name, documented) = match field.parameter(crate::model::provider::Api::ActiveNumbers) {
                Parameter::Documented(name) => (name, true),
                Parameter::ByScheme(name) => (name, false),
                Parameter::Membership | Parameter::None => continue,
            };
            let row = ROWS.iter().find(|row| row.parameter == Some(name));
            assert!(name == "FriendlyName" || row.is_some(), "{name}");
            assert_eq!(row.is_some_and(|row| row.documented), documented, "{name}: what the page documents");
        }
    }

    #[test]
    fn trunk_and_application_delete_each_other() {
        let (application, trunk) = (format!("AP{}", "a".repeat(32)), format!("TK{}", "b".repeat(32)));
        let one =
            after(Config::default(), &[("Configurations.Voice.ApplicationSid", &application)]).expect("set");
        let two = after(one.clone(), &[("Configurations.Voice.TrunkSid", &trunk)]).expect("set");
        assert_eq!(two.get(ConfigSlot::VoiceApplicationSid), None);
        let three = after(two, &[("Configurations.Voice.ApplicationSid", &application)]).expect("set");
        assert_eq!(three, one);
    }

    #[test]
    fn every_refusal_has_its_code() {
        let url = ("Configurations.Voice.Url", "https://a.example");
        let fallback = ("Configurations.Voice.FallbackUrl", "https://b.example");
        let empty = Config::default;
        assert_eq!(after(empty(), &[("Configurations.Voice.Url", "ftp://a")]), Err(21402));
        assert_eq!(after(empty(), &[("Configurations.Voice.Url", "https:///a")]), Err(21402));
        assert_eq!(after(empty(), &[("Configurations.Voice.Url", " https://a.example")]), Err(21402));
        assert_eq!(after(empty(), &[("Configurations.Voice.Method", "PUT")]), Err(21403));
        assert_eq!(after(empty(), &[("Configurations.Voice.Method", "")]), Err(21403));
        assert_eq!(after(empty(), &[fallback]), Err(21405));
        assert_eq!(after(empty(), &[("Configurations.Sms.FallbackUrl", "https://b.example")]), Err(21406));
        assert_eq!(after(empty(), &[("Configurations.Sms.ApplicationSid", "APx")]), Err(21420));
        assert_eq!(after(empty(), &[("FriendlyName", &"x".repeat(65))]), Err(20422));
        let both = after(empty(), &[fallback, url]).expect("the order in the form does not matter");
        assert_eq!(after(both.clone(), &[("Configurations.Voice.Url", "")]), Err(21405));
        let cleared =
            after(both, &[("Configurations.Voice.Url", ""), ("Configurations.Voice.FallbackUrl", "")]);
        assert_eq!(cleared, Ok(empty()));
    }

    #[test]
    fn unknown_parameters_are_ignored_silently() {
        let odd = [
            ("Configuration.Voice.Url", "https://a.example"),
            ("configurations.voice.url", "https://a.example"),
            // The page's own curl example has these spaces, and its answer shows that nothing took.
            ("Configurations.Voice.Url ", " https://my-voice-url.com"),
            ("Configurations.Voice.EmergencyStatus", "Active"),
        ];
        assert_eq!(after(Config::default(), &odd), Ok(Config::default()));
    }
}

//! The rows, as the API's page shows them, oddities included.
//!
//! The page has two forms of a number's configuration. The plural one (`configurations`: list and
//! purchase) says null for what is unset, has `receive_mode` and an `mms` block, and calls the
//! callback `status_callback`. The singular one (`configuration`: fetch, configure, transfer)
//! mixes `""` and null, has methods where there is no URL, and calls it `status_callback_url`.
//!
//! Two choices go beyond the page, so that the echo of a write can be checked: the singular form
//! has `receive_mode` once it was set, and the plural one shows a method of GET even without URL.

use std::sync::Arc;

use crate::model::number::PhoneNumber;

use super::catalogue::{self, CatalogueKind};
use super::config::{Config, ConfigSlot};
use super::faults::{Dialect, ListShape};
use super::json::{Object, quoted};
use super::owned::Owned;

/// The last configuration shown, since most rows of a page have the same.
#[derive(Default)]
pub(crate) struct Memo(Option<(Arc<Config>, String)>);

impl Memo {
    fn plural(&mut self, config: &Arc<Config>) -> &str {
        if self.0.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, config)) {
            self.0 = Some((config.clone(), plural(config)));
        }
        self.0.as_ref().map_or("", |(_, json)| json)
    }
}

/// A row of `ActiveNumbers` in the plural form.
pub(crate) fn listed(
    number: PhoneNumber,
    owned: &Owned,
    base: &str,
    dialect: &Dialect,
    memo: &mut Memo,
) -> String {
    let kind = catalogue::kind_of(number);
    let name = name(number, owned);
    let text = number.to_string();
    let shown = (!dialect.null_numbers || !text.ends_with('9')).then_some(text.as_str());
    let mut row = Object::new().text_or_null("phone_number", shown);
    if dialect.list != ListShape::Bare {
        row = row.text("url", &url(owned, base));
    }
    row = row.raw("capabilities", &kind.capabilities_json);
    if dialect.list == ListShape::Wild {
        row = row.text("account_sid", &owned.account).text("sid", &owned.sid());
    }
    let rest = memo.plural(&owned.config);
    let configurations = match dialect.list {
        ListShape::Bare => format!("{{{rest}}}"),
        ListShape::Wild | ListShape::WithoutSid => {
            format!("{{\"friendly_name\":{},{rest}}}", quoted(&name))
        }
    };
    blocks(row, kind).raw("configurations", &configurations).end()
}

/// A number in the singular form.
pub(crate) fn fetched(number: PhoneNumber, owned: &Owned, base: &str) -> String {
    let kind = catalogue::kind_of(number);
    Object::new()
        .text("phone_number", &number.to_string())
        .text("url", &url(owned, base))
        .raw("capabilities", &kind.capabilities_json)
        .text("account_sid", &owned.account)
        .text("sid", &owned.sid())
        .raw("regulatory", &kind.regulatory_json)
        .raw("configuration", &singular(&owned.config, &name(number, owned)))
        .text("type", kind.number_type)
        .text("lifecycle", "generally-available")
        .raw("geography", &kind.geography_json)
        .end()
}

/// A row of `AvailableNumbers`.
pub(crate) fn offered(number: PhoneNumber) -> String {
    let kind = catalogue::kind_of(number);
    let row =
        Object::new().text("phone_number", &number.to_string()).raw("capabilities", &kind.capabilities_json);
    blocks(row, kind).text("base_setup_price", "0.0").text("base_recurring_price", kind.price).end()
}

fn blocks(row: Object, kind: &CatalogueKind) -> Object {
    row.raw("regulatory", &kind.regulatory_json)
        .text("type", kind.number_type)
        .text("lifecycle", "generally-available")
        .raw("geography", &kind.geography_json)
}

fn name(number: PhoneNumber, owned: &Owned) -> String {
    owned.friendly_name.as_deref().map_or_else(|| catalogue::default_name(number), str::to_owned)
}

fn url(owned: &Owned, base: &str) -> String {
    format!("{base}/Numbers/ActiveNumbers/{}", owned.sid())
}

/// Always "Inactive" in the page's samples, none of which has an address.
fn emergency_status(config: &Config) -> &'static str {
    if config.get(ConfigSlot::VoiceEmergencyAddressSid).is_some() { "Active" } else { "Inactive" }
}

fn lookup(config: &Config) -> &'static str {
    if config.get(ConfigSlot::VoiceCallerIdLookup) == Some("true") { "true" } else { "false" }
}

/// The plural form but for the friendly name and the braces around it all.
fn plural(config: &Config) -> String {
    let get = |slot| config.get(slot);
    let method = |url, method| match (config.get(url), config.get(method)) {
        (_, Some("GET")) => Some("GET"),
        (Some(_), _) => Some("POST"),
        (None, _) => None,
    };
    let voice = Object::new()
        .text_or_null("application_sid", get(ConfigSlot::VoiceApplicationSid))
        .text_or_null("trunk_sid", get(ConfigSlot::VoiceTrunkSid))
        .text("emergency_status", emergency_status(config))
        .text_or_null("emergency_address_sid", get(ConfigSlot::VoiceEmergencyAddressSid))
        .text("receive_mode", get(ConfigSlot::VoiceReceiveMode).unwrap_or("voice"))
        .text_or_null("url", get(ConfigSlot::VoiceUrl))
        .text_or_null("method", method(ConfigSlot::VoiceUrl, ConfigSlot::VoiceMethod))
        .text_or_null("fallback_url", get(ConfigSlot::VoiceFallbackUrl))
        .text_or_null(
            "fallback_method",
            method(ConfigSlot::VoiceFallbackUrl, ConfigSlot::VoiceFallbackMethod),
        )
        .raw("caller_id_lookup", lookup(config))
        .end();
    let sms = Object::new()
        .text_or_null("application_sid", get(ConfigSlot::SmsApplicationSid))
        .text_or_null("url", get(ConfigSlot::SmsUrl))
        .text_or_null("method", method(ConfigSlot::SmsUrl, ConfigSlot::SmsMethod))
        .text_or_null("fallback_url", get(ConfigSlot::SmsFallbackUrl))
        .text_or_null("fallback_method", method(ConfigSlot::SmsFallbackUrl, ConfigSlot::SmsFallbackMethod))
        .end();
    // No parameter sets any of `mms`.
    format!(
        "\"voice\":{voice},\"sms\":{sms},\"mms\":{{\"application_sid\":null,\"url\":null,\"method\":null,\
         \"fallback_url\":null,\"fallback_method\":null}},\"status_callback\":{},\"status_callback_method\":{}",
        quoted(get(ConfigSlot::StatusCallback).unwrap_or_default()),
        quoted(get(ConfigSlot::StatusCallbackMethod).unwrap_or("POST")),
    )
}

fn singular(config: &Config, friendly_name: &str) -> String {
    let get = |slot| config.get(slot);
    let or_empty = |slot| config.get(slot).unwrap_or_default();
    let method = |slot| config.get(slot).unwrap_or("POST");
    let mut voice = Object::new()
        .text("url", or_empty(ConfigSlot::VoiceUrl))
        .text("method", method(ConfigSlot::VoiceMethod))
        .text_or_null("fallback_url", get(ConfigSlot::VoiceFallbackUrl))
        .text("fallback_method", method(ConfigSlot::VoiceFallbackMethod))
        .text_or_null("application_sid", get(ConfigSlot::VoiceApplicationSid))
        .text_or_null("trunk_sid", get(ConfigSlot::VoiceTrunkSid))
        .text_or_null("emergency_address_sid", get(ConfigSlot::VoiceEmergencyAddressSid))
        .text("emergency_status", emergency_status(config))
        .raw("caller_id_lookup", lookup(config));
    if let Some(mode) = get(ConfigSlot::VoiceReceiveMode) {
        voice = voice.text("receive_mode", mode);
    }
    let sms = Object::new()
        .text("url", or_empty(ConfigSlot::SmsUrl))
        .text("method", method(ConfigSlot::SmsMethod))
        .text("fallback_url", or_empty(ConfigSlot::SmsFallbackUrl))
        .text("fallback_method", method(ConfigSlot::SmsFallbackMethod))
        .text("application_sid", or_empty(ConfigSlot::SmsApplicationSid))
        .end();
    Object::new()
        .text("friendly_name", friendly_name)
        .text("status_callback_url", or_empty(ConfigSlot::StatusCallback))
        .text("status_callback_method", method(ConfigSlot::StatusCallbackMethod))
        .raw("voice", &voice.end())
        .raw("sms", &sms)
        .end()
}

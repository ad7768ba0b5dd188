//! The rows of v2010, with every key of Twilio's schema.
//!
//! What is unset is a mix, as in Twilio's captured pages: URLs and application SIDs are `""`,
//! other SIDs null, methods POST. The model has no clock: every date is the same, but for that of a
//! purchase from a server that has one.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::number::PhoneNumber;

use super::super::catalogue::{self, CatalogueKind};
use super::super::config::{Config, ConfigSlot};
use super::super::faults::Dialect;
use super::super::json::Object;
use super::super::owned::Owned;
use super::super::world::{SandboxAccount, SandboxStatus};

/// The date of everything, in the form of RFC 2822.
pub(super) const DATE: &str = "Wed, 01 Jan 2025 00:00:00 +0000";

/// The settings last shown, since most rows of a page have the same.
#[derive(Default)]
pub(super) struct V2010Memo(Option<(Arc<Config>, Object)>);

impl V2010Memo {
    fn settings(&mut self, config: &Arc<Config>, dialect: &Dialect) -> Object {
        if self.0.as_ref().is_none_or(|(known, _)| !Arc::ptr_eq(known, config)) {
            self.0 = Some((config.clone(), settings(config, dialect)));
        }
        self.0.as_ref().map_or_else(Object::new, |(_, object)| object.clone())
    }
}

/// A row of `IncomingPhoneNumbers`.
pub(super) fn number(
    number: PhoneNumber,
    owned: &Owned,
    is_listed: bool,
    dialect: &Dialect,
    memo: &mut V2010Memo,
) -> String {
    let kind = catalogue::kind_of(number);
    let text = number.to_string();
    let hidden = is_listed && dialect.null_numbers && text.ends_with('9');
    let (sid, account) = (owned.sid(), &owned.account);
    let path = format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}");
    let add_ons = Object::new().text("assigned_add_ons", &format!("{path}/AssignedAddOns.json")).end();
    memo.settings(&owned.config, dialect)
        .text("account_sid", account)
        .text("address_requirements", kind.address)
        .text("api_version", "2010-04-01")
        .raw("beta", "false")
        .raw("capabilities", &capabilities(kind, ["voice", "sms", "mms", "fax"]))
        .text("date_created", &date_created(owned))
        .text("date_updated", DATE)
        .text("emergency_address_status", owned.emergency.as_str())
        .text("friendly_name", &name(number, owned))
        .text("origin", "twilio")
        .text_or_null("phone_number", (!hidden).then_some(text.as_str()))
        .text("sid", &sid)
        .text("status", "in-use")
        .raw("subresource_uris", &add_ons)
        .text("type", kind.number_type)
        .text("uri", &format!("{path}.json"))
        .end()
}

fn date_created(owned: &Owned) -> Cow<'static, str> {
    match Timestamp::from_second(owned.since.into()) {
        Ok(at) if owned.since > 0 => at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string().into(),
        Ok(_) | Err(_) => DATE.into(),
    }
}

fn settings(config: &Config, dialect: &Dialect) -> Object {
    let get = |slot| config.get(slot);
    let or_empty = |slot| get(slot).unwrap_or_default();
    let method = |slot| get(slot).unwrap_or("POST");
    let emergency = get(ConfigSlot::VoiceEmergencyAddressSid);
    let row = Object::new()
        .text_or_null("address_sid", get(ConfigSlot::AddressSid))
        .text_or_null("bundle_sid", get(ConfigSlot::BundleSid))
        .text_or_null("emergency_address_sid", emergency)
        .text("emergency_status", if emergency.is_some() { "Active" } else { "Inactive" })
        .text_or_null("identity_sid", get(ConfigSlot::IdentitySid))
        .text("sms_application_sid", or_empty(ConfigSlot::SmsApplicationSid))
        .text("sms_fallback_method", method(ConfigSlot::SmsFallbackMethod))
        .text("sms_fallback_url", or_empty(ConfigSlot::SmsFallbackUrl))
        .text("sms_method", method(ConfigSlot::SmsMethod))
        .text("sms_url", or_empty(ConfigSlot::SmsUrl))
        .text("status_callback", or_empty(ConfigSlot::StatusCallback))
        .text("status_callback_method", method(ConfigSlot::StatusCallbackMethod))
        .text_or_null("trunk_sid", get(ConfigSlot::VoiceTrunkSid))
        .text("voice_application_sid", or_empty(ConfigSlot::VoiceApplicationSid))
        .raw("voice_caller_id_lookup", get(ConfigSlot::VoiceCallerIdLookup).unwrap_or("false"))
        .text("voice_fallback_method", method(ConfigSlot::VoiceFallbackMethod))
        .text("voice_fallback_url", or_empty(ConfigSlot::VoiceFallbackUrl))
        .text("voice_method", method(ConfigSlot::VoiceMethod))
        .text("voice_url", or_empty(ConfigSlot::VoiceUrl));
    // Live answers have lacked it since Twilio gave up fax.
    match get(ConfigSlot::VoiceReceiveMode).or(dialect.receive_mode.then_some("voice")) {
        Some(mode) => row.text("voice_receive_mode", mode),
        None => row,
    }
}

/// What the numbers of a kind can do, under the keys of the resource.
pub(super) fn capabilities(kind: &CatalogueKind, [voice, sms, mms, fax]: [&str; 4]) -> String {
    format!("{{\"{voice}\":true,\"{sms}\":{},\"{mms}\":{},\"{fax}\":true}}", kind.has_sms, kind.has_mms)
}

/// The name that a number goes by.
pub(super) fn name(number: PhoneNumber, owned: &Owned) -> String {
    owned.friendly_name.as_deref().map_or_else(|| catalogue::default_name(number), str::to_owned)
}

/// A row of `Accounts`.
pub(super) fn account(sid: &str, account: &SandboxAccount, dialect: &Dialect) -> String {
    let path = format!("/2010-04-01/Accounts/{sid}");
    // Those that the sandbox serves.
    let below = Object::new()
        .text("available_phone_numbers", &format!("{path}/AvailablePhoneNumbers.json"))
        .text("incoming_phone_numbers", &format!("{path}/IncomingPhoneNumbers.json"))
        .end();
    Object::new()
        .text("auth_token", &account.auth_token)
        .text("date_created", DATE)
        .text("date_updated", DATE)
        .text("friendly_name", account_name(sid, account))
        .text("owner_account_sid", account.parent.as_deref().unwrap_or(sid))
        .text("sid", sid)
        .text("status", status(account.status))
        .raw("subresource_uris", &below)
        .text("type", if account.trial || dialect.trial { "Trial" } else { "Full" })
        .text("uri", &format!("{path}.json"))
        .end()
}

/// The name that an account goes by.
pub(super) fn account_name<'a>(sid: &'a str, account: &'a SandboxAccount) -> &'a str {
    account.friendly_name.as_deref().unwrap_or(sid)
}

pub(super) fn status(status: SandboxStatus) -> &'static str {
    match status {
        SandboxStatus::Active => "active",
        SandboxStatus::Suspended => "suspended",
        SandboxStatus::Closed => "closed",
    }
}

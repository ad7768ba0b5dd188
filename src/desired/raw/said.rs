//! The settings that a layer, a number and a claim have in common.

use super::claim::RawClaim;
use super::number::{RawLayer, RawNumber, Sms, Voice};
use super::scalar::Setting;
use crate::model::settings::Field;

/// What `defaults:`, a profile, a number and a claim have in common.
pub(crate) struct RawSettings<'a> {
    top: [(Field, &'a Setting); 6],
    voice: Option<&'a Voice>,
    sms: Option<&'a Sms>,
    voice_null: bool,
    sms_null: bool,
}

macro_rules! said {
    ($($shape:ident)*) => {$(
        impl $shape {
            pub(crate) fn said(&self) -> RawSettings<'_> {
                RawSettings {
                    top: [
                        (Field::FriendlyName, &self.friendly_name),
                        (Field::StatusCallback, &self.status_callback),
                        (Field::StatusCallbackMethod, &self.status_callback_method),
                        (Field::AddressSid, &self.address_sid),
                        (Field::IdentitySid, &self.identity_sid),
                        (Field::BundleSid, &self.bundle_sid),
                    ],
                    voice: self.voice.is().map(|voice| &**voice),
                    sms_null: self.sms.is_null(),
                    voice_null: self.voice.is_null(),
                    sms: self.sms.is().map(|sms| &**sms),
                }
            }
        }
    )*};
}

// Flattening a shared part would cost serde's refusal of unknown keys.
said!(RawLayer RawNumber RawClaim);

impl<'a> RawSettings<'a> {
    /// Every field that is there, with its text; `""` clears.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (Field, &'a str)> + use<'a> {
        let voice = self.voice.into_iter().flat_map(|voice| {
            [
                (Field::VoiceUrl, &voice.url),
                (Field::VoiceMethod, &voice.method),
                (Field::VoiceFallbackUrl, &voice.fallback_url),
                (Field::VoiceFallbackMethod, &voice.fallback_method),
                (Field::VoiceApplicationSid, &voice.application_sid),
                (Field::VoiceTrunkSid, &voice.trunk_sid),
                (Field::VoiceReceiveMode, &voice.receive_mode),
                (Field::VoiceCallerIdLookup, &voice.caller_id_lookup),
                (Field::VoiceEmergencyAddressSid, &voice.emergency_address_sid),
            ]
        });
        let sms = self.sms.into_iter().flat_map(|sms| {
            [
                (Field::SmsUrl, &sms.url),
                (Field::SmsMethod, &sms.method),
                (Field::SmsFallbackUrl, &sms.fallback_url),
                (Field::SmsFallbackMethod, &sms.fallback_method),
                (Field::SmsApplicationSid, &sms.application_sid),
                (Field::SmsServiceSid, &sms.messaging_service_sid),
            ]
        });
        self.top
            .into_iter()
            .chain(voice)
            .chain(sms)
            .filter_map(|(field, setting)| Some((field, setting.text()?)))
    }

    /// The fields whose value is given by a friendly name, with the key of the name, and the name; `""`
    /// clears.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Field, &'static str, &'a str)> + use<'a> {
        let voice = self.voice.into_iter().flat_map(|voice| {
            [
                (Field::VoiceApplicationSid, "voice.application", &voice.application),
                (Field::VoiceTrunkSid, "voice.trunk", &voice.trunk),
            ]
        });
        let sms = self.sms.into_iter().flat_map(|sms| {
            [
                (Field::SmsApplicationSid, "sms.application", &sms.application),
                (Field::SmsServiceSid, "sms.messaging_service", &sms.messaging_service),
            ]
        });
        voice.chain(sms).filter_map(|(field, key, setting)| Some((field, key, setting.text()?)))
    }

    /// The groups that are null, which could mean "clear all of it", or nothing.
    pub(crate) fn null_groups(&self) -> impl Iterator<Item = &'static str> + use<> {
        [(self.voice_null, "voice"), (self.sms_null, "sms")].into_iter().filter(|g| g.0).map(|g| g.1)
    }

    /// `voice.emergency_status`, which is no [`Field`] since nothing is ever done with it.
    pub(crate) fn emergency_status(&self) -> Option<&'a str> {
        self.voice.and_then(|voice| voice.emergency_status.text())
    }
}

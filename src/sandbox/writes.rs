//! What both APIs do to the model, and what both refuse.

use std::sync::Arc;

use crate::model::number::PhoneNumber;
use crate::model::provider::Api;

use super::answer::SandboxError;
use super::catalogue;
use super::config::{Config, ConfigOutcome, ConfigSlot, apply, is_sid};
use super::emergency::Emergency;
use super::faults::OwnedPurchase;
use super::filters::plus;
use super::service::{Done, Sandbox};
use super::world::SandboxStatus;

/// The value of a parameter. Of a name that comes twice, the last one counts.
pub(super) fn last<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The number that a purchase asks for, and its text with the `+` that URL decoding took from it.
pub(super) fn e164(wanted: &str) -> Result<(PhoneNumber, String), SandboxError> {
    let wanted = plus(wanted);
    match PhoneNumber::observed(&wanted).filter(|number| !number.is_short_code()) {
        Some(number) => Ok((number, wanted)),
        None => Err(SandboxError::bad(21421, format!("PhoneNumber {wanted} is not in E.164"))),
    }
}

impl Sandbox {
    /// Refuses a trial account.
    pub(super) fn may_buy(&self, account: &str) -> Result<(), SandboxError> {
        let is_trial =
            self.faults.dialect.trial || self.world.account(account).is_some_and(|account| account.trial);
        match is_trial {
            true => Err(SandboxError::bad(21404, "A trial account cannot buy phone numbers through the API")),
            false => Ok(()),
        }
    }

    /// Sells an account a number, with the settings of the request: `none` where it is not available,
    /// and only where the `papers` are in order. Of one that the account has, each API has its own view.
    pub(super) fn buy(
        &mut self,
        api: Api,
        parameters: &[(String, String)],
        number: PhoneNumber,
        account: &Arc<str>,
        none: SandboxError,
        papers: Result<(), SandboxError>,
    ) -> Result<(), SandboxError> {
        let dialect = &self.faults.dialect;
        if let Some(owned) = self.world.owned(number) {
            let again = match api {
                Api::ActiveNumbers => dialect.owned,
                // Buying a number again is an update: Twilio calls it a feature.
                Api::IncomingPhoneNumbers => dialect.owned_v2010.unwrap_or(OwnedPurchase::Update),
            };
            return match again {
                _ if owned.account != *account => Err(none),
                OwnedPurchase::Refuse => Err(none),
                OwnedPurchase::Update => self.set(api, parameters, number),
                OwnedPurchase::Ignore => Ok(()),
            };
        }
        if dialect.empty_inventory || catalogue::range_of(number).is_none() {
            return Err(none);
        }
        papers?;
        self.add(api, parameters, number, account)
    }

    /// Gives an account a number, with the settings of the request.
    fn add(
        &mut self,
        api: Api,
        parameters: &[(String, String)],
        number: PhoneNumber,
        account: &Arc<str>,
    ) -> Result<(), SandboxError> {
        let has_sms = catalogue::kind_of(number).has_sms;
        let dialect = &self.faults.dialect;
        let fresh = ConfigOutcome { friendly_name: None, config: Config::fresh(has_sms) };
        let outcome = apply(api, parameters, has_sms, dialect, fresh)?;
        let address = outcome.config.get(ConfigSlot::VoiceEmergencyAddressSid);
        let emergency = Emergency::default().written(api, None, address, dialect);
        self.world.add(number, account, outcome.friendly_name, outcome.config, None);
        self.world.set_emergency(number, emergency);
        Ok(())
    }

    /// Lays the settings of the request over those of an owned number.
    pub(super) fn set(
        &mut self,
        api: Api,
        parameters: &[(String, String)],
        number: PhoneNumber,
    ) -> Result<(), SandboxError> {
        let has_sms = catalogue::kind_of(number).has_sms;
        let Some(owned) = self.world.owned(number) else { return Ok(()) };
        let dialect = &self.faults.dialect;
        let now = ConfigOutcome {
            friendly_name: owned.friendly_name.clone(),
            config: Config::clone(&owned.config),
        };
        let outcome = apply(api, parameters, has_sms, dialect, now)?;
        let (before, after) = (
            owned.config.get(ConfigSlot::VoiceEmergencyAddressSid),
            outcome.config.get(ConfigSlot::VoiceEmergencyAddressSid),
        );
        let emergency = owned.emergency.written(api, before, after, dialect);
        self.world.configure(number, outcome.friendly_name, outcome.config);
        self.world.set_emergency(number, emergency);
        Ok(())
    }

    /// Counts a read of a number, which is how the model tells time.
    pub(super) fn was_read(&mut self, number: PhoneNumber) {
        if let Some(owned) = self.world.owned(number) {
            let emergency = owned.emergency.read(&self.faults.dialect);
            self.world.set_emergency(number, emergency);
        }
    }

    /// The account that a transfer is to. Only a parent may move numbers, and only among itself and
    /// its subaccounts.
    pub(super) fn gaining(
        &self,
        parameters: &[(String, String)],
        caller: &str,
        with_token: bool,
    ) -> Result<Arc<str>, SandboxError> {
        let target = last(parameters, "AccountSid").unwrap_or_default();
        if !is_sid(target, "AC") {
            return Err(SandboxError::bad(21470, "AccountSid is malformed"));
        }
        let is_parent = self.world.account(caller).is_none_or(|account| account.parent.is_none());
        if !is_parent || !with_token {
            return Err(SandboxError::bad(21474, "Only the parent account can transfer phone numbers"));
        }
        let (sid, account) = self
            .world
            .account_entry(target)
            .ok_or_else(|| SandboxError::bad(21471, format!("Account {target} does not exist")))?;
        if account.status != SandboxStatus::Active {
            return Err(SandboxError::bad(21472, format!("Account {target} is not active")));
        }
        if target != caller && account.parent.as_deref() != Some(caller) {
            return Err(SandboxError::bad(21473, format!("Account {target} is not related to this account")));
        }
        Ok(sid)
    }

    pub(super) fn release(&mut self, number: PhoneNumber) -> Done {
        if self.world.owned(number).is_some_and(|owned| !owned.emergency.allows_release()) {
            // Twilio refuses this too; its code is not documented, and none is made up.
            let message = "This phone number has an emergency address; remove that before you release it";
            return Err(SandboxError { status: 400, code: None, message: message.to_owned() });
        }
        self.world.release(number);
        Ok((204, String::new()))
    }
}

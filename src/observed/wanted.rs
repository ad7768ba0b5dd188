//! What has to be known beside the numbers, so that a plan knows where calls and messages end: no more than
//! the files can depend on (law 7).

use crate::desired::{DeclaredState, Desired};
use crate::model::routing::{Known, SMS, Surroundings};
use crate::model::settings::{Field, Managed, Value, Want};

/// What has to be known of an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WantedDetails {
    /// Its Messaging Services, with their numbers.
    pub services: bool,
    pub applications: bool,
    pub trunks: bool,
}

impl WantedDetails {
    /// What these files can depend on, by account.
    #[must_use]
    pub fn from_desired(desired: &Desired) -> Vec<Self> {
        let mut all = vec![Self::default(); desired.accounts.len()];
        let present = desired.numbers.iter().filter(|declared| declared.state == DeclaredState::Present);
        let numbers = present.map(|declared| (declared.account, &declared.settings));
        let claims = desired.claims.iter().map(|claim| (claim.account, &claim.settings));
        // Most numbers share their settings with the one before.
        let mut last: Option<(&Managed, Self)> = None;
        for (account, settings) in numbers.chain(claims) {
            let wanted = match last {
                Some((known, wanted)) if known.is_same(settings) => wanted,
                Some(_) | None => Self::by(settings),
            };
            last = Some((settings, wanted));
            let account = &mut all[usize::from(account.0)];
            *account = account.and(wanted);
        }
        all
    }

    /// Whether the files say which Messaging Service numbers are in.
    #[must_use]
    pub fn manages_services(desired: &Desired) -> bool {
        let numbers = desired.numbers.iter().map(|declared| &declared.settings);
        let mut all = numbers.chain(desired.claims.iter().map(|claim| &claim.settings));
        all.any(|settings| settings.get(Field::SmsServiceSid).is_some())
    }

    fn by(settings: &Managed) -> Self {
        let sets = |field: Field| matches!(settings.get(field), Some(Want::Set(_)));
        let names = |field: Field| matches!(settings.get(field), Some(Want::Set(Value::Named(_))));
        Self {
            services: settings.get(Field::SmsServiceSid).is_some() || SMS.into_iter().any(sets),
            applications: names(Field::VoiceApplicationSid) || names(Field::SmsApplicationSid),
            trunks: names(Field::VoiceTrunkSid),
        }
    }

    /// What either of two wants.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            services: self.services || other.services,
            applications: self.applications || other.applications,
            trunks: self.trunks || other.trunks,
        }
    }

    /// Whether it was asked for already.
    #[must_use]
    pub fn is_in(self, around: &Surroundings) -> bool {
        fn has<T>(known: &Known<T>) -> bool {
            !matches!(known, Known::NotAsked)
        }
        (!self.services || has(&around.services))
            && (!self.applications || has(&around.applications))
            && (!self.trunks || has(&around.trunks))
    }
}

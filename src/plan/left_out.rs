//! Which declared settings the API is known to refuse on a number: they would take the others of the
//! same request down with them, so they are left out and held.

use std::collections::BTreeSet;

use super::LeftOut;
use crate::desired::Declared;
use crate::model::live::Live;
use crate::model::routing::Surroundings;
use crate::model::settings::{Field, Managed, Want};
use crate::plan::diff;

/// Each fallback URL with the primary one that the API wants beside it.
const FALLBACKS: [(Field, Field); 2] =
    [(Field::VoiceFallbackUrl, Field::VoiceUrl), (Field::SmsFallbackUrl, Field::SmsUrl)];

/// The declared settings that can be set, and why the others cannot, in order. A setting that is live
/// as declared needs no request and is not reported.
pub(super) fn part(
    declared: &Declared,
    live: Option<&Live>,
    around: &Surroundings,
) -> (Managed, Vec<LeftOut>) {
    let settings = &declared.settings;
    let has_no_sms = live.is_some_and(|live| live.sms == Some(false));
    let is_unmet = |field: Field| match (settings.get(field), live) {
        (Some(want), Some(live)) => !diff::is_met(field, want, live),
        (want, None) => want.is_some(),
        (None, Some(_)) => false,
    };
    let (mut refused, mut why) = (BTreeSet::new(), Vec::new());
    if has_no_sms {
        let sms: Vec<Field> =
            settings.iter().map(|(field, _)| field).filter(|field| field.is_sms()).collect();
        if sms.iter().any(|field| is_unmet(*field)) {
            why.push(LeftOut::NoSms);
        }
        refused.extend(sms);
    }
    // Whether it is in one is not known, and unknown is never no.
    if settings.get(Field::SmsServiceSid).is_some() && around.services.is().is_none() && !has_no_sms {
        refused.insert(Field::SmsServiceSid);
        why.push(LeftOut::ServiceUnknown);
    }
    for (field, left_out) in beside_fallbacks(settings, live) {
        if has_no_sms && field.is_sms() {
            continue;
        }
        refused.insert(field);
        if left_out != (LeftOut::FallbackWithoutPrimary { field }) || is_unmet(field) {
            why.push(left_out);
        }
    }
    if refused.is_empty() {
        return (settings.clone(), why);
    }
    (settings.filtered(|field| !refused.contains(&field)), why)
}

/// The settings that the API refuses because of a fallback URL, which it wants beside its primary one.
pub fn beside_fallbacks(settings: &Managed, live: Option<&Live>) -> Vec<(Field, LeftOut)> {
    let has = |field: Field| live.is_some_and(|live| live.has(field));
    let refused = |(fallback, primary): (Field, Field)| match (settings.get(fallback), settings.get(primary))
    {
        (Some(Want::Set(_)), None) if has(primary) => None,
        (Some(Want::Set(_)), None | Some(Want::Clear)) => {
            Some((fallback, LeftOut::FallbackWithoutPrimary { field: fallback }))
        }
        (None, Some(Want::Clear)) if has(fallback) && has(primary) => {
            Some((primary, LeftOut::FallbackInTheWay { field: primary }))
        }
        _ => None,
    };
    FALLBACKS.into_iter().filter_map(refused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::settings::Value;

    /// What the API refuses with 21405 and 21406, of a number that is not there yet.
    #[test]
    fn a_fallback_is_sent_beside_its_primary_one_only() {
        let url = || Want::Set(Value::Url("https://a.example".into()));
        let refused = |wants: Vec<(Field, Want)>| {
            let refused = beside_fallbacks(&wants.into_iter().collect(), None);
            refused.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        for (fallback, primary) in FALLBACKS {
            assert_eq!(refused(vec![(fallback, url())]), [fallback]);
            assert_eq!(refused(vec![(fallback, url()), (primary, Want::Clear)]), [fallback]);
            assert_eq!(refused(vec![(fallback, url()), (primary, url())]), []);
            assert_eq!(refused(vec![(fallback, Want::Clear), (primary, Want::Clear)]), []);
        }
    }
}

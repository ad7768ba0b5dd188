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
    let has = |field: Field| live.is_some_and(|live| live.has(field));
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
    for (fallback, primary) in FALLBACKS {
        if has_no_sms && fallback.is_sms() {
            continue;
        }
        let has_primary = settings.get(primary).map_or_else(|| has(primary), |want| *want != Want::Clear);
        match (settings.get(fallback), settings.get(primary)) {
            (Some(Want::Set(_)), _) if !has_primary => {
                refused.insert(fallback);
                if is_unmet(fallback) {
                    why.push(LeftOut::FallbackWithoutPrimary { field: fallback });
                }
            }
            (None, Some(Want::Clear)) if has(fallback) && has(primary) => {
                refused.insert(primary);
                why.push(LeftOut::FallbackInTheWay { field: primary });
            }
            _ => {}
        }
    }
    if refused.is_empty() {
        return (settings.clone(), why);
    }
    (settings.filtered(|field| !refused.contains(&field)), why)
}

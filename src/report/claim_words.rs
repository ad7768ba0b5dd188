//! The sentences about claims. Every format says the same words.

use crate::model::hold;
use crate::model::number::PhoneNumber;
use crate::plan::Plan;
use crate::plan::claims::{Claimed, Shortfall, ShortfallReason};

use super::names::{account, plural};
use super::shown::Shown;
use super::words::not_sold;

/// The code of why nothing is bought for a claim, for machines.
#[must_use]
pub fn shortfall_code(why: &ShortfallReason) -> &'static str {
    match why {
        ShortfallReason::NothingOnOffer { .. } => "nothing_on_offer",
        ShortfallReason::NotSold { .. } => "not_sold",
        ShortfallReason::OffersUnfit { .. } => "offers_do_not_match",
        ShortfallReason::MoreUnseen { .. } => "more_unseen",
        ShortfallReason::SearchFailed { .. } => "search_failed",
        ShortfallReason::InFlight { .. } => "in_flight",
        ShortfallReason::Missed { .. } => "missed",
        ShortfallReason::Unmarked { .. } => "unmarked",
        ShortfallReason::TooEarly { .. } => "too_early",
        ShortfallReason::PerhapsBought { .. } => "perhaps_bought",
        ShortfallReason::NoLastingRecord { .. } => "no_lasting_record",
        ShortfallReason::PerhapsIn { .. } => "perhaps_in_unread_account",
        ShortfallReason::SlotTwice { .. } => "slot_twice",
        ShortfallReason::NamedAsWell { .. } => "named_as_well",
    }
}

/// Why nothing is bought for a claim, and what helps.
#[must_use]
pub fn shortfall(plan: &Plan, short: &Shortfall) -> String {
    let (claim, of) = (&short.claim, account(plan, short.account));
    let more = |missing: u16| plural(usize::from(missing), "number");
    match &short.why {
        ShortfallReason::NotSold { missing, country, kind } => {
            format!("short of {} in {of}: {}", more(*missing), not_sold(country, *kind))
        }
        ShortfallReason::NothingOnOffer { missing } => format!(
            "short of {} in {of}: no more matching numbers are available (`numctl search` shows what is)",
            more(*missing)
        ),
        ShortfallReason::OffersUnfit { missing, unfit, number, misfit } => format!(
            "short of {} in {of}: the search returned {} that the claim's `match` rules out ({number}: {misfit}): numctl does not buy these",
            more(*missing),
            plural(*unfit, "number")
        ),
        ShortfallReason::MoreUnseen { missing, seen, searches } => format!(
            "short of {} in {of}: {searches} search{} showed {} that match. A search shows only part of what is available, so there may be more: plan again later",
            more(*missing),
            if *searches == 1 { "" } else { "es" },
            plural(*seen, "different number")
        ),
        ShortfallReason::SearchFailed { missing, error } => {
            format!(
                "short of {} in {of}: available numbers could not be read: {}",
                more(*missing),
                Shown(error)
            )
        }
        ShortfallReason::InFlight { slot, numbers, until } => format!(
            "a purchase for {claim}/{slot} may still be on its way ({}): nothing else is bought for it before {}; \
             `numctl resolve {claim}/{slot}` clears it now",
            list(numbers),
            hold::shown(*until)
        ),
        ShortfallReason::Missed { slot, number } => format!(
            "{number} is {claim}/{slot}, and the listing misses it although the API has it, or may have it: plan again"
        ),
        ShortfallReason::Unmarked { slot, numbers } => format!(
            "a number was bought for {claim}/{slot} and did not get its mark or its configuration ({}): `numctl \
             adopt {claim} NUMBER` binds it, `numctl resolve {claim}/{slot}` clears it; nothing else is bought for it until then",
            list(numbers)
        ),
        ShortfallReason::TooEarly { missing, until } => format!(
            "short of {} in {of}: nothing is bought for claims before {}, because there is no record of purchases made before this start. Keep one in a --state-dir that lasts. If you know that nothing was bought, run `numctl resolve {claim}` with the same --state-dir or --lease",
            more(*missing),
            hold::shown(*until)
        ),
        ShortfallReason::PerhapsBought { missing, numbers } => format!(
            "short of {} in {of}: the record of purchases is new, and an earlier run may have bought {} for it. \
             `numctl adopt {claim} NUMBER` binds a number to the claim; if none of them belongs to the claim, run `numctl resolve {claim}`",
            more(*missing),
            list(numbers)
        ),
        ShortfallReason::NoLastingRecord { missing } => format!(
            "short of {} in {of}: nothing is bought, because this is a CI job (the variable CI is set) without a \
             record of purchases that lasts, and the next run could buy the same again. Give a directory that lasts \
             between runs with --state-dir",
            more(*missing)
        ),
        ShortfallReason::PerhapsIn { missing, account: index } => format!(
            "short of {} in {of}: they may be in {}, which cannot be read",
            more(*missing),
            account(plan, *index)
        ),
        ShortfallReason::SlotTwice { slot, numbers } => format!(
            "{} carry the mark of {claim}/{slot}: nothing is bought for the claim until you rename one of them",
            list(numbers)
        ),
        ShortfallReason::NamedAsWell { slot, number } => format!(
            "{number} is {claim}/{slot}, and the files also list it under `numbers`: remove one of the two; nothing is bought for the claim until then"
        ),
    }
}

/// What a purchase is for, and what is bought in its place.
#[must_use]
pub fn claimed(claimed: &Claimed) -> String {
    if claimed.instead.is_empty() {
        return format!("for {}", claimed.slot);
    }
    format!("for {}; if it is sold meanwhile, then {}", claimed.slot, list(&claimed.instead))
}

fn list(numbers: &[PhoneNumber]) -> String {
    let numbers: Vec<String> = numbers.iter().map(PhoneNumber::to_string).collect();
    numbers.join(", ")
}

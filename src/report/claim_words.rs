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
            "short of {} in {of}: no more are on offer that match (`numctl search` shows what is)",
            more(*missing)
        ),
        ShortfallReason::OffersUnfit { missing, unfit, number, misfit } => format!(
            "short of {} in {of}: {} came that the claim's `match` rules out ({number}: {misfit}): nothing of the \
             kind is bought",
            more(*missing),
            plural(*unfit, "number")
        ),
        ShortfallReason::MoreUnseen { missing, seen, searches } => format!(
            "short of {} in {of}: {searches} search{} showed {} that match. A search shows only part of what is on offer, so there \
             may be more: plan again later",
            more(*missing),
            if *searches == 1 { "" } else { "es" },
            plural(*seen, "different number")
        ),
        ShortfallReason::SearchFailed { missing, error } => {
            format!(
                "short of {} in {of}: what is on offer could not be read: {}",
                more(*missing),
                Shown(error)
            )
        }
        ShortfallReason::InFlight { slot, numbers, until } => format!(
            "a purchase for {claim}/{slot} may still be on its way ({}): nothing else is bought for it before {}; \
             `numctl resolve {claim}/{slot}` gives it up now",
            list(numbers),
            hold::shown(*until)
        ),
        ShortfallReason::Missed { slot, number } => format!(
            "{number} is {claim}/{slot}, and the listing misses it though the API has it, or may have it: look again"
        ),
        ShortfallReason::Unmarked { slot, numbers } => format!(
            "something was bought for {claim}/{slot} and did not take its mark or its configuration ({}): `numctl \
             adopt {claim} NUMBER` binds it, `numctl resolve {claim}/{slot}` gives it up; nothing else is bought for \
             it until then",
            list(numbers)
        ),
        ShortfallReason::TooEarly { missing, until } => format!(
            "short of {} in {of}: nothing is bought for claims before {}, because no record shows what was sent \
             before this start. Keep one with a --state-dir that lasts; if you know that nothing was sent, `numctl \
             resolve {claim}` with the same --state-dir or --lease says so",
            more(*missing),
            hold::shown(*until)
        ),
        ShortfallReason::PerhapsBought { missing, numbers } => format!(
            "short of {} in {of}: the record of purchases is new, and an earlier run may have bought {} for it. \
             `numctl adopt {claim} NUMBER` binds a number to the claim; if none of them is the claim's, run `numctl \
             resolve {claim}`",
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
            "short of {} in {of}: they may be in {}, where nobody can look",
            more(*missing),
            account(plan, *index)
        ),
        ShortfallReason::SlotTwice { slot, numbers } => format!(
            "{} carry the mark of {claim}/{slot}: nothing is bought for the claim until one of them has another name",
            list(numbers)
        ),
        ShortfallReason::NamedAsWell { slot, number } => format!(
            "{number} is {claim}/{slot}, and the files name it by its digits as well: remove one of the two; nothing \
             is bought for the claim until then"
        ),
    }
}

/// What a purchase is for, and what is bought in its place.
#[must_use]
pub fn claimed(claimed: &Claimed) -> String {
    if claimed.instead.is_empty() {
        return format!("for {}", claimed.slot);
    }
    format!("for {}; should it be sold meanwhile, then {}", claimed.slot, list(&claimed.instead))
}

fn list(numbers: &[PhoneNumber]) -> String {
    let numbers: Vec<String> = numbers.iter().map(PhoneNumber::to_string).collect();
    numbers.join(", ")
}

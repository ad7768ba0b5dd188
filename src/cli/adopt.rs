//! `numctl adopt`: a live number becomes one of a claim's, by a plan of its own.

use crate::claims;
use crate::clock;
use crate::number::PhoneNumber;
use crate::plan::plan;
use crate::render::shown::Shown;
use crate::standstill;

use super::apply::{accepted, with_lock};
use super::arguments::{AdoptArgs, Global};
use super::{Ended, Fatal, fleet};

pub(super) async fn run(global: &Global, args: &AdoptArgs) -> Ended {
    let number = PhoneNumber::declared(&args.number).map_err(|error| Fatal::new(error.to_string()))?;
    let accepted = accepted(&args.options)?;
    let desired = fleet::read(global, &args.files)?;
    with_lock(global, &args.options, &desired.accounts, async |attempt, mut intents| {
        let observed = attempt.fleet.observe(Some((&desired, &mut intents))).await?;
        let only = claims::adopt(&desired, &observed, &args.claim, number)
            .map_err(|error| Fatal::new(Shown(&error.to_string()).to_string()))?;
        let mut plan = plan(&only, &attempt.fleet.accounts, &observed);
        standstill::hold_back(&mut plan, &desired, false, clock::since_the_epoch());
        attempt.carry_out(plan, &desired.policy.limits, intents, accepted, None).await
    })
    .await
}

//! `numctl adopt`: a live number becomes one of a claim's, by a plan of its own.

use crate::claims;
use crate::clock;
use crate::intents::Intents;
use crate::journal::Command;
use crate::number::PhoneNumber;
use crate::plan::plan;
use crate::render::shown::Shown;
use crate::standstill;

use super::apply::Writing;
use super::arguments::{AdoptArgs, Global};
use super::fleet::{self, Fleet};
use super::{Ended, Fatal};

pub(super) async fn run(global: &Global, args: &AdoptArgs) -> Ended {
    let number = PhoneNumber::declared(&args.number).map_err(|error| Fatal::new(error.to_string()))?;
    let desired = fleet::read(global, &args.files)?;
    let writing = Writing::new(global, &args.write, Command::Adopt)?;
    let work = async |fleet: &Fleet, mut intents: Intents| {
        let observed = fleet.observe(&desired, &mut intents).await?;
        let only = claims::adopt(&desired, &observed, &args.claim, number)
            .map_err(|error| Fatal::new(Shown(&error.to_string()).to_string()))?;
        let mut plan = plan(&only, &fleet.accounts, &observed);
        let now = clock::since_the_epoch();
        standstill::hold_back(&mut plan, &desired, false, now);
        writing.journal.look(Some(&desired), fleet, &observed, now);
        writing.carry_out(fleet, (plan, &observed), &desired.policy.limits, intents, None).await
    };
    writing.with_lock(&desired.accounts, !desired.claims.is_empty(), work).await
}

//! `numctl adopt`: a live number becomes one of a claim's, by a plan of its own.

use crate::execute::journal::RecordedCommand;
use crate::guard::intents::Intents;
use crate::model::number::PhoneNumber;
use crate::reconcile::PlanSource;

use super::arguments::{AdoptArgs, Global};
use super::fleet::{self, Fleet};
use super::writing::{Errand, Writing};
use super::{Ended, Fatal};

pub(super) async fn run(global: &Global, args: &AdoptArgs) -> Ended {
    let number = PhoneNumber::declared(&args.number).map_err(|error| Fatal::new(error.to_string()))?;
    let (desired, content) = fleet::read_with_secrets(global, &args.files)?;
    let writing = Writing::new(global, &args.write, RecordedCommand::Adopt)?;
    let has_claims = !desired.claims.is_empty();
    let work = async |fleet: &Fleet, intents: Intents| {
        let source = PlanSource::Adoption { desired: &desired, claim: &args.claim, number };
        let errand = Errand { source, content: &content, narrowing: None, has_claims, marker: None };
        writing.walk(fleet, errand, intents).await
    };
    writing.with_lock(&desired.accounts, has_claims, work).await
}

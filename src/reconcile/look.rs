//! The looks after the listing: at missing numbers, and at what is available for claims.

use std::time::Duration;

use crate::client::Client;
use crate::client::transport::Transport;
use crate::desired::{AccountRef, Desired};
use crate::guard::intents::Intents;
use crate::model::traffic::day_at;
use crate::observed::Observed;
use crate::observed::holding::Marks;
use crate::observed::missing::survey;
use crate::observed::offers::{look_behind_a_new_record, look_for_claims};

/// The second look, at `now`, after every account was listed.
pub(super) async fn look_again<T: Transport>(
    clients: &[Client<T>],
    accounts: &[AccountRef],
    desired: &Desired,
    intents: &mut Intents,
    now: Duration,
    observed: Observed,
) -> Observed {
    let mut observed = survey(clients, accounts, desired, observed).await;
    observed.survey_mut().today = Some(day_at(now));
    // Reading a million names for marks is for those who have claims.
    if !desired.claims.is_empty() {
        let marks = Marks::from_observed(&observed);
        intents.observe(&marks, now);
        intents.tell(observed.survey_mut(), now);
        if look_behind_a_new_record(clients, desired, &marks, &mut observed).await {
            intents.wait(now);
            intents.tell(observed.survey_mut(), now);
        }
        look_for_claims(clients, desired, &marks, &mut observed).await;
    }
    observed
}

//! `numctl resolve`: what was bought for claims and not seen yet, and a person's word on it.

use std::time::Duration;

use serde_json::json;

use crate::client::lock::{LockError, Locks};
use crate::execute::ledger::{InLease, Ledger};
use crate::guard::intents::Intent;
use crate::host::clock;
use crate::model::claim::{ClaimName, Slot};
use crate::model::hold;
use crate::model::number::PhoneNumber;
use crate::report::shown::Shown;

use super::arguments::{Global, ResolveArgs, TextOrJson};
use super::{Ended, Exit, Fatal, fleet, lease, output};

pub(super) async fn run(global: &Global, args: &ResolveArgs) -> Ended {
    let lease = if args.state.state_dir.is_none() {
        lease::candidate(&args.lease, &lease::identity())?
    } else {
        None
    };
    let Some(lease) = lease else {
        let ledger = fleet::ledger(global, &args.state);
        // A command that runs would write over what is given up.
        let _alone = match &ledger {
            Ledger::In(directory) if args.slot.is_some() => {
                Some(Locks::hold_all(directory).map_err(|error| match error {
                    LockError::Busy { .. } => Fatal::new(format!("{error}; wait until it has finished")),
                    LockError::Io(..) => Fatal::new(error.to_string()),
                })?)
            }
            Ledger::In(_) | Ledger::InMemory | Ledger::InLease(_) | Ledger::BesideLease(_) => None,
        };
        return resolve(&ledger, args).await;
    };
    // The holder of the Lease has its notes in memory.
    let ended = match lease.acquire(Duration::ZERO).await {
        Ok(_) => resolve(&Ledger::InLease(InLease::new(lease.clone())), args).await,
        Err(error) => Err(Fatal::new(format!("{error}; stop the daemon first"))),
    };
    lease.resign().await;
    ended
}

async fn resolve(ledger: &Ledger, args: &ResolveArgs) -> Ended {
    let now = clock::since_the_epoch();
    let mut intents = ledger.intents(now)?;
    let Some(text) = &args.slot else {
        let open: Vec<(&Slot, &Intent)> = intents.waiting(now).collect();
        return list(&open, now, args.format);
    };
    if intents.asks_for_a_word(now) && ClaimName::parse(text).is_some() {
        intents.vouch();
        ledger.save_record(&intents).await?;
        output::print("Recorded: nothing was bought for claims before now. The next plan may buy.\n")?;
        return Ok(Exit::Done);
    }
    let slot = Slot::parse(text).ok_or_else(|| {
        Fatal::new(format!(
            "{:?} is not a slot: write a claim and a number, such as nyc-support/2",
            Shown(text).to_string()
        ))
    })?;
    let Some(intent) = intents.resolve(&slot) else {
        return Err(Fatal::new(format!(
            "there is no open purchase for {slot}; `numctl resolve` lists the open ones"
        )));
    };
    ledger.save_intents(&intents).await?;
    let numbers = numbers(&intent);
    output::print(&format!(
        "Cleared: a purchase for {slot} ({numbers}). If it happened after all, the next plan shows it.\n"
    ))?;
    Ok(Exit::Done)
}

fn list(open: &[(&Slot, &Intent)], now: Duration, format: TextOrJson) -> Ended {
    if format == TextOrJson::Json {
        let all: Vec<_> = open
            .iter()
            .map(|(slot, intent)| {
                json!({
                    "slot": slot.to_string(),
                    "phone_numbers": intent.numbers,
                    "until": intent.until(now).map(|until| hold::shown(until).to_string()),
                })
            })
            .collect();
        output::print(&format!("{:#}\n", serde_json::Value::from(all)))?;
        return Ok(Exit::Done);
    }
    if open.is_empty() {
        output::note("No open purchases: numctl has seen every number that was bought for a claim.");
    }
    for (slot, intent) in open {
        let end = match intent.until(now) {
            Some(until) => format!("until {}", hold::shown(until)),
            None => "until you decide".to_owned(),
        };
        output::print(&format!("{slot}  {}  {end}\n", numbers(intent)))?;
    }
    Ok(Exit::Done)
}

fn numbers(intent: &Intent) -> String {
    intent.numbers.iter().map(PhoneNumber::to_string).collect::<Vec<_>>().join(", ")
}

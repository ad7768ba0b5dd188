//! The listing begins while large files are still read: who is to be listed stands in the small ones.

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::pin::pin;

use futures_util::future::maybe_done;

use crate::desired::environment;
use crate::desired::load::{parse, parse_beside};
use crate::desired::{Account, Desired, Source};
use crate::model::provider::Api;
use crate::observed::Observed;

use super::Fatal;
use super::arguments::Global;
use super::fleet::{self, Fleet};

/// Files that are read in no time, alone and all together; and those that make it worth while.
const SMALL: usize = 64 << 10;
const LARGE: usize = 1 << 20;
/// Beyond this what is listed and what is read would take too much memory at once.
const HUGE: usize = 8 << 20;

/// The accounts, and what is live in these.
type Listed = (Fleet, Result<Observed, Fatal>);

/// What the files declare, and its accounts with what is live in these. Where the files are wrong, that is
/// the error, whatever became of the listing: it changes nothing.
pub(super) async fn read_and_list(
    global: &Global,
    files: &[PathBuf],
) -> Result<(Desired, Fleet, Result<Observed, Fatal>), Fatal> {
    let (sources, api) = (fleet::sources(files)?, global.api());
    // The sandbox makes the accounts that it is asked for.
    let early = accounts_of(&sources, api).filter(|_| !global.sandbox);
    let (desired, listed) = match early {
        Some(accounts) => read_meanwhile(global, sources, api, &accounts).await?,
        None => {
            let parsed = parse(&sources, api);
            // There may be much of them, and of what is listed.
            drop(sources);
            (fleet::checked(parsed)?, None)
        }
    };
    let (fleet, listed) = match listed {
        Some(listed) => listed,
        None => list(global, &desired.accounts).await?,
    };
    Ok((desired, fleet, listed))
}

async fn list(global: &Global, accounts: &[Account]) -> Result<Listed, Fatal> {
    let fleet = Fleet::open(global, accounts).await?;
    let listed = fleet.list().await;
    Ok((fleet, listed))
}

/// Reads the files while these accounts are listed; without the listing where they declare others.
async fn read_meanwhile(
    global: &Global,
    sources: Vec<Source>,
    api: Api,
    accounts: &[Account],
) -> Result<(Desired, Option<Listed>), Fatal> {
    let mut listing = pin!(maybe_done(list(global, accounts)));
    let mut parsing = tokio::task::spawn_blocking(move || parse_beside(&sources, api));
    let parsed = tokio::select! {
        biased;
        parsed = &mut parsing => parsed,
        () = &mut listing => parsing.await,
    };
    let desired = fleet::checked(parsed.unwrap_or_else(|error| resume_unwind(error.into_panic())))?;
    if desired.accounts != accounts {
        return Ok((desired, None));
    }
    listing.as_mut().await;
    let listed = listing.take_output().transpose()?;
    Ok((desired, listed))
}

/// The accounts, where there is much to read and only the small files can tell them.
fn accounts_of(sources: &[Source], api: Api) -> Option<Vec<Account>> {
    let (small, large): (Vec<&Source>, Vec<&Source>) =
        sources.iter().partition(|source| source.text.len() <= SMALL);
    let bytes = |sources: &[&Source]| sources.iter().map(|source| source.text.len()).sum::<usize>();
    let tells = |source: &&Source| source.text.contains("accounts");
    if !(LARGE..=HUGE).contains(&bytes(&large)) || bytes(&small) > LARGE || large.iter().any(tells) {
        return None;
    }
    if !small.iter().any(tells) {
        return Some(vec![environment::default_account()]);
    }
    // Without the rest, whatever is wrong with them is told later.
    let small: Vec<Source> = small.into_iter().cloned().collect();
    Some(parse(&small, api).ok()?.desired.accounts)
}

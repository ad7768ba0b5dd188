//! What a pass learns from each answer: kept beside the engine, for the laws to be checked against.

use std::time::Duration;

use numctl::client::api::wire::{Interner, read_number, read_page};
use numctl::client::transport::{Response, TransportError};
use numctl::model::action_kind::ActionKind;
use numctl::model::live::Live;
use numctl::model::number::AccountSid;
use numctl::model::provider::Api;

use crate::sending::Sending;
use crate::state::{PassView, State};

/// From a request that was lost.
pub fn lost(state: &mut State, id: u64, sending: &Sending, error: &TransportError) {
    let now = state.now();
    let certainly_not_sent = matches!(error, TransportError::NotSent(_));
    if let (Some(pass), Sending::Purchase { number, .. }, true) =
        (state.passes.get_mut(&id), sending, certainly_not_sent)
    {
        pass.absent.insert(*number, now);
    }
}

/// From an answer.
pub fn answered(state: &mut State, id: u64, asked: AccountSid, sending: &Sending, response: &Response) {
    let now = state.now();
    // What another product asks for binds what is sent to it alone.
    if !matches!(sending, Sending::Aside) {
        note_wait(state, id, asked, response);
    }
    let Some(pass) = state.passes.get_mut(&id) else { return };
    let good = (200..300).contains(&response.status);
    let mut reached = None;
    match sending {
        Sending::List { account, .. } if good => listed(pass, *account, response),
        // A page that failed is asked for again, or the listing never becomes whole.
        Sending::List { .. } => {}
        Sending::LookUp { account, number } => {
            if let (true, Some((rows, _, true))) = (good, page(response)) {
                let is_ours = |row: &&Live| row.account_sid.is_none_or(|sid| sid == *account);
                match rows.iter().filter(is_ours).any(|row| row.number == Some(*number)) {
                    true => {
                        pass.absent.remove(number);
                        if pass.unsettled.remove(&(ActionKind::Purchase, *number)) {
                            reached = Some("purchase in doubt was found bought");
                        }
                    }
                    false if rows.iter().all(|row| is_ours(&row)) => {
                        pass.absent.insert(*number, now);
                        if pass.unsettled.contains(&(ActionKind::Purchase, *number)) {
                            reached = Some("purchase in doubt was not found");
                        }
                    }
                    false => {}
                }
            }
        }
        Sending::Fetch { sid } => {
            let read = if good { number(response) } else { None };
            if let Some(live) = &read
                && let Some(number) = live.number
                && let Some(declared) = pass.file.desired.declared(number)
                && live.account_sid.is_some()
                && pass.file.desired.account(declared.account).sid == live.account_sid
                && pass.unsettled.remove(&(ActionKind::Transfer, number))
            {
                reached = Some("transfer in doubt was found done");
            }
            if read.is_none() && pass.sent.iter().any(|(kind, _)| *kind == ActionKind::Release) && !good {
                reached = Some("release in doubt was found done");
            }
            pass.read.insert(*sid, (now, read));
        }
        Sending::Purchase { number: asked, .. } => {
            if good && number(response).is_some_and(|live| live.number == Some(*asked)) {
                pass.unsettled.remove(&(ActionKind::Purchase, *asked));
            }
            // 429: Twilio says that it was not processed.
            if response.status == 429 {
                pass.absent.insert(*asked, now);
            }
        }
        Sending::Transfer { number: Some(asked), to, .. } => {
            let arrived = number(response)
                .is_some_and(|live| live.account_sid.is_some_and(|sid| sid.to_string() == *to));
            if good && arrived {
                pass.unsettled.remove(&(ActionKind::Transfer, *asked));
            }
        }
        Sending::Probe
        | Sending::Configure { .. }
        | Sending::Transfer { .. }
        | Sending::Release { .. }
        | Sending::Aside
        | Sending::Other => {}
    }
    if let Some(event) = reached {
        state.sometimes.reached(event);
    }
}

/// A page of a listing. The listing is whole once its pages came one after the other, from the
/// first to one without a link, each of the account that was asked.
fn listed(pass: &mut PassView, account: AccountSid, response: &Response) {
    let Some((rows, index, is_last)) = page(response) else { return };
    let expected = pass.pages.entry(account).or_default();
    if index != *expected || rows.iter().any(|row| row.account_sid.is_some_and(|sid| sid != account)) {
        pass.spoilt.insert(account);
    }
    *expected += 1;
    pass.listed_numbers.extend(rows.iter().filter_map(|row| row.number));
    let pages = pass.unfinished.entry(account).or_default();
    pages.extend(rows);
    if is_last && !pass.spoilt.contains(&account) {
        // What came of a listing that was given up is nothing that the plan goes by.
        for row in std::mem::take(pages) {
            let Some(sid) = row.sid else { continue };
            pass.listed_twice.extend(pass.listed.insert(sid, row));
        }
        pass.whole.insert(account);
    }
}

/// The rows of a page, which one it says that it is, and whether it is the last.
fn page(response: &Response) -> Option<(Vec<Live>, usize, bool)> {
    let page =
        Api::ALL.into_iter().find_map(|api| read_page(api, &response.body, &mut Interner::default()).ok())?;
    Some((page.rows, page.index?, page.next.is_none()))
}

fn number(response: &Response) -> Option<Live> {
    // Each API's numbers are nothing to the other, but for a bare one.
    let is_flat = response.body.windows(16).any(|part| part == b"\"subresource_uri");
    let api = if is_flat { Api::IncomingPhoneNumbers } else { Api::ActiveNumbers };
    read_number(api, &response.body).ok()
}

/// A 429 that names a sane number of seconds is kept to, by everything that this account sends.
fn note_wait(state: &mut State, id: u64, account: AccountSid, response: &Response) {
    let seconds: Option<u64> = response.retry_after.as_deref().and_then(|text| text.parse().ok());
    let (429, Some(seconds @ 1..=60)) = (response.status, seconds) else { return };
    let until = state.now() + Duration::from_secs(seconds);
    let Some(pass) = state.passes.get(&id) else { return };
    let process = &mut state.processes[pass.process];
    let known = process.not_before.entry(account).or_default();
    *known = (*known).max(until);
}

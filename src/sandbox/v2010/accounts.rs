//! `Accounts`: a main account and its subaccounts, one level deep.

use std::sync::Arc;

use super::super::answer::{HttpRequest, SandboxError};
use super::super::config::is_sid;
use super::super::service::{Caller, Done, Sandbox};
use super::super::world::SandboxStatus;
use super::super::writes::last;
use super::paging::{PageAsk, PageShown, filters};
use super::rows;

const FILTERS: [&str; 2] = ["Status", "FriendlyName"];

impl Sandbox {
    /// The caller's own account, and the subaccounts of a main one.
    pub(super) fn list_accounts(&self, request: &HttpRequest, caller: &Caller) -> Done {
        not_by_key(caller)?;
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let ask = PageAsk::new(&query, dialect, |hex| {
            let sid = format!("AC{hex}");
            is_sid(&sid, "AC").then_some(sid)
        })?;
        let asked = filters(&query, &FILTERS);
        if let Some(word) = last(&asked, "Status") {
            status(word)?;
        }
        let all: Vec<String> = self
            .world
            .accounts()
            .filter(|(sid, account)| {
                let is_seen = *sid == &*caller.account || account.parent.as_deref() == Some(&caller.account);
                is_seen
                    && last(&asked, "Status").is_none_or(|word| rows::status(account.status) == word)
                    && last(&asked, "FriendlyName")
                        .is_none_or(|name| rows::account_name(sid, account) == name)
            })
            .map(|(sid, _)| sid.to_owned())
            .collect();
        let (sids, more) = ask.slice(
            |after| {
                let from = all.partition_point(|sid| after.is_some_and(|after| sid <= after));
                all[from..].iter().cloned()
            },
            |before| all[..all.partition_point(|sid| sid < before)].iter().rev().cloned(),
        );
        let rows: Vec<_> = sids
            .iter()
            .filter_map(|sid| Some((sid, self.world.account(sid)?)))
            .map(|(sid, account)| rows::account(sid, account, dialect))
            .collect();
        let hex = |sid: &String| sid.trim_start_matches("AC").to_owned();
        let ends = sids.first().zip(sids.last()).map(|(first, last)| (hex(first), hex(last)));
        let shown =
            PageShown { key: "accounts", path: &request.path, filters: &asked, rows: &rows, ends, more };
        Ok((200, shown.body(&ask, dialect)))
    }

    pub(super) fn fetch_account(&self, request: &HttpRequest, caller: &Caller, sid: &str) -> Done {
        let sid = self.visible(request, caller, sid)?;
        Ok((200, self.account_row(&sid)))
    }

    pub(super) fn create_account(&mut self, request: &HttpRequest, caller: &Caller) -> Done {
        not_by_key(caller)?;
        let parent = self.world.account(&caller.account).filter(|account| account.parent.is_none());
        if parent.is_none() {
            // There is one level of subaccounts only.
            return Err(SandboxError::unauthenticated());
        }
        let name = last(&request.post_pairs(), "FriendlyName").map(name).transpose()?.flatten();
        let sid = self.world.create_subaccount(&caller.account, name);
        Ok((201, self.account_row(&sid)))
    }

    pub(super) fn update_account(&mut self, request: &HttpRequest, caller: &Caller, sid: &str) -> Done {
        let sid = self.visible(request, caller, sid)?;
        let parameters = request.post_pairs();
        let new_name = last(&parameters, "FriendlyName").map(name).transpose()?;
        let new_status = last(&parameters, "Status").map(status).transpose()?;
        let account = self.world.account(&sid).ok_or_else(SandboxError::unauthenticated)?;
        if let Some(wanted) = new_status.filter(|wanted| *wanted != account.status) {
            if sid == caller.account {
                // The catalogue's codes for this are about subaccounts.
                let message = "An account cannot change its own status";
                return Err(SandboxError { status: 400, code: None, message: message.to_owned() });
            }
            if account.status == SandboxStatus::Closed {
                let message =
                    "Unable to update Status for subaccount, subaccount is closed and can not be re-opened.";
                return Err(SandboxError::bad(21479, message));
            }
            if wanted == SandboxStatus::Closed {
                self.world.release_all(&sid);
            }
        }
        if let Some(account) = self.world.account_mut(&sid) {
            account.friendly_name = new_name.unwrap_or_else(|| account.friendly_name.take());
            account.status = new_status.unwrap_or(account.status);
        }
        Ok((200, self.account_row(&sid)))
    }

    /// An account that the caller may see and change: its own, or a subaccount, in use or not.
    fn visible(&self, request: &HttpRequest, caller: &Caller, sid: &str) -> Result<Arc<str>, SandboxError> {
        not_by_key(caller)?;
        self.world
            .account_entry(sid)
            .filter(|(sid, account)| {
                *sid == caller.account || account.parent.as_deref() == Some(&caller.account)
            })
            .map(|(sid, _)| sid)
            .ok_or_else(|| match self.world.account(&caller.account) {
                Some(own) if own.parent.is_none() => SandboxError::not_found(&request.path),
                _ => SandboxError::unauthenticated(),
            })
    }

    fn account_row(&self, sid: &str) -> String {
        let dialect = &self.faults.dialect;
        self.world.account(sid).map_or_else(String::new, |account| rows::account(sid, account, dialect))
    }
}

/// A Standard key does not open `Accounts`, and the sandbox's keys are of that sort.
fn not_by_key(caller: &Caller) -> Result<(), SandboxError> {
    if caller.by_key { Err(SandboxError::unauthenticated()) } else { Ok(()) }
}

fn name(text: &str) -> Result<Option<String>, SandboxError> {
    if text.chars().count() > 64 {
        return Err(SandboxError::bad(20422, "FriendlyName has more than 64 characters"));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

fn status(word: &str) -> Result<SandboxStatus, SandboxError> {
    [SandboxStatus::Active, SandboxStatus::Suspended, SandboxStatus::Closed]
        .into_iter()
        .find(|status| rows::status(*status) == word)
        .ok_or_else(|| SandboxError::bad(20422, "Status is one of active, suspended, closed"))
}

//! `IncomingPhoneNumbers`: the numbers of the account in the path.

use std::sync::Arc;

use crate::model::number::PhoneNumber;
use crate::model::provider::Api;

use super::super::answer::{HttpRequest, Operation, SandboxError};
use super::super::catalogue::{self, CatalogueKind};
use super::super::config::{Config, ConfigOutcome, apply};
use super::super::filters::{SandboxFilters, plus};
use super::super::service::{Caller, Done, Sandbox};
use super::super::writes::{e164, last};
use super::Type;
use super::paging::{PageAsk, PageShown, filters};
use super::pattern::Pattern;
use super::rows::{self, V2010Memo};

/// `Beta` leaves every number: none of the model's is one.
const FILTERS: [&str; 4] = ["PhoneNumber", "FriendlyName", "Beta", "Origin"];
/// The documents of a number: what may come with a transfer.
const PAPERS: [&str; 3] = ["AddressSid", "IdentitySid", "BundleSid"];

impl Sandbox {
    pub(super) fn list_numbers(
        &self,
        request: &HttpRequest,
        account: &str,
        number_type: Option<Type>,
    ) -> Done {
        let query = request.query_pairs();
        let dialect = &self.faults.dialect;
        let ask = PageAsk::new(&query, dialect, key)?;
        let asked: Vec<_> = filters(&query, &FILTERS)
            .into_iter()
            .map(|(name, value)| if name == "PhoneNumber" { (name, plus(&value)) } else { (name, value) })
            .collect();
        let pattern = match last(&asked, "PhoneNumber") {
            None => None,
            Some(text) => Some(Pattern::new(text).ok_or_else(|| {
                SandboxError::bad(20422, format!("PhoneNumber {text} is not a pattern of a phone number"))
            })?),
        };
        let friendly_name = last(&asked, "FriendlyName");
        // Every number of the model was bought from Twilio; hosted ones are others'.
        let is_none = last(&asked, "Origin").is_some_and(|origin| origin != "twilio");
        let parts =
            if is_none { Vec::new() } else { parts(self.world.numbers_of(account), pattern.as_ref()) };
        let passes = |number: &PhoneNumber| {
            number_type.is_none_or(|wanted| catalogue::kind_of(*number).number_type == wanted.as_str())
                && pattern
                    .as_ref()
                    .is_none_or(|pattern| pattern.matches(number.to_string().trim_start_matches('+')))
                && friendly_name.is_none_or(|wanted| {
                    self.world.owned(*number).is_some_and(|owned| rows::name(*number, owned) == wanted)
                })
        };
        let forward = |after: Option<&PhoneNumber>| {
            let after = after.copied();
            let from = move |part: &&[PhoneNumber]| {
                part.partition_point(|number| after.is_some_and(|after| *number <= after))
            };
            parts.iter().flat_map(move |part| &part[from(part)..]).copied().filter(passes)
        };
        let backward = |before: &PhoneNumber| {
            let before = *before;
            let to = move |part: &&[PhoneNumber]| part.partition_point(|number| *number < before);
            parts.iter().rev().flat_map(move |part| part[..to(part)].iter().rev()).copied().filter(passes)
        };
        let (numbers, more) = ask.slice(forward, backward);
        let mut memo = V2010Memo::default();
        let rows: Vec<_> = numbers
            .iter()
            .filter_map(|number| Some((*number, self.world.owned(*number)?)))
            .map(|(number, owned)| rows::number(number, owned, true, dialect, &mut memo))
            .collect();
        let ends = numbers.first().zip(numbers.last()).map(|(first, last)| (token(*first), token(*last)));
        let shown = PageShown {
            key: "incoming_phone_numbers",
            path: &request.path,
            filters: &asked,
            rows: &rows,
            ends,
            more,
        };
        Ok((200, shown.body(&ask, dialect)))
    }

    pub(super) fn create_number(
        &mut self,
        request: &HttpRequest,
        account: &Arc<str>,
        number_type: Option<Type>,
    ) -> Done {
        let parameters = request.post_pairs();
        self.may_buy(account)?;
        let given = |name| last(&parameters, name).filter(|value| !value.is_empty());
        let number = match (given("PhoneNumber"), given("AreaCode"), number_type) {
            (Some(wanted), _, _) => e164(wanted)?.0,
            (None, Some(area), None) => self.first_of_area(area)?,
            (None, Some(_), Some(_)) => {
                return Err(SandboxError::bad(21457, "AreaCode is not supported here; give a PhoneNumber"));
            }
            (None, None, _) => {
                return Err(SandboxError::bad(20422, "PhoneNumber or AreaCode is missing"));
            }
        };
        let kind = catalogue::kind_of(number);
        let is_other = number_type.is_some_and(|wanted| wanted.as_str() != kind.number_type);
        if is_other {
            return Err(SandboxError::bad(21458, format!("{number} is not of the type of this resource")));
        }
        let none = SandboxError::bad(21422, format!("Phone number {number} is not available"));
        let papers = check_papers(kind, &parameters);
        self.buy(Api::IncomingPhoneNumbers, &parameters, number, account, none, papers)?;
        Ok((201, self.number_row(number)))
    }

    /// The first number available of an area code of North America.
    fn first_of_area(&self, area: &str) -> Result<PhoneNumber, SandboxError> {
        if area.len() != 3 || !area.bytes().all(|b| b.is_ascii_digit()) || area.starts_with(['0', '1']) {
            return Err(SandboxError::bad(21451, format!("AreaCode {area} is not valid")));
        }
        let found = match self.faults.dialect.empty_inventory {
            true => None,
            false => {
                let filters = SandboxFilters::new(&[("PhoneNumber".to_owned(), format!("+1{area}*"))]);
                self.world.search(&filters, 0, 1).0.pop()
            }
        };
        found.ok_or_else(|| SandboxError::bad(21452, format!("No phone numbers found in area code {area}")))
    }

    pub(super) fn one_number(
        &mut self,
        request: &HttpRequest,
        caller: &Caller,
        account: &str,
        sid: &str,
        operation: Operation,
    ) -> Done {
        let missing = || SandboxError::not_found(&request.path);
        let (number, owned) = self.world.find(sid).ok_or_else(missing)?;
        if *owned.account != *account {
            return Err(missing());
        }
        match operation {
            Operation::Release => return self.release(number),
            Operation::Transfer => self.transfer_number(request, caller, number)?,
            Operation::Configure => self.set(Api::IncomingPhoneNumbers, &request.post_pairs(), number)?,
            _ => {
                let row = self.number_row(number);
                self.was_read(number);
                return Ok((200, row));
            }
        }
        Ok((200, self.number_row(number)))
    }

    /// Moves a number. Of the other parameters only the documents count, which are the gaining account's.
    fn transfer_number(
        &mut self,
        request: &HttpRequest,
        caller: &Caller,
        number: PhoneNumber,
    ) -> Result<(), SandboxError> {
        let mut parameters = request.post_pairs();
        let target = self.gaining(&parameters, &caller.account, !caller.by_key)?;
        let is_move = self.world.owned(number).is_some_and(|owned| owned.account != target);
        if is_move && check_papers(catalogue::kind_of(number), &parameters).is_err() {
            let message = format!("{number} needs an address or a bundle of account {target}");
            return Err(SandboxError::bad(21613, message));
        }
        parameters.retain(|(name, _)| PAPERS.contains(&name.as_str()));
        // Before anything moves: what the documents would be refused for later.
        let none = ConfigOutcome { friendly_name: None, config: Config::default() };
        apply(Api::IncomingPhoneNumbers, &parameters, false, &self.faults.dialect, none)?;
        self.world.transfer(number, &target, self.faults.dialect.transfer_clears);
        self.set(Api::IncomingPhoneNumbers, &parameters, number)
    }

    fn number_row(&self, number: PhoneNumber) -> String {
        let dialect = &self.faults.dialect;
        self.world.owned(number).map_or_else(String::new, |owned| {
            rows::number(number, owned, false, dialect, &mut V2010Memo::default())
        })
    }
}

/// What the country asks of a number's owner. The bundle is also the identity document that
/// ActiveNumbers asks for: no kind needs that one alone.
fn check_papers(kind: &CatalogueKind, parameters: &[(String, String)]) -> Result<(), SandboxError> {
    let has = |name| last(parameters, name).is_some_and(|sid| !sid.is_empty());
    if kind.address != "none" && !has("AddressSid") {
        let code = if kind.address == "local" { 21615 } else { 21631 };
        return Err(SandboxError::bad(
            code,
            format!("This phone number needs an AddressSid ({})", kind.address),
        ));
    }
    if kind.needs_bundle && !has("BundleSid") {
        return Err(SandboxError::bad(21649, "This phone number needs a BundleSid"));
    }
    Ok(())
}

/// The parts of a sorted list in which a pattern can match: a `+` and digits leave one run of
/// numbers for each length.
fn parts<'a>(all: &'a [PhoneNumber], pattern: Option<&Pattern>) -> Vec<&'a [PhoneNumber]> {
    let head = pattern.map(Pattern::head).unwrap_or_default();
    let Ok(value) = head.parse::<u64>() else { return vec![all] };
    let longer = 15_usize.saturating_sub(head.len());
    let runs = (0..=longer).filter_map(|more| {
        let size = 10_u64.pow(u32::try_from(more).ok()?);
        let (first, last) = (value.checked_mul(size)?, value.checked_mul(size)? + (size - 1));
        let (first, last) = (catalogue::number(first)?, catalogue::number(last)?);
        let run = &all[all.partition_point(|number| *number < first)..];
        Some(&run[..run.partition_point(|number| *number <= last)])
    });
    runs.filter(|run| !run.is_empty()).collect()
}

/// A number as the 32 hexadecimal digits of a page token: its text.
fn token(number: PhoneNumber) -> String {
    let hex: String = number.to_string().bytes().map(|b| format!("{b:02x}")).collect();
    format!("{hex:0<32}")
}

/// The number of a page token.
fn key(hex: &str) -> Option<PhoneNumber> {
    let bytes = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    PhoneNumber::observed(String::from_utf8(bytes).ok()?.trim_end_matches('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_were_written() {
        for text in ["+15552230000", "+491", "+123456789012345", "12345"] {
            let number = PhoneNumber::observed(text).expect(text);
            assert_eq!(token(number).len(), 32);
            assert_eq!(key(&token(number)), Some(number));
        }
        for hex in ["", "0".repeat(32).as_str(), "f".repeat(32).as_str(), "é".repeat(16).as_str()] {
            assert_eq!(key(hex), None, "{hex}");
        }
    }

    #[test]
    fn a_kind_that_needs_a_document_needs_a_bundle() {
        let kinds = || catalogue::ranges().iter().map(|range| &range.kind);
        assert!(kinds().any(|kind| kind.needs_document));
        assert!(kinds().all(|kind| kind.needs_bundle || !kind.needs_document));
    }
}

//! Whether an answer is about the number that was asked for. Checked before anything else in the
//! answer: an echo about another number says nothing about this one, however well it fits (law 6).

use crate::model::live::Live;
use crate::model::number::{AccountSid, NumberSid, PhoneNumber};

/// What a request was about, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// `None` before a purchase: only the answer gives it.
    pub sid: Option<NumberSid>,
    /// `None` where only the SID is known.
    pub number: Option<PhoneNumber>,
    /// Which accounts the answer may name.
    pub owner: Owner,
}

/// Which accounts an answer may name. One that names none is not contradicted.
#[derive(Debug, Clone, Copy)]
pub enum Owner {
    /// Any: the caller compares it.
    Any,
    Only(AccountSid),
    /// The one that loses the number, or the one that gets it.
    Either(AccountSid, AccountSid),
}

impl Subject {
    /// A number that is live, by its SID.
    #[must_use]
    pub fn live(sid: NumberSid, number: PhoneNumber, owner: Owner) -> Self {
        Self { sid: Some(sid), number: Some(number), owner }
    }

    /// A number that is bought for an account.
    #[must_use]
    pub fn bought(number: PhoneNumber, owner: AccountSid) -> Self {
        Self { sid: None, number: Some(number), owner: Owner::Only(owner) }
    }

    /// What in an answer shows that it is about something else; `None` where nothing does.
    #[must_use]
    pub fn contradiction(&self, answer: &Live) -> Option<String> {
        if let (Some(asked), Some(found)) = (self.sid, answer.sid)
            && asked != found
        {
            return Some(format!("{found}, not {asked}"));
        }
        if let (Some(asked), Some(found)) = (self.number, answer.number)
            && asked != found
        {
            return Some(format!("{found}, not {asked}"));
        }
        let is_foreign = |found: AccountSid| match self.owner {
            Owner::Any => false,
            Owner::Only(account) => found != account,
            Owner::Either(from, to) => found != from && found != to,
        };
        if let Some(found) = answer.account_sid.filter(|found| is_foreign(*found)) {
            return Some(format!("a number of account {found}"));
        }
        // With a SID but a number that cannot be read, the SID decides.
        let is_named = answer.number.is_some() || self.sid.is_some() && answer.sid.is_some();
        match (&answer.raw_number, is_named) {
            (_, true) => None,
            (Some(raw), false) => Some(format!("{:?}, which is not a phone number", &**raw)),
            // A purchase is looked up by whoever sent it.
            (None, false) if self.sid.is_none() => None,
            (None, false) => Some("a number that it does not name".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::api::wire;
    use crate::model::provider::Api;

    fn answer(json: &str) -> Live {
        wire::read_number(Api::IncomingPhoneNumbers, json.as_bytes()).expect(json)
    }

    #[test]
    fn an_answer_about_something_else_is_told() {
        let account = |last: char| AccountSid::observed(&format!("AC{:0>32}", last)).expect("a SID");
        let sid = NumberSid::observed(&format!("PN{:0>32}", 1)).expect("a SID");
        let number = PhoneNumber::observed("+15552230000").expect("a number");
        let subject = Subject::live(sid, number, Owner::Only(account('1')));
        let (own, other) = (format!("PN{:0>32}", 1), format!("PN{:0>32}", 2));
        let (a, b) = (account('1'), account('2'));
        for (json, is_it) in [
            (format!(r#"{{"sid":"{own}","phone_number":"+15552230000","account_sid":"{a}"}}"#), true),
            (format!(r#"{{"sid":"{own}","phone_number":null}}"#), true),
            (r#"{"phone_number":"+15552230000"}"#.to_owned(), true),
            (format!(r#"{{"sid":"{other}","phone_number":"+15552230000"}}"#), false),
            (format!(r#"{{"sid":"{own}","phone_number":"+15552230001"}}"#), false),
            (format!(r#"{{"sid":"{own}","account_sid":"{b}"}}"#), false),
            (r#"{"phone_number":"none"}"#.to_owned(), false),
            (r#"{"sid":"PN1"}"#.to_owned(), false),
        ] {
            assert_eq!(subject.contradiction(&answer(&json)).is_none(), is_it, "{json}");
        }
        let moved = Subject { owner: Owner::Either(a, b), ..subject };
        assert!(moved.contradiction(&answer(&format!(r#"{{"sid":"{own}","account_sid":"{b}"}}"#))).is_none());
        let bought = Subject::bought(number, a);
        assert!(bought.contradiction(&answer(&format!(r#"{{"sid":"{own}"}}"#))).is_none(), "looked up");
        assert!(bought.contradiction(&answer(r#"{"phone_number":"+15552230001"}"#)).is_some());
    }
}

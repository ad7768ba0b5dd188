//! Who changed what is not as declared: what the audit log says about a plan's differences.

use std::collections::BTreeMap;

use crate::desired::AccountIndex;
use crate::model::audit::{AuditEvent, Cause};
use crate::model::number::{NumberSid, PhoneNumber};
use crate::model::settings::{Field, Value};

/// Where Twilio points new numbers.
const DEMO: &str = "https://demo.twilio.com/";

/// A live setting that is not as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The account that has the number.
    pub account: AccountIndex,
    pub number: PhoneNumber,
    pub sid: NumberSid,
    pub field: Field,
    pub live: Option<Value>,
}

impl Difference {
    /// Whether what is live is what a number has right after its purchase: most likely no one ever set it.
    #[must_use]
    pub fn is_as_bought(&self) -> bool {
        match &self.live {
            None => true,
            Some(Value::Url(url)) => url.starts_with(DEMO),
            // The number itself, nicely formatted.
            Some(Value::Text(name)) => name.chars().all(|c| c.is_ascii_digit() || "+-() .".contains(c)),
            Some(live) => self.field.default_value().as_ref() == Some(live),
        }
    }

    /// Who brought it about, as far as the events tell: the last change of the setting that they have,
    /// where it led to what is live. Where it led elsewhere, a later event is still to come.
    #[must_use]
    pub fn cause(&self, events: &[AuditEvent]) -> Option<Cause> {
        let is_about = |event: &&AuditEvent| match (event.resource, event.number) {
            (Some(sid), _) => sid == self.sid,
            (None, number) => number == Some(self.number),
        };
        let changes =
            events.iter().filter(is_about).filter_map(|event| Some((event, event.change(self.field)?)));
        let last = changes.clone().map(|(event, _)| event.cause.at).max()?;
        changes
            .filter(|(event, _)| event.cause.at == last)
            .find(|(_, change)| change.led_to(self.field, self.live.as_ref()))
            .map(|(event, _)| event.cause.clone())
    }
}

/// Who changed what is not as declared, as far as that was asked and told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Causes {
    known: BTreeMap<(PhoneNumber, Field), Cause>,
    /// Accounts whose audit log could not be read, and why.
    pub unread: Vec<(AccountIndex, Box<str>)>,
    /// How many differences no event reports, in accounts whose log was read: it may come yet.
    pub without_event: usize,
}

impl Causes {
    /// Who changed one setting of one number, where it is known.
    #[must_use]
    pub fn find(&self, number: PhoneNumber, field: Field) -> Option<&Cause> {
        self.known.get(&(number, field))
    }

    /// All that are known.
    pub fn known(&self) -> impl Iterator<Item = (PhoneNumber, Field, &Cause)> {
        self.known.iter().map(|((number, field), cause)| (*number, *field, cause))
    }

    /// Whether no one asked, or nothing was to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unread.is_empty() && self.without_event == 0
    }

    /// Takes what the log of an account says about its differences.
    pub fn learn(&mut self, differences: &[Difference], events: &[AuditEvent]) {
        for difference in differences {
            match difference.cause(events) {
                Some(cause) => self.tell(difference, cause),
                None => self.without_event += 1,
            }
        }
    }

    /// Takes what is known of one.
    pub fn tell(&mut self, difference: &Difference, cause: Cause) {
        self.known.insert((difference.number, difference.field), cause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::audit::{Origin, PropertyChange};

    fn event(at: &str, actor: &str, to: &str) -> AuditEvent {
        let cause = Cause {
            at: at.parse().expect("a time"),
            origin: Origin::Console,
            actor: Some(actor.into()),
            ip: None,
            event: None,
        };
        let sid = NumberSid::observed(&format!("PN{}", "a".repeat(32)));
        let changes = vec![PropertyChange::new("voice_url", Some("https://was.example"), Some(to))];
        AuditEvent {
            cause,
            kind: "phone-number.updated".into(),
            account: None,
            resource: sid,
            number: None,
            changes,
        }
    }

    fn actor(events: &[AuditEvent]) -> Option<String> {
        let difference = Difference {
            account: AccountIndex(0),
            number: PhoneNumber::observed("+15552230000").expect("a number"),
            sid: NumberSid::observed(&format!("PN{}", "a".repeat(32))).expect("a SID"),
            field: Field::VoiceUrl,
            live: Some(Value::Url("https://live.example".into())),
        };
        difference.cause(events).and_then(|cause| cause.actor).map(String::from)
    }

    #[test]
    fn the_last_change_that_led_to_what_is_live_is_the_cause() {
        let old = event("2026-11-28T10:00:00Z", "US1", "https://live.example");
        let new = event("2026-11-28T11:00:00Z", "US2", "https://live.example");
        let other = event("2026-11-28T12:00:00Z", "US3", "https://other.example");
        assert_eq!(actor(&[old.clone(), new.clone()]).as_deref(), Some("US2"));
        assert_eq!(actor(&[new.clone(), old.clone()]).as_deref(), Some("US2"), "in any order");
        // Whoever set what is live now did so later, and that event is not there yet: no one is blamed.
        assert_eq!(actor(&[old, new, other]), None);
        assert_eq!(actor(&[]), None);
    }
}

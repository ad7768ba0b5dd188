//! Which numbers may have changed, by the account's audit log: hints, polled, and never proof.
//!
//! Events may be late, doubled, out of order, missing, of our own writes, or about other resources. So each
//! poll looks back a while and passes over what it has seen, a hint says only "read this number", and what no
//! event shows is found by the next full listing.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::client::Client;
use crate::client::audit_log::{AuditTrail, NoTrail, read_audit_log};
use crate::client::transport::Transport;
use crate::model::audit::AuditEvent;
use crate::model::number::NumberSid;

/// How far a poll looks back before the last event that it knows: so late may an event come.
const OVERLAP: Duration = Duration::from_secs(300);
/// The longest wait after polls that failed.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// What a poll of an account tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hints {
    /// These numbers may have changed; mostly none.
    Numbers(Vec<NumberSid>),
    /// There were more events than were read: any number may have changed.
    Any,
}

/// The events of one account, poll by poll.
#[derive(Debug, Default)]
pub struct EventFeed {
    /// The time of the youngest event that was seen, by the server's clock; our own may differ.
    newest: Option<Timestamp>,
    /// The events since then that were passed on, by what names each.
    seen: BTreeMap<Box<str>, Timestamp>,
    failures: u32,
    due: Option<Instant>,
    /// Why it told nothing last; said once.
    said: Option<NoTrail>,
}

impl EventFeed {
    /// A feed that has told nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { newest: None, seen: BTreeMap::new(), failures: 0, due: None, said: None }
    }

    /// When it is to be asked next; `None` for at once.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Asks once: one request, where there are not thousands of events. `Err` where that is news.
    ///
    /// # Errors
    /// Why nothing was told, where that was not said before.
    pub async fn poll<T: Transport>(
        &mut self,
        client: &Client<T>,
        every: Duration,
        now: Duration,
    ) -> Result<Hints, Option<NoTrail>> {
        let since = self.since();
        // The first page of a first look tells what is new there; years of events do not matter.
        let read = read_audit_log(client, None, since, |_| since.is_none()).await;
        match read {
            Ok(trail) => {
                self.failures = 0;
                self.said = None;
                self.due = Some(Instant::now() + every);
                Ok(self.take(trail, now))
            }
            Err(why) => {
                self.failures += 1;
                let wait = every.saturating_mul(1 << self.failures.min(16)).min(WAIT_MAX.max(every));
                self.due = Some(Instant::now() + wait);
                let is_news = self.said.as_ref() != Some(&why);
                self.said = Some(why.clone());
                Err(is_news.then_some(why))
            }
        }
    }

    /// From when on events are asked for; `None` where there is no event to go by.
    fn since(&self) -> Option<Timestamp> {
        let overlap = SignedDuration::try_from(OVERLAP).unwrap_or_default();
        self.newest.and_then(|newest| newest.checked_sub(overlap).ok())
    }

    /// What is new in a trail.
    fn take(&mut self, trail: AuditTrail, now: Duration) -> Hints {
        let is_first = self.newest.is_none();
        // An event of the far future would hide all that come before it.
        let now = SignedDuration::try_from(now).unwrap_or(SignedDuration::MAX);
        let latest = Timestamp::UNIX_EPOCH.checked_add(now).unwrap_or(Timestamp::MAX);
        let youngest = trail.events.iter().map(|event| event.cause.at.min(latest)).max();
        self.newest = self.newest.max(youngest);
        let since = self.since();
        let is_recent = |at: Timestamp| since.is_none_or(|since| at >= since);
        let mut hints = Vec::new();
        for event in trail.events.iter().filter(|event| is_recent(event.cause.at)) {
            if self.seen.insert(name_of(event), event.cause.at).is_none() {
                hints.extend(event.resource);
            }
        }
        self.seen.retain(|_, at| is_recent(*at));
        hints.sort_unstable();
        hints.dedup();
        if trail.is_whole || is_first { Hints::Numbers(hints) } else { Hints::Any }
    }
}

/// What tells an event from others: its SID, or all that it says.
fn name_of(event: &AuditEvent) -> Box<str> {
    match &event.cause.event {
        Some(sid) => sid.clone(),
        None => format!("{} {} {:?} {:?}", event.cause.at, event.kind, event.resource, event.changes).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::audit::{Cause, Origin};

    fn event(sid: &str, at: i64, number: char) -> AuditEvent {
        let at = Timestamp::from_second(at).expect("a time");
        let cause = Cause { at, origin: Origin::Api, actor: None, ip: None, event: Some(sid.into()) };
        let resource = NumberSid::observed(&format!("PN{}", number.to_string().repeat(32)));
        AuditEvent {
            cause,
            kind: "phone-number.updated".into(),
            account: None,
            resource,
            number: None,
            changes: vec![],
        }
    }

    fn take(feed: &mut EventFeed, events: Vec<AuditEvent>) -> usize {
        match feed.take(AuditTrail { events, is_whole: true }, Duration::from_secs(3_000_000)) {
            Hints::Numbers(numbers) => numbers.len(),
            Hints::Any => usize::MAX,
        }
    }

    #[test]
    fn each_event_hints_once_however_often_and_in_whatever_order_it_comes() {
        let mut feed = EventFeed::new();
        let (a, b, c) =
            (event("AE1", 1_000_010, 'a'), event("AE2", 1_000_020, 'b'), event("AE3", 1_000_015, 'c'));
        assert_eq!(take(&mut feed, vec![b.clone(), a.clone(), b.clone()]), 2);
        assert_eq!(take(&mut feed, vec![a.clone(), b.clone()]), 0);
        // One that is late, and older than what was seen.
        assert_eq!(take(&mut feed, vec![a, b, c]), 1);
        // What is too old to be listed again is forgotten.
        assert_eq!(take(&mut feed, vec![event("AE4", 2_000_000, 'd')]), 1);
        assert_eq!(feed.seen.len(), 1);
    }

    #[test]
    fn too_many_events_hint_at_every_number() {
        let mut feed = EventFeed::new();
        let trail = AuditTrail { events: vec![event("AE1", 10, 'a')], is_whole: false };
        let now = Duration::from_secs(3_000_000);
        // Of a first look the old ones do not matter.
        assert!(matches!(feed.take(trail.clone(), now), Hints::Numbers(numbers) if numbers.len() == 1));
        assert_eq!(feed.take(trail, now), Hints::Any);
    }

    #[test]
    fn an_event_of_the_future_hides_none_that_come_before_it() {
        let mut feed = EventFeed::new();
        assert_eq!(take(&mut feed, vec![event("AE1", 9_000_000, 'a')]), 1);
        assert_eq!(take(&mut feed, vec![event("AE2", 2_999_990, 'b')]), 1);
    }
}

//! One candidate or two, step by step.

use std::time::Duration;

use numctl::client::lease::{Elector, ElectorNext, Leader, LeaseRecord, Moment, Timing};
use proptest::prelude::*;

use super::{Bug, LEASE, Server, run};

/// One candidate and a server at hand: what it does, step by step.
struct One {
    elector: Elector,
    server: Server,
    now: Duration,
}

impl One {
    fn new(name: &str, server: Server) -> Self {
        let mut elector = Elector::new(name.to_owned(), Timing::from_duration(LEASE).expect("good"));
        elector.campaign();
        Self { elector, server, now: Duration::from_secs(1) }
    }

    fn moment(&self) -> Moment {
        Moment { steady: self.now, wall: self.now }
    }

    /// Goes on until it waits; says until when.
    fn go(&mut self) -> Option<Duration> {
        for _ in 0..20 {
            let moment = self.moment();
            match self.elector.next(moment) {
                ElectorNext::Rest => return None,
                ElectorNext::Wait(until) => return Some(until),
                ElectorNext::Ask(ask) => {
                    let answer = self.server.handle(&ask, Bug::None);
                    self.elector.answered(answer, moment);
                }
            }
        }
        panic!("it never rests");
    }

    fn record(&self) -> LeaseRecord {
        self.server.lease.clone().expect("a lease").0
    }
}

#[test]
fn a_free_lease_is_taken_at_once_kept_and_given_back() {
    let mut one = One::new("one", Server::default());
    assert_eq!(one.elector.leader(one.moment()), Leader::Unknown);
    one.go();
    assert_eq!(one.elector.leader(one.moment()), Leader::Us(1));
    let first = one.record();
    assert_eq!((first.holder.as_deref(), first.duration, first.transitions), (Some("one"), Some(LEASE), 0));
    for _ in 0..10 {
        one.now = one.go().expect("it renews");
        one.go();
        assert_eq!(one.elector.term(one.moment()), Some(1), "one term without a gap");
    }
    let last = one.record();
    assert_eq!((last.acquired, last.transitions), (first.acquired, 0));
    assert_ne!(last.renewed, first.renewed);
    one.elector.stand_down();
    assert_eq!(one.elector.grant(1, one.moment()), None, "from before it is asked for");
    assert_eq!(one.go(), None);
    assert_eq!(one.record().holder, None);
    // The next one has it at once, and counts.
    let mut two = One::new("two", one.server);
    two.go();
    assert_eq!(two.elector.term(two.moment()), Some(1));
    assert_eq!(two.record().transitions, 1);
}

#[test]
fn a_lease_that_is_not_renewed_is_taken_after_its_duration_and_not_before() {
    let mut first = One::new("first", Server::default());
    first.go();
    let mut second = One::new("second", first.server);
    let began = second.now;
    loop {
        let then = second.go().expect("it looks again");
        if second.elector.term(second.moment()).is_some() {
            break;
        }
        assert!(then < began + LEASE * 2);
        second.now = then;
    }
    assert_eq!(second.now - began, LEASE, "to the instant");
    assert_eq!(second.record().transitions, 1);
    // The first one comes back: it sees it, and never writes.
    first.now += LEASE * 3;
    first.server = second.server;
    assert_eq!(first.elector.grant(1, first.moment()), None);
    first.now = first.go().expect("it looks again");
    first.go();
    assert_eq!(first.elector.leader(first.moment()), Leader::Other(Some("second".into())));
}

#[test]
fn a_leader_that_is_not_answered_stops_a_margin_before_its_deadline() {
    let mut one = One::new("one", Server::default());
    one.go();
    let timing = one.elector.timing();
    let last_start = timing.writes_end() - timing.write_margin();
    for at in (0..200).map(|tenth| Duration::from_millis(tenth * 100)) {
        let moment = Moment { steady: one.now + at, wall: one.now + at };
        assert_eq!(one.elector.grant(1, moment).is_some(), at <= last_start, "{at:?}");
        assert_eq!(one.elector.term(moment).is_some(), at <= timing.renew_deadline(), "{at:?}");
        assert_eq!(one.elector.is_fresh(moment), at <= timing.retry(), "{at:?}");
        assert_eq!(one.elector.grant(2, moment), None, "another term");
        // A suspended machine: one clock stood still.
        let slept = Moment { steady: one.now, wall: one.now + at };
        assert_eq!(one.elector.grant(1, slept).is_some(), at <= last_start, "{at:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// Seeds that nobody chose.
    #[test]
    fn no_seed_has_two_writers(seed: u64) {
        let outcome = run(seed, Bug::None);
        prop_assert_eq!((outcome.overlap, outcome.forgotten), (None, None), "{:?}", outcome);
    }
}

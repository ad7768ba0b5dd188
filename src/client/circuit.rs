//! Stops asking an API that does not answer, and finds out when it answers again.
//!
//! One circuit per account. While it is open nothing is sent but a read now and then, the probe;
//! never a write. Whoever waits for it is let go after a minute: an apply ends, a daemon looks again
//! in its next cycle. Pure: times are those since the account's first request.

use std::time::Duration;

/// At most this many requests in a row without an answer open the circuit. At one fault in ten, by chance
/// alone, that is one run of requests in a hundred thousand.
const OPENS_AFTER: u32 = 5;

/// The first probe: a blip (a restarted balancer) is over by then, and costs an apply five seconds.
const FIRST_PROBE_AFTER: Duration = Duration::from_secs(5);

const PROBE_EVERY: Duration = Duration::from_secs(30);

/// Once the circuit has been open for this long, no one waits for it: two probes have failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Stops requests to an account that does not answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circuit(CircuitState);

#[derive(Debug, Clone, PartialEq, Eq)]
enum CircuitState {
    Closed { unanswered: u32 },
    Open { since: Duration, probe_at: Duration, probing: bool },
}

impl Default for CircuitState {
    fn default() -> Self {
        Self::Closed { unanswered: 0 }
    }
}

/// What a request may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CircuitWay {
    Free,
    /// Send the probe in its place, and ask again.
    Probe,
    /// Ask again then, or when told.
    WaitUntil(Duration),
    /// Do not wait: the API has not answered for too long.
    Closed,
}

impl Circuit {
    /// What a request may do at `now`.
    #[must_use]
    pub fn way(&self, now: Duration) -> CircuitWay {
        match self.0 {
            CircuitState::Closed { .. } => CircuitWay::Free,
            CircuitState::Open { probe_at, probing: false, .. } if now >= probe_at => CircuitWay::Probe,
            CircuitState::Open { since, .. } if now >= since + PATIENCE => CircuitWay::Closed,
            CircuitState::Open { since, probing: true, .. } => CircuitWay::WaitUntil(since + PATIENCE),
            CircuitState::Open { since, probe_at, probing: false } => {
                CircuitWay::WaitUntil(probe_at.min(since + PATIENCE))
            }
        }
    }

    /// Whether no one waits for the API any more.
    #[must_use]
    pub fn is_given_up(&self, now: Duration) -> bool {
        match self.0 {
            CircuitState::Closed { .. } => false,
            CircuitState::Open { since, .. } => now >= since + PATIENCE,
        }
    }

    /// The probe is on its way.
    pub fn probing(&mut self, now: Duration) {
        if let CircuitState::Open { probe_at, probing, .. } = &mut self.0 {
            *probing = true;
            *probe_at = now + PROBE_EVERY;
        }
    }

    /// An answer came, whatever it says: the API is there.
    pub fn answered(&mut self) {
        self.0 = CircuitState::default();
    }

    /// No connection, no answer in time, or a 5xx.
    pub fn unanswered(&mut self, now: Duration) {
        match &mut self.0 {
            CircuitState::Closed { unanswered } if *unanswered + 1 < OPENS_AFTER => *unanswered += 1,
            CircuitState::Closed { .. } => {
                self.0 = CircuitState::Open { since: now, probe_at: now + FIRST_PROBE_AFTER, probing: false };
            }
            CircuitState::Open { .. } => {}
        }
    }

    /// The probe is over, or was dropped half-way.
    pub fn probed(&mut self) {
        if let CircuitState::Open { probing, .. } = &mut self.0 {
            *probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn open() -> Circuit {
        let mut circuit = Circuit::default();
        (0..OPENS_AFTER).for_each(|_| circuit.unanswered(seconds(100)));
        circuit
    }

    #[test]
    fn only_silence_in_a_row_opens_it() {
        let mut circuit = Circuit::default();
        for at in 0..1000 {
            circuit.unanswered(seconds(at));
            if at % 4 == 3 {
                circuit.answered();
            }
            assert_eq!(circuit.way(seconds(at)), CircuitWay::Free);
        }
        assert_eq!(open().way(seconds(100)), CircuitWay::WaitUntil(seconds(105)));
    }

    #[test]
    fn one_probe_at_a_time_and_patience_ends() {
        let mut circuit = open();
        assert_eq!(circuit.way(seconds(105)), CircuitWay::Probe);
        circuit.probing(seconds(105));
        assert_eq!(circuit.way(seconds(106)), CircuitWay::WaitUntil(seconds(160)));
        circuit.unanswered(seconds(107));
        circuit.probed();
        assert_eq!(circuit.way(seconds(107)), CircuitWay::WaitUntil(seconds(135)));
        circuit.probing(seconds(135));
        circuit.probed();
        assert!(!circuit.is_given_up(seconds(159)));
        assert_eq!(circuit.way(seconds(160)), CircuitWay::Closed);
        // Whoever comes when the next probe is due sends it, and is told by its answer.
        assert_eq!(circuit.way(seconds(165)), CircuitWay::Probe);
        circuit.answered();
        assert_eq!(circuit.way(seconds(165)), CircuitWay::Free);
    }

    proptest::proptest! {
        /// Over any hour of silence, whenever anybody asks: two probes are 30 s apart or more.
        #[test]
        fn probes_keep_their_distance(gaps in proptest::collection::vec(0_u64..20_000, 1..400)) {
            let (mut circuit, mut now, mut last) = (open(), seconds(100), None::<Duration>);
            for gap in gaps {
                now += Duration::from_millis(gap);
                match circuit.way(now) {
                    CircuitWay::Probe => {
                        proptest::prop_assert!(last.is_none_or(|last| now - last >= PROBE_EVERY));
                        last = Some(now);
                        circuit.probing(now);
                        circuit.unanswered(now);
                        circuit.probed();
                    }
                    CircuitWay::WaitUntil(then) => proptest::prop_assert!(then > now && then <= seconds(100) + PATIENCE),
                    CircuitWay::Closed => proptest::prop_assert!(circuit.is_given_up(now)),
                    CircuitWay::Free => proptest::prop_assert!(false, "nothing answered"),
                }
            }
        }
    }
}

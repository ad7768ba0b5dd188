//! Monitor Events in the simulation: the daemons of every fourth seed poll them, and they are late, lost,
//! doubled, in no order, forbidden, broken, or of our own writes.

use std::time::Duration;

use numctl::client::transport::{Request, Response, TransportError};
use numctl::sandbox::{Faults, HttpRequest};
use tokio::time::sleep;

use crate::sending::asking;
use crate::state::{EPOCH, State};
use crate::tape::Tape;
use crate::wire::Wire;

/// The path of the audit log.
pub const EVENTS: &str = "/v1/Events";

/// How often the daemons of a seed poll; `None` for those that do not. By the seed alone, so that the rest
/// of a story is the same with and without events.
pub fn watching(seed: u64) -> Option<Duration> {
    (seed % 4 == 1).then(|| Duration::from_secs(2 + seed / 4 % 4))
}

/// What is wrong with the events of a seed.
pub fn spoil(faults: &mut Faults, seed: u64) {
    let mut tape = Tape::new(seed ^ 0x000a_5ee5);
    let dialect = &mut faults.dialect;
    dialect.event_delay = *tape.pick(&[0, 0, 3, 20, 200]);
    dialect.event_loss = *tape.pick(&[0.0, 0.0, 0.3, 1.0]);
    dialect.events_doubled = tape.chance(300);
    dialect.events_shuffled = tape.chance(300);
    dialect.events_forbidden = tape.chance(100);
}

impl State {
    /// The server's clock, which dates its events.
    pub fn set_the_servers_clock(&mut self) {
        if self.has_events {
            let now = u32::try_from((EPOCH + self.now()).as_secs()).unwrap_or(u32::MAX);
            self.sandbox.world.set_now(now);
        }
    }
}

impl Wire {
    /// A poll: it belongs to no pass, and whatever becomes of it no law may break.
    pub async fn events(&self, request: &Request) -> Result<Response, TransportError> {
        let asked = HttpRequest::from(request);
        let (fault, latency) = {
            let mut state = self.state.lock();
            let (now, account) = (state.now(), asking(&asked));
            if state.processes[self.process].not_before.get(&account).is_some_and(|until| now < *until) {
                state.violation("events were asked for before the API wanted to hear of it again".to_owned());
            }
            let is_on = state.faults_on;
            let tape = &mut state.event_tape;
            let fault = tape.below(if is_on { 12 } else { 1 });
            (fault, Duration::from_millis(tape.between(10, 200) as u64))
        };
        sleep(latency).await;
        let mut state = self.state.lock();
        let broken =
            |status, body: &str| Response { status, body: body.as_bytes().to_vec(), ..Response::default() };
        let spoilt = match fault {
            1 => Err(TransportError::Broken("connection closed".into())),
            2 => Err(TransportError::TimedOut(request.timeout)),
            3 => Ok(broken(500, "{}")),
            4 => Ok(broken(404, "{}")),
            5 => Ok(broken(200, "<html>Please sign in</html>")),
            6 => Ok(broken(
                200,
                r#"{"events":[{"event_date":"2027-01-01T00:00:00Z","event_type":"poem.written","resource_sid":"PN1"}]}"#,
            )),
            _ => {
                state.set_the_servers_clock();
                let response = Response::from(state.sandbox.handle(&asked));
                if response.status == 200 && response.body.windows(12).any(|part| part == b"phone-number") {
                    state.sometimes.reached("events told of a change");
                }
                return Ok(response);
            }
        };
        state.sometimes.reached("events could not be read");
        spoilt
    }
}

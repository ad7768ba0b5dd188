//! The simulated wire: numctl's `Transport` over the model, on virtual time, with a fate for each
//! request. What was sent goes its way whatever becomes of the sender.

use std::time::Duration;

use numctl::client::transport::{Request, Response, Transport, TransportError, Verb};
use numctl::model::number::AccountSid;
use numctl::sandbox::{AUTH_TOKEN, Delivery, HttpAnswer, HttpRequest};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::actors::{another_actor, snatch};
use crate::events::EVENTS;
use crate::fates::Fate;
use crate::fleet::{MAIN, SUB};
use crate::learn;
use crate::oracle;
use crate::sending::{Sending, asking};
use crate::state::{BASE, By, Moment, Shared, State};

/// One process's wire.
pub struct Wire {
    pub state: Shared,
    pub process: usize,
}

/// A request on its way.
struct Journey {
    asked: HttpRequest,
    sending: Sending,
    pass: u64,
    process: usize,
    timeout: Duration,
    latency: Duration,
    fate: Option<Fate>,
    crash: Option<Moment>,
}

/// How a request ends.
enum End {
    Answer(HttpAnswer),
    Lost(TransportError),
    /// Nobody answers.
    Silence,
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        if request.url.path() == EVENTS {
            return self.events(&request).await;
        }
        let Some(journey) = self.set_out(&request) else { return std::future::pending().await };
        let request_account = asking(&journey.asked);
        let (sending, pass, crash) = (journey.sending.clone(), journey.pass, journey.crash);
        let (reply, replied) = oneshot::channel();
        if journey.fate == Some(Fate::ConnectRefused) {
            sleep(journey.latency).await;
            self.state.lock().sometimes.reached("connect refused");
            let error = TransportError::NotSent("connection refused".into());
            learn::lost(&mut self.state.lock(), pass, &sending, &error);
            return Err(error);
        }
        tokio::spawn(travel(self.state.clone(), journey, reply));
        let end = tokio::select! {
            biased;
            end = replied => end.unwrap_or(End::Silence),
            () = sleep(request.timeout) => End::Lost(TransportError::TimedOut(request.timeout)),
        };
        let arrived = self.arrive(end, pass, request_account, &sending);
        if arrived.is_ok() && crash == Some(Moment::AfterReceipt) {
            self.die("crashed after the answer came");
            return std::future::pending().await;
        }
        arrived
    }
}

impl Wire {
    fn die(&self, event: &'static str) {
        let mut state = self.state.lock();
        state.sometimes.reached(event);
        state.kill(self.process);
    }

    /// What a request ends with, seen by its sender.
    fn arrive(
        &self,
        end: End,
        pass: u64,
        asked: AccountSid,
        sending: &Sending,
    ) -> Result<Response, TransportError> {
        let mut state = self.state.lock();
        let error = match end {
            End::Answer(answer) => {
                let response = Response::from(answer);
                learn::answered(&mut state, pass, asked, sending, &response);
                state.note(|| format!("  {} {} bytes to pass {pass}", response.status, response.body.len()));
                return Ok(response);
            }
            End::Lost(error) => error,
            End::Silence => TransportError::Broken("connection closed".into()),
        };
        learn::lost(&mut state, pass, sending, &error);
        state.note(|| format!("  lost to pass {pass}: {error}"));
        Err(error)
    }

    /// Checks the laws of sending and draws the request's fate; `None` when the process dies first.
    fn set_out(&self, request: &Request) -> Option<Journey> {
        let asked = HttpRequest::from(request);
        let mut state = self.state.lock();
        state.requests += 1;
        if request.url.origin().ascii_serialization() != BASE {
            state.violation(format!("credentials went to {}", request.url));
        }
        let crash = state.crash.filter(|crash| crash.request == state.requests).map(|crash| crash.moment);
        if crash == Some(Moment::BeforeSend) {
            state.sometimes.reached("crashed before a send");
            state.kill(self.process);
            return None;
        }
        let sending = Sending::read(&state, &asked);
        let pass = oracle::sent(&mut state, self.process, &asked, &sending);
        if request.verb != Verb::Get {
            state.writes += 1;
        }
        let is_list = matches!(sending, Sending::List { .. } | Sending::LookUp { .. });
        let fate = match state.faults_on {
            true => {
                let State { fates, tape, .. } = &mut *state;
                fates.next(tape, is_list)
            }
            false => None,
        };
        let latency = Duration::from_millis(state.tape.between(10, 200) as u64);
        state.note(|| {
            format!("pass {pass} {} {}?{} {} {fate:?}", asked.method, asked.path, asked.query, asked.form)
        });
        if crash == Some(Moment::AfterSend) {
            state.sometimes.reached("crashed with a request that was lost");
            state.kill(self.process);
            return None;
        }
        let timeout = request.timeout;
        Some(Journey { asked, sending, pass, process: self.process, timeout, latency, fate, crash })
    }
}

/// The way of a request to the server and back.
async fn travel(state: Shared, journey: Journey, reply: oneshot::Sender<End>) {
    sleep(journey.latency).await;
    if state.lock().faults_on {
        let in_hand = journey.sending.write().and_then(|(_, number)| number);
        another_actor(&mut state.lock(), in_hand);
        if let Sending::Configure { number: Some(number), .. } = journey.sending {
            snatch(&mut state.lock(), journey.pass, number);
        }
    }
    let end = journey.fated(&state).await;
    if journey.crash == Some(Moment::AfterActing) {
        let mut state = state.lock();
        state.sometimes.reached("crashed after the server acted");
        state.kill(journey.process);
    }
    match end {
        // Held open until the sender gives up.
        End::Silence => sleep(journey.timeout).await,
        end => drop(reply.send(end)),
    }
}

impl Journey {
    fn act(&self, state: &mut State) -> HttpAnswer {
        if state.revoked_until > state.now() {
            return status(401, r#"{"code":20003,"message":"Authenticate","status":401}"#);
        }
        let was_owned = match &self.sending {
            Sending::Purchase { number, account, .. } => {
                state.holdings.get(number).is_some_and(|holding| holding.account == *account)
            }
            _ => false,
        };
        let is_transfer = matches!(self.sending, Sending::Transfer { .. });
        let answer = state.act(&self.asked, By::Pass(self.pass));
        if was_owned {
            use numctl::sandbox::faults::OwnedPurchase as Owned;
            state.sometimes.reached(match state.sandbox.faults.dialect.owned {
                Owned::Refuse => "purchase of an owned number refused",
                Owned::Update => "purchase of an owned number updated it",
                Owned::Ignore => "purchase of an owned number ignored",
            });
        }
        if is_transfer && answer.status == 200 && state.sandbox.faults.dialect.transfer_clears {
            state.sometimes.reached("transfer cleared URLs");
        }
        answer
    }

    async fn fated(&self, state: &Shared) -> End {
        let is_read = self.asked.method == "GET";
        let act = || self.act(&mut state.lock());
        let reached = |event| state.lock().sometimes.reached(event);
        let draw = |bound| state.lock().tape.below(bound);
        let Some(fate) = self.fate else { return delivered(act()) };
        match fate {
            Fate::ConnectRefused => End::Silence,
            Fate::RequestLost => {
                reached("request lost");
                lost(draw(2))
            }
            Fate::ResponseLost => {
                reached("response lost after the server acted");
                act();
                lost(draw(2))
            }
            Fate::ActsLate if !is_read => {
                reached("request acted late");
                sleep(self.timeout + Duration::from_millis(draw(30_000) as u64)).await;
                let mut state = state.lock();
                if state.passes.get(&self.pass).is_some_and(|pass| pass.is_over) {
                    state.sometimes.reached("late request acted after its pass was over");
                }
                state.note(|| format!("late: {} {} {}", self.asked.method, self.asked.path, self.asked.form));
                state.is_late = true;
                self.act(&mut state);
                state.is_late = false;
                End::Silence
            }
            Fate::Duplicate if !is_read => {
                reached("delivered twice");
                let first = act();
                sleep(Duration::from_millis(5)).await;
                let second = act();
                delivered(if draw(2) == 0 { first } else { second })
            }
            Fate::SlowAnswer => {
                reached("answered after the time-out");
                act();
                End::Silence
            }
            Fate::SlowBody => {
                reached("slow body");
                let answer = act();
                sleep(Duration::from_millis(draw(14_000) as u64)).await;
                delivered(answer)
            }
            Fate::Throttled => {
                reached("429 without Retry-After");
                End::Answer(status(429, TOO_MANY))
            }
            Fate::ThrottledFor => {
                reached("429 with Retry-After");
                let mut answer = status(429, TOO_MANY);
                let header =
                    ["0", "2", "7", "-1", "999999999999", "Thu, 01 Jan 2099 00:00:00 GMT", "soon"][draw(7)];
                answer.headers.push(("Retry-After", header.to_owned()));
                End::Answer(answer)
            }
            Fate::ErrorBefore => {
                reached("5xx before acting");
                End::Answer(broken(draw(4)))
            }
            Fate::ErrorAfter => {
                reached("5xx after acting");
                act();
                End::Answer(broken(draw(4)))
            }
            Fate::Html => {
                reached("HTML with 200");
                if draw(2) == 0 {
                    act();
                }
                End::Answer(status(200, "<html><body>Please sign in</body></html>"))
            }
            Fate::MalformedJson => {
                reached("malformed JSON");
                let mut answer = act();
                answer.body.truncate(answer.body.len() / 2);
                End::Answer(answer)
            }
            Fate::CutBody => {
                reached("body cut short");
                act();
                End::Lost(TransportError::Broken("the connection broke during the answer".into()))
            }
            Fate::NotFound if is_read => {
                reached("404 for what is there");
                let body = r#"{"code":20404,"message":"The requested resource was not found","status":404}"#;
                End::Answer(status(404, body))
            }
            Fate::Conflict if !is_read => {
                reached("409");
                let body = r#"{"code":20409,"message":"Conflict","status":409}"#;
                if draw(2) == 0 {
                    act();
                }
                End::Answer(status(409, body))
            }
            Fate::PageRepeated | Fate::PageSkipped => match self.other_page(fate) {
                Some(elsewhere) => {
                    reached(if fate == Fate::PageRepeated { "page repeated" } else { "page skipped" });
                    delivered(state.lock().sandbox.handle(&elsewhere))
                }
                None => delivered(act()),
            },
            Fate::ForeignLink | Fate::LoopLink => {
                let mut answer = act();
                if let Some(link) = next_link(&answer) {
                    reached(match fate {
                        Fate::ForeignLink => "page link to another host",
                        _ => "page link to itself",
                    });
                    let other = match fate {
                        Fate::ForeignLink if link.starts_with('/') => format!("http://evil.example{link}"),
                        Fate::ForeignLink => link.replace("127.0.0.1:1", "evil.example"),
                        _ => format!("{BASE}{}?{}", self.asked.path, self.asked.query),
                    };
                    replace_link(&mut answer, &other);
                }
                delivered(answer)
            }
            Fate::NoItems => {
                let mut answer = act();
                if next_link(&answer).is_some() {
                    reached("page without its rows");
                    empty_page(&mut answer);
                }
                delivered(answer)
            }
            Fate::Reordered => {
                reached("page reordered");
                let mut answer = act();
                if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body)
                    && let Some(items) =
                        body.as_object_mut().and_then(|body| body.get_mut(rows_key(body)?)?.as_array_mut())
                {
                    items.reverse();
                    answer.body = body.to_string().into_bytes();
                }
                delivered(answer)
            }
            Fate::Stale => {
                reached("stale listing");
                delivered(state.lock().stale(&self.asked))
            }
            Fate::WrongAccount => {
                reached("answered for the wrong account");
                let mut other = self.asked.clone();
                let is_main = self.asked.credentials.as_ref().is_some_and(|(user, _)| user == MAIN);
                let (from, to) = if is_main { (MAIN, SUB) } else { (SUB, MAIN) };
                other.credentials = Some((to.to_owned(), AUTH_TOKEN.to_owned()));
                other.path = other.path.replace(from, to);
                delivered(state.lock().sandbox.handle(&other))
            }
            Fate::Revoke => {
                let mut state = state.lock();
                state.sometimes.reached("credentials revoked");
                state.revoked_until = state.now() + Duration::from_secs(20);
                delivered(self.act(&mut state))
            }
            Fate::ActsLate | Fate::Duplicate | Fate::NotFound | Fate::Conflict => delivered(act()),
        }
    }

    /// The request for the page before or after the one that was asked for.
    fn other_page(&self, fate: Fate) -> Option<HttpRequest> {
        let pairs: Vec<&str> = self.asked.query.split('&').collect();
        let page: usize = pairs.iter().find_map(|pair| pair.strip_prefix("Page=")?.parse().ok()).unwrap_or(0);
        let other = match fate {
            Fate::PageRepeated => page.checked_sub(1)?,
            _ => page + 1,
        };
        let is_page = |pair: &&str| pair.starts_with("Page=") || pair.starts_with("PageToken=");
        let rest: Vec<&str> = pairs.into_iter().filter(|pair| !is_page(pair)).collect();
        Some(HttpRequest { query: format!("{}&Page={other}", rest.join("&")), ..self.asked.clone() })
    }
}

const TOO_MANY: &str = r#"{"code":20429,"message":"Too Many Requests","status":429}"#;

fn lost(how: usize) -> End {
    if how == 0 { End::Silence } else { End::Lost(TransportError::Broken("connection reset".into())) }
}

fn delivered(answer: HttpAnswer) -> End {
    match answer.delivery {
        Delivery::Whole => End::Answer(answer),
        Delivery::Hung => End::Silence,
        Delivery::Dropped | Delivery::Truncated => {
            End::Lost(TransportError::Broken("connection closed".into()))
        }
    }
}

fn status(status: u16, body: &str) -> HttpAnswer {
    HttpAnswer { status, body: body.as_bytes().to_vec(), ..HttpAnswer::default() }
}

fn broken(which: usize) -> HttpAnswer {
    match which {
        0 => status(500, r#"{"code":20500,"message":"Internal Server Error","status":500}"#),
        1 => status(502, "<html>bad gateway</html>"),
        2 => status(503, r#"{"code":20503,"message":"Service Unavailable","status":503}"#),
        _ => status(504, ""),
    }
}

fn next_link(answer: &HttpAnswer) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let link = body["meta"]["next_page_url"].as_str().or(body["next_page_uri"].as_str())?;
    Some(link.to_owned())
}

fn replace_link(answer: &mut HttpAnswer, other: &str) {
    if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body) {
        match body.get("meta").is_some() {
            true => body["meta"]["next_page_url"] = other.into(),
            false => body["next_page_uri"] = other.into(),
        }
        answer.body = body.to_string().into_bytes();
    }
}

/// Where a page's rows are.
fn rows_key(body: &serde_json::Map<String, serde_json::Value>) -> Option<&'static str> {
    ["items", "incoming_phone_numbers"].into_iter().find(|key| body.contains_key(*key))
}

/// The shape of a listing that a proxy made up: no items key at all.
fn empty_page(answer: &mut HttpAnswer) {
    if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body)
        && let Some(body) = body.as_object_mut()
    {
        rows_key(body).and_then(|key| body.remove(key));
        answer.body = serde_json::Value::from(body.clone()).to_string().into_bytes();
    }
}

//! The simulated wire: numctl's `Transport` over the model, on virtual time, with a fate for each
//! request.

use std::time::Duration;

use numctl::api::wire::{Interner, read_number, read_page};
use numctl::sandbox::{AUTH_TOKEN, Delivery, HttpAnswer, HttpRequest};
use numctl::transport::{Request, Response, Transport, TransportError, Verb};
use tokio::sync::watch;

use crate::fates::Fate;
use crate::fleet::{MAIN, SUB};
use crate::oracle::{self, Sending};
use crate::state::{BASE, By, Moment, Shared, State, account, get, post};

/// One engine's wire. `crashed` tells the engine's keeper that it has just died.
pub struct Wire {
    pub state: Shared,
    pub pass: u64,
    pub crashed: watch::Sender<bool>,
}

/// How a request ends: after how long, and with what.
enum End {
    Answer(HttpAnswer),
    /// An answer with which no listing can be whole.
    Spoilt(HttpAnswer),
    Lost(TransportError),
    Dead,
}

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let asked = HttpRequest::from(&request);
        let timeout = request.timeout;
        let started = {
            let mut state = self.state.lock();
            state.requests += 1;
            if request.url.origin().ascii_serialization() != BASE {
                state.violation(format!("credentials went to {}", request.url));
            }
            let crash = state.crash.filter(|crash| crash.request == state.requests).map(|crash| crash.moment);
            if crash == Some(Moment::BeforeSend) {
                state.sometimes.reached("crashed before a send");
                state.note(|| {
                    format!("pass {} dies before sending {} {}", self.pass, asked.method, asked.path)
                });
                self.crashed.send_replace(true);
                None
            } else {
                let sending = Sending::read(&state, &asked);
                oracle::sent(&mut state, self.pass, &sending);
                if request.verb != Verb::Get {
                    state.writes += 1;
                }
                let is_list = matches!(sending, Sending::List { .. } | Sending::LookUp { .. });
                let fate = match state.faults_on {
                    true => {
                        let fates = state.fates.clone();
                        fates.next(&mut state.tape, is_list)
                    }
                    false => None,
                };
                let latency = Duration::from_millis(state.tape.between(10, 200) as u64);
                state.note(|| {
                    format!(
                        "pass {} {} {}?{} {} {fate:?}",
                        self.pass, asked.method, asked.path, asked.query, asked.form
                    )
                });
                Some((fate, latency, crash))
            }
        };
        let Some((fate, latency, crash)) = started else {
            return std::future::pending().await;
        };
        tokio::time::sleep(latency).await;
        if self.state.lock().faults_on {
            another_actor(&mut self.state.lock());
        }
        let end = self.happen(fate, &asked, timeout, crash).await;
        let spoilt = matches!(end, End::Spoilt(_));
        match end {
            End::Dead => std::future::pending().await,
            End::Lost(error) => {
                let mut state = self.state.lock();
                let sending = Sending::read(&state, &asked);
                oracle::lost(&mut state, self.pass, &sending, &error);
                Err(error)
            }
            End::Answer(answer) | End::Spoilt(answer) => {
                let response = Response::from(answer);
                if self.receives(&asked, &response, spoilt, crash) {
                    return Ok(response);
                }
                std::future::pending().await
            }
        }
    }
}

impl Wire {
    /// The answer reaches the engine; false when the engine dies of it.
    fn receives(
        &self,
        asked: &HttpRequest,
        response: &Response,
        spoilt: bool,
        crash: Option<Moment>,
    ) -> bool {
        let mut state = self.state.lock();
        let sending = Sending::read(&state, asked);
        oracle::answered(&mut state, self.pass, &sending, response, spoilt);
        if crash == Some(Moment::AfterReceipt) {
            state.sometimes.reached("crashed after the answer came");
            state.note(|| format!("pass {} dies after the answer", self.pass));
            self.crashed.send_replace(true);
            return false;
        }
        state.note(|| format!("pass {} gets {} ({} bytes)", self.pass, response.status, response.body.len()));
        true
    }

    async fn happen(
        &self,
        fate: Option<Fate>,
        asked: &HttpRequest,
        timeout: Duration,
        crash: Option<Moment>,
    ) -> End {
        let by = By::Pass(self.pass);
        let act = || {
            let mut state = self.state.lock();
            let now = state.now();
            if state.revoked_until > now {
                return status(401, r#"{"code":20003,"message":"Authenticate","status":401}"#);
            }
            state.act(asked, by)
        };
        let end = self.fated(fate, asked, timeout, &act).await;
        if crash == Some(Moment::AfterActing) {
            let mut state = self.state.lock();
            state.sometimes.reached("crashed after the server acted");
            state.note(|| format!("pass {} dies before the answer", self.pass));
            self.crashed.send_replace(true);
            return End::Dead;
        }
        end
    }

    async fn fated(
        &self,
        fate: Option<Fate>,
        asked: &HttpRequest,
        timeout: Duration,
        act: &impl Fn() -> HttpAnswer,
    ) -> End {
        let reached = |event| self.state.lock().sometimes.reached(event);
        let draw = |bound| self.state.lock().tape.below(bound);
        let is_read = asked.method == "GET";
        let Some(fate) = fate else {
            return delivered(act(), timeout);
        };
        match fate {
            Fate::ConnectRefused => {
                reached("connect refused");
                End::Lost(TransportError::NotSent("connection refused".into()))
            }
            Fate::RequestLost => {
                reached("request lost");
                self.lose(timeout).await
            }
            Fate::ResponseLost => {
                reached("response lost after the server acted");
                act();
                self.lose(timeout).await
            }
            Fate::ActsLate if !is_read => {
                reached("request acted late");
                let after = timeout + Duration::from_millis(draw(30_000) as u64);
                let (state, asked, pass) = (self.state.clone(), asked.clone(), self.pass);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let mut state = state.lock();
                    if !state.passes.contains_key(&pass) {
                        state.sometimes.reached("late request acted after its pass was over");
                    }
                    state.note(|| format!("late: {} {} {}", asked.method, asked.path, asked.form));
                    state.act(&asked, By::Pass(pass));
                });
                tokio::time::sleep(timeout).await;
                End::Lost(TransportError::TimedOut(timeout))
            }
            Fate::Duplicate if !is_read => {
                reached("delivered twice");
                let first = act();
                tokio::time::sleep(Duration::from_millis(5)).await;
                let second = act();
                delivered(if draw(2) == 0 { first } else { second }, timeout)
            }
            Fate::SlowAnswer => {
                reached("answered after the time-out");
                act();
                tokio::time::sleep(timeout).await;
                End::Lost(TransportError::TimedOut(timeout))
            }
            Fate::Throttled => {
                reached("429 without Retry-After");
                End::Answer(status(429, r#"{"code":20429,"message":"Too Many Requests","status":429}"#))
            }
            Fate::ThrottledFor => {
                reached("429 with Retry-After");
                let mut answer = status(429, r#"{"code":20429,"message":"Too Many Requests","status":429}"#);
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
                let cut = answer.body.len() / 2;
                answer.body.truncate(cut);
                answer.status = answer.status.max(200);
                End::Answer(answer)
            }
            Fate::CutBody => {
                reached("body cut short");
                act();
                End::Lost(TransportError::Broken("the answer broke off".into()))
            }
            Fate::PageRepeated | Fate::PageSkipped => self.other_page(fate, asked, timeout, act),
            Fate::ForeignLink | Fate::LoopLink => {
                let mut answer = act();
                if let Some(link) = next_link(&answer) {
                    reached(if fate == Fate::ForeignLink {
                        "page link to another host"
                    } else {
                        "page link to itself"
                    });
                    let other = match fate {
                        Fate::ForeignLink => link.replace("127.0.0.1:1", "evil.example"),
                        _ => format!("{BASE}{}?{}", asked.path, asked.query),
                    };
                    replace(&mut answer, &link, &other);
                    return End::Spoilt(answer);
                }
                delivered(answer, timeout)
            }
            Fate::Reordered => {
                reached("page reordered");
                let mut answer = act();
                if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body)
                    && let Some(items) = body["items"].as_array_mut()
                {
                    items.reverse();
                    answer.body = body.to_string().into_bytes();
                }
                delivered(answer, timeout)
            }
            Fate::Stale => {
                reached("stale listing");
                delivered(self.state.lock().stale(asked), timeout)
            }
            Fate::WrongAccount => {
                reached("answered for the wrong account");
                let mut other = asked.clone();
                let is_main = asked.credentials.as_ref().is_some_and(|(user, _)| user == MAIN);
                other.credentials =
                    Some((if is_main { SUB } else { MAIN }.to_owned(), AUTH_TOKEN.to_owned()));
                delivered(self.state.lock().sandbox.handle(&other), timeout)
            }
            Fate::Revoke => {
                reached("credentials revoked");
                let mut state = self.state.lock();
                state.revoked_until = state.now() + Duration::from_secs(20);
                drop(state);
                delivered(act(), timeout)
            }
            Fate::ActsLate | Fate::Duplicate => delivered(act(), timeout),
        }
    }

    async fn lose(&self, timeout: Duration) -> End {
        if self.state.lock().tape.chance(500) {
            return End::Lost(TransportError::Broken("connection reset".into()));
        }
        tokio::time::sleep(timeout).await;
        End::Lost(TransportError::TimedOut(timeout))
    }

    /// Gives the page before or after the one that was asked for.
    fn other_page(
        &self,
        fate: Fate,
        asked: &HttpRequest,
        timeout: Duration,
        act: &impl Fn() -> HttpAnswer,
    ) -> End {
        let page = asked
            .query
            .split('&')
            .find_map(|pair| pair.strip_prefix("Page="))
            .and_then(|page| page.parse().ok());
        let page: usize = page.unwrap_or(0);
        let other = match fate {
            Fate::PageRepeated if page > 0 => page - 1,
            Fate::PageSkipped => page + 1,
            _ => return delivered(act(), timeout),
        };
        let mut elsewhere = asked.clone();
        let rest: Vec<&str> = asked.query.split('&').filter(|pair| !pair.starts_with("Page=")).collect();
        elsewhere.query = format!("{}&Page={other}", rest.join("&"));
        let mut state = self.state.lock();
        state.sometimes.reached(if fate == Fate::PageRepeated { "page repeated" } else { "page skipped" });
        End::Spoilt(state.sandbox.handle(&elsewhere))
    }
}

fn delivered(answer: HttpAnswer, timeout: Duration) -> End {
    match answer.delivery {
        Delivery::Whole => End::Answer(answer),
        Delivery::Hung => End::Lost(TransportError::TimedOut(timeout)),
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
    Some(body["meta"]["next_page_url"].as_str()?.to_owned())
}

fn replace(answer: &mut HttpAnswer, link: &str, other: &str) {
    if let Ok(mut body) = serde_json::from_slice::<serde_json::Value>(&answer.body) {
        if body["meta"]["next_page_url"] == *link {
            body["meta"]["next_page_url"] = other.into();
        }
        answer.body = body.to_string().into_bytes();
    }
}

/// Somebody else, with hands of their own.
fn another_actor(state: &mut State) {
    let permille = state.fates.actor;
    if permille == 0 || !state.tape.chance(permille) {
        return;
    }
    let pool = crate::fleet::pool();
    let number = *state.tape.pick(&pool);
    let listing = state.passes.values().any(|pass| pass.whole.len() < 2);
    let (request, event) = match state.holdings.get(&number) {
        None => {
            let form = [("PhoneNumber", number.to_string())];
            let form: Vec<_> = form.iter().map(|(key, value)| (*key, value.as_str())).collect();
            let event = "another actor bought a declared number";
            (post("/Numbers/ActiveNumbers", &form, crate::fleet::FOREIGN), event)
        }
        Some(holding) => {
            let owner = holding.account.to_string();
            let path = format!("/Numbers/ActiveNumbers/{}", holding.sid);
            match state.tape.below(4) {
                0 => {
                    let delete = HttpRequest { method: "DELETE".into(), ..get(&path, "", &owner) };
                    (delete, "another actor released a declared number")
                }
                1 if owner != crate::fleet::FOREIGN => {
                    let to = if owner == MAIN { SUB } else { MAIN };
                    (
                        post(&format!("{path}.json"), &[("AccountSid", to)], MAIN),
                        "another actor moved a number",
                    )
                }
                _ => {
                    let url = format!("https://theirs.example.com/{}", state.tape.below(5));
                    let form = [("Configurations.Voice.Url", url.as_str())];
                    (post(&path, &form, &owner), "another actor edited a managed field")
                }
            }
        }
    };
    let answer = state.act(&request, By::Other);
    if (200..300).contains(&answer.status) {
        state.sometimes.reached(event);
        if listing {
            state.sometimes.reached("fleet changed between two pages");
        }
    }
}

/// What reached the engine, for the oracles.
pub fn rows(response: &Response) -> Option<(Vec<numctl::observed::Live>, bool)> {
    let page = read_page(&response.body, &mut Interner::default()).ok()?;
    Some((page.rows, page.next.is_none()))
}

pub fn row(response: &Response) -> Option<numctl::observed::Live> {
    read_number(&response.body).ok()
}

pub fn account_of(request: &HttpRequest) -> numctl::number::AccountSid {
    account(request.credentials.as_ref().map_or(MAIN, |(user, _)| user))
}

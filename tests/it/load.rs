//! Load, on virtual time: an API in memory that takes 50 ms for each request, allows so many a
//! second, and may go silent. Time is part of what is computed, so nothing here depends on the
//! machine.

#![allow(clippy::print_stdout, reason = "figures for people")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use numctl::client::api::endpoint::Endpoint;
use numctl::client::api::routes::Routes;
use numctl::client::pace::Pace;
use numctl::client::transport::{Request, Response, Transport, TransportError, Verb};
use numctl::client::{Client, Dice, Manner};
use numctl::desired::AccountRef;
use numctl::desired::{Desired, Format, Source};
use numctl::execute::Stop;
use numctl::guard::budget::Generation;
use numctl::model::credentials::Credentials;
use numctl::model::number::AccountSid;
use numctl::model::provider;
use numctl::plan::outcome::OutcomeKind;
use numctl::plan::outcome::Report;
use numctl::reconcile::Pass;
use numctl::sandbox::{AUTH_TOKEN, Bucket, HttpRequest, InMemory, MAIN_SID, Sandbox, SharedSandbox, World};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::one_pass::{OnePass, one_pass};

/// How long a request is on its way, and its answer on its way back.
const ONE_WAY: Duration = Duration::from_millis(25);

/// One request as it arrived.
#[derive(Debug, Clone)]
struct Seen {
    at: Duration,
    verb: Verb,
    /// The SID of the path, the number of the query or the form, or nothing.
    what: String,
    /// 0 where nothing was answered.
    status: u16,
}

/// How many requests at once an account can have, and how many of them other programs have, when.
struct AtOnce {
    most: u32,
    others: fn(Duration) -> u32,
}

/// The API.
struct Api {
    sandbox: SharedSandbox,
    began: Instant,
    limit: Mutex<Option<Bucket>>,
    /// From when on it gives no sign, and until when.
    silent: (Duration, Duration),
    at_once: Option<AtOnce>,
    running: AtomicU32,
    seen: Mutex<Vec<Seen>>,
}

impl Api {
    fn of(numbers: usize, limit: Option<f64>, faults: &str) -> Self {
        let faults = faults.parse().expect("faults");
        Self {
            sandbox: SharedSandbox::new(Sandbox::new(World::demo(numbers), faults)),
            began: Instant::now(),
            limit: Mutex::new(limit.map(Bucket::new)),
            silent: (Duration::MAX, Duration::MAX),
            at_once: None,
            running: AtomicU32::new(0),
            seen: Mutex::default(),
        }
    }

    /// 429 as Twilio gives it: no wait, and how many were running.
    fn too_many(&self, request: &Request, at: Duration, running: u32) -> Option<Response> {
        let AtOnce { most, others } = self.at_once.as_ref()?;
        let concurrent = running + others(at);
        let answer = self.sandbox.lock().throttle(&HttpRequest::from(request)).into();
        (concurrent > *most).then_some(Response { retry_after: None, concurrent: Some(concurrent), ..answer })
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    async fn limit_becomes(&self, per_second: f64, at: Duration) {
        tokio::time::sleep_until(self.began + at).await;
        self.limit.lock().expect("not poisoned").as_mut().expect("a limit").set_rate(per_second);
    }
}

impl Transport for Api {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        sleep(ONE_WAY).await;
        let at = self.began.elapsed();
        let query = request.form.as_deref().or(request.url.query()).unwrap_or_default();
        let asked = url::form_urlencoded::parse(query.as_bytes());
        let number = asked.into_owned().find(|(name, _)| name == "PhoneNumber").map(|(_, number)| number);
        let sid = request
            .url
            .path_segments()
            .and_then(|mut parts| parts.next_back())
            .filter(|s| s.starts_with("PN"));
        let what = number.or(sid.map(str::to_owned)).unwrap_or_default();
        let verb = request.verb;
        let over = self.limit.lock().expect("not poisoned").as_mut().is_some_and(|limit| !limit.take(at));
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        let mut answer = if (self.silent.0..self.silent.1).contains(&at) {
            Err(TransportError::NotSent("connection refused".into()))
        } else if over {
            Ok(self.sandbox.lock().throttle(&HttpRequest::from(&request)).into())
        } else if let Some(answer) = self.too_many(&request, at, running) {
            Ok(answer)
        } else {
            InMemory::new(self.sandbox.clone()).send(request).await
        };
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        self.seen.lock().expect("not poisoned").push(Seen { at, verb, what, status });
        sleep(ONE_WAY).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        if let (Ok(answer), Some(at_once)) = (&mut answer, &self.at_once) {
            answer.concurrent = Some(running + (at_once.others)(at));
        }
        answer
    }
}

/// numctl, with one account.
struct Engine {
    desired: Desired,
    generation: Generation,
    accounts: [AccountRef; 1],
    clients: [Client<ArcApi>; 1],
    at_once: usize,
}

/// The test keeps a hand on the API too.
#[derive(Clone)]
struct ArcApi(Arc<Api>);

impl Transport for ArcApi {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.0.send(request).await
    }
}

impl Engine {
    fn new(api: &Arc<Api>, file: String, at_once: usize) -> Self {
        let source = Source { name: "f".into(), text: file, format: Format::Yaml };
        let sid = AccountSid::declared(MAIN_SID).expect("a SID");
        let endpoint = Endpoint::at("http://127.0.0.1:1").expect("a URL");
        let client = Client::new(
            Routes::new(endpoint, provider::Api::ActiveNumbers, sid),
            Arc::new(ArcApi(api.clone())),
            Credentials::new(MAIN_SID, AUTH_TOKEN),
            Manner { page_size: 1000, timeout: Duration::from_secs(30), dice: Arc::new(Dice::seeded(7)) },
            Pace::new(at_once, None),
        );
        Self {
            desired: Desired::parse(std::slice::from_ref(&source)).expect("a good file").desired,
            generation: Generation::from_sources(&[source]),
            accounts: [AccountRef { name: "default".into(), sid, parent: None }],
            clients: [client],
            at_once,
        }
    }

    async fn pass(&self) -> Pass {
        let (_running, stop) = watch::channel(Stop::Run);
        self.pass_until(stop).await
    }

    async fn pass_until(&self, stop: watch::Receiver<Stop>) -> Pass {
        let one = OnePass {
            desired: &self.desired,
            generation: self.generation,
            accounts: &self.accounts,
            clients: &self.clients,
            numbers_at_once: self.at_once,
        };
        one_pass(&one, stop).await
    }

    async fn apply(&self) -> Report {
        match self.pass().await {
            Pass::Executed(report) => report,
            other => panic!("not carried out: {other:?}"),
        }
    }
}

/// A file that renames `renamed` live numbers, releases the `released` after them, and buys
/// `bought` others.
fn file(renamed: usize, released: usize, bought: usize) -> String {
    let mut file = "version: 1\npolicy: {max_purchases: 100%, max_releases: 100%}\nnumbers:\n".to_owned();
    if bought > renamed + released {
        file = file.replace("max_purchases: 100%", "max_purchases: 5000");
    }
    for at in 0..renamed + released {
        let number = 15_552_230_000_u64 + at as u64;
        let change = if at < renamed { "friendly_name: New" } else { "state: released" };
        writeln!(file, "  - {{phone_number: \"+{number}\", {change}}}").expect("a string");
    }
    for at in 0..bought {
        let number = 14_155_550_000_u64 + at as u64;
        writeln!(file, "  - {{phone_number: \"+{number}\", friendly_name: Bought}}").expect("a string");
    }
    file
}

/// Requests taken a second and the share of 429, of what arrived in a stretch of time.
fn measured(seen: &[Seen], from: Duration, to: Duration) -> (f64, f64) {
    let part: Vec<_> = seen.iter().filter(|seen| seen.at >= from && seen.at < to).collect();
    let refused = part.iter().filter(|seen| seen.status == 429).count() as f64;
    let total = part.len() as f64;
    ((total - refused) / (to - from).as_secs_f64(), refused / total)
}

const WARM_UP: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn an_apply_keeps_to_what_the_api_allows() {
    // 2,000 changes are over within the warm-up where 1,000 a second are allowed: more of them, too.
    for (limit, changes, at_once) in
        [(10.0, 2000, 10), (100.0, 2000, 10), (1000.0, 2000, 100), (1000.0, 15_000, 100)]
    {
        let api = Arc::new(Api::of(changes, Some(limit), ""));
        let engine = Engine::new(&api, file(changes, 0, 0), at_once);
        let began = Instant::now();
        assert!(engine.apply().await.is_settled());
        let took = began.elapsed();
        let seen = api.seen();
        let whole = measured(&seen, Duration::ZERO, took);
        println!("{limit}/s, {changes} changes: {took:?}, {} requests, {whole:?}", seen.len());
        if changes == 2000 {
            assert!(whole.0 >= 0.95 * limit, "{limit}: {whole:?} in {took:?}");
        }
        if took > WARM_UP * 2 {
            // In the last second too little is left to send.
            let (taken, refused) = measured(&seen, WARM_UP, took - Duration::from_secs(1));
            println!("    after the warm-up: {taken}, {refused}");
            assert!(taken >= 0.95 * limit && refused < 0.01, "{limit}: {taken}, {refused}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_falls_and_rises_is_followed() {
    let api = Arc::new(Api::of(12_000, Some(100.0), ""));
    let engine = Engine::new(&api, file(12_000, 0, 0), 50);
    let (falls, rises) = (Duration::from_secs(30), Duration::from_secs(90));
    let limits = async {
        api.limit_becomes(10.0, falls).await;
        api.limit_becomes(100.0, rises).await;
    };
    let (report, ()) = tokio::join!(engine.apply(), limits);
    assert!(report.is_settled());
    let (seen, end) = (api.seen(), api.began.elapsed());
    let fallen = measured(&seen, falls + Duration::from_secs(10), rises);
    assert!(fallen.0 >= 0.95 * 10.0 && fallen.1 < 0.01, "{fallen:?}");
    let risen = measured(&seen, rises + Duration::from_secs(60), end);
    assert!(end > rises + Duration::from_secs(90), "long enough to tell: {end:?}");
    assert!(risen.0 >= 0.95 * 100.0 && risen.1 < 0.01, "{risen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_other_programs_have_of_the_account_is_left_to_them() {
    let mut api = Api::of(20_000, None, "");
    // 40 at once; from 20 s to 40 s others have 30 of them.
    let others = |at: Duration| if (20..40).contains(&at.as_secs()) { 30 } else { 0 };
    api.at_once = Some(AtOnce { most: 40, others });
    let api = Arc::new(api);
    assert!(Engine::new(&api, file(20_000, 0, 0), 200).apply().await.is_settled());
    let seen = api.seen();
    let seconds = Duration::from_secs;
    let (alone, crowded, again) = (
        measured(&seen, seconds(5), seconds(20)),
        measured(&seen, seconds(21), seconds(40)),
        measured(&seen, seconds(42), api.began.elapsed() - seconds(1)),
    );
    println!("alone {alone:?}, with others {crowded:?}, alone again {again:?}");
    // A request of ours is out for 50 ms, so that 40 of them are 800 a second, and 10 are 200.
    assert!(alone.0 >= 0.75 * 800.0 && alone.1 < 0.01, "{alone:?}");
    assert!(crowded.0 >= 0.75 * 200.0 && crowded.1 < 0.01, "{crowded:?}");
    assert!(again.0 >= 0.75 * 800.0 && again.1 < 0.01, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn one_fault_in_ten_costs_less_than_a_third_more() {
    let mut counts = Vec::new();
    for faults in [
        "",
        "500=0.1,seed=3",
        "drop-after=0.1,seed=4",
        "429=0.1,seed=5",
        "429=0.02,500=0.02,503-after=0.02,drop=0.02,drop-after=0.02,seed=6",
    ] {
        let api = Arc::new(Api::of(1500, None, faults));
        let engine = Engine::new(&api, file(1000, 500, 500), 10);
        let report = engine.apply().await;
        assert!(
            report.is_settled(),
            "{faults}: {} failed, {} unknown",
            report.count(OutcomeKind::Failed),
            report.count(OutcomeKind::Unknown)
        );
        println!("{faults:?}: {} requests in {:?}", api.seen().len(), api.began.elapsed());
        counts.push((faults, api.seen().len()));
    }
    let fewest = counts[0].1;
    // Two pages; one write for each rename, and a read before each release and purchase.
    assert_eq!(fewest, 2 + 1000 + 2 * 1000);
    for (faults, count) in counts {
        assert!(count as f64 <= 1.3 * fewest as f64, "{faults}: {count} for {fewest}");
    }
}

/// The longest time from a read to the write that rests on it.
fn oldest_ground(seen: &[Seen], of: Verb) -> Duration {
    let mut reads: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut oldest = Duration::ZERO;
    for seen in seen.iter().filter(|seen| !seen.what.is_empty()) {
        match seen.verb {
            Verb::Get => drop(reads.insert(&seen.what, seen.at)),
            verb if verb == of => oldest = oldest.max(seen.at - reads[seen.what.as_str()]),
            Verb::Post | Verb::Delete => {}
        }
    }
    oldest
}

const FRESH_FOR: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_write_goes_within_5_s_of_its_read_however_many_wait() {
    for at_once in [10, 300] {
        let api = Arc::new(Api::of(300, Some(10.0), ""));
        let engine = Engine::new(&api, file(0, 300, 300), at_once);
        assert!(engine.apply().await.is_settled());
        let seen = api.seen();
        for verb in [Verb::Delete, Verb::Post] {
            let oldest = oldest_ground(&seen, verb);
            println!("{at_once} at once: {verb:?} at most {oldest:?} after its read");
            assert!(oldest <= FRESH_FOR, "{at_once}: {verb:?} {oldest:?}");
        }
        let writes = seen.iter().filter(|seen| seen.verb != Verb::Get && seen.status < 300).count();
        assert_eq!(writes, 600);
        // Those that stay together need no second read.
        let most = if at_once == 10 { 1201 * 101 / 100 } else { 1201 * 11 / 10 };
        assert!(seen.len() <= most, "{} requests", seen.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_turn_comes_late_reads_again() {
    // The first release is told to wait for 20 s, when others have been read already.
    let api = Arc::new(Api::of(100, None, "release#1=429,retry-after=20"));
    let engine = Engine::new(&api, file(0, 100, 0), 20);
    assert!(engine.apply().await.is_settled());
    let seen = api.seen();
    assert!(oldest_ground(&seen, Verb::Delete) <= FRESH_FOR);
    let reads = seen.iter().filter(|seen| seen.verb == Verb::Get).count();
    assert!(reads > 102, "{reads}: some were read again");
    let refused = seen.iter().find(|seen| seen.status == 429).expect("one").at;
    let held = refused + ONE_WAY * 3..refused + Duration::from_secs(20);
    assert!(!seen.iter().any(|seen| held.contains(&seen.at)), "a 429 holds the whole account back");

    // The limit falls to a hundredth while hundreds are under way.
    let api = Arc::new(Api::of(2000, Some(1000.0), ""));
    let engine = Engine::new(&api, file(0, 2000, 0), 200);
    let (report, ()) = tokio::join!(engine.apply(), api.limit_becomes(10.0, Duration::from_millis(1500)));
    assert!(
        report.is_settled(),
        "{} failed, {} skipped",
        report.count(OutcomeKind::Failed),
        report.count(OutcomeKind::Skipped)
    );
    let oldest = oldest_ground(&api.seen(), Verb::Delete);
    assert!(oldest <= FRESH_FOR, "{oldest:?}");
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_silence_is_asked_by_probes_alone() {
    let hour = Duration::from_secs(3600);
    let mut api = Api::of(50, None, "");
    api.silent = (Duration::ZERO, hour);
    let api = Arc::new(api);
    let engine = Engine::new(&api, file(50, 0, 0), 10);
    let (mut passes, mut well_at) = (0, None);
    // Far more often than the daemon, which waits up to five minutes after failures.
    while well_at.is_none() {
        passes += 1;
        match engine.pass().await {
            Pass::Executed(report) => {
                assert!(report.is_settled());
                well_at = Some(api.began.elapsed());
            }
            Pass::NotObserved(_) => sleep(Duration::from_secs(1)).await,
            other => panic!("{other:?}"),
        }
    }
    let unanswered: Vec<_> = api.seen().into_iter().filter(|seen| seen.status == 0).collect();
    println!("{} requests in {passes} passes; well at {well_at:?}", unanswered.len());
    assert!(passes > 1000);
    // Five open the circuit; then one at once, and one every 30 s.
    assert!(unanswered.len() <= 5 + 1 + 3600 / 30, "{}", unanswered.len());
    assert!(unanswered.iter().all(|seen| seen.verb == Verb::Get));
    assert!(well_at.expect("well") <= hour + Duration::from_secs(35), "{well_at:?}");
}

#[tokio::test(start_paused = true)]
async fn an_apply_ends_soon_when_the_api_goes_silent() {
    let mut api = Api::of(2000, None, "");
    api.silent = (Duration::from_secs(2), Duration::MAX);
    let api = Arc::new(api);
    let report = Engine::new(&api, file(1000, 500, 500), 10).apply().await;
    let took = api.began.elapsed();
    let after = api.seen().iter().filter(|seen| seen.status == 0).count();
    println!("{took:?}, {after} requests after: {} skipped", report.count(OutcomeKind::Skipped));
    assert!(took < Duration::from_secs(90), "{took:?}");
    assert!(after <= 25, "{after}");
    assert_eq!(report.count(OutcomeKind::Unknown), 0, "refused connections leave no doubt");
    assert!(report.count(OutcomeKind::Failed) <= 20 && report.count(OutcomeKind::Succeeded) > 100);
    assert_eq!(
        report.count(OutcomeKind::Succeeded)
            + report.count(OutcomeKind::Failed)
            + report.count(OutcomeKind::Skipped),
        2000
    );
}

#[tokio::test(start_paused = true)]
async fn retries_come_out_of_a_budget() {
    // Every write fails and every read is answered, so that the circuit stays closed.
    let api = Arc::new(Api::of(1000, None, "write:500=1"));
    let report = Engine::new(&api, file(1000, 0, 0), 10).apply().await;
    let seen = api.seen();
    let writes = seen.iter().filter(|seen| seen.verb == Verb::Post).count();
    let answered = seen.len() - writes;
    let most = 1000.0 + 20.0 + 0.2 * answered as f64 + api.began.elapsed().as_secs_f64();
    println!("{writes} writes for 1000, {answered} answers, {:?}", api.began.elapsed());
    assert!(writes as f64 <= most, "{writes} writes, at most {most}");
    assert!(writes > 1100, "and it is made use of");
    // Each failed write is looked up all the same.
    assert!(answered >= writes);
    let errors: Vec<_> = report.ends.iter().filter_map(|end| end.outcome.error()).collect();
    assert_eq!(errors.len(), 1000);
    assert!(
        errors.iter().any(|error| error.contains("not tried again, since too many requests are failing"))
    );
}

#[tokio::test(start_paused = true)]
async fn who_stops_a_run_does_not_wait_for_turns_that_are_minutes_away() {
    let api = Arc::new(Api::of(100, None, "configure#50=429,retry-after=300"));
    let engine = Engine::new(&api, file(100, 0, 0), 10);
    let (stop, stopped) = watch::channel(Stop::Run);
    let interrupt = async {
        sleep(Duration::from_secs(30)).await;
        stop.send_replace(Stop::Drain);
    };
    let (pass, ()) = tokio::join!(engine.pass_until(stopped), interrupt);
    let Pass::Executed(report) = pass else { panic!("{pass:?}") };
    assert!(api.began.elapsed() < Duration::from_secs(31), "{:?}", api.began.elapsed());
    assert!(report.interrupted);
    assert_eq!(
        report.count(OutcomeKind::Succeeded) + report.count(OutcomeKind::Skipped),
        100,
        "what was refused has no effect"
    );
    assert_eq!(
        api.sandbox.lock().requests().by_operation["configure"],
        report.count(OutcomeKind::Succeeded) as u64 + 1
    );
}

#[tokio::test(start_paused = true)]
async fn a_blip_ends_no_apply() {
    let mut api = Api::of(1000, None, "");
    api.silent = (Duration::from_secs(2), Duration::from_secs(5));
    let api = Arc::new(api);
    let report = Engine::new(&api, file(1000, 0, 0), 10).apply().await;
    assert!(
        report.is_settled(),
        "{} failed, {} skipped",
        report.count(OutcomeKind::Failed),
        report.count(OutcomeKind::Skipped)
    );
}

//! One writer among hosts: daemons with a Lease between them, over real HTTP. The sandbox's log says
//! who wrote: each candidate's file wants a name of its own for the same number.
#![allow(clippy::print_stdout, reason = "figures for people")]

mod claims;
mod door;
mod events;
mod fake;
mod mounted;
mod real;
mod trouble;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, Sandbox, TOKEN, owned, world};
use door::Door;
use serde_json::{Value, json};

const NUMBER: &str = "+15552230000";
/// Short for the tests, and long enough for a busy machine.
const SHORT: &str = "5s";

/// A server that keeps Leases.
struct Kube {
    address: SocketAddr,
    scheme: &'static str,
    token: String,
    ca_file: Option<PathBuf>,
}

impl Kube {
    fn fake() -> Self {
        Self::fake_with_hand().0
    }

    fn fake_with_hand() -> (Self, fake::Hand) {
        let (address, hand) = fake::serve();
        (Self { address, scheme: "http", token: fake::TOKEN.to_owned(), ca_file: None }, hand)
    }

    /// What somebody with `kubectl` sees of a Lease of the namespace `default`.
    fn get(&self, name: &str) -> Value {
        let (status, body) = self.ask(reqwest::Method::GET, name, None);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("a Lease")
    }

    /// What somebody with `kubectl edit` makes of it, whoever has it; the server's last word.
    fn edit(&self, name: &str, change: impl Fn(&mut Value)) -> u16 {
        for _ in 0..100 {
            let mut object = self.get(name);
            change(&mut object);
            let (status, _) = self.ask(reqwest::Method::PUT, name, Some(object.to_string()));
            if status != 409 {
                return status;
            }
        }
        panic!("the Lease is written all the time");
    }

    fn ask(&self, method: reqwest::Method, name: &str, body: Option<String>) -> (u16, String) {
        let path = format!("apis/coordination.k8s.io/v1/namespaces/default/leases/{name}");
        let mut builder = numctl::client::http::builder().no_proxy();
        if let Some(file) = &self.ca_file {
            let pem = std::fs::read(file).expect("certificates");
            builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(&pem).expect("PEM"));
        }
        let mut call = builder
            .build()
            .expect("a client")
            .request(method, format!("{}://127.0.0.1:{}/{path}", self.scheme, self.address.port()))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            call = call.header("content-type", "application/json").body(body);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let answer = call.send().await.expect("an answer");
            (answer.status().as_u16(), answer.text().await.expect("a body"))
        })
    }
}

/// One host: its files, its way to the API server, its arguments.
struct Host {
    bench: Bench,
    door: Door,
    args: Vec<String>,
}

impl Host {
    /// One that wants the number to have this name.
    fn new(kube: &Kube, sandbox: &Sandbox, name: &str, lease: &str, duration: &str) -> Self {
        let door = Door::to(kube.address);
        let bench = Bench::at(&sandbox.base_url).with("NUMCTL_LEASE_IDENTITY", name);
        bench.write("token", &format!("{}\n", kube.token));
        bench.write(
            "fleet.yaml",
            &format!("version: 1\nnumbers:\n  - {{phone_number: \"{NUMBER}\", friendly_name: {name}}}\n"),
        );
        let url = format!("{}://127.0.0.1:{}", kube.scheme, door.port);
        let lease = format!("default/{lease}");
        let mut args: Vec<String> =
            ["-f", "fleet.yaml", "--lease", &lease, "--lease-duration", duration, "--kube-api", &url]
                .map(str::to_owned)
                .into();
        args.extend(["--kube-token-file".to_owned(), "token".to_owned()]);
        if let Some(path) = &kube.ca_file {
            args.extend(["--kube-ca-file".to_owned(), path.display().to_string()]);
        }
        Self { bench, door, args }
    }

    fn args<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        more.iter().copied().chain(self.args.iter().map(String::as_str)).collect()
    }

    fn run(&self) -> Daemon {
        Daemon::start(&self.bench, &self.args(&["--interval", "100ms"]))
    }
}

fn name_of(sandbox: &Sandbox) -> String {
    sandbox.number(NUMBER).expect("live")["friendly_name"].as_str().unwrap_or("").to_owned()
}

/// Waits until the number is called so; says how long it took.
#[track_caller]
fn becomes(sandbox: &Sandbox, name: &str, daemon: &Daemon) -> Duration {
    let begin = Instant::now();
    while name_of(sandbox) != name {
        assert!(begin.elapsed() < Duration::from_secs(40), "not {name}:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    begin.elapsed()
}

/// Somebody else changes the name, and it is healed; a few times.
#[track_caller]
fn heals(sandbox: &Sandbox, name: &str, daemon: &Daemon) {
    for _ in 0..3 {
        sandbox.edit(NUMBER, "FriendlyName=Drifted");
        becomes(sandbox, name, daemon);
    }
}

/// Who wrote, one after the other, by the sandbox's log.
fn writers(sandbox: &Sandbox) -> Vec<String> {
    let forms =
        sandbox.log("configure").into_iter().map(|entry| entry["form"].as_str().unwrap_or("").to_owned());
    let mut names: Vec<String> = forms
        .filter_map(|form| form.strip_prefix("FriendlyName=").map(str::to_owned))
        .filter(|name| name != "Drifted")
        .collect();
    names.dedup();
    names
}

/// kill -9: nobody gives the lease back.
fn a_killed_leader_is_followed(kube: &Kube, lease: &str, duration: &str) -> Duration {
    let (sandbox, _) = Sandbox::start(&[]);
    let (one, two) = (
        Host::new(kube, &sandbox, "One", lease, duration),
        Host::new(kube, &sandbox, "Two", lease, duration),
    );
    let first = one.run();
    heals(&sandbox, "One", &first);
    let second = two.run();
    second.says("standing by", 1);
    assert!(second.log().contains("One_"), "{}", second.log());
    heals(&sandbox, "One", &first);
    assert!(!second.log().contains(" cycle "), "{}", second.log());
    first.signal("KILL");
    let took = becomes(&sandbox, "Two", &second);
    heals(&sandbox, "Two", &second);
    assert_eq!(writers(&sandbox), ["One", "Two"]);
    second.stop();
    took
}

/// SIGSTOP past the lease and SIGCONT; then a clean stop of the other. How long that one took.
fn a_paused_leader_writes_nothing_until_it_leads_again(kube: &Kube, lease: &str) -> Duration {
    let (sandbox, _) = Sandbox::start(&[]);
    let [one, two] = ["One", "Two"].map(|name| {
        let mut host = Host::new(kube, &sandbox, name, lease, SHORT);
        // Both may be held: this one is for others of the same host.
        host.args.extend(["--lock-dir".to_owned(), "locks".to_owned()]);
        host
    });
    let first = one.run();
    heals(&sandbox, "One", &first);
    let second = two.run();
    second.says("standing by", 1);
    first.signal("STOP");
    becomes(&sandbox, "Two", &second);
    heals(&sandbox, "Two", &second);
    first.signal("CONT");
    heals(&sandbox, "Two", &second);
    first.says("standing by", 1);
    heals(&sandbox, "Two", &second);
    assert_eq!(writers(&sandbox), ["One", "Two"], "{}", first.log());
    second.stop();
    let took = becomes(&sandbox, "One", &first);
    heals(&sandbox, "One", &first);
    assert_eq!(writers(&sandbox), ["One", "Two", "One"]);
    first.stop();
    took
}

/// Cut off from the API server, and not from the API.
fn a_leader_that_is_cut_off_stops(kube: &Kube, lease: &str) {
    let (sandbox, _) = Sandbox::start(&[]);
    let (one, two) =
        (Host::new(kube, &sandbox, "One", lease, SHORT), Host::new(kube, &sandbox, "Two", lease, SHORT));
    let first = one.run();
    heals(&sandbox, "One", &first);
    let second = two.run();
    second.says("standing by", 1);
    one.door.shut();
    first.says("no longer leading", 1);
    first.says("standing by", 1);
    // Nobody writes now, until the lease is over.
    let before = sandbox.writes();
    assert_eq!(writers(&sandbox), ["One"]);
    assert_eq!(sandbox.writes(), before);
    becomes(&sandbox, "Two", &second);
    heals(&sandbox, "Two", &second);
    // What was under way arrives now, and is too late.
    one.door.open();
    first.says("can be read again", 1);
    heals(&sandbox, "Two", &second);
    assert_eq!(writers(&sandbox), ["One", "Two"], "{}", first.log());
    first.stop();
    heals(&sandbox, "Two", &second);
    second.stop();
    assert_eq!(writers(&sandbox), ["One", "Two"]);
}

/// `apply` has the same lease, and gives it back.
fn apply_waits_for_the_lease(kube: &Kube, lease: &str) {
    let (sandbox, _) = Sandbox::start(&[]);
    let (one, two) =
        (Host::new(kube, &sandbox, "One", lease, SHORT), Host::new(kube, &sandbox, "Two", lease, SHORT));
    let first = one.run();
    heals(&sandbox, "One", &first);
    sandbox.forget_requests();
    first.says("in sync", 1);
    let apply = ["apply", "--yes"];
    two.bench.run(&two.args(&apply)).exits(1).says("held by \"One_").says("nothing was attempted");
    let apply_waiting = ["apply", "--yes", "--lock-timeout", "300ms"];
    two.bench.run(&two.args(&apply_waiting)).exits(1).says("held by \"One_");
    two.bench.run(&two.args(&["run", "--once", "--dry-run"])).exits(0);
    assert_eq!(writers(&sandbox), [""; 0]);
    let waiting = two.bench.spawn(&two.args(&["apply", "--yes", "--lock-timeout", "30s"]));
    std::thread::sleep(Duration::from_millis(300));
    heals(&sandbox, "One", &first);
    let ran = first.stop();
    assert!(ran.err.contains("releasing the lease") && !ran.err.contains("WARN"), "{}", ran.err);
    waiting.end().exits(0);
    assert_eq!(name_of(&sandbox), "Two");
    // It is free again, at once.
    let begin = Instant::now();
    one.bench.run(&one.args(&["run", "--once"])).exits(0);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(writers(&sandbox), ["One", "Two", "One"]);
}

/// Lost in the middle: the rest is not tried, and the report says why.
fn what_is_left_of_a_run_is_skipped(kube: &Kube, lease: &str) {
    let numbers: Vec<_> =
        (0..60).map(|at| owned(&format!("+1555224{at:04}"), MAIN, Some("Old"), json!({}))).collect();
    let (sandbox, _) = Sandbox::with_state(&world(&numbers), &["--latency", "200ms"]);
    let host = Host::new(kube, &sandbox, "One", lease, SHORT);
    let lines: String = (0..60)
        .map(|at| format!("  - {{phone_number: \"+1555224{at:04}\", friendly_name: New}}\n"))
        .collect();
    host.bench.write("fleet.yaml", &format!("version: 1\nnumbers:\n{lines}"));
    let apply = ["apply", "--yes", "--format", "json", "--max-concurrency", "1"];
    let running = host.bench.spawn(&host.args(&apply));
    sandbox.wait_for("configure", 3);
    host.door.shut();
    let ran = running.end().exits(3).says("the lock on the account was lost");
    let report = ran.json();
    let ends: Vec<_> =
        report["actions"].as_array().expect("actions").iter().map(|end| end["outcome"].clone()).collect();
    let succeeded = ends.iter().filter(|end| *end == "succeeded").count();
    assert!((3..60).contains(&succeeded), "{succeeded}");
    assert_eq!(sandbox.count("configure"), succeeded as u64, "nothing went out after it");
}

#[test]
fn the_standby_takes_over_when_the_leader_is_killed() {
    let took = a_killed_leader_is_followed(&Kube::fake(), "kill", "15s");
    println!("take-over after kill -9, with a lease of 15 s: {took:?}");
    assert!(took > Duration::from_secs(12) && took < Duration::from_secs(19), "{took:?}");
}

#[test]
fn a_leader_that_stood_still_writes_nothing_until_it_leads_again() {
    let took = a_paused_leader_writes_nothing_until_it_leads_again(&Kube::fake(), "pause");
    println!("take-over after a clean stop: {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_leader_cut_off_from_the_api_server_stops_before_another_begins() {
    a_leader_that_is_cut_off_stops(&Kube::fake(), "cut");
}

#[test]
fn apply_keeps_to_the_lease_and_waits_for_it() {
    apply_waits_for_the_lease(&Kube::fake(), "apply");
}

#[test]
fn a_run_that_loses_its_lease_skips_the_rest_and_says_so() {
    what_is_left_of_a_run_is_skipped(&Kube::fake(), "skip");
}

#[test]
fn a_write_is_given_up_before_the_lease_may_be_anothers() {
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&Kube::fake(), &sandbox, "One", "end", SHORT);
    sandbox.faults("configure:hang=1");
    let running = host.bench.spawn(&host.args(&["apply", "--yes"]));
    sandbox.wait_for("configure", 1);
    let begin = Instant::now();
    sandbox.wait_for("configure", 2);
    // Long before --timeout, which is 30 s.
    assert!(begin.elapsed() < Duration::from_secs(12), "{:?}", begin.elapsed());
    drop(running);
}

#[test]
fn a_lease_that_cannot_be_asked_for_is_said_in_clear_words() {
    let kube = Kube::fake();
    let (sandbox, _) = Sandbox::start(&[]);
    let host = Host::new(&kube, &sandbox, "One", "words", SHORT);
    host.bench.write("token", "wrong-token-of-nobody");
    let ran =
        host.bench.run(&host.args(&["apply", "--yes"])).exits(1).says("401").says("nothing was attempted");
    ran.never_says("wrong-token");
    // In a pod the cluster is found by itself; here there is none.
    let bench = Bench::at(&sandbox.base_url);
    let outside = ["apply", "--yes", "-f", "fleet.yaml", "--lease"];
    bench.write("fleet.yaml", "version: 1\nnumbers: []\n");
    bench.run(&[&outside[..], &["n"]].concat()).exits(1).says("--kube-api");
    let with_api = [&outside[..], &["n", "--kube-api", "http://127.0.0.1:1"]].concat();
    bench.run(&with_api).exits(1).says("NAMESPACE/NAME");
    bench.run(&[&outside[..], &["A/n"]].concat()).exits(1).says("as Kubernetes names objects");
    let open_network = [&outside[..], &["d/n", "--kube-api", "http://kube.example:80"]].concat();
    bench.run(&open_network).exits(1).says("use https");
    assert_eq!(sandbox.requests()["total"], 0);
    // A token that is renewed is read anew.
    host.bench.write("token", fake::TOKEN);
    host.bench.run(&host.args(&["apply", "--yes"])).exits(0).never_says(fake::TOKEN).never_says(TOKEN);
}

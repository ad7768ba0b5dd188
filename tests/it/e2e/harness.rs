//! Runs the binary, with nothing of this process's environment, in a directory of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(super) const MAIN: &str = "AC00000000000000000000000000000001";
pub(super) const SUB: &str = "AC00000000000000000000000000000002";
pub(super) const TOKEN: &str = "sandboxtoken00000000000000000000";
/// Nothing here takes that long, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The outcome of a command.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ran {
    #[track_caller]
    pub(super) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\nstdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", self.out, self.err))
    }

    #[track_caller]
    pub(super) fn says(self, part: &str) -> Self {
        assert!(self.all().contains(part), "no {part:?} in\nstdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(super) fn never_says(self, part: &str) -> Self {
        assert!(!self.all().contains(part), "{part:?} in\nstdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The end of the one action on a number, from `apply --format json`.
    #[track_caller]
    pub(super) fn outcome(&self, number: &str) -> String {
        let report = self.json();
        let actions = report["actions"].as_array().expect("actions");
        let ends: Vec<_> = actions.iter().filter(|action| action["phone_number"] == number).collect();
        assert_eq!(ends.len(), 1, "{report:#}");
        ends[0]["outcome"].as_str().expect("an outcome").to_owned()
    }

    pub(super) fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}

/// A directory to work in, and the environment that commands get.
pub(super) struct Bench {
    dir: TempDir,
    env: Vec<(String, String)>,
}

impl Bench {
    /// Without an API.
    pub(super) fn alone() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory"), env: Vec::new() }
    }

    /// With the API at `base_url`.
    pub(super) fn at(base_url: &str) -> Self {
        Self::alone()
            .with("NUMCTL_BASE_URL", base_url)
            .with("TWILIO_ACCOUNT_SID", MAIN)
            .with("TWILIO_AUTH_TOKEN", TOKEN)
            .with("EMEA_AUTH_TOKEN", TOKEN)
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables that it runs with.
    pub(super) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect(name)
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_numctl"));
        command.args(args).env_clear().envs(self.env.iter().cloned()).current_dir(self.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().expect("it runs");
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            err: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }

    /// `apply -f` of a text, with its report as JSON.
    pub(super) fn apply(&self, text: &str) -> Ran {
        self.write("fleet.yaml", text);
        self.run(&["apply", "--yes", "--format", "json", "-f", "fleet.yaml"])
    }

    /// `plan -f` of a text, as JSON.
    pub(super) fn plan(&self, text: &str) -> Ran {
        self.write("fleet.yaml", text);
        self.run(&["plan", "--format", "json", "-f", "fleet.yaml"])
    }

    /// The same, with the most memory that the process held at once, in MiB. Linux only.
    pub(super) fn weigh(&self, mut command: Command) -> (Ran, u64) {
        let mut running = Running { child: command.spawn().expect("it starts") };
        let status = format!("/proc/{}/status", running.child.id());
        let mut peak = 0;
        let (mut out, mut err) = (running.child.stdout.take(), running.child.stderr.take());
        // Drained beside, so that a long answer holds nothing up.
        let read = |pipe: Option<Box<dyn std::io::Read + Send>>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                pipe.map(|mut pipe| pipe.read_to_string(&mut text).expect("UTF-8"));
                text
            })
        };
        let out = read(out.take().map(|pipe| Box::new(pipe) as _));
        let err = read(err.take().map(|pipe| Box::new(pipe) as _));
        let code = loop {
            // The mark only rises, and is gone with the process: the last look is the highest.
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            if let Some(kib) = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()) {
                peak = kib >> 10;
            }
            if let Some(status) = running.child.try_wait().expect("a status") {
                break status.code();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        (Ran { code, out: out.join().expect("read"), err: err.join().expect("read") }, peak)
    }

    pub(super) fn spawn(&self, args: &[&str]) -> Running {
        Running { child: self.command(args).spawn().expect("it starts") }
    }
}

/// A command that runs; killed when dropped.
pub(super) struct Running {
    pub(super) child: Child,
}

impl Running {
    /// `INT`, `KILL`, …
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill");
        assert!(sent.success());
    }

    pub(super) fn stderr(&mut self) -> BufReader<ChildStderr> {
        BufReader::new(self.child.stderr.take().expect("stderr"))
    }

    /// Its end; `err` is what has not been read before.
    pub(super) fn end(mut self) -> Ran {
        let (mut out, mut err) = (String::new(), String::new());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut out).expect("stdout");
        }
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut err).expect("stderr");
        }
        Ran { code: self.child.wait().expect("an end").code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `numctl sandbox` process.
pub(super) struct Sandbox {
    _running: Running,
    _home: Bench,
    pub(super) lines: Vec<String>,
    pub(super) base_url: String,
}

impl Sandbox {
    /// A fresh one with the default world, and a bench that uses it.
    pub(super) fn start(args: &[&str]) -> (Self, Bench) {
        let sandbox = Self::launch(Bench::alone(), args);
        let bench = Bench::at(&sandbox.base_url);
        (sandbox, bench)
    }

    /// One whose world is this state.
    pub(super) fn with_state(state: &Value, args: &[&str]) -> (Self, Bench) {
        let home = Bench::alone();
        home.write("state.json", &state.to_string());
        let sandbox = Self::launch(home, &[&["--state", "state.json"], args].concat());
        let bench = Bench::at(&sandbox.base_url);
        (sandbox, bench)
    }

    fn launch(home: Bench, args: &[&str]) -> Self {
        let mut command = home.command(&[&["sandbox"], args].concat());
        let mut running = Running { child: command.stderr(Stdio::inherit()).spawn().expect("it starts") };
        let stdout = BufReader::new(running.child.stdout.take().expect("stdout"));
        let lines: Vec<String> =
            stdout.lines().map(|line| line.expect("a line")).take_while(|line| line != "ready").collect();
        let base_url = lines
            .iter()
            .find_map(|line| line.strip_prefix("NUMCTL_BASE_URL="))
            .unwrap_or_else(|| panic!("no NUMCTL_BASE_URL in {lines:?}"))
            .to_owned();
        Self { _running: running, _home: home, lines, base_url }
    }

    /// A request, as the main account.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let host = self.base_url.strip_prefix("http://").expect("http");
        let mut stream = TcpStream::connect(host).expect("the sandbox");
        // base64 of MAIN:TOKEN
        let key =
            "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTpzYW5kYm94dG9rZW4wMDAwMDAwMDAwMDAwMDAwMDAwMA==";
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nAuthorization: Basic {key}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, body.to_owned())
    }

    pub(super) fn faults(&self, spec: &str) {
        let (status, body) = self.ask("PUT", "/_sandbox/faults", spec);
        assert_eq!(status, 204, "{body}");
    }

    pub(super) fn forget_requests(&self) {
        assert_eq!(self.ask("DELETE", "/_sandbox/requests", "").0, 204);
    }

    pub(super) fn requests(&self) -> Value {
        serde_json::from_str(&self.ask("GET", "/_sandbox/requests", "").1).expect("JSON")
    }

    /// The last thousand requests of an operation.
    pub(super) fn log(&self, operation: &str) -> Vec<Value> {
        let requests = self.requests();
        let log = requests["log"].as_array().expect("a log");
        log.iter().filter(|entry| entry["operation"] == operation).cloned().collect()
    }

    pub(super) fn count(&self, operation: &str) -> u64 {
        self.requests()["by_operation"][operation].as_u64().expect("a count")
    }

    #[track_caller]
    pub(super) fn counts(&self, expected: &[(&str, u64)]) {
        let requests = self.requests();
        let all =
            ["list", "fetch", "search", "purchase", "configure", "transfer", "release", "traffic", "events"];
        let named = expected.iter().map(|(name, _)| *name).filter(|name| !all.contains(name));
        for operation in all.into_iter().chain(named) {
            let wanted = expected.iter().find(|(name, _)| *name == operation).map_or(0, |(_, count)| *count);
            assert_eq!(requests["by_operation"][operation], wanted, "{operation} in {requests:#}");
        }
        assert_eq!(requests["total"], expected.iter().map(|(_, count)| count).sum::<u64>(), "{requests:#}");
    }

    pub(super) fn writes(&self) -> u64 {
        ["purchase", "configure", "transfer", "release"].iter().map(|operation| self.count(operation)).sum()
    }

    /// Waits until so many requests of an operation have arrived.
    pub(super) fn wait_for(&self, operation: &str, count: u64) {
        let begin = Instant::now();
        while self.count(operation) < count {
            assert!(begin.elapsed() < PATIENCE, "no {operation} came: {:#}", self.requests());
            std::thread::yield_now();
        }
    }

    /// A number of the world.
    pub(super) fn number(&self, number: &str) -> Option<Value> {
        let state: Value = serde_json::from_str(&self.ask("GET", "/_sandbox/state", "").1).expect("JSON");
        let numbers = state["numbers"].as_array().expect("numbers");
        numbers.iter().find(|entry| entry["phone_number"] == number).cloned()
    }

    /// A setting of a number of the world.
    pub(super) fn setting(&self, number: &str, key: &str) -> Value {
        self.number(number).unwrap_or_else(|| panic!("no {number}"))["config"][key].clone()
    }

    /// Somebody calls or writes: `call to +1… from sip:…` a line, so many days ago.
    pub(super) fn traffic(&self, days: u64, lines: &[&str]) {
        let now = std::time::SystemTime::now() - Duration::from_secs(days * 86_400);
        let at = humantime::format_rfc3339_seconds(now).to_string();
        let events: Vec<Value> = lines
            .iter()
            .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
                [medium, "to", to, "from", from] => {
                    json!({"medium": medium, "to": to, "from": from, "at": at})
                }
                _ => panic!("{line}"),
            })
            .collect();
        let (status, body) = self.ask("POST", "/_sandbox/traffic", &Value::from(events).to_string());
        assert_eq!(status, 204, "{body}");
    }

    /// Somebody else changes a number.
    pub(super) fn edit(&self, number: &str, form: &str) {
        let entry = self.number(number).expect(number);
        let sid = entry["sid"].as_str().expect("a SID");
        let (status, body) = self.ask("POST", &format!("/Numbers/ActiveNumbers/{sid}"), form);
        assert_eq!(status, 200, "{body}");
    }
}

/// A world with the two accounts and these numbers.
pub(super) fn world(numbers: &[Value]) -> Value {
    let account = |parent: Value| json!({"parent": parent, "auth_token": TOKEN});
    json!({
        "version": 1,
        "accounts": {MAIN: account(Value::Null), SUB: account(MAIN.into())},
        "numbers": numbers,
    })
}

/// A number of such a world.
pub(super) fn owned(number: &str, account: &str, name: Option<&str>, config: Value) -> Value {
    let digits = number.trim_start_matches('+');
    let mut entry = json!({
        "phone_number": number, "sid": format!("PN{digits:0>32}"), "account_sid": account, "config": config,
    });
    if let Some(name) = name {
        entry["friendly_name"] = name.into();
    }
    entry
}

/// The head of a file with both accounts; numbers are in `main` unless they say otherwise.
pub(super) fn two_accounts() -> String {
    format!("{}defaults: {{account: main}}\n", accounts_only())
}

/// The same without `defaults`.
pub(super) fn accounts_only() -> String {
    format!(
        "version: 1\naccounts:\n  main: {{sid: {MAIN}, credentials: {{env: TWILIO}}}}\n  \
         emea: {{sid: {SUB}, parent: main, credentials: {{env: EMEA}}}}\n"
    )
}

/// Answers every request with the same bytes, and counts them: for what the sandbox never says.
pub(super) struct Canned {
    pub(super) base_url: String,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<String>>,
}

impl Canned {
    /// `answer` makes the whole answer, head included, from the request's number (from 1) and our
    /// base URL.
    pub(super) fn serve(answer: impl Fn(usize, &str) -> String + Send + 'static) -> Self {
        // The client may have gone.
        Self::stream(move |at, own, stream| drop(stream.write_all(answer(at, own).as_bytes())))
    }

    /// `answer` writes what it likes, for as long as it likes, after the head of each request; one
    /// connection at a time.
    pub(super) fn stream(answer: impl Fn(usize, &str, &mut TcpStream) + Send + 'static) -> Self {
        Self::listen(move |at, own, _, stream| answer(at, own, stream))
    }

    /// `answer` makes the whole answer from the head of the request.
    pub(super) fn by_head(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        // The client may have gone.
        Self::listen(move |_, _, head, stream| drop(stream.write_all(answer(head).as_bytes())))
    }

    fn listen(answer: impl Fn(usize, &str, &str, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let (asked, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let (counter, log, own) = (asked.clone(), seen.clone(), base_url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let at = counter.fetch_add(1, Ordering::SeqCst) + 1;
                let mut head = String::new();
                let mut lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
                while let Some(Ok(line)) =
                    lines.next().filter(|line| line.as_ref().is_ok_and(|l| !l.is_empty()))
                {
                    head.push_str(&line);
                    head.push('\n');
                }
                log.lock().expect("unpoisoned").push_str(&head);
                answer(at, &own, &head, &mut stream);
            }
        });
        Self { base_url, asked, seen }
    }

    /// The same body for every request.
    pub(super) fn body(status: u16, kind: &'static str, body: impl Into<String>) -> Self {
        let body = body.into();
        Self::serve(move |_, own| answer(status, kind, &body.replace("SELF", own)))
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn heads(&self) -> String {
        self.seen.lock().expect("unpoisoned").clone()
    }
}

/// An HTTP answer.
pub(super) fn answer(status: u16, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What an `Authorization` header has of a user name and a secret: their base64.
pub(super) fn basic(user: &str, secret: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("{user}:{secret}");
    let digits = text.as_bytes().chunks(3).flat_map(|chunk| {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        (0..4).map(move |at| match at <= chunk.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]),
            false => '=',
        })
    });
    digits.collect()
}

//! The processes: a sandbox, and daemons on it, in a directory of their own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use numctl::sandbox::{AUTH_TOKEN, MAIN_SID};
use tempfile::TempDir;

use super::binary::binary;
use super::http::ask;

/// Nothing takes that long, 100,000 numbers in a debug build included.
const PATIENCE: Duration = Duration::from_secs(300);

/// A child; killed when dropped.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// `HUP`, `KILL`, …
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status();
        assert!(sent.expect("kill").success(), "no process to send {name} to");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_some()
    }

    /// Its exit code.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.0.wait().expect("a child").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A `numctl sandbox` process, and a directory for those that use it.
pub(crate) struct Sandbox {
    _process: Process,
    folder: TempDir,
    /// An address with a port.
    pub(crate) host: String,
}

impl Sandbox {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.arg("sandbox").args(args).env_clear().stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = Process(command.spawn().expect("it starts"));
        let stdout = BufReader::new(process.0.stdout.take().expect("stdout"));
        let lines: Vec<String> =
            stdout.lines().map_while(Result::ok).take_while(|line| line != "ready").collect();
        let host = lines.iter().find_map(|line| line.strip_prefix("NUMCTL_BASE_URL=http://"));
        let host = host.expect("an address").to_owned();
        Self { _process: process, folder: tempfile::tempdir().expect("a directory"), host }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.host)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        ask(&self.host, method, path, body)
    }

    pub(crate) fn faults(&self, spec: &str) {
        let answer = self.ask("PUT", "/_sandbox/faults", spec).expect("the sandbox answers");
        assert_eq!(answer.0, 204, "{}", answer.1);
    }

    /// The numbers of the world and their SIDs.
    pub(crate) fn sids(&self) -> Vec<(String, String)> {
        let (_, body) = self.ask("GET", "/_sandbox/state", "").expect("the sandbox answers");
        let state: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().expect(key).to_owned();
        let numbers = state["numbers"].as_array().expect("numbers").iter();
        numbers.map(|entry| (text(entry, "phone_number"), text(entry, "sid"))).collect()
    }

    /// Somebody else changes a number; whether the API took it.
    pub(crate) fn edit(&self, sid: &str, form: &str) -> bool {
        let answer = self.ask("POST", &format!("/Numbers/ActiveNumbers/{sid}"), form);
        answer.is_some_and(|(status, _)| status == 200)
    }

    /// A numctl in the directory, with the API at `base_url`.
    pub(crate) fn numctl(&self, base_url: &str, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("NUMCTL_BASE_URL", base_url);
        command.env("TWILIO_ACCOUNT_SID", MAIN_SID).env("TWILIO_AUTH_TOKEN", AUTH_TOKEN);
        command
    }

    /// Runs one to its end, which is to be a good one.
    pub(crate) fn run(&self, args: &[&str]) {
        let output = self.numctl(&self.base_url(), args).output().expect("it runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn daemon(&self, log: &str, base_url: &str, args: &[&str]) -> Daemon {
        let log = self.path(log);
        let file = fs::File::create(&log).expect("a log");
        let mut command = self.numctl(base_url, &[&["run"], args].concat());
        let process = Process(command.stdout(Stdio::null()).stderr(file).spawn().expect("it starts"));
        Daemon { process, log }
    }
}

/// A daemon whose log goes to a file: a bench that kept it would be the one that grows.
pub(crate) struct Daemon {
    pub(crate) process: Process,
    log: PathBuf,
}

impl Daemon {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn log_path(&self) -> &Path {
        &self.log
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    /// Waits until the log has a text so many times; gives all of it.
    pub(crate) fn says(&self, part: &str, times: usize) -> String {
        let begin = Instant::now();
        loop {
            let log = self.log();
            if log.matches(part).count() >= times {
                return log;
            }
            assert!(begin.elapsed() < PATIENCE, "no {part:?} ({times}) in\n{log}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where it shows its state.
    pub(crate) fn shown_at(&self) -> String {
        let log = self.says("the state is shown", 1);
        let (_, rest) = log.split_once("address=http://").expect("an address");
        rest.split_whitespace().next().expect("an address").to_owned()
    }
}

//! A command, and what it cost, by GNU time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use numctl::model::provider::Api;

use super::binary::binary;
use super::fleet;
use super::pages;
use super::server::Server;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// The most that was resident, in bytes.
    pub(crate) peak: u64,
}

impl Cost {
    pub(crate) fn peak_mib(&self) -> f64 {
        self.peak as f64 / f64::from(1 << 20)
    }
}

/// Runs it to its end, and tells what it said on stdout.
pub(crate) fn measured(command: &Command, input: Option<&str>) -> (Cost, String) {
    let report = std::env::temp_dir().join(format!("numctl-bench-{}", std::process::id()));
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%U %S %M", "-o"]).arg(&report).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        timed.env(name, value.unwrap_or_default());
    }
    timed.stdout(Stdio::piped()).stderr(Stdio::piped());
    timed.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let began = Instant::now();
    let mut child = timed.spawn().expect("GNU time");
    if let Some(input) = input {
        use std::io::Write as _;
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("written");
    }
    let done = child.wait_with_output().expect("an end");
    let wall = began.elapsed();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{command:?}: {out}{err}");
    let text = std::fs::read_to_string(&report).expect("a report");
    let figures: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let cpu = Duration::from_secs_f64(figures[0] + figures[1]);
    (Cost { wall, cpu, peak: (figures[2] as u64) << 10 }, out.into_owned())
}

/// The one with the median wall time of so many runs.
pub(crate) fn median(runs: usize, mut run: impl FnMut() -> Cost) -> Cost {
    let mut costs: Vec<Cost> = (0..runs).map(|_| run()).collect();
    costs.sort_by_key(|cost| cost.wall);
    costs[costs.len() / 2]
}

/// `numctl plan` over the pages of these servers, each with an account.
pub(crate) fn numctl(api: Api, servers: &[Server], files: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("plan").arg("-f").arg(files).args(["--api", &api.to_string()]);
    // Where no journal is.
    command.current_dir(files);
    for (account, server) in servers.iter().enumerate() {
        command.arg("--base-url").arg(format!("a{account}={}", server.base));
        command.env(format!("A{account}_AUTH_TOKEN"), fleet::token(account));
    }
    command
}

/// Runs it, and sees that it found everything in sync.
pub(crate) fn in_sync(command: &Command, numbers: usize) -> Cost {
    let (cost, said) = measured(command, None);
    let said = said.replace(',', "");
    assert!(said.contains(&format!("Plan: {numbers} unchanged")), "{said}");
    cost
}

/// `curl` over the same pages, one after the other over one connection, into nothing.
pub(crate) fn curl(api: Api, server: &Server, account: usize, numbers: usize) -> Cost {
    let mut config = String::new();
    for page in 0..numbers.div_ceil(pages::PAGE).max(1) {
        let path = pages::page_path(api, account, page);
        config.push_str(&format!("url = \"{}{path}\"\noutput = \"/dev/null\"\n", server.base));
    }
    let mut command = Command::new("curl");
    command.args(["-sS", "--fail-early", "-f", "-K", "-"]);
    measured(&command, Some(&config)).0
}

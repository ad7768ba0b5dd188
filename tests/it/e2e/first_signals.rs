//! Signals in the first milliseconds of a process, before any code of its own runs: whoever starts it decides what
//! becomes of them.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{Bench, Running, Sandbox};

const FILE: &str = "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: One}\n";

/// The daemon, started by a supervisor that ignores these signals, as the pages advise: what is ignored stays so
/// until numctl listens.
fn started(bench: &Bench) -> Running {
    let run = bench.command(&["run", "-f", "fleet.yaml", "--interval", "1h", "--journal", "none"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP USR1 USR2; exec \"$@\"", "sh"]);
    shell.arg(run.get_program()).args(run.get_args()).env_clear().current_dir(bench.path());
    shell.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    Running { child: shell.spawn().expect("it starts") }
}

/// Whether a signal is ignored, or has a handler.
fn is_survived(pid: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    };
    (mask("SigIgn:") | mask("SigCgt:")) & (1 << (signal - 1)) != 0
}

#[test]
fn signals_that_its_supervisor_ignores_do_not_end_a_daemon_before_it_hears_them() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FILE);
    for (name, signal) in [("HUP", 1), ("USR1", 10), ("USR2", 12)] {
        let mut daemon = started(&bench);
        while !is_survived(daemon.child.id(), signal) {
            std::thread::sleep(Duration::from_micros(100));
        }
        // From the shell through the loader to the handler: at every moment.
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(150) {
            daemon.signal(name);
            assert!(daemon.child.try_wait().expect("a status").is_none(), "SIG{name} ended it");
        }
        daemon.signal("TERM");
        daemon.end().exits(0);
    }
    // It is ignored only until then: a pause is heard, and ends.
    sandbox.edit("+15552230000", "FriendlyName=Theirs");
    let daemon = started(&bench);
    sandbox.wait_for("configure", 2);
    daemon.signal("USR1");
    std::thread::sleep(Duration::from_millis(300));
    sandbox.edit("+15552230000", "FriendlyName=Theirs");
    daemon.signal("HUP");
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(sandbox.number("+15552230000").expect("live")["friendly_name"], "Theirs");
    daemon.signal("USR2");
    sandbox.wait_for("configure", 3);
    daemon.signal("TERM");
    daemon.end().exits(0);
}

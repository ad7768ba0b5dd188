//! Two daemons, one lock: how long nobody writes after the writer is gone.

use std::fs;
use std::time::{Duration, Instant};

use super::figures::times;
use super::http::Proxy;
use super::process::Sandbox;

const TIMES: usize = 20;
const FILE: &str = "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: Ours}\n";

pub(crate) fn run() {
    println!("\ntakeover: --lock-dir, from the signal to the other's first write, seconds; --interval 1h\n");
    println!("| the writer gets | times | median | 95% | worst |\n| --- | --- | --- | --- | --- |");
    for signal in ["KILL", "TERM"] {
        println!("| SIG{signal} | {} |", times(&of(signal)));
    }
}

fn of(signal: &str) -> Vec<Duration> {
    let sandbox = Sandbox::start(&[]);
    fs::write(sandbox.path("fleet.yaml"), FILE).expect("written");
    let (_, sid) = sandbox.sids().swap_remove(0);
    let proxy = Proxy::start(&sandbox.host);
    let args = ["-f", "fleet.yaml", "--interval", "1h", "--lock-dir", "locks"];
    let daemon = |at: usize| sandbox.daemon(&format!("log-{at}"), &proxy.base_url, &args);
    let mut writer = daemon(0);
    writer.says(" cycle ", 1);
    (1..=TIMES)
        .map(|at| {
            let other = daemon(at);
            other.says("standing by", 1);
            // Anywhere between two looks at the lock.
            std::thread::sleep(Duration::from_millis(at as u64 * 137 % 1000));
            assert!(sandbox.edit(&sid, "FriendlyName=Theirs"), "the drift is planted");
            proxy.forget();
            let gone = Instant::now();
            writer.process.signal(signal);
            let Some(wrote) = proxy.next_write("Ours") else { panic!("nobody writes:\n{}", other.log()) };
            other.says(" cycle ", 1);
            writer = other;
            wrote.saturating_duration_since(gone)
        })
        .collect()
}

//! kill -9 in the middle of `apply` and of `run`, again and again, with faults on: nothing is bought
//! twice, nothing that the file does not release is released, and it converges (laws 1, 2, 5).

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::harness::Sandbox;

/// 5xx before and after acting, dropped and cut answers, a balancer's page, 429.
const FAULTS: &str =
    "500=0.04,500-after=0.04,drop=0.04,drop-after=0.08,truncate=0.04,html=0.03,429=0.08,seed=";
const BOUGHT: usize = 24;

/// Two numbers to configure, one to release, one that nobody names, and a crowd to buy, which every
/// edit renames, so that no process is done before it is killed.
fn fleet(edit: usize) -> String {
    let mut file = format!(
        "version: 1\npolicy: {{max_purchases: 100, max_releases: 1}}\nnumbers:\n  \
         - {{phone_number: \"+15552230000\", friendly_name: Edit {edit}}}\n  \
         - {{phone_number: \"+15552230001\", status_callback: \"https://a.example/{edit}\"}}\n  \
         - {{phone_number: \"+15552230002\", state: released}}\n"
    );
    for at in 0..BOUGHT {
        writeln!(file, "  - {{phone_number: \"+155522301{at:02}\", friendly_name: N{at}}}").expect("written");
    }
    file
}

fn state(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON")
}

/// Kills `args` so many times, at moments spread over its life; then lets it converge and checks
/// what came of it. A process that was quicker than its kill does not count, and another is started:
/// how many are needed depends on the machine, how many die half-way does not.
fn kill(args: &[&str], kills: usize, seed: usize) {
    let (sandbox, bench) = Sandbox::start(&["--latency", "10ms"]);
    let minted = state(&sandbox)["minted"].as_u64().expect("a count");
    let mut killed = 0;
    let mut at = 0;
    while killed < kills {
        assert!(at < kills * 4, "only {killed} of {at} were still running when they were killed");
        sandbox.faults(&format!("{FAULTS}{}", seed + at));
        bench.write("fleet.yaml", &fleet(at));
        let process = bench.spawn(args);
        // From before the first request to the middle of the writes.
        std::thread::sleep(Duration::from_millis(40 + 29 * (at as u64 * 7 % 16)));
        process.signal("KILL");
        // An apply may have been quicker.
        killed += usize::from(process.end().code.is_none());
        // What was on its way arrives.
        std::thread::sleep(Duration::from_millis(20));
        at += 1;
    }
    sandbox.faults("");
    let last = bench.read("fleet.yaml");
    bench.run(&["run", "--once", "-f", "fleet.yaml", "--state-dir", "state", "--lock-dir", "locks"]).exits(0);
    assert_eq!(bench.plan(&last).exits(0).json()["actions"], Value::Array(Vec::new()));
    let state = state(&sandbox);
    // A purchase mints a SID, also where its answer was lost.
    assert_eq!(state["minted"].as_u64(), Some(minted + BOUGHT as u64), "each was bought once");
    let left = state["numbers"].as_array().expect("numbers").len();
    assert_eq!(left, 4 - 1 + BOUGHT, "and only what the file releases is gone");
    assert!(sandbox.number("+15552230003").is_some());
}

#[test]
fn apply_is_killed_again_and_again() {
    kill(&["apply", "--yes", "--max-concurrency", "2", "--lock-dir", "locks", "-f", "fleet.yaml"], 24, 1);
}

#[test]
fn run_is_killed_again_and_again() {
    let args = ["run", "-f", "fleet.yaml", "--interval", "100ms", "--max-concurrency", "2"];
    kill(&[&args[..], &["--state-dir", "state", "--lock-dir", "locks"]].concat(), 20, 100);
}

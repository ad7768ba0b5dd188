//! Tags in lists, costs, metrics and the daemon's state.

use serde_json::{Value, json};

use super::daemon::Daemon;
use super::harness::{Bench, Sandbox};

const FLEET: &str = "version: 1\nprofiles:\n  support: {tags: {team: support}}\n  sales: {tags: {team: sales, cost-centre: 42}}\n\
                     numbers:\n  - {phone_number: \"+15552230000\", profile: support}\n  \
                     - {phone_number: \"+15552230001\", profile: sales}\n  - {phone_number: \"+15552230100\", profile: sales}\n";

fn bench() -> (Sandbox, Bench) {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", FLEET);
    (sandbox, bench)
}

#[test]
fn costs_are_summed_up_by_tag() {
    let (_sandbox, bench) = bench();
    let text = bench.run(&["plan", "-f", "fleet.yaml", "--cost"]).exits(0);
    text.says("  team=sales: 1.15 USD -> 2.30 USD\n")
        .says("  team=support: 1.15 USD\n")
        .says("  cost-centre=42: ");
    let plan = bench.run(&["plan", "-f", "fleet.yaml", "--cost", "-o", "json"]).exits(0).json();
    let sales = json!({"tag": "team", "value": "sales", "monthly_before": ["1.15 USD"], "monthly_after": ["2.30 USD"], "not_known": 0});
    assert!(plan["cost"]["by_tag"].as_array().is_some_and(|tags| tags.contains(&sales)), "{plan:#}");
    // Only where it is asked for.
    let plan = bench.run(&["plan", "-f", "fleet.yaml", "-o", "json"]).exits(0).json();
    assert_eq!(plan["cost"]["by_tag"], Value::Null);
}

#[test]
fn idle_numbers_have_their_tags_and_are_chosen_by_them() {
    let (_sandbox, bench) = bench();
    bench.run(&["idle", "-f", "fleet.yaml"]).exits(0).says("TAGS").says("cost-centre=42,team=sales");
    let idle = bench.run(&["idle", "-f", "fleet.yaml", "--only", "team=sales", "-o", "json"]).exits(0).json();
    assert_eq!((idle.as_array().map(Vec::len), &idle[0]["tags"]["team"]), (Some(1), &json!("sales")));
    bench.run(&["idle", "-f", "fleet.yaml", "--only", "team=pizza"]).exits(1).says("team=sales");
    std::fs::remove_file(bench.path().join("fleet.yaml")).expect("removed");
    bench.run(&["idle", "--only", "team=sales"]).exits(1).says("-f");
}

#[test]
fn the_daemon_shows_tags_in_its_state_and_in_few_series() {
    let (_sandbox, bench) = bench();
    let tags: String = (0..40)
        .map(|at| {
            format!("  - {{phone_number: \"+155522320{at:02}\", protect: true, tags: {{batch: b{at}}}}}\n")
        })
        .collect();
    bench.write("fleet.yaml", &format!("{FLEET}{tags}"));
    let args = ["-f", "fleet.yaml", "--interval", "1h", "--dry-run", "--listen", "127.0.0.1:0"];
    let daemon = Daemon::start(&bench, &args);
    daemon.says("serving the status page address=", 1);
    daemon.says("cycle", 1);
    let log = daemon.log();
    let address =
        log.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
    let address = address.trim_matches('"').trim_start_matches("http://").to_owned();
    let metrics = get(&address, "/metrics");
    let series = metrics.lines().filter(|line| line.starts_with("numctl_numbers_by_tag{")).count();
    assert!(metrics.contains("numctl_numbers_by_tag{tag=\"team\",value=\"sales\",condition="), "{metrics}");
    assert!(series <= 25 * 6, "{series}");
    let state = get(&address, "/status.json");
    assert!(state.contains("\"tags\":{\"team\":\"support\"}"), "{state}");
    daemon.stop();
}

fn get(address: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("the daemon");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    answer
}

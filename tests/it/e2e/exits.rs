//! Exit codes, and what goes to which stream.

use super::harness::{Bench, Sandbox};

const CHANGE: &str =
    "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    status_callback: https://a.example/New\n";
const RELEASE: &str = "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    state: released\n";

#[test]
fn each_exit_code_means_one_thing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let plan = bench.plan(CHANGE).exits(0);
    assert_eq!(plan.json()["summary"]["configure"], 1);
    assert_eq!(plan.err, "", "results on stdout, and nothing else said");
    bench.run(&["plan", "--detailed-exitcode", "-f", "fleet.yaml"]).exits(2);
    // Nobody can be asked: an error, and nothing is written.
    bench.run(&["apply", "-f", "fleet.yaml"]).exits(1).says("--yes");
    let asked = bench.run(&["apply", "--format", "json", "-f", "fleet.yaml"]).exits(1);
    assert!(asked.json()["errors"][0]["message"].as_str().is_some_and(|text| text.contains("--yes")));
    assert_eq!(sandbox.writes(), 0);
    bench.apply(CHANGE).exits(0);
    bench.run(&["plan", "--detailed-exitcode", "-f", "fleet.yaml"]).exits(0);
    // Refused by a limit: the plan is still printed, nothing is written.
    let refused = bench.apply(RELEASE).exits(4);
    assert_eq!(refused.json()["refusal"]["broken"][0]["limit"], "max_releases");
    assert_eq!(refused.json()["actions"][0]["kind"], "release");
    assert_eq!(sandbox.count("release"), 0);
    let text = bench.run(&["apply", "--yes", "-f", "fleet.yaml"]).exits(4);
    assert!(text.out.contains("- release +15552230000") && text.out.contains("--accept "), "{}", text.out);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(0).says("max_releases");
    // One action fails.
    sandbox.faults("configure#1+=400/21402");
    let failed = bench.apply(&CHANGE.replace("New", "Newer")).exits(3);
    assert_eq!(failed.outcome("+15552230000"), "failed");
}

#[test]
fn errors_are_1_and_say_nothing_on_stdout() {
    let bench = Bench::alone();
    bench.write("bad.yaml", "version: 1\nnumbers:\n  - phone_nmber: x\n");
    bench.write("good.yaml", CHANGE);
    for args in [
        &["plan"][..],
        &["frobnicate"],
        &["plan", "-f", "good.yaml", "--format", "xml"],
        &["plan", "-f", "good.yaml", "--page-size", "0"],
        &["apply", "-f", "good.yaml", "plan.json"],
        &["apply", "-f", "good.yaml", "--accept", "yes"],
        &["plan", "-f", "missing.yaml"],
        &["plan", "-f", "bad.yaml"],
        &["validate", "-f", "bad.yaml"],
        &["plan", "-f", "good.yaml"],
        &["apply", "good.yaml", "--yes"],
        &["get"],
        &["sandbox", "--faults", "lst-bare"],
    ] {
        let ran = bench.run(args).exits(1);
        assert_eq!(ran.out, "", "{args:?}");
        assert_ne!(ran.err, "", "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["apply", "--help"]] {
        assert_eq!(bench.run(args).exits(0).err, "");
    }
}

#[test]
fn an_api_that_cannot_be_reached_is_an_error() {
    // A port that was free a moment ago: nobody answers there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let bench = Bench::at(&format!("http://{port}"));
    bench.write("fleet.yaml", CHANGE);
    bench.run(&["plan", "-f", "fleet.yaml"]).exits(1).says("could not be reached");
}

#[test]
fn the_sandbox_prints_what_a_client_needs() {
    let (sandbox, _) = Sandbox::start(&[]);
    let names: Vec<_> = sandbox.lines.iter().filter_map(|line| line.split('=').next()).collect();
    assert_eq!(
        names,
        ["NUMCTL_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "NUMCTL_SANDBOX_SUBACCOUNT_SID"]
    );
}

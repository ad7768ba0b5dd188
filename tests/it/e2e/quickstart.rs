//! The newcomer's first command.

use super::harness::Bench;

#[test]
fn the_quickstart_converges_and_its_state_lasts() {
    let bench = Bench::alone();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart.yaml");
    let apply = ["apply", "--sandbox", "--yes", "-f", file];
    let first = bench.run(&apply).exits(0);
    for sign in [
        "+ purchase +12125550100",
        "~ configure +15552230000",
        "> transfer +15552230001",
        "- release +15552230002",
    ] {
        assert!(first.out.contains(sign), "{sign}: {}", first.out);
    }
    assert!(first.out.contains("Apply complete: 5 succeeded"), "{}", first.out);
    let state = bench.read(".numctl/sandbox.json");
    let second = bench.run(&apply).exits(0).says("No changes: everything is as declared.");
    assert!(!second.all().contains("succeeded"), "{}", second.all());
    assert_eq!(bench.read(".numctl/sandbox.json"), state, "a second apply writes nothing");
    bench.run(&["plan", "--sandbox", "--detailed-exitcode", "-f", file]).exits(0);
    let live = bench.run(&["get", "--sandbox", "--format", "json"]).exits(0).json();
    let numbers: Vec<_> =
        live.as_array().expect("an array").iter().map(|row| row["phone_number"].clone()).collect();
    assert_eq!(numbers, ["+12125550100", "+15552230000", "+15552230003"], "the state lasts between runs");
}

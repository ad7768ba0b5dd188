//! How long it takes to begin.

use std::process::Command;

use numctl::model::provider::Api;

use super::binary::binary;
use super::fleet;
use super::measure::{Cost, curl, in_sync, measured, median, numctl};
use super::server::{Link, Server};

const RUNS: usize = 21;
const NUMBERS: usize = 10;

pub(crate) fn run() {
    println!(
        "\nstart: {NUMBERS} numbers, the median of {RUNS}\n\n| command | ms | of curl | peak MiB |\n| --- | --- | --- | --- |"
    );
    rows();
}

/// The rows of that table.
pub(crate) fn rows() {
    let api = Api::ActiveNumbers;
    let servers = [Server::of(api, 0, NUMBERS, Link::default())];
    let folder = fleet::declare(1, NUMBERS);
    let floor = median(RUNS, || curl(api, &servers[0], 0, NUMBERS));
    let of = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments);
        median(RUNS, || measured(&command, None).0)
    };
    let rows: [(&str, Cost); 4] = [
        ("curl of one page", floor),
        ("numctl --version", of(&["--version"])),
        ("numctl validate", of(&["validate", "-f", folder.to_str().expect("a path")])),
        ("numctl plan", median(RUNS, || in_sync(&numctl(api, &servers, &folder), NUMBERS))),
    ];
    for (what, cost) in rows {
        println!(
            "| {what} | {:.1} | {:.2} | {:.0} |",
            cost.wall.as_secs_f64() * 1e3,
            cost.wall.as_secs_f64() / floor.wall.as_secs_f64(),
            cost.peak_mib(),
        );
    }
}

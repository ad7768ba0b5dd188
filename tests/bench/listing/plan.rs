//! A plan over plaintext loopback, against curl, and against the vendor's SDK.

use std::path::{Path, PathBuf};
use std::process::Command;

use numctl::provider::Api;

use super::fleet;
use super::measure::{curl, in_sync, measured, median, numctl};
use super::pages;
use super::server::{Link, Server};

/// What is not per number.
const FIXED: f64 = 30.0 * 1024.0 * 1024.0;

pub(crate) fn run(sizes: &[usize]) {
    let sdk = sdk();
    println!(
        "\nplan: `numctl plan` with its files, over plaintext loopback, all in sync\n\n\
         | API | numbers | MB | curl s | numctl s | of curl | CPU s | µs a number | peak MiB | bytes a number over 30 MiB | SDK s | of the SDK | requests |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for api in [Api::ActiveNumbers, Api::IncomingPhoneNumbers] {
        for &size in sizes {
            let servers = [Server::of(api, 0, size, Link::default())];
            let [server] = &servers;
            let folder = fleet::declare(1, size);
            let runs = if size > 200_000 { 3 } else { 5 };
            let floor = median(runs, || curl(api, server, 0, size));
            server.requests();
            let ours = median(runs, || in_sync(&numctl(api, &servers, &folder), size));
            let requests = server.requests() / runs;
            let sdk = sdk.as_deref().filter(|_| api == Api::IncomingPhoneNumbers).map(|python| {
                let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/listing/sdk.py");
                let mut command = Command::new(python);
                command.arg(script).args([&server.base, &pages::sid(0), &size.to_string()]);
                measured(&command, None).0.wall.as_secs_f64()
            });
            let of_sdk = sdk.map_or("-".to_owned(), |sdk| format!("1/{:.0}", sdk / ours.wall.as_secs_f64()));
            println!(
                "| {} | {size} | {:.0} | {:.3} | {:.3} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {} | {of_sdk} | {requests} |",
                api.name(),
                server.bytes() as f64 / 1e6,
                floor.wall.as_secs_f64(),
                ours.wall.as_secs_f64(),
                ours.wall.as_secs_f64() / floor.wall.as_secs_f64(),
                ours.cpu.as_secs_f64(),
                ours.cpu.as_secs_f64() * 1e6 / size as f64,
                ours.peak as f64 / f64::from(1 << 20),
                (ours.peak as f64 - FIXED).max(0.0) / size as f64,
                sdk.map_or("-".to_owned(), |seconds| format!("{seconds:.2}")),
            );
        }
    }
}

/// The Python that has the vendor's SDK: `NUMCTL_BENCH_PYTHON`, or the one that the tests install.
fn sdk() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients/python/venv/bin/python");
    let python = std::env::var_os("NUMCTL_BENCH_PYTHON").map_or(installed, PathBuf::from);
    if !python.exists() {
        println!("no vendor's SDK: `cargo test --test it real_clients` installs it");
        return None;
    }
    Some(python)
}

/// Shows a fleet until the process is stopped, and says how to plan it.
pub(crate) fn serve(arguments: &[String]) {
    let [api, numbers] = arguments else { return println!("{}", super::USAGE) };
    let (api, numbers) = (Api::parse(api).expect(super::USAGE), numbers.parse().expect(super::USAGE));
    let servers = [Server::of(api, 0, numbers, Link::default())];
    let folder = fleet::declare(1, numbers);
    println!("{:?}", numctl(api, &servers, &folder));
    loop {
        std::thread::park();
    }
}

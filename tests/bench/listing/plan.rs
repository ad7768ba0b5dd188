//! A plan over plaintext loopback, against curl, and against Twilio's SDK.

use std::path::{Path, PathBuf};
use std::process::Command;

use numctl::model::provider::Api;

use super::fleet;
use super::measure::{Cost, curl, in_sync, measured, median, numctl};
use super::pages;
use super::server::{Link, Server};

/// What is not per number.
const FIXED: f64 = 30.0 * 1024.0 * 1024.0;

/// A plan of a fleet that is in sync, and what it is held against.
pub(crate) struct Planned {
    pub(crate) api: Api,
    pub(crate) size: usize,
    /// Of all pages.
    pub(crate) bytes: usize,
    pub(crate) curl: Cost,
    pub(crate) ours: Cost,
    /// Seconds of Twilio's SDK.
    pub(crate) sdk: Option<f64>,
    pub(crate) requests: usize,
}

impl Planned {
    pub(crate) fn of(api: Api, size: usize, link: Link, sdk: Option<&Path>) -> Self {
        let servers = [Server::of(api, 0, size, link)];
        let [server] = &servers;
        let folder = fleet::declare(1, size);
        let runs = if size > 200_000 || link.rate.is_some() { 3 } else { 5 };
        let curl = median(runs, || curl(api, server, 0, size));
        server.requests();
        let ours = median(runs, || in_sync(&numctl(api, &servers, &folder), size));
        let requests = server.requests() / runs;
        let sdk = sdk.filter(|_| api == Api::IncomingPhoneNumbers).map(|python| {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/listing/sdk.py");
            let mut command = Command::new(python);
            command.arg(script).args([&server.base, &pages::sid(0), &size.to_string()]);
            measured(&command, None).0.wall.as_secs_f64()
        });
        Self { api, size, bytes: server.bytes(), curl, ours, sdk, requests }
    }

    pub(crate) fn of_curl(&self) -> f64 {
        self.ours.wall.as_secs_f64() / self.curl.wall.as_secs_f64()
    }

    pub(crate) fn of_sdk(&self) -> String {
        self.sdk.map_or("-".to_owned(), |sdk| format!("1/{:.0}", sdk / self.ours.wall.as_secs_f64()))
    }

    /// Bytes a number over what is fixed.
    pub(crate) fn bytes_each(&self) -> f64 {
        (self.ours.peak as f64 - FIXED).max(0.0) / self.size as f64
    }

    /// Microseconds of processor a number.
    pub(crate) fn cpu_each(&self) -> f64 {
        self.ours.cpu.as_secs_f64() * 1e6 / self.size as f64
    }
}

pub(crate) fn run(sizes: &[usize]) {
    let sdk = sdk();
    println!(
        "\nplan: `numctl plan` with its files, over plaintext loopback, all in sync\n\n\
         | API | numbers | MB | curl s | numctl s | of curl | CPU s | µs a number | peak MiB | bytes a number over 30 MiB | SDK s | of the SDK | requests |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    );
    for api in [Api::ActiveNumbers, Api::IncomingPhoneNumbers] {
        for &size in sizes {
            let planned = Planned::of(api, size, Link::default(), sdk.as_deref());
            println!(
                "| {} | {size} | {:.0} | {:.3} | {:.3} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {} | {} | {} |",
                api.name(),
                planned.bytes as f64 / 1e6,
                planned.curl.wall.as_secs_f64(),
                planned.ours.wall.as_secs_f64(),
                planned.of_curl(),
                planned.ours.cpu.as_secs_f64(),
                planned.cpu_each(),
                planned.ours.peak_mib(),
                planned.bytes_each(),
                planned.sdk.map_or("-".to_owned(), |seconds| format!("{seconds:.2}")),
                planned.of_sdk(),
                planned.requests,
            );
        }
    }
}

/// The Python that has Twilio's SDK: `NUMCTL_BENCH_PYTHON`, or the one that the tests install.
pub(crate) fn sdk() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients/python/venv/bin/python");
    let python = std::env::var_os("NUMCTL_BENCH_PYTHON").map_or(installed, PathBuf::from);
    if !python.exists() {
        println!("no vendor's SDK: `cargo test --test it real_clients` installs it");
        return None;
    }
    Some(python)
}

/// Shows a fleet until the process is stopped, over the link where that is said, and says how to plan it.
pub(crate) fn serve(arguments: &[String]) {
    let (api, numbers, link) = match arguments {
        [api, numbers] => (api, numbers, Link::default()),
        [api, numbers, over] if over == "link" => (api, numbers, Link::GIGABIT),
        _ => return println!("{}", super::USAGE),
    };
    let (api, numbers) = (Api::parse(api).expect(super::USAGE), numbers.parse().expect(super::USAGE));
    let servers = [Server::of(api, 0, numbers, link)];
    let folder = fleet::declare(1, numbers);
    println!("{:?}", numctl(api, &servers, &folder));
    loop {
        std::thread::park();
    }
}

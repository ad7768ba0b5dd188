//! The page of several replicas behind one Service: each connection leads to another one of them, and a
//! view is of one process all the same.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use serde_json::Value;

use super::daemon::Daemon;
use super::harness::Sandbox;
use super::outside::{Outside, program};

const ARGS: [&str; 8] = ["-f", "fleet.yaml", "--interval", "300ms", "--listen", "0", "--lock-dir", "locks"];

/// Leads each connection to the next of these, as a Service does; says where it listens.
fn service(backends: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for (at, inside) in listener.incoming().enumerate() {
            let Ok(inside) = inside else { continue };
            // One that is gone is left out.
            let mut order = (0..backends.len()).map(|more| &backends[(at + more) % backends.len()]);
            let Some(outside) = order.find_map(|backend| TcpStream::connect(backend).ok()) else { continue };
            for (from, to) in [(&inside, &outside), (&outside, &inside)] {
                let (from, to) = (from.try_clone().expect("a handle"), to.try_clone().expect("a handle"));
                thread::spawn(move || carry(from, to));
            }
        }
    });
    address
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // Either may be closed already.
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn fleet() -> &'static str {
    "version: 1\nnumbers:\n  - {phone_number: \"+15552230000\", friendly_name: New}\n"
}

/// One that writes, and one that stands by.
fn two() -> (Sandbox, super::harness::Bench, [(Daemon, Outside); 2]) {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", fleet());
    let first = Daemon::start(&bench, &ARGS);
    let writer = Outside::of(&first);
    writer.until("in sync", |status| status["state"] == "in_sync");
    let second = Daemon::start(&bench, &ARGS);
    let warm = Outside::of(&second);
    warm.until("standing by", |status| status["state"] == "standing_by");
    (sandbox, bench, [(first, writer), (second, warm)])
}

#[test]
fn what_one_process_answers_is_never_taken_for_anothers() {
    let (_sandbox, _bench, [(first, writer), (second, warm)]) = two();
    let names: Vec<Value> =
        [&writer, &warm].iter().map(|outside| outside.status()["process"].clone()).collect();
    assert!(names.iter().all(|name| name.as_str().is_some_and(|name| !name.is_empty())), "{names:?}");
    assert_ne!(names[0], names[1]);
    let own = names[0].as_str().expect("a name");
    let short = |path: &str| serde_json::from_str::<Value>(&writer.get(path)).expect("JSON");
    let version = short("/numbers.json")["version"].as_u64().expect("a version");
    // Its own version is followed; that of another process says nothing here.
    let ours = short(&format!("/numbers.json?since={version}&process={own}"));
    assert_eq!((&ours["whole"], &ours["state"]["process"]), (&false.into(), &names[0]));
    let theirs = short(&format!("/numbers.json?since={version}&process=another"));
    assert_eq!((&theirs["whole"], theirs["numbers"].as_array().map(Vec::len)), (&true.into(), Some(1)));
    assert_eq!(writer.probe("/events?process=another"), 409);
    first.stop();
    second.stop();
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_view_is_of_one_process_behind_a_service() {
    let browser = program(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(browser), Some(node)) = (browser, program(&["node"])) else {
        eprintln!("skipped: there is no Chromium, or no node (apt-get install chromium nodejs)");
        return;
    };
    let (_sandbox, _bench, [(first, writer), (second, warm)]) = two();
    let name = |outside: &Outside| outside.status()["process"].as_str().expect("a name").to_owned();
    let names = [name(&writer), name(&warm)];
    // The one that stands by answers first.
    let service = service([&warm, &writer].map(|outside| outside.address().to_owned()).into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/replicas.mjs");
    let mut command = Command::new(node);
    command.args([script, &browser, &format!("http://{service}/"), &names[0], &names[1]]);
    command.arg(first.pid().to_string());
    let ran = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{}\n{text}", String::from_utf8_lossy(&ran.stdout));
    first.end().exits(0);
    second.stop();
}

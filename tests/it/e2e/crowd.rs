//! `--listen` under a crowd: connections that say nothing, that never end a sentence, that stop listening.
//! The work continues, and whoever asks properly is answered.
#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::harness::Sandbox;
use super::outside::Outside;

const NUMBER: &str = "+15552230000";
const ARGS: [&str; 6] = ["-f", "fleet.yaml", "--interval", "1h", "--listen", "0"];

fn named(name: &str) -> String {
    format!("version: 1\nnumbers:\n  - {{phone_number: \"{NUMBER}\", friendly_name: {name}}}\n")
}

#[track_caller]
fn becomes(sandbox: &Sandbox, name: &str, daemon: &Daemon) {
    let begin = Instant::now();
    while sandbox.number(NUMBER).expect("live")["friendly_name"] != name {
        assert!(begin.elapsed() < Duration::from_secs(20), "not {name}:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn connections(outside: &Outside, count: usize, say: &str) -> Vec<TcpStream> {
    let connect = |_| {
        let mut stream = TcpStream::connect(outside.address()).expect("the listener");
        // It may be closed already, for one that came after it.
        let _ = stream.write_all(say.as_bytes());
        stream
    };
    (0..count).map(connect).collect()
}

/// Whether the other end has closed it, at the latest in this time.
fn is_closed(stream: &mut TcpStream, within: Duration) -> bool {
    stream.set_read_timeout(Some(within)).expect("set");
    let mut bytes = [0; 1 << 16];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        }
    }
}

fn open_descriptors(daemon: &Daemon) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).expect("Linux").count()
}

/// In KiB.
fn memory(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("KiB")
}

#[test]
fn connections_that_say_nothing_keep_no_descriptor_from_the_work() {
    for say in ["", "GET /status.json HTTP/1.1\r\nHost: loc"] {
        let (sandbox, bench) = Sandbox::start(&[]);
        bench.write("fleet.yaml", &named("One"));
        let daemon = Daemon::with_descriptors(&bench, 128, &ARGS);
        let outside = Outside::of(&daemon);
        becomes(&sandbox, "One", &daemon);
        let mut idle = connections(&outside, 200, say);
        assert!(open_descriptors(&daemon) < 80, "{}", open_descriptors(&daemon));
        bench.write("fleet.yaml", &named("Two"));
        becomes(&sandbox, "Two", &daemon);
        // Whoever comes last is let in, and so is whoever asks properly.
        for path in ["/healthz", "/readyz", "/metrics", "/status.json"] {
            assert_eq!(outside.probe(path), 200, "{path}");
        }
        let begin = Instant::now();
        assert!(idle.iter_mut().all(|stream| is_closed(stream, Duration::from_secs(15))));
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert!(open_descriptors(&daemon) < 40, "{}", open_descriptors(&daemon));
        let ran = daemon.stop();
        assert!(!ran.err.contains("not valid") && !ran.err.contains("not used"), "{}", ran.err);
    }
}

#[test]
fn thousands_of_half_requests_cost_next_to_nothing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let daemon = Daemon::start(&bench, &ARGS);
    let outside = Outside::of(&daemon);
    becomes(&sandbox, "One", &daemon);
    let before = memory(&daemon);
    let say = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(8_000));
    let mut open = Vec::new();
    for _ in 0..25 {
        // As many as this process may have open itself.
        open = connections(&outside, 100, &say);
    }
    assert_eq!(outside.probe("/healthz"), 200);
    assert!(memory(&daemon) < before + (16 << 10), "{before} and {} KiB", memory(&daemon));
    drop(open);
    daemon.stop();
}

fn fleet(numbers: usize) -> String {
    let lines = (0..numbers).map(|at| {
        format!("  - {{phone_number: \"+1555{:07}\", friendly_name: {}}}\n", 2_230_000 + at, "n".repeat(60))
    });
    format!("version: 1\nnumbers:\n{}", lines.collect::<String>())
}

#[test]
fn readers_that_stop_reading_are_bounded_and_others_are_served() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "4000"]);
    bench.write("fleet.yaml", &fleet(4_000));
    let daemon = Daemon::start(&bench, &[&ARGS[..], &["--dry-run"]].concat());
    let outside = Outside::of(&daemon);
    daemon.says(" cycle", 1);
    let whole = outside.get("/status.json");
    let before = memory(&daemon);
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let slow = connections(&outside, 100, &ask("/status.json"));
    let slower = connections(&outside, 100, &ask("/numbers.json"));
    std::thread::sleep(Duration::from_millis(500));
    assert!(memory(&daemon) < before + (16 << 10), "{before} and {} KiB", memory(&daemon));
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(outside.probe(path), 200, "{path}");
    }
    drop((slow, slower));
    // Many who do read are all served, with the same.
    let lengths: Vec<usize> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..30).map(|_| scope.spawn(|| outside.get("/status.json").len())).collect();
        readers.into_iter().map(|reader| reader.join().expect("served")).collect()
    });
    assert!(lengths.iter().all(|length| length.abs_diff(whole.len()) < 100), "{lengths:?}");
    daemon.stop();
}

#[test]
fn a_name_is_answered_where_the_operator_gave_it() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let args = ["-f", "fleet.yaml", "--interval", "1h", "--listen", "0.0.0.0:0"];
    let daemon = Daemon::start(&bench, &args);
    let outside = Outside::of(&daemon);
    becomes(&sandbox, "One", &daemon);
    for host in
        ["rebound.example", "rebound.example:9797", "localhost.example", "10.0.0.1.example", "[::1].x"]
    {
        let (status, body) = outside.as_host("/status.json", host);
        assert_eq!(status, 421, "{host}");
        assert!(body.contains("--listen-host"), "{body}");
    }
    for host in ["10.1.2.3:9797", "[::1]:9797", "localhost", "LOCALHOST:9797"] {
        assert_eq!(outside.as_host("/status.json", host).0, 200, "{host}");
    }
    daemon.stop();
    let named = ["--listen-host", "numctl.example.com", "--allow-host", "numctl.numctl.svc"];
    for listen in ["0.0.0.0:0", "127.0.0.1:0"] {
        let args = [&["-f", "fleet.yaml", "--interval", "1h", "--listen", listen][..], &named].concat();
        let daemon = Daemon::start(&bench, &args);
        let outside = Outside::of(&daemon);
        for host in ["numctl.example.com", "Numctl.Example.com:443", "numctl.numctl.svc:9797"] {
            assert_eq!(outside.as_host("/status.json", host).0, 200, "{host}");
        }
        assert_eq!(outside.as_host("/status.json", "example.com").0, 421);
        daemon.stop();
    }
    let bad = [&args[..], &["--listen-host", "https://numctl.example.com/"]].concat();
    bench.run(&[&["run"], &bad[..]].concat()).exits(1).says("without scheme and port");
}

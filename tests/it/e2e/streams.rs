//! Streams that nobody reads, logs that machines read, and signals that are always obeyed.

use std::io::{PipeReader, Read as _, Write as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::daemon::Daemon;
use super::harness::{Bench, Running, Sandbox};

/// What a pipe holds on Linux.
const PIPE_BYTES: usize = 64 << 10;

/// A pipe that is full, and whose reader does not read.
fn full() -> (PipeReader, Stdio) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(&[b'x'; PIPE_BYTES]).expect("filled");
    (reader, writer.into())
}

fn named(name: &str) -> String {
    format!("version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: {name}}}\n")
}

#[track_caller]
fn until(what: &str, done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Ends within a few seconds of `signals`, each a moment after the one before; says with what.
#[track_caller]
fn ends(running: &mut Running, signals: &[&str]) -> Option<i32> {
    for (at, signal) in signals.iter().enumerate() {
        if at > 0 {
            std::thread::sleep(Duration::from_millis(200));
        }
        running.signal(signal);
    }
    let begin = Instant::now();
    loop {
        if let Some(status) = running.child.try_wait().expect("a status") {
            return status.code();
        }
        assert!(begin.elapsed() < Duration::from_secs(8), "{signals:?} did not end it");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn is_called(sandbox: &Sandbox, name: &str) -> bool {
    sandbox.number("+15552230000").is_some_and(|number| number["friendly_name"] == name)
}

#[test]
fn a_log_that_nobody_reads_stops_no_daemon() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let (_reader, stderr) = full();
    let args = ["run", "-vvv", "-f", "fleet.yaml", "--interval", "100ms", "--journal", "none"];
    let mut daemon = Running { child: bench.command(&args).stderr(stderr).spawn().expect("it starts") };
    until("the first cycle", || is_called(&sandbox, "One"));
    bench.write("fleet.yaml", &named("Two"));
    until("another file", || is_called(&sandbox, "Two"));
    let listed = sandbox.count("list");
    until("cycles go on", || sandbox.count("list") > listed + 20);
    assert_eq!(ends(&mut daemon, &["TERM"]), Some(0));
}

#[test]
fn lines_that_nobody_read_are_counted_in_the_log_and_the_metrics() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "3000"]);
    // So many actions log more than is kept for a reader.
    let export = bench.run(&["export"]).exits(0);
    let policy = "version: 1\npolicy: { max_changes: 100% }\n";
    let fleet = export.out.replace("demo.twilio.com", "other.example.com");
    assert!(fleet.contains("other.example.com"));
    let has_policy = fleet.contains("\npolicy:");
    bench.write("fleet.yaml", &if has_policy { fleet } else { fleet.replacen("version: 1\n", policy, 1) });
    let (mut reader, stderr) = full();
    let args =
        ["run", "-f", "fleet.yaml", "--interval", "100ms", "--journal", "none", "--listen", "127.0.0.1:0"];
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let address = port.to_string();
    let args = [&args[..7], &["--listen", &address]].concat();
    let mut command = bench.command(&args);
    command.env("NUMCTL_LOG", "trace");
    let mut daemon = Running { child: command.stderr(stderr).spawn().expect("it starts") };
    // It has an end of the pipe, too.
    drop(command);
    let dropped = || {
        let Ok(mut stream) = std::net::TcpStream::connect(port) else { return 0.0 };
        let mut text = String::new();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .expect("asked");
        let _ = stream.read_to_string(&mut text);
        let sample = text.lines().find_map(|line| line.strip_prefix("numctl_log_lines_dropped_total "));
        sample.and_then(|value| value.trim().parse::<f64>().ok()).unwrap_or(0.0)
    };
    until("lines are dropped", || dropped() > 0.0);
    // Somebody reads again: what was lost is told in its place.
    let told = std::thread::spawn(move || {
        let mut text = Vec::new();
        let mut bytes = vec![0; 1 << 16];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            text.extend_from_slice(&bytes[..read]);
        }
        String::from_utf8_lossy(&text).contains("log lines were dropped because stderr was not read in time")
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ends(&mut daemon, &["TERM"]), Some(0));
    assert!(told.join().expect("read"));
}

#[test]
fn a_plan_that_nobody_reads_stops_no_daemon() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let refused = named("One").replace("numbers:", "policy: { max_changes: 0 }\nnumbers:");
    bench.write("fleet.yaml", &refused);
    let (_reader, stdout) = full();
    let args = ["run", "-f", "fleet.yaml", "--interval", "200ms", "--journal", "none"];
    let mut daemon = Running { child: bench.command(&args).stdout(stdout).spawn().expect("it starts") };
    let _stderr = daemon.stderr();
    until("cycles go on", || sandbox.count("list") > 5);
    bench.write("fleet.yaml", &named("Two"));
    until("another file", || is_called(&sandbox, "Two"));
    assert_eq!(ends(&mut daemon, &["TERM"]), Some(0));
}

/// The plan is its result: it waits for a reader, and for nobody who says stop.
#[test]
fn a_result_waits_for_its_reader_and_obeys_signals() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One").replace("numbers:", "policy: { max_changes: 0 }\nnumbers:"));
    let once = ["run", "--once", "-f", "fleet.yaml", "--journal", "none"];
    let apply = ["apply", "--yes", "--format", "json", "-f", "fleet.yaml", "--journal", "none"];
    let (mut reader, stdout) = full();
    let mut running = Running { child: bench.command(&once).stdout(stdout).spawn().expect("it starts") };
    until("the look", || sandbox.count("list") > 0);
    std::thread::sleep(Duration::from_millis(500));
    assert!(running.child.try_wait().expect("a status").is_none(), "the plan was not written");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("read");
    assert!(text.contains("+15552230000"), "{}", text.trim_start_matches('x'));
    assert_eq!(running.end().code, Some(4));
    // Nobody ever reads: a signal to stop ends it.
    let (_reader, stdout) = full();
    let mut running = Running { child: bench.command(&once).stdout(stdout).spawn().expect("it starts") };
    until("the look", || sandbox.count("list") > 1);
    // By now it waits for the reader.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(ends(&mut running, &["TERM", "TERM"]), Some(3));
    // The report comes after the deeds.
    bench.write("fleet.yaml", &named("One"));
    let (_reader, stdout) = full();
    let mut running = Running { child: bench.command(&apply).stdout(stdout).spawn().expect("it starts") };
    until("the write", || is_called(&sandbox, "One"));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ends(&mut running, &["TERM"]), Some(3));
}

#[test]
fn an_apply_whose_progress_nobody_reads_is_carried_through() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let (_reader, stderr) = full();
    let args = ["apply", "--yes", "-vvv", "-f", "fleet.yaml", "--journal", "none"];
    let mut running = Running { child: bench.command(&args).stderr(stderr).spawn().expect("it starts") };
    let mut out = String::new();
    running.child.stdout.take().expect("stdout").read_to_string(&mut out).expect("read");
    assert!(is_called(&sandbox, "One") && out.contains("1 succeeded"), "{out}");
}

#[test]
fn a_filter_that_says_nothing_silences_nothing_and_one_that_is_wrong_is_named() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let run = |filter: &str| {
        let mut command = bench.command(&["run", "--once", "-f", "fleet.yaml", "--journal", "none"]);
        let output = command.env("NUMCTL_LOG", filter).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    for filter in ["", " ", "hyper=trace"] {
        let (code, err) = run(filter);
        assert!(code == Some(0) && err.contains("INFO cycle"), "{filter:?}: {err}");
    }
    for filter in ["warning", "verbose", "info,warning", "numctl=loud"] {
        let (code, err) = run(filter);
        assert!(code == Some(1) && err.contains("NUMCTL_LOG") && err.contains(filter), "{filter:?}: {err}");
    }
    assert_eq!(run("off"), (Some(0), String::new()));
}

#[test]
fn a_json_log_is_json_in_every_line() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    bench.write("bad.yaml", "version: 1\nnumbers:\n  - phone_number: \"+1555\"\n");
    let json = |args: &[&str], code: i32, part: &str| {
        let ran = bench.run(&[args, &["--log-format", "json"]].concat()).exits(code);
        let lines: Vec<Value> = ran
            .err
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{args:?}: {error}: {line}"))
            })
            .collect();
        for line in &lines {
            assert!(line["timestamp"].is_string() && line["level"].is_string(), "{line}");
        }
        let says = |line: &Value| line["fields"]["message"].as_str().is_some_and(|text| text.contains(part));
        assert!(lines.iter().any(says), "{args:?}: no {part:?} in\n{}", ran.err);
    };
    json(&["run", "--once", "-f", "fleet.yaml", "-vv"], 0, "cycle");
    json(&["run", "-f", "bad.yaml"], 1, "has 3 digits");
    json(&["run", "-f", "missing.yaml"], 1, "missing.yaml");
    json(&["run", "--nonsense"], 1, "--nonsense");
    json(&["run", "-f", "fleet.yaml", "--interval", "1ns"], 1, "100ms");
    json(&["validate", "-f", "bad.yaml"], 1, "has 3 digits");
    json(&["plan", "-f", "bad.yaml"], 1, "bad.yaml:3:19");
    json(&["apply", "--yes", "-f", "fleet.yaml", "--accept", "x"], 1, "--accept");
    bench.write("fleet.yaml", &named("Two"));
    json(&["apply", "--yes", "-f", "fleet.yaml"], 0, "[1/1]");
    json(&["apply", "-f", "fleet.yaml", "-f", "nothing.yaml"], 1, "nothing.yaml");
}

#[test]
fn an_interval_has_a_floor_and_a_ceiling_and_says_so() {
    let bench = Bench::alone();
    for interval in ["1ns", "99ms", "0s", "31d", "100000000000y"] {
        bench.run(&["run", "-f", "fleet.yaml", "--interval", interval]).exits(1).says("--interval");
    }
    bench.run(&["run", "-f", "fleet.yaml", "--interval", "1ms"]).exits(1).says("from 100ms to 30d");
    let help = bench.run(&["run", "--help"]).exits(0);
    assert!(help.out.contains("from 100ms to 30d"), "{}", help.out);
}

/// From the first moment of `main` on: what kills a process that has not got so far is out of reach.
#[test]
fn signals_of_a_daemon_that_is_starting_are_kept() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    for signal in ["HUP", "USR1", "USR2"] {
        let mut daemon = bench.spawn(&["run", "-f", "fleet.yaml", "--interval", "1h", "--journal", "none"]);
        // Linux tells in SigCgt which signals have a handler: nothing else has to have happened.
        let status = format!("/proc/{}/status", daemon.child.id());
        until("handlers", || {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
            // HUP, USR1, USR2, TERM.
            [1, 10, 12, 15].iter().all(|signal| mask & (1 << (signal - 1)) != 0)
        });
        daemon.signal(signal);
        std::thread::sleep(Duration::from_millis(100));
        assert!(daemon.child.try_wait().expect("a status").is_none(), "{signal}");
        assert_eq!(ends(&mut daemon, &["TERM"]), Some(0));
    }
}

#[test]
fn systemd_hears_that_it_is_ready_that_it_moves_and_that_it_stops() {
    use std::os::unix::net::UnixDatagram;
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let path = bench.path().join("notify");
    let systemd = UnixDatagram::bind(&path).expect("a socket");
    systemd.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let mut command = bench.command(&["run", "-f", "fleet.yaml", "--interval", "1h", "--journal", "none"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    let mut daemon = Running { child: command.spawn().expect("it starts") };
    let heard = || {
        let mut bytes = [0; 64];
        let read = systemd.recv(&mut bytes).expect("a datagram");
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    };
    let mut all = Vec::new();
    while all.iter().filter(|state| *state == "WATCHDOG=1").count() < 3
        || !all.contains(&"READY=1".to_owned())
    {
        all.push(heard());
    }
    daemon.signal("TERM");
    while heard() != "STOPPING=1" {}
    assert_eq!(ends(&mut daemon, &[]), Some(0));
    // It does not start without the one that it is to tell.
    bench.write("fleet.yaml", &named("Two"));
    let mut command = bench.command(&["run", "-f", "fleet.yaml"]);
    let ended = command.env("NOTIFY_SOCKET", "/nowhere/notify").output().expect("it runs");
    assert_eq!(ended.status.code(), Some(1));
}

/// A disk that hangs, as far as `strace` is there to make one: whatever the loop is stuck in, it says so, and
/// signals end it.
#[test]
fn a_loop_that_is_stuck_in_a_disk_says_so_and_obeys_signals() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let args = ["run", "-f", "fleet.yaml", "--interval", "1s", "--journal", "j", "--listen"];
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let plain = bench.command(&[&args[..], &[&port.to_string()]].concat());
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "inject=fsync,fdatasync:delay_enter=60s", "--"]);
    strace.arg(plain.get_program()).args(plain.get_args()).env_clear().current_dir(bench.path());
    strace
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("PATH", "/usr/bin:/bin");
    let Ok(strace) = strace.stdout(Stdio::null()).stderr(Stdio::piped()).spawn() else { return };
    let mut strace = Running { child: strace };
    let mut stderr = strace.stderr();
    let healthz = || {
        let Ok(mut stream) = std::net::TcpStream::connect(port) else { return String::new() };
        let mut text = String::new();
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {port}\r\nConnection: close\r\n\r\n").expect("asked");
        let _ = stream.read_to_string(&mut text);
        text
    };
    let begin = Instant::now();
    while !healthz().contains("200 OK") {
        if begin.elapsed() > Duration::from_secs(15) || strace.child.try_wait().is_ok_and(|end| end.is_some())
        {
            // It may not trace here.
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    until("healthz", || healthz().contains("503"));
    assert_eq!(sandbox.writes(), 0, "what is not written down is not sent");
    let children = format!("/proc/{0}/task/{0}/children", strace.child.id());
    let pid = std::fs::read_to_string(children).expect("children").trim().to_owned();
    let sent = std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
    assert!(sent.success());
    let begin = Instant::now();
    let mut log = String::new();
    while !log.contains("did not stop in time") {
        let mut bytes = [0; 4096];
        let read = stderr.read(&mut bytes).expect("read");
        assert!(read > 0 && begin.elapsed() < Duration::from_secs(8), "{log}");
        log.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}

/// A program that writes its log beside the fleet has nothing read.
#[test]
fn files_beside_the_fleet_cost_nothing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let notes = "# a note: lorem ipsum dolor sit amet\n".repeat(40_000);
    bench.write("fleet.yaml", &(named("One") + &notes));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1h", "--journal", "none"]);
    daemon.says(" cycle ", 1);
    let stat = format!("/proc/{}/io", daemon.pid());
    let read = || {
        let text = std::fs::read_to_string(&stat).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
        line.and_then(|bytes| bytes.trim().parse::<u64>().ok()).expect("rchar")
    };
    let before = read();
    let mut log = std::fs::File::create(bench.path().join("app.log")).expect("made");
    for _ in 0..200 {
        writeln!(log, "a line").expect("written");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(read() - before < notes.len() as u64, "the fleet was read for every line");
    // The fleet itself is still watched.
    bench.write("fleet.yaml", &named("Two"));
    until("the fleet's own change", || is_called(&sandbox, "Two"));
    daemon.stop();
}

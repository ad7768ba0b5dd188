//! Files and answers that mean harm: refused in clear words, promptly, and in little memory.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

use super::harness::{Bench, Canned, Ran, answer};

/// More than numctl needs for a small fleet, and far less than any of the bombs here comes to.
const LITTLE_MIB: u64 = 100;

/// Far longer than anything here takes, unless it does not end.
const SOON: Duration = Duration::from_secs(60);

/// Runs something that is refused: with an error of ours on stderr, soon, and in so much memory.
#[track_caller]
fn refused(bench: &Bench, command: Command, mib_max: u64, what: &str) -> Ran {
    let begin = Instant::now();
    let (ran, mib) = bench.weigh(command);
    let ran = ran.exits(1);
    assert!(mib <= mib_max, "{mib} MiB for {what}");
    assert!(begin.elapsed() < SOON, "{:?} for {what}", begin.elapsed());
    assert!(ran.err.contains("error") && !ran.err.contains("panicked"), "{what}: {}", ran.err);
    assert!(ran.all().len() < 20_000, "{} bytes of output for {what}", ran.all().len());
    ran
}

fn fifo(bench: &Bench, name: &str) {
    assert!(Command::new("mkfifo").arg(bench.path().join(name)).status().expect("mkfifo").success());
}

#[test]
fn what_is_no_file_or_has_no_end_is_not_read() {
    let bench = Bench::at("http://127.0.0.1:9");
    fifo(&bench, "pipe.yaml");
    let links = bench.path().join("links");
    std::fs::create_dir(&links).expect("made");
    symlink("/dev/zero", links.join("zero.yaml")).expect("linked");
    symlink("loop.yaml", links.join("loop.yaml")).expect("linked");
    symlink("nowhere", links.join("dangling.yaml")).expect("linked");
    symlink("../pipe.yaml", links.join("pipe.yaml")).expect("linked");
    symlink("..", links.join("folder.yaml")).expect("linked");
    bench.write(
        "by-file.yaml",
        "version: 1\naccounts: {main: {sid: ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, credentials: {file: pipe.yaml}}}\n",
    );
    // 200 MB and more, of which the disk holds nothing.
    for (name, bytes) in
        [("large.yaml", 200_000_000), ("large.json", 200_000_000), ("plan.json", 300_000_000)]
    {
        File::create(bench.path().join(name)).expect("made").set_len(bytes).expect("grown");
    }
    for (args, says) in [
        (&["validate", "-f", "large.yaml"][..], "large.yaml:1:1"),
        (&["plan", "-f", "large.json"], "larger than 64 MiB"),
        (&["run", "--once", "-f", "large.yaml"], "larger than 64 MiB"),
        (&["apply", "--yes", "plan.json"], "plan.json: the file is larger than 256 MiB"),
        (&["validate", "-f", "/dev/zero"], "not a regular file"),
        (&["plan", "-f", "pipe.yaml"], "not a regular file"),
        (&["run", "-f", "pipe.yaml"], "not a regular file"),
        (&["apply", "--yes", "/dev/zero"], "/dev/zero: this is not a regular file"),
        (&["apply", "--yes", "pipe.yaml"], "pipe.yaml: this is not a regular file"),
        (&["apply", "--yes", "links"], "links: this is not a regular file"),
        (&["get", "-f", "/dev/zero"], "not a regular file"),
        // Some say that they are regular files, and wait at their end for more.
        (&["validate", "-f", "/proc/kmsg"], "/proc/kmsg"),
        (&["run", "-f", "/proc/kmsg"], "/proc/kmsg"),
        (&["apply", "--yes", "/proc/kmsg"], "/proc/kmsg"),
        (&["history", "--journal", "/proc/kmsg"], "/proc/kmsg"),
        (&["history", "--journal", "pipe.yaml"], "not a regular file"),
        (&["get", "--ca-file", "pipe.yaml"], "not a regular file"),
        (&["sandbox", "--listen", "127.0.0.1:0", "--state", "pipe.yaml"], "not a regular file"),
        (&["get", "-f", "by-file.yaml", "--credentials-dir", "."], "not a regular file"),
        (&["export", "-f", "large.yaml"], "larger than 64 MiB"),
    ] {
        let ran = refused(&bench, bench.command(args), LITTLE_MIB, &format!("{args:?}"));
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    // Each of the links, and none of them read.
    let ran = refused(&bench, bench.command(&["validate", "-f", "links"]), LITTLE_MIB, "links");
    for part in ["zero.yaml", "loop.yaml", "dangling.yaml", "pipe.yaml"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    // Each within the limit for one, and too much together.
    let many = bench.path().join("many");
    std::fs::create_dir(&many).expect("made");
    for at in 0..6 {
        File::create(many.join(format!("{at}.yaml"))).expect("made").set_len(60_000_000).expect("grown");
    }
    let ran = refused(&bench, bench.command(&["validate", "-f", "many"]), LITTLE_MIB + 300, "many files");
    assert!(ran.err.contains("together are larger than 256 MiB"), "{}", ran.err);
    // A pipe that never ends is given up at the limit.
    let mut endless = bench.command(&["validate", "-f", "-"]);
    endless.stdin(File::open("/dev/zero").expect("opened"));
    let ran = refused(&bench, endless, LITTLE_MIB + 200, "stdin");
    assert!(ran.err.contains("larger than 64 MiB"), "{}", ran.err);
}

#[test]
fn bombs_in_files_are_refused_before_they_go_off() {
    let bench = Bench::at("http://127.0.0.1:9");
    let head = "version: 1\nnumbers:\n";
    let scalar = "x".repeat(100_000);
    let mut doubling = "version: 1\nprofiles:\n  p0: &p0 {voice: {url: \"https://a.example/\"}}\n".to_owned();
    for at in 1..60 {
        writeln!(doubling, "  p{at}: &p{at} [{}]", vec![format!("*p{}", at - 1); 9].join(", "))
            .expect("written");
    }
    let digits = "9".repeat(1_000_000);
    let long = "a".repeat(8 << 20);
    let bombs: Vec<(&str, String)> = vec![
        ("doubling.yaml", doubling),
        (
            "quadratic.yaml",
            format!("version: 1\nx: &x {scalar}\nnumbers: [{}]\n", vec!["*x"; 2_000].join(", ")),
        ),
        ("flow.yaml", format!("{head}  - {}", "[".repeat(1_000_000))),
        ("maps.yaml", format!("{head}  - {}", "{a: ".repeat(300_000))),
        ("blocks.yaml", format!("{head}  {}\n", "- ".repeat(500_000))),
        ("keys.yaml", format!("{head}  {}\n", "? ".repeat(200_000))),
        (
            "indents.yaml",
            (0..1_500).fold(head.to_owned(), |text, at| format!("{text}{}a:\n", " ".repeat(at + 2))),
        ),
        ("deep.json", format!("{{\"version\": 1, \"numbers\": {}", "[".repeat(5_000_000))),
        (
            "deep_after.json",
            format!("{{\"versio\": 1, \"numbers\": {}{}}}", "[".repeat(500_000), "]".repeat(500_000)),
        ),
        ("digits.yaml", format!("{head}  - phone_number: {digits}\n")),
        ("digits.json", format!("{{\"version\": 1, \"numbers\": [{{\"phone_number\": {digits}}}]}}")),
        ("version.json", format!("{{\"version\": {digits}}}")),
        ("limit.yaml", format!("version: 1\npolicy: {{max_releases: {digits}}}\nnumbers: []\n")),
        ("line.yaml", format!("{head}  - phone_number: \"{long}\"\n")),
        ("line.json", format!("{{\"version\": 1, \"{long}\": 1}}")),
        ("nul.yaml", format!("{head}  - phone_number: \"+1555\0\"\n")),
        (
            "escaped_nul.yaml",
            format!("{head}  - {{phone_number: \"+15552230000\", friendly_name: \"a\\0b\"}}\n"),
        ),
        ("bidi.yaml", format!("{head}  - phone_number: \"\u{202e}+15552230000\u{61c}\"\n")),
        ("anchors.yaml", (0..100_000).fold(head.to_owned(), |text, at| text + &format!("  - &a{at} x\n"))),
        ("tags.yaml", format!("{head}  - !!binary {}\n", "A".repeat(100_000))),
        ("directives.yaml", format!("%YAML 1.2\n%TAG ! tag:evil.example,2000:\n---\n{head}  - !x y\n")),
    ];
    for (name, text) in &bombs {
        let mib = LITTLE_MIB + 30 * (text.len() as u64 >> 20);
        bench.write(name, text);
        let ran = refused(&bench, bench.command(&["validate", "-f", name]), mib, name);
        assert!(ran.err.contains(&format!("{name}:")), "{name} has no place: {}", ran.err);
        assert!(ran.err.chars().all(|c| c == '\n' || !c.is_control()), "{name}: {:?}", ran.err);
    }
    for (name, bytes) in [
        ("utf16.yaml", "version: 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
        ("latin1.yaml", b"version: 1\nnumbers: [{friendly_name: Z\xfcrich}]\n".to_vec()),
        ("cut_char.yaml", b"version: 1\n# \xf0\x9f\x98".to_vec()),
    ] {
        std::fs::write(bench.path().join(name), bytes).expect("written");
        let ran = refused(&bench, bench.command(&["validate", "-f", name]), LITTLE_MIB, name);
        assert!(ran.err.contains("UTF-8"), "{}", ran.err);
    }
    // The same for a saved plan.
    let deep =
        format!("{{\"kind\":\"numctl-plan\",\"format_version\":1,\"actions\":{}", "[".repeat(5_000_000));
    for (name, text) in [
        ("deep_plan.json", deep),
        ("digits_plan.json", format!("{{\"kind\":\"numctl-plan\",\"format_version\":{digits}}}")),
        ("line_plan.json", format!("{{\"kind\":\"numctl-plan\",\"format_version\":1,\"{long}\":1}}")),
        (
            "key_plan.json",
            "{\"kind\":\"numctl-plan\",\"format_version\":1,\"\u{9b}31m\\u001b[31m\\n\u{202e}\":1}".into(),
        ),
        ("nul_plan.json", "{\"kind\":\"numctl-plan\",\"format_version\":1,\"digest\":\"\0\"}".into()),
    ] {
        bench.write(name, &text);
        let ran = refused(&bench, bench.command(&["apply", "--yes", name]), LITTLE_MIB + 60, name);
        let acting = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(ran.err.contains(name) && !ran.err.contains(acting), "{name}: {:?}", ran.err);
    }
    // A name is text from outside, too.
    let ran = bench.run(&["apply", "--yes", "\u{1b}[31m\u{202e}plan.json"]).exits(1);
    assert!(!ran.err.contains(['\u{1b}', '\u{202e}']), "{:?}", ran.err);
    let ran = bench.run(&["validate", "-f", "\u{1b}[31m\u{202e}.yaml"]).exits(1);
    assert!(!ran.err.contains(['\u{1b}', '\u{202e}']), "{:?}", ran.err);
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/// One chunk of a body in HTTP's chunked coding.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// The start of a gzip file of one space, and what makes 16,512 more of every 104 bytes after it,
/// without end: matches of 258 bytes at a distance of 1, in the code that deflate fixes.
fn gzip_bomb() -> (Vec<u8>, Vec<u8>) {
    let mut bits = Vec::new();
    // Not the last block, and of the fixed code; then a space, code by code, the highest bit first.
    bits.extend([0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    let one = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let pack = |bits: &[u8]| -> Vec<u8> {
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | bit)).collect()
    };
    // Up to the next whole byte, 13 bits at a time: the rhythm repeats after 13 bytes.
    while bits.len() % 8 != 0 {
        bits.extend(one);
    }
    let more = pack(&one.repeat(64));
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    ([&header[..], &pack(&bits)].concat(), more)
}

/// Writes the same again and again until nobody reads; says how much that was.
fn flood(stream: &mut TcpStream, bytes: &[u8]) {
    while stream.write_all(bytes).is_ok() {}
}

/// A whole answer.
fn say(stream: &mut TcpStream, status: u16, body: &str) {
    // The client may have gone.
    drop(stream.write_all(answer(status, "application/json", body).as_bytes()));
}

type Answer = fn(usize, &str, &mut TcpStream);

/// Whatever the server does, `get`, `plan` and `export` end with an error of ours, soon and small.
#[test]
fn bombs_in_answers_are_given_up() {
    let answers: [(&str, Answer, &str); 12] = [
        (
            "a gzip bomb",
            |_, _, stream| {
                let (start, more) = gzip_bomb();
                let head = format!("{HEAD}Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
                drop(stream.write_all(head.as_bytes()));
                drop(stream.write_all(&chunk(&start)));
                flood(stream, &chunk(&more.repeat(100)));
            },
            "longer than 16 MiB",
        ),
        (
            "a body without end",
            |_, _, stream| {
                drop(stream.write_all(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n").as_bytes()));
                flood(stream, &chunk(&[b' '; 65_536]));
            },
            "longer than 16 MiB",
        ),
        (
            "a body that says to be huge",
            |_, _, stream| {
                drop(stream.write_all(format!("{HEAD}Content-Length: 99999999999999\r\n\r\n").as_bytes()));
                flood(stream, &[b' '; 65_536]);
            },
            "longer than 16 MiB",
        ),
        (
            "headers without end",
            |_, _, stream| {
                drop(stream.write_all(HEAD.as_bytes()));
                flood(
                    stream,
                    "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                        .repeat(1_000)
                        .as_bytes(),
                );
            },
            "message head is too large",
        ),
        (
            "a header without end",
            |_, _, stream| {
                drop(stream.write_all(format!("{HEAD}X-Flood: ").as_bytes()));
                flood(stream, &[b'a'; 65_536]);
            },
            "error",
        ),
        (
            "a body a byte at a time",
            |_, _, stream| {
                drop(stream.write_all(format!("{HEAD}Content-Length: 100000\r\n\r\n").as_bytes()));
                while stream.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            },
            "no answer within",
        ),
        (
            "a head a byte at a time",
            |_, _, stream| {
                while stream.write_all(b"H").is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            },
            "error",
        ),
        (
            "more rows than a page has",
            |_, _, stream| {
                let body = format!("{{\"items\":[{}{{}}],\"meta\":{{}}}}", "{},".repeat(4_000_000));
                say(stream, 200, &body);
            },
            "not the API's",
        ),
        (
            "deep nesting",
            |_, _, stream| {
                let body = format!("{{\"items\":[{{\"x\":{}", "[".repeat(5_000_000));
                say(stream, 200, &body);
            },
            "not the API's",
        ),
        (
            "a million digits",
            |_, _, stream| {
                let body = format!(
                    "{{\"items\":[{{\"sid\":{}}}],\"meta\":{{\"page\":{0}}}}}",
                    "9".repeat(1_000_000)
                );
                say(stream, 200, &body);
            },
            "",
        ),
        (
            "a long text in the wrong place",
            |_, _, stream| {
                let body = format!(
                    "{{\"items\":\"https://user:hunter2@a.example/{}\",\"meta\":{{}}}}",
                    "\u{9b}".repeat(4 << 20)
                );
                say(stream, 200, &body);
            },
            "not the API's",
        ),
        (
            "a long error",
            |_, _, stream| {
                let body = format!(
                    "{{\"code\":20001,\"message\":\"{}\",\"more_info\":\"{0}\"}}",
                    "x\u{202e}".repeat(1 << 20)
                );
                say(stream, 400, &body);
            },
            // Beyond the bound of an error's body.
            "HTTP 400",
        ),
    ];
    // Most of the time is spent waiting before another try: all at once.
    std::thread::scope(|scope| {
        for (what, write, says) in answers {
            for args in [&["plan", "-f", "fleet.yaml"][..], &["get", "--format", "json"]] {
                scope.spawn(move || given_up(what, write, says, args));
            }
        }
    });
}

/// `says` is empty where the answer may be read or refused, as long as that is bounded.
fn given_up(what: &str, write: Answer, says: &str, args: &[&str]) {
    let server = Canned::stream(write);
    let bench = Bench::at(&server.base_url);
    bench.write("fleet.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230100\"\n");
    let command = bench.command(&[args, &["--timeout", "2s"]].concat());
    if says.is_empty() {
        let (_, mib) = bench.weigh(command);
        assert!(mib <= LITTLE_MIB, "{mib} MiB for {what}");
    } else {
        let ran = refused(&bench, command, LITTLE_MIB, &format!("{args:?} of {what}"));
        assert!(ran.err.contains(says), "{args:?} of {what}: {}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{what}: {}", ran.err);
        assert!(!ran.err.contains(['\u{9b}', '\u{202e}']), "{what}: {}", ran.err);
    }
    assert!(!server.heads().contains("POST"), "{what}");
}

#[test]
fn an_absurd_retry_after_is_waited_out_for_minutes_at_most() {
    for header in
        ["1000000000000000000", "99999999999999999999999", "-1", "1e9", "Fri, 31 Dec 9999 23:59:59 GMT"]
    {
        let server = Canned::serve(move |_, _| {
            answer(429, "application/json", "{\"code\":20429}").replacen(
                "Content-Type",
                &format!("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: {header}\r\nContent-Type"),
                1,
            )
        });
        let bench = Bench::at(&server.base_url);
        let mut get = bench.spawn(&["get", "-v", "--log-format", "json"]);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut get.stderr(), &mut line).expect("a line");
        let event: serde_json::Value = serde_json::from_str(&line).expect(&line);
        let wait = event["fields"]["wait"].as_str().expect(&line);
        let seconds = match ["ms", "µs", "ns"].iter().find(|unit| wait.ends_with(**unit)) {
            Some(_) => 0.0,
            None => wait.strip_suffix('s').and_then(|wait| wait.parse::<f64>().ok()).expect(wait),
        };
        // With our own jitter on top.
        assert!(seconds <= 330.0, "{header}: {line}");
        get.signal("KILL");
    }
}

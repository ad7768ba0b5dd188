//! What surrounds the process misbehaves: disks, directories, pipes, terminals. Clean errors, the
//! contract's exit codes, and no write that could not be recorded.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::daemon::Daemon;
use super::harness::{Bench, Ran, Running, Sandbox};

const BUY: &str = "version: 1\nnumbers:\n  - phone_number: \"+15552230100\"\n";

/// Runs a line of shell in which `numctl` is the binary.
fn shell(bench: &Bench, line: &str) -> Ran {
    let ran = shell_command(bench, line).output().expect("sh");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let ran = Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) };
    ran.never_says("panicked")
}

fn shell_command(bench: &Bench, line: &str) -> Command {
    // The environment of the bench, and a PATH for sh's own sake.
    let env: Vec<_> = bench
        .command(&[])
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let mut command = Command::new("sh");
    command.arg("-c").arg(line.replace("numctl", env!("CARGO_BIN_EXE_numctl")));
    command.env_clear().envs(env).env("PATH", "/usr/bin:/bin").env("TERM", "dumb").current_dir(bench.path());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_before_any_request() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", BUY);
    // Nobody can make anything in /proc, nor below a file; not even root.
    for place in ["/proc/numctl", "fleet.yaml/below"] {
        bench.run(&["run", "--once", "-f", "fleet.yaml", "--state-dir", place]).exits(1).says(place);
        bench.run(&["run", "--once", "-f", "fleet.yaml", "--lock-dir", place]).exits(1).says(place);
        bench.run(&["apply", "--yes", "-f", "fleet.yaml", "--lock-dir", place]).exits(1).says(place);
    }
    assert_eq!(sandbox.requests()["total"], 0);
    for place in ["/proc/plan.json", "fleet.yaml/plan.json", "missing/plan.json"] {
        bench.run(&["plan", "-f", "fleet.yaml", "--out", place]).exits(1).says(place);
    }
    bench.run(&["export", "--out", "/proc/fleet.yaml"]).exits(1).says("/proc/fleet.yaml");
    assert_eq!(sandbox.writes(), 0);
}

#[test]
fn a_plan_file_takes_the_place_of_a_file_and_of_nothing_else() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", BUY);
    let out = |place: &str| bench.run(&["plan", "-f", "fleet.yaml", "--out", place]);
    std::fs::create_dir(bench.path().join("folder")).expect("made");
    let pipe = bench.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    // As root, a rename would put a file in the place of a device.
    for place in ["folder", "pipe", "/dev/null", "/dev/full"] {
        let ran = out(place).exits(1).says(&format!("{place}: this is not a regular file"));
        assert!(ran.out.contains("1 to purchase"), "the plan is shown all the same: {}", ran.out);
    }
    let kind = |path: &std::path::Path| std::fs::metadata(path).expect("there").file_type();
    assert!(kind(&bench.path().join("folder")).is_dir() && !kind(&pipe).is_file());
    assert!(!kind(std::path::Path::new("/dev/null")).is_file());
    // What is there is replaced, whole, and is its owner's only; a link gives way, and where it led
    // is left alone.
    bench.write("plan.json", &"old ".repeat(100_000));
    bench.write("theirs", "theirs");
    std::os::unix::fs::symlink("theirs", bench.path().join("link.json")).expect("linked");
    for place in ["plan.json", "link.json"] {
        out(place).exits(0);
        assert!(bench.read(place).starts_with('{') && bench.read(place).ends_with("}\n"));
        let meta = std::fs::symlink_metadata(bench.path().join(place)).expect("there");
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()), 0o100_600);
    }
    assert_eq!(bench.read("theirs"), "theirs");
    let left: Vec<_> = std::fs::read_dir(bench.path()).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 6, "nothing is left beside them: {left:?}");
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_nothing_is_bought() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", BUY);
    // Writes to files fail from the first byte on (EFBIG); pipes are not meant.
    let limited = |line: &str| shell(&bench, &format!("trap '' XFSZ; ulimit -f 0; exec {line}"));
    limited("numctl run --once -f fleet.yaml --state-dir state").exits(1).says("budget.json");
    limited("numctl plan -f fleet.yaml --out plan.json").exits(1).says("plan.json");
    assert_eq!(sandbox.writes(), 0);
    let left: Vec<_> = std::fs::read_dir(bench.path()).expect("a directory").flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().contains("plan.json")), "{left:?}");
    // What cannot be written down first is not sent, unless nobody asks for that.
    limited("numctl apply --yes -f fleet.yaml").exits(1).says("journal.jsonl").says("nothing was changed");
    assert_eq!(sandbox.writes(), 0);
    // A lock says who holds it where it can, and holds all the same.
    limited("numctl apply --yes -f fleet.yaml --lock-dir locks --journal none").exits(0);
    assert_eq!(sandbox.count("purchase"), 1);
}

/// A file system of 64 KiB, until it is dropped; `None` without the right to mount.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(bench: &Bench) -> Option<Self> {
        let path = bench.path().join("disk");
        std::fs::create_dir(&path).expect("made");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process may still end.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_fills_up_stops_the_writes_and_not_the_daemon() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let Some(_disk) = SmallDisk::mount(&bench) else {
        // Only where mounting is allowed; the file-size limit above stands in elsewhere.
        return;
    };
    bench.write("fleet.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n");
    let daemon = Daemon::start(
        &bench,
        &["-f", "fleet.yaml", "--interval", "200ms", "--state-dir", "disk/state", "--lock-dir", "disk/locks"],
    );
    daemon.is_quiet(1);
    let fill = bench.path().join("disk/fill");
    // As much as there is.
    assert!(std::fs::write(&fill, vec![0; 1 << 20]).is_err());
    bench.write("fleet.yaml", BUY);
    // Not even which files are in force.
    daemon.says("cannot be read or kept", 2);
    assert_eq!(sandbox.writes(), 0);
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "disk/plan.json"]).exits(1).says("plan.json");
    std::fs::remove_file(&fill).expect("removed");
    daemon.is_quiet(1);
    assert_eq!(sandbox.count("purchase"), 1);
    daemon.stop();
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let (_sandbox, bench) = Sandbox::start(&["--numbers", "3000"]);
    let export = bench.run(&["export"]).exits(0);
    bench.write("fleet.yaml", &export.out.replace("voice.example.com", "other.example.com"));
    for args in [&["get"][..], &["get", "--format", "json"], &["plan", "-f", "fleet.yaml"], &["export"]] {
        let mut child = bench.command(args).spawn().expect("it starts");
        let mut first = String::new();
        // Dropped after the line, with the rest unread.
        BufReader::with_capacity(64, child.stdout.take().expect("stdout"))
            .read_line(&mut first)
            .expect("a line");
        let ended = child.wait_with_output().expect("an end");
        let err = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {err}");
        assert!(!first.is_empty() && !err.contains("error") && !err.contains("panicked"), "{args:?}: {err}");
    }
}

#[test]
fn streams_that_are_closed_or_full_are_clean_errors() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", BUY);
    // A closed stream takes everything, as far as a program can tell.
    shell(&bench, "exec numctl plan -f fleet.yaml >&-").exits(0);
    shell(&bench, "exec numctl plan -f fleet.yaml >&- 2>&- <&-").exits(0);
    shell(&bench, "exec numctl plan -f fleet.yaml >/dev/full").exits(1).says("stdout");
    // The plan cannot be shown: nothing is attempted.
    shell(&bench, "exec numctl apply --yes -f fleet.yaml >/dev/full").exits(1).says("stdout");
    assert_eq!(sandbox.writes(), 0);
    // Nowhere to complain: the exit code speaks.
    shell(&bench, "exec numctl plan -f missing.yaml >/dev/full 2>/dev/full").exits(1);
    shell(&bench, "exec numctl run --once -f fleet.yaml --dry-run >/dev/full 2>/dev/full").exits(0);
    // The report comes after the deeds: 1 would say that there were none.
    let lost = shell(&bench, "exec numctl apply --yes --format json -f fleet.yaml >/dev/full").exits(3);
    assert!(lost.err.contains("the report is lost; 1 action of 1 succeeded"), "{}", lost.err);
    assert_eq!(sandbox.count("purchase"), 1);
    shell(&bench, "exec numctl run --once -f fleet.yaml >&- 2>&- <&-").exits(0);
    // The same for what only reads, and for an apply: nobody is told, and it is done.
    for line in ["get", "get --format json", "export", "schema"] {
        shell(&bench, &format!("exec numctl {line} >&- 2>&- <&-")).exits(0);
        shell(&bench, &format!("exec numctl {line} >/dev/full")).exits(1).says("stdout");
    }
    bench.write("fleet.yaml", &BUY.replace("0100", "0101"));
    shell(&bench, "exec numctl apply --yes -f fleet.yaml >&- 2>&- <&-").exits(0);
    assert_eq!(sandbox.count("purchase"), 2);
    // A log that nobody reads stops no work.
    bench.write("fleet.yaml", &BUY.replace("0100", "0102"));
    shell(&bench, "exec numctl run --once -vvv -f fleet.yaml 2>/dev/full").exits(0);
    assert_eq!(sandbox.count("purchase"), 3);
}

/// Both ends of a pipe whose reader is gone before the first byte.
#[test]
fn a_reader_that_was_never_there_stops_no_apply_half_way() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", BUY);
    let gone = |args: &[&str]| {
        let mut child = bench.command(args).spawn().expect("it starts");
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().expect("an end").code()
    };
    for args in [&["get"][..], &["export"], &["plan", "-f", "fleet.yaml"]] {
        assert_eq!(gone(args), Some(0), "{args:?}");
    }
    // `apply | head`: once it has begun, it is carried through, and the exit code says how it went.
    assert_eq!(gone(&["apply", "--yes", "-f", "fleet.yaml"]), Some(0));
    assert_eq!(sandbox.count("purchase"), 1);
    bench.write("fleet.yaml", &BUY.replace("0100", "0101"));
    assert_eq!(gone(&["run", "--once", "-vvv", "-f", "fleet.yaml"]), Some(0));
    assert_eq!(sandbox.count("purchase"), 2);
    sandbox.faults("purchase#1+=400/21650");
    bench.write("fleet.yaml", &BUY.replace("0100", "0102"));
    assert_eq!(gone(&["apply", "--yes", "--format", "json", "-f", "fleet.yaml"]), Some(3));
}

#[test]
fn a_hang_up_ends_an_apply_as_ctrl_c_does() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "5", "--latency", "200ms"]);
    let numbers = (0..5).map(|at| format!("  - {{phone_number: \"+1555223000{at}\", friendly_name: New}}\n"));
    bench.write("fleet.yaml", &format!("version: 1\nnumbers:\n{}", numbers.collect::<String>()));
    let args = ["apply", "--yes", "--format", "json", "--max-concurrency", "1", "-f", "fleet.yaml"];
    // The tests themselves may run under nohup, whose ignoring would be inherited.
    let listening = format!("exec env --default-signal=HUP numctl {}", args.join(" "));
    let apply = Running { child: shell_command(&bench, &listening).spawn().expect("sh starts") };
    sandbox.wait_for("configure", 1);
    apply.signal("HUP");
    let ran = apply.end().exits(3).says("the run was stopped first");
    assert!(sandbox.count("configure") < 5, "{}", ran.out);
    // nohup asks to continue without the terminal.
    let nohup = shell_command(&bench, &format!("trap '' HUP; exec numctl {}", args.join(" ")))
        .spawn()
        .expect("sh starts");
    let before = sandbox.count("configure");
    sandbox.wait_for("configure", before + 1);
    let pid = nohup.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill").success());
    let ended = nohup.wait_with_output().expect("an end");
    assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn a_terminal_that_closes_ends_no_daemon_and_panics_nowhere() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", BUY);
    // `script` gives the daemon a terminal of its own; killed, it takes it away: SIGHUP, then EIO.
    let line = "numctl run -f fleet.yaml --interval 200ms & echo $! > pid; wait";
    let mut command = shell_command(&bench, &format!("exec script -qc '{line}' /dev/null"));
    let Ok(mut terminal) = command.stdin(Stdio::piped()).spawn() else { return };
    if !wait(|| sandbox.count("purchase") == 1) {
        // No `script` on this machine.
        assert!(terminal.wait().is_ok_and(|status| !status.success()), "the daemon did nothing");
        return;
    }
    let pid = bench.read("pid").trim().to_owned();
    let _daemon = Killed(pid.clone());
    terminal.kill().expect("killed");
    terminal.wait().expect("an end");
    // It lives on, and does its work.
    bench.write("fleet.yaml", &BUY.replace("0100\"", "0100\"\n    friendly_name: After"));
    assert!(wait(|| sandbox.number("+15552230100").is_some_and(|number| number["friendly_name"] == "After")));
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
    assert!(wait(|| !std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists() || is_zombie(&pid)));
}

/// Ends a daemon that is no child of ours.
struct Killed(String);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended.
        let _ = Command::new("kill").args(["-KILL", &self.0]).stderr(Stdio::null()).status();
    }
}

/// Ended, and not yet buried by whatever inherited it.
fn is_zombie(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

fn wait(done: impl Fn() -> bool) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(15) {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

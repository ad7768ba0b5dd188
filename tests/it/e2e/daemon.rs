//! `numctl run` as a process: when it wakes, what it takes from its files, how it stops, and what it
//! may spend over time.

use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::harness::{Bench, Ran, Running, Sandbox, two_accounts};

/// A daemon whose log is read as it comes.
pub(super) struct Daemon {
    running: Running,
    log: Arc<Mutex<String>>,
    reader: std::thread::JoinHandle<()>,
}

impl Daemon {
    pub(super) fn start(bench: &Bench, args: &[&str]) -> Self {
        Self::of(bench.spawn(&[&["run"], args].concat()))
    }

    /// One that may have this many files and connections open.
    pub(super) fn with_descriptors(bench: &Bench, most: usize, args: &[&str]) -> Self {
        let run = bench.command(&[&["run"], args].concat());
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh"]);
        limited.arg(run.get_program()).args(run.get_args()).env_clear();
        limited.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.current_dir(bench.path()).stdin(std::process::Stdio::null());
        limited.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        Self::of(Running { child: limited.spawn().expect("it starts") })
    }

    fn of(mut running: Running) -> Self {
        let mut stderr = running.stderr();
        let log = Arc::new(Mutex::new(String::new()));
        let written = log.clone();
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut bytes) {
                written.lock().expect("unpoisoned").push_str(&String::from_utf8_lossy(&bytes[..read]));
            }
        });
        Self { running, log, reader }
    }

    pub(super) fn log(&self) -> String {
        self.log.lock().expect("unpoisoned").clone()
    }

    fn count(&self, part: &str) -> usize {
        self.log().matches(part).count()
    }

    /// Waits until the log has a text so many times.
    #[track_caller]
    pub(super) fn says(&self, part: &str, times: usize) {
        let begin = Instant::now();
        while self.count(part) < times {
            assert!(begin.elapsed() < Duration::from_secs(30), "no {part:?} ({times}) in\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for so many more cycles that found nothing to do.
    #[track_caller]
    pub(super) fn is_quiet(&self, cycles: usize) {
        let before = self.count("result=\"in sync\"");
        self.says("result=\"in sync\"", before + cycles);
    }

    pub(super) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    pub(super) fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// Its end, with the whole log.
    pub(super) fn end(self) -> Ran {
        let mut ran = self.running.end();
        self.reader.join().expect("the log was read");
        ran.err = self.log.lock().expect("unpoisoned").clone();
        assert!(!ran.err.contains("panicked"), "{}", ran.err);
        ran
    }

    pub(super) fn stop(self) -> Ran {
        self.signal("TERM");
        self.end().exits(0)
    }
}

fn named(name: &str) -> String {
    format!("version: 1\nnumbers:\n  - {{phone_number: \"+15552230000\", friendly_name: {name}}}\n")
}

fn name_of(sandbox: &Sandbox) -> String {
    sandbox.number("+15552230000").expect("live")["friendly_name"].as_str().unwrap_or("").to_owned()
}

/// Waits until the number is called so; says how long it took.
#[track_caller]
fn becomes(sandbox: &Sandbox, daemon: &Daemon, name: &str) -> Duration {
    let begin = Instant::now();
    while name_of(sandbox) != name {
        assert!(begin.elapsed() < Duration::from_secs(30), "not {name}:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    begin.elapsed()
}

const QUICK: [&str; 4] = ["-f", "fleet.yaml", "--interval", "200ms"];
const SLOW: [&str; 4] = ["-f", "fleet.yaml", "--interval", "1h"];

#[test]
fn it_converges_and_is_quiet_after() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write(
        "fleet.yaml",
        &format!(
            "{}numbers:\n  - phone_number: \"+15552230100\"\n  - {{phone_number: \"+15552230000\", friendly_name: New}}\n  \
             - {{phone_number: \"+15552230001\", account: emea}}\n",
            two_accounts()
        ),
    );
    let daemon = Daemon::start(&bench, &QUICK);
    daemon.is_quiet(1);
    assert_eq!((sandbox.count("purchase"), sandbox.count("transfer")), (1, 1));
    sandbox.forget_requests();
    daemon.is_quiet(3);
    let requests = sandbox.requests();
    assert_eq!(requests["total"], requests["by_operation"]["list"], "only listings: {requests:#}");
    // Drift is healed.
    sandbox.edit("+15552230000", "FriendlyName=Drifted");
    becomes(&sandbox, &daemon, "New");
    let ran = daemon.stop();
    assert!(ran.err.contains("a restart forgets it"), "{}", ran.err);
}

#[test]
fn a_changed_file_is_acted_on_at_once_however_it_is_changed() {
    let (sandbox, bench) = Sandbox::start(&[]);
    // As Kubernetes mounts a ConfigMap: fleet.yaml -> ..data/fleet.yaml, ..data -> ..1.
    let mount = bench.path().join("mount");
    let version = |name: &str, text: &str| {
        std::fs::create_dir_all(mount.join(name)).expect("made");
        std::fs::write(mount.join(name).join("fleet.yaml"), text).expect("written");
    };
    let link = |to: &str, from: &Path| std::os::unix::fs::symlink(to, from).expect("linked");
    version("..1", &named("One"));
    link("..1", &mount.join("..data"));
    link("..data/fleet.yaml", &mount.join("fleet.yaml"));
    bench.write("other.yaml", "version: 1\nnumbers:\n  - phone_number: \"+15552230001\"\n");
    let daemon = Daemon::start(&bench, &["-f", "mount", "-f", "other.yaml", "--interval", "1h"]);
    becomes(&sandbox, &daemon, "One");
    daemon.says(" cycle ", 1);
    let mut took = Vec::new();
    // The link is swapped.
    version("..2", &named("Two"));
    link("..2", &mount.join("..tmp"));
    std::fs::rename(mount.join("..tmp"), mount.join("..data")).expect("swapped");
    std::fs::remove_dir_all(mount.join("..1")).expect("removed");
    took.push(becomes(&sandbox, &daemon, "Two"));
    // Written in place, where the link leads.
    std::fs::write(mount.join("fleet.yaml"), named("Three")).expect("written");
    took.push(becomes(&sandbox, &daemon, "Three"));
    // Replaced, as editors do: the link gives way to a file.
    std::fs::write(mount.join("fleet.yaml~"), named("Four")).expect("written");
    std::fs::rename(mount.join("fleet.yaml~"), mount.join("fleet.yaml")).expect("replaced");
    took.push(becomes(&sandbox, &daemon, "Four"));
    // Another file of the directory, and the file that was named by itself.
    std::fs::write(
        mount.join("more.yaml"),
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230002\", friendly_name: M}\n",
    )
    .expect("written");
    daemon.says("result=\"done\"", 5);
    bench.write(
        "other.yaml",
        "version: 1\nnumbers:\n  - {phone_number: \"+15552230001\", friendly_name: O}\n",
    );
    daemon.says("result=\"done\"", 6);
    assert_eq!(sandbox.number("+15552230001").expect("live")["friendly_name"], "O");
    // A folder below it, and a file that is changed in there.
    let team = |name: &str| {
        format!("version: 1\nnumbers:\n  - {{phone_number: \"+15552230003\", friendly_name: {name}}}\n")
    };
    std::fs::create_dir(mount.join("team")).expect("made");
    std::fs::write(mount.join("team/t.yaml"), team("T")).expect("written");
    daemon.says("result=\"done\"", 7);
    std::fs::write(mount.join("team/t.yaml"), team("U")).expect("written");
    daemon.says("result=\"done\"", 8);
    assert_eq!(sandbox.number("+15552230003").expect("live")["friendly_name"], "U");
    // Two equal reads are 250 ms apart; the rest is slack for a busy machine.
    assert!(took.iter().all(|took| *took < Duration::from_secs(4)), "{took:?}");
    // Touched, and the same: not a request.
    let (before, cycles) = (sandbox.requests()["total"].clone(), daemon.count(" cycle "));
    bench.write("other.yaml", &bench.read("other.yaml"));
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!((sandbox.requests()["total"].clone(), daemon.count(" cycle ")), (before, cycles));
    // A signal looks again.
    daemon.signal("HUP");
    daemon.says(" cycle ", cycles + 1);
    daemon.stop();
}

#[test]
fn a_bad_edit_keeps_the_last_good_file_in_force() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", "version: 1\nnumbers: [\n");
    bench.run(&[&["run"][..], &QUICK].concat()).exits(1).says("fleet.yaml:");
    assert_eq!(sandbox.requests()["total"], 0);
    bench.write("fleet.yaml", &named("Good"));
    let daemon = Daemon::start(&bench, &QUICK);
    becomes(&sandbox, &daemon, "Good");
    for (at, bad) in ["version: 1\nnumbrs: []\n", "", "\u{0}", "version: 1\naccounts: {x: {sid: AC1}}\n"]
        .iter()
        .enumerate()
    {
        bench.write("fleet.yaml", bad);
        daemon.says("are not valid", at + 1);
    }
    std::fs::remove_file(bench.path().join("fleet.yaml")).expect("removed");
    daemon.says("are not valid", 5);
    // What is in force is still kept.
    sandbox.edit("+15552230000", "FriendlyName=Drifted");
    becomes(&sandbox, &daemon, "Good");
    daemon.says("the last good ones are in force", 1);
    bench.write("fleet.yaml", &named("Better"));
    becomes(&sandbox, &daemon, "Better");
    assert_eq!(sandbox.count("release"), 0);
    daemon.stop();
}

#[test]
fn a_file_that_showed_its_end_is_not_taken_without_it() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &format!("{}...\n", named("Whole")));
    let daemon = Daemon::start(&bench, &QUICK);
    becomes(&sandbox, &daemon, "Whole");
    bench.write("fleet.yaml", &named("Cut"));
    daemon.says("it may have been cut short", 1);
    daemon.says("the last good ones are in force", 1);
    assert_eq!(name_of(&sandbox), "Whole");
    bench.write("fleet.yaml", &format!("{}...\n", named("Whole again")));
    becomes(&sandbox, &daemon, "Whole again");
    daemon.stop();
}

#[test]
fn a_file_cut_anywhere_releases_nothing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let whole = "version: 1\npolicy: {unlisted: release, max_releases: 100%}\nnumbers:\n  - phone_number: \"+15552230000\"\n  \
                 - phone_number: \"+15552230001\"\n  - phone_number: \"+15552230002\"\n  - phone_number: \"+15552230003\"\n...\n";
    bench.write("fleet.yaml", whole);
    let daemon = Daemon::start(&bench, &QUICK);
    daemon.is_quiet(1);
    let ends: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at).collect();
    let mut cuts: Vec<usize> = ends[1..ends.len() - 1].iter().map(|end| end + 1).collect();
    cuts.extend([whole.len() - 2, whole.len() / 2]);
    for (at, cut) in cuts.iter().enumerate() {
        bench.write("fleet.yaml", &whole[..*cut]);
        daemon.says("are not valid", at + 1);
    }
    // Cut, and whole again before it held still: never noticed.
    bench.write("fleet.yaml", whole);
    daemon.is_quiet(2);
    bench.write("fleet.yaml", &whole[..whole.len() / 2]);
    bench.write("fleet.yaml", whole);
    daemon.is_quiet(2);
    assert_eq!(sandbox.count("release"), 0, "{}", daemon.log());
    // The whole file's own word counts.
    bench.write("fleet.yaml", &whole.replace("  - phone_number: \"+15552230003\"\n", ""));
    daemon.says("result=\"done\"", 1);
    assert_eq!(sandbox.count("release"), 1);
    daemon.stop();
}

#[test]
fn two_daemons_with_one_lock_write_one_after_the_other() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("One"));
    let args = [&QUICK[..], &["--lock-dir", "locks"]].concat();
    let first = Daemon::start(&bench, &args);
    becomes(&sandbox, &first, "One");
    let second = Daemon::start(&bench, &args);
    second.says("standing by", 1);
    let pid = format!("process {}", first.pid());
    assert!(second.log().contains(&pid), "{}", second.log());
    bench.write("fleet.yaml", &named("Two"));
    becomes(&sandbox, &first, "Two");
    // One that stands by follows the files too, so that it need not when it is wanted.
    second.says("the files changed", 1);
    first.is_quiet(3);
    assert_eq!(second.count(" cycle "), 0, "{}", second.log());
    assert_eq!(sandbox.writes(), 2);
    // apply keeps to it: at once, or when its time is up, or never attempted with --once.
    sandbox.forget_requests();
    first.signal("STOP");
    let apply = ["apply", "--yes", "-f", "fleet.yaml", "--lock-dir", "locks"];
    bench.run(&apply).exits(1).says(&pid).says("nothing was attempted");
    bench.run(&[&apply[..], &["--lock-timeout", "300ms"]].concat()).exits(1).says(&pid);
    bench.run(&[&["run", "--once"][..], &args].concat()).exits(1).says(&pid);
    assert_eq!(sandbox.requests()["total"], 0, "{:#}", sandbox.requests());
    // The kernel drops the lock with the process.
    first.signal("KILL");
    sandbox.edit("+15552230000", "FriendlyName=Drifted");
    becomes(&sandbox, &second, "Two");
    drop(first);
    // A lock's file that is removed is a lock that is lost, and taken anew.
    for entry in std::fs::read_dir(bench.path().join("locks")).expect("locks") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    second.says("locking again", 1);
    sandbox.edit("+15552230000", "FriendlyName=Drifted");
    becomes(&sandbox, &second, "Two");
    second.signal("TERM");
    bench.run(&[&apply[..], &["--lock-timeout", "20s"]].concat()).exits(0);
    second.end().exits(0);
}

fn buying(numbers: &[&str], limit: usize) -> String {
    let lines: String = numbers.iter().map(|number| format!("  - phone_number: \"{number}\"\n")).collect();
    format!("version: 1\npolicy: {{max_purchases: {limit}}}\nnumbers:\n{lines}")
}

#[test]
fn limits_hold_over_time_and_over_restarts() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let (one, two) = ("+15552230100", "+15552230101");
    bench.write("fleet.yaml", &buying(&[one], 1));
    let args = [&QUICK[..], &["--state-dir", "state"]].concat();
    let daemon = Daemon::start(&bench, &args);
    daemon.is_quiet(1);
    bench.write("fleet.yaml", &buying(&[one, two], 1));
    daemon.says("refused by a limit", 2);
    let ran = daemon.stop();
    assert!(ran.out.contains("2 in total within 24 hours"), "{}", ran.out);
    assert_eq!(ran.out.matches("--accept").count(), 1, "shown once while it stays the same:\n{}", ran.out);
    let once = [&["run", "--once"][..], &args].concat();
    bench.run(&once).exits(4);
    assert_eq!(sandbox.count("purchase"), 1);
    // Without its memory it starts counting again, and a person's apply has its own count.
    let state = bench.read("state/budget.json");
    bench.run(&["apply", "--yes", "-f", "fleet.yaml"]).exits(0);
    assert_eq!(sandbox.count("purchase"), 2);
    // A memory that cannot be read is not thrown away.
    bench.write("state/budget.json", &state[..state.len() / 2]);
    bench.run(&once).exits(1).says("budget.json").says("move it away");
}

#[test]
fn a_number_is_bought_once_for_one_content_of_the_files() {
    let (sandbox, bench) = Sandbox::start(&[]);
    let number = "+15552230100";
    bench.write("fleet.yaml", &buying(&[number], 5));
    // A journal would hold it back as vanished before that.
    let args = [&QUICK[..], &["--state-dir", "state", "--journal", "none"]].concat();
    let daemon = Daemon::start(&bench, &args);
    daemon.is_quiet(1);
    let give_back = || {
        let sid = sandbox.number(number).expect("bought")["sid"].as_str().expect("a SID").to_owned();
        assert_eq!(sandbox.ask("DELETE", &format!("/Numbers/ActiveNumbers/{sid}"), "").0, 204);
    };
    give_back();
    daemon.says("held=1", 2);
    daemon.stop();
    bench.run(&[&["run", "--once"][..], &args].concat()).exits(0).says("held=1");
    assert_eq!(sandbox.count("purchase"), 1);
    // Any edit is a person's word.
    bench.write("fleet.yaml", &format!("# again\n{}", buying(&[number], 5)));
    bench.run(&[&["run", "--once"][..], &args].concat()).exits(0);
    assert_eq!(sandbox.count("purchase"), 2);
}

fn many() -> String {
    let numbers =
        (0..30).map(|at| format!("  - {{phone_number: \"+155522300{at:02}\", friendly_name: New}}\n"));
    format!("version: 1\nnumbers:\n{}", numbers.collect::<String>())
}

#[test]
fn a_stop_drains_and_exits_with_0() {
    let (sandbox, bench) = Sandbox::start(&["--numbers", "30", "--latency", "150ms"]);
    bench.write("fleet.yaml", &many());
    let daemon = Daemon::start(&bench, &[&SLOW[..], &["--max-concurrency", "2"]].concat());
    sandbox.wait_for("configure", 3);
    let begin = Instant::now();
    let ran = daemon.stop();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let configured = sandbox.count("configure");
    assert!(configured < 30, "{}", ran.err);
    assert!(
        ran.err.contains(&format!("succeeded={configured} ")),
        "what was in flight is counted:\n{}",
        ran.err
    );
    // While it waits, and while it lists, there is nothing to finish.
    sandbox.faults("list#1+=hang");
    let daemon = Daemon::start(&bench, &SLOW);
    let lists = sandbox.count("list");
    sandbox.wait_for("list", lists + 1);
    daemon.stop();
}

/// Again and again, wherever it is, with the API failing in every way that does not hang.
#[test]
fn a_stop_amid_faults_drains_within_its_grace_and_nothing_is_bought_twice() {
    let (sandbox, bench) = Sandbox::start(&["--latency", "20ms"]);
    let minted = || {
        let state: serde_json::Value =
            serde_json::from_str(&sandbox.ask("GET", "/_sandbox/state", "").1).expect("JSON");
        state["minted"].as_u64().expect("a count")
    };
    let before = minted();
    let numbers: Vec<String> = (0..12).map(|at| format!("+155522301{at:02}")).collect();
    let named = |edit: usize| {
        let lines = numbers
            .iter()
            .map(|number| format!("  - {{phone_number: \"{number}\", friendly_name: Edit {edit}}}\n"));
        format!("version: 1\npolicy: {{max_purchases: 100}}\nnumbers:\n{}", lines.collect::<String>())
    };
    for at in 0..10 {
        sandbox.faults(&format!(
            "500=0.05,500-after=0.05,drop=0.05,drop-after=0.1,429=0.1,truncate=0.05,seed={at}"
        ));
        bench.write("fleet.yaml", &named(at));
        let asked = sandbox.requests()["total"].as_u64().expect("a count");
        let args =
            ["--max-concurrency", "2", "--state-dir", "state", "--lock-dir", "locks", "--grace", "30s"];
        let daemon = Daemon::start(&bench, &[&QUICK[..], &args].concat());
        // At its first request, at its third, at its fifth, …
        let begin = Instant::now();
        while sandbox.requests()["total"].as_u64().expect("a count") <= asked + 2 * at as u64 {
            assert!(begin.elapsed() < Duration::from_secs(60), "it does nothing:\n{}", daemon.log());
            std::thread::yield_now();
        }
        let begin = Instant::now();
        let ran = daemon.stop();
        assert!(begin.elapsed() < Duration::from_secs(30), "{:?}: {}", begin.elapsed(), ran.err);
        assert!(ran.err.contains("stopped"), "{}", ran.err);
    }
    sandbox.faults("");
    let once = ["run", "--once", "-f", "fleet.yaml", "--state-dir", "state", "--lock-dir", "locks"];
    bench.run(&once).exits(0);
    assert_eq!(minted(), before + numbers.len() as u64, "each was bought once");
    assert_eq!(bench.plan(&named(9)).exits(0).json()["actions"], serde_json::json!([]));
}

#[test]
fn a_second_signal_or_the_end_of_the_grace_drops_what_hangs() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "configure#1+=hang"]);
    bench.write("fleet.yaml", &named("New"));
    let daemon = Daemon::start(&bench, &SLOW);
    sandbox.wait_for("configure", 1);
    daemon.signal("TERM");
    daemon.says("Stopping", 1);
    daemon.signal("TERM");
    assert!(daemon.end().exits(3).err.contains("unknown=1"));
    let daemon = Daemon::start(&bench, &[&SLOW[..], &["--grace", "200ms"]].concat());
    sandbox.wait_for("configure", 2);
    daemon.signal("INT");
    daemon.end().exits(3);
}

#[test]
fn once_has_the_exit_codes_of_apply_and_a_dry_run_writes_nothing() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &named("New"));
    let run = |args: &[&str]| bench.run(&[&["run", "-f", "fleet.yaml"], args].concat());
    let dry = run(&["--once", "--dry-run", "--state-dir", "state"]).exits(0);
    assert!(dry.out.contains("friendly_name"), "{}", dry.out);
    assert!(!bench.path().join("state").exists());
    assert_eq!(sandbox.writes(), 0);
    sandbox.faults("configure#1+=400/21402");
    run(&["--once"]).exits(3);
    sandbox.faults("list#1+=403");
    run(&["--once"]).exits(1).says("could not be listed");
    sandbox.faults("");
    run(&["--once", "--max-changes", "0"]).exits(4);
    run(&["--once"]).exits(0);
    assert_eq!(name_of(&sandbox), "New");
    bench.run(&["run", "--once", "-f", "-"]).exits(1);
    let help = bench.run(&["run", "--help"]).exits(0);
    assert!(help.out.lines().count() <= 64, "{}", help.out);
}

#[test]
fn what_fails_is_tried_again_later_and_later_and_the_loop_goes_on() {
    let (sandbox, bench) = Sandbox::start(&["--faults", "list#1-2=403"]);
    bench.write("fleet.yaml", &named("New"));
    let daemon = Daemon::start(&bench, &SLOW);
    // Long before the interval.
    becomes(&sandbox, &daemon, "New");
    assert_eq!(daemon.count("result=\"not observed\""), 2, "{}", daemon.log());
    daemon.stop();
}

//! numctl's own files: no link leads away from them, they are their owner's alone, and what becomes of the
//! journal stops nothing.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::daemon::Daemon;
use super::harness::{Bench, MAIN, Sandbox};

const PRECIOUS: &str = "precious";

fn file(host: &str) -> String {
    format!(
        "version: 1\nnumbers:\n  - phone_number: \"+15552230000\"\n    voice: {{ url: \"https://{host}.example/v\" }}\n"
    )
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

/// A checkout in which this name leads to somebody else's file.
fn linked(bench: &Bench, name: &str) -> std::path::PathBuf {
    let path = bench.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    let theirs = bench.write("theirs", PRECIOUS);
    let _ = fs::remove_file(&path);
    symlink(&theirs, &path).expect("linked");
    path
}

#[test]
fn no_link_leads_away_from_our_own_files() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    let apply = |more: &[&str]| bench.run(&[&["apply", "--yes", "-f", "fleet.yaml"], more].concat());
    let run = |more: &[&str]| bench.run(&[&["run", "--once", "-f", "fleet.yaml"], more].concat());
    let lock = format!("locks/{MAIN}.lock");
    let link = linked(&bench, &lock);
    for ran in [apply(&["--lock-dir", "locks"]), run(&["--lock-dir", "locks"])] {
        ran.exits(1).says("symbolic link").never_says("panicked");
    }
    fs::remove_file(link).expect("removed");
    let link = linked(&bench, "journal.jsonl");
    for ran in [apply(&["--journal", "journal.jsonl"]), run(&["--journal", "journal.jsonl"])] {
        ran.exits(1).says("symbolic link");
    }
    fs::remove_file(link).expect("removed");
    for name in ["budget.json", "intents.json"] {
        let link = linked(&bench, &format!("state/{name}"));
        run(&["--state-dir", "state"]).exits(1).says("symbolic link");
        fs::remove_file(link).expect("removed");
    }
    assert_eq!((bench.read("theirs"), sandbox.writes()), (PRECIOUS.to_owned(), 0));
    // What nobody has named is done without, and left alone.
    for name in [format!(".numctl/{MAIN}.lock"), ".numctl/journal.jsonl".to_owned()] {
        let link = linked(&bench, &name);
        apply(&[]);
        assert_eq!(bench.read("theirs"), PRECIOUS, "{name}");
        fs::remove_file(link).expect("removed");
    }
    fs::remove_dir_all(bench.path().join(".numctl")).expect("removed");
    fs::create_dir(bench.path().join("elsewhere")).expect("made");
    symlink("elsewhere", bench.path().join(".numctl")).expect("linked");
    bench.write("fleet.yaml", &file("b"));
    apply(&[]).says("symbolic link");
    run(&["--state-dir", ".numctl"]).exits(1).says("symbolic link");
    assert_eq!(fs::read_dir(bench.path().join("elsewhere")).expect("listed").count(), 0);
    fs::remove_file(bench.path().join(".numctl")).expect("removed");
    // A marker that leads nowhere counts as one.
    bench.run(&["plan", "-f", "fleet.yaml", "--journal", "none", "--out", "plan.json"]).exits(0);
    symlink("nowhere", bench.path().join("plan.json.used")).expect("linked");
    bench.run(&["apply", "--yes", "plan.json"]).exits(4).says("was applied");
}

#[test]
fn what_we_make_is_its_owners_alone_under_any_umask() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    let numctl = env!("CARGO_BIN_EXE_numctl");
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        let own = bench.command(&[]);
        command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.arg("-c").arg(format!("umask 0; {line}")).current_dir(bench.path());
        assert!(command.status().expect("sh").success(), "{line}");
    };
    shell(&format!("HOME=$PWD/home {numctl} apply --yes -f fleet.yaml >/dev/null"));
    shell(&format!(
        "{numctl} run --once -f fleet.yaml --state-dir deep/state --lock-dir deep/locks 2>/dev/null"
    ));
    shell(&format!("{numctl} plan -f fleet.yaml --out plan.json >/dev/null"));
    shell(&format!("{numctl} apply --yes --sandbox -f fleet.yaml >/dev/null 2>&1"));
    let (mut folders, mut files) =
        (vec![bench.path().join("deep"), bench.path().join(".numctl"), bench.path().join("home")], 0);
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in fs::read_dir(&folder).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
    assert!(files >= 6, "{files}");
    assert_eq!(mode(&bench.path().join("plan.json")), 0o600);
}

#[test]
fn an_older_lock_file_is_closed_to_others_and_one_with_two_names_is_refused() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    let apply = || bench.run(&["apply", "--yes", "-f", "fleet.yaml", "--lock-dir", "locks"]);
    let lock = bench.path().join(format!("locks/{MAIN}.lock"));
    fs::create_dir(bench.path().join("locks")).expect("made");
    fs::write(&lock, "1").expect("written");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).expect("opened up");
    apply().exits(0);
    assert_eq!(mode(&lock), 0o600);
    let theirs = bench.write("theirs", PRECIOUS);
    fs::remove_file(&lock).expect("removed");
    fs::hard_link(&theirs, &lock).expect("linked");
    apply().exits(1).says("hard link");
    assert_eq!(bench.read("theirs"), PRECIOUS);
}

#[test]
fn the_rests_of_killed_processes_are_cleared() {
    let (_sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    fs::create_dir(bench.path().join("state")).expect("made");
    bench.write("state/budget.json.999999.new", "{\"half");
    bench.write("plan.json.999999.new", "{\"half");
    bench.run(&["run", "--once", "-f", "fleet.yaml", "--state-dir", "state"]).exits(0);
    bench.run(&["plan", "-f", "fleet.yaml", "--out", "plan.json"]).exits(0);
    for name in ["state/budget.json.999999.new", "plan.json.999999.new"] {
        assert!(!bench.path().join(name).exists(), "{name}");
    }
}

/// A journal in a directory where nothing can be made (or that is mounted by itself) grows, and stops nothing.
#[test]
fn a_journal_that_cannot_be_rotated_stops_no_change() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    let apply = || bench.run(&["apply", "--yes", "-f", "fleet.yaml", "--journal", "log/numctl.jsonl"]);
    apply().exits(0);
    let journal = bench.path().join("log/numctl.jsonl");
    let text = fs::read_to_string(&journal).expect("a journal");
    fs::write(&journal, text.repeat((16 << 20) / text.len() + 2)).expect("grown");
    // Nothing can take the names that files are put aside under; not even root's file.
    for at in 0..=4 {
        fs::create_dir_all(bench.path().join(format!("log/numctl.jsonl.{at}/full"))).expect("made");
    }
    bench.write("fleet.yaml", &file("b"));
    apply().exits(0).says("cannot be rotated");
    assert_eq!(sandbox.count("configure"), 2);
    bench.write("fleet.yaml", &file("c"));
    let daemon =
        Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1s", "--journal", "log/numctl.jsonl"]);
    sandbox.wait_for("configure", 3);
    daemon.stop().exits(0);
}

#[test]
fn a_journal_that_is_renamed_or_deleted_goes_on_under_its_name() {
    let (sandbox, bench) = Sandbox::start(&[]);
    bench.write("fleet.yaml", &file("a"));
    let daemon = Daemon::start(&bench, &["-f", "fleet.yaml", "--interval", "1s", "--state-dir", "state"]);
    sandbox.wait_for("configure", 1);
    daemon.is_quiet(1);
    let journal = bench.path().join("state/journal.jsonl");
    fs::remove_file(&journal).expect("deleted");
    bench.write("fleet.yaml", &file("b"));
    sandbox.wait_for("configure", 2);
    daemon.says("continues in a new file", 1);
    fs::rename(&journal, bench.path().join("state/journal.old")).expect("renamed");
    bench.write("fleet.yaml", &file("c"));
    sandbox.wait_for("configure", 3);
    daemon.says("continues in a new file", 2);
    daemon.stop().exits(0);
    let meta = fs::metadata(&journal).expect("a new one");
    assert!(meta.len() > 0 && meta.nlink() == 1);
    // The default place is not the daemon's: the state directory finds it.
    bench.run(&["history"]).exits(1).says("--state-dir");
    bench.run(&["history", "--state-dir", "state"]).exits(0).says("c.example");
    // What was seen before is known in the new file.
    let text = fs::read_to_string(&journal).expect("text");
    assert!(text.lines().next().is_some_and(|line| line.contains("+15552230000")), "{text}");
    bench.write("fleet.yaml", "version: 1\nnumbers: []\n");
    bench.run(&["undo", "--yes", "-f", "fleet.yaml", "--state-dir", "state"]).exits(0);
    assert_eq!(sandbox.count("configure"), 4);
}

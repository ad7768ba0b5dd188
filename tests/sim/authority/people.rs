//! The people beside the replicas: what they want, how they save it, and what befalls their files, the windows
//! and the way to the Lease's server.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use numctl::desired::load::load;
use numctl::guard::budget::Generation;
use tokio::time::sleep;

use super::{POOL, Shared, number};
use crate::tape::Tape;

/// Copies of the files arrive within this time of each other.
pub(super) const COPY_MAX: usize = 150;
/// People save two files within this time.
const SAVES_MAX: usize = 4_000;

/// What people want: the numbers, and in which of the two files each of them stands.
#[derive(Debug, Clone)]
pub(super) struct Intention {
    pub(super) edit: usize,
    /// By number: the file.
    pub(super) wanted: BTreeMap<usize, usize>,
    /// When nothing is changed, where there are windows.
    pub(super) shut: Option<Shut>,
}

/// Between two windows, in minutes since the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shut {
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Shut {
    pub(super) fn begins(self) -> Duration {
        Duration::from_secs(60 * self.from as u64)
    }

    pub(super) fn holds(self, now: Duration) -> bool {
        now > self.begins() && now < Duration::from_secs(60 * self.to as u64)
    }

    /// A seed begins at six o'clock.
    fn policy(self) -> String {
        let window = |from: String, to: String| format!("{{from: \"{from}\", to: \"{to}\", zone: UTC}}");
        let (before, after) = (format!("06:{:02}", self.from), format!("06:{:02}", self.to));
        format!(", windows: [{}, {}]", window("05:00".to_owned(), before), window(after, "20:00".to_owned()))
    }
}

impl Intention {
    pub(super) fn file(&self, at: usize) -> String {
        let windows = self.shut.map(Shut::policy).unwrap_or_default();
        let policy = format!(
            "policy: {{unlisted: release, max_releases: 1000, max_purchases: 1000, max_changes: 1000{windows}}}\n"
        );
        let mut text = format!("version: 1\n{}numbers:\n", if at == 0 { &policy } else { "" });
        for (wanted, _) in self.wanted.iter().filter(|(_, file)| **file == at) {
            text.push_str(&format!(
                "  - {{phone_number: \"{}\", friendly_name: Edit {}}}\n",
                number(*wanted),
                self.edit
            ));
        }
        text + "...\n"
    }
}

pub(super) fn save(host: &Shared, replica: usize, name: &str, text: &str) {
    let mut state = host.lock();
    fs::write(state.replicas[replica].folder.join(name), text).expect("a folder of our own");
    state.note(|| format!("{replica}: {name} is saved: {text:?}"));
}

pub(super) fn ring(host: &Shared, replica: usize) {
    let mut state = host.lock();
    let now = state.now();
    let known = &mut state.replicas[replica];
    known.on_disk =
        load(std::slice::from_ref(&known.folder)).ok().map(|all| (now, Generation::from_sources(&all)));
    known.bell.notify_one();
}

/// People save the files that differ, one after the other, in either order.
pub(super) async fn edit(host: &Shared, before: &Intention, after: &Intention, tape: &mut Tape) {
    let mut files = [0, 1];
    if tape.chance(500) {
        files.reverse();
    }
    for (nth, at) in files.into_iter().enumerate() {
        if before.file(at) == after.file(at) {
            continue;
        }
        if nth > 0 {
            sleep(Duration::from_millis(tape.between(0, SAVES_MAX) as u64)).await;
            let moved = after
                .wanted
                .iter()
                .filter(|(number, file)| before.wanted.get(number).is_some_and(|earlier| earlier != *file));
            let moved = moved.count() as u64;
            *host.lock().tried.entry("lines that moved between two saves").or_default() += moved;
        }
        save(host, 0, ["a.yaml", "b.yaml"][at], &after.file(at));
        ring(host, 0);
    }
    meant(host, 0, after);
}

pub(super) fn meant(host: &Shared, replica: usize, intention: &Intention) {
    host.lock().replicas[replica].meant.push(intention.wanted.keys().copied().collect());
}

/// The next thing that people want.
pub(super) fn next(before: &Intention, tape: &mut Tape) -> Intention {
    let mut after = Intention { edit: before.edit + 1, ..before.clone() };
    for _ in 0..tape.between(1, 3) {
        let (at, before) = (tape.below(POOL), after.wanted.clone());
        match (after.wanted.get(&at).copied(), tape.below(3)) {
            // The line moves to the other file.
            (Some(file), 0 | 1) => drop(after.wanted.insert(at, 1 - file)),
            (Some(_), _) if after.wanted.len() > 2 => drop(after.wanted.remove(&at)),
            (Some(_), _) => {}
            (None, _) => drop(after.wanted.insert(at, tape.below(2))),
        }
        // A file that names no number any more is taken for one that was cut short.
        if (0..2).any(|file| !after.wanted.values().any(|at| *at == file)) {
            after.wanted = before;
        }
    }
    after
}

/// SIGUSR1 to whoever writes, perhaps in the middle of it, and later SIGUSR2.
pub(super) async fn pause(host: &Shared, tape: &mut Tape) {
    let say = |host: &Shared, is_paused: bool| {
        let mut state = host.lock();
        let now = state.now();
        state.note(|| format!("paused: {is_paused}"));
        for known in &mut state.replicas {
            known.paused_since = is_paused.then_some(now);
            known.paused.send_replace(is_paused);
            known.bell.notify_one();
        }
    };
    if amid_writes(host).await {
        host.lock().count("pauses in the middle of a run");
    }
    say(host, true);
    sleep(Duration::from_secs(tape.between(1, 60) as u64)).await;
    say(host, false);
}

/// A file is away for a while: an editor, `git checkout`, a copy.
pub(super) async fn lose_a_file(host: &Shared, tape: &mut Tape) {
    let folder = host.lock().replicas[0].folder.clone();
    let (file, aside) = (folder.join("b.yaml"), folder.join("away"));
    fs::rename(&file, &aside).expect("a folder of our own");
    host.lock().note(|| "b.yaml is away".to_owned());
    ring(host, 0);
    sleep(Duration::from_millis(tape.between(100, 30_000) as u64)).await;
    fs::rename(&aside, &file).expect("a folder of our own");
    host.lock().note(|| "b.yaml is back".to_owned());
    ring(host, 0);
}

/// Whoever writes, perhaps in the middle of it, cannot reach the Lease's server for a while.
pub(super) async fn cut_off(host: &Shared, tape: &mut Tape) {
    let is_amid = amid_writes(host).await;
    let at = {
        let mut state = host.lock();
        if is_amid && state.lease.is_some() {
            state.count("leaders cut off in the middle of a run");
        }
        state.last_by.map_or_else(|| tape.below(2), |(replica, _)| replica)
    };
    let cut = |is_cut_off: bool| {
        let mut state = host.lock();
        state.replicas[at].is_cut_off = is_cut_off;
        state.note(|| format!("{at}: cut off: {is_cut_off}"));
    };
    cut(true);
    sleep(Duration::from_secs(tape.between(5, 60) as u64)).await;
    cut(false);
}

/// Waits for a write that was just sent; says whether one was.
pub(super) async fn amid_writes(host: &Shared) -> bool {
    let before = host.lock().writes;
    for _ in 0..300 {
        if host.lock().writes > before {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

/// Counts the windows that end while there is something left to write.
pub(super) async fn count_windows(host: &Shared) {
    let Some(shut) = host.lock().shut else { return };
    sleep(shut.begins().saturating_sub(Duration::from_secs(1))).await;
    let before = host.lock().writes;
    sleep(Duration::from_secs(1)).await;
    let mut state = host.lock();
    if state.writes > before {
        state.count("windows that ended within a second of a write");
    }
}
